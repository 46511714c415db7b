//! Raw signatures as ESIA v2 and v3 take them in `client_secret`: GOST R 34.10-2012 as s ‖ r, RSA PKCS#1 v1.5 with
//! SHA-256, or ECDSA with SHA-256 in DER or as r ‖ s. And what signers are known to get wrong about them.

use std::fmt;

use crate::{Family, KeyError, PrivateKey, PublicKey, Scheme, digest};

/// What a look at a raw signature found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds in none of the forms.
    Mismatch,
    /// It holds only when its bytes are put into another order: the habit of little-endian crypto providers left in.
    ReversedOnly(Scheme, Turn),
    Valid(Scheme),
}

/// What has to be done to the bytes of a signature so that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Its two numbers have to be turned round, each in its place.
    EachHalf,
    /// Its two numbers have to change places: r ‖ s instead of GOST's s ‖ r, or the reverse with ECDSA.
    Halves,
    /// All of its bytes have to be turned round: what CryptoPro's command line and COM interface give.
    Whole,
}

/// What was signed in the place of the digest of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misdigest {
    /// The digest was given to a signer that computes a digest itself.
    OfDigest,
    /// The digest in hex text, of either case, was given to a signer that computes a digest itself.
    OfHexDigest,
    /// The digest with its bytes turned round: the number was read big-endian.
    Reversed,
    /// SHA-256 of the message under a key of GOST.
    Sha256,
}

/// Signs in the default form of the key (ECDSA: DER; GOST: s ‖ r).
pub fn sign(key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    key.sign(message)
}

/// Verifies in every form that the key's family has, then with the bytes in another order, for the diagnosis.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> Outcome {
    let schemes: &[Scheme] = match key.family() {
        Family::EcdsaP256 => &[Scheme::EcdsaSha256Fixed, Scheme::EcdsaSha256Der],
        Family::Gost256 => &[Scheme::Gost256],
        Family::Gost512 => &[Scheme::Gost512],
        Family::Rsa => &[Scheme::RsaPkcs1Sha256],
    };
    if let Some(scheme) = schemes.iter().find(|scheme| key.verify(**scheme, message, signature).is_ok()) {
        return Outcome::Valid(*scheme);
    }
    let turned = schemes.iter().find_map(|scheme| Some((*scheme, Turn::of(key, *scheme, message, signature)?)));
    turned.map_or(Outcome::Mismatch, |(scheme, turn)| Outcome::ReversedOnly(scheme, turn))
}

/// Why a signature in the right order does not hold, where a wrong digest is the reason. Nothing is said of a signature
/// that holds.
pub fn misdigested(key: &PublicKey, message: &[u8], signature: &[u8]) -> Option<Misdigest> {
    let right = match (key.family(), key.gost()) {
        (_, Some(gost)) => crate::key::streebog(gost.curve(), message),
        _ => digest::sha256(message).to_vec(),
    };
    if let Some(gost) = key.gost() {
        let reversed: Vec<u8> = right.iter().rev().copied().collect();
        let sha = digest::sha256(message);
        for (wrong, kind) in [(&reversed[..], Misdigest::Reversed), (&sha, Misdigest::Sha256)] {
            // A key of 512 bits has no use for a digest of 256, so such a one was padded by whoever signed it.
            if wrong.len() == gost.curve().size() && gost.verify_digest(wrong, signature) {
                return Some(kind);
            }
        }
    }
    let hex = hex::encode(&right);
    let again = [
        (right.clone(), Misdigest::OfDigest),
        (hex.to_uppercase().into_bytes(), Misdigest::OfHexDigest),
        (hex.into_bytes(), Misdigest::OfHexDigest),
    ];
    let holds = |bytes: &[u8]| matches!(verify(key, bytes, signature), Outcome::Valid(_));
    again.into_iter().find(|(bytes, _)| holds(bytes)).map(|(_, kind)| kind)
}

impl Turn {
    pub(crate) const ALL: [Self; 3] = [Self::Whole, Self::Halves, Self::EachHalf];

    /// The order in which a signature holds that does not hold as it is.
    pub(crate) fn of(key: &PublicKey, scheme: Scheme, message: &[u8], signature: &[u8]) -> Option<Self> {
        let of_two_numbers = matches!(scheme, Scheme::EcdsaSha256Fixed | Scheme::Gost256 | Scheme::Gost512);
        let orders: &[Self] = if of_two_numbers { &Self::ALL } else { &[Self::Whole] };
        orders.iter().copied().find(|turn| key.verify(scheme, message, &turn.apply(signature)).is_ok())
    }

    /// The bytes in the other order. Doing it twice changes nothing.
    pub fn apply(self, signature: &[u8]) -> Vec<u8> {
        let (first, second) = signature.split_at(signature.len() / 2);
        match self {
            Self::EachHalf => first.iter().rev().chain(second.iter().rev()).copied().collect(),
            Self::Halves => [second, first].concat(),
            Self::Whole => signature.iter().rev().copied().collect(),
        }
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::EachHalf => "the bytes of each half are turned round",
            Self::Halves => "its halves change places",
            Self::Whole => "its bytes are turned round",
        })
    }
}

