//! What every call of the services has in common: its token, its query, its body, and the form of a refusal.

use std::sync::Arc;

use axum::extract::State;
use contract::consent::purpose;
use contract::ids::Oid;
use domain::{Ask, Bearer, Refusal};
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;
use crate::refuse;
use crate::tokens;

/// One call, with its token verified.
pub(super) struct Call<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) caller: &'a Caller,
    pub(super) bearer: Bearer,
    query: Vec<(String, String)>,
}

/// Verifies the token, then serves; a lie may take the place of either part. Whom the call is about is the person of
/// the token, unless the caller knows better (`about`).
pub(super) async fn serve<'a, F, T>(
    sandbox: &'a Sandbox,
    caller: &'a Caller,
    (headers, query): (&HeaderMap, Option<&str>),
    operation: Operation,
    honest: F,
) -> Answer
where
    F: FnOnce(Call<'a>) -> T,
    T: Future<Output = Result<Answer, Refusal>>,
{
    let bearer = match tokens::bearer(sandbox, caller, headers, query).await {
        Ok(bearer) => bearer,
        Err(refusal) => return refuse::problem(sandbox, caller, &refusal).await,
    };
    let citizen = caller.tags().citizen;
    let served = async {
        let call = Call { sandbox, caller, bearer, query: pairs(query) };
        match honest(call).await {
            Ok(answer) => answer.with("cache-control", "no-store"),
            Err(refusal) => refuse::problem(sandbox, caller, &refusal).await,
        }
    };
    sandbox.faults().api(caller, citizen, operation, served).await
}

impl Call<'_> {
    /// The person and purpose of the query.
    pub(super) fn ask(&self) -> Result<Ask, Refusal> {
        let person = self.person()?;
        let named = self.optional("purpose")?.unwrap_or_default();
        if named.is_empty() {
            return Err(Refusal::new("purpose-missing", "purpose-missing")
                .check("purpose")
                .seen("absent")
                .wanted("a purpose of the consent"));
        }
        self.about(person, named)
    }

    /// A request about this person, for this purpose.
    pub(super) fn about(&self, person: Oid, named: &str) -> Result<Ask, Refusal> {
        if purpose(named).is_none() {
            return Err(invalid("purpose", named, "a purpose of the Digital Profile, such as CREDIT"));
        }
        Ok(Ask { bearer: self.bearer.clone(), person: person.wide(), purpose: named.to_owned() })
    }

    pub(super) fn person(&self) -> Result<Oid, Refusal> {
        let text = self.required("person")?;
        text.parse().map_err(|_| invalid("person", text, "the number of the person"))
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.optional(name)?.ok_or_else(|| invalid(name, "absent", "a value"))
    }

    /// A parameter, at most once.
    pub(super) fn optional(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            return Err(invalid(name, "given twice", "one value"));
        }
        Ok(first)
    }
}

fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let query = query.unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(query).map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

pub(super) fn invalid(name: &str, seen: &str, wanted: &str) -> Refusal {
    let seen: String = seen.chars().take(80).collect();
    Refusal::new("parameter-invalid", "parameter-invalid").check(name).seen(seen).wanted(wanted)
}

/// A JSON body: declared as such, an object of exactly these members.
pub(super) fn body<T: DeserializeOwned + serde::Serialize>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, Refusal> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::new("media-type-unsupported", "media-type-unsupported")
            .check("Content-Type")
            .seen(declared)
            .wanted("application/json"));
    }
    let refused = |seen: String| {
        Refusal::new("body-invalid", "body-invalid")
            .check("body")
            .seen(seen)
            .wanted("the members of the document, no others")
    };
    let sent: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| refused(error.to_string()))?;
    let read: T = serde_json::from_value(sent.clone()).map_err(|error| refused(error.to_string()))?;
    // A member that was not understood is refused and not passed over: a misspelt one would be lost in silence.
    let understood = serde_json::to_value(&read).unwrap_or_default();
    let known =
        |name: &String| understood.get(name).is_some() || sent.get(name).is_some_and(serde_json::Value::is_null);
    if let Some(stranger) = sent.as_object().and_then(|members| members.keys().find(|name| !known(name))) {
        return Err(refused(format!("unknown member {stranger:?}")));
    }
    Ok(read)
}

pub(super) async fn wrong_method(State(sandbox): State<Arc<Sandbox>>, caller: Caller) -> Answer {
    let refusal = Refusal::new("method-not-allowed", "method-not-allowed").check("method");
    refuse::problem(&sandbox, &caller, &refusal).await
}

pub(super) async fn nothing_here(State(sandbox): State<Arc<Sandbox>>, caller: Caller) -> Answer {
    let refusal = Refusal::new("not-found", "not-found").check("path").wanted("a path of /openapi.json");
    refuse::problem(&sandbox, &caller, &refusal).await
}

/// A reply of another kind than the command's own: a slip of ours, told as such.
pub(super) fn unexpected() -> Refusal {
    Refusal::new("internal", "unexpected-reply").check("reply of the core")
}

#[cfg(test)]
mod tests {
    use contract::registries::debts::FeedOrder;

    use super::*;

    fn json_headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static(value))])
    }

    const GOOD: &str =
        r#"{"person":1000299944,"purpose":"CREDIT","title":"Займ","amount":100,"due_date":"2026-11-22"}"#;

    #[test]
    fn a_body_is_read_when_declared_and_whole() {
        let headers = json_headers("application/json; charset=utf-8");
        assert!(body::<FeedOrder>(&headers, GOOD.as_bytes()).is_ok());
        let typed_wrong = body::<FeedOrder>(&json_headers("text/plain"), GOOD.as_bytes()).unwrap_err();
        assert_eq!(typed_wrong.code, "media-type-unsupported");
        let misspelt = GOOD.replace("\"title\"", "\"currency\":\"RUB\",\"title\"");
        let refusal = body::<FeedOrder>(&headers, misspelt.as_bytes()).unwrap_err();
        assert_eq!(refusal.code, "body-invalid");
        assert!(refusal.seen.contains("currency"), "{}", refusal.seen);
        let money_as_float = GOOD.replace("100", "1.5");
        assert_eq!(body::<FeedOrder>(&headers, money_as_float.as_bytes()).unwrap_err().code, "body-invalid");
    }
}
