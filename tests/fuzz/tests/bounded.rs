//! Every target a bounded time; see README.md for longer runs.

#![expect(clippy::print_stdout, reason = "runs and outcomes are shown with --nocapture")]

use std::time::Duration;

use kakehashi_fuzz::{Budget, TARGETS, drive, named};

/// Per target. Runs end sooner when a target is fast.
const BUDGET: Budget = Budget { time: Duration::from_secs(2), runs: 200_000, seed: 2026 };

#[track_caller]
fn survives(name: &str) {
    let target = named(name).expect("a target of ours");
    let report = drive(target, BUDGET);
    println!("{name}: {} runs, {:?}", report.runs, report.words);
    if let Some(input) = report.crash {
        panic!("{name} panicked on run {}: {:?}", report.runs, input.escape_ascii().to_string());
    }
    assert!(report.words.len() > 1, "{name} takes everything alike: {:?}", report.words);
}

macro_rules! each {
    ($($test:ident $name:literal)*) => {
        $(#[test] fn $test() { survives($name); })*

        #[test]
        fn no_target_is_forgotten() {
            let here = [$($name),*];
            let missing: Vec<&str> =
                TARGETS.iter().map(|target| target.name).filter(|name| !here.contains(name)).collect();
            assert!(missing.is_empty(), "{missing:?} are never run");
        }
    };
}

each! {
    an_identity "identity"
    a_client_cert_header "client-cert"
    a_reception "reception"
    an_http1_stream "http1"
    an_http2_stream "http2"
    headers "headers"
    a_host "host"
    a_client_hello "hello"
    a_refused_certificate "note"
    a_path "path"
    a_parameter "parameter"
    a_head_before_the_policy "admission"
    a_certification_request "csr"
    an_enrolment "enrolment"
    a_renewal "renewal"
    a_declaration "declaration"
    an_inspector_s_answer "frame"
    a_pdf "pdf"
    a_return "return"
    a_batch "batch"
    a_table "table"
    a_typed_answer "typed"
    an_age_file "age"
    a_sealed_batch "sealed-batch"
    a_sealed_object "object"
}
