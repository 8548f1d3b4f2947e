//! CONFIG and configuration files.

use cairn_tests::client::Client;
use cairn_tests::process::{Server, fresh_dir};

use crate::{BINARY, eventually, has, server};

#[test]
fn get_and_set() {
    let server = server(&[]);
    let mut client = server.connect();
    assert_eq!(client.run("CONFIG GET maxmemory-policy"), "[\"maxmemory-policy\" \"noeviction\"]");
    assert_eq!(client.run("CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru"), "+OK");
    assert_eq!(client.run("CONFIG GET maxmemory"), "[\"maxmemory\" \"104857600\"]");
    let several = client.call(&["CONFIG", "GET", "maxmemory*", "timeout"]);
    let names: Vec<String> = several.items().chunks(2).map(|pair| pair[0].text()).collect();
    assert!(
        ["maxmemory", "maxmemory-policy", "maxmemory-samples", "timeout"]
            .iter()
            .all(|n| names.contains(&n.to_string()))
    );
    assert_eq!(client.run("CONFIG GET no-such-parameter"), "[]");
    // All or nothing.
    assert!(client.run("CONFIG SET timeout 77 maxmemory-policy nonsense").starts_with("-ERR"));
    assert_eq!(client.run("CONFIG GET timeout"), "[\"timeout\" \"0\"]");
    assert!(client.run("CONFIG SET databases 3").starts_with("-ERR CONFIG SET failed"));
    assert!(client.run("CONFIG SET no-such-parameter 1").starts_with("-ERR Unknown option"));
    assert_eq!(client.run("CONFIG REWRITE"), "-ERR The server is running without a config file");
}

#[test]
fn a_rewritten_file_is_what_a_restart_reads() {
    let dir = fresh_dir();
    let path = dir.join("cairn.conf");
    let file = "# A comment that stays.\nmaxclients 500\n\n# Another.\ntimeout 10\n";
    std::fs::write(&path, file).expect("a file");
    let path = path.to_str().expect("UTF-8").to_string();
    // It lives on, since `dir`, which is in the file as well, goes with it.
    let first = Server::start(BINARY, &[&path]);
    let mut client = first.connect();
    assert_eq!(client.run("CONFIG GET timeout"), "[\"timeout\" \"10\"]");
    assert_eq!(client.run("CONFIG SET timeout 20 maxmemory 1gb"), "+OK");
    assert_eq!(client.call(&["CONFIG", "SET", "requirepass", "a \"b\""]).to_string(), "+OK");
    assert_eq!(client.run("CONFIG REWRITE"), "+OK");
    let text = std::fs::read_to_string(&path).expect("the file");
    assert!(
        text.starts_with("# A comment that stays.\nmaxclients 500\n\n# Another.\ntimeout 20\n")
    );
    assert_eq!(text.matches("maxmemory ").count(), 1, "{text}");
    let server = Server::start_in(BINARY, dir, &[&path]);
    let mut client = server.connect();
    assert_eq!(client.call(&["AUTH", "a \"b\""]).to_string(), "+OK");
    assert_eq!(client.run("CONFIG GET timeout"), "[\"timeout\" \"20\"]");
    assert_eq!(client.run("CONFIG GET maxmemory"), "[\"maxmemory\" \"1073741824\"]");
    assert_eq!(client.run("CONFIG GET maxclients"), "[\"maxclients\" \"500\"]");
}

/// Directives in the manner of a distribution's redis.conf: quoted, in capitals, repeated, with
/// units, aliases, empty values and ones for parts that are not here yet.
const FILE: &str = r#"
# Network
bind 127.0.0.1 -::1
protected-mode yes
tcp-backlog 128
timeout 0
tcp-keepalive 300

# General
daemonize no
supervised auto
loglevel notice
logfile ""
databases 16
always-show-logo no
set-proc-title yes
proc-title-template "{title} {listen-addr} {server-mode}"
locale-collate ""

# Snapshots
save 3600 1 300 100 60 10000
stop-writes-on-bgsave-error yes
rdbcompression yes
rdbchecksum yes
dbfilename dump.rdb
rdb-del-sync-files no
dir .

