//! What the bank is told when it starts: environment variables, as any bank's `bank.yaml` would give them.

use std::path::PathBuf;

/// Everything the bank needs to know. [`Options::from_env`] reads it from the environment.
#[derive(Clone, Debug)]
pub struct Options {
    /// `PORTAL`: the portal's origin.
    pub portal: String,
    /// `CA`: PEM file of the only authority that the bank trusts.
    pub ca: PathBuf,
    /// `ISSUER`: the issuer that the bank registered with, compared byte by byte.
    pub issuer: String,
    /// `CERT`, `KEY`: the bank's client certificate and its key, PEM.
    pub cert: PathBuf,
    pub key: PathBuf,
    /// `CLIENT_TLS_CERT`, `CLIENT_TLS_KEY`: what the bank shows as a TLS client; `CERT` and `KEY` unless told otherwise. TLS
    /// knows no GOST, so a bank that signs with such a key has another pair for its connections, or shows none.
    pub client_tls: Option<(PathBuf, PathBuf)>,
    /// `SPARE_EXPIRED_…`, `SPARE_FOREIGN_…`, `SPARE_OTHER_CURVE_CERT` and `…_KEY`: pairs that an honest bank never signs with.
    pub spares: Spares,
    /// `TLS_CERT`, `TLS_KEY`: the bank's own server certificate and key, PEM.
    pub tls_cert: PathBuf,
    pub tls_key: PathBuf,
    /// `PORT`: where the bank listens on localhost; 0 picks a free one.
    pub port: u16,
    /// `PROTOCOL`: `esia-v3`, `esia-v1` or `oidc`.
    pub protocol: Protocol,
    /// `CLIENT_ID`.
    pub client_id: String,
    /// `DATA`: the data folder (`bank.log`, `audit.jsonl`, `bank.db`, `store.key`).
    pub data: PathBuf,
    /// `DEFECT`: the broken variant to be, if any.
    pub defect: Option<String>,
    /// `TOKEN_ALG`: the algorithm that the portal signs this bank's tokens with; `RS256` unless told otherwise.
    pub token_alg: crypto::jws::Alg,
    /// `CRL`: a revocation list in a file, instead of the portal's `/pki/crl.pem`.
    pub crl: Option<PathBuf>,
    /// `ENCRYPTION`: `cms` asks for every answer of the data services encrypted to `CERT`.
    pub encryption: bool,
    /// `SMEV`: version of the message exchange, `1.2` unless told otherwise.
    pub smev: String,
    /// `REVOCATION`: `crl` checks the portal's certificate against the authority's list.
    pub revocation: Revocation,
}

/// Certificates with their keys, for the variants that sign with the wrong one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spares {
    /// The former certificate of the bank's own key.
    pub expired: Option<(PathBuf, PathBuf)>,
    /// Of an authority that nobody knows.
    pub foreign: Option<(PathBuf, PathBuf)>,
    /// Of a key on another curve, or of another kind.
    pub other_curve: Option<(PathBuf, PathBuf)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    EsiaV1,
    EsiaV3,
    Oidc,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revocation {
    Crl,
    #[default]
    None,
}

/// Why the bank could not start or stopped.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    #[error("read the environment variable {name}: {why}")]
    Environment { name: &'static str, why: String },
    #[error("read {path}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("use {what}: {why}")]
    Material { what: &'static str, why: String },
    #[error("listen on localhost:{port}")]
    Listen { port: u16, source: std::io::Error },
    #[error("find the broken variant {slug:?}; `--list-defects` names them")]
    UnknownDefect { slug: String },
    #[error("keep the bank's data in {path}")]
    Store { path: PathBuf, source: std::io::Error },
}

impl Protocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EsiaV1 => "esia-v1",
            Self::EsiaV3 => "esia-v3",
            Self::Oidc => "oidc",
        }
    }

    pub const fn is_esia(self) -> bool {
        matches!(self, Self::EsiaV1 | Self::EsiaV3)
    }
}

