//! Sets of members.
//!
//! A small set of integers is a sorted sequence of them, another small set a listpack, a large one
//! a table ([`table`]). A set changes only towards the larger forms. Members that expire on their
//! own have their deadlines beside it; a deadline goes with its member, and adding a member that
//! is there leaves it.

pub mod algebra;
mod table;
#[cfg(test)]
mod tests;

use crate::ds::intset;
use crate::ds::listpack::{self, At, Element, Listpack};
use crate::ds::{Deadlines, IntSet, ThinBytes};
use crate::keyspace::{Parts, SizeKind};
use crate::notify::Class;
use crate::rdb::{RdbError, Writer, value};
use crate::util::int::decimal_len;
use crate::util::num;
use crate::util::random::Random;
use crate::value::{Emit, Expiring, ExpiryWords, Kind, Object};
use table::MemberTable;

/// The type `set`.
pub static SET: Kind = Kind { name: "set" };

/// How large a set may be and still be compact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Most members of a set of integers.
    pub integers: usize,
    /// Most members of another set.
    pub entries: usize,
    /// Longest member of another set, in bytes.
    pub value: usize,
}

/// Members in one command of [`Object::rebuild`].
const REBUILD_MEMBERS: usize = 128;

/// A set. Never empty while it is a key's value.
#[derive(Clone)]
pub struct Set {
    form: Form,
    /// When members of a compact set expire; made with the first deadline, and kept.
    deadlines: Option<Box<Deadlines>>,
}

#[derive(Clone)]
enum Form {
    Integers(IntSet),
    Compact(Listpack),
    Table(Box<MemberTable>),
}

impl Set {
    /// An empty set in the form that suits `first` and about as many members as `expected`.
    pub fn for_members(first: &[u8], expected: usize, limit: Limit) -> Self {
        let form = if expected <= limit.integers && num::parse_i64(first).is_some() {
            Form::Integers(IntSet::new())
        } else if expected <= limit.entries {
            Form::Compact(Listpack::new())
        } else {
            Form::Table(Box::default())
        };
        Self { form, deadlines: None }
    }

    /// An empty set in the form that grows into any other.
    pub fn new() -> Self {
        Self { form: Form::Integers(IntSet::new()), deadlines: None }
    }

    /// An empty set in its large form.
    pub fn large() -> Self {
        Self { form: Form::Table(Box::default()), deadlines: None }
    }

