//! The version of the format that files are in, and what newer servers write.

use std::path::Path;

use cairn_tests::client::Client;
use cairn_tests::process::{Server, fresh_dir};

use crate::BINARY;

const OPTIONS: &[&str] = &["--save", "", "--enable-debug-command", "yes"];

fn version_of(file: &Path) -> String {
    let bytes = std::fs::read(file).expect("there is a file");
    String::from_utf8_lossy(&bytes[..9]).into_owned()
}

/// Saves, and returns the version of the file, which is loaded with what it was written from.
fn saved(server: &Server, client: &mut Client) -> String {
    assert_eq!(client.run("SAVE"), "+OK");
    let (file, dir) = (server.dir().join("dump.rdb"), fresh_dir());
    std::fs::copy(&file, dir.join("dump.rdb")).expect("it can be copied");
    let other = Server::start_in(BINARY, dir, OPTIONS);
    assert_eq!(other.connect().run("DEBUG DIGEST"), client.run("DEBUG DIGEST"));
    version_of(&file)
}

#[test]
fn a_file_is_of_the_version_that_its_values_need() {
    let server = Server::start(BINARY, OPTIONS);
    let mut client = server.connect();
    for (line, version) in [
        ("SET string value", 11),
        ("HSET hash field value other value", 11),
        ("HEXPIRE hash 100000 FIELDS 1 field", 12),
        ("XADD stream 1-1 field value", 12),
        ("XADD stream IDMP producer 1 * field value", 13),
        ("ARSET array 7 value", 14),
        ("XGROUP CREATE stream group 0", 14),
        ("DEL array", 13),
        ("XREADGROUP GROUP group one STREAMS stream >", 13),
        ("XNACK stream group FAIL IDS 1 1-1", 14),
        ("XACK stream group 1-1", 13),
        ("COPY stream copied", 13),
        ("DEL stream", 13),
        ("RENAME copied moved", 13),
        ("SELECT 3", 13),
        ("SWAPDB 0 3", 13),
        ("SET moved value", 12),
        ("FLUSHALL", 11),
    ] {
        let reply = client.run(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
        assert_eq!(saved(&server, &mut client), format!("REDIS{version:04}"), "after {line}");
    }
    for line in ["ARSET array 7 value", "XADD stream IDMP producer 1 * field value"] {
        client.run(line);
    }
    for (asked, version) in [(10, 10), (13, 14), (15, 15)] {
        client.run(&format!("CONFIG SET rdb-version {asked}"));
        assert_eq!(saved(&server, &mut client), format!("REDIS{version:04}"), "asked {asked}");
    }
}

/// A string of one byte with metadata in front, as a module of Redis 8.6 leaves it.
const WITH_METADATA: &[u8] = b"\xf3\x01\x01\x02\x03\x04\x02\x09\0\0\x01v\x0f\0\0\0\0\0\0\0\0\0";

#[test]
fn metadata_of_a_key_is_left_out_only_on_request() {
    let server = Server::start(BINARY, OPTIONS);
    let mut client = server.connect();
    let restore: [&[u8]; 4] = [b"RESTORE", b"key", b"0", WITH_METADATA];
    assert_eq!(client.call(&restore).text(), "ERR Bad data format");
    client.run("CONFIG SET rdb-skip-unknown-modules yes");
    assert_eq!(client.call(&restore).text(), "OK");
    assert_eq!(client.run("GET key"), r#""v""#);

    let body = &WITH_METADATA[..WITH_METADATA.len() - 10];
    let (head, value) = body.split_at(body.len() - 3);
    let file = [b"REDIS0015\xfe\0", head, &value[..1], b"\x03key", &value[1..], b"\xff"].concat();
    let file = [&file[..], &[0; 8]].concat();
    let dir = fresh_dir();
    std::fs::write(dir.join("dump.rdb"), file).expect("it can be written");
    let options = [OPTIONS, &["--rdb-skip-unknown-modules", "yes"]].concat();
    let server = Server::start_in(BINARY, dir, &options);
    assert_eq!(server.connect().run("GET key"), r#""v""#);
}

/// Redis 8.10 logs hashes of a template as payloads without a checksum.
#[test]
fn a_payload_of_a_hash_with_its_template_is_restored() {
    let server = Server::start(BINARY, OPTIONS);
    let mut client = server.connect();
    let array: &[u8] = b"\x1f\x01\x02\x01a\x02bb\x01x\xc0\x07\x0f\0\0\0\0\0\0\0\0\0";
    assert_eq!(client.call(&[&b"RESTORE"[..], b"key", b"0", array]).text(), "OK");
    assert_eq!(client.run("HMGET key a bb"), r#"["x" "7"]"#);
    let reference: &[u8] = b"\x20\x05\xc0\x01\xc0\x02\x0f\0\0\0\0\0\0\0\0\0";
    let reply = client.call(&[&b"RESTORE"[..], b"other", b"0", reference]).text();
    assert_eq!(reply, "ERR Bad data format");
    // Older versions have a checksum.
    let unsummed: &[u8] = b"\0\x01v\x0b\0\0\0\0\0\0\0\0\0";
    let reply = client.call(&[&b"RESTORE"[..], b"other", b"0", unsummed]).text();
    assert!(reply.contains("checksum"), "{reply}");
}

/// Libraries of functions cannot be used here, and do not get lost.
#[test]
fn libraries_of_functions_go_from_file_to_file() {
    let source = "#!lua name=kept\nredis.register_function('f', print)";
    let file = [&b"REDIS0010\xf5"[..], &[source.len() as u8], source.as_bytes()].concat();
    let file = [&file[..], b"\xfe\0\0\x03key\x05value\xff", &[0; 8]].concat();
    let dir = fresh_dir();
    std::fs::write(dir.join("dump.rdb"), file).expect("it can be written");
    let server = Server::start_in(BINARY, dir, OPTIONS);
    let mut client = server.connect();
    assert_eq!(client.run("GET key"), r#""value""#);
    assert_eq!(client.run("FUNCTION LIST"), "[]");
    let has_it = |path: &Path| {
        let bytes = std::fs::read(path).expect("there is a file");
        bytes.windows(source.len()).filter(|part| *part == source.as_bytes()).count()
    };
    for line in ["CONFIG SET rdbcompression no", "SAVE", "DEBUG RELOAD", "SAVE"] {
        assert_eq!(client.run(line), "+OK", "{line}");
    }
    assert_eq!(has_it(&server.dir().join("dump.rdb")), 1);
    // As commands they have no form.
    client.run("CONFIG SET aof-use-rdb-preamble no");
    client.run("CONFIG SET appendonly yes");
    assert_eq!(client.run("DEBUG LOADAOF"), "+OK");
    let base = server.dir().join("appendonlydir/appendonly.aof.1.base.rdb");
    assert_eq!(has_it(&base), 1);
    assert_eq!(client.run("FUNCTION FLUSH"), "+OK");
    assert_eq!(client.run("DEBUG LOADAOF"), "+OK");
    assert_eq!(client.run("SAVE"), "+OK");
    assert_eq!(has_it(&server.dir().join("dump.rdb")), 0);
    assert_eq!(client.run("GET key"), r#""value""#);
}
