//! HTTP message signatures (RFC 9421) and content digests (RFC 9530). The portal signs its web-hooks with them, and lies
//! with them, so signing takes any components, key id and algorithm; verifying is strict and says why it refuses.

use std::fmt::Write as _;

use http::HeaderMap;

use crate::base64::{decode_standard_strict, encode_standard};
use crate::gost::{hmac256, hmac512};
use crate::{Family, KeyError, PrivateKey, PublicKey, Scheme, compare, digest};

mod fields;
pub use fields::{Component, Param, Parameters};

/// A message to sign or to verify.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub method: &'a str,
    /// The absolute address as the receiver is known by, byte for byte.
    pub target_uri: &'a str,
    pub headers: &'a HeaderMap,
    /// Only of a response.
    pub status: Option<u16>,
}

/// Signature algorithms (RFC 9421 §6.2.2). The names of GOST and of HMAC with SHA-512 are registered nowhere: they are
/// formed like the registered ones and are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HttpAlg {
    EcdsaP256Sha256,
    /// GOST R 34.10-2012 of 256 bits over Streebog-256, s ‖ r.
    Gost256,
    /// GOST R 34.10-2012 of 512 bits over Streebog-512, s ‖ r.
    Gost512,
    HmacSha256,
    HmacSha512,
    /// HMAC_GOSTR3411_2012_256 (RFC 7836 §4.1.1).
    HmacStreebog256,
    /// HMAC_GOSTR3411_2012_512 (RFC 7836 §4.1.2).
    HmacStreebog512,
    RsaPssSha512,
    RsaV15Sha256,
}

/// What signs.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'a> {
    /// These bytes stand as the signature.
    Bytes(&'a [u8]),
    /// `hmac-sha256` with this secret.
    Hmac(&'a [u8]),
    /// A shared secret with one of the algorithms of HMAC.
    HmacWith(&'a [u8], HttpAlg),
    /// By the default algorithm of the key: `rsa-v1_5-sha256`, `ecdsa-p256-sha256` or GOST of the key's size.
    Key(&'a PrivateKey),
    KeyWith(&'a PrivateKey, HttpAlg),
}

/// What to sign and what to say about it. The default covers method, address and content digest and says nothing else.
#[derive(Clone, Debug)]
pub struct Signing {
    pub label: String,
    /// Names such as `@method`, `content-digest`, `@query-param;name="Pet"`.
    pub components: Vec<String>,
    pub created: Option<i64>,
    pub expires: Option<i64>,
    pub keyid: Option<String>,
    pub alg: Option<String>,
    pub nonce: Option<String>,
    pub tag: Option<String>,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            label: "sig1".to_owned(),
            components: DEFAULT_COMPONENTS.map(str::to_owned).to_vec(),
            created: None,
            expires: None,
            keyid: None,
            alg: None,
            nonce: None,
            tag: None,
        }
    }
}

/// What a signature of a request with a body covers at least.
pub const DEFAULT_COMPONENTS: [&str; 3] = ["@method", "@target-uri", "content-digest"];

/// The two header values of a signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Value of `Signature-Input`.
    pub signature_input: String,
    /// Value of `Signature`.
    pub signature: String,
    /// What was signed.
    pub base: String,
}

/// What verifies, with the one algorithm that the key is for.
#[derive(Clone, Debug)]
pub enum Verifier {
    /// `hmac-sha256` with this secret.
    Hmac(Vec<u8>),
    /// A shared secret with one of the algorithms of HMAC.
    HmacWith(Vec<u8>, HttpAlg),
    Key(PublicKey, HttpAlg),
}

impl Verifier {
    /// A public key with the default algorithm of its family.
    pub fn of(key: PublicKey) -> Self {
        let alg = HttpAlg::of(key.family());
        Self::Key(key, alg)
    }

    fn alg(&self) -> HttpAlg {
        match self {
            Self::Hmac(_) => HttpAlg::HmacSha256,
            Self::HmacWith(_, alg) | Self::Key(_, alg) => *alg,
        }
    }
}

/// What a receiver demands.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Components that must be covered.
    pub required: Vec<String>,
    /// Unix seconds.
    pub now: i64,
    /// Oldest `created` accepted, in seconds before now.
    pub max_age: i64,
    /// How far clocks may differ, in seconds.
    pub skew: i64,
}

impl Expect {
    /// Method, address and content digest, at most five minutes old, a minute of skew.
    pub fn at(now: i64) -> Self {
        Self { required: DEFAULT_COMPONENTS.map(str::to_owned).to_vec(), now, max_age: 300, skew: 60 }
    }
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub label: String,
    pub keyid: String,
    pub alg: HttpAlg,
    pub created: i64,
    pub nonce: Option<String>,
    pub tag: Option<String>,
    pub components: Vec<String>,
}

