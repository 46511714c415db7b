//! XML signatures as a caller meets them: what holds, what is refused and how that is named, wrapping, and input that
//! nobody wrote. Here is what the rooms share.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod covers;
mod hostile;
mod refused;
mod wrapping;

use std::path::PathBuf;
use std::sync::LazyLock;

use crypto::xmldsig::{Document, Element, Lies, Limits, Place, Policy, Refused, SignAsk, Transform, sign, verify};
use crypto::{Algorithm, PrivateKey};

pub(crate) const MESSAGE: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n",
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:u=\"urn:unused\"><s:Header/>",
    "<s:Body><m:Request xmlns:m=\"urn:m\" xmlns=\"urn:b\">\n  <m:Data Id=\"DATA\" z=\"1\" a='2\t3'>",
    "<m:To>АО «Банк» &amp; Ко&#13;</m:To> <Sum>100<!-- kopecks --></Sum><e/></m:Data>\n  <m:Signature/></m:Request>",
    "</s:Body></s:Envelope>",
);

pub(crate) static RSA: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(Algorithm::Rsa2048).unwrap());

pub(crate) fn keys() -> [PrivateKey; 4] {
    let made = |algorithm| PrivateKey::generate(algorithm).unwrap();
    [made(Algorithm::EcdsaP256), made(Algorithm::GOST_256), made(Algorithm::GOST_512), RSA.clone()]
}

pub(crate) fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes(), Limits::default()).unwrap()
}

pub(crate) fn find<'d>(document: &'d Document, name: &str) -> Element<'d> {
    document.elements().find(|element| element.name() == name).unwrap()
}

pub(crate) fn signature(document: &Document) -> Element<'_> {
    document.signatures().next().unwrap()
}

pub(crate) fn by(key: &PrivateKey) -> Policy {
    Policy { key: Some(key.public().clone()), ..Policy::default() }
}

/// The message with its data signed beside it, as SMEV wants it.
pub(crate) fn signed_with(key: &PrivateKey, lies: Lies<'_>, transforms: Vec<Transform>) -> String {
    let document = parse(MESSAGE);
    let mut ask = SignAsk::new(find(&document, "Data"), Place::LastIn(find(&document, "Signature")), key);
    ask.references[0].transforms = transforms;
    ask.lies = lies;
    sign(&document, &ask).unwrap()
}

pub(crate) fn signed(key: &PrivateKey) -> String {
    signed_with(key, Lies::default(), Transform::smev())
}

/// The same with its markup changed before it is signed.
pub(crate) fn signed_as(key: &PrivateKey, lie: impl Fn(String) -> String) -> String {
    signed_with(key, Lies { before: Some(&lie), ..Lies::default() }, Transform::smev())
}

/// Why a signed text is refused, the key being known.
pub(crate) fn refused(text: &str, key: &PrivateKey) -> Refused {
    verify(signature(&parse(text)), &by(key)).map(|verified| verified.method).unwrap_err()
}

pub(crate) fn vector(name: &str) -> String {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/smev")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Takes the whitespace between the elements of every SignedInfo away.
pub(crate) fn unindented(text: &str) -> String {
    let parts = text.split_inclusive("</ds:SignedInfo>").map(|part| match part.split_once("<ds:SignedInfo>") {
        Some((before, info)) => {
            let lines: String = info.split('\n').map(str::trim).collect();
            format!("{before}<ds:SignedInfo>{lines}")
        }
        None => part.to_owned(),
    });
    parts.collect()
}
