//! `kakehashi books`: proves that every scan ever received is accounted for.

use std::{path::Path, process::ExitCode};

use kakehashi_contract::books::{Balance, Count, balance};
use kakehashi_platform::runtime::load_config;

use crate::{
    compose::{Components, Roles},
    config::Config,
};

pub(crate) async fn run(path: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let config: Config = load_config(path)?;
    config.expect_data()?;
    let balance = of(&Components::open(&config, Roles::ALL).await?).await?;
    if json {
        println!("{}", serde_json::to_string(&balance)?);
    } else {
        println!("{}", table(&balance));
        for difference in &balance.differences {
            println!("{}: {}", difference.scan, difference.what);
        }
    }
    Ok(if balance.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks the components for their books and compares them.
pub(crate) async fn of(components: &Components) -> anyhow::Result<Balance> {
    // Downstream first: what moves on meanwhile is then seen in both places, never in none.
    let registry = components.registry()?.books().await?;
    let converter = components.converter()?.books().await?;
    let ingest = components.ingest()?.books().await?;
    Ok(balance(&ingest, &converter, &registry))
}

/// The balance as a table.
pub(crate) fn table(balance: &Balance) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
    table.set_header(["", "件 scans", "頁 pages"]);
    let mut row = |name: &str, count: &Count| {
        table.add_row([name.to_owned(), count.scans.to_string(), count.pages.to_string()]);
    };
    row("受付 received", &balance.received);
    row("= 差し戻し refused", &balance.refused);
    row("+ 取下げ withdrawn", &balance.withdrawn);
    row("+ 処理中 in progress", &balance.in_progress);
    row("+ 登録 loaded", &balance.loaded);
    row("不明 lost", &balance.lost);
    table
}
