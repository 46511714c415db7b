//! The bank as a provider: the portal asks for overdue credits and for the bank's own state of an application. Asked for
//! from the moment that accounts are served, no faster than allowed, for a while; what cannot be believed is not answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use contract::time::Span;
use crypto::xmldsig::Element;
use serde_json::Value;

use super::envelope::{self, el};
use super::{queue, verify};
use crate::bank::Bank;
use crate::conduct::SoapDuty;
use crate::flows::matters::Known;

const PAUSE: Span = Span::from_millis(1_500);
/// Looks into the queue after the last request at most.
const LOOKS: u32 = 40;

static RUNS: AtomicBool = AtomicBool::new(false);
/// Looks in vain since the last request, or since somebody last asked to look.
static IDLE: AtomicU32 = AtomicU32::new(0);

/// Begins to look for requests, or goes on for longer where that is under way.
pub(crate) fn begin(bank: &Arc<Bank>) {
    IDLE.store(0, Ordering::SeqCst);
    if RUNS.swap(true, Ordering::SeqCst) {
        return;
    }
    let bank = bank.clone();
    tokio::spawn(async move {
        while IDLE.load(Ordering::SeqCst) < LOOKS {
            match look(&bank).await {
                true => IDLE.store(0, Ordering::SeqCst),
                false => {
                    IDLE.fetch_add(1, Ordering::SeqCst);
                }
            }
            crate::clock::nap(PAUSE).await;
        }
        RUNS.store(false, Ordering::SeqCst);
    });
}

/// One look; whether there was a request.
async fn look(bank: &Bank) -> bool {
    let selector = format!(
        "<b:MessageTypeSelector Id=\"SIGNED_BY_CALLER\">{}</b:MessageTypeSelector>",
        el("b:Timestamp", &envelope::moscow(bank.clock.now()))
    );
    let mut late = None;
    let Ok(document) = envelope::call(bank, "GetRequest", &selector, &mut late).await else { return false };
    if verify::is_empty(&document, "Request") {
        return false;
    }
    let message = match verify::message(bank, &document, "Request", &mut late).await {
        Ok(message) => message,
        Err(refusal) => {
            bank.diary.note(bank.clock.now(), "smev.refused", &[("why", &refusal.detail)]);
            bank.audit.note(bank.clock.now(), "smev", "smev.refused", Some((refusal.class.as_str(), &refusal.code)));
            if let Some(id) = verify::told_id(&document) {
                queue::acknowledge(bank, &id, false).await;
            }
            return true;
        }
    };
    let seen = format!("smev/served/{}", message.id);
    if bank.store.read::<bool>(&seen).is_none() || !bank.conduct.keeps(SoapDuty::ProcessedOnce) {
        let to = message.element.children().find(|child| child.name() == "ReplyTo").map(|to| to.text());
        let content = message.given.descendants().find(|inner| inner.name() == "MessagePrimaryContent");
        let root = content.and_then(|content| content.children().next());
        let said =
            root.map_or_else(|| rejected("UNKNOWN_REQUEST_DESCRIPTION", "нет содержимого"), |root| answer(bank, root));
        bank.store.put(&seen, &true, true);
        queue::acknowledge(bank, &message.id, true).await;
        let data = format!(
            "<m:SenderProvidedResponseData Id=\"SIGNED_BY_CONSUMER\">{}{}{said}</m:SenderProvidedResponseData>",
            el("m:MessageID", &envelope::message_id(bank)),
            el("m:To", &to.unwrap_or_default()),
        );
        if let Err(failed) = envelope::call(bank, "SendResponse", &data, &mut late).await {
            bank.diary.note(bank.clock.now(), "smev.unsent", &[("why", &failed.refusal().detail)]);
        }
    } else {
        queue::acknowledge(bank, &message.id, true).await;
    }
    true
}

fn rejected(code: &str, text: &str) -> String {
    format!(
        "<m:RequestRejected>{}{}</m:RequestRejected>",
        el("m:RejectionReasonCode", code),
        el("m:RejectionReasonDescription", text)
    )
}

fn answer(bank: &Bank, root: Element<'_>) -> String {
    let text =
        |name: &str| root.children().find(|child| child.name() == name).map(|child| child.text()).unwrap_or_default();
    let person = text("person");
    let inner = match root.name() {
        "overdue-creditsRequest" => bank
            .store
            .all::<Value>(&format!("credit/{person}/"))
            .iter()
            .map(|credit| {
                let member = |name: &str| {
                    let value = &credit[name];
                    el(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str())
                };
                format!("<item>{}</item>", ["external_id", "title", "amount", "due_date"].map(member).concat())
            })
            .collect::<String>(),
        "application-statusRequest" => match bank.matter(&text("application")) {
            Some(Known { id, state, .. }) => [el("application", &id), el("state", &state)].concat(),
            None => return rejected("NO_DATA", "заявка банку неизвестна"),
        },
        other => return rejected("UNKNOWN_REQUEST_DESCRIPTION", other),
    };
    let name = root.name().trim_end_matches("Request");
    format!(
        "<b:MessagePrimaryContent><{name}Response xmlns=\"{}\">{inner}</{name}Response></b:MessagePrimaryContent>",
        crate::xml::escaped(root.namespace())
    )
}
