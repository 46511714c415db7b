//! Each duty on a recording that keeps it and on one that breaks it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use contract::adapter::{Outcome, ReasonClass};
use contract::exchange::{Body, Party};
use contract::time::Timestamp;
use serde_json::{Value, json};

use crate::finding::Verdict;
use crate::laws::good_day;
use crate::rule::Judge;
use crate::signing::Keys;
use crate::testkit::*;
use crate::trace::Protocol;
use crate::{judge, rule, rules};

mod exchange;
mod services;
mod streams;

type Play = fn() -> Scene;
/// A rule, a recording that keeps it, one that breaks it.
type Case = (&'static str, Play, Play);

fn cases() -> impl Iterator<Item = &'static Case> {
    [CASES, exchange::CASES, services::CASES, streams::CASES].into_iter().flatten()
}

fn oidc() -> Scene {
    good_day(Protocol::Oidc)
}

/// The authorisation request with one parameter changed or added.
fn asked_with(name: &'static str, value: &'static str) -> Scene {
    let mut scene = Scene::oidc();
    let flow = scene.begin("customer.link", ANNA, json!({"scopes": ["openid", "fullname"]}));
    let (mut pairs, _) = scene.ask_params("openid fullname");
    pairs.retain(|(known, _)| known != name);
    if !value.is_empty() {
        pairs.push((name.to_owned(), value.to_owned()));
    }
    scene.ask(ANNA, &pairs);
    scene.report(&flow, Outcome::Pending, None, json!({}));
    scene
}

/// Two requests with the same value of a parameter.
fn asked_twice_with_the_same(name: &'static str) -> Scene {
    let mut scene = Scene::oidc();
    let (first, _) = scene.ask_params("openid");
    let same = first.iter().find(|(known, _)| known == name).cloned().unwrap();
    scene.ask(ANNA, &first);
    let (mut second, _) = scene.ask_params("openid");
    second.retain(|(known, _)| known != name);
    second.push(same);
    scene.ask(BORIS, &second);
    scene
}

/// A token call with one parameter of its form changed.
pub(crate) fn exchanged_with(name: &str, value: &str) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link_begin(ANNA);
    let exchange = scene.wire(link.exchange);
    let mut pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(exchange.request.body.text().as_bytes()).into_owned().collect();
    pairs.retain(|(known, _)| known != name);
    pairs.push((name.to_owned(), value.to_owned()));
    let refs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let body = params(&refs);
    scene.wire(link.exchange).request.body = Body::Text(body);
    scene
}

/// A client assertion with its claims changed.
pub(crate) fn asserted(change: impl Fn(&mut Value, &mut Value)) -> Scene {
    let mut header = json!({"alg": "RS256", "kid": "k1"});
    let mut claims = json!({"iss": "BANK01", "sub": "BANK01", "aud": PORTAL, "jti": "one", "iat": 1000, "exp": 1060});
    change(&mut header, &mut claims);
    exchanged_with("client_assertion", &jwt(&header, &claims))
}

/// A sign-in whose token answer is a lie, with the bank's last word.
pub(crate) fn token_lie(fault: &str, outcome: Outcome, repeats: usize) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link_begin(ANNA);
    scene.lie(link.exchange, fault);
    scene.respond(link.exchange, 400, &[], r#"{"error":"invalid_grant"}"#);
    for _ in 1..repeats {
        let body = scene.wire(link.exchange).request.body.clone();
        let again = scene.token_call(ANNA, &[], &json!({}));
        scene.wire(again).request.body = body;
        scene.lie(again, fault);
        scene.respond(again, 400, &[], r#"{"error":"invalid_grant"}"#);
    }
    let class = (outcome == Outcome::Refused).then_some(ReasonClass::Format);
    scene.report(&link.flow, outcome, class, json!({}));
    scene
}

/// A person call that is lied to, `times` in a row, then perhaps honest.
fn resource(fault: &str, status: u16, times: usize, then_ok: bool, outcome: Outcome) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link(ANNA);
    let flow = scene.begin("customer.profile", ANNA, json!({}));
    for _ in 0..times {
        let call = scene.call("GET", "/oidc/userinfo", &link.access, status, &json!({}));
        scene.lie(call, fault);
        scene.wire(call).citizen = Some(ANNA);
    }
    if then_ok {
        let answer = scene.person_answer(ANNA);
        scene.call("GET", "/oidc/userinfo", &link.access, 200, &answer);
    }
    let values = if outcome == Outcome::Ok { json!({"profile": scene.profile(ANNA)}) } else { json!({}) };
    scene.report(&flow, outcome, (outcome == Outcome::Refused).then_some(ReasonClass::Limit), values);
    scene
}

/// A debts call that is lied to, then repeated after a while.
pub(crate) fn waited(fault: &str, status: u16, retry_after: &str, ms: i64) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    let flow = scene.begin("debts.list", ANNA, json!({}));
    let token = scene.data_token(ANNA, "c-1");
    let path = format!("/api/v1/debts?person={ANNA}&purpose=CREDIT");
    let call = scene.call("GET", &path, &token, status, &json!({}));
    scene.lie(call, fault);
    let after = match retry_after {
        "date" => Timestamp::from_millis(scene.wire(call).at.millis() + 3000).to_http(),
        other => other.to_owned(),
    };
    scene.respond(call, status, &[("Retry-After", &after)], "");
    scene.pass_ms(ms);
    let debts = scene.debts();
    scene.call("GET", &path, &token, 200, &debts);
    scene.report(&flow, Outcome::Ok, None, debts);
    scene
}

/// A debts call answered by a lie each time, with gaps in milliseconds.
pub(crate) fn failing(fault: &str, status: u16, gaps_ms: &[i64]) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    let flow = scene.begin("debts.list", ANNA, json!({}));
    let token = scene.data_token(ANNA, "c-1");
    for gap in std::iter::once(&0).chain(gaps_ms) {
        scene.pass_ms(*gap);
        let call =
            scene.call("GET", &format!("/api/v1/debts?person={ANNA}&purpose=CREDIT"), &token, status, &json!({}));
        scene.lie(call, fault);
    }
    scene.report(&flow, Outcome::Refused, Some(ReasonClass::Transport), json!({}));
    scene
}

