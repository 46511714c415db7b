//! One authority: its certificate and key, what it issues, what it revokes. Shared by reference; the folder that keeps
//! it, if any, is written after every change.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::time::{Span, Timestamp};
use crypto::cert::Identifier;
use crypto::{Algorithm, Certificate, PrivateKey, PublicKey};
use x509_cert::serial_number::SerialNumber;
use zeroize::Zeroizing;

use crate::build::{self, Content, Issuer};
use crate::folder::{Folder, Line};
use crate::{CertError, IssuerKind, Profile, Request};

/// A certificate authority for tests.
#[derive(Debug)]
pub struct Authority {
    root: Root,
    time: [Timestamp; 2],
    folder: Option<Folder>,
    book: Mutex<Book>,
}

/// The authority's own pair.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) certificate: Certificate,
    pub(crate) key: PrivateKey,
}

/// What changes while the authority lives.
#[derive(Debug, Default)]
struct Book {
    /// Serial number in hex → instant of revocation.
    revoked: BTreeMap<String, Timestamp>,
    issued: Vec<Line>,
    lists: u64,
    /// The authority that nobody knows, made when it is first needed.
    foreign: Option<Root>,
}

/// Whom a certificate is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    pub common_name: String,
    pub organization: Option<String>,
    pub dns: Vec<String>,
    pub ips: Vec<IpAddr>,
    /// OGRN, INN, INNLE, OGRNIP, SNILS: digits.
    pub identifiers: Vec<(Identifier, String)>,
}

/// Whose key is certified.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// The key of this certificate request (PEM), kept where it was made.
    Csr(&'a str),
    /// A fresh key.
    Generate(Algorithm),
    /// A key that exists already.
    Own(&'a PrivateKey),
}

/// What was issued.
#[derive(Clone, Debug)]
pub struct Issued {
    pub certificate: Certificate,
    pub cert_pem: String,
    pub cert_der: Vec<u8>,
    /// Lower-case hex.
    pub serial: String,
    /// The key, unless it came as a request.
    pub key: Option<PrivateKey>,
}

/// A revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    pub pem: String,
    pub der: Vec<u8>,
}

impl Subject {
    pub fn named(common_name: &str) -> Self {
        Self { common_name: common_name.to_owned(), ..Self::default() }
    }

    /// A server on this machine: `localhost`.
    pub fn localhost() -> Self {
        Self { dns: vec!["localhost".to_owned()], ..Self::named("localhost") }
    }

    #[must_use]
    pub fn with_organization(mut self, organization: &str) -> Self {
        self.organization = Some(organization.to_owned());
        self
    }

    /// Adds OGRN, INN, INNLE, OGRNIP or SNILS. What is not digits is refused when a certificate is made.
    #[must_use]
    pub fn with_identifier(mut self, identifier: Identifier, digits: &str) -> Self {
        self.identifiers.push((identifier, digits.to_owned()));
        self
    }

    #[must_use]
    pub fn with_ip(mut self, address: IpAddr) -> Self {
        self.ips.push(address);
        self
    }

    #[must_use]
    pub fn with_dns(mut self, host: &str) -> Self {
        self.dns.push(host.to_owned());
        self
    }
}

impl Issued {
    /// The key as PKCS#8 PEM.
    pub fn key_pem(&self) -> Option<Zeroizing<String>> {
        self.key.as_ref().map(PrivateKey::to_pem)
    }
}

impl Root {
    fn new(common_name: &str, now: Timestamp, algorithm: Algorithm) -> Result<Self, CertError> {
        let key = PrivateKey::generate(algorithm)?;
        let subject = Subject::named(common_name).with_organization("Stend");
        let content = Content::authority(&subject, now)?;
        let issuer = Issuer::itself(&content, &key);
        let made = content.signed_by(key.public(), &issuer)?;
        Ok(Self { certificate: read(&made)?, key })
    }

    fn issuer(&self) -> Result<Issuer<'_>, CertError> {
        Issuer::of(&self.certificate, &self.key)
    }

    /// The algorithm of another authority like this one. RSA takes its time to make, so ECDSA stands in for it.
    fn like(&self) -> Algorithm {
        self.key.gost().map_or(Algorithm::EcdsaP256, |key| Algorithm::Gost(key.curve()))
    }
}

/// A serial number of hex digits, as certificates have it: positive, at most 20 bytes.
fn number(serial: &str) -> Option<SerialNumber> {
    let bytes = hex::decode(serial).ok().filter(|bytes| !bytes.is_empty())?;
    SerialNumber::new(&bytes).ok()
}

fn read(der: &[u8]) -> Result<Certificate, CertError> {
    Certificate::from_der(der).map_err(|error| CertError::Generation(error.to_string()))
}

impl Authority {
    /// Makes an authority that lives in memory, valid from five years before `now` to ten years after.
    pub fn new(now: Timestamp, algorithm: Algorithm) -> Result<Self, CertError> {
        let root = Root::new("Stend test authority", now, algorithm)?;
        Ok(Self { root, time: build::authority_time(now), folder: None, book: Mutex::default() })
    }

    /// Opens the authority that a folder keeps, or makes one there. `algorithm` counts only for a new one.
    pub fn open_or_create(folder: &Path, now: Timestamp, algorithm: Algorithm) -> Result<Self, CertError> {
        let folder = Folder::new(folder);
        if folder.is_there() {
            return Self::open_folder(folder, now);
        }
        let mut made = Self::new(now, algorithm)?;
        folder.create(&made.root)?;
        made.folder = Some(folder);
        made.keep(&made.book())?;
        made.crl(now)?;
        Ok(made)
    }

