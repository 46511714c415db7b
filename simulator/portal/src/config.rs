//! What `serve` can be told: the configuration file of the contract, every key with a default, read once. A relative
//! path is relative to the file, whose folder is the data folder too; without a file that is `.stend`.

use std::path::{Path, PathBuf};

use contract::control::{ClockSetting, KeyType, Limits, PartnerConfig, Secret, Strictness, Unsigned, VersionLife};
use serde::Deserialize;

/// The issuer that real clients expect (ESIA page §2).
pub const ESIA_ISSUER: &str = "http://esia.gosuslugi.ru/";
/// The data folder where no configuration names one.
pub const DEFAULT_FOLDER: &str = ".stend";

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub listen: Listen,
    pub control: Control,
    pub state: State,
    pub strictness: Strictness,
    pub diagnosis: Diagnosis,
    pub clock: ClockSetting,
    pub limits: Limits,
    pub partners: Vec<PartnerConfig>,
    /// Kinds of keys that the ESIA interface takes: the real one takes GOST only.
    pub key_types: KeyTypes,
    /// When the first version of the data services ends.
    pub api_v1: VersionLife,
    /// Kinds of keys that the message exchange takes.
    pub smev_algorithms: KeyTypes,
    /// Whether the message exchange takes unsigned calls.
    pub smev_unsigned: Unsigned,
    /// Makes chance repeatable.
    pub seed: Option<u64>,
    /// People of the population beside the named ones.
    pub citizens: u32,
    pub esia_issuer: Option<String>,
    pub oidc_issuer: Option<String>,
    /// The authority's folder; one is made there when it is empty.
    pub pki: Option<PathBuf>,
    /// Further authorities (PEM files) that the portal trusts when it delivers events.
    pub trust: Vec<PathBuf>,
    /// Must be true for an address beyond loopback.
    pub beyond_loopback: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    pub listen: Listen,
    pub token_file: PathBuf,
}

impl Default for Control {
    fn default() -> Self {
        Self { listen: Listen("localhost:8444".into()), token_file: "control.token".into() }
    }
}

/// `localhost:8443`, `127.0.0.1:0`, `[::1]:8443`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Listen(pub String);

impl Default for Listen {
    fn default() -> Self {
        Self("localhost:8443".into())
    }
}

/// On unless switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Diagnosis(pub bool);

impl Default for Diagnosis {
    fn default() -> Self {
        Self(true)
    }
}

/// All of them unless some are named.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct KeyTypes(pub Vec<KeyType>);

impl Default for KeyTypes {
    fn default() -> Self {
        Self(KeyType::ALL.to_vec())
    }
}

/// `memory` or `sqlite:PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum State {
    Memory,
    /// In the data folder.
    #[default]
    Default,
    Sqlite(PathBuf),
}

impl TryFrom<String> for State {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.trim_start_matches("//").into())),
            Some(("postgres" | "postgresql", _)) => {
                Err("state in PostgreSQL is not there yet; use memory or sqlite:PATH".into())
            }
            _ => Err(format!("{text:?} is no place for state; write memory or sqlite:PATH")),
        }
    }
}

/// What the command line says; it wins over the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    pub listen: Option<String>,
    pub control: Option<String>,
    /// `memory` or `sqlite:PATH`, relative to where the command was called.
    pub state: Option<String>,
    pub seed: Option<u64>,
    pub citizens: Option<u32>,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("read {}: {cause}; check the path given with --config", path.display())]
    File { path: PathBuf, cause: String },
    #[error("{}:{line}:{column}: {what}", path.display())]
    Text { path: PathBuf, line: u64, column: u64, what: String },
    #[error("use the state {given:?}: {what}")]
    State { given: String, what: String },
    #[error("use the certificate file {}: {what}", path.display())]
    Certificate { path: PathBuf, what: String },
    #[error("take the secret of {client_id:?} for its events: {what}")]
    Secret { client_id: String, what: String },
    #[error("use key_types: [] would take nobody's signature; name some of gost, rsa, ecdsa")]
    NoKeyTypes,
}

/// The configuration with everything filled in and every path absolute or relative to the working folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    pub config: Config,
    pub folder: PathBuf,
}

impl Config {
    /// Reads the file, or takes the defaults, and lays the command line over it.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Settled, ConfigError> {
        let (mut config, folder) = match file {
            Some(file) => (Self::read(file)?, file.parent().map(Path::to_owned).unwrap_or_default()),
            None => (Self::default(), DEFAULT_FOLDER.into()),
        };
        if let Some(listen) = &overrides.listen {
            config.listen = Listen(listen.clone());
        }
        if let Some(control) = &overrides.control {
            config.control.listen = Listen(control.clone());
        }
        config.seed = overrides.seed.or(config.seed);
        config.citizens = overrides.citizens.unwrap_or(config.citizens);
        config.control.token_file = folder.join(&config.control.token_file);
        config.state = match &overrides.state {
            Some(given) => given.parse().map_err(|what| ConfigError::State { given: given.clone(), what })?,
            None => match config.state {
                State::Sqlite(path) => State::Sqlite(folder.join(path)),
                State::Default => State::Sqlite(folder.join("stend.db")),
                State::Memory => State::Memory,
            },
        };
        config.trust = config.trust.iter().map(|path| folder.join(path)).collect();
        config.pki = Some(folder.join(config.pki.unwrap_or_else(|| "pki".into())));
        for partner in &mut config.partners {
            for certificate in &mut partner.certificates {
                *certificate = pem_text(&folder, certificate)?;
            }
            read_secret(&folder, partner)?;
        }
        if config.key_types.0.is_empty() || config.smev_algorithms.0.is_empty() {
            return Err(ConfigError::NoKeyTypes);
        }
        Ok(Settled { config, folder })
    }

    fn read(file: &Path) -> Result<Self, ConfigError> {
        let failed = |cause: std::io::Error| ConfigError::File { path: file.to_owned(), cause: cause.to_string() };
        let text = std::fs::read_to_string(file).map_err(failed)?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(&text).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |place| (place.line(), place.column()));
            ConfigError::Text { path: file.to_owned(), line, column, what: one_line(&error.to_string()) }
        })
    }
}

