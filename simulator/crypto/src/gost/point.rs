//! Points of a curve: complete addition, tables of the base point, multiplication by secret and by public numbers.
//!
//! Points are homogeneous, (X : Y : Z) with x = X/Z and y = Y/Z, and are added by the complete formulas of Renes,
//! Costello and Batina (IACR ePrint 2015/1060, algorithms 1 to 3, any `a`): no case is special, neither doubling nor the
//! point at infinity, as long as the two points do not differ by one of order 2. In a group of odd order there is none;
//! for the sets with cofactor 4, foreign points are therefore checked to lie in the subgroup of order q before they are
//! used, and the check itself is safe, because an exceptional sum becomes (0 : 0 : 0) and stays so.
//!
//! **Time.** [`Group::times_base`] and [`Group::times_secret`] do the same work for every number: tables are read whole
//! and entries chosen by masks. [`Group::combine`] and [`Group::affine`] are for public values and take what they take.

use std::sync::OnceLock;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::curve::Parameters;
use super::field::{Limbs, Modulus, Residue};
use super::scalar::{signed_nibbles, sparse};

/// Width of the non-adjacent form of the number that multiplies the base point, and of any other point.
const BASE_WIDTH: usize = 8;
const WIDTH: usize = 5;

/// A point other than infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Affine<const N: usize> {
    pub(super) x: Residue<N>,
    pub(super) y: Residue<N>,
}

impl<const N: usize> ConditionallySelectable for Affine<N> {
    #[inline]
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Self { x: Residue::conditional_select(&a.x, &b.x, choice), y: Residue::conditional_select(&a.y, &b.y, choice) }
    }
}

/// A point in homogeneous coordinates; infinity is (0 : 1 : 0).
#[derive(Clone, Copy, Debug)]
pub(super) struct Point<const N: usize> {
    pub(super) x: Residue<N>,
    y: Residue<N>,
    pub(super) z: Residue<N>,
}

impl<const N: usize> Point<N> {
    /// Whether this is the point at infinity, and not what an exceptional sum leaves.
    pub(super) fn is_infinity(&self) -> bool {
        (self.x.is_zero() & self.z.is_zero() & !self.y.is_zero()).into()
    }
}

impl<const N: usize> ConditionallySelectable for Point<N> {
    #[inline]
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Self {
            x: Residue::conditional_select(&a.x, &b.x, choice),
            y: Residue::conditional_select(&a.y, &b.y, choice),
            z: Residue::conditional_select(&a.z, &b.z, choice),
        }
    }
}

impl<const N: usize> Zeroize for Point<N> {
    fn zeroize(&mut self) {
        self.x.zeroize();
        self.y.zeroize();
        self.z.zeroize();
    }
}

/// A curve with its base point.
pub(super) struct Group<const N: usize> {
    pub(super) field: Modulus<N>,
    pub(super) order: Modulus<N>,
    pub(super) cofactor: u8,
    a: Residue<N>,
    a_is_minus_three: bool,
    b: Residue<N>,
    /// 3b.
    b3: Residue<N>,
    base: Affine<N>,
    /// For each nibble of a number the multiples 1 to 8 of 16^i·G.
    windows: OnceLock<Vec<[Affine<N>; 8]>>,
    /// G, 3G, 5G …
    odd: OnceLock<Vec<Affine<N>>>,
}

impl<const N: usize> Group<N> {
    pub(super) fn new(numbers: &Parameters<N>) -> Self {
        let field = Modulus::new(numbers.p);
        let (a, b) = (field.residue(&numbers.a), field.residue(&numbers.b));
        Self {
            order: Modulus::new(numbers.q),
            cofactor: numbers.cofactor,
            a,
            a_is_minus_three: field.add(&a, &field.triple(field.one())) == Residue::ZERO,
            b,
            b3: field.triple(&b),
            base: Affine { x: field.residue(&numbers.x), y: field.residue(&numbers.y) },
            windows: OnceLock::new(),
            odd: OnceLock::new(),
            field,
        }
    }

    pub(super) fn has(&self, point: &Affine<N>) -> bool {
        let f = &self.field;
        let cube = f.mul(&f.square(&point.x), &point.x);
        let right = f.add(&f.add(&cube, &f.mul(&self.a, &point.x)), &self.b);
        f.square(&point.y) == right
    }

