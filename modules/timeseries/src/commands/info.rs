//! TS.INFO.

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::reply::Reply;

use super::output::{label, pairs};
use super::{arity, rules, series};
use crate::chunk::{Chunk, Encoding};
use crate::number::push_value;
use crate::value::TimeSeries;

/// Fields of the reply, and those that DEBUG adds.
const FIELDS: usize = 14;
const DEBUG_FIELDS: usize = 2;

/// TS.INFO key [DEBUG].
pub fn info(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, debug) = match *args {
        [_, key] => (key, false),
        [_, key, word] => (key, word.eq_ignore_ascii_case(b"DEBUG")),
        _ => return Err(arity(ctx)),
    };
    if let Some(flow) = rules::hold_rules(ctx, &[key])? {
        return Ok(flow);
    }
    let series = series(ctx.space, key)?;
    let reply = &mut *ctx.reply;
    reply.map(FIELDS + if debug { DEBUG_FIELDS } else { 0 });
    write_samples(reply, series);
    write_links(reply, series);
    reply.simple("ignoreMaxTimeDiff");
    reply.int(series.series().options().ignore_time as i64);
    reply.simple("ignoreMaxValDiff");
    write_double(reply, series.series().options().ignore_value);
    if debug {
        reply.simple("keySelfName");
        reply.bulk(key);
        write_chunks(reply, series);
    }
    Ok(Flow::Done)
}

/// A number: a double, or in RESP2 its text.
fn write_double(reply: &mut Reply, value: f64) {
    if reply.is_resp3() {
        return reply.double(value);
    }
    let mut text = String::new();
    push_value(value, &mut text);
    reply.bulk(text);
}

fn write_samples(reply: &mut Reply, series: &TimeSeries) {
    let (samples, options) = (series.series(), series.series().options());
    let numbers = [
        ("totalSamples", samples.len() as u64),
        ("memoryUsage", series.memory() as u64),
        ("firstTimestamp", samples.first_ts().unwrap_or(0)),
        ("lastTimestamp", samples.last().map_or(0, |last| last.ts)),
        ("retentionTime", options.retention),
        // A series without samples counts as having a chunk to put them in.
        ("chunkCount", samples.chunks().len().max(1) as u64),
        ("chunkSize", options.chunk_size as u64),
    ];
    for (name, number) in numbers {
        reply.simple(name);
        reply.int(i64::try_from(number).unwrap_or(i64::MAX));
    }
    reply.simple("chunkType");
    reply.simple(match options.encoding {
        Encoding::Compressed => "compressed",
        Encoding::Uncompressed => "uncompressed",
    });
    reply.simple("duplicatePolicy");
    match options.duplicate {
        Some(policy) => reply.simple(policy.name()),
        None => reply.null(),
    }
}

/// Labels, source and rules.
fn write_links(reply: &mut Reply, series: &TimeSeries) {
    reply.simple("labels");
    pairs(reply, series.labels().len());
    for (name, value) in series.labels().iter() {
        label(reply, name, Some(value));
    }
    reply.simple("sourceKey");
    reply.bulk_or_null(series.source.as_deref());
    reply.simple("rules");
    pairs(reply, series.rules().len());
    for rule in series.rules() {
        if reply.is_resp3() {
            reply.bulk(&rule.destination);
            reply.array(3);
        } else {
            reply.array(4);
            reply.bulk(&rule.destination);
        }
        reply.int(rule.duration as i64);
        reply.simple(&rule.aggregator.name().to_ascii_uppercase());
        reply.int(rule.align as i64);
    }
}

fn write_chunks(reply: &mut Reply, series: &TimeSeries) {
    reply.simple("Chunks");
    reply.array(series.series().chunks().len());
    series.series().chunks().for_each(|chunk| write_chunk(reply, chunk));
}

fn write_chunk(reply: &mut Reply, chunk: &Chunk) {
    reply.map(5);
    let numbers = [
        ("startTimestamp", chunk.first_ts()),
        ("endTimestamp", chunk.last_ts()),
        ("samples", chunk.len() as u64),
        ("size", chunk.size() as u64),
    ];
    for (name, number) in numbers {
        reply.simple(name);
        reply.int(number as i64);
    }
    reply.simple("bytesPerSample");
    write_double(reply, chunk.size() as f64 / chunk.len().max(1) as f64);
}
