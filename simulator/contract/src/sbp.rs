//! Links of the fast payment system (СБП): an id, what kind of link it is, the payee's bank, the sum, and a checksum over
//! everything before it. Ours stand under a host of our own: a link of the simulator must never pay for real.

use crate::ids::Uin;
use crate::money::Money;

/// The host of our own links.
pub const HOST: &str = "https://qr.stend.example/";

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SbpLink {
    /// 32 capitals and digits; `AS…` is a static link, `AD…` a dynamic one.
    pub id: String,
    /// The payee's bank in the system, twelve digits.
    pub bank: String,
    /// What is to be paid; a static link may leave it open.
    pub sum: Option<Money>,
}

/// Why a text is no such link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read payment link: {0}")]
pub struct SbpError(&'static str);

impl SbpLink {
    /// A dynamic link for a charge.
    pub fn for_charge(uin: &Uin, bank: &str, sum: Money) -> Self {
        Self { id: format!("AD{:0>30}", uin.as_str()), bank: bank.to_owned(), sum: Some(sum) }
    }

    /// The link under [`HOST`].
    pub fn url(&self) -> String {
        let kind = if self.id.starts_with("AS") { "01" } else { "02" };
        let sum = self.sum.map(|sum| format!("&sum={}&cur=RUB", sum.kopecks())).unwrap_or_default();
        let plain = format!("{HOST}{}?type={kind}&bank={}{sum}", self.id, self.bank);
        format!("{plain}&crc={:04X}", checksum(plain.as_bytes()))
    }

    /// Reads a link of any host, checksum included.
    pub fn parse(url: &str) -> Result<Self, SbpError> {
        let (plain, crc) = url.rsplit_once("&crc=").ok_or(SbpError("no checksum"))?;
        let checked = crc.len() == 4 && u16::from_str_radix(crc, 16).is_ok_and(|crc| crc == checksum(plain.as_bytes()));
        if !checked {
            return Err(SbpError("wrong checksum"));
        }
        let (address, query) = plain.split_once('?').ok_or(SbpError("no parameters"))?;
        let id = address.strip_prefix("https://").and_then(|rest| rest.split_once('/')).map(|(_, id)| id);
        let id = id.filter(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()));
        let id = id.ok_or(SbpError("the id is not 32 capitals and digits"))?;
        let value = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let bank = value("bank").filter(|bank| bank.len() == 12 && number(bank)).ok_or(SbpError("no bank"))?;
        let sum = match value("sum") {
            None => None,
            Some(text) if number(text) => text.parse().ok().map(Money::from_kopecks),
            Some(_) => return Err(SbpError("the sum is not whole kopecks")),
        };
        match (&id[..2], value("type"), sum, value("cur")) {
            ("AS", Some("01"), None, _) | ("AS", Some("01"), Some(_), Some("RUB")) => {}
            ("AD", Some("02"), Some(_), Some("RUB")) => {}
            _ => return Err(SbpError("type, sum and currency do not go together")),
        }
        Ok(Self { id: id.to_owned(), bank: bank.to_owned(), sum })
    }
}

/// CRC-16 with polynomial 0x1021 from 0xFFFF, not reflected, no final xor.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 },
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn public_links_have_the_checksum_that_they_show() {
        let links = [
            "https://qr.nspk.ru/AD10006PTORDPC5D98HPT12HV37MMQ6G?type=02&bank=100000000284&sum=15590000&cur=RUB&crc=4C8A",
            "https://qr.nspk.ru/AD10004F7SM1QOR38T1RNP592HT1U2MC?type=02&bank=100000000054&sum=4000&cur=RUB&crc=0B61",
            "https://qr.nspk.ru/AS1A005HCS949R4298Q9Q6UM6NJREQK6?type=01&bank=100000000008&crc=8435",
        ];
        for link in links {
            assert!(SbpLink::parse(link).is_ok(), "{link}");
        }
        assert_eq!(SbpLink::parse(links[0]).unwrap().sum, Some(Money::from_kopecks(15_590_000)));
        assert_eq!(checksum(b"123456789"), 0x29b1);
    }

    #[test]
    fn a_changed_sum_shows() {
        let uin: Uin = "18810177261122000017".parse().unwrap();
        let link = SbpLink::for_charge(&uin, "100000000999", Money::from_kopecks(5000)).url();
        assert!(link.starts_with(HOST), "{link}");
        assert_eq!(SbpLink::parse(&link.replace("sum=5000", "sum=4999")), Err(SbpError("wrong checksum")));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(body in "[1-9][0-9]{18}", sum in 1_i64..1_000_000_000, bank in "[0-9]{12}") {
            let uin = Uin::from_body(&body).unwrap();
            let link = SbpLink::for_charge(&uin, &bank, Money::from_kopecks(sum));
            prop_assert_eq!(SbpLink::parse(&link.url()).unwrap(), link);
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,60}") {
            let _ = SbpLink::parse(&text);
        }
    }
}
