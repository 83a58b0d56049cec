//! What the log says of a panic. A process of its own, because the hook is the process's.

use kakehashi_platform::runtime::telemetry;

#[test]
fn a_panic_is_logged_by_its_place_without_its_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    telemetry::start_to_file("info", &path).unwrap();
    let caught = std::panic::catch_unwind(|| panic!("in the middle of 見本　一郎"));
    assert!(caught.is_err());
    let log = std::fs::read_to_string(path).unwrap();
    assert!(log.contains("tests/panic.rs:"), "{log}");
    assert!(!log.contains("見本"), "{log}");
}
