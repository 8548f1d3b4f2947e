//! The reply writer: RESP2 and RESP3 into one growing buffer.
//!
//! A handler says what it answers (a map, a double, nothing); which bytes that takes depends on
//! the protocol of the connection and is decided here and nowhere else.
//!
//! Formats: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use crate::util::num;

/// The protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Proto {
    /// RESP2, the default until HELLO says otherwise.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

/// A place in a reply where a length goes once it is known.
#[must_use = "an aggregate whose length is never written breaks the protocol"]
pub struct Deferred {
    at: usize,
    kind: Aggregate,
}

impl Deferred {
    /// The same place for an array.
    pub fn as_array(self) -> Self {
        Self { kind: Aggregate::Array, ..self }
    }
}

/// The aggregate types of RESP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// An ordered list.
    Array,
    /// Pairs; in RESP2 a flat array of twice the length.
    Map,
    /// An unordered collection; in RESP2 an array.
    Set,
    /// Out-of-band data; in RESP2 an array.
    Push,
}

/// Receives a reply.
#[derive(Default)]
pub struct Reply {
    out: Vec<u8>,
    proto: Proto,
}

impl Reply {
    /// An empty reply.
    pub fn new(proto: Proto) -> Self {
        Self { out: Vec::new(), proto }
    }

    /// The protocol that is written.
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Changes the protocol for what is written from here on.
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// Whether RESP3 is written.
    pub fn is_resp3(&self) -> bool {
        self.proto == Proto::Resp3
    }

    /// How many bytes stand in the buffer.
    #[inline]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// How many bytes the buffer has room for.
    pub fn capacity(&self) -> usize {
        self.out.capacity()
    }

    /// Whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// What has been written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// The buffer itself, for transports that hand it on.
    pub fn buffer_mut(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Takes what has been written.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Forgets all that was written after the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.out.truncate(len);
    }

    /// Bytes that are RESP already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A simple string. Must not hold CR or LF.
    pub fn simple(&mut self, text: &str) {
        self.out.push(b'+');
        self.line(text.as_bytes());
    }

    /// An error, code first, as in `ERR syntax error`. Line breaks in it become spaces.
    pub fn error(&mut self, text: &str) {
        self.out.push(b'-');
        self.out.extend(text.bytes().map(|b| if b == b'\r' || b == b'\n' { b' ' } else { b }));
        self.raw(b"\r\n");
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, n: i64) {
        match n {
            0 => self.raw(b":0\r\n"),
            1 => self.raw(b":1\r\n"),
            _ => self.number(b':', n),
        }
    }

    /// A length or count as an integer.
    #[inline]
    pub fn count(&mut self, n: usize) {
        self.int(i64::try_from(n).unwrap_or(i64::MAX));
    }

    /// A string of any bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.out.reserve(bytes.len() + 16);
        if bytes.len() < 100 {
            // Two digits cover nearly all keys and fields; a general formatter costs 5 ns more.
            let len = bytes.len() as u8;
            self.out.push(b'$');
            if len >= 10 {
                self.out.push(b'0' + len / 10);
            }
            self.out.extend_from_slice(&[b'0' + len % 10, b'\r', b'\n']);
        } else {
            self.number(b'$', bytes.len() as i64);
        }
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A bulk string or, for `None`, null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// An integer written as a string, as values of string type are.
    pub fn bulk_int(&mut self, n: i64) {
        self.bulk(itoa::Buffer::new().format(n));
    }

    /// Null: the null bulk string in RESP2.
    pub fn null(&mut self) {
        match self.proto {
            Proto::Resp2 => self.raw(b"$-1\r\n"),
            Proto::Resp3 => self.raw(b"_\r\n"),
        }
    }

    /// Null where an aggregate was due: the null array in RESP2.
    pub fn null_array(&mut self) {
        match self.proto {
            Proto::Resp2 => self.raw(b"*-1\r\n"),
            Proto::Resp3 => self.raw(b"_\r\n"),
        }
    }

    /// A double; in RESP2 a bulk string.
    pub fn double(&mut self, value: f64) {
        let text = num::format_f64(value);
        match self.proto {
            Proto::Resp2 => self.bulk(text),
            Proto::Resp3 => {
                self.out.push(b',');
                self.line(text.as_bytes());
            }
        }
    }

    /// A truth value; in RESP2 an integer.
    pub fn bool(&mut self, value: bool) {
        match self.proto {
            Proto::Resp2 => self.int(i64::from(value)),
            Proto::Resp3 => self.raw(if value { b"#t\r\n" } else { b"#f\r\n" }),
        }
    }

    /// A number too big for 64 bits, in decimal; in RESP2 a bulk string.
    pub fn big_number(&mut self, digits: &str) {
        match self.proto {
            Proto::Resp2 => self.bulk(digits),
            Proto::Resp3 => {
                self.out.push(b'(');
                self.line(digits.as_bytes());
            }
        }
    }

