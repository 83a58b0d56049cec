//! What people type becomes answers, and answers become their canonical text.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod sample;

use kakehashi_forms::{Answer, Control, DataClass};
use proptest::prelude::*;
use sample::{TYPED, catalogue, parkinson, with};

#[track_caller]
fn reads(item: &str, typed: &str, expected: &str) {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let answer = definition.read(item, typed).unwrap();
    assert_eq!(definition.write(item, &answer), expected, "{item}");
    assert!(definition.read(item, expected).unwrap() == answer, "{item} is not canonical");
}

#[track_caller]
fn refuses(item: &str, typed: &str, rule: &str) {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let finding = definition.read(item, typed).unwrap_err();
    assert_eq!(finding.rule, rule);
    let text = format!("{finding:?}");
    assert!(typed.is_empty() || !text.contains(typed), "the finding repeats what was typed");
}

#[test]
fn people_write_dates_in_many_ways() {
    for typed in ["1950-04-03", "S25.4.3", "昭和25年4月3日", "３２５０４０３", "19500403"]
    {
        reads("birth_date", typed, "1950-04-03");
    }
    reads("onset_ym", "平成30年4月頃", "2018-04");
    reads("onset_ym", "2018", "2018");
    reads("birth_date", "令和 元年 5月 1日", "2019-05-01");
    reads("onset_ym", "平成30年4月日不詳", "2018-04");
    refuses("onset_ym", "春ごろから", "check.format");
}

#[test]
fn a_day_outside_its_era_is_read_with_a_warning() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    for (item, typed, expected) in
        [("birth_date", "昭和64年1月8日", "1989-01-08"), ("onset_ym", "平成35年3月", "2023-03")]
    {
        let reading = definition.read_noting(item, typed).unwrap();
        assert_eq!(definition.write(item, &reading.answer), expected);
        let [note] = &reading.notes[..] else { panic!("{:?}", reading.notes) };
        assert_eq!((note.rule.as_str(), note.is_error()), ("check.era", false));
        assert_eq!(note.item.as_deref(), Some(item));
    }
    assert!(definition.read_noting("birth_date", "昭和64年1月7日").unwrap().notes.is_empty());
}

#[test]
fn numbers_keep_their_meaning_whatever_their_width() {
    reads("care_level", "３", "3");
    reads("ldopa", "１，２００．５", "1200.5");
    reads("ldopa", "600", "600.0");
    reads("ldopa", "600 ｍｇ", "600.0");
    refuses("ldopa", "mg", "check.format");
    refuses("ldopa", "600 kg", "check.format");
    refuses("ldopa", "感度以下", "check.format");
    refuses("ldopa", "100未満", "check.format");
    refuses("care_level", "6", "check.range");
    refuses("ldopa", "-1", "check.range");
    refuses("ldopa", "600.25", "check.format");
    refuses("ldopa", "<100", "check.format");
    refuses("ldopa", "六百", "check.format");
}

#[test]
fn codes_are_read_by_code_and_by_label() {
    reads("sex", "２", "2");
    reads("sex", "女", "2");
    reads("family_relation", "11,2 2", "2 11");
    refuses("hy", "6", "check.format");
    refuses("family_relation", "2,12", "check.format");
}

#[test]
fn not_done_and_unknown_are_answers_only_where_the_form_has_them() {
    reads("ldopa", "未実施", "未実施");
    reads("onset_ym", "不明", "不明");
    reads("datscan", "未実施", "8");
    reads("tremor", "不明", "9");
    refuses("birth_date", "不明", "check.format");
    refuses("hy", "未実施", "check.format");
}

#[test]
fn numbers_that_are_names_keep_their_zeros_and_are_checked() {
    reads("postcode", "〒０１０-０００１", "0100001");
    reads("inst_tel", "(03)1234-5678", "0312345678");
    reads("insurer_no", "01010016", "01010016");
    refuses("insurer_no", "01010017", "check.check-digit");
    refuses("recipient_no", "1234567", "check.check-digit");
    refuses("recipient_no", "12345", "check.format");
    refuses("postcode", "12345678", "check.format");
}

