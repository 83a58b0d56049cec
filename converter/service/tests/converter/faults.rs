//! Returns that are wrong, late or repeated, and a process that dies between two steps.

use http::{Method, StatusCode};
use kakehashi_contract::objects;
use kakehashi_converter::Settings;

use crate::house::{House, Keyed, contractor, json, said, scan, verdicts};

#[tokio::test]
async fn the_same_return_twice_is_one_return() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let xml = house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "不変")]);
    let first = house.deliver(lot, "", &xml).await;
    assert_eq!(house.deliver(lot, "", &xml).await, first);
    assert_eq!(house.converter.validate_waiting().await.unwrap(), 1);
    let emitted = house.emitted().await.len();
    assert_eq!(house.deliver(lot, "", &xml).await, first, "also when the lot is closed");
    assert_eq!(house.converter.validate_waiting().await.unwrap(), 0);
    assert_eq!(house.emitted().await.len(), emitted);
}

#[tokio::test]
async fn a_lot_takes_a_bounded_number_of_returns() {
    let house = House::with(Settings { returns_per_lot_max: 2, ..Settings::default() }).await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let faulty = |note| house.xml(&number, &[Keyed(1, 1, note)]);
    house.return_of(lot, "?partial=true", &faulty("良好")).await;
    let second = house.return_of(lot, "?partial=true", &faulty("不変")).await;
    let path = format!("/api/v1/lots/{lot}/returns?partial=true");
    let denki = contractor("denki");
    let third = faulty("悪化").into_bytes();
    let answer = house.ask(Method::POST, Some(&denki), &path, "application/xml", third).await;
    let (status, problem) = json(answer);
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{problem}");
    let again = house.deliver(lot, "?partial=true", &faulty("不変")).await;
    assert_eq!(again["return"], second["return"], "a repeat is no further return");
}

#[tokio::test]
async fn a_part_that_turns_out_to_be_the_whole_is_another_return() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let xml = house.xml(&number, &[Keyed(1, 1, "良好")]);
    house.return_of(lot, "?partial=true", &xml).await;
    let view = house.return_of(lot, "", &xml).await;
    assert_eq!(verdicts(&view), said(&[(1, "repeat"), (2, "missing")]));
}

#[tokio::test]
async fn a_late_second_return_changes_nothing() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    house
        .return_of(lot, "", &house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "不変")]))
        .await;
    let emitted = house.emitted().await.len();
    let other = house.xml(&number, &[Keyed(1, 1, "別の内容"), Keyed(2, 1, "")]);
    let view = house.return_of(lot, "", &other).await;
    assert_eq!(verdicts(&view), said(&[(1, "repeat"), (2, "repeat")]));
    assert_eq!(house.emitted().await.len(), emitted);
    let stored = house.vault.get(objects::converted(scan(1), 1)).await.unwrap();
    assert_eq!(stored, house.canonical(Keyed(1, 1, "良好")).into_bytes());
}

#[tokio::test]
async fn an_unreadable_return_is_refused_as_a_whole_and_can_be_delivered_again() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let xml = house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "不変")]);
    let view = house.return_of(lot, "", &xml[..xml.len() - 5]).await;
    assert_eq!(view["state"], "refused");
    assert_eq!(view["why"]["rule"], "xml.not-well-formed");
    assert_eq!(house.state_of(1).await, ("handed_over".to_owned(), 1));
    assert_eq!(house.lot_state(lot).await, "handed_over");

    let view = house.return_of(lot, "", "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>").await;
    assert_eq!(view["state"], "refused");
    let view = house.return_of(lot, "", &xml).await;
    assert_eq!(verdicts(&view), said(&[(1, "accepted"), (2, "accepted")]));
}

#[tokio::test]
async fn a_return_that_names_another_lot_is_refused() {
    let house = House::new().await;
    let (lot, _) = house.lot_of_two_with_denki().await;
    let other = kakehashi_kernel::LotNumber::new("2026-11-22".parse().unwrap(), 9);
    let view = house.return_of(lot, "", &house.xml(&other, &[Keyed(1, 1, "良好")])).await;
    assert_eq!(view["why"]["rule"], "return.other-lot");
    assert_eq!(house.corrections().await, 0);
}

#[tokio::test]
async fn duplicates_strangers_and_wrong_rounds_are_told_apart() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let keyed = [Keyed(2, 7, "不変"), Keyed(9, 1, "他"), Keyed(1, 1, "甲"), Keyed(1, 1, "乙")];
    let view = house.return_of(lot, "", &house.xml(&number, &keyed)).await;
    assert_eq!(verdicts(&view), said(&[(1, "duplicate"), (2, "wrong_round"), (9, "unexpected")]));
    assert_eq!(house.state_of(1).await, ("pending".to_owned(), 2));
    assert_eq!(house.state_of(2).await, ("pending".to_owned(), 2));
}

#[tokio::test]
async fn another_form_version_is_sent_back() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let xml = house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "不変")]);
    let xml = xml.replacen("version=\"2403\"", "version=\"2304\"", 1);
    let view = house.return_of(lot, "", &xml).await;
    assert_eq!(verdicts(&view), said(&[(1, "wrong_form"), (2, "accepted")]));
}

