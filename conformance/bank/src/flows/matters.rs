//! Matters at the portal, whatever they are about: opened and moved on under a key that is kept before anything is sent,
//! read again, and held against what the bank knew of them. A state that does not follow from the one before is not
//! believed, and a final one stays.

use contract::adapter::ReasonClass;
use contract::matter::{LIFECYCLES, Lifecycle, MatterKind};
use contract::time::{Span, Timestamp};
use http::{HeaderName, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::access::{Access, problem};
use crate::bank::Bank;
use crate::conduct::{Course, Fresh, MatterCheck, MatterDuty, PaymentDuty, Trouble};
use crate::http::{Answer, Lost, Request};
use crate::json::{expect, weigh};
use crate::refusal::{Refusal, refuse};
use crate::retry::{Next, Retry};

pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const TRIES: u32 = 4;
/// While the first attempt is still under way at the portal.
pub(crate) const UNDER_WAY: Span = Span::from_millis(250);

/// What is kept of a sending before it is made, so that a restart repeats it and does not make another.
#[derive(Serialize, Deserialize)]
struct Sent {
    key: String,
    body: Value,
}

/// What the bank knows of a matter, from answers and notices alike.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) kind: MatterKind,
    pub(crate) customer: Option<String>,
    pub(crate) state: String,
    pub(crate) at: Option<Timestamp>,
    #[serde(default)]
    pub(crate) history: Vec<Value>,
}

/// The address of a matter, or of one of its moves.
pub(crate) fn address(access: &Access<'_>, kind: MatterKind, id: &str, step: &str) -> Url {
    let mut address = access.bank.at("/api/v1");
    if let Ok(mut path) = address.path_segments_mut() {
        path.push(kind.lifecycle().plural);
        path.extend([id, step].into_iter().filter(|part| !part.is_empty()));
    }
    address
}

/// The address with person and purpose, as reading wants them.
pub(crate) fn with_person(access: &Access<'_>, mut address: Url) -> Url {
    address.query_pairs_mut().append_pair("person", &access.customer.subject).append_pair("purpose", access.purpose());
    address
}

/// Opens a matter.
pub(crate) async fn open(access: &mut Access<'_>, kind: MatterKind, body: Value) -> Result<Value, Refusal> {
    let to = address(access, kind, "", "");
    let answer = post(access, to, body).await?;
    take(access, kind, answer)
}

/// Moves a matter on. A move is another request than the opening, with a token of its own.
pub(crate) async fn step(
    access: &mut Access<'_>,
    kind: MatterKind,
    id: &str,
    step: &str,
    more: &[(&str, Value)],
) -> Result<Value, Refusal> {
    access.afresh();
    let mut body = super::services::body(access);
    for (name, value) in more {
        body[*name] = value.clone();
    }
    let to = address(access, kind, id, step);
    let answer = post(access, to, body).await?;
    take(access, kind, answer)
}

/// Reads a matter as it stands.
pub(crate) async fn read(access: &mut Access<'_>, kind: MatterKind, id: &str) -> Result<Value, Refusal> {
    access.afresh();
    let at = with_person(access, address(access, kind, id, ""));
    let answer = access.call(|| Request::get(at.clone())).await?;
    let value = access.data(&answer)?;
    if value["id"].as_str().is_some_and(|told| told != id) {
        return Err(refuse(ReasonClass::Binding, "MATTER-OTHER", "the answer is about another matter"));
    }
    take(access, kind, value)
}

/// Sends a body until its fate is known: the same key and the same bytes, however often.
pub(crate) async fn post(access: &mut Access<'_>, to: Url, body: Value) -> Result<Value, Refusal> {
    access.token_outlives_loss = true;
    let bank = access.bank;
    let name = format!("sent/{}/{}", access.flow.operation, name_of(to.path(), &body));
    let known = bank.store.read::<Sent>(&name).filter(|_| bank.conduct.payment(PaymentDuty::OnePress));
    let new_key = || bank.make(Fresh::IdempotencyKey).unwrap_or_default();
    let mut sent = known.unwrap_or_else(|| Sent { key: new_key(), body });
    bank.store.put(&name, &sent, true);
    let (mut tries, mut refused) = (0, 0);
    loop {
        tries += 1;
        let spent = tries >= TRIES;
        let answer = match once(access, &to, &mut sent).await? {
            Ok(answer) if answer.whole => answer,
            Ok(_) | Err(_) if spent => return Err(unknown()),
            Ok(_) | Err(_) => {
                let same = [PaymentDuty::FateAsked, PaymentDuty::SameKeyOnRepeat];
                if !same.into_iter().all(|duty| bank.conduct.payment(duty)) {
                    sent.key = new_key();
                }
                crate::clock::nap(Span::from_millis(120 << tries)).await;
                continue;
            }
        };
        let code = code(&answer);
        match answer.status {
            200..=299 => return access.data(&answer),
            409 if !spent && matches!(code.as_deref(), Some("idempotency-in-progress") | None) => {
                bank.clock.wait(UNDER_WAY).await;
                if !bank.conduct.payment(PaymentDuty::SameKeyOnConflict) {
                    sent.key = new_key();
                }
            }
            422 if refused < 3 && bank.conduct.resends(Trouble::Unprocessable) => refused += 1,
            429 if refused < 5 && !bank.conduct.keeps(MatterDuty::QuotaKept) => {
                refused += 1;
                sent.key = new_key();
            }
            _ => return Err(problem(bank, &answer)),
        }
    }
}

