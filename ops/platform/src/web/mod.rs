//! What every page shares: the shell, assets, languages, security headers, problems.

pub mod assets;
pub mod language;
pub mod problem;
pub mod protect;
pub mod shell;

pub use language::Language;
pub use problem::ProblemResponse;
pub use shell::{NavItem, Page};
