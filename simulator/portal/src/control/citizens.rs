//! People as a tester sees them: all that is known, in one JSON.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use bytes::Bytes;
use contract::citizen::Citizen;
use contract::control::{CitizenAsk, Message};
use domain::Command;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, Named, Problem, json as answer, read_json};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::people;
use crate::portal::Sandbox;

#[derive(Deserialize)]
pub(super) struct Which {
    story: Option<String>,
}

/// The record as it stands now: debts change by payments and by what banks feed, so they come from their own room.
fn whole(sandbox: &Sandbox, citizen: &Citizen) -> Value {
    let mut record = serde_json::to_value(citizen).unwrap_or_default();
    let debts = sandbox.read(|world| serde_json::to_value(world.debts.of(citizen.oid.wide())).unwrap_or_default());
    record["debts"] = debts;
    record
}

pub(super) fn met(sandbox: &Sandbox, slug: &str) -> Result<Arc<Citizen>, Problem> {
    people::meet(sandbox, slug).ok_or_else(|| {
        let stories: Vec<&str> = fixtures::stories().iter().map(|story| story.slug).collect();
        Problem::of("citizen-unknown", format!("no citizen {slug:?}; the named ones are {}", stories.join(", ")))
    })
}

pub(super) async fn list(Named(sandbox): Named, Query(which): Query<Which>) -> Answer {
    let citizens: Vec<Arc<Citizen>> = sandbox.read(|world| world.citizens.all().cloned().collect());
    let fits = |citizen: &&Arc<Citizen>| which.story.as_ref().is_none_or(|story| *story == citizen.story);
    let shown: Vec<Value> = citizens.iter().filter(fits).map(|citizen| whole(&sandbox, citizen)).collect();
    Answer::json(200, json!({ "citizens": shown }))
}

pub(super) async fn stories(State(_): State<Desk>) -> Answer {
    let stories: Vec<Value> =
        fixtures::stories().iter().map(|story| json!({"slug": story.slug, "ru": story.ru, "en": story.en})).collect();
    Answer::json(200, json!({ "stories": stories }))
}

pub(super) async fn create(Named(sandbox): Named, body: Bytes) -> Result<Answer, Problem> {
    let ask: CitizenAsk = read_json(&body)?;
    let citizen = people::another(&sandbox, &ask.like).ok_or_else(|| {
        let stories: Vec<&str> = fixtures::stories().iter().map(|story| story.slug).collect();
        Problem::of("story-unknown", format!("no story {:?}; there are {}", ask.like, stories.join(", ")))
    })?;
    sandbox.durable().await;
    Ok(Answer::json(201, whole(&sandbox, &citizen)))
}

pub(super) async fn show(Named(sandbox): Named, Path(slug): Path<String>) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    // Looking at a person of the population brings them into the world.
    sandbox.durable().await;
    Ok(Answer::json(200, whole(&sandbox, &citizen)))
}

/// RFC 7396: members are replaced, `null` removes. Number and slug stay.
pub(super) async fn change(Named(sandbox): Named, Path(slug): Path<String>, body: Bytes) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let patch: Value = read_json(&body)?;
    let mut record = whole(&sandbox, &citizen);
    merge(&mut record, &patch);
    let changed: Citizen =
        serde_json::from_value(record).map_err(|error| Problem::of("body-invalid", error.to_string()))?;
    if changed.oid != citizen.oid || changed.slug != citizen.slug {
        return Err(Problem::of("body-invalid", "oid and slug of a citizen do not change"));
    }
    let command = Command::ChangeCitizen(Arc::new(changed));
    sandbox.execute(&Caller::nobody(), command).await.map_err(|refusal| Problem::refused(&refusal))?;
    Ok(Answer::json(200, whole(&sandbox, &*met(&sandbox, &slug)?)))
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Value::Object(members) = target else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

pub(super) async fn messages(Named(sandbox): Named, Path(slug): Path<String>) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let messages: Vec<Message> = sandbox.read(|world| {
        let all = world.messages.of(citizen.oid.wide()).iter();
        all.map(|message| Message {
            at: message.at,
            channel: message.channel,
            subject: message.subject.clone(),
            text: message.text.clone(),
            code: message.code.clone(),
        })
        .collect()
    });
    Ok(answer(200, &json!({ "messages": messages })))
}

pub(super) async fn consents(Named(sandbox): Named, Path(slug): Path<String>) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let now = sandbox.now();
    let records: Vec<Value> = sandbox.read(|world| {
        let all = world.consents.of_person(citizen.oid.wide());
        all.iter().map(|consent| serde_json::to_value(consent.record(now)).unwrap_or_default()).collect()
    });
    Ok(Answer::json(200, json!({ "consents": records })))
}

pub(super) async fn unlock(Named(sandbox): Named, Path(slug): Path<String>) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let command = Command::UnlockAccount { citizen: citizen.oid.wide() };
    sandbox.execute(&Caller::nobody(), command).await.map_err(|refusal| Problem::refused(&refusal))?;
    Ok(Answer::empty(204))
}

pub(super) async fn revoke(Named(sandbox): Named, Path(id): Path<String>) -> Result<Answer, Problem> {
    let command = Command::RevokeConsentByCitizen { consent: id.clone() };
    sandbox.execute(&Caller::nobody(), command).await.map_err(|refusal| Problem::refused(&refusal))?;
    let now = sandbox.now();
    let record = sandbox.read(|world| world.consents.find(&id).map(|consent| consent.record(now)));
    Ok(answer(200, &record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_replaces_members_and_null_removes_them() {
        let mut record = json!({"a": {"b": 1, "c": 2}, "d": 3});
        merge(&mut record, &json!({"a": {"b": 9, "c": null}}));
        assert_eq!(record, json!({"a": {"b": 9}, "d": 3}));
    }
}
