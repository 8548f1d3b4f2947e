//! The load generator: one thread, one epoll instance, many connections, no allocation a command.
//!
//! Closed loop: each connection sends `pipeline` commands, waits for their replies, sends the next
//! ones. Open loop: command `i` is due at `i / rate`, whatever the server does, and its latency
//! counts from that instant, so that a stall is charged to all commands it delays ("coordinated
//! omission", as Gil Tene calls it, does not happen).

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::histogram::Histogram;
use crate::resp::Scanner;
use crate::rng::Rng;
use crate::sys::{self, Epoll, Events, Interest};
use crate::workload::Workload;

/// Bytes read at once; more than a full pipeline of small replies.
const READ_BYTES: usize = 256 * 1024;
/// How long the loop sleeps at most, so that it sees its deadline.
const TICK: Duration = Duration::from_millis(10);
/// After this long without the replies that a finished phase still waits for, the server is hung.
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);

/// How commands are paced.
#[derive(Clone, Copy)]
pub enum Pace {
    /// Each connection keeps this many commands in flight.
    Closed {
        /// Commands a batch.
        pipeline: usize,
    },
    /// This many commands a second over all connections of the generator.
    Open {
        /// Commands a second.
        rate: f64,
    },
}

/// When a phase ends.
#[derive(Clone, Copy)]
pub enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After this many commands.
    Requests(u64),
}

/// What a phase measured.
#[derive(Default)]
pub struct Outcome {
    /// Commands answered.
    pub requests: u64,
    /// How many of them with an error.
    pub errors: u64,
    /// From the first command to the last reply.
    pub elapsed: Duration,
    /// Latency of every command, in nanoseconds.
    pub latency: Histogram,
    /// CPU time the generator itself used.
    pub cpu: Duration,
}

impl Outcome {
    /// Adds what a generator measured in the same phase on another thread.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.elapsed = self.elapsed.max(other.elapsed);
        self.latency.merge(&other.latency);
        self.cpu += other.cpu;
    }
}

struct Conn {
    stream: TcpStream,
    outbox: Vec<u8>,
    sent: usize,
    /// Start of a reply line whose end has not come yet.
    carry: Vec<u8>,
    scanner: Scanner,
    /// Batches in flight: when they were due (nanoseconds into the phase), and their commands.
    flight: VecDeque<(u64, u64)>,
    waits_to_write: bool,
}

/// Connections of one thread.
pub struct Generator {
    epoll: Epoll,
    events: Events,
    conns: Vec<Conn>,
    rng: Rng,
    sequence: u64,
    buffer: Vec<u8>,
}

/// The running state of one phase.
struct Phase<'a> {
    workload: &'a Workload,
    pace: Pace,
    until: Until,
    begun: Instant,
    /// Commands handed to connections.
    issued: u64,
    outcome: Outcome,
}

impl Phase<'_> {
    fn now(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    /// How many more commands may be issued, were `wanted` of them wished for at `now`.
    fn allowance(&self, now: u64, wanted: u64) -> u64 {
        match self.until {
            Until::Elapsed(limit) if u128::from(now) >= limit.as_nanos() => 0,
            Until::Elapsed(_) => wanted,
            Until::Requests(limit) => wanted.min(limit - self.issued),
        }
    }

    fn over(&self, now: u64) -> bool {
        self.allowance(now, 1) == 0 && self.outcome.requests == self.issued
    }
}

