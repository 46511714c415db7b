//! Signature wrapping: what was signed is kept somewhere in the envelope, so that the signature holds, and an altered
//! copy stands where a careless reader looks. The altered copy is plain to see: titles end in [`MARK`], sums begin with
//! a 9 more.

use crypto::xmldsig::{Document, Limits};

use super::markup::{Change, head};

/// Stands in every altered copy.
const MARK: &str = "подменено";

pub(super) const WRAPS: &[(&str, Change)] = &[
    ("xsw-1", |text, _| {
        let cut = Cut::of(text)?;
        // Into the signature itself, behind its last part.
        let signature = cut.holder.replacen("</ds:Signature>", &format!("{}</ds:Signature>", cut.signed), 1);
        Some(cut.with(&cut.altered(), &signature))
    }),
    ("xsw-2", |text, _| {
        let cut = Cut::of(text)?;
        Some(cut.with(&cut.altered(), &format!("{}{}", cut.holder, cut.signed)))
    }),
    ("xsw-3", |text, _| {
        let cut = Cut::of(text)?;
        Some(cut.with(&format!("{}{}", cut.altered(), cut.signed), &cut.holder))
    }),
    ("xsw-4", |text, _| {
        let cut = Cut::of(text)?;
        let altered = cut.altered();
        let at = altered.rfind("</")?;
        Some(cut.with(&[&altered[..at], &cut.signed, &altered[at..]].concat(), &cut.holder))
    }),
    ("xsw-5", |text, _| {
        let cut = Cut::of(text)?;
        let whole = cut.with(&cut.altered(), &cut.holder);
        let at = whole.rfind("</soap:Envelope>")?;
        // Out there nothing declares the prefixes of the call.
        let block = format!("<x:moved xmlns:x=\"urn:stend:moved\" {}>{}</x:moved>", cut.namespaces(), cut.signed);
        Some([&whole[..at], &block, &whole[at..]].concat())
    }),
    ("xsw-6", |text, _| {
        let cut = Cut::of(text)?;
        let altered = cut.altered();
        let at = altered.rfind("</")?;
        let object = format!("<ds:Object>{}</ds:Object></ds:Signature>", cut.signed);
        let holder = cut.holder.replacen("</ds:Signature>", &object, 1);
        Some(cut.with(&[&altered[..at], &holder, &altered[at..]].concat(), ""))
    }),
    ("xsw-7", |text, _| {
        let cut = Cut::of(text)?;
        let extension = format!("<x:Extensions xmlns:x=\"urn:stend:extensions\">{}</x:Extensions>", cut.altered());
        Some(cut.with(&format!("{extension}{}", cut.signed), &cut.holder))
    }),
    ("xsw-8", |text, _| {
        let cut = Cut::of(text)?;
        let object = format!("<ds:Object>{}</ds:Object></ds:Signature>", cut.altered());
        let holder = cut.holder.replacen("</ds:Signature>", &object, 1);
        Some(cut.with(&holder, &cut.signed))
    }),
    ("xsw-attachment-moved", |text, _| {
        let open = text.find("<b:Content>")? + "<b:Content>".len();
        let close = text.find("</b:Content>")?;
        let other = crypto::base64::encode_standard(MARK.as_bytes());
        let moved = format!(
            "<b:AttachmentContent><b:Id>moved-1</b:Id><b:Content>{}</b:Content></b:AttachmentContent></b:AttachmentContentList>",
            &text[open..close]
        );
        let changed = [&text[..open], &other, &text[close..]].concat();
        Some(changed.replacen("</b:AttachmentContentList>", &moved, 1))
    }),
    ("xsw-duplicate-id", |text, _| {
        let cut = Cut::of(text)?;
        Some(cut.with(&format!("{}{}", cut.signed, altered(&cut.signed)), &cut.holder))
    }),
    ("xsw-envelope-in-envelope", |text, _| {
        let cut = Cut::of(text)?;
        let honest = text.split_once("?>").map_or(text, |(_, rest)| rest).to_owned();
        let whole = cut.with(&cut.altered(), &cut.holder);
        let at = whole.rfind("</soap:Body>")?;
        Some([&whole[..at], &honest, &whole[at..]].concat())
    }),
    ("xsw-foreign-id", |text, _| {
        let cut = Cut::of(text)?;
        let altered = altered(&cut.signed);
        let foreign = altered.replacen(" Id=\"", " xmlns:x=\"urn:stend:id\" x:Id=\"", 1);
        Some(cut.with(&format!("{foreign}{}", cut.signed), &cut.holder))
    }),
    ("xsw-soap-header", |text, _| in_head(text, "")),
    ("xsw-soap-none-role", |text, _| {
        in_head(text, " soap:actor=\"http://www.w3.org/2003/05/soap-envelope/role/none\"")
    }),
    ("xsw-timestamp-moved", |text, scene| {
        let cut = Cut::of(text)?;
        let now = crate::smev::xml::moscow(scene.sandbox.now() + contract::time::Span::from_seconds(1));
        let mut fresh = other_ids(&cut.signed);
        for name in ["m:SendingTimestamp", "m:DeliveryTimestamp"] {
            let (open, close) = (format!("<{name}>"), format!("</{name}>"));
            if let (Some(from), Some(to)) = (fresh.find(&open), fresh.find(&close)) {
                fresh.replace_range(from + open.len()..to, &now);
            }
        }
        let block = format!("<x:moved xmlns:x=\"urn:stend:moved\" {}>{}</x:moved>", cut.namespaces(), cut.signed);
        head(&cut.with(&fresh, &cut.holder), &block)
    }),
];

