//! Whose call it is: the signature in `CallerInformationSystemSignature` holds, covers exactly the element that will be
//! used, and is by a certificate that is registered for a partner.

use contract::control::{KeyType, Unsigned};
use crypto::xmldsig::{DS, Element, Policy, Refused, SignatureMethod, Transform, verify};
use crypto::{Certificate, Family};
use domain::{Anomaly, Command, Refusal};

use crate::edge::caller::Caller;
use crate::portal::Sandbox;

/// A participant who proved who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signer {
    pub(super) client_id: String,
    /// Answers are signed by a key of the same family.
    pub(super) family: Family,
}

/// Which kind of key a family is.
fn kind(family: Family) -> KeyType {
    match family {
        Family::EcdsaP256 => KeyType::Ecdsa,
        Family::Gost256 | Family::Gost512 => KeyType::Gost,
        Family::Rsa => KeyType::Rsa,
    }
}

/// Verifies that the signature in `holder` covers `element` and nothing else.
pub(super) async fn prove(
    sandbox: &Sandbox,
    caller: &Caller,
    element: Element<'_>,
    holder: Option<Element<'_>>,
) -> Result<Signer, Refusal> {
    let Some(holder) = holder else { return unsigned(sandbox, caller).await };
    let outcome = certificate(sandbox, element, holder);
    match outcome {
        Ok(certificate) => registered(sandbox, caller, &certificate),
        Err((refusal, odd)) => {
            if odd {
                let seen = refusal.seen.clone();
                let note = Command::SmevNote { client_id: None, what: Anomaly::WrongElementSigned, seen };
                sandbox.execute(caller, note).await?;
            }
            Err(refusal)
        }
    }
}

/// The certificate whose key signed; with a refusal, whether something else was signed.
fn certificate(sandbox: &Sandbox, element: Element<'_>, holder: Element<'_>) -> Result<Certificate, (Refusal, bool)> {
    let plain = |refusal: Refusal| (refusal, false);
    let inside: Vec<Element<'_>> = holder.children().collect();
    let [signature] = inside.as_slice() else {
        return Err(plain(absent(&format!("{} elements in {}", inside.len(), holder.name()))));
    };
    if !signature.is(DS, "Signature") {
        return Err(plain(absent(&format!("{} in {}", signature.name(), holder.name()))));
    }
    let ids = element.attributes().filter(|(_, name, _)| name.eq_ignore_ascii_case("id")).count();
    if ids != 1 {
        return Err((target("smev-element-ids", &format!("{ids} ids on {}", element.name()), element), true));
    }
    let taken = &sandbox.settings().smev_algorithms;
    let methods = SignatureMethod::ALL.into_iter();
    let methods = methods.filter(|method| taken.contains(&kind(method.scheme().family()))).collect();
    let policy = Policy { methods, references: 1, ..Policy::default() };
    let verified = verify(*signature, &policy).map_err(|refused| failed(&refused, element))?;
    let covered = verified.covering(element).map_err(|refused| failed(&refused, element))?;
    if covered.transforms.last() != Some(&Transform::Smev) {
        let refusal = Refusal::new("smev-signature-invalid", "smev-transform-absent")
            .check("transforms of the reference")
            .seen("no urn://smev-gov-ru/xmldsig/transform at the end")
            .wanted("exclusive canonicalization, then the transform of SMEV");
        return Err(plain(refusal));
    }
    verified.certificate.ok_or_else(|| plain(Refusal::new("smev-certificate-absent", "smev-certificate-absent")))
}

fn absent(seen: &str) -> Refusal {
    Refusal::new("smev-signature-absent", "smev-signature-absent")
        .check("CallerInformationSystemSignature")
        .seen(seen)
        .wanted("one ds:Signature")
}

fn target(cause: &str, seen: &str, element: Element<'_>) -> Refusal {
    Refusal::new("smev-signature-target", cause)
        .check("element that the signature covers")
        .seen(seen)
        .wanted(element.path())
        .mend("one reference, to the element's own Id, which stands once in the message")
}

