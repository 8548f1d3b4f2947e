//! Which commands of a server are compared, and why the others are not.

use std::collections::BTreeSet;

use super::generate::Generator;

/// Commands drawn to find out which ones the generator makes: each several hundred times.
const DRAWS: usize = 200_000;

/// Commands that are not compared, by the beginning of their names, and why.
pub const EXCLUDED: &[(&str, &str)] = &[
    ("acl", "access control is compared by its own tests"),
    ("asking", "of clusters"),
    ("cluster", "of clusters"),
    ("debug", "each server's own means of tests"),
    ("eval", "scripts"),
    ("failover", "of replication"),
    ("fcall", "scripts"),
    ("function", "scripts"),
    ("migrate", "needs a third server"),
    ("monitor", "what it shows has no end; only its errors are compared"),
    ("module|load", "each server loads its own modules"),
    ("module|unload", "each server loads its own modules"),
    ("pfselftest", "a test of the server within"),
    ("psync", "of replication"),
    ("quit", "ends the connection"),
    ("readonly", "of clusters"),
    ("readwrite", "of clusters"),
    ("replconf", "of replication"),
    ("replicaof", "of replication"),
    ("restore-asking", "of clusters"),
    ("script", "scripts"),
    ("slaveof", "of replication"),
    ("sync", "of replication"),
    ("wait", "of replication"),
    ("v", "vector sets are not there yet"),
];

/// The names, with those of subcommands as `container|subcommand`, that the generator makes.
pub fn made(seed: u64) -> BTreeSet<String> {
    let mut generator = Generator::new(seed, &[]);
    let mut names = BTreeSet::new();
    for _ in 0..DRAWS {
        let words = generator.sample().words;
        let mut words = words.iter().map(|word| String::from_utf8_lossy(word).to_lowercase());
        let Some(name) = words.next() else { continue };
        names.extend(words.next().map(|sub| format!("{name}|{sub}")));
        names.insert(name);
    }
    names
}

/// Those of a server's commands that are neither made nor excluded. A container counts as made with
/// any of its subcommands.
pub fn left_out(all: &[String], made: &BTreeSet<String>) -> Vec<String> {
    let excluded = |name: &str| {
        EXCLUDED.iter().any(|(beginning, _)| match beginning.len() {
            1 => name.starts_with(beginning) && !name.contains('|'),
            _ => name.starts_with(beginning),
        })
    };
    let names = all.iter().map(|name| name.to_lowercase());
    names.filter(|name| !made.contains(name) && !excluded(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_or_excluded_is_not_left_out() {
        let made = made(1);
        assert!(
            ["get", "xinfo|stream", "client|help", "memory|stats"]
                .iter()
                .all(|n| made.contains(*n))
        );
        let all = ["GET", "VADD", "xinfo|stream", "cluster|info", "nosuch"].map(String::from);
        assert_eq!(left_out(&all, &made), ["nosuch"]);
    }
}
