//! Parsed paths by their text: clients use few paths, and parsing costs more than most look-ups.

use super::{Path, PathError};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Paths that each thread keeps.
pub const CACHED_PATHS: usize = 256;
/// Longest path that is kept, in bytes.
const MAX_CACHED_TEXT: usize = 512;

/// A bounded cache of parsed paths that forgets the least recently used one.
#[derive(Default)]
pub struct PathCache {
    paths: HashMap<Box<str>, (Arc<Path>, u64)>,
    clock: u64,
}

impl PathCache {
    /// The parsed form of a path, parsed now if need be. Errors are not kept.
    pub fn get(&mut self, text: &str) -> Result<Arc<Path>, PathError> {
        self.clock += 1;
        if let Some((path, used)) = self.paths.get_mut(text) {
            *used = self.clock;
            return Ok(Arc::clone(path));
        }
        let path = Arc::new(Path::parse(text)?);
        if text.len() <= MAX_CACHED_TEXT {
            self.evict();
            self.paths.insert(text.into(), (Arc::clone(&path), self.clock));
        }
        Ok(path)
    }

    /// Number of paths held.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether no path is held.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Makes room for one path. Looking at all of them costs less than parsing one.
    fn evict(&mut self) {
        if self.paths.len() < CACHED_PATHS {
            return;
        }
        let oldest = self.paths.iter().min_by_key(|(_, (_, used))| *used);
        if let Some(text) = oldest.map(|(text, _)| text.clone()) {
            self.paths.remove(&text);
        }
    }
}

thread_local! {
    static CACHE: RefCell<PathCache> = RefCell::default();
}

/// The parsed form of a path, from this thread's cache.
pub fn cached(text: &str) -> Result<Arc<Path>, PathError> {
    CACHE.with_borrow_mut(|cache| cache.get(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_path_goes_first() {
        let mut cache = PathCache::default();
        let kept = cache.get("$.kept").ok();
        for n in 0..CACHED_PATHS * 2 {
            assert!(cache.get(&format!("$.a{n}")).is_ok());
            let again = cache.get("$.kept").ok();
            assert!(kept.as_ref().zip(again.as_ref()).is_some_and(|(a, b)| Arc::ptr_eq(a, b)));
        }
        assert_eq!(cache.len(), CACHED_PATHS);
        assert!(cache.get("$[").is_err());
        assert!(cache.get(&format!("$.{}", "x".repeat(MAX_CACHED_TEXT))).is_ok());
        assert_eq!(cache.len(), CACHED_PATHS);
    }
}
