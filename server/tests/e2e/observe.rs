//! SLOWLOG, LATENCY, MONITOR, INFO's figures of commands, and DEBUG DIGEST.

use cairn_tests::client::{Client, encode};

use crate::{eventually, info, server};

#[test]
fn slow_commands_are_remembered() {
    let server = server(&["--slowlog-log-slower-than", "0", "--slowlog-max-len", "3"]);
    let mut client = server.connect();
    assert_eq!(client.run("CLIENT SETNAME me"), "+OK");
    for n in 0..5 {
        client.run(&format!("SET key{n} x"));
    }
    let entries = client.call(&["SLOWLOG", "GET", "-1"]);
    let entries = entries.items();
    assert_eq!(entries.len(), 3);
    let newest = entries[0].items();
    assert_eq!(newest[3].to_string(), "[\"SET\" \"key4\" \"x\"]");
    assert_eq!(newest[5].text(), "me");
    assert_eq!(client.run("CONFIG SET slowlog-log-slower-than -1"), "+OK");
    assert_eq!(client.run("SLOWLOG RESET"), "+OK");
    assert_eq!(client.run("SLOWLOG LEN"), ":0");
    assert!(client.run("SLOWLOG GET -2").starts_with("-ERR count should be greater"));
}

#[test]
fn transactions_show_their_commands_and_not_exec() {
    let server = server(&["--slowlog-log-slower-than", "0"]);
    let mut client = server.connect();
    for command in ["MULTI", "SET a 1", "GET a", "EXEC"] {
        client.run(command);
    }
    let log = client.call(&["SLOWLOG", "GET", "10"]).to_string();
    assert!(log.contains("\"GET\" \"a\"") && !log.contains("\"EXEC\""), "{log}");
}

#[test]
fn monitor_sees_commands_of_all_threads_without_passwords() {
    let server = server(&[]);
    let mut monitor = server.connect();
    assert_eq!(monitor.run("MONITOR"), "+OK");
    for n in 0..4 {
        server.connect().run(&format!("SET key{n} x"));
    }
    let mut seen = String::new();
    for _ in 0..4 {
        seen.push_str(&monitor.read().to_string());
    }
    (0..4).for_each(|n| assert!(seen.contains(&format!("\"SET\" \"key{n}\" \"x\"")), "{seen}"));
    server.connect().run("AUTH secret");
    let line = monitor.read().to_string();
    assert!(line.contains("(redacted)") && !line.contains("secret"), "{line}");
}

#[test]
fn figures_of_commands() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("SET text x");
    client.run("LPUSH text 1");
    client.run("GET");
    let stats = client.call(&["INFO", "commandstats"]).text();
    let line = |name: &str| stats.lines().find(|l| l.starts_with(name)).unwrap_or("").to_string();
    assert!(line("cmdstat_set:").contains("calls=1,"), "{stats}");
    assert!(line("cmdstat_lpush:").ends_with("rejected_calls=0,failed_calls=1"), "{stats}");
    assert!(line("cmdstat_get:").ends_with("rejected_calls=1,failed_calls=0"), "{stats}");
    let errors = client.call(&["INFO", "errorstats"]).text();
    assert!(errors.contains("errorstat_ERR:count=1\r\nerrorstat_WRONGTYPE:count=1"), "{errors}");
    assert_eq!(info(&mut client, "stats", "total_error_replies"), 2);
    let latencies = client.call(&["INFO", "latencystats"]).text();
    assert!(latencies.contains("latency_percentiles_usec_set:p50="), "{latencies}");
    let histogram = client.run("LATENCY HISTOGRAM set");
    assert!(histogram.starts_with("[\"set\" [\"calls\" :1 \"histogram_usec\""), "{histogram}");
}

#[test]
fn latency_events() {
    let server = server(&["--latency-monitor-threshold", "20", "--enable-debug-command", "yes"]);
    let mut client = server.connect();
    client.run("DEBUG SLEEP 0.05");
    let latest = client.run("LATENCY LATEST");
    assert!(latest.starts_with("[[\"command\" :"), "{latest}");
    assert_eq!(client.run("LATENCY RESET command"), ":1");
    assert_eq!(client.run("LATENCY HISTORY command"), "[]");
}

/// The digests that a Redis 8.2 gives for the same data.
#[test]
fn digests_are_those_of_redis() {
    let server = server(&["--enable-debug-command", "yes"]);
    let mut client = server.connect();
    assert_eq!(client.run("DEBUG DIGEST"), format!("+{}", "0".repeat(40)));
    for command in ["SET string abc", "SET number 12", "RPUSH list a b c", "HSET hash f v g w"] {
        client.run(command);
    }
    assert_eq!(client.run("DEBUG DIGEST"), "+dafbc5c620f5d00e740c78b6a872a71a8cbc9e32");
    client.run("EXPIRE string 1000");
    assert_eq!(client.run("DEBUG DIGEST"), "+483e721a91ad8362c467f8e3c00a3cb2542c10bd");
}

