//! Proves the sandbox from inside: this program starts itself again, the child locks itself in with the
//! same call as the inspector and then tries what it must not be able to do.
//!
//! It has no test harness, because the child must have one thread.

use std::{
    env,
    fs::File,
    io::{ErrorKind, Write},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    os::unix::{net::UnixDatagram, process::CommandExt, process::ExitStatusExt},
    process::{Command, ExitCode, Output},
};

use kakehashi_ingest_core::inspection::frame::Layer;
use kakehashi_inspect::sandbox;

/// One claim about the sandbox: its name and how to check it.
type Claim = (&'static str, fn() -> Result<(), String>);

const CLAIMS: &[Claim] = &[
    ("after_entering_the_process_still_works", still_works),
    ("opening_a_file_ends_the_process", || ends_with_sigsys("open")),
    ("creating_a_file_ends_the_process", || ends_with_sigsys("create")),
    ("a_udp_socket_ends_the_process", || ends_with_sigsys("udp")),
    ("a_tcp_socket_ends_the_process", || ends_with_sigsys("tcp")),
    ("a_unix_socket_ends_the_process", || ends_with_sigsys("unix")),
    ("starting_a_program_ends_the_process", || ends_with_sigsys("spawn")),
    ("becoming_a_program_ends_the_process", || ends_with_sigsys("exec")),
    ("starting_a_thread_ends_the_process", || ends_with_sigsys("thread")),
    ("signalling_another_process_ends_the_process", || ends_with_sigsys("kill")),
    ("too_much_memory_ends_the_process", || ends_with("memory", libc::SIGABRT)),
    ("landlock_alone_forbids_files", landlock_alone),
    ("namespaces_alone_forbid_the_network", namespaces_alone),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [mode, attempt, rest @ ..] = arguments.as_slice()
        && mode == "try"
    {
        return attempt_inside(attempt, rest.first().map_or("", String::as_str));
    }
    if arguments.iter().any(|argument| argument == "--list") {
        for (name, _) in CLAIMS {
            report(&format!("{name}: test"));
        }
        return ExitCode::SUCCESS;
    }
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let mut failed = 0;
    for (name, check) in CLAIMS {
        if wanted.is_some_and(|part| !name.contains(part.as_str())) {
            continue;
        }
        match check() {
            Ok(()) => report(&format!("test {name} ... ok")),
            Err(why) => {
                failed += 1;
                report(&format!("test {name} ... FAILED: {why}"));
            }
        }
    }
    report(&format!("\ntest result: {failed} failed"));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output is open");
}

fn run(attempt: &str, argument: &str) -> Output {
    let itself = env::current_exe().expect("a running program has a path");
    // As the parent of the inspector does. RUST_BACKTRACE, for one, makes an abort read files.
    Command::new(itself)
        .env_clear()
        .args(["try", attempt, argument])
        .output()
        .expect("the child starts")
}

fn still_works() -> Result<(), String> {
    let output = run("nothing", "");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success() && said.starts_with("inside")).then_some(()).ok_or(said)
}

fn ends_with_sigsys(attempt: &str) -> Result<(), String> {
    ends_with(attempt, libc::SIGSYS)
}

fn ends_with(attempt: &str, signal: i32) -> Result<(), String> {
    let output = run(attempt, "");
    let said = String::from_utf8_lossy(&output.stdout);
    // "inside" shows that it got into the sandbox, the missing "survived" that it got no further.
    let as_expected = output.status.signal() == Some(signal) && said.trim() == "inside";
    as_expected.then_some(()).ok_or(format!("{}; said {said:?}", output.status))
}

/// A machine without the layer has to say so; that is the claim there.
fn layer_alone(attempt: &str, argument: &str) -> Result<(), String> {
    let output = run(attempt, argument);
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match said.as_str() {
        "refused" => Ok(()),
        "unavailable" => {
            report("    (this kernel or container does not offer the layer; reported as degraded)");
            Ok(())
        }
        _ => Err(format!("{}; said {said:?}", output.status)),
    }
}

fn landlock_alone() -> Result<(), String> {
    layer_alone("landlock", "")
}

fn namespaces_alone() -> Result<(), String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|why| why.to_string())?;
    let port = listener.local_addr().map_err(|why| why.to_string())?.port();
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|why| format!("outside: {why}"))?;
    layer_alone("namespaces", &port.to_string())
}

/// The child: enters, says so, tries, and says whether it survived.
fn attempt_inside(attempt: &str, argument: &str) -> ExitCode {
    match attempt {
        "landlock" => {
            let layer = sandbox::forbid_files();
            return one_layer(layer, File::open("/etc/passwd").map(drop));
        }
        "namespaces" => {
            let layer = sandbox::leave_namespaces();
            let port: u16 = argument.parse().expect("the parent passes a port");
            return one_layer(layer, TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map(drop));
        }
        _ => {}
    }
    if sandbox::enter().is_err() {
        report("no sandbox");
        return ExitCode::FAILURE;
    }
    report("inside");
    let survived = match attempt {
        "nothing" => return ExitCode::SUCCESS,
        "open" => File::open("/etc/passwd").is_ok(),
        "create" => File::create("/tmp/kakehashi-sandbox-test").is_ok(),
        "udp" => UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).is_ok(),
        "tcp" => TcpStream::connect((Ipv4Addr::LOCALHOST, 9)).is_ok(),
        "unix" => UnixDatagram::unbound().is_ok(),
        "spawn" => Command::new("/bin/true").spawn().is_ok(),
        "exec" => Command::new("/bin/true").exec().kind() == ErrorKind::NotFound,
        "thread" => std::thread::Builder::new().spawn(|| ()).is_ok(),
        "kill" => {
            let parent = rustix::process::getppid().expect("the test has a parent");
            rustix::process::kill_process(parent, rustix::process::Signal::WINCH).is_ok()
        }
        "memory" => std::hint::black_box(vec![1_u8; 3 << 30]).len() > 1,
        other => panic!("no such attempt: {other}"),
    };
    report(&format!("survived: {survived}"));
    ExitCode::SUCCESS
}

fn one_layer(layer: Layer, attempt: std::io::Result<()>) -> ExitCode {
    report(match (layer.is_enforced(), attempt) {
        (false, _) => "unavailable",
        (true, Err(_)) => "refused",
        (true, Ok(())) => "survived",
    });
    ExitCode::SUCCESS
}
