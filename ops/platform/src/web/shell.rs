//! The shell of a page: head, header with zone and navigation, main, footer.

use axum::response::{Html, IntoResponse, Response};
use kakehashi_contract::{Problem, Zone};
use maud::{DOCTYPE, Markup, html};

use super::Language;

/// One entry of the navigation.
#[derive(Debug, Clone)]
pub struct NavItem<'a> {
    /// Where it leads.
    pub href: &'a str,
    /// What it says.
    pub label: &'a str,
    /// Whether it is the page shown.
    pub is_current: bool,
}

/// A page to be.
pub struct Page<'a> {
    /// The title, without the product's name.
    pub title: &'a str,
    /// The zone the reader stands in; its name and colour are shown so that nobody mistakes it.
    pub zone: Option<Zone>,
    /// The language.
    pub language: Language,
    /// The path of this page, for the language switch. `None` offers no switch: where leaving the page
    /// would lose what was typed.
    pub path: Option<&'a str>,
    /// Navigation.
    pub nav: Vec<NavItem<'a>>,
    /// Who is signed in, as shown at the top right.
    pub who: Option<String>,
    /// Whether to offer signing out.
    pub can_sign_out: bool,
    /// Own scripts, by path.
    pub scripts: &'a [&'a str],
}

impl Page<'_> {
    /// Renders the page around its main content.
    pub fn render(&self, main: &Markup) -> Markup {
        let language = self.language;
        let other = match language {
            Language::Ja => ("en", "English"),
            Language::En => ("ja", "日本語"),
        };
        html! {
            (DOCTYPE)
            html lang=(language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " – " (language.pick("架け橋", "Kakehashi")) }
                    link rel="icon" type="image/svg+xml" href="/assets/icon.svg";
                    link rel="stylesheet" href="/assets/design-tokens.css";
                    link rel="stylesheet" href="/assets/kakehashi.css";
                    @for script in self.scripts { script src=(script) defer {} }
                }
                body data-zone=[self.zone.map(Zone::as_str)] {
                    a.skip href="#main" { (language.pick("本文へ移動", "Skip to content")) }
                    header.top {
                        div.brand {
                            span.name { (language.pick("架け橋", "Kakehashi")) }
                            span.sub {
                                (language.pick("難病・小慢データベース", "Intractable disease registry"))
                            }
                            @if let Some(zone) = self.zone {
                                span.zone { (zone_name(zone, language)) }
                            }
                        }
                        nav aria-label=(language.pick("主な画面", "Main pages")) {
                            ul {
                                @for item in &self.nav {
                                    li {
                                        a href=(item.href)
                                            aria-current=[item.is_current.then_some("page")] {
                                            (item.label)
                                        }
                                    }
                                }
                            }
                        }
                        div.session {
                            @if let Some(who) = &self.who { span.who { (who) } }
                            @if self.can_sign_out {
                                form method="post" action="/sign-out" {
                                    button.quiet type="submit" {
                                        (language.pick("ログアウト", "Sign out"))
                                    }
                                }
                            }
                            @if let Some(path) = self.path {
                                a lang=(other.0) href={ (path) "?lang=" (other.0) } { (other.1) }
                            }
                        }
                    }
                    main #main { (main) }
                }
            }
        }
    }

    /// Renders the page as a response.
    #[expect(clippy::needless_pass_by_value, reason = "callers build the content in place")]
    pub fn respond(&self, main: Markup) -> Response {
        Html(self.render(&main).into_string()).into_response()
    }
}

/// The zone as its users call it.
pub const fn zone_name(zone: Zone, language: Language) -> &'static str {
    match zone {
        Zone::Entry => language.pick("指定医DB", "Entry zone"),
        Zone::Municipal => language.pick("自治体DB", "Municipal zone"),
        Zone::National => language.pick("国DB", "National zone"),
        Zone::Conversion => language.pick("電子化", "Conversion"),
        Zone::Internal => language.pick("内部", "Internal"),
    }
}

/// A problem as a person sees it.
pub fn problem_page(problem: &Problem, language: Language) -> Response {
    let page = Page {
        title: &problem.title,
        zone: None,
        language,
        path: Some("/"),
        nav: Vec::new(),
        who: None,
        can_sign_out: false,
        scripts: &[],
    };
    page.respond(html! {
        h1 { (problem.title) }
        @if let Some(remedy) = &problem.detail { p.lead { (remedy) } }
        @if let Some(request) = &problem.instance {
            p.note { (language.pick("お問い合わせ番号", "Request")) ": " code { (request) } }
        }
        p { a.button href="/" { (language.pick("最初の画面へ", "Back to the start")) } }
    })
}
