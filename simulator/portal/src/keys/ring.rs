//! The keys of one sandbox: the shared ones until the first rotation, its own from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use contract::control::TokenAlg;
use crypto::PrivateKey;
use crypto::jwk::SelectError;
use crypto::jws::{Jws, JwsError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{KeysError, SharedKeys, SigningKey, Stranger, generate, write_secret};

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
    own: BTreeMap<TokenAlg, Vec<SigningKey>>,
    /// A rotation without overlap withdrew the shared keys.
    shared_withdrawn: bool,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    es256: Vec<String>,
    rs256: Vec<String>,
    #[serde(default)]
    gost256: Vec<String>,
    shared_withdrawn: bool,
}

impl Keyring {
    pub fn open(shared: Arc<SharedKeys>, sandbox: &str) -> Result<Self, KeysError> {
        let file = shared.file(&format!("{sandbox}.json"));
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

    /// Removes what was kept of it: its sandbox is gone, and another may get its name.
    pub(crate) fn forget(&self) {
        if let Some(file) = &self.file {
            // Where no rotation was, there is no file.
            let _ = std::fs::remove_file(file);
        }
    }

    fn ring(&self) -> Ring {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that signs with this algorithm now; waits for RSA when it is still being made.
    pub async fn current(&self, alg: TokenAlg) -> Result<SigningKey, KeysError> {
        match self.ring().newest(alg) {
            Some(key) => Ok(key.clone()),
            None => Ok(self.shared.key(alg).await?.clone()),
        }
    }

    /// The published keys of these algorithms, newest first, in the order of [`TokenAlg::ALL`].
    pub async fn published(&self, algs: &BTreeSet<TokenAlg>) -> Result<Vec<SigningKey>, KeysError> {
        let ring = self.ring();
        let mut keys = Vec::new();
        for alg in algs {
            keys.extend(ring.of(*alg).rev().cloned());
            if !ring.shared_withdrawn {
                keys.push(self.shared.key(*alg).await?.clone());
            }
        }
        Ok(keys)
    }

    /// The key set as `/.well-known/jwks.json` serves it.
    pub async fn jwks(&self, algs: &BTreeSet<TokenAlg>) -> Result<Value, KeysError> {
        let keys = self.published(algs).await?;
        Ok(json!({ "keys": keys.iter().map(SigningKey::jwk).collect::<Vec<_>>() }))
    }

    /// Whether one of our keys in force has signed this. What the claims say is the caller's to judge. A key that was
    /// never made has signed nothing, so nothing is waited for.
    pub fn verify(&self, token: &Jws) -> Result<(), JwsError> {
        let name = token.alg().ok_or(JwsError::AlgorithmMissing)?;
        let alg = TokenAlg::ALL.into_iter().find(|alg| alg.as_str() == name);
        let alg = alg.ok_or_else(|| JwsError::AlgorithmNotAllowed(name.to_owned()))?;
        let ring = self.ring();
        let shared = self.shared.made(alg).filter(|_| !ring.shared_withdrawn);
        let kid = token.kid().unwrap_or_default();
        let key = ring.of(alg).chain(shared).find(|key| key.kid == kid);
        let key = key.ok_or_else(|| JwsError::Select(SelectError::UnknownKid(kid.to_owned())))?;
        token.verify(key.private.public(), &[key.jws()]).map(|_| ())
    }

    /// New keys sign from now on. With `overlap` the former ones stay published, else they are withdrawn at once.
    /// Answers the new kids.
    pub async fn rotate(&self, overlap: bool) -> Result<Vec<String>, KeysError> {
        let mut made = Vec::new();
        for alg in TokenAlg::ALL {
            made.push(generate(alg).await?);
        }
        let kids = made.iter().map(|key| key.kid.clone()).collect();
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if !overlap {
            *ring = Ring { shared_withdrawn: true, ..Ring::default() };
        }
        for key in made {
            ring.own.entry(key.alg).or_default().push(key);
        }
        if let Some(file) = &self.file {
            write_ring(file, &ring)?;
        }
        Ok(kids)
    }

    /// The key of this kind that opens what is encrypted for the portal.
    pub(crate) async fn encryption(&self, alg: TokenAlg) -> Result<PrivateKey, KeysError> {
        self.shared.encryption(alg).await.cloned()
    }

    pub(crate) async fn stranger(&self, who: Stranger, alg: TokenAlg) -> Result<SigningKey, KeysError> {
        self.shared.stranger(who, alg).await.cloned()
    }
}

impl Ring {
    fn of(&self, alg: TokenAlg) -> impl DoubleEndedIterator<Item = &SigningKey> {
        self.own.get(&alg).into_iter().flatten()
    }

    fn newest(&self, alg: TokenAlg) -> Option<&SigningKey> {
        self.of(alg).next_back()
    }
}

fn read_ring(path: &Path) -> Result<Ring, KeysError> {
    let failed = |cause: String| KeysError::File { path: path.to_owned(), cause };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let kept: Kept = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let read = |pems: Vec<String>, alg| {
        let keys = pems.iter().map(|pem| SigningKey::read(pem, alg));
        Ok::<_, KeysError>((alg, keys.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.to_string()))?))
    };
    let own = [
        read(kept.rs256, TokenAlg::RS256)?,
        read(kept.es256, TokenAlg::ES256)?,
        read(kept.gost256, TokenAlg::GOST3410_2012_256)?,
    ];
    Ok(Ring { own: own.into(), shared_withdrawn: kept.shared_withdrawn })
}

