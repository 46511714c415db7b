//! The store at rest: records under names, each sealed with AES-256-GCM under a key of the bank's own, in one file that
//! survives a restart. The name of a record is bound into its seal, so that records cannot be exchanged. A record that
//! changes is written behind the others, the last one counts, and the file is written anew before it holds more of old
//! records than of new ones. What is erased is gone from the file at once. The key lies beside it in a file that only the bank may read; a real bank
//! would keep it in a security module.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::BankError;
use crate::draw::Draw;

const NONCE: usize = 12;

pub(crate) struct Store {
    path: PathBuf,
    cipher: Aes256Gcm,
    draw: Draw,
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    named: BTreeMap<String, Record>,
    /// Lines of the file.
    lines: usize,
}

/// A file of fewer lines is never worth writing anew.
const FEW: usize = 64;

/// One line of the file: `s <base64 of nonce, ciphertext>`, or `c <json>` where a broken variant does not seal.
struct Record {
    line: String,
    open: Vec<u8>,
}

/// What is inside a seal.
#[derive(Serialize, serde::Deserialize)]
struct Sealed {
    name: String,
    value: serde_json::Value,
}

/// The key of the data folder, made at the first start.
pub(crate) fn key(folder: &Path, draw: &Draw) -> Result<Zeroizing<[u8; 32]>, BankError> {
    let path = folder.join("store.key");
    let failed = |source| BankError::Store { path: path.clone(), source };
    if let Ok(bytes) = std::fs::read(&path) {
        let key: [u8; 32] = bytes.try_into().map_err(|_| failed(std::io::ErrorKind::InvalidData.into()))?;
        return Ok(Zeroizing::new(key));
    }
    std::fs::create_dir_all(folder).map_err(failed)?;
    let key = Zeroizing::new(draw.bytes::<32>());
    write_private(&path, key.as_slice()).map_err(failed)?;
    Ok(key)
}

fn append_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

