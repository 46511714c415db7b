//! The test authority: certificates for the portal, for banks and for lies, made per run or kept in a folder.
//!
//! Everything is valid around the instant that the caller gives, so that nothing in the tree can expire. Good and bad
//! certificates come from the rows of `profiles.toml`; a bad one is a good one minus one property. One path makes them
//! all, whatever the algorithms of authority and key: RSA, ECDSA, GOST R 34.10-2012, also mixed. Keys are made by the
//! system's randomness and never committed; key files have mode 0600. OCSP is deliberately absent.

mod authority;
mod build;
mod folder;
pub mod pki;
mod profile;
mod request;

pub use authority::{Authority, Crl, Issued, Key, Subject};
pub use profile::{IssuerKind, KeyUsage, Names, Profile, Usage, Validity};
pub use request::Request;

pub use crypto::cert::Identifier;
use crypto::{Certificate, PrivateKey};

/// What cannot be made, and why.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    #[error("use {what}: {problem}")]
    Folder { what: String, problem: String },
    #[error("make the certificate: {0}")]
    Generation(String),
    #[error("use the key")]
    Key(#[from] crypto::KeyError),
    #[error("draw randomness from the system")]
    NoRandomness,
    #[error("read the certificate request: {0}")]
    Request(String),
    #[error("know the profile {name:?}; known are {known}")]
    UnknownProfile { name: String, known: String },
    #[error("find a certificate {0:?} among the issued ones")]
    UnknownCertificate(String),
    #[error("accept {value:?} as {name}: digits are wanted, no more than such a number has")]
    UnfitIdentifier { name: &'static str, value: String },
    #[error("accept the name {0:?}: letters, digits, dots, dashes and underscores are allowed")]
    UnfitName(String),
}

/// A certificate that its owner makes itself, for signatures only, under no authority.
pub fn self_made(
    key: &PrivateKey,
    subject: &Subject,
    within: [contract::time::Timestamp; 2],
) -> Result<Certificate, CertError> {
    let content = build::Content::self_made(subject, within)?;
    let issuer = build::Issuer::itself(&content, key);
    let der = content.signed_by(key.public(), &issuer)?;
    Certificate::from_der(&der).map_err(|error| CertError::Generation(error.to_string()))
}

impl From<der::Error> for CertError {
    fn from(error: der::Error) -> Self {
        Self::Generation(error.to_string())
    }
}
