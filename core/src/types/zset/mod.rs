//! Sorted sets: members, each with a score, in the order of scores and then of the members' bytes.
//!
//! A small sorted set is a listpack ([`compact`]); a large one is a table of members and a counted
//! tree of the same ([`large`]). A sorted set that has become large stays so. Scores are never
//! NaN: callers see to that. Members that expire on their own have their deadlines beside it; a
//! deadline goes with its member, and giving a member another score leaves it.

mod compact;
mod large;
mod member;
mod range;
#[cfg(test)]
mod tests;
mod tree;

use std::ops::Range;

pub use range::{LexBound, LexRange, ScoreRange};

use crate::ds::Deadlines;
use crate::ds::listpack::{Element, Listpack};
use crate::keyspace::{Parts, SizeKind};
use crate::notify::Class;
use crate::rdb::{RdbError, Writer, value};
use crate::util::num;
use crate::util::random::Random;
use crate::value::{Emit, Expiring, ExpiryWords, Kind, Object};
use compact::Compact;
use large::Large;

/// The type `zset`.
pub static ZSET: Kind = Kind { name: "zset" };

/// How large a sorted set may be and still be compact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Most members.
    pub entries: usize,
    /// Longest member, in bytes.
    pub value: usize,
}

/// Members in one command of [`Object::rebuild`].
const REBUILD_MEMBERS: usize = 64;

/// A large sorted set whose members come in any order, as in files.
#[derive(Default)]
pub struct Unsorted(large::Unsorted);

impl Unsorted {
    /// Adds a member; false when it is there already.
    pub fn add(&mut self, member: &[u8], score: f64) -> bool {
        self.0.add(member, score)
    }

    /// The sorted set.
    pub fn sort(self) -> Zset {
        Zset { form: Form::Large(Box::new(self.0.sort())), deadlines: None }
    }
}

/// A sorted set. Never empty while it is a key's value.
#[derive(Clone)]
pub struct Zset {
    form: Form,
    /// When members of a compact one expire; made with the first deadline, and kept.
    deadlines: Option<Box<Deadlines>>,
}

#[derive(Clone)]
enum Form {
    Compact(Compact),
    Large(Box<Large>),
}

impl Default for Zset {
    fn default() -> Self {
        Self { form: Form::Compact(Compact::default()), deadlines: None }
    }
}

impl Zset {
    /// An empty sorted set that is to take so many members, the longest of so many bytes.
    pub fn for_members(count: usize, longest: usize, limit: Limit) -> Self {
        match count <= limit.entries && longest <= limit.value {
            true => Self::default(),
            false => Self { form: Form::Large(Box::default()), deadlines: None },
        }
    }

    /// A sorted set of different members, given in order.
    pub fn from_sorted<M: AsRef<[u8]>>(pairs: &[(M, f64)], limit: Limit) -> Self {
        let longest = pairs.iter().map(|(member, _)| member.as_ref().len()).max().unwrap_or(0);
        let mut zset = Self::for_members(pairs.len(), longest, limit);
        let pairs = pairs.iter().map(|(member, score)| (member.as_ref(), *score));
        match &mut zset.form {
            Form::Compact(compact) => *compact = Compact::from_sorted(pairs),
            Form::Large(large) => {
                for (member, score) in pairs {
                    large.update(member, |_| Some(score));
                }
            }
        }
        zset
    }

    /// Takes over members and scores in turn, as RDB files have them.
    ///
    /// # Errors
    /// Gives them back when they are not in order, a member is there twice, or a score is no
    /// number.
    pub fn from_listpack(pairs: Listpack, limit: Limit) -> Result<Self, Listpack> {
        let compact = Compact::from_listpack(pairs)?;
        let longest = compact.walk(0, false).map(|(member, _)| member.to_vec().len()).max();
        let is_large = compact.len() > limit.entries || longest.unwrap_or(0) > limit.value;
        let mut zset = Self { form: Form::Compact(compact), deadlines: None };
        if is_large {
            zset.large_mut();
        }
        Ok(zset)
    }

    /// Changes to the large form if so many members that are about to be set are alone too many.
    pub fn expect(&mut self, members: usize, limit: Limit) {
        if members > limit.entries {
            self.large_mut();
        }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Compact(compact) => compact.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.form {
            Form::Compact(compact) => compact.find(member).map(|(_, score)| score),
            Form::Large(large) => large.score(member),
        }
    }

