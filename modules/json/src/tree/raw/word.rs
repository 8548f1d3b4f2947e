//! The 8-byte value word: three tag bits, and an inline scalar or a pointer to a heap block.
//!
//! | tag | meaning |
//! |-----|---------|
//! | 0 | integer beyond 56 bits, boxed |
//! | 1 | null, boolean, integer or decimal, inline (see `number`) |
//! | 2 | string of at most seven bytes, inline; its length is in the first byte |
//! | 3 | string in a block of its own |
//! | 4 | array block, null when empty |
//! | 5 | small object: shared keys and values |
//! | 6 | big object, boxed |
//! | 7 | float that has no short decimal form, boxed |
//!
//! A pointer whose top bit is set is an alias: the block belongs to another tree (see `shared`).

use super::super::object::Map;
use super::super::{Array, Items, Object};
use super::{Fields, Item, ThinVec, size_class, text, thin};
use std::mem::ManuallyDrop;

/// A JSON value in eight bytes. See [`crate::tree`] for what can be done with it.
#[repr(transparent)]
pub struct Value(*mut u8);

// SAFETY: a Value owns what it points to, and all of it is Send.
unsafe impl Send for Value {}
// SAFETY: shared access never changes anything.
unsafe impl Sync for Value {}

const TAG_BITS: usize = 0b111;
/// Marks a pointer to a block that the word does not own. No address has it.
const ALIAS: usize = 1 << 63;
const WIDE: usize = 0;
const INLINE: usize = 1;
const SHORT: usize = 2;
const TEXT: usize = 3;
const ARRAY: usize = 4;
const FIELDS: usize = 5;
const MAP: usize = 6;
const FLOAT: usize = 7;

/// Longest string kept inside the word.
const SHORT_MAX: usize = 7;

const _: () = assert!(size_of::<usize>() == 8, "value words need 64-bit pointers");

