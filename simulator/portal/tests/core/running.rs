//! A portal started for real on free ports, and its control API.

use std::path::Path;

use contract::control::ReadyLine;
use portal::config::Overrides;
use portal::serve::{Options, ServeError, serve_telling};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct Running {
    pub(crate) ready: ReadyLine,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
    pub(crate) client: reqwest::Client,
    token: String,
}

pub(crate) async fn start(folder: &Path, state: &str, yaml: &str) -> Running {
    let config = folder.join("stend.yaml");
    std::fs::write(&config, yaml).unwrap();
    let overrides = Overrides {
        listen: Some("localhost:0".into()),
        control: Some("localhost:0".into()),
        state: Some(state.into()),
        ..Overrides::default()
    };
    let (told, ready) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(serve_telling(
        Options { config: Some(config), overrides },
        async move {
            let _ = stopped.await;
        },
        move |line| {
            let _ = told.send(line.clone());
        },
    ));
    let ready = match ready.await {
        Ok(ready) => ready,
        Err(_) => panic!("{:?}", task.await.unwrap().unwrap_err()),
    };
    let ca = reqwest::Certificate::from_pem(&std::fs::read(&ready.ca).unwrap()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let token = std::fs::read_to_string(&ready.token_file).unwrap();
    Running { ready, stop, task, client, token }
}

impl Running {
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.call_in("default", method, path, body).await
    }

    pub(crate) async fn call_in(&self, sandbox: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.ready.control))
            .bearer_auth(&self.token)
            .header("Stend-Sandbox", sandbox);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Stopped, and started again over the same state.
    pub(crate) async fn restarted(self, folder: &Path, state: &str) -> Self {
        self.stop().await;
        start(folder, state, "").await
    }

    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap().unwrap();
    }
}
