//! From the command line to a running server, and to its end.

use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use cairn_core::Engine;
use cairn_core::config::command_line::CommandLine;
use cairn_core::config::load::{self, Startup};
use cairn_core::config::table::{
    later, logging, memory as limits, network, persistence, server as params,
};
use cairn_core::config::{Config, Id, Value};
use cairn_core::module::Module;

use crate::host::ServerHost;
use crate::log::{Level, Log};
use crate::net::{listener, mailbox::Message, sockets, thread};
use crate::persist::schedule;
use crate::server::Server;
use crate::shutdown::{self, Refusal, Wish};
use crate::{aof, commands, crash, memory, persist, supervise, title, version};

/// A server that listens.
pub struct Running {
    /// The server.
    pub server: Arc<Server>,
    threads: Vec<JoinHandle<()>>,
    tcp: Vec<std::net::TcpListener>,
    unix: Option<(PathBuf, std::os::unix::net::UnixListener)>,
    changes: sockets::Changes,
}

/// A module that `cairn-modules` can name.
pub struct ModuleChoice {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Makes it.
    pub make: fn() -> Arc<dyn Module>,
}

/// The modules that the configuration names, in the order of `choices`.
///
/// # Errors
/// When it names one that there is not.
pub fn modules(config: &Config, choices: &[ModuleChoice]) -> Result<Vec<Arc<dyn Module>>, String> {
    let names = config.string(params::CAIRN_MODULES);
    let named: Vec<String> = names.split_whitespace().map(str::to_ascii_lowercase).collect();
    if let Some(unknown) = named.iter().find(|name| choices.iter().all(|c| c.name != **name)) {
        return Err(format!("cairn-modules: there is no module '{unknown}'"));
    }
    let chosen = choices.iter().filter(|choice| named.iter().any(|name| name == choice.name));
    Ok(chosen.map(|choice| (choice.make)()).collect())
}

/// Reads the configuration.
///
/// # Errors
/// What is wrong with it, for the operator.
pub fn configure(line: &CommandLine) -> Result<(Arc<Config>, Startup), String> {
    let config = Config::new();
    let file = match &line.file {
        Some(path) => load::read_file(path).map_err(|e| e.to_string())?,
        None => Vec::new(),
    };
    let mut input = Vec::new();
    if line.standard_input {
        let read = std::io::stdin().read_to_end(&mut input);
        read.map_err(|e| format!("Fatal error, can't read standard input: {e}"))?;
    }
    let text = line.text(&file, &input);
    let startup = load::load_text(&config, &text).map_err(|e| e.to_string())?;
    Ok((Arc::new(config), startup))
}

impl Running {
    /// Makes engine and server, opens the sockets and starts the threads.
    ///
    /// # Errors
    /// Why it cannot run, for the operator.
    pub fn start(
        config: Arc<Config>,
        startup: &Startup,
        file: Option<PathBuf>,
        modules: Vec<Arc<dyn Module>>,
    ) -> Result<Self, String> {
        let databases = config.int(params::DATABASES) as usize;
        let renames = startup.renamed_commands.clone();
        let mut unknown = None;
        let engine =
            Arc::new(Engine::with_config(Arc::clone(&config), databases, modules, |registry| {
                commands::register(registry);
                for (old, new) in &renames {
                    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
                    if !registry.rename(&old, &new) {
                        unknown = Some(old.into_owned());
                    }
                }
            }));
        if let Some(name) = unknown {
            return Err(format!("rename-command: no such command: '{name}'"));
        }
        // Relative names are those of now, not of `dir`.
        let file = file.map(|path| std::path::absolute(&path).unwrap_or(path));
        let log = Log::new(Level::Notice);
        let server = Server::new(engine, log, threads(&config), file);
        server.engine.freer.after_each(memory::publish);
        server.engine.set_host(Box::new(ServerHost::new(&server)));
        follow_logging(&server);
        follow_crashes(&server);
        follow_backlog(&server);
        follow_memory(&server);
        follow_persistence(&server);
        follow_replicas(&server);
        follow_title(&server);
        aof::follow_config(&server);
        config.apply_all()?;
        server.engine.modules.start(&server.engine);
        for name in &startup.without_effect {
            server.log.warning(&format!("configuration: '{name}' is known but has no effect yet"));
        }
        for name in &startup.obsolete {
            server.log.warning(&format!("configuration: '{name}' is obsolete and ignored"));
        }
        let (tcp, unix) = sockets::open(&config)?;
        let changes = sockets::follow_config(&server);
        let something = config.bool(persistence::APPENDONLY)
            || !config.string(persistence::PRELOAD_FILE).is_empty()
            || schedule::file(&server).exists();
        if something {
            // It is loaded by `serve`, while clients are told to wait.
            server.persistence.set_loading(true);
        } else {
            load(&server)?;
        }
        let threads = start_threads(&server)?;
        Ok(Self { server, threads, tcp, unix, changes })
    }

