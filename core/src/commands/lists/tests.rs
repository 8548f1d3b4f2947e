//! The commands on lists, through the engine: replies, effects, and who is served when.

use super::super::testing::Bench;

#[test]
fn ends_and_ranges() {
    let bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "RPUSH l a b c -> :3
         LPUSH l z y -> :5
         LRANGE l 0 -1 -> *5 $1 y $1 z $1 a $1 b $1 c
         LRANGE l -2 100 -> *2 $1 b $1 c
         LRANGE l 3 1 -> *0
         LRANGE nope 0 -1 -> *0
         LLEN l -> :5
         LINDEX l -1 -> $1 c
         LINDEX l 5 -> $-1
         LPOP l -> $1 y
         RPOP l -> $1 c
         LPOP l 0 -> *0
         LPOP l 2 -> *2 $1 z $1 a
         LPOP nope -> $-1
         LPOP nope 3 -> *-1
         LPOP nope 0 -> *-1
         LPOP l -1 -> -ERR value is out of range, must be positive
         LPOP l x -> -ERR value is out of range, must be positive
         LPOP l 1 2 -> -ERR wrong number of arguments for 'lpop' command
         RPOP l 9 -> *1 $1 b
         LLEN l -> :0
         LPUSHX l a -> :0
         RPUSHX l a -> :0
         RPUSH l a -> :1
         RPUSHX l b -> :2
         LPUSHX l c -> :3
         LPUSH l 12 -> :4
         LPOP l -> $2 12",
    );
}

#[test]
fn indices_and_values() {
    let bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "RPUSH l a b c a b c a -> :7
         LSET l -1 d -> +OK
         LSET l 7 x -> -ERR index out of range
         LSET nope 0 x -> -ERR no such key
         LSET l x x -> -ERR value is not an integer or out of range
         LREM l -1 b -> :1
         LREM l 0 zz -> :0
         LREM l 1 a -> :1
         LRANGE l 0 -1 -> *5 $1 b $1 c $1 a $1 c $1 d
         LINSERT l BEFORE a x -> :6
         LINSERT l after d y -> :7
         LINSERT l BEFORE zz y -> :-1
         LINSERT nope BEFORE a y -> :0
         LINSERT l beside a y -> -ERR syntax error
         LRANGE l 0 -1 -> *7 $1 b $1 c $1 x $1 a $1 c $1 d $1 y
         LTRIM l 1 -3 -> +OK
         LRANGE l 0 -1 -> *4 $1 c $1 x $1 a $1 c
         LPOS l c -> :0
         LPOS l c RANK -1 -> :3
         LPOS l c RANK 2 COUNT 5 -> *1 :3
         LPOS l c COUNT 0 -> *2 :0 :3
         LPOS l c COUNT 0 RANK -1 MAXLEN 2 -> *1 :3
         LPOS l zz -> $-1
         LPOS nope c COUNT 1 -> *0
         LPOS l c COUNT -1 -> -ERR COUNT can't be negative
         LPOS l c MAXLEN x -> -ERR MAXLEN can't be negative
         LPOS l c COUNT -> -ERR syntax error
         LTRIM l 5 9 -> +OK
         LLEN l -> :0",
    );
    assert!(
        bench.run(&mut client, "LPOS l c RANK 0").starts_with("-ERR RANK can't be zero: use 1")
    );
    assert_eq!(bench.engine.db_size(0), 0);
}

#[test]
fn moves_and_many_keys() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "RPUSH a 1 2 3 4 -> :4
         LMOVE a b LEFT RIGHT -> $1 1
         RPOPLPUSH a b -> $1 4
         LRANGE b 0 -1 -> *2 $1 4 $1 1
         LMOVE a a LEFT RIGHT -> $1 2
         LMOVE nope a LEFT RIGHT -> $-1
         LMOVE a b LEFT UP -> -ERR syntax error
         LMPOP 2 nope a LEFT COUNT 9 -> *2 $1 a *2 $1 3 $1 2
         LMPOP 1 a LEFT -> *-1
         LMPOP 0 a LEFT -> -ERR numkeys should be greater than 0
         LMPOP 2 a LEFT -> -ERR syntax error
         LMPOP 9223372036854775807 a LEFT -> -ERR syntax error
         LMPOP 1 b RIGHT COUNT 0 -> -ERR count should be greater than 0
         LMPOP 1 b RIGHT COUNT 1 COUNT 1 -> -ERR syntax error
         BLMPOP 0 1 b RIGHT -> *2 $1 b *1 $1 1
         BLPOP nope b 0 -> *2 $1 b $1 4
         RPUSH b 5 6 -> :2
         BLMOVE b c LEFT LEFT 0 -> $1 5
         BRPOPLPUSH b c 0 -> $1 6
         HSET h f v -> :1
         LMOVE c h LEFT LEFT -> -WRONGTYPE Operation against a key holding the wrong kind of value
         LLEN c -> :2",
    );
    let effects = bench.effects();
    assert_eq!(
        effects[4..9],
        ["LPOP a 2", "RPOP b 1", "LPOP b", "RPUSH b 5 6", "LMOVE b c LEFT LEFT"]
    );
    assert_eq!(effects[9], "RPOPLPUSH b c");
}

