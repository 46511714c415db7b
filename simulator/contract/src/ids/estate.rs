//! Numbers of things: real estate and the rights to it, vehicles.

use super::*;

/// Cadastral number: district, area, quarter and object, `77:01:0001001:1234`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CadastralNumber(String);

/// Number of an entry in the register of rights: cadastral number, office, unit, year and number in it,
/// `77:01:0001001:1234-77/011/2024-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RightNumber(String);

/// Vehicle identification number: seventeen capitals and digits without I, O and Q.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vin(String);

impl CadastralNumber {
    /// The number of these parts; `None` beyond two, two and seven digits.
    pub fn new(district: u32, area: u32, quarter: u32, object: u64) -> Option<Self> {
        let fits = district < 100 && area < 100 && quarter < 10_000_000 && object > 0;
        fits.then(|| Self(format!("{district:02}:{area:02}:{quarter:07}:{object}")))
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The quarter: everything but the object.
    pub fn quarter(&self) -> &str {
        self.0.rsplit_once(':').map_or("", |(quarter, _)| quarter)
    }
}

impl FromStr for CadastralNumber {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let parts: Vec<&str> = text.split(':').collect();
        let sized = |part: &str, sizes: &[usize]| digits(part).is_some_and(|_| sizes.contains(&part.len()));
        let good = match parts.as_slice() {
            [district, area, quarter, object] => {
                sized(district, &[2])
                    && sized(area, &[2])
                    && sized(quarter, &[6, 7])
                    && (1..=12).contains(&object.len())
                    && digits(object).is_some_and(|all| number(&all) > 0)
            }
            _ => false,
        };
        if good { Ok(Self(text.to_owned())) } else { Err(IdError { what: "cadastral number", why: SHAPE }) }
    }
}

impl RightNumber {
    /// The entry of this number that an office made in this year.
    pub fn new(of: &CadastralNumber, office: u32, unit: u32, year: i16, entry: u32) -> Option<Self> {
        let fits = office < 100 && unit < 1000 && (1998..=9999).contains(&year) && entry > 0;
        fits.then(|| Self(format!("{of}-{office:02}/{unit:03}/{year}-{entry}")))
    }

    /// The object that the right is to.
    pub fn object(&self) -> &str {
        self.0.split_once('-').map_or("", |(object, _)| object)
    }
}

impl FromStr for RightNumber {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = IdError { what: "number of a right", why: SHAPE };
        let (object, entry) = text.split_once('-').ok_or(refused)?;
        let _: CadastralNumber = object.parse().map_err(|_| refused)?;
        let (place, count) = entry.split_once('-').ok_or(refused)?;
        let parts: Vec<&str> = place.split('/').collect();
        let good = matches!(parts.as_slice(), [office, unit, year]
            if digits(office).is_some() && office.len() == 2
                && digits(unit).is_some() && unit.len() == 3
                && digits(year).is_some() && year.len() == 4)
            && (1..=9).contains(&count.len())
            && digits(count).is_some();
        if good { Ok(Self(text.to_owned())) } else { Err(refused) }
    }
}

impl FromStr for Vin {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let sign =
            |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !matches!(byte, b'I' | b'O' | b'Q'));
        let good = text.len() == 17 && text.bytes().all(sign);
        if good { Ok(Self(text.to_owned())) } else { Err(IdError { what: "VIN", why: SHAPE }) }
    }
}

as_text!(
    CadastralNumber: r"^\d{2}:\d{2}:\d{6,7}:\d{1,12}$",
    RightNumber: r"^\d{2}:\d{2}:\d{6,7}:\d{1,12}-\d{2}/\d{3}/\d{4}-\d{1,9}$",
    Vin: r"^[A-HJ-NPR-Z0-9]{17}$"
);
shown!(CadastralNumber, RightNumber, Vin);
text_kind!(CadastralNumber, RightNumber, Vin);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_the_published_shapes_are_read() {
        for text in ["77:01:0001001:1234", "50:00:0000000:7", "23:43:030201:15"] {
            assert_eq!(text.parse::<CadastralNumber>().unwrap().to_string(), text);
        }
        for text in [
            "77:01:0001001",
            "77:1:0001001:1",
            "77:01:00010:1",
            "77:01:0001001:0",
            "77:01:0001001:1:",
            "7 :01:0001001:1",
            "",
        ] {
            assert!(text.parse::<CadastralNumber>().is_err(), "{text}");
        }
        assert_eq!("77:01:0001001:1234".parse::<CadastralNumber>().unwrap().quarter(), "77:01:0001001");
        let right: RightNumber = "77:01:0001001:1234-77/011/2024-1".parse().unwrap();
        assert_eq!(right.object(), "77:01:0001001:1234");
        assert!("77:01:0001001:1234-77/11/2024-1".parse::<RightNumber>().is_err());
        assert!("XTA00000000000001".parse::<Vin>().is_ok() && "XTA0000000000000O".parse::<Vin>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_made_is_read_back(district in 1_u32..100, area in 0_u32..100, quarter in 0_u32..10_000_000, object in 1_u64..1_000_000, year in 1998_i16..2100) {
            let number = CadastralNumber::new(district, area, quarter, object).unwrap();
            prop_assert_eq!(&number.to_string().parse::<CadastralNumber>().unwrap(), &number);
            let right = RightNumber::new(&number, district, 11, year, 3).unwrap();
            prop_assert_eq!(&right.to_string().parse::<RightNumber>().unwrap(), &right);
            prop_assert_eq!(right.object(), number.as_str());
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,40}") {
            let _ = (text.parse::<CadastralNumber>(), text.parse::<RightNumber>(), text.parse::<Vin>());
        }
    }
}
