//! Objects: insertion order kept, small ones searched key by key, big ones by an index.

use super::raw::{Fields, Value, size_class};
use super::shape::{Keys, MAX_SHAPE_KEYS, MAX_SHAPE_TEXT, Shape, ShapeRef};
use smallvec::SmallVec;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// Most members of one object; their positions must fit the index.
pub const MAX_MEMBERS: usize = 1 << 28;

/// An object on its own, to build or change.
pub enum Object {
    /// Shares its key list with objects of the same keys.
    Fields(Fields),
    /// Has keys of its own and an index over them.
    Map(Box<Map>),
}

impl Object {
    /// An object with these members; of equal keys the last value counts, at the first position.
    pub fn from_members<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        let mut map = Map::default();
        for (key, value) in members {
            map.insert(key, value);
        }
        map.compact()
    }

    /// An object whose keys are known to be those of `shape`.
    pub fn with_shape(shape: ShapeRef, values: impl IntoIterator<Item = Value>) -> Self {
        Self::Fields(Fields::new(shape, values))
    }

    /// The object, borrowed.
    pub fn view(&self) -> ObjectRef<'_> {
        match self {
            Self::Fields(fields) => ObjectRef::Fields(fields.values(), fields.shape()),
            Self::Map(map) => ObjectRef::Map(map),
        }
    }

    /// Sets a member, behind all others if it is new. Returns the value it replaces.
    ///
    /// # Panics
    /// If the object would exceed [`MAX_MEMBERS`]; callers check first.
    pub fn insert(&mut self, key: &str, value: Value) -> Option<Value> {
        match self {
            Self::Map(map) => map.insert(key, value),
            Self::Fields(fields) => match fields.shape().position(key) {
                Some(at) => Some(std::mem::replace(&mut fields.values_mut()[at], value)),
                None => {
                    self.append(key, value);
                    None
                }
            },
        }
    }

    /// Takes a member's value out and leaves null in its place.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        let at = self.view().position(key)?;
        let values = match self {
            Self::Fields(fields) => fields.values_mut(),
            Self::Map(map) => map.values_mut(),
        };
        values.get_mut(at).map(std::mem::take)
    }

    /// Drops the members at the positions that `keep` rejects; the others keep their order.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        match self {
            Self::Map(map) => map.retain(keep),
            Self::Fields(_) => {
                let (shape, values) = self.take_fields();
                let kept: SmallVec<[usize; 16]> = (0..shape.len()).filter(|&at| keep(at)).collect();
                let keys = kept.iter().filter_map(|&at| shape.get(at));
                let mut kept = kept.iter().peekable();
                let values = values.into_iter().enumerate();
                let values = values.filter(|(at, _)| kept.next_if(|&kept| kept == at).is_some());
                *self = small(keys, values.map(|(_, value)| value));
            }
        }
    }

    /// Adds a member that a small object does not have.
    fn append(&mut self, key: &str, value: Value) {
        let (shape, mut values) = self.take_fields();
        let fits = shape.len() < MAX_SHAPE_KEYS && shape.text_len() + key.len() <= MAX_SHAPE_TEXT;
        *self = if fits {
            values.push(value);
            small(shape.iter().chain([key]), values)
        } else {
            let mut map = Map::from_distinct(shape.iter(), values);
            map.insert(key, value);
            Self::Map(Box::new(map))
        };
    }

    /// Takes a small object apart, leaving an empty map for the caller to replace.
    fn take_fields(&mut self) -> (ShapeRef, SmallVec<[Value; 16]>) {
        match std::mem::replace(self, Self::Map(Box::default())) {
            Self::Fields(fields) => fields.into_parts(),
            Self::Map(_) => (ShapeRef::of(Keys { text: "", ends: &[] }), SmallVec::new()),
        }
    }
}