/// A problem document, and what the bank makes of it.
pub(crate) fn problem(fault: &str, message: &str) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    let flow = scene.begin("debts.list", ANNA, json!({}));
    let token = scene.data_token(ANNA, "c-1");
    let text = json!({"type": "https://portal.example/errors/flux-capacitor", "title": "Flux capacitor overflow",
        "detail": "java.lang.IllegalStateException at ru.portal.Core.run(Core.java:117)"});
    let call = scene.call("GET", &format!("/api/v1/debts?person={ANNA}&purpose=CREDIT"), &token, 500, &text);
    scene.lie(call, fault);
    let report = scene.report(&flow, Outcome::Refused, Some(ReasonClass::Transport), json!({}));
    scene.reported(report).report.reason.as_mut().unwrap().message = message.to_owned();
    scene
}

/// A payment lied to, then repeats with these keys; accepted as often as said.
fn paid(fault: Option<&str>, status: u16, keys: &[&str], accepted: usize, outcome: Outcome) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    let flow = scene.begin("debts.pay", ANNA, json!({"uin": "U1", "amount": 50_000, "method": "card"}));
    let token = scene.data_token(ANNA, "c-1");
    let answer = json!({"id": "p-1", "uin": "U1", "amount": 50_000, "state": "settled"});
    for (index, key) in keys.iter().enumerate() {
        let lied = fault.filter(|_| index == 0);
        let call = scene.pay(ANNA, "U1", &token, key, &answer, if lied.is_some() { status } else { 201 });
        if let Some(fault) = lied {
            scene.lie(call, fault);
        }
    }
    for _ in 0..accepted {
        scene.journal("payment.accepted", Some(ANNA), json!({"uin": "U1"}));
    }
    scene.report(
        &flow,
        outcome,
        (outcome == Outcome::Refused).then_some(ReasonClass::Format),
        json!({"payment": answer}),
    );
    scene
}

const KEY_A: &str = "9f1c2d6e-6a10-4f0a-9c3b-7f0f5a6b8c21";
const KEY_B: &str = "0b8e7f6a-1c2d-4e3f-8a9b-c0d1e2f3a4b5";

/// Consented, read, revoked (notice taken or lost), then asked again.
fn revoked(notice: bool, calls_after: usize, outcome: Outcome) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    scene.debts_list(ANNA, "c-1");
    scene.journal("consent.revoked", Some(ANNA), json!({"id": "c-1", "by": "citizen"}));
    if notice {
        scene.hook("e-1", "c-1", "revoked", 204);
    }
    let flow = scene.begin("debts.list", ANNA, json!({}));
    for _ in 0..calls_after {
        let scope = format!("prm_chg?oid={ANNA}");
        let call = scene.token_call(
            ANNA,
            &[("grant_type", "client_credentials"), ("scope", &scope), ("consent", "c-1")],
            &json!({}),
        );
        scene.respond(call, 400, &[], r#"{"error":"access_denied"}"#);
    }
    let class = (outcome == Outcome::Refused).then_some(ReasonClass::Consent);
    scene.report(&flow, outcome, class, if outcome == Outcome::Ok { scene.debts() } else { json!({}) });
    scene
}

/// Debts served; shown with one change.
fn shown(change: impl Fn(&mut Value)) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    let (_, report) = scene.debts_list(ANNA, "c-1");
    let mut values = scene.debts();
    change(&mut values);
    scene.reported(report).report.values = values.as_object().cloned().unwrap();
    scene
}

/// Pension asked for and shown.
fn pension(from: &str, balance: i64) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["pension"], &["pension"]);
    let flow = scene.begin("pension.view", ANNA, json!({"from": "2026-01-01", "to": "2026-06-30"}));
    let token = scene.data_token(ANNA, "c-1");
    let mut pension =
        json!({"balance": 1, "accrued": 2, "paid": 3, "next_payment_date": "2026-07-01", "operations": []});
    scene.call(
        "GET",
        &format!("/api/v1/pension?person={ANNA}&purpose=CREDIT&from={from}&to=2026-06-30"),
        &token,
        200,
        &pension,
    );
    pension["balance"] = json!(balance);
    scene.report(&flow, Outcome::Ok, None, pension);
    scene
}

fn profile_shown(last_name: &str) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link_begin(ANNA);
    let answer = scene.person_answer(ANNA);
    scene.call("GET", "/oidc/userinfo", &link.access, 200, &answer);
    scene.report(&link.flow, Outcome::Ok, None, json!({"profile": {"last_name": last_name}}));
    scene
}

/// A person answer with a lie in it, and what is shown.
pub(crate) fn person_lie(fault: &str, answer: Value, shown: Value) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link_begin(ANNA);
    let call = scene.call("GET", "/oidc/userinfo", &link.access, 200, &answer);
    scene.lie(call, fault);
    scene.wire(call).citizen = Some(ANNA);
    scene.report(&link.flow, Outcome::Ok, None, json!({"profile": shown}));
    scene
}

/// A redirect lie brought to the bank, an honest rest or a refusal.
pub(crate) fn returned(fault: &str, back: &[(&str, &str)], page: &str, outcome: Outcome) -> Scene {
    let mut scene = Scene::oidc();
    let flow = scene.begin("customer.link", ANNA, json!({"scopes": ["openid"]}));
    let (pairs, _) = scene.ask_params("openid");
    let ask = scene.ask(ANNA, &pairs);
    let state = pairs.iter().find(|(name, _)| name == "state").map(|(_, value)| value.clone()).unwrap();
    let mut back: Vec<(&str, &str)> = back.to_vec();
    if !back.iter().any(|(name, _)| *name == "state") {
        back.push(("state", &state));
    }
    let (redirect, visit) = scene.redirect(ask, &back);
    if !fault.is_empty() {
        scene.lie(redirect, fault);
    }
    scene.respond(visit, 200, &[("Content-Type", "text/html")], page);
    let class = (outcome == Outcome::Refused).then_some(ReasonClass::State);
    scene.report(&flow, outcome, class, json!({}));
    scene
}

fn refreshed(again_with_old: bool) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link(ANNA);
    let first =
        [("grant_type", "refresh_token"), ("refresh_token", link.refresh.as_str()), ("scope", "openid fullname")];
    let (answer, _, new) = scene.answer(ANNA, "openid fullname snils", "");
    scene.token_call(ANNA, &first, &answer);
    let used = if again_with_old { link.refresh.clone() } else { new };
    let (answer, _, _) = scene.answer(ANNA, "openid fullname snils", "");
    scene.token_call(ANNA, &[("grant_type", "refresh_token"), ("refresh_token", &used)], &answer);
    scene
}

