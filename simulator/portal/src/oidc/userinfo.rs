//! `/oidc/userinfo`: the standard claims that the token's scopes open, and `snils`, `inn`, `trusted` beside them.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use contract::citizen::Citizen;
use contract::scope;
use domain::{Command, Refusal, Reply};
use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::edge::caller::Caller;
use crate::faults::{Answer, Place};
use crate::oauth::refuse;
use crate::portal::Sandbox;
use crate::tokens;

pub(super) async fn userinfo(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let mut answer = match read(&sandbox, &caller, &headers, query.as_deref()).await {
        Ok(claims) => refuse::uncached(Answer::json(200, claims)),
        Err(refusal) => refuse::oidc_resource(&sandbox, &caller, &refusal).await,
    };
    sandbox.faults().person(&caller, caller.tags().citizen, Place::Userinfo, &mut answer);
    answer
}

async fn read(sandbox: &Sandbox, caller: &Caller, headers: &HeaderMap, query: Option<&str>) -> Result<Value, Refusal> {
    let bearer = tokens::bearer(sandbox, caller, headers, query).await?;
    let command = Command::ReadPerson { bearer, citizen: None, groups: vec!["person".to_owned()] };
    let Reply::Person { citizen, scopes, .. } = sandbox.execute(caller, command).await? else {
        return Err(Refusal::new("ESIA-007007", "internal"));
    };
    let scopes: Vec<String> = scopes.into_iter().collect();
    Ok(claims(&citizen, &scopes))
}

/// OpenID Connect Core §5.1; a claim that is not known is left out, never null.
fn claims(citizen: &Citizen, scopes: &[String]) -> Value {
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("sub", json!(citizen.oid.to_string()));
    put("trusted", json!(citizen.trusted()));
    if scope::opens_field(scopes, "lastName") {
        put("family_name", json!(citizen.last_name));
        put("given_name", json!(citizen.first_name));
        let mut name = format!("{} {}", citizen.last_name, citizen.first_name);
        if let Some(middle) = &citizen.middle_name {
            put("middle_name", json!(middle));
            name.push(' ');
            name.push_str(middle);
        }
        put("name", json!(name));
    }
    if scope::opens_field(scopes, "birthDate") {
        put("birthdate", json!(citizen.birth_date.to_string()));
    }
    if scope::opens_field(scopes, "gender") {
        put("gender", json!(citizen.gender.as_oidc()));
    }
    if let (true, Some(snils)) = (scope::opens_field(scopes, "snils"), citizen.snils) {
        put("snils", json!(snils.to_string()));
    }
    if let (true, Some(inn)) = (scope::opens_field(scopes, "inn"), citizen.inn) {
        put("inn", json!(inn.to_string()));
    }
    if scope::opens_contact(scopes, "MBT") && !citizen.phone.is_empty() {
        put("phone_number", json!(citizen.phone));
        put("phone_number_verified", json!(citizen.phone_verified));
    }
    if scope::opens_contact(scopes, "EML") && !citizen.email.is_empty() {
        put("email", json!(citizen.email));
        put("email_verified", json!(citizen.email_verified));
    }
    Value::Object(claims)
}
