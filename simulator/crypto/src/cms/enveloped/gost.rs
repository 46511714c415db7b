//! Keys for GOST recipients: key transport and key agreement over VKO, with the wrapping of RFC 4357 under
//! GOST 28147-89 content and with KExp15 under Kuznyechik and Magma.
//!
//! RFC 4490 speaks of keys of 2001. With those of 2012 its structures stay, the identifiers of key and agreement are the
//! new ones, VKO takes Streebog-256 (for keys of 512 bits too), and the box of the wrap is Z, as OpenSSL's engine has it.

use ::cms::content_info::CmsVersion;
use ::cms::enveloped_data::{
    KeyAgreeRecipientInfo, KeyTransRecipientInfo, OriginatorIdentifierOrKey, OriginatorPublicKey,
    RecipientEncryptedKey, RecipientIdentifier, RecipientInfo,
};
use der::asn1::{BitString, ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::content::{Method, exact};
use super::names::{
    AGREEMENT_256, AGREEMENT_512, AGREEMENT_ESDH, KUZNYECHIK_KEXP15, MAGMA_KEXP15, Role, WRAP_CRYPTOPRO, WRAP_PLAIN,
};
use super::{EnvelopeError, Holder, Options, draw, recipient};
use crate::gost::cipher::{
    CipherKind, Sbox, UnwrapError, WrappedKey, cryptopro_unwrap, cryptopro_wrap, gost_unwrap, keg, kexp15, kimp15,
};
use crate::gost::{GostError, SecretKey, VerifyingKey};
use crate::key::gost::key_oid;
use crate::{Certificate, PublicKey};

/// GostR3410-KeyTransport (RFC 4490 §4.2.1). The parameters, which it leaves optional, are always here: without them
/// there is no ephemeral key.
#[derive(Sequence)]
struct KeyTransport {
    key: EncryptedKey,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    parameters: TransportParameters,
}

/// Gost28147-89-EncryptedKey.
#[derive(Sequence)]
struct EncryptedKey {
    key: OctetString,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    mask: Option<OctetString>,
    mac: OctetString,
}

/// GostR3410-TransportParameters.
#[derive(Sequence)]
struct TransportParameters {
    sbox: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    ephemeral: SubjectPublicKeyInfoOwned,
    ukm: OctetString,
}

/// GostR3410-KeyTransport of Р 1323565.1.025-2019: the export, the ephemeral key, 32 bytes of material.
#[derive(Sequence)]
struct ExportTransport {
    export: OctetString,
    ephemeral: SubjectPublicKeyInfoOwned,
    ukm: OctetString,
}

/// The parameters of KExp15: which agreement precedes it.
#[derive(Sequence)]
struct ExportParameters {
    agreement: ObjectIdentifier,
}

/// Gost28147-89-KeyWrapParameters (RFC 4490 §4.1.1).
#[derive(Sequence)]
struct WrapParameters {
    sbox: ObjectIdentifier,
    #[asn1(optional = "true")]
    ukm: Option<OctetString>,
}

/// The box of a wrap for a key of 2012.
const WRAP_BOX: Sbox = Sbox::Tc26Z;

pub(super) fn wrap(
    certificate: &Certificate,
    method: &Method,
    key: &[u8; 32],
    options: &Options,
) -> Result<RecipientInfo, EnvelopeError> {
    let info = SubjectPublicKeyInfoOwned::from_der(certificate.spki_der())?;
    let public = certificate.public_key()?;
    let theirs = public.gost().ok_or(EnvelopeError::KeyDamaged)?;
    let ephemeral = SecretKey::generate(theirs.curve()).map_err(agreement_failed)?;
    // Written as the recipient's own key is, so that the recipient understands it.
    let point = OctetString::new(ephemeral.public().to_le_bytes())?.to_der()?;
    let written = SubjectPublicKeyInfoOwned {
        algorithm: info.algorithm.clone(),
        subject_public_key: BitString::from_bytes(&point)?,
    };
    let Method::Acpkm { kind, .. } = method else {
        let ukm = draw::<8>()?;
        let kek = ephemeral.vko256(theirs, &ukm[..]).map_err(agreement_failed)?;
        let wrapped = cryptopro_wrap(&kek, &ukm, WRAP_BOX, key);
        let wrapped =
            EncryptedKey { key: OctetString::new(wrapped.key)?, mask: None, mac: OctetString::new(wrapped.mac)? };
        let ukm = OctetString::new(&ukm[..])?;
        if options.agreement {
            let parameters = Any::encode_from(&WrapParameters { sbox: WRAP_BOX.oid(), ukm: Some(ukm.clone()) })?;
            let wrap = AlgorithmIdentifierOwned { oid: WRAP_CRYPTOPRO, parameters: Some(parameters) };
            let algorithm =
                AlgorithmIdentifierOwned { oid: agreement(theirs), parameters: Some(Any::encode_from(&wrap)?) };
            return agreed(certificate, options, written, ukm, algorithm, &wrapped.to_der()?);
        }
        let parameters = TransportParameters { sbox: WRAP_BOX.oid(), ephemeral: written, ukm };
        let transport = KeyTransport { key: wrapped, parameters };
        return Ok(transported(certificate, options, info.algorithm, &transport.to_der()?)?);
    };
    let ukm = draw::<32>()?;
    let keys = keg(&ephemeral, theirs, &ukm).map_err(agreement_failed)?;
    let export = kexp15(*kind, &keys, &ukm[24..24 + kind.iv()], key);
    let oid = match kind {
        CipherKind::Kuznyechik => KUZNYECHIK_KEXP15,
        CipherKind::Magma => MAGMA_KEXP15,
    };
    let parameters = Any::encode_from(&ExportParameters { agreement: agreement(theirs) })?;
    let algorithm = AlgorithmIdentifierOwned { oid, parameters: Some(parameters) };
    let ukm = OctetString::new(&ukm[..])?;
    if options.agreement {
        return agreed(certificate, options, written, ukm, algorithm, &export);
    }
    let transport = ExportTransport { export: OctetString::new(export)?, ephemeral: written, ukm };
    Ok(transported(certificate, options, algorithm, &transport.to_der()?)?)
}

/// KeyTransRecipientInfo.
fn transported(
    certificate: &Certificate,
    options: &Options,
    key_enc_alg: AlgorithmIdentifierOwned,
    key: &[u8],
) -> der::Result<RecipientInfo> {
    let rid = recipient::name(certificate, options)?;
    let version = match rid {
        RecipientIdentifier::IssuerAndSerialNumber(_) => CmsVersion::V0,
        RecipientIdentifier::SubjectKeyIdentifier(_) => CmsVersion::V2,
    };
    Ok(RecipientInfo::Ktri(KeyTransRecipientInfo { version, rid, key_enc_alg, enc_key: OctetString::new(key)? }))
}

/// KeyAgreeRecipientInfo.
fn agreed(
    certificate: &Certificate,
    options: &Options,
    ephemeral: SubjectPublicKeyInfoOwned,
    ukm: OctetString,
    key_enc_alg: AlgorithmIdentifierOwned,
    key: &[u8],
) -> Result<RecipientInfo, EnvelopeError> {
    let originator = OriginatorPublicKey { algorithm: ephemeral.algorithm, public_key: ephemeral.subject_public_key };
    let rid = recipient::name_for_agreement(certificate, options)?;
    Ok(RecipientInfo::Kari(KeyAgreeRecipientInfo {
        version: CmsVersion::V3,
        originator: OriginatorIdentifierOrKey::OriginatorKey(originator),
        ukm: Some(ukm),
        key_enc_alg,
        recipient_enc_keys: vec![RecipientEncryptedKey { rid, enc_key: OctetString::new(key)? }],
    }))
}

pub(super) fn from_transport(
    holder: &Holder<'_>,
    info: &KeyTransRecipientInfo,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let own = holder.key.gost().ok_or(EnvelopeError::WrongKey)?;
    let bytes = info.enc_key.as_bytes();
    if let Some(kind) = export_kind(&info.key_enc_alg, own)? {
        let transport = ExportTransport::from_der(bytes)?;
        let ephemeral = public(&transport.ephemeral)?;
        return imported(kind, own, &ephemeral, transport.ukm.as_bytes(), transport.export.as_bytes());
    }
    // The algorithm is that of the recipient's key; it must name the recipient's curve.
    let mut same = SubjectPublicKeyInfoOwned::from_der(holder.certificate.spki_der())?;
    if info.key_enc_alg.oid != same.algorithm.oid {
        return Err(Role::KeyTransport.unknown(info.key_enc_alg.oid));
    }
    same.algorithm = info.key_enc_alg.clone();
    if public(&same)? != *own.public() {
        return Err(EnvelopeError::NotCms("the key transport is for another curve".to_owned()));
    }
    let KeyTransport { key, parameters } = KeyTransport::from_der(bytes)?;
    let ephemeral = public(&parameters.ephemeral)?;
    let ukm = exact(parameters.ukm.as_bytes(), "the keying material")?;
    let kek = own.vko256(&ephemeral, &ukm).map_err(agreement_failed)?;
    unwrapped(cryptopro_unwrap, &kek, &ukm, parameters.sbox, &key)
}

pub(super) fn from_agreement(
    holder: &Holder<'_>,
    info: &KeyAgreeRecipientInfo,
    key: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let own = holder.key.gost().ok_or(EnvelopeError::WrongKey)?;
    let theirs = public(&recipient::originator(&info.originator, holder.senders)?)?;
    let ukm = info.ukm.as_ref().map_or(&[][..], OctetString::as_bytes);
    if let Some(kind) = export_kind(&info.key_enc_alg, own)? {
        return imported(kind, own, &theirs, ukm, key);
    }
    // The agreement with keys of 2012; before it had an identifier, that of the key stood in its place.
    let named = [agreement(own.public()), key_oid(own.curve()), AGREEMENT_ESDH];
    if !named.contains(&info.key_enc_alg.oid) {
        return Err(Role::KeyAgreement.unknown(info.key_enc_alg.oid));
    }
    let absent = || EnvelopeError::NotCms("the parameters of the key agreement are missing".to_owned());
    let wrap: AlgorithmIdentifierOwned = info.key_enc_alg.parameters.as_ref().ok_or_else(absent)?.decode_as()?;
    let unwrap = match wrap.oid {
        WRAP_CRYPTOPRO => cryptopro_unwrap,
        WRAP_PLAIN => gost_unwrap,
        other => return Err(Role::KeyWrap.unknown(other)),
    };
    let parameters: WrapParameters = wrap.parameters.as_ref().ok_or_else(absent)?.decode_as()?;
    let ukm = exact(ukm, "the keying material")?;
    if parameters.ukm.is_some_and(|repeated| repeated.as_bytes() != ukm) {
        return Err(EnvelopeError::NotCms("the keying material is given twice, and not the same".to_owned()));
    }
    let kek = own.vko256(&theirs, &ukm).map_err(agreement_failed)?;
    unwrapped(unwrap, &kek, &ukm, parameters.sbox, &EncryptedKey::from_der(key)?)
}

type Unwrap = fn(&[u8; 32], &[u8; 8], Sbox, &WrappedKey) -> Result<Zeroizing<[u8; 32]>, UnwrapError>;

fn unwrapped(
    unwrap: Unwrap,
    kek: &[u8; 32],
    ukm: &[u8; 8],
    sbox: ObjectIdentifier,
    wrapped: &EncryptedKey,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let sbox = Sbox::from_oid(sbox).ok_or_else(|| Role::SubstitutionBox.unknown(sbox))?;
    if wrapped.mask.is_some() {
        return Err(EnvelopeError::NotCms("the wrapped key is masked".to_owned()));
    }
    let wrapped = WrappedKey {
        key: exact(wrapped.key.as_bytes(), "the wrapped key")?,
        mac: exact(wrapped.mac.as_bytes(), "the wrapped key's code")?,
    };
    let key = unwrap(kek, ukm, sbox, &wrapped).map_err(|_| EnvelopeError::KeyDamaged)?;
    Ok(Zeroizing::new(key.to_vec()))
}

fn imported(
    kind: CipherKind,
    own: &SecretKey,
    theirs: &VerifyingKey,
    ukm: &[u8],
    export: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let ukm = exact(ukm, "the keying material")?;
    let keys = keg(own, theirs, &ukm).map_err(agreement_failed)?;
    let key = kimp15(kind, &keys, &ukm[24..24 + kind.iv()], export).map_err(|_| EnvelopeError::KeyDamaged)?;
    Ok(Zeroizing::new(key.to_vec()))
}

/// Which cipher exports the key, if any. The parameters may be absent; if not, they name the agreement of such keys.
fn export_kind(algorithm: &AlgorithmIdentifierOwned, own: &SecretKey) -> Result<Option<CipherKind>, EnvelopeError> {
    let kind = match algorithm.oid {
        KUZNYECHIK_KEXP15 => CipherKind::Kuznyechik,
        MAGMA_KEXP15 => CipherKind::Magma,
        _ => return Ok(None),
    };
    if let Some(parameters) = &algorithm.parameters {
        let given: ExportParameters = parameters.decode_as()?;
        if given.agreement != agreement(own.public()) {
            return Err(Role::KeyAgreement.unknown(given.agreement));
        }
    }
    Ok(Some(kind))
}

/// The identifier of VKO with such keys.
fn agreement(key: &VerifyingKey) -> ObjectIdentifier {
    if key.curve().size() == 32 { AGREEMENT_256 } else { AGREEMENT_512 }
}

/// A GOST key of the other side, on whatever curve: the agreement refuses another than its own.
fn public(info: &SubjectPublicKeyInfoOwned) -> Result<VerifyingKey, EnvelopeError> {
    let refused = |text: String| EnvelopeError::NotCms(format!("the originator's key: {text}"));
    let key = PublicKey::from_spki_der(&info.to_der()?).map_err(|error| refused(error.to_string()))?;
    key.gost().cloned().ok_or_else(|| refused("it is not one of GOST R 34.10-2012".to_owned()))
}

fn agreement_failed(error: GostError) -> EnvelopeError {
    match error {
        GostError::NoRandomness => EnvelopeError::NoRandomness,
        other => EnvelopeError::NotCms(other.to_string()),
    }
}