fn refresh_refused(times: usize, outcome: Outcome) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link(ANNA);
    let flow = scene.begin("customer.profile", ANNA, json!({}));
    for _ in 0..times {
        let call =
            scene.token_call(ANNA, &[("grant_type", "refresh_token"), ("refresh_token", &link.refresh)], &json!({}));
        scene.respond(call, 400, &[], r#"{"error":"invalid_grant"}"#);
        scene.lie(call, "refresh-invalid-grant");
    }
    scene.report(&flow, outcome, (outcome == Outcome::Refused).then_some(ReasonClass::Consent), json!({}));
    scene
}

/// An ESIA request signed for real, with a change to what is sent.
fn signed(protocol: Protocol, change: fn(&mut Vec<(String, String)>), options: crypto::cms::Options) -> Scene {
    static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::of(crypto::Algorithm::EcdsaP256));
    KEYS.signed(protocol, change, options)
}

fn well_signed() -> Scene {
    signed(Protocol::EsiaV3, |_| {}, crypto::cms::Options::default())
}

fn esia_token_states(same: bool) -> Scene {
    let mut scene = Scene::new(Protocol::EsiaV3);
    for code in ["code-number-one", "code-number-two"] {
        let state = if same { "the-same-state".to_owned() } else { scene.fresh() };
        let form = [("grant_type", "authorization_code"), ("code", code), ("state", &state), ("client_secret", "c2ln")];
        scene.token_call(ANNA, &form, &json!({}));
    }
    scene
}

fn esia_token_lie(repeats: usize) -> Scene {
    let mut scene = Scene::new(Protocol::EsiaV3);
    let link = scene.link_begin(ANNA);
    scene.lie(link.exchange, "token-signature-refused");
    for _ in 1..repeats {
        let again = scene.token_call(ANNA, &[("grant_type", "authorization_code"), ("code", &link.code)], &json!({}));
        scene.lie(again, "token-signature-refused");
    }
    scene.report(&link.flow, Outcome::Refused, Some(ReasonClass::Signature), json!({}));
    scene
}

fn with_canary(planted: &str, place: &str) -> Scene {
    let mut scene = oidc();
    scene.canary(planted, place);
    scene
}

pub(crate) fn handshake(versions: Value, suites: Value) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.journal("handshake", None, json!({"result": "completed", "versions": versions, "suites": suites}));
    scene
}

fn deferred(wait_ms: i64) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["pension"], &["pension"]);
    let flow = scene.begin("pension.view", ANNA, json!({"from": "2026-01-01", "to": "2026-06-30"}));
    let token = scene.data_token(ANNA, "c-1");
    let call = scene.call(
        "GET",
        &format!("/api/v1/pension?person={ANNA}&from=2026-01-01&to=2026-06-30"),
        &token,
        202,
        &json!({}),
    );
    scene.respond(call, 202, &[("Location", "/api/v1/answers/a-1"), ("Retry-After", "2")], "");
    scene.lie(call, "pension-deferred");
    scene.wire(call).citizen = Some(ANNA);
    scene.pass_ms(wait_ms);
    let answer = json!({"balance": 1, "operations": []});
    scene.call("GET", "/api/v1/answers/a-1", &token, 200, &answer);
    scene.report(&flow, Outcome::Ok, None, answer);
    scene
}

fn redirected(fault: &str, leaks: bool) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    let token = scene.data_token(ANNA, "c-1");
    let token = if fault.starts_with("api") { token } else { link.access };
    let path = if fault.starts_with("api") { "/api/v1/debts" } else { "/oidc/userinfo" };
    let call = scene.call("GET", path, &token, 302, &json!({}));
    scene.lie(call, fault);
    if leaks {
        let arrived = scene.exchange(Party::Bank, Party::Foreign, "GET", &format!("{FOREIGN}/steal"));
        scene.wire(arrived).request.headers = vec![("Authorization".to_owned(), format!("Bearer {token}"))];
    }
    scene
}

fn token_redirected(leaks: bool) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link_begin(ANNA);
    scene.respond(link.exchange, 307, &[("Location", FOREIGN)], "");
    scene.lie(link.exchange, "token-redirect-foreign");
    if leaks {
        let arrived = scene.exchange(Party::Bank, Party::Foreign, "POST", &format!("{FOREIGN}/te"));
        scene.wire(arrived).request.body = Body::Text(params(&[("code", &link.code)]));
    }
    scene.report(&link.flow, Outcome::Refused, Some(ReasonClass::Transport), json!({}));
    scene
}

fn misused(reason: &str) -> Scene {
    let mut scene = oidc();
    scene.journal("token.misused", Some(ANNA), json!({"id": "t", "reason": reason}));
    scene
}

fn two_linked(same_handle: bool) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.link(BORIS);
    if same_handle {
        for index in 0..scene.trace.events.len() {
            if let crate::trace::What::Reported(reported) = &mut scene.trace.events[index].what {
                reported.report.customer = Some("one".to_owned());
            }
        }
    }
    scene
}

fn unconfirmed(outcome: Outcome) -> Scene {
    let mut scene = Scene::oidc();
    scene.trace.people[0].view["account"] = json!("standard");
    let flow = scene.begin("customer.link", ANNA, json!({"level": "confirmed"}));
    let (pairs, _) = scene.ask_params("openid");
    scene.ask(ANNA, &pairs);
    scene.report(&flow, outcome, (outcome == Outcome::Refused).then_some(ReasonClass::Level), json!({}));
    scene
}

fn injected(outcome: Outcome) -> Scene {
    let mut scene = Scene::oidc();
    let (pairs, _) = scene.ask_params("openid");
    let of_boris = scene.ask(BORIS, &pairs);
    scene.redirect_only(of_boris, &[("code", "code-of-boris-1234"), ("state", "b")]);
    let flow = scene.begin("customer.link", ANNA, json!({}));
    let (pairs, _) = scene.ask_params("openid");
    scene.ask(ANNA, &pairs);
    scene.act("attacker", "inject-code", json!({"person": "anna", "for": "anna", "from": "boris"}));
    let visit =
        scene.exchange(Party::Attacker, Party::Bank, "GET", &format!("{CALLBACK}?code=code-of-boris-1234&state=a"));
    scene.respond(visit, 403, &[], "");
    scene.report(&flow, outcome, (outcome == Outcome::Refused).then_some(ReasonClass::Binding), json!({}));
    scene
}

