//! The page a person sees who is refused: what happened, what to do next, which number to quote.
//!
//! One file without anything from elsewhere, because whoever is refused may load nothing else. Japanese
//! first, English below. It knows no status and decides nothing.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, StatusCode};
use kakehashi_contract::reception::RECEPTION_PATH;
use kakehashi_kernel::Sha256Digest;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{
    note::CertificateNote,
    problem::{Occasion, Words, addition},
    refusal::Refusal,
};

const STYLE: &str = "\
:root{color-scheme:light;--ink:#1a1a1c;--quiet:#4d4d52;--line:#c8c8cc;--edge:#b3261e;--key:#0017c1}\
*{box-sizing:border-box}\
body{margin:0;background:#f5f5f7;color:var(--ink);font:1rem/1.65 \
system-ui,\"Noto Sans JP\",\"Hiragino Sans\",\"Yu Gothic UI\",Meiryo,sans-serif}\
header{background:#fff;border-bottom:1px solid var(--line);padding:.75rem 1.5rem;font-weight:700}\
header span{font-weight:400;color:var(--quiet);margin-left:.75rem}\
main{max-width:52rem;margin:1.5rem auto;padding:0 1.5rem}\
article{background:#fff;border:1px solid var(--line);border-left:6px solid var(--edge);\
border-radius:6px;padding:1.25rem 1.75rem;margin-bottom:1.25rem}\
article.well{border-left-color:#197a4b}\
h1{font-size:1.5rem;line-height:1.4;margin:0 0 .75rem}\
h2{font-size:1.0625rem;margin:1rem 0 .25rem}\
ol,p{margin:.25rem 0}ol{padding-left:1.5rem}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.25rem;margin:.25rem 0}\
dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}\
code{font-family:ui-monospace,Consolas,monospace;font-size:.95em}\
a{color:var(--key)}a:focus-visible{outline:3px solid var(--key);outline-offset:2px}\
summary{cursor:pointer}summary:focus-visible{outline:3px solid var(--key)}\
section[lang=en]{color:var(--quiet);font-size:.9375rem;padding:0 .25rem}\
section[lang=en] h2{color:var(--ink);margin-top:0}\
section[lang=en] h2::first-letter{text-transform:uppercase}\
@media print{body,article{background:none}}";

/// Allows this page's own style and nothing else.
pub(crate) fn content_security_policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256Digest::of(STYLE.as_bytes()).as_bytes());
        let text = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&text).expect("base64 and fixed text are a legal header value")
    });
    POLICY.clone()
}

/// A page of the gateway's own around its content. Loads nothing.
pub(crate) fn shell(title: &str, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="ja" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Without it a browser asks for one, is refused again, and that is counted too.
                link rel="icon" href="data:,";
                title { (title) " – 架け橋" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { "架け橋" span { "難病・小慢データベース" } }
                main { (main) }
            }
        }
    }
}

/// The page.
pub(crate) fn page(occasion: &Occasion<'_>, refusal: Refusal, words: Words) -> Markup {
    let [title, title_english] = words.title;
    let [remedy, remedy_english] = words.remedy;
    let (added, added_english) =
        addition(refusal).map_or((None, None), |[ja, en]| (Some(ja), Some(en)));
    shell(
        title,
        &html! {
            article {
                h1 { (title) }
                h2 { "次にすること" }
                (steps(remedy, added.as_deref()))
                @if let Some(certificate) = occasion.certificate {
                    h2 { "お使いの証明書" }
                    (facts(certificate))
                }
                h2 { "お問い合わせのときに伝えること" }
                dl {
                    dt { "お問い合わせ番号" } dd { code { (occasion.request) } }
                    dt { "理由コード" } dd { code { (refusal.code()) } }
                    dt { "日時（日本時間）" } dd { (occasion.now.display_japan()) }
                }
                p {
                    a href="/" { "最初の画面へ" } " "
                    a href=(RECEPTION_PATH) { "接続確認" }
                }
            }
            section lang="en" {
                h2 { (title_english) }
                (steps(remedy_english, added_english.as_deref()))
                p { "Quote the number " code { (occasion.request) } "." }
            }
        },
    )
}

