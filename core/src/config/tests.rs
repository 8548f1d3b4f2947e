//! The configuration as a whole: setting, loading, rewriting, and Redis's texts for it all.

use super::load::{LoadError, load_text};
use super::rewrite::{Directive, rewrite, write_atomically};
use super::table::{clients, collections, later, memory, network, persistence, server};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Every directive of the `redis.conf` that Redis 7.0 is shipped with, as Debian has it.
const REDIS_7_0: &str = include_str!("testdata/redis-7.0-directives.conf");

fn set(config: &Config, pairs: &[(&str, &str)]) -> Result<(), String> {
    let pairs: Vec<(&[u8], &[u8])> =
        pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    config.set(&pairs, false).map_err(|error| error.to_string())
}

fn get(config: &Config, name: &str) -> String {
    let found = config.get(&[name.as_bytes()]);
    String::from_utf8(found.into_iter().next().map(|(_, value)| value).expect(name)).expect("text")
}

fn load(config: &Config, text: &str) -> Result<load::Startup, LoadError> {
    load_text(config, text.as_bytes())
}

#[test]
fn typed_reads() {
    let config = Config::new();
    assert_eq!(config.int(network::PORT), 6379);
    assert!(config.bool(network::PROTECTED_MODE));
    assert_eq!(config.unsigned(clients::PROTO_MAX_BULK_LEN), 512 << 20);
    assert_eq!(config.size(collections::HASH_MAX_LISTPACK_ENTRIES), 512);
    assert_eq!(config.string(persistence::DBFILENAME), "dump.rdb");
    assert_eq!(config.memory_limit(clients::MAXMEMORY_CLIENTS), MemoryLimit::Bytes(0));
    assert_eq!(memory::policy_name(config.int(memory::MAXMEMORY_POLICY)), "noeviction");
    let limits = lists::output_limits(&config.text(clients::CLIENT_OUTPUT_BUFFER_LIMIT));
    assert_eq!(limits[1].hard, 256 << 20);
    let points = lists::save_points(&config.text(persistence::SAVE_POINTS));
    assert_eq!(points[1], lists::SavePoint { seconds: 300, changes: 100 });
    assert_eq!(config.ids().count(), config.tables().iter().map(|t| t.params.len()).sum::<usize>());
}

/// The constants point at the rows they were declared with.
#[test]
fn ids_agree_with_names() {
    let config = Config::new();
    for (id, name) in [
        (network::BIND, "bind"),
        (clients::TIMEOUT, "timeout"),
        (server::DATABASES, "databases"),
        (memory::MAXMEMORY, "maxmemory"),
        (collections::STREAM_IDMP_MAXSIZE, "stream-idmp-maxsize"),
        (persistence::DIR, "dir"),
        (table::logging::LOGLEVEL, "loglevel"),
        (later::KEY_MEMORY_HISTOGRAMS, "key-memory-histograms"),
    ] {
        assert_eq!(config.param(id).name, name);
        assert_eq!(config.find(name.to_uppercase().as_bytes()), Some(id));
    }
}

