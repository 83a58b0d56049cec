//! The two system calls that have no safe wrapper.

use rustix::thread::UnshareFlags;

/// The first descriptor that is not a standard stream.
const FIRST_INHERITED: libc::c_uint = 3;
/// How far descriptors are closed one by one where the kernel cannot close a range.
const DESCRIPTORS_MAX: libc::c_int = 65_536;

/// Closes what a careless parent left open. Nothing in this process owns a descriptor yet.
#[expect(unsafe_code, reason = "closing descriptors that nobody owns cannot be expressed safely")]
pub(super) fn close_inherited_descriptors() {
    // SAFETY: called first in a process with one thread, before anything opens a descriptor, so no
    // owned descriptor is closed behind its owner's back. The arguments are plain numbers.
    unsafe {
        let closed =
            libc::syscall(libc::SYS_close_range, FIRST_INHERITED, libc::c_uint::MAX, 0_u32);
        if closed != 0 {
            for descriptor in 3..DESCRIPTORS_MAX {
                libc::close(descriptor);
            }
        }
    }
}

/// Moves this process into new namespaces.
#[expect(unsafe_code, reason = "unshare is unsafe only for the descriptor table")]
pub(super) fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    // SAFETY: the descriptor table is not unshared, which is the case the wrapper warns of.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}
