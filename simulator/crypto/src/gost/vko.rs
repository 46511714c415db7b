//! Key agreement VKO_GOSTR3410_2012_256 and _512 (RFC 7836 §4.3).

use zeroize::Zeroizing;

use super::field::{Limbs, put_le};
use super::point::{Affine, Group};
use super::sign::{AnyPoint, Secret, SecretKey, VerifyingKey};
use super::{GostError, streebog256, streebog512};

impl SecretKey {
    /// The key shared with `peer`: Streebog-256 over the point (m/q)·(UKM·d mod q)·Q, x and y little-endian. The UKM is
    /// a little-endian integer, no longer than a scalar.
    ///
    /// Refused: a key on another curve, a UKM that is too long, and one that is 0 or a multiple of q: RFC 7836 wants
    /// one of at least 1, and 0 would give everyone the same key. (The KEG of RFC 9189 replaces 0 by 1 itself.)
    pub fn vko256(&self, peer: &VerifyingKey, ukm: &[u8]) -> Result<Zeroizing<[u8; 32]>, GostError> {
        self.shared_point(peer, ukm).map(|point| Zeroizing::new(streebog256(&point)))
    }

    /// As [`SecretKey::vko256`], by Streebog-512.
    pub fn vko512(&self, peer: &VerifyingKey, ukm: &[u8]) -> Result<Zeroizing<[u8; 64]>, GostError> {
        self.shared_point(peer, ukm).map(|point| Zeroizing::new(streebog512(&point)))
    }

    fn shared_point(&self, peer: &VerifyingKey, ukm: &[u8]) -> Result<Zeroizing<Vec<u8>>, GostError> {
        let other = GostError::OtherCurve { own: self.curve(), peer: peer.curve() };
        if self.curve() != peer.curve() {
            return Err(other);
        }
        match (&self.secret, &peer.point) {
            (Secret::Short(group, secret), AnyPoint::Short(_, point)) => agree(group, secret, point, ukm),
            (Secret::Long(group, secret), AnyPoint::Long(_, point)) => agree(group, secret, point, ukm),
            _ => Err(other),
        }
    }
}

fn agree<const N: usize>(
    group: &Group<N>,
    secret: &Limbs<N>,
    peer: &Affine<N>,
    ukm: &[u8],
) -> Result<Zeroizing<Vec<u8>>, GostError> {
    let mut number = [0; N];
    for (at, byte) in ukm.iter().enumerate() {
        let limb = number.get_mut(at / 8).ok_or(GostError::UkmLength { seen: ukm.len(), most: 8 * N })?;
        *limb |= u64::from(*byte) << (8 * (at % 8));
    }
    let order = &group.order;
    let ukm = order.residue(&number);
    if ukm.is_zero().into() {
        return Err(GostError::ZeroUkm);
    }
    let factor = Zeroizing::new(order.number(&order.mul(&order.residue(secret), &ukm)));
    // Erratum 6198: the cofactor multiplies the point and is not reduced by q.
    let mut shared = group.times_secret(&factor, peer);
    for _ in 0..group.cofactor.trailing_zeros() {
        *shared = group.double(&shared);
    }
    let shared = group.affine(&shared);
    let mut bytes = Zeroizing::new(Vec::with_capacity(16 * N));
    put_le(&mut bytes, &group.field.number(&shared.x));
    put_le(&mut bytes, &group.field.number(&shared.y));
    Ok(bytes)
}
