//! Lies in the markup of the finished envelope. Those that a reader must not refuse leave every signature intact.

use super::super::Scene;

/// Changes the text; `None` when there is nothing to lie about.
pub(super) type Change = fn(&str, &Scene<'_>) -> Option<String>;

pub(super) const MARKUP: &[(&str, Change)] = &[
    ("soap-other-version", |text, _| {
        Some(text.replace(contract::smev::SOAP, "http://www.w3.org/2003/05/soap-envelope"))
    }),
    ("xml-cdata", |text, _| inside(text, |value| format!("<![CDATA[{value}]]>"))),
    ("xml-comment-in-text", |text, _| {
        inside(text, |value| {
            let middle = value.char_indices().nth(value.chars().count() / 2).map_or(0, |(at, _)| at);
            format!("{}<!-- note -->{}", &value[..middle], &value[middle..])
        })
    }),
    ("xml-cut", |text, _| {
        let mut at = text.len() * 2 / 3;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        Some(text[..at].to_owned())
    }),
    ("xml-deep", |text, scene| {
        let depth = scene.lie.number("depth").and_then(|depth| usize::try_from(depth).ok()).unwrap_or(100_000);
        let depth = depth.min(500_000);
        head(text, &format!("<d xmlns=\"urn:stend:deep\">{}{}</d>", "<e>".repeat(depth), "</e>".repeat(depth)))
    }),
    ("xml-doctype", |text, _| doctype(text, "")),
    ("xml-encoding-differs", |text, scene| {
        let named = scene.lie.text("encoding").unwrap_or("UTF-7");
        Some(text.replacen("encoding=\"UTF-8\"", &format!("encoding=\"{named}\""), 1))
    }),
    ("xml-entity-canary", |text, scene| entity(text, &format!("<!ENTITY e SYSTEM \"{}/entity\">", scene.foreign()))),
    ("xml-entity-file", |text, scene| {
        let file = scene.lie.text("file").unwrap_or("/etc/hostname");
        entity(text, &format!("<!ENTITY e SYSTEM \"file://{file}\">"))
    }),
    ("xml-entity-growth", |text, _| {
        let mut declared = "<!ENTITY e0 \"stend\">".to_owned();
        for level in 1..=9 {
            let inner = format!("&e{};", level - 1).repeat(10);
            declared.push_str(&format!("<!ENTITY e{level} \"{inner}\">"));
        }
        declared.push_str("<!ENTITY e \"&e9;\">");
        entity(text, &declared)
    }),
    ("xml-other-prefixes", |text, _| {
        let mut out = text.to_owned();
        for (old, new) in [("m", "q7"), ("b", "z"), ("soap", "S")] {
            out = out
                .replace(&format!("<{old}:"), &format!("<{new}:"))
                .replace(&format!("</{old}:"), &format!("</{new}:"));
            out = out.replace(&format!("xmlns:{old}="), &format!("xmlns:{new}="));
            out = out.replace(&format!(" {old}:mustUnderstand"), &format!(" {new}:mustUnderstand"));
        }
        Some(out)
    }),
    ("xml-parameter-entity", |text, scene| {
        doctype(text, &format!("<!ENTITY % p SYSTEM \"{}/parameter.dtd\"> %p;", scene.foreign()))
    }),
    ("xml-quadratic", |text, _| {
        let long = "x".repeat(20_000);
        let declared = format!("<!ENTITY e \"{long}\">");
        doctype(
            &head(text, &format!("<x:note xmlns:x=\"urn:stend:note\">{}</x:note>", "&e;".repeat(5_000)))?,
            &declared,
        )
    }),
    ("xml-schema-location", |text, scene| {
        let location = format!(
            "<soap:Envelope xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"urn:stend:x {}/schema.xsd\" ",
            scene.foreign()
        );
        text.contains("<soap:Envelope ").then(|| text.replacen("<soap:Envelope ", &location, 1))
    }),
    ("xml-stylesheet", |text, scene| {
        let at = text.find("?>")? + 2;
        let sheet = format!("<?xml-stylesheet type=\"text/xsl\" href=\"{}/sheet.xsl\"?>", scene.foreign());
        Some([&text[..at], &sheet, &text[at..]].concat())
    }),
    ("xml-xinclude", |text, scene| {
        let include = "http://www.w3.org/2001/XInclude";
        head(text, &format!("<i:include xmlns:i=\"{include}\" href=\"{}/included\" parse=\"text\"/>", scene.foreign()))
    }),
];

/// A block in the envelope's header, which no signature covers.
pub(super) fn head(text: &str, block: &str) -> Option<String> {
    let close = "</soap:Header>";
    text.contains(close).then(|| text.replacen(close, &format!("{block}{close}"), 1))
}

fn doctype(text: &str, declared: &str) -> Option<String> {
    let at = text.find("?>")? + 2;
    let declared = if declared.is_empty() { String::new() } else { format!(" [{declared}]") };
    Some(format!("{}<!DOCTYPE soap:Envelope{declared}>{}", &text[..at], &text[at..]))
}

/// An entity that is declared and used, where a reader that resolves it would still find every signature good.
fn entity(text: &str, declared: &str) -> Option<String> {
    doctype(&head(text, "<x:note xmlns:x=\"urn:stend:note\">&e;</x:note>")?, declared)
}

/// Changes how a text of the business content is written: the last one of some length that has no markup in it.
fn inside(text: &str, change: impl Fn(&str) -> String) -> Option<String> {
    let begin = text.find("<b:MessagePrimaryContent>")? + "<b:MessagePrimaryContent>".len();
    let end = text.find("</b:MessagePrimaryContent>")?;
    let mut at = end;
    while let Some(close) = text[begin..at].rfind("</") {
        let close = begin + close;
        let open = begin + text[begin..close].rfind('>')? + 1;
        let value = &text[open..close];
        if value.trim().chars().count() >= 4 && !value.contains(['<', '&']) {
            return Some([&text[..open], &change(value), &text[close..]].concat());
        }
        at = close;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_the_content_is_found_and_nothing_else() {
        let text = "<b:MessagePrimaryContent><r><a>1234</a><c>x</c></r></b:MessagePrimaryContent><d>56789</d>";
        let changed = inside(text, |value| format!("[{value}]")).unwrap();
        assert!(changed.contains("<a>[1234]</a>") && changed.contains("<d>56789</d>"));
    }

    #[test]
    fn a_doctype_stands_behind_the_declaration() {
        let text = "<?xml version=\"1.0\"?><soap:Envelope><soap:Header></soap:Header></soap:Envelope>";
        let changed = entity(text, "<!ENTITY e \"x\">").unwrap();
        assert!(changed.starts_with("<?xml version=\"1.0\"?><!DOCTYPE soap:Envelope [<!ENTITY e \"x\">]>"));
        assert!(changed.contains("&e;</x:note></soap:Header>"));
    }
}
