//! The commands on sorted sets, through the engine.

use super::super::testing::Bench;

#[test]
fn members_are_added_under_conditions() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "ZADD z 1 a 2.5 b -> :2
         ZADD z 1 a 3 b -> :0
         ZADD z CH 1 a 4 b 0 c -> :2
         ZADD z NX 9 a 9 d -> :1
         ZADD z XX CH 8 a 8 e -> :1
         ZADD nope XX 1 a -> :0
         EXISTS nope -> :0
         ZADD z GT CH 7 a 9 b -> :1
         ZADD z LT CH 7 a 10 b -> :1
         ZADD z INCR 1.5 a -> $3 8.5
         ZADD z NX INCR 1 a -> $-1
         ZADD z GT INCR -1 a -> $-1
         ZINCRBY z inf a -> $3 inf
         ZINCRBY z -inf a -> -ERR resulting score is not a number (NaN)
         ZADD z nan a -> -ERR value is not a valid float
         ZADD z 1 a 2 -> -ERR syntax error
         ZADD z NX XX 1 a -> -ERR XX and NX options at the same time are not compatible
         ZADD z GT LT 1 a -> -ERR GT, LT, and/or NX options at the same time are not compatible
         ZADD z INCR 1 a 2 b -> -ERR INCR option supports a single increment-element pair
         ZRANGE z 0 -1 WITHSCORES -> *8 $1 c $1 0 $1 b $1 9 $1 d $1 9 $1 a $3 inf",
    );
    let effects = bench.effects();
    assert_eq!(effects[0], "ZADD z 1 a 2.5 b");
    assert_eq!(effects.last().unwrap(), "ZINCRBY z inf a");
    assert_eq!(effects.len(), 9);
}

