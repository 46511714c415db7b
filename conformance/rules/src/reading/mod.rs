//! What a recording says, read once for all rules: authorisation requests, answers to the browser, token calls, tokens and
//! whom they were issued for, data calls, notices, handshakes, the bank's flows, and the lies told.
//!
//! Attribution goes by citizen, flow, code and token value, never by who wrote the bank: a bearer value leads to the token
//! answer in which it was served, and so to a citizen. Nothing is trusted; what cannot be read is absent.

pub mod check;
pub mod facts;
pub mod matters;
pub mod signed;
pub mod soap;
pub mod sockets;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};

use contract::adapter::{Outcome, Report};
use contract::exchange::{Exchange, Party};
use contract::journal::{Entry, kinds};
use serde_json::Value;

use crate::finding::Evidence;
use crate::trace::{Act, Canary, Person, Probe, Protocol, Reported, Trace, What};
use wire::Params;

/// A recording, read.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The recording itself.
    pub trace: &'a Trace,
    /// All exchanges in order of their start.
    pub exchanges: Vec<&'a Exchange>,
    /// Authorisation requests, one for each that the bank made (a reload is the same one).
    pub asks: Vec<Ask<'a>>,
    /// Visits of a browser to the bank's redirect address.
    pub callbacks: Vec<Callback<'a>>,
    /// Calls of the token endpoint.
    pub token_calls: Vec<TokenCall<'a>>,
    /// Calls for a person's data or records.
    pub data_calls: Vec<DataCall<'a>>,
    /// Notices that the portal sent to the bank.
    pub hooks: Vec<Hook<'a>>,
    /// What the portal asked of the bank's accounts (ACC-1), in the form of a notice.
    pub banking: Vec<Hook<'a>>,
    /// Handshakes of note.
    pub handshakes: Vec<Handshake<'a>>,
    /// The bank's flows by the adapter's names, in order of their start.
    pub flows: Vec<Flow<'a>>,
    /// Lies told, in order.
    pub lies: Vec<Lie<'a>>,
    /// The portal's journal.
    pub journal: Vec<&'a Entry>,
    /// Deeds of the suite, with their time.
    pub acts: Vec<(i64, &'a Act)>,
    /// Questions to the bank, with their time.
    pub probes: Vec<(i64, &'a Probe)>,
    /// Planted values found.
    pub canaries: Vec<&'a Canary>,
    /// Requests with a `client_secret` in order, each with what its signature is by the registered certificates.
    pub signed: Vec<(signed::Signed<'a>, signed::Proof)>,
    /// Calls of the message exchange.
    pub envelopes: Vec<soap::Envelope<'a>>,
    /// Event streams that the bank opened.
    pub sockets: Vec<sockets::Socket<'a>>,
    tokens: BTreeMap<&'a str, Served>,
}

/// An authorisation request as the bank sent it through the browser.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Its first exchange.
    pub exchange: &'a Exchange,
    /// All parameters: of the address, and of the pushed request where one was used.
    pub params: Params,
    /// The portal's flow.
    pub flow: Option<&'a str>,
    /// The citizen, once known.
    pub citizen: Option<i64>,
    /// How often the bank issued exactly this request (more than once: nothing in it was fresh).
    pub issued: usize,
}

/// A browser at the bank's redirect address.
#[derive(Clone, Debug)]
pub struct Callback<'a> {
    /// The visit.
    pub exchange: &'a Exchange,
    /// Parameters of the answer.
    pub params: Params,
}

/// A call of the token endpoint.
#[derive(Clone, Debug)]
pub struct TokenCall<'a> {
    /// The call.
    pub exchange: &'a Exchange,
    /// Parameters of address and body together.
    pub params: Params,
    /// Parameters of the address alone.
    pub in_url: Params,
    /// The citizen it is about, as far as the wire tells.
    pub citizen: Option<i64>,
    /// The portal's flow.
    pub flow: Option<&'a str>,
    /// The answer's JSON.
    pub answer: Option<Value>,
}

