//! A sandbox: one isolated world with its journal, clock, chance, keys and armed lies. Endpoints see nothing else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use certs::Authority;
use contract::control::{ClockSetting, KeyType, Limits, PartnerConfig, Strictness, TokenAlg};
use contract::journal::kinds;
use contract::time::{Span, Timestamp};
use domain::{Command, Ctx, Draw, Event, Refusal, Reply, World};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::diagnosis::secret::Shelf;
use crate::edge::caller::Caller;
use crate::edge::record::Recorder;
use crate::edge::tls::Chest;
use crate::entropy::Entropy;
use crate::faults::{Armed, Draft, Hooks};
use crate::journal::{Book, Line, Store, StoreError};
use crate::keys::{Keyring, KeysError};
use crate::people;
use crate::secrets::Secrets;

/// What a sandbox was told at its start; nothing of it changes later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub strictness: Strictness,
    /// Whether refusals carry the header `Stend-Diagnosis`.
    pub diagnosis: bool,
    pub limits: Limits,
    pub clock: ClockSetting,
    /// Absent: chance comes from the system.
    pub seed: Option<u64>,
    /// How many seeded people there are beside the named ones.
    pub population: u32,
    pub esia_issuer: String,
    /// Absent: the origin that the sandbox's listener is bound to.
    pub oidc_issuer: Option<String>,
    /// Registered at the start, and again after a reset. Without their secrets: these settings are journalled.
    pub partners: Vec<PartnerConfig>,
    /// Kinds of keys that the ESIA interface takes.
    #[serde(default = "all_key_types")]
    pub key_types: Vec<KeyType>,
    /// When the first version of the data services ends, until something else is announced.
    #[serde(default)]
    pub api_v1: contract::control::VersionLife,
    /// Kinds of keys that the message exchange takes.
    #[serde(default = "all_key_types")]
    pub smev_algorithms: Vec<KeyType>,
    /// Whether the message exchange takes unsigned calls.
    #[serde(default)]
    pub smev_unsigned: contract::control::Unsigned,
}

/// Where nobody says otherwise, and in what was journalled before there was a choice.
pub(crate) fn all_key_types() -> Vec<KeyType> {
    KeyType::ALL.to_vec()
}

/// Where a sandbox listens: origins without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// `https://localhost:8443`
    pub portal: String,
    /// `https://127.0.0.1:40001`: a host that is not the portal; it answers 404 and records who came.
    pub foreign: String,
}

/// What a sandbox is made of; the portal brings it.
pub(crate) struct Parts {
    pub(crate) id: String,
    pub(crate) settings: Settings,
    pub(crate) world: World,
    pub(crate) book: Arc<Book>,
    pub(crate) store: Arc<Store>,
    pub(crate) keys: Keyring,
    pub(crate) secrets: Secrets,
    pub(crate) pki: Arc<Authority>,
    pub(crate) client: Arc<OnceLock<Option<reqwest::Client>>>,
    pub(crate) trusted: Arc<Vec<Vec<u8>>>,
}

/// One isolated world.
pub struct Sandbox {
    id: String,
    settings: Settings,
    clock: Clock,
    entropy: Entropy,
    addresses: OnceLock<Addresses>,
    world: Mutex<World>,
    book: Arc<Book>,
    store: Arc<Store>,
    keys: Keyring,
    secrets: Secrets,
    armed: Armed,
    recorder: Recorder,
    replays: crate::oauth::replay::Replays,
    attachments: crate::services::matters::Attachments,
    locks: crate::services::encryption::Locks,
    held_back: crate::faults::reorder::HeldBack,
    shelf: Shelf,
    smev: crate::smev::Room,
    desk: crate::events::Desk,
    pki: Arc<Authority>,
    chest: Chest,
    /// The client of the outbox, made at the first delivery.
    client: Arc<OnceLock<Option<reqwest::Client>>>,
    /// Authorities that the outbox trusts beside our own.
    trusted: Arc<Vec<Vec<u8>>>,
    changed: Notify,
    delivering: tokio::sync::Mutex<()>,
    closing: watch::Sender<bool>,
    /// Raised when all open connections are to end; a lie in the handshake is not told to those that are past it.
    hang_ups: watch::Sender<u64>,
    connections: watch::Sender<usize>,
}

/// For handlers: `State(sandbox): State<Shared>`.
pub type Shared = Arc<Sandbox>;

