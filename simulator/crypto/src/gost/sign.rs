//! Keys and signatures of GOST R 34.10-2012 (RFC 7091).
//!
//! **Time.** What touches the secret key or the nonce of a signature is written to run in constant time (see `field`
//! and `point` for how and how far). Verifying, and checking foreign points, is not: all of it is public. Secrets are
//! wiped when they are dropped; copies that the compiler makes in registers and on the stack are beyond reach.

use std::fmt;

use zeroize::Zeroizing;

use super::GostError;
use super::curve::{AnyGroup, Curve};
use super::field::{Limbs, add, from_be, from_le, less, put_be, put_le};
use super::point::{Affine, Group};
use super::scalar::{draw, is_within, of_digest};

/// A private key with its public half. Wiped when dropped, prints nothing.
#[derive(Clone)]
pub struct SecretKey {
    pub(super) secret: Secret,
    public: VerifyingKey,
}

#[derive(Clone)]
pub(super) enum Secret {
    Short(&'static Group<4>, Zeroizing<Limbs<4>>),
    Long(&'static Group<8>, Zeroizing<Limbs<8>>),
}

/// A public key: a point of the curve, of order q, other than infinity.
#[derive(Clone)]
pub struct VerifyingKey {
    curve: Curve,
    pub(super) point: AnyPoint,
}

#[derive(Clone)]
pub(super) enum AnyPoint {
    Short(&'static Group<4>, Affine<4>),
    Long(&'static Group<8>, Affine<8>),
}

impl SecretKey {
    /// Draws a key from the system's generator, uniformly.
    pub fn generate(curve: Curve) -> Result<Self, GostError> {
        let secret = match curve.group() {
            AnyGroup::Short(group) => Secret::Short(group, draw(&group.order)?),
            AnyGroup::Long(group) => Secret::Long(group, draw(&group.order)?),
        };
        Ok(Self::new(curve, secret))
    }

    /// Reads the number little-endian, as PKCS#8 of OpenSSL's engine has it. Refused: another length than
    /// [`Curve::size`], 0, and numbers not below q.
    pub fn from_le_bytes(curve: Curve, bytes: &[u8]) -> Result<Self, GostError> {
        fn read<const N: usize>(group: &Group<N>, bytes: &[u8]) -> Result<Zeroizing<Limbs<N>>, GostError> {
            let wrong = GostError::SecretLength { seen: bytes.len(), wanted: 8 * N };
            let number = Zeroizing::new(from_le(bytes).ok_or(wrong)?);
            let within: bool = is_within(&number, &group.order).into();
            within.then_some(number).ok_or(GostError::SecretRange)
        }
        let secret = match curve.group() {
            AnyGroup::Short(group) => Secret::Short(group, read(group, bytes)?),
            AnyGroup::Long(group) => Secret::Long(group, read(group, bytes)?),
        };
        Ok(Self::new(curve, secret))
    }

    fn new(curve: Curve, secret: Secret) -> Self {
        let point = match &secret {
            Secret::Short(group, number) => AnyPoint::Short(group, group.affine(&group.times_base(number))),
            Secret::Long(group, number) => AnyPoint::Long(group, group.affine(&group.times_base(number))),
        };
        Self { secret, public: VerifyingKey { curve, point } }
    }

    /// The number, little-endian, [`Curve::size`] bytes.
    pub fn to_le_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.curve().size()));
        match &self.secret {
            Secret::Short(_, number) => put_le(&mut bytes, number),
            Secret::Long(_, number) => put_le(&mut bytes, number),
        }
        bytes
    }

    pub fn public(&self) -> &VerifyingKey {
        &self.public
    }

    pub fn curve(&self) -> Curve {
        self.public.curve
    }

    /// Signs a digest of [`Curve::size`] bytes, as OpenSSL prints it: s ‖ r, each big-endian and of that size
    /// (RFC 9215 §2.2). The nonce is drawn anew from the system for each signature.
    pub fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, GostError> {
        fn sign<const N: usize>(group: &Group<N>, secret: &Limbs<N>, digest: &[u8]) -> Result<Vec<u8>, GostError> {
            loop {
                if let Some(signature) = sign_with_nonce(group, secret, digest, &*draw(&group.order)?)? {
                    return Ok(signature);
                }
            }
        }
        match &self.secret {
            Secret::Short(group, secret) => sign(group, secret, digest),
            Secret::Long(group, secret) => sign(group, secret, digest),
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretKey({})", self.curve())
    }
}

/// RFC 7091 §6.1 with this nonce; nothing where r or s would be 0 and another nonce is wanted.
fn sign_with_nonce<const N: usize>(
    group: &Group<N>,
    secret: &Limbs<N>,
    digest: &[u8],
    nonce: &Limbs<N>,
) -> Result<Option<Vec<u8>>, GostError> {
    let order = &group.order;
    let wrong = GostError::DigestLength { seen: digest.len(), wanted: 8 * N };
    let e = order.residue(&of_digest(digest, order).ok_or(wrong)?);
    let point = group.affine(&group.times_base(nonce));
    let r = order.residue(&group.field.number(&point.x));
    let of_key = Zeroizing::new(order.mul(&r, &Zeroizing::new(order.residue(secret))));
    let of_nonce = Zeroizing::new(order.mul(&e, &Zeroizing::new(order.residue(nonce))));
    let s = order.add(&of_key, &of_nonce);
    if (r.is_zero() | s.is_zero()).into() {
        return Ok(None);
    }
    let mut signature = Vec::with_capacity(16 * N);
    put_be(&mut signature, &order.number(&s));
    put_be(&mut signature, &order.number(&r));
    Ok(Some(signature))
}

impl VerifyingKey {
    /// Reads x ‖ y, each little-endian and of [`Curve::size`] bytes: the OCTET STRING inside the BIT STRING of a
    /// SubjectPublicKeyInfo (RFC 9215 §3). Refused: another length, coordinates not below p, points beside the curve
    /// and, where the curve has a cofactor, points outside the subgroup of order q.
    pub fn from_le_bytes(curve: Curve, bytes: &[u8]) -> Result<Self, GostError> {
        let point = match curve.group() {
            AnyGroup::Short(group) => AnyPoint::Short(group, read_point(group, bytes)?),
            AnyGroup::Long(group) => AnyPoint::Long(group, read_point(group, bytes)?),
        };
        Ok(Self { curve, point })
    }

    /// x ‖ y, little-endian.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        fn put<const N: usize>(group: &Group<N>, point: &Affine<N>) -> Vec<u8> {
            let mut bytes = Vec::with_capacity(16 * N);
            put_le(&mut bytes, &group.field.number(&point.x));
            put_le(&mut bytes, &group.field.number(&point.y));
            bytes
        }
        match &self.point {
            AnyPoint::Short(group, point) => put(group, point),
            AnyPoint::Long(group, point) => put(group, point),
        }
    }

    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// Whether `signature`, s ‖ r, is one over this digest by this key. Wrong lengths are a no.
    pub fn verify_digest(&self, digest: &[u8], signature: &[u8]) -> bool {
        let holds = match &self.point {
            AnyPoint::Short(group, point) => verify(group, point, digest, signature),
            AnyPoint::Long(group, point) => verify(group, point, digest, signature),
        };
        holds.unwrap_or(false)
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.curve == other.curve && self.to_le_bytes() == other.to_le_bytes()
    }
}

