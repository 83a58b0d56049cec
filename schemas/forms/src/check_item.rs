//! Checking one item: its value, its states, whether it had to be answered or not.

use kakehashi_kernel::limits::FORM_ROWS_MAX;

use crate::{
    answer::{Answer, Row, Value},
    definition::Application,
    expression::Expression,
    finding::{Finding, Localized, Severity},
    item::{AllowedState, Item},
    truth::Truth,
};

/// Checks the answer to one item. `truth` evaluates the item's conditions on the other answers.
pub(crate) fn check_item(
    item: &Item,
    answer: &Answer,
    application: Application,
    truth: impl Fn(&Expression) -> Truth,
) -> Vec<Finding> {
    let relevance = || item.relevant.as_ref().map_or(Truth::True, &truth);
    if let Answer::Given(value) = answer {
        let mut findings = item.examine_all(value);
        if findings.is_empty() {
            findings.extend(superfluous(item, application, relevance()));
        }
        if let Value::Rows(rows) = value {
            findings.extend(check_rows(item, rows, application));
        }
        return findings;
    }
    let finding = match answer {
        Answer::Blank => {
            let is_wanted = item.is_asked(application)
                && (item.is_required(application)
                    || item.required_when.as_ref().map(&truth) == Some(Truth::True));
            (is_wanted && relevance() == Truth::True).then(|| required(item))
        }
        Answer::NotDone | Answer::Unknown => {
            unsuitable(item, answer).or_else(|| superfluous(item, application, Truth::True))
        }
        Answer::Given(_) | Answer::Illegible | Answer::Struck | Answer::MultiplyMarked => {
            unsuitable(item, answer)
        }
    };
    finding.into_iter().collect()
}

/// The states of a table's cells, and cells that had to be answered; at most [`FORM_ROWS_MAX`].
fn check_rows(table: &Item, rows: &[Row], application: Application) -> Vec<Finding> {
    let cells = rows
        .iter()
        .zip(1..)
        .flat_map(|(row, place)| table.columns().iter().map(move |column| (row, place, column)));
    let check = |(row, place, column): (&Row, usize, &Item)| {
        let finding = match row.get(&column.id).unwrap_or(&Answer::Blank) {
            Answer::Blank => column.is_required(application).then(|| required(column)),
            state => unsuitable(column, state),
        };
        finding.map(|finding| finding.in_table(table, place, Some(column)))
    };
    cells.filter_map(check).take(FORM_ROWS_MAX).collect()
}

/// A state that is no answer to the item.
fn unsuitable(item: &Item, answer: &Answer) -> Option<Finding> {
    match answer {
        Answer::NotDone => (!item.allows(AllowedState::NotDone)).then(|| state_not_allowed(item)),
        Answer::Unknown => (!item.allows(AllowedState::Unknown)).then(|| state_not_allowed(item)),
        Answer::Given(_) | Answer::Blank => None,
        Answer::Illegible => {
            Some(unreadable(item, "check.illegible", ("判読できません", "cannot be read")))
        }
        Answer::Struck => {
            Some(unreadable(item, "check.struck", ("抹消されています", "is struck out")))
        }
        Answer::MultiplyMarked => Some(unreadable(
            item,
            "check.multiple-marked",
            ("複数選択されています", "has more marks than it may have"),
        )),
    }
}

/// An answer nobody asked for.
fn superfluous(item: &Item, application: Application, relevance: Truth) -> Option<Finding> {
    if !item.is_asked(application) {
        return Some(not_asked(item, application));
    }
    (relevance == Truth::False).then(|| irrelevant(item))
}

fn not_asked(item: &Item, application: Application) -> Finding {
    let application = application.label();
    Finding::about(
        &item.id,
        "check.not-asked",
        Severity::W,
        Localized::new(
            format!(
                "「{}」は{}では記入しない項目ですが、記入されています。",
                item.label.ja, application.ja
            ),
            format!(
                "“{}” is answered although it is not asked in this kind of application ({}).",
                item.label.en, application.en
            ),
        ),
        Localized::new(
            "新規・更新の別が正しいか、確かめてください。",
            "Please check whether the application is new or a renewal.",
        ),
    )
}

fn required(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.required",
        Severity::E,
        Localized::new(
            format!("「{}」が記入されていません。", item.label.ja),
            format!("“{}” is not answered.", item.label.en),
        ),
        Localized::new("記入してください。", "Please answer it."),
    )
}

fn irrelevant(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.irrelevant",
        Severity::W,
        Localized::new(
            format!("ほかの回答によれば「{}」は記入不要ですが、記入されています。", item.label.ja),
            format!(
                "“{}” is answered although other answers say it does not apply.",
                item.label.en
            ),
        ),
        Localized::new(
            "関係する項目を見直してください。",
            "Please look at the related items again.",
        ),
    )
}

fn state_not_allowed(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.state",
        Severity::E,
        Localized::new(
            format!("「{}」には「未実施」「不明」のうち、その回答を選べません。", item.label.ja),
            format!("“{}” cannot be answered with that state.", item.label.en),
        ),
        Localized::new("値を記入してください。", "Please give a value."),
    )
}

fn unreadable(item: &Item, rule: &str, (ja, en): (&str, &str)) -> Finding {
    Finding::about(
        &item.id,
        rule,
        Severity::W,
        Localized::new(
            format!("「{}」が{ja}。", item.label.ja),
            format!("“{}” {en}.", item.label.en),
        ),
        Localized::new(
            "紙の記載を確認し、必要なら医療機関へ照会してください。",
            "Please look at the paper and ask the institution if needed.",
        ),
    )
}
