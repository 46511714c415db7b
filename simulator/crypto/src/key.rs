//! Keys. Private keys live as PKCS#8 and print nothing; that form is wiped when the last holder lets go (ring's own
//! copy, which it gives no access to, is only freed). Signing and verifying by RSA and ECDSA is ring's; RSA generation
//! alone is the `rsa` crate's, because ring has none. GOST is [`crate::gost`]'s; how its keys are written is told in the
//! room `gost` here.
//!
//! Two public keys are the same when they are the same numbers on the same curve, however their parameters are written:
//! a certificate may name the curve of its key otherwise than the file of the private key does.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use der::asn1::{BitStringRef, OctetStringRef, UintRef};
use der::oid::db::rfc5912::{ID_EC_PUBLIC_KEY, ID_RSASSA_PSS, RSA_ENCRYPTION, SECP_256_R_1};
use der::referenced::OwnedToRef;
use der::{Any, Decode, Encode};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{self, EcdsaKeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey};
use rsa::pkcs1::RsaPublicKeyRef;
use rsa::pkcs8::PrivateKeyInfoRef;
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::{Zeroize, Zeroizing};

use crate::gost::{Curve, GostError, SecretKey, VerifyingKey, streebog256, streebog512};
use crate::{Algorithm, Family, Scheme};

pub(crate) mod gost;

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
    #[error("use a key of the algorithm {0}: RSA, ECDSA P-256 and GOST R 34.10-2012 are known")]
    UnknownAlgorithm(String),
    #[error("sign by {scheme} with a key of {family}")]
    WrongFamily { family: Family, scheme: Scheme },
}

