//! What the guard costs a good request. It asserts nothing about time, which is the machine's; decision
//! 0025 says what was measured, and how.
#![expect(clippy::print_stdout, reason = "a measurement is shown with --nocapture")]

use std::{hint::black_box, sync::Arc, time::Instant};

use futures_util::FutureExt;
use kakehashi_contract::{Identity, Role, Zone};
use kakehashi_kernel::Sha256Digest;
use kakehashi_platform::runtime::{SystemClock, SystemIds};
use tokio_util::sync::CancellationToken;

use super::{Guard, GuardParts, Presence, config::GuardConfig, config::Rate, request::Asked};

const REQUESTS: u32 = 200_000;

fn guard() -> Arc<Guard> {
    let mut config = GuardConfig::default();
    let rate = Rate { per_second: 1_000_000_000, burst: 1_000_000_000 };
    config.limits.certificate_requests = rate;
    config.limits.organisation_requests = rate;
    config.limits.address_requests = rate;
    let record = Arc::new(|_, _| {});
    let parts = GuardParts { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds), record };
    Arc::new(Guard::new(config, parts).unwrap())
}

fn presence(guard: &Guard, device: u32) -> Presence {
    let who = Identity {
        zone: Zone::Municipal,
        role: Role::MunicipalStaff,
        organisation: "141003".to_owned(),
        device: format!("desk-{device}"),
        certificate: Sha256Digest::of(&device.to_be_bytes()),
    };
    let place = guard.connection([192, 0, 2, 1].into()).unwrap();
    guard.arrived(place, &who, None, CancellationToken::new()).unwrap()
}

/// The whole way of a request: admitted, answered, counted.
fn pass(guard: &Arc<Guard>, presence: &Presence, ids: Option<u64>) {
    let observer = presence.observer(guard);
    let template: Arc<str> = "/scans/{scan}".into();
    for _ in 0..REQUESTS {
        guard.enter(presence).unwrap();
        let asked = Asked { template: Arc::clone(&template), is_sign_in: false, ids };
        let admission = guard.admit(presence, asked).now_or_never().unwrap().unwrap();
        guard.answered(presence, black_box(admission), 200);
        observer.moved(black_box(100));
    }
}

#[test]
fn what_a_good_request_costs_is_shown() {
    let guard = guard();
    let one = presence(&guard, 1);
    for (ids, kind) in [(None, "without ids"), (Some(7), "with ids   ")] {
        let started = Instant::now();
        pass(&guard, &one, ids);
        println!("{kind}: {} ns a request", (started.elapsed() / REQUESTS).as_nanos());
    }
    let started = Instant::now();
    std::thread::scope(|scope| {
        for device in 2..4 {
            let guard = &guard;
            scope.spawn(move || pass(guard, &presence(guard, device), None));
        }
    });
    // One organisation's counters in two threads' hands.
    println!("two at once: {} ns a request of each", (started.elapsed() / REQUESTS).as_nanos());
    assert_eq!(guard.status().measures, 0, "nobody was hindered");
}
