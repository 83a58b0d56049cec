//! The page where a municipality sends scans and sees where each one is.

use axum::response::Response;
use kakehashi_ingest_core::{ScanState, Stage};
use kakehashi_platform::web::Language;
use maud::{Markup, html};
use serde::Serialize;

use super::{shell, words};
use crate::{Ingest, receive::Uploader, store::scan::ScanRow};

/// How many scans are where. `received` is the sum of the other four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Totals {
    /// All.
    pub(crate) received: u64,
    /// Refused.
    pub(crate) refused: u64,
    /// Withdrawn.
    pub(crate) withdrawn: u64,
    /// On the road.
    pub(crate) in_progress: u64,
    /// In the registry.
    pub(crate) loaded: u64,
}

impl Totals {
    /// Sums counts by state and stage; `None` when there is a state we do not know.
    pub(crate) fn of(counts: &[(String, Option<Stage>, u64)]) -> Option<Self> {
        let mut totals = Self::default();
        for (state, stage, scans) in counts {
            totals.received += scans;
            *match (state.as_str(), stage) {
                ("refused", _) => &mut totals.refused,
                ("withdrawn", _) => &mut totals.withdrawn,
                ("released", Some(Stage::Loaded)) => &mut totals.loaded,
                ("received" | "released", _) => &mut totals.in_progress,
                _ => return None,
            } += scans;
        }
        Some(totals)
    }
}

/// What the page lists.
pub(crate) struct List<'a> {
    /// Scans, newest first.
    pub(crate) rows: &'a [ScanRow],
    /// All of them, counted.
    pub(crate) totals: Totals,
    /// The state or stage asked for.
    pub(crate) show: Option<&'a str>,
    /// The language.
    pub(crate) language: Language,
}

/// The whole page.
pub(crate) fn scans(ingest: &Ingest, uploader: &Uploader, list: &List<'_>) -> Response {
    let language = list.language;
    let title = language.pick("スキャンの送信と状況", "Send and follow scans");
    shell(title, "/scans", uploader, language, &["/assets/upload.js"]).respond(html! {
        h1 { (title) }
        (drop_area(language))
        section #table { (table(ingest, list)) }
    })
}

fn drop_area(language: Language) -> Markup {
    html! {
        section.drop #drop aria-label=(language.pick("スキャンの送信", "Send scans")) {
            ol.steps {
                li {
                    fieldset {
                        legend { (language.pick("申請の種類", "Application")) }
                        div.control.options {
                            label {
                                input type="radio" name="application" value="new" checked;
                                " " (language.pick("新規", "New"))
                            }
                            label {
                                input type="radio" name="application" value="renewal";
                                " " (language.pick("更新", "Renewal"))
                            }
                        }
                    }
                }
                li {
                    strong { (language.pick("PDFファイル（1件1ファイル）", "PDF files (one form each)")) }
                    div.control {
                        input.covered #files type="file" accept="application/pdf,.pdf" multiple
                            aria-describedby="chosen limits";
                        label.button.secondary for="files" {
                            (language.pick("ファイルを選ぶ", "Choose files"))
                        }
                        output #chosen for="files" { (language.pick("まだ選んでいません", "None chosen yet")) }
                    }
                }
                li {
                    div.control {
                        button #send type="button" disabled { (language.pick("送信", "Send")) }
                    }
                }
            }
            p.hint #limits {
                (language.pick(
                    "ファイルをこの枠に落としても選べます。1ファイル64MB・60ページまで。途中で切れても続きから送ります。受付番号が出たら保存済みです。",
                    "You may also drop files here. Up to 64 MB and 60 pages each. An interrupted upload continues. A receipt number means it is stored.",
                ))
            }
        }
        section #uploads hidden {
            h2 { (language.pick("今回送ったファイル", "Sent from this page")) }
            p.actions {
                strong #overall role="status" {}
                progress #total max="1" value="0"
                    aria-label=(language.pick("全体の進み", "Overall progress")) {}
            }
            div.scroll.short { table {
                thead { tr {
                    th { (language.pick("ファイル名", "File")) }
                    th { (language.pick("申請", "Application")) }
                    th { (language.pick("進み", "Progress")) }
                    th { "SHA-256" }
                    th { (language.pick("受付番号・結果", "Receipt or result")) }
                } }
                tbody #upload-rows {}
            } }
        }
    }
}

