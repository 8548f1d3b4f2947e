//! Lines of words with quotes and escapes, by the rules of Redis's `sdssplitargs`: inline requests,
//! configuration files, command lines. And the way back: quoting.

/// Quotes that don't match, or a closing quote with something right behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// Splits `line` (without its end of line) into words, rewriting it as it goes: no word is longer
/// than its source. Tells `word` where each begins in `line`, and how long it is.
///
/// # Errors
/// [`Unbalanced`]; some words may have been told before.
pub fn split_in_place(
    line: &mut [u8],
    mut word: impl FnMut(usize, usize),
) -> Result<(), Unbalanced> {
    let mut splitter = Splitter { line, read: 0, write: 0 };
    while splitter.skip_blanks() {
        let start = splitter.write;
        splitter.word()?;
        word(start, splitter.write - start);
    }
    Ok(())
}

/// The words of `line`.
///
/// # Errors
/// [`Unbalanced`].
pub fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
    let mut line = line.to_vec();
    let mut ranges = Vec::new();
    split_in_place(&mut line, |start, len| ranges.push(start..start + len))?;
    Ok(ranges.into_iter().filter_map(|range| line.get(range).map(<[u8]>::to_vec)).collect())
}

/// `word` in double quotes, such that [`split`] gives it back and it shows in any terminal.
pub fn quote(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for &byte in word {
        match byte {
            b'"' | b'\\' => quoted.extend_from_slice(&[b'\\', byte]),
            b'\n' => quoted.extend_from_slice(b"\\n"),
            b'\r' => quoted.extend_from_slice(b"\\r"),
            b'\t' => quoted.extend_from_slice(b"\\t"),
            0x07 => quoted.extend_from_slice(b"\\a"),
            0x08 => quoted.extend_from_slice(b"\\b"),
            b' '..=b'~' => quoted.push(byte),
            _ => quoted.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}

/// What C's `isspace` accepts.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Reads ahead of where it writes, in the same line.
struct Splitter<'a> {
    line: &'a mut [u8],
    read: usize,
    write: usize,
}

impl Splitter<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.line.get(self.read + ahead).copied()
    }

    fn put(&mut self, byte: u8, read: usize) {
        self.line[self.write] = byte;
        self.write += 1;
        self.read += read;
    }

    /// Whether a word follows.
    fn skip_blanks(&mut self) -> bool {
        while self.peek(0).is_some_and(is_blank) {
            self.read += 1;
        }
        self.peek(0).is_some()
    }

    /// One word. A quoted part may begin in its midst, but must end it.
    fn word(&mut self) -> Result<(), Unbalanced> {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => break,
                b'"' => return self.quoted(Self::double_quoted_step),
                b'\'' => return self.quoted(Self::single_quoted_step),
                _ => self.put(byte, 1),
            }
        }
        Ok(())
    }

    fn quoted(&mut self, step: fn(&mut Self, u8)) -> Result<(), Unbalanced> {
        let quote = self.peek(0);
        self.read += 1;
        while let Some(byte) = self.peek(0) {
            if Some(byte) == quote {
                self.read += 1;
                return match self.peek(0) {
                    Some(next) if !is_blank(next) => Err(Unbalanced),
                    _ => Ok(()),
                };
            }
            step(self, byte);
        }
        Err(Unbalanced)
    }

    fn single_quoted_step(&mut self, byte: u8) {
        match (byte, self.peek(1)) {
            (b'\\', Some(b'\'')) => self.put(b'\'', 2),
            _ => self.put(byte, 1),
        }
    }

    fn double_quoted_step(&mut self, byte: u8) {
        match (byte, self.peek(1)) {
            (b'\\', Some(b'x')) if self.hex_pair().is_some() => {
                let decoded = self.hex_pair().unwrap_or_default();
                self.put(decoded, 4);
            }
            (b'\\', Some(escaped)) => self.put(unescape(escaped), 2),
            _ => self.put(byte, 1),
        }
    }

    /// The value of the two hex digits behind `\x`.
    fn hex_pair(&self) -> Option<u8> {
        let digit = |ahead| (self.peek(ahead)? as char).to_digit(16);
        u8::try_from(digit(2)? * 16 + digit(3)?).ok()
    }
}

/// The byte that a backslash and `escaped` stand for in double quotes.
fn unescape(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strings(line: &str) -> Vec<String> {
        let words = split(line.as_bytes()).expect("balanced");
        words.into_iter().map(|w| String::from_utf8(w).expect("text")).collect()
    }

    #[test]
    fn words_and_quotes() {
        assert_eq!(strings("  set  key\tvalue "), ["set", "key", "value"]);
        assert_eq!(strings(r#"a "b c" 'd "e"' "" x"y z""#), ["a", "b c", "d \"e\"", "", "xy z"]);
        assert_eq!(strings(r#""\x41\n\q\\\"" '\'\n'"#), ["A\nq\\\"", "'\\n"]);
        assert_eq!(strings(r#""\xg1""#), ["xg1"]);
        assert_eq!(strings(""), Vec::<String>::new());
    }

    #[test]
    fn unbalanced() {
        for line in [r#""a"#, r#"'a"#, r#""a"b"#, r#"'a''b'"#, r#""a\"#, r#"x "\""#] {
            assert_eq!(split(line.as_bytes()), Err(Unbalanced), "{line}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(source: Vec<Vec<u8>>) {
            let line = source.iter().map(|w| quote(w)).collect::<Vec<_>>().join(&b' ');
            prop_assert_eq!(split(&line), Ok(source));
        }

        #[test]
        fn never_panics(line in "[ab\"'\\\\ x\t]{0,40}") {
            let _ = split(line.as_bytes());
        }
    }
}
