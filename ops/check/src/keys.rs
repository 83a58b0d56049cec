//! Keys on this computer: whom to seal for, and what to sign with.
//!
//! The folder holds `recipients.txt` (age recipients of the registry, one a line), `sender.key` (our secret,
//! readable by its owner only), `sender.txt` (our code and public key: the line the registry needs) and, where
//! batches are opened, `senders.txt` (such lines of everybody who may send).

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use kakehashi_seal::{
    age::{Identity, RECIPIENTS_MAX, Recipient},
    batch::{KnownSender, KnownSenders, SenderCode, SenderKey},
};
use zeroize::Zeroizing;

use crate::{
    exit::{Exit, Stop},
    fresh_file::FreshFile,
    language::Language,
    screen::{answer, shown_path, tell},
    system::SystemEntropy,
};

/// Bytes of one key file at most.
const KEY_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Identities in one file at most.
const IDENTITIES_MAX: usize = 20;

/// The folder the keys are in.
pub(crate) struct KeyFolder(PathBuf);

/// Who we are when we send.
pub(crate) struct Sender {
    pub(crate) code: SenderCode,
    pub(crate) key: SenderKey,
}

impl KeyFolder {
    /// The folder named, or the usual place for a user's settings.
    pub(crate) fn new(named: Option<&Path>) -> anyhow::Result<Self> {
        let folder = named.map(Path::to_owned).or_else(usual_folder).ok_or_else(|| {
            Stop::new(
                Exit::Keys,
                "設定フォルダーの場所が分かりません。--config で指定してください。",
                "no place for settings; name a folder with --config",
            )
        })?;
        Ok(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes our sender key. Never over one that is there: batches signed with it are on their way.
    pub(crate) fn new_sender(&self, code: SenderCode) -> anyhow::Result<KnownSender> {
        let path = self.path("sender.key");
        if path.exists() {
            return Err(Stop::new(
                Exit::Keys,
                format!(
                    "鍵はすでにあります（{}）。作り直すときは、先に別の場所へ移してください。",
                    shown_path(&path)
                ),
                format!("there is a key already ({}); move it away first", shown_path(&path)),
            )
            .into());
        }
        fs::create_dir_all(&self.0).map_err(|error| Stop::output(&self.0, &error))?;
        let key = SenderKey::generate(&SystemEntropy);
        let known = KnownSender { code, key: key.public() };
        write_new(&path, format!("# {known}\n{}\n", key.expose().as_str()))?;
        write(&self.path("sender.txt"), format!("{known}\n"))?;
        Ok(known)
    }

    /// Sets whom to seal for.
    pub(crate) fn set_recipients(&self, recipients: &[Recipient]) -> anyhow::Result<()> {
        fs::create_dir_all(&self.0).map_err(|error| Stop::output(&self.0, &error))?;
        write(&self.path("recipients.txt"), lines(recipients))
    }

    /// Sets from whom batches are accepted.
    pub(crate) fn set_senders(&self, senders: &KnownSenders) -> anyhow::Result<()> {
        fs::create_dir_all(&self.0).map_err(|error| Stop::output(&self.0, &error))?;
        write(&self.path("senders.txt"), lines(senders.iter()))
    }

    /// Whom to seal for.
    pub(crate) fn recipients(&self) -> anyhow::Result<Vec<Recipient>> {
        let path = self.path("recipients.txt");
        let missing = || {
            Stop::new(
                Exit::Keys,
                "宛先（登録センター）の公開鍵がありません。kakehashi-check keys set --recipient age1… で設定してください。",
                "no recipients; set them with kakehashi-check keys set --recipient age1…",
            )
        };
        let recipients = read_recipients(&path, missing)?;
        if recipients.is_empty() { Err(missing().into()) } else { Ok(recipients) }
    }

    /// Who we are.
    pub(crate) fn sender(&self, language: Language) -> anyhow::Result<Sender> {
        let missing = || {
            Stop::new(
                Exit::Keys,
                "送信者の鍵がありません。kakehashi-check keys new --sender 医療機関コード で作ってください。",
                "no sender key; make one with kakehashi-check keys new --sender CODE",
            )
        };
        warn_if_shared(&self.path("sender.key"), language);
        let text = read(&self.path("sender.key"), missing)?;
        let known = read(&self.path("sender.txt"), missing)?;
        let secret = text.lines().find(|line| is_content(line));
        let key: SenderKey = secret
            .and_then(|line| line.trim().parse().ok())
            .ok_or_else(|| malformed(&self.path("sender.key")))?;
        let known: KnownSender =
            known.trim().parse().map_err(|_| malformed(&self.path("sender.txt")))?;
        if known.key != key.public() {
            return Err(malformed(&self.path("sender.txt")).into());
        }
        Ok(Sender { code: known.code, key })
    }

    /// Shows what is there: public keys and fingerprints, no secret.
    pub(crate) fn show(&self, language: Language) -> anyhow::Result<()> {
        answer(format_args!(
            "{}: {}",
            language.pick("設定フォルダー", "settings"),
            shown_path(&self.0)
        ))?;
        match self.sender(language) {
            Ok(sender) => {
                let public = sender.key.public();
                let label = language.pick("送信者", "sender");
                let (code, fingerprint) = (sender.code, public.fingerprint());
                answer(format_args!("{label}: {code} {public}\n  {fingerprint}"))?;
            }
            Err(error) => self.show_missing("sender.key", error, language)?,
        }
        match self.recipients() {
            Ok(recipients) => {
                for recipient in recipients {
                    let label = language.pick("宛先", "recipient");
                    let fingerprint = recipient.fingerprint();
                    answer(format_args!("{label}: {recipient}\n  {fingerprint}"))?;
                }
            }
            Err(error) => self.show_missing("recipients.txt", error, language)?,
        }
        Ok(())
    }

    /// A key that is not there is no failure of showing; one that cannot be read is.
    fn show_missing(
        &self,
        name: &str,
        error: anyhow::Error,
        language: Language,
    ) -> anyhow::Result<()> {
        if self.path(name).exists() {
            return Err(error);
        }
        match error.downcast::<Stop>() {
            Ok(stop) => answer(language.of(&stop.message)),
            Err(error) => Err(error),
        }
    }

    /// From whom batches are accepted: the list named, or the folder's.
    pub(crate) fn senders(&self, named: Option<&Path>) -> anyhow::Result<KnownSenders> {
        let path = named.map_or_else(|| self.path("senders.txt"), Path::to_owned);
        read_senders(&path)
    }
}

/// Reads a list of senders.
pub(crate) fn read_senders(path: &Path) -> anyhow::Result<KnownSenders> {
    let text = read(path, || {
        Stop::new(
            Exit::Keys,
            "送信者一覧がありません。--senders で指定するか、kakehashi-check keys set --senders FILE で設定してください。",
            "no list of senders; name it with --senders, or set it with kakehashi-check keys set --senders FILE",
        )
    })?;
    Ok(text.parse().map_err(|_| malformed(path))?)
}

/// Reads a list of recipients, one a line, `#` before comments.
pub(crate) fn read_recipients(
    path: &Path,
    missing: impl Fn() -> Stop,
) -> anyhow::Result<Vec<Recipient>> {
    let text = read(path, missing)?;
    let lines = text.lines().filter(|line| is_content(line));
    let recipients: Result<Vec<Recipient>, _> = lines.map(|line| line.trim().parse()).collect();
    let recipients = recipients.map_err(|_| malformed(path))?;
    if recipients.len() > RECIPIENTS_MAX { Err(malformed(path).into()) } else { Ok(recipients) }
}

/// Reads secret age identities, one a line.
pub(crate) fn read_identities(path: &Path, language: Language) -> anyhow::Result<Vec<Identity>> {
    warn_if_shared(path, language);
    let text = read(path, || {
        Stop::new(
            Exit::Keys,
            format!("鍵のファイル「{}」がありません。", shown_path(path)),
            format!("there is no key file {}", shown_path(path)),
        )
    })?;
    let lines = text.lines().filter(|line| is_content(line));
    let identities: Result<Vec<Identity>, _> = lines.map(|line| line.trim().parse()).collect();
    let identities = identities.map_err(|_| malformed(path))?;
    if identities.is_empty() || identities.len() > IDENTITIES_MAX {
        return Err(malformed(path).into());
    }
    Ok(identities)
}

/// Makes an age identity for a registry, as `age-keygen` does.
pub(crate) fn new_identity(path: &Path) -> anyhow::Result<Recipient> {
    let identity = Identity::generate(&SystemEntropy);
    let recipient = identity.recipient();
    write_new(path, format!("# public key: {recipient}\n{}\n", identity.expose().as_str()))?;
    Ok(recipient)
}

fn lines(items: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let mut lines: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    lines.push(String::new());
    lines.join("\n")
}

fn is_content(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#')
}

fn malformed(path: &Path) -> Stop {
    Stop::new(
        Exit::Keys,
        format!("鍵のファイル「{}」の内容が正しくありません。", shown_path(path)),
        format!("the key file {} is not right", shown_path(path)),
    )
}

fn read(path: &Path, missing: impl Fn() -> Stop) -> anyhow::Result<Zeroizing<String>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing().into()),
        Err(error) => return Err(Stop::input(Exit::Keys, path, &error).into()),
    };
    let mut text = Zeroizing::new(String::new());
    file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).map_err(|_| malformed(path))?;
    // An editor of Windows may have put a byte order mark before it.
    if let Some(rest) = text.strip_prefix('\u{FEFF}') {
        text = Zeroizing::new(rest.to_owned());
    }
    Ok(text)
}

