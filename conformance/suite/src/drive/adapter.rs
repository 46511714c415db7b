//! The three ways to drive a bank, as one: its adapter over HTTP, its own HTTP with a mapping, or a program that reads one
//! JSON and writes one. Whatever the bank does here (no answer, garbage, 404) is a fact about the bank, never an error.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use contract::adapter::{
    ActionCall, Browser, Description, Outcome, ProbeAnswer, ProbeCall, Question, Reason, ReasonClass, Report,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use serde_json_path::JsonPath;
use tokio::io::AsyncWriteExt;

use super::http;
use crate::clock;
use crate::error::SuiteError;
use crate::profile::{Bank, Call, Mapping, Places, Reading};
use crate::scenario::fill::{self, Name};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// 404, 501: the bank does not offer this call.
    NotOffered(String),
    /// Nothing came in time.
    Late(Duration),
    /// Nobody listens, or the connection broke.
    Unreachable(String),
    /// An answer that is none.
    Garbage(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered(how) => write!(out, "does not offer this call ({how})"),
            Self::Late(after) => write!(out, "did not answer within {:.1} s", after.as_secs_f64()),
            Self::Unreachable(why) => write!(out, "could not be reached ({why})"),
            Self::Garbage(what) => write!(out, "gave an answer that cannot be read ({what})"),
        }
    }
}

/// A bank, driven.
#[derive(Debug)]
pub(crate) struct Driver {
    way: Way,
    client: reqwest::Client,
    /// Handles and mappings of pending flows, for `observe` in the bank's own HTTP.
    flows: Mutex<BTreeMap<String, Pending>>,
}

#[derive(Debug)]
enum Way {
    Adapter {
        origin: String,
    },
    Command {
        argv: Vec<String>,
        env: Vec<(String, String)>,
        folder: std::path::PathBuf,
    },
    Own {
        origin: String,
        actions: BTreeMap<String, Mapping>,
        reasons: BTreeMap<String, String>,
        roles: BTreeMap<String, String>,
    },
}

#[derive(Clone, Debug)]
struct Pending {
    action: String,
    call: ActionCall,
    handle: Value,
}

