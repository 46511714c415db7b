//! Numbers that multiply points: drawn, cut into digits, made of digests.

use ring::rand::{SecureRandom, SystemRandom};
use subtle::Choice;
use zeroize::Zeroizing;

use super::GostError;
use super::field::{Limbs, Modulus, from_le, less};

/// Draws a number from 1 to `order` − 1 from the system's generator, all equally likely: drawn anew until it fits. How
/// often that was says nothing about the number kept.
pub(super) fn draw<const N: usize>(order: &Modulus<N>) -> Result<Zeroizing<Limbs<N>>, GostError> {
    let system = SystemRandom::new();
    let mut bytes = Zeroizing::new([[0; 8]; N]);
    let spare_bits = order.limbs()[N - 1].leading_zeros();
    loop {
        system.fill(bytes.as_flattened_mut()).map_err(|_| GostError::NoRandomness)?;
        let mut number = Zeroizing::new(bytes.map(u64::from_le_bytes));
        number[N - 1] &= u64::MAX >> spare_bits;
        if is_within(&number, order).into() {
            return Ok(number);
        }
    }
}

/// Whether the number lies from 1 to `order` − 1.
pub(super) fn is_within<const N: usize>(number: &Limbs<N>, order: &Modulus<N>) -> Choice {
    let zero = number.iter().all(|limb| *limb == 0);
    less(number, order.limbs()) & !Choice::from(u8::from(zero))
}

/// The number signed for a digest: its bytes, as OpenSSL prints them, are little-endian (RFC 7091 §6.1 step 2 with the
/// byte order of RFC 6986); 0 becomes 1. Nothing where the digest is of another size.
pub(super) fn of_digest<const N: usize>(digest: &[u8], order: &Modulus<N>) -> Option<Limbs<N>> {
    let mut number = order.number(&order.residue(&from_le(digest)?));
    if number == [0; N] {
        number[0] = 1;
    }
    Some(number)
}

/// A number as digits from −7 to 8 of base 16, lowest first, one more than it has nibbles. In constant time.
pub(super) fn signed_nibbles<const N: usize>(number: &Limbs<N>) -> impl Iterator<Item = i8> {
    let mut carry = 0;
    (0..=16 * N).map(move |at| {
        let nibble = if at < 16 * N { number[at / 16] >> (4 * (at % 16)) & 15 } else { 0 };
        let digit = nibble as i8 + carry;
        carry = (digit + 7) >> 4;
        digit - (carry << 4)
    })
}

/// A public number in non-adjacent form of this width, lowest place first: each digit is 0 or odd and below
/// 2^(width−1) in size, and of any `width` neighbours at most one is not 0.
pub(super) fn sparse<const N: usize>(number: &Limbs<N>, width: usize) -> Vec<i8> {
    let bit = |at: usize| number.get(at / 64).map_or(0, |limb| (limb >> (at % 64) & 1) as i16);
    let mut digits = vec![0; 64 * N + 1];
    let (mut at, mut carry) = (0, 0);
    while at < digits.len() {
        if bit(at) == carry {
            at += 1;
            continue;
        }
        let window = carry + (0..width).map(|place| bit(at + place) << place).sum::<i16>();
        carry = i16::from(window >= 1 << (width - 1));
        digits[at] = (window - (carry << width)) as i8;
        at += width;
    }
    digits
}
