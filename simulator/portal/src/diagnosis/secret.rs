//! The proof of a signed request: `client_secret` against the string, the certificate and the system. What does not
//! prove is explained.

use contract::time::Timestamp;
use crypto::base64::{self, Oddity};
use crypto::{Certificate, raw as signature};
use domain::{ClientProof, Means, Refusal};

use super::{Cause, causes, certificate, cms, raw};
use crate::oauth::params::Params;
use crate::oauth::signed::{self, Ask, Order, Version};

/// The row for whatever is wrong with a secret.
pub(super) const WRONG: &str = "ESIA-007053";

/// A registered certificate and whose it is.
#[derive(Clone, Debug)]
pub struct Registered {
    pub client_id: String,
    pub certificate: Certificate,
    /// The text in which it was registered.
    pub pem: String,
    /// Our own authority issued it and took it back.
    pub revoked: bool,
}

/// The authorities of the sandbox.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    pub roots: Vec<Certificate>,
}

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
            let found =
                request.own.iter().find(|known| known.certificate.client_certificate_hash().eq_ignore_ascii_case(given.trim()));
            vec![found.ok_or_else(|| certificate::hash(given.trim(), request.own, request.others))?]
        }
        // A known client sends no hash at a refresh; its certificate is found by trying.
        None if request.ask == Ask::Refresh => request.own.iter().collect(),
        None => return Err(causes::PARAMETER_MISSING.refuse("ESIA-007014", "", "[client_certificate_hash]")),
    };
    let orders = accepted(request);
    let verified = bytes.as_ref().and_then(|bytes| {
        named.iter().find(|known| {
            let Ok(key) = known.certificate.public_key() else { return false };
            let holds = |order: &&Order| {
                let text = signed::string(order, request.params);
                matches!(signature::verify(&key, text.as_bytes(), bytes), signature::Outcome::Valid(_))
            };
            orders.iter().any(|order| holds(&order))
        })
    });
    if let Some(known) = verified {
        return certificate::usable(known, request.now);
    }
    if let [only] = named.as_slice() {
        certificate::usable(only, request.now)?;
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
