//! INFO: what clients and exporters read.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use crate::server::Server;
use crate::{memory, version};

/// The sections that INFO shows without arguments, in order.
const DEFAULT: &[&str] = &[
    "server",
    "clients",
    "memory",
    "persistence",
    "stats",
    "replication",
    "cpu",
    "modules",
    "errorstats",
    "cluster",
    "keyspace",
];

/// The sections that only `all` and `everything`, or their names, show.
const MORE: &[&str] = &["commandstats", "latencystats"];

/// Renders the sections asked for; none means the default ones.
pub fn render(server: &Server, asked: &[String]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for section in asked {
        match section.as_str() {
            "default" => names.extend(DEFAULT),
            "all" | "everything" => names.extend(DEFAULT.iter().chain(MORE)),
            name => names.extend(DEFAULT.iter().chain(MORE).filter(|known| **known == name)),
        }
    }
    if asked.is_empty() {
        names.extend(DEFAULT);
    }
    let mut out = String::new();
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        if !out.is_empty() {
            out.push_str("\r\n");
        }
        section(server, name, &mut out);
    }
    out
}

struct Section<'a>(&'a mut String);

impl Section<'_> {
    fn title(&mut self, title: &str) {
        let _ = write!(self.0, "# {title}\r\n");
    }

    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = write!(self.0, "{name}:{value}\r\n");
    }
}

fn section(server: &Server, name: &str, out: &mut String) {
    let out = &mut Section(out);
    match name {
        "server" => about(server, out),
        "clients" => clients(server, out),
        "memory" => memory_section(server, out),
        "persistence" => persistence(out),
        "stats" => stats(server, out),
        "replication" => replication(server, out),
        "cpu" => cpu(out),
        "modules" => modules(server, out),
        "errorstats" => out.title("Errorstats"),
        "cluster" => {
            out.title("Cluster");
            out.line("cluster_enabled", 0);
        }
        "keyspace" => keyspace(server, out),
        "commandstats" => commandstats(server, out),
        "latencystats" => out.title("Latencystats"),
        _ => {}
    }
}

fn about(server: &Server, out: &mut Section<'_>) {
    out.title("Server");
    let now = cairn_core::clock::now_nanos();
    let uptime = now.saturating_sub(server.started) / 1_000_000_000;
    out.line("redis_version", version::REDIS);
    out.line("cairn_version", version::CAIRN);
    out.line("redis_git_sha1", "00000000");
    out.line("redis_git_dirty", 0);
    out.line("redis_build_id", "0");
    out.line("redis_mode", "standalone");
    out.line("os", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH));
    out.line("arch_bits", usize::BITS);
    out.line("monotonic_clock", "clock_gettime");
    out.line("multiplexing_api", "epoll");
    out.line("process_id", std::process::id());
    out.line("process_supervised", "no");
    out.line("run_id", &server.run_id);
    out.line("tcp_port", server.port());
    out.line("server_time_usec", now / 1000);
    out.line("uptime_in_seconds", uptime);
    out.line("uptime_in_days", uptime / 86_400);
    out.line("hz", 10);
    out.line("configured_hz", 10);
    out.line("io_threads_active", server.threads.len());
    out.line("executable", std::env::current_exe().unwrap_or_default().display());
    out.line("config_file", server.config_file());
}

fn clients(server: &Server, out: &mut Section<'_>) {
    out.title("Clients");
    let clients = server.clients();
    let count =
        |of: &dyn Fn(&crate::client::Client) -> bool| clients.values().filter(|c| of(c)).count();
    out.line("connected_clients", clients.len());
    out.line("cluster_connections", 0);
    out.line("maxclients", server.max_clients());
    out.line("client_recent_max_input_buffer", 0);
    out.line("client_recent_max_output_buffer", 0);
    out.line("blocked_clients", count(&|c| c.blocked.load(Ordering::Relaxed)));
    out.line("tracking_clients", 0);
    out.line("pubsub_clients", count(&|c| c.subscription_count() > 0));
    out.line("watching_clients", count(&|c| c.watching.load(Ordering::Relaxed) > 0));
    out.line("clients_in_timeout_table", 0);
    out.line("total_watched_keys", 0);
    out.line("total_blocking_keys", 0);
}

fn human(bytes: usize) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for next in ["K", "M", "G", "T"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.2}{unit}")
}

