//! The specs of the commands on streams.

use super::{add, claim, entries, groups, info, pending, read, trim};
use crate::command::{Access, Acl, Begin, Find, Flags, KeySpec, Spec};

const STREAM: Spec = Spec { acl: Acl::STREAM, group: "stream", since: "5.0.0", ..Spec::DEFAULT };

const LOOK: &[KeySpec] = &[KeySpec::one(1, Access::RO)];
const READ: &[KeySpec] = &[KeySpec::one(1, Access::RO.or(Access::ACCESS))];
const UPDATE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::UPDATE))];
const DELETE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::DELETE))];
const ACK_DELETE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::UPDATE).or(Access::DELETE))];
const STREAMS: &[KeySpec] = &[behind_streams(1)];
const GROUP_STREAMS: &[KeySpec] = &[behind_streams(4)];
const SUB_READ: &[KeySpec] = &[KeySpec::one(2, Access::RO.or(Access::ACCESS))];
const SUB_UPDATE: &[KeySpec] = &[KeySpec::one(2, Access::RW.or(Access::UPDATE))];
const SUB_INSERT: &[KeySpec] = &[KeySpec::one(2, Access::RW.or(Access::INSERT))];
const SUB_DELETE: &[KeySpec] = &[KeySpec::one(2, Access::RW.or(Access::DELETE))];

/// The first half of the words behind STREAMS, looked for from this word on.
const fn behind_streams(from: i32) -> KeySpec {
    KeySpec {
        access: Access::RO.or(Access::ACCESS),
        begin: Begin::Keyword { word: "STREAMS", from },
        find: Find::Range { last: -1, step: 1, limit: 2 },
    }
}

const HELP: Spec = Spec {
    name: "help",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    summary: "Explains the subcommands",
    complexity: "O(1)",
    ..STREAM
};

