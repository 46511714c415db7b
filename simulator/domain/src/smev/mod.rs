//! The message exchange (SMEV 3): who sent what to whom, what waits in which queue, what was handed out and not yet
//! acknowledged, and how every message fares.
//!
//! A message that was handed out is reserved until its Ack; without one it comes back after a limit. Queues go by
//! recipient and kind, oldest first. What participants do oddly is told as an anomaly and refused only where the
//! exchange itself refuses it. The core sees values: envelopes, signatures and business schemas are the edge's.

mod decide;
mod message;
mod uuid;

use std::collections::BTreeMap;

use contract::smev::{Category, PORTAL};
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Fact;

pub(crate) use decide::{ack, ask, authorise, note, pull, respond, send, settle, status, taken};
pub use message::{
    AsyncFault, Attachment, Authority, Content, Message as SmevMessage, MessageKind, Payload, Reference, Rejection,
};

/// What a participant did oddly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it; each is told in the journal under its name")]
pub enum Anomaly {
    AckOfRequestId,
    AckRejected,
    AckUnknown,
    AttachmentMismatch,
    ClockAhead,
    ClockStale,
    DuplicateId,
    HalfSelector,
    MissingAck,
    PollTooFast,
    Unsigned,
    UuidNotVersion1,
    WrongElementSigned,
    WrongTo,
}

/// A message to be sent, as the edge has read and proved it.
#[derive(Clone, Debug)]
pub struct SmevSend {
    /// `sent_at` is set here, so is `recipient` of a response and everything that it takes from its request.
    pub message: SmevMessage,
    /// Of a response: the request that `To` stands for, where it stands for any.
    pub to: Option<String>,
    /// Whether its business root is registered at all.
    pub known: bool,
    /// The scope that a consumer must have been given to ask this.
    pub scope: Option<&'static str>,
}

/// What a Get* asks for.
#[derive(Clone, Debug)]
pub struct SmevPull {
    /// Whose queue.
    pub client_id: String,
    /// Which of the two queues.
    pub kind: MessageKind,
    /// Namespace and local name of the root; any without.
    pub selector: Option<(String, String)>,
    /// Only messages of this node.
    pub node: Option<String>,
    /// The newest first: no order is promised.
    pub newest: bool,
}

/// A message handed out.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The message.
    pub message: SmevMessage,
    /// When.
    pub delivered_at: Timestamp,
    /// From 1.
    pub attempt: u32,
}

/// A message with how it fares.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The message.
    pub message: SmevMessage,
    /// What its sender learns by GetStatus.
    pub status: Category,
    /// Words to it.
    pub details: Option<String>,
    /// How often it was handed out.
    pub attempts: u32,
    place: Place,
    /// The sender has not asked for this status yet.
    untold: bool,
    /// The attempt whose Ack was missed and told of.
    missed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Queued,
    Reserved(Timestamp),
    Gone,
}

impl Held {
    /// Whether it may be handed out now.
    fn waits(&self, now: Timestamp) -> bool {
        let free = match self.place {
            Place::Queued => true,
            Place::Reserved(until) => until <= now,
            Place::Gone => false,
        };
        free && self.message.eol.is_none_or(|eol| now < eol)
    }

    /// Handed out and neither acknowledged nor given back.
    pub fn is_reserved(&self, now: Timestamp) -> bool {
        matches!(self.place, Place::Reserved(until) if now < until)
    }

    /// Whether it was acknowledged, or taken out of its queue in another way.
    pub fn is_gone(&self) -> bool {
        self.place == Place::Gone
    }
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Smev {
    held: BTreeMap<String, Held>,
    /// In the order of sending.
    order: Vec<String>,
    /// Polls that found nothing, by mnemonic and queue.
    empty_polls: BTreeMap<(String, MessageKind), Timestamp>,
}

impl Smev {
    /// The message of this id.
    pub fn find(&self, id: &str) -> Option<&Held> {
        self.held.get(id)
    }

    /// Every message, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Held> {
        self.order.iter().filter_map(|id| self.held.get(id))
    }

    /// Requests to the portal that have no answer yet, oldest first.
    pub fn pending(&self) -> Vec<SmevMessage> {
        let open = |held: &&Held| {
            held.message.recipient == PORTAL && held.message.kind == MessageKind::Request && !held.is_gone()
        };
        self.all().filter(open).map(|held| held.message.clone()).collect()
    }