fn failed(refused: &Refused, element: Element<'_>) -> (Refusal, bool) {
    let cause = format!("smev-{}", refused.code());
    match refused {
        Refused::DuplicateId { .. }
        | Refused::NoReference
        | Refused::NotCovered { .. }
        | Refused::ReferenceForeign { .. }
        | Refused::ReferenceNotFound { .. }
        | Refused::TooManyReferences { .. } => (target(&cause, &refused.to_string(), element), true),
        Refused::CertificateMissing => {
            let refusal = Refusal::new("smev-certificate-absent", &cause)
                .check("ds:KeyInfo")
                .seen("no X509Certificate")
                .wanted("ds:X509Data/ds:X509Certificate");
            (refusal, false)
        }
        _ => {
            let refusal = Refusal::new("smev-signature-invalid", &cause)
                .check("signature of the caller")
                .seen(refused.to_string())
                .wanted("a signature that holds, by an algorithm that is taken");
            (refusal, false)
        }
    }
}

/// Registration is the trust, whoever issued the certificate; ours can be taken back.
fn registered(sandbox: &Sandbox, caller: &Caller, certificate: &Certificate) -> Result<Signer, Refusal> {
    let now = sandbox.now().seconds();
    let named = certificate.subject();
    if !certificate.is_valid_at(now) {
        let (cause, seen) = if now > certificate.not_after() {
            ("smev-certificate-expired", "its time is over")
        } else {
            ("smev-certificate-not-yet-valid", "its time has not come")
        };
        return Err(Refusal::new("smev-certificate-expired", cause)
            .check("validity of the certificate")
            .seen(format!("{named}: {seen}"))
            .wanted(format!("valid at {}", sandbox.now())));
    }
    let owner = sandbox.read(|world| {
        world.partners.by_certificate(&certificate.sha256_hex()).map(|partner| partner.client_id.clone())
    });
    let Some(client_id) = owner else {
        return Err(Refusal::new("smev-sender-unknown", "smev-certificate-unregistered")
            .check("owner of the certificate")
            .seen(format!("{named}, issued by {}", certificate.issuer()))
            .wanted("a certificate registered for a partner"));
    };
    caller.tag_partner(&client_id);
    if sandbox.pki().revokes(certificate) {
        return Err(Refusal::new("smev-signature-invalid", "smev-certificate-revoked")
            .check("revocation of the certificate")
            .seen(format!("{named}, serial {}", certificate.serial()))
            .wanted("a certificate that is not on the list"));
    }
    let family = certificate.public_key().map(|key| key.family()).unwrap_or(Family::Gost256);
    Ok(Signer { client_id, family })
}

/// An unsigned call, where such are let pass: of whoever owns the connection's certificate, or of the only partner.
async fn unsigned(sandbox: &Sandbox, caller: &Caller) -> Result<Signer, Refusal> {
    if sandbox.settings().smev_unsigned == Unsigned::Refused {
        return Err(absent("no such element").mend("sign, or let the sandbox take unsigned calls: smev_unsigned"));
    }
    let peer = caller.peer.as_ref().map(|peer| peer.sha256.clone());
    let owner = sandbox.read(|world| {
        let by_peer = peer.as_ref().and_then(|sha256| world.partners.by_certificate(sha256));
        let mut all = world.partners.all();
        let only = all.next().filter(|_| all.next().is_none());
        by_peer.or(only).map(|partner| (partner.client_id.clone(), partner.certificates.first().cloned()))
    });
    let Some((client_id, known)) = owner else {
        return Err(Refusal::new("smev-sender-unknown", "smev-unsigned-nobody")
            .check("sender of an unsigned call")
            .seen("several partners, and no certificate of the connection")
            .wanted("a signature, or a client certificate"));
    };
    caller.tag_partner(&client_id);
    let read = known.as_ref().and_then(|known| sandbox.shelf().read(known));
    let family = read.and_then(|read| read.key.as_ref().map(|key| key.family())).unwrap_or(Family::Gost256);
    let note = Command::SmevNote { client_id: Some(client_id.clone()), what: Anomaly::Unsigned, seen: String::new() };
    sandbox.execute(caller, note).await?;
    Ok(Signer { client_id, family })
}

/// `PersonalSignature`: an official's, over the business root itself.
pub(super) fn personal(holder: Element<'_>, root: Element<'_>) -> Result<(), Refusal> {
    let refused = |cause: &str, seen: String| {
        Refusal::new("smev-signature-invalid", cause).check("PersonalSignature").seen(seen).wanted(root.path())
    };
    let Some(signature) = holder.child(DS, "Signature") else {
        return Err(refused("smev-personal-absent", "no ds:Signature in it".to_owned()));
    };
    let verified = verify(signature, &Policy { references: 1, ..Policy::default() })
        .map_err(|error| refused("smev-personal-invalid", error.to_string()))?;
    verified.covering(root).map_err(|error| refused("smev-personal-target", error.to_string()))?;
    Ok(())
}
