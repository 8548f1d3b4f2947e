//! A recursive-descent parser of the query language.
//!
//! From dialect 2 on, alternatives bind loosest, then juxtaposition, and `-`, `~` and `@field:`
//! apply to the next atom. In dialect 1 `-` and `~` apply to all that follows them in their group,
//! a field to the plain words after it, and alternatives bind closer than juxtaposition.

use super::ast::{Attributes, Node, NodeKind, TagMatch};
use super::lexer::{Lexer, Token, TokenKind, unescape};
use super::{Dialect, MAX_DEPTH, MAX_NODES, MAX_QUERY_LENGTH};
use crate::analysis::normalize;
use crate::number::{Number, Range};
use crate::schema::{FieldId, FieldKind, FieldMask, Schema};
use std::collections::HashMap;

/// Why a query was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// The text doesn't follow the grammar.
    #[error("Syntax error at offset {offset} near {near}")]
    Syntax {
        /// Byte offset of the offending token.
        offset: usize,
        /// The last word before it.
        near: String,
    },
    /// A parameter that was not given.
    #[error("No such parameter `{0}`")]
    NoSuchParameter(String),
    /// An attribute's value can't be read.
    #[error("Invalid value ({value}) for `{name}`")]
    InvalidAttributeValue {
        /// The attribute.
        name: String,
        /// The value given.
        value: String,
    },
    /// An attribute that doesn't exist.
    #[error("Invalid attribute {0}")]
    InvalidAttribute(String),
    /// Longer than [`MAX_QUERY_LENGTH`], deeper than [`MAX_DEPTH`] or larger than [`MAX_NODES`].
    #[error("Query is too complex")]
    TooComplex,
}

/// What the parser needs to know beside the text.
#[derive(Debug, Clone)]
pub struct ParseOptions<'a> {
    /// Names, types and stop words.
    pub schema: &'a Schema,
    /// The language's dialect.
    pub dialect: Dialect,
    /// Words are not expanded by their stems.
    pub verbatim: bool,
    /// Stop words count as words.
    pub no_stop_words: bool,
    /// Values of `$name`.
    pub parameters: HashMap<String, String>,
    /// TEXT fields that terms without a field are looked up in.
    pub fields: FieldMask,
}

impl<'a> ParseOptions<'a> {
    /// Dialect 1 over all fields.
    pub fn new(schema: &'a Schema) -> Self {
        Self {
            schema,
            dialect: Dialect::default(),
            verbatim: false,
            no_stop_words: false,
            parameters: HashMap::new(),
            fields: FieldMask::MAX,
        }
    }

    /// The same in another dialect.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }
}

/// Parses a query.
pub fn parse(text: &str, options: &ParseOptions<'_>) -> Result<Node, QueryError> {
    if text.len() > MAX_QUERY_LENGTH {
        return Err(QueryError::TooComplex);
    }
    let mut lexer = Lexer::new(text, options.dialect.is_modern());
    if lexer.at_end() {
        return Ok(Node::new(NodeKind::Nothing));
    }
    let token = lexer.token();
    let mut parser =
        Parser { options, lexer, token, last: 0, near: String::new(), depth: 0, nodes: 0 };
    parser.note();
    let root = parser.root()?;
    let mut root = root.unwrap_or_else(|| Node::new(NodeKind::Nothing));
    limit_stems(&mut root, !options.verbatim);
    Ok(root)
}

/// `Ok(None)` stands for an expression that stop words left empty.
type Parsed = Result<Option<Node>, QueryError>;

struct Parser<'a> {
    options: &'a ParseOptions<'a>,
    lexer: Lexer<'a>,
    token: Token<'a>,
    /// Start of the last token taken, for errors at the end of the text.
    last: usize,
    near: String,
    depth: usize,
    nodes: usize,
}

impl<'a> Parser<'a> {
    fn modern(&self) -> bool {
        self.options.dialect.is_modern()
    }

