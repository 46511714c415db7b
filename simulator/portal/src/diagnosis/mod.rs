//! Why a request failed: a main reason to use Stend. The real portal says `clientSecretWrong` and no more; here every
//! refusal carries a cause from [`causes::CAUSES`], what was seen, what was wanted and how to mend it. It goes to the
//! journal, and to the header `Stend-Diagnosis` where a sandbox allows it; the protocol's bare answer stays as bare as
//! the real one.

pub mod causes;
mod certificate;
mod cms;
mod guesses;
mod raw;
pub mod secret;
pub mod timestamp;
pub mod words;

use domain::Refusal;

pub use causes::{CAUSES, Cause};
pub(crate) use certificate::unregistered;

impl Cause {
    /// The refusal with this cause under a row of the error registry.
    pub fn refuse(&self, code: &str, seen: impl Into<String>, wanted: impl Into<String>) -> Refusal {
        Refusal::new(code, self.slug).check(self.check).seen(seen).wanted(wanted).mend(self.mend)
    }

    pub fn find(slug: &str) -> Option<&'static Self> {
        CAUSES.iter().copied().find(|cause| cause.slug == slug)
    }
}

/// Fills in what the core left out: it names causes, the table knows their checks and remedies.
pub fn completed(mut refusal: Refusal) -> Refusal {
    if let Some(cause) = Cause::find(&refusal.cause) {
        if refusal.check.is_empty() {
            refusal.check = cause.check.to_owned();
        }
        if refusal.mend.is_empty() {
            refusal.mend = cause.mend.to_owned();
        }
    }
    refusal
}

/// The text of `simulator/DIAGNOSIS.md`, printed from the table.
pub fn document() -> String {
    let mut text = String::from(include_str!("document.md"));
    for cause in CAUSES {
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            cause.slug,
            cause.check,
            cause.code,
            cause.mend.replace('|', "\\|"),
            cause.mend_ru.replace('|', "\\|")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_and_the_table_list_the_same_causes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../DIAGNOSIS.md");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        if std::env::var_os("STEND_WRITE").is_some() && kept != document() {
            std::fs::write(path, document()).unwrap();
            return;
        }
        assert_eq!(kept, document(), "run the tests once with STEND_WRITE=1 to print simulator/DIAGNOSIS.md anew");
    }

    #[test]
    fn slugs_are_unique_and_texts_are_whole() {
        let mut seen = BTreeSet::new();
        for cause in CAUSES {
            assert!(seen.insert(cause.slug), "{} stands twice", cause.slug);
            assert!(cause.slug.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{}", cause.slug);
            assert!(cause.mend.is_ascii() && !cause.mend.is_empty(), "{}", cause.slug);
            assert!(cause.mend_ru.chars().any(|letter| ('а'..='я').contains(&letter)), "{}", cause.slug);
        }
    }
}