    /// Text for people, with a three-letter format such as `txt`; in RESP2 a bulk string.
    pub fn verbatim(&mut self, format: &str, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        match self.proto {
            Proto::Resp2 => self.bulk(text),
            Proto::Resp3 => {
                self.number(b'=', text.len() as i64 + 4);
                self.raw(format.as_bytes());
                self.out.push(b':');
                self.line(text);
            }
        }
    }

    /// The head of an array of `n` elements.
    #[inline]
    pub fn array(&mut self, n: usize) {
        self.head(Aggregate::Array, n);
    }

    /// The head of a map of `n` pairs.
    pub fn map(&mut self, n: usize) {
        self.head(Aggregate::Map, n);
    }

    /// The head of a set of `n` elements.
    pub fn set(&mut self, n: usize) {
        self.head(Aggregate::Set, n);
    }

    /// The head of a push of `n` elements.
    pub fn push(&mut self, n: usize) {
        self.head(Aggregate::Push, n);
    }

    /// The head of an attribute of `n` pairs, which says more about the value behind it. There is
    /// none in RESP2: false then, and neither head nor pairs may be written.
    pub fn attribute(&mut self, n: usize) -> bool {
        if self.is_resp3() {
            self.number(b'|', n as i64);
        }
        self.is_resp3()
    }

    /// Begins an aggregate whose length is not known yet.
    pub fn defer(&mut self, kind: Aggregate) -> Deferred {
        Deferred { at: self.out.len(), kind }
    }

    /// Writes the length of a deferred aggregate: elements, or pairs of a map.
    pub fn finish(&mut self, deferred: Deferred, n: usize) {
        let end = self.out.len();
        self.head(deferred.kind, n);
        let head = self.out.len() - end;
        self.out[deferred.at..].rotate_right(head);
    }

    fn head(&mut self, kind: Aggregate, n: usize) {
        let (mark, n) = match (self.proto, kind) {
            (_, Aggregate::Array) => (b'*', n),
            (Proto::Resp2, Aggregate::Map) => (b'*', n * 2),
            (Proto::Resp2, _) => (b'*', n),
            (Proto::Resp3, Aggregate::Map) => (b'%', n),
            (Proto::Resp3, Aggregate::Set) => (b'~', n),
            (Proto::Resp3, Aggregate::Push) => (b'>', n),
        };
        self.number(mark, n as i64);
    }

    fn number(&mut self, mark: u8, n: i64) {
        self.out.push(mark);
        self.out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(proto: Proto, write: impl FnOnce(&mut Reply)) -> String {
        let mut reply = Reply::new(proto);
        write(&mut reply);
        String::from_utf8(reply.take()).unwrap()
    }

    #[test]
    fn every_type_has_its_form_in_both_protocols() {
        type Case = (fn(&mut Reply), &'static str, &'static str);
        let cases: &[Case] = &[
            (|r| r.ok(), "+OK\r\n", "+OK\r\n"),
            (|r| r.error("ERR a\r\nb"), "-ERR a  b\r\n", "-ERR a  b\r\n"),
            (|r| r.int(-42), ":-42\r\n", ":-42\r\n"),
            (|r| r.bulk("abc"), "$3\r\nabc\r\n", "$3\r\nabc\r\n"),
            (|r| r.bulk("a".repeat(12)), "$12\r\naaaaaaaaaaaa\r\n", "$12\r\naaaaaaaaaaaa\r\n"),
            (|r| r.null(), "$-1\r\n", "_\r\n"),
            (|r| r.null_array(), "*-1\r\n", "_\r\n"),
            (|r| r.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (|r| r.bool(true), ":1\r\n", "#t\r\n"),
            (|r| r.big_number("12"), "$2\r\n12\r\n", "(12\r\n"),
            (|r| r.verbatim("txt", "hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"),
            (|r| r.map(2), "*4\r\n", "%2\r\n"),
            (|r| r.set(2), "*2\r\n", "~2\r\n"),
            (|r| r.push(2), "*2\r\n", ">2\r\n"),
        ];
        for (write, resp2, resp3) in cases {
            assert_eq!(written(Proto::Resp2, write), *resp2);
            assert_eq!(written(Proto::Resp3, write), *resp3);
        }
    }

    #[test]
    fn a_deferred_length_is_put_in_front() {
        let text = written(Proto::Resp3, |r| {
            let outer = r.defer(Aggregate::Map);
            r.bulk("k");
            let inner = r.defer(Aggregate::Array);
            r.int(7);
            r.finish(inner, 1);
            r.finish(outer, 1);
        });
        assert_eq!(text, "%1\r\n$1\r\nk\r\n*1\r\n:7\r\n");
    }
}
