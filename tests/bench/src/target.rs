//! A server under test: one that runs already (`--server name=host:port[:pid]`), or one that we
//! start and stop ourselves (`--start 'name=command … {port}'`).

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::args::Args;
use crate::client::Client;
use crate::{procfs, sys};

/// How long a started server may take until it answers PING, and to end once it is asked to.
const PATIENCE: Duration = Duration::from_secs(30);

/// Options that name and place servers; every subcommand takes them.
pub const OPTIONS: [&str; 3] = ["server", "start", "server-cpu"];

/// One server.
pub struct Target {
    /// What the tables call it.
    pub name: String,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its process, when it is on this machine and ours to look into.
    pub pid: Option<i32>,
    command: Option<String>,
    cpu: Option<usize>,
    child: Option<Child>,
}

impl Target {
    /// The servers of a command line, in its order; those of `--start` are started.
    pub fn from_args(args: &Args) -> Result<Vec<Self>, String> {
        let cpu = args.optional("server-cpu")?;
        let mut targets = Vec::new();
        for (option, value) in args.pairs() {
            let target = match option {
                "server" => Self::running(value, cpu),
                "start" => Self::started(value, cpu),
                _ => continue,
            };
            targets.push(target.map_err(|error| format!("--{option} {value}: {error}"))?);
        }
        if targets.is_empty() {
            return Err("name at least one --server or --start".into());
        }
        Ok(targets)
    }

    fn running(text: &str, cpu: Option<usize>) -> io::Result<Self> {
        let (name, place) = split(text)?;
        let mut parts = place.split(':');
        let (host, port) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let given = parts.next().and_then(|pid| pid.parse().ok());
        let mut addrs = format!("{host}:{port}").to_socket_addrs()?;
        let addr = addrs.next().ok_or_else(|| io::Error::other("no such host"))?;
        let pid = given.or_else(|| procfs::listener(addr));
        let target = Self { name: name.into(), addr, pid, command: None, cpu, child: None };
        target.connect()?.run("PING")?;
        target.pin()?;
        Ok(target)
    }

    fn started(text: &str, cpu: Option<usize>) -> io::Result<Self> {
        let (name, command) = split(text)?;
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let command = Some(command.replace("{port}", &addr.port().to_string()));
        let mut target = Self { name: name.into(), addr, pid: None, command, cpu, child: None };
        target.launch()?;
        Ok(target)
    }

    fn launch(&mut self) -> io::Result<()> {
        let Some(command) = &self.command else { return Ok(()) };
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {command}")]).stdin(Stdio::null()).stdout(Stdio::null());
        let child = shell.stderr(Stdio::null()).spawn()?;
        self.pid = i32::try_from(child.id()).ok();
        self.child = Some(child);
        self.await_ping()?;
        self.pin()
    }

    fn await_ping(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            let error = match self.connect().and_then(|mut client| client.run("PING")) {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let ended = self.child.as_mut().is_some_and(|c| matches!(c.try_wait(), Ok(Some(_))));
            if ended || begun.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("the server did not come up: {error}")));
            }
            sleep(Duration::from_millis(20));
        }
    }

    fn pin(&self) -> io::Result<()> {
        match (self.pid, self.cpu) {
            (Some(pid), Some(cpu)) => procfs::pin_all(pid, cpu),
            (None, Some(_)) => Err(io::Error::other("cannot pin a server whose pid is unknown")),
            _ => Ok(()),
        }
    }

    /// An empty server: a new process if we started it, FLUSHALL if not.
    pub fn refresh(&mut self) -> io::Result<()> {
        if self.command.is_some() {
            self.stop();
            return self.launch();
        }
        self.connect()?.run("FLUSHALL").map(|_| ())
    }

    /// Ends the server if we started it.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(pid) = self.pid.take() {
            sys::terminate(pid);
        }
        let begun = Instant::now();
        while matches!(child.try_wait(), Ok(None)) {
            if begun.elapsed() > PATIENCE {
                // Nothing better can be done about a server that survives this.
                let _ = child.kill();
            }
            sleep(Duration::from_millis(10));
        }
    }

    /// A blocking connection.
    pub fn connect(&self) -> io::Result<Client> {
        Client::connect(self.addr)
    }

    /// CPU time the server has used, if its process is known.
    pub fn cpu_time(&self) -> Option<Duration> {
        sys::process_cpu(self.pid?).ok()
    }

    /// The server's resident bytes, if its process is known.
    pub fn resident(&self) -> Option<u64> {
        procfs::resident(self.pid?).ok()
    }

    /// The server's own `used_memory`, in bytes.
    pub fn used_memory(&self) -> io::Result<u64> {
        let text = self.connect()?.run("INFO memory")?.text();
        let line = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
        line.and_then(|n| n.trim().parse().ok()).ok_or_else(|| io::Error::other("no used_memory"))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stop();
    }
}

fn split(text: &str) -> io::Result<(&str, &str)> {
    text.split_once('=').ok_or_else(|| io::Error::other("expected name=…"))
}
