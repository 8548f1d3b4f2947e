//! Compaction rules over keys of any shard.

use super::{Client, info};

#[test]
fn rules_are_made_and_end() {
    Client::new().check(
        "TS.CREATE a
         TS.CREATE d
         TS.CREATE n
         SET s 1
         TS.CREATERULE a d AGGREGATION avg 10
         TS.CREATERULE a d AGGREGATION avg 10 -> -ERR TSDB: the destination key already has a src rule
         TS.CREATERULE a a AGGREGATION avg 10 -> -ERR TSDB: the source key and destination key should be different
         TS.CREATERULE d a AGGREGATION avg 10 -> -ERR TSDB: the source key already has a source rule
         TS.CREATERULE d n AGGREGATION avg 10 -> -ERR TSDB: the source key already has a source rule
         TS.CREATERULE d nokey AGGREGATION avg 10 -> -ERR TSDB: the source key already has a source rule
         TS.CREATERULE n a AGGREGATION avg 10 -> -ERR TSDB: the destination key already has a dst rule
         TS.CREATERULE n nokey AGGREGATION avg 10 -> -ERR TSDB: the key does not exist
         TS.CREATERULE nokey n AGGREGATION avg 10 -> -ERR TSDB: the key does not exist
         TS.CREATERULE a s AGGREGATION avg 10 -> -WRONGTYPE Operation against a key holding the wrong kind of value
         TS.CREATERULE s a AGGREGATION avg 10 -> -WRONGTYPE Operation against a key holding the wrong kind of value
         TS.CREATERULE a -> -ERR wrong number of arguments for 'ts.createrule' command
         TS.CREATERULE a b foo avg 10 -> -ERR wrong number of arguments for 'ts.createrule' command
         TS.CREATERULE a n AGGREGATION foo 10 -> -ERR TSDB: Unknown aggregation type
         TS.CREATERULE a n AGGREGATION avg 10 5
         TS.CREATERULE a n AGGREGATION avg 10 x -> -ERR TSDB: Couldn't parse alignTimestamp
         TS.DELETERULE a d
         TS.DELETERULE a d -> -ERR TSDB: compaction rule does not exist
         TS.DELETERULE nokey d -> -ERR TSDB: the key does not exist
         TS.DELETERULE a nokey -> -ERR TSDB: compaction rule does not exist
         TS.DELETERULE a -> -ERR wrong number of arguments for 'ts.deleterule' command
         TS.DELETERULE d a -> -ERR TSDB: compaction rule does not exist",
    );
}

#[test]
fn samples_reach_the_destination() {
    let mut client = Client::new();
    client.check(
        "TS.CREATE a LABELS x 1
         TS.CREATE d LABELS x 2
         TS.CREATERULE a d AGGREGATION sum 10",
    );
    assert_eq!(client.events(), "ts.create(a) ts.create(d) ts.createrule(a) ts.createrule(d)");
    client.effects();
    client.check(
        "TS.ADD a 1 1 -> :1
         TS.ADD a 2 1 -> :2
         TS.ADD a 11 1 -> :11
         TS.RANGE d - + -> *1 *2 :0 +2
         TS.RANGE d - + LATEST -> *2 *2 :0 +2 *2 :10 +1
         TS.GET d LATEST -> *2 :10 +1
         TS.GET d -> *2 :0 +2
         TS.MGET LATEST FILTER x=2 -> *1 *3 $1 d *0 *2 :10 +1
         TS.MRANGE - + LATEST FILTER x=2 -> *1 *3 $1 d *0 *2 *2 :0 +2 *2 :10 +1",
    );
    assert_eq!(client.events(), "ts.add(a) ts.add(a) ts.add(d) ts.add(a)");
    assert_eq!(client.effects(), ["TS.ADD a 1 1", "TS.ADD a 2 1", "TS.ADD a 11 1"]);
    client.check(
        "TS.MADD a 31 1 a 41 1 -> *2 :31 :41
         TS.INCRBY a 1 TIMESTAMP 51 -> :51
         TS.RANGE d - + -> *4 *2 :0 +2 *2 :10 +1 *2 :30 +1 *2 :40 +1
         TS.ADD a 12 4 -> :12
         TS.DEL a 31 31 -> :1
         TS.RANGE d - + -> *3 *2 :0 +2 *2 :10 +5 *2 :40 +1
         TS.ALTER a RETENTION 5
         TS.DEL a 1 100 -> -ERR TSDB: When a series has compactions, deleting samples or compaction buckets beyond the series retention period is not possible
         MULTI
         TS.ADD a 61 1 -> +QUEUED
         TS.ADD a 71 1 -> +QUEUED
         EXEC -> *2 :61 :71
         TS.GET d -> *2 :60 +1",
    );
}

