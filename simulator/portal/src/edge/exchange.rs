//! One request and its answer: limits, the path brought into one form, the handler, and the recording of both in full.

use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body as AxumBody;
use bytes::{Bytes, BytesMut};
use contract::exchange::{Body, Exchange, Party, Request, Response, Tls};
use contract::time::Span;
use domain::Refusal;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tower::ServiceExt;

use crate::clock::{pause, wall_us, within};
use crate::edge::caller::{Caller, PeerCertificate};
use crate::faults::Cut;
use crate::portal::Sandbox;

/// Longest request body that is read.
const BODY_MAX: usize = 1024 * 1024;

/// The longest body for this path: envelopes of the exchange carry files, and its store takes them whole.
fn body_max(path: &str) -> usize {
    let path = path.trim_start_matches('/');
    match path.strip_prefix("smev/") {
        Some(rest) if rest.starts_with("files/") => 256 * 1024 * 1024,
        Some(_) => crate::smev::ENVELOPE_MAX,
        None if path.starts_with("api/") && path.ends_with("/intakes") => DOCUMENTS_MAX,
        None => BODY_MAX,
    }
}

/// In place of a body of `/api` that was longer than may be: nothing of it was kept, and the services refuse it in the form
/// and the version that were asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLong {
    most: usize,
}

impl TooLong {
    pub(crate) fn refusal(self) -> Refusal {
        Refusal::new("body-too-large", "body-too-large")
            .check("length of the body")
            .seen(format!("more than {} bytes", self.most))
            .wanted(format!("{} bytes at most", self.most))
    }
}

/// Longest body with documents inside it: some of five mebibytes in base64.
const DOCUMENTS_MAX: usize = 48 * 1024 * 1024;
/// A body that takes longer is given up.
const BODY_PATIENCE: Span = Span::from_seconds(30);
/// How long half an answer is left on the wire before the connection breaks, so that it is sent at all.
const BEFORE_THE_CUT: Span = Span::from_millis(100);

/// What all requests of a connection have in common.
pub(crate) struct Wire {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) router: Router,
    pub(crate) to: Party,
    pub(crate) peer: Option<Arc<PeerCertificate>>,
    pub(crate) remote_ip: std::net::IpAddr,
    pub(crate) tls: Tls,
    /// The lie that was told in the handshake, when the client went on all the same.
    pub(crate) fault: Option<&'static str>,
}

/// The connection is to be broken off: nothing is answered.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
pub(crate) struct CutOff;