/// Names what is asked, so that a second press finds what the first sent. A document that is signed or put up again is the
/// same document: its signature holds another moment or another random number, its reference another place.
fn name_of(path: &str, body: &Value) -> String {
    fn asked(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let lasting = members.iter().filter(|(name, _)| !matches!(name.as_str(), "signature" | "uuid"));
                lasting.map(|(name, value)| (name.clone(), asked(value))).collect()
            }
            Value::Array(items) => items.iter().map(asked).collect(),
            other => other.clone(),
        }
    }
    crate::digest::short(&format!("{path}{}", asked(body)))
}

fn unknown() -> Refusal {
    refuse(ReasonClass::Transport, "MATTER-UNKNOWN", "the fate of the order is not known")
        .saying("Судьба поручения уточняется. Не отправляйте его повторно: банк сообщит, когда портал ответит.")
}

/// The registry's code of a problem document.
fn code(answer: &Answer) -> Option<String> {
    let value = answer.json()?;
    value["type"].as_str()?.rsplit('/').next().map(str::to_owned)
}

/// One sending; waits that the portal orders are kept, a lost answer is told to the caller.
async fn once(access: &mut Access<'_>, to: &Url, sent: &mut Sent) -> Result<Result<Answer, Lost>, Refusal> {
    let bank = access.bank;
    let token = access.bearer().await?;
    let mut retry = Retry::new(bank, true);
    loop {
        let request = Request::json(Method::POST, to.clone(), &sent.body).with(KEY, &sent.key).bearer(&token);
        let outcome = bank.http.send(request.clone()).await;
        if bank.conduct.course() == Course::Storms {
            let _ = bank.http.send(request).await;
        }
        match outcome {
            Err(lost @ Lost::Untrusted(_)) => return Err(lost.refusal()),
            Err(lost) => return Ok(Err(lost)),
            // A quota is no traffic jam: waiting a moment does not help.
            Ok(answer) if !answer.whole || matches!(answer.status, 409 | 422) || is_quota(&answer) => {
                return Ok(Ok(answer));
            }
            Ok(answer) => match retry.next(Ok(answer)).await? {
                Next::Again if !bank.conduct.payment(PaymentDuty::SameKeyOnRepeat) => {
                    sent.key = bank.make(Fresh::IdempotencyKey).unwrap_or_default();
                }
                Next::Again => {}
                Next::Done(answer) => return Ok(Ok(answer)),
            },
        }
    }
}

fn is_quota(answer: &Answer) -> bool {
    answer.status == 429 && code(answer).as_deref() == Some("quota-exceeded")
}

/// Takes an answer about a matter into the book.
pub(crate) fn take(access: &mut Access<'_>, kind: MatterKind, value: Value) -> Result<Value, Refusal> {
    let bank = access.bank;
    let mut value = value;
    expect(bank, kind.answer(), &mut value, &mut access.late)?;
    let id = value["id"].as_str().unwrap_or_default().to_owned();
    let state = value["state"].as_str().unwrap_or_default().to_owned();
    let before = bank.matter(&id);
    let cycle = kind.lifecycle();
    let known = before.as_ref().map(|known| known.state.as_str());
    let steps = steps(&value);
    let broken = known.is_some_and(|from| !leads(cycle, from, &state))
        || steps.windows(2).any(|pair| !leads(cycle, &pair[0], &pair[1]));
    if broken {
        let why = format!("{} does not follow from {}", state, known.unwrap_or("what came before"));
        let refusal = refuse(ReasonClass::State, "MATTER-STATE", why)
            .saying("Портал сообщил невозможное состояние. Банк уточняет его.");
        weigh(bank, MatterCheck::StateOrder, refusal, &mut access.late)?;
    }
    let history = value["history"].as_array().cloned().unwrap_or_default();
    let at = value["changed_at"].as_str().and_then(|text| text.parse().ok());
    bank.keep_matter(&Known {
        id: id.clone(),
        kind,
        customer: Some(access.customer.handle.clone()),
        state,
        at,
        history,
    });
    access.keep(&format!("matter/{id}"), &value);
    if !bank.conduct.keeps(MatterDuty::ReasonShown)
        && let Some(members) = value.as_object_mut()
    {
        members.remove("reason");
    }
    Ok(value)
}

