//! The redirect back to the bank.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use crate::edge::caller::Caller;
use crate::portal::Sandbox;

/// Sends the browser back to the bank with `query` appended, after an armed lie has had its say. A query that the
/// address has already is kept (XE in the wild: `…/callback?tenant=1`).
pub fn back(
    sandbox: &Sandbox,
    caller: &Caller,
    citizen: Option<i64>,
    redirect_uri: &str,
    mut query: Vec<(String, String)>,
) -> Response {
    let then = sandbox.faults().redirect(caller, citizen, &mut query);
    let mut response = to(&append(redirect_uri, &query));
    // A lie that comes before the truth: the user agent of a test opens this address next, a browser passes it by.
    if let Some(Ok(then)) = then.map(|then| HeaderValue::try_from(append(redirect_uri, &then))) {
        response.headers_mut().insert("stend-then", then);
    }
    response
}

/// A plain 302.
pub fn to(location: &str) -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let value = HeaderValue::from_bytes(location.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, value);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `address` with the pairs appended to its query, before its fragment.
pub fn append(address: &str, query: &[(String, String)]) -> String {
    if query.is_empty() {
        return address.to_owned();
    }
    let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let (address, fragment) = match address.split_once('#') {
        Some((address, fragment)) => (address, format!("#{fragment}")),
        None => (address, String::new()),
    };
    let joint = match address.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{address}{joint}{encoded}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_is_there_is_kept() {
        let code = [("code".to_owned(), "a b".to_owned())];
        assert_eq!(append("https://b/c", &code), "https://b/c?code=a+b");
        assert_eq!(append("https://b/c?t=1", &code), "https://b/c?t=1&code=a+b");
        assert_eq!(append("https://b/c?#f", &code), "https://b/c?code=a+b#f");
    }
}
