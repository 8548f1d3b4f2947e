//! Random commands over several connections against a naive model. Each connection owns keys, so
//! that their answers are known; transactions and pipelines of them are answered as they are one
//! by one, and all connections share keys that nobody changes.

use cairn_tests::client::{Client, encode};
use cairn_tests::model::{Model, command, sorted};
use cairn_tests::reply::Reply;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::{full, server};

const CONNECTIONS: u64 = 8;

/// Keys that all read and nobody changes.
const SHARED: usize = 100;

/// Commands of each connection.
fn commands() -> usize {
    if full() { 150_000 } else { 5_000 }
}

#[test]
fn replies_are_what_the_model_says() {
    let server = server(&[]);
    let mut client = server.connect();
    for n in 0..SHARED {
        assert_eq!(client.run(&format!("SET shared:{n} {n}")), "+OK");
    }
    std::thread::scope(|scope| {
        for number in 0..CONNECTIONS {
            let client = server.connect();
            scope.spawn(move || Owner::new(number, client).work());
        }
    });
}

/// A connection with keys of its own.
struct Owner {
    random: StdRng,
    client: Client,
    model: Model,
    prefix: String,
}

impl Owner {
    fn new(number: u64, client: Client) -> Self {
        let (random, model) = (StdRng::seed_from_u64(number), Model::default());
        Self { random, client, model, prefix: format!("own{number}") }
    }

    fn work(mut self) {
        let mut left = commands();
        while left > 0 {
            let batch: Vec<_> = (0..self.random.random_range(1..20))
                .map(|_| command(&mut self.random, &self.prefix))
                .collect();
            left = left.saturating_sub(batch.len());
            match self.random.random_range(0..4) {
                0 => self.transaction(&batch),
                _ => self.pipeline(&batch),
            }
            self.read_shared();
        }
    }

    fn pipeline(&mut self, batch: &[Vec<Vec<u8>>]) {
        self.client.send_raw(&batch.iter().flat_map(|c| encode(c)).collect::<Vec<u8>>());
        for command in batch {
            let reply = self.client.read();
            self.compare(command, reply);
        }
    }

    fn transaction(&mut self, batch: &[Vec<Vec<u8>>]) {
        assert_eq!(self.client.run("MULTI"), "+OK");
        for command in batch {
            assert_eq!(self.client.call(command).to_string(), "+QUEUED");
        }
        let replies = self.client.call(&["EXEC"]);
        assert_eq!(replies.items().len(), batch.len(), "{replies}");
        for (command, reply) in batch.iter().zip(replies.items()) {
            self.compare(command, reply.clone());
        }
    }

    fn compare(&mut self, command: &[Vec<u8>], reply: Reply) {
        let expected = self.model.run(command);
        let words: Vec<String> = command.iter().map(|w| w.escape_ascii().to_string()).collect();
        assert_eq!(sorted(command, reply).to_string(), expected.to_string(), "{words:?}");
    }

    fn read_shared(&mut self) {
        let n = self.random.random_range(0..SHARED);
        assert_eq!(self.client.run(&format!("GET shared:{n}")), format!("\"{n}\""));
    }
}
