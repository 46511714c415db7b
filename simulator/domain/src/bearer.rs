//! What a bearer token may do. The checks stand in one order: is it known, does it live, is it held by the one it was
//! bound to, is it of the right kind, about this person, backed by a standing consent, for this purpose, for this one
//! request, and not used up (CNS-3). What it was tried for in vain is told as `token.misused`.

use std::sync::Arc;

use contract::citizen::Employment;
use contract::scope;

use crate::command::{Ask, Bearer};
use crate::consent::{self, Consent};
use crate::draft::Draft;
use crate::event::Fact;
use crate::identity::sign_in::org_oid;
use crate::refusal::Refusal;
use crate::registries::FactsOrder;
use crate::reply::Reply;
use crate::tokens::{Misuse, Token, TokenKind};

/// A token that is known, lives, and is held by the right hands.
fn admit(draft: &mut Draft<'_, '_, '_>, bearer: &Bearer) -> Result<Arc<Token>, Refusal> {
    let Some(token) = draft.world.tokens.find(&bearer.token).cloned() else {
        return Err(Refusal::new("token-invalid", "token-unknown")
            .check("token")
            .seen("unknown")
            .wanted("a token of this portal"));
    };
    draft.partner = Some(token.client_id.clone());
    draft.citizen = token.citizen;
    draft.flow.clone_from(&token.flow);
    if draft.world.tokens.is_revoked(&token.id) {
        return Err(Refusal::new("token-invalid", "token-revoked")
            .check("token")
            .seen("revoked")
            .wanted("a token in force"));
    }
    if token.expires_at <= draft.now {
        misused(draft, &token, Misuse::Expired);
        return Err(Refusal::new("token-expired", "token-expired")
            .check("life of the token")
            .seen(format!("{} s over", draft.now.since(token.expires_at).seconds()))
            .wanted("a token in force")
            .mend("get a new token"));
    }
    let shown = bearer.certificate.as_ref().map(|certificate| certificate.thumbprint());
    if token.thumbprint.is_some() && token.thumbprint.as_deref() != shown {
        misused(draft, &token, Misuse::Binding);
        return Err(Refusal::new("token-binding-wrong", "token-binding")
            .check("certificate of the connection (RFC 8705 §3)")
            .seen(shown.unwrap_or("none"))
            .wanted(token.thumbprint.clone().unwrap_or_default())
            .mend("call with the certificate that was shown when the token was issued"));
    }
    Ok(token)
}

/// A token that lives, whatever it is for: for calls that are about nobody, and to tell why something is not found.
pub(crate) fn admitted(draft: &mut Draft<'_, '_, '_>, bearer: &Bearer) -> Result<Arc<Token>, Refusal> {
    admit(draft, bearer)
}

fn misused(draft: &mut Draft<'_, '_, '_>, token: &Token, reason: Misuse) {
    draft.tell(Fact::TokenMisused { id: token.id.clone(), reason });
}

/// A data token that may serve this very request; binds it when it has none yet. `request` names operation, person and
/// parameters without paging.
pub(crate) fn serve(
    draft: &mut Draft<'_, '_, '_>,
    ask: &Ask,
    service: &str,
    request: &str,
) -> Result<(Arc<Token>, Consent), Refusal> {
    let token = admit(draft, &ask.bearer)?;
    data_kind(&token)?;
    if token.citizen != Some(ask.person) {
        misused(draft, &token, Misuse::OtherCitizen);
        return Err(Refusal::new("token-other-citizen", "token-of-other-person")
            .check("person of the token")
            .seen(ask.person.to_string())
            .wanted(token.citizen.unwrap_or_default().to_string()));
    }
    let consent = standing(draft, &token)?;
    if !scope::opens_service(&consent.scopes, service) {
        return Err(Refusal::new("scope-missing", "scope-not-granted")
            .check("data of the consent")
            .seen(consent.scopes.join(" "))
            .wanted(service));
    }
    if !consent.purposes.contains(&ask.purpose) {
        return Err(Refusal::new("purpose-mismatch", "purpose-mismatch")
            .check("purposes of the consent")
            .seen(&ask.purpose)
            .wanted(consent.purposes.join(" ")));
    }
    bind(draft, &token, request)?;
    Ok((token, consent))
}

/// A question that was deferred.
pub(crate) enum Deferred {
    /// To a registry; its authority is looked at there.
    Facts(Box<FactsOrder>),
    /// To the pension account, with what may fetch it.
    Pension(Box<(Arc<Token>, Consent, crate::pension::Order)>),
}

