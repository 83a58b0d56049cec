//! Why a request does not get through. Answered by `problem.rs`, recorded by its code.

/// One reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The certificate gives no identity for this listener; the code says why.
    #[error("the certificate gives no identity: {0}")]
    Identity(&'static str),
    /// The policy knows no such way.
    #[error("no route for this role, method and path")]
    NoRoute,
    /// The path is not plain.
    #[error("the path is malformed")]
    PathMalformed,
    /// `Host` is missing, doubled, or differs from the request target.
    #[error("the host is malformed")]
    HostMalformed,
    /// The body is larger than permitted.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The client broke its body off.
    #[error("the body broke off")]
    BodyBroken,
    /// The client sent nothing for too long.
    #[error("the client is too slow")]
    ClientSlow,
    /// The component cannot be reached or broke off.
    #[error("the component is unreachable")]
    ComponentDown,
    /// The component did not answer in time.
    #[error("the component is too slow")]
    ComponentSlow,
    /// The audit ledger cannot be written.
    #[error("the audit ledger cannot be written")]
    AuditDown,
}

impl Refusal {
    /// A stable code for the audit trail and the problem type.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Identity(code) => code,
            Self::NoRoute => "route-unknown",
            Self::PathMalformed => "path-malformed",
            Self::HostMalformed => "host-malformed",
            Self::BodyTooLarge => "body-too-large",
            Self::BodyBroken => "body-broken",
            Self::ClientSlow => "client-slow",
            Self::ComponentDown => "component-down",
            Self::ComponentSlow => "component-slow",
            Self::AuditDown => "audit-down",
        }
    }
}
