//! The bank's queue of answers: asked by one flow at a time and no faster than allowed; what comes is verified, stored and
//! only then acknowledged, once each; and given to the flow whose request it answers.

use contract::adapter::ReasonClass;
use contract::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::envelope::{self, Failed, el};
use super::{attachments, verify};
use crate::bank::Bank;
use crate::conduct::{SoapCheck, SoapDuty};
use crate::json::weigh;
use crate::refusal::{Refusal, refuse};

/// Between two looks into an empty queue.
const PAUSE: Span = Span::from_millis(1_050);
const LOOKS: u32 = 15;
/// An acknowledgement is repeated so often when its answer is lost.
const ACKS: u32 = 4;

/// When the queue was last found empty, under the lock that serialises those who look.
#[derive(Default)]
pub(crate) struct Queue(Mutex<Option<Timestamp>>);

/// An answer as it was stored: the signed element, as text, with what it needs to be read again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) xml: String,
    pub(super) late: Option<String>,
}

/// A request that waits for its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) flow: String,
    pub(super) at: Timestamp,
}

/// The answer to this request.
pub(super) async fn answer_to(bank: &Bank, id: &str, late: &mut Option<Refusal>) -> Result<Stored, Refusal> {
    let mut stray = None;
    for _ in 0..LOOKS {
        if let Some(stored) = take(bank, id) {
            return Ok(stored);
        }
        stray = look(bank, late).await?.or(stray);
    }
    if let Some(refusal) = stray {
        return Err(refusal);
    }
    Err(refuse(ReasonClass::Limit, "SMEV-LATE", "no answer came in time"))
}

fn take(bank: &Bank, id: &str) -> Option<Stored> {
    let name =
        if bank.conduct.keeps(SoapDuty::MatchedById) { format!("smev/answer/{id}") } else { "smev/answer/".to_owned() };
    let found = bank.store.all::<Stored>(&name).into_iter().next()?;
    bank.store.erase(&name);
    bank.store.erase(&format!("smev/waiting/{id}"));
    Some(found)
}

/// Looks once: takes one message out of the queue, or waits where it is empty. A stray answer is told of.
async fn look(bank: &Bank, late: &mut Option<Refusal>) -> Result<Option<Refusal>, Refusal> {
    let mut empty_at = bank.queue.0.lock().await;
    if bank.conduct.keeps(SoapDuty::PollInterval)
        && let Some(at) = *empty_at
    {
        bank.clock.wait_until(at + PAUSE).await;
    }
    let selector = format!(
        "<b:MessageTypeSelector Id=\"SIGNED_BY_CALLER\">{}</b:MessageTypeSelector>",
        el("b:Timestamp", &envelope::moscow(bank.clock.now()))
    );
    let document = match envelope::call(bank, "GetResponse", &selector, late).await {
        Ok(document) => document,
        Err(Failed::Lost(crate::http::Lost::Broken(_))) => {
            *empty_at = Some(bank.clock.now());
            return Ok(None);
        }
        Err(failed) => return Err(failed.refusal()),
    };
    envelope::holds_something(&document)?;
    if verify::is_empty(&document, "Response") {
        *empty_at = Some(bank.clock.now());
        return Ok(None);
    }
    *empty_at = None;
    if !bank.conduct.keeps(SoapDuty::AckAfterStore)
        && let Some(id) = verify::told_id(&document)
    {
        acknowledge(bank, &id, true).await;
    }
    let mut overlooked = None;
    let message = verify::message(bank, &document, "Response", &mut overlooked).await;
    let message = match message {
        Ok(message) => attachments::take(bank, &message, &mut overlooked).await.map(|()| message),
        Err(refusal) => Err(refusal),
    };
    let message = match message {
        Ok(message) => message,
        Err(refusal) => {
            if let Some(id) = verify::told_id(&document) {
                acknowledge(bank, &id, false).await;
            }
            return Err(refusal);
        }
    };
    let seen = format!("smev/seen/{}", message.id);
    let again = bank.store.read::<bool>(&seen).is_some() && bank.conduct.keeps(SoapDuty::ProcessedOnce);
    let known = bank.store.read::<Waiting>(&format!("smev/waiting/{}", message.original)).is_some();
    if !again && known {
        let stored = Stored { xml: document.text().to_owned(), late: overlooked.map(|refusal| refusal.detail) };
        bank.store.put(&format!("smev/answer/{}", message.original), &stored, true);
    }
    let mut stray = None;
    if !again && !known {
        let why = format!("an answer to {}, which nobody asked", message.original);
        bank.diary.note(bank.clock.now(), "smev.aside", &[("why", &why)]);
        let refusal = refuse(ReasonClass::Binding, "SMEV-RELATION", why);
        stray = Some(refusal.clone());
        if weigh(bank, SoapCheck::Relation, refusal, late).is_ok() {
            // The variant that gives a stray answer to whoever waits.
            let stored = Stored { xml: document.text().to_owned(), late: None };
            for waiting in waiting(bank) {
                bank.store.put(&format!("smev/answer/{waiting}"), &stored, true);
            }
        } else {
            bank.store.put(&format!("smev/aside/{}", message.id), &bank.clock.now(), true);
        }
    }
    bank.store.put(&seen, &true, true);
    if bank.conduct.keeps(SoapDuty::AckAfterStore) {
        acknowledge(bank, &message.id, true).await;
    }
    Ok(stray)
}

/// Ids of the requests that wait.
fn waiting(bank: &Bank) -> Vec<String> {
    bank.common().spare.iter().filter_map(|(name, id)| name.strip_prefix("smev/").map(|_| id.clone())).collect()
}

/// Notes that a request waits for its answer.
pub(super) fn expect(bank: &Bank, id: &str, flow: &str) {
    bank.store.put(&format!("smev/waiting/{id}"), &Waiting { flow: flow.to_owned(), at: bank.clock.now() }, true);
    bank.common().spare.insert(format!("smev/{id}"), id.to_owned());
}

/// Says that a message was stored, or that it was not believed; again when the answer to that is lost.
pub(super) async fn acknowledge(bank: &Bank, id: &str, accepted: bool) {
    let target = format!(
        "<b:AckTargetMessage Id=\"SIGNED_BY_CALLER\" accepted=\"{accepted}\">{}</b:AckTargetMessage>",
        crate::xml::escaped(id)
    );
    let tries = if bank.conduct.keeps(SoapDuty::AckRepeated) { ACKS } else { 1 };
    for tried in 1..=tries {
        let mut late = None;
        match envelope::call(bank, "Ack", &target, &mut late).await {
            Err(Failed::Lost(crate::http::Lost::Broken(_))) => {
                crate::clock::nap(Span::from_millis(100 << tried)).await;
            }
            Ok(_) | Err(_) => return,
        }
    }
}
