//! Numbers by which the state knows people, organisations and charges. Each is parsed once, check digits included,
//! and travels as text. A value of one of these types is well formed by construction; whether it exists is another
//! question. Errors never repeat the value: it is personal data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Insurance number of an individual account (СНИЛС), printed `112-233-445 95`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snils(u64);

/// Taxpayer number (ИНН): ten digits for an organisation, twelve for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inn {
    number: u64,
    length: u8,
}

/// State registration number: thirteen digits for an organisation (ОГРН), fifteen for a sole trader (ОГРНИП).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ogrn {
    number: u64,
    length: u8,
}

/// Reason code of a tax registration (КПП): nine characters, no check digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kpp(String);

/// Unique charge number (УИН): 20 digits, or 25 for institutions; the last is a check digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uin(String);

/// Bank code (БИК): nine digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bik(String);

/// Object number in ESIA, of a person or an organisation: `1000299944`. Real clients read it into a signed 32-bit
/// number, so it never leaves that range. Written as a JSON number; a number in text is read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(i32);

/// Why a text is not the number it should be. The text itself is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read {what}: {why}")]
pub struct IdError {
    /// Which number was wanted, `SNILS`.
    pub what: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

const SHAPE: &str = "wrong length or a character that is no digit";
const CHECK: &str = "wrong check digit";

/// Digits of a text, or `None` when it holds anything else.
fn digits(text: &str) -> Option<Vec<u8>> {
    text.bytes().map(|byte| byte.is_ascii_digit().then(|| byte - b'0')).collect()
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(*digit))
}

fn split(number: u64, length: usize) -> Vec<u8> {
    format!("{number:0length$}").bytes().map(|byte| byte - b'0').collect()
}

impl Snils {
    /// Up to this number check digits were not yet given.
    const UNCHECKED: u64 = 1_001_998;

    /// The number with this nine-digit serial and its check digits; `None` beyond nine digits.
    pub fn from_serial(serial: u64) -> Option<Self> {
        (serial < 1_000_000_000).then(|| Self(serial * 100 + Self::check(serial)))
    }

    /// The nine digits without the check digits.
    pub const fn serial(self) -> u64 {
        self.0 / 100
    }

    /// Eleven digits without signs.
    pub fn plain(self) -> String {
        format!("{:011}", self.0)
    }

    fn check(serial: u64) -> u64 {
        let sum: u64 =
            split(serial, 9).iter().zip((1..=9).rev()).map(|(digit, weight)| u64::from(*digit) * weight).sum();
        match sum % 101 {
            100 => 0,
            rest => rest,
        }
    }
}

impl FromStr for Snils {
    type Err = IdError;

    /// Reads `112-233-445 95` and the bare eleven digits.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = |why| IdError { what: "SNILS", why };
        let printed = text.len() == 14
            && [(3, b'-'), (7, b'-'), (11, b' ')].iter().all(|(at, sign)| text.as_bytes()[*at] == *sign);
        let bare: String =
            if printed { text.chars().filter(|c| !matches!(c, '-' | ' ')).collect() } else { text.to_owned() };
        let digits = digits(&bare).filter(|digits| digits.len() == 11).ok_or_else(|| refused(SHAPE))?;
        let value = number(&digits);
        let serial = value / 100;
        if serial > Self::UNCHECKED && value % 100 != Self::check(serial) {
            return Err(refused(CHECK));
        }
        Ok(Self(value))
    }
}

impl fmt::Display for Snils {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.plain();
        write!(out, "{}-{}-{} {}", &text[..3], &text[3..6], &text[6..9], &text[9..])
    }
}

impl Inn {
    /// A person's number from tax office (four digits) and serial (six digits); `None` beyond these.
    pub fn person(office: u32, serial: u32) -> Option<Self> {
        if office > 9_999 || serial > 999_999 {
            return None;
        }
        let mut all = split(u64::from(office) * 1_000_000 + u64::from(serial), 10);
        all.push(Self::weigh(&[7, 2, 4, 10, 3, 5, 9, 4, 6, 8], &all));
        all.push(Self::weigh(&[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8], &all));
        Some(Self { number: number(&all), length: 12 })
    }

    /// An organisation's number from tax office (four digits) and serial (five digits); `None` beyond these.
    pub fn organisation(office: u32, serial: u32) -> Option<Self> {
        if office > 9_999 || serial > 99_999 {
            return None;
        }
        let mut all = split(u64::from(office) * 100_000 + u64::from(serial), 9);
        all.push(Self::weigh(&[2, 4, 10, 3, 5, 9, 4, 6, 8], &all));
        Some(Self { number: number(&all), length: 10 })
    }

    /// Whether it is a person's number.
    pub const fn is_person(self) -> bool {
        self.length == 12
    }

    fn weigh(weights: &[u32], digits: &[u8]) -> u8 {
        let sum: u32 = weights.iter().zip(digits).map(|(weight, digit)| weight * u32::from(*digit)).sum();
        (sum % 11 % 10) as u8
    }
}

