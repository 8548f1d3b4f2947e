//! What a value type is to the engine: the contract that core's own types and the modules' types
//! fulfil alike.

use std::any::Any;
use std::fmt;

use crate::ds::Deadlines;
use crate::keyspace::{Parts, SizeKind};
use crate::notify::Class;
use crate::rdb::{RdbError, VERSION_OLDEST, Writer};

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

    /// As what, and with how many elements, the value counts among the sizes that INFO shows; in
    /// O(1). `None` for types that are not counted.
    fn counted_size(&self) -> Option<(SizeKind, usize)> {
        None
    }

    /// Roughly how many allocations dropping it gives back. Above
    /// [`crate::keyspace::LAZY_FREE_EFFORT`] it is dropped in the background.
    fn free_effort(&self) -> usize {
        1
    }

    /// Whether clients that wait for the value are to be told when it is gone or overwritten.
    fn ends_waits(&self) -> bool {
        false
    }

    /// The oldest version of RDB in which Redis's form holds the value as it is.
    fn needs_rdb(&self) -> u16 {
        VERSION_OLDEST
    }

    /// A deep copy, for COPY.
    fn duplicate(&self) -> Box<dyn Object>;

    /// The value as one whose elements can expire on their own, if the type has such.
    fn expiring(&self) -> Option<&dyn Expiring> {
        None
    }

    /// As [`Object::expiring`], to change it.
    fn expiring_mut(&mut self) -> Option<&mut dyn Expiring> {
        None
    }

    /// The table of a large collection, if it can be saved in parts.
    fn parts(&mut self) -> Option<&mut dyn Parts> {
        None
    }

    /// The commands that would make it anew under `key`, for logs that cannot carry the value
    /// itself.
    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>);

    /// A copy of a value of at least so many nodes that shares them with it, to be saved a bit at a
    /// time. Making it takes a small fraction of the time that saving takes. A node is some
    /// kilobytes.
    fn freeze(&mut self, _nodes: usize) -> Option<Box<dyn Frozen>> {
        None
    }

    /// Called when a copy of [`Object::freeze`] has been dropped. Returns what was only kept for it,
    /// to be dropped in the background.
    fn thaw(&mut self) -> Option<Box<dyn Any + Send>> {
        None
    }

    /// Writes its RDB form without the type byte, which it returns. A module's value begins with
    /// [`Writer::module_id`] and ends with [`Writer::module_end`].
    ///
    /// # Errors
    /// When the writer's version cannot express it. What was written by then is to be discarded.
    fn save(&self, _out: &mut Writer) -> Result<u8, RdbError> {
        Err(RdbError::Unsupported(format!("values of type {} cannot be saved", self.kind().name)))
    }
}

/// A value as it stood at one moment, on its way into a file.
pub trait Frozen: Send {
    /// The value.
    fn object(&self) -> &dyn Object;

    /// The type byte of its RDB form in this version of the format.
    fn rdb_kind(&self, version: u16) -> u8;

    /// Writes the next bit of that form, which may be nothing. False when it was the last.
    fn save_next(&mut self, out: &mut Writer) -> bool;

    /// The next of the commands that make the value anew under `key`. False when they were the
    /// last.
    fn rebuild_next(&mut self, key: &[u8], emit: &mut Emit<'_>) -> bool {
        self.object().rebuild(key, emit);
        false
    }
}

/// What the engine says and logs when elements of a value expire.
pub struct ExpiryWords {
    /// The class of the event.
    pub class: Class,
    /// Its name, for example `hexpired`.
    pub event: &'static str,
    /// The command that removes elements, for example `HDEL`.
    pub remove: &'static [u8],
}

/// A value whose elements can expire on their own.
///
/// Elements whose time is over are removed before anybody looks. A type that can hide elements
/// ([`Deadlines::hide_due`]) from everything but [`Expiring::remove_due`] and the plain count has
/// only so many removed at a time.
pub trait Expiring {
    /// What to say when elements expire.
    fn words(&self) -> &'static ExpiryWords;

    /// Whether elements that are hidden cannot be seen.
    fn hides(&self) -> bool {
        false
    }

    /// Whether there is such an element.
    fn has(&self, element: &[u8]) -> bool;

    /// Removes an element; false when there was none.
    fn drop_element(&mut self, element: &[u8]) -> bool;

    /// Whether no elements are left, hidden ones included.
    fn is_bare(&self) -> bool;

    /// The deadlines, once an element was given one.
    fn deadlines(&self) -> Option<&Deadlines>;

    /// Takes an element's deadline away and returns it.
    fn clear_deadline(&mut self, element: &[u8]) -> Option<i64>;

    /// Gives an element that is there a deadline, in Unix milliseconds.
    fn set_deadline(&mut self, element: &[u8], at: i64);

    /// Removes up to `most` elements whose deadline is not after `now`, and hides the rest of
    /// them. Returns those removed.
    fn remove_due(&mut self, now: i64, most: usize) -> Vec<Box<[u8]>> {
        let mut removed = Vec::new();
        while removed.len() < most
            && let Some(element) = self.deadlines().and_then(|d| d.first_due(now))
        {
            let element: Box<[u8]> = element.into();
            self.drop_element(&element);
            removed.push(element);
        }
        if let Some(deadlines) = self.deadlines() {
            deadlines.hide_due(now);
        }
        removed
    }
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
