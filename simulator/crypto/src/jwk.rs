//! JSON Web Keys (RFC 7517): public halves only, thumbprints (RFC 7638), and the choice of one key out of a set.
//!
//! No registered form of a GOST key exists. Ours is a convention: `kty` is `GOST` (a reader skips a kind that it does not
//! know, RFC 7517 §5, but stumbles over an unknown curve of the kind `EC`; that is read all the same), `crv` the name of the parameter set as
//! the standards print it ([`curve_name`]; every alias is read), `x` and `y` the coordinates, big-endian and of full width
//! as RFC 7518 §6.2.1 has them. Who does not know the name finds the same key in `x5c`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::base64::{decode_url_strict, encode_url};
use crate::gost::{Curve, VerifyingKey};
use crate::jws::Alg;
use crate::{Family, KeyError, PublicKey};

/// One public key. Members beyond these are tolerated and dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    pub kty: String,
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x5c: Option<Vec<String>>,
    #[serde(rename = "x5t#S256", default, skip_serializing_if = "Option::is_none")]
    pub x5t_s256: Option<String>,
}

/// A set of keys, as a `jwks_uri` serves it. Keys that cannot be read are left out (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    pub keys: Vec<Jwk>,
}

/// Why no key of a set fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    #[error("choose a key: {0} keys fit and the token names none")]
    Ambiguous(usize),
    #[error("choose a key: no key of the set has the id {0:?}")]
    UnknownKid(String),
    #[error("choose a key: the key {0:?} is not for signatures")]
    WrongUse(String),
    #[error("choose a key: the key {kid:?} is for {declared}, the token says {wanted}")]
    WrongAlgorithm { kid: String, declared: String, wanted: Alg },
    #[error("choose a key: no key of the set is of the kind that {0} wants")]
    NoneOfKind(Alg),
}

impl Jwk {
    /// A public key for signatures, with its RFC 7638 thumbprint as `kid`.
    pub fn from_public(key: &PublicKey, alg: Option<Alg>) -> Self {
        let (first, second) = key.parts();
        let (first, second) = (Some(encode_url(&first)), Some(encode_url(&second)));
        let mut jwk = Self { use_: Some("sig".into()), alg: alg.map(|alg| alg.as_str().into()), ..Self::default() };
        match key.family() {
            Family::EcdsaP256 => {
                (jwk.kty, jwk.crv, jwk.x, jwk.y) = ("EC".into(), Some("P-256".into()), first, second);
            }
            Family::Gost256 | Family::Gost512 => {
                let curve = key.gost().map(|key| curve_name(key.curve()).to_owned());
                (jwk.kty, jwk.crv, jwk.x, jwk.y) = ("GOST".into(), curve, first, second);
            }
            Family::Rsa => (jwk.kty, jwk.n, jwk.e) = ("RSA".into(), first, second),
        }
        jwk.kid = Some(jwk.thumbprint());
        jwk
    }

    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Adds the certificate and its digest (`x5c`, `x5t#S256`).
    #[must_use]
    pub fn with_certificate(mut self, der: &[u8]) -> Self {
        self.x5c = Some(vec![crate::base64::encode_standard(der)]);
        self.x5t_s256 = Some(crate::digest::sha256_base64url(der));
        self
    }

    /// RFC 7638: SHA-256 over the required members in lexical order.
    pub fn thumbprint(&self) -> String {
        let text = |member: &Option<String>| Value::from(member.as_deref().unwrap_or_default()).to_string();
        let kty = Value::from(self.kty.as_str());
        let canonical = match self.kty.as_str() {
            "EC" | "GOST" => {
                format!(r#"{{"crv":{},"kty":{kty},"x":{},"y":{}}}"#, text(&self.crv), text(&self.x), text(&self.y))
            }
            "RSA" => format!(r#"{{"e":{},"kty":{kty},"n":{}}}"#, text(&self.e), text(&self.n)),
            _ => format!(r#"{{"kty":{kty}}}"#),
        };
        crate::digest::sha256_base64url(canonical.as_bytes())
    }

    /// The key itself; refused for kinds other than RSA and P-256.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        let read = |member: &Option<String>, name: &str| {
            let text = member.as_deref().ok_or_else(|| KeyError::Malformed(format!("member {name} is missing")))?;
            decode_url_strict(text).map_err(|error| KeyError::Malformed(format!("member {name}: {error}")))
        };
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => PublicKey::from_rsa_parts(&read(&self.n, "n")?, &read(&self.e, "e")?),
            ("EC", Some("P-256")) => {
                let (x, y) = (read(&self.x, "x")?, read(&self.y, "y")?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(KeyError::Malformed("coordinates of P-256 have 32 bytes".to_owned()));
                }
                PublicKey::from_point(&[&[4], x.as_slice(), y.as_slice()].concat())
            }
            ("EC" | "GOST", Some(name)) if curve_named(name).is_some() => {
                let curve = curve_named(name).ok_or_else(|| KeyError::UnknownAlgorithm(name.to_owned()))?;
                let (x, y) = (read(&self.x, "x")?, read(&self.y, "y")?);
                if x.len() != curve.size() || y.len() != curve.size() {
                    let wanted = curve.size();
                    return Err(KeyError::Malformed(format!("coordinates of {name} have {wanted} bytes")));
                }
                let little: Vec<u8> = x.iter().rev().chain(y.iter().rev()).copied().collect();
                PublicKey::from_gost(VerifyingKey::from_le_bytes(curve, &little)?)
            }
            ("EC" | "GOST", curve) => Err(KeyError::UnknownAlgorithm(format!("curve {}", curve.unwrap_or("missing")))),
            (kty, _) => Err(KeyError::UnknownAlgorithm(kty.to_owned())),
        }
    }

