//! The large form of a sorted set: a table that finds members, and a counted tree that orders
//! them by score and then by their bytes.
//!
//! The table owns the members; the tree's entries refer to them. Therefore a member goes into the
//! table before the tree, and out of the tree before the table, and nothing outside of this file
//! sees an entry.
#![allow(unsafe_code)]

use super::member::{Member, MemberRef};
use super::tree::{self, Key, Tree};
use super::{LexRange, ScoreRange};
use crate::ds::{Deadlines, table};
use crate::keyspace::{Captured, Collection, EachMember, EachPart, Parts};
use crate::types::beside::{Element, Elements};
use std::cmp::Ordering;

/// A member and its score, in the table.
struct Slot {
    member: Member,
    score: f64,
}

impl Slot {
    fn entry(&self) -> Entry {
        Entry { score: self.score, member: self.member.refer() }
    }
}

/// A member and its score, in the tree. Its member is alive: see the file's page.
#[derive(Clone, Copy)]
struct Entry {
    score: f64,
    member: MemberRef,
}

impl Entry {
    #[inline]
    fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: entries exist only while their member is in the table, and this file gives out
        // the bytes of an entry only for as long as the table is borrowed.
        unsafe { self.member.bytes() }
    }
}

impl Ord for Entry {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        // Scores are never NaN.
        match self.score.partial_cmp(&other.score) {
            Some(Ordering::Less) => Ordering::Less,
            Some(Ordering::Greater) => Ordering::Greater,
            _ => self.bytes().cmp(other.bytes()),
        }
    }
}

impl PartialOrd for Entry {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl Key for Entry {
    #[inline]
    fn prefetch(&self) {
        self.member.prefetch();
    }
}

impl Element for Slot {
    const COLLECTION: Collection = Collection::Zset;

    #[inline]
    fn name(&self) -> &[u8] {
        self.member.bytes()
    }

    fn memory(&self) -> usize {
        self.member.memory()
    }

    fn pass(&self, put: impl FnOnce(&[u8], &[u8])) {
        put(self.member.bytes(), &self.score.to_le_bytes());
    }
}

/// Members with their scores, and in order.
#[derive(Default)]
pub(super) struct Large {
    slots: Elements<Slot>,
    order: Tree<Entry>,
}

impl Clone for Large {
    fn clone(&self) -> Self {
        let mut copy = Self { slots: self.slots.bare(), order: Tree::default() };
        for (member, score) in self.walk(0, false) {
            copy.add(self.slots.hash(member), member, score);
        }
        copy
    }
}

impl Large {
    /// When elements expire, once one was given a deadline.
    pub(super) fn deadlines(&self) -> Option<&Deadlines> {
        self.slots.deadlines()
    }

    /// Gives an element that is there a deadline.
    pub(super) fn set_deadline(&mut self, member: &[u8], at: i64) {
        self.slots.set_deadline(member, at);
    }

    /// Takes an element's deadline away and returns it.
    pub(super) fn clear_deadline(&mut self, member: &[u8]) -> Option<i64> {
        self.slots.clear_deadline(member)
    }

    /// See [`Elements::adopt`].
    pub(super) fn adopt(&mut self, deadlines: Option<Box<Deadlines>>) {
        self.slots.adopt(deadlines);
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    fn slot(&self, member: &[u8]) -> Option<&Slot> {
        self.slots.find(self.slots.hash(member), member)
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.slot(member).map(|slot| slot.score)
    }

    /// The rank and the score of a member.
    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let slot = self.slot(member)?;
        Some((self.order.rank(&slot.entry()), slot.score))
    }

    /// Adds a member that is not there.
    fn add(&mut self, hash: u64, member: &[u8], score: f64) {
        let slot = Slot { member: Member::new(member), score };
        let entry = slot.entry();
        self.slots.insert(hash, slot);
        self.order.insert(entry);
    }

    /// Gives a member the score that `decide` makes of its present one, if it returns any, and
    /// adds the member if need be. Returns the score before.
    pub(super) fn update(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Option<f64> {
        let hash = self.slots.hash(member);
        let Some(slot) = self.slots.find_mut(hash, member) else {
            if let Some(score) = decide(None) {
                self.add(hash, member, score);
            }
            return None;
        };
        let old = slot.entry();
        if let Some(score) = decide(Some(old.score))
            && score != old.score
        {
            self.order.remove(&old);
            slot.score = score;
            self.order.insert(slot.entry());
        }
        Some(old.score)
    }

    /// Removes a member and returns its score.
    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let entry = self.slot(member)?.entry();
        self.order.remove(&entry);
        self.slots.remove(member).map(|slot| slot.score)
    }

