//! Requests that bear ESIA's `client_secret`, each signature verified again from the recorded bytes. Nothing here knows an
//! algorithm: the kind of signature is that of the key that verifies it, so RSA, ECDSA and GOST are one path.

use contract::exchange::Exchange;
use crypto::cms::{CmsError, Container};
use crypto::raw::{self, Misdigest, Outcome, Turn};
use crypto::{Certificate, Family, PublicKey};

use super::{Reading, wire};

/// One request with a `client_secret`, in ESIA's sense.
#[derive(Clone, Debug)]
pub struct Signed<'a> {
    /// Where it was sent.
    pub exchange: &'a Exchange,
    /// Its parameters.
    pub params: wire::Params,
    /// Which form of signature its address prescribes.
    pub version: Version,
    /// It is a call of the token endpoint, not a visit of the browser.
    pub token: bool,
}

/// The two forms of ESIA's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A detached CMS container.
    V1,
    /// The bytes of the signature alone, with the certificate's hash beside it.
    Raw,
}

/// What a signature turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It holds over the prescribed string, by the key of this certificate.
    Holds(Box<Certificate>),
    /// It would hold with its bytes in another order.
    Turned(Turn),
    /// It holds over another digest of the string than the key prescribes.
    Misdigested(Misdigest),
    /// It holds over no prescribed string by any of the keys.
    Wrong,
    /// It cannot be read as a signature at all.
    Unreadable,
}

pub(super) fn read<'a>(reading: &Reading<'a>) -> Vec<(Signed<'a>, Proof)> {
    let certificates = registered(reading);
    let proved = |request: Signed<'a>| {
        let proof = request.proof(&certificates);
        (request, proof)
    };
    requests(reading).into_iter().map(proved).collect()
}

fn requests<'a>(reading: &Reading<'a>) -> Vec<Signed<'a>> {
    let asks = reading.asks.iter().map(|ask| (ask.exchange, ask.params.clone(), false));
    let calls = reading.token_calls.iter().map(|call| (call.exchange, call.params.clone(), true));
    asks.chain(calls)
        .filter_map(|(exchange, params, token)| {
            let version = match wire::path(&exchange.request.url).as_str() {
                "/aas/oauth2/ac" | "/aas/oauth2/te" => Version::V1,
                "/aas/oauth2/v2/ac" | "/aas/oauth2/v2/te" | "/aas/oauth2/v3/te" => Version::Raw,
                _ => return None,
            };
            wire::first(&params, "client_secret")?;
            Some(Signed { exchange, params, version, token })
        })
        .collect()
}

/// The certificates registered for the bank.
pub fn registered(reading: &Reading<'_>) -> Vec<Certificate> {
    certificates(&reading.trace.bank.certificates)
}

/// Certificates of the bank that are known to the suite and registered nowhere: those of its connections among them.
pub fn unregistered(reading: &Reading<'_>) -> Vec<Certificate> {
    certificates(&reading.trace.bank.other_certificates)
}

/// What a key is, for people: its kind and size, and its parameter set or curve.
pub fn kind(key: &PublicKey) -> [String; 2] {
    match (key.family(), key.gost()) {
        (Family::Gost256 | Family::Gost512, Some(gost)) => {
            let curve = gost.curve();
            let name = format!("{} ({})", crypto::jwk::curve_name(curve), curve.oid());
            [format!("GOST R 34.10-2012 {}", key.bits()), name]
        }
        (Family::EcdsaP256, _) => ["ECDSA 256".to_owned(), "P-256 (1.2.840.10045.3.1.7)".to_owned()],
        _ => [format!("RSA {}", key.bits()), String::new()],
    }
}

fn certificates(texts: &[String]) -> Vec<Certificate> {
    texts.iter().filter_map(|pem| Certificate::from_pem(pem).ok()).collect()
}

