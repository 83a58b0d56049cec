//! Listening sockets from whoever had them before, so that a restart refuses no connection.
//!
//! systemd gives them (`LISTEN_FDS`), or the gateway that runs does: over a Unix socket that only our own
//! user may open it sends its listening sockets, is told to end, drains, closes its ledger, and says so.
//! Until then the kernel keeps new connections waiting; the new process accepts them. Connections that are
//! open are not handed over: they end where they are.

use std::{
    fs,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    net::{SocketAddr, TcpListener},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{
            fs::{FileTypeExt, MetadataExt},
            net::UnixStream,
        },
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg, sockopt::socket_peercred,
};
use tokio::{net::UnixListener, task::spawn_blocking};
use tracing::{info, warn};

use crate::control::bind_private;

/// Sockets that are passed at once: one per zone, and the operators'.
const SOCKETS_MAX: usize = 16;
/// For a message from the other process that costs it nothing.
const WORD_TIMEOUT: Duration = Duration::from_secs(10);
/// Beyond the deadline it names, for its ledger to be closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest deadline that is believed.
const ENDING_MAX: Duration = Duration::from_mins(10);
/// After an attempt that came to nothing.
const PAUSE: Duration = Duration::from_millis(50);

/// What comes with the sockets: who speaks, in which version; then milliseconds, big-endian, within which
/// it will have ended.
const SOCKETS: &[u8; 8] = b"KKHS-fd1";
const GREETING_BYTES: usize = 12;
/// The new process takes over: drain and end.
const TAKE: &[u8; 8] = b"KKHS-end";
/// The old process has ended its work.
const DONE: &[u8; 8] = b"KKHS-bye";

/// Why sockets are not handed over.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// systemd gave something else than sockets that listen.
    #[error("what LISTEN_FDS names are not listening sockets")]
    Given(#[source] io::Error),
    /// Something else lies where the socket should be, or others may open it.
    #[error(
        "{path} is not a socket of mode 0600 of our own user: another user may have put it there"
    )]
    NotOurs {
        /// Where.
        path: PathBuf,
    },
    /// Another user's process is at the other end.
    #[error("the process that listens there is another user's")]
    Stranger,
    /// The other process is no gateway of this kind.
    #[error("the process that listens there is no gateway that could hand over")]
    Malformed,
    /// The other process has none of the addresses we are to listen on.
    #[error(
        "the gateway that listens there has none of our addresses: each needs a path of its own"
    )]
    Foreign,
    /// The process before us does not end.
    #[error(
        "the gateway before us did not end within {0:?}: look at its log, end it, and start again"
    )]
    Late(Duration),
    /// The socket cannot be used.
    #[error("the socket cannot be used")]
    Socket(#[from] io::Error),
}

impl From<rustix::io::Errno> for HandoverError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Socket(error.into())
    }
}

/// Sockets that were there before us.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    sockets: Vec<TcpListener>,
    predecessor: Option<Predecessor>,
    has_taken: bool,
}

#[derive(Debug)]
struct Predecessor {
    stream: UnixStream,
    ends_within: Duration,
}

impl Inherited {
    /// Asks systemd, then whoever listens at `path`. Nobody there is no error. Blocks.
    ///
    /// # Errors
    ///
    /// [`HandoverError`] when there is somebody who does not give.
    pub(crate) fn gather(path: Option<&Path>) -> Result<Self, HandoverError> {
        let mut given = listenfd::ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..given.len() {
            let socket = given.take_tcp_listener(index).map_err(HandoverError::Given)?;
            sockets.extend(socket);
        }
        let mut inherited = Self { sockets, ..Self::default() };
        let Some(path) = path else { return Ok(inherited) };
        let found = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(inherited),
            found => found?,
        };
        let is_private = found.mode() & 0o777 == 0o600;
        if !(found.file_type().is_socket() && is_private && is_us(found.uid())) {
            return Err(HandoverError::NotOurs { path: path.to_owned() });
        }
        let stream = match UnixStream::connect(path) {
            // Left behind by a process that was killed.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(inherited),
            connected => connected?,
        };
        check_peer(&stream)?;
        stream.set_read_timeout(Some(WORD_TIMEOUT))?;
        stream.set_write_timeout(Some(WORD_TIMEOUT))?;
        let (sockets, ends_within) = receive(&stream)?;
        inherited.sockets.extend(sockets.into_iter().map(TcpListener::from));
        inherited.predecessor = Some(Predecessor { stream, ends_within });
        Ok(inherited)
    }

    /// Answers the socket that listens at `address`, if it is among them.
    pub(crate) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let is_it = |socket: &TcpListener| socket.local_addr().is_ok_and(|at| at == address);
        let found = self.sockets.iter().position(is_it)?;
        self.has_taken = true;
        Some(self.sockets.swap_remove(found))
    }

    /// Tells the process before us to end, and waits until it has. Answers how long its ledger may still be
    /// locked, if there was one that did not say it has ended. Blocks.
    ///
    /// # Errors
    ///
    /// [`HandoverError`] when it is not ours to end, or does not end in time.
    pub(crate) fn succeed(self) -> Result<Option<Duration>, HandoverError> {
        for left in &self.sockets {
            let address = left.local_addr()?;
            warn!(%address, "a socket was given that no listener is configured for: it is closed");
        }
        let Some(Predecessor { mut stream, ends_within }) = self.predecessor else {
            return Ok(None);
        };
        if !self.has_taken {
            return Err(HandoverError::Foreign);
        }
        info!("taking over from the gateway that runs, which ends within {ends_within:?}");
        stream.write_all(TAKE)?;
        let patience = ends_within + CLOSE_TIMEOUT;
        stream.set_read_timeout(Some(patience))?;
        let mut word = [0; DONE.len()];
        match stream.read_exact(&mut word) {
            Ok(()) if &word == DONE => Ok(None),
            Ok(()) => Err(HandoverError::Malformed),
            Err(error) if is_timeout(&error) => Err(HandoverError::Late(patience)),
            Err(error) => {
                // It was killed, or told by somebody else to end as well: its ledger says when it is gone.
                warn!(%error, "the gateway before us ends without a word");
                Ok(Some(patience))
            }
        }
    }
}

