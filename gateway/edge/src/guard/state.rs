//! What the guard keeps over a restart: habits, known networks and programs, measures, exceptions.
//!
//! One JSON file, replaced whole once a minute and at the end. Counts within windows are not kept: a
//! restart costs an attacker's score of the last minutes, never a block.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use kakehashi_kernel::Sha256Digest;
use serde::{Deserialize, Serialize};
use tracing::error;

use super::{
    Guard,
    action::{Exception, Measure},
    detector::{Habit, KnownNetwork},
    subject::Organisation,
};

/// Largest state file that is read.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stored {
    #[serde(default)]
    pub(crate) organisations: HashMap<Organisation, Habit>,
    #[serde(default)]
    pub(crate) certificates: HashMap<Sha256Digest, Known>,
    #[serde(default)]
    pub(crate) measures: Vec<Measure>,
    #[serde(default)]
    pub(crate) exceptions: Vec<Exception>,
}

/// What is known of one certificate.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) networks: Vec<KnownNetwork>,
    pub(crate) programs: Vec<u64>,
}

/// What the file held about those who have not come yet.
#[derive(Debug)]
pub(crate) struct Remembered {
    organisations: HashMap<Organisation, Habit>,
    certificates: HashMap<Sha256Digest, Known>,
}

impl Remembered {
    pub(crate) const fn new(
        organisations: HashMap<Organisation, Habit>,
        certificates: HashMap<Sha256Digest, Known>,
    ) -> Self {
        Self { organisations, certificates }
    }

    pub(crate) fn organisation(&mut self, organisation: &Organisation) -> Habit {
        self.organisations.remove(organisation).unwrap_or_default()
    }

    pub(crate) fn certificate(&mut self, digest: &Sha256Digest) -> Known {
        self.certificates.remove(digest).unwrap_or_default()
    }
}

/// Reads the file. One that cannot be read is kept aside, loudly, and nothing is remembered.
pub(crate) fn load(path: &Path) -> Stored {
    match read(path) {
        Ok(stored) => stored.unwrap_or_default(),
        Err(error) => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".unreadable");
            let kept = std::fs::rename(path, aside).is_ok();
            error!(%error, kept, "the guard's state cannot be read; it learns anew");
            Stored::default()
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Stored>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}

impl Guard {
    /// Hands the state to the keeper. Blocks for as long as it takes to write it out, some milliseconds for
    /// every thousand certificates: call it off the hot path.
    pub(crate) fn save(&self) {
        if self.config.state.is_none() {
            return;
        }
        match serde_json::to_vec(&self.stored()) {
            Ok(text) => self.keeper.state(text),
            Err(error) => error!(%error, "the guard's state cannot be written out"),
        }
    }

    /// Saves and stops writing. Blocks.
    pub(crate) fn close(&self) {
        self.save();
        self.keeper.close();
    }

    pub(super) fn stored(&self) -> Stored {
        let now = self.ticker.now();
        // What was remembered leaves this list only for the tables, so the tables are read afterwards.
        let (mut organisations, mut certificates) = {
            let remembered = self.remembered();
            (remembered.organisations.clone(), remembered.certificates.clone())
        };
        self.organisations.each(|organisation, watch| {
            organisations.insert(organisation.clone(), watch.habit());
        });
        self.certificates.each(|digest, certificate| {
            let past = certificate.past();
            let known = Known { networks: past.places.known(), programs: past.programs.known() };
            certificates.insert(*digest, known);
        });
        let measures = self.measures().in_force(now.wall);
        let exceptions = self.exceptions().in_force(now.wall);
        Stored { organisations, certificates, measures, exceptions }
    }
}
