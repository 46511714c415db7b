//! Signatures that do not hold, and how that is named.

use crypto::raw::{Misdigest, Turn};
use crypto::xmldsig::{
    C14n, DigestCause, DigestMethod, Element, Lies, Objection, Place, Policy, Refused, Role, SignAsk, SignError,
    SignatureCause, SignatureMethod, Transform, sign, verify,
};
use crypto::{Algorithm, Family, PrivateKey, Scheme};

use crate::{MESSAGE, RSA, by, find, keys, parse, refused, signature, signed, signed_as, signed_with};

#[test]
fn what_is_wrong_with_a_signature_is_named() {
    for key in keys() {
        let is_rsa = key.family() == Family::Rsa;
        let [alien, ..] = keys();
        let value = |lie: &dyn Fn(Vec<u8>) -> Vec<u8>| {
            let lies = Lies { value: Some(lie), ..Lies::default() };
            refused(&signed_with(&key, lies, Transform::smev()), &key)
        };
        let turned = |turn| Refused::SignatureDiffers(SignatureCause::Turned(turn));
        assert_eq!(value(&|bytes| Turn::Whole.apply(&bytes)), turned(Turn::Whole));
        let other = Refused::SignatureDiffers(SignatureCause::Other);
        for turn in [Turn::Halves, Turn::EachHalf] {
            let wanted = if is_rsa { other.clone() } else { turned(turn) };
            assert_eq!(value(&move |bytes| turn.apply(&bytes)), wanted);
        }
        let short = value(&|bytes| bytes[1..].to_vec());
        assert_eq!(short.code(), "signature-length");
        assert_eq!(value(&|_| Vec::new()).code(), "signature-length");

        let after = |lie: &dyn Fn(String) -> String| {
            let lies = Lies { after: Some(lie), ..Lies::default() };
            refused(&signed_with(&key, lies, Transform::smev()), &key)
        };
        assert_eq!(after(&|text| text.replace("><ds:", ">\n  <ds:")).code(), "signature-indented");
        assert_eq!(after(&|text| text.replace("URI=\"#DATA\"", "URI=\"#DATA2\"")), other);
        let gone = after(&|text| text.replace("SignatureValue>", "Value>"));
        assert_eq!(gone.code(), "signature-malformed");

        // Signed over something else than the canonical form that is named.
        let over = |bytes: &dyn Fn(Element<'_>) -> Vec<u8>| {
            let text = signed(&key);
            let document = parse(&text);
            let bytes = bytes(find(&document, "SignedInfo"));
            let value = key.sign_with(SignatureMethod::of(key.family()).scheme(), &bytes).unwrap();
            let old = find(&document, "SignatureValue");
            refused(&text.replace(&old.text(), &crypto::base64::encode_standard(&value)), &key)
        };
        let caused = |cause| Refused::SignatureDiffers(cause);
        assert_eq!(over(&|info| info.source().as_bytes().to_vec()), caused(SignatureCause::Source));
        let inclusive = |info: Element<'_>| crypto::xmldsig::canonical(info, C14n::Inclusive, &[]).unwrap();
        assert_eq!(over(&inclusive), caused(SignatureCause::Canonicalization(C14n::Inclusive.uri())));
        let twice = |info: Element<'_>| {
            let bytes = crypto::xmldsig::canonical(info, C14n::Exclusive, &[]).unwrap();
            DigestMethod::of(key.family()).digest(&bytes)
        };
        assert_eq!(over(&twice), caused(SignatureCause::Misdigested(Misdigest::OfDigest)));

        let text = signed(&key);
        let stranger = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let seen = refused(&text, if key.family() == Family::EcdsaP256 { &stranger } else { &alien });
        let wanted = if key.family() == Family::EcdsaP256 { "signature-differs" } else { "key-unsuitable" };
        assert_eq!(seen.code(), wanted);
        let seen = verify(signature(&parse(&text)), &Policy::default()).map(|verified| verified.method);
        assert_eq!(seen, Err(Refused::CertificateMissing));
    }
    let key = &keys()[0];
    let lies = Lies { value: Some(&|bytes| der(&bytes)), ..Lies::default() };
    let seen = refused(&signed_with(key, lies, Transform::smev()), key);
    assert_eq!(seen, Refused::SignatureDiffers(SignatureCause::Der));
}

