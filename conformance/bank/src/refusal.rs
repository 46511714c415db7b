//! A refusal as the bank says it: a class that outsiders understand, a code for its own staff, a message that a person can
//! read and act upon. What only helps an engineer stays in `detail`, which goes to the log and nowhere else.

use std::borrow::Cow;

use contract::adapter::{Outcome, Reason, ReasonClass, Report};
use serde_json::Map;

#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) class: ReasonClass,
    pub(crate) code: Cow<'static, str>,
    /// In Russian, without internals.
    pub(crate) message: String,
    /// For the log only.
    pub(crate) detail: String,
}

/// A refusal of this class; the message is that of the class.
pub(crate) fn refuse(class: ReasonClass, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Refusal {
    Refusal { class, code: code.into(), message: plain(class).to_owned(), detail: detail.into() }
}

impl Refusal {
    pub(crate) fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    pub(crate) fn report(&self) -> Report {
        Report {
            outcome: Outcome::Refused,
            reason: Some(Reason { class: self.class, code: self.code.to_string(), message: self.message.clone() }),
            values: Map::new(),
            customer: None,
            browser: None,
        }
    }

    /// What the portal's problem document or OAuth error means for the person. Known codes are explained by the
    /// published registry; an unknown one gets a neutral text, and no code is made up for it.
    pub(crate) fn of_portal(status: u16, code: Option<&str>, detail: impl Into<String>) -> Self {
        let known = code.and_then(contract::error::find);
        let class = class_of(status, code.unwrap_or_default());
        match known {
            Some(row) => refuse(class, row.code.clone(), detail).saying(row.title.ru.clone()),
            None => refuse(class, "", detail)
                .saying("Портал государственных услуг не выполнил запрос. Попробуйте позже или обратитесь в банк."),
        }
    }
}

fn class_of(status: u16, code: &str) -> ReasonClass {
    match (status, code) {
        (_, "consent-expired" | "consent-missing" | "consent-revoked" | "consent-unknown" | "consent-not-standing")
        | (_, "purpose-mismatch" | "scope-missing" | "ESIA-007004" | "ESIA-007019" | "ESIA-005029") => {
            ReasonClass::Consent
        }
        (_, "access_denied" | "consent_required" | "insufficient_scope") => ReasonClass::Consent,
        (_, "token-expired" | "ESIA-005013" | "token-spent" | "invalid_grant") => ReasonClass::Time,
        (_, "ESIA-007053" | "invalid_client") => ReasonClass::Signature,
        (_, "authority-missing" | "marketing-declined" | "purpose-not-allowed") => ReasonClass::Consent,
        (_, "code-mismatch") => ReasonClass::Binding,
        (_, "code-expired") => ReasonClass::Time,
        (_, "code-used" | "debt-already-paid") => ReasonClass::Replay,
        (_, "matter-state-wrong") => ReasonClass::State,
        (_, "quota-exceeded" | "insufficient-funds") => ReasonClass::Limit,
        (_, "signature-invalid") => ReasonClass::Signature,
        (401, _) => ReasonClass::Binding,
        (403, _) => ReasonClass::Consent,
        (409, _) => ReasonClass::Replay,
        (429 | 503, _) => ReasonClass::Limit,
        (500.., _) => ReasonClass::Transport,
        _ => ReasonClass::Format,
    }
}

const fn plain(class: ReasonClass) -> &'static str {
    match class {
        ReasonClass::Audience => "Ответ портала предназначен не нашему банку. Начните вход заново.",
        ReasonClass::Binding => "Ответ портала не относится к вашему обращению. Начните заново.",
        ReasonClass::Consent => "Без вашего действующего согласия банк не может получить эти сведения.",
        ReasonClass::Format => "Ответ портала неполон или не читается. Попробуйте позже.",
        ReasonClass::Issuer => "Ответ пришёл не от портала, с которым работает банк. Начните вход заново.",
        ReasonClass::Level => {
            "Для этой операции нужен более надёжный вход: подтвердите учётную запись или второй фактор."
        }
        ReasonClass::Limit => "Портал сейчас не принимает запросы. Попробуйте позже.",
        ReasonClass::Other => "Операция не выполнена. Попробуйте позже или обратитесь в банк.",
        ReasonClass::Replay => "Этот ответ портала уже использован. Начните заново.",
        ReasonClass::Signature => "Подлинность ответа портала не подтверждена. Попробуйте позже или обратитесь в банк.",
        ReasonClass::State => "Вход прерван: ответ не относится к начатому вами входу. Начните заново.",
        ReasonClass::Time => "Срок действия истёк. Войдите через портал ещё раз.",
        ReasonClass::Transport => "Защищённая связь с порталом не установлена. Попробуйте позже.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_problem_gets_a_neutral_text_and_no_invented_code() {
        let refusal = Refusal::of_portal(400, Some("brand-new-problem"), "Traceback: secret.rs:17");
        assert_eq!(refusal.code, "");
        assert!(!refusal.message.is_empty() && !refusal.message.contains("secret.rs"));
    }

    #[test]
    fn a_known_problem_is_explained_by_the_registry() {
        let refusal = Refusal::of_portal(403, Some("consent-revoked"), "");
        assert_eq!(refusal.class, ReasonClass::Consent);
        assert_eq!(refusal.code, "consent-revoked");
    }
}
