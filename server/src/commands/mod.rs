//! Commands about connections, the configuration and the process: what core cannot know.

mod backup;
mod client;
mod config;
mod connection;
mod debug;
mod docs;
mod functions;
mod introspection;
mod memory;
mod migrate;
mod observe;
mod persistence;
mod pubsub;
mod shutdown;
mod tracking;

use std::sync::Arc;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Registry};

use crate::client::Client;
use crate::host::ServerHost;
use crate::server::Server;

/// Adds all of them.
pub fn register(registry: &mut Registry) {
    let families = [
        connection::SPECS,
        client::SPECS,
        pubsub::SPECS,
        introspection::SPECS,
        config::SPECS,
        debug::SPECS,
        functions::SPECS,
        observe::SPECS,
        memory::SPECS,
        migrate::SPECS,
        persistence::SPECS,
        shutdown::SPECS,
        backup::SPECS,
    ];
    families.into_iter().for_each(|specs| registry.add(specs));
}

pub use memory::Overhead;
pub use pubsub::{check_subscriber, forget as forget_subscriptions};

/// The server behind a running command.
fn server<'e>(ctx: &Ctx<'_, 'e>) -> Result<&'e Arc<Server>, CmdError> {
    let host = ctx.engine().host().map(|host| host as &dyn std::any::Any);
    let server = host.and_then(|host| host.downcast_ref::<ServerHost>()).map(ServerHost::server);
    server.ok_or(CmdError::fixed("ERR this command needs a server"))
}

/// The connection behind a running command.
fn client(ctx: &Ctx<'_, '_>) -> Result<Arc<Client>, CmdError> {
    let client = Client::of(ctx.session).cloned();
    client.ok_or(CmdError::fixed("ERR this command needs a connection"))
}

/// The answer to words too many behind a subcommand, where its arity allows them.
fn wrong_arguments(command: &str, subcommand: &[u8]) -> CmdError {
    let name = text(subcommand);
    CmdError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try {command} HELP."
    ))
}

/// Text of an argument, as far as it is UTF-8.
fn text(arg: &[u8]) -> String {
    String::from_utf8_lossy(arg).into_owned()
}

/// Whether an argument is this word, in any case.
fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}
