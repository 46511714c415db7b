//! Signatures that are wrong in exactly one way.

use certs::{Key, Profile, Subject};
use crypto::xmldsig::{C14n, DS, Document, Lies, Limits, Policy, canonical, verify};
use crypto::{PrivateKey, base64};
use domain::Refusal;
use ring::{digest, hmac};

use super::super::Scene;
use super::wraps::altered;
use crate::smev::sign::{self, BUS, Pen};

pub(super) const SEALS: &[&str] = &[
    "xsg-body-uncovered",
    "xsg-digest",
    "xsg-expired",
    "xsg-foreign-key",
    "xsg-hmac-cut",
    "xsg-hmac-public-key",
    "xsg-many-references",
    "xsg-metadata-uncovered",
    "xsg-remote-reference",
    "xsg-revoked",
    "xsg-sha1",
    "xsg-two-one-broken",
    "xsg-unsigned",
    "xsg-value",
    "xsg-xpath",
    "xsg-xslt",
];

const HMAC: &str = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";

fn failed(what: impl std::fmt::Display) -> Refusal {
    Refusal::new("internal", "smev-signing").check("signing of the answer").seen(what.to_string())
}

fn parse(text: &str) -> Result<Document, Refusal> {
    Document::parse(text.as_bytes(), Limits { bytes: usize::MAX, ..Limits::default() }).map_err(failed)
}

/// Signs `outer` for SMEV in the way that the lie wants; `inner` is the element of the sender within, `foreign` a key that
/// nobody has heard of.
pub(super) fn seal(
    text: &str,
    (outer, inner): (&str, &str),
    bus: &Pen,
    foreign: &PrivateKey,
    scene: &Scene<'_>,
) -> Result<String, Refusal> {
    let holder = "SMEVSignature";
    let with = |pen: &Pen, lies: Lies<'_>| sign::into(text, outer, holder, pen, lies);
    match scene.lie.slug {
        "xsg-unsigned" => Ok(text.replacen("<m:SMEVSignature/>", "", 1)),
        "xsg-body-uncovered" => {
            let marked = text.replacen("<m:MessageMetadata>", "<m:MessageMetadata Id=\"SIGNED_METADATA\">", 1);
            sign::into(&marked, "MessageMetadata", holder, bus, Lies::default())
        }
        "xsg-metadata-uncovered" => sign::into(text, inner, holder, bus, Lies::default()),
        "xsg-digest" => {
            let sealed = with(bus, Lies::default())?;
            let document = parse(&sealed)?;
            let element = sign::named(&document, inner).ok_or_else(|| failed(inner))?;
            let said = element.source();
            let mut changed = altered(said);
            if changed == said {
                changed = said.replacen("<m:MessageID>", "<m:MessageID>0", 1);
            }
            Ok(sealed.replacen(said, &changed, 1))
        }
        "xsg-value" => {
            let flip = |mut value: Vec<u8>| {
                if let Some(byte) = value.first_mut() {
                    *byte ^= 1;
                }
                value
            };
            with(bus, Lies { value: Some(&flip), ..Lies::default() })
        }
        "xsg-expired" => with(&stranger(scene, "partner-expired", &bus.key)?, Lies::default()),
        "xsg-revoked" => with(&stranger(scene, "partner-revoked", &bus.key)?, Lies::default()),
        "xsg-foreign-key" => with(&stranger(scene, "partner-foreign-authority", foreign)?, Lies::default()),
        "xsg-hmac-public-key" => keyed(text, outer, bus, ""),
        "xsg-hmac-cut" => keyed(text, outer, bus, "<ds:HMACOutputLength>8</ds:HMACOutputLength>"),
        "xsg-sha1" => sha1(text, outer, bus),
        "xsg-xslt" => {
            let sheet = "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\">\
                         <xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" version=\"1.0\">\
                         <xsl:template match=\"/\"><x/></xsl:template></xsl:stylesheet></ds:Transform>";
            let before = |markup: String| markup.replacen("<ds:Transforms>", sheet, 1);
            with(bus, Lies { before: Some(&before), ..Lies::default() })
        }
        "xsg-xpath" => {
            let filter = "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">\
                          <ds:XPath xmlns:b=\"urn:stend:bound-anew\">not(ancestor-or-self::b:MessagePrimaryContent)</ds:XPath>\
                          </ds:Transform>";
            let before = |markup: String| markup.replacen("<ds:Transforms>", filter, 1);
            with(bus, Lies { before: Some(&before), ..Lies::default() })
        }
        "xsg-remote-reference" => {
            let uri = format!("URI=\"{}/signed.xml\"", scene.foreign());
            let before = |markup: String| markup.replacen("URI=\"#SIGNED_BY_SMEV\"", &uri, 1);
            with(bus, Lies { before: Some(&before), ..Lies::default() })
        }
        "xsg-many-references" => {
            let count = scene.lie.number("count").and_then(|count| usize::try_from(count).ok()).unwrap_or(10_000);
            let before = |markup: String| {
                let (Some(from), Some(to)) = (markup.find("<ds:Reference "), markup.find("</ds:Reference>")) else {
                    return markup;
                };
                let to = to + "</ds:Reference>".len();
                let many = markup[from..to].repeat(count.min(20_000));
                [&markup[..from], &many, &markup[to..]].concat()
            };
            with(bus, Lies { before: Some(&before), ..Lies::default() })
        }
        "xsg-two-one-broken" => {
            let sealed = with(bus, Lies::default())?;
            let document = parse(&sealed)?;
            let place = sign::named(&document, holder).ok_or_else(|| failed(holder))?;
            let signature = place.child(DS, "Signature").ok_or_else(|| failed("ds:Signature"))?.source();
            let value = signature.split("<ds:SignatureValue>").nth(1).unwrap_or_default().chars().next();
            let turned = if value == Some('A') { "B" } else { "A" };
            let (head, tail) = signature.split_once("<ds:SignatureValue>").unwrap_or((signature, ""));
            let rest: String = tail.chars().skip(1).collect();
            let broken = format!("{head}<ds:SignatureValue>{turned}{rest}");
            Ok(sealed.replacen(signature, &format!("{signature}{broken}"), 1))
        }
        _ => with(bus, Lies::default()),
    }
}

