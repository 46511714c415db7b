//! Names of key algorithms and signature schemes. JOSE names live in [`crate::jws`], because they mean tokens only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a key is made as: `rsa2048`, `rsa3072`, `ecdsa-p256`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    EcdsaP256,
    Rsa2048,
    Rsa3072,
}

/// What a key is, whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    EcdsaP256,
    Rsa,
}

/// How a signature is computed and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// ECDSA, SHA-256, ASN.1 SEQUENCE of r and s.
    EcdsaSha256Der,
    /// ECDSA, SHA-256, r ‖ s of 32 bytes each (RFC 7518 §3.4).
    EcdsaSha256Fixed,
    /// RSASSA-PKCS1-v1_5, SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PSS, SHA-256, salt of 32 bytes.
    RsaPssSha256,
    /// RSASSA-PSS, SHA-512, salt of 64 bytes (RFC 9421 §3.3.1).
    RsaPssSha512,
}

/// A name that is no known algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("know the algorithm {0:?}; known are rsa2048, rsa3072, ecdsa-p256 and the aliases rsa, ecdsa")]
pub struct UnknownAlgorithm(String);

impl Algorithm {
    pub const ALL: [Self; 3] = [Self::EcdsaP256, Self::Rsa2048, Self::Rsa3072];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
        }
    }

    pub const fn family(self) -> Family {
        match self {
            Self::EcdsaP256 => Family::EcdsaP256,
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
            Self::Rsa => "rsa",
        }
    }

    /// The token algorithm that goes with such a key by default.
    pub const fn jws(self) -> crate::jws::Alg {
        match self {
            Self::EcdsaP256 => crate::jws::Alg::Es256,
            Self::Rsa => crate::jws::Alg::Rs256,
        }
    }

    /// The scheme of raw and CMS signatures by default.
    pub const fn scheme(self) -> Scheme {
        match self {
            Self::EcdsaP256 => Scheme::EcdsaSha256Der,
            Self::Rsa => Scheme::RsaPkcs1Sha256,
        }
    }
}

impl Scheme {
    pub const fn family(self) -> Family {
        match self {
            Self::EcdsaSha256Der | Self::EcdsaSha256Fixed => Family::EcdsaP256,
            Self::RsaPkcs1Sha256 | Self::RsaPssSha256 | Self::RsaPssSha512 => Family::Rsa,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaSha256Der => "ecdsa-sha256-der",
            Self::EcdsaSha256Fixed => "ecdsa-sha256-fixed",
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPssSha256 => "rsa-pss-sha256",
            Self::RsaPssSha512 => "rsa-pss-sha512",
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        match text {
            "rsa2048" | "rsa" => Ok(Self::Rsa2048),
            "rsa3072" => Ok(Self::Rsa3072),
            "ecdsa-p256" | "ecdsa" => Ok(Self::EcdsaP256),
            _ => Err(UnknownAlgorithm(text.to_owned())),
        }
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
        assert!("RS256".parse::<Algorithm>().is_err());
    }
}