#[test]
fn timeouts_are_read_as_redis_reads_them() {
    let bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "BLPOP l x -> -ERR timeout is not a float or out of range
         BLPOP l nan -> -ERR timeout is not a float or out of range
         BLPOP l -1 -> -ERR timeout is negative
         BLPOP l inf -> -ERR timeout is out of range
         BLPOP l 1e400 -> -ERR timeout is out of range
         BLPOP l -1e400 -> -ERR timeout is negative
         BLPOP l 1e5000 -> -ERR timeout is not a float or out of range
         BLPOP l 9e18 -> -ERR timeout is out of range
         BLMPOP x 1 l LEFT -> -ERR timeout is not a float or out of range
         BLMPOP x 0 l LEFT -> -ERR numkeys should be greater than 0
         BLMPOP 1 0 l LEFT -> -ERR numkeys should be greater than 0
         BLMOVE l m LEFT UP x -> -ERR syntax error
         BLMOVE l m LEFT LEFT x -> -ERR timeout is not a float or out of range",
    );
    assert_eq!(bench.run(&mut client, "BLPOP l 0"), "(blocked)");
    assert_eq!(client.session.blocked.as_ref().unwrap().block.deadline, None);
    assert_eq!(bench.time_out(&mut client).unwrap(), "*-1");
    assert_eq!(bench.run(&mut client, "BLPOP l 0.5"), "(blocked)");
    assert!(client.session.blocked.as_ref().unwrap().block.deadline.is_some());
    assert_eq!(bench.time_out(&mut client).unwrap(), "*-1");
    assert_eq!(bench.run(&mut client, "BLMOVE l m LEFT LEFT 1"), "(blocked)");
    assert_eq!(bench.time_out(&mut client).unwrap(), "*-1");
}

#[test]
fn who_came_first_is_served_first() {
    let bench = Bench::new();
    let mut clients: Vec<_> = (0..4).map(|_| bench.client()).collect();
    let mut writer = bench.client();
    for client in &mut clients {
        assert_eq!(bench.run(client, "BLPOP other l 0"), "(blocked)");
    }
    assert_eq!(bench.run(&mut writer, "RPUSH l 1 2"), ":2");
    assert_eq!(clients[0].mail().unwrap(), "*2 $1 l $1 1");
    assert_eq!(clients[1].mail().unwrap(), "*2 $1 l $1 2");
    assert!(clients[2].mail().is_none());
    assert_eq!(bench.time_out(&mut clients[2]).unwrap(), "*-1");
    assert_eq!(bench.run(&mut writer, "LPUSH other 3 4"), ":2");
    assert_eq!(clients[3].mail().unwrap(), "*2 $5 other $1 4");
    assert!(clients[2].mail().is_none());
    assert_eq!(bench.run(&mut writer, "LRANGE other 0 -1"), "*1 $1 3");
    assert_eq!(bench.run(&mut writer, "LLEN l"), ":0");
}

#[test]
fn one_move_wakes_the_next_in_one_critical_section() {
    let mut bench = Bench::new();
    let (mut mover, mut second, mut popper, mut writer) =
        (bench.client(), bench.client(), bench.client(), bench.client());
    assert_eq!(bench.run(&mut popper, "BLMPOP 0 1 c LEFT COUNT 10"), "(blocked)");
    assert_eq!(bench.run(&mut second, "BRPOPLPUSH b c 0"), "(blocked)");
    assert_eq!(bench.run(&mut mover, "BLMOVE a b LEFT RIGHT 0"), "(blocked)");
    assert_eq!(bench.run(&mut writer, "RPUSH a x y"), ":2");
    assert_eq!(mover.mail().unwrap(), "$1 x");
    assert_eq!(second.mail().unwrap(), "$1 x");
    assert_eq!(popper.mail().unwrap(), "*2 $1 c *1 $1 x");
    assert_eq!(bench.run(&mut writer, "LRANGE a 0 -1"), "*1 $1 y");
    assert_eq!(
        bench.effects(),
        ["RPUSH a x y", "LMOVE a b LEFT RIGHT", "RPOPLPUSH b c", "LPOP c 1"]
    );
    assert_eq!(bench.engine.db_size(0), 1);
}

#[test]
fn a_list_may_be_moved_onto_itself_by_who_waited() {
    let bench = Bench::new();
    let (mut mover, mut writer) = (bench.client(), bench.client());
    assert_eq!(bench.run(&mut mover, "BLMOVE a a LEFT RIGHT 0"), "(blocked)");
    assert_eq!(bench.run(&mut writer, "RPUSH a 1 2 3"), ":3");
    assert_eq!(mover.mail().unwrap(), "$1 1");
    assert_eq!(bench.run(&mut writer, "LRANGE a 0 -1"), "*3 $1 2 $1 3 $1 1");
}

