//! Lists: sequences of elements that grow and shrink at both ends.
//!
//! A short list is one listpack, a long one a quicklist. A list becomes long when a node's limit
//! would be exceeded, and short again when what is left fits in half a node, so that a list about
//! the limit does not go back and forth.

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::ds::listpack::{self, Element, Listpack};
use crate::ds::quicklist::{self, NodeLimit, Quicklist};
use crate::keyspace::SizeKind;
use crate::rdb::{RdbError, Writer, value};
use crate::value::{Emit, Frozen, Kind, Object};

/// The type `list`.
pub static LIST: Kind = Kind { name: "list" };

/// Elements in one command of [`Object::rebuild`].
const REBUILD_ELEMENTS: usize = 64;

/// [`Object::free_effort`] counts nodes up to here: more make no difference.
const EFFORT_MAX: usize = 1024;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The head, where index 0 is.
    Left,
    /// The tail.
    Right,
}

/// A list. Never empty while it is a key's value.
#[derive(Clone)]
pub struct List {
    form: Form,
}

#[derive(Clone)]
enum Form {
    Compact(Listpack),
    Long(Box<Quicklist>),
}

impl Default for List {
    fn default() -> Self {
        Self { form: Form::Compact(Listpack::new()) }
    }
}

impl List {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Compact(pack) => pack.len(),
            Form::Long(list) => list.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        match &self.form {
            Form::Compact(pack) => pack.is_empty(),
            Form::Long(list) => list.is_empty(),
        }
    }

    /// Adds elements at one end, one after the other.
    pub fn push(&mut self, end: End, elements: &[&[u8]], limit: NodeLimit) {
        self.make_room(elements.iter().map(|e| e.len()).sum(), elements.len(), limit);
        for element in elements {
            match (&mut self.form, end) {
                (Form::Compact(pack), End::Left) => pack.push_front(*element),
                (Form::Compact(pack), End::Right) => pack.push_back(*element),
                (Form::Long(list), End::Left) => list.push_front(element),
                (Form::Long(list), End::Right) => list.push_back(element),
            }
        }
    }

    /// Removes the element at an end. [`List::settle`] should follow.
    pub fn pop(&mut self, end: End) -> Option<Vec<u8>> {
        match (&mut self.form, end) {
            (Form::Compact(pack), End::Left) => pack.pop_front(),
            (Form::Compact(pack), End::Right) => pack.pop_back(),
            (Form::Long(list), End::Left) => list.pop_front(),
            (Form::Long(list), End::Right) => list.pop_back(),
        }
    }

    /// The element of an index.
    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        match &self.form {
            Form::Compact(pack) => pack.get(index),
            Form::Long(list) => list.get(index),
        }
    }

    /// Puts another element in the place of the one of an index; false if there is none.
    pub fn set(&mut self, index: usize, element: &[u8], limit: NodeLimit) -> bool {
        // Redis decides as if it were one more.
        self.make_room(element.len(), 1, limit);
        let set = match &mut self.form {
            Form::Compact(pack) => {
                let at = pack.seek(index);
                if let Some(at) = at {
                    pack.replace(at, element);
                }
                at.is_some()
            }
            Form::Long(list) => list.set(index, element),
        };
        self.settle();
        set
    }

    /// Inserts an element so that it has this index; false if that is more than the length.
    pub fn insert(&mut self, index: usize, element: &[u8], limit: NodeLimit) -> bool {
        self.make_room(element.len(), 1, limit);
        match &mut self.form {
            Form::Compact(pack) => pack.insert(index, element),
            Form::Long(list) => list.insert(index, element),
        }
    }

    /// The elements of these indices, as far as they exist; also backwards.
    pub fn range(&self, indices: Range<usize>) -> Iter<'_> {
        match &self.form {
            Form::Compact(pack) => {
                let at = |index| pack.seek(index).unwrap_or(pack.end());
                let from = at(indices.start);
                Iter::Compact(pack.iter_between(from, at(indices.end).max(from)))
            }
            Form::Long(list) => Iter::Long(list.range(indices)),
        }
    }

    /// All elements in order; also backwards.
    pub fn iter(&self) -> Iter<'_> {
        match &self.form {
            Form::Compact(pack) => Iter::Compact(pack.iter()),
            Form::Long(list) => Iter::Long(list.iter()),
        }
    }

    /// Removes up to `most` elements equal to `element`, from the right end if `end` says so;
    /// returns how many.
    pub fn remove_equal(&mut self, element: &[u8], most: usize, end: End) -> usize {
        let removed = match &mut self.form {
            Form::Compact(pack) => remove_equal(pack, element, most, end),
            Form::Long(list) => list.remove_equal(element, most, end == End::Right),
        };
        self.settle();
        removed
    }

    /// Keeps only the elements of these indices and returns what was removed of a long list, to
    /// be dropped at leisure.
    pub fn trim(&mut self, indices: Range<usize>) -> Option<[Quicklist; 2]> {
        let removed = match &mut self.form {
            Form::Compact(pack) => {
                pack.remove_range(indices.end..pack.len().max(indices.end));
                pack.remove_range(0..indices.start);
                None
            }
            Form::Long(list) => Some(list.trim(indices)),
        };
        self.settle();
        removed
    }

    /// Makes the list short again if it has shrunk enough.
    pub fn settle(&mut self) {
        let Form::Long(list) = &mut self.form else { return };
        let Some(pack) = list.single_listpack() else { return };
        if !list.limit().allows(pack.as_bytes().len() * 2, pack.len() * 2) {
            return;
        }
        if let Some(quicklist::Content::Packed(mut pack)) = list.pop_content() {
            pack.shrink_to_fit();
            self.form = Form::Compact(pack);
        }
    }

    /// The elements, while the list is short.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Compact(pack) => Some(pack),
            Form::Long(_) => None,
        }
    }

    /// The nodes, while the list is long.
    pub fn as_quicklist(&self) -> Option<&Quicklist> {
        match &self.form {
            Form::Compact(_) => None,
            Form::Long(nodes) => Some(nodes),
        }
    }

    /// The list of these nodes; short if they are few.
    pub fn from_nodes(nodes: Quicklist) -> Self {
        let short = nodes.single_listpack();
        let short = short.filter(|p| nodes.limit().allows(p.as_bytes().len(), p.len()));
        match short {
            Some(pack) => Self { form: Form::Compact(pack.clone()) },
            None => Self { form: Form::Long(Box::new(nodes)) },
        }
    }

    /// Makes the list long if so much more would exceed a node's limit.
    fn make_room(&mut self, bytes: usize, count: usize, limit: NodeLimit) {
        let Form::Compact(pack) = &mut self.form else { return };
        let bytes = pack.as_bytes().len().saturating_add(bytes);
        if limit.allows(bytes, pack.len() + count) {
            return;
        }
        let mut list = Quicklist::new(limit);
        list.push_content(quicklist::Content::Packed(std::mem::take(pack)));
        self.form = Form::Long(Box::new(list));
    }
}

