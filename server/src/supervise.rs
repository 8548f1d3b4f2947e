//! Running in the background, and under a supervisor.
#![allow(unsafe_code)]

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

use cairn_core::config::Config;
use cairn_core::config::table::server as params;

/// `supervised systemd`, of the values of that parameter.
const SYSTEMD: i64 = 2;
/// `supervised auto`.
const AUTO: i64 = 3;

/// Whether systemd is to be told of the server's state.
pub fn is_systemd(config: &Config) -> bool {
    match config.int(params::SUPERVISED) {
        SYSTEMD => true,
        AUTO => std::env::var_os("NOTIFY_SOCKET").is_some(),
        _ => false,
    }
}

/// Sends a state such as `READY=1` to systemd (sd_notify(3)), if it asked for that.
///
/// # Errors
/// When its socket does not take the message.
pub fn notify(config: &Config, state: &str) -> io::Result<()> {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET").filter(|_| is_systemd(config)) else {
        return Ok(());
    };
    let socket = UnixDatagram::unbound()?;
    let name = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
    let address = match name.strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            std::os::unix::net::SocketAddr::from_abstract_name(name)?
        }
        _ => std::os::unix::net::SocketAddr::from_pathname(&path)?,
    };
    socket.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

/// Goes on in a process of its own, without a terminal: forks twice, with a session in between,
/// so that it can never get one again. To be called while there is one thread.
///
/// # Errors
/// When the system gives no further process.
pub fn daemonize() -> io::Result<()> {
    fork_and_leave()?;
    // SAFETY: 1. setsid(2) takes nothing and touches no memory.
    if unsafe { libc::setsid() } < 0 {
        return Err(io::Error::last_os_error());
    }
    fork_and_leave()?;
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for standard in 0..=2 {
        // SAFETY: 2. dup2(2) on two descriptors, the first of which is open here.
        if unsafe { libc::dup2(null.as_raw_fd(), standard) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Forks, and ends the parent.
fn fork_and_leave() -> io::Result<()> {
    // SAFETY: 3. There is one thread, so that no lock is held by a thread the child lacks.
    match unsafe { libc::fork() } {
        ..0 => Err(io::Error::last_os_error()),
        0 => Ok(()),
        _ => std::process::exit(0),
    }
}
