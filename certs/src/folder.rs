//! The folder that keeps an authority: `ca.pem`, `ca.key`, `crl.pem`, `index.json`, `issued/<name>.pem` and `.key`.
//! Files are written beside and renamed, so a cut leaves the old or the new one; keys have mode 0600.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use contract::time::Timestamp;
use crypto::{Certificate, PrivateKey};
use serde::{Deserialize, Serialize};

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

    pub(crate) fn create(&self, root: &Root) -> Result<(), CertError> {
        let issued = self.path("issued");
        std::fs::create_dir_all(&issued).map_err(|error| problem(&issued, &error))?;
        // The key comes first: a folder with ca.pem is a whole one.
        write(&self.path("ca.key"), root.key.to_pem().as_bytes(), Access::Owner)?;
        write(&self.path("ca.pem"), root.certificate.pem().as_bytes(), Access::All)
    }

    pub(crate) fn read(&self) -> Result<(Root, Index), CertError> {
        let text = |name: &str| {
            let path = self.path(name);
            std::fs::read_to_string(&path).map_err(|error| problem(&path, &error))
        };
        let certificate =
            Certificate::from_pem(&text("ca.pem")?).map_err(|error| problem(&self.path("ca.pem"), &error))?;
        let key = PrivateKey::from_pem(&text("ca.key")?).map_err(|error| problem(&self.path("ca.key"), &error))?;
        if certificate.public_key()? != *key.public() {
            return Err(problem(&self.path("ca.key"), &"it is not the key of ca.pem"));
        }
        let index = self.path("index.json");
        let index = if index.exists() {
            serde_json::from_str(&text("index.json")?).map_err(|error| problem(&index, &error))?
        } else {
            Index::default()
        };
        Ok((Root { certificate, key }, index))
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

    pub(crate) fn write_crl(&self, list: &Crl) -> Result<(), CertError> {
        write(&self.path("crl.pem"), list.pem.as_bytes(), Access::All)
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
