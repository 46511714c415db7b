//! Kuznyechik and Magma (GOST R 34.12-2015, RFC 7801, RFC 8891) in counter mode, with or without re-keying
//! (CTR-ACPKM, RFC 8645 §6.2.2), and the authentication code OMAC (GOST R 34.13-2015 §5.6; with these ciphers, CMAC).

use kuznyechik::KuznyechikEnc;
use kuznyechik::cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

use super::Gost28147;

/// Which of the two ciphers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherKind {
    /// Blocks of 16 bytes.
    Kuznyechik,
    /// Blocks of 8 bytes.
    Magma,
}

impl CipherKind {
    /// Bytes of a block, and of a whole OMAC.
    pub const fn block(self) -> usize {
        match self {
            Self::Kuznyechik => 16,
            Self::Magma => 8,
        }
    }

    /// Bytes of the initial value of a counter: half a block.
    pub const fn iv(self) -> usize {
        self.block() / 2
    }
}

/// A cipher with its key, which is wiped on drop.
enum Keyed {
    Kuznyechik(Box<KuznyechikEnc>),
    Magma(Gost28147),
}

impl Keyed {
    fn new(kind: CipherKind, key: &[u8; 32]) -> Self {
        match kind {
            CipherKind::Kuznyechik => Self::Kuznyechik(Box::new(KuznyechikEnc::new(key.into()))),
            CipherKind::Magma => Self::Magma(Gost28147::magma(key)),
        }
    }

    /// Encrypts the first bytes, as many as a block has.
    fn encrypt(&self, block: &mut [u8; 16]) {
        match self {
            Self::Kuznyechik(cipher) => cipher.encrypt_block(block.into()),
            Self::Magma(cipher) => {
                let [a, b, c, d, e, f, g, h, ..] = *block;
                let mut turned = Zeroizing::new([h, g, f, e, d, c, b, a]);
                cipher.encrypt(&mut turned);
                turned.reverse();
                block[..8].copy_from_slice(&turned[..]);
            }
        }
    }
}

/// A counter that encrypts or decrypts a text, in pieces if need be.
pub struct Ctr {
    kind: CipherKind,
    cipher: Keyed,
    /// Bytes under one key; a whole number of blocks.
    section: Option<usize>,
    done: usize,
    counter: [u8; 16],
    gamma: Zeroizing<[u8; 16]>,
}

impl Ctr {
    /// A counter whose key never changes. The initial value is half a block long; what is missing of it is zero, and
    /// what is too much is not looked at.
    pub fn new(kind: CipherKind, key: &[u8; 32], iv: &[u8]) -> Self {
        let mut counter = [0; 16];
        let half = kind.iv().min(iv.len());
        counter[..half].copy_from_slice(&iv[..half]);
        let cipher = Keyed::new(kind, key);
        Self { kind, cipher, section: None, done: 0, counter, gamma: Zeroizing::default() }
    }

    /// A counter whose key changes after each section of so many bytes, which is rounded up to whole blocks.
    pub fn with_acpkm(kind: CipherKind, key: &[u8; 32], iv: &[u8], section: usize) -> Self {
        let section = section.max(1).next_multiple_of(kind.block());
        Self { section: Some(section), ..Self::new(kind, key, iv) }
    }

    /// Encrypts or decrypts the next bytes of the text.
    pub fn apply(&mut self, data: &mut [u8]) {
        let block = self.kind.block();
        for byte in data {
            let at = self.done % block;
            if at == 0 {
                self.next_block();
            }
            *byte ^= self.gamma[at];
            self.done += 1;
        }
    }

    fn next_block(&mut self) {
        if self.section.is_some_and(|section| self.done == section) {
            self.next_key();
            self.done = 0;
        }
        *self.gamma = self.counter;
        self.cipher.encrypt(&mut self.gamma);
        for byte in self.counter[..self.kind.block()].iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }

    /// ACPKM (RFC 8645 §6.2.1): the constant 80..9f, encrypted block by block.
    fn next_key(&mut self) {
        let mut key = Zeroizing::new(std::array::from_fn::<u8, 32, _>(|at| 0x80 + at as u8));
        for piece in key.chunks_mut(self.kind.block()) {
            let mut block = Zeroizing::new([0; 16]);
            block[..piece.len()].copy_from_slice(piece);
            self.cipher.encrypt(&mut block);
            piece.copy_from_slice(&block[..piece.len()]);
        }
        self.cipher = Keyed::new(self.kind, &key);
    }
}

/// An authentication code in the making.
pub struct Omac {
    kind: CipherKind,
    cipher: Keyed,
    state: Zeroizing<[u8; 16]>,
    /// The block that may be the last; it is dealt with when another byte comes.
    held: Zeroizing<[u8; 16]>,
    filled: usize,
}

impl Omac {
    pub fn new(kind: CipherKind, key: &[u8; 32]) -> Self {
        let (state, held) = Default::default();
        Self { kind, cipher: Keyed::new(kind, key), state, held, filled: 0 }
    }

    /// Takes the next bytes of the text.
    pub fn update(&mut self, data: &[u8]) {
        for byte in data {
            if self.filled == self.kind.block() {
                self.step();
            }
            self.held[self.filled] = *byte;
            self.filled += 1;
        }
    }

    fn step(&mut self) {
        self.state.iter_mut().zip(self.held.iter()).for_each(|(state, held)| *state ^= held);
        self.cipher.encrypt(&mut self.state);
        self.filled = 0;
    }