/// A data token for an answer that was deferred: person and purpose are those of the question.
pub(crate) fn serve_answer(draft: &mut Draft<'_, '_, '_>, bearer: &Bearer, order: &str) -> Result<Deferred, Refusal> {
    let token = admit(draft, bearer)?;
    data_kind(&token)?;
    let own = |client_id: &str| client_id == token.client_id;
    if let Some(order) = draft.world.inquiries.order(order).filter(|order| own(&order.client_id)) {
        return Ok(Deferred::Facts(Box::new(order.clone())));
    }
    let found = draft.world.pensions.order(order).filter(|order| own(&order.client_id)).cloned();
    let Some(order) = found else {
        return Err(Refusal::new("unknown-answer", "unknown-answer")
            .check("answer")
            .seen(order)
            .wanted("an open question"));
    };
    let ask = Ask { bearer: bearer.clone(), person: order.person, purpose: order.purpose.clone() };
    let (token, consent) = serve(draft, &ask, scope::PENSION, &order.request())?;
    Ok(Deferred::Pension(Box::new((token, consent, order))))
}

fn data_kind(token: &Token) -> Result<(), Refusal> {
    if token.kind == TokenKind::Data {
        return Ok(());
    }
    Err(Refusal::new("token-kind-wrong", "token-wrong-kind")
        .check("kind of the token")
        .seen(format!("{:?}", token.kind).to_lowercase())
        .wanted("data")
        .mend("ask for a data token: client_credentials with scope prm_chg?oid=<number of the person>"))
}

/// The consent that the token leans on, while it stands.
fn standing(draft: &mut Draft<'_, '_, '_>, token: &Token) -> Result<Consent, Refusal> {
    let found = token.consent.as_deref().and_then(|id| draft.world.consents.find(id)).cloned();
    let Some(consent) = found else {
        return Err(Refusal::new("consent-missing", "consent-absent").check("consent").seen("none").wanted("granted"));
    };
    if consent.stands(draft.now) {
        return Ok(consent);
    }
    misused(draft, token, Misuse::ConsentOver);
    let state = consent.state_at(draft.now);
    let code = match state {
        contract::consent::ConsentState::Expired => "consent-expired",
        _ => "consent-revoked",
    };
    Err(Refusal::new(code, code)
        .check("state of the consent")
        .seen(state.as_str())
        .wanted("granted")
        .mend("stop, or ask the person again"))
}

fn bind(draft: &mut Draft<'_, '_, '_>, token: &Token, request: &str) -> Result<(), Refusal> {
    match draft.world.tokens.request_of(&token.id) {
        None => draft.tell(Fact::TokenBound { id: token.id.clone(), request: request.to_owned() }),
        Some(bound) if bound != request => {
            let bound = bound.to_owned();
            misused(draft, token, Misuse::OtherRequest);
            return Err(Refusal::new("token-other-request", "token-other-request")
                .check("request of the token (CNS-3)")
                .seen(request)
                .wanted(bound)
                .mend("a data token serves one request: get another one for another request"));
        }
        Some(_) => {}
    }
    if draft.world.tokens.is_spent(&token.id) {
        misused(draft, token, Misuse::SecondUse);
        return Err(spent());
    }
    Ok(())
}

fn spent() -> Refusal {
    Refusal::new("token-spent", "token-spent")
        .check("uses of the token (CNS-3)")
        .seen("its final answer was given")
        .wanted("a token not used yet")
        .mend("get a new data token for each request")
}

/// The final answer of the token's request is given.
pub(crate) fn spend(draft: &mut Draft<'_, '_, '_>, token: &Token) {
    draft.tell(Fact::TokenSpent { id: token.id.clone() });
}

/// ESIA's person data and OpenID Connect's userinfo.
pub(crate) fn read_person(
    draft: &mut Draft<'_, '_, '_>,
    bearer: &Bearer,
    citizen: Option<i64>,
    groups: &[String],
) -> Result<Reply, Refusal> {
    let token = admit(draft, bearer)?;
    if !matches!(token.kind, TokenKind::Access | TokenKind::Data) {
        return Err(Refusal::new("token-kind-wrong", "token-wrong-kind").check("kind of the token").wanted("access"));
    }
    let about = token.citizen.unwrap_or_default();
    if citizen.is_some_and(|wanted| wanted != about) {
        misused(draft, &token, Misuse::OtherCitizen);
        return Err(Refusal::new("token-other-citizen", "token-of-other-person")
            .check("person of the token")
            .seen(citizen.unwrap_or_default().to_string())
            .wanted(about.to_string()));
    }
    let Some(person) = draft.world.citizens.find(about).cloned() else {
        return Err(Refusal::new("person-unknown", "person-unknown").check("person").seen(about.to_string()));
    };
    if token.consent.is_some() {
        standing(draft, &token)?;
    }
    if token.kind == TokenKind::Data {
        // A record is read in several calls (documents, contacts): all of them are the one request of this token.
        bind(draft, &token, &format!("person?oid={about}"))?;
    }
    draft.tell(Fact::PersonRead { token: token.id.clone(), groups: groups.to_vec(), scopes: token.scopes.clone() });
    let scopes = token.scopes.iter().cloned().collect();
    Ok(Reply::Person { citizen: person, scopes, token: Box::new((*token).clone()) })
}

