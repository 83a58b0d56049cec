//! Measures how fast the kit makes scans: `cargo run --release -p kakehashi-kit --example pace`.

use std::time::{Duration, Instant};

use kakehashi_kit::{Depth, Press, filled};

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut press = Press::new();
    let started = Instant::now();
    let mut kinds: Vec<(u16, bool, u32, Duration, usize)> = Vec::new();
    let mut filling = Duration::ZERO;
    for index in 0..120 {
        let now = Instant::now();
        let form = filled(7, index);
        filling += now.elapsed();
        let now = Instant::now();
        let bytes = press.scan(&form)?.len();
        let spent = now.elapsed();
        let page = &press.page_scans(&form)?[0];
        let (dpi, is_grey) = (page.dpi, page.depth != Depth::Bilevel);
        match kinds.iter_mut().find(|kind| (kind.0, kind.1) == (dpi, is_grey)) {
            Some(kind) => {
                kind.2 += 1;
                kind.3 += spent;
                kind.4 += bytes;
            }
            None => kinds.push((dpi, is_grey, 1, spent, bytes)),
        }
    }
    println!("filling in: {:?} each", filling / 120);
    for (dpi, is_grey, count, spent, bytes) in kinds {
        let depth = if is_grey { "grey" } else { "bilevel" };
        let kilobytes = bytes / usize::try_from(count)? / 1000;
        println!("{dpi} dpi {depth}: {count} scans, {:?} and {kilobytes} kB each", spent / count);
    }
    println!("all: {:?}", started.elapsed());
    Ok(())
}
