//! What the reader accepts, and how it names what it does not.

use super::*;

#[derive(Default)]
struct Trace(String);

impl Sink for Trace {
    fn start(&mut self, start: Start) {
        let attributes: Vec<String> = start
            .attributes
            .iter()
            .map(|attribute| format!(" {{{}}}{}={:?}", attribute.namespace, attribute.local, attribute.value))
            .collect();
        self.0 += &format!("<{{{}}}{}{}>", start.namespace, start.local, attributes.concat());
    }
    fn end(&mut self, _: usize, _: usize) {
        self.0 += "</>";
    }
    fn text(&mut self, text: String) {
        self.0 += &format!("{text:?}");
    }
    fn comment(&mut self, text: &str) {
        self.0 += &format!("<!--{text:?}");
    }
    fn instruction(&mut self, target: &str, data: &str) {
        self.0 += &format!("<?{target} {data:?}");
    }
}

fn trace(bytes: &[u8], limits: &Limits) -> Result<String, XmlCause> {
    let mut sink = Trace::default();
    decode(bytes, limits).and_then(|text| read(text, limits, &mut sink)).map_err(|error| error.cause)?;
    Ok(sink.0)
}

fn code(text: &str) -> &'static str {
    trace(text.as_bytes(), &Limits::default()).map_or_else(|cause| cause.code(), |_| "fine")
}

#[test]
fn text_is_one_piece_with_line_ends_references_and_sections_resolved() {
    let text = "\u{FEFF}<?xml version='1.0' encoding='utf-8' standalone=\"yes\"?>\r\n<a>x\r\n&amp;<![CDATA[<\r>]]>&#13;&#x44F;]]&gt;<!--c\r\nd--><?p  q\r?></a>\n";
    assert_eq!(
        trace(text.as_bytes(), &Limits::default()).unwrap(),
        "<{}a>\"x\\n&<\\n>\\rя]]>\"<!--\"c\\nd\"<?p \"q\\n\"</>"
    );
}

#[test]
fn attributes_are_normalized_and_namespaces_resolved() {
    let text = "<p:a xmlns:p='urn:1' xmlns='urn:d' b = ' x\t\r\n&#9;&lt;\"' p:b='' xml:lang='ru'><c xmlns=''/></p:a>";
    assert_eq!(
        trace(text.as_bytes(), &Limits::default()).unwrap(),
        "<{urn:1}a {}b=\" x  \\t<\\\"\" {urn:1}b=\"\" {http://www.w3.org/XML/1998/namespace}lang=\"ru\"><{}c></></>"
    );
}