    /// Removes so many members from a rank on, as far as there are any, and passes each to `f`.
    pub(super) fn remove_ranks(
        &mut self,
        rank: usize,
        count: usize,
        mut f: impl FnMut(&[u8], f64),
    ) -> usize {
        let entries: Vec<Entry> = self.order.walk(rank, false).take(count).collect();
        for entry in &entries {
            self.order.remove(entry);
            if let Some(slot) = self.slots.remove(entry.bytes()) {
                f(slot.member.bytes(), slot.score);
            }
        }
        entries.len()
    }

    /// The ranks of the members whose scores are in a range.
    pub(super) fn score_ranks(&self, range: &ScoreRange) -> std::ops::Range<usize> {
        let start = self.order.partition(|entry| range.is_below(entry.score));
        let end = self.order.partition(|entry| !range.is_above(entry.score));
        start..end.max(start)
    }

    /// The ranks of the members in a range, if all scores are equal.
    pub(super) fn lex_ranks(&self, range: &LexRange<'_>) -> std::ops::Range<usize> {
        let start = self.order.partition(|entry| range.is_below(entry.bytes()));
        let end = self.order.partition(|entry| !range.is_above(entry.bytes()));
        start..end.max(start)
    }

    /// The members in order from a rank on, backwards if `reverse`.
    pub(super) fn walk(&self, rank: usize, reverse: bool) -> Walk<'_> {
        Walk(self.order.walk(rank, reverse))
    }

    pub(super) fn random(&self, random: u64) -> Option<(&[u8], f64)> {
        self.slots.random(random).map(|slot| (slot.member.bytes(), slot.score))
    }

    /// See [`Table::scan`].
    pub(super) fn scan(&self, cursor: u64, mut f: impl FnMut(&[u8], f64)) -> u64 {
        self.slots.scan(cursor, |slot| f(slot.member.bytes(), slot.score))
    }

    /// The members in no order.
    pub(super) fn unordered(&self) -> Unordered<'_> {
        Unordered(self.slots.iter())
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.slots.memory() + self.order.memory()
    }
}

impl Parts for Large {
    fn collection(&self) -> Collection {
        self.slots.collection()
    }

    fn count(&self) -> usize {
        self.slots.count()
    }

    fn earliest(&self) -> Option<i64> {
        self.slots.earliest()
    }

    fn descend(&self, from: Option<(f64, &[u8])>, f: &mut EachMember<'_>) {
        let below = |entry: &Entry| {
            from.is_none_or(|(score, member)| {
                entry.score < score || (entry.score == score && entry.bytes() < member)
            })
        };
        let Some(rank) = self.order.partition(below).checked_sub(1) else { return };
        for (member, score) in self.walk(rank, true) {
            if !f(self.slots.hash(member), member, score, self.slots.deadline(member)) {
                return;
            }
        }
    }

    fn captured(&mut self) -> &mut Captured {
        self.slots.captured()
    }

    fn scan_parts(&self, cursor: u64, f: &mut EachPart<'_>) -> u64 {
        self.slots.scan_parts(cursor, f)
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        let mut captured = std::mem::take(self.slots.captured());
        captured.leave(|| {
            let order = std::mem::take(&mut self.order);
            Box::new(Self { slots: self.slots.heir(), order })
        });
    }
}

/// A large sorted set whose members come in any order. They are put in order at the end: a place in
/// a large tree for each as it comes would have to be fetched from memory.
#[derive(Default)]
pub(super) struct Unsorted {
    large: Large,
    entries: Vec<Entry>,
}

impl Unsorted {
    /// Adds a member; false when it is there already.
    pub(super) fn add(&mut self, member: &[u8], score: f64) -> bool {
        let make = || Slot { member: Member::new(member), score };
        let (slot, added) = self.large.slots.find_or_insert(member, make);
        if added {
            self.entries.push(slot.entry());
        }
        added
    }

    pub(super) fn sort(mut self) -> Large {
        // Files of other servers have them in order, which the sort finds out at once.
        self.entries.sort_unstable();
        self.entries.into_iter().for_each(|entry| self.large.order.insert(entry));
        self.large
    }
}

/// Iterator over members and scores in order.
pub(super) struct Walk<'a>(tree::Walk<'a, Entry>);

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| (entry.bytes(), entry.score))
    }
}

/// Iterator over members and scores in no order.
pub(super) struct Unordered<'a>(table::Iter<'a, Slot>);

impl<'a> Iterator for Unordered<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|slot| (slot.member.bytes(), slot.score))
    }
}
