//! The published check specification: every form version as HTML, XLSX, XSD and FHIR JSON, and a list of
//! them, in a new folder that a web server or a file share hands out as it is.

use std::{
    fs, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context, bail};
use kakehashi_forms::{Catalogue, Definition, Edition};

const STYLE: &str = "\
body{font-family:'BIZ UDPGothic','Yu Gothic',Meiryo,sans-serif;margin:1.5rem;color:#1a1a1c;line-height:1.6}\
h1{font-size:1.5rem}table{border-collapse:collapse;font-size:.875rem}\
th,td{border:1px solid #949494;padding:.25rem .5rem;text-align:left;vertical-align:top}\
thead th{background:#e8f1fe;position:sticky;top:0}td:first-child{white-space:nowrap}";

/// What was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) forms: usize,
    pub(super) bytes: usize,
}

/// Writes everything. The folder appears when all is in it.
pub(super) fn publish(catalogue: &Catalogue, folder: &Path) -> anyhow::Result<Published> {
    if folder.exists() {
        bail!("{} is there already; name a new folder", folder.display());
    }
    let part = beside(folder)?;
    fs::create_dir(&part).with_context(|| {
        format!("cannot create {} (left by a run that was cut short? remove it)", part.display())
    })?;
    let published = write_all(catalogue, &part)
        .and_then(|published| Ok((published, fs::rename(&part, folder)?)))
        .with_context(|| format!("cannot write {}", folder.display()));
    match published {
        Ok((published, ())) => Ok(published),
        Err(error) => {
            // The first error is the one to tell.
            let _left = fs::remove_dir_all(&part);
            Err(error)
        }
    }
}

/// Where the folder grows: beside its place, so that it can be renamed.
fn beside(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut name = folder.file_name().context("a folder needs a name")?.to_owned();
    name.push(".part");
    Ok(folder.with_file_name(name))
}

fn write_all(catalogue: &Catalogue, folder: &Path) -> anyhow::Result<Published> {
    let forms: Vec<&Definition> = catalogue.iter().collect();
    let index = index(&forms);
    fs::write(folder.join("index.html"), &index)?;
    for form in &forms {
        fs::create_dir_all(folder.join(form.key().programme.as_str()))?;
    }
    let next = AtomicUsize::new(0);
    let bytes = thread::scope(|scope| {
        let work = || -> anyhow::Result<usize> {
            let mut bytes = 0;
            while let Some(form) = forms.get(next.fetch_add(1, Ordering::Relaxed)) {
                bytes += write(form, folder)?;
            }
            Ok(bytes)
        };
        let count = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        let mut bytes = index.len();
        for worker in workers {
            bytes += worker.join().map_err(|_| anyhow::anyhow!("a worker gave up"))??;
        }
        anyhow::Ok(bytes)
    })?;
    Ok(Published { forms: forms.len(), bytes })
}

fn write(form: &Definition, folder: &Path) -> anyhow::Result<usize> {
    let questionnaire = serde_json::to_vec_pretty(&kakehashi_fhir::questionnaire(form))?;
    let files = [
        ("html", kakehashi_spec::html(form).into_bytes()),
        ("xlsx", kakehashi_spec::xlsx(form)?),
        ("xsd", kakehashi_xml::batch_xsd(&[form]).into_bytes()),
        ("return.xsd", kakehashi_xml::xsd(form).into_bytes()),
        ("fhir.json", questionnaire),
    ];
    let mut written = 0;
    for (extension, bytes) in files {
        let path = folder.join(file(form, extension));
        fs::write(&path, &bytes).map_err(|error| named(&path, error))?;
        written += bytes.len();
    }
    Ok(written)
}

fn named(path: &Path, error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("cannot write {}", path.display()))
}

/// `nanbyo/0006-000-2403.html`.
fn file(form: &Definition, extension: &str) -> String {
    let key = form.key();
    let (programme, number, branch) = (key.programme, key.number, key.branch);
    format!("{programme}/{number:04}-{branch:03}-{:04}.{extension}", key.version)
}

