//! Users' stories in a real browser: a demo's data folder, the whole product in one process, a TLS
//! bridge that holds the client certificate, and headless Chromium.
//!
//! Start at [`World`]. Needs the Debian packages `chromium`, `chromium-driver` and
//! `fonts-morisawa-bizud-gothic`; without the first two a story fails and names them. Nothing here
//! waits for a length of time: every wait is for a condition and has a deadline.

mod bridge;
mod browser;
mod driver;
mod keyboard;
mod page;
mod traffic;
mod world;

pub use browser::Browser;
pub use keyboard::{Focus, Key};
pub use world::{Accounts, Party, World};
