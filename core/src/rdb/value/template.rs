//! Hashes whose fields are stored apart from them: in a template of the file, or in front.

use super::collections::listpack;
use super::{Context, RdbError, Reader, kind};
use crate::ds::listpack::Element;
use crate::keyspace::Value;
use crate::rdb::template;
use crate::types::hash::Hash;

/// Reads a hash.
pub(super) fn load_hash(
    input: &mut Reader<'_>,
    kind: u8,
    context: Context<'_>,
) -> Result<Option<Value>, RdbError> {
    if kind::refers_to_template(kind) && context.templates.is_none() {
        return Err(input.corrupt("a hash refers to a template and there are none"));
    }
    let (fields, values) = match kind {
        kind::HASH_TEMPLATE_ARRAY => (template::read_fields_in_form(input)?, None),
        kind::HASH_TEMPLATE_ARRAY_REF => {
            (template::referred_to(context.templates, input.length()?, input)?, None)
        }
        kind::HASH_TEMPLATE_LISTPACK => {
            let fields = template::read_fields_in_form(input)?;
            // The number of the template in the memory of whoever wrote it means nothing here.
            (fields, Some(numbered_values(input)?.1))
        }
        _ => {
            let (number, values) = numbered_values(input)?;
            (template::referred_to(context.templates, number, input)?, Some(values))
        }
    };
    let values = match values {
        Some(values) => values,
        None => fields.iter().map(|_| input.string()).collect::<Result<_, _>>()?,
    };
    if values.len() != fields.len() {
        return Err(input.corrupt("a hash has more or fewer values than its template fields"));
    }
    let (mut hash, limit) = (Hash::default(), context.limits.hash());
    for (field, value) in fields.iter().zip(&values) {
        if !hash.set(field, value, limit) {
            return Err(input.corrupt("a field is in a hash template twice"));
        }
    }
    Ok(Some(Value::Object(Box::new(hash))))
}

/// A listpack of a template's number and values.
fn numbered_values(input: &mut Reader<'_>) -> Result<(u64, Vec<Vec<u8>>), RdbError> {
    let pack = listpack(input)?;
    let mut elements = pack.iter();
    let number = match elements.next() {
        Some(Element::Int(n)) => u64::try_from(n).ok(),
        _ => None,
    };
    let number = number.ok_or_else(|| input.corrupt("a hash without the number of a template"))?;
    Ok((number, elements.map(|value| value.to_vec()).collect()))
}
