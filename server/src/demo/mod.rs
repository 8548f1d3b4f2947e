//! `cairn-server demo`: starts a server with all modules, loads the data that the binary carries,
//! asks a few questions of each kind and shows the answers, and then stays up to be played with.
//!
//! It speaks to its own server over TCP like anyone else. `client` is the connection, `datasets`
//! and `load` fill the server, `queries` and `present` are the tour, `table`, `plot` and `text`
//! lay out what is printed.

mod client;
mod datasets;
mod error;
mod load;
mod plot;
mod present;
mod queries;
mod table;
mod text;

#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use cairn_core::config::command_line::CommandLine;
use cairn_core::module::Module;
use console::{Term, style};

use crate::server::Server;
use crate::start::{self, Running};
use client::Client;
use error::Error;

/// The port without `--port`.
const PORT: u16 = 6379;
/// How wide the output is when there is no terminal to ask, in characters.
const WIDTH: usize = 100;

/// What the command line behind `demo` asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The port on the loopback interface; 0 lets the system choose.
    pub port: u16,
    /// Whether to end after the tour.
    pub exit: bool,
}

impl Options {
    /// Reads the arguments behind `demo`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(arguments: &[Vec<u8>]) -> Result<Self, String> {
        let mut options = Self { port: PORT, exit: false };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match &argument[..] {
                b"--exit" => options.exit = true,
                b"--port" => {
                    let value = rest.next().ok_or("demo: --port needs a number")?;
                    let value = String::from_utf8_lossy(value);
                    options.port =
                        value.parse().map_err(|_| format!("demo: '{value}' is no port"))?;
                }
                other => {
                    let other = String::from_utf8_lossy(other);
                    return Err(format!("demo: unknown option '{other}'; see --help"));
                }
            }
        }
        Ok(options)
    }
}

/// Runs the demo until it is over, or until SIGINT, SIGTERM or SHUTDOWN.
///
/// # Errors
/// Why it could not run, for the person at the terminal.
pub fn run(options: &Options, modules: Vec<Arc<dyn Module>>) -> Result<(), String> {
    let (server, thread, address) = start_server(options.port, modules)?;
    // Not locked: the server's log may want to write as well.
    let mut out = std::io::stdout();
    let result = Client::connect(address).and_then(|mut c| tour(&mut c, address, &mut out));
    if result.is_err() || options.exit {
        server.stop();
    } else {
        say_farewell(address, &mut out).map_err(|e| e.to_string())?;
    }
    let ended = thread.join().map_err(|_| "demo: the server panicked".to_owned())?;
    result.map_err(|e| format!("demo: {e}"))?;
    ended.map_err(|e| e.to_string())
}

type ServerThread = JoinHandle<Result<(), String>>;

/// Starts a server that keeps nothing on disk, on a thread of its own.
fn start_server(
    port: u16,
    modules: Vec<Arc<dyn Module>>,
) -> Result<(Arc<Server>, ServerThread, SocketAddr), String> {
    check_port(port)?;
    let options = format!(
        "bind 127.0.0.1\nport {port}\nsave \"\"\nappendonly no\ndbfilename cairn-demo.rdb\nloglevel nothing"
    );
    let line = CommandLine { options: options.into_bytes(), ..CommandLine::default() };
    let (config, startup) = start::configure(&line)?;
    let running = Running::start(config, &startup, None, modules)?;
    let server = Arc::clone(&running.server);
    let port = running.local_port().unwrap_or(port);
    let thread = std::thread::Builder::new().name("demo-server".into());
    let thread = thread.spawn(move || running.serve()).map_err(|e| e.to_string())?;
    Ok((server, thread, SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
}

/// Says in plain words that the port is taken, before anything is started.
fn check_port(port: u16) -> Result<(), String> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Err(e) if e.kind() == ErrorKind::AddrInUse => Err(format!(
            "demo: port {port} is taken, perhaps by another server; choose a free one, such as\n  \
             cairn-server demo --port {}",
            port.checked_add(1).unwrap_or(PORT)
        )),
        Err(e) => Err(format!("demo: port {port} can't be opened: {e}")),
        Ok(_) => Ok(()),
    }
}

/// Loads the data and asks the questions.
fn tour(
    client: &mut Client<TcpStream>,
    address: SocketAddr,
    out: &mut impl Write,
) -> Result<(), Error> {
    heading(out, &format!("Loading into {address}, over one connection"))?;
    load::load_all(client, out)?;
    for chapter in &queries::TOUR {
        heading(out, chapter.title)?;
        for query in &chapter.queries {
            ask(client, query, address, out)?;
        }
    }
    Ok(())
}

/// Asks one question and shows the answer.
fn ask(
    client: &mut Client<impl Read + Write>,
    query: &queries::Query,
    address: SocketAddr,
    out: &mut impl Write,
) -> Result<(), Error> {
    let start = Instant::now();
    let reply = client.call(query.command)?;
    let time = text::duration(start.elapsed());
    let mut lines = vec![
        format!("{} ({time})", query.title),
        format!("{} {}", style(format!("{address}>")).dim(), query.command),
    ];
    let answer = present::present(&reply, query.show, width().saturating_sub(2))?;
    lines.extend(answer.into_iter().map(|line| format!("  {line}")));
    print(out, &(lines.join("\n") + "\n"))
}

fn heading(out: &mut impl Write, title: &str) -> Result<(), Error> {
    print(out, &style(format!("== {title}")).bold().to_string())
}

fn print(out: &mut impl Write, text: &str) -> Result<(), Error> {
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::Output)
}

/// The width of the terminal, in characters.
fn width() -> usize {
    Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns))
}

fn say_farewell(address: SocketAddr, out: &mut impl Write) -> Result<(), Error> {
    let port = address.port();
    heading(out, &format!("The server stays up on {address}"))?;
    print(
        out,
        &format!(
            "  redis-cli  redis-cli -p {port} FT.SEARCH packages 'chess @section:{{games}}'\n  \
             redis-py   redis.Redis(port={port}, decode_responses=True).json().get('film:tt0062622')\n\n\
             Any client for Redis will do. Ctrl-C ends it; nothing is kept on disk."
        ),
    )
}
