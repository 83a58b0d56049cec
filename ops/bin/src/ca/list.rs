//! `list`: the inventory.

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use kakehashi_contract::Zone;
use kakehashi_exchange::csv::{Cell, CodeStyle, Encoding, Writer};
use kakehashi_kernel::Timestamp;
use kakehashi_platform::pki::{Record, write_private};
use serde::Serialize;

use super::desk::Desk;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a person at a terminal
    Table,
    /// One JSON array
    Json,
    /// UTF-8 with byte order mark, opens in Excel
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Valid,
    Expired,
    Revoked,
    All,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    desk: Desk,
    /// Only of this zone
    #[arg(long)]
    zone: Option<Zone>,
    /// Only of this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Only those in force that expire within so many days
    #[arg(long)]
    expires_within: Option<u16>,
    /// Which: in force, past their end, revoked
    #[arg(long, value_enum, default_value = "valid")]
    state: Which,
    /// How to write
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Where to write; without it to standard output
    #[arg(long)]
    out: Option<PathBuf>,
}

const HEADINGS: [&str; 12] = [
    "zone",
    "role",
    "organisation",
    "device",
    "state",
    "not_after",
    "days_left",
    "serial",
    "profile",
    "key",
    "revoked_at",
    "reason",
];

#[derive(Serialize)]
struct Row {
    zone: String,
    role: String,
    organisation: String,
    device: String,
    state: &'static str,
    not_after: String,
    days_left: i64,
    serial: String,
    profile: String,
    key: &'static str,
    revoked_at: String,
    reason: &'static str,
}

impl List {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (office, now) = self.desk.open()?;
        let mut records: Vec<&Record> =
            office.records().filter(|record| self.is_wanted(record, now)).collect();
        records.sort_by_key(|record| (record.not_after, record.serial.clone()));
        let rows: Vec<Row> = records.into_iter().map(|record| row(record, now)).collect();
        let bytes = match self.format {
            Format::Table => table(&rows).into_bytes(),
            Format::Json => {
                let mut bytes = serde_json::to_vec_pretty(&rows)?;
                bytes.push(b'\n');
                bytes
            }
            Format::Csv => csv(&rows),
        };
        match &self.out {
            Some(path) => write_private(path, &bytes)?,
            None => std::io::stdout().lock().write_all(&bytes)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn is_wanted(&self, record: &Record, now: Timestamp) -> bool {
        let state = record.standing(now).as_str();
        let is_state = match self.state {
            Which::Valid => state == "valid",
            Which::Expired => state == "expired",
            Which::Revoked => state == "revoked",
            Which::All => true,
        };
        let soon = |days| state == "valid" && record.days_left(now) < i64::from(days);
        is_state
            && self.expires_within.is_none_or(soon)
            && self.zone.is_none_or(|zone| record.subject.zone() == zone)
            && self
                .organisation
                .as_deref()
                .is_none_or(|wanted| record.subject.organisation() == Some(wanted))
    }
}

fn row(record: &Record, now: Timestamp) -> Row {
    let revoked = record.revoked;
    Row {
        zone: record.subject.zone().to_string(),
        role: record.subject.role().map_or_else(String::new, |role| role.to_string()),
        organisation: record.subject.organisation().unwrap_or_default().to_owned(),
        device: record.subject.device().to_owned(),
        state: record.standing(now).as_str(),
        not_after: record.not_after.display_japan(),
        days_left: record.days_left(now),
        serial: record.serial.colons(),
        profile: record.profile.clone(),
        key: record.key.as_str(),
        revoked_at: revoked.map_or_else(String::new, |(at, _)| at.display_japan()),
        reason: revoked.map_or("", |(_, reason)| reason.as_str()),
    }
}

impl Row {
    fn cells(&self) -> [String; 12] {
        [
            self.zone.clone(),
            self.role.clone(),
            self.organisation.clone(),
            self.device.clone(),
            self.state.to_owned(),
            self.not_after.clone(),
            self.days_left.to_string(),
            self.serial.clone(),
            self.profile.clone(),
            self.key.to_owned(),
            self.revoked_at.clone(),
            self.reason.to_owned(),
        ]
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
    table.set_header(["ゾーン", "組織", "端末", "状態", "有効期限", "残り日数", "シリアル番号"]);
    for row in rows {
        let days = row.days_left.to_string();
        table.add_row([
            &*row.zone,
            &*row.organisation,
            &*row.device,
            row.state,
            &*row.not_after,
            &*days,
            &*row.serial,
        ]);
    }
    format!("{table}\n{} certificates (件)\n", rows.len())
}

fn csv(rows: &[Row]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(Encoding::Utf8, CodeStyle::Formula);
    let headings = HEADINGS.map(Cell::Text);
    // Nothing in it is beyond UTF-8, so no character is ever replaced.
    drop(writer.row(&headings, &mut bytes));
    for row in rows {
        let texts = row.cells();
        let mut cells: Vec<Cell<'_>> = texts.iter().map(|text| Cell::Text(text)).collect();
        // A municipality's code may begin with 0.
        if let Some(cell) = cells.get_mut(2) {
            *cell = Cell::Code(&texts[2]);
        }
        drop(writer.row(&cells, &mut bytes));
    }
    bytes
}
