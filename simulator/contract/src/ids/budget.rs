//! Numbers of money that goes to the budget: accounts with their key, codes of incomes and territories, payments, payers.

use super::*;

/// Account number: twenty digits, the ninth of which is a key over account and bank code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(String);

/// Code of a budget income (КБК): twenty digits, the first three name the administrator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kbk(String);

/// Code of a municipal territory (ОКТМО): eight digits, eleven for a settlement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oktmo(String);

/// Unique payment number (УИП): `1`, bank code, division, day and number within the day; 32 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uip(String);

/// By what a payer is known to the register of charges; the first sign says which kind it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayerId(String);

/// Documents by which a person is known as a payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayerDocument {
    /// Passport of a citizen.
    Passport,
    /// Insurance number.
    Snils,
    /// Taxpayer number.
    Inn,
    /// Driving licence.
    Licence,
    /// Certificate of a vehicle's registration.
    VehicleCertificate,
}

impl Account {
    const WEIGHTS: [u32; 3] = [7, 1, 3];

    /// The account of these digits with the key set for the bank; the ninth digit given is not looked at.
    ///
    /// ```
    /// use contract::ids::Account;
    /// let bank = "049805746".parse().unwrap();
    /// assert_eq!(Account::with_key("40602810000000000025", &bank).unwrap().as_str(), "40602810700000000025");
    /// ```
    pub fn with_key(digits: &str, bank: &Bik) -> Result<Self, IdError> {
        let mut account: Self = digits.parse()?;
        if account.has_key() {
            account.0.replace_range(8..9, "0");
            let key = account.sum(bank) * 3 % 10;
            account.0.replace_range(8..9, &key.to_string());
        }
        Ok(account)
    }

    /// Whether the ninth digit is a key at all: it is none in treasury accounts, which begin with 03.
    pub fn has_key(&self) -> bool {
        !self.0.starts_with("03")
    }

    /// Whether an account of this number can stand in this bank.
    pub fn fits(&self, bank: &Bik) -> bool {
        !self.has_key() || self.sum(bank).is_multiple_of(10)
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last four digits: enough for the owner to know the account, too little for anybody else.
    pub fn tail(&self) -> &str {
        &self.0[16..]
    }

    /// Bank of Russia, procedure 515 of 08.09.1997: digits of the bank's code before those of the account, weighed.
    fn sum(&self, bank: &Bik) -> u32 {
        let code = bank.0.as_str();
        // Kept by the Bank of Russia itself: correspondent accounts and the single treasury account, and all accounts
        // under the code of one of its settlement units.
        let central = self.0.starts_with("301")
            || self.0.starts_with("40102")
            || matches!(code.get(6..), Some("000" | "001" | "002"));
        let prefix = if central {
            format!("0{}", code.get(4..6).unwrap_or_default())
        } else {
            code.get(6..).unwrap_or_default().to_owned()
        };
        let digits = prefix.bytes().chain(self.0.bytes()).map(|byte| u32::from(byte - b'0'));
        digits.zip(Self::WEIGHTS.iter().cycle()).map(|(digit, weight)| digit * weight % 10).sum()
    }
}

impl FromStr for Account {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        match digits(text) {
            Some(all) if all.len() == 20 => Ok(Self(text.to_owned())),
            _ => Err(IdError { what: "account", why: SHAPE }),
        }
    }
}

impl Kbk {
    /// The administrator of the income: `182` is the tax service.
    pub fn administrator(&self) -> &str {
        &self.0[..3]
    }
}

