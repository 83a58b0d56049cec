//! Where a house that serves listens.

use std::{collections::BTreeMap, time::Duration};

use kakehashi_contract::Zone;

use crate::{House, Started, until};

const START: Duration = Duration::from_mins(1);

/// A house that serves on free ports.
pub struct Listening {
    /// The process.
    pub server: Started,
    /// The port of each zone's listener.
    pub ports: BTreeMap<Zone, u16>,
}

impl Listening {
    /// Serves with every listener on a free port, and reads from the log which.
    #[track_caller]
    pub fn of(house: &House) -> Self {
        for port in ["8441", "8442", "8443"] {
            house.configure(&format!("\"127.0.0.1:{port}\""), "\"127.0.0.1:0\"");
        }
        let mut server = house.serve();
        let zones = [Zone::Municipal, Zone::Entry, Zone::Conversion];
        let ports = until("three listeners", START, || {
            assert!(server.is_running(), "{}", server.stderr());
            let said = server.stderr();
            let ports: BTreeMap<_, _> =
                zones.iter().filter_map(|zone| Some((*zone, port_of(&said, *zone)?))).collect();
            (ports.len() == zones.len()).then_some(ports)
        });
        Self { server, ports }
    }
}

/// Finds `listening zone=… address=127.0.0.1:…` in the log.
fn port_of(log: &str, zone: Zone) -> Option<u16> {
    let line = log
        .lines()
        .find(|line| line.contains("listening") && line.contains(&format!("zone={zone} ")))?;
    line.rsplit_once(':')?.1.trim().parse().ok()
}
