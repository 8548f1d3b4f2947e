//! The time-series module: keeps its label index in step with the keyspace.

use std::sync::Arc;

use cairn_core::command::Spec;
use cairn_core::keyspace::{Space, ValueRef};
use cairn_core::module::Module;
use cairn_core::rdb::ModuleType;

use crate::catalog::Catalog;
use crate::commands;
use crate::rdb;
use crate::value::TimeSeries;

/// The version of RedisTimeSeries whose behaviour this is.
const VERSION: u32 = 11202;

/// The module.
#[derive(Debug, Default)]
pub struct TimeSeriesModule {
    /// The series by their labels.
    pub catalog: Arc<Catalog>,
}

/// The module, to be given to the engine.
pub fn module() -> Arc<dyn Module> {
    Arc::new(TimeSeriesModule::default())
}

impl Module for TimeSeriesModule {
    fn name(&self) -> &'static str {
        "timeseries"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn commands(&self) -> &'static [Spec] {
        commands::SPECS
    }

    fn value_types(&self) -> &'static [ModuleType] {
        &rdb::TYPES
    }

    /// Indexes a series that came under this key. One that left it takes its entry along: it is
    /// indexed anew where it comes to, and leaves the index when it is dropped.
    fn key_changed(&self, space: &Space<'_>, db: usize, key: &[u8]) {
        let Some(ValueRef::Object(object)) = space.peek(key).map(|entry| entry.value()) else {
            return;
        };
        if let Some(series) = object.downcast_ref::<TimeSeries>() {
            self.catalog.place(series, db, key);
        }
    }

    fn flushed(&self, db: Option<usize>) {
        self.catalog.flush(db);
    }

    fn swapped(&self, a: usize, b: usize) {
        self.catalog.swap(a, b);
    }

    fn info(&self, out: &mut dyn FnMut(&str, &str, &str)) {
        let (series, bytes) = self.catalog.totals();
        out("timeseries", "timeseries_number_of_series", &series.to_string());
        out("timeseries", "timeseries_index_memory", &bytes.to_string());
    }
}
