//! Personal data lies nowhere in clear text: a marker planted in every personal field of a run is in no
//! file, no file name and no line of output, with logging at `trace`.

use std::{fs, path::Path, time::Duration};

use kakehashi_e2e::{House, Outcome, leaks::Needles};
use kakehashi_kernel::text::search_key;

const SCANS: u32 = 12;
const MARKER: &str = "Zq7LeakMarker4711";
const RUN: Duration = Duration::from_mins(5);

#[test]
fn what_patients_and_doctors_wrote_is_nowhere_in_clear_text() {
    let house = House::new();
    house.furnish();
    house.configure("filter = \"info,sqlx=warn\"", "filter = \"trace\"");
    let more = ["--marker", MARKER, "--mistakes-permille", "400"];
    let run = house.demo(SCANS, 7, &more, RUN);
    let outcome = Outcome::of(&run);
    outcome.accounts_for(u64::from(SCANS));
    assert!(outcome.corrections > 0, "the correction round was not on the road: {outcome:?}");
    let log = fs::read_to_string(house.path("kakehashi.log")).expect("a log");
    assert!(log.contains("DEBUG") && log.contains("TRACE"), "not everything is logged");

    let needles = needles();
    let (leaks, files, bytes) = needles.look_through(&house.root());
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert!(files > 100 && bytes > 1_000_000, "only {files} files, {bytes} bytes were there");
    for (name, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        let leaks = needles.look_into(Path::new(name), text.as_bytes());
        assert!(leaks.is_empty(), "{leaks:#?}");
    }
}

#[test]
fn the_marker_is_in_the_forms_that_travel() {
    let form = kakehashi_kit::filled_with_marker(kakehashi_kit::definition(), 7, 0, MARKER);
    let definition = kakehashi_kit::definition();
    let texts: Vec<String> =
        form.answers.iter().map(|(id, answer)| definition.write(id, answer)).collect();
    let holds = |part: &str| texts.iter().filter(|text| text.contains(part)).count();
    assert!(holds(MARKER) >= 3, "{texts:?}");
    assert!(holds(&kakehashi_kit::marker_kana(MARKER)) >= 1, "{texts:?}");
    // And what travels would be found.
    let found = needles().look_into(Path::new("form"), texts.join("\n").as_bytes());
    assert!(found.len() >= 2, "{found:?}");
}

fn needles() -> Needles {
    let kana = kakehashi_kit::marker_kana(MARKER);
    Needles::default()
        .with("the marker", MARKER)
        .with("the kana", &kana)
        .with("the kana's search key", &search_key(&kana))
}
