//! `open`: the registry's side. Decrypts a batch, verifies it, and reads every form once more before
//! anything appears under its name.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::Path,
};

use kakehashi_forms::{Catalogue, Edition};
use kakehashi_kernel::digest::DigestWriter;
use kakehashi_seal::batch::{
    BatchForms, BatchManifest, BatchOpener, BatchRefusal, Definitions, OpenedBatch,
};
use kakehashi_xml::{BatchReader, Envelope, Sent};

use crate::{
    cli::OpenArguments,
    exit::{Exit, Stop},
    fresh_file::FreshFile,
    keys::{KeyFolder, read_identities},
    language::Language,
    screen::{answer, tell},
};

const PIECE_BYTES: usize = 64 * 1024;

/// Opens a batch and answers how it ended.
pub(crate) fn run(
    arguments: &OpenArguments,
    keys: &KeyFolder,
    catalogue: &Catalogue,
    language: Language,
) -> anyhow::Result<Exit> {
    let identities = read_identities(&arguments.identity, language)?;
    let senders = keys.senders(arguments.senders.as_deref())?;
    let Edition { day, digest } = Edition::builtin();
    let opener = BatchOpener::new(identities, senders, Definitions { edition: day, digest });
    let folder = &arguments.out;
    let is_new = !folder.exists();
    fs::create_dir_all(folder).map_err(|error| Stop::output(folder, &error))?;
    let [content, manifest, signature] =
        ["batch.xml", "manifest.json", "manifest.sig"].map(|name| folder.join(name));
    if let Some(there) = [&content, &manifest, &signature].into_iter().find(|path| path.exists()) {
        let error = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(Stop::output(there, &error).into());
    }
    let mut file = FreshFile::create(&content).map_err(|error| Stop::output(&content, &error))?;
    let decrypted = decrypt(&arguments.batch, opener, &mut file, &content)?;
    let verified = decrypted.and_then(|batch| {
        let forms = file.read_back().map_err(|_| BatchRefusal::ContentChanged)?;
        let with_errors = compare(forms, catalogue, &batch.manifest)?;
        Ok((batch, with_errors))
    });
    let (batch, with_errors) = match verified {
        Ok(verified) => verified,
        Err(refusal) => {
            let message = match language {
                Language::Ja => refusal.message_ja(),
                Language::En => refusal.message_en(),
            };
            tell(format_args!("[{}] {message}", refusal.code()));
            drop(file);
            if is_new {
                // Only if nobody has put anything there.
                let _kept = fs::remove_dir(folder);
            }
            return Ok(Exit::Refused);
        }
    };
    for (path, bytes) in [(manifest, &batch.manifest_json), (signature, &batch.signature)] {
        write(&path, bytes)?;
    }
    file.commit_new().map_err(|error| Stop::output(&content, &error))?;
    let is_same = digest == batch.manifest.definitions.digest;
    accepted(&batch.manifest, with_errors, is_same, language)?;
    Ok(Exit::Passed)
}

/// Decrypts into `file`. What is wrong with the batch is the inner result; ours to fix, the outer.
fn decrypt(
    path: &Path,
    mut opener: BatchOpener,
    file: &mut FreshFile,
    content: &Path,
) -> anyhow::Result<Result<OpenedBatch, BatchRefusal>> {
    let cannot_read = |error: io::Error| Stop::input(Exit::Unreadable, path, &error);
    let mut sealed = File::open(path).map_err(cannot_read)?;
    let (mut piece, mut plain) = (vec![0; PIECE_BYTES], Vec::new());
    loop {
        let read = sealed.read(&mut piece).map_err(cannot_read)?;
        if read == 0 {
            break;
        }
        if let Err(refusal) = opener.push(piece.get(..read).unwrap_or_default(), &mut plain) {
            return Ok(Err(refusal));
        }
        file.write_all(&plain).map_err(|error| Stop::output(content, &error))?;
        plain.clear();
    }
    let ended = opener.finish(&mut plain);
    file.write_all(&plain).map_err(|error| Stop::output(content, &error))?;
    Ok(ended)
}

/// Reads the forms and compares them with the manifest; answers how many have errors by our rules.
fn compare(
    content: File,
    catalogue: &Catalogue,
    manifest: &BatchManifest,
) -> Result<u64, BatchRefusal> {
    // A form version we do not have can only be newer: the sender's tool had it.
    let newer = || BatchRefusal::NewerDefinitions { edition: manifest.definitions.edition };
    let is_known =
        |form: &BatchForms| form.form.parse().is_ok_and(|key| catalogue.definition(key).is_some());
    if !manifest.forms.iter().all(is_known) {
        return Err(newer());
    }
    let reader = BatchReader::new(BufReader::new(content), catalogue)
        .map_err(|_| BatchRefusal::ContentChanged)?;
    // Whoever signs may speak for itself only, inside too.
    let is_senders = match reader.envelope() {
        Envelope::Batch(header) => header.sender == manifest.sender.as_str(),
        Envelope::Single => false,
    };
    if !is_senders {
        return Err(BatchRefusal::ContentChanged);
    }
    let (mut digest, mut count, mut with_errors) = (DigestWriter::default(), 0, 0);
    let mut forms = BTreeMap::new();
    for sent in reader.accepting_partial() {
        let Ok(Sent::Form(form)) = sent else { return Err(BatchRefusal::ContentChanged) };
        let Some(definition) = catalogue.definition(form.key) else { return Err(newer()) };
        let canonical = kakehashi_xml::digest(definition, &form.header, &form.answers);
        digest.update(format!("{canonical}\n").as_bytes());
        count += 1;
        *forms.entry(form.key.to_string()).or_default() += 1;
        let mut findings = definition.check(&form.answers, form.header.application).into_iter();
        let counts = |rule: &str| !(form.header.is_partial && rule == "check.required");
        if findings.any(|finding| finding.is_error() && counts(&finding.rule)) {
            with_errors += 1;
        }
    }
    let announced = manifest.forms.iter().map(|forms| (forms.form.clone(), forms.count));
    let is_same = digest.finish() == manifest.forms_digest
        && count == manifest.forms_count
        && forms.len() == manifest.forms.len()
        && forms == announced.collect();
    if is_same { Ok(with_errors) } else { Err(BatchRefusal::ContentChanged) }
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let written = FreshFile::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.commit_new()
    });
    Ok(written.map_err(|error| Stop::output(path, &error))?)
}

fn accepted(
    manifest: &BatchManifest,
    with_errors: u64,
    is_same: bool,
    language: Language,
) -> anyhow::Result<()> {
    let BatchManifest { sender, created, forms_count, left_out, definitions, .. } = manifest;
    let edition = definitions.edition;
    match language {
        Language::Ja => {
            answer(format_args!(
                "受け入れました: 送信者 {sender}、作成 {created}、{forms_count} 件（除外 {left_out} 件）"
            ))?;
            if !is_same {
                answer(format_args!(
                    "様式定義がこのプログラムと異なります（送信側 {edition}版）。"
                ))?;
            }
            if with_errors > 0 {
                answer(format_args!(
                    "このプログラムの様式定義では {with_errors} 件にエラーがあります。"
                ))?;
            }
        }
        Language::En => {
            answer(format_args!(
                "accepted: sender {sender}, made {created}, {forms_count} forms ({left_out} left out)"
            ))?;
            if !is_same {
                answer(format_args!("its definitions differ from ours (edition {edition})"))?;
            }
            if with_errors > 0 {
                answer(format_args!("{with_errors} forms have errors by our definitions"))?;
            }
        }
    }
    Ok(())
}
