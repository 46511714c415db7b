//! `GET /ws`: the token is judged before the upgrade, so that a refusal is an ordinary answer (401, 403, 400, 426).

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use contract::stream::SUBPROTOCOL;
use domain::{Command, Refusal, Reply, Token};
use http::{HeaderMap, Method, StatusCode, Version, header};
use hyper_util::rt::TokioIo;

use super::frame;
use super::session::{self, Session};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::portal::Sandbox;
use crate::{refuse, tokens};

pub(super) async fn open(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    RawQuery(query): RawQuery,
    mut request: Request,
) -> Response {
    if let Some(answer) = sandbox.faults().handshake(&caller) {
        return answer.into_response();
    }
    // The body of a request cannot be shared between threads, and is not looked at.
    let line = (request.method().clone(), request.version());
    let headers = request.headers().clone();
    let admitted = admit(&sandbox, &caller, line, &headers, query.as_deref()).await;
    let (key, token) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let answer = refuse::problem(&sandbox, &caller, &refusal).await;
            return match refusal.code.as_ref() {
                "websocket-required" => answer
                    .with("upgrade", "websocket")
                    .with("connection", "upgrade")
                    .with("sec-websocket-version", "13"),
                _ => answer,
            }
            .into_response();
        }
    };
    let mut agreed = Agreed { accept: frame::accept(&key), subprotocol: SUBPROTOCOL.to_owned(), extension: None };
    let lie = sandbox.faults().agreement(&caller, &mut agreed);
    let upgraded = hyper::upgrade::on(&mut request);
    let session = Session::new(sandbox, &caller, token, lie);
    tokio::spawn(async move {
        // The client may be gone before the answer is: then there is nothing to serve.
        if let Ok(upgraded) = upgraded.await {
            session::run(session, TokioIo::new(upgraded)).await;
        }
    });
    let mut answer = Answer::empty(StatusCode::SWITCHING_PROTOCOLS.as_u16())
        .with("connection", "Upgrade")
        .with("upgrade", "websocket")
        .with("sec-websocket-accept", agreed.accept)
        .with("sec-websocket-protocol", agreed.subprotocol);
    if let Some(extension) = agreed.extension {
        answer = answer.with("sec-websocket-extensions", extension);
    }
    answer.into_response()
}

/// What the answer to a good handshake says.
pub(crate) struct Agreed {
    pub(crate) accept: String,
    pub(crate) subprotocol: String,
    pub(crate) extension: Option<String>,
}

/// The key of the handshake and the token, where both are good.
async fn admit(
    sandbox: &Sandbox,
    caller: &Caller,
    (method, version): (Method, Version),
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<(String, Token), Refusal> {
    let bearer = tokens::bearer(sandbox, caller, headers, query).await?;
    let Reply::Stream { token } = sandbox.execute(caller, Command::OpenStream { bearer }).await? else {
        return Err(Refusal::new("internal", "unexpected-reply").check("reply of the core"));
    };
    let required = |check: &'static str, seen: String, wanted: &str| {
        Refusal::new("websocket-required", "websocket-required").check(check).seen(seen).wanted(wanted)
    };
    if method != Method::GET || version != Version::HTTP_11 {
        return Err(required("request line", format!("{method} {version:?}"), "GET, HTTP/1.1"));
    }
    for (name, token) in [(header::UPGRADE, "websocket"), (header::CONNECTION, "upgrade")] {
        if !words(headers, name.as_str()).any(|word| word.eq_ignore_ascii_case(token)) {
            let seen = words(headers, name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(required("Upgrade and Connection", seen, token));
        }
    }
    let version = one(headers, "sec-websocket-version");
    if version != Some("13") {
        return Err(required("Sec-WebSocket-Version", version.unwrap_or("absent").to_owned(), "13"));
    }
    let key = one(headers, "sec-websocket-key").unwrap_or_default();
    if !crypto::base64::decode_standard_strict(key).is_ok_and(|bytes| bytes.len() == 16) {
        return Err(required("Sec-WebSocket-Key", key.chars().take(60).collect(), "16 bytes in base64"));
    }
    if !words(headers, "sec-websocket-protocol").any(|offered| offered == SUBPROTOCOL) {
        let seen = words(headers, "sec-websocket-protocol").collect::<Vec<_>>().join(", ");
        return Err(Refusal::new("websocket-subprotocol", "subprotocol-missing")
            .check("Sec-WebSocket-Protocol")
            .seen(seen)
            .wanted(SUBPROTOCOL));
    }
    Ok((key.to_owned(), *token))
}

/// The words of a list header, over all its lines.
fn words<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|word| !word.is_empty())
}

/// A header that must stand once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| value.trim())
}
