//! Setting, clearing and asking for the times at which elements of a collection expire: what the
//! families HEXPIRE, SEXPIRE and ZEXPIRE have in common. Each family names itself by a
//! [`Family`]; a key's value is reached as [`Expiring`], whatever its type.

mod specs;

pub(crate) use specs::specs;

use crate::command::{Ctx, Flow, Mode, Outcome};
use crate::commands::options::{Condition, Unit, int, invalid_expire, is};
use crate::error::CmdError;
use crate::keyspace::{Entry, Space, ValueRef};
use crate::notify::Class;
use crate::value::{Expiring, Kind};

/// The latest deadline of an element, in Unix milliseconds: some 2,200 years from 1970.
pub(crate) const LATEST: i64 = (1 << 46) - 1;

/// What a family of commands calls things.
pub(crate) struct Family {
    /// The type of value.
    pub kind: &'static Kind,
    /// The class of its events.
    pub class: Class,
    /// What an element is called, for example `field`.
    pub noun: &'static str,
    /// The keyword before the elements, for example `FIELDS`.
    pub keyword: &'static str,
    /// The event when deadlines are set, for example `hexpire`.
    pub expire_event: &'static str,
    /// The event when deadlines are taken away, for example `hpersist`.
    pub persist_event: &'static str,
    /// The event when elements are removed, for example `hdel`.
    pub remove_event: &'static str,
    /// The command that sets a deadline, for logs: for example `HPEXPIREAT`.
    pub expire_at: &'static [u8],
    /// The command that removes elements, for logs: for example `HDEL`.
    pub remove: &'static [u8],
}

/// What became of one element, in the numbers that clients know.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
enum Became {
    NotThere = -2,
    Unmet = 0,
    Set = 1,
    Removed = 2,
}

/// A bad number of elements: to HEXPIRE and its like, and to all others.
fn bad_number(family: &Family, of_expire: bool) -> CmdError {
    let mut noun = family.noun.to_owned();
    if of_expire {
        noun[..1].make_ascii_uppercase();
        return CmdError::new(format!("ERR Parameter `num{noun}s` should be greater than 0"));
    }
    CmdError::new(format!("ERR Number of {noun}s must be a positive integer"))
}

/// Reads `FIELDS numfields field [field ...]`, to the end of the words.
fn elements<'a, 'w>(
    words: &'a [&'w [u8]],
    family: &Family,
    of_expire: bool,
) -> Result<&'a [&'w [u8]], CmdError> {
    let [keyword, number, elements @ ..] = words else { return Err(missing(family)) };
    if !is(keyword, family.keyword) {
        return Err(missing(family));
    }
    let number = int(number).ok().filter(|n| *n > 0);
    let number = number.ok_or_else(|| bad_number(family, of_expire))?;
    if usize::try_from(number) != Ok(elements.len()) {
        let noun = family.noun;
        let text = format!("ERR The `num{noun}s` parameter must match the number of arguments");
        return Err(CmdError::new(text));
    }
    Ok(elements)
}

fn missing(family: &Family) -> CmdError {
    let keyword = family.keyword;
    let text = format!("ERR Mandatory argument {keyword} is missing or not at the right position");
    CmdError::new(text)
}

/// Reads `FIELDS numfields field [field ...]` of the commands other than HEXPIRE and its like.
///
/// # Errors
/// When there is anything else, or the number is not that of the words that follow.
pub(crate) fn named<'a, 'w>(
    words: &'a [&'w [u8]],
    family: &Family,
) -> Result<&'a [&'w [u8]], CmdError> {
    elements(words, family, false)
}

/// The moment that a time means, in Unix milliseconds: 0 or more, and at most [`LATEST`].
///
/// # Errors
/// When it is no integer or out of that range.
pub(crate) fn moment(unit: Unit, word: &[u8], now: i64, command: &str) -> Result<i64, CmdError> {
    let value = int(word)?;
    if value < 0 {
        return Err(CmdError::fixed("ERR invalid expire time, must be >= 0"));
    }
    let moment = unit.moment(value, now).filter(|at| *at <= LATEST);
    moment.ok_or_else(|| invalid_expire(command))
}

/// The value of a key, to be changed; `None` when there is no such key.
///
/// # Errors
/// [`CmdError::WRONG_TYPE`] when it is of another type.
pub(crate) fn value_mut<'s>(
    space: &'s mut Space<'_>,
    key: &[u8],
    family: &Family,
) -> Result<Option<&'s mut dyn Expiring>, CmdError> {
    let Some(entry) = space.lookup_mut(key) else { return Ok(None) };
    let object = entry.object_mut().filter(|object| object.kind() == family.kind);
    object.and_then(|object| object.expiring_mut()).ok_or(CmdError::WRONG_TYPE).map(Some)
}

fn value<'s>(entry: &'s Entry, family: &Family) -> Result<&'s dyn Expiring, CmdError> {
    match entry.value() {
        ValueRef::Object(object) if object.kind() == family.kind => {
            object.expiring().ok_or(CmdError::WRONG_TYPE)
        }
        _ => Err(CmdError::WRONG_TYPE),
    }
}

