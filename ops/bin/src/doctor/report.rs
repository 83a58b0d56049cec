//! The diagnosis for people: one aligned block per step, what to do below it.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::check::{Check, Diagnosis, State, Step};

/// Columns of a line.
const COLUMNS: usize = 100;
/// Columns of a step's name.
const TITLE_COLUMNS: usize = 20;
/// Where findings begin: number, title and state stand before.
const INDENT: usize = 2 + 3 + TITLE_COLUMNS + 10;

/// Renders the whole report.
pub(super) fn render(url: &str, diagnosis: &Diagnosis) -> String {
    let mut text = format!("接続確認 / connection check   {url}\n\n");
    for (number, step) in (1..).zip(Step::ALL) {
        let found: Vec<&Check> =
            diagnosis.checks.iter().filter(|check| check.step == step).collect();
        for (index, check) in found.into_iter().enumerate() {
            let head = if index == 0 { head(number, step) } else { " ".repeat(INDENT - 10) };
            text.push_str(&head);
            text.push_str(&padded(mark(check.state), 10));
            block(check, &mut text);
        }
    }
    text.push('\n');
    text.push_str(&conclusion(diagnosis));
    text
}

fn head(number: usize, step: Step) -> String {
    format!("  {number}  {}", padded(step.title().0, TITLE_COLUMNS))
}

const fn mark(state: State) -> &'static str {
    match state {
        State::Ok => "○ 正常",
        State::NotDone => "－ 未実施",
        State::Warning => "△ 注意",
        State::Failed => "× 失敗",
    }
}

fn block(check: &Check, text: &mut String) {
    if check.state == State::NotDone {
        text.truncate(text.trim_end().len());
        text.push('\n');
        return;
    }
    wrapped(&check.found.ja, text);
    if let Some(remedy) = &check.remedy {
        continued(&format!("{} [{}]", check.found.en, check.code), text);
        continued(&format!("→ 対処：{}", remedy.ja), text);
        if remedy.en != remedy.ja {
            continued(&format!("  {}", remedy.en), text);
        }
    }
}

fn conclusion(diagnosis: &Diagnosis) -> String {
    if let Some(check) = diagnosis.blocked() {
        let number = Step::ALL.iter().position(|step| *step == check.step).unwrap_or(0) + 1;
        let (ja, en) = check.step.title();
        return format!(
            "結果：{number}「{ja}」で止まっています。[{}]\nResult: blocked at step {number}, {en}.\n",
            check.code
        );
    }
    let warnings = diagnosis.checks.iter().filter(|check| check.state == State::Warning).count();
    if warnings == 0 {
        return "結果：接続できます。\nResult: the connection works.\n".to_owned();
    }
    format!(
        "結果：接続できます（注意 {warnings} 件）。\nResult: the connection works, {warnings} to look at.\n"
    )
}

fn continued(line: &str, text: &mut String) {
    text.push_str(&" ".repeat(INDENT));
    wrapped(line, text);
}

/// Breaks a line where it reaches the edge: before a word of Latin letters, between any two others.
fn wrapped(line: &str, text: &mut String) {
    let room = COLUMNS - INDENT;
    let mut used = 0;
    for piece in pieces(line) {
        let width = piece.width();
        // An opening bracket goes with what it opens.
        let room = if piece == "（" || piece == "「" { room.saturating_sub(2) } else { room };
        if used > 0 && used + piece.trim_end().width() > room && !sticks(piece) {
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
            text.push_str(&" ".repeat(INDENT));
            used = 0;
        }
        text.push_str(piece);
        used += width;
    }
    text.push('\n');
}

/// Signs that never begin a line.
fn sticks(piece: &str) -> bool {
    piece.starts_with(['。', '、', '）', '」', '：', '・'])
}

/// Splits into words of narrow signs (with the blanks after them) and single wide signs.
fn pieces(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut last: Option<char> = None;
    for (at, sign) in line.char_indices() {
        let is_wide = |sign: char| sign.width().unwrap_or(0) > 1;
        let is_break =
            last.is_some_and(|last| is_wide(last) || is_wide(sign) || (last == ' ' && sign != ' '));
        if is_break {
            found.push(&line[start..at]);
            start = at;
        }
        last = Some(sign);
    }
    found.push(&line[start..]);
    found
}

fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Text;

    #[test]
    fn findings_stand_below_one_another_whatever_the_width_of_letters() {
        let long = "この端末の日付と時刻を確かめ、正しければ運用窓口へ再発行を依頼してください。"
            .repeat(3);
        let checks = vec![
            Check::ok(Step::Files, "files-ok", Text::new("municipal/x", "municipal/x")),
            Check::failed(
                Step::Dns,
                "dns-unknown",
                Text::new("見つからず", "name"),
                Text::new(long, "ask"),
            ),
        ];
        let report = render("https://localhost:1", &Diagnosis::of(checks));
        for line in report.lines() {
            assert!(line.width() <= COLUMNS + 2, "{line}");
            assert_eq!(line.trim_end(), line);
        }
        let lines: Vec<&str> = report.lines().collect();
        assert!(lines[2].starts_with("  1  設定とファイル"), "{report}");
        let column = |line: &str, text: &str| line.split(text).next().unwrap().width();
        assert_eq!(column(lines[2], "municipal/x"), column(lines[3], "見つからず"));
        assert!(report.contains("2「名前解決（DNS）」で止まっています"), "{report}");
        assert!(report.contains("－ 未実施"), "{report}");
    }

    #[test]
    fn words_are_not_cut() {
        let mut text = String::new();
        wrapped(&"certificate ".repeat(20), &mut text);
        assert!(text.lines().all(|line| line.trim().split(' ').all(|word| word == "certificate")));
    }
}
