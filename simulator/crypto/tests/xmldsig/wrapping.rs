//! Signature wrapping: what was signed stands elsewhere than what is read.

use crypto::xmldsig::verify;

use crate::{by, find, keys, parse, signature, signed};

/// The shapes of "On Breaking SAML" (2012), XSW1 to XSW8, for a message: `evil` is what the attacker wants to be used.
/// The receiver uses the element `Data` of the one Request in the Body, wherever the shape puts it.
#[test]
fn wrapping_never_passes_for_the_element_that_is_used() {
    let key = &keys()[1];
    let honest = signed(key);
    let document = parse(&honest);
    let original = find(&document, "Data").source();
    let signature_text = signature(&document).source();
    let place = format!("<m:Signature>{signature_text}</m:Signature>");
    let evil = original.replace(">100<", ">900<");
    let other = evil.replace("\"DATA\"", "\"EVIL\"");
    assert!(honest.contains(original) && honest.contains(&place));
    let object = |inside: &str| {
        signature_text.replace("</ds:Signature>", &format!("<ds:Object>{inside}</ds:Object></ds:Signature>"))
    };
    let without = |element: &str| element.replace(" Id=\"DATA\"", "");
    let inside = |outer: &str, inner: &str| outer.replace("</m:Data>", &format!("{inner}</m:Data>"));
    let shapes = [
        // XSW1, XSW2: the original under or beside the signature, an altered copy of another id in its place
        ("1", honest.replace(original, &other).replace(signature_text, &format!("{signature_text}{original}"))),
        ("2", honest.replace(original, &other).replace(&place, &format!("{original}{place}"))),
        // XSW3, XSW4: the altered one before or around the original
        ("3", honest.replace(original, &format!("{other}{original}"))),
        ("4", honest.replace(original, &inside(&other, original))),
        // XSW5, XSW6: the signature goes with the altered one, the original comes last or into the signature
        ("5", honest.replace(original, &other).replace("</m:Request>", &format!("{original}</m:Request>"))),
        ("6", honest.replace(original, &other).replace(signature_text, &object(original))),
        // XSW7, XSW8: the original in an extension, or in an object of the signature
        ("7", honest.replace(original, &format!("{other}<x:Extensions xmlns:x=\"urn:x\">{original}</x:Extensions>"))),
        ("8", honest.replace(original, &without(&evil)).replace(signature_text, &object(original))),
        // The same with one id twice
        ("1 same id", honest.replace(original, &evil).replace(signature_text, &format!("{signature_text}{original}"))),
        ("4 same id", honest.replace(original, &inside(&evil, original))),
        (
            "7 same id",
            honest.replace(original, &format!("{evil}<x:Extensions xmlns:x=\"urn:x\">{original}</x:Extensions>")),
        ),
        ("8 same id", honest.replace(original, &evil).replace(signature_text, &object(original))),
        // An id of another namespace or spelling that is the same
        (
            "foreign id",
            honest.replace(original, &format!("{}{original}", evil.replace(" Id=", " xmlns:w=\"urn:w\" w:Id="))),
        ),
        ("other spelling", honest.replace(original, &format!("{}{original}", evil.replace(" Id=", " ID=")))),
        // The body moved into a header, a new one in its place
        ("moved body", {
            let (start, end) = (honest.find("<s:Body>").unwrap(), honest.find("</s:Body>").unwrap() + 9);
            let body = &honest[start..end];
            let new = body.replace(original, &other).replace(&place, "");
            format!("{}{new}{}", &honest[..start], &honest[end..])
                .replace("<s:Header/>", &format!("<s:Header>{body}</s:Header>"))
        }),
    ];
    for (shape, text) in shapes {
        assert_ne!(text, honest, "{shape}");
        let document = parse(&text);
        // What a receiver would use: the first Data in the last Body, where the altered copy stands.
        let body = document.elements().filter(|element| element.name() == "Body").last().unwrap();
        let used = body.descendants().find(|element| element.name() == "Data").unwrap();
        assert!(used.source().contains(">900<"), "{shape}");
        match verify(signature(&document), &by(key)) {
            Ok(verified) => {
                assert_eq!(verified.covering(used).unwrap_err().code(), "not-covered", "{shape}");
                assert!(verified.covered.iter().all(|covered| covered.element.source() == original), "{shape}");
            }
            Err(refused) => {
                assert!(matches!(refused.code(), "duplicate-id" | "reference-not-found"), "{shape}: {refused}");
            }
        }
        let twice = shape.contains("same id") || shape.contains("foreign") || shape.contains("spelling");
        assert_eq!(verify(signature(&document), &by(key)).is_err(), twice, "{shape}");
    }
}
