//! The compact form of a sorted set: members and scores in turn in a listpack, in the order of
//! scores and then of the members' bytes, as RDB files carry it.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Range;

use super::{LexRange, ScoreRange};
use crate::ds::listpack::{self, At, Element, Listpack};
use crate::util::num;

/// Members and scores in turn.
#[derive(Clone, Default)]
pub(super) struct Compact {
    pairs: Listpack,
}

/// Whole scores up to this magnitude (2^53) are kept as integers.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Bytes that hold any score as text.
type ScoreText = Vec<u8>;

/// A score as the listpack keeps it.
fn score_element(score: f64, text: &mut ScoreText) -> Element<'_> {
    if score.trunc() == score && score.abs() <= MAX_WHOLE {
        return Element::Int(score as i64);
    }
    num::write_f64(text, score);
    Element::from(text.as_slice())
}

fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Int(n) => n as f64,
        Element::Bytes(text) => num::parse_f64(text).unwrap_or(0.0),
    }
}

/// Compares members by their bytes.
fn compare(a: Element<'_>, b: &[u8]) -> Ordering {
    match a {
        Element::Bytes(a) => a.cmp(b),
        Element::Int(n) => itoa::Buffer::new().format(n).as_bytes().cmp(b),
    }
}

impl Compact {
    /// Members and scores that are in order.
    pub(super) fn from_sorted<'a>(pairs: impl Iterator<Item = (&'a [u8], f64)>) -> Self {
        let mut compact = Self::default();
        for (member, score) in pairs {
            compact.pairs.push_back(Element::from(member));
            compact.pairs.push_back(score_element(score, &mut ScoreText::new()));
        }
        compact
    }

    /// Takes over a listpack from outside, or gives it back if it is not what it should be:
    /// members and scores in turn and in order, and no member twice.
    pub(super) fn from_listpack(pairs: Listpack) -> Result<Self, Listpack> {
        let compact = Self { pairs };
        if compact.is_sound() { Ok(compact) } else { Err(compact.pairs) }
    }

    /// Whether there are members and scores in turn and in order, and no member twice.
    fn is_sound(&self) -> bool {
        if !self.pairs.len().is_multiple_of(2) {
            return false;
        }
        let is_score = |element| match element {
            Element::Int(_) => true,
            Element::Bytes(text) => num::parse_f64(text).is_some(),
        };
        if !self.pairs.iter().skip(1).step_by(2).all(is_score) {
            return false;
        }
        let (mut seen, mut last) = (HashSet::new(), None);
        for (member, score) in self.walk(0, false) {
            let next = (score, member.to_vec());
            if last.is_some_and(|last| last >= next) || !seen.insert(member.to_vec()) {
                return false;
            }
            last = Some(next);
        }
        true
    }

    pub(super) fn len(&self) -> usize {
        self.pairs.len() / 2
    }

    /// Whether another member would keep the listpack within its own limit.
    pub(super) fn fits(&self, member: &[u8]) -> bool {
        /// Bytes that the entry of a score takes at most.
        const SCORE: usize = 32;
        self.pairs.fits(Element::from(member).encoded_len() + SCORE)
    }

    /// Where a member stands, and its score.
    pub(super) fn find(&self, member: &[u8]) -> Option<(At, f64)> {
        let at = self.pairs.find(self.pairs.first()?, member, 1)?;
        Some((at, self.score_at(at)?))
    }

    /// The score of the member at `at`.
    fn score_at(&self, at: At) -> Option<f64> {
        self.pairs.at(self.pairs.next(at)?).map(score_of)
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let rank = self.walk(0, false).position(|(other, _)| compare(other, member).is_eq())?;
        let (_, score) = self.walk(rank, false).next()?;
        Some((rank, score))
    }

    /// Adds a member that is not there.
    pub(super) fn add(&mut self, member: &[u8], score: f64) {
        let at = self.place(member, score);
        let element = Element::from(member);
        self.pairs.insert_at(at, element);
        let behind = self.pairs.next(at).unwrap_or(self.pairs.end());
        self.pairs.insert_at(behind, score_element(score, &mut ScoreText::new()));
    }

    /// Where a member of this score belongs.
    fn place(&self, member: &[u8], score: f64) -> At {
        let mut next = self.pairs.first();
        while let Some(at) = next {
            let Some(score_at) = self.pairs.next(at) else { break };
            let other = self.pairs.at(score_at).map_or(0.0, score_of);
            let is_after = other > score
                || other == score
                    && self.pairs.at(at).is_some_and(|other| compare(other, member).is_gt());
            if is_after {
                return at;
            }
            next = self.pairs.next(score_at);
        }
        self.pairs.end()
    }

    /// Removes the member at `at`.
    pub(super) fn remove_at(&mut self, at: At) {
        self.pairs.remove_from(at, 2);
    }

    pub(super) fn remove_ranks(&mut self, rank: usize, count: usize) -> usize {
        let end = rank.saturating_add(count).saturating_mul(2);
        self.pairs.remove_range(rank.saturating_mul(2)..end) / 2
    }

    pub(super) fn score_ranks(&self, range: &ScoreRange) -> Range<usize> {
        let scores = || self.walk(0, false).map(|(_, score)| score);
        let start = scores().take_while(|score| range.is_below(*score)).count();
        start..start + scores().skip(start).take_while(|score| !range.is_above(*score)).count()
    }

    pub(super) fn lex_ranks(&self, range: &LexRange<'_>) -> Range<usize> {
        let with = |member: Element<'_>, test: &dyn Fn(&[u8]) -> bool| {
            test(member.as_bytes(&mut itoa::Buffer::new()))
        };
        let members = || self.walk(0, false).map(|(member, _)| member);
        let is_below = |member: &[u8]| range.is_below(member);
        let start = members().take_while(|member| with(*member, &is_below)).count();
        let is_within = |member: &[u8]| !range.is_above(member);
        let inside = members().skip(start).take_while(|member| with(*member, &is_within));
        start..start + inside.count()
    }

    /// The members in order from a rank on, backwards if `reverse`.
    pub(super) fn walk(&self, rank: usize, reverse: bool) -> Walk<'_> {
        let start = self.pairs.first().unwrap_or(self.pairs.end());
        let pairs = if reverse {
            let end = rank.saturating_add(1).saturating_mul(2);
            let end = self.pairs.seek(end).unwrap_or(self.pairs.end());
            self.pairs.iter_between(start, end)
        } else {
            let start = self.pairs.seek(rank.saturating_mul(2)).unwrap_or(self.pairs.end());
            self.pairs.iter_between(start, self.pairs.end())
        };
        Walk { pairs, reverse }
    }

    pub(super) fn listpack(&self) -> &Listpack {
        &self.pairs
    }
}

/// Iterator over members and scores.
pub(super) struct Walk<'a> {
    pairs: listpack::Iter<'a>,
    reverse: bool,
}

impl<'a> Iterator for Walk<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.reverse {
            let score = self.pairs.next_back()?;
            return Some((self.pairs.next_back()?, score_of(score)));
        }
        let member = self.pairs.next()?;
        Some((member, score_of(self.pairs.next()?)))
    }
}
