//! INFO: what clients and exporters read.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use cairn_core::command::Command;
use cairn_core::config::table::{logging, network};
use cairn_core::keyspace::SizeKind;

use crate::client::Usage;
use crate::commands::Overhead;
use crate::persist::Purpose;
use crate::pubsub::Kind;
use crate::server::{Server, Traffic};
use crate::{memory, version};

/// The sections that INFO shows without arguments, in order.
const DEFAULT: &[&str] = &[
    "server",
    "clients",
    "memory",
    "persistence",
    "threads",
    "stats",
    "replication",
    "cpu",
    "modules",
    "errorstats",
    "cluster",
    "keyspace",
    "keysizes",
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
        "persistence" => persistence(server, out),
        "stats" => stats(server, out),
        "replication" => replication(server, out),
        "cpu" => cpu(out),
        "modules" => modules(server, out),
        "threads" => threads(server, out),
        "errorstats" => errorstats(server, out),
        "cluster" => {
            out.title("Cluster");
            out.line("cluster_enabled", 0);
        }
        "keyspace" => keyspace(server, out),
        "keysizes" => keysizes(server, out),
        "commandstats" => commandstats(server, out),
        "latencystats" => latencystats(server, out),
        _ => {}
    }
}

/// What INFO calls the sizes of each [`SizeKind`] that it shows, in order.
const SIZES: [&str; SizeKind::SHOWN] =
    ["strings_sizes", "lists_items", "sets_items", "zsets_items", "hashes_items"];

fn keysizes(server: &Server, out: &mut Section<'_>) {
    out.title("Keysizes");
    for db in 0..server.engine.keyspace.databases() {
        let sizes = server.engine.db_sizes(db);
        for (name, classes) in SIZES.iter().zip(&sizes) {
            let classes = classes.iter().enumerate().filter(|(_, count)| **count > 0);
            let shown: Vec<String> =
                classes.map(|(class, count)| format!("{}={count}", least_size(class))).collect();
            if !shown.is_empty() {
                out.line(&format!("db{db}_distrib_{name}"), shown.join(","));
            }
        }
    }
}

/// The least size of a class, as INFO shows it: 0, 1, 2, … 512, 1K and so on.
fn least_size(class: usize) -> String {
    let Some(exponent) = class.checked_sub(1) else { return "0".into() };
    let unit = ["", "K", "M", "G", "T"].get(exponent / 10).unwrap_or(&"P");
    format!("{}{unit}", 1u64 << (exponent % 10))
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
    out.line("process_supervised", server.supervisor());
    out.line("run_id", &server.run_id);
    out.line("tcp_port", server.port());
    out.line("server_time_usec", now / 1000);
    out.line("uptime_in_seconds", uptime);
    out.line("uptime_in_days", uptime / 86_400);
    out.line("hz", server.hz());
    out.line("configured_hz", server.hz());
    out.line("lru_clock", cairn_core::keyspace::access::lru_clock((now / 1_000_000) as i64));
    out.line("executable", std::env::current_exe().unwrap_or_default().display());
    out.line("config_file", server.config_file());
    out.line("io_threads_active", u8::from(server.threads.len() > 1));
    let bind = server.config().string(network::BIND);
    for (at, address) in bind.split_whitespace().enumerate() {
        let address = address.trim_start_matches('-');
        let line = format!("name=tcp,bind={address},port={}", server.port());
        out.line(&format!("listener{at}"), line);
    }
}

