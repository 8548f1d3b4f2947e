//! From RedisJSON's notation to RFC 9535's, which is what the full parser reads.
//!
//! RedisJSON allows more: names after a dot that hold `-` or `$` or start with a digit, a dot
//! before a bracket, the operator `=~`, and integers beyond 2⁵³. This pass writes all names in
//! brackets (the full parser would also take blanks into a name after a dot), `=~` as a call of
//! `search()`, and big integers as marked strings. It also enforces the nesting limits, before any
//! recursive code sees the path.

use super::plain::is_name_char;
use super::{MAX_CALLS, MAX_NESTING, PathError};

/// First character of a string that stands for a big integer. It is a noncharacter, and paths
/// that contain it are refused.
pub(super) const BIG_INTEGER: char = '\u{FDD0}';

/// Digits up to which all integers are within the parser's range.
const SAFE_DIGITS: usize = 15;

/// Rewrites a path that starts with `$`.
pub(super) fn to_standard(path: &str) -> Result<String, PathError> {
    if path.contains(BIG_INTEGER) {
        return Err(PathError::syntax(path, "noncharacter U+FDD0"));
    }
    let mut writer = Writer { path, rest: path, out: String::new(), open: vec![Open::default()] };
    while let Some(next) = writer.rest.chars().next() {
        writer.token(next)?;
    }
    if writer.open.len() > 1 {
        return Err(PathError::syntax(path, "bracket or parenthesis is not closed"));
    }
    Ok(writer.out)
}

/// A bracket or parenthesis that is open, or the path itself.
#[derive(Default)]
struct Open {
    closer: char,
    /// Parenthesis of a function call.
    call: bool,
    /// Inside a filter, where numbers are literals and not indexes.
    filter: bool,
    /// Where the current operand starts in the output.
    operand: usize,
    /// A call of `search()` has to be closed behind the current operand.
    searching: bool,
}

struct Writer<'p> {
    path: &'p str,
    rest: &'p str,
    out: String,
    /// Never empty: the path itself is at the bottom.
    open: Vec<Open>,
}

impl Writer<'_> {
    fn token(&mut self, next: char) -> Result<(), PathError> {
        match next {
            '"' | '\'' => self.quoted(next),
            '.' => {
                self.dot();
                Ok(())
            }
            '[' | '(' => self.open(next),
            ']' | ')' => self.close(next),
            '0'..='9' => {
                self.number();
                Ok(())
            }
            _ if next.is_alphabetic() || next == '_' => {
                let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                self.copy(end.unwrap_or(self.rest.len()));
                Ok(())
            }
            _ => {
                self.operator(next);
                Ok(())
            }
        }
    }

    fn copy(&mut self, bytes: usize) {
        let (token, rest) = self.rest.split_at(bytes);
        self.out.push_str(token);
        self.rest = rest;
    }

    fn top(&mut self) -> &mut Open {
        if self.open.is_empty() {
            self.open.push(Open::default());
        }
        let top = self.open.len() - 1;
        &mut self.open[top]
    }

    fn quoted(&mut self, quote: char) -> Result<(), PathError> {
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            if c == quote && !escaped {
                self.copy(at + 1);
                return Ok(());
            }
            escaped = c == '\\' && !escaped;
        }
        Err(PathError::syntax(self.path, "string is not closed"))
    }

    /// One or two dots, and the name behind them.
    fn dot(&mut self) {
        let dots = if self.rest.starts_with("..") { 2 } else { 1 };
        let after = &self.rest[dots..];
        let end = after.find(|c| !is_name_char(c)).unwrap_or(after.len());
        let name = &after[..end];
        if name.is_empty() && !(dots == 1 && after.starts_with('[')) {
            return self.copy(dots);
        }
        if dots == 2 {
            self.out.push_str("..");
        }
        if !name.is_empty() {
            self.out.extend(["['", name, "']"]);
        }
        self.rest = &after[end..];
    }

    fn open(&mut self, bracket: char) -> Result<(), PathError> {
        let call = bracket == '(' && self.out.ends_with(|c: char| c.is_alphanumeric());
        let filter = bracket == '(' && self.top().filter;
        self.copy(1);
        let closer = if bracket == '[' { ']' } else { ')' };
        let operand = self.out.len();
        self.open.push(Open { closer, call, filter, operand, searching: false });
        if self.open.len() > MAX_NESTING + 1 {
            return Err(PathError::Limit { limit: MAX_NESTING, what: "nested brackets" });
        }
        if self.open.iter().filter(|open| open.call).count() > MAX_CALLS {
            return Err(PathError::Limit { limit: MAX_CALLS, what: "nested calls" });
        }
        Ok(())
    }

    fn close(&mut self, bracket: char) -> Result<(), PathError> {
        self.end_operand();
        match self.open.pop() {
            Some(open) if open.closer == bracket => {
                self.copy(1);
                Ok(())
            }
            _ => Err(PathError::syntax(self.path, format!("unexpected '{bracket}'"))),
        }
    }

    fn end_operand(&mut self) {
        if std::mem::take(&mut self.top().searching) {
            let end = self.out.trim_end().len();
            self.out.insert(end, ')');
        }
    }

    fn number(&mut self) {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let fraction = self.rest[digits..].starts_with(['.', 'e', 'E']);
        if !self.top().filter || digits <= SAFE_DIGITS || fraction {
            let mut before = ' ';
            let end = self.rest.find(|c: char| {
                let exponent_sign = matches!(before, 'e' | 'E') && matches!(c, '+' | '-');
                before = c;
                !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E') || exponent_sign)
            });
            return self.copy(end.unwrap_or(self.rest.len()));
        }
        let minus = self.out.ends_with('-');
        if minus {
            self.out.pop();
        }
        self.out.extend(['"', BIG_INTEGER]);
        self.out.push_str(if minus { "-" } else { "" });
        self.copy(digits);
        self.out.push('"');
    }

    fn operator(&mut self, next: char) {
        if self.rest.starts_with("=~") && self.top().filter {
            let start = self.top().operand;
            self.out.insert_str(start, "search(");
            self.out.push(',');
            self.rest = &self.rest[2..];
            self.top().searching = true;
            return;
        }
        let starts_operand = matches!(next, '?' | '!' | '&' | '|' | ',');
        if starts_operand {
            self.end_operand();
        }
        self.top().filter |= next == '?';
        self.copy(next.len_utf8());
        if starts_operand || (next == ' ' && self.top().operand == self.out.len() - 1) {
            self.top().operand = self.out.len();
        }
    }
}
