//! Orders of certificates and extracts (CRT-1, CRT-2): confirmed by the citizen's code, or unattended under a consent that
//! lets the bank do anything with the data; purpose, consent and quota hold alike.

use contract::ids::CadastralNumber;
use contract::matter::{MatterReason, ORDER_QUOTA, OrderDetails, OrderType};
use serde_json::{Value, json};

use super::document;
use super::engine::Change;
use super::room::Matter;
use crate::consent::Consent;
use crate::draft::Draft;
use crate::refusal::Refusal;

/// Longest reason.
const LONGEST: usize = 500;

pub(super) fn check(
    draft: &Draft<'_, '_, '_>,
    client_id: &str,
    person: i64,
    details: &OrderDetails,
    consent: &Consent,
) -> Result<Value, Refusal> {
    let invalid =
        |name: &str, wanted: &str| Refusal::new("parameter-invalid", "parameter-invalid").check(name).wanted(wanted);
    if details.reason.trim().is_empty() || details.reason.chars().count() > LONGEST {
        return Err(invalid("reason", "1 to 500 characters"));
    }
    match (details.kind, &details.number) {
        (OrderType::Estate, None) => return Err(invalid("number", "the cadastral number of the object")),
        (OrderType::Estate, Some(number)) if number.parse::<CadastralNumber>().is_err() => {
            return Err(Refusal::new("cadastral-number-invalid", "cadastral-number-invalid")
                .check("number")
                .wanted("district:area:quarter:object"));
        }
        (OrderType::Estate, Some(_)) | (_, None) => {}
        (_, Some(_)) => return Err(invalid("number", "a number with the type estate only")),
    }
    if details.unattended && !consent.actions.iter().any(|action| action == "ALL_ACTIONS_TO_DATA") {
        return Err(Refusal::new("unattended-not-allowed", "unattended-not-allowed")
            .check("actions of the consent")
            .seen(consent.actions.join(" "))
            .wanted("ALL_ACTIONS_TO_DATA"));
    }
    let ordered = draft.world.matters.orders_on(person, client_id, draft.now.day());
    if ordered >= ORDER_QUOTA {
        return Err(Refusal::new("quota-exceeded", "quota-exceeded")
            .check("orders of this person today")
            .seen(ordered.to_string())
            .wanted(format!("fewer than {ORDER_QUOTA}"))
            .mend("order again tomorrow"));
    }
    Ok(json!(details))
}

pub(super) fn title(matter: &Matter) -> String {
    let kind = OrderType::named(matter.text("type")).map_or("Документ", OrderType::ru);
    match matter.text("number") {
        "" => kind.to_owned(),
        number => format!("{kind} {number}"),
    }
}

/// Ready, or refused because the register has nothing of the kind.
pub(super) fn outcome(draft: &Draft<'_, '_, '_>, matter: &Matter) -> (&'static str, Change) {
    let kind = OrderType::named(matter.text("type"));
    if kind.is_some_and(|kind| document::facts(draft, matter, kind).is_some()) {
        return ("issue", Change::default());
    }
    let reason = MatterReason {
        code: "document-unavailable".to_owned(),
        ru: "В реестре нет сведений, из которых составляется документ, или доступ к ним закончился.".to_owned(),
        en: "The register holds nothing to make the document of, or access to it is over.".to_owned(),
    };
    ("refuse", Change { reason: Some(reason), ..Change::default() })
}

/// The document is fixed when it is ready.
pub(super) fn issue(draft: &mut Draft<'_, '_, '_>, matter: &Matter) {
    let Some(kind) = OrderType::named(matter.text("type")) else { return };
    let Some(facts) = document::facts(draft, matter, kind) else { return };
    document::issue(draft, matter, kind.as_str(), kind.ru(), facts);
}
