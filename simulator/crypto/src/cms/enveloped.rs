//! CMS EnvelopedData (RFC 5652 §6) and, for AES-GCM, AuthEnvelopedData (RFC 5083): a content encrypted by a key of its
//! own, and that key wrapped for each recipient's certificate.
//!
//! | recipient's key | the content's key travels | content |
//! |---|---|---|
//! | GOST R 34.10-2012 | by key transport (RFC 4490 §4.2 with the keys of 2012; KExp15) or by key agreement (§4.1; KExp15) | GOST 28147-89 in CFB, Kuznyechik or Magma in CTR-ACPKM with or without OMAC (Р 1323565.1.025-2019) |
//! | RSA | RSAES-OAEP; RSAES-PKCS1-v1_5 is read too | AES-256 in CBC or GCM; with 128 bits read too |
//! | ECDSA P-256 | ephemeral ECDH (RFC 5753 §3.1) | the same |
//!
//! What is promised about damage: a wrapped key carries a code (32 bits with GOST 28147-89, else 64 and more), so that a
//! damaged one is refused; with RSAES-PKCS1-v1_5 it becomes another key without a word, because an answer of its own
//! would be the oracle of Bleichenbacher. Content under OMAC or GCM is refused when it is damaged. **Content in CFB, CTR
//! or CBC has no code**: a changed byte comes out as another text (CBC may notice its padding), and who must know signs
//! before encrypting. Do not tell a stranger whether CBC content opened: the padding is an oracle too.
//!
//! Reading takes BER with indefinite lengths, names what it does not know, and is bounded: at most 16 MiB and a thousand
//! recipients, and one key operation whatever their number.
//!
//! Deliberately absent: recipients known by a password or a shared key, writing from a key pair of one's own, masked GOST
//! keys, attributes of the writer's own, and whether a certificate may be encrypted for.

mod content;
mod ec;
mod gost;
mod names;
mod recipient;
mod rsa;
mod wire;

use ::cms::content_info::CmsVersion;
use ::cms::enveloped_data::RecipientInfo;
use der::Encode;
use der::asn1::{OctetString, SetOfVec};
use der::oid::db::rfc5911::ID_DATA;
use zeroize::Zeroizing;

use self::content::Method;
use self::names::Role;
use self::recipient::Wrapped;
use self::wire::{Algorithm, Enveloped, Message, Sealed};
use super::wire::Octets;
use crate::gost::cipher::Sbox;
use crate::{Certificate, Family, KeyError, PrivateKey};

/// Largest message read and largest content encrypted, in bytes.
pub const LARGEST: usize = 16 * 1024 * 1024;

/// How a content is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentCipher {
    /// AES-256 in CBC. No code over the content.
    Aes256Cbc,
    /// AES-256 in GCM, in an AuthEnvelopedData.
    Aes256Gcm,
    /// GOST 28147-89 in CFB with key meshing and this box. No code over the content.
    Gost28147(Sbox),
    /// Kuznyechik in CTR-ACPKM. No code over the content.
    KuznyechikCtrAcpkm,
    /// Kuznyechik in CTR-ACPKM with OMAC.
    KuznyechikCtrAcpkmOmac,
    /// Magma in CTR-ACPKM. No code over the content.
    MagmaCtrAcpkm,
    /// Magma in CTR-ACPKM with OMAC.
    MagmaCtrAcpkmOmac,
}

/// How to make a message. The default names recipients by issuer and serial number, and sends the content's key to GOST
/// recipients by key transport, as OpenSSL's engine does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// GOST recipients get the key by key agreement (KeyAgreeRecipientInfo). Says nothing to others.
    pub agreement: bool,
    /// Name recipients by key identifier, where their certificates have one.
    pub by_key_identifier: bool,
}

/// Why a message is not made or not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The message's writer used something that is not understood here, known by this name or number.
    #[error("open the message: {role} {name} is not known here")]
    AlgorithmUnknown { role: Role, name: String },
    /// The caller wants a combination that no standard has: GOST keys go with GOST content, others with AES.
    #[error("encrypt by {cipher} for a key of {family}: GOST keys go with GOST content, others with AES")]
    CipherUnfit { cipher: ContentCipher, family: Family },
    /// The content does not fit its code or its padding.
    #[error("open the message: the content is damaged, or it was encrypted under another key")]
    ContentDamaged,
    /// The wrapped key does not fit its code.
    #[error("open the message: the wrapped key is damaged, or it was wrapped for another key")]
    KeyDamaged,
    /// The recipient's key cannot be used.
    #[error("use the recipient's key: {0}")]
    KeyUnusable(KeyError),
    #[error("draw randomness from the system")]
    NoRandomness,
    /// There is nobody to encrypt for.
    #[error("encrypt: there is no recipient")]
    NoRecipient,
    /// The bytes are no CMS, or a part of them is not what it has to be.
    #[error("read the message: {0}")]
    NotCms(String),
    /// The bytes are CMS of another kind.
    #[error("read the message: it holds {0}, not EnvelopedData or AuthEnvelopedData")]
    NotEnveloped(String),
    /// None of so many recipients is the holder of the certificate.
    #[error("open the message: none of its {recipients} recipients is the holder of this certificate")]
    NotForThisCertificate { recipients: usize },
    /// The originator of a key agreement is named by a certificate, and it is not among those given.
    #[error("open the message: its originator's certificate is not known")]
    OriginatorUnknown,
    /// The message or the content is larger than [`LARGEST`].
    #[error("take {0} bytes: 16 MiB are the most")]
    TooLarge(usize),
    /// The private key given is not that of the certificate given.
    #[error("open the message: the private key is not that of the certificate")]
    WrongKey,
}

