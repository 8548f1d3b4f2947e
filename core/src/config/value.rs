//! Values: reading them by their kind, and writing them.

use super::param::{Kind, Param};
use crate::util::int::parse_i64;
use crate::util::memory::{format_memory, parse_memory};
use std::sync::Arc;

/// A parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of every kind that is not text. Unsigned numbers above `i64::MAX` wrap around.
    Number(i64),
    /// Of [`Kind::Text`] and [`Kind::List`].
    Text(Arc<[u8]>),
}

impl Value {
    /// The number; 0 for a text.
    pub fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(_) => 0,
        }
    }

    /// The text; nothing for a number.
    pub fn text(&self) -> &[u8] {
        match self {
            Self::Number(_) => b"",
            Self::Text(text) => text,
        }
    }
}

impl From<&[u8]> for Value {
    fn from(text: &[u8]) -> Self {
        Self::Text(text.into())
    }
}

impl Param {
    /// Reads a value from `text`. A list may take parts of its `present` value over.
    ///
    /// # Errors
    /// Redis's text of why it is no value for this parameter.
    pub fn parse(&self, text: &[u8], present: &[u8]) -> Result<Value, String> {
        let value = match self.kind {
            Kind::Bool => Value::Number(parse_bool(text)?),
            Kind::Int { min, max } => Value::Number(parse_int(text, min, max)?),
            Kind::Unsigned { min, max } => Value::Number(parse_unsigned(text, min, max)?),
            Kind::Memory { min, max } => Value::Number(parse_amount(text, min, max)?),
            Kind::MemoryOrPercent => Value::Number(parse_memory_or_percent(text)?),
            Kind::Octal { max } => Value::Number(parse_octal(text, max)?),
            Kind::Enum(names) => Value::Number(parse_name(text, names)?),
            Kind::Flags(names) => Value::Number(parse_flags(text, names)?),
            Kind::Text => Value::from(text),
            Kind::List(list) => Value::from(&(list.parse)(&words(text), present)?[..]),
        };
        match self.check {
            Some(check) => check(value),
            None => Ok(value),
        }
    }

    /// The value as CONFIG GET shows it.
    pub fn format(&self, value: &Value) -> Vec<u8> {
        let number = value.number();
        match self.kind {
            Kind::Bool => if number != 0 { "yes" } else { "no" }.into(),
            Kind::Int { .. } => number.to_string().into(),
            Kind::Unsigned { .. } | Kind::Memory { .. } => {
                number.cast_unsigned().to_string().into()
            }
            Kind::MemoryOrPercent if number < 0 => format!("{}%", number.unsigned_abs()).into(),
            Kind::MemoryOrPercent => number.to_string().into(),
            Kind::Octal { .. } => format!("{number:o}").into(),
            Kind::Enum(names) => name_of(number, names).into(),
            Kind::Flags(names) => flag_names(number, names).into(),
            Kind::Text | Kind::List(_) => value.text().to_vec(),
        }
    }

    /// The value as a configuration file has it, which for a list may take several lines: what
    /// stands behind the parameter's name, each.
    pub fn format_lines(&self, value: &Value) -> Vec<Vec<u8>> {
        match self.kind {
            Kind::Memory { .. } => vec![format_memory(value.number().cast_unsigned()).into()],
            Kind::MemoryOrPercent if value.number() >= 0 => {
                vec![format_memory(value.number().unsigned_abs()).into()]
            }
            Kind::List(list) => (list.lines)(value.text()),
            Kind::Text => vec![crate::util::words::quote(value.text())],
            _ => vec![self.format(value)],
        }
    }
}

/// The words of a value, between blanks.
pub(super) fn words(text: &[u8]) -> Vec<&[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect()
}

fn parse_bool(text: &[u8]) -> Result<i64, String> {
    if text.eq_ignore_ascii_case(b"yes") {
        Ok(1)
    } else if text.eq_ignore_ascii_case(b"no") {
        Ok(0)
    } else {
        Err("argument must be 'yes' or 'no'".into())
    }
}

fn integer(text: &[u8]) -> Result<i64, String> {
    parse_i64(text).ok_or_else(|| "argument couldn't be parsed into an integer".into())
}

fn parse_int(text: &[u8], min: i64, max: i64) -> Result<i64, String> {
    let number = integer(text)?;
    match (min..=max).contains(&number) {
        true => Ok(number),
        false => Err(format!("argument must be between {min} and {max} inclusive")),
    }
}

fn not_negative() -> String {
    "argument must be greater or equal to 0".into()
}

fn parse_unsigned(text: &[u8], min: u64, max: u64) -> Result<i64, String> {
    let number = u64::try_from(integer(text)?).map_err(|_| not_negative())?;
    within(number, min, max)
}

fn within(number: u64, min: u64, max: u64) -> Result<i64, String> {
    match (min..=max).contains(&number) {
        true => Ok(number.cast_signed()),
        false => Err(format!("argument must be between {min} and {max} inclusive")),
    }
}

fn parse_amount(text: &[u8], min: u64, max: u64) -> Result<i64, String> {
    match parse_memory(text) {
        Some(bytes) => within(bytes, min, max),
        None if is_amount(text) && max > i64::MAX.cast_unsigned() => Err(not_negative()),
        None if is_amount(text) => {
            Err(format!("argument must be between {min} and {max} inclusive"))
        }
        None => Err("argument must be a memory value".into()),
    }
}

/// Whether the text is an amount of memory, but for being more than a `u64` holds.
fn is_amount(text: &[u8]) -> bool {
    let unit = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    unit > 0 && parse_memory(&[b"1", text.get(unit..).unwrap_or_default()].concat()).is_some()
}

fn parse_memory_or_percent(text: &[u8]) -> Result<i64, String> {
    let refused = || "argument must be a memory or percent value".to_string();
    if let Some(number) = text.strip_suffix(b"%") {
        return match parse_i64(number) {
            Some(percent @ 0..=100) => Ok(-percent),
            Some(101..) => Err("percentage argument must be less or equal to 100".into()),
            _ => Err(refused()),
        };
    }
    parse_memory(text).and_then(|bytes| i64::try_from(bytes).ok()).ok_or_else(refused)
}

fn parse_octal(text: &[u8], max: i64) -> Result<i64, String> {
    let number = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| i64::from_str_radix(text, 8).ok())
        .ok_or("argument couldn't be parsed as an octal number")?;
    match number <= max {
        true => Ok(number),
        false => Err(format!("argument must be between 0 and {max:o} inclusive")),
    }
}

fn parse_name(text: &[u8], names: &[(&str, i64)]) -> Result<i64, String> {
    names
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, number)| *number)
        .ok_or_else(|| {
            let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            format!("argument(s) must be one of the following: {}", names.join(", "))
        })
}

fn parse_flags(text: &[u8], names: &[(&str, i64)]) -> Result<i64, String> {
    words(text).into_iter().try_fold(0, |flags, word| Ok(flags | parse_name(word, names)?))
}

fn name_of(number: i64, names: &[(&'static str, i64)]) -> &'static str {
    names.iter().find(|(_, value)| *value == number).map_or("", |(name, _)| name)
}

fn flag_names(flags: i64, names: &[(&'static str, i64)]) -> String {
    if flags == 0 {
        return name_of(0, names).to_string();
    }
    let set = names.iter().filter(|(_, flag)| flags & flag != 0).map(|(name, _)| *name);
    set.collect::<Vec<_>>().join(" ")
}
