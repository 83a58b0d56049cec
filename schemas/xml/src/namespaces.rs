//! Which prefix stands for which namespace, as Namespaces in XML 1.0 says.

use crate::{NAMESPACE, refusal::Why};

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A namespace, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// That of the forms.
    Ours,
    /// That of `xsi:type`.
    SchemaInstance,
    /// Another one, by its name; empty for none.
    Other(String),
}

/// The declarations in force.
#[derive(Default)]
pub(crate) struct Namespaces {
    declared: Vec<Declared>,
    /// Elements without a prefix are ours.
    is_plain_ours: bool,
}

struct Declared {
    depth: usize,
    prefix: String,
    namespace: Namespace,
}

impl Namespaces {
    /// Takes a declaration (`xmlns` has no prefix) of the element at a depth.
    ///
    /// # Errors
    ///
    /// Not well-formed when it declares what may not be.
    pub(crate) fn declare(&mut self, depth: usize, prefix: &str, name: &str) -> Result<(), Why> {
        let is_allowed = match prefix {
            "xml" => name == XML,
            "xmlns" => false,
            // Only the declaration without a prefix can be taken back.
            _ => name != XML && name != XMLNS && (prefix.is_empty() || !name.is_empty()),
        };
        if !is_allowed {
            return Err(Why::NotWellFormed);
        }
        let namespace = match name {
            NAMESPACE => Namespace::Ours,
            SCHEMA_INSTANCE => Namespace::SchemaInstance,
            other => Namespace::Other(other.to_owned()),
        };
        self.declared.push(Declared { depth, prefix: prefix.to_owned(), namespace });
        self.is_plain_ours = self.find("") == Some(&Namespace::Ours);
        Ok(())
    }

    /// Forgets what elements deeper than this declared.
    pub(crate) fn leave(&mut self, depth: usize) {
        while self.declared.last().is_some_and(|declared| declared.depth > depth) {
            self.declared.pop();
            self.is_plain_ours = self.find("") == Some(&Namespace::Ours);
        }
    }

    /// Tells whether elements without a prefix are ours.
    pub(crate) const fn is_plain_ours(&self) -> bool {
        self.is_plain_ours
    }

    /// The namespace of a prefix; `None` when it is not declared. No prefix is always known.
    pub(crate) fn of(&self, prefix: &str) -> Option<&Namespace> {
        const NONE: &Namespace = &Namespace::Other(String::new());
        if prefix.is_empty() && self.is_plain_ours {
            return Some(&Namespace::Ours);
        }
        self.find(prefix).or_else(|| matches!(prefix, "" | "xml").then_some(NONE))
    }

    fn find(&self, prefix: &str) -> Option<&Namespace> {
        let found = self.declared.iter().rev().find(|declared| declared.prefix == prefix);
        found.map(|declared| &declared.namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_declaration_counts() {
        let mut namespaces = Namespaces::default();
        assert_eq!(namespaces.of(""), Some(&Namespace::Other(String::new())));
        assert_eq!(namespaces.of("a"), None);
        namespaces.declare(1, "", NAMESPACE).unwrap();
        namespaces.declare(2, "", "").unwrap();
        namespaces.declare(2, "a", SCHEMA_INSTANCE).unwrap();
        assert_eq!(namespaces.of(""), Some(&Namespace::Other(String::new())));
        assert_eq!(namespaces.of("a"), Some(&Namespace::SchemaInstance));
        namespaces.leave(1);
        assert_eq!((namespaces.of(""), namespaces.of("a")), (Some(&Namespace::Ours), None));
    }

    #[test]
    fn what_is_reserved_stays_so() {
        let declare = |prefix, name| Namespaces::default().declare(1, prefix, name);
        assert_eq!(declare("xml", XML), Ok(()));
        for (prefix, name) in
            [("xml", "urn:a"), ("xmlns", "urn:a"), ("a", XML), ("a", XMLNS), ("", XML), ("a", "")]
        {
            assert_eq!(declare(prefix, name), Err(Why::NotWellFormed), "{prefix} {name}");
        }
    }
}
