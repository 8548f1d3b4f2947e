//! The declaration of a parameter, and of tables of them.

use super::lists::ListKind;
use super::value::Value;

/// One mebibyte.
pub(super) const MB: u64 = 1 << 20;

/// A parameter's declaration: everything about it but its value.
#[derive(Clone, Copy)]
pub struct Param {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Another name for the same value, from an older version.
    pub alias: Option<&'static str>,
    /// What values it takes.
    pub kind: Kind,
    /// The value it has unless it is set, as it would stand in a file.
    pub default: &'static str,
    /// What it does, in Markdown.
    pub doc: &'static str,
    /// Whether CONFIG SET refuses it.
    pub immutable: bool,
    /// Whether CONFIG SET refuses it unless `enable-protected-configs` allows it.
    pub protected: bool,
    /// Whether its value must not show in logs.
    pub sensitive: bool,
    /// Whether it is accepted but does nothing yet.
    pub later: bool,
    /// Whether CONFIG GET shows it only by its full name.
    pub hidden: bool,
    /// A further check, which may also move the value (as `hz` is kept within bounds).
    pub check: Option<fn(Value) -> Result<Value, String>>,
}

/// What values a parameter takes.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `yes` or `no`: 1 or 0.
    Bool,
    /// A whole number within these bounds.
    Int {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// A whole number that can't be negative, within these bounds.
    Unsigned {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// An amount of memory (`64mb`), in bytes, within these bounds.
    Memory {
        /// The least.
        min: u64,
        /// The most; above `i64::MAX` the value is read as an unsigned number.
        max: u64,
    },
    /// An amount of memory, or a percentage (`5%`) of `maxmemory`, kept as a negative number.
    MemoryOrPercent,
    /// A file mode, in octal.
    Octal {
        /// The most.
        max: i64,
    },
    /// One of these names, kept as the number beside it.
    Enum(&'static [(&'static str, i64)]),
    /// Some of these names, kept as the sum of the numbers beside them.
    Flags(&'static [(&'static str, i64)]),
    /// Any bytes.
    Text,
    /// Words with a syntax of their own, kept as text in one form.
    List(&'static ListKind),
}

/// What becomes of a list's present value when a further one is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// It is replaced.
    Replace,
    /// Lines of one file add up; apart from that it is replaced.
    WithinFile,
    /// The new one changes parts of it.
    Always,
}

impl Param {
    const fn new(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Self {
            name,
            alias: None,
            kind,
            default,
            doc: "",
            immutable: false,
            protected: false,
            sensitive: false,
            later: false,
            hidden: false,
            check: None,
        }
    }

    /// A parameter that is `yes` or `no`.
    pub const fn bool(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::Bool, default)
    }

    /// A whole number within bounds.
    pub const fn int(name: &'static str, default: &'static str, min: i64, max: i64) -> Self {
        Self::new(name, Kind::Int { min, max }, default)
    }

    /// A whole number that can't be negative, within bounds.
    pub const fn unsigned(name: &'static str, default: &'static str, min: u64, max: u64) -> Self {
        Self::new(name, Kind::Unsigned { min, max }, default)
    }

    /// An amount of memory within bounds.
    pub const fn memory(name: &'static str, default: &'static str, min: u64, max: u64) -> Self {
        Self::new(name, Kind::Memory { min, max }, default)
    }

    /// An amount of memory, or a percentage of `maxmemory`.
    pub const fn memory_or_percent(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::MemoryOrPercent, default)
    }

    /// A file mode.
    pub const fn octal(name: &'static str, default: &'static str, max: i64) -> Self {
        Self::new(name, Kind::Octal { max }, default)
    }

    /// One of `names`.
    pub const fn choice(
        name: &'static str,
        default: &'static str,
        names: &'static [(&'static str, i64)],
    ) -> Self {
        Self::new(name, Kind::Enum(names), default)
    }

    /// Some of `names`.
    pub const fn flags(
        name: &'static str,
        default: &'static str,
        names: &'static [(&'static str, i64)],
    ) -> Self {
        Self::new(name, Kind::Flags(names), default)
    }

    /// Any bytes.
    pub const fn text(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::Text, default)
    }

    /// Words with a syntax of their own.
    pub const fn list(name: &'static str, default: &'static str, kind: &'static ListKind) -> Self {
        Self::new(name, Kind::List(kind), default)
    }

    /// Gives it a second name.
    pub const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Says what it does.
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// CONFIG SET refuses it.
    pub const fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// CONFIG SET refuses it unless `enable-protected-configs` allows it.
    pub const fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    /// Its value must not show in logs.
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// It is accepted, but does nothing yet.
    pub const fn later(mut self) -> Self {
        self.later = true;
        self
    }

    /// CONFIG GET shows it only by its full name.
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Adds a check.
    pub const fn check(mut self, check: fn(Value) -> Result<Value, String>) -> Self {
        self.check = Some(check);
        self
    }

    /// Whether several arguments in a file, or words in CONFIG SET, make up its value.
    pub fn takes_words(&self) -> bool {
        matches!(self.kind, Kind::List(_) | Kind::Flags(_))
    }
}

/// Parameters that belong together.
#[derive(Clone, Copy)]
pub struct Table {
    /// What they are about: a heading of the reference page.
    pub title: &'static str,
    /// The parameters.
    pub params: &'static [Param],
}

/// A parameter's place in a [`super::Config`].
///
/// Built-in parameters have theirs as constants; those of other tables are counted from the
/// table's [`Offset`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(super) u16);

impl Id {
    /// The place at `index`, for [`params!`](crate::params).
    #[doc(hidden)]
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Where a table that was added begins.
#[derive(Clone, Copy, Debug)]
pub struct Offset(pub(super) u16);

impl Offset {
    /// The place of a parameter whose place in its table is `id`.
    pub fn id(self, id: Id) -> Id {
        Id(self.0 + id.0)
    }
}

/// Declares a [`Table`] (as `TABLE`) and a constant [`Id`] for each of its parameters. The comment
/// of a row is the parameter's documentation.
///
/// ```
/// use cairn_core::config::{Config, Param};
///
/// cairn_core::params! {
///     "Searching", after 0;
///
///     /// The longest a query may take, in milliseconds.
///     TIMEOUT = Param::int("search-timeout", "500", 0, 60_000);
///     /// Whether to be lenient.
///     LENIENT = Param::bool("search-lenient", "no");
/// }
///
/// let mut config = Config::new();
/// let offset = config.add(TABLE);
/// assert_eq!(config.int(offset.id(TIMEOUT)), 500);
/// assert!(!config.bool(offset.id(LENIENT)));
/// ```
#[macro_export]
macro_rules! params {
    (
        $title:literal, after $base:expr;
        $( $(#[doc = $doc:literal])+ $id:ident = $param:expr; )+
    ) => {
        #[repr(u16)]
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Place { $($id),+ }

        $(
            $(#[doc = $doc])+
            pub const $id: $crate::config::Id =
                $crate::config::Id::new($base + Place::$id as u16);
        )+

        const PARAMS: &[$crate::config::Param] = &[$( $param.doc(concat!($($doc),+)) ),+];

        /// Where the next table begins.
        #[allow(dead_code)]
        pub(super) const END: u16 = $base + PARAMS.len() as u16;

        /// The parameters of this file.
        pub const TABLE: $crate::config::Table =
            $crate::config::Table { title: $title, params: PARAMS };
    };
}
