//! ZIP archives and folders.

use std::io::{Cursor, Write};

use zip::{ZipWriter, write::SimpleFileOptions};

use crate::sample::{Desk, batch, document, good, nameless};

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn forms_and_batches_in_an_archive_are_checked() {
    let desk = Desk::new();
    let (one, two) = (document(&good(1)), batch(&[good(2), nameless(3)]));
    let entries: [(&str, &[u8]); 5] = [
        ("一件.xml", one.as_bytes()),
        ("sub/two.XML", &two),
        ("readme.txt", b"hello"),
        ("__MACOSX/._one.xml", b"junk"),
        ("sub/.hidden.xml", b"junk"),
    ];
    desk.write("forms.zip", zip(&entries));
    let ran = desk.run(&["check", "forms.zip", "--json", "--errors", "e.csv"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains(r#""files":2,"forms":3,"passed":2,"failed":1"#), "{}", ran.out);
    assert_eq!(desk.errors("e.csv")[0][0], "forms.zip!sub/two.XML");
}

#[test]
fn an_archive_in_an_archive_and_a_damaged_one_are_refused_alone() {
    let desk = Desk::new();
    let one = document(&good(1));
    let inner = zip(&[("one.xml", one.as_bytes())]);
    let entries: [(&str, &[u8]); 2] = [("inner.zip", &inner), ("one.xml", one.as_bytes())];
    let outer = zip(&entries);
    desk.write("cut.zip", &outer[..outer.len() - 30]);
    desk.write("outer.zip", outer);
    let ran = desk.run(&["check", "outer.zip", "cut.zip", "--json", "--errors", "e.csv"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains(r#""forms":1,"passed":1"#), "{}", ran.out);
    let rules: Vec<String> =
        desk.errors("e.csv").into_iter().map(|mut row| row.remove(4)).collect();
    assert_eq!(rules, ["input.zip-nested", "input.zip"]);
}

#[test]
fn an_entry_that_unpacks_to_far_too_much_is_refused_alone() {
    let desk = Desk::new();
    let one = document(&good(1));
    // 300 MB of spaces pack to 300 KB: a thousand to one.
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("bomb.xml", SimpleFileOptions::default()).unwrap();
    writer.write_all(b"<form>").unwrap();
    for _ in 0..300 {
        writer.write_all(&vec![b' '; 1_000_000]).unwrap();
    }
    writer.start_file("one.xml", SimpleFileOptions::default()).unwrap();
    writer.write_all(one.as_bytes()).unwrap();
    desk.write("bomb.zip", writer.finish().unwrap().into_inner());
    let ran = desk.run(&["check", "bomb.zip", "--json"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains(r#""forms":1,"passed":1"#), "{}", ran.out);
}

#[test]
fn a_flipped_byte_in_an_entry_is_noticed() {
    let desk = Desk::new();
    let one = document(&good(1));
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("one.xml", stored).unwrap();
    writer.write_all(one.as_bytes()).unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    let place = bytes.windows(7).position(|window| window == b"</form>").unwrap();
    // Still well-formed XML: only the checksum tells.
    bytes[place + 7] = b' ';
    desk.write("flipped.zip", bytes);
    let ran = desk.run(&["check", "flipped.zip"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn folders_are_read_in_order_with_the_folders_below() {
    let desk = Desk::new();
    desk.write("in/b.xml", document(&nameless(2)));
    desk.write("in/a.XML", document(&nameless(1)));
    desk.write("in/below/c.zip", zip(&[("c.xml", document(&nameless(3)).as_bytes())]));
    desk.write("in/notes.txt", "x");
    desk.write("in/.x.xml", "x");
    let ran = desk.run(&["check", "in", "--errors", "e.csv"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let files: Vec<String> = desk.errors("e.csv").into_iter().map(|row| row[9].clone()).collect();
    assert_eq!(files, ["K-000001", "K-000002", "K-000003"]);
}

#[test]
fn two_entries_of_one_name_are_refused_for_programs_differ_in_which_they_see() {
    let desk = Desk::new();
    let (one, two) = (document(&nameless(1)), document(&good(2)));
    let entries: [(&str, &[u8]); 2] = [("a.xml", one.as_bytes()), ("b.xml", two.as_bytes())];
    let mut bytes = zip(&entries);
    for place in 0..bytes.len() - 5 {
        if &bytes[place..place + 5] == b"b.xml" {
            bytes[place] = b'a';
        }
    }
    desk.write("twice.zip", bytes);
    let ran = desk.run(&["check", "twice.zip", "--errors", "e.csv"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(desk.rows("e.csv")[0][4], "input.zip-repeated");
}

#[test]
fn names_as_windows_writes_them_and_names_that_climb_are_only_names() {
    let desk = Desk::new();
    let form = document(&nameless(1));
    let entries: [(&str, &[u8]); 4] = [
        ("a\\.hidden.xml", b"junk"),
        ("..\\b.xml", form.as_bytes()),
        ("../../c.xml", form.as_bytes()),
        ("/d.xml", form.as_bytes()),
    ];
    desk.write("w.zip", zip(&entries));
    let ran = desk.run(&["check", "w.zip", "--json"]);
    assert!(ran.code == 1 && ran.out.starts_with(r#"{"files":3,"forms":3,"#), "{ran:?}");
    assert_eq!(desk.names(), ["w.zip"]);
}
