//! Chance: everything unguessable comes from the system's generator, through here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};

#[derive(Debug)]
pub(crate) struct Draw(SystemRandom);

impl Default for Draw {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Draw {
    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        if self.0.fill(&mut bytes).is_err() {
            // A system without entropy cannot run a bank; going on with zeros would make every secret guessable.
            std::process::abort();
        }
        bytes
    }

    /// A version 4 UUID in text, the form that ESIA wants for `state`.
    pub(crate) fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }

    /// 256 bits in base64url: 43 characters, all unreserved.
    pub(crate) fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// A number below `bound`, for jitter.
    pub(crate) fn below(&self, bound: i64) -> i64 {
        let drawn = u32::from_be_bytes(self.bytes());
        i64::from(drawn) % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_new_and_in_form() {
        let draw = Draw::default();
        assert_ne!(draw.uuid(), draw.uuid());
        assert_eq!(draw.token().len(), 43);
        assert_eq!(draw.uuid().as_bytes()[14], b'4');
    }
}
