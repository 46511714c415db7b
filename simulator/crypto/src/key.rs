//! Keys. Private keys live as PKCS#8 and print nothing; that form is wiped when the last holder lets go (ring's own
//! copy, which it gives no access to, is only freed). Signing and verifying is ring's; RSA generation alone is the `rsa`
//! crate's, because ring has none.

use std::fmt;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{self, EcdsaKeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey};
use zeroize::{Zeroize, Zeroizing};

use crate::asn1::{self, BIT_STRING, INTEGER, Malformed, OCTET_STRING, OID, Reader, SEQUENCE};
use crate::{Algorithm, Family, Scheme};

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// What is wrong with a key or with the wish to use it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("read the key: {0}")]
    Malformed(String),
    #[error("draw randomness from the system")]
    NoRandomness,
    #[error("find a private key: the text holds {0}")]
    NotPrivateKey(String),
    #[error("make an RSA key")]
    RsaGeneration,
    #[error("accept an RSA key of {0} bits: at least 2048 are wanted")]
    TooShort(usize),
    #[error("use a key of the algorithm {0}: RSA and ECDSA P-256 are known")]
    UnknownAlgorithm(String),
    #[error("sign by {scheme} with a key of {family}")]
    WrongFamily { family: Family, scheme: Scheme },
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("verify: the signature has {seen} bytes where {wanted} are wanted")]
    Length { seen: usize, wanted: usize },
    #[error("verify: the signature is not one over these bytes by this key")]
    Mismatch,
    #[error("verify by {scheme} with a key of {family}")]
    WrongFamily { family: Family, scheme: Scheme },
}

/// A private key with its public half. Cloning shares.
#[derive(Clone)]
pub struct PrivateKey(Arc<Held>);

struct Held {
    pkcs8: Zeroizing<Vec<u8>>,
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ec { der: Box<EcdsaKeyPair>, fixed: Box<EcdsaKeyPair> },
    Rsa(Box<RsaKeyPair>),
}

/// A public key as its SubjectPublicKeyInfo.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    family: Family,
    spki: Vec<u8>,
    /// `RSAPublicKey` in DER, or the uncompressed point.
    inner: Vec<u8>,
}