    /// Whether a point of the curve belongs to the subgroup of order q.
    pub(super) fn has_in_subgroup(&self, point: &Affine<N>) -> bool {
        self.cofactor == 1 || self.combine(&[0; N], self.order.limbs(), point).is_infinity()
    }

    /// `number`·G for a secret number below 2^(64·N).
    pub(super) fn times_base(&self, number: &Limbs<N>) -> Zeroizing<Point<N>> {
        let windows = self.windows.get_or_init(|| self.tabulate_windows());
        let mut sum = Zeroizing::new(self.infinity());
        for (window, digit) in windows.iter().zip(signed_nibbles(number)) {
            let negative = digit >> 7;
            let size = (digit ^ negative) - negative;
            let mut entry = window[0];
            for (multiple, at) in window.iter().zip(1i8..) {
                entry.conditional_assign(multiple, at.ct_eq(&size));
            }
            entry.y.conditional_assign(&self.field.negate(&entry.y), Choice::from(negative as u8 & 1));
            let next = self.add_affine(&sum, &entry);
            sum.conditional_assign(&next, !size.ct_eq(&0));
        }
        sum
    }

    /// `number`·`point` for a secret number below 2^(64·N) and a point of the subgroup.
    pub(super) fn times_secret(&self, number: &Limbs<N>, point: &Affine<N>) -> Zeroizing<Point<N>> {
        let mut multiples = Zeroizing::new([self.infinity(); 16]);
        for at in 1..16 {
            multiples[at] = self.add_affine(&multiples[at - 1], point);
        }
        let mut sum = Zeroizing::new(self.infinity());
        for nibble in number.iter().rev().flat_map(|limb| (0..16).rev().map(move |at| (limb >> (4 * at) & 15) as u8)) {
            for _ in 0..4 {
                *sum = self.double(&sum);
            }
            let mut entry = Zeroizing::new(multiples[0]);
            for (multiple, at) in multiples.iter().zip(0u8..) {
                entry.conditional_assign(multiple, at.ct_eq(&nibble));
            }
            *sum = self.add(&sum, &entry);
        }
        sum
    }

    /// `base_number`·G + `number`·`point` for public numbers: both are cut into sparse digits, and the doublings are done
    /// once for both.
    pub(super) fn combine(&self, base_number: &Limbs<N>, number: &Limbs<N>, point: &Affine<N>) -> Point<N> {
        let base_odd = self.odd.get_or_init(|| self.tabulate_odd());
        let odd = self.odd_multiples(point, 1 << (WIDTH - 2));
        let digits = sparse(base_number, BASE_WIDTH).into_iter().zip(sparse(number, WIDTH)).rev();
        let mut sum = self.infinity();
        for (base_digit, digit) in digits.skip_while(|digits| *digits == (0, 0)) {
            sum = self.double(&sum);
            if base_digit != 0 {
                let mut entry = base_odd[usize::from(base_digit.unsigned_abs() / 2)];
                if base_digit < 0 {
                    entry.y = self.field.negate(&entry.y);
                }
                sum = self.add_affine(&sum, &entry);
            }
            if digit != 0 {
                let mut entry = odd[usize::from(digit.unsigned_abs() / 2)];
                if digit < 0 {
                    entry.y = self.field.negate(&entry.y);
                }
                sum = self.add(&sum, &entry);
            }
        }
        sum
    }

    /// The coordinates; infinity becomes (0, 0), which is on no curve here.
    pub(super) fn affine(&self, point: &Point<N>) -> Affine<N> {
        let inverse = self.field.invert(&point.z);
        Affine { x: self.field.mul(&point.x, &inverse), y: self.field.mul(&point.y, &inverse) }
    }

    fn infinity(&self) -> Point<N> {
        Point { x: Residue::ZERO, y: *self.field.one(), z: Residue::ZERO }
    }

