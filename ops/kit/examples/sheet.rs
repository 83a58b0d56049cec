//! Writes one scanned form: `cargo run --release -p kakehashi-kit --example sheet -- OUT.pdf SEED INDEX`.

use std::{fs, path::PathBuf, time::Instant};

use kakehashi_kit::{Press, filled};

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, seed, index] = &arguments[..] else {
        return Err("usage: sheet OUT.pdf SEED INDEX".into());
    };
    let form = filled(seed.parse()?, index.parse()?);
    let started = Instant::now();
    let pdf = Press::new().scan(&form)?;
    fs::write(PathBuf::from(out), &pdf)?;
    println!("{} {} bytes in {:?}", form.serial, pdf.len(), started.elapsed());
    Ok(())
}