impl Options {
    /// Reads the environment; names the first variable that is missing or unusable.
    pub fn from_env() -> Result<Self, BankError> {
        Self::from_lookup(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// The same from any source of values.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BankError> {
        let need = |name: &'static str| {
            lookup(name).ok_or_else(|| BankError::Environment {
                name,
                why: "it is not set; `stend bank --help` lists all".to_owned(),
            })
        };
        let wrong = |name: &'static str, why: String| BankError::Environment { name, why };
        let pair = |cert: &str, key: &str| Some((PathBuf::from(lookup(cert)?), PathBuf::from(lookup(key)?)));
        let port = need("PORT")?;
        let protocol = need("PROTOCOL")?;
        Ok(Self {
            portal: need("PORTAL")?.trim_end_matches('/').to_owned(),
            ca: need("CA")?.into(),
            issuer: need("ISSUER")?,
            cert: need("CERT")?.into(),
            key: need("KEY")?.into(),
            client_tls: pair("CLIENT_TLS_CERT", "CLIENT_TLS_KEY"),
            spares: Spares {
                expired: pair("SPARE_EXPIRED_CERT", "SPARE_EXPIRED_KEY"),
                foreign: pair("SPARE_FOREIGN_CERT", "SPARE_FOREIGN_KEY"),
                other_curve: pair("SPARE_OTHER_CURVE_CERT", "SPARE_OTHER_CURVE_KEY"),
            },
            tls_cert: need("TLS_CERT")?.into(),
            tls_key: need("TLS_KEY")?.into(),
            port: port.parse().map_err(|_| wrong("PORT", format!("{port:?} is no port")))?,
            protocol: match protocol.as_str() {
                "esia-v1" => Protocol::EsiaV1,
                "esia-v3" => Protocol::EsiaV3,
                "oidc" => Protocol::Oidc,
                _ => return Err(wrong("PROTOCOL", format!("{protocol:?} is none of esia-v1, esia-v3, oidc"))),
            },
            client_id: lookup("CLIENT_ID").unwrap_or_else(|| "BANK01".to_owned()),
            data: lookup("DATA").unwrap_or_else(|| ".".to_owned()).into(),
            defect: lookup("DEFECT"),
            token_alg: match lookup("TOKEN_ALG") {
                None => crypto::jws::Alg::Rs256,
                Some(name) => name.parse().map_err(|_| {
                    let known = crypto::jws::Alg::ALL.map(crypto::jws::Alg::as_str).join(", ");
                    wrong("TOKEN_ALG", format!("{name:?} is none of {known}"))
                })?,
            },
            crl: lookup("CRL").map(PathBuf::from),
            encryption: match lookup("ENCRYPTION").as_deref() {
                None | Some("none") => false,
                Some("cms") => true,
                Some(other) => return Err(wrong("ENCRYPTION", format!("{other:?} is none of cms, none"))),
            },
            smev: match lookup("SMEV").as_deref() {
                None => "1.2".to_owned(),
                Some(known @ ("1.1" | "1.2" | "1.3")) => known.to_owned(),
                Some(other) => return Err(wrong("SMEV", format!("{other:?} is none of 1.1, 1.2, 1.3"))),
            },
            revocation: match lookup("REVOCATION").as_deref() {
                None | Some("none") => Revocation::None,
                Some("crl") => Revocation::Crl,
                Some(other) => return Err(wrong("REVOCATION", format!("{other:?} is none of crl, none"))),
            },
        })
    }

    pub(crate) fn check(&self) -> Result<(), BankError> {
        match &self.defect {
            Some(slug) if !crate::defects().iter().any(|defect| defect.slug == slug) => {
                Err(BankError::UnknownDefect { slug: slug.clone() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        let value = match name {
            "PORTAL" => "https://localhost:8443/",
            "PORT" => "0",
            "PROTOCOL" => "oidc",
            "CRL" | "DEFECT" | "ENCRYPTION" | "SMEV" | "REVOCATION" | "TOKEN_ALG" | "DATA" | "CLIENT_ID"
            | "SPARE_FOREIGN_KEY" => return None,
            _ => "x",
        };
        Some(value.to_owned())
    }

    #[test]
    fn reads_the_environment() {
        let options = Options::from_lookup(environment).unwrap();
        assert_eq!(options.portal, "https://localhost:8443");
        assert_eq!(options.protocol, Protocol::Oidc);
        assert_eq!(options.client_id, "BANK01");
        assert!(options.client_tls.is_some() && options.spares.expired.is_some());
        assert_eq!(options.spares.foreign, None, "a certificate without its key is no pair");
        let gost =
            |name: &str| if name == "TOKEN_ALG" { Some("GOST3410_2012_256".to_owned()) } else { environment(name) };
        assert_eq!(Options::from_lookup(gost).unwrap().token_alg, crypto::jws::Alg::Gost256);
    }

    #[test]
    fn names_the_variable_that_is_missing() {
        let missing = Options::from_lookup(|name| (name != "KEY").then(|| environment(name)).flatten());
        assert!(matches!(missing, Err(BankError::Environment { name: "KEY", .. })));
    }
}
