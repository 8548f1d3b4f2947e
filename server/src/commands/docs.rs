//! COMMAND DOCS, from the commands' specs.

use cairn_core::command::syntax::{self, Argument, Kind};
use cairn_core::command::{Command, Ctx, Flow, Outcome};
use cairn_core::reply::{Aggregate, Reply};

use super::introspection::by_name;

/// COMMAND DOCS. Names that are unknown are left out.
pub fn command_docs(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let engine = ctx.engine();
    let chosen: Vec<(&str, &Command)> = if args.len() == 2 {
        engine.registry.iter().collect()
    } else {
        args[2..]
            .iter()
            .filter_map(|name| by_name(engine, name))
            .map(|command| (command.name.as_str(), command))
            .collect()
    };
    ctx.reply.map(chosen.len());
    for (name, command) in chosen {
        ctx.reply.bulk(name);
        document(ctx.reply, command);
    }
    Ok(Flow::Done)
}

fn document(reply: &mut Reply, command: &Command) {
    let spec = command.spec;
    let arguments = syntax::parse(spec.syntax);
    let mut fields = 0;
    let map = reply.defer(Aggregate::Map);
    for (name, value) in [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.group),
        ("complexity", spec.complexity),
    ] {
        if !value.is_empty() {
            reply.bulk(name);
            reply.bulk(value);
            fields += 1;
        }
    }
    if !arguments.is_empty() {
        reply.bulk("arguments");
        reply.array(arguments.len());
        arguments.iter().for_each(|a| argument(reply, a));
        fields += 1;
    }
    if !command.subcommands.is_empty() {
        reply.bulk("subcommands");
        reply.map(command.subcommands.len());
        for sub in &command.subcommands {
            reply.bulk(&sub.name);
            document(reply, sub);
        }
        fields += 1;
    }
    reply.finish(map, fields);
}

fn argument(reply: &mut Reply, a: &Argument) {
    let map = reply.defer(Aggregate::Map);
    let mut fields = 2;
    reply.bulk("name");
    reply.bulk(&a.name);
    reply.bulk("type");
    reply.bulk(a.kind.name());
    if a.kind == Kind::Key {
        reply.bulk("key_spec_index");
        reply.int(0);
        fields += 1;
    }
    if !matches!(a.kind, Kind::OneOf | Kind::Block) {
        reply.bulk("display_text");
        reply.bulk(&a.name);
        fields += 1;
    }
    if let Some(token) = &a.token {
        reply.bulk("token");
        reply.bulk(token);
        fields += 1;
    }
    let flags: Vec<&str> = [(a.optional, "optional"), (a.multiple, "multiple")]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
        .collect();
    if !flags.is_empty() {
        reply.bulk("flags");
        reply.set(flags.len());
        flags.iter().for_each(|f| reply.simple(f));
        fields += 1;
    }
    if !a.parts.is_empty() {
        reply.bulk("arguments");
        reply.array(a.parts.len());
        a.parts.iter().for_each(|part| argument(reply, part));
        fields += 1;
    }
    reply.finish(map, fields);
}