impl From<der::Error> for KeyError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<GostError> for KeyError {
    fn from(error: GostError) -> Self {
        match error {
            GostError::NoRandomness => Self::NoRandomness,
            other => Self::Malformed(other.to_string()),
        }
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
    Gost(Box<SecretKey>),
    Rsa(Box<RsaKeyPair>),
}

/// A public key as its SubjectPublicKeyInfo.
#[derive(Clone)]
pub struct PublicKey {
    kind: Kind,
    spki: Vec<u8>,
    /// Content of the BIT STRING: `RSAPublicKey` in DER, the uncompressed point, or GOST's OCTET STRING of the point.
    inner: Vec<u8>,
}

#[derive(Clone)]
enum Kind {
    EcdsaP256,
    Gost(Arc<VerifyingKey>),
    Rsa,
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
            Algorithm::Gost(curve) => Self::generate_gost(curve),
            Algorithm::Rsa2048 => Self::generate_rsa(2048),
            Algorithm::Rsa3072 => Self::generate_rsa(3072),
        }
    }

    fn generate_gost(curve: Curve) -> Result<Self, KeyError> {
        Self::from_gost(SecretKey::generate(curve)?)
    }

    /// A key of GOST R 34.10-2012, written as RFC 9215 writes it.
    pub fn from_gost(secret: SecretKey) -> Result<Self, KeyError> {
        let scalar = secret.to_le_bytes();
        let algorithm = gost::identifier(secret.curve())?;
        let info = PrivateKeyInfoRef::new(algorithm.owned_to_ref(), OctetStringRef::new(&scalar)?);
        let pkcs8 = Zeroizing::new(info.to_der()?);
        let public = PublicKey::from_gost(secret.public().clone())?;
        Ok(Self(Arc::new(Held { pkcs8, pair: Pair::Gost(Box::new(secret)), public })))
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
                "RSA PRIVATE KEY" => return Self::from_pkcs8_der(&wrap(&Kind::Rsa, &der)?),
                "EC PRIVATE KEY" => return Self::from_pkcs8_der(&wrap(&Kind::EcdsaP256, &der)?),
                _ => seen.push(block.label),
            }
        }
        let seen = if seen.is_empty() { "no PEM block".to_owned() } else { seen.join(", ") };
        Err(KeyError::NotPrivateKey(seen))
    }

    /// Reads PKCS#8 in DER.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let refused = |error: ring::error::KeyRejected| KeyError::Malformed(error.to_string());
        let info = PrivateKeyInfoRef::from_der(der)?;
        let (pair, public) = match family(&info.algorithm)? {
            Family::Gost256 | Family::Gost512 => {
                let secret = gost::secret(gost::curve(&info.algorithm)?, info.private_key.as_bytes())?;
                // The public key says its algorithm as the private one did.
                let inner = gost::wrapped(secret.public())?;
                let subject_public_key = BitStringRef::from_bytes(&inner)?;
                let public = SubjectPublicKeyInfoRef { algorithm: info.algorithm, subject_public_key };
                let public = PublicKey::from_spki_der(&public.to_der()?)?;
                // Some writers leave out the OCTET STRING around the point here.
                let raw = secret.public().to_le_bytes();
                let same = |beside: &BitStringRef<'_>| [Some(&*inner), Some(&*raw)].contains(&beside.as_bytes());
                if !info.public_key.as_ref().is_none_or(same) {
                    return Err(KeyError::Malformed("the public key beside it is of another key".to_owned()));
                }
                (Pair::Gost(Box::new(secret)), public)
            }
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
        self.0.public.family()
    }

    /// The key itself where it is one of GOST R 34.10-2012.
    pub fn gost(&self) -> Option<&SecretKey> {
        match &self.0.pair {
            Pair::Gost(secret) => Some(secret),
            Pair::Ec { .. } | Pair::Rsa(_) => None,
        }
    }

    /// Signs by the default scheme of the key: PKCS#1 v1.5 with SHA-256, ECDSA with SHA-256 in DER, or GOST with Streebog
    /// of the key's size.
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
            (Pair::Gost(secret), Scheme::Gost256 | Scheme::Gost512) if scheme.family() == self.family() => {
                Ok(secret.sign_digest(&streebog(secret.curve(), message))?)
            }
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
            Family::Gost256 | Family::Gost512 => {
                let key = gost::point(gost::curve(&info.algorithm)?, inner)?;
                // The parameters stay as they came: whoever compares whole identifiers finds its own.
                Ok(Self { kind: Kind::Gost(Arc::new(key)), spki: info.to_der()?, inner: inner.to_vec() })
            }
            Family::Rsa => Self::from_rsa_der(inner),
        }
    }

    /// A key of GOST R 34.10-2012, written as RFC 9215 writes it.
    pub fn from_gost(key: VerifyingKey) -> Result<Self, KeyError> {
        let inner = gost::wrapped(&key)?;
        let algorithm = gost::identifier(key.curve())?;
        let subject_public_key = BitStringRef::from_bytes(&inner)?;
        let spki = SubjectPublicKeyInfoRef { algorithm: algorithm.owned_to_ref(), subject_public_key }.to_der()?;
        Ok(Self { kind: Kind::Gost(Arc::new(key)), spki, inner })
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
        Self::from_inner(Kind::Rsa, inner)
    }

    pub(crate) fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        if point.len() != 65 || point[0] != 4 {
            return Err(KeyError::Malformed("the point is not an uncompressed one of P-256".to_owned()));
        }
        Self::from_inner(Kind::EcdsaP256, point)
    }

    fn from_inner(kind: Kind, inner: &[u8]) -> Result<Self, KeyError> {
        let algorithm = identifier(&kind)?;
        let subject_public_key = BitStringRef::from_bytes(inner)?;
        let spki = SubjectPublicKeyInfoRef { algorithm: algorithm.owned_to_ref(), subject_public_key }.to_der()?;
        Ok(Self { kind, spki, inner: inner.to_vec() })
    }

    pub fn family(&self) -> Family {
        match &self.kind {
            Kind::EcdsaP256 => Family::EcdsaP256,
            Kind::Gost(key) => gost::family_of(key.curve()),
            Kind::Rsa => Family::Rsa,
        }
    }

    /// The key itself where it is one of GOST R 34.10-2012.
    pub fn gost(&self) -> Option<&VerifyingKey> {
        match &self.kind {
            Kind::Gost(key) => Some(key),
            Kind::EcdsaP256 | Kind::Rsa => None,
        }
    }

    /// Size of the modulus, or of the curve.
    pub fn bits(&self) -> usize {
        match &self.kind {
            Kind::EcdsaP256 => 256,
            Kind::Gost(key) => key.curve().size() * 8,
            Kind::Rsa => RsaPublicKeyRef::from_der(&self.inner).map_or(0, |key| bit_length(key.modulus.as_bytes())),
        }
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    pub fn to_pem(&self) -> String {
        crate::pem::encode("PUBLIC KEY", &self.spki)
    }

    /// Content of the BIT STRING: `RSAPublicKey`, the point, or GOST's OCTET STRING of the point.
    pub fn subject_public_key(&self) -> &[u8] {
        &self.inner
    }

    /// Modulus and exponent, or x and y, big-endian: what a JWK shows.
    pub(crate) fn parts(&self) -> (Vec<u8>, Vec<u8>) {
        match &self.kind {
            Kind::EcdsaP256 => (self.inner[1..33].to_vec(), self.inner[33..].to_vec()),
            Kind::Gost(key) => {
                let mut bytes = key.to_le_bytes();
                bytes.reverse();
                let x = bytes.split_off(bytes.len() / 2);
                (x, bytes)
            }
            Kind::Rsa => RsaPublicKeyRef::from_der(&self.inner).map_or_else(
                |_| Default::default(),
                |key| (key.modulus.as_bytes().to_vec(), key.public_exponent.as_bytes().to_vec()),
            ),
        }
    }

    /// What decides which key this is.
    fn identity(&self) -> (Family, Option<Curve>, &[u8]) {
        (self.family(), self.gost().map(VerifyingKey::curve), &self.inner)
    }

    /// Whether this is a signature over the message by this key and scheme.
    pub fn verify(&self, scheme: Scheme, message: &[u8], sign: &[u8]) -> Result<(), VerifyError> {
        let family = self.family();
        if scheme.family() != family {
            return Err(VerifyError::WrongFamily { family, scheme });
        }
        let wanted = match scheme {
            Scheme::EcdsaSha256Der => None,
            Scheme::EcdsaSha256Fixed | Scheme::Gost256 => Some(64),
            Scheme::Gost512 => Some(128),
            Scheme::RsaPkcs1Sha256 | Scheme::RsaPssSha256 | Scheme::RsaPssSha512 => Some(self.bits().div_ceil(8)),
        };
        if let Some(wanted) = wanted.filter(|wanted| *wanted != sign.len()) {
            return Err(VerifyError::Length { seen: sign.len(), wanted });
        }
        let algorithm: &dyn signature::VerificationAlgorithm = match scheme {
            Scheme::EcdsaSha256Der => &signature::ECDSA_P256_SHA256_ASN1,
            Scheme::EcdsaSha256Fixed => &signature::ECDSA_P256_SHA256_FIXED,
            Scheme::Gost256 | Scheme::Gost512 => {
                let holds = |key: &VerifyingKey| key.verify_digest(&streebog(key.curve(), message), sign);
                return if self.gost().is_some_and(holds) { Ok(()) } else { Err(VerifyError::Mismatch) };
            }
            Scheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Scheme::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
            Scheme::RsaPssSha512 => &signature::RSA_PSS_2048_8192_SHA512,
        };
        UnparsedPublicKey::new(algorithm, &self.inner).verify(message, sign).map_err(|_| VerifyError::Mismatch)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for PublicKey {}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({} {})", self.family(), crate::digest::sha256_hex(&self.spki))
    }
}

