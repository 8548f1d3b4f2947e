//! The process's title: what `ps` shows instead of the command line (`proc-title-template`).
//!
//! Linux shows the memory that the arguments of the process were put in, and what was put behind
//! them, the environment, if the arguments are overwritten up to their end. So the environment is
//! moved first ([`claim`]).
#![allow(unsafe_code)]

use std::ffi::CString;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, OnceLock};

use cairn_core::config::Config;
use cairn_core::config::table::{network, server as params};

/// What was claimed.
static TITLE: OnceLock<Title> = OnceLock::new();

struct Title {
    /// The command as it was called.
    program: String,
    /// The configuration file, or nothing.
    file: String,
    /// Addresses of the arguments and the environment as the process was given them. The lock is
    /// that of who writes there.
    memory: Mutex<Range<usize>>,
}

/// Moves the environment out of the memory that the title is to have. To be called once, while
/// there is one thread, with the arguments that will not be asked for again.
pub fn claim(file: Option<&std::path::Path>) {
    let Some(memory) = memory() else { return };
    let Some(program) = std::env::args_os().next() else { return };
    let variables: Vec<CString> = std::env::vars_os()
        .filter_map(|(name, value)| {
            CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
        })
        .collect();
    // SAFETY: 1. There is one thread, so that nobody reads the environment meanwhile.
    unsafe { libc::clearenv() };
    for variable in variables {
        // SAFETY: 2. As 1. The environment owns the string from now on: it is never given back.
        unsafe { libc::putenv(variable.into_raw()) };
    }
    let file = file.map(|path| path.display().to_string()).unwrap_or_default();
    let program = program.to_string_lossy().into_owned();
    let _ = TITLE.set(Title { program, file, memory: Mutex::new(memory) });
}

/// Shows what the configuration asks for, if the memory for it was claimed.
pub fn show(config: &Config) {
    let Some(title) = TITLE.get().filter(|_| config.bool(params::SET_PROC_TITLE)) else { return };
    let text = title.fill(config);
    let memory = title.memory.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let shown = &text.as_bytes()[..text.len().min(memory.len() - 1)];
    let start = memory.start as *mut u8;
    // SAFETY: 3. The range is mapped, writable and this function's alone: nothing refers to it any
    // more since `claim`, and the lock is held. `shown` lies elsewhere and is shorter.
    unsafe {
        start.write_bytes(0, memory.len());
        start.copy_from_nonoverlapping(shown.as_ptr(), shown.len());
    }
}

impl Title {
    /// The template, its variables replaced. It was checked when it was set.
    fn fill(&self, config: &Config) -> String {
        let port = config.int(network::PORT).to_string();
        let bind = config.string(network::BIND);
        let address = bind.split(' ').next().unwrap_or_default().trim_start_matches('-');
        let listens = format!("{}:{port}", if address.is_empty() { "*" } else { address });
        let socket = config.string(network::UNIXSOCKET);
        let values: [(&str, &str); 7] = [
            ("title", &self.program),
            ("listen-addr", &listens),
            ("server-mode", ""),
            ("port", &port),
            ("tls-port", "0"),
            ("unixsocket", &socket),
            ("config-file", &self.file),
        ];
        fill(&config.string(params::PROC_TITLE_TEMPLATE), &values)
    }
}

/// Replaces `{name}` by its value, in one pass: values are not looked through.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut parts = template.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        text.push_str(value.map_or("", |(_, value)| value));
        text.push_str(rest);
    }
    text.trim_end().to_owned()
}

/// Where the kernel has the arguments and the environment behind them: fields 48 to 51 of
/// proc(5)'s `stat`. `None` where that is not told, or where they are not in one piece.
fn memory() -> Option<Range<usize>> {
    let stat = std::fs::read("/proc/self/stat").ok()?;
    // The command's name, which may have anything in it, ends with the last parenthesis; field 3 is
    // the first behind it.
    let behind = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let text = std::str::from_utf8(&stat[behind..]).ok()?;
    let mut fields = text.split_whitespace().skip(45).map(|field| field.parse::<usize>().ok());
    let mut next = || fields.next().flatten();
    let (start, end, environment, environment_end) = (next()?, next()?, next()?, next()?);
    let whole = start != 0 && start < end && end <= environment && environment <= environment_end;
    // The page behind the arguments may be another's.
    let behind = if environment - end.min(environment) <= 1 { environment_end } else { end };
    let here = args_are_at(start);
    (whole && here).then_some(start..behind)
}

/// Whether the memory at an address is that of the arguments: the first of them is there.
fn args_are_at(start: usize) -> bool {
    let Some(first) = std::env::args_os().next() else { return false };
    let bytes = first.as_bytes();
    // SAFETY: 4. The kernel said that the arguments begin there; they are mapped as long as the
    // process lives, the first of them with as many bytes as this one.
    let there = unsafe { std::slice::from_raw_parts(start as *const u8, bytes.len()) };
    there == bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_once() {
        let values = [("title", "a {port}"), ("port", "1")];
        assert_eq!(fill("{title} x {port}{port}", &values), "a {port} x 11");
        assert_eq!(fill("plain {title}{none} ", &values), "plain a {port}");
    }

    #[test]
    fn the_arguments_are_found() {
        let found = memory().expect("Linux tells");
        let first = std::env::args_os().next().expect("a program has a name");
        assert!(found.len() > first.len());
    }
}
