//! What is remembered of somebody's behaviour. Scanning, enumeration and crowds need no more than
//! [`super::lockout::Different`]; the others have a noun each. None of them decides: they answer evidence.

mod habit;
mod places;
mod programs;

pub(crate) use habit::{Habit, Use, hour_of};
pub(crate) use places::{KnownNetwork, Places};
pub(crate) use programs::Programs;