    /// The TCP port that was opened: of use when the configured one is 0.
    pub fn local_port(&self) -> Option<u16> {
        self.tcp.first().and_then(|l| l.local_addr().ok()).map(|a| a.port())
    }

    /// Accepts connections until the server is asked to stop, by SHUTDOWN, SIGTERM or SIGINT.
    ///
    /// # Errors
    /// When the system gives no runtime or no signal handlers, or what is on disk cannot be loaded.
    pub fn serve(self) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(text)?;
        let port = self.local_port().unwrap_or(0);
        let Self { server, threads, tcp, unix, changes } = self;
        let socket = unix.as_ref().map(|(path, _)| path.clone());
        runtime.block_on(async {
            let local = tokio::task::LocalSet::new();
            local.spawn_local(sockets::accept(Arc::clone(&server), tcp, changes));
            if let Some((_, listener)) = unix {
                local.spawn_local(listener::accept_unix(Arc::clone(&server), listener));
            }
            local.run_until(load_and_wait(&server, port)).await
        })?;
        tell_supervisor(&server, "STOPPING=1\n");
        for mailbox in &server.threads {
            mailbox.send(Message::Stop);
        }
        for thread in threads {
            // A thread that panicked has nothing more to finish.
            let _ = thread.join();
        }
        server.aof.stop();
        server.persistence.end();
        if let Some(path) = socket {
            // It may be gone already.
            let _ = std::fs::remove_file(path);
        }
        server.log.notice("Cairn is now ready to exit, bye bye...");
        Ok(())
    }
}

/// Loads what is on disk, says that the server is ready, and waits until it is asked to stop.
async fn load_and_wait(server: &Arc<Server>, port: u16) -> Result<(), String> {
    let mut end = std::pin::pin!(wait_for_end(server));
    let pid = std::process::id();
    server.log.notice(&format!("Cairn {} starts, PID: {pid}, port {port}", version::CAIRN));
    server.log.notice("Server initialized");
    if server.persistence.is_loading() {
        let loaded = load_in_background(server).map_err(|error| error.to_string())?;
        tokio::select! {
            loaded = loaded => loaded.unwrap_or(Err("loading ended by a panic".into()))?,
            ended = &mut end => return ended.map_err(|error| error.to_string()),
        }
    }
    server.log.notice(&format!("Ready to accept connections on port {port}"));
    tell_supervisor(server, "STATUS=Ready to accept connections\nREADY=1\n");
    end.await.map_err(|error| error.to_string())
}

type Loaded = tokio::sync::oneshot::Receiver<Result<(), String>>;

fn load_in_background(server: &Arc<Server>) -> std::io::Result<Loaded> {
    let (sender, loaded) = tokio::sync::oneshot::channel();
    let server = Arc::clone(server);
    std::thread::Builder::new().name("loading".into()).spawn(move || {
        let result = load(&server);
        if let Err(error) = &result {
            server.log.warning(&format!("Fatal error loading the DB, exiting: {error}"));
        }
        server.persistence.set_loading(false);
        // Whoever waited may be asked to stop.
        let _ = sender.send(result);
    })?;
    Ok(loaded)
}

