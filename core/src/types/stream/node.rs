//! A macro node: a run of entries in one listpack, whose identifiers are kept as differences from
//! the first one's and whose field names are shared where they are the same as the first's.
//!
//! The layout is that of Redis's RDB files. A head (`live`, `deleted`, number of fields, the
//! fields, 0) is followed by the entries: flags, difference of milliseconds, difference of
//! sequence numbers, then either the values alone or number of fields, fields and values, and last
//! how many elements that were, for walking backwards.

use super::id::StreamId;
use crate::ds::listpack::{At, Element, Iter, Listpack};

/// The entry was deleted; its bytes are still there.
const DELETED: i64 = 1;
/// The entry's fields are those of the head.
const SAME_FIELDS: i64 = 2;

/// Elements of an entry that shares its fields, besides values: flags and two differences.
const SHARED_OVERHEAD: usize = 3;

/// Bytes from which a node's memory doubles when it is full, instead of growing a little: another
/// thirty entries are likely. What is left over is given back when the node is complete.
const GROW_FROM: usize = 512;

/// About how many bytes an entry takes besides its fields and values.
const ENTRY_OVERHEAD: usize = 32;

/// A run of entries.
#[derive(Clone)]
pub struct Node {
    pack: Listpack,
}

/// What a node begins with.
#[derive(Clone, Copy)]
struct Head {
    fields: usize,
    first_field: At,
    first_entry: At,
}

/// Where an entry lies and what is known of it.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Its identifier.
    pub id: StreamId,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Number of its fields.
    pub len: usize,
    pack: &'a Listpack,
    start: At,
    shared: Option<At>,
    values: At,
}

impl<'a> Entry<'a> {
    /// Its fields with their values, in the order they were given in.
    #[inline]
    pub fn pairs(&self) -> Pairs<'a> {
        let pack = self.pack;
        let rest = |at| pack.iter_between(at, pack.end());
        Pairs { names: self.shared.map(rest), values: rest(self.values), left: self.len }
    }

    /// How many elements its values are, and its fields if it has its own.
    fn elements(&self) -> Option<usize> {
        if self.shared.is_some() { Some(self.len) } else { self.len.checked_mul(2) }
    }

    /// What its last element says: how many there are before.
    fn stated(&self) -> Option<i64> {
        let overhead = SHARED_OVERHEAD + usize::from(self.shared.is_none());
        i64::try_from(self.elements()?.checked_add(overhead)?).ok()
    }

    /// Where it lies in its node.
    pub(super) fn at(&self) -> At {
        self.start
    }
}

/// Iterator over the fields and values of an entry.
pub struct Pairs<'a> {
    names: Option<Iter<'a>>,
    values: Iter<'a>,
    left: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.next()?,
            None => self.values.next()?,
        };
        Some((name, self.values.next()?))
    }
}

impl Node {
    /// A node without entries, for entries with the fields of these pairs.
    pub fn new(pairs: &[&[u8]]) -> Self {
        let names = pairs.chunks_exact(2).map(|pair| Element::from(pair[0]));
        let count = Element::Int(names.len() as i64);
        let zero = Element::Int(0);
        let mut pack = Listpack::new();
        let head = [zero, zero, count].into_iter();
        pack.push_all(head.chain(names).chain([zero]));
        Self { pack }
    }

    /// Takes over a node's listpack from outside, after checking that it is one.
    ///
    /// # Errors
    /// Gives it back when it is none.
    pub fn from_listpack(pack: Listpack) -> Result<Self, Listpack> {
        let node = Self { pack };
        match node.sound_counts() == Some(node.counts()) {
            true => Ok(node),
            false => Err(node.pack),
        }
    }

    /// Numbers of entries that are live and that are deleted, as they are found; `None` when there
    /// is anything else.
    fn sound_counts(&self) -> Option<(u64, u64)> {
        let (mut live, mut deleted) = (0, 0);
        let head = self.head()?;
        let mut at = head.first_entry;
        while at != self.pack.end() {
            let entry = self.entry(StreamId::MIN, &head, at)?;
            if entry.deleted {
                deleted += 1
            } else {
                live += 1
            }
            let count = self.skip(entry.values, entry.elements()?)?;
            if int(self.pack.at(count)?)? != entry.stated()? {
                return None;
            }
            at = self.after(&entry)?;
        }
        Some((live, deleted))
    }

