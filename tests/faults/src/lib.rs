//! A library that tests preload into a server (`LD_PRELOAD`): it stands between the server and the
//! system's file calls. The server itself has nothing of it.
//!
//! - It *notes* which bytes of which files were synced, and which names were created, renamed or
//!   deleted since their directory was, so that `cairn_tests::faults` can rebuild what a power cut
//!   would have left.
//! - It *fails* calls while a rule says so.
//!
//! `CAIRN_FAULTS` names the directory of its notes; what is watched is the directory that the
//! process starts in, and what is below. In the notes are `journal` (a line an event), a hard link
//! a file by its number (so that the contents outlive the name), and `rule`, which the test writes
//! and removes: `CALL ERRNO PART [NUMBER]`, where CALL is `write`, `sync`, `rename` or `open`, and
//! PART is in the names of the files that are meant, or, with `$` behind it, at their end. With a number, so many calls
//! succeed, one fails, and the rule is gone.
//!
//! Syncs are only noted, not done: the machine does not lose power, so they would only take time.
//! Instead they sleep for up to `CAIRN_FAULTS_DELAY` microseconds, as a disk would.
//!
//! The calls are those that Rust's library makes on Linux. Others (`pwrite`, `mmap` for writing,
//! `renameat`, …) would go unnoticed, and the server makes none of them on its data.

