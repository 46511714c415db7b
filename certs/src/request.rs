//! PKCS#10 certificate requests: the key stays at the bank, its proof of possession is checked here.

use crypto::{PrivateKey, PublicKey};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::CertError;
use crate::build::Signing;

/// A request whose signature holds.
#[derive(Clone, Debug)]
pub struct Request {
    pub key: PublicKey,
    pub common_name: Option<String>,
    pub organization: Option<String>,
}

impl Request {
    /// Reads `CERTIFICATE REQUEST` (or `NEW CERTIFICATE REQUEST`) and verifies it with its own key.
    pub fn from_pem(text: &str) -> Result<Self, CertError> {
        let block = crypto::pem::blocks(text).into_iter().find(|block| block.label.ends_with("CERTIFICATE REQUEST"));
        let block = block.ok_or_else(|| CertError::Request("no block CERTIFICATE REQUEST".to_owned()))?;
        Self::from_der(&block.der)
    }

    pub fn from_der(der: &[u8]) -> Result<Self, CertError> {
        let (rest, request) =
            X509CertificationRequest::from_der(der).map_err(|error| CertError::Request(error.to_string()))?;
        if !rest.is_empty() {
            return Err(CertError::Request("bytes are left over".to_owned()));
        }
        let info = &request.certification_request_info;
        let key = PublicKey::from_spki_der(info.subject_pki.raw)?;
        request
            .verify_signature()
            .map_err(|_| CertError::Request("it is not signed by the key that it holds".to_owned()))?;
        let text = |attribute: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>| {
            attribute.and_then(|attribute| attribute.as_str().ok()).map(str::to_owned)
        };
        Ok(Self {
            key,
            common_name: text(info.subject.iter_common_name().next()),
            organization: text(info.subject.iter_organization().next()),
        })
    }

    /// Makes a request: what a bank does with its own key.
    pub fn make(key: &PrivateKey, common_name: &str) -> Result<String, CertError> {
        let generation = |error: rcgen::Error| CertError::Generation(error.to_string());
        crate::build::known(key.family())?;
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        params.serialize_request(&Signing(key)).map_err(generation)?.pem().map_err(generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::Algorithm;

    #[test]
    fn a_request_is_made_and_read() {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let request = Request::from_pem(&Request::make(&key, "BANK01").unwrap()).unwrap();
        assert_eq!(request.key, *key.public());
        assert_eq!(request.common_name.as_deref(), Some("BANK01"));
    }

    #[test]
    fn a_request_signed_by_another_key_is_refused() {
        let [ours, other] = [0, 1].map(|_| PrivateKey::generate(Algorithm::EcdsaP256).unwrap());
        let mut der = crypto::pem::blocks(&Request::make(&ours, "BANK01").unwrap()).remove(0).der;
        let (from, to) = (ours.public().spki_der(), other.public().spki_der());
        let at = der.windows(from.len()).position(|window| window == from).unwrap();
        der[at..at + to.len()].copy_from_slice(to);
        assert!(matches!(Request::from_der(&der), Err(CertError::Request(_))));
        assert!(Request::from_pem("nothing").is_err());
    }

    #[test]
    fn requests_of_openssl_are_read_and_unknown_curves_refused_by_name() {
        let rsa = Request::from_pem(include_str!("../tests/vectors/openssl-rsa.csr")).unwrap();
        assert_eq!((rsa.common_name.as_deref(), rsa.organization.as_deref()), (Some("BANK07"), Some("ООО Банк")));
        assert_eq!(rsa.key.bits(), 3072);
        let ec = Request::from_pem(include_str!("../tests/vectors/openssl-ec.csr")).unwrap();
        assert_eq!(ec.common_name.as_deref(), Some("BANK08"));
        assert!(Request::from_pem(include_str!("../tests/vectors/openssl-p384.csr")).is_err());
    }
}
