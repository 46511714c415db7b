//! Input that is large or damaged on purpose, and single flipped characters.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use crypto::Certificate;
use crypto::chain::{Check, Usage};
use crypto::xmldsig::{
    C14n, C14nError, Document, Limits, Place, Policy, Refused, SignAsk, SmevError, XmlCause, sign, verify,
};
use proptest::prelude::*;

use crate::{MESSAGE, by, find, keys, parse, signature, signed, unindented, vector};

#[test]
fn documents_that_are_large_on_purpose_cost_little() {
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let wide = format!("<a{}/>", (0..100_000).map(|n| format!(" b{n}=''")).collect::<String>());
    let names = format!("<a{}/>", (0..100_000).map(|n| format!(" xmlns:b{n}='u'")).collect::<String>());
    let many = format!("<a>{}</a>", "<b/>".repeat(300_000));
    let cause = |text: &str| Document::parse(text.as_bytes(), Limits::default()).map(|_| ()).unwrap_err().cause;
    assert_eq!(cause(&deep), XmlCause::TooDeep(100));
    assert_eq!(cause(&wide), XmlCause::TooManyAttributes(100));
    assert_eq!(cause(&names), XmlCause::TooManyAttributes(100));
    assert_eq!(cause(&many), XmlCause::TooManyNodes(200_000));
    assert_eq!(cause(&" ".repeat(17 * 1024 * 1024)), XmlCause::TooLarge(16 * 1024 * 1024));
    // As much as is allowed of everything, in every form.
    let declared: String = (0..90).map(|n| format!(" xmlns:p{n}='urn:{n}'")).collect();
    let attributes: String = (0..10).map(|n| format!(" p{n}:a{n}='{n}'")).collect();
    let row = format!("<b{attributes}/>");
    let full = format!("<a{declared}>{}</a>", row.repeat(10_000));
    let document = parse(&full);
    for form in C14n::ALL {
        assert!(crypto::xmldsig::canonical_document(&document, form, &["p1".to_owned()]).unwrap().len() > full.len());
    }
    let with_namespace = full.replacen("<a", "<a xmlns='urn:a'", 1);
    assert!(crypto::xmldsig::smev_transform(with_namespace.as_bytes(), Limits::default()).is_ok());
}

#[test]
fn a_long_namespace_that_is_declared_once_and_meant_often_does_not_multiply_itself() {
    let long = format!("urn:{}", "x".repeat(200_000));
    let text = format!("<a xmlns='urn:a' xmlns:p='{long}'>{}</a>", "<p:b/>".repeat(100_000));
    let limits = Limits { bytes: 1024 * 1024, namespace: usize::MAX, ..Limits::default() };
    let cause = Document::parse(text.as_bytes(), Limits::default()).map(|_| ()).unwrap_err().cause;
    assert_eq!(cause, XmlCause::NamespaceTooLong(512));
    let document = Document::parse(text.as_bytes(), limits).unwrap();
    let most = 2 * 1024 * 1024 + 64 * 1024;
    let exclusive = crypto::xmldsig::canonical_document(&document, C14n::Exclusive, &[]);
    assert_eq!(exclusive, Err(C14nError::TooLarge(most)));
    assert!(crypto::xmldsig::canonical_document(&document, C14n::Inclusive, &[]).is_ok());
    assert_eq!(crypto::xmldsig::smev_transform(text.as_bytes(), limits), Err(SmevError::TooLarge(most)));
}

#[test]
fn references_are_bounded_together() {
    let key = &keys()[0];
    let text = format!("<a><b Id='1'>{}</b><c/></a>", "x".repeat(100_000));
    let limits = Limits { bytes: 110_000, ..Limits::default() };
    let document = Document::parse(text.as_bytes(), limits).unwrap();
    let mut ask = SignAsk::new(find(&document, "b"), Place::LastIn(find(&document, "c")), key);
    let outcome = |ask: &SignAsk<'_>| {
        let signed = sign(&document, ask).unwrap();
        let received = Document::parse(signed.as_bytes(), limits).unwrap();
        verify(signature(&received), &by(key)).map(|verified| verified.covered.len())
    };
    ask.references = vec![ask.references[0].clone(); 5];
    assert_eq!(outcome(&ask), Ok(5));
    ask.references = vec![ask.references[0].clone(); 6];
    assert_eq!(outcome(&ask).unwrap_err().code(), "too-much-referred");
}

/// A small generator, so that the same inputs come every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

const SNIPPETS: [&str; 16] = [
    "<",
    ">",
    "/>",
    "</",
    "&",
    "&#0;",
    "<!DOCTYPE a>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?xml?>",
    "\" ",
    "xmlns:p=''",
    "\u{0}",
    "<ds:Reference URI=\"#DATA\"/>",
];

