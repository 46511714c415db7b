//! Signatures that hold, and which element they cover.

use crypto::xmldsig::{
    C14n, DigestMethod, Lies, Place, Policy, ReferenceAsk, Refused, SignAsk, SignError, SignatureCause,
    SignatureMethod, Transform, Verified, sign, verify,
};

use crate::{MESSAGE, by, find, keys, parse, signature, signed, signed_with, unindented, vector};

#[test]
fn every_method_signs_and_says_what_it_covers() {
    for key in keys() {
        let text = signed(&key);
        let document = parse(&text);
        let verified = verify(signature(&document), &by(&key)).unwrap();
        assert_eq!(verified.method, SignatureMethod::of(key.family()));
        let data = find(&document, "Data");
        let covered = verified.covering(data).unwrap();
        assert!(covered.bytes.starts_with(b"<ns1:Data xmlns:ns1=\"urn:m\" Id=\"DATA\" a=\"2 3\" z=\"1\">"));
        assert_eq!((covered.whole, covered.without, covered.digest), (false, None, DigestMethod::of(key.family())));
        for other in [document.root(), find(&document, "Body"), find(&document, "To")] {
            assert_eq!(verified.covering(other).unwrap_err().code(), "not-covered");
        }
        // Everything outside the signature is as it was, to the byte.
        let element = signature(&document).source();
        assert_eq!(text.replace(&format!("<m:Signature>{element}</m:Signature>"), "<m:Signature/>"), MESSAGE);
    }
}

#[test]
fn every_place_form_and_digest_goes_together() {
    let key = &keys()[0];
    let document = parse(MESSAGE);
    let [data, request, body] = ["Data", "Request", "Body"].map(|name| find(&document, name));
    for place in
        [Place::LastIn(data), Place::FirstIn(data), Place::After(data), Place::FirstIn(request), Place::LastIn(body)]
    {
        for form in C14n::ALL {
            for digest in DigestMethod::ALL {
                let mut ask = SignAsk::new(data, place, key);
                ask.canonicalization = form;
                ask.references[0].digest = digest;
                let prefixes = if form.is_exclusive() { vec!["#default".to_owned(), "u".to_owned()] } else { vec![] };
                *ask.references[0].transforms.last_mut().unwrap() = Transform::C14n { form, prefixes };
                let text = sign(&document, &ask).unwrap();
                let received = parse(&text);
                let verified = verify(signature(&received), &by(key)).unwrap();
                let covered = verified.covering(find(&received, "Data")).unwrap();
                let enveloped = matches!(place, Place::LastIn(at) | Place::FirstIn(at) if at == data);
                assert_eq!(covered.without.is_some(), enveloped);
                assert!(!String::from_utf8_lossy(&covered.bytes).contains("kopecks"), "comments are not referred to");
            }
        }
    }
}

#[test]
fn a_leading_enveloped_signature_is_tolerated_beside_the_element_too() {
    for key in keys() {
        let chain = [vec![Transform::Enveloped], Transform::smev()].concat();
        let text = signed_with(&key, Lies::default(), chain);
        let document = parse(&text);
        let verified = verify(signature(&document), &by(&key)).unwrap();
        assert_eq!(verified.covering(find(&document, "Data")).unwrap().without, None);
    }
}

#[test]
fn a_whole_document_and_several_references_are_covered() {
    let key = &keys()[0];
    let document = parse(MESSAGE);
    let mut ask = SignAsk::new(find(&document, "Data"), Place::LastIn(document.root()), key);
    let transforms = vec![Transform::Enveloped, Transform::c14n(C14n::Exclusive)];
    ask.references.push(ReferenceAsk { element: None, transforms, digest: DigestMethod::Sha512 });
    // Without any transform the form is Canonical XML 1.0.
    let element = Some(find(&document, "Data"));
    ask.references.push(ReferenceAsk { element, transforms: Vec::new(), digest: DigestMethod::Streebog512 });
    let text = sign(&document, &ask).unwrap();
    let received = parse(&text);
    let verified = verify(signature(&received), &by(key)).unwrap();
    assert_eq!(verified.covered.len(), 3);
    let whole = verified.covering(received.root()).unwrap();
    assert!(whole.whole && whole.without == Some(signature(&received)));
    assert!(verified.covered[2].bytes.starts_with(b"<m:Data xmlns=\"urn:b\" xmlns:m=\"urn:m\" xmlns:s="));

    ask.references.truncate(2);
    ask.references[1].transforms.remove(0);
    assert_eq!(sign(&document, &ask), Err(SignError::CoversItself("/Envelope".to_owned())));
    ask.references.truncate(1);
    ask.place = Place::After(document.root());
    assert_eq!(sign(&document, &ask), Err(SignError::Place("/Envelope".to_owned())));
    let nameless = SignAsk::new(find(&document, "To"), Place::LastIn(document.root()), key);
    assert_eq!(sign(&document, &nameless), Err(SignError::NoId("/Envelope/Body/Request/Data/To".to_owned())));
}

#[test]
fn several_signatures_are_each_judged_by_themselves() {
    let [first, second, ..] = keys();
    let once = parse(&signed(&first));
    let ask = SignAsk::new(find(&once, "Data"), Place::LastIn(find(&once, "Header")), &second);
    let text = sign(&once, &ask).unwrap();
    let outcomes = |text: &str| {
        let document = parse(text);
        let outcome = |(signature, key)| verify(signature, &by(key)).is_ok();
        document.signatures().zip([&second, &first]).map(outcome).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&text), [true, true]);
    // The second one was made in exclusive form alone, so it is the one that spaces break.
    assert_eq!(outcomes(&text.replace("</m:To> <Sum>", "</m:To><Sum>")), [false, true]);
}

#[test]
fn signatures_of_the_real_bus_hold() {
    for (name, covered) in [
        ("send-request-response.xml", &["MessageMetadata"][..]),
        ("get-response-response.xml", &["SenderProvidedResponseData", "Response"][..]),
    ] {
        let text = vector(name);
        for signature in parse(&text).signatures() {
            let seen = verify(signature, &Policy::default()).unwrap_err();
            assert_eq!(seen, Refused::SignatureDiffers(SignatureCause::Indented), "{name}");
        }
        let restored = parse(&unindented(&text));
        let verified: Vec<Verified<'_>> =
            restored.signatures().map(|signature| verify(signature, &Policy::default()).unwrap()).collect();
        assert_eq!(verified.len(), covered.len(), "{name}");
        for (verified, covered) in verified.iter().zip(covered) {
            let element = find(&restored, covered);
            assert_eq!(verified.covering(element).unwrap().element, element, "{name}");
            assert_eq!(verified.method, SignatureMethod::Gost256);
            assert_eq!(verified.certificate.as_ref().unwrap().not_after(), 1_630_570_054);
        }
        let altered = unindented(&text).replacen("77BD01", "77BD02", 1);
        let seen = verify(signature(&parse(&altered)), &Policy::default()).map(|verified| verified.method);
        match name {
            "send-request-response.xml" => assert_eq!(seen.unwrap_err().code(), "digest-differs"),
            // There it stands outside what the inner signature covers.
            _ => assert!(seen.is_ok()),
        }
    }
}
