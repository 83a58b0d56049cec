//! Certificates and revocation lists that change while the gateway works.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use kakehashi_contract::Zone;
use kakehashi_platform::pki::{SystemSerials, Validity};
use rustix::process::{Signal, getpid, kill_process};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::house::{House, NOW, municipality};

/// Longer than anything here may take on a busy machine.
const GIVE_UP: Duration = Duration::from_secs(30);

/// Waits until `is_so`.
async fn until(is_so: impl Fn() -> bool, what: &str) {
    let end = Instant::now() + GIVE_UP;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_files_change_whole_or_broken() {
    // From here on the signal does not end this process.
    let _ours = signal(SignalKind::hangup()).unwrap();
    let house = House::start().await;
    let (done, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let issued = house.issue(&municipality());
    let fresh = Arc::new(house.maker(&issued));
    let mut asking = JoinSet::new();
    for _ in 0..3 {
        let kept = fresh();
        let (url, done, stop) =
            (house.url(Zone::Municipal, "/echo"), Arc::clone(&done), Arc::clone(&stop));
        let fresh = Arc::clone(&fresh);
        asking.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                // One connection that is kept, and one that is new.
                for client in [&kept, &fresh()] {
                    assert_eq!(client.get(&url).await.unwrap().status, 200);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    let folder = house.folder.path();
    let (key, list) = (folder.join("edge.key.pem"), house.public("municipal.crl.pem"));
    for round in 0..20 {
        let validity = Validity::days(NOW, 30);
        let renewed = house.authority.issue_server("edge", validity, &SystemSerials).unwrap();
        match round % 4 {
            0 => drop(renewed.store(folder, "edge").unwrap()),
            // The new key, and still the old certificate.
            1 => fs::write(&key, &renewed.key_pem).unwrap(),
            2 => fs::write(&list, "-----BEGIN X509 CRL-----\nMIIB").unwrap(),
            _ => {
                house.publish();
                renewed.store(folder, "edge").unwrap();
            }
        }
        kill_process(getpid(), Signal::HUP).unwrap();
        let before = done.load(Ordering::Relaxed);
        let is_more = || done.load(Ordering::Relaxed) >= before + 6 || asking.is_empty();
        until(is_more, "requests go on").await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = asking.join_next().await {
        ended.unwrap();
    }
    house.end().await;
}
