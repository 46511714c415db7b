//! Lies about matters, duties and files: told in the answer, while the portal itself goes on rightly.

use bytes::Bytes;
use contract::matter::{By, MatterKind};
use serde_json::{Value, json};

use super::answer::{Answer, Content, Cut};
use super::{Operation, Scene};

/// Changes the honest answer; false when there is nothing to lie about.
type Change = fn(&mut Answer, &Scene<'_>) -> bool;

use Operation::{AttachmentRead, DebtPay, Inquire, MatterList, MatterMove, MatterOpen, MatterRead, PaymentRead};

const ANSWERS: &[Operation] = &[MatterList, MatterMove, MatterOpen, MatterRead];
const PAID: &[Operation] = &[DebtPay, MatterMove, PaymentRead];

/// Slug, where it may be told, what it does.
pub(super) const LIES: &[(&str, &[Operation], Change)] = &[
    ("application-prefill-altered", ANSWERS, |answer, scene| {
        each(answer, scene, |matter, scene| {
            let field = scene.lie.text("field").unwrap_or("last_name").to_owned();
            let Some(form) = matter.pointer_mut("/details/form").and_then(Value::as_object_mut) else { return false };
            let Some(held) = form.get(&field).and_then(Value::as_str) else { return false };
            let altered = if held.ends_with(|sign: char| sign.is_ascii_digit()) {
                digit_turned(held)
            } else {
                format!("{held}а")
            };
            form.insert(field, altered.into());
            true
        })
    }),
    ("attachment-altered", &[AttachmentRead], |answer, _| {
        let Content::Bytes(bytes) = &answer.content else { return false };
        let mut altered = bytes.to_vec();
        let Some(last) = altered.last_mut() else { return false };
        *last ^= 1;
        answer.content = Content::Bytes(Bytes::from(altered));
        true
    }),
    ("matter-amount-changed", ANSWERS, |answer, scene| {
        each(answer, scene, |matter, _| {
            let Some(details) = matter.get_mut("details").and_then(Value::as_object_mut) else { return false };
            let name = if details.contains_key("amount") { "amount" } else { "income_total" };
            let Some(amount) = details.get(name).and_then(Value::as_i64) else { return false };
            details.insert(name.to_owned(), json!(amount + 10_000));
            true
        })
    }),
    ("matter-answer-lost-once", &[MatterOpen, MatterMove], |answer, scene| {
        scene.lie.told == 0 && answer.is_success() && {
            answer.cut = Cut::Before;
            true
        }
    }),
    ("matter-refused-with-reason", ANSWERS, |answer, scene| each(answer, scene, refused)),
    ("matter-state-regresses", &[MatterList, MatterMove, MatterRead, PaymentRead], |answer, scene| {
        // A payment has no history to go back in: it was accepted before it was settled, and settled before it came back.
        if let Some(payment) = answer.object().filter(|payment| payment.get("history").is_none()) {
            let before = match payment.get("state").and_then(Value::as_str) {
                Some("settled") => Some("accepted"),
                Some("returned" | "reversed") => Some("settled"),
                _ => None,
            };
            if let Some(before) = before {
                payment.insert("state".to_owned(), json!(before));
                return true;
            }
        }
        each(answer, scene, |matter, _| {
            let known = matter["history"].as_array().map_or(0, Vec::len);
            known > 1 && back_to(matter, known - 1)
        })
    }),
    ("matter-stuck", &[MatterList, MatterMove, MatterRead], |answer, scene| {
        each(answer, scene, |matter, scene| {
            let Some(kind) = kind_of(matter) else { return false };
            let wanted = scene.lie.text("state");
            let stays = |state: &str| match wanted {
                Some(wanted) => state == wanted,
                // Where the portal is to move by itself, and does not.
                None => kind.lifecycle().timed(state).is_some(),
            };
            let steps = matter["history"].as_array().cloned().unwrap_or_default();
            let place = steps.iter().rposition(|step| step["state"].as_str().is_some_and(stays));
            let Some(place) = place.filter(|place| place + 1 < steps.len()) else { return false };
            back_to(matter, place + 1)
        })
    }),
    ("receipt-amount-changed", PAID, |answer, _| {
        answer.is_success()
            && answer.object().and_then(|payment| payment.get_mut("receipt")).is_some_and(|receipt| {
                match receipt["amount"].as_i64() {
                    Some(amount) => {
                        receipt["amount"] = json!(amount + 10_000);
                        true
                    }
                    None => false,
                }
            })
    }),
    ("requisites-account-altered", &[Inquire("duties")], |answer, _| {
        let Some(duties) = answer.object().and_then(|members| members.get_mut("duties")?.as_array_mut()) else {
            return false;
        };
        let mut told = false;
        for duty in duties {
            // A treasury account has no key; that of the single treasury account has one, and it is wrong now.
            for name in ["account", "corr_account"] {
                if let Some(account) = duty["requisites"][name].as_str() {
                    duty["requisites"][name] = json!(key_turned(account));
                    told = true;
                }
            }
        }
        told
    }),
    ("requisites-uin-altered", &[Inquire("duties")], |answer, _| {
        let Some(duties) = answer.object().and_then(|members| members.get_mut("duties")?.as_array_mut()) else {
            return false;
        };
        let mut told = false;
        for duty in duties {
            if let Some(uin) = duty["uin"].as_str().map(str::to_owned) {
                let turned = last_digit_turned(&uin);
                // The payment string names the same number.
                if let Some(qr) = duty["qr"].as_str() {
                    duty["qr"] = json!(qr.replace(&uin, &turned));
                }
                duty["uin"] = json!(turned);
                told = true;
            }
        }
        told
    }),
];

/// Another last digit: the check digit of a number.
fn last_digit_turned(number: &str) -> String {
    let (body, last) = number.split_at(number.len().saturating_sub(1));
    let last = last.parse::<u8>().map_or(0, |digit| (digit + 1) % 10);
    format!("{body}{last}")
}

/// Every matter of an answer, of the kind that the lie names (`params.kind`; default all).
fn each(answer: &mut Answer, scene: &Scene<'_>, change: fn(&mut Value, &Scene<'_>) -> bool) -> bool {
    if !answer.is_success() {
        return false;
    }
    let Content::Json(value) = &mut answer.content else { return false };
    let wanted = scene.lie.text("kind");
    let mut told = false;
    let mut one = |matter: &mut Value| {
        let fits = kind_of(matter).is_some_and(|kind| wanted.is_none_or(|wanted| wanted == kind.as_str()));
        told |= fits && change(matter, scene);
    };
    match value.get_mut("items").and_then(Value::as_array_mut) {
        Some(items) => items.iter_mut().for_each(&mut one),
        None => one(value),
    }
    told
}

