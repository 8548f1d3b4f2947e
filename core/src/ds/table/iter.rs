//! Iterators over whole tables.
#![allow(unsafe_code)]

use super::segment::{Segment, Used};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Walks the distinct segments of a directory, from its end so that an owner can shorten it.
struct Walk<T> {
    /// Entries not yet visited.
    entries: usize,
    directory_bits: u8,
    segment: Segment<T>,
    /// Groups of `segment` not yet visited.
    groups: usize,
    used: Option<Used<T>>,
}

impl<T> Walk<T> {
    fn new(directory: &[Segment<T>], directory_bits: u8) -> Self {
        let segment = Segment::vacant(0);
        Walk { entries: directory.len(), directory_bits, segment, groups: 0, used: None }
    }

    /// The next element of the current segment.
    #[inline]
    fn next_element(&mut self) -> Option<NonNull<T>> {
        loop {
            if let Some(element) = self.used.as_mut().and_then(Iterator::next) {
                return Some(element);
            }
            self.groups = self.groups.checked_sub(1)?;
            self.used = Some(self.segment.used(self.groups));
        }
    }

    /// Goes on to the next segment and returns it.
    fn next_segment(&mut self, directory: &[Segment<T>]) -> Option<Segment<T>> {
        let segment = *directory.get(self.entries.checked_sub(1)?)?;
        self.entries -= 1 << (self.directory_bits - segment.depth);
        self.groups = segment.groups();
        self.segment = segment;
        Some(segment)
    }

    #[inline]
    fn next(&mut self, directory: &[Segment<T>]) -> Option<NonNull<T>> {
        loop {
            if let Some(element) = self.next_element() {
                return Some(element);
            }
            self.next_segment(directory)?;
        }
    }
}

/// Iterator over the elements of a table.
pub struct Iter<'a, T> {
    directory: &'a [Segment<T>],
    walk: Walk<T>,
    left: usize,
    elements: PhantomData<&'a T>,
}

impl<'a, T> Iter<'a, T> {
    pub(super) fn new(directory: &'a [Segment<T>], directory_bits: u8, len: usize) -> Self {
        let walk = Walk::new(directory, directory_bits);
        Iter { directory, walk, left: len, elements: PhantomData }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        let element = self.walk.next(self.directory)?;
        self.left -= 1;
        // SAFETY: the walk names each element once; the table is borrowed for 'a.
        Some(unsafe { element.as_ref() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

/// Iterator over the elements of a table that lends them for changes.
pub struct IterMut<'a, T> {
    directory: &'a [Segment<T>],
    walk: Walk<T>,
    left: usize,
    elements: PhantomData<&'a mut T>,
}

impl<'a, T> IterMut<'a, T> {
    /// The caller must hold the table exclusively for `'a`.
    pub(super) fn new(directory: &'a [Segment<T>], directory_bits: u8, len: usize) -> Self {
        let walk = Walk::new(directory, directory_bits);
        IterMut { directory, walk, left: len, elements: PhantomData }
    }
}

impl<'a, T> Iterator for IterMut<'a, T> {
    type Item = &'a mut T;

    #[inline]
    fn next(&mut self) -> Option<&'a mut T> {
        let mut element = self.walk.next(self.directory)?;
        self.left -= 1;
        // SAFETY: the walk names each element once; the table is borrowed exclusively for 'a.
        Some(unsafe { element.as_mut() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for IterMut<'_, T> {}

/// Iterator that takes the elements out of a table and frees its segments as it goes.
pub struct IntoIter<T> {
    directory: Vec<Segment<T>>,
    walk: Walk<T>,
    left: usize,
}

// SAFETY: owns the elements, like a Vec.
unsafe impl<T: Send> Send for IntoIter<T> {}
// SAFETY: a shared iterator gives out nothing.
unsafe impl<T: Sync> Sync for IntoIter<T> {}

impl<T> IntoIter<T> {
    pub(super) fn new(directory: Vec<Segment<T>>, directory_bits: u8, len: usize) -> Self {
        let walk = Walk::new(&directory, directory_bits);
        IntoIter { directory, walk, left: len }
    }

    /// Frees the current segment, whose elements are out, and goes on to the next.
    fn advance(&mut self) -> Option<()> {
        self.free_current();
        self.walk.next_segment(&self.directory)?;
        Some(())
    }

    fn free_current(&mut self) {
        let segment = std::mem::replace(&mut self.walk.segment, Segment::vacant(0));
        (self.walk.groups, self.walk.used) = (0, None);
        // SAFETY: this iterator owns the segment, which is current once only; its elements have
        // been read out or need no drop.
        unsafe { segment.deallocate() };
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        loop {
            if let Some(element) = self.walk.next_element() {
                self.left -= 1;
                // SAFETY: the walk names each element once, so it is read once.
                return Some(unsafe { element.read() });
            }
            self.advance()?;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for IntoIter<T> {}

impl<T> Drop for IntoIter<T> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>() {
            self.for_each(drop);
        } else {
            while self.advance().is_some() {}
        }
    }
}
