//! Templates: the fields that many hashes have in common, which Redis 8.10 stores once in a file.
//! A hash refers to them by their number, or has them in front of its values when it is stored alone.
//! What is read becomes a hash as any other.

use std::collections::HashMap;
use std::sync::Arc;

use super::{RdbError, Reader};
use crate::ds::listpack::Listpack;

/// The names of a template's fields, in the order in which its hashes have their values.
pub(super) type Fields = Arc<[Vec<u8>]>;

/// Fields in front of a hash's values are one listpack, or that many strings.
const FORM_LISTPACK: u64 = 0;
const FORM_STRINGS: u64 = 1;

/// The templates of a file, by number.
#[derive(Clone, Debug, Default)]
pub struct Templates(HashMap<u64, Fields>);

impl Templates {
    /// Reads the next template.
    pub(super) fn read(&mut self, input: &mut Reader<'_>) -> Result<(), RdbError> {
        let number = input.length()?;
        let fields = read_fields(input)?;
        match self.0.insert(number, fields) {
            None => Ok(()),
            Some(_) => Err(input.corrupt(format!("two hash templates of the number {number}"))),
        }
    }
}

/// The template of this number in a file that has these.
pub(super) fn referred_to(
    templates: Option<&Templates>,
    number: u64,
    input: &Reader<'_>,
) -> Result<Fields, RdbError> {
    let fields = templates.and_then(|templates| templates.0.get(&number)).cloned();
    fields.ok_or_else(|| input.corrupt(format!("there is no hash template {number}")))
}

/// Reads fields that stand in front of a hash's values.
pub(super) fn read_fields_in_form(input: &mut Reader<'_>) -> Result<Fields, RdbError> {
    match input.length()? {
        FORM_STRINGS => read_fields(input),
        FORM_LISTPACK => {
            let pack = Listpack::from_bytes(&input.string()?);
            let pack = pack.map_err(|_| input.corrupt("damaged listpack of fields"))?;
            match pack.is_empty() {
                true => Err(input.corrupt("a hash template without fields")),
                false => Ok(pack.iter().map(|field| field.to_vec()).collect()),
            }
        }
        _ => Err(input.corrupt("unknown form of a hash template's fields")),
    }
}

/// Reads as many fields as a length says.
fn read_fields(input: &mut Reader<'_>) -> Result<Fields, RdbError> {
    let number = input.length()?;
    if number == 0 {
        return Err(input.corrupt("a hash template without fields"));
    }
    (0..number).map(|_| input.string()).collect()
}
