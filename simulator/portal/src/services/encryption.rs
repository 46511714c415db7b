//! Messages encrypted between bank and portal (SEC-11): around everything else that a call of `/api` goes through, so that
//! a body is opened before anybody reads it and an answer is closed after its last byte was written.
//!
//! A request with `Stend-Encryption: cms`, or any of a partner registered with `encryption: required`, is answered with CMS
//! for every certificate of the partner that is in force; `Stend-Content-Type` says what is inside. Contents are encrypted by
//! ciphers with a code (AES-256-GCM, Kuznyechik with OMAC), so that a damaged one does not open. A body of
//! `application/pkcs7-mime` is opened with the portal's key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use certs::{Key, KeyUsage, Profile, Subject};
use contract::control::{Encryption, TokenAlg};
use crypto::cms::enveloped::{self, ContentCipher, Options};
use crypto::{Certificate, PrivateKey};
use domain::Refusal;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};

use crate::edge::caller::Caller;
use crate::faults::envelopes::Sealing;
use crate::keys::Stranger;
use crate::portal::Sandbox;
use crate::refuse;

const ASKED: HeaderName = HeaderName::from_static("stend-encryption");
const INNER: HeaderName = HeaderName::from_static("stend-content-type");
/// The media type of a closed body.
pub(crate) const SEALED: &str = "application/pkcs7-mime; smime-type=enveloped-data";

/// The portal's certificates for encryption, the newest last: an older one still opens what came for it.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<HashMap<TokenAlg, Vec<Certificate>>>);

fn failed(what: impl std::fmt::Display) -> Refusal {
    Refusal::new("internal", "encryption").check("encryption").seen(what.to_string())
}

/// The certificate for which one encrypts what is meant for the portal.
pub(crate) async fn lock(sandbox: &Sandbox, alg: TokenAlg) -> Result<Certificate, Refusal> {
    locks(sandbox, alg).await.map(|(_, certificates)| certificates.last().cloned())?.ok_or_else(|| failed("none"))
}

async fn locks(sandbox: &Sandbox, alg: TokenAlg) -> Result<(PrivateKey, Vec<Certificate>), Refusal> {
    let key = sandbox.keys().encryption(alg).await.map_err(failed)?;
    let now = sandbox.now();
    // Every change is one step, so a panic elsewhere leaves it whole.
    let mut all = sandbox.locks().0.lock().unwrap_or_else(PoisonError::into_inner);
    let known = all.entry(alg).or_default();
    if !known.last().is_some_and(|certificate| certificate.is_valid_at(now.seconds())) {
        let base = Profile::named("partner").map_err(failed)?;
        let use_ = if alg == TokenAlg::RS256 { KeyUsage::KeyEncipherment } else { KeyUsage::KeyAgreement };
        let key_usage =
            if alg == TokenAlg::GOST3410_2012_256 { vec![use_, KeyUsage::KeyEncipherment] } else { vec![use_] };
        let profile = Profile { name: "encryption".to_owned(), usage: Vec::new(), key_usage, ..base.clone() };
        let subject = Subject::named("Stend encryption").with_organization("Stend");
        let issued = sandbox.pki().issue(&profile, &subject, Key::Own(&key), now).map_err(failed)?;
        known.push(issued.certificate);
    }
    Ok((key, known.clone()))
}

/// Serves a call whose body may be closed and whose answer may have to be.
pub(super) async fn around<F>(sandbox: Arc<Sandbox>, request: Request, serve: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let Some(caller) = request.extensions().get::<Caller>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let asked = match request.headers().get(ASKED).map(|value| value.to_str().unwrap_or("?").trim().to_owned()) {
        None => false,
        Some(value) if value.eq_ignore_ascii_case("cms") => true,
        Some(other) => {
            let refusal = super::call::invalid("Stend-Encryption", &other, "cms");
            return refuse::problem(&sandbox, &caller, &refusal).await.into_response();
        }
    };
    let response = match is_sealed(request.headers()) {
        false => serve(request).await,
        true => match open(&sandbox, request).await {
            Ok(request) => serve(request).await,
            Err(refusal) => refuse::problem(&sandbox, &caller, &refusal).await.into_response(),
        },
    };
    let partner = caller.tags().partner;
    let required = partner.as_ref().is_some_and(|partner| {
        sandbox.read(|world| {
            world.partners.find(partner).is_some_and(|partner| partner.encryption == Encryption::Required)
        })
    });
    if !asked && !required || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return response;
    }
    let good = response.status().is_success();
    match close(&sandbox, &caller, partner.as_deref(), response).await {
        Ok(response) => response,
        // A refusal that cannot be closed is told in clear: it holds nothing of anybody's.
        Err(both) if good => refuse::problem(&sandbox, &caller, &both.0).await.into_response(),
        Err(both) => both.1,
    }
}

/// `application/pkcs7-mime` that holds something encrypted: not a signed one.
fn is_sealed(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = declared.split(';').map(|part| part.trim().to_ascii_lowercase());
    let kind = parts.next().unwrap_or_default();
    let said = parts.find_map(|part| Some(part.strip_prefix("smime-type=")?.trim_matches('"').to_owned()));
    matches!(kind.as_str(), "application/pkcs7-mime" | "application/x-pkcs7-mime")
        && said.is_none_or(|said| matches!(said.as_str(), "enveloped-data" | "authenveloped-data"))
}

