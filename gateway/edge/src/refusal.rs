//! Why a request does not get through. Answered by `problem.rs`, recorded by its code.

use kakehashi_kernel::Timestamp;

use crate::{guard::DecisionId, policy::Methods};

/// One reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The certificate gives no identity for this listener; the code says why.
    #[error("the certificate gives no identity: {0}")]
    Identity(&'static str),
    /// The policy knows no such way.
    #[error("no route for this role, method and path")]
    NoRoute,
    /// The policy knows the path, but not with this method; with these.
    #[error("the path does not have this method")]
    MethodUnknown(Methods),
    /// The path is not plain.
    #[error("the path is malformed")]
    PathMalformed,
    /// The query cannot be read, or different readers would read it differently.
    #[error("the query is malformed")]
    QueryMalformed,
    /// The query has a parameter that the policy does not name.
    #[error("a query parameter is unknown")]
    ParameterUnknown,
    /// The query has a parameter more often than the policy says.
    #[error("a query parameter comes too often")]
    ParameterDoubled,
    /// The query lacks a parameter.
    #[error("a query parameter is missing")]
    ParameterMissing,
    /// A value in path or query is not of its type.
    #[error("a parameter is malformed")]
    ParameterMalformed,
    /// A header that the policy has a rule for does not follow it.
    #[error("a header is malformed")]
    HeaderMalformed,
    /// The body is of a content type that the policy does not name here, or of none.
    #[error("the content type is not accepted here")]
    ContentType,
    /// There is a body where none may be.
    #[error("no body is accepted here")]
    BodyUnexpected,
    /// The door is shut at this hour.
    #[error("outside the hours of use")]
    OutOfHours {
        /// When it opens, if that can be foreseen.
        opens: Option<Timestamp>,
    },
    /// The organisation, device or certificate is suspended.
    #[error("suspended")]
    Suspended,
    /// The request breaks the grammar of HTTP; the code says where.
    #[error("the request is malformed: {0}")]
    Wire(&'static str),
    /// `Host` is missing, doubled, or differs from the request target.
    #[error("the host is malformed")]
    HostMalformed,
    /// `Host` is not ours, or not the name TLS was made for.
    #[error("the host is not the one of this connection")]
    HostMismatch,
    /// The body is larger than permitted.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The client broke its body off.
    #[error("the body broke off")]
    BodyBroken,
    /// The client sent nothing for too long.
    #[error("the client is too slow")]
    ClientSlow,
    /// No place of the component can be reached.
    #[error("the component is unreachable")]
    ComponentDown,
    /// The component broke off, or its answer was no HTTP.
    #[error("the component broke off")]
    ComponentBroken,
    /// Every connection to the component is taken.
    #[error("the component is busy")]
    ComponentBusy,
    /// The component did not answer in time.
    #[error("the component is too slow")]
    ComponentSlow,
    /// The audit ledger cannot be written.
    #[error("the audit ledger cannot be written")]
    AuditDown,
    /// More than permitted in this time.
    #[error("too many requests, connections or bytes")]
    Limited {
        /// When to come again, seconds.
        retry_after_s: u32,
    },
    /// Too many sign-ins failed.
    #[error("sign-in is locked by decision {id}")]
    SignInLocked {
        /// The guard's decision.
        id: DecisionId,
        /// When to come again, seconds.
        retry_after_s: u32,
    },
    /// The guard keeps the holder or the address out for a time.
    #[error("blocked by decision {id}")]
    Blocked {
        /// The guard's decision.
        id: DecisionId,
        /// When to come again, seconds.
        retry_after_s: u32,
    },
    /// The holder has to connect anew and prove itself.
    #[error("challenged by decision {id}")]
    Challenged {
        /// The guard's decision.
        id: DecisionId,
    },
}

impl Refusal {
    /// A stable code for the audit trail and the problem type.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Identity(code) | Self::Wire(code) => code,
            Self::NoRoute => "route-unknown",
            Self::PathMalformed => "path-malformed",
            Self::MethodUnknown(_) => "method-unknown",
            Self::QueryMalformed => "query-malformed",
            Self::ParameterUnknown => "parameter-unknown",
            Self::ParameterDoubled => "parameter-doubled",
            Self::ParameterMissing => "parameter-missing",
            Self::ParameterMalformed => "parameter-malformed",
            Self::HeaderMalformed => "header-malformed",
            Self::ContentType => "content-type-unknown",
            Self::BodyUnexpected => "body-unexpected",
            Self::OutOfHours { .. } => "out-of-hours",
            Self::Suspended => "suspended",
            Self::HostMalformed => "host-malformed",
            Self::HostMismatch => "host-mismatch",
            Self::BodyTooLarge => "body-too-large",
            Self::BodyBroken => "body-broken",
            Self::ClientSlow => "client-slow",
            Self::ComponentDown => "component-down",
            Self::ComponentBroken => "component-broken",
            Self::ComponentBusy => "component-busy",
            Self::ComponentSlow => "component-slow",
            Self::AuditDown => "audit-down",
            Self::Limited { .. } => "rate-limited",
            Self::SignInLocked { .. } => "sign-in-locked",
            Self::Blocked { .. } => "blocked",
            Self::Challenged { .. } => "challenged",
        }
    }

    /// Answers when to come again, where that is known.
    pub(crate) const fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::Limited { retry_after_s }
            | Self::SignInLocked { retry_after_s, .. }
            | Self::Blocked { retry_after_s, .. } => Some(retry_after_s),
            _ => None,
        }
    }

    /// Answers the guard's decision behind it, which an operator can lift.
    pub(crate) const fn decision(self) -> Option<DecisionId> {
        match self {
            Self::SignInLocked { id, .. } | Self::Blocked { id, .. } | Self::Challenged { id } => {
                Some(id)
            }
            _ => None,
        }
    }
}
