//! A filled Parkinson form of nobody, as typed.

use std::sync::LazyLock;

use kakehashi_forms::{Answers, Catalogue, Definition};
use kakehashi_kernel::{FormKey, Programme};

pub(crate) fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::builtin().unwrap());
    &CATALOGUE
}

pub(crate) fn parkinson(catalogue: &Catalogue) -> &Definition {
    let key = FormKey::new(Programme::Nanbyo, 6, 0, 2403).unwrap();
    catalogue.definition(key).unwrap()
}

/// Every item a complete new application of a patient without a ventilator answers.
pub(crate) const TYPED: &[(&str, &str)] = &[
    ("recipient_no", "１２３４５６６"),
    ("insurer_no", "138016"),
    ("insured_no", "12-345"),
    ("name_kana", "なんびょう　たろう"),
    ("name_kanji", "難病　太郎"),
    ("postcode", "〒100-0013"),
    ("address", "東京都千代田区架空1-2-3"),
    ("birth_date", "S25.4.3"),
    ("sex", "男"),
    ("birth_prefecture", "東京都"),
    ("birth_city", "千代田区"),
    ("family_history", "1"),
    ("family_relation", "2、11"),
    ("family_relation_other", "おじ"),
    ("onset_ym", "平成30年4月頃"),
    ("diagnosis_date", "R1.5.10"),
    ("severity_judged_date", "令和8年10月1日"),
    ("care_need_cert", "1"),
    ("care_level", "２"),
    ("living_mobility", "2"),
    ("living_selfcare", "2"),
    ("living_activity", "2"),
    ("living_pain", "1"),
    ("living_anxiety", "1"),
    ("tremor", "1"),
    ("rigidity", "1"),
    ("bradykinesia", "1"),
    ("postural", "1"),
    ("image_normal", "1"),
    ("no_drug", "1"),
    ("drug_response", "1"),
    ("hy", "3"),
    ("life", "2"),
    ("wearing_off", "1"),
    ("dyskinesia", "不明"),
    ("ldopa", "600"),
    ("dbs", "2"),
    ("datscan", "未実施"),
    ("mibg", "1"),
    ("vent_use", "2"),
    ("special_notes", "転倒が増えている。\r\n通院は家族の介助による。"),
    ("inst_name", "架空記念病院"),
    ("doctor_no", "1300001234"),
    ("inst_postcode", "1000013"),
    ("inst_address", "東京都千代田区架空4-5-6"),
    ("inst_tel", "03-0000-0000"),
    ("doctor_name", "医師　花子"),
    ("entry_date", "2026/11/01"),
];

/// The sample with some items typed differently; an empty text is blank.
pub(crate) fn with(definition: &Definition, changes: &[(&str, &str)]) -> Answers {
    let mut answers = Answers::new();
    for (item, text) in TYPED.iter().chain(changes) {
        let answer = definition.read(item, text).unwrap_or_else(|finding| panic!("{finding:?}"));
        answers.set(*item, answer);
    }
    answers
}
