//! Certificates that do not get through: an alert or 403, and one audit entry each.

use kakehashi_contract::{CLIENT_POLICIES_DER, Identity, Role, Zone};
use kakehashi_edge::LimitsConfig;
use kakehashi_kernel::Timestamp;
use kakehashi_platform::{
    mtls::{Client, ClientError, Protocol},
    pki::{Holder, Issued, SystemSerials, Validity},
};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};

use crate::house::{House, NOW, codes, municipality};

/// Expects no answer but the alert or 403, and exactly this code.
#[track_caller]
fn check(house: House, client: &Client, expected: &Refused, code: &str) {
    let runtime = tokio::runtime::Handle::current();
    let code = code.to_owned();
    tokio::task::block_in_place(|| {
        runtime.block_on(async {
            let answered = client.get(&house.url(Zone::Municipal, "/echo")).await;
            match (expected, answered) {
                (Refused::ByAlert, Err(ClientError::Transport(_))) => {}
                (Refused::ByAnswer, Ok(answer)) => {
                    assert_eq!(answer.status, 403);
                    let text = String::from_utf8(answer.body.to_vec()).unwrap();
                    assert!(text.contains(&code), "{text}");
                }
                (_, other) => panic!("{other:?}"),
            }
            assert_eq!(codes(&house.end().await), [format!("- handshake municipal {code}")]);
        });
    });
}

enum Refused {
    ByAlert,
    ByAnswer,
}

