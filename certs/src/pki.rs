//! What stands behind `stend pki init`, `issue` and `revoke`. Each answers with a short text for the person at the
//! keyboard, or with an error of one line.

use std::net::IpAddr;
use std::path::Path;

use contract::time::Timestamp;
use crypto::{Algorithm, Certificate};

use crate::folder::problem;
use crate::{Authority, CertError, Identifier, Key, Profile, Request, Subject};

/// A wish to issue.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Name of the files, and of the subject unless the request has one.
    pub name: &'a str,
    /// A row of `profiles.toml`.
    pub profile: &'a str,
    /// Of the fresh key, where no request is given.
    pub algorithm: Algorithm,
    /// A certificate request (PEM); the key then stays where it was made.
    pub csr: Option<&'a Path>,
    /// Hosts of a server; `localhost` when there are neither hosts nor addresses.
    pub dns: &'a [String],
    pub ips: &'a [IpAddr],
    /// OGRN, INN, INNLE, OGRNIP, SNILS of the subject; those of a request are kept beside them.
    pub identifiers: &'a [(Identifier, String)],
}

/// Makes an authority in a folder, or shows the one that is there.
pub fn init(folder: &Path, algorithm: Algorithm, now: Timestamp) -> Result<String, CertError> {
    let was_there = folder.join("ca.pem").exists();
    let authority = Authority::open_or_create(folder, now, algorithm)?;
    let certificate = authority.certificate();
    let second = if authority.roots().len() > 1 { ", ca-gost.pem, ca-gost.key (0600)" } else { "" };
    Ok(format!(
        "{} {}\n  subject  {}\n  valid    {} to {}\n  sha256   {}\n  files    ca.pem, ca.key (0600){second}, crl.pem, index.json",
        if was_there { "kept the authority in" } else { "made an authority in" },
        folder.display(),
        certificate.subject(),
        Timestamp::from_seconds(certificate.not_before()),
        Timestamp::from_seconds(certificate.not_after()),
        certificate.sha256_hex(),
    ))
}

/// Issues a certificate from a request, or with a fresh key, into `issued/`.
pub fn issue(folder: &Path, ask: &Ask<'_>, now: Timestamp) -> Result<String, CertError> {
    fit_name(ask.name)?;
    let profile = Profile::named(ask.profile)?;
    let authority = Authority::open(folder, now)?;
    let request = match ask.csr {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| problem(path, &error))?),
        None => None,
    };
    let mut subject = Subject {
        dns: ask.dns.to_vec(),
        ips: ask.ips.to_vec(),
        identifiers: ask.identifiers.to_vec(),
        ..Subject::named(ask.name)
    };
    if subject.dns.is_empty() && subject.ips.is_empty() {
        subject.dns.push("localhost".to_owned());
    }
    if profile.usage.contains(&crate::Usage::ServerAuth) || profile.like.as_deref() == Some("server") {
        subject.common_name = subject.dns.first().cloned().unwrap_or(subject.common_name);
    }
    let key = match &request {
        Some(text) => {
            let read = Request::from_pem(text)?;
            subject.common_name = read.common_name.unwrap_or(subject.common_name);
            subject.organization = read.organization;
            let given = |known: &Identifier| ask.identifiers.iter().any(|(identifier, _)| identifier == known);
            subject.identifiers.extend(read.identifiers.into_iter().filter(|(identifier, _)| !given(identifier)));
            Key::Csr(text)
        }
        None => Key::Generate(ask.algorithm),
    };
    let issued = authority.issue(profile, &subject, key, now)?;
    authority.keep(ask.name, &profile.name, &issued, now)?;
    if profile.revoked {
        authority.crls(now)?;
    }
    let path = |ending: &str| authority.folder().map(|kept| kept.issued(ask.name, ending).display().to_string());
    let key = match issued.key {
        Some(_) => format!("{} (0600)", path("key").unwrap_or_default()),
        None => "stays where the request was made".to_owned(),
    };
    Ok(format!(
        "issued {}\n  profile      {} ({})\n  subject      {}\n  issuer       {}\n  serial       {}\n  valid        {} to {}\n  sha256       {}\n{}  certificate  {}\n  key          {key}",
        ask.name,
        profile.name,
        profile.title,
        issued.certificate.subject(),
        issued.certificate.issuer(),
        issued.serial,
        Timestamp::from_seconds(issued.certificate.not_before()),
        Timestamp::from_seconds(issued.certificate.not_after()),
        issued.certificate.sha256_hex(),
        hash(&issued.certificate),
        path("pem").unwrap_or_default(),
    ))
}

/// Whether a name makes a file name in the folder and nowhere else.
pub(crate) fn fit_name(name: &str) -> Result<(), CertError> {
    let fit = |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
    let good = !name.is_empty() && !name.starts_with('.') && name.chars().all(fit);
    if good { Ok(()) } else { Err(CertError::UnfitName(name.to_owned())) }
}

/// The hash by which ESIA knows a certificate, where it is not the SHA-256 that is told anyway.
fn hash(certificate: &Certificate) -> String {
    let hash = certificate.client_certificate_hash();
    if hash == certificate.sha256_hex() { String::new() } else { format!("  streebog256  {hash}\n") }
}

/// Revokes what was issued under a name or serial number, and writes the list anew.
pub fn revoke(folder: &Path, name_or_serial: &str, now: Timestamp) -> Result<String, CertError> {
    let authority = Authority::open(folder, now)?;
    let serial = authority.find(name_or_serial)?;
    let again = authority.is_revoked(&serial);
    authority.revoke(&serial, now)?;
    authority.crls(now)?;
    Ok(format!(
        "{} {name_or_serial}\n  serial  {serial}\n  list    {}",
        if again { "was revoked already:" } else { "revoked" },
        folder.join("crl.pem").display(),
    ))
}
