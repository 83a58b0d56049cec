//! Who did what with a record, newest first, in Japan time.

use kakehashi_platform::web::Language;
use maud::{Markup, html};

use super::OpenRecord;
use crate::{
    accounts::SignedIn,
    error::RegistryError,
    registry::Registry,
    sealing::Place,
    store::{self, history::HistoryLine},
};

const LINES_MAX: u32 = 100;

/// Renders the history. Names of the reader's own organisation are shown; of others, the organisation.
pub(super) async fn of(
    registry: &Registry,
    who: &SignedIn,
    record: &OpenRecord,
    language: Language,
) -> Result<Markup, RegistryError> {
    let pool = registry.database.read();
    let lines = store::history::of_record(pool, record.row.id, LINES_MAX).await?;
    let reader = &who.reader;
    let mut names = Vec::new();
    for (id, sealed) in store::account::names(pool, reader.zone, &reader.organisation).await? {
        let place = Place { table: "account", column: "name", row: &id };
        let name = registry.seals.open_text(place, &sealed)?;
        names.push((id, name));
    }
    Ok(html! {
        table {
            thead { tr {
                th { (language.pick("日時（日本時間）", "When (Japan)")) }
                th { (language.pick("操作", "What")) }
                th { (language.pick("結果", "Outcome")) }
                th { (language.pick("だれが", "Who")) }
            } }
            tbody {
                @for line in &lines {
                    tr {
                        td.number { (line.at.display_japan()) }
                        td { (action(&line.fact.action, language)) }
                        td { (outcome(&line.fact.outcome, language)) }
                        td { (actor(line, &names, language)) }
                    }
                }
            }
        }
        p.note {
            (language.pick(
                "新しいものから100件まで。ページ画像の閲覧は監査証跡に別に記録されます。",
                "The newest 100. Views of page images are in the audit trail.",
            ))
        }
    })
}

fn action(action: &str, language: Language) -> &str {
    match action {
        "record.load" => language.pick("スキャンから取込", "loaded from scan"),
        "record.register" => language.pick("オンライン登録", "registered online"),
        "record.link" => language.pick("もう一方の様式と連結", "linked"),
        "record.view" => language.pick("閲覧", "viewed"),
        other => other,
    }
}

fn outcome(outcome: &str, language: Language) -> &str {
    match outcome {
        "ok" => language.pick("済", "done"),
        "denied-owner" | "denied-zone" | "denied-programme" => {
            language.pick("拒否（権限なし）", "refused")
        }
        other => other,
    }
}

/// The actor is written `zone/role/organisation/device account`.
fn actor(line: &HistoryLine, names: &[(String, String)], language: Language) -> String {
    let Some((identity, account)) = line.fact.actor.split_once(' ') else {
        return language.pick("システム", "system").to_owned();
    };
    if let Some((_, name)) = names.iter().find(|(id, _)| id == account) {
        return name.clone();
    }
    identity.split('/').nth(2).unwrap_or_default().to_owned()
}