fn reloaded(sends: usize) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link_begin(ANNA);
    let url = scene.wire(link.callback).request.url.clone();
    scene.exchange(Party::Browser, Party::Bank, "GET", &url);
    for _ in 1..sends {
        scene.token_call(ANNA, &[("grant_type", "authorization_code"), ("code", &link.code)], &json!({}));
    }
    scene
}

fn interleaved(mixed: bool) -> Scene {
    let mut scene = Scene::oidc();
    let (one, other) = (scene.begin("customer.link", ANNA, json!({})), scene.begin("customer.link", BORIS, json!({})));
    let ((first, _), (second, _)) = (scene.ask_params("openid"), scene.ask_params("openid"));
    let (a, b) = (scene.ask(ANNA, &first), scene.ask(BORIS, &second));
    let state = |pairs: &[(String, String)]| {
        pairs.iter().find(|(name, _)| name == "state").map(|(_, value)| value.clone()).unwrap()
    };
    scene.redirect(a, &[("code", "code-of-anna-123"), ("state", &state(&first))]);
    scene.redirect(b, &[("code", "code-of-boris-12"), ("state", &state(&second))]);
    let (of_anna, of_boris) = (scene.profile(ANNA), scene.profile(BORIS));
    scene.report(&one, Outcome::Ok, None, json!({"profile": of_anna}));
    scene.report(&other, Outcome::Ok, None, json!({"profile": if mixed { scene.profile(ANNA) } else { of_boris }}));
    scene
}

fn front_token(used: bool) -> Scene {
    let mut scene = returned(
        "redirect-token-in-query",
        &[("code", "an-honest-code-1"), ("access_token", "front-channel-token")],
        "",
        Outcome::Ok,
    );
    if used {
        scene.call("GET", "/oidc/userinfo", "front-channel-token", 200, &json!({}));
    }
    scene
}

fn declined(outcome: Outcome, again: bool) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    let flow = scene.begin("consent.request", ANNA, json!({"scopes": ["debts"]}));
    let (mut pairs, _) = scene.ask_params("openid");
    set(&mut pairs, "permissions", "W10");
    scene.ask(ANNA, &pairs);
    scene.journal("consent.requested", Some(ANNA), json!({"id": "c-1", "scopes": ["debts"]}));
    scene.journal("consent.refused", Some(ANNA), json!({"id": "c-1"}));
    if again {
        let (mut pairs, _) = scene.ask_params("openid");
        set(&mut pairs, "permissions", "W10");
        scene.ask(ANNA, &pairs);
    }
    scene.report(&flow, outcome, (outcome == Outcome::Refused).then_some(ReasonClass::Consent), json!({}));
    scene
}

fn unanswered(outcome: Outcome) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    let flow = scene.begin("consent.request", ANNA, json!({"scopes": ["debts"]}));
    scene.journal("consent.requested", Some(ANNA), json!({"id": "c-1", "scopes": ["debts"]}));
    scene.report(&flow, outcome, None, json!({}));
    scene.journal("consent.expired", Some(ANNA), json!({"id": "c-1"}));
    scene
}

fn partial(path: &str) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts", "pension"], &["debts"]);
    let token = scene.data_token(ANNA, "c-1");
    scene.call("GET", &format!("/api/v1/{path}?person={ANNA}&purpose=CREDIT"), &token, 200, &json!({"items": []}));
    scene
}

fn expired_consent(calls: bool) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    scene.debts_list(ANNA, "c-1");
    scene.advance_ms(31 * 86_400_000);
    let flow = scene.begin("debts.list", ANNA, json!({}));
    if calls {
        scene.data_token(ANNA, "c-1");
    }
    scene.report(&flow, Outcome::Refused, Some(ReasonClass::Consent), json!({}));
    scene
}

fn copies(present: bool) -> Scene {
    let mut scene = revoked(true, 0, Outcome::Refused);
    scene.probe("data_present", json!({"customer": "x"}), Some(json!(present)), "anna");
    scene
}

fn revoked_at_bank(told: bool) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    let flow = scene.begin("consent.revoke", ANNA, json!({"consent": "c-1"}));
    if told {
        scene.journal("consent.revoked", Some(ANNA), json!({"id": "c-1", "by": "bank"}));
    }
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn two_consents(outcome: Outcome) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    scene.consent(ANNA, "c-2", &["pension"], &["pension"]);
    scene.journal("consent.revoked", Some(ANNA), json!({"id": "c-2", "by": "citizen"}));
    let flow = scene.begin("debts.list", ANNA, json!({}));
    scene.report(&flow, outcome, (outcome == Outcome::Refused).then_some(ReasonClass::Consent), json!({}));
    scene
}

fn given_again(old_token: bool) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    let old = scene.data_token(ANNA, "c-1");
    scene.journal("consent.revoked", Some(ANNA), json!({"id": "c-1", "by": "citizen"}));
    scene.consent(ANNA, "c-2", &["debts"], &["debts"]);
    let new = scene.data_token(ANNA, "c-2");
    scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), if old_token { &old } else { &new }, 200, &json!({}));
    scene
}

fn expired_token(used: bool) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link(ANNA);
    scene.advance_ms(7_200_000);
    let flow = scene.begin("customer.profile", ANNA, json!({}));
    if used {
        scene.call("GET", "/oidc/userinfo", &link.access, 401, &json!({}));
    }
    scene.report(&flow, Outcome::Refused, Some(ReasonClass::Time), json!({}));
    scene
}

fn mixed_tokens(mixed: bool) -> Scene {
    let mut scene = Scene::new(Protocol::EsiaV3);
    let anna = scene.link(ANNA);
    let boris = scene.link(BORIS);
    let token = if mixed { anna.access } else { boris.access };
    scene.call("GET", &format!("/rs/prns/{BORIS}/ctts"), &token, 200, &json!({}));
    scene
}

