//! The bank as one value: what it was told, its keys, its books, and the flows that are under way. Flows are driven by
//! tasks of their own; the adapter and the pages only look at them and hand them what the browser brought.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::adapter::{Outcome, Report};
use contract::time::{Span, Timestamp};
use serde_json::{Map, Value};
use tokio::sync::Notify;

use crate::audit::Audit;
use crate::clock::Clock;
use crate::conduct::{Conduct, Course, Fresh, Making, RecordDuty, TokenDuty};
use crate::consents::ConsentAsk;
use crate::diary::Diary;
use crate::draw::Draw;
use crate::http::Http;
use crate::keys::KeyCache;
use crate::options::{Options, Revocation};
use crate::protocol::metadata::Metadata;
use crate::refusal::Refusal;
use crate::sessions::Sessions;
use crate::signer::Signer;
use crate::store::{self, Store};
use crate::trust::Guard;
use crate::{BankError, broken, roles, smev};

/// How long a person may take at the portal before the bank takes no answer for a no.
pub(crate) const PATIENCE: Span = Span::from_minutes(20);

pub(crate) struct Bank {
    pub(crate) options: Options,
    pub(crate) origin: String,
    pub(crate) conduct: &'static dyn Conduct,
    pub(crate) clock: Arc<Clock>,
    pub(crate) draw: Draw,
    pub(crate) audit: Audit,
    pub(crate) diary: Diary,
    pub(crate) store: Store,
    pub(crate) http: Http,
    pub(crate) guard: Arc<Guard>,
    pub(crate) signer: Signer,
    pub(crate) keys: KeyCache,
    pub(crate) metadata: tokio::sync::Mutex<Option<Arc<Metadata>>>,
    pub(crate) sessions: Sessions,
    pub(crate) roles: roles::Roles,
    pub(crate) queue: smev::Queue,
    flows: Mutex<BTreeMap<String, Flow>>,
    moved: Notify,
    operations: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Report>>>>>,
    /// What the variants that mix things up keep for everybody.
    pub(crate) common: Mutex<Common>,
}

#[derive(Default)]
pub(crate) struct Common {
    pub(crate) made: HashMap<&'static str, String>,
    pub(crate) last_access: Option<String>,
    pub(crate) spare: HashMap<String, String>,
    pub(crate) nonces: Vec<String>,
    pub(crate) keys_shown: u64,
}

/// One call of an action, and what became of it.
#[derive(Clone)]
pub(crate) struct Flow {
    pub(crate) id: String,
    pub(crate) action: String,
    pub(crate) operation: String,
    pub(crate) customer: Option<String>,
    pub(crate) params: Map<String, Value>,
    /// The unguessable part of the address where the browser enters.
    pub(crate) entry: String,
    pub(crate) attempt: Option<Attempt>,
    pub(crate) report: Report,
    pub(crate) begun: Timestamp,
    /// The session value that the browser gets after the sign-in.
    pub(crate) signed_in: Option<String>,
}

/// A visit to the portal on behalf of a flow.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub(crate) state: String,
    pub(crate) nonce: Option<String>,
    pub(crate) verifier: Option<String>,
    /// The browser session that began it; empty until then.
    pub(crate) session: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirect_uri: String,
    pub(crate) level: Option<String>,
    pub(crate) consent: Option<ConsentAsk>,
    /// ESIA's `timestamp` of the authorisation request.
    pub(crate) timestamp: String,
    /// Digest of the code that was sent; a second one is not.
    pub(crate) code: Option<String>,
    pub(crate) is_over: bool,
}

impl Bank {
    pub(crate) fn open(options: Options, port: u16) -> Result<Arc<Self>, BankError> {
        let conduct = broken::conduct(options.defect.as_deref())
            .ok_or_else(|| BankError::UnknownDefect { slug: options.defect.clone().unwrap_or_default() })?;
        let clock = Arc::new(Clock::default());
        let draw = Draw::default();
        let key = store::key(&options.data, &draw)?;
        let signer = Signer::read(&options, conduct)?;
        let guard = Arc::new(Guard::new(&read_text(&options.ca)?, conduct, clock.clone())?);
        let identity = if options.protocol.is_esia() { None } else { signer.identity()? };
        let http = Http::new(guard.clone(), guard.client(identity)?, conduct)?;
        let trail_key = crypto::digest::sha256(&[key.as_slice(), b"audit"].concat());
        Ok(Arc::new(Self {
            origin: format!("https://localhost:{port}"),
            audit: Audit::open(&options.data.join("audit.jsonl"), &trail_key)?,
            diary: Diary::open(&options.data.join("bank.log"), conduct)?,
            store: Store::open(&options.data.join("bank.db"), &key)?,
            roles: roles::Roles::open(&options.data.join("roles.json"), &draw)?,
            keys: KeyCache::default(),
            metadata: tokio::sync::Mutex::default(),
            sessions: Sessions::default(),
            queue: smev::Queue::default(),
            flows: Mutex::default(),
            moved: Notify::new(),
            operations: Mutex::default(),
            common: Mutex::default(),
            options,
            conduct,
            clock,
            draw,
            http,
            guard,
            signer,
        }))
    }

    pub(crate) fn redirect_uri(&self) -> String {
        format!("{}/callback", self.origin)
    }

    /// An address at the portal.
    pub(crate) fn at(&self, path: &str) -> url::Url {
        let text = format!("{}{path}", self.options.portal);
        // The portal's origin was read as an address at the start; the path is ours.
        url::Url::parse(&text).unwrap_or_else(|_| ORIGIN_OF_NOTHING.clone())
    }