/// Why a message is not signed as demanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpSignatureError {
    #[error("verify the signature: it names the algorithm {seen:?}, its key is for {wanted}")]
    AlgorithmDiffers { seen: String, wanted: &'static str },
    #[error("use the component {0:?}: it is not in the message or not known")]
    Component(String),
    #[error("verify the content digest: {0}")]
    Digest(&'static str),
    #[error("verify the signature: it expired at {0}")]
    Expired(i64),
    #[error("verify the signature: it was made at {0}, which is still to come")]
    Future(i64),
    #[error("sign: {0}")]
    Key(KeyError),
    #[error("verify the signature: it names no key")]
    KeyIdMissing,
    #[error("verify the signature: it does not say when it was made")]
    CreatedMissing,
    #[error("read the signature: {0}")]
    Malformed(&'static str),
    #[error("verify the signature: it is not one over this message by this key")]
    Mismatch,
    #[error("verify the signature: it does not cover {0:?}")]
    NotCovered(String),
    #[error("verify the signature: it was made at {0}, too long ago")]
    TooOld(i64),
    #[error("verify the signature: the key {0:?} is not known")]
    UnknownKey(String),
    #[error("verify the signature: the message has none")]
    Unsigned,
}

impl HttpSignatureError {
    /// A slug for logs and diagnosis.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlgorithmDiffers { .. } => "algorithm-differs",
            Self::Component(_) => "component",
            Self::CreatedMissing => "created-missing",
            Self::Digest(_) => "content-digest",
            Self::Expired(_) => "expired",
            Self::Future(_) => "future",
            Self::Key(_) => "key",
            Self::KeyIdMissing => "key-id-missing",
            Self::Malformed(_) => "malformed",
            Self::Mismatch => "signature-wrong",
            Self::NotCovered(_) => "not-covered",
            Self::TooOld(_) => "too-old",
            Self::UnknownKey(_) => "key-unknown",
            Self::Unsigned => "unsigned",
        }
    }
}

impl HttpAlg {
    pub const ALL: [Self; 9] = [
        Self::EcdsaP256Sha256,
        Self::Gost256,
        Self::Gost512,
        Self::HmacSha256,
        Self::HmacSha512,
        Self::HmacStreebog256,
        Self::HmacStreebog512,
        Self::RsaPssSha512,
        Self::RsaV15Sha256,
    ];

    /// The algorithm of this name, letter for letter.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == name)
    }

    /// Whether both sides hold the same secret.
    pub const fn is_hmac(self) -> bool {
        self.scheme().is_none()
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::Gost256 => "gostr3410-2012-256",
            Self::Gost512 => "gostr3410-2012-512",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha512 => "hmac-sha512",
            Self::HmacStreebog256 => "hmac-gostr3411-2012-256",
            Self::HmacStreebog512 => "hmac-gostr3411-2012-512",
            Self::RsaPssSha512 => "rsa-pss-sha512",
            Self::RsaV15Sha256 => "rsa-v1_5-sha256",
        }
    }

    /// The default algorithm of a family of keys.
    pub const fn of(family: Family) -> Self {
        match family {
            Family::EcdsaP256 => Self::EcdsaP256Sha256,
            Family::Gost256 => Self::Gost256,
            Family::Gost512 => Self::Gost512,
            Family::Rsa => Self::RsaV15Sha256,
        }
    }

    const fn scheme(self) -> Option<Scheme> {
        match self {
            Self::EcdsaP256Sha256 => Some(Scheme::EcdsaSha256Fixed),
            Self::Gost256 => Some(Scheme::Gost256),
            Self::Gost512 => Some(Scheme::Gost512),
            Self::HmacSha256 | Self::HmacSha512 | Self::HmacStreebog256 | Self::HmacStreebog512 => None,
            Self::RsaPssSha512 => Some(Scheme::RsaPssSha512),
            Self::RsaV15Sha256 => Some(Scheme::RsaPkcs1Sha256),
        }
    }
}

/// The value of `Content-Digest` for these bytes: `sha-256=:…:`.
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", encode_standard(&digest::sha256(body)))
}

/// Whether the header's digests are those of the body. At least one of SHA-256 and SHA-512 must be there, and every one
/// that is there must be right (RFC 9530 §2).
pub fn check_content_digest(headers: &HeaderMap, body: &[u8]) -> Result<(), HttpSignatureError> {
    let value = joined(headers, "content-digest").ok_or(HttpSignatureError::Digest("the header is missing"))?;
    let mut checked = false;
    for (name, bytes) in fields::byte_dictionary(&value).map_err(HttpSignatureError::Digest)? {
        let right = match name.as_str() {
            "sha-256" => compare::same(&bytes, &digest::sha256(body)),
            "sha-512" => compare::same(&bytes, &digest::sha512(body)),
            _ => continue,
        };
        if !right {
            return Err(HttpSignatureError::Digest("it is not that of the body"));
        }
        checked = true;
    }
    if checked { Ok(()) } else { Err(HttpSignatureError::Digest("it has neither sha-256 nor sha-512")) }
}

