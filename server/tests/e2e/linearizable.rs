//! Histories of connections that use a few hot keys at the same time are linearizable: single
//! commands, transactions over two keys, and optimistic ones with WATCH.

use std::time::Instant;

use cairn_tests::client::{Client, encode};
use cairn_tests::linear::{History, Timed};
use cairn_tests::registers::{Act, Op, check};
use cairn_tests::reply::Reply;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::{full, server};

const CONNECTIONS: usize = 8;

/// Keys in a round; a transaction joins an even one with the odd one behind it.
const KEYS: usize = 6;

/// Operations of each connection in a round, and how many rounds, each with new keys.
fn size() -> (usize, usize) {
    if full() { (10_000, 14) } else { (2_500, 3) }
}

#[test]
fn what_connections_see_fits_one_order() {
    let server = server(&[]);
    let (operations, rounds) = size();
    let mut checked = 0;
    for round in 0..rounds {
        let clock = Instant::now();
        let history: History<Op> = std::thread::scope(|scope| {
            let process = |number: usize| {
                let mut process = Process::new(server.connect(), round, number, clock);
                scope.spawn(move || process.work(operations))
            };
            let all: Vec<_> = (0..CONNECTIONS).map(process).collect();
            all.into_iter().map(|t| t.join().expect("no connection fails")).collect()
        });
        checked += history.iter().map(Vec::len).sum::<usize>();
        if let Err(violation) = check(&history) {
            panic!("round {round}: not linearizable: {}", violation.text);
        }
    }
    assert!(checked >= rounds * operations * CONNECTIONS);
    eprintln!("{checked} operations are linearizable");
}

/// A connection that records what it does.
struct Process {
    client: Client,
    random: StdRng,
    round: usize,
    clock: Instant,
    /// What it writes next: no value is written twice in a round, and INCR reaches none of them.
    value: i64,
    history: Vec<Timed<Op>>,
}

/// What a request will have done once its reply is known.
enum Request {
    Get(usize),
    Set(usize, i64),
    Incr(usize),
    /// A transaction over a pair of keys.
    Both(Vec<Request>),
}

impl Process {
    fn new(client: Client, round: usize, number: usize, clock: Instant) -> Self {
        let random = StdRng::seed_from_u64((round * 1000 + number) as u64);
        let value = 1_000_000_000_000 * (number as i64 + 1);
        Self { client, random, round, clock, value, history: Vec::new() }
    }

    fn work(&mut self, operations: usize) -> Vec<Timed<Op>> {
        while self.history.len() < operations {
            match self.random.random_range(0..20) {
                0 => self.optimistic(),
                _ => self.pipeline(),
            }
        }
        std::mem::take(&mut self.history)
    }

    fn now(&self) -> u64 {
        self.clock.elapsed().as_nanos() as u64
    }

    fn key(&self, key: usize) -> String {
        format!("{}:{key}", self.round)
    }

    fn single(&mut self, key: usize) -> Request {
        match self.random.random_range(0..10) {
            0..5 => Request::Get(key),
            5..7 => {
                self.value += 1_000_000;
                Request::Set(key, self.value)
            }
            _ => Request::Incr(key),
        }
    }

    fn request(&mut self) -> Request {
        let key = self.random.random_range(0..KEYS);
        if self.random.random_bool(0.7) {
            return self.single(key);
        }
        let first = self.single(key);
        Request::Both(vec![first, self.single(key ^ 1)])
    }

    /// Some requests at once. Each was called when the first was sent, and has ended when its own
    /// reply is here.
    fn pipeline(&mut self) {
        let depth = self.random.random_range(1..6);
        let requests: Vec<Request> = (0..depth).map(|_| self.request()).collect();
        let bytes: Vec<u8> = requests.iter().flat_map(|r| self.encode(r)).collect();
        let call = self.now();
        self.client.send_raw(&bytes);
        for request in &requests {
            let op = self.receive(request);
            self.history.push(Timed { call, end: self.now(), op });
        }
    }

    fn encode(&self, request: &Request) -> Vec<u8> {
        match request {
            Request::Get(key) => encode(&["GET", &self.key(*key)]),
            Request::Set(key, value) => encode(&["SET", &self.key(*key), &value.to_string()]),
            Request::Incr(key) => encode(&["INCR", &self.key(*key)]),
            Request::Both(parts) => {
                let parts = parts.iter().flat_map(|part| self.encode(part));
                encode(&["MULTI"]).into_iter().chain(parts).chain(encode(&["EXEC"])).collect()
            }
        }
    }

    fn receive(&mut self, request: &Request) -> Op {
        let Request::Both(parts) = request else {
            return vec![done(request, &self.client.read())];
        };
        assert_eq!(self.client.shown(), "+OK");
        parts.iter().for_each(|_| assert_eq!(self.client.shown(), "+QUEUED"));
        let replies = self.client.read();
        assert_eq!(replies.items().len(), parts.len(), "{replies}");
        parts.iter().zip(replies.items()).map(|(part, reply)| done(part, reply)).collect()
    }

    /// WATCH, GET, and a SET that happens only if nobody interfered: then both are one moment's.
    fn optimistic(&mut self) {
        let key = self.random.random_range(0..KEYS);
        let name = self.key(key);
        let call = self.now();
        assert_eq!(self.client.call(&["WATCH", &name]).to_string(), "+OK");
        let seen = done(&Request::Get(key), &self.client.call(&["GET", &name]));
        let read = self.now();
        self.value += 1_000_000;
        let set = Request::Set(key, self.value);
        let multi = [encode(&["MULTI"]), self.encode(&set), encode(&["EXEC"])].concat();
        self.client.send_raw(&multi);
        assert_eq!([self.client.shown(), self.client.shown()], ["+OK", "+QUEUED"]);
        let reply = self.client.read();
        let (end, op) = match reply.items() {
            [reply] => (self.now(), vec![seen, done(&set, reply)]),
            _ => (read, vec![seen]),
        };
        self.history.push(Timed { call, end, op });
    }
}

fn done(request: &Request, reply: &Reply) -> (usize, Act) {
    match (request, reply) {
        (Request::Get(key), Reply::Null) => (*key, Act::Get(None)),
        (Request::Get(key), Reply::Bulk(_)) => {
            (*key, Act::Get(Some(reply.text().parse().expect("a number"))))
        }
        (Request::Set(key, value), Reply::Simple(_)) => (*key, Act::Set(*value)),
        (Request::Incr(key), Reply::Int(n)) => (*key, Act::Incr(*n)),
        (_, reply) => panic!("an unexpected reply: {reply}"),
    }
}
