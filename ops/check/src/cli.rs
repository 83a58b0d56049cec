//! The command line.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use kakehashi_exchange::csv::Encoding;
use kakehashi_forms::Catalogue;
use kakehashi_seal::{
    age::{RECIPIENTS_MAX, Recipient},
    batch::SenderCode,
};

use crate::{
    definitions,
    exit::{Exit, Stop},
    keys::{self, KeyFolder},
    language::Language,
    open, run as check,
    screen::{answer, tell},
    seal,
};

const EXIT_CODES: &str = "\
終了コード / exit codes:
  0   すべて合格 / everything passed
  1   エラーのある様式がある / some forms have errors
  2   読めないファイルがある / some input could not be read
  3   バッチを受け入れない / the batch was refused
  64  使い方の誤り / wrong arguments
  70  途中で失敗した / failed half-way
  73  書き込めない / output could not be created
  78  鍵がない・正しくない / keys are missing or wrong";

/// 臨床調査個人票の検査と封入（通信しません） / checks forms and seals them; never touches a network
#[derive(Debug, Parser)]
#[command(name = "kakehashi-check", version, after_help = EXIT_CODES)]
struct Cli {
    /// 表示の言語 / language of the messages
    #[arg(long, global = true, value_enum, default_value_t, value_name = "ja|en")]
    lang: Language,
    /// 鍵を置くフォルダー / folder of the keys
    #[arg(long, global = true, value_name = "DIR")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 検査してエラー一覧を作る / check forms and write the list of errors
    Check(CheckArguments),
    /// 鍵を作る・設定する・見る / make, set and show keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// 合格した様式だけを暗号化してまとめる / seal what passes as an encrypted batch
    Seal(SealArguments),
    /// バッチを開く（登録センター側） / open a batch (the registry's side)
    Open(OpenArguments),
    /// 様式定義の版 / the definitions this tool has
    Definitions {
        /// 様式の一覧も出す / list the forms too
        #[arg(long)]
        forms: bool,
    },
    /// 様式のXSDを出す / print the XSD of a form version
    Xsd {
        /// 様式の版（例 nanbyo/0006-000/2403） / form version
        key: String,
    },
    /// 様式の仕様書を出す / write the specification of a form version
    Spec(SpecArguments),
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// XML、ZIP、フォルダー。「-」は標準入力 / XML, ZIP, folders; `-` is standard input
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ListArguments,
    /// 一部の項目だけの様式を認める / accept forms with only some of the items
    #[arg(long)]
    pub(crate) partial: bool,
    /// 警告も不合格とする / forms with warnings do not pass
    #[arg(long)]
    pub(crate) warnings_as_errors: bool,
    /// 件数をJSONで出す / print the counts as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The error list.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// エラー一覧（CSV） / list of errors (CSV)
    #[arg(long, value_name = "FILE")]
    pub(crate) errors: Option<PathBuf>,
    /// エラー一覧の文字コード / encoding of the list
    #[arg(long, default_value_t, value_name = "utf8|cp932")]
    pub(crate) encoding: Encoding,
}

/// `seal`.
#[derive(Debug, Args)]
pub(crate) struct SealArguments {
    /// XML、ZIP、フォルダー。「-」は標準入力 / XML, ZIP, folders; `-` is standard input
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// 作るバッチ（.age） / the batch to make
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) list: ListArguments,
    /// 一部の項目だけの様式を認める / accept forms with only some of the items
    #[arg(long)]
    pub(crate) partial: bool,
    /// 同名のファイルを置き換える / replace a file of that name
    #[arg(long)]
    pub(crate) force: bool,
}

/// `open`.
#[derive(Debug, Args)]
pub(crate) struct OpenArguments {
    /// バッチ（.age） / the batch
    pub(crate) batch: PathBuf,
    /// 登録センターの秘密鍵 / secret key of the registry
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    /// 取り出し先のフォルダー / folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// 受け入れる送信者の一覧 / list of senders to accept
    #[arg(long, value_name = "FILE")]
    pub(crate) senders: Option<PathBuf>,
}

