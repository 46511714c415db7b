//! Arithmetic modulo an odd number of 256 or 512 bits, in Montgomery form.
//!
//! One code serves the fields and the orders of all curves of a size: the modulus is a value, not a type, so that nine
//! curves cost two instances of it. Own limbs instead of `crypto-bigint` for speed: twice as fast here, and the tests
//! compare every operation with that crate.
//!
//! **Time.** Addition, subtraction, multiplication and both conversions run the same instructions whatever the operands:
//! the last subtraction is chosen by a mask, not by a branch. That holds for the source; that the compiler keeps it so
//! is usual, but nobody proves it. [`Modulus::power`] takes a time that depends on the exponent, which is public.

use std::array;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

/// A number below 2^(64·N), least limb first.
pub(super) type Limbs<const N: usize> = [u64; N];

/// A residue `x·R mod m` with R = 2^(64·N), always below the modulus: equal residues have equal limbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Residue<const N: usize>(Limbs<N>);

impl<const N: usize> Residue<N> {
    pub(super) const ZERO: Self = Self([0; N]);

    /// In constant time.
    pub(super) fn is_zero(&self) -> Choice {
        self.0.iter().fold(0, |all, limb| all | limb).ct_eq(&0)
    }
}

impl<const N: usize> ConditionallySelectable for Residue<N> {
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Self(array::from_fn(|at| u64::conditional_select(&a.0[at], &b.0[at], choice)))
    }
}

impl<const N: usize> Zeroize for Residue<N> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// An odd modulus with the constants of Montgomery multiplication.
#[derive(Debug)]
pub(super) struct Modulus<const N: usize> {
    limbs: Limbs<N>,
    /// −m⁻¹ mod 2^64.
    negated_inverse: u64,
    /// R mod m.
    one: Residue<N>,
    /// R² mod m: multiplying by it brings a number into Montgomery form.
    square: Limbs<N>,
}

impl<const N: usize> Modulus<N> {
    /// Takes an odd modulus whose highest limb is not zero.
    pub(super) fn new(limbs: Limbs<N>) -> Self {
        // Newton's iteration doubles the number of right bits; an odd number is its own inverse modulo 8.
        let inverse =
            (0..5).fold(limbs[0], |inverse, _| inverse.wrapping_mul(2u64.wrapping_sub(limbs[0].wrapping_mul(inverse))));
        let mut modulus = Self { limbs, negated_inverse: inverse.wrapping_neg(), one: Residue::ZERO, square: [0; N] };
        let mut one = Residue([0; N]);
        one.0[0] = 1;
        modulus.one = (0..64 * N).fold(one, |power, _| modulus.double(&power));
        modulus.square = (0..64 * N).fold(modulus.one, |power, _| modulus.double(&power)).0;
        modulus
    }

    pub(super) fn limbs(&self) -> &Limbs<N> {
        &self.limbs
    }

    pub(super) fn one(&self) -> &Residue<N> {
        &self.one
    }

    /// The residue of any number of N limbs, also of one above the modulus.
    pub(super) fn residue(&self, number: &Limbs<N>) -> Residue<N> {
        self.mul(&Residue(*number), &Residue(self.square))
    }

    /// The number below the modulus.
    pub(super) fn number(&self, residue: &Residue<N>) -> Limbs<N> {
        let mut one = [0; N];
        one[0] = 1;
        self.mul(residue, &Residue(one)).0
    }

    pub(super) fn add(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        let (sum, carry) = add(&a.0, &b.0);
        self.less_modulus(&sum, carry)
    }

    pub(super) fn double(&self, a: &Residue<N>) -> Residue<N> {
        self.add(a, a)
    }

    pub(super) fn triple(&self, a: &Residue<N>) -> Residue<N> {
        self.add(&self.double(a), a)
    }

    pub(super) fn sub(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        let (difference, borrow) = sub(&a.0, &b.0);
        let mask = borrow.wrapping_neg();
        Residue(add(&difference, &self.limbs.map(|limb| limb & mask)).0)
    }

    pub(super) fn negate(&self, a: &Residue<N>) -> Residue<N> {
        self.sub(&Residue::ZERO, a)
    }

    /// `a·b·R⁻¹ mod m`: product and reduction limb by limb (Koç, Acar and Kaliski's CIOS). One factor may be any number
    /// of N limbs, if the other is below the modulus.
    pub(super) fn mul(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        let (mut sum, mut top) = ([0; N], 0);
        for limb in b.0 {
            let mut carry = 0;
            for (place, factor) in sum.iter_mut().zip(&a.0) {
                (*place, carry) = multiply_add(*place, *factor, limb, carry);
            }
            let (high, over) = u64::overflowing_add(top, carry);
            let multiple = sum[0].wrapping_mul(self.negated_inverse);
            let (_, mut carry) = multiply_add(sum[0], multiple, self.limbs[0], 0);
            for at in 1..N {
                (sum[at - 1], carry) = multiply_add(sum[at], multiple, self.limbs[at], carry);
            }
            let (high, again) = high.overflowing_add(carry);
            sum[N - 1] = high;
            top = u64::from(over) + u64::from(again);
        }
        self.less_modulus(&sum, top)
    }