fn clients(server: &Server, out: &mut Section<'_>) {
    out.title("Clients");
    let clients = server.clients();
    let count =
        |of: &dyn Fn(&crate::client::Client) -> bool| clients.values().filter(|c| of(c)).count();
    let sum =
        |of: &dyn Fn(&crate::client::Client) -> u64| clients.values().map(|c| of(c)).sum::<u64>();
    out.line("connected_clients", clients.len());
    out.line("cluster_connections", 0);
    out.line("maxclients", server.max_clients());
    let most = |of: &dyn Fn(&Usage) -> u64| clients.values().map(|c| of(&c.usage)).max();
    let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    let input = most(&|usage| load(&usage.query) + load(&usage.query_free)).unwrap_or(0);
    out.line("client_recent_max_input_buffer", input);
    let output = most(&|usage| load(&usage.reply_peak)).unwrap_or(0);
    out.line("client_recent_max_output_buffer", output);
    out.line("blocked_clients", count(&|c| c.blocked.load(Ordering::Relaxed)));
    out.line("tracking_clients", count(&|c| c.tracking.is_on()));
    out.line("pubsub_clients", count(&|c| c.subscription_count() > 0));
    out.line("watching_clients", count(&|c| c.watching.load(Ordering::Relaxed) > 0));
    out.line("clients_in_timeout_table", 0);
    out.line("total_watched_keys", sum(&|c| u64::from(c.watching.load(Ordering::Relaxed))));
    let (mut keys, mut on_no_key) = (BTreeSet::new(), BTreeSet::new());
    for client in clients.values() {
        let waits = client.waits.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(waiter) = waits.as_ref() else { continue };
        let on = waiter.on.iter().map(|key| (waiter.db, key.clone()));
        if waiter.command.name == NEEDS_KEY {
            on_no_key.extend(on.clone());
        }
        keys.extend(on);
    }
    out.line("total_blocking_keys", keys.len());
    out.line("total_blocking_keys_on_nokey", on_no_key.len());
}

/// The blocking command that ends with an error when its key is gone.
const NEEDS_KEY: &str = "xreadgroup";

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
    let (peak, active) = (server.peak(used), memory::active());
    let overhead = Overhead::of(server);
    let total = overhead.total(server);
    let limit = server.engine.tuning.maxmemory.load(Ordering::Relaxed) as usize;
    out.line("used_memory", used);
    out.line("used_memory_human", human(used));
    out.line("used_memory_rss", rss);
    out.line("used_memory_rss_human", human(rss));
    out.line("used_memory_peak", peak);
    out.line("used_memory_peak_human", human(peak));
    out.line("used_memory_peak_time", server.watermark.peak_time());
    out.line("used_memory_peak_perc", format!("{:.2}%", used as f64 * 100.0 / peak.max(1) as f64));
    let data = used.saturating_sub(total);
    let net = used.saturating_sub(server.startup_memory).max(1);
    out.line("used_memory_overhead", total);
    out.line("used_memory_startup", server.startup_memory);
    out.line("used_memory_dataset", data);
    out.line("used_memory_dataset_perc", format!("{:.2}%", data as f64 * 100.0 / net as f64));
    out.line("allocator_allocated", used);
    out.line("allocator_active", active);
    out.line("allocator_resident", resident);
    out.line("allocator_muzzy", 0);
    let system = memory::of_system();
    out.line("total_system_memory", system);
    out.line("total_system_memory_human", human(system));
    for name in ["used_memory_lua", "used_memory_vm_eval", "used_memory_scripts_eval"] {
        out.line(name, 0);
    }
    for name in ["number_of_cached_scripts", "number_of_functions", "number_of_libraries"] {
        out.line(name, 0);
    }
    for name in ["used_memory_vm_functions", "used_memory_vm_total", "used_memory_functions"] {
        out.line(name, 0);
    }
    out.line("used_memory_scripts", 0);
    for name in ["used_memory_lua_human", "used_memory_vm_total_human", "used_memory_scripts_human"]
    {
        out.line(name, human(0));
    }
    out.line("used_memory_hash_templates", 0);
    out.line("maxmemory", limit);
    out.line("maxmemory_human", human(limit));
    let policy = server.engine.tuning.eviction.policy();
    let names = cairn_core::keyspace::Policy::NAMES;
    out.line("maxmemory_policy", names.iter().find(|(_, p)| *p == policy).map_or("", |(n, _)| n));
    ratio(out, "allocator_frag", active, used);
    ratio(out, "allocator_rss", resident, active);
    ratio(out, "rss_overhead", rss, resident);
    ratio(out, "mem_fragmentation", rss, used);
    out.line("mem_not_counted_for_evict", 0);
    out.line("mem_replication_backlog", overhead.log);
    out.line("mem_total_replication_buffers", overhead.log);
    out.line("mem_replica_full_sync_buffer", 0);
    out.line("mem_clients_slaves", 0);
    out.line("mem_clients_normal", overhead.clients);
    out.line("mem_cluster_links", 0);
    out.line("mem_aof_buffer", 0);
    out.line("mem_allocator", "jemalloc-5.3.0");
    out.line("mem_overhead_db_hashtable_rehashing", 0);
    out.line("active_defrag_running", 0);
    out.line("lazyfree_pending_objects", server.engine.freer.pending());
    out.line("lazyfreed_objects", server.engine.freer.freed());
}

