//! Accepting connections: the first flight is read, the handshake done or lied about, requests served, and the whole
//! journalled as one `handshake` entry that points to the connection's first exchange.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use contract::exchange::{Party, Tls};
use contract::journal::kinds;
use contract::time::Span;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::caller::{Caller, PeerCertificate};
use super::exchange::{self, Wire};
use super::hello::{self, Hello, NoHello};
use super::tls;
use crate::clock::within;
use crate::portal::Sandbox;

/// A handshake that takes longer is given up.
const HANDSHAKE_PATIENCE: Span = Span::from_seconds(10);
/// How long a connection that is asked to end may finish what it began.
const GRACE: Span = Span::from_seconds(5);
/// Largest head of a request: long codes and large tokens fit.
const HEAD_MAX: usize = 128 * 1024;

/// Binds a port on one or more loopback addresses under the same number.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) port: u16,
    listeners: Vec<TcpListener>,
}

/// Binds `ip:port` for every address; port 0 takes a free one that all of them have. An IPv6 address that the machine
/// does not offer is left out.
pub(crate) async fn bind(addresses: &[IpAddr], port: u16) -> io::Result<Bound> {
    const TRIES: usize = 16;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for _ in 0..if port == 0 { TRIES } else { 1 } {
        match bind_all(addresses, port).await {
            Ok(bound) => return Ok(bound),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn bind_all(addresses: &[IpAddr], port: u16) -> io::Result<Bound> {
    let mut bound = Bound { port, listeners: Vec::new() };
    for address in addresses {
        match TcpListener::bind(SocketAddr::new(*address, bound.port)).await {
            Ok(listener) => {
                bound.port = listener.local_addr()?.port();
                bound.listeners.push(listener);
            }
            Err(error)
                if address.is_ipv6() && error.kind() == io::ErrorKind::AddrNotAvailable && addresses.len() > 1 => {}
            // A machine without IPv6 says so in its own way.
            Err(error) if address.is_ipv6() && error.raw_os_error() == Some(97) && addresses.len() > 1 => {}
            Err(error) => return Err(error),
        }
    }
    if bound.listeners.is_empty() { Err(io::ErrorKind::AddrNotAvailable.into()) } else { Ok(bound) }
}

/// `localhost` in both families.
pub(crate) const LOCALHOST: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// What a listener serves.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) router: Router,
    pub(crate) to: Party,
    /// The control listener records nothing and is never lied about.
    pub(crate) quiet: bool,
}

/// Accepts until the sandbox closes.
pub(crate) async fn accept(bound: Bound, served: Served) {
    let mut accepting = Vec::new();
    for listener in bound.listeners {
        let served = served.clone();
        accepting.push(tokio::spawn(accept_on(listener, served)));
    }
    for task in accepting {
        let _ = task.await;
    }
}

async fn accept_on(listener: TcpListener, served: Served) {
    let closing = served.sandbox.closing();
    tokio::pin!(closing);
    loop {
        let accepted = tokio::select! {
            () = &mut closing => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Small answers in several writes must not wait for each other's acknowledgement.
                let _ = stream.set_nodelay(true);
                tokio::spawn(connection(stream, peer.ip(), served.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                crate::clock::pause(Span::from_millis(20)).await;
            }
        }
    }
}

/// What is known of a handshake, journalled once.
struct Handshake {
    sandbox: Arc<Sandbox>,
    data: Value,
    app_bytes: Arc<AtomicU64>,
    noted: AtomicBool,
}

impl Handshake {
    /// Writes the entry, with the exchange that followed when one did.
    fn note(&self, exchange: Option<u64>) {
        if self.noted.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut data = self.data.clone();
        data["app_bytes"] = self.app_bytes.load(Ordering::Relaxed).into();
        let caller = exchange.map_or_else(Caller::nobody, Caller::outward);
        self.sandbox.note_now(&caller, kinds::HANDSHAKE, data);
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.note(None);
    }
}

async fn connection(mut stream: TcpStream, remote_ip: IpAddr, served: Served) {
    let sandbox = served.sandbox.clone();
    let (raw, hello) =
        within(HANDSHAKE_PATIENCE, hello::read(&mut stream)).await.unwrap_or((Vec::new(), Err(NoHello::Broken)));
    let lie = if served.quiet || served.to == Party::Foreign { None } else { tls::armed(&sandbox) };
    let hello = match hello {
        Ok(hello) => hello,
        Err(reason) => return no_hello(stream, raw, reason, lie.map(|lie| lie.slug), &served).await,
    };
    let mut data = json!({"versions": hello.versions, "suites": hello.suites, "sni": hello.sni});
    if served.to == Party::Foreign {
        data["to"] = "foreign".into();
    }
    let fault = lie
        .as_ref()
        .and_then(|lie| sandbox.faults().tell(&Caller::nobody(), lie, "in the handshake").then_some(lie.slug));
    if let Some(slug) = fault {
        data["fault"] = slug.into();
    }
    if fault == Some(tls::OLD_VERSION) {
        return old_version(stream, &hello, data, &sandbox).await;
    }
    let Some(config) = tls::config(&sandbox, fault) else { return };
    let stream = Rewound { prefix: raw, at: 0, stream };
    let accepted = within(HANDSHAKE_PATIENCE, TlsAcceptor::from(config).accept(stream)).await;
    let app_bytes = Arc::new(AtomicU64::new(0));
    let noted = AtomicBool::new(served.quiet);
    let stream = match accepted {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => {
            data["result"] = "aborted".into();
            data["alert"] = alert(&error).into();
            drop(Handshake { sandbox, data, app_bytes, noted });
            return;
        }
        None => {
            data["result"] = "aborted".into();
            data["alert"] = Value::Null;
            drop(Handshake { sandbox, data, app_bytes, noted });
            return;
        }
    };
    let session = stream.get_ref().1;
    let facts = Tls {
        version: session
            .protocol_version()
            .map_or_else(String::new, |version| format!("{version:?}").replace('_', ".")),
        suite: session.negotiated_cipher_suite().map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
        sni: hello.sni.clone(),
        client_certificate: None,
    };
    let peer = session.peer_certificates().and_then(|chain| chain.split_first()).map(|(leaf, chain)| {
        Arc::new(PeerCertificate {
            der: leaf.to_vec(),
            chain: chain.iter().map(|certificate| certificate.to_vec()).collect(),
            sha256: crypto::digest::sha256_hex(leaf),
        })
    });
    let facts = Tls { client_certificate: peer.as_ref().map(|peer| peer.sha256.clone()), ..facts };
    data["result"] = "completed".into();
    data["version"] = facts.version.clone().into();
    data["suite"] = facts.suite.clone().into();
    let handshake = Arc::new(Handshake { sandbox: sandbox.clone(), data, app_bytes: app_bytes.clone(), noted });
    let wire = Arc::new(Wire {
        sandbox: sandbox.clone(),
        router: served.router.clone(),
        to: served.to,
        peer,
        remote_ip,
        tls: facts,
        fault,
    });
    talk(Counted { stream, app_bytes }, wire, handshake, served.quiet).await;
}

/// Serves the requests of a connection until it ends, the sandbox closes, or all connections are asked to end.
async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    wire: Arc<Wire>,
    handshake: Arc<Handshake>,
    quiet: bool,
) {
    let sandbox = wire.sandbox.clone();
    let open = (!quiet).then(|| sandbox.connection_opened());
    let service = service_fn(move |request| {
        let (wire, handshake) = (wire.clone(), handshake.clone());
        async move {
            let id = if quiet { 0 } else { wire.sandbox.recorder().begin() };
            if !quiet {
                handshake.note(Some(id));
            }
            if quiet { exchange::serve_quietly(wire, request).await } else { exchange::serve(wire, id, request).await }
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(std::time::Duration::from_secs(120))
        .max_buf_size(HEAD_MAX);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD_MAX as u32).max_concurrent_streams(64);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = sandbox.hang_up(quiet) => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = within(GRACE, connection).await;
    }
    drop(open);
}

/// Answers as a server of another age, and journals what the client did about it.
async fn old_version(mut stream: TcpStream, hello: &Hello, mut data: Value, sandbox: &Arc<Sandbox>) {
    let certificate = tls::leaf(sandbox);
    let random = sandbox.draw().bytes();
    let outcome =
        within(HANDSHAKE_PATIENCE, hello::answer_in_old_version(&mut stream, hello, random, &certificate)).await;
    let outcome = outcome.unwrap_or_default();
    data["result"] = if outcome.accepted { "completed" } else { "aborted" }.into();
    data["alert"] = outcome.alert.into();
    data["app_bytes"] = outcome.bytes.into();
    sandbox.note_now(&Caller::nobody(), kinds::HANDSHAKE, data);
    let _ = stream.shutdown().await;
}

/// Plain HTTP is told what it met; anything else is closed.
async fn no_hello(mut stream: TcpStream, raw: Vec<u8>, reason: NoHello, fault: Option<&'static str>, served: &Served) {
    if served.quiet || raw.is_empty() {
        return;
    }
    let plain = reason == NoHello::PlainHttp;
    let mut data = json!({"result": "aborted", "alert": null, "versions": [], "suites": [], "plain": plain, "app_bytes": raw.len()});
    let mut exchange = None;
    if plain {
        let mut rest = raw;
        let mut buffer = vec![0; 16 * 1024];
        // What follows at once belongs to the request; nobody waits for more.
        if let Some(Ok(count)) = within(Span::from_millis(200), stream.read(&mut buffer)).await {
            rest.extend_from_slice(&buffer[..count]);
        }
        data["app_bytes"] = rest.len().into();
        exchange = Some(exchange::record_plain(&served.sandbox, served.to, fault, &rest));
        let text = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: 31\r\n\r\nthis port speaks HTTPS: use it\n";
        let _ = stream.write_all(text.as_bytes()).await;
    }
    if let Some(slug) = fault {
        data["fault"] = slug.into();
    }
    let caller = exchange.map_or_else(Caller::nobody, Caller::outward);
    served.sandbox.note_now(&caller, kinds::HANDSHAKE, data);
    let _ = stream.shutdown().await;
}

/// The alert by which the client ended a handshake, in the words of the TLS library.
fn alert(error: &io::Error) -> Option<String> {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => Some(format!("{alert:?}")),
        Some(other) => Some(format!("none: {other}")),
        None => None,
    }
}

/// A stream whose first bytes were read before.
struct Rewound {
    prefix: Vec<u8>,
    at: usize,
    stream: TcpStream,
}

impl AsyncRead for Rewound {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = &self.prefix[self.at..];
        if left.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, into);
        }
        let count = left.len().min(into.remaining());
        into.put_slice(&left[..count]);
        self.at += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Counts the bytes that the client sends inside TLS.
struct Counted<S> {
    stream: S,
    app_bytes: Arc<AtomicU64>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, into);
        self.app_bytes.fetch_add((into.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_free_port_is_taken_in_both_families_and_a_taken_one_is_refused() {
        let bound = bind(&LOCALHOST, 0).await.unwrap();
        assert_ne!(bound.port, 0);
        let error = bind(&LOCALHOST, bound.port).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
