//! All sandboxes of a portal: opening them with a listener of their own, bringing them back from the journal, resetting,
//! copying and closing them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use certs::Authority;
use contract::control::{ClockSetting, DEFAULT_SANDBOX, PartnerConfig, SandboxAsk, Secret, TokenAlg};
use contract::exchange::Party;
use contract::journal::{Entry, kinds};
use domain::{Command, EntryParts, Event, Partner, World};
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::edge::caller::Caller;
use crate::edge::listen::{self, LOCALHOST, Served};
use crate::journal::chain::Checker;
use crate::journal::{Book, Store, StoreError};
use crate::keys::{Keyring, SharedKeys};
use crate::outbox;
use crate::people;
use crate::portal::{Addresses, OpenError, Parts, Sandbox, Settings, settle_when_due};
use crate::secrets::Secrets;

/// The portal: what its sandboxes share, and the sandboxes.
pub struct Portal {
    pub(crate) store: Arc<Store>,
    pub(crate) pki: Arc<Authority>,
    keys: Arc<SharedKeys>,
    config: Config,
    trusted: Arc<Vec<Vec<u8>>>,
    client: Arc<OnceLock<Option<reqwest::Client>>>,
    /// The addresses that the default sandbox listens on; the others always take `localhost`.
    sandboxes: Mutex<BTreeMap<String, Arc<Sandbox>>>,
    /// The last number given to a sandbox: several may be opening at once, and none is in `sandboxes` until it is open.
    numbered: AtomicU64,
}

/// What the journal says of a sandbox.
struct Replayed {
    world: World,
    settings: Option<Settings>,
    clock: Option<ClockSetting>,
    last: u64,
    hash: String,
}

impl Portal {
    pub(crate) fn new(
        config: Config,
        store: Arc<Store>,
        pki: Arc<Authority>,
        keys: Arc<SharedKeys>,
        trusted: Vec<Vec<u8>>,
    ) -> Self {
        Self {
            store,
            pki,
            keys,
            config,
            trusted: Arc::new(trusted),
            client: Arc::default(),
            numbered: AtomicU64::default(),
            sandboxes: Mutex::default(),
        }
    }

    pub fn find(&self, id: &str) -> Option<Arc<Sandbox>> {
        self.all_locked().get(id).cloned()
    }

    pub fn all(&self) -> Vec<Arc<Sandbox>> {
        self.all_locked().values().cloned().collect()
    }

