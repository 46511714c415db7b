//! One refusal in the forms of the identity interfaces: a redirect back to the bank, the JSON of a token endpoint,
//! ESIA's REST object, a page. The wire gets the bare error; why goes to the journal and to the diagnosis header.

use contract::control::DIAGNOSIS_HEADER;
use contract::error::{self, ErrorRow};
use contract::journal::kinds;
use domain::Refusal;
use serde_json::json;

use crate::diagnosis::{Cause, completed};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::portal::Sandbox;

/// Journals a refusal as `request.refused`.
pub async fn note(sandbox: &Sandbox, caller: &Caller, refusal: &Refusal) {
    let refusal = completed(refusal.clone());
    let data = json!({
        "code": refusal.code,
        "cause": refusal.cause,
        "check": refusal.check,
        "seen": refusal.seen,
        "wanted": refusal.wanted,
        "mend": refusal.mend,
    });
    sandbox.note(caller, kinds::REQUEST_REFUSED, data).await;
}

/// The value of `Stend-Diagnosis`, where the sandbox sends it: one JSON object in ASCII.
pub fn diagnosis_header(sandbox: &Sandbox, refusal: &Refusal) -> Option<String> {
    if !sandbox.diagnosis() {
        return None;
    }
    let refusal = completed(refusal.clone());
    Some(ascii(&json!({
        "code": refusal.code,
        "cause": refusal.cause,
        "check": refusal.check,
        "seen": refusal.seen,
        "wanted": refusal.wanted,
        "mend": refusal.mend,
    })))
}

