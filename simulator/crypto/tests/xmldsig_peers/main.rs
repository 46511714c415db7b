//! XML signatures against other implementations, in both directions: xmlsec1 (RSA, ECDSA, every canonical form), and
//! lxml with the GOST engine of OpenSSL (GOST, the transform of SMEV). What is not installed is left out, and that is
//! said; the feature `peers` makes it a failure.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod random;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crypto::xmldsig::{
    C14n, DigestMethod, Document, Element, Lies, Limits, Place, Policy, ReferenceAsk, SignAsk, SignatureMethod,
    Transform, sign, smev_transform, verify,
};
use crypto::{Algorithm, Certificate, PrivateKey};

use crate::random::Dice;

const MESSAGE: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" ",
    "xmlns:u=\"urn:unused\" xml:lang=\"ru\"><s:Header/><s:Body><m:Request xmlns:m=\"urn:m\" xmlns=\"urn:b\">\n",
    "  <m:Data Id=\"DATA\" xml:id=\"data\" z=\"1\" m:b='x' a='2\t3\r\n\"4'>\n    <m:To>АО «Банк» &amp; Ко&#13;</m:To>\r\n",
    "<!-- c --><Sum  xmlns:m='urn:n' m:unit='rub'>100<![CDATA[<0>]]></Sum><e xmlns=''/><?p q?></m:Data>\n",
    "  <m:Signature/></m:Request></s:Body></s:Envelope>",
);

/// A folder in which peers run.
struct Room {
    folder: tempfile::TempDir,
    python: String,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let configuration = "openssl_conf = all\n[all]\nengines = engines\n[engines]\ngost = gost\n\
                             [gost]\nengine_id = gost\ndefault_algorithms = ALL\n\
                             [req]\ndistinguished_name = name\n[name]\n";
        std::fs::write(folder.path().join("openssl.cnf"), configuration).unwrap();
        let python = std::env::var("STEND_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        Self { folder, python }
    }

    /// The room where these commands work; nothing where one does not.
    fn with(probes: &[&[&str]]) -> Option<Self> {
        let room = Self::new();
        for probe in probes {
            let works = room.output(probe).is_some_and(|output| output.status.success());
            if !works && cfg!(feature = "peers") {
                panic!("a peer is needed: {probe:?} does not work");
            }
            if !works {
                println!("left out: {} is not installed", probe.join(" "));
                return None;
            }
        }
        Some(room)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = if arguments[0] == "python" { &self.python } else { arguments[0] };
        let mut command = Command::new(program);
        command.args(&arguments[1..]).current_dir(self.folder.path()).env("OPENSSL_CONF", self.path("openssl.cnf"));
        command
    }

    fn output(&self, arguments: &[&str]) -> Option<Output> {
        self.command(arguments).output().ok()
    }

    /// What a command that must succeed prints.
    fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.output(arguments).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        output.stdout
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A key with a certificate of its own, made by OpenSSL: `key.pem`, `cert.pem`, `public.pem`.
    fn identity(&self, arguments: &[&str]) -> (PrivateKey, Certificate) {
        self.run(&[&["openssl", "genpkey", "-out", "key.pem"], arguments].concat());
        self.run(&["openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"]);
        let subject = ["-subj", "/CN=peer", "-days", "3650", "-config", "openssl.cnf"];
        let request = ["openssl", "req", "-x509", "-new", "-key", "key.pem", "-out", "cert.pem"];
        let digest: &[&str] = if arguments.contains(&"gost2012_256") {
            &["-md_gost12_256"]
        } else if arguments.contains(&"gost2012_512") {
            &["-md_gost12_512"]
        } else {
            &["-sha256"]
        };
        self.run(&[&request[..], &subject, digest].concat());
        let key = PrivateKey::from_pem(&self.read("key.pem")).unwrap();
        (key, Certificate::from_pem(&self.read("cert.pem")).unwrap())
    }

    /// xmlsec1's verdict.
    fn xmlsec_holds(&self, text: &str) -> Result<(), String> {
        self.write("signed.xml", text);
        let arguments = ["xmlsec1", "--verify", "--id-attr:Id", "Data", "--pubkey-pem", "public.pem", "signed.xml"];
        let output = self.output(&arguments).unwrap();
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }
}

const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const EC: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes(), Limits::default()).unwrap()
}

fn find<'d>(document: &'d Document, name: &str) -> Element<'d> {
    document.elements().find(|element| element.name() == name).unwrap()
}