/// A call that asks for a person's data or records.
#[derive(Clone, Debug)]
pub struct DataCall<'a> {
    /// The call.
    pub exchange: &'a Exchange,
    /// Path without extra slashes.
    pub path: String,
    /// What kind of data.
    pub area: Area,
    /// The bearer token shown.
    pub bearer: Option<&'a str>,
    /// The citizen the call asks about.
    pub asked: Option<i64>,
    /// Parameters of the address.
    pub params: Params,
}

/// What a data call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// `/rs/…`, user info.
    Person,
    /// `/api/…/consents`.
    Consent,
    /// The data services: registries, matters, payments, documents, and deferred answers.
    Service,
}

/// A notice from the portal.
#[derive(Clone, Debug)]
pub struct Hook<'a> {
    /// Delivery and the bank's answer.
    pub exchange: &'a Exchange,
    /// Body.
    pub body: Value,
    /// The event's id.
    pub id: Option<String>,
}

/// A handshake of note, from the journal.
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Whether it was completed.
    pub completed: bool,
    /// Bytes of requests that came over it.
    pub app_bytes: Option<i64>,
    /// The lie told in it.
    pub fault: Option<&'a str>,
}

/// A flow of the bank, as the adapter names it.
#[derive(Clone, Debug)]
pub struct Flow<'a> {
    /// Its id.
    pub id: &'a str,
    /// What was asked.
    pub action: &'a str,
    /// Idempotency id.
    pub operation: &'a str,
    /// The citizen of the scenario.
    pub person: Option<&'a Person>,
    /// Parameters of the request.
    pub params: &'a Value,
    /// When it was asked for.
    pub start_us: i64,
    /// Whether the start was seen, or only concluded from the first report.
    pub start_seen: bool,
    /// When the last report was had.
    pub end_us: i64,
    /// The bank's words, in order.
    pub reports: Vec<&'a Reported>,
}

/// A lie that the portal (or an attacker) told.
#[derive(Clone, Debug)]
pub struct Lie<'a> {
    /// Its slug.
    pub fault: &'a str,
    /// When.
    pub wall_us: i64,
    /// Where, when it stood in an exchange.
    pub exchange: Option<&'a Exchange>,
    /// The journal's word on it.
    pub entry: Option<&'a Entry>,
    /// About whom.
    pub citizen: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Served {
    call: usize,
    kind: Kind,
}

/// Kinds of token in a token answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Access or data token.
    Access,
    /// ID token.
    Id,
    /// Refresh token.
    Refresh,
}

const AUTHORISE: &[&str] = &["/aas/oauth2/ac", "/aas/oauth2/v2/ac", "/oidc/authorize"];
const TOKEN: &[&str] = &["/aas/oauth2/te", "/aas/oauth2/v2/te", "/aas/oauth2/v3/te", "/oidc/token"];
/// Where the portal asks the bank for accounts and transfers.
const BANKING: &str = "/portal/banking";
const JWKS: &str = "/.well-known/jwks.json";
/// Calls that give a token up or ask what it is worth: never a use of it.
const HARMLESS: &[&str] = &["/oidc/revoke", "/oidc/introspect", "/oidc/end-session"];

impl<'a> Reading<'a> {
    /// Reads a recording.
    pub fn of(trace: &'a Trace) -> Self {
        let mut reading = Self {
            trace,
            exchanges: Vec::new(),
            asks: Vec::new(),
            callbacks: Vec::new(),
            token_calls: Vec::new(),
            data_calls: Vec::new(),
            hooks: Vec::new(),
            banking: Vec::new(),
            handshakes: Vec::new(),
            flows: Vec::new(),
            lies: Vec::new(),
            journal: Vec::new(),
            acts: Vec::new(),
            probes: Vec::new(),
            canaries: Vec::new(),
            tokens: BTreeMap::new(),
            signed: Vec::new(),
            envelopes: Vec::new(),
            sockets: Vec::new(),
        };
        let mut reports = Vec::new();
        for event in &trace.events {
            match &event.what {
                What::Act(act) => reading.acts.push((event.wall_us, act)),
                What::Canary(canary) => reading.canaries.push(canary),
                What::Exchange(exchange) => reading.exchanges.push(exchange),
                What::Journal(entry) => reading.journal.push(entry),
                What::Probe(probe) => reading.probes.push((event.wall_us, probe)),
                What::Reported(reported) => reports.push((event.wall_us, reported)),
            }
        }
        reading.exchanges.sort_by_key(|exchange| exchange.started_us);
        reading.read_flows(&reports);
        reading.read_wire();
        reading.read_lies();
        reading.signed = signed::read(&reading);
        reading.envelopes = soap::read(&reading);
        reading.sockets = sockets::read(&reading);
        reading
    }

