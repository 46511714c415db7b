//! The person's part: password, one-time code, lock-out after failures, consent screen (IDN-3, CNS-1, CNS-2).
//!
//! Whoever fails too often is locked out, and the lock-out ends the flow: the bank is told and nobody tries on.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::citizen::Citizen;
use contract::control::Channel;
use contract::scope::OPENID;
use contract::time::Timestamp;

use crate::citizens::age;
use crate::command::Answer;
use crate::consent;
use crate::draft::Draft;
use crate::event::Fact;
use crate::identity::flow::{AuthorisationRequest, Flow, IssuedCode, Stage, Step, Verdict};
use crate::limits::{OTP_LIFE, SESSION_LIFE};
use crate::proof::Secret;
use crate::refusal::Refusal;
use crate::reply::Reply;

/// Digits of a one-time code.
const OTP_DIGITS: usize = 6;
/// A parent's account for a child ends with this age.
const OF_AGE_FOR_OWN_ACCOUNT: i16 = 14;

/// A flow whose person is known.
pub(crate) struct Person {
    pub(crate) flow: String,
    pub(crate) request: AuthorisationRequest,
    pub(crate) expires_at: Timestamp,
    pub(crate) citizen: Arc<Citizen>,
    /// Absent until the sign-in is complete.
    pub(crate) session: Option<String>,
    pub(crate) session_expires_at: Timestamp,
    pub(crate) auth_time: Timestamp,
    pub(crate) second_factor: bool,
}

pub(crate) fn password(
    draft: &mut Draft<'_, '_, '_>,
    id: &str,
    login: &str,
    password: &Secret,
) -> Result<Reply, Refusal> {
    let flow = open_flow(draft, id)?;
    if !matches!(flow.stage, Stage::Password) {
        return Err(stale("sign-in page"));
    }
    let attempts = draft.world.limits.attempts;
    let Some(citizen) = draft.world.citizens.by_login(login).cloned() else {
        // The answer is that of a wrong password: who has an account here is nobody's business.
        let left = attempts.saturating_sub(1);
        draft.tell(Fact::PasswordRejected { left });
        return Ok(reply(flow, Step::Password { left: Some(left) }));
    };
    draft.citizen = Some(citizen.oid.wide());
    if let Some(step) = still_locked(draft, &citizen) {
        return Ok(reply(flow, step));
    }
    if !password.matches(&citizen.password) {
        let left = left_after_failure(draft, &citizen);
        draft.tell(Fact::PasswordRejected { left });
        let step = if left == 0 { lock(draft, &citizen) } else { Step::Password { left: Some(left) } };
        return Ok(reply(flow, step));
    }
    draft.tell(Fact::PasswordAccepted {});
    if citizen.deceased.is_some() {
        return Ok(reply(flow, end(draft, "ESIA-007004", "account-deceased", None)));
    }
    if citizen.locked {
        return Ok(reply(flow, end(draft, "ESIA-007004", "account-blocked", None)));
    }
    let person = Person {
        flow: flow.id.clone(),
        request: flow.request.clone(),
        expires_at: flow.expires_at,
        citizen,
        session: None,
        session_expires_at: draft.now,
        auth_time: draft.now,
        second_factor: false,
    };
    let step = proceed(draft, person);
    Ok(reply(flow, step))
}

pub(crate) fn code(draft: &mut Draft<'_, '_, '_>, id: &str, typed: &Secret) -> Result<Reply, Refusal> {
    let flow = open_flow(draft, id)?;
    let (Stage::Code { code, expires_at }, Some(citizen)) = (&flow.stage, citizen_of(draft, flow)) else {
        return Err(stale("page of the one-time code"));
    };
    if let Some(step) = still_locked(draft, &citizen) {
        return Ok(reply(flow, step));
    }
    let right = code.as_deref().is_some_and(|code| typed.matches(code)) && draft.now < *expires_at;
    if !right {
        let left = left_after_failure(draft, &citizen);
        draft.tell(Fact::OtpRejected { left });
        let step = if left == 0 { lock(draft, &citizen) } else { Step::Code { left: Some(left) } };
        return Ok(reply(flow, step));
    }
    draft.tell(Fact::OtpAccepted {});
    let person = Person {
        flow: flow.id.clone(),
        request: flow.request.clone(),
        expires_at: flow.expires_at,
        citizen,
        session: None,
        session_expires_at: draft.now,
        auth_time: draft.now,
        second_factor: true,
    };
    let step = proceed(draft, person);
    Ok(reply(flow, step))
}

