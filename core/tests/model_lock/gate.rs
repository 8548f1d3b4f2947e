//! The gate: whoever closes it owns everything, and everybody else gets in afterwards.

use shuttle::sync::Arc;
use shuttle::thread;

use crate::lock::Gate;
use crate::{Cells, Parker, explore};

struct World {
    gate: Gate,
    cells: Cells,
}

const CELLS: usize = 2;

fn world() -> Arc<World> {
    Arc::new(World { gate: Gate::default(), cells: Cells::new(CELLS) })
}

/// A thread that runs commands in turns, each alone in its cell. Returns the most failed tries.
fn worker(world: &World, cell: usize, turns: usize) -> u32 {
    let me = world.gate.register();
    let mut worst = 0;
    for _ in 0..turns {
        let (parker, waker) = Parker::pair();
        let mut place = None;
        let mut failed = 0;
        while !world.gate.enter(&me) {
            failed += 1;
            if world.gate.park(&mut place, &waker) {
                parker.sleep();
            }
        }
        drop(place);
        for _ in 0..2 {
            if world.gate.is_closed() {
                break;
            }
            world.cells.visit(cell..cell + 1, cell as u64 + 1);
        }
        world.gate.exit(&me);
        worst = worst.max(failed);
    }
    worst
}

/// Work on all cells.
fn closer(world: &World, token: u64, times: usize) {
    for _ in 0..times {
        let (parker, waker) = Parker::pair();
        let mut place = None;
        while !world.gate.close(token, &mut place, &waker) {
            parker.sleep();
        }
        world.cells.visit(0..CELLS, token);
        world.gate.open();
    }
}

/// Begins to close the gate and goes away.
fn quitter(world: &World, token: u64) {
    let (_, waker) = Parker::pair();
    let mut place = None;
    let closed = world.gate.close(token, &mut place, &waker);
    if closed || world.gate.is_closed_by(token) {
        world.gate.open();
    }
}

fn spawn(world: &Arc<World>, body: impl FnOnce(&World) + Send + 'static) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || body(&world))
}

fn join(handles: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

#[test]
fn who_closes_the_gate_is_alone_and_everybody_gets_in_again() {
    explore(5000, || {
        let world = world();
        join([
            spawn(&world, |w| assert!(worker(w, 0, 3) < u32::MAX)),
            spawn(&world, |w| assert!(worker(w, 1, 3) < u32::MAX)),
            spawn(&world, |w| closer(w, 101, 2)),
            spawn(&world, |w| closer(w, 102, 1)),
        ]);
    });
}

#[test]
fn a_closer_that_gives_up_keeps_nobody_waiting() {
    explore(5000, || {
        let world = world();
        join([
            spawn(&world, |w| assert!(worker(w, 0, 3) < u32::MAX)),
            spawn(&world, |w| closer(w, 101, 1)),
            spawn(&world, |w| quitter(w, 102)),
            spawn(&world, |w| quitter(w, 103)),
        ]);
    });
}

/// Failed tries before a command has the gate reserved, and those of closers already on their way.
const FAILURES_MAX: u32 = 4 + 2 + 2;

#[test]
fn closers_keep_nobody_out_for_ever() {
    explore(1000, || {
        let world = world();
        join([
            spawn(&world, |w| assert!(worker(w, 0, 1) <= FAILURES_MAX, "kept out without end")),
            spawn(&world, |w| closer(w, 101, 20)),
            spawn(&world, |w| closer(w, 102, 20)),
        ]);
    });
}

#[test]
#[should_panic(expected = "mutual exclusion broken")]
fn seeded_a_command_that_looks_without_raising_its_flag_is_found() {
    explore(3000, || {
        let world = world();
        let careless = |w: &World| {
            if !w.gate.is_closed() {
                w.cells.visit(0..1, 1);
            }
        };
        join([spawn(&world, careless), spawn(&world, |w| closer(w, 101, 1))]);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn seeded_a_sleep_without_looking_at_the_gate_again_is_found() {
    explore(3000, || {
        let world = world();
        let careless = |w: &World| {
            let me = w.gate.register();
            let (parker, waker) = Parker::pair();
            let mut place = None;
            while !w.gate.enter(&me) {
                w.gate.park(&mut place, &waker);
                parker.sleep();
            }
            w.gate.exit(&me);
        };
        join([spawn(&world, careless), spawn(&world, |w| closer(w, 101, 1))]);
    });
}