fn two_keys(second: &str) -> Scene {
    let mut scene = paid(None, 201, &[KEY_A], 1, Outcome::Ok);
    let flow = scene.begin("debts.pay", ANNA, json!({"uin": "U2", "method": "card"}));
    let token = scene.data_token(ANNA, "c-1");
    scene.pay(ANNA, "U2", &token, second, &json!({"uin": "U2"}), 201);
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn pressed(accepted: usize) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    let (one, two) =
        (scene.begin("debts.pay", ANNA, json!({"uin": "U1"})), scene.begin("debts.pay", ANNA, json!({"uin": "U1"})));
    for _ in 0..accepted {
        scene.journal("payment.accepted", Some(ANNA), json!({"uin": "U1"}));
    }
    for flow in [&one, &two] {
        let index = scene.report(flow, Outcome::Ok, None, json!({}));
        scene.reported(index).operation = "op-same".to_owned();
    }
    for event in &mut scene.trace.events {
        if let crate::trace::What::Act(act) = &mut event.what
            && act.what == "debts.pay"
        {
            act.data["operation"] = json!("op-same");
        }
    }
    scene
}

fn hook_repeated(second: u16) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.hook("e-1", "c-1", "revoked", 204);
    let again = scene.hook("e-1", "c-1", "revoked", second);
    scene.lie(again, "hook-repeated");
    scene
}

fn by_get(status: u16) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.act("attacker", "hook-by-get", json!({}));
    let visit = scene.exchange(Party::Attacker, Party::Bank, "GET", &format!("{BANK}/hooks/portal"));
    scene.respond(visit, status, &[], "");
    scene
}

fn split(found: bool) -> Scene {
    let back = [("error", "access_denied"), ("error_description", "first\nsecond <script>alert(1)</script>")];
    let mut scene = returned("redirect-error-markup", &back, "<p>Отказано</p>", Outcome::Refused);
    scene.exchange(Party::Bank, Party::Portal, "GET", PORTAL);
    scene.scanned();
    if found {
        scene.canary("line_break", "log:bank.log");
    }
    scene
}

fn refused_because(message: &str) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link_begin(ANNA);
    let index = scene.report(&link.flow, Outcome::Refused, Some(ReasonClass::Signature), json!({}));
    scene.reported(index).report.reason.as_mut().unwrap().message = message.to_owned();
    scene
}

fn audited(after: bool) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.probe("audit_verify", json!({}), Some(json!(true)), "anna");
    scene.act("attacker", "edit-audit", json!({}));
    scene.probe("audit_verify", json!({}), Some(json!(after)), "anna");
    scene
}

fn fed(amount: i64) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    let flow =
        scene.begin("debts.feed", ANNA, json!({"external_id": "loan-17", "amount": 5, "due_date": "2026-12-01"}));
    scene.journal("debt.fed", Some(ANNA), json!({"external_id": "loan-17", "uin": "U9", "amount": amount}));
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn payment_shown(state: &str) -> Scene {
    let mut scene = paid(None, 201, &[KEY_A], 1, Outcome::Ok);
    let last = scene.trace.events.len() - 1;
    scene.reported(last).report.values["payment"]["state"] = json!(state);
    scene
}

