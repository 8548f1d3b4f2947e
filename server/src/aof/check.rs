//! `cairn-server check-aof`: says whether an append-only file is whole, and cuts off what is not,
//! as redis-check-aof does. It reads the form of commands, and does not run them.

use std::fs::File;
use std::io::{self, BufRead, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use cairn_core::rdb::file::FileReader;

use super::format::{Commands, FormatError, Item};
use super::load::{self, is_snapshot};
use super::manifest::Manifest;
use crate::persist::map::Map;

/// How it is called.
pub const USAGE: &str = "Usage: cairn-server check-aof [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>";

/// What is to be done about what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is only told.
    Report,
    /// What is behind the last whole command is cut off the last file.
    Fix,
    /// What was written later than this Unix time, in seconds, is cut off.
    TruncateTo(i64),
}

/// Runs the tool. Answers of the user come from `input`.
///
/// # Errors
/// What is wrong with the file or the arguments.
pub fn run(arguments: &[Vec<u8>], input: &mut dyn BufRead) -> Result<(), String> {
    let texts: Vec<String> =
        arguments.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (action, path) = match texts[..] {
        [path] => (Action::Report, path),
        ["--fix", path] => (Action::Fix, path),
        ["--truncate-to-timestamp", time, path] => {
            let time = time.parse().ok().filter(|time| *time > 0);
            (Action::TruncateTo(time.ok_or("Invalid timestamp, aborting...")?), path)
        }
        _ => return Err(USAGE.to_string()),
    };
    let path = Path::new(path);
    let Some(files) = listed(path)? else {
        println!("Start checking Old-Style AOF");
        return check(&Checked { path, kind: "AOF", last: true }, action, input);
    };
    println!("Start checking Multi Part AOF");
    let mut kind = "";
    for (index, (is_base, path)) in files.iter().enumerate() {
        if !*is_base && kind != INCR {
            println!("Start to check INCR files.");
        }
        kind = if *is_base { BASE } else { INCR };
        check(&Checked { path, kind, last: index + 1 == files.len() }, action, input)?;
    }
    println!("All AOF files and manifest are valid");
    Ok(())
}

/// How files are named to the user.
const BASE: &str = "BASE AOF";
const INCR: &str = "INCR AOF";

/// A file that is being checked.
struct Checked<'a> {
    path: &'a Path,
    kind: &'static str,
    /// Nothing comes after it: only then may its end be cut off.
    last: bool,
}

/// Files of a manifest, with whether they are the base.
type Listed = Vec<(bool, PathBuf)>;

/// The files of the manifest that a path names; `None` if it names something else.
fn listed(path: &Path) -> Result<Option<Listed>, String> {
    let text = path.to_string_lossy();
    let Some(stem) = text.strip_suffix(".manifest") else { return Ok(None) };
    let stem = Path::new(stem);
    let dir = stem.parent().map(Path::to_path_buf).unwrap_or_default();
    let dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
    let name = stem.file_name().unwrap_or_default().to_string_lossy();
    let manifest = Manifest::read(&dir, &name).map_err(|e| e.to_string())?;
    let manifest = manifest.ok_or_else(|| format!("Cannot open file {text}, aborting..."))?;
    let base = manifest.base.iter().map(|part| (true, manifest.file(part)));
    let incrs = manifest.incrs.iter().map(|part| (false, manifest.file(part)));
    let files: Listed = base.chain(incrs).collect();
    match files.is_empty() {
        true => Err("The AOF manifest names no file".into()),
        false => Ok(Some(files)),
    }
}

/// Checks a file, and cuts off its end if that is wanted and allowed.
fn check(checked: &Checked<'_>, action: Action, input: &mut dyn BufRead) -> Result<(), String> {
    let (path, kind, name) = (checked.path, checked.kind, checked.path.display());
    let failed = |e: io::Error| format!("Cannot open file {name}: {e}, aborting...");
    let mut file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    let preamble = is_snapshot(&mut file).map_err(failed)?;
    if kind == BASE {
        let form = if preamble { "RDB" } else { "RESP" };
        println!("Start to check BASE AOF ({form} format).");
    }
    let mut begin = 0;
    if preamble {
        println!("The AOF appears to start with an RDB preamble.");
        begin = measure(&file).map_err(|e| format!("RDB preamble of AOF file {name}: {e}"))?;
        println!("RDB preamble is OK, proceeding with AOF tail...");
    }
    file.seek(SeekFrom::Start(begin)).map_err(failed)?;
    let found = scan(file, begin, len, action);
    let (good, diff) = (found.good, len - found.good);
    println!(
        "AOF analyzed: filename={name}, size={len}, ok_up_to={good}, ok_up_to_line={}, diff={diff}",
        found.line
    );
    match found.error {
        None if found.late => return cut_late(checked, &found, action),
        None => {
            println!("{kind} {name} is valid");
            return Ok(());
        }
        Some(error) => println!("{kind} {name}: {error}"),
    }
    if action != Action::Fix {
        return Err(format!("{kind} {name} is not valid. Use the --fix option to try fixing it."));
    }
    if !checked.last {
        return Err(format!("Failed to truncate AOF {name} because it is not the last file"));
    }
    println!(
        "This will shrink the AOF {name} from {len} bytes, with {diff} bytes, to {good} bytes"
    );
    if !agreed(input) {
        return Err("Aborting...".into());
    }
    load::cut(path, good).map_err(|e| format!("Failed to truncate AOF {name}: {e}"))?;
    println!("Successfully truncated AOF {name}");
    Ok(())
}