    fn tabulate_windows(&self) -> Vec<[Affine<N>; 8]> {
        let mut multiples = Vec::with_capacity(8 * (16 * N + 1));
        let mut first = Point { x: self.base.x, y: self.base.y, z: *self.field.one() };
        for _ in 0..=16 * N {
            let mut multiple = first;
            for _ in 0..8 {
                multiples.push(multiple);
                multiple = self.add(&multiple, &first);
            }
            let eighth = &multiples[multiples.len() - 1];
            first = self.double(eighth);
        }
        self.all_affine(&multiples).as_chunks::<8>().0.to_vec()
    }

    fn tabulate_odd(&self) -> Vec<Affine<N>> {
        self.all_affine(&self.odd_multiples(&self.base, 1 << (BASE_WIDTH - 2)))
    }

    /// P, 3P, 5P …
    fn odd_multiples(&self, point: &Affine<N>, count: usize) -> Vec<Point<N>> {
        let first = Point { x: point.x, y: point.y, z: *self.field.one() };
        let twice = self.double(&first);
        std::iter::successors(Some(first), |last| Some(self.add(last, &twice))).take(count).collect()
    }

    /// The coordinates of many points, none of them infinity, with one inversion for all (Montgomery's trick).
    fn all_affine(&self, points: &[Point<N>]) -> Vec<Affine<N>> {
        let f = &self.field;
        let mut product = *f.one();
        let mut before = Vec::with_capacity(points.len());
        for point in points {
            before.push(product);
            product = f.mul(&product, &point.z);
        }
        let mut inverse = f.invert(&product);
        let mut affine: Vec<Affine<N>> = points
            .iter()
            .zip(&before)
            .rev()
            .map(|(point, before)| {
                let own = f.mul(&inverse, before);
                inverse = f.mul(&inverse, &point.z);
                Affine { x: f.mul(&point.x, &own), y: f.mul(&point.y, &own) }
            })
            .collect();
        affine.reverse();
        affine
    }

    /// Algorithm 1.
    fn add(&self, p: &Point<N>, q: &Point<N>) -> Point<N> {
        let f = &self.field;
        let (xx, yy, zz) = (f.mul(&p.x, &q.x), f.mul(&p.y, &q.y), f.mul(&p.z, &q.z));
        // x₁y₂ + x₂y₁ = (x₁ + y₁)(x₂ + y₂) − x₁x₂ − y₁y₂: one multiplication instead of two.
        let cross = |a: &Residue<N>, b: &Residue<N>, c: &Residue<N>, d: &Residue<N>, less: &Residue<N>| {
            f.sub(&f.mul(&f.add(a, b), &f.add(c, d)), less)
        };
        let xy = cross(&p.x, &p.y, &q.x, &q.y, &f.add(&xx, &yy));
        let xz = cross(&p.x, &p.z, &q.x, &q.z, &f.add(&xx, &zz));
        let yz = cross(&p.y, &p.z, &q.y, &q.z, &f.add(&yy, &zz));
        self.sum([xx, yy, zz], [xy, xz, yz])
    }

    /// Algorithm 2: the second point has Z = 1.
    fn add_affine(&self, p: &Point<N>, q: &Affine<N>) -> Point<N> {
        let f = &self.field;
        let (xx, yy) = (f.mul(&p.x, &q.x), f.mul(&p.y, &q.y));
        let xy = f.sub(&f.mul(&f.add(&p.x, &p.y), &f.add(&q.x, &q.y)), &f.add(&xx, &yy));
        let xz = f.add(&f.mul(&q.x, &p.z), &p.x);
        let yz = f.add(&f.mul(&q.y, &p.z), &p.y);
        self.sum([xx, yy, p.z], [xy, xz, yz])
    }

    /// Algorithm 3.
    pub(super) fn double(&self, p: &Point<N>) -> Point<N> {
        let f = &self.field;
        let (xx, yy, zz) = (f.square(&p.x), f.square(&p.y), f.square(&p.z));
        let xy = f.double(&f.mul(&p.x, &p.y));
        let xz = f.double(&f.mul(&p.x, &p.z));
        let yz = f.double(&f.mul(&p.y, &p.z));
        let mut sum = self.sum_without_z([xx, yy, zz], [xy, xz, yz]).0;
        sum.z = f.double(&f.double(&f.mul(&yz, &yy)));
        sum
    }

