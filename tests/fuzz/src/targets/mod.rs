//! Every target.

mod documents;
mod gateway;
mod keys;
mod pki;
mod policy;
mod uploads;
mod wire;

use crate::Target;

/// All of them. The gateway's first: they see strangers' bytes before anybody else.
pub const TARGETS: &[Target] = &[
    gateway::IDENTITY,
    gateway::CLIENT_CERT,
    gateway::RECEPTION,
    wire::HTTP1,
    wire::HTTP2,
    wire::HEADERS,
    wire::HOST,
    wire::HELLO,
    wire::NOTE,
    policy::PATH,
    policy::PARAMETER,
    policy::ADMISSION,
    pki::REQUEST,
    pki::ENROLMENT,
    pki::RENEWAL,
    uploads::DECLARATION,
    uploads::FRAME,
    uploads::PDF,
    documents::RETURN,
    documents::BATCH,
    documents::TABLE,
    documents::TYPED,
    keys::AGE,
    keys::SEALED_BATCH,
    keys::OBJECT,
];