/// What a word holds, borrowed.
#[derive(Clone, Copy)]
pub enum Word<'a> {
    /// The bits above the tag of an inline scalar.
    Inline(i64),
    /// An integer that does not fit inline.
    Wide(i128),
    /// A float that does not fit inline.
    Float(f64),
    /// A string.
    Text(&'a str),
    /// An array's items.
    Array(Items<'a>),
    /// A small object.
    Fields(&'a [Value], &'a super::super::shape::Shape),
    /// A big object.
    Map(&'a Map),
}

impl Value {
    /// Inline scalar whose payload is the upper 61 bits of a word.
    pub(crate) const fn inline(payload: i64) -> Self {
        Self(std::ptr::without_provenance_mut((payload << 3) as usize | INLINE))
    }

    /// Integer of any width, boxed.
    pub(crate) fn wide(int: i128) -> Self {
        Self::tagged(Box::into_raw(Box::new(int)).cast(), WIDE)
    }

    /// Float, boxed.
    pub(crate) fn boxed_float(float: f64) -> Self {
        Self::tagged(Box::into_raw(Box::new(float)).cast(), FLOAT)
    }

    /// A string value.
    ///
    /// # Panics
    /// If it is longer than [`super::MAX_TEXT`]; callers check what comes from outside.
    pub fn string(text: &str) -> Self {
        if text.len() > SHORT_MAX {
            return Self::tagged(text::new(text), TEXT);
        }
        let mut bytes = [0; 8];
        bytes[0] = (text.len() << 3 | SHORT) as u8;
        bytes[1..=text.len()].copy_from_slice(text.as_bytes());
        Self(std::ptr::without_provenance_mut(usize::from_le_bytes(bytes)))
    }

    /// An array value.
    pub fn array(array: Array) -> Self {
        let block = match array {
            Array::Values(items) => items.into_raw(),
            Array::I8(items) => items.into_raw(),
            Array::I16(items) => items.into_raw(),
            Array::I32(items) => items.into_raw(),
            Array::I64(items) => items.into_raw(),
            Array::F64(items) => items.into_raw(),
        };
        Self::tagged(block, ARRAY)
    }

    /// An object value.
    pub fn object(object: Object) -> Self {
        match object {
            Object::Fields(fields) => Self::tagged(fields.into_raw(), FIELDS),
            Object::Map(map) => Self::tagged(Box::into_raw(map).cast(), MAP),
        }
    }

    fn tagged(block: *mut u8, tag: usize) -> Self {
        debug_assert_eq!(block.addr() & (TAG_BITS | ALIAS), 0);
        Self(block.map_addr(|addr| addr | tag))
    }

    fn tag(&self) -> usize {
        self.0.addr() & TAG_BITS
    }

    fn block(&self) -> *mut u8 {
        self.0.map_addr(|addr| addr & !(TAG_BITS | ALIAS))
    }

    /// Whether there is a block.
    fn has_block(&self) -> bool {
        !matches!(self.tag(), INLINE | SHORT) && !self.block().is_null()
    }

    /// Whether the block is another tree's.
    fn is_alias(&self) -> bool {
        self.0.addr() & ALIAS != 0 && !matches!(self.tag(), INLINE | SHORT)
    }

    /// A word for the same value that does not own it.
    ///
    /// # Safety
    /// The value does not change or go while the alias or one that [`Value::own`] makes of it is in
    /// use.
    pub(super) unsafe fn alias(&self) -> Self {
        Self(if self.has_block() { self.0.map_addr(|addr| addr | ALIAS) } else { self.0 })
    }

    /// Gives an alias of an array or object a block of its own, with aliases of its members.
    pub(crate) fn own(&mut self) {
        if !self.is_alias() {
            return;
        }
        // SAFETY: whoever made this alias sees to it that the value stays, which includes its
        // members.
        let alias = |value: &Value| unsafe { value.alias() };
        let owned = match self.word() {
            Word::Array(Items::Values(items)) => {
                Self::array(Array::Values(ThinVec::from_exact(items.iter().map(alias))))
            }
            Word::Array(items) => Self::array(Array::copy_packed(items)),
            Word::Fields(values, shape) => {
                Self::object(Object::with_shape(shape.to_ref(), values.iter().map(alias)))
            }
            Word::Map(map) => Self::object(Object::Map(Box::new(map.copy(alias)))),
            _ => return,
        };
        *self = owned;
    }

    /// Makes this word the owner of the block that it is an alias of, and likewise all below it.
    /// Passes their addresses to `taken`.
    ///
    /// # Safety
    /// Nobody uses the tree that owned them but to give them up ([`Value::forget`]).
    pub(super) unsafe fn adopt(&mut self, taken: &mut Vec<usize>) {
        if self.is_alias() {
            taken.push(self.block().addr());
            self.0 = self.0.map_addr(|addr| addr & !ALIAS);
            return;
        }
        // SAFETY: as the caller's.
        self.each_member(|member| unsafe { member.adopt(taken) });
    }

    /// Gives up the blocks at these addresses, in ascending order, that are in this value: they are
    /// not dropped with it.
    pub(super) fn forget(&mut self, taken: &[usize]) {
        if !self.has_block() {
            return;
        }
        if taken.binary_search(&self.block().addr()).is_ok() {
            std::mem::forget(std::mem::take(self));
            return;
        }
        self.each_member(|member| member.forget(taken));
    }

    /// Passes on the members of an array or object that this word owns, keys in blocks of their own
    /// included.
    fn each_member(&mut self, mut f: impl FnMut(&mut Value)) {
        if self.tag() == MAP {
            // SAFETY: as in `children_mut`.
            let map = unsafe { &mut *self.block().cast::<Map>() };
            map.keys_mut().iter_mut().for_each(&mut f);
        }
        self.children_mut().iter_mut().for_each(f);
    }

    fn short(&self) -> &str {
        // SAFETY: the word's own bytes live as long as the borrow; on a little-endian machine the
        // tag and length byte comes first, then `len` bytes that were copied from a str.
        unsafe {
            let bytes = std::slice::from_raw_parts(std::ptr::from_ref(self).cast::<u8>(), 8);
            std::str::from_utf8_unchecked(&bytes[1..=usize::from(bytes[0] >> 3)])
        }
    }

    /// Decodes the word.
    pub(crate) fn word(&self) -> Word<'_> {
        let block = self.block();
        // SAFETY: each tag is only ever put on a pointer of its own block type, which `self` owns
        // and which lives as long as the borrow.
        unsafe {
            match self.tag() {
                INLINE => Word::Inline(self.0.addr() as i64 >> 3),
                SHORT => Word::Text(self.short()),
                TEXT => Word::Text(text::get(block)),
                ARRAY => Word::Array(items(block)),
                FIELDS => {
                    let fields = ManuallyDrop::new(Fields::from_raw(block));
                    let values = &*std::ptr::from_ref(fields.values());
                    Word::Fields(values, &*std::ptr::from_ref(fields.shape()))
                }
                MAP => Word::Map(&*block.cast()),
                FLOAT => Word::Float(*block.cast()),
                _ => Word::Wide(*block.cast()),
            }
        }
    }

    /// The member values of an object or a mixed array, to change in place.
    pub(crate) fn children_mut(&mut self) -> &mut [Value] {
        self.own();
        let block = self.block();
        // SAFETY: as in `word`, with exclusive access.
        unsafe {
            match self.tag() {
                ARRAY if thin::kind(block) == Value::KIND => ThinVec::slice_mut(block),
                FIELDS => {
                    let mut fields = ManuallyDrop::new(Fields::from_raw(block));
                    &mut *std::ptr::from_mut(fields.values_mut())
                }
                MAP => (*block.cast::<Map>()).values_mut(),
                _ => &mut [],
            }
        }
    }

    /// The array, if this is one; gives the value back otherwise.
    pub fn into_array(mut self) -> Result<Array, Self> {
        if self.tag() != ARRAY {
            return Err(self);
        }
        self.own();
        let block = ManuallyDrop::new(self).block();
        // SAFETY: the block is of the kind its head tells, and `self` no longer drops it.
        Ok(unsafe {
            match thin::kind(block) {
                i8::KIND => Array::I8(ThinVec::from_raw(block)),
                i16::KIND => Array::I16(ThinVec::from_raw(block)),
                i32::KIND => Array::I32(ThinVec::from_raw(block)),
                i64::KIND => Array::I64(ThinVec::from_raw(block)),
                f64::KIND => Array::F64(ThinVec::from_raw(block)),
                _ => Array::Values(ThinVec::from_raw(block)),
            }
        })
    }

    /// The object, if this is one; gives the value back otherwise.
    pub fn into_object(mut self) -> Result<Object, Self> {
        let tag = self.tag();
        if tag != FIELDS && tag != MAP {
            return Err(self);
        }
        self.own();
        let block = self.block();
        std::mem::forget(self);
        // SAFETY: the tag tells the block's type, and `self` no longer drops it.
        Ok(unsafe {
            match tag {
                FIELDS => Object::Fields(Fields::from_raw(block)),
                _ => Object::Map(Box::from_raw(block.cast())),
            }
        })
    }

    /// Bytes allocated for this word's own block, without what its members own.
    pub(crate) fn block_memory(&self) -> usize {
        match self.word() {
            Word::Inline(_) => 0,
            Word::Text(_) if self.tag() == SHORT => 0,
            Word::Text(text) => text::memory(text.len()),
            Word::Wide(int) => size_class(size_of_val(&int)),
            Word::Float(float) => size_class(size_of_val(&float)),
            Word::Fields(values, _) => size_class((values.len() + 1) * size_of::<Value>()),
            Word::Map(map) => map.memory(),
            Word::Array(_) => {
                // SAFETY: the memory of a block is in its head, whatever its items are.
                let array = unsafe { ThinVec::<i8>::from_raw(self.block()) };
                ManuallyDrop::new(array).memory()
            }
        }
    }
}

/// # Safety
/// `block` is an array block that outlives `'a`.
unsafe fn items<'a>(block: *mut u8) -> Items<'a> {
    // SAFETY: the head tells the kind of the items.
    unsafe {
        match thin::kind(block) {
            i8::KIND => Items::I8(ThinVec::slice(block)),
            i16::KIND => Items::I16(ThinVec::slice(block)),
            i32::KIND => Items::I32(ThinVec::slice(block)),
            i64::KIND => Items::I64(ThinVec::slice(block)),
            f64::KIND => Items::F64(ThinVec::slice(block)),
            _ => Items::Values(ThinVec::slice(block)),
        }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if self.is_alias() {
            return;
        }
        let block = self.block();
        // SAFETY: the tag tells the block's type; it is owned and not used again.
        unsafe {
            match self.tag() {
                INLINE | SHORT => {}
                TEXT => text::free(block),
                WIDE => drop(Box::<i128>::from_raw(block.cast())),
                FLOAT => drop(Box::<f64>::from_raw(block.cast())),
                ARRAY => drop(Value(self.0).into_array()),
                _ => drop(Value(self.0).into_object()),
            }
        }
    }
}
