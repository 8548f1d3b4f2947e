//! From a command's words to its reply: checks, locks, handler, effects, waiters.
//!
//! Nothing here waits. A command that cannot go on takes a place in a line and answers
//! [`Step::Parked`]; its connection calls again with the same words when its waker was called.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};

use smallvec::SmallVec;

use super::ctx::{Ctx, Mode};
use super::job::Job;
use super::spec::{Flags, Flow, Reach};
use super::{Command, keys, serve};
use crate::blocking::{WaitState, Waiter, WaiterSeed};
use crate::clock;
use crate::engine::{Engine, Moment, Observed, Worker};
use crate::error::CmdError;
use crate::keyspace::{Held, Scope, ShardSet, Space, ValueRef, Wait, shard_of};
use crate::reply::Reply;
use crate::session::{Blocked, Queued, Session};

/// Commands for which a thread may keep a shard without letting others have their turn.
const KEPT_MAX: u32 = 16;

/// How far a call got.
pub enum Step {
    /// The reply is written.
    Done,
    /// It waits for shards or for room in the log. Call again with the same words when the waker
    /// was called; end the turn before waiting.
    Parked,
    /// A part of the work is done and no shard is held. Call again with the same words, at once
    /// or after other connections had their turn.
    Again,
    /// It waits for a key: see [`Session::blocked`]. The reply comes by mailbox, unless
    /// [`Engine::poll_unblock`] ends the wait first.
    Blocked,
    /// A job is to be run, and [`Engine::finish_job`] called with its end and the same words. The
    /// connection's later commands wait for it.
    Offload(Job),
}

impl Engine {
    /// Begins a turn: a run of commands on this thread, of bounded length.
    pub fn begin_turn(&self, worker: &Worker) {
        worker.read_clock();
    }

    /// Ends a turn. Must be called before the thread does anything that may take long.
    pub fn end_turn(&self, worker: &Worker) {
        self.let_go(worker);
        if worker.active.replace(false) {
            self.keyspace.cells.exit(&worker.participant);
        }
    }

    /// Unlocks the shard that the last command left locked, if any.
    #[inline]
    fn let_go(&self, worker: &Worker) {
        if let Some(kept) = worker.kept.take() {
            self.keyspace.cells.release(kept);
        }
    }

