//! Which clients may have a key in their cache: a table in parts with a lock each.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use cairn_core::util::crc16::crc16;

/// Parts of the table.
const PARTS: usize = 64;

type Part = HashMap<Box<[u8]>, BTreeSet<u64>>;

/// Clients by key. As in Redis, databases are not told apart: a key that changes in one is
/// invalid in all.
pub struct KeyTable {
    parts: [Mutex<Part>; PARTS],
    keys: AtomicUsize,
    items: AtomicUsize,
}

impl Default for KeyTable {
    fn default() -> Self {
        Self {
            parts: std::array::from_fn(|_| Mutex::default()),
            keys: AtomicUsize::new(0),
            items: AtomicUsize::new(0),
        }
    }
}

impl KeyTable {
    /// Notes that a client has read a key.
    pub fn add(&self, key: &[u8], client: u64) {
        let mut part = self.part(key);
        if let Some(clients) = part.get_mut(key) {
            if clients.insert(client) {
                self.items.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
        part.insert(key.into(), BTreeSet::from([client]));
        self.keys.fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes out a key with its clients.
    pub fn take(&self, key: &[u8]) -> Option<BTreeSet<u64>> {
        let clients = self.part(key).remove(key)?;
        self.keys.fetch_sub(1, Ordering::Relaxed);
        self.items.fetch_sub(clients.len(), Ordering::Relaxed);
        Some(clients)
    }

    /// Takes out any key.
    pub fn pop(&self) -> Option<(Box<[u8]>, BTreeSet<u64>)> {
        let key = self.parts.iter().find_map(|part| lock(part).keys().next().cloned())?;
        let clients = self.take(&key).unwrap_or_default();
        Some((key, clients))
    }

    /// Forgets all keys.
    pub fn clear(&self) {
        for part in &self.parts {
            let gone = std::mem::take(&mut *lock(part));
            self.keys.fetch_sub(gone.len(), Ordering::Relaxed);
            let items = gone.values().map(BTreeSet::len).sum();
            self.items.fetch_sub(items, Ordering::Relaxed);
        }
    }

    /// How many keys there are.
    pub fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// How many clients there are, over all keys.
    pub fn items(&self) -> usize {
        self.items.load(Ordering::Relaxed)
    }

    fn part(&self, key: &[u8]) -> MutexGuard<'_, Part> {
        lock(&self.parts[usize::from(crc16(key)) % PARTS])
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec((0u8..4, 0u8..8, 0u64..4), 1..100)) {
            let table = KeyTable::default();
            let mut model: HashMap<Vec<u8>, BTreeSet<u64>> = HashMap::new();
            for (what, key, client) in steps {
                let key = vec![key];
                match what {
                    0 | 1 => {
                        table.add(&key, client);
                        model.entry(key).or_default().insert(client);
                    }
                    2 => prop_assert_eq!(table.take(&key), model.remove(&key)),
                    _ => {
                        let popped = table.pop();
                        prop_assert_eq!(popped.is_none(), model.is_empty());
                        if let Some((key, clients)) = popped {
                            prop_assert_eq!(Some(clients), model.remove(&key.into_vec()));
                        }
                    }
                }
                prop_assert_eq!(table.keys(), model.len());
                prop_assert_eq!(table.items(), model.values().map(BTreeSet::len).sum::<usize>());
            }
            table.clear();
            prop_assert_eq!((table.keys(), table.items()), (0, 0));
        }
    }
}