#[test]
fn members_are_asked_for_and_removed() {
    let bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "ZADD z 1 a 2 b 3 c -> :3
         ZCARD z -> :3
         ZSCORE z b -> $1 2
         ZSCORE z nope -> $-1
         ZMSCORE z a nope -> *2 $1 1 $-1
         ZMSCORE nope a -> *1 $-1
         ZRANK z c -> :2
         ZREVRANK z c WITHSCORE -> *2 :0 $1 3
         ZRANK z nope WITHSCORE -> *-1
         ZRANK z nope -> $-1
         ZRANK z a foo -> -ERR syntax error
         ZCOUNT z (1 +inf -> :2
         ZCOUNT z x 1 -> -ERR min or max is not a float
         ZLEXCOUNT z [b + -> :2
         ZLEXCOUNT z b + -> -ERR min or max not valid string range item
         ZREM z a nope a -> :1
         ZREM z b c -> :2
         EXISTS z -> :0",
    );
}

#[test]
fn ranges_are_chosen_limited_and_stored() {
    let bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "ZADD z 1 a 2 b 3 c 4 d -> :4
         ZRANGE z 1 -2 -> *2 $1 b $1 c
         ZREVRANGE z 0 1 -> *2 $1 d $1 c
         ZRANGE z 0 1 REV -> *2 $1 d $1 c
         ZRANGEBYSCORE z (1 3 -> *2 $1 b $1 c
         ZREVRANGEBYSCORE z 3 -inf LIMIT 1 1 WITHSCORES -> *2 $1 b $1 2
         ZRANGE z 4 (2 BYSCORE REV LIMIT 0 -1 -> *2 $1 d $1 c
         ZRANGEBYSCORE z 0 9 LIMIT -1 2 -> *0
         ZRANGEBYLEX z [b (d -> *2 $1 b $1 c
         ZREVRANGEBYLEX z + [c -> *2 $1 d $1 c
         ZRANGE z 0 1 LIMIT 0 1 -> -ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
         ZRANGE z - + BYLEX WITHSCORES -> -ERR syntax error, WITHSCORES not supported in combination with BYLEX
         ZRANGEBYSCORE z 0 1 REV -> -ERR syntax error
         ZRANGESTORE d z 2 -1 -> :2
         ZRANGE d 0 -1 WITHSCORES -> *4 $1 c $1 3 $1 d $1 4
         ZRANGESTORE d z 0 0 REV -> :1
         ZRANGESTORE d nope 0 -1 -> :0
         EXISTS d -> :0
         ZREMRANGEBYRANK z 0 0 -> :1
         ZREMRANGEBYSCORE z 2 (3 -> :1
         ZREMRANGEBYLEX z [x + -> :0
         ZREMRANGEBYLEX z - + -> :2
         EXISTS z -> :0",
    );
}

#[test]
fn sets_are_combined() {
    let bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "ZADD a 1 x 2 y -> :2
         ZADD b 10 y 20 z -> :2
         ZUNION 2 a b WITHSCORES -> *6 $1 x $1 1 $1 y $2 12 $1 z $2 20
         ZUNION 2 a b WEIGHTS 2 1 AGGREGATE MAX WITHSCORES -> *6 $1 x $1 2 $1 y $2 10 $1 z $2 20
         ZUNION 2 a b AGGREGATE COUNT WITHSCORES -> *6 $1 x $1 1 $1 z $1 1 $1 y $1 2
         ZUNION 2 a b AGGREGATE COUNT WEIGHTS 3 0.5 WITHSCORES -> *6 $1 z $3 0.5 $1 x $1 3 $1 y $3 3.5
         ZINTER 2 a b WITHSCORES -> *2 $1 y $2 12
         ZINTER 2 a nope -> *0
         ZDIFF 2 a b WITHSCORES -> *2 $1 x $1 1
         ZDIFF 1 a WEIGHTS 1 -> -ERR syntax error
         ZINTERCARD 2 a a LIMIT 1 -> :1
         ZINTERCARD 2 a a -> :2
         ZUNIONSTORE d 2 a b -> :3
         ZINTERSTORE d 2 a b AGGREGATE MIN -> :1
         ZRANGE d 0 -1 WITHSCORES -> *2 $1 y $1 2
         ZDIFFSTORE d 2 a a -> :0
         EXISTS d -> :0
         SADD s y w -> :2
         ZUNION 2 s b WITHSCORES -> *6 $1 w $1 1 $1 y $2 11 $1 z $2 20
         ZINTER 2 a s WEIGHTS 1 3 WITHSCORES -> *2 $1 y $1 5
         ZDIFF 2 s a -> *1 $1 w
         ZINTERCARD 2 s s -> :2
         ZUNION 0 a -> -ERR at least 1 input key is needed for 'zunion' command
         ZUNION 3 a b -> -ERR syntax error
         ZUNION 2 a b WEIGHTS 1 x -> -ERR weight value is not a float",
    );
}

#[test]
fn members_are_popped() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "ZADD z 1 a 2 b 3 c 4 d 5 e 6 f -> :6
         ZPOPMIN z -> *2 $1 a $1 1
         ZPOPMAX z 2 -> *4 $1 f $1 6 $1 e $1 5
         ZPOPMIN z 0 -> *0
         ZPOPMIN z -1 -> -ERR value is out of range, must be positive
         ZPOPMIN nope -> *0
         ZMPOP 2 nope z MAX -> *2 $1 z *1 *2 $1 d $1 4
         BZPOPMIN nope z 0 -> *3 $1 z $1 b $1 2
         BZMPOP 0 1 z MIN COUNT 5 -> *2 $1 z *1 *2 $1 c $1 3
         ZMPOP 1 z MIN -> *-1
         EXISTS z -> :0",
    );
    let effects = bench.effects();
    assert_eq!(effects[3..], ["ZPOPMAX z 1", "ZPOPMIN z", "ZPOPMIN z 1"]);
}

#[test]
fn those_who_wait_are_served() {
    let bench = Bench::new();
    let (mut writer, mut first, mut second) = (bench.client(), bench.client(), bench.client());
    assert_eq!(bench.run(&mut first, "BZPOPMAX z 0"), "(blocked)");
    assert_eq!(bench.run(&mut second, "BZMPOP 0 2 y z MIN COUNT 2"), "(blocked)");
    assert_eq!(bench.run(&mut writer, "ZADD z 1 a 2 b 3 c"), ":3");
    assert_eq!(first.mail().unwrap(), "*3 $1 z $1 c $1 3");
    assert_eq!(second.mail().unwrap(), "*2 $1 z *2 *2 $1 a $1 1 *2 $1 b $1 2");
    assert_eq!(bench.run(&mut first, "BZPOPMIN z 0"), "(blocked)");
    bench.run(&mut writer, "ZADD y 1 a");
    bench.run(&mut writer, "ZUNIONSTORE z 1 y");
    assert_eq!(first.mail().unwrap(), "*3 $1 z $1 a $1 1");
}

#[test]
fn large_sorted_sets_answer_as_compact_ones() {
    let bench = Bench::new();
    let mut client = bench.client().resp3();
    for n in 0..300 {
        bench.run(&mut client, &format!("ZADD z {} m{n:03}", n % 100));
    }
    bench.script(
        &mut client,
        "OBJECT ENCODING z -> $8 skiplist
         ZRANK z m150 -> :151
         ZRANGE z 151 151 WITHSCORES -> *1 *2 $4 m150 ,50
         ZCOUNT z 10 (20 -> :30
         ZPOPMAX z -> *2 $4 m299 ,99
         ZPOPMAX z 1 -> *1 *2 $4 m199 ,99
         ZADD z -0 m150 -> :0
         ZSCORE z m150 -> ,-0
         ZREMRANGEBYSCORE z -inf 98.5 -> :297
         ZRANGE z 0 -1 -> *1 $4 m099",
    );
}

#[test]
fn choices_and_scans_are_complete() {
    let bench = Bench::new();
    let mut client = bench.client();
    for n in 0..200 {
        bench.run(&mut client, &format!("ZADD small {n} m{}", n % 10));
        bench.run(&mut client, &format!("ZADD large {n} m{n}"));
    }
    for (key, count, expected) in [
        ("small", 5, 5),
        ("small", 50, 10),
        ("large", 7, 7),
        ("large", 190, 190),
        ("large", -400, 400),
    ] {
        let reply = bench.run(&mut client, &format!("ZRANDMEMBER {key} {count}"));
        let mut members: Vec<&str> = reply.split(' ').skip(2).step_by(2).collect();
        assert_eq!(members.len(), expected, "{key} {count}");
        members.sort_unstable();
        members.dedup();
        assert!(members.len() == expected || count < 0, "{key} {count}");
    }
    bench.script(
        &mut client,
        "ZRANDMEMBER nope -> $-1
         ZRANDMEMBER nope 3 -> *0
         ZRANDMEMBER small 1 x -> -ERR syntax error
         ZSCAN small 0 MATCH m1 -> *2 $1 0 *2 $2 m1 $3 191
         ZSCAN nope 0 -> *2 $1 0 *0
         ZSCAN small 0 NOVALUES -> -ERR NOVALUES option can only be used in HSCAN",
    );
}

#[test]
fn other_types_are_refused() {
    let bench = Bench::new();
    let mut client = bench.client();
    bench.run(&mut client, "LPUSH l a");
    let commands = [
        "ZADD l 1 a",
        "ZINCRBY l 1 a",
        "ZREM l a",
        "ZCARD l",
        "ZSCORE l a",
        "ZMSCORE l a",
        "ZRANK l a",
        "ZCOUNT l 0 1",
        "ZLEXCOUNT l - +",
        "ZRANGE l 0 1",
        "ZRANGESTORE d l 0 1",
        "ZREMRANGEBYRANK l 0 1",
        "ZPOPMIN l",
        "BZPOPMIN l 0",
        "ZMPOP 1 l MIN",
        "ZUNION 1 l",
        "ZINTERCARD 1 l",
        "ZRANDMEMBER l",
        "ZSCAN l 0",
    ];
    for command in commands {
        let expected = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        assert_eq!(bench.run(&mut client, command), expected, "{command}");
    }
}
