//! Hashes: fields and their values.
//!
//! A small hash is a listpack of fields and values in turn; a large one is a table whose entries
//! hold field and value in one allocation ([`table`]). A hash that has become large stays so.
//!
//! Fields that expire on their own have their deadlines beside either form. Those whose time is
//! over but that were not removed yet are hidden from every function but [`Hash::len`].

mod table;
#[cfg(test)]
mod tests;

use crate::ds::Deadlines;
use crate::ds::listpack::{At, Element, Listpack};
use crate::keyspace::{Parts, SizeKind};
use crate::notify::Class;
use crate::rdb::{RdbError, VERSION_FIELD_TTL, VERSION_OLDEST, Writer, value};
use crate::util::random::Random;
use crate::value::{Emit, Expiring, ExpiryWords, Kind, Object};
use table::{FieldTable, Pair};

/// The type `hash`.
pub static HASH: Kind = Kind { name: "hash" };

/// How large a hash may be and still be compact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Most fields.
    pub entries: usize,
    /// Longest field or value, in bytes.
    pub value: usize,
}

/// Fields and values in one command of [`Object::rebuild`].
const REBUILD_FIELDS: usize = 64;

/// Draws of [`Hash::random`] that may hit a hidden field before the others are counted.
const RANDOM_DRAWS: usize = 64;

/// A hash. Never empty while it is a key's value.
#[derive(Clone)]
pub struct Hash {
    form: Form,
}

/// Two words, since most hashes are small.
#[derive(Clone)]
enum Form {
    Small(Listpack),
    Other(Box<Other>),
}

/// A hash that is large or has fields that expire.
#[derive(Clone)]
struct Other {
    fields: Fields,
    /// When fields of a compact hash expire; made with the first deadline, and kept.
    deadlines: Option<Box<Deadlines>>,
}

#[derive(Clone)]
enum Fields {
    Compact(Listpack),
    Table(FieldTable),
}

