//! One authority: its certificates and keys, what it issues, what it revokes. Shared by reference; the folder that keeps
//! it, if any, is written after every change.
//!
//! An authority of RSA or ECDSA has a second root, of GOST R 34.10-2012, and certifies GOST keys under that one: a GOST
//! certificate is then GOST throughout, and TLS, which knows no GOST here, never meets it in a chain. An authority of
//! GOST has one root for everything.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::time::{Span, Timestamp};
use crypto::cert::Identifier;
use crypto::{Algorithm, Certificate, Family, PrivateKey, PublicKey};
use x509_cert::serial_number::SerialNumber;
use zeroize::Zeroizing;

use crate::build::{self, Content, Issuer};
use crate::folder::{Folder, Index, Line};
use crate::{CertError, IssuerKind, Profile, Request};

const SECOND_NAME: &str = "Stend test authority GOST";

/// The first bytes of the serial numbers that the second root gives: `GOST`.
const SECOND_MARK: &[u8] = b"GOST";

/// A certificate authority for tests.
#[derive(Debug)]
pub struct Authority {
    root: Root,
    /// The second root; none where the first is of GOST itself.
    gost: Option<Root>,
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
    /// The authorities that nobody knows, of the first root's kind and of GOST, made when they are first needed.
    foreign: [Option<Root>; 2],
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

    /// The second root, beside one that is not of GOST.
    fn second(first: &Self, now: Timestamp) -> Result<Option<Self>, CertError> {
        let wanted = !first.key.family().is_gost();
        wanted.then(|| Self::new(SECOND_NAME, now, Algorithm::GOST_256)).transpose()
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
        let gost = Root::second(&root, now)?;
        Ok(Self { root, gost, time: build::authority_time(now), folder: None, book: Mutex::default() })
    }

    /// Opens the authority that a folder keeps, or makes one there. `algorithm` counts only for a new one.
    pub fn open_or_create(folder: &Path, now: Timestamp, algorithm: Algorithm) -> Result<Self, CertError> {
        let folder = Folder::new(folder);
        if folder.is_there() {
            return Self::open_folder(folder, now);
        }
        let mut made = Self::new(now, algorithm)?;
        folder.create(&made.root, made.gost.as_ref())?;
        made.folder = Some(folder);
        made.change(|_| ())?;
        made.crls(now)?;
        Ok(made)
    }

