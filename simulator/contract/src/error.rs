//! The one registry of errors. Rows stand in `errors.toml`; nothing else in the portal invents a code, a status or a
//! text. Every interface takes its own form from the same row: a redirect, a token answer, a REST object, a problem
//! document, a page.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::control::{Names, Problem};

/// Where the addresses of problem types begin.
pub const PROBLEM_BASE: &str = "https://stend.example/errors/";

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorRow {
    /// `ESIA-007014`, `token-spent`: unique.
    pub code: String,
    /// The interface that it belongs to.
    pub form: Form,
    /// HTTP status, where it goes out as an HTTP answer.
    pub status: u16,
    /// `error` of OAuth, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What stands on the wire after the code; `{0}` is the name concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A few words.
    pub title: Names,
    /// Why it is said.
    pub reason: Names,
    /// How to mend it.
    pub advice: Names,
}

/// Interfaces with errors of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Data services: problem documents.
    Api,
    /// Consent requests: like [`Form::Oauth`].
    Consent,
    /// The control API: problem documents.
    Control,
    /// ESIA's OAuth: redirect or JSON with `error` and `error_description`.
    Oauth,
    /// Plain OpenID Connect: the same without ESIA's code.
    Oidc,
    /// A page that a citizen sees.
    Page,
    /// ESIA's REST: JSON with `code` and `message`.
    Rest,
    /// The message exchange: SOAP faults.
    Soap,
    /// The stream of events: `status` is the close code of the WebSocket, `code` its reason.
    Ws,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    error: Vec<ErrorRow>,
}

static ROWS: LazyLock<Vec<ErrorRow>> = LazyLock::new(|| {
    // The file is part of the program and read by a test, so it can only fail while it is being edited.
    toml::from_str::<Table>(include_str!("errors.toml")).expect("errors.toml is a table of errors").error
});

/// Every row, in the order of the file.
pub fn all() -> &'static [ErrorRow] {
    &ROWS
}

/// The row of a code.
pub fn find(code: &str) -> Option<&'static ErrorRow> {
    ROWS.iter().find(|row| row.code == code)
}

/// The row of a code that the program itself names; an unknown one becomes the row `internal`, so that a slip in a
/// name can never end a request without an answer.
pub fn row(code: &str) -> &'static ErrorRow {
    // `internal` is there: a test of this file looks for it.
    find(code).or_else(|| find("internal")).expect("errors.toml has the row `internal`")
}

impl ErrorRow {
    /// The wire text, with the name concerned put in.
    pub fn text(&self, about: &str) -> String {
        let text = self.text.as_deref().unwrap_or(&self.title.en);
        if about.is_empty() { text.replace(" [{0}]", "") } else { text.replace("{0}", about) }
    }

    /// `error_description`: `ESIA-007014: …` where the row has an ESIA code, else the text alone.
    pub fn description(&self, about: &str) -> String {
        if self.code.starts_with("ESIA-") { format!("{}: {}", self.code, self.text(about)) } else { self.text(about) }
    }

    /// The code as ESIA's REST objects carry it: `ESIA-005013`.
    pub fn rest(&self) -> (&str, String) {
        (&self.code, self.text(""))
    }

    /// The problem document.
    pub fn problem(&self, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("{PROBLEM_BASE}{}", self.code),
            title: self.title.en.clone(),
            status: self.status,
            detail: detail.into(),
            code: self.code.clone(),
            reason: self.reason.clone(),
            advice: self.advice.clone(),
            more: std::collections::BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_texts_stand_in_both_languages() {
        let mut seen = BTreeSet::new();
        for row in all() {
            assert!(seen.insert(&row.code), "{} stands twice", row.code);
            let range = if row.form == Form::Ws { 1000..=4999 } else { 400..=599 };
            assert!(range.contains(&row.status), "{}", row.code);
            for names in [&row.title, &row.reason, &row.advice] {
                assert!(names.ru.chars().any(|letter| ('а'..='я').contains(&letter)), "{}: {}", row.code, names.ru);
                assert!(!names.en.is_empty() && names.en.is_ascii(), "{}: {}", row.code, names.en);
            }
            let oauth = matches!(row.form, Form::Consent | Form::Oauth | Form::Oidc);
            assert_eq!(oauth, row.error.is_some(), "{}", row.code);
        }
        assert!(find("internal").is_some());
    }

    #[test]
    fn every_code_of_esia_that_clients_know_is_there() {
        let oauth = "007002 007003 007004 007005 007006 007007 007008 007009 007011 007012 007013 007014 007015 007019 \
                     007023 007038 007039 007040 007046 007053 007055 007060 007061 007062 007194 008010";
        let consent = "036700 036701 036702 036703 036704 036705 036706 036707 036716 036726 036727";
        for number in oauth.split_whitespace().chain(consent.split_whitespace()).chain(["005013", "005029"]) {
            assert!(find(&format!("ESIA-{number}")).is_some(), "{number}");
        }
    }

    #[test]
    fn a_description_begins_with_the_code_and_names_what_is_missing() {
        let absent = row("ESIA-007014");
        assert_eq!(
            absent.description("timestamp"),
            "ESIA-007014: Request does not contain mandatory parameter [timestamp]"
        );
        assert_eq!(absent.description(""), "ESIA-007014: Request does not contain mandatory parameter");
        assert_eq!(&row("ESIA-007053").description("")[11..], ": OAuthErrorEnum.clientSecretWrong");
    }

    #[test]
    fn a_problem_document_carries_reason_and_advice() {
        let problem = serde_json::to_value(row("token-spent").problem("token of 12:00")).unwrap();
        assert_eq!(problem["type"], "https://stend.example/errors/token-spent");
        assert_eq!(problem["status"], 403);
        assert_eq!(problem["reason"]["ru"], "Ответ по этому маркеру уже отдан; второй раз он не служит.");
    }
}
