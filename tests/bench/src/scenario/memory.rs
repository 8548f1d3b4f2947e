//! `cairn-bench memory`: bytes a key, by the server's own account and by its resident set, at
//! several sizes of the keyspace (so that a table that has just doubled cannot hide, nor shine).

use super::Outcome;
use crate::args::Args;
use crate::report::{Table, count, ratio};
use crate::target::{self, Target};

/// What `--help` says about this subcommand.
pub const HELP: &str = "\
memory: bytes a key with 16-byte keys, with and without a TTL, in fresh servers
  --keys LIST         keys [700000,1000000,1400000,2000000]
  --size N            bytes a value [32]";

/// Runs the subcommand.
pub fn run(words: Vec<String>) -> Outcome {
    let valued: Vec<&str> = ["keys", "size"].into_iter().chain(target::OPTIONS).collect();
    let args = Args::parse(words, &valued, &[])?;
    let value = "x".repeat(args.value("size", 32)?);
    let sizes: Vec<u64> = args.list("keys", "700000,1000000,1400000,2000000")?;
    let mut targets = Target::from_args(&args)?;
    for ttl in [false, true] {
        println!("{}-byte values, {} TTL", value.len(), if ttl { "each with a" } else { "no" });
        let mut table =
            Table::new(&["keys", "server", "used_memory/key", "ratio", "resident/key", "ratio"]);
        for &keys in &sizes {
            let mut base = None;
            for target in &mut targets {
                let (used, resident) = bytes_per_key(target, keys, &value, ttl)?;
                let (base_used, base_resident) = *base.get_or_insert((used, resident));
                table.row([
                    count(keys as f64),
                    target.name.clone(),
                    format!("{used:.1}"),
                    ratio(used, base_used),
                    format!("{resident:.1}"),
                    ratio(resident, base_resident),
                ]);
                target.stop();
            }
        }
        table.print();
    }
    Ok(())
}

/// Growth of `used_memory` and of the resident set over `keys` keys, per key.
fn bytes_per_key(target: &mut Target, keys: u64, value: &str, ttl: bool) -> Outcome<(f64, f64)> {
    target.refresh()?;
    let before = (target.used_memory()?, target.resident().unwrap_or(0));
    let mut client = target.connect()?;
    for number in 0..keys {
        let key = format!("key:{number:012}");
        if ttl {
            client.queue(&["SET", &key, value, "EX", "86400"])?;
        } else {
            client.queue(&["SET", &key, value])?;
        }
    }
    client.settle()?;
    drop(client);
    let after = (target.used_memory()?, target.resident().unwrap_or(0));
    let each = |after: u64, before: u64| after.saturating_sub(before) as f64 / keys as f64;
    Ok((each(after.0, before.0), each(after.1, before.1)))
}
