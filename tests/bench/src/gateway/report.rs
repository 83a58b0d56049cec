//! The figures: medians, ratios, goals, as a table and as one line of JSON.

use serde_json::{Map, Value, json};

use super::peer::Peer;

/// One figure that every gateway gets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct What {
    name: String,
    unit: &'static str,
    is_more_better: bool,
    goal: Goal,
}

/// What ours should reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// Nothing is asked.
    None,
    /// So many times the better of the others: at least, or at most where less is better.
    TimesBetter(f64),
    /// So many times one of the others.
    TimesOf(Peer, f64),
    /// The figure itself at most this.
    AtMost(f64),
}

impl What {
    /// A figure of which more is better.
    pub(crate) fn more(name: impl Into<String>, unit: &'static str, goal: Goal) -> Self {
        Self { name: name.into(), unit, is_more_better: true, goal }
    }

    /// A figure of which less is better.
    pub(crate) fn less(name: impl Into<String>, unit: &'static str, goal: Goal) -> Self {
        Self { name: name.into(), unit, is_more_better: false, goal }
    }
}

/// All figures of a run.
pub(crate) struct Report {
    peers: Vec<Peer>,
    rows: Vec<Row>,
}

struct Row {
    what: What,
    found: Vec<(Peer, f64)>,
}

impl Report {
    pub(crate) const fn new(peers: Vec<Peer>) -> Self {
        Self { peers, rows: Vec::new() }
    }

    /// Adds one measurement.
    pub(crate) fn add(&mut self, what: &What, peer: Peer, value: f64) {
        match self.rows.iter_mut().find(|row| row.what == *what) {
            Some(row) => row.found.push((peer, value)),
            None => self.rows.push(Row { what: what.clone(), found: vec![(peer, value)] }),
        }
    }

    /// Prints the table, then the JSON.
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let heads = self.peers.iter().map(|peer| format!("{:>11}", peer.as_str()));
        println!(
            "{:<34} {:<11}{} {:>7}  goal",
            "what (median of rounds)",
            "unit",
            heads.collect::<String>(),
            "ratio"
        );
        let mut figures = Map::new();
        for row in &self.rows {
            let values = self.peers.iter().map(|peer| match row.median(*peer) {
                Some(value) if value.abs() < 100.0 => format!("{value:>11.2}"),
                Some(value) => format!("{value:>11.0}"),
                None => format!("{:>11}", "-"),
            });
            let ratio = row.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            println!(
                "{:<34} {:<11}{} {ratio:>7}  {}",
                row.what.name,
                row.what.unit,
                values.collect::<String>(),
                row.judged()
            );
            figures.insert(row.what.name.clone(), row.json(&self.peers));
        }
        println!("{}", serde_json::to_string(&json!({ "gateway": Value::Object(figures) }))?);
        Ok(())
    }
}

impl Row {
    fn median(&self, peer: Peer) -> Option<f64> {
        let of_peer = self.found.iter().filter(|(found, _)| *found == peer);
        let mut values: Vec<f64> = of_peer.map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// Ours by what it is compared with: the better of the others, unless the goal names one.
    fn ratio(&self) -> Option<f64> {
        let ours = self.median(Peer::Ours)?;
        let beside = match self.what.goal {
            Goal::TimesOf(peer, _) => self.median(peer)?,
            Goal::None | Goal::TimesBetter(_) | Goal::AtMost(_) => {
                let others = [Peer::Nginx, Peer::Haproxy];
                let values = others.into_iter().filter_map(|peer| self.median(peer));
                let choose = if self.what.is_more_better { f64::max } else { f64::min };
                values.reduce(choose)?
            }
        };
        Some(ours / beside)
    }

    /// Whether the goal is reached; `None` where there is none or nothing to compare with.
    fn is_met(&self) -> Option<bool> {
        let (found, wanted) = match self.what.goal {
            Goal::None => return None,
            Goal::TimesBetter(times) | Goal::TimesOf(_, times) => (self.ratio()?, times),
            Goal::AtMost(value) => (self.median(Peer::Ours)?, value),
        };
        Some(if self.what.is_more_better { found >= wanted } else { found <= wanted })
    }

    fn judged(&self) -> String {
        let sign = if self.what.is_more_better { "≥" } else { "≤" };
        let wanted = match self.what.goal {
            Goal::None => return String::new(),
            Goal::TimesBetter(times) => format!("{sign} {times}"),
            Goal::TimesOf(peer, times) => format!("{sign} {times} × {}", peer.as_str()),
            Goal::AtMost(value) => format!("{sign} {value}"),
        };
        match self.is_met() {
            Some(true) => format!("{wanted} met"),
            Some(false) => format!("{wanted} MISSED"),
            None => wanted,
        }
    }

    fn json(&self, peers: &[Peer]) -> Value {
        let mut figures = Map::new();
        for peer in peers {
            figures.insert(peer.as_str().to_owned(), json!(self.median(*peer)));
        }
        figures.insert("unit".to_owned(), json!(self.what.unit));
        figures.insert("ratio".to_owned(), json!(self.ratio()));
        figures.insert("met".to_owned(), json!(self.is_met()));
        Value::Object(figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(what: What, ours: f64, others: [f64; 2], met: Option<bool>) {
        let mut row = Row { what, found: Vec::new() };
        // The median leaves out what is far off.
        row.found.extend([ours, ours, 1e9].map(|value| (Peer::Ours, value)));
        row.found.extend([(Peer::Nginx, others[0]), (Peer::Haproxy, others[1])]);
        assert_eq!(row.is_met(), met, "{}", row.judged());
    }

    #[test]
    fn a_goal_is_held_against_the_better_of_the_others() {
        let more = || What::more("speed", "1/s", Goal::TimesBetter(1.2));
        check(more(), 120.0, [100.0, 90.0], Some(true));
        check(more(), 119.0, [90.0, 100.0], Some(false));
        let less = || What::less("p99", "µs", Goal::TimesBetter(1.0));
        check(less(), 90.0, [90.0, 100.0], Some(true));
        check(less(), 95.0, [90.0, 100.0], Some(false));
    }

    #[test]
    fn a_goal_may_name_one_of_them_or_a_figure() {
        let nginx = || What::less("memory", "KiB", Goal::TimesOf(Peer::Nginx, 1.0));
        check(nginx(), 26.0, [26.0, 10.0], Some(true));
        check(nginx(), 27.0, [26.0, 90.0], Some(false));
        check(What::less("times", "times", Goal::AtMost(2.0)), 2.1, [1.0, 1.0], Some(false));
        check(What::less("cost", "µs", Goal::None), 1.0, [1.0, 1.0], None);
    }
}
