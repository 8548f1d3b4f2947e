//! What has to be there after a crash.

use std::time::{Duration, Instant};

use cairn_tests::client::Client;

use super::load::{Told, WRITERS, all_keys, key, number_of};

/// What was told of what may not be missing.
#[derive(Clone, Copy)]
pub enum Promise {
    All,
    /// What was told before.
    Before(Instant),
    Nothing,
}

/// What is there after a crash.
pub struct Found {
    round: String,
    /// Of all keys.
    numbers: Vec<u64>,
    /// Lengths of the two lists.
    lists: [u64; 2],
}

impl Found {
    /// Reads a round's keys, and checks what holds whatever is missing: that transactions are
    /// whole, that each connection's writes are there in their order, and that list elements are
    /// neither lost nor doubled.
    pub fn read(client: &mut Client, round: &str) -> Self {
        let keys = all_keys(round);
        let words: Vec<&str> = std::iter::once("MGET").chain(keys.iter().map(|k| &k[..])).collect();
        let numbers: Vec<u64> = client.call(&words).items().iter().map(number_of).collect();
        let (pairs, threes) = numbers.split_at(2 * WRITERS);
        for pair in pairs.chunks(2) {
            let in_order = pair[0] == pair[1] || pair[0] == pair[1] + 1;
            assert!(in_order, "a connection wrote the one, then the other: {pair:?}");
        }
        for three in threes.chunks(3) {
            assert!(three.iter().all(|n| *n == three[0]), "a transaction is torn: {three:?}");
        }
        let mut list = |kind| -> Vec<u64> {
            let list = client.call(&["LRANGE", &key(kind, 0, round), "0", "-1"]);
            list.items().iter().map(number_of).collect()
        };
        let (moved, rest) = (list("out"), list("in"));
        let lists = [moved.len() as u64, (moved.len() + rest.len()) as u64];
        assert!(moved.into_iter().chain(rest).eq(1..=lists[1]), "elements in their order, once");
        Self { round: round.to_string(), numbers, lists }
    }

    /// What is there of a key.
    fn number(&self, name: &str) -> u64 {
        match name {
            _ if *name == key("out", 0, &self.round) => self.lists[0],
            _ if *name == key("in", 0, &self.round) => self.lists[1],
            _ => {
                let at = all_keys(&self.round).iter().position(|key| key == name);
                self.numbers[at.expect("a key of the round")]
            }
        }
    }

    /// Checks that what was promised is there. Returns the age, at the crash, of the
    /// oldest thing that was told and is missing.
    pub fn check(&self, told: &Told, promise: Promise, crash: Instant) -> Duration {
        let mut oldest = Duration::ZERO;
        for (key, list) in told {
            let stored = self.number(key);
            for (number, at) in list.iter().filter(|(number, _)| *number > stored) {
                let age = crash.saturating_duration_since(*at);
                let pardoned = match promise {
                    Promise::All => false,
                    Promise::Before(moment) => *at > moment,
                    Promise::Nothing => true,
                };
                assert!(pardoned, "{key} was {number} {age:?} before the crash, and is {stored}");
                oldest = oldest.max(age);
            }
        }
        oldest
    }

    /// Checks that nothing has changed since.
    pub fn check_again(&self, client: &mut Client) {
        let now = Self::read(client, &self.round);
        assert_eq!(now.numbers, self.numbers, "what was there after a crash stays there");
        assert_eq!(now.lists, self.lists, "what was there after a crash stays there");
    }
}