fn steps(value: &Value) -> Vec<String> {
    let listed = value["history"].as_array().cloned().unwrap_or_default();
    listed.iter().filter_map(|step| step["state"].as_str().map(str::to_owned)).collect()
}

/// Whether some moves lead from one state to the other.
pub(crate) fn leads(cycle: &Lifecycle, from: &str, to: &str) -> bool {
    let mut reached = vec![from];
    let mut at = 0;
    while at < reached.len() {
        let here = reached[at];
        for step in cycle.moves.iter().filter(|step| step.from == here) {
            if !reached.contains(&step.to) {
                reached.push(step.to);
            }
        }
        at += 1;
    }
    reached.contains(&to)
}

/// The values of an action that ends with one matter.
pub(crate) fn values(kind: MatterKind, value: Value) -> Map<String, Value> {
    Map::from_iter([(kind.as_str().to_owned(), value)])
}

/// A parameter of the action that must be text.
pub(crate) fn text(access: &Access<'_>, name: &str) -> Result<String, Refusal> {
    let given = access.flow.params.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    given.map(str::to_owned).ok_or_else(|| refuse(ReasonClass::Format, "PARAMETER", format!("no {name}")))
}

/// A parameter of the action that must be money.
pub(crate) fn money(access: &Access<'_>, name: &str) -> Result<i64, Refusal> {
    let given = access.flow.params.get(name).and_then(Value::as_i64);
    let given = given.ok_or_else(|| refuse(ReasonClass::Format, "PARAMETER", format!("no {name} in kopecks")))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the wrong that a variant does")]
    let rounded = || ((given as f64 / 100.0) as f32 * 100.0) as i64;
    Ok(if access.bank.conduct.keeps(MatterDuty::ExactAmount) { given } else { rounded() })
}

impl Bank {
    pub(crate) fn matter(&self, id: &str) -> Option<Known> {
        self.store.read(&format!("matter/{id}"))
    }

    pub(crate) fn keep_matter(&self, known: &Known) {
        if !known.id.is_empty() {
            self.store.put(&format!("matter/{}", known.id), known, true);
        }
    }

    /// What a notice says of a matter: an older one does not undo a newer, nor anything a final state.
    pub(crate) fn notice_matter(&self, event: &Value, newest_stays: bool, final_stays: bool) -> bool {
        let found = LIFECYCLES.iter().find_map(|cycle| Some((cycle, event.get(cycle.kind.as_str())?)));
        let Some((cycle, told)) = found else { return false };
        let (Some(id), Some(state)) = (told["id"].as_str(), told["state"].as_str()) else { return false };
        if cycle.state(state).is_none() {
            return false;
        }
        let at = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let at = at(&told["changed_at"]).or_else(|| at(&event["at"]));
        let before = self.matter(id);
        if let Some(known) = &before {
            let older = matches!((known.at, at), (Some(known), Some(told)) if told < known);
            let behind = !leads(cycle, &known.state, state);
            if newest_stays && (older || behind) || final_stays && cycle.is_final(&known.state) {
                return false;
            }
        }
        let mut history = before.as_ref().map(|known| known.history.clone()).unwrap_or_default();
        history.push(serde_json::json!({"state": state, "at": at, "by": "portal"}));
        let customer = before.and_then(|known| known.customer);
        self.keep_matter(&Known {
            id: id.to_owned(),
            kind: cycle.kind,
            customer,
            state: state.to_owned(),
            at,
            history,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_follows_from_another_or_does_not() {
        let cycle = MatterKind::Order.lifecycle();
        assert!(leads(cycle, "placed", "delivered") && leads(cycle, "ready", "ready"));
        assert!(!leads(cycle, "delivered", "placed") && !leads(cycle, "cancelled", "ready"));
    }

    #[test]
    fn a_document_signed_or_put_up_again_is_the_same_order() {
        use serde_json::json;
        let of = |path: &str, signature: &str, uuid: &str, size: u64| {
            let reference = json!({"uuid": uuid, "size": size, "sha256": "00"});
            let documents = json!([{"name": "Справка", "signature": signature, "reference": reference}]);
            name_of(path, &json!({"documents": documents, "signature": signature}))
        };
        let first = of("/api/v1/intakes", "MIIB", "1", 5);
        assert_eq!(of("/api/v1/intakes", "MIIC", "2", 5), first);
        assert_ne!(of("/api/v1/intakes", "MIIB", "1", 6), first);
        assert_ne!(of("/api/v1/returns", "MIIB", "1", 5), first);
    }
}
