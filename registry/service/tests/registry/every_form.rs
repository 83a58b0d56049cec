//! Forms of every kind on the road of a doctor: the empty page, a filled one registered, its record.

use http::StatusCode;
use kakehashi_forms::{Application, Definition, Kind};
use kakehashi_kernel::{CivilDate, Programme};
use kakehashi_kit::{FilledForm, filled_form, posted, samples};
use kakehashi_registry::{AccountRole, NewAccount};
use kakehashi_registry_core::entry::Typed;
use uuid::Uuid;

use crate::house::{Client, HOSPITAL, House, account, hospital};

const APPLICATIONS: [Application; 2] = [Application::New, Application::Renewal];

/// A doctor who enters forms of both programmes.
async fn doctor(house: &House) -> Client {
    let account = NewAccount {
        programmes: Programme::ALL.to_vec(),
        ..account("ryoho", AccountRole::Doctor, HOSPITAL)
    };
    house.registry.ensure_account(account).await.unwrap();
    house.signed_in(hospital("pc-2"), "ryoho").await
}

fn path(form: &Definition) -> String {
    let key = form.key();
    match key.branch {
        0 => format!("/forms/{}/{}", key.programme, key.number),
        branch => format!("/forms/{}/{}-{branch}", key.programme, key.number),
    }
}

fn applications(form: &Definition) -> impl Iterator<Item = Application> {
    APPLICATIONS.into_iter().filter(|application| form.applies().include(*application))
}

/// A filled form of an application that a page can be filled in like, with its fields.
fn typed(form: &Definition, application: Application) -> (FilledForm, Vec<(String, String)>) {
    let mut filled = (0..100).map(|index| filled_form(form, 11, index));
    let found = filled.find_map(|filled| {
        let fields = posted(form, &filled.answers)?;
        (filled.application == application).then_some((filled, fields))
    });
    found.unwrap_or_else(|| panic!("no form of {} can be typed", form.key()))
}

#[tokio::test]
async fn the_empty_page_asks_every_item() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = doctor(&house).await;
    let today: CivilDate = "2026-06-10".parse().unwrap();
    for form in samples().into_iter().filter(|form| form.is_valid_on(today)) {
        for application in applications(form) {
            let address = format!("{}?application={application}", path(form));
            let page = house.get(&doctor, &address).await;
            assert_eq!(page.status, StatusCode::OK, "{address}");
            for item in form.items() {
                let name = match &item.kind {
                    Kind::Rows { columns, .. } => format!("{}.1.{}", item.id, columns[0].id),
                    _ => item.id.clone(),
                };
                let is_there = page.body.contains(&format!("name=\"{name}\""));
                assert_eq!(is_there, item.is_asked(application), "{address} {name}");
            }
            if let Some(unverified) = form.unverified() {
                assert!(page.body.contains("要確認："), "{address} {}", unverified.ja);
            }
        }
    }
}

#[tokio::test]
async fn a_filled_form_registers_and_its_record_opens() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path()).await;
    let doctor = doctor(&house).await;
    let mut registered = 0_u64;
    for form in samples() {
        for application in applications(form) {
            let (filled, typed) = typed(form, application);
            let mut fields = vec![
                ("action".to_owned(), "register".to_owned()),
                ("entry".to_owned(), Uuid::from_u128(u128::from(registered) + 9000).to_string()),
                ("version".to_owned(), format!("{:04}", form.key().version)),
                ("application".to_owned(), application.as_str().to_owned()),
            ];
            fields.extend(typed);
            let answer = house.post(&doctor, &path(form), &fields).await;
            let key = form.key();
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{key}: {}", errors(&answer.body));
            registered += 1;
            let record = house.get(&doctor, &answer.location).await;
            assert_eq!(record.status, StatusCode::OK, "{key}");
            let name = filled.answers.text("name_kanji").unwrap();
            assert!(record.body.contains(name), "{key}");
            let circumstances = form.circumstances(&filled.answers, application);
            let judgement = form.judge(&filled.answers, &circumstances);
            for half in [&judgement.diagnosis_half, &judgement.severity_half] {
                match half {
                    Some(half) => assert!(record.body.contains(&half.version), "{key}"),
                    None => assert!(record.body.contains("機械判定なし"), "{key}"),
                }
            }
        }
    }
    assert_eq!(house.registry.counts().await.unwrap().online, registered);
}

fn errors(page: &str) -> String {
    page.split("<ol class=\"findings\">").nth(1).unwrap_or(page).chars().take(900).collect()
}

#[test]
fn what_a_page_posts_reads_as_what_was_filled_in() {
    for form in samples() {
        for application in applications(form) {
            let (filled, fields) = typed(form, application);
            let (answers, findings) = Typed::new(fields).without_empty_rows(form).read(form);
            assert!(findings.is_empty(), "{}: {findings:?}", form.key());
            let different = filled.answers.differences(&answers);
            assert_eq!(different, Vec::<&str>::new(), "{}", form.key());
        }
    }
}
