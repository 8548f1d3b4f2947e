//! Whatever bytes come, in whatever pieces: the request reader neither panics nor gives other
//! requests than it gives for the same bytes in one piece.
#![no_main]

use cairn_server::resp::{Limits, RequestError, RequestReader};
use libfuzzer_sys::fuzz_target;

type Requests = (Vec<Vec<Vec<u8>>>, Option<RequestError>);

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Requests {
    let limits = Limits { query_buffer: 1 << 20, ..Limits::default() };
    let mut reader = RequestReader::new();
    let mut requests = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next(&limits) {
                Ok(true) => requests.push(reader.args().iter().map(<[u8]>::to_vec).collect()),
                Ok(false) => break,
                Err(error) => return (requests, Some(error)),
            }
            reader.consume();
        }
    }
    (requests, None)
}

fuzz_target!(|input: &[u8]| {
    let Some((&step, bytes)) = input.split_first() else { return };
    let whole = read(std::iter::once(bytes));
    assert_eq!(read(bytes.chunks(usize::from(step).max(1))), whole);
});
