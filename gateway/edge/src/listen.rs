//! Listening sockets: new ones, and those that were there before us.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that the kernel keeps for us while we are busy or change places with another process; the
/// system's own limit (`net.core.somaxconn`) counts too.
const BACKLOG: u32 = 4_096;

/// Listens at an address where nobody did.
///
/// # Errors
///
/// When the address is taken or not ours.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Makes a socket that listens already one of ours.
///
/// # Errors
///
/// When it is none.
pub(crate) fn adopt(socket: std::net::TcpListener) -> io::Result<TcpListener> {
    if !rustix::net::sockopt::socket_acceptconn(&socket)? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket does not listen"));
    }
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}
