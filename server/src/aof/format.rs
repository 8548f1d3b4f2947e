//! Reading a file of commands: RESP arrays of bulk strings, with `#` notes between them.
//!
//! Strict, since such a file is written by servers only: every length is checked against what the
//! file still holds before memory is taken for it, and an error says where it is.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line without its end that gives a number of words or bytes.
const NUMBER_MAX: u64 = 32;

/// The longest note, in bytes.
const NOTE_MAX: u64 = 1024;

/// The fewest bytes that a word takes: `$0`, its end of line, and that of the empty word.
const WORD_MIN: u64 = 6;

/// What a timestamp note begins with, before the Unix time in seconds.
const TIMESTAMP: &str = "#TS:";

/// The note that what follows was written at this Unix time, in seconds.
pub fn timestamp(seconds: i64) -> String {
    format!("{TIMESTAMP}{seconds}\r\n")
}

/// What comes next in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A command: see [`Commands::words`].
    Command,
    /// A note that what follows was written at this Unix time, in seconds.
    Timestamp(i64),
    /// Another note.
    Note,
    /// The end of the file.
    End,
}

/// Why a file can't be read on.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It ends in the midst of a command, which begins at `begin`.
    #[error("the command at offset {begin} is cut off")]
    Truncated {
        /// Where the command begins.
        begin: u64,
    },
    /// There is something else than expected.
    #[error("expected {expected} at offset {offset}")]
    Unexpected {
        /// Where.
        offset: u64,
        /// What should be there.
        expected: &'static str,
    },
    /// The system can't read it.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A file of commands.
pub struct Commands<R> {
    input: BufReader<R>,
    /// Where the next byte is.
    offset: u64,
    len: u64,
    /// Where the current item begins.
    begin: u64,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl<R: Read> Commands<R> {
    /// A file that is `len` bytes long and has been read up to `offset`.
    pub fn new(file: R, offset: u64, len: u64) -> Self {
        let input = BufReader::with_capacity(1 << 20, file);
        Self { input, offset, len, begin: offset, bytes: Vec::new(), ends: Vec::new() }
    }

    /// Where the next item begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The words of the current command.
    pub fn words(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }

    /// Reads the next item.
    ///
    /// # Errors
    /// [`FormatError`]; the file can't be read on after one.
    pub fn next_item(&mut self) -> Result<Item, FormatError> {
        self.bytes.clear();
        self.bytes.shrink_to(1 << 20);
        self.ends.clear();
        self.begin = self.offset;
        match self.input.fill_buf()?.first() {
            None => Ok(Item::End),
            Some(b'#') => self.note(),
            Some(_) => self.command(),
        }
    }

    fn note(&mut self) -> Result<Item, FormatError> {
        let line = self.line(NOTE_MAX, "a note of at most 1024 bytes")?;
        let time =
            line.strip_prefix(TIMESTAMP.as_bytes()).and_then(|t| std::str::from_utf8(t).ok());
        let time = time.and_then(|text| text.trim_end().parse().ok());
        Ok(time.map_or(Item::Note, Item::Timestamp))
    }

    fn command(&mut self) -> Result<Item, FormatError> {
        const EXPECTED: &str = "'*' and a number of words";
        let words = self.number(b'*', EXPECTED)?;
        if words == 0 {
            return Err(FormatError::Unexpected { offset: self.begin, expected: EXPECTED });
        }
        if words > self.left() / WORD_MIN {
            return Err(self.truncated());
        }
        for _ in 0..words {
            self.word()?;
        }
        Ok(Item::Command)
    }

    fn word(&mut self) -> Result<(), FormatError> {
        let len = self.number(b'$', "'$' and a number of bytes")?;
        if len > self.left() {
            return Err(self.truncated());
        }
        let before = self.bytes.len();
        let read = self.input.by_ref().take(len).read_to_end(&mut self.bytes)? as u64;
        self.offset += read;
        if read < len {
            return Err(self.truncated());
        }
        self.ends.push(before + len as usize);
        let offset = self.offset;
        match &self.line(2, "the end of a word")?[..] {
            b"\r\n" => Ok(()),
            _ => Err(FormatError::Unexpected { offset, expected: "the end of a word" }),
        }
    }

    /// Reads a line of a mark and a number.
    fn number(&mut self, mark: u8, expected: &'static str) -> Result<u64, FormatError> {
        let offset = self.offset;
        let line = self.line(NUMBER_MAX, expected)?;
        let digits = line.strip_prefix(&[mark]).and_then(|rest| rest.strip_suffix(b"\r\n"));
        let text = digits.filter(|d| d.iter().all(u8::is_ascii_digit));
        let number = text.and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| d.parse().ok());
        number.ok_or(FormatError::Unexpected { offset, expected })
    }

