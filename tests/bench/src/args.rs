//! Command line: `--name value` pairs and `--flag`s, in the order given. No subcommand's meaning
//! lives here.

use std::fmt::Display;
use std::str::FromStr;

/// The options of one invocation.
pub struct Args(Vec<(String, String)>);

impl Args {
    /// Parses `words`; only `valued` options take a value, only those and `flags` are accepted.
    pub fn parse(
        words: impl IntoIterator<Item = String>,
        valued: &[&str],
        flags: &[&str],
    ) -> Result<Self, String> {
        let (mut pairs, mut words) = (Vec::new(), words.into_iter());
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("unexpected '{word}'"))?;
            let value = if flags.contains(&name) {
                String::new()
            } else if valued.contains(&name) {
                words.next().ok_or_else(|| format!("--{name} needs a value"))?
            } else {
                return Err(format!("unknown option --{name}"));
            };
            pairs.push((name.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    /// All pairs, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The last value given for `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether `name` was given.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of `name` parsed, if given.
    pub fn optional<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, String> {
        let parse = |text: &str| text.parse().map_err(|e| format!("--{name} {text}: {e}"));
        self.get(name).map(parse).transpose()
    }

    /// The value of `name` parsed, or `default`.
    pub fn value<T: FromStr<Err: Display>>(&self, name: &str, default: T) -> Result<T, String> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// The comma-separated values of `name` parsed, or those of `default`.
    pub fn list<T: FromStr<Err: Display>>(
        &self,
        name: &str,
        default: &str,
    ) -> Result<Vec<T>, String> {
        let text = self.get(name).unwrap_or(default);
        let parse = |part: &str| part.trim().parse().map_err(|e| format!("--{name} {part}: {e}"));
        text.split(',').map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split(' ').map(str::to_owned), &["conns", "size"], &["keep"])
    }

    #[test]
    fn reads_values_lists_and_flags() {
        let args = parse("--conns 5 --keep --size 1,2").unwrap();
        assert_eq!(args.value("conns", 1u32).unwrap(), 5);
        assert_eq!(args.list::<u32>("size", "9").unwrap(), [1, 2]);
        assert!(args.has("keep"));
        assert_eq!(args.optional::<u32>("other").unwrap(), None);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(parse("--nope 1").is_err());
        assert!(parse("--conns").is_err());
        assert!(parse("conns").is_err());
        assert!(parse("--conns x").unwrap().value("conns", 1u32).is_err());
    }
}
