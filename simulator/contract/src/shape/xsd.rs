//! XML Schema 1.0 of shapes: what [`write`](super::xml::write) writes is valid by it.

use std::fmt::Write;

use super::xml::escaped;
use super::{Field, Kind, Shape, Version};

/// A schema document: a global element for each of these shapes, a type for each that they are made of.
pub fn xsd(namespace: &str, shapes: &[&'static Shape], version: Version) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&schema(namespace, shapes, version));
    out
}

/// The schema element alone, fit to stand in a WSDL document.
pub fn schema(namespace: &str, shapes: &[&'static Shape], version: Version) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:tns=\"{0}\" targetNamespace=\"{0}\" \
         elementFormDefault=\"qualified\">",
        escaped(namespace)
    );
    for shape in shapes {
        let _ = writeln!(out, "  <xs:element name=\"{0}\" type=\"tns:{0}\"/>", shape.name);
    }
    let mut types: Vec<&'static Shape> = Vec::new();
    for shape in shapes.iter().flat_map(|shape| shape.all()) {
        if types.iter().all(|known| known.name != shape.name) {
            types.push(shape);
        }
    }
    for shape in types {
        complex(&mut out, shape, version);
    }
    out.push_str("</xs:schema>\n");
    out
}

fn complex(out: &mut String, shape: &Shape, version: Version) {
    let _ = writeln!(out, "  <xs:complexType name=\"{}\">", shape.name);
    let _ = writeln!(out, "    <xs:annotation>{}</xs:annotation>", documentation(shape.ru, shape.en));
    out.push_str("    <xs:sequence>\n");
    for field in shape.fields {
        element(out, field, version);
    }
    out.push_str("    </xs:sequence>\n  </xs:complexType>\n");
}

fn documentation(ru: &str, en: &str) -> String {
    format!(
        "<xs:documentation xml:lang=\"ru\">{}</xs:documentation><xs:documentation xml:lang=\"en\">{}</xs:documentation>",
        escaped(ru),
        escaped(en)
    )
}

fn element(out: &mut String, field: &Field, version: Version) {
    let occurs = match field.kind {
        Kind::List(_) | Kind::Texts => " minOccurs=\"0\" maxOccurs=\"unbounded\"",
        _ if field.optional => " minOccurs=\"0\"",
        _ => "",
    };
    let kind = match field.kind {
        Kind::Day => "xs:date".to_owned(),
        Kind::Decimal => "xs:decimal".to_owned(),
        Kind::Flag => "xs:boolean".to_owned(),
        Kind::Int | Kind::Money => "xs:long".to_owned(),
        Kind::List(shape) | Kind::Record(shape) => format!("tns:{}", shape.name),
        Kind::Text | Kind::Texts => "xs:string".to_owned(),
        Kind::Time => "xs:dateTime".to_owned(),
        Kind::Word(_) => String::new(),
    };
    let name = field.name(version);
    let kind = if kind.is_empty() { kind } else { format!(" type=\"{kind}\"") };
    let _ = writeln!(out, "      <xs:element name=\"{name}\"{kind}{occurs}>");
    let _ = writeln!(out, "        <xs:annotation>{}</xs:annotation>", documentation(field.ru, field.en));
    if let Kind::Word(words) = field.kind {
        out.push_str("        <xs:simpleType><xs:restriction base=\"xs:string\">");
        for word in words {
            let _ = write!(out, "<xs:enumeration value=\"{}\"/>", escaped(word));
        }
        out.push_str("</xs:restriction></xs:simpleType>\n");
    }
    out.push_str("      </xs:element>\n");
}
