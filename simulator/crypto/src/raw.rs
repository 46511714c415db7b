//! Raw signatures as ESIA v2 and v3 take them in `client_secret`: RSA PKCS#1 v1.5 with SHA-256, or ECDSA with SHA-256
//! in DER or as r ‖ s.

use crate::{Family, KeyError, PrivateKey, PublicKey, Scheme};

/// What a look at a raw signature found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds in none of the forms.
    Mismatch,
    /// It holds only when its bytes are reversed: the habit of little-endian crypto providers left in.
    ReversedOnly(Scheme),
    Valid(Scheme),
}

/// Signs in the default form of the key (ECDSA: DER).
pub fn sign(key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    key.sign(message)
}

/// Verifies in every form that the key's family has, then with the bytes turned round, for the diagnosis.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> Outcome {
    let schemes: &[Scheme] = match key.family() {
        Family::EcdsaP256 => &[Scheme::EcdsaSha256Fixed, Scheme::EcdsaSha256Der],
        Family::Rsa => &[Scheme::RsaPkcs1Sha256],
    };
    let holds =
        |signature: &[u8]| schemes.iter().copied().find(|scheme| key.verify(*scheme, message, signature).is_ok());
    if let Some(scheme) = holds(signature) {
        return Outcome::Valid(scheme);
    }
    let mut reversed = signature.to_vec();
    reversed.reverse();
    if let Some(scheme) = holds(&reversed) {
        return Outcome::ReversedOnly(scheme);
    }
    // Some libraries turn r and s each, or swap them; both are the same mistake seen from another side.
    if let (Family::EcdsaP256, 64) = (key.family(), signature.len()) {
        let (first, second) = signature.split_at(32);
        let turned: Vec<u8> = first.iter().rev().chain(second.iter().rev()).copied().collect();
        let swapped = [second, first].concat();
        if holds(&turned).is_some() || holds(&swapped).is_some() {
            return Outcome::ReversedOnly(Scheme::EcdsaSha256Fixed);
        }
    }
    Outcome::Mismatch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    #[test]
    fn both_forms_of_ecdsa_are_valid_and_reversal_is_told() {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        for scheme in [Scheme::EcdsaSha256Der, Scheme::EcdsaSha256Fixed] {
            let mut sign = key.sign_with(scheme, b"BANK01openid").unwrap();
            assert_eq!(verify(key.public(), b"BANK01openid", &sign), Outcome::Valid(scheme));
            assert_eq!(verify(key.public(), b"openidBANK01", &sign), Outcome::Mismatch);
            sign.reverse();
            assert_eq!(verify(key.public(), b"BANK01openid", &sign), Outcome::ReversedOnly(scheme));
        }
    }

    #[test]
    fn rsa_is_pkcs1_only_and_reversal_is_told() {
        let key = PrivateKey::generate(Algorithm::Rsa2048).unwrap();
        let mut sign_bytes = sign(&key, b"text").unwrap();
        assert_eq!(verify(key.public(), b"text", &sign_bytes), Outcome::Valid(Scheme::RsaPkcs1Sha256));
        sign_bytes.reverse();
        assert_eq!(verify(key.public(), b"text", &sign_bytes), Outcome::ReversedOnly(Scheme::RsaPkcs1Sha256));
        let pss = key.sign_with(Scheme::RsaPssSha256, b"text").unwrap();
        assert_eq!(verify(key.public(), b"text", &pss), Outcome::Mismatch);
        assert_eq!(verify(key.public(), b"text", b""), Outcome::Mismatch);
    }
}