impl PrivateKey {
    /// Makes a key from the system's randomness. RSA takes a noticeable time, ECDSA none.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        match algorithm {
            Algorithm::EcdsaP256 => {
                let made =
                    EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
                        .map_err(|_| KeyError::NoRandomness)?;
                Self::from_pkcs8_der(made.as_ref())
            }
            Algorithm::Rsa2048 => Self::generate_rsa(2048),
            Algorithm::Rsa3072 => Self::generate_rsa(3072),
        }
    }

    fn generate_rsa(bits: usize) -> Result<Self, KeyError> {
        use rsa::pkcs8::EncodePrivateKey;
        let mut seed = [0u8; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| KeyError::NoRandomness)?;
        let mut chance = ChaCha20Rng::from_seed(seed);
        seed.zeroize();
        let made = rsa::RsaPrivateKey::new(&mut chance, bits).map_err(|_| KeyError::RsaGeneration)?;
        let pkcs8 = made.to_pkcs8_der().map_err(|_| KeyError::RsaGeneration)?;
        Self::from_pkcs8_der(pkcs8.as_bytes())
    }

    /// Reads the first private key of a PEM text: PKCS#8, PKCS#1 (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`).
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let mut seen = Vec::new();
        for block in crate::pem::blocks(text) {
            let der = Zeroizing::new(block.der);
            match block.label.as_str() {
                "PRIVATE KEY" => return Self::from_pkcs8_der(&der),
                "RSA PRIVATE KEY" => {
                    let algorithm = asn1::tlv(SEQUENCE, &[&asn1::tlv(OID, &[RSA_ENCRYPTION]), &asn1::NULL]);
                    return Self::from_pkcs8_der(&wrap(&algorithm, &der));
                }
                "EC PRIVATE KEY" => {
                    let oids = [asn1::tlv(OID, &[EC_PUBLIC_KEY]), asn1::tlv(OID, &[P256])];
                    return Self::from_pkcs8_der(&wrap(&asn1::tlv(SEQUENCE, &[&oids[0], &oids[1]]), &der));
                }
                _ => seen.push(block.label),
            }
        }
        let seen = if seen.is_empty() { "no PEM block".to_owned() } else { seen.join(", ") };
        Err(KeyError::NotPrivateKey(seen))
    }

    /// Reads PKCS#8 in DER.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let (algorithm, parameters) = pkcs8_algorithm(der).map_err(|error| KeyError::Malformed(error.to_string()))?;
        let refused = |error: ring::error::KeyRejected| KeyError::Malformed(error.to_string());
        let (pair, public) = if algorithm == RSA_ENCRYPTION {
            let pair = RsaKeyPair::from_pkcs8(der).map_err(refused)?;
            let public = PublicKey::from_rsa_der(pair.public().as_ref())?;
            (Pair::Rsa(Box::new(pair)), public)
        } else if algorithm == EC_PUBLIC_KEY && parameters == P256 {
            let chance = SystemRandom::new();
            let read = |form| EcdsaKeyPair::from_pkcs8(form, der, &chance).map_err(refused);
            let fixed = read(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)?;
            let der = read(&signature::ECDSA_P256_SHA256_ASN1_SIGNING)?;
            let public = PublicKey::from_point(fixed.public_key().as_ref())?;
            (Pair::Ec { der: Box::new(der), fixed: Box::new(fixed) }, public)
        } else {
            return Err(KeyError::UnknownAlgorithm(asn1::dotted(algorithm)));
        };
        Ok(Self(Arc::new(Held { pkcs8: Zeroizing::new(der.to_vec()), pair, public })))
    }

    /// PKCS#8 as PEM. Goes into files of mode 0600 and nowhere else.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(crate::pem::encode("PRIVATE KEY", &self.0.pkcs8))
    }

    /// PKCS#8 in DER.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.0.pkcs8
    }

    pub fn public(&self) -> &PublicKey {
        &self.0.public
    }

    pub fn family(&self) -> Family {
        self.0.public.family
    }

    /// Signs by the default scheme of the key: PKCS#1 v1.5 with SHA-256, or ECDSA with SHA-256 in DER.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.sign_with(self.family().scheme(), message)
    }

    /// Signs by this scheme; refused when the key is of another family.
    pub fn sign_with(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let chance = SystemRandom::new();
        let rsa = |pair: &RsaKeyPair, encoding: &'static dyn signature::RsaEncoding| {
            let mut out = vec![0; pair.public().modulus_len()];
            pair.sign(encoding, &chance, message, &mut out).map_err(|_| KeyError::NoRandomness)?;
            Ok(out)
        };
        let ec = |pair: &EcdsaKeyPair| {
            pair.sign(&chance, message).map(|made| made.as_ref().to_vec()).map_err(|_| KeyError::NoRandomness)
        };
        match (&self.0.pair, scheme) {
            (Pair::Rsa(pair), Scheme::RsaPkcs1Sha256) => rsa(pair, &signature::RSA_PKCS1_SHA256),
            (Pair::Rsa(pair), Scheme::RsaPssSha256) => rsa(pair, &signature::RSA_PSS_SHA256),
            (Pair::Rsa(pair), Scheme::RsaPssSha512) => rsa(pair, &signature::RSA_PSS_SHA512),
            (Pair::Ec { der, .. }, Scheme::EcdsaSha256Der) => ec(der),
            (Pair::Ec { fixed, .. }, Scheme::EcdsaSha256Fixed) => ec(fixed),
            _ => Err(KeyError::WrongFamily { family: self.family(), scheme }),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PrivateKey({})", self.family())
    }
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let [algorithm, parameters, inner] = spki_parts(der).map_err(|error| KeyError::Malformed(error.to_string()))?;
        // A key that its owner reserved for PSS is an RSA key all the same; the reservation is not enforced.
        if algorithm == RSA_ENCRYPTION || algorithm == RSASSA_PSS {
            Self::from_rsa_der(inner)
        } else if algorithm == EC_PUBLIC_KEY && parameters == P256 {
            Self::from_point(inner)
        } else if algorithm == EC_PUBLIC_KEY {
            Err(KeyError::UnknownAlgorithm(format!("curve {}", asn1::dotted(parameters))))
        } else {
            Err(KeyError::UnknownAlgorithm(asn1::dotted(algorithm)))
        }
    }

    /// Reads the first `PUBLIC KEY` block of a PEM text.
    pub fn from_spki_pem(text: &str) -> Result<Self, KeyError> {
        let der = crate::pem::find(text, "PUBLIC KEY");
        Self::from_spki_der(&der.ok_or_else(|| KeyError::Malformed("no block PUBLIC KEY".to_owned()))?)
    }

    /// Reads the key of a JWK.
    pub fn from_jwk(jwk: &crate::jwk::Jwk) -> Result<Self, KeyError> {
        jwk.public_key()
    }

    pub(crate) fn from_rsa_parts(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        Self::from_rsa_der(&asn1::tlv(SEQUENCE, &[&asn1::unsigned(modulus), &asn1::unsigned(exponent)]))
    }

    fn from_rsa_der(inner: &[u8]) -> Result<Self, KeyError> {
        let (modulus, _) = rsa_parts(inner).map_err(|error| KeyError::Malformed(error.to_string()))?;
        let bits = bit_length(modulus);
        if bits < 2048 {
            return Err(KeyError::TooShort(bits));
        }
        let algorithm = asn1::tlv(SEQUENCE, &[&asn1::tlv(OID, &[RSA_ENCRYPTION]), &asn1::NULL]);
        Ok(Self { family: Family::Rsa, spki: wrap_public(&algorithm, inner), inner: inner.to_vec() })
    }

    pub(crate) fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        if point.len() != 65 || point[0] != 4 {
            return Err(KeyError::Malformed("the point is not an uncompressed one of P-256".to_owned()));
        }
        let oids = [asn1::tlv(OID, &[EC_PUBLIC_KEY]), asn1::tlv(OID, &[P256])];
        let algorithm = asn1::tlv(SEQUENCE, &[&oids[0], &oids[1]]);
        Ok(Self { family: Family::EcdsaP256, spki: wrap_public(&algorithm, point), inner: point.to_vec() })
    }

    pub fn family(&self) -> Family {
        self.family
    }

    /// Size of the modulus, or of the curve.
    pub fn bits(&self) -> usize {
        match self.family {
            Family::EcdsaP256 => 256,
            Family::Rsa => rsa_parts(&self.inner).map_or(0, |(modulus, _)| bit_length(modulus)),
        }
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    pub fn to_pem(&self) -> String {
        crate::pem::encode("PUBLIC KEY", &self.spki)
    }

    /// Content of the BIT STRING: `RSAPublicKey`, or the point.
    pub fn subject_public_key(&self) -> &[u8] {
        &self.inner
    }

    /// Modulus and exponent, or x and y: what a JWK shows.
    pub(crate) fn parts(&self) -> (Vec<u8>, Vec<u8>) {
        match self.family {
            Family::EcdsaP256 => (self.inner[1..33].to_vec(), self.inner[33..].to_vec()),
            Family::Rsa => {
                rsa_parts(&self.inner).map_or_else(|_| Default::default(), |(n, e)| (n.to_vec(), e.to_vec()))
            }
        }
    }

    /// Whether this is a signature over the message by this key and scheme.
    pub fn verify(&self, scheme: Scheme, message: &[u8], sign: &[u8]) -> Result<(), VerifyError> {
        if scheme.family() != self.family {
            return Err(VerifyError::WrongFamily { family: self.family, scheme });
        }
        let wanted = match scheme {
            Scheme::EcdsaSha256Der => None,
            Scheme::EcdsaSha256Fixed => Some(64),
            Scheme::RsaPkcs1Sha256 | Scheme::RsaPssSha256 | Scheme::RsaPssSha512 => Some(self.bits().div_ceil(8)),
        };
        if let Some(wanted) = wanted.filter(|wanted| *wanted != sign.len()) {
            return Err(VerifyError::Length { seen: sign.len(), wanted });
        }
        let algorithm: &dyn signature::VerificationAlgorithm = match scheme {
            Scheme::EcdsaSha256Der => &signature::ECDSA_P256_SHA256_ASN1,
            Scheme::EcdsaSha256Fixed => &signature::ECDSA_P256_SHA256_FIXED,
            Scheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Scheme::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
            Scheme::RsaPssSha512 => &signature::RSA_PSS_2048_8192_SHA512,
        };
        UnparsedPublicKey::new(algorithm, &self.inner).verify(message, sign).map_err(|_| VerifyError::Mismatch)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({} {})", self.family, crate::digest::sha256_hex(&self.spki))
    }
}

