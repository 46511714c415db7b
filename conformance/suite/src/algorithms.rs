//! Which algorithms a run exercised. No label counts: a signature stands here only with the key that verifies it again from
//! the recorded bytes, a certificate only as it was shown in a handshake. What does not hold was not exercised.

use std::collections::BTreeMap;

use contract::exchange::{Exchange, Party};
use crypto::http_signature::{self, Expect, Message, Verifier};
use crypto::jwk::JwkSet;
use crypto::jws::{Alg, Jws};
use crypto::{Certificate, Family, PublicKey, Scheme};
use rules::reading::signed::{self, Proof, Version};
use rules::reading::{Reading, wire};
use rules::trace::{Protocol, Trace, What};
use serde_json::Value;

use crate::report::model::{AlgorithmUse, Bilingual};

/// One algorithm at work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exercised {
    protocol: Protocol,
    used_for: Use,
    key: [String; 2],
    signature: String,
    digest: &'static str,
}

/// How often each was seen.
pub(crate) type Counted = BTreeMap<Exercised, u64>;

/// What an algorithm was used for, in the order in which the report tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    RequestSignature,
    CertificateHash,
    ClientAssertion,
    AccessToken,
    IdToken,
    WebHook,
    PortalTls,
    BankTls,
    ClientTls,
}

impl Use {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::BankTls => "bank_tls",
            Self::CertificateHash => "certificate_hash",
            Self::ClientAssertion => "client_assertion",
            Self::ClientTls => "client_tls",
            Self::IdToken => "id_token",
            Self::PortalTls => "portal_tls",
            Self::RequestSignature => "request_signature",
            Self::WebHook => "web_hook",
        }
    }

    const fn is_tls(self) -> bool {
        matches!(self, Self::BankTls | Self::ClientTls | Self::PortalTls)
    }

    const fn is_token(self) -> bool {
        matches!(self, Self::AccessToken | Self::IdToken)
    }

    /// The bank's own signature.
    const fn is_proof(self) -> bool {
        matches!(self, Self::ClientAssertion | Self::RequestSignature)
    }
}

/// What one recording shows.
pub(crate) fn of(trace: &Trace) -> Counted {
    let reading = Reading::of(trace);
    let keys: JwkSet =
        serde_json::to_vec(&trace.portal.jwks).ok().and_then(|bytes| JwkSet::parse(&bytes).ok()).unwrap_or_default();
    let mut seen = Seen {
        protocol: trace.case.protocol,
        counted: Counted::new(),
        registered: signed::registered(&reading),
        keys,
        kinds: BTreeMap::new(),
    };
    seen.requests(&reading);
    for event in &trace.events {
        let What::Exchange(exchange) = &event.what else { continue };
        match (exchange.from, exchange.to) {
            (Party::Bank, Party::Portal) => {
                seen.assertion(exchange);
                seen.tokens(exchange);
                seen.connection(exchange, trace);
            }
            (Party::Portal, Party::Bank) => seen.hook(exchange),
            (_, Party::Bank) => seen.certificate(Use::BankTls, trace.bank.tls_certificate.as_deref(), String::new()),
            _ => {}
        }
    }
    seen.counted
}

struct Seen {
    protocol: Protocol,
    counted: Counted,
    registered: Vec<Certificate>,
    keys: JwkSet,
    /// What key a certificate holds, by its text or its digest: a recording shows the same few over and over.
    kinds: BTreeMap<String, Option<[String; 2]>>,
}

impl Seen {
    fn count(&mut self, used_for: Use, key: [String; 2], signature: String, digest: &'static str) {
        let row = Exercised { protocol: self.protocol, used_for, key, signature, digest };
        *self.counted.entry(row).or_default() += 1;
    }

    fn count_key(&mut self, used_for: Use, key: &PublicKey, signature: String) {
        self.count(used_for, signed::kind(key), signature, digest_of(key.family()));
    }