impl Store {
    pub(crate) fn open(path: &Path, key: &[u8; 32]) -> Result<Self, BankError> {
        let failed = |source| BankError::Store { path: path.to_owned(), source };
        let cipher = Aes256Gcm::new(key.into());
        let mut records = Records::default();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        // Half a line at the end is a write that a crash cut short: nobody was told that it was kept.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        for line in whole.lines() {
            let sealed = unseal(&cipher, line).ok_or_else(|| failed(std::io::ErrorKind::InvalidData.into()))?;
            let open = serde_json::to_vec(&sealed.value).unwrap_or_default();
            records.named.insert(sealed.name, Record { line: line.to_owned(), open });
            records.lines += 1;
        }
        if whole.len() < text.len() {
            write_private(path, whole.as_bytes()).map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), cipher, draw: Draw::default(), records: Mutex::new(records) })
    }

    /// Keeps a value under a name. `sealed` is false only in a broken variant.
    pub(crate) fn put<T: Serialize>(&self, name: &str, value: &T, sealed: bool) {
        let Ok(value) = serde_json::to_value(value) else { return };
        let open = serde_json::to_vec(&value).unwrap_or_default();
        let inner = serde_json::to_vec(&Sealed { name: name.to_owned(), value }).unwrap_or_default();
        let line = if sealed {
            let nonce = self.draw.bytes::<NONCE>();
            let Ok(secret) = self.cipher.encrypt(&Nonce::from(nonce), Payload::from(inner.as_slice())) else { return };
            format!("s {}", STANDARD.encode([nonce.as_slice(), &secret].concat()))
        } else {
            format!("c {}", String::from_utf8_lossy(&inner))
        };
        let mut records = self.records();
        let added = format!("{line}\n");
        records.named.insert(name.to_owned(), Record { line, open });
        records.lines += 1;
        if records.lines > FEW.max(2 * records.named.len()) {
            self.write(&mut records);
        } else if let Err(error) = append_private(&self.path, added.as_bytes()) {
            tracing::error!(%error, "failed to write the store");
        }
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&self.records().named.get(name)?.open).ok()
    }

    /// Every value whose name begins with `prefix`.
    pub(crate) fn all<T: DeserializeOwned>(&self, prefix: &str) -> Vec<T> {
        let records = self.records();
        let under = records.named.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
        under.filter_map(|(_, record)| serde_json::from_slice(&record.open).ok()).collect()
    }

    /// Erases every record whose name begins with `prefix`; answers how many there were.
    pub(crate) fn erase(&self, prefix: &str) -> usize {
        let mut records = self.records();
        let before = records.named.len();
        records.named.retain(|name, _| !name.starts_with(prefix));
        let gone = before - records.named.len();
        if gone > 0 {
            self.write(&mut records);
        }
        gone
    }

    /// The whole file anew, with nothing in it that counts no longer.
    fn write(&self, records: &mut Records) {
        records.lines = records.named.len();
        let text: String = records.named.values().flat_map(|record| [record.line.as_str(), "\n"]).collect();
        let beside = self.path.with_extension("new");
        let done = write_private(&beside, text.as_bytes()).and_then(|()| std::fs::rename(&beside, &self.path));
        if let Err(error) = done {
            tracing::error!(%error, "failed to write the store");
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unseal(cipher: &Aes256Gcm, line: &str) -> Option<Sealed> {
    let inner = match line.split_once(' ')? {
        ("s", secret) => {
            let bytes = STANDARD.decode(secret).ok()?;
            let (nonce, secret) = bytes.split_at_checked(NONCE)?;
            let nonce: [u8; NONCE] = nonce.try_into().ok()?;
            cipher.decrypt(&Nonce::from(nonce), Payload::from(secret)).ok()?
        }
        ("c", open) => open.as_bytes().to_vec(),
        _ => return None,
    };
    serde_json::from_slice(&inner).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> (tempfile::TempDir, PathBuf, [u8; 32]) {
        let folder = tempfile::tempdir().unwrap();
        let key = key(folder.path(), &Draw::default()).unwrap();
        let path = folder.path().join("bank.db");
        let store = Store::open(&path, &key).unwrap();
        store.put("customer/1", &"canary-4711", true);
        store.put("customer/2", &"other", true);
        (folder, path, *key)
    }

    #[test]
    fn a_planted_value_is_not_found_in_the_file() {
        let (_folder, path, _) = stored();
        let bytes = std::fs::read(&path).unwrap();
        let inside = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!inside(b"canary-4711"));
        assert!(!inside(STANDARD.encode("canary-4711").trim_end_matches('=').as_bytes()));
        assert!(!inside(b"customer/1"));
    }

    #[test]
    fn records_survive_a_restart_and_an_erased_one_does_not() {
        let (_folder, path, key) = stored();
        let store = Store::open(&path, &key).unwrap();
        assert_eq!(store.read::<String>("customer/1").as_deref(), Some("canary-4711"));
        assert_eq!(store.all::<String>("customer/").len(), 2);
        assert_eq!(store.erase("customer/1"), 1);
        let store = Store::open(&path, &key).unwrap();
        assert_eq!(store.read::<String>("customer/1"), None);
    }

    #[test]
    fn the_last_word_counts_and_old_ones_do_not_pile_up() {
        let (_folder, path, key) = stored();
        let store = Store::open(&path, &key).unwrap();
        for turn in 0..10 * FEW {
            store.put("customer/1", &turn, true);
        }
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= FEW, "{lines}");
        assert_eq!(Store::open(&path, &key).unwrap().read::<usize>("customer/1"), Some(10 * FEW - 1));
        assert_eq!(Store::open(&path, &key).unwrap().read::<String>("customer/2").as_deref(), Some("other"));
    }

    #[test]
    fn what_is_erased_is_gone_with_all_its_former_lines() {
        let (_folder, path, key) = stored();
        let store = Store::open(&path, &key).unwrap();
        store.put("customer/1", &"changed", true);
        store.erase("customer/1");
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    }

    #[test]
    fn a_write_that_was_cut_short_loses_itself_and_nothing_else() {
        let (_folder, path, key) = stored();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        let store = Store::open(&path, &key).unwrap();
        assert_eq!(store.read::<String>("customer/1").as_deref(), Some("canary-4711"));
        assert_eq!(store.read::<String>("customer/2"), None);
        store.put("customer/3", &"new", true);
        assert_eq!(Store::open(&path, &key).unwrap().all::<String>("customer/").len(), 2);
    }

    #[test]
    fn a_changed_byte_is_refused() {
        let (_folder, path, key) = stored();
        let mut text = std::fs::read_to_string(&path).unwrap().into_bytes();
        text[20] = if text[20] == b'A' { b'B' } else { b'A' };
        std::fs::write(&path, text).unwrap();
        assert!(Store::open(&path, &key).is_err());
    }

    #[test]
    fn the_key_is_for_the_owner_only() {
        let (folder, _, _) = stored();
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(folder.path().join("store.key")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }
}