impl FromStr for Inn {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = |why| IdError { what: "INN", why };
        let all = digits(text).ok_or_else(|| refused(SHAPE))?;
        let body = number(all.get(..all.len().saturating_sub(1)).unwrap_or_default());
        let right = match all.len() {
            10 => Self::organisation((body / 100_000) as u32, (body % 100_000) as u32),
            12 => Self::person((body / 10_000_000) as u32, (body / 10 % 1_000_000) as u32),
            _ => return Err(refused(SHAPE)),
        };
        right.filter(|inn| inn.number == number(&all)).ok_or_else(|| refused(CHECK))
    }
}

impl fmt::Display for Inn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:0width$}", self.number, width = usize::from(self.length))
    }
}

impl Ogrn {
    /// An organisation's number from its first twelve digits; `None` beyond twelve.
    pub fn organisation(body: u64) -> Option<Self> {
        (body < 1_000_000_000_000).then(|| Self { number: body * 10 + body % 11 % 10, length: 13 })
    }

    /// A sole trader's number from its first fourteen digits; `None` beyond fourteen.
    pub fn sole_trader(body: u64) -> Option<Self> {
        (body < 100_000_000_000_000).then(|| Self { number: body * 10 + body % 13 % 10, length: 15 })
    }
}

impl FromStr for Ogrn {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = |why| IdError { what: "OGRN", why };
        let all = digits(text).ok_or_else(|| refused(SHAPE))?;
        let right = match all.len() {
            13 => Self::organisation(number(&all) / 10),
            15 => Self::sole_trader(number(&all) / 10),
            _ => return Err(refused(SHAPE)),
        };
        right.filter(|ogrn| ogrn.number == number(&all)).ok_or_else(|| refused(CHECK))
    }
}

impl fmt::Display for Ogrn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:0width$}", self.number, width = usize::from(self.length))
    }
}

impl Uin {
    /// The number with these first 19 or 24 digits and its check digit.
    ///
    /// ```
    /// let uin = contract::ids::Uin::from_body("1881707241628597210").unwrap();
    /// assert_eq!(uin.as_str(), "18817072416285972102");
    /// ```
    pub fn from_body(body: &str) -> Result<Self, IdError> {
        let refused = IdError { what: "UIN", why: SHAPE };
        let all = digits(body).filter(|all| matches!(all.len(), 19 | 24)).ok_or(refused)?;
        Ok(Self(format!("{body}{}", Self::check(&all))))
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Weights 1 to 10 from the left, over and over; a remainder of 10 starts again with 3, and a second one means 0.
    fn check(body: &[u8]) -> u32 {
        let rest = |first: usize| {
            let sum: u32 =
                body.iter().enumerate().map(|(at, digit)| ((first - 1 + at) % 10 + 1) as u32 * u32::from(*digit)).sum();
            sum % 11
        };
        match (rest(1), rest(3)) {
            (10, 10) => 0,
            (10, second) => second,
            (first, _) => first,
        }
    }
}

impl FromStr for Uin {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = |why| IdError { what: "UIN", why };
        let all = digits(text).filter(|all| matches!(all.len(), 20 | 25)).ok_or_else(|| refused(SHAPE))?;
        let (check, body) = all.split_last().ok_or_else(|| refused(SHAPE))?;
        // A number without a document behind the administrator's code is refused by the state's format control.
        if body.iter().skip(3).all(|digit| *digit == 0) {
            return Err(refused("nothing but zeros after the administrator's code"));
        }
        if u32::from(*check) == Self::check(body) { Ok(Self(text.to_owned())) } else { Err(refused(CHECK)) }
    }
}

impl FromStr for Kpp {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let fits = text.len() == 9
            && text
                .bytes()
                .enumerate()
                .all(|(at, byte)| byte.is_ascii_digit() || (matches!(at, 4 | 5) && byte.is_ascii_uppercase()));
        if fits { Ok(Self(text.to_owned())) } else { Err(IdError { what: "KPP", why: SHAPE }) }
    }
}

impl FromStr for Bik {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        match digits(text) {
            Some(all) if all.len() == 9 => Ok(Self(text.to_owned())),
            _ => Err(IdError { what: "BIK", why: SHAPE }),
        }
    }
}

impl Oid {
    /// The number, unless it is not positive.
    pub const fn new(number: i32) -> Option<Self> {
        if number > 0 { Some(Self(number)) } else { None }
    }

    /// As the 32-bit number that clients read.
    pub const fn get(self) -> i32 {
        self.0
    }

    /// As journal entries and exchanges hold it.
    pub const fn wide(self) -> i64 {
        self.0 as i64
    }
}

impl TryFrom<i64> for Oid {
    type Error = IdError;
    fn try_from(number: i64) -> Result<Self, IdError> {
        let refused = IdError { what: "OID", why: "not within 1 and 2147483647" };
        i32::try_from(number).ok().and_then(Self::new).ok_or(refused)
    }
}

