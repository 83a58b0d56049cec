//! The gateway's own answer (接続確認): who it takes a client for, what is permitted, whether the services
//! behind are well. Open to every valid certificate of the listener's zone, also to a suspended one, because
//! its holder is who needs to know. It says nothing about anybody else and asks no component.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderValue, Method, Response,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    request::Parts,
};
use kakehashi_contract::reception::{Permitted, Reception, Standing, Upstream};
use kakehashi_kernel::{RequestId, Timestamp};
use kakehashi_platform::{
    mtls::{BoxBody, full_body},
    web::{Language, shell::zone_name},
};
use maud::{Markup, html};
use x509_parser::prelude::{FromDer, X509Certificate};

pub(crate) use kakehashi_contract::reception::RECEPTION_PATH;

use crate::{
    accept::{Gate, Guest},
    explain,
    problem::Reader,
    refusal::Refusal,
};

impl Gate {
    /// Answers how a client stands.
    pub(crate) fn receive_visit(
        &self,
        guest: &Guest,
        head: &Parts,
        id: RequestId,
    ) -> Result<Response<BoxBody>, Refusal> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Refusal::NoRoute);
        }
        if head.uri.query().is_some() {
            return Err(Refusal::ParameterUnknown);
        }
        let reception = self.describe(guest, id);
        Ok(match Reader::of(&head.headers) {
            Reader::Person => answer("text/html; charset=utf-8", page(&reception).into_string()),
            Reader::Program => {
                answer("application/json", serde_json::to_vec(&reception).unwrap_or_default())
            }
        })
    }

    fn describe(&self, guest: &Guest, id: RequestId) -> Reception {
        let who = &*guest.identity;
        let now = self.clock.now();
        let (serial, not_after) = certificate(&guest.certificate).unwrap_or_default();
        let (standing, opens) = match self.policy.standing(who, now) {
            Ok(()) => (Standing::Open, None),
            Err(Refusal::OutOfHours { opens }) => (Standing::OutOfHours, opens),
            Err(_) => (Standing::Suspended, None),
        };
        let ways = self.policy.ways(who);
        let mut names: Vec<&str> = ways.iter().map(|way| way.upstream.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let mut upstreams = Vec::new();
        for name in names {
            let is_well = self.forward.is_well(name);
            upstreams.push(Upstream { name: name.to_owned(), is_well });
        }
        let permitted =
            ways.into_iter().map(|way| Permitted { path: way.path, method: way.method }).collect();
        Reception {
            identity: who.clone(),
            serial,
            not_after,
            server_time: now,
            request: id.to_string(),
            standing,
            opens,
            permitted,
            upstreams,
        }
    }
}

/// Serial number and end of the certificate behind a `Client-Cert` header of ours.
fn certificate(header: &HeaderValue) -> Option<(String, Timestamp)> {
    let text = header.to_str().ok()?.trim_matches(':');
    let der = STANDARD.decode(text).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let serial = certificate.raw_serial_as_string().replace(':', "");
    let end = certificate.validity().not_after.timestamp();
    Some((serial, Timestamp(end.saturating_mul(1000))))
}

fn answer(media: &'static str, body: impl Into<bytes::Bytes>) -> Response<BoxBody> {
    let mut response = Response::new(full_body(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, explain::content_security_policy());
    response
}

/// The page for a person. Reached by keyboard alone; loads nothing.
fn page(reception: &Reception) -> Markup {
    let who = &reception.identity;
    let (verdict, verdict_english) = verdict(reception);
    explain::shell(
        "接続確認",
        &html! {
            article.well[reception.standing == Standing::Open] {
                h1 { (verdict) }
                h2 { "お使いの証明書" }
                dl {
                    dt { "区分" } dd { (zone_name(who.zone, Language::Ja)) }
                    dt { "役割" } dd { (who.role) }
                    dt { "機関コード" } dd { (who.organisation) }
                    dt { "端末" } dd { (who.device) }
                    dt { "シリアル番号" } dd { code { (reception.serial) } }
                    dt { "有効期限（日本時間）" } dd { (reception.not_after.display_japan()) }
                }
                h2 { "接続先の状態" }
                dl {
                    dt { "時刻（日本時間）" } dd { (reception.server_time.display_japan()) }
                    @for upstream in &reception.upstreams {
                        dt { (upstream.name) } dd { @if upstream.is_well { "正常" } @else { "停止中" } }
                    }
                    dt { "お問い合わせ番号" } dd { code { (reception.request) } }
                }
                details {
                    summary { "使える操作（" (reception.permitted.len()) " 種類）" }
                    ul {
                        @for way in &reception.permitted {
                            li { code { (way.method) " " (way.path) } }
                        }
                    }
                }
                p { a href="/" { "最初の画面へ" } }
            }
            section lang="en" {
                h2 { "Connection check" }
                p { (verdict_english) " Quote the number " code { (reception.request) } "." }
            }
        },
    )
}

fn verdict(reception: &Reception) -> (String, &'static str) {
    let is_down = reception.upstreams.iter().any(|upstream| !upstream.is_well);
    match reception.standing {
        Standing::Open if is_down => (
            "接続は正常ですが、止まっているサービスがあります".to_owned(),
            "The connection works, but a service behind is down.",
        ),
        Standing::Open => ("正常に接続できています".to_owned(), "The connection works."),
        Standing::Suspended => ("この機関の利用は停止されています".to_owned(), "Use is suspended."),
        Standing::OutOfHours => {
            let opens = reception.opens.map(Timestamp::display_japan);
            let opens = opens.map_or_else(String::new, |opens| format!("（次は {opens} から）"));
            (format!("いまは利用時間外です{opens}"), "Outside the hours of use.")
        }
    }
}
