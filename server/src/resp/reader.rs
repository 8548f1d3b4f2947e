//! The incremental request reader: bytes in as they arrive, requests out as ranges of them.
//!
//! A request that is not whole yet is taken up again where reading stopped. No argument is copied
//! or allocated for, and no length that a client claims is believed before its bytes are here:
//! the buffer grows by what has arrived. Where Redis is lenient (it skips the two bytes behind an
//! argument without looking at them, and a NUL hides the rest of its line), so is this reader,
//! since clients and test suites see it.

use super::args::{ArgRange, Args};
use super::error::RequestError;
use cairn_core::util::int::parse_i64;
use cairn_core::util::words;
use memchr::memchr2;

/// The longest line without its end that is waited for: inline requests, and the lengths behind
/// `*` and `$`. Redis's `PROTO_INLINE_MAX_SIZE`.
const MAX_LINE: usize = 64 * 1024;

/// What one read from a socket has room for.
const READ_STEP: usize = 16 * 1024;

/// The least room worth a read; with less the buffer grows.
const MIN_ROOM: usize = READ_STEP / 4;

/// The largest memory that is kept for the next request once a request is done.
const MAX_KEPT: usize = 4 * READ_STEP;

/// The largest list of argument ranges that is kept, likewise, and the largest that is reserved
/// because a client says so.
const MAX_KEPT_ARGS: usize = 1024;

/// What a request may be. The server makes one from its configuration whenever that changes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`: the longest argument, in bytes.
    pub max_bulk: u64,
    /// `client-query-buffer-limit`: the longest request, in bytes as it is on the wire.
    pub query_buffer: usize,
    /// Whether the client has yet to authenticate: then it gets no more than
    /// [`Limits::UNAUTHENTICATED_ARGS`] and [`Limits::UNAUTHENTICATED_BULK`].
    pub unauthenticated: bool,
}

impl Limits {
    /// The most arguments a request can have.
    pub const MAX_ARGS: i64 = i32::MAX as i64;
    /// The most arguments before a client has authenticated.
    pub const UNAUTHENTICATED_ARGS: i64 = 10;
    /// The longest argument before a client has authenticated, in bytes.
    pub const UNAUTHENTICATED_BULK: u64 = 16 * 1024;

    /// For a link that is trusted, such as the one to a primary: no limits but
    /// [`Limits::MAX_ARGS`].
    pub const TRUSTED: Self =
        Self { max_bulk: u64::MAX, query_buffer: usize::MAX, unauthenticated: false };

    /// Checks the number behind a `*`; `None` is one that could not be read.
    fn args(&self, count: Option<i64>) -> Result<usize, RequestError> {
        match count {
            None => Err(RequestError::MultibulkLength),
            Some(count) if count > Self::MAX_ARGS => Err(RequestError::MultibulkLength),
            Some(count) if self.unauthenticated && count > Self::UNAUTHENTICATED_ARGS => {
                Err(RequestError::UnauthenticatedMultibulkLength)
            }
            Some(count) => Ok(usize::try_from(count).unwrap_or(0)),
        }
    }

    /// The longest argument, in bytes.
    #[inline]
    fn longest_bulk(&self) -> u64 {
        if self.unauthenticated {
            self.max_bulk.min(Self::UNAUTHENTICATED_BULK)
        } else {
            self.max_bulk
        }
    }

    /// Checks the number behind a `$`.
    fn bulk(&self, len: Option<i64>) -> Result<usize, RequestError> {
        let len = len.and_then(|len| u64::try_from(len).ok()).ok_or(RequestError::BulkLength)?;
        if len > self.max_bulk {
            return Err(RequestError::BulkLength);
        }
        if self.unauthenticated && len > Self::UNAUTHENTICATED_BULK {
            return Err(RequestError::UnauthenticatedBulkLength);
        }
        usize::try_from(len).map_err(|_| RequestError::BulkLength)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bulk: 512 << 20, query_buffer: 1 << 30, unauthenticated: false }
    }
}

/// The memory behind a [`RequestReader`]. A thread keeps some and lends them to the connections that
/// are active, so that an idle connection owns none.
#[derive(Default)]
pub struct Buffers {
    bytes: Vec<u8>,
    args: Vec<ArgRange>,
}

impl Buffers {
    /// The most that a thread keeps for connections that become active.
    pub const SPARE_MAX: usize = 64;
}

/// How far the current request has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its first byte comes next.
    Start,
    /// This many arguments are to come, the header of the first of them next.
    Header { missing: usize },
    /// As `Header`, but the header has been read: `len` bytes and an end of line come next.
    Bulk { missing: usize, len: usize },
    /// It is whole, and was sent as a multibulk request.
    Multibulk,
    /// It is whole, and was sent inline.
    Inline,
}

