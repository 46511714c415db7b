//! The bank's own keys: what it signs requests with, and what it shows in a TLS handshake.

use crypto::{Certificate, PrivateKey, Scheme};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::BankError;
use crate::bank::read_text;
use crate::options::Options;

pub(crate) struct Signer {
    pub(crate) key: PrivateKey,
    pub(crate) certificate: Certificate,
    /// The server's pair, which a confused bank signs requests with.
    other_key: PrivateKey,
    other_certificate: Certificate,
    cert_pem: String,
    key_pem: String,
}

impl Signer {
    pub(crate) fn read(options: &Options) -> Result<Self, BankError> {
        let unfit = |what| move |why: String| BankError::Material { what, why };
        let (cert_pem, key_pem) = (read_text(&options.cert)?, read_text(&options.key)?);
        let certificate = Certificate::from_pem(&cert_pem).map_err(|e| unfit("CERT")(e.to_string()))?;
        let key = PrivateKey::from_pem(&key_pem).map_err(|e| unfit("KEY")(e.to_string()))?;
        let belongs = certificate.public_key().is_ok_and(|public| public == *key.public());
        if !belongs {
            return Err(unfit("KEY")("it does not belong to the certificate in CERT".to_owned()));
        }
        let other_certificate =
            Certificate::from_pem(&read_text(&options.tls_cert)?).map_err(|e| unfit("TLS_CERT")(e.to_string()))?;
        let other_key =
            PrivateKey::from_pem(&read_text(&options.tls_key)?).map_err(|e| unfit("TLS_KEY")(e.to_string()))?;
        Ok(Self { key, certificate, other_key, other_certificate, cert_pem, key_pem })
    }

    /// The pair that signs requests.
    pub(crate) fn pair(&self, registered: bool) -> (&PrivateKey, &Certificate) {
        if registered { (&self.key, &self.certificate) } else { (&self.other_key, &self.other_certificate) }
    }

    /// Algorithm and scheme of client assertions.
    pub(crate) fn jws(&self) -> (crypto::jws::Alg, Scheme) {
        match self.key.family() {
            crypto::Family::EcdsaP256 => (crypto::jws::Alg::Es256, Scheme::EcdsaSha256Fixed),
            crypto::Family::Gost256 => (crypto::jws::Alg::Gost256, Scheme::Gost256),
            crypto::Family::Gost512 => (crypto::jws::Alg::Gost512, Scheme::Gost512),
            crypto::Family::Rsa => (crypto::jws::Alg::Ps256, Scheme::RsaPssSha256),
        }
    }

    /// What the bank shows as a TLS client.
    pub(crate) fn identity(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), BankError> {
        identity(&self.cert_pem, &self.key_pem, "CERT and KEY")
    }
}

/// Certificates and key in the forms that TLS takes.
pub(crate) fn identity(
    cert_pem: &str,
    key_pem: &str,
    what: &'static str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), BankError> {
    let unfit = |error: rustls::pki_types::pem::Error| BankError::Material { what, why: error.to_string() };
    let chain = CertificateDer::pem_slice_iter(cert_pem.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(unfit)?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(unfit)?;
    Ok((chain, key))
}
