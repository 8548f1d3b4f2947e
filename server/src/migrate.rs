//! Sending keys to another server: the connection, what goes over it, and the connections that are
//! kept for the next time. Which keys, and what becomes of them here, is
//! [`crate::commands`]' business.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use cairn_core::CmdError;

/// Connections that are kept at most.
const IDLE_MAX: usize = 64;

/// How long a connection is kept without being used.
const IDLE_TIME: Duration = Duration::from_secs(10);

/// Bytes of a reply's line at most.
const LINE_MAX: u64 = 64 * 1024;

/// Bytes that are sent before their replies are read: a target that does not read on while nobody
/// reads its replies must not be waited for.
const BATCH_BYTES: usize = 1 << 20;

/// Keys that are sent before their replies are read.
const BATCH_KEYS: usize = 1024;

/// Another server, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The words after AUTH: a password, or a user and a password.
    pub login: Vec<Vec<u8>>,
}

/// A key to be sent.
pub struct Parcel {
    /// Its name.
    pub key: Vec<u8>,
    /// Milliseconds until it expires; 0 if it does not.
    pub ttl: i64,
    /// What DUMP would answer.
    pub payload: Vec<u8>,
}

/// What is to be done.
pub struct Transfer {
    /// Where to.
    pub target: Target,
    /// The database there.
    pub db: i64,
    /// Whether keys there are replaced.
    pub replace: bool,
    /// How long the target may take for each step.
    pub timeout: Duration,
    /// The keys.
    pub parcels: Vec<Parcel>,
}

/// How a transfer went.
#[derive(Debug)]
pub struct Outcome {
    /// Whether the target has taken each of the keys.
    pub taken: Vec<bool>,
    /// The first thing that went wrong.
    pub error: Option<CmdError>,
}

/// Connections that are kept.
#[derive(Default)]
pub struct Links {
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    target: Target,
    link: Link,
    since: Instant,
}

impl Links {
    /// How many there are.
    pub fn idle(&self) -> usize {
        self.all().len()
    }

    /// Closes those that were not used for a while.
    pub fn sweep(&self) {
        self.all().retain(|idle| idle.since.elapsed() < IDLE_TIME);
    }

    fn take(&self, target: &Target) -> Option<Link> {
        let mut all = self.all();
        let at = all.iter().position(|idle| idle.target == *target)?;
        Some(all.swap_remove(at).link)
    }