    /// Remembers the current token's text for errors.
    fn note(&mut self) {
        let text = match &self.token.kind {
            TokenKind::Word(_) | TokenKind::Number(_) => self.token.text,
            TokenKind::Affix { word, .. }
            | TokenKind::Field(word)
            | TokenKind::Parameter(word)
            | TokenKind::Fuzzy(word, _)
            | TokenKind::Verbatim(word)
            | TokenKind::Wildcard(word) => word.as_str(),
            _ => return,
        };
        self.near = text.to_owned();
    }

    fn bump(&mut self) -> Token<'a> {
        self.last = self.token.start;
        let next = self.lexer.token();
        let taken = std::mem::replace(&mut self.token, next);
        self.note();
        taken
    }

    fn error(&self) -> QueryError {
        let at_end = self.token.kind == TokenKind::End;
        let offset = if at_end { self.last } else { self.token.start };
        QueryError::Syntax { offset, near: self.near.clone() }
    }

    fn is(&self, sign: char) -> bool {
        self.token.kind == TokenKind::Sign(sign)
    }

    fn eat(&mut self, sign: char) -> bool {
        let found = self.is(sign);
        if found {
            self.bump();
        }
        found
    }

    fn expect(&mut self, sign: char) -> Result<(), QueryError> {
        if self.eat(sign) { Ok(()) } else { Err(self.error()) }
    }

    fn node(&mut self, kind: NodeKind) -> Result<Node, QueryError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(QueryError::TooComplex);
        }
        Ok(Node { fields: self.options.fields, ..Node::new(kind) })
    }

    fn deeper<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        if self.depth >= MAX_DEPTH {
            return Err(QueryError::TooComplex);
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn root(&mut self) -> Parsed {
        let whole =
            if self.eat('*') { Some(self.node(NodeKind::All)?) } else { self.alternatives()? };
        if self.token.kind != TokenKind::End {
            return Err(self.error());
        }
        Ok(whole)
    }

    /// A whole expression: `a b | c` in either reading.
    fn alternatives(&mut self) -> Parsed {
        if self.modern() { self.modern_union() } else { self.legacy_conjunction() }
    }

    /// `a | b | …`
    fn modern_union(&mut self) -> Parsed {
        let mut all = Vec::new();
        let mut plain = true;
        loop {
            // After two alternatives without a field, RediSearch's grammar lets no field into a
            // further one: the field ends the union, which becomes one of several conditions.
            let closed = plain && all.len() >= 2;
            let (part, has_field) = self.conjunction(None, closed)?;
            all.push(part);
            plain &= !has_field;
            if closed && matches!(self.token.kind, TokenKind::Field(_)) {
                let union = self.gather(std::mem::take(&mut all), NodeKind::Or)?;
                let (whole, _) = self.conjunction(Some(union), false)?;
                all.push(whole);
                plain = false;
            }
            if !self.eat('|') {
                return self.gather(all, NodeKind::Or);
            }
        }
    }

    /// `a b …`, after what has been read of it already; whether a field stands in it. If `closed`,
    /// it ends before a field.
    fn conjunction(
        &mut self,
        first: Option<Option<Node>>,
        closed: bool,
    ) -> Result<(Option<Node>, bool), QueryError> {
        let mut has_field = false;
        let mut all: Vec<Option<Node>> = first.into_iter().collect();
        while all.is_empty() || self.starts_item() {
            if matches!(self.token.kind, TokenKind::Field(_)) {
                if closed && all.is_empty() {
                    return Err(self.error());
                }
                if closed {
                    break;
                }
                has_field = true;
            }
            all.push(self.item()?);
        }
        Ok((self.gather(all, NodeKind::And)?, has_field))
    }

    /// Alternatives of `part`.
    fn union(&mut self, part: fn(&mut Self) -> Parsed) -> Parsed {
        let mut all = vec![part(self)?];
        while self.eat('|') {
            all.push(part(self)?);
        }
        self.gather(all, NodeKind::Or)
    }

    /// Dialect 1: alternatives of units bind closer than juxtaposition, and plain words side by
    /// side are one unit.
    fn legacy_conjunction(&mut self) -> Parsed {
        let mut all = vec![self.union(Self::unit)?];
        while self.starts_item() {
            all.push(self.union(Self::unit)?);
        }
        self.gather(all, NodeKind::And)
    }

    fn unit(&mut self) -> Parsed {
        if !self.at_word() {
            return self.item();
        }
        let mut words = Vec::new();
        while self.at_word() {
            words.push(self.item()?);
        }
        self.gather(words, NodeKind::And)
    }

    fn at_word(&self) -> bool {
        matches!(self.token.kind, TokenKind::Word(_) | TokenKind::Number(_))
    }

    /// Joins parts of one kind. A group of that kind that comes first takes in what follows it,
    /// attributes and all, unless it was limited to fields.
    fn gather(&mut self, mut all: Vec<Option<Node>>, kind: fn(Vec<Node>) -> NodeKind) -> Parsed {
        let all_fields = self.options.fields;
        let takes_in = |node: &Node| {
            let same = std::mem::discriminant(&node.kind) == std::mem::discriminant(&kind(vec![]));
            same && node.fields == all_fields
        };
        if all.len() < 2 || !all[0].as_ref().is_some_and(takes_in) {
            return self.join(all, kind);
        }
        let rest: Vec<Node> = all.drain(1..).flatten().collect();
        let mut group = all.pop().flatten();
        if let Some(NodeKind::And(children) | NodeKind::Or(children)) =
            group.as_mut().map(|g| &mut g.kind)
        {
            children.extend(rest);
        }
        Ok(group)
    }

    fn join(&mut self, all: Vec<Option<Node>>, kind: fn(Vec<Node>) -> NodeKind) -> Parsed {
        let mut kept: Vec<Node> = all.into_iter().flatten().collect();
        match kept.len() {
            0 => Ok(None),
            1 => Ok(kept.pop()),
            _ => self.node(kind(kept)).map(Some),
        }
    }

    fn starts_item(&self) -> bool {
        match &self.token.kind {
            TokenKind::Sign(sign) => matches!(sign, '(' | '"' | '-' | '~'),
            TokenKind::Arrow | TokenKind::Compare(_) | TokenKind::End => false,
            _ => true,
        }
    }

    /// What an operator applies to: in dialect 1 all the rest of the group.
    fn operand(&mut self) -> Parsed {
        if self.modern() { self.item() } else { self.alternatives() }
    }

    /// An atom with operators before it and attributes after it.
    fn item(&mut self) -> Parsed {
        self.deeper(|parser| {
            if parser.eat('-') {
                let inner = parser.operand()?;
                return parser.wrap(inner, NodeKind::Not);
            }
            if parser.eat('~') {
                let inner = parser.operand()?;
                return parser.wrap(inner, NodeKind::Optional);
            }
            let atom = parser.atom()?;
            parser.attributes(atom)
        })
    }

    fn wrap(&mut self, inner: Option<Node>, kind: fn(Box<Node>) -> NodeKind) -> Parsed {
        inner.map(|node| self.node(kind(Box::new(node)))).transpose()
    }

    fn atom(&mut self) -> Parsed {
        let kind = match &self.token.kind {
            TokenKind::Sign('(') => return self.group(),
            TokenKind::Sign('"') => return self.phrase(),
            TokenKind::Field(_) => return self.modifier(),
            TokenKind::Word(word) => {
                let word = normalize(word);
                if self.is_stop_word(&word) {
                    self.bump();
                    return Ok(None);
                }
                NodeKind::Term { word, expand: true }
            }
            // Dialect 2 knows numbers, and doesn't stem them.
            TokenKind::Number(number) => {
                NodeKind::Term { word: number.clone(), expand: !self.modern() }
            }
            TokenKind::Parameter(name) if self.modern() => {
                NodeKind::Term { word: normalize(self.parameter(name)?), expand: true }
            }
            TokenKind::Affix { word, before, after } => affix(normalize(word), *before, *after),
            TokenKind::Fuzzy(word, distance) => NodeKind::Fuzzy(normalize(word), *distance),
            TokenKind::Wildcard(pattern) => NodeKind::Wildcard(normalize(pattern)),
            _ => return Err(self.error()),
        };
        self.bump();
        self.node(kind).map(Some)
    }

    fn is_stop_word(&self, word: &str) -> bool {
        !self.options.no_stop_words && self.options.schema.analyzer().stop_words().contains(word)
    }

    fn parameter(&self, name: &str) -> Result<&'a str, QueryError> {
        let value = self.options.parameters.get(name).map(String::as_str);
        value.ok_or_else(|| QueryError::NoSuchParameter(name.to_owned()))
    }

    fn group(&mut self) -> Parsed {
        self.expect('(')?;
        let inner = self.alternatives()?;
        self.expect(')')?;
        Ok(inner)
    }

    fn phrase(&mut self) -> Parsed {
        self.expect('"')?;
        let mut words = Vec::new();
        while !self.is('"') {
            let word = match &self.token.kind {
                TokenKind::Word(word) => normalize(word),
                TokenKind::Number(number) => number.clone(),
                TokenKind::Parameter(name) if self.modern() => normalize(self.parameter(name)?),
                _ => return Err(self.error()),
            };
            if !self.modern() && self.is_stop_word(&word) {
                return Err(self.error());
            }
            words.push(word);
            self.bump();
        }
        if words.is_empty() {
            return Err(self.error());
        }
        self.bump();
        self.node(NodeKind::Phrase(words)).map(Some)
    }

    /// `@name:…`, `@a|b:…` or a comparison.
    fn modifier(&mut self) -> Parsed {
        let mut names = Vec::new();
        while let TokenKind::Field(name) | TokenKind::Word(name) = &self.token.kind {
            names.push(name.clone());
            self.bump();
            if !self.eat('|') {
                break;
            }
        }
        if let (TokenKind::Compare(sign), true) = (&self.token.kind, self.modern()) {
            let sign = *sign;
            return self.comparison(&names, sign);
        }
        if !self.is(':') {
            return Err(self.error());
        }
        // What follows the colon is read by the parser that the bracket calls for.
        match self.lexer.clone().token().kind {
            TokenKind::Sign('{') => self.tags(&names),
            TokenKind::Sign('[') => self.range(&names),
            _ => self.in_fields(&names),
        }
    }

    fn field(&self, names: &[String]) -> Option<FieldId> {
        names.first().and_then(|name| self.options.schema.find(name))
    }

    fn in_fields(&mut self, names: &[String]) -> Parsed {
        self.expect(':')?;
        let schema = self.options.schema;
        let masks = names.iter().filter_map(|n| schema.find(n)).map(|id| schema.mask_of(id));
        let mask = masks.fold(0, |all, m| all | m);
        let inner = if self.modern() {
            self.deeper(Self::field_operand)?
        } else {
            self.deeper(Self::legacy_field_operand)?
        };
        Ok(inner.map(|mut node| {
            restrict(&mut node, mask);
            node
        }))
    }

    /// What a field applies to from dialect 2 on: an atom, perhaps negated.
    fn field_operand(&mut self) -> Parsed {
        if self.is('-') || self.is('~') { self.item() } else { self.atom() }
    }

    /// What a field applies to in dialect 1: alternatives of plain words, or an atom.
    fn legacy_field_operand(&mut self) -> Parsed {
        if self.at_word() { self.union(Self::unit) } else { self.field_operand() }
    }

    fn tags(&mut self, names: &[String]) -> Parsed {
        let field = self.field(names);
        self.bump();
        // The current token is now the brace; the lexer stands behind it.
        let mut matches = Vec::new();
        loop {
            let token = self.lexer.until(&['|', '}']);
            let (start, raw) = (token.start, token.text);
            let TokenKind::Word(value) = token.kind else { return Err(self.error()) };
            if value.is_empty() {
                self.bump();
                return Err(self.error());
            }
            self.near = value.clone();
            matches.push(self.tag(raw.trim_ascii(), value)?);
            let ended = self.lexer.token();
            self.last = start;
            match ended.kind {
                TokenKind::Sign('|') => {}
                TokenKind::Sign('}') => break,
                _ => {
                    self.token = ended;
                    return Err(self.error());
                }
            }
        }
        self.bump();
        let schema = self.options.schema;
        let kind = field.and_then(|id| schema.field(id)).map(|f| &f.kind);
        let kind = match (field, kind) {
            (Some(id), Some(FieldKind::Tag(_))) => NodeKind::Tag(id, matches),
            _ => NodeKind::Nothing,
        };
        self.node(kind).map(Some)
    }

    /// One alternative between braces.
    fn tag(&self, raw: &str, value: String) -> Result<TagMatch, QueryError> {
        if raw.len() >= 2 && raw.starts_with('"') && raw.ends_with('"') {
            return Ok(TagMatch::Value(value[1..value.len() - 1].to_owned()));
        }
        if self.modern() {
            if let Some(name) = raw.strip_prefix('$') {
                return self.parameter(name).map(|v| TagMatch::Value(v.to_owned()));
            }
            if let Some(pattern) = raw.strip_prefix("w'").and_then(|r| r.strip_suffix('\'')) {
                return Ok(TagMatch::Wildcard(unescape(pattern)));
            }
        }
        let before = raw.strip_prefix('*');
        let after = before.unwrap_or(raw).strip_suffix('*').filter(|t| !t.ends_with('\\'));
        Ok(match (before, after) {
            (Some(_), Some(text)) => TagMatch::Infix(unescape(text)),
            (Some(text), None) => TagMatch::Suffix(unescape(text)),
            (None, Some(text)) => TagMatch::Prefix(unescape(text)),
            (None, None) => TagMatch::Value(value),
        })
    }

    fn range(&mut self, names: &[String]) -> Parsed {
        let field = self.field(names);
        self.bump();
        let (min, min_inclusive) = self.bound(&[' ', ',', ']', '\t', '\n'])?;
        let (max, max_inclusive) = self.bound(&[' ', ']', '\t', '\n'])?;
        self.lexer_expect(']')?;
        self.bump();
        let range = Range { min, max, min_inclusive, max_inclusive };
        self.numeric(field, range).map(Some)
    }

    fn numeric(&mut self, field: Option<FieldId>, range: Range) -> Result<Node, QueryError> {
        let schema = self.options.schema;
        let is_numeric =
            |id: &FieldId| schema.field(*id).is_some_and(|f| matches!(f.kind, FieldKind::Numeric));
        match field.filter(is_numeric) {
            Some(id) => self.node(NodeKind::Numeric(id, range)),
            None => self.node(NodeKind::Nothing),
        }
    }

    /// One end of a range and whether it belongs to it.
    fn bound(&mut self, ends: &[char]) -> Result<(Number, bool), QueryError> {
        let token = self.lexer.until(ends);
        let text = token.text.trim_ascii();
        if text.is_empty() {
            return Err(QueryError::Syntax { offset: self.last, near: self.near.clone() });
        }
        let (text, inclusive) = text.strip_prefix('(').map_or((text, true), |rest| (rest, false));
        self.near = text.to_owned();
        self.last = token.start;
        let value = match text.strip_prefix('$').filter(|_| self.modern()) {
            Some(name) => self.parameter(name)?,
            None => text,
        };
        let value = value.strip_prefix('+').unwrap_or(value);
        self.lexer.skip_comma();
        match Number::parse(value) {
            Some(number) => Ok((number, inclusive)),
            None => Err(QueryError::Syntax { offset: token.start, near: text.to_owned() }),
        }
    }

    fn lexer_expect(&mut self, sign: char) -> Result<(), QueryError> {
        let token = self.lexer.token();
        if token.kind == TokenKind::Sign(sign) {
            return Ok(());
        }
        self.token = token;
        Err(self.error())
    }

    fn comparison(&mut self, names: &[String], sign: &str) -> Parsed {
        let field = self.field(names);
        // The current token is the sign; the lexer stands behind it.
        let (value, _) = self.bound(&[' ', ')', '|', '\t', '\n'])?;
        self.bump();
        let range = match sign {
            "==" | "!=" => Range::closed(value, value),
            "<" => Range { max: value, max_inclusive: false, ..Range::ALL },
            "<=" => Range { max: value, ..Range::ALL },
            ">" => Range { min: value, min_inclusive: false, ..Range::ALL },
            _ => Range { min: value, ..Range::ALL },
        };
        let node = self.numeric(field, range)?;
        if sign == "!=" { self.wrap(Some(node), NodeKind::Not) } else { Ok(Some(node)) }
    }

    /// `=> { $name: value; … }` after an atom.
    fn attributes(&mut self, atom: Option<Node>) -> Parsed {
        if self.token.kind != TokenKind::Arrow {
            return Ok(atom);
        }
        self.bump();
        let mut attributes = Attributes::default();
        if !self.is('{') {
            return Err(self.error());
        }
        loop {
            let name = self.lexer.until(&[':', '}', ';']);
            if name.text.trim_ascii().is_empty() && self.closes() {
                break;
            }
            self.lexer_expect(':')?;
            let value = self.lexer.until(&[';', '}']);
            set_attribute(&mut attributes, name.text.trim_ascii(), value.text.trim_ascii())?;
            if self.closes() {
                break;
            }
            self.lexer_expect(';')?;
        }
        self.lexer_expect('}')?;
        self.bump();
        Ok(atom.map(|node| Node { attributes, ..node }))
    }

    /// Whether the lexer stands before a closing brace.
    fn closes(&self) -> bool {
        self.lexer.clone().token().kind == TokenKind::Sign('}')
    }
}

