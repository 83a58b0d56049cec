//! `seal`: only what passes, whole or not at all.

use std::{io::Write, process::Stdio};

use crate::sample::{Desk, batch, good, nameless};

#[test]
fn only_what_passes_is_sealed_and_the_rest_is_named() {
    let desk = Desk::with_keys();
    desk.write("b.xml", batch(&[good(1), nameless(2), good(3)]));
    let ran = desk.run(&["seal", "b.xml", "--out", "out.age", "--errors", "e.csv"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("2 件を封入しました"), "{}", ran.out);
    assert!(ran.err.contains("除外: b.xml #2 K-000002"), "{}", ran.err);
    assert!(!desk.errors("e.csv").is_empty());
    let opened = desk.run(&["open", "out.age", "--identity", "registry.key", "--out", "got"]);
    assert_eq!(opened.code, 0, "{opened:?}");
    let xml = String::from_utf8(desk.read("got/batch.xml")).unwrap();
    assert!(xml.contains("K-000001") && !xml.contains("K-000002") && xml.contains("K-000003"));
    let manifest = String::from_utf8(desk.read("got/manifest.json")).unwrap();
    assert!(manifest.contains("\"forms_count\": 2") && manifest.contains("\"left_out\": 1"));
    let again = desk.run(&["check", "got/batch.xml"]);
    assert_eq!(again.code, 0, "{again:?}");
}

#[test]
fn nothing_is_sealed_when_nothing_passes_or_keys_are_missing() {
    let desk = Desk::with_keys();
    desk.write("b.xml", batch(&[nameless(1)]));
    assert_eq!(desk.run(&["seal", "b.xml", "--out", "out.age"]).code, 1);
    let bare = Desk::new();
    bare.write("b.xml", batch(&[good(1)]));
    assert_eq!(bare.run(&["seal", "b.xml", "--out", "out.age"]).code, 78);
    assert!(!desk.path("out.age").exists() && !bare.path("out.age").exists());
}

#[test]
fn a_batch_that_is_there_is_replaced_only_by_force() {
    let desk = Desk::with_keys();
    desk.write("b.xml", batch(&[good(1)]));
    desk.write("out.age", "precious");
    assert_eq!(desk.run(&["seal", "b.xml", "--out", "out.age"]).code, 73);
    assert_eq!(desk.read("out.age"), b"precious");
    assert_eq!(desk.run(&["seal", "b.xml", "--out", "out.age", "--force"]).code, 0);
    assert!(desk.read("out.age").starts_with(b"age-encryption.org/v1\n"));
}

#[test]
fn two_batches_of_the_same_forms_differ_on_disk() {
    let desk = Desk::with_keys();
    desk.write("b.xml", batch(&[good(1)]));
    for name in ["1.age", "2.age"] {
        assert_eq!(desk.run(&["seal", "b.xml", "--out", name]).code, 0);
    }
    assert_ne!(desk.read("1.age"), desk.read("2.age"));
}

/// The tool waits for the rest of its input when it is killed: it has read and kept forms by then.
#[test]
fn killed_while_sealing_it_leaves_no_batch_and_nothing_readable() {
    let desk = Desk::with_keys();
    let marked: Vec<_> =
        (0..300).map(|index| crate::sample::named(index, "架橋　目印太郎")).collect();
    let xml = batch(&marked);
    let mut tool = desk.tool(&["seal", "-", "--out", "out.age", "--errors", "e.csv"]);
    let mut child =
        tool.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // More than a pipe holds, so most of it has been read when this returns.
    assert!(xml.len() > 500_000, "{}", xml.len());
    input.write_all(&xml[..xml.len() - 20]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(input);
    let names = desk.names();
    assert!(!names.contains(&"out.age".to_owned()), "{names:?}");
    assert!(!names.contains(&"e.csv".to_owned()), "{names:?}");
    let name = "目印太郎".as_bytes();
    for file in names.iter().filter(|file| desk.path(file).is_file()) {
        let bytes = desk.read(file);
        assert!(!bytes.windows(name.len()).any(|window| window == name), "{file}");
    }
    // And the next run is not in its way.
    desk.write("b.xml", xml);
    assert_eq!(desk.run(&["seal", "b.xml", "--out", "out.age"]).code, 0);
}

#[test]
fn forms_accepted_in_part_say_so_in_the_batch() {
    let desk = Desk::with_keys();
    desk.write("b.xml", batch(&[good(1), nameless(2)]));
    let ran = desk.run(&["seal", "b.xml", "--out", "out.age", "--partial"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = desk.run(&["open", "out.age", "--identity", "registry.key", "--out", "got"]);
    assert!(ran.code == 0 && !ran.out.contains("エラー"), "{ran:?}");
    let xml = String::from_utf8(desk.read("got/batch.xml")).unwrap();
    assert_eq!(xml.matches("partial=\"true\"").count(), 1);
    assert_eq!(desk.run(&["check", "got/batch.xml"]).code, 1, "it is not whole");
}