fn wrap(algorithm: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let inner = Zeroizing::new(asn1::tlv(OCTET_STRING, &[key]));
    Zeroizing::new(asn1::tlv(SEQUENCE, &[&asn1::tlv(INTEGER, &[&[0]]), algorithm, &inner]))
}

fn wrap_public(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    asn1::tlv(SEQUENCE, &[algorithm, &asn1::tlv(BIT_STRING, &[&[0], key])])
}

/// Content of an algorithm's OID and of its parameters, empty when there are none.
fn algorithm_parts(content: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(content);
    let oid = reader.expect(OID)?.content;
    let parameters = if reader.is_empty() { &[][..] } else { reader.any()?.content };
    Ok((oid, parameters))
}

fn pkcs8_algorithm(der: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(asn1::single(der, SEQUENCE)?.content);
    reader.expect(INTEGER)?;
    algorithm_parts(reader.expect(SEQUENCE)?.content)
}

/// Algorithm, parameters and key of a SubjectPublicKeyInfo.
fn spki_parts(der: &[u8]) -> Result<[&[u8]; 3], Malformed> {
    let mut reader = Reader::new(asn1::single(der, SEQUENCE)?.content);
    let (oid, parameters) = algorithm_parts(reader.expect(SEQUENCE)?.content)?;
    let bits = reader.expect(BIT_STRING)?.content;
    reader.end()?;
    match bits {
        [0, key @ ..] => Ok([oid, parameters, key]),
        _ => Err(Malformed("a key of unused bits")),
    }
}

