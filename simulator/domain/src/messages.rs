//! Messages to the citizen: one-time codes, and a notice at every step of a consent (CNS-1, CNS-5). Texts stand beside
//! the chain; a one-time code is shown while it is good and is gone after its use.

use std::collections::BTreeMap;

use contract::control::Channel;
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Fact;

/// A message as the citizen got it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When.
    pub at: Timestamp,
    /// The way it came.
    pub channel: Channel,
    /// What about.
    pub subject: String,
    /// The whole text.
    pub text: String,
    /// The one-time code in the message, while it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The sign-in that the code is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
}

/// The room: messages by citizen, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Messages {
    by_citizen: BTreeMap<i64, Vec<Message>>,
}

impl Messages {
    /// Those of a citizen, oldest first.
    pub fn of(&self, citizen: i64) -> &[Message] {
        self.by_citizen.get(&citizen).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn apply(&mut self, at: Timestamp, citizen: Option<i64>, flow: Option<&str>, fact: &Fact) {
        let Some(citizen) = citizen else { return };
        match fact {
            Fact::MessageSent { channel, subject, text } => self.by_citizen.entry(citizen).or_default().push(Message {
                at,
                channel: *channel,
                subject: subject.clone(),
                text: text.clone().unwrap_or_default(),
                code: None,
                flow: flow.map(str::to_owned),
            }),
            Fact::OtpSent { code, .. } => self.by_citizen.entry(citizen).or_default().push(Message {
                at,
                channel: Channel::Sms,
                subject: "Код подтверждения".to_owned(),
                text: "Никому не сообщайте код подтверждения для входа на портал.".to_owned(),
                code: code.clone(),
                flow: flow.map(str::to_owned),
            }),
            // The operation is shown with its code; the code itself stands apart, to be gone after its use.
            Fact::MatterCodeSent { operation, code, .. } => {
                let held = self.by_citizen.entry(citizen).or_default();
                // A fresh code takes the place of the one before.
                held.iter_mut()
                    .filter(|message| message.flow.as_deref() == flow)
                    .for_each(|message| message.code = None);
                held.push(Message {
                    at,
                    channel: Channel::Sms,
                    subject: "Код подтверждения операции".to_owned(),
                    text: format!(
                        "Операция: {operation}. Код действует 5 минут и только для неё, никому его не сообщайте."
                    ),
                    code: code.clone(),
                    flow: flow.map(str::to_owned),
                });
            }
            Fact::OtpAccepted {} | Fact::MatterCodeAccepted { .. } | Fact::AuthorisationRefused { .. } => {
                for message in self.by_citizen.entry(citizen).or_default() {
                    if message.flow.as_deref() == flow {
                        message.code = None;
                    }
                }
            }
            _ => {}
        }
    }
}