    /// ESIA's signed requests, and the hashes of certificates beside them.
    fn requests(&mut self, reading: &Reading<'_>) {
        for (request, proof) in &reading.signed {
            let Proof::Holds(by) = proof else { continue };
            let Ok(key) = by.public_key() else { continue };
            let signature = match request.version {
                Version::V1 => {
                    let container = request.container();
                    let signer = container.as_ref().and_then(|container| container.signers.first());
                    signer.map(|signer| format!("CMS, {}", signer.algorithm)).unwrap_or_default()
                }
                Version::Raw => raw_form(key.family().scheme()).to_owned(),
            };
            self.count_key(Use::RequestSignature, &key, signature);
            let hash = request.part("client_certificate_hash");
            if by.client_certificate_hash().eq_ignore_ascii_case(hash) {
                let digest = if key.family().is_gost() { "Streebog-256" } else { "SHA-256" };
                self.count(Use::CertificateHash, signed::kind(&key), String::new(), digest);
            }
        }
    }

    fn assertion(&mut self, exchange: &Exchange) {
        let form = wire::form(exchange);
        let Some(jws) = wire::first(&form, "client_assertion").and_then(|text| Jws::parse(text).ok()) else { return };
        let keys: Vec<PublicKey> = self.registered.iter().filter_map(|known| known.public_key().ok()).collect();
        let held = keys.iter().find_map(|key| Some((key, jws.verify(key, &Alg::ALL).ok()?)));
        if let Some((key, alg)) = held {
            self.count_key(Use::ClientAssertion, key, alg.as_str().to_owned());
        }
    }

    /// Tokens of honest answers.
    fn tokens(&mut self, exchange: &Exchange) {
        if !exchange.faults.is_empty() {
            return;
        }
        let Some(Value::Object(members)) = wire::answer_json(exchange) else { return };
        for (name, used_for) in [("access_token", Use::AccessToken), ("id_token", Use::IdToken)] {
            let token = members.get(name).and_then(Value::as_str).and_then(|text| Jws::parse(text).ok());
            let Some(token) = token else { continue };
            let key = token.verify_with(&self.keys, &Alg::ALL).ok().and_then(|jwk| jwk.public_key().ok());
            if let (Some(key), Some(alg)) = (key, token.alg()) {
                self.count_key(used_for, &key, alg.to_owned());
            }
        }
    }

    fn hook(&mut self, exchange: &Exchange) {
        if !exchange.faults.is_empty() {
            return;
        }
        let mut headers = http::HeaderMap::new();
        for (name, value) in &exchange.request.headers {
            let name = http::HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        }
        let request = &exchange.request;
        let message = Message { method: &request.method, target_uri: &request.url, headers: &headers, status: None };
        // How old the message may be is the rules' business.
        let expect = Expect { max_age: 1 << 40, skew: 1 << 40, ..Expect::at(exchange.at.seconds()) };
        let find = |kid: &str| {
            let jwk = self.keys.keys.iter().find(|jwk| jwk.kid.as_deref() == Some(kid))?;
            jwk.public_key().ok()
        };
        let body = request.body.text().as_bytes();
        let held = http_signature::verify(&message, body, &expect, |kid, _| find(kid).map(Verifier::of)).ok();
        let key = held.as_ref().and_then(|verified| find(&verified.keyid));
        if let (Some(verified), Some(key)) = (held, key) {
            self.count_key(Use::WebHook, &key, verified.alg.as_str().to_owned());
        }
    }

    fn connection(&mut self, exchange: &Exchange, trace: &Trace) {
        let Some(tls) = &exchange.tls else { return };
        let suite = format!("{} {}", tls.version, tls.suite);
        self.certificate(Use::PortalTls, trace.portal.tls_certificate.as_deref(), suite.clone());
        let Some(shown) = &tls.client_certificate else { return };
        let kind = self.kinds.entry(shown.clone()).or_insert_with(|| {
            let texts = trace.bank.certificates.iter().chain(&trace.bank.other_certificates);
            let known = texts.filter_map(|pem| Certificate::from_pem(pem).ok());
            let known = known.into_iter().find(|known| known.sha256_hex().eq_ignore_ascii_case(shown));
            known.and_then(|known| known.public_key().ok()).map(|key| signed::kind(&key))
        });
        // The recording holds its digest and nothing more.
        let kind = kind.clone().unwrap_or_else(|| ["?".to_owned(), format!("SHA-256 {shown}")]);
        self.count(Use::ClientTls, kind, suite, "");
    }

