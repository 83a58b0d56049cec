//! The balance of the books: every scan ever receipted is in exactly one state, and what ingest says
//! agrees with what converter and registry hold, page by page.

use std::collections::BTreeMap;

use kakehashi_kernel::ScanId;
use serde::Serialize;

/// The one state a scan is in, as far as the books go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BookState {
    /// Refused with a reason.
    Refused,
    /// Withdrawn.
    Withdrawn,
    /// Anywhere on the road.
    InProgress,
    /// A record in the registry.
    Loaded,
}

/// One line of a component's book. Pages are 0 where they are not known (a refused scan may have none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookLine {
    /// The scan.
    pub scan: ScanId,
    /// Where it is.
    pub state: BookState,
    /// Its pages.
    pub pages: u32,
}

/// Scans and pages in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Count {
    /// Scans.
    pub scans: u64,
    /// Pages.
    pub pages: u64,
}

/// The books of the whole road.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Balance {
    /// Every scan ever receipted.
    pub received: Count,
    /// Refused.
    pub refused: Count,
    /// Withdrawn.
    pub withdrawn: Count,
    /// On the road.
    pub in_progress: Count,
    /// In the registry.
    pub loaded: Count,
    /// Scans that no book can account for.
    pub lost: Count,
    /// What does not agree, in ids and codes. Empty when the books balance.
    pub differences: Vec<Difference>,
}

/// One disagreement between books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The scan.
    pub scan: ScanId,
    /// What is wrong.
    pub what: &'static str,
}

impl Balance {
    /// Tells whether every scan and page is accounted for and all books agree.
    pub fn holds(&self) -> bool {
        let sum = |pick: fn(&Count) -> u64| {
            [&self.refused, &self.withdrawn, &self.in_progress, &self.loaded]
                .into_iter()
                .map(pick)
                .sum::<u64>()
        };
        self.differences.is_empty()
            && self.lost == Count::default()
            && self.received.scans == sum(|count| count.scans)
            && self.received.pages == sum(|count| count.pages)
    }
}

/// Compares the books. `ingest` holds a line per receipted scan, `converter` one per document on or
/// through its part of the road, `registry` one per record of source scan.
///
/// A scan that ingest believes in progress may already be further on (its messages are under way);
/// a scan that ingest believes loaded must be in the registry, and whatever is in the registry must have
/// passed the converter. Nothing may be downstream that was never received.
pub fn balance(ingest: &[BookLine], converter: &[BookLine], registry: &[BookLine]) -> Balance {
    let mut balance = Balance::default();
    let received = index(ingest, "received twice", &mut balance.differences);
    let through = index(converter, "two documents of one scan", &mut balance.differences);
    let loaded = index(registry, "two records of one scan", &mut balance.differences);
    for line in received.values() {
        add(&mut balance.received, line.pages);
        let state = place(line, through.get(&line.scan), loaded.get(&line.scan), &mut balance);
        add(
            match state {
                Some(BookState::Refused) => &mut balance.refused,
                Some(BookState::Withdrawn) => &mut balance.withdrawn,
                Some(BookState::InProgress) => &mut balance.in_progress,
                Some(BookState::Loaded) => &mut balance.loaded,
                None => &mut balance.lost,
            },
            line.pages,
        );
    }
    for scan in through.keys().chain(loaded.keys()) {
        if !received.contains_key(scan) {
            balance.differences.push(Difference { scan: *scan, what: "never received" });
        }
    }
    balance
}

fn place(
    line: &BookLine,
    converted: Option<&BookLine>,
    loaded: Option<&BookLine>,
    balance: &mut Balance,
) -> Option<BookState> {
    let mut differ = |what| balance.differences.push(Difference { scan: line.scan, what });
    if [converted, loaded].into_iter().flatten().any(|other| other.pages != line.pages) {
        differ("page counts differ");
    }
    if loaded.is_some() && converted.is_none() {
        differ("in the registry, but unknown to the converter");
    }
    match (line.state, loaded) {
        (BookState::Loaded, None) => {
            differ("loaded, but not in the registry");
            None
        }
        (BookState::Refused, Some(_)) => {
            differ("refused, but in the registry");
            Some(BookState::Refused)
        }
        (BookState::InProgress, Some(_)) => Some(BookState::Loaded),
        (state, _) => Some(state),
    }
}

fn index(
    lines: &[BookLine],
    what: &'static str,
    differences: &mut Vec<Difference>,
) -> BTreeMap<ScanId, BookLine> {
    let mut by_scan = BTreeMap::new();
    for line in lines {
        if by_scan.insert(line.scan, *line).is_some() {
            differences.push(Difference { scan: line.scan, what });
        }
    }
    by_scan
}

fn add(count: &mut Count, pages: u32) {
    count.scans += 1;
    count.pages += u64::from(pages);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u128, state: BookState, pages: u32) -> BookLine {
        BookLine { scan: uuid::Uuid::from_u128(n).into(), state, pages }
    }

    #[test]
    fn books_that_agree_balance() {
        let ingest = [
            line(1, BookState::Loaded, 4),
            line(2, BookState::Refused, 0),
            line(3, BookState::InProgress, 4),
        ];
        let converter = [line(1, BookState::Loaded, 4), line(3, BookState::InProgress, 4)];
        let balance = balance(&ingest, &converter, &[line(1, BookState::Loaded, 4)]);
        assert!(balance.holds(), "{balance:?}");
        assert_eq!(balance.received, Count { scans: 3, pages: 8 });
        assert_eq!(balance.loaded, Count { scans: 1, pages: 4 });
    }

    #[test]
    fn a_record_that_vanished_is_lost() {
        let balance = balance(&[line(1, BookState::Loaded, 4)], &[], &[]);
        assert!(!balance.holds());
        assert_eq!(balance.lost.scans, 1);
    }

    #[test]
    fn a_page_that_vanished_shows() {
        let whole = [line(1, BookState::Loaded, 4)];
        let torn = [line(1, BookState::Loaded, 3)];
        assert!(balance(&whole, &whole, &whole).holds());
        assert!(!balance(&whole, &whole, &torn).holds());
        assert!(!balance(&whole, &torn, &whole).holds());
    }

    #[test]
    fn a_document_that_vanished_between_shows() {
        let loaded = [line(1, BookState::Loaded, 4)];
        assert!(!balance(&loaded, &[], &loaded).holds());
    }

    #[test]
    fn a_record_that_was_never_received_shows() {
        assert!(!balance(&[], &[], &[line(1, BookState::Loaded, 4)]).holds());
    }
}
