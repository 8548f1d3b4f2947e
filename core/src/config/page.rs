//! `docs/configuration.md`, which is made from the tables. The test fails when the page is stale;
//! `CAIRN_UPDATE_DOCS=1 cargo test -p cairn-core config::page` writes it anew.

use super::{Config, Kind, Param, Table};
use std::fmt::Write;

const HEAD: &str = "# Configuration

<!-- Made from the tables in core/src/config/table; don't edit. To make it anew:
     CAIRN_UPDATE_DOCS=1 cargo test -p cairn-core config::page -->

Cairn reads `redis.conf` as it is: `cairn-server /path/to/redis.conf`, with options behind it
(`--port 7000`), and more from standard input with a `-` at the end. CONFIG GET and CONFIG SET read
and change parameters of a running server, and CONFIG REWRITE writes the changes to the file.
Amounts of memory take units: `1k` is 1000 bytes, `1kb` is 1024, likewise `m`, `mb`, `g` and `gb`.

*At start* means that CONFIG SET can't change the parameter; *protected*, that it can't unless
`enable-protected-configs` allows it.
";

fn page() -> String {
    let mut out = HEAD.to_string();
    for table in Config::new().tables() {
        write_table(&mut out, table);
    }
    out
}

fn write_table(out: &mut String, table: &Table) {
    let _ = write!(out, "\n## {}\n", table.title);
    out.push_str("\n| Parameter | Values | Default | |\n| --- | --- | --- | --- |\n");
    for param in table.params {
        let mut names = format!("`{}`", param.name);
        if let Some(alias) = param.alias {
            let _ = write!(names, ", `{alias}`");
        }
        let default = if param.default.is_empty() { "\"\"" } else { param.default };
        let (values, doc) = (values(param), doc(param));
        let _ = writeln!(out, "| {names} | {values} | `{default}` | {doc} |");
    }
}

fn doc(param: &Param) -> String {
    let mut doc = param.doc.trim().replace('|', "\\|");
    for (applies, note) in [
        (param.immutable, " *At start.*"),
        (param.protected, " *Protected.*"),
        (param.later, " *No effect yet.*"),
    ] {
        if applies {
            doc.push_str(note);
        }
    }
    doc
}

fn values(param: &Param) -> String {
    match param.kind {
        Kind::Bool => "yes, no".into(),
        Kind::Int { min, max } => {
            range(min, max.unsigned_abs(), max == i64::from(i32::MAX) || max == i64::MAX)
        }
        Kind::Unsigned { min, max } => {
            range(min.cast_signed(), max, max >= u64::from(u32::MAX) >> 1)
        }
        Kind::Memory { min: 0, .. } => "memory".into(),
        Kind::Memory { min, .. } => {
            format!("memory, at least {}", crate::util::memory::format_memory(min))
        }
        Kind::MemoryOrPercent => "memory or per cent".into(),
        Kind::Octal { .. } => "octal".into(),
        Kind::Enum(names) => names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        Kind::Flags(names) => {
            let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            format!("any of {}", names.join(", "))
        }
        Kind::Text => "text".into(),
        Kind::List(_) => "list".into(),
    }
}

fn range(min: i64, max: u64, unbounded: bool) -> String {
    match (min, unbounded) {
        (min, true) if min == i64::from(i32::MIN) => "number".into(),
        (min, true) => format!("number, at least {min}"),
        (min, false) => format!("{min} to {max}"),
    }
}

#[test]
fn the_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let page = page();
    if std::env::var_os("CAIRN_UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).expect("docs/");
        std::fs::write(path, &page).expect("docs/ is writable");
    }
    let present = std::fs::read_to_string(path).unwrap_or_default();
    assert!(present == page, "docs/configuration.md is stale; see the head of page.rs");
}
