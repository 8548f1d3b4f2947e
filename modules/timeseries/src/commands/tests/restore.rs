//! Series made anew by the commands that they are rebuilt with.

use cairn_core::value::Object;

use super::{Client, info};
use crate::value::TimeSeries;

/// The commands that make the series of a key anew.
fn commands(client: &mut Client, key: &str) -> Vec<Vec<Vec<u8>>> {
    let mut commands = Vec::new();
    let shard = cairn_core::keyspace::shard_of(key.as_bytes());
    client.engine.try_with(&client.worker, shard, |space| {
        let series = space.peek_object::<TimeSeries>(key.as_bytes()).unwrap().unwrap();
        let mut emit = |words: &[&[u8]]| {
            commands.push(words.iter().map(|word| word.to_vec()).collect());
        };
        series.rebuild(key.as_bytes(), &mut emit);
    });
    client.engine.end_turn(&client.worker);
    commands
}

#[test]
fn rebuilt_series_are_the_same() {
    let mut client = Client::new();
    client.check(
        "TS.CREATE a RETENTION 5000 CHUNK_SIZE 128 ENCODING UNCOMPRESSED DUPLICATE_POLICY sum IGNORE 1 0.5 LABELS x 1 y 2
         TS.CREATE d LABELS x 2
         TS.CREATERULE a d AGGREGATION avg 10 3
         TS.INCRBY inf inf TIMESTAMP 5 -> :5",
    );
    for i in 0..700 {
        client.check(&format!("TS.ADD a {i} {}.5 -> :{i}", i % 7));
    }
    let mut copy = Client::new();
    for key in ["a", "d", "inf"] {
        for words in commands(&mut client, key) {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            assert_eq!(copy.call(&words), "+OK");
        }
    }
    let reads = ["TS.RANGE a - +", "TS.RANGE d - + LATEST", "TS.QUERYINDEX x=1", "TS.GET inf"];
    for line in reads {
        assert_eq!(copy.run(line), client.run(line), "{line}");
    }
    for line in ["TS.INFO a", "TS.INFO d"] {
        assert_eq!(info(&mut copy, line), info(&mut client, line));
    }
    for line in ["TS.ADD a 700 1", "TS.ADD a 720 1", "TS.RANGE d - + LATEST"] {
        assert_eq!(copy.run(line), client.run(line), "{line}");
    }
}

#[test]
fn malformed_parts_are_refused() {
    Client::new().check(
        "TS.CREATE a
         TS._LOAD a 1 -> -ERR syntax error
         TS._LOAD a 1 zz -> -ERR syntax error
         TS._LOAD a -1 0000000000000000 -> -ERR syntax error
         TS._LINK a SOURCE -> -ERR wrong number of arguments for 'ts._link' command
         TS._LINK a RULE d avg -> -ERR syntax error
         TS._LINK a RULE d avg 0 0 -> -ERR TSDB: bucketDuration must be greater than zero
         TS._LOAD nokey 1 0000000000000000 -> -ERR TSDB: the key does not exist",
    );
}