impl Sandbox {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { id, settings, world, book, store, keys, secrets, pki, client, trusted } = parts;
        // A sandbox that comes back from its journal goes on with another stream: the old one would give out ids anew.
        let stream = if book.last() == 0 { id.clone() } else { format!("{id}/{}", book.last()) };
        let entropy = settings.seed.map_or_else(Entropy::system, |seed| Entropy::seeded(seed, &stream));
        Self {
            clock: Clock::new(settings.clock),
            entropy,
            addresses: OnceLock::new(),
            world: Mutex::new(world),
            book,
            store,
            keys,
            secrets,
            armed: Armed::default(),
            recorder: Recorder::new(),
            replays: crate::oauth::replay::Replays::default(),
            attachments: crate::services::matters::Attachments::default(),
            locks: crate::services::encryption::Locks::default(),
            held_back: crate::faults::reorder::HeldBack::default(),
            shelf: Shelf::default(),
            smev: crate::smev::Room::default(),
            desk: crate::events::Desk::default(),
            pki,
            chest: Chest::default(),
            client,
            trusted,
            changed: Notify::new(),
            delivering: tokio::sync::Mutex::new(()),
            closing: watch::Sender::new(false),
            hang_ups: watch::Sender::new(0),
            connections: watch::Sender::new(0),
            id,
            settings,
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Chance: uuids, random bytes, digits.
    pub fn draw(&self) -> &Entropy {
        &self.entropy
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    pub fn strictness(&self) -> Strictness {
        self.settings.strictness
    }

    pub fn is_strict(&self) -> bool {
        self.settings.strictness == Strictness::Strict
    }

    /// Whether refusals carry the header `Stend-Diagnosis`.
    pub fn diagnosis(&self) -> bool {
        self.settings.diagnosis
    }

    /// The announced end of the first version of the data services.
    pub fn api_v1(&self) -> contract::control::VersionLife {
        self.read(|world| world.publications.v1()).unwrap_or(self.settings.api_v1)
    }

    /// `iss` of ESIA tokens, and the host part of its scope URLs.
    pub fn esia_issuer(&self) -> &str {
        &self.settings.esia_issuer
    }

    /// `iss` of OpenID Connect tokens: as configured, else the origin that the listener is bound to.
    pub fn oidc_issuer(&self) -> &str {
        self.settings.oidc_issuer.as_deref().unwrap_or_else(|| self.origin())
    }

    /// `https://localhost:<port>`; empty before the listener is bound.
    pub fn origin(&self) -> &str {
        self.addresses.get().map_or("", |addresses| &addresses.portal)
    }

    /// An origin that is not the portal, for lies that send somebody there.
    pub fn foreign_origin(&self) -> &str {
        self.addresses.get().map_or("", |addresses| &addresses.foreign)
    }

    pub(crate) fn bound(&self, addresses: Addresses) {
        // Listeners are bound once; a second call changes nothing.
        let _ = self.addresses.set(addresses);
    }

    pub fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// What partners share with the portal for the HMAC of their events.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The algorithms whose keys are published: GOST only where a partner wants it, because many readers of key sets
    /// give up on a curve that they do not know.
    pub fn token_algs(&self) -> BTreeSet<TokenAlg> {
        let asked = self.read(|world| world.partners.all().map(|partner| partner.token_alg).collect::<BTreeSet<_>>());
        asked.into_iter().chain([TokenAlg::RS256, TokenAlg::ES256]).collect()
    }

    /// The hooks through which lies are told; without an armed lie they do nothing.
    pub fn faults(&self) -> Hooks<'_> {
        Hooks::new(self)
    }

    pub fn armed(&self) -> &Armed {
        &self.armed
    }

    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Client assertions that were seen.
    pub fn replays(&self) -> &crate::oauth::replay::Replays {
        &self.replays
    }

    /// Bytes of files that banks have put.
    pub(crate) fn attachments(&self) -> &crate::services::matters::Attachments {
        &self.attachments
    }

    /// Certificates for which others encrypt what is meant for the portal.
    pub(crate) fn locks(&self) -> &crate::services::encryption::Locks {
        &self.locks
    }

    /// Events that a lie holds back.
    pub(crate) fn held_back(&self) -> &crate::faults::reorder::HeldBack {
        &self.held_back
    }

    /// Registered certificates, read.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Certificates and files of the message exchange.
    pub(crate) fn smev(&self) -> &crate::smev::Room {
        &self.smev
    }

    /// Which connection is each partner's.
    pub(crate) fn desk(&self) -> &crate::events::Desk {
        &self.desk
    }

    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// The authority of this run.
    pub fn pki(&self) -> &Authority {
        &self.pki
    }

    pub(crate) fn shared_pki(&self) -> Arc<Authority> {
        self.pki.clone()
    }

    pub(crate) fn chest(&self) -> &Chest {
        &self.chest
    }

    /// Signs a JWT: adds `alg` and `kid`, and tells an armed lie about it. The only way to make one.
    pub async fn sign(&self, who: &Caller, citizen: Option<i64>, draft: Draft) -> Result<String, KeysError> {
        self.faults().sign(who, citizen, draft).await
    }

    /// Locks the world, decides, journals, applies; answers when the entries are durable. Events happen with a refusal
    /// too: attempts are counted, misuse is told.
    pub async fn execute(&self, who: &Caller, command: Command) -> Result<Reply, Refusal> {
        self.store.has_room().await;
        let (outcome, committed) = {
            let mut world = self.world();
            people::introduce(self, &mut world, who, &command);
            self.decide(&mut world, who, command)
        };
        self.settle_entries(committed).await;
        outcome
    }

    /// Decides one command and commits its events, under the lock.
    pub(crate) fn decide(
        &self,
        world: &mut World,
        who: &Caller,
        command: Command,
    ) -> (Result<Reply, Refusal>, Committed) {
        let mut draw = Drawn(&self.entropy);
        let mut ctx = Ctx {
            now: self.now(),
            draw: &mut draw,
            exchange: who.exchange_id(),
            ip: who.exchange_id().map(|_| who.remote_ip.to_string()),
        };
        let decision = world.decide(command, &mut ctx);
        let committed = self.commit(world, who, &decision.events);
        (decision.outcome, committed)
    }

    /// Journals and applies events, in this order; answers the number of the last entry and what is to be erased.
    pub(crate) fn commit(&self, world: &mut World, who: &Caller, events: &[Event]) -> Committed {
        let mut lines = Vec::with_capacity(events.len());
        let mut erased = Vec::new();
        for event in events {
            let parts = event.to_entry();
            lines.push(Line {
                kind: parts.kind,
                partner: parts.partner,
                citizen: parts.citizen,
                flow: parts.flow,
                exchange: who.exchange_id(),
                data: parts.data,
                beside: parts.beside.into_iter().collect(),
            });
            if let Some(partner) = &event.partner {
                who.tag_partner(partner);
            }
            if let Some(citizen) = event.citizen {
                who.tag_citizen(citizen);
            }
            if let Some(flow) = &event.flow {
                who.tag_flow(flow);
                let outlived = |(kind, member)| Outlived { flow: flow.clone(), kind, member };
                erased.extend(event.erases().map(outlived));
            }
        }
        if lines.is_empty() {
            return Committed { last: 0, erased };
        }
        let last = self.book.append(self.now(), &self.entropy, lines);
        for event in events {
            world.apply(event);
            self.armed.observe(event);
        }
        Committed { last, erased }
    }

    async fn settle_entries(&self, committed: Committed) {
        if committed.last == 0 {
            return;
        }
        self.book.durable(committed.last).await;
        for value in committed.erased {
            if let Err(error) = self.book.erase_member(&value.flow, value.kind, value.member).await {
                tracing::error!(%error, "a used one-time code could not be erased");
            }
        }
        self.changed.notify_waiters();
    }

    /// Queries that need no event.
    pub fn read<T>(&self, f: impl FnOnce(&World) -> T) -> T {
        f(&self.world())
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        // A panic while the world is locked happens before anything was applied, so the world stays whole.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another world in the place of this one: after a reset.
    pub(crate) fn replace_world(&self, world: World) {
        *self.world() = world;
    }

    /// Waits until everything journalled by now is durable.
    pub(crate) async fn durable(&self) {
        self.book.durable(self.book.appended()).await;
        self.changed.notify_waiters();
    }

    /// Journals a fact that the core does not fold: `request.refused` and the like. Answers when it is durable.
    pub async fn note(&self, who: &Caller, kind: &'static str, data: Value) {
        self.store.has_room().await;
        let last = self.note_now(who, kind, data);
        self.book.durable(last).await;
    }

    /// The same without waiting.
    pub(crate) fn note_now(&self, who: &Caller, kind: &'static str, data: Value) -> u64 {
        let tags = who.tags();
        let line = Line {
            kind: kind.to_owned(),
            partner: tags.partner,
            citizen: tags.citizen,
            flow: tags.flow,
            exchange: who.exchange_id(),
            data,
            ..Line::default()
        };
        self.book.append(self.now(), &self.entropy, vec![line])
    }

    /// New keys sign from now on.
    pub async fn rotate_keys(&self, overlap: bool) -> Result<Vec<String>, KeysError> {
        let kids = self.keys.rotate(overlap).await?;
        self.note(&Caller::nobody(), kinds::KEY_ROTATED, json!({"kids": kids, "overlap": overlap})).await;
        Ok(kids)
    }

    /// Lets happen what fell due by now.
    pub(crate) async fn settle(&self) {
        if let Err(refusal) = self.execute(&Caller::nobody(), Command::Settle).await {
            tracing::error!(code = refusal.code, "the core did not settle what fell due");
        }
    }

    /// Moves the clock forward, instant by instant where something falls due on the way; answers when all of it has
    /// happened. Events are delivered once the new time is reached and signed with it: who moves the clock moves the
    /// bank's as well, and a bank that already lives at the new time must turn away an event signed on the way there.
    pub(crate) async fn advance(&self, by: Span) {
        let target = self.now() + by;
        {
            let _nothing_is_delivered_meanwhile = self.delivering().await;
            let mut before = None;
            loop {
                // What does not become less due by settling would hold the clock for ever.
                let due = self.read(|world| world.due()).filter(|due| *due < target && Some(*due) != before);
                let Some(due) = due else { break };
                before = Some(due);
                self.clock.advance(due.since(self.now()));
                self.settle().await;
            }
            self.clock.advance(target.since(self.now()));
            self.settle().await;
        }
        crate::outbox::flush(self).await;
        self.clock_moved().await;
    }

    /// Journals how the clock runs now.
    pub(crate) async fn clock_moved(&self) {
        let data = json!({"clock": self.clock.mode(), "now": self.now()});
        self.note(&Caller::nobody(), kinds::CLOCK_MOVED, data).await;
    }

    /// Waits until something has happened in the world.
    pub(crate) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    pub(crate) async fn delivering(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.delivering.lock().await
    }

    /// The client of the outbox: it trusts the run's authority and those of the configuration, and follows nothing.
    pub(crate) fn client(&self) -> Option<&reqwest::Client> {
        self.client.get_or_init(|| client(&self.pki, &self.trusted)).as_ref()
    }

    /// Asks every open connection to end and waits, within reason, until they have.
    pub(crate) async fn hang_up_all(&self) {
        self.hang_ups.send_modify(|count| *count += 1);
        let mut open = self.connections.subscribe();
        let _ = crate::clock::within(Span::from_seconds(3), open.wait_for(|count| *count == 0)).await;
    }

    /// Ends when this connection is asked to end. The control listener's end only with the sandbox.
    pub(crate) async fn hang_up(&self, only_at_the_end: bool) {
        if only_at_the_end {
            return self.closing().await;
        }
        let mut asked = self.hang_ups.subscribe();
        tokio::select! {
            _ = asked.changed() => {}
            () = self.closing() => {}
        }
    }

    pub(crate) fn connection_opened(self: &Arc<Self>) -> Open {
        self.connections.send_modify(|count| *count += 1);
        Open(self.clone())
    }

    /// Ends listeners, connections and tasks.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    pub(crate) fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closing = self.closing.subscribe();
        async move {
            // A sender that is gone means that the sandbox is.
            let _ = closing.wait_for(|closing| *closing).await;
        }
    }
}

/// What became of a decision's events.
#[must_use]
pub(crate) struct Committed {
    /// Number of the last entry; zero when there was none.
    last: u64,
    erased: Vec<Outlived>,
}

/// A value beside an earlier entry whose time is over.
struct Outlived {
    flow: String,
    kind: &'static str,
    member: &'static str,
}

/// An open connection, counted.
pub(crate) struct Open(Arc<Sandbox>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.send_modify(|count| *count -= 1);
    }
}