impl Driver {
    pub(crate) fn new(bank: &Bank, places: &Places, client: reqwest::Client) -> Result<Self, SuiteError> {
        let profile = &bank.profile;
        let fill = |text: &str| places.fill(&bank.file, text);
        let way = if let Some(adapter) = &profile.adapter {
            Way::Adapter { origin: fill(&adapter.value)?.trim_end_matches('/').to_owned() }
        } else if let Some(command) = &profile.command {
            let argv = command.iter().map(|word| fill(word)).collect::<Result<_, _>>()?;
            let env = match &profile.start {
                Some(start) => start
                    .env
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), fill(value)?)))
                    .collect::<Result<_, SuiteError>>()?,
                None => Vec::new(),
            };
            Way::Command { argv, env, folder: bank.folder.clone() }
        } else {
            let reasons = profile.reasons.iter().map(|(code, class)| (code.clone(), class.value.clone())).collect();
            Way::Own {
                origin: places.text("bank.url").to_owned(),
                actions: profile.actions.clone(),
                reasons,
                roles: profile.roles.clone(),
            }
        };
        Ok(Self { way, client, flows: Mutex::default() })
    }

    pub(crate) async fn describe(&self, within: Duration) -> Result<Description, Silence> {
        self.verb("describe", "/stend/describe", json!({}), within).await
    }

    pub(crate) async fn action(&self, action: &str, call: &ActionCall, within: Duration) -> Result<Report, Silence> {
        match &self.way {
            Way::Own { .. } => self.own_action(action, call, within).await,
            _ => {
                let body = serde_json::to_value(call).unwrap_or_default();
                self.verb(&format!("action {action}"), &format!("/stend/actions/{action}"), body, within).await
            }
        }
    }

    pub(crate) async fn observe(&self, flow: &str, within: Duration) -> Result<Report, Silence> {
        match &self.way {
            Way::Own { .. } => self.own_observe(flow, within).await,
            _ => self.verb("observe", "/stend/observe", json!({"flow": flow}), within).await,
        }
    }

    pub(crate) async fn probe(
        &self,
        question: Question,
        about: Map<String, Value>,
        within: Duration,
    ) -> Result<Value, Silence> {
        let call = serde_json::to_value(ProbeCall { question, about }).unwrap_or_default();
        self.verb::<ProbeAnswer>("probe", "/stend/probe", call, within).await.map(|answer| answer.answer)
    }

    pub(crate) async fn clock(&self, offset: contract::time::Span, within: Duration) -> Result<(), Silence> {
        self.verb::<Value>("clock", "/stend/clock", json!({"offset": offset}), within).await.map(|_| ())
    }

    async fn verb<T: DeserializeOwned>(
        &self,
        verb: &str,
        path: &str,
        body: Value,
        within: Duration,
    ) -> Result<T, Silence> {
        let bytes = match &self.way {
            Way::Adapter { origin } => {
                let request = self.client.post(format!("{origin}{path}")).json(&body);
                let (status, _, bytes) = self.send(request, within).await?;
                match status {
                    404 | 501 => return Err(Silence::NotOffered(format!("status {status} at {path}"))),
                    200..=299 => bytes,
                    _ => return Err(Silence::Garbage(format!("status {status} at {path}: {}", short(&bytes)))),
                }
            }
            Way::Command { argv, env, folder } => {
                let mut words = verb.splitn(2, ' ');
                let mut asked = match body {
                    Value::Object(members) => members,
                    _ => Map::new(),
                };
                asked.insert("call".to_owned(), Value::from(words.next().unwrap_or_default()));
                if let Some(action) = words.next() {
                    asked.insert("action".to_owned(), Value::from(action));
                }
                run(argv, env, folder, &Value::Object(asked), within).await?
            }
            Way::Own { .. } => return Err(Silence::NotOffered("the bank file maps no such call".to_owned())),
        };
        // `reset` and `clock` may answer with nothing.
        let bytes: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(bytes).map_err(|cause| Silence::Garbage(format!("{cause}: {}", short(bytes))))
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        within: Duration,
    ) -> Result<(u16, reqwest::header::HeaderMap, Vec<u8>), Silence> {
        let exchange = async {
            let response = request.send().await.map_err(|error| Silence::Unreachable(http::cause(&error)))?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let bytes = response.bytes().await.map_err(|error| Silence::Garbage(http::cause(&error)))?;
            Ok((status, headers, bytes.to_vec()))
        };
        clock::bounded(within, exchange).await.unwrap_or(Err(Silence::Late(within)))
    }

    async fn own_action(&self, action: &str, call: &ActionCall, within: Duration) -> Result<Report, Silence> {
        let Way::Own { actions, .. } = &self.way else { return Err(Silence::NotOffered(action.to_owned())) };
        let Some(mapping) = actions.get(action) else {
            return Err(Silence::NotOffered(format!("the bank file maps no `{action}`")));
        };
        let (report, handle) = self.own_call(&mapping.http, &mapping.outcome, call, &Value::Null, within).await?;
        let pending = Pending { action: action.to_owned(), call: call.clone(), handle };
        if let Ok(mut flows) = self.flows.lock() {
            flows.insert(call.flow.clone(), pending);
        }
        Ok(report)
    }

    async fn own_observe(&self, flow: &str, within: Duration) -> Result<Report, Silence> {
        let Way::Own { actions, .. } = &self.way else { return Err(Silence::NotOffered("observe".to_owned())) };
        let pending = self.flows.lock().ok().and_then(|flows| flows.get(flow).cloned());
        let Some(pending) = pending else {
            return Err(Silence::NotOffered(format!("no flow {flow} is known")));
        };
        let Some(mapping) = actions.get(&pending.action) else {
            return Err(Silence::NotOffered(pending.action));
        };
        let (http, reading) = match &mapping.observe {
            Some(observe) => (&observe.http, observe.outcome.as_ref().unwrap_or(&mapping.outcome)),
            None => (&mapping.http, &mapping.outcome),
        };
        self.own_call(http, reading, &pending.call, &pending.handle, within).await.map(|(report, _)| report)
    }

    async fn own_call(
        &self,
        call: &Call,
        reading: &Reading,
        action: &ActionCall,
        handle: &Value,
        within: Duration,
    ) -> Result<(Report, Value), Silence> {
        let Way::Own { origin, reasons, roles, .. } = &self.way else {
            return Err(Silence::NotOffered(call.path.clone()));
        };
        let find = |name: &Name| match name.root.as_str() {
            "customer" => action.customer.clone().map(Value::from),
            "flow" => Some(Value::from(action.flow.as_str())),
            "handle" => Some(handle.clone()),
            "operation" => Some(Value::from(action.operation.as_str())),
            "params" => fill::follow(&Value::Object(action.params.clone()), &name.way),
            _ => None,
        };
        let text = |template: &str| fill::written(&fill::fill(template, fill::Lookup::last(&find)));
        let method = reqwest::Method::from_bytes(call.method.to_uppercase().as_bytes())
            .map_err(|_| Silence::NotOffered(format!("`{}` is no method", call.method)))?;
        let mut request = self.client.request(method, format!("{origin}{}", text(&call.path)));
        for (name, value) in &call.headers {
            request = request.header(name, text(value));
        }
        if let Some(token) = call.role.as_ref().and_then(|role| roles.get(role)) {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &call.body {
            let mut body = body.clone();
            fill::fill_value(&mut body, fill::Lookup::last(&find));
            request = request.json(&body);
        }
        let (status, headers, bytes) = self.send(request, within).await?;
        if status == 501 || (status == 404 && bytes.is_empty()) {
            return Err(Silence::NotOffered(format!("status {status} at {}", call.path)));
        }
        let location = headers.get(reqwest::header::LOCATION).and_then(|value| value.to_str().ok());
        let body: Value = match serde_json::from_slice(&bytes) {
            Ok(body) => body,
            Err(_) if bytes.is_empty() || location.is_some() => Value::Null,
            Err(cause) => return Err(Silence::Garbage(format!("{cause}: {}", short(&bytes)))),
        };
        Ok(read_answer(status, location, &body, reading, reasons))
    }
}

