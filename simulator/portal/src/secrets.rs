//! Secrets that partners share with the portal for the HMAC of their events. They are no part of the world: the journal
//! says that there is one and for which algorithm, never what it is. They are kept beside the token keys (mode 0600) when
//! state is kept, and nowhere else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::control::{PartnerConfig, Secret};

use crate::keys::{KeysError, write_secret};

/// The secrets of one sandbox, by client.
#[derive(Debug, Default)]
pub struct Secrets {
    by_client: Mutex<BTreeMap<String, Secret>>,
    /// What a reset to the beginning brings back.
    first: BTreeMap<String, Secret>,
    file: Option<PathBuf>,
}

impl Secrets {
    /// Reads what was kept in `file`, and takes over what the partners of a sandbox bring along; without a file nothing is
    /// kept. The secrets are taken out of the descriptions, so that these may be journalled.
    pub(crate) fn open(file: Option<PathBuf>, partners: &mut [PartnerConfig]) -> Result<Self, KeysError> {
        let kept = match &file {
            Some(file) if file.exists() => {
                let failed = |cause: String| KeysError::File { path: file.clone(), cause };
                let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
                serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?
            }
            Some(_) | None => BTreeMap::new(),
        };
        let mut secrets = Self { by_client: Mutex::new(kept), first: BTreeMap::new(), file };
        for partner in partners {
            // A description that was journalled has its secret here already.
            let is_kept = partner.webhook_hmac.as_ref().is_some_and(|hmac| hmac.secret.is_none());
            let secret = partner.webhook_hmac.as_mut().and_then(|hmac| hmac.secret.take());
            if !is_kept {
                secrets.take(&partner.client_id, secret)?;
            }
        }
        let first = secrets.held().clone();
        secrets.first = first;
        Ok(secrets)
    }

    /// The same secrets for a sandbox that begins where this one stands.
    pub(crate) fn fork(&self) -> Self {
        let held = self.held().clone();
        Self { by_client: Mutex::new(held.clone()), first: held, file: None }
    }

    /// As it was at the beginning.
    pub(crate) fn reset(&self) -> Result<(), KeysError> {
        let mut held = self.held();
        held.clone_from(&self.first);
        self.keep(&held)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        // Every change is one step, so a panic elsewhere leaves it whole.
        self.by_client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn of(&self, client_id: &str) -> Option<Secret> {
        self.held().get(client_id).cloned()
    }

    /// Takes over what a registration says: a partner that comes back without a secret has none any more.
    pub(crate) fn take(&self, client_id: &str, secret: Option<Secret>) -> Result<(), KeysError> {
        let mut held = self.held();
        let changed = match secret {
            Some(secret) => held.insert(client_id.to_owned(), secret.clone()).as_ref() != Some(&secret),
            None => held.remove(client_id).is_some(),
        };
        if changed { self.keep(&held) } else { Ok(()) }
    }

    fn keep(&self, held: &BTreeMap<String, Secret>) -> Result<(), KeysError> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = serde_json::to_string(held).unwrap_or_default();
        write_secret(file, text.as_bytes())
            .map_err(|error| KeysError::File { path: file.clone(), cause: error.to_string() })
    }

    /// Removes what was kept: the sandbox is gone, and another may get its name.
    pub(crate) fn forget(&self) {
        if let Some(file) = &self.file {
            // Where no partner has a secret, there is no file.
            let _ = std::fs::remove_file(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::control::{HmacAlg, WebhookHmac};

    use super::*;

    fn partner(secret: Option<&str>) -> PartnerConfig {
        let hmac = secret.map(|secret| WebhookHmac {
            alg: HmacAlg::Streebog256,
            secret: Some(Secret::new(secret)),
            secret_file: None,
        });
        PartnerConfig { client_id: "BANK01".into(), webhook_hmac: hmac, ..PartnerConfig::default() }
    }

    #[test]
    fn a_secret_is_kept_apart_until_the_partner_comes_back_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("default.hooks.json");
        let open = |partners: &mut [PartnerConfig]| Secrets::open(Some(file.clone()), partners).unwrap();
        let mut described = [partner(Some("hush"))];
        open(&mut described);
        assert!(!serde_json::to_string(&described).unwrap().contains("hush"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // As it comes back from the journal: the algorithm, no secret.
        let again = open(&mut described);
        assert_eq!(again.of("BANK01"), Some(Secret::new("hush")));
        again.take("BANK01", Some(Secret::new("louder"))).unwrap();
        assert_eq!(again.fork().of("BANK01"), Some(Secret::new("louder")));
        assert!(!format!("{again:?}").contains("louder"));
        again.reset().unwrap();
        assert_eq!(open(&mut []).of("BANK01"), Some(Secret::new("hush")));
        assert_eq!(open(&mut [partner(None)]).of("BANK01"), None);
    }
}
