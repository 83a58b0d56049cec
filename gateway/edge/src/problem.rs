//! Refusals as answers: a problem document (RFC 9457) for programs, a page for people. The only place
//! that knows status codes, and the table of what is said about each refusal.

use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
        RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use kakehashi_contract::problem::{PROBLEM_MEDIA_TYPE, Problem};
use kakehashi_kernel::{RequestId, Timestamp};
use kakehashi_platform::mtls::{BoxBody, full_body};

use crate::{certificate_words, explain, note::CertificateNote, refusal::Refusal, wire_words};

/// What every refusal carries besides its content type.
const HEADERS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A program: a problem document.
    Program,
    /// A person at a browser: a page.
    Person,
}

impl Reader {
    /// A browser asks for a page by name; scripts and programs take anything.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        if accept.is_some_and(|accept| accept.contains("text/html")) {
            Self::Person
        } else {
            Self::Program
        }
    }
}

/// What surrounds a refusal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    /// The number to quote.
    pub(crate) request: RequestId,
    /// Who reads.
    pub(crate) reader: Reader,
    /// When, by our clock: a clock that is wrong is the usual reason for a certificate that is.
    pub(crate) now: Timestamp,
    /// The certificate that was refused.
    pub(crate) certificate: Option<&'a CertificateNote>,
}

