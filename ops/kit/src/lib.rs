//! The test kit: seeded, reproducible scanned forms, hostile uploads, and the truth about them.
//!
//! Start at [`filled_form`] (what a form says), then [`Press::scan`] (the PDF a municipality uploads),
//! [`read_serial`] (which form a rendered page is) and [`key`] (what the contractor types).
//! Everything is synthetic. It is a part of the product because the demo, the tests and the benches
//! need the same forms; nothing in production depends on it.

pub mod dice;
pub mod hostile;
pub mod person;

mod answering;
mod barcode;
mod canvas;
mod filled;
mod keying;
mod letter;
mod page;
mod parkinson;
mod pdf;
mod pen;
mod posting;
mod raster;
mod stamp;
mod typeset;
mod value;

pub use barcode::read_serial;
pub use filled::{
    FilledForm, catalogue, definition, filled, filled_form, filled_with_marker, marker_kana,
    parse_serial, samples,
};
pub use keying::{Entry, Keyed, KeyedItem, Keying, KeyingMistake, key};
pub use pdf::{PdfError, wrap};
pub use posting::posted;
pub use raster::{Depth, EncodeError, PageScan, Scanner};
pub use typeset::{Press, PressError};