impl Eq for VerifyingKey {}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "VerifyingKey({} {})", self.curve, hex::encode(self.to_le_bytes()))
    }
}

impl Curve {
    /// Whether these bytes, s ‖ r, can be a signature by some key on this curve: of its length, and both numbers from 1 to
    /// q − 1. What is refused here was made on another curve, or its bytes stand in another order.
    pub fn admits(self, signature: &[u8]) -> bool {
        fn admits<const N: usize>(group: &Group<N>, signature: &[u8]) -> Option<bool> {
            let (s, r) = signature.split_at_checked(8 * N)?;
            Some((is_within(&from_be(s)?, &group.order) & is_within(&from_be(r)?, &group.order)).into())
        }
        let admits = match self.group() {
            AnyGroup::Short(group) => admits(group, signature),
            AnyGroup::Long(group) => admits(group, signature),
        };
        admits.unwrap_or(false)
    }
}

fn read_point<const N: usize>(group: &Group<N>, bytes: &[u8]) -> Result<Affine<N>, GostError> {
    let wrong = GostError::PointLength { seen: bytes.len(), wanted: 16 * N };
    let (x, y) = bytes.split_at_checked(8 * N).ok_or(wrong.clone())?;
    let coordinate = |bytes: &[u8]| {
        let number = from_le(bytes).ok_or(wrong.clone())?;
        let below: bool = less(&number, group.field.limbs()).into();
        below.then(|| group.field.residue(&number)).ok_or(GostError::CoordinateRange)
    };
    let point = Affine { x: coordinate(x)?, y: coordinate(y)? };
    if !group.has(&point) {
        return Err(GostError::NotOnCurve);
    }
    if !group.has_in_subgroup(&point) {
        return Err(GostError::OutsideSubgroup);
    }
    Ok(point)
}

