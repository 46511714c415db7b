//! The message exchange on the wire: each call of the bank to `/smev/…` with its envelope and the portal's, read by the
//! verifying half of `crypto`. What cannot be read is absent: a rule then says so, or judges by the lie that was told.

use contract::exchange::{Exchange, Party};
use contract::smev::{Operation, Version};
use crypto::xmldsig::{Document, Element, Limits};

use super::{Reading, wire};

/// A call of the message exchange.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The call.
    pub exchange: &'a Exchange,
    /// Of the address.
    pub version: Version,
    /// By `SOAPAction`.
    pub operation: Operation,
    /// What the bank sent.
    pub request: Option<Document>,
    /// What the portal answered.
    pub answer: Option<Document>,
}

/// Every call of the exchange, in order.
pub fn read<'a>(reading: &Reading<'a>) -> Vec<Envelope<'a>> {
    let calls = reading.exchanges.iter().copied().filter(|exchange| {
        exchange.from == Party::Bank && exchange.to == Party::Portal && exchange.request.method == "POST"
    });
    calls
        .filter_map(|exchange| {
            let path = wire::path(&exchange.request.url);
            let version = Version::named(path.strip_prefix("/smev/")?)?;
            let action = wire::sent(exchange, "soapaction").unwrap_or_default().trim_matches('"');
            let operation = action.strip_prefix("urn:").unwrap_or(action);
            let operation = Operation::ALL.into_iter().find(|known| known.as_str() == operation)?;
            let answer = exchange.response.as_ref().and_then(|response| document(response.body.text()));
            Some(Envelope { exchange, version, operation, request: document(exchange.request.body.text()), answer })
        })
        .collect()
}

/// The envelope in a body: all of it, or the root part of a multipart message.
fn document(body: &str) -> Option<Document> {
    let end = body.rfind("Envelope>")? + "Envelope>".len();
    let start = body.find("<?xml").or_else(|| body.find('<'))?;
    Document::parse(body.get(start..end)?.as_bytes(), Limits::default()).ok()
}

/// The first element of this local name.
pub fn named<'d>(document: &'d Document, name: &str) -> Option<Element<'d>> {
    document.elements().find(|element| element.name() == name)
}

impl Envelope<'_> {
    /// The text of the first element of this name in the bank's envelope.
    pub fn sent(&self, name: &str) -> Option<String> {
        Some(named(self.request.as_ref()?, name)?.text().trim().to_owned())
    }

    /// The text of the first element of this name in the portal's envelope.
    pub fn got(&self, name: &str) -> Option<String> {
        Some(named(self.answer.as_ref()?, name)?.text().trim().to_owned())
    }

    /// The id that the bank gave its message.
    pub fn message_id(&self) -> Option<String> {
        self.sent("MessageID")
    }

    /// The id of the message that the portal handed out: of the provided data, not of the request it answers.
    pub fn handed_out(&self) -> Option<String> {
        let answer = self.answer.as_ref()?;
        let data = answer
            .elements()
            .find(|element| ["SenderProvidedRequestData", "SenderProvidedResponseData"].contains(&element.name()))?;
        let id = data.children().find(|child| child.name() == "MessageID")?;
        Some(id.text().trim().to_owned())
    }

    /// Which message is acknowledged, and whether it was taken.
    pub fn acknowledged(&self) -> Option<(String, bool)> {
        let target = named(self.request.as_ref()?, "AckTargetMessage")?;
        Some((target.text().trim().to_owned(), target.attribute("accepted") == Some("true")))
    }

    /// The content that the bank sent, as it stands in the envelope, without ids and times around it.
    pub fn content(&self) -> Option<String> {
        let content = named(self.request.as_ref()?, "MessagePrimaryContent")?;
        Some(content.children().next()?.source().to_owned())
    }

    /// The content that the portal handed out: its root.
    pub fn told(&self) -> Option<Element<'_>> {
        named(self.answer.as_ref()?, "MessagePrimaryContent")?.children().next()
    }

    /// The poll found nothing.
    pub fn is_empty_poll(&self) -> bool {
        let is_poll = matches!(self.operation, Operation::GetRequest | Operation::GetResponse);
        let nothing = |answer: &Document| named(answer, "Fault").is_none() && self.handed_out().is_none();
        is_poll && wire::status(self.exchange) == 200 && self.answer.as_ref().is_some_and(nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_found_in_a_multipart_body() {
        let soap = r#"<s:Envelope xmlns:s="urn:x"><s:Body><a xmlns="urn:y">1</a></s:Body></s:Envelope>"#;
        let body = format!("--b\r\nContent-Type: application/xop+xml\r\n\r\n{soap}\r\n--b\r\n\r\nbytes\r\n--b--");
        let document = document(&body).unwrap();
        assert_eq!(named(&document, "a").unwrap().text(), "1");
        assert!(super::document("no envelope").is_none());
    }
}
