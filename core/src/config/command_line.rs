//! The command line, as redis-server understands it: an optional configuration file, options with
//! two dashes that are the file's directives, and a `-` for more of them on standard input.

use crate::util::words;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// To run the server.
    Run(CommandLine),
    /// To print the version.
    Version,
    /// To print the usage.
    Help,
}

/// Where the configuration comes from: first the file, then the options, then standard input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// The options, as the text of a configuration file.
    pub options: Vec<u8>,
    /// Whether to read on from standard input.
    pub standard_input: bool,
}

impl CommandLine {
    /// The whole configuration as one text, which is how Redis counts its lines.
    pub fn text(&self, file: &[u8], standard_input: &[u8]) -> Vec<u8> {
        [file, &self.options, standard_input].join(&b'\n')
    }
}

/// Reads the arguments behind the program's name.
pub fn parse(arguments: &[Vec<u8>]) -> Action {
    match arguments {
        [only] if matches!(&only[..], b"-v" | b"--version") => return Action::Version,
        [only] if matches!(&only[..], b"-h" | b"--help") => return Action::Help,
        _ => {}
    }
    let mut line = CommandLine::default();
    let mut rest = arguments;
    if let [first, others @ ..] = rest
        && !first.starts_with(b"-")
    {
        line.file = Some(PathBuf::from(String::from_utf8_lossy(first).into_owned()));
        rest = others;
    }
    if let [others @ .., last] = rest
        && last == b"-"
    {
        line.standard_input = true;
        rest = others;
    }
    line.options = options(rest);
    Action::Run(line)
}

/// Whether it begins as the name of an option does.
fn is_name(argument: &[u8]) -> bool {
    argument.starts_with(b"--")
}

/// The options as lines of a configuration file.
fn options(arguments: &[Vec<u8>]) -> Vec<u8> {
    let mut text = Vec::new();
    // The argument behind a name is its value even if it begins with dashes, unless the name was
    // given together with a value ("--port 6380" as one argument).
    let mut name_may_follow = true;
    for (index, argument) in arguments.iter().enumerate() {
        if !(name_may_follow && is_name(argument)) {
            text.extend_from_slice(&words::quote(argument));
            text.push(b' ');
            name_may_follow = true;
            continue;
        }
        if !text.is_empty() {
            text.push(b'\n');
        }
        text.extend_from_slice(argument.get(2..).unwrap_or_default());
        text.push(b' ');
        name_may_follow = words::split(argument).map_or(true, |words| words.len() != 1);
        let next_is_name = arguments.get(index + 1).is_none_or(|next| is_name(next));
        if !name_may_follow && next_is_name && argument.eq_ignore_ascii_case(b"--save") {
            // A bare --save switches snapshots off.
            text.extend_from_slice(b"\"\"");
            name_may_follow = true;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> CommandLine {
        let arguments: Vec<Vec<u8>> = arguments.iter().map(|a| a.as_bytes().to_vec()).collect();
        match parse(&arguments) {
            Action::Run(line) => line,
            other => panic!("{other:?}"),
        }
    }

    fn options_of(arguments: &[&str]) -> String {
        String::from_utf8(run(arguments).options).expect("text")
    }

    #[test]
    fn files_and_standard_input() {
        let line = run(&["/etc/redis.conf", "--port", "7", "-"]);
        assert_eq!(line.file, Some(PathBuf::from("/etc/redis.conf")));
        assert!(line.standard_input);
        assert_eq!(line.options, b"port \"7\" ");
        assert_eq!(line.text(b"hz 1", b"timeout 3"), b"hz 1\nport \"7\" \ntimeout 3");
        assert!(run(&["-"]).standard_input);
        assert_eq!(run(&[]), CommandLine::default());
    }

    #[test]
    fn options_become_lines() {
        assert_eq!(options_of(&["--port", "7", "--save", "60 1"]), "port \"7\" \nsave \"60 1\" ");
        assert_eq!(options_of(&["--port 7", "--hz", "2"]), "port 7 \nhz \"2\" ");
        assert_eq!(options_of(&["--requirepass", "--x"]), "requirepass \"--x\" ");
        assert_eq!(options_of(&["--save", "--hz", "2"]), "save \"\"\nhz \"2\" ");
        assert_eq!(options_of(&["--save", "", "--hz", "2"]), "save \"\" \nhz \"2\" ");
        assert_eq!(options_of(&["--hz", "2", "--save"]), "hz \"2\" \nsave \"\"");
        assert_eq!(options_of(&["--bind", "a", "b"]), "bind \"a\" \"b\" ");
    }

    #[test]
    fn other_actions() {
        assert_eq!(parse(&[b"--version".to_vec()]), Action::Version);
        assert_eq!(parse(&[b"-h".to_vec()]), Action::Help);
    }
}
