//! Key derivation over HMAC with Streebog-256 (RFC 7836 §4.4, §4.5).

use zeroize::{Zeroize, Zeroizing};

use crate::gost::hmac256;

/// KDF_GOSTR3411_2012_256 (RFC 7836 §4.4): one key of 32 bytes from another, a label and a seed.
pub fn kdf_gostr3411_2012_256(key: &[u8], label: &[u8], seed: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hmac256(key, &[&[1], label, &[0], seed, &[1, 0]].concat()))
}

/// KDF_TREE_GOSTR3411_2012_256 (RFC 7836 §4.5) with a counter of one byte (R = 1): `N` keys of 32 bytes, one after the
/// other. At most 255 of them, which the compiler sees to.
pub fn kdf_tree_gostr3411_2012_256<const N: usize>(key: &[u8], label: &[u8], seed: &[u8]) -> Zeroizing<[[u8; 32]; N]> {
    const { assert!(N >= 1 && N <= 255) }
    // The length of the output in bits, in as few bytes as hold it.
    let bits = (256 * N as u32).to_be_bytes();
    let length = &bits[bits.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = Zeroizing::new([[0; 32]; N]);
    for (at, key_out) in (1u8..).zip(out.iter_mut()) {
        let mut made = hmac256(key, &[&[at], label, &[0], seed, length].concat());
        *key_out = made;
        made.zeroize();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: [u8; 4] = [0x26, 0xbd, 0xb8, 0x78];
    const SEED: [u8; 8] = [0xaf, 0x21, 0x43, 0x41, 0x45, 0x65, 0x63, 0x78];

    fn key() -> [u8; 32] {
        std::array::from_fn(|at| at as u8)
    }

    /// RFC 7836 appendix B, examples 10 and 11.
    #[test]
    fn examples_of_rfc_7836() {
        let one = kdf_gostr3411_2012_256(&key(), &LABEL, &SEED);
        assert_eq!(hex::encode(&one[..]), "a1aa5f7de402d7b3d323f2991c8d4534013137010a83754fd0af6d7cd4922ed9");
        let two = kdf_tree_gostr3411_2012_256::<2>(&key(), &LABEL, &SEED);
        assert_eq!(
            hex::encode(two.as_flattened()),
            "22b6837845c6bef65ea71672b265831086d3c76aebe6dae91cad51d83f79d16b\
             074c9330599d7f8d712fca54392f4ddde93751206b3584c8f43f9e6dc51531f9"
        );
    }

    #[test]
    fn a_tree_of_one_key_is_the_plain_derivation() {
        let tree = kdf_tree_gostr3411_2012_256::<1>(&key(), &LABEL, &SEED);
        assert_eq!(tree[0], *kdf_gostr3411_2012_256(&key(), &LABEL, &SEED));
    }
}
