//! Documents that were issued: the paper, its detached signature, its facts, and their check by the code on them.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use certs::{Key, Profile, Subject};
use contract::control::TokenAlg;
use contract::shape::Shaped;
use crypto::{Family, cms, digest};
use domain::{Command, DocumentPart, IssuedDocument, MatterCommand, MatterReply, Refusal, Reply};
use http::HeaderMap;

use super::call::{Call, serve, unexpected};
use crate::documents::{self, forms};
use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::keys::Stranger;
use crate::portal::Sandbox;
use crate::smev::{self, sign::Pen};

const NAMESPACE: &str = "urn:stend:documents:1.0";
/// Who signs documents, by common name.
const SIGNER: &str = "Stend documents";

/// The paper itself, as PDF.
pub(super) async fn paper(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let held = headers.get("if-none-match").and_then(|value| value.to_str().ok()).map(str::to_owned);
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::PaperRead, |call| async move {
        let document = read(&call, id, DocumentPart::Paper).await?;
        let bytes = drawn(&call, &document)?;
        let tag = format!("\"{}\"", digest::sha256_hex(&bytes));
        if held.is_some_and(|held| held.split(',').any(|one| one.trim() == tag)) {
            return Ok(Answer::empty(304).with("etag", tag));
        }
        // Where the QR code leads, for whoever has no eyes for it.
        let check = format!("<{}>; rel=\"verify\"", documents::check_url(call.sandbox, &document));
        Ok(Answer::bytes(200, "application/pdf", bytes).with("etag", tag).with("link", check))
    })
    .await
}

/// The receipt of a payment is the paper of its own document.
pub(super) async fn receipt(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    // A payment has a receipt when it is settled; before that there is no such document.
    let latest = sandbox.read(|world| world.matters.documents_of(&id).last().map(|document| document.id.clone()));
    paper(State(sandbox), caller, Path(latest.unwrap_or(id)), headers, RawQuery(query)).await
}

/// The signature of the paper, apart from it: CMS by the portal's key of documents, of the family that the partner's
/// tokens are of.
pub(super) async fn signature(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::SignatureRead, |call| async move {
        let document = read(&call, id, DocumentPart::Signature).await?;
        let bytes = drawn(&call, &document)?;
        let partner = call.sandbox.read(|world| world.partners.find(&document.client_id).cloned());
        let family = match partner.map(|partner| partner.token_alg) {
            Some(TokenAlg::GOST3410_2012_256) => Family::Gost256,
            _ => Family::Rsa,
        };
        let mut pen = smev::sign::pen(call.sandbox, SIGNER, family).await?;
        if call.sandbox.faults().signed_by_stranger(call.caller, Some(document.person)) {
            pen = stranger(call.sandbox, family).await?;
        }
        let options = cms::Options { signing_time: Some(document.issued_at.seconds()), ..cms::Options::default() };
        let signed = cms::sign(&bytes, &pen.key, &pen.certificate, &options).map_err(|error| {
            Refusal::new("internal", "document-signing").check("signing of the document").seen(error.to_string())
        })?;
        Ok(Answer::bytes(200, "application/pkcs7-signature", signed))
    })
    .await
}

/// The same name, under an authority that nobody knows.
async fn stranger(sandbox: &Sandbox, family: Family) -> Result<Pen, Refusal> {
    let failed =
        |what: String| Refusal::new("internal", "document-signing").check("signing of the document").seen(what);
    let key = sandbox.keys().stranger(Stranger::Foreign, smev::sign::alg(family)).await;
    let key = key.map_err(|error| failed(error.to_string()))?.private;
    let profile = Profile::named("partner-foreign-authority").map_err(|error| failed(error.to_string()))?;
    let subject = Subject::named(SIGNER).with_organization("Stend");
    let issued = sandbox.pki().issue(profile, &subject, Key::Own(&key), sandbox.now());
    let certificate = issued.map_err(|error| failed(error.to_string()))?.certificate;
    Ok(Pen { key, certificate })
}

/// The facts that stand on the paper.
pub(super) async fn data(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::MatterRead, |call| async move {
        let document = read(&call, id, DocumentPart::Data).await?;
        let shape = forms::shape_of(&document.kind).ok_or_else(unexpected)?;
        let facts = document.facts.clone().ok_or_else(|| erased(&document))?;
        Ok(Answer::json(200, facts).shaped(shape, NAMESPACE))
    })
    .await
}

/// What is known of a document by its code. Anybody may ask who has the paper in hand: no token, no personal data.
pub(super) async fn check(State(sandbox): State<Arc<Sandbox>>, caller: Caller, RawQuery(query): RawQuery) -> Answer {
    let pairs = url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let code = pairs.into_owned().find(|(name, _)| name == "code").map(|(_, code)| code).unwrap_or_default();
    let document = sandbox.read(|world| world.matters.document_by_code(&code).cloned());
    let paper = document.as_ref().and_then(|document| documents::paper(&sandbox, document));
    let owner = document.as_ref().map(|document| document.person);
    if let Some(document) = &document {
        // For the record of the exchange; the answer says nothing of whose it is. Who asks is not known.
        caller.tag_citizen(document.person);
    }
    let known = document.zip(paper);
    let answer = match known {
        Some((document, paper)) => forms::DocumentCheck {
            valid: true,
            kind: Some(document.kind),
            number: Some(document.number),
            issued_at: Some(document.issued_at),
            sha256: Some(digest::sha256_hex(&paper)),
        },
        None => forms::DocumentCheck { valid: false, kind: None, number: None, issued_at: None, sha256: None },
    };
    let value = serde_json::to_value(answer).unwrap_or_default();
    let mut answer =
        Answer::json(200, value).shaped(forms::DocumentCheck::SHAPE, NAMESPACE).with("cache-control", "no-store");
    if let Some(owner) = owner {
        sandbox.faults().document_check(&caller, owner, &mut answer);
    }
    answer
}

async fn read(call: &Call<'_>, id: String, part: DocumentPart) -> Result<IssuedDocument, Refusal> {
    let command = MatterCommand::ReadDocument { bearer: call.bearer.clone(), id, part };
    match call.sandbox.execute(call.caller, Command::Matter(Box::new(command))).await? {
        Reply::Matter(MatterReply::Document(document)) => Ok(*document),
        _ => Err(unexpected()),
    }
}

fn drawn(call: &Call<'_>, document: &IssuedDocument) -> Result<Vec<u8>, Refusal> {
    documents::paper(call.sandbox, document).ok_or_else(|| erased(document))
}

/// The facts stood beside the journal and are gone (CNS-6): there is no paper any more.
fn erased(document: &IssuedDocument) -> Refusal {
    Refusal::new("document-unknown", "document-erased").check("document").seen(document.id.clone())
}
