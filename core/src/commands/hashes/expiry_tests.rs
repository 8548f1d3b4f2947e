//! Fields that expire, and HIMPORT, through the engine.

use std::time::Duration;

use super::super::testing::{Bench, Client};
use crate::keyspace::{ExpireCursor, SizeKind};

/// Lets some milliseconds pass, so that deadlines of 1 ms are over.
fn wait() {
    std::thread::sleep(Duration::from_millis(4));
}

fn bench() -> (Bench, Client) {
    let bench = Bench::new();
    let client = bench.client();
    (bench, client)
}

#[test]
fn deadlines_are_set_under_conditions_and_asked_for() {
    let (mut bench, mut client) = bench();
    bench.script(
        &mut client,
        "HEXPIRE nope 10 FIELDS 1 a -> *1 :-2
         HSET h a 1 b 2 -> :2
         HPEXPIREAT h 5000000000001 FIELDS 3 a zz a -> *3 :1 :-2 :1
         OBJECT ENCODING h -> $10 listpackex
         HEXPIRETIME h FIELDS 3 a b zz -> *3 :5000000001 :-1 :-2
         HPEXPIRETIME h FIELDS 1 a -> *1 :5000000000001
         HEXPIRE h 10 NX FIELDS 2 a b -> *2 :0 :1
         HEXPIRE h 10 XX FIELDS 1 b -> *1 :1
         HTTL h FIELDS 1 b -> *1 :10
         HEXPIRE h 5 GT FIELDS 1 b -> *1 :0
         HEXPIRE h 50 LT FIELDS 1 b -> *1 :0
         HEXPIRE h 50 GT FIELDS 1 b -> *1 :1
         HPERSIST h FIELDS 3 b b zz -> *3 :1 :-1 :-2
         HPERSIST nope FIELDS 1 b -> *1 :-2
         HEXPIRE h 50 GT FIELDS 1 b -> *1 :0
         HEXPIRE h 0 FIELDS 2 b b -> *2 :2 :-2
         HEXPIREAT h 1 FIELDS 1 a -> *1 :2
         EXISTS h -> :0",
    );
    let effects = bench.effects();
    assert_eq!(effects[1], "HPEXPIREAT h 5000000000001 FIELDS 2 a a");
    assert_eq!(effects[effects.len() - 2..], ["HDEL h b", "HDEL h a"]);
}

#[test]
fn bad_words_are_refused_as_redis_does() {
    let (bench, mut client) = bench();
    bench.script(
        &mut client,
        "SET s 1 -> +OK
         HEXPIRE s x FIELDS x a -> -WRONGTYPE Operation against a key holding the wrong kind of value
         HTTL s FIELDS x a -> -WRONGTYPE Operation against a key holding the wrong kind of value
         HEXPIRE h x FOO x a -> -ERR value is not an integer or out of range
         HEXPIRE h -1 FOO x a -> -ERR invalid expire time, must be >= 0
         HEXPIRE h 99999999999999 FIELDS 1 a -> -ERR invalid expire time in 'hexpire' command
         HPEXPIREAT h 70368744177664 FIELDS 1 a -> -ERR invalid expire time in 'hpexpireat' command
         HEXPIRE h 10 NX XX FIELDS 1 a -> -ERR Mandatory argument FIELDS is missing or not at the right position
         HEXPIRE h 10 FIELDS 0 a -> -ERR Parameter `numFields` should be greater than 0
         HTTL h FIELDS 0 a -> -ERR Number of fields must be a positive integer
         HTTL h FIELDS 2 a -> -ERR The `numfields` parameter must match the number of arguments
         HGETEX h FIELDS 1 a b -> -ERR The `numfields` parameter must match the number of arguments
         HSETEX h FIELDS 0 a 1 -> -ERR invalid number of fields
         HSETEX h FIELDS 2 a 1 -> -ERR wrong number of arguments for 'hsetex' command
         HSETEX h FNX FNX FIELDS 1 a 1 -> -ERR Only one of FXX or FNX arguments can be specified
         HSETEX h EX 1 KEEPTTL FIELDS 1 a 1 -> -ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
         HSETEX h foo FIELDS 1 a 1 -> -ERR unknown argument: foo
         HSETEX s FIELDS 1 a 1 -> -WRONGTYPE Operation against a key holding the wrong kind of value",
    );
}