/// The message moved into a header that nobody knows, and an altered one put into the body.
fn in_head(text: &str, attributes: &str) -> Option<String> {
    let cut = Cut::of(text)?;
    let block =
        format!("<x:moved xmlns:x=\"urn:stend:moved\" {}{attributes}>{}</x:moved>", cut.namespaces(), cut.signed);
    head(&cut.with(&cut.altered(), &cut.holder), &block)
}

/// A finished envelope taken apart.
struct Cut<'a> {
    text: &'a str,
    /// The element that SMEV has signed.
    signed: String,
    /// `SMEVSignature`.
    holder: String,
}

impl<'a> Cut<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let limits = Limits { bytes: usize::MAX, ..Limits::default() };
        let document = Document::parse(text.as_bytes(), limits).ok()?;
        let holder = document.elements().find(|element| element.name() == "SMEVSignature")?;
        let signed = holder.parent()?.children().next()?;
        let (signed, holder) = (signed.source().to_owned(), holder.source().to_owned());
        (!holder.ends_with("/>")).then_some(Self { text, signed, holder })
    }

    /// The envelope with other things in the places of both.
    fn with(&self, signed: &str, holder: &str) -> String {
        let from = self.text.find(&self.signed).unwrap_or(0);
        let behind = &self.text[from + self.signed.len()..];
        let behind = behind.replacen(&self.holder, holder, 1);
        [&self.text[..from], signed, &behind].concat()
    }

    /// An altered copy with ids of its own.
    fn altered(&self) -> String {
        other_ids(&altered(&self.signed))
    }

    /// Declarations that a piece needs outside the body.
    fn namespaces(&self) -> String {
        let declared = |prefix: &str| {
            let mark = format!("xmlns:{prefix}=\"");
            let from = self.text.find(&mark)?;
            let to = from + mark.len() + self.text[from + mark.len()..].find('"')? + 1;
            Some(self.text[from..to].to_owned())
        };
        ["m", "b"].into_iter().filter_map(declared).collect::<Vec<_>>().join(" ")
    }
}

fn other_ids(text: &str) -> String {
    text.replace(" Id=\"SIGNED_BY", " Id=\"COPY_SIGNED_BY").replace("URI=\"#SIGNED_BY", "URI=\"#COPY_SIGNED_BY")
}

/// Names of elements that hold sums.
const SUMS: &[&str] = &[
    "all",
    "amount",
    "balance",
    "credit",
    "fine",
    "paid",
    "accrued",
    "refund",
    "tax",
    "total",
    "utilities",
    "income_total",
    "tax_withheld",
    "cost",
];

/// A copy in which sums and titles differ.
pub(super) fn altered(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    let mut changed = false;
    while let Some(close) = rest.find("</") {
        let value_from = rest[..close].rfind('>').map_or(0, |at| at + 1);
        let name_end = rest[close..].find('>').map_or(rest.len(), |at| close + at);
        let name = rest[close + 2..name_end].rsplit(':').next().unwrap_or_default();
        let value = &rest[value_from..close];
        out.push_str(&rest[..value_from]);
        let leaf = !value.is_empty() && !value.contains('<');
        if leaf && SUMS.contains(&name) && value.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push('9');
            out.push_str(value);
            changed = true;
        } else if leaf
            && matches!(
                name,
                "title" | "name" | "status" | "docStatus" | "RejectionReasonDescription" | "source" | "statusCode"
            )
        {
            out.push_str(value);
            out.push(' ');
            out.push_str(MARK);
            changed = true;
        } else {
            out.push_str(value);
        }
        let behind = (name_end + 1).min(rest.len());
        out.push_str(&rest[close..behind]);
        rest = &rest[behind..];
    }
    out.push_str(rest);
    if changed {
        return out;
    }
    // Sums of the public types stand in attributes.
    ["amountToPay=\"", "totalAmount=\"", "СумДоход=\""]
        .iter()
        .fold(out, |text, name| text.replace(name, &format!("{name}9")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_titles_of_a_copy_differ_and_the_rest_is_kept() {
        let text = "<r><person>7</person><title>Штраф</title><amount>1500</amount><uin>188</uin></r>";
        let copy = altered(text);
        assert_eq!(copy, "<r><person>7</person><title>Штраф подменено</title><amount>91500</amount><uin>188</uin></r>");
    }
}