/// `/rs/orgs/{oid}`: a person who works there and granted `usr_org`, or a token of the organisation itself.
pub(crate) fn read_organisation(
    draft: &mut Draft<'_, '_, '_>,
    bearer: &Bearer,
    organisation: i64,
) -> Result<Reply, Refusal> {
    let token = admit(draft, bearer)?;
    let wanted = |employment: &&Employment| employment.oid.wide() == organisation;
    let found = match token.citizen {
        Some(oid) => {
            if !scope::opens_group(&token.scopes, "organizations") {
                return Err(Refusal::new("scope-missing", "scope-not-granted")
                    .check("scope of the token")
                    .seen(token.scopes.join(" "))
                    .wanted("usr_org"));
            }
            draft.world.citizens.find(oid).and_then(|citizen| citizen.organisations.iter().find(wanted)).cloned()
        }
        None => {
            if !token.scopes.iter().any(|entry| org_oid(entry) == Some(organisation)) {
                return Err(Refusal::new("scope-missing", "scope-not-granted")
                    .check("scope of the token")
                    .seen(token.scopes.join(" "))
                    .wanted(format!("org_…?org_oid={organisation}")));
            }
            draft.world.citizens.all().flat_map(|citizen| citizen.organisations.iter()).find(wanted).cloned()
        }
    };
    let Some(employment) = found else {
        return Err(Refusal::new("not-found", "organisation-unknown")
            .check("organisation")
            .seen(organisation.to_string()));
    };
    draft.tell(Fact::PersonRead {
        token: token.id.clone(),
        groups: vec!["organizations".to_owned()],
        scopes: token.scopes.clone(),
    });
    let scopes = token.scopes.iter().cloned().collect();
    Ok(Reply::Organisation { organisation: Box::new(employment), scopes, token: Box::new((*token).clone()) })
}

/// The stream of events: a client's own token that may learn of consents.
pub(crate) fn open_stream(draft: &mut Draft<'_, '_, '_>, bearer: &Bearer) -> Result<Reply, Refusal> {
    let token = admit(draft, bearer)?;
    let may = token.kind == TokenKind::Partner && token.scopes.iter().any(|entry| scope::bare(entry) == "consents");
    if !may {
        return Err(Refusal::new("stream-token-wrong", "token-wrong-kind")
            .check("kind and scope of the token")
            .seen(format!("{:?}: {}", token.kind, token.scopes.join(" ")).to_lowercase())
            .wanted("a token of the client itself with scope consents")
            .mend("ask for one: client_credentials with scope=consents"));
    }
    Ok(Reply::Stream { token: Box::new((*token).clone()) })
}

/// The consent record, for the client that holds it: by any token about that person, or by a partner token. Neither
/// the end of the consent nor the end of a data token's request hides the record: a bank must be able to learn of it.
pub(crate) fn own_consent(draft: &mut Draft<'_, '_, '_>, bearer: &Bearer, id: &str) -> Result<Consent, Refusal> {
    let token = admit(draft, bearer)?;
    let found = draft.world.consents.find(id).filter(|consent| consent.client_id == token.client_id).cloned();
    let Some(consent) = found else { return Err(consent::unknown(id)) };
    match token.citizen {
        Some(person) if person != consent.person => {
            misused(draft, &token, Misuse::OtherCitizen);
            Err(Refusal::new("token-other-citizen", "token-of-other-person")
                .check("person of the token")
                .seen(consent.person.to_string())
                .wanted(person.to_string()))
        }
        None if !token.scopes.iter().any(|entry| scope::bare(entry) == "consents") => {
            Err(Refusal::new("scope-missing", "scope-not-granted")
                .check("scope of the token")
                .seen(token.scopes.join(" "))
                .wanted("consents"))
        }
        _ => {
            draft.citizen = Some(consent.person);
            draft.flow = Some(consent.flow.clone());
            Ok(consent)
        }
    }
}
