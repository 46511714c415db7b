//! Banking through the portal (ACC-1): on behalf of a citizen the portal asks the bank for balance, history or a transfer,
//! signed as events are. `POST /citizens/{slug}/banking {client_id, ask, consent?, person?, acr?, amount?, account?, from?,
//! to?, key?, repeat?}` → `{id, status, body}` of the last answer; nothing of a status where nothing answered.

use axum::extract::Path;
use bytes::Bytes;
use contract::exchange::Body;
use contract::journal::kinds;
use contract::money::Money;
use domain::Command;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::citizens::met;
use super::{Named, Problem, read_json};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::faults::delivery::Plan;
use crate::outbox;

/// Where a bank is asked, beside the address of its events.
const PATH: &str = "/portal/banking";
/// The scope of the consent.
const SCOPE: &str = "accounts";
const REPEATS_MAX: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Question {
    Balance,
    History,
    Transfer,
}

impl Question {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::History => "history",
            Self::Transfer => "transfer",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Banking {
    client_id: String,
    ask: Question,
    /// Default: the newest that stands, of this citizen for this client, with the scope of accounts.
    consent: Option<String>,
    /// Somebody else: number, or its text.
    person: Option<Value>,
    /// `pwd`, `2fa`, or a whole URN. Default: `2fa`.
    acr: Option<String>,
    amount: Option<Money>,
    account: Option<String>,
    /// First day of a history.
    from: Option<String>,
    /// Last day of a history; where the money of a transfer goes.
    to: Option<String>,
    /// Default for a transfer: a fresh one.
    key: Option<String>,
    /// How often the same is sent in all.
    repeat: Option<u32>,
}

fn invalid(what: impl Into<String>) -> Problem {
    Problem::of("body-invalid", what)
}

/// `urn:esia:acr:…` and the factors behind it.
fn level(named: Option<&str>) -> Result<(String, &'static [&'static str]), Problem> {
    let short = named.unwrap_or("2fa");
    let short = short.strip_prefix("urn:esia:acr:").unwrap_or(short);
    match short {
        "2fa" => Ok((format!("urn:esia:acr:{short}"), &["pwd", "otp"])),
        "pwd" => Ok((format!("urn:esia:acr:{short}"), &["pwd"])),
        other => Err(invalid(format!("acr is pwd or 2fa, not {other:?}"))),
    }
}

/// The address at the host of the bank's events.
fn address(webhook: &str) -> Option<String> {
    let mut url = Url::parse(webhook).ok().filter(|url| url.has_host())?;
    url.set_path(PATH);
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}

