//! Streebog (GOST R 34.11-2012, RFC 6986) and HMAC over it (RFC 7836 §4.1). Digests are in the byte order of OpenSSL and
//! of every certificate: that of the RFC's examples, printed there the other way round, reversed.

use hmac::{Hmac, KeyInit, Mac};
use streebog::{Digest, Streebog256, Streebog512};

/// Streebog with 256 bits.
pub fn streebog256(bytes: &[u8]) -> [u8; 32] {
    Streebog256::digest(bytes).into()
}

/// Streebog with 512 bits.
pub fn streebog512(bytes: &[u8]) -> [u8; 64] {
    Streebog512::digest(bytes).into()
}

/// HMAC_GOSTR3411_2012_256, for a key of any length.
pub fn hmac256(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    Hmac::<Streebog256>::new_from_slice(key)
        .map_or([0; 32], |mac| mac.chain_update(bytes).finalize().into_bytes().into())
}

/// HMAC_GOSTR3411_2012_512, for a key of any length.
pub fn hmac512(key: &[u8], bytes: &[u8]) -> [u8; 64] {
    Hmac::<Streebog512>::new_from_slice(key)
        .map_or([0; 64], |mac| mac.chain_update(bytes).finalize().into_bytes().into())
}
