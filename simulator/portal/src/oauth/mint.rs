//! Tokens: what each says before it is signed. ESIA's carry its issuer and its own claims, those of plain OpenID Connect
//! the standard's. Signing happens in the sandbox, outside the world's lock, where a lie may change the draft.

use contract::citizen::{Account, Citizen};
use contract::control::TokenAlg;
use crypto::base64;
use domain::{Grant, IssuedCode, Token, TokenKind};
use serde_json::{Map, Value, json};

use crate::faults::{Draft, Kind};
use crate::portal::Sandbox;

/// `acr` and `amr` of plain OpenID Connect.
pub const ACR_PASSWORD: &str = "urn:esia:acr:pwd";
pub const ACR_TWO_FACTORS: &str = "urn:esia:acr:2fa";

/// `openid fullname?oid=1000299944`: entries as ESIA's tokens extend them with the person.
pub fn extended_scope(scopes: &[String], citizen: Option<i64>) -> String {
    let entry = |scope: &String| match citizen {
        Some(oid) if scope != "openid" => format!("{scope}?oid={oid}"),
        _ => scope.clone(),
    };
    scopes.iter().map(entry).collect::<Vec<_>>().join(" ")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// ESIA's thumbprint member: Streebog-256 of the certificate of the key that signs, in upper-case hex.
async fn key_digest(sandbox: &Sandbox, alg: TokenAlg) -> String {
    sandbox.keys().current(alg).await.map(|key| key.thumbprint).unwrap_or_default()
}

/// The code: a JWT in ESIA, and the same here for plain OpenID Connect.
pub async fn code(sandbox: &Sandbox, code: &IssuedCode, citizen: &Citizen, alg: TokenAlg, issuer: &str) -> Draft {
    let header = json!({
        "ver": 1, "typ": "JWT", "x5t#St256": key_digest(sandbox, alg).await, "sbt": "authorization_code",
    });
    let mut claims = json!({
        "iss": issuer,
        "jti": code.id,
        "auth_mthd": "PWD",
        "urn:esia:sbj": subject(citizen),
        "params": {},
        "client_id": code.client_id,
        "nbf": code.issued_at.seconds(),
        "iat": code.issued_at.seconds(),
        "exp": code.expires_at.seconds(),
        "scope": extended_scope(&code.scopes, Some(code.citizen)),
        "auth_time": code.auth_time.seconds(),
        "urn:esia:sid": code.session,
    });
    if let Some(state) = &code.state {
        claims["urn:esia:client:state"] = json!(state);
    }
    if code.second_factor {
        claims["acr"] = json!({"2fa": "otp"});
    }
    Draft { kind: Kind::Code, alg, header: object(header), claims: object(claims) }
}

/// `urn:esia:sbj`: who the person is and how far the account was confirmed.
fn subject(citizen: &Citizen) -> Value {
    let level = match citizen.account {
        Account::Confirmed => "KD",
        Account::Standard => "PR",
        Account::Simplified => "P",
    };
    let mut subject = json!({
        "urn:esia:sbj:lvl": level,
        "urn:esia:sbj:typ": "P",
        "urn:esia:sbj:oid": citizen.oid,
        "urn:esia:sbj:nam": format!("OID.{}", citizen.oid),
    });
    if citizen.trusted() {
        subject["urn:esia:sbj:is_tru"] = json!(true);
    }
    subject
}

fn kind(token: &Token) -> Kind {
    match token.kind {
        TokenKind::Data => Kind::Data,
        TokenKind::Partner => Kind::Partner,
        TokenKind::Access | TokenKind::Id | TokenKind::Refresh => Kind::Access,
    }
}

/// ESIA's access token, data and partner tokens included.
pub async fn esia_access(sandbox: &Sandbox, grant: &Grant, alg: TokenAlg) -> Draft {
    let token = &grant.access;
    let header = json!({"ver": 1, "typ": "JWT", "x5t#St256": key_digest(sandbox, alg).await, "sbt": "access"});
    let mut scope = extended_scope(&token.scopes, token.citizen);
    for extra in &grant.scopes_org {
        scope.push(' ');
        scope.push_str(extra);
    }
    let mut claims = json!({
        "iss": sandbox.esia_issuer(),
        "jti": token.id,
        "client_id": token.client_id,
        "scope": scope,
        "nbf": token.issued_at.seconds(),
        "iat": token.issued_at.seconds(),
        "exp": token.expires_at.seconds(),
    });
    if let Some(session) = &grant.session {
        claims["urn:esia:sid"] = json!(session);
    }
    if let Some(citizen) = token.citizen {
        claims["urn:esia:sbj_id"] = json!(citizen);
    }
    if grant.second_factor {
        claims["acr"] = json!({"2fa": "otp"});
    }
    bind(&mut claims, token);
    Draft { kind: kind(token), alg, header: object(header), claims: object(claims) }
}

/// RFC 8705 §3.1.
fn bind(claims: &mut Value, token: &Token) {
    if let Some(thumbprint) = &token.thumbprint {
        claims["cnf"] = json!({"x5t#S256": thumbprint});
    }
}

/// ESIA's id token.
pub async fn esia_id(
    sandbox: &Sandbox,
    grant: &Grant,
    id: &str,
    citizen: &Citizen,
    alg: TokenAlg,
    as_text: bool,
) -> Draft {
    let token = &grant.access;
    let header = json!({"ver": 1, "typ": "JWT", "x5t#St256": key_digest(sandbox, alg).await, "sbt": "id"});
    let sub = if as_text { json!(citizen.oid.to_string()) } else { json!(citizen.oid) };
    let mut claims = json!({
        "iss": sandbox.esia_issuer(),
        "jti": id,
        "aud": token.client_id,
        "sub": sub,
        "iat": token.issued_at.seconds(),
        "nbf": token.issued_at.seconds(),
        "exp": token.expires_at.seconds(),
        "auth_time": grant.auth_time.unwrap_or(token.issued_at).seconds(),
        "amr": "PWD",
        "urn:esia:amd": "PWD",
        "urn:esia:sbj": subject(citizen),
    });
    if let Some(session) = &grant.session {
        claims["urn:esia:sid"] = json!(session);
    }
    if grant.second_factor {
        claims["acr"] = json!({"2fa": "otp"});
    }
    Draft { kind: Kind::Id, alg, header: object(header), claims: object(claims) }
}

/// The access token of plain OpenID Connect, in the shape of RFC 9068.
pub fn oidc_access(sandbox: &Sandbox, grant: &Grant, alg: TokenAlg) -> Draft {
    let token = &grant.access;
    let sub = token.citizen.map_or_else(|| token.client_id.clone(), |citizen| citizen.to_string());
    let mut claims = json!({
        "iss": sandbox.oidc_issuer(),
        "jti": token.id,
        "sub": sub,
        "aud": sandbox.oidc_issuer(),
        "client_id": token.client_id,
        "scope": token.scopes.join(" "),
        "iat": token.issued_at.seconds(),
        "nbf": token.issued_at.seconds(),
        "exp": token.expires_at.seconds(),
    });
    if let Some(session) = &grant.session {
        claims["sid"] = json!(session);
    }
    bind(&mut claims, token);
    let header = json!({"typ": "at+jwt"});
    Draft { kind: kind(token), alg, header: object(header), claims: object(claims) }
}

/// The id token of plain OpenID Connect (Core §2), with `at_hash` over the access token as it was signed.
pub fn oidc_id(sandbox: &Sandbox, grant: &Grant, id: &str, citizen: &Citizen, alg: TokenAlg, access: &str) -> Draft {
    let token = &grant.access;
    let two = grant.second_factor;
    let mut claims = json!({
        "iss": sandbox.oidc_issuer(),
        "jti": id,
        "sub": citizen.oid.to_string(),
        "aud": token.client_id,
        "iat": token.issued_at.seconds(),
        "exp": token.expires_at.seconds(),
        "auth_time": grant.auth_time.unwrap_or(token.issued_at).seconds(),
        "acr": if two { ACR_TWO_FACTORS } else { ACR_PASSWORD },
        "amr": if two { json!(["pwd", "otp"]) } else { json!(["pwd"]) },
        "at_hash": half_hash(alg, access),
        "trusted": citizen.trusted(),
    });
    if let Some(nonce) = &grant.nonce {
        claims["nonce"] = json!(nonce);
    }
    if let Some(session) = &grant.session {
        claims["sid"] = json!(session);
    }
    let header = json!({"typ": "JWT"});
    Draft { kind: Kind::Id, alg, header: object(header), claims: object(claims) }
}

/// OpenID Connect Core §3.1.3.6: the left half of the digest that goes with the token's algorithm, in base64url.
fn half_hash(alg: TokenAlg, text: &str) -> String {
    let digest = match alg {
        TokenAlg::ES256 | TokenAlg::RS256 => crypto::digest::sha256(text.as_bytes()),
        TokenAlg::GOST3410_2012_256 => crypto::gost::streebog256(text.as_bytes()),
    };
    base64::encode_url(&digest[..16])
}

/// The whole life of a token in seconds: it is answered the moment it is issued.
pub fn life(token: &Token) -> i64 {
    token.expires_at.since(token.issued_at).seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_extended_with_the_person() {
        let scopes = ["openid".to_owned(), "fullname".to_owned()];
        assert_eq!(extended_scope(&scopes, Some(1_000_299_944)), "openid fullname?oid=1000299944");
        assert_eq!(extended_scope(&scopes, None), "openid fullname");
    }

    #[test]
    fn at_hash_is_that_of_the_standard() {
        // OpenID Connect Core, appendix A.3: token and at_hash.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(TokenAlg::RS256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        let gost = half_hash(TokenAlg::GOST3410_2012_256, "test message");
        // The left half of 0639b3cbb205941a9811f329d8930578….
        assert_eq!(hex::encode(base64::decode_url_strict(&gost).unwrap()), "0639b3cbb205941a9811f329d8930578");
    }
}
