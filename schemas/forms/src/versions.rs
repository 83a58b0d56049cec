//! Which version of a form applies when.

use kakehashi_kernel::{CivilDate, FormKey, Programme};

use crate::{
    catalogue::Catalogue,
    definition::{Application, Definition},
};

impl Catalogue {
    /// Every version of a form, oldest first.
    pub fn versions(
        &self,
        programme: Programme,
        number: u16,
        branch: u16,
    ) -> impl Iterator<Item = &Definition> {
        let key = |version| FormKey { programme, number, branch, version };
        let mut versions: Vec<_> =
            self.forms.range(key(0)..=key(u16::MAX)).map(|(_, definition)| definition).collect();
        versions.sort_by_key(|definition| definition.valid_from());
        versions.into_iter()
    }

    /// The version in force for a form written `on` a day. There is at most one.
    pub fn current(
        &self,
        programme: Programme,
        number: u16,
        branch: u16,
        application: Application,
        on: CivilDate,
    ) -> Option<&Definition> {
        self.versions(programme, number, branch).find(|definition| {
            definition.applies().include(application) && definition.is_valid_on(on)
        })
    }

    /// The versions that are accepted on a day: the one in force and older ones that still may be used
    /// (経過措置), newest first.
    pub fn accepted(
        &self,
        programme: Programme,
        number: u16,
        branch: u16,
        application: Application,
        on: CivilDate,
    ) -> Vec<&Definition> {
        let mut accepted: Vec<_> = self
            .versions(programme, number, branch)
            .filter(|form| form.applies().include(application) && form.is_accepted_on(on))
            .collect();
        accepted.reverse();
        accepted
    }
}
