//! Names of SMEV 3 that every participant writes: versions, namespaces, operations, statuses.

use serde::{Deserialize, Serialize};

/// Namespace of SOAP 1.1 envelopes.
pub const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// Namespace of XOP, in which a part of the message stands for its content.
pub const XOP: &str = "http://www.w3.org/2004/08/xop/include";
/// Mnemonic of the portal as provider and consumer.
pub const PORTAL: &str = "STEND";
/// Where a request of a public type names consent, person and purpose.
pub const AUTHORITY: &str = "urn:stend:authority:1.0";

/// Versions of the message exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Version {
    /// 1.1: the only one with queue statistics.
    #[serde(rename = "1.1")]
    V1_1,
    /// 1.2
    #[serde(rename = "1.2")]
    V1_2,
    /// 1.3: routing, names of files, namespaces of attachments.
    #[serde(rename = "1.3")]
    V1_3,
}

const BASE: &str = "urn://x-artefacts-smev-gov-ru/services/message-exchange";

impl Version {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::V1_1, Self::V1_2, Self::V1_3];

    /// `1.1`
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    /// The one written so.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// Namespace of the service: the WSDL's.
    pub fn service(self) -> String {
        format!("{BASE}/{}", self.as_str())
    }

    /// Namespace of the messages.
    pub fn types(self) -> String {
        format!("{BASE}/types/{}", self.as_str())
    }

    /// Namespace of the parts that messages share.
    pub fn basic(self) -> String {
        format!("{BASE}/types/basic/{}", self.as_str())
    }

    /// Namespace of the faults.
    pub fn faults(self) -> String {
        format!("{BASE}/types/faults/{}", self.as_str())
    }

    /// Namespace of routing, in 1.3.
    pub fn routing(self) -> String {
        format!("{BASE}/types/routing/{}", self.as_str())
    }
}

/// The calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A message of the queue was stored.
    Ack,
    /// How many messages wait.
    GetIncomingQueueStatistics,
    /// A request, for a provider.
    GetRequest,
    /// A response, for a consumer.
    GetResponse,
    /// How a message sent earlier fares.
    GetStatus,
    /// A consumer asks.
    SendRequest,
    /// A provider answers.
    SendResponse,
}

impl Operation {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Ack,
        Self::GetIncomingQueueStatistics,
        Self::GetRequest,
        Self::GetResponse,
        Self::GetStatus,
        Self::SendRequest,
        Self::SendResponse,
    ];

    /// As it stands in `SOAPAction` behind `urn:`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ack => "Ack",
            Self::GetIncomingQueueStatistics => "GetIncomingQueueStatistics",
            Self::GetRequest => "GetRequest",
            Self::GetResponse => "GetResponse",
            Self::GetStatus => "GetStatus",
            Self::SendRequest => "SendRequest",
            Self::SendResponse => "SendResponse",
        }
    }

    /// Whether this version has it.
    pub fn is_in(self, version: Version) -> bool {
        self != Self::GetIncomingQueueStatistics || version == Version::V1_1
    }
}

/// What became of a message (`StatusCategory`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the exchange")]
pub enum Category {
    DoesNotExist,
    RequestIsQueued,
    RequestIsAcceptedBySmev,
    RequestIsRejectedBySmev,
    UnderProcessing,
    ResponseIsAcceptedBySmev,
    ResponseIsRejectedBySmev,
    Cancelled,
    ResponseIsDelivered,
    MessageIsArchived,
    MessageIsDelivered,
}

impl Category {
    /// As this version writes it: 1.1 knows `responseIsDelivered`, the later ones `messageIsDelivered`.
    pub const fn as_str(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::DoesNotExist, _) => "doesNotExist",
            (Self::RequestIsQueued, _) => "requestIsQueued",
            (Self::RequestIsAcceptedBySmev, _) => "requestIsAcceptedBySmev",
            (Self::RequestIsRejectedBySmev, _) => "requestIsRejectedBySmev",
            (Self::UnderProcessing, _) => "underProcessing",
            (Self::ResponseIsAcceptedBySmev, _) => "responseIsAcceptedBySmev",
            (Self::ResponseIsRejectedBySmev, Version::V1_1) => "requestIsRejectedBySmev",
            (Self::ResponseIsRejectedBySmev, _) => "responseIsRejectedBySmev",
            (Self::Cancelled, _) => "cancelled",
            (Self::ResponseIsDelivered | Self::MessageIsDelivered | Self::MessageIsArchived, Version::V1_1) => {
                "responseIsDelivered"
            }
            (Self::ResponseIsDelivered | Self::MessageIsDelivered, _) => "messageIsDelivered",
            (Self::MessageIsArchived, _) => "messageIsArchived",
        }
    }
}

/// Why a provider gives no answer (`RejectionReasonCode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are those of the exchange")]
pub enum Reason {
    AccessDenied,
    NoData,
    UnknownRequestDescription,
    Failure,
}

impl Reason {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::AccessDenied, Self::NoData, Self::UnknownRequestDescription, Self::Failure];

    /// On the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "ACCESS_DENIED",
            Self::NoData => "NO_DATA",
            Self::UnknownRequestDescription => "UNKNOWN_REQUEST_DESCRIPTION",
            Self::Failure => "FAILURE",
        }
    }

    /// The one written so.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A published description: `service` is the WSDL, the others are schemas. They name each other as files; the WSDL's
/// address is the word SERVICE.
pub fn description(version: Version, name: &str) -> Option<&'static str> {
    macro_rules! files {
        ($($variant:ident $folder:literal: $($file:literal)+;)+) => {
            match version {
                $(Version::$variant => match name {
                    "service" => Some(include_str!(concat!("../api/smev/", $folder, "/service.wsdl"))),
                    $($file => Some(include_str!(concat!("../api/smev/", $folder, "/", $file, ".xsd"))),)+
                    _ => None,
                },)+
            }
        };
    }
    files! {
        V1_1 "1.1": "types" "basic" "faults";
        V1_2 "1.2": "types" "basic" "faults";
        V1_3 "1.3": "types" "basic" "faults" "routing" "directive";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_its_namespaces_and_operations() {
        assert_eq!(Version::V1_2.basic(), "urn://x-artefacts-smev-gov-ru/services/message-exchange/types/basic/1.2");
        assert_eq!(Version::named("1.3"), Some(Version::V1_3));
        assert!(Operation::GetIncomingQueueStatistics.is_in(Version::V1_1));
        assert!(!Operation::GetIncomingQueueStatistics.is_in(Version::V1_3));
        assert_eq!(Category::ResponseIsDelivered.as_str(Version::V1_2), "messageIsDelivered");
    }
}
