//! The token endpoint's answer, read strictly in what matters and tolerantly in what does not.

use contract::adapter::ReasonClass;
use contract::time::{Span, Timestamp};
use serde_json::Value;

use crate::bank::Bank;
use crate::conduct::{AnswerCheck, Diligence, Oddity, TokenDuty, Trouble};
use crate::http::Answer;
use crate::protocol::Grant;
use crate::refusal::{Refusal, refuse};

/// Life of an access token whose answer names none: short, so that a later 401 is the exception.
const LIFE: Span = Span::from_minutes(5);

pub(crate) struct TokenAnswer {
    pub(crate) access: String,
    pub(crate) id_token: Option<String>,
    pub(crate) refresh: Option<String>,
    pub(crate) expires_at: Timestamp,
    /// What was granted, out of what was asked.
    pub(crate) scopes: Vec<String>,
    pub(crate) consent: Option<String>,
    /// Found wanting, to be said once it has been used: never in an honest bank.
    pub(crate) late: Option<Refusal>,
}

/// Reads the answer; a refusal comes with the trouble that decides whether to send again.
pub(crate) fn read(
    bank: &Bank,
    grant: Grant<'_>,
    state: Option<&str>,
    answer: &Answer,
) -> Result<TokenAnswer, (Trouble, Refusal)> {
    let mut late = None;
    let format = |code: &'static str, why: &str| refuse(ReasonClass::Format, code, why);
    let value = answer.json().filter(Value::is_object).unwrap_or_default();
    if (300..400).contains(&answer.status) {
        return Err((
            Trouble::ClientError,
            refuse(ReasonClass::Transport, "TOKEN-REDIRECT", "the token endpoint redirects"),
        ));
    }
    if answer.status >= 500 {
        let refusal = Refusal::of_portal(answer.status, None, format!("the token endpoint: {}", answer.status));
        return Err((Trouble::CodeSent, refusal));
    }
    if answer.status != 200 {
        return Err(refused(grant, answer.status, &value));
    }
    if value.get("error").is_some() || !answer.is_json() || !value.is_object() {
        let refusal = format("TOKEN-ANSWER", "status 200 with an error or without JSON");
        weigh(bank, AnswerCheck::ErrorUnder200, refusal, &mut late)?;
    }
    let text = |name: &str| value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let kind = text("token_type").unwrap_or_default();
    let is_bearer = if bank.conduct.tolerates(Oddity::TokenTypeCase) {
        kind.eq_ignore_ascii_case("bearer")
    } else {
        kind == "Bearer"
    };
    if !is_bearer && late.is_none() && value.is_object() {
        weigh(bank, AnswerCheck::TokenType, format("TOKEN-TYPE", "a token type that is not Bearer"), &mut late)?;
    }
    let access = text("access_token");
    if access.is_none() {
        weigh(bank, AnswerCheck::AccessTokenPresent, format("TOKEN-ACCESS", "no access token"), &mut late)
            .or_else(|error| overlooked(bank, AnswerCheck::ErrorUnder200, &value, error))?;
    }
    let id_token = text("id_token");
    let wants_id_token = matches!(grant, Grant::Code { .. });
    if wants_id_token && id_token.is_none() {
        weigh(
            bank,
            AnswerCheck::IdTokenPresent,
            format("TOKEN-ID", "no ID token although openid was asked"),
            &mut late,
        )
        .or_else(|error| overlooked(bank, AnswerCheck::ErrorUnder200, &value, error))?;
    }
    if let (Some(sent), Some(echoed)) = (state, text("state"))
        && sent != echoed
    {
        return Err((
            Trouble::ClientError,
            refuse(ReasonClass::State, "TOKEN-STATE", "the answer is to another request"),
        ));
    }
    let intolerant = |oddity: Oddity, is_odd: bool| {
        if is_odd && !bank.conduct.tolerates(oddity) {
            return Err((Trouble::ClientError, format("TOKEN-ODD", "not as the bank is used to")));
        }
        Ok(())
    };
    let access = access.unwrap_or_default();
    intolerant(Oddity::ExpiresAbsent, value["expires_in"].is_null())?;
    intolerant(Oddity::RefreshTokenAbsent, wants_refresh(grant) && value["refresh_token"].is_null())?;
    intolerant(Oddity::RefreshTokenKept, matches!(grant, Grant::Refresh { .. }) && value["refresh_token"].is_null())?;
    intolerant(Oddity::TokenLarge, access.len() > 6 * 1024)?;
    intolerant(Oddity::TokenMembersUnknown, has_unknown_members(&value))?;
    let scopes = granted(bank, grant, &value, &access);
    intolerant(Oddity::ScopeAbsent, wants_id_token && value["scope"].is_null())?;
    let life = match &value["expires_in"] {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let life = life.map_or(LIFE, |seconds| Span::from_seconds(seconds.clamp(0, 86_400 * 30)));
    Ok(TokenAnswer {
        access,
        id_token,
        refresh: text("refresh_token"),
        expires_at: bank.clock.now() + life,
        scopes,
        consent: text("consent"),
        late,
    })
}

fn wants_refresh(grant: Grant<'_>) -> bool {
    matches!(grant, Grant::Code { attempt, .. } if attempt.consent.is_none())
}

fn has_unknown_members(value: &Value) -> bool {
    const KNOWN: [&str; 9] = [
        "access_token",
        "id_token",
        "refresh_token",
        "expires_in",
        "token_type",
        "scope",
        "state",
        "consent",
        "refresh_expires_in",
    ];
    value.as_object().is_some_and(|members| members.keys().any(|name| !KNOWN.contains(&name.as_str())))
}

fn refused(grant: Grant<'_>, status: u16, value: &Value) -> (Trouble, Refusal) {
    let error = value["error"].as_str().unwrap_or_default();
    let description = value["error_description"].as_str().unwrap_or_default();
    let code = description.split_once(':').map(|(code, _)| code).filter(|code| code.starts_with("ESIA-"));
    let trouble = match (grant, error, code) {
        (Grant::Refresh { .. }, ..) => Trouble::RefreshRefused,
        (.., Some("ESIA-007053")) => Trouble::SignatureRefused,
        (_, "invalid_client", _) => Trouble::InvalidClient,
        (_, "invalid_grant", _) => Trouble::InvalidGrant,
        _ => Trouble::ClientError,
    };
    let mut refusal =
        Refusal::of_portal(status, code.or(Some(error)), format!("the token endpoint: {error} {description}"));
    // The grant behind a data token is the consent itself: one that is invalid has ended (RFC 6749 §5.2, CST-12).
    if matches!(grant, Grant::Data { .. }) && error == "invalid_grant" {
        refusal.class = ReasonClass::Consent;
    }
    (trouble, refusal)
}

/// The granted scopes: those of the answer, else those inside the access token, else those that were asked
/// (RFC 6749 §5.1); never more than were asked.
fn granted(bank: &Bank, grant: Grant<'_>, value: &Value, access: &str) -> Vec<String> {
    let asked: Vec<String> = grant.scope().split(' ').map(str::to_owned).collect();
    if !bank.conduct.token(TokenDuty::ScopeGranted) {
        return asked;
    }
    let inside = crypto::jws::Jws::parse(access).ok().and_then(|token| token.claims().ok());
    let inside = inside.as_ref().and_then(|claims| claims.get("scope"));
    let named = |scope: &Value| -> Option<Vec<String>> {
        let text = scope.as_str()?;
        Some(text.split(' ').map(bare).filter(|scope| !scope.is_empty()).collect())
    };
    let of_answer = named(&value["scope"]);
    let of_token = inside.and_then(named);
    let allowed = |scope: &String| {
        let scope = bare(scope);
        [&of_answer, &of_token].into_iter().flatten().all(|list| list.contains(&scope))
    };
    asked.into_iter().filter(allowed).collect()
}

/// ESIA writes `fullname?oid=1000299353` inside tokens, older ones a whole address.
fn bare(scope: &str) -> String {
    let scope = scope.split('?').next().unwrap_or(scope);
    scope.rsplit('/').next().unwrap_or(scope).to_owned()
}

fn weigh(
    bank: &Bank,
    check: AnswerCheck,
    refusal: Refusal,
    late: &mut Option<Refusal>,
) -> Result<(), (Trouble, Refusal)> {
    match bank.conduct.token_answer(check) {
        Diligence::Full => Err((Trouble::ClientError, refusal)),
        Diligence::Late => {
            *late = Some(refusal);
            Ok(())
        }
        Diligence::LoggedOnly => {
            bank.diary.note(bank.clock.now(), "overlooked", &[("why", &refusal.detail)]);
            Ok(())
        }
        Diligence::Skipped | Diligence::WrongField => Ok(()),
    }
}

/// A bank that overlooks an error under 200 makes do with whatever stands there.
fn overlooked(
    bank: &Bank,
    check: AnswerCheck,
    value: &Value,
    error: (Trouble, Refusal),
) -> Result<(), (Trouble, Refusal)> {
    let is_error = value.get("error").is_some() || !value.is_object();
    if is_error && bank.conduct.token_answer(check) != Diligence::Full { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_in_all_of_esias_forms() {
        assert_eq!(bare("fullname?oid=1000299353"), "fullname");
        assert_eq!(bare("http://esia.gosuslugi.ru/usr_inf?oid=1"), "usr_inf");
        assert_eq!(bare("openid"), "openid");
    }

    #[test]
    fn unknown_members_are_seen() {
        assert!(!has_unknown_members(&serde_json::json!({"access_token": "x", "state": "y"})));
        assert!(has_unknown_members(&serde_json::json!({"brand_new": 1})));
    }
}
