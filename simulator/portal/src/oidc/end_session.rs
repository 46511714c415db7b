//! `/oidc/end-session` (OpenID Connect RP-Initiated Logout): with an id token of this very session it ends at once;
//! otherwise the person is asked, so that no other site can sign a person out.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bytes::Bytes;
use crypto::jws::Jws;
use domain::Refusal;
use http::HeaderMap;

use crate::diagnosis::causes;
use crate::diagnosis::words::address_difference;
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::client::{self, Client};
use crate::oauth::flow::{SESSION_COOKIE, cookie, see_other};
use crate::oauth::params::{Params, append_query};
use crate::oauth::request::OIDC;
use crate::pages::{self, consents};
use crate::portal::Sandbox;

/// Who says goodbye, and for which session.
struct Hint {
    client_id: Option<String>,
    session: Option<String>,
}

pub(super) async fn ask(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    match Params::read(query.as_deref(), None, b"") {
        Ok(params) => end(&sandbox, &caller, &headers, &params, false).await,
        Err(why) => pages::error(&sandbox, &caller, &OIDC.unreadable(&why)).await,
    }
}

/// The form of the asking page, or a client that posts its request.
pub(super) async fn answer(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer {
    match Params::read(query.as_deref(), None, &body) {
        Ok(params) => {
            let confirmed = params.text("decision") == Some("end") && pages::goodbye_is_ours(&headers, &params);
            end(&sandbox, &caller, &headers, &params, confirmed).await
        }
        Err(why) => pages::error(&sandbox, &caller, &OIDC.unreadable(&why)).await,
    }
}

async fn end(sandbox: &Sandbox, caller: &Caller, headers: &HeaderMap, params: &Params, confirmed: bool) -> Answer {
    let hint = match hint(sandbox, params).await {
        Ok(hint) => hint,
        Err(refusal) => return pages::error(sandbox, caller, &refusal).await,
    };
    let client = match hint.client_id.as_deref().map(|id| client::find(sandbox, id, "oidc-client-unknown")).transpose()
    {
        Ok(client) => client,
        Err(refusal) => return pages::error(sandbox, caller, &refusal).await,
    };
    if let Some(client) = &client {
        caller.tag_partner(&client.partner.client_id);
    }
    let back = match way_back(params, client.as_ref()) {
        Ok(back) => back,
        Err(refusal) => return pages::error(sandbox, caller, &refusal).await,
    };
    let session = cookie(headers, SESSION_COOKIE);
    let same = session.is_some() && session == hint.session;
    if session.is_some() && !same && !confirmed {
        let fields: Vec<(&str, &str)> = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"]
            .into_iter()
            .filter_map(|name| params.text(name).map(|value| (name, value)))
            .collect();
        let name = client.as_ref().map(|client| client.partner.name.ru.as_str()).filter(|name| !name.is_empty());
        return pages::goodbye(sandbox, headers, name, &fields);
    }
    consents::end_session(sandbox, caller, headers).await;
    // The client names a session by an id token of its own: that one ends, also where this browser has no cookie of it.
    if let Some(named) = hint.session.filter(|_| !same) {
        consents::end(sandbox, caller, named).await;
    }
    consents::leave(match back {
        Some(address) => see_other(&address),
        None => pages::notice("logout", "Вы вышли", "Сеанс на портале завершён."),
    })
}

/// What the hint says. An expired id token will do (RP-Initiated Logout §2): only its signature counts.
async fn hint(sandbox: &Sandbox, params: &Params) -> Result<Hint, Refusal> {
    let client_id = params.text("client_id").map(str::to_owned);
    let Some(text) = params.text("id_token_hint") else { return Ok(Hint { client_id, session: None }) };
    let refuse = |seen: String| causes::TOKEN_MALFORMED.refuse(OIDC.malformed, seen, "[id_token_hint] of this portal");
    let token = Jws::parse(text).map_err(|error| refuse(error.to_string()))?;
    sandbox.keys().verify(&token).map_err(|error| refuse(error.to_string()))?;
    let claims = token.claims().map_err(|error| refuse(error.to_string()))?;
    let audience = claims.get("aud").and_then(|value| value.as_str()).map(str::to_owned);
    if let (Some(named), Some(audience)) = (&client_id, &audience)
        && named != audience
    {
        return Err(refuse(format!("an id token for {audience:?}, not {named:?}")));
    }
    let session =
        claims.get("sid").or_else(|| claims.get("urn:esia:sid")).and_then(|value| value.as_str()).map(str::to_owned);
    Ok(Hint { client_id: audience.or(client_id), session })
}

/// Any page on the host and port of a registered address will do; without a client there is no way back.
fn way_back(params: &Params, client: Option<&Client>) -> Result<Option<String>, Refusal> {
    let Some(address) = params.text("post_logout_redirect_uri") else { return Ok(None) };
    let origin = |text: &str| url::Url::parse(text).ok().map(|url| url.origin()).filter(url::Origin::is_tuple);
    let known = client.map(|client| client.partner.redirect_uris.as_slice()).unwrap_or_default();
    let good = origin(address).is_some_and(|wanted| known.iter().any(|known| origin(known).as_ref() == Some(&wanted)));
    if !good {
        let seen = address_difference(address, known);
        let wanted = "[post_logout_redirect_uri] on the host of a registered address";
        return Err(causes::REDIRECT_URI_DIFFERS.refuse(OIDC.redirect_uri, seen, wanted));
    }
    Ok(Some(match params.text("state") {
        Some(state) => append_query(address, &[("state", state)]),
        None => address.to_owned(),
    }))
}
