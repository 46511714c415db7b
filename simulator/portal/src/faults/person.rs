//! Lies in answers with a person's data: `/rs/prns/…` and `/oidc/userinfo` alike, so that they reach every protocol.

use contract::citizen::Citizen;
use contract::error;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Content};
use super::{Place, Scene};

/// Changes the answer; false when there is nothing to lie about.
type Change = fn(&mut Answer, Place, &Scene<'_>) -> bool;

pub(super) const LIES: &[(&str, Change)] = &[
    ("person-field-absent", |answer, place, scene| {
        on_field(answer, place, scene, &|members, name| members.remove(name).is_some())
    }),
    ("person-field-null", |answer, place, scene| {
        on_field(answer, place, scene, &|members, name| match members.get_mut(name) {
            Some(value) if !value.is_null() => {
                *value = Value::Null;
                true
            }
            _ => false,
        })
    }),
    ("person-line-break", |answer, place, _| {
        let Some(members) = whole_person(answer, place) else { return false };
        let name = if place == Place::Person { "firstName" } else { "given_name" };
        match members.get(name).and_then(Value::as_str).map(str::to_owned) {
            Some(value) => {
                members.insert(name.into(), format!("{value}\r\n2026-11-22T00:00:00Z INFO forged record").into());
                true
            }
            None => false,
        }
    }),
    ("person-more-than-consented", |answer, place, scene| {
        let Some(citizen) = scene.citizen() else { return false };
        whole_person(answer, place).is_some_and(|members| add_unasked(members, place, &citizen))
    }),
    ("resource-401-forever", |answer, place, _| refuse(answer, place, "ESIA-005013", "invalid_token", 401)),
    ("resource-401-once", |answer, place, scene| {
        scene.lie.told == 0 && refuse(answer, place, "ESIA-005013", "invalid_token", 401)
    }),
    ("resource-403-scope", |answer, place, _| refuse(answer, place, "ESIA-005029", "insufficient_scope", 403)),
    ("resource-redirect-foreign", |answer, _, scene| {
        let status = scene.lie.number("status").and_then(|status| u16::try_from(status).ok()).unwrap_or(302);
        *answer = Answer::empty(status).with("location", format!("{}/rs/prns/1", scene.foreign()));
        true
    }),
    ("userinfo-sub-absent", |answer, place, _| {
        place == Place::Userinfo && whole_person(answer, place).is_some_and(|members| members.remove("sub").is_some())
    }),
    ("userinfo-sub-differs", |answer, place, _| {
        place == Place::Userinfo
            && whole_person(answer, place).is_some_and(|members| {
                let other = members.get("sub").and_then(Value::as_str).and_then(|sub| sub.parse::<i64>().ok());
                other.is_some_and(|oid| members.insert("sub".into(), (oid + 1).to_string().into()).is_some())
            })
    }),
];

/// The members of a good answer about a whole person.
fn whole_person(answer: &mut Answer, place: Place) -> Option<&mut Map<String, Value>> {
    if place == Place::Part || !answer.is_success() {
        return None;
    }
    answer.object()
}

/// A field in the words of the contract's profile, of ESIA's person and of OpenID Connect's claims.
const FIELDS: &[(&str, &str, &str)] = &[
    ("middle_name", "middleName", "middle_name"),
    ("birth_date", "birthDate", "birthdate"),
    ("gender", "gender", "gender"),
    ("inn", "inn", "inn"),
    ("snils", "snils", "snils"),
    ("first_name", "firstName", "given_name"),
    ("last_name", "lastName", "family_name"),
    ("email", "", "email"),
    ("phone", "", "phone_number"),
];

/// Changes the field that `params.field` names, in whichever words; without it the first granted one of [`FIELDS`].
fn on_field(
    answer: &mut Answer,
    place: Place,
    scene: &Scene<'_>,
    change: &dyn Fn(&mut Map<String, Value>, &str) -> bool,
) -> bool {
    let Some(members) = whole_person(answer, place) else { return false };
    let wanted = scene.lie.text("field").or_else(|| scene.lie.text("name"));
    for (ours, esia, claim) in FIELDS {
        if wanted.is_some_and(|wanted| ![*ours, *esia, *claim].contains(&wanted)) {
            continue;
        }
        let name = if place == Place::Person { esia } else { claim };
        if change(members, name) || (place == Place::Person && on_contact(members, ours, change)) {
            return true;
        }
    }
    wanted.is_some_and(|wanted| change(members, wanted))
}

/// ESIA holds e-mail and phone as contacts; the lie is about their value.
fn on_contact(
    members: &mut Map<String, Value>,
    field: &str,
    change: &dyn Fn(&mut Map<String, Value>, &str) -> bool,
) -> bool {
    let kind = match field {
        "email" => "EML",
        "phone" => "MBT",
        _ => return false,
    };
    let elements =
        members.get_mut("contacts").and_then(|contacts| contacts.get_mut("elements")).and_then(Value::as_array_mut);
    elements.is_some_and(|elements| {
        let contact = elements.iter_mut().find(|contact| contact["type"] == kind).and_then(Value::as_object_mut);
        contact.is_some_and(|contact| change(contact, "value"))
    })
}

/// Adds the first field that is not in the answer: a value that can be found again at the bank.
fn add_unasked(members: &mut Map<String, Value>, place: Place, citizen: &Citizen) -> bool {
    // The record's own JSON gives the text forms without a second set of rules here.
    let record = serde_json::to_value(citizen).unwrap_or_default();
    for (field, esia, claim) in
        [("inn", "inn", "inn"), ("snils", "snils", "snils"), ("birth_place", "birthPlace", "birthplace")]
    {
        let name = if place == Place::Person { esia } else { claim };
        let value = &record[field];
        if !members.contains_key(name) && value.is_string() {
            members.insert(name.to_owned(), value.clone());
            return true;
        }
    }
    false
}

fn refuse(answer: &mut Answer, place: Place, code: &str, plain: &str, status: u16) -> bool {
    let row = error::row(code);
    *answer = if place == Place::Userinfo {
        let body = json!({"error": plain, "error_description": row.text("")});
        Answer::json(status, body).with("www-authenticate", format!("Bearer error=\"{plain}\""))
    } else {
        let (code, message) = row.rest();
        Answer {
            content: Content::Json(json!({"code": code, "message": message})),
            ..Answer::json(status, Value::Null)
        }
    };
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_s_value_is_the_field() {
        let mut person = json!({"contacts": {"elements": [{"type": "EML", "value": "a@b.example"}]}});
        let members = person.as_object_mut().unwrap();
        assert!(on_contact(members, "email", &|members, name| members.remove(name).is_some()));
        assert!(person["contacts"]["elements"][0].get("value").is_none());
    }
}
