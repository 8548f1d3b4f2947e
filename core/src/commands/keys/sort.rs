//! SORT and SORT_RO: the elements of a list, set or sorted set in order, or what keys named after
//! them hold.

use std::cmp::Ordering;

use super::GENERIC;
use crate::command::{Access, Acl, Ctx, Flags, Flow, KeySpec, Outcome, Reach, Spec};
use crate::commands::options::{int, is};
use crate::error::CmdError;
use crate::keyspace::{Put, Scope, ShardSet, Space, Value, ValueRef, shard_of};
use crate::notify::Class;
use crate::types::hash::Hash;
use crate::types::list::{End, List};
use crate::types::set::Set;
use crate::types::zset::Zset;

const SORT: Spec = Spec {
    arity: -2,
    acl: Acl::SET.or(Acl::SORTEDSET).or(Acl::LIST).or(Acl::DANGEROUS),
    // The second are those that BY and GET name.
    keys: &[
        KeySpec::one(1, Access::RO.or(Access::ACCESS)),
        KeySpec::unknown(Access::RO.or(Access::ACCESS)),
    ],
    find_keys: Some(find_keys),
    reach: Reach::Steps,
    complexity: "O(N+M*log(M)) in the number of elements and of those returned",
    ..GENERIC
};

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "sort",
        flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::MOVABLEKEYS),
        summary: "Returns or stores the elements of a list, set or sorted set in order",
        syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] \
                 [ASC | DESC] [ALPHA] [STORE destination]",
        keys: &[
            KeySpec::one(1, Access::RO.or(Access::ACCESS)),
            KeySpec::unknown(Access::RO.or(Access::ACCESS)),
            KeySpec::unknown(Access::OW.or(Access::UPDATE)),
        ],
        handler: |ctx, args| sort(ctx, args, true),
        ..SORT
    },
    Spec {
        name: "sort_ro",
        flags: Flags::READONLY.or(Flags::MOVABLEKEYS),
        find_keys: Some(|_, out| out.push(1)),
        since: "7.0.0",
        summary: "Returns the elements of a list, set or sorted set in order",
        syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] \
                 [ASC | DESC] [ALPHA]",
        handler: |ctx, args| sort(ctx, args, false),
        ..SORT
    },
];

/// The keys whose names do not come from elements: the one that is sorted, and the last one that
/// STORE names.
fn find_keys(args: &[&[u8]], out: &mut Vec<usize>) {
    out.push(1);
    let (mut at, mut store) = (2, None);
    while at < args.len() {
        at += match args[at] {
            word if is(word, "LIMIT") => 3,
            word if is(word, "GET") || is(word, "BY") => 2,
            word if is(word, "STORE") => {
                store = (at + 1 < args.len()).then_some(at + 1);
                2
            }
            _ => 1,
        };
    }
    out.extend(store);
}

/// How to sort.
struct Options<'a> {
    by: Option<&'a [u8]>,
    get: Vec<&'a [u8]>,
    limit: Option<(i64, i64)>,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(words: &[&'a [u8]], stores: bool) -> Result<Self, CmdError> {
        let mut options = Self {
            by: None,
            get: Vec::new(),
            limit: None,
            descending: false,
            alpha: false,
            store: None,
        };
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let next = words.get(at + 1).copied();
            at += 1;
            match next {
                _ if is(word, "ASC") => options.descending = false,
                _ if is(word, "DESC") => options.descending = true,
                _ if is(word, "ALPHA") => options.alpha = true,
                Some(pattern) if is(word, "BY") => options.by = Some(pattern),
                Some(pattern) if is(word, "GET") => options.get.push(pattern),
                Some(key) if is(word, "STORE") && stores => options.store = Some(key),
                Some(offset) if is(word, "LIMIT") => {
                    let count = words.get(at + 1).ok_or(CmdError::SYNTAX)?;
                    options.limit = Some((int(offset)?, int(count)?));
                    at += 1;
                }
                _ => return Err(CmdError::SYNTAX),
            }
            let takes_one = ["BY", "GET", "STORE", "LIMIT"].iter().any(|name| is(word, name));
            at += usize::from(takes_one);
        }
        Ok(options)
    }

    /// Whether keys named after elements are looked at.
    fn follows(&self) -> bool {
        self.by.is_some_and(has_star) || self.get.iter().any(|pattern| has_star(pattern))
    }

    /// The indices to return of so many elements.
    fn range(&self, len: usize) -> std::ops::Range<usize> {
        let Some((offset, count)) = self.limit else { return 0..len };
        let start = usize::try_from(offset).unwrap_or(0).min(len);
        let count = usize::try_from(count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}

fn has_star(pattern: &[u8]) -> bool {
    pattern.contains(&b'*')
}

fn sort(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], stores: bool) -> Outcome {
    let options = Options::parse(&args[2..], stores)?;
    if ctx.step.take().is_none() && !ctx.space.held().owns_all() {
        ctx.step = Some(Box::new(()));
        return Ok(Flow::Again(scope(args[1], &options)));
    }
    let (elements, kind) = elements(ctx.space, args[1])?;
    let elements = ordered(ctx.space, elements, kind, &options)?;
    let chosen = &elements[options.range(elements.len())];
    let found: Vec<Option<Vec<u8>>> = match options.get.as_slice() {
        [] => chosen.iter().map(|element| Some(element.clone())).collect(),
        patterns => chosen
            .iter()
            .flat_map(|element| patterns.iter().map(move |pattern| (pattern, element)))
            .map(|(pattern, element)| follow(ctx.space, pattern, element))
            .collect(),
    };
    match options.store {
        Some(key) => store(ctx, key, &found)?,
        None => {
            ctx.reply.array(found.len());
            found.iter().for_each(|value| ctx.reply.bulk_or_null(value.as_deref()));
        }
    }
    Ok(Flow::Done)
}

