//! Options that several families share: expiry times, and conditions on a string's value.
//!
//! What an option means for a key is the commands' business; here it is only read and checked.

pub(super) use super::parts::int;
use super::parts::int_between;
use crate::error::CmdError;
use crate::keyspace::ValueRef;

/// Whether a word is this keyword, in any case.
#[inline]
pub fn is(word: &[u8], keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword.as_bytes())
}

/// Reads an integer argument of 32 bits.
///
/// # Errors
/// When it is no integer, or beyond 32 bits.
pub fn int32(arg: &[u8]) -> Result<i32, CmdError> {
    int_between(arg, i64::from(i32::MIN), i64::from(i32::MAX)).map(|n| n as i32)
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Whole seconds instead of milliseconds.
    pub seconds: bool,
    /// Unix time instead of a distance from now.
    pub absolute: bool,
}

impl Unit {
    /// Seconds from now.
    pub const EX: Self = Self { seconds: true, absolute: false };
    /// Milliseconds from now.
    pub const PX: Self = Self { seconds: false, absolute: false };
    /// Unix time in seconds.
    pub const EXAT: Self = Self { seconds: true, absolute: true };
    /// Unix time in milliseconds.
    pub const PXAT: Self = Self { seconds: false, absolute: true };

    /// The unit that an option names: EX, PX, EXAT or PXAT.
    pub fn of(word: &[u8]) -> Option<Self> {
        let known =
            [("EX", Self::EX), ("PX", Self::PX), ("EXAT", Self::EXAT), ("PXAT", Self::PXAT)];
        known.into_iter().find(|(name, _)| is(word, name)).map(|(_, unit)| unit)
    }

    /// The moment that `value` means, in Unix milliseconds; `None` when it is beyond 64 bits.
    pub fn moment(self, value: i64, now: i64) -> Option<i64> {
        let millis = if self.seconds { value.checked_mul(1000)? } else { value };
        if self.absolute { Some(millis) } else { millis.checked_add(now) }
    }
}

/// What a command's options say about the key's expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry<'a> {
    /// Nothing.
    Unsaid,
    /// KEEPTTL: it stays as it is.
    Keep,
    /// PERSIST: there is none from now on.
    Persist,
    /// EX, PX, EXAT or PXAT: this one.
    Time(Unit, &'a [u8]),
}

impl<'a> Expiry<'a> {
    /// Reads an expiry option at `args[*at]`, if there is one, and steps over it. KEEPTTL and
    /// PERSIST are left for the caller, who knows whether they are allowed: see [`Expiry::say`].
    ///
    /// # Errors
    /// When its value is missing, or an option of another kind was read before.
    pub fn read(&mut self, args: &[&'a [u8]], at: &mut usize) -> Result<bool, CmdError> {
        let Some(unit) = Unit::of(args[*at]) else { return Ok(false) };
        let text = args.get(*at + 1).ok_or(CmdError::SYNTAX)?;
        self.say(Expiry::Time(unit, text))?;
        *at += 2;
        Ok(true)
    }

    /// Notes what an option says. The same option may be repeated, and its last value counts.
    ///
    /// # Errors
    /// When an option of another kind was read before.
    pub fn say(&mut self, says: Self) -> Result<(), CmdError> {
        let agrees = match (*self, says) {
            (Expiry::Unsaid, _) => true,
            (Expiry::Time(before, _), Expiry::Time(now, _)) => before == now,
            (before, now) => before == now,
        };
        *self = says;
        if agrees { Ok(()) } else { Err(CmdError::SYNTAX) }
    }

    /// The moment that the options give, in Unix milliseconds; `None` when they give none.
    ///
    /// # Errors
    /// When it is no integer, not positive, or beyond 64 bits.
    pub fn moment(self, now: i64, command: &str) -> Result<Option<i64>, CmdError> {
        match self {
            Expiry::Time(unit, text) => positive_moment(unit, text, now, command).map(Some),
            _ => Ok(None),
        }
    }
}

/// The moment that a positive time means, in Unix milliseconds.
///
/// # Errors
/// When it is no integer, not positive, or beyond 64 bits.
pub fn positive_moment(unit: Unit, text: &[u8], now: i64, command: &str) -> Result<i64, CmdError> {
    let value = int(text)?;
    let moment = if value > 0 { unit.moment(value, now) } else { None };
    moment.ok_or_else(|| invalid_expire(command))
}

/// The error for a time that cannot be.
#[cold]
pub fn invalid_expire(command: &str) -> CmdError {
    CmdError::new(format!("ERR invalid expire time in '{command}' command"))
}

/// Which present expiry allows another one to be set.
#[derive(Default)]
pub struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    /// The condition that one word names, if it does.
    pub fn of(word: &[u8]) -> Option<Self> {
        Self::parse(&[word]).ok()
    }

