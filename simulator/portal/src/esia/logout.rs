//! `/idp/ext/Logout`: the portal session ends, and the browser goes back where the bank registered it may.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use http::HeaderMap;

use crate::diagnosis::causes;
use crate::diagnosis::words::address_difference;
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::client;
use crate::oauth::flow::see_other;
use crate::oauth::params::Params;
use crate::oauth::request::ESIA;
use crate::pages::{self, consents};
use crate::portal::Sandbox;

pub(super) async fn logout(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let params = match Params::read(query.as_deref(), None, b"") {
        Ok(params) => params,
        Err(why) => return pages::error(&sandbox, &caller, &ESIA.unreadable(&why)).await,
    };
    let found =
        ESIA.mandatory(&params, "client_id").and_then(|client_id| client::find(&sandbox, client_id, "ESIA-007005"));
    let client = match found {
        Ok(client) => client,
        Err(refusal) => return pages::error(&sandbox, &caller, &refusal).await,
    };
    caller.tag_partner(&client.partner.client_id);
    let back = params.text("redirect_url");
    if let Some(address) = back.filter(|address| !may_return(&client, address)) {
        let seen = address_difference(address, &client.partner.redirect_uris);
        let wanted = "redirect_url on the host of a registered address";
        let refusal = causes::REDIRECT_URI_DIFFERS.refuse("ESIA-007023", seen, wanted);
        return pages::error(&sandbox, &caller, &refusal).await;
    }
    consents::end_session(&sandbox, &caller, &headers).await;
    let answer = match back {
        Some(address) => see_other(address),
        None => pages::notice("logout", "Вы вышли", "Сеанс на портале завершён."),
    };
    consents::leave(answer)
}

/// After a logout any page on the host and port of a registered address will do.
fn may_return(client: &client::Client, address: &str) -> bool {
    let origin = |text: &str| url::Url::parse(text).ok().map(|url| url.origin());
    let Some(wanted) = origin(address).filter(url::Origin::is_tuple) else { return false };
    client.partner.allows_redirect(address)
        || client.partner.redirect_uris.iter().any(|known| origin(known).as_ref() == Some(&wanted))
}