/// Settles what falls due, again and again, for as long as the sandbox lives.
pub(crate) async fn settle_when_due(sandbox: Arc<Sandbox>) {
    loop {
        let changed = sandbox.changed();
        let due = sandbox.read(World::due);
        if due.is_some_and(|due| due <= sandbox.now()) {
            sandbox.settle().await;
            if sandbox.read(World::due) != due {
                continue;
            }
            // Nothing came of it; asking again and again would not help.
        }
        let reaches = async {
            match due.filter(|due| *due > sandbox.now()) {
                Some(due) => sandbox.clock().reaches(due).await,
                None => sandbox.clock().is_moved().await,
            }
        };
        tokio::select! {
            () = reaches => {}
            () = changed => {}
        }
    }
}

fn client(pki: &Authority, trusted: &[Vec<u8>]) -> Option<reqwest::Client> {
    let roots = std::iter::once(pki.ca_der()).chain(trusted.iter().map(Vec::as_slice));
    let roots: Vec<_> = roots.filter_map(|der| reqwest::Certificate::from_der(der).ok()).collect();
    let made = reqwest::Client::builder()
        .tls_certs_only(roots)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("Stend/", env!("CARGO_PKG_VERSION")))
        .build();
    match made {
        Ok(client) => Some(client),
        Err(error) => {
            tracing::error!(%error, "no client for the outbox");
            None
        }
    }
}

/// The sandbox's chance as the core wants it.
struct Drawn<'a>(&'a Entropy);

impl Draw for Drawn<'_> {
    fn uuid(&mut self) -> String {
        self.0.uuid()
    }

    fn digits(&mut self, count: usize) -> String {
        self.0.digits(count)
    }
}

/// Why a sandbox cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("listen on {address}: {cause}")]
    Listen { address: String, cause: String },
    #[error("register the partner {client_id:?}: {what}")]
    Partner { client_id: String, what: String },
    #[error("find the sandbox {0:?}")]
    Unknown(String),
}
