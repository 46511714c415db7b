//! Applications to a bank (APP-1 to APP-3): begun by the citizen at the portal, filled from what the state knows,
//! confirmed by a one-time code; the bank takes, asks, decides and tells its own state. What the bank is handed is the
//! portal's own copy, and the portal remembers it.

use contract::citizen::Citizen;
use contract::matter::{
    ApplicationDetails, ApplicationForm, ApplicationType, Attachment, By, MatterKind, MatterReason, Verdict,
};
use contract::money::Money;
use serde_json::{Value, json};

use super::ask::{Application, BankAct, MatterReply};
use super::code;
use super::engine::{self, Change};
use super::room::{KeptFile, Matter, Opened};
use crate::draft::Draft;
use crate::event::Fact;
use crate::refusal::Refusal;

/// Attachments of one application.
const MOST: usize = 10;

pub(super) fn begin(draft: &mut Draft<'_, '_, '_>, citizen: i64, ask: Application) -> Result<MatterReply, Refusal> {
    let invalid =
        |name: &str, wanted: &str| Refusal::new("parameter-invalid", "parameter-invalid").check(name).wanted(wanted);
    let Some(person) = draft.world.citizens.find(citizen).cloned() else {
        return Err(Refusal::new("person-unknown", "person-unknown").check("person").seen(citizen.to_string()));
    };
    if draft.world.partners.find(&ask.client_id).is_none() {
        return Err(Refusal::new("partner-unknown", "client-unknown").check("client_id").seen(&ask.client_id));
    }
    let needs_amount = ask.kind == ApplicationType::Loan;
    if needs_amount && (ask.amount.is_none_or(|amount| amount <= Money::ZERO) || ask.term_months.is_none()) {
        return Err(invalid("amount, term_months", "both, for a loan"));
    }
    if ask.files.len() > MOST {
        return Err(invalid("documents", "at most ten"));
    }
    let details = ApplicationDetails {
        kind: ask.kind,
        amount: ask.amount,
        term_months: ask.term_months,
        form: prefilled(&person, ask.account.clone()),
        documents: ask.files.iter().map(|(file, _)| file.clone()).collect(),
        question: None,
        bank_state: None,
        bank_text: None,
    };
    draft.partner = Some(ask.client_id.clone());
    draft.citizen = Some(citizen);
    let opened = Opened {
        id: draft.uuid(),
        kind: MatterKind::Application,
        to: MatterKind::Application.lifecycle().first().to_owned(),
        by: By::Citizen,
        client_id: ask.client_id.clone(),
        person: citizen,
        purpose: purpose(draft, &ask.client_id, citizen),
        key: None,
        number: None,
        details: Some(json!(details)),
    };
    let mut matter = engine::begin(draft, opened);
    for (file, content) in ask.files {
        keep(draft, &matter, file, content);
    }
    let operation = title(&matter);
    code::send(draft, &mut matter, operation);
    Ok(MatterReply::Matter { value: engine::answer(draft, &matter), repeated: false })
}

fn keep(draft: &mut Draft<'_, '_, '_>, matter: &Matter, file: Attachment, content: String) {
    let kept = KeptFile {
        file,
        client_id: matter.client_id.clone(),
        person: matter.person,
        matter: Some(matter.id.clone()),
        content: Some(content),
    };
    draft.tell(Fact::FileKept { kept: Box::new(kept) });
}

/// The purpose under which the bank will read it: that of a consent that covers applications, where there is one.
fn purpose(draft: &Draft<'_, '_, '_>, client_id: &str, person: i64) -> String {
    let mut holders = draft.world.consents.holders(person, MatterKind::Application.lifecycle().scope, draft.now);
    let consent = holders.find(|consent| consent.client_id == client_id);
    consent.map_or_else(|| "CREDIT".to_owned(), |consent| consent.purpose.clone())
}

fn prefilled(person: &Citizen, account: Option<String>) -> ApplicationForm {
    let passport = person.main_document().map(|document| {
        format!("{} {}", document.series.as_deref().unwrap_or_default(), document.number).trim().to_owned()
    });
    ApplicationForm {
        last_name: person.last_name.clone(),
        first_name: person.first_name.clone(),
        middle_name: person.middle_name.clone(),
        inn: person.inn.map(|inn| inn.to_string()),
        snils: person.snils.map(|snils| snils.to_string()),
        phone: person.phone.clone(),
        passport,
        account,
    }
}

