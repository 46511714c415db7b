//! A refusal as a SOAP fault, from its row of the error registry: `soap:Server` with a typed fault of the exchange, or
//! a fault of SOAP itself.

use contract::error;
use contract::smev::{SOAP, Version};
use domain::Refusal;

use super::xml::{el, escaped};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::refuse::{diagnosis_header, note};
use crate::portal::Sandbox;

/// A refusal with the fields of its own that the typed fault carries.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) refusal: Refusal,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, fields: Vec::new() }
    }
}

impl From<super::xml::Breach> for Fault {
    fn from(breach: super::xml::Breach) -> Self {
        let refusal = Refusal::new("smev-content", "smev-envelope-schema")
            .check("schema of the message")
            .seen(format!("{} {}", breach.path, breach.what))
            .wanted("elements of the schema in its order; see ?wsdl");
        Self { refusal, fields: vec![("ValidationError", format!("{}: {}", breach.path, breach.what))] }
    }
}

/// What a row is on the wire.
enum Form {
    /// A code of SOAP itself.
    Soap(&'static str),
    /// A typed fault, with the value of its inner enumeration where it has one.
    Typed(&'static str, Option<&'static str>),
}

fn form(code: &str) -> Form {
    let signature = |inner| Form::Typed("SignatureVerificationFault", Some(inner));
    match code {
        "smev-action" | "smev-media-type" | "smev-operation-unknown" | "smev-xml" => Form::Soap("Client"),
        "smev-version-mismatch" => Form::Soap("VersionMismatch"),
        "smev-must-understand" => Form::Soap("MustUnderstand"),
        "smev-envelope" => signature("PoorSOAPEnvelopeFormat"),
        "smev-signature-absent" => signature("NoSignatureFound"),
        "smev-signature-target" => signature("IncorrectSignatureTarget"),
        "smev-signature-invalid" => signature("SignatureIsInvalid"),
        "smev-certificate-absent" => signature("CertificateIsNotFound"),
        "smev-certificate-expired" => signature("CertificateIsExpired"),
        "smev-content" => Form::Typed("InvalidContent", None),
        "smev-type-unknown" => Form::Typed("BusinessDataTypeIsNotSupported", None),
        "smev-selector-unknown" => Form::Typed("UnknownMessageType", None),
        "smev-attachments" => Form::Typed("AttachmentContentMiscoordination", None),
        "smev-attachment-size" => Form::Typed("AttachmentSizeLimitExceeded", None),
        "smev-quota" => Form::Typed("QuoteLimitExceeded", None),
        "smev-access-denied" => Form::Typed("AccessDenied", None),
        "smev-sender-unknown" => Form::Typed("SenderIsNotRegistered", None),
        "smev-recipient-unknown" => Form::Typed("RecipientIsNotFound", None),
        "smev-response-type" => Form::Typed("IncorrectResponseContentType", None),
        "smev-transaction-code" => Form::Typed("TransactionCodeInvalid", None),
        "smev-end-of-life" => Form::Typed("EndOfLifeReached", None),
        "smev-target-not-found" => Form::Typed("TargetMessageIsNotFound", None),
        "smev-message-id-format" => Form::Typed("InvalidMessageIdFormat", None),
        "smev-message-id-stale" => Form::Typed("StaleMessageId", None),
        "smev-message-already-sent" => Form::Typed("MessageIsAlreadySent", None),
        _ => Form::Typed("SMEVFailure", None),
    }
}

/// `SMEV-100`, `SMEV-403` are seen on the real bus; others are formed alike.
fn number(code: &str) -> &'static str {
    match code {
        "smev-certificate-expired" => "SMEV-100",
        "smev-content" => "SMEV-403",
        "smev-signature-absent" | "smev-signature-target" | "smev-signature-invalid" | "smev-certificate-absent" => {
            "SMEV-101"
        }
        "smev-envelope" => "SMEV-102",
        "smev-sender-unknown" | "smev-access-denied" => "SMEV-401",
        "internal" => "SMEV-500",
        _ => "SMEV-400",
    }
}

/// `{basic}Description`.
pub(crate) fn description(code: &str) -> String {
    format!("{}:{}", number(code), error::row(code).reason.ru)
}

/// The fault as text.
pub(crate) fn envelope(version: Version, fault: &Fault) -> String {
    let code = fault.refusal.code.as_str();
    let row = error::row(code);
    let (faultcode, detail) = match form(code) {
        Form::Soap(name) => (name, String::new()),
        Form::Typed(name, inner) => {
            let node = "tsmev3:STEND:N1 : TR:SYNC:SPS:1";
            let mut fields = format!("{}{}", el("b:Code", node), el("b:Description", &description(code)));
            for (field, value) in &fault.fields {
                if *field == "ValidationError" {
                    let (at, what) = value.split_once(": ").unwrap_or(("", value));
                    fields.push_str(&format!(
                        "<f:ValidationError errorPosition=\"{}\">{}</f:ValidationError>",
                        escaped(at),
                        escaped(what)
                    ));
                } else {
                    fields.push_str(&el(&format!("f:{field}"), value));
                }
            }
            if let Some(inner) = inner {
                fields.push_str(&el("f:SignatureVerificationFault", inner));
            }
            let open = format!("<f:{name} xmlns:f=\"{}\" xmlns:b=\"{}\">", version.faults(), version.basic());
            ("Server", format!("<detail>{open}{fields}</f:{name}></detail>"))
        }
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"{SOAP}\"><soap:Header/><soap:Body>\
         <soap:Fault><faultcode>soap:{faultcode}</faultcode><faultstring xml:lang=\"ru\">{}</faultstring>{detail}\
         </soap:Fault></soap:Body></soap:Envelope>",
        escaped(&row.reason.ru)
    )
}

/// Journals a refusal and answers it.
pub(crate) async fn answer(sandbox: &Sandbox, caller: &Caller, version: Version, fault: &Fault) -> Answer {
    note(sandbox, caller, &fault.refusal).await;
    let status = error::row(&fault.refusal.code).status;
    let answer = super::xml_answer(status, envelope(version, fault));
    match diagnosis_header(sandbox, &fault.refusal) {
        Some(diagnosis) => answer.with(contract::control::DIAGNOSIS_HEADER, diagnosis),
        None => answer,
    }
}

#[cfg(test)]
mod tests {
    use crypto::xmldsig::{Document, Limits};

    use super::*;

    #[test]
    fn every_row_of_the_exchange_is_a_fault_that_can_be_read() {
        let rows = error::all().iter().filter(|row| row.form == error::Form::Soap);
        for row in rows {
            let text = envelope(Version::V1_1, &Refusal::new(&row.code, "x").into());
            let document = Document::parse(text.as_bytes(), Limits::default()).unwrap();
            let code = document.elements().find(|element| element.name() == "faultcode").unwrap().text();
            let typed = document.elements().any(|element| element.namespace() == Version::V1_1.faults());
            assert_eq!(typed, code == "soap:Server", "{}", row.code);
            assert!(!matches!(form(&row.code), Form::Typed("SMEVFailure", _)), "{}", row.code);
        }
    }

    #[test]
    fn a_typed_fault_carries_code_description_and_its_own_fields() {
        let fault = Fault { refusal: Refusal::new("smev-certificate-expired", "x"), fields: Vec::new() };
        let text = envelope(Version::V1_2, &fault);
        assert!(text.contains("SMEV-100:") && text.contains(">CertificateIsExpired<"), "{text}");
    }
}
