//! One request: head → policy → forward → audit. Whose it is was settled by `accept.rs`.
//!
//! One function per stage; a stage that refuses answers a [`Refusal`], and the rest is skipped.

use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use kakehashi_contract::REQUEST_ID_HEADER;
use kakehashi_kernel::RequestId;
use kakehashi_platform::mtls::BoxBody;

use crate::{
    accept::{Gate, Guest},
    audit::RequestEntry,
    body::Progress,
    forward::request_id_value,
    host::host,
    problem::{Occasion, Reader, answer_to},
    refusal::Refusal,
    secure::{Host, complete},
    wire::{Pulse, REFUSED_METHOD},
};

impl Gate {
    /// Answers one request, and writes its entry before.
    pub(crate) async fn answer(
        &self,
        guest: &Guest,
        pulse: &Arc<Pulse>,
        request: Request<Incoming>,
    ) -> Response<BoxBody> {
        let id = RequestId::generate(&*self.ids);
        let method = request.method().clone();
        let mut entry = self.audit.request(guest.identity.clone(), guest.peer, id, method);
        let progress = Progress::new();
        let (reader, host) = (Reader::of(request.headers()), Host::of(&request));
        let answered = self.pass(guest, pulse, request, id, &progress, &mut entry).await;
        let answered = answered.map_err(|refusal| because(refusal, pulse));
        let answered = record(entry, answered, &progress).await;
        let mut response = answered.unwrap_or_else(|refusal| {
            let now = self.clock.now();
            let occasion = Occasion { request: id, reader, now, certificate: None };
            answer_to(&occasion, refusal)
        });
        complete(response.headers_mut(), host);
        response.headers_mut().insert(REQUEST_ID_HEADER, request_id_value(id));
        response
    }

    /// Takes the request through host, policy and guard to its component.
    async fn pass(
        &self,
        guest: &Guest,
        pulse: &Arc<Pulse>,
        request: Request<Incoming>,
        id: RequestId,
        progress: &Arc<Progress>,
        entry: &mut RequestEntry,
    ) -> Result<Response<BoxBody>, Refusal> {
        let running = pulse.begin(progress);
        if request.method().as_str() == REFUSED_METHOD {
            return Err(Refusal::Wire(pulse.fault().unwrap_or("wire-broken")));
        }
        let (head, body) = request.into_parts();
        let admitted = self.policy.admit(&guest.identity, &head, self.clock.now());
        match &admitted {
            Ok(permit) => entry.found_route(permit.template()),
            Err(denied) => {
                if let Some(template) = &denied.template {
                    entry.found_route(template);
                }
            }
        }
        let host = host(&head, guest.hello.server_name.as_deref(), &self.server_names)?;
        let permit = admitted.map_err(|denied| denied.refusal)?;
        let request = Request::from_parts(head, body);
        self.forward.send(request, &permit, host, &guest.certificate, id, running).await
    }
}

/// Says why a body broke off, where it was our wire that refused it.
fn because(refusal: Refusal, pulse: &Pulse) -> Refusal {
    match (refusal, pulse.fault()) {
        (Refusal::BodyBroken, Some(code)) => Refusal::Wire(code),
        (refusal, _) => refusal,
    }
}

/// Writes the entry; without one there is no answer.
async fn record(
    entry: RequestEntry,
    answered: Result<Response<BoxBody>, Refusal>,
    progress: &Progress,
) -> Result<Response<BoxBody>, Refusal> {
    let bytes = progress.bytes();
    let written = match &answered {
        Ok(response) => {
            let status = response.status();
            let is_fine = !status.is_client_error() && !status.is_server_error();
            let outcome = if is_fine { "ok" } else { "component-refused" };
            entry.write(outcome, Some(status.as_u16()), bytes).await
        }
        Err(refusal) => entry.write(refusal.code(), None, bytes).await,
    };
    if written.is_ok() { answered } else { Err(Refusal::AuditDown) }
}
