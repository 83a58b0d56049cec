//! States, stages and events in a clerk's words.

use kakehashi_ingest_core::{ScanState, Stage, inspection::Refusal};
use kakehashi_platform::web::Language;
use maud::{Markup, html};

use crate::store::scan::{HistoryRow, ScanRow};

/// What a scan's tag says, and its colour class.
pub(super) fn status(row: &ScanRow, language: Language) -> (&'static str, &'static str) {
    match (&row.scan.state, row.stage) {
        (ScanState::Refused { .. }, _) => (language.pick("差し戻し", "Refused"), "bad"),
        (ScanState::Withdrawn, _) => (language.pick("取下げ", "Withdrawn"), "warn"),
        (ScanState::Received, _) => (language.pick("検査中", "Being inspected"), "info"),
        (ScanState::Released { .. }, stage) => {
            stage_words(stage.unwrap_or(Stage::Waiting), language)
        }
    }
}

const fn stage_words(stage: Stage, language: Language) -> (&'static str, &'static str) {
    match stage {
        Stage::Waiting => (language.pick("電子化待ち", "Waiting for a lot"), "info"),
        Stage::InLot => (language.pick("電子化待ち（ロット済）", "In a lot"), "info"),
        Stage::HandedOver => (language.pick("電子化中", "Being keyed"), "info"),
        Stage::SentBack => (language.pick("再入力", "Keyed again"), "warn"),
        Stage::Stuck => (language.pick("担当者確認中", "With a person"), "warn"),
        Stage::Accepted => (language.pick("登録中", "Being loaded"), "info"),
        Stage::Loaded => (language.pick("登録済", "Registered"), "good"),
    }
}

/// Why a scan was refused and what to do about it.
pub(super) fn refusal(why: &str, language: Language) -> Markup {
    let Ok(refusal) = why.parse::<Refusal>() else { return html! { code { (why) } } };
    let (message, remedy) = (refusal.message(), refusal.remedy());
    html! {
        strong { (language.pick(message.ja, message.en)) }
        " " (language.pick(remedy.ja, remedy.en))
    }
}

/// One line of a history.
pub(super) fn event(row: &HistoryRow, language: Language) -> Markup {
    let mut words = row.detail.split(' ');
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let round = |n: &str| match language {
        Language::Ja => format!("{n}回目"),
        Language::En => format!("round {n}"),
    };
    match row.kind.as_str() {
        "scan_received" => html! { (language.pick("受け付けました", "Received")) },
        "scan_released" if first == "disarmed" => html! {
            (language.pick(
                "検査を通りました（添付・スクリプトを取り除きました）",
                "Released (active content was removed)",
            ))
        },
        "scan_released" => html! { (language.pick("検査を通りました", "Released")) },
        "scan_refused" => refusal(first, language),
        "scan_withdrawn" => html! { (language.pick("取り下げました", "Withdrawn")) },
        "document_in_lot" => html! {
            (language.pick("電子化ロットに入りました", "Put into a lot")) " "
            code { (first) } "（" (round(second)) "）"
        },
        "document_handed_over" => html! {
            (language.pick("電子化の委託先に渡しました", "Handed to the contractor"))
            "（" (round(first)) "）"
        },
        "document_sent_back" => html! {
            (language.pick("入力結果に誤りがあり、再入力に回しました", "Keying was faulty, goes round again"))
            "（" (round(first)) "）"
        },
        "document_stuck" => {
            html! { (language.pick("担当者が確認しています", "A person is looking at it")) }
        }
        "document_accepted" => html! {
            (language.pick("入力結果が検査を通りました", "Keying passed all checks")) "（" (round(first)) "）"
        },
        "record_loaded" => html! {
            (language.pick("登録されました", "Registered")) " "
            a href={ "/records/" (first) } { (language.pick("登録内容を見る", "See the record")) }
            @if !second.is_empty() {
                " " (language.pick("（オンライン登録と突き合わせ済）", "(linked with an online record)"))
            }
        },
        other => html! { (other) },
    }
}