    /// The number of members before this one, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.form {
            Form::Compact(compact) => compact.rank(member),
            Form::Large(large) => large.rank(member),
        }
    }

    /// Gives a member a score and adds it if need be; true when it is new.
    pub fn insert(&mut self, member: &[u8], score: f64, limit: Limit) -> bool {
        self.update(member, limit, |_| Some(score)).is_none()
    }

    /// Gives a member the score that `decide` makes of its present one; `None` leaves everything
    /// as it is. A member that is not there is added. Returns the score before.
    pub fn update(
        &mut self,
        member: &[u8],
        limit: Limit,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Option<f64> {
        let compact = match &mut self.form {
            Form::Compact(compact) => compact,
            Form::Large(large) => return large.update(member, decide),
        };
        let found = compact.find(member);
        let before = found.map(|(_, score)| score);
        let Some(score) = decide(before) else { return before };
        if let Some((at, before)) = found {
            if score != before {
                compact.remove_at(at);
                compact.add(member, score);
            }
        } else if member.len() <= limit.value
            && compact.len() < limit.entries
            && compact.fits(member)
        {
            compact.add(member, score);
        } else {
            self.large_mut().update(member, |_| Some(score));
        }
        before
    }

    /// Removes a member and returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.remove(member);
        }
        match &mut self.form {
            Form::Compact(compact) => {
                let (at, score) = compact.find(member)?;
                compact.remove_at(at);
                Some(score)
            }
            Form::Large(large) => large.remove(member),
        }
    }

    /// Removes the members of these ranks, as far as there are any, in order, and passes each to
    /// `f`. Returns how many there were.
    pub fn remove_ranks(&mut self, ranks: Range<usize>, mut f: impl FnMut(&[u8], f64)) -> usize {
        let count = ranks.len();
        let deadlines = &mut self.deadlines;
        let mut f = |member: &[u8], score| {
            if let Some(deadlines) = deadlines {
                deadlines.remove(member);
            }
            f(member, score);
        };
        match &mut self.form {
            Form::Compact(compact) => {
                for (member, score) in compact.walk(ranks.start, false).take(count) {
                    f(member.as_bytes(&mut itoa::Buffer::new()), score);
                }
                compact.remove_ranks(ranks.start, count)
            }
            Form::Large(large) => large.remove_ranks(ranks.start, count, f),
        }
    }

    /// The ranks of the members whose scores are in a range.
    pub fn score_ranks(&self, range: &ScoreRange) -> Range<usize> {
        match &self.form {
            Form::Compact(compact) => compact.score_ranks(range),
            Form::Large(large) => large.score_ranks(range),
        }
    }

    /// The ranks of the members in a range. Where not all scores are equal, the range is of no
    /// use, but still one.
    pub fn lex_ranks(&self, range: &LexRange<'_>) -> Range<usize> {
        let ends = [(self.len().wrapping_sub(1), true), (0, false)];
        let outside = ends.into_iter().any(|(rank, last)| {
            let Some((member, _)) = self.walk(rank, false).next() else { return true };
            let mut number = itoa::Buffer::new();
            let member = member.as_bytes(&mut number);
            if last { range.is_below(member) } else { range.is_above(member) }
        });
        if outside {
            return 0..0;
        }
        match &self.form {
            Form::Compact(compact) => compact.lex_ranks(range),
            Form::Large(large) => large.lex_ranks(range),
        }
    }

    /// The members with their scores, in order, from a rank on; backwards if `reverse`. Nothing
    /// when there is no such rank.
    pub fn walk(&self, rank: usize, reverse: bool) -> Walk<'_> {
        if rank >= self.len() {
            return Walk(WalkOf::Nothing);
        }
        match &self.form {
            Form::Compact(compact) => Walk(WalkOf::Compact(compact.walk(rank, reverse))),
            Form::Large(large) => Walk(WalkOf::Large(large.walk(rank, reverse))),
        }
    }

    /// All members with their scores, in whatever order is fastest.
    pub fn iter(&self) -> Iter<'_> {
        match &self.form {
            Form::Compact(compact) => Iter(IterOf::Compact(compact.walk(0, false))),
            Form::Large(large) => Iter(IterOf::Large(large.unordered())),
        }
    }

    /// A member chosen at random, each as likely as the others, with its score.
    pub fn random(&self, random: &mut Random) -> Option<(Element<'_>, f64)> {
        match &self.form {
            Form::Compact(compact) => compact.walk(random.index(compact.len()), false).next(),
            Form::Large(large) => large.random(random.next_u64()).map(element),
        }
    }

    /// Passes some members to `f` and returns the cursor to go on with, 0 after the last. A scan
    /// begins with 0 and passes every member that is there throughout. A compact sorted set is
    /// passed in one go.
    pub fn scan(&self, cursor: u64, mut f: impl FnMut(Element<'_>, f64)) -> u64 {
        match &self.form {
            Form::Compact(compact) => {
                compact.walk(0, false).for_each(|(member, score)| f(member, score));
                0
            }
            Form::Large(large) => {
                large.scan(cursor, |member, score| f(Element::Bytes(member), score))
            }
        }
    }

    /// The members and scores in turn and in order, while the sorted set is compact.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Compact(compact) => Some(compact.listpack()),
            Form::Large(_) => None,
        }
    }

    /// Changes to the large form, if that has not happened yet.
    fn large_mut(&mut self) -> &mut Large {
        if let Form::Compact(compact) = &self.form {
            let mut large = Large::default();
            for (member, score) in compact.walk(0, false) {
                large.update(member.as_bytes(&mut itoa::Buffer::new()), |_| Some(score));
            }
            large.adopt(self.deadlines.take());
            self.form = Form::Large(Box::new(large));
        }
        match &mut self.form {
            Form::Large(large) => large,
            Form::Compact(_) => unreachable!("the form has just been changed"),
        }
    }
}