async fn open(sandbox: &Sandbox, request: Request) -> Result<Request, Refusal> {
    // One cause for whatever is wrong inside: what exactly it is would help whoever tries to find out the content.
    let invalid = |seen: &str| Refusal::new("envelope-invalid", "envelope-invalid").check("body").seen(seen);
    let (mut parts, body) = request.into_parts();
    let read = Limited::new(body, enveloped::LARGEST).collect().await;
    let bytes = read.map_err(|_| invalid("too long, or cut"))?.to_bytes();
    let mut content = None;
    for alg in TokenAlg::ALL {
        let (key, certificates) = locks(sandbox, alg).await?;
        let opened = certificates.iter().rev().find_map(|lock| enveloped::decrypt(&bytes, lock, &key).ok());
        if let Some(opened) = opened {
            content = Some(opened.to_vec());
            break;
        }
    }
    let content = content.ok_or_else(|| invalid("does not open with the portal's keys"))?;
    let inner = parts.headers.remove(INNER).unwrap_or_else(|| HeaderValue::from_static("application/json"));
    parts.headers.insert(header::CONTENT_TYPE, inner);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(content.len()));
    Ok(Request::from_parts(parts, Body::from(content)))
}

/// Closes an answer; where that cannot be done, the answer comes back with the reason.
async fn close(
    sandbox: &Sandbox,
    caller: &Caller,
    partner: Option<&str>,
    response: Response,
) -> Result<Response, Box<(Refusal, Response)>> {
    let recipients = partner.map(|partner| recipients(sandbox, partner)).unwrap_or_default();
    let impossible = |seen: String| {
        Refusal::new("encryption-impossible", "encryption-impossible")
            .check("encryption of the answer")
            .seen(seen)
            .wanted("a partner with a certificate in force, an answer of up to 16 MiB")
    };
    let Some(first) = recipients.first() else {
        let seen = partner.unwrap_or("nobody known").to_owned();
        return Err(Box::new((impossible(seen), response)));
    };
    let lie = match response.status().is_success() {
        true => sandbox.faults().sealing(caller, caller.tags().citizen),
        false => Sealing::Honest,
    };
    if lie == Sealing::Plain {
        return Ok(response);
    }
    let gost = is_gost(first);
    let recipients = match lie {
        Sealing::ForAnother => match stranger(sandbox, gost).await {
            Ok(certificate) => vec![certificate],
            Err(refusal) => return Err(Box::new((refusal, response))),
        },
        Sealing::Honest | Sealing::Plain | Sealing::Tampered => recipients,
    };
    let (mut parts, body) = response.into_parts();
    // Handlers answer whole bodies; an error while collecting one can only be ours.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let sealed = enveloped::encrypt(&body, &recipients, cipher(gost), &Options::default());
    let mut sealed = match sealed {
        Ok(sealed) => sealed,
        Err(error) => {
            return Err(Box::new((impossible(error.to_string()), Response::from_parts(parts, Body::from(body)))));
        }
    };
    if lie == Sealing::Tampered {
        turn_a_bit(&mut sealed, body.len());
    }
    if let Some(inner) = parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SEALED)) {
        parts.headers.insert(INNER, inner);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    // What the bytes inside have to be is said of the representation, not of what is on the wire (RFC 9530 §2, §3).
    if let Some(digest) = parts.headers.remove("content-digest") {
        parts.headers.insert("repr-digest", digest);
    }
    parts.headers.append(header::VARY, HeaderValue::from_static("stend-encryption"));
    Ok(Response::from_parts(parts, Body::from(sealed)))
}

/// The partner's certificates in force: those of the family of its tokens where it has such, else the others. A content
/// has one cipher, and GOST keys go with GOST ciphers only.
fn recipients(sandbox: &Sandbox, partner: &str) -> Vec<Certificate> {
    let Some(partner) = sandbox.read(|world| world.partners.find(partner).cloned()) else { return Vec::new() };
    let now = sandbox.now().seconds();
    let known = partner.certificates.iter().filter_map(|known| sandbox.shelf().read(known));
    let current = known.map(|read| read.certificate.clone()).filter(|certificate| certificate.is_valid_at(now));
    let (gost, other): (Vec<_>, Vec<_>) = current.partition(is_gost);
    let wants_gost = partner.token_alg == TokenAlg::GOST3410_2012_256;
    if gost.is_empty() || !wants_gost && !other.is_empty() { other } else { gost }
}

fn is_gost(certificate: &Certificate) -> bool {
    certificate.public_key().is_ok_and(|key| key.family().is_gost())
}

const fn cipher(gost: bool) -> ContentCipher {
    if gost { ContentCipher::KuznyechikCtrAcpkmOmac } else { ContentCipher::Aes256Gcm }
}

/// A certificate of somebody else.
async fn stranger(sandbox: &Sandbox, gost: bool) -> Result<Certificate, Refusal> {
    let alg = if gost { TokenAlg::GOST3410_2012_256 } else { TokenAlg::ES256 };
    sandbox.keys().stranger(Stranger::Foreign, alg).await.map(|key| key.certificate).map_err(failed)
}

/// Turns a bit of the encrypted content, or of the code after it where the content is short.
fn turn_a_bit(sealed: &mut [u8], content: usize) {
    /// What comes after the content is shorter than this.
    const AFTER: usize = 64;
    let from_end = if content > 2 * AFTER { AFTER + content / 2 } else { 1 };
    if let Some(byte) = sealed.len().checked_sub(from_end).and_then(|at| sealed.get_mut(at)) {
        *byte ^= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_encrypted_is_opened() {
        let says = |value: &'static str| {
            is_sealed(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert!(
            says(SEALED)
                && says("application/pkcs7-mime")
                && says("Application/PKCS7-mime;smime-type=\"enveloped-data\"")
        );
        assert!(!says("application/pkcs7-mime; smime-type=signed-data") && !says("application/json"));
    }
}
