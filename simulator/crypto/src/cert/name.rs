//! Names of subjects and issuers as text, and the Russian identifiers in them. RFC 4514 text writes an attribute that it
//! has no name for as digits of its encoding; the identifiers of a legal entity are wanted by their names.

use der::asn1::ObjectIdentifier;
use der::{Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::Name;

/// An identifier of a person or a legal entity in a certificate's subject (order of the FSB of 2011 No. 795, and its
/// later editions): written as NumericString.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// Tax number of a person, 12 digits.
    Inn,
    /// Tax number of a legal entity, 10 digits.
    InnLe,
    /// State registration number of a legal entity, 13 digits.
    Ogrn,
    /// State registration number of a sole trader, 15 digits.
    Ogrnip,
    /// Number of a person's pension account, 11 digits.
    Snils,
}

impl Identifier {
    pub const ALL: [Self; 5] = [Self::Inn, Self::InnLe, Self::Ogrn, Self::Ogrnip, Self::Snils];

    /// The name in text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inn => "INN",
            Self::InnLe => "INNLE",
            Self::Ogrn => "OGRN",
            Self::Ogrnip => "OGRNIP",
            Self::Snils => "SNILS",
        }
    }

    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Inn => ObjectIdentifier::new_unwrap("1.2.643.3.131.1.1"),
            Self::InnLe => ObjectIdentifier::new_unwrap("1.2.643.100.4"),
            Self::Ogrn => ObjectIdentifier::new_unwrap("1.2.643.100.1"),
            Self::Ogrnip => ObjectIdentifier::new_unwrap("1.2.643.100.5"),
            Self::Snils => ObjectIdentifier::new_unwrap("1.2.643.100.3"),
        }
    }

    /// How many digits the number has.
    pub const fn digits(self) -> usize {
        match self {
            Self::Inn => 12,
            Self::InnLe => 10,
            Self::Ogrn => 13,
            Self::Ogrnip => 15,
            Self::Snils => 11,
        }
    }
}

/// RFC 4514 text, the Russian identifiers by their names.
pub(super) fn text(name: &Name) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let part = |attribute: &AttributeTypeAndValue| match read(attribute) {
        Some((identifier, value)) => format!("{}={value}", identifier.as_str()),
        None => attribute.to_string(),
    };
    let texts = parts.iter().rev().map(|rdn| rdn.iter().map(part).collect::<Vec<_>>().join("+"));
    texts.collect::<Vec<_>>().join(",")
}

/// The Russian identifiers in a name, in digits.
pub fn identifiers(name: &Name) -> Vec<(Identifier, String)> {
    name.iter().filter_map(read).collect()
}

/// Read only where the value is plain digits, so that nothing in it can be taken for another part of the text.
fn read(attribute: &AttributeTypeAndValue) -> Option<(Identifier, String)> {
    let identifier = Identifier::ALL.into_iter().find(|known| known.oid() == attribute.oid)?;
    let textual = matches!(attribute.value.tag(), Tag::NumericString | Tag::PrintableString | Tag::Utf8String);
    let bytes = attribute.value.value();
    let plain = textual && !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    plain.then(|| (identifier, bytes.iter().map(|digit| char::from(*digit)).collect()))
}
