//! A vector whose length, capacity and element kind sit in front of its elements, so that a
//! value word needs one pointer for it. Not a general vector: it holds the items of JSON arrays.

use super::{Value, size_class};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Most items one array may have; keeps every block under 4 GiB, whose size fits the header.
pub const MAX_ITEMS: usize = 1 << 28;

/// What precedes the items: 16 bytes would align nothing better, 8 are enough for every kind.
#[repr(C)]
struct Head {
    len: u32,
    /// Kind in the top three bits, below it the block's size in 8-byte units.
    meta: u32,
}

const HEAD: usize = size_of::<Head>();
const KIND_SHIFT: u32 = 29;

mod sealed {
    pub trait Sealed {}
}

/// A type that array blocks can hold.
pub trait Item: sealed::Sealed {
    /// Number that tells the kind of a block's items.
    const KIND: u8;
}

macro_rules! items {
    ($($item:ty => $kind:literal),*) => {$(
        impl sealed::Sealed for $item {}
        impl Item for $item {
            const KIND: u8 = $kind;
        }
    )*};
}
items!(Value => 0, i8 => 1, i16 => 2, i32 => 3, i64 => 4, f64 => 5);

/// Growable array behind one pointer; an empty one owns no memory.
pub struct ThinVec<T: Item> {
    head: Option<NonNull<Head>>,
    items: PhantomData<T>,
}

// SAFETY: a ThinVec owns its items like a Vec does.
unsafe impl<T: Item + Send> Send for ThinVec<T> {}
// SAFETY: as above; shared access only hands out shared slices.
unsafe impl<T: Item + Sync> Sync for ThinVec<T> {}

impl<T: Item> ThinVec<T> {
    const CHECKED: () = assert!(size_of::<T>() > 0 && size_of::<T>() <= 8 && align_of::<T>() <= 8);

    /// An empty vector without memory.
    pub const fn new() -> Self {
        let () = Self::CHECKED;
        Self { head: None, items: PhantomData }
    }

    /// A vector that takes the items of `source` and has no more room than the size class gives.
    pub fn from_exact(source: impl ExactSizeIterator<Item = T>) -> Self {
        let mut vec = Self::new();
        vec.reserve(source.len());
        source.for_each(|item| vec.push(item));
        vec
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        // SAFETY: a present head is valid as long as the vector lives.
        self.head.map_or(0, |head| unsafe { head.as_ref().len as usize })
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the block, header included; 0 without one.
    pub fn memory(&self) -> usize {
        // SAFETY: a present head is valid as long as the vector lives.
        self.head.map_or(0, |head| unsafe { block_bytes(head.as_ref().meta) })
    }

    fn capacity(&self) -> usize {
        self.memory().saturating_sub(HEAD) / size_of::<T>()
    }

    fn base(&self) -> *mut T {
        match self.head {
            // SAFETY: items start right behind the head, in the same block.
            Some(head) => unsafe { head.as_ptr().cast::<u8>().add(HEAD).cast() },
            None => NonNull::dangling().as_ptr(),
        }
    }

    fn set_len(&mut self, len: usize) {
        if let Some(head) = self.head {
            // SAFETY: exclusive access to a valid head; callers keep len within capacity.
            unsafe { (*head.as_ptr()).len = len as u32 }
        }
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: `len` items are initialised behind the head.
        unsafe { std::slice::from_raw_parts(self.base(), self.len()) }
    }

    /// The items, to change in place.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as in `as_slice`, with exclusive access.
        unsafe { std::slice::from_raw_parts_mut(self.base(), self.len()) }
    }

    /// Makes room for `more` further items.
    ///
    /// # Panics
    /// If the vector would exceed [`MAX_ITEMS`]; callers check lengths from outside first.
    pub fn reserve(&mut self, more: usize) {
        let need = self.len() + more;
        assert!(need <= MAX_ITEMS, "array longer than MAX_ITEMS");
        if need > self.capacity() {
            self.resize_block(size_class(HEAD + need * size_of::<T>()));
        }
    }

    /// Gives memory back once more than half of the block is unused.
    fn shrink(&mut self) {
        let fit = size_class(HEAD + self.len() * size_of::<T>());
        if self.is_empty() {
            *self = Self::new();
        } else if fit * 2 <= self.memory() {
            self.resize_block(fit);
        }
    }

    fn resize_block(&mut self, bytes: usize) {
        let meta = u32::from(T::KIND) << KIND_SHIFT | (bytes / 8) as u32;
        // SAFETY: the old block has the layout its head tells; the new one is at least as large as
        // the items in it need, which `reserve` and `shrink` see to.
        unsafe {
            let block = match self.head {
                Some(old) => {
                    let layout = layout(block_bytes(old.as_ref().meta));
                    realloc(old.as_ptr().cast(), layout, bytes)
                }
                None => alloc(layout(bytes)),
            };
            let Some(head) = NonNull::new(block.cast::<Head>()) else {
                handle_alloc_error(layout(bytes))
            };
            let len = if self.head.is_some() { head.as_ref().len } else { 0 };
            head.write(Head { len, meta });
            self.head = Some(head);
        }
    }

    /// Appends an item.
    pub fn push(&mut self, item: T) {
        self.reserve(1);
        let len = self.len();
        // SAFETY: `reserve` made room for one item behind the last.
        unsafe { self.base().add(len).write(item) }
        self.set_len(len + 1);
    }

