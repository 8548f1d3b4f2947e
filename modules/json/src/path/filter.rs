//! Filters: RFC 9535's logical expressions, comparisons and functions.

use super::PathError;
use super::ast::{Comparison, Condition, Operand, Query, Scope};
use super::eval::{self, Go, Scene};
use super::pattern::{self, Pattern};
use crate::tree::{Ref, View};
use regex::Regex;
use std::cmp::Ordering;

/// What compiling a pattern costs, in visited nodes: a bad one takes milliseconds.
const COMPILE_COST: u64 = 20_000;

/// Whether a condition holds for a node.
pub(super) fn holds<'t>(
    condition: &Condition,
    node: Ref<'t>,
    scene: &Scene<'t>,
) -> Result<bool, PathError> {
    match condition {
        Condition::Any(parts) => some(parts, |part| holds(part, node, scene)),
        Condition::All(parts) => Ok(!some(parts, |part| Ok(!holds(part, node, scene)?))?),
        Condition::Not(inner) => Ok(!holds(inner, node, scene)?),
        Condition::Exists(scope, query) => Ok(select(*scope, query, node, scene, 1)?.0 > 0),
        Condition::Compare(comparison, left, right) => {
            let (left, right) = (value(left, node, scene)?, value(right, node, scene)?);
            Ok(compare(*comparison, left, right))
        }
        Condition::Matches(subject, pattern, whole) => {
            let Some(Ref::Str(subject)) = value(subject, node, scene)? else { return Ok(false) };
            let matches = |regex: &Regex| regex.is_match(subject);
            scene.spend(subject.len() as u64 / 64)?;
            match pattern {
                Pattern::Compiled(regex) => Ok(matches(regex)),
                Pattern::Invalid => Ok(false),
                Pattern::Dynamic(operand) => {
                    scene.spend(COMPILE_COST)?;
                    let Some(Ref::Str(text)) = value(operand, node, scene)? else {
                        return Ok(false);
                    };
                    Ok(pattern::compile(text, *whole).is_some_and(|regex| matches(&regex)))
                }
            }
        }
    }
}

fn some(
    parts: &[Condition],
    mut test: impl FnMut(&Condition) -> Result<bool, PathError>,
) -> Result<bool, PathError> {
    for part in parts {
        if test(part)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many nodes a query selects, counted up to `most`, and the last of these.
fn select<'t>(
    scope: Scope,
    query: &Query,
    node: Ref<'t>,
    scene: &Scene<'t>,
    most: usize,
) -> Result<(usize, Option<Ref<'t>>), PathError> {
    let start = if scope == Scope::Root { scene.root } else { node };
    if query.is_single() {
        let found = eval::follow(query, start);
        return Ok((usize::from(found.is_some()), found));
    }
    let mut found = (0, None);
    eval::visit(query, start, scene, &mut |node, _| {
        found = (found.0 + 1, Some(node));
        if found.0 < most { Go::On } else { Go::Stop }
    })?;
    Ok(found)
}

/// The value of an operand; `None` is RFC 9535's Nothing.
fn value<'v, 't: 'v>(
    operand: &'v Operand,
    node: Ref<'t>,
    scene: &Scene<'t>,
) -> Result<Option<Ref<'v>>, PathError> {
    Ok(match operand {
        Operand::Literal(literal) => Some(literal.view()),
        Operand::Node(scope, query) => match select(*scope, query, node, scene, 2)? {
            (1, found) => found,
            _ => None,
        },
        Operand::Count(scope, query) => {
            let count = select(*scope, query, node, scene, usize::MAX)?.0;
            Some(Ref::Int(count as i64))
        }
        Operand::Length(inner) => match value(inner, node, scene)? {
            Some(Ref::Str(text)) => Some(Ref::Int(text.chars().count() as i64)),
            Some(other @ (Ref::Array(_) | Ref::Object(_))) => {
                Some(Ref::Int(other.child_count() as i64))
            }
            _ => None,
        },
    })
}

fn compare(comparison: Comparison, left: Option<Ref<'_>>, right: Option<Ref<'_>>) -> bool {
    let order = |wanted: &[Ordering]| {
        let order = left.zip(right).and_then(|(left, right)| ordering(left, right));
        order.is_some_and(|order| wanted.contains(&order))
    };
    let equal = || match (left, right) {
        (Some(left), Some(right)) => equal(left, right),
        (None, None) => true,
        _ => false,
    };
    match comparison {
        Comparison::Equal => equal(),
        Comparison::NotEqual => !equal(),
        Comparison::Less => order(&[Ordering::Less]),
        Comparison::Greater => order(&[Ordering::Greater]),
        Comparison::LessOrEqual => order(&[Ordering::Less]) || equal(),
        Comparison::GreaterOrEqual => order(&[Ordering::Greater]) || equal(),
    }
}

/// Order of two numbers or two strings; other values have none.
fn ordering(left: Ref<'_>, right: Ref<'_>) -> Option<Ordering> {
    match (left, right) {
        (Ref::Str(left), Ref::Str(right)) => Some(left.cmp(right)),
        _ => Some(order_numbers(Number::of(left)?, Number::of(right)?)),
    }
}

/// Whether two values are equal; numbers are if their mathematical values are.
fn equal(left: Ref<'_>, right: Ref<'_>) -> bool {
    match (left, right) {
        (Ref::Array(a), Ref::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b))
        }
        (Ref::Object(a), Ref::Object(b)) => {
            let same = |(key, value): (&str, &crate::tree::Value)| {
                b.get(key).is_some_and(|other| equal(value.view(), other.view()))
            };
            a.len() == b.len() && a.iter().all(same)
        }
        (Ref::Null, Ref::Null) => true,
        (Ref::Bool(a), Ref::Bool(b)) => a == b,
        _ => ordering(left, right) == Some(Ordering::Equal),
    }
}

#[derive(Clone, Copy)]
enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    fn of(node: Ref<'_>) -> Option<Self> {
        match node {
            Ref::Int(int) => Some(Self::Int(int.into())),
            Ref::UInt(int) => Some(Self::Int(int.into())),
            Ref::Float(float) => Some(Self::Float(float)),
            _ => None,
        }
    }
}

/// Exact order, without rounding integers to floats.
fn order_numbers(left: Number, right: Number) -> Ordering {
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => left.cmp(&right),
        (Number::Float(left), Number::Float(right)) => {
            left.partial_cmp(&right).unwrap_or(Ordering::Equal)
        }
        (Number::Int(int), Number::Float(float)) => {
            // Integers have 64 bits, so a float that saturates is beyond all of them.
            int.cmp(&(float.trunc() as i128)).then_with(|| 0.0f64.total_cmp(&(float.fract() + 0.0)))
        }
        (Number::Float(_), Number::Int(_)) => order_numbers(right, left).reverse(),
    }
}