    fn all_locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Sandbox>>> {
        self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a sandbox is told where nobody says otherwise.
    pub(crate) fn settings(&self, ask: &SandboxAsk) -> Settings {
        let config = &self.config;
        Settings {
            strictness: ask.strictness.unwrap_or(config.strictness),
            diagnosis: ask.diagnosis.unwrap_or(config.diagnosis.0),
            limits: ask.limits.unwrap_or(config.limits),
            clock: ask.clock.unwrap_or(config.clock),
            seed: ask.seed.or(config.seed),
            population: config.citizens,
            esia_issuer: config.esia_issuer.clone().unwrap_or_else(|| crate::config::ESIA_ISSUER.to_owned()),
            oidc_issuer: config.oidc_issuer.clone(),
            partners: ask.partners.clone().unwrap_or_else(|| config.partners.clone()),
            key_types: ask.key_types.clone().unwrap_or_else(|| config.key_types.0.clone()),
            api_v1: ask.api_v1.unwrap_or(config.api_v1),
            smev_algorithms: ask.smev_algorithms.clone().unwrap_or_else(|| config.smev_algorithms.0.clone()),
            smev_unsigned: ask.smev_unsigned.unwrap_or(config.smev_unsigned),
        }
    }

    /// Opens every sandbox that the journal knows, and the default one.
    pub(crate) async fn open_all(&self, listener: listen::Bound) -> Result<(), OpenError> {
        let settings = self.settings(&SandboxAsk::default());
        self.open(DEFAULT_SANDBOX, settings, Some(listener)).await?;
        for id in self.store.sandboxes().await? {
            if id != DEFAULT_SANDBOX {
                let settings = self.settings(&SandboxAsk::default());
                self.open(&id, settings, None).await?;
            }
        }
        Ok(())
    }

    /// A new sandbox.
    pub(crate) async fn create(&self, ask: &SandboxAsk) -> Result<Arc<Sandbox>, OpenError> {
        for partner in ask.partners.iter().flatten() {
            // Said before anything is opened.
            read_partner(partner)?;
            shared_secret(partner)?;
        }
        let id = self.free_id();
        let sandbox = self.open(&id, self.settings(ask), None).await?;
        sandbox.durable().await;
        Ok(sandbox)
    }

    /// An identifier that no sandbox has, and none that is being opened.
    fn free_id(&self) -> String {
        loop {
            let id = format!("s{}", self.numbered.fetch_add(1, Ordering::Relaxed) + 1);
            if !self.all_locked().contains_key(&id) {
                return id;
            }
        }
    }

    /// Opens a sandbox: replays its journal where there is one, binds its listeners, starts its tasks.
    async fn open(
        &self,
        id: &str,
        settings: Settings,
        listener: Option<listen::Bound>,
    ) -> Result<Arc<Sandbox>, OpenError> {
        let replayed = self.replay(id, &settings).await?;
        let is_new = replayed.last == 0;
        // The configuration file speaks for the default sandbox, the journal for the others.
        let mut settings = match replayed.settings {
            Some(kept) if id != DEFAULT_SANDBOX => kept,
            Some(_) | None => settings,
        };
        settings.clock = replayed.clock.unwrap_or(settings.clock);
        let kept = self.keys.file(&format!("{id}.hooks.json"));
        let secrets = Secrets::open(kept, &mut settings.partners)?;
        let sandbox = Arc::new(Sandbox::new(Parts {
            id: id.to_owned(),
            world: replayed.world,
            book: Arc::new(Book::continued(id, self.store.clone(), replayed.last, replayed.hash)),
            store: self.store.clone(),
            keys: Keyring::open(self.keys.clone(), id)?,
            secrets,
            pki: self.pki.clone(),
            client: self.client.clone(),
            trusted: self.trusted.clone(),
            settings,
        }));
        if is_new {
            sandbox.note_now(&Caller::nobody(), kinds::SANDBOX_OPENED, opened(&sandbox, None));
        }
        self.start(&sandbox, listener).await?;
        Ok(sandbox)
    }

    async fn start(&self, sandbox: &Arc<Sandbox>, listener: Option<listen::Bound>) -> Result<(), OpenError> {
        self.furnish(sandbox)?;
        let listener = match listener {
            Some(listener) => listener,
            None => listen::bind(&LOCALHOST, 0).await.map_err(|error| unheard("localhost", &error))?,
        };
        let foreign = listen::bind(&LOCALHOST[..1], 0).await.map_err(|error| unheard("127.0.0.1", &error))?;
        sandbox.bound(Addresses {
            portal: format!("https://localhost:{}", listener.port),
            foreign: format!("https://127.0.0.1:{}", foreign.port),
        });
        let served = |router, to| Served { sandbox: sandbox.clone(), router, to, quiet: false };
        tokio::spawn(listen::accept(listener, served(crate::router(sandbox.clone()), Party::Portal)));
        tokio::spawn(listen::accept(foreign, served(crate::foreign_router(sandbox.clone()), Party::Foreign)));
        for task in [true, false] {
            let (sandbox, closing) = (sandbox.clone(), sandbox.closing());
            tokio::spawn(async move {
                let run = async { if task { settle_when_due(sandbox).await } else { outbox::run(sandbox).await } };
                tokio::select! {
                    () = closing => {}
                    () = run => {}
                }
            });
        }
        self.all_locked().insert(sandbox.id().to_owned(), sandbox.clone());
        Ok(())
    }

    /// Named citizens and configured partners that the world does not know yet.
    fn furnish(&self, sandbox: &Sandbox) -> Result<(), OpenError> {
        let mut world = sandbox.world();
        people::settle_in(sandbox, &mut world);
        for config in &sandbox.settings().partners {
            let partner = read_partner(config)?;
            let known = world.partners.find(&partner.client_id);
            // Certificates added through the control API stay.
            let settled = known.is_some_and(|known| {
                let has = |certificate| known.certificates.contains(certificate);
                Partner { certificates: Vec::new(), ..Partner::clone(known) }
                    == Partner { certificates: Vec::new(), ..partner.clone() }
                    && partner.certificates.iter().all(has)
            });
            if !settled {
                let command = Command::RegisterPartner(Box::new(partner));
                let (outcome, _) = sandbox.decide(&mut world, &Caller::nobody(), command);
                if let Err(refusal) = outcome {
                    return Err(OpenError::Partner { client_id: config.client_id.clone(), what: refusal.seen });
                }
            }
        }
        Ok(())
    }

    /// Folds a sandbox's journal, checking its chain on the way.
    async fn replay(&self, id: &str, settings: &Settings) -> Result<Replayed, OpenError> {
        let mut replayed = Replayed {
            world: World::new(settings.limits),
            settings: None,
            clock: None,
            last: 0,
            hash: crate::journal::chain::GENESIS.to_owned(),
        };
        let mut checker = Checker::new();
        let (mut events, mut resets) = (Vec::new(), Resets::default());
        loop {
            let page = self.store.read(id, checker.head().0, u64::MAX >> 1, 1_000).await?;
            if page.is_empty() {
                break;
            }
            for line in page {
                checker
                    .check(&line.entry)
                    .and_then(|()| line.check_beside())
                    .map_err(|broken| self.store.corrupt(format!("its journal does not hold: {broken}")))?;
                let entry = &line.entry;
                match entry.kind.as_str() {
                    kinds::SANDBOX_OPENED => {
                        if let Ok(opened) = serde_json::from_value::<Settings>(entry.data["settings"].clone()) {
                            if id != DEFAULT_SANDBOX {
                                replayed.world.limits = opened.limits;
                            }
                            replayed.settings = Some(opened);
                        }
                        resets.note(entry);
                    }
                    kinds::CLOCK_MOVED => {
                        replayed.clock = serde_json::from_value(entry.data["clock"].clone()).ok();
                    }
                    _ => events.extend(self.event(entry, line.beside.iter())?.map(|event| (entry.n, event))),
                }
            }
        }
        let (last, hash) = checker.head();
        for event in resets.standing(events, last) {
            replayed.world.apply(&event);
        }
        (replayed.last, replayed.hash) = (last, hash.to_owned());
        Ok(replayed)
    }

    fn event<'a>(
        &self,
        entry: &Entry,
        beside: impl Iterator<Item = (&'a String, &'a crate::journal::store::Beside)>,
    ) -> Result<Option<Event>, StoreError> {
        let mut data = entry.data.clone();
        if let Some(members) = data.as_object_mut() {
            members.remove("beside");
        }
        let parts = EntryParts {
            kind: entry.kind.clone(),
            partner: entry.partner.clone(),
            citizen: entry.citizen,
            flow: entry.flow.clone(),
            data,
            beside: beside.map(|(name, beside)| (name.clone(), beside.value.clone())).collect::<Map<_, _>>(),
        };
        Event::from_entry(entry.at, parts)
            .map_err(|error| self.store.corrupt(format!("entry {} is not one of ours ({error})", entry.n)))
    }