impl ContentCipher {
    /// The names that are written here and read back.
    const NAMES: [(Self, &'static str); 11] = [
        (Self::Aes256Cbc, "aes-256-cbc"),
        (Self::Aes256Gcm, "aes-256-gcm"),
        (Self::Gost28147(Sbox::Tc26Z), "gost89"),
        (Self::Gost28147(Sbox::CryptoProA), "gost89-cryptopro-a"),
        (Self::Gost28147(Sbox::CryptoProB), "gost89-cryptopro-b"),
        (Self::Gost28147(Sbox::CryptoProC), "gost89-cryptopro-c"),
        (Self::Gost28147(Sbox::CryptoProD), "gost89-cryptopro-d"),
        (Self::KuznyechikCtrAcpkm, "kuznyechik-ctr-acpkm"),
        (Self::KuznyechikCtrAcpkmOmac, "kuznyechik-ctr-acpkm-omac"),
        (Self::MagmaCtrAcpkm, "magma-ctr-acpkm"),
        (Self::MagmaCtrAcpkmOmac, "magma-ctr-acpkm-omac"),
    ];

    /// What goes with a key when nothing else is agreed: GOST 28147-89 with box Z, or AES-256-CBC, which every reader
    /// has.
    pub const fn usual(family: Family) -> Self {
        match family {
            Family::EcdsaP256 | Family::Rsa => Self::Aes256Cbc,
            Family::Gost256 | Family::Gost512 => Self::Gost28147(Sbox::Tc26Z),
        }
    }

    /// Whether the message says when its content is damaged.
    pub const fn authenticates(self) -> bool {
        match self {
            Self::Aes256Gcm | Self::KuznyechikCtrAcpkmOmac | Self::MagmaCtrAcpkmOmac => true,
            Self::Aes256Cbc | Self::Gost28147(_) | Self::KuznyechikCtrAcpkm | Self::MagmaCtrAcpkm => false,
        }
    }

    /// The name that OpenSSL's command has for it, with the box where it is not Z.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(cipher, _)| *cipher == self).map_or("gost89-test", |(_, name)| name)
    }

    const fn is_gost(self) -> bool {
        !matches!(self, Self::Aes256Cbc | Self::Aes256Gcm)
    }
}

impl std::fmt::Display for ContentCipher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

impl std::str::FromStr for ContentCipher {
    type Err = EnvelopeError;

    fn from_str(text: &str) -> Result<Self, EnvelopeError> {
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        let unknown = || EnvelopeError::AlgorithmUnknown { role: Role::Content, name: text.to_owned() };
        found.map(|(cipher, _)| *cipher).ok_or_else(unknown)
    }
}

impl EnvelopeError {
    /// A slug for logs and diagnosis.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlgorithmUnknown { .. } => "algorithm-unknown",
            Self::CipherUnfit { .. } => "cipher-unfit",
            Self::ContentDamaged => "content-damaged",
            Self::KeyDamaged => "key-damaged",
            Self::KeyUnusable(_) => "key-unusable",
            Self::NoRandomness => "no-randomness",
            Self::NoRecipient => "no-recipient",
            Self::NotCms(_) => "not-cms",
            Self::NotEnveloped(_) => "not-enveloped",
            Self::NotForThisCertificate { .. } => "not-for-this-certificate",
            Self::OriginatorUnknown => "originator-unknown",
            Self::TooLarge(_) => "too-large",
            Self::WrongKey => "wrong-key",
        }
    }
}

impl From<der::Error> for EnvelopeError {
    fn from(error: der::Error) -> Self {
        Self::NotCms(error.to_string())
    }
}

impl From<KeyError> for EnvelopeError {
    fn from(error: KeyError) -> Self {
        Self::KeyUnusable(error)
    }
}