    /// How many messages of each root wait for a participant.
    pub fn statistics(&self, client_id: &str, now: Timestamp) -> Vec<((String, String), usize)> {
        let mut counts = BTreeMap::new();
        for held in self.all().filter(|held| held.message.recipient == client_id && held.waits(now)) {
            *counts.entry((held.message.namespace.clone(), held.message.root.clone())).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }

    /// The next message in a queue.
    pub fn peek<'a>(&'a self, ask: &'a SmevPull, now: Timestamp) -> Option<&'a Held> {
        if ask.newest { self.queue(ask, now).last() } else { self.queue(ask, now).next() }
    }

    /// How many messages wait in a queue.
    pub fn waiting(&self, ask: &SmevPull, now: Timestamp) -> usize {
        self.queue(ask, now).count()
    }

    fn queue<'a>(&'a self, ask: &'a SmevPull, now: Timestamp) -> impl Iterator<Item = &'a Held> {
        self.all().filter(move |held| {
            let message = &held.message;
            let wanted = ask.selector.as_ref();
            message.recipient == ask.client_id
                && message.kind == ask.kind
                && held.waits(now)
                && wanted.is_none_or(|(namespace, root)| *namespace == message.namespace && *root == message.root)
                && (ask.node.is_none() || message.node == ask.node)
        })
    }

    /// Reservations that end and requests whose end of life comes, with the instant.
    pub(crate) fn due(&self) -> impl Iterator<Item = (Timestamp, &Held)> {
        self.all().filter_map(|held| {
            let missing = match held.place {
                Place::Reserved(until) if held.missed < held.attempts => Some(until),
                _ => None,
            };
            let over = held.message.eol.filter(|_| !held.is_gone());
            missing.into_iter().chain(over).min().map(|at| (at, held))
        })
    }

    pub(crate) fn apply(&mut self, at: Timestamp, partner: Option<&str>, fact: &Fact) {
        match fact {
            Fact::SmevSent { message } => {
                let status = match message.kind {
                    MessageKind::Request => Category::RequestIsQueued,
                    MessageKind::Response => Category::ResponseIsAcceptedBySmev,
                };
                if let Some(answered) = message.original.as_ref().and_then(|id| self.held.get_mut(id)) {
                    answered.status = Category::ResponseIsAcceptedBySmev;
                    answered.untold = true;
                    if answered.message.recipient == PORTAL {
                        answered.place = Place::Gone;
                    }
                }
                let held = Held {
                    message: (**message).clone(),
                    status,
                    details: None,
                    attempts: 0,
                    place: Place::Queued,
                    untold: true,
                    missed: 0,
                };
                self.order.push(message.id.clone());
                self.held.insert(message.id.clone(), held);
            }
            Fact::SmevDelivered { id, until, attempt } | Fact::SmevRedelivered { id, until, attempt } => {
                if let Some(held) = self.held.get_mut(id) {
                    held.place = Place::Reserved(*until);
                    held.attempts = *attempt;
                    if held.message.kind == MessageKind::Request && *attempt == 1 {
                        held.status = Category::UnderProcessing;
                        held.untold = true;
                    }
                }
            }
            Fact::SmevAcked { id, .. } => {
                if let Some(held) = self.held.get_mut(id) {
                    held.place = Place::Gone;
                    if held.message.kind == MessageKind::Response {
                        held.status = Category::ResponseIsDelivered;
                        held.untold = true;
                    }
                }
            }
            Fact::SmevStatus { id, status, details, told } => {
                if let Some(held) = self.held.get_mut(id) {
                    held.untold = !told;
                    if !told {
                        held.status = *status;
                        held.details.clone_from(details);
                        if matches!(status, Category::Cancelled | Category::MessageIsArchived) {
                            held.place = Place::Gone;
                        }
                    }
                }
            }
            Fact::SmevPolled { kind } => {
                if let Some(client_id) = partner {
                    self.empty_polls.insert((client_id.to_owned(), *kind), at);
                }
            }
            Fact::SmevAnomaly { what: Anomaly::MissingAck, id: Some(id), .. } => {
                if let Some(held) = self.held.get_mut(id) {
                    held.missed = held.attempts;
                }
            }
            _ => {}
        }
    }
}