/// The digest that goes with a curve: Streebog of its size.
pub(crate) fn streebog(curve: Curve, message: &[u8]) -> Vec<u8> {
    if curve.size() == 32 { streebog256(message).to_vec() } else { streebog512(message).to_vec() }
}

/// PKCS#8 around a private key in the form of its own family.
fn wrap(kind: &Kind, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let algorithm = identifier(kind)?;
    let info = PrivateKeyInfoRef::new(algorithm.owned_to_ref(), OctetStringRef::new(key)?);
    Ok(Zeroizing::new(info.to_der()?))
}

/// How the algorithm of such a key is written.
fn identifier(kind: &Kind) -> Result<AlgorithmIdentifierOwned, KeyError> {
    let (oid, parameters) = match kind {
        Kind::EcdsaP256 => (ID_EC_PUBLIC_KEY, Any::encode_from(&SECP_256_R_1)?),
        Kind::Gost(key) => return Ok(gost::identifier(key.curve())?),
        Kind::Rsa => (RSA_ENCRYPTION, Any::null()),
    };
    Ok(AlgorithmIdentifierOwned { oid, parameters: Some(parameters) })
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
        other => gost::family(other).ok_or_else(|| KeyError::UnknownAlgorithm(other.to_string())),
    }
}

fn bit_length(bytes: &[u8]) -> usize {
    bytes.first().map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests;
