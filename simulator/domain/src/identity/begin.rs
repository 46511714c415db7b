//! The first step: may this client ask this, and is the person known already?
//!
//! Client and redirect URI are checked first, because only then may a refusal travel by redirect (RFC 6749 §4.1.2.1).

use std::collections::BTreeSet;

use contract::scope;

use crate::draft::Draft;
use crate::event::Fact;
use crate::identity::flow::{AuthorisationRequest, Protocol, Step};
use crate::identity::sign_in::{self, Person};
use crate::limits::PUSHED_LIFE;
use crate::partners::Partner;
use crate::proof::ClientProof;
use crate::refusal::Refusal;
use crate::reply::Reply;

/// RFC 9126: the parameters come by a proved client and are kept under a name that is good once.
pub(crate) fn push(
    draft: &mut Draft<'_, '_, '_>,
    proof: &ClientProof,
    request: AuthorisationRequest,
) -> Result<Reply, Refusal> {
    check(draft, Some(proof), &request)?;
    let id = draft.uuid();
    let request_uri = format!("urn:ietf:params:oauth:request_uri:{id}");
    let expires_at = draft.now + PUSHED_LIFE;
    draft.tell(Fact::AuthorisationPushed {
        id,
        request_uri: request_uri.clone(),
        expires_at,
        request: Box::new(request),
    });
    Ok(Reply::Pushed { request_uri, expires_at })
}

pub(crate) fn begin_pushed(
    draft: &mut Draft<'_, '_, '_>,
    client_id: &str,
    request_uri: &str,
    session: Option<&str>,
) -> Result<Reply, Refusal> {
    let refused = |seen: &str| {
        Refusal::new("oidc-request-uri-invalid", "request-uri-unknown")
            .check("request_uri")
            .seen(seen)
            .wanted("a request pushed by this client, used once and in time")
            .mend("push the request again and send the browser at once")
    };
    let Some(pushed) = draft.world.identity.pushed(request_uri) else { return Err(refused("unknown")) };
    if pushed.request.client_id != client_id {
        return Err(refused("pushed by another client"));
    }
    if pushed.used {
        return Err(refused("used before"));
    }
    if pushed.expires_at <= draft.now {
        return Err(refused("expired"));
    }
    let request = pushed.request.clone();
    check(draft, None, &request)?;
    Ok(open(draft, request, Some(request_uri.to_owned()), session))
}

pub(crate) fn begin(
    draft: &mut Draft<'_, '_, '_>,
    proof: Option<&ClientProof>,
    request: AuthorisationRequest,
    session: Option<&str>,
) -> Result<Reply, Refusal> {
    check(draft, proof, &request)?;
    Ok(open(draft, request, None, session))
}

/// Opens the flow, and goes as far as a standing session carries it.
fn open(
    draft: &mut Draft<'_, '_, '_>,
    request: AuthorisationRequest,
    request_uri: Option<String>,
    session: Option<&str>,
) -> Reply {
    let flow = draft.uuid();
    let expires_at = draft.now + draft.world.limits.consent_answer;
    let ip = draft.ip();
    draft.flow = Some(flow.clone());
    draft.tell(Fact::AuthorisationBegun {
        flow: flow.clone(),
        expires_at,
        request_uri,
        ip,
        request: Box::new(request.clone()),
    });
    let wants = |word: &str| request.prompt.iter().any(|prompt| prompt == word);
    let standing = session.and_then(|id| draft.world.identity.live_session(id, draft.now)).filter(|session| {
        !wants("login") && request.max_age.is_none_or(|age| draft.now.since(session.opened_at) <= age)
    });
    let person = standing.and_then(|session| {
        draft.world.citizens.find(session.citizen).map(|citizen| Person {
            flow: flow.clone(),
            request: request.clone(),
            expires_at,
            citizen: citizen.clone(),
            session: Some(session.id.clone()),
            session_expires_at: session.expires_at,
            auth_time: session.opened_at,
            second_factor: session.second_factor,
        })
    });
    let step = match person {
        Some(person) => {
            draft.citizen = Some(person.citizen.oid.wide());
            if let Some(id) = &person.session {
                draft.tell(Fact::SessionJoined { id: id.clone() });
            }
            sign_in::proceed(draft, person)
        }
        None if wants("none") => sign_in::end(draft, "oidc-login-required", "login-required", None),
        None => Step::Password { left: None },
    };
    Reply::Flow { flow, step }
}

