//! Certificates of a run: the bank's signing certificate, the certificates of its connections, and those that no request may
//! be signed with; issued by the portal's authority, so that the portal trusts the bank's receiver of events as it will
//! trust a real one.
//!
//! TLS speaks RSA and ECDSA only, so a bank that signs with a GOST key shows another certificate in its handshakes: ECDSA,
//! of the same authority, registered for nothing. With RSA and ECDSA the one client certificate does both.

use std::path::{Path, PathBuf};

use certs::{Authority, Issued as Made, IssuerKind, Key, Profile, Request, Subject};
use contract::time::Timestamp;
use crypto::gost::Curve;
use crypto::{Algorithm, Certificate, Family, PrivateKey};

use crate::clock;
use crate::error::SuiteError;
use crate::profile::Bank;

/// What the lanes need.
#[derive(Clone, Debug)]
pub(crate) struct Pki {
    pub(crate) ca_pem: String,
    /// The root of certificates with GOST keys; empty where the bank signs with another kind. The portal's answers over the
    /// message exchange and its documents are then signed under it.
    pub(crate) gost_ca_pem: String,
    /// What requests are signed with.
    pub(crate) client: Issued,
    /// What the bank shows as a TLS client: the same unless TLS does not know its algorithm.
    pub(crate) client_tls: Issued,
    /// Of the bank's listener.
    pub(crate) server: Issued,
    /// The client's key, certified before and run out. Registered as well, as old certificates are in the field.
    pub(crate) expired: Option<Issued>,
    /// Of the client's kind, by an authority that nobody knows. Not registered.
    pub(crate) foreign: Option<Issued>,
    /// By the portal's authority, but of a key on another curve or of another kind. Not registered.
    pub(crate) other_curve: Option<Issued>,
    /// Kind of the client's key.
    pub(crate) family: Family,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) pem: String,
}

impl Pki {
    /// Issues what the bank needs into `folder`. `authority` is where the portal keeps its own.
    pub(crate) fn make(bank: &Bank, alg: Option<&str>, authority: &Path, folder: &Path) -> Result<Self, SuiteError> {
        let now = clock::now();
        let issuer = match Authority::open(authority, now) {
            Ok(issuer) => issuer,
            // A portal elsewhere keeps its key to itself; the bank's receiver is then trusted as far as it goes.
            Err(_) => Authority::new(now, Algorithm::EcdsaP256).map_err(failed)?,
        };
        let desk = Desk { issuer, folder, now };
        let client = &bank.profile.client;
        let subject = Subject::named(&client.id).with_organization(&bank.profile.bank.name);
        // The listener's key is of the quick kind whatever the client's is: it only has to be there.
        let server = desk.generate("server", &Subject::localhost(), Algorithm::EcdsaP256, "bank")?;
        let mut pki = Self {
            ca_pem: desk.issuer.ca_pem(),
            gost_ca_pem: String::new(),
            client_tls: server.clone(),
            client: server.clone(),
            server,
            expired: None,
            foreign: None,
            other_curve: None,
            family: Family::EcdsaP256,
        };
        match client.certificate.value.as_str() {
            "generate" => {
                let algorithm = named(bank, alg)?;
                let key = PrivateKey::generate(algorithm).map_err(failed)?;
                pki.family = algorithm.family();
                // As a bank does it: the key stays with it, the authority gets a request.
                let request = Request::make(&key, &client.id).map_err(failed)?;
                pki.client = desk.issue("partner", &subject, Key::Csr(&request), Some(&key), "client")?;
                pki.expired = Some(desk.issue("partner-expired", &subject, Key::Own(&key), None, "client-old")?);
                // A key of the quick kind stands in for RSA, which takes its time to make.
                let quick = if algorithm.family() == Family::Rsa { Algorithm::EcdsaP256 } else { algorithm };
                let foreign = "partner-foreign-authority";
                pki.foreign = Some(desk.generate(foreign, &subject, quick, "client-foreign")?);
                pki.other_curve = Some(desk.generate("partner", &subject, beside(algorithm), "client-other-curve")?);
            }
            file => pki.client = brought(bank, file)?,
        }
        if pki.expired.is_none() {
            let key = Certificate::from_pem(&pki.client.pem).map_err(failed)?.public_key().map_err(failed)?;
            pki.family = key.family();
            check_alg(alg, pki.family)?;
        }
        if pki.family.is_gost() {
            let of_gost = |root: &Certificate| root.public_key().is_ok_and(|key| key.family().is_gost());
            pki.gost_ca_pem = desk.issuer.roots().iter().filter(|root| of_gost(root)).map(Certificate::pem).collect();
        }
        pki.client_tls = match pki.family.is_gost() {
            true => desk.generate("partner-mtls", &subject, Algorithm::EcdsaP256, "client-tls")?,
            false => pki.client.clone(),
        };
        Ok(pki)
    }

    /// What the portal knows the bank by, PEM.
    pub(crate) fn registered(&self) -> Vec<String> {
        std::iter::once(&self.client).chain(&self.expired).map(|issued| issued.pem.clone()).collect()
    }

