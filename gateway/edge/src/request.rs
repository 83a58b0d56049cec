//! One request: head → policy → forward → audit. Whose it is was settled by `accept.rs`.
//!
//! One function per stage; a stage that refuses answers a [`Refusal`], and the rest is skipped.

use std::sync::Arc;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use kakehashi_contract::REQUEST_ID_HEADER;
use kakehashi_kernel::RequestId;
use kakehashi_platform::mtls::BoxBody;

use crate::{
    accept::{Gate, Guest},
    audit::RequestEntry,
    body::Progress,
    forward::request_id_value,
    guard::Asked,
    host::host,
    policy::Denied,
    problem::{Occasion, Reader, answer_to},
    reception::RECEPTION_PATH,
    refusal::Refusal,
    secure::{Host, complete},
    wire::{Pulse, REFUSED_METHOD},
};

impl Gate {
    /// Answers one request. Its entry rides on the answer, and is finished with the last byte.
    pub(crate) async fn answer(
        &self,
        guest: &Guest,
        pulse: &Arc<Pulse>,
        request: Request<Incoming>,
    ) -> Response<BoxBody> {
        let id = RequestId::generate(&*self.ids);
        let mut entry = self.audit.request(&guest.asker, id, request.method().clone());
        if let Some(span) = self.traces.as_ref().and_then(|traces| traces.request(id, self.zone)) {
            entry.traced(span);
        }
        let (reader, host) = (Reader::of(request.headers()), Host::of(&request));
        let answered = self.pass(guest, pulse, request, id, &mut entry).await;
        let mut response = match answered.map_err(|refusal| because(refusal, pulse)) {
            Ok(response) => {
                entry.answered(response.status());
                response
            }
            Err(refusal) => {
                self.guard.turned_away(&guest.presence, refusal, entry.template());
                entry.refused(refusal);
                let now = self.clock.now();
                answer_to(&Occasion { request: id, reader, now, certificate: None }, refusal)
            }
        };
        complete(response.headers_mut(), host);
        response.headers_mut().insert(REQUEST_ID_HEADER, request_id_value(id));
        response.map(|body| entry.carry(body).boxed_unsync())
    }

    /// Takes the request through host, policy and guard to its component.
    async fn pass(
        &self,
        guest: &Guest,
        pulse: &Arc<Pulse>,
        request: Request<Incoming>,
        id: RequestId,
        entry: &mut RequestEntry,
    ) -> Result<Response<BoxBody>, Refusal> {
        self.audit.admit().await?;
        let progress = Progress::new();
        entry.counts(&progress);
        let running = pulse.begin(&progress);
        if request.method().as_str() == REFUSED_METHOD {
            return Err(Refusal::Wire(pulse.fault().unwrap_or("wire-broken")));
        }
        self.guard.enter(&guest.presence)?;
        let (mut head, body) = request.into_parts();
        if head.uri.path() == RECEPTION_PATH {
            // The gateway's own: no policy has to permit it, and none can forbid it.
            let template = Arc::from(RECEPTION_PATH);
            entry.found_route(&template);
            host(&head, guest.hello.server_name.as_deref(), &self.server_names)?;
            let asked = Asked { template: Arc::clone(&template), is_sign_in: false, ids: None };
            let _admission = self.guard.admit(&guest.presence, asked).await?;
            return self.receive_visit(guest, &head, id).inspect_err(|&refusal| {
                let denied = Denied { refusal, template: Some(template) };
                self.guard.denied(&guest.presence, &head, &denied);
            });
        }
        let admitted = self.policy.admit(&guest.identity, &head, self.clock.now());
        match &admitted {
            Ok(permit) => entry.found_route(permit.template()),
            Err(denied) => {
                self.guard.denied(&guest.presence, &head, denied);
                if let Some(template) = &denied.template {
                    entry.found_route(template);
                }
            }
        }
        let host = host(&head, guest.hello.server_name.as_deref(), &self.server_names)?;
        let permit = admitted.map_err(|denied| denied.refusal)?;
        let asked = self.guard.asked(&permit, &head);
        let admission = self.guard.admit(&guest.presence, asked).await?;
        admission.clean(&mut head);
        let upstream = entry.span().map(|span| span.upstream(permit.upstream()));
        if let Some(upstream) = &upstream {
            head.extensions.insert(upstream.traceparent());
        }
        let request = Request::from_parts(head, body);
        let answer =
            self.forward.send(request, &permit, host, &guest.certificate, id, running).await?;
        self.guard.answered(&guest.presence, admission, answer.status().as_u16());
        Ok(answer)
    }
}

/// Says why a body broke off, where it was our wire that refused it.
fn because(refusal: Refusal, pulse: &Pulse) -> Refusal {
    match (refusal, pulse.fault()) {
        (Refusal::BodyBroken, Some(code)) => Refusal::Wire(code),
        (refusal, _) => refusal,
    }
}