/// A ratio and the difference behind it.
fn ratio(out: &mut Section<'_>, name: &str, a: usize, b: usize) {
    out.line(&format!("{name}_ratio"), format!("{:.2}", a as f64 / b.max(1) as f64));
    out.line(&format!("{name}_bytes"), a as i64 - b as i64);
}

fn threads(server: &Server, out: &mut Section<'_>) {
    out.title("Threads");
    let clients = server.clients();
    for number in 0..server.threads.len() {
        let own = || clients.values().filter(|c| c.seat.load(Ordering::Relaxed) == number);
        let reads: u64 = own().map(|c| c.usage.reads.load(Ordering::Relaxed)).sum();
        let line = format!("clients={},reads={reads}", own().count());
        out.line(&format!("io_thread_{number}"), line);
    }
}

fn errorstats(server: &Server, out: &mut Section<'_>) {
    out.title("Errorstats");
    for (code, count) in server.engine.errors() {
        out.line(&format!("errorstat_{}", field(&code)), format!("count={count}"));
    }
}

/// A name that INFO can carry: what its format gives a meaning becomes an underscore.
fn field(name: &str) -> String {
    name.replace(|c: char| "#:\n\r\0".contains(c), "_")
}

fn latencystats(server: &Server, out: &mut Section<'_>) {
    out.title("Latencystats");
    if !server.config().bool(logging::LATENCY_TRACKING) {
        return;
    }
    let percentiles = server.config().string(logging::LATENCY_TRACKING_INFO_PERCENTILES);
    for command in all_commands(server) {
        let latencies = server.engine.command_latencies(command);
        if latencies.count() == 0 {
            continue;
        }
        let figures = percentiles.split_whitespace().map(|percentile| {
            let nanos = latencies.percentile(percentile.parse().unwrap_or(0.0));
            format!("p{percentile}={:.3}", nanos as f64 / 1000.0)
        });
        let name = format!("latency_percentiles_usec_{}", field(&command.name));
        out.line(&name, figures.collect::<Vec<_>>().join(","));
    }
}

/// All commands, subcommands included.
fn all_commands(server: &Server) -> impl Iterator<Item = &'static Command> {
    let all = server.engine.registry.iter().map(|(_, command)| command);
    all.flat_map(|c| std::iter::once(c).chain(c.subcommands.iter().copied()))
}

fn persistence(server: &Server, out: &mut Section<'_>) {
    out.title("Persistence");
    let persistence = &server.persistence;
    let saves = persistence.figures();
    let background = saves.running.filter(|(purpose, _)| *purpose == Purpose::Background);
    out.line("loading", u8::from(persistence.is_loading()));
    out.line("async_loading", 0);
    if persistence.is_loading() {
        loading(server, out);
    }
    let copied = server.engine.keyspace.snapshots.copied();
    let now = saves.running.map_or(0, |_| copied);
    out.line("current_cow_peak", now);
    out.line("current_cow_size", now);
    out.line("current_cow_size_age", 0);
    let (done, total) = saves.running.map_or((0, 0), |_| saves.progress);
    out.line("current_save_keys_processed", done);
    out.line("current_save_keys_total", total);
    let share = if total == 0 { 0.0 } else { done as f64 * 100.0 / total as f64 };
    out.line("current_fork_perc", format!("{share:.2}"));
    out.line("rdb_changes_since_last_save", persistence.unsaved(server.engine.totals().changes));
    out.line("rdb_bgsave_in_progress", u8::from(background.is_some()));
    out.line("rdb_last_save_time", saves.last_success);
    out.line("rdb_last_bgsave_status", if saves.last_ok { "ok" } else { "err" });
    let seconds = |n: Option<u64>| n.map_or("-1".to_string(), |n| n.to_string());
    out.line("rdb_last_bgsave_time_sec", seconds(saves.last_seconds));
    out.line("rdb_current_bgsave_time_sec", seconds(background.map(|(_, seconds)| seconds)));
    out.line("rdb_saves", saves.saves);
    out.line("rdb_last_cow_size", saves.last_copied);
    let last = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    out.line("rdb_last_load_keys_loaded", last(&persistence.progress.keys));
    out.line("rdb_last_load_keys_expired", last(&persistence.progress.expired));
    out.line("module_fork_in_progress", 0);
    out.line("module_fork_last_cow_size", 0);
    server.aof.info(server, &mut |name, value| out.line(name, value));
}

