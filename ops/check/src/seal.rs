//! `seal`: examine, keep what passes, write it as a sealed batch.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
    rc::Rc,
};

use kakehashi_forms::{Catalogue, Edition, Localized};
use kakehashi_kernel::{
    Clock, Timestamp,
    digest::DigestWriter,
    limits::{BATCH_BYTES_MAX, BATCH_FORMS_MAX},
};
use kakehashi_seal::batch::{
    BATCH_FORMAT, BatchContent, BatchForms, BatchManifest, BatchSealer, BatchTool, Definitions,
};
use kakehashi_xml::{BatchHeader, BatchWriter};

use crate::{
    checked::CheckedForm,
    cli::SealArguments,
    examine::{Examined, Options, examine},
    exit::{Exit, Stop},
    fresh_file::{FreshFile, folder_of},
    input::Sources,
    keys::{KeyFolder, Sender},
    language::Language,
    list::ErrorList,
    screen::{answer, reason, shown_path, tell},
    spool::{FullSpool, Spool},
    summary::Summary,
    system::{SystemClock, SystemEntropy},
};

const TOOL: &str = env!("CARGO_PKG_NAME");
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Forms left out that are named on the screen.
const LEFT_OUT_SHOWN_MAX: u64 = 50;

/// Seals what passes and answers how it ended.
pub(crate) fn run(
    arguments: &SealArguments,
    keys: &KeyFolder,
    catalogue: &Catalogue,
    language: Language,
) -> anyhow::Result<Exit> {
    let (recipients, sender) = (keys.recipients()?, keys.sender(language)?);
    let out = &arguments.out;
    if out.exists() && !arguments.force {
        return Err(exists(out).into());
    }
    let sources = Sources::find(&arguments.files);
    let outputs: Vec<&Path> = [Some(&arguments.out), arguments.list.errors.as_ref()]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    sources.demand_apart_from(&outputs)?;
    let spool = Spool::create(folder_of(out), &SystemEntropy);
    let spool = spool.map_err(|error| Stop::output(out, &error))?;
    let now = SystemClock.now();
    let mut passed = Passed::new(spool, &sender, now)?;
    let summary = gather(sources, arguments, catalogue, language, &mut passed)?;
    answer(summary.words(language))?;
    if passed.count == 0 {
        let none = (
            "合格した様式がないため、バッチは作りませんでした。",
            "nothing passed; no batch was made",
        );
        tell(language.pick(none.0, none.1));
        return Ok(summary.exit().max(Exit::Findings));
    }
    let (count, left_out) = (passed.count, summary.failed);
    let batch = passed.finish(&sender, now)?;
    let manifest = batch.manifest(&sender, now, left_out)?;
    batch.write(out, arguments.force, &manifest, &sender, &recipients, now)?;
    let shown = shown_path(out);
    answer(match language {
        Language::Ja => format!("{count} 件を封入しました: {shown}（除いたもの {left_out} 件）"),
        Language::En => format!("sealed {count} forms: {shown} ({left_out} left out)"),
    })?;
    Ok(summary.exit())
}

/// Checks everything; what passes goes to `passed`, what does not to the list and, first ones, the screen.
fn gather(
    sources: Sources,
    arguments: &SealArguments,
    catalogue: &Catalogue,
    language: Language,
    passed: &mut Passed<'_>,
) -> anyhow::Result<Summary> {
    let mut list = match &arguments.list.errors {
        Some(path) => ErrorList::table(path, arguments.list.encoding, language)?,
        None => ErrorList::nowhere(language),
    };
    let mut summary = Summary::default();
    let options = Options { accepts_partial: arguments.partial, language };
    summary.files = examine(sources, catalogue, options, &mut |examined| match examined {
        Examined::Form(form) => {
            summary.form(&form, form.passes());
            if form.passes() {
                passed.take(&form)?;
            } else if summary.failed <= LEFT_OUT_SHOWN_MAX {
                show_left_out(&form, language);
            }
            form.rows.iter().try_for_each(|row| list.push(row))
        }
        Examined::Defect(row) => {
            summary.defect(&row);
            list.push(&row)
        }
        Examined::Unreadable(row) => {
            summary.unreadable(&row);
            tell(format_args!("{}: {}", row.file, language.of(&row.finding.message)));
            list.push(&row)
        }
    })?;
    list.finish()?;
    Ok(summary)
}

fn show_left_out(form: &CheckedForm<'_>, language: Language) {
    let Some(row) = form.rows.iter().find(|row| row.finding.is_error()) else { return };
    let reference = row.reference.as_deref().unwrap_or_default();
    let message = language.of(&row.finding.message);
    let left_out = language.pick("除外", "left out");
    let (file, number) = (&row.file, row.number.unwrap_or_default());
    tell(format_args!("{left_out}: {file} #{number} {reference}: {message}"));
}

fn exists(out: &Path) -> Stop {
    Stop::new(
        Exit::Output,
        format!(
            "「{}」はすでにあります。別の名前にするか、--force を付けてください。",
            shown_path(out)
        ),
        format!("{} is there already; choose another name or give --force", shown_path(out)),
    )
}

/// The scratch file beside the batch could not be written.
fn no_room(error: &io::Error) -> Stop {
    let Localized { ja, en } = reason(error);
    Stop::new(
        Exit::Output,
        format!(
            "作業用のファイルに書き込めません（{ja}）。空きのあるディスクを --out に指定してください。"
        ),
        format!("cannot write the scratch file ({en}); name a disk with room in --out"),
    )
}

/// What a [`BatchWriter`] has written and nobody took yet.
#[derive(Clone, Default)]
struct Captured(Rc<RefCell<Vec<u8>>>);

