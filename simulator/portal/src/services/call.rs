//! What every call of the services has in common: its token, its query, its body, and the form of a refusal.

use std::sync::Arc;

use axum::extract::State;
use contract::consent::purpose;
use contract::ids::Oid;
use contract::shape::{self, Shape, Shaped, Version};
use domain::{Ask, Bearer, Refusal};
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;
use crate::refuse;
use crate::tokens;

/// One call, with its token verified. What it says comes in JSON or XML, under the names of its version.
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

    /// Names of the query's parameters.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.query.iter().map(|(name, _)| name.as_str())
    }

    /// The body, as the record that it has to be.
    pub(super) fn read<T: DeserializeOwned + serde::Serialize + Shaped>(
        &self,
        headers: &HeaderMap,
        bytes: &[u8],
        namespace: &str,
    ) -> Result<T, Refusal> {
        body(headers, bytes, namespace, self.caller.version)
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

/// A body: declared as JSON or XML, a record of exactly these members.
fn body<T: DeserializeOwned + serde::Serialize + Shaped>(
    headers: &HeaderMap,
    bytes: &[u8],
    namespace: &str,
    version: Version,
) -> Result<T, Refusal> {
    let sent = sent(headers, bytes, T::SHAPE, namespace, version)?;
    let read: T = serde_json::from_value(sent).map_err(|error| unfit(error.to_string()))?;
    let understood = serde_json::to_value(&read).unwrap_or_default();
    shape::check(T::SHAPE, &understood).map_err(|breach| unfit(breach.to_string()))?;
    Ok(read)
}

/// What was sent, under the first names; members that nobody knows are refused and not passed over: a misspelt one would
/// be lost in silence.
fn sent(headers: &HeaderMap, bytes: &[u8], shape: &Shape, namespace: &str, version: Version) -> Result<Value, Refusal> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => {
            let sent: Value = serde_json::from_slice(bytes).map_err(|error| unfit(error.to_string()))?;
            let mut sent = shape::named(shape, &sent, version);
            known(shape, &mut sent)?;
            Ok(sent)
        }
        "application/xml" | "text/xml" => {
            let text = std::str::from_utf8(bytes).map_err(|_| unfit("not UTF-8".to_owned()))?;
            let read = shape::xml::read(shape, &version.namespace(namespace), text, version);
            read.map_err(|breach| unfit(breach.to_string()))
        }
        _ => Err(Refusal::new("media-type-unsupported", "media-type-unsupported")
            .check("Content-Type")
            .seen(declared)
            .wanted("application/json or application/xml")),
    }
}

/// Refuses unknown members, at any depth; a member that may be absent may also be null.
fn known(shape: &Shape, value: &mut Value) -> Result<(), Refusal> {
    let Some(members) = value.as_object_mut() else { return Ok(()) };
    members.retain(|name, held| !(held.is_null() && shape.field(name).is_some_and(|field| field.optional)));
    for (name, held) in members {
        let Some(field) = shape.field(name) else { return Err(unfit(format!("unknown member {name:?}"))) };
        match (field.kind.inner(), held) {
            (Some(inner), Value::Array(items)) => items.iter_mut().try_for_each(|item| known(inner, item))?,
            (Some(inner), held) => known(inner, held)?,
            (None, _) => {}
        }
    }
    Ok(())
}

fn unfit(seen: String) -> Refusal {
    let seen: String = seen.chars().take(300).collect();
    Refusal::new("body-invalid", "body-invalid")
        .check("body")
        .seen(seen)
        .wanted("the members of the document, no others")
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

    const SPACE: &str = "urn:stend:debts:1.0";

    fn read(headers: &HeaderMap, text: &str, version: Version) -> Result<FeedOrder, Refusal> {
        body(headers, text.as_bytes(), SPACE, version)
    }

    #[test]
    fn a_body_is_read_when_declared_and_whole() {
        let headers = json_headers("application/json; charset=utf-8");
        assert!(read(&headers, GOOD, Version::V1).is_ok());
        let typed_wrong = read(&json_headers("text/plain"), GOOD, Version::V1).unwrap_err();
        assert_eq!(typed_wrong.code, "media-type-unsupported");
        let misspelt = GOOD.replace("\"title\"", "\"currency\":\"RUB\",\"title\"");
        let refusal = read(&headers, &misspelt, Version::V1).unwrap_err();
        assert_eq!(refusal.code, "body-invalid");
        assert!(refusal.seen.contains("currency"), "{}", refusal.seen);
        for (from, to) in [("100", "1.5"), ("100", "\"100\""), ("Займ", "\\u0000"), ("2026-11-22", "22.11.2026")] {
            assert_eq!(read(&headers, &GOOD.replace(from, to), Version::V1).unwrap_err().code, "body-invalid", "{to}");
        }
    }

    #[test]
    fn the_second_version_has_names_of_its_own_and_xml_says_the_same() {
        let headers = json_headers("application/json");
        let second = GOOD.replace("due_date", "due_on");
        let order = read(&headers, &second, Version::V2).unwrap();
        assert_eq!(order, read(&headers, GOOD, Version::V1).unwrap());
        assert!(read(&headers, GOOD, Version::V2).is_err() && read(&headers, &second, Version::V1).is_err());
        let value = serde_json::to_value(&order).unwrap();
        for version in Version::ALL {
            let document = shape::xml::write(FeedOrder::SHAPE, &version.namespace(SPACE), &value, version);
            assert_eq!(read(&json_headers("application/xml"), &document, version).unwrap(), order);
            let foreign = document.replace("urn:stend:debts", "urn:stend:other");
            assert!(read(&json_headers("application/xml"), &foreign, version).is_err());
        }
    }
}
