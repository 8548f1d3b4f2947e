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
use crate::ds::table::{self, Table};
use crate::ds::{Deadlines, Seed, hash_bytes};
use crate::keyspace::{Captured, Collection, EachMember, EachPart, Parts};
use crate::types::beside::Beside;
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

/// Members by their hashes, under a seed of the set's own, and in order.
pub(super) struct Large {
    slots: Table<Slot>,
    order: Tree<Entry>,
    seed: Seed,
    /// Bytes that the members have allocated.
    bytes: usize,
    /// Deadlines, and the snapshot that takes it in parts.
    beside: Beside,
}

impl Default for Large {
    fn default() -> Self {
        Self::seeded(Seed::random())
    }
}

impl Clone for Large {
    fn clone(&self) -> Self {
        let mut copy = Self::seeded(self.seed);
        copy.beside = self.beside.copy();
        for (member, score) in self.walk(0, false) {
            copy.add(hash_bytes(&self.seed, member), member, score);
        }
        copy
    }
}

fn hasher(seed: &Seed) -> impl Fn(&Slot) -> u64 {
    |slot| hash_bytes(seed, slot.member.bytes())
}

impl Large {
    fn seeded(seed: Seed) -> Self {
        Self {
            slots: Table::new(),
            order: Tree::default(),
            seed,
            bytes: 0,
            beside: Beside::default(),
        }
    }

    /// Has a snapshot take what is about to change.
    #[inline]
    fn preserve(&mut self, hash: u64) {
        self.beside.before(hash, |put| {
            self.slots.find(hash, |slot| {
                let member = slot.member.bytes();
                if hash_bytes(&self.seed, member) == hash {
                    put(member, &slot.score.to_le_bytes());
                }
                false
            });
        });
    }

    /// When elements expire, once one was given a deadline.
    pub(super) fn deadlines(&self) -> Option<&Deadlines> {
        self.beside.deadlines()
    }

    /// Gives an element that is there a deadline.
    pub(super) fn set_deadline(&mut self, element: &[u8], at: i64) {
        self.preserve(hash_bytes(&self.seed, element));
        self.beside.set(element, at);
    }

    /// Takes an element's deadline away and returns it.
    pub(super) fn clear_deadline(&mut self, element: &[u8]) -> Option<i64> {
        self.beside.deadlines()?;
        self.preserve(hash_bytes(&self.seed, element));
        self.beside.clear(element)
    }

    /// With these deadlines; it has none yet.
    pub(super) fn with_deadlines(mut self, deadlines: Option<Box<Deadlines>>) -> Self {
        self.beside = Beside::new(deadlines);
        self
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    fn slot(&self, member: &[u8]) -> Option<&Slot> {
        let hash = hash_bytes(&self.seed, member);
        self.slots.find(hash, |slot| slot.member.bytes() == member)
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
        self.bytes += slot.member.memory();
        let entry = slot.entry();
        self.slots.insert_unique(hash, slot, hasher(&self.seed));
        self.order.insert(entry);
    }

    /// Gives a member the score that `decide` makes of its present one, if it returns any, and
    /// adds the member if need be. Returns the score before.
    pub(super) fn update(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Option<f64> {
        let hash = hash_bytes(&self.seed, member);
        self.preserve(hash);
        let Some(slot) = self.slots.find_mut(hash, |slot| slot.member.bytes() == member) else {
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
        let hash = hash_bytes(&self.seed, member);
        self.preserve(hash);
        self.beside.clear(member);
        let slot = self.slots.find(hash, |slot| slot.member.bytes() == member)?;
        self.order.remove(&slot.entry());
        let slot =
            self.slots.remove(hash, |slot| slot.member.bytes() == member, hasher(&self.seed))?;
        self.bytes -= slot.member.memory();
        Some(slot.score)
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
            let hash = hash_bytes(&self.seed, entry.bytes());
            self.preserve(hash);
            self.beside.clear(entry.bytes());
            self.order.remove(entry);
            let same = |slot: &Slot| slot.member.bytes() == entry.bytes();
            if let Some(slot) = self.slots.remove(hash, same, hasher(&self.seed)) {
                self.bytes -= slot.member.memory();
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
        self.slots.scan(cursor, hasher(&self.seed), |slot| f(slot.member.bytes(), slot.score))
    }

    /// The members in no order.
    pub(super) fn unordered(&self) -> Unordered<'_> {
        Unordered(self.slots.iter())
    }

    pub(super) fn memory(&self) -> usize {
        let deadlines = self.deadlines().map_or(0, Deadlines::memory);
        size_of::<Self>() + self.slots.memory() + self.order.memory() + self.bytes + deadlines
    }
}

impl Parts for Large {
    fn collection(&self) -> Collection {
        Collection::Zset
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn earliest(&self) -> Option<i64> {
        self.beside.deadlines()?.next()
    }

    fn descend(&self, from: Option<(f64, &[u8])>, f: &mut EachMember<'_>) {
        let below = |entry: &Entry| {
            from.is_none_or(|(score, member)| {
                entry.score < score || (entry.score == score && entry.bytes() < member)
            })
        };
        let Some(rank) = self.order.partition(below).checked_sub(1) else { return };
        for (member, score) in self.walk(rank, true) {
            if !f(hash_bytes(&self.seed, member), member, score, self.beside.deadline(member)) {
                return;
            }
        }
    }

    fn captured(&mut self) -> &mut Captured {
        &mut self.beside.captured
    }

    fn scan_parts(&self, cursor: u64, f: &mut EachPart<'_>) -> u64 {
        self.scan(cursor, |member, score| {
            let at = self.beside.deadline(member);
            f(hash_bytes(&self.seed, member), member, &score.to_le_bytes(), at);
        })
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        std::mem::take(&mut self.beside.captured).leave(|| {
            let mut heir = Self::seeded(self.seed);
            heir.beside = self.beside.heir();
            std::mem::swap(&mut heir.slots, &mut self.slots);
            std::mem::swap(&mut heir.order, &mut self.order);
            Box::new(heir)
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
        let large = &mut self.large;
        let hash = hash_bytes(&large.seed, member);
        let (slot, added) = large.slots.find_or_insert(
            hash,
            |slot| slot.member.bytes() == member,
            hasher(&large.seed),
            || Slot { member: Member::new(member), score },
        );
        if added {
            large.bytes += slot.member.memory();
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