/// Says so when others than its owner may read a secret. The run goes on: the harm, if any, is done.
#[cfg(unix)]
fn warn_if_shared(path: &Path, language: Language) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = fs::metadata(path) else { return };
    let of_others = metadata.permissions().mode() & 0o077;
    if of_others == 0 {
        return;
    }
    let path = shown_path(path);
    tell(match language {
        Language::Ja => format!(
            "注意: 秘密鍵「{path}」をほかの利用者も読めます。chmod 600 で自分だけにしてください。"
        ),
        Language::En => format!("warning: others may read the secret key {path}; chmod 600 it"),
    });
}

/// Who may read a file is not told by a mode on Windows.
#[cfg(not(unix))]
fn warn_if_shared(_: &Path, _: Language) {}

/// Fresh files are readable by their owner only.
fn write(path: &Path, text: String) -> anyhow::Result<()> {
    let text = Zeroizing::new(text);
    let written = FreshFile::create(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.commit()
    });
    Ok(written.map_err(|error| Stop::output(path, &error))?)
}

fn write_new(path: &Path, text: String) -> anyhow::Result<()> {
    let text = Zeroizing::new(text);
    let written = FreshFile::create(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.commit_new()
    });
    Ok(written.map_err(|error| Stop::output(path, &error))?)
}

#[cfg(windows)]
fn usual_folder() -> Option<PathBuf> {
    std::env::var_os("APPDATA").map(|folder| PathBuf::from(folder).join("kakehashi-check"))
}

#[cfg(not(windows))]
fn usual_folder() -> Option<PathBuf> {
    let settings = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let settings = settings.filter(|folder| folder.is_absolute());
    let settings = settings.or_else(|| Some(std::env::home_dir()?.join(".config")));
    settings.map(|folder| folder.join("kakehashi-check"))
}
