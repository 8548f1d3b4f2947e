//! Shapes: the ordered key lists of small objects, shared by all objects of the process that have
//! the same keys in the same order.
//!
//! Documents of one kind repeat their keys; sharing the whole list rather than single keys costs
//! an object one pointer, parsing one table look-up an object, and dropping one counter. A shape
//! leaves the table with its last user. Big objects keep their own keys (`object`).

use super::raw::size_class;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// Most keys of a small object; searching more of them one by one would be slow.
pub const MAX_SHAPE_KEYS: usize = 64;
/// Most bytes of key text in a shape.
pub const MAX_SHAPE_TEXT: usize = 4096;
/// Locks over the table of shapes.
const STRIPES: usize = 32;

/// An ordered list of distinct keys.
pub struct Shape {
    /// The table's reference to this very shape.
    this: Weak<Shape>,
    hash: u64,
    /// Objects with this shape, and look-ups under way; the table's own reference is not counted.
    users: AtomicU32,
    ends: Box<[u16]>,
    text: Box<str>,
}

/// Keys on their way to a shape: text one behind the other, and where each ends.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The keys' text, one behind the other.
    pub text: &'a str,
    /// End of each key in `text`.
    pub ends: &'a [u16],
}

impl<'a> Keys<'a> {
    /// The keys in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a str> {
        let start = move |at: usize| at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends
            .iter()
            .enumerate()
            .map(move |(at, &end)| &self.text[usize::from(start(at))..usize::from(end)])
    }

    fn hash(self) -> u64 {
        let mut hasher = table().seed.build_hasher();
        hasher.write(self.text.as_bytes());
        self.ends.iter().for_each(|&end| hasher.write_u16(end));
        hasher.finish()
    }
}

impl Shape {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all keys together.
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    fn keys(&self) -> Keys<'_> {
        Keys { text: &self.text, ends: &self.ends }
    }

    /// The keys in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.keys().iter()
    }

    /// The key at a position.
    pub fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[usize::from(start)..usize::from(end)])
    }

    /// Position of a key.
    pub fn position(&self, key: &str) -> Option<usize> {
        let (text, mut start) = (self.text.as_bytes(), 0);
        for (at, &end) in self.ends.iter().enumerate() {
            let end = usize::from(end);
            if end - start == key.len() && &text[start..end] == key.as_bytes() {
                return Some(at);
            }
            start = end;
        }
        None
    }

    /// Bytes of this shape that fall to each of its users.
    pub fn memory_share(&self) -> usize {
        let own = size_class(size_of::<Self>() + 2 * size_of::<usize>());
        let table = size_of::<(u64, Bucket)>();
        let all = own + size_class(self.ends.len() * 2) + size_class(self.text.len()) + table;
        all / self.users.load(Ordering::Relaxed).max(1) as usize
    }
}

impl Shape {
    /// Another use of this shape, which someone uses already.
    pub fn to_ref(&self) -> ShapeRef {
        let shape = self.this.upgrade();
        // Whoever lends `self` holds a strong reference, so there is no other case.
        shape.map_or_else(|| ShapeRef::of(self.keys()), ShapeRef::share)
    }
}

/// One use of a shape.
pub struct ShapeRef(Option<Arc<Shape>>);

impl ShapeRef {
    /// The shape with these keys, if some object has it already.
    pub fn find(keys: Keys<'_>) -> Option<Self> {
        let hash = keys.hash();
        let buckets = table().stripe(hash);
        let found = buckets.get(&hash)?.iter().find(|shape| shape.matches(keys))?;
        Some(Self::share(Arc::clone(found)))
    }

    /// The shape with these keys, which must be distinct and within the limits
    /// [`MAX_SHAPE_KEYS`] and [`MAX_SHAPE_TEXT`].
    pub fn of(keys: Keys<'_>) -> Self {
        let hash = keys.hash();
        let mut buckets = table().stripe(hash);
        let bucket = buckets.entry(hash).or_default();
        if let Some(found) = bucket.iter().find(|shape| shape.matches(keys)) {
            return Self::share(Arc::clone(found));
        }
        let shape = Arc::new_cyclic(|this| Shape {
            this: Weak::clone(this),
            hash,
            users: AtomicU32::new(0),
            ends: keys.ends.into(),
            text: keys.text.into(),
        });
        bucket.push(Arc::clone(&shape));
        Self::share(shape)
    }

    /// Counts one more use.
    pub(super) fn share(shape: Arc<Shape>) -> Self {
        shape.users.fetch_add(1, Ordering::Relaxed);
        Self(Some(shape))
    }

    /// Hands the use over without giving it up.
    pub(super) fn into_arc(mut self) -> Arc<Shape> {
        // `None` is what `drop` finds, and leaves the count alone.
        self.0.take().unwrap_or_else(|| unreachable!("a use always has its shape"))
    }

    /// Takes a use over that [`ShapeRef::into_arc`] handed out.
    pub(super) fn from_arc(shape: Arc<Shape>) -> Self {
        Self(Some(shape))
    }
}

impl Deref for ShapeRef {
    type Target = Shape;

    fn deref(&self) -> &Shape {
        self.0.as_ref().unwrap_or_else(|| unreachable!("a use always has its shape"))
    }
}

impl Drop for ShapeRef {
    fn drop(&mut self) {
        let Some(shape) = self.0.take() else { return };
        if shape.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            table().forget(&shape);
        }
    }
}

impl Shape {
    fn matches(&self, keys: Keys<'_>) -> bool {
        *self.text == *keys.text && *self.ends == *keys.ends
    }
}

type Bucket = SmallVec<[Arc<Shape>; 1]>;
type Buckets = HashMap<u64, Bucket, BuildHasherDefault<Hashed>>;

/// All shapes in use, striped by the hash of their keys. The seed keeps clients from choosing keys
/// that collide.
struct Table {
    seed: RandomState,
    stripes: [Mutex<Buckets>; STRIPES],
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table {
        seed: RandomState::new(),
        stripes: std::array::from_fn(|_| Mutex::default()),
    })
}

impl Table {
    fn stripe(&self, hash: u64) -> std::sync::MutexGuard<'_, Buckets> {
        let stripe = &self.stripes[(hash >> 32) as usize % STRIPES];
        // Each change of a bucket is one call, so a panic elsewhere leaves nothing half done.
        stripe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a shape that had no user a moment ago, unless it has got one since.
    fn forget(&self, shape: &Arc<Shape>) {
        let mut buckets = self.stripe(shape.hash);
        if shape.users.load(Ordering::Acquire) != 0 {
            return;
        }
        if let Some(bucket) = buckets.get_mut(&shape.hash) {
            bucket.retain(|other| !Arc::ptr_eq(other, shape));
            if bucket.is_empty() {
                buckets.remove(&shape.hash);
            }
        }
    }
}

/// Hasher of keys that are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = self.0.rotate_left(8) ^ u64::from(byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Number of shapes in use, for tests and memory reports.
pub fn shapes_in_use() -> usize {
    table().stripes.iter().map(|stripe| stripe.lock().map_or(0, |buckets| buckets.len())).sum()
}
