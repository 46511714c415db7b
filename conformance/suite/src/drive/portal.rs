//! The portal as the suite meets it: a process of its own (or one that already runs), and its control API.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use contract::control::{
    CitizenAsk, ClockAdvance, FaultAsk, Message, ReadyLine, RecordsPage, SANDBOX_HEADER, SandboxAsk, SandboxOpened,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::http;
use super::process::Group;
use crate::clock;
use crate::error::SuiteError;

/// A portal that is ready, with its control API.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) ready: ReadyLine,
    pub(crate) ca_pem: String,
    control: Control,
    /// Ends the process when the run ends; absent for a portal that ran before.
    _process: Option<Group>,
}

#[derive(Clone, Debug)]
struct Control {
    origin: String,
    token: String,
    client: reqwest::Client,
}

/// One sandbox, through the control API.
#[derive(Clone, Debug)]
pub(crate) struct Sandbox {
    control: Control,
    pub(crate) opened: SandboxOpened,
}

#[derive(serde::Deserialize)]
struct MessagesPage {
    messages: Vec<Message>,
}

/// What the suite tells a portal that it starts itself.
#[derive(Clone, Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) exe: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) state: Option<&'a str>,
    pub(crate) seed: u64,
    /// A fixed address, for banks that already run.
    pub(crate) listen: Option<&'a str>,
}

impl Portal {
    /// Starts `<exe> serve` and waits for its ready line.
    pub(crate) async fn start(launch: Launch<'_>) -> Result<Self, SuiteError> {
        let config = launch.folder.join("stend.yaml");
        let text = "diagnosis: false\nstrictness: strict\n";
        std::fs::write(&config, text).map_err(|cause| {
            SuiteError::new(format!("cannot write {}: {cause}", config.display()), "check the temporary folder")
        })?;
        let output = launch.folder.join("portal.out");
        let errors = file(&output)?;
        let mut command = tokio::process::Command::new(launch.exe);
        command
            .arg("serve")
            .args(["--listen", launch.listen.unwrap_or("localhost:0"), "--control", "localhost:0"])
            .args(["--state", launch.state.unwrap_or("memory")])
            .args(["--seed", &launch.seed.to_string()])
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|cause| {
            SuiteError::new(
                format!("cannot start {} serve: {cause}", launch.exe.display()),
                "check that it is executable",
            )
        })?;
        let lines = child.stdout.take().map(|out| BufReader::new(out).lines());
        let mut group = Group::new(child);
        let Some(mut lines) = lines else {
            return Err(SuiteError::new("the portal has no output", ""));
        };
        let line = clock::bounded(Duration::from_secs(30), lines.next_line()).await;
        let said = || {
            let text = std::fs::read_to_string(&output).unwrap_or_default();
            text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned()
        };
        let line = match line {
            Some(Ok(Some(line))) => line,
            Some(_) => {
                // The exit closes standard output a moment before its last words are on file.
                let _ = group.ended(Duration::from_secs(2)).await;
                return Err(SuiteError::new(
                    format!("the portal did not start: {}", said()),
                    "free the port or mend the setting",
                ));
            }
            None => {
                return Err(SuiteError::new(
                    format!("the portal was not ready within 30 s: {}", said()),
                    "look at its output",
                ));
            }
        };
        let ready: ReadyLine = serde_json::from_str(&line).map_err(|cause| {
            SuiteError::new(format!("the portal's ready line cannot be read: {cause}"), "use one build of stend")
        })?;
        // Whatever it prints later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self::meet(ready, Path::new(""), Some(group))
    }

    /// Uses the portal whose ready line stands in `path`.
    pub(crate) fn running(path: &Path) -> Result<Self, SuiteError> {
        let mend = "save the line that `stend serve` prints when it is ready";
        let text = std::fs::read_to_string(path)
            .map_err(|cause| SuiteError::new(format!("cannot read {}: {cause}", path.display()), mend))?;
        let ready = serde_json::from_str(text.trim())
            .map_err(|cause| SuiteError::new(format!("{} is no ready line: {cause}", path.display()), mend))?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::meet(ready, &folder, None)
    }

    fn meet(ready: ReadyLine, folder: &Path, process: Option<Group>) -> Result<Self, SuiteError> {
        let read = |path: &str, what: &str| {
            let found = [PathBuf::from(path), folder.join(path)].into_iter().find(|path| path.exists());
            std::fs::read_to_string(found.unwrap_or_else(|| PathBuf::from(path))).map_err(|cause| {
                SuiteError::new(
                    format!("cannot read the portal's {what} {path}: {cause}"),
                    "run on the portal's machine",
                )
            })
        };
        let ca_pem = read(&ready.ca, "certificate")?;
        let token = read(&ready.token_file, "control token")?.trim().to_owned();
        let control = Control { origin: ready.control.clone(), token, client: http::client(&[&ca_pem])? };
        Ok(Self { ready, ca_pem, control, _process: process })
    }

    pub(crate) async fn open(&self, ask: &SandboxAsk) -> Result<Sandbox, SuiteError> {
        let opened = self.control.call("POST", "/sandboxes", None, Some(ask)).await?;
        Ok(Sandbox { control: self.control.clone(), opened })
    }

    /// The folder that holds the authority, where the portal keeps it with its data.
    pub(crate) fn authority(&self) -> PathBuf {
        Path::new(&self.ready.ca).parent().unwrap_or(Path::new(".")).to_owned()
    }

    /// The sandbox that listens at the portal's own address, for a bank that cannot be told another one.
    pub(crate) fn default_sandbox(&self) -> Sandbox {
        let opened = SandboxOpened {
            id: contract::control::DEFAULT_SANDBOX.to_owned(),
            portal: self.ready.portal.clone(),
            foreign: String::new(),
            oidc_issuer: self.ready.oidc_issuer.clone(),
            esia_issuer: self.ready.esia_issuer.clone(),
            ca: self.ca_pem.clone(),
            limits: contract::control::Limits::default(),
        };
        Sandbox { control: self.control.clone(), opened }
    }

    pub(crate) async fn register(&self, partner: &contract::control::PartnerConfig) -> Result<(), SuiteError> {
        self.control.call::<Value>("POST", "/partners", None, Some(partner)).await.map(|_| ())
    }
}

