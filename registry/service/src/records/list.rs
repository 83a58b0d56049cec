//! Lists of records, newest first.

use axum::{
    extract::{Query, State},
    response::Response,
};
use kakehashi_contract::AuditFact;
use kakehashi_kernel::{FormKey, ScanId};
use kakehashi_platform::web::Language;
use kakehashi_registry_core::{AccountRole, Heading};
use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    accounts::SignedIn,
    error::RegistryError,
    place::open_heading,
    problem,
    registry::Registry,
    store::{
        self,
        record::{Origin, Owner, RecordRow},
    },
    view::{judgement, pick, shell},
};

/// Pages a list can be turned to.
const PAGES_MAX: u32 = 10_000;

/// What the address of a list asks for. Never anything about a person: addresses are remembered.
#[derive(Deserialize, Default)]
pub(crate) struct Asked {
    pub(crate) scan: Option<String>,
    pub(crate) page: Option<String>,
}

/// One page of a list, opened.
pub(crate) struct Listing {
    lines: Vec<Line>,
    page: u32,
    has_more: bool,
}

struct Line {
    row: RecordRow,
    heading: Heading,
    name: kakehashi_forms::Localized,
    outcome: kakehashi_forms::Outcome,
}

/// `GET /records`: a municipality's records.
pub(crate) async fn show(
    State(registry): State<Registry>,
    who: SignedIn,
    language: Language,
    Query(asked): Query<Asked>,
) -> Result<Response, RegistryError> {
    if who.reader.role != AccountRole::MunicipalStaff {
        return Ok(problem::not_found());
    }
    let owner = Owner::Municipality(&who.reader.organisation);
    let records = listing(&registry, &who, owner, &asked).await?;
    let title = language.pick("登録された様式", "Records");
    Ok(shell::respond(&who, language, title, "/records", content(&records, &asked, language)))
}

/// Reads one page of an organisation's records. The audit trail names every record shown.
pub(crate) async fn listing(
    registry: &Registry,
    who: &SignedIn,
    owner: Owner<'_>,
    asked: &Asked,
) -> Result<Listing, RegistryError> {
    let limit = registry.settings.records_per_page.clamp(1, 100);
    let page = asked.page.as_deref().and_then(|page| page.parse().ok()).unwrap_or(1);
    let page = u32::clamp(page, 1, PAGES_MAX);
    let words = asked.scan.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let scan = words.map(str::parse::<ScanId>);
    let mut tx = registry.database.write().await?;
    let mut rows = match scan {
        Some(Err(_)) => Vec::new(),
        scan => {
            let scan = scan.and_then(Result::ok);
            let range = ((page - 1) * limit, limit + 1);
            store::record::list(&mut tx, owner, &who.reader.programmes, scan, range).await?
        }
    };
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let shown: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    let fact = AuditFact {
        actor: who.actor(),
        action: "records.list".to_owned(),
        subject: who.reader.organisation.clone(),
        outcome: "ok".to_owned(),
        detail: shown.join(" "),
    };
    registry.audit.append(&mut tx, registry.clock.now(), fact).await?;
    tx.commit().await.map_err(RegistryError::from)?;
    let lines = rows.into_iter().map(|row| line(registry, row)).collect::<Result<_, _>>()?;
    Ok(Listing { lines, page, has_more })
}

fn line(registry: &Registry, row: RecordRow) -> Result<Line, RegistryError> {
    let id = row.id.to_string();
    let place = crate::sealing::Place { table: "record", column: "results", row: &id };
    let results: crate::examine::Results = registry.seals.open_json(place, &row.results_sealed)?;
    let definition = registry.catalogue.definition(row.form);
    Ok(Line {
        heading: open_heading(registry, &row)?,
        name: definition.map(|definition| definition.name().clone()).unwrap_or_default(),
        outcome: results.judgement.outcome,
        row,
    })
}

fn content(records: &Listing, asked: &Asked, language: Language) -> Markup {
    let scan = asked.scan.as_deref().unwrap_or_default();
    html! {
        h1 { (language.pick("登録された様式", "Records")) }
        p.lead {
            (language.pick(
                "送付したスキャンのうち、電子化が終わった様式です。新しい順に並んでいます。",
                "Forms of your scans that have been converted, newest first.",
            ))
        }
        form.actions method="get" action="/records" role="search" {
            label for="scan" { (language.pick("スキャンID", "Scan id")) }
            input #scan type="search" name="scan" value=(scan) size="38" spellcheck="false";
            button.secondary type="submit" { (language.pick("探す", "Search")) }
            @if !scan.is_empty() {
                a href="/records" { (language.pick("すべて表示", "Show all")) }
            }
        }
        (records.table(language, "/records"))
    }
}

impl Listing {
    /// The forms of the records shown, newest first.
    pub(crate) fn forms(&self) -> impl Iterator<Item = FormKey> {
        self.lines.iter().map(|line| line.row.form)
    }

    /// The table with its pager. `path` is the list's own page.
    pub(crate) fn table(&self, language: Language, path: &str) -> Markup {
        html! {
            @if self.lines.is_empty() {
                p.box { (language.pick("該当する様式はありません。", "There are no records.")) }
            } @else {
                div.scroll { table {
                    thead { tr {
                        th { (language.pick("登録・取込日時", "Since")) }
                        th { (language.pick("氏名", "Name")) }
                        th { (language.pick("生年月日", "Birth date")) }
                        th { (language.pick("疾病", "Disease")) }
                        th { (language.pick("申請", "Application")) }
                        th { (language.pick("機械判定", "Judgement")) }
                        th { (language.pick("もう一方の様式", "Other source")) }
                        th { (language.pick("様式", "Record")) }
                    } }
                    tbody { @for line in &self.lines { (line.row(language)) } }
                } }
            }
            nav.actions aria-label=(language.pick("ページ送り", "Pages")) {
                @if self.page > 1 {
                    a href={ (path) "?page=" (self.page - 1) } {
                        (language.pick("← 新しいほうへ", "← newer"))
                    }
                }
                @if self.has_more {
                    a href={ (path) "?page=" (self.page + 1) } {
                        (language.pick("古いほうへ →", "older →"))
                    }
                }
            }
        }
    }
}

impl Line {
    fn row(&self, language: Language) -> Markup {
        let row = &self.row;
        let name = self.heading.name.as_deref();
        let unnamed = language.pick("（読み取れません）", "(not readable)");
        html! {
            tr {
                td.number { (row.created_at.display_japan()) }
                td { (name.unwrap_or(unnamed)) }
                td.number {
                    @if let Some(date) = self.heading.birth_date { (date) } @else { "—" }
                }
                td { (row.form.number) " " (pick(language, &self.name)) }
                td { (pick(language, &row.application.label())) }
                td { (judgement::outcome(self.outcome, language)) }
                td {
                    @match (&row.origin, row.linked) {
                        (_, None) => "—",
                        (Origin::Scan { .. }, Some(_)) => span.tag.good {
                            "⇄ " (language.pick("オンラインあり", "online"))
                        },
                        (Origin::Online { .. }, Some(_)) => span.tag.good {
                            "⇄ " (language.pick("紙が届いています", "paper arrived"))
                        },
                    }
                }
                td { a href={ "/records/" (row.id) } { (language.pick("開く", "Open")) } }
            }
        }
    }
}