/// The text with digest and signature emptied: a template for a peer to fill.
fn emptied(text: &str) -> String {
    let document = parse(text);
    let values = document.elements().filter(|element| matches!(element.name(), "DigestValue" | "SignatureValue"));
    values.fold(text.to_owned(), |text, value| text.replace(&format!(">{}<", value.text()), "><"))
}

#[test]
fn xmlsec_verifies_ours_and_we_verify_those_of_xmlsec() {
    let Some(room) = Room::with(&[&["xmlsec1", "--version"], &["openssl", "version"]]) else { return };
    for kind in [RSA, EC] {
        let (key, certificate) = room.identity(kind);
        let document = parse(MESSAGE);
        let [data, beside] = ["Data", "Signature"].map(|name| find(&document, name));
        for form in C14n::ALL {
            for (place, digest) in
                [(Place::LastIn(beside), DigestMethod::Sha256), (Place::FirstIn(data), DigestMethod::Sha512)]
            {
                let mut ask = SignAsk::new(data, place, &key);
                ask.canonicalization = form;
                ask.certificate = Some(&certificate);
                ask.references[0].digest = digest;
                let prefixes = if form.is_exclusive() { vec!["#default".to_owned(), "u".to_owned()] } else { vec![] };
                *ask.references[0].transforms.last_mut().unwrap() = Transform::C14n { form, prefixes };
                let ours = sign(&document, &ask).unwrap();
                assert_eq!(room.xmlsec_holds(&ours), Ok(()), "{form:?} {ours}");
                assert!(room.xmlsec_holds(&ours.replace("Банк", "Бонк")).is_err(), "{form:?}");

                room.write("template.xml", emptied(&ours));
                let id = ["--id-attr:Id", "Data", "--output", "theirs.xml", "template.xml"];
                room.run(&[&["xmlsec1", "--sign", "--privkey-pem", "key.pem"], &id[..]].concat());
                let theirs = parse(&room.read("theirs.xml"));
                let verified = verify(theirs.signatures().next().unwrap(), &Policy::default()).unwrap();
                assert_eq!(verified.method, SignatureMethod::of(key.family()));
                assert_eq!(verified.certificate.as_ref(), Some(&certificate));
                verified.covering(find(&theirs, "Data")).unwrap();
                let altered = parse(&room.read("theirs.xml").replace("Банк", "Бонк"));
                let refused = verify(altered.signatures().next().unwrap(), &Policy::default()).unwrap_err();
                assert_eq!(refused.code(), "digest-differs");
            }
        }
    }
}

/// Signatures with a dozen references each, to elements of documents that nobody would write, in every form with every
/// list of prefixes: xmlsec1 has to find the same bytes behind each.
#[test]
fn canonical_forms_of_random_documents_are_those_of_libxml2() {
    let Some(room) = Room::with(&[&["xmlsec1", "--version"], &["openssl", "version"]]) else { return };
    let (key, _) = room.identity(EC);
    let mut dice = Dice::new(20_261_122);
    let mut compared = 0;
    for _ in 0..150 {
        let text = random::document(&mut dice);
        let document = parse(&text);
        let elements: Vec<Element<'_>> = document.elements().collect();
        let mut ask = SignAsk::new(document.root(), Place::LastIn(document.root()), &key);
        ask.canonicalization = C14n::ALL[dice.roll(6)];
        ask.references = (0..12).map(|_| reference(&mut dice, &elements)).collect();
        // A reference to all of it, less the signature, in a form of its own.
        let form = Transform::c14n(C14n::ALL[dice.roll(6)]);
        ask.references.push(ReferenceAsk {
            element: None,
            transforms: vec![Transform::Enveloped, form],
            digest: DigestMethod::Sha256,
        });
        let Ok(signed) = sign(&document, &ask) else { continue };
        assert_eq!(room.xmlsec_holds(&signed), Ok(()), "{signed}");
        let received = parse(&signed);
        let policy = Policy { key: Some(key.public().clone()), ..Policy::default() };
        compared += verify(received.signatures().next().unwrap(), &policy).unwrap().covered.len();
    }
    assert!(compared > 1500, "{compared}");
}

fn reference<'d>(dice: &mut Dice, elements: &[Element<'d>]) -> ReferenceAsk<'d> {
    let form = C14n::ALL[dice.roll(6)];
    let list = ["#default", "a", "b", "c", "nowhere"];
    let prefixes = if form.is_exclusive() { dice.some(&list) } else { Vec::new() };
    let element = Some(elements[dice.roll(elements.len())]);
    let transforms = vec![Transform::Enveloped, Transform::C14n { form, prefixes }];
    ReferenceAsk { element, transforms, digest: DigestMethod::Sha256 }
}

