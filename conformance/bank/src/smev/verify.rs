//! A message from the queue, before anything in it is used: exactly one `Response` (or `Request`) in its place, signed by
//! SMEV, the signature covering that very element and made under the portal's authority; the sender's own signature as
//! well where it is there; sent to this bank and not long ago.

use contract::adapter::ReasonClass;
use contract::smev::Version;
use contract::time::{Span, Timestamp};
use crypto::Certificate;
use crypto::chain::{self, ChainError, Check, Usage};
use crypto::xmldsig::{DS, Document, Element, Objection, Policy, Refused, Role, verify};

use super::envelope;
use crate::bank::Bank;
use crate::conduct::{Diligence, EnvelopeCheck, SoapCheck, XmlCheck};
use crate::http::Request;
use crate::json::weigh;
use crate::refusal::{Refusal, refuse};

/// Who signs what the queue hands out.
const BUS: &str = "SMEV";
/// A message of the queue may have waited for so long.
const OLDEST: Span = Span::from_minutes(24 * 60);
const SKEW: Span = Span::from_minutes(5);

/// A message that may be used.
pub(super) struct Message<'d> {
    /// `Response` or `Request`.
    pub(super) element: Element<'d>,
    /// `SenderProvidedResponseData` or `SenderProvidedRequestData`.
    pub(super) given: Element<'d>,
    /// Its own id, which is acknowledged.
    pub(super) id: String,
    /// The request that it answers.
    pub(super) original: String,
    /// What lies beside it.
    pub(super) beside: Option<Element<'d>>,
}

fn odd(class: ReasonClass, code: &'static str, why: impl Into<String>) -> Refusal {
    refuse(class, code, why)
}

/// The id of the message that was handed out, as far as it can be told: for an acknowledgement that says no.
pub(super) fn told_id(document: &Document) -> Option<String> {
    let given = document.elements().find(|element| element.name().starts_with("SenderProvidedRe"));
    given.and_then(|given| given.children().find(|child| child.name() == "MessageID")).map(|id| id.text())
}

/// Whether the queue was empty.
pub(super) fn is_empty(document: &Document, kind: &str) -> bool {
    let call = envelope::body(document).and_then(|body| body.children().next());
    call.is_some_and(|call| call.name() == format!("Get{kind}Response") && call.children().next().is_none())
}

/// The message in an answer to `GetResponse` (kind `Response`) or `GetRequest` (kind `Request`).
pub(super) async fn message<'d>(
    bank: &Bank,
    document: &'d Document,
    kind: &str,
    late: &mut Option<Refusal>,
) -> Result<Message<'d>, Refusal> {
    let version = envelope::version(bank);
    let types = version.types();
    let candidates: Vec<Element<'d>> = document.elements().filter(|element| element.is(&types, kind)).collect();
    let call = envelope::body(document).map(|body| body.children().collect::<Vec<_>>()).unwrap_or_default();
    let holder = call.first().and_then(|call| call.child(&types, &format!("{kind}Message")));
    let placed = holder.and_then(|holder| holder.child(&types, kind));
    if let Some(check) = out_of_place(&call, holder, placed, &candidates, &types) {
        let refusal = odd(ReasonClass::Signature, "SOAP-WRAPPED", "elements that do not belong into the message");
        weigh(bank, check, refusal, late)?;
    }
    let placed = placed.or_else(|| candidates.first().copied());
    let element = placed.ok_or_else(|| odd(ReasonClass::Format, "SOAP-MESSAGE", format!("no {kind} in the answer")))?;
    crate::serve::refresh_lists(bank).await;
    let cut = crate::xml::was_cut(bank, document);
    let signed = if cut { Some(element) } else { signature_of(bank, document, holder, element, late).await? };
    // An honest bank has exactly one candidate here; a variant that looked away reads what the sender of a lie wants read.
    let altered = candidates.iter().find(|candidate| Some(**candidate) != signed).copied();
    let element = if candidates.len() > 1 { altered.unwrap_or(element) } else { element };
    let name = format!("SenderProvided{kind}Data");
    let given = element.child(&types, &name).or_else(|| element.descendants().find(|inner| inner.name() == name));
    let given = given.ok_or_else(|| odd(ReasonClass::Format, "SOAP-MESSAGE", format!("no {name} in the answer")))?;
    single(bank, &[element, given], late)?;
    if !cut {
        sender(bank, element, given, version, candidates.len(), late)?;
    }
    addressed(bank, element, version, late)?;
    let text =
        |within: Element<'d>, name: &str| within.child(&types, name).map(|child| child.text()).unwrap_or_default();
    Ok(Message {
        element,
        given,
        id: text(given, "MessageID"),
        original: text(element, "OriginalMessageId"),
        beside: holder.and_then(|holder| holder.children().find(|child| child.name() == "AttachmentContentList")),
    })
}

