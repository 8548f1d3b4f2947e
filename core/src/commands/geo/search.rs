//! GEOSEARCH and the commands it replaced: the places in an area.

use super::super::options::is;
use super::super::parts::{element, int};
use super::super::zsets::store::{sort, store};
use super::area::{Area, Form};
use super::hash::Place;
use super::{GEO, READ, answer_distance, answer_place, place, unit};
use crate::command::{Access, Begin, Ctx, Find, Flags, Flow, KeySpec, Outcome, Spec};
use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::reply::Reply;
use crate::types::zset::{ScoreRange, Zset};
use crate::util::num;

const fn store_key(word: &'static str, from: i32) -> KeySpec {
    let access = Access::OW.or(Access::UPDATE);
    let find = Find::Range { last: 0, step: 1, limit: 0 };
    KeySpec { access, begin: Begin::Keyword { word, from }, find }
}

const SOURCE: KeySpec = KeySpec::one(1, Access::RO.or(Access::ACCESS));
const BY_PLACE: &[KeySpec] = &[SOURCE, store_key("STORE", 6), store_key("STOREDIST", 6)];
const BY_MEMBER: &[KeySpec] = &[SOURCE, store_key("STORE", 5), store_key("STOREDIST", 5)];
const STORED: &[KeySpec] = &[
    KeySpec::one(1, Access::OW.or(Access::UPDATE)),
    KeySpec::one(2, Access::RO.or(Access::ACCESS)),
];

const SEARCH: Spec = Spec {
    complexity: "O(N+log(M)) in the number of places in and around the area, and of all places",
    ..GEO
};

const STORES: Flags = Flags::WRITE.or(Flags::DENYOOM);
const MAY_STORE: Flags = STORES.or(Flags::MOVABLEKEYS);

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "geosearch",
        arity: -7,
        flags: Flags::READONLY,
        keys: READ,
        since: "6.2.0",
        summary: "Returns the places in a circle or a box",
        syntax: "key <FROMMEMBER member | FROMLONLAT longitude latitude> \
                 <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> \
                 [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
        handler: |ctx, args| search(ctx, args, Variant::Search),
        ..SEARCH
    },
    Spec {
        name: "geosearchstore",
        arity: -8,
        flags: STORES,
        keys: STORED,
        since: "6.2.0",
        summary: "Stores the places in a circle or a box",
        syntax: "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> \
                 <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> \
                 [ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
        handler: |ctx, args| search(ctx, args, Variant::SearchStore),
        ..SEARCH
    },
    Spec {
        name: "georadius",
        arity: -6,
        flags: MAY_STORE,
        keys: BY_PLACE,
        summary: "Returns or stores the places in a circle around coordinates",
        syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] \
                 [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]",
        handler: |ctx, args| search(ctx, args, Variant::Place { stores: true }),
        ..SEARCH
    },
    Spec {
        name: "georadius_ro",
        arity: -6,
        flags: Flags::READONLY,
        keys: READ,
        since: "3.2.10",
        summary: "Returns the places in a circle around coordinates",
        syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] \
                 [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
        handler: |ctx, args| search(ctx, args, Variant::Place { stores: false }),
        ..SEARCH
    },
    Spec {
        name: "georadiusbymember",
        arity: -5,
        flags: MAY_STORE,
        keys: BY_MEMBER,
        summary: "Returns or stores the places in a circle around one of them",
        syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
                 [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]",
        handler: |ctx, args| search(ctx, args, Variant::Member { stores: true }),
        ..SEARCH
    },
    Spec {
        name: "georadiusbymember_ro",
        arity: -5,
        flags: Flags::READONLY,
        keys: READ,
        since: "3.2.10",
        summary: "Returns the places in a circle around one of them",
        syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
                 [COUNT count [ANY]] [ASC | DESC]",
        handler: |ctx, args| search(ctx, args, Variant::Member { stores: false }),
        ..SEARCH
    },
];

/// Which command it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Search,
    SearchStore,
    /// GEORADIUS, or GEORADIUS_RO, which does not store.
    Place {
        stores: bool,
    },
    /// GEORADIUSBYMEMBER, or GEORADIUSBYMEMBER_RO.
    Member {
        stores: bool,
    },
}

impl Variant {
    fn is_search(self) -> bool {
        matches!(self, Variant::Search | Variant::SearchStore)
    }