    /// What the algorithms have in common, from the products x₁x₂, y₁y₂, z₁z₂ and the mixed x₁y₂ + x₂y₁ and so on.
    #[inline(always)]
    fn sum(&self, same: [Residue<N>; 3], mixed: [Residue<N>; 3]) -> Point<N> {
        let f = &self.field;
        let (mut sum, high, slope) = self.sum_without_z(same, mixed);
        let [xy, _, yz] = mixed;
        sum.z = f.add(&f.mul(&yz, &high), &f.mul(&xy, &slope));
        sum
    }

    #[inline(always)]
    fn sum_without_z(
        &self,
        [xx, yy, zz]: [Residue<N>; 3],
        [xy, xz, yz]: [Residue<N>; 3],
    ) -> (Point<N>, Residue<N>, Residue<N>) {
        let f = &self.field;
        let shift = self.plus_a(&f.mul(&self.b3, &zz), &xz);
        let (low, high) = (f.sub(&yy, &shift), f.add(&yy, &shift));
        let azz = self.plus_a(&Residue::ZERO, &zz);
        let slope = f.add(&f.triple(&xx), &azz);
        let rest = self.plus_a(&f.mul(&self.b3, &xz), &f.sub(&xx, &azz));
        let x = f.sub(&f.mul(&xy, &low), &f.mul(&yz, &rest));
        let y = f.add(&f.mul(&low, &high), &f.mul(&slope, &rest));
        (Point { x, y, z: Residue::ZERO }, high, slope)
    }