    fn read_flows(&mut self, reports: &[(i64, &'a Reported)]) {
        // What was asked for stands as a flow even where the bank never answered.
        for (wall_us, act) in self.acts.clone() {
            let text = |name: &str| act.data.get(name).and_then(Value::as_str);
            let Some(flow) = text("flow").filter(|_| act.actor == "bank") else { continue };
            if self.flows.iter().any(|known| known.id == flow) {
                continue;
            }
            self.flows.push(Flow {
                id: flow,
                action: &act.what,
                operation: text("operation").unwrap_or_default(),
                person: self.named(text("person")),
                params: act.data.get("params").unwrap_or(&Value::Null),
                start_us: wall_us,
                start_seen: true,
                end_us: wall_us,
                reports: Vec::new(),
            });
        }
        for (wall_us, reported) in reports.iter().copied() {
            match self.flows.iter_mut().find(|flow| flow.id == reported.flow) {
                Some(flow) => {
                    flow.reports.push(reported);
                    flow.end_us = flow.end_us.max(wall_us);
                    flow.start_us = flow.start_us.min(wall_us);
                }
                None => self.flows.push(Flow {
                    id: &reported.flow,
                    action: &reported.action,
                    operation: &reported.operation,
                    person: self.named(reported.person.as_deref()),
                    params: &reported.params,
                    start_us: wall_us,
                    start_seen: false,
                    end_us: wall_us,
                    reports: vec![reported],
                }),
            }
        }
        self.flows.sort_by_key(|flow| flow.start_us);
    }

    fn named(&self, name: Option<&str>) -> Option<&'a Person> {
        self.trace.people.iter().find(|person| Some(person.name.as_str()) == name)
    }

    fn read_wire(&mut self) {
        let owners = self.owners();
        let pushed = self.pushed();
        let redirect_path = wire::path(&self.trace.bank.redirect_uri);
        let exchanges = self.exchanges.clone();
        for exchange in exchanges {
            let path = wire::path(&exchange.request.url);
            match (exchange.from, exchange.to) {
                (Party::Portal, Party::Bank) if path == BANKING => self.banking.push(hook(exchange)),
                (Party::Portal, Party::Bank) => self.hooks.push(hook(exchange)),
                (Party::Attacker | Party::Browser | Party::Suite, Party::Bank) if path == redirect_path => {
                    let mut params = wire::query(&exchange.request.url);
                    params.extend(wire::form(exchange));
                    self.callbacks.push(Callback { exchange, params });
                }
                (Party::Bank | Party::Browser, Party::Portal) if AUTHORISE.contains(&path.as_str()) => {
                    self.read_ask(exchange, &pushed, &owners);
                }
                (Party::Bank, Party::Portal) if TOKEN.contains(&path.as_str()) => {
                    self.read_token_call(exchange, &owners);
                }
                (Party::Bank, Party::Portal) => {
                    if let Some(area) = area(&path) {
                        let params = wire::query(&exchange.request.url);
                        let asked = asked(&path, &params, exchange);
                        let bearer = wire::bearer(exchange);
                        self.data_calls.push(DataCall { exchange, path, area, bearer, asked, params });
                    }
                }
                _ => {}
            }
        }
        for entry in self.entries(kinds::HANDSHAKE) {
            if entry.data.get("by").and_then(Value::as_str) == Some("browser") {
                continue;
            }
            self.handshakes.push(Handshake {
                entry,
                completed: entry.data.get("result").and_then(Value::as_str) == Some("completed"),
                app_bytes: entry.data.get("app_bytes").and_then(Value::as_i64),
                fault: entry.data.get("fault").and_then(Value::as_str),
            });
        }
    }

    /// Portal flow → citizen, from everything that names both.
    fn owners(&self) -> BTreeMap<&'a str, i64> {
        let by_exchange =
            self.exchanges.iter().filter_map(|exchange| Some((exchange.flow.as_deref()?, exchange.citizen?)));
        let by_entry = self.journal.iter().filter_map(|entry| Some((entry.flow.as_deref()?, entry.citizen?)));
        by_exchange.chain(by_entry).collect()
    }

