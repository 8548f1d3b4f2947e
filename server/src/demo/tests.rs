//! Tests of the demo's parts, and of the whole tour against any server.

use std::io::{self, Cursor, Read, Write};

use proptest::prelude::*;

use super::client::{Client, Reply, encode};
use super::datasets::ALL;
use super::error::Error;
use super::plot::plot;
use super::present::present;
use super::queries::{Show, TOUR};
use super::table::{Align, Table};
use super::{Options, text};

/// A connection on which the replies have arrived already.
struct Canned {
    replies: Cursor<Vec<u8>>,
    sent: Vec<u8>,
}

impl Read for Canned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.replies.read(buffer)
    }
}

impl Write for Canned {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn client(replies: &[u8]) -> Client<Canned> {
    Client::new(Canned { replies: Cursor::new(replies.to_vec()), sent: Vec::new() })
}

fn parsed(reply: &[u8]) -> Result<Reply, Error> {
    client(reply).receive()
}

fn text_of(text: &str) -> Reply {
    Reply::Text(text.into())
}

#[test]
fn replies_of_every_type() {
    assert_eq!(parsed(b"+OK\r\n").unwrap(), text_of("OK"));
    assert_eq!(parsed(b"-ERR no\r\n").unwrap(), Reply::Error("ERR no".into()));
    assert_eq!(parsed(b":-7\r\n").unwrap(), Reply::Int(-7));
    assert_eq!(parsed(b"$4\r\na\r\nb\r\n").unwrap(), text_of("a\r\nb"));
    assert_eq!(parsed(b"$-1\r\n").unwrap(), Reply::Nil);
    assert_eq!(parsed(b"*-1\r\n").unwrap(), Reply::Nil);
    let nested = Reply::Array(vec![Reply::Int(1), Reply::Array(vec![text_of("x")])]);
    assert_eq!(parsed(b"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n").unwrap(), nested);
}

#[test]
fn malformed_replies() {
    let bad: [&[u8]; 7] =
        [b"?\r\n", b"\r\n", b":x\r\n", b"$-2\r\n", b"$99999999999\r\n", b"*1048577\r\n", b"+OK\n"];
    for reply in bad {
        assert!(matches!(parsed(reply), Err(Error::Protocol(_))), "{reply:?}");
    }
    let deep = "*1\r\n".repeat(100);
    assert!(matches!(parsed(deep.as_bytes()), Err(Error::Protocol(_))));
    for cut in [&b""[..], b"$4\r\nab", b"*2\r\n:1\r\n"] {
        assert!(matches!(parsed(cut), Err(Error::Connection(_))), "{cut:?}");
    }
}

#[test]
fn errors_of_commands() {
    let error = client(b"*2\r\n:1\r\n-ERR old\r\n").call("TS.MADD k 1 2");
    assert_eq!(error.unwrap_err().to_string(), "TS.MADD k was answered with an error: ERR old");
}

fn wire(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Nil => b"$-1\r\n".to_vec(),
        Reply::Int(number) => format!(":{number}\r\n").into_bytes(),
        Reply::Text(text) => format!("${}\r\n{text}\r\n", text.len()).into_bytes(),
        Reply::Error(text) => format!("-{text}\r\n").into_bytes(),
        Reply::Array(items) => {
            let mut bytes = format!("*{}\r\n", items.len()).into_bytes();
            bytes.extend(items.iter().flat_map(wire));
            bytes
        }
    }
}

fn replies() -> impl Strategy<Value = Reply> {
    let leaf = prop_oneof![
        Just(Reply::Nil),
        any::<i64>().prop_map(Reply::Int),
        any::<String>().prop_map(Reply::Text),
        "[A-Za-z ]{0,20}".prop_map(Reply::Error),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| prop::collection::vec(inner, 0..6).prop_map(Reply::Array))
}

proptest! {
    #[test]
    fn replies_survive_the_wire(reply in replies()) {
        prop_assert_eq!(parsed(&wire(&reply)).unwrap(), reply);
    }

    #[test]
    fn any_bytes_are_harmless(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parsed(&bytes);
    }

    #[test]
    fn commands_are_arrays_of_bulk_strings(arguments in prop::collection::vec(".*", 1..6)) {
        let mut bytes = Vec::new();
        encode(&mut bytes, &arguments);
        let expected = Reply::Array(arguments.into_iter().map(Reply::Text).collect());
        prop_assert_eq!(parsed(&bytes).unwrap(), expected);
    }

    #[test]
    fn tables_fit(
        rows in prop::collection::vec(prop::collection::vec("\\PC{0,40}", 0..5), 0..6),
        width in 24usize..120,
    ) {
        let mut table = Table::of(&[("a", Align::Left), ("b", Align::Right), ("c", Align::Left)]);
        let count = rows.len();
        rows.into_iter().for_each(|row| table.row(row));
        let lines = table.render(width);
        prop_assert_eq!(lines.len(), count + 2);
        for line in lines {
            prop_assert!(line.chars().count() <= width, "{}", line);
        }
    }

    #[test]
    fn plots_fit(
        values in prop::collection::vec((any::<i64>(), any::<f64>()), 0..50),
        width in 30usize..90,
        rows in 1usize..12,
    ) {
        let small = |(t, v): (i64, f64)| (t % 1_000_000_000_000, v % 1e6);
        let mut samples: Vec<_> = values.into_iter().map(small).collect();
        samples.sort_by_key(|s| s.0);
        let lines = plot(&samples, width, rows);
        for line in &lines {
            prop_assert!(line.chars().count() <= width, "{}", line);
        }
        let empty = samples.iter().all(|s| !s.1.is_finite());
        prop_assert_eq!(lines.len(), if empty { 1 } else { rows + 2 });
    }
}

