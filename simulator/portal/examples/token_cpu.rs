//! How much processor time the portal spends on one request to its token end point: partners with keys and tokens of GOST
//! beside those of RSA-2048 and ECDSA P-256.
//!
//! `cargo run --release -p portal --example token_cpu [requests]`, on Linux. The portal runs in a process of its own and
//! is asked over TLS, one request at a time on one connection; what is counted is that process's time in user and kernel
//! mode, so neither the client's signatures nor a busy machine disturb the figures much. `client` is a token on the
//! client's own word: one signature verified, one made. `refresh` is a person's access and id token: one verified, two
//! made. The first row is a request without any signature, so that the rest of a request can be told apart.

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use certs::{Authority, Key, Profile, Subject};
use contract::control::{ReadyLine, TokenAlg};
use contract::time::Timestamp;
use crypto::{Algorithm, Certificate, PrivateKey, base64};
use portal::clock::wall_us;
use portal::config::Overrides;
use portal::serve::{Options, serve};
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

/// Where the browser would be sent; nothing listens there.
const CALLBACK: &str = "https://localhost:9443/callback";
/// Requests before the counting: connections, tables and caches are there afterwards.
const WARM_UP: usize = 50;
/// The kernel counts processor time in hundredths of a second (`USER_HZ`), whatever its own clock.
const TICK_US: f64 = 10_000.0;

const PARTNERS: [(&str, Algorithm, TokenAlg); 3] = [
    ("RSA-2048", Algorithm::Rsa2048, TokenAlg::RS256),
    ("ECDSA-P256", Algorithm::EcdsaP256, TokenAlg::ES256),
    ("GOST-256", Algorithm::GOST_256, TokenAlg::GOST3410_2012_256),
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let first = words.next();
    let done = match first.as_deref() {
        Some("serve") => served(words.next().as_deref().unwrap_or_default()),
        count => count.map_or(Ok(2_000), str::parse).map_err(Failure::from).and_then(measured),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed to measure: {error}");
            ExitCode::from(2)
        }
    }
}

/// The process that is measured: a portal in memory, until its standard input ends.
fn served(folder: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let overrides = Overrides {
        listen: Some("localhost:0".into()),
        control: Some("localhost:0".into()),
        state: Some("memory".into()),
        ..Overrides::default()
    };
    let options = Options { config: Some(Path::new(folder).join("stend.yaml")), overrides };
    let ended = async {
        let read = || std::io::stdin().read_to_end(&mut Vec::new());
        // Whatever became of the input, the parent is gone or wants an end.
        let _ = tokio::task::spawn_blocking(read).await;
    };
    Ok(runtime.block_on(serve(options, ended))?)
}

/// The measured process; ended with the measurement.
struct Portal {
    child: Child,
    ready: ReadyLine,
    client: reqwest::Client,
    token: String,
}

impl Drop for Portal {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn measured(requests: usize) -> Result<(), Failure> {
    // The client asks for the process's provider; nobody else is there to install one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("stend.yaml"), "strictness: strict\n")?;
    let now = Timestamp::from_millis(wall_us() / 1_000);
    let authority = Authority::open_or_create(&folder.path().join("pki"), now, Algorithm::EcdsaP256)?;
    let portal = Portal::start(folder.path())?;
    println!("{requests} requests each, µs of the portal's processor time per request\n");
    println!("{:12} {:>10} {:>10}", "", "client", "refresh");
    runtime.block_on(async {
        let nothing = portal.cost(requests, async || portal.health().await).await?;
        println!("{:12} {nothing:>10.0} {:>10}", "(none)", "");
        for (name, algorithm, token_alg) in PARTNERS {
            let mut bank = Bank::registered(&portal, &authority, name, algorithm, token_alg).await?;
            bank.sign_in(&portal).await?;
            let client = portal.cost(requests, async || bank.on_its_own_word(&portal).await).await?;
            let refresh = portal.cost(requests, async || bank.refreshed(&portal).await).await?;
            println!("{name:12} {client:>10.0} {refresh:>10.0}");
        }
        Ok(())
    })
}

impl Portal {
    fn start(folder: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("no standard output")?;
        BufReader::new(out).read_line(&mut line)?;
        let ready: ReadyLine = serde_json::from_str(&line)?;
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&std::fs::read(&ready.ca)?)?])
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let token = std::fs::read_to_string(&ready.token_file)?;
        Ok(Self { child, ready, client, token })
    }

    /// Microseconds of processor time per call.
    async fn cost(&self, calls: usize, mut call: impl AsyncFnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
        for _ in 0..WARM_UP {
            call().await?;
        }
        let before = self.spent_us()?;
        for _ in 0..calls {
            call().await?;
        }
        Ok((self.spent_us()? - before) / calls as f64)
    }

    /// What the process has spent so far (proc_pid_stat(5): `utime` and `stime`).
    fn spent_us(&self) -> Result<f64, Failure> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name may hold blanks and ends with the last parenthesis; the state is the third field.
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| -> Result<f64, Failure> { Ok(fields.get(at).ok_or("no times in stat")?.parse()?) };
        Ok((ticks(11)? + ticks(12)?) * TICK_US)
    }

    async fn health(&self) -> Result<(), Failure> {
        self.client.get(format!("{}/health", self.ready.portal)).send().await?.error_for_status()?.bytes().await?;
        Ok(())
    }

    async fn control(&self, path: &str, body: Value) -> Result<Value, Failure> {
        let call = self.client.post(format!("{}{path}", self.ready.control)).bearer_auth(&self.token).json(&body);
        Ok(call.send().await?.error_for_status()?.json().await?)
    }
}