    pub(super) fn square(&self, a: &Residue<N>) -> Residue<N> {
        self.mul(a, a)
    }

    /// `a` to a public exponent.
    pub(super) fn power(&self, a: &Residue<N>, exponent: &Limbs<N>) -> Residue<N> {
        let mut powers = [self.one; 16];
        for at in 1..16 {
            powers[at] = self.mul(&powers[at - 1], a);
        }
        exponent.iter().rev().flat_map(|limb| (0..16).rev().map(move |at| limb >> (4 * at) & 15)).fold(
            self.one,
            |power, digit| {
                let fourth = self.square(&self.square(&power));
                self.mul(&self.square(&self.square(&fourth)), &powers[digit as usize])
            },
        )
    }

    /// The inverse modulo a prime, by Fermat: the same work for every value; 0 gives 0.
    pub(super) fn invert(&self, a: &Residue<N>) -> Residue<N> {
        let mut exponent = self.limbs;
        // Every modulus here is odd and above 3, so that nothing is borrowed beyond the lowest limb but where it ends in 1.
        let mut two = [0; N];
        two[0] = 2;
        exponent = sub(&exponent, &two).0;
        self.power(a, &exponent)
    }

    /// `number` or, where it is not below the modulus, `number − m`; `top` is its limb number N, 0 or 1.
    fn less_modulus(&self, number: &Limbs<N>, top: u64) -> Residue<N> {
        let (difference, borrow) = sub(number, &self.limbs);
        let keep = top.wrapping_sub(borrow);
        let mut chosen = [0; N];
        for (at, place) in chosen.iter_mut().enumerate() {
            *place = number[at] & keep | difference[at] & !keep;
        }
        Residue(chosen)
    }
}

/// `sum + a·b + carry`, low and high; never overflows.
#[inline(always)]
fn multiply_add(sum: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(sum) + u128::from(a) * u128::from(b) + u128::from(carry);
    (wide as u64, (wide >> 64) as u64)
}

/// Sum and carry.
#[inline(always)]
pub(super) fn add<const N: usize>(a: &Limbs<N>, b: &Limbs<N>) -> (Limbs<N>, u64) {
    let (mut sum, mut carry) = ([0; N], false);
    for (at, place) in sum.iter_mut().enumerate() {
        (*place, carry) = a[at].carrying_add(b[at], carry);
    }
    (sum, u64::from(carry))
}

/// Difference and borrow: the borrow is 1 exactly where `a < b`.
#[inline(always)]
pub(super) fn sub<const N: usize>(a: &Limbs<N>, b: &Limbs<N>) -> (Limbs<N>, u64) {
    let (mut difference, mut borrow) = ([0; N], false);
    for (at, place) in difference.iter_mut().enumerate() {
        (*place, borrow) = a[at].borrowing_sub(b[at], borrow);
    }
    (difference, u64::from(borrow))
}

/// Whether `a < b`, in constant time.
pub(super) fn less<const N: usize>(a: &Limbs<N>, b: &Limbs<N>) -> Choice {
    Choice::from(sub(a, b).1 as u8)
}

/// Reads exactly 8·N little-endian bytes.
pub(super) fn from_le<const N: usize>(bytes: &[u8]) -> Option<Limbs<N>> {
    let (limbs, rest) = bytes.as_chunks::<8>();
    let limbs: &Limbs8<N> = limbs.try_into().ok()?;
    rest.is_empty().then(|| limbs.map(u64::from_le_bytes))
}

type Limbs8<const N: usize> = [[u8; 8]; N];

/// Reads exactly 8·N big-endian bytes.
pub(super) fn from_be<const N: usize>(bytes: &[u8]) -> Option<Limbs<N>> {
    from_le(bytes).map(|mut limbs: Limbs<N>| {
        limbs.reverse();
        limbs.map(u64::swap_bytes)
    })
}

/// Appends 8·N little-endian bytes.
pub(super) fn put_le<const N: usize>(out: &mut Vec<u8>, limbs: &Limbs<N>) {
    out.extend(limbs.iter().flat_map(|limb| limb.to_le_bytes()));
}

/// Appends 8·N big-endian bytes.
pub(super) fn put_be<const N: usize>(out: &mut Vec<u8>, limbs: &Limbs<N>) {
    out.extend(limbs.iter().rev().flat_map(|limb| limb.to_be_bytes()));
}
