//! What a value type is to the engine: the contract that core's own types and the modules' types
//! fulfil alike.

use std::any::Any;
use std::fmt;

/// A value type: one static for each, compared by address.
pub struct Kind {
    /// The name that TYPE answers, for example `hash` or `ReJSON-RL`.
    pub name: &'static str,
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Receives the commands that make a value anew: one call a command, with its arguments.
pub type Emit<'a> = dyn FnMut(&[&[u8]]) + 'a;

/// A value other than a string.
///
/// An object is reached through one shard at a time, so it needs no locking of its own.
pub trait Object: Any + Send + Sync {
    /// Its type.
    fn kind(&self) -> &'static Kind;

    /// What OBJECT ENCODING answers.
    fn encoding(&self) -> &'static str;

    /// Bytes that it has allocated, itself included.
    fn memory(&self) -> usize;

    /// Roughly how many allocations dropping it gives back. Above
    /// [`crate::keyspace::LAZY_FREE_EFFORT`] it is dropped in the background.
    fn free_effort(&self) -> usize {
        1
    }

    /// A deep copy, for COPY.
    fn duplicate(&self) -> Box<dyn Object>;

    /// The commands that would make it anew under `key`, for logs that cannot carry the value
    /// itself.
    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>);
}

impl dyn Object {
    /// The object as `T`, when it is one.
    pub fn downcast_ref<T: Object>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }

    /// The object as `T`, when it is one, to change it.
    pub fn downcast_mut<T: Object>(&mut self) -> Option<&mut T> {
        (self as &mut dyn Any).downcast_mut()
    }
}
