//! Steps 2 and 3: does the name lead somewhere, and does anybody answer there?

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{
    check::{Check, Step, Text},
    words,
};

/// For an answer of the name service.
const DNS_TIMEOUT: Duration = Duration::from_secs(10);
/// For one connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Addresses that are tried.
const ADDRESSES_MAX: usize = 4;

/// What a process is told to send web traffic through.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Finds the addresses of a host.
pub(super) async fn resolve(host: &str, port: u16) -> (Check, Vec<SocketAddr>) {
    if let Ok(address) = host.parse::<IpAddr>() {
        let found = Text::new(
            format!("{address}（IP アドレスの直接指定）"),
            format!("{address} (an address, no name)"),
        );
        return (Check::ok(Step::Dns, "dns-address", found), vec![(address, port).into()]);
    }
    match timeout(DNS_TIMEOUT, lookup_host((host, port))).await {
        Err(_) => (named(host, "dns-timeout", &words::DNS_TIMEOUT), Vec::new()),
        Ok(Err(_)) => (named(host, "dns-unknown", &words::DNS_UNKNOWN), Vec::new()),
        Ok(Ok(addresses)) => {
            let mut found: Vec<SocketAddr> = addresses.collect();
            found.dedup();
            found.truncate(ADDRESSES_MAX);
            if found.is_empty() {
                return (named(host, "dns-unknown", &words::DNS_UNKNOWN), found);
            }
            (resolved(host, &found), found)
        }
    }
}

fn resolved(host: &str, addresses: &[SocketAddr]) -> Check {
    let shown: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    let shown = shown.join(", ");
    let (mut ja, mut en) = (format!("{host} → {shown}"), format!("{host} is {shown}"));
    if addresses.iter().all(|address| address.ip().is_loopback()) {
        ja.push_str("（この端末自身）");
        en.push_str(" (this machine itself)");
    } else if is_in_hosts(&fs::read_to_string("/etc/hosts").unwrap_or_default(), host) {
        ja.push_str("（hosts ファイルの指定）");
        en.push_str(" (from the hosts file)");
    }
    Check::ok(Step::Dns, "dns-ok", Text::new(ja, en))
}

fn is_in_hosts(hosts: &str, host: &str) -> bool {
    let entries = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    entries
        .flat_map(|line| line.split_whitespace().skip(1))
        .any(|name| name.eq_ignore_ascii_case(host))
}

/// Connects to the first address that answers.
pub(super) async fn connect(addresses: &[SocketAddr]) -> (Check, Option<(TcpStream, Duration)>) {
    let mut last = None;
    for address in addresses {
        let started = Instant::now();
        let error = match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let took = started.elapsed();
                let found = Text::new(
                    format!("{address} に接続（{} ミリ秒）", took.as_millis()),
                    format!("connected to {address} in {} ms", took.as_millis()),
                );
                return (Check::ok(Step::Tcp, "tcp-ok", found), Some((stream, took)));
            }
            Ok(Err(error)) => error.kind(),
            Err(_) => io::ErrorKind::TimedOut,
        };
        // A refusal says more than silence: it is what the reader is told.
        if last.is_none_or(|(_, kind)| kind == io::ErrorKind::TimedOut) {
            last = Some((address, error));
        }
    }
    let check = match last {
        None => words::failed(Step::Tcp, "tcp-failed", &words::TCP_OTHER),
        Some((address, kind)) => {
            let (code, why) = meaning(kind);
            let shown = address.to_string();
            let found = Text::new(format!("{shown}：{}", why.0), format!("{shown}: {}", why.1));
            Check::failed(Step::Tcp, code, found, words::text(why))
        }
    };
    (check, None)
}

const fn meaning(kind: io::ErrorKind) -> (&'static str, &'static words::Words) {
    match kind {
        io::ErrorKind::ConnectionRefused => ("tcp-refused", &words::TCP_REFUSED),
        io::ErrorKind::TimedOut => ("tcp-timeout", &words::TCP_TIMEOUT),
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::NetworkDown => ("tcp-unreachable", &words::TCP_UNREACHABLE),
        io::ErrorKind::PermissionDenied => ("tcp-forbidden", &words::TCP_FORBIDDEN),
        _ => ("tcp-failed", &words::TCP_OTHER),
    }
}

/// Notices a proxy that browsers on this machine may be told to use.
pub(super) fn proxy() -> Option<Check> {
    let name = PROXY_VARIABLES.iter().find(|name| std::env::var_os(name).is_some())?;
    let found = Text::new(
        format!("環境変数 {name} にプロキシが設定されています"),
        format!("the environment variable {name} names a proxy"),
    );
    Some(Check::warning(Step::Tcp, "tcp-proxy", found, words::text(&words::PROXY)))
}

fn named(host: &str, code: &'static str, why: &words::Words) -> Check {
    let found = Text::new(format!("{host}：{}", why.0), format!("{host}: {}", why.1));
    Check::failed(Step::Dns, code, found, words::text(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_is_read_as_the_system_reads_it() {
        let hosts = "127.0.0.1 localhost\n10.0.0.1 gateway.example Gate # other.example\n";
        assert!(is_in_hosts(hosts, "GATEWAY.example"));
        assert!(is_in_hosts(hosts, "gate"));
        assert!(!is_in_hosts(hosts, "10.0.0.1"));
        assert!(!is_in_hosts(hosts, "other.example"));
    }

    #[tokio::test]
    async fn a_refusal_and_silence_are_told_apart() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (check, stream) = connect(&[address]).await;
        assert_eq!((check.code, stream.is_some()), ("tcp-ok", true));
        drop((listener, stream));
        let (check, stream) = connect(&[address]).await;
        assert_eq!((check.code, stream.is_some()), ("tcp-refused", false));
        assert_eq!(meaning(io::ErrorKind::TimedOut).0, "tcp-timeout");
        assert_eq!(meaning(io::ErrorKind::NetworkUnreachable).0, "tcp-unreachable");
    }

    #[tokio::test]
    async fn an_address_needs_no_name_service() {
        let (check, found) = resolve("127.0.0.1", 8441).await;
        assert_eq!((check.code, found.len()), ("dns-address", 1));
        let (check, found) = resolve("localhost", 8441).await;
        assert_eq!((check.code, found.is_empty()), ("dns-ok", false));
        let (check, found) = resolve("no such name", 8441).await;
        assert_eq!((check.code, found.is_empty()), ("dns-unknown", true));
    }
}
