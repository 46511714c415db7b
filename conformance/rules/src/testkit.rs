//! Builders of hand-made recordings. A scene gives a correct thing by default; a test states only what it is about.

use std::collections::BTreeMap;

use contract::adapter::{Outcome, Reason, ReasonClass, Report};
use contract::exchange::{Body, Exchange, Party, Request, Response, Tls};
use contract::journal::Entry;
use contract::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::finding::Verdict;
use crate::trace::*;

pub(crate) const PORTAL: &str = "https://localhost:8443";
pub(crate) const FOREIGN: &str = "https://127.0.0.1:8444";
pub(crate) const BANK: &str = "https://localhost:9443";
pub(crate) const CALLBACK: &str = "https://localhost:9443/callback";
/// What the sandbox's clock says when a recording begins.
pub(crate) const CLOCK_MS: i64 = 1_795_000_000_000;
pub(crate) const ANNA: i64 = 1_000_299_944;
pub(crate) const BORIS: i64 = 1_000_299_945;

/// A recording being written, with a wall clock (microseconds) and a sandbox clock (milliseconds) that both move on.
pub(crate) struct Scene {
    pub(crate) trace: Trace,
    wall_us: i64,
    clock_ms: i64,
    counter: u64,
}

/// What a link left behind.
pub(crate) struct Link {
    pub(crate) flow: String,
    pub(crate) redirect: usize,
    pub(crate) callback: usize,
    pub(crate) exchange: usize,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) code: String,
    pub(crate) state: String,
}

/// Gives a parameter another value.
pub(crate) fn set(pairs: &mut Vec<(String, String)>, name: &str, value: &str) {
    pairs.retain(|(known, _)| known != name);
    pairs.push((name.to_owned(), value.to_owned()));
}

