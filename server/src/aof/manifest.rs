//! The manifest: which files make up the append-only file, in which order.
//!
//! One line a file, `file NAME seq NUMBER type b|i|h`: at most one base, any number of increments
//! in ascending order, and history, files that are no longer needed and about to be deleted. It is
//! replaced as a whole (temporary file, fsync, rename, fsync of the directory), so that a crash
//! leaves the old one or the new one. Nothing here opens the files that it names.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cairn_core::util::words;

/// The longest line, as in Redis.
const LINE_MAX: usize = 1024;

/// The longest manifest that is read, in bytes. One with as many lines as this allows has long
/// stopped being rewritten.
const BYTES_MAX: u64 = 16 << 20;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A snapshot, or the commands that make one.
    Base,
    /// The effects since then.
    Incr,
    /// No longer needed.
    History,
}

impl Kind {
    fn letter(self) -> char {
        match self {
            Kind::Base => 'b',
            Kind::Incr => 'i',
            Kind::History => 'h',
        }
    }
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name, without a directory.
    pub name: String,
    /// Its number among those of its kind.
    pub seq: u64,
    /// What it is.
    pub kind: Kind,
}

/// The files, and where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The directory of all files.
    pub dir: PathBuf,
    /// What the names begin with: `appendfilename`.
    pub stem: String,
    /// The base, if there is one.
    pub base: Option<Part>,
    /// The increments, oldest first.
    pub incrs: Vec<Part>,
    /// Files to delete.
    pub history: Vec<Part>,
}

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It could not be read.
    #[error("Fatal error: can't open the AOF manifest file {0} for reading: {1}")]
    Io(PathBuf, io::Error),
    /// A line is not as it should be.
    #[error("Bad AOF manifest {path}, at line {line}: >>> '{text}': {reason}")]
    Line {
        /// The manifest.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// The line, as far as it is text.
        text: String,
        /// What is wrong, in Redis's words.
        reason: &'static str,
    },
}

/// Why a manifest is not known to be on disk.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The one before is still there.
    #[error("{}", super::words(.0))]
    NotStored(io::Error),
    /// It is there, but its directory could not be synced: a crash leaves it or the one before.
    #[error("{}", super::words(.0))]
    NotSynced(io::Error),
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let (StoreError::NotStored(error) | StoreError::NotSynced(error)) = error;
        error
    }
}

impl Manifest {
    /// One that names no file yet.
    pub fn new(dir: PathBuf, stem: &str) -> Self {
        let (incrs, history) = (Vec::new(), Vec::new());
        Self { dir, stem: stem.to_string(), base: None, incrs, history }
    }

    /// Where the manifest of a directory is.
    pub fn path_in(dir: &Path, stem: &str) -> PathBuf {
        dir.join(format!("{stem}.manifest"))
    }

    /// Where it is stored.
    pub fn path(&self) -> PathBuf {
        Self::path_in(&self.dir, &self.stem)
    }

