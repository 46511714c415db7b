//! One description of a record from which every format follows: JSON of both versions, XML with its schema, CSV, the
//! OpenAPI document, a table in a PDF.
//!
//! A *value* is the JSON of a record under its first names (those of `/api/v1`); the other formats and names are written
//! from it and read back to it, without loss: XML is the root element `name` in a namespace with one child per field in
//! order, lists repeated under their field's name ([`xml`]); CSV is a row per record ([`csv`]). What a shape admits ([`check`]) is exactly what every format can carry.
//! [`record!`](crate::record) and [`words!`](crate::words) make types and shape in one go; `described!` adds a shape to a
//! struct that stands already. Names of shapes are unique: they become components of the document and types of schemas.

mod breach;
pub mod csv;
mod decimal;
mod describe;
pub mod json;
mod names;
mod own;
pub mod xml;
mod xsd;

pub use breach::{Breach, check, fits};
pub use decimal::{Decimal, DecimalError};
pub use names::{named, renamed};
pub use own::{ERROR_LIST, PROBLEM};
pub use xsd::schema as xsd_schema;

use crate::ids::{Bik, Inn, Kpp, Ogrn, Oid, Snils, Uin};
use crate::money::Money;
use crate::time::{Day, Span, Timestamp};

/// Versions of the data services. They differ in names only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `/api/v1`, and everything that has no versions.
    #[default]
    V1,
    /// `/api/v2`.
    V2,
}

/// A record: its names and fields.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// In snake case; the name of its element in XML.
    pub name: &'static str,
    /// For a Russian reader.
    pub ru: &'static str,
    /// For an English reader.
    pub en: &'static str,
    /// In the order in which every format writes them.
    pub fields: &'static [Field],
}

/// A field of a record.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in `/api/v1` and elsewhere.
    pub name: &'static str,
    /// Its name in `/api/v2`, where that differs.
    pub v2: Option<&'static str>,
    /// What it holds.
    pub kind: Kind,
    /// It may be absent. A list is never absent, it is empty.
    pub optional: bool,
    /// For a Russian reader.
    pub ru: &'static str,
    /// For an English reader.
    pub en: &'static str,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A calendar day, `2026-11-22`.
    Day,
    /// A number with a fraction, kept as text: `12.50`.
    Decimal,
    /// Yes or no.
    Flag,
    /// A whole number.
    Int,
    /// Records of one shape.
    List(&'static Shape),
    /// Whole kopecks.
    Money,
    /// One record.
    Record(&'static Shape),
    /// Text.
    Text,
    /// Several texts.
    Texts,
    /// An instant, RFC 3339.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A type that is a record.
pub trait Shaped {
    /// Its description.
    const SHAPE: &'static Shape;
}

/// A type that a field may have.
pub trait Typed {
    /// What it holds.
    const KIND: Kind;
    /// Whether it may be absent.
    const OPTIONAL: bool = false;

    /// This one is absent and not written.
    fn absent(&self) -> bool {
        false
    }
}

/// Whether a field is left out; what `record!` gives to serde.
pub fn absent<T: Typed>(value: &T) -> bool {
    value.absent()
}

/// The kind of a field by its accessor.
#[doc(hidden)]
pub const fn kind_of<S, T: Typed>(_: fn(&S) -> &T) -> (Kind, bool) {
    (T::KIND, T::OPTIONAL)
}

impl Version {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V1, Self::V2];

    /// As it stands in a path.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    /// The XML namespace of this version: the first is the one that SOAP uses too.
    pub fn namespace(self, of: &str) -> String {
        match self {
            Self::V1 => of.to_owned(),
            Self::V2 => format!("{of}:v2"),
        }
    }
}

impl Shape {
    /// The field of this name in `/api/v1`.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The shapes that it is made of, itself first, each once.
    pub fn all(&'static self) -> Vec<&'static Self> {
        let mut found = Vec::new();
        self.gather(&mut found);
        found
    }

    fn gather(&'static self, found: &mut Vec<&'static Self>) {
        if found.iter().any(|known| known.name == self.name) {
            return;
        }
        found.push(self);
        for shape in self.fields.iter().filter_map(|field| field.kind.inner()) {
            shape.gather(found);
        }
    }

    /// Whether some name in it differs between the versions.
    pub fn differs(&'static self) -> bool {
        self.all().iter().any(|shape| shape.fields.iter().any(|field| field.v2.is_some()))
    }
}

impl Field {
    /// Its name in this version.
    pub fn name(&self, version: Version) -> &'static str {
        match version {
            Version::V1 => self.name,
            Version::V2 => self.v2.unwrap_or(self.name),
        }
    }
}

impl Kind {
    /// The shape of the records that it holds.
    pub const fn inner(self) -> Option<&'static Shape> {
        match self {
            Self::List(shape) | Self::Record(shape) => Some(shape),
            _ => None,
        }
    }
}

macro_rules! typed {
    ($($kind:ident: $($type:ty),+;)+) => {
        $($(impl Typed for $type { const KIND: Kind = Kind::$kind; })+)+
    };
}

typed! {
    Day: Day;
    Flag: bool;
    Int: i32, i64, u8, u16, u32, u64, usize, Oid;
    Money: Money;
    Text: String, Bik, Inn, Kpp, Ogrn, Snils, Span, Uin;
    Time: Timestamp;
}

impl<T: Shaped> Typed for T {
    const KIND: Kind = Kind::Record(T::SHAPE);
}

impl<T: Typed> Typed for Option<T> {
    const KIND: Kind = match T::KIND {
        Kind::List(_) | Kind::Texts => panic!("a list is never absent, it is empty"),
        kind => kind,
    };
    const OPTIONAL: bool = true;

    fn absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Typed> Typed for Vec<T> {
    const KIND: Kind = match T::KIND {
        Kind::Record(shape) => Kind::List(shape),
        Kind::Text | Kind::Word(_) => Kind::Texts,
        _ => panic!("a list holds records or texts"),
    };
}

#[cfg(test)]
mod tests;