# Replication
replica-serve-stale-data yes
replica-read-only yes
repl-diskless-sync yes
repl-diskless-sync-delay 5
repl-diskless-sync-max-replicas 0
repl-diskless-load disabled
repl-disable-tcp-nodelay no
slave-priority 100

# Security, clients, memory
acllog-max-len 128
ACLLOG-MAX-LEN 64
rename-command LOLWUT ""
rename-command TIME CLOCK
maxclients 1000
maxmemory 2gb
maxmemory-policy allkeys-lfu
maxmemory-samples 7
lazyfree-lazy-eviction no
lazyfree-lazy-user-flush no
io-threads 2
oom-score-adj no
oom-score-adj-values 0 200 800
disable-thp yes

# Append-only file
appendonly no
appendfilename "appendonly.aof"
appenddirname "appendonlydir"
appendfsync everysec
no-appendfsync-on-rewrite no
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
aof-load-truncated yes
aof-use-rdb-preamble yes

# The rest
slowlog-log-slower-than 10000
slowlog-max-len 128
latency-monitor-threshold 0
notify-keyspace-events "Ex"
hash-max-listpack-entries 512
hash-max-ziplist-value 64
list-max-listpack-size -2
list-compress-depth 0
set-max-intset-entries 512
zset-max-listpack-entries 128
zset-max-listpack-value 64
hll-sparse-max-bytes 3000
stream-node-max-bytes 4096
stream-node-max-entries 100
activerehashing yes
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit replica 256mb 64mb 60
client-output-buffer-limit pubsub 32mb 8mb 60
hz 10
dynamic-hz yes
jemalloc-bg-thread yes
"#;