    /// Whether STORE and STOREDIST with a key are options.
    fn may_store(self) -> bool {
        matches!(self, Variant::Place { stores: true } | Variant::Member { stores: true })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// What is asked for.
struct Search<'a> {
    centre: Option<Place>,
    form: Option<Form>,
    /// Metres of the unit of length.
    unit: f64,
    with_distance: bool,
    with_hash: bool,
    with_place: bool,
    order: Option<Order>,
    count: Option<usize>,
    /// Whether any places will do, not only the nearest.
    any: bool,
    /// Where to store the places.
    store: Option<&'a [u8]>,
    /// Whether distances are stored as the scores.
    store_distance: bool,
}

/// Reads words one by one.
struct Words<'a>(std::slice::Iter<'a, &'a [u8]>);

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<&'a [u8], CmdError> {
        self.0.next().copied().ok_or(CmdError::SYNTAX)
    }

    /// Whether so many words are left.
    fn has(&self, count: usize) -> bool {
        self.0.len() >= count
    }
}

fn length(word: &[u8], error: &'static str) -> Result<f64, CmdError> {
    num::parse_f64(word).ok_or(CmdError::fixed(error))
}

impl<'a> Search<'a> {
    fn parse(
        args: &'a [&'a [u8]],
        variant: Variant,
        zset: Option<&Zset>,
    ) -> Result<Self, CmdError> {
        let mut search = Self {
            centre: None,
            form: None,
            unit: 1.0,
            with_distance: false,
            with_hash: false,
            with_place: false,
            order: None,
            count: None,
            any: false,
            store: None,
            store_distance: false,
        };
        let mut words = Words(args[2..].iter());
        match variant {
            Variant::Search => {}
            Variant::SearchStore => {
                words.next()?;
                search.store = Some(args[1]);
            }
            Variant::Place { .. } => {
                search.centre = Some(place(words.next()?, words.next()?)?);
                search.circle(&mut words)?;
            }
            Variant::Member { .. } if zset.is_none() => {
                // Neither the member nor the radius matters where nothing can be found.
                (0..3).try_for_each(|_| words.next().map(drop))?;
                search.centre = Some(place_of(None, b"")?);
                search.form = Some(Form::Circle { radius: 0.0 });
            }
            Variant::Member { .. } => {
                search.centre = Some(place_of(zset, words.next()?)?);
                search.circle(&mut words)?;
            }
        }
        while words.has(1) {
            let word = words.next()?;
            search.option(word, &mut words, variant, zset)?;
        }
        search.check(args[0], variant)?;
        Ok(search)
    }

    /// Reads an option.
    fn option(
        &mut self,
        word: &[u8],
        words: &mut Words<'a>,
        variant: Variant,
        zset: Option<&Zset>,
    ) -> Result<(), CmdError> {
        match word {
            _ if is(word, "WITHDIST") => self.with_distance = true,
            _ if is(word, "WITHHASH") => self.with_hash = true,
            _ if is(word, "WITHCOORD") => self.with_place = true,
            _ if is(word, "ANY") => self.any = true,
            _ if is(word, "ASC") => self.order = Some(Order::Ascending),
            _ if is(word, "DESC") => self.order = Some(Order::Descending),
            _ if is(word, "COUNT") && words.has(1) => {
                let count = int(words.next()?)?;
                let count = usize::try_from(count).ok().filter(|count| *count > 0);
                self.count = Some(count.ok_or(CmdError::fixed("ERR COUNT must be > 0"))?);
            }
            _ if variant.may_store() && is(word, "STORE") && words.has(1) => {
                (self.store, self.store_distance) = (Some(words.next()?), false);
            }
            _ if variant.may_store() && is(word, "STOREDIST") && words.has(1) => {
                (self.store, self.store_distance) = (Some(words.next()?), true);
            }
            _ if variant == Variant::SearchStore && is(word, "STOREDIST") => {
                self.store_distance = true;
            }
            _ if variant.is_search() => return self.area_option(word, words, zset),
            _ => return Err(CmdError::SYNTAX),
        }
        Ok(())
    }

    /// Reads an option that says where to search. Each half may be said once.
    fn area_option(
        &mut self,
        word: &[u8],
        words: &mut Words<'a>,
        zset: Option<&Zset>,
    ) -> Result<(), CmdError> {
        match word {
            _ if self.centre.is_none() && is(word, "FROMMEMBER") && words.has(1) => {
                self.centre = Some(place_of(zset, words.next()?)?);
            }
            _ if self.centre.is_none() && is(word, "FROMLONLAT") && words.has(2) => {
                self.centre = Some(place(words.next()?, words.next()?)?);
            }
            _ if self.form.is_none() && is(word, "BYRADIUS") && words.has(2) => {
                self.circle(words)?;
            }
            _ if self.form.is_none() && is(word, "BYBOX") && words.has(3) => {
                self.rectangle(words)?;
            }
            _ => return Err(CmdError::SYNTAX),
        }
        Ok(())
    }

    /// Reads a radius and its unit.
    fn circle(&mut self, words: &mut Words<'a>) -> Result<(), CmdError> {
        let radius = length(words.next()?, "ERR need numeric radius")?;
        if radius < 0.0 {
            return Err(CmdError::fixed("ERR radius cannot be negative"));
        }
        self.unit = unit(words.next()?)?;
        self.form = Some(Form::Circle { radius: radius * self.unit });
        Ok(())
    }

    /// Reads a width, a height and their unit.
    fn rectangle(&mut self, words: &mut Words<'a>) -> Result<(), CmdError> {
        let width = length(words.next()?, "ERR need numeric width")?;
        let height = length(words.next()?, "ERR need numeric height")?;
        if width < 0.0 || height < 0.0 {
            return Err(CmdError::fixed("ERR height or width cannot be negative"));
        }
        self.unit = unit(words.next()?)?;
        let (width, height) = (width * self.unit, height * self.unit);
        self.form = Some(Form::Box { width, height });
        Ok(())
    }

    fn check(&mut self, name: &[u8], variant: Variant) -> Result<(), CmdError> {
        let name = String::from_utf8_lossy(name);
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_place) {
            let what = match variant {
                Variant::SearchStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            return Err(CmdError::new(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        if self.centre.is_none() {
            return Err(CmdError::new(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"
            )));
        }
        if self.form.is_none() {
            return Err(CmdError::new(format!(
                "ERR exactly one of BYRADIUS and BYBOX can be specified for {name}"
            )));
        }
        if self.any && self.count.is_none() {
            return Err(CmdError::fixed("ERR the ANY argument requires COUNT argument"));
        }
        if self.count.is_some() && !self.any && self.order.is_none() {
            self.order = Some(Order::Ascending);
        }
        Ok(())
    }

    /// The places in the area, in order and as many as are asked for.
    fn find<'z>(&self, zset: &'z Zset) -> Vec<Found<'z>> {
        let (Some(centre), Some(form)) = (self.centre, self.form) else { return Vec::new() };
        let area = Area { centre, form };
        let enough = if self.any { self.count } else { None }.unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for cell in area.cells() {
            let (min, max) = cell.scores();
            let range = ScoreRange { min, max, min_open: false, max_open: true };
            let ranks = zset.score_ranks(&range);
            for (member, score) in zset.walk(ranks.start, false).take(ranks.len()) {
                if found.len() >= enough {
                    break;
                }
                let place = Place::of_score(score);
                if let Some(distance) = area.distance_within(place) {
                    found.push(Found { member, score, place, distance: distance / self.unit });
                }
            }
        }
        match self.order {
            Some(Order::Ascending) => found.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
            Some(Order::Descending) => found.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
            None => {}
        }
        found.truncate(self.count.unwrap_or(usize::MAX));
        found
    }

    fn answer(&self, reply: &mut Reply, found: &[Found<'_>]) {
        let details = [self.with_distance, self.with_hash, self.with_place];
        let details = details.into_iter().filter(|with| *with).count();
        reply.array(found.len());
        for found in found {
            if details > 0 {
                reply.array(1 + details);
            }
            element(reply, found.member);
            if self.with_distance {
                answer_distance(reply, found.distance);
            }
            if self.with_hash {
                reply.int(found.score as i64);
            }
            if self.with_place {
                answer_place(reply, found.place);
            }
        }
    }
}

