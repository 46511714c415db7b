//! Opening the stream: TLS by the bank's own trust, the upgrade by the library. A variant that does not look at the answer
//! of the upgrade makes it by hand.

use std::sync::Arc;

use http::header::{AUTHORIZATION, LOCATION, RETRY_AFTER, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, handshake};
use url::Url;

use super::lenient::Lenient;
use super::{OFFERED, trusts_library};
use crate::bank::Bank;
use crate::conduct::{Diligence, SocketCheck, SocketDuty};
use crate::http::{Lost, Request};
use crate::refusal::Refusal;

/// A connection on which frames come and go.
pub(super) type Line = WebSocketStream<Lenient<TlsStream<TcpStream>>>;

/// The longest message that the bank reads (WS-18).
const LONGEST: usize = 1024 * 1024;
const HANDSHAKE: contract::time::Span = contract::time::Span::from_seconds(5);

pub(super) enum Opened {
    Line(Box<Line>),
    Refused { status: u16, wait: Option<String> },
}

pub(super) async fn open(bank: &Arc<Bank>, token: &str, late: &mut Option<Refusal>) -> Result<Opened, Lost> {
    tokio::select! {
        opened = upgrade(bank, token, late) => opened,
        () = crate::clock::nap(HANDSHAKE) => Err(Lost::Broken("the handshake takes too long".to_owned())),
    }
}

async fn upgrade(bank: &Arc<Bank>, token: &str, late: &mut Option<Refusal>) -> Result<Opened, Lost> {
    let mut address = bank.at("/ws");
    if !bank.conduct.keeps(SocketDuty::NotInAddress) {
        address.query_pairs_mut().append_pair("access_token", token);
    }
    let stream = secured(bank, &address).await?;
    let mut settings = WebSocketConfig::default();
    let longest = if bank.conduct.checks(SocketCheck::Size) == Diligence::Full { LONGEST } else { 64 * LONGEST };
    settings.max_message_size = Some(longest);
    settings.max_frame_size = Some(longest);
    let text = address.as_str().replacen("https://", "wss://", 1);
    let broken = |error: &dyn std::fmt::Display| Lost::Broken(error.to_string());
    let mut request = text.into_client_request().map_err(|error| broken(&error))?;
    let bearer = format!("Bearer {token}").parse().map_err(|error| broken(&error))?;
    request.headers_mut().insert(AUTHORIZATION, bearer);
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, http::HeaderValue::from_static(OFFERED));
    if !trusts_library(bank) {
        return by_hand(stream, &request, settings).await;
    }
    match tokio_tungstenite::client_async_with_config(request, stream, Some(settings)).await {
        // The library looks at the subprotocol; an extension that was not offered it passes over (RFC 6455 §4.1).
        Ok((_, answer)) if answer.headers().contains_key(SEC_WEBSOCKET_EXTENSIONS) => {
            Err(Lost::Untrusted("an extension that was not offered".to_owned()))
        }
        Ok((line, _)) => Ok(Opened::Line(Box::new(line))),
        Err(tungstenite::Error::Http(answer)) => {
            let header = |name: http::HeaderName| answer.headers().get(name).and_then(|value| value.to_str().ok());
            if answer.status().is_redirection()
                && !bank.conduct.keeps(SocketDuty::NotAfterRedirect)
                && let Some(next) = header(LOCATION).and_then(|to| Url::parse(&to.replacen("wss:", "https:", 1)).ok())
            {
                let _ = bank.http.send(Request::get(next).bearer(token)).await;
            }
            let wait = header(RETRY_AFTER).map(str::to_owned);
            Ok(Opened::Refused { status: answer.status().as_u16(), wait })
        }
        Err(tungstenite::Error::Protocol(breach)) => {
            let _ = late;
            Err(Lost::Untrusted(breach.to_string()))
        }
        Err(error) => Err(broken(&error)),
    }
}

/// TLS as every call of the bank makes it; a certificate that is not to be trusted ends it before a byte is sent.
async fn secured(bank: &Arc<Bank>, address: &Url) -> Result<Lenient<TlsStream<TcpStream>>, Lost> {
    let broken = |error: &dyn std::fmt::Display| Lost::Broken(error.to_string());
    let host = address.host_str().unwrap_or_default().to_owned();
    let port = address.port_or_known_default().unwrap_or(443);
    let identity = if bank.options.protocol.is_esia() { Ok(None) } else { bank.signer.identity() };
    let identity = identity.map_err(|error| broken(&error))?;
    let settings = bank.guard.client(identity).map_err(|error| broken(&error))?;
    let plain = TcpStream::connect((host.as_str(), port)).await.map_err(|error| broken(&error))?;
    let name = ServerName::try_from(host).map_err(|error| broken(&error))?;
    let stream = TlsConnector::from(Arc::new(settings)).connect(name, plain).await.map_err(|error| {
        let of_tls = error.get_ref().is_some_and(|inside| inside.is::<rustls::Error>());
        if of_tls { Lost::Untrusted(error.to_string()) } else { broken(&error) }
    })?;
    if let Some(noticed) = bank.guard.noticed() {
        return Err(Lost::Untrusted(noticed));
    }
    Ok(Lenient::new(stream, bank.conduct))
}

/// The variant that takes any 101 for an open stream.
async fn by_hand(
    stream: Lenient<TlsStream<TcpStream>>,
    request: &handshake::client::Request,
    settings: WebSocketConfig,
) -> Result<Opened, Lost> {
    let mut stream = stream;
    let broken = |error: std::io::Error| Lost::Broken(error.to_string());
    let mut text = format!("GET {} HTTP/1.1\r\n", request.uri().path());
    for (name, value) in request.headers() {
        text += &format!("{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    text += "\r\n";
    stream.raw().write_all(text.as_bytes()).await.map_err(broken)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16 * 1024 {
        let byte = stream.raw().read_u8().await.map_err(broken)?;
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    if status != 101 {
        return Ok(Opened::Refused { status, wait: None });
    }
    let line = WebSocketStream::from_raw_socket(stream, Role::Client, Some(settings)).await;
    Ok(Opened::Line(Box::new(line)))
}
