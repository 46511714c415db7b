//! HTTP clients of the suite: TLS checked against the run's own authority, no redirects followed by themselves, no cookies
//! kept; whoever wants those does it in the open, so that they stand in the recording.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::SuiteError;

/// A client that trusts the authorities in these PEM texts and nobody else.
pub(crate) fn client(authorities: &[&str]) -> Result<reqwest::Client, SuiteError> {
    let bad =
        |cause: String| SuiteError::new(format!("cannot use the authority's certificate: {cause}"), "give a PEM file");
    let mut roots = rustls::RootCertStore::empty();
    for pem in authorities {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|cause| bad(cause.to_string()))?;
            roots.add(certificate).map_err(|cause| bad(cause.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| bad(cause.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        .tls_info(true)
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        // A bank that restarts leaves dead connections behind; a short pool life keeps them out of the results.
        .pool_idle_timeout(Duration::from_secs(5))
        .build()
        .map_err(|cause| SuiteError::new(format!("cannot make an HTTP client: {cause}"), ""))
}

/// The innermost words of a client error, without the address that stands in front of them.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