/// Parts of a message of which there is one each (XML Schema 1 §3.8).
fn single(bank: &Bank, within: &[Element<'_>], late: &mut Option<Refusal>) -> Result<(), Refusal> {
    let many = ["StatusParameter", "RequestRejected"];
    let metadata = within.iter().flat_map(|part| part.children()).filter(|child| child.name() == "MessageMetadata");
    let all: Vec<Element<'_>> = within.iter().copied().chain(metadata).collect();
    for part in all {
        let mut seen: Vec<&str> = Vec::new();
        for child in part.children().filter(|child| !many.contains(&child.name())) {
            if seen.contains(&child.name()) {
                let refusal = odd(ReasonClass::Format, "XML-REPEATED", format!("{} stands twice", child.path()));
                weigh(bank, XmlCheck::Repeated, refusal, late)?;
            }
            seen.push(child.name());
        }
    }
    Ok(())
}

/// What stands where nothing should, or more than once.
fn out_of_place(
    call: &[Element<'_>],
    holder: Option<Element<'_>>,
    placed: Option<Element<'_>>,
    candidates: &[Element<'_>],
    types: &str,
) -> Option<EnvelopeCheck> {
    if call.len() != 1 || candidates.len() > 1 || placed.is_none() {
        return Some(EnvelopeCheck::Wrapping);
    }
    let allowed = ["Request", "Response", "AttachmentContentList", "SMEVSignature", "Cancel"];
    let mut seen: Vec<&str> = Vec::new();
    for child in holder.into_iter().flat_map(|holder| holder.children()) {
        if seen.contains(&child.name()) || !allowed.contains(&child.name()) {
            return Some(EnvelopeCheck::Wrapping);
        }
        seen.push(child.name());
    }
    let inside = ["SenderProvidedRequestData", "SenderProvidedResponseData", "MessageMetadata"];
    let placed = placed?;
    let twice = inside.iter().any(|name| placed.children().filter(|child| child.is(types, name)).count() > 1);
    twice.then_some(EnvelopeCheck::Wrapping)
}

/// The check that an obstacle belongs to; none for those that nothing overlooks.
fn check_of(refused: &Refused, candidates: usize) -> Option<EnvelopeCheck> {
    use EnvelopeCheck as Is;
    if candidates > 1 && !matches!(refused, Refused::Algorithm(_)) {
        // Whatever is wrong with a signature beside a second message, the second message is the point.
        return Some(Is::Wrapping);
    }
    Some(match refused {
        Refused::Algorithm(unsuitable) => match (unsuitable.role, unsuitable.why) {
            (Role::Transform, _) if unsuitable.uri.contains("xslt") => Is::Xslt,
            (Role::Transform, _) => Is::Transform,
            (_, Objection::Keyed) => Is::Hmac,
            _ => Is::Algorithm,
        },
        Refused::CertificateMissing | Refused::SignedByAnother(_) | Refused::KeyUnsuitable { .. } => Is::Trust,
        Refused::DigestDiffers { .. } => Is::Digest,
        Refused::DuplicateId { .. } => Is::DuplicateId,
        Refused::NoReference | Refused::NotCovered { .. } => Is::Covering,
        Refused::ReferenceForeign { .. } => Is::RemoteReference,
        Refused::ReferenceNotFound { .. } => Is::Covering,
        Refused::SignatureDiffers(_) => Is::Value,
        Refused::TooManyReferences { .. } | Refused::TooManyTransforms { .. } | Refused::TooMuchReferred { .. } => {
            Is::References
        }
        Refused::Malformed { .. } => Is::Value,
        _ => return None,
    })
}

/// Verifies SMEV's signature over exactly this element; answers what it does cover.
async fn signature_of<'d>(
    bank: &Bank,
    document: &'d Document,
    holder: Option<Element<'d>>,
    element: Element<'d>,
    late: &mut Option<Refusal>,
) -> Result<Option<Element<'d>>, Refusal> {
    let candidates = document.elements().filter(|other| other.name() == element.name()).count();
    let at = holder.and_then(|holder| holder.children().find(|child| child.name() == "SMEVSignature"));
    let inside: Vec<Element<'d>> =
        at.into_iter().flat_map(|at| at.children()).filter(|child| child.is(DS, "Signature")).collect();
    let Some(first) = inside.first().copied() else {
        let check = if candidates > 1 { EnvelopeCheck::Wrapping } else { EnvelopeCheck::Signed };
        weigh(bank, check, odd(ReasonClass::Signature, "SOAP-UNSIGNED", "SMEV did not sign the message"), late)?;
        return Ok(None);
    };
    for other in inside.iter().skip(1) {
        if let Err(refused) = verify(*other, &Policy::default()) {
            let refusal = odd(ReasonClass::Signature, "SOAP-SECOND", refused.to_string());
            weigh(bank, EnvelopeCheck::Second, refusal, late)?;
        }
    }
    let verified = match verify(first, &Policy { references: 4, ..Policy::default() }) {
        Ok(verified) => verified,
        Err(refused) => {
            let refusal = odd(ReasonClass::Signature, refused.code(), refused.to_string());
            let Some(check) = check_of(&refused, candidates) else { return Err(refusal) };
            weigh(bank, check, refusal, late)?;
            fetch_reference(bank, &refused).await;
            // With one id for two, a careless bank takes the first for the signed one and reads the other.
            let plain =
                document.elements().find(|other| other.name() == element.name() && other.attribute("Id").is_some());
            return Ok(plain.filter(|_| matches!(refused, Refused::DuplicateId { .. })));
        }
    };
    let covers = verified.covering(element).is_ok_and(|covered| covered.without.is_none());
    if !covers {
        let check = if candidates > 1 { EnvelopeCheck::Wrapping } else { EnvelopeCheck::Covering };
        let refusal = odd(ReasonClass::Signature, "SOAP-UNCOVERED", "the signature is over something else");
        weigh(bank, check, refusal, late)?;
    }
    let covered = verified.covered.first().map(|covered| covered.element);
    match &verified.certificate {
        Some(certificate) => signer(bank, certificate, Some(BUS), late)?,
        None => {
            let refusal = odd(ReasonClass::Signature, "SOAP-SIGNER", "no certificate says who signed");
            weigh(bank, EnvelopeCheck::Trust, refusal, late)?;
        }
    }
    Ok(covered)
}

/// The careless bank fetches what a reference outside the document points to.
async fn fetch_reference(bank: &Bank, refused: &Refused) {
    let Refused::ReferenceForeign { uri } = refused else { return };
    if bank.conduct.checks(EnvelopeCheck::RemoteReference) != Diligence::Full
        && let Ok(address) = url::Url::parse(uri)
    {
        let _ = bank.http.send(Request::get(address)).await;
    }
}

/// The certificate is of the portal's authority, in force, for signing, and of the one who should have signed.
fn signer(
    bank: &Bank,
    certificate: &Certificate,
    name: Option<&str>,
    late: &mut Option<Refusal>,
) -> Result<(), Refusal> {
    let roots = bank.guard.roots();
    let lists = bank.guard.lists();
    let at = bank.clock.now().seconds();
    let check = Check {
        leaf: certificate,
        intermediates: &[],
        roots: &roots,
        crls: &lists,
        at,
        usage: Usage::Signing,
        host: None,
    };
    if let Err(error) = chain::verify(&check) {
        let (check, class) = match &error {
            ChainError::Expired { .. } | ChainError::NotYetValid { .. } => (EnvelopeCheck::Expired, ReasonClass::Time),
            ChainError::Revoked => (EnvelopeCheck::Revoked, ReasonClass::Signature),
            ChainError::WrongUsage => (EnvelopeCheck::Usage, ReasonClass::Signature),
            _ => (EnvelopeCheck::Trust, ReasonClass::Signature),
        };
        weigh(bank, check, odd(class, error.code(), error.to_string()), late)?;
        return Ok(());
    }
    if name.is_some_and(|name| certificate.common_name() != Some(name)) {
        let why = format!("signed by {}, not by {BUS}", certificate.subject());
        weigh(bank, EnvelopeCheck::Trust, odd(ReasonClass::Signature, "SOAP-SIGNER", why), late)?;
    }
    Ok(())
}

/// The sender's own signature, where it is there: over what the sender said.
fn sender(
    bank: &Bank,
    element: Element<'_>,
    given: Element<'_>,
    version: Version,
    candidates: usize,
    late: &mut Option<Refusal>,
) -> Result<(), Refusal> {
    let Some(holder) = element.child(&version.types(), "SenderInformationSystemSignature") else { return Ok(()) };
    let Some(signature) = holder.children().find(|child| child.is(DS, "Signature")) else {
        let refusal = odd(ReasonClass::Signature, "SOAP-SENDER", "the sender's signature is empty");
        return weigh(bank, EnvelopeCheck::Second, refusal, late);
    };
    let refused = match verify(signature, &Policy::default()) {
        Ok(verified) => match (verified.covering(given), &verified.certificate) {
            (Ok(_), Some(certificate)) => return signer(bank, certificate, None, late),
            (Ok(_), None) => Refused::CertificateMissing,
            (Err(refused), _) => refused,
        },
        Err(refused) => refused,
    };
    let check = check_of(&refused, candidates).unwrap_or(EnvelopeCheck::Second);
    weigh(bank, check, odd(ReasonClass::Signature, "SOAP-SENDER", refused.to_string()), late)
}

/// Sent to this bank, and not long ago.
fn addressed(bank: &Bank, element: Element<'_>, version: Version, late: &mut Option<Refusal>) -> Result<(), Refusal> {
    let types = version.types();
    let Some(metadata) = element.child(&types, "MessageMetadata") else {
        let refusal = odd(ReasonClass::Format, "SOAP-METADATA", "the message does not say when it was sent");
        return weigh(bank, SoapCheck::TimePresent, refusal, late);
    };
    let recipient = metadata.child(&types, "Recipient").and_then(|to| to.child(&types, "Mnemonic")).map(|to| to.text());
    if recipient.as_deref().is_some_and(|to| !to.is_empty() && to != bank.options.client_id) {
        let why = format!("the message is for {}", recipient.unwrap_or_default());
        weigh(bank, SoapCheck::Recipient, odd(ReasonClass::Audience, "SOAP-RECIPIENT", why), late)?;
    }
    let sent = metadata.child(&types, "SendingTimestamp").map(|at| at.text());
    let Some(sent) = sent.as_deref().and_then(|text| text.trim().parse::<Timestamp>().ok()) else {
        let refusal = odd(ReasonClass::Time, "SOAP-TIME", "the message does not say when it was sent");
        return weigh(bank, SoapCheck::TimePresent, refusal, late);
    };
    let now = bank.clock.now();
    if now.since(sent) > OLDEST {
        let refusal = odd(ReasonClass::Time, "SOAP-STALE", format!("sent at {sent}"));
        weigh(bank, SoapCheck::Stale, refusal, late)?;
    }
    if sent.since(now) > SKEW {
        let refusal = odd(ReasonClass::Time, "SOAP-AHEAD", format!("sent at {sent}, which is still to come"));
        weigh(bank, SoapCheck::Ahead, refusal, late)?;
    }
    Ok(())
}
