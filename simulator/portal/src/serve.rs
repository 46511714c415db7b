//! `stend serve`: configuration, state and keys are opened, listeners bound, the ready line printed; and all of it is
//! ended in order when asked.

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certs::Authority;
use contract::control::{DEFAULT_SANDBOX, ReadyLine};
use contract::exchange::Party;
use crypto::Algorithm;

use crate::clock::Clock;
use crate::config::{Config, ConfigError, Listen, Overrides, Settled, State};
use crate::control;
use crate::edge::listen::{self, Bound, LOCALHOST, Served};
use crate::entropy::Entropy;
use crate::hub::Portal;
use crate::journal::{Store, StoreError};
use crate::keys::{KeysError, SharedKeys, write_secret};
use crate::portal::OpenError;

/// How `serve` is called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    pub config: Option<PathBuf>,
    pub overrides: Overrides,
}

/// Why the portal cannot run. One clear line each, for exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(
        "listen on {address}: the port is taken; stop whoever holds it, or choose another with --{option} (port 0 takes a free one)"
    )]
    PortTaken { address: String, option: &'static str },
    #[error("listen on {address}: {what}")]
    Listen { address: String, what: String },
    #[error(
        "listen on {address}: it is reachable from other machines; use localhost, or set beyond_loopback: true in the configuration"
    )]
    BeyondLoopback { address: String },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error("use the authority in {folder}: {what}")]
    Authority { folder: String, what: String },
    #[error("write {}: {what}", path.display())]
    Write { path: PathBuf, what: String },
}

/// Runs the portal until `shutdown` is ready. Prints the ready line on standard output.
pub async fn serve(options: Options, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    serve_telling(options, shutdown, |line| {
        let mut out = std::io::stdout().lock();
        // Whoever closed our standard output does not want the line.
        let _ = writeln!(out, "{}", serde_json::to_string(line).unwrap_or_default());
        let _ = out.flush();
    })
    .await
}

/// The same, for programs that want the ready line as a value.
pub async fn serve_telling(
    options: Options,
    shutdown: impl Future<Output = ()>,
    ready: impl FnOnce(&ReadyLine),
) -> Result<(), ServeError> {
    // The outbox's client asks for the process's provider; a second call in one process changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Settled { config, folder } = Config::load(options.config.as_deref(), &options.overrides)?;
    let listener = bind(&config.listen, config.beyond_loopback, "listen").await?;
    let control_listener = bind(&config.control.listen, config.beyond_loopback, "control").await?;
    let (portal_port, control_port) = (listener.port, control_listener.port);

    let keeps_state = config.state != State::Memory;
    let store = Arc::new(match &config.state {
        State::Memory => Store::memory(),
        State::Sqlite(path) => Store::sqlite(path).await?,
        State::Default => Store::sqlite(&folder.join("stend.db")).await?,
    });
    let keys = Arc::new(SharedKeys::open(keeps_state.then(|| folder.join("keys")).as_deref())?);
    let pki = Arc::new(authority(&config, &folder)?);
    let trusted = trusted(&config)?;
    let ca_file = config.pki.clone().unwrap_or_default().join("ca.pem");
    let token = Entropy::system().hex(32);
    let token_file = config.control.token_file.clone();
    write_secret(&token_file, token.as_bytes())
        .map_err(|error| ServeError::Write { path: token_file.clone(), what: error.to_string() })?;

    let portal = Arc::new(Portal::new(config, store.clone(), pki, keys, trusted));
    let writer = tokio::spawn({
        let store = store.clone();
        async move { store.run().await }
    });
    portal.open_all(listener).await?;
    let default = portal.find(DEFAULT_SANDBOX).ok_or_else(|| OpenError::Unknown(DEFAULT_SANDBOX.to_owned()))?;
    let served = Served {
        sandbox: default.clone(),
        router: control::router(portal.clone(), &token),
        to: Party::Portal,
        quiet: true,
    };
    tokio::spawn(listen::accept(control_listener, served));
    // State is durable before anybody is told that the portal is ready.
    default.durable().await;
    ready(&ReadyLine {
        portal: format!("https://localhost:{portal_port}"),
        control: format!("https://localhost:{control_port}"),
        ca: absolute(&ca_file),
        token_file: absolute(&token_file),
        esia_issuer: default.esia_issuer().to_owned(),
        oidc_issuer: default.oidc_issuer().to_owned(),
    });
    portal.make_keys_ahead();

    let failure = tokio::select! {
        () = shutdown => None,
        error = store.failed() => Some(error),
    };
    portal.close().await;
    writer.abort();
    // The token was good for this run only.
    let _ = std::fs::remove_file(&token_file);
    failure.map_or(Ok(()), |error| Err(error.into()))
}

/// Binds what `localhost:8443`, `127.0.0.1:0` or `[::1]:8443` means.
async fn bind(listen: &Listen, beyond_loopback: bool, option: &'static str) -> Result<Bound, ServeError> {
    let address = listen.0.clone();
    let wrong = |what: &str| ServeError::Listen { address: address.clone(), what: what.to_owned() };
    let (host, port) = address.rsplit_once(':').ok_or_else(|| wrong("write host:port, such as localhost:8443"))?;
    let port: u16 = port.parse().map_err(|_| wrong("the port is a number from 0 to 65535"))?;
    let addresses: Vec<IpAddr> = match host.trim_start_matches('[').trim_end_matches(']') {
        "localhost" => LOCALHOST.to_vec(),
        ip => vec![ip.parse().map_err(|_| wrong("write localhost or an IP address before the port"))?],
    };
    if !beyond_loopback && addresses.iter().any(|ip| !ip.is_loopback()) {
        return Err(ServeError::BeyondLoopback { address });
    }
    listen::bind(&addresses, port).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => ServeError::PortTaken { address: address.clone(), option },
        std::io::ErrorKind::PermissionDenied => {
            wrong("this port needs rights that the program has not; choose one above 1023")
        }
        _ => wrong(&error.to_string()),
    })
}

/// The authority of the data folder, made there at the first start. It must stand in the sandbox's time.
fn authority(config: &Config, folder: &Path) -> Result<Authority, ServeError> {
    let place = config.pki.clone().unwrap_or_else(|| folder.join("pki"));
    let now = Clock::new(config.clock).now();
    Authority::open_or_create(&place, now, Algorithm::EcdsaP256)
        .map_err(|error| ServeError::Authority { folder: place.display().to_string(), what: chain(&error) })
}

fn trusted(config: &Config) -> Result<Vec<Vec<u8>>, ServeError> {
    let mut all = Vec::new();
    for path in &config.trust {
        let refused = |what: String| ConfigError::Certificate { path: path.clone(), what };
        let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        let read = crypto::Certificate::all_from_pem(&text).map_err(|error| refused(error.to_string()))?;
        all.extend(read.iter().map(|certificate| certificate.der().to_vec()));
    }
    Ok(all)
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
