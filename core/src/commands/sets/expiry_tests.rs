//! Members of sets that expire, through the engine.

use std::time::Duration;

use super::super::testing::Bench;
use crate::keyspace::ExpireCursor;

#[test]
fn members_have_deadlines_of_their_own() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "SADD s 1 2 x -> :3
         SPEXPIREAT s 5000000000001 MEMBERS 3 1 x zz -> *3 :1 :1 :-2
         SPEXPIRETIME s MEMBERS 3 1 2 zz -> *3 :5000000000001 :-1 :-2
         SEXPIRETIME s MEMBERS 1 1 -> *1 :5000000001
         SEXPIRE s 100 NX MEMBERS 2 1 2 -> *2 :0 :1
         STTL s MEMBERS 1 2 -> *1 :100
         SADD s 2 -> :0
         STTL s MEMBERS 1 2 -> *1 :100
         SPERSIST s MEMBERS 3 2 2 zz -> *3 :1 :-1 :-2
         SREM s x -> :1
         SADD s x -> :1
         SPTTL s MEMBERS 1 x -> *1 :-1
         SEXPIREAT s 1 MEMBERS 2 x 2 -> *2 :2 :2
         SMEMBERS s -> *1 $1 1
         SPEXPIRE s 0 MEMBERS 1 1 -> *1 :2
         EXISTS s -> :0
         SEXPIRE s 10 FIELDS 1 a -> -ERR Mandatory argument MEMBERS is missing or not at the right position
         SEXPIRE s 10 MEMBERS 2 a -> -ERR The `nummembers` parameter must match the number of arguments
         SEXPIRE s 10 MEMBERS 0 a -> -ERR Parameter `numMembers` should be greater than 0
         STTL s MEMBERS x a -> -ERR Number of members must be a positive integer
         HSET h a 1 -> :1
         SEXPIRE h 10 MEMBERS 1 a -> -WRONGTYPE Operation against a key holding the wrong kind of value",
    );
    let effects = bench.effects();
    assert_eq!(effects[1], "SPEXPIREAT s 5000000000001 MEMBERS 2 1 x");
    assert_eq!(effects[effects.len() - 2], "SREM s 1");
}

#[test]
fn members_whose_time_is_over_are_gone() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    for key in ["a", "b"] {
        bench.run(&mut client, &format!("SADD {key} m n"));
    }
    bench.run(&mut client, "SADD c m n");
    bench.run(&mut client, "SPEXPIRE a 1 MEMBERS 1 m");
    bench.run(&mut client, "SPEXPIRE b 1 MEMBERS 2 m n");
    std::thread::sleep(Duration::from_millis(4));
    bench.script(
        &mut client,
        "SINTER a c -> *1 $1 n
         SISMEMBER a m -> :0
         SCARD a -> :1",
    );
    let worker = bench.engine.worker();
    bench.engine.begin_turn(&worker);
    bench.engine.end_turn(&worker);
    let cycle = bench.engine.expire_cycle(&worker, &mut ExpireCursor::default(), || false);
    bench.engine.retire(worker);
    assert_eq!((cycle.members, bench.engine.db_size(0)), (2, 2));
    let effects = bench.effects();
    assert!(effects.contains(&"SREM a m".to_owned()));
    assert_eq!(bench.engine.db_expiring(0), 0);
}
