//! The requirements that rules and scenarios cite, from `requirements.toml`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// One row: a thing that must work end to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Stable id, `CNS-3`.
    pub id: String,
    /// Whose behaviour is proved.
    pub subject: Subject,
    /// One line in both languages.
    pub title: Title,
    /// Where it comes from: source document (A or B) and, where given, its words.
    pub source: String,
}

/// A requirement's title in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Russian.
    pub ru: String,
    /// English.
    pub en: String,
}

/// Whose behaviour a requirement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The bank under test.
    Bank,
    /// The portal.
    Portal,
    /// The suite itself.
    Suite,
}

impl Subject {
    /// As it stands in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Portal => "portal",
            Self::Suite => "suite",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    requirement: Vec<Requirement>,
}

/// Every requirement, in the order of the source.
pub fn requirements() -> &'static [Requirement] {
    static ROWS: LazyLock<Vec<Requirement>> = LazyLock::new(|| {
        // The file is compiled in and read by a test: it cannot be malformed in a binary that was built and tested.
        toml::from_str::<File>(include_str!("../requirements.toml")).map(|file| file.requirement).unwrap_or_default()
    });
    &ROWS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_and_holds_every_row_once() {
        let file: File = toml::from_str(include_str!("../requirements.toml")).unwrap();
        let mut ids: Vec<_> = file.requirement.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids.len(), 77);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 77);
        assert!(file.requirement.iter().all(|row| !row.title.ru.is_empty() && !row.title.en.is_empty()));
    }
}
