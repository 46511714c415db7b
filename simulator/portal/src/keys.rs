//! The keys that sign tokens and events: one ring per sandbox over keys that the whole portal shares at first.
//!
//! ES256 is there at once. RSA 2048 takes a noticeable moment to make, so it is made on a blocking thread, and only a
//! token that needs it waits. Private keys come from the system's generator, never from a sandbox's seed; they are kept
//! in the data folder (mode 0600) when state is kept, and nowhere else. `kid` is the thumbprint of RFC 7638.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crypto::jwk::{Jwk, JwkSet};
use crypto::jws::{Alg, Jws, JwsError};
use crypto::{Algorithm, KeyError, PrivateKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// Why keys are not there.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("make a signing key: {0}")]
    Make(#[from] KeyError),
    #[error("keep signing keys in {}: {cause}", path.display())]
    File { path: PathBuf, cause: String },
}

/// A private key with its name.
#[derive(Clone, Debug)]
pub struct SigningKey {
    pub kid: String,
    pub alg: Alg,
    pub private: PrivateKey,
}

impl SigningKey {
    fn new(private: PrivateKey, alg: Alg) -> Self {
        let kid = Jwk::from_public(private.public(), Some(alg)).thumbprint();
        Self { kid, alg, private }
    }

    fn generate(alg: Alg) -> Result<Self, KeyError> {
        let algorithm = if alg == Alg::Es256 { Algorithm::EcdsaP256 } else { Algorithm::Rsa2048 };
        PrivateKey::generate(algorithm).map(|private| Self::new(private, alg))
    }

    /// The public half, as the key set shows it.
    pub fn jwk(&self) -> Value {
        // A key of ours is plain data: it always becomes JSON.
        serde_json::to_value(Jwk::from_public(self.private.public(), Some(self.alg)).with_kid(&*self.kid))
            .unwrap_or_default()
    }
}

/// Keys that all sandboxes of a portal begin with, and strangers' keys for lies.
pub struct SharedKeys {
    es256: SigningKey,
    rs256: OnceCell<SigningKey>,
    /// Keys that no set ever shows, unless a lie says so. RSA ones are made when first needed.
    strangers: [OnceCell<SigningKey>; 6],
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
        let es256 = match folder.map(|folder| read_key(&folder.join("es256.pem"))).transpose()?.flatten() {
            Some(private) => SigningKey::new(private, Alg::Es256),
            None => {
                let made = SigningKey::generate(Alg::Es256)?;
                folder.map(|folder| write_key(&folder.join("es256.pem"), &made)).transpose()?;
                made
            }
        };
        let rs256 = match folder.map(|folder| read_key(&folder.join("rs256.pem"))).transpose()?.flatten() {
            Some(private) => OnceCell::from(SigningKey::new(private, Alg::Rs256)),
            None => OnceCell::new(),
        };
        Ok(Self { es256, rs256, strangers: Default::default(), folder: folder.map(Path::to_owned) })
    }

    /// The RSA key; makes it when it is not there yet.
    pub async fn rs256(&self) -> Result<&SigningKey, KeysError> {
        self.rs256
            .get_or_try_init(|| async {
                let made = generate(Alg::Rs256).await?;
                if let Some(folder) = &self.folder {
                    write_key(&folder.join("rs256.pem"), &made)?;
                }
                Ok(made)
            })
            .await
    }

    pub(crate) async fn stranger(&self, who: Stranger, alg: Alg) -> Result<&SigningKey, KeysError> {
        let place = who as usize * 2 + usize::from(alg == Alg::Rs256);
        self.strangers[place].get_or_try_init(|| generate(alg)).await
    }
}

async fn generate(alg: Alg) -> Result<SigningKey, KeysError> {
    if alg == Alg::Es256 {
        return Ok(SigningKey::generate(alg)?);
    }
    match tokio::task::spawn_blocking(move || SigningKey::generate(alg)).await {
        Ok(made) => Ok(made?),
        Err(_) => Err(KeysError::Make(KeyError::RsaGeneration)),
    }
}

