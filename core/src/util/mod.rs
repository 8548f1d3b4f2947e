//! tmp
pub mod crc16;
pub mod glob;
pub mod num;