/// Encrypts a content for the holders of these certificates, in DER. Each can open it alone.
pub fn encrypt(
    content: &[u8],
    recipients: &[Certificate],
    cipher: ContentCipher,
    options: &Options,
) -> Result<Vec<u8>, EnvelopeError> {
    if content.len() > LARGEST {
        return Err(EnvelopeError::TooLarge(content.len()));
    }
    if recipients.is_empty() {
        return Err(EnvelopeError::NoRecipient);
    }
    let method = Method::draw(cipher)?;
    let key = draw::<32>()?;
    let mut infos = Vec::new();
    for certificate in recipients {
        let family = certificate.public_key()?.family();
        if matches!(family, Family::Gost256 | Family::Gost512) != cipher.is_gost() {
            return Err(EnvelopeError::CipherUnfit { cipher, family });
        }
        infos.push(recipient::wrap(certificate, &method, &key, options)?);
    }
    let all_are_version_0 = infos.iter().all(|info| match info {
        RecipientInfo::Ktri(info) => info.version == CmsVersion::V0,
        _ => false,
    });
    let (bytes, mac) = method.seal(&key[..], content, &[])?;
    let sealed = Sealed {
        kind: ID_DATA,
        algorithm: Algorithm(method.identifier()?),
        bytes: Some(Octets(OctetString::new(bytes)?)),
    };
    let recipients = wire::set(&infos)?;
    Ok(match cipher {
        ContentCipher::Aes256Gcm => wire::AuthEnveloped {
            version: CmsVersion::V0,
            originator: None,
            recipients,
            content: sealed,
            attributes: None,
            mac: OctetString::new(mac)?,
            unprotected: None,
        }
        .to_message()?,
        _ => {
            let unprotected = if mac.is_empty() { None } else { Some(wire::mac_attribute(&mac)?) };
            // RFC 5652 §6.1.
            let version = if all_are_version_0 && unprotected.is_none() { CmsVersion::V0 } else { CmsVersion::V2 };
            Enveloped { version, originator: None, recipients, content: sealed, unprotected }.to_message()?
        }
    })
}

/// Opens a message (DER or BER) as the holder of this certificate and its key.
///
/// ```
/// # use crypto::cms::enveloped::{EnvelopeError, decrypt};
/// # fn open(der: &[u8], certificate: &crypto::Certificate, key: &crypto::PrivateKey) {
/// match decrypt(der, certificate, key) {
///     Ok(content) => println!("{} bytes", content.len()),
///     Err(EnvelopeError::NotForThisCertificate { .. }) => println!("somebody else's"),
///     Err(error) => println!("failed to {error}"),
/// }
/// # }
/// ```
pub fn decrypt(
    message: &[u8],
    certificate: &Certificate,
    key: &PrivateKey,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    decrypt_from(message, certificate, key, &[])
}

/// Opens a message whose writer may have agreed on the key with a key pair of its own, and is named by one of these
/// certificates (static key agreement). Who that is, and whether it is trusted, is the caller's question.
pub fn decrypt_from(
    message: &[u8],
    certificate: &Certificate,
    key: &PrivateKey,
    senders: &[Certificate],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    if message.len() > LARGEST {
        return Err(EnvelopeError::TooLarge(message.len()));
    }
    if certificate.public_key()? != *key.public() {
        return Err(EnvelopeError::WrongKey);
    }
    let holder = Holder { certificate, key, senders };
    match Message::read(message)? {
        Message::Plain(envelope) => {
            let mac = envelope.mac()?;
            let mac = mac.as_ref().map_or(&[][..], OctetString::as_bytes);
            open(&envelope.recipients, envelope.content, mac, &[], &holder)
        }
        Message::Authenticated(envelope) => {
            let attributes = envelope.attributes.as_ref().map(|members| members.0.to_der()).transpose()?;
            let attributes = attributes.unwrap_or_default();
            open(&envelope.recipients, envelope.content, envelope.mac.as_bytes(), &attributes, &holder)
        }
    }
}

/// Who opens a message, and whom it knows.
struct Holder<'a> {
    certificate: &'a Certificate,
    key: &'a PrivateKey,
    senders: &'a [Certificate],
}

fn open(
    recipients: &SetOfVec<der::Any>,
    sealed: Sealed,
    mac: &[u8],
    attributes: &[u8],
    holder: &Holder<'_>,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let method = Method::read(&sealed.algorithm.0)?;
    let wrapped = Wrapped::find(recipients, holder.certificate)?;
    let bytes = sealed.bytes.ok_or_else(|| EnvelopeError::NotCms("the content is not inside".to_owned()))?;
    let key = wrapped.unwrap(holder, method.key_len())?;
    if key.len() != method.key_len() {
        return Err(EnvelopeError::KeyDamaged);
    }
    method.open(&key, bytes.0.as_bytes(), mac, attributes)
}

/// Bytes of the system's generator.
fn draw<const N: usize>() -> Result<Zeroizing<[u8; N]>, EnvelopeError> {
    use ring::rand::SecureRandom;
    let mut bytes = Zeroizing::new([0; N]);
    ring::rand::SystemRandom::new().fill(&mut bytes[..]).map_err(|_| EnvelopeError::NoRandomness)?;
    Ok(bytes)
}

/// A generator for crates that want one, seeded from the system's.
fn chance() -> Result<rand_chacha::ChaCha20Rng, EnvelopeError> {
    use rand_chacha::rand_core::SeedableRng;
    Ok(rand_chacha::ChaCha20Rng::from_seed(*draw()?))
}