/// The part that changes by itself: totals and list.
pub(crate) fn table(ingest: &Ingest, list: &List<'_>) -> Markup {
    let language = list.language;
    html! {
        h2 { (language.pick("これまでの状況", "Where they are")) }
        (totals(list))
        @if list.rows.is_empty() {
            p.box { (language.pick("該当するスキャンはありません。", "No scans.")) }
        } @else {
            div.scroll { table {
                thead { tr {
                    th { (language.pick("受付番号", "Receipt")) }
                    th { (language.pick("受付日時", "Received")) }
                    th { (language.pick("ファイル名", "File")) }
                    th.right { (language.pick("頁", "Pages")) }
                    th { (language.pick("状況", "Status")) }
                    th { (language.pick("お知らせ", "Note")) }
                } }
                tbody { @for row in list.rows { (line(ingest, row, language)) } }
            } }
            @if list.rows.len() >= 100 && let Some(last) = list.rows.last() {
                p { a href={ "/scans?show=" (list.show.unwrap_or_default())
                             "&before=" (last.scan.receipt.received_at.0) } {
                    (language.pick("さらに古いものを見る", "Older"))
                } }
            }
        }
    }
}

fn totals(list: &List<'_>) -> Markup {
    let (totals, language) = (list.totals, list.language);
    let cards = [
        ("", language.pick("受付", "Received"), totals.received),
        ("refused", language.pick("差し戻し", "Refused"), totals.refused),
        ("withdrawn", language.pick("取下げ", "Withdrawn"), totals.withdrawn),
        ("released", language.pick("処理中", "In progress"), totals.in_progress),
        ("loaded", language.pick("登録済", "Registered"), totals.loaded),
    ];
    html! {
        div.cards {
            @for (show, label, count) in cards {
                a.box href={ "/scans?show=" (show) }
                    aria-current=[(list.show.unwrap_or_default() == show).then_some("true")] {
                    strong { (count) } " " span { (label) }
                }
            }
        }
    }
}

fn line(ingest: &Ingest, row: &ScanRow, language: Language) -> Markup {
    let scan = &row.scan;
    let (label, class) = words::status(row, language);
    let name = row.file_name.as_deref().and_then(|sealed| ingest.open_file_name(scan.id, sealed));
    html! {
        tr {
            td.fixed { a.number href={ "/scans/" (scan.id) } { (scan.receipt.number) } }
            td.number.fixed { (scan.receipt.received_at.display_japan()) }
            td.file { (name.unwrap_or_else(|| "–".to_owned())) }
            td.right { @if row.page_images.is_empty() { "–" } @else { (row.page_images.len()) } }
            td { span class={ "tag " (class) } { (label) } }
            td {
                @if let ScanState::Refused { why } = &scan.state { (words::refusal(why, language)) }
                @if row.is_disarmed {
                    (language.pick("添付・スクリプトを取り除いて受け付けました。", "Active content was removed."))
                }
                @if let Some(record) = row.record {
                    a href={ "/records/" (record) } { (language.pick("登録内容を見る", "See the record")) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_add_up() {
        let count = |state: &str, stage, n| (state.to_owned(), stage, n);
        let totals = Totals::of(&[
            count("received", None, 1),
            count("released", Some(Stage::InLot), 2),
            count("released", Some(Stage::Loaded), 4),
            count("refused", None, 8),
            count("withdrawn", Some(Stage::InLot), 16),
        ])
        .unwrap();
        assert_eq!(totals.received, 31);
        assert_eq!((totals.in_progress, totals.loaded), (3, 4));
        assert_eq!((totals.refused, totals.withdrawn), (8, 16));
        assert_eq!(Totals::of(&[count("vanished", None, 1)]), None);
    }
}
