//! The gateway's process is replaced, by hand-over or by systemd, and its clients do not notice.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use kakehashi_e2e::{House, Started, until};
use kakehashi_platform::{
    mtls::{Client, ClientLimits, ClientTls, Protocol},
    pki::CertificateFiles,
    runtime::SystemClock,
};
use tokio::task::JoinSet;

const START: Duration = Duration::from_mins(1);
const END: Duration = Duration::from_secs(40);
/// The gateway answers it itself.
const PAGE: &str = "/.well-known/kakehashi/connection";

/// A house whose municipal listener is at `address`, and whose gateway hands over.
#[track_caller]
fn house(address: SocketAddr) -> House {
    let house = House::new();
    house.furnish();
    house.configure("\"127.0.0.1:8441\"", &format!("\"{address}\""));
    for port in ["8442", "8443"] {
        house.configure(&format!("\"127.0.0.1:{port}\""), "\"127.0.0.1:0\"");
    }
    let path = house.path("handover.sock");
    house.configure("[gateway]\n", &format!("[gateway]\nhandover = \"{}\"\n", path.display()));
    house
}

/// Clients that ask in a loop: each over a connection that is kept, and over new ones.
struct Crowd {
    done: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    asking: JoinSet<()>,
}

impl Crowd {
    fn asks(house: &House, address: SocketAddr) -> Self {
        let files = CertificateFiles::of(&house.path("clients"), "municipality");
        let tls = ClientTls { client: Some(files), root: house.path("certificates/root.pem") };
        let make = move |protocol| {
            let limits = ClientLimits { protocol, ..ClientLimits::default() };
            Client::new(&tls, Arc::new(SystemClock), limits).expect("a client")
        };
        let make = Arc::new(make);
        let port = address.port();
        let (done, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut asking = JoinSet::new();
        for protocol in [Protocol::Http1, Protocol::Http1, Protocol::Http2] {
            let (make, done, stop) = (Arc::clone(&make), Arc::clone(&done), Arc::clone(&stop));
            asking.spawn(async move {
                let url = format!("https://localhost:{port}{PAGE}");
                let kept = make(protocol);
                while !stop.load(Ordering::Relaxed) {
                    for client in [&kept, &make(protocol)] {
                        let answer = client.get(&url).await.expect("an answer");
                        assert_eq!(answer.status, 200);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        Self { done, stop, asking }
    }

    /// Waits for twenty more answers.
    #[track_caller]
    fn is_answered(&self) {
        let before = self.done.load(Ordering::Relaxed);
        until("twenty answers", START, || {
            (self.done.load(Ordering::Relaxed) >= before + 20).then_some(())
        });
    }

    async fn ends(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.asking.join_all().await;
    }
}

/// The ledger that several processes wrote one after another is one chain. Components that never ran have
/// no data to verify: they run once, at an address nobody may have taken meanwhile.
#[track_caller]
fn verifies(house: &House, address: SocketAddr) {
    house.configure(&format!("\"{address}\""), "\"127.0.0.1:0\"");
    let mut all = house.serve();
    listens(&mut all);
    all.terminate();
    all.wait(END).must_succeed();
    house.verify_audit().must_succeed();
}

#[track_caller]
fn listens(gateway: &mut Started) {
    gateway.says("zone=municipal", START);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_hands_over_to_the_next_and_no_request_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let house = house(address);
    let mut gateway = house.serve_gateway(Some(&listener));
    listens(&mut gateway);
    let crowd = Crowd::asks(&house, address);
    // From here on only the gateways keep the socket.
    drop(listener);
    for _ in 0..2 {
        crowd.is_answered();
        let mut next = house.serve_gateway(None);
        listens(&mut next);
        std::mem::replace(&mut gateway, next).wait(END).must_succeed();
    }
    crowd.is_answered();
    crowd.ends().await;
    // One that was killed leaves its file behind, and nobody waits for it.
    gateway.kill();
    assert!(house.path("handover.sock").exists());
    let mut next = house.serve_gateway(None);
    listens(&mut next);
    next.terminate();
    next.wait(END).must_succeed();
    verifies(&house, address);
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_keeps_the_socket_while_the_gateway_is_restarted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let house = house(address);
    let mut gateway = house.serve_gateway(Some(&listener));
    listens(&mut gateway);
    let crowd = Crowd::asks(&house, address);
    for _ in 0..2 {
        crowd.is_answered();
        gateway.terminate();
        gateway.wait(END).must_succeed();
        gateway = house.serve_gateway(Some(&listener));
        listens(&mut gateway);
    }
    crowd.is_answered();
    crowd.ends().await;
    gateway.terminate();
    gateway.wait(END).must_succeed();
    drop(listener);
    verifies(&house, address);
}