/// Reads the bank's own answer by its mapping.
fn read_answer(
    status: u16,
    location: Option<&str>,
    body: &Value,
    reading: &Reading,
    reasons: &BTreeMap<String, String>,
) -> (Report, Value) {
    let at = |path: &Option<String>| -> Option<Value> {
        let path = JsonPath::parse(path.as_ref()?).ok()?;
        path.query(body).first().filter(|value| !value.is_null()).cloned()
    };
    let browser = at(&reading.browser)
        .map(|url| fill::written(&url))
        .or_else(|| location.filter(|_| (300..400).contains(&status)).map(str::to_owned));
    let word = at(&reading.state).map(|word| fill::written(&word));
    let by_word = word.as_ref().and_then(|word| {
        let mapped = reading.words.get(word).unwrap_or(word);
        serde_json::from_value::<Outcome>(Value::from(mapped.as_str())).ok()
    });
    let by_status = match status {
        202 | 300..400 => Outcome::Pending,
        200..300 => Outcome::Ok,
        400..500 => Outcome::Refused,
        _ => Outcome::Error,
    };
    let outcome = by_word.unwrap_or(if browser.is_some() { Outcome::Pending } else { by_status });
    let code = at(&reading.code).map(|code| fill::written(&code));
    let reason = match outcome {
        Outcome::Refused | Outcome::Error => {
            let code = code.unwrap_or_default();
            let class = reasons
                .get(&code)
                .and_then(|class| serde_json::from_value::<ReasonClass>(Value::from(class.as_str())).ok())
                .unwrap_or(ReasonClass::Other);
            let message = at(&reading.message).map(|text| fill::written(&text)).unwrap_or_default();
            Some(Reason { class, code, message })
        }
        _ => None,
    };
    let values =
        reading.values.iter().filter_map(|(name, path)| Some((name.clone(), at(&Some(path.clone()))?))).collect();
    let report = Report {
        outcome,
        reason,
        values,
        customer: at(&reading.customer).map(|customer| fill::written(&customer)),
        browser: browser.map(|url| Browser { url }),
    };
    (report, at(&reading.handle).unwrap_or(Value::Null))
}

async fn run(
    argv: &[String],
    env: &[(String, String)],
    folder: &std::path::Path,
    asked: &Value,
    within: Duration,
) -> Result<Vec<u8>, Silence> {
    let Some((program, words)) = argv.split_first() else {
        return Err(Silence::NotOffered("the command is empty".to_owned()));
    };
    let broken = |cause: std::io::Error| Silence::Unreachable(format!("{program}: {cause}"));
    let mut child = tokio::process::Command::new(program)
        .args(words)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(broken)?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read its input may still answer.
        let _ = input.write_all(asked.to_string().as_bytes()).await;
    }
    let output = match clock::bounded(within, child.wait_with_output()).await {
        Some(output) => output.map_err(broken)?,
        None => return Err(Silence::Late(within)),
    };
    match output.status.code() {
        Some(0) => Ok(output.stdout),
        // EX_UNAVAILABLE of sysexits: the bank does not offer this call.
        Some(69) => Err(Silence::NotOffered(format!("{program} exited with 69"))),
        _ => Err(Silence::Garbage(format!("{program} ended with {}", output.status))),
    }
}

