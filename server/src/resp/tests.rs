//! The reader against `redis-protocol`'s decoder, and against Redis's answers to what is wrong.

use super::*;
use proptest::prelude::*;
use redis_protocol::resp2::{decode::decode, types::OwnedFrame};

type Request = Vec<Vec<u8>>;

/// `bytes`, pushed in pieces that end at `cuts`; all requests, or the first error.
fn read_in_pieces(
    bytes: &[u8],
    cuts: &[usize],
    limits: &Limits,
) -> (Vec<Request>, Result<(), RequestError>) {
    let mut reader = RequestReader::new();
    let mut requests = Vec::new();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    for piece in cuts.windows(2) {
        reader.push(&bytes[piece[0]..piece[1]]);
        loop {
            match reader.next(limits) {
                Ok(false) => break,
                Ok(true) => requests.push(reader.args().iter().map(<[u8]>::to_vec).collect()),
                Err(error) => return (requests, Err(error)),
            }
            assert_eq!(reader.next(limits), Ok(true), "it stays until consumed");
            reader.consume();
        }
    }
    (requests, Ok(()))
}

fn read(bytes: &[u8]) -> (Vec<Request>, Result<(), RequestError>) {
    read_in_pieces(bytes, &[], &Limits::default())
}

fn encode(request: &Request) -> Vec<u8> {
    let mut out = format!("*{}\r\n", request.len()).into_bytes();
    for arg in request {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// What the other decoder makes of whole requests.
fn oracle(mut bytes: &[u8]) -> Vec<Request> {
    let mut requests = Vec::new();
    while let Some((OwnedFrame::Array(frames), used)) = decode(bytes).expect("valid") {
        let args = frames.into_iter().map(|frame| match frame {
            OwnedFrame::BulkString(arg) => arg,
            other => panic!("not an argument: {other:?}"),
        });
        requests.push(args.collect());
        bytes = &bytes[used..];
    }
    requests
}

fn words(words: &[&str]) -> Request {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

proptest! {
    #[test]
    fn agrees_with_the_oracle_however_it_is_cut(
        requests in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..6), 0..8),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let bytes = requests.iter().flat_map(encode).collect::<Vec<u8>>();
        let (read, end) = read_in_pieces(&bytes, &cuts, &Limits::default());
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(&read, &oracle(&bytes));
        prop_assert_eq!(read, requests);
    }

    /// Whatever the bytes are, cutting them otherwise changes nothing. Errors come later or
    /// sooner, but they are the same.
    #[test]
    fn cuts_do_not_matter(
        bytes in prop::collection::vec(
            prop::sample::select(&b"*$\r\n\r\n0123-a \"'\\x\0"[..]), 0..80),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let whole = read(&bytes);
        prop_assert_eq!(read_in_pieces(&bytes, &cuts, &Limits::default()), whole);
    }

    #[test]
    fn random_bytes_do_no_harm(bytes: Vec<u8>, cuts: Vec<usize>) {
        let _ = read_in_pieces(&bytes, &cuts, &Limits::default());
    }

    #[test]
    fn raw_is_the_request_as_it_came(requests in prop::collection::vec(
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..4), 1..5))
    {
        let mut reader = RequestReader::new();
        requests.iter().for_each(|request| reader.push(&encode(request)));
        for request in &requests {
            prop_assert_eq!(reader.next(&Limits::default()), Ok(true));
            let encoded = encode(request);
            prop_assert_eq!(reader.raw(), Some(&encoded[..]));
            reader.consume();
        }
        prop_assert_eq!(reader.pending(), 0);
    }
}

#[test]
fn empty_requests_are_passed_over() {
    let bytes = b"*0\r\n\r\n*-1\r\n\n   \r\n*-7\r\nPING\r\n";
    assert_eq!(read(bytes), (vec![words(&["PING"])], Ok(())));
}

#[test]
fn inline_requests_mix_with_others() {
    let bytes = b"SET \"a b\" 'c'\r\n*1\r\n$4\r\nPING\r\nGET x\n";
    let expected = vec![words(&["SET", "a b", "c"]), words(&["PING"]), words(&["GET", "x"])];
    assert_eq!(read(bytes), (expected, Ok(())));
    let mut reader = RequestReader::new();
    reader.push(b"GET x\r\n");
    assert_eq!(reader.next(&Limits::default()), Ok(true));
    assert_eq!(reader.raw(), None);
}