/// r ‖ s as an ASN.1 sequence.
fn der(fixed: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        let zero = digits.first().is_some_and(|byte| *byte > 127);
        let content: Vec<u8> = std::iter::repeat_n(0, usize::from(zero)).chain(digits).collect();
        [vec![2, u8::try_from(content.len()).unwrap()], content].concat()
    };
    let content = [integer(&fixed[..32]), integer(&fixed[32..])].concat();
    [vec![0x30, u8::try_from(content.len()).unwrap()], content].concat()
}

#[test]
fn what_is_wrong_with_a_digest_is_named() {
    let key = &keys()[1];
    let cause = |text: &str| match refused(text, key) {
        Refused::DigestDiffers { reference: 0, uri, cause } if uri == "#DATA" => cause,
        other => panic!("{other}"),
    };
    // The digest of what is written, put into a signature that is right otherwise.
    let claiming = |bytes: &[u8]| {
        let digest = crypto::base64::encode_standard(&crypto::gost::streebog256(bytes));
        let lie = move |text: String| {
            let (before, rest) = text.split_once("<ds:DigestValue>").unwrap();
            let (_, rest) = rest.split_once("</ds:DigestValue>").unwrap();
            format!("{before}<ds:DigestValue>{digest}</ds:DigestValue>{rest}")
        };
        signed_as(key, lie)
    };
    let document = parse(MESSAGE);
    let data = find(&document, "Data");
    let exclusive = crypto::xmldsig::canonical(data, C14n::Exclusive, &[]).unwrap();
    assert_eq!(cause(&claiming(data.source().as_bytes())), DigestCause::Source);
    assert_eq!(cause(&claiming(&exclusive)), DigestCause::Transforms(vec![C14n::Exclusive.uri()]));
    assert_eq!(cause(&claiming(b"")), DigestCause::Content);

    let turned = |text: String| {
        let (before, rest) = text.split_once("<ds:DigestValue>").unwrap();
        let (value, rest) = rest.split_once("</ds:DigestValue>").unwrap();
        let mut bytes = crypto::base64::decode_standard_strict(value).unwrap();
        bytes.reverse();
        format!("{before}<ds:DigestValue>{}</ds:DigestValue>{rest}", crypto::base64::encode_standard(&bytes))
    };
    assert_eq!(cause(&signed_as(key, turned)), DigestCause::Reversed);

    // Signed with other transforms than those that are named.
    let smev = |text: String| {
        text.replace(
            "</ds:Transforms>",
            "<ds:Transform Algorithm=\"urn://smev-gov-ru/xmldsig/transform\"/></ds:Transforms>",
        )
    };
    let exclusive = vec![Transform::c14n(C14n::Exclusive)];
    let text = signed_with(key, Lies { before: Some(&smev), ..Lies::default() }, exclusive.clone());
    assert_eq!(cause(&text), DigestCause::Transforms(vec![C14n::Exclusive.uri()]));

    // Indented after it was signed in a form that keeps whitespace; the signature value is not touched by that.
    let text = signed_with(key, Lies::default(), exclusive);
    let inner = text.replace("</m:To> <Sum>", "</m:To><Sum>");
    assert_eq!(cause(&inner), DigestCause::Content, "whitespace was there and went");
    let compact = parse(&MESSAGE.replace("</m:To> <Sum>", "</m:To><Sum>"));
    let ask = SignAsk::new(find(&compact, "Data"), Place::LastIn(find(&compact, "Signature")), key);
    let text = sign(&compact, &ask).unwrap();
    assert_eq!(cause(&text.replace("</m:To><Sum>", "</m:To>\n    <Sum>")), DigestCause::Indented);
    assert_eq!(cause(&signed(key).replace(">100<", ">900<")), DigestCause::Content);
}