    fn keep(&self, target: Target, link: Link) {
        let mut all = self.all();
        if all.len() < IDLE_MAX {
            all.push(Idle { target, link, since: Instant::now() });
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Sends the keys and waits for the target's answers.
    pub fn send(&self, transfer: &Transfer) -> Outcome {
        let mut outcome = Outcome { taken: vec![false; transfer.parcels.len()], error: None };
        if let Some(link) = self.take(&transfer.target) {
            match self.send_over(link, transfer, &mut outcome) {
                // The target may have closed it long ago; nothing was answered over it.
                Err(Broken { answered: false, timed_out: false, .. }) => {}
                result => return outcome.with(result),
            }
        }
        let result = match Link::open(&transfer.target, transfer.timeout) {
            Ok(link) => self.send_over(link, transfer, &mut outcome),
            Err(_) => {
                let text = "IOERR error or timeout connecting to the client";
                outcome.error = Some(CmdError::fixed(text));
                return outcome;
            }
        };
        outcome.with(result)
    }

    /// Sends over a connection, which is kept if the target refused nothing.
    fn send_over(
        &self,
        mut link: Link,
        transfer: &Transfer,
        outcome: &mut Outcome,
    ) -> Result<(), Broken> {
        let mut answered = false;
        link.exchange(transfer, outcome, &mut answered)
            .map_err(|failure| Broken { answered, ..failure })?;
        if outcome.error.is_none() {
            self.keep(transfer.target.clone(), link);
        }
        Ok(())
    }
}

impl Outcome {
    fn with(mut self, result: Result<(), Broken>) -> Self {
        if let (Err(broken), None) = (result, &self.error) {
            let doing = if broken.writing { "writing" } else { "reading" };
            let text = format!("IOERR error or timeout {doing} to target instance");
            self.error = Some(CmdError::new(text));
        }
        self
    }

    /// Takes note of an answer; true if it is a refusal.
    fn note(&mut self, answer: &[u8]) -> bool {
        let Some(refusal) = answer.strip_prefix(b"-") else { return false };
        self.error.get_or_insert_with(|| {
            let text = String::from_utf8_lossy(refusal);
            CmdError::new(format!("ERR Target instance replied with error: {text}"))
        });
        true
    }
}

/// A connection failed.
struct Broken {
    writing: bool,
    timed_out: bool,
    /// Whether the target had answered anything.
    answered: bool,
}

impl Broken {
    fn new(error: &io::Error, writing: bool) -> Self {
        let timed_out = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        Self { writing, timed_out, answered: false }
    }
}

/// A connection to another server.
struct Link {
    stream: BufReader<TcpStream>,
}

impl Link {
    fn open(target: &Target, timeout: Duration) -> io::Result<Self> {
        let mut last = io::ErrorKind::AddrNotAvailable.into();
        for address in (target.host.as_str(), target.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Self { stream: BufReader::new(stream) });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends everything in batches and notes the answers.
    fn exchange(
        &mut self,
        transfer: &Transfer,
        outcome: &mut Outcome,
        answered: &mut bool,
    ) -> Result<(), Broken> {
        let stream = self.stream.get_ref();
        let timeout = Some(transfer.timeout);
        let limited = stream.set_read_timeout(timeout).and(stream.set_write_timeout(timeout));
        limited.map_err(|e| Broken::new(&e, true))?;
        let (mut bytes, mut opening) = transfer.opening();
        let mut next = 0;
        let mut refused = false;
        while next < transfer.parcels.len() && !refused {
            let from = next;
            next = transfer.batch(from, &mut bytes);
            self.stream.get_mut().write_all(&bytes).map_err(|e| Broken::new(&e, true))?;
            bytes.clear();
            for _ in 0..std::mem::take(&mut opening) {
                refused |= outcome.note(&self.answer(answered)?);
            }
            for at in from..next {
                // Without login or database it means nothing that the target took a key.
                let took = !outcome.note(&self.answer(answered)?) && !refused;
                outcome.taken[at] = took;
            }
        }
        Ok(())
    }

    /// The next answer: a status or an error, without its end of line.
    fn answer(&mut self, answered: &mut bool) -> Result<Vec<u8>, Broken> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(LINE_MAX).read_until(b'\n', &mut line);
        read.map_err(|e| Broken::new(&e, false))?;
        let whole =
            line.strip_suffix(b"\r\n").filter(|line| matches!(line.first(), Some(b'+' | b'-')));
        let Some(answer) = whole else {
            return Err(Broken::new(&io::ErrorKind::UnexpectedEof.into(), false));
        };
        *answered = true;
        Ok(answer.to_vec())
    }
}

impl Transfer {
    /// What is sent before the keys, and how many answers there will be to it.
    fn opening(&self) -> (Vec<u8>, usize) {
        let mut bytes = Vec::new();
        let login = &self.target.login;
        if !login.is_empty() {
            let words = std::iter::once(&b"AUTH"[..]).chain(login.iter().map(Vec::as_slice));
            request(&words.collect::<Vec<_>>(), &mut bytes);
        }
        request(&[b"SELECT", self.db.to_string().as_bytes()], &mut bytes);
        (bytes, 1 + usize::from(!login.is_empty()))
    }

    /// Appends the keys from `from` on that are sent together, and returns which comes next.
    fn batch(&self, from: usize, bytes: &mut Vec<u8>) -> usize {
        let mut next = from;
        while let Some(parcel) = self.parcels.get(next)
            && (next == from || bytes.len() < BATCH_BYTES)
            && next - from < BATCH_KEYS
        {
            self.add(parcel, bytes);
            next += 1;
        }
        next
    }

    fn add(&self, parcel: &Parcel, bytes: &mut Vec<u8>) {
        let ttl = parcel.ttl.to_string();
        let words = [&b"RESTORE"[..], &parcel.key, ttl.as_bytes(), &parcel.payload, b"REPLACE"];
        request(&words[..if self.replace { 5 } else { 4 }], bytes);
    }
}

/// Appends a request in RESP.
fn request(words: &[&[u8]], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer(sizes: impl Iterator<Item = usize>) -> Transfer {
        let parcel = |size| Parcel { key: b"k".to_vec(), ttl: 0, payload: vec![0; size] };
        Transfer {
            target: Target { host: "h".into(), port: 1, login: vec![b"user".into(), b"pw".into()] },
            db: 3,
            replace: true,
            timeout: Duration::from_millis(1),
            parcels: sizes.map(parcel).collect(),
        }
    }

    #[test]
    fn batches_are_bounded() {
        let many = transfer(std::iter::repeat_n(1, 2 * BATCH_KEYS + 5));
        let next = |from| many.batch(from, &mut Vec::new());
        assert_eq!((next(0), next(BATCH_KEYS)), (BATCH_KEYS, 2 * BATCH_KEYS));
        assert_eq!(next(2 * BATCH_KEYS), 2 * BATCH_KEYS + 5);
        let large = transfer([1, BATCH_BYTES, 2 * BATCH_BYTES, 1].into_iter());
        let mut ends = vec![0];
        while let Some(&from) = ends.last().filter(|from| **from < 4) {
            ends.push(large.batch(from, &mut Vec::new()));
        }
        assert_eq!(ends, [0, 2, 3, 4], "a large value goes alone");
    }

    #[test]
    fn what_is_sent() {
        let transfer = transfer([2].into_iter());
        let (mut bytes, answers) = transfer.opening();
        assert_eq!(answers, 2);
        transfer.batch(0, &mut bytes);
        let expected = "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n\
             *5\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$2\r\n\0\0\r\n$7\r\nREPLACE\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn the_first_refusal_is_told() {
        let mut outcome = Outcome { taken: Vec::new(), error: None };
        assert!(!outcome.note(b"+OK"));
        assert!(outcome.note(b"-BUSYKEY there") && outcome.note(b"-OOM later"));
        let text = outcome.error.expect("a refusal").text().to_owned();
        assert_eq!(text, "ERR Target instance replied with error: BUSYKEY there");
    }
}
