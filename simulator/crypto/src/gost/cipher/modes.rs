//! GOST 28147-89 over texts: CFB and CNT with CryptoPro key meshing (RFC 4357 §2.3.2), and the authentication code
//! (imitovstavka, RFC 5830 §8).

use zeroize::Zeroizing;

use super::{Gost28147, Sbox};

/// Bytes under one key; after them key and initial value change.
const SECTION: usize = 1024;

/// What a key decrypts to become the next one (RFC 4357 §2.3.2).
const MESHING: [u8; 32] = [
    0x69, 0x00, 0x72, 0x22, 0x64, 0xc9, 0x04, 0x23, 0x8d, 0x3a, 0xdb, 0x96, 0x46, 0xe9, 0x2a, 0xc4, 0x18, 0xfe, 0xac,
    0x94, 0x00, 0xed, 0x07, 0x12, 0xc0, 0x86, 0xdc, 0xc2, 0xef, 0x4c, 0xa9, 0x2b,
];

/// A key that changes as it is used.
struct Meshed {
    cipher: Gost28147,
    sbox: Sbox,
    done: usize,
}

impl Meshed {
    fn new(key: &[u8; 32], sbox: Sbox) -> Self {
        Self { cipher: Gost28147::new(key, sbox), sbox, done: 0 }
    }

    /// Counts a block, before it is dealt with; at the start of a section takes the next key, and says so.
    fn next_block(&mut self) -> bool {
        let is_new = self.done == SECTION;
        if is_new {
            let mut key = Zeroizing::new(MESHING);
            self.cipher.decrypt_ecb(&mut key[..]);
            self.cipher = Gost28147::new(&key, self.sbox);
            self.done = 0;
        }
        self.done += 8;
        is_new
    }
}

/// Encrypts in place in CFB (RFC 5830 §7) with key meshing. Any length; the last block may be short.
pub fn cfb_encrypt(key: &[u8; 32], sbox: Sbox, iv: &[u8; 8], data: &mut [u8]) {
    cfb(key, sbox, iv, data, |iv, _, out| iv[..out.len()].copy_from_slice(out));
}

/// Decrypts in place in CFB with key meshing. Says nothing of whether the text is the one that was encrypted.
pub fn cfb_decrypt(key: &[u8; 32], sbox: Sbox, iv: &[u8; 8], data: &mut [u8]) {
    cfb(key, sbox, iv, data, |iv, given, out| iv[..out.len()].copy_from_slice(&given[..out.len()]));
}

/// Goes through the blocks; the last argument puts the encrypted one of the two blocks (given, made) into the register.
fn cfb(key: &[u8; 32], sbox: Sbox, iv: &[u8; 8], data: &mut [u8], feed: fn(&mut [u8; 8], &[u8; 8], &[u8])) {
    let (mut meshed, mut register) = (Meshed::new(key, sbox), *iv);
    for block in data.chunks_mut(8) {
        if meshed.next_block() {
            meshed.cipher.encrypt(&mut register);
        }
        let mut gamma = Zeroizing::new(register);
        meshed.cipher.encrypt(&mut gamma);
        let mut given = [0; 8];
        given[..block.len()].copy_from_slice(block);
        xor(block, &gamma[..]);
        feed(&mut register, &given, block);
    }
}

/// Encrypts or decrypts in place in CNT (RFC 5830 §6) with key meshing. Any length.
pub fn cnt(key: &[u8; 32], sbox: Sbox, iv: &[u8; 8], data: &mut [u8]) {
    let (mut meshed, mut counter) = (Meshed::new(key, sbox), *iv);
    meshed.cipher.encrypt(&mut counter);
    for block in data.chunks_mut(8) {
        if meshed.next_block() {
            meshed.cipher.encrypt(&mut counter);
        }
        let [a, b, c, d, e, f, g, h] = counter;
        let low = u32::from_le_bytes([a, b, c, d]).wrapping_add(0x0101_0101);
        let (high, carry) = u32::from_le_bytes([e, f, g, h]).overflowing_add(0x0101_0104);
        let high = high.wrapping_add(u32::from(carry));
        counter = ((u64::from(high) << 32) | u64::from(low)).to_le_bytes();
        let mut gamma = Zeroizing::new(counter);
        meshed.cipher.encrypt(&mut gamma);
        xor(block, &gamma[..]);
    }
}

/// The authentication code of four bytes, from a start value (zero, or the key material of a key wrap).
pub fn imit(key: &[u8; 32], sbox: Sbox, start: &[u8; 8], data: &[u8]) -> [u8; 4] {
    let cipher = Gost28147::new(key, sbox);
    code(start, data, |state| cipher.half_encrypt(state))
}

