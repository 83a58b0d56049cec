//! Decisions, and the measures they put in force: blocks, slowing down, challenges.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use kakehashi_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::subject::{Rule, Subject};

/// Names a decision; what a blocked client tells the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DecisionId(pub(crate) u64);

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g-{:010x}", self.0)
    }
}

impl FromStr for DecisionId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix("g-").filter(|digits| (1..=16).contains(&digits.len()));
        u64::from_str_radix(digits.ok_or(())?, 16).map(Self).map_err(|_| ())
    }
}

impl Serialize for DecisionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DecisionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| serde::de::Error::custom("no decision id"))
    }
}

/// How a subject is hindered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Nothing of the subject passes. For an address: no new connection.
    Block,
    /// Every request waits.
    Slow,
    /// Cookies are taken away until the holder proved itself again.
    Challenge,
    /// No sign-in passes; everything else does.
    SignInLock,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Block, Self::Slow, Self::Challenge, Self::SignInLock];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Slow => "slow",
            Self::Challenge => "challenge",
            Self::SignInLock => "sign-in-lock",
        }
    }
}

/// Why: what was counted, against what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    /// How many.
    pub(crate) counted: u64,
    /// From how many on the rule decides.
    pub(crate) threshold: u64,
    /// Within how many seconds. Zero: at one moment.
    pub(crate) window_s: u32,
}

/// One way in which one subject is hindered, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measure {
    pub(crate) id: DecisionId,
    pub(crate) kind: Kind,
    pub(crate) rule: Rule,
    pub(crate) subject: Subject,
    #[serde(flatten)]
    pub(crate) evidence: Evidence,
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
}

/// Every measure in force, by subject and kind. Bounded; asked only when a subject is first seen, when one
/// is put in force or lifted, and by the operator.
#[derive(Debug)]
pub(crate) struct Measures {
    held: HashMap<(Subject, Kind), Measure>,
    measures_max: usize,
}

impl Measures {
    pub(crate) fn new(measures_max: usize) -> Self {
        Self { held: HashMap::new(), measures_max: measures_max.max(1) }
    }

    /// Puts a measure in force. Of two alike the one that ends later holds.
    pub(crate) fn put(&mut self, measure: Measure, now: Timestamp) -> Measure {
        let key = (measure.subject.clone(), measure.kind);
        if let Some(held) = self.held.get(&key).filter(|held| held.until >= measure.until) {
            return held.clone();
        }
        if self.held.len() >= self.measures_max && !self.held.contains_key(&key) {
            self.held.retain(|_, held| held.until > now);
            if self.held.len() >= self.measures_max {
                let first = self.held.values().min_by_key(|held| held.until);
                if let Some(key) = first.map(|held| (held.subject.clone(), held.kind)) {
                    self.held.remove(&key);
                }
            }
        }
        self.held.insert(key, measure.clone());
        measure
    }

    /// Answers what is in force for a subject.
    pub(crate) fn of(&self, subject: &Subject, now: Timestamp) -> impl Iterator<Item = &Measure> {
        let found = Kind::ALL.map(|kind| self.held.get(&(subject.clone(), kind)));
        found.into_iter().flatten().filter(move |measure| measure.until > now)
    }

    /// Takes a decision's measures out of force, and answers them.
    pub(crate) fn lift(&mut self, id: DecisionId) -> Vec<Measure> {
        let mut lifted = Vec::new();
        self.held.retain(|_, measure| {
            let stays = measure.id != id;
            if !stays {
                lifted.push(measure.clone());
            }
            stays
        });
        lifted
    }

    /// Answers everything in force, the oldest first.
    pub(crate) fn in_force(&self, now: Timestamp) -> Vec<Measure> {
        let mut found: Vec<_> =
            self.held.values().filter(|measure| measure.until > now).cloned().collect();
        found.sort_by_key(|measure| (measure.since, measure.id, measure.kind));
        found
    }
}

/// What holds for one subject, readable without a lock on the way of every request.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    marks: [Mark; Kind::ALL.len()],
    /// When a rate was last told of.
    told: AtomicI64,
}

#[derive(Debug, Default)]
struct Mark {
    until: AtomicI64,
    id: AtomicU64,
}

impl Standing {
    /// Answers the decision and the milliseconds left if a measure of this kind is in force.
    pub(crate) fn held(&self, kind: Kind, now: Timestamp) -> Option<(DecisionId, i64)> {
        let mark = &self.marks[kind as usize];
        let left = mark.until.load(Relaxed) - now.0;
        (left > 0).then(|| (DecisionId(mark.id.load(Relaxed)), left))
    }

    pub(crate) fn put(&self, measure: &Measure) {
        let mark = &self.marks[measure.kind as usize];
        mark.id.store(measure.id.0, Relaxed);
        mark.until.store(measure.until.0, Relaxed);
    }

