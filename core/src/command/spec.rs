//! The declarative spec of a command, from which everything about it is derived: arity checks,
//! key locking, ACL categories, propagation, COMMAND and its documentation.

use super::ctx::Ctx;
use super::job::{Job, JobEnd};
use crate::error::CmdError;

/// What a handler decided, besides what it wrote as reply.
pub enum Flow {
    /// The command is done.
    Done,
    /// Nothing to answer with yet: wait for one of these keys. Written reply is discarded.
    Block(super::ctx::Block),
    /// The next step needs these shards; what was written so far stays. The handler is called
    /// again with [`Ctx::step`] as it left it. Locks are let go in between, unless inside of a
    /// transaction.
    Again(crate::keyspace::Scope),
    /// The next part of the work needs no shard and may be long: it runs on the query pool while
    /// the connection's later commands wait. Inside of a transaction it runs at once.
    Offload(Job),
}

impl Flow {
    /// Has the query pool work out the whole reply, as RESP bytes.
    pub fn offload(work: impl FnOnce() -> Vec<u8> + Send + 'static) -> Self {
        Self::Offload(Job::new(|| JobEnd::Reply(work())))
    }
}

/// The result of a handler. On an error whatever it wrote is replaced by the error.
pub type Outcome = Result<Flow, CmdError>;

/// Runs a command: `args[0]` is its name, and the arity has been checked.
pub type Handler = fn(&mut Ctx<'_, '_>, &[&[u8]]) -> Outcome;

/// Finds the keys of a command whose positions cannot be declared: indexes into its words.
pub type KeyFinder = fn(&[&[u8]], &mut Vec<usize>);

