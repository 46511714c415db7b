//! The substitution boxes of GOST 28147-89, which its standard leaves open and a message names by an object identifier.

use der::asn1::ObjectIdentifier;

/// A set of eight substitutions of four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sbox {
    /// id-Gost28147-89-CryptoPro-A-ParamSet (RFC 4357 §11.2).
    CryptoProA,
    /// id-Gost28147-89-CryptoPro-B-ParamSet.
    CryptoProB,
    /// id-Gost28147-89-CryptoPro-C-ParamSet.
    CryptoProC,
    /// id-Gost28147-89-CryptoPro-D-ParamSet.
    CryptoProD,
    /// id-tc26-gost-28147-param-Z (RFC 7836 appendix C): what goes with keys of 2012, and the box of Magma.
    Tc26Z,
    /// id-Gost28147-89-TestParamSet: for test vectors, never accepted from outside.
    Test,
}

impl Sbox {
    /// Those that a message may name.
    pub const ALL: [Self; 5] = [Self::CryptoProA, Self::CryptoProB, Self::CryptoProC, Self::CryptoProD, Self::Tc26Z];

    /// The identifier that is written.
    pub const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::CryptoProA => "1.2.643.2.2.31.1",
            Self::CryptoProB => "1.2.643.2.2.31.2",
            Self::CryptoProC => "1.2.643.2.2.31.3",
            Self::CryptoProD => "1.2.643.2.2.31.4",
            Self::Tc26Z => "1.2.643.7.1.2.5.1.1",
            Self::Test => "1.2.643.2.2.31.0",
        })
    }

    /// The box of this identifier, unless it is unknown or for tests only.
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|sbox| sbox.oid() == oid)
    }

    /// A name for people and configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CryptoProA => "cryptopro-a",
            Self::CryptoProB => "cryptopro-b",
            Self::CryptoProC => "cryptopro-c",
            Self::CryptoProD => "cryptopro-d",
            Self::Tc26Z => "tc26-z",
            Self::Test => "test",
        }
    }

    /// The substitutions, that of the lowest four bits first; within one, what 0 becomes stands in the highest digit.
    pub(super) const fn rows(self) -> &'static [u64; 8] {
        match self {
            Self::CryptoProA => &[
                0x9632_8b17_a4ef_c0d5,
                0x37e9_8af0_526c_b4d1,
                0xe462_b3d8_cf5a_0719,
                0xe7ac_d139_02b4_f856,
                0xb519_8df0_e423_c7a6,
                0x3adc_120b_7594_8fe6,
                0x1d29_7a60_8c45_f3be,
                0xbaf5_0ce8_6239_17d4,
            ],
            Self::CryptoProB => &[
                0x84b1_3509_2eac_d67f,
                0x012a_4d5c_973f_b86e,
                0xec0a_92db_758f_3614,
                0x750d_b612_3acf_4e98,
                0x27cf_95ab_140d_68e3,
                0x8326_4deb_c17f_a095,
                0x52ab_91c3_74d0_6f8e,
                0x04be_8371_a296_fd5c,
            ],
            Self::CryptoProC => &[
                0x1bc2_9d0f_458e_a763,
                0x017d_b452_8efc_9a63,
                0x8250_49fa_37cd_6e1b,
                0x3601_5da8_b297_efc4,
                0x8db0_4512_93ce_6fa7,
                0xc9b1_8e24_7365_a0fd,
                0xa968_de20_f35b_41c7,
                0x7405_a2fe_c61b_d938,
            ],
            Self::CryptoProD => &[
                0xfc2a_6450_79ed_1b83,
                0xb634_cfe2_7d80_5a91,
                0x1cb0_fe65_ad48_9372,
                0x15ec_a70d_62b4_93f8,
                0x0c89_d2ab_7365_4ef1,
                0x80f3_25eb_1a47_c9d6,
                0x306f_1e92_d8c4_ba57,
                0x1a68_fb04_c359_7d2e,
            ],
            Self::Tc26Z => &[
                0xc462_a5b9_e8d7_03f1,
                0x6823_9a5c_1e47_bd0f,
                0xb358_2fad_e174_c960,
                0xc821_d4f6_70a5_3e9b,
                0x7f5a_816d_093e_b42c,
                0x5df6_92ca_b781_43e0,
                0x8e25_691c_f4b0_da37,
                0x17ed_0583_4fa6_9cb2,
            ],
            Self::Test => &[
                0x42f5_9108_e3bc_d7a6,
                0xc9fe_813a_274d_60b5,
                0xd8ec_739a_1524_6f0b,
                0xe9b2_5f71_0dc6_a438,
                0x3e59_680d_ab7c_21f4,
                0x8f6b_19c5_d37a_0e24,
                0x9bc0_3675_48ef_1a2d,
                0xc652_b09d_3e7a_f418,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_permutation() {
        for sbox in Sbox::ALL.into_iter().chain([Sbox::Test]) {
            for row in sbox.rows() {
                let seen = (0..16).fold(0u32, |seen, at| seen | 1 << (row >> (4 * at) & 15));
                assert_eq!(seen, 0xffff, "{}", sbox.as_str());
            }
        }
    }

    #[test]
    fn an_identifier_names_its_box_and_the_test_box_has_none_outside() {
        for sbox in Sbox::ALL {
            assert_eq!(Sbox::from_oid(sbox.oid()), Some(sbox));
        }
        assert_eq!(Sbox::from_oid(Sbox::Test.oid()), None);
    }
}
