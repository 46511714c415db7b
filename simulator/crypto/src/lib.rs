//! Signatures, digests and encryption over bytes: keys, JWS, CMS, raw ESIA signatures, HTTP message signatures, signed
//! XML, certificates.
//!
//! Knows no portal and no bank, reads no clock (instants come in as Unix seconds) and draws no chance except for keys,
//! initial values and signature nonces, which come from the system. The algorithm is a seam: what is not RSA, ECDSA P-256
//! or GOST R 34.10-2012 is refused by name.
//!
//! Deliberately absent: any policy (who may sign what); callers decide with the typed outcomes.

pub mod algorithm;
pub mod base64;
pub mod cert;
pub mod chain;
pub mod cms;
pub mod compare;
pub mod digest;
pub mod gost;
pub mod http_signature;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod key;
pub mod pem;
pub mod raw;
pub mod xmldsig;

pub use algorithm::{Algorithm, Family, Scheme};
pub use cert::Certificate;
pub use key::{KeyError, PrivateKey, PublicKey, VerifyError};
