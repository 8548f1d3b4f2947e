//! Random choices from a collection, with a count: what SRANDMEMBER, HRANDFIELD and ZRANDMEMBER have
//! in common.

use std::collections::HashSet;

use super::options::is;
use super::parts;
use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::reply::Reply;
use crate::util::random::{self, Random};

/// Most bytes that a choice with repetitions may answer with: a short command could otherwise ask
/// for any amount of memory.
const REPLY_MAX: usize = 1 << 30;

/// Above this part of all elements (1/3), a choice without repetitions walks through all of them
/// instead of drawing until enough are different.
const DENSE: usize = 3;

/// A collection to choose from.
pub(crate) trait Choosable {
    /// An element, with what belongs to it.
    type Item<'c>
    where
        Self: 'c;

    /// How many elements there are.
    fn count(&self) -> usize;

    /// Whether drawing an element takes a walk through the others.
    fn is_compact(&self) -> bool;

    /// All of them.
    fn items(&self) -> impl Iterator<Item = Self::Item<'_>>;

    /// One of them; none if there is none.
    fn draw(&self, random: &mut Random) -> Option<Self::Item<'_>>;

    /// What tells an element from the others.
    fn name<'c>(item: &Self::Item<'c>) -> Element<'c>;

    /// Writes what belongs to an element besides its name.
    fn write_value(reply: &mut Reply, item: &Self::Item<'_>);
}

/// How many elements a client wants, and whether with their values.
pub(crate) struct Choice {
    count: i64,
    with_values: bool,
}

impl Choice {
    /// Reads `count [keyword]`.
    ///
    /// # Errors
    /// For anything else, and for numbers whose reply could not be counted.
    pub(crate) fn parse(words: &[&[u8]], keyword: Option<&str>) -> Result<Self, CmdError> {
        let [count, options @ ..] = words else { return Err(CmdError::SYNTAX) };
        let count = parts::int_between(count, -i64::MAX, i64::MAX)?;
        let with_values = match (options, keyword) {
            ([], _) => false,
            ([option], Some(keyword)) if is(option, keyword) => true,
            _ => return Err(CmdError::SYNTAX),
        };
        if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(CmdError::fixed("ERR value is out of range"));
        }
        Ok(Self { count, with_values })
    }

    /// Answers with different elements, or for a negative count with independent draws.
    ///
    /// # Errors
    /// When the draws take more than [`REPLY_MAX`].
    pub(crate) fn answer<C: Choosable>(&self, reply: &mut Reply, from: &C) -> Result<(), CmdError> {
        let wanted = usize::try_from(self.count.unsigned_abs()).unwrap_or(usize::MAX);
        random::with(|random| {
            if self.count < 0 && from.count() > 0 {
                return self.repeated(reply, from, wanted, random);
            }
            self.distinct(reply, from, wanted.min(from.count()), random);
            Ok(())
        })
    }

    /// The head of a reply of so many elements. With values, RESP3 has a pair for each of them and
    /// RESP2 one flat array.
    fn head(&self, reply: &mut Reply, elements: usize) {
        let flat = self.with_values && !reply.is_resp3();
        reply.array(if flat { elements.saturating_mul(2) } else { elements });
    }

    fn put<C: Choosable>(&self, reply: &mut Reply, item: &C::Item<'_>) {
        if self.with_values && reply.is_resp3() {
            reply.array(2);
        }
        parts::element(reply, C::name(item));
        if self.with_values {
            C::write_value(reply, item);
        }
    }

    fn repeated<C: Choosable>(
        &self,
        reply: &mut Reply,
        from: &C,
        count: usize,
        random: &mut Random,
    ) -> Result<(), CmdError> {
        let start = reply.len();
        self.head(reply, count);
        for _ in 0..count {
            let Some(item) = from.draw(random) else { break };
            self.put::<C>(reply, &item);
            if reply.len() - start > REPLY_MAX {
                return Err(CmdError::fixed("ERR value is out of range"));
            }
        }
        Ok(())
    }

    /// `count` different elements, which are at most all.
    fn distinct<C: Choosable>(
        &self,
        reply: &mut Reply,
        from: &C,
        count: usize,
        random: &mut Random,
    ) {
        self.head(reply, count);
        if from.is_compact() || count > from.count() / DENSE {
            let put = |item| self.put::<C>(reply, &item);
            return parts::sample(from.items(), from.count(), count, random, put);
        }
        // Few draws are in vain while the choice is sparse.
        let mut chosen: HashSet<Vec<u8>> = HashSet::with_capacity(count);
        while chosen.len() < count {
            let Some(item) = from.draw(random) else { break };
            if chosen.insert(C::name(&item).to_vec()) {
                self.put::<C>(reply, &item);
            }
        }
    }
}
