//! A table on the entry page: rows to spare, a button for more, findings in their cells.

use http::StatusCode;
use kakehashi_kit::{FilledForm, catalogue, filled_form, posted};
use uuid::Uuid;

use crate::house::House;

const CROHN: &str = "/forms/nanbyo/96";

/// A filled form of Crohn's disease after an operation, as the page posts it.
fn operated() -> (FilledForm, Vec<(String, String)>) {
    let form = catalogue().definition("nanbyo/0096-000/2403".parse().unwrap()).unwrap();
    let found = (0..300).find_map(|index| {
        let filled = filled_form(form, 5, index);
        let fields = posted(form, &filled.answers)?;
        let is_operated = filled.answers.get("surgeries").is_some();
        is_operated.then_some((filled, fields))
    });
    found.expect("one of three hundred has been operated on")
}

fn with(
    fields: &[(String, String)],
    filled: &FilledForm,
    more: &[(&str, &str)],
) -> Vec<(String, String)> {
    let token = Uuid::from_u128(77).to_string();
    let known = [
        ("entry", token.as_str()),
        ("version", "2403"),
        ("application", filled.application.as_str()),
    ];
    let own = fields.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let more = known.iter().chain(more).map(|(name, value)| ((*name).into(), (*value).into()));
    own.cloned().chain(more).collect()
}

fn rows(page: &str) -> usize {
    page.matches("id=\"item-surgeries.").count()
}

#[tokio::test]
async fn a_button_adds_a_row_and_keeps_what_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let empty = house.get(&doctor, CROHN).await;
    assert_eq!(rows(&empty.body), 2, "one that must be and one to spare");
    assert!(empty.body.contains("行を追加") && empty.body.contains("aria-label=\"術式 1行目\""));

    let (filled, fields) = operated();
    let more =
        [("add-row", "surgeries"), ("surgeries.rows", "5"), ("surgeries.4.operation", "切除")];
    let page = house.post(&doctor, CROHN, &with(&fields, &filled, &more)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(rows(&page.body), 6);
    assert!(page.body.contains("value=\"切除\""));
    assert!(!page.body.contains("登録できます"), "nothing was asked but a row");
    assert_eq!(house.registry.counts().await.unwrap().online, 0);
}

#[tokio::test]
async fn a_full_table_has_no_button_for_more() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let (filled, fields) = operated();
    let more = [("add-row", "surgeries"), ("surgeries.rows", "10")];
    let page = house.post(&doctor, CROHN, &with(&fields, &filled, &more)).await;
    assert_eq!(rows(&page.body), 10);
    assert!(!page.body.contains("name=\"add-row\""));
}

#[tokio::test]
async fn a_finding_stands_in_its_cell() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let (filled, fields) = operated();
    let more = [("action", "register"), ("surgeries.1.ym", "むかし"), ("surgeries.1.ym.state", "")];
    let page = house.post(&doctor, CROHN, &with(&fields, &filled, &more)).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("href=\"#item-surgeries.1\""));
    let (_, cell) = page.body.split_once("name=\"surgeries.1.ym\"").unwrap();
    let (cell, _) = cell.split_once("</td>").unwrap();
    assert!(cell.contains("value=\"むかし\"") && cell.contains("class=\"message\""), "{cell}");
    assert!(cell.contains("aria-invalid=\"true\""));
}

#[tokio::test]
async fn the_record_shows_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let (filled, fields) = operated();
    let fields = with(&fields, &filled, &[("action", "register")]);
    let answer = house.post(&doctor, CROHN, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let record = house.get(&doctor, &answer.location).await;
    let (_, table) = record.body.split_once("<table class=\"rows\">").unwrap();
    assert!(table.contains("術式") && table.contains("id=\"item-surgeries.1\""));
}
