//! The operations: each reads its call, asks the core, writes the answer.

use std::sync::Arc;

use contract::smev::{Category, Operation, Version};
use crypto::xmldsig::Lies;
use domain::{Anomaly, Command, MessageKind, Payload, Refusal, Reply, SmevDelivery, SmevMessage, SmevPull, SmevSend};

use super::caller::{Signer, prove};
use super::envelope::Envelope;
use super::fault::Fault;
use super::read::{self, Context};
use super::sign::{self, BUS, pen};
use super::write::{self, Handout, Metadata, reply_to};
use super::{business, provide};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::faults::smev::Looked;
use crate::portal::Sandbox;

/// One call with what it is served by.
pub(super) struct Served<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) caller: &'a Caller,
    pub(super) version: Version,
}

fn unexpected() -> Refusal {
    Refusal::new("internal", "unexpected-reply").check("reply of the core")
}

impl Served<'_> {
    pub(super) async fn answer(&self, envelope: &Envelope) -> Result<Answer, Fault> {
        let (types, basic) = (self.version.types(), self.version.basic());
        let call = envelope.call().ok_or_else(unexpected)?;
        let signed = match envelope.operation {
            Operation::Ack => (basic.as_str(), "AckTargetMessage"),
            Operation::GetIncomingQueueStatistics | Operation::GetStatus => (basic.as_str(), "Timestamp"),
            Operation::GetRequest | Operation::GetResponse => (basic.as_str(), "MessageTypeSelector"),
            Operation::SendRequest => (types.as_str(), "SenderProvidedRequestData"),
            Operation::SendResponse => (types.as_str(), "SenderProvidedResponseData"),
        };
        let parts = read::call(self.version, call, signed)?;
        let signer = prove(self.sandbox, self.caller, parts.signed, parts.holder).await?;
        match envelope.operation {
            Operation::Ack => {
                let (id, accepted) = read::ack(parts.signed)?;
                if let Some(answer) = self.sandbox.faults().smev_ack(self.caller, &id) {
                    return Ok(answer);
                }
                let command = Command::SmevAck { client_id: signer.client_id, id, accepted };
                self.sandbox.execute(self.caller, command).await?;
                Ok(super::xml_answer(200, write::envelope("", &write::answer(self.version, "AckResponse", ""))))
            }
            Operation::GetIncomingQueueStatistics => {
                read::time(parts.signed)?;
                Ok(self.statistics(&signer))
            }
            Operation::GetStatus => {
                read::time(parts.signed)?;
                Ok(self.status(&signer).await?)
            }
            Operation::GetRequest | Operation::GetResponse => {
                let kind = if envelope.operation == Operation::GetRequest {
                    MessageKind::Request
                } else {
                    MessageKind::Response
                };
                self.pull(&signer, kind, parts.signed).await
            }
            Operation::SendRequest | Operation::SendResponse => self.send(envelope, &signer, &parts).await,
        }
    }

    async fn send(&self, envelope: &Envelope, signer: &Signer, parts: &read::Call<'_>) -> Result<Answer, Fault> {
        let sandbox = self.sandbox;
        let context = Context {
            version: self.version,
            parts: &envelope.parts,
            files: &sandbox.smev().files,
            inline: u64::from(sandbox.limits().smev_inline),
        };
        let request = envelope.operation == Operation::SendRequest;
        let read = if request {
            read::request(&context, parts, &signer.client_id)
        } else {
            read::response(&context, parts, &signer.client_id)
        };
        let mut sent = match read {
            Ok(sent) => sent,
            Err(fault) => {
                if fault.refusal.code == "smev-attachments" {
                    self.note(signer, Anomaly::AttachmentMismatch, &fault.refusal.seen).await?;
                }
                return Err(fault);
            }
        };
        let named = (sent.message.namespace.clone(), sent.message.root.clone());
        let kind = business::find(&named.0, &named.1);
        if request && sent.message.person.is_none() {
            sent.message.person = kind.as_ref().and_then(|kind| person(kind, &sent.message));
        }
        let to = sent.to.as_deref().and_then(|to| self.asked(to, &signer.client_id));
        let command = SmevSend {
            message: sent.message,
            to,
            known: kind.is_some(),
            scope: kind.as_ref().and_then(business::Kind::scope),
        };
        let reply = sandbox.execute(self.caller, Command::SmevSend(Box::new(command))).await;
        let reply = reply.map_err(|refusal| with_fields(refusal, &named))?;
        let Reply::SmevSent(message) = reply else { return Err(unexpected().into()) };
        if request {
            provide::pending(sandbox, self.caller, &signer.client_id).await;
        } else {
            provide::take_over(sandbox, self.caller, &message).await;
        }
        let name = if request { "SendRequestResponse" } else { "SendResponseResponse" };
        let status = if request { Category::RequestIsQueued } else { Category::ResponseIsAcceptedBySmev };
        let metadata = self.metadata(&message, None, Some(status));
        let pen = pen(sandbox, BUS, signer.family).await?;
        let text = write::taken(self.version, name, &metadata, &pen, Lies::default())?;
        Ok(super::xml_answer(200, text))
    }

    /// The request that a `To` stands for.
    fn asked(&self, to: &str, client_id: &str) -> Option<String> {
        self.sandbox.read(|world| {
            let mut asked = world
                .smev
                .all()
                .filter(|held| held.message.recipient == client_id && held.message.kind == MessageKind::Request);
            asked.find(|held| reply_to(&held.message) == to).map(|held| held.message.id.clone())
        })
    }

    async fn note(&self, signer: &Signer, what: Anomaly, seen: &str) -> Result<(), Refusal> {
        let client_id = Some(signer.client_id.clone());
        let command = Command::SmevNote { client_id, what, seen: seen.to_owned() };
        self.sandbox.execute(self.caller, command).await.map(|_| ())
    }

    async fn pull(
        &self,
        signer: &Signer,
        kind: MessageKind,
        element: crypto::xmldsig::Element<'_>,
    ) -> Result<Answer, Fault> {
        let selector = match read::selector(self.version, element) {
            Ok(selector) => selector,
            Err(breach) => return Err(breach.into()),
        };
        if selector.half {
            self.note(signer, Anomaly::HalfSelector, "NamespaceURI or RootElementLocalName alone").await?;
            let breach = super::xml::Breach::at(element, "names half of a root element");
            return Err(breach.into());
        }
        if let Some((namespace, root)) = &selector.root
            && business::find(namespace, root).is_none()
            && !business::is_asked(namespace, root)
        {
            return Err(Refusal::new("smev-selector-unknown", "smev-selector-unknown")
                .check("MessageTypeSelector")
                .seen(format!("{{{namespace}}}{root}"))
                .wanted("the root of a request of a registered type, or no pair")
                .into());
        }
        if kind == MessageKind::Response {
            provide::pending(self.sandbox, self.caller, &signer.client_id).await;
        }
        let ask = SmevPull {
            client_id: signer.client_id.clone(),
            kind,
            selector: selector.root,
            node: selector.node,
            newest: false,
        };
        let ask = match self.sandbox.faults().smev_queue(self.caller, ask, self.version) {
            Looked::Answer(answer) => return Ok(*answer),
            Looked::Again(delivery) => return self.hand_out(signer, *delivery).await,
            Looked::Honest(ask) => ask,
        };
        let reply = self.sandbox.execute(self.caller, Command::SmevPull(ask)).await?;
        let Reply::SmevPulled(found) = reply else { return Err(unexpected().into()) };
        let Some(delivery) = found else { return Ok(empty(self.version, kind)) };
        self.hand_out(signer, *delivery).await
    }

    async fn hand_out(&self, signer: &Signer, delivery: SmevDelivery) -> Result<Answer, Fault> {
        let sandbox = self.sandbox;
        let SmevDelivery { message, delivered_at, .. } = delivery;
        let original = message.original.as_ref();
        let asked = original.and_then(|id| sandbox.read(|world| world.smev.find(id).map(|held| held.message.clone())));
        let mut passes = Vec::new();
        if let Some(Payload::Content(content)) = message.payload.as_deref() {
            for file in &content.references {
                let pass = (sandbox.draw().hex(8), sandbox.draw().hex(16));
                sandbox.smev().files.admit(&file.uuid, &pass.0, &pass.1);
                passes.push(pass);
            }
        }
        let status = (message.kind == MessageKind::Response).then_some(Category::ResponseIsAcceptedBySmev);
        let handout = Handout {
            version: self.version,
            metadata: self.metadata(&message, Some(delivered_at), status),
            reply_to: asked.as_ref().map_or_else(|| reply_to(&message), reply_to),
            message,
            passes,
            head: String::new(),
        };
        Ok(sandbox.faults().smev_handout(self.caller, handout, signer.family).await?)
    }

    fn metadata(
        &self,
        message: &SmevMessage,
        delivered_at: Option<contract::time::Timestamp>,
        status: Option<Category>,
    ) -> Metadata {
        let who = |mnemonic: &str| {
            let title = self.sandbox.read(|world| write::title(mnemonic, world));
            Some((mnemonic.to_owned(), title))
        };
        Metadata {
            id: Some(message.id.clone()),
            kind: message.kind.as_str(),
            sender: who(&message.sender),
            sent_at: Some(message.sent_at),
            recipient: who(&message.recipient),
            delivered_at,
            status,
        }
    }

    fn statistics(&self, signer: &Signer) -> Answer {
        let now = self.sandbox.now();
        let counts = self.sandbox.read(|world| world.smev.statistics(&signer.client_id, now));
        let rows: String = counts
            .iter()
            .map(|((namespace, root), count)| {
                let name = super::xml::escaped(&format!("{{{namespace}}}{root}"));
                format!("<m:QueueStatistics queueName=\"{name}\" pendingMessageNumber=\"{count}\"/>")
            })
            .collect();
        let body = write::answer(self.version, "GetIncomingQueueStatisticsResponse", &rows);
        super::xml_answer(200, write::envelope("", &body))
    }

    async fn status(&self, signer: &Signer) -> Result<Answer, Refusal> {
        let command = Command::SmevStatus { client_id: signer.client_id.clone() };
        let Reply::SmevStatus(news) = self.sandbox.execute(self.caller, command).await? else {
            return Err(unexpected());
        };
        let Some(held) = news else {
            let body = write::answer(self.version, "GetStatusResponse", "");
            return Ok(super::xml_answer(200, write::envelope("", &body)));
        };
        let status = write::processing(self.version, &held.message.id, held.status, held.details.as_deref(), None);
        let inner = format!(
            "<m:SmevAsyncProcessingMessage><m:AsyncProcessingStatusData Id=\"SIGNED_ASYNC_BY_SMEV\">{status}\
             </m:AsyncProcessingStatusData><m:SMEVSignature/></m:SmevAsyncProcessingMessage>"
        );
        let text = write::envelope("", &write::answer(self.version, "GetStatusResponse", &inner));
        let pen = pen(self.sandbox, BUS, signer.family).await?;
        let text = sign::into(&text, "AsyncProcessingStatusData", "SMEVSignature", &pen, Lies::default())?;
        Ok(super::xml_answer(200, text))
    }
}

/// The answer of a Get* to an empty queue.
pub(crate) fn empty(version: Version, kind: MessageKind) -> Answer {
    let name = if kind == MessageKind::Request { "GetRequestResponse" } else { "GetResponseResponse" };
    super::xml_answer(200, write::envelope("", &write::answer(version, name, "")))
}

/// Whom a request is about, where its content says so.
fn person(kind: &business::Kind, message: &SmevMessage) -> Option<i64> {
    let payload: &Arc<Payload> = message.payload.as_ref()?;
    let Payload::Content(content) = &**payload else { return None };
    kind.authority(content).ok().flatten().map(|authority| authority.person)
}

/// The fields of its own that a fault has.
fn with_fields(refusal: Refusal, (namespace, root): &(String, String)) -> Fault {
    let fields = match refusal.code.as_str() {
        "smev-type-unknown" => {
            vec![("RootElementLocalName", root.clone()), ("RootElementNamespaceURI", namespace.clone())]
        }
        _ => Vec::new(),
    };
    Fault { refusal, fields }
}