    /// Makes a node of the first entries of a damaged one's listpack: those that are whole and
    /// whose identifiers ascend from `base` and above `last`. What the damaged one says of numbers
    /// of entries and elements does not count. `None` when even the head is damaged.
    pub fn salvage(pack: Listpack, base: StreamId, last: StreamId) -> Option<Self> {
        let damaged = Self { pack };
        let head = damaged.head()?;
        let mut node = Self { pack: Listpack::with_capacity(damaged.bytes()) };
        let zero = Element::Int(0);
        let rest = damaged.pack.iter_between(damaged.pack.first()?, head.first_entry).skip(2);
        node.pack.push_all([zero, zero].into_iter().chain(rest));
        let (mut at, mut last) = (head.first_entry, last);
        while let Some((entry, end)) = damaged.whole_entry(base, &head, at) {
            if entry.id < base || entry.id <= last {
                break;
            }
            let stated = Element::Int(entry.stated()?);
            node.pack.push_all(damaged.pack.iter_between(at, end).chain([stated]));
            node.count(i64::from(!entry.deleted), i64::from(entry.deleted));
            last = entry.id;
            let Some(next) = damaged.skip(end, 1) else { break };
            at = next;
        }
        Some(node)
    }

    /// The entry at a place, if all of its elements are there, and where they end.
    fn whole_entry(&self, base: StreamId, head: &Head, at: At) -> Option<(Entry<'_>, At)> {
        let entry = self.entry(base, head, at)?;
        let end = self.skip(entry.values, entry.elements()?)?;
        Some((entry, end))
    }

    /// The listpack, as RDB files have it.
    pub fn listpack(&self) -> &Listpack {
        &self.pack
    }

    /// Bytes of the listpack.
    pub fn bytes(&self) -> usize {
        self.pack.as_bytes().len()
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.pack.memory()
    }

    /// Gives back spare capacity: no more entries will come.
    pub fn close(&mut self) {
        self.pack.shrink_to_fit();
    }

    /// Numbers of entries that are live and that are deleted.
    pub fn counts(&self) -> (u64, u64) {
        let mut head = self.pack.iter();
        let mut count = || head.next().and_then(int).and_then(|n| u64::try_from(n).ok());
        let live = count().unwrap_or(0);
        (live, count().unwrap_or(0))
    }

    /// Appends an entry. `base` is the node's identifier, that of its first entry.
    pub fn push(&mut self, base: StreamId, id: StreamId, pairs: &[&[u8]]) {
        let words: usize = pairs.iter().map(|word| word.len()).sum();
        if self.bytes() >= GROW_FROM && self.pack.room() < words + ENTRY_OVERHEAD {
            self.pack.make_room(self.bytes());
        }
        let shared = self.shares(pairs);
        let fields = pairs.len() / 2;
        let flags = if shared { SAME_FIELDS } else { 0 };
        let ms = id.ms.wrapping_sub(base.ms) as i64;
        let seq = id.seq.wrapping_sub(base.seq) as i64;
        let head = [flags, ms, seq].map(Element::Int).into_iter();
        if shared {
            let values = pairs.iter().skip(1).step_by(2).map(|v| Element::from(*v));
            let count = Element::Int((fields + SHARED_OVERHEAD) as i64);
            self.pack.push_all(head.chain(values).chain([count]));
        } else {
            let body = pairs.iter().map(|word| Element::from(*word));
            let count = Element::Int((pairs.len() + SHARED_OVERHEAD + 1) as i64);
            let fields = [Element::Int(fields as i64)];
            self.pack.push_all(head.chain(fields).chain(body).chain([count]));
        }
        self.count(1, 0);
    }