fn write_ring(path: &Path, ring: &Ring) -> Result<(), KeysError> {
    let pems = |alg| ring.of(alg).map(SigningKey::written).collect();
    let kept = Kept {
        es256: pems(TokenAlg::ES256),
        rs256: pems(TokenAlg::RS256),
        gost256: pems(TokenAlg::GOST3410_2012_256),
        shared_withdrawn: ring.shared_withdrawn,
    };
    let text = serde_json::to_string(&kept).unwrap_or_default();
    write_secret(path, text.as_bytes())
        .map_err(|error| KeysError::File { path: path.to_owned(), cause: error.to_string() })
}

#[cfg(test)]
mod tests {
    use crypto::jws::build;

    use super::*;

    fn token(key: &SigningKey) -> Jws {
        let header = json!({"alg": key.alg.as_str(), "kid": key.kid});
        Jws::parse(&build(&header, &json!({"jti": "t-1"}), key.signer()).unwrap()).unwrap()
    }

    fn all() -> BTreeSet<TokenAlg> {
        TokenAlg::ALL.into()
    }

    /// Making RSA keys takes its time; what is tested of all kinds is tested of the quick ones.
    const QUICK: [TokenAlg; 2] = [TokenAlg::ES256, TokenAlg::GOST3410_2012_256];

    #[tokio::test]
    async fn rotation_with_overlap_keeps_old_tokens_good_and_without_it_withdraws_them() {
        let shared = Arc::new(SharedKeys::open(None).unwrap());
        let ring = Keyring::open(shared, "default").unwrap();
        let mut old = Vec::new();
        for alg in QUICK {
            let first = ring.current(alg).await.unwrap();
            old.push((token(&first), first));
        }
        ring.rotate(true).await.unwrap();
        for (token, first) in &old {
            assert_ne!(ring.current(first.alg).await.unwrap().kid, first.kid);
            assert!(ring.verify(token).is_ok());
            let set = ring.jwks(&all()).await.unwrap();
            assert!(set["keys"].as_array().unwrap().iter().any(|key| key["kid"] == first.kid.as_str()));
        }
        ring.rotate(false).await.unwrap();
        for (token, _) in &old {
            assert_eq!(ring.verify(token).unwrap_err().code(), "key-unknown");
        }
    }

    #[tokio::test]
    async fn kept_keys_and_certificates_are_the_same_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Keyring::open(Arc::new(SharedKeys::open(Some(folder.path())).unwrap()), "default").unwrap();
        let first = open();
        first.rotate(true).await.unwrap();
        let before = first.jwks(&all()).await.unwrap();
        assert_eq!(before["keys"].as_array().unwrap().len(), 6);
        assert_eq!(open().jwks(&all()).await.unwrap(), before);
        first.forget();
        assert_eq!(open().jwks(&all()).await.unwrap()["keys"].as_array().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_stranger_s_key_verifies_nothing() {
        let ring = Keyring::open(Arc::new(SharedKeys::open(None).unwrap()), "default").unwrap();
        for alg in QUICK {
            let stranger = ring.stranger(Stranger::Foreign, alg).await.unwrap();
            assert!(ring.verify(&token(&stranger)).is_err());
            let honest = ring.current(alg).await.unwrap();
            let renamed = SigningKey { kid: honest.kid, ..stranger };
            assert_eq!(ring.verify(&token(&renamed)).unwrap_err().code(), "signature-wrong");
        }
    }

    #[tokio::test]
    async fn a_key_shows_its_own_certificate() {
        let ring = Keyring::open(Arc::new(SharedKeys::open(None).unwrap()), "default").unwrap();
        for alg in QUICK {
            let key = ring.current(alg).await.unwrap();
            assert_eq!(key.certificate.public_key().unwrap(), *key.private.public());
            let jwk = key.jwk();
            let der = crypto::base64::decode_standard_strict(jwk["x5c"][0].as_str().unwrap()).unwrap();
            assert_eq!(der, key.certificate.der());
            assert_eq!(key.thumbprint.len(), 64);
            let now = 1_800_000_000;
            assert!(key.certificate.not_before() < now && key.certificate.not_after() > now);
        }
    }
}
