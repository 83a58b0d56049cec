//! What devices send to the certificate authority: requests and envelopes, in any file.

use std::sync::OnceLock;

use kakehashi_contract::{Role, Zone};
use kakehashi_kernel::{Sha256Digest, Timestamp};
use kakehashi_platform::pki::{
    Authority, EnrolmentCode, EnrolmentEnvelope, Holder, Issued, KeyAlgorithm, RenewalEnvelope,
    RequestRefusal, SigningRequest, SystemSerials, Validity,
};

use crate::Target;

const CODE: &str = "7K2QD-00000-00000-00000-00001";

/// A certificate with its key, and a request for the next one. Drawn once: what is damaged is the form.
struct Device {
    issued: Issued,
    request_pem: String,
    request: SigningRequest,
}

fn device() -> &'static Device {
    static MADE: OnceLock<Device> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder =
            std::env::temp_dir().join(format!("kakehashi-fuzz-pki-{}", std::process::id()));
        let validity = Validity::days(Timestamp(1_795_400_000_000), 30);
        let issued = Authority::ensure(&folder, validity, &SystemSerials).and_then(|authority| {
            let holder = Holder::new(Zone::Municipal, Role::MunicipalStaff, "141003", "scan-01");
            authority.issue_client(&holder, validity, &SystemSerials)
        });
        std::fs::remove_dir_all(&folder).ok();
        let key = KeyAlgorithm::P256.generate().expect("a key");
        let request_pem = SigningRequest::make(&key).expect("a request of ours");
        let request = SigningRequest::parse(request_pem.as_bytes()).expect("a request of ours");
        Device { issued: issued.expect("a certificate of ours"), request_pem, request }
    })
}

/// A certification request: only what is signed by its own key is taken.
pub(super) const REQUEST: Target = Target {
    name: "csr",
    run: |bytes| match SigningRequest::parse(bytes) {
        Ok(request) => {
            let again = SigningRequest::parse(request.der()).expect("its own bytes");
            assert_eq!((again.spki(), again.algorithm()), (request.spki(), request.algorithm()));
            // Nobody damages a request and signs it again.
            assert_eq!(request.spki(), device().request.spki(), "another key's request");
            "taken"
        }
        Err(RequestRefusal::TooLarge) => "too large",
        Err(RequestRefusal::Unreadable) => "unreadable",
        Err(RequestRefusal::NoProof) => "no proof",
        Err(RequestRefusal::Key) => "no key of ours",
    },
    samples: || {
        let device = device();
        vec![device.request_pem.clone().into_bytes(), device.request.der().to_vec()]
    },
    words: &[
        "-----BEGIN CERTIFICATE REQUEST-----\n",
        "-----END CERTIFICATE REQUEST-----\n",
        "0\u{82}",
        "\u{2}\u{1}\0",
        "\u{3}B\0\u{4}",
    ],
    bytes_max: 8 * 1024,
};

/// An enrolment envelope, or a code as people type it.
pub(super) const ENROLMENT: Target = Target {
    name: "enrolment",
    run: |bytes| {
        if let Ok(code) = std::str::from_utf8(bytes)
            .map_err(drop)
            .and_then(|text| EnrolmentCode::parse(text).map_err(drop))
        {
            let again = EnrolmentCode::parse(&code.reveal()).expect("what is shown can be typed");
            assert_eq!((again.id(), again.reveal()), (code.id(), code.reveal()));
            return "a code";
        }
        match EnrolmentEnvelope::parse(bytes) {
            Ok(envelope) => {
                let again = EnrolmentEnvelope::parse(envelope.to_json().as_bytes());
                assert_eq!(again.ok().as_ref(), Some(&envelope), "written and read again");
                "an envelope"
            }
            Err(_) => "refused",
        }
    },
    samples: || {
        let code = EnrolmentCode::parse(CODE).expect("a code");
        let envelope = code.envelope(&device().request_pem).expect("an envelope of ours");
        vec![CODE.into(), envelope.to_json().into_bytes()]
    },
    words: &[
        "\"kakehashi-enrolment\"",
        "\"kakehashi-renewal\"",
        "\"version\":2",
        "O",
        "I",
        "l",
        "-",
        " ",
        "\u{3000}",
        "\\u0000",
        "null",
        "{}",
    ],
    bytes_max: 8 * 1024,
};

/// A renewal: it opens with the certificate and the request that were signed, or not at all.
pub(super) const RENEWAL: Target = Target {
    name: "renewal",
    run: |bytes| {
        let Ok(envelope) = RenewalEnvelope::parse(bytes) else { return "no envelope" };
        let again = RenewalEnvelope::parse(envelope.to_json().as_bytes());
        assert_eq!(again.ok().as_ref(), Some(&envelope), "written and read again");
        let Ok((leaf, request)) = envelope.opened() else { return "refused" };
        let device = device();
        let ours = device.issued.leaf().expect("a certificate of ours");
        assert_eq!(leaf, Sha256Digest::of(&ours), "another certificate is vouched for");
        assert_eq!(request, device.request.spki(), "another key is vouched for");
        "opens"
    },
    samples: || {
        let device = device();
        let envelope = RenewalEnvelope::make(&device.issued, &device.request_pem);
        vec![envelope.expect("an envelope of ours").to_json().into_bytes()]
    },
    words: &[
        "\"kakehashi-renewal\"",
        "\"version\":2",
        "-----BEGIN CERTIFICATE-----\\n",
        "\\n",
        "=",
        "null",
        "\"signature\":\"\"",
    ],
    bytes_max: 8 * 1024,
};