/// The fields of a hash, wherever they are.
enum View<'a> {
    Compact(&'a Listpack),
    Table(&'a FieldTable),
}

/// As [`View`], to change them.
enum ViewMut<'a> {
    Compact(&'a mut Listpack),
    Table(&'a mut FieldTable),
}

impl Default for Hash {
    fn default() -> Self {
        Self { form: Form::Small(Listpack::new()) }
    }
}

impl Hash {
    #[inline]
    fn view(&self) -> View<'_> {
        match &self.form {
            Form::Small(pairs) => View::Compact(pairs),
            Form::Other(other) => match &other.fields {
                Fields::Compact(pairs) => View::Compact(pairs),
                Fields::Table(table) => View::Table(table),
            },
        }
    }

    #[inline]
    fn view_mut(&mut self) -> ViewMut<'_> {
        match &mut self.form {
            Form::Small(pairs) => ViewMut::Compact(pairs),
            Form::Other(other) => match &mut other.fields {
                Fields::Compact(pairs) => ViewMut::Compact(pairs),
                Fields::Table(table) => ViewMut::Table(table),
            },
        }
    }

    /// The form that can be large and have deadlines.
    fn other_mut(&mut self) -> &mut Other {
        if let Form::Small(pairs) = &mut self.form {
            let fields = Fields::Compact(std::mem::take(pairs));
            self.form = Form::Other(Box::new(Other { fields, deadlines: None }));
        }
        match &mut self.form {
            Form::Other(other) => other,
            Form::Small(_) => unreachable!("the form has just been changed"),
        }
    }

    /// The hash of these fields and values in turn, the fields being different.
    pub fn from_listpack(pairs: Listpack) -> Self {
        Self { form: Form::Small(pairs) }
    }

    /// Fields and values in turn, while the hash is small.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match self.view() {
            View::Compact(pairs) => Some(pairs),
            View::Table(_) => None,
        }
    }

    /// Number of fields, including those that are hidden.
    pub fn len(&self) -> usize {
        match self.view() {
            View::Compact(pairs) => pairs.len() / 2,
            View::Table(table) => table.len(),
        }
    }

    /// Number of fields that are not hidden.
    pub fn visible_len(&self) -> usize {
        self.len() - self.deadlines().map_or(0, |deadlines| deadlines.hidden())
    }

    /// Whether there are no fields, hidden ones included.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a field is there but hidden.
    fn hides_field(&self, field: &[u8]) -> bool {
        self.deadlines().is_some_and(|deadlines| deadlines.hides(field))
    }

    /// The deadlines, if any field is hidden.
    fn hidden(&self) -> Option<&Deadlines> {
        self.deadlines().filter(|deadlines| deadlines.hides_any())
    }

    /// The value of a field.
    pub fn get(&self, field: &[u8]) -> Option<Element<'_>> {
        if self.hides_field(field) {
            return None;
        }
        match self.view() {
            View::Compact(pairs) => pairs.at(pairs.next(find(pairs, field)?)?),
            View::Table(table) => table.get(field).map(Element::Bytes),
        }
    }

    /// Whether there is such a field.
    pub fn contains(&self, field: &[u8]) -> bool {
        let there = match self.view() {
            View::Compact(pairs) => find(pairs, field).is_some(),
            View::Table(table) => table.get(field).is_some(),
        };
        there && !self.hides_field(field)
    }

    /// Sets a field to a value, without a deadline; true when the field is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], limit: Limit) -> bool {
        let was_hidden = self.persist(field).1;
        self.set_value(field, value, limit) || was_hidden
    }

    /// Sets a field to a value and leaves its deadline; true when the field is new.
    pub fn update(&mut self, field: &[u8], value: &[u8], limit: Limit) -> bool {
        match self.hides_field(field) {
            true => self.set(field, value, limit),
            false => self.set_value(field, value, limit),
        }
    }

    /// Takes a field's deadline away. Whether it had one, and was hidden by it.
    fn persist(&mut self, field: &[u8]) -> (bool, bool) {
        let at = self.clear_deadline(field);
        let is_past = |at| self.deadlines().is_some_and(|deadlines| deadlines.is_past(at));
        (at.is_some(), at.is_some_and(is_past))
    }

    fn set_value(&mut self, field: &[u8], value: &[u8], limit: Limit) -> bool {
        if let ViewMut::Compact(pairs) = self.view_mut() {
            let (name, content) = (Element::from(field), Element::from(value));
            let fits = field.len().max(value.len()) <= limit.value
                && pairs.fits(name.encoded_len() + content.encoded_len());
            match find(pairs, field) {
                Some(at) if fits => {
                    if let Some(at) = pairs.next(at) {
                        pairs.replace(at, content);
                    }
                    return false;
                }
                None if fits && pairs.len() / 2 < limit.entries => {
                    pairs.push_back(name);
                    pairs.push_back(content);
                    return true;
                }
                _ => {}
            }
        }
        self.table_mut().set(field, value)
    }

    /// Removes a field; false when there was none.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let was_hidden = self.persist(field).1;
        let was_there = match self.view_mut() {
            ViewMut::Compact(pairs) => match find(pairs, field) {
                Some(at) => pairs.remove_from(at, 2) == 2,
                None => false,
            },
            ViewMut::Table(table) => table.remove(field).is_some(),
        };
        was_there && !was_hidden
    }

    /// All fields with their values: in the order in which they were added while the hash is
    /// compact, in no order otherwise.
    pub fn iter(&self) -> Iter<'_> {
        Iter { fields: self.all(), hidden: self.hidden() }
    }

    /// As [`Hash::iter`], with the hidden fields.
    fn all(&self) -> All<'_> {
        match self.view() {
            View::Compact(pairs) => All::Compact(pairs.iter()),
            View::Table(table) => All::Table(table.iter()),
        }
    }

    /// A field chosen at random, each as likely as the others, with its value.
    pub fn random(&self, random: &mut Random) -> Option<(Element<'_>, Element<'_>)> {
        let Some(hidden) = self.hidden() else { return self.draw(random) };
        let visible = |name: &Element<'_>| !hidden.hides(name.as_bytes(&mut itoa::Buffer::new()));
        for _ in 0..RANDOM_DRAWS {
            match self.draw(random) {
                Some(pair) if visible(&pair.0) => return Some(pair),
                _ => {}
            }
        }
        match self.visible_len() {
            0 => None,
            len => self.iter().nth(random.index(len)),
        }
    }

    /// As [`Hash::random`], from the hidden fields too.
    fn draw(&self, random: &mut Random) -> Option<(Element<'_>, Element<'_>)> {
        match self.view() {
            View::Compact(pairs) => {
                let at = pairs.seek(random.index(pairs.len() / 2) * 2)?;
                Some((pairs.at(at)?, pairs.at(pairs.next(at)?)?))
            }
            View::Table(table) => table.random(random.next_u64()).map(elements),
        }
    }

    /// Passes some fields to `f` and returns the cursor to go on with, 0 after the last. A scan
    /// begins with 0 and passes every field that is there throughout. A compact hash is passed in
    /// one go.
    pub fn scan(&self, cursor: u64, mut f: impl FnMut(Element<'_>, Element<'_>)) -> u64 {
        match self.view() {
            View::Compact(_) => {
                self.iter().for_each(|(field, value)| f(field, value));
                0
            }
            View::Table(table) => {
                let hidden = self.hidden();
                table.scan(cursor, |pair| {
                    let (field, value) = pair.split();
                    if hidden.is_none_or(|deadlines| !deadlines.hides(field)) {
                        f(Element::Bytes(field), Element::Bytes(value));
                    }
                })
            }
        }
    }

    /// Whether the hash is in its compact form.
    pub fn is_compact(&self) -> bool {
        matches!(self.view(), View::Compact(_))
    }

    /// Changes to the large form, if that has not happened yet.
    fn table_mut(&mut self) -> &mut FieldTable {
        if self.is_compact() {
            let mut table = FieldTable::default();
            let (mut name, mut content) = (itoa::Buffer::new(), itoa::Buffer::new());
            for (field, value) in self.all() {
                table.set(field.as_bytes(&mut name), value.as_bytes(&mut content));
            }
            let other = self.other_mut();
            table.adopt(other.deadlines.take());
            other.fields = Fields::Table(table);
        }
        match &mut self.other_mut().fields {
            Fields::Table(table) => table,
            Fields::Compact(_) => unreachable!("the form has just been changed"),
        }
    }
}

