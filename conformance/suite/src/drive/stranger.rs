//! Somebody without rights calls the portal: what it refuses, and how, is the portal's own duty; no bank takes part.

use contract::exchange::Party;
use serde_json::{Value, json};

use super::lane::Lane;
use super::play::Play;
use crate::error::SuiteError;
use crate::scenario::fill;
use crate::scenario::model::StrangerStep;

pub(crate) async fn step(lane: &Lane, play: &Play, step: &StrangerStep, index: usize) -> Result<String, SuiteError> {
    let (method, path) = step.call.value.split_once(' ').unwrap_or(("GET", &step.call.value));
    let url = format!("{}{path}", lane.portal_facts.origin);
    let method = reqwest::Method::from_bytes(method.as_bytes())
        .map_err(|_| SuiteError::new(format!("`{method}` is no method"), "such as `GET /api/v1/estate`"))?;
    let mut request = lane.agency.client.request(method, &url).header("user-agent", lane.agency.stranger());
    for (name, value) in &step.headers {
        request = request.header(name, value);
    }
    let has_type = step.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
    request = match &step.body {
        None => request,
        Some(Value::String(text)) => request.body(text.clone()),
        Some(body) if has_type => request.body(body.to_string()),
        Some(body) => request.json(body),
    };
    play.act("attacker", "stranger-call", Some(index), json!({"call": step.call.value}));
    let (_, answer) = lane.agency.exchange(Party::Attacker, request, lane.patience()).await;
    let (status, headers, bytes) = match answer {
        Ok(answer) => answer,
        Err(why) => {
            play.unmet(Some(index), format!("{}: {why}", step.call.value), Vec::new());
            return Ok(why);
        }
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::String(text.clone()));
    let seen = format!("{} {}", status.as_u16(), body["code"].as_str().unwrap_or_default());
    let told = || vec![text.chars().take(300).collect::<String>()];
    if fill::written(&step.status) != status.as_str() {
        let wanted = fill::written(&step.status);
        play.unmet(Some(index), format!("{}: status {status}, wanted {wanted}", step.call.value), told());
    }
    if let Some(code) = &step.code
        && !names(&body, &text, &code.value)
    {
        play.unmet(Some(index), format!("{}: the answer does not name {}", step.call.value, code.value), told());
    }
    for (name, part) in &step.answers {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        if !value.is_some_and(|value| value.contains(part.as_str())) {
            let value = value.unwrap_or("absent");
            play.unmet(Some(index), format!("{}: {name} is {value:?}, wanted {part:?} in it", step.call.value), told());
        }
    }
    if let Some(save) = &step.save {
        let headers: serde_json::Map<String, Value> = headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), Value::from(value.to_str().ok()?))))
            .collect();
        let kept = json!({"status": status.as_u16(), "headers": headers, "body": body});
        play.state().saved.insert(save.value.clone(), kept);
    }
    Ok(seen)
}

/// A problem document and ESIA's objects name the code in a member, OAuth answers at the head of the description, faults
/// and pages within their text.
fn names(body: &Value, text: &str, code: &str) -> bool {
    body["code"] == code
        || body["error_description"].as_str().is_some_and(|text| text.starts_with(code))
        || (!body.is_object() && text.contains(code))
        || contract::error::find(code)
            .and_then(|row| row.error.as_deref())
            .is_some_and(|error| !code.starts_with("ESIA-") && body["error"] == error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_where_each_interface_has_it() {
        let problem = json!({"code": "token-invalid"});
        assert!(names(&problem, "", "token-invalid"));
        assert!(!names(&problem, "", "token"));
        let oauth = json!({"error": "invalid_request", "error_description": "ESIA-007014: Request does not contain"});
        assert!(names(&oauth, "", "ESIA-007014"));
        let page = "<main data-code=\"ESIA-007003\">";
        assert!(names(&Value::from(page), page, "ESIA-007003"));
    }
}
