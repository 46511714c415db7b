//! A lane: one protocol, one copy of the bank, one sandbox of the portal. Its cases are played one after another, so a lie
//! that cannot be told to one citizen alone still hits nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::adapter::{BankClock, Question};
use contract::control::{FaultAsk, PartnerConfig, SandboxAsk, TokenAlg};
use contract::exchange::{Exchange, Party, header};
use contract::journal::Entry;
use contract::time::Span;
use crypto::Family;
use rules::trace::{BankFacts, Limits, PortalFacts, Protocol};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::adapter::{Driver, Silence};
use super::browser::Agency;
use super::http;
use super::play::Play;
use super::portal::{Portal, Sandbox};
use super::process::Group;
use crate::clock::Pace;
use crate::error::SuiteError;
use crate::pki::{Issued, Pki};
use crate::profile::{Bank, Places, Start};
use crate::scenario::model::Setting;

/// What all lanes of a run share.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) exe: PathBuf,
    pub(crate) bank: Bank,
    pub(crate) portal: Arc<Portal>,
    pub(crate) pki: Pki,
    /// Scratch folder of the run.
    pub(crate) folder: PathBuf,
    /// Marks this run's browsers.
    pub(crate) nonce: String,
    pub(crate) seed: u64,
    pub(crate) bank_env: Vec<(String, String)>,
}

/// The longest that anything is waited for when nothing is known of the bank's pace yet.
const PATIENCE: Duration = Duration::from_secs(8);
/// A bank that keeps silent again and again is waited for no shorter than this.
const SHORTEST: Duration = Duration::from_millis(100);
/// So many waits in vain in a row mean that nobody is there.
const HOPELESS: u32 = 40;

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) name: String,
    pub(crate) sandbox: Sandbox,
    pub(crate) driver: Driver,
    pub(crate) agency: Agency,
    pub(crate) webhook: Option<Url>,
    pub(crate) evidence: Files,
    pub(crate) bank_facts: BankFacts,
    /// What the bank signs with; the suite made it.
    pub(crate) client: Issued,
    pub(crate) portal_facts: PortalFacts,
    pub(crate) clock_movable: bool,
    pub(crate) version: String,
    number: usize,
    seed: u64,
    starting: Option<Starting>,
    /// Driven by a program of its own, with no server that could be asked whether it is ready.
    is_serverless: bool,
    process: Mutex<Option<Group>>,
    names: AtomicU64,
    /// Waits in a row that ended with nothing: for the bank's word, and for entries of the journal.
    vain: AtomicU32,
    vain_entries: AtomicU32,
    patience: Mutex<Duration>,
    book: Mutex<Book>,
    /// Questions that this bank does not answer.
    unanswered: Mutex<BTreeSet<Question>>,
    jwks: Mutex<Value>,
}

/// Where the bank leaves traces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) logs: Vec<PathBuf>,
    pub(crate) storage: Vec<PathBuf>,
    /// The bank's private key, to be looked for.
    pub(crate) key: Option<PathBuf>,
}

#[derive(Clone, Debug)]
struct Starting {
    argv: Vec<String>,
    env: Vec<(String, String)>,
    folder: PathBuf,
    ready: String,
    within: Duration,
    output: PathBuf,
}

/// What was read from the portal and belongs to no case yet.
#[derive(Debug, Default)]
pub(crate) struct Book {
    next_exchange: u64,
    next_journal: u64,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) journal: Vec<Entry>,
}

