//! The query pool: commands that wait for it keep their place, and others do not wait.

use cairn_tests::client::Client;
use cairn_tests::process::Server;

use crate::{eventually, info, server};

/// Documents of the index: enough for a phrase to be worth the pool.
const DOCS: usize = 3000;

/// A phrase that every document has.
const PHRASE: &str = "\"deep water\"";

/// More jobs than the pool has threads.
const MANY: usize = 8;

fn with_debug() -> Server {
    server(&["--enable-debug-command", "yes", "--slowlog-log-slower-than", "20000"])
}

fn with_index(server: &Server) -> Client {
    let mut client = server.connect();
    assert_eq!(client.run("FT.CREATE i PREFIX 1 d: SCHEMA t TEXT n NUMERIC"), "+OK");
    for n in 0..DOCS {
        client.send(&["HSET", &format!("d:{n}"), "t", "a deep water well", "n", &n.to_string()]);
    }
    for _ in 0..DOCS {
        assert_eq!(client.shown(), ":2");
    }
    client
}

/// Keeps every thread of the pool busy for a while.
fn occupy(server: &Server) -> Vec<Client> {
    let mut busy: Vec<Client> = (0..MANY).map(|_| server.connect()).collect();
    busy.iter_mut().for_each(|client| client.send_line("DEBUG POOL SLEEP 0.3"));
    eventually("all jobs are there", || {
        let list = server.connect().call(&["CLIENT", "LIST"]).text();
        list.matches("cmd=debug|pool").count() == MANY
    });
    busy
}

#[test]
fn replies_keep_their_order_and_see_what_came_before() {
    let server = with_debug();
    let mut client = with_index(&server);
    for round in 0..20 {
        client.send(&["FT.SEARCH", "i", PHRASE, "LIMIT", "0", "1", "NOCONTENT"]);
        client.send(&["HSET", &format!("d:new{round}"), "t", "deep water again"]);
        client.send(&["FT.SEARCH", "i", PHRASE, "LIMIT", "0", "0"]);
        client.send(&["SET", "k", &round.to_string()]);
        client.send(&["FT.SEARCH", "i", "again", "RETURN", "1", "t", "LIMIT", "0", "1"]);
        client.send(&["GET", "k"]);
    }
    for round in 0..20 {
        let first = client.read();
        assert_eq!(first.items()[0].int(), Some((DOCS + round) as i64));
        assert_eq!(first.items().len(), 2);
        assert_eq!(client.shown(), ":1");
        assert_eq!(client.shown(), format!("[:{}]", DOCS + round + 1));
        assert_eq!(client.shown(), "+OK");
        let fields = "[\"t\" \"deep water again\"]";
        assert_eq!(client.shown(), format!("[:{} \"d:new0\" {fields}]", round + 1));
        assert_eq!(client.shown(), format!("\"{round}\""));
    }
}

#[test]
fn large_answers_come_whole_in_both_protocols() {
    let server = with_debug();
    let mut client = with_index(&server);
    let search = ["FT.SEARCH", "i", PHRASE, "LIMIT", "0", "10000"];
    let flat = client.call(&search);
    assert_eq!(flat.items().len(), 1 + 2 * DOCS);
    let keys = flat.items().iter().skip(1).step_by(2).map(|key| key.text());
    assert_eq!(keys.collect::<std::collections::BTreeSet<_>>().len(), DOCS);
    client.run("HELLO 3");
    let map = client.call(&search).to_string();
    assert_eq!(map.matches("\"a deep water well\"").count(), DOCS);
    assert!(map.contains(&format!("+total_results=:{DOCS}")), "{}", &map[map.len() - 200..]);
}

#[test]
fn other_connections_do_not_wait() {
    let server = with_debug();
    let mut busy = occupy(&server);
    let mut other = server.connect();
    assert_eq!(other.run("SET k v"), "+OK");
    assert_eq!(other.run("PING"), "+PONG");
    assert_eq!(info(&mut other, "clients", "blocked_clients"), 0);
    busy.iter_mut().for_each(|client| assert_eq!(client.shown(), "+OK"));
}

