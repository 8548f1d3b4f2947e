//! A server process of a test's own: on a free port, in a directory of its own, stopped on drop.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::client::Client;

/// How long a server may take to start or stop before the test fails. Generous, since test
/// machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server logs before its port's number once it accepts connections.
const READY: &str = "Ready to accept connections on port ";

/// A running server. It is killed when this is dropped, and its log is printed if that happens
/// because the test failed.
pub struct Server {
    child: Child,
    port: u16,
    log: Arc<Mutex<String>>,
    dir: PathBuf,
}

impl Server {
    /// Starts `binary` with `options`, such as `["--maxclients", "5"]` or a configuration file
    /// before them, and waits until it accepts connections. The system chooses its port.
    ///
    /// # Panics
    /// When it does not start; the message shows its log.
    pub fn start(binary: &str, options: &[&str]) -> Self {
        Self::start_in(binary, fresh_dir(), options)
    }

    /// As [`Server::start`], in a directory that the caller has made with [`fresh_dir`].
    ///
    /// # Panics
    /// As there.
    pub fn start_in(binary: &str, dir: PathBuf, options: &[&str]) -> Self {
        Self::start_with(binary, dir, options, &[])
    }

    /// As [`Server::start_in`], with variables added to its environment.
    ///
    /// # Panics
    /// As there.
    pub fn start_with(
        binary: &str,
        dir: PathBuf,
        options: &[&str],
        environment: &[(String, String)],
    ) -> Self {
        let mut arguments = options.to_vec();
        arguments.extend(["--port", "0", "--bind", "127.0.0.1"]);
        let mut child = spawn(binary, &dir, &arguments, environment);
        let log = Arc::new(Mutex::new(String::new()));
        let (ready, port) = mpsc::channel();
        follow(child.stdout.take().expect("stdout is piped"), Arc::clone(&log), ready.clone());
        follow(child.stderr.take().expect("stderr is piped"), Arc::clone(&log), ready);
        match port.recv_timeout(PATIENCE) {
            Ok(port) => Self { child, port, log, dir },
            Err(_) => {
                // It may have ended by itself.
                let _ = child.kill();
                panic!("the server did not start:\n{}", text(&log));
            }
        }
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory it runs in, which is removed with it.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        text(&self.log)
    }

    /// A new connection.
    ///
    /// # Panics
    /// When the server does not accept it.
    pub fn connect(&self) -> Client {
        Client::tcp(self.port)
    }

    /// The address for client libraries.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Sends the process a signal by the name that `kill` knows it by.
    ///
    /// # Panics
    /// When the system's `kill` refuses.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(kill.expect("kill runs").success());
    }

    /// Kills the process as a crash would, and returns its directory, which is now the caller's to
    /// remove.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn crash(mut self) -> PathBuf {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
        std::mem::take(&mut self.dir)
    }

    /// Waits for the process to end by itself.
    ///
    /// # Panics
    /// When it does not within a minute.
    pub fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "the server did not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its memory that is resident, in bytes, as the system counts it.
    ///
    /// # Panics
    /// On systems without `/proc`.
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(path).expect("/proc tells about processes");
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a line VmRSS");
        let kib = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
        kib * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}", self.log());
        }
        if !self.dir.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// A new empty directory for one test.
///
/// # Panics
/// When it cannot be made.
pub fn fresh_dir() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("cairn-test-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("the temporary directory is writable");
    dir
}

/// Runs `binary` to its end, for options that it refuses or that make it print something.
///
/// # Panics
/// When it cannot be run.
pub fn run_to_end(binary: &str, options: &[&str]) -> (ExitStatus, String) {
    let output = Command::new(binary).args(options).output().expect("the binary runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&text).into_owned())
}

fn spawn(binary: &str, dir: &Path, arguments: &[&str], environment: &[(String, String)]) -> Child {
    let mut command = Command::new(binary);
    command.envs(environment.iter().cloned()).args(arguments).current_dir(dir).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap_or_else(|e| panic!("{binary} does not start: {e}"))
}

/// Collects what a process prints, and sends the port when it is told. The sender goes when the
/// process closes the stream, so that waiting for a port ends at once if it fails to start.
fn follow(stream: impl Read + Send + 'static, log: Arc<Mutex<String>>, ready: mpsc::Sender<u16>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some((_, port)) = line.split_once(READY) {
                // Nobody waits any more if starting took too long.
                let _ = ready.send(port.trim().parse().expect("a port's number"));
            }
            let mut log = log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            log.push_str(&line);
            log.push('\n');
        }
    });
}

fn text(log: &Mutex<String>) -> String {
    log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
}
