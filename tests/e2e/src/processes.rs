//! What runs on this machine, from `/proc`.

use std::fs;

use rustix::process::Pid;

/// Answers the processes of a group that have not ended, as `pid command state`.
///
/// One that has ended but that nobody has waited for counts as ended.
pub fn of_group(group: Pid) -> Vec<String> {
    let group = group.as_raw_nonzero().get().to_string();
    all(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command, in parentheses, may hold anything; after it: state, parent, group.
        let (head, tail) = stat.rsplit_once(')')?;
        let mut fields = tail.split_whitespace();
        let state = fields.next()?;
        let is_member = fields.nth(1)? == group;
        (is_member && !matches!(state, "Z" | "X")).then(|| format!("{head}) {state}"))
    })
}

/// Answers the processes whose command line names `text`.
pub fn naming(text: &str) -> Vec<String> {
    all(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(text).then(|| format!("{pid} {line}"))
    })
}

fn all(look: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.bytes().all(|b| b.is_ascii_digit())).filter_map(|p| look(&p)).collect()
}
