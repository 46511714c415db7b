//! The ciphers of contents: what a message says of them, and how they are applied.

use aes::{Aes128, Aes256};
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::{U12, U16};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use der::asn1::{ObjectIdentifier, OctetString};
use der::oid::db::rfc5911::{ID_AES_128_CBC, ID_AES_128_GCM, ID_AES_256_CBC, ID_AES_256_GCM};
use der::{Any, Sequence};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::names::{
    GOST_28147, KUZNYECHIK_CTR_ACPKM, KUZNYECHIK_CTR_ACPKM_OMAC, MAGMA_CTR_ACPKM, MAGMA_CTR_ACPKM_OMAC, Role,
};
use super::{ContentCipher, EnvelopeError, draw};
use crate::gost::cipher::{CipherKind, Ctr, Omac, Sbox, cfb_decrypt, cfb_encrypt, kdf_tree_gostr3411_2012_256};

/// A cipher with everything but its key.
pub(super) enum Method {
    /// `ukm` is the initial value (half a block) and the seed of eight bytes that goes into the keys of cipher and code.
    Acpkm {
        kind: CipherKind,
        with_mac: bool,
        ukm: Vec<u8>,
    },
    AesCbc {
        bits: AesBits,
        iv: [u8; 16],
    },
    AesGcm {
        bits: AesBits,
        nonce: [u8; 12],
        tag: GcmTag,
    },
    Gost28147 {
        sbox: Sbox,
        iv: [u8; 8],
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AesBits {
    Bits128,
    Bits256,
}

/// How long the code of GCM is: 16 bytes as everybody writes it, or 12, which is what the absence of a number means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GcmTag {
    Bytes12,
    Bytes16,
}

/// Gost28147-89-Parameters (RFC 4490 §5.1).
#[derive(Sequence)]
struct GostParameters {
    iv: OctetString,
    sbox: ObjectIdentifier,
}

/// Gost3412-15-Encryption-Parameters (Р 1323565.1.025-2019).
#[derive(Sequence)]
struct AcpkmParameters {
    ukm: OctetString,
}

/// GCMParameters (RFC 5084 §3.2).
#[derive(Sequence)]
struct GcmParameters {
    nonce: OctetString,
    #[asn1(default = "default_tag")]
    tag: u8,
}

fn default_tag() -> u8 {
    12
}

impl Method {
    /// A cipher with fresh values.
    pub(super) fn draw(cipher: ContentCipher) -> Result<Self, EnvelopeError> {
        let acpkm = |kind: CipherKind, with_mac| {
            Ok(Self::Acpkm { kind, with_mac, ukm: draw::<16>()?[..kind.iv() + 8].to_vec() })
        };
        match cipher {
            ContentCipher::Aes256Cbc => Ok(Self::AesCbc { bits: AesBits::Bits256, iv: *draw()? }),
            ContentCipher::Aes256Gcm => {
                Ok(Self::AesGcm { bits: AesBits::Bits256, nonce: *draw()?, tag: GcmTag::Bytes16 })
            }
            ContentCipher::Gost28147(sbox) => Ok(Self::Gost28147 { sbox, iv: *draw()? }),
            ContentCipher::KuznyechikCtrAcpkm => acpkm(CipherKind::Kuznyechik, false),
            ContentCipher::KuznyechikCtrAcpkmOmac => acpkm(CipherKind::Kuznyechik, true),
            ContentCipher::MagmaCtrAcpkm => acpkm(CipherKind::Magma, false),
            ContentCipher::MagmaCtrAcpkmOmac => acpkm(CipherKind::Magma, true),
        }
    }

