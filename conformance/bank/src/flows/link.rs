//! A person becomes a customer: the code is exchanged, the ID token is judged, the data that were allowed are read, and
//! only then is there an account and a session.

use std::sync::Arc;

use contract::adapter::{ReasonClass, Report};
use contract::time::Span;
use serde_json::{Map, Value, json};

use super::person::{self, Person};
use crate::bank::{Attempt, Bank, Flow, done};
use crate::conduct::{AnswerCheck, Course, Diligence, IdTokenCheck, RecordDuty, TokenDuty};
use crate::consents::{State, subject_of};
use crate::customers::{Customer, Tokens};
use crate::http::Request;
use crate::id_token::{self, Accepted, Expect};
use crate::keys::KeySet;
use crate::protocol::{self, Grant, metadata::metadata, oidc};
use crate::refusal::{Refusal, refuse};
use crate::tokens::TokenAnswer;

/// Goes on with a flow whose browser brought a code.
pub(crate) async fn complete(bank: &Arc<Bank>, flow: Flow, code: &str, late: Vec<Refusal>) {
    let id = flow.id.clone();
    let Some(attempt) = flow.attempt.clone() else { return };
    let outcome = async {
        let answer = protocol::token_call(bank, &id, Grant::Code { attempt: &attempt, code }).await?;
        let mut late = late;
        late.extend(answer.late.clone());
        let judged = judge(bank, &attempt, &answer).await;
        let accepted = match judged {
            Ok(accepted) => accepted,
            Err(refusal) => {
                go_on_later(bank, &flow, &answer);
                return Err(refusal);
            }
        };
        late.extend(accepted.late.iter().cloned());
        for noticed in &accepted.noticed {
            bank.diary.note(bank.clock.now(), "overlooked", &[("flow", &id), ("why", &noticed.detail)]);
        }
        if attempt.consent.is_some() {
            super::consent::conclude(bank, &flow, &attempt, &answer, &accepted.subject, late).await
        } else {
            admit(bank, &flow, &attempt, answer, accepted, late).await
        }
    }
    .await;
    if let Err(refusal) = outcome {
        bank.end_refused(&id, &refusal);
    }
}

async fn admit(
    bank: &Arc<Bank>,
    flow: &Flow,
    attempt: &Attempt,
    answer: TokenAnswer,
    accepted: Accepted,
    mut late: Vec<Refusal>,
) -> Result<(), Refusal> {
    let mut tokens = Tokens { access: answer.access, refresh: answer.refresh, expires_at: Some(answer.expires_at) };
    let needs_confirmed = attempt.level.as_deref() == Some("confirmed");
    if needs_confirmed && accepted.is_trusted == Some(false) && bank.conduct.record(RecordDuty::ConfirmedAccountNeeded)
    {
        return Err(unconfirmed());
    }
    let person = if tokens.access.is_empty() {
        Person::default()
    } else {
        person::read(bank, &mut tokens, &answer.scopes, &accepted.subject).await?
    };
    late.extend(person.late.clone());
    let trusted = accepted.is_trusted.or(person.is_trusted);
    if needs_confirmed && trusted != Some(true) && bank.conduct.record(RecordDuty::ConfirmedAccountNeeded) {
        return Err(unconfirmed());
    }
    let customer = bank.admit(&accepted.subject, tokens, answer.scopes, person.profile);
    for value in customer.profile.values().filter_map(Value::as_str) {
        bank.diary.secret(bank.clock.now(), "profile", value);
    }
    let session = bank.sessions.sign_in(&attempt.session, &customer.handle, &bank.draw);
    bank.change(&flow.id, |flow| {
        flow.customer = Some(customer.handle.clone());
        flow.signed_in = Some(session);
    });
    bank.audit.note(bank.clock.now(), &flow.id, "session.opened", None);
    if let Some(refusal) = late.into_iter().next() {
        return Err(refusal);
    }
    let mut values = Map::new();
    values.insert("profile".to_owned(), Value::Object(person::shown(bank, &customer.profile)));
    bank.tell(&flow.id, Report { customer: Some(customer.handle), ..done(values) });
    Ok(())
}

fn unconfirmed() -> Refusal {
    refuse(ReasonClass::Level, "ACCOUNT-UNCONFIRMED", "the portal does not vouch for the account")
        .saying("Для этой операции нужна подтверждённая учётная запись. Подтвердите её на портале.")
}