    fn is_of_kind(&self, alg: Alg) -> bool {
        let is_point = ["EC", "GOST"].contains(&self.kty.as_str());
        let gost = || self.crv.as_deref().filter(|_| is_point).and_then(curve_named).map(Curve::size);
        match alg.family() {
            Family::EcdsaP256 => self.kty == "EC" && self.crv.as_deref() == Some("P-256"),
            Family::Gost256 => gost() == Some(32),
            Family::Gost512 => gost() == Some(64),
            Family::Rsa => self.kty == "RSA",
        }
    }

    fn is_for_signatures(&self) -> bool {
        self.use_.as_deref().is_none_or(|use_| use_ == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"))
    }
}

impl JwkSet {
    /// Reads a set strictly as JSON, tolerantly as a set: unreadable and unknown keys are left out.
    pub fn parse(bytes: &[u8]) -> Result<Self, crate::json::JsonError> {
        let value = crate::json::strict(bytes)?;
        Self::from_value(&value)
            .ok_or_else(|| crate::json::JsonError::Malformed("a key set needs the array keys".to_owned()))
    }

    fn from_value(value: &Value) -> Option<Self> {
        let keys = value.get("keys")?.as_array()?;
        Some(Self { keys: keys.iter().filter_map(|key| Jwk::deserialize(key).ok()).collect() })
    }

    /// The key that a token with this header means: by kid where it has one, else the only one of the right kind; in
    /// both cases its use, algorithm and kind must fit.
    pub fn select(&self, kid: Option<&str>, alg: Alg) -> Result<&Jwk, SelectError> {
        let named: Vec<&Jwk> = self.keys.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid).collect();
        let name = kid.unwrap_or_default().to_owned();
        if let (true, Some(kid)) = (named.is_empty(), kid) {
            return Err(SelectError::UnknownKid(kid.to_owned()));
        }
        let kind: Vec<&Jwk> = named.into_iter().filter(|key| key.is_of_kind(alg)).collect();
        if kind.is_empty() {
            return Err(SelectError::NoneOfKind(alg));
        }
        let signing: Vec<&Jwk> = kind.into_iter().filter(|key| key.is_for_signatures()).collect();
        let Some(first) = signing.first() else { return Err(SelectError::WrongUse(name)) };
        let declared = first.alg.clone().unwrap_or_default();
        let fit = |key: &&Jwk| key.alg.as_deref().is_none_or(|declared| declared == alg.as_str());
        let fitting: Vec<&Jwk> = signing.into_iter().filter(fit).collect();
        match fitting.as_slice() {
            [] => Err(SelectError::WrongAlgorithm { kid: name, declared, wanted: alg }),
            [key] => Ok(key),
            several => Err(SelectError::Ambiguous(several.len())),
        }
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(input)?;
        Self::from_value(&value).ok_or_else(|| serde::de::Error::custom("a key set needs the array keys"))
    }
}

/// The name of a parameter set in `crv`.
pub const fn curve_name(curve: Curve) -> &'static str {
    match curve {
        Curve::CryptoProA => "id-tc26-gost-3410-2012-256-paramSetB",
        Curve::CryptoProB => "id-tc26-gost-3410-2012-256-paramSetC",
        Curve::CryptoProC => "id-tc26-gost-3410-2012-256-paramSetD",
        Curve::Tc26A256 => "id-tc26-gost-3410-2012-256-paramSetA",
        Curve::Tc26A512 => "id-tc26-gost-3410-12-512-paramSetA",
        Curve::Tc26B512 => "id-tc26-gost-3410-12-512-paramSetB",
        Curve::Tc26C512 => "id-tc26-gost-3410-2012-512-paramSetC",
        Curve::Test256 => "id-GostR3410-2001-TestParamSet",
        Curve::Test512 => "id-tc26-gost-3410-12-512-paramSetTest",
    }
}

