//! From codes and credentials to tokens, and their end.
//!
//! A code is good once: its second use is refused and takes back what the first one gave (RFC 6749 §4.1.2). A refresh
//! token is good once too: its successor comes with it, and a used one that comes again ends the whole family.

use contract::consent::ConsentState;
use contract::ids::Oid;
use contract::scope::{self, OPENID, STANDING_CONSENT};

use crate::command::{RedeemCode, RefreshTokens};
use crate::consent::Consent;
use crate::draft::Draft;
use crate::event::Fact;
use crate::identity::begin::scopes_fit;
use crate::identity::flow::Flow;
use crate::identity::sign_in::{self, org_oid};
use crate::limits::PARTNER_TOKEN_LIFE;
use crate::proof::{CertificateProof, ClientProof, Verifier};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::tokens::{Grant, Token, TokenKind, TokenRef};

pub(crate) fn redeem(draft: &mut Draft<'_, '_, '_>, ask: &RedeemCode) -> Result<Reply, Refusal> {
    let world = draft.world;
    let refused = |cause: &str| Refusal::new("ESIA-007011", cause).check("code");
    draft.partner = Some(ask.proof.client_id().to_owned());
    let Some((code, flow)) =
        world.identity.code(&ask.code).and_then(|code| world.identity.flow(&code.flow).map(|flow| (code, flow)))
    else {
        return Err(refused("code-unknown").seen("unknown").wanted("a code of this portal"));
    };
    draft.citizen = flow.citizen;
    draft.flow = Some(flow.id.clone());
    if flow.request.client_id != ask.proof.client_id() {
        return Err(refused("code-of-other-client").seen(ask.proof.client_id()).wanted(&flow.request.client_id));
    }
    if code.redeemed {
        let given: Vec<String> = world.tokens.of_flow(&flow.id).map(|token| token.id.clone()).collect();
        for id in given {
            draft.tell(Fact::TokenRevoked { id, reason: "code-reused".to_owned() });
        }
        return Err(refused("code-reused")
            .seen("second use")
            .wanted("one use")
            .mend("a code is sent once; when the answer was lost, begin a new sign-in"));
    }
    if code.expires_at <= draft.now {
        return Err(refused("code-expired")
            .seen(format!("{} s too late", draft.now.since(code.expires_at).seconds()))
            .wanted(format!("{} s of life", world.limits.code_life.seconds())));
    }
    if flow.session.as_deref().and_then(|id| world.identity.session(id)).is_some_and(|session| session.ended) {
        return Err(refused("code-session-ended").seen("the person has signed out").wanted("a session that stands"));
    }
    if flow.request.redirect_uri != ask.redirect_uri {
        return Err(refused("redirect-uri-changed").seen(&ask.redirect_uri).wanted(&flow.request.redirect_uri));
    }
    pkce(flow, ask.verifier.as_ref())?;
    let consent = match flow.consent.as_deref().and_then(|id| world.consents.find(id)) {
        Some(consent) if consent.stands(draft.now) => Some(consent),
        Some(consent) => return Err(no_consent(consent.state_at(draft.now).as_str())),
        None => None,
    };
    draft.tell(Fact::CodeRedeemed { id: code.id.clone() });
    let parent = Parent {
        flow,
        scopes: code.scopes.clone(),
        consent: consent.map(|consent| consent.id.clone()),
        certificate: ask.certificate.as_ref(),
    };
    let refresh = flow.request.offline.then_some(ask.refresh_digest.as_str());
    Ok(parent.grant(draft, refresh, Some(code.id.clone()), None))
}

