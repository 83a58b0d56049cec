//! The converter as a whole: router, handler and workers on a temporary database and object folder, with
//! a clock that stands still and ids that are counted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod house;
mod interface;
mod leases;
mod news;
mod road;
