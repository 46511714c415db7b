//! XML signatures (XML-DSig 1.1) as SMEV uses them: a hardened reader, canonical forms, the transform of SMEV, signing
//! and verifying.
//!
//! A verifier gets a typed answer: what exactly does not hold, and for what holds, which element it covers. A signer may
//! lie on purpose. Read a document with [`Document::parse`], look at it with [`Element`], and demand with
//! [`Verified::covering`] that the element you are about to use is the one that was signed.
//!
//! Deliberately absent: DTDs and entities; XPath, XSLT and other transforms that can leave out what they are to protect;
//! references out of the document or by XPointer; HMAC; manifests; keys other than in certificates; encryption.

mod c14n;
mod diagnose;
mod document;
mod method;
mod names;
mod read;
mod sign;
mod signature;
mod smev;
mod transform;
mod verify;

pub use c14n::{C14n, C14nError, canonical, canonical_document};
pub use diagnose::{DigestCause, SignatureCause};
pub use document::{Document, Element, WSU};
pub use method::{DigestMethod, Objection, Role, SignatureMethod, Unsuitable};
pub use read::{Limits, XmlCause, XmlError};
pub use sign::{Lies, Place, ReferenceAsk, SignAsk, SignError, sign};
pub use smev::{SMEV_TRANSFORM, SmevError, smev_transform};
pub use transform::{ENVELOPED, Transform, TransformError};
pub use verify::{Covered, Policy, Refused, Verified, verify};

/// Namespace of signatures, customarily `ds`.
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Namespace of the parameters of exclusive canonicalization, customarily `ec`.
const EC: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
