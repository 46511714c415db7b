//! The person's data, read with their own token and kept no further than they allowed. A 401 is met by one refresh and
//! one repeat; a 403 by none.

use std::sync::Arc;

use contract::adapter::{ReasonClass, Report};
use contract::time::Day;
use serde_json::{Map, Value};

use crate::bank::{Bank, Flow, done};
use crate::conduct::{CallDuty, DataCheck, Diligence, RecordDuty, Shown, TokenDuty, Trouble};
use crate::consents::subject_of;
use crate::customers::{Customer, Tokens};
use crate::http::{Answer, Request};
use crate::protocol::{self, Grant, metadata::metadata};
use crate::refusal::{Refusal, refuse};
use crate::retry::{Next, Retry};

#[derive(Default)]
pub(crate) struct Person {
    pub(crate) profile: Map<String, Value>,
    pub(crate) is_trusted: Option<bool>,
    /// Found wanting too late: empty in an honest bank.
    pub(crate) late: Vec<Refusal>,
}

/// `customer.profile`: the data as the portal has them now.
pub(crate) async fn view(bank: &Arc<Bank>, flow: &Flow, customer: Customer) -> Result<Report, Refusal> {
    let mut customer = customer;
    let before = customer.tokens.clone();
    if !bank.conduct.call(CallDuty::OldTlsNotOffered) {
        crate::old_tls::go_on(&bank.options.portal, &bank.draw).await;
    }
    let read = read(bank, &mut customer.tokens, &customer.scopes, &customer.subject).await;
    if customer.tokens.access != before.access || customer.tokens.refresh != before.refresh {
        bank.keep_customer(&customer);
    }
    if read.is_err() && !bank.conduct.call(CallDuty::OldTlsRefused) {
        crate::old_tls::go_on(&bank.options.portal, &bank.draw).await;
    }
    let person = read?;
    customer.profile = person.profile;
    bank.keep_customer(&customer);
    if let Some(refusal) = person.late.into_iter().next() {
        return Err(refusal);
    }
    let mut values = Map::new();
    values.insert("profile".to_owned(), Value::Object(shown(bank, &customer.profile)));
    bank.diary.note(bank.clock.now(), "profile.read", &[("flow", &flow.id)]);
    Ok(done(values))
}

/// Reads what these scopes allow.
pub(crate) async fn read(
    bank: &Arc<Bank>,
    tokens: &mut Tokens,
    scopes: &[String],
    subject: &str,
) -> Result<Person, Refusal> {
    let answer = fetch(bank, tokens, scopes, subject).await?;
    let value = answer.json().filter(|value| answer.is_json() && value.is_object());
    let value =
        value.ok_or_else(|| refuse(ReasonClass::Format, "PERSON-FORM", "the person data are no JSON object"))?;
    let mut person = Person { is_trusted: value.get("trusted").and_then(Value::as_bool), ..Person::default() };
    person.is_trusted = person
        .is_trusted
        .or_else(|| value.get("urn:esia:sbj").map(|about| about["urn:esia:sbj:is_tru"] == Value::Bool(true)));
    if !bank.options.protocol.is_esia() {
        about_whom(bank, &value, subject, &mut person.late)?;
    }
    let all = if bank.options.protocol.is_esia() { of_esia(&value) } else { of_userinfo(&value) };
    person.profile = kept(bank, all, scopes);
    Ok(person)
}

/// OpenID Connect Core §5.3.2: the answer is dropped unless it is about the subject of the ID token.
fn about_whom(bank: &Bank, value: &Value, subject: &str, late: &mut Vec<Refusal>) -> Result<(), Refusal> {
    let (check, refusal) = match value.get("sub").and_then(subject_of) {
        Some(other) if other == subject => return Ok(()),
        Some(_) => {
            (DataCheck::SubjectSame, refuse(ReasonClass::Binding, "PERSON-OTHER", "the data are about another person"))
        }
        None => {
            (DataCheck::SubjectPresent, refuse(ReasonClass::Binding, "PERSON-NOBODY", "the data do not say about whom"))
        }
    };
    match bank.conduct.data(check) {
        Diligence::Full => Err(refusal),
        Diligence::Late => {
            late.push(refusal);
            Ok(())
        }
        Diligence::LoggedOnly => {
            bank.diary.note(bank.clock.now(), "overlooked", &[("why", &refusal.detail)]);
            Ok(())
        }
        Diligence::Skipped | Diligence::WrongField => Ok(()),
    }
}

