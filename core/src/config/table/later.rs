//! Parameters that are accepted, checked and shown, but have no effect yet, so that a
//! configuration made for Redis loads. Whoever makes one work moves its row to where it belongs.

use super::{INT_MAX, SIGNED_MAX};
use crate::config::Param;
use crate::config::lists::{OOM_SCORES, PRIMARY, WORDS};

const TLS_CLIENTS: &[(&str, i64)] = &[("no", 0), ("yes", 1), ("optional", 2)];
const DISKLESS_LOAD: &[(&str, i64)] =
    &[("disabled", 0), ("on-empty-db", 1), ("swapdb", 2), ("flush-before-load", 3)];
const OOM_ADJUSTMENTS: &[(&str, i64)] = &[("no", 0), ("yes", 1), ("relative", 1), ("absolute", 2)];
const ENDPOINTS: &[(&str, i64)] = &[("ip", 0), ("hostname", 1), ("unknown-endpoint", 2)];
const PROPAGATION_ERRORS: &[(&str, i64)] = &[("ignore", 0), ("panic", 1), ("panic-on-replicas", 2)];
const FACILITIES: &[(&str, i64)] = &[
    ("user", 0),
    ("local0", 1),
    ("local1", 2),
    ("local2", 3),
    ("local3", 4),
    ("local4", 5),
    ("local5", 6),
    ("local6", 7),
    ("local7", 8),
];

