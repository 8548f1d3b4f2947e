//! An entry: a key, its value, its expiry and its bookkeeping, in one allocation.
//!
//! ```text
//! header 16 | expiry 0 or 8 | payload 0, 8 or 16 | key | string bytes
//! ```
//!
//! A short string lives behind the key, so that a 16-byte key with a 32-byte string takes exactly
//! 64 bytes. Integers take 8 bytes of payload; every other value is a pointer, and long strings
//! are a [`Buffer`], so that appending to them is amortised and snapshots can take them in parts. The layout is private to this file, which
//! is the only place that touches its raw memory.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Range;
use std::ptr::{self, NonNull};

use super::Buffer;
use super::snapshot::Parts;
use crate::value::Object;

/// Strings up to this many bytes live inside the entry; longer ones get a buffer of their own
/// that grows by doubling.
pub const INLINE_MAX: usize = 4096;

/// Longest key, in bytes (Redis's limit for any string).
pub const KEY_MAX: usize = 512 * 1024 * 1024;

#[repr(C)]
struct Header {
    /// The LRU clock or LFU counter, 24 bits; the snapshot epoch in the top 8.
    clock: u32,
    kind: Tag,
    flags: u8,
    /// Room for what later work needs (tiering).
    _spare: u16,
    key_len: u32,
    /// Length of the inline string, 0 for other kinds.
    value_len: u32,
}

const HEADER: usize = size_of::<Header>();
const ALIGN: usize = 8;

/// The entry has an expiry.
const EXPIRES: u8 = 1;
/// The string was changed in place, so that OBJECT ENCODING answers `raw` even when it is short.
const RAW: u8 = 2;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Tag {
    Inline,
    Int,
    Buffer,
    Object,
}

/// A value on its way into an entry.
pub enum Value {
    /// A string.
    Bytes(Vec<u8>),
    /// A long string that was in an entry before.
    Buffer(Box<Buffer>),
    /// A string that is a canonical 64-bit integer.
    Int(i64),
    /// Any other type.
    Object(Box<dyn Object>),
}

impl Value {
    /// The value, to look at.
    pub fn view(&self) -> ValueRef<'_> {
        match self {
            Value::Bytes(bytes) => ValueRef::Bytes(bytes),
            Value::Buffer(buffer) => ValueRef::Bytes(buffer),
            Value::Int(n) => ValueRef::Int(*n),
            Value::Object(object) => ValueRef::Object(&**object),
        }
    }

    /// The value as one that a snapshot can take in parts, if it is such.
    pub fn parts(&mut self) -> Option<&mut dyn Parts> {
        match self {
            Value::Object(object) => object.parts(),
            Value::Buffer(buffer) => Some(&mut **buffer),
            Value::Bytes(_) | Value::Int(_) => None,
        }
    }
}

/// A value to look at.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    /// A string.
    Bytes(&'a [u8]),
    /// A string that is a canonical 64-bit integer.
    Int(i64),
    /// Any other type.
    Object(&'a dyn Object),
}

/// A value to put into an entry without having been allocated before.
enum Source<'a> {
    Bytes(&'a [u8]),
    Buffer(Box<Buffer>),
    Int(i64),
    Object(Box<dyn Object>),
}

impl Source<'_> {
    /// A string that is too long for its entry.
    fn long(bytes: Vec<u8>) -> Self {
        Source::Buffer(Box::new(Buffer::new(bytes)))
    }

    fn tag(&self) -> Tag {
        match self {
            Source::Bytes(_) => Tag::Inline,
            Source::Buffer(_) => Tag::Buffer,
            Source::Int(_) => Tag::Int,
            Source::Object(_) => Tag::Object,
        }
    }
}

/// One key of the keyspace with its value.
pub struct Entry(NonNull<Header>);

// SAFETY: 1. An entry owns its allocation and what is in it; `Object` is `Send + Sync`.
unsafe impl Send for Entry {}
// SAFETY: 2. Shared access only reads; changes need `&mut Entry`.
unsafe impl Sync for Entry {}

