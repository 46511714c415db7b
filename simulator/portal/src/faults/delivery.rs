//! Lies in the delivery of events.

use contract::shape::Version;
use serde_json::{Value, json};

use super::matters::{matter_event, older_event};
use super::{Hooks, Scene};
use crate::edge::caller::Caller;

pub(crate) const LIES: &[&str] = &[
    "hook-address",
    "hook-ahead",
    "hook-algorithm-wrong",
    "hook-body-changed",
    "hook-digest-uncovered",
    "hook-duplicated-matter",
    "hook-hmac-public-key",
    "hook-key-unknown",
    "hook-lost",
    "hook-other-receiver",
    "hook-repeated",
    "hook-signature-wrong",
    "hook-too-old",
    "hook-unsigned",
    "hook-whitespace-changed",
    "status-out-of-order",
];

/// What is to be signed and what is to be sent; a lie makes them differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The address that is signed.
    pub(crate) signed_target: String,
    /// Whose digest is signed.
    pub(crate) signed_body: String,
    pub(crate) sent_body: String,
    /// `created`, in Unix seconds.
    pub(crate) created: i64,
    pub(crate) covers_digest: bool,
    pub(crate) by: By,
    pub(crate) break_signature: bool,
    pub(crate) times: u8,
    /// Another event, sent and signed after this one.
    pub(crate) then: Option<String>,
}

/// What signs a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    HmacWithPublicKey,
    Honest,
    Nobody,
    /// A good key, by an algorithm that is not its own.
    OtherAlgorithm,
    Stranger,
}

impl Hooks<'_> {
    /// Changes the plan of a delivery.
    pub(crate) fn delivery(&self, caller: &Caller, citizen: Option<i64>, plan: &mut Plan) {
        const DAY: i64 = 86_400;
        for lie in self.sandbox.armed().matching(caller.exchange, citizen, |slug| LIES.contains(&slug)) {
            let scene =
                Scene { sandbox: self.sandbox, lie: &lie, citizen, earlier_id_token: None, version: Version::V1 };
            let of_matter =
                serde_json::from_str(&plan.sent_body).ok().is_some_and(|event| matter_event(&event).is_some());
            let older = (lie.slug == "status-out-of-order").then(|| older_event(&scene, &plan.sent_body)).flatten();
            let nothing = match lie.slug {
                "hook-duplicated-matter" => !of_matter,
                "status-out-of-order" => older.is_none(),
                _ => false,
            };
            if nothing || !self.tell(caller, &lie, "in the delivery of an event") {
                continue;
            }
            match lie.slug {
                "hook-address" => {
                    plan.sent_body = addressed(&plan.sent_body, scene.foreign());
                    plan.signed_body.clone_from(&plan.sent_body);
                }
                "hook-ahead" => plan.created += DAY,
                "hook-algorithm-wrong" => plan.by = By::OtherAlgorithm,
                "hook-body-changed" => plan.sent_body = changed(&plan.sent_body),
                "hook-digest-uncovered" => plan.covers_digest = false,
                "hook-hmac-public-key" => plan.by = By::HmacWithPublicKey,
                "hook-key-unknown" => plan.by = By::Stranger,
                "hook-lost" => plan.times = 0,
                "hook-other-receiver" => plan.signed_target = "https://other-bank.example/hooks/portal".into(),
                "hook-duplicated-matter" | "hook-repeated" => plan.times = 2,
                "hook-signature-wrong" => plan.break_signature = true,
                "hook-too-old" => plan.created -= DAY,
                "hook-unsigned" => plan.by = By::Nobody,
                "status-out-of-order" => plan.then = older,
                _ => plan.sent_body = spaced(&plan.sent_body),
            }
        }
    }
}

/// The same event, signed well, with addresses at a stranger's host where details might be had.
fn addressed(body: &str, foreign: &str) -> String {
    let Ok(mut event) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    if let Some(members) = event.as_object_mut() {
        members.insert("details".into(), json!({"href": format!("{foreign}/events/details")}));
        members.insert("callback_url".into(), json!(format!("{foreign}/events/callback")));
    }
    event.to_string()
}

/// The same event with one more member: still JSON, other bytes and another meaning.
fn changed(body: &str) -> String {
    body.replacen('{', "{\"changed_on_the_way\":true,", 1)
}

/// The same JSON with one blank more.
fn spaced(body: &str) -> String {
    body.replacen('{', "{ ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_body_means_something_else_and_a_spaced_one_the_same() {
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let body = r#"{"id":"h-1"}"#;
        assert_ne!(parse(&changed(body)), parse(body));
        assert_eq!(parse(&spaced(body)), parse(body));
        assert_ne!(spaced(body), body);
        assert_eq!(parse(&addressed(body, "https://elsewhere"))["id"], "h-1");
        assert!(addressed(body, "https://elsewhere").contains("https://elsewhere/events/details"));
    }
}
