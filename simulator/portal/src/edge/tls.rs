//! TLS of the listeners: rustls with ring, TLS 1.2 and 1.3, and the certificates that lies show.
//!
//! A client's certificate is welcome from whatever authority: the handshake proves that the client holds its key, and
//! the endpoint decides about trust, so that it can say what is wrong with it. Sessions are never resumed: a resumed
//! one shows no certificate, and then a lie about it would not be told.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use certs::{Authority, Key, Profile, Subject};
use contract::time::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};

use crate::faults::Lie;
use crate::portal::Sandbox;

/// The lie that is told without TLS at all.
pub(crate) const OLD_VERSION: &str = "tls-old-version";

const REVOKED: &str = "server-revoked";

/// Lies in the handshake, and the profile of the certificate that each shows.
pub(crate) const LIES: &[(&str, &str)] = &[
    ("cert-expired", "server-expired"),
    ("cert-foreign-authority", "server-foreign-authority"),
    ("cert-name-in-subject-only", "server-name-in-subject-only"),
    ("cert-no-server-auth", "server-no-server-auth"),
    ("cert-not-yet-valid", "server-not-yet-valid"),
    ("cert-revoked", REVOKED),
    ("cert-self-signed", "server-self-signed"),
    ("cert-wrong-host", "server-wrong-host"),
    (OLD_VERSION, HONEST),
];

const HONEST: &str = "server";

/// Why a listener has no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("make a server certificate")]
    Certificate(#[from] certs::CertError),
    #[error("set up TLS")]
    Setup(#[from] rustls::Error),
}

/// Server configurations by certificate profile, made when first needed.
#[derive(Default)]
pub(crate) struct Chest {
    made: Mutex<BTreeMap<&'static str, Arc<Ready>>>,
}

struct Ready {
    config: Arc<ServerConfig>,
    leaf: Vec<u8>,
}

impl Chest {
    fn get(&self, authority: &Authority, profile: &'static str, now: Timestamp) -> Result<Arc<Ready>, TlsError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = made.get(profile) {
            return Ok(ready.clone());
        }
        let ready = Arc::new(issue(authority, profile, now)?);
        made.insert(profile, ready.clone());
        Ok(ready)
    }

    /// Makes new certificates from now on: after the clock was moved they must be valid around the new time.
    pub(crate) fn forget(&self) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The same, but for the revoked certificate: clients have read the list that names it, and read it once.
    pub(crate) fn renew(&self) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).retain(|profile, _| *profile == REVOKED);
    }
}

fn issue(authority: &Authority, profile: &str, now: Timestamp) -> Result<Ready, TlsError> {
    let subject =
        Subject::localhost().with_ip(IpAddr::from([127, 0, 0, 1])).with_ip(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]));
    let issued =
        authority.issue(Profile::named(profile)?, &subject, Key::Generate(crypto::Algorithm::EcdsaP256), now)?;
    let key = issued.key.as_ref().map(|key| key.pkcs8_der().to_vec()).unwrap_or_default();
    let chain = vec![CertificateDer::from(issued.cert_der.clone())];
    let mut config = server_builder()?
        .with_client_cert_verifier(Arc::new(AnyCertificate(provider())))
        .with_single_cert(chain, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Ready { config: Arc::new(config), leaf: issued.cert_der })
}

fn server_builder() -> Result<rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>, rustls::Error> {
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The lie that the next handshake is to meet.
pub(crate) fn armed(sandbox: &Sandbox) -> Option<Lie> {
    let fits = |slug: &str| LIES.iter().any(|(known, _)| *known == slug);
    sandbox.armed().matching(0, None, fits).into_iter().next()
}

/// The configuration for a handshake, lied about or not.
pub(crate) fn config(sandbox: &Sandbox, fault: Option<&str>) -> Option<Arc<ServerConfig>> {
    let lie = LIES.iter().find(|(slug, _)| Some(*slug) == fault);
    ready(sandbox, lie.map_or(HONEST, |(_, profile)| profile)).map(|ready| ready.config.clone())
}

/// The honest certificate.
pub(crate) fn leaf(sandbox: &Sandbox) -> Vec<u8> {
    ready(sandbox, HONEST).map(|ready| ready.leaf.clone()).unwrap_or_default()
}

/// Makes the revoked certificate, so that the list names it before anybody meets it.
pub(crate) fn prepare_revoked(sandbox: &Sandbox) {
    let _ = ready(sandbox, REVOKED);
}

fn ready(sandbox: &Sandbox, profile: &'static str) -> Option<Arc<Ready>> {
    match sandbox.chest().get(sandbox.pki(), profile, sandbox.now()) {
        Ok(ready) => Some(ready),
        Err(error) => {
            tracing::error!(%error, profile, "a handshake failed for want of a certificate");
            None
        }
    }
}

/// Takes any certificate whose key the client proves to hold.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lie_has_a_certificate() {
        let now = Timestamp::from_seconds(1_795_000_000);
        let authority = Authority::new(now, crypto::Algorithm::EcdsaP256).unwrap();
        for (_, profile) in LIES {
            issue(&authority, profile, now).unwrap();
        }
    }
}
