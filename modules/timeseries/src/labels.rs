//! The label index: which series carry which labels, and the filters that select them.
//! What a series id stands for is the caller's business.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use crate::error::TsError;

/// The most filters in one query.
pub const MAX_FILTERS: usize = 1024;
/// The most values in the list of one filter.
pub const MAX_FILTER_VALUES: usize = 65_536;

/// A label and its value. A series keeps its labels in the order they were given in.
pub type Label = (Box<[u8]>, Box<[u8]>);

/// Whether a label and its value may be stored: neither is empty, and the value holds none of the
/// characters that a filter's list is written with.
pub fn is_valid_label(label: &[u8], value: &[u8]) -> bool {
    !label.is_empty() && !value.is_empty() && !value.iter().any(|b| b"(),".contains(b))
}

/// The series with one label.
#[derive(Debug, Default)]
struct Postings {
    any: RoaringBitmap,
    by_value: HashMap<Box<[u8]>, RoaringBitmap>,
}

/// An inverted index from labels to series.
#[derive(Debug, Default)]
pub struct LabelIndex {
    labels: HashMap<Box<[u8]>, Postings>,
}

impl LabelIndex {
    /// Indexes a series under its labels.
    pub fn insert(&mut self, id: u32, labels: &[Label]) {
        for (label, value) in labels {
            let postings = self.labels.entry(label.clone()).or_default();
            postings.any.insert(id);
            postings.by_value.entry(value.clone()).or_default().insert(id);
        }
    }

    /// Forgets a series; `labels` are those it was indexed under.
    pub fn remove(&mut self, id: u32, labels: &[Label]) {
        for (label, value) in labels {
            let Some(postings) = self.labels.get_mut(label) else { continue };
            postings.any.remove(id);
            if let Some(ids) = postings.by_value.get_mut(value) {
                ids.remove(id);
                if ids.is_empty() {
                    postings.by_value.remove(value);
                }
            }
            if postings.any.is_empty() {
                self.labels.remove(label);
            }
        }
    }

    /// The series that pass all filters.
    pub fn query(&self, filters: &FilterSet) -> RoaringBitmap {
        let mut positive = filters.0.iter().filter(|f| f.is_positive()).map(|f| self.matches(f));
        let first = positive.next().unwrap_or_default();
        let mut ids = positive.fold(first, |all, ids| all & ids);
        for filter in filters.0.iter().filter(|f| !f.is_positive()) {
            match filter.op {
                Op::Has => ids &= self.any(&filter.label),
                _ => ids -= self.matches(filter),
            }
        }
        ids
    }

    /// The series that a filter names, before negation.
    fn matches(&self, filter: &Filter) -> RoaringBitmap {
        match filter.op {
            Op::Has | Op::HasNot => self.any(&filter.label),
            Op::In | Op::NotIn => {
                let Some(postings) = self.labels.get(&filter.label) else {
                    return RoaringBitmap::new();
                };
                let lists = filter.values.iter().filter_map(|value| postings.by_value.get(value));
                lists.fold(RoaringBitmap::new(), |all, ids| all | ids)
            }
        }
    }

    fn any(&self, label: &[u8]) -> RoaringBitmap {
        self.labels.get(label).map(|postings| postings.any.clone()).unwrap_or_default()
    }

    /// The values that a label has among all series, in no order.
    pub fn values_of(&self, label: &[u8]) -> impl Iterator<Item = &[u8]> {
        let postings = self.labels.get(label);
        postings.into_iter().flat_map(|postings| postings.by_value.keys().map(|value| &**value))
    }

    /// All labels, in no order.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        self.labels.keys().map(|label| &**label)
    }

    /// An estimate of the bytes held.
    pub fn memory(&self) -> usize {
        self.labels.iter().map(|(label, postings)| text_memory(label) + postings.memory()).sum()
    }
}

impl Postings {
    fn memory(&self) -> usize {
        let values = self.by_value.iter();
        let values: usize = values.map(|(value, ids)| text_memory(value) + id_memory(ids)).sum();
        size_of::<Self>() + id_memory(&self.any) + values
    }
}

fn text_memory(text: &[u8]) -> usize {
    size_of::<Box<[u8]>>() + text.len()
}

