//! Where a certificate is used from, and the challenge that follows when it is used in two places.

use kakehashi_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::subject::Network;

/// Networks remembered of one certificate; the one unused for longest is forgotten.
const NETWORKS_MAX: usize = 6;

/// A network a certificate was used from: what outlives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownNetwork {
    pub(crate) network: Network,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

#[derive(Debug)]
struct Place {
    known: KnownNetwork,
    live: u32,
    last_tick: Option<i64>,
}

/// The networks of one certificate, and which of them passed the present challenge.
#[derive(Debug, Default)]
pub(crate) struct Places {
    held: Vec<Place>,
    passed: Vec<Network>,
    /// When the present challenge began: connections from before do not count.
    challenged: Option<i64>,
}

impl Places {
    pub(crate) fn restore(known: Vec<KnownNetwork>) -> Self {
        let place = |known| Place { known, live: 0, last_tick: None };
        let held = known.into_iter().take(NETWORKS_MAX).map(place).collect();
        Self { held, ..Self::default() }
    }

    /// Takes in a new connection. Answers how many places the certificate is in at once, this one
    /// included: those of the same address family with a connection open, or closed less than
    /// `apart_ms` ago.
    pub(crate) fn arrive(&mut self, network: Network, now: (Timestamp, i64), apart_ms: i64) -> u64 {
        let (wall, tick) = now;
        let elsewhere = self.held.iter().filter(|place| {
            let is_recent = place.last_tick.is_some_and(|last| tick - last < apart_ms);
            place.known.network != network
                && place.known.network.is_comparable(network)
                && (place.live > 0 || is_recent)
        });
        let count = 1 + elsewhere.count() as u64;
        if !self.held.iter().any(|place| place.known.network == network) {
            self.make_room();
            let known = KnownNetwork { network, first: wall, last: wall };
            self.held.push(Place { known, live: 0, last_tick: None });
        }
        for place in self.held.iter_mut().filter(|place| place.known.network == network) {
            (place.known.last, place.last_tick) = (wall, Some(tick));
            place.live += 1;
        }
        count
    }

    /// Takes in the end of a connection.
    pub(crate) fn leave(&mut self, network: Network, tick: i64) {
        for place in self.held.iter_mut().filter(|place| place.known.network == network) {
            (place.live, place.last_tick) = (place.live.saturating_sub(1), Some(tick));
        }
    }

    /// The place known longest stays: it is home.
    fn make_room(&mut self) {
        if self.held.len() < NETWORKS_MAX {
            return;
        }
        let home = self.home();
        let oldest = self
            .held
            .iter()
            .enumerate()
            .filter(|(_, place)| Some(place.known.network) != home)
            .min_by_key(|(_, place)| (place.live > 0, place.known.last));
        if let Some((index, _)) = oldest {
            self.held.swap_remove(index);
        }
    }

    /// Answers the network known longest.
    pub(crate) fn home(&self) -> Option<Network> {
        self.held.iter().min_by_key(|place| place.known.first).map(|place| place.known.network)
    }

    /// Begins a challenge: nobody has passed it yet, from nowhere.
    pub(crate) fn challenge(&mut self, tick: i64) {
        (self.challenged, self.passed) = (Some(tick), Vec::new());
    }

    /// Tells whether a connection began after the present challenge did.
    pub(crate) fn is_fresh(&self, arrived: i64) -> bool {
        self.challenged.is_none_or(|challenged| arrived > challenged)
    }

    pub(crate) fn has_passed(&self, network: Network) -> bool {
        self.passed.contains(&network)
    }

    /// Notes that the holder proved itself from this network.
    pub(crate) fn pass(&mut self, network: Network) {
        if !self.has_passed(network) {
            self.passed.truncate(NETWORKS_MAX - 1);
            self.passed.push(network);
        }
    }

    pub(crate) fn known(&self) -> Vec<KnownNetwork> {
        self.held.iter().map(|place| place.known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: i64 = 300_000;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    fn arrive(places: &mut Places, from: &str, tick: i64) -> u64 {
        places.arrive(network(from), (Timestamp(tick), tick), APART)
    }

    #[test]
    fn one_place_is_a_network_and_a_family() {
        let mut places = Places::default();
        assert_eq!(arrive(&mut places, "192.0.2.1", 1), 1);
        assert_eq!(arrive(&mut places, "192.0.2.200", 2), 1);
        assert_eq!(arrive(&mut places, "2001:db8::1", 3), 1, "the same device by IPv6");
        assert_eq!(arrive(&mut places, "198.51.100.1", 4), 2);
    }

    #[test]
    fn who_moved_minutes_ago_is_in_one_place() {
        let mut places = Places::default();
        assert_eq!(arrive(&mut places, "192.0.2.1", 0), 1);
        assert_eq!(arrive(&mut places, "198.51.100.1", APART), 2, "the first is still open");
        places.leave(network("192.0.2.1"), APART);
        assert_eq!(arrive(&mut places, "198.51.100.1", 2 * APART - 1), 2);
        assert_eq!(arrive(&mut places, "198.51.100.1", 2 * APART), 1);
    }

    #[test]
    fn home_is_remembered_however_many_places_follow() {
        let mut places = Places::default();
        for n in 0..1_000 {
            arrive(&mut places, &format!("10.{}.{}.1", n / 256, n % 256), n);
        }
        assert_eq!(places.home(), Some(network("10.0.0.1")));
        assert_eq!(places.held.len(), NETWORKS_MAX);
        let again = Places::restore(places.known());
        assert_eq!(again.home(), Some(network("10.0.0.1")));
    }

    #[test]
    fn a_challenge_is_passed_from_one_network_only() {
        let mut places = Places::default();
        places.challenge(10);
        assert!(!places.is_fresh(10) && places.is_fresh(11));
        places.pass(network("192.0.2.1"));
        assert!(places.has_passed(network("192.0.2.9")));
        assert!(!places.has_passed(network("198.51.100.1")));
        places.challenge(20);
        assert!(!places.has_passed(network("192.0.2.9")));
    }
}
