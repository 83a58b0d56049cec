//! The page a person sees who is refused: what happened, what to do next, which number to quote.
//!
//! One file without anything from elsewhere, because whoever is refused may load nothing else. Japanese
//! first, English below. It knows no status and decides nothing.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
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