    /// Reads the manifest of a directory; `None` when it has none.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn read(dir: &Path, stem: &str) -> Result<Option<Self>, ManifestError> {
        let path = Self::path_in(dir, stem);
        let failed = |error| ManifestError::Io(path.clone(), error);
        let bytes = match fs::metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(e)),
            Ok(m) if m.len() > BYTES_MAX => {
                return Err(failed(io::Error::other("the manifest is too large")));
            }
            Ok(_) => fs::read(&path).map_err(failed)?,
        };
        Self::parse(dir.to_path_buf(), stem, &bytes).map(Some)
    }

    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// The line that is wrong.
    pub fn parse(dir: PathBuf, stem: &str, bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut manifest = Self::new(dir, stem);
        match manifest.take_over(bytes) {
            Ok(()) => Ok(manifest),
            Err((line, text, reason)) => {
                Err(ManifestError::Line { path: manifest.path(), line, text, reason })
            }
        }
    }

    /// Takes over the lines of a manifest.
    fn take_over(&mut self, bytes: &[u8]) -> Result<(), (usize, String, &'static str)> {
        if bytes.is_empty() {
            return Err((0, String::new(), "Found an empty AOF manifest"));
        }
        for (index, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
            let text = || String::from_utf8_lossy(line).trim_end().to_string();
            self.parse_line(line).map_err(|reason| (index + 1, text(), reason))?;
        }
        Ok(())
    }

    fn parse_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        if line.first() == Some(&b'#') {
            return Ok(());
        }
        let Some(line) = line.strip_suffix(b"\n").filter(|line| line.len() < LINE_MAX) else {
            return Err("The AOF manifest file contains too long line");
        };
        let part = part(line)?;
        match part.kind {
            Kind::Base if self.base.is_some() => Err("Found duplicate base file information"),
            Kind::Base => {
                self.base = Some(part);
                Ok(())
            }
            Kind::Incr if self.incrs.last().is_some_and(|last| last.seq >= part.seq) => {
                Err("Found a non-monotonic sequence number")
            }
            Kind::Incr => {
                self.incrs.push(part);
                Ok(())
            }
            Kind::History => {
                self.history.push(part);
                Ok(())
            }
        }
    }

    /// All files that make up the data, in order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.base.iter().chain(&self.incrs)
    }

    /// Where a file is.
    pub fn file(&self, part: &Part) -> PathBuf {
        self.dir.join(&part.name)
    }

    /// The name of the next base; its content is a snapshot or commands.
    pub fn next_base(&self, snapshot: bool) -> Part {
        let seq = self.base.as_ref().map_or(0, |base| base.seq) + 1;
        let ending = if snapshot { "rdb" } else { "aof" };
        Part { name: format!("{}.{seq}.base.{ending}", self.stem), seq, kind: Kind::Base }
    }

    /// The name of the next increment.
    pub fn next_incr(&self) -> Part {
        let seq = self.incrs.last().map_or(0, |incr| incr.seq) + 1;
        Part { name: format!("{}.{seq}.incr.aof", self.stem), seq, kind: Kind::Incr }
    }

    /// Replaces the base, and the increments before the one named `first`. They become history.
    pub fn rebase(&mut self, base: Part, first: &str) {
        let kept = self.incrs.iter().position(|incr| incr.name == first);
        let old = self.incrs.drain(..kept.unwrap_or(self.incrs.len()));
        let old: Vec<Part> = self.base.replace(base).into_iter().chain(old).collect();
        self.history.extend(old.into_iter().map(|part| Part { kind: Kind::History, ..part }));
    }

    /// The text of the manifest.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in self.parts().chain(&self.history) {
            let name = quoted_if_needed(&part.name);
            // Writing to a string can't fail.
            let _ = writeln!(text, "file {name} seq {} type {}", part.seq, part.kind.letter());
        }
        text
    }

    /// Stores it. When this returns without error, it is on disk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn store(&self) -> Result<(), StoreError> {
        self.replace().map_err(StoreError::NotStored)?;
        sync_dir(&self.dir).map_err(StoreError::NotSynced)
    }

    fn replace(&self) -> io::Result<()> {
        let temporary = self.dir.join(format!("temp_{}.manifest", self.stem));
        let mut file = File::create(&temporary)?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, self.path())
    }

    /// Deletes the files of the history, and forgets them.
    ///
    /// # Errors
    /// Those of storing the manifest afterwards. A file that can't be deleted stays in the history.
    pub fn delete_history(&mut self) -> io::Result<()> {
        if self.history.is_empty() {
            return Ok(());
        }
        let dir = self.dir.clone();
        self.history.retain(|part| match fs::remove_file(dir.join(&part.name)) {
            Ok(()) => false,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        });
        Ok(self.store()?)
    }
}

/// Makes changes to a directory durable: files that were created, renamed or deleted in it.
///
/// # Errors
/// Those of the file system.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// A name as it stands in a line: in quotes when it would not come back otherwise.
fn quoted_if_needed(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\');
    match name.bytes().all(plain) {
        true => name.to_string(),
        false => String::from_utf8_lossy(&words::quote(name.as_bytes())).into_owned(),
    }
}

