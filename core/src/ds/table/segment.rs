//! A segment: one allocation that holds the elements of one range of hashes.
//!
//! It is an array of groups, each a control block followed by its slots. After the `depth` bits
//! that lead to the segment, the next `group_bits` bits of a hash name its home group, so groups
//! follow the order of hashes; an element whose home is full lies in the next group with room.
//! Groups can be made wider without hashing anything; any other change of shape hashes all
//! elements again and is made by [`Segment::rebuilt`].
//!
//! A `Segment` is a plain handle: who owns the memory, and that the element count is right, is the
//! directory's business.
#![allow(unsafe_code)]

use super::group::{CONTROL, Control, Slots, TAGS, VACANT, tag_of};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Bits of a full segment's home group: 32 groups, about 390 elements when it splits. That bounds
/// the longest step of a table at some ten microseconds, and keeps the directory small.
pub(super) const FULL_GROUP_BITS: u8 = 5;
/// Width of full groups: with 8-byte elements, two cache lines.
pub(super) const MOST_SLOTS: u8 = TAGS as u8;
/// Width from which segments of several groups start.
const FIRST_SLOTS: u8 = MOST_SLOTS - 6;
/// Width of a segment that holds one or two elements.
const LEAST_SLOTS: u8 = 2;

/// Handle of a segment.
pub(super) struct Segment<T> {
    base: NonNull<u8>,
    /// Elements; kept only in the first of the directory's entries for this segment.
    pub(super) len: u32,
    /// Leading bits that all its hashes share.
    pub(super) depth: u8,
    group_bits: u8,
    /// Slots of each group; 0 means that there is no memory behind `base`.
    slots: u8,
    elements: PhantomData<*mut T>,
}

/// Group and slot of an element.
#[derive(Clone, Copy)]
pub(super) struct Place {
    group: usize,
    slot: usize,
}

/// Number and width of groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    group_bits: u8,
    slots: u8,
}

impl<T> Clone for Segment<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Segment<T> {}

impl<T> Segment<T> {
    const ALIGNED: () = assert!(align_of::<T>() <= CONTROL, "elements align to 16 at most");

    /// A segment without elements or memory.
    pub(super) fn vacant(depth: u8) -> Self {
        let () = Self::ALIGNED;
        let base = NonNull::from(&VACANT).cast();
        Segment { base, len: 0, depth, group_bits: 0, slots: 0, elements: PhantomData }
    }

    /// Allocates an empty segment of this shape.
    pub(super) fn allocate(shape: Shape, depth: u8) -> Self {
        let Shape { group_bits, slots } = shape;
        let mut segment = Segment { group_bits, slots, ..Self::vacant(depth) };
        let layout = segment.layout();
        // SAFETY: the layout has a size: there is at least one group with its control block.
        let base = unsafe { alloc(layout) };
        let Some(base) = NonNull::new(base) else { handle_alloc_error(layout) };
        segment.base = base;
        for group in 0..segment.groups() {
            // SAFETY: the control block of `group` lies within the allocation.
            unsafe { segment.group(group).cast::<[u8; CONTROL]>().write([0; CONTROL]) };
        }
        segment
    }

    /// Gives the memory back without dropping elements.
    ///
    /// # Safety
    /// The segment must not be used afterwards, through any copy of the handle.
    pub(super) unsafe fn deallocate(self) {
        if self.slots != 0 {
            // SAFETY: `base` came from `alloc` with this layout.
            unsafe { dealloc(self.base.as_ptr(), self.layout()) }
        }
    }

    /// Bytes allocated.
    pub(super) fn bytes(&self) -> usize {
        if self.slots == 0 { 0 } else { self.layout().size() }
    }

    fn layout(&self) -> Layout {
        self.groups()
            .checked_mul(self.stride())
            .and_then(|size| Layout::from_size_align(size, CONTROL).ok())
            .unwrap_or_else(|| panic!("table: capacity overflow"))
    }

    #[inline(always)]
    pub(super) fn groups(&self) -> usize {
        1 << self.group_bits
    }

    /// Slots of all groups.
    pub(super) fn capacity(&self) -> usize {
        usize::from(self.slots) << self.group_bits
    }

    /// Bytes from one group to the next.
    #[inline(always)]
    fn stride(&self) -> usize {
        (CONTROL + usize::from(self.slots) * size_of::<T>()).next_multiple_of(CONTROL)
    }

    /// Elements beyond which the segment must grow or split.
    #[inline(always)]
    pub(super) fn limit(&self) -> usize {
        Shape { group_bits: self.group_bits, slots: self.slots }.limit()
    }

    /// The home group of a hash.
    #[inline(always)]
    pub(super) fn home(&self, hash: u64) -> usize {
        let shift = 64 - u32::from(self.depth) - u32::from(self.group_bits);
        hash.wrapping_shr(shift) as usize & (self.groups() - 1)
    }

