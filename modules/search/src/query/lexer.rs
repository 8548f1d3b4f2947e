//! Splits a query into tokens.
//!
//! Text inside `{…}` and `[…]` is read by its own rules, so the parser says what it expects.

use crate::analysis::is_separator;

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// Byte offset of its first character.
    pub start: usize,
    /// Its text as written.
    pub text: &'a str,
}

/// The kinds of tokens.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenKind {
    /// A word, its escapes resolved; case kept.
    Word(String),
    /// A number that stands alone.
    Number(String),
    /// `$name`.
    Parameter(String),
    /// `*word`, `word*`, `*word*`.
    Affix {
        /// The word, its escapes resolved.
        word: String,
        /// A star stands before it.
        before: bool,
        /// A star stands after it.
        after: bool,
    },
    /// `%word%`, with one to three signs on each side.
    Fuzzy(String, u8),
    /// `w'pattern'`.
    Wildcard(String),
    /// `'text'` as one.
    Verbatim(String),
    /// `@name`.
    Field(String),
    /// `=>`.
    Arrow,
    /// `==`, `!=`, `<=`, `>=`, `<` or `>` after a field.
    Compare(&'static str),
    /// One of `( ) { } [ ] " : ; | - ~ *`.
    Sign(char),
    /// The end.
    End,
}