/// `key time [NX | XX | GT | LT] FIELDS numfields field [field ...]`.
pub(crate) fn expire(
    ctx: &mut Ctx<'_, '_>,
    args: &[&[u8]],
    family: &Family,
    unit: Unit,
) -> Outcome {
    let (key, now) = (args[1], ctx.space.now());
    value_mut(ctx.space, key, family)?;
    let at = moment(unit, args[2], now, &ctx.command.name)?;
    let (condition, words) = match Condition::of(args[3]) {
        Some(condition) => (condition, &args[4..]),
        None => (Condition::default(), &args[3..]),
    };
    let elements = elements(words, family, true)?;
    let removes = at <= now && ctx.mode != Mode::Replay;
    let became: Vec<Became> = match value_mut(ctx.space, key, family)? {
        None => vec![Became::NotThere; elements.len()],
        Some(value) => elements
            .iter()
            .map(|element| expire_one(value, element, at, &condition, removes))
            .collect(),
    };
    ctx.reply.array(became.len());
    became.iter().for_each(|became| ctx.reply.int(*became as i64));
    let those = |which: Became| {
        let chosen = elements.iter().zip(&became).filter(move |(_, became)| **became == which);
        chosen.map(|(element, _)| *element).collect::<Vec<_>>()
    };
    tell_expires(ctx, key, family, at, &those(Became::Set));
    tell_removed(ctx, key, family, &those(Became::Removed));
    Ok(Flow::Done)
}

fn expire_one(
    value: &mut dyn Expiring,
    element: &[u8],
    at: i64,
    condition: &Condition,
    removes: bool,
) -> Became {
    if !value.has(element) {
        return Became::NotThere;
    }
    let present = value.deadlines().and_then(|deadlines| deadlines.get(element));
    if !condition.allows(present, at) {
        return Became::Unmet;
    }
    if removes {
        value.drop_element(element);
        return Became::Removed;
    }
    value.set_deadline(element, at);
    Became::Set
}

/// Says that elements were given a deadline; does nothing when there are none.
pub(crate) fn tell_expires(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    family: &Family,
    at: i64,
    elements: &[&[u8]],
) {
    if elements.is_empty() {
        return;
    }
    ctx.space.index_members(key);
    ctx.space.changed(family.class, family.expire_event, key);
    ctx.space.name_elements(family.class, elements.iter().copied());
    ctx.space.count_as(elements.len());
    let (mut at_text, mut number) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut words: Vec<&[u8]> = vec![family.expire_at, key, at_text.format(at).as_bytes()];
    words.push(family.keyword.as_bytes());
    words.push(number.format(elements.len()).as_bytes());
    words.extend_from_slice(elements);
    ctx.space.effect(&words);
}

/// Says that elements were removed, and removes the key with the last of them; does nothing when
/// there are none.
pub(crate) fn tell_removed(ctx: &mut Ctx<'_, '_>, key: &[u8], family: &Family, elements: &[&[u8]]) {
    if elements.is_empty() {
        return;
    }
    let space = &mut *ctx.space;
    space.changed(family.class, family.remove_event, key);
    space.name_elements(family.class, elements.iter().copied());
    space.count_as(elements.len());
    let mut words: Vec<&[u8]> = vec![family.remove, key];
    words.extend_from_slice(elements);
    space.effect(&words);
    if let Ok(Some(value)) = value_mut(space, key, family)
        && value.is_bare()
    {
        space.remove(key);
        space.notify(Class::GENERIC, "del", key);
    }
}

/// Takes deadlines away. Returns for each element 1 if it had one, -1 if not, -2 if it is not
/// there.
pub(crate) fn clear(value: &mut dyn Expiring, elements: &[&[u8]]) -> Vec<i64> {
    let clear_one = |element: &&[u8]| {
        if !value.has(element) {
            return -2;
        }
        let had = value.clear_deadline(element);
        if had.is_some() { 1 } else { -1 }
    };
    elements.iter().map(clear_one).collect()
}

/// The elements that [`clear`] took a deadline from, by what it returned.
pub(crate) fn cleared<'x>(
    elements: &'x [&'x [u8]],
    became: &'x [i64],
) -> impl Iterator<Item = &'x [u8]> {
    elements.iter().zip(became).filter(|(_, became)| **became == 1).map(|(element, _)| *element)
}

/// `key FIELDS numfields field [field ...]`: the elements expire no longer.
pub(crate) fn persist(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], family: &Family) -> Outcome {
    let key = args[1];
    value_mut(ctx.space, key, family)?;
    let elements = elements(&args[2..], family, false)?;
    let became = match value_mut(ctx.space, key, family)? {
        None => vec![-2; elements.len()],
        Some(value) => clear(value, elements),
    };
    if became.contains(&1) {
        ctx.space.changed(family.class, family.persist_event, key);
        ctx.space.name_elements(family.class, cleared(elements, &became));
    }
    ctx.reply.array(became.len());
    became.into_iter().for_each(|became| ctx.reply.int(became));
    Ok(Flow::Done)
}

/// `key FIELDS numfields field [field ...]`: how long the elements have left, or until when.
pub(crate) fn left(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], family: &Family, unit: Unit) -> Outcome {
    let now = ctx.space.now();
    ctx.space.only_hide_expired();
    let value = ctx.space.lookup(args[1]).map(|entry| value(entry, family)).transpose()?;
    let elements = elements(&args[2..], family, false)?;
    ctx.reply.array(elements.len());
    for element in elements {
        let answer = match value.filter(|value| value.has(element)) {
            None => -2,
            Some(value) => match value.deadlines().and_then(|d| d.get(element)) {
                None => -1,
                Some(at) if unit.seconds => (at - if unit.absolute { 0 } else { now } + 999) / 1000,
                Some(at) => at - if unit.absolute { 0 } else { now },
            },
        };
        ctx.reply.int(answer);
    }
    Ok(Flow::Done)
}