/// One connection's unread bytes, and how far they have been understood.
///
/// The caller's loop: [`fill`](Self::fill) from the socket, then as long as
/// [`next`](Self::next) says true, use [`args`](Self::args) and [`consume`](Self::consume).
pub struct RequestReader {
    buffers: Buffers,
    /// Where the current request begins.
    start: usize,
    /// The next byte to understand.
    pos: usize,
    /// No end of line is before this; at most that far was searched.
    searched: usize,
    state: State,
}

impl Default for RequestReader {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestReader {
    /// A reader that owns no memory yet.
    pub const fn new() -> Self {
        let buffers = Buffers { bytes: Vec::new(), args: Vec::new() };
        Self { buffers, start: 0, pos: 0, searched: 0, state: State::Start }
    }

    /// Makes room and lets `read` append to the buffer, up to its spare capacity; gives back what
    /// `read` does.
    ///
    /// # Panics
    /// If `read` leaves the buffer shorter than it was.
    pub fn fill<T>(&mut self, read: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.make_room();
        let before = self.buffers.bytes.len();
        let result = read(&mut self.buffers.bytes);
        assert!(self.buffers.bytes.len() >= before, "a read may only append");
        result
    }

    /// Appends `bytes` as if they had been read from a socket.
    pub fn push(&mut self, bytes: &[u8]) {
        self.fill(|buffer| buffer.extend_from_slice(bytes));
    }

    /// Reads on until a request is whole. False if more bytes are needed first. Once true it stays
    /// so, for the same request, until [`consume`](Self::consume). Empty requests are passed over.
    ///
    /// # Errors
    /// See [`RequestError`]; the connection can't be read on after one.
    #[inline]
    pub fn next(&mut self, limits: &Limits) -> Result<bool, RequestError> {
        loop {
            let advanced = match self.state {
                State::Start => self.begin(limits)?,
                State::Header { missing } => self.read_args(limits, missing)?,
                State::Bulk { missing, len } => {
                    self.read_bulk(len, missing) && self.read_args(limits, missing - 1)?
                }
                State::Multibulk | State::Inline => return Ok(true),
            };
            if !advanced {
                return match self.pending() > limits.query_buffer {
                    true => Err(RequestError::QueryBufferLimit),
                    false => Ok(false),
                };
            }
        }
    }

    /// The current request's arguments. None of them unless [`next`](Self::next) said true.
    #[inline]
    pub fn args(&self) -> Args<'_> {
        let request = self.buffers.bytes.get(self.start..self.pos).unwrap_or_default();
        let whole = matches!(self.state, State::Multibulk | State::Inline);
        Args::new(request, if whole { &self.buffers.args } else { &[] })
    }

    /// The current request as it came, if it is a whole multibulk request: what a log can copy
    /// verbatim. An inline request has no such form.
    pub fn raw(&self) -> Option<&[u8]> {
        match self.state {
            State::Multibulk => self.buffers.bytes.get(self.start..self.pos),
            _ => None,
        }
    }

    /// The bytes from the current request on: what [`super::peek`] looks ahead in.
    pub fn ahead(&self) -> &[u8] {
        self.buffers.bytes.get(self.start..).unwrap_or_default()
    }

    /// Lets go of the current request, if it is whole.
    #[inline]
    pub fn consume(&mut self) {
        if matches!(self.state, State::Multibulk | State::Inline) {
            self.restart();
        }
    }

    /// How many bytes have come that no [`consume`](Self::consume) has let go of.
    pub fn pending(&self) -> usize {
        self.buffers.bytes.len() - self.start
    }

    /// The bytes of memory this reader holds.
    pub fn memory(&self) -> usize {
        self.buffers.bytes.capacity() + self.buffers.args.capacity() * size_of::<ArgRange>()
    }

    /// Takes over `spare`'s memory, unless the reader holds bytes in its own.
    pub fn borrow_from(&mut self, spare: &mut Vec<Buffers>) {
        if self.buffers.bytes.capacity() == 0
            && let Some(buffers) = spare.pop()
        {
            self.buffers = buffers;
        }
    }

    /// Gives the memory back for the next connection to use, unless it holds bytes. Of unusually
    /// large memory nothing is kept, nor where `spare` has enough.
    pub fn return_to(&mut self, spare: &mut Vec<Buffers>) {
        if self.pending() > 0 {
            return;
        }
        self.clear();
        let mut buffers = std::mem::take(&mut self.buffers);
        if (1..=MAX_KEPT).contains(&buffers.bytes.capacity()) && spare.len() < Buffers::SPARE_MAX {
            buffers.args.shrink_to(MAX_KEPT_ARGS);
            spare.push(buffers);
        }
    }

