//! What hospitals and the contractor send: XML, tables, and what people type into fields.

use kakehashi_exchange::csv;
use kakehashi_forms::Answer;
use kakehashi_kernel::LotNumber;
use kakehashi_kit::{catalogue, definition, filled};
use kakehashi_xml::{
    BatchReader, FormHeader, ReturnHeader, Sent, read_return, write_form, write_return,
};

use crate::Target;

const XML_WORDS: &[&str] = &[
    "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    "&b;",
    "&#0;",
    "&#x110000;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "--",
    "<?xml version='1.0' encoding='Shift_JIS'?>",
    "<?xml version='1.1'?>",
    " xmlns:a='urn:kakehashi:form:1'",
    " state=\"illegible\"",
    " comparator=\"lt\"",
    "<row>",
    "</form>",
    "\u{feff}",
];

fn header() -> FormHeader {
    let document = "018f0000-0000-7000-8000-000000000001";
    FormHeader {
        document: document.parse().expect("a literal id"),
        round: 1,
        application: filled(1, 0).application,
    }
}

/// A contractor's return. What is read is written and read again, and is the same.
pub(super) const RETURN: Target = Target {
    name: "return",
    run: |bytes| {
        let Ok(delivered) = read_return(bytes, catalogue()) else { return "refused" };
        let header = ReturnHeader { lot: delivered.lot, contractor: delivered.contractor.clone() };
        let forms: Vec<_> = delivered
            .forms
            .iter()
            .filter_map(|form| {
                Some((catalogue().definition(form.key)?, form.header(), &form.answers))
            })
            .collect();
        let written = write_return(&header, &forms);
        let again =
            read_return(written.as_bytes(), catalogue()).expect("what we write is readable");
        assert_eq!(again.forms.len(), delivered.forms.len());
        for (one, other) in again.forms.iter().zip(&delivered.forms) {
            assert!(one.answers == other.answers, "answers change when written and read");
        }
        match (
            delivered.unreadable.is_empty(),
            delivered.forms.iter().all(|f| f.findings.is_empty()),
        ) {
            (true, true) => "read",
            (true, false) => "findings",
            (false, _) => "unreadable",
        }
    },
    samples: || {
        let (one, two) = (filled(1, 0), filled(1, 1));
        let lot = LotNumber::new("2026-11-23".parse().expect("a literal day"), 3);
        let return_header = ReturnHeader { lot, contractor: "demo-keying".to_owned() };
        let forms =
            [(definition(), header(), &one.answers), (definition(), header(), &two.answers)];
        let all = write_return(&return_header, &forms);
        vec![all.into_bytes(), write_return(&return_header, &forms[..1]).into_bytes()]
    },
    words: XML_WORDS,
    bytes_max: 64 * 1024,
};

/// A hospital's batch or single form, in any of the encodings.
pub(super) const BATCH: Target = Target {
    name: "batch",
    run: |bytes| {
        let Ok(reader) = BatchReader::new(bytes, catalogue()) else { return "refused" };
        let (mut forms, mut unreadable) = (0_u32, 0_u32);
        for sent in reader {
            match sent {
                Ok(Sent::Form(_)) => forms += 1,
                Ok(Sent::Unreadable { .. }) => unreadable += 1,
                Err(_) => return "broken off",
            }
        }
        match (forms, unreadable) {
            (_, 0) => "read",
            (0, _) => "unreadable",
            _ => "mixed",
        }
    },
    samples: || {
        let form = write_form(definition(), &header(), &filled(1, 0).answers);
        let (_, element) = form.split_once("<form").expect("a form has an element");
        let (attributes, content) = element.split_once('>').expect("an element ends");
        let kept: Vec<&str> = attributes
            .split(' ')
            .filter(|word| !["document=", "round=", "xmlns="].iter().any(|no| word.starts_with(no)))
            .collect();
        let open = format!("<form reference=\"a-1\" {}>", kept.join(" ").trim());
        let batch = format!(
            "<batch xmlns=\"urn:kakehashi:form:1\" format=\"1\" sender=\"1310000001\" \
             created=\"2026-11-23T00:00:00Z\" tool=\"t\" tool-version=\"1\" \
             definitions=\"{}\" count=\"1\">{open}{content}</batch>",
            "0".repeat(64),
        );
        let utf16: Vec<u8> =
            [0xfeff].into_iter().chain(batch.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let single = open.replace("<form ", "<form xmlns=\"urn:kakehashi:form:1\" ");
        vec![batch.into_bytes(), utf16, format!("{single}{content}").into_bytes()]
    },
    words: XML_WORDS,
    bytes_max: 64 * 1024,
};

/// A table from a spreadsheet.
pub(super) const TABLE: Target = Target {
    name: "table",
    run: |bytes| match csv::read(bytes) {
        Ok(table) => {
            let zeros = csv::lost_zero(&table, 0, 6, 0);
            if zeros.is_empty() { "read" } else { "lost zeros" }
        }
        Err(csv::ReadError::Encoding) => "encoding",
        Err(csv::ReadError::TooLarge { .. }) => "too large",
        Err(csv::ReadError::OpenQuote { .. }) => "open quote",
    },
    samples: || {
        vec![
            "番号,氏名\r\n\"001\",\"山田 \"\"太郎\"\"\"\r\n=\"01\",'x\r\n".as_bytes().to_vec(),
            b"\xef\xbb\xbfa;b\nc,d\r\"e\nf\",\n".to_vec(),
            b"\x8e\x52\x93\x63,\x81\xac\r\n1,2\r\n".to_vec(),
        ]
    },
    words: &["\"\"", "\r\n", "=\"0", "\u{3013}", ",,,", "'"],
    bytes_max: 16 * 1024,
};

/// What a person types into a field, of every kind of field. What is read is written and read again.
pub(super) const TYPED: Target = Target {
    name: "typed",
    run: |bytes| {
        let Some((&which, text)) = bytes.split_first() else { return "nothing" };
        let text = String::from_utf8_lossy(text);
        let items: Vec<_> = definition().items().collect();
        let item = items[usize::from(which) % items.len()];
        let Ok(reading) = definition().read_noting(&item.id, &text) else { return "refused" };
        let written = definition().write(&item.id, &reading.answer);
        let again = definition().read(&item.id, &written);
        assert!(
            again.is_ok_and(|again| again == reading.answer),
            "{} changes when written",
            item.id
        );
        match reading.answer {
            Answer::Blank => "blank",
            Answer::Given(_) => "value",
            _ => "state",
        }
    },
    samples: || {
        let texts = [
            "3",
            "R6.4.1",
            "令和6年4月1日",
            "２０２４－０４",
            "<0.1",
            "0.1未満",
            "感度以下",
            "未実施",
            "1,234.5 mg",
            "ﾔﾏﾀﾞ ﾀﾛｳ",
            "1 2、3",
            "a|b\\|c\nd\t\\n",
            "2024-02-30",
            "-0",
        ];
        (0..=255)
            .map(|which| {
                [&[which][..], texts[usize::from(which) % texts.len()].as_bytes()].concat()
            })
            .collect()
    },
    words: &[
        "令和",
        "昭和64年",
        "元年",
        "未満",
        "感度以下",
        "不明",
        "|",
        "\\",
        "\n",
        "-",
        "．",
        "，",
        "‐",
    ],
    bytes_max: 4 * 1024,
};
