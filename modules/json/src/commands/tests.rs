//! Tests of the commands: words in, RESP bytes out, as RedisJSON 2.8.3 answered them.

use std::sync::{Arc, Mutex};
use std::task::Waker;

use cairn_core::command::{Access, Command, Flags, Flow, Handler, KeySpec, Spec, Step};
use cairn_core::engine::{Engine, Host, Observed, Worker};
use cairn_core::error::CmdError;
use cairn_core::keyspace::{Event, Put};
use cairn_core::notify::Class;
use cairn_core::reply::{Proto, Reply};
use cairn_core::session::Session;

/// Commands that do to keys what other families do.
const OTHER: &[Spec] = &[
    other("other", |ctx, args| {
        ctx.space.put_bytes(args[1], b"x", Put::Persist);
        Ok(Flow::Done)
    }),
    other("other.expire", |ctx, args| {
        ctx.space.set_expiry(args[1], Some(i64::MAX));
        Ok(Flow::Done)
    }),
    other("other.ttl", |ctx, args| {
        let entry = ctx.space.peek(args[1]);
        ctx.reply.count(entry.and_then(|e| e.expiry()).into_iter().count());
        Ok(Flow::Done)
    }),
];

const fn other(name: &'static str, handler: Handler) -> Spec {
    let keys = const { &[KeySpec::one(1, Access::OW)] };
    Spec { name, arity: 2, flags: Flags::WRITE, keys, handler, ..Spec::DEFAULT }
}

/// An engine with one client.
struct Client {
    engine: Arc<Engine>,
    worker: Worker,
    session: Session,
}

impl Client {
    fn new(proto: Proto) -> Self {
        let engine = Arc::new(Engine::new(1, vec![crate::module()], |r| r.add(OTHER)));
        let worker = engine.worker();
        let mut session = Session::new(engine.next_session_id(), Box::new(()));
        session.proto = proto;
        Self { engine, worker, session }
    }

    /// The reply to a command, CR LF shown as a bar.
    fn call(&mut self, words: &[&[u8]]) -> String {
        let mut reply = Reply::default();
        self.engine.begin_turn(&self.worker);
        let waker = Waker::noop();
        while let Step::Again =
            self.engine.call(&self.worker, &mut self.session, words, &mut reply, waker)
        {}
        self.engine.end_turn(&self.worker);
        String::from_utf8_lossy(reply.as_bytes()).replace("\r\n", "|")
    }

