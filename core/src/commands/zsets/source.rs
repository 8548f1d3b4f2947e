//! What set operations on sorted sets take their members from.

use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::keyspace::{Entry, ValueRef};
use crate::types::set::Set;
use crate::types::zset::Zset;

/// A value whose members can be combined with those of others.
pub(super) enum Source<'a> {
    /// There is no such key.
    Nothing,
    /// A sorted set.
    Zset(&'a Zset),
    /// A set: each member has the score 1.
    Set(&'a Set),
}

impl<'a> Source<'a> {
    /// The value of a key.
    ///
    /// # Errors
    /// [`CmdError::WRONG_TYPE`] when it has no members.
    pub(super) fn of(entry: Option<&'a Entry>) -> Result<Self, CmdError> {
        let Some(entry) = entry else { return Ok(Source::Nothing) };
        let ValueRef::Object(object) = entry.value() else { return Err(CmdError::WRONG_TYPE) };
        let zset = object.downcast_ref().map(Source::Zset);
        zset.or_else(|| object.downcast_ref().map(Source::Set)).ok_or(CmdError::WRONG_TYPE)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Source::Nothing => 0,
            Source::Zset(zset) => zset.len(),
            Source::Set(set) => set.len(),
        }
    }

    /// The score of a member.
    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Nothing => None,
            Source::Zset(zset) => zset.score(member),
            Source::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Passes the members to `f`, until that returns false.
    pub(super) fn each(&self, mut f: impl FnMut(Element<'_>, f64) -> bool) {
        match self {
            Source::Nothing => {}
            Source::Zset(zset) => {
                let _ = zset.iter().all(|(member, score)| f(member, score));
            }
            Source::Set(set) => {
                let _ = set.iter().all(|member| f(member, 1.0));
            }
        }
    }
}
