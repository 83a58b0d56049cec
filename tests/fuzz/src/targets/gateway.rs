//! What the gateway reads of whoever connects.

use std::sync::OnceLock;

use http::{HeaderMap, HeaderValue};
use kakehashi_contract::{
    CLIENT_CERT_HEADER, Identity, Role, Zone,
    reception::{Permitted, Reception, Standing, Upstream},
};
use kakehashi_kernel::{Sha256Digest, Timestamp};
use kakehashi_platform::{
    mtls::read_client_cert,
    pki::{Authority, Holder, PkiError, Serials, Validity},
};

use crate::Target;

/// The same serial numbers every time.
struct FixedSerials;

impl Serials for FixedSerials {
    fn draw(&self) -> Result<[u8; 16], PkiError> {
        Ok([7; 16])
    }
}

/// A client certificate of ours, DER. Its key differs from run to run; what is damaged does not.
pub(super) fn certificate() -> Vec<u8> {
    static MADE: OnceLock<Vec<u8>> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("kakehashi-fuzz-{}", std::process::id()));
        let validity = Validity::days(Timestamp(1_795_400_000_000), 30);
        let issued = Authority::ensure(&folder, validity, &FixedSerials).and_then(|authority| {
            let holder = Holder::new(Zone::Municipal, Role::MunicipalStaff, "141003", "scan-01");
            authority.issue_client(&holder, validity, &FixedSerials)?.leaf()
        });
        std::fs::remove_dir_all(&folder).ok();
        issued.expect("a certificate of ours").to_vec()
    })
    .clone()
}

/// Who a certificate says it is, after TLS has verified it.
pub(super) const IDENTITY: Target = Target {
    name: "identity",
    run: |bytes| match Identity::from_der(bytes) {
        Ok(identity) => {
            assert_eq!(identity.certificate, Sha256Digest::of(bytes));
            for word in [&identity.organisation, &identity.device] {
                let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                assert!((1..=64).contains(&word.len()) && word.bytes().all(is_plain));
            }
            "named"
        }
        Err(refusal) => refusal.code(),
    },
    samples: || vec![certificate()],
    words: &[
        "kakehashi://",
        "kakehashi://national/gateway/x/y",
        "/",
        "\0",
        "\u{6}\u{3}U\u{1d}\u{11}",
        "\u{6}\u{3}U\u{1d}%",
        "\u{1}\u{1}",
        "0\u{82}",
    ],
    bytes_max: 8 * 1024,
};

/// The header by which a certificate is passed on; one line each.
pub(super) const CLIENT_CERT: Target = Target {
    name: "client-cert",
    run: |bytes| {
        let mut headers = HeaderMap::new();
        for line in bytes.split(|byte| *byte == b'\n').take(4) {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(CLIENT_CERT_HEADER, value);
            }
        }
        match read_client_cert(&headers) {
            Ok(None) => "none",
            Ok(Some(der)) => {
                let again = kakehashi_platform::mtls::client_cert_value(&der);
                assert_eq!(headers.get(CLIENT_CERT_HEADER), Some(&again), "two ways to write one");
                "read"
            }
            Err(_) => "refused",
        }
    },
    samples: || vec![b":MAA=:".to_vec(), b":MAMBAf8=:\n:MAMBAf8=:".to_vec()],
    words: &[":", "=", "==", ";a=1", "\n", ",", "-_", "AAAA"],
    bytes_max: 32 * 1024,
};

/// What the doctor is answered. The other side may be anybody.
pub(super) const RECEPTION: Target = Target {
    name: "reception",
    run: |bytes| match serde_json::from_slice::<Reception>(bytes) {
        Ok(_) => "read",
        Err(_) => "refused",
    },
    samples: || {
        let identity = Identity::from_der(&certificate()).expect("a certificate of ours");
        let reception = Reception {
            identity,
            serial: "01".to_owned(),
            not_after: Timestamp(1_795_400_000_000),
            server_time: Timestamp(1_795_400_000_000),
            request: "r".to_owned(),
            standing: Standing::Open,
            opens: None,
            permitted: vec![Permitted { path: "/".to_owned(), method: "GET".to_owned() }],
            upstreams: vec![Upstream { name: "ingest".to_owned(), is_well: true }],
        };
        vec![serde_json::to_vec(&reception).expect("an answer of ours")]
    },
    words: &["\"open\"", "\"suspended\"", "[", "{", "null", "1e999", "\\u0000"],
    bytes_max: 8 * 1024,
};