/// The parameter set of a name: ours, CryptoPro's for the same curve, or an object identifier. Not the examples.
pub fn curve_named(name: &str) -> Option<Curve> {
    Some(match name {
        "id-GostR3410-2001-CryptoPro-A-ParamSet" | "id-GostR3410-2001-CryptoPro-XchA-ParamSet" => Curve::CryptoProA,
        "id-GostR3410-2001-CryptoPro-B-ParamSet" => Curve::CryptoProB,
        "id-GostR3410-2001-CryptoPro-C-ParamSet" | "id-GostR3410-2001-CryptoPro-XchB-ParamSet" => Curve::CryptoProC,
        _ => match Curve::ALL.into_iter().find(|curve| curve_name(*curve) == name) {
            Some(curve) => curve,
            None => Curve::from_oid(name.parse().ok()?)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Algorithm, PrivateKey};

    fn ec() -> Jwk {
        Jwk::from_public(PrivateKey::generate(Algorithm::EcdsaP256).unwrap().public(), Some(Alg::Es256))
    }

    #[test]
    fn thumbprint_is_that_of_rfc_7638() {
        let jwk: Jwk = serde_json::from_str(include_str!("../tests/vectors/rfc7638.json")).unwrap();
        assert_eq!(jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(jwk.public_key().unwrap().bits(), 2048);
    }

    #[test]
    fn a_key_survives_its_jwk() {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let jwk = Jwk::from_public(key.public(), Some(Alg::Es256));
        let set = JwkSet { keys: vec![jwk] };
        let again = JwkSet::parse(&serde_json::to_vec(&set).unwrap()).unwrap();
        assert_eq!(set, again);
        assert_eq!(again.keys[0].public_key().unwrap(), *key.public());
    }

    #[test]
    fn a_key_of_gost_survives_its_jwk_under_every_name_of_its_curve() {
        for algorithm in Algorithm::ALL {
            let Algorithm::Gost(curve) = algorithm else { continue };
            let key = PrivateKey::generate(algorithm).unwrap();
            let jwk = Jwk::from_public(key.public(), Some(algorithm.jws()));
            assert_eq!((jwk.kty.as_str(), jwk.crv.as_deref()), ("GOST", Some(curve_name(curve))));
            assert_eq!(jwk.public_key().unwrap(), *key.public());
            let by_oid = Jwk { crv: Some(curve.oid().to_string()), ..jwk.clone() };
            assert_eq!(by_oid.public_key().unwrap(), *key.public());
            let set = JwkSet { keys: vec![ec(), jwk.clone()] };
            assert_eq!(set.select(None, algorithm.jws()), Ok(&jwk));
            assert_ne!(set.select(None, Alg::Es256), Ok(&jwk));
            let as_ec = Jwk { kty: "EC".into(), ..jwk.clone() };
            assert_eq!(as_ec.public_key().unwrap(), *key.public());
            let short = Jwk { x: jwk.x.as_ref().map(|x| x[4..].to_owned()), ..jwk.clone() };
            assert!(short.public_key().is_err());
            let off = Jwk { x: jwk.y.clone(), y: jwk.x.clone(), ..jwk };
            assert!(off.public_key().is_err(), "{algorithm}: a point off the curve");
        }
        let text = r#"{"kty":"EC","crv":"id-GostR3410-2001-TestParamSet","x":"","y":""}"#;
        let jwk: Jwk = serde_json::from_str(text).unwrap();
        assert!(matches!(jwk.public_key(), Err(KeyError::UnknownAlgorithm(_))));
    }

    #[test]
    fn keys_that_cannot_be_read_do_not_spoil_the_set() {
        let text = format!(
            r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519"}},{{"kid":7}},"x",{}]}}"#,
            serde_json::to_string(&ec()).unwrap()
        );
        let set = JwkSet::parse(text.as_bytes()).unwrap();
        assert_eq!(set.keys.len(), 2);
        assert!(set.select(None, Alg::Es256).is_ok());
        assert!(JwkSet::parse(br#"{"keys":[],"keys":[]}"#).is_err());
        assert!(JwkSet::parse(b"{}").is_err());
    }

    #[test]
    fn selection_goes_by_kid_kind_use_and_algorithm() {
        let (one, two) = (ec().with_kid("1"), ec().with_kid("2"));
        let set = JwkSet { keys: vec![one.clone(), two.clone()] };
        assert_eq!(set.select(Some("2"), Alg::Es256), Ok(&two));
        assert_eq!(set.select(Some("3"), Alg::Es256), Err(SelectError::UnknownKid("3".into())));
        assert_eq!(set.select(None, Alg::Es256), Err(SelectError::Ambiguous(2)));
        assert_eq!(set.select(Some("1"), Alg::Rs256), Err(SelectError::NoneOfKind(Alg::Rs256)));
        let encryption = JwkSet { keys: vec![Jwk { use_: Some("enc".into()), ..one.clone() }] };
        assert_eq!(encryption.select(Some("1"), Alg::Es256), Err(SelectError::WrongUse("1".into())));
        let other = JwkSet { keys: vec![Jwk { alg: Some("ES512".into()), ..one }] };
        assert!(matches!(other.select(Some("1"), Alg::Es256), Err(SelectError::WrongAlgorithm { .. })));
    }
}