/// Serves one request; `id` is the exchange's.
pub(crate) async fn serve(
    wire: Arc<Wire>,
    id: u64,
    request: http::Request<Incoming>,
) -> Result<http::Response<Recorded>, CutOff> {
    let sandbox = wire.sandbox.clone();
    let started_us = wall_us();
    let at = sandbox.now();
    let (mut parts, body) = request.into_parts();
    let host = host(&parts, &sandbox);
    let caller = Caller::new(id, wire.peer.clone(), wire.remote_ip, host);
    if let Some(fault) = wire.fault {
        caller.tag_fault(fault);
    }
    let path_and_query = parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
    // A file goes to its handler chunk by chunk; its bytes are neither held nor recorded.
    let (body, passing) = match is_file(&parts.method, &normal_path(&path_and_query)) {
        true => (None, Some(AxumBody::new(body))),
        false => (Some(body), None),
    };
    let most = body_max(&normal_path(parts.uri.path()));
    let read = match body {
        Some(body) => within(BODY_PATIENCE, Limited::new(body, most).collect()).await,
        None => Some(Ok(http_body_util::Collected::default())),
    };
    let (bytes, refused) = match read {
        Some(Ok(collected)) => (collected.to_bytes(), None),
        Some(Err(error)) if error.is::<http_body_util::LengthLimitError>() && is_service(parts.uri.path()) => {
            parts.extensions.insert(TooLong { most });
            (Bytes::new(), None)
        }
        Some(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            (Bytes::new(), Some(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than one mebibyte\n")))
        }
        Some(Err(_)) => (Bytes::new(), Some(plain(StatusCode::BAD_REQUEST, "the body ended early\n"))),
        None => (Bytes::new(), Some(plain(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time\n"))),
    };
    let exchange = Exchange {
        id,
        sandbox: sandbox.id().to_owned(),
        from: Party::Bank,
        to: wire.to,
        started_us,
        ended_us: started_us,
        at,
        request: Request {
            method: parts.method.to_string(),
            url: format!("{}{path_and_query}", caller.origin()),
            headers: pairs(&parts.headers),
            body: if passing.is_some() { Body::Text(STREAMED.to_owned()) } else { body_of(&bytes) },
        },
        response: None,
        delivered: false,
        tls: Some(wire.tls.clone()),
        partner: None,
        citizen: None,
        flow: None,
        faults: Vec::new(),
    };
    // From here on the exchange is kept whatever happens: a client that goes away while it is served has still asked.
    let mut recording = Recording { sandbox, caller: caller.clone(), exchange: Some(exchange) };
    let response = match refused {
        Some(response) => response,
        None => {
            if let Ok(uri) = normal_path(&path_and_query).parse() {
                parts.uri = uri;
            }
            parts.extensions.insert(caller.clone());
            let request = http::Request::from_parts(parts, passing.unwrap_or_else(|| AxumBody::from(bytes)));
            match AssertUnwindSafe(wire.router.clone().oneshot(request)).catch_unwind().await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => {
                    tracing::error!(id, "a handler panicked");
                    plain(StatusCode::INTERNAL_SERVER_ERROR, "the portal failed; this is not your fault\n")
                }
            }
        }
    };
    let (mut parts, body) = response.into_parts();
    let cut = parts.extensions.remove::<Cut>().unwrap_or_default();
    // Handlers answer whole bodies; an error while collecting one can only be ours.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if !parts.headers.contains_key(header::CONTENT_LENGTH)
        && !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::SWITCHING_PROTOCOLS)
    {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let sent = if cut == Cut::Within { body.slice(..body.len() / 2) } else { body };
    if cut == Cut::Before {
        return Err(CutOff);
    }
    if let Some(exchange) = &mut recording.exchange {
        exchange.response =
            Some(Response { status: parts.status.as_u16(), headers: pairs(&parts.headers), body: body_of(&sent) });
    }
    let rest = if sent.is_empty() { None } else { Some(sent) };
    let cutting =
        (cut == Cut::Within).then(|| Box::pin(pause(BEFORE_THE_CUT)) as Pin<Box<dyn Future<Output = ()> + Send>>);
    if rest.is_none() && cutting.is_none() {
        recording.delivered();
    }
    Ok(http::Response::from_parts(parts, Recorded { rest, cutting, recording: Some(recording) }))
}

/// Serves a request of the control listener: the same limits, no recording.
pub(crate) async fn serve_quietly(
    wire: Arc<Wire>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Recorded>, CutOff> {
    let (mut parts, body) = request.into_parts();
    let read = within(BODY_PATIENCE, Limited::new(body, BODY_MAX).collect()).await;
    let response = match read {
        Some(Ok(collected)) => {
            let path = parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
            if let Ok(uri) = normal_path(&path).parse() {
                parts.uri = uri;
            }
            let request = http::Request::from_parts(parts, AxumBody::from(collected.to_bytes()));
            match AssertUnwindSafe(wire.router.clone().oneshot(request)).catch_unwind().await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the portal failed; this is not your fault\n"),
            }
        }
        Some(Err(_)) => plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than one mebibyte, or was cut\n"),
        None => plain(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time\n"),
    };
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let rest = (!body.is_empty()).then_some(body);
    Ok(http::Response::from_parts(parts, Recorded { rest, cutting: None, recording: None }))
}

/// The host that the client called: `Host` of HTTP/1.1, `:authority` of HTTP/2, else the sandbox's own.
fn host(parts: &http::request::Parts, sandbox: &Sandbox) -> String {
    let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    match named.or(authority) {
        Some(host) if !host.is_empty() && !host.contains(['/', '@', ' ']) => host.to_owned(),
        _ => sandbox.origin().trim_start_matches("https://").to_owned(),
    }
}

/// What stands in the record in place of a file's bytes.
const STREAMED: &str = "[a file: its size and digest are in the answer]";

/// Whether the path is one of the data services.
fn is_service(path: &str) -> bool {
    path.split('/').find(|piece| !piece.is_empty()) == Some("api")
}

/// Whether the body goes to its handler as it comes.
fn is_file(method: &http::Method, path: &str) -> bool {
    let mut parts = path.split('?').next().unwrap_or_default().split('/').skip(1);
    method == http::Method::PUT && parts.next() == Some("api") && parts.nth(1) == Some("attachments")
}

/// One form for every path: real clients append slashes and double them (`/rs/prns/1//vhls`, `/rs/prns/1/`).
fn normal_path(path_and_query: &str) -> String {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let mut normal = String::with_capacity(path_and_query.len());
    for piece in path.split('/').filter(|piece| !piece.is_empty()) {
        normal.push('/');
        normal.push_str(piece);
    }
    if normal.is_empty() {
        normal.push('/');
    }
    if let Some(query) = query {
        normal.push('?');
        normal.push_str(query);
    }
    normal
}

fn plain(status: StatusCode, text: &'static str) -> http::Response<AxumBody> {
    let mut response = http::Response::new(AxumBody::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// A body as an exchange holds it.
pub(crate) fn body_of(bytes: &[u8]) -> Body {
    match std::str::from_utf8(bytes) {
        Ok("") => Body::Empty,
        Ok(text) => Body::Text(text.to_owned()),
        Err(_) => Body::Base64(crypto::base64::encode_standard(bytes)),
    }
}

/// Closes the exchange when the answer is gone, or when the connection is.
struct Recording {
    sandbox: Arc<Sandbox>,
    caller: Caller,
    exchange: Option<Exchange>,
}

impl Recording {
    fn delivered(&mut self) {
        if let Some(exchange) = &mut self.exchange {
            exchange.delivered = true;
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let Some(mut exchange) = self.exchange.take() else { return };
        let tags = self.caller.tags();
        exchange.ended_us = wall_us();
        (exchange.partner, exchange.citizen, exchange.flow, exchange.faults) =
            (tags.partner, tags.citizen, tags.flow, tags.faults);
        self.sandbox.recorder().finish(&exchange);
    }
}

/// A body that notes when its last byte was taken by the connection.
pub(crate) struct Recorded {
    rest: Option<Bytes>,
    /// A lie: after what is sent, wait a moment and break off.
    cutting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    recording: Option<Recording>,
}

impl http_body::Body for Recorded {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.rest.take() {
            if let Some(recording) = &mut self.recording {
                recording.delivered();
            }
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.cutting {
            Some(wait) => {
                std::task::ready!(wait.as_mut().poll(context));
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && self.cutting.is_none()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match (&self.rest, &self.cutting) {
            (Some(rest), None) => http_body::SizeHint::with_exact(rest.len() as u64),
            (None, None) => http_body::SizeHint::with_exact(0),
            (_, Some(_)) => http_body::SizeHint::default(),
        }
    }
}

/// What came over a connection that never was TLS, kept as an exchange so that a rule can see it.
pub(crate) fn record_plain(sandbox: &Sandbox, to: Party, fault: Option<&'static str>, raw: &[u8]) -> u64 {
    let id = sandbox.recorder().begin();
    let now_us = wall_us();
    let mut text = BytesMut::from(raw);
    let head = String::from_utf8_lossy(&text.split_to(raw.len().min(64 * 1024))).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default().to_owned();
    let target = first.next().unwrap_or("/").to_owned();
    let headers: Vec<(String, String)> = lines
        .by_ref()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let body = lines.collect::<Vec<_>>().join("\r\n");
    let host = contract::exchange::header(&headers, "host").map(str::to_owned);
    let host = host.unwrap_or_else(|| sandbox.origin().trim_start_matches("https://").to_owned());
    sandbox.recorder().finish(&Exchange {
        id,
        sandbox: sandbox.id().to_owned(),
        from: Party::Bank,
        to,
        started_us: now_us,
        ended_us: now_us,
        at: sandbox.now(),
        request: Request { method, url: format!("http://{host}{target}"), headers, body: body_of(body.as_bytes()) },
        response: None,
        delivered: false,
        tls: None,
        partner: None,
        citizen: None,
        flow: None,
        faults: fault.map(str::to_owned).into_iter().collect(),
    });
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_end_and_doubled_ones_go() {
        assert_eq!(normal_path("/rs/prns/1//vhls/?embed=(a//b)"), "/rs/prns/1/vhls?embed=(a//b)");
        assert_eq!(normal_path("//"), "/");
        assert_eq!(normal_path("/"), "/");
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_in_base64() {
        assert_eq!(body_of(b""), Body::Empty);
        assert_eq!(body_of("ё".as_bytes()), Body::Text("ё".into()));
        assert_eq!(body_of(&[0xff, 0xfe]), Body::Base64("//4=".into()));
    }
}
