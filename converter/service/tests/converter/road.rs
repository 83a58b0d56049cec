//! The road of documents that go well, and of those that go round.

use kakehashi_contract::{Event, objects};
use kakehashi_converter::Settings;
use kakehashi_kernel::Sha256Digest;

use crate::house::{House, Keyed, ROUNDS_MAX, contractor, said, scan, verdicts};

#[tokio::test]
async fn a_lot_goes_out_and_comes_back_whole() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let manifest = house.manifest(&contractor("denki"), lot).await;
    assert_eq!(number.as_str(), "L-20261123-000001-6");
    assert_eq!((manifest.lot, &manifest.number), (lot, &number));
    assert_eq!(manifest.due.to_string(), "2026-12-03");
    assert_eq!(manifest.documents.len(), 2);

    let xml = house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "不変")]);
    let view = house.return_of(lot, "", &xml).await;
    assert_eq!(view["state"], "validated");
    assert_eq!(verdicts(&view), said(&[(1, "accepted"), (2, "accepted")]));
    assert_eq!(house.lot_state(lot).await, "closed");
    assert_eq!(house.state_of(1).await, ("accepted".to_owned(), 1));
    let road = ["document_in_lot", "document_handed_over", "document_accepted"];
    assert_eq!(house.told_about(1).await, road);

    let messages = house.emitted().await;
    let Event::DocumentAccepted { digest, round, pages, .. } = &messages[4].event else {
        panic!("{:?}", messages[4])
    };
    let stored = house.vault.get(objects::converted(scan(1), *round)).await.unwrap();
    assert_eq!(Sha256Digest::of(&stored), *digest);
    assert_eq!(stored, house.canonical(Keyed(1, 1, "良好")).into_bytes());
    assert_eq!(pages.len(), 1);
    assert_eq!(house.corrections().await, 0);
    house.audit.verify(&house.database).await.unwrap();
    assert_eq!(
        house.audit.history(&house.database, &scan(1).to_string(), 9).await.unwrap().len(),
        2
    );
}

#[tokio::test]
async fn a_lot_waits_until_it_is_full_or_its_oldest_document_waited_long_enough() {
    let house = House::new().await;
    assert_eq!(house.converter.seal_due().await.unwrap(), 0);
    house.release(1).await;
    assert_eq!(house.converter.seal_due().await.unwrap(), 0);
    house.release(2).await;
    house.release(3).await;
    assert_eq!(house.converter.seal_due().await.unwrap(), 1, "full");
    house.pass(1999);
    assert_eq!(house.converter.seal_due().await.unwrap(), 0);
    house.pass(1);
    assert_eq!(house.converter.seal_due().await.unwrap(), 1, "overdue");
    assert_eq!(house.converter.seal_due().await.unwrap(), 0);
}

#[tokio::test]
async fn one_broken_form_goes_round_and_its_neighbour_does_not_wait() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let view = house
        .return_of(lot, "", &house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "")]))
        .await;
    assert_eq!(verdicts(&view), said(&[(1, "accepted"), (2, "sent_back")]));
    let finding = &view["documents"][1]["findings"][0];
    assert_eq!(
        (finding["rule"].as_str(), finding["item"].as_str()),
        (Some("check.required"), Some("note"))
    );
    assert_eq!(house.lot_state(lot).await, "closed");
    assert_eq!(house.state_of(2).await, ("pending".to_owned(), 2));

    let (again, number) = house.sealed_and_taken("denki").await;
    let manifest = house.manifest(&contractor("denki"), again).await;
    assert_eq!((manifest.documents[0].document, manifest.documents[0].round), (scan(2), 2));
    let view = house.return_of(again, "", &house.xml(&number, &[Keyed(2, 2, "不変")])).await;
    assert_eq!(verdicts(&view), said(&[(2, "accepted")]));
    assert!(house.vault.get(objects::converted(scan(2), 2)).await.is_ok());
    assert_eq!(house.corrections().await, 1);
    let findings = house.emitted().await.into_iter().find_map(|message| match message.event {
        Event::DocumentSentBack { findings, .. } => Some(findings),
        _ => None,
    });
    assert_eq!(findings, Some(1));
}

#[tokio::test]
async fn a_form_that_does_not_read_is_sent_back_with_what_is_wrong() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let good = house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "不変")]);
    // The second form's round is unreadable, and so is the name of a third.
    let broken = good.replacen(
        "document=\"00000000-0000-0000-0000-000000000002\" round=\"1\"",
        "document=\"00000000-0000-0000-0000-000000000002\" round=\"x\"",
        1,
    );
    assert_ne!(broken, good);
    let broken = broken.replace("</return>", "<form document=\"me\"/></return>");
    let view = house.return_of(lot, "", &broken).await;
    assert_eq!(verdicts(&view), said(&[(1, "accepted"), (2, "sent_back")]));
    assert_eq!(view["documents"][1]["findings"][0]["rule"], "xml.form-attribute");
    assert_eq!(view["nameless"], 1);
}

#[tokio::test]
async fn an_item_that_does_not_read_is_reported_once() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let good = house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "不変")]);
    let broken = good.replace("<note>不変</note>", "<note><b/></note>");
    assert_ne!(broken, good);
    let view = house.return_of(lot, "", &broken).await;
    let findings = view["documents"][1]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["rule"], "xml.unexpected-element");
}

#[tokio::test]
async fn a_document_missing_from_a_whole_return_goes_round_again() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let view = house.return_of(lot, "", &house.xml(&number, &[Keyed(1, 1, "良好")])).await;
    assert_eq!(verdicts(&view), said(&[(1, "accepted"), (2, "missing")]));
    assert_eq!(house.state_of(2).await, ("pending".to_owned(), 2));
    assert_eq!(house.lot_state(lot).await, "closed");
}

#[tokio::test]
async fn a_partial_return_leaves_the_rest_with_the_contractor() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let first = house.xml(&number, &[Keyed(1, 1, "良好")]);
    let view = house.return_of(lot, "?partial=true", &first).await;
    assert_eq!(verdicts(&view), said(&[(1, "accepted")]));
    assert_eq!(house.lot_state(lot).await, "partly_returned");
    assert_eq!(house.state_of(2).await, ("handed_over".to_owned(), 1));

    let rest = house.xml(&number, &[Keyed(2, 1, "不変")]);
    let view = house.return_of(lot, "", &rest).await;
    assert_eq!(verdicts(&view), said(&[(2, "accepted")]), "what is decided is not missing");
    assert_eq!(house.lot_state(lot).await, "closed");
}

#[tokio::test]
async fn a_document_that_went_round_too_often_is_stuck() {
    let house = House::with(Settings { correction_rounds_max: 2, ..Settings::default() }).await;
    house.release(1).await;
    for round in 1..=2 {
        let (lot, number) = house.sealed_and_taken("denki").await;
        let view = house.return_of(lot, "", &house.xml(&number, &[Keyed(1, round, "")])).await;
        assert_eq!(verdicts(&view), said(&[(1, "sent_back")]));
    }
    assert_eq!(house.state_of(1).await, ("stuck".to_owned(), 2));
    let told = house.told_about(1).await;
    assert_eq!(told[told.len() - 2..], ["document_sent_back", "document_stuck"]);
    house.pass(60_000);
    assert_eq!(house.converter.seal_due().await.unwrap(), 0);
}

#[tokio::test]
async fn the_house_allows_the_rounds_of_the_limit_by_default() {
    assert_eq!(Settings::default().correction_rounds_max, ROUNDS_MAX);
}