    /// Opens the authority that a folder keeps.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, CertError> {
        let folder = Folder::new(folder);
        if folder.is_there() { Self::open_folder(folder, now) } else { Err(folder.empty()) }
    }

    fn open_folder(folder: Folder, now: Timestamp) -> Result<Self, CertError> {
        let (root, kept, index) = folder.read()?;
        let time = [root.certificate.not_before(), root.certificate.not_after()].map(Timestamp::from_seconds);
        if now < time[0] || now > time[1] {
            let problem =
                format!("its authority is valid from {} to {}, not at {now}; make a new one", time[0], time[1]);
            return Err(CertError::Folder { what: folder.to_string(), problem });
        }
        let gost = match kept {
            Some(kept) => Some(kept),
            None => match Root::second(&root, now)? {
                // A folder of before there was a second root.
                Some(made) => Some(folder.add_second(made)?),
                None => None,
            },
        };
        let mut book = Book::default();
        book.join(index);
        Ok(Self { root, gost, time, folder: Some(folder), book: Mutex::new(book) })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Every change of the book is one step, so a panic elsewhere leaves it whole.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first root's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.root.certificate
    }

    /// The certificates of all roots, that of TLS first.
    pub fn roots(&self) -> Vec<Certificate> {
        self.all().map(|root| root.certificate.clone()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Root> {
        std::iter::once(&self.root).chain(&self.gost)
    }

    /// The root that certifies such keys.
    fn root_of(&self, family: Family) -> &Root {
        self.gost.as_ref().filter(|_| family.is_gost()).unwrap_or(&self.root)
    }

    /// The mark of the serial numbers of such a root, so that a serial number alone tells whose list it belongs on.
    fn mark(&self, root: &Root) -> &'static [u8] {
        if self.gost.as_ref().is_some_and(|gost| gost.certificate == root.certificate) { SECOND_MARK } else { &[] }
    }

    /// The first root's certificate: what TLS clients trust.
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
        let root = self.root_of(public.family());
        let content = Content::new(profile, subject, now, self.time, self.mark(root))?;
        let made = match (profile.issuer, &private) {
            (IssuerKind::Ours, _) => content.signed_by(&public, &root.issuer()?)?,
            (IssuerKind::Foreign, _) => content.signed_by(&public, &self.foreign(root, now)?.issuer()?)?,
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

    /// The authority that nobody knows, of the kind of this root. RSA takes its time, so ECDSA stands in for it.
    fn foreign(&self, like: &Root, now: Timestamp) -> Result<Root, CertError> {
        let gost = like.key.gost();
        let mut book = self.book();
        let place = &mut book.foreign[usize::from(gost.is_some())];
        if let Some(root) = place {
            return Ok(root.clone());
        }
        let algorithm = gost.map_or(Algorithm::EcdsaP256, |key| Algorithm::Gost(key.curve()));
        let made = Root::new("Foreign authority", now, algorithm)?;
        Ok(place.insert(made).clone())
    }

    /// Puts a serial number (hex) on the list, once; the first instant stays.
    pub fn revoke(&self, serial: &str, at: Timestamp) -> Result<(), CertError> {
        let serial = serial.trim_start_matches('0').to_ascii_lowercase();
        // Serial numbers have whole bytes, so an odd count of digits has lost a leading zero.
        let serial = if serial.len() % 2 == 1 { format!("0{serial}") } else { serial };
        if number(&serial).is_none() {
            return Err(CertError::UnknownCertificate(serial));
        }
        self.change(|book| {
            book.revoked.entry(serial).or_insert(at);
        })
    }

    pub fn is_revoked(&self, serial: &str) -> bool {
        self.book().revoked.contains_key(serial)
    }

    /// Whether this certificate bears the name of one of the roots as its issuer and stands on that root's list.
    pub fn revokes(&self, certificate: &Certificate) -> bool {
        let issuer = self.all().find(|root| root.certificate.subject() == certificate.issuer());
        issuer.is_some_and(|root| self.is_listed(root, certificate.serial()) && self.is_revoked(certificate.serial()))
    }

    /// Whether a serial number belongs on the list of this root.
    fn is_listed(&self, root: &Root, serial: &str) -> bool {
        let second = self.gost.is_some() && serial.starts_with(&hex::encode(SECOND_MARK));
        second != self.mark(root).is_empty()
    }

    /// Puts an issued certificate under a name into the folder and its index, beside what others have put there.
    pub fn keep(&self, name: &str, profile: &str, issued: &Issued, now: Timestamp) -> Result<(), CertError> {
        let line = Line {
            name: name.to_owned(),
            profile: profile.to_owned(),
            serial: issued.serial.clone(),
            subject: issued.certificate.subject().to_owned(),
            at: now,
        };
        crate::pki::fit_name(name)?;
        self.enter(line, issued)
    }

    /// The certificates in the folder, those that can be read; none without a folder.
    pub fn issued(&self) -> Vec<Certificate> {
        self.folder.as_ref().map(Folder::certificates).unwrap_or_default()
    }

    /// The first root's revocation list of this instant. Its next update is due when the authority ends, so that a kept
    /// list does not grow stale under a moved clock.
    pub fn crl(&self, now: Timestamp) -> Result<Crl, CertError> {
        Ok(self.crls(now)?.swap_remove(0))
    }

    /// The revocation lists of all roots at this instant, in the order of [`Authority::roots`].
    pub fn crls(&self, now: Timestamp) -> Result<Vec<Crl>, CertError> {
        let mut told = (0, Vec::new());
        self.change(|book| {
            book.lists += 1;
            told = (book.lists, book.revoked.iter().map(|(serial, at)| (serial.clone(), *at)).collect());
        })?;
        let (count, revoked): (u64, Vec<(String, Timestamp)>) = told;
        // An hour back: the reader's clock may run behind ours.
        let time = [now - Span::from_minutes(60), self.time[1]];
        let mut lists = Vec::new();
        for root in self.all() {
            let of_root = revoked.iter().filter(|(serial, _)| self.is_listed(root, serial));
            let entries: Vec<_> = of_root.filter_map(|(serial, at)| Some((number(serial)?, *at))).collect();
            let der = build::list(&root.issuer()?, count, time, &entries)?;
            lists.push(Crl { pem: crypto::pem::encode("X509 CRL", &der), der });
        }
        if let Some(folder) = &self.folder {
            folder.write_crls(&lists)?;
        }
        Ok(lists)
    }

    pub(crate) fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// Writes an issued certificate into the folder and into its index. A name that exists is replaced.
    pub(crate) fn enter(&self, line: Line, issued: &Issued) -> Result<(), CertError> {
        if let Some(folder) = &self.folder {
            folder.write_issued(&line.name, issued)?;
        }
        self.change(|book| {
            book.issued.retain(|entry| entry.name != line.name);
            book.issued.push(line);
        })
    }

    /// Serial number of what was issued under this name, or the serial number itself.
    pub(crate) fn find(&self, name_or_serial: &str) -> Result<String, CertError> {
        let wanted = name_or_serial.to_ascii_lowercase().replace(':', "");
        let book = self.book();
        let found = book.issued.iter().find(|line| line.name == name_or_serial || line.serial == wanted);
        found.map(|line| line.serial.clone()).ok_or_else(|| CertError::UnknownCertificate(name_or_serial.to_owned()))
    }

    /// Changes the book, and the folder's index with it. Another process may have the same folder open, so what it wrote
    /// meanwhile is read first, under a lock.
    fn change(&self, step: impl FnOnce(&mut Book)) -> Result<(), CertError> {
        let mut book = self.book();
        let Some(folder) = &self.folder else {
            step(&mut book);
            return Ok(());
        };
        let _alone = folder.lock()?;
        book.join(folder.index()?);
        step(&mut book);
        folder.write_index(&book.issued, &book.revoked, book.lists)
    }
}

impl Book {
    /// Takes up what the index has and the book has not. Nothing that was revoked becomes good again.
    fn join(&mut self, index: Index) {
        for line in index.revoked {
            let at = self.revoked.entry(line.serial).or_insert(line.at);
            *at = line.at.min(*at);
        }
        for line in index.issued {
            self.issued.retain(|known| known.name != line.name || known.at > line.at);
            if !self.issued.iter().any(|known| known.name == line.name) {
                self.issued.push(line);
            }
        }
        self.lists = self.lists.max(index.lists);
    }
}