#[test]
fn a_transaction_serves_when_it_is_done() {
    let bench = Bench::new();
    let (mut waiting, mut writer) = (bench.client(), bench.client());
    assert_eq!(bench.run(&mut waiting, "BLPOP l 0"), "(blocked)");
    bench.script(
        &mut writer,
        "MULTI -> +OK
         RPUSH l a -> +QUEUED
         LPOP l -> +QUEUED
         BLPOP l 0 -> +QUEUED
         BLMOVE l m LEFT LEFT 0 -> +QUEUED
         EXEC -> *4 :1 $1 a *-1 $-1",
    );
    assert!(waiting.mail().is_none());
    bench.script(
        &mut writer,
        "MULTI -> +OK
         RPUSH l a -> +QUEUED
         LPUSH l b -> +QUEUED
         EXEC -> *2 :1 :2",
    );
    assert_eq!(waiting.mail().unwrap(), "*2 $1 l $1 b");
}

#[test]
fn other_types_do_not_end_a_wait_but_spoil_a_move() {
    let bench = Bench::new();
    let (mut waiting, mut mover, mut writer) = (bench.client(), bench.client(), bench.client());
    assert_eq!(bench.run(&mut waiting, "BLPOP l k 0"), "(blocked)");
    bench.script(
        &mut writer,
        "MULTI -> +OK
         RPUSH l a -> +QUEUED
         LPOP l -> +QUEUED
         HSET l f v -> +QUEUED
         EXEC -> *3 :1 $1 a :1
         BLPOP l 0 -> -WRONGTYPE Operation against a key holding the wrong kind of value
         LPUSH l 1 -> -WRONGTYPE Operation against a key holding the wrong kind of value",
    );
    assert!(waiting.mail().is_none());
    assert_eq!(bench.run(&mut writer, "RPUSH k 1"), ":1");
    assert_eq!(waiting.mail().unwrap(), "*2 $1 k $1 1");
    assert_eq!(bench.run(&mut mover, "BLMOVE src l LEFT LEFT 0"), "(blocked)");
    assert_eq!(bench.run(&mut writer, "RPUSH src 1"), ":1");
    assert!(mover.mail().unwrap().starts_with("-WRONGTYPE"));
    assert_eq!(bench.run(&mut writer, "LLEN src"), ":1");
}

#[test]
fn who_left_is_not_served() {
    let bench = Bench::new();
    let (mut gone, mut waiting, mut writer) = (bench.client(), bench.client(), bench.client());
    assert_eq!(bench.run(&mut gone, "BLPOP l 0"), "(blocked)");
    assert_eq!(bench.run(&mut waiting, "BLPOP l 0"), "(blocked)");
    bench.engine.abandon(&mut gone.session);
    assert_eq!(bench.run(&mut writer, "RPUSH l 1"), ":1");
    assert!(gone.mail().is_none());
    assert_eq!(waiting.mail().unwrap(), "*2 $1 l $1 1");
}

#[test]
fn databases_wait_apart() {
    let bench = Bench::new();
    let (mut waiting, mut writer) = (bench.client(), bench.client());
    waiting.session.db = 1;
    assert_eq!(bench.run(&mut waiting, "BRPOP l 0"), "(blocked)");
    assert_eq!(bench.run(&mut writer, "RPUSH l 0"), ":1");
    assert!(waiting.mail().is_none());
    writer.session.db = 1;
    assert_eq!(bench.run(&mut writer, "RPUSH l 1"), ":1");
    assert_eq!(waiting.mail().unwrap(), "*2 $1 l $1 1");
}

#[test]
fn those_who_left_do_not_fill_the_queues() {
    let bench = Bench::new();
    for n in 0..5000 {
        let mut client = bench.client();
        assert_eq!(bench.run(&mut client, &format!("BLPOP {{tag}}{n} 0")), "(blocked)");
        bench.engine.abandon(&mut client.session);
    }
    let queued = bench.queues_of(b"{tag}");
    assert!(queued <= 64, "{queued} queues");
}

#[test]
fn a_long_queue_is_served_in_order() {
    let bench = Bench::new();
    let mut writer = bench.client();
    let mut clients: Vec<_> = (0..300).map(|_| bench.client()).collect();
    for client in &mut clients {
        assert_eq!(bench.run(client, "BLPOP l other l 0"), "(blocked)");
    }
    // Some in the middle go in the two ways there are.
    for client in clients[100..150].iter_mut() {
        assert_eq!(bench.time_out(client).unwrap(), "*-1");
    }
    for client in clients[150..200].iter_mut() {
        bench.engine.abandon(&mut client.session);
    }
    for n in 0..100 {
        assert_eq!(bench.run(&mut writer, &format!("RPUSH l {n}a {n}b")), ":2");
    }
    let served: Vec<String> = clients.iter_mut().filter_map(|client| client.mail()).collect();
    let expected = (0..100).flat_map(|n| ["a", "b"].map(|x| format!("{n}{x}")));
    let expected: Vec<String> =
        expected.map(|element| format!("*2 $1 l ${} {element}", element.len())).collect();
    assert_eq!(served, expected);
    assert_eq!(bench.engine.db_size(0), 0);
    assert_eq!(bench.queues_of(b"l"), 0);
}