    /// The events that count now: those of the journal without what a reset took away.
    async fn standing_events(&self, sandbox: &Sandbox, until: u64) -> Result<Vec<Event>, OpenError> {
        let (mut events, mut resets) = (Vec::new(), Resets::default());
        let mut after = 0;
        loop {
            let page = sandbox.book().read(after, 1_000).await?;
            let Some(last) = page.last() else { break };
            after = last.entry.n;
            for line in page.iter().filter(|line| line.entry.n <= until) {
                resets.note(&line.entry);
                events.extend(self.event(&line.entry, line.beside.iter())?.map(|event| (line.entry.n, event)));
            }
        }
        Ok(resets.standing(events, until).collect())
    }

    /// Remembers where the journal stands; a later reset can go back there.
    pub(crate) async fn snapshot(&self, sandbox: &Sandbox) -> String {
        let last = sandbox.note_now(
            &Caller::nobody(),
            kinds::CLOCK_MOVED,
            json!({"clock": sandbox.clock().mode(), "now": sandbox.now(), "snapshot": true}),
        );
        sandbox.book().durable(last).await;
        last.to_string()
    }

    /// The entry at which a snapshot of this name was taken: the journal knows, also after a restart.
    async fn snapshot_at(&self, sandbox: &Sandbox, name: &str) -> Result<u64, OpenError> {
        let unknown = || OpenError::Unknown(format!("{} at {name}", sandbox.id()));
        let at: u64 = name.parse().ok().filter(|at| *at > 0).ok_or_else(unknown)?;
        let page = sandbox.book().read(at - 1, 1).await?;
        let taken = page.iter().any(|line| line.entry.n == at && line.entry.data["snapshot"] == true);
        if taken { Ok(at) } else { Err(unknown()) }
    }

