//! `kakehashi audit verify`: verifies every audit chain.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use kakehashi_platform::runtime::load_config;

use crate::{
    compose::{Components, Roles},
    config::Config,
};

pub(crate) async fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let config: Config = load_config(path)?;
    config.expect_data()?;
    let components = Components::open(&config, Roles::ALL).await?;
    let mut is_whole = true;
    for (chain, verdict) in verify(&config, &components).await? {
        match verdict {
            Ok(entries) => println!("{chain}: {entries} entries, unbroken"),
            Err(error) => {
                is_whole = false;
                println!("{chain}: BROKEN: {error:#}");
            }
        }
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Verifies each chain: the number of entries, or where it fails.
pub(crate) async fn verify(
    config: &Config,
    components: &Components,
) -> anyhow::Result<Vec<(&'static str, anyhow::Result<u64>)>> {
    let key = components.keys.audit("gateway")?;
    let path = config.gateway.audit.clone();
    let gateway = tokio::task::spawn_blocking(move || {
        if path.exists() { kakehashi_edge::ledger::verify(&path, &key) } else { Ok(0) }
    })
    .await
    .context("verification did not finish")?;
    let mut verdicts = vec![("gateway", gateway.map_err(Into::into))];
    for store in &components.stores {
        let verdict = store.audit.verify(&store.database).await;
        verdicts.push((store.name, verdict.map_err(Into::into)));
    }
    Ok(verdicts)
}