/// Loads what `preload-file` names, the append-only file, or else the snapshot, and starts the
/// append-only file's thread.
fn load(server: &Arc<Server>) -> Result<(), String> {
    let preload = server.config().string(persistence::PRELOAD_FILE);
    let failed = |error| format!("preload-file {preload}: {error}");
    if let Some(path) = preload.strip_prefix("aof:") {
        aof::preload(server, Path::new(path), &load_rdb(server)).map_err(failed)?;
    } else if let Some(path) = preload.strip_prefix("rdb:") {
        let options = persist::load::Options::default();
        persist::load::load(server, Path::new(path), options).map_err(failed)?;
    } else if !server.config().bool(persistence::APPENDONLY) {
        persist::load::at_start(server)?;
    }
    aof::open(server, &load_rdb(server), !preload.is_empty())
}

/// How the append-only file loads the snapshot that it begins with. Returns how long that is.
pub fn load_rdb(server: &Arc<Server>) -> impl Fn(&Path) -> Result<u64, String> + use<> {
    let server = Arc::clone(server);
    let options = persist::load::Options { keep_expired: true, ..Default::default() };
    move |path| persist::load::load(&server, path, options).map(|loaded| loaded.bytes)
}

fn tell_supervisor(server: &Server, state: &str) {
    if let Err(error) = supervise::notify(server.config(), state) {
        server.log.warning(&format!("systemd could not be notified: {error}"));
    }
}

async fn wait_for_end(server: &Arc<Server>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    const INTERRUPTED: (&str, Id) = ("SIGINT", params::SHUTDOWN_ON_SIGINT);
    let mut early = None;
    loop {
        let (signal, flags) = match early.take() {
            Some(signal) => signal,
            None => tokio::select! {
                _ = terminate.recv() => ("SIGTERM", params::SHUTDOWN_ON_SIGTERM),
                _ = interrupt.recv() => INTERRUPTED,
                () = server.stopped() => {
                    server.log.notice("User requested shutdown...");
                    return Ok(());
                }
            },
        };
        server.log.warning(&format!("Received {signal} scheduling shutdown..."));
        let wish = Wish::of_flags(server.config().int(flags));
        tokio::select! {
            prepared = shutdown::prepare_in_background(server, wish)? => match prepared {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(Refusal::Aborted)) => {}
                _ => server.log.warning("Error trying to save the DB, can't exit."),
            },
            _ = interrupt.recv() => {
                if server.shutdown.is_under_way() {
                    server.log.warning("You insist... exiting now.");
                    return Ok(());
                }
                // What was under way was called off: this is the first signal of another end.
                early = Some(INTERRUPTED);
            }
        }
    }
}

/// How many I/O threads: `io-threads`, or one for each core.
fn threads(config: &Config) -> usize {
    match config.int(network::IO_THREADS) {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n as usize,
    }
}

fn follow_logging(server: &Arc<Server>) {
    let weak = Arc::downgrade(server);
    server.config().on_change(&[logging::LOGLEVEL, logging::LOGFILE], move |config| {
        let Some(server) = weak.upgrade() else { return Ok(()) };
        let level = match &config.formatted(logging::LOGLEVEL)[..] {
            b"debug" => Level::Debug,
            b"verbose" => Level::Verbose,
            b"notice" => Level::Notice,
            b"warning" => Level::Warning,
            _ => Level::Nothing,
        };
        server.log.set_level(level);
        let file = config.string(logging::LOGFILE);
        let file = (!file.is_empty()).then(|| PathBuf::from(file));
        crash::write_to(file.as_deref());
        server.log.set_file(file);
        Ok(())
    });
}

/// Has crashes reported as long as they are to be.
fn follow_crashes(server: &Arc<Server>) {
    server.config().on_change(&[logging::CRASH_LOG_ENABLED], |config| {
        crash::report(config.bool(logging::CRASH_LOG_ENABLED));
        Ok(())
    });
}

