//! Serving blocked clients inside the critical section of the write that makes it possible.

use std::sync::Arc;

use super::ctx::Mode;
use super::dispatch::{commit, invoke, words};
use super::spec::Flow;
use crate::blocking::{WaitState, Waiter};
use crate::clock;
use crate::engine::{Moment, Observed};
use crate::keyspace::{Held, ShardSet, Space, shard_of};
use crate::reply::Reply;
use crate::session::Session;

/// The shards to hold instead, when clients wait in the held ones whose commands reach further.
///
/// It goes by shards, not by keys: a few shards too many are held now and then, but nothing needs
/// to know which keys a transaction will write. Called again for the wider set until it is
/// stable, since other clients may wait in what was added.
pub(super) fn wider(held: &Held<'_>) -> Option<ShardSet> {
    if held.owns_all() {
        return None;
    }
    let mut wanted: Option<ShardSet> = None;
    for shard in held.shards() {
        let queues = &held.shard(shard).queues;
        if queues.is_empty() {
            continue;
        }
        for other in queues.reach() {
            if !held.owns(other) {
                wanted.get_or_insert(*held.shards()).insert(other);
            }
        }
    }
    wanted
}

/// Takes a waiter out of the queues of its keys.
pub(super) fn leave_queues(held: &mut Held<'_>, waiter: &Arc<Waiter>) {
    for key in &waiter.on {
        held.shard_mut(shard_of(key)).queues.remove(waiter.db, key, waiter);
    }
}

/// Serves the clients that wait for the keys signalled so far, first come first served, until
/// nothing more can be served. What they do may in turn serve others.
pub(super) fn serve(space: &mut Space<'_>) {
    let before = space.db();
    // They go on after the command or transaction, which may have taken a while.
    space.go_on_at(clock::now_nanos());
    let mut next = 0;
    while let Some((db, key)) = space.after.ready.get_mut(next).map(std::mem::take) {
        next += 1;
        serve_key(space, db, &key);
    }
    space.after.ready.clear();
    space.select(before);
}

/// Serves those who wait for one key. When the key is gone, as a list is once it is empty, nobody
/// further back is tried: there may be thousands of them.
fn serve_key(space: &mut Space<'_>, db: usize, key: &[u8]) {
    let exists = |space: &mut Space<'_>| space.within(db, |space| space.exists(key));
    let existed = exists(space);
    let mut position = 0;
    while let Some(waiter) = space.shard_mut(shard_of(key)).queues.at(db, key, position) {
        if !serve_one(space, &waiter) {
            position += 1;
        } else if existed && !exists(space) {
            break;
        }
    }
}

/// Runs a blocked command again; true when it has its reply and is out of the queues, false when
/// it goes on waiting.
pub(super) fn serve_one(space: &mut Space<'_>, waiter: &Arc<Waiter>) -> bool {
    let mut session = Session::new(waiter.session, Box::new(()));
    session.db = waiter.db;
    session.proto = waiter.proto;
    let mut reply = Reply::new(waiter.proto);
    let args = words(&waiter.args);
    let start = clock::now_nanos();
    space.go_on_at(start);
    let result =
        invoke(space, &mut session, waiter.command, &args, &mut reply, Mode::Serving, None);
    commit(space);
    if let Ok(Flow::Block(block)) = &result {
        waiter.set_retry(block.retry);
    }
    if !matches!(result, Ok(Flow::Done)) {
        return false;
    }
    let (engine, worker) = (space.engine(), space.worker());
    let nanos = clock::now_nanos().saturating_sub(start);
    let (command, moment) = (waiter.command, Moment::Unblocked);
    let seen = Observed { command, args: &args, nanos, replied: reply.len(), moment };
    let failed = reply.as_bytes().first() == Some(&b'-');
    engine.account(worker, &session, &seen, failed);
    if waiter.end(WaitState::Served) {
        space.after.deliveries.push((Arc::clone(&waiter.mailbox), reply.take()));
    }
    for key in &waiter.on {
        space.shard_mut(shard_of(key)).queues.remove(waiter.db, key, waiter);
    }
    true
}