    /// Puts the world back to a snapshot, or to the beginning. The journal goes on; sessions, armed lies and connections
    /// end.
    pub(crate) async fn reset(&self, sandbox: &Arc<Sandbox>, snapshot: Option<&str>) -> Result<(), OpenError> {
        let to = match snapshot {
            None => 0,
            Some(name) => self.snapshot_at(sandbox, name).await?,
        };
        for lie in sandbox.armed().list() {
            sandbox.armed().disarm(&lie.id);
        }
        let events = if to == 0 { Vec::new() } else { self.standing_events(sandbox, to).await? };
        {
            let mut world = World::new(sandbox.settings().limits);
            events.iter().for_each(|event| world.apply(event));
            sandbox.note_now(&Caller::nobody(), kinds::SANDBOX_OPENED, opened(sandbox, Some(to)));
            sandbox.replace_world(world);
        }
        if to == 0 {
            sandbox.clock().set(sandbox.settings().clock);
            sandbox.secrets().reset()?;
            sandbox.chest().forget();
            sandbox.clock_moved().await;
        }
        self.furnish(sandbox)?;
        sandbox.durable().await;
        sandbox.hang_up_all().await;
        Ok(())
    }

    /// A new sandbox that begins where this one stands, with the same keys.
    pub(crate) async fn fork(&self, sandbox: &Arc<Sandbox>) -> Result<Arc<Sandbox>, OpenError> {
        let events = self.standing_events(sandbox, sandbox.book().last()).await?;
        let id = self.free_id();
        let settings = Settings { clock: sandbox.clock().mode(), ..sandbox.settings().clone() };
        let world = World::new(settings.limits);
        let forked = Arc::new(Sandbox::new(Parts {
            id: id.clone(),
            world,
            book: Arc::new(Book::new(&id, self.store.clone())),
            store: self.store.clone(),
            keys: sandbox.keys().fork(),
            secrets: sandbox.secrets().fork(),
            pki: self.pki.clone(),
            client: self.client.clone(),
            trusted: self.trusted.clone(),
            settings,
        }));
        forked.note_now(&Caller::nobody(), kinds::SANDBOX_OPENED, opened(&forked, None));
        {
            let mut world = forked.world();
            let _ = forked.commit(&mut world, &Caller::nobody(), &events);
        }
        self.start(&forked, None).await?;
        forked.durable().await;
        Ok(forked)
    }

    /// Closes a sandbox and forgets its journal.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), OpenError> {
        let Some(sandbox) = self.all_locked().remove(id) else { return Err(OpenError::Unknown(id.to_owned())) };
        sandbox.close();
        sandbox.hang_up_all().await;
        sandbox.keys().forget();
        sandbox.secrets().forget();
        self.store.drop_sandbox(id).await?;
        Ok(())
    }

    /// Closes everything in order: no new connections, open ones end what they began, then the store.
    pub(crate) async fn close(&self) {
        let sandboxes = self.all();
        for sandbox in &sandboxes {
            sandbox.close();
        }
        futures_util::future::join_all(sandboxes.iter().map(|sandbox| sandbox.hang_up_all())).await;
        if let Err(error) = self.store.close().await {
            tracing::error!(%error, "the state was not closed in order");
        }
    }

    /// Makes the RSA key without anybody waiting for it.
    pub(crate) fn make_keys_ahead(&self) {
        let keys = self.keys.clone();
        tokio::spawn(async move {
            if let Err(error) = keys.key(TokenAlg::RS256).await {
                tracing::error!(%error, "no RSA key for tokens");
            }
        });
    }
}