fn remove_equal(pack: &mut Listpack, element: &[u8], most: usize, end: End) -> usize {
    let wanted = Element::from(element);
    // From the right the last ones go, so those before them are passed over.
    let all = pack.iter().filter(|found| wanted.same(found)).count();
    let (mut keep, mut remove) = match end {
        End::Left => (0, most.min(all)),
        End::Right => (all.saturating_sub(most), all),
    };
    pack.retain(|found| {
        if remove == 0 || !wanted.same(&found) {
            return true;
        }
        if keep > 0 {
            keep -= 1;
            return true;
        }
        remove -= 1;
        false
    })
}

/// Iterator over elements.
#[derive(Clone)]
pub enum Iter<'a> {
    /// Of a short list.
    Compact(listpack::Iter<'a>),
    /// Of a long one.
    Long(quicklist::Iter<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Iter::Compact(elements) => elements.next(),
            Iter::Long(elements) => elements.next(),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Compact(elements) => elements.next_back(),
            Iter::Long(elements) => elements.next_back(),
        }
    }
}

/// How much work dropping a quicklist is; counted no further than it matters.
pub fn free_effort(list: &Quicklist) -> usize {
    list.contents().take(EFFORT_MAX).count()
}

impl Object for List {
    fn kind(&self) -> &'static Kind {
        &LIST
    }

    fn encoding(&self) -> &'static str {
        match self.form {
            Form::Compact(_) => "listpack",
            Form::Long(_) => "quicklist",
        }
    }

    fn memory(&self) -> usize {
        let own = match &self.form {
            Form::Compact(pack) => pack.memory(),
            Form::Long(list) => size_of::<Quicklist>() + list.memory(),
        };
        size_of::<Self>() + own
    }

    #[inline]
    fn counted_size(&self) -> Option<(SizeKind, usize)> {
        Some((SizeKind::Lists, self.len()))
    }

    fn free_effort(&self) -> usize {
        match &self.form {
            Form::Compact(_) => 1,
            Form::Long(list) => free_effort(list),
        }
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn freeze(&mut self, nodes: usize) -> Option<Box<dyn Frozen>> {
        let list = self.as_quicklist().filter(|list| list.has_nodes(nodes))?;
        Some(value::freeze_list(list.clone()))
    }

    fn save(&self, out: &mut Writer) -> Result<u8, RdbError> {
        value::save_list(self, out)
    }

    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>) {
        let mut elements = self.iter().peekable();
        while elements.peek().is_some() {
            let words: Vec<Vec<u8>> =
                elements.by_ref().take(REBUILD_ELEMENTS).map(|e| e.to_vec()).collect();
            let head: [&[u8]; 2] = [b"RPUSH", key];
            let line: Vec<&[u8]> =
                head.into_iter().chain(words.iter().map(Vec::as_slice)).collect();
            emit(&line);
        }
    }
}