impl FromStr for Kbk {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = |why| IdError { what: "KBK", why };
        let all = digits(text).filter(|all| all.len() == 20).ok_or_else(|| refused(SHAPE))?;
        if all.iter().all(|digit| *digit == 0) {
            return Err(refused("nothing but zeros"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Oktmo {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        match digits(text) {
            Some(all) if matches!(all.len(), 8 | 11) => Ok(Self(text.to_owned())),
            _ => Err(IdError { what: "OKTMO", why: SHAPE }),
        }
    }
}

impl Uip {
    /// The payment of this number on this day, taken by this division of a bank; `None` beyond six and eight digits.
    pub fn new(bank: &Bik, division: u32, on: crate::time::Day, number: u32) -> Option<Self> {
        let fits = division < 1_000_000 && number < 100_000_000 && (0..=9999).contains(&on.year());
        fits.then(|| Self(format!("1{bank}{division:06}{:02}{:02}{:04}{number:08}", on.day(), on.month(), on.year())))
    }

    /// The bank that took the payment.
    pub fn bank(&self) -> &str {
        &self.0[1..10]
    }
}

impl FromStr for Uip {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = |why| IdError { what: "UIP", why };
        let all = digits(text).filter(|all| all.len() == 32 && all[0] == 1).ok_or_else(|| refused(SHAPE))?;
        let part = |from: usize, to: usize| number(&all[from..to]);
        let day = crate::time::Day::new(part(20, 24) as i16, part(18, 20) as i8, part(16, 18) as i8);
        day.map(|_| Self(text.to_owned())).ok_or_else(|| refused("no such day"))
    }
}

impl PayerDocument {
    const fn code(self) -> &'static str {
        match self {
            Self::Passport => "01",
            Self::Snils => "14",
            Self::Inn => "21",
            Self::Licence => "22",
            Self::VehicleCertificate => "24",
        }
    }
}

impl PayerId {
    /// A person by a document: series and number without signs between them.
    pub fn person(document: PayerDocument, number: &str) -> Result<Self, IdError> {
        format!("1{}{number:0>19}", document.code()).parse()
    }

    /// A legal entity.
    pub fn organisation(inn: Inn, kpp: &Kpp) -> Result<Self, IdError> {
        format!("2{inn}{kpp}").parse()
    }

    /// A sole trader.
    pub fn sole_trader(inn: Inn) -> Result<Self, IdError> {
        format!("4{inn}").parse()
    }
}

impl FromStr for PayerId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = |why| IdError { what: "payer identifier", why };
        let letters: Vec<char> = text.chars().collect();
        let all_digits = || letters.iter().all(char::is_ascii_digit);
        // Series of documents may hold capital letters, Latin or Cyrillic.
        let document = || letters[3..].iter().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase() || is_capital(*c));
        let good = match (letters.first(), letters.len()) {
            (Some('1'), 22) => letters[1..3].iter().all(char::is_ascii_digit) && document(),
            (Some('2'), 20) => text.get(1..11).is_some_and(|inn| inn.parse::<Inn>().is_ok()) && kpp(text, 11),
            (Some('3'), 15) => all_digits(),
            (Some('4'), 13) => text.get(1..13).is_some_and(|inn| inn.parse::<Inn>().is_ok()),
            _ => return Err(refused(SHAPE)),
        };
        if good { Ok(Self(text.to_owned())) } else { Err(refused(CHECK)) }
    }
}

fn kpp(text: &str, from: usize) -> bool {
    text.get(from..).is_some_and(|kpp| kpp.parse::<Kpp>().is_ok())
}

const fn is_capital(letter: char) -> bool {
    matches!(letter, 'А'..='Я' | 'Ё')
}

