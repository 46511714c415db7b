//! How a client proves itself at the back channel: private_key_jwt (RFC 7523, OpenID Connect Core §9) with the key of a
//! registered certificate, or tls_client_auth (RFC 8705 §2.1) with the certificate itself. Shared secrets are not offered.

use contract::time::Timestamp;
use crypto::jws::{Alg, Jws};
use crypto::{Certificate, base64};
use domain::{ClientProof, Means, Refusal};
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::diagnosis::secret::usable;
use crate::diagnosis::unregistered;
use crate::diagnosis::{Cause, causes};
use crate::edge::caller::Caller;
use crate::oauth::client::{self, Client};
use crate::oauth::params::Params;
use crate::portal::Sandbox;

const INVALID: &str = "oidc-assertion-invalid";
const UNKNOWN: &str = "oidc-client-unknown";
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client, proved. `endpoint` is the path that was called: its address will do as audience.
pub(super) async fn authenticate(
    sandbox: &Sandbox,
    caller: &Caller,
    headers: &HeaderMap,
    params: &Params,
    endpoint: &str,
) -> Result<ClientProof, Refusal> {
    let basic = headers.contains_key(header::AUTHORIZATION);
    let secret = params.came("client_secret");
    let assertion = params.text("client_assertion");
    if usize::from(basic) + usize::from(secret) + usize::from(assertion.is_some()) > 1 {
        let seen = "more than one of Authorization, client_secret, client_assertion";
        return Err(causes::CLIENT_AUTHENTICATION_DOUBLED.refuse("oidc-request-invalid", seen, "one of them"));
    }
    if basic || secret {
        let seen = if basic { "Authorization header" } else { "client_secret" };
        let wanted = "client_assertion, or the TLS certificate";
        return Err(causes::CLIENT_SECRET_USED.refuse(INVALID, seen, wanted));
    }
    match assertion {
        Some(text) => by_assertion(sandbox, caller, params, text, endpoint),
        None => by_certificate(sandbox, caller, params),
    }
}

fn by_certificate(sandbox: &Sandbox, caller: &Caller, params: &Params) -> Result<ClientProof, Refusal> {
    let Some(peer) = &caller.peer else {
        let cause = if params.came("client_id") {
            causes::TLS_CERTIFICATE_MISSING
        } else {
            causes::CLIENT_AUTHENTICATION_MISSING
        };
        return Err(cause.refuse(INVALID, "neither an assertion nor a TLS certificate", "one of them"));
    };
    let Some(client_id) = params.text("client_id") else {
        return Err(causes::PARAMETER_MISSING.refuse("oidc-request-invalid", "", "[client_id]"));
    };
    let client = client::find(sandbox, client_id, UNKNOWN)?;
    caller.tag_partner(client_id);
    let Some(known) = client.own.iter().find(|known| known.certificate.der() == peer.der) else {
        let seen = format!("certificate {}", peer.sha256);
        return Err(causes::TLS_CERTIFICATE_UNREGISTERED.refuse(
            INVALID,
            seen,
            "a certificate registered for the client",
        ));
    };
    usable(known, sandbox.now())?;
    Ok(ClientProof::verified(client_id, Means::TlsClientAuth))
}

fn by_assertion(
    sandbox: &Sandbox,
    caller: &Caller,
    params: &Params,
    text: &str,
    endpoint: &str,
) -> Result<ClientProof, Refusal> {
    let refuse = |cause: &Cause, seen: String, wanted: &str| cause.refuse(INVALID, seen, wanted);
    match params.text("client_assertion_type") {
        Some(BEARER) => {}
        other => return Err(refuse(causes::ASSERTION_MALFORMED, format!("client_assertion_type {other:?}"), BEARER)),
    }
    let token =
        Jws::parse(text).map_err(|error| refuse(causes::ASSERTION_MALFORMED, error.to_string(), "a compact JWS"))?;
    let claims =
        token.claims().map_err(|error| refuse(causes::ASSERTION_MALFORMED, error.to_string(), "JSON claims"))?;
    let issuer = needed(&claims, "iss")?;
    let subject = needed(&claims, "sub")?;
    let named = params.text("client_id").unwrap_or(subject);
    if issuer != subject || subject != named {
        let seen = format!("iss {issuer:?}, sub {subject:?}, client_id {named:?}");
        return Err(refuse(causes::ASSERTION_ISSUER, seen, "the client_id in each"));
    }
    let client = client::find(sandbox, subject, UNKNOWN)?;
    caller.tag_partner(subject);
    signed(sandbox, &client, &token)?;
    audience(sandbox, &claims, endpoint)?;
    let expires_at = times(sandbox, &claims)?;
    let jti = needed(&claims, "jti")?;
    if !sandbox.replays().first(subject, jti, expires_at, sandbox.now()) {
        let seen = format!("jti {jti:?} again");
        return Err(causes::ASSERTION_REPLAYED.refuse("oidc-assertion-replayed", seen, "a new jti"));
    }
    Ok(ClientProof::verified(subject, Means::PrivateKeyJwt))
}

