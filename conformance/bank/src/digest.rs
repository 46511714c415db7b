//! Digests as names of records.

/// A short name for a text, the same each time.
pub(crate) fn short(text: &str) -> String {
    crypto::digest::sha256_hex(text.as_bytes()).chars().take(24).collect()
}