fn kind_of(matter: &Value) -> Option<MatterKind> {
    MatterKind::named(matter["kind"].as_str()?)
}

/// The matter as it stood after so many steps.
fn back_to(matter: &mut Value, steps: usize) -> bool {
    let Some(history) = matter["history"].as_array_mut() else { return false };
    history.truncate(steps);
    let Some(last) = history.last().cloned() else { return false };
    matter["state"] = last["state"].clone();
    matter["changed_at"] = last["at"].clone();
    if let Some(members) = matter.as_object_mut() {
        members.remove("reason");
        members.remove("due");
        members.insert("documents".to_owned(), json!([]));
    }
    true
}

/// Turned down, with a reason that a person can read.
fn refused(matter: &mut Value, scene: &Scene<'_>) -> bool {
    let Some(kind) = kind_of(matter) else { return false };
    let state = match kind {
        MatterKind::Application => "declined",
        MatterKind::Order => "refused",
        MatterKind::Payout => "failed",
        MatterKind::Payment => "returned",
        MatterKind::Intake | MatterKind::TaxReturn | MatterKind::Transfer => "rejected",
        MatterKind::Ticket => return false,
    };
    let at = scene.sandbox.now();
    matter["state"] = json!(state);
    matter["changed_at"] = json!(at);
    matter["reason"] = json!({
        "code": scene.lie.text("code").unwrap_or("document-unavailable"),
        "ru": scene.lie.text("ru").unwrap_or("В реестре нет сведений, из которых составляется документ."),
        "en": scene.lie.text("en").unwrap_or("The register holds nothing to make the document of."),
    });
    if let Some(members) = matter.as_object_mut() {
        members.remove("due");
    }
    if let Some(history) = matter["history"].as_array_mut() {
        history.push(json!({"state": state, "at": at, "by": By::Portal}));
    }
    true
}

fn digit_turned(number: &str) -> String {
    let mut turned = number.to_owned();
    if let Some(last) = turned.pop() {
        turned.push(if last == '0' { '1' } else { '0' });
    }
    turned
}

/// Another ninth digit: the key.
fn key_turned(account: &str) -> String {
    account
        .char_indices()
        .map(|(at, digit)| if at == 8 { if digit == '0' { '1' } else { '0' } } else { digit })
        .collect()
}

/// The earlier of the last two states of the matter that an event tells of, as an event of its own.
pub(super) fn older_event(scene: &Scene<'_>, body: &str) -> Option<String> {
    let mut event: Value = serde_json::from_str(body).ok()?;
    let kind = matter_event(&event)?;
    let told = event.get(kind.as_str())?.clone();
    let before = scene.sandbox.read(|world| {
        let matter = world.matters.find(told["id"].as_str()?)?;
        let place = matter.history.iter().rposition(|step| told["state"] == json!(step.state))?;
        matter.history.get(place.checked_sub(1)?).cloned()
    })?;
    event["id"] = json!(scene.draw().uuid());
    let told = event.get_mut(kind.as_str())?;
    told["state"] = json!(before.state);
    told["changed_at"] = json!(before.at);
    told["step"] = json!(told["step"].as_u64().unwrap_or(2).saturating_sub(1));
    if let Some(members) = told.as_object_mut() {
        members.remove("due");
        members.remove("from");
        members.remove("reason");
    }
    Some(event.to_string())
}

/// The kind of matter that an event tells of.
pub(super) fn matter_event(event: &Value) -> Option<MatterKind> {
    MatterKind::named(event["type"].as_str()?.strip_suffix(".changed")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matter_goes_back_to_what_it_was() {
        let mut matter = json!({
            "kind": "order", "state": "ready", "changed_at": "b", "due": "c", "documents": [{"id": "d"}],
            "history": [{"state": "in_work", "at": "a"}, {"state": "ready", "at": "b"}],
        });
        assert!(back_to(&mut matter, 1));
        assert_eq!((matter["state"].as_str(), matter["changed_at"].as_str()), (Some("in_work"), Some("a")));
        assert!(matter.get("due").is_none() && matter["documents"] == json!([]));
    }

    #[test]
    fn a_turned_key_does_not_fit_any_more() {
        let bank = "024501901".parse().unwrap();
        let account: contract::ids::Account = key_turned("40102810045370000002").parse().unwrap();
        assert!(!account.fits(&bank));
    }
}