impl Generator {
    /// Opens `conns` connections to `addr`; `seed` fixes the keys it will draw.
    pub fn connect(addr: SocketAddr, conns: usize, seed: u64) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        let mut list = Vec::with_capacity(conns);
        for token in 0..conns {
            let stream = TcpStream::connect(addr)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll.add(stream.as_raw_fd(), token, Interest::Read)?;
            list.push(Conn {
                stream,
                outbox: Vec::new(),
                sent: 0,
                carry: Vec::new(),
                scanner: Scanner::default(),
                flight: VecDeque::new(),
                waits_to_write: false,
            });
        }
        let buffer = vec![0; READ_BYTES];
        let (events, rng) = (Events::new(conns.min(1024)), Rng::new(seed));
        Ok(Self { epoll, events, conns: list, rng, sequence: 0, buffer })
    }

    /// Runs `workload` until `until` and then until every reply is there.
    pub fn run(&mut self, workload: &Workload, pace: Pace, until: Until) -> io::Result<Outcome> {
        sys::exact_timers();
        let cpu = sys::thread_cpu();
        let (begun, outcome) = (Instant::now(), Outcome::default());
        let mut phase = Phase { workload, pace, until, begun, issued: 0, outcome };
        if let Pace::Closed { pipeline } = pace {
            for token in 0..self.conns.len() {
                self.issue(&mut phase, token, 0, pipeline as u64)?;
            }
        }
        self.turn_until_over(&mut phase)?;
        phase.outcome.elapsed = phase.begun.elapsed();
        phase.outcome.cpu = sys::thread_cpu().saturating_sub(cpu);
        Ok(phase.outcome)
    }

    fn turn_until_over(&mut self, phase: &mut Phase) -> io::Result<()> {
        let mut last_reply = (0, 0);
        loop {
            let now = phase.now();
            if phase.over(now) {
                return Ok(());
            }
            if phase.outcome.requests != last_reply.1 {
                last_reply = (now, phase.outcome.requests);
            } else if Duration::from_nanos(now - last_reply.0) > DRAIN_PATIENCE {
                return Err(ErrorKind::TimedOut.into());
            }
            let timeout = self.issue_due(phase, now)?;
            self.epoll.wait(&mut self.events, timeout)?;
            self.serve_events(phase)?;
        }
    }

    /// Open loop: issues what is due at `now`, spread over the connections; returns how long
    /// nothing more is due.
    fn issue_due(&mut self, phase: &mut Phase, now: u64) -> io::Result<Duration> {
        let Pace::Open { rate } = phase.pace else { return Ok(TICK) };
        let period = 1e9 / rate;
        loop {
            let due = (phase.issued as f64 * period) as u64;
            if phase.allowance(now.min(due), 1) == 0 {
                return Ok(TICK);
            }
            if due > now {
                return Ok(Duration::from_nanos(due - now).min(TICK));
            }
            let token = phase.issued as usize % self.conns.len();
            self.issue(phase, token, due, 1)?;
        }
    }

    /// Lets connection `token` send up to `wanted` commands that were due at `due`.
    fn issue(&mut self, phase: &mut Phase, token: usize, due: u64, wanted: u64) -> io::Result<()> {
        let count = phase.allowance(due, wanted);
        if count == 0 {
            return Ok(());
        }
        let conn = &mut self.conns[token];
        for _ in 0..count {
            phase.workload.next(&mut conn.outbox, &mut self.rng, &mut self.sequence);
        }
        conn.flight.push_back((due, count));
        phase.issued += count;
        self.flush(token)
    }

    fn serve_events(&mut self, phase: &mut Phase) -> io::Result<()> {
        for index in 0..self.events.len() {
            let (token, writable) = self.events.get(index);
            if writable {
                self.flush(token)?;
            }
            self.receive(phase, token)?;
        }
        Ok(())
    }

    fn receive(&mut self, phase: &mut Phase, token: usize) -> io::Result<()> {
        let conn = &mut self.conns[token];
        let kept = conn.carry.len();
        self.buffer[..kept].copy_from_slice(&conn.carry);
        let read = match conn.stream.read(&mut self.buffer[kept..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let bytes = &self.buffer[..kept + read];
        let found = conn.scanner.scan(bytes)?;
        conn.carry.clear();
        conn.carry.extend_from_slice(&bytes[found.consumed..]);
        if conn.carry.len() > READ_BYTES / 2 {
            return Err(io::Error::new(ErrorKind::InvalidData, "endless reply line"));
        }
        let now = phase.now();
        phase.outcome.errors += found.errors;
        phase.outcome.requests += found.replies;
        conn.settle(found.replies, now, &mut phase.outcome.latency)?;
        match phase.pace {
            Pace::Closed { pipeline } if conn.flight.is_empty() => {
                self.issue(phase, token, now, pipeline as u64)
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self, token: usize) -> io::Result<()> {
        let conn = &mut self.conns[token];
        let done = conn.write()?;
        if conn.waits_to_write == done {
            conn.waits_to_write = !done;
            let interest = if done { Interest::Read } else { Interest::ReadWrite };
            self.epoll.modify(conn.stream.as_raw_fd(), token, interest)?;
        }
        Ok(())
    }
}

impl Conn {
    /// Writes what the socket takes; true once nothing is left.
    fn write(&mut self) -> io::Result<bool> {
        while self.sent < self.outbox.len() {
            match self.stream.write(&self.outbox[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.outbox.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Takes `replies` from the batches in flight, oldest first, and records their latencies.
    fn settle(&mut self, mut replies: u64, now: u64, latency: &mut Histogram) -> io::Result<()> {
        while replies > 0 {
            let Some((due, count)) = self.flight.front_mut() else {
                return Err(io::Error::new(ErrorKind::InvalidData, "a reply to no command"));
            };
            let taken = replies.min(*count);
            latency.record(now.saturating_sub(*due), taken);
            replies -= taken;
            *count -= taken;
            if *count == 0 {
                self.flight.pop_front();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp;
    use std::net::TcpListener;
    use std::thread;

    /// A server that answers each command with `+OK`, or an error to PING.
    fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer(stream));
            }
        });
        addr
    }

    fn answer(mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let (mut inbox, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = stream.read(&mut chunk) {
            inbox.extend_from_slice(&chunk[..read]);
            while let Some((command, used)) = resp::parse(&inbox).unwrap() {
                inbox.drain(..used);
                let ping = command.items()[0].text() == "PING";
                stream.write_all(if ping { b"-ERR no\r\n" } else { b"+OK\r\n" }).unwrap();
            }
        }
    }

    fn measure(workload: &str, pace: Pace, until: Until) -> Outcome {
        let workload = Workload::parse(workload, 10, 5).unwrap();
        Generator::connect(server(), 3, 1).unwrap().run(&workload, pace, until).unwrap()
    }

    #[test]
    fn closed_loop_sends_exactly_what_is_asked() {
        let outcome = measure("set", Pace::Closed { pipeline: 7 }, Until::Requests(1000));
        assert_eq!((outcome.requests, outcome.errors), (1000, 0));
        assert!(outcome.latency.max() > 0);
    }

    #[test]
    fn errors_are_counted() {
        let outcome = measure("ping", Pace::Closed { pipeline: 1 }, Until::Requests(10));
        assert_eq!((outcome.requests, outcome.errors), (10, 10));
    }

    #[test]
    fn open_loop_is_never_ahead_of_its_schedule() {
        let outcome = measure("set", Pace::Open { rate: 5000.0 }, Until::Requests(500));
        assert_eq!(outcome.requests, 500);
        // The last of them was due after 499 periods of 200 µs.
        assert!(outcome.elapsed >= Duration::from_micros(499 * 200));
    }

    #[test]
    fn a_lost_connection_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut generator = Generator::connect(listener.local_addr().unwrap(), 1, 1).unwrap();
        drop(listener.accept().unwrap());
        let workload = Workload::parse("set", 10, 5).unwrap();
        let pace = Pace::Closed { pipeline: 1 };
        assert!(generator.run(&workload, pace, Until::Requests(10)).is_err());
    }
}
