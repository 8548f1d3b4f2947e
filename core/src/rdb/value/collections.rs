//! Lists, sets, hashes and sorted sets.

use std::collections::HashSet;

use super::own::{self, Subject};
use super::{Context, RdbError, Reader, Writer, kind};
use crate::ds::intset::IntSet;
use crate::ds::listpack::{Element, Listpack};
use crate::ds::quicklist::{Content, Quicklist};
use crate::keyspace::Value;
use crate::rdb::legacy;
use crate::types::hash::{self, Hash};
use crate::types::list::{End, List};
use crate::types::set::Set;
use crate::types::zset::{self, Unsorted, Zset};
use crate::util::float;
use crate::value::{Expiring, Object};

/// How the listpack of a quicklist's node is marked, and a node that is one long element.
const PACKED: u64 = 2;
const PLAIN: u64 = 1;

/// Elements that a collection is sized for before any of them was read.
const EXPECTED_MAX: usize = 1 << 16;

fn object<T: Object>(value: T) -> Value {
    Value::Object(Box::new(value))
}

fn count(input: &mut Reader<'_>) -> Result<usize, RdbError> {
    usize::try_from(input.length()?).map_err(|_| input.corrupt("too many elements"))
}

fn put_element(out: &mut Writer, element: Element<'_>) {
    out.string(element.as_bytes(&mut itoa::Buffer::new()));
}

/// A listpack; of a damaged one that is mended, what comes before the damage.
pub(super) fn listpack(input: &mut Reader<'_>) -> Result<Listpack, RdbError> {
    let bytes = input.string()?;
    listpack_of(input, &bytes)
}

/// A listpack, of which `input` had these bytes.
pub(super) fn listpack_of(input: &mut Reader<'_>, bytes: &[u8]) -> Result<Listpack, RdbError> {
    if let Ok(pack) = Listpack::from_bytes(bytes) {
        return Ok(pack);
    }
    let salvaged = input.mends().then(|| Listpack::salvage(bytes).ok()).flatten();
    match salvaged {
        Some((pack, 0)) => input.mend(1, "listpacks that miscount").map(|()| pack),
        Some((pack, lost)) if !pack.is_empty() => {
            input.mend(lost as u64, "bytes of listpacks that cannot be read").map(|()| pack)
        }
        _ => Err(input.corrupt("damaged listpack")),
    }
}

/// A listpack of groups of `n` elements. Elements at the end that are no whole group are `what`.
fn groups(input: &mut Reader<'_>, n: usize, what: &'static str) -> Result<Listpack, RdbError> {
    let mut pack = listpack(input)?;
    let (len, over) = (pack.len(), pack.len() % n);
    if over != 0 {
        input.mend(1, what)?;
        pack.remove_range(len - over..len);
        if pack.is_empty() {
            return Err(input.corrupt(what));
        }
    }
    Ok(pack)
}

// ---- lists ----

/// Writes a list.
pub(crate) fn save_list(list: &List, out: &mut Writer) -> Result<u8, RdbError> {
    if let Some(pack) = list.as_listpack() {
        out.length(1);
        put_packed(out, pack);
    }
    if let Some(nodes) = list.as_quicklist() {
        out.length(nodes.contents().count() as u64);
        nodes.contents().for_each(|content| put_node(out, content));
    }
    Ok(kind::LIST_QUICKLIST_2)
}

/// Writes a node of a list.
pub(super) fn put_node(out: &mut Writer, content: &Content) {
    match content {
        Content::Packed(pack) => put_packed(out, pack),
        Content::Plain(bytes) => {
            out.length(PLAIN);
            out.string(bytes);
        }
    }
}

fn put_packed(out: &mut Writer, pack: &Listpack) {
    out.length(PACKED);
    out.string(pack.as_bytes());
}

