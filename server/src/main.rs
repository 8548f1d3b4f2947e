//! The server binary; all that it does lives in the library.
fn main() {}