fn short(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        serde_json::from_value(json!({
            "state": "$.state", "words": {"DONE": "ok", "WAIT": "pending", "NO": "refused"},
            "code": "$.error.code", "message": "$.error.text", "customer": "$.client",
            "browser": "$.go", "handle": "$.op", "values": {"items": "$.debts"},
        }))
        .unwrap()
    }

    #[test]
    fn the_banks_own_words_are_read_by_the_mapping() {
        let body = json!({"state": "DONE", "client": 17, "op": "x-1", "debts": [{"uin": "1"}]});
        let (report, handle) = read_answer(200, None, &body, &reading(), &BTreeMap::new());
        assert_eq!(report.outcome, Outcome::Ok);
        assert_eq!(report.customer.as_deref(), Some("17"));
        assert_eq!(report.values["items"][0]["uin"], "1");
        assert_eq!(handle, "x-1");
    }

    #[test]
    fn error_codes_become_reason_classes() {
        let body = json!({"state": "NO", "error": {"code": "E-SIGN", "text": "bad signature"}});
        let reasons = BTreeMap::from([("E-SIGN".to_owned(), "signature".to_owned())]);
        let (report, _) = read_answer(422, None, &body, &reading(), &reasons);
        assert_eq!(report.outcome, Outcome::Refused);
        assert_eq!(report.reason.unwrap().class, ReasonClass::Signature);
    }

    #[test]
    fn a_redirect_sends_the_person_on() {
        let (report, _) =
            read_answer(302, Some("https://bank/go"), &Value::Null, &Reading::default(), &BTreeMap::new());
        assert_eq!(report.outcome, Outcome::Pending);
        assert_eq!(report.browser.unwrap().url, "https://bank/go");
    }
}

#[cfg(test)]
mod wire {
    use std::path::Path;

    use wiremock::matchers::{body_partial_json, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn driver(server: &MockServer) -> Driver {
        let text = include_str!("../../profiles/reference.yaml");
        let bank = crate::profile::parse("reference.yaml", text, Path::new(".")).unwrap();
        let mut places = Places::default();
        places.set("port.bank", "1");
        let mut driver = Driver::new(&bank, &places, http::client(&[]).unwrap()).unwrap();
        driver.way = Way::Adapter { origin: server.uri() };
        driver
    }

    fn call() -> ActionCall {
        ActionCall { flow: "f-1".to_owned(), operation: "o-1".to_owned(), customer: None, params: Map::new() }
    }

    const SOON: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn an_answer_is_a_report() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/stend/actions/debts.list"))
            .and(body_partial_json(json!({"flow": "f-1", "operation": "o-1"})))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"outcome": "ok", "values": {"items": []}})))
            .mount(&server)
            .await;
        let report = driver(&server).await.action("debts.list", &call(), SOON).await.unwrap();
        assert_eq!(report.outcome, Outcome::Ok);
    }

    #[tokio::test]
    async fn each_silence_is_told_apart_and_none_is_an_error_of_ours() {
        let server = MockServer::start().await;
        let answers = [
            ("a", ResponseTemplate::new(404)),
            ("b", ResponseTemplate::new(501)),
            ("c", ResponseTemplate::new(200).set_body_string("<html>")),
            ("d", ResponseTemplate::new(500)),
            ("e", ResponseTemplate::new(200).set_delay(Duration::from_secs(20))),
        ];
        for (action, answer) in answers {
            Mock::given(path(format!("/stend/actions/{action}"))).respond_with(answer).mount(&server).await;
        }
        let driver = driver(&server).await;
        let mut seen = Vec::new();
        for action in ["a", "b", "c", "d", "e"] {
            seen.push(match driver.action(action, &call(), SOON).await.unwrap_err() {
                Silence::Garbage(_) => "garbage",
                Silence::Late(_) => "late",
                Silence::NotOffered(_) => "not offered",
                Silence::Unreachable(_) => "unreachable",
            });
        }
        assert_eq!(seen, ["not offered", "not offered", "garbage", "garbage", "late"]);
    }

    #[tokio::test]
    async fn nobody_there_is_a_fact_too() {
        let server = MockServer::start().await;
        let mut driver = driver(&server).await;
        driver.way = Way::Adapter { origin: "http://127.0.0.1:9".to_owned() };
        let silence = driver.describe(SOON).await.unwrap_err();
        assert!(matches!(silence, Silence::Unreachable(_)), "{silence}");
    }

    #[tokio::test]
    async fn a_program_answers_on_its_standard_output() {
        let server = MockServer::start().await;
        let mut driver = driver(&server).await;
        let way = |script: &str| Way::Command {
            argv: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()],
            env: Vec::new(),
            folder: ".".into(),
        };
        driver.way = way("cat >/dev/null; echo '{\"outcome\":\"pending\"}'");
        let report = driver.observe("f-1", Duration::from_secs(10)).await.unwrap();
        assert_eq!(report.outcome, Outcome::Pending);
        driver.way = way("exit 69");
        assert!(matches!(driver.observe("f-1", Duration::from_secs(10)).await, Err(Silence::NotOffered(_))));
        driver.way = way("exit 1");
        assert!(matches!(driver.observe("f-1", Duration::from_secs(10)).await, Err(Silence::Garbage(_))));
    }
}