/// Reads a list in any of its forms.
pub(super) fn load_list(
    input: &mut Reader<'_>,
    kind: u8,
    context: Context<'_>,
) -> Result<Option<Value>, RdbError> {
    let limit = context.limits.list();
    let mut list = List::default();
    let push = |list: &mut List, elements: &[Vec<u8>]| {
        for element in elements {
            list.push(End::Right, &[element], limit);
        }
    };
    match kind {
        kind::LIST => {
            for _ in 0..count(input)? {
                push(&mut list, &[input.string()?]);
            }
        }
        kind::LIST_ZIPLIST => push(&mut list, &ziplist(input, "a list")?),
        kind::LIST_QUICKLIST => {
            for _ in 0..count(input)? {
                push(&mut list, &ziplist(input, "a list")?);
            }
        }
        _ => return load_nodes(input, context),
    }
    Ok((!list.is_empty()).then(|| object(list)))
}

fn load_nodes(input: &mut Reader<'_>, context: Context<'_>) -> Result<Option<Value>, RdbError> {
    let mut nodes = Quicklist::new(context.limits.list());
    for _ in 0..count(input)? {
        let content = match input.length()? {
            PLAIN => Content::Plain(long_element(input)?),
            PACKED => Content::Packed(listpack(input)?),
            _ => return Err(input.corrupt("unknown form of a list's node")),
        };
        nodes.push_content(content);
    }
    Ok((!nodes.is_empty()).then(|| object(List::from_nodes(nodes))))
}

/// An element that is a node of its own: a long one.
fn long_element(input: &mut Reader<'_>) -> Result<Vec<u8>, RdbError> {
    let element = input.string()?;
    match element.is_empty() {
        true => Err(input.corrupt("a node without bytes")),
        false => Ok(element),
    }
}

fn ziplist(input: &mut Reader<'_>, what: &str) -> Result<Vec<Vec<u8>>, RdbError> {
    let bytes = input.string()?;
    legacy::ziplist(&bytes).ok_or_else(|| input.corrupt(format!("damaged ziplist of {what}")))
}

// ---- sets ----

/// Writes a set.
pub(crate) fn save_set(set: &Set, out: &mut Writer) -> Result<u8, RdbError> {
    match set.deadlines() {
        None => Ok(put_set(set, out)),
        Some(deadlines) => own::save(Subject::Set, deadlines.iter(), out, |out| put_set(set, out)),
    }
}

fn put_set(set: &Set, out: &mut Writer) -> u8 {
    if let Some(integers) = set.as_integers() {
        out.string(&integers.to_bytes());
        return kind::SET_INTSET;
    }
    // Redis 7.0 has no listpacks of sets.
    if let Some(pack) = set.as_listpack().filter(|_| out.version() > 10) {
        out.string(pack.as_bytes());
        return kind::SET_LISTPACK;
    }
    out.length(set.len() as u64);
    set.iter().for_each(|member| put_element(out, member));
    kind::SET
}

/// Reads a set in any of its forms.
pub(super) fn load_set(
    input: &mut Reader<'_>,
    kind: u8,
    context: Context<'_>,
) -> Result<Option<Value>, RdbError> {
    let set = read_set(input, kind, context)?;
    Ok((!set.is_empty()).then(|| object(set)))
}

pub(super) fn read_set(
    input: &mut Reader<'_>,
    kind: u8,
    context: Context<'_>,
) -> Result<Set, RdbError> {
    let limit = context.limits.set();
    let mut set = Set::new();
    match kind {
        kind::SET_INTSET => {
            let bytes = input.string()?;
            for n in integers(input, &bytes)?.iter() {
                set.add(itoa::Buffer::new().format(n).as_bytes(), limit);
            }
        }
        kind::SET_LISTPACK => {
            let pack = listpack(input)?;
            set.expect(pack.len(), limit);
            for member in pack.iter() {
                if !set.add(member.as_bytes(&mut itoa::Buffer::new()), limit) {
                    input.mend(1, "members that are there twice")?;
                }
            }
        }
        _ => {
            let members = count(input)?;
            set.expect(members.min(EXPECTED_MAX), limit);
            for _ in 0..members {
                if !set.add(&input.string()?, limit) {
                    return Err(input.corrupt("a member is in a set twice"));
                }
            }
        }
    }
    Ok(set)
}

