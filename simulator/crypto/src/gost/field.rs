//! Arithmetic modulo an odd number of 256 or 512 bits.
//!
//! One code serves the fields and the orders of all curves of a size: the modulus is a value, not a type, so that nine
//! curves cost two instances of it. Own limbs instead of `crypto-bigint` for speed: moduli just below a power of two,
//! which half of the curves have, are reduced without a division. The tests compare every operation with that crate.
//! Small operations are marked for inlining and written as plain loops: the release profile optimises each unit of the
//! crate by itself, where closures of iterators and of `array::from_fn` stay calls.
//!
//! **Time.** Addition, subtraction, multiplication and both conversions run the same instructions whatever the operands:
//! the last subtraction is chosen by a mask, not by a branch. That holds for the source; that the compiler keeps it so
//! is usual, but nobody proves it. Which form of reduction it is, and the exponent of
//! [`Modulus::power`], are public.

use std::array;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

/// A number below 2^(64·N), least limb first.
pub(super) type Limbs<const N: usize> = [u64; N];

/// A residue `x·R mod m`, always below the modulus: equal residues have equal limbs. R is a matter of the modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Residue<const N: usize>(Limbs<N>);

impl<const N: usize> Residue<N> {
    pub(super) const ZERO: Self = Self([0; N]);

    /// In constant time.
    #[inline]
    pub(super) fn is_zero(&self) -> Choice {
        self.0.iter().fold(0, |all, limb| all | limb).ct_eq(&0)
    }
}

impl<const N: usize> ConditionallySelectable for Residue<N> {
    #[inline]
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Self(select(0u64.wrapping_sub(choice.unwrap_u8().into()), &b.0, &a.0))
    }
}

impl<const N: usize> Zeroize for Residue<N> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// An odd modulus with what reduction by it needs.
#[derive(Debug)]
pub(super) struct Modulus<const N: usize> {
    limbs: Limbs<N>,
    form: Form,
    one: Residue<N>,
    /// What a number is multiplied by to become a residue: R² mod m, or 1.
    entry: Residue<N>,
}

/// How products are reduced.
#[derive(Debug)]
enum Form {
    /// The modulus is 2^(64·N) − `short`: the upper half of a product, times `short`, is added to the lower. R is 1.
    Fold { short: u64 },
    /// Montgomery's reduction with −m⁻¹ mod 2^64. R is 2^(64·N).
    Montgomery { negated_inverse: u64 },
}

impl<const N: usize> Modulus<N> {
    /// Takes an odd modulus of 64·N bits, or a few less.
    pub(super) fn new(limbs: Limbs<N>) -> Self {
        let one = Residue(array::from_fn(|at| u64::from(at == 0)));
        if limbs[1..].iter().all(|limb| *limb == u64::MAX) {
            return Self { limbs, form: Form::Fold { short: limbs[0].wrapping_neg() }, one, entry: one };
        }
        // Newton's iteration doubles the number of right bits; an odd number is its own inverse modulo 8.
        let inverse =
            (0..5).fold(limbs[0], |inverse, _| inverse.wrapping_mul(2u64.wrapping_sub(limbs[0].wrapping_mul(inverse))));
        let form = Form::Montgomery { negated_inverse: inverse.wrapping_neg() };
        let mut modulus = Self { limbs, form, one, entry: one };
        modulus.one = (0..64 * N).fold(one, |power, _| modulus.double(&power));
        modulus.entry = (0..64 * N).fold(modulus.one, |power, _| modulus.double(&power));
        modulus
    }

    pub(super) fn limbs(&self) -> &Limbs<N> {
        &self.limbs
    }

    pub(super) fn one(&self) -> &Residue<N> {
        &self.one
    }

    /// The residue of any number of N limbs, also of one above the modulus.
    #[inline]
    pub(super) fn residue(&self, number: &Limbs<N>) -> Residue<N> {
        self.mul(&Residue(*number), &self.entry)
    }

    /// The number below the modulus.
    #[inline]
    pub(super) fn number(&self, residue: &Residue<N>) -> Limbs<N> {
        self.reduce([residue.0, [0; N]]).0
    }

    #[inline]
    pub(super) fn add(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        let (sum, carry) = add(&a.0, &b.0);
        self.less_modulus(&sum, carry)
    }

    #[inline]
    pub(super) fn double(&self, a: &Residue<N>) -> Residue<N> {
        self.add(a, a)
    }

    #[inline]
    pub(super) fn triple(&self, a: &Residue<N>) -> Residue<N> {
        self.add(&self.double(a), a)
    }