#[test]
fn names_keep_the_code_points_received() {
    // 神 U+FA19 and 祥 U+FA1A would be changed by any Unicode normalisation.
    reads("name_kanji", " \u{FA19}田\u{3000}\u{FA1A}子 ", "\u{FA19}田\u{3000}\u{FA1A}子");
    reads("name_kanji", "髙﨑 𠮷夫", "髙﨑 𠮷夫");
    reads("name_kana", "ナンビョウ・タロー", "ナンビョウ・タロー");
    reads("name_kana", "ﾅﾝﾋﾞｮｳ ﾀﾛｰ", "ナンビョウ タロー");
    refuses("name_kana", "難病太郎", "check.format");
    refuses("name_kanji", "太\u{0}郎", "check.format");
    refuses("name_kanji", "太\n郎", "check.length");
}

#[test]
fn free_text_has_its_length_and_lines() {
    reads("special_notes", "一\r\n二\r三", "一\n二\n三");
    refuses("special_notes", &"あ".repeat(251), "check.length");
    refuses("special_notes", "1\n2\n3\n4\n5\n6\n7\n8", "check.length");
    refuses("special_notes", &"a".repeat(5_000), "check.length");
}

#[test]
fn white_space_alone_is_blank() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    assert!(definition.read("name_kanji", " \u{3000}\n").unwrap() == Answer::Blank);
    assert!(definition.read("no_such_item", "1").is_err());
}

#[test]
fn pages_have_what_they_need_to_show_a_form() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let ids: Vec<_> = definition.sections().iter().map(|section| section.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "administration",
            "basic",
            "diagnosis",
            "severity",
            "research",
            "ventilator",
            "notes",
            "institution"
        ]
    );
    assert_eq!(definition.item("hy").unwrap().control(), Control::Radio);
    assert_eq!(definition.item("family_relation").unwrap().control(), Control::Checkboxes);
    assert_eq!(definition.item("special_notes").unwrap().control(), Control::Area);
    assert_eq!(definition.data_class("name_kanji"), Some(DataClass::Direct));
    assert_eq!(definition.data_class("barthel_total"), Some(DataClass::Medical));
    let pages: std::collections::BTreeSet<u16> = definition.items().map(|item| item.page).collect();
    assert_eq!(pages.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
    let shown = definition.display("sex", &definition.read("sex", "1").unwrap());
    assert_eq!((shown.ja.as_str(), shown.en.as_str()), ("男", "Male"));
    assert_eq!(
        definition.display("ldopa", &definition.read("ldopa", "600").unwrap()).ja,
        "600.0 mg"
    );
}

#[test]
fn a_whole_form_survives_its_canonical_text_and_json() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let answers = with(definition, &[]);
    assert_eq!(answers.len(), TYPED.len());
    for (item, answer) in answers.iter() {
        let text = definition.write(item, answer);
        assert!(definition.read(item, &text).unwrap() == *answer, "{item}");
    }
    let json = serde_json::to_string(&answers).unwrap();
    assert!(serde_json::from_str::<kakehashi_forms::Answers>(&json).unwrap() == answers);
}

proptest! {
    /// Whatever is typed into whatever item: an answer whose canonical text reads back, or a finding.
    #[test]
    fn nothing_typed_breaks_the_reader(place in 0usize..60, typed in "[-0-9a-zA-Z.,/<>=〒年月日元頃昭平令ａ０-９ぁ-ん亜 \\n]{0,20}") {
        let catalogue = catalogue();
        let definition = parkinson(catalogue);
        let item = definition.items().nth(place).unwrap();
        if let Ok(answer) = definition.read(&item.id, &typed) {
            let text = definition.write(&item.id, &answer);
            prop_assert!(definition.read(&item.id, &text).unwrap() == answer);
        }
    }
}