    /// `request_uri` → parameters pushed.
    fn pushed(&self) -> BTreeMap<String, Params> {
        let calls = self.exchanges.iter().filter(|exchange| wire::path(&exchange.request.url) == "/oidc/par");
        calls
            .filter_map(|exchange| {
                let answer = wire::answer_json(exchange)?;
                Some((answer.get("request_uri")?.as_str()?.to_owned(), wire::form(exchange)))
            })
            .collect()
    }

    fn read_ask(&mut self, exchange: &'a Exchange, pushed: &BTreeMap<String, Params>, owners: &BTreeMap<&'a str, i64>) {
        let flow = exchange.flow.as_deref();
        let citizen = exchange.citizen.or_else(|| owners.get(flow?).copied());
        let url = exchange.request.url.as_str();
        if let Some(known) = self
            .asks
            .iter_mut()
            .find(|ask| ask.exchange.request.url == url && ask.exchange.request.body == exchange.request.body)
        {
            known.citizen = known.citizen.or(citizen);
            known.flow = known.flow.or(flow);
            return;
        }
        let mut params = wire::query(url);
        params.extend(wire::form(exchange));
        if let Some(inner) = wire::first(&params, "request_uri").and_then(|uri| pushed.get(uri)) {
            let authentication = ["client_assertion", "client_assertion_type"];
            let own: BTreeSet<String> = params.iter().map(|(name, _)| name.clone()).collect();
            params.extend(
                inner
                    .iter()
                    .filter(|(name, _)| !own.contains(name) && !authentication.contains(&name.as_str()))
                    .cloned(),
            );
        }
        let issued = self.issuances(url).max(1);
        self.asks.push(Ask { exchange, params, flow, citizen, issued });
    }

    /// How many pages of the bank sent a browser to exactly this address.
    fn issuances(&self, url: &str) -> usize {
        let redirects = self.exchanges.iter().filter(|exchange| {
            exchange.to == Party::Bank && wire::got(exchange, "location").is_some_and(|location| location == url)
        });
        let pages: BTreeSet<&str> = redirects.map(|exchange| exchange.request.url.as_str()).collect();
        let told: BTreeSet<&str> = self
            .flows
            .iter()
            .filter(|flow| flow.reports.iter().any(|r| r.report.browser.as_ref().is_some_and(|b| b.url == url)))
            .map(|flow| flow.id)
            .collect();
        pages.len() + told.len()
    }

    fn read_token_call(&mut self, exchange: &'a Exchange, owners: &BTreeMap<&'a str, i64>) {
        let in_url = wire::query(&exchange.request.url);
        let mut params = in_url.clone();
        params.extend(wire::form(exchange));
        let answer = (wire::status(exchange) / 100 == 2).then(|| wire::answer_json(exchange)).flatten();
        let flow = exchange.flow.as_deref().or_else(|| {
            let code = wire::first(&params, "code")?;
            self.ask_of_code(code).and_then(|ask| ask.flow)
        });
        let named = answer.as_ref().and_then(|answer| {
            ["access_token", "id_token"]
                .iter()
                .find_map(|name| wire::subject(&wire::jwt(answer.get(name)?.as_str()?)?.claims))
        });
        let citizen = exchange
            .citizen
            .or_else(|| owners.get(flow?).copied())
            .or_else(|| wire::scope_oid(wire::first(&params, "scope")?))
            .or_else(|| self.citizen_of_token(wire::first(&params, "refresh_token")?))
            .or(named);
        let call = self.token_calls.len();
        if let Some(response) = &exchange.response
            && let Ok(BorrowedAnswer { access_token, id_token, refresh_token }) =
                serde_json::from_str::<BorrowedAnswer<'a>>(response.body.text())
        {
            let served = [(access_token, Kind::Access), (id_token, Kind::Id), (refresh_token, Kind::Refresh)];
            for (value, kind) in served.into_iter().filter_map(|(value, kind)| Some((value?, kind))) {
                self.tokens.entry(value).or_insert(Served { call, kind });
            }
        }
        self.token_calls.push(TokenCall { exchange, params, in_url, citizen, flow, answer });
    }

