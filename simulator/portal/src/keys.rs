//! The keys that sign tokens and events: one ring per sandbox over keys that the whole portal shares at first.
//!
//! ES256 is there at once. RSA 2048 takes a noticeable moment to make, so it is made on a blocking thread, and only a
//! token that needs it waits. The key of GOST takes microseconds; it is made when the first partner wants one and is shown
//! in the key set of no sandbox that has no such partner, because many readers of key sets give up on a curve that they do
//! not know. Private keys come from the system's generator, never from a sandbox's seed; they are kept in the data folder
//! (mode 0600) when state is kept, and nowhere else. `kid` is the thumbprint of RFC 7638.
//!
//! Each key has a certificate that it made for itself, as ESIA publishes those of its keys. It is valid at any time that a
//! sandbox's clock is likely to show.

use std::path::{Path, PathBuf};

use certs::{CertError, Subject};
use contract::control::TokenAlg;
use contract::time::Timestamp;
use crypto::jwk::Jwk;
use crypto::jws::{Alg, Signer};
use crypto::{Algorithm, Certificate, KeyError, PrivateKey};
use serde_json::Value;
use tokio::sync::OnceCell;

mod archive;
mod ring;

pub use ring::Keyring;

/// Why keys are not there.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("make the certificate of a signing key: {0}")]
    Certificate(#[from] CertError),
    #[error("make a signing key: {0}")]
    Make(#[from] KeyError),
    #[error("keep signing keys in {}: {cause}", path.display())]
    File { path: PathBuf, cause: String },
}

/// A private key with its name and its own certificate.
#[derive(Clone, Debug)]
pub struct SigningKey {
    pub kid: String,
    pub alg: TokenAlg,
    pub private: PrivateKey,
    pub certificate: Certificate,
    /// Streebog-256 of the certificate in upper-case hex: the member `x5t#St256` of ESIA's headers.
    pub thumbprint: String,
}

impl SigningKey {
    fn new(private: PrivateKey, alg: TokenAlg) -> Result<Self, KeysError> {
        let certificate = own_certificate(&private)?;
        Ok(Self::with(private, alg, certificate))
    }

    fn with(private: PrivateKey, alg: TokenAlg, certificate: Certificate) -> Self {
        let kid = Jwk::from_public(private.public(), Some(jws(alg))).thumbprint();
        let thumbprint = hex::encode_upper(crypto::gost::streebog256(certificate.der()));
        Self { kid, alg, private, certificate, thumbprint }
    }

    fn generate(alg: TokenAlg) -> Result<Self, KeysError> {
        let algorithm = match alg {
            TokenAlg::RS256 => Algorithm::Rsa2048,
            TokenAlg::ES256 => Algorithm::EcdsaP256,
            TokenAlg::GOST3410_2012_256 => Algorithm::GOST_256,
        };
        Self::new(PrivateKey::generate(algorithm)?, alg)
    }

    /// Reads key and certificate from one PEM text. A key that was kept without a certificate gets one.
    fn read(text: &str, alg: TokenAlg) -> Result<Self, KeysError> {
        let private = PrivateKey::from_pem(text)?;
        match Certificate::from_pem(text) {
            Ok(certificate) => Ok(Self::with(private, alg, certificate)),
            Err(_) => Self::new(private, alg),
        }
    }

    /// Key and certificate in one PEM text.
    fn written(&self) -> String {
        format!("{}{}", *self.private.to_pem(), self.certificate.pem())
    }

    pub fn jws(&self) -> Alg {
        jws(self.alg)
    }

    /// Signs honestly.
    pub fn signer(&self) -> Signer<'_> {
        Signer::Key(&self.private, self.jws())
    }

    /// The public half, as the key set shows it: with the certificate (`x5c`, `x5t#S256`).
    pub fn jwk(&self) -> Value {
        let jwk = Jwk::from_public(self.private.public(), Some(self.jws())).with_kid(&*self.kid);
        // A key of ours is plain data: it always becomes JSON.
        serde_json::to_value(jwk.with_certificate(self.certificate.der())).unwrap_or_default()
    }
}

impl Keyring {
    /// The certificates of the keys that sign now as an archive, with the key set beside them: what ESIA has at
    /// `/public/esia.zip`.
    pub async fn archive(&self) -> Result<Vec<u8>, KeysError> {
        let mut files = Vec::new();
        for alg in TokenAlg::ALL {
            let key = self.current(alg).await?;
            let name = file_of(alg).trim_end_matches(".pem");
            files.push((format!("{name}.crt"), key.certificate.pem().into_bytes()));
            files.push((format!("{name}.jwk"), key.jwk().to_string().into_bytes()));
        }
        Ok(archive::zip(&files))
    }
}

/// The algorithm of a token as the signing of tokens knows it.
pub const fn jws(alg: TokenAlg) -> Alg {
    match alg {
        TokenAlg::RS256 => Alg::Rs256,
        TokenAlg::ES256 => Alg::Es256,
        TokenAlg::GOST3410_2012_256 => Alg::Gost256,
    }
}

fn own_certificate(key: &PrivateKey) -> Result<Certificate, CertError> {
    // From 2020 to 2049: clocks of sandboxes are moved, and later years are written in another form (RFC 5280 §4.1.2.5).
    const TIME: [i64; 2] = [1_577_836_800, 2_524_607_999];
    let subject = Subject::named("Stend token key").with_organization("Stend");
    certs::self_made(key, &subject, TIME.map(Timestamp::from_seconds))
}

