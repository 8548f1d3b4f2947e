//! Entries on their way from a snapshot into a file: encoded at once, since they are about to
//! change, and handed on by the thread that writes the file.

use std::sync::{Mutex, MutexGuard};

use super::frame::{self, Header, Usage};
use super::{RdbError, VERSION_DEFAULT, Writer, value};
use crate::keyspace::access::{self, Tracking};
use crate::keyspace::{Capture, Collection, Entry, FrozenEntry, Pairs, Sink};

/// With more than so many bytes waiting to be written, commands that write wait.
const WAITING_MAX: usize = 4 * 1024 * 1024;

/// What the queue is made for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether strings are compressed.
    pub compress: bool,
    /// What is stored of the use of entries; `None` is nothing.
    pub usage: Option<Tracking>,
    /// The moment of the snapshot, in Unix milliseconds.
    pub now: i64,
}

/// Encoded entries.
pub struct Queue {
    options: Options,
    inner: Mutex<Inner>,
}

struct Inner {
    out: Writer,
    body: Writer,
    db: Option<usize>,
    /// Keys and volatile keys of each database.
    sizes: Vec<(usize, usize)>,
    keys: u64,
    error: Option<RdbError>,
    cancelled: bool,
    /// Bytes that the string which is about to begin takes when it is compressed.
    looked: usize,
    /// Whether the one that has begun is compressed.
    compressed: bool,
}

impl Queue {
    /// An empty queue.
    pub fn new(options: Options) -> Self {
        let writer = || Writer::new(VERSION_DEFAULT, options.compress);
        Self {
            options,
            inner: Mutex::new(Inner {
                out: writer(),
                body: writer(),
                db: None,
                sizes: Vec::new(),
                keys: 0,
                error: None,
                cancelled: false,
                looked: 0,
                compressed: false,
            }),
        }
    }

    /// Writes the beginning of the file. `aux` writes what modules store, and `sizes` are the keys
    /// and volatile keys of each database.
    pub fn begin(
        &self,
        header: &Header<'_>,
        sizes: Vec<(usize, usize)>,
        aux: impl FnOnce(&mut Writer),
    ) {
        let mut inner = self.inner();
        let writer = || Writer::new(header.version, self.options.compress);
        (inner.out, inner.body) = (writer(), writer());
        frame::header(&mut inner.out, header);
        aux(&mut inner.out);
        inner.sizes = sizes;
    }

    /// Moves what has gathered to the end of `bytes`, and returns how many keys there were so far.
    ///
    /// # Errors
    /// Why an entry could not be written. Nothing more is taken after that.
    pub fn take(&self, bytes: &mut Vec<u8>) -> Result<u64, RdbError> {
        let mut inner = self.inner();
        inner.out.take(bytes);
        match inner.error.take() {
            Some(error) => Err(error),
            None => Ok(inner.keys),
        }
    }

    /// The checksum of all that was taken.
    pub fn checksum(&self) -> u64 {
        self.inner().out.checksum()
    }

    /// Takes nothing more.
    pub fn cancel(&self) {
        self.inner().cancelled = true;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Does something to the file unless it was given up, with the database selected. True when
    /// writers should wait.
    fn put(
        &self,
        db: usize,
        work: impl FnOnce(&mut Writer, &mut Writer) -> Result<u64, RdbError>,
    ) -> bool {
        let inner = &mut *self.inner();
        if inner.cancelled {
            return false;
        }
        if inner.db != Some(db) {
            inner.db = Some(db);
            let (keys, volatile) = inner.sizes.get(db).copied().unwrap_or_default();
            frame::database(&mut inner.out, db, keys, volatile);
        }
        match work(&mut inner.out, &mut inner.body) {
            Ok(keys) => inner.keys += keys,
            Err(error) => {
                inner.error = Some(error);
                inner.cancelled = true;
            }
        }
        inner.out.as_bytes().len() > WAITING_MAX
    }

    fn usage(&self, entry: &Entry) -> Usage {
        match self.options.usage {
            None => Usage::None,
            Some(Tracking::Lru) => Usage::Idle(access::idle_seconds(entry, self.options.now)),
            Some(Tracking::Lfu { decay_minutes, .. }) => {
                let counter = access::frequency(entry, self.options.now, decay_minutes);
                Usage::Frequency(u8::try_from(counter).unwrap_or(u8::MAX))
            }
        }
    }
}

impl Sink for Queue {
    fn entry(&self, db: usize, entry: &Entry) -> bool {
        let usage = self.usage(entry);
        self.put(db, |out, body| frame::entry(out, body, entry, usage).map(|()| 1))
    }

