//! A table that holds no more than it may, however many keys come.
//!
//! Two generations in each of sixteen parts: what is asked for moves to the young one; when that is full,
//! the old one is dropped and the young one takes its place. So what was unused for longest goes first,
//! and nothing is searched. Values still in use elsewhere (a live connection) are carried over.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

const PARTS: usize = 16;

/// A bounded map from keys that strangers may choose.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    parts: Vec<Mutex<Part<K, V>>>,
    /// Keyed at random: nobody can aim at one part.
    hasher: RandomState,
}

#[derive(Debug)]
struct Part<K, V> {
    young: HashMap<K, Arc<V>>,
    old: HashMap<K, Arc<V>>,
    /// Entries of one generation.
    generation_max: usize,
}

impl<K: Hash + Eq + Clone, V> Table<K, V> {
    /// Makes an empty table for `entries_max` entries, at least 32.
    pub(crate) fn new(entries_max: usize) -> Self {
        let generation_max = (entries_max / PARTS / 2).max(1);
        let part =
            || Mutex::new(Part { young: HashMap::new(), old: HashMap::new(), generation_max });
        Self { parts: (0..PARTS).map(|_| part()).collect(), hasher: RandomState::new() }
    }

    /// Answers the value of a key, made if it is not there.
    pub(crate) fn entry(&self, key: &K, make: impl FnOnce() -> V) -> Arc<V> {
        let mut part = self.part(key).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = part.find(key) {
            return found;
        }
        let value = Arc::new(make());
        part.put(key.clone(), Arc::clone(&value));
        value
    }

    /// Answers the value of a key if it is there.
    pub(crate) fn find(&self, key: &K) -> Option<Arc<V>> {
        self.part(key).lock().unwrap_or_else(PoisonError::into_inner).find(key)
    }

    /// Calls `look` with every entry, part by part.
    pub(crate) fn each(&self, mut look: impl FnMut(&K, &V)) {
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.young.iter().chain(&part.old).for_each(|(key, value)| look(key, value));
        }
    }

    /// Answers how many entries there are.
    pub(crate) fn len(&self) -> usize {
        let sizes = self.parts.iter().map(|part| {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.young.len() + part.old.len()
        });
        sizes.sum()
    }

    fn part(&self, key: &K) -> &Mutex<Part<K, V>> {
        let hash = self.hasher.hash_one(key);
        &self.parts[usize::from(hash.to_be_bytes()[0]) % PARTS]
    }
}

impl<K: Hash + Eq + Clone, V> Part<K, V> {
    fn find(&mut self, key: &K) -> Option<Arc<V>> {
        if let Some(found) = self.young.get(key) {
            return Some(Arc::clone(found));
        }
        let (key, found) = self.old.remove_entry(key)?;
        self.put(key, Arc::clone(&found));
        Some(found)
    }

    fn put(&mut self, key: K, value: Arc<V>) {
        if self.young.len() >= self.generation_max {
            let before = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            // At most half of the new generation, or nothing new would find room.
            let kept = before.into_iter().filter(|(_, value)| Arc::strong_count(value) > 1);
            self.young.extend(kept.take(self.generation_max / 2));
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_keys_leave_no_more_entries_than_permitted() {
        let table = Table::<u32, u32>::new(4_096);
        let live = table.entry(&0, || 7);
        for key in 1..1_000_000 {
            table.entry(&key, || key);
        }
        assert!(table.len() <= 4_096, "{}", table.len());
        assert!(table.len() > 1_000, "{}", table.len());
        assert!(Arc::ptr_eq(&live, &table.entry(&0, || 8)), "what is in use stays");
        assert!(table.find(&1).is_none());
        assert_eq!(table.find(&999_999).as_deref(), Some(&999_999));
    }

    #[test]
    fn what_is_used_outlives_what_is_not() {
        let table = Table::<u32, u32>::new(4_096);
        for key in 0..100_000 {
            table.entry(&key, || key);
            if key % 50 == 0 {
                assert!(table.find(&0).is_some(), "{key}");
            }
        }
        assert!(table.find(&1).is_none());
    }
}
