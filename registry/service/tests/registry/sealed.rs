//! A stolen database file shows nothing about a person.

use std::fs;

use crate::house::{CITY, House, Items, PASSWORD, scan};

#[tokio::test]
async fn nothing_about_a_person_lies_in_the_database_file() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let markers = [
        ("name_kanji", "印字標本　一太"),
        ("name_kana", "いんじひょうほん　いちた"),
        ("address", "見本県目印市目印町八八八"),
        ("special_notes", "MARKER-IN-FREE-TEXT"),
        ("recipient_no", "1234566"),
        ("birth_date", "1951-03-07"),
    ];
    let items = markers
        .iter()
        .fold(Items::complete(house.parkinson()), |items, (id, text)| items.with(id, text));
    let doctor = house.doctor().await;
    let path = house.register(&doctor, 1, &items).await;
    house.load(scan(1), CITY, &items.answers(house.parkinson())).await;
    house.get(&doctor, &path).await;
    let clerk = house.clerk().await;
    house.get(&clerk, "/records").await;
    assert_eq!(house.registry.counts().await.unwrap().linked, 1);

    let mut looked_at = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        looked_at += bytes.len();
        let token = doctor.cookie.as_deref().unwrap().split('=').nth(1).unwrap();
        let texts = markers.iter().map(|(_, text)| *text);
        for text in texts.chain([PASSWORD, "isha", "見本　isha", token, "argon2id"]) {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{text} lies in {}", path.display());
        }
        assert!(
            bytes.windows(CITY.len()).any(|window| window == CITY.as_bytes())
                || path.extension().is_some_and(|extension| extension != "db-wal"),
            "the search itself finds what is there"
        );
    }
    assert!(looked_at > 100_000);
}
