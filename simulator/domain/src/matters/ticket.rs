//! Tickets (FBK-1): sorted by topic, routed, answered; the citizen closes them or opens them again.

use contract::matter::{By, TicketDetails, TicketTopic, personal};
use serde_json::{Value, json};

use super::engine::{self, Change};
use super::room::Matter;
use crate::draft::Draft;
use crate::refusal::Refusal;

/// Longest text.
const LONGEST: usize = 4_000;

pub(super) fn check(details: &TicketDetails) -> Result<Value, Refusal> {
    text("text", &details.text)?;
    Ok(json!(details))
}

/// A text of a citizen that goes to strangers: not empty, not endless, without personal data (FBK-1).
pub(super) fn text(name: &str, given: &str) -> Result<(), Refusal> {
    if given.trim().is_empty() || given.chars().count() > LONGEST {
        return Err(Refusal::new("parameter-invalid", "parameter-invalid").check(name).wanted("1 to 4000 characters"));
    }
    impersonal(name, given)
}

pub(super) fn impersonal(name: &str, given: &str) -> Result<(), Refusal> {
    match personal(given) {
        None => Ok(()),
        Some(found) => Err(Refusal::new("personal-data-forbidden", "personal-data-forbidden")
            .check(name)
            .seen(found.as_str())
            .wanted("no personal data")),
    }
}

fn queue(topic: Option<TicketTopic>) -> &'static str {
    match topic {
        Some(TicketTopic::Consent) => "Отдел согласий и доступа",
        Some(TicketTopic::Document) => "Отдел документов и выписок",
        Some(TicketTopic::Payment) => "Отдел платежей и начислений",
        Some(TicketTopic::Other) | None => "Единая служба поддержки",
    }
}

/// Sorted and routed.
pub(super) fn routed(matter: &Matter) -> Change {
    let mut details = matter.details.clone();
    if let Some(details) = &mut details {
        details["queue"] = json!(queue(TicketTopic::named(matter.text("topic"))));
    }
    Change { details, ..Change::default() }
}

/// Answered.
pub(super) fn answered(matter: &Matter) -> Change {
    let mut details = matter.details.clone();
    if let Some(details) = &mut details {
        details["answer"] = json!("Обращение рассмотрено. Если вопрос не решён, откройте его повторно.");
    }
    Change { details, ..Change::default() }
}

pub(super) fn reopen(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter, more: Option<String>) -> Result<(), Refusal> {
    let mut details = matter.details.clone();
    if let (Some(details), Some(more)) = (&mut details, more) {
        text("text", &more)?;
        details["text"] = json!(more);
    }
    engine::step(draft, matter, "reopen", Some(By::Citizen), Change { details, ..Change::default() })
}
