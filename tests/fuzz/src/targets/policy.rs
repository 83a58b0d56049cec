//! What the policy reads: paths, values, whole heads against the policy that is deployed.

use std::sync::OnceLock;

use http::Request;
use kakehashi_contract::{Identity, Role, Zone};
use kakehashi_edge::{Policy, fuzz};
use kakehashi_kernel::{Sha256Digest, Timestamp};

use crate::Target;

const DEPLOYED: &str = include_str!("../../../../ops/deploy/policy.toml");

/// A template and a path: only a plain path matches, and only its own shape.
pub(super) const PATH: Target = Target {
    name: "path",
    run: fuzz::path,
    samples: || {
        vec![
            b"/scans/{scan:uuid}/pages\n/scans/01890a5d-ac96-774b-bcce-b302099a8057/pages".to_vec(),
            b"/\n/".to_vec(),
            "/a/{b}\n/a/%E6%9E%B6%E3%81%91".into(),
        ]
    },
    words: &[
        "/", "//", "/./", "/../", "%2e%2e", "%2f", "%5c", "\\", "%00", "%252e", "{", "}", ":",
        "\n", "%ff", ";a=b",
    ],
    bytes_max: 3 * 1024,
};

/// A type and a value: what a type accepts is written in one way only.
pub(super) const PARAMETER: Target = Target {
    name: "parameter",
    run: fuzz::parameter,
    samples: || {
        [
            "kind = \"uuid\"\n\n01890a5d-ac96-774b-bcce-b302099a8057",
            "kind = \"date\"\n\n2026-11-23",
            "kind = \"sha256\"\n\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "kind = \"integer\"\nmin = -5\nmax = 1000000\n\n-3",
            "kind = \"word\"\ncharacters = \"a-z0-9_-\"\nlength_max = 8\nprefix = \"p\"\n\npab1",
            "kind = \"code\"\nvalues = [\"open\", \"closed\"]\n\nopen",
            "kind = \"text\"\ncharacters_max = 60\n\n%E6%9E%B6+%E3%81%91",
        ]
        .map(|sample| sample.as_bytes().to_vec())
        .to_vec()
    },
    words: &[
        "%",
        "%25",
        "+",
        "%2B",
        "%E6%9E%B6",
        "%ff",
        "%0a",
        "-",
        "0",
        "kind = \"text\"",
        "characters_max = 9",
        "\n\n",
    ],
    bytes_max: 6 * 1024,
};

fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| Policy::parse(DEPLOYED, |_| true).expect("the deployed policy"))
}

/// A head against the deployed policy, for each kind of client: nothing passes that is not written there.
pub(super) const ADMISSION: Target = Target {
    name: "admission",
    run: |bytes| {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let mut first = lines.next().unwrap_or_default().splitn(2, |byte| *byte == b' ');
        let (method, uri) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let mut request = Request::builder().method(method).uri(uri);
        for line in lines.take(8) {
            let mut parts = line.splitn(2, |byte| *byte == b':');
            let (name, value) =
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            request = request.header(name, value.trim_ascii());
        }
        let Ok(request) = request.body(()) else { return "no request" };
        let (head, ()) = request.into_parts();
        let mut word = "denied everywhere";
        for (zone, role) in [
            (Zone::Municipal, Role::MunicipalStaff),
            (Zone::Entry, Role::Institution),
            (Zone::Conversion, Role::Contractor),
        ] {
            let who = Identity {
                zone,
                role,
                organisation: "141003".to_owned(),
                device: "d".to_owned(),
                certificate: Sha256Digest::of(b""),
            };
            let explained = policy().explain(&who, &head, Timestamp(1_795_400_000_000));
            match explained {
                Ok(template) => {
                    let mut ways = policy().lines().into_iter().filter(|way| {
                        (way.zone, way.role) == (zone, role) && way.method == head.method.as_str()
                    });
                    assert!(
                        ways.any(|way| way.path == template),
                        "{template} is not written there"
                    );
                    assert!(has_shape(&template, head.uri.path()), "{template} {}", head.uri);
                    return "admitted";
                }
                Err("route-unknown" | "path-malformed") => {}
                Err(code) => word = code,
            }
        }
        word
    },
    samples: || {
        [
            "GET /",
            "GET /api/scans/summary",
            "GET /api/v1/lots",
            "POST /api/v1/lots/01890a5d-ac96-774b-bcce-b302099a8057/returns\ncontent-type: application/xml\ncontent-length: 5",
            "POST /forms/nanbyo/0006-000\ncontent-type: application/x-www-form-urlencoded\ncontent-length: 3",
            "GET /?form=%E6%9E%B6",
        ]
        .map(|sample| sample.as_bytes().to_vec())
        .to_vec()
    },
    words: &[
        "GET ",
        "POST ",
        "HEAD ",
        "DELETE ",
        "/",
        "?",
        "&",
        "=",
        "%2f",
        "..",
        "\n",
        "content-type: ",
        "text/plain",
        "application/xml",
        "content-length: 0",
        "content-length: 1",
        "/api/",
        "/scans",
        "form=",
        "?form=a&form=b",
    ],
    bytes_max: 3 * 1024,
};

/// Whether a path has a template's shape, said anew.
fn has_shape(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(segment, part)| segment.starts_with('{') || segment == part)
}
