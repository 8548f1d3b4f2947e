//! The commands on hashes, through the engine.

use super::super::testing::Bench;

#[test]
fn fields_are_set_read_and_removed() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "HSET h a 1 b two -> :2
         HSET h a 3 -> :0
         HMSET h c x -> +OK
         HSET h a -> -ERR wrong number of arguments for 'hset' command
         HMSET h a 1 b -> -ERR wrong number of arguments for 'hmset' command
         HGET h a -> $1 3
         HGET h nope -> $-1
         HGET nope a -> $-1
         HMGET h a nope b -> *3 $1 3 $-1 $3 two
         HMGET nope a -> *1 $-1
         HGETALL h -> *6 $1 a $1 3 $1 b $3 two $1 c $1 x
         HKEYS h -> *3 $1 a $1 b $1 c
         HVALS h -> *3 $1 3 $3 two $1 x
         HGETALL nope -> *0
         HLEN h -> :3
         HSTRLEN h b -> :3
         HSTRLEN h nope -> :0
         HEXISTS h a -> :1
         HEXISTS h nope -> :0
         HSETNX h a 9 -> :0
         HSETNX h d 9 -> :1
         HDEL h a nope b c -> :3
         HDEL h d d -> :1
         HLEN h -> :0
         HDEL h d -> :0",
    );
    assert_eq!(bench.engine.db_size(0), 0);
    let effects = bench.effects();
    assert_eq!(effects[0], "HSET h a 1 b two");
    assert_eq!(effects.last().unwrap(), "HDEL h d d");
    assert_eq!(effects.len(), 6);
}

#[test]
fn numbers_are_added() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "HINCRBY h n 5 -> :5
         HINCRBY h n -7 -> :-2
         HINCRBY h n x -> -ERR value is not an integer or out of range
         HSET h s abc big 9223372036854775807 -> :2
         HINCRBY h s 1 -> -ERR hash value is not an integer
         HINCRBY h big 1 -> -ERR increment or decrement would overflow
         HINCRBYFLOAT h f 0.1 -> $3 0.1
         HINCRBYFLOAT h f 0.2 -> $3 0.3
         HINCRBYFLOAT h s 1 -> -ERR hash value is not a float
         HINCRBYFLOAT h f x -> -ERR value is not a valid float
         HINCRBYFLOAT h f inf -> -ERR value is NaN or Infinity
         HINCRBYFLOAT h n 2.5e2 -> $3 248",
    );
    let effects = bench.effects();
    assert_eq!(effects[4], "HSET h f 0.3");
    assert_eq!(effects[5], "HSET h n 248");
}

#[test]
fn other_types_are_refused() {
    let bench = Bench::new();
    let mut client = bench.client();
    bench.run(&mut client, "LPUSH l a");
    let commands = [
        "HSET l a 1",
        "HMSET l a 1",
        "HSETNX l a 1",
        "HGET l a",
        "HMGET l a",
        "HGETALL l",
        "HKEYS l",
        "HVALS l",
        "HLEN l",
        "HSTRLEN l a",
        "HEXISTS l a",
        "HDEL l a",
        "HINCRBY l a 1",
        "HINCRBYFLOAT l a 1",
        "HRANDFIELD l",
        "HRANDFIELD l 1",
        "HSCAN l 0",
    ];
    for command in commands {
        let expected = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        assert_eq!(bench.run(&mut client, command), expected, "{command}");
    }
}

#[test]
fn choices_are_as_many_as_asked_for() {
    let bench = Bench::new();
    let mut client = bench.client().resp3();
    for n in 0..100 {
        bench.run(&mut client, &format!("HSET small{} f{n} v", n % 10));
        bench.run(&mut client, &format!("HSET large f{n} {}", "v".repeat(80)));
    }
    bench.script(
        &mut client,
        "HRANDFIELD nope -> _
         HRANDFIELD nope 3 -> *0
         HRANDFIELD large 0 -> *0
         HRANDFIELD large x -> -ERR value is not an integer or out of range
         HRANDFIELD large 1 WITHVALUES x -> -ERR syntax error
         HRANDFIELD large -9223372036854775807 WITHVALUES -> -ERR value is out of range",
    );
    for (key, count, expected) in [
        ("small1", 5, 5),
        ("small1", 50, 10),
        ("large", 7, 7),
        ("large", 90, 90),
        ("large", -200, 200),
    ] {
        let reply = bench.run(&mut client, &format!("HRANDFIELD {key} {count}"));
        let mut fields: Vec<&str> = reply.split(' ').skip(2).step_by(2).collect();
        assert_eq!(fields.len(), expected, "{key} {count}");
        fields.sort_unstable();
        fields.dedup();
        assert!(fields.len() == expected || count < 0, "{key} {count}");
    }
    assert!(bench.run(&mut client, "HRANDFIELD small1 1 WITHVALUES").starts_with("*1 *2 $"));
}

#[test]
fn a_scan_passes_every_field() {
    let bench = Bench::new();
    let mut client = bench.client();
    for n in 0..1000 {
        bench.run(&mut client, &format!("HSET h f{n} v{n}"));
    }
    let (mut cursor, mut calls) = ("0".to_owned(), 0);
    let mut seen = std::collections::HashSet::new();
    loop {
        let reply = bench.run(&mut client, &format!("HSCAN h {cursor} COUNT 20 NOVALUES"));
        let words: Vec<&str> = reply.split(' ').collect();
        cursor = words[2].to_owned();
        seen.extend(words[5..].iter().step_by(2).map(|w| w.to_string()));
        calls += 1;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 1000);
    assert!((10..100).contains(&calls), "{calls} calls");
    bench.script(
        &mut client,
        "HSET s a 1 b 2 -> :2
         HSCAN s 0 -> *2 $1 0 *4 $1 a $1 1 $1 b $1 2
         HSCAN s 0 MATCH b* -> *2 $1 0 *2 $1 b $1 2
         HSCAN s 0 NOVALUES MATCH [ab] COUNT 1 -> *2 $1 0 *2 $1 a $1 b
         HSCAN nope 5 -> *2 $1 0 *0
         HSCAN s x -> -ERR invalid cursor
         HSCAN s 0 COUNT 0 -> -ERR syntax error
         HSCAN s 0 COUNT x -> -ERR value is not an integer or out of range
         HSCAN s 0 MATCH -> -ERR syntax error
         HSCAN s 0 TYPE x -> -ERR syntax error",
    );
}
