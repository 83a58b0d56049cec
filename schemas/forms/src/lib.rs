//! Form definitions as data, and the engine that runs them: check, calculate, judge.
//!
//! Pure: definitions are embedded in the program, answers come in as values. What it does not do:
//! read or write XML (see `kakehashi-xml`), store anything, or know what day it is.
//!
//! Start at [`Catalogue::builtin`], take a [`Definition`], fill [`Answers`] with
//! [`Definition::read`], then call [`Definition::examine`], or one of [`Definition::check`],
//! [`Definition::calculate`] and [`Definition::judge`].

mod answer;
mod builtin;
mod calculate;
mod carry_over;
mod catalogue;
mod check;
mod check_item;
mod check_version;
mod circumstances;
mod code_list;
mod coverage;
mod criteria;
mod days;
mod definition;
mod describe;
mod edition;
mod entry;
mod examine;
mod expression;
mod finding;
mod item;
mod judge;
mod load;
mod number;
mod reach;
mod scope;
mod search;
mod shared;
mod source;
mod table;
mod truth;
mod typing;
mod versions;

pub use answer::{Answer, Answers, Comparator, Row, Value};
pub use calculate::{Calculated, Derived};
pub use carry_over::{Carriage, CarriedItem, CarriedOver, NotCarried, Share};
pub use catalogue::{Catalogue, LoadError, SourceFile};
pub use circumstances::Circumstances;
pub use code_list::{CodeList, CodeOption, Means};
pub use coverage::{Coverage, CoverageRow, Totals};
pub use definition::{Application, Definition, InvalidApplication, Section};
pub use describe::{ClassText, CriterionText, RuleText, SetText};
pub use edition::Edition;
pub use entry::Reading;
pub use examine::Examination;
pub use finding::{Cell, Finding, Localized, Severity};
pub use item::{AllowedState, Applications, Carry, Control, DataClass, Item, Kind, Region};
pub use judge::{Class, Half, Judgement, Node, Outcome};
pub use search::SEARCH_RESULTS_MAX;