impl FromStr for Oid {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = IdError { what: "OID", why: SHAPE };
        let all = digits(text).filter(|all| matches!(all.len(), 1..=10)).ok_or(refused)?;
        i64::try_from(number(&all)).map_err(|_| refused).and_then(Self::try_from)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl Serialize for Oid {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_i32(self.0)
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Either;
        impl serde::de::Visitor<'_> for Either {
            type Value = Oid;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an OID such as 1000299944")
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Oid, E> {
                Oid::try_from(number).map_err(E::custom)
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Oid, E> {
                i64::try_from(number).map_err(E::custom).and_then(|number| self.visit_i64(number))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Oid, E> {
                text.parse().map_err(E::custom)
            }
        }
        input.deserialize_any(Either)
    }
}

impl schemars::JsonSchema for Oid {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Oid".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "integer", "minimum": 1, "maximum": i32::MAX})
    }
}

macro_rules! as_text {
    ($($name:ident: $pattern:literal),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
            }
        }
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    )*};
}
as_text!(
    Bik: r"^\d{9}$",
    Inn: r"^(\d{10}|\d{12})$",
    Kpp: r"^\d{4}[0-9A-Z]{2}\d{3}$",
    Ogrn: r"^(\d{13}|\d{15})$",
    Snils: r"^\d{3}-\d{3}-\d{3} \d{2}$",
    Uin: r"^(\d{20}|\d{25})$"
);

macro_rules! shown {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    )*};
}
shown!(Bik, Kpp, Uin);

macro_rules! text_kind {
    ($($name:ident),*) => {$(
        impl crate::shape::Typed for $name {
            const KIND: crate::shape::Kind = crate::shape::Kind::Text;
        }
    )*};
}

// Below the macros that they use.
mod budget;
mod estate;

pub use budget::{Account, Kbk, Oktmo, PayerDocument, PayerId, Uip};
pub use estate::{CadastralNumber, RightNumber, Vin};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_examples_are_read_and_printed_alike() {
        for text in ["112-233-445 95", "087-654-303 00", "229-785-346 20", "000-000-600 06"] {
            assert_eq!(text.parse::<Snils>().unwrap().to_string(), text);
        }
        for text in ["7707083893", "7736207543", "500100732259", "770000000156"] {
            assert_eq!(text.parse::<Inn>().unwrap().to_string(), text);
        }
        for text in ["1027700132195", "1177700000004", "304500116000157", "316770000000004"] {
            assert_eq!(text.parse::<Ogrn>().unwrap().to_string(), text);
        }
        for text in [
            "18817072416285972102",
            "32117072411021588933",
            "88818012420345815071",
            "0355431000000000011629713",
            "18810177261122000017",
            "18207726000000000016",
            "18810177261122000056",
            "18810177261122000530",
        ] {
            assert_eq!(text.parse::<Uin>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_wrong_check_digit_is_refused_without_repeating_the_number() {
        let refusal = "112-233-445 96".parse::<Snils>().unwrap_err().to_string();
        assert_eq!(refusal, "read SNILS: wrong check digit");
        assert!("7707083894".parse::<Inn>().is_err());
        assert!("1027700132196".parse::<Ogrn>().is_err());
        assert!("18817072416285972103".parse::<Uin>().is_err());
        assert!("18800000000000000000".parse::<Uin>().is_err());
        assert!("112-233-445-95".parse::<Snils>().is_err());
        assert!("77054215Ы".parse::<Kpp>().is_err());
    }

    #[test]
    fn an_oid_stays_within_a_signed_32_bit_number() {
        assert_eq!("1000299944".parse::<Oid>().unwrap().get(), 1_000_299_944);
        for text in ["0", "-1", "2147483648", "9999999999", "1.0", ""] {
            assert!(text.parse::<Oid>().is_err(), "{text}");
        }
        assert_eq!(
            serde_json::from_str::<Oid>("\"1000299944\"").unwrap(),
            serde_json::from_str::<Oid>("1000299944").unwrap()
        );
    }

    proptest! {
        #[test]
        fn what_is_made_is_read_back(serial in 0_u64..1_000_000_000, office in 0_u32..10_000, small in 0_u32..100_000, body in "[1-9][0-9]{18}") {
            let snils = Snils::from_serial(serial).unwrap();
            prop_assert_eq!(snils.to_string().parse::<Snils>().unwrap(), snils);
            prop_assert_eq!(snils.plain().parse::<Snils>().unwrap(), snils);
            let inn = Inn::person(office, small).unwrap();
            prop_assert_eq!(inn.to_string().parse::<Inn>().unwrap(), inn);
            let inn = Inn::organisation(office, small).unwrap();
            prop_assert_eq!(inn.to_string().parse::<Inn>().unwrap(), inn);
            let uin = Uin::from_body(&body);
            if let Ok(uin) = uin {
                prop_assert!(uin.as_str().parse::<Uin>().is_ok() || body[3..].bytes().all(|b| b == b'0'));
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,26}") {
            let _ = (text.parse::<Snils>(), text.parse::<Inn>(), text.parse::<Ogrn>(), text.parse::<Uin>(), text.parse::<Oid>(), text.parse::<Kpp>());
        }
    }
}
