//! The HTTP interface: who may ask, what is answered, what is never said.

use http::{Method, StatusCode, header};
use kakehashi_contract::{Role, Zone, objects};
use kakehashi_kernel::Sha256Digest;
use tokio_util::sync::CancellationToken;

use crate::house::{House, contractor, identity, json, png, scan};

#[tokio::test]
async fn only_a_contractor_of_the_conversion_zone_is_let_in() {
    let house = House::new().await;
    let path = "/api/v1/lots";
    for stranger in [
        identity(Zone::Municipal, Role::MunicipalStaff, "141003"),
        identity(Zone::Municipal, Role::Contractor, "denki"),
        identity(Zone::Conversion, Role::Component, "denki"),
    ] {
        let (status, problem) = house.get(&stranger, path).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(problem["type"], "urn:kakehashi:problem:not-a-contractor");
    }
    let nobody = house.ask(Method::GET, None, path, "", Vec::new()).await;
    assert_eq!(nobody.status(), StatusCode::FORBIDDEN);
    assert_eq!(house.get(&contractor("denki"), path).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_page_comes_with_its_digest_and_is_noted_in_the_audit_trail() {
    let house = House::new().await;
    let (lot, _) = house.lot_of_two_with_denki().await;
    let path = format!("/api/v1/lots/{lot}/documents/{}/pages/1", scan(1));
    let response = house.ask(Method::GET, Some(&contractor("denki")), &path, "", Vec::new()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "image/png");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let digest = Sha256Digest::of(&png(scan(1)));
    assert_eq!(response.headers()[header::ETAG], format!("\"{digest}\""));
    assert_eq!(*response.body(), png(scan(1)));
    let history = house.audit.history(&house.database, &scan(1).to_string(), 9).await.unwrap();
    let view = history.last().unwrap();
    assert_eq!(view.fact.action, "page.view");
    assert_eq!(view.fact.actor, "conversion/contractor/denki/keying-01");
}

#[tokio::test]
async fn a_page_that_is_not_what_was_recorded_is_not_shown() {
    let house = House::new().await;
    house.hear(&house.message(House::released(1))).await;
    house.vault.put(objects::page(scan(1), 1), b"another image".to_vec()).await.unwrap();
    let (lot, _) = house.sealed_and_taken("denki").await;
    let path = format!("/api/v1/lots/{lot}/documents/{}/pages/1", scan(1));
    let (status, problem) = house.get(&contractor("denki"), &path).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(problem["type"], "urn:kakehashi:problem:failure");
    assert!(!problem.to_string().contains("released"), "{problem}");
    let history = house.audit.history(&house.database, &scan(1).to_string(), 9).await.unwrap();
    assert!(history.iter().all(|entry| entry.fact.action != "page.view"));
}

#[tokio::test]
async fn what_does_not_exist_is_answered_with_a_problem_document() {
    let house = House::new().await;
    let (lot, _) = house.lot_of_two_with_denki().await;
    let nil = "00000000-0000-0000-0000-000000000000";
    let mine = format!("/api/v1/lots/{lot}/documents");
    for (path, status, code) in [
        (format!("/api/v1/lots/{nil}/manifest"), 404, "lot-unknown"),
        ("/api/v1/lots/L-1/manifest".to_owned(), 400, "malformed"),
        (format!("{mine}/{nil}/pages/1"), 404, "document-unknown"),
        (format!("{mine}/{}/pages/2", scan(1)), 404, "page-unknown"),
        (format!("{mine}/{}/pages/one", scan(1)), 400, "malformed"),
        (format!("/api/v1/returns/{nil}"), 404, "return-unknown"),
        ("/api/v1/schema/nanbyo/9999/000/2403.xsd".to_owned(), 404, "form-unknown"),
        ("/api/v1/schema/nanbyo/0006/000/2403".to_owned(), 400, "malformed"),
        ("/api/v2/lots".to_owned(), 404, "not-found"),
        (format!("/api/v1/lots/{lot}/take"), 405, "method-not-allowed"),
    ] {
        let response =
            house.ask(Method::GET, Some(&contractor("denki")), &path, "", Vec::new()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
        let (found, problem) = json(response);
        assert_eq!(found.as_u16(), status, "{path}");
        assert_eq!(problem["type"], format!("urn:kakehashi:problem:{code}"), "{path}");
    }
}

#[tokio::test]
async fn the_schema_of_a_form_version_is_published() {
    let house = House::new().await;
    let path = "/api/v1/schema/nanbyo/0006/000/2403.xsd";
    let response = house.ask(Method::GET, Some(&contractor("denki")), path, "", Vec::new()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let xsd = String::from_utf8(response.into_body()).unwrap();
    assert!(xsd.contains("schema") && xsd.contains("note"));
}

#[tokio::test]
async fn health_is_answered_until_the_database_is_gone() {
    let house = House::new().await;
    let ask = || house.ask(Method::GET, None, "/api/v1/health", "", Vec::new());
    assert_eq!(ask().await.status(), StatusCode::OK);
    house.database.close().await;
    assert_eq!(ask().await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_workers_do_the_work_and_end_with_the_token() {
    let house = House::new().await;
    house.release(1).await;
    house.release(2).await;
    let token = CancellationToken::new();
    let (converter, stop) = (house.converter.clone(), token.clone());
    let work = converter.run(token);
    let watch = async {
        while house.emitted().await.len() < 2 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let both = Box::pin(async { tokio::join!(work, watch) });
    tokio::time::timeout(std::time::Duration::from_secs(30), both).await.unwrap();
    assert_eq!(house.told_about(2).await, ["document_in_lot"]);
}