/// `spec`.
#[derive(Debug, Args)]
pub(crate) struct SpecArguments {
    /// 様式の版（例 nanbyo/0006-000/2403） / form version
    pub(crate) key: String,
    /// 形式 / format
    #[arg(long, value_enum, default_value_t, value_name = "html|xlsx|xsd|fhir")]
    pub(crate) format: SpecFormat,
    /// 書き出すファイル（なければ標準出力） / file to write; standard output without it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// What a specification is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum SpecFormat {
    /// One page, for people.
    #[default]
    Html,
    /// A workbook, for people and their tables.
    Xlsx,
    /// The schema of the XML.
    Xsd,
    /// A FHIR R4 Questionnaire.
    Fhir,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// 鍵を作る / make a key
    #[command(group = clap::ArgGroup::new("kind").required(true))]
    New {
        /// 送信者（医療機関コード）の署名鍵 / signing key of a sender
        #[arg(long, group = "kind", value_name = "CODE")]
        sender: Option<SenderCode>,
        /// 登録センターの鍵を作るファイル / file for a key of the registry
        #[arg(long, group = "kind", value_name = "FILE")]
        registry: Option<PathBuf>,
    },
    /// 宛先の公開鍵、受け入れる送信者を設定する / set recipients, or the senders to accept
    #[command(group = clap::ArgGroup::new("kind").required(true).multiple(true))]
    Set {
        /// 宛先（登録センター）の公開鍵 age1… / public key of the registry
        #[arg(long, group = "kind", value_name = "age1…")]
        recipient: Vec<Recipient>,
        /// 宛先の公開鍵のファイル / file of such keys
        #[arg(long, group = "kind", value_name = "FILE")]
        recipients: Option<PathBuf>,
        /// 受け入れる送信者の一覧 / list of senders to accept
        #[arg(long, group = "kind", value_name = "FILE")]
        senders: Option<PathBuf>,
    },
    /// 公開鍵と指紋を見る（秘密鍵は出しません） / show public keys and fingerprints
    Show,
}

/// Runs what the command line says.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _unprinted = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Passed }.into();
        }
    };
    match dispatch(&cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            if let Some(stop) = error.downcast_ref::<Stop>() {
                tell(format_args!("kakehashi-check: {}", cli.lang.of(&stop.message)));
                return stop.exit.into();
            }
            let failed = cli.lang.pick("途中で失敗しました", "failed");
            tell(format_args!("kakehashi-check: {failed}: {error:#}"));
            Exit::Failed.into()
        }
    }
}

fn dispatch(cli: &Cli) -> anyhow::Result<Exit> {
    let language = cli.lang;
    let key_folder = || KeyFolder::new(cli.config.as_deref());
    match &cli.command {
        Command::Check(arguments) => check::run(arguments, &Catalogue::builtin()?, language),
        Command::Seal(arguments) => {
            seal::run(arguments, &key_folder()?, &Catalogue::builtin()?, language)
        }
        Command::Open(arguments) => {
            open::run(arguments, &key_folder()?, &Catalogue::builtin()?, language)
        }
        Command::Definitions { forms } => {
            definitions::print(&Catalogue::builtin()?, *forms, language)
        }
        Command::Xsd { key } => definitions::print_xsd(&Catalogue::builtin()?, key),
        Command::Spec(arguments) => definitions::specify(&Catalogue::builtin()?, arguments),
        Command::Keys(command) => keys(command, &key_folder()?, language),
    }
}

fn keys(command: &KeysCommand, folder: &KeyFolder, language: Language) -> anyhow::Result<Exit> {
    match command {
        KeysCommand::New { sender, registry } => {
            if let Some(code) = sender {
                let known = folder.new_sender(code.clone())?;
                let ask = language.pick(
                    "次の行を登録センターへ届け、電話などで指紋を確かめてもらってください。",
                    "Give this line to the registry, and let it compare the fingerprint by telephone.",
                );
                answer(format_args!("{ask}\n{known}\n{}", known.key.fingerprint()))?;
            }
            if let Some(path) = registry {
                let recipient = keys::new_identity(path)?;
                answer(format_args!("{recipient}\n{}", recipient.fingerprint()))?;
            }
        }
        KeysCommand::Set { recipient, recipients, senders } => {
            let mut all = recipient.clone();
            if let Some(path) = recipients {
                let missing = || Stop::output(path, &std::io::ErrorKind::NotFound.into());
                all.extend(keys::read_recipients(path, missing)?);
            }
            if all.len() > RECIPIENTS_MAX {
                return Err(Stop::new(
                    Exit::Keys,
                    format!("宛先は{RECIPIENTS_MAX}個までです。"),
                    format!("at most {RECIPIENTS_MAX} recipients"),
                )
                .into());
            }
            if !all.is_empty() {
                folder.set_recipients(&all)?;
            }
            if let Some(path) = senders {
                folder.set_senders(&keys::read_senders(path)?)?;
            }
            folder.show(language)?;
        }
        KeysCommand::Show => folder.show(language)?,
    }
    Ok(Exit::Passed)
}
