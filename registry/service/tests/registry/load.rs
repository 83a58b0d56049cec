//! Loading converted scans, and linking.

use kakehashi_contract::{Event, books::BookState, objects};
use kakehashi_kernel::{RecordId, Sha256Digest, check_digit};

use crate::house::{CITY, House, Items, OTHER_CITY, message, scan};

fn record_of(path: &str) -> RecordId {
    path.strip_prefix("/records/").unwrap().parse().unwrap()
}

fn loaded(events: &[Event]) -> Vec<(RecordId, Option<RecordId>)> {
    let of = |event: &Event| match event {
        Event::RecordLoaded { record, linked, .. } => Some((*record, *linked)),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

#[tokio::test]
async fn an_accepted_document_becomes_one_record() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let answers = Items::complete(house.parkinson()).answers(house.parkinson());
    house.load(scan(1), CITY, &answers).await;
    let books = house.registry.books().await.unwrap();
    assert_eq!(books.len(), 1);
    assert_eq!((books[0].scan, books[0].state, books[0].pages), (scan(1), BookState::Loaded, 1));
    assert_eq!(loaded(&house.outbox().await).len(), 1);
    assert!(house.trail().await.contains(&"record.load ok".to_owned()));
    house.audit_holds().await;
}

#[tokio::test]
async fn a_repeat_under_any_message_id_only_tells_again() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let answers = Items::complete(house.parkinson()).answers(house.parkinson());
    let first = house.accepted(scan(1), CITY, &answers).await;
    let again = message(99, first.event.clone());
    let handler = house.registry.handler();
    for message in [&first, &first, &again] {
        handler.handle(message).await.unwrap();
    }
    assert_eq!(house.registry.counts().await.unwrap().scan, 1);
    let told = loaded(&house.outbox().await);
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|line| *line == told[0]));
}

#[tokio::test]
async fn a_document_that_does_not_open_match_or_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let answers = Items::complete(house.parkinson()).answers(house.parkinson());
    let good = house.accepted(scan(1), CITY, &answers).await;
    let Event::DocumentAccepted { form, municipality, digest, pages, .. } = good.event.clone()
    else {
        panic!("not an acceptance")
    };
    let accepted = |scan, round, digest| {
        let (municipality, pages) = (municipality.clone(), pages.clone());
        message(5, Event::DocumentAccepted { scan, form, municipality, round, digest, pages })
    };
    let broken = b"<form".to_vec();
    let broken_digest = Sha256Digest::of(&broken);
    house.vault.put(objects::converted(scan(3), 1), broken).await.unwrap();
    let borrowed = house.vault.get(objects::converted(scan(1), 1)).await.unwrap();
    house.vault.put(objects::converted(scan(4), 1), borrowed).await.unwrap();
    let handler = house.registry.handler();
    for (what, message) in [
        ("missing", accepted(scan(2), 1, digest)),
        ("other digest", accepted(scan(1), 1, broken_digest)),
        ("broken", accepted(scan(3), 1, broken_digest)),
        ("of another scan", accepted(scan(4), 1, digest)),
    ] {
        assert!(handler.handle(&message).await.is_err(), "{what}");
    }
    assert_eq!(house.registry.counts().await.unwrap().scan, 0);
    assert!(house.outbox().await.is_empty());
}

#[tokio::test]
async fn other_messages_are_none_of_its_business() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let other = message(1, Event::ScanWithdrawn { scan: scan(1) });
    house.registry.handler().handle(&other).await.unwrap();
}

#[tokio::test]
async fn online_first_and_scan_later_are_linked_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let items = Items::complete(house.parkinson());
    let online = house.register(&doctor, 1, &items).await;
    // The paper writes the kana differently and was filled in a week later.
    let paper = items.with("name_kana", "ミホン・イチロウ").with("entry_date", "2026-06-08");
    house.load(scan(1), CITY, &paper.answers(house.parkinson())).await;
    let counts = house.registry.counts().await.unwrap();
    assert_eq!((counts.scan, counts.online, counts.linked), (1, 1, 1));
    let told = loaded(&house.outbox().await);
    assert_eq!(told.last().unwrap().1, Some(record_of(&online)));
    let seen = house.get(&doctor, &online).await;
    assert!(seen.body.contains("連結されています"));
    house.audit_holds().await;
}

#[tokio::test]
async fn scan_first_and_online_later_are_linked_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let items = Items::complete(house.parkinson());
    house.load(scan(1), CITY, &items.answers(house.parkinson())).await;
    let doctor = house.doctor().await;
    let online = house.register(&doctor, 1, &items).await;
    assert_eq!(house.registry.counts().await.unwrap().linked, 1);
    let told = loaded(&house.outbox().await);
    assert_eq!(told[0].1, None);
    assert_eq!(told[1], (told[0].0, Some(record_of(&online))));
    let links = house.trail().await.iter().filter(|line| *line == "record.link ok").count();
    assert_eq!(links, 2);
}

#[tokio::test]
async fn other_people_and_other_years_are_not_linked() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let items = Items::complete(house.parkinson());
    house.register(&doctor, 1, &items).await;
    let papers = [
        items.clone().with("name_kana", "べつの　ひと"),
        items.clone().with("birth_date", "1950-01-03"),
        items.clone().with("entry_date", "2026-10-01"),
    ];
    for (n, paper) in (1..).zip(papers) {
        house.load(scan(n), CITY, &paper.answers(house.parkinson())).await;
    }
    let counts = house.registry.counts().await.unwrap();
    assert_eq!((counts.scan, counts.linked), (3, 0));
}

#[tokio::test]
async fn namesakes_with_different_recipient_numbers_stay_apart() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let items = Items::complete(house.parkinson());
    let one = items.clone().with("recipient_no", "1234566");
    let other =
        items.with("recipient_no", &format!("765432{}", check_digit::payer("765432").unwrap()));
    let read = |items: &Items| {
        let (id, text) = items.0.iter().find(|(id, _)| id == "recipient_no").unwrap();
        house.parkinson().read(id, text).is_ok()
    };
    assert!(read(&one) && read(&other), "both numbers carry their check digit");
    house.load(scan(1), CITY, &one.answers(house.parkinson())).await;
    house.load(scan(2), OTHER_CITY, &other.answers(house.parkinson())).await;
    let persons: Vec<(String,)> = sqlx::query_as("SELECT DISTINCT person_id FROM record")
        .fetch_all(house.database.read())
        .await
        .unwrap();
    assert_eq!(persons.len(), 2);
    let noted: Vec<(String,)> =
        sqlx::query_as("SELECT detail FROM audit_entry WHERE action = 'record.load' ORDER BY at")
            .fetch_all(house.database.read())
            .await
            .unwrap();
    assert!(noted[1].0.ends_with("person-conflict"), "{noted:?}");
}

#[tokio::test]
async fn findings_on_paper_do_not_stop_the_load_and_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let mut answers = Items::complete(house.parkinson()).answers(house.parkinson());
    answers.set("hy", kakehashi_forms::Answer::Illegible);
    answers.remove("life");
    house.load(scan(1), CITY, &answers).await;
    let clerk = house.clerk().await;
    let list = house.get(&clerk, "/records").await;
    let at = list.body.find("/records/0").unwrap();
    let page = house.get(&clerk, &list.body[at..at + 45]).await;
    assert!(page.body.contains("判読不能"));
    assert!(page.body.contains("チェックの結果") && page.body.contains("▲ 確認"));
}