    #[inline]
    pub(super) fn sub(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        let (difference, borrow) = sub(&a.0, &b.0);
        Residue(add(&difference, &select(borrow.wrapping_neg(), &self.limbs, &[0; N])).0)
    }

    #[inline]
    pub(super) fn negate(&self, a: &Residue<N>) -> Residue<N> {
        self.sub(&Residue::ZERO, a)
    }

    /// The product. One factor may be any number of N limbs, if the other is below the modulus.
    pub(super) fn mul(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        let mut product = [[0; N]; 2];
        let places = product.as_flattened_mut();
        for at in 0..N {
            let mut carry = 0;
            for other in 0..N {
                (places[at + other], carry) = multiply_add(places[at + other], a.0[at], b.0[other], carry);
            }
            places[at + N] = carry;
        }
        self.reduce(product)
    }

    /// The square: products of two different limbs are made once and doubled.
    pub(super) fn square(&self, a: &Residue<N>) -> Residue<N> {
        let mut product = [[0; N]; 2];
        let places = product.as_flattened_mut();
        for at in 0..N {
            let mut carry = 0;
            for other in at + 1..N {
                (places[at + other], carry) = multiply_add(places[at + other], a.0[at], a.0[other], carry);
            }
            places[at + N] = carry;
        }
        let (mut carry, mut shifted) = (0, 0);
        for at in 0..N {
            let wide = u128::from(a.0[at]) * u128::from(a.0[at]);
            for (place, half) in [(2 * at, wide as u64), (2 * at + 1, (wide >> 64) as u64)] {
                let doubled = places[place] << 1 | shifted;
                shifted = places[place] >> 63;
                (places[place], carry) = wide_add(doubled, half, carry);
            }
        }
        self.reduce(product)
    }

    /// A product as a residue: divided by R, below the modulus.
    #[inline(always)]
    fn reduce(&self, mut product: [Limbs<N>; 2]) -> Residue<N> {
        match self.form {
            Form::Fold { short } => {
                let [low, high] = &mut product;
                let mut carry = 0;
                for at in 0..N {
                    (low[at], carry) = multiply_add(low[at], high[at], short, carry);
                }
                let (place, mut carry) = multiply_add(low[0], carry, short, 0);
                low[0] = place;
                for place in &mut low[1..] {
                    (*place, carry) = wide_add(*place, carry, 0);
                }
                self.less_modulus(low, carry)
            }
            Form::Montgomery { negated_inverse } => {
                let places = product.as_flattened_mut();
                let mut top = 0;
                for at in 0..N {
                    let multiple = places[at].wrapping_mul(negated_inverse);
                    let mut carry = 0;
                    for (other, limb) in self.limbs.iter().enumerate() {
                        (places[at + other], carry) = multiply_add(places[at + other], multiple, *limb, carry);
                    }
                    (places[at + N], top) = wide_add(places[at + N], carry, top);
                }
                self.less_modulus(&product[1], top)
            }
        }
    }

    /// `a` to a public exponent.
    pub(super) fn power(&self, a: &Residue<N>, exponent: &Limbs<N>) -> Residue<N> {
        let mut powers = [self.one; 16];
        for at in 1..16 {
            powers[at] = self.mul(&powers[at - 1], a);
        }
        exponent.iter().rev().flat_map(|limb| (0..16).rev().map(move |at| (limb >> (4 * at)) & 15)).fold(
            self.one,
            |power, digit| {
                let fourth = self.square(&self.square(&power));
                self.mul(&self.square(&self.square(&fourth)), &powers[digit as usize])
            },
        )
    }

    /// The inverse modulo a prime, by Fermat: the same work for every value; 0 gives 0.
    pub(super) fn invert(&self, a: &Residue<N>) -> Residue<N> {
        let two = array::from_fn(|at| if at == 0 { 2 } else { 0 });
        self.power(a, &sub(&self.limbs, &two).0)
    }

    /// `number` or, where it is not below the modulus, `number − m`; `top` is its limb number N, 0 or 1.
    #[inline(always)]
    fn less_modulus(&self, number: &Limbs<N>, top: u64) -> Residue<N> {
        let (difference, borrow) = sub(number, &self.limbs);
        Residue(select(top.wrapping_sub(borrow), number, &difference))
    }
}

/// The first where the mask is all ones, the second where it is all zeros.
#[inline(always)]
fn select<const N: usize>(mask: u64, first: &Limbs<N>, second: &Limbs<N>) -> Limbs<N> {
    let mut chosen = [0; N];
    for (at, place) in chosen.iter_mut().enumerate() {
        *place = (first[at] & mask) | (second[at] & !mask);
    }
    chosen
}