#[test]
fn refusals_are_worded_as_redis_words_them() {
    let config = Config::new();
    for (name, value, reason) in [
        ("timeout", "x", "argument couldn't be parsed into an integer"),
        ("timeout", "-1", "argument must be between 0 and 2147483647 inclusive"),
        (
            "list-max-listpack-size",
            "9999999999",
            "argument must be between -2147483648 and 2147483647 inclusive",
        ),
        ("tracking-table-max-keys", "-1", "argument must be greater or equal to 0"),
        ("maxmemory", "-5", "argument must be a memory value"),
        ("maxmemory", "1.5gb", "argument must be a memory value"),
        ("maxmemory", "99999999999999999999", "argument must be greater or equal to 0"),
        (
            "repl-backlog-size",
            "99999999999999999999",
            "argument must be between 1 and 9223372036854775807 inclusive",
        ),
        (
            "proto-max-bulk-len",
            "1",
            "argument must be between 1048576 and 9223372036854775807 inclusive",
        ),
        ("maxmemory-clients", "x", "argument must be a memory or percent value"),
        ("maxmemory-clients", "500%", "percentage argument must be less or equal to 100"),
        ("appendonly", "maybe", "argument must be 'yes' or 'no'"),
        ("appendfsync", "maybe", "argument(s) must be one of the following: everysec, always, no"),
        (
            "shutdown-on-sigterm",
            "now foo",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (
            "shutdown-on-sigterm",
            "save nosave",
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        ("save", "1 2 3", "Invalid save parameters"),
        ("save", "0 1", "Invalid save parameters"),
        (
            "client-output-buffer-limit",
            "normal 1",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "foo 1 2 3",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "normal x 2 3",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        ("oom-score-adj-values", "1 2", "wrong number of arguments"),
        (
            "oom-score-adj-values",
            "a 2 3",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        (
            "latency-tracking-info-percentiles",
            "101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        ("bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "Too many bind addresses specified."),
        (
            "proc-title-template",
            "{foo}",
            "template format is invalid or contains unknown variables",
        ),
        ("daemonize", "yes", "can't set immutable config"),
        ("dir", "/", "can't set protected config"),
    ] {
        let refusal =
            format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        assert_eq!(set(&config, &[(name, value)]), Err(refusal), "{name} {value}");
    }
    assert_eq!(
        set(&config, &[("timeout", "1"), ("foo", "2")]),
        Err("Unknown option or number of arguments for CONFIG SET - 'foo'".into())
    );
    assert_eq!(
        set(&config, &[("timeout", "1"), ("TIMEOUT", "2")]),
        Err("CONFIG SET failed (possibly related to argument 'TIMEOUT') - duplicate parameter"
            .into())
    );
    assert!(config.is_default(clients::TIMEOUT), "nothing has changed");
    assert_eq!(
        config.set(&[(b"dbfilename", b"a/b")], true).expect_err("a path").to_string(),
        "CONFIG SET failed (possibly related to argument 'dbfilename') - \
         dbfilename can't be a path, just a filename"
    );
}

#[test]
fn values_as_config_get_shows_them() {
    let config = Config::new();
    for (name, value, shown) in [
        ("maxmemory", "1kb", "1024"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-clients", "1mb", "1048576"),
        ("appendfsync", "ALWAYS", "always"),
        ("hz", "0", "1"),
        ("hz", "501", "500"),
        ("save", "100 1 10 5", "100 1 10 5"),
        ("save", "", ""),
        ("shutdown-on-sigterm", "force now", "now force"),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "Eg$lshzxetd", "AE"),
        ("notify-keyspace-events", "K$g", "g$K"),
        ("notify-keyspace-events", "VTSIh", "hSTIV"),
        ("latency-tracking-info-percentiles", "50.0  60.5", "50 60.5"),
        (
            "client-output-buffer-limit",
            "normal 1mb 2kb 3 replica 1 1 1",
            "normal 1048576 2048 3 slave 1 1 1 pubsub 33554432 8388608 60",
        ),
        ("list-max-ziplist-size", "-3", "-3"),
        ("tracking-table-max-keys", "9223372036854775807", "9223372036854775807"),
    ] {
        assert_eq!(set(&config, &[(name, value)]), Ok(()), "{name} {value}");
        assert_eq!(get(&config, name), shown);
    }
    assert_eq!(get(&config, "list-max-listpack-size"), "-3");
    assert_eq!(get(&config, "unixsocketperm"), "0");
}

#[test]
fn config_get_takes_patterns() {
    let config = Config::new();
    let names = |patterns: &[&str]| {
        let patterns: Vec<&[u8]> = patterns.iter().map(|p| p.as_bytes()).collect();
        let names = config.get(&patterns).into_iter().map(|(name, _)| name);
        names.map(|name| String::from_utf8(name).expect("text")).collect::<Vec<_>>()
    };
    assert_eq!(names(&["MAXMEMORY"]), ["MAXMEMORY"]);
    assert_eq!(names(&["nope"]), Vec::<String>::new());
    assert_eq!(names(&["list-max*"]), ["list-max-listpack-size", "list-max-ziplist-size"]);
    assert_eq!(names(&["hz", "hz", "h[z]"]), ["hz"]);
    assert_eq!(names(&["MAXMEMORY-S*"]), ["maxmemory-samples"]);
}

#[test]
fn a_refusing_hook_takes_everything_back() {
    let config = Config::new();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    config.on_change(&[clients::TIMEOUT, server::HZ], move |config| {
        count.store(config.size(clients::TIMEOUT), Ordering::Relaxed);
        Ok(())
    });
    config.on_change(&[network::PORT], |config| match config.int(network::PORT) {
        1 => Err("Unable to listen on this port".into()),
        _ => Ok(()),
    });
    assert_eq!(set(&config, &[("timeout", "7")]), Ok(()));
    assert_eq!(seen.load(Ordering::Relaxed), 7);
    assert_eq!(
        set(&config, &[("hz", "50"), ("timeout", "8"), ("port", "1")]),
        Err("CONFIG SET failed (possibly related to argument 'port') - \
             Unable to listen on this port"
            .into())
    );
    assert_eq!(seen.load(Ordering::Relaxed), 7, "told again, with the old value");
    assert_eq!((get(&config, "timeout"), get(&config, "hz")), ("7".into(), "10".into()));
    let before = config.generation();
    assert_eq!(set(&config, &[("timeout", "9"), ("port", "2")]), Ok(()));
    assert!(config.generation() > before);
    assert_eq!(config.apply_all(), Ok(()));
}

#[test]
fn modules_bring_their_own_table() {
    const TABLE: Table = Table { title: "Test", params: &[Param::int("test-x", "4", 0, 9)] };
    let mut config = Config::new();
    let x = config.add(TABLE).id(Id::new(0));
    assert_eq!(config.int(x), 4);
    assert_eq!(set(&config, &[("test-x", "5"), ("hz", "11")]), Ok(()));
    assert_eq!((config.int(x), config.int(server::HZ)), (5, 11));
    assert!(config.with_defaults().is_default(x));
}

#[test]
fn the_file_of_redis_7_0_loads() {
    let config = Config::new();
    let startup = load(&config, REDIS_7_0).expect("every directive is known");
    let warned: Vec<&str> = startup.without_effect.iter().map(String::as_str).collect();
    assert!(warned.is_empty(), "what it sets that has no effect yet: {warned:?}");
    assert!(startup.obsolete.is_empty(), "{startup:?}");
    assert_eq!(get(&config, "bind"), "127.0.0.1 -::1");
    assert_eq!(get(&config, "daemonize"), "yes");
    assert_eq!(get(&config, "logfile"), "/var/log/redis/redis-server.log");
    assert_eq!(get(&config, "save"), "3600 1 300 100 60 10000", "it names none");
}

#[test]
fn lines_add_up_within_a_file() {
    let config = Config::new();
    load(&config, "save 10 1\nsave 20 2\nsave \"\"\nsave 30 3 40 4\n# save 1 1\n").expect("valid");
    assert_eq!(get(&config, "save"), "30 3 40 4");
    load(&config, "save 5 6").expect("valid");
    assert_eq!(get(&config, "save"), "5 6");
    load(
        &config,
        "client-output-buffer-limit normal 1 1 1\nclient-output-buffer-limit pubsub 2 2 2",
    )
    .expect("valid");
    let shown = "normal 1 1 1 slave 268435456 67108864 60 pubsub 2 2 2";
    assert_eq!(get(&config, "client-output-buffer-limit"), shown);
}

#[test]
fn other_directives_are_collected() {
    let config = Config::new();
    let text = "user alice on +@all ~* >x\nrename-command CONFIG \"\"\nloadmodule /m.so a b\n\
                io-threads-do-reads no\nactivedefrag yes\ncluster-enabled no\n";
    let startup = load(&config, text).expect("valid");
    assert_eq!(startup.users[0][0], b"alice");
    assert_eq!(startup.renamed_commands, [(b"CONFIG".to_vec(), Vec::new())]);
    assert_eq!(startup.modules[0].len(), 3);
    assert_eq!(startup.obsolete.first().map(String::as_str), Some("io-threads-do-reads"));
    assert_eq!(startup.without_effect.iter().collect::<Vec<_>>(), ["activedefrag"]);
}

#[test]
fn what_is_wrong_with_a_file_is_told_as_redis_tells_it() {
    for (text, number, line, reason) in [
        ("\n# c\nfoo bar\n", 3, "foo bar", "Bad directive or wrong number of arguments"),
        ("port", 1, "port", "wrong number of arguments"),
        ("  timeout 1 2  ", 1, "timeout 1 2", "wrong number of arguments"),
        ("maxmemory \"64mb", 1, "maxmemory \"64mb", "Unbalanced quotes in configuration line"),
        ("hz 1\nport abc", 2, "port abc", "argument couldn't be parsed into an integer"),
        ("databases 0", 1, "databases 0", "argument must be between 1 and 2147483647 inclusive"),
    ] {
        let error = load(&Config::new(), text).expect_err(text).to_string();
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "\n*** FATAL CONFIG FILE ERROR (Cairn {version}) ***\n\
             Reading the configuration file, at line {number}\n>>> '{line}'\n{reason}"
        );
        assert_eq!(error, expected);
    }
}

/// A directory that goes away with the test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cairn-config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("writable");
        path.display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_include_files() {
    let scratch = Scratch::new("include");
    scratch.write("a.conf", "timeout 1\nhz 20\n");
    scratch.write("b.conf", "timeout 2\n");
    let config = Config::new();
    let all = scratch.0.join("*.conf");
    load(&config, &format!("include {}\nhz 30\n", all.display())).expect("valid");
    assert_eq!((get(&config, "timeout"), get(&config, "hz")), ("2".into(), "30".into()));

    let missing = load(&config, "include /nonexistent/x.conf").expect_err("missing").to_string();
    assert!(missing.starts_with("Fatal error, can't open config file '/nonexistent/x.conf': "));
    let itself = scratch.write("itself", "");
    scratch.write("itself", &format!("include {itself}"));
    let error = load(&config, &format!("include {itself}")).expect_err("endless").to_string();
    assert!(error.ends_with("include nests deeper than 16 files"), "{error}");
}

#[test]
fn rewriting_keeps_comments_order_and_what_is_true() {
    let config = Config::new();
    let old = "# My server\nmaxmemory 64mb   \n\n# Snapshots\nsave 10 1\nsave 20 2\nunknown x\n\
               timeout 5\n# The end";
    load(&config, &old.replace("unknown x\n", "")).expect("valid");
    let text = |config: &Config, old: &str| {
        String::from_utf8(rewrite(config, old.as_bytes(), &[])).expect("text")
    };
    assert_eq!(text(&config, old), format!("{old}\n"), "nothing has changed");

    set(
        &config,
        &[("timeout", "0"), ("save", "30 3 40 4 50 5"), ("hz", "20"), ("requirepass", "a b")],
    )
    .expect("valid");
    let new = "# My server\nmaxmemory 64mb   \n\n# Snapshots\nsave 30 3\nsave 40 4\nsave 50 5\n\
               unknown x\ntimeout 0\n# The end\n\
               # Generated by CONFIG REWRITE\nrequirepass \"a b\"\nhz 20\n";
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        lines.sort();
        lines
    };
    let rewritten = text(&config, old);
    assert_eq!(sorted(&rewritten), sorted(new));
    assert_eq!(text(&config, &rewritten), rewritten, "a second time changes nothing");

    set(&config, &[("save", "")]).expect("valid");
    assert!(text(&config, &rewritten).contains("# Snapshots\nsave \"\"\nunknown x"));
}

#[test]
fn rewriting_replaces_directives_of_others() {
    let config = Config::new();
    let users = Directive { name: "user", lines: vec![b"a on".to_vec(), b"b off".to_vec()] };
    let new = rewrite(&config, b"user old on\nhz 10\nuser older off\n", &[users]);
    assert_eq!(new, b"user a on\nuser b off\nhz 10\n");
    let users = Directive { name: "user", lines: vec![b"a on".to_vec()] };
    assert_eq!(rewrite(&config, b"", &[users]), b"# Generated by CONFIG REWRITE\nuser a on\n");
}

#[test]
fn files_are_replaced_at_once() {
    let scratch = Scratch::new("write");
    let path = scratch.0.join("x.conf");
    write_atomically(&path, b"one").expect("writable");
    write_atomically(&path, b"two").expect("writable");
    assert_eq!(std::fs::read(&path).expect("readable"), b"two");
    assert_eq!(std::fs::read_dir(&scratch.0).expect("readable").count(), 1);
    assert!(write_atomically(&scratch.0.join("no/x.conf"), b"three").is_err());
}

proptest! {
    /// Whatever is set comes back from a rewritten file.
    #[test]
    fn rewritten_values_load_again(values in prop::collection::vec((any::<usize>(), "[ -~]{0,12}"), 1..12)) {
        let config = Config::new();
        let ids: Vec<Id> = config.ids().collect();
        for (index, text) in &values {
            let param = config.param(ids[index % ids.len()]);
            let _ = config.set(&[(param.name.as_bytes(), text.as_bytes())], true);
        }
        let number = values[0].0 % 500;
        let _ = set(&config, &[("hz", &number.to_string()), ("maxmemory", &format!("{number}kb"))]);
        let text = rewrite(&config, b"# empty\nhz 10\n", &[]);
        let loaded = Config::new();
        load_text(&loaded, &text).expect("what was written is valid");
        for id in config.ids() {
            prop_assert_eq!(loaded.value(id), config.value(id), "{}", config.param(id).name);
        }
    }

    #[test]
    fn files_never_panic(text in "[a-z0-9\"' \\\\\n-]{0,80}") {
        let _ = load_text(&Config::new(), text.as_bytes());
    }
}
