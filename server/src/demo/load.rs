//! Loading: sends the datasets' commands over one connection, shows how far it got, and says how
//! fast it was.

use std::io::{Read, Write};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::client::Client;
use super::datasets::{ALL, Batch, Dataset};
use super::error::Error;
use super::text::{duration, grouped};

/// Loads all datasets, with one line printed for each.
///
/// # Errors
/// When a command is answered with an error, the connection fails or a dataset is damaged.
pub fn load_all(client: &mut Client<impl Read + Write>, out: &mut impl Write) -> Result<(), Error> {
    for dataset in &ALL {
        load(client, dataset, out)?;
    }
    Ok(())
}

fn load(
    client: &mut Client<impl Read + Write>,
    dataset: &Dataset,
    out: &mut impl Write,
) -> Result<(), Error> {
    // Unpacked beforehand, so that the time is the server's and the connection's.
    let batches = dataset.batches()?;
    let items = batches.iter().map(|b| b.items).sum();
    if let Some(command) = dataset.index {
        client.call(command)?;
    }
    let bar = progress(dataset, items);
    let start = Instant::now();
    let sent = send(client, dataset, &batches, &bar);
    let time = start.elapsed();
    bar.finish_and_clear();
    sent?;
    let rate = (items as f64 / time.as_secs_f64().max(1e-9)) as u64;
    writeln!(
        out,
        "  {:<14}{:>9} {:<10}{:>10}{:>11}/s",
        dataset.name,
        grouped(items),
        dataset.unit,
        duration(time),
        grouped(rate)
    )
    .map_err(Error::Output)
}

/// A bar on standard error; nothing at all if that is no terminal.
fn progress(dataset: &Dataset, items: u64) -> ProgressBar {
    let template = "  {prefix:14}{human_pos:>9} {bar:30} {per_sec}";
    let bar = ProgressBar::new(items).with_prefix(dataset.name);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("━╸─")),
        Err(_) => bar,
    }
}

/// Sends the batches. One is always on its way while the replies to the one before are read: the
/// server is never idle, and what waits in the sockets' buffers stays small.
fn send(
    client: &mut Client<impl Read + Write>,
    dataset: &Dataset,
    batches: &[Batch],
    bar: &ProgressBar,
) -> Result<(), Error> {
    let mut before: Option<&Batch> = None;
    for batch in batches {
        client.send(&batch.bytes)?;
        if let Some(before) = before.replace(batch) {
            confirm(client, dataset, before)?;
            bar.inc(before.items);
        }
    }
    before.map_or(Ok(()), |last| confirm(client, dataset, last))
}

/// Reads a batch's replies, of which none may be an error.
fn confirm(
    client: &mut Client<impl Read + Write>,
    dataset: &Dataset,
    batch: &Batch,
) -> Result<(), Error> {
    for _ in 0..batch.commands {
        let reply = client.receive()?;
        if let Some(text) = reply.first_error() {
            let command = format!("A command that loads {}", dataset.name);
            return Err(Error::Refused { command, text: text.to_owned() });
        }
    }
    Ok(())
}