/// Rule, a recording that keeps it, one that breaks it.
const CASES: &[Case] = &[
    ("REQ-01", oidc, || asked_with("response_type", "token")),
    ("REQ-02", oidc, || asked_with("state", "state-0001")),
    ("REQ-02", oidc, || asked_with("state", "")),
    ("REQ-02", oidc, || asked_twice_with_the_same("state")),
    ("REQ-03", oidc, || asked_with("nonce", "")),
    ("REQ-03", oidc, || asked_twice_with_the_same("nonce")),
    ("REQ-04", oidc, || asked_with("code_challenge_method", "plain")),
    ("REQ-04", oidc, || asked_with("code_challenge", "")),
    ("REQ-04", oidc, || exchanged_with("code_verifier", "short")),
    ("REQ-05", oidc, || asked_twice_with_the_same("code_challenge")),
    ("REQ-06", oidc, || {
        let mut scene = Scene::oidc();
        let link = scene.link_begin(ANNA);
        scene.token_call(ANNA, &[("grant_type", "authorization_code"), ("code_verifier", &link.state)], &json!({}));
        scene
    }),
    ("REQ-07", oidc, || asked_with("redirect_uri", "https://localhost:9443/callback/")),
    ("REQ-08", oidc, || asked_with("scope", "openid fullname snils inn")),
    ("REQ-09", oidc, || asked_with("login_hint", "000-000-600 06")),
    ("REQ-10", oidc, || {
        let mut scene = Scene::oidc();
        let (mut pairs, _) = scene.ask_params("openid");
        pairs.push(("scope".to_owned(), "snils".to_owned()));
        scene.ask(ANNA, &pairs);
        scene
    }),
    ("REQ-13", || interleaved(false), || interleaved(true)),
    (
        "RESP-12",
        || returned("redirect-error", &[("error", "access_denied")], "", Outcome::Refused),
        || returned("redirect-error", &[("error", "access_denied")], "", Outcome::Ok),
    ),
    (
        "RESP-12",
        || returned("redirect-error", &[("error", "access_denied")], "", Outcome::Error),
        || returned("redirect-error", &[("error", "access_denied")], "", Outcome::Pending),
    ),
    (
        "RESP-13",
        || returned("redirect-error-state-wrong", &[("error", "access_denied"), ("state", "stray")], "", Outcome::Ok),
        || {
            returned(
                "redirect-error-state-wrong",
                &[("error", "access_denied"), ("state", "stray")],
                "",
                Outcome::Refused,
            )
        },
    ),
    ("RESP-16", || injected(Outcome::Refused), || injected(Outcome::Ok)),
    ("RESP-17", || front_token(false), || front_token(true)),
    ("RESP-20", || reloaded(1), || reloaded(2)),
    (
        "RESP-22",
        || {
            returned(
                "redirect-error-markup",
                &[("error", "x"), ("error_description", "<script>1</script>")],
                "&lt;script&gt;",
                Outcome::Refused,
            )
        },
        || {
            returned(
                "redirect-error-markup",
                &[("error", "x"), ("error_description", "<script>1</script>")],
                "<script>1</script>",
                Outcome::Refused,
            )
        },
    ),
    ("TOK-01", oidc, || {
        let mut scene = Scene::oidc();
        let link = scene.link_begin(ANNA);
        scene.wire(link.exchange).request.url.push_str("?grant_type=authorization_code");
        scene
    }),
    ("TOK-02", oidc, || exchanged_with("redirect_uri", "https://localhost:9443/other")),
    ("TOK-03", oidc, || exchanged_with("code_verifier", "another-verifier-that-is-long-enough-for-the-form-000")),
    (
        "TOK-04",
        || token_lie("token-status-500", Outcome::Refused, 1),
        || token_lie("token-status-500", Outcome::Refused, 2),
    ),
    (
        "TOK-05",
        || token_lie("token-invalid-grant", Outcome::Refused, 1),
        || token_lie("token-invalid-grant", Outcome::Refused, 3),
    ),
    (
        "TOK-06",
        || token_lie("token-invalid-client", Outcome::Refused, 1),
        || token_lie("token-invalid-client", Outcome::Ok, 1),
    ),
    ("TOK-11", || narrowed(&["last_name"]), || narrowed(&["last_name", "snils"])),
    ("TOK-19", || token_redirected(false), || token_redirected(true)),
    ("CAUTH-01", oidc, || asserted(|_, claims| claims["sub"] = json!("OTHER"))),
    ("CAUTH-02", oidc, || asserted(|_, claims| claims["aud"] = json!("https://other.example"))),
    ("CAUTH-03", oidc, || {
        let mut scene = Scene::oidc();
        let assertion = scene.assertion();
        for _ in 0..2 {
            scene.token_call(ANNA, &[("client_assertion", &assertion)], &json!({}));
        }
        scene
    }),
    ("CAUTH-04", oidc, || asserted(|_, claims| claims["exp"] = json!(100_000))),
    ("CAUTH-06", oidc, || asserted(|header, _| header["kid"] = json!(""))),
    ("CAUTH-09", oidc, || exchanged_with("client_secret", "secret")),
    ("CAUTH-10", oidc, || {
        let mut scene = Scene::oidc();
        let link = scene.link_begin(ANNA);
        scene.wire(link.exchange).request.url.push_str("?client_assertion=a.b.c");
        scene
    }),
    ("SIG-01", well_signed, || {
        signed(Protocol::EsiaV3, |pairs| set(pairs, "scope", "openid snils"), crypto::cms::Options::default())
    }),
    (
        "SIG-01",
        || signed(Protocol::EsiaV1, |_| {}, crypto::cms::Options::default()),
        || {
            signed(
                Protocol::EsiaV1,
                |pairs| set(pairs, "state", "9f1c2d6e-6a10-4f0a-9c3b-7f0f5a6b8c21"),
                crypto::cms::Options::default(),
            )
        },
    ),
    ("SIG-02", well_signed, || {
        signed(
            Protocol::EsiaV3,
            |pairs| set(pairs, "timestamp", "2026.11.22 10:00:00"),
            crypto::cms::Options::default(),
        )
    }),
    ("SIG-02", well_signed, || {
        signed(
            Protocol::EsiaV3,
            |pairs| set(pairs, "timestamp", "2020.01.01 10:00:00 +0300"),
            crypto::cms::Options::default(),
        )
    }),
    ("SIG-03", || esia_token_states(false), || esia_token_states(true)),
    (
        "SIG-04",
        || signed(Protocol::EsiaV1, |_| {}, crypto::cms::Options::default()),
        || signed(Protocol::EsiaV1, |_| {}, crypto::cms::Options { attached: true, ..crypto::cms::Options::default() }),
    ),
    ("SIG-05", well_signed, || {
        signed(
            Protocol::EsiaV3,
            |pairs| set(pairs, "client_certificate_hash", &"ab".repeat(20)),
            crypto::cms::Options::default(),
        )
    }),
    ("SIG-06", well_signed, || {
        signed(
            Protocol::EsiaV3,
            |pairs| set(pairs, "client_certificate_hash", &"ab".repeat(32)),
            crypto::cms::Options::default(),
        )
    }),
    ("SIG-08", well_signed, || {
        signed(Protocol::EsiaV3, |pairs| set(pairs, "client_secret", "ab cd ef=="), crypto::cms::Options::default())
    }),
    ("SIG-10", || esia_token_lie(1), || esia_token_lie(3)),
    ("IDT-60", || two_linked(false), || two_linked(true)),
    ("IDT-62", || unconfirmed(Outcome::Refused), || unconfirmed(Outcome::Ok)),
    (
        "UI-07",
        || {
            person_lie(
                "person-field-null",
                json!({"family_name": "Иванова", "phone_number": null}),
                json!({"last_name": "Иванова"}),
            )
        },
        || {
            person_lie(
                "person-field-null",
                json!({"family_name": "Иванова", "phone_number": null}),
                json!({"phone": "null"}),
            )
        },
    ),
    (
        "UI-11",
        || {
            person_lie(
                "person-more-than-consented",
                json!({"snils": "1", "inn": "500100732259"}),
                json!({"snils": "1"}),
            )
        },
        || {
            person_lie(
                "person-more-than-consented",
                json!({"snils": "1", "inn": "500100732259"}),
                json!({"inn": "500100732259"}),
            )
        },
    ),
    ("ATU-01", oidc, || {
        let mut scene = Scene::oidc();
        let link = scene.link(ANNA);
        let call = scene.call("POST", "/oidc/userinfo", &link.access, 200, &json!({}));
        scene.wire(call).request.body = Body::Text(format!("access_token={}", link.access));
        scene
    }),
    ("ATU-02", oidc, || {
        let mut scene = Scene::oidc();
        let link = scene.link(ANNA);
        scene.call("GET", &format!("/oidc/userinfo?access_token={}", link.access), &link.access, 200, &json!({}));
        scene
    }),
    ("ATU-03", || redirected("resource-redirect-foreign", false), || redirected("resource-redirect-foreign", true)),
    ("ATU-05", || expired_token(false), || expired_token(true)),
    (
        "ATU-06",
        || resource("resource-401-once", 401, 1, true, Outcome::Ok),
        || resource("resource-401-once", 401, 1, false, Outcome::Refused),
    ),
    (
        "ATU-07",
        || resource("resource-401-forever", 401, 2, false, Outcome::Refused),
        || resource("resource-401-forever", 401, 9, false, Outcome::Refused),
    ),
    (
        "ATU-09",
        || resource("resource-403-scope", 403, 1, false, Outcome::Refused),
        || resource("resource-403-scope", 403, 2, false, Outcome::Refused),
    ),
    ("ATU-11", || mixed_tokens(false), || mixed_tokens(true)),
    ("ATU-14", oidc, || with_canary("access_token", "storage:bank.db")),
    ("ATU-15", oidc, || with_canary("refresh_token", "log:bank.log")),
    ("RT-01", || refreshed(false), || refreshed(true)),
    ("RT-04", || refresh_refused(1, Outcome::Refused), || refresh_refused(2, Outcome::Refused)),
    (
        "RT-11",
        || refreshed(false),
        || {
            let mut scene = Scene::oidc();
            let link = scene.link(ANNA);
            let form =
                [("grant_type", "refresh_token"), ("refresh_token", link.refresh.as_str()), ("scope", "openid inn")];
            scene.token_call(ANNA, &form, &json!({}));
            scene
        },
    ),
    ("CST-01", oidc, || {
        let mut scene = Scene::oidc();
        let link = scene.link(ANNA);
        scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), &link.access, 403, &json!({}));
        scene
    }),
    ("CST-02", || declined(Outcome::Refused, false), || declined(Outcome::Refused, true)),
    ("CST-03", || unanswered(Outcome::Pending), || unanswered(Outcome::Ok)),
    ("CST-04", || partial("debts"), || partial("pension")),
    ("CST-06", oidc, || misused("other-request")),
    ("CST-07", oidc, || misused("second-use")),
    ("CST-08", oidc, || {
        let mut scene = oidc();
        let token = scene.data_token(ANNA, "c-1");
        scene.call("GET", &format!("/api/v1/debts?person={ANNA}&purpose=MARKETING"), &token, 200, &json!({}));
        scene
    }),
    ("CST-10", || expired_consent(false), || expired_consent(true)),
    ("CST-11", || revoked(true, 0, Outcome::Refused), || revoked(true, 1, Outcome::Refused)),
    ("CST-11", || revoked(true, 0, Outcome::Refused), || revoked(true, 0, Outcome::Ok)),
    (
        "CST-12",
        || revoked(false, 1, Outcome::Refused),
        || {
            let mut scene = revoked(false, 1, Outcome::Refused);
            let flow = scene.begin("debts.list", ANNA, json!({}));
            scene.data_token(ANNA, "c-1");
            scene.report(&flow, Outcome::Refused, Some(ReasonClass::Consent), json!({}));
            scene
        },
    ),
    ("CST-14", || copies(false), || copies(true)),
    ("CST-15", || revoked_at_bank(true), || revoked_at_bank(false)),
    ("CST-16", || two_consents(Outcome::Ok), || two_consents(Outcome::Refused)),
    ("CST-17", || given_again(false), || given_again(true)),
    ("POLL-01", || deferred(2000), || deferred(100)),
    ("HTTP-01", || waited("rate-limited", 429, "2", 2500), || waited("rate-limited", 429, "2", 500)),
    ("HTTP-02", || waited("unavailable-until", 503, "date", 3500), || waited("unavailable-until", 503, "date", 500)),
    ("HTTP-05", || failing("server-errors", 503, &[100, 200, 400]), || failing("server-errors", 503, &[400, 200, 100])),
    ("HTTP-05", || failing("server-errors", 503, &[]), || failing("server-errors", 503, &[50; 9])),
    ("HTTP-07", || failing("client-error", 422, &[]), || failing("client-error", 422, &[500])),
    ("HTTP-17", || redirected("api-redirect-foreign", false), || redirected("api-redirect-foreign", true)),
    (
        "HTTP-37",
        || problem("problem-unknown-type", "Портал временно недоступен"),
        || problem("problem-unknown-type", "Flux capacitor overflow"),
    ),
    (
        "HTTP-38",
        || problem("problem-internals", "Портал временно недоступен"),
        || problem("problem-internals", "Ошибка: java.lang.IllegalStateException at ru.portal.Core.run(Core.java:117)"),
    ),
    ("IDEM-01", || paid(None, 201, &[KEY_A], 1, Outcome::Ok), || paid(None, 201, &["1"], 1, Outcome::Ok)),
    (
        "IDEM-02",
        || paid(None, 201, &[KEY_A, KEY_A], 1, Outcome::Ok),
        || paid(None, 201, &[KEY_A, KEY_B], 2, Outcome::Ok),
    ),
    ("IDEM-03", || two_keys(KEY_B), || two_keys(KEY_A)),
    (
        "IDEM-04",
        || paid(Some("payment-answer-lost"), 0, &[KEY_A, KEY_A], 1, Outcome::Ok),
        || paid(Some("payment-answer-lost"), 0, &[KEY_A, KEY_B], 2, Outcome::Ok),
    ),
    (
        "IDEM-05",
        || paid(Some("payment-conflict"), 409, &[KEY_A, KEY_A], 1, Outcome::Ok),
        || paid(Some("payment-conflict"), 409, &[KEY_A, KEY_B], 1, Outcome::Ok),
    ),
    (
        "IDEM-06",
        || paid(Some("payment-unprocessable"), 422, &[KEY_A], 0, Outcome::Refused),
        || paid(Some("payment-unprocessable"), 422, &[KEY_A, KEY_B], 0, Outcome::Refused),
    ),
    ("IDEM-13", || pressed(1), || pressed(2)),
    ("WH-07", || hook_repeated(204), || hook_repeated(409)),
    ("WH-20", || by_get(405), || by_get(200)),
    ("TLS-01", oidc, || handshake(json!(["TLSv1.0", "TLSv1.2"]), json!([]))),
    ("TLS-04", oidc, || handshake(json!([]), json!(["TLS_RSA_WITH_3DES_EDE_CBC_SHA"]))),
    ("TLS-12", oidc, || {
        let mut scene = Scene::oidc();
        let link = scene.link_begin(ANNA);
        scene.wire(link.exchange).tls.as_mut().unwrap().sni = None;
        scene
    }),
    ("OBS-01", oidc, || with_canary("snils", "log:bank.log")),
    ("OBS-03", || split(false), || split(true)),
    ("OBS-06", || refused_because("Подпись маркера не сошлась"), || refused_because("")),
    ("OBS-07", || audited(false), || audited(true)),
    ("DATA-01", oidc, || shown(|debts| debts["totals"]["all"] = json!(1))),
    ("DATA-02", oidc, || shown(|debts| debts["items"][0]["kind"] = json!("tax"))),
    ("DATA-03", oidc, || shown(|debts| debts["items"][0]["amount"] = json!(500))),
    ("DATA-04", oidc, || shown(|debts| debts["items"][0]["due_date"] = json!("2026-11-30"))),
    ("DATA-05", || profile_shown("Иванова"), || profile_shown("Иванов")),
    ("DATA-06", || pension("2026-01-01", 1), || pension("2026-01-01", 100)),
    ("DATA-07", || pension("2026-01-01", 1), || pension("2025-12-31", 1)),
    ("DATA-08", oidc, || shown(|debts| drop(debts["items"].as_array_mut().unwrap().pop()))),
    ("DATA-09", || payment_shown("settled"), || payment_shown("accepted")),
    ("DATA-10", || fed(5), || fed(500)),
];

