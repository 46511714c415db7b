//! Bearer tokens as they come in: taken from the header, their signature verified, never from a URL or a body. What a
//! token is good for, the core decides.

use crypto::jws::{Jws, JwsError};
use domain::{Bearer, Refusal};
use http::{HeaderMap, header};

use crate::diagnosis::{Cause, causes};
use crate::edge::caller::Caller;
use crate::oauth::client::shown;
use crate::portal::Sandbox;

const ABSENT: &str = "token-absent";
const INVALID: &str = "token-invalid";

/// The bearer token of a request, with the certificate of its connection. `query` is looked at only to tell a token
/// that was put there.
pub async fn bearer(
    sandbox: &Sandbox,
    caller: &Caller,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Bearer, Refusal> {
    let text = from_header(headers, query)?;
    let token = verified(sandbox, text).await?;
    let issued = sandbox.read(|world| world.tokens.find(&token).cloned());
    if let Some(issued) = issued {
        caller.tag_partner(&issued.client_id);
        if let Some(citizen) = issued.citizen {
            caller.tag_citizen(citizen);
        }
        if let Some(flow) = &issued.flow {
            caller.tag_flow(flow);
        }
    }
    Ok(Bearer { token, certificate: shown(caller) })
}

fn from_header<'a>(headers: &'a HeaderMap, query: Option<&str>) -> Result<&'a str, Refusal> {
    let wanted = "Authorization: Bearer <access token>";
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else {
        let in_query = query.unwrap_or_default().split('&').any(|piece| piece.starts_with("access_token="));
        return Err(match in_query {
            true => causes::TOKEN_IN_QUERY.refuse(ABSENT, "access_token in the URL", wanted),
            false => causes::TOKEN_MISSING.refuse(ABSENT, "no Authorization header", wanted),
        });
    };
    if lines.next().is_some() {
        return Err(causes::TOKEN_MALFORMED.refuse(INVALID, "several Authorization headers", wanted));
    }
    let line = line.to_str().unwrap_or_default();
    match line.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => {
            let scheme: String = line.split(' ').next().unwrap_or_default().chars().take(20).collect();
            Err(causes::TOKEN_MISSING.refuse(ABSENT, format!("scheme {scheme:?}"), wanted))
        }
    }
}

/// The `jti` of an access, data or partner token that this sandbox signed.
pub async fn verified(sandbox: &Sandbox, text: &str) -> Result<String, Refusal> {
    let wanted = "an access token of this portal, unchanged";
    let refuse = |cause: &Cause, seen: String| cause.refuse(INVALID, seen, wanted);
    let token = Jws::parse(text).map_err(|error| refuse(causes::TOKEN_MALFORMED, error.to_string()))?;
    let claims = token.claims().map_err(|error| refuse(causes::TOKEN_MALFORMED, error.to_string()))?;
    let sbt = token.header.get("sbt").and_then(|kind| kind.as_str());
    let id_token = claims.contains_key("aud") && claims.get("client_id").is_none();
    if sbt.is_some_and(|kind| kind != "access") || (sbt.is_none() && id_token) {
        return Err(refuse(causes::TOKEN_WRONG_KIND, format!("a token of kind {:?}", sbt.unwrap_or("id"))));
    }
    sandbox.keys().verify(&token).map_err(|error| {
        let cause = match error {
            JwsError::Signature(_) | JwsError::AlgorithmNotAllowed(_) | JwsError::Critical => causes::TOKEN_MALFORMED,
            _ => causes::TOKEN_UNKNOWN,
        };
        refuse(cause, error.to_string())
    })?;
    let id = claims.get("jti").and_then(|id| id.as_str()).map(str::to_owned);
    id.ok_or_else(|| refuse(causes::TOKEN_UNKNOWN, "no jti".to_owned()))
}