/// A certificate off the profile, signed by a zone's real CA.
fn odd(house: &House, zone: Zone, change: impl FnOnce(&mut CertificateParams)) -> Issued {
    let key = std::fs::read_to_string(house.folder.path().join(format!("ca/{zone}/key.pem")));
    let ca = KeyPair::from_pem(&key.unwrap()).unwrap();
    let issuer = Issuer::from_ca_cert_pem(house.authority.zone_pem(zone), ca).unwrap();
    let mut params = CertificateParams::default();
    let (before, after) = (NOW.0 / 86_400_000 - 1, NOW.0 / 86_400_000 + 30);
    let day = |day: i64| {
        rcgen::date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_secs(day.unsigned_abs() * 86_400)
    };
    params.not_before = day(before);
    params.not_after = day(after);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let policies = CLIENT_POLICIES_DER.to_vec();
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 32], policies)];
    let uri = Identity::uri(Zone::Municipal, Role::MunicipalStaff, "141003", "scan-01");
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    Issued { chain_pem: certificate.pem(), key_pem: key.serialize_pem() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_certificate_with_everything_right_passes() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |_| {}));
    assert_eq!(client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_certificate() {
    let house = House::start().await;
    let client = house.client_of(None, Protocol::Http1);
    check(house, &client, &Refused::ByAlert, "certificate-missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_zones_certificate() {
    let house = House::start().await;
    let doctor = Holder::new(Zone::Entry, Role::Institution, "1312345", "desk-1");
    let client = house.client(&house.issue(&doctor));
    check(house, &client, &Refused::ByAlert, "certificate-unknown-issuer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_our_zone_signed_by_another_zones_authority() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Entry, |_| {}));
    check(house, &client, &Refused::ByAlert, "certificate-unknown-issuer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_names_another_zone() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        let uri = Identity::uri(Zone::National, Role::NationalStaff, "mhlw", "desk-1");
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-other-zone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_revoked_while_its_holder_is_connected() {
    let house = House::start().await;
    let issued = house.issue(&municipality());
    let client = house.client_of(Some(&issued), Protocol::Http2);
    let url = house.url(Zone::Municipal, "/echo");
    assert_eq!(client.get(&url).await.unwrap().status, 200);
    house.authority.revoke(Zone::Municipal, &issued.chain_pem, NOW).unwrap();
    house.publish();
    let give_up = tokio::time::Instant::now() + std::time::Duration::from_secs(15);
    let mut answered = 1;
    while client.get(&url).await.is_ok_and(|answer| answer.status == 200) {
        answered += 1;
        assert!(tokio::time::Instant::now() < give_up, "still connected after 15 seconds");
    }
    let found = codes(&house.end().await);
    let who = "municipal/municipal-staff/141003/scan-01";
    let closed = format!("{who} handshake municipal certificate-revoked");
    assert_eq!(found.iter().filter(|code| **code == closed).count(), 1);
    // The last answer may have been recorded and then cut off with its connection.
    let recorded = found.iter().filter(|code| code.ends_with("GET /echo ok")).count();
    assert!((answered..=answered + 1).contains(&recorded), "{recorded} of {answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate() {
    let mut house = House::build().await;
    let issued = house.issue(&municipality());
    house.authority.revoke(Zone::Municipal, &issued.chain_pem, NOW).unwrap();
    house.publish();
    house.open(LimitsConfig::default()).await;
    let client = house.client(&issued);
    check(house, &client, &Refused::ByAnswer, "certificate-revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate() {
    let house = House::start().await;
    let past = Validity::days(Timestamp(NOW.0 - 40 * 86_400_000), 30);
    let issued = house.authority.issue_client(&municipality(), past, &SystemSerials).unwrap();
    let client = house.client(&issued);
    check(house, &client, &Refused::ByAnswer, "certificate-expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_tomorrow() {
    let house = House::start().await;
    let later = Validity::days(NOW.plus_ms(86_400_000), 30);
    let issued = house.authority.issue_client(&municipality(), later, &SystemSerials).unwrap();
    let client = house.client(&issued);
    check(house, &client, &Refused::ByAnswer, "certificate-not-yet-valid");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_where_nothing_is_explained() {
    let mut house = House::build().await;
    let mut config = house.config(LimitsConfig::default());
    for listener in &mut config.listeners {
        listener.explain_certificate_problems = false;
    }
    house.open_as(config, House::parts()).await;
    let past = Validity::days(Timestamp(NOW.0 - 40 * 86_400_000), 30);
    let issued = house.authority.issue_client(&municipality(), past, &SystemSerials).unwrap();
    let client = house.client(&issued);
    check(house, &client, &Refused::ByAlert, "certificate-expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_that_only_claims_to_be_ours() {
    let house = House::start().await;
    let key = KeyPair::generate().unwrap();
    let ours = rcgen::Issuer::from_ca_cert_pem(house.authority.zone_pem(Zone::Municipal), key);
    let mut params = CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &ours.unwrap()).unwrap();
    let forged = Issued { chain_pem: certificate.pem(), key_pem: key.serialize_pem() };
    let client = house.client(&forged);
    check(house, &client, &Refused::ByAlert, "certificate-expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_any_purpose() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::Any);
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-any-purpose");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_for_signing() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        params.key_usages = vec![KeyUsagePurpose::KeyAgreement];
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-no-signing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_our_policy() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        params.custom_extensions.clear();
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-policy-missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_a_mail_address_beside_its_uri() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        let mail = SanType::Rfc822Name("a@example.jp".try_into().unwrap());
        params.subject_alt_names.push(mail);
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-name-doubled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_a_name_its_authority_may_not_give() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        let name = SanType::DnsName("registry.kakehashi.internal".try_into().unwrap());
        params.subject_alt_names.push(name);
    }));
    check(house, &client, &Refused::ByAlert, "certificate-name-constraint");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_a_null_byte_in_its_name() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        let uri = "kakehashi://municipal/municipal-staff/141003/scan\0-01";
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-name-malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_a_role_of_another_zone() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        let uri = Identity::uri(Zone::Municipal, Role::Contractor, "141003", "scan-01");
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-role-misplaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_valid_for_ten_years() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-validity-too-long");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_larger_than_ours_are() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        let large = vec![0; kakehashi_kernel::limits::CERTIFICATE_BYTES_MAX];
        let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999], large);
        params.custom_extensions.push(extension);
    }));
    check(house, &client, &Refused::ByAlert, "certificate-oversized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_longer_than_ours_are() {
    let house = House::start().await;
    let mut issued = odd(&house, Zone::Municipal, |_| {});
    issued.chain_pem += &house.authority.zone_pem(Zone::Municipal).repeat(4);
    let client = house.client(&issued);
    check(house, &client, &Refused::ByAlert, "certificate-chain-oversized");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_as_leaf() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }));
    check(house, &client, &Refused::ByAlert, "certificate-ca-as-leaf");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_certificate() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    }));
    check(house, &client, &Refused::ByAlert, "certificate-key-usage");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_extended_key_usage() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        params.extended_key_usages.clear();
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-key-usage");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_uri() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        params.subject_alt_names.clear();
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-uri-missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_two_uris() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        params.subject_alt_names.push(params.subject_alt_names[0].clone());
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-uri-doubled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_a_malformed_uri() {
    let house = House::start().await;
    let client = house.client(&odd(&house, Zone::Municipal, |params| {
        let uri = "kakehashi://municipal/municipal-staff/141003/a/b".try_into().unwrap();
        params.subject_alt_names = vec![SanType::URI(uri)];
    }));
    check(house, &client, &Refused::ByAnswer, "certificate-uri-malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_speaks_no_tls() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = House::start().await;
    let mut stream = tokio::net::TcpStream::connect(house.edge[&Zone::Municipal]).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP"));
    assert_eq!(codes(&house.end().await), ["- handshake municipal handshake-failed"]);
}