impl Entry {
    /// Makes an entry for `key`, which must not exceed [`KEY_MAX`]. `expiry` is in Unix
    /// milliseconds.
    pub fn new(key: &[u8], value: Value, expiry: Option<i64>) -> Self {
        match value {
            Value::Bytes(bytes) if bytes.len() > INLINE_MAX => {
                Self::build(key, Source::long(bytes), expiry)
            }
            Value::Buffer(buffer) => Self::build(key, Source::Buffer(buffer), expiry),
            Value::Bytes(bytes) => Self::build(key, Source::Bytes(&bytes), expiry),
            Value::Int(n) => Self::build(key, Source::Int(n), expiry),
            Value::Object(object) => Self::build(key, Source::Object(object), expiry),
        }
    }

    /// Makes an entry with a string value, copied once.
    pub fn with_bytes(key: &[u8], bytes: &[u8], expiry: Option<i64>) -> Self {
        if bytes.len() > INLINE_MAX {
            return Self::build(key, Source::long(bytes.to_vec()), expiry);
        }
        Self::build(key, Source::Bytes(bytes), expiry)
    }

    fn build(key: &[u8], source: Source<'_>, expiry: Option<i64>) -> Self {
        assert!(key.len() <= KEY_MAX, "key longer than KEY_MAX");
        let tag = source.tag();
        let value_len = if let Source::Bytes(b) = &source { b.len() } else { 0 };
        let flags = if expiry.is_some() { EXPIRES } else { 0 };
        let header = Header {
            clock: 0,
            kind: tag,
            flags,
            _spare: 0,
            key_len: key.len() as u32,
            value_len: value_len as u32,
        };
        let layout = layout_of(&header);
        // SAFETY: 3. The layout is never of size 0, as it holds the header.
        let raw = unsafe { alloc(layout) };
        let Some(base) = NonNull::new(raw.cast::<Header>()) else { handle_alloc_error(layout) };
        // SAFETY: 4. `base` is fresh, aligned to 8, and `layout_of` reserved room for the header,
        // the expiry, the payload of this tag, the key and the inline bytes, in that order.
        unsafe {
            base.write(header);
            if let Some(at) = expiry {
                raw.add(HEADER).cast::<i64>().write(at);
            }
            let payload = raw.add(payload_offset(flags));
            match source {
                Source::Bytes(bytes) => {
                    let to = payload.add(key.len());
                    ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
                }
                Source::Int(n) => payload.cast::<i64>().write(n),
                Source::Buffer(b) => payload.cast::<*mut Buffer>().write(Box::into_raw(b)),
                Source::Object(o) => payload.cast::<*mut dyn Object>().write(Box::into_raw(o)),
            }
            ptr::copy_nonoverlapping(key.as_ptr(), payload.add(payload_len(tag)), key.len());
        }
        Entry(base)
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: 5. The pointer is valid for as long as the entry lives.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    fn header_mut(&mut self) -> &mut Header {
        // SAFETY: 6. As 5, and `&mut self` makes the access exclusive.
        unsafe { self.0.as_mut() }
    }

    #[inline]
    fn base(&self) -> *mut u8 {
        self.0.as_ptr().cast()
    }

    #[inline]
    fn payload(&self) -> *mut u8 {
        // SAFETY: 7. The payload begins within the allocation.
        unsafe { self.base().add(payload_offset(self.header().flags)) }
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        let h = self.header();
        // SAFETY: 8. `build` wrote `key_len` bytes there.
        unsafe {
            std::slice::from_raw_parts(self.payload().add(payload_len(h.kind)), h.key_len as usize)
        }
    }

    /// Asks the processor to bring the entry into its cache.
    #[inline]
    pub fn prefetch(&self) {
        prefetch(self.base());
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> ValueRef<'_> {
        let h = self.header();
        // SAFETY: 9. The tag says what `build` wrote as payload.
        unsafe {
            match h.kind {
                Tag::Inline => ValueRef::Bytes(self.inline_bytes()),
                Tag::Int => ValueRef::Int(self.payload().cast::<i64>().read()),
                Tag::Buffer => ValueRef::Bytes(&**self.payload().cast::<*mut Buffer>()),
                Tag::Object => ValueRef::Object(&**self.payload().cast::<*mut dyn Object>()),
            }
        }
    }

    fn inline_bytes(&self) -> &[u8] {
        let h = self.header();
        // SAFETY: 10. `build` wrote `value_len` bytes behind the key.
        unsafe {
            let start = self.payload().add(h.key_len as usize);
            std::slice::from_raw_parts(start, h.value_len as usize)
        }
    }

    /// The value, when it is not a string, to change it in place.
    pub fn object_mut(&mut self) -> Option<&mut dyn Object> {
        if self.header().kind != Tag::Object {
            return None;
        }
        // SAFETY: 11. The tag says so, and `&mut self` makes it exclusive.
        unsafe { Some(&mut **self.payload().cast::<*mut dyn Object>()) }
    }

    /// The value as one that a snapshot can take in parts, if it is such.
    pub fn parts(&mut self) -> Option<&mut dyn Parts> {
        match self.header().kind {
            Tag::Object => self.object_mut()?.parts(),
            // SAFETY: 20. As 11.
            Tag::Buffer => unsafe { Some(&mut **self.payload().cast::<*mut Buffer>()) },
            Tag::Inline | Tag::Int => None,
        }
    }

    /// The string's buffer, to change its bytes from `from` on, or how many there are. An integer
    /// or inline string becomes a buffer first; [`Entry::settle`] makes a short one inline again.
    /// `None` for other types.
    pub fn buffer_mut(&mut self, from: usize) -> Option<&mut Vec<u8>> {
        let bytes = match self.value() {
            ValueRef::Object(_) => return None,
            ValueRef::Int(n) => Some(itoa::Buffer::new().format(n).as_bytes().to_vec()),
            ValueRef::Bytes(b) if self.header().kind == Tag::Inline => Some(b.to_vec()),
            ValueRef::Bytes(_) => None,
        };
        if let Some(bytes) = bytes {
            self.rebuild(Source::long(bytes), self.expiry());
        }
        self.header_mut().flags |= RAW;
        // SAFETY: 12. The tag is Buffer by now.
        unsafe { Some((**self.payload().cast::<*mut Buffer>()).tail_mut(from)) }
    }

    /// The string's bytes, to change those of some ranges in place. `None` for integers and other
    /// types.
    pub fn bytes_mut(&mut self, ranges: &[Range<usize>]) -> Option<&mut [u8]> {
        let (kind, key_len) = (self.header().kind, self.header().key_len as usize);
        let len = self.header().value_len as usize;
        self.mark_raw();
        // SAFETY: 19. `build` wrote `value_len` bytes behind the key, or a buffer as payload, and
        // `&mut self` makes the access exclusive.
        unsafe {
            match kind {
                Tag::Inline => {
                    Some(std::slice::from_raw_parts_mut(self.payload().add(key_len), len))
                }
                Tag::Buffer => Some((**self.payload().cast::<*mut Buffer>()).ranges_mut(ranges)),
                Tag::Int | Tag::Object => None,
            }
        }
    }

    /// Moves a short string back inside the entry after a change through [`Entry::buffer_mut`].
    pub fn settle(&mut self) {
        if self.header().kind != Tag::Buffer {
            return;
        }
        let ValueRef::Bytes(bytes) = self.value() else { return };
        if bytes.len() <= INLINE_MAX {
            let bytes = bytes.to_vec();
            self.rebuild(Source::Bytes(&bytes), self.expiry());
            self.header_mut().flags |= RAW;
        }
    }

    /// Whether the string was changed in place since it was set.
    pub fn is_raw(&self) -> bool {
        self.header().flags & RAW != 0
    }

    /// When the entry expires, in Unix milliseconds.
    #[inline]
    pub fn expiry(&self) -> Option<i64> {
        if self.header().flags & EXPIRES == 0 {
            return None;
        }
        // SAFETY: 13. The flag says that the expiry stands behind the header.
        unsafe { Some(self.base().add(HEADER).cast::<i64>().read()) }
    }

    /// Sets or clears the expiry.
    pub fn set_expiry(&mut self, expiry: Option<i64>) {
        if let (Some(at), true) = (expiry, self.header().flags & EXPIRES != 0) {
            // SAFETY: 14. As 13.
            unsafe { self.base().add(HEADER).cast::<i64>().write(at) };
            return;
        }
        if expiry.is_none() && self.header().flags & EXPIRES == 0 {
            return;
        }
        let raw = self.header().flags & RAW;
        let source = self.take_source();
        match source {
            Taken::Inline(bytes) => self.rebuild(Source::Bytes(&bytes), expiry),
            Taken::Other(source) => self.rebuild(source, expiry),
        }
        self.header_mut().flags |= raw;
    }

    /// Replaces the value and keeps key, expiry and clock. Returns the old value's object, if it
    /// was one, so that the caller may free it elsewhere.
    pub fn set_value(&mut self, value: Value) -> Option<Box<dyn Object>> {
        let old = match self.take_source() {
            Taken::Other(Source::Object(object)) => Some(object),
            _ => None,
        };
        let expiry = self.expiry();
        match value {
            Value::Bytes(b) if b.len() > INLINE_MAX => self.rebuild(Source::long(b), expiry),
            Value::Buffer(b) => self.rebuild(Source::Buffer(b), expiry),
            Value::Bytes(b) => self.rebuild(Source::Bytes(&b), expiry),
            Value::Int(n) => self.rebuild(Source::Int(n), expiry),
            Value::Object(o) => self.rebuild(Source::Object(o), expiry),
        }
        old
    }

    /// Replaces the value by a string, in place when it has the same length and no expiry is
    /// added or removed. The hot path of SET over existing keys.
    #[inline]
    pub fn try_overwrite(&mut self, bytes: &[u8]) -> bool {
        let h = self.header();
        if h.kind != Tag::Inline || h.value_len as usize != bytes.len() {
            return false;
        }
        let key_len = h.key_len as usize;
        // SAFETY: 15. The inline value has exactly this length.
        unsafe {
            let to = self.payload().add(key_len);
            ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        self.header_mut().flags &= !RAW;
        true
    }

    /// Replaces the value by an integer, in place when it is stored as one already. The hot path
    /// of INCR. Returns the old value's object, if it was one.
    pub fn set_int(&mut self, n: i64) -> Option<Box<dyn Object>> {
        if self.header().kind != Tag::Int {
            return self.set_value(Value::Int(n));
        }
        // SAFETY: 18. The payload of this tag is an integer.
        unsafe { self.payload().cast::<i64>().write(n) };
        None
    }

    /// Replaces value and expiry by a string that is copied once. Returns the old value's object,
    /// if it was one, so that the caller may free it elsewhere.
    pub fn set_bytes(&mut self, bytes: &[u8], expiry: Option<i64>) -> Option<Box<dyn Object>> {
        let mut fresh = Self::with_bytes(self.key(), bytes, expiry);
        fresh.header_mut().clock = self.header().clock;
        let mut old = std::mem::replace(self, fresh);
        if old.header().kind != Tag::Object {
            return None;
        }
        match old.take_value() {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Marks a string as changed in place: see [`Entry::is_raw`].
    pub fn mark_raw(&mut self) {
        self.header_mut().flags |= RAW;
    }

    /// Takes the value out, leaving the integer 0. For freeing or moving values.
    pub fn take_value(&mut self) -> Value {
        match self.take_source() {
            Taken::Inline(bytes) => Value::Bytes(bytes),
            Taken::Other(Source::Buffer(buffer)) => Value::Buffer(buffer),
            Taken::Other(Source::Int(n)) => Value::Int(n),
            Taken::Other(Source::Object(object)) => Value::Object(object),
            Taken::Other(Source::Bytes(_)) => Value::Bytes(Vec::new()),
        }
    }

    /// Moves the value out; what remains is an inline string whose bytes have no meaning.
    fn take_source(&mut self) -> Taken {
        let tag = self.header().kind;
        let payload = self.payload();
        // SAFETY: 16. Each payload is read once: boxes are taken by value and the tag is changed
        // to Int below, whose payload of 8 bytes lies within each of theirs, so that nothing can
        // reach them again. The key does not move for Int and Buffer (8 bytes each); for Object
        // the payload stays 16 bytes, which `Tag::Object` with a null box could not express, so
        // the entry is rebuilt at once.
        unsafe {
            match tag {
                Tag::Inline => Taken::Inline(self.inline_bytes().to_vec()),
                Tag::Int => Taken::Other(Source::Int(payload.cast::<i64>().read())),
                Tag::Buffer => {
                    let boxed = Box::from_raw(payload.cast::<*mut Buffer>().read());
                    payload.cast::<i64>().write(0);
                    self.header_mut().kind = Tag::Int;
                    Taken::Other(Source::Buffer(boxed))
                }
                Tag::Object => {
                    let boxed = Box::from_raw(payload.cast::<*mut dyn Object>().read());
                    let key = self.key().to_vec();
                    let clock = self.header().clock;
                    let mut hollow = Self::build(&key, Source::Int(0), self.expiry());
                    hollow.header_mut().clock = clock;
                    dealloc(self.base(), layout_of(self.header()));
                    self.0 = hollow.0;
                    std::mem::forget(hollow);
                    Taken::Other(Source::Object(boxed))
                }
            }
        }
    }

    /// Builds the entry anew with another value and expiry; keeps key and clock.
    fn rebuild(&mut self, source: Source<'_>, expiry: Option<i64>) {
        let mut fresh = Self::build(self.key(), source, expiry);
        fresh.header_mut().clock = self.header().clock;
        *self = fresh;
    }

    /// The LRU clock or LFU counter, 24 bits.
    #[inline]
    pub fn clock(&self) -> u32 {
        self.header().clock & 0x00ff_ffff
    }

    /// Sets the LRU clock or LFU counter, 24 bits.
    #[inline]
    pub fn set_clock(&mut self, clock: u32) {
        let h = self.header_mut();
        h.clock = (h.clock & 0xff00_0000) | (clock & 0x00ff_ffff);
    }

    /// The snapshot epoch in which the entry was last written out or made.
    #[inline]
    pub fn epoch(&self) -> u8 {
        (self.header().clock >> 24) as u8
    }

    /// Marks the entry as written out in, or made after the start of, snapshot `epoch`.
    #[inline]
    pub fn set_epoch(&mut self, epoch: u8) {
        let h = self.header_mut();
        h.clock = (h.clock & 0x00ff_ffff) | (u32::from(epoch) << 24);
    }

    /// Bytes that the entry takes, without the allocator's rounding.
    pub fn memory(&self) -> usize {
        let own = layout_of(self.header()).size();
        own + match self.value() {
            ValueRef::Object(object) => object.memory(),
            ValueRef::Bytes(b) if self.header().kind == Tag::Buffer => {
                b.len() + size_of::<Buffer>()
            }
            _ => 0,
        }
    }
}

/// Asks the processor to bring an address into its cache. Any address will do: a prefetch is a
/// hint and never faults.
#[inline]
pub(super) fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: 18. The instruction is part of SSE, which every x86_64 has, and accesses nothing.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// What was in an entry.
enum Taken {
    Inline(Vec<u8>),
    Other(Source<'static>),
}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: 17. The tag says which box the payload owns; afterwards the allocation is given
        // back with the layout it was made with, which depends on the unchanged header only.
        unsafe {
            match self.header().kind {
                Tag::Inline | Tag::Int => {}
                Tag::Buffer => {
                    drop(Box::from_raw(self.payload().cast::<*mut Buffer>().read()));
                }
                Tag::Object => {
                    drop(Box::from_raw(self.payload().cast::<*mut dyn Object>().read()));
                }
            }
            dealloc(self.base(), layout_of(self.header()));
        }
    }
}

#[inline]
fn payload_offset(flags: u8) -> usize {
    HEADER + if flags & EXPIRES != 0 { 8 } else { 0 }
}

#[inline]
fn payload_len(tag: Tag) -> usize {
    match tag {
        Tag::Inline => 0,
        Tag::Int | Tag::Buffer => 8,
        Tag::Object => 16,
    }
}

#[inline]
fn layout_of(h: &Header) -> Layout {
    let size =
        payload_offset(h.flags) + payload_len(h.kind) + h.key_len as usize + h.value_len as usize;
    // The sum is far below isize::MAX: keys are at most KEY_MAX, inline values INLINE_MAX.
    Layout::from_size_align(size, ALIGN).expect("entry size is bounded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(entry: &Entry) -> Vec<u8> {
        match entry.value() {
            ValueRef::Bytes(b) => b.to_vec(),
            ValueRef::Int(n) => n.to_string().into_bytes(),
            ValueRef::Object(_) => unreachable!("only strings here"),
        }
    }

    #[test]
    fn a_small_string_takes_64_bytes() {
        assert_eq!(Entry::with_bytes(&[b'k'; 16], &[b'v'; 32], None).memory(), 64);
    }

    #[derive(Clone, Debug)]
    enum Op {
        Set(Vec<u8>),
        SetInt(i64),
        Append(Vec<u8>),
        Settle,
        Expire(Option<i64>),
        Clock(u32),
        Epoch(u8),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..6000).prop_map(Op::Set),
            any::<i64>().prop_map(Op::SetInt),
            proptest::collection::vec(any::<u8>(), 0..3000).prop_map(Op::Append),
            Just(Op::Settle),
            any::<Option<i64>>().prop_map(Op::Expire),
            any::<u32>().prop_map(Op::Clock),
            any::<u8>().prop_map(Op::Epoch),
        ]
    }

    proptest! {
        #[test]
        fn an_entry_keeps_what_it_is_given(
            key in proptest::collection::vec(any::<u8>(), 0..40),
            ops in proptest::collection::vec(op(), 1..30),
        ) {
            let mut entry = Entry::with_bytes(&key, b"start", None);
            let (mut value, mut expiry, mut clock, mut epoch) = (b"start".to_vec(), None, 0, 0);
            for op in ops {
                match op {
                    Op::Set(v) => {
                        if !entry.try_overwrite(&v) {
                            entry.set_value(Value::Bytes(v.clone()));
                        }
                        value = v;
                    }
                    Op::SetInt(n) => {
                        entry.set_value(Value::Int(n));
                        value = n.to_string().into_bytes();
                    }
                    Op::Append(v) => {
                        entry.buffer_mut(value.len()).unwrap().extend_from_slice(&v);
                        value.extend_from_slice(&v);
                    }
                    Op::Settle => entry.settle(),
                    Op::Expire(at) => {
                        entry.set_expiry(at);
                        expiry = at;
                    }
                    Op::Clock(c) => {
                        entry.set_clock(c);
                        clock = c & 0x00ff_ffff;
                    }
                    Op::Epoch(e) => {
                        entry.set_epoch(e);
                        epoch = e;
                    }
                }
                prop_assert_eq!(entry.key(), &key[..]);
                prop_assert_eq!(text(&entry), value.clone());
                prop_assert_eq!(entry.expiry(), expiry);
                prop_assert_eq!((entry.clock(), entry.epoch()), (clock, epoch));
            }
        }
    }
}
