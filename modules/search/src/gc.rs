//! Collection of dead documents, a small slice at a time.
//!
//! A round takes the documents that were dead when it began, walks all posting lists, tag sets and
//! numeric buckets, and at the end forgets the documents' keys. Queries that run meanwhile keep
//! their own references to what a slice replaces.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

use cairn_core::Engine;

use crate::catalog::Definition;
use crate::docs::DocsView;
use crate::index::{FieldData, Index, Inner};
use crate::module::SearchModule;

/// Dead documents from which a round is worth its work.
const LEAST_DEAD: usize = 256;

/// A round begins when one document in so many is dead.
const DEAD_SHARE: usize = 8;

/// How often the indexes are looked at.
const PERIOD: Duration = Duration::from_millis(500);

/// How long a slice may take, and how long the collector rests after it: writes and queries wait
/// for no more than one step.
const SLICE: Duration = Duration::from_micros(200);
const REST: Duration = Duration::from_millis(1);

/// Starts the thread that collects the dead documents of all indexes of an engine, while it lives.
pub fn start(engine: &Arc<Engine>) {
    let engine = Arc::downgrade(engine);
    // Without a thread dead documents stay, and queries pass over them.
    let _ = Builder::new().name("index-gc".into()).spawn(move || {
        while collect_all(&engine) {
            sleep(PERIOD);
        }
    });
}

/// Looks at all indexes; false when the engine is gone.
fn collect_all(engine: &Weak<Engine>) -> bool {
    let Some(engine) = engine.upgrade() else { return false };
    let Some(module) = engine.modules.get::<SearchModule>() else { return false };
    for definition in module.catalog.list() {
        if definition.index.is_collection_due() {
            collect_index(&definition);
        }
    }
    true
}

/// Makes a whole round, unless the index is dropped meanwhile.
fn collect_index(definition: &Definition) {
    let mut begun = Instant::now();
    while !definition.dropped.load(Ordering::Relaxed) && definition.index.collect(1) {
        if begun.elapsed() >= SLICE {
            sleep(REST);
            begun = Instant::now();
        }
    }
}

/// Where a round stands.
#[derive(Debug, Default)]
pub struct Collector {
    round: Option<Round>,
    /// Rounds that came to their end.
    pub rounds: u64,
}

#[derive(Debug)]
struct Round {
    /// The documents as they were at the start.
    view: DocsView,
    /// Documents that die with this round.
    docs: Vec<u32>,
    step: Step,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Run `1` of the list of term `0`.
    Term(usize, usize),
    /// Value or bucket `1` of field `0`.
    Field(usize, usize),
    /// Everything has been walked.
    Keys,
}

impl Index {
    /// Whether so many documents are dead that collecting them is worth it.
    pub fn is_collection_due(&self) -> bool {
        let inner = self.read();
        let dead = inner.dead.len();
        inner.collector.round.is_some()
            || dead >= LEAST_DEAD && dead * DEAD_SHARE >= inner.docs.alive() as usize
    }

    /// Does up to `steps` steps of a collection, each a run of at most 64 blocks, a tag value or a
    /// numeric bucket. Starts a round if there are dead documents and none is under way. Returns
    /// whether there is more to do.
    pub fn collect(&self, steps: usize) -> bool {
        let mut inner = self.write();
        let inner = &mut *inner;
        let Some(mut round) = inner.collector.round.take().or_else(|| inner.start_round()) else {
            return false;
        };
        for _ in 0..steps {
            if inner.collect_step(&mut round) {
                return !inner.dead.is_empty();
            }
        }
        inner.collector.round = Some(round);
        true
    }
}

impl Inner {
    fn start_round(&mut self) -> Option<Round> {
        if self.dead.is_empty() {
            return None;
        }
        let docs = std::mem::take(&mut self.dead);
        Some(Round { view: self.docs.snapshot(), docs, step: Step::Term(0, 0) })
    }

    /// Does one step; whether the round is over.
    fn collect_step(&mut self, round: &mut Round) -> bool {
        let view = &round.view;
        let is_dead = |doc: u32| view.is_dead(doc);
        match round.step {
            Step::Term(term, at) => {
                let Some(entry) = self.terms.get_mut(term) else {
                    round.step = Step::Field(0, 0);
                    return false;
                };
                self.records -= u64::from(entry.list.collect(at, &is_dead));
                round.step = if at < entry.list.run_count() {
                    Step::Term(term, at + 1)
                } else {
                    entry.list.drop_empty_runs();
                    Step::Term(term + 1, 0)
                };
            }
            Step::Field(field, at) => {
                let Some(data) = self.fields.get_mut(field) else {
                    round.step = Step::Keys;
                    return false;
                };
                round.step = match collect_field(data, at, &is_dead) {
                    true => Step::Field(field, at + 1),
                    false => Step::Field(field + 1, 0),
                };
            }
            Step::Keys => return self.end_round(round),
        }
        false
    }

    /// Forgets the keys, unless a query may still ask for one.
    fn end_round(&mut self, round: &mut Round) -> bool {
        // The round's own view is one of them.
        if self.docs.view_count() > 1 {
            return false;
        }
        for doc in round.docs.drain(..) {
            self.docs.forget(doc);
        }
        self.collector.rounds += 1;
        true
    }
}

/// Collects one value or bucket; whether the field has more.
fn collect_field(data: &mut FieldData, at: usize, is_dead: &impl Fn(u32) -> bool) -> bool {
    match data {
        FieldData::Text => false,
        FieldData::Tag(tags) => {
            tags.collect(at, is_dead);
            at + 1 < tags.len()
        }
        FieldData::Numeric(numbers) => {
            numbers.collect(at, is_dead);
            let more = at + 1 < numbers.bucket_count();
            if !more {
                numbers.drop_dead_buckets(is_dead);
            }
            more
        }
    }
}