    /// Reads a line with its end, of at most `max` bytes.
    fn line(&mut self, max: u64, expected: &'static str) -> Result<Vec<u8>, FormatError> {
        let mut line = Vec::new();
        let begin = self.offset;
        self.offset += self.input.by_ref().take(max).read_until(b'\n', &mut line)? as u64;
        match line.last() {
            Some(b'\n') => Ok(line),
            _ if line.len() as u64 == max => {
                Err(FormatError::Unexpected { offset: begin, expected })
            }
            _ => Err(self.truncated()),
        }
    }

    /// How many bytes the file holds from here on.
    fn left(&self) -> u64 {
        self.len.saturating_sub(self.offset)
    }

    fn truncated(&self) -> FormatError {
        FormatError::Truncated { begin: self.begin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_core::effects::encode;
    use proptest::prelude::*;

    /// All commands up to the first error, and that.
    fn read(bytes: &[u8]) -> (Vec<Vec<Vec<u8>>>, Option<FormatError>) {
        let mut commands = Commands::new(bytes, 0, bytes.len() as u64);
        let mut all = Vec::new();
        loop {
            match commands.next_item() {
                Ok(Item::Command) => all.push(commands.words().map(<[u8]>::to_vec).collect()),
                Ok(Item::End) => return (all, None),
                Ok(_) => {}
                Err(error) => return (all, Some(error)),
            }
        }
    }

    #[test]
    fn notes_are_told_from_commands() {
        let bytes = b"#TS:17\r\n*1\r\n$4\r\nPING\r\n# else\r\n";
        let mut commands = Commands::new(&bytes[..], 0, bytes.len() as u64);
        assert_eq!(commands.next_item().unwrap(), Item::Timestamp(17));
        assert_eq!(commands.next_item().unwrap(), Item::Command);
        assert_eq!(commands.next_item().unwrap(), Item::Note);
        assert_eq!(commands.next_item().unwrap(), Item::End);
    }

    #[test]
    fn errors_say_where() {
        for (bytes, shown) in [
            (&b"PING\r\n"[..], "expected '*' and a number of words at offset 0"),
            (b"*0\r\n", "expected '*' and a number of words at offset 0"),
            (b"*-1\r\n", "expected '*' and a number of words at offset 0"),
            (b"*2\r\n$4\r\nPING\r\n+4\r\n", "expected '$' and a number of bytes at offset 14"),
            (b"*1\r\n$4\r\nPINGxx", "expected the end of a word at offset 12"),
            (b"*1\r\n$4000000000000\r\nPING\r\n", "the command at offset 0 is cut off"),
            (b"*1000000000000\r\n$4\r\nPING\r\n", "the command at offset 0 is cut off"),
            (b"*1\r\n$4\r\nPING\r\n*1", "the command at offset 14 is cut off"),
        ] {
            assert_eq!(read(bytes).1.unwrap().to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn commands_come_back_and_a_cut_gives_a_prefix(
            all in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 1..5),
                0..20,
            ),
            cut in 0usize..2000,
        ) {
            let mut bytes = Vec::new();
            for command in &all {
                encode(&mut bytes, &command.iter().map(Vec::as_slice).collect::<Vec<_>>());
            }
            let (whole, error) = read(&bytes);
            prop_assert!(error.is_none());
            prop_assert_eq!(&whole, &all);
            let (part, error) = read(&bytes[..cut.min(bytes.len())]);
            prop_assert_eq!(&part[..], &all[..part.len()]);
            let cut_off = matches!(error, None | Some(FormatError::Truncated { .. }));
            prop_assert!(cut_off);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in "[*$#0-9a\r\n]{0,100}") {
            let _ = read(bytes.as_bytes());
        }
    }
}
