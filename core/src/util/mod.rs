//! Small tools without state: numbers in text form, hash slots, patterns.

pub mod crc16;
pub mod glob;
pub mod int;
pub mod num;