    fn read_lies(&mut self) {
        let told = self.entries(kinds::FAULT_TOLD);
        // A lie that somebody else met says nothing of the bank.
        let of_others = |exchange: &Exchange| exchange.from == Party::Attacker && exchange.to == Party::Portal;
        for exchange in self.exchanges.iter().copied().filter(|exchange| !of_others(exchange)) {
            for fault in &exchange.faults {
                let entry = told
                    .iter()
                    .copied()
                    .find(|entry| entry.exchange == Some(exchange.id) && fault_of(entry) == Some(fault));
                let citizen =
                    exchange.citizen.or_else(|| entry?.citizen).or_else(|| self.citizen_of_exchange(exchange));
                self.lies.push(Lie { fault, wall_us: exchange.started_us, exchange: Some(exchange), entry, citizen });
            }
        }
        for entry in told {
            let Some(fault) = fault_of(entry) else { continue };
            if self.lies.iter().any(|lie| lie.entry.is_some_and(|known| known.n == entry.n)) {
                continue;
            }
            let exchange = self.exchange_of(entry);
            if exchange.is_some_and(|exchange| exchange.faults.iter().any(|known| known == fault)) {
                continue;
            }
            self.lies.push(Lie { fault, wall_us: entry.wall_us, exchange, entry: Some(entry), citizen: entry.citizen });
        }
        for handshake in &self.handshakes {
            if let Some(fault) = handshake.fault {
                let (wall_us, entry) = (handshake.entry.wall_us, Some(handshake.entry));
                self.lies.push(Lie { fault, wall_us, exchange: None, entry, citizen: None });
            }
        }
        self.lies.sort_by_key(|lie| lie.wall_us);
    }

    // ---- questions ----

