//! Ten thousand forms in one run, in the memory of one thousand.

#![cfg(target_os = "linux")]

use std::{
    io::Write,
    process::{Child, Stdio},
};

use crate::sample::{Desk, batch, good, nameless};

/// Megabytes the two runs may differ by: what allocators do, not what forms hold. The 9,000 forms more are
/// 20 MB of XML.
const DIFFERENCE_MAX_MB: u64 = 4;

/// Runs the tool over `count` forms on its standard input and answers its peak memory in kilobytes, taken
/// while it waits for the last bytes: everything before has gone through it by then.
fn peak_kb(desk: &Desk, arguments: &[&str], count: usize) -> u64 {
    let some: Vec<_> =
        (0..50).map(|index| if index == 9 { nameless(index) } else { good(index) }).collect();
    let xml = String::from_utf8(batch(&some)).unwrap();
    let start = xml.find("  <form").unwrap();
    let end = xml.rfind("</batch>").unwrap();
    let (head, forms) = (&xml[..start], &xml[start..end]);
    let head = head.replace("count=\"50\"", &format!("count=\"{count}\""));
    let mut child = desk
        .tool(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(head.as_bytes()).unwrap();
    for _ in 0..count / 50 {
        input.write_all(forms.as_bytes()).unwrap();
    }
    let peak = high_water_kb(&child);
    input.write_all(b"</batch>\n").unwrap();
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1), "one form in fifty has no name");
    peak
}

fn high_water_kb(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[track_caller]
fn compare(desk: &Desk, arguments: &[&str]) {
    let small = peak_kb(desk, arguments, 1_000);
    let large = peak_kb(
        desk,
        &arguments.iter().map(|a| if *a == "1.age" { "2.age" } else { a }).collect::<Vec<_>>(),
        10_000,
    );
    eprintln!("peak of {arguments:?}: {small} kB for 1,000 forms, {large} kB for 10,000");
    let difference = large.saturating_sub(small);
    assert!(
        difference <= DIFFERENCE_MAX_MB * 1024,
        "{arguments:?}: {small} kB for 1,000 forms, {large} kB for 10,000"
    );
}

#[test]
fn ten_thousand_forms_are_checked_in_the_memory_of_one_thousand() {
    compare(&Desk::new(), &["check", "-", "--errors", "e.csv"]);
}

#[test]
fn ten_thousand_forms_are_sealed_in_the_memory_of_one_thousand() {
    compare(&Desk::with_keys(), &["seal", "-", "--out", "1.age", "--errors", "e.csv"]);
}
