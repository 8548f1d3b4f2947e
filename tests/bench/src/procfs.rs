//! What `/proc` tells about a server: its pid by its port, resident memory, threads to pin.

use std::fs;
use std::io;
use std::net::SocketAddr;

use crate::sys;

/// State of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The process that listens on `addr`'s port on this machine, if we may look into it.
pub fn listener(addr: SocketAddr) -> Option<i32> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|table| table.lines().find_map(|line| listening_inode(line, addr.port())))?;
    let link = format!("socket:[{inode}]");
    pids().find(|pid| holds(*pid, &link))
}

/// The inode in a line of `/proc/net/tcp` if it describes a listener on `port`.
fn listening_inode(line: &str, port: u16) -> Option<u64> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (_, hex) = local.rsplit_once(':')?;
    let matches = *state == LISTEN && u16::from_str_radix(hex, 16) == Ok(port);
    if matches { inode.parse().ok() } else { None }
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn holds(pid: i32, link: &str) -> bool {
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    fds.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|target| target.as_os_str() == link)
}

/// Resident bytes of process `pid`.
pub fn resident(pid: i32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.map(|kb| kb * 1024).ok_or_else(|| io::Error::other("no VmRSS"))
}

/// Lets all threads of process `pid` run on processor `cpu` only; threads it starts later inherit
/// that from the thread that starts them.
pub fn pin_all(pid: i32, cpu: usize) -> io::Result<()> {
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        if let Some(tid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            sys::pin(tid, cpu)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn finds_its_own_listener() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        assert_eq!(listener(addr), Some(std::process::id() as i32));
        drop(socket);
        assert_eq!(listener(addr), None);
    }

    #[test]
    fn knows_its_own_memory() {
        assert!(resident(std::process::id() as i32).unwrap() > 100_000);
    }
}
