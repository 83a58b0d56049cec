//! The shell of the registry's pages.

use axum::response::Response;
use kakehashi_contract::Zone;
use kakehashi_platform::web::{Language, NavItem, Page};
use maud::Markup;

use crate::accounts::SignedIn;

/// Renders a page for somebody signed in. `path` is the page's own, for navigation and language switch.
pub(crate) fn respond(
    who: &SignedIn,
    language: Language,
    title: &str,
    path: &str,
    main: Markup,
) -> Response {
    page(who, language, title, path, Some(path)).respond(main)
}

/// Renders a page that a language switch would empty of what was typed into it.
pub(crate) fn respond_without_switch(
    who: &SignedIn,
    language: Language,
    title: &str,
    path: &str,
    main: Markup,
) -> Response {
    page(who, language, title, path, None).respond(main)
}

fn page<'a>(
    who: &SignedIn,
    language: Language,
    title: &'a str,
    path: &str,
    switch: Option<&'a str>,
) -> Page<'a> {
    let links: &[(&'static str, &'static str, &'static str)] = match who.reader.zone {
        Zone::Entry => &[("/", "ホーム", "Home")],
        Zone::Municipal => &[
            ("/scans", "スキャンの送信と状況", "Scans"),
            ("/records", "登録された様式", "Records"),
        ],
        Zone::National | Zone::Conversion | Zone::Internal => &[],
    };
    let nav = links.iter().map(|(href, ja, en)| NavItem {
        href,
        label: language.pick(ja, en),
        is_current: *href == path || (*href != "/" && path.starts_with(href)),
    });
    Page {
        title,
        zone: Some(who.reader.zone),
        language,
        path: switch,
        nav: nav.collect(),
        who: Some(format!("{}（{}）", who.name.expose(), who.reader.organisation)),
        can_sign_out: true,
        scripts: &[],
    }
}