    /// Opens the authority that a folder keeps.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, CertError> {
        let folder = Folder::new(folder);
        if folder.is_there() { Self::open_folder(folder, now) } else { Err(folder.empty()) }
    }

    fn open_folder(folder: Folder, now: Timestamp) -> Result<Self, CertError> {
        let (root, index) = folder.read()?;
        let time = [root.certificate.not_before(), root.certificate.not_after()].map(Timestamp::from_seconds);
        if now < time[0] || now > time[1] {
            let problem =
                format!("its authority is valid from {} to {}, not at {now}; make a new one", time[0], time[1]);
            return Err(CertError::Folder { what: folder.to_string(), problem });
        }
        let revoked = index.revoked.into_iter().map(|line| (line.serial, line.at)).collect();
        let book = Book { revoked, issued: index.issued, lists: index.lists, foreign: None };
        Ok(Self { root, time, folder: Some(folder), book: Mutex::new(book) })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Every change of the book is one step, so a panic elsewhere leaves it whole.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn certificate(&self) -> &Certificate {
        &self.root.certificate
    }

    pub fn ca_pem(&self) -> String {
        self.root.certificate.pem()
    }

    pub fn ca_der(&self) -> &[u8] {
        self.root.certificate.der()
    }

    /// Issues a certificate of this profile. A revoked profile is revoked at once.
    pub fn issue(
        &self,
        profile: &Profile,
        subject: &Subject,
        key: Key<'_>,
        now: Timestamp,
    ) -> Result<Issued, CertError> {
        let (public, private): (PublicKey, Option<PrivateKey>) = match key {
            Key::Csr(text) => (Request::from_pem(text)?.key, None),
            Key::Generate(algorithm) => {
                let key = PrivateKey::generate(algorithm)?;
                (key.public().clone(), Some(key))
            }
            Key::Own(key) => (key.public().clone(), Some(key.clone())),
        };
        let content = Content::new(profile, subject, now, self.time)?;
        let made = match (profile.issuer, &private) {
            (IssuerKind::Ours, _) => content.signed_by(&public, &self.root.issuer()?)?,
            (IssuerKind::Foreign, _) => content.signed_by(&public, &self.foreign(now)?.issuer()?)?,
            (IssuerKind::Itself, Some(key)) => {
                let itself = Issuer::itself(&content, key);
                content.signed_by(&public, &itself)?
            }
            (IssuerKind::Itself, None) => {
                return Err(CertError::Generation("a self-signed certificate needs the key itself".to_owned()));
            }
        };
        let certificate = read(&made)?;
        let serial = certificate.serial().to_owned();
        if profile.revoked {
            self.revoke(&serial, now)?;
        }
        Ok(Issued {
            cert_pem: certificate.pem(),
            cert_der: certificate.der().to_vec(),
            serial,
            key: private,
            certificate,
        })
    }

    fn foreign(&self, now: Timestamp) -> Result<Root, CertError> {
        let mut book = self.book();
        if let Some(root) = &book.foreign {
            return Ok(root.clone());
        }
        let made = Root::new("Foreign authority", now, self.root.like())?;
        book.foreign = Some(made.clone());
        Ok(made)
    }

    /// Puts a serial number (hex) on the list, once; the first instant stays.
    pub fn revoke(&self, serial: &str, at: Timestamp) -> Result<(), CertError> {
        let serial = serial.trim_start_matches('0').to_ascii_lowercase();
        // Serial numbers have whole bytes, so an odd count of digits has lost a leading zero.
        let serial = if serial.len() % 2 == 1 { format!("0{serial}") } else { serial };
        if number(&serial).is_none() {
            return Err(CertError::UnknownCertificate(serial));
        }
        let mut book = self.book();
        book.revoked.entry(serial).or_insert(at);
        self.keep(&book)
    }

    pub fn is_revoked(&self, serial: &str) -> bool {
        self.book().revoked.contains_key(serial)
    }

    /// The revocation list of this instant. Its next update is due when the authority ends, so that a kept list does not
    /// grow stale under a moved clock.
    pub fn crl(&self, now: Timestamp) -> Result<Crl, CertError> {
        let mut book = self.book();
        book.lists += 1;
        let revoked: Vec<_> = book.revoked.iter().filter_map(|(serial, at)| Some((number(serial)?, *at))).collect();
        // An hour back: the reader's clock may run behind ours.
        let time = [now - Span::from_minutes(60), self.time[1]];
        let der = build::list(&self.root.issuer()?, book.lists, time, &revoked)?;
        let list = Crl { pem: crypto::pem::encode("X509 CRL", &der), der };
        if let Some(folder) = &self.folder {
            folder.write_crl(&list)?;
        }
        self.keep(&book)?;
        Ok(list)
    }

    pub(crate) fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// Writes an issued certificate into the folder and into its index. A name that exists is replaced.
    pub(crate) fn enter(&self, line: Line, issued: &Issued) -> Result<(), CertError> {
        if let Some(folder) = &self.folder {
            folder.write_issued(&line.name, issued)?;
        }
        let mut book = self.book();
        book.issued.retain(|entry| entry.name != line.name);
        book.issued.push(line);
        self.keep(&book)
    }

    /// Serial number of what was issued under this name, or the serial number itself.
    pub(crate) fn find(&self, name_or_serial: &str) -> Result<String, CertError> {
        let wanted = name_or_serial.to_ascii_lowercase().replace(':', "");
        let book = self.book();
        let found = book.issued.iter().find(|line| line.name == name_or_serial || line.serial == wanted);
        found.map(|line| line.serial.clone()).ok_or_else(|| CertError::UnknownCertificate(name_or_serial.to_owned()))
    }

    fn keep(&self, book: &Book) -> Result<(), CertError> {
        match &self.folder {
            Some(folder) => folder.write_index(&book.issued, &book.revoked, book.lists),
            None => Ok(()),
        }
    }
}