// Elsewhere the calls have other names, and the crate is empty.
#![cfg(target_os = "linux")]
// Functions of the C library can't be replaced without.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::CStr;
use std::fmt::Arguments;
use std::fs::{self, File, OpenOptions};
use std::io::{Error, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use libc::{c_char, c_int, c_uint, c_void, iovec, mode_t, off64_t, size_t, ssize_t};

/// Descriptors from this on are not watched.
const DESCRIPTORS: usize = 1 << 16;

/// The number of the file or directory behind each descriptor; 0 is none that is watched.
static OPEN: [AtomicU32; DESCRIPTORS] = [const { AtomicU32::new(0) }; DESCRIPTORS];

thread_local! {
    /// Whether this thread's calls are the library's own.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// What it knows.
struct Notes {
    /// Where they are kept.
    place: PathBuf,
    /// The directory that is watched.
    root: PathBuf,
    /// The longest sleep of a sync, in microseconds.
    delay: u64,
    state: Mutex<State>,
}

struct State {
    journal: File,
    /// Lines in the journal.
    lines: u64,
    /// The last number given to a file or directory.
    last: u32,
    /// The number of each name, relative to the root.
    numbers: HashMap<PathBuf, u32>,
    /// The name by which each number was met.
    names: HashMap<u32, PathBuf>,
}

/// The notes, and while this lives, calls of this thread are the library's own.
struct Inside(&'static Notes);

impl Inside {
    /// `None` when the call is the library's own, or nothing is watched.
    fn enter() -> Option<Self> {
        static NOTES: OnceLock<Option<Notes>> = OnceLock::new();
        if INSIDE.try_with(|inside| inside.replace(true)).unwrap_or(true) {
            return None;
        }
        match NOTES.get_or_init(Notes::begin) {
            Some(notes) => Some(Self(notes)),
            None => {
                INSIDE.with(|inside| inside.set(false));
                None
            }
        }
    }

    /// As [`Inside::enter`] for a path that is watched, with its name from the root.
    fn enter_path(path: *const c_char) -> Option<(Self, PathBuf)> {
        let inside = Self::enter()?;
        // SAFETY: the caller of the replaced function passes a C string, as that function asks.
        let path = unsafe { CStr::from_ptr(path) };
        let name = inside.0.name(Path::new(std::ffi::OsStr::from_bytes(path.to_bytes())))?;
        Some((inside, name))
    }

    /// As [`Inside::enter`] for a descriptor that is watched, with its number.
    fn enter_open(fd: c_int) -> Option<(Self, u32)> {
        let number = OPEN.get(usize::try_from(fd).ok()?)?.load(Ordering::Acquire);
        if number == 0 { None } else { Some((Self::enter()?, number)) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.with(|inside| inside.set(false));
    }
}

impl Notes {
    /// Begins them, if the environment says where. What is there already counts as synced, unless
    /// the notes of a process before say otherwise.
    fn begin() -> Option<Self> {
        let place = PathBuf::from(std::env::var_os("CAIRN_FAULTS")?);
        let delay = std::env::var("CAIRN_FAULTS_DELAY").ok().and_then(|d| d.parse().ok());
        let root = std::env::current_dir().ok()?;
        let journal = OpenOptions::new().append(true).create(true).open(place.join("journal"));
        let (numbers, names) = (HashMap::new(), HashMap::new());
        let state = State { journal: journal.ok()?, lines: 0, last: 0, numbers, names };
        let notes = Self { place, root, delay: delay.unwrap_or(0), state: Mutex::new(state) };
        let before = fs::read_to_string(notes.place.join("journal")).unwrap_or_default();
        match before.is_empty() {
            true => notes.walk(&mut notes.state(), Path::new("")),
            false => notes.state().resume(&before),
        }
        Some(notes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Notes what a directory holds at the start.
    fn walk(&self, state: &mut State, dir: &Path) {
        for entry in fs::read_dir(self.root.join(dir)).into_iter().flatten().flatten() {
            let name = dir.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                state.note(format_args!("mkdir {}", name.display()));
                self.walk(state, &name);
            } else if let Ok(metadata) = entry.metadata() {
                let number = self.meet(state, &name);
                state.note(format_args!("sync {number} {}", metadata.len()));
            }
        }
        let lines = state.lines;
        state.note(format_args!("syncdir {lines} {}", dir.display()));
    }

    /// Gives a new file its number, and keeps its contents.
    fn meet(&self, state: &mut State, name: &Path) -> u32 {
        let number = state.number(name);
        // Without the link there are no contents, and the rebuilt state lacks the file.
        let _ = fs::hard_link(self.root.join(name), self.place.join(number.to_string()));
        state.note(format_args!("file {number} {}", name.display()));
        number
    }

    /// The name of a path from the root; `None` when it is elsewhere.
    fn name(&self, path: &Path) -> Option<PathBuf> {
        let path = if path.is_absolute() { path.strip_prefix(&self.root).ok()? } else { path };
        let parts = path.components().filter(|part| *part != Component::CurDir);
        let mut name = PathBuf::new();
        for part in parts {
            let Component::Normal(part) = part else { return None };
            name.push(part);
        }
        Some(name)
    }

    /// The error that a rule has a call on a file fail with.
    fn fault(&self, state: &mut State, call: &str, name: &Path) -> Option<c_int> {
        let rule = fs::read_to_string(self.place.join("rule")).ok()?;
        let words: Vec<&str> = rule.split_whitespace().collect();
        let [which, errno, part, rest @ ..] = &words[..] else { return None };
        let name = name.to_string_lossy();
        let meant = match part.strip_suffix('$') {
            Some(end) => name.ends_with(end),
            None => name.contains(part),
        };
        if *which != call || !meant {
            return None;
        }
        if let [count] = rest
            && !self.is_last(count, &rule)
        {
            return None;
        }
        state.note(format_args!("fault {call} {name}"));
        errno.parse().ok()
    }

    /// Counts a call of a rule with a number, and says whether it is the one to fail.
    fn is_last(&self, count: &str, rule: &str) -> bool {
        let path = self.place.join("rule");
        let left = count.parse::<u64>().unwrap_or(0).checked_sub(1);
        // The test may take it away meanwhile.
        let _ = match left {
            None => fs::remove_file(path),
            Some(left) => fs::write(path, format!("{}{left}", rule.trim_end_matches(count))),
        };
        left.is_none()
    }

    /// Registers what was opened.
    fn opened(&self, state: &mut State, fd: c_int, name: &Path, truncated: bool) {
        let Some(slot) = usize::try_from(fd).ok().and_then(|fd| OPEN.get(fd)) else { return };
        let number = match state.numbers.get(name).copied() {
            Some(number) => {
                if truncated {
                    state.note(format_args!("trunc {number} 0"));
                }
                number
            }
            None if fs::metadata(self.root.join(name)).is_ok_and(|m| m.is_dir()) => {
                state.number(name)
            }
            None => self.meet(state, name),
        };
        slot.store(number, Ordering::Release);
    }

    /// A sync: notes how long the file was, or how far its directory's changes had come, at its
    /// beginning.
    fn sync(&self, fd: c_int, number: u32) -> c_int {
        let mut state = self.state();
        let name = state.names.get(&number).cloned().unwrap_or_default();
        let is_dir = fs::metadata(self.root.join(&name)).is_ok_and(|m| m.is_dir());
        let (lines, len) = (state.lines, length(fd));
        drop(state);
        if let Some(most) = self.delay.checked_add(1) {
            // Any number will do that varies.
            std::thread::sleep(Duration::from_micros(lines.wrapping_mul(0x9e37_79b9) % most));
        }
        state = self.state();
        if let Some(errno) = self.fault(&mut state, "sync", &name) {
            return fail(errno) as c_int;
        }
        match is_dir {
            true => state.note(format_args!("syncdir {lines} {}", name.display())),
            false => state.note(format_args!("sync {number} {len}")),
        }
        0
    }
}

impl State {
    /// Goes on where a process before ended.
    fn resume(&mut self, journal: &str) {
        for line in journal.lines() {
            self.lines += 1;
            match &line.split(' ').collect::<Vec<_>>()[..] {
                ["file", number, name] => {
                    let number = number.parse().unwrap_or(0);
                    self.last = self.last.max(number);
                    self.bind(Path::new(name), number);
                }
                ["rename", from, to] => {
                    if let Some(number) = self.numbers.remove(Path::new(from)) {
                        self.bind(Path::new(to), number);
                    }
                }
                ["unlink", name] => _ = self.numbers.remove(Path::new(name)),
                _ => {}
            }
        }
    }

    fn bind(&mut self, name: &Path, number: u32) {
        self.numbers.insert(name.to_path_buf(), number);
        self.names.insert(number, name.to_path_buf());
    }

    fn note(&mut self, line: Arguments<'_>) {
        // One call a line, so that a kill leaves whole lines. What can't be noted was not done.
        let _ = self.journal.write_all(format!("{line}\n").as_bytes());
        self.lines += 1;
    }

    fn number(&mut self, name: &Path) -> u32 {
        self.last += 1;
        self.bind(name, self.last);
        self.last
    }
}

/// How long an open file is.
fn length(fd: c_int) -> i64 {
    // SAFETY: zeroes are a valid `stat64`, which is only written to.
    unsafe {
        let mut stat: libc::stat64 = std::mem::zeroed();
        libc::fstat64(fd, &mut stat);
        stat.st_size
    }
}

/// Has a call fail.
fn fail(errno: c_int) -> ssize_t {
    // SAFETY: the C library's `errno` of this thread.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// Lets go of the notes without touching `errno`, which the caller is about to look at.
fn leave<T>(result: T, inside: Inside) -> T {
    let errno = Error::last_os_error().raw_os_error().unwrap_or(0);
    drop(inside);
    fail(errno);
    result
}

/// Replaces the C library's.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let real = || {
        let (at, mode) = (libc::AT_FDCWD, mode as c_uint);
        // SAFETY: the caller's arguments, as the system call takes them.
        unsafe { libc::syscall(libc::SYS_openat, at, path, flags, mode) as c_int }
    };
    let Some((inside, name)) = Inside::enter_path(path) else { return real() };
    let mut state = inside.0.state();
    if flags & libc::O_CREAT != 0
        && let Some(errno) = inside.0.fault(&mut state, "open", &name)
    {
        return fail(errno) as c_int;
    }
    let fd = real();
    if fd < 0 {
        drop(state);
        return leave(fd, inside);
    }
    inside.0.opened(&mut state, fd, &name, flags & libc::O_TRUNC != 0);
    fd
}

/// Replaces the C library's.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(fd: c_int) -> c_int {
    if let Some(slot) = usize::try_from(fd).ok().and_then(|fd| OPEN.get(fd)) {
        slot.store(0, Ordering::Release);
    }
    // SAFETY: the caller's argument, as the system call takes it.
    unsafe { libc::syscall(libc::SYS_close, fd) as c_int }
}

/// Replaces the C library's. A write that a rule has fail gets shorter and shorter before that, as
/// it may on a disk that fills up.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, count: size_t) -> ssize_t {
    let real = |count: size_t| {
        // SAFETY: the caller's arguments, as the system call takes them, or fewer bytes.
        unsafe { libc::syscall(libc::SYS_write, fd, bytes, count) as ssize_t }
    };
    let Some((inside, number)) = Inside::enter_open(fd) else { return real(count) };
    let mut state = inside.0.state();
    let name = state.names.get(&number).cloned().unwrap_or_default();
    let result = match inside.0.fault(&mut state, "write", &name) {
        None => real(count),
        Some(_) if count > 1 => real(count / 2),
        Some(errno) => fail(errno),
    };
    drop(state);
    leave(result, inside)
}

/// Replaces the C library's.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if let Some((inside, number)) = Inside::enter_open(fd) {
        let mut state = inside.0.state();
        let name = state.names.get(&number).cloned().unwrap_or_default();
        if let Some(errno) = inside.0.fault(&mut state, "write", &name) {
            return fail(errno);
        }
    }
    // SAFETY: the caller's arguments, as the system call takes them.
    unsafe { libc::syscall(libc::SYS_writev, fd, parts, count) as ssize_t }
}