pub(crate) fn refresh(draft: &mut Draft<'_, '_, '_>, ask: &RefreshTokens) -> Result<Reply, Refusal> {
    let world = draft.world;
    let refused = |cause: &str| Refusal::new("ESIA-007011", cause).check("refresh_token");
    draft.partner = Some(ask.proof.client_id().to_owned());
    let Some(held) = world.tokens.by_digest(&ask.digest) else {
        return Err(refused("refresh-unknown").seen("unknown").wanted("a refresh token of this portal"));
    };
    draft.citizen = held.citizen;
    draft.flow.clone_from(&held.flow);
    if held.client_id != ask.proof.client_id() {
        return Err(refused("refresh-of-other-client").seen(ask.proof.client_id()).wanted(&held.client_id));
    }
    if world.tokens.is_revoked(&held.id) {
        return Err(refused("refresh-revoked").seen("revoked").wanted("a token in force"));
    }
    let flow = held.flow.as_deref().and_then(|id| world.identity.flow(id));
    let Some(flow) = flow else { return Err(refused("refresh-unknown").seen("no flow").wanted("a flow")) };
    if world.tokens.is_rotated(&held.id) {
        let family: Vec<String> = world.tokens.of_flow(&flow.id).map(|token| token.id.clone()).collect();
        for id in family {
            draft.tell(Fact::TokenRevoked { id, reason: "refresh-reused".to_owned() });
        }
        return Err(refused("refresh-reused")
            .seen("replaced by its successor before")
            .wanted("the newest refresh token")
            .mend("keep the refresh token of the latest answer and forget the one before"));
    }
    if held.expires_at <= draft.now {
        return Err(refused("refresh-expired").seen("expired").wanted("a token in force"));
    }
    let consent = match held.consent.as_deref().and_then(|id| world.consents.find(id)) {
        Some(consent) if consent.stands(draft.now) => Some(consent.id.clone()),
        Some(consent) => return Err(no_consent(consent.state_at(draft.now).as_str())),
        None => None,
    };
    let scopes = match &ask.scopes {
        None => held.scopes.clone(),
        Some(wanted) => {
            let wanted: Vec<String> = wanted.iter().map(|entry| scope::bare(entry).to_owned()).collect();
            if let Some(wider) = wanted.iter().find(|name| !held.scopes.contains(name)) {
                return Err(Refusal::new("ESIA-007006", "scope-widened")
                    .check("scope")
                    .seen(wider)
                    .wanted(held.scopes.join(" ")));
            }
            wanted
        }
    };
    let parent = Parent { flow, scopes, consent, certificate: ask.certificate.as_ref() };
    // The edge may keep the token instead of rotating it: then both digests are the same.
    if ask.next_digest == ask.digest {
        return Ok(parent.grant_keeping(draft, held));
    }
    Ok(parent.grant(draft, Some(&ask.next_digest), None, Some(held.id.clone())))
}

/// `prm_chg?oid=…` → data token (CNS-3); `consents` → partner token; `org_*?org_oid=…` → organisation's token.
pub(crate) fn credentials(
    draft: &mut Draft<'_, '_, '_>,
    proof: &ClientProof,
    scopes: &[String],
    consent: Option<&str>,
    certificate: Option<&CertificateProof>,
) -> Result<Reply, Refusal> {
    draft.partner = Some(proof.client_id().to_owned());
    let Some(partner) = draft.world.partners.find(proof.client_id()) else {
        return Err(Refusal::new("ESIA-007005", "client-unknown").check("client_id").seen(proof.client_id()));
    };
    if scopes.is_empty() {
        return Err(Refusal::new("ESIA-007013", "scope-missing").check("scope").seen("").wanted("prm_chg?oid=…"));
    }
    if let Some(entry) = scopes.iter().find(|entry| scope::bare(entry) == STANDING_CONSENT) {
        let consent = standing(draft, proof.client_id(), entry, consent)?;
        draft.citizen = Some(consent.person);
        let life = draft.world.limits.data_token_life;
        let token = Token {
            kind: TokenKind::Data,
            citizen: Some(consent.person),
            scopes: consent.scopes.clone(),
            consent: Some(consent.id.clone()),
            flow: Some(consent.flow.clone()),
            expires_at: draft.now + life,
            ..blank(draft, proof.client_id(), certificate)
        };
        let citizen = draft.world.citizens.find(consent.person).cloned();
        return Ok(alone(draft, token, citizen));
    }
    let names = scopes.iter().map(|entry| scope::bare(entry));
    let own = scopes.iter().all(|entry| scope::bare(entry) == "consents" || org_oid(entry).is_some());
    if !own {
        scopes_fit(partner, names)?;
        return Err(Refusal::new("ESIA-007005", "scope-not-allowed")
            .check("scope for client_credentials")
            .seen(scopes.join(" "))
            .wanted("prm_chg?oid=…, consents, or organisation scopes with org_oid"));
    }
    scopes_fit(partner, names.filter(|name| *name != "consents"))?;
    let token = Token {
        kind: TokenKind::Partner,
        scopes: scopes.to_vec(),
        expires_at: draft.now + PARTNER_TOKEN_LIFE,
        ..blank(draft, proof.client_id(), certificate)
    };
    Ok(alone(draft, token, None))
}