/// A pen whose certificate is not one to trust.
fn stranger(scene: &Scene<'_>, profile: &str, key: &PrivateKey) -> Result<Pen, Refusal> {
    let profile = Profile::named(profile).map_err(failed)?;
    let subject = Subject::named(BUS).with_organization("Stend");
    let issued = scene.sandbox.pki().issue(profile, &subject, Key::Own(key), scene.sandbox.now()).map_err(failed)?;
    Ok(Pen { key: key.clone(), certificate: issued.certificate })
}

/// An HMAC with the public key as its secret, over the real SignedInfo.
fn keyed(text: &str, outer: &str, bus: &Pen, parameter: &str) -> Result<String, Refusal> {
    let before = |markup: String| {
        let Some(from) = markup.find("<ds:SignatureMethod ") else { return markup };
        let Some(to) = markup[from..].find("/>").map(|at| from + at + 2) else { return markup };
        let method = format!("<ds:SignatureMethod Algorithm=\"{HMAC}\">{parameter}</ds:SignatureMethod>");
        [&markup[..from], &method, &markup[to..]].concat()
    };
    let sealed = sign::into(text, outer, "SMEVSignature", bus, Lies { before: Some(&before), ..Lies::default() })?;
    let document = parse(&sealed)?;
    let holder = sign::named(&document, "SMEVSignature").ok_or_else(|| failed("SMEVSignature"))?;
    let signature = holder.child(DS, "Signature").ok_or_else(|| failed("ds:Signature"))?;
    let info = signature.child(DS, "SignedInfo").ok_or_else(|| failed("ds:SignedInfo"))?;
    let value = signature.child(DS, "SignatureValue").ok_or_else(|| failed("ds:SignatureValue"))?;
    let bytes = canonical(info, C14n::Exclusive, &[]).map_err(failed)?;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bus.key.public().spki_der()), &bytes);
    let tag = if parameter.is_empty() { tag.as_ref() } else { &tag.as_ref()[..1] };
    let whole = format!("<ds:SignatureValue>{}</ds:SignatureValue>", base64::encode_standard(tag));
    Ok(sealed.replacen(value.source(), &whole, 1))
}

/// The right digest by a hash that is broken.
fn sha1(text: &str, outer: &str, bus: &Pen) -> Result<String, Refusal> {
    let honest = sign::into(text, outer, "SMEVSignature", bus, Lies::default())?;
    let document = parse(&honest)?;
    let holder = sign::named(&document, "SMEVSignature").ok_or_else(|| failed("SMEVSignature"))?;
    let signature = holder.child(DS, "Signature").ok_or_else(|| failed("ds:Signature"))?;
    let verified = verify(signature, &Policy::default()).map_err(failed)?;
    let bytes = verified.covered.first().map(|covered| covered.bytes.clone()).unwrap_or_default();
    let sum = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let sum = base64::encode_standard(sum.as_ref());
    let before = |markup: String| {
        let Some(from) = markup.find("<ds:DigestMethod ") else { return markup };
        let Some(to) = markup.find("</ds:DigestValue>") else { return markup };
        let written = format!("<ds:DigestMethod Algorithm=\"{SHA1}\"/><ds:DigestValue>{sum}");
        [&markup[..from], &written, &markup[to..]].concat()
    };
    sign::into(text, outer, "SMEVSignature", bus, Lies { before: Some(&before), ..Lies::default() })
}
