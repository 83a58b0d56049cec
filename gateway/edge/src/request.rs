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
    reception::RECEPTION_PATH,
    refusal::Refusal,
    secure::{Host, complete},
};

impl Gate {
    /// Answers one request, and writes its entry before.
    pub(crate) async fn answer(
        &self,
        guest: &Guest,
        request: Request<Incoming>,
    ) -> Response<BoxBody> {
        let id = RequestId::generate(&*self.ids);
        let method = request.method().clone();
        let mut entry = self.audit.request(guest.identity.clone(), guest.peer, id, method);
        let progress = Progress::new();
        let (reader, host) = (Reader::of(request.headers()), Host::of(&request));
        let answered = self.pass(guest, request, id, &progress, &mut entry).await;
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
        request: Request<Incoming>,
        id: RequestId,
        progress: &Arc<Progress>,
        entry: &mut RequestEntry,
    ) -> Result<Response<BoxBody>, Refusal> {
        let (head, body) = request.into_parts();
        if head.uri.path() == RECEPTION_PATH {
            // The gateway's own: no policy has to permit it, and none can forbid it.
            entry.found_route(RECEPTION_PATH);
            host(&head, guest.hello.server_name.as_deref(), &self.server_names)?;
            return self.receive_visit(guest, &head, id).await;
        }
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
        self.forward.send(request, &permit, host, &guest.certificate, id, progress).await
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