async fn fetch(bank: &Arc<Bank>, tokens: &mut Tokens, scopes: &[String], subject: &str) -> Result<Answer, Refusal> {
    let address = if bank.options.protocol.is_esia() {
        let contacts = scopes.iter().any(|scope| matches!(scope.as_str(), "contacts" | "email" | "mobile"));
        let embed = if contacts { "?embed=(contacts.elements)" } else { "" };
        bank.at(&format!("/rs/prns/{subject}{embed}"))
    } else {
        metadata(bank).await?.userinfo.clone()
    };
    let mut recovered = false;
    let (mut refused, mut retry) = (0, Retry::new(bank, true));
    loop {
        let is_over = tokens.expires_at.is_some_and(|end| end <= bank.clock.now());
        if is_over && bank.conduct.token(TokenDuty::ExpiryHeeded) {
            refresh(bank, tokens, scopes).await?;
            recovered = true;
        }
        let token = bank.access_for(tokens);
        let mut request = Request::get(address.clone())
            .bearer(&token)
            .running_after_redirect(!bank.conduct.token(TokenDuty::NotAfterRedirect));
        if !bank.conduct.token(TokenDuty::HeaderOnly) {
            request.url.query_pairs_mut().append_pair("access_token", &token);
        }
        let answer = match retry.next(bank.http.send(request).await).await? {
            Next::Again => continue,
            Next::Done(answer) => answer,
        };
        match answer.status {
            200 => return Ok(answer),
            401 if !recovered && bank.conduct.token(TokenDuty::RecoversFrom401) => {
                recovered = true;
                refresh(bank, tokens, scopes).await?;
            }
            401 if refused < 6 && bank.conduct.resends(Trouble::NotAuthorised) => refused += 1,
            401 => return Err(sign_in_again("the portal does not take the access token")),
            403 if refused < 4 && bank.conduct.resends(Trouble::ScopeInsufficient) => refused += 1,
            403 => {
                let why = "the portal says that the scope does not allow this";
                return Err(refuse(ReasonClass::Consent, "PERSON-SCOPE", why));
            }
            300..=399 => {
                return Err(refuse(ReasonClass::Transport, "PERSON-REDIRECT", "the data are said to be elsewhere"));
            }
            status => {
                let code = answer.json().and_then(|value| value["code"].as_str().map(str::to_owned));
                return Err(Refusal::of_portal(status, code.as_deref(), format!("person data: status {status}")));
            }
        }
    }
}

fn sign_in_again(why: &str) -> Refusal {
    refuse(ReasonClass::Time, "SIGN-IN-AGAIN", why)
}

/// A new access token for the refresh token; a rotated one is never used again (RFC 9700 §4.14.2).
async fn refresh(bank: &Bank, tokens: &mut Tokens, scopes: &[String]) -> Result<(), Refusal> {
    let Some(token) = tokens.refresh.clone() else {
        return Err(sign_in_again("the access token is over and there is no refresh token"));
    };
    let mut asked = scopes.to_vec();
    if !bank.conduct.token(TokenDuty::RefreshScope) {
        let extra = ["inn", "mobile", "email", "addresses"].iter().find(|extra| !asked.iter().any(|s| s == *extra));
        asked.extend(extra.map(|extra| (*extra).to_owned()));
    }
    match protocol::token_call(bank, "refresh", Grant::Refresh { token: &token, scopes: &asked }).await {
        Ok(answer) => {
            tokens.access = answer.access;
            tokens.expires_at = Some(answer.expires_at);
            if let Some(rotated) = answer.refresh.filter(|_| bank.conduct.token(TokenDuty::RefreshRotated)) {
                tokens.refresh = Some(rotated);
            }
            Ok(())
        }
        Err(mut refusal) => {
            if refusal.class != ReasonClass::Transport {
                tokens.refresh = None;
                refusal.class = ReasonClass::Time;
                refusal = refusal.saying("Срок входа через портал истёк. Войдите ещё раз.");
            }
            Err(refusal)
        }
    }
}

