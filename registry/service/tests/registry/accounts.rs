//! Signing in, sessions, lockout.

use http::StatusCode;
use kakehashi_kernel::Sensitive;
use kakehashi_registry::{AccountError, AccountRole};
use tokio_util::sync::CancellationToken;

use crate::house::{CITY, Client, HOSPITAL, House, OTHER_CITY, PASSWORD, account, city, hospital};

fn stranger(identity: kakehashi_contract::Identity) -> Client {
    Client { identity, cookie: None }
}

#[tokio::test]
async fn login_and_password_open_a_session_with_a_host_cookie() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let client = stranger(hospital("pc-1"));
    let answer = house.sign_in(&client, " ＩＳＨＡ ", PASSWORD).await;
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/"));
    assert!(answer.set_cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"));
    let cookie = answer.cookie;
    assert!(cookie.starts_with("__Host-kakehashi=") && cookie.len() == 17 + 64, "{cookie}");
    let client = Client { cookie: Some(cookie), ..client };
    let home = house.get(&client, "/").await;
    assert_eq!(home.status, StatusCode::OK);
    assert!(home.body.contains("見本　isha（1410000011）"));
    house.audit_holds().await;
}

#[tokio::test]
async fn a_wrong_password_an_unknown_login_and_another_organisation_look_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let attempts = [
        (stranger(hospital("pc-1")), "isha", "a wrong, long password"),
        (stranger(hospital("pc-1")), "nobody", PASSWORD),
        (stranger(hospital("pc-1")), "kyoku", PASSWORD),
        (stranger(hospital("pc-1")), "betsu", PASSWORD),
    ];
    let mut bodies = Vec::new();
    for (client, login, password) in attempts {
        let answer = house.sign_in(&client, login, password).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.cookie.is_empty());
        bodies.push(answer.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let wrong = house.trail().await.iter().filter(|line| *line == "sign-in wrong").count();
    assert_eq!(wrong, 4);
}

#[tokio::test]
async fn an_account_is_unknown_in_another_zone_and_organisation() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    for identity in [city(CITY, "desk-1"), city(OTHER_CITY, "desk-1")] {
        let answer = house.sign_in(&stranger(identity), "isha", PASSWORD).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let answer = house.sign_in(&stranger(city(OTHER_CITY, "d")), "kyoku", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_fifth_failure_locks_even_the_right_password_and_time_opens() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let client = stranger(hospital("pc-1"));
    for _ in 0..5 {
        house.sign_in(&client, "isha", "a wrong, long password").await;
    }
    let locked = house.sign_in(&client, "isha", PASSWORD).await;
    assert_eq!(locked.status, StatusCode::UNAUTHORIZED);
    assert!(locked.body.contains("受け付けません"));
    house.clock.advance_seconds(29);
    let locked = house.sign_in(&client, "isha", PASSWORD).await;
    assert!(locked.body.contains("あと0分2秒"), "the attempt while locked does not lengthen it");
    house.clock.advance_seconds(1);
    let open = house.sign_in(&client, "isha", PASSWORD).await;
    assert_eq!(open.status, StatusCode::SEE_OTHER);
    // Success forgets the failures.
    let wrong = house.sign_in(&client, "isha", "a wrong, long password").await;
    assert!(!wrong.body.contains("受け付けません"));
    house.audit_holds().await;
}

#[tokio::test]
async fn an_unknown_login_locks_like_a_known_one() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let client = stranger(hospital("pc-1"));
    let mut bodies = Vec::new();
    for login in ["isha", "nobody"] {
        for _ in 0..5 {
            house.sign_in(&client, login, "a wrong, long password").await;
        }
        bodies.push(house.sign_in(&client, login, "a wrong, long password").await.body);
    }
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn failures_at_another_organisation_do_not_lock_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    for _ in 0..9 {
        house.sign_in(&stranger(city(CITY, "desk-1")), "isha", "a wrong, long password").await;
    }
    house.doctor().await;
}