#[test]
fn an_index_may_be_dropped_before_a_query_runs() {
    let server = with_debug();
    let mut client = with_index(&server);
    let busy = occupy(&server);
    client.send(&["FT.SEARCH", "i", PHRASE, "LIMIT", "0", "3"]);
    let mut other = server.connect();
    eventually("the query waits", || {
        other.call(&["CLIENT", "LIST"]).text().contains("cmd=ft.search")
    });
    assert_eq!(other.run("FT.DROPINDEX i DD"), "+OK");
    let reply = client.read();
    // It saw the index as it was when it came; its documents are gone.
    assert_eq!(reply.to_string(), format!("[:{DOCS}]"));
    assert_eq!(client.run("FT.SEARCH i x"), "-ERR i: no such index");
    drop(busy);
}

#[test]
fn clients_may_go_meanwhile() {
    let server = with_debug();
    let mut other = server.connect();
    drop(occupy(&server));
    eventually("those who left are gone", || info(&mut other, "clients", "connected_clients") == 1);
    let mut killed = server.connect();
    let id = killed.call(&["CLIENT", "ID"]).int().expect("an id");
    killed.send_line("DEBUG POOL SLEEP 5");
    eventually("its job is there", || {
        other.call(&["CLIENT", "LIST"]).text().contains("cmd=debug|pool")
    });
    assert_eq!(other.run(&format!("CLIENT KILL ID {id}")), ":1");
    assert!(killed.is_closed());
}

#[test]
fn a_panic_is_an_error() {
    let server = with_debug();
    let mut client = server.connect();
    let aborted = "-ERR internal error: command 'debug|pool' was aborted";
    for _ in 0..MANY {
        assert_eq!(client.run("DEBUG POOL PANIC"), aborted);
    }
    assert_eq!(client.run("DEBUG POOL SLEEP 0"), "+OK");
    assert!(server.log().contains("DEBUG POOL PANIC was called"));
    let stats = client.call(&["INFO", "commandstats"]).text();
    let line = stats.lines().find(|l| l.starts_with("cmdstat_debug|pool:")).expect("a line");
    assert!(line.contains("calls=9,") && line.ends_with("failed_calls=8"), "{line}");
    assert_eq!(client.run("MULTI"), "+OK");
    assert_eq!(client.run("DEBUG POOL PANIC"), "+QUEUED");
    assert_eq!(client.run("SET k v"), "+QUEUED");
    assert_eq!(client.run("EXEC"), format!("[{aborted} +OK]"));
}

#[test]
fn replies_may_be_off() {
    let server = with_debug();
    let mut client = with_index(&server);
    client.send_line("CLIENT REPLY SKIP");
    client.send(&["FT.SEARCH", "i", PHRASE]);
    client.send_line("DEBUG POOL SLEEP 0");
    client.send_line("CLIENT REPLY OFF");
    client.send(&["FT.SEARCH", "i", PHRASE]);
    client.send_line("DEBUG POOL SLEEP 0");
    client.send_line("CLIENT REPLY ON");
    assert_eq!(client.shown(), "+OK");
    assert_eq!(client.shown(), "+OK");
    assert_eq!(client.run("ECHO end"), "\"end\"");
}

#[test]
fn transactions_search_at_once() {
    let server = with_debug();
    let mut client = with_index(&server);
    let busy = occupy(&server);
    client.run("MULTI");
    for _ in 0..2 {
        client.call(&["FT.SEARCH", "i", PHRASE, "LIMIT", "0", "0"]);
        client.call(&["HSET", "d:new", "t", "deep water"]);
    }
    assert_eq!(client.run("EXEC"), format!("[[:{DOCS}] :1 [:{}] :0]", DOCS + 1));
    drop(busy);
}

#[test]
fn the_time_of_a_job_is_counted() {
    let server = with_debug();
    let mut client = server.connect();
    assert_eq!(client.run("DEBUG POOL SLEEP 0.05"), "+OK");
    let entries = client.call(&["SLOWLOG", "GET", "10"]);
    let newest = entries.items()[0].items();
    assert_eq!(newest[3].to_string(), "[\"DEBUG\" \"POOL\" \"SLEEP\" \"0.05\"]");
    assert!(newest[2].int().is_some_and(|micros| micros >= 50_000));
    let stats = client.call(&["INFO", "commandstats"]).text();
    let line = stats.lines().find(|l| l.starts_with("cmdstat_debug|pool:")).expect("a line");
    assert!(line.contains("calls=1,"), "{line}");
}
