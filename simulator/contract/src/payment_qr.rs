//! The text within a payment's QR code (ГОСТ Р 56042-2014): `ST` and version, a digit for the encoding, a separator,
//! then `Key=Value` pairs, the five mandatory ones first and in order. Sums are whole kopecks.
//!
//! ```
//! use contract::payment_qr::PaymentQr;
//! let text = "ST00012|Name=ООО «Три кита»|PersonalAcc=40702810138250123017|BankName=ОАО \"БАНК\"|BIC=044525225|CorrespAcc=30101810400000000225|Sum=100000";
//! let qr = PaymentQr::parse(text.as_bytes()).unwrap();
//! assert_eq!(qr.sum().unwrap().kopecks(), 100_000);
//! assert_eq!(qr.text().unwrap(), text);
//! ```

use crate::ids::{Account, Bik};
use crate::money::Money;

/// What a QR code asks to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentQr {
    /// The payee, up to 160 letters.
    pub name: String,
    /// The payee's account.
    pub account: Account,
    /// The payee's bank, up to 45 letters.
    pub bank_name: String,
    /// Its code.
    pub bik: Bik,
    /// Its correspondent account; `0` where there is none.
    pub corr_account: Option<Account>,
    /// The other pairs, in their order: `Sum`, `Purpose`, `PayeeINN`, `KPP`, `CBC`, `OKTMO`, `UIN` and so on.
    pub more: Vec<(String, String)>,
}

/// Encodings of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Charset {
    /// Header digit 1.
    Windows1251,
    /// Header digit 2.
    #[default]
    Utf8,
    /// Header digit 3.
    Koi8R,
}

/// Why a text is no such QR code, or cannot become one. Values are not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// Not `ST0001`, an encoding from 1 to 3 and a separator.
    #[error("read payment QR: the header is not ST0001, an encoding and a separator")]
    Header,
    /// Bytes that the encoding does not know, or letters that it cannot write.
    #[error("payment QR: a letter outside the encoding")]
    Letters,
    /// A pair without a sign of equality or without a key.
    #[error("read payment QR: a pair is not Key=Value")]
    Pair,
    /// The five mandatory pairs are not all there, first and in order.
    #[error("read payment QR: {0} is missing or out of order")]
    Mandatory(&'static str),
    /// A key stands twice.
    #[error("read payment QR: {0} stands twice")]
    Twice(String),
    /// Too long, empty, or not a number where one is wanted.
    #[error("payment QR: the value of {0} is wrong")]
    Value(String),
}

/// The mandatory keys, in order, with the longest value of each.
const MANDATORY: [(&str, usize); 5] =
    [("Name", 160), ("PersonalAcc", 20), ("BankName", 45), ("BIC", 9), ("CorrespAcc", 20)];
/// Limits of the keys that have one.
const LIMITS: &[(&str, usize)] = &[
    ("Sum", 18),
    ("Purpose", 210),
    ("PayeeINN", 12),
    ("PayerINN", 12),
    ("DrawerStatus", 2),
    ("KPP", 9),
    ("CBC", 20),
    ("OKTMO", 11),
    ("UIN", 25),
    ("TechCode", 15),
];
/// Those whose value is digits only.
const NUMBERS: &[&str] = &["Sum", "PayeeINN", "PayerINN", "CBC", "OKTMO", "UIN", "AddAmount"];
/// Separators to choose from; the first that stands in no value is taken.
const SEPARATORS: &[char] = &['|', '~', '^', '_', '#', '$', '&', '*', '/', '\\', ';', '@', '%'];
const HEADER: &[u8] = b"ST0001";

impl PaymentQr {
    /// The value of a key that is not one of the five mandatory ones.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.more.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The sum, where the code names one.
    pub fn sum(&self) -> Option<Money> {
        self.get("Sum").and_then(|text| text.parse().ok()).map(Money::from_kopecks)
    }