    /// Keeps no more memory than the bytes that are held. For connections that have been quiet.
    pub fn trim(&mut self) {
        self.compact();
        self.buffers.bytes.shrink_to_fit();
        self.buffers.args.shrink_to_fit();
    }

    /// Forgets what has been understood; there must be no bytes left.
    fn clear(&mut self) {
        debug_assert_eq!(self.pending(), 0);
        self.buffers.bytes.clear();
        self.buffers.args.clear();
        (self.start, self.pos, self.searched, self.state) = (0, 0, 0, State::Start);
    }

    /// Begins the next request at the byte that comes next.
    #[inline]
    fn restart(&mut self) {
        self.start = self.pos;
        self.searched = self.pos;
        self.buffers.args.clear();
        self.state = State::Start;
    }

    /// Moves the current request to the front of the buffer.
    fn compact(&mut self) {
        let gone = std::mem::take(&mut self.start);
        self.buffers.bytes.drain(..gone);
        self.pos -= gone;
        self.searched = self.searched.saturating_sub(gone);
    }

    /// Room for the next read: a step, or for a long argument as much as has already come of the
    /// request, but never more than is missing.
    fn make_room(&mut self) {
        let missing = match self.state {
            State::Bulk { len, .. } => {
                (self.pos + 2).saturating_add(len).saturating_sub(self.buffers.bytes.len())
            }
            _ => 0,
        };
        let wanted = missing.min(self.pending()).max(READ_STEP);
        let least = if wanted > READ_STEP { wanted } else { MIN_ROOM };
        if self.spare() >= least {
            return;
        }
        self.compact();
        if self.spare() < least {
            self.buffers.bytes.reserve_exact(wanted);
        } else if self.pending() == 0 && self.buffers.bytes.capacity() > MAX_KEPT {
            self.buffers.bytes.shrink_to(MAX_KEPT);
        }
    }

    fn spare(&self) -> usize {
        self.buffers.bytes.capacity() - self.buffers.bytes.len()
    }

    /// Reads the beginning of a request: a whole inline one, or the count of a multibulk one and
    /// as much of the rest as is there. True if the state has moved on.
    #[inline]
    fn begin(&mut self, limits: &Limits) -> Result<bool, RequestError> {
        match self.buffers.bytes.get(self.pos) {
            None => Ok(false),
            Some(b'*') => match self.read_number(RequestError::LongMultibulkCount)? {
                None => Ok(false),
                Some(count) => self.begin_multibulk(limits, limits.args(count)?),
            },
            Some(_) => self.read_inline(),
        }
    }

    #[inline]
    fn begin_multibulk(&mut self, limits: &Limits, count: usize) -> Result<bool, RequestError> {
        if count == 0 {
            self.restart();
            return Ok(true);
        }
        self.buffers.args.reserve(count.min(MAX_KEPT_ARGS));
        self.read_args(limits, count)
    }

    /// Reads `missing` arguments, or as many as are there. True if they are complete.
    #[inline]
    fn read_args(&mut self, limits: &Limits, missing: usize) -> Result<bool, RequestError> {
        match self.read_plain_args(limits, missing) {
            0 => {
                self.state = State::Multibulk;
                Ok(true)
            }
            missing => self.read_any_args(limits, missing),
        }
    }

    /// The usual case of [`read_args`](Self::read_args): takes arguments as long as they are there
    /// and their headers are plain. Gives back how many are still missing.
    #[inline]
    fn read_plain_args(&mut self, limits: &Limits, mut missing: usize) -> usize {
        let Buffers { bytes, args } = &mut self.buffers;
        let longest = limits.longest_bulk();
        let mut pos = self.pos;
        while missing > 0 && bytes.get(pos) == Some(&b'$') {
            let Some((len, start)) = short_number(bytes, pos + 1) else { break };
            let next = start + len + 2;
            if next > bytes.len() || len as u64 > longest {
                break;
            }
            args.push(ArgRange { start: start - self.start, len });
            pos = next;
            missing -= 1;
        }
        self.pos = pos;
        missing
    }

    /// Everything else: what is not there yet, unusual or wrong.
    #[cold]
    fn read_any_args(&mut self, limits: &Limits, mut missing: usize) -> Result<bool, RequestError> {
        while missing > 0 {
            self.state = State::Header { missing };
            match self.buffers.bytes.get(self.pos) {
                Some(b'$') => {}
                Some(&other) => return self.not_a_bulk(other),
                None => return Ok(false),
            }
            let Some(len) = self.read_number(RequestError::LongBulkCount)? else {
                return Ok(false);
            };
            if !self.read_bulk(limits.bulk(len)?, missing) {
                return Ok(false);
            }
            missing -= 1;
        }
        self.state = State::Multibulk;
        Ok(true)
    }