fn steps(remedy: &str, added: Option<&str>) -> Markup {
    let lines: Vec<&str> = remedy.lines().chain(added).collect();
    html! {
        @if let [only] = lines[..] {
            p { (only) }
        } @else {
            ol { @for line in lines { li { (line) } } }
        }
    }
}

fn facts(certificate: &CertificateNote) -> Markup {
    html! {
        dl {
            dt { "発行者" } dd { (certificate.issuer) }
            dt { "シリアル番号の末尾" } dd { code { "…" (certificate.serial_end) } }
            dt { "有効期間（日本時間）" }
            dd {
                (certificate.not_before.display_japan()) " から "
                (certificate.not_after.display_japan()) " まで"
            }
        }
    }
}

/// What is said about a certificate that is refused. Every code has a text; a new one at least this:
/// the certificate does not fit.
#[expect(clippy::too_many_lines, reason = "one table, complete at a glance")]
pub(crate) fn certificate(status: StatusCode, code: &str) -> Words {
    let (title, remedy) = match code {
        "certificate-expired" => (
            ["証明書の有効期限が切れています", "your certificate has expired"],
            [
                "新しい証明書がこの端末にあるときは、ブラウザーをすべて閉じて開き直し、新しい証明書を選んでください。\n\
                 ないときは、更新手順書の「期限が切れた証明書の更新」に従って申請してください。\n\
                 わからないときは、下の番号を添えて運用窓口に連絡してください。",
                "If this device has a newer certificate, close the browser completely and choose that one.\n\
                 If not, apply for renewal as the procedure for expired certificates says.\n\
                 If in doubt, call the service desk.",
            ],
        ),
        "certificate-not-yet-valid" => (
            ["証明書の有効期間がまだ始まっていません", "your certificate is not valid yet"],
            [
                "下の有効期間を確認し、始まってからお使いください。\n\
                 始まっているはずのときは、この端末の時計が下の日時と合っているか確かめてください。\n\
                 時計も合っているときは、運用窓口に連絡してください。",
                "Wait until its validity begins.\n\
                 If it should have begun, compare this device's clock with the time below.\n\
                 If the clock is right too, call the service desk.",
            ],
        ),
        "certificate-revoked" | "certificate-no-longer-valid" => (
            ["この証明書は失効しています", "your certificate has been revoked"],
            [
                "この証明書はもう使えません。選び直しても同じです。\n\
                 新しい証明書を受け取っているときは、ブラウザーをすべて閉じて開き直し、そちらを選んでください。\n\
                 失効に心当たりがないときは、すぐに運用窓口に連絡してください。",
                "This certificate cannot be used any more.\n\
                 If you were given a new one, close the browser completely and choose that one.\n\
                 If you do not know why, call the service desk at once.",
            ],
        ),
        "certificate-other-zone" => (
            ["この証明書は、別の接続先のものです", "your certificate is for another address"],
            [
                "アドレスを確認してください。指定医DB・自治体DB・電子化の接続先は、それぞれ別です。\n\
                 証明書がいくつかあるときは、ブラウザーをすべて閉じて開き直し、正しいものを選んでください。\n\
                 わからないときは、運用窓口に連絡してください。",
                "Check the address: doctors, municipalities and the contractor each have their own.\n\
                 If you have several certificates, close the browser completely and choose the right one.\n\
                 If in doubt, call the service desk.",
            ],
        ),
        "revocation-stale" | "revocation-unknown" => (
            [
                "証明書の失効情報を確認できないため、接続を止めています",
                "closed, because certificates cannot be checked at present",
            ],
            [
                "お使いの証明書や端末の故障ではありません。\n\
                 しばらくしてからもう一度お試しください。続くときは、運用窓口に連絡してください。",
                "Neither your certificate nor your device is at fault.\n\
                 Please try again later; if it lasts, call the service desk.",
            ],
        ),
        "certificate-unknown-issuer" | "certificate-bad-signature" => (
            [
                "この証明書は、ここで使える発行者のものではありません",
                "your certificate was issued by somebody else",
            ],
            [
                "ブラウザーをすべて閉じて開き直し、架け橋のために配布された証明書を選んでください。\n\
                 それでも同じときは、運用窓口に連絡してください。",
                "Close the browser completely and choose the certificate you were given for Kakehashi.\n\
                 If it stays, call the service desk.",
            ],
        ),
        "certificate-missing" => (
            ["証明書が示されませんでした", "no certificate was shown"],
            [
                "配布された証明書をこの端末に取り込み、ブラウザーをすべて閉じて開き直してください。\n\
                 証明書を選ぶ画面が出たら、配布された証明書を選んでください。\n\
                 わからないときは、運用窓口に連絡してください。",
                "Install the certificate you were given, close the browser completely and open it again.\n\
                 When asked for a certificate, choose that one.\nIf in doubt, call the service desk.",
            ],
        ),
        "certificate-authority-expired" => (
            [
                "証明書の発行局の期限が切れているため、接続を止めています",
                "closed, because the authority that issued your certificate has expired",
            ],
            [
                "お使いの証明書や端末の故障ではありません。\n\
                 運用窓口に連絡してください。",
                "Neither your certificate nor your device is at fault.\nPlease call the service desk.",
            ],
        ),
        "certificate-authority-revoked" => (
            [
                "証明書の発行局が失効したため、接続を止めています",
                "closed, because the authority that issued your certificate has been revoked",
            ],
            [
                "この証明書はもう使えません。新しい発行局の証明書が必要です。\n\
                 新しい証明書を受け取っているときは、ブラウザーをすべて閉じて開き直し、そちらを選んでください。\n\
                 受け取っていないときは、運用窓口に連絡してください。",
                "This certificate cannot be used any more: you need one of the new authority.\n\
                 If you were given one, close the browser completely and choose that one.\n\
                 If not, please call the service desk.",
            ],
        ),
        "certificate-key-usage" | "certificate-ca-as-leaf" | "certificate-any-purpose" => (
            ["この証明書は、利用者の証明書ではありません", "your certificate is not one for users"],
            [
                "証明書がいくつかあるときは、ブラウザーをすべて閉じて開き直し、利用者用のものを選んでください。\n\
                 それでも同じときは、運用窓口に連絡してください。",
                "If you have several, close the browser completely and choose the one for users.\n\
                 If it stays, call the service desk.",
            ],
        ),
        "certificate-unreadable"
        | "certificate-oversized"
        | "certificate-version"
        | "certificate-serial"
        | "certificate-validity-too-long"
        | "certificate-key-weak"
        | "certificate-hash-weak"
        | "certificate-extension-unknown"
        | "certificate-extension-doubled"
        | "certificate-no-signing"
        | "certificate-policy-missing"
        | "certificate-uri-missing"
        | "certificate-uri-doubled"
        | "certificate-uri-malformed"
        | "certificate-name-doubled"
        | "certificate-name-malformed"
        | "certificate-name-constraint"
        | "certificate-role-misplaced" => (
            [
                "この証明書は、架け橋の証明書の決まりに合っていません",
                "your certificate does not follow the rules for certificates of Kakehashi",
            ],
            [
                "証明書がいくつかあるときは、ブラウザーをすべて閉じて開き直し、架け橋のために配布されたものを選んでください。\n\
                 配布されたものを選んでいるときは、発行し直しが必要です。理由コードを添えて運用窓口に連絡してください。",
                "If you have several, close the browser completely and choose the one you were given for Kakehashi.\n\
                 If that is the one, it has to be issued again: call the service desk with the reason code.",
            ],
        ),
        _ => (
            [
                "このクライアント証明書では接続できません",
                "this client certificate is not accepted here",
            ],
            [
                "接続先と証明書の組み合わせを確認してください。\n\
                 それでも同じときは、理由コードを添えて運用窓口に連絡してください。",
                "Check that the certificate belongs to this address.\n\
                 If it stays, call the service desk with the reason code.",
            ],
        ),
    };
    Words { status, title, remedy }
}