impl Signed<'_> {
    /// A parameter, empty when it is absent.
    pub fn part(&self, name: &str) -> &str {
        wire::first(&self.params, name).unwrap_or_default()
    }

    /// The strings that may have been signed; a refresh has two forms in the field.
    pub fn strings(&self) -> Vec<String> {
        let [client, scope, org, at, state, redirect, code, refresh] =
            ["client_id", "scope", "scope_org", "timestamp", "state", "redirect_uri", "code", "refresh_token"]
                .map(|name| self.part(name));
        if self.version == Version::V1 {
            return vec![format!("{scope}{at}{client}{state}")];
        }
        let common = format!("{client}{scope}{org}{at}{state}");
        match self.part("grant_type") {
            "refresh_token" => vec![format!("{common}{redirect}"), format!("{common}{refresh}")],
            "authorization_code" => vec![format!("{common}{redirect}{code}")],
            _ => vec![format!("{common}{redirect}")],
        }
    }

    /// The bytes of `client_secret`.
    pub fn signature(&self) -> Option<Vec<u8>> {
        wire::base64(&self.part("client_secret").replace(' ', "+"))
    }

    /// The container of a v1 signature.
    pub fn container(&self) -> Option<Container> {
        self.signature().and_then(|bytes| Container::read(&bytes).ok())
    }

    /// The certificate that the request names: by its hash beside a raw signature, by itself or its name in a container.
    pub fn names<'c>(&self, certificates: &'c [Certificate]) -> Option<&'c Certificate> {
        if self.version == Version::Raw {
            let hash = self.part("client_certificate_hash");
            return certificates.iter().find(|known| known.client_certificate_hash().eq_ignore_ascii_case(hash));
        }
        let container = self.container()?;
        match (container.signer_certificate(), container.signers.first()) {
            (Some(inside), _) => certificates.iter().find(|known| known.der() == inside.der()),
            (None, Some(signer)) => certificates.iter().find(|known| signer.id.is(known)),
            (None, None) => None,
        }
    }

    /// What the signature is, held against the prescribed strings and these certificates.
    pub fn proof(&self, certificates: &[Certificate]) -> Proof {
        let Some(signature) = self.signature() else { return Proof::Unreadable };
        let strings = self.strings();
        match self.version {
            Version::V1 => match Container::read(&signature) {
                Ok(container) => contained(&container, &strings, certificates),
                Err(_) => Proof::Unreadable,
            },
            Version::Raw => {
                // Two certificates may be of one key: the one that the request names comes first.
                let named = self.names(certificates);
                let others = certificates.iter().filter(|other| named.is_none_or(|named| named != *other));
                bare(&signature, &strings, named.into_iter().chain(others))
            }
        }
    }
}

fn contained(container: &Container, strings: &[String], certificates: &[Certificate]) -> Proof {
    let mut proof = Proof::Wrong;
    for text in strings {
        match container.verify(text.as_bytes(), certificates) {
            Ok(verified) => return Proof::Holds(Box::new(verified.signer)),
            Err(CmsError::SignatureTurned(turn)) => proof = Proof::Turned(turn),
            Err(_) => {}
        }
    }
    proof
}

fn bare<'c>(signature: &[u8], strings: &[String], certificates: impl Iterator<Item = &'c Certificate>) -> Proof {
    let keys: Vec<(&Certificate, PublicKey)> =
        certificates.filter_map(|certificate| Some((certificate, certificate.public_key().ok()?))).collect();
    let mut turned = None;
    for (certificate, key) in &keys {
        for text in strings {
            match raw::verify(key, text.as_bytes(), signature) {
                Outcome::Valid(_) => return Proof::Holds(Box::new((*certificate).clone())),
                Outcome::ReversedOnly(_, turn) => turned = turned.or(Some(turn)),
                Outcome::Mismatch => {}
            }
        }
    }
    if let Some(turn) = turned {
        return Proof::Turned(turn);
    }
    let texts = || strings.iter().map(String::as_bytes);
    let wrong = keys.iter().find_map(|(_, key)| texts().find_map(|text| raw::misdigested(key, text, signature)));
    wrong.map_or(Proof::Wrong, Proof::Misdigested)
}
