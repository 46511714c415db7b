//! The store for files that are too large for a message: put there before the message that refers to them, fetched
//! with credentials that serve once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use crypto::{base64, digest, gost};
use domain::Refusal;
use http::{HeaderMap, StatusCode, header};

use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::portal::Sandbox;
use crate::{refuse, tokens};

/// Bytes that one sandbox keeps together.
const KEPT: u64 = 256 * 1024 * 1024;

/// What is stored, and which credentials are still good.
#[derive(Debug, Default)]
pub(crate) struct Files(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    files: HashMap<String, Bytes>,
    /// User name and password by file, until they were used.
    passes: HashMap<(String, String), String>,
}

impl Files {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Every change is one step, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, uuid: &str) -> Option<Bytes> {
        self.inner().files.get(uuid).cloned()
    }

    /// Keeps a file; `Err` with what is left when there is no room.
    pub(crate) fn keep(&self, uuid: &str, bytes: Bytes) -> Result<(), u64> {
        let mut inner = self.inner();
        let taken: u64 = inner.files.values().map(|file| file.len() as u64).sum();
        let left = KEPT.saturating_sub(taken);
        if bytes.len() as u64 > left {
            return Err(left);
        }
        inner.files.insert(uuid.to_owned(), bytes);
        Ok(())
    }

    /// Credentials for one reading.
    pub(crate) fn admit(&self, uuid: &str, user: &str, password: &str) {
        self.inner().passes.insert((uuid.to_owned(), user.to_owned()), password.to_owned());
    }

    fn redeem(&self, uuid: &str, user: &str, password: &str) -> Option<Bytes> {
        let mut inner = self.inner();
        let key = (uuid.to_owned(), user.to_owned());
        if inner.passes.get(&key).is_none_or(|known| known != password) {
            return None;
        }
        inner.passes.remove(&key);
        inner.files.get(uuid).cloned()
    }
}

/// The forms in which a header may write the digest of a file.
pub(crate) fn digests(bytes: &[u8]) -> Vec<String> {
    let raw = [gost::streebog256(bytes).to_vec(), digest::sha256(bytes).to_vec()];
    raw.iter().flat_map(|raw| [base64::encode_standard(raw), hex::encode(raw)]).collect()
}

fn is_name(uuid: &str) -> bool {
    uuid.len() == 36 && uuid.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Puts a file into the store: by the certificate of the connection, or with a token of the client.
pub(super) async fn put(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(uuid): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer {
    let by_certificate = caller.peer.as_ref().and_then(|peer| {
        sandbox.read(|world| world.partners.by_certificate(&peer.sha256).map(|partner| partner.client_id.clone()))
    });
    match by_certificate {
        Some(client_id) => caller.tag_partner(&client_id),
        None => {
            if let Err(refusal) = tokens::bearer(&sandbox, &caller, &headers, None).await {
                return refuse::problem(&sandbox, &caller, &refusal).await;
            }
        }
    }
    if !is_name(&uuid) {
        let refusal = Refusal::new("parameter-invalid", "smev-file-name").check("uuid").wanted("a UUID in lower case");
        return refuse::problem(&sandbox, &caller, &refusal).await;
    }
    let size = bytes.len() as u64;
    let most = u64::from(sandbox.limits().smev_file);
    let kept = if size > most { Err(most) } else { sandbox.smev().files.keep(&uuid, bytes) };
    match kept {
        Ok(()) => Answer::json(201, serde_json::json!({"uuid": uuid, "size": size})),
        Err(left) => {
            let refusal = Refusal::new("smev-quota", "smev-quota")
                .check("room in the store")
                .seen(format!("{size} bytes"))
                .wanted(format!("{left} bytes at most"));
            refuse::problem(&sandbox, &caller, &refusal).await
        }
    }
}

/// Reads a file, once, with the credentials of the message that refers to it.
pub(super) async fn get(State(sandbox): State<Arc<Sandbox>>, Path(uuid): Path<String>, headers: HeaderMap) -> Response {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let pair = given.strip_prefix("Basic ").and_then(|text| base64::decode_standard_strict(text.trim()).ok());
    let pair = pair.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let (user, password) = pair.split_once(':').unwrap_or_default();
    match sandbox.smev().files.redeem(&uuid, user, password) {
        Some(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        None => {
            let mut response = StatusCode::UNAUTHORIZED.into_response();
            let realm = http::HeaderValue::from_static("Basic realm=\"smev\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_serve_once_and_for_one_file() {
        let files = Files::default();
        files.keep("a", Bytes::from_static(b"x")).unwrap();
        files.admit("a", "u", "p");
        assert!(files.redeem("a", "u", "q").is_none());
        assert_eq!(files.redeem("a", "u", "p").as_deref(), Some(&b"x"[..]));
        assert!(files.redeem("a", "u", "p").is_none());
    }

    #[test]
    fn a_name_in_the_store_is_a_uuid_and_never_a_path() {
        assert!(is_name("6f1d2c1e-8f0a-4c35-9d55-0c8b9d4d7a11"));
        assert!(!is_name("../../../../../../../../etc/passwd000"));
    }
}
