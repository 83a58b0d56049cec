//! Who holds a lot, and for how long.

use http::StatusCode;

use crate::house::{DAY_MS, House, Keyed, contractor, said, scan, verdicts};

#[tokio::test]
async fn taking_a_lot_twice_is_taking_it_once() {
    let house = House::new().await;
    let (lot, _) = house.lot_of_two_with_denki().await;
    let emitted = house.emitted().await.len();
    house.pass(1000);
    let path = format!("/api/v1/lots/{lot}/take");
    let (status, again) = house.post(&contractor("denki"), &path).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (again["state"].as_str(), again["outstanding"].as_u64()),
        (Some("handed_over"), Some(2))
    );
    assert_eq!(house.emitted().await.len(), emitted);
}

#[tokio::test]
async fn another_contractor_gets_neither_lot_nor_manifest_nor_page_nor_verdicts() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let other = contractor("other");
    let (status, problem) = house.post(&other, &format!("/api/v1/lots/{lot}/take")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["type"], "urn:kakehashi:problem:lot-held");
    for path in ["manifest".to_owned(), format!("documents/{}/pages/1", scan(1))] {
        let (status, problem) = house.get(&other, &format!("/api/v1/lots/{lot}/{path}")).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(problem["type"], "urn:kakehashi:problem:lot-not-held");
    }
    let (_, lots) = house.get(&other, "/api/v1/lots").await;
    assert_eq!(lots["lots"].as_array().unwrap().len(), 0);
    let receipt = house.deliver(lot, "", &house.xml(&number, &[Keyed(1, 1, "良好")])).await;
    let path = format!("/api/v1/returns/{}", receipt["return"].as_str().unwrap());
    assert_eq!(house.get(&other, &path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_is_not_shown_before_the_lot_is_taken() {
    let house = House::new().await;
    house.release(1).await;
    house.pass(5000);
    house.converter.seal_due().await.unwrap();
    let (_, lots) = house.get(&contractor("denki"), "/api/v1/lots").await;
    let lot = lots["lots"][0]["lot"].as_str().unwrap();
    let path = format!("/api/v1/lots/{lot}/documents/{}/pages/1", scan(1));
    assert_eq!(house.get(&contractor("denki"), &path).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_lease_that_ran_out_makes_the_lot_free_for_another() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let part = house.xml(&number, &[Keyed(1, 1, "良好")]);
    house.return_of(lot, "?partial=true", &part).await;
    house.pass(11 * DAY_MS - 1);
    assert_eq!(house.converter.lapse_due().await.unwrap(), 0);
    house.pass(1);
    assert_eq!(house.converter.lapse_due().await.unwrap(), 1);
    assert_eq!(house.converter.lapse_due().await.unwrap(), 0);
    assert_eq!(house.lot_state(lot).await, "sealed");
    assert_eq!(house.state_of(2).await, ("in_lot".to_owned(), 1));

    let (status, taken) =
        house.post(&contractor("other"), &format!("/api/v1/lots/{lot}/take")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(taken["outstanding"], 1);
    assert_eq!(house.state_of(1).await.0, "accepted", "what is decided stays decided");
    let kinds = house.told_about(2).await;
    let twice = ["document_in_lot", "document_handed_over"].repeat(2);
    assert_eq!(kinds, twice);
    let path = format!("/api/v1/lots/{lot}/manifest");
    assert_eq!(house.get(&contractor("denki"), &path).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_return_that_arrived_in_time_keeps_the_lot() {
    let house = House::new().await;
    let (lot, number) = house.lot_of_two_with_denki().await;
    let xml = house.xml(&number, &[Keyed(1, 1, "良好"), Keyed(2, 1, "不変")]);
    let receipt = house.deliver(lot, "", &xml).await;
    house.pass(30 * DAY_MS);
    assert_eq!(house.converter.lapse_due().await.unwrap(), 0);
    house.converter.validate_waiting().await.unwrap();
    let view = house.look(&receipt).await;
    assert_eq!(verdicts(&view), said(&[(1, "accepted"), (2, "accepted")]));
}
