//! The shard locks: exclusion, wake-ups, patience, and tickets that are given up.

use std::sync::atomic::{AtomicU64 as Tally, Ordering as TallyOrdering};

use shuttle::sync::Arc;
use shuttle::thread;

use crate::lock::{Stripes, Ticket};
use crate::{Cells, Parker, explore};

struct World {
    stripes: Stripes,
    cells: Cells,
}

fn world() -> Arc<World> {
    Arc::new(World { stripes: Stripes::new(2), cells: Cells::new(2) })
}

/// Locks `shards`, sleeping while they are busy. Returns how many tries failed.
fn lock(world: &World, shards: &[u16]) -> u32 {
    let (parker, waker) = Parker::pair();
    let mut place = None;
    let mut failed = 0;
    while let Err(busy) = world.stripes.try_lock_all(shards.iter().copied(), place.as_ref()) {
        failed += 1;
        if world.stripes.park(busy, &mut place, &waker) {
            parker.sleep();
        }
    }
    if let Some(place) = place {
        assert!(world.stripes.own(shards.iter().copied(), &place));
        place.served();
    }
    failed
}

fn unlock(world: &World, shards: &[u16]) {
    shards.iter().for_each(|&shard| world.stripes.unlock(shard));
}

fn visit(world: &World, shards: &[u16], me: u64) {
    world.cells.visit(shards.iter().map(|&shard| usize::from(shard)), me);
}

fn run(threads: Vec<Box<dyn FnOnce() + Send>>) {
    let handles: Vec<_> = threads.into_iter().map(|body| thread::spawn(body)).collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

fn command(
    world: &Arc<World>,
    shards: &'static [u16],
    me: u64,
    times: usize,
) -> Box<dyn FnOnce() + Send> {
    let world = Arc::clone(world);
    Box::new(move || {
        for _ in 0..times {
            lock(&world, shards);
            visit(&world, shards, me);
            unlock(&world, shards);
        }
    })
}

#[test]
fn shards_have_one_owner_and_every_parked_task_runs() {
    explore(6000, || {
        let world = world();
        run(vec![
            command(&world, &[0], 1, 2),
            command(&world, &[0, 1], 2, 2),
            command(&world, &[1], 3, 2),
            command(&world, &[0, 1], 4, 1),
        ]);
    });
}

/// Parks on shard 0 and, when woken or before, goes away without having tried again.
fn deserter(world: &Arc<World>, sleeps: bool, desert: fn(Ticket)) -> Box<dyn FnOnce() + Send> {
    let world = Arc::clone(world);
    Box::new(move || {
        let (parker, waker) = Parker::pair();
        let mut place = None;
        let Err(busy) = world.stripes.try_lock(0, None) else {
            world.stripes.unlock(0);
            return;
        };
        if world.stripes.park(busy, &mut place, &waker) && sleeps {
            parker.sleep();
        }
        place.into_iter().for_each(desert);
    })
}

fn abandon(desert: fn(Ticket)) {
    let world = world();
    run(vec![
        command(&world, &[0], 1, 2),
        deserter(&world, true, desert),
        deserter(&world, false, desert),
        command(&world, &[0], 2, 1),
    ]);
}

#[test]
fn a_ticket_that_is_given_up_passes_the_wake_up_on() {
    explore(8000, || abandon(drop));
}

#[test]
#[should_panic(expected = "deadlock")]
fn seeded_a_ticket_that_keeps_its_wake_up_is_found() {
    explore(5000, || abandon(std::mem::forget));
}

#[test]
#[should_panic(expected = "deadlock")]
fn seeded_a_sleep_without_looking_again_is_found() {
    explore(5000, || {
        let world = world();
        let careless = {
            let world = Arc::clone(&world);
            move || {
                let (parker, waker) = Parker::pair();
                let mut place = None;
                while let Err(busy) = world.stripes.try_lock(0, place.as_ref()) {
                    // The answer "it is free by now" is not heard.
                    world.stripes.park(busy, &mut place, &waker);
                    parker.sleep();
                }
                world.stripes.unlock(0);
            }
        };
        run(vec![command(&world, &[0], 1, 2), Box::new(careless)]);
    });
}

const HOGS: u32 = 2;
/// Tries that may fail: those that cost the patience, one for each newcomer that was already past
/// the check when the shard was reserved, and the one that found the shard's owner at work.
const FAILURES_MAX: u32 = 4 + HOGS + 2;

/// Most failed tries of any task, over all schedules of one test.
static WORST: Tally = Tally::new(0);

/// One task against others that take the shard again and again.
fn overtaking(lock_patiently: fn(&World) -> u32) {
    let world = world();
    let patient = {
        let world = Arc::clone(&world);
        move || {
            let failed = lock_patiently(&world);
            visit(&world, &[0], 9);
            unlock(&world, &[0]);
            WORST.fetch_max(u64::from(failed), TallyOrdering::Relaxed);
            assert!(failed <= FAILURES_MAX, "overtaken without end");
        }
    };
    let hogs = (1..=u64::from(HOGS)).map(|me| command(&world, &[0], me, 50));
    run(hogs.chain([Box::new(patient) as Box<dyn FnOnce() + Send>]).collect());
}

#[test]
fn overtaking_is_bounded() {
    explore(1500, || overtaking(|world| lock(world, &[0])));
    assert!(WORST.load(TallyOrdering::Relaxed) >= 4, "no schedule tried anybody's patience");
}

#[test]
#[should_panic(expected = "overtaken without end")]
fn seeded_a_task_that_goes_to_the_end_of_the_line_is_found() {
    explore(2000, || {
        overtaking(|world| {
            let (parker, waker) = Parker::pair();
            let mut failed = 0;
            while let Err(busy) = world.stripes.try_lock(0, None) {
                failed += 1;
                let mut place = None;
                if world.stripes.park(busy, &mut place, &waker) {
                    parker.sleep();
                }
            }
            failed
        });
    });
}