fn narrowed(fields: &[&str]) -> Scene {
    let mut scene = Scene::oidc();
    let link = scene.link_begin(ANNA);
    let (answer, _, _) = scene.answer(ANNA, "openid fullname", "");
    scene.respond(link.exchange, 200, &[], &answer.to_string());
    scene.lie(link.exchange, "token-scope-narrower");
    let profile = scene.profile(ANNA);
    let shown: serde_json::Map<String, Value> =
        fields.iter().map(|field| ((*field).to_owned(), profile[*field].clone())).collect();
    scene.report(&link.flow, Outcome::Ok, None, json!({"profile": shown}));
    scene
}

/// Families whose tests stand beside their rules: what follows the rules of the file.
static TESTED_BESIDE: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let files = [
        include_str!("families/http.rs"),
        include_str!("families/idem.rs"),
        include_str!("families/json.rs"),
        include_str!("families/poll.rs"),
        include_str!("families/versions.rs"),
        include_str!("families/wh.rs"),
    ];
    files.into_iter().filter_map(|file| Some(file.split_once("#[cfg(test)]")?.1)).collect()
});

#[test]
fn each_duty_is_kept_and_broken() {
    let mut wrong = Vec::new();
    for (id, kept, broken) in cases() {
        let rule = rule(id).unwrap();
        let good = judge(rule, &kept().trace);
        if good.verdict != Verdict::Pass {
            wrong.push(format!("{id} kept: {good:?}"));
        }
        let bad = judge(rule, &broken().trace);
        if bad.verdict != rule.level.broken() || bad.evidence.is_empty() {
            wrong.push(format!("{id} broken: {bad:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_duty_has_its_cases() {
    let known: BTreeSet<&str> = cases().map(|(id, _, _)| *id).collect();
    let beside = |id: &str| TESTED_BESIDE.iter().any(|tests| tests.contains(&format!("\"{id}\"")));
    let missing: Vec<&str> = rules()
        .iter()
        .filter(|rule| matches!(rule.judge, Judge::Duty(_)))
        .map(|rule| rule.id)
        .filter(|id| !known.contains(id) && !beside(id))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn an_endpoint_as_audience_only_warns() {
    let scene = asserted(|_, claims| claims["aud"] = json!(format!("{PORTAL}/oidc/token")));
    assert_eq!(judge(rule("CAUTH-02").unwrap(), &scene.trace).verdict, Verdict::Warning);
}

#[test]
fn oddities_with_a_look_are_looked_at() {
    let judged = |id: &str, scene: Scene| judge(rule(id).unwrap(), &scene.trace).verdict;
    let absent = |shown: Value| person_lie("person-field-absent", json!({"family_name": "Иванова"}), shown);
    assert_eq!(judged("UI-06", absent(json!({"last_name": "Иванова"}))), Verdict::Pass);
    assert_eq!(judged("UI-06", absent(json!({"last_name": "Иванова", "phone": "+70000000000"}))), Verdict::Fail);
    assert_eq!(judged("POLL-13", deferred(2000)), Verdict::Pass);
    let mut lost = deferred(2000);
    let last = lost.trace.events.len() - 1;
    lost.reported(last).report.values.clear();
    assert_eq!(judged("POLL-13", lost), Verdict::Fail);
}

#[test]
fn a_pushed_request_is_read_like_a_plain_one() {
    let mut scene = Scene::oidc();
    let (pairs, _) = scene.ask_params("openid");
    let refs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let body = params(&refs);
    let push = scene.exchange(Party::Bank, Party::Portal, "POST", &format!("{PORTAL}/oidc/par"));
    scene.wire(push).request.body = Body::Text(body);
    scene.respond(push, 201, &[], r#"{"request_uri":"urn:r:1","expires_in":60}"#);
    scene.ask(ANNA, &[("client_id".to_owned(), "BANK01".to_owned()), ("request_uri".to_owned(), "urn:r:1".to_owned())]);
    for id in ["REQ-01", "REQ-02", "REQ-03", "REQ-04", "REQ-07"] {
        let judgement = judge(rule(id).unwrap(), &scene.trace);
        assert_eq!(judgement.verdict, Verdict::Pass, "{id}: {judgement:?}");
    }
}

#[test]
fn a_lie_in_a_key_set_is_forgiven_after_a_second_fetch_only_where_the_catalogue_says_so() {
    let play = |fault: &str| {
        let mut scene = Scene::oidc();
        let link = scene.link_begin(ANNA);
        for lied in [true, false] {
            let keys = scene.exchange(Party::Bank, Party::Portal, "GET", &format!("{PORTAL}/.well-known/jwks.json"));
            if lied {
                scene.lie(keys, fault);
            }
        }
        scene.call("GET", "/oidc/userinfo", &link.access, 200, &json!({}));
        scene.report(&link.flow, Outcome::Ok, None, json!({"profile": {}}));
        scene
    };
    assert_eq!(judge(rule("KEY-03").unwrap(), &play("keys-same-kid-other-key").trace).verdict, Verdict::Pass);
    assert_eq!(judge(rule("KEY-13").unwrap(), &play("keys-empty").trace).verdict, Verdict::Fail);
}