    /// Reads all words as conditions.
    ///
    /// # Errors
    /// When a word is none, or conditions contradict each other.
    pub fn parse(words: &[&[u8]]) -> Result<Self, CmdError> {
        let mut condition = Condition::default();
        for word in words {
            match word {
                word if is(word, "NX") => condition.nx = true,
                word if is(word, "XX") => condition.xx = true,
                word if is(word, "GT") => condition.gt = true,
                word if is(word, "LT") => condition.lt = true,
                _ => {
                    let word = CmdError::shown(word);
                    return Err(CmdError::new(format!("ERR Unsupported option {word}")));
                }
            }
        }
        let Condition { nx, xx, gt, lt } = condition;
        if nx && (xx || gt || lt) {
            let text = "ERR NX and XX, GT or LT options at the same time are not compatible";
            return Err(CmdError::fixed(text));
        }
        if gt && lt {
            let text = "ERR GT and LT options at the same time are not compatible";
            return Err(CmdError::fixed(text));
        }
        Ok(condition)
    }

    /// Whether `new` may follow on `present`, none of which counts as never.
    pub fn allows(&self, present: Option<i64>, new: i64) -> bool {
        !(self.nx && present.is_some()
            || self.xx && present.is_none()
            || self.gt && present.is_none_or(|at| new <= at)
            || self.lt && present.is_some_and(|at| new >= at))
    }
}

/// A condition on the string that a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare<'a> {
    /// IFEQ: it is this.
    Is(&'a [u8]),
    /// IFNE: it is not this, or there is none.
    IsNot(&'a [u8]),
    /// IFDEQ: its digest is this.
    DigestIs(&'a [u8]),
    /// IFDNE: its digest is not this, or there is none.
    DigestIsNot(&'a [u8]),
}

/// The length of a digest in hexadecimal digits.
const DIGEST_LEN: usize = 16;

impl<'a> Compare<'a> {
    /// The condition that a keyword and its value make; `None` when the keyword is none of them.
    pub fn of(keyword: &[u8], value: &'a [u8]) -> Option<Self> {
        let make: fn(&'a [u8]) -> Self = match () {
            () if is(keyword, "IFEQ") => Compare::Is,
            () if is(keyword, "IFNE") => Compare::IsNot,
            () if is(keyword, "IFDEQ") => Compare::DigestIs,
            () if is(keyword, "IFDNE") => Compare::DigestIsNot,
            () => return None,
        };
        Some(make(value))
    }

    /// Whether a value, or the lack of one, fulfils the condition.
    ///
    /// # Errors
    /// When the value is not a string, or the condition's digest cannot be one.
    pub fn holds(self, value: Option<ValueRef<'_>>) -> Result<bool, CmdError> {
        match value {
            None => Ok(matches!(self, Compare::IsNot(_) | Compare::DigestIsNot(_))),
            Some(ValueRef::Object(_)) => Err(CmdError::WRONG_TYPE),
            Some(ValueRef::Bytes(bytes)) => self.holds_for(bytes),
            Some(ValueRef::Int(n)) => self.holds_for(itoa::Buffer::new().format(n).as_bytes()),
        }
    }

    fn holds_for(self, bytes: &[u8]) -> Result<bool, CmdError> {
        match self {
            Compare::Is(other) => Ok(bytes == other),
            Compare::IsNot(other) => Ok(bytes != other),
            Compare::DigestIs(hex) => has_digest(bytes, hex),
            Compare::DigestIsNot(hex) => has_digest(bytes, hex).map(|has| !has),
        }
    }
}

fn has_digest(bytes: &[u8], hex: &[u8]) -> Result<bool, CmdError> {
    if hex.len() != DIGEST_LEN {
        return Err(CmdError::fixed("ERR must be exactly 16 hexadecimal characters"));
    }
    Ok(digest(bytes).as_bytes().eq_ignore_ascii_case(hex))
}

/// The digest of a string: XXH3 of 64 bits, in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    format!("{:016x}", twox_hash::XxHash3_64::oneshot(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_that_redis_documents() {
        assert_eq!(digest(b"Hello world"), "b6acb9d84a38ff74");
        let long = b"v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkf\
                     zkjytls2kwlj7626sd";
        assert_eq!(digest(long), "00006c38adf31777");
    }

    #[test]
    fn times_beyond_64_bits_are_refused() {
        assert_eq!(Unit::EX.moment(i64::MAX / 1000, 0), Some(i64::MAX / 1000 * 1000));
        assert_eq!(Unit::EX.moment(i64::MAX / 1000, 1000), None);
        assert_eq!(Unit::EX.moment(i64::MAX, 0), None);
        assert_eq!(Unit::EXAT.moment(5, 1000), Some(5000));
        assert_eq!(Unit::PXAT.moment(i64::MAX, 1000), Some(i64::MAX));
    }
}
