//! Grants as both interfaces take them: a code, a refresh token, the client's own word.

use crypto::jws::Jws;
use crypto::{base64, digest};
use domain::{CertificateProof, ClientProof, Command, Grant, RedeemCode, RefreshTokens, Refusal, Verifier};

use super::params::Params;
use super::request::Rows;
use crate::diagnosis::causes;
use crate::edge::caller::Caller;
use crate::portal::Sandbox;

/// A code whose signature is ours.
pub struct Code {
    pub id: String,
    /// The `state` of the authorisation request.
    pub state: Option<String>,
}

/// Verifies a code. Databases like to cut it: it is a JWT of many hundred characters.
pub async fn read_code(sandbox: &Sandbox, caller: &Caller, text: &str, row: &str) -> Result<Code, Refusal> {
    let length = format!("{} characters", text.chars().count());
    let malformed = || causes::CODE_MALFORMED.refuse(row, length.clone(), "the code as it came, whole");
    let token = Jws::parse(text).map_err(|_| malformed())?;
    let claims = token.claims().map_err(|_| malformed())?;
    if sandbox.keys().verify(&token).is_err() {
        // Three parts and readable claims: a whole code, but altered, cut at its end or of another portal.
        let known_issuer = claims.get("iss").and_then(|issuer| issuer.as_str());
        let ours =
            known_issuer.is_some_and(|issuer| issuer == sandbox.esia_issuer() || issuer == sandbox.oidc_issuer());
        return Err(match ours {
            true => malformed(),
            false => causes::CODE_UNKNOWN.refuse(row, format!("issuer {known_issuer:?}"), "a code of this portal"),
        });
    }
    if token.header.get("sbt").and_then(|kind| kind.as_str()) != Some("authorization_code") {
        return Err(causes::CODE_UNKNOWN.refuse(row, "a token of another kind", "a code"));
    }
    if let Some(citizen) = claims.get("urn:esia:sbj").and_then(|subject| subject["urn:esia:sbj:oid"].as_i64()) {
        caller.tag_citizen(citizen);
    }
    let text_of = |name: &str| claims.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let id = text_of("jti").ok_or_else(malformed)?;
    Ok(Code { id, state: text_of("urn:esia:client:state") })
}

pub fn redeem(
    params: &Params,
    proof: ClientProof,
    code: Code,
    refresh: &str,
    certificate: Option<CertificateProof>,
) -> Command {
    let verifier = params
        .text("code_verifier")
        .map(|plain| Verifier { plain: plain.to_owned(), s256: digest::sha256_base64url(plain.as_bytes()) });
    Command::RedeemCode(Box::new(RedeemCode {
        proof,
        code: code.id,
        redirect_uri: params.text("redirect_uri").unwrap_or_default().to_owned(),
        verifier,
        refresh_digest: digest::sha256_hex(refresh.as_bytes()),
        certificate,
    }))
}

pub fn renew(
    params: &Params,
    proof: ClientProof,
    scopes: Option<Vec<String>>,
    refresh: &str,
    certificate: Option<CertificateProof>,
) -> Command {
    let given = params.text("refresh_token").unwrap_or_default();
    Command::RefreshTokens(Box::new(RefreshTokens {
        proof,
        digest: digest::sha256_hex(given.as_bytes()),
        next_digest: digest::sha256_hex(refresh.as_bytes()),
        scopes,
        certificate,
    }))
}

/// `client_credentials`: `prm_chg?oid=…`, `consents`, or an organisation's scopes.
pub fn own_word(
    rows: &Rows,
    params: &Params,
    proof: ClientProof,
    certificate: Option<CertificateProof>,
) -> Result<Command, Refusal> {
    let text = params.text("scope").unwrap_or_default();
    rows.names(text)?;
    Ok(Command::ClientCredentials {
        proof,
        scopes: text.split(' ').filter(|entry| !entry.is_empty()).map(str::to_owned).collect(),
        consent: params.text("consent").map(str::to_owned),
        certificate,
    })
}

/// The refresh token that comes next: a new one, or the old one again while the lie is armed that none comes.
pub fn next_refresh(sandbox: &Sandbox, caller: &Caller, given: &str) -> String {
    let held = digest::sha256_hex(given.as_bytes());
    let citizen = sandbox.read(|world| world.tokens.by_digest(&held).and_then(|token| token.citizen));
    if let Some(citizen) = citizen {
        caller.tag_citizen(citizen);
    }
    let kept = !sandbox.armed().matching(caller.exchange, citizen, |slug| slug == "refresh-token-kept").is_empty();
    if kept { given.to_owned() } else { sandbox.draw().uuid() }
}

/// Looks closer at a PKCE comparison that failed: the challenge may be a digest of another writing of the verifier.
pub fn explained(params: &Params, refusal: Refusal) -> Refusal {
    let Some(verifier) = params.text("code_verifier").filter(|_| refusal.cause == causes::PKCE_VERIFIER_MISMATCH.slug)
    else {
        return refusal;
    };
    let challenge = refusal.wanted.as_str();
    let decoded = base64::tolerant(verifier).map(|read| read.bytes).unwrap_or_default();
    let writings: [(&str, Vec<u8>); 4] = [
        ("of the bytes that the verifier encodes", decoded),
        ("of the verifier with padding", format!("{verifier}=").into_bytes()),
        ("of the SHA-256 of the verifier", digest::sha256(verifier.as_bytes()).to_vec()),
        ("of the hex SHA-256 of the verifier", digest::sha256_hex(verifier.as_bytes()).into_bytes()),
    ];
    match writings.iter().find(|(_, bytes)| digest::sha256_base64url(bytes) == challenge) {
        Some((how, _)) => causes::PKCE_CHALLENGE_ENCODING.refuse(
            &refusal.code,
            format!("the challenge is the digest {how}"),
            refusal.wanted.clone(),
        ),
        None => refusal,
    }
}

/// Notes on the exchange whom the tokens are about.
pub fn tag(caller: &Caller, grant: &Grant) {
    caller.tag_partner(&grant.access.client_id);
    if let Some(citizen) = grant.access.citizen {
        caller.tag_citizen(citizen);
    }
    if let Some(flow) = &grant.access.flow {
        caller.tag_flow(flow);
    }
}
