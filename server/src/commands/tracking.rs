//! CLIENT's subcommands for client-side caching: TRACKING, CACHING, TRACKINGINFO, GETREDIR.

use std::sync::Arc;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::util::int::parse_i64;

use super::{client, is, server, text};
use crate::client::Client;
use crate::server::Server;
use crate::tracking::{Mode, Options};

/// CLIENT TRACKING.
pub fn tracking(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (server, client) = (server(ctx)?, client(ctx)?);
    let options = parse(server, &args[3..])?;
    match args[2] {
        word if is(word, "on") => {
            check(&client, &options)?;
            let mut options = options;
            if options.mode.has(Mode::BCAST)
                && options.prefixes.is_empty()
                && client.tracking.prefixes().is_empty()
            {
                options.prefixes.push(Box::default());
            }
            server.tracking.enable(server, &client, options);
            ctx.session.tracks = true;
            client.keep_order(ctx.session);
        }
        word if is(word, "off") => {
            server.tracking.disable(server, &client);
            ctx.session.tracks = false;
        }
        _ => return Err(CmdError::SYNTAX),
    }
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn parse(server: &Arc<Server>, words: &[&[u8]]) -> Result<Options, CmdError> {
    let mut options = Options::default();
    let mut rest = words;
    while let Some((&word, more)) = rest.split_first() {
        rest = more;
        let mode = match word {
            w if is(w, "bcast") => Mode::BCAST,
            w if is(w, "optin") => Mode::OPTIN,
            w if is(w, "optout") => Mode::OPTOUT,
            w if is(w, "noloop") => Mode::NOLOOP,
            w if is(w, "redirect") => {
                let (id, more) = more.split_first().ok_or(CmdError::SYNTAX)?;
                rest = more;
                options.redirect = Some(target(server, id, options.redirect)?);
                continue;
            }
            w if is(w, "prefix") => {
                let (prefix, more) = more.split_first().ok_or(CmdError::SYNTAX)?;
                rest = more;
                options.prefixes.push(Box::from(*prefix));
                continue;
            }
            _ => return Err(CmdError::SYNTAX),
        };
        options.mode = options.mode.with(mode);
    }
    Ok(options)
}

fn target(server: &Server, id: &[u8], before: Option<u64>) -> Result<u64, CmdError> {
    if before.is_some() {
        return Err(CmdError::fixed("ERR A client can only redirect to a single other client"));
    }
    let id = parse_i64(id).ok_or(CmdError::NOT_INT)?;
    let id = u64::try_from(id).unwrap_or(0);
    if !server.clients().contains_key(&id) {
        return Err(CmdError::fixed("ERR The client ID you want redirect to does not exist"));
    }
    Ok(id)
}

/// Whether a client can take these options now.
fn check(client: &Client, options: &Options) -> Result<(), CmdError> {
    let (new, old) = (options.mode, client.tracking.mode());
    if !options.prefixes.is_empty() && !new.has(Mode::BCAST) {
        return Err(CmdError::fixed("ERR PREFIX option requires BCAST mode to be enabled"));
    }
    if old.has(Mode::ON) && old.has(Mode::BCAST) != new.has(Mode::BCAST) {
        return Err(CmdError::fixed(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, \
             and then re-enabling it with a different mode.",
        ));
    }
    if new.has(Mode::BCAST) && (new.has(Mode::OPTIN) || new.has(Mode::OPTOUT)) {
        return Err(CmdError::fixed("ERR OPTIN and OPTOUT are not compatible with BCAST"));
    }
    if new.has(Mode::OPTIN) && new.has(Mode::OPTOUT) {
        return Err(CmdError::fixed("ERR You can't specify both OPTIN mode and OPTOUT mode"));
    }
    if new.has(Mode::OPTIN) && old.has(Mode::OPTOUT)
        || new.has(Mode::OPTOUT) && old.has(Mode::OPTIN)
    {
        return Err(CmdError::fixed(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, \
             and then re-enabling it with a different mode.",
        ));
    }
    no_overlap(&client.tracking.prefixes(), &options.prefixes)
}

/// Prefixes of one client must not contain each other: it would get messages twice.
fn no_overlap(old: &[Box<[u8]>], new: &[Box<[u8]>]) -> Result<(), CmdError> {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    for (at, prefix) in new.iter().enumerate() {
        let error = |which: &str, other: &[u8]| {
            CmdError::new(format!(
                "ERR Prefix '{}' overlaps with {which} prefix '{}'. Prefixes for a single client \
                 must not overlap.",
                text(prefix),
                text(other)
            ))
        };
        if let Some(other) = old.iter().find(|other| overlap(prefix, other)) {
            return Err(error("an existing", other));
        }
        if let Some(other) = new[at + 1..].iter().find(|other| overlap(prefix, other)) {
            return Err(error("another provided", other));
        }
    }
    Ok(())
}

/// CLIENT CACHING.
pub fn caching(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let client = client(ctx)?;
    let mode = client.tracking.mode();
    if !mode.has(Mode::ON) || !(mode.has(Mode::OPTIN) || mode.has(Mode::OPTOUT)) {
        return Err(CmdError::fixed(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
             or OPTOUT mode enabled",
        ));
    }
    match args[2] {
        word if is(word, "yes") => {
            if !mode.has(Mode::OPTIN) {
                return Err(CmdError::fixed(
                    "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
                ));
            }
        }
        word if is(word, "no") => {
            if !mode.has(Mode::OPTOUT) {
                return Err(CmdError::fixed(
                    "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
                ));
            }
        }
        _ => return Err(CmdError::SYNTAX),
    }
    client.tracking.set_caching(true);
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// CLIENT GETREDIR: -1 without tracking, 0 without redirection.
pub fn getredir(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let id = redirect(&*client(ctx)?);
    ctx.reply.int(id);
    Ok(Flow::Done)
}

/// Where a client's messages go, as CLIENT LIST shows it.
pub fn redirect(client: &Client) -> i64 {
    match client.tracking.is_on() {
        true => client.tracking.redirect().unwrap_or(0) as i64,
        false => -1,
    }
}

/// CLIENT TRACKINGINFO.
pub fn trackinginfo(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let client = client(ctx)?;
    let state = &client.tracking;
    let mode = state.mode();
    let caching = state.is_caching();
    let all = [
        (!mode.has(Mode::ON), "off"),
        (mode.has(Mode::ON), "on"),
        (mode.has(Mode::BCAST), "bcast"),
        (mode.has(Mode::OPTIN), "optin"),
        (mode.has(Mode::OPTIN) && caching, "caching-yes"),
        (mode.has(Mode::OPTOUT), "optout"),
        (mode.has(Mode::OPTOUT) && caching, "caching-no"),
        (mode.has(Mode::NOLOOP), "noloop"),
        (state.is_broken(), "broken_redirect"),
    ];
    let flags: Vec<&str> = all.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
    let prefixes = state.prefixes();
    let reply = &mut ctx.reply;
    reply.map(3);
    reply.bulk("flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag));
    reply.bulk("redirect");
    reply.int(redirect(&client));
    reply.bulk("prefixes");
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(Flow::Done)
}
