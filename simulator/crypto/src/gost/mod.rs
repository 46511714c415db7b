//! GOST cryptography in Rust: the hash Streebog (GOST R 34.11-2012), signatures and keys of GOST R 34.10-2012 on every
//! parameter set in use, and the key agreement VKO.
//!
//! Here bytes and numbers meet; encodings of keys, certificates and messages are next door. Everything agrees with the
//! examples of RFC 6986, 7091 and 7836 and, where it is installed, with the GOST engine of OpenSSL.
//!
//! **Deliberately absent:** the standards of 1994 and 2001 (their curves live on here, their hash does not), masked keys
//! of CryptoPro containers, and derived nonces: they come from the system's generator.

pub mod cipher;
mod curve;
mod field;
mod hash;
mod point;
mod scalar;
mod sign;
mod vko;

pub use curve::Curve;
pub use hash::{hmac256, hmac512, streebog256, streebog512};
pub use sign::{SecretKey, VerifyingKey};

/// Why a key or an agreement is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GostError {
    #[error("read the point: a coordinate is not below the modulus of the curve")]
    CoordinateRange,
    #[error("sign: the digest has {seen} bytes where {wanted} are wanted")]
    DigestLength { seen: usize, wanted: usize },
    #[error("draw randomness from the system")]
    NoRandomness,
    #[error("read the point: it is not on the curve")]
    NotOnCurve,
    #[error("agree on a key: one key is on {own}, the other on {peer}")]
    OtherCurve { own: Curve, peer: Curve },
    #[error("read the point: it is outside the subgroup of prime order")]
    OutsideSubgroup,
    #[error("read the point: {seen} bytes where {wanted} are wanted")]
    PointLength { seen: usize, wanted: usize },
    #[error("read the private key: {seen} bytes where {wanted} are wanted")]
    SecretLength { seen: usize, wanted: usize },
    #[error("read the private key: the number is 0 or not below the order")]
    SecretRange,
    #[error("agree on a key: the UKM has {seen} bytes, {most} are the most")]
    UkmLength { seen: usize, most: usize },
    #[error("agree on a key: the UKM is 0")]
    ZeroUkm,
}
