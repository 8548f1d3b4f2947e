//! Configuration files: `redis.conf`, as it is.
//!
//! Directives that are no parameters (`user`, `rename-command`, `loadmodule`) are collected for
//! whoever deals with them.

use super::param::{Id, Merge};
use super::registry::{Config, merge_of};
use crate::util::{glob, words};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// How deep `include` may nest.
const MAX_INCLUDES: u32 = 16;

/// Directives of older versions that mean nothing any more, and that Redis accepts as well.
const OBSOLETE: &[&str] = &[
    "io-threads-do-reads",
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];

/// What a configuration says besides the values of parameters.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Startup {
    /// The words behind each `user`: a name and rules.
    pub users: Vec<Vec<Vec<u8>>>,
    /// Commands that get another name, or none if that is empty.
    pub renamed_commands: Vec<(Vec<u8>, Vec<u8>)>,
    /// The words behind each `loadmodule`: a path and arguments.
    pub modules: Vec<Vec<Vec<u8>>>,
    /// Parameters that were set, each named once, but have no effect yet: worth a warning.
    pub without_effect: BTreeSet<String>,
    /// Directives without any meaning that were passed over: worth a warning.
    pub obsolete: BTreeSet<String>,
}

/// Why a configuration can't be used.
#[derive(Debug)]
pub enum LoadError {
    /// A line is wrong.
    Line {
        /// Counted from 1, in the file it is in, or else in the command line's options.
        number: usize,
        /// The line itself.
        line: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file can't be read.
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { number, line, reason } => {
                let version = env!("CARGO_PKG_VERSION");
                writeln!(f, "\n*** FATAL CONFIG FILE ERROR (Cairn {version}) ***")?;
                writeln!(f, "Reading the configuration file, at line {number}")?;
                writeln!(f, ">>> '{line}'")?;
                write!(f, "{reason}")
            }
            Self::File { path, error } => {
                let path = path.display();
                write!(f, "Fatal error, can't open config file '{path}': {error}")
            }
        }
    }
}

impl std::error::Error for LoadError {}

/// Reads `text` into `config`. Hooks don't run; see [`Config::apply_all`].
///
/// # Errors
/// [`LoadError`] at the first line that is wrong; those before it have been read.
pub fn load_text(config: &Config, text: &[u8]) -> Result<Startup, LoadError> {
    let mut loader = Loader::new(config);
    loader.text(text)?;
    Ok(loader.startup)
}

/// Reads the file at `path`.
///
/// # Errors
/// [`LoadError`], if it can't be read among others.
pub fn read_file(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(|error| LoadError::File { path: path.to_path_buf(), error })
}

struct Loader<'a> {
    config: &'a Config,
    startup: Startup,
    /// What has been set so far.
    set: BTreeSet<Id>,
    /// How many files are being read that include each other.
    depth: u32,
}

impl<'a> Loader<'a> {
    fn new(config: &'a Config) -> Self {
        Self { config, startup: Startup::default(), set: BTreeSet::new(), depth: 0 }
    }

    fn text(&mut self, text: &[u8]) -> Result<(), LoadError> {
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            self.line(line).map_err(|problem| match problem {
                Problem::Here(reason) => LoadError::Line {
                    number: index + 1,
                    line: String::from_utf8_lossy(line).into_owned(),
                    reason,
                },
                Problem::Elsewhere(error) => error,
            })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Problem> {
        let words = words::split(line).map_err(|_| "Unbalanced quotes in configuration line")?;
        let Some((name, arguments)) = words.split_first() else { return Ok(()) };
        let name = name.to_ascii_lowercase();
        if let Some(id) = self.config.find(&name) {
            return Ok(self.parameter(id, arguments)?);
        }
        match (&name[..], arguments) {
            (b"include", [pattern]) => self.include(pattern),
            (b"user", [_, ..]) => {
                self.startup.users.push(arguments.to_vec());
                Ok(())
            }
            (b"rename-command", [from, to]) => {
                self.startup.renamed_commands.push((from.clone(), to.clone()));
                Ok(())
            }
            (b"loadmodule", [_, ..]) => {
                self.startup.modules.push(arguments.to_vec());
                Ok(())
            }
            _ => Ok(self.obsolete(&name, arguments)?),
        }
    }

    fn obsolete(&mut self, name: &[u8], arguments: &[Vec<u8>]) -> Result<(), String> {
        let name = OBSOLETE.iter().find(|obsolete| obsolete.as_bytes() == name);
        match (name, arguments) {
            (Some(name), [_]) => {
                self.startup.obsolete.insert((*name).to_string());
                Ok(())
            }
            _ => Err("Bad directive or wrong number of arguments".into()),
        }
    }

    fn parameter(&mut self, id: Id, arguments: &[Vec<u8>]) -> Result<(), String> {
        let param = self.config.param(id);
        let text = match arguments {
            [only] => only.clone(),
            // As in Redis, `save` alone takes all save points away.
            [] if param.name == "save" => Vec::new(),
            [_, ..] if param.takes_words() => arguments.join(&b' '),
            _ => return Err("wrong number of arguments".into()),
        };
        let present = self.config.text(id);
        let present = match merge_of(param) {
            Merge::Always => &present[..],
            Merge::WithinFile if self.set.contains(&id) => &present[..],
            _ => b"",
        };
        let value = param.parse(&text, present)?;
        let is_news = self.config.value(id) != value;
        self.config.put(id, value);
        self.set.insert(id);
        if param.later && is_news {
            self.startup.without_effect.insert(param.name.to_string());
        }
        Ok(())
    }

    fn include(&mut self, pattern: &[u8]) -> Result<(), Problem> {
        if self.depth == MAX_INCLUDES {
            return Err(format!("include nests deeper than {MAX_INCLUDES} files").into());
        }
        self.depth += 1;
        for path in matching_files(pattern)? {
            let text = read_file(&path).map_err(Problem::Elsewhere)?;
            self.text(&text).map_err(Problem::Elsewhere)?;
        }
        self.depth -= 1;
        Ok(())
    }
}

/// What went wrong with a line: it itself, or the file it includes.
enum Problem {
    Here(String),
    Elsewhere(LoadError),
}

impl From<String> for Problem {
    fn from(reason: String) -> Self {
        Self::Here(reason)
    }
}

impl From<&str> for Problem {
    fn from(reason: &str) -> Self {
        Self::Here(reason.to_string())
    }
}

/// The files that an `include` names: one, or those in a directory whose names match a glob
/// pattern, in alphabetical order.
fn matching_files(pattern: &[u8]) -> Result<Vec<PathBuf>, String> {
    let text = std::str::from_utf8(pattern).map_err(|_| "include needs a path in UTF-8")?;
    let path = Path::new(text);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if glob::is_literal(name.as_bytes()) {
        return Ok(vec![path.to_path_buf()]);
    }
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let entries = std::fs::read_dir(directory)
        .map_err(|error| format!("can't read directory '{}': {error}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| glob::matches(name.as_bytes(), entry.file_name().as_encoded_bytes()))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    Ok(files)
}