impl Lane {
    /// Opens a sandbox, starts the bank, waits until both are ready.
    pub(crate) async fn open(
        ground: &Ground,
        number: usize,
        protocol: Protocol,
        setting: Option<&Setting>,
    ) -> Result<Self, SuiteError> {
        let name = format!("{}-{number}", protocol.as_str());
        let folder = ground.folder.join(&name);
        let data = folder.join("data");
        std::fs::create_dir_all(&data).map_err(|cause| {
            SuiteError::new(format!("cannot make {}: {cause}", data.display()), "check the temporary folder")
        })?;
        let profile = &ground.bank.profile;
        let mut places = Places::default();
        let port = match &profile.base_url {
            None => free_port()?,
            Some(base) => Url::parse(&base.value)
                .ok()
                .and_then(|url| url.port_or_known_default())
                .ok_or_else(|| SuiteError::new(format!("`{}` is no address", base.value), "mend `base_url`"))?,
        };
        let token_alg = token_alg(ground);
        places.set("port.bank", port.to_string());
        places.set("protocol", protocol.as_str());
        places.set("stend", ground.exe.display().to_string());
        places.set("bank.data", data.display().to_string());
        places.set("client.id", &profile.client.id);
        places.set("client.token_alg", token_alg.as_str());
        places.set("client.cert", ground.pki.client.certificate.display().to_string());
        places.set("client.key", ground.pki.client.key.display().to_string());
        places.set("client.tls_cert", ground.pki.client_tls.certificate.display().to_string());
        places.set("client.tls_key", ground.pki.client_tls.key.display().to_string());
        // Empty where the bank brings its own certificate: nothing can be made beside that one.
        for (name, spare) in [
            ("expired", &ground.pki.expired),
            ("foreign", &ground.pki.foreign),
            ("other_curve", &ground.pki.other_curve),
        ] {
            let path = |path: fn(&Issued) -> &PathBuf| spare.as_ref().map(path).map(|path| path.display().to_string());
            places.set(&format!("spare.{name}_cert"), path(|issued| &issued.certificate).unwrap_or_default());
            places.set(&format!("spare.{name}_key"), path(|issued| &issued.key).unwrap_or_default());
        }
        places.set("bank.tls_cert", ground.pki.server.certificate.display().to_string());
        places.set("bank.tls_key", ground.pki.server.key.display().to_string());
        let fill = |text: &str, places: &Places| places.fill(&ground.bank.file, text);
        let redirect_uri = fill(&profile.client.redirect_uri.value, &places)?;
        let webhook = match &profile.client.webhook {
            Some(webhook) => Some(fill(&webhook.value, &places)?),
            None => None,
        };
        let bank_url = Url::parse(&redirect_uri)
            .map_err(|_| SuiteError::new(format!("`{redirect_uri}` is no address"), "mend `client.redirect_uri`"))?;
        let origin = match &profile.base_url {
            Some(base) => base.value.trim_end_matches('/').to_owned(),
            None => bank_url.origin().ascii_serialization(),
        };
        places.set("bank.url", &origin);
        let partner = PartnerConfig {
            client_id: profile.client.id.clone(),
            name: contract::control::Names { ru: profile.bank.name.clone(), en: profile.bank.name.clone() },
            certificates: ground.pki.registered(),
            redirect_uris: vec![redirect_uri.clone()],
            redirect_match: contract::control::RedirectMatch::Exact,
            scopes: profile.client.scopes.clone(),
            purposes: profile.client.purposes.clone(),
            token_alg,
            webhook: webhook.clone(),
            ..PartnerConfig::default()
        };
        let seed = ground.seed.wrapping_add(number as u64);
        let sandbox = if profile.base_url.is_some() && profile.portal.is_some() {
            ground.portal.register(&partner).await?;
            ground.portal.default_sandbox()
        } else {
            ground.portal.open(&ask(seed, partner, setting)?).await?
        };
        let opened = &sandbox.opened;
        let issuer = match protocol {
            Protocol::Oidc => &opened.oidc_issuer,
            Protocol::EsiaV1 | Protocol::EsiaV3 => &opened.esia_issuer,
        };
        let ca = folder.join("ca.pem");
        // The bank trusts the authority of the portal; its own receiver's certificate is of the same one.
        std::fs::write(&ca, [opened.ca.as_str(), &ground.pki.gost_ca_pem].concat()).map_err(|cause| {
            SuiteError::new(format!("cannot write {}: {cause}", ca.display()), "check the temporary folder")
        })?;
        places.set("portal.url", &opened.portal);
        places.set("portal.ca", ca.display().to_string());
        places.set("portal.issuer", issuer);
        let client = http::client(&[&opened.ca, &ground.pki.ca_pem])?;
        let portal_url = Url::parse(&opened.portal)
            .map_err(|_| SuiteError::new(format!("`{}` is no address", opened.portal), ""))?;
        let agency = Agency::new(client.clone(), &ground.nonce, portal_url, Some(bank_url), &opened.id);
        let evidence = evidence(ground, &places, &data)?;
        let starting = match &profile.start {
            Some(start) => Some(starting(ground, start, &places, &folder)?),
            None => None,
        };
        let limits = &opened.limits;
        let portal_facts = PortalFacts {
            origin: opened.portal.clone(),
            foreign_origin: opened.foreign.clone(),
            esia_issuer: opened.esia_issuer.clone(),
            oidc_issuer: opened.oidc_issuer.clone(),
            limits: Limits {
                revocation_delay_ms: limits.revocation_delay.millis(),
                poll_interval_ms: limits.poll_interval.millis(),
                clock_skew_ms: limits.clock_skew.millis(),
                timestamp_window_ms: limits.timestamp_window.millis(),
                quiet_time_ms: limits.quiet_time.millis(),
            },
            jwks: Value::Null,
            tls_certificate: None,
        };
        let bank_facts = BankFacts {
            client_id: profile.client.id.clone(),
            redirect_uri,
            origin,
            claims: ground.bank.claims.clone(),
            certificates: ground.pki.registered(),
            other_certificates: ground.pki.unregistered(),
            tls_certificate: None,
            revocation_check: profile.policy.revocation_check.as_ref().map(|policy| policy.value.clone()),
            clock_movable: false,
        };
        let mut lane = Self {
            driver: Driver::new(&ground.bank, &places, client)?,
            webhook: webhook.and_then(|hook| Url::parse(&hook).ok()),
            clock_movable: false,
            version: profile.bank.version.clone(),
            names: AtomicU64::new(1),
            vain: AtomicU32::new(0),
            vain_entries: AtomicU32::new(0),
            patience: Mutex::new(PATIENCE),
            book: Mutex::default(),
            unanswered: Mutex::default(),
            jwks: Mutex::new(Value::Null),
            process: Mutex::new(None),
            name,
            sandbox,
            agency,
            evidence,
            bank_facts,
            client: ground.pki.client.clone(),
            portal_facts,
            number,
            seed,
            starting,
            is_serverless: profile.start.is_none() && profile.base_url.is_none(),
        };
        lane.start_bank().await?;
        lane.describe().await;
        Ok(lane)
    }