#[test]
fn tables_align_and_shorten() {
    let mut table = Table::of(&[("name", Align::Left), ("kB", Align::Right)]);
    table.row(vec!["a long name indeed".into(), "5".into()]);
    table.row(vec!["b\u{1b}[2J".into(), "12,345".into()]);
    assert_eq!(
        table.render(20),
        [
            "name              kB",
            "────────────  ──────",
            "a long name…       5",
            "b [2J         12,345",
        ]
    );
    assert_eq!(table.render(80)[2], "a long name indeed       5");
}

#[test]
fn a_rising_line() {
    let day = 86_400_000;
    let lines = plot(&[(0, 0.0), (100 * day, 10.0)], 28, 3);
    assert_eq!(lines.len(), 5);
    assert!(lines[0].starts_with("10.0 ┤⠀"), "{}", lines[0]);
    assert!(lines[0].ends_with(['⠉', '⠁', '⠈', '⠊', '⠒', '⠔']), "{}", lines[0]);
    assert!(lines[1].starts_with(" 5.0 ┤"), "{}", lines[1]);
    assert!(lines[2].starts_with(" 0.0 ┤"), "{}", lines[2]);
    assert!(lines[2].ends_with('⠀'), "{}", lines[2]);
    assert_eq!(lines[3], format!("     └{}", "─".repeat(22)));
    assert_eq!(lines[4], "      1970-01-01  1970-04-11");
    assert_eq!(plot(&[], 28, 3), ["(no samples)"]);
}

#[test]
fn numbers_and_times() {
    assert_eq!(text::grouped(0), "0");
    assert_eq!(text::grouped(999), "999");
    assert_eq!(text::grouped(1_234_567), "1,234,567");
    assert_eq!(text::date(951_868_800_000), "2000-03-01");
    assert_eq!(text::date(-1), "1969-12-31");
    let micros = |n| text::duration(std::time::Duration::from_micros(n));
    assert_eq!([micros(312), micros(4_250), micros(1_210_000)], ["312 µs", "4.2 ms", "1.21 s"]);
}

#[test]
fn the_command_line() {
    let parse = |arguments: &[&str]| {
        Options::parse(&arguments.iter().map(|a| a.as_bytes().to_vec()).collect::<Vec<_>>())
    };
    assert_eq!(parse(&[]), Ok(Options { port: 6379, exit: false }));
    assert_eq!(parse(&["--exit", "--port", "7000"]), Ok(Options { port: 7000, exit: true }));
    assert!(parse(&["--port"]).is_err());
    assert!(parse(&["--port", "70000"]).is_err());
    assert!(parse(&["--fast"]).is_err());
}

#[test]
fn the_datasets_are_whole() {
    let counts = ALL.iter().map(|dataset| {
        let batches = dataset.batches().unwrap();
        batches.iter().map(|b| b.items).sum::<u64>()
    });
    assert_eq!(counts.collect::<Vec<_>>(), [30_300, 17_472, 11_415, 183_490]);
}

#[test]
fn answers_in_another_form_are_errors() {
    for chapter in &TOUR {
        for query in &chapter.queries {
            let answer = present(&Reply::Nil, query.show, 80);
            assert!(matches!(answer, Err(Error::Unexpected(_))), "{}", query.title);
        }
    }
}

#[test]
fn objects_become_a_table() {
    let reply = text_of(r#"[{"prefix":"-moz-","added":"3.5"},{"added":true,"flags":["a","b"]}]"#);
    assert_eq!(
        present(&reply, Show::Objects, 80).unwrap(),
        ["prefix  added  flags", "──────  ─────  ─────", "-moz-   3.5", "        true   a, b",]
    );
}

/// Goes through the whole demo on an empty server with search, JSON and time series that listens
/// at the address in `CAIRN_DEMO_PEER`.
#[test]
#[ignore = "needs another server"]
fn the_tour_on_another_server() {
    let address = std::env::var("CAIRN_DEMO_PEER").unwrap().parse().unwrap();
    let mut client = Client::connect(address).unwrap();
    super::tour(&mut client, address, &mut io::stdout()).unwrap();
}