/// Whether the client may ask this. Sets whom the events concern.
fn check(
    draft: &mut Draft<'_, '_, '_>,
    proof: Option<&ClientProof>,
    request: &AuthorisationRequest,
) -> Result<(), Refusal> {
    let world = draft.world;
    let Some(partner) = world.partners.find(&request.client_id) else {
        return Err(Refusal::new("ESIA-007005", "client-unknown")
            .check("client_id")
            .seen(&request.client_id)
            .wanted("the mnemonic of a registered system"));
    };
    draft.partner = Some(partner.client_id.clone());
    if proof.is_some_and(|proof| proof.client_id() != request.client_id) {
        return Err(Refusal::new("ESIA-007005", "certificate-of-other-system")
            .check("client_id")
            .seen(&request.client_id)
            .wanted("the client that signed"));
    }
    if !partner.allows_redirect(&request.redirect_uri) {
        return Err(Refusal::new("ESIA-007023", "redirect-uri-differs")
            .check("redirect_uri")
            .seen(&request.redirect_uri)
            .wanted(partner.redirect_uris.join(" "))
            .mend("send a registered address, byte for byte, or register this one"));
    }
    ask(partner, request).map_err(Refusal::by_redirect)
}

fn ask(partner: &Partner, request: &AuthorisationRequest) -> Result<(), Refusal> {
    if request.response_type != "code" {
        return Err(Refusal::new("ESIA-007009", "response-type-unsupported")
            .check("response_type")
            .seen(&request.response_type)
            .wanted("code"));
    }
    if request.scopes.is_empty() && request.scopes_org.is_empty() {
        return Err(Refusal::new("ESIA-007013", "scope-missing").check("scope").seen("").wanted("at least one scope"));
    }
    let names: Vec<&str> = request.scopes.iter().chain(&request.scopes_org).map(|entry| scope::bare(entry)).collect();
    scopes_fit(partner, names.iter().copied())?;
    pkce_fits(request)?;
    if let Some(filter) = request.person_filter.as_deref()
        && !matches!(filter, "conf_acc" | "acc_kid" | "acc_not_kid")
    {
        return Err(Refusal::new("ESIA-007003", "person-filter-unknown")
            .check("person_filter")
            .seen(filter)
            .wanted("conf_acc, acc_kid or acc_not_kid"));
    }
    let Some(permissions) = &request.permissions else { return Ok(()) };
    let [permission] = permissions.as_slice() else {
        return Err(Refusal::new("ESIA-007003", "permissions-unreadable")
            .check("permissions")
            .seen(permissions.len().to_string())
            .wanted("exactly one consent in a request"));
    };
    if let Some(purpose) = permission.purposes.iter().find(|name| !partner.purposes.contains(name)) {
        return Err(Refusal::new("ESIA-007019", "consent-purpose-not-allowed")
            .check("purposes of the partner")
            .seen(purpose)
            .wanted(partner.purposes.join(" ")));
    }
    scopes_fit(partner, permission.scopes.iter().map(String::as_str))
}

/// Known, not withdrawn, and among those of the partner. `openid` and `offline_access` are everybody's.
pub(crate) fn scopes_fit<'a>(partner: &Partner, names: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let allowed: BTreeSet<&str> =
        partner.scopes.iter().map(String::as_str).chain([scope::OPENID, "offline_access"]).collect();
    for name in names {
        if name == scope::WITHDRAWN {
            return Err(Refusal::new("ESIA-007006", "scope-withdrawn")
                .check("scope")
                .seen(name)
                .wanted("scopes of single fields")
                .mend("ask for what the service needs, such as fullname birthdate snils"));
        }
        if scope::find(name).is_none() {
            let cause = if name.contains([',', ';', '+']) { "scope-separator" } else { "scope-unknown" };
            return Err(Refusal::new("ESIA-007006", cause)
                .check("scope")
                .seen(name)
                .wanted("names of known scopes with blanks between them"));
        }
        if !allowed.contains(name) {
            return Err(Refusal::new("ESIA-007019", "scope-not-allowed")
                .check("scopes of the partner")
                .seen(name)
                .wanted(partner.scopes.join(" "))
                .mend("register the scope for this system, or do not ask for it"));
        }
    }
    Ok(())
}

/// RFC 7636. Plain OpenID Connect here demands it with S256; ESIA takes it where it is sent.
fn pkce_fits(request: &AuthorisationRequest) -> Result<(), Refusal> {
    let Some(challenge) = &request.challenge else {
        return if request.protocol == Protocol::Oidc {
            Err(Refusal::new("oidc-pkce-missing", "pkce-missing")
                .check("code_challenge")
                .seen("absent")
                .wanted("a challenge with code_challenge_method=S256"))
        } else {
            Ok(())
        };
    };
    if challenge.method != "S256" {
        return Err(Refusal::new("ESIA-007003", "pkce-method")
            .check("code_challenge_method")
            .seen(&challenge.method)
            .wanted("S256"));
    }
    let urlsafe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if challenge.value.len() != 43 || !challenge.value.chars().all(urlsafe) {
        return Err(Refusal::new("ESIA-007003", "pkce-challenge-malformed")
            .check("code_challenge")
            .seen(format!("{} characters", challenge.value.len()))
            .wanted("43 characters of base64url without padding"));
    }
    Ok(())
}