fn affix(word: String, before: bool, after: bool) -> NodeKind {
    match (before, after) {
        (true, true) => NodeKind::Infix(word),
        (true, false) => NodeKind::Suffix(word),
        (false, _) => NodeKind::Prefix(word),
    }
}

fn set_attribute(into: &mut Attributes, name: &str, value: &str) -> Result<(), QueryError> {
    let name = name.strip_prefix('$').unwrap_or(name);
    let invalid = || QueryError::InvalidAttributeValue { name: name.into(), value: value.into() };
    let flag = || match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(invalid()),
    };
    match name.to_ascii_lowercase().as_str() {
        "weight" => {
            let weight = value.parse().ok().filter(|w: &f64| w.is_finite() && *w >= 0.0);
            into.weight = weight.ok_or_else(invalid)?;
        }
        "slop" => {
            let slop = value.parse::<i64>().map_err(|_| invalid())?;
            into.slop = u32::try_from(slop).ok();
        }
        "inorder" => into.in_order = flag()?,
        "phonetic" => into.phonetic = Some(flag()?),
        _ => return Err(QueryError::InvalidAttribute(name.to_owned())),
    }
    Ok(())
}

/// Limits a tree to the fields of `mask`. Depth is bounded by the parser.
fn restrict(node: &mut Node, mask: FieldMask) {
    node.fields &= mask;
    match &mut node.kind {
        NodeKind::And(children) | NodeKind::Or(children) => {
            children.iter_mut().for_each(|child| restrict(child, mask));
        }
        NodeKind::Not(child) | NodeKind::Optional(child) => restrict(child, mask),
        _ => {}
    }
}

/// Keeps stems to the terms that only conjunctions and alternatives lead to.
fn limit_stems(node: &mut Node, allowed: bool) {
    match &mut node.kind {
        NodeKind::Term { expand, .. } => *expand &= allowed,
        NodeKind::And(children) | NodeKind::Or(children) => {
            children.iter_mut().for_each(|child| limit_stems(child, allowed));
        }
        NodeKind::Not(child) | NodeKind::Optional(child) => limit_stems(child, false),
        _ => {}
    }
}
