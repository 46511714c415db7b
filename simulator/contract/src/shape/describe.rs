//! The macros that say once what a record is: type, serialisation, schema and shape.

/// A record: a struct with serde, schemars and its [`Shape`](crate::shape::Shape). Absent options are not written.
///
/// ```
/// use contract::record;
/// use contract::shape::{Kind, Shaped};
/// use contract::time::Day;
///
/// record! {
///     /// As it stands in the register.
///     pub struct Right("right", "Право" / "Right") {
///         number: String, "Номер регистрации" / "Registration number";
///         since: Day, v2 "registered_on", "Дата регистрации" / "Registered on";
///         kind as "type": Option<String>, "Вид" / "Kind";
///     }
/// }
///
/// assert_eq!(Right::SHAPE.fields[1].kind, Kind::Day);
/// assert_eq!(Right::SHAPE.fields[2].name, "type");
/// ```
#[macro_export]
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $Name:ident ($name:literal, $ru:literal / $en:literal) {
            $(
                $(#[$field_meta:meta])*
                $field:ident $(as $wire:literal)? : $type:ty, $(v2 $v2:literal,)? $field_ru:literal / $field_en:literal;
            )*
        }
    ) => {
        #[doc = $en]
        #[doc = ""]
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        pub struct $Name {
            $(
                #[doc = $field_en]
                #[doc = ""]
                $(#[$field_meta])*
                $(#[serde(rename = $wire)])?
                #[serde(skip_serializing_if = "contract::shape::absent")]
                pub $field: $type,
            )*
        }

        impl $crate::shape::Shaped for $Name {
            const SHAPE: &'static $crate::shape::Shape = &$crate::shape::Shape {
                name: $name,
                ru: $ru,
                en: $en,
                fields: &[$($crate::shape::Field {
                    name: $crate::wire_name!($field $($wire)?),
                    v2: $crate::second_name!($($v2)?),
                    kind: <$type as $crate::shape::Typed>::KIND,
                    optional: <$type as $crate::shape::Typed>::OPTIONAL,
                    ru: $field_ru,
                    en: $field_en,
                }),*],
            };
        }
    };
}

/// The shape of a struct that stands already; kinds come from its fields, names from here.
#[macro_export]
macro_rules! described {
    (
        $Name:ident ($name:literal, $ru:literal / $en:literal) {
            $($field:ident $(as $wire:literal)? : $(v2 $v2:literal,)? $field_ru:literal / $field_en:literal;)*
        }
    ) => {
        impl $crate::shape::Shaped for $Name {
            const SHAPE: &'static $crate::shape::Shape = &$crate::shape::Shape {
                name: $name,
                ru: $ru,
                en: $en,
                fields: &[$($crate::shape::Field {
                    name: $crate::wire_name!($field $($wire)?),
                    v2: $crate::second_name!($($v2)?),
                    kind: $crate::shape::kind_of(|record: &$Name| &record.$field).0,
                    optional: $crate::shape::kind_of(|record: &$Name| &record.$field).1,
                    ru: $field_ru,
                    en: $field_en,
                }),*],
            };
        }
    };
}

/// Words: an enum whose variants travel as the words given, with names for readers of both languages.
///
/// ```
/// contract::words! {
///     /// What stands on the ground.
///     pub enum Building { House = "house", "Дом" / "House"; Land = "land", "Участок" / "Land plot"; }
/// }
/// assert_eq!(Building::Land.as_str(), "land");
/// assert_eq!(Building::named("house").map(Building::ru), Some("Дом"));
/// ```
#[macro_export]
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $Name:ident {
            $($(#[$variant_meta:meta])* $Variant:ident = $word:literal, $ru:literal / $en:literal;)+
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema,
        )]
        pub enum $Name {
            $(
                #[doc = $en]
                #[doc = ""]
                $(#[$variant_meta])*
                #[serde(rename = $word)]
                $Variant,
            )+
        }

        impl $Name {
            /// Every word, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$Variant),+];
            /// The words as they travel.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$Variant => $word),+ }
            }

            /// For a Russian reader.
            pub const fn ru(self) -> &'static str {
                match self { $(Self::$Variant => $ru),+ }
            }

            /// For an English reader.
            pub const fn en(self) -> &'static str {
                match self { $(Self::$Variant => $en),+ }
            }

            /// The one that travels as this word.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }

        impl ::std::fmt::Display for $Name {
            fn fmt(&self, out: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                out.write_str(self.as_str())
            }
        }

        impl $crate::shape::Typed for $Name {
            const KIND: $crate::shape::Kind = $crate::shape::Kind::Word(Self::WORDS);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! wire_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $wire:literal) => {
        $wire
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! second_name {
    () => {
        None
    };
    ($v2:literal) => {
        Some($v2)
    };
}