fn rsa_parts(der: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(asn1::single(der, SEQUENCE)?.content);
    let modulus = asn1::unsigned_bytes(&reader.expect(INTEGER)?)?;
    let exponent = asn1::unsigned_bytes(&reader.expect(INTEGER)?)?;
    reader.end()?;
    Ok((modulus, exponent))
}

fn bit_length(bytes: &[u8]) -> usize {
    bytes.first().map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_pem_and_prints_nothing() {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(key.public(), again.public());
        assert_eq!(format!("{key:?}"), "PrivateKey(ecdsa-p256)");
        assert_eq!(PublicKey::from_spki_der(key.public().spki_der()).unwrap(), *key.public());
        assert_eq!(PublicKey::from_spki_pem(&key.public().to_pem()).unwrap(), *key.public());
    }

    #[test]
    fn an_rsa_key_is_made_and_signs_by_all_its_schemes() {
        let key = PrivateKey::generate(Algorithm::Rsa2048).unwrap();
        assert_eq!((key.family(), key.public().bits()), (Family::Rsa, 2048));
        for scheme in [Scheme::RsaPkcs1Sha256, Scheme::RsaPssSha256, Scheme::RsaPssSha512] {
            let sign = key.sign_with(scheme, b"text").unwrap();
            assert_eq!(key.public().verify(scheme, b"text", &sign), Ok(()));
            assert_eq!(key.public().verify(scheme, b"texT", &sign), Err(VerifyError::Mismatch));
            let cut = key.public().verify(scheme, b"text", &sign[1..]);
            assert_eq!(cut, Err(VerifyError::Length { seen: 255, wanted: 256 }));
        }
        assert!(matches!(key.sign_with(Scheme::EcdsaSha256Der, b"x"), Err(KeyError::WrongFamily { .. })));
        let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(key.public(), again.public());
        assert_eq!(PublicKey::from_spki_der(key.public().spki_der()).unwrap(), *key.public());
    }

    #[test]
    fn ecdsa_signs_in_both_forms() {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        for scheme in [Scheme::EcdsaSha256Der, Scheme::EcdsaSha256Fixed] {
            let sign = key.sign_with(scheme, b"text").unwrap();
            assert_eq!(key.public().verify(scheme, b"text", &sign), Ok(()));
            assert_eq!(key.public().verify(scheme, b"other", &sign), Err(VerifyError::Mismatch));
        }
    }

    #[test]
    fn what_is_no_private_key_is_refused_by_name() {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let wrong = PrivateKey::from_pem(&key.public().to_pem()).unwrap_err();
        assert_eq!(wrong, KeyError::NotPrivateKey("PUBLIC KEY".to_owned()));
        assert_eq!(PrivateKey::from_pem("").unwrap_err(), KeyError::NotPrivateKey("no PEM block".to_owned()));
        assert!(matches!(PrivateKey::from_pkcs8_der(&[0x30, 0]), Err(KeyError::Malformed(_))));
    }
}
