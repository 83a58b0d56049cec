//! Forms to check, a place to work in, and the tool.

use std::{
    fmt::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use kakehashi_forms::{Answer, Answers, Edition, Value};
use kakehashi_kernel::Timestamp;
use kakehashi_kit::FilledForm;
use kakehashi_xml::{BatchHeader, BatchWriter, SentHeader, write_sent_form};
use tempfile::TempDir;

/// A folder with a space and Japanese in its name, and a set of keys in it.
pub(crate) struct Desk {
    folder: TempDir,
}

/// How a run of the tool ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("検査 の机 ").tempdir().unwrap();
        Self { folder }
    }

    /// One with a registry's key, a sender's, and each known to the other.
    pub(crate) fn with_keys() -> Self {
        let desk = Self::new();
        let made = desk.run(&["keys", "new", "--registry", "registry.key"]);
        assert_eq!(made.code, 0, "{made:?}");
        let recipient = made.out.lines().next().unwrap().to_owned();
        assert_eq!(desk.run(&["keys", "set", "--recipient", &recipient]).code, 0);
        assert_eq!(desk.run(&["keys", "new", "--sender", "1310000001"]).code, 0);
        assert_eq!(desk.run(&["keys", "set", "--senders", "keys/sender.txt"]).code, 0);
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// The tool, in this folder.
    pub(crate) fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kakehashi-check"));
        command.args(["--config", "keys"]).args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.tool(arguments))
    }

    /// Another program, in this folder. It must be there: `ops/test` installs it.
    pub(crate) fn other(&self, program: &str, arguments: &[&str]) -> Ran {
        ran(Command::new(program).args(arguments).current_dir(self.folder.path()))
    }

    /// The rows of an error list in UTF-8, its heading left out.
    pub(crate) fn rows(&self, name: &str) -> Vec<Vec<String>> {
        let table = kakehashi_exchange::csv::read(&self.read(name)).unwrap();
        assert!(table.rows[0].len() == 12, "{:?}", table.rows[0]);
        table.rows[1..].to_vec()
    }

    /// Those of them that are errors: samples may hold something a person should look at.
    pub(crate) fn errors(&self, name: &str) -> Vec<Vec<String>> {
        let rows = self.rows(name).into_iter();
        rows.filter(|row| row[5] == "E").collect()
    }
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A form that passes.
pub(crate) fn good(index: u32) -> FilledForm {
    kakehashi_kit::filled(7, index)
}

/// One without a name: an error.
pub(crate) fn nameless(index: u32) -> FilledForm {
    let mut form = good(index);
    assert!(form.answers.remove("name_kanji").is_some(), "the sample has a name");
    form
}

/// A form as a file of its own.
pub(crate) fn document(form: &FilledForm) -> String {
    write_sent_form(kakehashi_kit::definition(), &header(form, false), &form.answers)
}

/// A form with two items only, which says so.
pub(crate) fn partial(index: u32) -> String {
    let form = good(index);
    let kept = ["name_kanji", "name_kana"];
    let answers: Answers = kept
        .iter()
        .map(|item| ((*item).to_owned(), form.answers.get(item).unwrap().clone()))
        .collect();
    write_sent_form(kakehashi_kit::definition(), &header(&form, true), &answers)
}

/// A form whose name is `name`.
pub(crate) fn named(index: u32, name: &str) -> FilledForm {
    let mut form = good(index);
    form.answers.set("name_kanji", Answer::Given(Value::Text(name.to_owned())));
    form
}

/// Forms in a batch.
pub(crate) fn batch(forms: &[FilledForm]) -> Vec<u8> {
    let count = u32::try_from(forms.len()).unwrap();
    let header = BatchHeader {
        sender: "1310000001".to_owned(),
        created: Timestamp(1_795_359_600_000),
        tool: "test".to_owned(),
        tool_version: "1".to_owned(),
        definitions: Edition::builtin().digest,
        count,
    };
    let mut writer = BatchWriter::begin(Vec::new(), &header).unwrap();
    for form in forms {
        writer
            .form(kakehashi_kit::definition(), &self::header(form, false), &form.answers)
            .unwrap();
    }
    writer.finish().unwrap()
}

fn header(form: &FilledForm, is_partial: bool) -> SentHeader {
    let mut reference = String::new();
    write!(reference, "K-{:06}", form.index).unwrap();
    let reference = reference.parse().unwrap();
    SentHeader { reference, application: form.application, is_partial }
}
