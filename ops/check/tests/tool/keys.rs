//! Keys: made once, shown without secrets, readable by their owner only.

use crate::sample::Desk;

#[test]
fn showing_keys_shows_no_secret() {
    let desk = Desk::with_keys();
    let ran = desk.run(&["keys", "show"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let secret = String::from_utf8(desk.read("keys/sender.key")).unwrap();
    let secret = secret.lines().find(|line| !line.starts_with('#')).unwrap();
    assert!(!ran.out.contains(secret) && !ran.out.to_uppercase().contains("SECRET"), "{ran:?}");
    assert!(ran.out.contains("age1") && ran.out.contains("kakehashi-sender-1"), "{ran:?}");
    assert!(ran.out.contains("1310000001"), "{ran:?}");
}

#[test]
fn a_key_that_is_there_is_never_overwritten() {
    let desk = Desk::with_keys();
    let before = desk.read("keys/sender.key");
    assert_eq!(desk.run(&["keys", "new", "--sender", "1310000002"]).code, 78);
    assert_eq!(desk.read("keys/sender.key"), before);
    let registry = desk.read("registry.key");
    assert_eq!(desk.run(&["keys", "new", "--registry", "registry.key"]).code, 73);
    assert_eq!(desk.read("registry.key"), registry);
}

#[test]
fn mistyped_keys_and_codes_are_wrong_arguments() {
    let desk = Desk::with_keys();
    let text = desk.run(&["keys", "show"]).out;
    let recipient = text.split_whitespace().find(|word| word.starts_with("age1")).unwrap();
    let last = if recipient.ends_with('q') { 'p' } else { 'q' };
    let mistyped = format!("{}{last}", &recipient[..recipient.len() - 1]);
    assert_eq!(desk.run(&["keys", "set", "--recipient", &mistyped]).code, 64);
    assert_eq!(desk.run(&["keys", "new", "--sender", "a b"]).code, 64);
    assert_eq!(desk.run(&["keys", "new"]).code, 64);
    assert!(desk.run(&["keys", "show"]).out.contains(recipient));
}

#[test]
fn showing_before_anything_is_set_says_what_to_do() {
    let desk = Desk::new();
    let ran = desk.run(&["keys", "show"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("keys set --recipient"), "{ran:?}");
    assert!(ran.out.contains("keys new --sender"), "{ran:?}");
}

#[test]
fn a_key_file_that_is_not_one_is_named() {
    let desk = Desk::with_keys();
    desk.write("keys/sender.key", "nonsense");
    let ran = desk.run(&["keys", "show"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(ran.err.contains("sender.key") && !ran.err.contains("nonsense"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn secrets_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::with_keys();
    for name in ["keys/sender.key", "registry.key"] {
        let mode = std::fs::metadata(desk.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn keys_made_by_age_keygen_are_accepted() {
    let desk = Desk::new();
    let made = desk.other("age-keygen", &["-o", "k.txt"]);
    assert_eq!(made.code, 0, "{made:?}");
    let recipient = made.err.split_whitespace().last().unwrap();
    assert_eq!(desk.run(&["keys", "set", "--recipient", recipient]).code, 0);
    let read = desk.other("age-keygen", &["-y", "k.txt"]);
    assert_eq!(read.out.trim(), recipient);
    assert_eq!(desk.run(&["keys", "new", "--registry", "ours.txt"]).code, 0);
    let read = desk.other("age-keygen", &["-y", "ours.txt"]);
    assert!(read.code == 0 && read.out.starts_with("age1"), "{read:?}");
}

#[cfg(unix)]
#[test]
fn a_secret_others_may_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::with_keys();
    assert!(!desk.run(&["keys", "show"]).err.contains("注意"));
    let key = desk.path("keys/sender.key");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = desk.run(&["keys", "show"]);
    assert!(ran.code == 0 && ran.err.contains("注意"), "{ran:?}");
}