/// How far loading has come.
fn loading(server: &Server, out: &mut Section<'_>) {
    let progress = &server.persistence.progress;
    let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    let (total, done, started) =
        (load(&progress.total), load(&progress.done), load(&progress.started));
    out.line("loading_start_time", started);
    out.line("loading_total_bytes", total);
    out.line("loading_loaded_bytes", done);
    let share = if total == 0 { 0.0 } else { done as f64 * 100.0 / total as f64 };
    out.line("loading_loaded_perc", format!("{share:.2}"));
    let elapsed = (cairn_core::clock::now_nanos() / 1_000_000_000).saturating_sub(started).max(1);
    let rate = (done / elapsed).max(1);
    out.line("loading_eta_seconds", total.saturating_sub(done) / rate);
}

fn stats(server: &Server, out: &mut Section<'_>) {
    out.title("Stats");
    let totals = server.engine.totals();
    let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    let traffic = server.traffic();
    out.line("total_connections_received", load(&server.accepted));
    out.line("total_commands_processed", totals.commands);
    out.line("instantaneous_ops_per_sec", load(&server.ops_per_second));
    out.line("total_net_input_bytes", traffic.received);
    out.line("total_net_output_bytes", traffic.sent);
    out.line("total_net_repl_input_bytes", 0);
    out.line("total_net_repl_output_bytes", 0);
    let (input, output) = server.kilobytes_per_second();
    out.line("instantaneous_input_kbps", format!("{input:.2}"));
    out.line("instantaneous_output_kbps", format!("{output:.2}"));
    out.line("instantaneous_input_repl_kbps", "0.00");
    out.line("instantaneous_output_repl_kbps", "0.00");
    out.line("rejected_connections", load(&server.rejected));
    for name in ["sync_full", "sync_partial_ok", "sync_partial_err"] {
        out.line(name, 0);
    }
    out.line("expired_keys", totals.expired);
    out.line("expired_subkeys", totals.expired_members);
    out.line("expired_stale_perc", format!("{:.2}", server.engine.stale_share() * 100.0));
    out.line("expired_time_cap_reached_count", load(&server.expire_cut_short));
    out.line("expire_cycle_cpu_milliseconds", load(&server.expire_micros) / 1000);
    out.line("evicted_keys", totals.evicted);
    out.line("evicted_clients", load(&server.evicted_clients));
    out.line("evicted_scripts", 0);
    let (all, current) = server.watermark.time_over();
    out.line("total_eviction_exceeded_time", all);
    out.line("current_eviction_exceeded_time", current);
    out.line("keyspace_hits", totals.hits);
    out.line("keyspace_misses", totals.misses);
    // Fields of hashes are not shared.
    out.line("hash_templates", 0);
    out.line("hash_template_keys", 0);
    out.line("pubsub_channels", server.pubsub.len(Kind::Channel));
    out.line("pubsub_patterns", server.pubsub.len(Kind::Pattern));
    out.line("pubsubshard_channels", server.pubsub.len(Kind::Shard));
    out.line("latest_fork_usec", 0);
    out.line("total_forks", 0);
    out.line("migrate_cached_sockets", server.links.idle());
    out.line("slave_expires_tracked_keys", 0);
    out.line("active_defrag_hits", 0);
    out.line("active_defrag_misses", 0);
    out.line("active_defrag_key_hits", 0);
    out.line("active_defrag_key_misses", 0);
    out.line("total_active_defrag_time", 0);
    out.line("current_active_defrag_time", 0);
    let tracking = server.tracking.totals();
    out.line("tracking_total_keys", tracking.keys);
    out.line("tracking_total_items", tracking.items);
    out.line("tracking_total_prefixes", tracking.prefixes);
    out.line("unexpected_error_replies", 0);
    out.line("total_error_replies", server.engine.errors().values().sum::<u64>());
    out.line("dump_payload_sanitizations", 0);
    processed(server, traffic, out);
    out.line("client_query_buffer_limit_disconnections", load(&server.query_limit_hits));
    out.line("client_output_buffer_limit_disconnections", load(&server.output_limit_hits));
    for name in ["auth", "cmd", "key", "channel"] {
        out.line(&format!("acl_access_denied_{name}"), 0);
    }
    let [count, sum, longest] = server.observers.slowlog.stats();
    out.line("slowlog_commands_count", count);
    out.line("slowlog_commands_time_ms_sum", format!("{sum:.2}"));
    out.line("slowlog_commands_time_ms_max", format!("{longest:.2}"));
}