    /// Goes on with the shard that the last command left locked, if it is the only one wanted.
    #[inline]
    fn resume(&self, worker: &Worker, shards: &ShardSet) -> Option<Held<'_>> {
        let kept = worker.kept.take()?;
        let times = worker.kept_for.get() + 1;
        if times < KEPT_MAX && kept.shards() == shards {
            worker.kept_for.set(times);
            return Some(self.keyspace.cells.resume(kept));
        }
        self.keyspace.cells.release(kept);
        None
    }

    /// Runs a command, or goes on with one that could not finish.
    pub fn call(
        &self,
        worker: &Worker,
        session: &mut Session,
        args: &[&[u8]],
        reply: &mut Reply,
        waker: &Waker,
    ) -> Step {
        reply.set_proto(session.proto);
        // A command that goes on was admitted when it began, and may have replied in part.
        let begun = session.last_command.filter(|_| session.pending.step.is_some());
        let command = match begun.map_or_else(|| self.admit(worker, session, args), Ok) {
            Ok(command) => command,
            Err(error) => {
                worker.counters.error(error.text());
                reply.error(error.text());
                return Step::Done;
            }
        };
        if session.tracks && worker.counters.has_evicted() {
            // Messages about the evicted keys are on their way: they go before this reply.
            self.end_turn(worker);
            match self.host() {
                Some(host) => host.call_again(session),
                None => waker.wake_by_ref(),
            }
            return Step::Parked;
        }
        session.last_command = Some(command);
        if session.multi.is_some() && !command.spec.flags.has(Flags::UNQUEUED) {
            return match enqueue(session, command, args) {
                Ok(()) => {
                    reply.simple("QUEUED");
                    Step::Done
                }
                Err(error) => {
                    worker.counters.reject(command.id);
                    worker.counters.error(error.text());
                    reply.error(error.text());
                    Step::Done
                }
            };
        }
        let writes = command.spec.is_write() || command.spec.reach == Reach::Transaction;
        if writes && self.poll_room(worker, session, waker) {
            return Step::Parked;
        }
        // A command that counts its words itself may have been called without the key.
        let own = command.single_key.and_then(|at| args.get(at));
        let own = own.map(|key| (*key, self.keyspace.place(key)));
        let scope = match (session.pending.scope.take(), own) {
            (Some(scope), _) => scope,
            (None, Some((_, place))) => Scope::Shards(ShardSet::one(place.shard)),
            (None, None) => self.scope(session, command, args),
        };
        let Some(held) = self.hold_for(worker, session, command, scope, waker) else {
            return Step::Parked;
        };
        let mut space = Space::new(self, worker, held, session.db);
        if let Some((key, place)) = own {
            space = space.about(key, place);
        }
        self.run(session, command, args, space, reply)
    }

    /// Waits for room in what follows writes: the effects log, and a snapshot. True when the
    /// caller has to wait.
    #[inline]
    fn poll_room(&self, worker: &Worker, session: &mut Session, waker: &Waker) -> bool {
        let (wait, snapshots) = (&mut session.pending.wait, &self.keyspace.snapshots);
        if self.effects.is_full() {
            self.end_turn(worker);
            if wait.poll_room(&self.effects, waker) {
                return true;
            }
        }
        if snapshots.is_full() {
            self.end_turn(worker);
            return wait.poll_snapshot(snapshots, waker);
        }
        false
    }

    /// Finds the command and checks whether the session may run it now.
    fn admit(
        &self,
        worker: &Worker,
        session: &mut Session,
        args: &[&[u8]],
    ) -> Result<&'static Command, CmdError> {
        let resolved = self.resolve(args).inspect_err(|_| {
            if let Some(command) = self.named(args) {
                worker.counters.reject(command.id);
            }
        });
        let result = resolved.and_then(|command| {
            self.check(worker, session, command, args).inspect_err(|_| {
                worker.counters.reject(command.id);
            })?;
            Ok(command)
        });
        let Err(error) = result else { return result };
        if args[0].eq_ignore_ascii_case(b"exec") {
            // An EXEC that cannot run ends the transaction all the same.
            session.multi = None;
            session.watch.clear();
            // A code of its own stays.
            let reason = error.text().strip_prefix("ERR ").unwrap_or(error.text());
            let text = format!("EXECABORT Transaction discarded because of: {reason}");
            return Err(CmdError::new(text));
        }
        if let Some(multi) = &mut session.multi {
            multi.broken = true;
        }
        Err(error)
    }

    /// The command or subcommand that these words name, their number checked.
    ///
    /// # Errors
    /// The reply for an unknown command or a wrong number of arguments.
    pub fn resolve(&self, args: &[&[u8]]) -> Result<&'static Command, CmdError> {
        let Some(mut command) = self.registry.get(args[0]) else { return Err(unknown(args)) };
        if let (false, Some(name)) = (command.subcommands.is_empty(), args.get(1)) {
            command = command.subcommand(name).ok_or_else(|| {
                let text = CmdError::shown(name);
                let container = command.spec.name.to_uppercase();
                CmdError::new(format!(
                    "ERR unknown subcommand '{text:.128}'. Try {container} HELP."
                ))
            })?;
        }
        if command.spec.takes(args.len()) {
            Ok(command)
        } else {
            Err(CmdError::arity(&command.name))
        }
    }

    /// The command or subcommand that these words name, whatever their number.
    #[cold]
    pub fn named(&self, args: &[&[u8]]) -> Option<&'static Command> {
        let command = self.registry.get(args.first()?)?;
        match args.get(1) {
            Some(name) if !command.subcommands.is_empty() => command.subcommand(name),
            _ => Some(command),
        }
    }

    fn check(
        &self,
        worker: &Worker,
        session: &Session,
        command: &Command,
        args: &[&[u8]],
    ) -> Result<(), CmdError> {
        if worker.replays() {
            // What is in a log was allowed when it was logged.
            return Ok(());
        }
        if let Some(host) = self.host() {
            host.authorize(session, command, args)?;
        }
        let memory = self.tuning.maxmemory.load(Ordering::Relaxed);
        if memory != 0 && !self.make_room(worker) && command.spec.flags.any(Flags::DENYOOM) {
            return Err(CmdError::OOM);
        }
        Ok(())
    }

    /// The shards that a command needs before it can start.
    fn scope(&self, session: &Session, command: &Command, args: &[&[u8]]) -> Scope {
        match command.spec.reach {
            Reach::Keys => {
                let mut shards = ShardSet::new();
                add_shards(command, args, &mut shards);
                Scope::Shards(shards)
            }
            Reach::All => Scope::All,
            Reach::Steps => Scope::Shards(ShardSet::new()),
            Reach::Transaction => super::exec::scope(session),
        }
    }

    /// Locks what the command needs, and what the blocked clients need whom it might serve.
    fn hold_for(
        &self,
        worker: &Worker,
        session: &mut Session,
        command: &Command,
        mut scope: Scope,
        waker: &Waker,
    ) -> Option<Held<'_>> {
        let may_serve = command.spec.is_write() || command.spec.reach == Reach::Transaction;
        loop {
            let Some(held) =
                self.poll_hold(worker, session.id, &mut session.pending.wait, &scope, waker)
            else {
                session.pending.scope = Some(scope);
                return None;
            };
            match if may_serve { serve::wider(&held) } else { None } {
                None => return Some(held),
                Some(wider) => scope = Scope::Shards(wider),
            }
        }
    }

    pub(crate) fn poll_hold(
        &self,
        worker: &Worker,
        token: u64,
        wait: &mut Wait,
        scope: &Scope,
        waker: &Waker,
    ) -> Option<Held<'_>> {
        let cells = &self.keyspace.cells;
        match scope {
            Scope::Shards(shards) if shards.is_empty() => {
                self.let_go(worker);
                Some(cells.hold_nothing())
            }
            Scope::Shards(shards) => {
                while !self.enter(worker) {
                    if cells.poll_gate(wait, waker) {
                        return None;
                    }
                }
                if let Some(held) = self.resume(worker, shards) {
                    return Some(held);
                }
                worker.kept_for.set(0);
                cells.poll_hold(shards, wait, waker)
            }
            Scope::All => {
                self.end_turn(worker);
                cells.poll_hold_all(token, wait, waker)
            }
        }
    }

    /// Raises the thread's flag, or looks at the gate if it is up already.
    #[inline]
    pub(crate) fn enter(&self, worker: &Worker) -> bool {
        if worker.active.get() {
            if !self.keyspace.cells.gate().is_closed() {
                return true;
            }
            self.end_turn(worker);
            return false;
        }
        let open = self.keyspace.cells.enter(&worker.participant);
        worker.active.set(open);
        open
    }

    /// Runs a command whose shards are held.
    fn run(
        &self,
        session: &mut Session,
        command: &'static Command,
        args: &[&[u8]],
        mut space: Space<'_>,
        reply: &mut Reply,
    ) -> Step {
        let worker = space.worker();
        let start = worker.clock.get();
        let from = *session.pending.reply_start.get_or_insert(reply.len());
        let step = session.pending.step.take();
        let mode = if worker.replays() { Mode::Replay } else { Mode::Client };
        let result = invoke(&mut space, session, command, args, reply, mode, step);
        let failed = result.is_err();
        let step = match result {
            Ok(flow) => settle(&mut space, session, command, args, reply, from, flow),
            Err(error) => {
                worker.counters.error(error.text());
                reply.truncate(from);
                reply.error(error.text());
                Step::Done
            }
        };
        if !matches!(step, Step::Again) {
            session.pending.reply_start = None;
            // A job leaves the next step itself.
            session.pending.step = None;
        }
        conclude(&mut space, session);
        if session.tracks
            && let Some(host) = self.host()
        {
            host.track(session, command, args, None);
        }
        // The next command of a pipeline is often about the same key. Otherwise the lock would go
        // to another thread and back for each of them.
        if matches!(step, Step::Done) && command.single_key.is_some() && !space.held().owns_all() {
            worker.kept.set(Some(space.end_and_keep()));
        } else {
            space.end();
        }
        let end = clock::now_nanos();
        worker.clock.set(end);
        let before = std::mem::take(&mut session.pending.spent);
        let nanos = end.saturating_sub(start).saturating_add(before);
        let replied = reply.len().saturating_sub(from);
        let seen = Observed { command, args, nanos, replied, moment: Moment::Ran };
        match step {
            Step::Again | Step::Offload(_) => session.pending.spent = nanos,
            // It is counted when it has its reply.
            Step::Blocked => self.observe(session, &Observed { moment: Moment::Blocked, ..seen }),
            _ => self.account(worker, session, &seen, failed),
        }
        step
    }

    /// Counts a command that has run.
    #[inline]
    pub(super) fn account(
        &self,
        worker: &Worker,
        session: &Session,
        seen: &Observed<'_>,
        failed: bool,
    ) {
        worker.counters.call(seen.command.id, seen.nanos, failed);
        if self.tuning.times_commands.load(Ordering::Relaxed) {
            worker.counters.time(seen.command.id, seen.nanos);
        }
        self.observe(session, seen);
    }

    /// Tells the host of a command, if it wants to know of those that take as long.
    #[inline]
    fn observe(&self, session: &Session, seen: &Observed<'_>) {
        if seen.nanos >= self.tuning.observe_above.load(Ordering::Relaxed)
            && let Some(host) = self.host()
        {
            host.observe(session, seen);
        }
    }

    /// Ends a blocked command from its own side: its time is up, or CLIENT UNBLOCK said so. Ready
    /// with the reply for the time-out, or with `None` when a write had served it: its reply then
    /// comes by mailbox. Pending while the shards of its keys are busy.
    pub fn poll_unblock(
        &self,
        worker: &Worker,
        session: &mut Session,
        waker: &Waker,
    ) -> Poll<Option<Vec<u8>>> {
        let token = session.id;
        let Some(blocked) = &mut session.blocked else { return Poll::Ready(None) };
        let waiter = std::sync::Arc::clone(&blocked.waiter);
        let shards = waiter.keys.iter().map(|key| shard_of(key)).collect();
        let Some(mut held) =
            self.poll_hold(worker, token, &mut blocked.wait, &Scope::Shards(shards), waker)
        else {
            return Poll::Pending;
        };
        let won = waiter.end(WaitState::Ended);
        serve::leave_queues(&mut held, &waiter);
        if !won {
            return Poll::Ready(None);
        }
        drop(held);
        let args = words(&waiter.args);
        let (command, moment) = (waiter.command, Moment::Unblocked);
        let seen = Observed { command, args: &args, nanos: 0, replied: 0, moment };
        self.account(worker, session, &seen, false);
        Poll::Ready(session.blocked.take().map(|b| b.block.timeout_reply))
    }

    /// Tries the session's blocked command again, which time alone may serve: its reply comes by
    /// mailbox then. Pending while its shards are not free; otherwise when to try next.
    pub fn poll_retry(
        &self,
        worker: &Worker,
        session: &mut Session,
        waker: &Waker,
    ) -> Poll<Option<i64>> {
        let token = session.id;
        let Some(blocked) = &mut session.blocked else { return Poll::Ready(None) };
        let waiter = std::sync::Arc::clone(&blocked.waiter);
        let shards = waiter.keys.iter().map(|key| shard_of(key)).collect();
        let Some(held) =
            self.poll_hold(worker, token, &mut blocked.wait, &Scope::Shards(shards), waker)
        else {
            return Poll::Pending;
        };
        let mut space = Space::new(self, worker, held, waiter.db);
        let served = !waiter.is_waiting() || serve::serve_one(&mut space, &waiter);
        conclude(&mut space, &mut Session::new(0, Box::new(())));
        space.end();
        Poll::Ready(waiter.retry().filter(|_| !served))
    }

    /// Gives up whatever the session was waiting for. To be called when its connection ends.
    pub fn abandon(&self, session: &mut Session) {
        if let Some(blocked) = session.blocked.take() {
            blocked.waiter.end(WaitState::Ended);
        }
        self.keyspace.cells.abandon(session.id, &mut session.pending.wait);
        session.pending = Default::default();
        session.multi = None;
        session.watch.clear();
    }

    /// Runs `work` with these shards held, on behalf of a background task such as active expiry,
    /// if they are free at once; `None` otherwise.
    pub fn try_with<R>(
        &self,
        worker: &Worker,
        shard: u16,
        work: impl FnOnce(&mut Space<'_>) -> R,
    ) -> Option<R> {
        self.let_go(worker);
        if !self.enter(worker) {
            return None;
        }
        let shards = ShardSet::one(shard);
        let held = self.keyspace.cells.try_hold(&shards, &Default::default()).ok()?;
        worker.read_clock();
        let mut space = Space::new(self, worker, held, 0);
        let result = work(&mut space);
        // Keys that expired, of which the next command's shards know nothing.
        tell_modules(&mut space);
        let mut session = Session::new(0, Box::new(()));
        conclude(&mut space, &mut session);
        space.end();
        Some(result)
    }
}

