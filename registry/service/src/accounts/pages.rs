//! The pages and buttons of signing in and out.

use axum::{
    Form,
    extract::{Query, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use kakehashi_contract::{Identity, Zone};
use kakehashi_kernel::{Sensitive, Timestamp};
use kakehashi_platform::{
    mtls::ClientIdentity,
    web::{Language, Page},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    actor, fact,
    session::{COOKIE, token_digest},
    sign_in::{Attempt, sign_in},
};
use crate::{error::RegistryError, problem, registry::Registry, store};

/// Where to go after signing in.
#[derive(Deserialize, Default)]
pub(crate) struct Next {
    next: Option<String>,
}

/// What the sign-in form sends.
#[derive(Deserialize)]
pub(crate) struct Fields {
    login: String,
    password: Sensitive<String>,
    next: Option<String>,
}

/// `GET /sign-in`.
pub(crate) async fn show(
    ClientIdentity(identity): ClientIdentity,
    language: Language,
    Query(next): Query<Next>,
) -> Response {
    page(&identity, language, next.next.as_deref(), None)
}

/// `POST /sign-in`.
pub(crate) async fn submit(
    State(registry): State<Registry>,
    ClientIdentity(identity): ClientIdentity,
    language: Language,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, RegistryError> {
    let Ok(Form(fields)) = fields else { return Ok(problem::unreadable_form()) };
    let attempt = sign_in(&registry, &identity, &fields.login, fields.password).await?;
    let next = fields.next.as_deref();
    Ok(match attempt {
        Attempt::SignedIn { token } => {
            let response = problem::see_other(target(next, identity.zone));
            with_cookie(response, token.expose())
        }
        Attempt::Wrong => {
            let why = language.pick(
                "ログインIDまたはパスワードが違います。",
                "The login or the password is wrong.",
            );
            problem::not_signed_in(page(&identity, language, next, Some(why)))
        }
        Attempt::Locked { until } => {
            let why = wait(language, until, registry.clock.now());
            problem::not_signed_in(page(&identity, language, next, Some(&why)))
        }
    })
}

/// `POST /sign-out`. Without a session there is nothing to do, and the answer is the same.
pub(crate) async fn sign_out(
    State(registry): State<Registry>,
    ClientIdentity(identity): ClientIdentity,
    headers: HeaderMap,
) -> Result<Response, RegistryError> {
    if let Some(digest) = token_digest(&headers) {
        let mut tx = registry.database.write().await?;
        if let Some(account) = store::session::end(&mut tx, digest, identity.certificate).await? {
            let fact = fact(actor(&identity, account), "sign-out", account.to_string(), "ok");
            registry.audit.append(&mut tx, registry.clock.now(), fact).await?;
            tx.commit().await?;
        }
    }
    Ok(with_cookie(problem::see_other("/sign-in"), "; Max-Age=0").into_response())
}

fn with_cookie(mut response: Response, value: &str) -> Response {
    let cookie = format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Strict");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// Only pages of our own that are asked for by GET.
fn target(next: Option<&str>, zone: Zone) -> &str {
    let is_ours = |path: &&str| {
        (path.starts_with("/records") || path.starts_with("/forms/"))
            && path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-'))
    };
    let home = if zone == Zone::Municipal { "/records" } else { "/" };
    next.filter(is_ours).unwrap_or(home)
}

fn wait(language: Language, until: Timestamp, now: Timestamp) -> String {
    let seconds = until.0.saturating_sub(now.0).max(0).div_euclid(1000) + 1;
    let (minutes, rest) = (seconds / 60, seconds % 60);
    match language {
        Language::Ja => format!(
            "失敗が続いたため、あと{minutes}分{rest}秒は受け付けません。\
             時間をおいて、もう一度入力してください。"
        ),
        Language::En => {
            format!("Too many failures. Please wait {minutes} min {rest} s and try again.")
        }
    }
}

fn page(
    identity: &Identity,
    language: Language,
    next: Option<&str>,
    why: Option<&str>,
) -> Response {
    let page = Page {
        title: language.pick("ログイン", "Sign in"),
        zone: Some(identity.zone),
        language,
        path: Some("/sign-in"),
        nav: Vec::new(),
        who: None,
        can_sign_out: false,
        scripts: &[],
    };
    page.respond(content(identity, language, next, why))
}

fn content(
    identity: &Identity,
    language: Language,
    next: Option<&str>,
    why: Option<&str>,
) -> Markup {
    html! {
        div.narrow {
            h1 { (language.pick("ログイン", "Sign in")) }
            p.lead {
                (language.pick(
                    "配布されたログインIDとパスワードを入力してください。",
                    "Enter the login and the password you were given.",
                ))
            }
            @if let Some(why) = why {
                div.box.bad role="alert" #problem { strong { "✕ " (why) } }
            }
            form method="post" action="/sign-in" {
                input type="hidden" name="next" value=(next.unwrap_or_default());
                div.field {
                    label for="login" { (language.pick("ログインID", "Login")) }
                    div.control {
                        input #login type="text" name="login" autocomplete="username"
                            autocapitalize="none" spellcheck="false" required autofocus;
                    }
                }
                div.field {
                    label for="password" { (language.pick("パスワード", "Password")) }
                    div.control {
                        input #password type="password" name="password"
                            autocomplete="current-password" required;
                    }
                }
                div.actions { button type="submit" { (language.pick("ログイン", "Sign in")) } }
            }
            p.note {
                (language.pick("この端末の証明書：", "Certificate of this device: "))
                span.number { (identity.organisation) " / " (identity.device) }
            }
            p.note {
                (language.pick(
                    "パスワードを忘れたときは、所属の責任者にご連絡ください。",
                    "If you forgot the password, ask the person responsible at your organisation.",
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_returned_to() {
        let go = |next| target(Some(next), Zone::Municipal);
        assert_eq!(go("/records/0190-abc"), "/records/0190-abc");
        for elsewhere in ["https://x.example", "//x.example", "/records/../x", "/sign-out", ""] {
            assert_eq!(go(elsewhere), "/records", "{elsewhere}");
        }
        assert_eq!(target(None, Zone::Entry), "/");
    }
}
