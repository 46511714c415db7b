//! Parameter sets of GOST R 34.10-2012 (RFC 4357 §11.4, RFC 7836 appendix A, RFC 7091 §7) under all their names.
//!
//! The letters of the two families differ by one: CryptoPro-A is TC26's 256-B. The numbers are given in short
//! Weierstrass form, `y² = x³ + ax + b`, also for the two sets that TC26 defines as twisted Edwards curves (256-A and
//! 512-C, cofactor 4). Tests prove that each base point lies on its curve and has the order given here.

use std::fmt;
use std::sync::LazyLock;

use der::oid::ObjectIdentifier;

use super::field::Limbs;
use super::point::Group;

/// A parameter set. `Test256` and `Test512` are the examples of the standards: [`Curve::from_oid`] does not know them,
/// so that nothing from outside is accepted on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Curve {
    /// RFC 7091 §7.1.
    Test256,
    /// RFC 7091 §7.2.
    Test512,
    /// TC26's 256-B, also CryptoPro's set for key exchange XchA.
    CryptoProA,
    /// TC26's 256-C.
    CryptoProB,
    /// TC26's 256-D, also CryptoPro's set for key exchange XchB.
    CryptoProC,
    /// A twisted Edwards curve, cofactor 4.
    Tc26A256,
    Tc26A512,
    Tc26B512,
    /// A twisted Edwards curve, cofactor 4.
    Tc26C512,
}

impl Curve {
    /// Every set in use; the examples of the standards are not among them.
    pub const ALL: [Self; 7] = [
        Self::CryptoProA,
        Self::CryptoProB,
        Self::CryptoProC,
        Self::Tc26A256,
        Self::Tc26A512,
        Self::Tc26B512,
        Self::Tc26C512,
    ];

    /// The examples of the standards.
    pub const EXAMPLES: [Self; 2] = [Self::Test256, Self::Test512];

    /// Bytes of a scalar, of a coordinate and of the digest that is signed: 32 or 64.
    pub const fn size(self) -> usize {
        match self {
            Self::Test256 | Self::CryptoProA | Self::CryptoProB | Self::CryptoProC | Self::Tc26A256 => 32,
            Self::Test512 | Self::Tc26A512 | Self::Tc26B512 | Self::Tc26C512 => 64,
        }
    }

    /// The name that is written: of the names of a set the one that OpenSSL's engine and most certificates have.
    pub const fn oid(self) -> ObjectIdentifier {
        self.oids()[0]
    }

