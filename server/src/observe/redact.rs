//! Words that nobody who looks on may see: passwords.

use cairn_core::command::Command;
use cairn_core::config::Config;
use smallvec::SmallVec;

/// What stands in the place of a secret.
const REDACTED: &[u8] = b"(redacted)";

/// The words of a command, secrets replaced.
pub fn redacted<'a>(
    config: &Config,
    command: &Command,
    args: &[&'a [u8]],
) -> SmallVec<[&'a [u8]; 8]> {
    let mut words = SmallVec::from_slice(args);
    let mut hide = |at: usize| {
        if let Some(word) = words.get_mut(at) {
            *word = REDACTED;
        }
    };
    let is = |at: usize, word: &str| {
        args.get(at).is_some_and(|arg: &&[u8]| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    match command.name.as_str() {
        "auth" => (1..args.len()).for_each(hide),
        "hello" => {
            let login = (2..args.len()).find(|at| is(*at, "auth"));
            login.into_iter().flat_map(|at| [at + 1, at + 2]).for_each(hide);
        }
        "config|set" => (2..args.len())
            .step_by(2)
            .filter(|at| config.find(args[*at]).is_some_and(|id| config.param(id).sensitive))
            .for_each(|at| hide(at + 1)),
        "acl|setuser" | "acl|getuser" | "acl|deluser" => (2..args.len()).for_each(hide),
        "migrate" => {
            for at in 6..args.len() {
                if is(at, "auth") {
                    hide(at + 1);
                } else if is(at, "auth2") {
                    hide(at + 1);
                    hide(at + 2);
                }
            }
        }
        _ => {}
    }
    words
}
