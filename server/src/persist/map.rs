//! A file as bytes in memory, without reading it as a whole first.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::Result;

use memmap2::Mmap;

/// The bytes of a file.
pub struct Map(Option<Mmap>);

impl Map {
    /// Maps a file, which should not change as long as this lives.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new(file: &File) -> Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self(None));
        }
        // SAFETY: the map is private and only read. Dumps are never changed in place: a new one
        // takes the name of the old, whose bytes stay. Somebody who truncates it from outside
        // meanwhile ends the process by a signal, as they would by damaging its other files.
        let map = unsafe { Mmap::map(file)? };
        #[cfg(unix)]
        // It is advice: nothing depends on it.
        let _ = map.advise(memmap2::Advice::Sequential);
        Ok(Self(Some(map)))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}
