//! What other components say: twice, late, out of order.

use kakehashi_contract::{Event, books::BookState};
use kakehashi_kernel::RecordId;
use uuid::Uuid;

use crate::house::{House, Keyed, contractor, said, scan, verdicts};

fn withdrawn(number: u128) -> Event {
    Event::ScanWithdrawn { scan: scan(number) }
}

fn loaded(number: u128) -> Event {
    let record: RecordId = Uuid::from_u128(99).into();
    Event::RecordLoaded { scan: scan(number), record, pages: 1, linked: None }
}

async fn book_states(house: &House) -> Vec<BookState> {
    house.converter.books().await.unwrap().iter().map(|line| line.state).collect()
}

#[tokio::test]
async fn a_repeated_message_changes_nothing() {
    let house = House::new().await;
    let message = house.message(House::released(1));
    house.hear(&message).await;
    house.hear(&message).await;
    assert_eq!(book_states(&house).await, [BookState::InProgress]);
    assert_eq!(house.converter.books().await.unwrap()[0].pages, 1);
    house.pass(5000);
    assert_eq!(house.converter.seal_due().await.unwrap(), 1);
    house.hear(&message).await;
    assert_eq!(house.told_about(1).await, ["document_in_lot"], "not asked, not told");
}

#[tokio::test]
async fn a_scan_released_again_has_its_latest_news_told_again() {
    let house = House::new().await;
    house.release(1).await;
    house.hear(&house.message(House::released(1))).await;
    assert!(house.emitted().await.is_empty(), "nothing happened to it yet");

    let (lot, number) = house.sealed_and_taken("denki").await;
    house.hear(&house.message(House::released(1))).await;
    let told = house.emitted().await;
    assert_eq!(told[2].event, told[1].event);
    assert_eq!(told[2].at, told[1].at);
    assert_ne!(told[2].id, told[1].id);
    assert_eq!(told[2].event.kind(), "document_handed_over");

    house.return_of(lot, "", &house.xml(&number, &[Keyed(1, 1, "良好")])).await;
    house.hear(&house.message(loaded(1))).await;
    house.hear(&house.message(House::released(1))).await;
    let told = house.emitted().await;
    assert_eq!(told.len(), 5);
    assert_eq!(told[4].event, told[3].event, "also when it is loaded and ingest has not heard");
    assert_eq!(told[4].event.kind(), "document_accepted");
    assert_eq!(house.state_of(1).await.0, "loaded");
}

#[tokio::test]
async fn a_withdrawn_scan_is_not_sealed() {
    let house = House::new().await;
    house.release(1).await;
    house.hear(&house.message(withdrawn(1))).await;
    house.pass(5000);
    assert_eq!(house.converter.seal_due().await.unwrap(), 0);
    assert_eq!(book_states(&house).await, [BookState::Withdrawn]);
}

#[tokio::test]
async fn a_withdrawal_that_overtakes_the_release_holds() {
    let house = House::new().await;
    house.hear(&house.message(withdrawn(1))).await;
    assert!(book_states(&house).await.is_empty());
    house.release(1).await;
    assert_eq!(book_states(&house).await, [BookState::Withdrawn]);
}

#[tokio::test]
async fn a_withdrawn_document_leaves_its_lot_and_its_pages_are_closed() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    house.hear(&house.message(withdrawn(1))).await;
    let page = format!("/api/v1/lots/{lot}/documents/{}/pages/1", scan(1));
    let (status, problem) = house.get(&contractor("denki"), &page).await;
    assert_eq!(
        (status.as_u16(), problem["type"].as_str().unwrap()),
        (410, "urn:kakehashi:problem:document-done")
    );

    let xml = house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "不変")]);
    let view = house.return_of(lot, "", &xml).await;
    assert_eq!(verdicts(&view), said(&[(1, "withdrawn"), (2, "accepted")]));
    assert_eq!(house.state_of(1).await.0, "withdrawn");
    assert_eq!(house.lot_state(lot).await, "closed");
}

#[tokio::test]
async fn a_lot_whose_documents_are_all_withdrawn_is_closed() {
    let house = House::new().await;
    house.release(1).await;
    house.pass(5000);
    house.converter.seal_due().await.unwrap();
    house.hear(&house.message(withdrawn(1))).await;
    let (_, lots) = house.get(&contractor("denki"), "/api/v1/lots").await;
    assert_eq!(lots["lots"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn an_accepted_document_is_no_longer_ours_to_withdraw() {
    let house = House::new().await;
    house.release(1).await;
    let (lot, number) = house.sealed_and_taken("denki").await;
    house.return_of(lot, "", &house.xml(&number, &[Keyed(1, 1, "良好")])).await;
    house.hear(&house.message(withdrawn(1))).await;
    assert_eq!(house.state_of(1).await.0, "accepted");
}

#[tokio::test]
async fn a_loaded_record_closes_the_book_early_or_late() {
    let house = House::new().await;
    house.hear(&house.message(loaded(2))).await;
    house.release(1).await;
    house.release(2).await;
    let (lot, number) = house.sealed_and_taken("denki").await;
    house.return_of(lot, "", &house.xml(&number, &[Keyed(1, 1, "良好")])).await;
    assert_eq!(book_states(&house).await, [BookState::InProgress, BookState::Loaded]);
    house.hear(&house.message(loaded(1))).await;
    house.hear(&house.message(loaded(1))).await;
    assert_eq!(book_states(&house).await, [BookState::Loaded, BookState::Loaded]);
}

#[tokio::test]
async fn kinds_that_are_not_for_us_are_passed_over() {
    let house = House::new().await;
    house.hear(&house.message(Event::ScanRefused { scan: scan(1), why: "empty".into() })).await;
    assert!(house.emitted().await.is_empty());
    assert_eq!(kakehashi_converter::CONSUMES, ["scan_released", "scan_withdrawn", "record_loaded"]);
}
