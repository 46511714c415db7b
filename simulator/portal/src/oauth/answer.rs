//! The answer of a token endpoint: tokens signed one after another, because the id token speaks of the access token.

use domain::{Grant as Granted, Protocol, Refusal};
use serde_json::json;

use super::mint;
use super::refuse::uncached;
use crate::edge::caller::Caller;
use crate::faults::{Answer, Draft};
use crate::portal::Sandbox;

/// What the answer needs beside the grant.
pub struct Wanted<'a> {
    pub protocol: Protocol,
    /// ESIA echoes the state of the token request.
    pub state: Option<&'a str>,
    /// The refresh token whose digest was handed to the core.
    pub refresh: &'a str,
}

/// Signs the tokens and writes the answer.
pub async fn tokens(
    sandbox: &Sandbox,
    caller: &Caller,
    grant: &Granted,
    wanted: &Wanted<'_>,
) -> Result<Answer, Refusal> {
    let citizen = grant.access.citizen;
    let partner = sandbox.read(|world| world.partners.find(&grant.access.client_id).cloned());
    let alg = partner.as_ref().map_or_else(Default::default, |partner| partner.token_alg);
    let esia = wanted.protocol.is_esia();
    let access =
        if esia { mint::esia_access(sandbox, grant, alg).await } else { mint::oidc_access(sandbox, grant, alg) };
    let access = sign(sandbox, caller, citizen, access).await?;
    let life = mint::life(&grant.access);
    let as_text = partner.as_ref().is_some_and(|partner| partner.expires_in_as_text);
    let mut body = json!({
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": if as_text { json!(life.to_string()) } else { json!(life) },
        "scope": if esia { mint::extended_scope(&grant.access.scopes, citizen) } else { grant.access.scopes.join(" ") },
    });
    if let (Some(id), Some(record)) = (&grant.id_token, &grant.citizen) {
        let draft = if esia {
            let sub_as_text = partner.as_ref().is_some_and(|partner| partner.sub_as_text);
            mint::esia_id(sandbox, grant, id, record, alg, sub_as_text).await
        } else {
            mint::oidc_id(sandbox, grant, id, record, alg, &access)
        };
        body["id_token"] = json!(sign(sandbox, caller, citizen, draft).await?);
    }
    if grant.refresh.is_some() {
        body["refresh_token"] = json!(wanted.refresh);
    }
    if let (true, Some(state)) = (esia, wanted.state) {
        body["state"] = json!(state);
    }
    if let Some(consent) = &grant.consent {
        body["consent"] = json!(consent);
    }
    Ok(uncached(Answer::json(200, body)))
}

/// Signs a draft; a machine that cannot sign is our fault, not the caller's, and may be able to later.
pub async fn sign(sandbox: &Sandbox, caller: &Caller, citizen: Option<i64>, draft: Draft) -> Result<String, Refusal> {
    sandbox.sign(caller, citizen, draft).await.map_err(|error| {
        tracing::error!(%error, "a token could not be signed");
        unsigned(&error.to_string())
    })
}

fn unsigned(why: &str) -> Refusal {
    Refusal::new("ESIA-007008", "internal").check("signing").seen(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::refuse::{oauth_error, to_esia, to_oidc};

    #[test]
    fn what_cannot_be_signed_may_be_asked_for_again() {
        let refusal = unsigned("the key is not there");
        for code in [to_esia(&refusal.code), to_oidc(&refusal)] {
            assert_eq!(oauth_error(&code, &refusal).0, "temporarily_unavailable");
        }
    }
}
