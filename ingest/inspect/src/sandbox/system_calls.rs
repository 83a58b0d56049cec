//! The system calls that remain. Any other one ends the process.

use std::{collections::BTreeMap, process};

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

/// Allowed with any arguments: memory, time, random numbers for hash maps, signals to oneself, ending.
const PLAIN: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
];

/// Installs the filter on every thread.
pub(super) fn restrict() -> Result<(), Error> {
    let program = filter()?;
    seccompiler::apply_filter_all_threads(&program)
}

fn filter() -> Result<BpfProgram, Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        PLAIN.iter().map(|call| (*call, Vec::new())).collect();
    let input = [when(0, SeccompCmpOp::Eq, 0)?];
    let output = [when(0, SeccompCmpOp::Ge, 1)?, when(0, SeccompCmpOp::Le, 2)?];
    let data = [when(2, SeccompCmpOp::MaskedEq(number(libc::PROT_EXEC)), 0)?];
    let own = [when(0, SeccompCmpOp::Eq, u64::from(process::id()))?];
    for (calls, conditions) in [
        (&[libc::SYS_read][..], &input[..]),
        (&[libc::SYS_write, libc::SYS_writev], &output),
        // Memory may not become code.
        (&[libc::SYS_mmap, libc::SYS_mprotect], &data),
        // An abort is a signal to oneself.
        (&[libc::SYS_tgkill], &own),
    ] {
        let rule = SeccompRule::new(conditions.to_vec())?;
        rules.extend(calls.iter().map(|call| (*call, vec![rule.clone()])));
    }
    let architecture = std::env::consts::ARCH.try_into()?;
    let filter =
        SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, architecture)?;
    Ok(filter.try_into()?)
}

fn when(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, Error> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?)
}

/// Flags are small positive numbers.
fn number(flag: libc::c_int) -> u64 {
    u64::try_from(flag).unwrap_or(0)
}