struct Bank {
    client_id: &'static str,
    key: PrivateKey,
    hash: String,
    refresh: String,
    made: u64,
}

impl Bank {
    async fn registered(
        portal: &Portal,
        authority: &Authority,
        client_id: &'static str,
        algorithm: Algorithm,
        token_alg: TokenAlg,
    ) -> Result<Self, Failure> {
        let key = PrivateKey::generate(algorithm)?;
        let now = Timestamp::from_millis(wall_us() / 1_000);
        let issued = authority.issue(Profile::named("partner")?, &Subject::named(client_id), Key::Own(&key), now)?;
        let partner = json!({
            "client_id": client_id, "certificates": [issued.cert_pem], "redirect_uris": [CALLBACK], "token_alg": token_alg,
        });
        portal.control("/partners", partner).await?;
        let hash = Certificate::client_certificate_hash(&issued.certificate);
        Ok(Self { client_id, key, hash, refresh: String::new(), made: 0 })
    }

    /// A signed request: the parameters named in `order` make the string (ESIA v2 and v3).
    fn signed(&mut self, more: &[(&str, &str)], order: &[&str]) -> Result<Vec<(String, String)>, Failure> {
        self.made += 1;
        let timestamp = Timestamp::from_millis(wall_us() / 1_000).to_esia();
        let state = format!("{}-{}", self.client_id, self.made);
        let mut pairs: Vec<(String, String)> = [
            ("client_id", self.client_id),
            ("timestamp", &timestamp),
            ("state", &state),
            ("redirect_uri", CALLBACK),
            ("client_certificate_hash", &self.hash),
        ]
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        let value = |name: &&str| pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
        let text: String = order.iter().map(value).collect();
        let secret = base64::encode_url(&self.key.sign(text.as_bytes())?);
        pairs.push(("client_secret".to_owned(), secret));
        Ok(pairs)
    }

    async fn tokens(&mut self, portal: &Portal, more: &[(&str, &str)], order: &[&str]) -> Result<Value, Failure> {
        let form = self.signed(&[more, &[("token_type", "Bearer")]].concat(), order)?;
        let answer = portal.client.post(format!("{}/aas/oauth2/v3/te", portal.ready.portal)).form(&form).send().await?;
        let (status, body) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(format!("{} got {status}: {body}", self.client_id).into());
        }
        Ok(serde_json::from_str(&body)?)
    }

    /// A person signs in once, so that there is something to renew.
    async fn sign_in(&mut self, portal: &Portal) -> Result<(), Failure> {
        let more = [("scope", "openid fullname"), ("response_type", "code"), ("access_type", "offline")];
        let query = self.signed(&more, &STRING)?;
        let url = url::Url::parse_with_params(&format!("{}/aas/oauth2/v2/ac", portal.ready.portal), &query)?;
        let acted = portal.control("/citizen/act", json!({"url": url.as_str(), "citizen": "anna-confirmed"})).await?;
        let back = url::Url::parse(acted["redirect"].as_str().ok_or("the person was not sent back")?)?;
        let code = back.query_pairs().find(|(name, _)| name == "code").ok_or(format!("no code in {back}"))?.1;
        let more = [("scope", "openid fullname"), ("grant_type", "authorization_code"), ("code", &code)];
        let answer = self.tokens(portal, &more, &[&STRING[..], &["code"]].concat()).await?;
        self.refresh = answer["refresh_token"].as_str().ok_or("no refresh token")?.to_owned();
        Ok(())
    }

    async fn on_its_own_word(&mut self, portal: &Portal) -> Result<(), Failure> {
        self.tokens(portal, &[("scope", "consents"), ("grant_type", "client_credentials")], &STRING).await.map(|_| ())
    }

    async fn refreshed(&mut self, portal: &Portal) -> Result<(), Failure> {
        let refresh = self.refresh.clone();
        let more = [("scope", "openid fullname"), ("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let answer = self.tokens(portal, &more, &STRING).await?;
        self.refresh = answer["refresh_token"].as_str().ok_or("no refresh token")?.to_owned();
        Ok(())
    }
}

/// The string that v2 and v3 sign; a code follows it.
const STRING: [&str; 5] = ["client_id", "scope", "timestamp", "state", "redirect_uri"];
