//! Natural numbers of any size: just enough to turn decimal text into binary floating point and
//! back without a rounding error. Speed is no aim here; whoever uses this bounds the sizes.

/// A natural number, least limb first, without zero limbs at the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural {
    limbs: Vec<u64>,
}

impl Natural {
    pub(super) fn new(value: u64) -> Self {
        let mut natural = Self { limbs: vec![value] };
        natural.normalize();
        natural
    }

    /// The value of decimal digits, given as bytes `b'0'..=b'9'`.
    pub(super) fn from_digits(digits: impl Iterator<Item = u8>) -> Self {
        let mut natural = Self::new(0);
        for digit in digits {
            natural.multiply_add(10, u64::from(digit - b'0'));
        }
        natural
    }

    pub(super) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// How many bits it has; 0 for zero.
    pub(super) fn bits(&self) -> u32 {
        match self.limbs.last() {
            Some(top) => self.limbs.len() as u32 * 64 - top.leading_zeros(),
            None => 0,
        }
    }

    fn normalize(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }

    fn multiply_add(&mut self, factor: u64, addend: u64) {
        let mut carry = u128::from(addend);
        for limb in &mut self.limbs {
            carry += u128::from(*limb) * u128::from(factor);
            *limb = carry as u64;
            carry >>= 64;
        }
        if carry > 0 {
            self.limbs.push(carry as u64);
        }
    }

    /// Multiplies by ten to the `exponent`.
    pub(super) fn multiply_by_power_of_ten(&mut self, exponent: u32) {
        const STEP: u32 = 19;
        for _ in 0..exponent / STEP {
            self.multiply_add(10u64.pow(STEP), 0);
        }
        self.multiply_add(10u64.pow(exponent % STEP), 0);
    }

    /// Multiplies by two to the `bits`.
    pub(super) fn shift_left(&mut self, bits: u32) {
        self.multiply_add(1 << (bits % 64), 0);
        if !self.is_zero() {
            self.limbs.splice(0..0, std::iter::repeat_n(0, (bits / 64) as usize));
        }
    }

    /// Divides by two to the `bits`: the quotient, which must fit, and whether there is a rest.
    pub(super) fn shifted_right(&self, bits: u32) -> (u128, bool) {
        let (limbs, bits) = ((bits / 64) as usize, bits % 64);
        let limb = |index: usize| u128::from(self.limbs.get(limbs + index).copied().unwrap_or(0));
        let low = (limb(0) | limb(1) << 64) >> bits;
        let high = if bits == 0 { 0 } else { limb(2) << (128 - bits) };
        let rest = self.limbs.iter().take(limbs).any(|&limb| limb != 0)
            || limb(0) & ((1 << bits) - 1) != 0;
        (low | high, rest)
    }

    /// Divides by `divisor`, bit by bit: the quotient, which must be below 2^`bits`, and whether
    /// there is a rest.
    pub(super) fn divided_by(mut self, divisor: &Natural, bits: u32) -> (u128, bool) {
        let mut subtrahend = divisor.clone();
        subtrahend.shift_left(bits);
        let mut quotient = 0u128;
        for _ in 0..bits {
            subtrahend.halve();
            quotient <<= 1;
            if self.try_subtract(&subtrahend) {
                quotient |= 1;
            }
        }
        (quotient, !self.is_zero())
    }

    fn halve(&mut self) {
        let mut carry = 0;
        for limb in self.limbs.iter_mut().rev() {
            (*limb, carry) = (*limb >> 1 | carry, *limb << 63);
        }
        self.normalize();
    }

    fn is_less_than(&self, other: &Self) -> bool {
        self.limbs
            .len()
            .cmp(&other.limbs.len())
            .then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
            .is_lt()
    }

    /// Subtracts `other` unless that is more.
    fn try_subtract(&mut self, other: &Self) -> bool {
        if self.is_less_than(other) {
            return false;
        }
        let mut borrow = false;
        for (index, limb) in self.limbs.iter_mut().enumerate() {
            let subtrahend = other.limbs.get(index).copied().unwrap_or(0);
            let (difference, first) = limb.overflowing_sub(subtrahend);
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            *limb = difference;
            borrow = first || second;
        }
        self.normalize();
        true
    }

    /// Appends its decimal digits.
    pub(super) fn write_decimal(mut self, out: &mut Vec<u8>) {
        const GROUP: u64 = 10u64.pow(19);
        let mut groups = Vec::new();
        while !self.is_zero() {
            let mut rest = 0u128;
            for limb in self.limbs.iter_mut().rev() {
                rest = rest << 64 | u128::from(*limb);
                *limb = (rest / u128::from(GROUP)) as u64;
                rest %= u128::from(GROUP);
            }
            self.normalize();
            groups.push(rest as u64);
        }
        let top = groups.pop().unwrap_or(0);
        out.extend_from_slice(top.to_string().as_bytes());
        for group in groups.iter().rev() {
            out.extend_from_slice(format!("{group:019}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn natural(value: u128) -> Natural {
        Natural::from_digits(value.to_string().bytes())
    }

    fn decimal(natural: Natural) -> String {
        let mut out = Vec::new();
        natural.write_decimal(&mut out);
        String::from_utf8(out).expect("digits")
    }

    proptest! {
        #[test]
        fn decimals_round_trip(digits in "[1-9][0-9]{0,120}") {
            prop_assert_eq!(decimal(Natural::from_digits(digits.bytes())), digits);
        }

        #[test]
        fn agrees_with_u128(value: u128, divisor in 1..=u64::MAX, shift in 0..128u32) {
            let divisor = u128::from(divisor);
            let rest = value % divisor != 0;
            prop_assert_eq!(
                natural(value).divided_by(&natural(divisor), 128), (value / divisor, rest));
            let rest = value & ((1 << shift) - 1) != 0;
            prop_assert_eq!(natural(value).shifted_right(shift), (value >> shift, rest));
            prop_assert_eq!(natural(value).bits(), 128 - value.leading_zeros());
        }

        #[test]
        fn shifts_come_back(value in 1..u128::MAX, shift in 0..300u32) {
            let mut shifted = natural(value);
            shifted.shift_left(shift);
            prop_assert_eq!(shifted.shifted_right(shift), (value, false));
        }

        #[test]
        fn powers_of_ten(value in 1..u64::MAX, exponent in 0..60u32) {
            let mut natural = Natural::new(value);
            natural.multiply_by_power_of_ten(exponent);
            let zeros = "0".repeat(exponent as usize);
            prop_assert_eq!(decimal(natural), format!("{value}{zeros}"));
        }
    }
}