fn element((member, score): (&[u8], f64)) -> (Element<'_>, f64) {
    (Element::Bytes(member), score)
}

/// Iterator over members and scores in order.
pub struct Walk<'a>(WalkOf<'a>);

enum WalkOf<'a> {
    Nothing,
    Compact(compact::Walk<'a>),
    Large(large::Walk<'a>),
}

impl<'a> Iterator for Walk<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            WalkOf::Nothing => None,
            WalkOf::Compact(members) => members.next(),
            WalkOf::Large(members) => members.next().map(element),
        }
    }
}

/// Iterator over members and scores in no order.
pub struct Iter<'a>(IterOf<'a>);

enum IterOf<'a> {
    Compact(compact::Walk<'a>),
    Large(large::Unordered<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            IterOf::Compact(members) => members.next(),
            IterOf::Large(members) => members.next().map(element),
        }
    }
}

/// What is said when members expire.
static EXPIRY: ExpiryWords = ExpiryWords { class: Class::ZSET, event: "zexpired", remove: b"ZREM" };

impl Expiring for Zset {
    fn words(&self) -> &'static ExpiryWords {
        &EXPIRY
    }

    fn has(&self, element: &[u8]) -> bool {
        self.score(element).is_some()
    }

    fn drop_element(&mut self, element: &[u8]) -> bool {
        self.remove(element).is_some()
    }

    fn is_bare(&self) -> bool {
        self.is_empty()
    }

    fn deadlines(&self) -> Option<&Deadlines> {
        match &self.form {
            Form::Large(large) => large.deadlines(),
            Form::Compact(_) => self.deadlines.as_deref(),
        }
    }

    fn clear_deadline(&mut self, element: &[u8]) -> Option<i64> {
        match &mut self.form {
            Form::Large(large) => large.clear_deadline(element),
            Form::Compact(_) => self.deadlines.as_mut()?.remove(element),
        }
    }

    fn set_deadline(&mut self, element: &[u8], at: i64) {
        match &mut self.form {
            Form::Large(large) => large.set_deadline(element, at),
            Form::Compact(_) => drop(self.deadlines.get_or_insert_default().set(element, at)),
        }
    }
}

impl Object for Zset {
    fn kind(&self) -> &'static Kind {
        &ZSET
    }

    fn encoding(&self) -> &'static str {
        match self.form {
            Form::Compact(_) => "listpack",
            Form::Large(_) => "skiplist",
        }
    }

    fn memory(&self) -> usize {
        let own = match &self.form {
            Form::Compact(compact) => compact.listpack().memory(),
            Form::Large(large) => large.memory(),
        };
        size_of::<Self>() + own + self.deadlines.as_ref().map_or(0, |d| d.memory())
    }

    #[inline]
    fn counted_size(&self) -> Option<(SizeKind, usize)> {
        Some((SizeKind::SortedSets, self.len()))
    }

    fn free_effort(&self) -> usize {
        let members = match &self.form {
            Form::Compact(_) => 1,
            Form::Large(large) => large.len(),
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
        value::save_zset(self, out)
    }

    fn parts(&mut self) -> Option<&mut dyn Parts> {
        match &mut self.form {
            Form::Large(large) => Some(&mut **large),
            Form::Compact(_) => None,
        }
    }

    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>) {
        let mut members = self.walk(0, false).peekable();
        while members.peek().is_some() {
            let words: Vec<Vec<u8>> = members
                .by_ref()
                .take(REBUILD_MEMBERS)
                .flat_map(|(member, score)| [num::format_f64(score).into_bytes(), member.to_vec()])
                .collect();
            let head: [&[u8]; 2] = [b"ZADD", key];
            let line: Vec<&[u8]> =
                head.into_iter().chain(words.iter().map(Vec::as_slice)).collect();
            emit(&line);
        }
        if let Some(deadlines) = self.deadlines() {
            deadlines.rebuild(b"ZPEXPIREAT", key, b"MEMBERS", emit);
        }
    }
}
