//! The bank's register of consents: what was asked, what the portal's record says was given, and how it ended. A consent
//! ends by its date, by revocation at either side, or when the portal refuses to honour it; it never comes back to life.

use contract::adapter::ReasonClass;
use contract::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::bank::Bank;
use crate::conduct::{ConsentDuty, DataCheck, Diligence, OfferDuty, PurposeDuty};
use crate::customers::Customer;
use crate::refusal::{Refusal, refuse};

/// What the bank asks the person for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConsentAsk {
    pub(crate) purpose: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) term: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Consent {
    pub(crate) id: String,
    pub(crate) customer: String,
    pub(crate) purpose: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) state: State,
    pub(crate) granted_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) history: Vec<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Expired,
    Granted,
    Refused,
    Requested,
    Revoked,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) at: Timestamp,
    pub(crate) state: State,
}

/// The type under which the bank asks (ESIA's vocabulary of consent types).
const TYPE: &str = "CREDIT";
const ACTION: &str = "ALL_ACTIONS_TO_DATA";
/// How far the portal's end date may lie beyond the one that was asked: it counts from the approval.
const SLACK: Span = Span::from_minutes(60);

impl ConsentAsk {
    /// The `permissions` parameter: base64url of a JSON array.
    pub(crate) fn permissions(&self) -> String {
        let names = |names: &[String]| names.iter().map(|name| json!({"sysname": name})).collect::<Vec<_>>();
        let asked = json!([{
            "sysname": TYPE,
            "expire": (self.term.seconds() / 60).max(1),
            "actions": [{"sysname": ACTION}],
            "purposes": names(std::slice::from_ref(&self.purpose)),
            "scopes": names(&self.scopes),
        }]);
        crypto::base64::encode_url(asked.to_string().as_bytes())
    }
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Requested => "requested",
            Self::Revoked => "revoked",
        }
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_value(Value::from(text)).ok()
    }
}

impl Consent {
    pub(crate) fn state_at(&self, now: Timestamp) -> State {
        match (self.state, self.expires_at) {
            (State::Granted, Some(end)) if end <= now => State::Expired,
            (state, _) => state,
        }
    }

    pub(crate) fn values(&self, now: Timestamp) -> Map<String, Value> {
        let mut values = Map::new();
        let history: Vec<Value> =
            self.history.iter().map(|change| json!({"at": change.at, "state": change.state.as_str()})).collect();
        let consent = json!({
            "id": self.id,
            "state": self.state_at(now).as_str(),
            "purpose": self.purpose,
            "scopes": self.scopes,
            "granted_at": self.granted_at,
            "expires_at": self.expires_at,
            "history": history,
        });
        values.insert("consent".to_owned(), consent);
        values
    }
}

