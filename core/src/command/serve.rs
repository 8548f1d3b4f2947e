//! Serving blocked clients inside the critical section of the write that makes it possible.

use std::sync::Arc;

use super::ctx::Mode;
use super::dispatch::{commit, invoke, normal, words};
use super::spec::Flow;
use crate::blocking::{WaitState, Waiter};
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
    for &shard in held.shards() {
        let queues = &held.shard(shard).queues;
        if queues.is_empty() {
            continue;
        }
        for key in queues.all().flat_map(|waiter| &waiter.keys) {
            let other = shard_of(key);
            if !held.owns(other) {
                wanted.get_or_insert_with(|| ShardSet::from_slice(held.shards())).push(other);
            }
        }
    }
    wanted.map(normal)
}

/// Takes a waiter, and whoever else no longer waits, out of the queues of its keys.
pub(super) fn leave_queues(held: &mut Held<'_>, waiter: &Waiter) {
    for key in &waiter.on {
        held.shard_mut(shard_of(key)).queues.prune(waiter.db, key);
    }
}

/// Serves the clients that wait for the keys signalled so far, first come first served, until
/// nothing more can be served. What they do may in turn serve others.
pub(super) fn serve(space: &mut Space<'_>) {
    let before = space.db();
    while !space.ready.is_empty() {
        let (db, key) = space.ready.remove(0);
        for waiter in space.shard(shard_of(&key)).queues.waiting(db, &key) {
            serve_one(space, &waiter);
        }
        space.shard_mut(shard_of(&key)).queues.prune(db, &key);
    }
    space.select(before);
}

/// Runs a blocked command again; it either goes on waiting or gets its reply.
fn serve_one(space: &mut Space<'_>, waiter: &Arc<Waiter>) {
    if !waiter.is_waiting() {
        return;
    }
    let mut session = Session::new(waiter.session, Box::new(()));
    session.db = waiter.db;
    session.proto = waiter.proto;
    let mut reply = Reply::new(waiter.proto);
    let args = words(&waiter.args);
    let result =
        invoke(space, &mut session, waiter.command, &args, &mut reply, Mode::Serving, None);
    commit(space);
    if let Ok(Flow::Done) = result
        && waiter.end(WaitState::Served)
    {
        for key in &waiter.on {
            space.shard_mut(shard_of(key)).queues.prune(waiter.db, key);
        }
        space.deliveries.push((Arc::clone(&waiter.mailbox), reply.take()));
    }
}
