//! Tree to JSON text, compact or with the INDENT, NEWLINE and SPACE of JSON.GET.
//!
//! Floats are written by `ryu`: shortest text that reads back as the same float, always with a
//! fraction or an exponent. Strings are escaped as little as JSON allows.

use crate::tree::{Ref, Value, View};

/// White space to put into the text; all empty means compact.
#[derive(Clone, Copy, Default)]
pub struct Style<'a> {
    /// Put before every item, once a level.
    pub indent: &'a [u8],
    /// Put behind every opening bracket, comma, and before every closing bracket.
    pub newline: &'a [u8],
    /// Put between a key's colon and its value.
    pub space: &'a [u8],
}

/// Writes documents into a byte buffer.
pub struct Printer<'a> {
    style: Style<'a>,
    out: &'a mut Vec<u8>,
    level: usize,
}

/// The compact text of a node.
pub fn to_string(node: Ref<'_>) -> String {
    let mut out = Vec::new();
    print(node, Style::default(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends the text of a node to `out`.
pub fn print(node: Ref<'_>, style: Style<'_>, out: &mut Vec<u8>) {
    Printer::new(style, out).node(node);
}

/// Compact text that is made a bit at a time, of a node that does not change meanwhile.
#[derive(Default)]
pub struct Sliced {
    /// For each array and object that the text is within, from the outermost on, how many of its
    /// children have begun; `None` before the text begins.
    path: Option<Vec<usize>>,
}

impl Sliced {
    /// Appends the next bit, of about `most` bytes unless a string is longer. False when it was the
    /// last.
    pub fn next(&mut self, root: Ref<'_>, most: usize, out: &mut Vec<u8>) -> bool {
        let mut stack = self.stack(root, out);
        while let Some((node, next)) = stack.last_mut() {
            if out.len() >= most {
                break;
            }
            let (node, at) = (*node, *next);
            *next += 1;
            let Some(child) = node.child(at) else {
                out.push(if let Ref::Array(_) = node { b']' } else { b'}' });
                stack.pop();
                continue;
            };
            if at > 0 {
                out.push(b',');
            }
            if let Ref::Object(object) = node {
                string(object.key(at).unwrap_or_default(), out);
                out.push(b':');
            }
            begin(child, &mut stack, out);
        }
        let path: Vec<usize> = stack.into_iter().map(|(_, next)| next).collect();
        let more = !path.is_empty();
        self.path = Some(path);
        more
    }

    /// The arrays and objects that the text is within, with the number of the next child of each.
    fn stack<'a>(&self, root: Ref<'a>, out: &mut Vec<u8>) -> Vec<(Ref<'a>, usize)> {
        let mut stack = Vec::new();
        let Some(path) = &self.path else {
            begin(root, &mut stack, out);
            return stack;
        };
        let mut node = root;
        for &next in path {
            stack.push((node, next));
            node = next.checked_sub(1).and_then(|at| node.child(at)).unwrap_or(Ref::Null);
        }
        stack
    }
}

/// Appends the text of a scalar, or the beginning of an array or object, which goes on the stack.
fn begin<'a>(node: Ref<'a>, stack: &mut Vec<(Ref<'a>, usize)>, out: &mut Vec<u8>) {
    match node {
        Ref::Array(_) => out.push(b'['),
        Ref::Object(_) => out.push(b'{'),
        scalar => return print(scalar, Style::default(), out),
    }
    stack.push((node, 0));
}

impl<'a> Printer<'a> {
    /// A printer that appends to `out`.
    pub fn new(style: Style<'a>, out: &'a mut Vec<u8>) -> Self {
        Self { style, out, level: 0 }
    }

    /// Writes a node.
    pub fn node(&mut self, node: Ref<'_>) {
        match node {
            Ref::Null => self.out.extend_from_slice(b"null"),
            Ref::Bool(true) => self.out.extend_from_slice(b"true"),
            Ref::Bool(false) => self.out.extend_from_slice(b"false"),
            Ref::Int(int) => self.out.extend_from_slice(itoa::Buffer::new().format(int).as_bytes()),
            Ref::UInt(int) => {
                self.out.extend_from_slice(itoa::Buffer::new().format(int).as_bytes());
            }
            Ref::Float(float) => {
                self.out.extend_from_slice(ryu::Buffer::new().format(float).as_bytes());
            }
            Ref::Str(text) => string(text, self.out),
            Ref::Array(items) => self.list(items.iter()),
            Ref::Object(object) => {
                self.object(object.iter(), |printer, value: &Value| printer.node(value.view()));
            }
        }
    }

    /// Writes an array of nodes.
    pub fn list<'n>(&mut self, items: impl ExactSizeIterator<Item = Ref<'n>>) {
        self.open(b'[');
        let any = items.len() > 0;
        for (at, item) in items.enumerate() {
            self.separate(at);
            self.node(item);
        }
        self.close(b']', any);
    }

    /// Writes an object whose values `write` writes.
    pub fn object<'k, T>(
        &mut self,
        members: impl Iterator<Item = (&'k str, T)>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.open(b'{');
        let mut any = false;
        for (at, (key, value)) in members.enumerate() {
            self.separate(at);
            any = true;
            string(key, self.out);
            self.out.push(b':');
            self.out.extend_from_slice(self.style.space);
            write(self, value);
        }
        self.close(b'}', any);
    }

    fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.level += 1;
    }

    fn separate(&mut self, at: usize) {
        if at > 0 {
            self.out.push(b',');
        }
        self.line();
    }

    fn close(&mut self, bracket: u8, any: bool) {
        self.level -= 1;
        if any {
            self.line();
        }
        self.out.push(bracket);
    }

    fn line(&mut self) {
        self.out.extend_from_slice(self.style.newline);
        if !self.style.indent.is_empty() {
            (0..self.level).for_each(|_| self.out.extend_from_slice(self.style.indent));
        }
    }
}

/// Appends a string in quotes.
pub fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte < b' ' || byte == b'"' || byte == b'\\' {
            out.extend_from_slice(&bytes[plain..at]);
            escape(byte, out);
            plain = at + 1;
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        b'"' | b'\\' => byte,
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend([b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::doc;

    fn styled(text: &str, indent: &str, newline: &str, space: &str) -> String {
        let [indent, newline, space] = [indent, newline, space].map(str::as_bytes);
        let mut out = Vec::new();
        print(doc(text).view(), Style { indent, newline, space }, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn styles_put_white_space_where_redis_json_does() {
        let text = r#"{"a":[1,2,{"b":3}],"c":{},"d":[]}"#;
        assert_eq!(styled(text, "", "", ""), text);
        let pretty = "{\n  \"a\": [\n    1,\n    2,\n    {\n      \"b\": 3\n    }\n  ],\n  \
                      \"c\": {},\n  \"d\": []\n}";
        assert_eq!(styled(text, "  ", "\n", " "), pretty);
        let indented = r#"{>"a":[>>1,>>2,>>{>>>"b":3>>}>],>"c":{},>"d":[]}"#;
        assert_eq!(styled(text, ">", "", ""), indented);
        assert_eq!(styled(text, "", "", "_"), r#"{"a":_[1,2,{"b":_3}],"c":_{},"d":_[]}"#);
    }

    #[test]
    fn strings_are_escaped_as_little_as_possible() {
        let text = "\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\u{7f}\u{2028}é😀\"";
        assert_eq!(styled(text, "", "", ""), text);
    }
}