/// Has the count of memory begin anew with each limit. CONFIG SET runs while nothing else does.
/// And has the allocator give memory back as it is to.
fn follow_memory(server: &Arc<Server>) {
    server.config().on_change(&[limits::MAXMEMORY], |_| {
        memory::restart();
        Ok(())
    });
    server.config().on_change(&[limits::JEMALLOC_BG_THREAD], |config| {
        memory::purge_in_background(config.bool(limits::JEMALLOC_BG_THREAD));
        Ok(())
    });
}

/// Goes into `dir`, and keeps in step what is refused when snapshots fail.
fn follow_persistence(server: &Arc<Server>) {
    server.config().on_change(&[persistence::DIR], |config| {
        let failed = |error| format!("Changing directory: {}", aof::words(&error));
        std::env::set_current_dir(config.string(persistence::DIR)).map_err(failed)?;
        let here = std::env::current_dir().map_err(failed)?;
        config.put(persistence::DIR, Value::Text(here.into_os_string().into_vec().into()));
        Ok(())
    });
    let weak = Arc::downgrade(server);
    let settings = [persistence::SAVE_POINTS, persistence::STOP_WRITES_ON_BGSAVE_ERROR];
    server.config().on_change(&settings, move |_| {
        if let Some(server) = weak.upgrade() {
            schedule::follow_refusal(&server);
        }
        Ok(())
    });
}

/// Keeps the process's title as it is to be.
fn follow_title(server: &Arc<Server>) {
    let settings = [params::PROC_TITLE_TEMPLATE, network::PORT, network::BIND];
    server.config().on_change(&settings, |config| {
        title::show(config);
        Ok(())
    });
}

/// Keeps the effects log as large as `repl-backlog-size` says.
fn follow_backlog(server: &Arc<Server>) {
    let effects = Arc::clone(&server.engine.effects);
    server.config().on_change(&[later::REPL_BACKLOG_SIZE], move |config| {
        effects.resize(config.size(later::REPL_BACKLOG_SIZE));
        Ok(())
    });
}

/// Has writes refused while more replicas are wanted than there are: none.
fn follow_replicas(server: &Arc<Server>) {
    let weak = Arc::downgrade(server);
    let settings = [later::MIN_REPLICAS_TO_WRITE, later::MIN_REPLICAS_MAX_LAG];
    server.config().on_change(&settings, move |config| {
        if let Some(server) = weak.upgrade() {
            let wanted = settings.iter().all(|setting| config.int(*setting) > 0);
            server.persistence.refuse_for_replicas(wanted);
        }
        Ok(())
    });
}

fn start_threads(server: &Arc<Server>) -> Result<Vec<JoinHandle<()>>, String> {
    let mut threads = Vec::new();
    for (number, mailbox) in server.threads.iter().enumerate() {
        let thread = thread::start(Arc::clone(server), number, Arc::clone(mailbox));
        threads.push(thread.map_err(|e| format!("I/O thread {number} could not start: {e}"))?);
    }
    Ok(threads)
}

/// Goes on in the background, if `daemonize` says so and nothing watches over the process.
///
/// # Errors
/// When the system gives no further process.
pub fn go_to_background(config: &Config) -> std::io::Result<()> {
    if config.bool(params::DAEMONIZE) && !supervise::is_systemd(config) {
        supervise::daemonize()?;
    }
    Ok(())
}

/// Where the number of a process in the background is written unless `pidfile` says otherwise.
const PID_FILE: &str = "/var/run/redis.pid";

/// Writes `pidfile`, if there is one.
///
/// # Errors
/// When it cannot be written.
pub fn write_pid_file(config: &Config) -> std::io::Result<()> {
    let mut path = config.string(params::PIDFILE);
    if path.is_empty() && config.bool(params::DAEMONIZE) {
        path = PID_FILE.into();
    }
    if path.is_empty() {
        return Ok(());
    }
    std::fs::write(Path::new(&path), format!("{}\n", std::process::id()))
}