/// The shards that a sort needs: patterns may lead anywhere.
fn scope(key: &[u8], options: &Options<'_>) -> Scope {
    if options.follows() {
        return Scope::All;
    }
    let keys = [Some(key), options.store];
    Scope::Shards(keys.into_iter().flatten().map(shard_of).collect::<ShardSet>())
}

/// What elements come from, as far as it matters for their order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    List,
    Set,
    SortedSet,
}

/// All elements of the value at a key.
fn elements(space: &mut Space<'_>, key: &[u8]) -> Result<(Vec<Vec<u8>>, Source), CmdError> {
    let Some(entry) = space.lookup(key) else { return Ok((Vec::new(), Source::List)) };
    let ValueRef::Object(object) = entry.value() else { return Err(CmdError::WRONG_TYPE) };
    if let Some(list) = object.downcast_ref::<List>() {
        return Ok((list.iter().map(|element| element.to_vec()).collect(), Source::List));
    }
    if let Some(set) = object.downcast_ref::<Set>() {
        return Ok((set.iter().map(|member| member.to_vec()).collect(), Source::Set));
    }
    if let Some(zset) = object.downcast_ref::<Zset>() {
        return Ok((
            zset.walk(0, false).map(|(member, _)| member.to_vec()).collect(),
            Source::SortedSet,
        ));
    }
    Err(CmdError::WRONG_TYPE)
}

/// The elements in the order that the options ask for.
fn ordered(
    space: &Space<'_>,
    mut elements: Vec<Vec<u8>>,
    source: Source,
    options: &Options<'_>,
) -> Result<Vec<Vec<u8>>, CmdError> {
    let by = options.by.filter(|pattern| has_star(pattern));
    if options.by.is_some() && by.is_none() {
        if source == Source::SortedSet && options.descending {
            elements.reverse();
        }
        if source == Source::Set && options.store.is_some() {
            // What is stored must not depend on the order in a table.
            elements.sort();
        }
        return Ok(elements);
    }
    let weigh = |element: &Vec<u8>| match by {
        Some(pattern) => follow(space, pattern, element),
        None => Some(element.clone()),
    };
    let compare: Vec<(Weight, Vec<u8>)> = elements
        .into_iter()
        .map(|element| Ok((Weight::of(weigh(&element), options.alpha)?, element)))
        .collect::<Result<_, CmdError>>()?;
    // Elements that weigh the same stay as they are when the weights are texts.
    Ok(sorted(compare, options.descending, !options.alpha))
}

fn sorted(
    mut elements: Vec<(Weight, Vec<u8>)>,
    descending: bool,
    by_element: bool,
) -> Vec<Vec<u8>> {
    elements.sort_by(|(a, x), (b, y)| {
        let order = a.compare(b);
        let order = if by_element { order.then_with(|| x.cmp(y)) } else { order };
        if descending { order.reverse() } else { order }
    });
    elements.into_iter().map(|(_, element)| element).collect()
}

/// The number that a text is ordered by: as in Redis what stands before a zero byte counts, and
/// nothing is 0; numbers too large are infinite.
fn weight(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    match &text[..end] {
        [] => Some(0.0),
        number => std::str::from_utf8(number).ok()?.parse().ok(),
    }
}

/// What an element is ordered by.
enum Weight {
    Number(f64),
    Text(Option<Vec<u8>>),
}

