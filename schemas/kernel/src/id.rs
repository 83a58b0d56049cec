//! Typed identifiers: a `ScanId` can never be passed where a `LotId` is meant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Makes identifiers. Production uses time-ordered random ids, tests a seeded source.
pub trait Ids: Send + Sync {
    /// Answers an id that was never answered before.
    fn next(&self) -> Uuid;
}

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes the next id from `ids`.
            pub fn generate(ids: &dyn Ids) -> Self {
                Self(ids.next())
            }

            /// Answers the plain UUID, for adapters.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

typed_id! {
    /// One uploaded PDF and its history. The upload and the original carry the same id.
    ScanId;
    /// Documents sent to the contractor together.
    LotId;
    /// One delivery back from the contractor.
    ReturnId;
    /// One form in the registry.
    RecordId;
    /// One patient in one zone.
    PersonId;
    /// One person who signs in.
    AccountId;
    /// One message between components.
    MessageId;
    /// One request, for logs and problem documents.
    RequestId;
}

/// A scan as the converter and the contractor see it. It is the scan's id: one scan is one document.
pub type DocumentId = ScanId;
