//! Between a request and the guard: what of it the guard is told. Digests, never values.

use std::sync::Arc;

use http::{Method, header::COOKIE, request::Parts};

use super::{Admission, Asked, Guard, Presence};
use crate::{
    policy::{Denied, Permit},
    refusal::Refusal,
};

impl Guard {
    /// Reads what a permitted request asks.
    pub(crate) fn asked(&self, permit: &Permit, head: &Parts) -> Asked {
        let is_counted = permit.has_ids() || permit.access_key(&head.uri).is_some();
        let ids = is_counted.then(|| {
            let named = permit.ids(&head.uri).chain(permit.access_key(&head.uri));
            self.digest_each(std::iter::once(&**permit.template()).chain(named))
        });
        Asked {
            template: permit.template().clone(),
            is_sign_in: permit.signs_in() && head.method == Method::POST,
            ids,
        }
    }

    /// Takes in what the policy denied.
    pub(crate) fn denied(&self, presence: &Presence, head: &Parts, denied: &Denied) {
        let target = is_probing(denied.refusal).then(|| {
            let path = head.uri.path_and_query().map_or("", |asked| asked.as_str());
            self.digest((head.method.as_str(), path))
        });
        self.refused(presence, target, denied.template.as_ref());
    }

    /// Takes in a refusal of any kind; what [`Guard::denied`] has counted is not counted again.
    pub(crate) fn turned_away(
        &self,
        presence: &Presence,
        refusal: Refusal,
        template: Option<&Arc<str>>,
    ) {
        if is_own_doing(refusal) {
            self.refused(presence, None, template);
        }
    }

    /// Takes in a connection that had to be ended for what its holder sent. Standing still is no offence:
    /// laptops are closed and networks break.
    pub(crate) fn connection_broken(&self, presence: &Presence, code: &str) {
        if !matches!(code, "client-stalled" | "exchange-timeout") {
            self.refused(presence, None, None);
        }
    }
}

/// Tells whether a refusal that is not the policy's, which are counted with their targets, is still of
/// the client's making: it broke HTTP, named a host that is not ours, sent more than it may or too slowly.
/// A body that broke off is not: networks do that.
const fn is_own_doing(refusal: Refusal) -> bool {
    match refusal {
        Refusal::Wire(_)
        | Refusal::HostMalformed
        | Refusal::HostMismatch
        | Refusal::BodyTooLarge
        | Refusal::ClientSlow => true,
        Refusal::Identity(_)
        | Refusal::NoRoute
        | Refusal::MethodUnknown(_)
        | Refusal::PathMalformed
        | Refusal::QueryMalformed
        | Refusal::ParameterUnknown
        | Refusal::ParameterDoubled
        | Refusal::ParameterMissing
        | Refusal::ParameterMalformed
        | Refusal::HeaderMalformed
        | Refusal::ContentType
        | Refusal::BodyUnexpected
        | Refusal::OutOfHours { .. }
        | Refusal::Suspended
        | Refusal::BodyBroken
        | Refusal::ComponentDown
        | Refusal::ComponentBroken
        | Refusal::ComponentBusy
        | Refusal::ComponentSlow
        | Refusal::AuditDown
        // What the guard itself refuses would keep itself alive.
        | Refusal::Limited { .. }
        | Refusal::SignInLocked { .. }
        | Refusal::Blocked { .. }
        | Refusal::Challenged { .. } => false,
    }
}

impl Admission {
    /// Takes away what a session could be recognised by, if the holder has to prove itself first.
    pub(crate) fn clean(&self, head: &mut Parts) {
        if self.without_cookie {
            head.headers.remove(COOKIE);
            head.headers.remove(http::header::AUTHORIZATION);
        }
    }
}

/// Tells whether a refusal means that somebody tried what there is not. Being out of hours, suspended or
/// too slow is no scan.
const fn is_probing(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::NoRoute
            | Refusal::MethodUnknown(_)
            | Refusal::PathMalformed
            | Refusal::QueryMalformed
            | Refusal::ParameterUnknown
            | Refusal::ParameterDoubled
            | Refusal::ParameterMissing
            | Refusal::ParameterMalformed
            | Refusal::HeaderMalformed
            | Refusal::ContentType
            | Refusal::BodyUnexpected
    )
}
