//! JSON Web Signature in compact form (RFC 7515). Building is free, so that a portal can lie on purpose: any header,
//! any key, any algorithm, none at all. Reading is strict: one alphabet, no padding, three parts, no repeated members,
//! an allow-list of algorithms, no critical extensions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::base64::{decode_url_strict, encode_url};
use crate::json::{self, JsonError};
use crate::jwk::{Jwk, JwkSet, SelectError};
use crate::{Family, KeyError, PrivateKey, PublicKey, Scheme, VerifyError};

/// Longest token read unless told otherwise.
pub const LONGEST: usize = 64 * 1024;

/// Signature algorithms of tokens that are accepted: those of RFC 7518 §3.1, and GOST R 34.10-2012 under the names that
/// ESIA writes, its signature being s ‖ r as everywhere else in ESIA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alg {
    Es256,
    Gost256,
    Gost512,
    Ps256,
    Rs256,
}

/// What closes a token. Only [`Signer::Key`] makes an honest one.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'a> {
    /// These bytes stand as the signature.
    Bytes(&'a [u8]),
    /// HMAC-SHA256 with these bytes as the secret, such as the text of a public key.
    Hmac(&'a [u8]),
    Key(&'a PrivateKey, Alg),
    /// An empty signature (RFC 7518 §3.6).
    None,
}

/// A token taken apart, not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jws {
    pub header: Map<String, Value>,
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
    signing_input: String,
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    #[error("accept the token: it is signed by {0:?}, which is not allowed here")]
    AlgorithmNotAllowed(String),
    #[error("read the token: the header names no algorithm")]
    AlgorithmMissing,
    #[error("read the token: its claims: {0}")]
    Claims(JsonError),
    #[error("read the token: its claims are no JSON object")]
    ClaimsNotObject,
    #[error("accept the token: it demands extensions by crit")]
    Critical,
    #[error("read the token: its {0} is not base64url without padding")]
    Encoding(&'static str),
    #[error("read the token: its header: {0}")]
    Header(JsonError),
    #[error("read the token: its header is no JSON object")]
    HeaderNotObject,
    #[error("read the token: the header member {0} is no text")]
    HeaderMember(&'static str),
    #[error("accept the token: {0}")]
    Key(KeyError),
    #[error("read the token: it has {0} parts, not 3")]
    Parts(usize),
    #[error("accept the token: {0}")]
    Select(SelectError),
    #[error("accept the token: {0}")]
    Signature(VerifyError),
    #[error("read the token: it has {seen} bytes, more than {longest}")]
    TooLong { seen: usize, longest: usize },
}

impl Alg {
    pub const ALL: [Self; 5] = [Self::Es256, Self::Gost256, Self::Gost512, Self::Ps256, Self::Rs256];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Gost256 => "GOST3410_2012_256",
            Self::Gost512 => "GOST3410_2012_512",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    pub const fn family(self) -> Family {
        self.scheme().family()
    }

    pub const fn scheme(self) -> Scheme {
        match self {
            Self::Es256 => Scheme::EcdsaSha256Fixed,
            Self::Gost256 => Scheme::Gost256,
            Self::Gost512 => Scheme::Gost512,
            Self::Ps256 => Scheme::RsaPssSha256,
            Self::Rs256 => Scheme::RsaPkcs1Sha256,
        }
    }
}

/// Builds a token from header and claims as JSON. The header is taken as it is: `alg` is not set from the signer.
pub fn build(header: &Value, claims: &Value, signer: Signer<'_>) -> Result<String, KeyError> {
    build_raw(header.to_string().as_bytes(), claims.to_string().as_bytes(), signer)
}

/// Builds a token from the exact bytes of header and payload.
pub fn build_raw(header: &[u8], payload: &[u8], signer: Signer<'_>) -> Result<String, KeyError> {
    let input = format!("{}.{}", encode_url(header), encode_url(payload));
    let sign = match signer {
        Signer::Bytes(bytes) => bytes.to_vec(),
        Signer::Hmac(secret) => {
            let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
            ring::hmac::sign(&secret, input.as_bytes()).as_ref().to_vec()
        }
        Signer::Key(key, alg) => key.sign_with(alg.scheme(), input.as_bytes())?,
        Signer::None => Vec::new(),
    };
    Ok(format!("{input}.{}", encode_url(&sign)))
}

impl Jws {
    /// Takes a token of at most [`LONGEST`] bytes apart.
    pub fn parse(text: &str) -> Result<Self, JwsError> {
        Self::parse_within(text, LONGEST)
    }

    /// Takes a token of at most this many bytes apart.
    pub fn parse_within(text: &str, longest: usize) -> Result<Self, JwsError> {
        if text.len() > longest {
            return Err(JwsError::TooLong { seen: text.len(), longest });
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else { return Err(JwsError::Parts(parts.len())) };
        let read = |part: &str, name| decode_url_strict(part).map_err(|_| JwsError::Encoding(name));
        let header_bytes = read(header, "header")?;
        let signing_input = format!("{header}.{payload}");
        let payload = read(payload, "payload")?;
        let signature = read(signature, "signature")?;
        match json::strict(&header_bytes).map_err(JwsError::Header)? {
            Value::Object(header) => {
                for name in ["alg", "kid", "typ"] {
                    if header.get(name).is_some_and(|value| !value.is_string()) {
                        return Err(JwsError::HeaderMember(name));
                    }
                }
                Ok(Self { header, payload, signature, signing_input })
            }
            _ => Err(JwsError::HeaderNotObject),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    pub fn alg(&self) -> Option<&str> {
        self.text("alg")
    }

    pub fn kid(&self) -> Option<&str> {
        self.text("kid")
    }

    pub fn typ(&self) -> Option<&str> {
        self.text("typ")
    }

    /// The bytes that are signed: header and payload as they came.
    pub fn signing_input(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    /// The claims, refusing repeated members. Whether they are true, [`Jws::verify`] tells.
    pub fn claims(&self) -> Result<Map<String, Value>, JwsError> {
        match json::strict(&self.payload).map_err(JwsError::Claims)? {
            Value::Object(claims) => Ok(claims),
            _ => Err(JwsError::ClaimsNotObject),
        }
    }

    /// Verifies with this key. The header's algorithm must be in the list and fit the key; it never chooses the key.
    pub fn verify(&self, key: &PublicKey, allowed: &[Alg]) -> Result<Alg, JwsError> {
        let alg = self.checked_alg(allowed)?;
        key.verify(alg.scheme(), self.signing_input(), &self.signature).map_err(JwsError::Signature)?;
        Ok(alg)
    }

    /// Verifies with the key of a set that the header names.
    pub fn verify_with<'a>(&self, keys: &'a JwkSet, allowed: &[Alg]) -> Result<&'a Jwk, JwsError> {
        let alg = self.checked_alg(allowed)?;
        let jwk = keys.select(self.kid(), alg).map_err(JwsError::Select)?;
        let key = jwk.public_key().map_err(JwsError::Key)?;
        key.verify(alg.scheme(), self.signing_input(), &self.signature).map_err(JwsError::Signature)?;
        Ok(jwk)
    }

    fn checked_alg(&self, allowed: &[Alg]) -> Result<Alg, JwsError> {
        if self.header.contains_key("crit") {
            return Err(JwsError::Critical);
        }
        let name = self.alg().ok_or(JwsError::AlgorithmMissing)?;
        let alg = name.parse::<Alg>().ok().filter(|alg| allowed.contains(alg));
        alg.ok_or_else(|| JwsError::AlgorithmNotAllowed(name.to_owned()))
    }
}

impl JwsError {
    /// A slug for logs and diagnosis.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlgorithmNotAllowed(_) => "algorithm-not-allowed",
            Self::AlgorithmMissing => "algorithm-missing",
            Self::Claims(JsonError::Duplicate(_)) => "claim-repeated",
            Self::Claims(JsonError::Malformed(_)) => "claims-malformed",
            Self::ClaimsNotObject => "claims-not-object",
            Self::Critical => "critical-extension",
            Self::Encoding(_) => "encoding",
            Self::Header(JsonError::Duplicate(_)) => "header-member-repeated",
            Self::Header(JsonError::Malformed(_)) => "header-malformed",
            Self::HeaderNotObject => "header-not-object",
            Self::HeaderMember(_) => "header-member-type",
            Self::Key(_) => "key-unusable",
            Self::Parts(_) => "parts",
            Self::Select(SelectError::Ambiguous(_)) => "key-ambiguous",
            Self::Select(SelectError::UnknownKid(_)) => "key-unknown",
            Self::Select(SelectError::NoneOfKind(_)) => "key-of-other-kind",
            Self::Select(SelectError::WrongAlgorithm { .. }) => "key-of-other-algorithm",
            Self::Select(SelectError::WrongUse(_)) => "key-not-for-signatures",
            Self::Signature(VerifyError::WrongFamily { .. }) => "key-of-other-kind",
            Self::Signature(_) => "signature-wrong",
            Self::TooLong { .. } => "too-long",
        }
    }
}

impl FromStr for Alg {
    type Err = JwsError;
    fn from_str(text: &str) -> Result<Self, JwsError> {
        let found = Self::ALL.into_iter().find(|alg| alg.as_str() == text);
        found.ok_or_else(|| JwsError::AlgorithmNotAllowed(text.to_owned()))
    }
}

impl fmt::Display for Alg {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for Alg {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Alg {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        text.parse().map_err(|_| serde::de::Error::custom(format!("unknown token algorithm {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Algorithm;

    fn key() -> PrivateKey {
        PrivateKey::generate(Algorithm::EcdsaP256).unwrap()
    }

    #[test]
    fn a_token_is_built_read_and_verified() {
        let key = key();
        let jwk = Jwk::from_public(key.public(), Some(Alg::Es256));
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": jwk.kid});
        let token = build(&header, &json!({"sub": "1"}), Signer::Key(&key, Alg::Es256)).unwrap();
        let read = Jws::parse(&token).unwrap();
        assert_eq!(read.claims().unwrap()["sub"], "1");
        assert_eq!(read.verify(key.public(), &[Alg::Es256]), Ok(Alg::Es256));
        let set = JwkSet { keys: vec![jwk] };
        assert_eq!(read.verify_with(&set, &[Alg::Es256, Alg::Rs256]), Ok(&set.keys[0]));
        let refused = read.verify(key.public(), &[Alg::Rs256, Alg::Ps256]).unwrap_err();
        assert_eq!(refused, JwsError::AlgorithmNotAllowed("ES256".into()));
    }

    #[test]
    fn tokens_of_gost_have_the_names_of_esia_and_are_held_to_them() {
        for (algorithm, alg, name, length) in [
            (Algorithm::GOST_256, Alg::Gost256, "GOST3410_2012_256", 86),
            (Algorithm::GOST_512, Alg::Gost512, "GOST3410_2012_512", 171),
        ] {
            let key = PrivateKey::generate(algorithm).unwrap();
            assert_eq!((algorithm.jws(), name.parse(), key.family().jws()), (alg, Ok(alg), alg));
            let jwk = Jwk::from_public(key.public(), Some(alg));
            let header = json!({"alg": name, "kid": jwk.kid});
            let token = build(&header, &json!({"sub": "1"}), Signer::Key(&key, alg)).unwrap();
            assert_eq!(token.rsplit('.').next().map(str::len), Some(length), "raw bytes in base64url");
            let read = Jws::parse(&token).unwrap();
            assert_eq!(read.verify(key.public(), &[alg]), Ok(alg));
            let wrong: Vec<Alg> = Alg::ALL.into_iter().filter(|other| *other != alg).collect();
            assert_eq!(read.verify(key.public(), &wrong).unwrap_err().code(), "algorithm-not-allowed");
            let set = JwkSet { keys: vec![Jwk::from_public(self::key().public(), Some(Alg::Es256)), jwk] };
            assert_eq!(read.verify_with(&set, &Alg::ALL), Ok(&set.keys[1]));
            let mut turned = Jws::parse(&token).unwrap();
            turned.signature.reverse();
            assert_eq!(turned.verify(key.public(), &[alg]).unwrap_err().code(), "signature-wrong");
            let lie = build(&json!({"alg": "ES256"}), &json!({}), Signer::Key(&key, alg)).unwrap();
            assert_eq!(
                Jws::parse(&lie).unwrap().verify(key.public(), &Alg::ALL).unwrap_err().code(),
                "key-of-other-kind"
            );
        }
    }

    #[test]
    fn lies_about_the_algorithm_are_refused() {
        let key = key();
        let claims = json!({"sub": "1"});
        for (alg, signer) in [
            ("none", Signer::None),
            ("None", Signer::None),
            ("HS256", Signer::Hmac(key.public().spki_der())),
            ("ES256", Signer::None),
            ("ES256", Signer::Bytes(&[0; 64])),
            ("ES256", Signer::Hmac(b"secret")),
            ("RS256", Signer::Key(&key, Alg::Es256)),
        ] {
            let token = build(&json!({"alg": alg}), &claims, signer).unwrap();
            assert!(Jws::parse(&token).unwrap().verify(key.public(), &Alg::ALL).is_err(), "{alg}");
        }
    }

    #[test]
    fn critical_extensions_and_repeated_members_are_refused() {
        let key = key();
        let signer = Signer::Key(&key, Alg::Es256);
        let token = build(&json!({"alg": "ES256", "crit": ["b64"], "b64": true}), &json!({}), signer).unwrap();
        assert_eq!(Jws::parse(&token).unwrap().verify(key.public(), &Alg::ALL), Err(JwsError::Critical));
        let token = build_raw(br#"{"alg":"none","alg":"ES256"}"#, b"{}", signer).unwrap();
        assert_eq!(Jws::parse(&token).unwrap_err().code(), "header-member-repeated");
        let token = build_raw(br#"{"alg":"ES256"}"#, br#"{"sub":"1","sub":"2"}"#, signer).unwrap();
        assert_eq!(Jws::parse(&token).unwrap().claims().unwrap_err().code(), "claim-repeated");
    }

    #[test]
    fn parsing_is_strict() {
        let token = build(&json!({"alg": "none"}), &json!({"a": 1}), Signer::Bytes(&[0xfb, 0xff])).unwrap();
        for (broken, code) in [
            (format!("{token}="), "encoding"),
            (token.replace('-', "+").replace('_', "/"), "encoding"),
            (format!("{token}.x"), "parts"),
            (format!("{token} "), "encoding"),
            (token.replacen('.', "", 1), "parts"),
            ("a".repeat(LONGEST + 1), "too-long"),
            (format!("{}.e30.", encode_url(b"[]")), "header-not-object"),
            (format!("{}.e30.", encode_url(br#"{"alg":1}"#)), "header-member-type"),
        ] {
            assert_eq!(Jws::parse(&broken).unwrap_err().code(), code, "{broken:.60}");
        }
    }
}