/// The family's commands.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "xadd",
        arity: -5,
        flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
        keys: UPDATE,
        summary: "Appends an entry to a stream, and trims it if asked to",
        complexity: "O(1) to append, O(N) in the number of entries trimmed",
        syntax: "key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [IDMPAUTO producer-id | IDMP producer-id idempotent-id] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]",
        handler: add::xadd,
        ..STREAM
    },
    Spec {
        name: "xlen",
        arity: 2,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: LOOK,
        summary: "Returns the number of entries of a stream",
        complexity: "O(1)",
        syntax: "key",
        handler: entries::xlen,
        ..STREAM
    },
    Spec {
        name: "xrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns the entries of a stream between two identifiers",
        complexity: "O(N) in the number of entries returned",
        syntax: "key start end [COUNT count]",
        handler: entries::xrange,
        ..STREAM
    },
    Spec {
        name: "xrevrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns the entries of a stream between two identifiers, last first",
        complexity: "O(N) in the number of entries returned",
        syntax: "key end start [COUNT count]",
        handler: entries::xrevrange,
        ..STREAM
    },
    Spec {
        name: "xdel",
        arity: -3,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: DELETE,
        summary: "Deletes entries from a stream",
        complexity: "O(1) for each entry",
        syntax: "key id [id ...]",
        handler: entries::xdel,
        ..STREAM
    },
    Spec {
        name: "xdelex",
        arity: -5,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: DELETE,
        since: "8.2.0",
        summary: "Deletes entries from a stream as far as consumer groups allow",
        complexity: "O(1) for each entry",
        syntax: "key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
        handler: entries::xdelex,
        ..STREAM
    },
    Spec {
        name: "xtrim",
        arity: -4,
        flags: Flags::WRITE,
        keys: DELETE,
        summary: "Removes the oldest entries of a stream",
        complexity: "O(N) in the number of entries removed",
        syntax: "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count] [KEEPREF | DELREF | ACKED]",
        handler: trim::xtrim,
        ..STREAM
    },
    Spec {
        name: "xread",
        arity: -4,
        flags: Flags::READONLY.or(Flags::BLOCKING).or(Flags::MOVABLEKEYS),
        keys: STREAMS,
        summary: "Returns the entries of several streams that follow given ones, or waits for some",
        complexity: "O(N) in the number of entries returned",
        syntax: "[COUNT count] [MAXCOUNT maxcount] [MAXSIZE maxsize] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
        handler: read::xread,
        ..STREAM
    },
    Spec {
        name: "xreadgroup",
        arity: -7,
        flags: Flags::WRITE.or(Flags::BLOCKING).or(Flags::MOVABLEKEYS),
        keys: GROUP_STREAMS,
        summary: "Hands entries of several streams to a consumer of a group, or waits for some",
        complexity: "O(N) in the number of entries returned",
        syntax: "GROUP group consumer [COUNT count] [MAXCOUNT maxcount] [MAXSIZE maxsize] [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key [key ...] id [id ...]",
        handler: read::xreadgroup,
        ..STREAM
    },
    Spec {
        name: "xack",
        arity: -4,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: UPDATE,
        summary: "Acknowledges entries that a group's consumers were handed",
        complexity: "O(1) for each entry",
        syntax: "key group id [id ...]",
        handler: pending::xack,
        ..STREAM
    },
    Spec {
        name: "xackdel",
        arity: -6,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: ACK_DELETE,
        since: "8.2.0",
        summary: "Acknowledges entries and deletes them as far as other groups allow",
        complexity: "O(1) for each entry",
        syntax: "key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
        handler: pending::xackdel,
        ..STREAM
    },
    Spec {
        name: "xnack",
        arity: -7,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: UPDATE,
        since: "8.8.0",
        summary: "Gives entries back to the group unacknowledged, for others to claim",
        complexity: "O(1) for each entry",
        syntax: "key group <SILENT | FAIL | FATAL> IDS numids id [id ...] [RETRYCOUNT count] [FORCE]",
        handler: pending::xnack,
        ..STREAM
    },
    Spec {
        name: "xpending",
        arity: -3,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Tells which entries a group's consumers have not acknowledged",
        complexity: "O(N) in the number of entries looked at",
        syntax: "key group [[IDLE min-idle-time] start end count [consumer]]",
        handler: pending::xpending,
        ..STREAM
    },
    Spec {
        name: "xclaim",
        arity: -6,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: UPDATE,
        summary: "Hands pending entries over to another consumer",
        complexity: "O(log N) for each entry, with N entries pending",
        syntax: "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
        handler: claim::xclaim,
        ..STREAM
    },
    Spec {
        name: "xautoclaim",
        arity: -6,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: DELETE,
        since: "6.2.0",
        summary: "Hands idle pending entries over to another consumer, step by step",
        complexity: "O(1) if COUNT is small",
        syntax: "key group consumer min-idle-time start [COUNT count] [JUSTID]",
        handler: claim::xautoclaim,
        ..STREAM
    },
    Spec {
        name: "xsetid",
        arity: -3,
        flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
        keys: UPDATE,
        summary: "Sets a stream's last identifier and its counters",
        complexity: "O(1)",
        syntax: "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
        handler: entries::xsetid,
        ..STREAM
    },
    Spec {
        name: "xcfgset",
        arity: -2,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: UPDATE,
        since: "8.6.0",
        summary: "Sets how long a stream remembers the identifiers of producers",
        complexity: "O(1)",
        syntax: "key [IDMP-DURATION idmp-duration] [IDMP-MAXSIZE idmp-maxsize]",
        handler: add::xcfgset,
        ..STREAM
    },
    Spec {
        name: "xidmprecord",
        arity: 5,
        flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
        keys: UPDATE,
        since: "8.8.0",
        summary: "Notes which identifier a producer used for an entry",
        complexity: "O(1)",
        syntax: "key pid iid stream-id",
        handler: add::xidmprecord,
        ..STREAM
    },
    Spec {
        name: "xgroup",
        arity: -2,
        acl: Acl::NONE,
        summary: "A container for commands about consumer groups",
        complexity: "Depends on the subcommand",
        subcommands: &[
            Spec {
                name: "create",
                arity: -5,
                flags: Flags::WRITE.or(Flags::DENYOOM),
                keys: SUB_INSERT,
                summary: "Creates a consumer group",
                complexity: "O(1)",
                syntax: "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
                handler: groups::create,
                ..STREAM
            },
            Spec {
                name: "setid",
                arity: -5,
                flags: Flags::WRITE,
                keys: SUB_UPDATE,
                summary: "Sets the entry after which a group reads",
                complexity: "O(1)",
                syntax: "key group <id | $> [ENTRIESREAD entries-read]",
                handler: groups::set_id,
                ..STREAM
            },
            Spec {
                name: "destroy",
                arity: 4,
                flags: Flags::WRITE,
                keys: SUB_DELETE,
                summary: "Removes a consumer group",
                complexity: "O(N) in the number of entries pending",
                syntax: "key group",
                handler: groups::destroy,
                ..STREAM
            },
            Spec {
                name: "createconsumer",
                arity: 5,
                flags: Flags::WRITE.or(Flags::DENYOOM),
                keys: SUB_INSERT,
                since: "6.2.0",
                summary: "Adds a consumer to a group",
                complexity: "O(1)",
                syntax: "key group consumer",
                handler: groups::create_consumer,
                ..STREAM
            },
            Spec {
                name: "delconsumer",
                arity: 5,
                flags: Flags::WRITE,
                keys: SUB_DELETE,
                summary: "Removes a consumer from a group",
                complexity: "O(N) in the number of entries pending for it",
                syntax: "key group consumer",
                handler: groups::delete_consumer,
                ..STREAM
            },
            Spec { handler: groups::help, ..HELP },
        ],
        ..STREAM
    },
    Spec {
        name: "xinfo",
        arity: -2,
        acl: Acl::NONE,
        summary: "A container for commands that tell about streams",
        complexity: "Depends on the subcommand",
        subcommands: &[
            Spec {
                name: "stream",
                arity: -3,
                flags: Flags::READONLY,
                keys: SUB_READ,
                summary: "Returns what is known of a stream",
                complexity: "O(1)",
                syntax: "key [FULL [COUNT count]]",
                handler: info::stream,
                ..STREAM
            },
            Spec {
                name: "groups",
                arity: 3,
                flags: Flags::READONLY,
                keys: SUB_READ,
                summary: "Returns the consumer groups of a stream",
                complexity: "O(1)",
                syntax: "key",
                handler: info::groups,
                ..STREAM
            },
            Spec {
                name: "consumers",
                arity: 4,
                flags: Flags::READONLY,
                keys: SUB_READ,
                summary: "Returns the consumers of a group",
                complexity: "O(1)",
                syntax: "key group",
                handler: info::consumers,
                ..STREAM
            },
            Spec { handler: info::help, ..HELP },
        ],
        ..STREAM
    },
];