/// A small object with these distinct keys, which must keep the limits of shapes.
fn small<'a>(
    keys: impl Iterator<Item = &'a str>,
    values: impl IntoIterator<Item = Value>,
) -> Object {
    let mut text = String::new();
    let mut ends: SmallVec<[u16; MAX_SHAPE_KEYS]> = SmallVec::new();
    for key in keys {
        text.push_str(key);
        ends.push(text.len() as u16);
    }
    Object::with_shape(ShapeRef::of(Keys { text: &text, ends: &ends }), values)
}

impl Default for Object {
    fn default() -> Self {
        Self::from_members([])
    }
}

/// An object, borrowed.
#[derive(Clone, Copy)]
pub enum ObjectRef<'a> {
    /// Values and shared keys.
    Fields(&'a [Value], &'a Shape),
    /// An object with keys of its own.
    Map(&'a Map),
}

impl<'a> ObjectRef<'a> {
    /// The member values in insertion order.
    pub fn values(self) -> &'a [Value] {
        match self {
            Self::Fields(values, _) => values,
            Self::Map(map) => &map.values,
        }
    }

    /// Number of members.
    pub fn len(self) -> usize {
        self.values().len()
    }

    /// Whether there are no members.
    pub fn is_empty(self) -> bool {
        self.values().is_empty()
    }

    /// Position of a key in insertion order.
    pub fn position(self, key: &str) -> Option<usize> {
        match self {
            Self::Fields(_, shape) => shape.position(key),
            Self::Map(map) => map.position(key),
        }
    }

    /// The value of a key.
    pub fn get(self, key: &str) -> Option<&'a Value> {
        self.values().get(self.position(key)?)
    }

    /// The key at a position.
    pub fn key(self, at: usize) -> Option<&'a str> {
        match self {
            Self::Fields(_, shape) => shape.get(at),
            Self::Map(map) => map.keys.get(at).and_then(Value::as_str),
        }
    }

    /// Keys in insertion order.
    pub fn keys(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).filter_map(move |at| self.key(at))
    }

    /// Members in insertion order.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.keys().zip(self.values())
    }
}

/// A big object: keys as string words, and an open-addressing index from key hash to position.
#[derive(Default)]
pub struct Map {
    keys: Vec<Value>,
    values: Vec<Value>,
    /// Linear probing; a power of two, or empty below [`MAX_SHAPE_KEYS`] members.
    slots: Vec<Slot>,
}

/// Hash and position of a member, both in 32 bits; `pos` is one too large, 0 means empty.
#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u32,
    pos: u32,
}

fn hash(key: &str) -> u32 {
    static SEED: OnceLock<RandomState> = OnceLock::new();
    SEED.get_or_init(RandomState::new).hash_one(key) as u32
}

