//! The GOST block ciphers and what CMS builds on them: GOST 28147-89 with CryptoPro key meshing and key wrap
//! (RFC 4357), Magma and Kuznyechik with re-keying counters (RFC 8645), key export and key derivation (RFC 7836,
//! RFC 9189).
//!
//! Keys are wiped when they are dropped, and authentication codes are compared in constant time. GOST 28147-89 and Magma
//! look nothing up in a table by a secret. The crate `kuznyechik` does, in tables of 64 KiB, so that somebody who shares
//! a processor's cache with this process may learn something of such a key.
//!
//! Deliberately absent: CBC and OFB (no message of ours has them), MGM (TLS 1.3 only), OMAC-ACPKM (CMS takes plain OMAC).

mod acpkm;
mod gost28147;
mod kdf;
mod kexp;
mod modes;
mod sbox;
mod wrap;

pub use acpkm::{CipherKind, Ctr, Omac};
pub use gost28147::Gost28147;
pub use kdf::{kdf_gostr3411_2012_256, kdf_tree_gostr3411_2012_256};
pub use kexp::{ExportKeys, keg, kexp15, kimp15};
pub use modes::{cfb_decrypt, cfb_encrypt, cnt, imit, imit_meshed};
pub use sbox::Sbox;
pub use wrap::{WrappedKey, cryptopro_diversify, cryptopro_unwrap, cryptopro_wrap, gost_unwrap, gost_wrap};

/// Why a key was not taken out of its wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// The code over the key does not hold: another key wrapped it, or the wrapping is damaged.
    #[error("unwrap the key: its authentication code is not one by this key")]
    Mac,
    /// The wrapping is not as long as this algorithm makes it.
    #[error("unwrap the key: {seen} bytes where {wanted} are wanted")]
    Length { seen: usize, wanted: usize },
}
