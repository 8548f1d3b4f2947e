//! What the commands on sorted sets share: how scores and ranges are written in requests and
//! replies.

use crate::command::Ctx;
use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::notify::Class;
use crate::reply::{Proto, Reply};
use crate::types::zset::{LexBound, LexRange, ScoreRange};
use crate::util::num;

use super::super::parts::element;

/// Reads a score.
pub(in super::super) fn score_arg(word: &[u8]) -> Result<f64, CmdError> {
    num::parse_f64(word).ok_or(CmdError::NOT_FLOAT)
}

/// Answers with a score. Unlike other numbers, a zero keeps its sign.
pub(in super::super) fn score(reply: &mut Reply, score: f64) {
    if score != 0.0 || score.is_sign_positive() {
        return reply.double(score);
    }
    match reply.proto() {
        Proto::Resp2 => reply.bulk("-0"),
        Proto::Resp3 => reply.raw(b",-0\r\n"),
    }
}

/// Answers with so many members, each with its score if `with_scores`: in pairs in RESP3, in one
/// flat array in RESP2.
pub(super) fn members<'a>(
    reply: &mut Reply,
    count: usize,
    with_scores: bool,
    pairs: impl Iterator<Item = (Element<'a>, f64)>,
) {
    let nested = with_scores && reply.is_resp3();
    reply.array(if with_scores && !nested { count * 2 } else { count });
    for (member, value) in pairs {
        if nested {
            reply.array(2);
        }
        element(reply, member);
        if with_scores {
            score(reply, value);
        }
    }
}

/// Reads an end of a range of scores: a number, excluded if a parenthesis stands before it.
fn score_bound(word: &[u8]) -> Result<(f64, bool), CmdError> {
    let (text, open) = match word.strip_prefix(b"(") {
        Some(text) => (text, true),
        None => (word, false),
    };
    // As strtod(3) has it, no digits are zero.
    let value = if text.is_empty() { Some(0.0) } else { num::parse_f64(text) };
    let value = value.ok_or(CmdError::fixed("ERR min or max is not a float"))?;
    Ok((value, open))
}

/// Reads a range of scores.
pub(super) fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, CmdError> {
    let ((min, min_open), (max, max_open)) = (score_bound(min)?, score_bound(max)?);
    Ok(ScoreRange { min, max, min_open, max_open })
}

/// Reads an end of a range of members: `-`, `+`, `[member` or `(member`.
fn lex_bound(word: &[u8]) -> Result<LexBound<'_>, CmdError> {
    match word {
        b"-" => Ok(LexBound::Least),
        b"+" => Ok(LexBound::Greatest),
        [b'[', member @ ..] => Ok(LexBound::Closed(member)),
        [b'(', member @ ..] => Ok(LexBound::Open(member)),
        _ => Err(CmdError::fixed("ERR min or max not valid string range item")),
    }
}

/// Reads a range of members.
pub(super) fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, CmdError> {
    Ok(LexRange { min: lex_bound(min)?, max: lex_bound(max)? })
}

/// Says that so many members were removed, and removes the key if none is left.
pub(super) fn tell_removed(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    event: &'static str,
    removed: usize,
    is_empty: bool,
) {
    ctx.space.changed(Class::ZSET, event, key);
    ctx.space.count_as(removed);
    if is_empty {
        ctx.space.remove(key);
        ctx.space.notify(Class::GENERIC, "del", key);
    }
}
