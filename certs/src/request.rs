//! PKCS#10 certificate requests (RFC 2986): the key stays at the bank, its proof of possession is checked here.

use crypto::cert::{self, Identifier};
use crypto::{PrivateKey, PublicKey, chain};
use der::{Decode, Encode};
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::request::CertReqInfo;

use crate::build::{self, Signed};
use crate::{CertError, Subject};

/// A request whose signature holds.
#[derive(Clone, Debug)]
pub struct Request {
    pub key: PublicKey,
    pub common_name: Option<String>,
    pub organization: Option<String>,
    /// OGRN, INN, INNLE, OGRNIP, SNILS.
    pub identifiers: Vec<(Identifier, String)>,
}

impl Request {
    /// Reads `CERTIFICATE REQUEST` (or `NEW CERTIFICATE REQUEST`) and verifies it with its own key.
    pub fn from_pem(text: &str) -> Result<Self, CertError> {
        let block = crypto::pem::blocks(text).into_iter().find(|block| block.label.ends_with("CERTIFICATE REQUEST"));
        let block = block.ok_or_else(|| CertError::Request("no block CERTIFICATE REQUEST".to_owned()))?;
        Self::from_der(&block.der)
    }

    /// Reads a request in DER and verifies it with its own key.
    pub fn from_der(der: &[u8]) -> Result<Self, CertError> {
        let unread = |error: der::Error| CertError::Request(error.to_string());
        let outer = Signed::from_der(der).map_err(unread)?;
        let data = outer.data.to_der().map_err(unread)?;
        let info = CertReqInfo::from_der(&data).map_err(unread)?;
        // As it is written here: an algorithm is known by its whole bytes.
        let spki = info.public_key.to_der().map_err(unread)?;
        let key = PublicKey::from_spki_der(&spki)?;
        let algorithm = outer.algorithm.to_der().map_err(unread)?;
        let signature = outer.signature.as_bytes();
        let signature = signature.ok_or_else(|| CertError::Request("a signature of unused bits".to_owned()))?;
        chain::signed(&data, &spki, &algorithm, signature)
            .map_err(|_| CertError::Request("it is not signed by the key that it holds".to_owned()))?;
        let text =
            |value: der::Result<Option<DirectoryString>>| value.ok().flatten().map(|value| value.value().into_owned());
        Ok(Self {
            key,
            common_name: text(info.subject.common_name()),
            organization: text(info.subject.organization()),
            identifiers: cert::identifiers(&info.subject),
        })
    }

    /// Makes a request for this name: what a bank does with its own key.
    pub fn make(key: &PrivateKey, common_name: &str) -> Result<String, CertError> {
        Self::make_for(key, &Subject::named(common_name))
    }

    /// Makes a request for this subject; hosts and addresses are not part of it.
    pub fn make_for(key: &PrivateKey, subject: &Subject) -> Result<String, CertError> {
        Ok(crypto::pem::encode("CERTIFICATE REQUEST", &build::request(key, subject)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::Algorithm;

    #[test]
    fn a_request_is_made_and_read() {
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::Rsa3072) {
            let key = PrivateKey::generate(algorithm).unwrap();
            let subject = Subject::named("BANK01").with_organization("ООО «Банк»");
            let subject = subject.with_identifier(Identifier::Ogrn, "1177700000004");
            let request = Request::from_pem(&Request::make_for(&key, &subject).unwrap()).unwrap();
            assert_eq!(request.key, *key.public());
            assert_eq!(request.common_name.as_deref(), Some("BANK01"));
            assert_eq!(request.organization.as_deref(), Some("ООО «Банк»"));
            assert_eq!(request.identifiers, subject.identifiers);
        }
    }

    #[test]
    fn a_request_signed_by_another_key_is_refused() {
        for algorithm in [Algorithm::EcdsaP256, Algorithm::GOST_256, Algorithm::GOST_512] {
            let [ours, other] = [0, 1].map(|_| PrivateKey::generate(algorithm).unwrap());
            let mut der = crypto::pem::blocks(&Request::make(&ours, "BANK01").unwrap()).remove(0).der;
            let (from, to) = (ours.public().spki_der(), other.public().spki_der());
            let at = der.windows(from.len()).position(|window| window == from).unwrap();
            der[at..at + to.len()].copy_from_slice(to);
            assert!(matches!(Request::from_der(&der), Err(CertError::Request(_))));
        }
        assert!(Request::from_pem("nothing").is_err());
    }

    #[test]
    fn requests_of_openssl_are_read_and_unknown_curves_refused_by_name() {
        let rsa = Request::from_pem(include_str!("../tests/vectors/openssl-rsa.csr")).unwrap();
        assert_eq!((rsa.common_name.as_deref(), rsa.organization.as_deref()), (Some("BANK07"), Some("ООО Банк")));
        assert_eq!(rsa.key.bits(), 3072);
        let ec = Request::from_pem(include_str!("../tests/vectors/openssl-ec.csr")).unwrap();
        assert_eq!(ec.common_name.as_deref(), Some("BANK08"));
        let refused = Request::from_pem(include_str!("../tests/vectors/openssl-p384.csr")).unwrap_err();
        assert!(matches!(refused, CertError::Key(crypto::KeyError::UnknownAlgorithm(_))), "{refused:?}");
    }
}