#[test]
fn unsuitable_algorithms_are_refused_by_name() {
    let key = &keys()[1];
    let named = |from: &str, to: &str| match refused(&signed_as(key, |text| text.replacen(from, to, 1)), key) {
        Refused::Algorithm(unsuitable) => (unsuitable.role, unsuitable.name, unsuitable.why),
        other => panic!("{to}: {other}"),
    };
    let dsig = |name: &str| format!("http://www.w3.org/2000/09/xmldsig#{name}");
    let more = |name: &str| format!("http://www.w3.org/2001/04/xmldsig-more#{name}");
    let gost = |name: &str| format!("urn:ietf:params:xml:ns:cpxmlsec:algorithms:{name}");
    let (digest, method) = (DigestMethod::Streebog256.uri(), SignatureMethod::Gost256.uri());
    for (uri, name, why) in [
        (dsig("sha1"), Some("SHA-1"), Objection::Weak),
        (more("md5"), Some("MD5"), Objection::Weak),
        (more("gostr3411"), Some("GOST R 34.11-94"), Objection::Retired),
        (gost("gostr3411"), Some("GOST R 34.11-94"), Objection::Retired),
        ("urn:x".to_owned(), None, Objection::Unknown),
    ] {
        // The digest's identifier is a part of none other, and stands last.
        let seen = named(
            &format!("<ds:DigestMethod Algorithm=\"{digest}\""),
            &format!("<ds:DigestMethod Algorithm=\"{uri}\""),
        );
        assert_eq!(seen, (Role::Digest, name, why));
    }
    for (uri, name, why) in [
        (dsig("rsa-sha1"), Some("RSA with SHA-1"), Objection::Weak),
        (dsig("hmac-sha1"), Some("HMAC with SHA-1"), Objection::Keyed),
        (more("hmac-sha256"), Some("HMAC with SHA-256"), Objection::Keyed),
        (more("gostr34102001-gostr3411"), Some("GOST R 34.10-2001"), Objection::Retired),
        (gost("gostr34102001-gostr3411"), Some("GOST R 34.10-2001"), Objection::Retired),
    ] {
        assert_eq!(named(method, &uri), (Role::Signature, name, why));
    }
    for (uri, name) in [
        ("http://www.w3.org/TR/1999/REC-xslt-19991116", "XSLT"),
        ("http://www.w3.org/TR/1999/REC-xpath-19991116", "XPath"),
        ("http://www.w3.org/2002/06/xmldsig-filter2", "XPath Filter 2.0"),
    ] {
        let seen = named("urn://smev-gov-ru/xmldsig/transform", uri);
        assert_eq!(seen, (Role::Transform, Some(name), Objection::Dangerous));
    }
    let seen = named(C14n::Exclusive.uri(), "urn:c14n");
    assert_eq!(seen, (Role::Canonicalization, None, Objection::Unknown));

    let narrow = Policy { methods: vec![SignatureMethod::RsaSha256], ..by(key) };
    let seen = verify(signature(&parse(&signed(key))), &narrow).unwrap_err();
    assert!(matches!(seen, Refused::Algorithm(ref unsuitable) if unsuitable.why == Objection::Unwanted), "{seen}");
    let narrow = Policy { digests: vec![DigestMethod::Streebog512], ..by(key) };
    assert_eq!(verify(signature(&parse(&signed(key))), &narrow).unwrap_err().code(), "algorithm-not-allowed");
}

