//! The log: JSON lines for the bank's engineers, `bank.log`. A value with line breaks stays one record because it is
//! encoded; tokens, codes and personal numbers are never handed to it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use contract::time::Timestamp;
use serde_json::{Map, Value};

use crate::BankError;
use crate::conduct::{Conduct, RecordDuty};

const LONGEST_VALUE: usize = 500;

pub(crate) struct Diary {
    file: Mutex<File>,
    conduct: &'static dyn Conduct,
}

impl Diary {
    pub(crate) fn open(path: &Path, conduct: &'static dyn Conduct) -> Result<Self, BankError> {
        let opened = OpenOptions::new().create(true).append(true).open(path);
        let file = opened.map_err(|source| BankError::Store { path: path.to_owned(), source })?;
        Ok(Self { file: Mutex::new(file), conduct })
    }

    pub(crate) fn note(&self, at: Timestamp, what: &str, facts: &[(&str, &str)]) {
        let line = if self.conduct.record(RecordDuty::LinesWhole) {
            let mut record = Map::new();
            record.insert("at".to_owned(), Value::from(at.to_string()));
            record.insert("what".to_owned(), Value::from(what));
            for (name, value) in facts {
                record.insert((*name).to_owned(), Value::from(bounded(value)));
            }
            Value::Object(record).to_string()
        } else {
            let facts: Vec<String> = facts.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{at} {what} {}", facts.join(" "))
        };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{line}") {
            tracing::error!(%error, "failed to write the log");
        }
    }

    /// Asked where a token, code or assertion is at hand: an honest bank writes nothing.
    pub(crate) fn token(&self, at: Timestamp, what: &str, token: &str) {
        if !self.conduct.record(RecordDuty::TokensOutOfLog) {
            self.raw(at, what, token);
        }
    }

    /// Asked where a code or a personal number is at hand: an honest bank writes nothing.
    pub(crate) fn secret(&self, at: Timestamp, what: &str, secret: &str) {
        if !self.conduct.record(RecordDuty::SecretsOutOfLog) {
            self.raw(at, what, secret);
        }
    }

    fn raw(&self, at: Timestamp, what: &str, value: &str) {
        let line = serde_json::json!({"at": at.to_string(), "what": what, "value": value});
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{line}") {
            tracing::error!(%error, "failed to write the log");
        }
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(LONGEST_VALUE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conduct::Honest;

    #[test]
    fn a_planted_line_break_does_not_split_the_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bank.log");
        let diary = Diary::open(&path, &Honest).unwrap();
        diary.note(Timestamp::default(), "refused", &[("why", "one\ntwo\r\n{\"forged\":1}")]);
        diary.token(Timestamp::default(), "token", "eyJ.secret");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains("secret"));
    }
}