crate::params! {
    "Without effect yet", after super::logging::END;

    /// The primary to replicate: its address and port.
    REPLICAOF = Param::list("replicaof", "", &PRIMARY).alias("slaveof").immutable().later();
    /// The password for the primary.
    MASTERAUTH = Param::text("masterauth", "").sensitive().later();
    /// The user for the primary.
    MASTERUSER = Param::text("masteruser", "").sensitive().later();
    /// Whether a replica answers while it has no connection to its primary.
    REPLICA_SERVE_STALE_DATA =
        Param::bool("replica-serve-stale-data", "yes").alias("slave-serve-stale-data").later();
    /// Whether a replica refuses writes.
    REPLICA_READ_ONLY = Param::bool("replica-read-only", "yes").alias("slave-read-only").later();
    /// Whether a replica leaves `maxmemory` to its primary.
    REPLICA_IGNORE_MAXMEMORY =
        Param::bool("replica-ignore-maxmemory", "yes").alias("slave-ignore-maxmemory").later();
    /// Whether a replica frees its old data in the background before it loads new.
    REPLICA_LAZY_FLUSH = Param::bool("replica-lazy-flush", "no").alias("slave-lazy-flush").later();
    /// Whether a replica goes on when it can't write to disk.
    REPLICA_IGNORE_DISK_WRITE_ERRORS =
        Param::bool("replica-ignore-disk-write-errors", "no").later();
    /// The lower, the sooner Sentinel promotes a replica; 0 is never.
    REPLICA_PRIORITY =
        Param::int("replica-priority", "100", 0, INT_MAX).alias("slave-priority").later();
    /// Whether Sentinel may tell of a replica.
    REPLICA_ANNOUNCED = Param::bool("replica-announced", "yes").later();
    /// The address a replica is to be reached at.
    REPLICA_ANNOUNCE_IP =
        Param::text("replica-announce-ip", "").alias("slave-announce-ip").later();
    /// The port a replica is to be reached at.
    REPLICA_ANNOUNCE_PORT =
        Param::int("replica-announce-port", "0", 0, 65535).alias("slave-announce-port").later();
    /// How much of the stream a replica may keep while it loads a snapshot.
    REPLICA_FULL_SYNC_BUFFER_LIMIT =
        Param::memory("replica-full-sync-buffer-limit", "0", 0, SIGNED_MAX).later();
    /// Whether snapshots go to replicas without a file.
    REPL_DISKLESS_SYNC = Param::bool("repl-diskless-sync", "yes").later();
    /// How many seconds a snapshot waits for further replicas.
    REPL_DISKLESS_SYNC_DELAY = Param::int("repl-diskless-sync-delay", "5", 0, INT_MAX).later();
    /// How many replicas it waits for; 0 leaves it to the seconds.
    REPL_DISKLESS_SYNC_MAX_REPLICAS =
        Param::int("repl-diskless-sync-max-replicas", "0", 0, INT_MAX).later();
    /// Whether a replica loads a snapshot without a file.
    REPL_DISKLESS_LOAD = Param::choice("repl-diskless-load", "disabled", DISKLESS_LOAD).later();
    /// Whether the stream to replicas saves packets at the price of time.
    REPL_DISABLE_TCP_NODELAY = Param::bool("repl-disable-tcp-nodelay", "no").later();
    /// The size of the effects log's ring: how much of the stream of writes is kept for replicas
    /// that come back and for whoever else reads it. At least 16 KiB.
    REPL_BACKLOG_SIZE = Param::memory("repl-backlog-size", "1mb", 1, SIGNED_MAX);
    /// How many seconds it is kept when there are no replicas; 0 is forever.
    REPL_BACKLOG_TTL = Param::int("repl-backlog-ttl", "3600", 0, i64::MAX).later();
    /// How often replicas are pinged, in seconds.
    REPL_PING_REPLICA_PERIOD =
        Param::int("repl-ping-replica-period", "10", 1, INT_MAX).alias("repl-ping-slave-period").later();
    /// The seconds of silence after which a link is given up.
    REPL_TIMEOUT = Param::int("repl-timeout", "60", 1, INT_MAX).later();
    /// The least replicas without which writes are refused; 0 is none, and so is a lag of 0.
    MIN_REPLICAS_TO_WRITE =
        Param::int("min-replicas-to-write", "0", 0, INT_MAX).alias("min-slaves-to-write");
    /// How many seconds behind such a replica may be.
    MIN_REPLICAS_MAX_LAG =
        Param::int("min-replicas-max-lag", "10", 0, INT_MAX).alias("min-slaves-max-lag");
    /// What a replica does about a command it can't execute.
    PROPAGATION_ERROR_BEHAVIOR =
        Param::choice("propagation-error-behavior", "ignore", PROPAGATION_ERRORS).later();

    /// Whether the server is a node of a cluster.
    CLUSTER_ENABLED = Param::bool("cluster-enabled", "no").immutable().later();
    /// The file with the cluster's state.
    CLUSTER_CONFIG_FILE = Param::text("cluster-config-file", "nodes.conf").immutable().later();
    /// The milliseconds after which a silent node has failed.
    CLUSTER_NODE_TIMEOUT = Param::int("cluster-node-timeout", "15000", 0, i64::MAX).later();
    /// The port of the cluster's bus; 0 is `port` plus 10000.
    CLUSTER_PORT = Param::int("cluster-port", "0", 0, 65535).immutable().later();
    /// Whether a cluster that lacks slots answers at all.
    CLUSTER_REQUIRE_FULL_COVERAGE = Param::bool("cluster-require-full-coverage", "yes").later();
    /// How many replicas a primary keeps when one migrates.
    CLUSTER_MIGRATION_BARRIER =
        Param::int("cluster-migration-barrier", "1", 0, INT_MAX).later();
    /// Whether replicas migrate to primaries that have none.
    CLUSTER_ALLOW_REPLICA_MIGRATION =
        Param::bool("cluster-allow-replica-migration", "yes").later();
    /// How old a replica's data may be to be promoted, in node timeouts.
    CLUSTER_REPLICA_VALIDITY_FACTOR =
        Param::int("cluster-replica-validity-factor", "10", 0, INT_MAX)
            .alias("cluster-slave-validity-factor")
            .later();
    /// Whether a replica never promotes itself.
    CLUSTER_REPLICA_NO_FAILOVER =
        Param::bool("cluster-replica-no-failover", "no").alias("cluster-slave-no-failover").later();
    /// Whether reads are answered while the cluster is down.
    CLUSTER_ALLOW_READS_WHEN_DOWN = Param::bool("cluster-allow-reads-when-down", "no").later();
    /// Whether sharded channels work while the cluster is down.
    CLUSTER_ALLOW_PUBSUBSHARD_WHEN_DOWN =
        Param::bool("cluster-allow-pubsubshard-when-down", "yes").later();
    /// How much may wait on a link of the bus; 0 is no limit.
    CLUSTER_LINK_SENDBUF_LIMIT =
        Param::memory("cluster-link-sendbuf-limit", "0", 0, u64::MAX).later();
    /// The address a node is to be reached at.
    CLUSTER_ANNOUNCE_IP = Param::text("cluster-announce-ip", "").later();
    /// The name a node is to be reached at.
    CLUSTER_ANNOUNCE_HOSTNAME = Param::text("cluster-announce-hostname", "").later();
    /// The name a node has in logs.
    CLUSTER_ANNOUNCE_HUMAN_NODENAME = Param::text("cluster-announce-human-nodename", "").later();
    /// The port a node is to be reached at.
    CLUSTER_ANNOUNCE_PORT = Param::int("cluster-announce-port", "0", 0, 65535).later();
    /// The port for TLS a node is to be reached at.
    CLUSTER_ANNOUNCE_TLS_PORT = Param::int("cluster-announce-tls-port", "0", 0, 65535).later();
    /// The port of the bus a node is to be reached at.
    CLUSTER_ANNOUNCE_BUS_PORT = Param::int("cluster-announce-bus-port", "0", 0, 65535).later();
    /// What clients are told to connect to.
    CLUSTER_PREFERRED_ENDPOINT_TYPE =
        Param::choice("cluster-preferred-endpoint-type", "ip", ENDPOINTS).later();
    /// Whether use is counted by slot.
    CLUSTER_SLOT_STATS_ENABLED = Param::bool("cluster-slot-stats-enabled", "no").later();
    /// The share of commands, in per cent, that are checked for fitness for a cluster.
    CLUSTER_COMPATIBILITY_SAMPLE_RATIO =
        Param::int("cluster-compatibility-sample-ratio", "0", 0, 100).later();
    /// How far behind a slot's new owner may be for the handover, in bytes.
    CLUSTER_SLOT_MIGRATION_HANDOFF_MAX_LAG_BYTES =
        Param::memory("cluster-slot-migration-handoff-max-lag-bytes", "1mb", 0, SIGNED_MAX).later();
    /// The longest the handover of a slot may hold up writes, in milliseconds.
    CLUSTER_SLOT_MIGRATION_WRITE_PAUSE_TIMEOUT =
        Param::int("cluster-slot-migration-write-pause-timeout", "10000", 0, i64::MAX).later();

    /// The port for TLS; 0 listens on none.
    TLS_PORT = Param::int("tls-port", "0", 0, 65535).later();
    /// Whether the cluster's bus uses TLS.
    TLS_CLUSTER = Param::bool("tls-cluster", "no").later();
    /// Whether the link to a primary uses TLS.
    TLS_REPLICATION = Param::bool("tls-replication", "no").later();
    /// Whether clients need a certificate.
    TLS_AUTH_CLIENTS = Param::choice("tls-auth-clients", "yes", TLS_CLIENTS).later();
    /// The field of a client's certificate that names its user.
    TLS_AUTH_CLIENTS_USER = Param::text("tls-auth-clients-user", "").later();
    /// Whether the server chooses the cipher.
    TLS_PREFER_SERVER_CIPHERS = Param::bool("tls-prefer-server-ciphers", "no").later();
    /// Whether sessions may be resumed.
    TLS_SESSION_CACHING = Param::bool("tls-session-caching", "yes").later();
    /// How many sessions are remembered.
    TLS_SESSION_CACHE_SIZE = Param::int("tls-session-cache-size", "20480", 0, INT_MAX).later();
    /// How many seconds a session is remembered.
    TLS_SESSION_CACHE_TIMEOUT =
        Param::int("tls-session-cache-timeout", "300", 0, INT_MAX).later();
    /// The server's certificate.
    TLS_CERT_FILE = Param::text("tls-cert-file", "").later();
    /// The server's key.
    TLS_KEY_FILE = Param::text("tls-key-file", "").later();
    /// The password of the server's key.
    TLS_KEY_FILE_PASS = Param::text("tls-key-file-pass", "").sensitive().later();
    /// The certificate for connections to others.
    TLS_CLIENT_CERT_FILE = Param::text("tls-client-cert-file", "").later();
    /// The key for connections to others.
    TLS_CLIENT_KEY_FILE = Param::text("tls-client-key-file", "").later();
    /// The password of that key.
    TLS_CLIENT_KEY_FILE_PASS = Param::text("tls-client-key-file-pass", "").sensitive().later();
    /// Parameters for Diffie-Hellman.
    TLS_DH_PARAMS_FILE = Param::text("tls-dh-params-file", "").later();
    /// The authorities that are trusted, as a file.
    TLS_CA_CERT_FILE = Param::text("tls-ca-cert-file", "").later();
    /// The authorities that are trusted, as a directory.
    TLS_CA_CERT_DIR = Param::text("tls-ca-cert-dir", "").later();
    /// The versions of TLS that are spoken.
    TLS_PROTOCOLS = Param::text("tls-protocols", "").later();
    /// The ciphers up to TLS 1.2.
    TLS_CIPHERS = Param::text("tls-ciphers", "").later();
    /// The ciphers of TLS 1.3.
    TLS_CIPHERSUITES = Param::text("tls-ciphersuites", "").later();

    /// Whether values are moved in the background to use less memory.
    ACTIVEDEFRAG = Param::bool("activedefrag", "no").later();
    /// The least processor time for that, in per cent.
    ACTIVE_DEFRAG_CYCLE_MIN = Param::int("active-defrag-cycle-min", "1", 1, 99).later();
    /// The most processor time for that, in per cent.
    ACTIVE_DEFRAG_CYCLE_MAX = Param::int("active-defrag-cycle-max", "25", 1, 99).later();
    /// The waste below which nothing is moved.
    ACTIVE_DEFRAG_IGNORE_BYTES =
        Param::memory("active-defrag-ignore-bytes", "100mb", 1, u64::MAX).later();
    /// The fields of a large value that are moved at a time.
    ACTIVE_DEFRAG_MAX_SCAN_FIELDS =
        Param::int("active-defrag-max-scan-fields", "1000", 1, i64::MAX).later();
    /// The waste in per cent from which values are moved.
    ACTIVE_DEFRAG_THRESHOLD_LOWER =
        Param::int("active-defrag-threshold-lower", "10", 0, 1000).later();
    /// The waste in per cent from which they are moved as fast as allowed.
    ACTIVE_DEFRAG_THRESHOLD_UPPER =
        Param::int("active-defrag-threshold-upper", "100", 0, 1000).later();

    /// Whether the kernel is told whom to kill when memory is short.
    OOM_SCORE_ADJ = Param::choice("oom-score-adj", "no", OOM_ADJUSTMENTS).later();
    /// The scores for primaries, replicas and background processes.
    OOM_SCORE_ADJ_VALUES = Param::list("oom-score-adj-values", "0 200 800", &OOM_SCORES).later();
    /// Whether huge pages are switched off for the process.
    DISABLE_THP = Param::bool("disable-thp", "yes").immutable().later();
    /// Whether a panic ends the process in order, for memory checkers: for tests.
    USE_EXIT_ON_PANIC = Param::bool("use-exit-on-panic", "no").hidden().later();
    /// Bytes of a dump between two looks at clients: loading has a thread of its own here.
    LOADING_PROCESS_EVENTS_INTERVAL_BYTES =
        Param::int("loading-process-events-interval-bytes", "2097152", 1024, INT_MAX)
            .hidden()
            .later();
    /// Whether memory is tested after a crash.
    CRASH_MEMCHECK_ENABLED = Param::bool("crash-memcheck-enabled", "yes").later();
    /// Warnings about the system that are not given.
    IGNORE_WARNINGS = Param::list("ignore-warnings", "", &WORDS).later();
    /// The language whose rules order text.
    LOCALE_COLLATE = Param::text("locale-collate", "").later();
    /// The processors for the threads that serve connections.
    SERVER_CPULIST = Param::text("server-cpulist", "").alias("server_cpulist").immutable().later();
    /// The processors for background threads.
    BIO_CPULIST = Param::text("bio-cpulist", "").alias("bio_cpulist").immutable().later();
    /// The processors for rewrites of the append-only file.
    AOF_REWRITE_CPULIST =
        Param::text("aof-rewrite-cpulist", "").alias("aof_rewrite_cpulist").immutable().later();
    /// The processors for snapshots.
    BGSAVE_CPULIST = Param::text("bgsave-cpulist", "").alias("bgsave_cpulist").immutable().later();
    /// Whether the log goes to syslog too.
    SYSLOG_ENABLED = Param::bool("syslog-enabled", "no").immutable().later();
    /// The name of the server in syslog.
    SYSLOG_IDENT = Param::text("syslog-ident", "redis").immutable().later();
    /// The facility of syslog.
    SYSLOG_FACILITY = Param::choice("syslog-facility", "local0", FACILITIES).immutable().later();
    /// Whether vector sets are searched by one thread at a time.
    VSET_FORCE_SINGLE_THREADED_EXECUTION =
        Param::bool("vset-force-single-threaded-execution", "no").later();
    /// Whether the memory of keys is counted in histograms.
    KEY_MEMORY_HISTOGRAMS = Param::bool("key-memory-histograms", "no").immutable().later();
}
