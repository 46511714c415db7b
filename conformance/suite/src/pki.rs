//! Certificates of a run: the bank's signing certificate and the certificate of its own listener, issued by the portal's
//! authority, so that the portal trusts the bank's receiver of events as it will trust a real one.

use std::path::{Path, PathBuf};

use certs::{Authority, Issued as Made, Key, Profile, Subject};
use crypto::Algorithm;

use crate::clock;
use crate::error::SuiteError;
use crate::profile::Bank;

/// What the lanes need.
#[derive(Clone, Debug)]
pub(crate) struct Pki {
    pub(crate) ca_pem: String,
    pub(crate) client: Issued,
    pub(crate) server: Issued,
    /// Key algorithm of the client.
    pub(crate) alg: String,
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
        let failed = |cause: String| {
            SuiteError::new(format!("cannot make certificates: {cause}"), "check the folder of the portal's authority")
        };
        let named = bank.profile.client.alg.as_ref().map(|alg| alg.value.as_str());
        let word = alg.or(named).unwrap_or("rsa2048");
        let algorithm: Algorithm = word.parse().map_err(|_| {
            let hint = crate::scenario::words::hint(word, crate::profile::ALGORITHMS);
            SuiteError::new(format!("unknown key algorithm `{word}`"), hint)
        })?;
        let now = clock::now();
        let issuer = match Authority::open(authority, now) {
            Ok(issuer) => issuer,
            // A portal elsewhere keeps its key to itself; the bank's receiver is then trusted as far as it goes.
            Err(_) => Authority::new(now, Algorithm::EcdsaP256).map_err(|cause| failed(cause.to_string()))?,
        };
        let issue =
            |profile: &str, subject: &Subject, algorithm: Algorithm, name: &str| -> Result<Issued, SuiteError> {
                let profile = Profile::named(profile).map_err(|cause| failed(cause.to_string()))?;
                let made = issuer
                    .issue(profile, subject, Key::Generate(algorithm), now)
                    .map_err(|cause| failed(cause.to_string()))?;
                write(&made, folder, name)
            };
        let client = match bank.profile.client.certificate.value.as_str() {
            "generate" => {
                let subject = Subject::named(&bank.profile.client.id).with_organization(&bank.profile.bank.name);
                issue("partner", &subject, algorithm, "client")?
            }
            file => {
                let certificate = bank.folder.join(file);
                let pem = std::fs::read_to_string(&certificate).map_err(|cause| {
                    SuiteError::new(
                        format!("cannot read {}: {cause}", certificate.display()),
                        "mend `client.certificate`",
                    )
                })?;
                let key = bank.profile.client.key.as_ref().map(|key| bank.folder.join(&key.value)).unwrap_or_default();
                if !key.is_file() {
                    return Err(SuiteError::new(format!("cannot read {}", key.display()), "mend `client.key`"));
                }
                Issued { certificate, key, pem }
            }
        };
        // The listener's key is of the quick kind whatever the client's is: it only has to be there.
        let server = issue("server", &Subject::localhost(), Algorithm::EcdsaP256, "bank")?;
        Ok(Self { ca_pem: issuer.ca_pem(), client, server, alg: algorithm.to_string() })
    }
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