/// A lexer over a query.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
    modern: bool,
    /// The last token was `@name`, so a comparison may follow.
    after_field: bool,
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of `text`; `modern` switches dialect 2's tokens on.
    pub fn new(text: &'a str, modern: bool) -> Self {
        Self { text, at: 0, modern, after_field: false }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, len: usize, kind: TokenKind) -> Token<'a> {
        let start = self.at;
        self.at += len;
        Token { kind, start, text: &self.text[start..self.at] }
    }

    /// The next token.
    pub fn token(&mut self) -> Token<'a> {
        loop {
            let after_field = std::mem::take(&mut self.after_field);
            let rest = self.rest();
            let Some(first) = rest.chars().next() else { return self.take(0, TokenKind::End) };
            if let Some(token) = self.special(first, after_field) {
                return token;
            }
            if let Some((word, len)) = read_word(rest) {
                return self.word(word, len);
            }
            self.after_field = after_field && first.is_whitespace();
            self.at += first.len_utf8();
        }
    }

    /// Tokens that start with a sign.
    fn special(&mut self, first: char, after_field: bool) -> Option<Token<'a>> {
        let rest = self.rest();
        match first {
            '=' if rest.starts_with("=>") => Some(self.take(2, TokenKind::Arrow)),
            '=' | '!' | '<' | '>' if after_field => {
                let sign = ["==", "!=", "<=", ">=", "<", ">"].into_iter();
                let sign = sign.into_iter().find(|s| rest.starts_with(s))?;
                Some(self.take(sign.len(), TokenKind::Compare(sign)))
            }
            '(' | ')' | '{' | '}' | '[' | ']' | '"' | ':' | ';' | '|' | '~' => {
                Some(self.take(1, TokenKind::Sign(first)))
            }
            '-' => Some(self.minus()),
            '*' => Some(self.star()),
            '%' => self.fuzzy(),
            '$' => self.named(TokenKind::Parameter),
            '@' => {
                let token = self.named(TokenKind::Field);
                self.after_field = token.is_some();
                token
            }
            '\'' if self.modern => self.quoted(0, TokenKind::Verbatim),
            'w' | 'W' if self.modern && rest[1..].starts_with('\'') => {
                self.quoted(1, TokenKind::Wildcard)
            }
            _ => None,
        }
    }

    fn named(&mut self, kind: impl FnOnce(String) -> TokenKind) -> Option<Token<'a>> {
        let (name, len) = read_word(&self.rest()[1..])?;
        Some(self.take(1 + len, kind(name)))
    }

    fn minus(&mut self) -> Token<'a> {
        let digits = number_len(self.rest());
        let after_word = self.text[..self.at].ends_with(|c: char| c.is_alphanumeric());
        match digits {
            Some(len) if !after_word => {
                let number = self.rest()[..len].to_owned();
                self.take(len, TokenKind::Number(number))
            }
            _ => self.take(1, TokenKind::Sign('-')),
        }
    }

    fn star(&mut self) -> Token<'a> {
        match read_word(&self.rest()[1..]) {
            Some((word, len)) => {
                let after = self.rest()[1 + len..].starts_with('*');
                let kind = TokenKind::Affix { word, before: true, after };
                self.take(1 + len + usize::from(after), kind)
            }
            None => self.take(1, TokenKind::Sign('*')),
        }
    }

    fn fuzzy(&mut self) -> Option<Token<'a>> {
        let rest = self.rest();
        let signs = rest.bytes().take_while(|&b| b == b'%').count();
        let (word, len) = read_word(&rest[signs..])?;
        let closing = rest[signs + len..].bytes().take_while(|&b| b == b'%').count();
        let fits = (1..=3).contains(&signs) && closing >= signs;
        fits.then(|| self.take(2 * signs + len, TokenKind::Fuzzy(word, signs as u8)))
    }

    /// A text in single quotes that starts `skip` bytes from here.
    fn quoted(&mut self, skip: usize, kind: impl FnOnce(String) -> TokenKind) -> Option<Token<'a>> {
        let body = &self.rest()[skip + 1..];
        let mut escaped = false;
        let mut text = String::new();
        for (at, c) in body.char_indices() {
            match c {
                '\\' if !escaped => {
                    escaped = true;
                    continue;
                }
                '\'' if !escaped => return Some(self.take(skip + at + 2, kind(text))),
                _ => text.push(c),
            }
            escaped = false;
        }
        None
    }

    fn word(&mut self, word: String, len: usize) -> Token<'a> {
        let rest = self.rest();
        if let Some(number) = number_len(rest).filter(|&n| n >= len) {
            let text = rest[..number].to_owned();
            return self.take(number, TokenKind::Number(text));
        }
        if rest[len..].starts_with('*') {
            return self.take(len + 1, TokenKind::Affix { word, before: false, after: true });
        }
        self.take(len, TokenKind::Word(word))
    }

    /// The text up to the first of `ends` outside escapes, which is left in place.
    pub fn until(&mut self, ends: &[char]) -> Token<'a> {
        self.skip_space();
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().find(|&(_, c)| {
            let found = !escaped && ends.contains(&c);
            escaped = !escaped && c == '\\';
            found
        });
        let len = end.map_or(rest.len(), |(at, _)| at);
        let text = unescape(rest[..len].trim_ascii_end());
        self.take(len, TokenKind::Word(text))
    }

    /// Moves past a comma, if one is next.
    pub fn skip_comma(&mut self) {
        self.at += usize::from(self.rest().starts_with(','));
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_ascii_start().len();
    }

    /// Whether only white space is left.
    pub fn at_end(&self) -> bool {
        self.rest().trim_ascii_start().is_empty()
    }
}

/// Reads a word at the start of `text`: its unescaped text and its length as written.
fn read_word(text: &str) -> Option<(String, usize)> {
    let mut word = String::new();
    let mut escaped = false;
    let mut len = 0;
    for c in text.chars() {
        let separates = u8::try_from(c).is_ok_and(|b| b.is_ascii() && is_separator(b));
        if !escaped && c == '\\' {
            escaped = true;
        } else if separates && !escaped {
            break;
        } else {
            escaped = false;
            if !c.is_ascii_control() {
                word.push(c);
            }
        }
        len += c.len_utf8();
    }
    (!word.is_empty()).then_some((word, len))
}

/// Length of the number that `text` starts with, if a separator or the end follows it.
fn number_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |at: usize| bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let whole = digits(at);
    at += whole;
    if whole == 0 {
        return None;
    }
    if bytes.get(at) == Some(&b'.') && digits(at + 1) > 0 {
        at += 1 + digits(at + 1);
    }
    let ends = text[at..].chars().next().is_none_or(|c| {
        c != '*' && c != '\\' && u8::try_from(c).is_ok_and(|b| b.is_ascii() && is_separator(b))
    });
    ends.then_some(at)
}

/// Resolves backslashes.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}