    /// The whole code: a block.
    pub fn finish(mut self) -> Zeroizing<Vec<u8>> {
        let block = self.kind.block();
        let mut subkey = Zeroizing::new([0; 16]);
        self.cipher.encrypt(&mut subkey);
        self.double(&mut subkey);
        if self.filled < block {
            self.held[self.filled..].fill(0);
            self.held[self.filled] = 0x80;
            self.double(&mut subkey);
        }
        self.held.iter_mut().zip(subkey.iter()).for_each(|(held, subkey)| *held ^= subkey);
        self.step();
        Zeroizing::new(self.state[..block].to_vec())
    }

    /// Multiplies by x in the field of the block's size. The reduction is not chosen by a branch: the value is secret.
    fn double(&self, value: &mut [u8; 16]) {
        let block = self.kind.block();
        let reduction: u8 = match self.kind {
            CipherKind::Kuznyechik => 0x87,
            CipherKind::Magma => 0x1b,
        };
        let mut carry = 0;
        for byte in value[..block].iter_mut().rev() {
            let out = *byte >> 7;
            *byte = *byte << 1 | carry;
            carry = out;
        }
        value[block - 1] ^= reduction & 0u8.wrapping_sub(carry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "8899aabbccddeeff0011223344556677fedcba98765432100123456789abcdef";
    const MAGMA_KEY: &str = "ffeeddccbbaa99887766554433221100f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

    fn key(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    fn omac(kind: CipherKind, by: &str, text: &str) -> String {
        let mut code = Omac::new(kind, &key(by));
        code.update(&hex::decode(text).unwrap());
        hex::encode(&code.finish()[..])
    }

    /// RFC 8645 appendix A: CTR-ACPKM with Kuznyechik (sections of 256 bits) and Magma (128 bits).
    #[test]
    fn examples_of_rfc_8645() {
        let text = "1122334455667700ffeeddccbbaa998800112233445566778899aabbcceeff0a\
                    112233445566778899aabbcceeff0a002233445566778899aabbcceeff0a0011\
                    33445566778899aabbcceeff0a00112244 5566778899aabbcceeff0a0011223355\
                    66778899aabbcceeff0a0011223344";
        let plain = hex::decode(text.replace(' ', "")).unwrap();
        let wanted = "f195d8bec10ed1dbd57b5fa240bda1b885eee733f6a13e5df33ce4b33c45dee4\
                      4bceeb8f646f4c55001706275e85e800587c4df568d094393e4834afd0805046\
                      cf30f57686aeece11cfc6c316b8a896edffd07ec813636460c4f3b743423163e\
                      6409a9c282fac8d469d221e7fbd6de5d";
        let iv = hex::decode("1234567890abcef0").unwrap();
        let mut seen = plain.clone();
        Ctr::with_acpkm(CipherKind::Kuznyechik, &key(KEY), &iv, 32).apply(&mut seen);
        assert_eq!(hex::encode(&seen), wanted);
        // In pieces of any size.
        let (mut pieces, mut counter) = (plain.clone(), Ctr::with_acpkm(CipherKind::Kuznyechik, &key(KEY), &iv, 32));
        pieces.chunks_mut(5).for_each(|piece| counter.apply(piece));
        assert_eq!(pieces, seen);
        let mut magma = plain[..56].to_vec();
        Ctr::with_acpkm(CipherKind::Magma, &key(KEY), &iv[..4], 16).apply(&mut magma);
        assert_eq!(
            hex::encode(magma),
            "2ab81deeeb1e4cab68e104c4bd6b94eac72c67af6c2e5b6b0eafb61770f1b32e\
             a1ae71149eed1382abd467180672ec6f84a2f15b3fca72c1"
        );
    }

    /// GOST R 34.13-2015 annex A: counters and codes (cut to half a block there).
    #[test]
    fn examples_of_gost_r_34_13() {
        let text = "1122334455667700ffeeddccbbaa998800112233445566778899aabbcceeff0a\
                    112233445566778899aabbcceeff0a002233445566778899aabbcceeff0a0011";
        let mut seen = hex::decode(text).unwrap();
        Ctr::new(CipherKind::Kuznyechik, &key(KEY), &hex::decode("1234567890abcef0").unwrap()).apply(&mut seen);
        assert_eq!(
            hex::encode(seen),
            "f195d8bec10ed1dbd57b5fa240bda1b885eee733f6a13e5df33ce4b33c45dee4\
             a5eae88be6356ed3d5e877f13564a3a5cb91fab1f20cbab6d1c6d15820bdba73"
        );
        assert!(omac(CipherKind::Kuznyechik, KEY, text).starts_with("336f4d296059fbe3"));
        let text = "92def06b3c130a59db54c704f8189d204a98fb2e67a8024c8912409b17b57e41";
        let mut seen = hex::decode(text).unwrap();
        Ctr::new(CipherKind::Magma, &key(MAGMA_KEY), &hex::decode("12345678").unwrap()).apply(&mut seen);
        assert_eq!(hex::encode(seen), "4e98110c97b7b93c3e250d93d6e85d69136d868807b2dbef568eb680ab52a12d");
        assert!(omac(CipherKind::Magma, MAGMA_KEY, text).starts_with("154e7210"));
    }

    /// A code over a text that ends within a block, and over nothing: `openssl dgst -mac kuznyechik-mac`, `magma-mac`.
    #[test]
    fn codes_over_short_texts_are_those_of_openssl() {
        assert_eq!(omac(CipherKind::Kuznyechik, KEY, "0123456789"), "c71a1f391d4ba53bc469514b8772e267");
        assert_eq!(omac(CipherKind::Magma, KEY, "0123456789"), "2e6172a5d565f22f");
        assert_eq!(omac(CipherKind::Magma, KEY, "0123456789abcdef0123"), "c9d293e980e1fa38");
        assert_eq!(
            omac(CipherKind::Kuznyechik, KEY, "0123456789abcdef0123456789abcdef0123"),
            "a0d1abf925d9f48711ed7db75da09898"
        );
    }
}