    pub(crate) fn checks_revocation(&self) -> bool {
        self.options.revocation == Revocation::Crl
    }

    /// A value that must be new each time, made as this bank makes it.
    pub(crate) fn make(&self, what: Fresh) -> Option<String> {
        let fresh = || match what {
            Fresh::State | Fresh::TokenState | Fresh::AssertionId | Fresh::IdempotencyKey => self.draw.uuid(),
            Fresh::Nonce | Fresh::Verifier => self.draw.token(),
        };
        let name = match what {
            Fresh::AssertionId => "jti",
            Fresh::IdempotencyKey => "key",
            Fresh::Nonce => "nonce",
            Fresh::State => "state",
            Fresh::TokenState => "token-state",
            Fresh::Verifier => "verifier",
        };
        match self.conduct.making(what) {
            Making::Drawn | Making::Derived => Some(fresh()),
            Making::Missing => None,
            Making::Repeated => Some(self.common().made.entry(name).or_insert_with(fresh).clone()),
            Making::Weak => {
                let mut common = self.common();
                common.keys_shown += 1;
                Some(format!("pay-{}", common.keys_shown))
            }
        }
    }

    pub(crate) fn common(&self) -> MutexGuard<'_, Common> {
        self.common.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One lock per operation: the same operation pressed twice is done once.
    pub(crate) fn operation(&self, id: &str) -> Arc<tokio::sync::Mutex<Option<Report>>> {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        operations.entry(id.to_owned()).or_default().clone()
    }

    pub(crate) fn flows(&self) -> MutexGuard<'_, BTreeMap<String, Flow>> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn flow(&self, id: &str) -> Option<Flow> {
        self.flows().get(id).cloned()
    }

    pub(crate) fn change<T>(&self, id: &str, change: impl FnOnce(&mut Flow) -> T) -> Option<T> {
        self.flows().get_mut(id).map(change)
    }

    /// The flow's report changed: those who wait look again.
    pub(crate) fn tell(&self, id: &str, report: Report) {
        let is_final = report.outcome != Outcome::Pending;
        self.change(id, |flow| {
            if is_final && let Some(attempt) = &mut flow.attempt {
                attempt.is_over = true;
            }
            flow.report = report;
        });
        self.moved.notify_waiters();
    }

    /// Ends a flow by a refusal: one line in the audit trail, one in the log, a reason for the person.
    pub(crate) fn end_refused(&self, id: &str, refusal: &Refusal) {
        self.audit.note(self.clock.now(), id, "flow.refused", Some((refusal.class.as_str(), &refusal.code)));
        self.diary.note(
            self.clock.now(),
            "refused",
            &[("flow", id), ("code", &refusal.code), ("why", &refusal.detail)],
        );
        let mut report = refusal.report();
        if !self.conduct.record(RecordDuty::ReasonGiven) {
            report.reason = None;
        }
        self.tell(id, report);
        if self.conduct.course() == Course::Crashes {
            // The variant that dies of surprise; an honest bank never comes here.
            std::process::exit(70);
        }
    }

    /// Waits until the flow has something new to say, at most this long.
    pub(crate) async fn settle(&self, id: &str, longest: Span) -> Option<Report> {
        let deadline = crate::clock::nap(longest);
        tokio::pin!(deadline);
        loop {
            let moved = self.moved.notified();
            let report = self.flow(id)?.report;
            if report.outcome != Outcome::Pending || report.browser.is_some() {
                return Some(report);
            }
            tokio::select! {
                () = &mut deadline => return Some(report),
                () = moved => {}
            }
        }
    }

    /// Waits until the flow is over, at most this long; answers its report as it then is.
    pub(crate) async fn finish(&self, id: &str, longest: Span) -> Option<Report> {
        let deadline = crate::clock::nap(longest);
        tokio::pin!(deadline);
        loop {
            let moved = self.moved.notified();
            let report = self.flow(id)?.report;
            if report.outcome != Outcome::Pending {
                return Some(report);
            }
            tokio::select! {
                () = &mut deadline => return Some(report),
                () = moved => {}
            }
        }
    }

    pub(crate) fn seals(&self) -> bool {
        self.conduct.token(TokenDuty::SealedAtRest)
    }

    /// Forgets everything: `/stend/reset`.
    pub(crate) fn reset(&self) {
        self.flows().clear();
        self.sessions.clear();
        self.store.erase("");
        self.audit.note(self.clock.now(), "reset", "bank.reset", None);
    }
}

impl Flow {
    /// Whether the person was asked and did not answer in time.
    pub(crate) fn is_unanswered(&self, now: Timestamp) -> bool {
        let waits = self.report.outcome == Outcome::Pending && self.report.browser.is_some();
        waits && now.since(self.begun) > PATIENCE
    }
}

pub(crate) fn pending() -> Report {
    Report { outcome: Outcome::Pending, reason: None, values: Map::new(), customer: None, browser: None }
}

pub(crate) fn done(values: Map<String, Value>) -> Report {
    Report { outcome: Outcome::Ok, values, ..pending() }
}

pub(crate) fn read_text(path: &Path) -> Result<String, BankError> {
    std::fs::read_to_string(path).map_err(|source| BankError::File { path: path.to_owned(), source })
}

static ORIGIN_OF_NOTHING: std::sync::LazyLock<url::Url> = std::sync::LazyLock::new(|| {
    // A constant that parses.
    url::Url::parse("https://localhost/").expect("a constant address")
});