/// Signs a message; the caller puts the two values into its headers.
pub fn sign(message: &Message<'_>, what: &Signing, signer: Signer<'_>) -> Result<Signed, HttpSignatureError> {
    let mut params = Parameters { components: Vec::new(), params: Vec::new() };
    for name in &what.components {
        params.components.push(Component::parse(name).map_err(HttpSignatureError::Malformed)?);
    }
    let mut put = |name: &str, value: Option<Param>| {
        params.params.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("created", what.created.map(Param::Integer));
    put("expires", what.expires.map(Param::Integer));
    put("keyid", what.keyid.clone().map(Param::Text));
    put("alg", what.alg.clone().map(Param::Text));
    put("nonce", what.nonce.clone().map(Param::Text));
    put("tag", what.tag.clone().map(Param::Text));
    let base = base(message, &params)?;
    let by = |key: &PrivateKey, alg: HttpAlg| match alg.scheme() {
        Some(scheme) => key.sign_with(scheme, base.as_bytes()).map_err(HttpSignatureError::Key),
        None => Err(HttpSignatureError::Malformed("hmac wants a secret, not a key")),
    };
    let bytes = match signer {
        Signer::Bytes(bytes) => bytes.to_vec(),
        Signer::Hmac(secret) => authenticate(HttpAlg::HmacSha256, secret, &base)?,
        Signer::HmacWith(secret, alg) => authenticate(alg, secret, &base)?,
        Signer::Key(key) => by(key, HttpAlg::of(key.family()))?,
        Signer::KeyWith(key, alg) => by(key, alg)?,
    };
    Ok(Signed {
        signature_input: format!("{}={params}", what.label),
        signature: format!("{}=:{}:", what.label, encode_standard(&bytes)),
        base,
    })
}

/// Verifies a message and the digest of its body. Of several signatures one that holds suffices; when none does, the
/// reason of the first is given. `key` finds the verifier for a key id and the algorithm that the signature names.
pub fn verify(
    message: &Message<'_>,
    body: &[u8],
    expect: &Expect,
    key: impl Fn(&str, Option<&str>) -> Option<Verifier>,
) -> Result<Verified, HttpSignatureError> {
    let inputs = joined(message.headers, "signature-input").ok_or(HttpSignatureError::Unsigned)?;
    let signatures = joined(message.headers, "signature").ok_or(HttpSignatureError::Unsigned)?;
    let inputs = fields::input_dictionary(&inputs).map_err(HttpSignatureError::Malformed)?;
    let signatures = fields::byte_dictionary(&signatures).map_err(HttpSignatureError::Malformed)?;
    let mut first = None;
    for (label, params) in &inputs {
        let found = signatures.iter().find(|(name, _)| name == label);
        let verdict = match found {
            Some((_, signature)) => one(message, label, params, signature, expect, &key),
            None => Err(HttpSignatureError::Malformed("a signature is announced and missing")),
        };
        match verdict {
            Ok(verified) => {
                if verified.components.iter().any(|name| name == "content-digest") {
                    check_content_digest(message.headers, body)?;
                }
                return Ok(verified);
            }
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(HttpSignatureError::Unsigned))
}

fn one(
    message: &Message<'_>,
    label: &str,
    params: &Parameters,
    signature: &[u8],
    expect: &Expect,
    key: &impl Fn(&str, Option<&str>) -> Option<Verifier>,
) -> Result<Verified, HttpSignatureError> {
    let components: Vec<String> = params.components.iter().map(Component::plain).collect();
    if let Some(absent) = expect.required.iter().find(|name| !components.contains(name)) {
        return Err(HttpSignatureError::NotCovered(absent.clone()));
    }
    let created = params.integer("created").ok_or(HttpSignatureError::CreatedMissing)?;
    if created > expect.now.saturating_add(expect.skew) {
        return Err(HttpSignatureError::Future(created));
    }
    if created < expect.now.saturating_sub(expect.max_age).saturating_sub(expect.skew) {
        return Err(HttpSignatureError::TooOld(created));
    }
    if let Some(expires) = params.integer("expires").filter(|at| at.saturating_add(expect.skew) < expect.now) {
        return Err(HttpSignatureError::Expired(expires));
    }
    let keyid = params.text("keyid").ok_or(HttpSignatureError::KeyIdMissing)?;
    let named = params.text("alg");
    let verifier = key(keyid, named).ok_or_else(|| HttpSignatureError::UnknownKey(keyid.to_owned()))?;
    let alg = verifier.alg();
    // The key decides the algorithm; a signature that names another would turn a public key into a shared secret.
    if let Some(seen) = named.filter(|name| *name != alg.as_str()) {
        return Err(HttpSignatureError::AlgorithmDiffers { seen: seen.to_owned(), wanted: alg.as_str() });
    }
    let base = base(message, params)?;
    let holds = match (&verifier, alg.scheme()) {
        (Verifier::Hmac(secret) | Verifier::HmacWith(secret, _), None) => {
            compare::same(&authenticate(alg, secret, &base)?, signature)
        }
        (Verifier::Hmac(_) | Verifier::HmacWith(..), Some(_)) => false,
        (Verifier::Key(key, _), Some(scheme)) => key.verify(scheme, base.as_bytes(), signature).is_ok(),
        (Verifier::Key(..), None) => false,
    };
    if !holds {
        return Err(HttpSignatureError::Mismatch);
    }
    Ok(Verified {
        label: label.to_owned(),
        keyid: keyid.to_owned(),
        alg,
        created,
        nonce: params.text("nonce").map(str::to_owned),
        tag: params.text("tag").map(str::to_owned),
        components,
    })
}

fn authenticate(alg: HttpAlg, secret: &[u8], base: &str) -> Result<Vec<u8>, HttpSignatureError> {
    let sha = |kind| ring::hmac::sign(&ring::hmac::Key::new(kind, secret), base.as_bytes()).as_ref().to_vec();
    match alg {
        HttpAlg::HmacSha256 => Ok(sha(ring::hmac::HMAC_SHA256)),
        HttpAlg::HmacSha512 => Ok(sha(ring::hmac::HMAC_SHA512)),
        HttpAlg::HmacStreebog256 => Ok(hmac256(secret, base.as_bytes()).to_vec()),
        HttpAlg::HmacStreebog512 => Ok(hmac512(secret, base.as_bytes()).to_vec()),
        HttpAlg::EcdsaP256Sha256
        | HttpAlg::Gost256
        | HttpAlg::Gost512
        | HttpAlg::RsaPssSha512
        | HttpAlg::RsaV15Sha256 => Err(HttpSignatureError::Malformed("a secret wants hmac")),
    }
}

/// The signature base (RFC 9421 §2.5).
pub fn base(message: &Message<'_>, params: &Parameters) -> Result<String, HttpSignatureError> {
    let mut out = String::new();
    let mut seen: Vec<String> = Vec::new();
    for component in &params.components {
        let identifier = component.to_string();
        if seen.contains(&identifier) {
            return Err(HttpSignatureError::Malformed("a component stands twice"));
        }
        let value = value(message, component).ok_or_else(|| HttpSignatureError::Component(component.plain()))?;
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{identifier}: {value}");
        seen.push(identifier);
    }
    let _ = write!(out, "\"@signature-params\": {params}");
    Ok(out)
}

fn value(message: &Message<'_>, component: &Component) -> Option<String> {
    let uri = message.target_uri;
    let (scheme, rest) = uri.split_once("://").unwrap_or(("", uri));
    let rest = rest.split('#').next().unwrap_or(rest);
    let start = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(start);
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = if path.is_empty() { "/" } else { path };
    let request = message.status.is_none();
    match (component.name.as_str(), component.params.as_slice()) {
        ("@method", []) if request => Some(message.method.to_owned()),
        ("@target-uri", []) if request => Some(uri.to_owned()),
        ("@authority", []) if request => Some(without_default_port(scheme, &authority.to_ascii_lowercase())),
        ("@scheme", []) if request => Some(scheme.to_ascii_lowercase()),
        ("@path", []) if request => Some(path.to_owned()),
        ("@query", []) if request => Some(format!("?{}", query.unwrap_or_default())),
        ("@request-target", []) if request => {
            Some(query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
        }
        ("@query-param", [(name, Param::Text(wanted))]) if request && name == "name" => {
            let mut found = query?.split('&').filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name == wanted).then(|| value.replace('+', "%20"))
            });
            // A parameter that stands twice cannot be named (RFC 9421 §2.2.8).
            found.next().filter(|_| found.next().is_none())
        }
        ("@status", []) => message.status.map(|status| status.to_string()),
        (name, []) if !name.starts_with('@') => joined(message.headers, name),
        _ => None,
    }
}

fn without_default_port(scheme: &str, authority: &str) -> String {
    let default = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    authority.strip_suffix(default).unwrap_or(authority).to_owned()
}

/// All values of a field, trimmed and joined as RFC 9421 §2.1 says.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = Vec::new();
    for value in headers.get_all(name) {
        values.push(value.to_str().ok()?.trim());
    }
    if values.is_empty() { None } else { Some(values.join(", ")) }
}

#[cfg(test)]
mod tests;