    fn certificate(&mut self, used_for: Use, pem: Option<&str>, suite: String) {
        let Some(pem) = pem else { return };
        let kind = self.kinds.entry(pem.to_owned()).or_insert_with(|| {
            let key = Certificate::from_pem(pem).ok().and_then(|shown| shown.public_key().ok());
            key.map(|key| signed::kind(&key))
        });
        if let Some(kind) = kind.clone() {
            self.count(used_for, kind, suite, "");
        }
    }
}

fn digest_of(family: Family) -> &'static str {
    match family {
        Family::EcdsaP256 | Family::Rsa => "SHA-256",
        Family::Gost256 => "Streebog-256",
        Family::Gost512 => "Streebog-512",
    }
}

/// The form of a raw signature.
const fn raw_form(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::EcdsaSha256Der | Scheme::EcdsaSha256Fixed => "ECDSA",
        Scheme::Gost256 => "s ‖ r (64)",
        Scheme::Gost512 => "s ‖ r (128)",
        Scheme::RsaPkcs1Sha256 => "RSASSA-PKCS1-v1_5",
        Scheme::RsaPssSha256 | Scheme::RsaPssSha512 => "RSASSA-PSS",
    }
}

/// The table of the report.
pub(crate) fn table(counted: &Counted) -> Vec<AlgorithmUse> {
    let signs_with = |protocol: Protocol| {
        counted.keys().find(|row| row.protocol == protocol && row.used_for.is_proof()).map(|row| &row.key)
    };
    counted
        .iter()
        .map(|(row, times)| AlgorithmUse {
            protocol: row.protocol.as_str().to_owned(),
            used_for: row.used_for.as_str().to_owned(),
            key: row.key[0].clone(),
            parameters: row.key[1].clone(),
            signature: row.signature.clone(),
            digest: row.digest.to_owned(),
            times: *times,
            why: signs_with(row.protocol).and_then(|own| why(row, own)),
        })
        .collect()
}

/// Why a key is of another kind than the bank's own.
fn why(row: &Exercised, own: &[String; 2]) -> Option<Bilingual> {
    let is_gost = |key: &[String; 2]| key[0].starts_with("GOST");
    if row.used_for.is_tls() && is_gost(own) && !is_gost(&row.key) {
        return Some(Bilingual::new(
            "TLS стенда не знает наборов ГОСТ: соединения остаются на обычном сертификате, ГОСТ — во всём, что подписано внутри",
            "the bench's TLS knows no GOST cipher suites: connections keep an ordinary certificate, GOST is in all that is signed inside",
        ));
    }
    if row.used_for.is_tls() && row.key != *own {
        return Some(Bilingual::new(
            "у соединений свой сертификат; им ничего не подписывают",
            "connections have a certificate of their own; nothing else is signed with it",
        ));
    }
    if row.used_for.is_token() && is_gost(own) && is_gost(&row.key) && row.key[0] != own[0] {
        return Some(Bilingual::new(
            "портал подписывает маркеры ключом 256 бит, каким бы ни был ключ банка",
            "the portal signs tokens with a key of 256 bits, whatever the bank's own is",
        ));
    }
    None
}

/// The same in single words: `id_token RS256`, `TLSv1.3 TLS13_AES_256_GCM_SHA384`.
pub(crate) fn words(counted: &Counted) -> Vec<String> {
    let word = |row: &Exercised| match row.used_for {
        Use::PortalTls => Some(row.signature.clone()),
        Use::BankTls | Use::CertificateHash | Use::ClientTls => None,
        Use::RequestSignature => Some(format!("{} {}", row.used_for.as_str(), row.key[0])),
        _ => Some(format!("{} {}", row.used_for.as_str(), row.signature)),
    };
    let words: std::collections::BTreeSet<String> = counted.keys().filter_map(word).collect();
    words.into_iter().collect()
}
