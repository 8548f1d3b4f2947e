//! Which clients want to know of all keys with a prefix (BCAST).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

/// Clients by prefix.
#[derive(Default)]
pub struct Prefixes(Mutex<BTreeMap<Box<[u8]>, BTreeSet<u64>>>);

impl Prefixes {
    /// Adds prefixes for a client.
    pub fn add(&self, client: u64, prefixes: &[Box<[u8]>]) {
        let mut all = self.lock();
        for prefix in prefixes {
            all.entry(prefix.clone()).or_default().insert(client);
        }
    }

    /// Removes prefixes of a client.
    pub fn remove(&self, client: u64, prefixes: &[Box<[u8]>]) {
        let mut all = self.lock();
        for prefix in prefixes {
            if let Some(clients) = all.get_mut(prefix) {
                clients.remove(&client);
                if clients.is_empty() {
                    all.remove(prefix);
                }
            }
        }
    }

    /// Calls `f` once for each prefix that some of the keys have, with its clients and those keys.
    pub fn matching(&self, keys: &BTreeSet<&[u8]>, mut f: impl FnMut(&BTreeSet<u64>, &[&[u8]])) {
        for (prefix, clients) in self.lock().iter() {
            // Keys with a prefix stand together in the order of bytes.
            let from = keys.range::<&[u8], _>(&**prefix..);
            let some: Vec<&[u8]> =
                from.take_while(|key| key.starts_with(prefix)).copied().collect();
            if !some.is_empty() {
                f(clients, &some);
            }
        }
    }

    /// How many prefixes there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Box<[u8]>, BTreeSet<u64>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prefix_gets_its_keys_once() {
        let prefixes = Prefixes::default();
        prefixes.add(1, &[Box::from(*b"ab"), Box::from(*b"")]);
        prefixes.add(2, &[Box::from(*b"ab")]);
        let keys: BTreeSet<&[u8]> = [&b"abc"[..], b"ab", b"b", b"a"].into();
        let mut seen = Vec::new();
        prefixes.matching(&keys, |clients, keys| {
            seen.push((clients.len(), keys.iter().map(|key| key.to_vec()).collect::<Vec<_>>()));
        });
        let all = vec![b"a".to_vec(), b"ab".to_vec(), b"abc".to_vec(), b"b".to_vec()];
        assert_eq!(seen, [(1, all), (2, vec![b"ab".to_vec(), b"abc".to_vec()])]);
        prefixes.remove(1, &[Box::from(*b"ab"), Box::from(*b"")]);
        assert_eq!(prefixes.len(), 1);
    }
}
