//! Pages of the municipality: send scans and follow them.

mod one;
mod scans;
mod words;

use kakehashi_contract::Zone;
use kakehashi_platform::web::{Language, NavItem, Page, assets::Asset};

pub(crate) use one::scan;
pub(crate) use scans::{List, Totals, scans, table};

use crate::receive::Uploader;

/// Assets of these pages.
pub(crate) const ASSETS: &[Asset] = &[Asset {
    path: "/assets/upload.js",
    media_type: "text/javascript; charset=utf-8",
    bytes: include_bytes!("../../assets/upload.js"),
}];

/// The shell of a municipal page.
fn shell<'a>(
    title: &'a str,
    path: &'a str,
    uploader: &Uploader,
    language: Language,
    scripts: &'a [&'a str],
) -> Page<'a> {
    Page {
        title,
        zone: Some(Zone::Municipal),
        language,
        path: Some(path),
        nav: vec![
            NavItem {
                href: "/scans",
                label: language.pick("スキャンの送信と状況", "Scans"),
                is_current: true,
            },
            NavItem {
                href: "/records",
                label: language.pick("登録された様式", "Records"),
                is_current: false,
            },
        ],
        who: Some(format!(
            "{} {}",
            language.pick("自治体コード", "Municipality"),
            uploader.municipality
        )),
        can_sign_out: false,
        scripts,
    }
}