fn needed<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    let value = claims.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    value
        .ok_or_else(|| causes::ASSERTION_CLAIM_MISSING.refuse(INVALID, format!("no {name}"), format!("{name} as text")))
}

/// One of the registered keys made it. A `kid` may help the client; here every key is tried.
fn signed(sandbox: &Sandbox, client: &Client, token: &Jws) -> Result<(), Refusal> {
    let alg = token.alg().unwrap_or("none");
    if alg.parse::<Alg>().is_err() {
        let wanted = Alg::ALL.map(Alg::as_str).join(", ");
        return Err(causes::ASSERTION_ALGORITHM.refuse(INVALID, format!("alg {alg:?}"), wanted));
    }
    let mut fits = false;
    for known in &client.own {
        let Some(key) = &known.key else { continue };
        fits |= alg.parse::<Alg>().is_ok_and(|alg| alg.family() == key.family());
        if token.verify(key, &Alg::ALL).is_ok() {
            return usable(known, sandbox.now());
        }
    }
    // A certificate that the client shows, or that our authority issued, tells more than the bare signature.
    let shown = token.header.get("x5c").and_then(|chain| Certificate::from_der(&shown(chain)?).ok());
    let issued = shown.into_iter().chain(client.trust.0.issued());
    let made = |one: &Certificate| one.public_key().is_ok_and(|key| token.verify(&key, &Alg::ALL).is_ok());
    let registered = |one: &Certificate| client.own.iter().any(|known| known.certificate == *one);
    if let Some(stranger) = issued.into_iter().find(|one| !registered(one) && made(one)) {
        return Err(unregistered(&stranger, &client.own, &client.others, &client.trust, INVALID));
    }
    if !fits {
        let seen = format!("alg {alg:?} and no registered key of that kind");
        return Err(causes::ASSERTION_ALGORITHM.refuse(INVALID, seen, "the algorithm of a registered key"));
    }
    let of_other =
        client.others.iter().find(|other| other.key.as_ref().is_some_and(|key| token.verify(key, &Alg::ALL).is_ok()));
    let wanted = "the key of a certificate registered for the client";
    Err(match of_other {
        Some(other) => causes::CERTIFICATE_OF_OTHER_SYSTEM.refuse(
            INVALID,
            format!("signed by a key of {}", other.client_id),
            wanted,
        ),
        None => causes::ASSERTION_SIGNATURE.refuse(INVALID, format!("{alg} by an unknown key, or altered"), wanted),
    })
}

/// The first certificate of `x5c` (RFC 7515 §4.1.6).
fn shown(chain: &Value) -> Option<Vec<u8>> {
    base64::decode_standard_strict(chain.get(0)?.as_str()?).ok()
}

fn audience(sandbox: &Sandbox, claims: &Map<String, Value>, endpoint: &str) -> Result<(), Refusal> {
    let issuer = sandbox.oidc_issuer();
    let good =
        [issuer.to_owned(), format!("{}/oidc/token", sandbox.origin()), format!("{}{endpoint}", sandbox.origin())];
    let seen: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => return Err(causes::ASSERTION_CLAIM_MISSING.refuse(INVALID, "no aud", issuer)),
    };
    if seen.iter().any(|seen| good.iter().any(|good| good == seen)) {
        return Ok(());
    }
    let slash = seen.iter().any(|seen| seen.trim_end_matches('/') == issuer.trim_end_matches('/'));
    let how = if slash { ": a slash at the end differs" } else { "" };
    Err(causes::ASSERTION_AUDIENCE.refuse(INVALID, format!("{seen:?}{how}"), format!("{issuer:?}")))
}

fn times(sandbox: &Sandbox, claims: &Map<String, Value>) -> Result<Timestamp, Refusal> {
    let (now, skew) = (sandbox.now(), sandbox.limits().clock_skew);
    let instant = |name: &str| {
        claims.get(name).and_then(Value::as_f64).map(|seconds| Timestamp::from_millis((seconds * 1000.0) as i64))
    };
    let Some(expires_at) = instant("exp") else {
        return Err(causes::ASSERTION_CLAIM_MISSING.refuse(INVALID, "no exp", "exp as a number"));
    };
    if expires_at + skew <= now {
        let seen = format!("exp {expires_at}, {} seconds ago", now.since(expires_at).seconds());
        return Err(causes::ASSERTION_EXPIRED.refuse(INVALID, seen, format!("after {now}")));
    }
    for name in ["iat", "nbf"] {
        if let Some(at) = instant(name).filter(|at| *at > now + skew) {
            let seen = format!("{name} {at}, {} seconds ahead", at.since(now).seconds());
            return Err(causes::ASSERTION_NOT_YET_VALID.refuse(INVALID, seen, format!("not after {now}")));
        }
    }
    Ok(expires_at + skew)
}