/// The side that gives.
#[derive(Debug)]
pub(crate) struct Handover {
    path: PathBuf,
    sockets: Arc<Vec<OwnedFd>>,
    ends_within: Duration,
    listener: UnixListener,
}

/// A successor that waits for us to end.
#[derive(Debug)]
pub(crate) struct Successor(UnixStream);

impl Handover {
    /// Makes the socket at `path`, in place of one that was there. `ends_within` is what a successor may
    /// have to wait.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or there are too many sockets.
    pub(crate) fn open(
        path: &Path,
        sockets: Vec<OwnedFd>,
        ends_within: Duration,
    ) -> Result<Self, HandoverError> {
        if sockets.len() > SOCKETS_MAX {
            return Err(io::Error::other("too many sockets to hand over").into());
        }
        let listener = bind_private(path)?;
        let (path, sockets) = (path.to_owned(), Arc::new(sockets));
        Ok(Self { path, sockets, ends_within, listener })
    }

    /// Waits until a successor has the sockets and takes over. Dropped before, it leaves the socket's file,
    /// which [`Self::withdraw`] removes.
    pub(crate) async fn wait(&self) -> Successor {
        loop {
            match self.try_give().await {
                Ok(successor) => return successor,
                Err(error) => {
                    warn!(%error, "a process asked for our sockets and did not take over");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn try_give(&self) -> Result<Successor, HandoverError> {
        let (stream, _) = self.listener.accept().await?;
        let stream = stream.into_std()?;
        let (sockets, ends_within) = (Arc::clone(&self.sockets), self.ends_within);
        let giving = spawn_blocking(move || give(stream, &sockets, ends_within));
        giving.await.map_err(io::Error::other)?
    }

    /// Takes the socket away: nobody can take over any more.
    pub(crate) fn withdraw(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            warn!(%error, "the socket for handing over stays");
        }
    }
}

impl Successor {
    /// Says that we have ended.
    pub(crate) fn release(mut self) {
        if let Err(error) = self.0.write_all(DONE) {
            warn!(%error, "the new process is gone");
        }
    }
}

/// Sends the sockets, and waits until they are wanted.
fn give(
    mut stream: UnixStream,
    sockets: &[OwnedFd],
    ends_within: Duration,
) -> Result<Successor, HandoverError> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(WORD_TIMEOUT))?;
    stream.set_write_timeout(Some(WORD_TIMEOUT))?;
    check_peer(&stream)?;
    let descriptors: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let is_room = control.push(SendAncillaryMessage::ScmRights(&descriptors));
    debug_assert!(is_room, "the number was checked when the socket was made");
    let milliseconds = u32::try_from(ends_within.as_millis()).unwrap_or(u32::MAX).to_be_bytes();
    let greeting = [IoSlice::new(SOCKETS), IoSlice::new(&milliseconds)];
    if sendmsg(&stream, &greeting, &mut control, SendFlags::NOSIGNAL)? != GREETING_BYTES {
        return Err(io::Error::from(io::ErrorKind::WriteZero).into());
    }
    let mut word = [0; TAKE.len()];
    stream.read_exact(&mut word)?;
    if &word == TAKE { Ok(Successor(stream)) } else { Err(HandoverError::Malformed) }
}

fn receive(stream: &UnixStream) -> Result<(Vec<OwnedFd>, Duration), HandoverError> {
    let (mut word, mut milliseconds) = ([0; SOCKETS.len()], [0; 4]);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut pieces = [IoSliceMut::new(&mut word), IoSliceMut::new(&mut milliseconds)];
    let got = match recvmsg(stream, &mut pieces, &mut control, RecvFlags::CMSG_CLOEXEC) {
        Err(rustix::io::Errno::AGAIN) => return Err(HandoverError::Malformed),
        got => got?,
    };
    let mut found = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            found.extend(descriptors);
        }
    }
    if got.bytes != GREETING_BYTES || &word != SOCKETS {
        return Err(HandoverError::Malformed);
    }
    let ends_within = Duration::from_millis(u32::from_be_bytes(milliseconds).into());
    Ok((found, ends_within.min(ENDING_MAX)))
}

