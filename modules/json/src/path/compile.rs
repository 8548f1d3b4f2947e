//! Lowers what `jsonpath-rust` parsed to the form that `eval` runs, and checks what its grammar
//! leaves open: which functions exist, and which kinds of arguments they take.

use super::PathError;
use super::ast::{Comparison, Condition, Operand, Query, Scope, Segment, Selector};
use super::dialect::BIG_INTEGER;
use super::pattern::Pattern;
use crate::tree::Value;
use jsonpath_rust::parser::model as source;
use jsonpath_rust::parser::parse_json_path;

/// Why lowering failed; the path's text is added by [`query`].
type Reason = &'static str;

/// Parses a standard path. Errors show `original`, which is what the client wrote.
pub(super) fn query(standard: &str, original: &str) -> Result<Query, PathError> {
    let parsed = parse_json_path(standard)
        .map_err(|_| PathError::syntax(original, "not a valid JSONPath"))?;
    segments(&parsed.segments).map_err(|reason| PathError::syntax(original, reason))
}

fn segments(source: &[source::Segment]) -> Result<Query, Reason> {
    Ok(Query::new(source.iter().map(|part| segment(part, false)).collect::<Result<_, _>>()?))
}

fn segment(source: &source::Segment, descend: bool) -> Result<Segment, Reason> {
    let selectors = match source {
        source::Segment::Descendant(inner) if !descend => return segment(inner, true),
        source::Segment::Descendant(_) => return Err("descendants of descendants"),
        source::Segment::Selector(one) => vec![selector(one)?],
        source::Segment::Selectors(many) => many.iter().map(selector).collect::<Result<_, _>>()?,
    };
    Ok(Segment { descend, selectors })
}

fn selector(source: &source::Selector) -> Result<Selector, Reason> {
    Ok(match source {
        source::Selector::Name(name) => Selector::Name(name.as_str().into()),
        source::Selector::Wildcard => Selector::Wildcard,
        source::Selector::Index(index) => Selector::Index(*index),
        source::Selector::Slice(start, end, step) => Selector::Slice(*start, *end, *step),
        source::Selector::Filter(filter) => Selector::Filter(condition(filter)?),
    })
}

fn condition(source: &source::Filter) -> Result<Condition, Reason> {
    let all = |parts: &[source::Filter]| parts.iter().map(condition).collect::<Result<_, _>>();
    Ok(match source {
        source::Filter::Or(parts) => Condition::Any(all(parts)?),
        source::Filter::And(parts) => Condition::All(all(parts)?),
        source::Filter::Atom(atom) => return self::atom(atom),
    })
}

fn atom(source: &source::FilterAtom) -> Result<Condition, Reason> {
    let (inner, not) = match source {
        source::FilterAtom::Filter { expr, not } => (condition(expr)?, *not),
        source::FilterAtom::Test { expr, not } => (test(expr)?, *not),
        source::FilterAtom::Comparison(comparison) => (compare(comparison)?, false),
    };
    Ok(if not { Condition::Not(Box::new(inner)) } else { inner })
}

fn test(source: &source::Test) -> Result<Condition, Reason> {
    use source::TestFunction::{Match, Search};
    if let Some((scope, query)) = nodes(source)? {
        return Ok(Condition::Exists(scope, query));
    }
    let source::Test::Function(function) = source else { return Err("not a test") };
    let (subject, pattern, whole) = match &**function {
        Match(subject, pattern) => (subject, pattern, true),
        Search(subject, pattern) => (subject, pattern, false),
        _ => return Err("the function's result must be compared"),
    };
    let pattern = match argument(pattern)? {
        Operand::Literal(literal) => {
            literal.as_str().map_or(Pattern::Invalid, |text| Pattern::literal(text, whole))
        }
        other => Pattern::Dynamic(Box::new(other)),
    };
    Ok(Condition::Matches(argument(subject)?, pattern, whole))
}

/// The query that a test is, if it is one.
fn nodes(source: &source::Test) -> Result<Option<(Scope, Query)>, Reason> {
    Ok(match source {
        source::Test::RelQuery(parts) => Some((Scope::Current, segments(parts)?)),
        source::Test::AbsQuery(query) => Some((Scope::Root, segments(&query.segments)?)),
        source::Test::Function(_) => None,
    })
}

fn compare(source: &source::Comparison) -> Result<Condition, Reason> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let comparison = match source {
        source::Comparison::Eq(..) => Equal,
        source::Comparison::Ne(..) => NotEqual,
        source::Comparison::Gt(..) => Greater,
        source::Comparison::Gte(..) => GreaterOrEqual,
        source::Comparison::Lt(..) => Less,
        source::Comparison::Lte(..) => LessOrEqual,
    };
    let (left, right) = source.vals();
    Ok(Condition::Compare(comparison, operand(left)?, operand(right)?))
}

fn operand(source: &source::Comparable) -> Result<Operand, Reason> {
    match source {
        source::Comparable::Literal(value) => literal(value),
        source::Comparable::Function(called) => function(called),
        source::Comparable::SingularQuery(query) => {
            let (scope, parts) = match query {
                source::SingularQuery::Current(parts) => (Scope::Current, parts),
                source::SingularQuery::Root(parts) => (Scope::Root, parts),
            };
            let steps = parts.iter().map(|part| match part {
                source::SingularQuerySegment::Index(index) => Selector::Index(*index),
                source::SingularQuerySegment::Name(name) => Selector::Name(name.as_str().into()),
            });
            Ok(Operand::Node(scope, Query::new(steps.map(Segment::child).collect())))
        }
    }
}

fn literal(source: &source::Literal) -> Result<Operand, Reason> {
    let value = match source {
        source::Literal::Int(int) => Some(Value::int(*int)),
        source::Literal::Float(float) => Value::float(*float),
        source::Literal::Bool(bool) => Some(Value::bool(*bool)),
        source::Literal::Null => Some(Value::NULL),
        source::Literal::String(text) => match text.strip_prefix(BIG_INTEGER) {
            Some(digits) => crate::parse::parse(digits.as_bytes()).ok(),
            None => Some(Value::string(text)),
        },
    };
    value.map(Operand::Literal).ok_or("number out of range")
}

/// A function whose result is a value.
fn function(source: &source::TestFunction) -> Result<Operand, Reason> {
    use source::TestFunction::{Count, Length, Value};
    let query_of = |argument: &source::FnArg| match argument {
        source::FnArg::Test(test) => nodes(test)?.ok_or("the function takes a query"),
        _ => Err("the function takes a query"),
    };
    Ok(match source {
        Length(value) => Operand::Length(Box::new(argument(value)?)),
        Count(query) => {
            let (scope, query) = query_of(query)?;
            Operand::Count(scope, query)
        }
        Value(query) => {
            let (scope, query) = query_of(query)?;
            Operand::Node(scope, query)
        }
        _ => return Err("no function of that name gives a value"),
    })
}

/// A function's argument that must be a value.
fn argument(source: &source::FnArg) -> Result<Operand, Reason> {
    match source {
        source::FnArg::Literal(value) => literal(value),
        source::FnArg::Filter(_) => Err("the function takes a value, not a condition"),
        source::FnArg::Test(test) => match (&**test, nodes(test)?) {
            (_, Some((scope, query))) if query.is_single() => Ok(Operand::Node(scope, query)),
            (source::Test::Function(called), _) => function(called),
            _ => Err("the function takes a query for one node"),
        },
    }
}