    /// Changes to the large form if so many members are to come at once that they could not stay
    /// in the present one.
    pub fn expect(&mut self, members: usize, limit: Limit) {
        let most = match &self.form {
            Form::Integers(_) => limit.integers,
            Form::Compact(_) => limit.entries,
            Form::Table(_) => return,
        };
        if members > most {
            self.table_mut();
        }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Integers(integers) => integers.len(),
            Form::Compact(members) => members.len(),
            Form::Table(table) => table.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all members are in one piece of memory.
    pub fn is_compact(&self) -> bool {
        !matches!(self.form, Form::Table(_))
    }

    /// Whether a member is in the set.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.form {
            Form::Integers(integers) => {
                num::parse_i64(member).is_some_and(|n| integers.contains(n))
            }
            Form::Compact(members) => find(members, member.into()).is_some(),
            Form::Table(table) => table.contains(member),
        }
    }

    /// As [`Set::contains`], for a member of another set.
    #[inline]
    pub fn contains_element(&self, member: Element<'_>) -> bool {
        match (&self.form, member) {
            (Form::Integers(integers), Element::Int(n)) => integers.contains(n),
            (Form::Compact(members), member) => find(members, member).is_some(),
            (_, member) => self.contains(member.as_bytes(&mut itoa::Buffer::new())),
        }
    }

    /// Adds a member; false when it is there already.
    #[inline]
    pub fn add(&mut self, member: &[u8], limit: Limit) -> bool {
        match &mut self.form {
            Form::Table(table) => table.add(member),
            Form::Integers(_) => self.add_to_integers(member, limit),
            Form::Compact(_) => self.add_to_compact(member, limit),
        }
    }

    fn add_to_integers(&mut self, member: &[u8], limit: Limit) -> bool {
        let Form::Integers(integers) = &mut self.form else { return self.add(member, limit) };
        if let Some(n) = num::parse_i64(member) {
            let added = integers.insert(n);
            if integers.len() > limit.integers {
                self.table_mut();
            }
            return added;
        }
        let longest = integers.iter().map(decimal_len).max().unwrap_or(0).max(member.len());
        if integers.len() >= limit.entries || longest > limit.value {
            return self.table_mut().add(member);
        }
        let mut members: Listpack = integers.iter().collect();
        members.push_back(member);
        self.form = Form::Compact(members);
        true
    }

    fn add_to_compact(&mut self, member: &[u8], limit: Limit) -> bool {
        let Form::Compact(members) = &mut self.form else { return self.add(member, limit) };
        let element = Element::from(member);
        if find(members, element).is_some() {
            return false;
        }
        let short = member.len() <= limit.value && members.fits(element.encoded_len());
        if short && members.len() < limit.entries {
            members.push_back(element);
            return true;
        }
        self.table_mut().add(member)
    }

    /// Adds a member of another set in the large form; false when it is there already.
    fn index(&mut self, member: Element<'_>) -> bool {
        self.table_mut().add(member.as_bytes(&mut itoa::Buffer::new()))
    }

    /// Removes a member; false when it is not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.remove(member);
        }
        match &mut self.form {
            Form::Integers(integers) => num::parse_i64(member).is_some_and(|n| integers.remove(n)),
            Form::Compact(members) => match find(members, member.into()) {
                Some(at) => members.remove_from(at, 1) == 1,
                None => false,
            },
            Form::Table(table) => table.remove(member).is_some(),
        }
    }

    /// All members: ascending in a set of integers, in the order in which they were added in
    /// another compact one, in no order otherwise.
    pub fn iter(&self) -> Iter<'_> {
        match &self.form {
            Form::Integers(integers) => Iter::Integers(integers.iter()),
            Form::Compact(members) => Iter::Compact(members.iter()),
            Form::Table(table) => Iter::Table(table.iter()),
        }
    }

    /// A member chosen at random, each as likely as the others.
    pub fn random(&self, random: &mut Random) -> Option<Element<'_>> {
        match &self.form {
            Form::Integers(integers) => {
                integers.get(random.index(integers.len())).map(Element::Int)
            }
            Form::Compact(members) => members.get(random.index(members.len())),
            Form::Table(table) => table.random(random.next_u64()).map(element),
        }
    }

    /// Removes a member chosen at random, each as likely as the others.
    pub fn pop(&mut self, random: &mut Random) -> Option<Vec<u8>> {
        let member = self.random(random)?.to_vec();
        self.remove(&member);
        Some(member)
    }

    /// Passes some members to `f` and returns the cursor to go on with, 0 after the last. A scan
    /// begins with 0 and passes every member that is there throughout. A compact set is passed in
    /// one go.
    pub fn scan(&self, cursor: u64, mut f: impl FnMut(Element<'_>)) -> u64 {
        match &self.form {
            Form::Table(table) => table.scan(cursor, |member| f(element(member))),
            _ => {
                self.iter().for_each(f);
                0
            }
        }
    }

    /// The members, while they are a sequence of integers.
    pub fn as_integers(&self) -> Option<&IntSet> {
        if let Form::Integers(integers) = &self.form { Some(integers) } else { None }
    }

    /// The members, while they are a listpack.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        if let Form::Compact(members) = &self.form { Some(members) } else { None }
    }

    /// Changes to the large form, if that has not happened yet.
    fn table_mut(&mut self) -> &mut MemberTable {
        if self.is_compact() {
            let mut table = MemberTable::default();
            let mut buffer = itoa::Buffer::new();
            for member in self.iter() {
                table.add(member.as_bytes(&mut buffer));
            }
            table.adopt(self.deadlines.take());
            self.form = Form::Table(Box::new(table));
        }
        match &mut self.form {
            Form::Table(table) => table,
            _ => unreachable!("the form has just been changed"),
        }
    }
}

