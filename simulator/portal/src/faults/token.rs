//! Lies in the answer of a token endpoint.

use contract::error;
use serde_json::{Value, json};

use super::answer::{Answer, Content, Cut};
use super::{Grant, Scene};

/// Changes the answer; false when there is nothing to lie about.
type Change = fn(&mut Answer, &Scene<'_>) -> bool;

/// Which grants a lie is about.
pub(super) const LIES: &[(&str, Grant, Change)] = &[
    ("id-token-other-kind", Grant::Code, |answer, _| {
        members(answer, |members| {
            let access = members.get("access_token").cloned();
            match (members.get_mut("id_token"), access) {
                (Some(id), Some(access)) => {
                    *id = access;
                    true
                }
                _ => false,
            }
        })
    }),
    ("id-token-replayed", Grant::Code, |answer, scene| {
        let Some(earlier) = scene.earlier_id_token.clone() else { return false };
        members(answer, |members| match members.get_mut("id_token") {
            Some(id) => {
                *id = earlier.into();
                true
            }
            None => false,
        })
    }),
    ("refresh-invalid-grant", Grant::Refresh, |answer, _| refuse(answer, "ESIA-007011", "invalid_grant", 400)),
    ("refresh-token-kept", Grant::Refresh, |answer, _| without(answer, "refresh_token")),
    ("token-access-absent", Grant::Code, |answer, _| without(answer, "access_token")),
    ("token-connection-cut", Grant::Code, |answer, _| {
        answer.cut = Cut::Before;
        true
    }),
    ("token-error-with-200", Grant::Code, |answer, _| {
        refuse(answer, "ESIA-007007", "server_error", 200) && {
            answer.status = 200;
            true
        }
    }),
    ("token-expires-absent", Grant::Code, |answer, _| without(answer, "expires_in")),
    ("token-html", Grant::Code, |answer, _| {
        *answer = Answer::html(200, "<!doctype html><title>Портал</title><p>Ведутся технические работы.</p>");
        true
    }),
    ("token-id-absent", Grant::Code, |answer, _| without(answer, "id_token")),
    ("token-invalid-client", Grant::Code, |answer, _| refuse(answer, "ESIA-007002", "invalid_client", 401)),
    ("token-invalid-grant", Grant::Code, |answer, _| refuse(answer, "ESIA-007011", "invalid_grant", 400)),
    ("token-redirect-foreign", Grant::Code, |answer, scene| {
        let status = scene.lie.number("status").and_then(|status| u16::try_from(status).ok()).unwrap_or(307);
        *answer = Answer::empty(status).with("location", format!("{}/aas/oauth2/v3/te", scene.foreign()));
        true
    }),
    ("token-refresh-absent", Grant::Code, |answer, _| without(answer, "refresh_token")),
    ("token-scope-absent", Grant::Code, |answer, _| without(answer, "scope")),
    ("token-scope-narrower", Grant::Code, |answer, scene| {
        members(answer, |members| {
            let granted = members.get("scope").and_then(Value::as_str).map(str::to_owned);
            let Some(granted) = granted.or_else(|| scope_of(members.get("access_token")?.as_str()?)) else {
                return false;
            };
            let bare = |scope: &str| scope.split('?').next().unwrap_or_default().to_owned();
            let mut scopes: Vec<String> = granted.split_whitespace().map(bare).collect();
            let last = || scopes.iter().rev().find(|scope| *scope != "openid").cloned();
            let Some(drop) = scene.lie.text("drop").map(str::to_owned).or_else(last) else { return false };
            scopes.retain(|scope| *scope != drop);
            members.insert("scope".into(), scopes.join(" ").into());
            true
        })
    }),
    ("token-signature-refused", Grant::Code, |answer, _| refuse(answer, "ESIA-007053", "invalid_client", 401)),
    ("token-status-500", Grant::Code, |answer, _| refuse(answer, "ESIA-007007", "server_error", 500)),
    ("token-type-case", Grant::Code, |answer, _| replace(answer, "token_type", "bearer".into())),
    ("token-type-unknown", Grant::Code, |answer, _| replace(answer, "token_type", "urn:stend:unheard-of".into())),
    ("token-unknown-members", Grant::Code, |answer, _| {
        members(answer, |members| {
            members.insert("x_note".into(), json!({"nested": [1, {"deep": null}], "текст": "да"}));
            members.insert("not_before_policy".into(), json!(0));
            members.insert("session_state".into(), json!("4c1f"));
            true
        })
    }),
];

fn members(answer: &mut Answer, change: impl FnOnce(&mut serde_json::Map<String, Value>) -> bool) -> bool {
    answer.is_success() && answer.object().is_some_and(change)
}

fn without(answer: &mut Answer, name: &str) -> bool {
    members(answer, |members| members.remove(name).is_some())
}

fn replace(answer: &mut Answer, name: &str, value: Value) -> bool {
    members(answer, |members| members.insert(name.to_owned(), value).is_some())
}

/// The error that a portal of this interface would give. ESIA echoes `state`, plain OpenID Connect has none.
fn refuse(answer: &mut Answer, code: &str, plain: &str, plain_status: u16) -> bool {
    let state = answer.object().and_then(|members| members.get("state").cloned());
    let row = error::row(code);
    let (status, body) = match state {
        Some(state) => {
            let body = json!({
                "error": row.error, "error_description": row.description(""), "state": state,
            });
            (row.status, body)
        }
        None => (plain_status, json!({"error": plain, "error_description": row.text("")})),
    };
    *answer = Answer { content: Content::Json(body), ..Answer::json(status, Value::Null) };
    true
}

/// The bare scopes of an access token, read without verifying: it is our own.
fn scope_of(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&crypto::base64::decode_url_strict(payload).ok()?).ok()?;
    claims["scope"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lied_refusal_speaks_the_interface_s_own_language() {
        let mut esia = Answer::json(200, json!({"access_token": "a", "state": "s"}));
        refuse(&mut esia, "ESIA-007011", "invalid_grant", 400);
        let members = esia.object().unwrap();
        assert_eq!(members["state"], "s");
        assert!(members["error_description"].as_str().unwrap().starts_with("ESIA-007011: "));
        let mut plain = Answer::json(200, json!({"access_token": "a"}));
        refuse(&mut plain, "ESIA-007002", "invalid_client", 401);
        assert_eq!(plain.status, 401);
        assert_eq!(plain.object().unwrap()["error"], "invalid_client");
    }

    #[test]
    fn an_honest_refusal_is_left_alone() {
        assert!(!without(&mut Answer::json(400, json!({"access_token": "a"})), "access_token"));
    }
}