#[test]
fn what_is_not_accepted_is_named() {
    for (text, wanted) in [
        ("<!DOCTYPE a><a/>", "xml-dtd"),
        ("<!doctype a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", "xml-dtd"),
        ("<?xml version='1.0'?><!-- c --><!DOCTYPE a [", "xml-dtd"),
        ("<a><!DOCTYPE a></a>", "xml-dtd"),
        ("<!ENTITY e 'x'><a/>", "xml-malformed"),
        ("<a>&e;</a>", "xml-entity"),
        ("<a b='&e;'/>", "xml-entity"),
        ("<a>&amp</a>", "xml-malformed"),
        ("<a>& b</a>", "xml-malformed"),
        ("<a>&#0;</a>", "xml-malformed"),
        ("<a>&#x1;</a>", "xml-malformed"),
        ("<a b='&#x1;'/>", "xml-malformed"),
        ("<a>&#xFFFE;</a>", "xml-malformed"),
        ("<a>\u{1}</a>", "xml-malformed"),
        ("<a>\u{FFFF}</a>", "xml-malformed"),
        ("<a b='1' b='2'/>", "xml-attribute-repeated"),
        ("<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", "xml-attribute-repeated"),
        ("<a xmlns='u' xmlns='v'/>", "xml-attribute-repeated"),
        ("<p:a/>", "xml-prefix-undeclared"),
        ("<a p:b=''/>", "xml-prefix-undeclared"),
        ("<a><b xmlns:p='u'/><p:c/></a>", "xml-prefix-undeclared"),
        ("<a xmlns:p=''/>", "xml-malformed"),
        ("<a xmlns:xml='urn:x'/>", "xml-malformed"),
        ("<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", "xml-malformed"),
        ("<a xmlns:xmlns='u'/>", "xml-malformed"),
        ("<a xmlns='http://www.w3.org/2000/xmlns/'/>", "xml-malformed"),
        ("<xmlns:a/>", "xml-prefix-undeclared"),
        ("", "xml-no-root"),
        (" <!-- c --> ", "xml-no-root"),
        ("text", "xml-malformed"),
        ("<a/>text", "xml-malformed"),
        ("<a/>&amp;", "xml-malformed"),
        ("<![CDATA[]]><a/>", "xml-malformed"),
        ("<a/><b/>", "xml-malformed"),
        ("<a>", "xml-malformed"),
        ("<a", "xml-malformed"),
        ("<a></b>", "xml-malformed"),
        ("</a>", "xml-malformed"),
        ("<a></a></a>", "xml-malformed"),
        ("<a></a b>", "xml-malformed"),
        ("<a><b></a></b>", "xml-malformed"),
        ("<1a/>", "xml-malformed"),
        ("<a:b:c/>", "xml-malformed"),
        ("<a b/>", "xml-malformed"),
        ("<a b=c/>", "xml-malformed"),
        ("<a b='1'c='2'/>", "xml-malformed"),
        ("<a b='<'/>", "xml-malformed"),
        ("<a b='1/>", "xml-malformed"),
        ("<a>]]></a>", "xml-malformed"),
        ("<a><!-- -- --></a>", "xml-malformed"),
        ("<a><!-- ---></a>", "xml-malformed"),
        ("<a><![cdata[x]]></a>", "xml-malformed"),
        ("<a><?xml version='1.0'?></a>", "xml-malformed"),
        (" <?xml version='1.0'?><a/>", "xml-malformed"),
        ("<?XML x?><a/>", "xml-malformed"),
        ("<?1?><a/>", "xml-malformed"),
        ("<?xml?><a/>", "xml-malformed"),
        ("<?xml encoding='utf-8'?><a/>", "xml-malformed"),
        ("<?xml version='1.0' standalone='yes' encoding='utf-8'?><a/>", "xml-malformed"),
        ("<?xml version='1.0' more='x'?><a/>", "xml-malformed"),
        ("<?xml version='1.1'?><a/>", "xml-version"),
        ("<?xml version='1.0' encoding='windows-1251'?><a/>", "xml-encoding"),
        ("<?xml version='1.0' encoding='UTF-7'?><a/>", "xml-encoding"),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>", "xml-encoding"),
    ] {
        assert_eq!(code(text), wanted, "{text}");
    }
    let utf16: Vec<u8> = "\u{FEFF}<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [&utf16[..], b"<a>\xD0</a>", b"<a>\xC0\xAF</a>", b"\x2B\x2F\x76\x38<a/>"] {
        assert!(trace(bytes, &Limits::default()).is_err(), "{bytes:?}");
    }
}

#[test]
fn every_limit_holds_exactly() {
    let small = Limits { attributes: 3, bytes: 1000, depth: 3, namespace: 10, namespaces: 4, nodes: 6 };
    for (text, wanted) in [
        ("<a b='' c='' xmlns:p='u'/>", "fine"),
        ("<a b='' c='' xmlns:p='u' d=''/>", "xml-too-many-attributes"),
        ("<a><b><c/></b></a>", "fine"),
        ("<a><b><c><d/></c></b></a>", "xml-too-deep"),
        ("<a xmlns='u' xmlns:p='v'><b xmlns:p='u' xmlns:q='w'/><b xmlns='v'/></a>", "fine"),
        ("<a xmlns='u' xmlns:p='v'><b xmlns:p='u' xmlns:q='w' xmlns='x'/></a>", "xml-too-many-namespaces"),
        ("<a xmlns='urn:567890'/>", "fine"),
        ("<a xmlns='urn:5678901'/>", "xml-namespace-too-long"),
        ("<a>x<b/>y<!-- --><b/></a>", "fine"),
        ("<a>x<b/>y<!-- --><b/><b/></a>", "xml-too-many-nodes"),
    ] {
        let seen = trace(text.as_bytes(), &small).map_or_else(|cause| cause.code(), |_| "fine");
        assert_eq!(seen, wanted, "{text}");
    }
    let long = format!("<a>{}</a>", "x".repeat(993));
    assert!(trace(long.as_bytes(), &small).is_ok());
    assert_eq!(trace(format!("{long} ").as_bytes(), &small), Err(XmlCause::TooLarge(1000)));
    let outside = format!("<a/>{}", "<?p?>".repeat(64));
    assert_eq!(code(&outside), "xml-too-many-nodes");
}
