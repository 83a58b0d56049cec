//! Every target.

mod documents;
mod gateway;
mod keys;
mod uploads;

use crate::Target;

/// All of them. The gateway's first: they see strangers' bytes before anybody else.
pub const TARGETS: &[Target] = &[
    gateway::IDENTITY,
    gateway::CLIENT_CERT,
    gateway::RECEPTION,
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
