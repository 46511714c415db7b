//! How the exchange signs: by its own key of the family that the reader can verify, with a certificate under the
//! portal's authority.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use certs::{Key, Profile, Subject};
use contract::control::TokenAlg;
use crypto::xmldsig::{Document, Element, Lies, Limits, Place, SignAsk, sign};
use crypto::{Certificate, Family, PrivateKey};
use domain::Refusal;

use crate::portal::Sandbox;

/// Who signs in the name of SMEV.
pub(crate) const BUS: &str = "SMEV";

/// Certificates that were issued, by common name and key.
#[derive(Debug, Default)]
pub(crate) struct Certificates(Mutex<HashMap<String, Certificate>>);

/// A key with its certificate.
#[derive(Clone, Debug)]
pub(crate) struct Pen {
    pub(crate) key: PrivateKey,
    pub(crate) certificate: Certificate,
}

fn failed(what: impl std::fmt::Display) -> Refusal {
    Refusal::new("internal", "smev-signing").check("signing of the answer").seen(what.to_string())
}

/// The algorithm that goes with a reader's key.
pub(crate) const fn alg(family: Family) -> TokenAlg {
    match family {
        Family::EcdsaP256 => TokenAlg::ES256,
        Family::Gost256 | Family::Gost512 => TokenAlg::GOST3410_2012_256,
        Family::Rsa => TokenAlg::RS256,
    }
}

/// The pen of this signer for readers of this family.
pub(crate) async fn pen(sandbox: &Sandbox, name: &str, family: Family) -> Result<Pen, Refusal> {
    let key = sandbox.keys().current(alg(family)).await.map_err(failed)?;
    let now = sandbox.now();
    let place = format!("{name} {}", key.kid);
    // Every change is one step, so a panic elsewhere leaves it whole.
    let mut known = sandbox.smev().certificates.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(certificate) = known.get(&place).filter(|certificate| certificate.is_valid_at(now.seconds())) {
        return Ok(Pen { key: key.private, certificate: certificate.clone() });
    }
    let profile = Profile::named("partner").map_err(failed)?;
    let subject = Subject::named(name).with_organization("Stend");
    let issued = sandbox.pki().issue(profile, &subject, Key::Own(&key.private), now).map_err(failed)?;
    known.insert(place, issued.certificate.clone());
    Ok(Pen { key: key.private, certificate: issued.certificate })
}

/// Finds the element of this local name.
pub(crate) fn named<'d>(document: &'d Document, name: &str) -> Option<Element<'d>> {
    document.elements().find(|element| element.name() == name)
}

/// Signs the element `signed` into the empty element `holder`.
pub(crate) fn into(text: &str, signed: &str, holder: &str, pen: &Pen, lies: Lies<'_>) -> Result<String, Refusal> {
    let limits = Limits { bytes: usize::MAX, ..Limits::default() };
    let document = Document::parse(text.as_bytes(), limits).map_err(failed)?;
    let element = named(&document, signed).ok_or_else(|| failed(signed))?;
    let place = named(&document, holder).ok_or_else(|| failed(holder))?;
    let ask = SignAsk { lies, ..SignAsk::smev(element, Place::LastIn(place), &pen.key, &pen.certificate) };
    sign(&document, &ask).map_err(failed)
}
