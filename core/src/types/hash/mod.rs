//! Hashes: fields and their values.
//!
//! A small hash is a listpack of fields and values in turn; a large one is a table whose entries
//! hold field and value in one allocation ([`table`]). A hash that has become large stays so.

mod table;
#[cfg(test)]
mod tests;

use crate::ds::listpack::{At, Element, Listpack};
use crate::util::random::Random;
use crate::value::{Emit, Kind, Object};
use table::FieldTable;

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

/// A hash. Never empty while it is a key's value.
#[derive(Clone)]
pub struct Hash {
    form: Form,
}

#[derive(Clone)]
enum Form {
    Compact(Listpack),
    Table(Box<FieldTable>),
}

impl Default for Hash {
    fn default() -> Self {
        Self { form: Form::Compact(Listpack::new()) }
    }
}

impl Hash {
    /// Number of fields.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Compact(pairs) => pairs.len() / 2,
            Form::Table(table) => table.len(),
        }
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a field.
    pub fn get(&self, field: &[u8]) -> Option<Element<'_>> {
        match &self.form {
            Form::Compact(pairs) => pairs.at(pairs.next(find(pairs, field)?)?),
            Form::Table(table) => table.get(field).map(Element::Bytes),
        }
    }

    /// Whether there is such a field.
    pub fn contains(&self, field: &[u8]) -> bool {
        match &self.form {
            Form::Compact(pairs) => find(pairs, field).is_some(),
            Form::Table(table) => table.get(field).is_some(),
        }
    }

    /// Sets a field to a value; true when the field is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], limit: Limit) -> bool {
        if let Form::Compact(pairs) = &mut self.form {
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
        match &mut self.form {
            Form::Compact(pairs) => match find(pairs, field) {
                Some(at) => pairs.remove_from(at, 2) == 2,
                None => false,
            },
            Form::Table(table) => table.remove(field),
        }
    }

    /// All fields with their values: in the order in which they were added while the hash is
    /// compact, in no order otherwise.
    pub fn iter(&self) -> Iter<'_> {
        match &self.form {
            Form::Compact(pairs) => Iter::Compact(pairs.iter()),
            Form::Table(table) => Iter::Table(table.iter()),
        }
    }

    /// A field chosen at random, each as likely as the others, with its value.
    pub fn random(&self, random: &mut Random) -> Option<(Element<'_>, Element<'_>)> {
        match &self.form {
            Form::Compact(pairs) => {
                let at = pairs.seek(random.index(pairs.len() / 2) * 2)?;
                Some((pairs.at(at)?, pairs.at(pairs.next(at)?)?))
            }
            Form::Table(table) => table.random(random.next_u64()).map(elements),
        }
    }

    /// Passes some fields to `f` and returns the cursor to go on with, 0 after the last. A scan
    /// begins with 0 and passes every field that is there throughout. A compact hash is passed in
    /// one go.
    pub fn scan(&self, cursor: u64, mut f: impl FnMut(Element<'_>, Element<'_>)) -> u64 {
        match &self.form {
            Form::Compact(_) => {
                self.iter().for_each(|(field, value)| f(field, value));
                0
            }
            Form::Table(table) => table.scan(cursor, |field, value| {
                f(Element::Bytes(field), Element::Bytes(value));
            }),
        }
    }

    /// The fields and values in turn, while the hash is compact.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Compact(pairs) => Some(pairs),
            Form::Table(_) => None,
        }
    }

    /// Changes to the large form, if that has not happened yet.
    fn table_mut(&mut self) -> &mut FieldTable {
        if let Form::Compact(_) = &self.form {
            let mut table = Box::new(FieldTable::default());
            let (mut name, mut content) = (itoa::Buffer::new(), itoa::Buffer::new());
            for (field, value) in self.iter() {
                table.set(field.as_bytes(&mut name), value.as_bytes(&mut content));
            }
            self.form = Form::Table(table);
        }
        match &mut self.form {
            Form::Table(table) => table,
            Form::Compact(_) => unreachable!("the form has just been changed"),
        }
    }
}

/// Where a field stands in a listpack of pairs.
fn find(pairs: &Listpack, field: &[u8]) -> Option<At> {
    pairs.find(pairs.first()?, field, 1)
}

fn elements<'a>((field, value): (&'a [u8], &'a [u8])) -> (Element<'a>, Element<'a>) {
    (Element::Bytes(field), Element::Bytes(value))
}

/// Iterator over fields and values.
pub enum Iter<'a> {
    /// Of a compact hash.
    Compact(crate::ds::listpack::Iter<'a>),
    /// Of a large one.
    Table(table::Iter<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, Element<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Compact(pairs) => Some((pairs.next()?, pairs.next()?)),
            Iter::Table(fields) => fields.next().map(elements),
        }
    }
}

impl Object for Hash {
    fn kind(&self) -> &'static Kind {
        &HASH
    }

    fn encoding(&self) -> &'static str {
        match self.form {
            Form::Compact(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    fn memory(&self) -> usize {
        let own = match &self.form {
            Form::Compact(pairs) => pairs.memory(),
            Form::Table(table) => table.memory(),
        };
        size_of::<Self>() + own
    }

    fn free_effort(&self) -> usize {
        match &self.form {
            Form::Compact(_) => 1,
            Form::Table(table) => table.len(),
        }
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>) {
        let mut fields = self.iter().peekable();
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
    }
}
