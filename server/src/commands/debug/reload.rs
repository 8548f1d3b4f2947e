//! DEBUG RELOAD: all data through a dump file and back.

use std::sync::Arc;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flow, Outcome};

use super::super::{is, server};
use crate::persist::{Purpose, load, schedule};
use crate::server::Server;

/// What was asked for besides.
#[derive(Clone, Copy)]
struct Options {
    save: bool,
    flush: bool,
    load: load::Options,
}

pub(super) fn reload(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    super::allowed(ctx)?;
    let mut options = Options { save: true, flush: true, load: load::Options::default() };
    for word in &args[2..] {
        if is(word, "nosave") {
            options.save = false;
        } else if is(word, "noflush") {
            options.flush = false;
        } else if is(word, "merge") {
            options.load.merge = true;
        } else {
            let text = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.";
            return Err(CmdError::fixed(text));
        }
    }
    let server = Arc::clone(server(ctx)?);
    Ok(Flow::offload(move || match super::alone(&server, || run(&server, options)) {
        Ok(()) => b"+OK\r\n".to_vec(),
        Err(text) => format!("-ERR {text}\r\n").into_bytes(),
    }))
}

fn run(server: &Server, options: Options) -> Result<(), &'static str> {
    if options.save {
        server.persistence.wait_and_claim(Purpose::Save);
        schedule::run(server, Purpose::Save)
            .map_err(|_| "Error trying to save the RDB dump, check server logs.")?;
    }
    server.persistence.wait_and_claim(Purpose::Reload);
    if options.flush {
        load::empty(server);
    }
    let loaded = load::load(server, &schedule::file(server), options.load);
    server.persistence.release();
    loaded.map_err(|error| {
        server.log.warning(&error);
        "Error trying to load the RDB dump, check server logs."
    })?;
    server.log.warning("DB reloaded by DEBUG RELOAD");
    Ok(())
}