/// Judges the ID token; looks at the key set once more where a key was missing or did not fit.
async fn judge(bank: &Bank, attempt: &Attempt, answer: &TokenAnswer) -> Result<Accepted, Refusal> {
    let Some(token) = &answer.id_token else {
        // Only a variant that does not mind comes here without one.
        let inside = crypto::jws::Jws::parse(&answer.access).ok().and_then(|access| access.claims().ok());
        let subject = inside.and_then(|claims| subject_of(claims.get("urn:esia:sbj_id").or(claims.get("sub"))?));
        let subject = subject.unwrap_or_else(|| "unknown".to_owned());
        return match bank.conduct.token_answer(AnswerCheck::IdTokenPresent) {
            Diligence::Full if bank.conduct.token_answer(AnswerCheck::ErrorUnder200) == Diligence::Full => {
                Err(refuse(ReasonClass::Format, "TOKEN-ID", "no ID token"))
            }
            _ => Ok(Accepted { subject, is_trusted: None, late: Vec::new(), noticed: Vec::new() }),
        };
    };
    bank.diary.token(bank.clock.now(), "id_token", token);
    let address = if bank.options.protocol.is_esia() {
        bank.at("/.well-known/jwks.json")
    } else {
        metadata(bank).await?.keys.clone()
    };
    let nonces = bank.common().nonces.clone();
    let named_keys = named_keys(bank, token).await;
    let mut again = true;
    loop {
        let keys = bank.keys.read(bank, address.clone()).await;
        let expect = Expect {
            issuer: &bank.options.issuer,
            client: &bank.options.client_id,
            algorithm: bank.options.token_alg,
            nonce: attempt.nonce.as_deref(),
            nonces: &nonces,
            access_token: &answer.access,
            has_at_hash: !bank.options.protocol.is_esia(),
            level: attempt.level.as_deref(),
            now: bank.clock.now(),
            keys: &keys,
            named_keys: named_keys.as_ref(),
        };
        let verdict = id_token::check(token, &expect, bank.conduct);
        match verdict {
            Err(refusal) if again && matches!(&*refusal.code, "ID-KEY" | "ID-SIGNATURE") => again = false,
            Err(refusal) => return Err(refusal),
            Ok(accepted) => {
                same_person(answer, &accepted)?;
                return Ok(accepted);
            }
        }
    }
}

/// ESIA's access token names the person too; both must be the same.
fn same_person(answer: &TokenAnswer, accepted: &Accepted) -> Result<(), Refusal> {
    let inside = crypto::jws::Jws::parse(&answer.access).ok().and_then(|access| access.claims().ok());
    match inside.and_then(|claims| subject_of(claims.get("urn:esia:sbj_id")?)) {
        Some(other) if other != accepted.subject => {
            Err(refuse(ReasonClass::Binding, "TOKEN-SUBJECT", "access token and ID token are about two people"))
        }
        _ => Ok(()),
    }
}

/// Keys at the address that the token gives: read by a variant only (RFC 8725 §3.10).
async fn named_keys(bank: &Bank, token: &str) -> Option<KeySet> {
    if bank.conduct.id_token(IdTokenCheck::Jku) == Diligence::Full {
        return None;
    }
    let header = crypto::jws::Jws::parse(token).ok()?.header;
    let address = url::Url::parse(header.get("jku")?.as_str()?).ok()?;
    let answer = bank.http.send(Request::get(address)).await.ok()?;
    KeySet::parse(&answer.body)
}

/// The variant that reads the person's data after it has refused.
fn go_on_later(bank: &Arc<Bank>, flow: &Flow, answer: &TokenAnswer) {
    if bank.conduct.course() != Course::GoesOnLate {
        return;
    }
    let mut tokens =
        Tokens { access: answer.access.clone(), refresh: answer.refresh.clone(), expires_at: Some(answer.expires_at) };
    let (bank, id, scopes) = (bank.clone(), flow.id.clone(), answer.scopes.clone());
    let inside = crypto::jws::Jws::parse(&answer.access).ok().and_then(|access| access.claims().ok());
    let subject = inside.and_then(|claims| subject_of(claims.get("urn:esia:sbj_id").or(claims.get("sub"))?));
    tokio::spawn(async move {
        crate::clock::nap(Span::from_millis(1500)).await;
        let read = person::read(&bank, &mut tokens, &scopes, &subject.unwrap_or_default()).await;
        bank.diary.note(bank.clock.now(), "later", &[("flow", &id), ("ok", if read.is_ok() { "yes" } else { "no" })]);
    });
}

/// The person leaves: consents end, the portal is told, every copy is erased.
pub(crate) async fn unlink(bank: &Arc<Bank>, flow: &Flow, customer: Customer) -> Result<Report, Refusal> {
    for consent in bank.consents_of(&customer.handle) {
        if consent.state_at(bank.clock.now()) == State::Granted {
            super::consent::tell_portal(bank, flow, &consent.id).await?;
        }
    }
    if !bank.options.protocol.is_esia() {
        let metadata = metadata(bank).await?;
        let token = customer.tokens.refresh.as_deref().unwrap_or(&customer.tokens.access);
        oidc::revoke(bank, &metadata, token).await?;
    }
    bank.forget(&customer.handle);
    let mut values = Map::new();
    values.insert("unlinked".to_owned(), json!(true));
    Ok(done(values))
}

impl Bank {
    /// The access token that a call about this person bears.
    pub(crate) fn access_for(&self, tokens: &Tokens) -> String {
        let mut common = self.common();
        let last = common.last_access.replace(tokens.access.clone());
        match last {
            Some(last) if !self.conduct.token(TokenDuty::OwnToken) => last,
            _ => tokens.access.clone(),
        }
    }
}