    /// The same for words separated by blanks, names without their prefix.
    fn run(&mut self, line: &str) -> String {
        let line = format!("JSON.{line}");
        self.call(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    fn text(&mut self, key: &str) -> String {
        let reply = self.run(&format!("GET {key}"));
        reply.trim_end_matches('|').rsplit('|').next().unwrap_or_default().to_owned()
    }
}

const DOC: &str = r#"{"a":{"b":1},"arr":[1,{"x":1.5}],"s":"str","n":null,"t":true,"num":5}"#;

/// Runs each command on a fresh document and compares the replies in RESP2 and RESP3.
fn check(cases: &[(&str, &str, &str)]) {
    for (proto, at) in [(Proto::Resp2, 0), (Proto::Resp3, 1)] {
        let mut client = Client::new(proto);
        client.call(&[b"OTHER", b"str"]);
        for (line, resp2, resp3) in cases {
            client.run(&format!("SET k $ {DOC}"));
            client.run("DEL new");
            let expected = [*resp2, if resp3.is_empty() { resp2 } else { resp3 }][at];
            assert_eq!(client.run(line), expected, "{line}");
        }
    }
}

/// Runs a command on a document and compares the reply and the document after it.
fn check_change(cases: &[(&str, &str, &str, &str)]) {
    let mut client = Client::new(Proto::Resp2);
    for (before, line, reply, after) in cases {
        client.run(&format!("SET k $ {before}"));
        assert_eq!(client.run(line), *reply, "{line} on {before}");
        assert_eq!(client.text("k"), *after, "{line} on {before}");
    }
}

#[test]
fn get_shapes_replies_by_paths() {
    check(&[
        ("GET k .a", "$7|{\"b\":1}|", ""),
        ("GET k $.a", "$9|[{\"b\":1}]|", ""),
        ("GET k $.zz", "$2|[]|", ""),
        ("GET k .zz", "-ERR Path '$.zz' does not exist|", ""),
        ("GET k .a .arr", "$35|{\".a\":{\"b\":1},\".arr\":[1,{\"x\":1.5}]}|", ""),
        ("GET k $.a .s", "$30|{\"$.a\":[{\"b\":1}],\".s\":[\"str\"]}|", ""),
        ("GET k $.a $.zz", "$27|{\"$.a\":[{\"b\":1}],\"$.zz\":[]}|", ""),
        ("GET k .a .zz", "-ERR Path '.zz' does not exist|", ""),
        ("GET k a a", "$13|{\"a\":{\"b\":1}}|", ""),
        ("GET k INDENT", "-ERR wrong number of arguments for 'json.get' command|", ""),
        ("GET k indent - $.a", "$13|[-{--\"b\":1-}]|", ""),
        ("GET k NEWLINE ! SPACE _ .a", "$10|{!\"b\":_1!}|", ""),
        ("GET k NOESCAPE .num", "$1|5|", ""),
        ("GET nokey $.[", "$-1|", "_|"),
        ("GET str", "-Existing key has wrong Redis type|", ""),
        ("GET", "-ERR wrong number of arguments for 'json.get' command|", ""),
    ]);
}

#[test]
fn get_formats_exist_in_resp3_alone() {
    let refused = "-ERR FORMAT argument is not supported on RESP2|";
    check(&[
        ("GET k FORMAT STRING $.num", refused, "$3|[5]|"),
        ("GET k FORMAT EXPAND $.a $.t", refused, "*2|*1|%1|$1|b|:1|*1|#t|"),
        ("GET k FORMAT EXPAND .arr", refused, "*1|*1|*2|:1|%1|$1|x|,1.5|"),
        (
            "GET k FORMAT EXPAND1 $.*",
            refused,
            "*1|*6|$7|{\"b\":1}|$13|[1,{\"x\":1.5}]|$5|\"str\"|_|#t|:5|",
        ),
        ("GET k FORMAT EXPAND .zz", refused, "*1|*0|"),
        ("GET k FORMAT", refused, "-ERR wrong number of arguments for 'json.get' command|"),
        ("GET k FORMAT FOO $.a", refused, "-ERR wrong reply format|"),
    ]);
}

#[test]
fn set_creates_by_rule() {
    check(&[
        ("SET new $ 1", "+OK|", ""),
        ("SET new . 1 NX", "+OK|", ""),
        ("SET new $ 1 XX", "$-1|", "_|"),
        ("SET new $.a 1 XX", "$-1|", "_|"),
        ("SET new $.a 1", "-ERR new objects must be created at the root|", ""),
        ("SET new $.[ 1", "-ERR new objects must be created at the root|", ""),
        ("SET k $ 1 nx", "$-1|", "_|"),
        ("SET k $.zz 1 NX", "+OK|", ""),
        ("SET k $.zz 1 XX", "$-1|", "_|"),
        ("SET k $.zz.y 1", "$-1|", "_|"),
        ("SET k $.s.y 1", "$-1|", "_|"),
        ("SET k $.arr[7] 1", "-ERR array index out of range|", ""),
        ("SET k $..q 1", "-Err wrong static path|", ""),
        ("SET k $.* 1 NX", "-Err wrong static path|", ""),
        ("SET k $ bad", "-expected value at line 1 column 1|", ""),
        ("SET k $ ", "-EOF while parsing a value at line 1 column 0|", ""),
        ("SET k $ bad foo", "-ERR syntax error|", ""),
        ("SET k $ 1 NX XX", "-ERR syntax error|", ""),
        ("SET k $ 1 FORMAT STRING", "+OK|", ""),
        ("SET k $", "-ERR wrong number of arguments for 'json.set' command|", ""),
        ("SET str $ 1", "-Existing key has wrong Redis type|", ""),
    ]);
    check_change(&[
        (r#"{"a":{"b":1}}"#, "SET k $.a.c 2", "+OK|", r#"{"a":{"b":1,"c":2}}"#),
        (r#"{"a":{"b":1}}"#, "SET k .c [2]", "+OK|", r#"{"a":{"b":1},"c":[2]}"#),
        ("[1,[2]]", "SET k $..[0] 5", "+OK|", "[5,[5]]"),
        ("[1,[2]]", "SET k $ {}", "+OK|", "{}"),
    ]);
}

#[test]
fn merge_and_mset() {
    check(&[
        ("MERGE new $ {\"a\":null}", "+OK|", ""),
        ("MERGE new $.a 1", "-ERR new objects must be created at the root|", ""),
        ("MERGE k $.zz.y 1", "$-1|", "_|"),
        ("MERGE k $.a 1 extra", "-ERR syntax error|", ""),
        ("MERGE k $.a", "-ERR wrong number of arguments for 'json.merge' command|", ""),
        ("MERGE str $ 1", "-Existing key has wrong Redis type|", ""),
        ("MSET k $.a 1 new $ 2", "+OK|", ""),
        ("MSET k $.zz.y 1", "+OK|", ""),
        ("MSET k $ 1 new", "-ERR wrong number of arguments for 'json.mset' command|", ""),
        ("MSET k $ 1 new $.a 2", "-ERR new objects must be created at the root|", ""),
        ("MSET k $ 1 str $ 2", "-Existing key has wrong Redis type|", ""),
    ]);
    check_change(&[
        (r#"{"a":{"b":1}}"#, r#"MERGE k $ {"a":{"b":null,"c":2}}"#, "+OK|", r#"{"a":{"c":2}}"#),
        (r#"{"a":1}"#, "MSET k $.a 3 k $.c 2", "+OK|", r#"{"a":3,"c":2}"#),
        // An error in one part leaves all keys as they were.
        (r#"{"a":1}"#, "MSET k $.a 2 k $..q 2", "-Err wrong static path|", r#"{"a":1}"#),
        (r#"{"a":1}"#, "MSET k $.a 2 k $ bad", "-expected value at line 1 column 1|", r#"{"a":1}"#),
    ]);
}

#[test]
fn del_clear_and_mget() {
    check(&[
        ("DEL k", ":1|", ""),
        ("FORGET k $..*", ":6|", ""),
        ("DEL k .zz", ":0|", ""),
        ("DEL nokey $.[", ":0|", ""),
        ("DEL str", "-Existing key has wrong Redis type|", ""),
        ("CLEAR k", ":1|", ""),
        ("CLEAR k $.s", ":0|", ""),
        ("CLEAR k $.*", ":3|", ""),
        ("CLEAR nokey", "-ERR could not perform this operation on a key that doesn't exist|", ""),
        ("MGET k nokey str $.num", "*3|$3|[5]|$-1|$-1|", "*3|$3|[5]|_|_|"),
        ("MGET k .num", "*1|$1|5|", ""),
        ("MGET k .zz", "*1|$-1|", "*1|_|"),
        ("MGET k $.zz", "*1|$2|[]|", ""),
        ("MGET k $.[", "*1|$-1|", "*1|_|"),
        ("MGET k", "-ERR wrong number of arguments for 'json.mget' command|", ""),
    ]);
    let mut client = Client::new(Proto::Resp2);
    client.run("SET k $ 1");
    assert_eq!(client.run("DEL k $"), ":1|");
    assert_eq!(client.run("GET k"), "$-1|");
}

#[test]
fn type_nests_in_resp3() {
    check(&[
        ("TYPE k", "$6|object|", "*1|$6|object|"),
        ("TYPE k $.num", "*1|$7|integer|", "*1|*1|$7|integer|"),
        ("TYPE k .arr[1].x", "$6|number|", "*1|$6|number|"),
        ("TYPE k $.zz", "*0|", "*1|*0|"),
        ("TYPE k .zz", "$-1|", "*1|_|"),
        ("TYPE k .[", "$-1|", "*1|_|"),
        ("TYPE nokey $.a", "$-1|", "*1|_|"),
        ("TYPE str", "-Existing key has wrong Redis type|", ""),
    ]);
}

#[test]
fn numbers() {
    let wrong = "-ERR Path '$.s' does not exist or does not contains a number|";
    check(
        &[
            ("NUMINCRBY k $.num 1", "$3|[6]|", "*1|:6|"),
            ("NUMINCRBY k .num 1.5", "$3|6.5|", "*1|,6.5|"),
            ("NUMINCRBY k $.* 1", "$28|[null,null,null,null,null,6]|", "*6|_|_|_|_|_|:6|"),
            ("NUMINCRBY k .s 1", wrong, "*1|_|"),
            ("NUMINCRBY k $.zz 1", "$2|[]|", "*0|"),
            ("NUMINCRBY k $.num bad", "-ERR expected value at line 1 column 1|", ""),
            ("NUMINCRBY k $.num \"x\"", "-bad input number|", ""),
            ("NUMINCRBY k $.s bad", "$6|[null]|", "*1|_|"),
            (
                "NUMINCRBY nokey $ bad",
                "-ERR could not perform this operation on a key that doesn't exist|",
                "",
            ),
            ("NUMINCRBY str $ 1", "-Existing key has wrong Redis type|", ""),
            (
                "NUMINCRBY k $.num",
                "-ERR wrong number of arguments for 'json.numincrby' command|",
                "",
            ),
            ("NUMMULTBY k $.num 3", "$4|[15]|", "*1|:15|"),
            ("NUMPOWBY k $.num 2", "$4|[25]|", "*1|:25|"),
            ("NUMPOWBY k .arr[1].x 2", "$4|2.25|", "*1|,2.25|"),
        ][..12],
    );
    check(&[
        ("NUMPOWBY k $.num 2", "$4|[25]|", "*1|:25|"),
        ("NUMPOWBY k .arr[1].x 2", "$4|2.25|", "*1|,2.25|"),
        ("NUMMULTBY k $.num 1e308", "-ERR result is not a number|", ""),
    ]);
    check_change(&[
        (
            r#"{"a":true,"c":{"a":1,"d":{"a":2}}}"#,
            "NUMINCRBY k ..a 1",
            "$1|3|",
            r#"{"a":true,"c":{"a":2,"d":{"a":3}}}"#,
        ),
        (
            "9223372036854775807",
            "NUMINCRBY k $ 1",
            "$21|[9223372036854775808]|",
            "9223372036854775808",
        ),
    ]);
}

#[test]
fn strings_and_booleans() {
    check(&[
        ("STRAPPEND k $.s \"x\"", "*1|:4|", ""),
        ("STRAPPEND k .s \"x\"", ":4|", ""),
        ("STRAPPEND k .a \"x\"", "-ERR Path '$.a' does not exist or not a string|", ""),
        ("STRAPPEND k $.* \"x\"", "*6|$-1|$-1|:4|$-1|$-1|$-1|", "*6|_|_|:4|_|_|_|"),
        (
            "STRAPPEND k $.s 1",
            "-WRONGTYPE wrong type of path value - expected string but found 1|",
            "",
        ),
        ("STRAPPEND k $.s bad", "-ERR expected value at line 1 column 1|", ""),
        ("STRAPPEND k $.num bad", "*1|$-1|", "*1|_|"),
        ("STRAPPEND k \"x\"", "-ERR Path '$' does not exist or not a string|", ""),
        ("STRLEN k .s", ":3|", ""),
        (
            "STRLEN k $..*",
            "*10|$-1|$-1|:3|$-1|$-1|$-1|$-1|$-1|$-1|$-1|",
            "*10|_|_|:3|_|_|_|_|_|_|_|",
        ),
        (
            "STRLEN k .a",
            "-WRONGTYPE wrong type of path value - expected string but found object|",
            "",
        ),
        ("STRLEN k .zz", "-ERR Path '$.zz' does not exist|", ""),
        ("STRLEN nokey .a", "$-1|", "_|"),
        (
            "STRLEN nokey $.a",
            "-ERR could not perform this operation on a key that doesn't exist|",
            "",
        ),
        ("TOGGLE k $.t", "*1|:0|", ""),
        ("TOGGLE k .t", "$5|false|", ""),
        ("TOGGLE k $.s", "*1|$-1|", "*1|_|"),
        ("TOGGLE k .s", "-ERR Path '$.s' does not exist or not a bool|", ""),
        ("TOGGLE k", "-ERR wrong number of arguments for 'json.toggle' command|", ""),
        (
            "TOGGLE nokey .t",
            "-ERR could not perform this operation on a key that doesn't exist|",
            "",
        ),
    ]);
}

#[test]
fn arrays() {
    check(&[
        ("ARRAPPEND k $.arr 2 3", "*1|:4|", ""),
        ("ARRAPPEND k .arr 2", ":3|", ""),
        ("ARRAPPEND k .s 2", "-ERR Path '.s' does not exist or not an array|", ""),
        ("ARRAPPEND k $.arr bad", "-expected value at line 1 column 1|", ""),
        ("ARRAPPEND nokey $ bad", "-expected value at line 1 column 1|", ""),
        (
            "ARRAPPEND nokey $ 1",
            "-ERR could not perform this operation on a key that doesn't exist|",
            "",
        ),
        ("ARRAPPEND k $.arr", "-ERR wrong number of arguments for 'json.arrappend' command|", ""),
        ("ARRINSERT k .arr -1 7", ":3|", ""),
        ("ARRINSERT k $.arr 9 7", "-ERR index out of bounds|", ""),
        ("ARRINSERT k $.arr x 7", "-Couldn't parse as integer|", ""),
        ("ARRINSERT k .s 0 7", "-ERR Path '$.s' does not exist or not an array|", ""),
        ("ARRTRIM k $.arr 0 0", "*1|:1|", ""),
        ("ARRTRIM k .zz x 0", "-Couldn't parse as integer|", ""),
        ("ARRPOP k $.arr", "*1|$9|{\"x\":1.5}|", ""),
        ("ARRPOP k .arr 0", "$1|1|", ""),
        ("ARRPOP k .arr x", "$9|{\"x\":1.5}|", ""),
        ("ARRPOP k", "-ERR Path '$' does not exist or not an array|", ""),
        ("ARRLEN k .arr", ":2|", ""),
        ("ARRLEN k $.s", "*1|$-1|", "*1|_|"),
        ("ARRPOP k [0]", "-ERR Path '$.[0]' does not exist or not an array|", ""),
        ("ARRLEN k .s", "-ERR Path '.s' does not exist or not an array|", ""),
        ("ARRLEN k .zz", "-ERR Path '.zz' does not exist|", ""),
        ("ARRLEN nokey", "$-1|", "_|"),
        ("ARRINDEX k .arr {\"x\":1.5}", ":1|", ""),
        ("ARRINDEX k $.arr 7", "*1|:-1|", ""),
        ("ARRINDEX k $.s 7", "*1|$-1|", "*1|_|"),
        (
            "ARRINDEX k .s 7",
            "-WRONGTYPE wrong type of path value - expected array but found string|",
            "",
        ),
        ("ARRINDEX k .zz 7", "-ERR Path '$.zz' does not exist|", ""),
        ("ARRINDEX nokey . 1", "-ERR Path '.' does not exist|", ""),
        ("ARRINDEX nokey . bad", "-ERR expected value at line 1 column 1|", ""),
        ("ARRINDEX k $.arr 1 0 x", "-Couldn't parse as integer|", ""),
        (
            "ARRINDEX k $.arr 1 0 0 0",
            "-ERR wrong number of arguments for 'json.arrindex' command|",
            "",
        ),
    ]);
    check_change(&[
        ("[]", "ARRPOP k $", "*1|$-1|", "[]"),
        ("[]", "ARRPOP k .", "$-1|", "[]"),
        ("[1,2,3]", "ARRPOP k . 9", "$1|3|", "[1,2]"),
        ("[1,2]", "ARRINSERT k $ -1 \"a\" \"b\"", "*1|:4|", r#"[1,"a","b",2]"#),
        (
            r#"{"a":[1,2],"c":{"a":[3,4,5]}}"#,
            "ARRPOP k ..a",
            "$1|5|",
            r#"{"a":[1],"c":{"a":[3,4]}}"#,
        ),
        ("[1,2,3]", "ARRTRIM k $ 5 9", "*1|:0|", "[]"),
    ]);
}

#[test]
fn objects_resp_and_debug() {
    check(&[
        ("OBJKEYS k .a", "*1|$1|b|", ""),
        ("OBJKEYS k $.*", "*6|*1|$1|b|$-1|$-1|$-1|$-1|$-1|", "*6|*1|$1|b|_|_|_|_|_|"),
        ("OBJKEYS k .s", "-ERR Path '$.s' does not exist or not an object|", ""),
        ("OBJKEYS k .zz", "$-1|", "_|"),
        ("OBJKEYS k .[", "$-1|", "_|"),
        (
            "OBJKEYS nokey $",
            "-ERR could not perform this operation on a key that doesn't exist|",
            "",
        ),
        ("OBJLEN k", ":6|", ""),
        (
            "OBJLEN k .s",
            "-WRONGTYPE wrong type of path value - expected object but found string|",
            "",
        ),
        ("OBJLEN k .zz", "$-1|", "_|"),
        ("OBJLEN nokey $.a", "-ERR Path '$.a' does not exist or not an object|", ""),
        ("RESP k .arr", "*3|+[|:1|*3|+{|$1|x|$3|1.5|", "*3|+[|:1|*3|+{|$1|x|,1.5|"),
        ("RESP k $.t", "*1|+true|", ""),
        ("RESP k .n", "$-1|", "_|"),
        ("RESP k .zz", "-ERR Path '$.zz' does not exist|", ""),
        ("RESP nokey $.a", "$-1|", "_|"),
        ("DEBUG MEMORY k $.t", "*1|:8|", ""),
        ("DEBUG MEMORY k .num", ":8|", ""),
        ("DEBUG MEMORY nokey", ":0|", ""),
        ("DEBUG MEMORY nokey $", "*0|", ""),
        ("DEBUG MEMORY k .zz", "-ERR Path '$.zz' does not exist|", ""),
        ("DEBUG MEMORY", "-ERR wrong number of arguments for 'json.debug' command|", ""),
        ("DEBUG foo k", "-ERR unknown subcommand - try `JSON.DEBUG HELP`|", ""),
        (
            "DEBUG help",
            "*2|$42|MEMORY <key> [path] - reports memory usage|$34|HELP                - this message|",
            "",
        ),
    ]);
}

#[test]
fn nesting_is_an_error_not_an_overflow() {
    let mut client = Client::new(Proto::Resp2);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(client.run(&format!("SET k $ {deep}")).starts_with("-recursion limit exceeded"));
    assert_eq!(client.run("SET k $ [1]"), "+OK|");
    for path in [
        format!("$.{}", "[".repeat(10_000)),
        format!("${}", "[0]".repeat(10_000)),
        format!("${}", ".a".repeat(10_000)),
        format!("$[?({}@.a{})]", "(".repeat(10_000), ")".repeat(10_000)),
    ] {
        for command in ["GET k", "DEL k", "TYPE k", "ARRLEN k"] {
            let reply = client.run(&format!("{command} {path}"));
            assert!(reply.starts_with('-'), "{command}: {reply}");
        }
        assert!(client.run(&format!("SET k {path} 1")).starts_with('-'));
    }
    // Growing a document step by step ends at the same limit.
    client.run("SET k $ []");
    let mut path = String::from("$");
    let refused = (0..200).find(|_| {
        let reply = client.run(&format!("ARRAPPEND k {path} []"));
        path.push_str("[0]");
        reply.starts_with('-')
    });
    assert_eq!(refused, Some(crate::tree::MAX_DEPTH - 1));
}

#[test]
fn transactions_run_them() {
    let mut client = Client::new(Proto::Resp2);
    client.call(&[b"MULTI"]);
    assert_eq!(client.run("SET k $ {\"n\":1}"), "+QUEUED|");
    // As in RedisJSON, the number of words is looked at when the command runs.
    assert_eq!(client.run("SET k"), "+QUEUED|");
    assert_eq!(client.run("NUMINCRBY k $.n 2"), "+QUEUED|");
    assert_eq!(client.run("MSET l $ 1 m $ 2"), "+QUEUED|");
    assert_eq!(client.run("MGET k l m $"), "+QUEUED|");
    assert_eq!(
        client.call(&[b"EXEC"]),
        "*5|+OK|-ERR wrong number of arguments for 'json.set' command|$3|[3]|+OK|\
         *3|$9|[{\"n\":3}]|$3|[1]|$3|[2]|"
    );
}

#[test]
fn words_that_are_not_text_are_refused() {
    let mut client = Client::new(Proto::Resp2);
    let refused = "-Couldn't parse as UTF-8 string|";
    assert_eq!(client.call(&[b"JSON.SET", b"k", b"$", b"\"\xff\""]), refused);
    assert_eq!(client.call(&[b"JSON.SET", b"\xff", b"$", b"1"]), "+OK|");
    assert_eq!(client.call(&[b"JSON.SET", b"\xff", b"\xff", b"1"]), refused);
}

/// Keeps what is published.
#[derive(Default)]
struct Events(Mutex<Vec<String>>);

struct Listener(Arc<Events>);

impl Host for Listener {
    fn authorize(&self, _: &Session, _: &Command, _: &[&[u8]]) -> Result<(), CmdError> {
        Ok(())
    }

    fn publish(&self, _: &Session, events: &[Event], _: u64) {
        let mut list = self.0.0.lock().unwrap();
        let shown = |e: &Event| format!("{} {}", e.name, String::from_utf8_lossy(&e.key));
        list.extend(events.iter().filter(|e| e.class == Class::MODULE).map(shown));
    }

    fn used_memory(&self) -> usize {
        0
    }

    fn observe(&self, _: &Session, _: &Observed<'_>) {}

    fn warn(&self, _: &str) {}
}

#[test]
fn changes_alone_are_published_and_logged() {
    let mut client = Client::new(Proto::Resp2);
    let events = Arc::new(Events::default());
    client.engine.set_host(Box::new(Listener(Arc::clone(&events))));
    client.engine.tuning.set_notify_classes(Class::parse("AE").unwrap_or_default());
    let mut log = client.engine.effects.reader(false);
    client.run(&format!("SET k $ {DOC}"));
    let cases: &[(&str, &[&str])] = &[
        ("SET k $.a 1", &["json.set k"]),
        ("SET k $.a 1 NX", &[]),
        ("MERGE k $.zz 1", &["json.merge k"]),
        ("MSET k $.a 1 k $.b 2 l $ 3", &["json.mset k", "json.mset k", "json.mset l"]),
        ("NUMINCRBY k $.num 0", &["json.numincrby k"]),
        ("NUMINCRBY k $.s 1", &[]),
        ("STRAPPEND k .s \"x\"", &["json.strappend k"]),
        ("TOGGLE k $.t", &["json.toggle k"]),
        ("TOGGLE k .s", &[]),
        ("ARRAPPEND k $..* 1", &["json.arrappend k"]),
        ("ARRPOP k $.s", &[]),
        ("CLEAR k $.s", &[]),
        ("CLEAR k $.arr", &["json.clear k"]),
        ("ARRPOP k $.arr", &[]),
        ("GET k", &[]),
        ("FORGET k $.a", &["json.del k"]),
        ("DEL k $.a", &[]),
        ("DEL k", &["json.del k"]),
    ];
    for (line, expected) in cases {
        let mut logged = Vec::new();
        let _ = log.read(usize::MAX, &mut logged);
        logged.clear();
        events.0.lock().unwrap().clear();
        client.run(line);
        assert_eq!(*events.0.lock().unwrap(), *expected, "{line}");
        assert!(log.read(usize::MAX, &mut logged).is_ok());
        let logged = String::from_utf8_lossy(&logged);
        // What is logged are the command's own words.
        let verb = line.split(' ').next().unwrap();
        assert_eq!(logged.contains(&format!("JSON.{verb}\r\n")), !expected.is_empty(), "{line}");
    }
}

#[test]
fn an_expiry_outlives_a_new_value() {
    let mut client = Client::new(Proto::Resp2);
    client.run("SET k $ 1");
    client.call(&[b"OTHER.EXPIRE", b"k"]);
    for line in ["SET k $ 2", "MSET k $ 3", "MERGE k $ 4"] {
        client.run(line);
        assert_eq!(client.call(&[b"OTHER.TTL", b"k"]), ":1|", "{line}");
    }
}
