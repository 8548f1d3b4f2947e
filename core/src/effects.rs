//! The effects log: one order of all writes, in the form of the replication stream.
//!
//! Every write appends its deterministic effect while it holds its shards, so the log's order is
//! the order in which the data changed. The form is the replication stream itself (RESP commands,
//! SELECT where the database changes, MULTI and EXEC around a transaction), addressed by byte
//! offsets, kept in a ring of bounded size. AOF and replicas are readers of the ring.
//!
//! A *lossless* reader (an AOF) must see every byte: while it lags by half a ring, writers park,
//! and what is larger than the room that is left makes the ring grow until it has been read.
//! Other readers that lag too far are told so and must start over from a snapshot.
//!
//! While the log is *durable* ([`EffectsLog::set_durable`]), no reply may leave before
//! [`EffectsLog::acknowledge`] has covered the offset that its execution saw. If that can't be
//! ([`EffectsLog::set_broken`]), it never leaves. Whoever acknowledges says what is durable: on
//! disk, or with the system, which a crash of the process does not undo.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use crate::lock::{Line, Ticket};

/// The smallest ring: the smallest `repl-backlog-size` that Redis accepts.
pub const RING_MIN: usize = 16 * 1024;

/// The effects of one command or transaction, encoded, on their way into the log.
#[derive(Default)]
pub struct Effects {
    bytes: Vec<u8>,
    /// Each effect's database and where its bytes end.
    parts: Vec<(usize, usize)>,
}

impl Effects {
    /// Adds a command.
    pub fn push(&mut self, db: usize, args: &[&[u8]]) {
        encode(&mut self.bytes, args);
        self.parts.push((db, self.bytes.len()));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Forgets them, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.parts.clear();
        self.bytes.shrink_to(64 * 1024);
    }
}

