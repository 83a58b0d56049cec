//! Who sees what: pages, images, and the trail of those who tried.

use http::StatusCode;
use kakehashi_contract::{Role, Zone};

use crate::house::{CITY, Client, House, Items, OTHER_CITY, city, identity, page_bytes, scan};

struct Town {
    house: House,
    /// Of the first city.
    scanned: String,
    /// Linked to it, of the first hospital.
    online: String,
    /// Of the first hospital alone.
    unlinked: String,
}

async fn town(folder: &std::path::Path) -> Town {
    let house = House::new(folder).await;
    let doctor = house.doctor().await;
    let items = Items::complete(house.parkinson());
    let online = house.register(&doctor, 1, &items).await;
    let stranger = items.clone().with("name_kana", "べつの　ひと").with("name_kanji", "別野　人");
    let unlinked = house.register(&doctor, 2, &stranger).await;
    let paper = items.with("hy", "4");
    house.load(scan(1), CITY, &paper.answers(house.parkinson())).await;
    let (id,): (String,) = sqlx::query_as("SELECT id FROM record WHERE source = 'scan'")
        .fetch_one(house.database.read())
        .await
        .unwrap();
    Town { house, scanned: format!("/records/{id}"), online, unlinked }
}

#[tokio::test]
async fn everybody_sees_their_own_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let Town { house, scanned, online, unlinked } = town(folder.path()).await;
    let doctor = house.doctor().await;
    let colleague_elsewhere = house
        .signed_in(identity(Zone::Entry, Role::Institution, "1410000029", "pc"), "betsu")
        .await;
    let clerk = house.clerk().await;
    let other_clerk = house.signed_in(city(OTHER_CITY, "desk-1"), "shokuin").await;
    let image = format!("{scanned}/pages/1");
    let table: [(&str, &Client, &str, bool); 16] = [
        ("doctor", &doctor, &online, true),
        ("doctor", &doctor, &unlinked, true),
        ("doctor", &doctor, &scanned, false),
        ("doctor", &doctor, &image, false),
        ("elsewhere", &colleague_elsewhere, &online, false),
        ("elsewhere", &colleague_elsewhere, &scanned, false),
        ("clerk", &clerk, &scanned, true),
        ("clerk", &clerk, &image, true),
        ("clerk", &clerk, &online, true),
        ("clerk", &clerk, &unlinked, false),
        ("other clerk", &other_clerk, &scanned, false),
        ("other clerk", &other_clerk, &image, false),
        ("other clerk", &other_clerk, &online, false),
        ("doctor", &doctor, "/records", false),
        ("clerk", &clerk, "/forms/nanbyo/6", false),
        ("clerk", &clerk, "/records", true),
    ];
    for (who, client, path, may) in table {
        let expected = if may { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(house.get(client, path).await.status, expected, "{who} {path}");
    }
    let denied = house.trail().await.iter().filter(|line| line.contains("denied-owner")).count();
    assert_eq!(denied, 8, "every refused reader is on the trail");
    house.audit_holds().await;
}

#[tokio::test]
async fn nobody_signed_in_sees_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Town { house, scanned, .. } = town(folder.path()).await;
    let nobody = Client { identity: city(CITY, "desk-1"), cookie: None };
    let answer = house.get(&nobody, &scanned).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location, format!("/sign-in?next={scanned}"));
    for path in ["/health", "/assets/kakehashi.css", "/sign-in"] {
        assert_eq!(house.get(&nobody, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_record_page_shows_values_judgement_comparison_and_history() {
    let folder = tempfile::tempdir().unwrap();
    let Town { house, scanned, .. } = town(folder.path()).await;
    let clerk = house.clerk().await;
    house.get(&clerk, &scanned).await;
    let page = house.get(&clerk, &scanned).await;
    for expected in [
        "見本　一郎",
        "昭和25年1月2日",
        "機械判定（参考）",
        "判定の根拠を見る",
        &format!("src=\"{scanned}/pages/1\""),
        "紙とオンラインの比較",
        "▲ 1項目が異なります",
        "スキャンから取込",
        "2026-06-10 09:00:00",
        "もう一方の様式と連結",
        "見本　kyoku",
    ] {
        assert!(page.body.contains(expected), "{expected}");
    }
    let english = house.get(&clerk, &format!("{scanned}?lang=en")).await;
    assert!(english.body.contains("Judgement by machine (advice)"));
    assert!(english.body.contains("loaded from scan"));
}

#[tokio::test]
async fn a_doctor_is_told_that_paper_arrived_but_not_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let Town { house, online, scanned, .. } = town(folder.path()).await;
    let doctor = house.doctor().await;
    let page = house.get(&doctor, &online).await;
    assert!(page.body.contains("自治体に届き"));
    assert!(!page.body.contains(&scanned) && !page.body.contains("紙とオンラインの比較"));
}

#[tokio::test]
async fn a_page_image_is_what_was_released() {
    let folder = tempfile::tempdir().unwrap();
    let Town { house, scanned, online, .. } = town(folder.path()).await;
    let clerk = house.clerk().await;
    let image = house.get(&clerk, &format!("{scanned}/pages/1")).await;
    assert_eq!(image.body.as_bytes(), page_bytes(scan(1)));
    for path in [format!("{scanned}/pages/2"), format!("{online}/pages/1")] {
        assert_eq!(house.get(&clerk, &path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_list_is_searched_by_scan_and_names_who_was_shown_in_the_trail() {
    let folder = tempfile::tempdir().unwrap();
    let Town { house, scanned, .. } = town(folder.path()).await;
    let clerk = house.clerk().await;
    let found = house.get(&clerk, &format!("/records?scan={}", scan(1))).await;
    assert!(found.body.contains(&scanned) && found.body.contains("⇄ オンラインあり"));
    for nothing in [scan(2).to_string(), "x".to_owned()] {
        let page = house.get(&clerk, &format!("/records?scan={nothing}")).await;
        assert!(page.body.contains("該当する様式はありません"));
    }
    let (detail,): (String,) = sqlx::query_as(
        "SELECT detail FROM audit_entry WHERE action = 'records.list' AND detail <> ''",
    )
    .fetch_one(house.database.read())
    .await
    .unwrap();
    assert_eq!(format!("/records/{detail}"), scanned);
}

#[tokio::test]
async fn an_unknown_record_is_not_found_and_noted() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let clerk = house.clerk().await;
    let unknown = format!("/records/{}", uuid::Uuid::from_u128(5));
    for path in [unknown.as_str(), "/records/x", "/records/../sign-in", "/nowhere"] {
        assert_eq!(house.get(&clerk, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(house.trail().await.contains(&"record.view not-found".to_owned()));
}