    async fn describe(&mut self) {
        // A bank that cannot describe itself is driven all the same; its clock counts as fixed.
        if let Ok(described) = self.driver.describe(self.patience()).await {
            self.clock_movable = described.clock == BankClock::Movable;
            if !described.version.is_empty() {
                self.version = described.version;
            }
        }
        self.bank_facts.clock_movable = self.clock_movable;
    }

    async fn start_bank(&self) -> Result<(), SuiteError> {
        let Some(starting) = &self.starting else {
            return if self.is_serverless { Ok(()) } else { self.wait_ready().await };
        };
        let output = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&starting.output)
            .and_then(|file| Ok((file.try_clone()?, file)));
        let (out, errors) = output.map_err(|cause| {
            SuiteError::new(
                format!("cannot write {}: {cause}", starting.output.display()),
                "check the temporary folder",
            )
        })?;
        let Some((program, words)) = starting.argv.split_first() else {
            return Err(SuiteError::new("the bank's command is empty", "mend `start.command`"));
        };
        let child = tokio::process::Command::new(program)
            .args(words)
            .envs(starting.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&starting.folder)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|cause| {
                SuiteError::new(
                    format!("cannot start the bank `{program}` in {}: {cause}", starting.folder.display()),
                    "mend `start.command` and `start.folder`",
                )
            })?;
        *self.process_slot() = Some(Group::new(child));
        self.wait_ready().await
    }

    fn process_slot(&self) -> MutexGuard<'_, Option<Group>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_ready(&self) -> Result<(), SuiteError> {
        let (address, within) = match &self.starting {
            Some(starting) => (starting.ready.clone(), starting.within),
            None => (self.bank_facts.origin.clone(), Duration::from_secs(5)),
        };
        let mut pace = Pace::within(within);
        loop {
            let asked = self.agency.client.get(&address).timeout(Duration::from_secs(2)).send().await;
            let why = match asked {
                // An answer of whoever has its port is none when the bank itself has ended.
                Ok(answer) if answer.status().as_u16() < 500 && self.bank_died().is_none() => return Ok(()),
                Ok(answer) => format!("it answers {}", answer.status()),
                Err(error) => http::cause(&error),
            };
            if let Some(status) = self.process_slot().as_mut().and_then(Group::status) {
                return Err(SuiteError::new(
                    format!("the bank ended with {status} before it was ready: {}", self.last_words()),
                    "start it by hand with the same environment",
                ));
            }
            if !pace.again().await {
                let said = self.last_words();
                return Err(SuiteError::new(
                    format!("the bank was not ready at {address} within {:.1} s ({why}); {said}", within.as_secs_f64()),
                    "check `start.ready` and the bank's output",
                ));
            }
        }
    }

    fn last_words(&self) -> String {
        let Some(starting) = &self.starting else { return "it was not started by the suite".to_owned() };
        let text = std::fs::read(&starting.output).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        match text.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(line) => format!("its last words: {}", line.trim().chars().take(200).collect::<String>()),
            None => "it said nothing".to_owned(),
        }
    }

    /// How the bank's process ended, where it did.
    pub(crate) fn bank_died(&self) -> Option<String> {
        self.process_slot().as_mut().and_then(Group::status).map(|status| format!("{status}; {}", self.last_words()))
    }

    /// Starts a bank that died again, with its data as it left them.
    pub(crate) async fn revive(&self) -> Result<(), SuiteError> {
        self.process_slot().take();
        self.start_bank().await?;
        let offset = self.agency.clock.moved();
        if offset > Span::ZERO {
            // A bank that forgot the time is told again; one that cannot be told stays what it is.
            let _ = self.driver.clock(offset, self.patience()).await;
        }
        Ok(())
    }

    pub(crate) async fn close(&self) {
        let process = self.process_slot().take();
        if let Some(mut process) = process {
            process.stop().await;
        }
        self.sandbox.close().await;
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    // Names and time.

    pub(crate) fn name_flow(&self) -> String {
        format!("f-{}-{}", self.number, self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// An idempotency id: a UUID that depends on the seed alone.
    pub(crate) fn name_operation(&self) -> String {
        let n = self.names.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::digest(format!("{} {} {n}", self.seed, self.name));
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// How long the bank is waited for now.
    pub(crate) fn patience(&self) -> Duration {
        let whole = *self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        shortened(whole, self.vain.load(Ordering::Relaxed))
    }

    /// How long an entry of the journal is waited for that must come by itself, no longer than `whole`.
    pub(crate) fn patience_for_entries(&self, whole: Option<Duration>) -> Duration {
        let whole = whole.unwrap_or_else(|| *self.patience.lock().unwrap_or_else(PoisonError::into_inner));
        shortened(whole, self.vain_entries.load(Ordering::Relaxed))
    }

    pub(crate) fn entries_came(&self, came: bool) {
        if came {
            self.vain_entries.store(0, Ordering::Relaxed);
        } else {
            self.vain_entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether there is any sense in going on.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.vain.load(Ordering::Relaxed) >= HOPELESS
    }

    /// The clean twin took so long: what follows may take many times that.
    pub(crate) fn paced(&self, twin: Duration) {
        let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        *patience = (*patience).max(twin * 20).min(Duration::from_secs(60));
    }

    pub(crate) fn waited_in_vain(&self) {
        self.vain.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) {
        self.vain.store(0, Ordering::Relaxed);
    }

    // Lies.

    pub(crate) async fn arm(&self, play: &Play, ask: FaultAsk) -> Result<(), SuiteError> {
        let person = play
            .state()
            .people
            .values()
            .find(|member| Some(&member.person.slug) == ask.citizen.as_ref())
            .map(|member| member.person.name.clone());
        let data = json!({"fault": ask.fault, "person": person, "citizen": ask.citizen, "times": ask.times, "params": ask.params});
        let id = self.sandbox.arm(&ask).await?;
        play.state().armed.push((id.clone(), ask.fault));
        let mut data = data;
        data["id"] = Value::from(id);
        play.act("portal", "fault", None, data);
        Ok(())
    }

    pub(crate) async fn arm_at_callback(&self, play: &Play) -> Result<(), SuiteError> {
        let asks = std::mem::take(&mut play.state().at_callback);
        for ask in asks {
            self.arm(play, ask).await?;
        }
        Ok(())
    }

    pub(crate) async fn disarm(&self, play: &Play) -> Result<(), SuiteError> {
        let armed = {
            let mut state = play.state();
            state.at_callback.clear();
            state.attack = None;
            std::mem::take(&mut state.armed)
        };
        for (id, fault) in armed {
            // A lie that was told often enough is gone by itself.
            let gone = self.sandbox.disarm(&id).await;
            if let Err(error) = gone
                && !error.what.contains("404")
            {
                return Err(error);
            }
            play.act("portal", "remove", None, json!({"id": id, "fault": fault}));
        }
        Ok(())
    }

    // Probes.

    /// Asks the bank; what it does not offer is asked once only.
    pub(crate) async fn probe(
        &self,
        play: &Play,
        question: Question,
        about: Map<String, Value>,
        when: &str,
        person: Option<&str>,
    ) {
        let known = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).contains(&question);
        let answer = if known {
            None
        } else {
            match self.driver.probe(question, about.clone(), self.patience()).await {
                Ok(answer) => Some(answer),
                Err(silence) => {
                    if matches!(silence, Silence::NotOffered(_)) {
                        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).insert(question);
                    } else if matches!(silence, Silence::Late(_)) {
                        self.waited_in_vain();
                    }
                    None
                }
            }
        };
        let word = serde_json::to_value(question).ok().and_then(|word| word.as_str().map(str::to_owned));
        play.probe(&word.unwrap_or_default(), Value::Object(about), answer, when, person);
    }

    /// What the bank thinks of every consent that it reported.
    pub(crate) async fn ask_consents(&self, play: &Play, when: &str) {
        let consents: BTreeMap<String, Option<String>> = {
            let state = play.state();
            state
                .flows
                .values()
                .filter_map(|flow| {
                    let report = flow.last.as_ref()?;
                    let id = report.values.get("consent")?.get("id")?.as_str()?;
                    Some((id.to_owned(), flow.person.clone()))
                })
                .collect()
        };
        for (consent, person) in consents {
            let mut about = Map::new();
            about.insert("consent".to_owned(), Value::from(consent));
            let handle =
                person.as_ref().and_then(|who| play.member(who)).and_then(|member| member.person.customer.clone());
            if let Some(handle) = handle {
                about.insert("customer".to_owned(), Value::from(handle));
            }
            self.probe(play, Question::ConsentState, about, when, person.as_deref()).await;
        }
    }

    pub(crate) async fn ask_customers(&self, play: &Play, when: &str) {
        let handles: Vec<(String, String)> = {
            let state = play.state();
            let people = state.people.iter();
            people.filter_map(|(name, member)| Some((name.clone(), member.person.customer.clone()?))).collect()
        };
        for (name, handle) in handles {
            for question in [Question::SessionAlive, Question::DataPresent] {
                let about = Map::from_iter([("customer".to_owned(), Value::from(handle.as_str()))]);
                self.probe(play, question, about, when, Some(&name)).await;
            }
        }
    }

    // The portal's records.

    /// Reads what the portal recorded since the last time.
    pub(crate) async fn collect(&self) -> Result<usize, SuiteError> {
        let (exchange, entry) = {
            let book = self.book();
            (book.next_exchange, book.next_journal)
        };
        let read = self.sandbox.records(exchange, entry).await?;
        let fresh = read.exchanges.len() + read.entries.len();
        let mut book = self.book();
        book.next_exchange = read.next_exchange;
        book.next_journal = read.next_entry;
        book.exchanges.extend(read.exchanges.into_iter().map(|exchange| self.signed(exchange)));
        book.journal.extend(read.entries);
        Ok(fresh)
    }

    /// Says who sent an exchange: the run's browsers give themselves away, the rest is the bank.
    fn signed(&self, mut exchange: Exchange) -> Exchange {
        if exchange.from != Party::Portal {
            let agent = header(&exchange.request.headers, "user-agent");
            exchange.from = match agent {
                Some(agent) if agent == self.agency.user_agent => Party::Browser,
                Some(agent) if agent == self.agency.stranger() => Party::Attacker,
                _ => Party::Bank,
            };
        }
        exchange
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Entries of a kind since the case began: for one citizen, or for all of the case.
    pub(crate) fn count(&self, kind: &str, citizen: Option<i64>, play: &Play) -> u64 {
        let oids: BTreeSet<i64> = play.state().people.values().map(|member| member.person.oid).collect();
        let fits = |entry: &&Entry| {
            entry.kind == kind
                && match citizen {
                    Some(oid) => entry.citizen == Some(oid),
                    None => entry.citizen.is_none_or(|oid| oids.contains(&oid)),
                }
        };
        self.book().journal.iter().filter(fits).count() as u64
    }

    /// Entries since the playing began that are about its people or about nobody.
    pub(crate) fn entries(&self, play: &Play) -> Vec<Entry> {
        let oids: BTreeSet<i64> = play.state().people.values().map(|member| member.person.oid).collect();
        let fits = |entry: &&Entry| entry.citizen.is_none_or(|oid| oids.contains(&oid));
        self.book().journal.iter().filter(fits).cloned().collect()
    }

    /// The portal's published keys; read again when they may have changed.
    pub(crate) async fn jwks(&self, again: bool) -> Value {
        let known = self.jwks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !known.is_null() && !again {
            return known;
        }
        let Ok(url) = self.agency.portal.join("/.well-known/jwks.json") else { return known };
        let request = self.agency.client.get(url).header("user-agent", &self.agency.user_agent);
        let (_, answer) = self.agency.exchange(Party::Suite, request, Duration::from_secs(10)).await;
        let keys = answer.ok().and_then(|(_, _, bytes)| serde_json::from_slice::<Value>(&bytes).ok());
        match keys {
            Some(keys) => {
                self.jwks.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&keys);
                keys
            }
            None => known,
        }
    }
}

/// Half as long after each wait in vain.
fn shortened(whole: Duration, vain: u32) -> Duration {
    (whole / 2u32.saturating_pow(vain.min(10))).max(SHORTEST)
}

fn token_alg(ground: &Ground) -> TokenAlg {
    let named = ground.bank.profile.client.token_alg.as_ref();
    let named = named.and_then(|alg| TokenAlg::ALL.into_iter().find(|known| known.as_str() == alg.value));
    // A bank shows the same kind of key at the portal's side as at its own, unless its file says otherwise.
    named.unwrap_or(match ground.pki.family {
        Family::EcdsaP256 => TokenAlg::ES256,
        // ESIA signs tokens by keys of 256 bits only.
        Family::Gost256 | Family::Gost512 => TokenAlg::GOST3410_2012_256,
        Family::Rsa => TokenAlg::RS256,
    })
}

fn ask(seed: u64, partner: PartnerConfig, setting: Option<&Setting>) -> Result<SandboxAsk, SuiteError> {
    let mut ask =
        SandboxAsk { seed: Some(seed), partners: Some(vec![partner]), diagnosis: Some(false), ..SandboxAsk::default() };
    if let Some(setting) = setting {
        let wrong = |cause: serde_json::Error| SuiteError::new(format!("the scenario's `portal` setting: {cause}"), "");
        if let Some(strictness) = &setting.strictness {
            ask.strictness = Some(serde_json::from_value(json!(strictness)).map_err(wrong)?);
        }
        if !setting.limits.is_empty() {
            ask.limits = Some(serde_json::from_value(json!(setting.limits)).map_err(wrong)?);
        }
    }
    Ok(ask)
}

/// Ports for banks: below those that systems hand out by themselves, so that between this look and the bank's own bind
/// neither a connection nor a listener that asked for any port can take it.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port that nobody uses now, and that is not given out again soon.
fn free_port() -> Result<u16, SuiteError> {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
        // Runs beside each other begin at different places.
        AtomicU64::new(crate::clock::wall_us().unsigned_abs().wrapping_add(u64::from(std::process::id()) * 7919))
    });
    let is_taken = |host: &str, port: u16| {
        let bound = std::net::TcpListener::bind((host, port));
        bound.is_err_and(|cause| cause.kind() == std::io::ErrorKind::AddrInUse)
    };
    PORTS
        .map(|_| PORTS.start + u16::try_from(NEXT.fetch_add(1, Ordering::Relaxed) % PORTS.len() as u64).unwrap_or(0))
        .find(|port| !is_taken("127.0.0.1", *port) && !is_taken("::1", *port))
        .ok_or_else(|| {
            SuiteError::new(format!("no free port from {} to {}", PORTS.start, PORTS.end - 1), "close other programs")
        })
}