/// Where the journal was put back, and to which entry.
#[derive(Default)]
struct Resets(Vec<(u64, u64)>);

impl Resets {
    fn note(&mut self, entry: &Entry) {
        if entry.kind == kinds::SANDBOX_OPENED {
            self.0.extend(entry.data["reset_to"].as_u64().map(|to| (entry.n, to)));
        }
    }

    /// The events that count at entry `until`: from each reset backwards it goes on at the entry that was reset to, which
    /// may itself lie before other resets.
    fn standing(self, events: Vec<(u64, Event)>, until: u64) -> impl Iterator<Item = Event> {
        let (mut spans, mut end) = (Vec::new(), until);
        while end > 0 {
            let before = self.0.iter().rev().find(|(at, _)| *at <= end).copied();
            let (at, to) = before.unwrap_or_default();
            spans.push(at + 1..=end);
            end = to;
        }
        events.into_iter().filter(move |(n, _)| spans.iter().any(|span| span.contains(n))).map(|(_, event)| event)
    }
}

fn unheard(address: &str, error: &std::io::Error) -> OpenError {
    OpenError::Listen { address: address.to_owned(), cause: error.to_string() }
}

fn opened(sandbox: &Sandbox, reset_to: Option<u64>) -> Value {
    let mut data = json!({"settings": sandbox.settings()});
    if let Some(to) = reset_to {
        data["reset_to"] = to.into();
    }
    data
}

/// A partner as the core keeps it. Certificates are PEM text by now: files were read with the configuration.
pub(crate) fn read_partner(config: &PartnerConfig) -> Result<Partner, OpenError> {
    let refused = |what: String| OpenError::Partner { client_id: config.client_id.clone(), what };
    if config.client_id.is_empty() {
        return Err(refused("the client_id is empty".into()));
    }
    let certificates = config.certificates.iter().map(|text| read_certificate(text).map_err(&refused));
    let all_scopes = || contract::scope::SCOPES.iter().map(|scope| scope.name.to_owned()).collect();
    let all_purposes = || contract::consent::TYPES.iter().map(|kind| kind.sysname.to_owned()).collect();
    Ok(Partner {
        client_id: config.client_id.clone(),
        name: config.name.clone(),
        certificates: certificates.collect::<Result<Vec<_>, _>>()?,
        redirect_uris: config.redirect_uris.clone(),
        redirect_match: config.redirect_match,
        scopes: config.scopes.clone().unwrap_or_else(all_scopes),
        purposes: config.purposes.clone().unwrap_or_else(all_purposes),
        token_alg: config.token_alg,
        webhook: config.webhook.clone(),
        webhook_hmac: config.webhook_hmac.as_ref().map(|hmac| hmac.alg),
        encryption: config.encryption,
        sub_as_text: config.sub_as_text,
        expires_in_as_text: config.expires_in_as_text,
    })
}

/// The secret that a partner brings along; refused where it should and does not.
pub(crate) fn shared_secret(config: &PartnerConfig) -> Result<Option<Secret>, OpenError> {
    let refused = |what: &str| OpenError::Partner { client_id: config.client_id.clone(), what: what.to_owned() };
    let Some(hmac) = &config.webhook_hmac else { return Ok(None) };
    if hmac.secret_file.is_some() {
        return Err(refused("webhook_hmac.secret_file is for the configuration file; send the secret itself"));
    }
    let secret = hmac.secret.clone().filter(|secret| !secret.bytes().is_empty());
    secret.map(Some).ok_or_else(|| refused("webhook_hmac needs a secret"))
}

/// A certificate from PEM text. A key that no signature here can be verified with is refused before it is registered.
pub(crate) fn read_certificate(text: &str) -> Result<domain::Certificate, String> {
    let read =
        crypto::Certificate::from_pem(text).map_err(|error| format!("a certificate is not PEM text ({error})"))?;
    read.public_key().map_err(|error| format!("the key of {:?} cannot be used ({error})", read.subject()))?;
    Ok(domain::Certificate {
        der: crypto::base64::encode_standard(read.der()),
        sha256: read.sha256_hex(),
        pem: read.pem(),
    })
}
