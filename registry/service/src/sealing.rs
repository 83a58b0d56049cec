//! Sealed columns and keyed indexes of the registry's tables.

use std::sync::Arc;

use kakehashi_seal::{Entropy, Key, blind_index, open_field, seal_field};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::RegistryError;

/// One sealed column of one row: it opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) row: &'a str,
}

/// The zone's keys for columns and indexes.
pub(crate) struct Seals {
    field: Key,
    index: Key,
    entropy: Arc<dyn Entropy>,
}

impl Place<'_> {
    fn context(&self) -> String {
        format!("{}.{}.{}", self.table, self.column, self.row)
    }

    fn refuse(&self, source: kakehashi_seal::OpenError) -> RegistryError {
        let (table, column, row) = (self.table, self.column, self.row.to_owned());
        RegistryError::Sealed { table, column, row, source }
    }
}

impl Seals {
    pub(crate) fn new(field: Key, index: Key, entropy: Arc<dyn Entropy>) -> Self {
        Self { field, index, entropy }
    }

    pub(crate) fn seal(&self, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
        seal_field(&self.field, &place.context(), plain, self.entropy.as_ref())
    }

    pub(crate) fn seal_json<T: Serialize>(
        &self,
        place: Place<'_>,
        value: &T,
    ) -> Result<Vec<u8>, RegistryError> {
        let corrupt = |_| RegistryError::corrupt(place.table, place.column, place.row);
        Ok(self.seal(place, &serde_json::to_vec(value).map_err(corrupt)?))
    }

    pub(crate) fn open_text(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<String, RegistryError> {
        let plain = self.open(place, sealed)?;
        let corrupt = |_| RegistryError::corrupt(place.table, place.column, place.row);
        String::from_utf8(plain).map_err(corrupt)
    }

    /// The error of a value that does not decode does not carry the value.
    pub(crate) fn open_json<T: DeserializeOwned>(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<T, RegistryError> {
        let plain = self.open(place, sealed)?;
        let corrupt = |_| RegistryError::corrupt(place.table, place.column, place.row);
        serde_json::from_slice(&plain).map_err(corrupt)
    }

    fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, RegistryError> {
        open_field(&self.field, &place.context(), sealed).map_err(|source| place.refuse(source))
    }

    /// The keyed digest a value is found by.
    pub(crate) fn index(&self, domain: &str, value: &str) -> String {
        blind_index(&self.index, domain, value)
    }
}
