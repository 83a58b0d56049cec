//! Names, pipes and places that are not what they seem.

use crate::sample::{Desk, batch, document, good, nameless};

#[test]
fn an_output_that_is_an_input_is_refused_and_the_input_stays() {
    let desk = Desk::with_keys();
    let form = document(&good(1));
    desk.write("in/a.xml", &form);
    for arguments in [
        &["check", "in/a.xml", "--errors", "in/a.xml"][..],
        &["check", "in", "--errors", "in/../in/a.xml"],
        &["seal", "in", "--out", "in/a.xml", "--force"],
        &["seal", "in", "--out", "new.age", "--errors", "./new.age"],
    ] {
        let ran = desk.run(arguments);
        assert_eq!(ran.code, 64, "{arguments:?} {ran:?}");
        assert!(ran.err.contains("別の名前"), "{ran:?}");
    }
    assert_eq!(desk.read("in/a.xml"), form.as_bytes());
    assert!(!desk.path("new.age").exists());
}

#[test]
fn a_file_named_twice_is_read_once() {
    let desk = Desk::new();
    desk.write("in/a.xml", document(&good(1)));
    let ran = desk.run(&["check", "in/a.xml", "in", "./in/a.xml", "--json"]);
    assert!(ran.code == 0 && ran.out.starts_with(r#"{"files":1,"forms":1,"#), "{ran:?}");
}

#[test]
fn a_folder_or_archive_without_forms_is_no_success() {
    let desk = Desk::new();
    desk.write("in/notes.txt", "x");
    let empty = zip::ZipWriter::new(std::io::Cursor::new(Vec::new())).finish().unwrap();
    desk.write("empty.zip", empty.into_inner());
    for name in ["in", "empty.zip"] {
        let ran = desk.run(&["check", name, "--errors", "e.csv"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert_eq!(desk.rows("e.csv")[0][4], "input.empty");
    }
}

#[cfg(unix)]
mod unix {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn no_name_gives_orders_to_the_terminal() {
        let desk = Desk::with_keys();
        desk.write("a\u{1B}[31m\u{202E}b.xml", document(&nameless(1)));
        let escape = "no\u{1B}[31m/x";
        for arguments in [
            &["check", "a\u{1B}[31m\u{202E}b.xml"][..],
            &["check", "a\u{1B}[31m\u{202E}b.xml", "--errors", escape],
            &["check", escape],
            &["seal", "a\u{1B}[31m\u{202E}b.xml", "--out", escape],
            &["open", escape, "--identity", escape, "--out", "got"],
            &["open", escape, "--identity", "registry.key", "--out", "got"],
        ] {
            let ran = desk.run(arguments);
            let all = ran.out + &ran.err;
            assert!(!all.contains('\u{1B}') && !all.contains('\u{202E}'), "{arguments:?} {all:?}");
            assert!(all.contains("[31m"), "{arguments:?} {all:?}");
            assert!(!all.contains(".kakehashi-"), "scratch files are nobody's business: {all}");
        }
    }

    #[test]
    fn a_pipe_in_a_folder_stops_nobody_and_a_named_one_is_read_whole() {
        let desk = Desk::new();
        desk.write("in/a.xml", document(&good(1)));
        assert_eq!(desk.other("mkfifo", &["in/p.xml", "named"]).code, 0);
        let ran = desk.run(&["check", "in", "--errors", "e.csv", "--json"]);
        assert!(ran.code == 2 && ran.out.contains(r#""passed":1"#), "{ran:?}");
        let rows = desk.errors("e.csv");
        assert_eq!((&*rows[0][0], &*rows[0][4]), ("in/p.xml", "input.no-file"));
        let (named, form) = (desk.path("named"), document(&good(2)));
        let writer = std::thread::spawn(move || std::fs::write(named, form));
        let ran = desk.run(&["check", "named", "--json"]);
        assert!(ran.code == 0 && ran.out.contains(r#""passed":1"#), "{ran:?}");
        writer.join().unwrap().unwrap();
    }

    #[test]
    fn a_screen_that_is_gone_stops_no_list_and_a_full_one_is_told() {
        let desk = Desk::new();
        desk.write("b.xml", batch(&[nameless(1)]));
        let mut child = desk
            .tool(&["check", "b.xml", "--errors", "e.csv"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(1));
        assert!(!desk.errors("e.csv").is_empty());
        let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut tool = desk.tool(&["xsd", "nanbyo/0006-000/2403"]);
        assert_eq!(tool.stdout(full()).stderr(full()).status().unwrap().code(), Some(73));
    }
}
