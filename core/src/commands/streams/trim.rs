//! The trimming options of XADD and XTRIM, and XTRIM itself.

use super::super::options::is;
use super::super::parts::int;
use super::strict_id;
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::notify::Class;
use crate::types::stream::trim::{Keep, References, Trim};
use crate::types::stream::{Limit, Stream};

/// The limit of approximate trimming, in nodes.
const LIMIT_NODES: u64 = 100;
/// That limit in entries, where nodes have none.
const LIMIT_UNBOUNDED: u64 = 10_000;
/// The most it may be.
const LIMIT_MAX: u64 = 1_000_000;

/// Trimming options as they are read.
#[derive(Clone, Copy, Default)]
pub(super) struct TrimArgs {
    keep: Option<Keep>,
    approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
}

impl TrimArgs {
    /// Reads an option from the words' beginning; how many words it took, 0 if it is none.
    pub(super) fn option(&mut self, words: &[&[u8]]) -> Result<usize, CmdError> {
        let [name, rest @ ..] = words else { return Ok(0) };
        let by_count = is(name, "MAXLEN");
        if !rest.is_empty() && (by_count || is(name, "MINID")) {
            return self.strategy(by_count, rest);
        }
        if !rest.is_empty() && is(name, "LIMIT") {
            let limit = u64::try_from(int(rest[0])?)
                .map_err(|_| CmdError::fixed("ERR The LIMIT argument must be >= 0."))?;
            self.limit = Some(limit);
            return Ok(2);
        }
        match references(name) {
            Some(references) if self.references.is_none() => {
                self.references = Some(references);
                Ok(1)
            }
            _ => Ok(0),
        }
    }

    /// Reads what follows MAXLEN or MINID.
    fn strategy(&mut self, by_count: bool, rest: &[&[u8]]) -> Result<usize, CmdError> {
        if self.keep.is_some() {
            return Err(CmdError::fixed(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let operator = rest.len() >= 2 && matches!(rest[0], b"~" | b"=");
        self.approximate = operator && rest[0] == b"~";
        let threshold = rest[usize::from(operator)];
        self.keep = Some(if by_count {
            let count = u64::try_from(int(threshold)?)
                .map_err(|_| CmdError::fixed("ERR The MAXLEN argument must be >= 0."))?;
            Keep::Newest(count)
        } else {
            Keep::From(strict_id(threshold, 0)?)
        });
        Ok(2 + usize::from(operator))
    }

    /// What the options ask for; `None` when there is nothing to trim.
    pub(super) fn finish(self, limit: Limit) -> Result<Option<Trim>, CmdError> {
        let Some(keep) = self.keep else {
            return match self.limit {
                Some(_) => Err(CmdError::fixed(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
                None => Ok(None),
            };
        };
        let limit = match (self.approximate, self.limit) {
            (false, Some(_)) => {
                return Err(CmdError::fixed(
                    "ERR syntax error, LIMIT cannot be used without the special ~ option",
                ));
            }
            (false, None) => 0,
            (true, Some(limit)) => limit,
            (true, None) if limit.entries == 0 => LIMIT_UNBOUNDED,
            (true, None) => limit.entries.saturating_mul(LIMIT_NODES).min(LIMIT_MAX),
        };
        let references = self.references.unwrap_or_default();
        Ok(Some(Trim { keep, approximate: self.approximate, limit, references }))
    }
}

/// Reads what is to become of references.
pub(super) fn references(word: &[u8]) -> Option<References> {
    let known = [
        ("KEEPREF", References::Keep),
        ("DELREF", References::Remove),
        ("ACKED", References::Spare),
    ];
    known.into_iter().find(|(name, _)| is(word, name)).map(|(_, references)| references)
}

/// The words that trim a stream to the length it now has in the same way, whatever its nodes.
pub(super) fn exact_words(trim: &Trim, len: u64) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    match trim.references {
        References::Keep => {}
        References::Remove => words.push(b"DELREF".to_vec()),
        References::Spare => words.push(b"ACKED".to_vec()),
    }
    match trim.keep {
        Keep::From(id) if !trim.approximate => {
            words.extend([b"MINID".to_vec(), b"=".to_vec(), id.to_vec()]);
        }
        Keep::Newest(count) if !trim.approximate => {
            words.extend([b"MAXLEN".to_vec(), b"=".to_vec(), count.to_string().into_bytes()]);
        }
        _ => words.extend([b"MAXLEN".to_vec(), b"=".to_vec(), len.to_string().into_bytes()]),
    }
    words
}

pub(super) fn xtrim(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let mut options = TrimArgs::default();
    let mut rest = &args[2..];
    while !rest.is_empty() {
        match options.option(rest)? {
            0 => return Err(CmdError::SYNTAX),
            taken => rest = &rest[taken..],
        }
    }
    let trim = options.finish(ctx.engine().tuning.limits.stream())?.ok_or(CmdError::SYNTAX)?;
    let Some(stream) = ctx.space.object_mut::<Stream>(key)? else {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    };
    let removed = stream.trim(&trim);
    let len = stream.len();
    if removed > 0 {
        ctx.space.changed(Class::STREAM, "xtrim", key);
        ctx.space.count_as(removed as usize);
        if trim.approximate {
            let words = exact_words(&trim, len);
            let mut effect: Vec<&[u8]> = vec![b"XTRIM", key];
            effect.extend(words.iter().map(Vec::as_slice));
            ctx.space.effect(&effect);
        }
    }
    ctx.reply.int(removed as i64);
    Ok(Flow::Done)
}