/// A new code for a flow that waits for one; the old one is good no more.
pub(crate) fn resend(draft: &mut Draft<'_, '_, '_>, id: &str) -> Result<Reply, Refusal> {
    let flow = open_flow(draft, id)?;
    if !matches!(flow.stage, Stage::Code { .. }) {
        return Err(stale("page of the one-time code"));
    }
    send_code(draft);
    Ok(reply(flow, Step::Code { left: None }))
}

pub(crate) fn answer(draft: &mut Draft<'_, '_, '_>, id: &str, answer: &Answer) -> Result<Reply, Refusal> {
    let flow = open_flow(draft, id)?;
    let (Stage::Decision, Some(citizen), Some(session)) = (&flow.stage, citizen_of(draft, flow), &flow.session) else {
        return Err(stale("consent screen"));
    };
    let asked_consent = flow.consent.as_deref().and_then(|id| draft.world.consents.find(id));
    let asked: Vec<String> = match asked_consent {
        Some(consent) => consent.scopes.clone(),
        None => asked_scopes(&flow.request),
    };
    let granted: Option<Vec<String>> = match answer {
        Answer::Refuse => None,
        Answer::Approve { grant: None } => Some(asked.clone()),
        Answer::Approve { grant: Some(grant) } => {
            let granted: Vec<String> = asked.iter().filter(|scope| grant.contains(scope)).cloned().collect();
            // Nothing of what was asked: a yes to nothing is a no.
            (!granted.is_empty() || asked.is_empty()).then_some(granted)
        }
    };
    let Some(granted) = granted else {
        if let Some(consent) = asked_consent {
            consent::refuse(draft, consent);
        }
        return Ok(reply(flow, end(draft, "ESIA-007004", "access-refused", None)));
    };
    let person = Person {
        flow: flow.id.clone(),
        request: flow.request.clone(),
        expires_at: flow.expires_at,
        citizen,
        session: Some(session.clone()),
        session_expires_at: draft.world.identity.session(session).map_or(draft.now, |session| session.expires_at),
        auth_time: flow.auth_time.unwrap_or(draft.now),
        second_factor: flow.second_factor,
    };
    let consent = asked_consent.map(|consent| consent::grant(draft, consent, granted.clone()).id);
    let step = issue(draft, &person, &granted, consent, true);
    Ok(reply(flow, step))
}

/// The person walks away: what was asked is refused.
pub(crate) fn abandon(draft: &mut Draft<'_, '_, '_>, id: &str) -> Result<Reply, Refusal> {
    let flow = open_flow(draft, id)?;
    Ok(reply(flow, walk_away(draft, flow)))
}

/// Ends an open flow without the person's yes.
pub(crate) fn walk_away(draft: &mut Draft<'_, '_, '_>, flow: &Flow) -> Step {
    if let Some(consent) = flow.consent.as_deref().and_then(|id| draft.world.consents.find(id)) {
        consent::refuse(draft, consent);
    }
    end(draft, "ESIA-007004", "access-refused", None)
}

