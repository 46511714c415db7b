//! The bank's door: HTTPS on localhost, TLS 1.2 and 1.3, HTTP/1.1 and 2.

use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::bank::{Bank, read_text};
use crate::http::Request;
use crate::signer::identity;
use crate::{BankError, Options, adapter};

pub(crate) async fn serve(options: Options) -> Result<(), BankError> {
    options.check()?;
    std::fs::create_dir_all(&options.data).map_err(|source| BankError::Store { path: options.data.clone(), source })?;
    let port = options.port;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|source| BankError::Listen { port, source })?;
    let port = listener.local_addr().map_err(|source| BankError::Listen { port, source })?.port();
    let acceptor = acceptor(&options)?;
    let bank = Bank::open(options, port)?;
    tokio::spawn(read_lists(bank.clone()));
    let routes = adapter::routes(bank.clone());
    // The one line that whoever started the bank waits for.
    println!("{}", serde_json::json!({"bank": bank.origin}));
    let mut stop = std::pin::pin!(stop());
    loop {
        let stream = tokio::select! {
            () = &mut stop => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(routes.clone()));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
}

fn acceptor(options: &Options) -> Result<TlsAcceptor, BankError> {
    let unfit = |error: rustls::Error| BankError::Material { what: "TLS_CERT and TLS_KEY", why: error.to_string() };
    let (chain, key) = identity(&read_text(&options.tls_cert)?, &read_text(&options.tls_key)?, "TLS_CERT and TLS_KEY")?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Where the policy asks for it, the authority's revocation list is taken before anybody is served.
async fn read_lists(bank: Arc<Bank>) {
    if !bank.checks_revocation() {
        return;
    }
    let bytes = match &bank.options.crl {
        Some(path) => std::fs::read(path).ok(),
        None => {
            let answer = bank.http.send(Request::get(bank.at("/pki/crl.pem"))).await.ok();
            answer.filter(|answer| answer.status == 200).map(|answer| answer.body.to_vec())
        }
    };
    let count = bytes.map_or(0, |bytes| bank.guard.take_lists(&bytes));
    bank.diary.note(bank.clock.now(), "revocation", &[("lists", &count.to_string())]);
}

/// Reads the lists anew before a signature is believed: what was revoked since the start must not count.
pub(crate) async fn refresh_lists(bank: &Bank) {
    if !bank.checks_revocation() || bank.options.crl.is_some() {
        return;
    }
    let mut text = String::new();
    let gost = bank.signer.key.family().is_gost().then_some("/pki/crl-gost.pem");
    for path in [Some("/pki/crl.pem"), gost].into_iter().flatten() {
        if let Ok(answer) = bank.http.send(Request::get(bank.at(path))).await
            && answer.status == 200
        {
            text += &String::from_utf8_lossy(&answer.body);
            text.push('\n');
        }
    }
    if !text.trim().is_empty() {
        bank.guard.take_lists(text.as_bytes());
    }
}

#[cfg(unix)]
async fn stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn stop() {
    let _ = tokio::signal::ctrl_c().await;
}
