//! Certificates off the profile, really made, and the name of each refusal.

use kakehashi_contract::{CLIENT_POLICIES_DER, Identity, IdentityRefusal, Role, Zone};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519,
    PKCS_RSA_SHA256, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
};

const URI: &str = "kakehashi://municipal/municipal-staff/141003/scan-01";

pub(crate) fn good() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2026, 11, 1);
    params.not_after = rcgen::date_time_ymd(2027, 11, 1);
    params.serial_number = Some(SerialNumber::from_slice(&[0x41; 16]));
    params.distinguished_name.push(DnType::CommonName, "141003 scan-01");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let policies = CLIENT_POLICIES_DER.to_vec();
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 32], policies)];
    params.subject_alt_names = vec![SanType::URI(URI.try_into().unwrap())];
    params
}

fn made(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = good();
    change(&mut params);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

/// The profile does not look at the signature: bytes may be changed afterwards.
fn patched(from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut der = made(|_| {});
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> =
        (0..=der.len() - from.len()).filter(|place| der[*place..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for place in places {
        der[place..place + to.len()].copy_from_slice(to);
    }
    der
}

#[track_caller]
fn check(der: &[u8], expected: IdentityRefusal) {
    assert_eq!(Identity::from_der(der), Err(expected), "{}", expected.code());
}

#[test]
fn a_certificate_by_the_profile_names_its_holder() {
    let identity = Identity::from_der(&made(|_| {})).unwrap();
    assert_eq!((identity.zone, identity.role), (Zone::Municipal, Role::MunicipalStaff));
    for algorithm in [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        Identity::from_der(good().self_signed(&key).unwrap().der()).unwrap();
    }
}

#[test]
fn its_frame_must_be_right() {
    let mut der = made(|_| {});
    der.push(0);
    check(&der, IdentityRefusal::Unreadable);
    check(&der[..der.len() - 2], IdentityRefusal::Unreadable);
    check(&patched(&[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, 1]), IdentityRefusal::VersionOld);
    let serial = |bytes: &[u8]| {
        let number = Some(SerialNumber::from_slice(bytes));
        made(|params| params.serial_number = number)
    };
    check(&serial(&[0]), IdentityRefusal::SerialMalformed);
    check(&serial(&[0x41; 21]), IdentityRefusal::SerialMalformed);
    let negative = patched(&[0x41; 16], &[0x81; 16]);
    check(&negative, IdentityRefusal::SerialMalformed);
    let long = made(|params| params.not_after = rcgen::date_time_ymd(2029, 11, 4));
    check(&long, IdentityRefusal::ValidityTooLong);
    let large = |params: &mut CertificateParams| {
        let content = vec![0; kakehashi_kernel::limits::CERTIFICATE_BYTES_MAX];
        let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999], content);
        params.custom_extensions.push(extension);
    };
    check(&made(large), IdentityRefusal::Oversized);
}

/// An RSA key as it stands in a certificate, of so many bytes.
struct RsaKey(Vec<u8>);

impl RsaKey {
    fn of(bytes: u8) -> Self {
        let mut der = vec![0x30, 0x81, bytes + 9, 0x02, 0x81, bytes + 1, 0];
        der.extend(std::iter::repeat_n(0xc5, bytes.into()));
        der.extend([0x02, 3, 1, 0, 1]);
        Self(der)
    }
}

impl PublicKeyData for RsaKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

#[test]
fn its_key_and_signature_must_be_strong() {
    let large = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
    check(good().self_signed(&large).unwrap().der(), IdentityRefusal::KeyWeak);
    let ca = KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(CertificateParams::default(), ca);
    let short = good().signed_by(&RsaKey::of(112), &issuer).unwrap();
    check(short.der(), IdentityRefusal::KeyWeak);
    // ecdsa-with-SHA256 becomes ecdsa-with-SHA224.
    let from = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let to = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x01];
    check(&patched(&from, &to), IdentityRefusal::HashWeak);
}

#[test]
fn its_extensions_must_be_known_and_single() {
    let unknown = |is_critical: bool| {
        made(|params| {
            let oid = [1, 3, 6, 1, 4, 1, 99999];
            let mut extension = CustomExtension::from_oid_content(&oid, vec![5, 0]);
            extension.set_criticality(is_critical);
            params.custom_extensions.push(extension);
        })
    };
    Identity::from_der(&unknown(false)).unwrap();
    check(&unknown(true), IdentityRefusal::ExtensionUnknown);
    let doubled = made(|params| {
        let again = params.custom_extensions[0].clone();
        params.custom_extensions.push(again);
    });
    check(&doubled, IdentityRefusal::ExtensionDoubled);
}

#[test]
fn its_purpose_must_be_that_of_a_client() {
    let authority = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    check(&made(authority), IdentityRefusal::CaAsLeaf);
    let usages = |usages: &[ExtendedKeyUsagePurpose]| {
        made(|params| params.extended_key_usages = usages.to_vec())
    };
    let (client, server) =
        (ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth);
    check(&usages(&[]), IdentityRefusal::WrongKeyUsage);
    check(&usages(&[server]), IdentityRefusal::WrongKeyUsage);
    check(&usages(&[client, ExtendedKeyUsagePurpose::Any]), IdentityRefusal::AnyPurpose);
    for usages in [vec![], vec![KeyUsagePurpose::KeyAgreement]] {
        check(&made(|params| params.key_usages = usages), IdentityRefusal::NoSigning);
    }
    let signer = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
    check(&made(|params| params.key_usages = signer), IdentityRefusal::NoSigning);
    check(&made(|params| params.custom_extensions.clear()), IdentityRefusal::PolicyMissing);
    let other = made(|params| {
        let mut policies = CLIENT_POLICIES_DER.to_vec();
        policies[26] = 2;
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[2, 5, 29, 32], policies)];
    });
    check(&other, IdentityRefusal::PolicyMissing);
}

#[test]
fn its_name_must_be_one_plain_uri() {
    let uri = || SanType::URI(URI.try_into().unwrap());
    let dns = || SanType::DnsName("a.example.jp".try_into().unwrap());
    let names = |names: Vec<SanType>| made(|params| params.subject_alt_names = names);
    check(&names(vec![]), IdentityRefusal::UriMissing);
    check(&names(vec![dns()]), IdentityRefusal::UriMissing);
    check(&names(vec![uri(), uri()]), IdentityRefusal::UriDoubled);
    check(&names(vec![uri(), dns()]), IdentityRefusal::NameDoubled);
    let odd = |uri: &str| names(vec![SanType::URI(uri.try_into().unwrap())]);
    check(&odd(&URI.replace("-01", "\0-01")), IdentityRefusal::NameMalformed);
    check(&odd(&URI.replace("-01", "\r\n01")), IdentityRefusal::NameMalformed);
    check(&odd(&URI.replace("141003", "141003/x")), IdentityRefusal::UriMalformed);
    check(&odd(&URI.replace("141003", "14 003")), IdentityRefusal::UriMalformed);
    check(&odd(&URI.replace("municipal-staff", "gateway")), IdentityRefusal::RoleMisplaced);
    check(&patched(b"/141003/", b"/14\xc3\xa503/"), IdentityRefusal::NameMalformed);
    check(&patched(b"141003 scan", b"141003\0scan"), IdentityRefusal::NameMalformed);
}