    /// What it has besides, PEM.
    pub(crate) fn unregistered(&self) -> Vec<String> {
        let spare = [&self.foreign, &self.other_curve].into_iter().flatten();
        let mut all: Vec<String> =
            [&self.server, &self.client_tls].into_iter().chain(spare).map(|i| i.pem.clone()).collect();
        all.retain(|pem| *pem != self.client.pem);
        all
    }
}

/// The issuer at work.
struct Desk<'a> {
    issuer: Authority,
    folder: &'a Path,
    now: Timestamp,
}

impl Desk<'_> {
    fn generate(
        &self,
        profile: &str,
        subject: &Subject,
        algorithm: Algorithm,
        name: &str,
    ) -> Result<Issued, SuiteError> {
        self.issue(profile, subject, Key::Generate(algorithm), None, name)
    }

    /// `own` is the key of a request.
    fn issue(
        &self,
        profile: &str,
        subject: &Subject,
        key: Key<'_>,
        own: Option<&PrivateKey>,
        name: &str,
    ) -> Result<Issued, SuiteError> {
        let row = Profile::named(profile).map_err(failed)?;
        let mut made = self.issuer.issue(row, subject, key, self.now).map_err(failed)?;
        if row.issuer == IssuerKind::Ours {
            // The authority knows what it has issued, as a real one does.
            self.issuer.keep(name, profile, &Made { key: None, ..made.clone() }, self.now).map_err(failed)?;
        }
        if let Some(own) = own {
            made.key = Some(own.clone());
        }
        write(&made, self.folder, name)
    }
}

fn failed(cause: impl std::fmt::Display) -> SuiteError {
    SuiteError::new(format!("cannot make certificates: {cause}"), "check the folder of the portal's authority")
}

/// The algorithm of a generated key: `--alg`, then the bank file, then RSA.
fn named(bank: &Bank, alg: Option<&str>) -> Result<Algorithm, SuiteError> {
    let named = bank.profile.client.alg.as_ref().map(|alg| alg.value.as_str());
    let word = alg.or(named).unwrap_or("rsa2048");
    word.parse().map_err(|_| {
        let hint = crate::scenario::words::hint(word, &crate::profile::algorithms());
        SuiteError::new(format!("unknown key algorithm `{word}`"), hint)
    })
}

/// A bank that brings its own certificate has chosen already.
fn check_alg(alg: Option<&str>, family: Family) -> Result<(), SuiteError> {
    let Some(word) = alg else { return Ok(()) };
    match word.parse::<Algorithm>() {
        Ok(algorithm) if algorithm.family() == family => Ok(()),
        Ok(_) => Err(SuiteError::new(
            format!("the bank's own certificate is of a key of {family}, not of {word}"),
            "leave out --alg, or write `certificate: generate` in the bank file",
        )),
        Err(unknown) => Err(SuiteError::new(unknown.to_string(), "leave out --alg")),
    }
}

/// A key that looks right and is not: for GOST of the same size on another curve, else of another kind.
fn beside(algorithm: Algorithm) -> Algorithm {
    match algorithm {
        Algorithm::Gost(Curve::CryptoProA) => Algorithm::Gost(Curve::Tc26A256),
        Algorithm::Gost(curve) if curve.size() == 32 => Algorithm::GOST_256,
        Algorithm::Gost(Curve::Tc26A512) => Algorithm::Gost(Curve::Tc26C512),
        Algorithm::Gost(_) => Algorithm::GOST_512,
        Algorithm::EcdsaP256 => Algorithm::GOST_256,
        Algorithm::Rsa2048 | Algorithm::Rsa3072 => Algorithm::EcdsaP256,
    }
}

/// The certificate and key that the bank file names.
fn brought(bank: &Bank, file: &str) -> Result<Issued, SuiteError> {
    let certificate = bank.folder.join(file);
    let pem = std::fs::read_to_string(&certificate).map_err(|cause| {
        SuiteError::new(format!("cannot read {}: {cause}", certificate.display()), "mend `client.certificate`")
    })?;
    let key = bank.profile.client.key.as_ref().map(|key| bank.folder.join(&key.value)).unwrap_or_default();
    if !key.is_file() {
        return Err(SuiteError::new(format!("cannot read {}", key.display()), "mend `client.key`"));
    }
    Ok(Issued { certificate, key, pem })
}

fn write(made: &Made, folder: &Path, name: &str) -> Result<Issued, SuiteError> {
    let failed = |path: &Path, cause: std::io::Error| {
        SuiteError::new(format!("cannot write {}: {cause}", path.display()), "check the temporary folder")
    };
    let certificate = folder.join(format!("{name}.pem"));
    let key = folder.join(format!("{name}.key"));
    std::fs::write(&certificate, &made.cert_pem).map_err(|cause| failed(&certificate, cause))?;
    let pem = made.key_pem().map(|pem| pem.to_string()).unwrap_or_default();
    std::fs::write(&key, pem).map_err(|cause| failed(&key, cause))?;
    Ok(Issued { certificate, key, pem: made.cert_pem.clone() })
}