#[test]
fn clients_that_take_too_much_are_closed() {
    let server = server(&["--maxmemory-clients", "1mb"]);
    let mut client = server.connect();
    let mut greedy = server.connect();
    greedy.run("MULTI");
    let set = encode(&["SET", "key", &"x".repeat(512 * 1024)]);
    // It may be closed before it has sent all.
    (0..4).take_while(|_| greedy.try_send_raw(&set).is_ok()).for_each(drop);
    eventually("eviction", || info(&mut client, "stats", "evicted_clients") == 1);
    assert_eq!(client.run("PING"), "+PONG");
}

/// The databases that MEMORY STATS tells of.
fn databases_in_memory(client: &mut Client) -> Vec<String> {
    let stats = client.call(&["MEMORY", "STATS"]);
    let names = stats.items().chunks(2).map(|pair| pair[0].text());
    names.filter(|name| name.starts_with("db.") && name.len() == 4).collect()
}

#[test]
fn a_database_has_tables_from_its_first_key_until_it_is_flushed() {
    let server = server(&[]);
    let mut client = server.connect();
    assert!(databases_in_memory(&mut client).is_empty());
    client.run("SET key value");
    client.run("DEL key");
    client.run("SELECT 3");
    client.run("SET key value");
    assert_eq!(databases_in_memory(&mut client), ["db.0", "db.3"]);
    client.run("FLUSHDB");
    client.run("SWAPDB 0 5");
    assert_eq!(databases_in_memory(&mut client), ["db.5"]);
    client.run("FLUSHALL");
    assert!(databases_in_memory(&mut client).is_empty());
}

#[test]
fn module_explains_itself() {
    let server = server(&[]);
    let mut client = server.connect();
    let help: Vec<String> =
        client.call(&["MODULE", "HELP"]).items().iter().map(|line| line.text()).collect();
    assert!(help[0].starts_with("MODULE <subcommand>"));
    assert!(["LIST", "HELP"].iter().all(|name| help.iter().any(|line| line == name)));
    assert_eq!(
        client.run("MODULE HELP x"),
        "-ERR wrong number of arguments for 'module|help' command"
    );
}

#[test]
fn info_tells_how_long_keys_have_left() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("SET lasting value");
    (0..100).for_each(|n| drop(client.run(&format!("SET key:{n} value EX 1000"))));
    let average = |client: &mut Client| {
        let text = client.run("INFO keyspace");
        let digits = text.split_once("avg_ttl=").expect("there is one").1;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits[..end].parse::<u64>().expect("a number")
    };
    eventually("active expiry has looked", || average(&mut client) > 0);
    let found = average(&mut client);
    assert!((900_000..=1_000_000).contains(&found), "{found}");
    (0..100).for_each(|n| drop(client.run(&format!("PERSIST key:{n}"))));
    assert_eq!(average(&mut client), 0);
}

#[test]
fn info_tells_how_long_there_is_too_much() {
    let server = server(&["--maxmemory-policy", "noeviction"]);
    let mut client = server.connect();
    assert_eq!(info(&mut client, "stats", "total_eviction_exceeded_time"), 0);
    client.run("CONFIG SET maxmemory 1");
    eventually("time passes", || info(&mut client, "stats", "current_eviction_exceeded_time") > 0);
    client.run("CONFIG SET maxmemory 0");
    eventually("it is over", || info(&mut client, "stats", "current_eviction_exceeded_time") == 0);
    assert!(info(&mut client, "stats", "total_eviction_exceeded_time") > 0);
    client.run("CONFIG RESETSTAT");
    assert_eq!(info(&mut client, "stats", "total_eviction_exceeded_time"), 0);
}

#[test]
fn info_counts_what_was_slow() {
    let server = server(&["--slowlog-log-slower-than", "0"]);
    let mut client = server.connect();
    (0..5).for_each(|n| drop(client.run(&format!("SET key:{n} value"))));
    assert!(info(&mut client, "stats", "slowlog_commands_count") >= 5);
    client.run("CONFIG SET slowlog-log-slower-than -1");
    client.run("CONFIG RESETSTAT");
    assert_eq!(info(&mut client, "stats", "slowlog_commands_count"), 0);
    assert!(info(&mut client, "stats", "total_writes_processed") > 0);
}