pub(super) fn title(matter: &Matter) -> String {
    let kind = ApplicationType::named(matter.text("type")).map_or("", ApplicationType::ru).to_lowercase();
    let amount = matter.details.as_ref().and_then(|details| details["amount"].as_i64());
    match amount {
        Some(kopecks) => format!("Заявление: {kind}, {}", Money::from_kopecks(kopecks)),
        None => format!("Заявление: {kind}"),
    }
}

/// Confirmed, it gets its registration number.
pub(super) fn registered(draft: &mut Draft<'_, '_, '_>, _matter: &Matter) -> Change {
    Change { number: Some(draft.digits(10)), ..Change::default() }
}

pub(super) fn by_bank(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter, act: BankAct) -> Result<(), Refusal> {
    let by = Some(By::Bank);
    match act {
        BankAct::Take => engine::step(draft, matter, "take", by, Change::default()),
        BankAct::Ask { text } => {
            said("text", &text)?;
            let details = with(matter, &[("question", json!(text))]);
            engine::step(draft, matter, "ask", by, Change { details, ..Change::default() })
        }
        BankAct::Decide { decision: Verdict::Approve, .. } => {
            engine::step(draft, matter, "decide", by, Change { to: Some("approved"), ..Change::default() })
        }
        BankAct::Decide { decision: Verdict::Decline, reason } => {
            let text = reason.unwrap_or_default();
            said("reason", &text)?;
            let reason = Some(MatterReason { code: "bank-declined".to_owned(), ru: text.clone(), en: text });
            engine::step(draft, matter, "decide", by, Change { to: Some("declined"), reason, ..Change::default() })
        }
        BankAct::Status { state_text, text } => status(draft, matter, &state_text, text),
        _ => Err(Refusal::new("move-not-allowed", "move-not-allowed")
            .check("move")
            .wanted("take, ask, decide or status")),
    }
}

/// The bank's own state reaches the citizen's account (APP-2); the application stays where it is.
fn status(
    draft: &mut Draft<'_, '_, '_>,
    matter: &mut Matter,
    state: &str,
    text: Option<String>,
) -> Result<(), Refusal> {
    said("state_text", state)?;
    if matches!(matter.state.as_str(), "draft" | "refused" | "withdrawn") {
        return Err(engine::wrong_state(matter, "a registered application"));
    }
    if let Some(text) = &text {
        said("text", text)?;
    }
    let mut changes = vec![("bank_state", json!(state))];
    changes.extend(text.as_ref().map(|text| ("bank_text", json!(text))));
    let details = with(matter, &changes);
    engine::tell(draft, matter, Fact::MatterNoted { id: matter.id.clone(), details });
    let bank = draft.partner_name(&matter.client_id);
    let number = matter.number.clone().unwrap_or_default();
    let words = text.map(|text| format!(" {text}")).unwrap_or_default();
    draft.notice(&format!("{bank}: статус заявления"), format!("{} № {number}: {state}.{words}", title(matter)));
    Ok(())
}

/// The citizen mends what the bank asked about: members of the form, amount, term.
pub(super) fn correct(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter, changes: &Value) -> Result<(), Refusal> {
    let refused = |seen: String| {
        Refusal::new("body-invalid", "body-invalid")
            .check("form, amount, term_months")
            .seen(seen)
            .wanted("members of the form")
    };
    let mut details = matter.details.clone().unwrap_or_default();
    for (name, value) in changes.as_object().into_iter().flatten() {
        match name.as_str() {
            "form" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    details["form"][name] = value.clone();
                }
            }
            "amount" | "term_months" => details[name] = value.clone(),
            other => return Err(refused(format!("unknown member {other:?}"))),
        }
    }
    let form: ApplicationDetails =
        serde_json::from_value(details.clone()).map_err(|error| refused(error.to_string()))?;
    // What was understood is what is kept: a misspelt member must not hide in it.
    if json!(form) != details {
        return Err(refused("a member that the form does not have".to_owned()));
    }
    engine::step(draft, matter, "correct", Some(By::Citizen), Change { details: Some(details), ..Change::default() })
}

fn with(matter: &Matter, changes: &[(&str, Value)]) -> Option<Value> {
    let mut details = matter.details.clone()?;
    for (name, value) in changes {
        details[*name] = value.clone();
    }
    Some(details)
}

/// What a bank says to a citizen: something, not endless. It may name the citizen's own data.
fn said(name: &str, text: &str) -> Result<(), Refusal> {
    if !text.trim().is_empty() && text.chars().count() <= 1_000 {
        return Ok(());
    }
    Err(Refusal::new("parameter-invalid", "parameter-invalid").check(name).wanted("1 to 1000 characters"))
}
