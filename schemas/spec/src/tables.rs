//! What a specification says, as tables.

use kakehashi_forms::{
    AllowedState, Applications, Carry, DataClass, Definition, Item, Kind, SetText, Severity,
};

use crate::{Table, format};

/// Answers the tables of a form version, in the order they are read.
pub fn tables(definition: &Definition) -> Vec<Table> {
    let all = [
        overview(definition),
        items(definition),
        codes(definition),
        checks(definition),
        calculations(definition),
        conditions(definition),
        classes(definition),
        common_checks(),
        format::exchange(definition),
    ];
    all.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn overview(definition: &Definition) -> Table {
    let day = |date: Option<kakehashi_kernel::CivilDate>| {
        date.map_or_else(|| "定めなし".to_owned(), |date| date.to_string())
    };
    let half = |has: bool| if has { "あり" } else { "機械判定なし" }.to_owned();
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("様式", definition.key().to_string()),
        row("疾病名", definition.name().ja.clone()),
        row("疾病名（英語）", definition.name().en.clone()),
        row("ふりがな", definition.kana().unwrap_or_default().to_owned()),
        row("対象とする記載日", format!("{} 以降", definition.valid_from())),
        row("次の版の開始日", day(definition.valid_until())),
        row("受付終了日（この日から不可）", day(definition.accepted_until())),
        row("ページ数", definition.pages().to_string()),
        row("項目数", definition.items().count().to_string()),
        row("診断基準の機械判定", half(definition.has_diagnosis())),
        row("重症度分類の機械判定", half(definition.has_severity())),
    ];
    if let Some(unverified) = definition.unverified() {
        rows.push(row("要確認", unverified.ja.clone()));
    }
    Table { title: "概要", note: String::new(), columns: vec!["項目", "内容"], rows }
}

fn items(definition: &Definition) -> Table {
    let mut rows = Vec::new();
    let mut number = 0_usize;
    for section in definition.sections() {
        for item in &section.items {
            number += 1;
            rows.push(item_row(&number.to_string(), &section.label.ja, &section.id, item));
            for (place, column) in (1..).zip(item.columns()) {
                let path = format!("{}/{}/row", section.id, item.id);
                rows.push(item_row(&format!("{number}.{place}"), &section.label.ja, &path, column));
            }
        }
    }
    Table {
        title: "項目",
        note: "様式の印刷順。XMLの要素は「区分の要素/項目ID」。".to_owned(),
        columns: vec![
            "No.",
            "ページ",
            "区分",
            "項目名",
            "項目名（英語）",
            "XML",
            "型",
            "書式",
            "単位",
            "コード表",
            "必須",
            "記入対象",
            "条件（CEL）",
            "状態",
            "個人情報区分",
            "前回値",
            "確度",
            "説明",
        ],
        rows,
    }
}