/// The source and the rules that INFO tells of.
fn links(client: &mut Client, key: &str) -> String {
    let text = info(client, &format!("TS.INFO {key}"));
    let from = text.find("+sourceKey").expect("a source");
    let to = text.find(" +ignoreMaxTimeDiff").expect("more is told of");
    text[from..to].to_owned()
}

const ALONE: &str = "+sourceKey $-1 +rules *0";

fn pair() -> Client {
    let mut client = Client::new();
    client.check("TS.CREATE a\nTS.CREATE d\nTS.CREATERULE a d AGGREGATION sum 10");
    client
}

#[test]
fn rules_follow_renamed_keys() {
    let mut client = pair();
    client.check("TS.ADD a 1 1 -> :1\nRENAME a b\nRENAME d e\nRENAME b c\nRENAME e f");
    assert_eq!(links(&mut client, "c"), "+sourceKey $-1 +rules *1 *4 $1 f :10 +SUM :0");
    assert_eq!(links(&mut client, "f"), "+sourceKey $1 c +rules *0");
    client.check(
        "TS.ADD c 11 1 -> :11
         TS.RANGE f - + LATEST -> *2 *2 :0 +1 *2 :10 +1
         RENAME c a
         TS.GET f LATEST -> *2 :10 +1
         RENAME f g
         TS.DELETERULE a g",
    );
    assert_eq!(links(&mut client, "g"), ALONE);
}

#[test]
fn rules_end_with_either_key() {
    let mut client = pair();
    client.check("DEL d -> :1");
    assert_eq!(links(&mut client, "a"), ALONE);

    let mut client = pair();
    client.check("DEL a -> :1");
    assert_eq!(links(&mut client, "d"), ALONE);

    let mut client = pair();
    client.check("DEL a -> :1\nTS.CREATE a\nTS.CREATERULE a d AGGREGATION max 5");
    assert_eq!(links(&mut client, "a"), "+sourceKey $-1 +rules *1 *4 $1 d :5 +MAX :0");

    let mut client = pair();
    client.check("SET d x\nTS.ADD a 1 1 -> :1\nTS.ADD a 11 1 -> :11\nDEL d -> :1\nTS.CREATE d");
    assert_eq!(links(&mut client, "a"), ALONE);
    assert_eq!(links(&mut client, "d"), ALONE);
}

#[test]
fn copies_take_part_in_no_rule() {
    let mut client = pair();
    client.check("COPY a aa -> :1\nCOPY d dd -> :1");
    assert_eq!(links(&mut client, "aa"), ALONE);
    assert_eq!(links(&mut client, "dd"), ALONE);
    assert_eq!(links(&mut client, "d"), "+sourceKey $1 a +rules *0");
}

#[test]
fn rules_end_where_one_key_leaves_the_database() {
    let mut client = pair();
    client.check("MOVE d 1 -> :1\nTS.ADD a 1 1 -> :1\nTS.ADD a 11 1 -> :11");
    assert_eq!(links(&mut client, "a"), ALONE);
    client.check("SELECT 1");
    assert_eq!(links(&mut client, "d"), ALONE);
}
