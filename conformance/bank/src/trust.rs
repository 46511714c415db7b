//! Whom the bank talks to: the one authority it was given, TLS 1.2 and 1.3, and every property of the server's
//! certificate judged by the bank's own clock. A broken variant overlooks exactly one obstacle.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use contract::time::Timestamp;
use crypto::Certificate;
use crypto::chain::{self, ChainError, Check, Usage};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, CipherSuite, ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedCipherSuite,
};

use crate::BankError;
use crate::clock::Clock;
use crate::conduct::{CallDuty, CertificateCheck, Conduct, Diligence};

pub(crate) struct Guard {
    roots: Vec<Certificate>,
    /// Revocation lists in DER; none where the policy does not ask for them.
    lists: RwLock<Vec<Vec<u8>>>,
    /// The obstacle that a variant looks at only after the exchange.
    noticed: Mutex<Option<String>>,
    conduct: &'static dyn Conduct,
    clock: Arc<Clock>,
    provider: Arc<CryptoProvider>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Guard")
    }
}

impl Guard {
    pub(crate) fn new(ca_pem: &str, conduct: &'static dyn Conduct, clock: Arc<Clock>) -> Result<Self, BankError> {
        let roots = Certificate::all_from_pem(ca_pem)
            .map_err(|error| BankError::Material { what: "CA", why: error.to_string() })?;
        Ok(Self {
            roots,
            lists: RwLock::default(),
            noticed: Mutex::default(),
            conduct,
            clock,
            provider: Arc::new(provider(conduct)),
        })
    }

    /// Takes the authority's revocation lists, in PEM or DER.
    pub(crate) fn take_lists(&self, bytes: &[u8]) -> usize {
        let text = String::from_utf8_lossy(bytes);
        let mut found: Vec<Vec<u8>> =
            crypto::pem::blocks(&text).into_iter().filter(|block| block.label == "X509 CRL").map(|b| b.der).collect();
        if found.is_empty() && bytes.first() == Some(&0x30) {
            found.push(bytes.to_vec());
        }
        let count = found.len();
        *self.lists.write().unwrap_or_else(PoisonError::into_inner) = found;
        count
    }

    /// The authority's roots, for signatures of the portal.
    pub(crate) fn roots(&self) -> Vec<Certificate> {
        self.roots.clone()
    }

    /// The revocation lists that are at hand.
    pub(crate) fn lists(&self) -> Vec<Vec<u8>> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was noticed too late, until a later handshake is in order.
    pub(crate) fn noticed(&self) -> Option<String> {
        self.noticed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn notice(&self, what: Option<String>) {
        *self.noticed.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    fn judge(&self, leaf: &Certificate, between: &[Certificate], host: &str, now: Timestamp) -> Result<(), ChainError> {
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        chain::verify(&Check {
            leaf,
            intermediates: between,
            roots: &self.roots,
            crls: &lists,
            at: now.seconds(),
            usage: Usage::Server,
            host: Some(host),
        })
    }

    /// The client side of TLS, with the bank's certificate where it shows one.
    pub(crate) fn client(
        self: &Arc<Self>,
        identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Result<ClientConfig, BankError> {
        let unfit = |error: rustls::Error| BankError::Material { what: "CERT and KEY", why: error.to_string() };
        let versions = &[&rustls::version::TLS13, &rustls::version::TLS12];
        let builder = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(versions)
            .map_err(unfit)?
            .dangerous()
            .with_custom_certificate_verifier(self.clone());
        let mut config = match identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(unfit)?,
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = self.conduct.call(CallDuty::SniSent);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Which check an obstacle belongs to; none for those that nothing may overlook.
fn check_of(obstacle: &ChainError, leaf: &Certificate) -> Option<CertificateCheck> {
    Some(match obstacle {
        ChainError::Expired { .. } => CertificateCheck::Expired,
        ChainError::NotYetValid { .. } => CertificateCheck::NotYetValid,
        ChainError::Revoked => CertificateCheck::Revoked,
        ChainError::SelfSigned => CertificateCheck::SelfSigned,
        ChainError::UnknownIssuer | ChainError::BadSignature => CertificateCheck::Authority,
        ChainError::WrongName if leaf.dns_names().is_empty() && leaf.ip_addresses().is_empty() => {
            CertificateCheck::HostNameInAlternative
        }
        ChainError::WrongName => CertificateCheck::HostName,
        ChainError::WrongUsage => CertificateCheck::ServerUsage,
        ChainError::Malformed(_) | ChainError::Other(_) => return None,
    })
}

fn alert(obstacle: &ChainError) -> CertificateError {
    match obstacle {
        ChainError::BadSignature => CertificateError::BadSignature,
        ChainError::Expired { .. } => CertificateError::Expired,
        ChainError::NotYetValid { .. } => CertificateError::NotValidYet,
        ChainError::Revoked => CertificateError::Revoked,
        ChainError::SelfSigned | ChainError::UnknownIssuer => CertificateError::UnknownIssuer,
        ChainError::WrongName => CertificateError::NotValidForName,
        ChainError::WrongUsage => CertificateError::InvalidPurpose,
        ChainError::Malformed(_) | ChainError::Other(_) => CertificateError::BadEncoding,
    }
}

impl ServerCertVerifier for Guard {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let read = |der: &CertificateDer<'_>| {
            Certificate::from_der(der).map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))
        };
        let leaf = read(end_entity)?;
        let between = intermediates.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let Err(obstacle) = self.judge(&leaf, &between, &server_name.to_str(), self.clock.now()) else {
            self.notice(None);
            return Ok(ServerCertVerified::assertion());
        };
        let diligence = check_of(&obstacle, &leaf).map_or(Diligence::Full, |check| self.conduct.certificate(check));
        match diligence {
            Diligence::Full => return Err(rustls::Error::InvalidCertificate(alert(&obstacle))),
            Diligence::Late => self.notice(Some(obstacle.to_string())),
            Diligence::LoggedOnly => tracing::warn!(%obstacle, "the portal's certificate is not in order"),
            Diligence::Skipped | Diligence::WrongField => {}
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The suites that are offered: ring's, all with forward secrecy and authenticated encryption.
fn provider(conduct: &dyn Conduct) -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    if !conduct.call(CallDuty::StrongSuitesOnly) {
        let weak = provider.cipher_suites.iter().find_map(|suite| match suite {
            SupportedCipherSuite::Tls12(strong) => Some(pretend_weak(strong)),
            SupportedCipherSuite::Tls13(_) => None,
        });
        provider.cipher_suites.extend(weak);
    }
    provider
}

/// Offers 3DES by name. It is never spoken: a portal that chose it would be given another cipher and fail.
fn pretend_weak(strong: &rustls::Tls12CipherSuite) -> SupportedCipherSuite {
    let common = rustls::crypto::CipherSuiteCommon {
        suite: CipherSuite::TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
        hash_provider: strong.common.hash_provider,
        confidentiality_limit: strong.common.confidentiality_limit,
    };
    let weak = rustls::Tls12CipherSuite {
        common,
        prf_provider: strong.prf_provider,
        kx: strong.kx,
        sign: strong.sign,
        aead_alg: strong.aead_alg,
    };
    SupportedCipherSuite::Tls12(Box::leak(Box::new(weak)))
}