/// The header of a good answer that was given in spite of an oddity.
pub fn tolerated_header(sandbox: &Sandbox, notes: &[&'static Cause]) -> Option<String> {
    let first = notes.first().filter(|_| sandbox.diagnosis())?;
    Some(ascii(&json!({"tolerated": first.slug, "check": first.check, "mend": first.mend})))
}

/// JSON without a byte beyond ASCII and without controls, fit for a header.
fn ascii(value: &serde_json::Value) -> String {
    let mut out = String::new();
    for letter in value.to_string().chars() {
        if letter.is_ascii() && !letter.is_ascii_control() {
            out.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// The row of a refusal and the name that its text puts in square brackets.
fn row_and_name(code: &str, refusal: &Refusal) -> (&'static ErrorRow, String) {
    // A check names the parameter in brackets in `wanted`; other refusals name nothing.
    let about = refusal.wanted.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or("", |(name, _)| name);
    (error::row(code), about.to_owned())
}

/// `error` and `error_description` of a refusal, in the words of the interface.
pub fn oauth_error(code: &str, refusal: &Refusal) -> (String, String) {
    let (row, about) = row_and_name(code, refusal);
    (row.error.clone().unwrap_or_else(|| "server_error".to_owned()), row.description(&about))
}

/// The answer of an ESIA token endpoint: HTTP 400 and `{error, error_description, state}`.
pub async fn esia_token(sandbox: &Sandbox, caller: &Caller, refusal: &Refusal, state: Option<&str>) -> Answer {
    note(sandbox, caller, refusal).await;
    let code = to_esia(&refusal.code);
    let (error, description) = oauth_error(&code, refusal);
    let mut body = json!({"error": error, "error_description": description});
    if let Some(state) = state {
        body["state"] = json!(state);
    }
    with_diagnosis(sandbox, refusal, uncached(Answer::json(error::row(&code).status.max(400), body)))
}

/// The answer of ESIA's REST data: `{code, message}`.
pub async fn esia_rest(sandbox: &Sandbox, caller: &Caller, refusal: &Refusal) -> Answer {
    note(sandbox, caller, refusal).await;
    let row = error::row(&to_rest(&refusal.code));
    let (code, message) = row.rest();
    let mut answer = Answer::json(row.status, json!({"code": code, "message": message}));
    if row.status == 401 {
        answer = answer.with("www-authenticate", "Bearer error=\"invalid_token\"");
    }
    with_diagnosis(sandbox, refusal, uncached(answer))
}

/// The answer of an endpoint of plain OpenID Connect (RFC 6749 §5.2): 401 with a challenge where the client failed to
/// prove itself.
pub async fn oidc_token(sandbox: &Sandbox, caller: &Caller, refusal: &Refusal) -> Answer {
    note(sandbox, caller, refusal).await;
    let code = to_oidc(refusal);
    let row = error::row(&code);
    let (error, description) = oauth_error(&code, refusal);
    let body = json!({"error": error, "error_description": description});
    let mut answer = Answer::json(row.status, body);
    if row.status == 401 {
        answer = answer.with("www-authenticate", format!("Bearer realm=\"stend\", error=\"{error}\""));
    }
    with_diagnosis(sandbox, refusal, uncached(answer))
}

/// The answer of a resource of plain OpenID Connect (RFC 6750 §3). Without any token the challenge is bare.
pub async fn oidc_resource(sandbox: &Sandbox, caller: &Caller, refusal: &Refusal) -> Answer {
    note(sandbox, caller, refusal).await;
    let row = error::row(&to_oidc_resource(&refusal.code));
    let error = row.error.as_deref().unwrap_or("invalid_token");
    let description = row.description("");
    let challenge = if refusal.cause == crate::diagnosis::causes::TOKEN_MISSING.slug {
        "Bearer realm=\"stend\"".to_owned()
    } else {
        format!("Bearer realm=\"stend\", error=\"{error}\", error_description=\"{}\"", description.replace('"', "'"))
    };
    let answer = Answer::json(row.status, json!({"error": error, "error_description": description}))
        .with("www-authenticate", challenge);
    with_diagnosis(sandbox, refusal, uncached(answer))
}

/// The same answer with the diagnosis header, where it is sent.
pub fn with_diagnosis(sandbox: &Sandbox, refusal: &Refusal, answer: Answer) -> Answer {
    match diagnosis_header(sandbox, refusal) {
        Some(value) => answer.with(DIAGNOSIS_HEADER, value),
        None => answer,
    }
}

/// Tokens and refusals are never kept by a cache (RFC 6749 §5.1).
pub fn uncached(answer: Answer) -> Answer {
    answer.with("cache-control", "no-store").with("pragma", "no-cache")
}

/// A code of any interface in ESIA's OAuth words.
pub fn to_esia(code: &str) -> String {
    let esia = match code {
        known if ["ESIA-007", "ESIA-008", "ESIA-036"].iter().any(|family| known.starts_with(family)) => known,
        "oidc-access-denied" => "ESIA-007004",
        "oidc-account-unconfirmed" => "ESIA-007055",
        "oidc-acr-unmet" => "ESIA-007046",
        "oidc-assertion-invalid" | "oidc-assertion-replayed" | "oidc-binding-wrong" => "ESIA-008010",
        "oidc-client-unknown" => "ESIA-007005",
        "oidc-grant-invalid" => "ESIA-007011",
        "oidc-grant-type-unsupported" => "ESIA-007012",
        "oidc-pkce-wrong" => "ESIA-007040",
        "oidc-redirect-uri-unknown" => "ESIA-007023",
        "oidc-response-type-unsupported" => "ESIA-007009",
        "oidc-scope-invalid" => "ESIA-007006",
        "oidc-request-invalid" | "oidc-pkce-missing" | "oidc-request-uri-invalid" => "ESIA-007003",
        "oidc-login-required" | "account-locked" | "account-blocked" | "account-deceased" => "ESIA-007004",
        "flow-unknown" | "flow-expired" => "ESIA-007004",
        "consent-missing" | "consent-expired" | "consent-revoked" | "consent-unknown" | "consent-not-standing" => {
            "ESIA-007019"
        }
        "person-unknown" => "ESIA-007019",
        "purpose-mismatch" => "ESIA-036726",
        _ => "ESIA-007007",
    };
    esia.to_owned()
}

/// A code of any interface in ESIA's REST words.
pub fn to_rest(code: &str) -> String {
    let rest = match code {
        known if known.starts_with("ESIA-005") => known,
        "token-expired" => "ESIA-005013",
        "token-absent"
        | "token-invalid"
        | "token-binding-wrong"
        | "oidc-token-invalid"
        | "oidc-binding-wrong"
        | "ESIA-007011" => "ESIA-005001",
        "not-found" | "person-unknown" | "citizen-unknown" | "consent-unknown" => "ESIA-005404",
        "ESIA-007007" | "internal" => "ESIA-007007",
        "ESIA-007008" => "ESIA-007008",
        _ => "ESIA-005029",
    };
    rest.to_owned()
}

/// A code of any interface in the words of plain OpenID Connect.
pub fn to_oidc(refusal: &Refusal) -> String {
    let oidc = match refusal.code.as_str() {
        // ESIA has one word for a client that is unknown and for one that asks for too much; RFC 6749 §5.2 has two.
        _ if refusal.cause == crate::diagnosis::causes::SCOPE_NOT_ALLOWED.slug => "oidc-scope-invalid",
        known if known.starts_with("oidc-") || known.starts_with("ESIA-036") => known,
        "ESIA-007002" | "ESIA-007053" | "ESIA-008010" => "oidc-assertion-invalid",
        "ESIA-007005" => "oidc-client-unknown",
        "ESIA-007006" | "ESIA-007013" => "oidc-scope-invalid",
        "ESIA-007009" => "oidc-response-type-unsupported",
        "ESIA-007011" | "ESIA-007019" => "oidc-grant-invalid",
        "ESIA-007012" => "oidc-grant-type-unsupported",
        "ESIA-007023" => "oidc-redirect-uri-unknown",
        "ESIA-007039" | "ESIA-007040" => "oidc-pkce-wrong",
        "ESIA-007004" | "ESIA-007062" | "ESIA-007194" => "oidc-access-denied",
        "ESIA-007046" => "oidc-acr-unmet",
        "ESIA-007055" => "oidc-account-unconfirmed",
        "account-locked" | "account-blocked" | "account-deceased" | "flow-unknown" | "flow-expired" => {
            "oidc-access-denied"
        }
        "consent-missing"
        | "consent-expired"
        | "consent-revoked"
        | "consent-unknown"
        | "consent-not-standing"
        | "person-unknown" => "oidc-grant-invalid",
        "token-expired" | "token-absent" | "token-invalid" => "oidc-token-invalid",
        "ESIA-007007" | "internal" => "ESIA-007007",
        "ESIA-007008" => "ESIA-007008",
        _ => "oidc-request-invalid",
    };
    oidc.to_owned()
}

/// A code of any interface as userinfo says it.
fn to_oidc_resource(code: &str) -> String {
    let oidc = match code {
        known if known.starts_with("oidc-") => known,
        "token-binding-wrong" => "oidc-binding-wrong",
        "ESIA-005029" | "scope-missing" | "token-kind-wrong" | "token-other-citizen" => "oidc-scope-insufficient",
        _ => "oidc-token-invalid",
    };
    oidc.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_form_at_each_interface() {
        for row in error::all() {
            assert!(error::find(&to_esia(&row.code)).is_some_and(|row| row.error.is_some()), "{}", row.code);
            assert!(
                error::find(&to_oidc(&Refusal::new(&row.code, ""))).is_some_and(|row| row.error.is_some()),
                "{}",
                row.code
            );
            assert!(error::find(&to_rest(&row.code)).is_some(), "{}", row.code);
            assert!(error::find(&to_oidc_resource(&row.code)).is_some(), "{}", row.code);
        }
    }

    #[test]
    fn the_missing_parameter_stands_in_square_brackets() {
        let refusal = crate::diagnosis::causes::PARAMETER_MISSING.refuse("ESIA-007014", "", "[timestamp]");
        let (error, description) = oauth_error("ESIA-007014", &refusal);
        assert_eq!(error, "invalid_request");
        assert_eq!(description, "ESIA-007014: Request does not contain mandatory parameter [timestamp]");
    }

    #[test]
    fn a_header_value_is_ascii() {
        assert_eq!(ascii(&json!({"a": "Ж\n"})), r#"{"a":"\u0416\n"}"#);
    }
}
