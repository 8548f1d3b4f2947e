//! The value of a time-series key: samples, labels, and the rules from and to other keys.
//! The keyspace, and carrying rules out across keys, are the commands' business.

use std::sync::Arc;

use crate::catalog::Slot;
use crate::chunk::Chunk;
use crate::compaction::{Effect, Rule};
use crate::duplicate::DuplicatePolicy;
use crate::error::TsError;
use crate::labels::Label;
use crate::sample::{Sample, Timestamp};
use crate::series::{Added, Options, Series};

/// The most rules that a series may have.
pub const MAX_RULES: usize = 1024;

/// What a rule wants done: its place among the series' rules, and the change to its destination.
pub type RuleEffect = (usize, Effect);

/// A time series as a key holds it.
#[derive(Clone, Debug, Default)]
pub struct TimeSeries {
    series: Series,
    /// In the order they were given in; shared with the label index.
    labels: Arc<[Label]>,
    /// The key that feeds this series through a rule.
    pub source: Option<Box<[u8]>>,
    rules: Vec<Rule>,
    /// Its entry in the label index.
    pub(crate) slot: Slot,
}

impl TimeSeries {
    /// An empty series.
    pub fn new(options: Options, labels: Vec<Label>) -> Self {
        Self { series: Series::new(options), labels: labels.into(), ..Self::default() }
    }

    /// A series of stored chunks, with its rules still to be added by [`TimeSeries::restore_rule`].
    ///
    /// # Errors
    /// [`TsError::CorruptChunk`] if a chunk is empty or they do not ascend.
    pub fn from_chunks(
        options: Options,
        labels: Vec<Label>,
        source: Option<Box<[u8]>>,
        chunks: Vec<Chunk>,
    ) -> Result<Self, TsError> {
        let series = Series::from_chunks(options, chunks)?;
        Ok(Self { series, labels: labels.into(), source, ..Self::default() })
    }

    /// The labels, in the order they were given in.
    pub fn labels(&self) -> &Arc<[Label]> {
        &self.labels
    }

    /// The value of a label; of the first, if there are several of the name.
    pub fn label(&self, name: &[u8]) -> Option<&[u8]> {
        self.labels.iter().find(|(label, _)| **label == *name).map(|(_, value)| &**value)
    }

    /// Changes the labels. The label index learns of it when the key is next told to have changed.
    pub fn set_labels(&mut self, labels: Vec<Label>) {
        self.labels = labels.into();
        self.slot = Slot::default();
    }

    /// A copy that takes part in no rule, as COPY makes it.
    pub fn detached(&self) -> Self {
        let (series, labels) = (self.series.clone(), Arc::clone(&self.labels));
        Self { series, labels, ..Self::default() }
    }

    /// A copy for a file. It is not in the label index, so it names other keys by their present
    /// names.
    pub(crate) fn frozen(&self) -> Self {
        let mut copy = self.detached();
        copy.source = self.source.as_deref().map(|key| self.slot.present_name(key));
        copy.rules = self.rules.clone();
        for rule in &mut copy.rules {
            rule.destination = self.slot.present_name(&rule.destination);
        }
        copy
    }

    /// The samples.
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// Changes how the series behaves.
    pub fn set_options(&mut self, options: Options) {
        self.series.set_options(options);
    }

    /// The rules that this series feeds.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule that feeds `destination`.
    pub fn rule_to(&self, destination: &[u8]) -> Option<&Rule> {
        self.rules.iter().find(|rule| *rule.destination == *destination)
    }

    /// The keys at the other ends of its rules, as far as it knows.
    pub fn others(&self) -> impl Iterator<Item = &[u8]> {
        let destinations = self.rules.iter().map(|rule| &*rule.destination);
        destinations.chain(self.source.as_deref())
    }

    /// Adds a rule for the samples to come; `false` if there are [`MAX_RULES`] already.
    pub fn add_rule(&mut self, rule: Rule) -> bool {
        let room = self.rules.len() < MAX_RULES;
        if room {
            self.rules.push(rule);
        }
        room
    }

    /// Adds a rule that was stored with the series; `false` if there are [`MAX_RULES`] already.
    pub fn restore_rule(&mut self, rule: Rule) -> bool {
        let rule = rule.restore(&self.series);
        self.add_rule(rule)
    }