fn id_memory(ids: &RoaringBitmap) -> usize {
    size_of::<RoaringBitmap>() + ids.serialized_size()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    /// `label=value`, `label=(a,b)`
    In,
    /// `label!=value`, `label!=(a,b)`
    NotIn,
    /// `label!=`
    Has,
    /// `label=`
    HasNot,
}

/// One filter expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    label: Box<[u8]>,
    op: Op,
    values: Vec<Box<[u8]>>,
}

impl Filter {
    /// Parses `l=v`, `l!=v`, `l=`, `l!=`, `l=(a,b)` or `l!=(a,b)`. As in RedisTimeSeries, label and
    /// value are the first two words between separators: what follows a second separator is
    /// passed over, and so are separators in a row. Nothing is quoted or trimmed.
    ///
    /// # Errors
    /// [`TsError::BadFilter`], or [`TsError::TooManyFilters`] for an overlong list.
    pub fn parse(text: &[u8]) -> Result<Self, TsError> {
        let negated = text.windows(2).any(|pair| pair == b"!=");
        let is_separator = |b: &u8| *b == b'=' || (negated && *b == b'!');
        if !negated && !text.contains(&b'=') {
            return Err(TsError::BadFilter);
        }
        let mut words = text.split(is_separator).filter(|word| !word.is_empty());
        let label = words.next().ok_or(TsError::BadFilter)?;
        let (op, values) = match words.next() {
            None if negated => (Op::Has, Vec::new()),
            None => (Op::HasNot, Vec::new()),
            Some(value) => (if negated { Op::NotIn } else { Op::In }, parse_values(value)?),
        };
        Ok(Self { label: label.into(), op, values })
    }

    /// Whether the filter selects series by what they carry, rather than leaving some out.
    pub fn is_positive(&self) -> bool {
        self.op == Op::In
    }

    /// Whether a series with these labels passes.
    pub fn accepts(&self, labels: &[Label]) -> bool {
        let mut own = labels.iter().filter(|(label, _)| *label == self.label);
        match self.op {
            Op::Has => own.next().is_some(),
            Op::HasNot => own.next().is_none(),
            Op::In => own.any(|(_, value)| self.values.contains(value)),
            Op::NotIn => !own.any(|(_, value)| self.values.contains(value)),
        }
    }
}

/// The values of `v` or `(a,b)`.
fn parse_values(text: &[u8]) -> Result<Vec<Box<[u8]>>, TsError> {
    let Some(list) = text.strip_prefix(b"(") else { return Ok(vec![text.into()]) };
    let list = list.strip_suffix(b")").ok_or(TsError::BadFilter)?;
    if list.is_empty() {
        return Ok(Vec::new());
    }
    if list.iter().filter(|b| **b == b',').count() >= MAX_FILTER_VALUES {
        return Err(TsError::TooManyFilters);
    }
    let values: Vec<Box<[u8]>> = list.split(|b| *b == b',').map(Into::into).collect();
    if values.iter().any(|value| value.is_empty()) { Err(TsError::BadFilter) } else { Ok(values) }
}

/// The filters of a query, all of which a series must pass.
#[derive(Clone, Debug)]
pub struct FilterSet(Vec<Filter>);

impl FilterSet {
    /// Parses the filters of a query.
    ///
    /// # Errors
    /// What [`Filter::parse`] reports, and [`TsError::NoMatcher`] if no filter is positive.
    pub fn parse<T: AsRef<[u8]>>(texts: &[T]) -> Result<Self, TsError> {
        if texts.len() > MAX_FILTERS {
            return Err(TsError::TooManyFilters);
        }
        let filters: Result<Vec<_>, _> =
            texts.iter().map(|text| Filter::parse(text.as_ref())).collect();
        let filters = filters?;
        let any = filters.iter().any(Filter::is_positive);
        if any { Ok(Self(filters)) } else { Err(TsError::NoMatcher) }
    }

    /// Whether a series with these labels passes all filters.
    pub fn accepts(&self, labels: &[Label]) -> bool {
        self.0.iter().all(|filter| filter.accepts(labels))
    }
}

#[cfg(test)]
mod tests;