#[test]
fn a_file_as_distributions_have_it() {
    let dir = fresh_dir();
    let path = dir.join("redis.conf");
    let file = FILE.replace("locale-collate \"\"\n", "");
    let file = format!("{file}activedefrag yes\nactivedefrag yes\n");
    std::fs::write(&path, file).expect("a file");
    let path = path.to_str().expect("UTF-8").to_string();
    let server = Server::start_in(BINARY, dir, &[&path]);
    let mut client = server.connect();
    for (name, value) in [
        ("maxmemory", "2147483648"),
        ("maxmemory-policy", "allkeys-lfu"),
        ("acllog-max-len", "64"),
        ("replica-priority", "100"),
        ("hash-max-listpack-value", "64"),
        ("notify-keyspace-events", "xE"),
        ("save", "3600 1 300 100 60 10000"),
        (
            "client-output-buffer-limit",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
    ] {
        let pair = client.call(&["CONFIG", "GET", name]);
        assert_eq!(pair.to_string(), format!("[\"{name}\" \"{value}\"]"));
    }
    assert!(client.run("LOLWUT").starts_with("-ERR unknown command"));
    assert!(client.run("TIME").starts_with("-ERR unknown command"));
    assert_eq!(client.call(&["CLOCK"]).items().len(), 2);
    assert!(client.call(&["INFO", "server"]).text().contains(&format!("config_file:{path}")));
    let log = server.log();
    let warnings = log.lines().filter(|line| line.contains("has no effect yet"));
    let names: Vec<&str> = warnings.filter_map(|line| line.split('\'').nth(1)).collect();
    assert_eq!(names, ["acllog-max-len", "activedefrag"], "each once, however often it is said");
}

#[test]
fn options_of_the_command_line_win() {
    let dir = fresh_dir();
    let path = dir.join("cairn.conf");
    std::fs::write(&path, "timeout 10\nmaxclients 7\n").expect("a file");
    let path = path.to_str().expect("UTF-8").to_string();
    let server = Server::start_in(BINARY, dir, &[&path, "--timeout", "30", "--hz", "50"]);
    let mut client = server.connect();
    assert_eq!(client.run("CONFIG GET timeout"), "[\"timeout\" \"30\"]");
    assert_eq!(client.run("CONFIG GET maxclients"), "[\"maxclients\" \"7\"]");
    assert_eq!(client.run("CONFIG GET hz"), "[\"hz\" \"50\"]");
}

#[test]
fn passwords_can_be_set_for_running_connections() {
    let server = server(&[]);
    let (mut boss, mut stranger) = (server.connect(), server.connect());
    assert_eq!(stranger.run("GET k"), "nil");
    assert_eq!(boss.run("CONFIG SET requirepass secret"), "+OK");
    assert_eq!(stranger.run("GET k"), "nil", "who is in stays in");
    assert_eq!(server.connect().run("GET k"), "-NOAUTH Authentication required.");
}

#[test]
fn modules_can_be_left_out() {
    let server = server(&["--cairn-modules", "json"]);
    let mut client = server.connect();
    assert!(has(&mut client, "json.set") && has(&mut client, "set"));
    assert!(!has(&mut client, "ft.search") && !has(&mut client, "ts.add"));
    let modules = client.call(&["MODULE", "LIST"]).to_string();
    assert!(modules.contains("ReJSON") && !modules.contains("search"), "{modules}");
    assert_eq!(client.run("CONFIG GET cairn-modules"), "[\"cairn-modules\" \"json\"]");
    drop(server);
    let none = crate::server(&["--cairn-modules", ""]);
    assert_eq!(none.connect().run("MODULE LIST"), "[]");
}

#[test]
fn port_and_addresses_change_while_it_runs() {
    let free = || std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let server = server(&[]);
    let mut client = server.connect();
    let first = server.port();
    let taken = free();
    let used = taken.local_addr().unwrap().port();
    let refused = client.run(&format!("CONFIG SET port {used} bind 127.0.0.1"));
    assert!(refused.ends_with("Unable to listen on this port. Check server logs."), "{refused}");
    assert_eq!(Client::tcp(first).run("PING"), "+PONG");

    let next = free().local_addr().unwrap().port();
    assert_eq!(client.run(&format!("CONFIG SET port {next}")), "+OK");
    assert_eq!(Client::tcp(next).run("PING"), "+PONG");
    assert!(Client::try_tcp(first).is_err(), "nobody is there any more");
    let refused = client.run("CONFIG SET bind 203.0.113.7");
    assert!(refused.ends_with("Failed to bind to specified addresses."), "{refused}");
    assert_eq!(Client::tcp(next).run("PING"), "+PONG");
    assert_eq!(client.run("CONFIG SET port 0"), "+OK");
    assert!(Client::try_tcp(next).is_err());
    assert_eq!(client.run(&format!("CONFIG SET port {first}")), "+OK");
    assert_eq!(Client::tcp(first).run("PING"), "+PONG");
}

#[test]
fn writes_need_the_replicas_that_are_asked_for() {
    let server = server(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.run("MULTI");
    client.run("INCR k");
    assert_eq!(other.run("CONFIG SET min-replicas-to-write 2"), "+OK");
    let refused = "NOREPLICAS Not enough good replicas to write.";
    assert_eq!(
        client.run("EXEC"),
        format!("-EXECABORT Transaction discarded because of: {refused}")
    );
    assert_eq!(client.run("SET k v"), format!("-{refused}"));
    assert_eq!(client.run("GET k"), "nil");
    assert_eq!(other.run("CONFIG SET min-replicas-max-lag 0"), "+OK");
    assert_eq!(client.run("SET k v"), "+OK");
}

/// Whether the allocator has a thread of its own.
fn has_allocator_thread(server: &Server) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("/proc");
    let mut names = tasks.flatten().filter_map(|task| {
        let name = std::fs::read_to_string(task.path().join("comm"));
        name.ok().map(|name| name.trim().to_owned())
    });
    names.any(|name| name == "jemalloc_bg_thd")
}

#[test]
fn the_allocator_gives_memory_back_in_the_background_if_it_is_to() {
    let server = server(&[]);
    let mut client = server.connect();
    // A new thread takes a moment to give itself a name.
    eventually("a thread of the allocator", || has_allocator_thread(&server));
    assert_eq!(client.run("CONFIG SET jemalloc-bg-thread no"), "+OK");
    eventually("no such thread", || !has_allocator_thread(&server));
    assert_eq!(client.run("CONFIG SET jemalloc-bg-thread yes"), "+OK");
    eventually("the thread again", || has_allocator_thread(&server));
}
