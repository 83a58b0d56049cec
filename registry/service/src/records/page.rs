//! The page of one record: values on the left, the scan's page images on the right.

use kakehashi_contract::PageImage;
use kakehashi_forms::Definition;
use kakehashi_platform::web::Language;
use maud::{Markup, html};

use super::{OpenRecord, compare};
use crate::{
    store::record::Origin,
    view::{answers, findings, findings::Tally, judgement, number, pick, unverified},
};

/// What the page shows.
pub(super) struct RecordPage<'a> {
    pub(super) definition: &'a Definition,
    pub(super) record: &'a OpenRecord,
    pub(super) linked: Option<&'a OpenRecord>,
    pub(super) language: Language,
}

impl RecordPage<'_> {
    pub(super) fn render(&self, history: &Markup) -> Markup {
        let language = self.language;
        html! {
            (self.head())
            @match self.images() {
                Some(images) => div.columns {
                    div { (self.body()) }
                    (self.pages(images))
                },
                None => (self.body()),
            }
            @if let Some(linked) = self.linked { (self.comparison(linked)) }
            h2 #history { (language.pick("履歴", "History")) }
            (history)
        }
    }

    fn images(&self) -> Option<&[PageImage]> {
        match &self.record.row.origin {
            Origin::Scan { pages, .. } => Some(pages),
            Origin::Online { .. } => None,
        }
    }

    fn head(&self) -> Markup {
        let language = self.language;
        let row = &self.record.row;
        let unnamed = language.pick("（氏名は読み取れません）", "(name not readable)");
        html! {
            h1 {
                (self.record.heading.name.as_deref().unwrap_or(unnamed)) " "
                (self.source_tag()) " "
                span.tag.info { (pick(language, &row.application.label())) }
            }
            p {
                (number(row.form)) " " (pick(language, self.definition.name()))
                "　" span.note {
                    (language.pick("様式 ", "Form ")) span.number { (row.form) } "　"
                    (language.pick("届いた日時 ", "Arrived ")) (row.created_at.display_japan())
                    @if let Origin::Scan { scan, .. } = &row.origin {
                        "　" (language.pick("スキャンID ", "Scan "))
                        // Only the municipality whose scan it is sees this page.
                        a.number href={ "/scans/" (scan) } { (scan) }
                    }
                }
            }
            (unverified(self.definition, language))
            @match (row.linked, self.linked) {
                (Some(_), Some(linked)) => p.box.good {
                    "⇄ "
                    (language.pick(
                        "同じ申請の様式がもう一つあり、連結されています。",
                        "There is another record of this application, linked to this one. ",
                    ))
                    a href="#comparison" { (language.pick("違いを見る", "See the differences")) }
                    "　"
                    a href={ "/records/" (linked.row.id) } {
                        (language.pick("もう一方の様式を開く", "Open the other record"))
                    }
                },
                (Some(_), None) => p.box.good {
                    "⇄ "
                    (language.pick(
                        "この申請の紙の様式が自治体に届き、連結されています。",
                        "The paper form of this application has reached the municipality.",
                    ))
                },
                (None, _) => {},
            }
        }
    }

    fn source_tag(&self) -> Markup {
        let language = self.language;
        let (ja, en) = match &self.record.row.origin {
            Origin::Scan { .. } => ("紙（スキャン）", "Paper (scan)"),
            Origin::Online { .. } => ("オンライン登録", "Online"),
        };
        html! { span.tag.info { (language.pick(ja, en)) } }
    }

    fn body(&self) -> Markup {
        let language = self.language;
        let results = &self.record.results;
        let tally = Tally::of(&results.findings);
        let class = match tally {
            Tally { errors: 1.., .. } => "bad",
            Tally { warnings: 1.., .. } => "warn",
            Tally { .. } => "good",
        };
        html! {
            (judgement::render(self.definition, &results.judgement, language))
            section class={ "box " (class) } {
                h3 { (language.pick("チェックの結果", "Findings")) }
                @if results.findings.is_empty() {
                    p { (language.pick("問題は見つかりませんでした。", "Nothing was found.")) }
                } @else {
                    (findings::list(self.definition, &results.findings, language))
                }
            }
            @if !results.calculated.is_empty() {
                section {
                    h2 { (language.pick("自動計算", "Calculated")) }
                    (answers::calculated(&results.calculated, language))
                }
            }
            section {
                h2 { (language.pick("記入内容", "Answers")) }
                (answers::by_section(self.definition, &self.record.answers, language))
            }
        }
    }

    fn pages(&self, images: &[PageImage]) -> Markup {
        let language = self.language;
        let label = language.pick("スキャンのページ画像", "Page images of the scan");
        let count = images.len();
        html! {
            aside.scan-pages.sticky tabindex="0" role="region" aria-label=(label) {
                @for image in images {
                    figure {
                        figcaption {
                            (image.number) " / " (count) " "
                            (language.pick("ページ", "pages")) " "
                            a href={ "/records/" (self.record.row.id) "/pages/" (image.number) } {
                                (language.pick("原寸で見る", "Full size"))
                            }
                        }
                        img.page-image loading="lazy" width=(image.width) height=(image.height)
                            src={ "/records/" (self.record.row.id) "/pages/" (image.number) }
                            alt=(self.alt(image.number));
                    }
                }
            }
        }
    }

    fn alt(&self, number: u32) -> String {
        match self.language {
            Language::Ja => format!("スキャンの{number}ページ目"),
            Language::En => format!("Page {number} of the scan"),
        }
    }

    fn comparison(&self, linked: &OpenRecord) -> Markup {
        let (scan, online) = match &self.record.row.origin {
            Origin::Scan { .. } => (self.record, linked),
            Origin::Online { .. } => (linked, self.record),
        };
        html! {
            section #comparison {
                h2 { (self.language.pick("紙とオンラインの比較", "Paper and online compared")) }
                (compare::render(self.definition, scan, online, self.language))
            }
        }
    }
}