    /// `sum` + a·x, cheaper where a = −3. Which it is depends on the curve alone.
    #[inline]
    fn plus_a(&self, sum: &Residue<N>, x: &Residue<N>) -> Residue<N> {
        if self.a_is_minus_three {
            self.field.sub(sum, &self.field.triple(x))
        } else {
            self.field.add(sum, &self.field.mul(&self.a, x))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gost::Curve;
    use crate::gost::curve::AnyGroup;
    use crate::gost::field::{add, sub};
    use crate::gost::scalar::draw;

    /// The schoolbook: double and add by the highest bit first.
    fn times<const N: usize>(group: &Group<N>, number: &Limbs<N>, point: &Affine<N>) -> Point<N> {
        (0..64 * N).rev().fold(group.infinity(), |sum, at| {
            let twice = group.double(&sum);
            if number[at / 64] >> (at % 64) & 1 == 1 { group.add_affine(&twice, point) } else { twice }
        })
    }

    fn small<const N: usize>(number: u64) -> Limbs<N> {
        std::array::from_fn(|at| if at == 0 { number } else { 0 })
    }

    fn each(short: impl Fn(Curve, &Group<4>), long: impl Fn(Curve, &Group<8>)) {
        for curve in Curve::EXAMPLES.into_iter().chain(Curve::ALL) {
            match curve.group() {
                AnyGroup::Short(group) => short(curve, group),
                AnyGroup::Long(group) => long(curve, group),
            }
        }
    }

    #[test]
    fn base_points_lie_on_their_curves_and_have_the_order_given() {
        fn check<const N: usize>(curve: Curve, group: &Group<N>) {
            assert!(group.has(&group.base), "{curve}");
            assert!(!group.affine_is_zero(), "{curve}");
            assert!(times(group, group.order.limbs(), &group.base).is_infinity(), "{curve}");
            assert!(group.times_base(group.order.limbs()).is_infinity(), "{curve}");
            assert!(group.times_secret(group.order.limbs(), &group.base).is_infinity(), "{curve}");
            assert!(group.has_in_subgroup(&group.base), "{curve}");
            let off = Affine { x: group.base.x, y: group.field.add(&group.base.y, group.field.one()) };
            assert!(!group.has(&off), "{curve}");
            // Hasse: the number of points, q times the cofactor, is nearer to p than 2·√p + 1. A wrong cofactor is far off.
            // The number may have a bit more than N limbs, so the distance is taken modulo 2^(64·N), both ways.
            let whole = (1..group.cofactor).fold(*group.order.limbs(), |sum, _| add(&sum, group.order.limbs()).0);
            let ahead = sub(&whole, group.field.limbs()).0;
            let near = |apart: &Limbs<N>| apart[N / 2] < 4 && apart[N / 2 + 1..].iter().all(|limb| *limb == 0);
            assert!(near(&ahead) || near(&sub(&small(0), &ahead).0), "{curve}");
        }
        each(check, check);
    }

    #[test]
    fn every_way_of_multiplying_gives_the_same_point() {
        fn check<const N: usize>(curve: Curve, group: &Group<N>) {
            let below = sub(group.order.limbs(), &small(1)).0;
            let point = group.affine(&group.times_base(&draw(&group.order).unwrap()));
            let drawn = [*draw(&group.order).unwrap(), *draw(&group.order).unwrap()];
            for number in [small(0), small(1), small(2), small(8), small(9), small(16), below, drawn[0], drawn[1]] {
                let of_base = group.affine(&times(group, &number, &group.base));
                let of_point = group.affine(&times(group, &number, &point));
                assert_eq!(group.affine(&group.times_base(&number)), of_base, "{curve}");
                assert_eq!(group.affine(&group.combine(&number, &small(0), &point)), of_base, "{curve}");
                assert_eq!(group.affine(&group.times_secret(&number, &point)), of_point, "{curve}");
                assert_eq!(group.affine(&group.combine(&small(0), &number, &point)), of_point, "{curve}");
                let both = group.add(&times(group, &drawn[0], &group.base), &times(group, &number, &point));
                let combined = group.combine(&drawn[0], &number, &point);
                assert_eq!(group.affine(&combined), group.affine(&both), "{curve}");
                assert!(number == small(0) || group.has(&of_point), "{curve}");
            }
            // G + (q − 1)·G: doublings and cancellations in one chain.
            assert!(group.combine(&small(1), &below, &group.base).is_infinity(), "{curve}");
            assert_eq!(group.affine(&group.combine(&small(1), &small(1), &group.base)), {
                group.affine(&group.times_base(&small(2)))
            });
        }
        each(check, check);
    }

    /// For the curves with a cofactor: a point of order 2 (x, 0), and one of order 2q made with it.
    #[test]
    fn points_outside_the_subgroup_are_found() {
        fn check<const N: usize>(curve: Curve, group: &Group<N>) {
            if group.cofactor == 1 {
                return;
            }
            // A twisted Edwards curve has a rational point of order 2. It is (m/2)·P for a P of even order.
            let f = &group.field;
            let outside = (1..200u64).find_map(|x| {
                let x = f.residue(&small(x));
                let right = f.add(&f.add(&f.mul(&f.square(&x), &x), &f.mul(&group.a, &x)), &group.b);
                let y = root(f, &right)?;
                let point = Affine { x, y };
                (!group.has_in_subgroup(&point)).then_some(point)
            });
            let outside = outside.expect("three points of four are outside");
            assert!(group.has(&outside), "{curve}");
            let of_small_order = times(group, group.order.limbs(), &outside);
            let fourfold = group.double(&group.double(&of_small_order));
            assert!(!of_small_order.is_infinity() && fourfold.is_infinity(), "{curve}");
            let small_point = group.affine(&of_small_order);
            assert!(group.has(&small_point) && !group.has_in_subgroup(&small_point), "{curve}");
            // What the cofactor clears is inside.
            let inside = group.affine(&group.double(&group.double(&times(group, &small(1), &outside))));
            assert!(group.has_in_subgroup(&inside), "{curve}");
        }
        each(check, check);
    }

    /// A square root modulo p where there is one, for p ≡ 3 (mod 4): a^((p+1)/4).
    fn root<const N: usize>(field: &Modulus<N>, a: &Residue<N>) -> Option<Residue<N>> {
        assert_eq!(field.limbs()[0] % 4, 3);
        let p = field.limbs();
        let quarter: Limbs<N> = std::array::from_fn(|at| p[at] >> 2 | p.get(at + 1).map_or(0, |next| next << 62));
        let root = field.power(a, &add(&quarter, &small(1)).0);
        (field.square(&root) == *a).then_some(root)
    }

    impl<const N: usize> Group<N> {
        /// Whether (0, 0), which stands for infinity in affine coordinates, would be a point.
        fn affine_is_zero(&self) -> bool {
            self.has(&Affine { x: Residue::ZERO, y: Residue::ZERO })
        }
    }
}