    /// The same with one pair more, at the end.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.more.push((key.to_owned(), value.into()));
        self
    }

    /// The text in UTF-8.
    pub fn text(&self) -> Result<String, QrError> {
        self.pairs(Charset::Utf8)
    }

    /// The bytes in an encoding.
    pub fn bytes(&self, charset: Charset) -> Result<Vec<u8>, QrError> {
        charset.encode(&self.pairs(charset)?).ok_or(QrError::Letters)
    }

    /// Reads the bytes of a QR code in any of the three encodings.
    pub fn parse(bytes: &[u8]) -> Result<Self, QrError> {
        let body = bytes.strip_prefix(HEADER).ok_or(QrError::Header)?;
        let (digit, body) = body.split_first().ok_or(QrError::Header)?;
        let charset = Charset::of_digit(*digit).ok_or(QrError::Header)?;
        let body = charset.decode(body).ok_or(QrError::Letters)?;
        let mut letters = body.chars();
        let separator = letters.next().filter(char::is_ascii).ok_or(QrError::Header)?;

        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for pair in letters.as_str().split(separator).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').filter(|(key, _)| is_key(key)).ok_or(QrError::Pair)?;
            if pairs.iter().any(|(known, _)| *known == key) {
                return Err(QrError::Twice(key.to_owned()));
            }
            checked(key, value)?;
            pairs.push((key, value));
        }
        let mut mandatory = MANDATORY.iter().enumerate().map(|(at, (key, _))| {
            pairs.get(at).filter(|(found, _)| found == key).map(|(_, value)| *value).ok_or(QrError::Mandatory(key))
        });
        let mut next = || mandatory.next().unwrap_or(Err(QrError::Pair));
        let wrong = |key: &str| QrError::Value(key.to_owned());
        let (name, account, bank_name, bik, corr) = (next()?, next()?, next()?, next()?, next()?);
        Ok(Self {
            name: name.to_owned(),
            account: account.parse().map_err(|_| wrong("PersonalAcc"))?,
            bank_name: bank_name.to_owned(),
            bik: bik.parse().map_err(|_| wrong("BIC"))?,
            corr_account: match corr {
                "0" => None,
                digits => Some(digits.parse().map_err(|_| wrong("CorrespAcc"))?),
            },
            more: pairs
                .iter()
                .skip(MANDATORY.len())
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        })
    }

    fn pairs(&self, charset: Charset) -> Result<String, QrError> {
        let corr = self.corr_account.as_ref().map_or_else(|| "0".to_owned(), ToString::to_string);
        let values = [self.name.clone(), self.account.to_string(), self.bank_name.clone(), self.bik.to_string(), corr];
        let all: Vec<(&str, &str)> = MANDATORY
            .iter()
            .zip(&values)
            .map(|((key, _), value)| (*key, value.as_str()))
            .chain(self.more.iter().map(|(key, value)| (key.as_str(), value.as_str())))
            .collect();
        for (at, (key, value)) in all.iter().enumerate() {
            if !is_key(key) {
                return Err(QrError::Pair);
            }
            if all[..at].iter().any(|(known, _)| known == key) {
                return Err(QrError::Twice((*key).to_owned()));
            }
            checked(key, value)?;
        }
        let separator = SEPARATORS
            .iter()
            .find(|sign| all.iter().all(|(_, value)| !value.contains(**sign)))
            .ok_or_else(|| QrError::Value("separator".to_owned()))?;
        let mut text = format!("ST0001{}", charset.digit());
        for (key, value) in all {
            text.push_str(&format!("{separator}{key}={value}"));
        }
        Ok(text)
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn checked(key: &str, value: &str) -> Result<(), QrError> {
    let limit = MANDATORY.iter().chain(LIMITS).find(|(known, _)| *known == key).map(|(_, limit)| *limit);
    let length = value.chars().count();
    let fits = limit.is_none_or(|limit| length <= limit)
        && (!MANDATORY.iter().any(|(known, _)| *known == key) || length > 0)
        && (!NUMBERS.contains(&key) || (length > 0 && value.bytes().all(|byte| byte.is_ascii_digit())));
    if fits { Ok(()) } else { Err(QrError::Value(key.to_owned())) }
}

impl Charset {
    const fn digit(self) -> char {
        match self {
            Self::Windows1251 => '1',
            Self::Utf8 => '2',
            Self::Koi8R => '3',
        }
    }

    const fn of_digit(digit: u8) -> Option<Self> {
        match digit {
            b'1' => Some(Self::Windows1251),
            b'2' => Some(Self::Utf8),
            b'3' => Some(Self::Koi8R),
            _ => None,
        }
    }

    /// Letters of the bytes from 0x80 on; the others are those of ASCII.
    const fn upper(self) -> &'static str {
        match self {
            Self::Windows1251 => WINDOWS_1251,
            Self::Koi8R => KOI8_R,
            Self::Utf8 => "",
        }
    }

    fn decode(self, bytes: &[u8]) -> Option<String> {
        if self == Self::Utf8 {
            return std::str::from_utf8(bytes).ok().map(ToOwned::to_owned);
        }
        let letters: Vec<char> = self.upper().chars().collect();
        bytes
            .iter()
            .map(|byte| match byte.checked_sub(0x80) {
                None => Some(char::from(*byte)),
                Some(at) => letters.get(usize::from(at)).copied(),
            })
            .collect()
    }

    fn encode(self, text: &str) -> Option<Vec<u8>> {
        if self == Self::Utf8 {
            return Some(text.as_bytes().to_vec());
        }
        let place = |letter: char| self.upper().chars().position(|known| known == letter);
        text.chars()
            .map(|letter| match u8::try_from(letter) {
                Ok(byte) if byte.is_ascii() => Some(byte),
                _ => place(letter).and_then(|at| u8::try_from(at + 0x80).ok()),
            })
            .collect()
    }
}