fn integers(input: &mut Reader<'_>, bytes: &[u8]) -> Result<IntSet, RdbError> {
    if let Ok(integers) = IntSet::from_bytes(bytes) {
        return Ok(integers);
    }
    let integers = IntSet::from_unsorted(bytes).map_err(|_| input.corrupt("damaged intset"))?;
    input.mend(1, "intsets that are not in order")?;
    Ok(integers)
}

// ---- sorted sets ----

/// Writes a sorted set.
pub(crate) fn save_zset(zset: &Zset, out: &mut Writer) -> Result<u8, RdbError> {
    match zset.deadlines() {
        None => Ok(put_zset(zset, out)),
        Some(deadlines) => {
            own::save(Subject::Zset, deadlines.iter(), out, |out| put_zset(zset, out))
        }
    }
}

fn put_zset(zset: &Zset, out: &mut Writer) -> u8 {
    if let Some(pack) = zset.as_listpack() {
        out.string(pack.as_bytes());
        return kind::ZSET_LISTPACK;
    }
    out.length(zset.len() as u64);
    // From the greatest score down, as Redis does: it inserts at the head, which is fast.
    for (member, score) in zset.walk(zset.len().saturating_sub(1), true) {
        put_element(out, member);
        out.raw(&score.to_le_bytes());
    }
    kind::ZSET_2
}

/// Reads a sorted set in any of its forms.
pub(super) fn load_zset(
    input: &mut Reader<'_>,
    kind: u8,
    context: Context<'_>,
) -> Result<Option<Value>, RdbError> {
    let zset = read_zset(input, kind, context)?;
    Ok((!zset.is_empty()).then(|| object(zset)))
}

pub(super) fn read_zset(
    input: &mut Reader<'_>,
    kind: u8,
    context: Context<'_>,
) -> Result<Zset, RdbError> {
    let limit = context.limits.zset();
    match kind {
        kind::ZSET_LISTPACK => {
            let pack = groups(input, 2, "members without a score")?;
            Zset::from_listpack(pack, limit).or_else(|pack| mended_zset(input, &pack, limit))
        }
        kind::ZSET_ZIPLIST => {
            let elements = ziplist(input, "a sorted set")?;
            let (pairs, rest) = elements.as_chunks::<2>();
            if !rest.is_empty() {
                return Err(input.corrupt("a member without a score"));
            }
            let mut pairs = pairs.iter();
            zset_of(input, pairs.len(), limit, |input| {
                let no_number = || input.corrupt("a score that is no number");
                let [member, score] = pairs.next().ok_or_else(no_number)?;
                Ok((member.clone(), float::parse_f64(score).ok_or_else(no_number)?))
            })
        }
        _ => {
            let count = count(input)?;
            zset_of(input, count, limit, |input| {
                let member = input.string()?;
                let score = match kind {
                    kind::ZSET => text_double(input)?,
                    _ => f64::from_le_bytes(input.array()?),
                };
                Ok((member, score))
            })
        }
    }
}

/// A sorted set of members and scores in turn that are in no order, or some of them there twice:
/// the first one's score is the right one then, which is the one that Redis would find.
fn mended_zset(
    input: &mut Reader<'_>,
    pack: &Listpack,
    limit: zset::Limit,
) -> Result<Zset, RdbError> {
    let (mut zset, mut last) = (Zset::default(), None);
    let mut elements = pack.iter();
    while let (Some(member), Some(score)) = (elements.next(), elements.next()) {
        let member = member.to_vec();
        let score = float::parse_f64(score.as_bytes(&mut itoa::Buffer::new()));
        let score = score.filter(|score| !score.is_nan());
        let score = score.ok_or_else(|| input.corrupt("a score that is no number"))?;
        if zset.score(&member).is_some() {
            input.mend(1, "members that are there twice")?;
            continue;
        }
        zset.insert(&member, score, limit);
        let place = (score, member);
        if last.as_ref().is_some_and(|last| *last > place) {
            input.mend(1, "members that are not in order")?;
        }
        last = Some(place);
    }
    Ok(zset)
}