    /// Lies with one of these slugs.
    pub fn told(&self, faults: &[&str]) -> Vec<&Lie<'a>> {
        self.lies.iter().filter(|lie| faults.contains(&lie.fault)).collect()
    }

    /// Whether one of these lies was made ready, told or not.
    pub fn armed(&self, faults: &[&str]) -> bool {
        let by_act = self.acts.iter().any(|(_, act)| {
            let named = act.data.get("fault").and_then(Value::as_str).unwrap_or_default();
            act.actor == "portal" && faults.contains(&named)
        });
        by_act
            || self.journal.iter().any(|entry| {
                entry.kind == kinds::FAULT_ARMED && fault_of(entry).is_some_and(|fault| faults.contains(&fault))
            })
    }

    /// Deeds of the suite with this name.
    pub fn deeds(&self, what: &str) -> Vec<(i64, &'a Act)> {
        self.acts.iter().copied().filter(|(_, act)| act.what == what).collect()
    }

    /// Journal entries of a kind, without what the suite did in the bank's place.
    pub fn entries(&self, kind: &str) -> Vec<&'a Entry> {
        let of_kind = self.journal.iter().copied().filter(|entry| entry.kind == kind);
        of_kind.filter(|entry| !self.is_attackers(entry)).collect()
    }

    /// The exchange in which it happened.
    pub fn exchange_of(&self, entry: &Entry) -> Option<&'a Exchange> {
        let id = entry.exchange?;
        self.exchanges.iter().copied().find(|exchange| exchange.id == id && exchange.sandbox == entry.sandbox)
    }

    /// Whether it happened in a call of the suite itself, as a stranger or with the bank's key: never the bank's deed.
    pub fn is_attackers(&self, entry: &Entry) -> bool {
        self.exchange_of(entry).is_some_and(|exchange| exchange.from == Party::Attacker)
    }

    /// Requests of the bank itself.
    pub fn by_bank(&self) -> impl Iterator<Item = &'a Exchange> {
        self.exchanges.iter().copied().filter(|exchange| exchange.from == Party::Bank)
    }

    /// Whatever reached the foreign host.
    pub fn foreign(&self) -> Vec<&'a Exchange> {
        self.exchanges.iter().copied().filter(|exchange| exchange.to == Party::Foreign).collect()
    }

    /// Fetches of the portal's key set.
    pub fn key_fetches(&self) -> Vec<&'a Exchange> {
        self.by_bank().filter(|exchange| wire::path(&exchange.request.url) == JWKS).collect()
    }

    /// The person with this OID.
    pub fn person(&self, oid: i64) -> Option<&'a Person> {
        self.trace.people.iter().find(|person| person.oid == oid)
    }

    /// The token call in which a token was first served.
    pub fn origin_of_token(&self, value: &str) -> Option<&TokenCall<'a>> {
        self.tokens.get(value).and_then(|served| self.token_calls.get(served.call))
    }

    /// The citizen that a token was issued for.
    pub fn citizen_of_token(&self, value: &str) -> Option<i64> {
        self.origin_of_token(value).and_then(|call| call.citizen)
    }

    /// Tokens first served in this call.
    pub fn tokens_of(&self, call: &TokenCall<'_>) -> Vec<(&'a str, Kind)> {
        let is =
            |index: usize| self.token_calls.get(index).is_some_and(|known| std::ptr::eq(known.exchange, call.exchange));
        self.tokens.iter().filter(|(_, served)| is(served.call)).map(|(value, served)| (*value, served.kind)).collect()
    }

    /// Every token served in the recording.
    pub fn all_tokens(&self) -> impl Iterator<Item = (&'a str, Kind)> {
        self.tokens.iter().map(|(value, served)| (*value, served.kind))
    }

    /// The authorisation request whose answer held this code.
    pub fn ask_of_code(&self, code: &str) -> Option<&Ask<'a>> {
        let answer = self.exchanges.iter().copied().find(|exchange| {
            exchange.to == Party::Portal
                && wire::got(exchange, "location").is_some_and(|to| wire::all(&wire::query(to), "code").contains(&code))
        })?;
        if let Some(flow) = answer.flow.as_deref()
            && let Some(ask) = self.asks.iter().find(|ask| ask.flow == Some(flow))
        {
            return Some(ask);
        }
        let location = wire::query(wire::got(answer, "location")?);
        let state = wire::first(&location, "state")?;
        self.asks.iter().find(|ask| wire::first(&ask.params, "state") == Some(state))
    }

    /// Whom an exchange is about, by its own word, its flow, its token or its address.
    pub fn citizen_of_exchange(&self, exchange: &Exchange) -> Option<i64> {
        exchange
            .citizen
            .or_else(|| {
                let flow = exchange.flow.as_deref()?;
                self.asks.iter().find(|ask| ask.flow == Some(flow)).and_then(|ask| ask.citizen)
            })
            .or_else(|| self.citizen_of_token(wire::bearer(exchange)?))
            .or_else(|| self.token_calls.iter().find(|call| std::ptr::eq(call.exchange, exchange))?.citizen)
            .or_else(|| self.data_calls.iter().find(|call| std::ptr::eq(call.exchange, exchange))?.asked)
    }

    /// The citizen of a flow.
    pub fn citizen_of_flow(&self, flow: &Flow<'_>) -> Option<i64> {
        flow.person.map(|person| person.oid)
    }

    /// The flow in which a lie was told: the latest that was open then and is about the same person.
    pub fn flow_of(&self, lie: &Lie<'_>) -> Option<&Flow<'a>> {
        self.flow_at(lie.wall_us, lie.citizen)
    }

    /// The flow that was open at a time, about a person if one is named.
    pub fn flow_at(&self, wall_us: i64, citizen: Option<i64>) -> Option<&Flow<'a>> {
        let about = |flow: &&Flow<'a>| match (citizen, flow.person) {
            (Some(oid), Some(person)) => person.oid == oid,
            _ => true,
        };
        let candidates: Vec<&Flow<'a>> = self.flows.iter().filter(about).collect();
        let open = candidates.iter().filter(|flow| flow.start_us <= wall_us && wall_us <= flow.end_us);
        if let Some(flow) = open.max_by_key(|flow| flow.start_us) {
            return Some(flow);
        }
        let unseen = candidates.iter().filter(|flow| !flow.start_seen && flow.end_us >= wall_us);
        if let Some(flow) = unseen.min_by_key(|flow| flow.end_us) {
            return Some(flow);
        }
        candidates.into_iter().filter(|flow| flow.start_us <= wall_us).max_by_key(|flow| flow.start_us)
    }

    /// Calls of the bank that use a token after a time. Giving it up or asking about it is no use.
    pub fn uses_of(&self, token: &str, after_us: i64) -> Vec<&'a Exchange> {
        self.by_bank()
            .filter(|exchange| exchange.started_us >= after_us && wire::carries(exchange, token))
            .filter(|exchange| !HARMLESS.contains(&wire::path(&exchange.request.url).as_str()))
            .collect()
    }

    /// Token calls that send a code after a time.
    pub fn sends_of_code(&self, code: &str, after_us: i64) -> Vec<&'a Exchange> {
        self.by_bank().filter(|exchange| exchange.started_us >= after_us && wire::carries(exchange, code)).collect()
    }

    /// Whether the bank did anything on the wire at all.
    pub fn bank_called(&self) -> bool {
        self.by_bank().next().is_some()
    }

    /// Whether the protocol is one of ESIA's.
    pub fn is_esia(&self) -> bool {
        matches!(self.trace.case.protocol, Protocol::EsiaV1 | Protocol::EsiaV3)
    }

    /// Service calls for a citizen.
    pub fn service_calls(&self, oid: i64) -> impl Iterator<Item = &DataCall<'a>> {
        self.data_calls.iter().filter(move |call| call.area == Area::Service && self.whom(call) == Some(oid))
    }

    /// Whom a data call asks about.
    pub fn whom(&self, call: &DataCall<'a>) -> Option<i64> {
        call.asked.or(call.exchange.citizen).or_else(|| self.citizen_of_token(call.bearer?))
    }

    /// Id of the consent that a data call's token was given for.
    pub fn consent_of(&self, call: &DataCall<'a>) -> Option<&str> {
        self.origin_of_token(call.bearer?)?.answer.as_ref()?.get("consent")?.as_str()
    }
}