#[test]
fn mutated_input_is_refused_or_read_but_never_a_panic() {
    let mut dice = Dice(2026);
    let mut codes = HashSet::new();
    let key = &keys()[1];
    let seeds = [signed(key), unindented(&vector("get-response-response.xml")), MESSAGE.to_owned()];
    for round in 0..3000 {
        let mut bytes = seeds[round % seeds.len()].clone().into_bytes();
        for _ in 0..=dice.roll(4) {
            let at = dice.roll(bytes.len());
            match dice.roll(5) {
                0 => bytes[at] ^= 1 << dice.roll(8),
                1 => drop(bytes.drain(at..(at + dice.roll(40)).min(bytes.len()))),
                2 => drop(bytes.splice(at..at, SNIPPETS[dice.roll(SNIPPETS.len())].bytes())),
                3 => {
                    let piece = bytes[at..(at + dice.roll(200)).min(bytes.len())].to_vec();
                    let to = dice.roll(bytes.len());
                    drop(bytes.splice(to..to, piece));
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        match Document::parse(&bytes, Limits::default()) {
            Err(error) => codes.insert(error.cause.code()),
            Ok(document) => {
                for form in C14n::ALL {
                    let made = crypto::xmldsig::canonical_document(&document, form, &[]).unwrap();
                    // A canonical form is its own canonical form.
                    let again = Document::parse(&made, Limits { bytes: usize::MAX, ..Limits::default() }).unwrap();
                    assert_eq!(crypto::xmldsig::canonical_document(&again, form, &[]).unwrap(), made);
                }
                for signature in document.signatures() {
                    let outcome = verify(signature, &Policy::default()).map(|verified| verified.covered.len());
                    codes.insert(outcome.map_or_else(|refused| refused.code(), |_| "fine"));
                }
                codes.insert("read")
            }
        };
    }
    for wanted in ["read", "xml-malformed", "xml-dtd", "signature-differs", "signature-malformed"] {
        assert!(codes.contains(wanted), "{wanted} of {codes:?}");
    }
}

/// A signed message that others made, and the root of its signer.
struct Golden {
    text: String,
    root: Certificate,
}

impl Golden {
    fn read(kind: &str) -> Self {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/xmldsig"));
        let text = |name: String| std::fs::read_to_string(folder.join(name)).unwrap();
        let root = Certificate::from_pem(&text(format!("{kind}-ca.crt"))).unwrap();
        Self { text: text(format!("{kind}.xml")), root }
    }

    /// The signer and the bytes that the signature covers, if signature and certificate hold.
    fn judge(&self, bytes: &[u8]) -> Option<(Certificate, Vec<u8>)> {
        let document = Document::parse(bytes, Limits::default()).ok()?;
        let verified = verify(document.signatures().next()?, &Policy::default()).ok()?;
        let certificate = verified.certificate.clone()?;
        let (roots, at, usage) = (std::slice::from_ref(&self.root), 2_108_000_000, Usage::Signing);
        let check = Check { leaf: &certificate, intermediates: &[], roots, crls: &[], at, usage, host: None };
        crypto::chain::verify(&check).ok()?;
        let data = document.elements().find(|element| element.name() == "Data")?;
        let bytes = verified.covering(data).ok()?.bytes.clone();
        Some((certificate, bytes))
    }
}

static GOLDEN: LazyLock<Vec<Golden>> = LazyLock::new(|| ["ec", "gost256", "gost512", "rsa"].map(Golden::read).into());

#[test]
fn messages_that_others_signed_hold() {
    for golden in GOLDEN.iter() {
        let (certificate, bytes) = golden.judge(golden.text.as_bytes()).unwrap();
        assert!(certificate.subject().contains("Signer") && !bytes.is_empty());
    }
}

#[test]
fn a_signature_by_a_foreign_certificate_is_told_from_a_damaged_one() {
    let [expected, ..] = keys();
    let document = parse(&GOLDEN[0].text);
    match verify(signature(&document), &by(&expected)).unwrap_err() {
        Refused::SignedByAnother(certificate) => assert!(certificate.subject().contains("Signer")),
        other => panic!("{other}"),
    }
    let damaged = parse(&GOLDEN[0].text.replace("URI=\"#DATA\"", "URI=\"#DATE\""));
    assert_eq!(verify(signature(&damaged), &by(&expected)).unwrap_err().code(), "signature-differs");
    let other_family = verify(signature(&parse(&GOLDEN[1].text)), &by(&expected)).unwrap_err();
    assert_eq!(other_family.code(), "key-unsuitable");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// One flipped bit in what is signed, in SignedInfo, in the signature or in the certificate is refused, by the
    /// signature or by the chain. What holds on has the same meaning to the byte: a quote, a line break within base64.
    #[test]
    fn one_flipped_character_is_refused(which in 0usize..4, part in 0usize..4, place in any::<prop::sample::Index>(), bit in 0u8..7) {
        let golden = &GOLDEN[which];
        let name = ["Data", "SignedInfo", "SignatureValue", "X509Certificate"][part];
        let document = parse(&golden.text);
        let source = find(&document, name).source();
        let from = golden.text.find(source).unwrap();
        let mut bytes = golden.text.clone().into_bytes();
        bytes[from + place.index(source.len())] ^= 1 << bit;
        if let Some(judged) = golden.judge(&bytes) {
            prop_assert_eq!(Some(judged), golden.judge(golden.text.as_bytes()));
            let changed = Document::parse(&bytes, Limits::default()).unwrap();
            let plain = |document: &Document| {
                let element = find(document, name);
                let form = crypto::xmldsig::canonical(element, C14n::Exclusive, &[]).unwrap();
                form.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>()
            };
            // The transform of SMEV does not see prefixes; all else is as it was, whitespace apart.
            prop_assert!(plain(&changed) == plain(&document) || (name == "Data" && which != 0 && which != 3));
        }
    }
}
