//! Members of sorted sets that expire, through the engine.

use std::time::Duration;

use super::super::testing::Bench;
use crate::keyspace::ExpireCursor;

#[test]
fn members_have_deadlines_of_their_own() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "ZADD s 1 1 2 2 3 x -> :3
         ZPEXPIREAT s 5000000000001 MEMBERS 3 1 x zz -> *3 :1 :1 :-2
         ZPEXPIRETIME s MEMBERS 3 1 2 zz -> *3 :5000000000001 :-1 :-2
         ZEXPIRETIME s MEMBERS 1 1 -> *1 :5000000001
         ZEXPIRE s 100 NX MEMBERS 2 1 2 -> *2 :0 :1
         ZTTL s MEMBERS 1 2 -> *1 :100
         ZADD s 7 2 -> :0
         ZTTL s MEMBERS 1 2 -> *1 :100
         ZPERSIST s MEMBERS 3 2 2 zz -> *3 :1 :-1 :-2
         ZREM s x -> :1
         ZADD s 1 x -> :1
         ZPTTL s MEMBERS 1 x -> *1 :-1
         ZEXPIREAT s 1 MEMBERS 2 x 2 -> *2 :2 :2
         ZRANGE s 0 -1 -> *1 $1 1
         ZPEXPIRE s 0 MEMBERS 1 1 -> *1 :2
         EXISTS s -> :0
         ZEXPIRE s 10 FIELDS 1 a -> -ERR Mandatory argument MEMBERS is missing or not at the right position
         ZEXPIRE s 10 MEMBERS 2 a -> -ERR The `nummembers` parameter must match the number of arguments
         ZEXPIRE s 10 MEMBERS 0 a -> -ERR Parameter `numMembers` should be greater than 0
         ZTTL s MEMBERS x a -> -ERR Number of members must be a positive integer
         HSET h a 1 -> :1
         ZEXPIRE h 10 MEMBERS 1 a -> -WRONGTYPE Operation against a key holding the wrong kind of value",
    );
    let effects = bench.effects();
    assert_eq!(effects[1], "ZPEXPIREAT s 5000000000001 MEMBERS 2 1 x");
    assert_eq!(effects[effects.len() - 2], "ZREM s 1");
}

#[test]
fn members_whose_time_is_over_are_gone() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    for key in ["a", "b"] {
        bench.run(&mut client, &format!("ZADD {key} 1 m 2 n"));
    }
    bench.run(&mut client, "ZADD c 1 m 2 n");
    bench.run(&mut client, "ZPEXPIRE a 1 MEMBERS 1 m");
    bench.run(&mut client, "ZPEXPIRE b 1 MEMBERS 2 m n");
    std::thread::sleep(Duration::from_millis(4));
    bench.script(
        &mut client,
        "ZINTER 2 a c -> *1 $1 n
         ZSCORE a m -> $-1
         ZCARD a -> :1",
    );
    let worker = bench.engine.worker();
    bench.engine.begin_turn(&worker);
    bench.engine.end_turn(&worker);
    let cycle = bench.engine.expire_cycle(&worker, &mut ExpireCursor::default(), || false);
    bench.engine.retire(worker);
    assert_eq!((cycle.members, bench.engine.db_size(0)), (2, 2));
    let effects = bench.effects();
    assert!(effects.contains(&"ZREM a m".to_owned()));
    assert_eq!(bench.engine.db_expiring(0), 0);
}