#[test]
fn error_texts() {
    let mut long = vec![b'a'; 70_000];
    let cases: [(&[u8], &str); 12] = [
        (b"*x\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*2147483648\r\n", "invalid multibulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$+1\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n$99999999999999999999\r\n", "invalid bulk length"),
        (b"*1\r\nfoo\r\n", "expected '$', got 'f'"),
        (b"*1\r\n\r\n", "expected '$', got ' '"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", "expected '$', got 'f'"),
        (b"SET 'a\r\n", "unbalanced quotes in request"),
        (&long.clone(), "too big inline request"),
    ];
    for (bytes, text) in cases {
        let error = read(bytes).1.expect_err(text);
        assert_eq!(error.to_string(), format!("ERR Protocol error: {text}"));
    }
    long[0] = b'*';
    assert_eq!(read(&long).1, Err(RequestError::LongMultibulkCount));
    long.splice(0..0, *b"*1\r\n$");
    assert_eq!(read(&long).1, Err(RequestError::LongBulkCount));
}

#[test]
fn a_nul_hides_the_end_of_its_line() {
    assert_eq!(read(b"a\0b\r\n"), (vec![], Ok(())));
    let endless = b"\0payload\n".repeat(8000);
    assert_eq!(read(&endless).1, Err(RequestError::LongInline));
}

#[test]
fn strangers_get_less() {
    let limits = Limits { unauthenticated: true, ..Limits::default() };
    let first = |bytes: &[u8]| read_in_pieces(bytes, &[], &limits).1;
    assert_eq!(first(b"*11\r\n"), Err(RequestError::UnauthenticatedMultibulkLength));
    assert_eq!(first(b"*10\r\n$16384\r\n"), Ok(()));
    assert_eq!(first(b"*10\r\n$16385\r\n"), Err(RequestError::UnauthenticatedBulkLength));
}

#[test]
fn the_query_buffer_is_limited() {
    let limits = Limits { query_buffer: 1000, ..Limits::default() };
    let mut bytes = b"*2\r\n$3\r\nGET\r\n$2000\r\n".to_vec();
    bytes.resize(900, b'x');
    assert_eq!(read_in_pieces(&bytes, &[], &limits).1, Ok(()));
    bytes.resize(1001, b'x');
    let error = read_in_pieces(&bytes, &[], &limits).1;
    assert_eq!(error, Err(RequestError::QueryBufferLimit));
    assert_eq!(RequestError::QueryBufferLimit.reply(), None);
}

#[test]
fn a_claimed_length_takes_no_memory() {
    let mut reader = RequestReader::new();
    reader.push(b"*1000000000\r\n$500000000\r\n");
    assert_eq!(reader.next(&Limits::default()), Ok(false));
    reader.push(b"x");
    assert!(reader.memory() < 64 * 1024, "{}", reader.memory());
}

#[test]
fn memory_follows_what_has_come_and_is_given_back() {
    let value = vec![b'x'; 4 << 20];
    let bytes = encode(&vec![b"SET".to_vec(), b"k".to_vec(), value.clone()]);
    let mut reader = RequestReader::new();
    for piece in bytes.chunks(10_000) {
        assert_eq!(reader.next(&Limits::default()), Ok(false));
        reader.push(piece);
        assert!(reader.memory() <= 2 * reader.pending() + (64 << 10));
    }
    assert_eq!(reader.next(&Limits::default()), Ok(true));
    assert_eq!(reader.args().get(2), Some(&value[..]));
    reader.consume();

    let mut spare: Vec<Buffers> = Vec::new();
    reader.return_to(&mut spare);
    assert_eq!(reader.memory(), 0, "too large to be kept");
    reader.push(b"PING\r\n");
    assert_eq!(reader.next(&Limits::default()), Ok(true));
    reader.return_to(&mut spare);
    assert_ne!(reader.memory(), 0, "there is a request in it");
    reader.consume();
    reader.return_to(&mut spare);
    assert_eq!(reader.memory(), 0, "an idle connection holds nothing");
    reader.borrow_from(&mut spare);
    assert_ne!(reader.memory(), 0, "what one gave back another can borrow");
}

#[test]
fn trimming_keeps_what_has_come() {
    let mut reader = RequestReader::new();
    reader.push(b"PING\r\n*2\r\n$3\r\nGET\r\n$3\r\nk");
    assert_eq!(reader.next(&Limits::default()), Ok(true));
    reader.consume();
    assert_eq!(reader.next(&Limits::default()), Ok(false));
    reader.trim();
    assert!(reader.memory() < 200);
    reader.push(b"ey\r\n");
    assert_eq!(reader.next(&Limits::default()), Ok(true));
    assert_eq!(reader.args().iter().collect::<Vec<_>>(), [&b"GET"[..], b"key"]);
}