/// Goes on with a person who has proved something: second factor, session, consent, code, in this order.
pub(crate) fn proceed(draft: &mut Draft<'_, '_, '_>, mut person: Person) -> Step {
    if let Some((code, cause)) = unfit(draft, &person) {
        return end(draft, code, cause, None);
    }
    let silent = person.request.prompt.iter().any(|word| word == "none");
    let strong = person.request.second_factor || person.request.permissions.is_some();
    if !person.second_factor && (strong || person.citizen.second_factor) {
        if silent {
            return end(draft, "oidc-login-required", "interaction-required", None);
        }
        if person.citizen.phone.is_empty() || !person.citizen.phone_verified {
            return end(draft, "ESIA-007046", "second-factor-impossible", None);
        }
        send_code(draft);
        return Step::Code { left: None };
    }
    if person.session.is_none() {
        let id = draft.uuid();
        let expires_at = draft.now + SESSION_LIFE;
        draft.tell(Fact::SessionOpened { id: id.clone(), second_factor: person.second_factor, expires_at });
        person.session = Some(id);
        person.session_expires_at = expires_at;
    }
    if let Some(permission) = person.request.permissions.as_ref().and_then(|all| all.first()) {
        if silent {
            return end(draft, "oidc-login-required", "interaction-required", None);
        }
        let consent = consent::request(draft, &person.request, permission, person.expires_at);
        return Step::Decision { scopes: consent.scopes, consent: Some(consent.id) };
    }
    let asked = asked_scopes(&person.request);
    let ask_again = person.request.prompt.iter().any(|word| word == "consent");
    let known = draft.world.identity.remembered(person.citizen.oid.wide(), &person.request.client_id);
    let remembered = asked.iter().all(|scope| known.is_some_and(|known| known.contains(scope)));
    if remembered && !ask_again {
        return issue(draft, &person, &asked, None, false);
    }
    if silent {
        return end(draft, "oidc-login-required", "interaction-required", None);
    }
    Step::Decision { scopes: asked, consent: None }
}

/// Ends the flow without a code.
pub(crate) fn end(draft: &mut Draft<'_, '_, '_>, code: &str, cause: &str, until: Option<Timestamp>) -> Step {
    let flow = draft.flow.clone().unwrap_or_default();
    draft.tell(Fact::AuthorisationRefused { flow, code: code.to_owned(), error: cause.to_owned() });
    Step::Ended(Verdict { code: code.to_owned(), cause: cause.to_owned(), until })
}

/// Why this person may not sign in for this request.
fn unfit(draft: &Draft<'_, '_, '_>, person: &Person) -> Option<(&'static str, &'static str)> {
    let citizen = &person.citizen;
    let child = age(citizen, draft.now) < OF_AGE_FOR_OWN_ACCOUNT;
    let filter = person.request.person_filter.as_deref();
    // The Digital Profile speaks for confirmed persons only.
    if (filter == Some("conf_acc") || person.request.permissions.is_some()) && !citizen.trusted() {
        return Some(("ESIA-007055", "account-not-confirmed"));
    }
    if (filter == Some("acc_kid") && !child) || (filter == Some("acc_not_kid") && child) {
        return Some(("ESIA-007062", "person-does-not-fit"));
    }
    for entry in &person.request.scopes_org {
        let Some(wanted) = org_oid(entry) else { continue };
        if !citizen.organisations.iter().any(|employment| employment.oid.wide() == wanted) {
            return Some(("ESIA-007194", "organisation-not-employed"));
        }
    }
    None
}

/// `http://esia.gosuslugi.ru/org_shortname?org_oid=1000000001`
pub(crate) fn org_oid(entry: &str) -> Option<i64> {
    let (_, query) = entry.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("org_oid=")).and_then(|number| number.parse().ok())
}

/// What the consent screen lists: all but what is not data.
fn asked_scopes(request: &AuthorisationRequest) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let entries = request.scopes.iter().chain(&request.scopes_org);
    entries
        .map(|entry| contract::scope::bare(entry).to_owned())
        .filter(|name| !matches!(name.as_str(), OPENID | "offline_access"))
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