pub(super) async fn ask(Named(sandbox): Named, Path(slug): Path<String>, body: Bytes) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let oid = citizen.oid.wide();
    let ask: Banking = read_json(&body)?;
    let repeat = ask.repeat.unwrap_or(1);
    if !(1..=REPEATS_MAX).contains(&repeat) {
        return Err(invalid(format!("repeat is 1 to {REPEATS_MAX}")));
    }
    let client_id = ask.client_id.as_str();
    let partner = sandbox.read(|world| world.partners.find(client_id).cloned());
    let partner = partner.ok_or_else(|| Problem::of("partner-unknown", format!("no partner {client_id:?}")))?;
    let url = partner.webhook.as_deref().and_then(address);
    let url =
        url.ok_or_else(|| Problem::of("partner-invalid", format!("{client_id:?} has no webhook to be asked at")))?;
    let person = match &ask.person {
        None => oid,
        Some(given) => {
            let number = given.as_i64().or_else(|| given.as_str()?.trim().parse().ok());
            number.ok_or_else(|| invalid("person is the number of a person"))?
        }
    };
    let now = sandbox.now();
    let newest = || {
        sandbox.read(|world| {
            let held = world.consents.of_person(oid).into_iter();
            let fits = held.filter(|held| {
                held.client_id == client_id && held.stands(now) && held.scopes.iter().any(|scope| scope == SCOPE)
            });
            fits.max_by_key(|held| (held.granted_at, held.id.clone())).map(|held| held.id.clone())
        })
    };
    let consent = ask.consent.clone().or_else(newest);
    let consent = consent.ok_or_else(|| {
        Problem::of("consent-missing", format!("{slug:?} has no standing consent for {client_id:?} with {SCOPE}"))
    })?;
    let (acr, amr) = level(ask.acr.as_deref())?;
    let is_transfer = ask.ask == Question::Transfer;
    if is_transfer && ask.amount.is_none() {
        return Err(invalid("a transfer has an amount"));
    }
    let key = ask.key.clone().or_else(|| is_transfer.then(|| sandbox.draw().uuid()));
    let id = sandbox.draw().uuid();
    let mut question = Map::from_iter([
        ("id".to_owned(), json!(id)),
        ("at".to_owned(), json!(now)),
        ("ask".to_owned(), json!(ask.ask.as_str())),
        ("client_id".to_owned(), json!(client_id)),
        ("consent".to_owned(), json!(consent)),
        ("person".to_owned(), json!(person)),
        ("acr".to_owned(), json!(acr)),
        ("amr".to_owned(), json!(amr)),
    ]);
    let more = [
        ("key", key.as_ref().map(|key| json!(key))),
        ("from", ask.from.as_ref().map(|from| json!(from))),
        ("to", ask.to.as_ref().map(|to| json!(to))),
        ("amount", ask.amount.map(|amount| json!(amount))),
        ("account", ask.account.as_ref().map(|account| json!(account))),
    ];
    question.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    let question = Value::Object(question).to_string();
    let mut last = None;
    for attempt in 1..=repeat {
        let caller = Caller::outward(sandbox.recorder().begin());
        caller.tag_partner(client_id);
        caller.tag_citizen(oid);
        let mut plan = Plan::honest(&url, &question, sandbox.now());
        sandbox.faults().banking(&caller, oid, &mut plan);
        let headers = outbox::headers(&sandbox, client_id, &plan).await;
        let headers = headers.map_err(|error| Problem::of("internal", error.to_string()))?;
        let headers = headers.ok_or_else(|| Problem::of("internal", "the partner's secret is not there"))?;
        let asked = json!({
            "id": id, "ask": ask.ask.as_str(), "client_id": client_id, "consent": consent, "person": person, "acr": acr,
            "key": key.as_ref().map(|key| crypto::digest::sha256_hex(key.as_bytes())), "amount": ask.amount,
            "attempt": attempt,
        });
        sandbox.note(&caller, kinds::BANKING_ASKED, without_nulls(asked)).await;
        last = outbox::send(&sandbox, &caller, &url, &headers, &plan.sent_body).await;
        let status = last.as_ref().map(|answer| answer.status);
        let answered = json!({"id": id, "ask": ask.ask.as_str(), "status": status, "attempt": attempt});
        sandbox.note(&caller, kinds::BANKING_ANSWERED, without_nulls(answered)).await;
    }
    if is_transfer {
        let done = last.as_ref().is_some_and(|answer| (200..300).contains(&answer.status));
        let told = Command::BankTransfer { client_id: client_id.to_owned(), citizen: oid, amount: ask.amount, done };
        sandbox.execute(&Caller::nobody(), told).await.map_err(|refusal| Problem::refused(&refusal))?;
    }
    let (status, body) = match last {
        Some(answer) => (Some(answer.status), read(&answer.body)),
        None => (None, Value::Null),
    };
    Ok(Answer::json(200, json!({"id": id, "status": status, "body": body})))
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, held| !held.is_null());
    }
    value
}

/// The bank's answer: JSON where it is some, else its text.
fn read(body: &Body) -> Value {
    match body {
        Body::Text(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Body::Base64(text) => json!(text),
        Body::Empty => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bank_is_asked_at_the_origin_of_its_web_hook() {
        assert_eq!(
            address("https://localhost:9443/hooks/portal?x=1").as_deref(),
            Some("https://localhost:9443/portal/banking")
        );
        assert_eq!(address("nonsense"), None);
    }

    #[test]
    fn a_level_has_its_factors() {
        assert_eq!(level(None).unwrap(), ("urn:esia:acr:2fa".to_owned(), &["pwd", "otp"][..]));
        assert_eq!(level(Some("urn:esia:acr:pwd")).unwrap().1, ["pwd"]);
        assert!(level(Some("eid")).is_err());
    }
}
