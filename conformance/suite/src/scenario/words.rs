//! The words a scenario may use, and the nearest of them to a misspelt one.

use std::fmt::Write as _;

/// Actions of the contract that banks offer today.
/// What a scenario may need of a bank file beside claimed actions: an address for events, an audit trail on file.
pub(crate) const FACILITIES: &[&str] = &["audit", "webhook"];

pub(crate) const ACTIONS: &[&str] = &[
    "consent.request",
    "consent.revoke",
    "consent.status",
    "customer.link",
    "customer.profile",
    "customer.unlink",
    "debts.feed",
    "debts.list",
    "debts.pay",
    "pension.view",
];

/// What a citizen can be told to do.
pub(crate) const CITIZEN_ACTS: &[&str] =
    &["approve", "go", "ignore", "refuse", "reload-callback", "revoke", "wrong-code", "wrong-password"];

pub(crate) const ATTACKS: &[&str] = &["callback-in-fresh-browser", "edit-audit", "hook-by-get", "inject-code"];

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