as_text!(
    Account: r"^\d{20}$",
    Kbk: r"^\d{20}$",
    Oktmo: r"^(\d{8}|\d{11})$",
    PayerId: r"^(1\d{2}[0-9A-ZА-ЯЁ]{19}|2\d{14}[0-9A-Z]{2}\d{3}|3\d{14}|4\d{12})$",
    Uip: r"^1\d{31}$"
);
shown!(Account, Kbk, Oktmo, PayerId, Uip);
text_kind!(Account, Kbk, Oktmo, PayerId, Uip);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Day;

    #[test]
    fn accounts_of_the_procedure_and_of_the_standard_fit_their_banks() {
        let good = [
            ("40602810700000000025", "049805746"),
            ("30101810800000000746", "049805000"),
            ("30101810400000000225", "044525225"),
            ("40702810138250123017", "044525225"),
            ("40817810700000000001", "044525225"),
            ("40702810500000000002", "044525225"),
            ("40102810045370000002", "024501901"),
            ("03100643000000019500", "024501901"),
        ];
        for (account, bank) in good {
            let (account, bank) = (account.parse::<Account>().unwrap(), bank.parse::<Bik>().unwrap());
            assert!(account.fits(&bank), "{account} in {bank}");
            assert_eq!(Account::with_key(account.as_str(), &bank).unwrap(), account);
        }
    }

    #[test]
    fn a_treasury_account_has_no_key_and_is_not_checked() {
        let account: Account = "03100643900000019500".parse().unwrap();
        assert!(!account.has_key() && account.fits(&"024501901".parse().unwrap()));
    }

    #[test]
    fn the_payments_of_the_public_samples_are_read() {
        for text in ["10445252250000013009202061716434", "10471020010005233009202000000001"] {
            assert_eq!(text.parse::<Uip>().unwrap().to_string(), text);
        }
        assert!("10445252250000013113202061716434".parse::<Uip>().is_err());
        let made = Uip::new(&"044525225".parse().unwrap(), 1, Day::new(2020, 9, 30).unwrap(), 61_716_434).unwrap();
        assert_eq!((made.to_string().as_str(), made.bank()), ("10445252250000013009202061716434", "044525225"));
    }

    #[test]
    fn a_payer_is_known_by_a_document_or_a_number() {
        let sample: PayerId = "1010000000008751379232".parse().unwrap();
        assert_eq!(PayerId::person(PayerDocument::Passport, "8751379232").unwrap(), sample);
        let inn = "7707083893".parse().unwrap();
        assert_eq!(PayerId::organisation(inn, &"773601001".parse().unwrap()).unwrap().to_string().len(), 20);
        assert!(PayerId::sole_trader("500100732259".parse().unwrap()).is_ok());
        assert!("4500100732258".parse::<PayerId>().is_err());
        assert!("5".parse::<PayerId>().is_err());
    }

    #[test]
    fn codes_of_the_budget_have_their_lengths() {
        let kbk: Kbk = "18811601123010001140".parse().unwrap();
        assert_eq!(kbk.administrator(), "188");
        assert!("1881160112301000114".parse::<Kbk>().is_err() && "00000000000000000000".parse::<Kbk>().is_err());
        assert!("45348000".parse::<Oktmo>().is_ok() && "4534800".parse::<Oktmo>().is_err());
    }

    proptest! {
        #[test]
        fn every_other_digit_breaks_the_key(body in "4[0-9]{19}", bank in "04[0-9]{7}", at in 0_usize..20, by in 1_u8..10) {
            let bank: Bik = bank.parse().unwrap();
            let account = Account::with_key(&body, &bank).unwrap();
            prop_assert!(account.fits(&bank));
            let mut digits = account.as_str().as_bytes().to_vec();
            digits[at] = (digits[at] - b'0' + by) % 10 + b'0';
            let other: Account = String::from_utf8(digits).unwrap().parse().unwrap();
            // The single treasury account is weighed otherwise, so a change may lead there.
            prop_assume!(other.has_key() && other.as_str().starts_with("301") == account.as_str().starts_with("301"));
            prop_assume!(other.as_str().starts_with("40102") == account.as_str().starts_with("40102"));
            prop_assert!(!other.fits(&bank));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,33}") {
            let _ = (text.parse::<Account>(), text.parse::<Kbk>(), text.parse::<Oktmo>(), text.parse::<Uip>(), text.parse::<PayerId>());
        }
    }
}
