//! The table of commands, by name.

use super::keys;
use super::spec::Spec;

/// A command or subcommand as it was registered. Commands live as long as the process.
pub struct Command {
    /// Its spec.
    pub spec: &'static Spec,
    /// A number that is unique in its registry: the index of its counters.
    pub id: usize,
    /// Its name with its container's: `get`, `client|id`.
    pub name: String,
    /// The word that is its only key, when that is so.
    pub single_key: Option<usize>,
    /// Its subcommands.
    pub subcommands: Vec<&'static Command>,
}

impl Command {
    /// The subcommand of this name.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        let found =
            self.subcommands.iter().find(|c| c.spec.name.as_bytes().eq_ignore_ascii_case(name));
        found.copied()
    }
}

/// All commands of an engine.
#[derive(Default)]
pub struct Registry {
    commands: Vec<(String, &'static Command)>,
    /// Open addressing over `commands`, at most a quarter full: a lookup costs about 5 ns.
    index: Vec<u16>,
    count: usize,
}

const EMPTY: u16 = u16::MAX;

impl Registry {
    /// Adds commands. A name that is there already is replaced.
    pub fn add(&mut self, specs: &'static [Spec]) {
        for spec in specs {
            let command = self.make(spec, None);
            self.commands.retain(|(name, _)| name != spec.name);
            self.commands.push((spec.name.to_string(), command));
        }
        self.reindex();
    }

    fn make(&mut self, spec: &'static Spec, container: Option<&str>) -> &'static Command {
        let name = match container {
            Some(container) => format!("{container}|{}", spec.name),
            None => spec.name.to_string(),
        };
        let id = self.count;
        self.count += 1;
        let subcommands = spec.subcommands.iter().map(|s| self.make(s, Some(spec.name))).collect();
        let single_key = keys::single(spec);
        Box::leak(Box::new(Command { spec, id, name, single_key, subcommands }))
    }

    /// Gives a command another name, or removes it when the new one is empty. False when there
    /// is no such command.
    pub fn rename(&mut self, old: &str, new: &str) -> bool {
        let old = old.to_ascii_lowercase();
        let Some(at) = self.commands.iter().position(|(name, _)| *name == old) else {
            return false;
        };
        let (_, command) = self.commands.remove(at);
        if !new.is_empty() {
            self.commands.push((new.to_ascii_lowercase(), command));
        }
        self.reindex();
        true
    }

    /// The command of this name, in any case.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<&'static Command> {
        if self.index.is_empty() {
            return None;
        }
        let mask = self.index.len() - 1;
        let mut at = hash(name) & mask;
        loop {
            match self.index[at] {
                EMPTY => return None,
                i => {
                    let (known, command) = &self.commands[i as usize];
                    if known.as_bytes().eq_ignore_ascii_case(name) {
                        return Some(command);
                    }
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// All commands with their names, in order of registration.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'static Command)> {
        self.commands.iter().map(|(name, command)| (name.as_str(), *command))
    }

    /// How many commands there are, subcommands not counted.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// How many numbers [`Command::id`] were given, subcommands counted.
    pub fn ids(&self) -> usize {
        self.count
    }

    fn reindex(&mut self) {
        let size = (self.commands.len() * 4).next_power_of_two();
        self.index = vec![EMPTY; size];
        for (i, (name, _)) in self.commands.iter().enumerate() {
            let mut at = hash(name.as_bytes()) & (size - 1);
            while self.index[at] != EMPTY {
                at = (at + 1) & (size - 1);
            }
            self.index[at] = i as u16;
        }
    }
}

/// A hash that ignores the case of letters.
#[inline]
fn hash(name: &[u8]) -> usize {
    let mut h = name.len() as u64;
    for &b in name.iter().take(32) {
        h = (h ^ u64::from(b | 0x20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    (h >> 40) as usize
}