impl Default for Set {
    fn default() -> Self {
        Self::new()
    }
}

fn find(members: &Listpack, member: Element<'_>) -> Option<At> {
    members.find(members.first()?, member, 0)
}

fn element(member: &ThinBytes) -> Element<'_> {
    Element::Bytes(member.as_bytes())
}

/// Iterator over the members of a set.
pub enum Iter<'a> {
    /// Of a set of integers.
    Integers(intset::Iter<'a>),
    /// Of another compact set.
    Compact(listpack::Iter<'a>),
    /// Of a large one.
    Table(crate::ds::table::Iter<'a, ThinBytes>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Integers(integers) => integers.next().map(Element::Int),
            Iter::Compact(members) => members.next(),
            Iter::Table(members) => members.next().map(element),
        }
    }
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What is said when members expire.
static EXPIRY: ExpiryWords = ExpiryWords { class: Class::SET, event: "sexpired", remove: b"SREM" };

impl Expiring for Set {
    fn words(&self) -> &'static ExpiryWords {
        &EXPIRY
    }

    fn has(&self, element: &[u8]) -> bool {
        self.contains(element)
    }

    fn drop_element(&mut self, element: &[u8]) -> bool {
        self.remove(element)
    }

    fn is_bare(&self) -> bool {
        self.is_empty()
    }

    fn deadlines(&self) -> Option<&Deadlines> {
        match &self.form {
            Form::Table(table) => table.deadlines(),
            _ => self.deadlines.as_deref(),
        }
    }

    fn clear_deadline(&mut self, element: &[u8]) -> Option<i64> {
        match &mut self.form {
            Form::Table(table) => table.clear_deadline(element),
            _ => self.deadlines.as_mut()?.remove(element),
        }
    }

    fn set_deadline(&mut self, element: &[u8], at: i64) {
        match &mut self.form {
            Form::Table(table) => table.set_deadline(element, at),
            _ => drop(self.deadlines.get_or_insert_default().set(element, at)),
        }
    }
}

impl Object for Set {
    fn kind(&self) -> &'static Kind {
        &SET
    }

    fn encoding(&self) -> &'static str {
        match self.form {
            Form::Integers(_) => "intset",
            Form::Compact(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    fn memory(&self) -> usize {
        let own = match &self.form {
            Form::Integers(integers) => integers.memory(),
            Form::Compact(members) => members.memory(),
            Form::Table(table) => size_of::<MemberTable>() + table.memory(),
        };
        size_of::<Self>() + own + self.deadlines.as_ref().map_or(0, |d| d.memory())
    }

    #[inline]
    fn counted_size(&self) -> Option<(SizeKind, usize)> {
        Some((SizeKind::Sets, self.len()))
    }

    fn free_effort(&self) -> usize {
        let members = match &self.form {
            Form::Table(table) => table.len(),
            _ => 1,
        };
        members + self.deadlines().map_or(0, |d| d.len())
    }

    fn expiring(&self) -> Option<&dyn Expiring> {
        Some(self)
    }

    fn expiring_mut(&mut self) -> Option<&mut dyn Expiring> {
        Some(self)
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn save(&self, out: &mut Writer) -> Result<u8, RdbError> {
        value::save_set(self, out)
    }

    fn parts(&mut self) -> Option<&mut dyn Parts> {
        match &mut self.form {
            Form::Table(table) => Some(&mut **table),
            _ => None,
        }
    }

    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>) {
        let mut members = self.iter().peekable();
        while members.peek().is_some() {
            let words: Vec<Vec<u8>> =
                members.by_ref().take(REBUILD_MEMBERS).map(|member| member.to_vec()).collect();
            let head: [&[u8]; 2] = [b"SADD", key];
            let line: Vec<&[u8]> =
                head.into_iter().chain(words.iter().map(Vec::as_slice)).collect();
            emit(&line);
        }
        if let Some(deadlines) = self.deadlines() {
            deadlines.rebuild(b"SPEXPIREAT", key, b"MEMBERS", emit);
        }
    }
}
