//! `/api/v1` and `/api/v2` side by side. There is one handler for both: what comes to the second version is taken to its
//! address in the first, and the answer is written with the names of the version that was called. Here a version ends,
//! too: its announcement (RFC 9745, RFC 8594) and its being gone.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use contract::shape::Version;
use domain::Refusal;
use http::header::{self, HeaderName, HeaderValue};
use http::{StatusCode, Uri};
use tower::ServiceExt;

use super::negotiate::{self, Accept};
use crate::documents::CHECK;
use crate::edge::caller::Caller;
use crate::edge::exchange::TooLong;
use crate::faults::answer::Facts;
use crate::portal::Sandbox;
use crate::refuse;

/// What lies elsewhere in the second version: there, and in the first.
const MOVED: &[(&str, &str)] = &[("charges", "debts")];

/// The address of the second version for one of the first; other addresses stay.
pub(super) fn outward(address: &str, version: Version) -> String {
    let Some(rest) = address.strip_prefix("/api/v1/").filter(|_| version == Version::V2) else {
        return address.to_owned();
    };
    let cut = rest.find(['/', '?']).unwrap_or(rest.len());
    let (first, tail) = rest.split_at(cut);
    let first = MOVED.iter().find(|(_, old)| *old == first).map_or(first, |(new, _)| new);
    format!("/api/v2/{first}{tail}")
}

/// A request on its way in.
struct Entrance {
    version: Version,
    /// Where it is served.
    path: String,
}

/// Why it is not served, and where one should go instead.
struct Closed {
    refusal: Refusal,
    successor: Option<String>,
}

impl From<Refusal> for Closed {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, successor: None }
    }
}

