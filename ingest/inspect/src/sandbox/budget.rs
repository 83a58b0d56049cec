//! Resource limits of the inspector: time, memory, output, descriptors, processes.

use kakehashi_kernel::limits;
use rustix::{
    io::Result,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Between the warning signal of the CPU limit, which ends the process, and the kill.
const CPU_GRACE_SECONDS: u64 = 5;
/// Standard input, output and error.
const DESCRIPTORS: u64 = 3;
const STACK_BYTES: u64 = 8 * 1024 * 1024;

/// Limits time, memory and output, and forbids core dumps, which would hold the document.
pub(super) fn limit_work() -> Result<()> {
    lower(
        Resource::Cpu,
        limits::INSPECTION_CPU_SECONDS_MAX,
        limits::INSPECTION_CPU_SECONDS_MAX + CPU_GRACE_SECONDS,
    )?;
    lower_both(Resource::As, limits::INSPECTION_MEMORY_BYTES_MAX)?;
    lower_both(Resource::Fsize, limits::INSPECTION_OUTPUT_BYTES_MAX)?;
    lower_both(Resource::Stack, STACK_BYTES)?;
    lower_both(Resource::Memlock, 0)?;
    lower_both(Resource::Core, 0)
}

/// Forbids new descriptors and processes. After this the other layers can no longer be set up.
pub(super) fn limit_growth() -> Result<()> {
    lower_both(Resource::Nofile, DESCRIPTORS)?;
    lower_both(Resource::Nproc, 0)
}

fn lower_both(resource: Resource, value: u64) -> Result<()> {
    lower(resource, value, value)
}

/// Sets a limit, but never above the one that is in force.
fn lower(resource: Resource, current: u64, maximum: u64) -> Result<()> {
    let ceiling = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let new = Rlimit { current: Some(current.min(ceiling)), maximum: Some(maximum.min(ceiling)) };
    setrlimit(resource, new)
}