fn issue(
    draft: &mut Draft<'_, '_, '_>,
    person: &Person,
    granted: &[String],
    consent: Option<String>,
    remember: bool,
) -> Step {
    let basic = person.request.scopes.iter().filter(|scope| matches!(scope.as_str(), OPENID | "offline_access"));
    let mut scopes: Vec<String> = basic.cloned().collect();
    scopes.extend(granted.iter().cloned());
    // A consent is a record of its own with its own term; only the permission to sign in is remembered here.
    let remembered = remember && consent.is_none();
    draft.tell(Fact::AuthorisationApproved { flow: person.flow.clone(), scopes: scopes.clone(), remembered });
    let id = draft.uuid();
    let expires_at = draft.now + draft.world.limits.code_life;
    draft.tell(Fact::CodeIssued { id: id.clone(), scopes: scopes.clone(), expires_at, consent });
    Step::Issued(Box::new(IssuedCode {
        id,
        flow: person.flow.clone(),
        client_id: person.request.client_id.clone(),
        citizen: person.citizen.oid.wide(),
        scopes,
        state: person.request.state.clone(),
        redirect_uri: person.request.redirect_uri.clone(),
        issued_at: draft.now,
        expires_at,
        auth_time: person.auth_time,
        second_factor: person.second_factor,
        session: person.session.clone().unwrap_or_default(),
        session_expires_at: person.session_expires_at,
    }))
}

fn send_code(draft: &mut Draft<'_, '_, '_>) {
    let code = draft.digits(OTP_DIGITS);
    let expires_at = draft.now + OTP_LIFE;
    draft.tell(Fact::OtpSent { expires_at, code: Some(code) });
}

/// Attempts that remain once this one has failed. A lock-out whose time is over starts the count anew.
fn left_after_failure(draft: &Draft<'_, '_, '_>, citizen: &Citizen) -> u32 {
    let oid = citizen.oid.wide();
    let lapsed = draft.world.citizens.locked_until(oid).is_some_and(|until| until <= draft.now);
    let failures = if lapsed { 0 } else { draft.world.citizens.lock(oid).failures };
    draft.world.limits.attempts.saturating_sub(failures.saturating_add(1))
}

/// The end of a flow whose person is locked out, or nothing. A lock-out whose time is over is taken off.
fn still_locked(draft: &mut Draft<'_, '_, '_>, citizen: &Citizen) -> Option<Step> {
    let until = draft.world.citizens.locked_until(citizen.oid.wide())?;
    if until <= draft.now {
        draft.tell(Fact::AccountUnlocked {});
        return None;
    }
    Some(end(draft, "ESIA-007004", "account-locked", Some(until)))
}

fn lock(draft: &mut Draft<'_, '_, '_>, citizen: &Citizen) -> Step {
    let until = draft.now + draft.world.limits.lock_out;
    draft.tell(Fact::AccountLocked { until });
    draft.tell(Fact::MessageSent {
        channel: Channel::Push,
        subject: "Вход временно закрыт".to_owned(),
        text: Some(format!(
            "{}, вход в вашу учётную запись закрыт до {} после нескольких неудачных попыток.",
            citizen.first_name,
            until.to_russian()
        )),
    });
    end(draft, "ESIA-007004", "account-locked", Some(until))
}

/// The flow, while it is open. Sets whom the events concern.
fn open_flow<'w>(draft: &mut Draft<'w, '_, '_>, id: &str) -> Result<&'w Flow, Refusal> {
    let Some(flow) = draft.world.identity.flow(id) else {
        return Err(Refusal::new("flow-unknown", "flow-unknown")
            .check("flow")
            .seen(id)
            .wanted("a sign-in in progress"));
    };
    draft.flow = Some(flow.id.clone());
    draft.partner = Some(flow.request.client_id.clone());
    draft.citizen = flow.citizen;
    if matches!(flow.stage, Stage::Coded { .. } | Stage::Ended { .. }) || flow.expires_at <= draft.now {
        return Err(stale("sign-in"));
    }
    Ok(flow)
}

fn citizen_of(draft: &Draft<'_, '_, '_>, flow: &Flow) -> Option<Arc<Citizen>> {
    flow.citizen.and_then(|oid| draft.world.citizens.find(oid)).cloned()
}

fn stale(what: &str) -> Refusal {
    Refusal::new("flow-expired", "flow-expired")
        .check("stage of the sign-in")
        .seen(format!("{what} is over"))
        .wanted("a sign-in in progress")
        .mend("begin again at the bank")
}

fn reply(flow: &Flow, step: Step) -> Reply {
    Reply::Flow { flow: flow.id.clone(), step }
}
