//! Numbers that multiply points: drawn, cut into digits, made of digests.

use ring::rand::{SecureRandom, SystemRandom};
use subtle::{Choice, ConstantTimeEq};
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

/// Whether the number lies from 1 to `order` − 1, in constant time.
pub(super) fn is_within<const N: usize>(number: &Limbs<N>, order: &Modulus<N>) -> Choice {
    let zero = number.iter().fold(0, |all, limb| all | limb).ct_eq(&0);
    less(number, order.limbs()) & !zero
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gost::Curve;
    use crate::gost::curve::AnyGroup;

    /// The sum of digit·2^(step·place) modulo 2^256.
    fn whole(digits: impl DoubleEndedIterator<Item = i8>, step: usize) -> Limbs<4> {
        digits.rev().fold([0; 4], |mut sum: Limbs<4>, digit| {
            for _ in 0..step {
                sum = crate::gost::field::add(&sum, &sum).0;
            }
            let size = [u64::from(digit.unsigned_abs()), 0, 0, 0];
            if digit < 0 { crate::gost::field::sub(&sum, &size).0 } else { crate::gost::field::add(&sum, &size).0 }
        })
    }

    #[test]
    fn digits_make_up_their_number() {
        let edges = [[0; 4], [1, 0, 0, 0], [u64::MAX; 4], [0x8888_8888_8888_8888; 4], [0x7777_7777_7777_7777; 4]];
        let strategy = prop_oneof![prop::array::uniform(any::<u64>()), prop::sample::select(edges.to_vec())];
        proptest!(ProptestConfig::with_cases(200), |(number in strategy)| {
            let nibbles: Vec<i8> = signed_nibbles(&number).collect();
            prop_assert_eq!(nibbles.len(), 65);
            prop_assert!(nibbles.iter().all(|digit| (-7..=8).contains(digit)));
            prop_assert_eq!(whole(nibbles.into_iter(), 4), number);
            for width in [2, 5, 8] {
                let digits = sparse(&number, width);
                prop_assert!(digits.iter().all(|digit| *digit == 0 || digit % 2 != 0));
                prop_assert!(digits.iter().all(|digit| usize::from(digit.unsigned_abs()) < 1 << (width - 1)));
                prop_assert!(digits.windows(width).all(|near| near.iter().filter(|digit| **digit != 0).count() <= 1));
                prop_assert_eq!(whole(digits.into_iter(), 1), number);
            }
        });
    }

    #[test]
    fn draws_stay_within_the_order_and_differ() {
        for curve in Curve::EXAMPLES.into_iter().chain(Curve::ALL) {
            match curve.group() {
                AnyGroup::Short(group) => differ(&group.order),
                AnyGroup::Long(group) => differ(&group.order),
            }
        }
    }

    fn differ<const N: usize>(order: &Modulus<N>) {
        let drawn: Vec<_> = (0..50).map(|_| draw(order).unwrap()).collect();
        assert!(drawn.iter().all(|number| bool::from(is_within(number, order))));
        assert!(drawn.iter().any(|number| number[N - 1] > order.limbs()[N - 1] / 2));
        assert!((1..50).all(|at| drawn[..at].iter().all(|other| **other != *drawn[at])));
        assert!(!bool::from(is_within(&[0; N], order)) && !bool::from(is_within(order.limbs(), order)));
        let below = crate::gost::field::sub(order.limbs(), &std::array::from_fn(|at| u64::from(at == 0))).0;
        assert!(bool::from(is_within(&below, order)));
    }

    #[test]
    fn a_digest_is_little_endian_and_never_zero() {
        let AnyGroup::Short(group) = Curve::CryptoProA.group() else { panic!("a curve of 256 bits") };
        let digest: Vec<u8> = (1..=32).collect();
        assert_eq!(of_digest(&digest, &group.order), from_le(&digest));
        assert_eq!(of_digest(&[0; 32], &group.order), Some([1, 0, 0, 0]));
        let mut order = Vec::new();
        crate::gost::field::put_le(&mut order, group.order.limbs());
        assert_eq!(of_digest(&order, &group.order), Some([1, 0, 0, 0]));
        assert_eq!(of_digest(&digest[1..], &group.order), None);
        assert_eq!(of_digest(&[1; 64], &group.order), None);
    }
}
