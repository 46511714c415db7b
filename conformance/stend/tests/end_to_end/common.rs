//! What the end-to-end tests share: the real binary, a running portal, and calls to its control API.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The program under test.
pub(crate) fn stend() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stend"));
    command.current_dir(repository()).env_remove("STEND_LOG").env("NO_COLOR", "1");
    command
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs to the end and gives exit code, standard output and standard error.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().expect("the program starts");
    (
        status.code().expect("it ended by itself"),
        String::from_utf8_lossy(&stdout).into_owned(),
        String::from_utf8_lossy(&stderr).into_owned(),
    )
}

/// `stend serve` on free ports, killed when dropped.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) ready: Value,
    client: reqwest::blocking::Client,
}

impl Served {
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        let mut child = stend()
            .current_dir(folder)
            .args(["serve", "--listen", "localhost:0", "--control", "localhost:0"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the portal starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a ready line");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|why| panic!("ready line {line:?}: {why}"));
        let ca =
            std::fs::read(folder.join(ready["ca"].as_str().expect("a path"))).expect("the authority's certificate");
        let client = client(&ca);
        Self { child, ready, client }
    }

    pub(crate) fn portal(&self) -> &str {
        self.ready["portal"].as_str().expect("an address")
    }

    pub(crate) fn token(&self, folder: &Path) -> String {
        let path = folder.join(self.ready["token_file"].as_str().expect("a path"));
        std::fs::read_to_string(path).expect("the control token").trim().to_owned()
    }

    pub(crate) fn http(&self) -> &reqwest::blocking::Client {
        &self.client
    }

    pub(crate) fn control(&self, folder: &Path, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.ready["control"].as_str().expect("an address"));
        let mut call = self.client.request(method.parse().expect("a method"), url).bearer_auth(self.token(folder));
        if let Some(body) = body {
            call = call.json(&body);
        }
        let answer = call.send().expect("the control API answers");
        let status = answer.status().as_u16();
        (status, answer.json().unwrap_or(Value::Null))
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that trusts only this authority.
pub(crate) fn client(ca_pem: &[u8]) -> reqwest::blocking::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::blocking::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(ca_pem).expect("a certificate")])
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}
