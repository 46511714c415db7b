//! Keys. Private keys live as PKCS#8 and print nothing; that form is wiped when the last holder lets go (ring's own
//! copy, which it gives no access to, is only freed). Signing and verifying is ring's; RSA generation alone is the `rsa`
//! crate's, because ring has none.

use std::fmt;
use std::sync::Arc;

use der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use der::oid::db::rfc5912::{ID_EC_PUBLIC_KEY, ID_RSASSA_PSS, RSA_ENCRYPTION, SECP_256_R_1};
use der::{Decode, Encode};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{self, EcdsaKeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey};
use rsa::pkcs1::RsaPublicKeyRef;
use rsa::pkcs8::PrivateKeyInfoRef;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::{Zeroize, Zeroizing};

use crate::{Algorithm, Family, Scheme};

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

impl From<der::Error> for KeyError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error.to_string())
    }
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
                "RSA PRIVATE KEY" => return Self::from_pkcs8_der(&wrap(Family::Rsa, &der)?),
                "EC PRIVATE KEY" => return Self::from_pkcs8_der(&wrap(Family::EcdsaP256, &der)?),
                _ => seen.push(block.label),
            }
        }
        let seen = if seen.is_empty() { "no PEM block".to_owned() } else { seen.join(", ") };
        Err(KeyError::NotPrivateKey(seen))
    }

    /// Reads PKCS#8 in DER.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let refused = |error: ring::error::KeyRejected| KeyError::Malformed(error.to_string());
        let (pair, public) = match family(&PrivateKeyInfoRef::from_der(der)?.algorithm)? {
            Family::Rsa => {
                let pair = RsaKeyPair::from_pkcs8(der).map_err(refused)?;
                let public = PublicKey::from_rsa_der(pair.public().as_ref())?;
                (Pair::Rsa(Box::new(pair)), public)
            }
            Family::EcdsaP256 => {
                let chance = SystemRandom::new();
                let read = |form| EcdsaKeyPair::from_pkcs8(form, der, &chance).map_err(refused);
                let fixed = read(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)?;
                let der = read(&signature::ECDSA_P256_SHA256_ASN1_SIGNING)?;
                let public = PublicKey::from_point(fixed.public_key().as_ref())?;
                (Pair::Ec { der: Box::new(der), fixed: Box::new(fixed) }, public)
            }
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
        let info = SubjectPublicKeyInfoRef::from_der(der)?;
        let bits = info.subject_public_key.as_bytes();
        let inner = bits.ok_or_else(|| KeyError::Malformed("a key of unused bits".to_owned()))?;
        // A key that its owner reserved for PSS is an RSA key all the same; the reservation is not enforced.
        let family = if info.algorithm.oid == ID_RSASSA_PSS { Family::Rsa } else { family(&info.algorithm)? };
        match family {
            Family::EcdsaP256 => Self::from_point(inner),
            Family::Rsa => Self::from_rsa_der(inner),
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
        let key = RsaPublicKeyRef { modulus: UintRef::new(modulus)?, public_exponent: UintRef::new(exponent)? };
        Self::from_rsa_der(&key.to_der()?)
    }

    fn from_rsa_der(inner: &[u8]) -> Result<Self, KeyError> {
        let bits = bit_length(RsaPublicKeyRef::from_der(inner)?.modulus.as_bytes());
        if bits < 2048 {
            return Err(KeyError::TooShort(bits));
        }
        Self::from_inner(Family::Rsa, inner)
    }

    pub(crate) fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        if point.len() != 65 || point[0] != 4 {
            return Err(KeyError::Malformed("the point is not an uncompressed one of P-256".to_owned()));
        }
        Self::from_inner(Family::EcdsaP256, point)
    }

    fn from_inner(family: Family, inner: &[u8]) -> Result<Self, KeyError> {
        let algorithm = identifier(family);
        let info = SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(inner)? };
        Ok(Self { family, spki: info.to_der()?, inner: inner.to_vec() })
    }

    pub fn family(&self) -> Family {
        self.family
    }

    /// Size of the modulus, or of the curve.
    pub fn bits(&self) -> usize {
        match self.family {
            Family::EcdsaP256 => 256,
            Family::Rsa => RsaPublicKeyRef::from_der(&self.inner).map_or(0, |key| bit_length(key.modulus.as_bytes())),
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
            Family::Rsa => RsaPublicKeyRef::from_der(&self.inner).map_or_else(
                |_| Default::default(),
                |key| (key.modulus.as_bytes().to_vec(), key.public_exponent.as_bytes().to_vec()),
            ),
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

/// PKCS#8 around a private key in the form of its own family.
fn wrap(family: Family, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = PrivateKeyInfoRef::new(identifier(family), OctetStringRef::new(key)?);
    Ok(Zeroizing::new(info.to_der()?))
}

/// How the algorithm of such a key is written.
fn identifier(family: Family) -> AlgorithmIdentifierRef<'static> {
    let (oid, parameters) = match family {
        Family::EcdsaP256 => (ID_EC_PUBLIC_KEY, AnyRef::from(&SECP_256_R_1)),
        Family::Rsa => (RSA_ENCRYPTION, AnyRef::NULL),
    };
    AlgorithmIdentifierRef { oid, parameters: Some(parameters) }
}

/// What a key of this algorithm is; refused by name where it is not known here.
fn family(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Family, KeyError> {
    match algorithm.oid {
        RSA_ENCRYPTION => Ok(Family::Rsa),
        ID_EC_PUBLIC_KEY => match algorithm.parameters_oid() {
            Ok(SECP_256_R_1) => Ok(Family::EcdsaP256),
            Ok(curve) => Err(KeyError::UnknownAlgorithm(format!("curve {curve}"))),
            Err(_) => Err(KeyError::UnknownAlgorithm("curve without a name".to_owned())),
        },
        other => Err(KeyError::UnknownAlgorithm(other.to_string())),
    }
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
    fn keys_in_the_form_of_their_family_are_read() {
        for (algorithm, label) in [(Algorithm::EcdsaP256, "EC PRIVATE KEY"), (Algorithm::Rsa2048, "RSA PRIVATE KEY")] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let info = PrivateKeyInfoRef::from_der(key.pkcs8_der()).unwrap();
            let text = crate::pem::encode(label, info.private_key.as_bytes());
            assert_eq!(PrivateKey::from_pem(&text).unwrap().public(), key.public());
        }
    }

    #[test]
    fn a_key_on_another_curve_is_refused_by_name() {
        use der::oid::db::rfc5912::SECP_384_R_1;
        let algorithm = AlgorithmIdentifierRef { oid: ID_EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&SECP_384_R_1)) };
        let info =
            SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(&[4; 97]).unwrap() };
        let refused = KeyError::UnknownAlgorithm("curve 1.3.132.0.34".to_owned());
        assert_eq!(PublicKey::from_spki_der(&info.to_der().unwrap()), Err(refused));
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