fn file(path: &Path) -> Result<std::fs::File, SuiteError> {
    std::fs::File::create(path).map_err(|cause| {
        SuiteError::new(format!("cannot write {}: {cause}", path.display()), "check the temporary folder")
    })
}

/// What the portal answered to an act of a citizen or its own.
pub(crate) enum Asked {
    Done(Value),
    /// A problem of the error registry: where matters stand, the act is not possible.
    Refused {
        code: String,
        why: String,
    },
}

fn failed(method: &str, path: &str, cause: String) -> SuiteError {
    SuiteError::new(format!("the portal's control API failed at {method} {path}: {cause}"), "")
}

impl Control {
    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        sandbox: Option<&str>,
        body: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<T, SuiteError> {
        let (status, bytes) = self.exchange(method, path, sandbox, body).await?;
        if !status.is_success() {
            let text: String = String::from_utf8_lossy(&bytes).chars().take(300).collect();
            return Err(failed(method, path, format!("{status} {text}")));
        }
        let bytes: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(bytes).map_err(|cause| failed(method, path, cause.to_string()))
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        sandbox: Option<&str>,
        body: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<(reqwest::StatusCode, bytes::Bytes), SuiteError> {
        let failed = |cause: String| failed(method, path, cause);
        let method_name = reqwest::Method::from_bytes(method.as_bytes()).map_err(|cause| failed(cause.to_string()))?;
        let mut request = self.client.request(method_name, format!("{}{path}", self.origin)).bearer_auth(&self.token);
        if let Some(sandbox) = sandbox {
            request = request.header(SANDBOX_HEADER, sandbox);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let exchange = async {
            let response = request.send().await.map_err(|error| failed(http::cause(&error)))?;
            let status = response.status();
            let bytes = response.bytes().await.map_err(|error| failed(http::cause(&error)))?;
            Ok((status, bytes))
        };
        clock::bounded(Duration::from_secs(60), exchange)
            .await
            .unwrap_or_else(|| Err(failed("no answer within 60 s".to_owned())))
    }
}

impl Sandbox {
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, SuiteError> {
        self.control.call("GET", path, Some(&self.opened.id), None::<&Value>).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &(impl Serialize + ?Sized)) -> Result<T, SuiteError> {
        self.control.call("POST", path, Some(&self.opened.id), Some(body)).await
    }

    /// A call of the control API whose answer may be a refusal.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Asked, SuiteError> {
        let (status, bytes) = self.control.exchange(method, path, Some(&self.opened.id), Some(body)).await?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(Asked::Done(answer));
        }
        let (code, detail) = (answer["code"].as_str(), answer["detail"].as_str().unwrap_or_default());
        // A code of the control API itself is a mistake in the asking, not an answer of the portal.
        let is_portal_s =
            |code: &&str| contract::error::find(code).is_some_and(|row| row.form != contract::error::Form::Control);
        match code.filter(is_portal_s).filter(|_| status.is_client_error()) {
            Some(code) => Ok(Asked::Refused { code: code.to_owned(), why: format!("{status} {code}: {detail}") }),
            None => Err(failed(method, path, format!("{status} {}", String::from_utf8_lossy(&bytes)))),
        }
    }