/// The authentication code with key meshing, from zero: what the OpenSSL engine calls `gost-mac` (box CryptoPro-A) and
/// `gost-mac-12` (box Z). The state is not touched by the meshing.
pub fn imit_meshed(key: &[u8; 32], sbox: Sbox, data: &[u8]) -> [u8; 4] {
    let mut meshed = Meshed::new(key, sbox);
    code(&[0; 8], data, |state| {
        meshed.next_block();
        meshed.cipher.half_encrypt(state);
    })
}

/// A short last block is filled with zeros; a text of one block is followed by a block of zeros.
fn code(start: &[u8; 8], data: &[u8], mut step: impl FnMut(&mut [u8; 8])) -> [u8; 4] {
    let mut state = Zeroizing::new(*start);
    for block in data.chunks(8) {
        xor(&mut state[..], block);
        step(&mut state);
    }
    if (1..=8).contains(&data.len()) {
        step(&mut state);
    }
    let [a, b, c, d, ..] = *state;
    [a, b, c, d]
}

/// As many bytes as both have.
fn xor(into: &mut [u8], other: &[u8]) {
    into.iter_mut().zip(other).for_each(|(byte, other)| *byte ^= other);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> [u8; 32] {
        std::array::from_fn(|at| at as u8)
    }

    fn text(length: usize) -> Vec<u8> {
        (0..length).map(|at| at as u8).collect()
    }

    /// `openssl enc -gost89`, with CRYPT_PARAMS for the other box.
    #[test]
    fn cfb_with_meshing_is_that_of_openssl() {
        for (sbox, wanted) in
            [(Sbox::Tc26Z, "5f65277e467dd110e431b3b3afc11396"), (Sbox::CryptoProA, "fd096c01c9b74ab3eef827432b7f6228")]
        {
            let mut data = text(1040);
            cfb_encrypt(&key(), sbox, &[0; 8], &mut data);
            assert_eq!(hex::encode(&data[1024..]), wanted, "{}", sbox.as_str());
            cfb_decrypt(&key(), sbox, &[0; 8], &mut data);
            assert_eq!(data, text(1040));
        }
    }

    /// `openssl enc -gost89-cnt-12` and `-gost89-cnt`.
    #[test]
    fn cnt_with_meshing_is_that_of_openssl() {
        for (sbox, first, last) in [
            (Sbox::Tc26Z, "43a63fe4047317765b372f5bf9ecbb3c", "f06b0ea205db6e072e4c3aa84ddaa915"),
            (Sbox::CryptoProA, "c77ec656129c478efc8ee174fef951fa", "66065a49e40d1a229590462093da4e74"),
        ] {
            let mut data = text(1040);
            cnt(&key(), sbox, &[0; 8], &mut data);
            assert_eq!((hex::encode(&data[..16]), hex::encode(&data[1024..])), (first.to_owned(), last.to_owned()));
            cnt(&key(), sbox, &[0; 8], &mut data);
            assert_eq!(data, text(1040));
        }
    }

    #[test]
    fn a_short_text_is_the_beginning_of_a_long_one() {
        for sbox in Sbox::ALL {
            let (mut long_cfb, mut long_cnt) = (text(2100), text(2100));
            cfb_encrypt(&key(), sbox, &[7; 8], &mut long_cfb);
            cnt(&key(), sbox, &[7; 8], &mut long_cnt);
            for length in [0, 1, 7, 8, 9, 1023, 1024, 1025, 2047, 2048, 2049] {
                let (mut cfb, mut counter) = (text(length), text(length));
                cfb_encrypt(&key(), sbox, &[7; 8], &mut cfb);
                cnt(&key(), sbox, &[7; 8], &mut counter);
                assert_eq!((&cfb[..], &counter[..]), (&long_cfb[..length], &long_cnt[..length]));
                cfb_decrypt(&key(), sbox, &[7; 8], &mut cfb);
                assert_eq!(cfb, text(length));
            }
        }
    }

    /// `openssl dgst -mac gost-mac` and `gost-mac-12` over the same text, and the first without meshing.
    #[test]
    fn codes_are_those_of_openssl() {
        for (length, a, z) in [
            (4, "d401312e", "2c3117ff"),
            (8, "0cdc756b", "07cbec0d"),
            (20, "c9bf629c", "2a93a63c"),
            (1040, "20c7ae02", "b6e44229"),
            (2056, "37966ec9", "4915404f"),
        ] {
            assert_eq!(hex::encode(imit_meshed(&key(), Sbox::CryptoProA, &text(length))), a, "{length}");
            assert_eq!(hex::encode(imit_meshed(&key(), Sbox::Tc26Z, &text(length))), z, "{length}");
            if length <= 1024 {
                assert_eq!(hex::encode(imit(&key(), Sbox::Tc26Z, &[0; 8], &text(length))), z, "{length}");
            }
        }
    }
}
