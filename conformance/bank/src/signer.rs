//! The bank's own keys: what it signs requests with, and what it shows in a TLS handshake.

use std::path::Path;

use crypto::{Certificate, PrivateKey, Scheme};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::BankError;
use crate::bank::read_text;
use crate::conduct::{Conduct, ProofDuty};
use crate::options::Options;

pub(crate) struct Signer {
    pub(crate) key: PrivateKey,
    pub(crate) certificate: Certificate,
    /// The text of `CERT`, as one variant hashes it.
    pub(crate) cert_pem: String,
    /// What is shown as a TLS client, PEM; none where the bank has nothing that TLS knows.
    client_tls: Option<(String, String)>,
    /// What a confused bank signs requests with.
    wrong: Option<Pair>,
}

/// A key with its certificate.
pub(crate) struct Pair {
    key: PrivateKey,
    certificate: Certificate,
}

/// What a request is signed with: the key, the certificate that goes into a container, and the one that is named by hash.
pub(crate) struct Hand<'a> {
    pub(crate) key: &'a PrivateKey,
    pub(crate) inside: &'a Certificate,
    pub(crate) named: &'a Certificate,
}

impl Pair {
    fn read(cert: &Path, key: &Path, what: &'static str) -> Result<(Self, String, String), BankError> {
        let unfit = |why: String| BankError::Material { what, why };
        let (cert_pem, key_pem) = (read_text(cert)?, read_text(key)?);
        let certificate = Certificate::from_pem(&cert_pem).map_err(|error| unfit(error.to_string()))?;
        let key = PrivateKey::from_pem(&key_pem).map_err(|error| unfit(error.to_string()))?;
        if !certificate.public_key().is_ok_and(|public| public == *key.public()) {
            return Err(unfit("the key does not belong to the certificate".to_owned()));
        }
        Ok((Self { key, certificate }, cert_pem, key_pem))
    }
}

impl Signer {
    pub(crate) fn read(options: &Options, conduct: &dyn Conduct) -> Result<Self, BankError> {
        let (own, cert_pem, key_pem) = Pair::read(&options.cert, &options.key, "CERT and KEY")?;
        let client_tls = match &options.client_tls {
            Some((cert, key)) => Some((read_text(cert)?, read_text(key)?)),
            None if own.key.family().is_gost() => None,
            None => Some((cert_pem.clone(), key_pem)),
        };
        let wrong = Self::wrong(options, conduct)?;
        Ok(Self { key: own.key, certificate: own.certificate, cert_pem, client_tls, wrong })
    }

    /// The pair of a variant that takes the wrong one; an honest bank reads none.
    fn wrong(options: &Options, conduct: &dyn Conduct) -> Result<Option<Pair>, BankError> {
        let server = Some((options.tls_cert.clone(), options.tls_key.clone()));
        let spares = &options.spares;
        let (what, paths) = if !conduct.proof(ProofDuty::RegisteredCertificate) {
            ("TLS_CERT and TLS_KEY", &server)
        } else if !conduct.proof(ProofDuty::CertificateInForce) {
            ("SPARE_EXPIRED_CERT and SPARE_EXPIRED_KEY", &spares.expired)
        } else if !conduct.proof(ProofDuty::CertificateOfKnownAuthority) {
            ("SPARE_FOREIGN_CERT and SPARE_FOREIGN_KEY", &spares.foreign)
        } else if !conduct.proof(ProofDuty::KeyOnItsCurve) {
            ("SPARE_OTHER_CURVE_CERT and SPARE_OTHER_CURVE_KEY", &spares.other_curve)
        } else {
            return Ok(None);
        };
        match paths {
            Some((cert, key)) => Pair::read(cert, key, what).map(|(pair, ..)| Some(pair)),
            None => Err(BankError::Material { what, why: "this variant signs with them".to_owned() }),
        }
    }

    /// What signs requests.
    pub(crate) fn hand(&self, conduct: &dyn Conduct) -> Hand<'_> {
        match &self.wrong {
            None => Hand { key: &self.key, inside: &self.certificate, named: &self.certificate },
            // Its own hash is sent by the bank whose key alone is wrong.
            Some(wrong) if !conduct.proof(ProofDuty::KeyOnItsCurve) => {
                Hand { key: &wrong.key, inside: &wrong.certificate, named: &self.certificate }
            }
            Some(wrong) => Hand { key: &wrong.key, inside: &wrong.certificate, named: &wrong.certificate },
        }
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
    pub(crate) fn identity(&self) -> Result<Option<Identity>, BankError> {
        let pair = self.client_tls.as_ref();
        pair.map(|(cert, key)| identity(cert, key, "the certificate of a TLS client")).transpose()
    }
}

/// Certificates and key in the forms that TLS takes.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

pub(crate) fn identity(cert_pem: &str, key_pem: &str, what: &'static str) -> Result<Identity, BankError> {
    let unfit = |error: rustls::pki_types::pem::Error| BankError::Material { what, why: error.to_string() };
    let chain = CertificateDer::pem_slice_iter(cert_pem.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(unfit)?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(unfit)?;
    Ok((chain, key))
}