    pub(super) fn read(algorithm: &AlgorithmIdentifierOwned) -> Result<Self, EnvelopeError> {
        let parameters = || {
            let absent = || EnvelopeError::NotCms("the parameters of the content's cipher are missing".to_owned());
            algorithm.parameters.as_ref().ok_or_else(absent)
        };
        let aes_cbc = |bits| {
            let iv: OctetString = parameters()?.decode_as()?;
            Ok(Self::AesCbc { bits, iv: exact(iv.as_bytes(), "the initial value")? })
        };
        let aes_gcm = |bits| {
            let given: GcmParameters = parameters()?.decode_as()?;
            let tag = match given.tag {
                12 => GcmTag::Bytes12,
                16 => GcmTag::Bytes16,
                other => return Err(EnvelopeError::NotCms(format!("a code of {other} bytes; 12 and 16 are known"))),
            };
            Ok(Self::AesGcm { bits, nonce: exact(given.nonce.as_bytes(), "the nonce")?, tag })
        };
        let acpkm = |kind: CipherKind, with_mac| {
            let given: AcpkmParameters = parameters()?.decode_as()?;
            let (seen, wanted) = (given.ukm.as_bytes(), kind.iv() + 8);
            if seen.len() != wanted {
                return Err(wrong_length("the keying material", seen.len(), wanted));
            }
            Ok(Self::Acpkm { kind, with_mac, ukm: seen.to_vec() })
        };
        match algorithm.oid {
            ID_AES_128_CBC => aes_cbc(AesBits::Bits128),
            ID_AES_128_GCM => aes_gcm(AesBits::Bits128),
            ID_AES_256_CBC => aes_cbc(AesBits::Bits256),
            ID_AES_256_GCM => aes_gcm(AesBits::Bits256),
            KUZNYECHIK_CTR_ACPKM => acpkm(CipherKind::Kuznyechik, false),
            KUZNYECHIK_CTR_ACPKM_OMAC => acpkm(CipherKind::Kuznyechik, true),
            MAGMA_CTR_ACPKM => acpkm(CipherKind::Magma, false),
            MAGMA_CTR_ACPKM_OMAC => acpkm(CipherKind::Magma, true),
            GOST_28147 => {
                let given: GostParameters = parameters()?.decode_as()?;
                let sbox = Sbox::from_oid(given.sbox).ok_or_else(|| Role::SubstitutionBox.unknown(given.sbox))?;
                Ok(Self::Gost28147 { sbox, iv: exact(given.iv.as_bytes(), "the initial value")? })
            }
            other => Err(Role::Content.unknown(other)),
        }
    }

    pub(super) fn identifier(&self) -> der::Result<AlgorithmIdentifierOwned> {
        let (oid, parameters) = match self {
            Self::Acpkm { kind, with_mac, ukm } => {
                let oid = match (kind, with_mac) {
                    (CipherKind::Kuznyechik, false) => KUZNYECHIK_CTR_ACPKM,
                    (CipherKind::Kuznyechik, true) => KUZNYECHIK_CTR_ACPKM_OMAC,
                    (CipherKind::Magma, false) => MAGMA_CTR_ACPKM,
                    (CipherKind::Magma, true) => MAGMA_CTR_ACPKM_OMAC,
                };
                (oid, Any::encode_from(&AcpkmParameters { ukm: OctetString::new(&ukm[..])? })?)
            }
            Self::AesCbc { bits, iv } => {
                let oid = if *bits == AesBits::Bits128 { ID_AES_128_CBC } else { ID_AES_256_CBC };
                (oid, Any::encode_from(&OctetString::new(&iv[..])?)?)
            }
            Self::AesGcm { bits, nonce, tag } => {
                let oid = if *bits == AesBits::Bits128 { ID_AES_128_GCM } else { ID_AES_256_GCM };
                let tag = if *tag == GcmTag::Bytes12 { 12 } else { 16 };
                (oid, Any::encode_from(&GcmParameters { nonce: OctetString::new(&nonce[..])?, tag })?)
            }
            Self::Gost28147 { sbox, iv } => {
                let parameters = GostParameters { iv: OctetString::new(&iv[..])?, sbox: sbox.oid() };
                (GOST_28147, Any::encode_from(&parameters)?)
            }
        };
        Ok(AlgorithmIdentifierOwned { oid, parameters: Some(parameters) })
    }

    /// Bytes of the key.
    pub(super) const fn key_len(&self) -> usize {
        match self {
            Self::AesCbc { bits: AesBits::Bits128, .. } | Self::AesGcm { bits: AesBits::Bits128, .. } => 16,
            _ => 32,
        }
    }