/// RFC 7009: a refresh token takes its family along; a foreign or unknown token is passed over.
pub(crate) fn revoke(draft: &mut Draft<'_, '_, '_>, proof: &ClientProof, token: &TokenRef) -> Reply {
    let Some(held) = draft.world.tokens.resolve(token).filter(|held| held.client_id == proof.client_id()) else {
        return Reply::Done;
    };
    draft.partner = Some(held.client_id.clone());
    draft.citizen = held.citizen;
    draft.flow.clone_from(&held.flow);
    let ids: Vec<String> = match (&held.flow, held.kind) {
        (Some(flow), TokenKind::Refresh) => draft.world.tokens.of_flow(flow).map(|token| token.id.clone()).collect(),
        _ if draft.world.tokens.is_revoked(&held.id) => vec![],
        _ => vec![held.id.clone()],
    };
    for id in ids {
        draft.tell(Fact::TokenRevoked { id, reason: "asked-by-client".to_owned() });
    }
    Reply::Done
}

/// The person signs out: the session ends, and with it every sign-in that leans on it and has not come to tokens: open
/// pages are walked away from, codes are good no more. Tokens given live by their own life, as ESIA's do.
pub(crate) fn end_session(draft: &mut Draft<'_, '_, '_>, id: &str) -> Reply {
    let world = draft.world;
    let Some(session) = world.identity.session(id).filter(|session| !session.ended) else { return Reply::Done };
    draft.citizen = Some(session.citizen);
    draft.tell(Fact::SessionEnded { id: session.id.clone() });
    for (_, flow) in world.identity.due().filter(|(_, flow)| flow.session.as_deref() == Some(id)) {
        draft.partner = Some(flow.request.client_id.clone());
        draft.flow = Some(flow.id.clone());
        sign_in::walk_away(draft, flow);
    }
    Reply::Done
}

/// What the tokens of a sign-in are made from.
struct Parent<'a> {
    flow: &'a Flow,
    scopes: Vec<String>,
    consent: Option<String>,
    certificate: Option<&'a CertificateProof>,
}

impl Parent<'_> {
    fn grant(
        &self,
        draft: &mut Draft<'_, '_, '_>,
        refresh: Option<&str>,
        code: Option<String>,
        rotated: Option<String>,
    ) -> Reply {
        let refresh = refresh.map(|digest| {
            let life = draft.world.limits.refresh_life;
            let granted = rotated.as_deref().and_then(|id| draft.world.tokens.find(id));
            Token {
                kind: TokenKind::Refresh,
                digest: Some(digest.to_owned()),
                // A narrower access token leaves the refresh token as wide as it was (RFC 6749 §6).
                scopes: granted.map_or_else(|| self.scopes.clone(), |old| old.scopes.clone()),
                expires_at: draft.now + life,
                ..self.token(draft)
            }
        });
        self.finish(draft, refresh.clone(), refresh, code, rotated)
    }

    fn grant_keeping(&self, draft: &mut Draft<'_, '_, '_>, kept: &Token) -> Reply {
        self.finish(draft, None, Some(kept.clone()), None, None)
    }

    fn finish(
        &self,
        draft: &mut Draft<'_, '_, '_>,
        fresh: Option<Token>,
        refresh: Option<Token>,
        code: Option<String>,
        rotated: Option<String>,
    ) -> Reply {
        let life = draft.world.limits.token_life;
        let access = Token { expires_at: draft.now + life, ..self.token(draft) };
        let id_token = self.scopes.iter().any(|scope| scope == OPENID).then(|| draft.uuid());
        let mut tokens = vec![access.clone()];
        if let Some(id) = &id_token {
            tokens.push(Token { id: id.clone(), kind: TokenKind::Id, ..access.clone() });
        }
        tokens.extend(fresh);
        draft.tell(Fact::TokensIssued { tokens, code, rotated });
        let scopes_org =
            self.flow.request.scopes_org.iter().filter(|entry| self.scopes.iter().any(|one| one == scope::bare(entry)));
        Reply::Tokens(Box::new(Grant {
            id_token,
            refresh,
            citizen: self.flow.citizen.and_then(|oid| draft.world.citizens.find(oid)).cloned(),
            scopes_org: scopes_org.cloned().collect(),
            nonce: self.flow.request.nonce.clone(),
            auth_time: self.flow.auth_time,
            second_factor: self.flow.second_factor,
            session: self.flow.session.clone(),
            consent: self.consent.clone(),
            access,
        }))
    }

    /// An access token without its end.
    fn token(&self, draft: &mut Draft<'_, '_, '_>) -> Token {
        Token {
            kind: TokenKind::Access,
            citizen: self.flow.citizen,
            scopes: self.scopes.clone(),
            consent: self.consent.clone(),
            flow: Some(self.flow.id.clone()),
            session: self.flow.session.clone(),
            ..blank(draft, &self.flow.request.client_id, self.certificate)
        }
    }
}