    /// Puts `items` in at `at`, moving later items back; `at` beyond the end appends.
    pub fn splice_in(&mut self, at: usize, items: impl ExactSizeIterator<Item = T>) {
        let (len, more) = (self.len(), items.len());
        let at = at.min(len);
        // Appending and rotating keeps the vector valid even if the iterator misbehaves.
        self.reserve(more);
        items.for_each(|item| self.push(item));
        let added = self.len() - len;
        self.as_mut_slice()[at..].rotate_right(added);
    }

    /// Takes the item at `at` out, if there is one.
    pub fn remove(&mut self, at: usize) -> Option<T> {
        let len = self.len();
        if at >= len {
            return None;
        }
        self.set_len(len - 1);
        // SAFETY: `at` is initialised; the tail moves over it and the length no longer counts the
        // last slot, so each item is owned once.
        let item = unsafe {
            let slot = self.base().add(at);
            let item = slot.read();
            slot.copy_from(slot.add(1), len - at - 1);
            item
        };
        self.shrink();
        Some(item)
    }

    /// Drops all items behind the first `len`.
    pub fn truncate(&mut self, len: usize) {
        while self.len() > len {
            let last = self.len() - 1;
            self.set_len(last);
            // SAFETY: the item was initialised and is no longer counted.
            unsafe { self.base().add(last).drop_in_place() }
        }
        self.shrink();
    }

    /// Drops the items whose position `keep` rejects; positions are those before the call.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let mut kept = 0;
        for at in 0..self.len() {
            if keep(at) {
                self.as_mut_slice().swap(kept, at);
                kept += 1;
            }
        }
        self.truncate(kept);
    }

    /// Gives up the block as a pointer that [`ThinVec::from_raw`] takes back; null when empty.
    pub(super) fn into_raw(self) -> *mut u8 {
        let this = std::mem::ManuallyDrop::new(self);
        match this.head {
            Some(head) if !this.is_empty() => head.as_ptr().cast(),
            Some(_) => {
                drop(std::mem::ManuallyDrop::into_inner(this));
                std::ptr::null_mut()
            }
            None => std::ptr::null_mut(),
        }
    }

    /// # Safety
    /// `block` came from `into_raw` of the same item type and is taken back once.
    pub(super) unsafe fn from_raw(block: *mut u8) -> Self {
        Self { head: NonNull::new(block.cast()), items: PhantomData }
    }

    /// # Safety
    /// `block` came from `into_raw` of the same item type, and outlives `'a`.
    pub(super) unsafe fn slice<'a>(block: *mut u8) -> &'a [T] {
        // SAFETY: by contract; ManuallyDrop leaves the block with its owner.
        unsafe {
            let vec = std::mem::ManuallyDrop::new(Self::from_raw(block));
            std::slice::from_raw_parts(vec.base(), vec.len())
        }
    }

    /// # Safety
    /// As [`ThinVec::slice`], and nobody else reaches the block during `'a`.
    pub(super) unsafe fn slice_mut<'a>(block: *mut u8) -> &'a mut [T] {
        // SAFETY: by contract.
        unsafe {
            let vec = std::mem::ManuallyDrop::new(Self::from_raw(block));
            std::slice::from_raw_parts_mut(vec.base(), vec.len())
        }
    }
}

impl<T: Item> Default for ThinVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Item> Drop for ThinVec<T> {
    fn drop(&mut self) {
        if let Some(head) = self.head {
            // SAFETY: items are initialised and owned; the block has the layout its head tells and
            // is not used again.
            unsafe {
                std::ptr::drop_in_place(self.as_mut_slice());
                dealloc(head.as_ptr().cast(), layout(block_bytes(head.as_ref().meta)));
            }
        }
    }
}

impl<T: Item> IntoIterator for ThinVec<T> {
    type Item = T;
    type IntoIter = IntoItems<T>;

    fn into_iter(self) -> IntoItems<T> {
        let end = self.len();
        IntoItems { vec: self, next: 0, end }
    }
}

/// Iterator that owns the items of a [`ThinVec`].
pub struct IntoItems<T: Item> {
    vec: ThinVec<T>,
    next: usize,
    end: usize,
}

impl<T: Item> Iterator for IntoItems<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.next == self.end {
            return None;
        }
        // From the first read on, the items belong to the iterator and not to the vector.
        self.vec.set_len(0);
        // SAFETY: items from `next` to `end` are initialised and were not given out yet.
        let item = unsafe { self.vec.base().add(self.next).read() };
        self.next += 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl<T: Item> ExactSizeIterator for IntoItems<T> {}

impl<T: Item> Drop for IntoItems<T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

fn block_bytes(meta: u32) -> usize {
    (meta & ((1 << KIND_SHIFT) - 1)) as usize * 8
}

fn layout(bytes: usize) -> Layout {
    debug_assert!(bytes >= HEAD && bytes.is_multiple_of(8));
    Layout::from_size_align(bytes, 8).unwrap_or(Layout::new::<Head>())
}

/// # Safety
/// `block` came from `into_raw` of some item type and lives.
pub(super) unsafe fn kind(block: *const u8) -> u8 {
    if block.is_null() {
        return Value::KIND;
    }
    // SAFETY: every block starts with a head.
    unsafe { ((*block.cast::<Head>()).meta >> KIND_SHIFT) as u8 }
}