impl Captured {
    fn take(&self) -> Vec<u8> {
        self.0.take()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Forms that passed, on their way to a batch. How many there are is known at the end only, and stands at
/// the beginning of the batch: so the forms wait in a spool.
struct Passed<'e> {
    spool: Spool<'e>,
    captured: Captured,
    writer: BatchWriter<Captured>,
    digest: DigestWriter,
    forms: BTreeMap<String, u64>,
    count: u32,
}

/// A batch as it will be: what is before the forms, the forms, what is behind.
struct Batch {
    head: Vec<u8>,
    spool: RefCell<FullSpool>,
    tail: Vec<u8>,
    forms: BTreeMap<String, u64>,
    forms_digest: DigestWriter,
    count: u32,
}

fn header(sender: &Sender, now: Timestamp, count: u32) -> BatchHeader {
    BatchHeader {
        sender: sender.code.to_string(),
        created: now,
        tool: TOOL.to_owned(),
        tool_version: TOOL_VERSION.to_owned(),
        definitions: Edition::builtin().digest,
        count,
    }
}

impl<'e> Passed<'e> {
    fn new(spool: Spool<'e>, sender: &Sender, now: Timestamp) -> io::Result<Self> {
        let captured = Captured::default();
        let writer = BatchWriter::begin(captured.clone(), &header(sender, now, u32::MAX))?;
        captured.take();
        let (digest, forms) = (DigestWriter::default(), BTreeMap::new());
        Ok(Self { spool, captured, writer, digest, forms, count: 0 })
    }

    fn take(&mut self, checked: &CheckedForm<'_>) -> anyhow::Result<()> {
        let CheckedForm { form, definition, .. } = checked;
        self.count += 1;
        if usize::try_from(self.count).is_ok_and(|count| count > BATCH_FORMS_MAX)
            || self.spool.bytes() > BATCH_BYTES_MAX - 4 * 1024 * 1024
        {
            let gigabytes = BATCH_BYTES_MAX / (1024 * 1024 * 1024);
            return Err(Stop::new(
                Exit::Output,
                format!(
                    "1つのバッチには{BATCH_FORMS_MAX}件、{gigabytes}GBまでです。ファイルを分けて実行してください。"
                ),
                format!(
                    "a batch holds at most {BATCH_FORMS_MAX} forms and {gigabytes} GB; run it on parts"
                ),
            )
            .into());
        }
        self.writer.form(definition, &form.header, &form.answers)?;
        self.spool.push(&self.captured.take()).map_err(|error| no_room(&error))?;
        let canonical = kakehashi_xml::digest(definition, &form.header, &form.answers);
        self.digest.update(format!("{canonical}\n").as_bytes());
        *self.forms.entry(form.key.to_string()).or_default() += 1;
        Ok(())
    }

    fn finish(self, sender: &Sender, now: Timestamp) -> anyhow::Result<Batch> {
        let captured = Captured::default();
        let _unfinished = BatchWriter::begin(captured.clone(), &header(sender, now, self.count))?;
        let head = captured.take();
        let empty = BatchWriter::begin(captured.clone(), &header(sender, now, 0))?;
        captured.take();
        empty.finish()?;
        let tail = captured.take();
        let spool = RefCell::new(self.spool.finish().map_err(|error| no_room(&error))?);
        let (forms, forms_digest, count) = (self.forms, self.digest, self.count);
        Ok(Batch { head, spool, tail, forms, forms_digest, count })
    }
}

impl Batch {
    /// Gives all of `batch.xml` out.
    fn read(&self, mut each: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        each(&self.head)?;
        self.spool.borrow_mut().read(&mut each)?;
        each(&self.tail)
    }

    fn manifest(
        &self,
        sender: &Sender,
        now: Timestamp,
        left_out: u64,
    ) -> anyhow::Result<BatchManifest> {
        let mut digest = DigestWriter::default();
        self.read(|bytes| {
            digest.update(bytes);
            Ok(())
        })?;
        let bytes = self.spool.borrow().bytes + (self.head.len() + self.tail.len()) as u64;
        let Edition { day, digest: definitions } = Edition::builtin();
        let forms = self.forms.iter();
        Ok(BatchManifest {
            format: BATCH_FORMAT,
            sender: sender.code.clone(),
            sender_key: sender.key.public(),
            created: now.to_string(),
            tool: BatchTool { name: TOOL.to_owned(), version: TOOL_VERSION.to_owned() },
            definitions: Definitions { edition: day, digest: definitions },
            forms: forms
                .map(|(form, count)| BatchForms { form: form.clone(), count: *count })
                .collect(),
            forms_count: u64::from(self.count),
            forms_digest: self.forms_digest.clone().finish(),
            left_out,
            content: BatchContent { bytes, digest: digest.finish() },
        })
    }

    fn write(
        &self,
        out: &Path,
        is_forced: bool,
        manifest: &BatchManifest,
        sender: &Sender,
        recipients: &[kakehashi_seal::age::Recipient],
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let failed = |error: io::Error| Stop::output(out, &error);
        let mut file = FreshFile::create(out).map_err(failed)?;
        let mut sealed = Vec::new();
        let seconds = u64::try_from(now.0 / 1000).unwrap_or_default();
        let (key, entropy) = (&sender.key, &SystemEntropy);
        let mut batch = BatchSealer::new(manifest, key, recipients, seconds, entropy, &mut sealed)?;
        self.read(|bytes| {
            batch.seal(bytes, &mut sealed)?;
            file.write_all(&sealed).map_err(failed)?;
            sealed.clear();
            Ok(())
        })?;
        batch.finish(&mut sealed)?;
        file.write_all(&sealed).map_err(failed)?;
        let commit = if is_forced { FreshFile::commit } else { FreshFile::commit_new };
        Ok(commit(file).map_err(failed)?)
    }
}
