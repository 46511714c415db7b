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
