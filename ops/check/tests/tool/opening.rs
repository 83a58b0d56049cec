//! `open`, against what `seal` made, what Debian's `age` made, and what attackers make.

use kakehashi_kernel::{CivilDate, Sha256Digest};
use kakehashi_seal::{
    Entropy,
    age::Recipient,
    batch::{BatchManifest, BatchSealer, SenderKey},
};

use crate::sample::{Desk, Ran, batch, good};

fn sealed() -> Desk {
    let desk = Desk::with_keys();
    desk.write("b.xml", batch(&[good(1), good(2)]));
    let ran = desk.run(&["seal", "b.xml", "--out", "out.age"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    desk
}

fn open(desk: &Desk, name: &str) -> Ran {
    desk.run(&["open", name, "--identity", "registry.key", "--out", &format!("{name}.d")])
}

/// Takes a batch apart as a person would.
fn unpack(desk: &Desk) {
    let ran = desk.other("age", &["-d", "-i", "registry.key", "-o", "out.tar", "out.age"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = desk.other("tar", &["-xf", "out.tar"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// Puts one together as a person would.
fn pack(desk: &Desk, name: &str) {
    let ran = desk.other("tar", &["-cf", "made.tar", "manifest.json", "manifest.sig", "batch.xml"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let recipients = ["-R", "keys/recipients.txt", "-o", name, "made.tar"];
    let ran = desk.other("age", &recipients);
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn replace(desk: &Desk, name: &str, from: &str, to: &str) {
    let text = String::from_utf8(desk.read(name)).unwrap();
    assert!(text.contains(from), "{name} has no {from}");
    desk.write(name, text.replacen(from, to, 1));
}

#[track_caller]
fn refused(ran: &Ran, code: &str) {
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.starts_with(&format!("[{code}] ")), "{ran:?}");
}

#[test]
fn debian_age_opens_what_seal_writes() {
    let desk = sealed();
    unpack(&desk);
    let manifest = String::from_utf8(desk.read("manifest.json")).unwrap();
    assert!(manifest.contains("\"sender\": \"1310000001\""), "{manifest}");
    let ran = desk.run(&["check", "batch.xml"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_batch_made_by_hand_with_age_is_accepted() {
    let desk = sealed();
    unpack(&desk);
    pack(&desk, "hand.age");
    let ran = open(&desk, "hand.age");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(desk.read("hand.age.d/batch.xml"), desk.read("batch.xml"));
    let twice = open(&desk, "hand.age");
    assert_eq!(twice.code, 73, "what is there is not overwritten: {twice:?}");
}

#[test]
fn an_armoured_file_is_refused_with_what_to_do() {
    let desk = sealed();
    let ran = desk.other("age", &["-a", "-R", "keys/recipients.txt", "-o", "a.age", "b.xml"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    refused(&open(&desk, "a.age"), "armoured");
}

#[test]
fn what_age_encrypted_and_is_no_batch_is_refused() {
    let desk = sealed();
    assert_eq!(desk.other("age", &["-R", "keys/recipients.txt", "-o", "x.age", "b.xml"]).code, 0);
    refused(&open(&desk, "x.age"), "not-a-batch");
    refused(&open(&desk, "b.xml"), "not-age");
}

#[test]
fn another_key_does_not_open_it() {
    let desk = sealed();
    assert_eq!(desk.run(&["keys", "new", "--registry", "other.key"]).code, 0);
    let ran = desk.run(&["open", "out.age", "--identity", "other.key", "--out", "got"]);
    refused(&ran, "not-for-us");
    assert!(!desk.path("got/batch.xml").exists());
}

#[test]
fn a_file_cut_anywhere_is_refused_and_leaves_nothing() {
    let desk = sealed();
    let whole = desk.read("out.age");
    for part in 0..24 {
        let length = whole.len() * part / 24;
        desk.write("cut.age", &whole[..length]);
        let ran = open(&desk, "cut.age");
        assert_eq!(ran.code, 3, "{length} of {}: {ran:?}", whole.len());
        assert!(!desk.path("cut.age.d").exists(), "cut at {length}");
    }
}

#[test]
fn a_flipped_byte_anywhere_is_refused() {
    let desk = sealed();
    let whole = desk.read("out.age");
    for part in 0..24 {
        let mut changed = whole.clone();
        changed[whole.len() * part / 24] ^= 4;
        desk.write("flipped.age", &changed);
        assert_eq!(open(&desk, "flipped.age").code, 3, "part {part}");
    }
}

#[test]
fn a_manifest_changed_by_hand_is_refused() {
    let desk = sealed();
    unpack(&desk);
    replace(&desk, "manifest.json", "\"left_out\": 0", "\"left_out\": 9");
    pack(&desk, "changed.age");
    refused(&open(&desk, "changed.age"), "manifest-changed");
}

#[test]
fn forms_changed_by_hand_are_refused() {
    let desk = sealed();
    unpack(&desk);
    replace(&desk, "batch.xml", "K-000002", "K-000009");
    pack(&desk, "changed.age");
    refused(&open(&desk, "changed.age"), "content-changed");
    replace(&desk, "batch.xml", "K-000009", "K-0000099");
    pack(&desk, "longer.age");
    refused(&open(&desk, "longer.age"), "content-changed");
}

#[test]
fn an_unknown_sender_is_refused_with_the_fingerprint_to_compare() {
    let desk = sealed();
    let shown = desk.run(&["keys", "show"]).out;
    let key = shown.lines().position(|line| line.contains("1310000001")).unwrap();
    let fingerprint = shown.lines().nth(key + 1).unwrap().trim().to_owned();
    desk.write("nobody.txt", "# nobody yet\r\n");
    let arguments = ["open", "out.age", "--identity", "registry.key", "--out", "got"];
    let ran = desk.run(&[&arguments[..], &["--senders", "nobody.txt"]].concat());
    refused(&ran, "unknown-sender");
    assert!(ran.err.contains(&fingerprint), "{ran:?}");
}

/// Good enough where nothing is secret.
struct Same;

impl Entropy for Same {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// Seals what lies unpacked, with the manifest changed by the sender itself.
fn seal_changed(desk: &Desk, name: &str, change: impl Fn(&mut BatchManifest)) {
    let mut manifest: BatchManifest = serde_json::from_slice(&desk.read("manifest.json")).unwrap();
    let content = desk.read("batch.xml");
    manifest.content.bytes = content.len() as u64;
    manifest.content.digest = Sha256Digest::of(&content);
    change(&mut manifest);
    let key = String::from_utf8(desk.read("keys/sender.key")).unwrap();
    let key: SenderKey = key.lines().last().unwrap().parse().unwrap();
    let recipients = String::from_utf8(desk.read("keys/recipients.txt")).unwrap();
    let recipients: Vec<Recipient> = recipients.lines().map(|line| line.parse().unwrap()).collect();
    let mut out = Vec::new();
    let mut sealer = BatchSealer::new(&manifest, &key, &recipients, 0, &Same, &mut out).unwrap();
    sealer.seal(&content, &mut out).unwrap();
    sealer.finish(&mut out).unwrap();
    desk.write(name, out);
}

#[test]
fn newer_definitions_forms_and_formats_are_refused_by_name() {
    let desk = sealed();
    unpack(&desk);
    seal_changed(&desk, "same.age", |_| {});
    assert_eq!(open(&desk, "same.age").code, 0);
    seal_changed(&desk, "edition.age", |manifest| {
        manifest.definitions.edition = CivilDate::new(2099, 4, 1).unwrap();
    });
    refused(&open(&desk, "edition.age"), "newer-definitions");
    seal_changed(&desk, "form.age", |manifest| {
        "nanbyo/0999-000/2404".clone_into(&mut manifest.forms[0].form);
    });
    refused(&open(&desk, "form.age"), "newer-definitions");
    seal_changed(&desk, "format.age", |manifest| manifest.format = 2);
    refused(&open(&desk, "format.age"), "newer-format");
}

#[test]
fn a_manifest_that_does_not_count_right_is_refused_although_signed() {
    let desk = sealed();
    unpack(&desk);
    seal_changed(&desk, "count.age", |manifest| manifest.forms_count = 3);
    refused(&open(&desk, "count.age"), "content-changed");
    seal_changed(&desk, "digest.age", |manifest| manifest.forms_digest = Sha256Digest::of(b""));
    refused(&open(&desk, "digest.age"), "content-changed");
}

#[test]
fn refusals_are_told_in_english_too() {
    let desk = sealed();
    let arguments = ["open", "b.xml", "--identity", "registry.key", "--out", "got"];
    let ran = desk.run(&[&["--lang", "en"], &arguments[..]].concat());
    assert!(ran.err.contains("not an age file. Name a file made by"), "{ran:?}");
}

#[test]
fn a_sender_speaks_for_itself_only() {
    let desk = sealed();
    unpack(&desk);
    replace(&desk, "batch.xml", "sender=\"1310000001\"", "sender=\"1310000002\"");
    seal_changed(&desk, "other.age", |_| {});
    refused(&open(&desk, "other.age"), "content-changed");
}

#[test]
fn a_manifest_that_says_what_none_can_say_is_refused_although_signed() {
    let desk = sealed();
    unpack(&desk);
    seal_changed(&desk, "format.age", |manifest| manifest.format = 0);
    refused(&open(&desk, "format.age"), "malformed-manifest");
    seal_changed(&desk, "created.age", |manifest| {
        "\u{1B}[2Jyesterday".clone_into(&mut manifest.created);
    });
    refused(&open(&desk, "created.age"), "malformed-manifest");
    assert!(!desk.path("created.age.d").exists(), "a refused batch leaves no folder");
}

#[test]
fn nothing_that_is_there_is_replaced() {
    let desk = sealed();
    for name in ["manifest.json", "manifest.sig", "batch.xml"] {
        let folder = format!("out-{name}");
        desk.write(&format!("{folder}/{name}"), "precious");
        let ran = desk.run(&["open", "out.age", "--identity", "registry.key", "--out", &folder]);
        assert_eq!(ran.code, 73, "{ran:?}");
        assert_eq!(std::fs::read_dir(desk.path(&folder)).unwrap().count(), 1);
        assert_eq!(desk.read(&format!("{folder}/{name}")), b"precious");
    }
}
