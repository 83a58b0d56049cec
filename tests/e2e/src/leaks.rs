//! Looks for a text that must be nowhere, in every form a careless program might write it.

use std::{
    fmt::Write,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose};

/// One form of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Needle {
    form: String,
    bytes: Vec<u8>,
}

/// The text in all its forms.
#[derive(Debug, Clone, Default)]
pub struct Needles(Vec<Needle>);

/// Where the text was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// In which file, or whose name.
    pub path: PathBuf,
    /// In which form.
    pub form: String,
    /// What stands around it.
    pub around: String,
}

impl Needles {
    /// Adds a text of at least 8 bytes: shorter ones are found by chance.
    #[must_use]
    pub fn with(mut self, name: &str, text: &str) -> Self {
        assert!(text.len() >= 8, "{text} is found everywhere by chance");
        self.add(name, "utf-8", text.as_bytes().to_vec());
        self.add(name, "lower case", text.to_lowercase().into_bytes());
        self.add(name, "upper case", text.to_uppercase().into_bytes());
        self.add(name, "utf-16le", text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        self.add(name, "utf-16be", text.encode_utf16().flat_map(u16::to_be_bytes).collect());
        self.add(name, "hex", hex::encode(text).into_bytes());
        self.add(name, "HEX", hex::encode_upper(text).into_bytes());
        for (form, write) in [
            ("percent", (|byte| format!("%{byte:02X}")) as fn(u8) -> String),
            ("escaped bytes", |byte| format!("\\x{byte:02x}")),
            ("list of bytes", |byte| format!("{byte}, ")),
        ] {
            self.add(name, form, text.bytes().map(write).collect::<String>().into_bytes());
        }
        let escaped = text.encode_utf16().fold(String::new(), |mut json, unit| {
            write!(json, "\\u{unit:04x}").expect("a String takes all");
            json
        });
        self.add(name, "json escapes", escaped.into_bytes());
        for (form, engine) in [
            ("base64", &general_purpose::STANDARD_NO_PAD),
            ("base64url", &general_purpose::URL_SAFE_NO_PAD),
        ] {
            for shift in 0..3 {
                // What stands before the text shifts its letters; those at both ends are shared.
                let shifted = [&vec![0; shift][..], text.as_bytes()].concat();
                let letters = engine.encode(&shifted).into_bytes();
                let whole = (shift * 8).div_ceil(6)..shifted.len() * 8 / 6;
                self.add(name, &format!("{form} shifted by {shift}"), letters[whole].to_vec());
            }
        }
        self
    }

    fn add(&mut self, name: &str, form: &str, bytes: Vec<u8>) {
        if !self.0.iter().any(|known| known.bytes == bytes) {
            self.0.push(Needle { form: format!("{name} in {form}"), bytes });
        }
    }

    /// Looks into bytes; `path` is for the report.
    pub fn look_into(&self, path: &Path, bytes: &[u8]) -> Vec<Leak> {
        let found = self.0.iter().filter_map(|needle| {
            let at = position(bytes, &needle.bytes)?;
            let end = bytes.len().min(at + needle.bytes.len() + 60);
            let around = String::from_utf8_lossy(&bytes[at.saturating_sub(120)..end]).into_owned();
            Some(Leak { path: path.to_owned(), form: needle.form.clone(), around })
        });
        found.collect()
    }

    /// Looks at every file, its name and its content, in `folder` and below. Answers also how many
    /// files and bytes it saw.
    #[track_caller]
    pub fn look_through(&self, folder: &Path) -> (Vec<Leak>, usize, usize) {
        let (mut leaks, mut files, mut seen) = (Vec::new(), 0, 0);
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let entry = entry.expect("the folder can be read");
            leaks.extend(self.look_into(&entry.path(), entry.file_name().as_bytes()));
            if entry.file_type().expect("an entry has a type").is_dir() {
                let below = self.look_through(&entry.path());
                leaks.extend(below.0);
                files += below.1;
                seen += below.2;
            } else {
                let bytes = fs::read(entry.path()).expect("a file can be read");
                leaks.extend(self.look_into(&entry.path(), &bytes));
                files += 1;
                seen += bytes.len();
            }
        }
        (leaks, files, seen)
    }
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let (first, rest) = needle.split_first()?;
    let mut from = 0;
    while let Some(step) = bytes.get(from..)?.iter().position(|byte| byte == first) {
        let at = from + step;
        if bytes[at + 1..].starts_with(rest) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Marker-4711";
    const KANA: &str = "かけはし";

    fn leaks_of(bytes: &[u8]) -> Vec<String> {
        let needles = Needles::default().with("text", TEXT).with("kana", KANA);
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("file.bin"), bytes).unwrap();
        fs::write(folder.path().join("clean"), vec![b'M'; 4096]).unwrap();
        let (leaks, files, _) = needles.look_through(folder.path());
        assert_eq!(files, 2);
        leaks.into_iter().map(|leak| leak.form).collect()
    }

    #[test]
    fn a_planted_text_is_found_wherever_it_lies() {
        for before in 0..5 {
            let mut bytes = vec![0xff; before];
            bytes.extend_from_slice(TEXT.as_bytes());
            assert_eq!(leaks_of(&bytes), ["text in utf-8"]);
            bytes.push(0);
            assert_eq!(leaks_of(&bytes), ["text in utf-8"]);
        }
    }

    #[test]
    fn a_planted_text_is_found_in_base64_whatever_stands_around_it() {
        for before in 0..6 {
            for after in 0..4 {
                let plain = [&vec![b'x'; before][..], TEXT.as_bytes(), &vec![b'y'; after]].concat();
                let found = leaks_of(general_purpose::STANDARD.encode(plain).as_bytes());
                assert_eq!(found, [format!("text in base64 shifted by {}", before % 3)]);
            }
        }
    }

    #[test]
    fn other_forms_are_found_too() {
        let utf16: Vec<u8> = KANA.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(leaks_of(&utf16), ["kana in utf-16le"]);
        assert_eq!(leaks_of(hex::encode(KANA).as_bytes()), ["kana in hex"]);
        assert_eq!(leaks_of(b"%E3%81%8B%E3%81%91%E3%81%AF%E3%81%97"), ["kana in percent"]);
        assert_eq!(leaks_of(b"\"\\u304b\\u3051\\u306f\\u3057\""), ["kana in json escapes"]);
        let listed = format!("{:?}", TEXT.as_bytes()).replace(']', ", ");
        assert_eq!(leaks_of(listed.as_bytes()), ["text in list of bytes"]);
        assert_eq!(leaks_of(TEXT.to_uppercase().as_bytes()), ["text in upper case"]);
    }

    #[test]
    fn a_file_name_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(format!("{TEXT}.pdf")), "").unwrap();
        let (leaks, ..) = Needles::default().with("text", TEXT).look_through(folder.path());
        assert_eq!(leaks.len(), 1);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(leaks_of(b"Marker-471"), Vec::<String>::new());
        assert_eq!(leaks_of(b""), Vec::<String>::new());
    }
}
