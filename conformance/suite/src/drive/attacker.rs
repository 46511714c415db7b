//! Somebody else: opens the victim's answer in another browser, puts a stranger's code under the victim's state, calls the
//! bank's receiver of events the wrong way, edits the audit trail.

use contract::adapter::{ActionCall, Question};
use contract::exchange::Party;
use rules::trace::What;
use serde_json::{Map, json};
use url::Url;

use super::browser::{Browser, Go};
use super::citizen::{End, Walk, stranger};
use super::lane::Lane;
use super::play::{Attack, Play};
use crate::error::SuiteError;
use crate::scenario::model::AttackerStep;

pub(crate) async fn step(lane: &Lane, play: &Play, step: &AttackerStep, index: usize) -> Result<(), SuiteError> {
    let victim = step.person.as_ref().map(|who| who.value.clone()).unwrap_or_default();
    match step.act.value.as_str() {
        "callback-in-fresh-browser" => {
            play.state().attack = Some(Attack::FreshBrowser { victim, step: index });
        }
        "inject-code" => {
            let owner = step.from.as_ref().map(|who| who.value.clone()).unwrap_or_default();
            play.state().attack = Some(Attack::InjectCode { victim, owner, step: index });
        }
        "hook-by-get" => hook_by_get(lane, play, index).await,
        "hook-endless" => forged(lane, play, index, "hook-endless", endless()).await,
        "hook-garbage" => forged(lane, play, index, "hook-garbage", GARBAGE.to_owned()).await,
        "edit-audit" => edit_audit(lane, play, index).await,
        other => return Err(SuiteError::new(format!("no attack is called `{other}`"), "")),
    }
    Ok(())
}

/// The portal is about to send a browser back to the bank. `Some` when the attack took the place of that.
pub(super) async fn at_callback(walk: &Walk<'_>, callback: &Url) -> Result<Option<End>, SuiteError> {
    let attack = {
        let mut state = walk.play.state();
        let fits = match &state.attack {
            Some(Attack::FreshBrowser { victim, .. } | Attack::InjectCode { victim, .. }) => victim == walk.name,
            None => false,
        };
        if fits { state.attack.take() } else { None }
    };
    match attack {
        None => Ok(None),
        Some(Attack::FreshBrowser { victim, step }) => {
            walk.play.act("attacker", "callback-in-fresh-browser", Some(step), json!({"person": victim}));
            stranger(walk.lane, walk.play, callback, walk.lane.patience()).await;
            Ok(Some(End::AtBank))
        }
        Some(Attack::InjectCode { victim, owner, step }) => {
            let Some(code) = code_of(walk, &owner, step).await? else {
                let why = format!("{owner} got no code that could be put under the state of {victim}");
                walk.play.unmet(Some(step), why, Vec::new());
                return Ok(None);
            };
            let mut forged = callback.clone();
            let pairs: Vec<(String, String)> = callback.query_pairs().into_owned().collect();
            forged.query_pairs_mut().clear().extend_pairs(
                pairs
                    .into_iter()
                    .map(|(name, value)| if name == "code" { (name, code.clone()) } else { (name, value) }),
            );
            let data = json!({"person": victim, "from": owner, "for": victim});
            walk.play.act("attacker", "inject-code", Some(step), data);
            let mut go = Go::to(forged);
            for _ in 0..10 {
                match walk.browser.go_as(Party::Attacker, &walk.lane.agency, &go, walk.lane.patience()).await {
                    Ok(got) => match got.location {
                        Some(next) if walk.lane.agency.is_bank(&next) => go = Go::to(next),
                        _ => break,
                    },
                    Err(why) => return Ok(Some(End::Lost(why))),
                }
            }
            Ok(Some(End::AtBank))
        }
    }
}

/// The owner signs in at the bank with a browser of their own and stops before the code is delivered.
async fn code_of(walk: &Walk<'_>, owner: &str, step: usize) -> Result<Option<String>, SuiteError> {
    let params = {
        let state = walk.play.state();
        let victims = state.flows.values().find(|flow| flow.person.as_deref() == Some(walk.name));
        victims.and_then(|flow| flow.params.as_object().cloned()).unwrap_or_default()
    };
    let call =
        ActionCall { flow: walk.lane.name_flow(), operation: walk.lane.name_operation(), customer: None, params };
    let Ok(report) = walk.lane.driver.action("customer.link", &call, walk.lane.patience()).await else {
        return Ok(None);
    };
    let Some(start) = report.browser.and_then(|browser| Url::parse(&browser.url).ok()) else { return Ok(None) };
    let Some(member) = walk.play.member(owner) else { return Ok(None) };
    let browser = Browser::default();
    let inner = Walk { lane: walk.lane, play: walk.play, name: owner, step: Some(step), browser: &browser };
    let callback = inner.up_to_callback(Go::to(start)).await?;
    for exchange in browser.take_seen() {
        walk.play.event(What::Exchange(exchange));
    }
    drop(member);
    Ok(callback.and_then(|url| url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())))
}