    /// All names of the set, the one that is written first.
    pub const fn oids(self) -> &'static [ObjectIdentifier] {
        const fn oid(text: &'static str) -> ObjectIdentifier {
            ObjectIdentifier::new_unwrap(text)
        }
        match self {
            Self::Test256 => const { &[oid("1.2.643.2.2.35.0")] },
            Self::CryptoProA => {
                const { &[oid("1.2.643.2.2.35.1"), oid("1.2.643.2.2.36.0"), oid("1.2.643.7.1.2.1.1.2")] }
            }
            Self::CryptoProB => const { &[oid("1.2.643.2.2.35.2"), oid("1.2.643.7.1.2.1.1.3")] },
            Self::CryptoProC => {
                const { &[oid("1.2.643.2.2.35.3"), oid("1.2.643.2.2.36.1"), oid("1.2.643.7.1.2.1.1.4")] }
            }
            Self::Tc26A256 => const { &[oid("1.2.643.7.1.2.1.1.1")] },
            Self::Test512 => const { &[oid("1.2.643.7.1.2.1.2.0")] },
            Self::Tc26A512 => const { &[oid("1.2.643.7.1.2.1.2.1")] },
            Self::Tc26B512 => const { &[oid("1.2.643.7.1.2.1.2.2")] },
            Self::Tc26C512 => const { &[oid("1.2.643.7.1.2.1.2.3")] },
        }
    }

    /// The set of this name, in any of the three families of names; the examples of the standards are not found.
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oids().contains(&oid))
    }

    /// A name for people and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test256 => "test-256",
            Self::Test512 => "test-512",
            Self::CryptoProA => "cryptopro-a",
            Self::CryptoProB => "cryptopro-b",
            Self::CryptoProC => "cryptopro-c",
            Self::Tc26A256 => "tc26-256-a",
            Self::Tc26A512 => "tc26-512-a",
            Self::Tc26B512 => "tc26-512-b",
            Self::Tc26C512 => "tc26-512-c",
        }
    }

    pub(super) fn group(self) -> AnyGroup {
        match self {
            Self::Test256 => AnyGroup::Short(&TEST_256),
            Self::Test512 => AnyGroup::Long(&TEST_512),
            Self::CryptoProA => AnyGroup::Short(&CRYPTO_PRO_A),
            Self::CryptoProB => AnyGroup::Short(&CRYPTO_PRO_B),
            Self::CryptoProC => AnyGroup::Short(&CRYPTO_PRO_C),
            Self::Tc26A256 => AnyGroup::Short(&TC26_A_256),
            Self::Tc26A512 => AnyGroup::Long(&TC26_A_512),
            Self::Tc26B512 => AnyGroup::Long(&TC26_B_512),
            Self::Tc26C512 => AnyGroup::Long(&TC26_C_512),
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The group of a curve, of either size.
#[derive(Clone, Copy)]
pub(super) enum AnyGroup {
    Short(&'static Group<4>),
    Long(&'static Group<8>),
}

/// The numbers of a set.
pub(super) struct Parameters<const N: usize> {
    pub(super) p: Limbs<N>,
    pub(super) a: Limbs<N>,
    pub(super) b: Limbs<N>,
    /// Order of the base point, a prime.
    pub(super) q: Limbs<N>,
    /// The base point.
    pub(super) x: Limbs<N>,
    pub(super) y: Limbs<N>,
    /// Number of points divided by q: 1 or 4.
    pub(super) cofactor: u8,
}

/// A number in hexadecimal, leading zeros left out. For constants: what is no such number does not compile.
const fn hex<const N: usize>(text: &str) -> Limbs<N> {
    let (bytes, mut limbs) = (text.as_bytes(), [0; N]);
    let mut at = 0;
    while at < bytes.len() {
        let digit = match bytes[bytes.len() - 1 - at] {
            byte @ b'0'..=b'9' => byte - b'0',
            byte @ b'A'..=b'F' => byte - b'A' + 10,
            _ => panic!("not a hexadecimal digit"),
        };
        limbs[at / 16] |= (digit as u64) << (4 * (at % 16));
        at += 1;
    }
    limbs
}

macro_rules! set {
    ($name:ident, $limbs:literal, $cofactor:literal, p $p:literal a $a:literal b $b:literal q $q:literal x $x:literal y $y:literal) => {
        static $name: LazyLock<Group<$limbs>> = LazyLock::new(|| {
            Group::new(const {
                &Parameters {
                    p: hex($p),
                    a: hex($a),
                    b: hex($b),
                    q: hex($q),
                    x: hex($x),
                    y: hex($y),
                    cofactor: $cofactor,
                }
            })
        });
    };
}

set!(TEST_256, 4, 1,
    p "8000000000000000000000000000000000000000000000000000000000000431"
    a "7"
    b "5FBFF498AA938CE739B8E022FBAFEF40563F6E6A3472FC2A514C0CE9DAE23B7E"
    q "8000000000000000000000000000000150FE8A1892976154C59CFC193ACCF5B3"
    x "2"
    y "8E2A8A0E65147D4BD6316030E16D19C85C97F0A9CA267122B96ABBCEA7E8FC8"
);
set!(CRYPTO_PRO_A, 4, 1,
    p "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFD97"
    a "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFD94"
    b "A6"
    q "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF6C611070995AD10045841B09B761B893"
    x "1"
    y "8D91E471E0989CDA27DF505A453F2B7635294F2DDF23E3B122ACC99C9E9F1E14"
);
set!(CRYPTO_PRO_B, 4, 1,
    p "8000000000000000000000000000000000000000000000000000000000000C99"
    a "8000000000000000000000000000000000000000000000000000000000000C96"
    b "3E1AF419A269A5F866A7D3C25C3DF80AE979259373FF2B182F49D4CE7E1BBC8B"
    q "800000000000000000000000000000015F700CFFF1A624E5E497161BCC8A198F"
    x "1"
    y "3FA8124359F96680B83D1C3EB2C070E5C545C9858D03ECFB744BF8D717717EFC"
);
set!(CRYPTO_PRO_C, 4, 1,
    p "9B9F605F5A858107AB1EC85E6B41C8AACF846E86789051D37998F7B9022D759B"
    a "9B9F605F5A858107AB1EC85E6B41C8AACF846E86789051D37998F7B9022D7598"
    b "805A"
    q "9B9F605F5A858107AB1EC85E6B41C8AA582CA3511EDDFB74F02F3A6598980BB9"
    x "0"
    y "41ECE55743711A8C3CBF3783CD08C0EE4D4DC440D4641A8F366E550DFDB3BB67"
);
set!(TC26_A_256, 4, 4,
    p "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFD97"
    a "C2173F1513981673AF4892C23035A27CE25E2013BF95AA33B22C656F277E7335"
    b "295F9BAE7428ED9CCC20E7C359A9D41A22FCCD9108E17BF7BA9337A6F8AE9513"
    q "400000000000000000000000000000000FD8CDDFC87B6635C115AF556C360C67"
    x "91E38443A5E82C0D880923425712B2BB658B9196932E02C78B2582FE742DAA28"
    y "32879423AB1A0375895786C4BB46E9565FDE0B5344766740AF268ADB32322E5C"
);
set!(TEST_512, 8, 1,
    p "4531ACD1FE0023C7550D267B6B2FEE80922B14B2FFB90F04D4EB7C09B5D2D15DF1D852741AF4704A0458047E80E4546D35B8336FAC224DD81664BBF528BE6373"
    a "7"
    b "1CFF0806A31116DA29D8CFA54E57EB748BC5F377E49400FDD788B649ECA1AC4361834013B2AD7322480A89CA58E0CF74BC9E540C2ADD6897FAD0A3084F302ADC"
    q "4531ACD1FE0023C7550D267B6B2FEE80922B14B2FFB90F04D4EB7C09B5D2D15DA82F2D7ECB1DBAC719905C5EECC423F1D86E25EDBE23C595D644AAF187E6E6DF"
    x "24D19CC64572EE30F396BF6EBBFD7A6C5213B3B3D7057CC825F91093A68CD762FD60611262CD838DC6B60AA7EEE804E28BC849977FAC33B4B530F1B120248A9A"
    y "2BB312A43BD2CE6E0D020613C857ACDDCFBF061E91E5F2C3F32447C259F39B2C83AB156D77F1496BF7EB3351E1EE4E43DC1A18B91B24640B6DBB92CB1ADD371E"
);
set!(TC26_A_512, 8, 1,
    p "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFDC7"
    a "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFDC4"
    b "E8C2505DEDFC86DDC1BD0B2B6667F1DA34B82574761CB0E879BD081CFD0B6265EE3CB090F30D27614CB4574010DA90DD862EF9D4EBEE4761503190785A71C760"
    q "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF27E69532F48D89116FF22B8D4E0560609B4B38ABFAD2B85DCACDB1411F10B275"
    x "3"
    y "7503CFE87A836AE3A61B8816E25450E6CE5E1C93ACF1ABC1778064FDCBEFA921DF1626BE4FD036E93D75E6A50E3A41E98028FE5FC235F5B889A589CB5215F2A4"
);
set!(TC26_B_512, 8, 1,
    p "8000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000006F"
    a "8000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000006C"
    b "687D1B459DC841457E3E06CF6F5E2517B97C7D614AF138BCBF85DC806C4B289F3E965D2DB1416D217F8B276FAD1AB69C50F78BEE1FA3106EFB8CCBC7C5140116"
    q "800000000000000000000000000000000000000000000000000000000000000149A1EC142565A545ACFDB77BD9D40CFA8B996712101BEA0EC6346C54374F25BD"
    x "2"
    y "1A8F7EDA389B094C2C071E3647A8940F3C123B697578C213BE6DD9E6C8EC7335DCB228FD1EDF4A39152CBCAAF8C0398828041055F94CEEEC7E21340780FE41BD"
);
set!(TC26_C_512, 8, 4,
    p "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFDC7"
    a "DC9203E514A721875485A529D2C722FB187BC8980EB866644DE41C68E143064546E861C0E2C9EDD92ADE71F46FCF50FF2AD97F951FDA9F2A2EB6546F39689BD3"
    b "B4C4EE28CEBC6C2C8AC12952CF37F16AC7EFB6A9F69F4B57FFDA2E4F0DE5ADE038CBC2FFF719D2C18DE0284B8BFEF3B52B8CC7A5F5BF0A3C8D2319A5312557E1"
    q "3FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC98CDBA46506AB004C33A9FF5147502CC8EDA9E7A769A12694623CEF47F023ED"
    x "E2E31EDFC23DE7BDEBE241CE593EF5DE2295B7A9CBAEF021D385F7074CEA043AA27272A7AE602BF2A7B9033DB9ED3610C6FB85487EAE97AAC5BC7928C1950148"
    y "F5CE40D95B5EB899ABBCCFF5911CB8577939804D6527378B8C108C3D2090FF9BE18E2D33E3021ED2EF32D85822423B6304F726AA854BAE07D0396E9A9ADDC40F"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_set_and_the_examples_are_not_found() {
        for curve in Curve::ALL {
            assert_eq!(curve.oid(), curve.oids()[0]);
            for oid in curve.oids() {
                assert_eq!(Curve::from_oid(*oid), Some(curve));
            }
        }
        for (text, curve) in [
            ("1.2.643.2.2.35.1", Curve::CryptoProA),
            ("1.2.643.2.2.36.0", Curve::CryptoProA),
            ("1.2.643.7.1.2.1.1.2", Curve::CryptoProA),
            ("1.2.643.7.1.2.1.1.3", Curve::CryptoProB),
            ("1.2.643.2.2.36.1", Curve::CryptoProC),
            ("1.2.643.7.1.2.1.1.4", Curve::CryptoProC),
            ("1.2.643.7.1.2.1.1.1", Curve::Tc26A256),
            ("1.2.643.7.1.2.1.2.3", Curve::Tc26C512),
        ] {
            assert_eq!(Curve::from_oid(ObjectIdentifier::new_unwrap(text)), Some(curve), "{text}");
        }
        for curve in Curve::EXAMPLES {
            assert_eq!(Curve::from_oid(curve.oid()), None);
        }
        let mut names: Vec<&str> = Curve::EXAMPLES.into_iter().chain(Curve::ALL).map(Curve::as_str).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 9);
    }
}
