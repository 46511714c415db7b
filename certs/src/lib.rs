//! The test authority: certificates for the portal, for banks and for lies, made per run or kept in a folder.
//!
//! Everything is valid around the instant that the caller gives, so that nothing in the tree can expire. Good and bad
//! certificates come from the rows of `profiles.toml`; a bad one is a good one minus one property. Keys are made by the
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
    #[error("accept the name {0:?}: letters, digits, dots, dashes and underscores are allowed")]
    UnfitName(String),
}
