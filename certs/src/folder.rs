//! The folder that keeps an authority: `ca.pem` (all roots, that of TLS first), `ca.key`, the second root's `ca-gost.pem`
//! and `ca-gost.key`, `crl.pem` (the list of each root), `index.json`, `issued/<name>.pem` and `.key`.
//! Files are written beside and renamed, so a cut leaves the old or the new one; keys have mode 0600.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use contract::time::Timestamp;
use crypto::{Certificate, PrivateKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::authority::Root;
use crate::{CertError, Crl, Issued};

#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

/// `index.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(crate) issued: Vec<Line>,
    pub(crate) revoked: Vec<RevokedLine>,
    /// How many revocation lists were made.
    pub(crate) lists: u64,
}

/// One issued certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) profile: String,
    pub(crate) serial: String,
    pub(crate) subject: String,
    pub(crate) at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RevokedLine {
    pub(crate) serial: String,
    pub(crate) at: Timestamp,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn is_there(&self) -> bool {
        self.path("ca.pem").exists()
    }

    pub(crate) fn empty(&self) -> CertError {
        let problem = "there is no ca.pem in it; make an authority with `stend pki init`";
        CertError::Folder { what: self.to_string(), problem: problem.to_owned() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn create(&self, root: &Root, gost: Option<&Root>) -> Result<(), CertError> {
        let issued = self.path("issued");
        std::fs::create_dir_all(&issued).map_err(|error| problem(&issued, &error))?;
        // The keys come first: a folder with ca.pem is a whole one.
        write(&self.path("ca.key"), root.key.to_pem().as_bytes(), Access::Owner)?;
        let mut roots = root.certificate.pem();
        if let Some(gost) = gost {
            write(&self.path("ca-gost.key"), gost.key.to_pem().as_bytes(), Access::Owner)?;
            write(&self.path("ca-gost.pem"), gost.certificate.pem().as_bytes(), Access::All)?;
            roots.push_str(&gost.certificate.pem());
        }
        write(&self.path("ca.pem"), roots.as_bytes(), Access::All)
    }

    /// Adds a second root to a folder that has none; where another process was quicker, the other's is taken.
    pub(crate) fn add_second(&self, made: Root) -> Result<Root, CertError> {
        let _alone = self.lock()?;
        let (root, there) = (self.pair("ca")?, self.second()?);
        if let Some(there) = there {
            return Ok(there);
        }
        self.create(&root, Some(&made))?;
        Ok(made)
    }

    /// Holds every other process off the folder until the answer is let go.
    pub(crate) fn lock(&self) -> Result<std::fs::File, CertError> {
        let path = self.path("index.lock");
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(&path);
        file.and_then(|file| file.lock().map(|()| file)).map_err(|error| problem(&path, &error))
    }

    /// Both roots, the second where there is one, and the index.
    pub(crate) fn read(&self) -> Result<(Root, Option<Root>, Index), CertError> {
        Ok((self.pair("ca")?, self.second()?, self.index()?))
    }

    fn second(&self) -> Result<Option<Root>, CertError> {
        self.path("ca-gost.pem").exists().then(|| self.pair("ca-gost")).transpose()
    }

    fn text(&self, name: &str) -> Result<String, CertError> {
        let path = self.path(name);
        std::fs::read_to_string(&path).map_err(|error| problem(&path, &error))
    }

    fn pair(&self, name: &str) -> Result<Root, CertError> {
        let (pem, key) = (format!("{name}.pem"), format!("{name}.key"));
        let certificate =
            Certificate::from_pem(&self.text(&pem)?).map_err(|error| problem(&self.path(&pem), &error))?;
        let text = Zeroizing::new(self.text(&key)?);
        let private = PrivateKey::from_pem(&text).map_err(|error| problem(&self.path(&key), &error))?;
        if certificate.public_key()? != *private.public() {
            return Err(problem(&self.path(&key), &format!("it is not the key of {pem}")));
        }
        Ok(Root { certificate, key: private })
    }

    pub(crate) fn index(&self) -> Result<Index, CertError> {
        let path = self.path("index.json");
        if !path.exists() {
            return Ok(Index::default());
        }
        serde_json::from_str(&self.text("index.json")?).map_err(|error| problem(&path, &error))
    }

    /// What lies in `issued/` and can be read, in the order of the names.
    pub(crate) fn certificates(&self) -> Vec<Certificate> {
        let Ok(entries) = std::fs::read_dir(self.path("issued")) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "pem"));
        paths.sort();
        let read = |path: &PathBuf| Certificate::from_pem(&std::fs::read_to_string(path).ok()?).ok();
        paths.iter().filter_map(read).collect()
    }

    pub(crate) fn write_index(
        &self,
        issued: &[Line],
        revoked: &BTreeMap<String, Timestamp>,
        lists: u64,
    ) -> Result<(), CertError> {
        let revoked = revoked.iter().map(|(serial, at)| RevokedLine { serial: serial.clone(), at: *at }).collect();
        let index = Index { issued: issued.to_vec(), revoked, lists };
        let path = self.path("index.json");
        let mut text = serde_json::to_string_pretty(&index).map_err(|error| problem(&path, &error))?;
        text.push('\n');
        write(&path, text.as_bytes(), Access::All)
    }

    pub(crate) fn write_crls(&self, lists: &[Crl]) -> Result<(), CertError> {
        let text: String = lists.iter().map(|list| list.pem.as_str()).collect();
        write(&self.path("crl.pem"), text.as_bytes(), Access::All)
    }

    pub(crate) fn issued(&self, name: &str, ending: &str) -> PathBuf {
        self.path("issued").join(format!("{name}.{ending}"))
    }

    pub(crate) fn write_issued(&self, name: &str, issued: &Issued) -> Result<(), CertError> {
        let folder = self.path("issued");
        std::fs::create_dir_all(&folder).map_err(|error| problem(&folder, &error))?;
        if let Some(key) = issued.key_pem() {
            write(&self.issued(name, "key"), key.as_bytes(), Access::Owner)?;
        }
        write(&self.issued(name, "pem"), issued.cert_pem.as_bytes(), Access::All)
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.display())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    All,
    Owner,
}

pub(crate) fn problem(path: &Path, error: &dyn fmt::Display) -> CertError {
    CertError::Folder { what: path.display().to_string(), problem: error.to_string() }
}

fn write(path: &Path, bytes: &[u8], access: Access) -> Result<(), CertError> {
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if access == Access::Owner {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options.open(&beside).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| std::fs::rename(&beside, path)).map_err(|error| problem(path, &error))
}