/// The peer's script, and what it takes to run it.
fn gost() -> Option<Room> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/xmldsig_peers/peer.py");
    let room = Room::with(&[&["openssl", "dgst", "-md_gost12_256", script], &["python", "-c", "import lxml"]])?;
    room.write("peer.py", std::fs::read(script).unwrap());
    Some(room)
}

const GOST: [(&str, &str, &str); 6] = [
    ("gost2012_256", "A", "256"),
    ("gost2012_256", "TCA", "256"),
    ("gost2012_256", "XA", "256"),
    ("gost2012_512", "A", "512"),
    ("gost2012_512", "B", "512"),
    ("gost2012_512", "C", "512"),
];

#[test]
fn lxml_with_the_gost_engine_agrees_both_ways() {
    let Some(room) = gost() else { return };
    // Elements without namespace do not exist for the transform.
    let message = MESSAGE.replace("<e xmlns=''/>", "<e/>");
    let document = parse(&message);
    let data = find(&document, "Data");
    for (algorithm, set, bits) in GOST {
        let (key, certificate) = room.identity(&["-algorithm", algorithm, "-pkeyopt", &format!("paramset:{set}")]);
        let place = Place::LastIn(find(&document, "Signature"));
        let honest = SignAsk::smev(data, place, &key, &certificate);
        let mut plain = honest.clone();
        plain.references[0].transforms.pop();
        for ask in [&honest, &plain] {
            let ours = sign(&document, ask).unwrap();
            room.write("ours.xml", &ours);
            let says = |room: &Room| {
                String::from_utf8(room.run(&["python", "peer.py", "verify", "ours.xml", "public.pem"])).unwrap()
            };
            assert_eq!(says(&room), "holds\n", "{algorithm} {set}");
            room.write("ours.xml", ours.replace("Банк", "Бонк"));
            assert_eq!(says(&room), "digest differs\n", "{algorithm} {set}");
            let turned = |bytes: Vec<u8>| bytes.into_iter().rev().collect();
            let lies = Lies { value: Some(&turned), ..Lies::default() };
            room.write("ours.xml", sign(&document, &SignAsk { lies, ..ask.clone() }).unwrap());
            assert_eq!(says(&room), "signature differs\n", "{algorithm} {set}");
        }
        room.write("plain.xml", &message);
        let command = ["python", "peer.py", "sign", "plain.xml", "Signature", "DATA", "key.pem", "cert.pem", bits];
        let text = String::from_utf8(room.run(&command)).unwrap();
        let theirs = parse(&text);
        let verified = verify(theirs.signatures().next().unwrap(), &Policy::default()).unwrap();
        assert_eq!(verified.method, SignatureMethod::of(key.family()));
        assert_eq!(verified.certificate.as_ref(), Some(&certificate));
        verified.covering(find(&theirs, "Data")).unwrap();
        let altered = parse(&text.replace("Банк", "Бонк"));
        let refused = verify(altered.signatures().next().unwrap(), &Policy::default()).unwrap_err();
        assert_eq!(refused.code(), "digest-differs", "{algorithm} {set}");
    }
}

#[test]
fn the_transform_of_smev_is_that_of_a_second_implementation() {
    let Some(room) = gost() else { return };
    let mut dice = Dice::new(35);
    let texts: Vec<String> = (0..300).map(|_| random::message(&mut dice)).collect();
    let lines: String = texts.iter().map(|text| hex::encode(text) + "\n").collect();
    room.write("lines", lines);
    let mut command = room.command(&["python", "peer.py", "transform"]);
    let input = std::fs::File::open(room.path("lines")).unwrap();
    let output = command.stdin(Stdio::from(input)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(theirs.len(), texts.len());
    for (text, theirs) in texts.iter().zip(theirs) {
        let ours = smev_transform(text.as_bytes(), Limits::default()).unwrap();
        let theirs = String::from_utf8(hex::decode(theirs).unwrap()).unwrap();
        assert_eq!(String::from_utf8(ours).unwrap(), theirs, "{text}");
    }
}

#[test]
fn keys_of_every_algorithm_are_covered_here() {
    // A new algorithm needs a peer: this fails until it has one above.
    let with_a_peer = [Algorithm::EcdsaP256, Algorithm::GOST_256, Algorithm::GOST_512, Algorithm::Rsa2048];
    let methods: Vec<SignatureMethod> = with_a_peer.map(|algorithm| SignatureMethod::of(algorithm.family())).into();
    assert!(SignatureMethod::ALL.iter().all(|method| methods.contains(method)));
}
