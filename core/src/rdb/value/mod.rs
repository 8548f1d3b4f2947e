//! Values of core's types in the form of RDB.
//!
//! - `collections`: lists, sets, hashes and sorted sets, in all forms that were ever written.
//! - `parts`: large collections that are written in parts.
//! - `stream`: streams.
//! - `array`: arrays.
//! - `template`: hashes whose fields are stored apart from them.
//! - `own`: what Redis has no form for, as the value of a module of a name of its own.
//!
//! What is loaded may come from anywhere: every structure is checked before it is used, and takes
//! the form that the thresholds of the configuration give it.

pub(in crate::rdb) mod array;
mod collections;
mod frozen;
#[cfg(test)]
mod mend_tests;
#[cfg(test)]
mod new_tests;
#[cfg(test)]
mod old_tests;
mod own;
mod parts;
mod stream;
mod template;
#[cfg(test)]
mod tests;

use super::template::Templates;
use super::{RdbError, Reader, Writer, kind};
use crate::keyspace::{Value, ValueRef};
use crate::module::Modules;
use crate::types::Limits;

pub(crate) use array::save_array;
pub(crate) use collections::{save_hash, save_list, save_set, save_zset};
pub(crate) use frozen::{freeze_array, freeze_list, freeze_stream};
pub(crate) use parts::{begin_parts, end_parts, kind_of, save_part};
pub(crate) use stream::save_stream;

/// What loading a value depends on.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The thresholds of compact forms.
    pub limits: &'a Limits,
    /// Who knows the values of modules.
    pub modules: &'a Modules,
    /// The moment in Unix milliseconds: elements whose time is over by then are left out. `None`
    /// keeps them.
    pub now: Option<i64>,
    /// The templates of the file, if the value may refer to one.
    pub templates: Option<&'a Templates>,
}

/// Writes a value without its type byte, which it returns.
///
/// # Errors
/// When the writer's version cannot express it.
pub fn save(value: ValueRef<'_>, out: &mut Writer) -> Result<u8, RdbError> {
    match value {
        ValueRef::Object(object) => return object.save(out),
        ValueRef::Bytes(bytes) => out.string(bytes),
        ValueRef::Int(n) => out.string(itoa::Buffer::new().format(n).as_bytes()),
    }
    Ok(kind::STRING)
}

/// Reads a value of the type `kind`. `None` when nothing is left of it: a collection that is empty
/// or whose elements have all expired.
///
/// # Errors
/// When it is damaged, or nothing here can hold it.
pub fn load(
    input: &mut Reader<'_>,
    kind: u8,
    context: Context<'_>,
) -> Result<Option<Value>, RdbError> {
    match kind {
        kind::STRING => Ok(Some(Value::Bytes(input.string()?))),
        kind::LIST | kind::LIST_ZIPLIST | kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => {
            collections::load_list(input, kind, context)
        }
        kind::SET | kind::SET_INTSET | kind::SET_LISTPACK => {
            collections::load_set(input, kind, context)
        }
        kind::ZSET | kind::ZSET_2 | kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
            collections::load_zset(input, kind, context)
        }
        kind::HASH | kind::HASH_ZIPMAP | kind::HASH_ZIPLIST | kind::HASH_LISTPACK => {
            collections::load_hash(input, kind, context)
        }
        kind::HASH_TTL
        | kind::HASH_TTL_VALKEY
        | kind::HASH_TTL_PRE_GA
        | kind::HASH_LISTPACK_TTL
        | kind::HASH_LISTPACK_TTL_PRE_GA => collections::load_hash_ttl(input, kind, context),
        kind::HASH_TEMPLATE_LISTPACK..=kind::HASH_TEMPLATE_ARRAY_REF => {
            template::load_hash(input, kind, context)
        }
        kind::STREAM | kind::STREAM_2 | kind::STREAM_3 | kind::STREAM_4 | kind::STREAM_5 => {
            let stream = stream::load_stream(input, kind, context)?;
            Ok(Some(Value::Object(Box::new(stream))))
        }
        kind::ARRAY => array::load_array(input),
        kind::MODULE => load_module(input, context),
        _ => Err(RdbError::unknown_kind(kind)),
    }
}

fn load_module(input: &mut Reader<'_>, context: Context<'_>) -> Result<Option<Value>, RdbError> {
    let (name, encoding) = input.module_id()?;
    if name == own::NAME {
        let value = own::load(input, encoding, context)?;
        input.module_end()?;
        return Ok(value);
    }
    let mut types = context.modules.iter().flat_map(|module| module.value_types());
    let Some(known) = types.find(|known| known.name == name) else {
        let text = format!("the value of a module that is not loaded: type '{name}'");
        return Err(RdbError::Unsupported(text));
    };
    if encoding > known.encoding {
        let text = format!("type '{name}' in encoding {encoding}, newer than {}", known.encoding);
        return Err(RdbError::Unsupported(text));
    }
    if known.observed {
        context.modules.observe_keys(true);
    }
    let object = (known.load)(input, encoding)?;
    input.module_end()?;
    Ok(Some(Value::Object(object)))
}