/// A sorted set of `count` members, which `next` reads.
fn zset_of<'a>(
    input: &mut Reader<'a>,
    count: usize,
    limit: zset::Limit,
    mut next: impl FnMut(&mut Reader<'a>) -> Result<(Vec<u8>, f64), RdbError>,
) -> Result<Zset, RdbError> {
    let (mut zset, mut many) = (Zset::default(), Unsorted::default());
    for _ in 0..count {
        let (member, score) = next(input)?;
        if score.is_nan() {
            return Err(input.corrupt("a score that is no number"));
        }
        let added = match count > limit.entries {
            true => many.add(&member, score),
            false => zset.insert(&member, score, limit),
        };
        if !added {
            return Err(input.corrupt("a member is in a sorted set twice"));
        }
    }
    Ok(if count > limit.entries { many.sort() } else { zset })
}

/// A double as text behind its length, or one of three marks for what is not finite.
fn text_double(input: &mut Reader<'_>) -> Result<f64, RdbError> {
    match input.byte()? {
        253 => Ok(f64::NAN),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        len => {
            let text = input.raw(usize::from(len))?;
            float::parse_f64(text).ok_or_else(|| input.corrupt("a score that is no number"))
        }
    }
}

// ---- hashes ----

/// Writes a hash.
pub(crate) fn save_hash(hash: &Hash, out: &mut Writer) -> Result<u8, RdbError> {
    if hash.deadlines().is_some() {
        return save_hash_ttl(hash, out);
    }
    if let Some(pack) = hash.as_listpack() {
        out.string(pack.as_bytes());
        return Ok(kind::HASH_LISTPACK);
    }
    out.length(hash.len() as u64);
    for (field, value) in hash.iter() {
        put_element(out, field);
        put_element(out, value);
    }
    Ok(kind::HASH)
}

/// Deadlines are stored as their distance from the earliest one plus one; 0 is none.
fn save_hash_ttl(hash: &Hash, out: &mut Writer) -> Result<u8, RdbError> {
    let needs = crate::rdb::VERSION_FIELD_TTL;
    if out.version() < needs {
        return Err(RdbError::Version { what: "a hash whose fields expire", needs });
    }
    let Some(deadlines) = hash.deadlines() else { return Ok(kind::HASH_TTL) };
    let earliest = deadlines.iter().map(|(_, at)| at).min().unwrap_or(0);
    out.raw(&earliest.to_le_bytes());
    out.length(hash.iter().count() as u64);
    for (field, value) in hash.iter() {
        let at = deadlines.get(field.as_bytes(&mut itoa::Buffer::new()));
        out.length(at.map_or(0, |at| at.abs_diff(earliest) + 1));
        put_element(out, field);
        put_element(out, value);
    }
    Ok(kind::HASH_TTL)
}

/// Reads a hash without deadlines in any of its forms.
pub(super) fn load_hash(
    input: &mut Reader<'_>,
    kind: u8,
    context: Context<'_>,
) -> Result<Option<Value>, RdbError> {
    let limit = context.limits.hash();
    let mut hash = Hash::default();
    let mut add =
        |input: &Reader<'_>, field: &[u8], value: &[u8]| match hash.set(field, value, limit) {
            true => Ok(()),
            false => Err(input.corrupt("a field is in a hash twice")),
        };
    match kind {
        kind::HASH_LISTPACK => hash = packed_hash(input, limit)?,
        kind::HASH_ZIPLIST | kind::HASH_ZIPMAP => {
            let bytes = input.string()?;
            let elements = match kind {
                kind::HASH_ZIPLIST => legacy::ziplist(&bytes),
                _ => legacy::zipmap(&bytes),
            };
            let elements = elements.ok_or_else(|| input.corrupt("damaged hash"))?;
            let (pairs, rest) = elements.as_chunks::<2>();
            if !rest.is_empty() {
                return Err(input.corrupt("a field without a value"));
            }
            for [field, value] in pairs {
                add(input, field, value)?;
            }
        }
        _ => {
            for _ in 0..count(input)? {
                let (field, value) = (input.string()?, input.string()?);
                add(input, &field, &value)?;
            }
        }
    }
    Ok((!hash.is_empty()).then(|| object(hash)))
}

