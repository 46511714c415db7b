//! The proof of a signed request: `client_secret` against the string, the certificate and the system. What does not
//! prove is explained.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use certs::Authority;
use contract::control::KeyType;
use contract::time::Timestamp;
use crypto::base64::{self, Oddity};
use crypto::{Certificate, PublicKey, raw as signature};
use domain::{ClientProof, Means, Refusal};

use super::{Cause, causes, certificate, cms, raw};
use crate::oauth::params::Params;
use crate::oauth::signed::{self, Ask, Order, Version};

/// The row for whatever is wrong with a secret.
pub(super) const WRONG: &str = "ESIA-007053";

/// A certificate that was registered, read once.
#[derive(Debug)]
pub struct Read {
    pub certificate: Certificate,
    /// Its key; to check a point of GOST takes as long as to verify a signature.
    pub key: Option<PublicKey>,
    /// The text in which it was registered.
    pub pem: String,
}

/// Registered certificates by their SHA-256: every request of a client asks for them.
#[derive(Debug, Default)]
pub struct Shelf(Mutex<HashMap<String, Option<Arc<Read>>>>);

impl Shelf {
    /// What was registered was read once already; a text that cannot be read any more proves nothing.
    pub(crate) fn read(&self, known: &domain::Certificate) -> Option<Arc<Read>> {
        // Every change is one step, so a panic elsewhere leaves it whole.
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            let certificate = Certificate::from_der(&base64::decode_standard_strict(&known.der).ok()?).ok()?;
            let key = certificate.public_key().ok();
            Some(Arc::new(Read { certificate, key, pem: known.pem.clone() }))
        };
        shelf.entry(known.sha256.clone()).or_insert_with(read).clone()
    }
}

/// A registered certificate and whose it is.
#[derive(Clone, Debug)]
pub struct Registered {
    pub client_id: String,
    pub read: Arc<Read>,
    /// Our own authority issued it and took it back.
    pub revoked: bool,
}

impl Deref for Registered {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

/// The authority of the sandbox.
#[derive(Clone, Debug)]
pub struct Trust(pub Arc<Authority>);

/// A signed request with all that is needed to judge it.
pub struct Signed<'a> {
    pub version: Version,
    pub ask: Ask,
    pub params: &'a Params,
    pub client_id: &'a str,
    /// The client's own certificates, and those of everybody else.
    pub own: &'a [Registered],
    pub others: &'a [Registered],
    /// The client's redirect addresses.
    pub addresses: &'a [String],
    /// The `state` of the authorisation request, where the code tells it.
    pub earlier_state: Option<&'a str>,
    pub trust: &'a Trust,
    pub now: Timestamp,
    pub strict: bool,
    /// Kinds of keys that are taken.
    pub key_types: &'a [KeyType],
}

/// A request that proved itself.
#[derive(Debug)]
pub struct Proved {
    pub proof: ClientProof,
    /// What was tolerated, worth telling.
    pub notes: Vec<&'static Cause>,
}

/// Verifies the secret; a refusal says why it does not hold.
pub fn prove(request: &Signed<'_>) -> Result<Proved, Refusal> {
    let Some(secret) = request.params.text("client_secret") else { return without(request) };
    if request.own.is_empty() {
        let seen = format!("{:?} has no certificate", request.client_id);
        return Err(causes::CLIENT_WITHOUT_CERTIFICATE.refuse("ESIA-007002", seen, "a registered certificate"));
    }
    let decoded = base64::tolerant(secret);
    let blanks = decoded.as_ref().is_ok_and(|read| read.oddities.contains(&Oddity::BlanksForPlus));
    let means = match request.version {
        Version::V1 => {
            cms::prove(request, secret, decoded.ok().map(|read| read.bytes))?;
            Means::Cms
        }
        Version::V2 | Version::V3 => {
            prove_raw(request, secret, decoded.ok().map(|read| read.bytes))?;
            Means::Raw
        }
    };
    let notes = if blanks { vec![causes::SECRET_PLUS_BLANK] } else { Vec::new() };
    Ok(Proved { proof: ClientProof::verified(request.client_id, means), notes })
}

/// One known client sends no secret to the token endpoint; only a lenient sandbox lets it pass.
fn without(request: &Signed<'_>) -> Result<Proved, Refusal> {
    if !request.strict && request.version == Version::V1 && request.ask != Ask::Authorise {
        return Ok(Proved { proof: ClientProof::verified(request.client_id, Means::Leniency), notes: Vec::new() });
    }
    Err(causes::PARAMETER_MISSING.refuse("ESIA-007014", "", "[client_secret]"))
}

fn prove_raw(request: &Signed<'_>, secret: &str, bytes: Option<Vec<u8>>) -> Result<(), Refusal> {
    let given = request.params.text("client_certificate_hash");
    let named: Vec<&Registered> = match given {
        Some(given) => {
            let given = given.trim();
            let is_named =
                |known: &&Registered| known.certificate.client_certificate_hash().eq_ignore_ascii_case(given);
            let found = request.own.iter().find(is_named);
            vec![found.ok_or_else(|| certificate::hash(given, request))?]
        }
        // A known client sends no hash at a refresh; its certificate is found by trying.
        None if request.ask == Ask::Refresh => request.own.iter().collect(),
        None => return Err(causes::PARAMETER_MISSING.refuse("ESIA-007014", "", "[client_certificate_hash]")),
    };
    let orders = accepted(request);
    let verified = bytes.as_ref().and_then(|bytes| {
        named.iter().find(|known| {
            let Some(key) = &known.key else { return false };
            let holds = |order: &&Order| {
                let text = signed::string(order, request.params);
                matches!(signature::verify(key, text.as_bytes(), bytes), signature::Outcome::Valid(_))
            };
            orders.iter().any(|order| holds(&order))
        })
    });
    if let Some(known) = verified {
        return certificate::taken(known, request);
    }
    if let [only] = named.as_slice() {
        certificate::taken(only, request)?;
    }
    Err(raw::explain(request, &named, secret, bytes.as_deref()))
}

/// The orders that verify here. A lenient sandbox takes the v1 order everywhere: one widely used client signs it.
pub(super) fn accepted(request: &Signed<'_>) -> Vec<Order> {
    let mut orders = signed::orders(request.version, request.ask).to_vec();
    if !request.strict && request.version.is_raw() {
        orders.push(signed::V1);
    }
    orders
}

/// Whether a registered certificate may prove its client now.
pub fn usable(known: &Registered, now: Timestamp) -> Result<(), Refusal> {
    certificate::usable(known, now)
}