/// Where a field stands in a listpack of pairs.
fn find(pairs: &Listpack, field: &[u8]) -> Option<At> {
    pairs.find(pairs.first()?, field, 1)
}

fn elements(pair: &Pair) -> (Element<'_>, Element<'_>) {
    let (field, value) = pair.split();
    (Element::Bytes(field), Element::Bytes(value))
}

/// All fields and values, hidden ones too.
enum All<'a> {
    Compact(crate::ds::listpack::Iter<'a>),
    Table(crate::ds::table::Iter<'a, Pair>),
}

impl<'a> Iterator for All<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            All::Compact(pairs) => Some((pairs.next()?, pairs.next()?)),
            All::Table(fields) => fields.next().map(elements),
        }
    }
}

/// Iterator over fields and values.
pub struct Iter<'a> {
    fields: All<'a>,
    /// The deadlines, while they hide any field.
    hidden: Option<&'a Deadlines>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Some(hidden) = self.hidden else { return self.fields.next() };
        let mut number = itoa::Buffer::new();
        self.fields.find(|(field, _)| !hidden.hides(field.as_bytes(&mut number)))
    }
}

/// What is said when fields expire.
static EXPIRY: ExpiryWords = ExpiryWords { class: Class::HASH, event: "hexpired", remove: b"HDEL" };

impl Expiring for Hash {
    fn words(&self) -> &'static ExpiryWords {
        &EXPIRY
    }

    fn hides(&self) -> bool {
        true
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
            Form::Small(_) => None,
            Form::Other(other) => match &other.fields {
                Fields::Table(table) => table.deadlines(),
                Fields::Compact(_) => other.deadlines.as_deref(),
            },
        }
    }

    fn clear_deadline(&mut self, element: &[u8]) -> Option<i64> {
        match &mut self.form {
            Form::Small(_) => None,
            Form::Other(other) => match &mut other.fields {
                Fields::Table(table) => table.clear_deadline(element),
                Fields::Compact(_) => other.deadlines.as_mut()?.remove(element),
            },
        }
    }

    fn set_deadline(&mut self, element: &[u8], at: i64) {
        let other = self.other_mut();
        match &mut other.fields {
            Fields::Table(table) => table.set_deadline(element, at),
            Fields::Compact(_) => drop(other.deadlines.get_or_insert_default().set(element, at)),
        }
    }
}

impl Object for Hash {
    fn kind(&self) -> &'static Kind {
        &HASH
    }

    fn encoding(&self) -> &'static str {
        match self.view() {
            View::Compact(_) if self.deadlines().is_some() => "listpackex",
            View::Compact(_) => "listpack",
            View::Table(_) => "hashtable",
        }
    }

    fn memory(&self) -> usize {
        let own = match self.view() {
            View::Compact(pairs) => pairs.memory() + self.deadlines().map_or(0, Deadlines::memory),
            View::Table(table) => table.memory(),
        };
        let around = if let Form::Other(_) = self.form { size_of::<Other>() } else { 0 };
        size_of::<Self>() + around + own
    }

    #[inline]
    fn counted_size(&self) -> Option<(SizeKind, usize)> {
        Some((SizeKind::Hashes, self.len()))
    }

    fn free_effort(&self) -> usize {
        let fields = match self.view() {
            View::Compact(_) => 1,
            View::Table(table) => table.len(),
        };
        fields + self.deadlines().map_or(0, |d| d.len())
    }

    fn needs_rdb(&self) -> u16 {
        if self.deadlines().is_some() { VERSION_FIELD_TTL } else { VERSION_OLDEST }
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
        value::save_hash(self, out)
    }

    fn parts(&mut self) -> Option<&mut dyn Parts> {
        match self.view_mut() {
            ViewMut::Table(table) => Some(table),
            ViewMut::Compact(_) => None,
        }
    }

    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>) {
        let mut fields = self.all().peekable();
        while fields.peek().is_some() {
            let words: Vec<Vec<u8>> = fields
                .by_ref()
                .take(REBUILD_FIELDS)
                .flat_map(|(field, value)| [field.to_vec(), value.to_vec()])
                .collect();
            let head: [&[u8]; 2] = [b"HSET", key];
            let line: Vec<&[u8]> =
                head.into_iter().chain(words.iter().map(Vec::as_slice)).collect();
            emit(&line);
        }
        if let Some(deadlines) = self.deadlines() {
            deadlines.rebuild(b"HPEXPIREAT", key, b"FIELDS", emit);
        }
    }
}
