//! Calls to the portal: one at a time and honest about how they ended. No redirect is followed, a body is bounded, a cut
//! body is told from a whole one, and every call bears an id that the portal can quote.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use contract::adapter::ReasonClass;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rustls::ClientConfig;
use url::Url;

use crate::BankError;
use crate::conduct::{CallsDuty, Conduct};
use crate::draw::Draw;
use crate::refusal::{Refusal, refuse};
use crate::trust::Guard;

const CONNECT: Duration = Duration::from_secs(3);
const WHOLE: Duration = Duration::from_secs(15);
const LONGEST_BODY: usize = 16 * 1024 * 1024;
/// What the portal can quote when a call is asked about.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) struct Http {
    client: reqwest::Client,
    conduct: &'static dyn Conduct,
    draw: Draw,
    guard: Arc<Guard>,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// A broken variant runs after a redirect with all that it carries.
    pub(crate) runs_after_redirect: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body came to its declared end.
    pub(crate) whole: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) enum Lost {
    /// The connection could not be made or broke: perhaps another time.
    Broken(String),
    /// The other side is not to be trusted: not again.
    Untrusted(String),
}

impl Request {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Self { method, url, headers, body: Bytes::new(), runs_after_redirect: false }
    }

    pub(crate) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    pub(crate) fn form(url: Url, pairs: &[(String, String)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self::new(Method::POST, url).with(CONTENT_TYPE, "application/x-www-form-urlencoded").carrying(body)
    }

    pub(crate) fn json(method: Method, url: Url, body: &serde_json::Value) -> Self {
        Self::new(method, url).with(CONTENT_TYPE, "application/json").carrying(body.to_string())
    }

    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(name == AUTHORIZATION);
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.with(AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// Instead of JSON.
    pub(crate) fn accepting(self, media: &str) -> Self {
        self.with(ACCEPT, media)
    }

    pub(crate) fn carrying(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn running_after_redirect(mut self, runs: bool) -> Self {
        self.runs_after_redirect = runs;
        self
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn is_json(&self) -> bool {
        let media = self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
        media.eq_ignore_ascii_case("application/json") || media.to_ascii_lowercase().ends_with("+json")
    }

    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Lost {
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Self::Broken(detail) => refuse(ReasonClass::Transport, "TLS-BROKEN", detail.clone()),
            Self::Untrusted(detail) => refuse(ReasonClass::Transport, "TLS-UNTRUSTED", detail.clone()),
        }
    }
}

impl Http {
    pub(crate) fn new(guard: Arc<Guard>, tls: ClientConfig, conduct: &'static dyn Conduct) -> Result<Self, BankError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .no_proxy()
            .https_only(true)
            .referer(false)
            .user_agent(concat!("reference-bank/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| BankError::Material { what: "the TLS settings", why: error.to_string() })?;
        Ok(Self { client, conduct, draw: Draw::default(), guard })
    }

    /// Sends once.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Lost> {
        let mut request = request;
        if self.conduct.keeps(CallsDuty::CorrelationId) {
            request = request.with(REQUEST_ID, &self.draw.uuid());
        }
        if !self.conduct.keeps(CallsDuty::Accept) {
            request = request.with(ACCEPT, "*/*");
        }
        let mut answer = self.exchange(&request).await?;
        let mut hops = 0;
        while request.runs_after_redirect && (300..400).contains(&answer.status) && hops < 3 {
            let Some(next) = answer.header(LOCATION.as_str()).and_then(|to| request.url.join(to).ok()) else { break };
            request.url = next;
            answer = self.exchange(&request).await?;
            hops += 1;
        }
        match self.guard.noticed() {
            Some(late) => Err(Lost::Untrusted(late)),
            None => Ok(answer),
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, Lost> {
        let sent = self
            .client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send()
            .await;
        let mut response = sent.map_err(|error| lost(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = BytesMut::new();
        let whole = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > LONGEST_BODY => {
                    return Err(Lost::Untrusted("the body is longer than the bank reads".to_owned()));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        Ok(Answer { status, headers, body: body.freeze(), whole })
    }
}

fn lost(error: &reqwest::Error) -> Lost {
    let mut causes = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    let mut untrusted = false;
    while let Some(cause) = source {
        causes.push(cause.to_string());
        untrusted |= is_of_tls(cause);
        source = cause.source();
    }
    // The address is in the first text and may hold a query; the causes are enough.
    let detail = causes.split_off(1.min(causes.len())).join(": ");
    if untrusted { Lost::Untrusted(detail) } else { Lost::Broken(detail) }
}

/// Whether the TLS library found something wrong with the other side. Its errors travel inside those of input and output,
/// one inside the other.
fn is_of_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || inside.is_some_and(|inside| is_of_tls(inside))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_the_tls_library_found_is_not_taken_for_a_broken_line() {
        let found = || rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let once = io::Error::other(found());
        assert!(is_of_tls(&found()) && is_of_tls(&once) && is_of_tls(&io::Error::other(once)));
        assert!(!is_of_tls(&io::Error::from(io::ErrorKind::ConnectionReset)));
    }

    #[test]
    fn media_types_are_read_without_their_parameters() {
        let answer = |media: &str| Answer {
            status: 200,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(media).unwrap())]),
            body: Bytes::new(),
            whole: true,
        };
        assert!(answer("application/json; charset=utf-8").is_json());
        assert!(answer("application/problem+json").is_json());
        assert!(!answer("text/html").is_json());
    }
}
