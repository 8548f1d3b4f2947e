//! Active expiry: keys whose time is over are removed although nobody asks for them.
//!
//! Each shard keeps the hashes of its keys with an expiry; a cycle walks them in hash order, a
//! bounded part of one shard at a time, and goes on where it stopped. On the way it removes
//! elements of collections whose time is over ([`super::members`]).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::{SHARDS, Space};
use crate::engine::{Engine, Worker};

/// Where active expiry stands.
#[derive(Default)]
pub struct ExpireCursor {
    shard: u16,
    db: usize,
    at: u64,
}

/// What active expiry finds, smoothed over some steps.
pub(crate) struct ExpiryFigures {
    /// Milliseconds that keys which expire have left, on average, in each physical database.
    left: Box<[AtomicI64]>,
    /// The bits of the share of keys that expire whose time is over.
    stale: AtomicU64,
}

/// The weight of what a step has found: one part in so many.
const SMOOTHING: i64 = 16;

/// Keys of one database that a step has looked at.
#[derive(Default)]
struct Looked {
    /// Those whose time is not over.
    alive: i64,
    /// Milliseconds that they have left.
    left: i64,
    /// The others.
    due: i64,
}

impl ExpiryFigures {
    pub(crate) fn new(databases: usize) -> Self {
        let left = (0..databases).map(|_| AtomicI64::new(0)).collect();
        Self { left, stale: AtomicU64::new(0) }
    }

    fn add(&self, physical: usize, looked: &Looked) {
        if let Some(mean) = looked.left.checked_div(looked.alive) {
            let left = &self.left[physical];
            let before = left.load(Ordering::Relaxed);
            let now = if before == 0 { mean } else { before + (mean - before) / SMOOTHING };
            left.store(now, Ordering::Relaxed);
        }
        let seen = looked.alive + looked.due;
        if seen > 0 {
            let before = f64::from_bits(self.stale.load(Ordering::Relaxed));
            let share = looked.due as f64 / seen as f64;
            let now = before + (share - before) / SMOOTHING as f64;
            self.stale.store(now.to_bits(), Ordering::Relaxed);
        }
    }
}

/// What a cycle did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpireCycle {
    /// Keys looked at.
    pub seen: usize,
    /// Keys removed.
    pub expired: usize,
    /// Elements of collections removed.
    pub members: usize,
    /// Whether it came once around all shards.
    pub around: bool,
}

/// Steps of one shard's walk that are made while it is locked.
const STEPS_HELD: usize = 8;

impl Engine {
    /// How long the keys of a logical database that expire have left, on average, in milliseconds:
    /// an estimate from what active expiry has looked at lately; 0 before it has.
    pub fn average_ttl(&self, db: usize) -> i64 {
        self.expiry.left[self.keyspace.physical(db)].load(Ordering::Relaxed)
    }

    /// The share of keys that expire whose time is over and which are still there, from 0 to 1: an
    /// estimate as [`Engine::average_ttl`].
    pub fn stale_share(&self) -> f64 {
        f64::from_bits(self.expiry.stale.load(Ordering::Relaxed))
    }

    /// Walks on until `done` says that enough time was spent, or once around. `done` is asked
    /// between shards.
    pub fn expire_cycle(
        &self,
        worker: &Worker,
        cursor: &mut ExpireCursor,
        mut done: impl FnMut() -> bool,
    ) -> ExpireCycle {
        let mut cycle = ExpireCycle::default();
        let any = (0..self.keyspace.databases())
            .any(|db| self.db_volatile(db) > 0 || self.db_expiring(db) > 0);
        if !any || self.tuning.keeps_expired() {
            cycle.around = true;
            return cycle;
        }
        let start = cursor.shard;
        loop {
            let shard = cursor.shard;
            let step = self.try_with(worker, shard, |space| {
                self.expire_step(space, shard, cursor, &mut cycle)
            });
            self.end_turn(worker);
            if step.unwrap_or(true) {
                *cursor = ExpireCursor { shard: (shard + 1) % SHARDS as u16, ..Default::default() };
                if cursor.shard == start {
                    cycle.around = true;
                    return cycle;
                }
            }
            if done() {
                return cycle;
            }
        }
    }

    /// A bounded part of one shard. True when the shard is finished.
    fn expire_step(
        &self,
        space: &mut Space<'_>,
        shard: u16,
        cursor: &mut ExpireCursor,
        cycle: &mut ExpireCycle,
    ) -> bool {
        let mut due = Vec::new();
        while cursor.db < self.keyspace.databases() {
            space.select(cursor.db);
            let (removed, done) = space.expire_members_of(shard);
            cycle.members += removed;
            if !done {
                return false;
            }
            let mut looked = Looked::default();
            if let Some(db) = space.shard(shard).db(space.physical()) {
                for _ in 0..STEPS_HELD {
                    cursor.at = db.expires.scan(
                        cursor.at,
                        |h| *h,
                        |&hash| {
                            cycle.seen += 1;
                            let found =
                                db.table.find(hash, |e| self.keyspace.hash(e.key()) == hash);
                            let at = found.and_then(|entry| Some((entry, entry.expiry()?)));
                            let Some((entry, at)) = at else { return };
                            if at <= space.now() {
                                due.push(entry.key().to_vec());
                            } else {
                                looked.alive += 1;
                                looked.left = looked.left.saturating_add(at - space.now());
                            }
                        },
                    );
                    if cursor.at == 0 {
                        break;
                    }
                }
            }
            looked.due = due.len() as i64;
            self.expiry.add(space.physical(), &looked);
            cycle.expired += due.len();
            due.drain(..).for_each(|key| space.expire(&key));
            if cursor.at != 0 {
                return false;
            }
            cursor.db += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::command::Spec;
    use crate::module::Module;
    use crate::testing::Bed;

    /// Looks at keys as they change, and counts how often.
    #[derive(Default)]
    struct Looker(AtomicUsize);

    impl Module for Looker {
        fn name(&self) -> &'static str {
            "looker"
        }

        fn version(&self) -> u32 {
            1
        }

        fn commands(&self) -> &'static [Spec] {
            &[]
        }

        fn key_changed(&self, space: &Space<'_>, _: usize, key: &[u8]) {
            space.peek(key);
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn modules_hear_of_what_expires_while_its_shard_is_held() {
        let module = Arc::new(Looker::default());
        let mut bed = Bed::with_modules(vec![Arc::<Looker>::clone(&module)]);
        bed.engine.modules.observe_keys(true);
        for line in ["SADD s a b", "SPEXPIRE s 5 MEMBERS 1 a", "SET k v PX 5"] {
            bed.run(line);
        }
        bed.pass(10);
        let before = module.0.load(Ordering::SeqCst);
        bed.engine.expire_cycle(&bed.worker, &mut ExpireCursor::default(), || false);
        assert_eq!(module.0.load(Ordering::SeqCst) - before, 2);
        bed.run("PING");
    }
}
