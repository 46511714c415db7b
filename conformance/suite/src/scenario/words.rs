//! The words a scenario may use, and the nearest of them to a misspelt one.

use std::fmt::Write as _;
use std::sync::LazyLock;

/// What a scenario may need of a bank beside claimed actions: an address for events and an audit trail on file, which the
/// bank file shows, and ways of exchange, which it claims.
pub(crate) const FACILITIES: &[&str] = &["audit", "webhook"];

/// Ways of exchange that a bank may claim beside actions.
pub(crate) const WAYS: &[&str] =
    &["channel.soap", "channel.v2", "channel.ws", "encryption", "format.csv", "format.xml"];

/// Actions of the contract.
pub(crate) static ACTIONS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| contract::action::ACTIONS.iter().map(|action| action.name).collect());

/// What a citizen can be told to do.
pub(crate) const CITIZEN_ACTS: &[&str] = &[
    "apply",
    "approve",
    "bank-at-portal",
    "close",
    "confirm",
    "correct",
    "go",
    "ignore",
    "opt-in",
    "opt-out",
    "read-code",
    "refuse",
    "reload-callback",
    "reopen",
    "revoke",
    "withdraw",
    "wrong-code",
    "wrong-password",
];

/// Acts of a citizen on matters at the portal, with what each needs under `with`.
const ON_MATTERS: &[(&str, &[&str])] = &[
    ("apply", &["type"]),
    ("bank-at-portal", &["ask"]),
    ("close", &["matter"]),
    ("confirm", &["matter"]),
    ("correct", &["matter"]),
    ("opt-in", &[]),
    ("opt-out", &[]),
    ("read-code", &[]),
    ("reopen", &["matter"]),
    ("withdraw", &["matter"]),
];

/// See [`ON_MATTERS`].
pub(crate) fn acts_on_matters() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    ON_MATTERS.iter().copied()
}

/// Honest changes at the portal.
pub(crate) const PORTAL_ACTS: &[&str] =
    &["announce-sunset", "ask-bank", "change-citizen", "move-matter", "renew-reference"];

/// Ways in which a partner's call is signed.
pub(crate) const SIGNINGS: &[&str] = &["assertion", "smev", "v1", "v2", "v3"];

pub(crate) const ATTACKS: &[&str] =
    &["callback-in-fresh-browser", "edit-audit", "hook-by-get", "hook-endless", "hook-garbage", "inject-code"];

pub(crate) const OUTCOMES: &[&str] = &["error", "ok", "pending", "refused"];

pub(crate) const REASONS: &[&str] = &[
    "audience",
    "binding",
    "consent",
    "format",
    "issuer",
    "level",
    "limit",
    "replay",
    "signature",
    "state",
    "time",
    "transport",
];

pub(crate) const PROBES: &[&str] = &["audit_verify", "consent_state", "data_present", "session_alive"];

pub(crate) const PROTOCOLS: &[&str] = &["esia-v1", "esia-v3", "oidc"];

/// The nearest word, if one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 4);
    allowed
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| {
            *distance <= limit || (word.len() >= 4 && (candidate.contains(word) || word.contains(candidate)))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean "x"? allowed: …`; long lists are cut to what is near.
pub(crate) fn hint(word: &str, allowed: &[&str]) -> String {
    let mut hint = String::new();
    if let Some(near) = nearest(word, allowed) {
        let _ = write!(hint, "did you mean `{near}`? ");
    }
    let mut shown: Vec<&str> = allowed.to_vec();
    if shown.len() > 16 {
        shown.sort_by_key(|candidate| (distance(word, candidate), *candidate));
        shown.truncate(8);
        let _ = write!(hint, "allowed, among {}: {}", allowed.len(), shown.join(", "));
    } else {
        let _ = write!(hint, "allowed: {}", shown.join(", "));
    }
    hint
}

/// Edits between two words (Levenshtein), a swap of neighbours counting once.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(nearest("requirments", &["id", "requirements", "steps"]), Some("requirements"));
        assert_eq!(nearest("stpes", &["id", "requirements", "steps"]), Some("steps"));
        assert_eq!(nearest("anna-confirmd", &["anna-confirmed", "boris"]), Some("anna-confirmed"));
        assert_eq!(nearest("zzz", &["id", "requirements"]), None);
    }

    #[test]
    fn cuts_a_long_list_to_what_is_near() {
        let many: Vec<String> = (0..40).map(|n| format!("word-{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(hint("word-1x", &many).starts_with("did you mean `word-1"));
        assert!(hint("word-1x", &many).contains("among 40"));
    }
}
