//! Whatever the files of an append-only directory hold: a manifest is refused or says the same
//! when it is written and read again, and a file of commands gives the same commands up to its
//! end or its error, an error that cutting the file there takes away.
#![no_main]

mod driver;

use cairn_server::aof::format::{Commands, FormatError, Item};
use cairn_server::aof::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

/// Lines of a manifest are shorter, in bytes.
const LINE_MAX: usize = 1024;

/// The commands of a file, how far they reach, and the error behind them.
fn read(file: &[u8]) -> (Vec<Vec<Vec<u8>>>, u64, Option<FormatError>) {
    let mut reader = Commands::new(file, 0, file.len() as u64);
    let (mut commands, mut good) = (Vec::new(), 0);
    loop {
        match reader.next_item() {
            Ok(Item::End) => return (commands, good, None),
            Ok(Item::Command) => commands.push(reader.words().map(<[u8]>::to_vec).collect()),
            Ok(Item::Note | Item::Timestamp(_)) => {}
            Err(error) => return (commands, good, Some(error)),
        }
        good = reader.offset();
    }
}

fn commands(file: &[u8]) {
    let (commands, good, error) = read(file);
    assert!(good <= file.len() as u64);
    assert!(error.is_some() || good == file.len() as u64);
    let (again, end, error) = read(&file[..good as usize]);
    assert!(error.is_none(), "{error:?} in what was good");
    assert_eq!((again, end), (commands, good));
}

fn manifest(text: &[u8]) {
    let parse = |text: &[u8]| Manifest::parse("dir".into(), "appendonly.aof", text);
    let Ok(manifest) = parse(text) else { return };
    // Nothing but notes is no manifest, and names in quotes may be longer than a line can be.
    let text = manifest.text();
    if !text.is_empty() && text.len() < LINE_MAX {
        assert_eq!(parse(text.as_bytes()).expect("what was written is read"), manifest);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let seeds: [&[u8]; 3] = [
        b"mfile \"a \\x01.2.base.rdb\" seq 2 type b\n# note\nfile a.1.incr.aof seq 1 type h\n\
          file a.4.incr.aof seq 4 type i\nfile a.5.incr.aof seq 5 type i startoffset 17\n",
        b"c*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n#TS:1700000000\r\n*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n\
          $1\r\na\r\n$0\r\n\r\n*1\r\n$4\r\nEXEC\r\n",
        b"c*3\r\n$3\r\nSET\r\n$1\r\na\r\n$10\r\nabc",
    ];
    seeds.map(<[u8]>::to_vec).to_vec()
}

fuzz_target!(
    init: driver::seed(seeds()),
    |input: &[u8]| {
        match input.split_first() {
            Some((b'm', text)) => manifest(text),
            Some((_, file)) => commands(file),
            None => {}
        }
    }
);