/// A place in the area.
struct Found<'a> {
    member: Element<'a>,
    score: f64,
    place: Place,
    /// From the centre, in units.
    distance: f64,
}

/// Where a member is. Without a sorted set nothing will be found, wherever it is.
fn place_of(zset: Option<&Zset>, member: &[u8]) -> Result<Place, CmdError> {
    let Some(zset) = zset else { return Ok(Place { longitude: 0.0, latitude: 0.0 }) };
    let score = zset.score(member);
    let score = score.ok_or(CmdError::fixed("ERR could not decode requested zset member"))?;
    Ok(Place::of_score(score))
}

fn search(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], variant: Variant) -> Outcome {
    let source = if variant == Variant::SearchStore { args[2] } else { args[1] };
    let zset = ctx.space.object::<Zset>(source)?;
    let search = Search::parse(args, variant, zset)?;
    let found = zset.map(|zset| search.find(zset)).unwrap_or_default();
    let Some(destination) = search.store else {
        search.answer(ctx.reply, &found);
        return Ok(Flow::Done);
    };
    let score = |found: &Found<'_>| {
        if search.store_distance { found.distance } else { found.score }
    };
    let mut pairs: Vec<_> =
        found.iter().map(|found| (found.member.to_vec(), score(found))).collect();
    sort(&mut pairs);
    let event = if variant.is_search() { "geosearchstore" } else { "georadiusstore" };
    store(ctx, destination, &pairs, event);
    if !pairs.is_empty() {
        ctx.space.count_as(pairs.len());
    }
    Ok(Flow::Done)
}