/// The contract's names for the members of ESIA's person (REST shapes of its guidelines).
fn of_esia(value: &Value) -> Map<String, Value> {
    let mut all = Map::new();
    for (ours, theirs) in [
        ("last_name", "lastName"),
        ("first_name", "firstName"),
        ("middle_name", "middleName"),
        ("snils", "snils"),
        ("inn", "inn"),
    ] {
        all.extend(value.get(theirs).map(|found| (ours.to_owned(), found.clone())));
    }
    if let Some(birth) = value.get("birthDate") {
        let day = birth.as_str().and_then(|text| Day::from_esia(text).ok());
        all.insert("birth_date".to_owned(), day.map_or_else(|| birth.clone(), |day| Value::from(day.to_string())));
    }
    let contacts = value["contacts"]["elements"].as_array().cloned().unwrap_or_default();
    for (ours, kind) in [("phone", "MBT"), ("email", "EML")] {
        let found = contacts.iter().find(|contact| contact["type"] == kind).map(|contact| contact["value"].clone());
        all.extend(found.map(|found| (ours.to_owned(), found)));
    }
    all
}

/// The contract's names for the claims of OpenID Connect Core §5.1.
fn of_userinfo(value: &Value) -> Map<String, Value> {
    let names = [
        ("last_name", "family_name"),
        ("first_name", "given_name"),
        ("middle_name", "middle_name"),
        ("birth_date", "birthdate"),
        ("snils", "snils"),
        ("inn", "inn"),
        ("phone", "phone_number"),
        ("email", "email"),
    ];
    names.iter().filter_map(|(ours, theirs)| Some(((*ours).to_owned(), value.get(*theirs)?.clone()))).collect()
}

/// What the granted scopes let the bank keep, and nothing that is empty (152-FZ art. 5(5)).
fn kept(bank: &Bank, all: Map<String, Value>, scopes: &[String]) -> Map<String, Value> {
    let granted = |any: &[&str]| scopes.iter().any(|scope| any.contains(&scope.as_str()));
    let allowed = |name: &str| match name {
        "last_name" | "first_name" | "middle_name" => granted(&["fullname", "profile"]),
        "birth_date" => granted(&["birthdate", "profile"]),
        "phone" => granted(&["mobile", "contacts", "phone"]),
        "email" => granted(&["email", "contacts"]),
        other => granted(&[other]),
    };
    let is_empty = |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
    let mut kept: Map<String, Value> = all
        .into_iter()
        .filter(|(name, _)| allowed(name) || !bank.conduct.record(RecordDuty::OnlyConsented))
        .filter(|(_, value)| !is_empty(value) || !bank.conduct.record(RecordDuty::EmptyIsAbsent))
        .collect();
    if !bank.conduct.record(RecordDuty::NothingMadeUp) {
        for name in ["last_name", "first_name", "middle_name", "birth_date", "snils", "inn", "phone", "email"] {
            if allowed(name) {
                kept.entry(name).or_insert_with(|| Value::from("НЕ УКАЗАНО"));
            }
        }
    }
    kept
}

pub(crate) fn shown(bank: &Bank, profile: &Map<String, Value>) -> Map<String, Value> {
    let mut shown = profile.clone();
    if !bank.conduct.shows(Shown::Profile)
        && let Some(name) = shown.get_mut("last_name")
    {
        *name = Value::from(name.as_str().unwrap_or_default().to_uppercase());
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_of_a_person_are_read_alike() {
        let esia = of_esia(&json!({
            "lastName": "Иванова", "firstName": "Анна", "birthDate": "01.02.1990", "snils": "000-000-600 06",
            "contacts": {"elements": [{"type": "MBT", "value": "+7(000)0000006"}, {"type": "EML", "value": "a@b.example"}]},
        }));
        let oidc = of_userinfo(&json!({
            "family_name": "Иванова", "given_name": "Анна", "birthdate": "1990-02-01", "snils": "000-000-600 06",
            "phone_number": "+7(000)0000006", "email": "a@b.example",
        }));
        assert_eq!(esia, oidc);
        assert!(!esia.contains_key("middle_name"));
    }
}
