//! Entering a form.

use http::StatusCode;
use kakehashi_forms::Application;

use crate::house::{FORM, House, Items};

#[tokio::test]
async fn the_page_asks_every_item_of_the_application() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    for application in [Application::New, Application::Renewal] {
        let path = format!("{FORM}?application={application}");
        let page = house.get(&doctor, &path).await;
        assert_eq!(page.status, StatusCode::OK);
        for item in house.parkinson().items() {
            let asked = page.body.contains(&format!("name=\"{}\"", item.id));
            assert_eq!(asked, item.applies.include(application), "{}", item.id);
        }
        assert!(page.body.contains("value=\"2026-06-10\""), "today is filled in");
        assert!(page.body.contains("name=\"ldopa.state\""));
    }
}

#[tokio::test]
async fn the_page_is_there_in_english() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let page = house.get(&doctor, &format!("{FORM}?lang=en")).await;
    assert!(page.body.contains("lang=\"en\"") && page.body.contains("Check</button>"));
}

#[tokio::test]
async fn check_shows_findings_with_remedies_and_keeps_what_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let items = Items::complete(house.parkinson())
        .with("birth_date", "むかし")
        .with("name_kana", "")
        .with("special_notes", "<b>所見</b>");
    let page = house.post(&doctor, FORM, &items.posted("check", 1)).await;
    assert_eq!(page.status, StatusCode::OK);
    for expected in [
        "直すところが2件",
        "href=\"#item-birth_date\"",
        "href=\"#item-name_kana\"",
        "✕ エラー",
        "value=\"むかし\"",
        "R6.4.1",
        "&lt;b&gt;所見&lt;/b&gt;",
        "value=\"見本　一郎\"",
    ] {
        assert!(page.body.contains(expected), "{expected}");
    }
    assert!(!page.body.contains("<b>所見"));
    let stored = house.registry.counts().await.unwrap();
    assert_eq!(stored.online, 0);
}

#[tokio::test]
async fn calculate_and_judge_answer_beside_the_form() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let items = Items::complete(house.parkinson());
    let page = house.post(&doctor, FORM, &items.posted("calculate", 1)).await;
    assert!(page.body.contains("登録できます"), "a complete form has no errors");
    let age = "<strong>76</strong>";
    assert!(page.body.contains(age), "age at entry is calculated");
    assert!(page.body.contains("○ 該当"));
    let notice = &house.parkinson().rule_notice().ja;
    assert!(page.body.contains(notice.as_str()));

    let items = items.with("hy", "1");
    let page = house.post(&doctor, FORM, &items.posted("check", 1)).await;
    assert!(page.body.contains("× 非該当"));
    let path = house.register(&doctor, 2, &items).await;
    assert!(path.starts_with("/records/"), "the judgement never blocks");
}

#[tokio::test]
async fn a_form_with_errors_is_not_registered() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let items = Items::complete(house.parkinson()).with("hy", "");
    let page = house.post(&doctor, FORM, &items.posted("register", 1)).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("登録していません。直すところが1件"));
    assert_eq!(house.registry.counts().await.unwrap().online, 0);
}

#[tokio::test]
async fn the_same_page_sent_twice_is_one_record_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let items = Items::complete(house.parkinson());
    let first = house.register(&doctor, 7, &items).await;
    let second = house.register(&doctor, 7, &items).await;
    assert_eq!(first, second);
    house.database.close().await;

    let house = House::open(folder.path(), 1).await;
    let third = house.register(&doctor, 7, &items).await;
    assert_eq!(first, third);
    assert_eq!(house.registry.counts().await.unwrap().online, 1);
    house.audit_holds().await;
}

#[tokio::test]
async fn a_page_changed_after_registering_says_so_and_registers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let items = Items::complete(house.parkinson());
    let record = house.register(&doctor, 7, &items).await;
    let changed = items.with("hy", "4");
    let page = house.post(&doctor, FORM, &changed.posted("register", 7)).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.body.contains("すでに登録されています") && page.body.contains(&record));
    assert_eq!(house.registry.counts().await.unwrap().online, 1);
}

#[tokio::test]
async fn odd_posts_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    let items = Items::complete(house.parkinson());
    for (path, action) in [(FORM, "delete"), (FORM, "")] {
        let answer = house.post(&doctor, path, &items.posted(action, 1)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    for path in ["/forms/nanbyo/9999", "/forms/shouman/6", "/forms/x/y", "/forms/nanbyo/6-7"] {
        let answer = house.post(&doctor, path, &items.posted("check", 1)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(house.get(&doctor, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_post_after_the_session_ended_tells_how_to_keep_what_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = house.doctor().await;
    house.clock.advance_seconds(31 * 60);
    let items = Items::complete(house.parkinson());
    let answer = house.post(&doctor, FORM, &items.posted("register", 1)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.body.contains("入力した内容は失われていません"));
}