/// Serves a call of any version by the router of the first.
pub(super) async fn enter(sandbox: Arc<Sandbox>, inner: Router, mut request: Request) -> Response {
    let accept = Accept::of(request.headers());
    let path = request.uri().path().to_owned();
    let Some(mut caller) = request.extensions().get::<Caller>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let entrance = match request.extensions().get::<TooLong>() {
        Some(long) => Err(long.refusal().into()),
        None => entrance(&sandbox, &path, &accept),
    };
    let version = match &entrance {
        Ok(entrance) => entrance.version,
        Err(_) if path.starts_with("/api/v2/") => Version::V2,
        Err(_) => Version::V1,
    };
    let mut successor = None;
    let response = match entrance {
        Ok(entrance) => {
            let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
            match format!("{}{query}", entrance.path).parse::<Uri>() {
                Ok(uri) => {
                    *request.uri_mut() = uri;
                    caller.version = version;
                    // The outer router left its own match there, which the inner one would add its own to.
                    request.extensions_mut().clear();
                    request.extensions_mut().insert(caller);
                    match inner.oneshot(request).await {
                        Ok(response) => response,
                        Err(never) => match never {},
                    }
                }
                Err(_) => refuse::problem(&sandbox, &caller, &malformed()).await.into_response(),
            }
        }
        Err(closed) => {
            successor = closed.successor;
            refuse::problem(&sandbox, &caller, &closed.refusal).await.into_response()
        }
    };
    let successor = successor.or_else(|| path.starts_with("/api/v1/").then(|| outward(&path, Version::V2)));
    let mut response = written(response, version, &accept);
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("accept"));
    if let Some(link) =
        successor.and_then(|to| HeaderValue::try_from(format!("<{to}>; rel=\"successor-version\"")).ok())
    {
        headers.append(header::LINK, link);
    }
    if path.starts_with("/api/v1/") && path != CHECK {
        let life = sandbox.api_v1();
        let deprecation = life.deprecated.map(|at| ("deprecation", format!("@{}", at.seconds())));
        let sunset = life.sunset.map(|at| ("sunset", at.to_http()));
        for (name, value) in deprecation.into_iter().chain(sunset) {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
    response
}

fn entrance(sandbox: &Sandbox, path: &str, accept: &Accept) -> Result<Entrance, Closed> {
    if !readable(path) {
        return Err(malformed().into());
    }
    let rest = path.strip_prefix("/api/").unwrap_or_default();
    let (number, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let gone = |to: String| Closed {
        refusal: Refusal::new("version-gone", "version-gone")
            .check("version of the services")
            .seen(number)
            .wanted("v2"),
        successor: Some(to),
    };
    let version = match number {
        "v0" => {
            let over = over(sandbox);
            return Err(gone(outward(&format!("/api/v1/{rest}"), if over { Version::V2 } else { Version::V1 })));
        }
        "v1" if over(sandbox) && path != CHECK => return Err(gone(outward(path, Version::V2))),
        "v1" => Version::V1,
        "v2" => Version::V2,
        _ => return Err(nowhere(path).into()),
    };
    if !plain(rest) {
        accept.format()?;
    }
    let (first, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if version == Version::V1 {
        return Ok(Entrance { version, path: path.to_owned() });
    }
    if let Some((new, _)) = MOVED.iter().find(|(_, old)| *old == first) {
        return Err(Closed {
            refusal: Refusal::new("address-moved", "address-moved").check("path").seen(first).wanted(*new),
            successor: Some(format!("/api/v2/{new}{tail}")),
        });
    }
    let first = MOVED.iter().find(|(new, _)| *new == first).map_or(first, |(_, old)| old);
    Ok(Entrance { version, path: format!("/api/v1/{first}{tail}") })
}

/// The sunset of the first version has passed on the sandbox's clock.
fn over(sandbox: &Sandbox) -> bool {
    sandbox.api_v1().sunset.is_some_and(|sunset| sunset <= sandbox.now())
}

/// What is served as it is: papers, signatures, files.
fn plain(rest: &str) -> bool {
    let mut segments = rest.split('/');
    let last = segments.clone().next_back().unwrap_or_default();
    segments.any(|segment| matches!(segment, "attachments" | "documents")) || matches!(last, "receipt" | "signature")
}

fn malformed() -> Refusal {
    Refusal::new("parameter-invalid", "parameter-invalid")
        .check("path")
        .seen("not text")
        .wanted("UTF-8 without controls")
}

fn nowhere(path: &str) -> Refusal {
    let seen: String = path.chars().take(80).collect();
    Refusal::new("not-found", "not-found").check("path").seen(seen).wanted("a path of /openapi.json")
}

/// Whether the path, decoded, is text without control characters.
fn readable(path: &str) -> bool {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    std::str::from_utf8(&bytes).is_ok_and(|text| !text.chars().any(char::is_control))
}

/// Writes what the handler said in the format and with the names of the call.
fn written(mut response: Response, version: Version, accept: &Accept) -> Response {
    let turned = |value: &str| outward(value, version);
    if let Some(location) = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).map(turned)
        && let Ok(location) = HeaderValue::try_from(location)
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    let Some(Facts { form, mut value }) = response.extensions_mut().remove::<Facts>() else { return response };
    if let Some(next) = value.get("next").and_then(|next| next.as_str()).map(turned) {
        value["next"] = next.into();
    }
    let (media, text) = negotiate::written(form, &value, version, accept);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    // The inner router told the length of what it saw.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(text);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_change_with_the_version() {
        assert_eq!(outward("/api/v1/debts?person=1", Version::V2), "/api/v2/charges?person=1");
        assert_eq!(outward("/api/v1/debts/1/payments", Version::V2), "/api/v2/charges/1/payments");
        assert_eq!(outward("/api/v1/debtsx", Version::V2), "/api/v2/debtsx");
        assert_eq!(outward("/api/v1/answers/1", Version::V1), "/api/v1/answers/1");
        assert_eq!(outward("https://elsewhere/api/v1/debts", Version::V2), "https://elsewhere/api/v1/debts");
    }

    #[test]
    fn a_path_is_text_without_controls() {
        assert!(readable("/api/v1/debts/%D0%96") && readable("/api/%zz/100%"));
        assert!(!readable("/api/v1/%00") && !readable("/api/v1/%FF") && !readable("/api/v1/a%0Ab"));
    }
}
