//! Every transition of every lifecycle, so that it can be measured which of them scenarios reach. Matters have theirs in
//! [`crate::matter`]; consents, payments, debts and deliveries are told by the kinds of their journal entries.

use serde_json::Value;

use crate::journal::kinds;
use crate::matter::MatterKind;

/// Transitions that a kind of journal entry tells by itself.
const BY_KIND: &[(&str, &str)] = &[
    (kinds::ACCOUNT_LOCKED, "account: open → locked"),
    (kinds::ACCOUNT_UNLOCKED, "account: locked → open"),
    (kinds::CONSENT_GRANTED, "consent: requested → granted"),
    (kinds::CONSENT_REFUSED, "consent: requested → refused"),
    (kinds::DEBT_CHANGED, "debt: open → changed"),
    (kinds::HOOK_DELIVERED, "hook: due → delivered"),
    (kinds::HOOK_FAILED, "hook: due → failed"),
    (kinds::PAYMENT_ACCEPTED, "payment: → accepted"),
    (kinds::PAYMENT_SETTLED, "payment: accepted → settled"),
    (kinds::RESTRICTION_LIFTED, "restriction: in force → lifted"),
    (kinds::SESSION_ENDED, "session: open → ended"),
    (kinds::SESSION_OPENED, "session: → open"),
];

/// Ends of a consent, which depend on what went before.
const CONSENT_ENDS: &[&str] = &[
    "consent: granted → expired",
    "consent: granted → revoked by bank",
    "consent: granted → revoked by citizen",
    "consent: requested → expired",
];

/// Every transition by name, `order: placed → confirmed`.
pub fn all() -> Vec<String> {
    let told = BY_KIND.iter().map(|(_, name)| (*name).to_owned());
    let ends = CONSENT_ENDS.iter().map(|name| (*name).to_owned());
    let moves = crate::matter::all_moves().map(|step| format!("{}: {} → {}", step.kind.as_str(), step.from, step.to));
    let begins = MatterKind::ALL.iter().map(|kind| format!("{}: → {}", kind.as_str(), kind.lifecycle().first()));
    let mut all: Vec<String> = told.chain(ends).chain(moves).chain(begins).collect();
    all.sort();
    all.dedup();
    all
}

/// The transition that a journal entry tells of.
pub fn moved(kind: &str, data: &Value) -> Option<String> {
    let text = |name: &str| data[name].as_str().unwrap_or_default();
    match kind {
        kinds::MATTER_OPENED => Some(format!("{}: → {}", text("kind"), text("to"))),
        kinds::MATTER_MOVED => Some(format!("{}: {} → {}", text("kind"), text("from"), text("to"))),
        kinds::CONSENT_EXPIRED => {
            let from = if data["unanswered"] == true { "requested" } else { "granted" };
            Some(format!("consent: {from} → expired"))
        }
        kinds::CONSENT_REVOKED => Some(format!("consent: granted → revoked by {}", text("by"))),
        _ => BY_KIND.iter().find(|(known, _)| *known == kind).map(|(_, name)| (*name).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_journal_tells_is_among_the_transitions() {
        let all = all();
        for (kind, data) in [
            (kinds::CONSENT_EXPIRED, json!({"unanswered": true})),
            (kinds::CONSENT_REVOKED, json!({"by": "bank"})),
            (kinds::PAYMENT_SETTLED, json!({})),
            (kinds::MATTER_OPENED, json!({"kind": "order", "to": "placed"})),
            (kinds::MATTER_MOVED, json!({"kind": "order", "from": "placed", "to": "confirmed"})),
        ] {
            let name = moved(kind, &data).unwrap();
            assert!(all.contains(&name), "{name}");
        }
        assert_eq!(moved(kinds::PERSON_READ, &json!({})), None);
    }
}