    fn looks_first(&self, capture: &Capture) -> bool {
        self.options.compress && capture.collection == Collection::String
    }

    fn look(&self, _: &Capture, elements: &Pairs) {
        let mut part = Writer::new(VERSION_DEFAULT, true);
        part.string_part(elements.bytes(), true);
        self.inner().looked += part.as_bytes().len();
    }

    fn begin_parts(&self, capture: &Capture) {
        let usage = self.usage(&capture.head);
        let looked = std::mem::take(&mut self.inner().looked);
        let compressed = looked > 0 && looked < capture.count;
        self.inner().compressed = compressed;
        self.put(capture.db, |out, _| {
            frame::head(out, &capture.head, value::kind_of(capture), usage);
            match compressed {
                true => out.compressed_head(capture.count, looked),
                false => value::begin_parts(capture, out)?,
            }
            Ok(0)
        });
    }

    fn part(&self, capture: &Capture, elements: &Pairs) {
        // Made before the queue is locked: whoever changes an entry meanwhile needs it too.
        let mut part = Writer::new(VERSION_DEFAULT, self.options.compress);
        match capture.collection {
            Collection::String => part.string_part(elements.bytes(), self.inner().compressed),
            _ => value::save_part(capture, elements, &mut part),
        }
        self.put(capture.db, |out, _| {
            out.raw(part.as_bytes());
            Ok(0)
        });
    }

    fn end_parts(&self, capture: &Capture) {
        self.put(capture.db, |out, _| {
            value::end_parts(capture, out);
            Ok(1)
        });
    }

    fn frozen(&self, frozen: &mut FrozenEntry, first: bool) -> bool {
        let usage = self.usage(&frozen.head);
        let version = self.inner().out.version();
        let mut part = Writer::new(version, self.options.compress);
        if first {
            frame::head(&mut part, &frozen.head, frozen.value.rdb_kind(version), usage);
        }
        let more = frozen.value.save_next(&mut part);
        self.put(frozen.db, |out, _| {
            out.raw(part.as_bytes());
            Ok(u64::from(!more))
        });
        more
    }

    fn is_cancelled(&self) -> bool {
        self.inner().cancelled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Value;

    fn queue() -> Queue {
        Queue::new(Options { compress: false, usage: None, now: 0 })
    }

    #[test]
    fn entries_come_behind_the_header_with_their_database() {
        let queue = queue();
        let aux = [("redis-ver", "7.4.0".to_string())];
        queue.begin(&Header { version: 11, aux: &aux }, vec![(1, 1)], |_| {});
        let entry = Entry::new(b"key", Value::Bytes(b"value".to_vec()), Some(258));
        assert!(!queue.entry(0, &entry));
        let mut bytes = Vec::new();
        assert_eq!(queue.take(&mut bytes).unwrap(), 1);
        let mut expected = b"REDIS0011\xfa\x09redis-ver\x057.4.0\xfe\x00\xfb\x01\x01".to_vec();
        expected.extend_from_slice(b"\xfc\x02\x01\0\0\0\0\0\0\x00\x03key\x05value");
        assert_eq!(bytes, expected);
        assert_eq!(queue.checksum(), crate::util::crc64::crc64(0, &bytes));
    }

    #[test]
    fn writers_wait_when_much_has_gathered() {
        let queue = queue();
        let entry = Entry::new(b"key", Value::Bytes(vec![b'x'; WAITING_MAX + 1]), None);
        assert!(queue.entry(0, &entry));
        queue.take(&mut Vec::new()).unwrap();
        let small = Entry::new(b"key", Value::Int(5), None);
        assert!(!queue.entry(0, &small));
    }
}
