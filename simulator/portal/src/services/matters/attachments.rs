//! Files. `PUT` streams a body of up to 100 MB to a nameless file, with its digest taken on the way: memory holds a chunk.
//! Neither the recorder nor the journal keeps the bytes; they vanish with the process, and the oldest go first.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use contract::matter::{ATTACHMENT_MAX, Attachment};
use contract::shape::Shaped;
use contract::time::Span;
use crypto::base64;
use domain::{MatterCommand, MatterReply, Refusal};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use super::super::call::{Call, serve, unexpected};
use super::matter;
use crate::clock::within;
use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;

const NAMESPACE: &str = "urn:stend:attachments:1.0";
/// Files of a sandbox on disk, in all.
const KEPT: u64 = 1024 * 1024 * 1024;
/// A sender that is silent for so long has gone.
const PATIENCE: Span = Span::from_seconds(30);
/// Longest file name.
const NAME_MAX: usize = 200;

/// The bytes of files that were put, by id; the oldest go first.
#[derive(Default)]
pub(crate) struct Attachments {
    kept: Mutex<VecDeque<Kept>>,
    /// Whoever reads a file whole holds this.
    reading: Arc<tokio::sync::Mutex<()>>,
}

struct Kept {
    id: String,
    size: u64,
    file: File,
}

/// A file in memory, while nobody else has one there.
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    _turn: tokio::sync::OwnedMutexGuard<()>,
}

impl Attachments {
    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, id: &str, size: u64, file: File) {
        let mut kept = self.kept();
        kept.retain(|held| held.id != id);
        kept.push_back(Kept { id: id.to_owned(), size, file });
        let mut sum: u64 = kept.iter().map(|held| held.size).sum();
        while sum > KEPT {
            let Some(oldest) = kept.pop_front() else { return };
            sum -= oldest.size;
        }
    }

    /// A file, read from disk.
    pub(crate) async fn whole(&self, id: &str) -> Option<Whole> {
        let turn = Arc::clone(&self.reading).lock_owned().await;
        let (mut file, size) = {
            let kept = self.kept();
            let held = kept.iter().find(|held| held.id == id)?;
            (held.file.try_clone().ok()?, held.size)
        };
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            file.seek(SeekFrom::Start(0))?;
            file.read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        });
        let bytes = read.await.ok()?.ok()?;
        Some(Whole { bytes, _turn: turn })
    }
}

/// Puts a file, so that an intake may name it.
pub(super) async fn keep(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::AttachmentPut, |call| {
        let headers = &headers;
        async move {
            let ask = call.ask()?;
            matter(&call, MatterCommand::AdmitFile { ask: ask.clone(), id: id.clone() }).await?;
            let declared =
                headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            if declared.is_some_and(|length| length > ATTACHMENT_MAX) {
                return Err(too_large());
            }
            let (file, size, digest) = spill(body).await?;
            agrees(headers, &digest)?;
            let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let name: String = call.optional("name")?.unwrap_or(&id).chars().take(NAME_MAX).collect();
            let described = Attachment {
                id: id.clone(),
                name,
                media_type: media_type.unwrap_or("application/octet-stream").chars().take(100).collect(),
                size,
                sha256: hex::encode(digest),
            };
            let command = MatterCommand::KeepFile { ask, file: described.clone() };
            let MatterReply::Taken { repeated, .. } = matter(&call, command).await? else { return Err(unexpected()) };
            call.sandbox.attachments().keep(&id, size, file);
            let value = serde_json::to_value(described).unwrap_or_default();
            Ok(Answer::json(if repeated { 200 } else { 201 }, value).shaped(Attachment::SHAPE, NAMESPACE))
        }
    })
    .await
}

fn too_large() -> Refusal {
    Refusal::new("body-too-large", "body-too-large")
        .check("length of the file")
        .wanted(format!("at most {ATTACHMENT_MAX} bytes"))
}

/// To disk, chunk by chunk.
async fn spill(mut body: Body) -> Result<(File, u64, Vec<u8>), Refusal> {
    let broken = |cause: &str| Refusal::new("internal", cause).check("spill file");
    let ended = || Refusal::new("body-invalid", "body-ended-early").check("body").seen("the body ended early");
    let mut file = tempfile::tempfile().map_err(|error| broken(&error.to_string()))?;
    let (mut size, mut digest) = (0_u64, Sha256::new());
    loop {
        let Some(frame) = within(PATIENCE, body.frame()).await else { return Err(ended()) };
        let Some(frame) = frame else { break };
        let Ok(frame) = frame else { return Err(ended()) };
        let Ok(chunk) = frame.into_data() else { continue };
        size += chunk.len() as u64;
        if size > ATTACHMENT_MAX {
            return Err(too_large());
        }
        digest.update(&chunk);
        file.write_all(&chunk).map_err(|error| broken(&error.to_string()))?;
    }
    Ok((file, size, digest.finalize().to_vec()))
}

/// `Content-Digest` (RFC 9530), where the sender says one.
fn agrees(headers: &HeaderMap, digest: &[u8]) -> Result<(), Refusal> {
    let Some(said) = headers.get("content-digest").and_then(|value| value.to_str().ok()) else { return Ok(()) };
    let wanted = format!("sha-256=:{}:", base64::encode_standard(digest));
    if said.split(',').map(str::trim).any(|part| part == wanted) {
        return Ok(());
    }
    Err(Refusal::new("attachment-mismatch", "content-digest-differs").check("Content-Digest").seen(said).wanted(wanted))
}

/// An attachment of an application, as the citizen attached it.
pub(super) async fn show(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::AttachmentRead, |call| async move {
        let ask = call.ask()?;
        let MatterReply::File(kept) = matter(&call, MatterCommand::ReadFile { ask, id }).await? else {
            return Err(unexpected());
        };
        let bytes = content(&call, &kept)?;
        let digest = Sha256::digest(&bytes);
        Ok(Answer::bytes(200, &kept.file.media_type, bytes)
            .with("content-digest", format!("sha-256=:{}:", base64::encode_standard(&digest)))
            .with("etag", format!("\"{}\"", kept.file.sha256)))
    })
    .await
}

/// Small files stand beside the journal. What a bank put itself is not given back: it has it.
fn content(_: &Call<'_>, kept: &domain::KeptFile) -> Result<Bytes, Refusal> {
    let gone = || Refusal::new("attachment-gone", "attachment-gone").check("attachment").seen("its bytes are not kept");
    let content = kept.content.as_deref().ok_or_else(gone)?;
    base64::decode_standard_strict(content).map(Bytes::from).map_err(|_| gone())
}
