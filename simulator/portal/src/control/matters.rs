//! What a citizen does with matters in their account at the portal, and what the portal's operator does: begins an
//! application, confirms, corrects, withdraws, closes; refuses, rejects, puts a payment under a check.

use std::sync::Arc;

use axum::extract::{Path, Query};
use bytes::Bytes;
use contract::matter::{ApplicationType, Attachment, MatterReason};
use contract::money::Money;
use crypto::base64;
use domain::{Application, CitizenAct, Command, Matter, MatterCommand, MatterReply, Reply, Secret, World};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::citizens::met;
use super::{Named, Problem, read_json};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::portal::Sandbox;

/// Largest attachment of an application, decoded: it stands beside the journal.
const ATTACHED_MAX: usize = 512 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Apply {
    client_id: String,
    #[serde(rename = "type")]
    kind: ApplicationType,
    amount: Option<Money>,
    term_months: Option<u32>,
    account: Option<String>,
    #[serde(default)]
    documents: Vec<Attached>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attached {
    name: String,
    #[serde(default = "pdf")]
    media_type: String,
    /// Base64.
    content: String,
}

fn pdf() -> String {
    "application/pdf".to_owned()
}

async fn run(sandbox: &Sandbox, command: MatterCommand) -> Result<MatterReply, Problem> {
    let command = Command::Matter(Box::new(command));
    match sandbox.execute(&Caller::nobody(), command).await.map_err(|refusal| Problem::refused(&refusal))? {
        Reply::Matter(reply) => Ok(reply),
        _ => Err(Problem::of("internal", "a reply of another kind")),
    }
}

fn matter(reply: MatterReply) -> Result<Value, Problem> {
    match reply {
        MatterReply::Matter { value, .. } => Ok(value),
        _ => Err(Problem::of("internal", "a reply of another kind")),
    }
}

/// `{client_id, type, amount?, term_months?, account?, documents[{name, media_type?, content}]?}` → 201 the application.
pub(super) async fn apply(Named(sandbox): Named, Path(slug): Path<String>, body: Bytes) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let ask: Apply = read_json(&body)?;
    let mut files = Vec::with_capacity(ask.documents.len());
    for file in ask.documents {
        let bytes = base64::decode_standard_strict(&file.content)
            .map_err(|_| Problem::of("body-invalid", format!("content of {:?} is not base64", file.name)))?;
        if bytes.len() > ATTACHED_MAX {
            return Err(Problem::of("body-too-large", "an attachment of an application has up to 512 KiB"));
        }
        let described = Attachment {
            id: sandbox.draw().uuid(),
            name: file.name,
            media_type: file.media_type,
            size: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
        };
        files.push((described, file.content));
    }
    let application = Box::new(Application {
        client_id: ask.client_id,
        kind: ask.kind,
        amount: ask.amount,
        term_months: ask.term_months,
        account: ask.account,
        files,
    });
    let reply = run(&sandbox, MatterCommand::Apply { citizen: citizen.oid.wide(), application }).await?;
    Ok(Answer::json(201, matter(reply)?))
}

/// `confirm {code}`, `correct {form?, amount?, term_months?}`, `withdraw`, `close`, `reopen {text?}`, `resend`.
pub(super) async fn act(
    Named(sandbox): Named,
    Path((slug, id, step)): Path<(String, String, String)>,
    body: Bytes,
) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let body: Map<String, Value> = read_json(&body)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let act = match step.as_str() {
        "close" => CitizenAct::Close,
        "confirm" => {
            let code = text("code").ok_or_else(|| Problem::of("body-invalid", "code is missing"))?;
            CitizenAct::Confirm { code: Secret::new(code) }
        }
        "correct" => CitizenAct::Correct { changes: Value::Object(body.clone()) },
        "reopen" => CitizenAct::Reopen { text: text("text") },
        "resend" => CitizenAct::Resend,
        "withdraw" => CitizenAct::Withdraw,
        other => {
            let known = "close, confirm, correct, reopen, resend, withdraw";
            return Err(Problem::of("body-invalid", format!("a citizen does {known}, not {other:?}")));
        }
    };
    let reply = run(&sandbox, MatterCommand::Act { citizen: citizen.oid.wide(), id, act }).await?;
    Ok(Answer::json(200, matter(reply)?))
}