/// RFC 7091 §6.2; nothing where a length is wrong or a number out of range.
fn verify<const N: usize>(group: &Group<N>, key: &Affine<N>, digest: &[u8], signature: &[u8]) -> Option<bool> {
    let (field, order) = (&group.field, &group.order);
    let (s, r) = signature.split_at_checked(8 * N)?;
    let (s, r) = (from_be(s)?, from_be(r)?);
    if !bool::from(is_within(&s, order) & is_within(&r, order)) {
        return Some(false);
    }
    let v = order.invert(&order.residue(&of_digest(digest, order)?));
    let z1 = order.mul(&order.residue(&s), &v);
    let z2 = order.negate(&order.mul(&order.residue(&r), &v));
    let point = group.combine(&order.number(&z1), &order.number(&z2), key);
    if point.is_infinity() {
        return Some(false);
    }
    // x mod q = r for x = X/Z, without the division: one of the numbers r, r + q … below p, times Z, is X.
    let mut candidate = r;
    loop {
        if field.mul(&field.residue(&candidate), &point.z) == point.x {
            return Some(true);
        }
        let (next, carry) = add(&candidate, order.limbs());
        if carry == 1 || !bool::from(less(&next, field.limbs())) {
            return Some(false);
        }
        candidate = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Little-endian bytes of a number in hexadecimal, of any number of digits.
    fn number(text: &str, size: usize) -> Vec<u8> {
        let mut bytes = hex::decode(format!("{text:0>width$}", width = 2 * size)).unwrap();
        bytes.reverse();
        bytes
    }

    fn signed(curve: Curve, d: &str, digest: &[u8], k: &str) -> Vec<u8> {
        let key = SecretKey::from_le_bytes(curve, &number(d, curve.size())).unwrap();
        let nonce = number(k, curve.size());
        let signature = match &key.secret {
            Secret::Short(group, secret) => sign_with_nonce(group, secret, digest, &from_le(&nonce).unwrap()),
            Secret::Long(group, secret) => sign_with_nonce(group, secret, digest, &from_le(&nonce).unwrap()),
        };
        let signature = signature.unwrap().unwrap();
        assert!(key.public().verify_digest(digest, &signature));
        signature
    }

    /// RFC 7091 §7.1.
    #[test]
    fn the_first_example_of_the_standard_is_reproduced() {
        let d = "7A929ADE789BB9BE10ED359DD39A72C11B60961F49397EEE1D19CE9891EC3B28";
        let e = "2DFBC1B372D89A1188C09C52E0EEC61FCE52032AB1022E8E67ECE6672B043EE5";
        let k = "77105C9B20BCD3122823C8CF6FCC7B956DE33814E95B7FE64FED924594DCEAB3";
        let x = "7F2B49E270DB6D90D8595BEC458B50C58585BA1D4E9B788F6689DBD8E56FD80B";
        let y = "26F1B489D6701DD185C8413A977B3CBBAF64D1C593D26627DFFB101A87FF77DA";
        let r = "41aa28d2f1ab148280cd9ed56feda41974053554a42767b83ad043fd39dc0493";
        let s = "01456c64ba4642a1653c235a98a60249bcd6d3f746b631df928014f6c5bf9c40";
        let key = SecretKey::from_le_bytes(Curve::Test256, &number(d, 32)).unwrap();
        assert_eq!(key.public().to_le_bytes(), [number(x, 32), number(y, 32)].concat());
        assert_eq!(hex::encode(signed(Curve::Test256, d, &number(e, 32), k)), format!("{s}{r}"));
    }

    /// RFC 7091 §7.2.
    #[test]
    fn the_second_example_of_the_standard_is_reproduced() {
        let d = "BA6048AADAE241BA40936D47756D7C93091A0E8514669700EE7508E508B102072E8123B2200A0563322DAD2827E2714A2636B7BFD18AADFC62967821FA18DD4";
        let e = "3754F3CFACC9E0615C4F4A7C4D8DAB531B09B6F9C170C533A71D147035B0C5917184EE536593F4414339976C647C5D5A407ADEDB1D560C4FC6777D2972075B8C";
        let k = "359E7F4B1410FEACC570456C6801496946312120B39D019D455986E364F365886748ED7A44B3E794434006011842286212273A6D14CF70EA3AF71BB1AE679F1";
        let x = "115DC5BC96760C7B48598D8AB9E740D4C4A85A65BE33C1815B5C320C854621DD5A515856D13314AF69BC5B924C8B4DDFF75C45415C1D9DD9DD33612CD530EFE1";
        let y = "37C7C90CD40B0F5621DC3AC1B751CFA0E2634FA0503B3D52639F5D7FB72AFD61EA199441D943FFE7F0C70A2759A3CDB84C114E1F9339FDF27F35ECA93677BEEC";
        let r = "2f86fa60a081091a23dd795e1e3c689ee512a3c82ee0dcc2643c78eea8fcacd35492558486b20f1c9ec197c90699850260c93bcbcd9c5c3317e19344e173ae36";
        let s = "1081b394696ffe8e6585e7a9362d26b6325f56778aadbc081c0bfbe933d52ff5823ce288e8c4f362526080df7f70ce406a6eeb1f56919cb92a9853bde73e5b4a";
        let key = SecretKey::from_le_bytes(Curve::Test512, &number(d, 64)).unwrap();
        assert_eq!(key.public().to_le_bytes(), [number(x, 64), number(y, 64)].concat());
        assert_eq!(hex::encode(signed(Curve::Test512, d, &number(e, 64), k)), format!("{s}{r}"));
    }

    /// A signature and a shared key of an implementation that passed the checks of OpenSSL's engine.
    #[test]
    fn the_vectors_of_another_implementation_are_reproduced() {
        let d = hex::encode((1..=32).collect::<Vec<u8>>());
        let k = hex::encode((33..=64).collect::<Vec<u8>>());
        let digest = crate::gost::streebog256(b"test message");
        assert_eq!(
            hex::encode(signed(Curve::CryptoProA, &d, &digest, &k)),
            "9063dcaffa25b892dc600b15f09bf2c4041d590dfdbb478ef3ce9daf10aee6faa53629c9a14613cd170694d0bd105717f152506b7152b26bd16e0769c79dfb15"
        );
    }

    #[test]
    fn what_no_key_of_a_curve_can_have_signed_is_not_admitted() {
        for curve in Curve::ALL {
            let size = curve.size();
            let key = SecretKey::generate(curve).unwrap();
            let signature = key.sign_digest(&vec![7; size]).unwrap();
            assert!(curve.admits(&signature));
            assert!(!curve.admits(&signature[1..]) && !curve.admits(&[]));
            for half in [0, size] {
                for wrong in [0x00, 0xff] {
                    let mut changed = signature.clone();
                    changed[half..half + size].fill(wrong);
                    assert!(!curve.admits(&changed), "{curve}");
                }
            }
        }
        // The orders differ by bits: what CryptoPro-A signs is seldom admitted on a curve whose order is a quarter.
        let mut largest = [0; 64];
        (largest[0], largest[32]) = (0x40, 0x40);
        assert!(Curve::CryptoProA.admits(&largest) && Curve::Tc26A256.admits(&largest));
        largest[0] = 0x41;
        assert!(Curve::CryptoProA.admits(&largest) && !Curve::Tc26A256.admits(&largest));
    }

    /// Chance does not meet them, so they are made.
    #[test]
    fn a_nonce_that_makes_a_part_zero_is_refused() {
        let AnyGroup::Short(group) = Curve::CryptoProA.group() else { panic!("a curve of 256 bits") };
        let order = &group.order;
        let one: Limbs<4> = [1, 0, 0, 0];
        // k = 1: the point is G with x = 1, so r = 1; d = 1 gives s = 1 + e, which is 0 for e = q − 1.
        let mut digest = Vec::new();
        put_le(&mut digest, &order.number(&order.negate(order.one())));
        assert_eq!(sign_with_nonce(group, &one, &digest, &one), Ok(None));
        // On CryptoPro-C the base point has x = 0, so k = 1 gives r = 0.
        let AnyGroup::Short(group) = Curve::CryptoProC.group() else { panic!("a curve of 256 bits") };
        assert_eq!(sign_with_nonce(group, &one, &[7; 32], &one), Ok(None));
    }
}
