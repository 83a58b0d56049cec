//! Gives up everything a reader of PDFs does not need.
//!
//! Seccomp, resource limits and `no_new_privs` are required; the Landlock and namespace layers depend on
//! kernel and container and are reported. Order matters: what needs a system call or a descriptor comes
//! before the layer that takes it away.

mod budget;
mod raw;
mod system_calls;

use kakehashi_ingest_core::inspection::frame::{Layer, Sandbox};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreated, RulesetError, RulesetStatus, Scope,
};
use rustix::{
    process::{DumpableBehavior, set_dumpable_behavior},
    thread::{UnshareFlags, set_no_new_privs},
};

/// Why the process cannot be locked in. It must not read anything then.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A system call of the set-up failed.
    #[error("the process could not be restricted")]
    Restrict(#[from] rustix::io::Errno),
    /// The system call filter could not be built or installed.
    #[error("the system call filter could not be installed")]
    Filter(#[from] Box<seccompiler::Error>),
}

/// Locks this process in, for good.
///
/// Afterwards it can read standard input, write standard output and error, and use memory; any other
/// system call ends it with `SIGSYS`. Descriptors above 2 are closed. Call it while there is only one
/// thread: Landlock and namespaces hold for the calling thread.
///
/// # Errors
///
/// [`SandboxError`] when a required layer cannot be had. The process is then half restricted and has to
/// end.
pub fn enter() -> Result<Sandbox, SandboxError> {
    raw::close_inherited_descriptors();
    set_no_new_privs(true)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    budget::limit_work()?;
    let namespaces = leave_namespaces();
    let landlock = forbid_files();
    budget::limit_growth()?;
    system_calls::restrict().map_err(Box::new)?;
    Ok(Sandbox { landlock, namespaces })
}

/// Takes away every path, port and socket of others, as far as the kernel knows how.
pub fn forbid_files() -> Layer {
    // A kernel that knows less enforces what it knows.
    const WANTED: ABI = ABI::V6;
    let ruleset = || -> Result<RulesetCreated, RulesetError> {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(WANTED))?
            .handle_access(AccessNet::from_all(WANTED))?
            .scope(Scope::from_all(WANTED))?
            .create()
    };
    let status = ruleset().and_then(RulesetCreated::restrict_self).map(|status| status.ruleset);
    match status {
        Ok(RulesetStatus::FullyEnforced) => Layer::Enforced,
        Ok(RulesetStatus::PartiallyEnforced) => Layer::Partial,
        Ok(RulesetStatus::NotEnforced) | Err(_) => Layer::Unavailable,
    }
}

/// Moves into a network without interfaces and, where allowed, into a user namespace without rights.
pub fn leave_namespaces() -> Layer {
    let outside = UnshareFlags::NEWNET | UnshareFlags::NEWIPC;
    if raw::unshare(outside | UnshareFlags::NEWUSER).is_ok() {
        Layer::Enforced
    } else if raw::unshare(outside).is_ok() {
        Layer::Partial
    } else {
        Layer::Unavailable
    }
}