/// Cuts off what was written after the wanted time.
fn cut_late(checked: &Checked<'_>, found: &Found, action: Action) -> Result<(), String> {
    let name = checked.path.display();
    let Action::TruncateTo(time) = action else { return Ok(()) };
    if !checked.last {
        return Err(format!(
            "Failed to truncate AOF {name} to timestamp {time} because it is not the last file"
        ));
    }
    if found.good == 0 {
        return Err(format!(
            "AOF {name} has nothing before timestamp {time}: all of it would go, aborting..."
        ));
    }
    load::cut(checked.path, found.good)
        .map_err(|e| format!("Failed to truncate AOF {name} to timestamp {time}: {e}"))?;
    println!("Successfully truncated AOF {name} to timestamp {time}");
    Ok(())
}

/// How many bytes the snapshot takes that a file begins with.
fn measure(file: &File) -> Result<u64, String> {
    let map = Map::new(file).map_err(|e| e.to_string())?;
    let mut reader = FileReader::new(map.bytes()).map_err(|e| e.to_string())?;
    while reader.next_item().map_err(|e| e.to_string())?.is_some() {}
    Ok(reader.offset())
}

/// Asks before something is cut off.
fn agreed(input: &mut dyn BufRead) -> bool {
    print!("Continue? [y/N]: ");
    // The question may not be shown; the answer counts.
    let _ = io::stdout().flush();
    let mut answer = String::new();
    input.read_line(&mut answer).is_ok() && answer.to_ascii_lowercase().starts_with('y')
}

struct Found {
    /// Where the last command ends that is whole, and no part of an unfinished transaction.
    good: u64,
    /// The number of the line there, the first being 1.
    line: u64,
    error: Option<FormatError>,
    /// What follows was written after the wanted time.
    late: bool,
}

fn scan(file: File, begin: u64, len: u64, action: Action) -> Found {
    let mut commands = Commands::new(file, begin, len);
    let mut found = Found { good: begin, line: 1, error: None, late: false };
    let (mut line, mut multi) = (1, false);
    loop {
        match commands.next_item() {
            Err(error) => return Found { error: Some(error), ..found },
            Ok(Item::End) => {
                found.error = multi.then_some(FormatError::Truncated { begin: found.good });
                return found;
            }
            Ok(Item::Timestamp(time)) => {
                if matches!(action, Action::TruncateTo(wanted) if time > wanted) {
                    return Found { late: true, ..found };
                }
                line += 1;
            }
            Ok(Item::Note) => line += 1,
            Ok(Item::Command) => {
                let is = |word: &[u8]| {
                    commands.words().next().is_some_and(|w| w.eq_ignore_ascii_case(word))
                };
                multi = (multi || is(b"MULTI")) && !is(b"EXEC");
                // The number of words, and the length and the bytes of each.
                line += 1 + 2 * commands.words().count() as u64;
            }
        }
        if !multi {
            (found.good, found.line) = (commands.offset(), line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_core::effects::encode;
    use cairn_tests::process::fresh_dir;

    fn tool(arguments: &[&str], answer: &str) -> Result<(), String> {
        let arguments: Vec<Vec<u8>> = arguments.iter().map(|a| a.as_bytes().to_vec()).collect();
        run(&arguments, &mut answer.as_bytes())
    }

    fn commands(lines: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in lines {
            match line.starts_with('#') {
                true => bytes.extend_from_slice(format!("{line}\r\n").as_bytes()),
                false => {
                    encode(&mut bytes, &line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
                }
            }
        }
        bytes
    }

    #[test]
    fn a_cut_off_transaction_is_found_and_fixed_if_wanted() {
        let dir = fresh_dir();
        let path = dir.join("x.aof");
        let whole = commands(&["SET a 1"]);
        std::fs::write(&path, [&whole[..], &commands(&["MULTI", "SET b 2"])].concat()).unwrap();
        let name = path.to_str().unwrap();
        assert!(tool(&[name], "").unwrap_err().contains("--fix"));
        assert_eq!(tool(&["--fix", name], "n\n").unwrap_err(), "Aborting...");
        tool(&["--fix", name], "y\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        tool(&[name], "").unwrap();
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_is_later_than_a_time_is_cut_off_the_last_file() {
        let dir = fresh_dir();
        let mut manifest = Manifest::new(dir.clone(), "a");
        for _ in 0..2 {
            manifest.incrs.push(manifest.next_incr());
        }
        manifest.store().unwrap();
        let early = commands(&["#TS:10", "SET a 1"]);
        let late = commands(&["#TS:20", "SET a 2"]);
        let last = dir.join("a.2.incr.aof");
        std::fs::write(dir.join("a.1.incr.aof"), &early).unwrap();
        std::fs::write(&last, [&early[..], &late].concat()).unwrap();
        let path = manifest.path();
        let cut_to = |time| tool(&["--truncate-to-timestamp", time, path.to_str().unwrap()], "");
        assert!(cut_to("5").unwrap_err().contains("because it is not the last file"));
        cut_to("15").unwrap();
        assert_eq!(std::fs::read(&last).unwrap(), early);
        let only = |time| tool(&["--truncate-to-timestamp", time, last.to_str().unwrap()], "");
        assert!(only("5").unwrap_err().contains("aborting"));
        assert_eq!(std::fs::read(&last).unwrap(), early);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn wrong_arguments_are_told_so() {
        assert_eq!(tool(&[], "").unwrap_err(), USAGE);
        assert!(tool(&["--truncate-to-timestamp", "x", "f"], "").unwrap_err().contains("Invalid"));
        assert!(tool(&["/nowhere/x.manifest"], "").unwrap_err().contains("Cannot open"));
    }
}