/// Reads one line.
fn part(line: &[u8]) -> Result<Part, &'static str> {
    const FORMAT: &str = "Invalid AOF manifest file format";
    let words = words::split(line).map_err(|_| FORMAT)?;
    if words.len() < 6 || words.len() % 2 != 0 {
        return Err(FORMAT);
    }
    let (mut name, mut seq, mut kind) = (None, 0, None);
    for pair in words.chunks_exact(2) {
        let text = String::from_utf8(pair[1].clone()).map_err(|_| FORMAT)?;
        match &pair[0].to_ascii_lowercase()[..] {
            b"file" if text.is_empty() || text.contains('/') => {
                return Err("File can't be a path, just a filename");
            }
            b"file" => name = Some(text),
            b"seq" => seq = text.parse().map_err(|_| FORMAT)?,
            b"type" => {
                kind = Some(match text.as_str() {
                    "b" => Kind::Base,
                    "i" => Kind::Incr,
                    "h" => Kind::History,
                    _ => return Err("Unknown AOF file type"),
                });
            }
            // Newer versions of Redis know further words.
            _ => {}
        }
    }
    match (name, seq, kind) {
        (Some(name), 1.., Some(kind)) => Ok(Part { name, seq, kind }),
        _ => Err(FORMAT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Result<Manifest, &'static str> {
        let mut manifest = Manifest::new("d".into(), "a");
        manifest.take_over(text.as_bytes()).map_err(|(_, _, reason)| reason)?;
        Ok(manifest)
    }

    #[test]
    fn what_redis_writes_is_read() {
        let text = "file a.2.base.rdb seq 2 type b\nfile a.1.incr.aof seq 1 type h\n# note\n\
                    file a.4.incr.aof seq 4 type i\n\
                    file \"a.5 .incr.aof\" seq 5 type i startoffset 17\n";
        let manifest = parsed(text).unwrap();
        assert_eq!(manifest.base.as_ref().map(|b| b.seq), Some(2));
        assert_eq!(manifest.incrs[1].name, "a.5 .incr.aof");
        assert_eq!(manifest.history.len(), 1);
        assert_eq!(manifest.next_incr().name, "a.6.incr.aof");
        assert_eq!(manifest.next_base(true).name, "a.3.base.rdb");
        assert_eq!(parsed(&manifest.text()).unwrap(), manifest);
    }

    #[test]
    fn errors_are_those_of_redis() {
        for (text, reason) in [
            ("", "Found an empty AOF manifest"),
            ("\n", "Invalid AOF manifest file format"),
            ("file a seq 1 type b", "The AOF manifest file contains too long line"),
            ("file a/b seq 1 type b\n", "File can't be a path, just a filename"),
            ("file a seq 1 type x\n", "Unknown AOF file type"),
            ("file a seq 1 b\n", "Invalid AOF manifest file format"),
            ("file a seq 0 type b\n", "Invalid AOF manifest file format"),
            ("file a seq -1 type b\n", "Invalid AOF manifest file format"),
            ("file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information"),
            ("file a seq 2 type i\nfile b seq 2 type i\n", "Found a non-monotonic sequence number"),
        ] {
            assert_eq!(parsed(text).unwrap_err(), reason, "{text}");
        }
    }

    #[test]
    fn it_survives_being_stored_and_forgets_what_it_deleted() {
        let dir = cairn_tests::process::fresh_dir();
        assert!(Manifest::read(&dir, "a").unwrap().is_none());
        let mut manifest = Manifest::new(dir.clone(), "a");
        manifest.base = Some(manifest.next_base(false));
        for _ in 0..3 {
            manifest.incrs.push(manifest.next_incr());
        }
        for part in manifest.parts() {
            fs::write(manifest.file(part), "x").unwrap();
        }
        let base = manifest.next_base(true);
        manifest.rebase(base, "a.3.incr.aof");
        assert_eq!(manifest.history.len(), 3);
        manifest.store().unwrap();
        assert_eq!(Manifest::read(&dir, "a").unwrap().unwrap(), manifest);
        manifest.delete_history().unwrap();
        assert!(!dir.join("a.1.base.aof").exists() && !dir.join("a.2.incr.aof").exists());
        assert!(dir.join("a.3.incr.aof").exists());
        assert_eq!(Manifest::read(&dir, "a").unwrap().unwrap(), manifest);
        fs::remove_dir_all(dir).unwrap();
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse("d".into(), "a", &bytes);
        }

        #[test]
        fn no_words_make_it_panic(
            words in proptest::collection::vec("file|seq|type|b|i|h|[0-9]{1,25}|a|\"| |\n", 0..30)
        ) {
            let _ = parsed(&words.join(" "));
        }
    }
}