pub(crate) fn params(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(crate) fn jwt(header: &Value, claims: &Value) -> String {
    use base64::Engine;
    let part = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2lnbmF0dXJl", part(header), part(claims))
}

pub(crate) fn challenge(verifier: &str) -> String {
    use base64::Engine;
    use sha2::{Digest, Sha256};
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// What a rule says of a recording.
pub(crate) fn verdict(id: &str, scene: &Scene) -> Verdict {
    crate::judge(crate::rule(id).unwrap(), &scene.trace).verdict
}

impl Scene {
    pub(crate) fn new(protocol: Protocol) -> Self {
        let person = |name: &str, oid: i64, last: &str, snils: &str| Person {
            name: name.to_owned(),
            slug: format!("{name}-confirmed"),
            oid,
            view: json!({
                "last_name": last, "first_name": "Иван", "snils": snils, "inn": "500100732259",
                "phone": "+7(000)0000006", "email": "common@mail.example", "account": "confirmed",
                "birth_date": "1980-02-29", "documents": [],
            }),
            customer: None,
        };
        let trace = Trace {
            schema: "1".to_owned(),
            case: Case {
                id: format!("scene/{}", protocol.as_str()),
                scenario: "scene".to_owned(),
                row: None,
                protocol,
                seed: 1,
                requirements: Vec::new(),
            },
            bank: BankFacts {
                client_id: "BANK01".to_owned(),
                redirect_uri: CALLBACK.to_owned(),
                origin: BANK.to_owned(),
                claims: Vec::new(),
                certificates: Vec::new(),
                other_certificates: Vec::new(),
                tls_certificate: None,
                revocation_check: Some("crl".to_owned()),
                clock_movable: true,
            },
            portal: PortalFacts {
                origin: PORTAL.to_owned(),
                foreign_origin: FOREIGN.to_owned(),
                esia_issuer: "http://esia.gosuslugi.ru/".to_owned(),
                oidc_issuer: PORTAL.to_owned(),
                limits: Limits::default(),
                jwks: json!({"keys": []}),
                tls_certificate: None,
            },
            people: vec![
                person("anna", ANNA, "Иванова", "000-000-600 06"),
                person("boris", BORIS, "Петров", "000-000-700 07"),
            ],
            events: Vec::new(),
            twin: Some(Twin {
                case_id: "scene-twin".to_owned(),
                ended_well: true,
                why_not: None,
                calls: BTreeMap::from([("POST /te".to_owned(), 1)]),
                outcomes: BTreeMap::new(),
                duration_us: 1,
            }),
            alive: Some(Alive { ended_well: true, why_not: None }),
            unmet: Vec::new(),
        };
        Self { trace, wall_us: 1_800_000_000_000_000, clock_ms: CLOCK_MS, counter: 0 }
    }

    pub(crate) fn oidc() -> Self {
        Self::new(Protocol::Oidc)
    }

    fn is_oidc(&self) -> bool {
        self.trace.case.protocol == Protocol::Oidc
    }

    pub(crate) fn pass_ms(&mut self, ms: i64) {
        self.wall_us += ms * 1000;
        self.clock_ms += ms;
    }

    /// Moves the sandbox's clock alone, as the clock actor does.
    pub(crate) fn advance_ms(&mut self, ms: i64) {
        self.clock_ms += ms;
        self.act("clock", "advance", json!({"by": ms}));
        self.journal("clock.moved", None, json!({}));
    }

    fn push(&mut self, what: What) -> usize {
        self.pass_ms(10);
        self.trace.events.push(Event { wall_us: self.wall_us, what });
        self.trace.events.len() - 1
    }

    /// A different text at each call, as random as it looks.
    pub(crate) fn fresh(&mut self) -> String {
        use sha2::{Digest, Sha256};
        self.counter += 1;
        let digest = Sha256::digest(self.counter.to_be_bytes());
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
    }

    pub(crate) fn act(&mut self, actor: &str, what: &str, data: Value) -> usize {
        self.push(What::Act(Act { actor: actor.to_owned(), what: what.to_owned(), step: None, data }))
    }

    pub(crate) fn journal(&mut self, kind: &str, citizen: Option<i64>, data: Value) -> usize {
        let n = self.trace.events.len() as u64;
        let entry = Entry {
            n,
            at: Timestamp::from_millis(self.clock_ms),
            sandbox: "s".to_owned(),
            kind: kind.to_owned(),
            partner: None,
            citizen,
            flow: None,
            exchange: None,
            data,
            prev: String::new(),
            hash: String::new(),
            wall_us: self.wall_us + 10_000,
        };
        self.push(What::Journal(entry))
    }

    pub(crate) fn probe(&mut self, question: &str, about: Value, answer: Option<Value>, person: &str) -> usize {
        self.push(What::Probe(Probe {
            question: question.to_owned(),
            about,
            answer,
            when: "step".to_owned(),
            person: Some(person.to_owned()),
        }))
    }

    pub(crate) fn canary(&mut self, planted: &str, place: &str) {
        self.push(What::Canary(Canary {
            planted: planted.to_owned(),
            form: "raw".to_owned(),
            place: place.to_owned(),
            near: "…".to_owned(),
        }));
    }

    pub(crate) fn scanned(&mut self) {
        let places = json!(["log:bank.log", "storage:bank.db", "url"]);
        let planted = json!(["access_token", "refresh_token", "line_break", "snils"]);
        self.act("suite", "scan", json!({"places": places, "planted": planted}));
    }

    pub(crate) fn exchange(&mut self, from: Party, to: Party, method: &str, url: &str) -> usize {
        let at = Timestamp::from_millis(self.clock_ms);
        let started = self.wall_us + 10_000;
        let exchange = Exchange {
            id: self.trace.events.len() as u64,
            sandbox: "s".to_owned(),
            from,
            to,
            started_us: started,
            ended_us: started + 1000,
            at,
            request: Request { method: method.to_owned(), url: url.to_owned(), headers: Vec::new(), body: Body::Empty },
            response: Some(Response { status: 200, headers: Vec::new(), body: Body::Empty }),
            delivered: true,
            tls: Some(Tls {
                version: "TLSv1.3".to_owned(),
                suite: "TLS13_AES_128_GCM_SHA256".to_owned(),
                sni: Some("localhost".to_owned()),
                client_certificate: None,
            }),
            partner: None,
            citizen: None,
            flow: None,
            faults: Vec::new(),
        };
        self.push(What::Exchange(exchange))
    }

    pub(crate) fn wire(&mut self, index: usize) -> &mut Exchange {
        match &mut self.trace.events[index].what {
            What::Exchange(exchange) => exchange,
            other => panic!("no exchange: {other:?}"),
        }
    }

    pub(crate) fn respond(&mut self, index: usize, status: u16, headers: &[(&str, &str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = if body.is_empty() { Body::Empty } else { Body::Text(body.to_owned()) };
        self.wire(index).response = Some(Response { status, headers, body });
    }

    pub(crate) fn lie(&mut self, index: usize, fault: &str) {
        self.wire(index).faults.push(fault.to_owned());
    }

    pub(crate) fn name(oid: i64) -> &'static str {
        if oid == ANNA { "anna" } else { "boris" }
    }

    /// The suite asks the bank for something.
    pub(crate) fn begin(&mut self, action: &str, oid: i64, params: Value) -> String {
        self.counter += 1;
        let flow = format!("f-{}", self.counter);
        let data =
            json!({"flow": flow, "operation": format!("op-{flow}"), "person": Self::name(oid), "params": params});
        self.act("bank", action, data);
        flow
    }

    /// The bank's word.
    pub(crate) fn report(&mut self, flow: &str, outcome: Outcome, class: Option<ReasonClass>, values: Value) -> usize {
        let asked = self.trace.events.iter().find_map(|event| match &event.what {
            What::Act(act) if act.data.get("flow").and_then(Value::as_str) == Some(flow) => Some(act.clone()),
            _ => None,
        });
        let asked = asked.unwrap();
        let values = match values {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let reason =
            class.map(|class| Reason {
                class, code: "E".to_owned(), message: "Отказано, потому что".to_owned()
            });
        let text = |name: &str| asked.data[name].as_str().unwrap_or_default().to_owned();
        self.push(What::Reported(Reported {
            step: None,
            action: asked.what.clone(),
            flow: flow.to_owned(),
            operation: text("operation"),
            person: Some(text("person")),
            report: Report { outcome, reason, values, customer: None, browser: None },
            params: asked.data["params"].clone(),
        }))
    }

    pub(crate) fn reported(&mut self, index: usize) -> &mut Reported {
        match &mut self.trace.events[index].what {
            What::Reported(reported) => reported,
            other => panic!("no report: {other:?}"),
        }
    }

    /// An authorisation request with everything right, and its parameters for changing.
    pub(crate) fn ask_params(&mut self, scope: &str) -> (Vec<(String, String)>, String) {
        let verifier = self.fresh();
        let mut pairs: Vec<(String, String)> = [
            ("client_id", "BANK01".to_owned()),
            ("response_type", "code".to_owned()),
            ("redirect_uri", CALLBACK.to_owned()),
            ("scope", scope.to_owned()),
            ("state", self.fresh()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        if self.is_oidc() {
            pairs.push(("nonce".to_owned(), self.fresh()));
            pairs.push(("code_challenge".to_owned(), challenge(&verifier)));
            pairs.push(("code_challenge_method".to_owned(), "S256".to_owned()));
        }
        (pairs, verifier)
    }

    pub(crate) fn authorise_path(&self) -> &'static str {
        match self.trace.case.protocol {
            Protocol::EsiaV1 => "/aas/oauth2/ac",
            Protocol::EsiaV3 => "/aas/oauth2/v2/ac",
            Protocol::Oidc => "/oidc/authorize",
        }
    }

    pub(crate) fn token_path(&self) -> &'static str {
        match self.trace.case.protocol {
            Protocol::EsiaV1 => "/aas/oauth2/te",
            Protocol::EsiaV3 => "/aas/oauth2/v3/te",
            Protocol::Oidc => "/oidc/token",
        }
    }

    pub(crate) fn ask(&mut self, oid: i64, pairs: &[(String, String)]) -> usize {
        let refs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let url = format!("{PORTAL}{}?{}", self.authorise_path(), params(&refs));
        let index = self.exchange(Party::Browser, Party::Portal, "GET", &url);
        let flow = format!("portal-{index}");
        let exchange = self.wire(index);
        exchange.citizen = Some(oid);
        exchange.flow = Some(flow);
        index
    }

    /// The portal sends the browser back with these parameters; answers (redirect, visit at the bank).
    pub(crate) fn redirect(&mut self, ask: usize, back: &[(&str, &str)]) -> (usize, usize) {
        let redirect = self.redirect_only(ask, back);
        let location = format!("{CALLBACK}?{}", params(back));
        let visit = self.exchange(Party::Browser, Party::Bank, "GET", &location);
        (redirect, visit)
    }

    pub(crate) fn redirect_only(&mut self, ask: usize, back: &[(&str, &str)]) -> usize {
        let (flow, citizen) = (self.wire(ask).flow.clone(), self.wire(ask).citizen);
        let redirect = self.exchange(Party::Browser, Party::Portal, "POST", &format!("{PORTAL}/consent"));
        let location = format!("{CALLBACK}?{}", params(back));
        self.respond(redirect, 302, &[("Location", &location)], "");
        let exchange = self.wire(redirect);
        exchange.flow = flow;
        exchange.citizen = citizen;
        redirect
    }

    pub(crate) fn token_call(&mut self, oid: i64, pairs: &[(&str, &str)], answer: &Value) -> usize {
        let url = format!("{PORTAL}{}", self.token_path());
        let index = self.exchange(Party::Bank, Party::Portal, "POST", &url);
        let body = params(pairs);
        let exchange = self.wire(index);
        exchange.request.headers = vec![("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        exchange.request.body = Body::Text(body);
        exchange.citizen = Some(oid);
        self.respond(index, 200, &[("Content-Type", "application/json")], &answer.to_string());
        index
    }

    pub(crate) fn assertion(&mut self) -> String {
        let iat = self.clock_ms / 1000;
        jwt(
            &json!({"alg": "RS256", "kid": "k1"}),
            &json!({"iss": "BANK01", "sub": "BANK01", "aud": PORTAL, "jti": self.fresh(), "iat": iat, "exp": iat + 60}),
        )
    }

    pub(crate) fn answer(&mut self, oid: i64, scope: &str, nonce: &str) -> (Value, String, String) {
        let access = jwt(&json!({"alg": "RS256"}), &json!({"urn:esia:sbj_id": oid, "jti": self.fresh()}));
        let refresh = self.fresh();
        let id = jwt(&json!({"alg": "RS256"}), &json!({"sub": oid.to_string(), "nonce": nonce, "jti": self.fresh()}));
        let answer = json!({
            "access_token": access, "id_token": id, "refresh_token": refresh,
            "token_type": "Bearer", "expires_in": 3600, "scope": scope,
        });
        (answer, access, refresh)
    }

    /// A data call with a token.
    pub(crate) fn call(&mut self, method: &str, path: &str, token: &str, status: u16, answer: &Value) -> usize {
        let index = self.exchange(Party::Bank, Party::Portal, method, &format!("{PORTAL}{path}"));
        let id = self.fresh();
        self.wire(index).request.headers = vec![
            ("Authorization".to_owned(), format!("Bearer {token}")),
            ("Accept".to_owned(), "application/json".to_owned()),
            ("X-Request-Id".to_owned(), id),
        ];
        let body = if answer.is_null() { String::new() } else { answer.to_string() };
        self.respond(index, status, &[("Content-Type", "application/json")], &body);
        index
    }

    pub(crate) fn person_path(&self, oid: i64) -> String {
        if self.is_oidc() { "/oidc/userinfo".to_owned() } else { format!("/rs/prns/{oid}") }
    }

    pub(crate) fn person_answer(&self, oid: i64) -> Value {
        let person = self.trace.people.iter().find(|person| person.oid == oid).unwrap();
        let text = |name: &str| person.view[name].as_str().unwrap().to_owned();
        if self.is_oidc() {
            json!({"sub": oid.to_string(), "family_name": text("last_name"), "given_name": text("first_name"), "snils": text("snils")})
        } else {
            json!({"lastName": text("last_name"), "firstName": text("first_name"), "snils": text("snils")})
        }
    }

    pub(crate) fn profile(&self, oid: i64) -> Value {
        let person = self.trace.people.iter().find(|person| person.oid == oid).unwrap();
        json!({"last_name": person.view["last_name"], "first_name": person.view["first_name"], "snils": person.view["snils"]})
    }

    /// From the suite's word to the token answer; no report yet.
    pub(crate) fn link_begin(&mut self, oid: i64) -> Link {
        let scope = "openid fullname snils";
        let flow = self.begin("customer.link", oid, json!({"scopes": ["openid", "fullname", "snils"]}));
        let (pairs, verifier) = self.ask_params(scope);
        let ask = self.ask(oid, &pairs);
        let find =
            |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default();
        let (state, nonce) = (find("state"), find("nonce"));
        let code = self.fresh();
        let (redirect, callback) = self.redirect(ask, &[("code", &code), ("state", &state)]);
        let (answer, access, refresh) = self.answer(oid, scope, &nonce);
        let assertion = self.assertion();
        let token_state = self.fresh();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("client_id", "BANK01"),
        ];
        if self.is_oidc() {
            form.push(("code_verifier", verifier.as_str()));
            form.push(("client_assertion", assertion.as_str()));
        } else {
            form.push(("state", token_state.as_str()));
        }
        let exchange = self.token_call(oid, &form, &answer);
        Link { flow, redirect, callback, exchange, access, refresh, code, state }
    }

    /// A whole sign-in that ends well.
    pub(crate) fn link(&mut self, oid: i64) -> Link {
        let link = self.link_begin(oid);
        let (path, answer) = (self.person_path(oid), self.person_answer(oid));
        self.call("GET", &path, &link.access, 200, &answer);
        let profile = self.profile(oid);
        let index = self.report(&link.flow, Outcome::Ok, None, json!({"profile": profile}));
        self.reported(index).report.customer = Some(format!("customer-{oid}"));
        link
    }

    /// A consent in the journal.
    pub(crate) fn consent(&mut self, oid: i64, id: &str, asked: &[&str], granted: &[&str]) {
        let flow = self.begin("consent.request", oid, json!({"purpose": "CREDIT", "scopes": asked}));
        let (pairs, _) = self.ask_params("openid");
        self.ask(oid, &pairs);
        self.journal("consent.requested", Some(oid), json!({"id": id, "purposes": ["CREDIT"], "scopes": asked}));
        let expires = Timestamp::from_millis(self.clock_ms + 30 * 86_400_000).to_string();
        self.journal("consent.granted", Some(oid), json!({"id": id, "scopes": granted, "expires_at": expires}));
        self.report(&flow, Outcome::Ok, None, json!({"consent": {"id": id, "state": "granted"}}));
    }

    /// A data token on a standing consent.
    pub(crate) fn data_token(&mut self, oid: i64, consent: &str) -> String {
        let token = self.fresh();
        let assertion = self.assertion();
        let scope = format!("prm_chg?oid={oid}");
        let mut form = vec![("grant_type", "client_credentials"), ("scope", scope.as_str()), ("consent", consent)];
        let state = self.fresh();
        if self.is_oidc() {
            form.push(("client_assertion", assertion.as_str()));
        } else {
            form.push(("state", state.as_str()));
        }
        self.token_call(
            oid,
            &form,
            &json!({"access_token": token, "token_type": "Bearer", "expires_in": 300, "consent": consent}),
        );
        token
    }

    pub(crate) fn debts(&self) -> Value {
        json!({
            "items": [
                {"uin": "U1", "kind": "fine", "title": "Штраф", "amount": 50_000, "due_date": "2026-12-01", "status": "open"},
                {"uin": "U2", "kind": "tax", "title": "Налог", "amount": 120_000, "due_date": "2026-12-02", "status": "open"},
            ],
            "totals": {"credit": 0, "utilities": 0, "fine": 50_000, "tax": 120_000, "all": 170_000},
        })
    }

    /// Debts asked for, served and shown; the call and the report.
    pub(crate) fn debts_list(&mut self, oid: i64, consent: &str) -> (usize, usize) {
        let flow = self.begin("debts.list", oid, json!({}));
        let token = self.data_token(oid, consent);
        let debts = self.debts();
        let call = self.call("GET", &format!("/api/v1/debts?person={oid}&purpose=CREDIT"), &token, 200, &debts);
        let report = self.report(&flow, Outcome::Ok, None, debts);
        (call, report)
    }

    /// A payment sent; the call.
    pub(crate) fn pay(&mut self, oid: i64, uin: &str, token: &str, key: &str, answer: &Value, status: u16) -> usize {
        let call = self.call("POST", &format!("/api/v1/debts/{uin}/payments"), token, status, answer);
        let body = json!({"person": oid, "purpose": "CREDIT", "amount": 50_000, "method": "card"});
        let exchange = self.wire(call);
        exchange.request.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        exchange.request.headers.push(("Idempotency-Key".to_owned(), key.to_owned()));
        exchange.request.body = Body::Text(body.to_string());
        exchange.citizen = Some(oid);
        call
    }

    /// A notice about a consent, and the bank's answer.
    pub(crate) fn hook(&mut self, id: &str, consent: &str, state: &str, status: u16) -> usize {
        let index = self.exchange(Party::Portal, Party::Bank, "POST", &format!("{BANK}/hooks/portal"));
        let body = json!({"id": id, "type": "consent.changed", "consent": {"id": consent, "state": state}});
        self.wire(index).request.body = Body::Text(body.to_string());
        self.respond(index, status, &[], "");
        index
    }
}
