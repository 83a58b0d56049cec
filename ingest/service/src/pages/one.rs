//! The page of one scan: its receipt, its status, its whole history.

use axum::response::Response;
use kakehashi_ingest_core::{ScanState, Stage};
use kakehashi_platform::web::Language;
use maud::{Markup, html};

use super::{shell, words};
use crate::{
    Ingest,
    receive::Uploader,
    store::scan::{HistoryRow, ScanRow},
};

/// The page.
pub(crate) fn scan(
    ingest: &Ingest,
    uploader: &Uploader,
    row: &ScanRow,
    history: &[HistoryRow],
    language: Language,
) -> Response {
    let scan = &row.scan;
    let receipt = &scan.receipt;
    let (label, class) = words::status(row, language);
    let path = format!("/scans/{}", scan.id);
    let name = row.file_name.as_deref().and_then(|sealed| ingest.open_file_name(scan.id, sealed));
    let title = language.pick("スキャンの状況", "One scan");
    shell(title, &path, uploader, language, &[]).respond(html! {
        h1 { (language.pick("受付番号", "Receipt")) " " span.number { (receipt.number) } }
        p { span class={ "tag " (class) } { (label) } }
        @if let ScanState::Refused { why } = &scan.state {
            div.box.bad { (words::refusal(why, language)) }
        }
        dl.facts {
            dt { (language.pick("受付日時", "Received")) }
            dd { (receipt.received_at.display_japan()) }
            dt { (language.pick("ファイル名", "File")) }
            dd { (name.unwrap_or_else(|| "–".to_owned())) }
            dt { (language.pick("大きさ", "Size")) }
            dd { (receipt.size_bytes / 1024) " KB, " (row.page_images.len())
                 (language.pick("ページ", " pages")) }
            @if let ScanState::Released { form, .. } = &scan.state {
                dt { (language.pick("様式", "Form")) }
                dd { (language.pick("告示番号", "No. ")) " " (form.number) " / "
                     (language.pick("版", "version")) " " (form.version) }
            }
            dt { "SHA-256" }
            dd { code { (receipt.sha256) } }
        }
        h2 { (language.pick("これまでの経過", "History")) }
        ol.history {
            @for event in history {
                li { time { (event.at.display_japan()) } div { (words::event(event, language)) } }
            }
        }
        div.actions {
            a.button.secondary href="/scans" { (language.pick("一覧へ戻る", "Back")) }
        }
        @if can_withdraw(row) { (withdraw(&path, language)) }
    })
}

/// Two steps, because it cannot be taken back.
fn withdraw(path: &str, language: Language) -> Markup {
    html! {
        details.confirm {
            summary { (language.pick("この書類を取り下げる…", "Withdraw this scan…")) }
            form.box method="post" action={ (path) "/withdraw" } {
                p {
                    (language.pick(
                        "誤って送った書類を取り下げます。取り下げると元に戻せません。必要なときは、もう一度スキャンして送ってください。",
                        "For a scan sent by mistake. It cannot be undone; scan and send again if it is needed.",
                    ))
                }
                button type="submit" { (language.pick("取り下げる", "Withdraw")) }
            }
        }
    }
}

fn can_withdraw(row: &ScanRow) -> bool {
    match row.scan.state {
        ScanState::Received => true,
        ScanState::Released { .. } => !matches!(row.stage, Some(Stage::Accepted | Stage::Loaded)),
        ScanState::Refused { .. } | ScanState::Withdrawn => false,
    }
}