/// `POST /matters/{id}/{move} {reason?: {code, ru, en}}`: any move of the portal's, of payments too (`check`, `settle`,
/// `return`).
pub(super) async fn force(
    Named(sandbox): Named,
    Path((id, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Answer, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Why {
        reason: Option<MatterReason>,
    }
    let Why { reason } = read_json(&body)?;
    let reply = run(&sandbox, MatterCommand::Force { id, name, reason }).await?;
    Ok(Answer::json(200, matter(reply)?))
}

/// The portal's copy of a matter, with the copy that the bank was handed last (APP-3).
fn shown(world: &World, matter: &Matter) -> Value {
    let mut value = world.matters.answer(matter);
    value["client_id"] = json!(matter.client_id);
    value["person"] = json!(matter.person);
    if let Some(handed) = &matter.handed {
        value["handed"] = handed.clone();
        value["copies_agree"] = json!(matter.details.as_ref() == Some(handed));
    }
    value
}

#[derive(Deserialize)]
pub(super) struct OfKind {
    kind: Option<String>,
}

pub(super) async fn list(
    Named(sandbox): Named,
    Path(slug): Path<String>,
    Query(which): Query<OfKind>,
) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let shown: Vec<Value> = sandbox.read(|world| {
        let all = world.matters.of(citizen.oid.wide()).into_iter();
        let fits = |matter: &&Matter| which.kind.as_ref().is_none_or(|kind| kind == matter.kind.as_str());
        all.filter(fits).map(|matter| shown(world, matter)).collect()
    });
    Ok(Answer::json(200, json!({ "matters": shown })))
}

pub(super) async fn show(Named(sandbox): Named, Path((slug, id)): Path<(String, String)>) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let found = sandbox.read(|world| {
        let matter = world.matters.find(&id).filter(|matter| matter.person == citizen.oid.wide())?;
        Some(shown(world, matter))
    });
    found
        .map(|value| Answer::json(200, value))
        .ok_or_else(|| Problem::of("matter-unknown", format!("no matter {id:?}")))
}

pub(super) async fn opt_out(named: Named, slug: Path<String>, body: Bytes) -> Result<Answer, Problem> {
    marketing(named.0, &slug.0, &body, true).await
}

pub(super) async fn opt_in(named: Named, slug: Path<String>, body: Bytes) -> Result<Answer, Problem> {
    marketing(named.0, &slug.0, &body, false).await
}

/// `{client_id?}`; without one: of nobody.
async fn marketing(sandbox: Arc<Sandbox>, slug: &str, body: &[u8], declined: bool) -> Result<Answer, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Whom {
        client_id: Option<String>,
    }
    let citizen = met(&sandbox, slug)?;
    let Whom { client_id } = read_json(body)?;
    run(&sandbox, MatterCommand::Marketing { citizen: citizen.oid.wide(), client_id, declined }).await?;
    Ok(Answer::json(200, json!({ "declined": declined })))
}

/// What banks told of the citizen's spending, as the account shows it.
pub(super) async fn analytics(Named(sandbox): Named, Path(slug): Path<String>) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let shown: Vec<Value> = sandbox.read(|world| {
        let all = world.matters.analytics_of(citizen.oid.wide());
        all.map(|(client_id, analytics)| json!({"client_id": client_id, "analytics": analytics})).collect()
    });
    Ok(Answer::json(200, json!({ "analytics": shown })))
}

pub(super) async fn offers(Named(sandbox): Named, Path(slug): Path<String>) -> Result<Answer, Problem> {
    let citizen = met(&sandbox, &slug)?;
    let shown: Vec<Value> =
        sandbox.read(|world| world.matters.offers_of(citizen.oid.wide()).map(|offer| json!(offer)).collect());
    Ok(Answer::json(200, json!({ "offers": shown })))
}