const WINDOWS_1251: &str = "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя";
const KOI8_R: &str = "─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\u{a0}⌡°²·÷═║╒ё╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡Ё╢╣╤╥╦╧╨╩╪╫╬©юабцдефгхийклмнопярстужвьызшэщчъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The standard's own example; its taxpayer number fails the check, so it is no fixture.
    const EXAMPLE: &str = "ST00012|Name=ООО «Три кита»|PersonalAcc=40702810138250123017|BankName=ОАО \"БАНК\"|BIC=044525225|CorrespAcc=30101810400000000225|PayeeINN=6200098765|Sum=100000|Purpose=Оплата";

    fn example() -> PaymentQr {
        PaymentQr::parse(EXAMPLE.as_bytes()).unwrap()
    }

    #[test]
    fn the_example_of_the_standard_is_read_and_written_alike() {
        let qr = example();
        assert!(qr.account.fits(&qr.bik) && qr.corr_account.as_ref().unwrap().fits(&qr.bik));
        assert_eq!((qr.get("PayeeINN"), qr.sum()), (Some("6200098765"), Some(Money::from_kopecks(100_000))));
        assert_eq!(qr.text().unwrap(), EXAMPLE);
    }

    #[test]
    fn the_three_encodings_say_the_same() {
        let plain = PaymentQr { name: "УФК по Ёлкинской области".to_owned(), ..example() };
        for charset in [Charset::Windows1251, Charset::Utf8, Charset::Koi8R] {
            let bytes = plain.bytes(charset).unwrap();
            assert_eq!(bytes[6], charset.digit() as u8);
            assert_eq!(PaymentQr::parse(&bytes).unwrap(), plain, "{charset:?}");
        }
        assert_eq!(Charset::Windows1251.encode("Ёя№").unwrap(), [0xa8, 0xff, 0xb9]);
        assert_eq!(Charset::Koi8R.encode("Ёюя").unwrap(), [0xb3, 0xc0, 0xd1]);
        assert_eq!((WINDOWS_1251.chars().count(), KOI8_R.chars().count()), (128, 128));
        assert_eq!(example().bytes(Charset::Koi8R), Err(QrError::Letters), "KOI8-R has no angle quotes");
    }

    #[test]
    fn order_lengths_and_numbers_are_looked_at() {
        let swapped = EXAMPLE.replace(
            "|BIC=044525225|CorrespAcc=30101810400000000225",
            "|CorrespAcc=30101810400000000225|BIC=044525225",
        );
        assert_eq!(PaymentQr::parse(swapped.as_bytes()), Err(QrError::Mandatory("BIC")));
        let cases = [
            (EXAMPLE.replace("ST00012", "ST00022"), QrError::Header),
            (EXAMPLE.replace("ST00012", "ST00014"), QrError::Header),
            (EXAMPLE.replace("Sum=100000", "Sum=1000.00"), QrError::Value("Sum".to_owned())),
            (EXAMPLE.replace("044525225|", "04452522|"), QrError::Value("BIC".to_owned())),
            (EXAMPLE.replace("ООО «Три кита»", &"Ы".repeat(161)), QrError::Value("Name".to_owned())),
            (format!("{EXAMPLE}|Sum=5"), QrError::Twice("Sum".to_owned())),
            (format!("{EXAMPLE}|Phone"), QrError::Pair),
        ];
        for (text, error) in cases {
            assert_eq!(PaymentQr::parse(text.as_bytes()), Err(error), "{text}");
        }
        assert_eq!(PaymentQr::parse(b"ST00012|Name=\xff"), Err(QrError::Letters));
    }

    #[test]
    fn a_value_with_the_usual_separator_gets_another_one() {
        let qr = PaymentQr { name: "А|Б".to_owned(), ..example() };
        let text = qr.text().unwrap();
        assert!(text.starts_with("ST00012~Name=А|Б~"), "{text}");
        assert_eq!(PaymentQr::parse(text.as_bytes()).unwrap(), qr);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in "[А-Яа-яЁё «»|]{1,60}", purpose in "[А-Яа-я0-9.,= ]{0,200}", sum in 0_i64..1_000_000_000) {
            let qr = PaymentQr { name, more: Vec::new(), ..example() }.with("Sum", sum.to_string()).with("Purpose", purpose);
            for charset in [Charset::Windows1251, Charset::Utf8] {
                let bytes = qr.bytes(charset).unwrap();
                prop_assert_eq!(PaymentQr::parse(&bytes).unwrap(), qr.clone());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut whole = b"ST00011|".to_vec();
            whole.extend(&bytes);
            let _ = (PaymentQr::parse(&bytes), PaymentQr::parse(&whole));
        }
    }
}