    /// The error for an argument that begins with `other`; but Redis first waits for its line.
    #[cold]
    fn not_a_bulk(&mut self, other: u8) -> Result<bool, RequestError> {
        match self.line_end(b'\r', RequestError::LongBulkCount)? {
            Some(_) => Err(RequestError::ExpectedDollar(other)),
            None => Ok(false),
        }
    }

    /// Reads an argument of `len` bytes whose header has been read. True if it was there.
    #[inline]
    fn read_bulk(&mut self, len: usize, missing: usize) -> bool {
        match self.pos.checked_add(len).and_then(|end| end.checked_add(2)) {
            Some(next) if next <= self.buffers.bytes.len() => {
                self.buffers.args.push(ArgRange { start: self.pos - self.start, len });
                self.pos = next;
                self.searched = next;
                true
            }
            _ => {
                self.state = State::Bulk { missing, len };
                false
            }
        }
    }

    /// Reads the line at `pos`, which is one byte of type and a number. `None` if its end has yet
    /// to come (within [`MAX_LINE`], or it is the error `too_long`); `Some(None)` if it is no
    /// number.
    #[inline]
    fn read_number(&mut self, too_long: RequestError) -> Result<Option<Option<i64>>, RequestError> {
        if let Some((number, end)) = short_number(&self.buffers.bytes, self.pos + 1) {
            self.pos = end;
            return Ok(Some(i64::try_from(number).ok()));
        }
        self.read_any_number(too_long)
    }

    /// Everything else, among it what is wrong.
    #[cold]
    fn read_any_number(
        &mut self,
        too_long: RequestError,
    ) -> Result<Option<Option<i64>>, RequestError> {
        let Some(end) = self.line_end(b'\r', too_long)? else { return Ok(None) };
        if end + 1 >= self.buffers.bytes.len() {
            return Ok(None);
        }
        let text = self.buffers.bytes.get(self.pos + 1..end).unwrap_or_default();
        let number = parse_i64(text);
        self.pos = end + 2;
        Ok(Some(number))
    }

    /// Where the line at `pos` has its `end` byte. The search goes on where it last stopped.
    fn line_end(&mut self, end: u8, too_long: RequestError) -> Result<Option<usize>, RequestError> {
        let from = self.searched.max(self.pos);
        let bytes = self.buffers.bytes.get(from..).unwrap_or_default();
        match memchr2(end, 0, bytes) {
            Some(offset) if bytes.get(offset) == Some(&end) => return Ok(Some(from + offset)),
            // A NUL: it hides the end of the line, so the search never gets past it.
            Some(offset) => self.searched = from + offset,
            None => self.searched = self.buffers.bytes.len(),
        }
        if self.buffers.bytes.len() - self.pos > MAX_LINE { Err(too_long) } else { Ok(None) }
    }

    /// Reads an inline request. True if its line was there, even if it was empty.
    #[cold]
    fn read_inline(&mut self) -> Result<bool, RequestError> {
        let Some(end) = self.line_end(b'\n', RequestError::LongInline)? else { return Ok(false) };
        let Buffers { bytes, args } = &mut self.buffers;
        let line = bytes.get_mut(self.pos..end).unwrap_or_default();
        let len = line.strip_suffix(b"\r").map_or(line.len(), <[u8]>::len);
        let line = line.get_mut(..len).unwrap_or_default();
        words::split_in_place(line, |start, len| args.push(ArgRange { start, len }))
            .map_err(|_| RequestError::UnbalancedQuotes)?;
        self.pos = end + 1;
        if args.is_empty() {
            self.restart();
        } else {
            self.state = State::Inline;
        }
        Ok(true)
    }
}

/// The usual case of a number at `pos`: one to nine digits, without a leading zero, and their end
/// of line is there. The number, and where its line has ended.
#[inline(always)]
fn short_number(bytes: &[u8], pos: usize) -> Option<(usize, usize)> {
    let line = bytes.get(pos..)?;
    let digit = |index: usize| line.get(index).map(|byte| usize::from(byte.wrapping_sub(b'0')));
    let mut number = digit(0).filter(|first| (1..=9).contains(first))?;
    let mut index = 1;
    loop {
        match digit(index)? {
            next if next <= 9 && index < 9 => number = number * 10 + next,
            _ if line[index] == b'\r' && line.len() > index + 1 => {
                return Some((number, pos + index + 2));
            }
            _ => return None,
        }
        index += 1;
    }
}
