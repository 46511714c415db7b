//! The audit trail: one JSON line per decision of consequence, chained by a keyed digest, so that an edit, a removed or a
//! moved line is noticed. A line holds a time with zone, a correlation id, the kind, and for a refusal its class and code;
//! never a secret, never a personal value.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::BankError;

const FIRST: &str = "0";

pub(crate) struct Audit {
    path: PathBuf,
    key: ring::hmac::Key,
    tip: Mutex<Tip>,
}

struct Tip {
    n: u64,
    hash: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    n: u64,
    at: Timestamp,
    correlation: String,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    prev: String,
    #[serde(default)]
    hash: String,
}

impl Audit {
    /// Opens the trail and goes on from its last line.
    pub(crate) fn open(path: &Path, secret: &[u8]) -> Result<Self, BankError> {
        let failed = |source| BankError::Store { path: path.to_owned(), source };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        let last: Option<Line> = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let tip = last.map_or(Tip { n: 0, hash: FIRST.to_owned() }, |line| Tip { n: line.n, hash: line.hash });
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        Ok(Self { path: path.to_owned(), key, tip: Mutex::new(tip) })
    }

    pub(crate) fn note(&self, at: Timestamp, correlation: &str, kind: &str, reason: Option<(&str, &str)>) {
        let mut tip = self.tip();
        let mut line = Line {
            n: tip.n + 1,
            at,
            correlation: correlation.to_owned(),
            kind: kind.to_owned(),
            class: reason.map(|(class, _)| class.to_owned()),
            code: reason.map(|(_, code)| code.to_owned()),
            prev: tip.hash.clone(),
            hash: String::new(),
        };
        line.hash = self.hash(&line);
        let Ok(mut text) = serde_json::to_string(&line) else { return };
        text.push('\n');
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        match written {
            Ok(()) => *tip = Tip { n: line.n, hash: line.hash },
            Err(error) => tracing::error!(%error, "failed to write the audit trail"),
        }
    }

    /// Whether the file is whole: every line as written, none missing, none added, up to the last one written.
    pub(crate) fn verify(&self) -> bool {
        let tip = self.tip();
        let Ok(text) = std::fs::read_to_string(&self.path) else { return tip.n == 0 };
        let (mut n, mut prev) = (0, FIRST.to_owned());
        for row in text.lines() {
            let Ok(line) = serde_json::from_str::<Line>(row) else { return false };
            let again = serde_json::to_string(&line).ok();
            if line.n != n + 1 || line.prev != prev || again.as_deref() != Some(row) || self.hash(&line) != line.hash {
                return false;
            }
            n = line.n;
            prev = line.hash;
        }
        n == tip.n && prev == tip.hash
    }

    /// The trail as it stands, for the auditor.
    pub(crate) fn text(&self) -> String {
        let _tip = self.tip();
        std::fs::read_to_string(&self.path).unwrap_or_default()
    }

    fn hash(&self, line: &Line) -> String {
        let bare = Line { hash: String::new(), ..line.clone() };
        let bytes = serde_json::to_vec(&bare).unwrap_or_default();
        hex::encode(ring::hmac::sign(&self.key, &bytes))
    }

    fn tip(&self) -> MutexGuard<'_, Tip> {
        self.tip.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail() -> (tempfile::TempDir, Audit) {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(&folder.path().join("audit.jsonl"), b"key").unwrap();
        for n in 0..5 {
            audit.note(Timestamp::from_seconds(n), "f-1", "flow.refused", Some(("signature", "ID-SIGNATURE")));
        }
        (folder, audit)
    }

    fn edit(audit: &Audit, change: impl Fn(&str) -> String) {
        let text = std::fs::read_to_string(&audit.path).unwrap();
        std::fs::write(&audit.path, change(&text)).unwrap();
    }

    #[test]
    fn an_untouched_trail_verifies_also_after_a_restart() {
        let (_folder, audit) = trail();
        assert!(audit.verify());
        let again = Audit::open(&audit.path, b"key").unwrap();
        again.note(Timestamp::from_seconds(9), "f-2", "session.opened", None);
        assert!(again.verify());
    }

    #[test]
    fn an_edit_is_noticed() {
        let (_folder, audit) = trail();
        edit(&audit, |text| text.replacen("signature", "time", 1));
        assert!(!audit.verify());
    }

    #[test]
    fn a_removed_line_is_noticed_also_at_the_end() {
        for gone in [0, 2, 4] {
            let (_folder, audit) = trail();
            edit(&audit, |text| {
                text.lines().enumerate().filter(|(n, _)| *n != gone).map(|(_, line)| format!("{line}\n")).collect()
            });
            assert!(!audit.verify(), "line {gone}");
        }
    }

    #[test]
    fn an_added_space_is_noticed() {
        let (_folder, audit) = trail();
        edit(&audit, |text| text.replacen(':', ": ", 1));
        assert!(!audit.verify());
    }
}