fn blank(draft: &mut Draft<'_, '_, '_>, client_id: &str, certificate: Option<&CertificateProof>) -> Token {
    Token {
        id: draft.uuid(),
        kind: TokenKind::Access,
        client_id: client_id.to_owned(),
        citizen: None,
        scopes: vec![],
        issued_at: draft.now,
        expires_at: draft.now,
        consent: None,
        flow: None,
        session: None,
        thumbprint: certificate.map(|certificate| certificate.thumbprint().to_owned()),
        digest: None,
    }
}

/// A token that came without a person's presence.
fn alone(
    draft: &mut Draft<'_, '_, '_>,
    token: Token,
    citizen: Option<std::sync::Arc<contract::citizen::Citizen>>,
) -> Reply {
    draft.tell(Fact::TokensIssued { tokens: vec![token.clone()], code: None, rotated: None });
    Reply::Tokens(Box::new(Grant {
        id_token: None,
        refresh: None,
        citizen,
        scopes_org: vec![],
        nonce: None,
        auth_time: None,
        second_factor: false,
        session: None,
        consent: token.consent.clone(),
        access: token,
    }))
}

/// The consent that a data token leans on: the named one, or the newest standing one of the person.
fn standing(draft: &Draft<'_, '_, '_>, client_id: &str, entry: &str, named: Option<&str>) -> Result<Consent, Refusal> {
    let person = entry
        .split_once('?')
        .and_then(|(_, query)| query.split('&').find_map(|pair| pair.strip_prefix("oid=")))
        .and_then(|number| number.parse::<Oid>().ok());
    let Some(person) = person else {
        return Err(Refusal::new("ESIA-007006", "scope-unknown")
            .check("scope")
            .seen(entry)
            .wanted("prm_chg?oid=<number of the person>"));
    };
    let consents = &draft.world.consents;
    let found = match named {
        Some(id) => {
            consents.find(id).filter(|consent| consent.client_id == client_id && consent.person == person.wide())
        }
        None => consents.standing(client_id, person.wide(), draft.now),
    };
    match found {
        Some(consent) if consent.stands(draft.now) => Ok(consent.clone()),
        Some(consent) => Err(no_consent(consent.state_at(draft.now).as_str())),
        None => Err(no_consent("none")),
    }
}

fn no_consent(seen: &str) -> Refusal {
    Refusal::new("ESIA-007019", "consent-absent")
        .check("consent of the person for this client")
        .seen(seen)
        .wanted(ConsentState::Granted.as_str())
        .mend("ask the person for a consent (permissions at v2/ac)")
}

/// RFC 7636 §4.6.
fn pkce(flow: &Flow, verifier: Option<&Verifier>) -> Result<(), Refusal> {
    let refused = |code: &str, cause: &str| Refusal::new(code, cause).check("code_verifier");
    match (&flow.request.challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(refused("ESIA-007039", "pkce-verifier-unasked").seen("sent").wanted("no verifier")),
        (Some(_), None) => Err(refused("ESIA-007040", "pkce-verifier-missing").seen("absent").wanted("the verifier")),
        (Some(challenge), Some(verifier)) if challenge.value == verifier.s256 => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.value == verifier.plain => {
            Err(refused("ESIA-007040", "pkce-verifier-is-challenge").seen("the challenge").wanted("the verifier"))
        }
        (Some(challenge), Some(verifier)) => Err(refused("ESIA-007040", "pkce-verifier-mismatch")
            .seen(&verifier.s256)
            .wanted(&challenge.value)
            .mend("send the verifier whose SHA-256 in base64url without padding was the challenge")),
    }
}