impl fmt::Display for Misdigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::OfDigest => "the digest was digested once more",
            Self::OfHexDigest => "the hex text of the digest was signed",
            Self::Reversed => "the bytes of the digest were turned round",
            Self::Sha256 => "the digest is SHA-256",
        })
    }
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
            let told = verify(key.public(), b"BANK01openid", &sign);
            assert_eq!(told, Outcome::ReversedOnly(scheme, Turn::Whole));
        }
    }

    #[test]
    fn rsa_is_pkcs1_only_and_reversal_is_told() {
        let key = PrivateKey::generate(Algorithm::Rsa2048).unwrap();
        let mut sign_bytes = sign(&key, b"text").unwrap();
        assert_eq!(verify(key.public(), b"text", &sign_bytes), Outcome::Valid(Scheme::RsaPkcs1Sha256));
        sign_bytes.reverse();
        let told = verify(key.public(), b"text", &sign_bytes);
        assert_eq!(told, Outcome::ReversedOnly(Scheme::RsaPkcs1Sha256, Turn::Whole));
        let pss = key.sign_with(Scheme::RsaPssSha256, b"text").unwrap();
        assert_eq!(verify(key.public(), b"text", &pss), Outcome::Mismatch);
        assert_eq!(verify(key.public(), b"text", b""), Outcome::Mismatch);
    }

    #[test]
    fn every_other_order_of_two_numbers_is_told_apart() {
        for algorithm in [Algorithm::GOST_256, Algorithm::GOST_512] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let scheme = key.family().scheme();
            let right = sign(&key, b"BANK01openid").unwrap();
            assert_eq!(verify(key.public(), b"BANK01openid", &right), Outcome::Valid(scheme));
            assert_eq!(verify(key.public(), b"openidBANK01", &right), Outcome::Mismatch);
            for turn in Turn::ALL {
                assert_eq!(turn.apply(&turn.apply(&right)), right);
                let told = verify(key.public(), b"BANK01openid", &turn.apply(&right));
                assert_eq!(told, Outcome::ReversedOnly(scheme, turn), "{algorithm}");
            }
            assert_eq!(verify(key.public(), b"BANK01openid", &right[1..]), Outcome::Mismatch);
        }
        let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let right = key.sign_with(Scheme::EcdsaSha256Fixed, b"text").unwrap();
        for turn in Turn::ALL {
            let told = verify(key.public(), b"text", &turn.apply(&right));
            assert_eq!(told, Outcome::ReversedOnly(Scheme::EcdsaSha256Fixed, turn));
        }
    }

    #[test]
    fn wrong_digests_are_told() {
        for algorithm in [Algorithm::GOST_256, Algorithm::GOST_512, Algorithm::EcdsaP256] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let told = |signature: &[u8]| misdigested(key.public(), b"text", signature);
            assert_eq!(told(&sign(&key, b"text").unwrap()), None);
            assert_eq!(told(&sign(&key, b"other").unwrap()), None);
            let right = match key.gost() {
                Some(gost) => crate::key::streebog(gost.curve(), b"text"),
                None => digest::sha256(b"text").to_vec(),
            };
            assert_eq!(told(&sign(&key, &right).unwrap()), Some(Misdigest::OfDigest));
            for hex in [hex::encode(&right), hex::encode_upper(&right)] {
                assert_eq!(told(&sign(&key, hex.as_bytes()).unwrap()), Some(Misdigest::OfHexDigest));
            }
            let Some(gost) = key.gost() else { continue };
            let reversed: Vec<u8> = right.iter().rev().copied().collect();
            assert_eq!(told(&gost.sign_digest(&reversed).unwrap()), Some(Misdigest::Reversed));
        }
        let key = PrivateKey::generate(Algorithm::GOST_256).unwrap();
        let signature = key.gost().unwrap().sign_digest(&digest::sha256(b"text")).unwrap();
        assert_eq!(misdigested(key.public(), b"text", &signature), Some(Misdigest::Sha256));
    }

    /// The signature of the reference page on ESIA, made by OpenSSL's engine under a throw-away key.
    #[test]
    fn the_known_signature_over_a_known_string_holds() {
        let certificate = crate::Certificate::from_pem(include_str!("../tests/vectors/gost/esia.crt")).unwrap();
        let key = certificate.public_key().unwrap();
        let text = b"TESTISopenid2026.11.22 05:47:06 +0000abc";
        let made = "aDbcJ2EvouOhrrO23elY99Qt1f-k92D0z_A6xtZmZulPBosiqxupelZhf5AfuCEwYTPWmD-ae_kerPacuVfQNQ";
        let signature = crate::base64::decode_url_strict(made).unwrap();
        assert_eq!(verify(&key, text, &signature), Outcome::Valid(Scheme::Gost256));
        for at in 0..signature.len() * 8 {
            let mut changed = signature.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert_eq!(verify(&key, text, &changed), Outcome::Mismatch, "bit {at}");
        }
        let hash = "A8AFDAC624D12DA4E28E4CEF4BB6E6393269E173F1E0742A47BBCB4059D16199";
        assert!(certificate.client_certificate_hash().eq_ignore_ascii_case(hash));
    }
}
