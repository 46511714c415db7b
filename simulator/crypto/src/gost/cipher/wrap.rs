//! Wrapping of one GOST 28147-89 key by another (RFC 4357 §6): plainly, and with a key made different for each message.

use zeroize::Zeroizing;

use super::modes::{cfb_encrypt, imit};
use super::{Gost28147, Sbox, UnwrapError};

/// A wrapped key and the code over it (Gost28147-89-EncryptedKey without its mask).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The encrypted key.
    pub key: [u8; 32],
    /// The code over the key in clear, with the user keying material as its start value.
    pub mac: [u8; 4],
}

/// Makes a key that goes with this user keying material only (RFC 4357 §6.5).
pub fn cryptopro_diversify(kek: &[u8; 32], ukm: &[u8; 8], sbox: Sbox) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new(*kek);
    for byte in ukm {
        let (mut ones, mut zeros) = (0u32, 0u32);
        for (bit, word) in key.as_chunks().0.iter().enumerate() {
            let word = u32::from_le_bytes(*word);
            let sum = if byte >> bit & 1 == 1 { &mut ones } else { &mut zeros };
            *sum = sum.wrapping_add(word);
        }
        let iv = Zeroizing::new(((u64::from(zeros) << 32) | u64::from(ones)).to_le_bytes());
        let by = key.clone();
        // 32 bytes never reach the end of a section, so that there is no meshing, as the RFC wants here.
        cfb_encrypt(&by, sbox, &iv, &mut key[..]);
    }
    key
}

/// CryptoPro key wrap (RFC 4357 §6.3).
pub fn cryptopro_wrap(kek: &[u8; 32], ukm: &[u8; 8], sbox: Sbox, key: &[u8; 32]) -> WrappedKey {
    gost_wrap(&cryptopro_diversify(kek, ukm, sbox), ukm, sbox, key)
}

/// CryptoPro key unwrap (RFC 4357 §6.4). The code has 32 bits: one damage in four milliards goes unnoticed.
pub fn cryptopro_unwrap(
    kek: &[u8; 32],
    ukm: &[u8; 8],
    sbox: Sbox,
    wrapped: &WrappedKey,
) -> Result<Zeroizing<[u8; 32]>, UnwrapError> {
    gost_unwrap(&cryptopro_diversify(kek, ukm, sbox), ukm, sbox, wrapped)
}

/// GOST 28147-89 key wrap (RFC 4357 §6.1).
pub fn gost_wrap(kek: &[u8; 32], ukm: &[u8; 8], sbox: Sbox, key: &[u8; 32]) -> WrappedKey {
    let mut wrapped = *key;
    Gost28147::new(kek, sbox).encrypt_ecb(&mut wrapped);
    WrappedKey { key: wrapped, mac: imit(kek, sbox, ukm, key) }
}

/// GOST 28147-89 key unwrap (RFC 4357 §6.2).
pub fn gost_unwrap(
    kek: &[u8; 32],
    ukm: &[u8; 8],
    sbox: Sbox,
    wrapped: &WrappedKey,
) -> Result<Zeroizing<[u8; 32]>, UnwrapError> {
    let mut key = Zeroizing::new(wrapped.key);
    Gost28147::new(kek, sbox).decrypt_ecb(&mut key[..]);
    let mac = imit(kek, sbox, ukm, &key[..]);
    if crate::compare::same(&mac, &wrapped.mac) { Ok(key) } else { Err(UnwrapError::Mac) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UKM: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

    fn kek() -> [u8; 32] {
        std::array::from_fn(|at| at as u8)
    }

    #[test]
    fn a_wrapped_key_is_that_of_the_trial_that_passed_with_openssl() {
        let wrapped = cryptopro_wrap(&kek(), &UKM, Sbox::Tc26Z, &[0x55; 32]);
        assert_eq!(hex::encode(wrapped.key), "00fa62f0a7ec6aab".repeat(4));
        assert_eq!(hex::encode(wrapped.mac), "15f64f7a");
    }

    #[test]
    fn one_flipped_bit_is_refused_and_so_is_another_key() {
        let key: [u8; 32] = std::array::from_fn(|at| (at as u8).wrapping_mul(73));
        for sbox in Sbox::ALL {
            for (wrap, unwrap) in [
                (cryptopro_wrap as fn(&_, &_, _, &_) -> _, cryptopro_unwrap as fn(&_, &_, _, &_) -> _),
                (gost_wrap, gost_unwrap),
            ] {
                let good: WrappedKey = wrap(&kek(), &UKM, sbox, &key);
                assert_eq!(unwrap(&kek(), &UKM, sbox, &good), Ok(Zeroizing::new(key)));
                for bit in 0..288 {
                    let mut bad = good;
                    match bad.key.get_mut(bit / 8) {
                        Some(byte) => *byte ^= 1 << (bit % 8),
                        None => bad.mac[bit / 8 - 32] ^= 1 << (bit % 8),
                    }
                    assert_eq!(unwrap(&kek(), &UKM, sbox, &bad), Err(UnwrapError::Mac), "bit {bit}");
                }
                for bit in 0..256 {
                    let mut other = kek();
                    other[bit / 8] ^= 1 << (bit % 8);
                    assert_eq!(unwrap(&other, &UKM, sbox, &good), Err(UnwrapError::Mac), "bit {bit} of the key");
                }
                for bit in 0..64 {
                    let mut other = UKM;
                    other[bit / 8] ^= 1 << (bit % 8);
                    assert_eq!(unwrap(&kek(), &other, sbox, &good), Err(UnwrapError::Mac), "bit {bit} of the material");
                }
            }
        }
    }
}
