//! The commands on places. A place is a member of a sorted set, and its score the place's geohash
//! ([`hash`]), so that what is near is mostly in few ranges of scores ([`area`]). Here are the
//! commands about single places; searches are in [`search`].

mod area;
mod hash;
mod search;
#[cfg(test)]
mod tests;

use super::options::is;
use super::zsets::add::zadd;
use super::zsets::args::score_arg;
use crate::command::{Access, Acl, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::error::CmdError;
use crate::reply::Reply;
use crate::types::zset::Zset;
use hash::Place;

const GEO: Spec = Spec { acl: Acl::GEO, group: "geo", since: "3.2.0", ..Spec::DEFAULT };

const READ: &[KeySpec] = &[KeySpec::one(1, Access::RO.or(Access::ACCESS))];

/// The family's commands, a file each.
pub const SPECS: &[&[Spec]] = &[PLACES, search::SPECS];

const PLACES: &[Spec] = &[
    Spec {
        name: "geoadd",
        arity: -5,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: &[KeySpec::one(1, Access::RW.or(Access::UPDATE))],
        summary: "Adds places to a geospatial index, or moves them",
        complexity: "O(log(N)) for each place",
        syntax: "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
        handler: geoadd,
        ..GEO
    },
    Spec {
        name: "geopos",
        arity: -2,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns the coordinates of places",
        complexity: "O(1) for each place",
        syntax: "key [member [member ...]]",
        handler: geopos,
        ..GEO
    },
    Spec {
        name: "geodist",
        arity: -4,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns the distance of two places",
        complexity: "O(1)",
        syntax: "key member1 member2 [M | KM | FT | MI]",
        handler: geodist,
        ..GEO
    },
    Spec {
        name: "geohash",
        arity: -2,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns the geohashes of places as text",
        complexity: "O(1) for each place",
        syntax: "key [member [member ...]]",
        handler: geohash,
        ..GEO
    },
];

/// Reads a longitude and a latitude.
fn place(longitude: &[u8], latitude: &[u8]) -> Result<Place, CmdError> {
    let place = Place { longitude: score_arg(longitude)?, latitude: score_arg(latitude)? };
    if !place.is_valid() {
        let Place { longitude, latitude } = place;
        let text = format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}");
        return Err(CmdError::new(text));
    }
    Ok(place)
}

/// Reads a unit of length and returns how many metres it has.
fn unit(word: &[u8]) -> Result<f64, CmdError> {
    match word {
        word if is(word, "M") => Ok(1.0),
        word if is(word, "KM") => Ok(1000.0),
        word if is(word, "FT") => Ok(0.3048),
        word if is(word, "MI") => Ok(1609.34),
        _ => Err(CmdError::fixed("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// Answers with a distance, in units, as a string with four digits behind the point.
fn answer_distance(reply: &mut Reply, distance: f64) {
    let scaled = (distance * 10_000.0).round_ties_even() as u64;
    reply.bulk(format!("{}.{:04}", scaled / 10_000, scaled % 10_000));
}

/// Answers with a longitude and a latitude.
fn answer_place(reply: &mut Reply, place: Place) {
    reply.array(2);
    reply.double(place.longitude);
    reply.double(place.latitude);
}

fn geoadd(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let is_option = |word: &&&[u8]| is(word, "NX") || is(word, "XX") || is(word, "CH");
    let options = args[2..].iter().take_while(is_option).count();
    let (head, places) = args.split_at(2 + options);
    let both = ["NX", "XX"].iter().all(|name| head[2..].iter().any(|word| is(word, name)));
    if !places.len().is_multiple_of(3) || both {
        return Err(CmdError::SYNTAX);
    }
    let mut scores = Vec::with_capacity(places.len() / 3);
    for words in places.chunks_exact(3) {
        scores.push((place(words[0], words[1])?.score() as u64).to_string());
    }
    let mut words = head.to_vec();
    for (score, place) in scores.iter().zip(places.chunks_exact(3)) {
        words.extend([score.as_bytes(), place[2]]);
    }
    zadd(ctx, &words)
}

fn geopos(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let zset = ctx.space.object::<Zset>(args[1])?;
    ctx.reply.array(args.len() - 2);
    for member in &args[2..] {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => answer_place(ctx.reply, Place::of_score(score)),
            None => ctx.reply.null_array(),
        }
    }
    Ok(Flow::Done)
}

fn geohash(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let zset = ctx.space.object::<Zset>(args[1])?;
    ctx.reply.array(args.len() - 2);
    for member in &args[2..] {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => ctx.reply.bulk(Place::of_score(score).text()),
            None => ctx.reply.null(),
        }
    }
    Ok(Flow::Done)
}

fn geodist(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let metres = match args[4..] {
        [] => 1.0,
        [word] => unit(word)?,
        _ => return Err(CmdError::SYNTAX),
    };
    let zset = ctx.space.object::<Zset>(args[1])?;
    let place = |member: &[u8]| zset.and_then(|zset| zset.score(member)).map(Place::of_score);
    match (place(args[2]), place(args[3])) {
        (Some(a), Some(b)) => answer_distance(ctx.reply, area::distance(a, b) / metres),
        _ => ctx.reply.null(),
    }
    Ok(Flow::Done)
}