impl Weight {
    fn of(value: Option<Vec<u8>>, alpha: bool) -> Result<Self, CmdError> {
        if alpha {
            return Ok(Self::Text(value));
        }
        let Some(value) = value else { return Ok(Self::Number(0.0)) };
        let number = weight(&value).filter(|number| !number.is_nan());
        let text = "ERR One or more scores can't be converted into double";
        number.map(Self::Number).ok_or(CmdError::fixed(text))
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// What a pattern leads to: `#` to the element itself, `prefix*suffix` to the string at the key
/// with the element in place of the star, `prefix*suffix->field` to a field of the hash there.
fn follow(space: &Space<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = pattern.iter().position(|byte| *byte == b'*')?;
    let (prefix, suffix) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = suffix.windows(2).position(|two| two == b"->");
    let arrow = arrow.filter(|at| at + 2 < suffix.len());
    let (suffix, field) = match arrow {
        Some(at) => (&suffix[..at], Some(&suffix[at + 2..])),
        None => (suffix, None),
    };
    let key = [prefix, element, suffix].concat();
    match (space.peek(&key)?.value(), field) {
        (ValueRef::Bytes(bytes), None) => Some(bytes.to_vec()),
        (ValueRef::Int(n), None) => Some(n.to_string().into_bytes()),
        (ValueRef::Object(object), Some(field)) => {
            object.downcast_ref::<Hash>()?.get(field).map(|value| value.to_vec())
        }
        _ => None,
    }
}

/// Stores what was found as a list.
fn store(ctx: &mut Ctx<'_, '_>, key: &[u8], found: &[Option<Vec<u8>>]) -> Result<(), CmdError> {
    ctx.reply.count(found.len());
    if found.is_empty() {
        if ctx.space.remove(key) {
            ctx.space.changed(Class::GENERIC, "del", key);
        }
        return Ok(());
    }
    let values: Vec<&[u8]> = found.iter().map(|v| v.as_deref().unwrap_or_default()).collect();
    let mut list = List::default();
    list.push(End::Right, &values, ctx.engine().tuning.limits.list());
    ctx.space.put(key, Value::Object(Box::new(list)), Put::Persist);
    ctx.space.changed(Class::LIST, "sortstore", key);
    ctx.space.count_as(found.len());
    ctx.space.signal(key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;

    #[test]
    fn weights_are_read_as_redis_reads_them() {
        for (text, number) in [
            ("", Some(0.0)),
            ("12\0abc", Some(12.0)),
            ("+1", Some(1.0)),
            (".5", Some(0.5)),
            ("1e400", Some(f64::INFINITY)),
            ("1e-400", Some(0.0)),
            ("0x1f", None),
            (" 1", None),
            ("1e", None),
        ] {
            assert_eq!(super::weight(text.as_bytes()), number, "{text:?}");
        }
    }

    #[test]
    fn elements_are_sorted_by_themselves_or_by_what_they_name() {
        let bench = Bench::new();
        let mut client = bench.client();
        bench.script(
            &mut client,
            "RPUSH l 10 9 1.5 -3 -> :4
             SORT l -> *4 $2 -3 $3 1.5 $1 9 $2 10
             SORT l DESC LIMIT 1 2 -> *2 $1 9 $3 1.5
             SORT l ALPHA -> *4 $2 -3 $3 1.5 $2 10 $1 9
             SORT l BY nosort LIMIT -5 2 -> *2 $2 10 $1 9
             SORT l LIMIT 9 2 -> *0
             MSET w10 3 w9 2 w-3 1 -> +OK
             HSET h10 f ten -> :1
             SORT l BY w* GET # GET h*->f -> *8 $3 1.5 $-1 $2 -3 $-1 $1 9 $-1 $2 10 $3 ten
             SORT l BY w* STORE m -> :4
             LRANGE m 0 -1 -> *4 $3 1.5 $2 -3 $1 9 $2 10
             SORT nope STORE m -> :0
             EXISTS m -> :0
             RPUSH l x -> :5
             SORT l -> -ERR One or more scores can't be converted into double
             SORT_RO l STORE m -> -ERR syntax error
             SORT l LIMIT 1 -> -ERR syntax error
             SORT l LIMIT a b -> -ERR value is not an integer or out of range
             SET s 1 -> +OK
             SORT s -> -WRONGTYPE Operation against a key holding the wrong kind of value
             MULTI -> +OK
             SORT l ALPHA GET w* -> +QUEUED
             EXEC -> *1 *5 $1 1 $-1 $1 3 $1 2 $-1",
        );
    }
}
