//! The shape of SignedData (RFC 5652 §5.1), declared for `der` around the signer infos of `cms`.
//!
//! The crate's own `SignedData` loses bytes that matter here. It reads every certificate to its last field, so that one
//! which it cannot read spoils the container, and it writes a certificate anew, although certificates are known by their
//! exact bytes. Its content is an `Any`, which forgets whether an octet string came in pieces.
//!
//! All is read by the BER rules of `der`, because they alone keep a set in the order in which it came. They overlook
//! whether a tag says primitive or constructed; what is left open by that is closed here: [`Members`], [`Octets`] and
//! [`SignedData::signers`] take no other bytes than those that their writer may have meant.

use ::cms::content_info::{CmsVersion, ContentInfo};
use ::cms::signed_data::{DigestAlgorithmIdentifiers, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::oid::db::rfc5911::ID_SIGNED_DATA;
use der::{
    Any, Decode, DecodeValue, Encode, EncodeValue, EncodingRules, ErrorKind, FixedTag, Header, Length, Reader,
    Sequence, Tag, Writer,
};

use super::CmsError;

#[derive(Sequence)]
pub(super) struct SignedData {
    pub(super) version: CmsVersion,
    pub(super) digest_algorithms: DigestAlgorithmIdentifiers,
    pub(super) content: Content,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) certificates: Option<Members>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) crls: Option<Members>,
    pub(super) signers: SetOfVec<Any>,
}

#[derive(Sequence)]
pub(super) struct Content {
    pub(super) kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) bytes: Option<Octets>,
}

/// A set whose members are kept as they are.
pub(super) struct Members(pub(super) SetOfVec<Any>);

/// An octet string, whole or in pieces (X.690 §8.7.3).
pub(super) struct Octets(pub(super) OctetString);

impl SignedData {
    /// Reads a whole container.
    pub(super) fn from_container(bytes: &[u8]) -> Result<Self, CmsError> {
        let outer = ContentInfo::from_ber(bytes)?;
        if outer.content_type != ID_SIGNED_DATA {
            return Err(CmsError::NotSignedData(outer.content_type.to_string()));
        }
        Ok(outer.content.decode_as_encoding(EncodingRules::Ber)?)
    }

    /// Writes a whole container in DER.
    pub(super) fn to_container(&self) -> der::Result<Vec<u8>> {
        ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(self)? }.to_der()
    }

    /// The signers, each of which must be what it is written as again. So the bytes under the signature are those that
    /// came: RFC 5652 §5.3 wants signed attributes in DER, whatever the rest is.
    pub(super) fn signers(&self) -> Result<Vec<SignerInfo>, CmsError> {
        let exact = |member: &Any| {
            let bytes = member.to_der()?;
            let info = SignerInfo::from_ber(&bytes)?;
            if info.to_der()? == bytes { Ok(info) } else { Err(CmsError::NotCms("a signer is not in DER".to_owned())) }
        };
        self.signers.iter().map(exact).collect()
    }
}

impl FixedTag for Members {
    const TAG: Tag = Tag::Set;
}

impl<'a> DecodeValue<'a> for Members {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        if !header.is_constructed() {
            return Err(reader.error(ErrorKind::Noncanonical { tag: header.tag() }));
        }
        SetOfVec::decode_value(reader, header).map(Self)
    }
}

impl EncodeValue for Members {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

impl FixedTag for Octets {
    const TAG: Tag = Tag::OctetString;
}

impl<'a> DecodeValue<'a> for Octets {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        if !header.is_constructed() {
            return OctetString::decode_value(reader, header).map(Self);
        }
        let mut whole = Vec::new();
        while !reader.is_finished() {
            let piece = Header::decode(reader)?;
            piece.tag().assert_eq(Tag::OctetString)?;
            if piece.is_constructed() {
                return Err(reader.error(ErrorKind::Noncanonical { tag: piece.tag() }));
            }
            whole.extend(reader.read_vec(piece.length())?);
        }
        OctetString::new(whole).map(Self)
    }
}

impl EncodeValue for Octets {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}