/// Replaces the C library's.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    match Inside::enter_open(fd) {
        Some((inside, number)) => leave(inside.0.sync(fd, number), inside),
        // SAFETY: the caller's argument, as the system call takes it.
        None => unsafe { libc::syscall(libc::SYS_fsync, fd) as c_int },
    }
}

/// Replaces the C library's.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    match Inside::enter_open(fd) {
        Some((inside, number)) => leave(inside.0.sync(fd, number), inside),
        // SAFETY: the caller's argument, as the system call takes it.
        None => unsafe { libc::syscall(libc::SYS_fdatasync, fd) as c_int },
    }
}

/// Replaces the C library's.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, len: off64_t) -> c_int {
    // SAFETY: the caller's arguments, as the system call takes them.
    let real = || unsafe { libc::syscall(libc::SYS_ftruncate, fd, len) as c_int };
    let Some((inside, number)) = Inside::enter_open(fd) else { return real() };
    let mut state = inside.0.state();
    let result = real();
    if result == 0 {
        state.note(format_args!("trunc {number} {len}"));
    }
    drop(state);
    leave(result, inside)
}

/// Replaces the C library's.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let real = || {
        let at = libc::AT_FDCWD;
        // SAFETY: the caller's arguments, as the system call takes them.
        unsafe { libc::syscall(libc::SYS_renameat2, at, from, at, to, 0) as c_int }
    };
    let Some((inside, source)) = Inside::enter_path(from) else { return real() };
    // SAFETY: the caller of `rename` passes two C strings.
    let target = Path::new(std::ffi::OsStr::from_bytes(unsafe { CStr::from_ptr(to) }.to_bytes()));
    let Some(target) = inside.0.name(target) else { return real() };
    let mut state = inside.0.state();
    if let Some(errno) = inside.0.fault(&mut state, "rename", &target) {
        return fail(errno) as c_int;
    }
    let result = real();
    if result == 0 {
        state.note(format_args!("rename {} {}", source.display(), target.display()));
        if let Some(number) = state.numbers.remove(&source) {
            state.bind(&target, number);
        }
    }
    drop(state);
    leave(result, inside)
}

/// Replaces the C library's.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let real = || {
        // SAFETY: the caller's argument, as the system call takes it.
        unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) as c_int }
    };
    let Some((inside, name)) = Inside::enter_path(path) else { return real() };
    let mut state = inside.0.state();
    let result = real();
    if result == 0 {
        state.numbers.remove(&name);
        state.note(format_args!("unlink {}", name.display()));
    }
    drop(state);
    leave(result, inside)
}

/// Replaces the C library's.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    let real = || {
        let (at, mode) = (libc::AT_FDCWD, mode as c_uint);
        // SAFETY: the caller's arguments, as the system call takes them.
        unsafe { libc::syscall(libc::SYS_mkdirat, at, path, mode) as c_int }
    };
    let Some((inside, name)) = Inside::enter_path(path) else { return real() };
    let mut state = inside.0.state();
    let result = real();
    if result == 0 {
        state.note(format_args!("mkdir {}", name.display()));
    }
    drop(state);
    leave(result, inside)
}