#[tokio::test]
async fn a_cookie_without_its_certificate_opens_nothing_and_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let client = house.doctor().await;
    let thief = Client { identity: hospital("pc-2"), ..client.clone() };
    let answer = house.get(&thief, "/").await;
    assert_eq!(
        (answer.status, answer.location.as_str()),
        (StatusCode::SEE_OTHER, "/sign-in?next=/")
    );
    assert!(house.trail().await.contains(&"session other-certificate".to_owned()));
    house.post(&thief, "/sign-out", &[]).await;
    assert_eq!(house.get(&client, "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_when_idle_at_its_age_and_on_sign_out() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let client = house.doctor().await;
    house.clock.advance_seconds(29 * 60);
    assert_eq!(house.get(&client, "/").await.status, StatusCode::OK);
    house.clock.advance_seconds(29 * 60);
    assert_eq!(house.get(&client, "/").await.status, StatusCode::OK, "use keeps it alive");
    house.clock.advance_seconds(31 * 60);
    assert_eq!(house.get(&client, "/").await.status, StatusCode::SEE_OTHER, "idle");

    let client = house.doctor().await;
    for _ in 0..36 {
        house.clock.advance_seconds(20 * 60);
        house.get(&client, "/").await;
    }
    house.clock.advance_seconds(60);
    assert_eq!(house.get(&client, "/").await.status, StatusCode::SEE_OTHER, "twelve hours");

    let client = house.doctor().await;
    let out = house.post(&client, "/sign-out", &[]).await;
    assert_eq!(out.location, "/sign-in");
    assert_eq!(house.get(&client, "/").await.status, StatusCode::SEE_OTHER, "signed out");
}

#[tokio::test]
async fn a_request_without_identity_or_from_another_site_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let client = house.doctor().await;
    let mut request = client.request("GET", "/", None);
    request.extensions_mut().clear();
    assert_eq!(house.ask(request).await.status, StatusCode::FORBIDDEN);
    let mut request = client.request("POST", "/sign-out", Some(&[]));
    request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(house.ask(request).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_account_is_made_once_and_keeps_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let again = kakehashi_registry::NewAccount {
        password: Sensitive::new("quite another password".to_owned()),
        ..account("ISHA", AccountRole::Doctor, HOSPITAL)
    };
    house.registry.ensure_account(again).await.unwrap();
    house.doctor().await;
    let created = house.trail().await.iter().filter(|line| *line == "account.create ok").count();
    assert_eq!(created, 4);
}

#[tokio::test]
async fn short_passwords_and_empty_logins_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let mut short = account("new", AccountRole::Doctor, HOSPITAL);
    short.password = Sensitive::new("twelve-chars".to_owned());
    assert!(matches!(house.registry.ensure_account(short).await, Err(AccountError::Password)));
    let empty = account("  ", AccountRole::Doctor, HOSPITAL);
    assert!(matches!(house.registry.ensure_account(empty).await, Err(AccountError::Login)));
}

#[tokio::test]
async fn attempts_at_the_same_time_are_all_counted() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let client = stranger(hospital("pc-1"));
    let wrong = || house.sign_in(&client, "isha", "a wrong, long password");
    tokio::join!(wrong(), wrong(), wrong(), wrong(), wrong());
    let locked = house.sign_in(&client, "isha", PASSWORD).await;
    assert!(locked.body.contains("受け付けません"));
}

#[tokio::test]
async fn ended_sessions_and_old_failures_are_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    house.doctor().await;
    house.sign_in(&stranger(hospital("pc-1")), "nobody", PASSWORD).await;
    house.clock.advance_seconds(25 * 60 * 60);
    let token = CancellationToken::new();
    let is_empty = async {
        loop {
            let (left,): (i64,) = sqlx::query_as(
                "SELECT (SELECT COUNT(*) FROM session) + (SELECT COUNT(*) FROM sign_in_failure)",
            )
            .fetch_one(house.database.read())
            .await
            .unwrap();
            if left == 0 {
                return token.cancel();
            }
            tokio::task::yield_now().await;
        }
    };
    let swept = async { tokio::join!(house.registry.run(token.clone()), is_empty) };
    tokio::time::timeout(std::time::Duration::from_secs(20), swept).await.unwrap();
}
