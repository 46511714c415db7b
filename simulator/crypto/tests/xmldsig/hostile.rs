//! Input that is large or damaged on purpose, and single flipped characters.

use std::collections::HashSet;
use std::sync::LazyLock;

use crypto::PrivateKey;
use crypto::xmldsig::{C14n, Document, Lies, Limits, Policy, Transform, XmlCause, verify};
use proptest::prelude::*;

use crate::{MESSAGE, by, find, keys, parse, signed, signed_with, unindented, vector};

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
    let full = format!("<a{declared}>{}</a>", row.repeat(40_000));
    let document = parse(&full);
    for form in C14n::ALL {
        assert!(crypto::xmldsig::canonical_document(&document, form, &["p1".to_owned()]).unwrap().len() > full.len());
    }
    let with_namespace = full.replacen("<a", "<a xmlns='urn:a'", 1);
    assert!(crypto::xmldsig::smev_transform(with_namespace.as_bytes(), Limits::default()).is_ok());
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// One flipped character anywhere in what is signed, the digest, the signature or its algorithms is refused. What
    /// may change: prefixes and whitespace that the transform of SMEV drops, and the markup outside.
    #[test]
    fn one_flipped_character_is_refused(place in any::<prop::sample::Index>(), bit in 0u8..7, scheme in 0usize..3) {
        static TEXTS: LazyLock<Vec<(PrivateKey, String)>> = LazyLock::new(|| {
            let text = |key: &PrivateKey| signed_with(key, Lies::default(), vec![Transform::c14n(C14n::Exclusive)]);
            keys().into_iter().take(3).map(|key| (key.clone(), text(&key))).collect()
        });
        let (key, text) = &TEXTS[scheme];
        let document = parse(text);
        let data = find(&document, "Data");
        let parts = [data.source(), find(&document, "SignedInfo").source(), &find(&document, "SignatureValue").text()];
        let part = parts[place.index(parts.len())];
        let from = text.find(part).unwrap();
        let at = from + place.index(part.len());
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1 << bit;
        let before = crypto::xmldsig::canonical(data, C14n::Exclusive, &[]).unwrap();
        let Ok(changed) = Document::parse(&bytes, Limits::default()) else { return Ok(()) };
        let Some(signature) = changed.signatures().next() else { return Ok(()) };
        if let Ok(verified) = verify(signature, &by(key)) {
            // It holds only where nothing changed that means anything: a quote, a space between attributes, a comment.
            let element = verified.covered[0].element;
            let after = crypto::xmldsig::canonical(element, C14n::Exclusive, &[]).unwrap();
            prop_assert_eq!(after, before);
            prop_assert!(changed.text().contains(part) || part == data.source() || part == parts[1]);
        }
    }
}