/// The first sentence of the reader's message: it goes on with a drawing of the place.
fn one_line(message: &str) -> String {
    let first = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("cannot be read");
    first.trim_start_matches("error: ").split(" --> ").next().unwrap_or(first).to_owned()
}

/// A certificate given as PEM text or as a file, PEM or DER: always PEM text afterwards.
fn pem_text(folder: &Path, given: &str) -> Result<String, ConfigError> {
    if given.trim_start().starts_with("-----BEGIN") {
        return Ok(given.to_owned());
    }
    let path = folder.join(given);
    let refused = |what: String| ConfigError::Certificate { path: path.clone(), what };
    let bytes = std::fs::read(&path).map_err(|error| refused(error.to_string()))?;
    let certificate = crypto::Certificate::from_bytes(&bytes).map_err(|error| refused(error.to_string()))?;
    Ok(certificate.pem())
}

/// A secret stands in a file of its own, so that the configuration can be shown to anybody.
fn read_secret(folder: &Path, partner: &mut PartnerConfig) -> Result<(), ConfigError> {
    let Some(hmac) = &mut partner.webhook_hmac else { return Ok(()) };
    let refused = |what: String| ConfigError::Secret { client_id: partner.client_id.clone(), what };
    let Some(file) = hmac.secret_file.take().filter(|_| hmac.secret.is_none()) else {
        return Err(refused("put it into a file and name that as webhook_hmac.secret_file".to_owned()));
    };
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).map_err(|error| refused(format!("{}: {error}", path.display())))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err(refused(format!("{} is empty", path.display())));
    }
    hmac.secret = Some(Secret::new(text));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Settled, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stend.yaml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file), &Overrides::default())
    }

    #[test]
    fn everything_has_a_default() {
        let settled = load("").unwrap();
        assert_eq!(settled.config.listen, Listen("localhost:8443".into()));
        assert!(settled.config.diagnosis.0);
        assert!(matches!(settled.config.state, State::Sqlite(path) if path.ends_with("stend.db")));
        let settled = Config::load(None, &Overrides::default()).unwrap();
        assert_eq!(settled.folder, Path::new(".stend"));
    }

    #[test]
    fn the_contract_s_example_reads() {
        let settled = load(concat!(
            "listen: localhost:8443\n",
            "control: { listen: localhost:8444, token_file: control.token }\n",
            "state: sqlite:stend.db\nstrictness: strict\ndiagnosis: true\nclock: {frozen: 2026-11-22T10:00:00Z}\n",
            "limits: { revocation_delay: PT5S, poll_interval: PT1S, clock_skew: PT60S, timestamp_window: PT10M, quiet_time: PT1S }\n",
            "partners:\n  - client_id: BANK01\n    name: { ru: Банк Пример, en: Example Bank }\n",
            "    redirect_uris: [\"https://localhost:9443/callback\"]\n    redirect_match: exact\n",
            "    scopes: [openid, fullname, snils]\n    purposes: [CREDIT, IDENTIFICATION]\n    token_alg: RS256\n",
            "    webhook: https://localhost:9443/hooks/portal\n",
        ))
        .unwrap();
        assert_eq!(settled.config.partners[0].client_id, "BANK01");
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_from_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stend.yaml");
        std::fs::write(folder.path().join("hook.secret"), "hush, hush\n").unwrap();
        let load = |hmac: &str| {
            std::fs::write(&file, format!("partners: [{{client_id: BANK01, webhook_hmac: {{alg: {hmac}}}}}]\n"))
                .unwrap();
            Config::load(Some(&file), &Overrides::default())
        };
        let settled = load("hmac-gostr3411-2012-256, secret_file: hook.secret").unwrap();
        let hmac = settled.config.partners[0].webhook_hmac.clone().unwrap();
        assert_eq!((hmac.secret.unwrap().bytes(), hmac.secret_file), (&b"hush, hush"[..], None));
        for (wrong, said) in [
            ("hmac-sha256", "secret_file"),
            ("hmac-sha256, secret: hush", "secret_file"),
            ("hmac-sha256, secret_file: nowhere", "nowhere"),
            ("md5, secret_file: hook.secret", "stend.yaml:1:"),
        ] {
            let error = load(wrong).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn key_types_are_all_or_those_named() {
        assert_eq!(load("").unwrap().config.key_types.0, KeyType::ALL);
        assert_eq!(load("key_types: [gost]\n").unwrap().config.key_types.0, [KeyType::Gost]);
        assert!(load("key_types: [dsa]\n").is_err());
        assert!(matches!(load("key_types: []\n"), Err(ConfigError::NoKeyTypes)));
    }

    #[test]
    fn a_misspelt_key_is_pointed_at() {
        let error = load("listen: localhost:1\ndiagnossis: true\n").unwrap_err();
        let ConfigError::Text { line, column, .. } = &error else { panic!("{error}") };
        assert_eq!((*line, *column), (2, 1));
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }

    #[test]
    fn the_command_line_wins() {
        let overrides = Overrides { state: Some("memory".into()), citizens: Some(9), ..Overrides::default() };
        let settled = Config::load(None, &overrides).unwrap();
        assert_eq!((settled.config.state, settled.config.citizens), (State::Memory, 9));
        let wrong = Overrides { state: Some("redis".into()), ..Overrides::default() };
        assert!(Config::load(None, &wrong).is_err());
    }
}