/// Sum and carry of three limbs, the last of them 0 or 1.
#[inline(always)]
fn wide_add(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(a) + u128::from(b) + u128::from(carry);
    (wide as u64, (wide >> 64) as u64)
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
#[inline]
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

#[cfg(test)]
mod tests {
    use crypto_bigint::{NonZero, U256, U512};
    use proptest::prelude::*;

    use super::*;
    use crate::gost::Curve;
    use crate::gost::curve::AnyGroup;

    /// Limbs at the edges are likely: there the carries run.
    fn limbs<const N: usize>() -> impl Strategy<Value = Limbs<N>> {
        prop::array::uniform(prop_oneof![3 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX), 1 => Just(1)])
    }

    fn bytes<const N: usize>(limbs: &Limbs<N>) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_le(&mut bytes, limbs);
        bytes
    }

    macro_rules! agrees {
        ($name:ident, $limbs:literal, $side:ident, $oracle:ty) => {
            #[test]
            fn $name() {
                let groups = Curve::EXAMPLES.into_iter().chain(Curve::ALL).filter_map(|curve| match curve.group() {
                    AnyGroup::$side(group) => Some(group),
                    _ => None,
                });
                let read = |limbs: &Limbs<$limbs>| <$oracle>::from_le_slice(&bytes(limbs));
                for modulus in groups.flat_map(|group| [&group.field, &group.order]) {
                    let m = NonZero::new(read(modulus.limbs())).unwrap();
                    proptest!(ProptestConfig::with_cases(64), |(a in limbs::<$limbs>(), b in limbs::<$limbs>())| {
                        let (x, y) = (read(&a).rem(&m), read(&b).rem(&m));
                        let (a, b) = (modulus.residue(&a), modulus.residue(&b));
                        let same = |ours: Residue<$limbs>, theirs: $oracle| read(&modulus.number(&ours)) == theirs;
                        prop_assert!(same(a, x) && same(b, y));
                        prop_assert!(same(modulus.add(&a, &b), x.add_mod(&y, &m)));
                        prop_assert!(same(modulus.triple(&a), x.add_mod(&x, &m).add_mod(&x, &m)));
                        prop_assert!(same(modulus.sub(&a, &b), x.sub_mod(&y, &m)));
                        prop_assert!(same(modulus.negate(&a), <$oracle>::ZERO.sub_mod(&x, &m)));
                        prop_assert!(same(modulus.mul(&a, &b), x.mul_mod(&y, &m)));
                        prop_assert!(same(modulus.square(&a), x.mul_mod(&x, &m)));
                        prop_assert_eq!(bool::from(a.is_zero()), x == <$oracle>::ZERO);
                        if x != <$oracle>::ZERO {
                            prop_assert!(same(modulus.mul(&modulus.invert(&a), &a), <$oracle>::ONE));
                        }
                    });
                    // The corners: 0, 1, m − 1, m and the largest number, each with each.
                    let one = <$oracle>::ONE;
                    let corners = [<$oracle>::ZERO, one, m.wrapping_sub(&one), *m.as_ref(), <$oracle>::MAX];
                    for (x, y) in corners.iter().flat_map(|x| corners.iter().map(move |y| (x, y))) {
                        let take = |number: &$oracle| modulus.residue(&from_le(number.to_le_bytes().as_ref()).unwrap());
                        let product = modulus.number(&modulus.mul(&take(x), &take(y)));
                        assert_eq!(read(&product), x.rem(&m).mul_mod(&y.rem(&m), &m));
                        let square = modulus.number(&modulus.square(&take(x)));
                        assert_eq!(read(&square), x.rem(&m).mul_mod(&x.rem(&m), &m));
                    }
                }
            }
        };
    }

    agrees!(every_operation_with_256_bits_is_that_of_crypto_bigint, 4, Short, U256);
    agrees!(every_operation_with_512_bits_is_that_of_crypto_bigint, 8, Long, U512);

    #[test]
    fn bytes_are_read_in_both_orders_and_only_of_the_right_length() {
        let little: Vec<u8> = (1..=32).collect();
        let big: Vec<u8> = little.iter().rev().copied().collect();
        let number: Limbs<4> = from_le(&little).unwrap();
        assert_eq!(number[0], 0x0807_0605_0403_0201);
        assert_eq!(from_be(&big), Some(number));
        let mut written = bytes(&number);
        put_be(&mut written, &number);
        assert_eq!(written, [little.clone(), big].concat());
        assert_eq!(from_le::<4>(&little[1..]), None);
        assert_eq!(from_le::<4>(&[0; 40]), None);
        assert_eq!(from_be::<8>(&little), None);
        assert!(bool::from(less(&[1, 2, 3, 4], &[0, 3, 3, 4])) && !bool::from(less(&number, &number)));
    }
}
