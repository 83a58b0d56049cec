//! Steps 5 to 8: asks the gateway itself how it sees us.

use std::{error::Error, io, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, Request, StatusCode,
    header::{ACCEPT, DATE, HOST},
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kakehashi_contract::{
    Problem,
    reception::{RECEPTION_PATH, Reception, Standing},
};
use kakehashi_kernel::{Clock, Timestamp};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;

use super::{
    check::{Check, Step, Text},
    handshake::{printable, refused},
    words,
};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// A clock that is further off is worth a warning.
const SKEW_MS_MAX: i64 = 60_000;
/// Problem types of refusals that concern the certificate itself.
const ABOUT_CERTIFICATE: &str = "urn:kakehashi:problem:certificate-";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Asks, and says what the answer means.
pub(super) async fn reception(
    stream: TlsStream<TcpStream>,
    authority: &str,
    clock: &dyn Clock,
) -> Vec<Check> {
    let asked = clock.now();
    let answer = match timeout(ANSWER_TIMEOUT, exchange(stream, authority)).await {
        Err(_) => return vec![words::failed(Step::Certificate, "no-answer", &words::NO_ANSWER)],
        Ok(Err(error)) => return vec![refused(io_error(&*error))],
        Ok(Ok(answer)) => answer,
    };
    let now = Timestamp(i64::midpoint(asked.0, clock.now().0));
    if answer.status == StatusCode::OK
        && let Ok(reception) = serde_json::from_slice::<Reception>(&answer.body)
    {
        return received(&reception, now);
    }
    let problem = serde_json::from_slice::<Problem>(&answer.body).ok();
    let Some(problem) = problem else {
        let found = Text::new("受け入れられました", "accepted");
        return vec![
            Check::ok(Step::Certificate, "certificate-ok", found),
            words::failed(Step::Policy, "not-the-gateway", &words::NOT_THE_GATEWAY),
        ];
    };
    turned_away(&problem, date(&answer.headers), now)
}

async fn exchange(
    stream: TlsStream<TcpStream>,
    authority: &str,
) -> Result<Answer, Box<dyn Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(RECEPTION_PATH)
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())?;
    let answering = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    };
    tokio::pin!(answering, connection);
    tokio::select! {
        biased;
        answer = &mut answering => answer,
        // The connection's error is the one that holds the alert. One that ended well may have brought
        // the answer with its last bytes.
        ended = &mut connection => match ended {
            Ok(()) => answering.await,
            Err(error) => Err(error.into()),
        },
    }
}

/// Finds the connection's own error below the HTTP library's.
fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The gateway knows us.
fn received(reception: &Reception, now: Timestamp) -> Vec<Check> {
    let who = &reception.identity;
    let until = reception.not_after.date_in_japan();
    let found = Text::new(
        format!("{who} として受け入れられました（期限 {until}）"),
        format!("accepted as {who} (valid until {until})"),
    );
    let mut checks = vec![
        Check::ok(Step::Certificate, "certificate-ok", found),
        clock_check(reception.server_time, now),
    ];
    let blocked = match reception.standing {
        Standing::Open => None,
        Standing::Suspended => Some(("organisation-suspended", &words::SUSPENDED)),
        Standing::OutOfHours => Some(("out-of-hours", &words::OUT_OF_HOURS)),
    };
    if let Some((code, why)) = blocked {
        let mut check = words::failed(Step::Policy, code, why);
        if let Some(opens) = reception.opens {
            let opens = opens.display_japan();
            check.found = Text::new(
                format!("{}（次は {opens} から）", why.0),
                format!("{}, open again from {opens} (Japan time)", why.1),
            );
        }
        checks.push(check);
        return checks;
    }
    if reception.permitted.is_empty() {
        checks.push(words::failed(Step::Policy, "route-none", &words::NO_WAY));
        return checks;
    }
    let (count, zone, role) = (reception.permitted.len(), who.zone, who.role);
    let found = Text::new(
        format!("{zone} の {role}、使える操作 {count} 種類"),
        format!("{role} of {zone}, {count} operations permitted"),
    );
    checks.push(Check::ok(Step::Policy, "policy-ok", found));
    checks.push(upstreams(reception));
    checks
}