fn starting(ground: &Ground, start: &Start, places: &Places, folder: &Path) -> Result<Starting, SuiteError> {
    let fill = |text: &str| places.fill(&ground.bank.file, text);
    let mut env = Vec::new();
    for (name, value) in &start.env {
        env.push((name.clone(), fill(value)?));
    }
    env.extend(ground.bank_env.iter().cloned());
    let home = match &start.folder {
        Some(home) => ground.bank.folder.join(fill(&home.value)?),
        None => ground.bank.folder.clone(),
    };
    if !home.is_dir() {
        return Err(SuiteError::new(
            format!("{}: the folder {} does not exist", ground.bank.file, home.display()),
            "mend `start.folder`; it is relative to the bank file",
        ));
    }
    Ok(Starting {
        argv: start.command.value.iter().map(|word| fill(word)).collect::<Result<_, _>>()?,
        env,
        folder: home,
        ready: fill(&start.ready.http)?,
        within: ground.bank.ready_within,
        output: folder.join("bank.out"),
    })
}

fn evidence(ground: &Ground, places: &Places, data: &Path) -> Result<Files, SuiteError> {
    let profile = &ground.bank.profile;
    let home = profile.start.as_ref().and_then(|start| start.folder.as_ref()).map(|folder| folder.value.clone());
    let locate = |text: &String| -> Result<PathBuf, SuiteError> {
        let path = PathBuf::from(places.fill(&ground.bank.file, text)?);
        if path.is_absolute() {
            return Ok(path);
        }
        // A bank of several lanes writes to its data folder; one that knows no such thing, to its own.
        let own = data.join(&path);
        let shared = ground.bank.folder.join(home.clone().unwrap_or_default()).join(&path);
        let uses_data = profile.start.as_ref().is_some_and(|start| {
            start.env.values().chain(&start.command.value).any(|text| text.contains("{bank.data}"))
        });
        Ok(if uses_data { own } else { shared })
    };
    let mut logs = profile.evidence.logs.iter().map(locate).collect::<Result<Vec<_>, _>>()?;
    if profile.start.is_some() {
        logs.push(data.with_file_name("bank.out"));
    }
    let storage = profile.evidence.storage.iter().map(locate).collect::<Result<_, _>>()?;
    Ok(Files { logs, storage, key: Some(ground.pki.client.key.clone()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_banks_are_no_ports_that_systems_hand_out_and_come_once() {
        let ports: BTreeSet<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 50);
        assert!(ports.iter().all(|port| PORTS.contains(port)));
    }
}
