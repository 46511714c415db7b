//! Names of key algorithms and signature schemes. JOSE names live in [`crate::jws`], because they mean tokens only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::gost::Curve;

/// What a key is made as: `rsa2048`, `rsa3072`, `ecdsa-p256`, `gost2012-256`, `gost2012-512` or one of GOST on another
/// curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    EcdsaP256,
    /// GOST R 34.10-2012 on this curve.
    Gost(Curve),
    Rsa2048,
    Rsa3072,
}

/// What a key is, whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    EcdsaP256,
    /// GOST R 34.10-2012 of 256 bits, on whatever curve.
    Gost256,
    /// GOST R 34.10-2012 of 512 bits, on whatever curve.
    Gost512,
    Rsa,
}

/// How a signature is computed and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// ECDSA, SHA-256, ASN.1 SEQUENCE of r and s.
    EcdsaSha256Der,
    /// ECDSA, SHA-256, r ‖ s of 32 bytes each (RFC 7518 §3.4).
    EcdsaSha256Fixed,
    /// GOST R 34.10-2012 of 256 bits over Streebog-256: s ‖ r of 32 bytes each, big-endian (RFC 9215 §4.1).
    Gost256,
    /// GOST R 34.10-2012 of 512 bits over Streebog-512: s ‖ r of 64 bytes each, big-endian.
    Gost512,
    /// RSASSA-PKCS1-v1_5, SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PSS, SHA-256, salt of 32 bytes.
    RsaPssSha256,
    /// RSASSA-PSS, SHA-512, salt of 64 bytes (RFC 9421 §3.3.1).
    RsaPssSha512,
}

/// A name that is no known algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("know the algorithm {0:?}; known are {known}", known = Algorithm::known())]
pub struct UnknownAlgorithm(String);

impl Algorithm {
    /// GOST of 256 bits on the curve that most signing certificates of ESIA and SMEV are on: CryptoPro-A.
    pub const GOST_256: Self = Self::Gost(Curve::CryptoProA);
    /// GOST of 512 bits on the curve 512-A of TC 26.
    pub const GOST_512: Self = Self::Gost(Curve::Tc26A512);

    pub const ALL: [Self; 10] = [
        Self::EcdsaP256,
        Self::GOST_256,
        Self::Gost(Curve::CryptoProB),
        Self::Gost(Curve::CryptoProC),
        Self::Gost(Curve::Tc26A256),
        Self::GOST_512,
        Self::Gost(Curve::Tc26B512),
        Self::Gost(Curve::Tc26C512),
        Self::Rsa2048,
        Self::Rsa3072,
    ];

    /// Short names, and the names that the same curves have with TC 26.
    pub const ALIASES: [(&str, Self); 9] = [
        ("ecdsa", Self::EcdsaP256),
        ("gost", Self::GOST_256),
        ("gost2012", Self::GOST_256),
        ("gost2012-256-cryptopro-a", Self::GOST_256),
        ("gost2012-256-tc26-b", Self::GOST_256),
        ("gost2012-256-tc26-c", Self::Gost(Curve::CryptoProB)),
        ("gost2012-256-tc26-d", Self::Gost(Curve::CryptoProC)),
        ("gost2012-512-tc26-a", Self::GOST_512),
        ("rsa", Self::Rsa2048),
    ];

    /// Every name, for people who gave another one.
    pub fn known() -> String {
        let names = Self::ALL.map(Self::as_str).join(", ");
        format!("{names} and the aliases {}", Self::ALIASES.map(|(alias, _)| alias).join(", "))
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::Gost(Curve::CryptoProA) => "gost2012-256",
            Self::Gost(Curve::CryptoProB) => "gost2012-256-cryptopro-b",
            Self::Gost(Curve::CryptoProC) => "gost2012-256-cryptopro-c",
            Self::Gost(Curve::Tc26A256) => "gost2012-256-tc26-a",
            Self::Gost(Curve::Tc26A512) => "gost2012-512",
            Self::Gost(Curve::Tc26B512) => "gost2012-512-tc26-b",
            Self::Gost(Curve::Tc26C512) => "gost2012-512-tc26-c",
            // The standards' examples: named, so that they can be told of, and read by no name.
            Self::Gost(Curve::Test256) => "gost2012-256-test",
            Self::Gost(Curve::Test512) => "gost2012-512-test",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
        }
    }

    pub const fn family(self) -> Family {
        match self {
            Self::EcdsaP256 => Family::EcdsaP256,
            Self::Gost(curve) if curve.size() == 32 => Family::Gost256,
            Self::Gost(_) => Family::Gost512,
            Self::Rsa2048 | Self::Rsa3072 => Family::Rsa,
        }
    }

    /// The token algorithm that goes with such a key by default.
    pub const fn jws(self) -> crate::jws::Alg {
        self.family().jws()
    }
}

impl Family {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::Gost256 => "gost2012-256",
            Self::Gost512 => "gost2012-512",
            Self::Rsa => "rsa",
        }
    }

    /// The token algorithm that goes with such a key by default.
    pub const fn jws(self) -> crate::jws::Alg {
        match self {
            Self::EcdsaP256 => crate::jws::Alg::Es256,
            Self::Gost256 => crate::jws::Alg::Gost256,
            Self::Gost512 => crate::jws::Alg::Gost512,
            Self::Rsa => crate::jws::Alg::Rs256,
        }
    }

    /// The scheme of raw and CMS signatures by default.
    pub const fn scheme(self) -> Scheme {
        match self {
            Self::EcdsaP256 => Scheme::EcdsaSha256Der,
            Self::Gost256 => Scheme::Gost256,
            Self::Gost512 => Scheme::Gost512,
            Self::Rsa => Scheme::RsaPkcs1Sha256,
        }
    }

    /// Whether keys of this family are GOST's.
    pub const fn is_gost(self) -> bool {
        matches!(self, Self::Gost256 | Self::Gost512)
    }
}

impl Scheme {
    pub const fn family(self) -> Family {
        match self {
            Self::EcdsaSha256Der | Self::EcdsaSha256Fixed => Family::EcdsaP256,
            Self::Gost256 => Family::Gost256,
            Self::Gost512 => Family::Gost512,
            Self::RsaPkcs1Sha256 | Self::RsaPssSha256 | Self::RsaPssSha512 => Family::Rsa,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaSha256Der => "ecdsa-sha256-der",
            Self::EcdsaSha256Fixed => "ecdsa-sha256-fixed",
            Self::Gost256 => "gost2012-256",
            Self::Gost512 => "gost2012-512",
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPssSha256 => "rsa-pss-sha256",
            Self::RsaPssSha512 => "rsa-pss-sha512",
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let named = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text);
        let known =
            named.or_else(|| Self::ALIASES.into_iter().find(|(alias, _)| *alias == text).map(|(_, found)| found));
        known.ok_or_else(|| UnknownAlgorithm(text.to_owned()))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_read_back() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
        assert_eq!("rsa".parse(), Ok(Algorithm::Rsa2048));
        assert_eq!("ecdsa".parse(), Ok(Algorithm::EcdsaP256));
        assert_eq!("gost".parse(), Ok(Algorithm::Gost(Curve::CryptoProA)));
        for (alias, algorithm) in Algorithm::ALIASES {
            assert_eq!(alias.parse(), Ok(algorithm));
        }
        let unknown = "RS256".parse::<Algorithm>().unwrap_err().to_string();
        assert!(unknown.contains("gost2012-512-tc26-c") && unknown.contains("ecdsa-p256"), "{unknown}");
        assert!("gost2012-256-test".parse::<Algorithm>().is_err(), "nobody's key lies on an example curve");
    }
}