    /// Tells whether a minute has passed since this answered yes. For what happens at every request.
    pub(crate) fn may_tell(&self, tick: i64) -> bool {
        const MINUTE_MS: i64 = 60_000;
        let told = self.told.load(Relaxed);
        let is_due = told == 0 || tick - told >= MINUTE_MS;
        is_due && self.told.compare_exchange(told, tick, Relaxed, Relaxed).is_ok()
    }

    pub(crate) fn lift(&self, kind: Kind) {
        self.marks[kind as usize].until.store(0, Relaxed);
    }
}

/// What an operator found to be a false positive: the rule is silent about the subject for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exception {
    pub(crate) rule: Rule,
    pub(crate) subject: Subject,
    pub(crate) until: Timestamp,
    /// Who said so.
    pub(crate) by: String,
}

/// Every exception in force. Bounded: an operator is told when there are too many.
#[derive(Debug)]
pub(crate) struct Exceptions {
    held: Vec<Exception>,
    exceptions_max: usize,
}

impl Exceptions {
    pub(crate) const fn new(exceptions_max: usize) -> Self {
        Self { held: Vec::new(), exceptions_max }
    }

    /// Makes an exception; false when there are as many as permitted.
    pub(crate) fn make(&mut self, exception: Exception, now: Timestamp) -> bool {
        let is_same =
            |held: &Exception| held.rule == exception.rule && held.subject == exception.subject;
        self.held.retain(|held| held.until > now && !is_same(held));
        if self.held.len() >= self.exceptions_max {
            return false;
        }
        self.held.push(exception);
        true
    }

    /// Tells whether a rule is silent about one of these.
    pub(crate) fn cover(&self, rule: Rule, subjects: &[&Subject], now: Timestamp) -> bool {
        let covers = |held: &Exception| {
            held.rule == rule && held.until > now && subjects.contains(&&held.subject)
        };
        self.held.iter().any(covers)
    }

    pub(crate) fn in_force(&self, now: Timestamp) -> Vec<Exception> {
        self.held.iter().filter(|held| held.until > now).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(id: u64, until: i64) -> Measure {
        Measure {
            id: DecisionId(id),
            kind: Kind::Block,
            rule: Rule::Scan,
            subject: Subject::Address(
                std::net::Ipv4Addr::from_bits(u32::try_from(id).unwrap()).into(),
            ),
            evidence: Evidence { counted: 1, threshold: 1, window_s: 1 },
            since: Timestamp(0),
            until: Timestamp(until),
        }
    }

    #[test]
    fn a_million_measures_leave_no_more_than_permitted() {
        let mut measures = Measures::new(64);
        let last = measures.put(measure(0, i64::MAX), Timestamp(0));
        for id in 1..100_000_u64 {
            let until = id.cast_signed();
            measures.put(measure(id, until), Timestamp(until - 1));
        }
        assert!(measures.held.len() <= 64);
        assert!(measures.of(&last.subject, Timestamp(5)).next().is_some());
    }

    #[test]
    fn the_later_end_holds() {
        let mut measures = Measures::new(64);
        let held = |until| Measure { until: Timestamp(until), ..measure(1, 0) };
        assert_eq!(measures.put(held(50), Timestamp(0)).until, Timestamp(50));
        assert_eq!(measures.put(held(20), Timestamp(0)).until, Timestamp(50));
        assert_eq!(measures.put(held(70), Timestamp(0)).until, Timestamp(70));
        assert_eq!(measures.lift(DecisionId(1)).len(), 1);
        assert!(measures.in_force(Timestamp(0)).is_empty());
    }

    #[test]
    fn an_id_reads_as_it_is_written() {
        let id = DecisionId(0xab_cdef);
        assert_eq!(id.to_string(), "g-0000abcdef");
        assert_eq!("g-0000abcdef".parse(), Ok(id));
        for text in ["", "g-", "0000abcdef", "g-xyz", "g-00000000000000000"] {
            assert!(text.parse::<DecisionId>().is_err(), "{text}");
        }
    }

    #[test]
    fn exceptions_end_and_are_bounded() {
        let mut exceptions = Exceptions::new(2);
        let of = |id| Exception {
            rule: Rule::Scan,
            subject: measure(id, 0).subject,
            until: Timestamp(10),
            by: "operator".to_owned(),
        };
        assert!(exceptions.make(of(1), Timestamp(0)));
        assert!(exceptions.make(of(1), Timestamp(0)), "the same again takes no room");
        assert!(exceptions.make(of(2), Timestamp(0)));
        assert!(!exceptions.make(of(3), Timestamp(0)));
        let subject = of(1).subject;
        assert!(exceptions.cover(Rule::Scan, &[&subject], Timestamp(9)));
        assert!(!exceptions.cover(Rule::Enumeration, &[&subject], Timestamp(9)));
        assert!(!exceptions.cover(Rule::Scan, &[&subject], Timestamp(10)));
        assert!(exceptions.make(of(3), Timestamp(10)));
    }
}