/// The keys of one sandbox.
pub struct Keyring {
    shared: Arc<SharedKeys>,
    ring: Mutex<Ring>,
    /// Where keys made by a rotation are kept.
    file: Option<PathBuf>,
}

/// Keys that came by rotation, the newest last. While there is none of a kind, the shared one signs.
#[derive(Clone, Default)]
struct Ring {
    es256: Vec<SigningKey>,
    rs256: Vec<SigningKey>,
    /// A rotation without overlap withdrew the shared keys.
    shared_withdrawn: bool,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    es256: Vec<String>,
    rs256: Vec<String>,
    shared_withdrawn: bool,
}

impl Keyring {
    pub fn open(shared: Arc<SharedKeys>, sandbox: &str) -> Result<Self, KeysError> {
        let file = shared.folder.as_ref().map(|folder| folder.join(format!("{sandbox}.json")));
        let ring = match &file {
            Some(file) if file.exists() => read_ring(file)?,
            Some(_) | None => Ring::default(),
        };
        Ok(Self { shared, ring: Mutex::new(ring), file })
    }

    /// A ring that begins with the keys of this one.
    pub(crate) fn fork(&self) -> Self {
        Self { shared: self.shared.clone(), ring: Mutex::new(self.ring()), file: None }
    }

    fn ring(&self) -> Ring {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that signs with this algorithm now; waits for RSA when it is still being made.
    pub async fn current(&self, alg: Alg) -> Result<SigningKey, KeysError> {
        let ring = self.ring();
        let rotated = if alg == Alg::Es256 { ring.es256.last() } else { ring.rs256.last() };
        match rotated {
            Some(key) => Ok(key.clone()),
            None if alg == Alg::Es256 => Ok(self.shared.es256.clone()),
            None => Ok(self.shared.rs256().await?.clone()),
        }
    }

    /// Every key that is published, newest first, RSA before EC.
    pub async fn published(&self) -> Result<Vec<SigningKey>, KeysError> {
        let ring = self.ring();
        let mut keys: Vec<SigningKey> = ring.rs256.iter().rev().cloned().collect();
        if !ring.shared_withdrawn {
            keys.push(self.shared.rs256().await?.clone());
        }
        keys.extend(ring.es256.iter().rev().cloned());
        if !ring.shared_withdrawn {
            keys.push(self.shared.es256.clone());
        }
        Ok(keys)
    }

    /// The key set as `/.well-known/jwks.json` serves it.
    pub async fn jwks(&self) -> Result<Value, KeysError> {
        let keys = self.published().await?;
        Ok(json!({ "keys": keys.iter().map(SigningKey::jwk).collect::<Vec<_>>() }))
    }

    /// The same as a checked set.
    pub async fn jwk_set(&self) -> Result<JwkSet, KeysError> {
        let keys = self.published().await?;
        let jwk = |key: &SigningKey| Jwk::from_public(key.private.public(), Some(key.alg)).with_kid(&*key.kid);
        Ok(JwkSet { keys: keys.iter().map(jwk).collect() })
    }

    /// Whether one of the published keys has signed this. What the claims say is the caller's to judge.
    pub async fn verify(&self, token: &Jws) -> Result<(), JwsError> {
        // Our own tokens name their key; only the RSA key can be missing, and then it has signed nothing yet.
        let keys = self.jwk_set().await.unwrap_or_default();
        token.verify_with(&keys, &[Alg::Rs256, Alg::Es256]).map(|_| ())
    }

    /// New keys sign from now on. With `overlap` the former ones stay published, else they are withdrawn at once.
    /// Answers the new kids.
    pub async fn rotate(&self, overlap: bool) -> Result<Vec<String>, KeysError> {
        let (es256, rs256) = (SigningKey::generate(Alg::Es256)?, generate(Alg::Rs256).await?);
        let kids = vec![rs256.kid.clone(), es256.kid.clone()];
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if !overlap {
            *ring = Ring { shared_withdrawn: true, ..Ring::default() };
        }
        ring.es256.push(es256);
        ring.rs256.push(rs256);
        if let Some(file) = &self.file {
            write_ring(file, &ring)?;
        }
        Ok(kids)
    }

    pub(crate) async fn stranger(&self, who: Stranger, alg: Alg) -> Result<SigningKey, KeysError> {
        self.shared.stranger(who, alg).await.cloned()
    }
}

fn read_key(path: &Path) -> Result<Option<PrivateKey>, KeysError> {
    let failed = |cause: String| KeysError::File { path: path.to_owned(), cause };
    match std::fs::read_to_string(path) {
        Ok(text) => PrivateKey::from_pem(&text).map(Some).map_err(|error| failed(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn write_key(path: &Path, key: &SigningKey) -> Result<(), KeysError> {
    write_secret(path, key.private.to_pem().as_bytes())
        .map_err(|error| KeysError::File { path: path.to_owned(), cause: error.to_string() })
}

fn read_ring(path: &Path) -> Result<Ring, KeysError> {
    let failed = |cause: String| KeysError::File { path: path.to_owned(), cause };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let kept: Kept = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let read = |pems: Vec<String>, alg| {
        let keys = pems.iter().map(|pem| PrivateKey::from_pem(pem).map(|private| SigningKey::new(private, alg)));
        keys.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.to_string()))
    };
    Ok(Ring {
        es256: read(kept.es256, Alg::Es256)?,
        rs256: read(kept.rs256, Alg::Rs256)?,
        shared_withdrawn: kept.shared_withdrawn,
    })
}

fn write_ring(path: &Path, ring: &Ring) -> Result<(), KeysError> {
    let pems = |keys: &[SigningKey]| keys.iter().map(|key| key.private.to_pem().to_string()).collect();
    let kept = Kept { es256: pems(&ring.es256), rs256: pems(&ring.rs256), shared_withdrawn: ring.shared_withdrawn };
    let text = serde_json::to_string(&kept).unwrap_or_default();
    write_secret(path, text.as_bytes())
        .map_err(|error| KeysError::File { path: path.to_owned(), cause: error.to_string() })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::jws::{Signer, build};

    fn token(key: &SigningKey) -> Jws {
        let header = json!({"alg": key.alg.as_str(), "kid": key.kid});
        Jws::parse(&build(&header, &json!({"jti": "t-1"}), Signer::Key(&key.private, key.alg)).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn rotation_with_overlap_keeps_old_tokens_good_and_without_it_withdraws_them() {
        let shared = Arc::new(SharedKeys::open(None).unwrap());
        let ring = Keyring::open(shared, "default").unwrap();
        let first = ring.current(Alg::Es256).await.unwrap();
        let old = token(&first);
        ring.rotate(true).await.unwrap();
        assert_ne!(ring.current(Alg::Es256).await.unwrap().kid, first.kid);
        assert!(ring.verify(&old).await.is_ok());
        ring.rotate(false).await.unwrap();
        assert!(ring.verify(&old).await.is_err());
    }

    #[tokio::test]
    async fn kept_keys_are_the_same_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Keyring::open(Arc::new(SharedKeys::open(Some(folder.path())).unwrap()), "default").unwrap();
        let first = open();
        first.rotate(true).await.unwrap();
        let before = first.jwks().await.unwrap();
        assert_eq!(open().jwks().await.unwrap(), before);
    }

    #[tokio::test]
    async fn a_stranger_s_key_verifies_nothing() {
        let ring = Keyring::open(Arc::new(SharedKeys::open(None).unwrap()), "default").unwrap();
        let stranger = ring.stranger(Stranger::Foreign, Alg::Es256).await.unwrap();
        assert!(ring.verify(&token(&stranger)).await.is_err());
    }
}
