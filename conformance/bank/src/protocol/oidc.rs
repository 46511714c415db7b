//! Plain OpenID Connect: authorisation code with PKCE (S256), `private_key_jwt` (RFC 7523), the bank's certificate shown
//! in the handshake, and the request of a consent pushed beforehand (RFC 9126) where the portal offers it.

use contract::adapter::ReasonClass;
use crypto::jws::{self, Signer};
use serde_json::{Value, json};
use url::Url;

use super::metadata::{Metadata, metadata};
use super::{Grant, Pairs, authorise_pairs, common_pairs, pair, sent_scope};
use crate::bank::{Attempt, Bank};
use crate::conduct::{Fresh, ProofDuty, RequestDuty};
use crate::http::Request;
use crate::refusal::{Refusal, refuse};

/// Life of a client assertion, in seconds.
const ASSERTION: i64 = 60;

pub(crate) async fn authorise(
    bank: &Bank,
    attempt: &Attempt,
    hint: Option<(String, String)>,
) -> Result<String, Refusal> {
    let metadata = metadata(bank).await?;
    let mut pairs = authorise_pairs(bank, attempt, hint);
    pairs.push(pair("scope", &sent_scope(bank, attempt)));
    pairs.extend(attempt.nonce.as_deref().map(|nonce| pair("nonce", nonce)));
    if let Some(verifier) = &attempt.verifier {
        if bank.conduct.request(RequestDuty::PkceS256) {
            pairs.push(pair("code_challenge", &crypto::digest::sha256_base64url(verifier.as_bytes())));
            pairs.push(pair("code_challenge_method", "S256"));
        } else {
            pairs.push(pair("code_challenge", verifier));
            pairs.push(pair("code_challenge_method", "plain"));
        }
    }
    if let (Some(pushed), Some(_)) = (&metadata.pushed, &attempt.consent) {
        pairs = push(bank, pushed, pairs).await?;
    }
    let mut address = metadata.authorise.clone();
    address.query_pairs_mut().extend_pairs(&pairs);
    Ok(address.into())
}

/// Hands the request over beforehand; the browser carries only its name.
async fn push(bank: &Bank, pushed: &Url, mut pairs: Pairs) -> Result<Pairs, Refusal> {
    pairs.extend(proof(bank)?);
    let answer = bank.http.send(Request::form(pushed.clone(), &pairs)).await.map_err(|lost| lost.refusal())?;
    let value = answer.json().unwrap_or_default();
    match (answer.status, value["request_uri"].as_str()) {
        (200 | 201, Some(name)) => Ok(vec![pair("client_id", &bank.options.client_id), pair("request_uri", name)]),
        (status, _) => Err(Refusal::of_portal(status, value["error"].as_str(), format!("the pushed request: {value}"))),
    }
}

pub(crate) async fn token(bank: &Bank, grant: Grant<'_>) -> Result<(Url, Pairs, Option<String>), Refusal> {
    let metadata = metadata(bank).await?;
    let mut pairs = common_pairs(bank, grant);
    pairs.extend(proof(bank)?);
    Ok((metadata.token.clone(), pairs, None))
}

/// RFC 7009: the portal is told that a token is no longer wanted.
pub(crate) async fn revoke(bank: &Bank, metadata: &Metadata, token: &str) -> Result<(), Refusal> {
    let Some(address) = &metadata.revocation else { return Ok(()) };
    let mut pairs = vec![pair("token", token), pair("client_id", &bank.options.client_id)];
    pairs.extend(proof(bank)?);
    bank.http.send(Request::form(address.clone(), &pairs)).await.map(|_| ()).map_err(|lost| lost.refusal())
}

/// The client's assertion, for one use.
fn proof(bank: &Bank) -> Result<Pairs, Refusal> {
    let now = bank.clock.now().seconds();
    let client = bank.options.client_id.as_str();
    let life = if bank.conduct.proof(ProofDuty::AssertionShort) { ASSERTION } else { 86_400 };
    let audience = if bank.conduct.proof(ProofDuty::AssertionAudienceSingle) {
        Value::from(bank.options.issuer.as_str())
    } else {
        json!([bank.options.issuer, format!("{}/oidc/token", bank.options.portal)])
    };
    let mut claims = json!({
        "iss": client, "sub": client, "aud": audience, "iat": now, "exp": now + life, "jti": bank.make(Fresh::AssertionId),
    });
    if !bank.conduct.proof(ProofDuty::AssertionClaims)
        && let Some(claims) = claims.as_object_mut()
    {
        claims.remove("iat");
    }
    let (alg, _) = bank.signer.jws();
    let mut header = json!({"alg": alg.as_str(), "typ": "JWT"});
    if bank.conduct.proof(ProofDuty::AssertionKid) {
        header["kid"] = Value::from(bank.signer.certificate.thumbprint());
    }
    let assertion = jws::build(&header, &claims, Signer::Key(&bank.signer.key, alg))
        .map_err(|error| refuse(ReasonClass::Other, "SIGN", error.to_string()))?;
    let mut pairs = vec![
        pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        pair("client_assertion", &assertion),
    ];
    if !bank.conduct.proof(ProofDuty::OneMethod) {
        pairs.push(pair("client_secret", "not-a-secret-of-this-bank"));
    }
    Ok(pairs)
}