/// A hash from a listpack of fields and values in turn. Of a field that is there twice, the first
/// value is the right one: the one that Redis would find.
fn packed_hash(input: &mut Reader<'_>, limit: hash::Limit) -> Result<Hash, RdbError> {
    let pack = groups(input, 2, "fields without a value")?;
    if let Some(hash) = small_hash(&pack, limit) {
        return Ok(hash);
    }
    let mut hash = Hash::default();
    let mut elements = pack.iter();
    while let (Some(field), Some(value)) = (elements.next(), elements.next()) {
        let (mut a, mut b) = (itoa::Buffer::new(), itoa::Buffer::new());
        let field = field.as_bytes(&mut a);
        match hash.contains(field) {
            true => input.mend(1, "fields that are there twice (listpack with dup elements)")?,
            false => drop(hash.set(field, value.as_bytes(&mut b), limit)),
        }
    }
    Ok(hash)
}

/// A hash that can be the listpack as it is: the usual case, in which nothing is copied. `None`
/// when it is too large or a field is in it twice.
fn small_hash(pack: &Listpack, limit: hash::Limit) -> Option<Hash> {
    let small =
        |element: Element<'_>| element.as_bytes(&mut itoa::Buffer::new()).len() <= limit.value;
    if pack.len() / 2 > limit.entries || !pack.iter().all(small) {
        return None;
    }
    let mut seen = HashSet::with_capacity(pack.len() / 2);
    let unique = pack.iter().step_by(2).all(|field| seen.insert(field.to_vec()));
    unique.then(|| Hash::from_listpack(pack.clone()))
}

/// Reads a hash whose fields may have deadlines.
pub(super) fn load_hash_ttl(
    input: &mut Reader<'_>,
    kind: u8,
    context: Context<'_>,
) -> Result<Option<Value>, RdbError> {
    let mut hash = Hash::default();
    let limit = context.limits.hash();
    let mut add = |input: &Reader<'_>, field: &[u8], value: &[u8], at: Option<i64>| {
        if at.is_some_and(|at| context.now.is_some_and(|now| at <= now)) {
            return Ok(());
        }
        if !hash.set(field, value, limit) {
            return Err(input.corrupt("a field is in a hash twice"));
        }
        if let Some(at) = at {
            hash.set_deadline(field, at);
        }
        Ok(())
    };
    match kind {
        kind::HASH_TTL_VALKEY => {
            for _ in 0..count(input)? {
                let (field, value) = (input.string()?, input.string()?);
                let at = Some(i64::from_le_bytes(input.array()?)).filter(|at| *at >= 0);
                add(input, &field, &value, at)?;
            }
        }
        kind::HASH_TTL | kind::HASH_TTL_PRE_GA => {
            let earliest = match kind {
                kind::HASH_TTL => i64::from_le_bytes(input.array()?),
                _ => 0,
            };
            for _ in 0..count(input)? {
                let stored = input.length()?;
                let (field, value) = (input.string()?, input.string()?);
                let at = match (kind, stored) {
                    (_, 0) => None,
                    (kind::HASH_TTL, n) => Some(earliest.saturating_add_unsigned(n - 1)),
                    (_, n) => Some(i64::try_from(n).unwrap_or(i64::MAX)),
                };
                add(input, &field, &value, at)?;
            }
        }
        _ => {
            if kind == kind::HASH_LISTPACK_TTL {
                // The earliest deadline, which the fields say as well.
                input.array::<8>()?;
            }
            let pack = groups(input, 3, "fields without a value or deadline")?;
            let mut elements = pack.iter();
            while let (Some(field), Some(value), Some(at)) =
                (elements.next(), elements.next(), elements.next())
            {
                let Element::Int(at) = at else {
                    return Err(input.corrupt("a deadline that is no number"));
                };
                let at = (at != 0).then_some(at);
                add(input, &field.to_vec(), &value.to_vec(), at)?;
            }
        }
    }
    Ok((!hash.is_empty()).then(|| object(hash)))
}
