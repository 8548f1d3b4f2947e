//! What is left in the log when a signal kills the process: which signal, and where every frame of
//! the thread stood. Panics are no part of this: they are caught.
//!
//! The handler takes no lock and no memory: it writes with write(2) to the log's descriptor or to a
//! name that was put aside. Afterwards the signal does what it does without a handler.
#![allow(unsafe_code)]

use std::ffi::{CString, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The signals that are reported.
const SIGNALS: [c_int; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];

/// Frames that are reported at most.
const FRAMES_MAX: usize = 100;

/// The log's name with a zero byte behind it; null is standard output.
static LOG_FILE: AtomicPtr<libc::c_char> = AtomicPtr::new(null_mut());

/// Has crashes reported from now on, or no more.
pub fn report(report: bool) {
    let mut first = [null_mut::<c_void>(); 1];
    // SAFETY: 1. backtrace(3) fills at most as many pointers as it is told the array has. Its first
    // call loads a library, which must not happen in the handler.
    unsafe { libc::backtrace(first.as_mut_ptr(), 1) };
    for signal in SIGNALS {
        // SAFETY: 2. A zeroed sigaction is that of no handler and no flags, and both pointers are to
        // values that live longer than the calls. The handler does only what a handler may.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            if report {
                action.sa_sigaction = handle as extern "C" fn(c_int) as usize;
                action.sa_flags = libc::SA_RESETHAND | libc::SA_ONSTACK;
            }
            libc::sigemptyset(&mut action.sa_mask);
            libc::sigaction(signal, &action, null_mut());
        }
    }
}

/// Has reports written to this file; `None` is standard output.
pub fn write_to(file: Option<&Path>) {
    let absolute = file.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.into()));
    let name = absolute.and_then(|path| CString::new(path.as_os_str().as_bytes()).ok());
    // The name before is left where it is: a handler may be reading it.
    LOG_FILE.store(name.map_or(null_mut(), CString::into_raw), Ordering::SeqCst);
}

/// Crashes the process: DEBUG SEGFAULT.
pub fn crash() {
    // SAFETY: 3. raise(3) takes a number.
    unsafe { libc::raise(libc::SIGSEGV) };
}

extern "C" fn handle(signal: c_int) {
    let log = open_log();
    write(log, b"\n\n=== CAIRN BUG REPORT START: Cut & paste starting from here ===\n");
    write(log, concat!("Cairn ", env!("CARGO_PKG_VERSION"), " crashed by signal: ").as_bytes());
    write_number(log, signal.unsigned_abs());
    write(log, b"\n\n------ STACK TRACE ------\n");
    let mut frames = [null_mut::<c_void>(); FRAMES_MAX];
    // SAFETY: 4. As 1; backtrace_symbols_fd(3) reads as many pointers as the first call has filled,
    // and takes no memory.
    unsafe {
        let count = libc::backtrace(frames.as_mut_ptr(), FRAMES_MAX as c_int);
        libc::backtrace_symbols_fd(frames.as_ptr(), count, log);
    }
    write(log, b"\n=== CAIRN BUG REPORT END ===\n");
    // SAFETY: 5. raise(3) takes a number. The handler is not set any more (SA_RESETHAND), so that
    // the process ends as soon as this one returns.
    unsafe { libc::raise(signal) };
}

fn open_log() -> c_int {
    let name = LOG_FILE.load(Ordering::SeqCst).cast_const();
    if name.is_null() {
        return libc::STDOUT_FILENO;
    }
    // SAFETY: 6. The name ends with a zero byte and is never given back.
    let file = unsafe { libc::open(name, libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT, 0o644) };
    if file < 0 { libc::STDOUT_FILENO } else { file }
}

fn write(log: c_int, bytes: &[u8]) {
    // SAFETY: 7. The bytes are there for as long as the call takes. Nobody can be told of a failure.
    let _ = unsafe { libc::write(log, bytes.as_ptr().cast(), bytes.len()) };
}

fn write_number(log: c_int, number: u32) {
    let mut digits = itoa::Buffer::new();
    write(log, digits.format(number).as_bytes());
}
