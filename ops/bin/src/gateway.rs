//! `kakehashi gateway`: asks the running gateway over its operator's socket, and tells it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};
use kakehashi_edge::control;
use kakehashi_kernel::Timestamp;
use kakehashi_platform::runtime::load_config;
use serde_json::{Value, json};

use crate::config::Config;

/// What an operator may do to a running gateway.
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    /// Shows what the gateway watches at present (状態)
    Status(Common),
    /// Lists who is blocked, slowed or challenged, and why; and the exceptions (遮断の一覧)
    Blocks(Common),
    /// Lifts a decision as a false positive (遮断の解除)
    Release {
        /// The decision, as the blocked client or the alert names it: g-…
        id: String,
        /// For so many days the rule stays silent about the subject; 0 makes no exception
        #[arg(long)]
        days: Option<u32>,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the newest alerts (警報)
    Alerts {
        /// How many
        #[arg(long, default_value_t = 50)]
        count: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Shows what each organisation usually does (機関ごとの普段の利用)
    Habits(Common),
    /// Suspends an organisation, one of its devices or one certificate, at once (利用停止)
    Suspend {
        #[command(flatten)]
        whom: Whom,
        /// Why, as a code: a-z, digits, hyphen
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        common: Common,
    },
    /// Lifts a suspension (利用停止の解除)
    Resume {
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        common: Common,
    },
    /// Lists who is suspended (利用停止の一覧)
    Suspensions(Common),
    /// Reads certificates, revocation lists, policy and suspensions again, as SIGHUP does (再読込)
    Reload(Common),
    /// Ends the gateway after its running requests (停止)
    Drain(Common),
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The configuration file
    #[arg(long)]
    config: PathBuf,
    /// Print the gateway's answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// Who is suspended or not any more.
#[derive(Debug, Args)]
pub(crate) struct Whom {
    /// ZONE/CODE, such as municipal/141003
    organisation: String,
    /// Only this device of it
    #[arg(long)]
    device: Option<String>,
    /// Only this certificate of it (SHA-256 of its DER bytes, hex)
    #[arg(long)]
    certificate: Option<String>,
}

impl Whom {
    fn question(&self, command: &str) -> Value {
        json!({
            "command": command,
            "organisation": self.organisation,
            "device": self.device,
            "certificate": self.certificate,
        })
    }
}

/// Asks, and prints what the gateway answers.
pub(crate) fn run(command: &GatewayCommand) -> anyhow::Result<ExitCode> {
    let (common, question) = question(command);
    let config: Config = load_config(&common.config)?;
    let socket = config.gateway.guard.control.context(
        "the configuration names no [gateway.guard] control: this gateway has no operator's socket",
    )?;
    let answer = ask(&socket, &question)?;
    if common.json {
        println!("{answer}");
    } else if answer["ok"] == true {
        show(command, &answer);
    }
    if answer["ok"] == true {
        return Ok(ExitCode::SUCCESS);
    }
    let (code, detail) = (text(&answer["error"]), text(&answer["detail"]));
    bail!("{}: {code} {detail}", japanese(&code));
}

fn ask(socket: &Path, question: &Value) -> anyhow::Result<Value> {
    control::ask(socket, question).with_context(|| {
        format!(
            "{} に接続できません。ゲートウェイの起動と、実行している利用者を確認してください / \
             the gateway does not answer: does it run, and are you its user or root?",
            socket.display()
        )
    })
}

fn question(command: &GatewayCommand) -> (&Common, Value) {
    let plain = |word: &str| json!({ "command": word });
    match command {
        GatewayCommand::Status(common) => (common, plain("status")),
        GatewayCommand::Blocks(common) => (common, plain("blocks")),
        GatewayCommand::Release { id, days, common } => {
            (common, json!({ "command": "release", "id": id, "days": days }))
        }
        GatewayCommand::Alerts { count, common } => {
            (common, json!({ "command": "alerts", "count": count }))
        }
        GatewayCommand::Habits(common) => (common, plain("habits")),
        GatewayCommand::Suspend { whom, reason, common } => {
            let mut question = whom.question("suspend");
            question["reason"] = reason.as_str().into();
            (common, question)
        }
        GatewayCommand::Resume { whom, common } => (common, whom.question("resume")),
        GatewayCommand::Suspensions(common) => (common, plain("suspensions")),
        GatewayCommand::Reload(common) => (common, plain("reload")),
        GatewayCommand::Drain(common) => (common, plain("drain")),
    }
}

fn show(command: &GatewayCommand, answer: &Value) {
    match command {
        GatewayCommand::Status(_) => status(&answer["guard"]),
        GatewayCommand::Blocks(_) => blocks(answer),
        GatewayCommand::Release { .. } => released(&answer["released"]),
        GatewayCommand::Alerts { .. } => alerts(&answer["alerts"]),
        GatewayCommand::Habits(_) => habits(&answer["habits"]),
        GatewayCommand::Suspensions(_) => suspensions(&answer["suspensions"]),
        GatewayCommand::Suspend { whom, .. } => {
            println!("利用を停止しました / suspended: {}", whom.organisation);
        }
        GatewayCommand::Resume { whom, .. } => {
            println!("利用停止を解除しました / resumed: {}", whom.organisation);
        }
        GatewayCommand::Reload(_) => println!(
            "再読込を始めました。結果はログで確認してください / reading again; the log says how it went"
        ),
        GatewayCommand::Drain(_) => println!("停止を始めました / draining"),
    }
}

fn status(guard: &Value) {
    let mut table = table(&["項目 / what", "数 / count"]);
    for (key, name) in [
        ("certificates", "見ている証明書 / certificates watched"),
        ("organisations", "見ている機関 / organisations watched"),
        ("addresses", "見ているアドレス / addresses watched"),
        ("measures", "実施中の措置 / measures in force"),
        ("exceptions", "例外 / exceptions"),
        ("alerts_lost", "書けなかった警報 / alerts not written"),
    ] {
        table.add_row([name.to_owned(), text(&guard[key])]);
    }
    println!("{table}");
}

fn blocks(answer: &Value) {
    let mut measures = table(&[
        "番号 / id",
        "措置 / measure",
        "対象 / subject",
        "規則 / rule",
        "根拠 / counted",
        "開始 / since",
        "終了 / until",
    ]);
    for measure in rows(&answer["measures"]) {
        measures.add_row([
            text(&measure["id"]),
            japanese(&text(&measure["kind"])).to_owned(),
            subject(&measure["subject"]),
            japanese(&text(&measure["rule"])).to_owned(),
            evidence(measure),
            time(&measure["since"]),
            time(&measure["until"]),
        ]);
    }
    println!("{measures}");
    if rows(&answer["exceptions"]).next().is_none() {
        return;
    }
    let mut exceptions =
        table(&["例外の規則 / rule", "対象 / subject", "期限 / until", "担当 / by"]);
    for exception in rows(&answer["exceptions"]) {
        exceptions.add_row([
            japanese(&text(&exception["rule"])).to_owned(),
            subject(&exception["subject"]),
            time(&exception["until"]),
            text(&exception["by"]),
        ]);
    }
    println!("{exceptions}");
}

fn released(released: &Value) {
    println!(
        "解除しました / released: {} {}",
        text(&released["id"]),
        subject(&released["subject"])
    );
    let until = &released["excepted_until"];
    if until.is_string() || until.is_i64() {
        println!(
            "{} まで、この対象には規則「{}」を適用しません / excepted until then",
            time(until),
            japanese(&text(&released["rule"]))
        );
    }
}

fn alerts(alerts: &Value) {
    let mut table = table(&[
        "日時 / at",
        "重さ / severity",
        "規則 / rule",
        "対象 / subject",
        "根拠 / counted",
        "措置 / measures",
        "番号 / id",
    ]);
    for alert in rows(alerts) {
        let measures: Vec<&str> =
            rows(&alert["measures"]).map(|kind| japanese(kind.as_str().unwrap_or("-"))).collect();
        table.add_row([
            time(&alert["at"]),
            japanese(&text(&alert["severity"])).to_owned(),
            japanese(&text(&alert["rule"])).to_owned(),
            subject(&alert["subject"]),
            evidence(alert),
            if measures.is_empty() { "記録のみ".to_owned() } else { measures.join("・") },
            text(&alert["id"]),
        ]);
    }
    println!("{table}");
}

fn habits(habits: &Value) {
    let mut table = table(&[
        "機関 / organisation",
        "日数 / days",
        "学習済 / learned",
        "時間平均 / per hour",
        "日平均 / per day",
        "使う時間 / hours in use",
    ]);
    for habit in rows(habits) {
        let pair = |of: &Value| {
            let megabytes = of["bytes"].as_u64().unwrap_or(0) / 1_000_000;
            format!("{} 件 {megabytes} MB", of["requests"])
        };
        let hours: Vec<String> = rows(&habit["hours"])
            .enumerate()
            .filter(|(_, days)| days.as_u64().unwrap_or(0) > 0)
            .map(|(hour, _)| hour.to_string())
            .collect();
        table.add_row([
            text(&habit["organisation"]),
            text(&habit["days"]),
            if habit["is_learned"] == true { "はい" } else { "まだ" }.to_owned(),
            pair(&habit["hour"]),
            pair(&habit["day"]),
            hours.join(","),
        ]);
    }
    println!("{table}");
}

fn suspensions(suspensions: &Value) {
    let mut table = table(&[
        "機関 / organisation",
        "端末 / device",
        "証明書 / certificate",
        "開始 / since",
        "理由 / reason",
    ]);
    for held in rows(suspensions) {
        table.add_row([
            text(&held["organisation"]),
            text(&held["device"]),
            text(&held["certificate"]),
            time(&held["since"]),
            text(&held["reason"]),
        ]);
    }
    println!("{table}");
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    table
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn subject(value: &Value) -> String {
    let found = value.as_object().and_then(|object| object.iter().next());
    found.map_or_else(|| text(value), |(kind, of)| format!("{}:{}", japanese(kind), text(of)))
}

fn evidence(value: &Value) -> String {
    let (counted, threshold) = (text(&value["counted"]), text(&value["threshold"]));
    match value["window_s"].as_u64() {
        Some(0) | None => format!("{counted} ≧ {threshold}"),
        Some(window) => format!("{window} 秒に {counted} ≧ {threshold}"),
    }
}

fn time(value: &Value) -> String {
    let at = value.as_i64().map(Timestamp).or_else(|| value.as_str()?.parse().ok());
    at.map_or_else(|| "-".to_owned(), Timestamp::display_japan)
}

/// The operator's word for a code; the code itself where there is none.
fn japanese(code: &str) -> &str {
    match code {
        "block" => "遮断",
        "slow" => "減速",
        "challenge" => "再認証",
        "sign-in-lock" => "サインイン停止",
        "notice" => "通知",
        "warning" => "注意",
        "page" => "至急",
        "rate" => "量の上限",
        "handshakes" => "接続の失敗",
        "refusals" => "拒否の繰り返し",
        "sign-in" => "サインインの失敗",
        "scan" => "探索",
        "enumeration" => "番号の総当たり",
        "volume" => "普段を超える量",
        "hours" => "普段と違う時間",
        "places" => "二か所からの利用",
        "fingerprint" => "新しい端末ソフト",
        "crowd" => "一か所に多数の機関",
        "certificate" => "証明書",
        "organisation" => "機関",
        "address" => "アドレス",
        "decision-unknown" => "その番号の措置はありません",
        "id-malformed" => "番号の形式が違います",
        "too-many-exceptions" => "解除しましたが、例外が多すぎて追加できません",
        "suspension-failed" => "利用停止を変更できません",
        "suspension-unknown" => "利用停止されていません",
        "question-malformed" => "指定が正しくありません",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_shown_in_the_operators_words() {
        let measure = json!({
            "subject": { "organisation": "municipal/141003" },
            "counted": 20, "threshold": 20, "window_s": 600,
        });
        assert_eq!(subject(&measure["subject"]), "機関:municipal/141003");
        assert_eq!(evidence(&measure), "600 秒に 20 ≧ 20");
        assert_eq!(japanese("enumeration"), "番号の総当たり");
    }
}