    /// Whether the fields of these pairs are those of the head.
    fn shares(&self, pairs: &[&[u8]]) -> bool {
        let mut head = self.pack.iter().skip(2);
        let fields = head.next().and_then(int);
        fields == i64::try_from(pairs.len() / 2).ok()
            && pairs
                .chunks_exact(2)
                .all(|pair| head.next().is_some_and(|name| name.same(&Element::Bytes(pair[0]))))
    }

    /// Marks the entry at a place as deleted.
    pub(super) fn delete(&mut self, at: At) {
        if let Some(flags) = self.pack.at(at).and_then(int) {
            self.pack.replace(at, flags | DELETED);
            self.count(-1, 1);
        }
    }

    /// Changes the numbers of live and deleted entries.
    fn count(&mut self, live: i64, deleted: i64) {
        for (index, change) in [(0, live), (1, deleted)] {
            if change != 0
                && let Some(at) = self.pack.seek(index)
                && let Some(old) = self.pack.at(at).and_then(int)
            {
                self.pack.replace(at, old + change);
            }
        }
    }

    fn head(&self) -> Option<Head> {
        let count = self.pack.next(self.pack.next(self.pack.first()?)?)?;
        let fields = usize::try_from(int(self.pack.at(count)?)?).ok()?;
        let first_field = self.pack.next(count)?;
        let first_entry = self.skip(first_field, fields + 1)?;
        Some(Head { fields, first_field, first_entry })
    }

    /// The place so many elements further on, which may be the end.
    fn skip(&self, at: At, count: usize) -> Option<At> {
        self.pack.skip(at, count)
    }

    fn entry(&self, base: StreamId, head: &Head, start: At) -> Option<Entry<'_>> {
        let pack = &self.pack;
        let mut elements = pack.iter_between(start, pack.end());
        let flags = int(elements.next()?)?;
        let ms = base.ms.wrapping_add(int(elements.next()?)? as u64);
        let seq = base.seq.wrapping_add(int(elements.next()?)? as u64);
        let (shared, len) = if flags & SAME_FIELDS != 0 {
            (Some(head.first_field), head.fields)
        } else {
            (None, usize::try_from(int(elements.next()?)?).ok()?)
        };
        let (id, deleted) = (StreamId::new(ms, seq), flags & DELETED != 0);
        Some(Entry { id, deleted, len, pack, start, shared, values: elements.place() })
    }

    /// The place after an entry: the next one's, or the end.
    fn after(&self, entry: &Entry<'_>) -> Option<At> {
        self.skip(entry.values, entry.elements()?.checked_add(1)?)
    }

    /// All entries in order, deleted ones included.
    pub fn entries(&self, base: StreamId) -> Entries<'_> {
        let head = self.head();
        Entries { node: self, base, head, at: head.map_or(self.pack.end(), |h| h.first_entry) }
    }

    /// All entries from the last to the first, deleted ones included.
    pub fn entries_back(&self, base: StreamId) -> EntriesBack<'_> {
        EntriesBack { node: self, base, head: self.head(), end: self.pack.end() }
    }
}

/// Iterator over a node's entries.
pub struct Entries<'a> {
    node: &'a Node,
    base: StreamId,
    head: Option<Head>,
    at: At,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.at == self.node.pack.end() {
            return None;
        }
        let entry = self.node.entry(self.base, &self.head?, self.at)?;
        self.at = self.node.after(&entry)?;
        Some(entry)
    }
}

/// Iterator over a node's entries, backwards.
pub struct EntriesBack<'a> {
    node: &'a Node,
    base: StreamId,
    head: Option<Head>,
    end: At,
}

impl<'a> Iterator for EntriesBack<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let head = self.head?;
        if self.end <= head.first_entry {
            return None;
        }
        let pack = &self.node.pack;
        let mut start = pack.prev(self.end)?;
        for _ in 0..int(pack.at(start)?)? {
            start = pack.prev(start)?;
        }
        self.end = start;
        self.node.entry(self.base, &head, start)
    }
}

#[inline]
fn int(element: Element<'_>) -> Option<i64> {
    match element {
        Element::Int(n) => Some(n),
        Element::Bytes(_) => None,
    }
}
