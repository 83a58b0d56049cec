//! Who may ask what: zone × role × method × path template, with every parameter's type; everything else
//! denied. A positive model: nothing is looked for, only what is written down passes.
//!
//! Reading order: `file` (the TOML), `parameter` (what values there are), `template`, `route`, `table`
//! (the lookup), `hours`, `suspension`, `rulebook` (what is in force, followed as its files change). It
//! looks at a request's head only; bodies are the components' to judge.

mod fault;
mod file;
pub(crate) mod fuzz;
mod head;
mod hours;
mod methods;
mod parameter;
mod route;
mod rulebook;
mod suspension;
mod table;
mod template;
#[cfg(test)]
mod tests;

pub use fault::{PolicyError, PolicyFault};
pub(crate) use methods::Methods;
pub(crate) use route::Permit;
pub(crate) use rulebook::{PolicyReloads, Rulebook};
pub use suspension::{Suspension, SuspensionError, Suspensions};
pub(crate) use table::Denied;
pub use table::{Policy, RouteLine};