/// The receiver of events, called by methods and types that it must not take.
async fn hook_by_get(lane: &Lane, play: &Play, index: usize) {
    let Some(hook) = &lane.webhook else {
        play.unmet(Some(index), "the bank file names no `client.webhook`", Vec::new());
        return;
    };
    let event = json!({"id": "00000000-0000-4000-8000-000000000001", "type": "consent.revoked", "consent": {}});
    let text = event.to_string();
    let client = &lane.agency.client;
    let tries = [
        ("hook-by-get", client.get(hook.clone())),
        ("hook-by-text", client.post(hook.clone()).header("content-type", "text/plain").body(text)),
    ];
    for (what, request) in tries {
        play.act("attacker", what, Some(index), json!({"url": hook.as_str()}));
        let request = request.header("user-agent", "StendAttacker");
        let (recorded, _) = lane.agency.exchange(Party::Attacker, request, lane.patience()).await;
        if let Some(recorded) = recorded {
            play.event(What::Exchange(recorded));
        }
    }
}

/// No JSON, and no end of its first object.
const GARBAGE: &str = "{\"id\": \u{0} [[[ 'consent' :, }";

/// More than any event: a megabyte and a half of one text, well formed.
fn endless() -> String {
    format!("{{\"id\":\"00000000-0000-4000-8000-000000000002\",\"filler\":\"{}\"}}", "x".repeat(3 << 19))
}

/// A body of the attacker's own at the receiver of events, under a signature that nobody made.
async fn forged(lane: &Lane, play: &Play, index: usize, deed: &str, body: String) {
    let Some(hook) = &lane.webhook else {
        play.unmet(Some(index), "the bank file names no `client.webhook`", Vec::new());
        return;
    };
    play.act("attacker", deed, Some(index), json!({"url": hook.as_str(), "bytes": body.len()}));
    let input = "sig1=(\"@method\" \"@target-uri\" \"content-digest\");created=1;keyid=\"nobody\"";
    let request = lane
        .agency
        .client
        .post(hook.clone())
        .header("content-type", "application/json")
        .header("content-digest", "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:")
        .header("signature-input", input)
        .header("signature", "sig1=:AAAA:")
        .header("user-agent", "StendAttacker")
        .body(body);
    let (recorded, _) = lane.agency.exchange(Party::Attacker, request, lane.patience()).await;
    if let Some(mut recorded) = recorded {
        // The size stands in the deed; a recording need not hold the filler.
        if recorded.request.body.text().len() > LONGEST_KEPT {
            recorded.request.body = contract::exchange::Body::Empty;
        }
        play.event(What::Exchange(recorded));
    }
}

/// Longer bodies of an attacker are not kept.
const LONGEST_KEPT: usize = 64 * 1024;

/// Turns one character in the middle of the audit trail, asks the bank whether the trail is whole, and puts it back.
async fn edit_audit(lane: &Lane, play: &Play, index: usize) {
    let ask = async |when: &str| {
        let answer = lane.driver.probe(Question::AuditVerify, Map::new(), lane.patience()).await;
        play.probe("audit_verify", json!({"moment": when}), answer.ok(), "step", None);
    };
    let Some(path) = lane.evidence.logs.iter().find(|path| crate::profile::is_audit_trail(path)) else {
        play.unmet(Some(index), "the bank file names no audit trail under `evidence.logs`", Vec::new());
        return;
    };
    ask("before").await;
    let Ok(whole) = std::fs::read(path) else {
        play.unmet(Some(index), format!("the audit trail {} cannot be read", path.display()), Vec::new());
        return;
    };
    let Some(edited) = edited(&whole) else {
        play.unmet(Some(index), format!("the audit trail {} is empty", path.display()), Vec::new());
        return;
    };
    play.act(
        "attacker",
        "edit-audit",
        Some(index),
        json!({"file": path.file_name().map(|name| name.to_string_lossy())}),
    );
    let write = |bytes: &[u8]| std::fs::write(path, bytes);
    if let Err(cause) = write(&edited) {
        play.unmet(Some(index), format!("the audit trail {} cannot be edited: {cause}", path.display()), Vec::new());
        return;
    }
    ask("after").await;
    // What the bank wrote meanwhile stands behind the part that was edited.
    let now = std::fs::read(path).unwrap_or_else(|_| edited.clone());
    let mut restored = whole;
    restored.extend_from_slice(now.get(edited.len()..).unwrap_or_default());
    if let Err(cause) = write(&restored) {
        play.unmet(Some(index), format!("the audit trail could not be put back: {cause}"), Vec::new());
    }
}

/// One letter or digit changed in the middle, so that the file is still text with the same lines.
fn edited(whole: &[u8]) -> Option<Vec<u8>> {
    let middle = whole.len() / 2;
    let at = (middle..whole.len()).chain((0..middle).rev()).find(|at| whole[*at].is_ascii_alphanumeric())?;
    let mut edited = whole.to_vec();
    edited[at] = match edited[at] {
        b'9' => b'0',
        b'z' => b'a',
        b'Z' => b'A',
        other => other + 1,
    };
    Some(edited)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_sent_to_the_receiver_is_too_much_or_nothing_at_all() {
        assert!(super::endless().len() > 1 << 20);
        assert!(serde_json::from_str::<serde_json::Value>(&super::endless()).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(super::GARBAGE).is_err());
    }

    #[test]
    fn an_edit_changes_one_character_and_no_length() {
        let whole = b"{\"n\":1}\n{\"n\":2}\n";
        let edited = super::edited(whole).unwrap();
        assert_eq!(edited.len(), whole.len());
        assert_eq!(edited.iter().zip(whole).filter(|(a, b)| a != b).count(), 1);
        assert!(super::edited(b"").is_none());
    }
}