#[tokio::test]
async fn a_return_that_was_stored_is_validated_after_a_restart() {
    let mut house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let xml = house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "不変")]);
    let receipt = house.deliver(lot, "", &xml).await;
    assert_eq!(house.look(&receipt).await["state"], "received");
    house.restart().await;
    assert_eq!(house.converter.validate_waiting().await.unwrap(), 1);
    assert_eq!(house.look(&receipt).await["state"], "validated");
    assert_eq!(house.deliver(lot, "", &xml).await, receipt);
}

#[tokio::test]
async fn a_crash_after_the_xml_was_stored_is_made_good() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let keyed = Keyed(1, 1, "良好");
    let key = objects::converted(scan(1), 1);
    house.vault.put(key, house.canonical(keyed).into_bytes()).await.unwrap();
    let view = house.return_of(lot, "", &house.xml(&number, &[keyed, Keyed(2, 1, "不変")])).await;
    assert_eq!(verdicts(&view), said(&[(1, "accepted"), (2, "accepted")]));
}

#[tokio::test]
async fn a_return_that_fails_for_a_reason_of_ours_waits_and_delays_no_other_lot() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    house.vault.put(objects::converted(scan(1), 1), b"something else".to_vec()).await.unwrap();
    let failing = house.deliver(lot, "", &house.xml(&number, &[Keyed(1, 1, "良好")])).await;
    house.release(3).await;
    let (other, number) = house.sealed_and_taken("denki").await;
    let good = house.deliver(other, "", &house.xml(&number, &[Keyed(3, 1, "良好")])).await;

    assert_eq!(house.converter.validate_waiting().await.unwrap(), 1);
    assert_eq!(house.look(&good).await["state"], "validated");
    assert_eq!(house.look(&failing).await["state"], "received");
    assert_eq!(house.state_of(1).await, ("handed_over".to_owned(), 1));
    assert_eq!(house.converter.validate_waiting().await.unwrap(), 0, "postponed");
}

#[tokio::test]
async fn a_manifest_without_rows_does_no_harm() {
    let house = House::new().await;
    house.release(1).await;
    house.release(2).await;
    house
        .change(
            "CREATE TRIGGER interrupt BEFORE INSERT ON lot_document WHEN NEW.place = 1
             BEGIN SELECT RAISE(ABORT, 'power cut'); END",
        )
        .await;
    assert!(house.converter.seal_due().await.is_err());
    assert_eq!(house.state_of(1).await, ("pending".to_owned(), 1));
    assert!(house.emitted().await.is_empty());
    house.change("DROP TRIGGER interrupt").await;
    assert_eq!(house.converter.seal_due().await.unwrap(), 1);
    let (_, lots) = house.get(&contractor("denki"), "/api/v1/lots").await;
    assert_eq!(lots["lots"][0]["number"], "L-20261123-000001-6", "the number was not used up");
}

#[tokio::test]
async fn a_document_that_moves_while_its_lot_is_sealed_stops_the_lot_and_not_the_worker() {
    let house = House::new().await;
    house.release(1).await;
    house.release(2).await;
    house
        .change(
            "CREATE TRIGGER overtake AFTER INSERT ON lot
             BEGIN UPDATE document SET state = 'withdrawn' WHERE scan_id LIKE '%2'; END",
        )
        .await;
    assert_eq!(house.converter.seal_due().await.unwrap(), 0);
    assert_eq!(house.state_of(1).await, ("pending".to_owned(), 1));
    assert!(house.emitted().await.is_empty());
}

#[tokio::test]
async fn bodies_that_are_no_return_are_refused_before_they_are_stored() {
    let settings = kakehashi_converter::Settings { return_bytes_max: 64, ..Default::default() };
    let house = House::with(settings).await;
    house.release(1).await;
    let (lot, _) = house.sealed_and_taken("denki").await;
    let path = format!("/api/v1/lots/{lot}/returns");
    let denki = contractor("denki");
    for (media, body, query, status, code) in [
        ("application/json", "{}", "", StatusCode::UNSUPPORTED_MEDIA_TYPE, "return-not-xml"),
        ("application/xml", "", "", StatusCode::BAD_REQUEST, "return-empty"),
        ("application/xml", "x", "?partial=perhaps", StatusCode::BAD_REQUEST, "malformed"),
        (
            "text/xml; charset=utf-8",
            &"x".repeat(65),
            "",
            StatusCode::PAYLOAD_TOO_LARGE,
            "return-too-large",
        ),
    ] {
        let path = format!("{path}{query}");
        let response =
            house.ask(Method::POST, Some(&denki), &path, media, body.as_bytes().to_vec()).await;
        let (found, problem) = json(response);
        assert_eq!(found, status, "{problem}");
        assert_eq!(problem["type"], format!("urn:kakehashi:problem:{code}"));
    }
    assert_eq!(house.converter.validate_waiting().await.unwrap(), 0);
}