/// Keys that all sandboxes of a portal begin with, and strangers' keys for lies.
pub struct SharedKeys {
    es256: SigningKey,
    rs256: OnceCell<SigningKey>,
    gost256: OnceCell<SigningKey>,
    /// Keys that no set ever shows, unless a lie says so. They are made when first needed.
    strangers: [OnceCell<SigningKey>; 9],
    /// Keys that open what is encrypted for the portal: of the kinds of [`TokenAlg::ALL`], made when first asked for. They
    /// sign nothing.
    encryption: [OnceCell<PrivateKey>; 3],
    folder: Option<PathBuf>,
}

/// Whose key a lie signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// Published nowhere.
    Foreign,
    /// Published under the kid of an honest key.
    Double,
    /// Published with a flaw in its description.
    Flawed,
}

impl SharedKeys {
    /// Reads the keys kept in `folder`, or makes new ones; without a folder nothing is kept.
    pub fn open(folder: Option<&Path>) -> Result<Self, KeysError> {
        let kept =
            |alg| folder.map(|folder| read_key(&folder.join(file_of(alg)), alg)).transpose().map(Option::flatten);
        let later = |alg| Ok::<_, KeysError>(kept(alg)?.map_or_else(OnceCell::new, OnceCell::from));
        let es256 = match kept(TokenAlg::ES256)? {
            Some(key) => key,
            None => {
                let made = SigningKey::generate(TokenAlg::ES256)?;
                write_key(folder, &made)?;
                made
            }
        };
        Ok(Self {
            es256,
            rs256: later(TokenAlg::RS256)?,
            gost256: later(TokenAlg::GOST3410_2012_256)?,
            strangers: Default::default(),
            encryption: Default::default(),
            folder: folder.map(Path::to_owned),
        })
    }

    /// Where a file of the data folder's keys lies, where state is kept.
    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(name))
    }

    /// The key of this algorithm; makes it when it is not there yet.
    pub async fn key(&self, alg: TokenAlg) -> Result<&SigningKey, KeysError> {
        let cell = match alg {
            TokenAlg::ES256 => return Ok(&self.es256),
            TokenAlg::RS256 => &self.rs256,
            TokenAlg::GOST3410_2012_256 => &self.gost256,
        };
        cell.get_or_try_init(|| async {
            let made = generate(alg).await?;
            write_key(self.folder.as_deref(), &made)?;
            Ok(made)
        })
        .await
    }

    /// The key of this algorithm, where it was made already.
    fn made(&self, alg: TokenAlg) -> Option<&SigningKey> {
        match alg {
            TokenAlg::ES256 => Some(&self.es256),
            TokenAlg::RS256 => self.rs256.get(),
            TokenAlg::GOST3410_2012_256 => self.gost256.get(),
        }
    }

    /// The key of this kind that opens what is encrypted for the portal.
    pub(crate) async fn encryption(&self, alg: TokenAlg) -> Result<&PrivateKey, KeysError> {
        let make = || async {
            let path = self.file(&format!("encryption-{}", file_of(alg)));
            if let Some(path) = path.as_ref().filter(|path| path.exists()) {
                let failed = |cause: String| KeysError::File { path: path.clone(), cause };
                let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
                return PrivateKey::from_pem(&text).map_err(|error| failed(error.to_string()));
            }
            let made = generate(alg).await?.private;
            if let Some(path) = path {
                let written = write_secret(&path, made.to_pem().as_bytes());
                written.map_err(|error| KeysError::File { path, cause: error.to_string() })?;
            }
            Ok(made)
        };
        self.encryption[alg as usize].get_or_try_init(make).await
    }

    pub(crate) async fn stranger(&self, who: Stranger, alg: TokenAlg) -> Result<&SigningKey, KeysError> {
        let place = who as usize * TokenAlg::ALL.len() + alg as usize;
        self.strangers[place].get_or_try_init(|| generate(alg)).await
    }
}

/// A fresh key. Finding the primes of RSA takes long, so nobody else waits for it.
async fn generate(alg: TokenAlg) -> Result<SigningKey, KeysError> {
    if alg != TokenAlg::RS256 {
        return SigningKey::generate(alg);
    }
    match tokio::task::spawn_blocking(move || SigningKey::generate(alg)).await {
        Ok(made) => made,
        Err(_) => Err(KeysError::Make(KeyError::RsaGeneration)),
    }
}

const fn file_of(alg: TokenAlg) -> &'static str {
    match alg {
        TokenAlg::ES256 => "es256.pem",
        TokenAlg::GOST3410_2012_256 => "gost256.pem",
        TokenAlg::RS256 => "rs256.pem",
    }
}

fn read_key(path: &Path, alg: TokenAlg) -> Result<Option<SigningKey>, KeysError> {
    let failed = |cause: String| KeysError::File { path: path.to_owned(), cause };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let key = SigningKey::read(&text, alg).map_err(|error| failed(error.to_string()))?;
            if Certificate::from_pem(&text).is_err() {
                // Kept before keys had certificates: from now on it is always the same one.
                write_key(path.parent(), &key)?;
            }
            Ok(Some(key))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn write_key(folder: Option<&Path>, key: &SigningKey) -> Result<(), KeysError> {
    let Some(folder) = folder else { return Ok(()) };
    let path = folder.join(file_of(key.alg));
    let failed = |error: std::io::Error| KeysError::File { path: path.clone(), cause: error.to_string() };
    write_secret(&path, key.written().as_bytes()).map_err(failed)
}

/// Writes a file that only its owner may read: beside its place first, so that a crash never leaves half of it.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}
