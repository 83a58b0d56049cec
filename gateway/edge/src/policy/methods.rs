//! Which methods there are, and sets of them.

use std::fmt;

use http::Method;

/// Methods a policy may name, in the order they are listed. CONNECT and TRACE are nobody's.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Their names.
const NAMES: [&str; METHODS_COUNT] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// How many methods there are.
pub(super) const METHODS_COUNT: usize = METHODS.len();

/// A set of methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Methods(u8);

/// Answers a method's place among those a policy may name.
pub(super) fn index(method: &Method) -> Option<usize> {
    METHODS.iter().position(|known| known == method)
}

/// Reads a method's name as a policy writes it.
pub(super) fn parse(name: &str) -> Option<Method> {
    METHODS.iter().find(|method| method.as_str() == name).cloned()
}

/// Answers the name of the method at a place.
pub(super) fn name(index: usize) -> &'static str {
    NAMES.get(index).copied().unwrap_or_default()
}

/// Whether a request of this method may carry a body (RFC 9110 gives the others' none a meaning).
pub(super) fn takes_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

impl Methods {
    pub(super) fn insert(&mut self, method: &Method) {
        if let Some(index) = index(method) {
            self.0 |= 1 << index;
        }
    }

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl<'a> FromIterator<&'a Method> for Methods {
    fn from_iter<I: IntoIterator<Item = &'a Method>>(methods: I) -> Self {
        let mut set = Self::default();
        methods.into_iter().for_each(|method| set.insert(method));
        set
    }
}

impl fmt::Display for Methods {
    /// As in the header `Allow`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (index, method) in METHODS.iter().enumerate() {
            if self.0 & (1 << index) != 0 {
                write!(f, "{separator}{method}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}