#[test]
fn values_and_deadlines_are_read_set_and_removed_in_one_go() {
    let (mut bench, mut client) = bench();
    bench.script(
        &mut client,
        "HSETEX h PXAT 5000000000000 FIELDS 2 a 1 b 2 -> :1
         HSETEX h FNX FIELDS 2 b 3 c 3 -> :0
         HSETEX h FXX FIELDS 2 b 3 c 3 -> :0
         HSETEX h KEEPTTL FIELDS 1 a 9 -> :1
         HPEXPIRETIME h FIELDS 2 a b -> *2 :5000000000000 :5000000000000
         HSETEX h FIELDS 1 a 8 -> :1
         HPEXPIRETIME h FIELDS 1 a -> *1 :-1
         HINCRBY h b 5 -> :7
         HINCRBYFLOAT h b 0.5 -> $3 7.5
         HPEXPIRETIME h FIELDS 1 b -> *1 :5000000000000
         HGETEX h PERSIST FIELDS 2 b zz -> *2 $3 7.5 $-1
         HGETEX h PXAT 5000000000001 FIELDS 2 b zz -> *2 $3 7.5 $-1
         HSET h b 1 -> :0
         HPEXPIRETIME h FIELDS 1 b -> *1 :-1
         HGETDEL h FIELDS 3 b b zz -> *3 $1 1 $-1 $-1
         HGETEX h PXAT 1 FIELDS 1 a -> *1 $1 8
         EXISTS h -> :0
         HGETDEL h FIELDS 1 a -> *1 $-1
         HSETEX h EX 0 FIELDS 1 a 1 -> :1
         EXISTS h -> :0",
    );
    let effects = bench.effects();
    assert_eq!(effects[0], "HSETEX h PXAT 5000000000000 FIELDS 2 a 1 b 2");
    assert_eq!(effects[4], "HSETEX h KEEPTTL FIELDS 1 b 7.5");
    assert_eq!(effects[5], "HPERSIST h FIELDS 2 b zz");
    assert_eq!(effects[6], "HPEXPIREAT h 5000000000001 FIELDS 1 b");
    assert_eq!(effects[effects.len() - 3..], ["HDEL h b", "HDEL h a", "HDEL h a"]);
}

#[test]
fn fields_whose_time_is_over_are_gone_for_every_command() {
    let (mut bench, mut client) = bench();
    bench.run(&mut client, "HSET h a 1 b 2");
    bench.run(&mut client, "HPEXPIRE h 1 FIELDS 1 a");
    assert_eq!(bench.engine.db_expiring(0), 1);
    wait();
    bench.script(
        &mut client,
        "HLEN h -> :1
         HGETALL h -> *2 $1 b $1 2
         HSETNX h a 5 -> :1
         HTTL h FIELDS 1 a -> *1 :-1
         HPEXPIRE h 1 FIELDS 2 a b -> *2 :1 :1",
    );
    wait();
    bench.script(&mut client, "EXISTS h -> :0 \n HLEN h -> :0");
    let effects = bench.effects();
    assert_eq!(effects[2..4], ["MULTI", "HDEL h a"], "with what found it gone");
    assert_eq!(effects.last().unwrap(), "HDEL h a b");
    assert_eq!((bench.engine.db_expiring(0), bench.engine.db_size(0)), (0, 0));
    assert_eq!(bench.engine.totals().expired_members, 3);
}

