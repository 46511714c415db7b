//! The shapes of EnvelopedData (RFC 5652 §6.1) and AuthEnvelopedData (RFC 5083 §2.1), declared for `der` around the
//! recipients of `cms`.
//!
//! As with SignedData, the crate's own types lose what matters: a recipient that they cannot read would spoil the whole
//! message, although it is somebody else's, and a content in pieces is only read where the pieces have no definite
//! length around them.

use ::cms::content_info::{CmsVersion, ContentInfo};
use ::cms::enveloped_data::RecipientInfo;
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::oid::db::rfc5911::{ID_CT_AUTH_ENVELOPED_DATA, ID_ENVELOPED_DATA};
use der::{
    Any, Decode, DecodeValue, Encode, EncodeValue, EncodingRules, ErrorKind, FixedTag, Header, Length, Reader,
    Sequence, Tag, Tagged, Writer,
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;

use super::EnvelopeError;
use super::names::CMS_MAC;
use crate::cms::wire::{Members, Octets};

/// A message of either kind.
pub(super) enum Message {
    Authenticated(AuthEnveloped),
    Plain(Enveloped),
}

#[derive(Sequence)]
pub(super) struct Enveloped {
    pub(super) version: CmsVersion,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) originator: Option<Passed>,
    pub(super) recipients: SetOfVec<Any>,
    pub(super) content: Sealed,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) unprotected: Option<Members>,
}

#[derive(Sequence)]
pub(super) struct AuthEnveloped {
    pub(super) version: CmsVersion,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) originator: Option<Passed>,
    pub(super) recipients: SetOfVec<Any>,
    pub(super) content: Sealed,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) attributes: Option<Members>,
    pub(super) mac: OctetString,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) unprotected: Option<Members>,
}

/// EncryptedContentInfo.
#[derive(Sequence)]
pub(super) struct Sealed {
    pub(super) kind: ObjectIdentifier,
    pub(super) algorithm: Algorithm,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) bytes: Option<Octets>,
}

/// An algorithm in DER, as [`exact`] has it.
pub(super) struct Algorithm(pub(super) AlgorithmIdentifierOwned);

/// Something constructed that is passed over: who wrote the message says nothing about who may read it.
pub(super) struct Passed;

impl Message {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let outer = ContentInfo::from_ber(bytes)?;
        match outer.content_type {
            ID_ENVELOPED_DATA => Ok(Self::Plain(outer.content.decode_as_encoding(EncodingRules::Ber)?)),
            ID_CT_AUTH_ENVELOPED_DATA => Ok(Self::Authenticated(outer.content.decode_as_encoding(EncodingRules::Ber)?)),
            other => Err(EnvelopeError::NotEnveloped(other.to_string())),
        }
    }
}

impl Enveloped {
    pub(super) fn to_message(&self) -> der::Result<Vec<u8>> {
        ContentInfo { content_type: ID_ENVELOPED_DATA, content: Any::encode_from(self)? }.to_der()
    }

    /// The code over the content, when the attribute with it stands once and has one value.
    pub(super) fn mac(&self) -> Result<Option<OctetString>, EnvelopeError> {
        let mut found = None;
        for member in self.unprotected.iter().flat_map(|members| members.0.iter()) {
            let attribute: Attribute = exact(member)?;
            if attribute.oid != CMS_MAC {
                continue;
            }
            let [value] = attribute.values.as_slice() else {
                return Err(EnvelopeError::NotCms(
                    "the attribute with the content's code has not one value".to_owned(),
                ));
            };
            if found.replace(value.decode_as::<OctetString>()?).is_some() {
                return Err(EnvelopeError::NotCms("the attribute with the content's code is repeated".to_owned()));
            }
        }
        Ok(found)
    }
}

impl AuthEnveloped {
    pub(super) fn to_message(&self) -> der::Result<Vec<u8>> {
        ContentInfo { content_type: ID_CT_AUTH_ENVELOPED_DATA, content: Any::encode_from(self)? }.to_der()
    }
}

/// A member of a set, which must be what it is written as again. Readers by the BER rules of `der` overlook whether a tag
/// says primitive or constructed; recipients and attributes are in DER with every writer, whatever is around them.
pub(super) fn exact<T: for<'a> Decode<'a, Error = der::Error> + Encode>(member: &Any) -> der::Result<T> {
    let bytes = member.to_der()?;
    let read = T::from_ber(&bytes)?;
    if read.to_der()? == bytes { Ok(read) } else { Err(ErrorKind::Noncanonical { tag: member.tag() }.into()) }
}

/// The recipients as a set in the order of DER.
pub(super) fn set(infos: &[RecipientInfo]) -> der::Result<SetOfVec<Any>> {
    let members = infos.iter().map(|info| Any::from_der(&info.to_der()?)).collect::<der::Result<Vec<_>>>()?;
    SetOfVec::try_from(members)
}

/// The unprotected attributes with the code over the content.
pub(super) fn mac_attribute(mac: &[u8]) -> der::Result<Members> {
    let value = Any::encode_from(&OctetString::new(mac)?)?;
    let attribute = Attribute { oid: CMS_MAC, values: SetOfVec::from_iter([value])? };
    Ok(Members(SetOfVec::from_iter([Any::encode_from(&attribute)?])?))
}

impl FixedTag for Algorithm {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for Algorithm {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        exact(&Any::new(header.tag(), reader.read_vec(header.length())?)?).map(Self)
    }
}

impl EncodeValue for Algorithm {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

impl FixedTag for Passed {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for Passed {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_vec(header.length())?;
        Ok(Self)
    }
}

impl EncodeValue for Passed {
    fn value_len(&self) -> der::Result<Length> {
        Ok(Length::ZERO)
    }

    fn encode_value(&self, _: &mut impl Writer) -> der::Result<()> {
        Ok(())
    }
}