/// Calls the handler, catches its panic, states its effect and tells the modules.
pub(super) fn invoke(
    space: &mut Space<'_>,
    session: &mut Session,
    command: &'static Command,
    args: &[&[u8]],
    reply: &mut Reply,
    mode: Mode,
    step: Option<Box<dyn std::any::Any + Send>>,
) -> Result<Flow, CmdError> {
    space.dirty = 0;
    space.stated = false;
    space.only_hides = false;
    if space.db() != session.db {
        space.select(session.db);
    }
    let db = session.db;
    let mut ctx = Ctx { space, session, reply, command, mode, step };
    let caught = catch_unwind(AssertUnwindSafe(|| (command.spec.handler)(&mut ctx, args)));
    let Ctx { space, session, step, .. } = ctx;
    session.pending.step = step;
    let result = match caught {
        Ok(result) => result,
        Err(panic) => Err(recover(space, db, command, args, &*panic)),
    };
    if space.dirty > 0 {
        space.worker().counters.changed(space.dirty);
    }
    if space.dirty > 0
        && !space.stated
        && command.spec.is_write()
        && space.engine().effects.is_active()
    {
        space.after.effects.push(db, args);
    }
    // EXEC comes here after its commands: theirs are counted.
    space.dirty = 0;
    tell_modules(space);
    result
}