/// Writes a command as a RESP array of bulk strings.
pub fn encode(out: &mut Vec<u8>, args: &[&[u8]]) {
    let mut number = itoa::Buffer::new();
    let mut head = |out: &mut Vec<u8>, mark: u8, n: usize| {
        out.push(mark);
        out.extend_from_slice(number.format(n).as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    head(out, b'*', args.len());
    for arg in args {
        head(out, b'$', arg.len());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// A reader asked for an offset that the ring no longer, or not yet, holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("effects log: offset {asked} is outside of the ring, which holds {first} to {end}")]
pub struct OutOfRing {
    /// The offset asked for.
    pub asked: u64,
    /// The first offset held.
    pub first: u64,
    /// The offset behind the last byte.
    pub end: u64,
}

/// What a reply tells of could not be made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("effects log: what the reply tells of could not be made durable")]
pub struct NotDurable;

struct Ring {
    buf: Box<[u8]>,
    /// How large `buf` is to be when nothing needs more.
    size: usize,
    /// Offset of the oldest byte held.
    first: u64,
    end: u64,
    /// The database that the stream last selected; none at the start, so that the first effect
    /// selects one.
    db: Option<usize>,
    /// What the lossless readers have yet to read begins here.
    keep: Vec<Arc<AtomicU64>>,
    /// How many readers there are.
    readers: usize,
    /// Whether writes are to be logged for them.
    enabled: bool,
}

impl Ring {
    fn put(&mut self, bytes: &[u8]) {
        self.grow_for(bytes.len());
        self.write(bytes);
    }

    fn write(&mut self, bytes: &[u8]) {
        let size = self.buf.len();
        // More than the ring holds, and nobody has to see it all: only the tail survives.
        let skipped = bytes.len().saturating_sub(size);
        let tail = &bytes[skipped..];
        let at = ((self.end + skipped as u64) % size as u64) as usize;
        let first = tail.len().min(size - at);
        self.buf[at..at + first].copy_from_slice(&tail[..first]);
        self.buf[..tail.len() - first].copy_from_slice(&tail[first..]);
        self.end += bytes.len() as u64;
        self.first = self.first.max(self.end.saturating_sub(size as u64));
    }

    fn copy(&self, from: u64, len: usize, out: &mut Vec<u8>) {
        let size = self.buf.len();
        let at = (from % size as u64) as usize;
        let first = len.min(size - at);
        out.extend_from_slice(&self.buf[at..at + first]);
        out.extend_from_slice(&self.buf[..len - first]);
    }

    /// Makes room for so many bytes if a lossless reader needs it. Growth at least doubles, so
    /// that copying costs each byte little.
    fn grow_for(&mut self, len: usize) {
        let Some(lag) = self.lag() else { return };
        let needed = usize::try_from(lag).unwrap_or(usize::MAX).saturating_add(len);
        if needed > self.buf.len() {
            self.resize(needed.max(self.buf.len() * 2));
        }
    }

    /// Gives back what a burst needed, once lossless readers have no need of it.
    fn shrink(&mut self) {
        if self.buf.len() > self.size && self.lag().unwrap_or(0) <= self.size as u64 / 4 {
            self.resize(self.size);
        }
    }

    /// Whether lossless readers lag by more than this part of the ring.
    fn lags_by(&self, divisor: u64) -> bool {
        self.lag().is_some_and(|lag| lag > self.size as u64 / divisor)
    }

    fn resize(&mut self, size: usize) {
        let held = ((self.end - self.first) as usize).min(size);
        let mut bytes = Vec::with_capacity(held);
        self.copy(self.end - held as u64, held, &mut bytes);
        self.buf = vec![0; size].into_boxed_slice();
        self.end -= held as u64;
        self.first = self.end;
        self.write(&bytes);
    }

    /// How far the slowest lossless reader lags, if there is any.
    fn lag(&self) -> Option<u64> {
        let read = self.keep.iter().map(|at| at.load(Ordering::Acquire)).min();
        read.map(|at| self.end - at)
    }
}

/// What every write changes, in cache lines of its own: what commands only look at stays in
/// every processor's cache.
#[repr(align(128))]
struct Head {
    ring: Mutex<Ring>,
    /// The ring's end, for those who need not lock it. Changes under the lock.
    end: AtomicU64,
}

/// Replies that wait until their offset is acknowledged.
#[derive(Default)]
struct Waiting {
    replies: Vec<(u64, Waker)>,
    /// Who acknowledges.
    keeper: Option<Waker>,
}

/// The log.
#[repr(align(128))]
pub struct EffectsLog {
    head: Head,
    /// Whether anybody reads the log; otherwise writes skip it, which is a twentieth of the time
    /// of a pipelined SET.
    active: AtomicBool,
    /// Whether a lossless reader lags by more than the ring can take.
    full: AtomicBool,
    room: Arc<Line>,
    /// Whether replies wait for `acknowledged`.
    durable: AtomicBool,
    /// Whether what is not acknowledged can't become so for the time being.
    broken: AtomicBool,
    acknowledged: AtomicU64,
    waiting: Mutex<Waiting>,
    /// Readers that wait for more.
    readers: Arc<Line>,
}

impl EffectsLog {
    /// A log that nobody reads yet, with a ring of `size` bytes (at least [`RING_MIN`]).
    pub fn new(size: usize) -> Self {
        let size = size.max(RING_MIN);
        let ring = Ring {
            buf: vec![0; size].into_boxed_slice(),
            size,
            first: 0,
            end: 0,
            db: None,
            keep: Vec::new(),
            readers: 0,
            enabled: true,
        };
        Self {
            head: Head { ring: Mutex::new(ring), end: AtomicU64::new(0) },
            active: AtomicBool::new(false),
            full: AtomicBool::new(false),
            room: Arc::default(),
            durable: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            waiting: Mutex::default(),
            readers: Arc::default(),
        }
    }

    /// Turns logging on (as it is at first) or off, whoever reads.
    pub fn set_enabled(&self, enabled: bool) {
        let mut ring = self.ring();
        ring.enabled = enabled;
        self.follow(&ring);
    }

    fn follow(&self, ring: &Ring) {
        self.active.store(ring.enabled && ring.readers > 0, Ordering::Release);
    }

    /// Whether writes are logged: somebody reads the log.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Changes the size of the ring; what fits of its contents stays, and what lossless readers
    /// have yet to read.
    pub fn resize(&self, size: usize) {
        let mut ring = self.ring();
        ring.size = size.max(RING_MIN);
        let unread = ring.lag().unwrap_or(0);
        let size = ring.size.max(usize::try_from(unread).unwrap_or(usize::MAX));
        ring.resize(size);
    }

    /// The size of the ring, in bytes, when no burst has made it larger.
    pub fn size(&self) -> usize {
        self.ring().size
    }

    /// The offsets of the bytes that are held.
    pub fn kept(&self) -> std::ops::Range<u64> {
        let ring = self.ring();
        ring.first..ring.end
    }

    /// Has the next effect select its database, since what follows will be read on its own.
    pub fn select_again(&self) {
        self.ring().db = None;
    }

    /// The offset behind the last byte written.
    #[inline]
    pub fn end(&self) -> u64 {
        self.head.end.load(Ordering::Acquire)
    }

    /// Appends the effects of one command or transaction and returns the new end. The caller
    /// holds the shards that were changed.
    pub fn append(&self, effects: &Effects) -> u64 {
        let mut ring = self.ring();
        let wrap = effects.len() > 1;
        let mut start = 0;
        for (i, &(db, end)) in effects.parts.iter().enumerate() {
            if ring.db != Some(db) {
                ring.db = Some(db);
                let mut select = Vec::with_capacity(32);
                encode(&mut select, &[b"SELECT", itoa::Buffer::new().format(db).as_bytes()]);
                ring.put(&select);
            }
            if wrap && i == 0 {
                ring.put(b"*1\r\n$5\r\nMULTI\r\n");
            }
            ring.put(&effects.bytes[start..end]);
            start = end;
        }
        if wrap {
            ring.put(b"*1\r\n$4\r\nEXEC\r\n");
        }
        let end = ring.end;
        self.head.end.store(end, Ordering::Release);
        if ring.lags_by(2) {
            self.full.store(true, Ordering::SeqCst);
        }
        drop(ring);
        if !self.readers.is_empty() {
            self.readers.wake_all();
        }
        end
    }

    /// Whether a write must wait because a lossless reader lags: the one load that a write makes.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Waits for room. True when the caller has to wait; `waker` is then called.
    pub fn poll_room(&self, place: &mut Option<Ticket>, waker: &Waker) -> bool {
        match place {
            Some(ticket) if Arc::ptr_eq(ticket.line(), &self.room) => ticket.again(waker),
            _ => *place = Some(Ticket::take(&self.room, waker)),
        }
        if self.full.load(Ordering::SeqCst) {
            return true;
        }
        *place = None;
        false
    }

    /// A reader from the present end on. A lossless one keeps writers from overtaking it.
    ///
    /// If it is the first reader, writes that are under way are not logged for it: let there be
    /// none, behind the gate or before clients are served.
    pub fn reader(self: &Arc<Self>, lossless: bool) -> Reader {
        let mut ring = self.ring();
        let at = Arc::new(AtomicU64::new(ring.end));
        if lossless {
            ring.keep.push(Arc::clone(&at));
        }
        ring.db = None;
        ring.readers += 1;
        self.follow(&ring);
        Reader { log: Arc::clone(self), at }
    }

    /// Makes replies wait for acknowledgement, or no longer. Whoever turns it on acknowledges
    /// what is safe already.
    pub fn set_durable(&self, durable: bool) {
        self.durable.store(durable, Ordering::Release);
        if !durable {
            self.release(u64::MAX);
        }
    }

    /// Whether replies wait for acknowledgement.
    #[inline]
    pub fn is_durable(&self) -> bool {
        self.durable.load(Ordering::Acquire)
    }

    /// Says that all bytes before `offset` are safe, and lets go the replies that waited for it.
    pub fn acknowledge(&self, offset: u64) {
        self.acknowledged.fetch_max(offset, Ordering::AcqRel);
        self.release(offset);
    }

    /// Says whether what is not acknowledged is lost: a write to disk failed. Replies that wait
    /// are then told so.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
        if broken {
            self.release(u64::MAX);
        }
    }

    /// Whether what is not acknowledged is lost.
    #[inline]
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Whether a reply that saw `offset` may leave; while that is open, `waker` is called when it
    /// may have changed.
    ///
    /// # Errors
    /// It may not, now or ever: its connection is to be closed.
    pub fn poll_acknowledged(&self, offset: u64, waker: &Waker) -> Poll<Result<(), NotDurable>> {
        let mut waiting = lock(&self.waiting);
        // Asked under the lock: `release` takes it after raising the mark.
        let standing = self.standing(offset);
        if standing.is_pending() {
            // Those who come later are seen by whoever was told of the first.
            if waiting.replies.is_empty()
                && let Some(keeper) = &waiting.keeper
            {
                keeper.wake_by_ref();
            }
            waiting.replies.push((offset, waker.clone()));
        }
        standing
    }

    /// Whether a reply that saw `offset` may leave, pending while that is open.
    ///
    /// # Errors
    /// As [`EffectsLog::poll_acknowledged`].
    #[inline]
    pub fn standing(&self, offset: u64) -> Poll<Result<(), NotDurable>> {
        if !self.is_durable() || self.acknowledged.load(Ordering::Acquire) >= offset {
            return Poll::Ready(Ok(()));
        }
        match self.broken.load(Ordering::SeqCst) {
            true => Poll::Ready(Err(NotDurable)),
            false => Poll::Pending,
        }
    }

    /// Has `waker` called when the first reply waits.
    pub fn set_keeper(&self, waker: &Waker) {
        lock(&self.waiting).keeper = Some(waker.clone());
    }

    /// Whether replies wait.
    pub fn has_waiting(&self) -> bool {
        !lock(&self.waiting).replies.is_empty()
    }

    fn release(&self, offset: u64) {
        let mut ready = Vec::new();
        lock(&self.waiting).replies.retain(|(at, waker)| {
            let done = *at <= offset;
            if done {
                ready.push(waker.clone());
            }
            !done
        });
        ready.into_iter().for_each(Waker::wake);
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.head.ring)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A position in the log from which bytes are read.
pub struct Reader {
    log: Arc<EffectsLog>,
    at: Arc<AtomicU64>,
}

impl Reader {
    /// The offset of the next byte to read.
    pub fn offset(&self) -> u64 {
        self.at.load(Ordering::Acquire)
    }

    /// Appends up to `max` bytes to `out` and moves on.
    ///
    /// # Errors
    /// When the ring no longer holds the next byte.
    pub fn read(&mut self, max: usize, out: &mut Vec<u8>) -> Result<usize, OutOfRing> {
        let mut ring = self.log.ring();
        let at = self.offset();
        if at < ring.first {
            return Err(OutOfRing { asked: at, first: ring.first, end: ring.end });
        }
        let len = usize::try_from(ring.end - at).unwrap_or(usize::MAX).min(max);
        ring.copy(at, len, out);
        self.at.store(at + len as u64, Ordering::Release);
        ring.shrink();
        let relieved = !ring.lags_by(4);
        drop(ring);
        if relieved && self.log.full.swap(false, Ordering::SeqCst) {
            self.log.room.wake_all();
        }
        Ok(len)
    }

    /// Waits for bytes to read. True when there are some; otherwise `waker` is called.
    pub fn poll(&self, place: &mut Option<Ticket>, waker: &Waker) -> bool {
        match place {
            Some(ticket) => ticket.again(waker),
            None => *place = Some(Ticket::take(&self.log.readers, waker)),
        }
        // Under the lock: an append that this does not see will see the place in line.
        self.log.ring().end > self.offset()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut ring = self.log.ring();
        ring.keep.retain(|at| !Arc::ptr_eq(at, &self.at));
        ring.readers -= 1;
        self.log.follow(&ring);
        ring.shrink();
        drop(ring);
        if self.log.full.swap(false, Ordering::SeqCst) {
            self.log.room.wake_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log() -> Arc<EffectsLog> {
        Arc::new(EffectsLog::new(RING_MIN))
    }

    fn one(db: usize, args: &[&[u8]]) -> Effects {
        let mut effects = Effects::default();
        effects.push(db, args);
        effects
    }

    #[test]
    fn the_stream_selects_databases_and_wraps_transactions() {
        let log = log();
        let mut reader = log.reader(true);
        log.append(&one(3, &[b"SET", b"a", b"1"]));
        log.append(&one(3, &[b"DEL", b"a"]));
        let mut both = one(3, &[b"DEL", b"b"]);
        both.push(0, &[b"DEL", b"c"]);
        log.append(&both);
        let mut bytes = Vec::new();
        reader.read(usize::MAX, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap().replace("\r\n", " ");
        assert_eq!(
            text,
            "*2 $6 SELECT $1 3 *3 $3 SET $1 a $1 1 *2 $3 DEL $1 a *1 $5 MULTI *2 $3 DEL $1 b \
             *2 $6 SELECT $1 0 *2 $3 DEL $1 c *1 $4 EXEC "
        );
    }

    #[test]
    fn a_reader_that_lags_is_told_so() {
        let log = log();
        let mut reader = log.reader(false);
        log.append(&one(0, &[b"SET", b"k", &[b'x'; RING_MIN]]));
        assert!(reader.read(10, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_lossless_reader_holds_writers_up_until_it_has_read() {
        let log = log();
        let mut reader = log.reader(true);
        log.append(&one(0, &[b"SET", b"k", &[b'x'; RING_MIN * 3 / 4]]));
        assert!(log.is_full());
        let mut place = None;
        assert!(log.poll_room(&mut place, Waker::noop()));
        reader.read(usize::MAX, &mut Vec::new()).unwrap();
        assert!(!log.is_full());
        assert!(!log.poll_room(&mut place, Waker::noop()));
    }

    #[test]
    fn a_reply_waits_for_its_offset_and_no_longer() {
        let log = log();
        log.set_durable(true);
        let end = log.append(&one(0, &[b"SET", b"k", b"v"]));
        assert!(log.poll_acknowledged(end, Waker::noop()).is_pending());
        log.acknowledge(end - 1);
        assert!(log.poll_acknowledged(end, Waker::noop()).is_pending());
        log.acknowledge(end);
        assert_eq!(log.poll_acknowledged(end, Waker::noop()), Poll::Ready(Ok(())));
    }

    #[test]
    fn the_keeper_hears_of_the_first_reply_that_waits() {
        struct Count(AtomicU64);
        impl std::task::Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let log = log();
        log.set_durable(true);
        let count = Arc::new(Count(AtomicU64::new(0)));
        log.set_keeper(&Waker::from(Arc::clone(&count)));
        for told in 1..3 {
            let end = log.append(&one(0, &[b"SET", b"k", b"v"]));
            for _ in 0..2 {
                assert!(log.poll_acknowledged(end, Waker::noop()).is_pending());
                assert_eq!(count.0.load(Ordering::SeqCst), told);
            }
            assert!(log.has_waiting());
            log.acknowledge(end);
            assert!(!log.has_waiting());
        }
    }

    #[test]
    fn a_reply_that_cannot_become_durable_never_leaves() {
        let log = log();
        log.set_durable(true);
        let safe = log.append(&one(0, &[b"SET", b"k", b"v"]));
        log.acknowledge(safe);
        let lost = log.append(&one(0, &[b"SET", b"k", b"w"]));
        log.set_broken(true);
        assert_eq!(log.poll_acknowledged(safe, Waker::noop()), Poll::Ready(Ok(())));
        assert_eq!(log.poll_acknowledged(lost, Waker::noop()), Poll::Ready(Err(NotDurable)));
    }

    #[test]
    fn an_effect_larger_than_the_ring_reaches_lossless_readers_whole() {
        let log = log();
        let mut reader = log.reader(true);
        let effects = one(0, &[b"SET", b"k", &[b'x'; RING_MIN * 5]]);
        log.append(&effects);
        assert!(log.is_full());
        let mut read = Vec::new();
        reader.read(usize::MAX, &mut read).unwrap();
        assert!(read.ends_with(&effects.bytes));
        assert!(!log.is_full());
        assert_eq!(log.ring().buf.len(), RING_MIN, "the ring is as small as before");
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(
            parts in proptest::collection::vec((1usize..3000, 1usize..5000), 1..60),
            resize in 0usize..60,
            lossless in proptest::bool::ANY,
            large in 0usize..60,
        ) {
            let log = log();
            let mut reader = log.reader(lossless);
            let (mut written, mut read, mut lost) = (Vec::new(), Vec::new(), false);
            for (i, (len, take)) in parts.into_iter().enumerate() {
                let len = if i == large { len * 40 } else { len };
                let value = vec![(i % 251) as u8; len];
                let effects = one(0, &[b"SET", b"key", &value]);
                if i == 0 {
                    encode(&mut written, &[b"SELECT", b"0"]);
                }
                written.extend_from_slice(&effects.bytes);
                log.append(&effects);
                if i == resize {
                    log.resize(RING_MIN * 2);
                } else if i == 2 * resize {
                    log.resize(RING_MIN);
                }
                if reader.read(take, &mut read).is_err() {
                    lost = true;
                    break;
                }
            }
            prop_assert_eq!(&read[..], &written[..read.len()]);
            prop_assert!(!(lost && lossless));
            if !lost {
                reader.read(usize::MAX, &mut read).unwrap();
                prop_assert_eq!(read.len(), written.len());
            }
        }
    }
}