/// How often connections were read from and written to.
fn processed(server: &Server, traffic: Traffic, out: &mut Section<'_>) {
    out.line("total_reads_processed", traffic.reads);
    out.line("total_writes_processed", traffic.writes);
    // All of them are done by I/O threads, if there are several.
    let threaded = u64::from(server.threads.len() > 1);
    out.line("io_threaded_reads_processed", traffic.reads * threaded);
    out.line("io_threaded_writes_processed", traffic.writes * threaded);
}

fn replication(server: &Server, out: &mut Section<'_>) {
    out.title("Replication");
    out.line("role", "master");
    out.line("connected_slaves", 0);
    out.line("master_replid", &server.run_id);
    out.line("master_replid2", "0".repeat(40));
    out.line("master_repl_offset", server.engine.effects.end());
    out.line("second_repl_offset", -1);
    out.line("master_failover_state", "no-failover");
    out.line("repl_backlog_active", u8::from(server.engine.effects.is_active()));
    let effects = &server.engine.effects;
    let kept = effects.kept();
    out.line("repl_backlog_size", effects.size());
    // The first byte of all is the first one, not byte 0.
    out.line("repl_backlog_first_byte_offset", if kept.is_empty() { 0 } else { kept.start + 1 });
    out.line("repl_backlog_histlen", kept.end - kept.start);
}

fn cpu(out: &mut Section<'_>) {
    out.title("CPU");
    let (user, system) = memory::cpu_millis();
    out.line("used_cpu_sys", format!("{:.6}", system as f64 / 1000.0));
    out.line("used_cpu_user", format!("{:.6}", user as f64 / 1000.0));
    out.line("used_cpu_sys_children", "0.000000");
    out.line("used_cpu_user_children", "0.000000");
    let (user, system) = memory::cpu_millis_of_main();
    out.line("used_cpu_sys_main_thread", format!("{:.6}", system as f64 / 1000.0));
    out.line("used_cpu_user_main_thread", format!("{:.6}", user as f64 / 1000.0));
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
        let ttl = if expires > 0 { server.engine.average_ttl(db) } else { 0 };
        if keys > 0 {
            out.line(
                &format!("db{db}"),
                format!("keys={keys},expires={expires},avg_ttl={ttl},subexpiry={subexpiry}"),
            );
        }
    }
}

fn commandstats(server: &Server, out: &mut Section<'_>) {
    out.title("Commandstats");
    for command in all_commands(server) {
        let t = server.engine.command_totals(command);
        if t.calls + t.rejected == 0 {
            continue;
        }
        let micros = t.nanos / 1000;
        let each = t.nanos as f64 / 1000.0 / t.calls.max(1) as f64;
        out.line(
            &format!("cmdstat_{}", field(&command.name)),
            format!(
                "calls={},usec={micros},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
                t.calls, t.rejected, t.failed
            ),
        );
    }
}