fn upstreams(reception: &Reception) -> Check {
    let names = |is_well: bool| {
        let found = reception.upstreams.iter().filter(|upstream| upstream.is_well == is_well);
        found.map(|upstream| printable(&upstream.name)).collect::<Vec<_>>().join(", ")
    };
    let down = names(false);
    if down.is_empty() {
        let up = names(true);
        let found = Text::new(format!("正常：{up}"), format!("well: {up}"));
        return Check::ok(Step::Upstreams, "upstreams-ok", found);
    }
    let found = Text::new(format!("停止中：{down}"), format!("down: {down}"));
    Check::warning(Step::Upstreams, "upstream-down", found, words::text(&words::SERVICE_DOWN))
}

/// The gateway answers, and refuses.
fn turned_away(problem: &Problem, date: Option<Timestamp>, now: Timestamp) -> Vec<Check> {
    let code = problem.kind.rsplit(':').next().unwrap_or_default();
    let said = printable(&problem.title);
    let request = problem.instance.as_deref().map(printable).unwrap_or_default();
    let code = printable(code);
    let (ja, en) = said.split_once(" / ").unwrap_or((&said, &said));
    let found = Text::new(
        format!("{ja} [{code}]、お問い合わせ番号 {request}"),
        format!("{en} [{code}], request {request}"),
    );
    let detail = printable(problem.detail.as_deref().unwrap_or(words::NO_ANSWER.2));
    let remedy = Text::new(detail.clone(), detail);
    if problem.kind.starts_with(ABOUT_CERTIFICATE) {
        // The same words as for an alert, where the gateway names the same reason.
        let known = ["certificate-revoked", "certificate-expired", "certificate-not-yet-valid"];
        let named = known.into_iter().find(|known| *known == code);
        let named = named.unwrap_or("certificate-refused");
        return vec![Check::failed(Step::Certificate, named, found, remedy)];
    }
    let accepted = Text::new("受け入れられました", "accepted");
    let mut checks = vec![Check::ok(Step::Certificate, "certificate-ok", accepted)];
    checks.extend(date.map(|date| clock_check(date, now)));
    checks.push(Check::failed(Step::Policy, "refused", found, remedy));
    checks
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

fn clock_check(theirs: Timestamp, ours: Timestamp) -> Check {
    let skew_ms = ours.0 - theirs.0;
    let seconds = skew_ms.abs() / 1000;
    let (ja, en) = if skew_ms < 0 { ("遅れ", "slow") } else { ("進み", "fast") };
    let found = Text::new(
        format!("ゲートウェイとの差 {seconds} 秒（{ja}）"),
        format!("{seconds} s {en} against the gateway"),
    );
    if skew_ms.abs() <= SKEW_MS_MAX {
        return Check::ok(Step::Clock, "clock-ok", found);
    }
    Check::warning(Step::Clock, "clock-skew", found, words::text(&words::CLOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_how_to_be_set() {
        let theirs = Timestamp(1_800_000_000_000);
        let state = |ours: i64| clock_check(theirs, Timestamp(theirs.0 + ours)).code;
        assert_eq!(state(60_000), "clock-ok");
        assert_eq!(state(60_001), "clock-skew");
        assert_eq!(state(-60_001), "clock-skew");
        assert!(clock_check(theirs, Timestamp(0)).found.ja.contains("遅れ"));
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, "Mon, 23 Nov 2026 20:15:48 GMT".parse().unwrap());
        let expected: Timestamp = "2026-11-23T20:15:48Z".parse().unwrap();
        assert_eq!(date(&headers), Some(expected));
        headers.insert(DATE, "yesterday".parse().unwrap());
        assert_eq!(date(&headers), None);
    }

    #[test]
    fn a_refusal_of_the_certificate_is_the_certificate_s_step() {
        let problem = |code| Problem::new(403, code, "だめ").with_remedy("直す");
        let last = |code| turned_away(&problem(code), None, Timestamp(0)).pop().unwrap();
        assert_eq!(last("certificate-other-zone").step, Step::Certificate);
        assert_eq!(last("too-many-requests").step, Step::Policy);
        assert_eq!(last("too-many-requests").remedy.unwrap().ja, "直す");
    }
}
