//! The block cipher GOST 28147-89 (RFC 5830) in the byte order of RFC 4357: words are little-endian, and the halves of
//! the result change places.

use zeroize::{Zeroize, Zeroizing};

use super::Sbox;

/// A key of GOST 28147-89 with its substitutions. Wiped on drop, prints nothing.
///
/// The substitution is a shift within a 64-bit word, so that time and memory access do not depend on key or data.
pub struct Gost28147 {
    key: [u32; 8],
    rows: &'static [u64; 8],
}

impl Gost28147 {
    /// Takes a key of 32 bytes.
    pub fn new(key: &[u8; 32], sbox: Sbox) -> Self {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(key.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Self { key: words, rows: sbox.rows() }
    }

    /// Takes a key of Magma (RFC 8891): the same cipher with box Z, its words written with the highest byte first.
    pub(super) fn magma(key: &[u8; 32]) -> Self {
        let mut turned = Zeroizing::new(*key);
        turned.chunks_mut(4).for_each(<[u8]>::reverse);
        Self::new(&turned, Sbox::Tc26Z)
    }

    /// Encrypts one block in place (32 rounds: the key's words three times forwards, once backwards).
    pub fn encrypt(&self, block: &mut [u8; 8]) {
        let mut halves = split(block);
        for at in (0..24).map(|round| round % 8).chain((0..8).rev()) {
            halves = self.round(halves, at);
        }
        *block = join(halves.1, halves.0);
    }

    /// Decrypts one block in place.
    pub fn decrypt(&self, block: &mut [u8; 8]) {
        let mut halves = split(block);
        for at in (0..8).chain((0..24).rev().map(|round| round % 8)) {
            halves = self.round(halves, at);
        }
        *block = join(halves.1, halves.0);
    }

    /// Encrypts whole blocks, each by itself. Bytes after the last whole block stay as they are.
    pub fn encrypt_ecb(&self, data: &mut [u8]) {
        data.as_chunks_mut().0.iter_mut().for_each(|block| self.encrypt(block));
    }

    /// Decrypts whole blocks, each by itself. Bytes after the last whole block stay as they are.
    pub fn decrypt_ecb(&self, data: &mut [u8]) {
        data.as_chunks_mut().0.iter_mut().for_each(|block| self.decrypt(block));
    }

    /// The sixteen rounds of the authentication code, after which the halves keep their places.
    pub(super) fn half_encrypt(&self, block: &mut [u8; 8]) {
        let mut halves = split(block);
        for at in (0..16).map(|round| round % 8) {
            halves = self.round(halves, at);
        }
        *block = join(halves.0, halves.1);
    }

    fn round(&self, (low, high): (u32, u32), at: usize) -> (u32, u32) {
        let sum = low.wrapping_add(self.key[at]);
        let mut out = 0;
        for (place, row) in self.rows.iter().enumerate() {
            let shift = 4 * place;
            let digit = row >> (60 - 4 * (sum >> shift & 15)) & 15;
            out |= (digit as u32) << shift;
        }
        (high ^ out.rotate_left(11), low)
    }
}

impl Drop for Gost28147 {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

fn split(block: &[u8; 8]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = *block;
    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
}

fn join(first: u32, second: u32) -> [u8; 8] {
    ((u64::from(second) << 32) | u64::from(first)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use magma::cipher::{Block, BlockCipherEncrypt, KeyInit};
    use magma::{Gost89CryptoProA, Gost89CryptoProB, Gost89CryptoProC, Magma};

    use super::*;

    /// Magma is this cipher with another order of bytes (RFC 8891): the words of the key and the whole block reversed.
    fn reversed<C: KeyInit + BlockCipherEncrypt>(key: &[u8; 32], mut bytes: [u8; 8]) -> [u8; 8] {
        let mut turned = *key;
        turned.chunks_mut(4).for_each(<[u8]>::reverse);
        bytes.reverse();
        let mut block = Block::<C>::default();
        block.copy_from_slice(&bytes);
        C::new_from_slice(&turned).unwrap().encrypt_block(&mut block);
        bytes.copy_from_slice(&block);
        bytes.reverse();
        bytes
    }

    /// What the crate calls CryptoPro-D is the box of the old hash (RFC 4357 §11.2 has both), so it is not compared.
    #[test]
    fn agrees_with_the_crate_magma() {
        for seed in 0..32u8 {
            let key: [u8; 32] = std::array::from_fn(|at| (at as u8).wrapping_mul(37) ^ seed.wrapping_mul(113));
            let block: [u8; 8] = std::array::from_fn(|at| (at as u8).wrapping_mul(91).wrapping_add(seed));
            for (sbox, wanted) in [
                (Sbox::CryptoProA, reversed::<Gost89CryptoProA>(&key, block)),
                (Sbox::CryptoProB, reversed::<Gost89CryptoProB>(&key, block)),
                (Sbox::CryptoProC, reversed::<Gost89CryptoProC>(&key, block)),
                (Sbox::Tc26Z, reversed::<Magma>(&key, block)),
            ] {
                let cipher = Gost28147::new(&key, sbox);
                let mut seen = block;
                cipher.encrypt(&mut seen);
                assert_eq!(seen, wanted, "{}", sbox.as_str());
                cipher.decrypt(&mut seen);
                assert_eq!(seen, block, "{}", sbox.as_str());
            }
        }
    }

    /// `openssl enc -gost89` over eight zero bytes with initial value 0, and the box's identifier in CRYPT_PARAMS.
    #[test]
    fn every_box_is_that_of_openssl() {
        let key: [u8; 32] = std::array::from_fn(|at| at as u8);
        for (sbox, wanted) in [
            (Sbox::CryptoProA, "973e6b2eecc6431b"),
            (Sbox::CryptoProB, "fcca8c26c39247b9"),
            (Sbox::CryptoProC, "8386b4c447f3e283"),
            (Sbox::CryptoProD, "4a32dce2e9fbbfc0"),
            (Sbox::Tc26Z, "12372cef8d0fa429"),
            (Sbox::Test, "da72f8a9e1288372"),
        ] {
            let mut block = [0; 8];
            Gost28147::new(&key, sbox).encrypt(&mut block);
            assert_eq!(hex::encode(block), wanted, "{}", sbox.as_str());
        }
    }
}