#[test]
fn many_fields_of_one_moment_are_hidden_until_they_are_removed() {
    let (bench, mut client) = bench();
    let words: Vec<String> = (0..3000).map(|n| format!("f{n}")).collect();
    let pairs: Vec<String> = words.iter().map(|word| format!("{word} v")).collect();
    bench.run(&mut client, &format!("HSET h keep v {}", pairs.join(" ")));
    bench.run(&mut client, &format!("HPEXPIRE h 1 FIELDS 3000 {}", words.join(" ")));
    wait();
    assert_eq!(bench.run(&mut client, "HLEN h"), ":1");
    bench.run(&mut client, "HGET h f1");
    let has_fields = |class: usize| bench.engine.db_sizes(0)[SizeKind::Hashes as usize][class] == 1;
    assert!(has_fields(12), "not all are removed at once");
    bench.script(
        &mut client,
        "HGETALL h -> *2 $4 keep $1 v
         HRANDFIELD h -3 -> *3 $4 keep $4 keep $4 keep
         HRANDFIELD h 3 -> *1 $4 keep
         HDEL h f2999 -> :0
         HSETNX h f2998 new -> :1
         HGET h f2998 -> $3 new",
    );
    for _ in 0..12 {
        bench.run(&mut client, "HGET h keep");
    }
    assert_eq!(bench.run(&mut client, "HLEN h"), ":2");
    assert!(has_fields(2));
}

#[test]
fn the_cycle_removes_fields_nobody_asks_for() {
    let (mut bench, mut client) = bench();
    bench.run(&mut client, "HSET h0 c 3");
    for n in 0..50 {
        bench.run(&mut client, &format!("HSETEX h{n} PX 1 FIELDS 2 a 1 b 2"));
        bench.run(&mut client, &format!("HSETEX k{n} EX 100 FIELDS 1 a 1"));
    }
    wait();
    let worker = bench.engine.worker();
    bench.engine.begin_turn(&worker);
    bench.engine.end_turn(&worker);
    let cycle = bench.engine.expire_cycle(&worker, &mut ExpireCursor::default(), || false);
    assert!(cycle.around);
    assert_eq!((cycle.members, bench.engine.db_size(0)), (100, 51));
    assert_eq!(bench.engine.db_expiring(0), 50);
    bench.engine.retire(worker);
    let removals = bench.effects().iter().filter(|words| words.starts_with("HDEL")).count();
    assert_eq!(removals, 50);
}

#[test]
fn deadlines_follow_their_hash() {
    let (bench, mut client) = bench();
    bench.script(
        &mut client,
        "HSETEX h PXAT 5000000000000 FIELDS 2 a 1 b 2 -> :1
         COPY h copy -> :1
         RENAME h other -> +OK
         HPEXPIRETIME copy FIELDS 1 a -> *1 :5000000000000
         HPEXPIRETIME other FIELDS 1 a -> *1 :5000000000000
         MOVE other 3 -> :1
         SET copy string -> +OK
         SELECT 3 -> +OK
         HPEXPIRETIME other FIELDS 1 a -> *1 :5000000000000",
    );
    assert_eq!((bench.engine.db_expiring(0), bench.engine.db_expiring(3)), (0, 1));
    bench.run(&mut client, "DEL other");
    assert_eq!(bench.engine.db_expiring(3), 0);
}

#[test]
fn hashes_are_imported_by_named_fields() {
    let (mut bench, mut client) = bench();
    bench.script(
        &mut client,
        "HIMPORT PREPARE u name age -> +OK
         HIMPORT PREPARE v a a -> -ERR duplicate field name in fieldset
         HIMPORT SET k u alice 30 -> +OK
         HIMPORT SET k u bob 31 -> +OK
         HIMPORT SET k u bob -> -ERR number of values does not match the number of fields in the fieldset
         HIMPORT SET k v bob -> -ERR no such fieldset
         HGETALL k -> *4 $4 name $3 bob $3 age $2 31
         HIMPORT DISCARD v -> :0
         HIMPORT DISCARD u -> :1
         HIMPORT DISCARDALL -> :0
         HIMPORT SET k u alice 30 -> -ERR no such fieldset",
    );
    let effects: Vec<String> =
        bench.effects().into_iter().filter(|e| !matches!(e.as_str(), "MULTI" | "EXEC")).collect();
    assert_eq!(effects, ["HSET k name alice age 30", "DEL k", "HSET k name bob age 31"]);
}