impl Map {
    /// A map of members whose keys are known to differ.
    pub(super) fn from_distinct<'a>(
        keys: impl Iterator<Item = &'a str>,
        values: impl IntoIterator<Item = Value>,
    ) -> Self {
        let keys: Vec<Value> = keys.map(Value::string).collect();
        let mut map = Self { keys, values: values.into_iter().collect(), slots: Vec::new() };
        map.index();
        map
    }

    /// A map of the same members, each word copied by `copy`.
    pub(super) fn copy(&self, copy: impl Fn(&Value) -> Value) -> Self {
        let keys = self.keys.iter().map(&copy).collect();
        Self { keys, values: self.values.iter().map(copy).collect(), slots: self.slots.clone() }
    }

    /// The keys as values, to change in place.
    pub(super) fn keys_mut(&mut self) -> &mut [Value] {
        &mut self.keys
    }

    fn key(&self, at: usize) -> &str {
        self.keys.get(at).and_then(Value::as_str).unwrap_or_default()
    }

    /// The member values, to change in place.
    pub(super) fn values_mut(&mut self) -> &mut [Value] {
        &mut self.values
    }

    fn position(&self, key: &str) -> Option<usize> {
        if self.slots.is_empty() {
            return (0..self.keys.len()).find(|&at| self.key(at) == key);
        }
        let (hash, mask) = (hash(key), self.slots.len() - 1);
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            let pos = slot.pos.checked_sub(1)? as usize;
            if slot.hash == hash && self.key(pos) == key {
                return Some(pos);
            }
            at = (at + 1) & mask;
        }
    }

    fn insert(&mut self, key: &str, value: Value) -> Option<Value> {
        if let Some(at) = self.position(key) {
            return Some(std::mem::replace(&mut self.values[at], value));
        }
        assert!(self.keys.len() < MAX_MEMBERS, "object with more than MAX_MEMBERS members");
        self.keys.push(Value::string(key));
        self.values.push(value);
        let len = self.keys.len();
        if len > MAX_SHAPE_KEYS && len * 4 > self.slots.len() * 3 {
            self.index();
        } else if !self.slots.is_empty() {
            self.place(Slot { hash: hash(key), pos: len as u32 });
        }
        None
    }

    fn place(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = slot.hash as usize & mask;
        while self.slots[at].pos != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// Builds the index anew, with room to grow by half; stored hashes are used again.
    fn index(&mut self) {
        let len = self.keys.len();
        if len <= MAX_SHAPE_KEYS {
            self.slots = Vec::new();
            return;
        }
        let fresh = vec![Slot::default(); (len * 3 / 2).next_power_of_two()];
        let old = std::mem::replace(&mut self.slots, fresh);
        let mut hashes: Vec<u32> = vec![0; len];
        let mut known = vec![false; len];
        for slot in old.into_iter().filter(|slot| slot.pos != 0) {
            hashes[slot.pos as usize - 1] = slot.hash;
            known[slot.pos as usize - 1] = true;
        }
        for at in 0..len {
            let hash = if known[at] { hashes[at] } else { hash(self.key(at)) };
            self.place(Slot { hash, pos: at as u32 + 1 });
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        // New position plus one of every member, 0 for those that go.
        let mut moved = Vec::with_capacity(self.keys.len());
        let mut kept = 0;
        for at in 0..self.keys.len() {
            let stays = keep(at);
            if stays {
                self.keys.swap(kept, at);
                self.values.swap(kept, at);
                kept += 1;
            }
            moved.push(if stays { kept as u32 } else { 0 });
        }
        self.keys.truncate(kept);
        self.values.truncate(kept);
        self.reposition(&moved);
    }

    /// Rebuilds the index after members moved, from the hashes it holds.
    fn reposition(&mut self, moved: &[u32]) {
        let len = self.keys.len();
        if len <= MAX_SHAPE_KEYS {
            self.slots = Vec::new();
            return;
        }
        let fresh = vec![Slot::default(); (len * 3 / 2).next_power_of_two()];
        for slot in std::mem::replace(&mut self.slots, fresh) {
            let pos = slot.pos.checked_sub(1).map_or(0, |old| moved[old as usize]);
            if pos != 0 {
                self.place(Slot { pos, ..slot });
            }
        }
        if len * 4 < self.keys.capacity() {
            self.keys.shrink_to_fit();
            self.values.shrink_to_fit();
        }
    }

    /// The cheapest object with these members: small if the limits of shapes allow it.
    pub(super) fn compact(self) -> Object {
        let text: usize = self.keys.iter().map(|key| key.as_str().map_or(0, str::len)).sum();
        if self.keys.len() > MAX_SHAPE_KEYS || text > MAX_SHAPE_TEXT {
            return Object::Map(Box::new(self));
        }
        small(self.keys.iter().filter_map(Value::as_str), self.values)
    }

    /// Bytes of the map's own blocks, without what keys and values own.
    pub(super) fn memory(&self) -> usize {
        let words = size_class(self.keys.capacity().max(1) * size_of::<Value>());
        let slots = size_class(self.slots.capacity().max(1) * size_of::<Slot>());
        size_class(size_of::<Self>()) + 2 * words + slots
    }

    /// Bytes of the keys' text outside their words.
    pub(super) fn key_memory(&self) -> usize {
        self.keys.iter().map(Value::block_memory).sum()
    }
}
