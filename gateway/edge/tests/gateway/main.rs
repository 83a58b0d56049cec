//! The gateway from outside: a real one in front of a real component.
#![expect(clippy::unwrap_used, reason = "a test helper may fail the test")]

mod counted;
mod flow;
mod guard;
mod house;
mod in_force;
mod operation;
mod places;
mod raw;
mod refused;
mod reload;
mod restart;
mod resumption;
mod revocation;
mod road;
mod start;
mod tls12;
mod wire;
