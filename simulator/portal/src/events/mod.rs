//! The stream of events to banks over WebSocket (API-3, APP-2): `/ws`, and its description at `/asyncapi.json`.
//!
//! What is told and how far it was acknowledged is the core's ([`domain::Streams`]). Here are the handshake, the frames,
//! and one loop per connection. Each partner has one connection at a time; a newer one takes the stream over. Every frame
//! is journalled under the exchange of its handshake, without its text: events stand in the journal already.

mod document;
mod frame;
mod handshake;
mod session;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::routing::get;
use tokio::sync::watch;

use crate::portal::Sandbox;

pub use document::asyncapi;
pub(crate) use handshake::Agreed;

pub(crate) fn routes() -> Router<Arc<Sandbox>> {
    Router::new().route("/ws", get(handshake::open)).route("/asyncapi.json", get(document::json))
}

/// Which connection is each partner's: the latest one.
pub(crate) struct Desk {
    latest: Mutex<BTreeMap<String, u64>>,
    changed: watch::Sender<()>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { latest: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Desk {
    fn latest(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This connection is the partner's from now on; an earlier one is told.
    fn take(&self, client_id: &str, connection: u64) -> watch::Receiver<()> {
        let watcher = self.changed.subscribe();
        self.latest().insert(client_id.to_owned(), connection);
        self.changed.send_replace(());
        watcher
    }

    fn is_latest(&self, client_id: &str, connection: u64) -> bool {
        self.latest().get(client_id) == Some(&connection)
    }

    fn leave(&self, client_id: &str, connection: u64) {
        let mut latest = self.latest();
        if latest.get(client_id) == Some(&connection) {
            latest.remove(client_id);
        }
    }
}