    /// A fresh person with this story.
    pub(crate) async fn citizen(&self, story: &str) -> Result<Value, SuiteError> {
        self.post("/citizens", &CitizenAsk { like: story.to_owned() }).await
    }

    pub(crate) async fn messages(&self, slug: &str) -> Result<Vec<Message>, SuiteError> {
        let mut page: MessagesPage = self.get(&format!("/citizens/{slug}/messages")).await?;
        Ok(std::mem::take(&mut page.messages))
    }

    pub(crate) async fn arm(&self, ask: &FaultAsk) -> Result<String, SuiteError> {
        let answer: Value = self.post("/faults", ask).await?;
        match &answer["id"] {
            Value::String(id) => Ok(id.clone()),
            Value::Null => Err(SuiteError::new("the control API armed a fault without an id", "")),
            other => Ok(other.to_string()),
        }
    }

    pub(crate) async fn disarm(&self, id: &str) -> Result<(), SuiteError> {
        self.control
            .call::<Value>("DELETE", &format!("/faults/{id}"), Some(&self.opened.id), None::<&Value>)
            .await
            .map(|_| ())
    }

    pub(crate) async fn advance(&self, by: contract::time::Span) -> Result<Value, SuiteError> {
        self.post("/clock/advance", &ClockAdvance { by }).await
    }

    pub(crate) async fn rotate(&self) -> Result<(), SuiteError> {
        self.post::<Value>("/keys/rotate", &json!({"overlap": true})).await.map(|_| ())
    }

    pub(crate) async fn flush_hooks(&self) -> Result<(), SuiteError> {
        self.post::<Value>("/hooks/flush", &json!({})).await.map(|_| ())
    }

    pub(crate) async fn revoke(&self, consent: &str) -> Result<(), SuiteError> {
        self.post::<Value>(&format!("/citizen/consents/{consent}/revoke"), &json!({})).await.map(|_| ())
    }

    /// What was recorded after these exchanges and entries.
    pub(crate) async fn records(&self, exchange: u64, entry: u64) -> Result<RecordsPage, SuiteError> {
        self.get(&format!("/records?exchange={exchange}&entry={entry}")).await
    }

    pub(crate) async fn close(&self) {
        let path = format!("/sandboxes/{}", self.opened.id);
        // The run is over: a sandbox that will not close ends with its portal.
        let _ = self.control.call::<Value>("DELETE", &path, None, None::<&Value>).await;
    }
}