    /// The encrypted content and, where the cipher has one, its code. The key has [`Self::key_len`] bytes.
    pub(super) fn seal(
        &self,
        key: &[u8],
        content: &[u8],
        attributes: &[u8],
    ) -> Result<(Vec<u8>, Vec<u8>), EnvelopeError> {
        let mut bytes = content.to_vec();
        match self {
            Self::Acpkm { kind, with_mac, ukm } => {
                let mut counter = Acpkm::new(*kind, *with_mac, &exact(key, "the key")?, ukm);
                if let Some(code) = &mut counter.code {
                    code.update(content);
                }
                counter.cipher.apply(&mut bytes);
                return Ok((bytes, counter.sealed_code()));
            }
            Self::AesCbc { bits: AesBits::Bits128, iv } => bytes = cbc_seal::<Aes128>(key, iv, content)?,
            Self::AesCbc { bits: AesBits::Bits256, iv } => bytes = cbc_seal::<Aes256>(key, iv, content)?,
            Self::AesGcm { bits, nonce, tag } => {
                let seal: GcmSeal = match (bits, tag) {
                    (AesBits::Bits128, GcmTag::Bytes12) => gcm_seal::<AesGcm<Aes128, U12, U12>>,
                    (AesBits::Bits128, GcmTag::Bytes16) => gcm_seal::<AesGcm<Aes128, U12, U16>>,
                    (AesBits::Bits256, GcmTag::Bytes12) => gcm_seal::<AesGcm<Aes256, U12, U12>>,
                    (AesBits::Bits256, GcmTag::Bytes16) => gcm_seal::<AesGcm<Aes256, U12, U16>>,
                };
                let code = seal(key, nonce, attributes, &mut bytes)?;
                return Ok((bytes, code));
            }
            Self::Gost28147 { sbox, iv } => cfb_encrypt(&exact(key, "the key")?, *sbox, iv, &mut bytes),
        }
        Ok((bytes, Vec::new()))
    }

    /// The content, checked against its code where the cipher has one.
    pub(super) fn open(
        &self,
        key: &[u8],
        bytes: &[u8],
        mac: &[u8],
        attributes: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let mut content = Zeroizing::new(bytes.to_vec());
        match self {
            Self::Acpkm { kind, with_mac, ukm } => {
                let mut counter = Acpkm::new(*kind, *with_mac, &exact(key, "the key")?, ukm);
                counter.cipher.apply(&mut content);
                if let Some(code) = &mut counter.code {
                    code.update(&content);
                }
                // Without a code both are empty, or the message has one that means nothing.
                if *with_mac && !crate::compare::same(&counter.sealed_code(), mac) {
                    return Err(EnvelopeError::ContentDamaged);
                }
            }
            Self::AesCbc { bits: AesBits::Bits128, iv } => cbc_open::<Aes128>(key, iv, &mut content)?,
            Self::AesCbc { bits: AesBits::Bits256, iv } => cbc_open::<Aes256>(key, iv, &mut content)?,
            Self::AesGcm { bits, nonce, tag } => {
                let open: GcmOpen = match (bits, tag) {
                    (AesBits::Bits128, GcmTag::Bytes12) => gcm_open::<AesGcm<Aes128, U12, U12>>,
                    (AesBits::Bits128, GcmTag::Bytes16) => gcm_open::<AesGcm<Aes128, U12, U16>>,
                    (AesBits::Bits256, GcmTag::Bytes12) => gcm_open::<AesGcm<Aes256, U12, U12>>,
                    (AesBits::Bits256, GcmTag::Bytes16) => gcm_open::<AesGcm<Aes256, U12, U16>>,
                };
                open(key, nonce, attributes, &mut content, mac)?;
            }
            Self::Gost28147 { sbox, iv } => cfb_decrypt(&exact(key, "the key")?, *sbox, iv, &mut content),
        }
        Ok(content)
    }
}

/// CTR-ACPKM, with OMAC or without, as CMS has them.
struct Acpkm {
    cipher: Ctr,
    code: Option<Omac>,
}

impl Acpkm {
    /// With a code, the key in the message is the root of two: that of the cipher and that of the code.
    fn new(kind: CipherKind, with_mac: bool, key: &[u8; 32], ukm: &[u8]) -> Self {
        // Sections of a message. (OpenSSL's engine 3.0.1 writes with these, but reads with 4 KiB and 1 KiB, so that it does
        // not open longer messages, its own among them.)
        let section = match kind {
            CipherKind::Kuznyechik => 256 * 1024,
            CipherKind::Magma => 8 * 1024,
        };
        let (iv, seed) = ukm.split_at(kind.iv().min(ukm.len()));
        if !with_mac {
            return Self { cipher: Ctr::with_acpkm(kind, key, iv, section), code: None };
        }
        let keys = kdf_tree_gostr3411_2012_256::<2>(key, b"kdf tree", seed);
        Self { cipher: Ctr::with_acpkm(kind, &keys[0], iv, section), code: Some(Omac::new(kind, &keys[1])) }
    }