fn item_row(number: &str, section: &str, path: &str, item: &Item) -> Vec<String> {
    let conditions: Vec<String> = [
        item.relevant_text().map(|text| format!("記入する条件: {text}")),
        item.required_when_text().map(|text| format!("必須となる条件: {text}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let states: Vec<&str> = item
        .states
        .iter()
        .map(|state| match state {
            AllowedState::NotDone => "未実施",
            AllowedState::Unknown => "不明",
        })
        .collect();
    vec![
        number.to_owned(),
        item.page.to_string(),
        section.to_owned(),
        item.label.ja.clone(),
        item.label.en.clone(),
        format!("{path}/{}", item.id),
        kind_word(&item.kind).to_owned(),
        format::value(item),
        item.unit.clone().unwrap_or_default(),
        item.codes().map(|list| list.id().to_owned()).unwrap_or_default(),
        applications(item.required).to_owned(),
        applications(item.applies).to_owned(),
        conditions.join("\n"),
        states.join("、"),
        class_word(item.class).to_owned(),
        carry_word(item.carry).to_owned(),
        item.confidence.clone().unwrap_or_default(),
        item.help.as_ref().map(|help| help.ja.clone()).unwrap_or_default(),
    ]
}

fn codes(definition: &Definition) -> Table {
    let mut lists: Vec<&kakehashi_forms::CodeList> = Vec::new();
    let columns = definition.items().flat_map(Item::columns);
    let own = definition.items().chain(columns).filter_map(Item::codes);
    for list in own.chain(definition.derived().iter().filter_map(kakehashi_forms::Derived::codes)) {
        if !lists.iter().any(|known| known.id() == list.id()) {
            lists.push(list);
        }
    }
    let rows = lists.into_iter().flat_map(|list| {
        list.options().iter().map(|option| {
            let means = match option.means {
                Some(kakehashi_forms::Means::Unknown) => "不明として扱う",
                Some(kakehashi_forms::Means::NotDone) => "未実施として扱う",
                None => "",
            };
            vec![
                list.id().to_owned(),
                option.code.clone(),
                option.label.ja.clone(),
                option.label.en.clone(),
                option.points.map(|points| points.to_string()).unwrap_or_default(),
                means.to_owned(),
            ]
        })
    });
    Table {
        title: "コード表",
        note: String::new(),
        columns: vec!["コード表", "コード", "内容", "内容（英語）", "点数", "扱い"],
        rows: rows.collect(),
    }
}

fn checks(definition: &Definition) -> Table {
    let rows = definition.rule_texts().map(|rule| {
        vec![
            rule.id.to_owned(),
            severity_word(rule.severity).to_owned(),
            rule.item.to_owned(),
            rule.holds.to_owned(),
            rule.message.ja.clone(),
            rule.remedy.ja.clone(),
        ]
    });
    Table {
        title: "チェック",
        note: "条件（CEL）が確かに成り立たないときに指摘する。値が足りないときは指摘しない。"
            .to_owned(),
        columns: vec!["ID", "種別", "項目", "満たすべき条件（CEL）", "メッセージ", "直し方"],
        rows: rows.collect(),
    }
}

/// The checks every item has by its type, the same for all forms.
fn common_checks() -> Table {
    let row = |id: &str, severity: &str, text: &str| {
        vec![id.to_owned(), severity.to_owned(), text.to_owned()]
    };
    Table {
        title: "共通チェック",
        note: "すべての様式に共通のチェック。".to_owned(),
        columns: vec!["ID", "種別", "内容"],
        rows: vec![
            row(
                "check.required",
                "E",
                "必須の項目が記入されていない（記入対象で、条件を満たすとき）",
            ),
            row("check.format", "E", "型の形式に合わない"),
            row("check.length", "E", "桁数・文字数・行数を超えている"),
            row("check.range", "E", "数値が範囲の外にある"),
            row("check.code", "E", "コード表にないコード"),
            row("check.check-digit", "E", "検証番号が合わない"),
            row("check.state", "E", "選べない状態（未実施・不明）が選ばれている"),
            row("check.unknown-item", "E", "様式にない項目がある"),
            row("xml.*", "E", "XMLの書き方がXSDに合わない"),
            row("check.irrelevant", "W", "ほかの回答によれば記入不要の項目に記入がある"),
            row("check.not-asked", "W", "この申請区分では記入しない項目に記入がある"),
            row("check.version", "W", "記載年月日または申請区分が、この版の様式を使うものでない"),
            row("check.illegible", "W", "判読不能と記録されている"),
            row("check.struck", "W", "抹消と記録されている"),
            row("check.multiple-marked", "W", "複数選択と記録されている"),
        ],
    }
}

fn calculations(definition: &Definition) -> Table {
    let rows = definition.derived().iter().map(|derived| {
        vec![
            derived.id.clone(),
            derived.label.ja.clone(),
            derived.unit.clone().unwrap_or_default(),
            derived.formula.ja.clone(),
            derived.value.clone(),
            derived.places().map(|places| places.to_string()).unwrap_or_default(),
            derived.when().unwrap_or_default().to_owned(),
            derived.source.clone(),
            derived.confidence.clone().unwrap_or_default(),
        ]
    });
    Table {
        title: "自動計算",
        note: "小数は表の桁に四捨五入してから比較に使う。値が足りないときは計算しない。".to_owned(),
        columns: vec![
            "ID",
            "名称",
            "単位",
            "計算方法",
            "式（CEL）",
            "小数桁",
            "計算する条件",
            "出典",
            "確度",
        ],
        rows: rows.collect(),
    }
}

fn conditions(definition: &Definition) -> Table {
    let rows = definition
        .criterion_texts()
        .map(|criterion| vec![criterion.id.to_owned(), criterion.label.ja.clone(), criterion.logic])
        .collect();
    Table {
        title: "判定の条件",
        note: "値が足りないときは「判定不能」。残りの値がどうであっても決まるときは決める。"
            .to_owned(),
        columns: vec!["ID", "条件", "論理"],
        rows,
    }
}

fn classes(definition: &Definition) -> Table {
    let mut rows = set_rows("診断", definition.diagnosis_texts());
    rows.extend(set_rows("重症度", definition.severity_texts()));
    Table {
        title: "判定の区分",
        note: "診断は初回認定日、重症度は記載日と申請区分で適用する版が決まる。上から順に最初に満たすもの。"
            .to_owned(),
        columns: vec!["判定", "版", "期間", "申請", "ID", "区分", "条件", "助成", "注意"],
        rows,
    }
}

fn set_rows(half: &str, sets: Vec<SetText<'_>>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for set in sets {
        let span = format!("{}～{}", day(set.from), day(set.until));
        for class in set.classes {
            rows.push(vec![
                half.to_owned(),
                set.version.to_owned(),
                span.clone(),
                applications(set.applies).to_owned(),
                class.id.to_owned(),
                class.label.ja.clone(),
                class.criterion.to_owned(),
                if class.is_eligible { "対象" } else { "対象外" }.to_owned(),
                set.notice.ja.clone(),
            ]);
        }
    }
    rows
}

fn day(date: Option<kakehashi_kernel::CivilDate>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

fn kind_word(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text { .. } => "文字",
        Kind::Kana { .. } => "かな",
        Kind::Digits { .. } => "数字（先頭の0を保つ）",
        Kind::Date => "年月日",
        Kind::PartialDate => "年月日（一部可）",
        Kind::Code(_) => "コード",
        Kind::Codes(_) => "コード（複数）",
        Kind::Integer { .. } => "整数",
        Kind::Decimal { .. } => "小数",
        Kind::Postcode => "郵便番号",
        Kind::Tel => "電話番号",
        Kind::Recipient => "受給者番号",
        Kind::Insurer => "保険者番号",
        Kind::Rows { .. } => "表",
    }
}

const fn applications(which: Applications) -> &'static str {
    match which {
        Applications::Both => "新規・更新",
        Applications::New => "新規",
        Applications::Renewal => "更新",
        Applications::Never => "",
    }
}

const fn class_word(class: DataClass) -> &'static str {
    match class {
        DataClass::Direct => "識別",
        DataClass::Quasi => "準識別",
        DataClass::Medical => "医学",
        DataClass::Institution => "医療機関",
    }
}

const fn carry_word(carry: Carry) -> &'static str {
    match carry {
        Carry::Always => "引き継ぐ",
        Carry::Ask => "確認して引き継ぐ",
        Carry::Never => "引き継がない",
    }
}

const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::E => "E 登録不可",
        Severity::W => "W 要確認",
        Severity::I => "I 参考",
    }
}