    #[inline(always)]
    fn next(&self, group: usize) -> usize {
        (group + 1) & (self.groups() - 1)
    }

    #[inline(always)]
    fn group(&self, group: usize) -> *mut u8 {
        debug_assert!(group < self.groups());
        // SAFETY: groups below `groups()` lie within the allocation, and a segment without memory
        // has only group 0, which is where `base` points.
        unsafe { self.base.as_ptr().add(group * self.stride()) }
    }

    #[inline(always)]
    fn control(&self, group: usize) -> &Control {
        // SAFETY: each group begins with an initialised control block, and strides keep it aligned.
        unsafe { &*self.group(group).cast::<Control>() }
    }

    /// # Safety
    /// The segment must have memory, and nobody else a reference to this block.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    unsafe fn control_mut(&self, group: usize) -> &mut Control {
        // SAFETY: as in `control`; exclusive by the caller's word, and not the shared static.
        unsafe { &mut *self.group(group).cast::<Control>() }
    }

    /// Address of a slot.
    #[inline(always)]
    pub(super) fn slot(&self, place: Place) -> NonNull<T> {
        debug_assert!(place.slot < usize::from(self.slots));
        // SAFETY: the slot lies within its group, hence within the allocation, which is not null.
        unsafe {
            let slots = self.group(place.group).add(CONTROL).cast::<T>();
            NonNull::new_unchecked(slots.add(place.slot))
        }
    }

    /// Looks for an element with this hash for which `eq` holds.
    #[inline(always)]
    pub(super) fn find(&self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<Place> {
        let tag = tag_of(hash);
        let mut group = self.home(hash);
        for _ in 0..self.groups() {
            let control = self.control(group);
            for slot in control.matching(tag) {
                let place = Place { group, slot };
                // SAFETY: a tag other than 0 marks an initialised element.
                if eq(unsafe { self.slot(place).as_ref() }) {
                    return Some(place);
                }
            }
            if !control.may_have_passed(hash) {
                return None;
            }
            group = self.next(group);
        }
        None
    }

    /// Claims a slot for an element with this hash; the caller must write it.
    ///
    /// # Safety
    /// The segment must have a free slot, and nobody else a reference into it.
    #[inline(always)]
    pub(super) unsafe fn claim(&self, hash: u64) -> NonNull<T> {
        let mut group = self.home(hash);
        loop {
            // SAFETY: exclusive by the caller's word; a segment with a free slot has memory.
            let control = unsafe { self.control_mut(group) };
            if let Some(slot) = control.first_free(usize::from(self.slots)) {
                control.set(slot, tag_of(hash));
                return self.slot(Place { group, slot });
            }
            control.count_passing(hash);
            group = self.next(group);
        }
    }

    /// Frees the slot of an element with this hash; the caller has taken over the element.
    ///
    /// # Safety
    /// `place` must hold an element with this hash, and nobody else a reference into the segment.
    pub(super) unsafe fn release(&self, place: Place, hash: u64) {
        let mut group = self.home(hash);
        while group != place.group {
            // SAFETY: exclusive by the caller's word; a segment with an element has memory.
            unsafe { self.control_mut(group) }.uncount_passing();
            group = self.next(group);
        }
        // SAFETY: as above.
        unsafe { self.control_mut(group) }.clear(place.slot);
    }

    /// The elements in use of one group.
    pub(super) fn used(&self, group: usize) -> Used<T> {
        Used { segment: *self, group, slots: self.control(group).used() }
    }

    /// An element in a slot, if `slot` (a number below `capacity()`) is in use.
    pub(super) fn nth_slot(&self, slot: usize) -> Option<NonNull<T>> {
        let width = usize::from(self.slots);
        let place = Place { group: slot / width, slot: slot % width };
        let used = self.control(place.group).used().0;
        (used >> place.slot & 1 == 1).then(|| self.slot(place))
    }

    /// Passes all elements whose home is `group` to `f`, with their hashes. Elements of a home lie
    /// in it and in the groups after it, as far as groups have overflowed. They are borrowed as
    /// the table is.
    pub(super) fn for_each_at_home(
        &self,
        home: usize,
        hasher: impl Fn(&T) -> u64,
        mut f: impl FnMut(u64, NonNull<T>),
    ) {
        let mut group = home;
        for _ in 0..self.groups() {
            for element in self.used(group) {
                // SAFETY: `used` names initialised elements.
                let hash = hasher(unsafe { element.as_ref() });
                if self.home(hash) == home {
                    f(hash, element);
                }
            }
            if !self.control(group).has_passed() {
                return;
            }
            group = self.next(group);
        }
    }

    /// All elements in use.
    pub(super) fn elements(&self) -> impl Iterator<Item = NonNull<T>> + use<T> {
        let segment = *self;
        (0..self.groups()).flat_map(move |group| segment.used(group))
    }

    /// Asks the processor to load the home group of a hash.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: u64) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: prefetching reads nothing, and the address is valid.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(self.group(self.home(hash)).cast_const().cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = hash;
    }

    /// The shape for a segment that must take one element more than its limit, or nothing if it
    /// is as large as a segment should be and ought to split.
    pub(super) fn next_shape(&self) -> Option<Shape> {
        if self.slots == 0 {
            return Some(Shape { group_bits: 0, slots: LEAST_SLOTS });
        }
        let widest = self.slots >= MOST_SLOTS;
        match self.group_bits {
            0 if self.slots < FIRST_SLOTS => {
                Some(Shape { group_bits: 0, slots: (self.slots * 2).min(FIRST_SLOTS) })
            }
            group_bits if !widest => Some(Shape { group_bits, slots: self.slots + 2 }),
            FULL_GROUP_BITS.. => None,
            _ => Some(Self::shape_for(self.limit() + 1)),
        }
    }

    /// The smallest shape in which `len` elements leave a little room.
    pub(super) fn shape_for(len: usize) -> Shape {
        if len <= usize::from(FIRST_SLOTS) {
            let slots = (len as u8).next_power_of_two().clamp(LEAST_SLOTS, FIRST_SLOTS);
            return Shape { group_bits: 0, slots };
        }
        let wanted = len + len / 16;
        let mut shape = Shape { group_bits: 0, slots: FIRST_SLOTS };
        while shape.limit() < wanted {
            if shape.slots < MOST_SLOTS {
                shape.slots += 2;
            } else {
                shape = Shape { group_bits: shape.group_bits + 1, slots: FIRST_SLOTS };
            }
        }
        shape
    }

    /// Whether a segment of this shape is the same but for wider groups.
    pub(super) fn widens_to(&self, shape: Shape) -> bool {
        self.slots != 0 && self.group_bits == shape.group_bits && self.slots <= shape.slots
    }

    /// Copies the elements, group by group, into a segment with wider groups.
    pub(super) fn widened(&self, shape: Shape) -> Self {
        debug_assert!(self.widens_to(shape));
        let mut wider = Self::allocate(shape, self.depth);
        wider.len = self.len;
        for group in 0..self.groups() {
            let bytes = CONTROL + usize::from(self.slots) * size_of::<T>();
            // SAFETY: both groups are at least `bytes` long, and the allocations are distinct.
            unsafe { self.group(group).copy_to_nonoverlapping(wider.group(group), bytes) };
        }
        wider
    }

    /// The hashes of all elements, in the order of `elements`.
    pub(super) fn hashes(&self, hasher: impl Fn(&T) -> u64) -> Vec<u64> {
        let mut hashes = Vec::with_capacity(self.len as usize);
        // SAFETY: `elements` names initialised elements.
        hashes.extend(self.elements().map(|element| hasher(unsafe { element.as_ref() })));
        hashes
    }

    /// Copies elements, whose hashes these are, into the one of `targets` that `choose` gives.
    ///
    /// # Safety
    /// `hashes` must come from `hashes()` of the unchanged segment. The targets must have memory
    /// and room, their depth and hashes must fit, and nobody else may refer to them. The elements
    /// are bitwise copies: only one side may be used as theirs afterwards.
    pub(super) unsafe fn copy_to(
        &self,
        hashes: &[u64],
        targets: &mut [Self],
        choose: impl Fn(u64) -> usize,
    ) {
        for (element, &hash) in self.elements().zip(hashes) {
            let target = &mut targets[choose(hash)];
            target.len += 1;
            // SAFETY: `claim` returns a fresh slot of another allocation.
            unsafe { target.claim(hash).copy_from_nonoverlapping(element, 1) };
        }
    }

    /// The position at which the next group in hash order begins, positions being the top `bits`
    /// bits of hashes.
    pub(super) fn next_position(&self, position: u64, bits: u32) -> u64 {
        let kept = u32::from(self.depth) + u32::from(self.group_bits);
        let step = bits.saturating_sub(kept);
        ((position >> step) + 1) << step
    }
}

impl Shape {
    /// Elements a segment of this shape may hold: all slots of a lone group, else seven eighths
    /// of the widest groups' and 25/32 of narrower ones', so that elements stay near their home.
    /// (Widening is cheap, but elements that went past a group stay where they are.)
    #[inline(always)]
    fn limit(self) -> usize {
        let capacity = usize::from(self.slots) << self.group_bits;
        match self.group_bits {
            0 => capacity,
            _ if usize::from(self.slots) == TAGS => capacity / 8 * 7,
            _ => capacity / 32 * 25 + capacity % 32 * 25 / 32,
        }
    }
}

/// The elements of a group.
pub(super) struct Used<T> {
    segment: Segment<T>,
    group: usize,
    slots: Slots,
}

impl<T> Iterator for Used<T> {
    type Item = NonNull<T>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<T>> {
        let slot = self.slots.next()?;
        Some(self.segment.slot(Place { group: self.group, slot }))
    }
}
