//! The blocking protocol on top of the shard locks, in miniature: two lists in two shards, one
//! client that moves from the first to the second as soon as there is an element, one that pops
//! from the second, and writers. A writer widens its lock set to the keys of those who wait.

use shuttle::sync::{Arc, Mutex};
use shuttle::thread;

use crate::lock::Stripes;
use crate::{Parker, explore};

/// What a thread of the model does.
type Body = Box<dyn FnOnce(&World) + Send>;

/// What waits on a key: where it would put the element, and who hears of it.
struct Waiter {
    to: Option<usize>,
    parker: std::sync::Arc<Parker>,
}

#[derive(Default)]
struct Shard {
    list: Vec<u32>,
    waiters: Vec<Waiter>,
    taken: Vec<u32>,
}

struct World {
    stripes: Stripes,
    /// Each behind a mutex that must never be found locked: the stripes are the lock.
    shards: Vec<Mutex<Shard>>,
}

fn world() -> Arc<World> {
    Arc::new(World { stripes: Stripes::new(2), shards: (0..2).map(|_| Mutex::default()).collect() })
}

impl World {
    fn shard(&self, at: usize) -> shuttle::sync::MutexGuard<'_, Shard> {
        self.shards[at].try_lock().expect("mutual exclusion broken")
    }

    fn hold(&self, shards: &[u16]) {
        let (parker, waker) = Parker::pair();
        let mut place = None;
        while let Err(busy) = self.stripes.try_lock_all(shards.iter().copied(), place.as_ref()) {
            if self.stripes.park(busy, &mut place, &waker) {
                parker.sleep();
            }
        }
    }

    fn let_go(&self, shards: &[u16]) {
        shards.iter().for_each(|&shard| self.stripes.unlock(shard));
    }

    /// Holds `shards` and those of everybody who waits in them, transitively.
    fn hold_wider(&self, mut shards: Vec<u16>, check_again: bool) -> Vec<u16> {
        loop {
            self.hold(&shards);
            let mut wanted = shards.clone();
            for &shard in &shards {
                let shard = self.shard(usize::from(shard));
                wanted.extend(shard.waiters.iter().filter_map(|w| w.to).map(|to| to as u16));
            }
            wanted.sort_unstable();
            wanted.dedup();
            if wanted == shards {
                return shards;
            }
            self.let_go(&shards);
            shards = wanted;
            if !check_again {
                self.hold(&shards);
                return shards;
            }
        }
    }

    /// Serves who waits on the list of `at`, and then on the lists that this put something in.
    fn serve(&self, held: &[u16], at: usize) {
        let mut ready = vec![at];
        while let Some(at) = ready.pop() {
            assert!(held.contains(&(at as u16)), "a waiter's key is not held");
            loop {
                let mut shard = self.shard(at);
                if shard.list.is_empty() || shard.waiters.is_empty() {
                    break;
                }
                let element = shard.list.remove(0);
                let waiter = shard.waiters.remove(0);
                match waiter.to {
                    Some(to) => {
                        drop(shard);
                        assert!(held.contains(&(to as u16)), "a waiter's key is not held");
                        self.shard(to).list.push(element);
                        ready.push(to);
                    }
                    None => shard.taken.push(element),
                }
                std::task::Wake::wake(waiter.parker);
            }
        }
    }

    fn push(&self, at: usize, element: u32, check_again: bool) {
        let held = self.hold_wider(vec![at as u16], check_again);
        self.shard(at).list.push(element);
        self.serve(&held, at);
        self.let_go(&held);
    }

    /// Pops from `at` (to the list of `to`, if any), waiting for an element.
    fn pop(&self, at: usize, to: Option<usize>) {
        let (parker, _) = Parker::pair();
        let keys = [Some(at as u16), to.map(|to| to as u16)].into_iter().flatten().collect();
        let held = self.hold_wider(keys, true);
        let waiter = Waiter { to, parker: std::sync::Arc::clone(&parker) };
        self.shard(at).waiters.push(waiter);
        self.serve(&held, at);
        self.let_go(&held);
        parker.sleep();
    }
}

fn chain(check_again: bool) {
    let world = world();
    let bodies: [Body; 4] = [
        Box::new(|w| w.pop(0, Some(1))),
        Box::new(|w| w.pop(1, None)),
        Box::new(move |w| w.push(0, 1, check_again)),
        Box::new(move |w| w.push(0, 2, check_again)),
    ];
    let handles = bodies.map(|body| {
        let world = Arc::clone(&world);
        thread::spawn(move || body(&world))
    });
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    let elements: usize = (0..2).map(|at| world.shard(at).list.len()).sum();
    assert_eq!((elements, world.shard(1).taken.len()), (1, 1), "an element was lost or doubled");
}

#[test]
fn a_chain_of_waiters_is_served_in_one_critical_section() {
    explore(6000, || chain(true));
}

#[test]
#[should_panic(expected = "is not held")]
fn seeded_a_widening_that_is_not_checked_again_is_found() {
    explore(4000, || {
        // Two waiters deep: the second is seen only once the first one's shard is held.
        let world = Arc::new(World {
            stripes: Stripes::new(3),
            shards: (0..3).map(|_| Mutex::default()).collect(),
        });
        let bodies: [Body; 3] = [
            Box::new(|w| w.pop(0, Some(1))),
            Box::new(|w| w.pop(1, Some(2))),
            Box::new(|w| w.push(0, 1, false)),
        ];
        let handles = bodies.map(|body| {
            let world = Arc::clone(&world);
            thread::spawn(move || body(&world))
        });
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
}