impl<'a> Flow<'a> {
    /// The bank's last word.
    pub fn last(&self) -> Option<&'a Report> {
        self.reports.last().map(|reported| &reported.report)
    }

    /// The bank's last outcome.
    pub fn outcome(&self) -> Option<Outcome> {
        self.last().map(|report| report.outcome)
    }

    /// The last report's values.
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.last().and_then(|report| report.values.get(name))
    }

    /// The name of the citizen, or a dash.
    pub fn who(&self) -> &'a str {
        self.person.map_or("-", |person| person.name.as_str())
    }

    /// Evidence: the last report.
    pub fn evidence(&self) -> Evidence {
        let seen = match self.last() {
            Some(report) => {
                let reason = report
                    .reason
                    .as_ref()
                    .map_or_else(String::new, |reason| format!(", {}: {}", reason.class.as_str(), reason.message));
                format!("{} → {:?}{reason}", self.action, report.outcome).to_lowercase()
            }
            None => format!("{}: no report", self.action),
        };
        Evidence { at: format!("report:{}", self.id), seen }
    }
}

impl<'a> TokenCall<'a> {
    /// The first value of a parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        wire::first(&self.params, name)
    }

    /// The grant type.
    pub fn grant(&self) -> &str {
        self.param("grant_type").unwrap_or_default()
    }

    /// A text member of the answer.
    pub fn answered(&self, name: &str) -> Option<&str> {
        self.answer.as_ref()?.get(name)?.as_str()
    }
}