/// Only our own user takes part, whatever the file's mode says.
fn check_peer(stream: &UnixStream) -> Result<(), HandoverError> {
    let peer = socket_peercred(stream)?.uid.as_raw();
    if is_us(peer) { Ok(()) } else { Err(HandoverError::Stranger) }
}

fn is_us(uid: u32) -> bool {
    uid == rustix::process::geteuid().as_raw()
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Place {
        folder: tempfile::TempDir,
        socket: TcpListener,
    }

    impl Place {
        fn new() -> Self {
            let socket = TcpListener::bind("127.0.0.1:0").unwrap();
            Self { folder: tempfile::tempdir().unwrap(), socket }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("handover")
        }

        fn address(&self) -> SocketAddr {
            self.socket.local_addr().unwrap()
        }

        fn open(&self) -> Handover {
            let sockets = vec![self.socket.as_fd().try_clone_to_owned().unwrap()];
            Handover::open(&self.path(), sockets, SECOND).unwrap()
        }
    }

    /// Gathers, takes `address` and succeeds.
    async fn succeed(path: PathBuf, address: SocketAddr) -> Result<TcpListener, HandoverError> {
        let succeeding = spawn_blocking(move || {
            let mut inherited = Inherited::gather(Some(&path))?;
            let socket = inherited.take(address);
            inherited.succeed()?;
            Ok(socket.expect("the socket is among them"))
        });
        succeeding.await.unwrap()
    }

    #[tokio::test]
    async fn sockets_go_from_one_to_the_other_and_keep_who_waits() {
        let place = Place::new();
        let handover = place.open();
        let mode = fs::metadata(place.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (path, address) = (place.path(), place.address());
        let waits = std::net::TcpStream::connect(address).unwrap();
        drop(place.socket);
        let giving = async { handover.wait().await.release() };
        let ((), taken) = tokio::join!(giving, succeed(path, address));
        assert_eq!(taken.unwrap().accept().unwrap().1, waits.local_addr().unwrap());
    }

    #[tokio::test]
    async fn nobody_there_or_a_socket_left_behind_is_no_error() {
        let place = Place::new();
        for _ in ["no file", "a file nobody listens at"] {
            let mut inherited = Inherited::gather(Some(&place.path())).unwrap();
            assert!(inherited.take(place.address()).is_none());
            assert_eq!(inherited.succeed().unwrap(), None);
            drop(place.open());
            assert!(place.path().exists());
        }
        let handover = place.open();
        handover.withdraw();
        assert!(!place.path().exists());
    }

    #[tokio::test]
    async fn what_others_could_have_put_there_is_not_asked() {
        let place = Place::new();
        let _handover = place.open();
        for mode in [0o660, 0o606, 0o666] {
            fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
            let refused = Inherited::gather(Some(&place.path()));
            assert!(matches!(refused, Err(HandoverError::NotOurs { .. })), "{mode:o} {refused:?}");
        }
        fs::remove_file(place.path()).unwrap();
        fs::write(place.path(), "").unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o600)).unwrap();
        let refused = Inherited::gather(Some(&place.path()));
        assert!(matches!(refused, Err(HandoverError::NotOurs { .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn a_socket_of_something_else_is_refused() {
        let place = Place::new();
        let listener = bind_private(&place.path()).unwrap().into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        let path = place.path();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"220 mail.example ready").unwrap();
        });
        let refused = Inherited::gather(Some(&path));
        assert!(matches!(refused, Err(HandoverError::Malformed)), "{refused:?}");
        answering.join().unwrap();
    }

    #[tokio::test]
    async fn who_has_none_of_our_addresses_is_not_told_to_end() {
        let (place, other) = (Place::new(), Place::new());
        let handover = place.open();
        let (path, address) = (place.path(), other.address());
        let foreign = spawn_blocking(move || {
            let mut inherited = Inherited::gather(Some(&path))?;
            assert!(inherited.take(address).is_none());
            inherited.succeed()
        });
        let refused = tokio::select! {
            _ = handover.wait() => panic!("told to end"),
            refused = foreign => refused.unwrap(),
        };
        assert!(matches!(refused, Err(HandoverError::Foreign)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_process_that_asks_and_goes_away_changes_nothing() {
        let place = Place::new();
        let handover = place.open();
        let (path, address) = (place.path(), place.address());
        drop(UnixStream::connect(&path).unwrap());
        // And one that is killed while it ends is as good as one that says so.
        let ((), taken) =
            tokio::join!(async { drop(handover.wait().await) }, succeed(path, address));
        assert_eq!(taken.unwrap().local_addr().unwrap(), address);
    }
}
