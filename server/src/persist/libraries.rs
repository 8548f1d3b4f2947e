//! Libraries of functions that files hold. There is no engine that could run them yet: they are
//! kept as they are, so that what is saved here has them still.

use std::sync::{Arc, Mutex, MutexGuard};

/// The sources of libraries.
#[derive(Default)]
pub struct Libraries(Mutex<Vec<Arc<[u8]>>>);

impl Libraries {
    /// Keeps a library, once.
    pub fn keep(&self, source: &[u8]) {
        let mut all = self.all();
        if all.iter().all(|known| **known != *source) {
            all.push(source.into());
        }
    }

    /// The sources, in the order in which they came.
    pub fn sources(&self) -> Vec<Arc<[u8]>> {
        self.all().clone()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// Forgets all: FUNCTION FLUSH. Whether there were any.
    pub fn clear(&self) -> bool {
        !std::mem::take(&mut *self.all()).is_empty()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<[u8]>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