    /// The code over the content in clear, encrypted as if it stood behind the content.
    fn sealed_code(self) -> Vec<u8> {
        let Self { mut cipher, code } = self;
        let mut code = code.map(|code| code.finish().to_vec()).unwrap_or_default();
        cipher.apply(&mut code);
        code
    }
}

fn cbc_seal<C: KeyInit + BlockCipherEncrypt>(key: &[u8], iv: &[u8], content: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let cipher = cbc::Encryptor::<C>::new_from_slices(key, iv).map_err(|_| EnvelopeError::KeyDamaged)?;
    let mut bytes = content.to_vec();
    bytes.resize(content.len() + 16, 0);
    let length =
        cipher.encrypt_padded::<Pkcs7>(&mut bytes, content.len()).map_err(|_| EnvelopeError::ContentDamaged)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

fn cbc_open<C: KeyInit + BlockCipherDecrypt>(
    key: &[u8],
    iv: &[u8],
    content: &mut Vec<u8>,
) -> Result<(), EnvelopeError> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv).map_err(|_| EnvelopeError::KeyDamaged)?;
    let length = cipher.decrypt_padded::<Pkcs7>(content).map_err(|_| EnvelopeError::ContentDamaged)?.len();
    content.truncate(length);
    Ok(())
}

type GcmSeal = fn(&[u8], &[u8; 12], &[u8], &mut [u8]) -> Result<Vec<u8>, EnvelopeError>;
type GcmOpen = fn(&[u8], &[u8; 12], &[u8], &mut [u8], &[u8]) -> Result<(), EnvelopeError>;

fn gcm_seal<A: KeyInit + AeadInOut>(
    key: &[u8],
    nonce: &[u8; 12],
    attributes: &[u8],
    bytes: &mut [u8],
) -> Result<Vec<u8>, EnvelopeError> {
    let (cipher, nonce) = gcm::<A>(key, nonce)?;
    let code =
        cipher.encrypt_inout_detached(&nonce, attributes, bytes.into()).map_err(|_| EnvelopeError::ContentDamaged)?;
    Ok(code.to_vec())
}

fn gcm_open<A: KeyInit + AeadInOut>(
    key: &[u8],
    nonce: &[u8; 12],
    attributes: &[u8],
    content: &mut [u8],
    mac: &[u8],
) -> Result<(), EnvelopeError> {
    let (cipher, nonce) = gcm::<A>(key, nonce)?;
    let mac = mac.try_into().map_err(|_| EnvelopeError::ContentDamaged)?;
    cipher.decrypt_inout_detached(&nonce, attributes, content.into(), mac).map_err(|_| EnvelopeError::ContentDamaged)
}

fn gcm<A: KeyInit + AeadInOut>(key: &[u8], nonce: &[u8]) -> Result<(A, aes_gcm::aead::Nonce<A>), EnvelopeError> {
    let cipher = A::new_from_slice(key).map_err(|_| EnvelopeError::KeyDamaged)?;
    Ok((cipher, nonce.try_into().map_err(|_| EnvelopeError::ContentDamaged)?))
}

/// Just so many bytes.
pub(super) fn exact<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], EnvelopeError> {
    bytes.try_into().map_err(|_| wrong_length(what, bytes.len(), N))
}

pub(super) fn wrong_length(what: &str, seen: usize, wanted: usize) -> EnvelopeError {
    EnvelopeError::NotCms(format!("{what} has {seen} bytes, not {wanted}"))
}