fn memory_section(server: &Server, out: &mut Section<'_>) {
    out.title("Memory");
    let (used, rss, resident) = (memory::allocated(), memory::rss(), memory::resident());
    let peak =
        server.peak_memory.fetch_max(used as u64, Ordering::Relaxed).max(used as u64) as usize;
    let limit = server.engine.tuning.maxmemory.load(Ordering::Relaxed) as usize;
    out.line("used_memory", used);
    out.line("used_memory_human", human(used));
    out.line("used_memory_rss", rss);
    out.line("used_memory_rss_human", human(rss));
    out.line("used_memory_peak", peak);
    out.line("used_memory_peak_human", human(peak));
    out.line("used_memory_peak_perc", format!("{:.2}%", used as f64 * 100.0 / peak.max(1) as f64));
    out.line("used_memory_startup", server.startup_memory);
    out.line("used_memory_dataset", used.saturating_sub(server.startup_memory));
    out.line("allocator_allocated", used);
    out.line("allocator_active", memory::active());
    out.line("allocator_resident", resident);
    out.line("maxmemory", limit);
    out.line("maxmemory_human", human(limit));
    let policy = server.engine.tuning.eviction.policy();
    let names = cairn_core::keyspace::Policy::NAMES;
    out.line("maxmemory_policy", names.iter().find(|(_, p)| *p == policy).map_or("", |(n, _)| n));
    out.line("mem_fragmentation_ratio", format!("{:.2}", rss as f64 / used.max(1) as f64));
    out.line("mem_allocator", "jemalloc-5.3.0");
    out.line("active_defrag_running", 0);
    out.line("lazyfree_pending_objects", server.engine.freer.pending());
    out.line("lazyfreed_objects", server.engine.freer.freed());
}

fn persistence(out: &mut Section<'_>) {
    out.title("Persistence");
    for (name, value) in [
        ("loading", "0"),
        ("async_loading", "0"),
        ("rdb_changes_since_last_save", "0"),
        ("rdb_bgsave_in_progress", "0"),
        ("rdb_last_bgsave_status", "ok"),
        ("aof_enabled", "0"),
        ("aof_rewrite_in_progress", "0"),
        ("aof_rewrite_scheduled", "0"),
        ("aof_last_bgrewrite_status", "ok"),
        ("aof_last_write_status", "ok"),
    ] {
        out.line(name, value);
    }
}

fn stats(server: &Server, out: &mut Section<'_>) {
    out.title("Stats");
    let totals = server.engine.totals();
    out.line("total_connections_received", server.accepted.load(Ordering::Relaxed));
    out.line("total_commands_processed", totals.commands);
    out.line("instantaneous_ops_per_sec", server.ops_per_second.load(Ordering::Relaxed));
    out.line("rejected_connections", server.rejected.load(Ordering::Relaxed));
    out.line("expired_subkeys", totals.expired_members);
    out.line("expired_keys", totals.expired);
    out.line("evicted_keys", totals.evicted);
    out.line("keyspace_hits", totals.hits);
    out.line("keyspace_misses", totals.misses);
    out.line("pubsub_channels", server.pubsub.len(crate::pubsub::Kind::Channel));
    out.line("pubsub_patterns", server.pubsub.len(crate::pubsub::Kind::Pattern));
    out.line("pubsubshard_channels", server.pubsub.len(crate::pubsub::Kind::Shard));
    out.line("latest_fork_usec", 0);
    out.line("total_forks", 0);
}

fn replication(server: &Server, out: &mut Section<'_>) {
    out.title("Replication");
    out.line("role", "master");
    out.line("connected_slaves", 0);
    out.line("master_replid", &server.run_id);
    out.line("master_replid2", "0".repeat(40));
    out.line("master_repl_offset", server.engine.effects.end());
    out.line("second_repl_offset", -1);
    out.line("repl_backlog_active", u8::from(server.engine.effects.is_active()));
    out.line("repl_backlog_size", server.engine.effects.size());
}

fn cpu(out: &mut Section<'_>) {
    out.title("CPU");
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    // utime and stime are fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms.
    let seconds =
        |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    out.line("used_cpu_sys", format!("{:.6}", seconds(12)));
    out.line("used_cpu_user", format!("{:.6}", seconds(11)));
    out.line("used_cpu_sys_children", "0.000000");
    out.line("used_cpu_user_children", "0.000000");
}

fn modules(server: &Server, out: &mut Section<'_>) {
    out.title("Modules");
    for module in server.engine.modules.iter() {
        let (name, version) = (module.name(), module.version());
        out.line(
            "module",
            format!("name={name},ver={version},api=1,filters=0,usedby=[],using=[],options=[]"),
        );
        module.info(&mut |_section, field, value| out.line(field, value));
    }
}

fn keyspace(server: &Server, out: &mut Section<'_>) {
    out.title("Keyspace");
    for db in 0..server.engine.keyspace.databases() {
        let (keys, expires) = (server.engine.db_size(db), server.engine.db_volatile(db));
        let subexpiry = server.engine.db_expiring(db);
        if keys > 0 {
            out.line(
                &format!("db{db}"),
                format!("keys={keys},expires={expires},avg_ttl=0,subexpiry={subexpiry}"),
            );
        }
    }
}

fn commandstats(server: &Server, out: &mut Section<'_>) {
    out.title("Commandstats");
    let all = server.engine.registry.iter().map(|(_, command)| command);
    for command in all.flat_map(|c| std::iter::once(c).chain(c.subcommands.iter().copied())) {
        let t = server.engine.command_totals(command);
        if t.calls + t.rejected == 0 {
            continue;
        }
        let micros = t.nanos / 1000;
        let each = t.nanos as f64 / 1000.0 / t.calls.max(1) as f64;
        out.line(
            &format!("cmdstat_{}", command.name),
            format!(
                "calls={},usec={micros},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
                t.calls, t.rejected, t.failed
            ),
        );
    }
}
