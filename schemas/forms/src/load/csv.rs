//! Reads `lists/*.csv`: UTF-8 with or without BOM, comma, quotes doubled inside quotes, a header line.

/// One record with the line it begins on, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: Vec<String>,
}

/// The text is not CSV.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidCsv {
    pub(super) line: usize,
    pub(super) problem: &'static str,
}

/// Where the reader stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Plain,
    Quoted,
    /// Behind a quote inside quotes: the end of the field, or half of a doubled quote.
    Quote,
}

/// Parts a text into records; empty lines are left out.
pub(super) fn records(text: &str) -> Result<Vec<Record>, InvalidCsv> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut records = Vec::new();
    let mut record = Record { line: 1, fields: Vec::new() };
    let (mut field, mut at, mut line) = (String::new(), At::Start, 1);
    for c in text.replace("\r\n", "\n").chars() {
        line += usize::from(c == '\n');
        at = match (at, c) {
            (At::Quoted, '"') => At::Quote,
            (At::Quoted, c) => {
                field.push(c);
                At::Quoted
            }
            (At::Quote, '"') => {
                field.push('"');
                At::Quoted
            }
            (At::Start, '"') => At::Quoted,
            (_, ',') => {
                record.fields.push(std::mem::take(&mut field));
                At::Start
            }
            (_, '\n') => {
                record.fields.push(std::mem::take(&mut field));
                let next = Record { line, fields: Vec::new() };
                records.push(std::mem::replace(&mut record, next));
                At::Start
            }
            (At::Plain, '"') => return Err(InvalidCsv { line, problem: "a quote inside a field" }),
            (At::Quote, _) => return Err(InvalidCsv { line, problem: "text behind a quote" }),
            (At::Start | At::Plain, c) => {
                field.push(c);
                At::Plain
            }
        };
    }
    if at == At::Quoted {
        return Err(InvalidCsv { line: record.line, problem: "a quote without its end" });
    }
    record.fields.push(field);
    records.push(record);
    records.retain(|record| record.fields != [""]);
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        records(text).unwrap().into_iter().map(|record| (record.line, record.fields)).collect()
    }

    #[test]
    fn fields_are_read_with_their_quotes_and_line_ends() {
        let text = "\u{FEFF}a,b\r\n\r\n\"1,\"\"2\"\"\nx\",\r\n,二";
        let expected: [(usize, &[&str]); 3] =
            [(1, &["a", "b"]), (3, &["1,\"2\"\nx", ""]), (5, &["", "二"])];
        let expected: Vec<(usize, Vec<String>)> = expected
            .into_iter()
            .map(|(line, fields)| (line, fields.iter().map(|field| (*field).to_owned()).collect()))
            .collect();
        assert_eq!(read(text), expected);
        assert_eq!(read("a\n"), [(1, vec!["a".to_owned()])]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn broken_quotes_are_refused_with_their_line() {
        let refused = |text: &str| records(text).unwrap_err();
        assert_eq!(refused("a\nb\"c\n").line, 2);
        assert_eq!(refused("a\n\"b\"c\n").line, 2);
        assert_eq!(refused("a\n\"b\nc").line, 2);
    }
}
