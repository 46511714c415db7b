//! How keys of GOST R 34.10-2012 are written: the algorithm with its parameters (RFC 9215 §4.2), the public point, and
//! the private scalar of PKCS#8 in the forms that providers have. What a peer wrote is kept; what is written here is the
//! form of RFC 9215, which OpenSSL's GOST engine reads.

use der::asn1::{Any, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};
use zeroize::Zeroizing;

use super::KeyError;
use crate::Family;
use crate::gost::{Curve, SecretKey, VerifyingKey};

/// `id-tc26-gost3410-12-256`, the key of 256 bits.
pub(crate) const KEY_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.643.7.1.1.1.1");
/// `id-tc26-gost3410-12-512`, the key of 512 bits.
pub(crate) const KEY_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.643.7.1.1.1.2");
/// `id-tc26-gost3411-12-256`.
pub(crate) const STREEBOG_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.643.7.1.1.2.2");
/// `id-tc26-gost3411-12-512`.
pub(crate) const STREEBOG_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.643.7.1.1.2.3");
/// `id-tc26-signwithdigest-gost3410-12-256`.
pub(crate) const SIGNATURE_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.643.7.1.1.3.2");
/// `id-tc26-signwithdigest-gost3410-12-512`.
pub(crate) const SIGNATURE_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.643.7.1.1.3.3");

/// `GostR3410-2012-PublicKeyParameters`. The third member is of the keys of 2001 and tolerated.
#[derive(Sequence)]
pub(crate) struct Parameters {
    pub(crate) curve: ObjectIdentifier,
    #[asn1(optional = "true")]
    pub(crate) digest: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    pub(crate) cipher: Option<ObjectIdentifier>,
}

/// The object identifier of keys on this curve.
pub(crate) const fn key_oid(curve: Curve) -> ObjectIdentifier {
    if curve.size() == 32 { KEY_256 } else { KEY_512 }
}

/// The object identifier of the digest that goes with this curve.
pub(crate) const fn digest_oid(curve: Curve) -> ObjectIdentifier {
    if curve.size() == 32 { STREEBOG_256 } else { STREEBOG_512 }
}

/// Which family an algorithm's object identifier means, if it is one of ours.
pub(super) fn family(oid: ObjectIdentifier) -> Option<Family> {
    match oid {
        KEY_256 => Some(Family::Gost256),
        KEY_512 => Some(Family::Gost512),
        _ => None,
    }
}

pub(super) const fn family_of(curve: Curve) -> Family {
    if curve.size() == 32 { Family::Gost256 } else { Family::Gost512 }
}

/// The curve that an algorithm names, under any of its names. The example curves of the standards have none here.
pub(super) fn curve(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Curve, KeyError> {
    let malformed = |text: &str| KeyError::Malformed(text.to_owned());
    let given = algorithm.parameters.ok_or_else(|| malformed("the parameters of the key are missing"))?;
    let given: Parameters = given.decode_as()?;
    let curve = Curve::from_oid(given.curve);
    let curve = curve.ok_or_else(|| KeyError::UnknownAlgorithm(format!("curve {}", given.curve)))?;
    if algorithm.oid != key_oid(curve) {
        return Err(malformed("the key's size is not that of its curve"));
    }
    if given.digest.is_some_and(|given| given != digest_oid(curve)) {
        return Err(malformed("the digest in the key's parameters is not the one that goes with its curve"));
    }
    Ok(curve)
}

/// How the algorithm of a key on this curve is written: with the digest for the curves of CryptoPro, without for those
/// of TC 26 (RFC 9215 §4.2).
pub(super) fn identifier(curve: Curve) -> der::Result<AlgorithmIdentifierOwned> {
    let of_cryptopro = matches!(curve, Curve::CryptoProA | Curve::CryptoProB | Curve::CryptoProC | Curve::Test256);
    let digest = of_cryptopro.then_some(digest_oid(curve));
    let parameters = Parameters { curve: curve.oid(), digest, cipher: None };
    Ok(AlgorithmIdentifierOwned { oid: key_oid(curve), parameters: Some(Any::encode_from(&parameters)?) })
}

/// The point inside a BIT STRING: an OCTET STRING of X ‖ Y, each little-endian.
pub(super) fn point(curve: Curve, bits: &[u8]) -> Result<VerifyingKey, KeyError> {
    let octets = <&OctetStringRef>::from_der(bits)?;
    Ok(VerifyingKey::from_le_bytes(curve, octets.as_bytes())?)
}

/// What goes into the BIT STRING.
pub(super) fn wrapped(key: &VerifyingKey) -> der::Result<Vec<u8>> {
    OctetStringRef::new(&key.to_le_bytes())?.to_der()
}

/// The scalar inside PKCS#8: raw and little-endian as RFC 9215 and OpenSSL's engine have it, or once more in an OCTET
/// STRING, or a big-endian INTEGER as older stacks wrote it.
pub(super) fn secret(curve: Curve, bytes: &[u8]) -> Result<SecretKey, KeyError> {
    let size = curve.size();
    if bytes.len() == size {
        return Ok(SecretKey::from_le_bytes(curve, bytes)?);
    }
    let inner = match bytes.first() {
        Some(0x04) => Zeroizing::new(<&OctetStringRef>::from_der(bytes)?.as_bytes().to_vec()),
        Some(0x02) => {
            let number = UintRef::from_der(bytes)?;
            let mut bytes = Zeroizing::new(number.as_bytes().to_vec());
            bytes.reverse();
            if bytes.len() < size {
                // Written anew rather than grown in place, which would leave a copy behind.
                let mut whole = Zeroizing::new(vec![0; size]);
                whole[..bytes.len()].copy_from_slice(&bytes);
                bytes = whole;
            }
            bytes
        }
        _ => return Err(KeyError::Malformed(format!("a private key of {} bytes", bytes.len()))),
    };
    Ok(SecretKey::from_le_bytes(curve, &inner)?)
}