impl DataCall<'_> {
    /// The resource: method and path.
    pub fn resource(&self) -> String {
        format!("{} {}", self.exchange.request.method, self.path)
    }

    /// The JSON body sent.
    pub fn body(&self) -> Option<Value> {
        wire::request_json(self.exchange)
    }

    /// The JSON answered with a status of success.
    pub fn answer(&self) -> Option<Value> {
        if wire::status(self.exchange) / 100 == 2 { wire::answer_json(self.exchange) } else { None }
    }

    /// Whether an honest, whole answer came.
    pub fn honest(&self) -> bool {
        self.exchange.delivered && self.exchange.faults.is_empty()
    }
}

impl Handshake<'_> {
    /// Protocol versions the client offered, normalised to `1.2`.
    pub fn versions(&self) -> Vec<String> {
        texts(&self.entry.data, "versions")
            .into_iter()
            .map(|text| text.to_ascii_lowercase().replace(['_', ' ', 'v'], ".").replace("tls", ""))
            .map(|text| text.trim_matches('.').to_owned())
            .collect()
    }

    /// Suites the client offered.
    pub fn suites(&self) -> Vec<String> {
        texts(&self.entry.data, "suites")
    }
}

#[derive(serde::Deserialize)]
struct BorrowedAnswer<'a> {
    #[serde(borrow, default)]
    access_token: Option<&'a str>,
    #[serde(borrow, default)]
    id_token: Option<&'a str>,
    #[serde(borrow, default)]
    refresh_token: Option<&'a str>,
}

/// Evidence: an exchange.
pub fn at(exchange: &Exchange, seen: impl Into<String>) -> Evidence {
    Evidence { at: format!("exchange:{}", exchange.id), seen: seen.into() }
}

/// Evidence: an exchange, by its method, path and status.
pub fn line(exchange: &Exchange) -> Evidence {
    let answer = match &exchange.response {
        Some(response) => response.status.to_string(),
        None => "no answer".to_owned(),
    };
    at(exchange, format!("{} {} → {answer}", exchange.request.method, wire::path(&exchange.request.url)))
}

/// Evidence: a journal entry.
pub fn noted(entry: &Entry) -> Evidence {
    Evidence { at: format!("journal:{}", entry.n), seen: format!("{} {}", entry.kind, entry.data) }
}

/// Evidence: a lie.
pub fn lied(lie: &Lie<'_>) -> Evidence {
    match (lie.exchange, lie.entry) {
        (Some(exchange), _) => at(exchange, format!("lie told: {}", lie.fault)),
        (None, Some(entry)) => {
            Evidence { at: format!("journal:{}", entry.n), seen: format!("lie told: {}", lie.fault) }
        }
        (None, None) => Evidence { at: format!("act:{}", lie.fault), seen: "deed of the attacker".to_owned() },
    }
}

fn fault_of(entry: &Entry) -> Option<&str> {
    entry.data.get("fault").and_then(Value::as_str)
}

fn texts(data: &Value, name: &str) -> Vec<String> {
    let items = data.get(name).and_then(Value::as_array);
    items.map(|items| items.iter().filter_map(Value::as_str).map(str::to_owned).collect()).unwrap_or_default()
}

fn hook(exchange: &Exchange) -> Hook<'_> {
    let body = wire::request_json(exchange).unwrap_or(Value::Null);
    let id = body.get("id").and_then(Value::as_str).map(str::to_owned);
    Hook { exchange, body, id }
}

fn area(path: &str) -> Option<Area> {
    if path.starts_with("/rs/") || path == "/oidc/userinfo" || path.starts_with("/esia-rs/") {
        return Some(Area::Person);
    }
    let mut parts = path.strip_prefix("/api/")?.split('/').skip(1);
    match parts.next()? {
        "consents" => Some(Area::Consent),
        // Open to everybody, about nobody.
        "errors" | "reference" => None,
        _ => Some(Area::Service),
    }
}

fn asked(path: &str, params: &Params, exchange: &Exchange) -> Option<i64> {
    if let Some(rest) = path.strip_prefix("/rs/prns/") {
        return rest.split('/').next()?.parse().ok();
    }
    if let Some(person) = wire::first(params, "person") {
        return person.parse().ok();
    }
    let body = wire::request_json(exchange)?;
    let person = body.get("person")?;
    person.as_i64().or_else(|| person.as_str()?.parse().ok())
}
