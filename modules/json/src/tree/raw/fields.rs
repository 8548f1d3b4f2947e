//! The block of a small object: the shared key list, then one value a key, in one allocation.

use super::super::shape::{Shape, ShapeRef};
use super::{Value, size_class};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::Arc;

/// Values of an object, in the order of its shape's keys.
///
/// The number of values is the shape's number of keys, so the block stores no length.
pub struct Fields {
    block: NonNull<*const Shape>,
}

// SAFETY: Fields owns its values and its share of the shape, both of which are Send.
unsafe impl Send for Fields {}
// SAFETY: shared access hands out shared values only.
unsafe impl Sync for Fields {}

fn bytes(len: usize) -> usize {
    size_of::<*const Shape>() + len * size_of::<Value>()
}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(bytes(len), 8).unwrap_or(Layout::new::<u64>())
}

impl Fields {
    /// Takes as many of `values` as `shape` has keys.
    ///
    /// # Panics
    /// If there are fewer values than keys.
    pub fn new(shape: ShapeRef, values: impl IntoIterator<Item = Value>) -> Self {
        let len = shape.len();
        let mut values = values.into_iter();
        // Gathered first, so that a panicking iterator leaves nothing half made.
        let taken: smallvec::SmallVec<[Value; 16]> = values.by_ref().take(len).collect();
        assert_eq!(taken.len(), len, "as many values as keys");
        let layout = layout(len);
        // SAFETY: the block has room for the shape and `len` values, all of which are written.
        unsafe {
            let Some(block) = NonNull::new(alloc(layout).cast::<*const Shape>()) else {
                handle_alloc_error(layout)
            };
            block.write(Arc::into_raw(shape.into_arc()));
            let base = block.as_ptr().add(1).cast::<Value>();
            for (at, value) in taken.into_iter().enumerate() {
                base.add(at).write(value);
            }
            Self { block }
        }
    }

    /// The object's keys.
    pub fn shape(&self) -> &Shape {
        // SAFETY: the block holds a strong reference to its shape as long as it lives.
        unsafe { &**self.block.as_ptr() }
    }

    /// Another reference to the key list.
    pub fn shared_shape(&self) -> ShapeRef {
        // SAFETY: the pointer came from Arc::into_raw; the count grows for the new reference.
        let arc = unsafe {
            let shape = *self.block.as_ptr();
            Arc::increment_strong_count(shape);
            Arc::from_raw(shape)
        };
        ShapeRef::share(arc)
    }

    fn base(&self) -> *mut Value {
        // SAFETY: the values start behind the shape pointer, in the same block.
        unsafe { self.block.as_ptr().add(1).cast() }
    }

    /// The values, in key order.
    pub fn values(&self) -> &[Value] {
        // SAFETY: there is one initialised value a key.
        unsafe { std::slice::from_raw_parts(self.base(), self.shape().len()) }
    }

    /// The values, to change in place.
    pub fn values_mut(&mut self) -> &mut [Value] {
        // SAFETY: as in `values`, with exclusive access.
        unsafe { std::slice::from_raw_parts_mut(self.base(), self.shape().len()) }
    }

    /// Takes the object apart.
    pub fn into_parts(mut self) -> (ShapeRef, smallvec::SmallVec<[Value; 16]>) {
        let values = self.values_mut().iter_mut().map(std::mem::take).collect();
        (self.shared_shape(), values)
    }

    /// Bytes of the block.
    pub fn memory(&self) -> usize {
        size_class(bytes(self.shape().len()))
    }

    pub(super) fn into_raw(self) -> *mut u8 {
        std::mem::ManuallyDrop::new(self).block.as_ptr().cast()
    }

    /// # Safety
    /// `block` came from `into_raw`, and is taken back once (or wrapped in `ManuallyDrop`).
    pub(super) unsafe fn from_raw(block: *mut u8) -> Self {
        // SAFETY: `into_raw` never gives null.
        Self { block: unsafe { NonNull::new_unchecked(block.cast()) } }
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        let len = self.shape().len();
        // SAFETY: the values are dropped once, the shape reference is given back once, and the
        // block, whose layout follows from its length, is not used again.
        unsafe {
            std::ptr::drop_in_place(self.values_mut());
            drop(ShapeRef::from_arc(Arc::from_raw(*self.block.as_ptr())));
            dealloc(self.block.as_ptr().cast(), layout(len));
        }
    }
}
