//! Between a request and the guard: what of it the guard is told. Digests, never values.

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