/// Reads the portal's record of a consent and holds it against what was asked (152-FZ art. 9, CNS-2).
pub(crate) fn read_record(
    bank: &Bank,
    ask: &ConsentAsk,
    customer: &Customer,
    id: &str,
    record: &Value,
) -> Result<(Consent, Option<Refusal>), Refusal> {
    let now = bank.clock.now();
    let texts = |name: &str| -> Vec<String> {
        let listed = record[name].as_array().cloned().unwrap_or_default();
        listed.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let odd = |what: &str| Err(refuse(ReasonClass::Consent, "CONSENT-RECORD", format!("the record differs: {what}")));
    if record["id"].as_str() != Some(id) {
        return odd("id");
    }
    if record["client_id"].as_str().is_some_and(|client| client != bank.options.client_id) {
        return odd("client_id");
    }
    if subject_of(&record["person"]).as_deref() != Some(customer.subject.as_str()) {
        return odd("person");
    }
    let state = record["state"].as_str().and_then(State::read);
    if state != Some(State::Granted) {
        return odd("state");
    }
    let mut late = None;
    let purposes = texts("purposes");
    let named = record["purpose"].as_str().map(str::to_owned).or_else(|| purposes.first().cloned());
    let same = named.as_deref() == Some(ask.purpose.as_str()) && purposes.iter().all(|purpose| *purpose == ask.purpose);
    weigh(bank, DataCheck::ConsentPurpose, same, "purpose", &mut late)?;
    let scopes = texts("scopes");
    let within = scopes.iter().all(|scope| ask.scopes.contains(scope) || scope == "openid")
        && texts("actions").iter().all(|action| action == ACTION);
    let expires_at = record["expires_at"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let in_time = expires_at.is_some_and(|end| end <= now + ask.term + SLACK);
    weigh(bank, DataCheck::ConsentScopes, within && in_time, "scopes, actions or term", &mut late)?;
    let scopes = if bank.conduct.consent(ConsentDuty::ScopesKept) { scopes } else { ask.scopes.clone() };
    let consent = Consent {
        id: id.to_owned(),
        customer: customer.handle.clone(),
        purpose: named.unwrap_or_else(|| ask.purpose.clone()),
        scopes,
        state: State::Granted,
        granted_at: record["granted_at"].as_str().and_then(|text| text.parse().ok()),
        expires_at,
        history: vec![Change { at: now, state: State::Granted }],
    };
    Ok((consent, late))
}

fn weigh(bank: &Bank, check: DataCheck, holds: bool, what: &str, late: &mut Option<Refusal>) -> Result<(), Refusal> {
    if holds {
        return Ok(());
    }
    let refusal = refuse(ReasonClass::Consent, "CONSENT-RECORD", format!("the record differs: {what}"));
    match bank.conduct.data(check) {
        Diligence::Full => Err(refusal),
        Diligence::Late => {
            *late = Some(refusal);
            Ok(())
        }
        Diligence::LoggedOnly => {
            bank.diary.note(bank.clock.now(), "overlooked", &[("why", &refusal.detail)]);
            Ok(())
        }
        Diligence::Skipped | Diligence::WrongField => Ok(()),
    }
}

/// A person's id in text, whether the portal writes a number or text.
pub(crate) fn subject_of(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

impl Bank {
    pub(crate) fn keep_consent(&self, consent: &Consent) {
        self.store.put(&format!("consent/{}/{}", consent.customer, consent.id), consent, true);
    }

    pub(crate) fn consents_of(&self, customer: &str) -> Vec<Consent> {
        self.store.all(&format!("consent/{customer}/"))
    }

    pub(crate) fn consent(&self, id: &str) -> Option<Consent> {
        self.store.all::<Consent>("consent/").into_iter().find(|consent| consent.id == id)
    }

    /// The newest consent of the customer that stands, covers this scope and is for one of these purposes (any, where none
    /// is named): data given for one purpose do not serve another (152-FZ art. 5(2)).
    pub(crate) fn standing(&self, customer: &str, scope: &str, purposes: &[&str]) -> Option<Consent> {
        let now = self.clock.now();
        let stands = |consent: &Consent| match consent.state_at(now) {
            State::Granted => true,
            State::Expired => !self.conduct.consent(ConsentDuty::EndHeeded),
            State::Revoked => !self.conduct.consent(ConsentDuty::RevocationHeeded),
            State::Refused | State::Requested => false,
        };
        let covers = |consent: &Consent| {
            !self.conduct.consent(ConsentDuty::ScopesKept) || consent.scopes.iter().any(|given| given == scope)
        };
        let limited = self.conduct.keeps(PurposeDuty::Limit) && self.conduct.keeps(OfferDuty::MarketingConsent);
        let serves =
            |consent: &Consent| purposes.is_empty() || !limited || purposes.contains(&consent.purpose.as_str());
        let mut fitting: Vec<Consent> = self
            .consents_of(customer)
            .into_iter()
            .filter(|consent| stands(consent) && covers(consent) && serves(consent))
            .collect();
        fitting.sort_by_key(|consent| (consent.granted_at, consent.history.first().map(|change| change.at)));
        fitting.pop()
    }

    /// Marks a consent ended and erases what was given under it. Ending an ended one changes nothing.
    pub(crate) fn end_consent(&self, id: &str, state: State, again: bool) {
        let Some(consent) = self.consent(id) else { return };
        let others = !self.conduct.consent(ConsentDuty::OnlyThatOne);
        let ended = self.consents_of(&consent.customer).into_iter().filter(|other| other.id == id || others);
        for mut ended in ended {
            if ended.state != State::Granted && !again {
                continue;
            }
            ended.state = state;
            ended.history.push(Change { at: self.clock.now(), state });
            self.keep_consent(&ended);
            self.audit.note(self.clock.now(), &ended.id, &format!("consent.{}", state.as_str()), None);
            if self.conduct.consent(ConsentDuty::CopiesErased) {
                self.store.erase(&format!("copy/{}/{}/", ended.customer, ended.id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_an_array_in_base64url() {
        let ask = ConsentAsk { purpose: "CREDIT".into(), scopes: vec!["debts".into()], term: Span::from_days(30) };
        let text = ask.permissions();
        let value: Value = serde_json::from_slice(&crypto::base64::decode_url_strict(&text).unwrap()).unwrap();
        assert_eq!(value[0]["expire"], 43_200);
        assert_eq!(value[0]["scopes"][0]["sysname"], "debts");
    }

    #[test]
    fn a_consent_ends_by_its_date() {
        let consent = Consent {
            id: "1".into(),
            customer: "c".into(),
            purpose: "CREDIT".into(),
            scopes: vec![],
            state: State::Granted,
            granted_at: None,
            expires_at: Some(Timestamp::from_seconds(10)),
            history: vec![],
        };
        assert_eq!(consent.state_at(Timestamp::from_seconds(9)), State::Granted);
        assert_eq!(consent.state_at(Timestamp::from_seconds(10)), State::Expired);
    }
}
