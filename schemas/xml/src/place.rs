//! Where something is wrong.

use kakehashi_forms::Finding;

/// A place in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The element, as `XPath` says it: `/batch/form[12]/severity/hy`. An element that the form does not have is
    /// `*[3]`, the third of its parent: its name could be anything, also a patient's.
    pub path: String,
}

/// Something wrong with the XML, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// Where.
    pub place: Place,
    /// What. Its message does not repeat the place.
    pub finding: Finding,
}

impl Defect {
    /// The finding alone, its place said in its message.
    pub fn into_finding(self) -> Finding {
        let Place { line, column, .. } = self.place;
        let mut finding = self.finding;
        if finding.rule.starts_with("xml.") {
            finding.message.ja = format!("{line}行目{column}文字目：{}", finding.message.ja);
            finding.message.en = format!("Line {line}, column {column}: {}", finding.message.en);
        }
        finding
    }
}