fn tell_modules(space: &mut Space<'_>) {
    if space.after.touched.is_empty() {
        return;
    }
    let touched = std::mem::take(&mut space.after.touched);
    for (db, key) in touched {
        space.within(db, |space| {
            for module in space.engine().modules.iter() {
                module.key_changed(space, db, &key);
            }
        });
    }
}

/// After a panic: logs the keys that the command held as they now stand, has modules look at them
/// again, and makes the error that the client gets.
#[cold]
fn recover(
    space: &mut Space<'_>,
    db: usize,
    command: &Command,
    args: &[&[u8]],
    panic: &(dyn std::any::Any + Send),
) -> CmdError {
    let error = aborted(space.engine(), command, panic_text(panic));
    space.no_effect();
    if command.spec.is_write() {
        space.select(db);
        let mut at = Vec::new();
        keys::positions(command.spec, args, &mut at);
        for key in at.into_iter().filter_map(|i| args.get(i)) {
            log_whole(space, key);
            space.touch(key);
        }
    }
    error
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Warns of a command that panicked, and makes the error that its client gets.
#[cold]
pub(super) fn aborted(engine: &Engine, command: &Command, panic: &str) -> CmdError {
    if let Some(host) = engine.host() {
        host.warn(&format!("command '{}' panicked and was aborted: {panic}", command.name));
    }
    CmdError::new(format!("ERR internal error: command '{}' was aborted", command.name))
}

/// Logs a key as it stands: its removal, then what makes it anew.
fn log_whole(space: &mut Space<'_>, key: &[u8]) {
    let mut commands: Vec<Vec<Vec<u8>>> = vec![vec![b"DEL".to_vec(), key.to_vec()]];
    if let Some(entry) = space.peek(key) {
        match entry.value() {
            ValueRef::Bytes(b) => commands.push(vec![b"SET".to_vec(), key.to_vec(), b.to_vec()]),
            ValueRef::Int(n) => {
                commands.push(vec![b"SET".to_vec(), key.to_vec(), n.to_string().into_bytes()]);
            }
            ValueRef::Object(object) => object.rebuild(key, &mut |words| {
                commands.push(words.iter().map(|w| w.to_vec()).collect());
            }),
        }
        if let Some(at) = entry.expiry() {
            let at = at.to_string().into_bytes();
            commands.push(vec![b"PEXPIREAT".to_vec(), key.to_vec(), at]);
        }
    }
    for command in &commands {
        let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        space.effect(&words);
    }
}

/// Turns what the handler decided into a step.
fn settle(
    space: &mut Space<'_>,
    session: &mut Session,
    command: &'static Command,
    args: &[&[u8]],
    reply: &mut Reply,
    from: usize,
    flow: Flow,
) -> Step {
    match flow {
        Flow::Done => Step::Done,
        Flow::Again(scope) => {
            session.pending.scope = Some(scope);
            Step::Again
        }
        Flow::Offload(job) => Step::Offload(job),
        Flow::Block(mut block) => {
            reply.truncate(from);
            let Some(mailbox) = session.mailbox.clone() else {
                reply.raw(&block.timeout_reply);
                return Step::Done;
            };
            let mut at = Vec::new();
            keys::positions(command.spec, args, &mut at);
            let waiter = Waiter::new(WaiterSeed {
                session: session.id,
                proto: session.proto,
                db: session.db,
                command,
                args: block
                    .words
                    .take()
                    .unwrap_or_else(|| args.iter().map(|a| Box::from(*a)).collect()),
                keys: at.into_iter().map(|i| Box::from(args[i])).collect(),
                on: block.on.clone(),
                mailbox,
                retry: block.retry,
            });
            for key in &block.on {
                space.shard_mut(shard_of(key)).queues.push(session.db, key, &waiter);
            }
            session.blocked = Some(Blocked { waiter, block, wait: Wait::default() });
            Step::Blocked
        }
    }
}

/// The end of a critical section: logs the effects, serves who waited, hands out what came of it.
fn conclude(space: &mut Space<'_>, session: &mut Session) {
    let effects = &space.engine().effects;
    commit(space);
    if space.worker().replays() {
        // What a log replays has been there all along.
        space.after.ready.clear();
    } else if !space.after.ready.is_empty() {
        serve::serve(space);
    }
    // The end of the log changes all the time on other threads; most commands need not know it.
    if effects.is_durable() && !(effects.is_broken() && space.held().is_nothing()) {
        session.offset = effects.end();
    }
    // A client has its reply before it hears of what that did to the keys that it caches.
    if !space.after.deliveries.is_empty() {
        for (mailbox, bytes) in std::mem::take(&mut space.after.deliveries) {
            mailbox.deliver(bytes, effects.end());
        }
    }
    if !space.after.events.is_empty() {
        let events = std::mem::take(&mut space.after.events);
        if let Some(host) = space.engine().host() {
            host.publish(session, &events, effects.end());
        }
    }
}

/// Appends the effects so far to the log.
pub(super) fn commit(space: &mut Space<'_>) {
    let engine = space.engine();
    let effects = &mut space.after.effects;
    if !effects.is_empty() {
        engine.effects.append(effects);
        effects.clear();
    }
}

/// Queues a command for EXEC.
fn enqueue(
    session: &mut Session,
    command: &'static Command,
    args: &[&[u8]],
) -> Result<(), CmdError> {
    let Some(multi) = &mut session.multi else { return Ok(()) };
    if command.spec.flags.has(Flags::NO_MULTI) {
        multi.broken = true;
        return Err(CmdError::fixed("ERR Command not allowed inside a transaction"));
    }
    multi.bytes += args.iter().map(|a| a.len() + size_of::<Box<[u8]>>()).sum::<usize>();
    multi.queue.push(Queued { command, args: args.iter().map(|a| Box::from(*a)).collect() });
    Ok(())
}

/// Adds the shards of a command's keys.
pub(super) fn add_shards(command: &Command, args: &[&[u8]], shards: &mut ShardSet) {
    let mut at = Vec::new();
    keys::positions(command.spec, args, &mut at);
    shards.extend(at.into_iter().filter_map(|i| args.get(i)).map(|key| shard_of(key)));
}

/// The longest part of an unknown command's words that its error repeats.
const ECHO_MAX: usize = 128;

#[cold]
fn unknown(args: &[&[u8]]) -> CmdError {
    let mut shown = String::new();
    for arg in &args[1..] {
        if shown.len() >= ECHO_MAX {
            break;
        }
        let text = CmdError::shown(arg);
        let room = ECHO_MAX - shown.len();
        shown.push_str(&format!("'{}' ", text.chars().take(room).collect::<String>()));
    }
    let name: String = CmdError::shown(args[0]).chars().take(ECHO_MAX).collect();
    CmdError::new(format!("ERR unknown command '{name}', with args beginning with: {shown}"))
}

/// The words of a command that was kept.
pub(super) fn words(args: &[Box<[u8]>]) -> SmallVec<[&[u8]; 8]> {
    args.iter().map(|a| &**a).collect()
}