/// Defines a set of bit flags with names.
macro_rules! flag_set {
    ($(#[$doc:meta])* $name:ident : $repr:ty { $($(#[$fdoc:meta])* $flag:ident = $bit:expr, $text:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct $name($repr);

        impl $name {
            /// No flag.
            pub const NONE: Self = Self(0);
            $($(#[$fdoc])* pub const $flag: Self = Self(1 << $bit);)*

            /// Both sets together.
            pub const fn or(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether all flags of `other` are here.
            #[inline]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any flag of `other` is here.
            #[inline]
            pub const fn any(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// The names of the flags that are set.
            pub fn names(self) -> Vec<&'static str> {
                let all: &[(Self, &'static str)] = &[$((Self::$flag, $text)),*];
                all.iter().filter(|(f, _)| self.has(*f)).map(|(_, name)| *name).collect()
            }

            /// The flag of this name.
            pub fn by_name(name: &str) -> Option<Self> {
                let all: &[(Self, &'static str)] = &[$((Self::$flag, $text)),*];
                all.iter().find(|(_, n)| n.eq_ignore_ascii_case(name)).map(|(f, _)| *f)
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.or(other)
            }
        }
    };
}

flag_set! {
    /// What a command does, in COMMAND INFO's words.
    Flags: u32 {
        /// May change keys.
        WRITE = 0, "write";
        /// Reads keys.
        READONLY = 1, "readonly";
        /// May take memory: refused over `maxmemory`.
        DENYOOM = 2, "denyoom";
        /// For administrators.
        ADMIN = 3, "admin";
        /// Publish and subscribe.
        PUBSUB = 4, "pubsub";
        /// Not from scripts.
        NOSCRIPT = 5, "noscript";
        /// May block its client.
        BLOCKING = 6, "blocking";
        /// Works while data is loaded.
        LOADING = 7, "loading";
        /// Works on a replica with stale data.
        STALE = 8, "stale";
        /// Hidden from MONITOR.
        SKIP_MONITOR = 9, "skip_monitor";
        /// Hidden from SLOWLOG.
        SKIP_SLOWLOG = 10, "skip_slowlog";
        /// Takes constant or logarithmic time.
        FAST = 11, "fast";
        /// Works without authentication.
        NO_AUTH = 12, "no_auth";
        /// May go to replicas even when it writes nothing.
        MAY_REPLICATE = 13, "may_replicate";
        /// Cannot be queued by MULTI.
        NO_MULTI = 14, "no_multi";
        /// Its key positions cannot be told from the spec alone.
        MOVABLEKEYS = 15, "movablekeys";
        /// Works while a long command or script blocks everything else.
        ALLOW_BUSY = 16, "allow_busy";
        /// Not to be run asynchronously.
        NO_ASYNC_LOADING = 17, "no_async_loading";
        /// Names keys that it only counts or compares.
        NO_MANDATORY_KEYS = 18, "no_mandatory_keys";
        /// Runs at once within MULTI instead of being queued (EXEC, DISCARD, WATCH, RESET, QUIT).
        UNQUEUED = 19, "";
    }
}

flag_set! {
    /// ACL categories.
    Acl: u32 {
        /// Keys of any type.
        KEYSPACE = 0, "keyspace";
        /// Reads.
        READ = 1, "read";
        /// Writes.
        WRITE = 2, "write";
        /// Sets.
        SET = 3, "set";
        /// Sorted sets.
        SORTEDSET = 4, "sortedset";
        /// Lists.
        LIST = 5, "list";
        /// Hashes.
        HASH = 6, "hash";
        /// Strings.
        STRING = 7, "string";
        /// Bitmaps.
        BITMAP = 8, "bitmap";
        /// HyperLogLog.
        HYPERLOGLOG = 9, "hyperloglog";
        /// Geospatial indexes.
        GEO = 10, "geo";
        /// Streams.
        STREAM = 11, "stream";
        /// Publish and subscribe.
        PUBSUB = 12, "pubsub";
        /// Administration.
        ADMIN = 13, "admin";
        /// Fast commands.
        FAST = 14, "fast";
        /// Slow commands.
        SLOW = 15, "slow";
        /// Blocking commands.
        BLOCKING = 16, "blocking";
        /// Commands that can harm.
        DANGEROUS = 17, "dangerous";
        /// The connection itself.
        CONNECTION = 18, "connection";
        /// Transactions.
        TRANSACTION = 19, "transaction";
        /// Scripts.
        SCRIPTING = 20, "scripting";
        /// JSON documents.
        JSON = 21, "json";
        /// Full-text search.
        SEARCH = 22, "search";
        /// Time series.
        TIMESERIES = 23, "timeseries";
        /// Arrays.
        ARRAY = 24, "array";
    }
}

flag_set! {
    /// What a command does with the keys of one key spec.
    Access: u32 {
        /// Reads and writes.
        RW = 0, "RW";
        /// Reads.
        RO = 1, "RO";
        /// Overwrites without looking.
        OW = 2, "OW";
        /// Removes.
        RM = 3, "RM";
        /// Returns or uses data.
        ACCESS = 4, "access";
        /// Changes data, whatever it was.
        UPDATE = 5, "update";
        /// Adds data and leaves the rest.
        INSERT = 6, "insert";
        /// Deletes data.
        DELETE = 7, "delete";
        /// Not a key, though it looks like one.
        NOT_KEY = 8, "not_key";
        /// May miss some keys.
        INCOMPLETE = 9, "incomplete";
        /// Depends on the arguments.
        VARIABLE_FLAGS = 10, "variable_flags";
    }
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Nowhere that a spec could say: [`Spec::find_keys`] knows.
    Unknown,
    /// At this word.
    Index(i32),
    /// Behind this keyword, looked for from word `from` on (backwards when negative).
    Keyword {
        /// The keyword, in capitals.
        word: &'static str,
        /// Where to start looking.
        from: i32,
    },
}

/// How keys follow from where the search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// As no spec could say.
    Unknown,
    /// Every `step`-th word up to `last`, relative to the begin or, when negative, to the end.
    /// With a last of -1, only the first part of 1/`limit` counts when `limit` is above 1.
    Range {
        /// The last key.
        last: i32,
        /// Distance from one key to the next.
        step: i32,
        /// Divides the remaining words.
        limit: i32,
    },
    /// A word says how many keys follow.
    KeyNum {
        /// Where the number stands, relative to the begin.
        at: i32,
        /// Where the first key stands, relative to the begin.
        first: i32,
        /// Distance from one key to the next.
        step: i32,
    },
}

/// Where the keys of a command stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// What is done with them.
    pub access: Access,
    /// Where the search begins.
    pub begin: Begin,
    /// How they follow from there.
    pub find: Find,
}

impl KeySpec {
    /// One key, at word `index`.
    pub const fn one(index: i32, access: Access) -> Self {
        Self::range(index, 0, 1, access)
    }

    /// Keys from word `first` to `last`, relative to `first` or, when negative, to the end.
    pub const fn range(first: i32, last: i32, step: i32, access: Access) -> Self {
        Self { access, begin: Begin::Index(first), find: Find::Range { last, step, limit: 0 } }
    }

    /// Keys that only [`Spec::find_keys`] finds.
    pub const fn unknown(access: Access) -> Self {
        Self { access, begin: Begin::Unknown, find: Find::Unknown }
    }

    /// A count at word `at`, followed by that many keys.
    pub const fn counted(at: i32, access: Access) -> Self {
        let find = Find::KeyNum { at: 0, first: 1, step: 1 };
        Self { access, begin: Begin::Index(at), find }
    }
}

/// What a command of these words does with its keys.
pub type AccessOf = fn(&[&[u8]]) -> Access;

/// Which shards a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those of its keys; none when it names no key.
    Keys,
    /// All of them, at one time.
    All,
    /// None at first: it asks for what it needs by [`Flow::Again`], step by step. Inside of a
    /// transaction it gets all.
    Steps,
    /// Those of the queued commands and watched keys: EXEC.
    Transaction,
}

/// The spec of a command or subcommand.
///
/// Written as `Spec { name: "get", arity: 2, …, ..Spec::DEFAULT }` in a `const` table.
pub struct Spec {
    /// The name in lower case, for example `get` or, for a subcommand, `id`.
    pub name: &'static str,
    /// Number of words, the name included; at least that many when negative. For a subcommand
    /// the container's name counts too.
    pub arity: i32,
    /// What it does.
    pub flags: Flags,
    /// ACL categories; those that follow from the flags (read, write, fast, slow, admin,
    /// dangerous, blocking, pubsub) are added by [`Spec::categories`].
    pub acl: Acl,
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// What it does with its keys if that depends on its words ([`Access::VARIABLE_FLAGS`]).
    pub varies: Option<AccessOf>,
    /// Finds the keys where `keys` cannot.
    pub find_keys: Option<KeyFinder>,
    /// Which shards it needs.
    pub reach: Reach,
    /// The group in the documentation, for example `string`.
    pub group: &'static str,
    /// The version it first appeared in.
    pub since: &'static str,
    /// One sentence without a full stop.
    pub summary: &'static str,
    /// Its complexity.
    pub complexity: &'static str,
    /// The arguments in the notation of the documentation: `key [NX | XX] [EX seconds]`.
    pub syntax: &'static str,
    /// Subcommands, for a container such as CLIENT.
    pub subcommands: &'static [Spec],
    /// What runs.
    pub handler: Handler,
}

impl Spec {
    /// For the fields that a spec leaves out.
    pub const DEFAULT: Self = Self {
        name: "",
        arity: 0,
        flags: Flags::NONE,
        acl: Acl::NONE,
        keys: &[],
        varies: None,
        find_keys: None,
        reach: Reach::Keys,
        group: "generic",
        since: "1.0.0",
        summary: "",
        complexity: "",
        syntax: "",
        subcommands: &[],
        handler: no_handler,
    };

    /// Whether a call with this many words has the right number of them.
    #[inline]
    pub fn takes(&self, words: usize) -> bool {
        let words = words as i64;
        let arity = i64::from(self.arity);
        if arity >= 0 { words == arity } else { words >= -arity }
    }

    /// Whether it may change keys.
    #[inline]
    pub fn is_write(&self) -> bool {
        self.flags.any(Flags::WRITE)
    }

    /// Its ACL categories, those that follow from its flags included.
    pub fn categories(&self) -> Acl {
        let implied = [
            (Flags::WRITE, Acl::WRITE),
            (Flags::ADMIN, Acl::ADMIN.or(Acl::DANGEROUS)),
            (Flags::PUBSUB, Acl::PUBSUB),
            (Flags::FAST, Acl::FAST),
            (Flags::BLOCKING, Acl::BLOCKING),
        ];
        let mut acl = self.acl;
        for (flag, category) in implied {
            if self.flags.has(flag) {
                acl = acl | category;
            }
        }
        if self.flags.has(Flags::READONLY) && !self.acl.any(Acl::SCRIPTING) {
            acl = acl | Acl::READ;
        }
        if acl.has(Acl::FAST) { acl } else { acl | Acl::SLOW }
    }
}

/// The handler of a container called without a known subcommand: the dispatcher never calls it.
fn no_handler(_: &mut Ctx<'_, '_>, _: &[&[u8]]) -> Outcome {
    Err(CmdError::SYNTAX)
}