    /// Removes the rule that feeds `destination`, and tells whether there was one.
    pub fn remove_rule(&mut self, destination: &[u8]) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| *rule.destination != *destination);
        self.rules.len() < before
    }

    /// A rule's destination has a new name.
    pub fn rename_destination(&mut self, old: &[u8], new: &[u8]) {
        for rule in self.rules.iter_mut().filter(|rule| *rule.destination == *old) {
            rule.destination = new.into();
        }
    }

    /// Adds a sample under the given policy, else the series' own, else `default`.
    ///
    /// # Errors
    /// As [`Series::upsert`].
    pub fn add(
        &mut self,
        sample: Sample,
        policy: Option<DuplicatePolicy>,
        default: DuplicatePolicy,
        effects: &mut Vec<RuleEffect>,
    ) -> Result<Added, TsError> {
        let policy = policy.or(self.series.options().duplicate).unwrap_or(default);
        let before = self.series.last();
        // IGNORE is for measured samples, not for what rules make of them.
        let added = match self.source {
            None => self.series.add(sample, policy)?,
            Some(_) => self.series.upsert(sample, policy)?,
        };
        if !self.rules.is_empty() {
            self.run_rules(before, sample, added, effects);
        }
        Ok(added)
    }

    /// Adds a sample of a series that is restored: no rule hears of it, IGNORE does not count.
    ///
    /// # Errors
    /// As [`Series::upsert`].
    pub fn load(&mut self, sample: Sample) -> Result<(), TsError> {
        self.series.upsert(sample, DuplicatePolicy::Last).map(drop)
    }

    fn run_rules(
        &mut self,
        before: Option<Sample>,
        sample: Sample,
        added: Added,
        effects: &mut Vec<RuleEffect>,
    ) {
        let series = &self.series;
        for (index, rule) in self.rules.iter_mut().enumerate() {
            match added {
                Added::Appended => {
                    effects.extend(rule.on_append(series, before, sample).map(|e| (index, e)));
                }
                Added::Inserted | Added::Merged(_) => {
                    effects
                        .extend(rule.on_change(series, sample.ts).into_iter().map(|e| (index, e)));
                }
                Added::Ignored => {}
            }
        }
    }

    /// Whether deleting from `from` on would need samples that retention has dropped, to compute
    /// what is left of a rule's bucket.
    pub fn deletes_beyond_retention(&self, from: Timestamp) -> bool {
        let floor = self.series.floor();
        floor > 0 && self.rules.iter().any(|rule| rule.bucket(from).start < floor)
    }

    /// Deletes the samples from `from` to `to`, both included, and returns how many they were.
    pub fn delete_range(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        effects: &mut Vec<RuleEffect>,
    ) -> usize {
        let deleted = self.series.delete_range(from, to);
        let series = &self.series;
        for (index, rule) in self.rules.iter_mut().enumerate().filter(|_| deleted > 0) {
            effects.extend(rule.on_delete(series, from, to).into_iter().map(|e| (index, e)));
        }
        deleted
    }

    /// Keeps the rules for which `keep` is true.
    pub fn retain_rules(&mut self, keep: impl FnMut(&Rule) -> bool) {
        self.rules.retain(keep);
    }

    /// Carries out what a rule of the source series wants done here. This series' own rules run in
    /// turn, so that rules can be chained. A bucket older than the retention period is dropped.
    pub fn apply(&mut self, effect: Effect, effects: &mut Vec<RuleEffect>) {
        let last = DuplicatePolicy::Last;
        match effect {
            // The only error left is that the bucket is older than retention.
            Effect::Upsert(sample) => drop(self.add(sample, Some(last), last, effects)),
            Effect::Delete(from, to) => {
                self.delete_range(from, to, effects);
            }
        }
    }

    /// Bytes held, this struct included.
    pub fn memory(&self) -> usize {
        let labels = self.labels.len() * size_of::<Label>();
        let texts: usize = self.labels.iter().map(|(label, value)| label.len() + value.len()).sum();
        let rules = self.rules.capacity() * size_of::<Rule>();
        let keys: usize = self.rules.iter().map(|rule| rule.destination.len()).sum();
        let source = self.source.as_ref().map_or(0, |key| key.len());
        let own = size_of::<Self>() - size_of::<Series>();
        own + self.series.memory() + labels + texts + rules + keys + source
    }
}

#[cfg(test)]
mod tests;