#[test]
fn shapes_that_are_not_expected_are_refused() {
    let key = &keys()[0];
    let reference = |text: &str| {
        let (_, rest) = text.split_once("<ds:Reference").unwrap();
        let (inside, _) = rest.split_once("</ds:Reference>").unwrap();
        format!("<ds:Reference{inside}</ds:Reference>")
    };
    let before = |lie: &dyn Fn(String) -> String| refused(&signed_as(key, lie), key).code();
    for (uri, wanted) in [
        ("http://127.0.0.1:1/canary", "reference-foreign"),
        ("file:///etc/passwd", "reference-foreign"),
        ("#xpointer(id('DATA'))", "reference-foreign"),
        ("#xpointer(/)", "reference-foreign"),
        ("#", "reference-foreign"),
        ("DATA", "reference-foreign"),
        ("#data", "reference-not-found"),
    ] {
        assert_eq!(before(&|text| text.replace("\"#DATA\"", &format!("\"{uri}\""))), wanted, "{uri}");
    }
    assert_eq!(before(&|text| text.replace(" URI=\"#DATA\"", "")), "signature-malformed");
    assert_eq!(before(&|text| text.replace(&reference(&text), "")), "no-reference");
    assert_eq!(before(&|text| text.replace(&reference(&text), &reference(&text).repeat(17))), "too-many-references");
    assert_eq!(before(&|text| text.replace(&reference(&text), &reference(&text).repeat(5000))), "too-many-references");
    let transforms = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    assert_eq!(
        before(&|text| text.replace("<ds:Transforms>", &format!("<ds:Transforms>{}", transforms.repeat(3)))),
        "too-many-transforms"
    );
    let late = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/></ds:Transforms>";
    assert_eq!(before(&|text| text.replace("</ds:Transforms>", late)), "transform-impossible");
    let inside = "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256\"><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>";
    assert_eq!(
        before(&|text| text.replace(
            "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256\"/>",
            inside
        )),
        "signature-malformed"
    );
    let lies =
        Lies { after: Some(&|text| text.replace("<ds:SignatureValue>", "<ds:SignatureValue>@")), ..Lies::default() };
    assert_eq!(refused(&signed_with(key, lies, Transform::smev()), key).code(), "signature-malformed");
    assert_eq!(before(&|text| text.replace("<ds:DigestValue>", "<ds:DigestValue>@")), "signature-malformed");
    assert_eq!(
        before(&|text| text.replace("<ds:SignatureValue>", "<ds:Object/><ds:SignatureValue>")),
        "signature-malformed"
    );
    assert_eq!(before(&|text| text.replace("<ds:Reference ", "<ds:Extra/><ds:Reference ")), "signature-malformed");
    let many = format!(
        "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{}\"/>",
        "p ".repeat(33)
    );
    let with = format!(
        "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">{many}</ds:CanonicalizationMethod>"
    );
    assert_eq!(
        before(&|text| text
            .replace("<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>", &with)),
        "signature-malformed"
    );

    let document = parse(MESSAGE);
    assert_eq!(verify(document.root(), &by(key)).unwrap_err().code(), "signature-malformed");
    let bare = parse("<a Id='DATA'><b xmlns='' Id='B'/></a>");
    let mut ask = SignAsk::new(bare.root(), Place::LastIn(bare.root()), key);
    ask.references[0].transforms.push(Transform::Smev);
    assert!(matches!(sign(&bare, &ask), Err(SignError::Transform(_))), "SMEV knows no elements without namespace");
}

#[test]
fn the_key_is_the_demanded_one_or_that_of_the_certificate() {
    let [ec, ..] = keys();
    // Without a demanded key there has to be a certificate; a bare key value is nobody's.
    let bare = "<ds:KeyInfo><ds:KeyName>bank</ds:KeyName><ds:RetrievalMethod URI=\"http://127.0.0.1:1/\"/></ds:KeyInfo></ds:Signature>";
    let text = signed_as(&ec, |text| text.replace("</ds:Signature>", bare));
    let document = parse(&text);
    assert_eq!(verify(signature(&document), &Policy::default()).unwrap_err(), Refused::CertificateMissing);
    assert!(verify(signature(&document), &by(&ec)).unwrap().certificate.is_none());
    let damaged = "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>";
    let text = signed_as(&ec, |text| text.replace("</ds:Signature>", damaged));
    assert_eq!(verify(signature(&parse(&text)), &Policy::default()).unwrap_err().code(), "certificate-malformed");
}

#[test]
fn a_signature_in_another_scheme_of_the_same_family_does_not_pass() {
    let key = &*RSA;
    let text = signed(key);
    let document = parse(&text);
    let info = crypto::xmldsig::canonical(find(&document, "SignedInfo"), C14n::Exclusive, &[]).unwrap();
    let pss = key.sign_with(Scheme::RsaPssSha256, &info).unwrap();
    let old = find(&document, "SignatureValue").text();
    let seen = refused(&text.replace(&old, &crypto::base64::encode_standard(&pss)), key);
    assert_eq!(seen, Refused::SignatureDiffers(SignatureCause::Other));
}
