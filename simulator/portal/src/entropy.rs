//! Chance. The system's generator by default; a sandbox with a seed draws from ChaCha, so that its run can be repeated.
//! Private keys never come from here: they are always made by the system's generator.

use std::sync::{Mutex, PoisonError};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ring::rand::{SecureRandom, SystemRandom};

/// Where a sandbox's chance comes from.
pub struct Entropy {
    seeded: Option<Mutex<ChaCha20Rng>>,
}

impl Entropy {
    pub fn system() -> Self {
        Self { seeded: None }
    }

    /// A stream of its own for each sandbox of a seed.
    pub fn seeded(seed: u64, sandbox: &str) -> Self {
        let mut key = [0; 32];
        let digest = ring::digest::digest(&ring::digest::SHA256, format!("{seed}/{sandbox}").as_bytes());
        key.copy_from_slice(digest.as_ref());
        Self { seeded: Some(Mutex::new(ChaCha20Rng::from_seed(key))) }
    }

    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.seeded {
            Some(stream) => stream.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes),
            // A machine without randomness cannot go on: a guessable code would be a silent lie.
            None => SystemRandom::new().fill(bytes).expect("the system's generator answers"),
        }
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A random UUID (version 4) in text form.
    pub fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }

    /// `count` decimal digits, each equally likely.
    pub fn digits(&self, count: usize) -> String {
        let mut digits = String::with_capacity(count);
        while digits.len() < count {
            let [byte] = self.bytes();
            if byte < 250 {
                digits.push(char::from(b'0' + byte % 10));
            }
        }
        digits
    }

    /// `bytes` random bytes in lower-case hex.
    pub fn hex(&self, bytes: usize) -> String {
        let mut drawn = vec![0; bytes];
        self.fill(&mut drawn);
        hex::encode(drawn)
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(if self.seeded.is_some() { "Entropy(seeded)" } else { "Entropy(system)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_sandboxes_differ() {
        let draw = |sandbox| Entropy::seeded(7, sandbox).uuid();
        assert_eq!(draw("a"), draw("a"));
        assert_ne!(draw("a"), draw("b"));
    }

    #[test]
    fn digits_are_digits() {
        let digits = Entropy::system().digits(64);
        assert_eq!(digits.len(), 64);
        assert!(digits.bytes().all(|digit| digit.is_ascii_digit()));
    }
}
