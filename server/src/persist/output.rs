//! A file that is written from front to end, and synced bit by bit if that is wanted.

use std::fs::File;
use std::io::{Result, Write};

/// Bytes between two syncs of a file that is synced bit by bit.
const SYNC_SIZE: usize = 4 * 1024 * 1024;

/// The file.
pub struct Output {
    file: File,
    written: u64,
    unsynced: usize,
    incremental: bool,
}

impl Output {
    /// Writes to `file`, synced bit by bit if `incremental` says so.
    pub fn new(file: File, incremental: bool) -> Self {
        Self { file, written: 0, unsynced: 0, incremental }
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        self.unsynced += bytes.len();
        if self.incremental && self.unsynced >= SYNC_SIZE {
            self.unsynced = 0;
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Has everything on disk.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_all()
    }
}