/// The list, for the browser's own search: one page, every name, reading and key on it.
fn index(forms: &[&Definition]) -> String {
    let Edition { day, digest } = Edition::builtin();
    let rows: String = forms.iter().map(|form| row(form)).collect();
    let count = forms.len();
    format!(
        "<!DOCTYPE html>\n<html lang=\"ja\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>様式仕様書一覧</title><style>{STYLE}</style></head><body>\
         <h1>様式仕様書一覧</h1>\n\
         <p>{count}版。様式定義 {day}版（SHA-256 <code>{digest}</code>）。\
         疾病名・ふりがな・番号は、ブラウザーのページ内検索（Ctrl+F）で探せます。</p>\n\
         <table><thead><tr>{}</tr></thead><tbody>\n{rows}</tbody></table></body></html>\n",
        [
            "様式の版",
            "疾病名",
            "ふりがな",
            "英語名",
            "記載日",
            "項目",
            "機械判定",
            "要確認",
            "仕様書"
        ]
        .map(|name| format!("<th scope=\"col\">{name}</th>"))
        .concat(),
    )
}

fn row(form: &Definition) -> String {
    let until = form.valid_until().map_or_else(String::new, |day| day.plus_days(-1).to_string());
    let judged = match (form.has_diagnosis(), form.has_severity()) {
        (true, true) => "診断・重症度",
        (true, false) => "診断",
        (false, true) => "重症度",
        (false, false) => "なし",
    };
    let links = [
        ("html", "HTML"),
        ("xlsx", "XLSX"),
        ("xsd", "XSD"),
        ("return.xsd", "XSD（入力委託の納品）"),
        ("fhir.json", "FHIR"),
    ]
    .map(|(extension, name)| format!("<a href=\"{}\">{name}</a>", file(form, extension)));
    let unverified = form.unverified().map(|text| text.ja.as_str()).unwrap_or_default();
    let cells = [
        form.key().to_string(),
        escaped(&form.name().ja),
        escaped(form.kana().unwrap_or_default()),
        escaped(&form.name().en),
        format!("{}～{until}", form.valid_from()),
        form.items().count().to_string(),
        judged.to_owned(),
        escaped(unverified),
        links.join(" "),
    ];
    format!("<tr>{}</tr>\n", cells.map(|cell| format!("<td>{cell}</td>")).concat())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_and_links_every_form() {
        let catalogue = Catalogue::builtin().unwrap();
        let forms: Vec<&Definition> = catalogue.iter().collect();
        let page = index(&forms);
        assert_eq!(page.matches("<tr>").count(), forms.len() + 1);
        assert!(page.contains("パーキンソン病") && page.contains("nanbyo/0006-000-2403.fhir.json"));
        for form in forms {
            assert!(page.contains(&escaped(&form.name().ja)), "{}", form.key());
            assert!(page.contains(&format!("\"{}\"", file(form, "html"))), "{}", form.key());
        }
    }

    #[test]
    fn a_form_becomes_five_files() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::builtin().unwrap();
        let form = catalogue.definition("nanbyo/0006-000/2403".parse().unwrap()).unwrap();
        fs::create_dir(folder.path().join("nanbyo")).unwrap();
        let bytes = write(form, folder.path()).unwrap();
        let mut sizes = 0;
        for extension in ["html", "xlsx", "xsd", "return.xsd", "fhir.json"] {
            let written = fs::read(folder.path().join(file(form, extension))).unwrap();
            sizes += written.len();
            assert!(!written.is_empty(), "{extension}");
        }
        assert_eq!(sizes, bytes);
    }

    #[test]
    fn a_folder_that_is_there_is_left_alone_and_what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::builtin().unwrap();
        assert!(publish(&catalogue, folder.path()).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(publish(&catalogue, &folder.path().join("no/such")).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
