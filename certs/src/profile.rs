//! The rows of `profiles.toml`, each laid over the one it is `like`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::CertError;

/// How a certificate is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    pub title: String,
    /// The good profile that this one departs from; none for a good one.
    pub like: Option<String>,
    pub usage: Vec<Usage>,
    pub key_usage: Vec<KeyUsage>,
    pub validity: Validity,
    pub issuer: IssuerKind,
    pub names: Names,
    pub revoked: bool,
}

/// Extended key usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    ClientAuth,
    ServerAuth,
}

/// Key usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyUsage {
    DigitalSignature,
    KeyAgreement,
    KeyCertSign,
    KeyEncipherment,
    NonRepudiation,
}

/// Where the instant of issue lies in the certificate's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    Current,
    Future,
    Past,
}

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerKind {
    Foreign,
    Itself,
    Ours,
}

/// Where the host's name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// In the subject alternative name, but another host's.
    Other,
    SubjectAlternative,
    SubjectOnly,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    title: String,
    like: Option<String>,
    usage: Option<Vec<Usage>>,
    key_usage: Option<Vec<KeyUsage>>,
    validity: Option<Validity>,
    issuer: Option<IssuerKind>,
    names: Option<Names>,
    revoked: Option<bool>,
}

static PROFILES: LazyLock<BTreeMap<String, Profile>> = LazyLock::new(|| {
    // The file is part of the program; a test reads it, so a broken one never leaves the workshop.
    read(include_str!("../profiles.toml")).unwrap_or_default()
});

impl Profile {
    /// The profile of this name.
    pub fn named(name: &str) -> Result<&'static Self, CertError> {
        PROFILES.get(name).ok_or_else(|| CertError::UnknownProfile {
            name: name.to_owned(),
            known: PROFILES.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// All profiles by name.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        PROFILES.values()
    }

    /// Whether an honest reader accepts such a certificate for what its base is for.
    pub fn is_good(&self) -> bool {
        let base = self.like.as_ref().and_then(|like| PROFILES.get(like)).unwrap_or(self);
        let serves = !base.usage.contains(&Usage::ServerAuth) || self.usage.contains(&Usage::ServerAuth);
        self.validity == Validity::Current
            && self.issuer == IssuerKind::Ours
            && self.names == base.names
            && !self.revoked
            && serves
            && self.key_usage.contains(&KeyUsage::DigitalSignature)
    }
}

fn read(text: &str) -> Result<BTreeMap<String, Profile>, String> {
    let rows: BTreeMap<String, Row> = toml::from_str(text).map_err(|error| error.to_string())?;
    rows.iter().map(|(name, row)| Ok((name.clone(), laid_over(name, row, &rows)?))).collect()
}

fn laid_over(name: &str, row: &Row, rows: &BTreeMap<String, Row>) -> Result<Profile, String> {
    let base = match &row.like {
        Some(like) => rows.get(like).filter(|base| base.like.is_none()).ok_or(format!("{name}: no good {like}"))?,
        None => row,
    };
    let missing = |key: &str| format!("{name}: {key} is missing");
    Ok(Profile {
        name: name.to_owned(),
        title: row.title.clone(),
        like: row.like.clone(),
        usage: row.usage.clone().or(base.usage.clone()).ok_or_else(|| missing("usage"))?,
        key_usage: row.key_usage.clone().or(base.key_usage.clone()).ok_or_else(|| missing("key_usage"))?,
        validity: row.validity.or(base.validity).ok_or_else(|| missing("validity"))?,
        issuer: row.issuer.or(base.issuer).ok_or_else(|| missing("issuer"))?,
        names: row.names.or(base.names).ok_or_else(|| missing("names"))?,
        revoked: row.revoked.or(base.revoked).ok_or_else(|| missing("revoked"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_in_full() {
        let profiles = read(include_str!("../profiles.toml")).unwrap();
        assert_eq!(profiles.len(), 19);
        assert_eq!(Profile::all().count(), profiles.len());
    }

    #[test]
    fn every_bad_profile_departs_in_one_property_only() {
        for profile in Profile::all().filter(|profile| profile.like.is_some()) {
            let base = Profile::named(profile.like.as_deref().unwrap()).unwrap();
            let departures = [
                profile.usage != base.usage,
                profile.key_usage != base.key_usage,
                profile.validity != base.validity,
                profile.issuer != base.issuer,
                profile.names != base.names,
                profile.revoked != base.revoked,
            ];
            assert_eq!(departures.iter().filter(|departs| **departs).count(), 1, "{}", profile.name);
        }
    }

    #[test]
    fn an_unknown_profile_is_refused_with_the_known_ones() {
        let refused = Profile::named("server-old").unwrap_err().to_string();
        assert!(refused.contains("server-expired"), "{refused}");
    }
}