/// What is said about a refusal. A remedy of several steps has a line for each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) status: StatusCode,
    pub(crate) title: [&'static str; 2],
    pub(crate) remedy: [&'static str; 2],
}

/// Answers a refusal to whoever asked.
pub(crate) fn answer_to(occasion: &Occasion<'_>, refusal: Refusal) -> Response<BoxBody> {
    let words = words(refusal);
    let mut response = match occasion.reader {
        Reader::Program => document(occasion, refusal, words),
        Reader::Person => page(occasion, refusal, words),
    };
    *response.status_mut() = words.status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if let Refusal::MethodUnknown(permitted) = refusal
        && let Ok(value) = HeaderValue::from_str(&permitted.to_string())
    {
        headers.insert(ALLOW, value);
    }
    response
}

/// What is added to a remedy and known only now, in Japanese and English.
pub(crate) fn addition(refusal: Refusal) -> Option<[String; 2]> {
    if let Some(id) = refusal.decision() {
        return Some([format!("措置番号: {id}"), format!("Decision: {id}")]);
    }
    let Refusal::OutOfHours { opens: Some(opens) } = refusal else { return None };
    let opens = opens.display_japan();
    let opens = opens.get(..16).unwrap_or(&opens);
    Some([
        format!("次に利用できるのは {opens}（日本時間）からです。"),
        format!("Open again from {opens} (Japan time)."),
    ])
}

fn document(occasion: &Occasion<'_>, refusal: Refusal, words: Words) -> Response<BoxBody> {
    let mut remedy = words.remedy[0].replace('\n', "");
    remedy.extend(addition(refusal).map(|[ja, _]| ja));
    let title = words.title.join(" / ");
    let problem = Problem::new(words.status.as_u16(), refusal.code(), title)
        .with_remedy(remedy)
        .with_request(occasion.request.to_string());
    let mut response = Response::new(full_body(serde_json::to_vec(&problem).unwrap_or_default()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
    response
}

fn page(occasion: &Occasion<'_>, refusal: Refusal, words: Words) -> Response<BoxBody> {
    let page = explain::page(occasion, refusal, words);
    let mut response = Response::new(full_body(page.into_string()));
    let media = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, explain::content_security_policy());
    response
}

const fn row(status: StatusCode, title: [&'static str; 2], remedy: [&'static str; 2]) -> Words {
    Words { status, title, remedy }
}

#[expect(clippy::too_many_lines, reason = "one table, complete at a glance")]
fn words(refusal: Refusal) -> Words {
    match refusal {
        Refusal::Identity(code) => {
            let (title, remedy) = certificate_words::of(code);
            row(StatusCode::FORBIDDEN, title, remedy)
        }
        Refusal::NoRoute => row(
            StatusCode::FORBIDDEN,
            ["この操作は許可されていません", "not permitted"],
            ["URL と利用者の権限を確認してください。", "Check the address and your permission."],
        ),
        Refusal::MethodUnknown(_) => row(
            StatusCode::METHOD_NOT_ALLOWED,
            ["この URL ではその操作はできません", "the method is not permitted here"],
            ["送信方法（メソッド）を確認してください。", "Check the method of the request."],
        ),
        Refusal::PathMalformed => row(
            StatusCode::FORBIDDEN,
            ["URL のパスを受け付けられません", "the path is not accepted"],
            ["URL を確認してください。", "Check the address."],
        ),
        Refusal::QueryMalformed => row(
            StatusCode::BAD_REQUEST,
            ["URL の引数を読み取れません", "the query cannot be read"],
            ["URL を確認してください。", "Check the address."],
        ),
        Refusal::ParameterUnknown => row(
            StatusCode::BAD_REQUEST,
            ["URL に知らない引数があります", "the address has an unknown parameter"],
            ["「?」から後ろの引数を確認してください。", "Check what follows the question mark."],
        ),
        Refusal::ParameterDoubled => row(
            StatusCode::BAD_REQUEST,
            ["URL に同じ引数が二つあります", "the address has a parameter twice"],
            ["引数を一つだけにしてください。", "Give each parameter once."],
        ),
        Refusal::ParameterMissing => row(
            StatusCode::BAD_REQUEST,
            ["URL に必要な引数がありません", "the address lacks a parameter"],
            ["引数を確認してください。", "Check the parameters."],
        ),
        Refusal::ParameterMalformed => row(
            StatusCode::BAD_REQUEST,
            [
                "URL の番号または引数の形式が違います",
                "a number or parameter in the address is malformed",
            ],
            [
                "URL の番号と引数を確認してください。",
                "Check the numbers and parameters in the address.",
            ],
        ),
        Refusal::HeaderMalformed => row(
            StatusCode::BAD_REQUEST,
            ["要求のヘッダーの値が不正です", "a header of the request is malformed"],
            ["送信するソフトウェアの設定を確認してください。", "Check the sending software."],
        ),
        Refusal::ContentType => row(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ["この形式のデータは受け付けられません", "this content type is not accepted"],
            ["Content-Type を確認してください。", "Check the content type."],
        ),
        Refusal::BodyUnexpected => row(
            StatusCode::BAD_REQUEST,
            ["この要求にデータは付けられません", "this request takes no body"],
            ["データを付けずに送信してください。", "Send it without a body."],
        ),
        Refusal::OutOfHours { .. } => row(
            StatusCode::FORBIDDEN,
            ["いまは利用時間外です", "outside the hours of use"],
            [
                "利用できる時間に、もう一度お試しください。",
                "Please try again during the hours of use.",
            ],
        ),
        Refusal::Suspended => row(
            StatusCode::FORBIDDEN,
            ["利用が停止されています", "use is suspended"],
            [
                "所属機関の責任者から運用窓口へ照会してください。",
                "The person responsible at your organisation should ask the service desk.",
            ],
        ),
        Refusal::Wire(code) => {
            let status = match code {
                "wire-head-long" | "wire-fields-many" | "h2-head-long" => {
                    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
                }
                _ => StatusCode::BAD_REQUEST,
            };
            let (title, remedy) = wire_words::of(code);
            row(status, title, remedy)
        }
        Refusal::HostMalformed => row(
            StatusCode::BAD_REQUEST,
            ["ホスト名の指定が不正です", "the host is malformed"],
            ["接続先の設定を確認してください。", "Check the address you connect to."],
        ),
        Refusal::HostMismatch => row(
            StatusCode::MISDIRECTED_REQUEST,
            ["この接続先ではないホスト名です", "the host is not the one of this connection"],
            ["URL のホスト名を確認してください。", "Check the host name in the address."],
        ),
        Refusal::BodyTooLarge => row(
            StatusCode::PAYLOAD_TOO_LARGE,
            ["送信データが上限を超えています", "the body is too large"],
            [
                "ファイルを分割するか、上限以下にして再送してください。",
                "Split the file, or send less at once.",
            ],
        ),
        Refusal::BodyBroken => row(
            StatusCode::BAD_REQUEST,
            ["送信データが途中で切れました", "the body broke off"],
            ["通信状態を確認し、再送してください。", "Check the network and send again."],
        ),
        Refusal::ClientSlow => row(
            StatusCode::REQUEST_TIMEOUT,
            ["送信が時間切れになりました", "the request took too long"],
            ["通信状態を確認し、再送してください。", "Check the network and send again."],
        ),
        Refusal::ComponentDown => row(
            StatusCode::SERVICE_UNAVAILABLE,
            ["内部のサービスに接続できません", "a service is unreachable"],
            ["しばらくしてから再試行してください。", "Please try again later."],
        ),
        Refusal::ComponentBroken => row(
            StatusCode::BAD_GATEWAY,
            ["内部のサービスとの通信が途中で切れました", "a service broke off"],
            [
                "処理が済んでいるかもしれません。結果を確認してから再試行してください。",
                "The request may have been carried out: look before you try again.",
            ],
        ),
        Refusal::ComponentBusy => row(
            StatusCode::SERVICE_UNAVAILABLE,
            ["ただいま混み合っています", "the service is busy"],
            ["しばらくしてから再試行してください。", "Please try again later."],
        ),
        Refusal::ComponentSlow => row(
            StatusCode::GATEWAY_TIMEOUT,
            ["内部のサービスが応答しません", "a service does not answer"],
            ["しばらくしてから再試行してください。", "Please try again later."],
        ),
        Refusal::AuditDown => row(
            StatusCode::SERVICE_UNAVAILABLE,
            ["現在利用できません", "not available at present"],
            ["しばらくしてから再試行してください。", "Please try again later."],
        ),
        Refusal::Limited { .. } => row(
            StatusCode::TOO_MANY_REQUESTS,
            ["要求が多すぎます", "too many requests"],
            ["しばらく待ってから、もう一度お試しください。", "Please wait a little and try again."],
        ),
        Refusal::SignInLocked { .. } => row(
            StatusCode::TOO_MANY_REQUESTS,
            [
                "サインインの失敗が続いたため、一時的に止めています",
                "sign-in is locked for a while because it failed too often",
            ],
            [
                "しばらく待ってから、もう一度お試しください。\n\
                 急ぐときは、下の措置番号を添えて運用窓口に連絡してください。",
                "Please wait and try again.\n\
                 If it is urgent, call the service desk and quote the decision's number.",
            ],
        ),
        Refusal::Blocked { .. } => row(
            StatusCode::FORBIDDEN,
            ["通常と異なる利用が続いたため、一時的に遮断しています", "blocked for a while"],
            [
                "心当たりがないときは、下の措置番号を添えて運用窓口に連絡してください。\n\
                 誤りであれば、すぐに解除できます。",
                "If you do not know why, call the service desk and quote the decision's number.\n\
                 If it is a mistake it can be lifted at once.",
            ],
        ),
        Refusal::Challenged { .. } => row(
            StatusCode::FORBIDDEN,
            ["本人確認のため、接続し直してください", "connect anew and prove yourself"],
            [
                "ブラウザーをすべて閉じて開き直し、もう一度サインインしてください。\n\
                 システムからの接続のときは、いつもの場所から接続し直してください。\n\
                 それでも同じときは、下の措置番号を添えて運用窓口に連絡してください。",
                "Close the browser completely, open it again and sign in.\n\
                 A system has to connect anew from its usual network.\n\
                 If it stays, call the service desk and quote the decision's number.",
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use uuid::Uuid;

    use super::*;
    use crate::{guard::DecisionId, policy::Methods};

    const NOW: Timestamp = Timestamp(1_795_400_000_000);

    fn note() -> CertificateNote {
        CertificateNote {
            issuer: "Kakehashi <municipal> CA".to_owned(),
            serial_end: "9f3a20c1".to_owned(),
            not_before: Timestamp(NOW.0 - 400 * 86_400_000),
            not_after: Timestamp(NOW.0 - 86_400_000),
        }
    }

    async fn answered(reader: Reader, refusal: Refusal) -> (http::response::Parts, String) {
        let note = note();
        let request = RequestId::from(Uuid::from_u128(7));
        let occasion = Occasion { request, reader, now: NOW, certificate: Some(&note) };
        let (head, body) = answer_to(&occasion, refusal).into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (head, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn whoever_names_html_is_a_person() {
        let reader = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            Reader::of(&headers)
        };
        assert_eq!(reader("text/html,application/xhtml+xml,*/*;q=0.8"), Reader::Person);
        assert_eq!(reader("*/*"), Reader::Program);
        assert_eq!(Reader::of(&HeaderMap::new()), Reader::Program);
    }

    #[tokio::test]
    async fn a_program_gets_a_problem_document_that_nobody_stores() {
        let (head, body) = answered(Reader::Program, Refusal::Suspended).await;
        assert_eq!(head.status, 403);
        assert_eq!(head.headers["content-type"], "application/problem+json");
        assert_eq!(head.headers["cache-control"], "no-store");
        assert_eq!(head.headers["x-content-type-options"], "nosniff");
        let problem: Problem = serde_json::from_str(&body).unwrap();
        assert_eq!(problem.kind, "urn:kakehashi:problem:suspended");
        assert_eq!(problem.title, "利用が停止されています / use is suspended");
    }

    #[tokio::test]
    async fn a_person_gets_a_page_that_needs_nothing_else() {
        let (head, body) = answered(Reader::Person, Refusal::Identity("certificate-expired")).await;
        assert_eq!(head.headers["content-type"], "text/html; charset=utf-8");
        let policy = head.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        for expected in [
            "<html lang=\"ja\">",
            "有効期限が切れています",
            "lang=\"en\"",
            "00000000-0000-0000-0000-000000000007",
            "Kakehashi &lt;municipal&gt; CA",
            "9f3a20c1",
            "2026-11-22",
        ] {
            assert!(body.contains(expected), "{expected} is missing in {body}");
        }
        assert!(!body.contains("://") && !body.contains("<script"), "{body}");
        assert!(!body.contains("<municipal>"), "what a certificate says is text, not markup");
    }

    /// One of each kind; those with codes of their own are walked where their texts are.
    fn all() -> Vec<Refusal> {
        let id: DecisionId = "g-0000000001".parse().unwrap();
        let methods = [http::Method::GET].iter().collect::<Methods>();
        let all = vec![
            Refusal::Identity("certificate-expired"),
            Refusal::NoRoute,
            Refusal::MethodUnknown(methods),
            Refusal::PathMalformed,
            Refusal::QueryMalformed,
            Refusal::ParameterUnknown,
            Refusal::ParameterDoubled,
            Refusal::ParameterMissing,
            Refusal::ParameterMalformed,
            Refusal::HeaderMalformed,
            Refusal::ContentType,
            Refusal::BodyUnexpected,
            Refusal::OutOfHours { opens: None },
            Refusal::Suspended,
            Refusal::Wire("wire-version"),
            Refusal::HostMalformed,
            Refusal::HostMismatch,
            Refusal::BodyTooLarge,
            Refusal::BodyBroken,
            Refusal::ClientSlow,
            Refusal::ComponentDown,
            Refusal::ComponentBroken,
            Refusal::ComponentBusy,
            Refusal::ComponentSlow,
            Refusal::AuditDown,
            Refusal::Limited { retry_after_s: 1 },
            Refusal::SignInLocked { id, retry_after_s: 1 },
            Refusal::Blocked { id, retry_after_s: 1 },
            Refusal::Challenged { id },
        ];
        let source = include_str!("refusal.rs");
        let codes =
            source.split_once("fn code(self)").unwrap().1.split_once("\n    }\n").unwrap().0;
        // Two kinds share an arm.
        assert_eq!(all.len(), codes.matches("=>").count() + 1, "a refusal is missing here");
        all
    }

    #[tokio::test]
    async fn every_refusal_is_told_in_its_own_words_and_what_to_do() {
        let mut titles = std::collections::BTreeMap::new();
        for refusal in all() {
            let words = words(refusal);
            let code = refusal.code();
            assert_eq!(titles.insert(words.title[0], code), None, "{code} is told like another");
            for [japanese, english] in [words.title, words.remedy] {
                assert!(!japanese.is_ascii() && english.is_ascii(), "{code}: {japanese} {english}");
            }
            let (head, body) = answered(Reader::Program, refusal).await;
            let problem: Problem = serde_json::from_str(&body).unwrap();
            assert_eq!(problem.kind, format!("urn:kakehashi:problem:{code}"));
            assert!(problem.detail.is_some_and(|remedy| !remedy.is_ascii()), "{code}");
            assert!(head.status.is_client_error() || head.status.is_server_error(), "{code}");
            let (_, page) = answered(Reader::Person, refusal).await;
            assert!(page.contains(words.title[0]) && page.contains(code), "{code}: {page}");
        }
    }

    #[tokio::test]
    async fn outside_the_hours_the_next_opening_is_told() {
        let refusal = Refusal::OutOfHours { opens: Some(NOW) };
        let (_, body) = answered(Reader::Program, refusal).await;
        assert!(body.contains("次に利用できるのは 2026-11-23 11:13（日本時間）から"), "{body}");
        let (_, body) = answered(Reader::Person, refusal).await;
        assert!(body.contains("Open again from 2026-11-23 11:13 (Japan time)."), "{body}");
    }

    #[tokio::test]
    async fn a_wrong_method_is_told_the_right_ones() {
        let permitted = [http::Method::POST, http::Method::GET].iter().collect::<Methods>();
        let (head, _) = answered(Reader::Program, Refusal::MethodUnknown(permitted)).await;
        assert_eq!(head.status, 405);
        assert_eq!(head.headers["allow"], "GET, POST");
    }
}
