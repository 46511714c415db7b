//! Lies about documents, encrypted answers and the portal's questions to a bank: where the honest thing is no JSON.

use contract::time::Timestamp;
use serde_json::json;

use super::answer::{Answer, Content};
use super::delivery::{By, Plan};
use super::{Hooks, Operation};
use crate::edge::caller::Caller;

/// In a bank's own answer to a question nothing is lied about: the lie is in the question.
pub(crate) const BANKING: &[&str] = &["banking-signature-wrong", "banking-unsigned"];
pub(super) const CODE: &str = "document-code-wrong";
pub(super) const FOREIGN: &str = "document-signature-foreign";
pub(super) const SEALED: &[&str] = &["envelope-for-another", "envelope-plain", "envelope-tampered"];

type Change = fn(&mut Answer) -> bool;

/// Slug, where it may be told, what it does.
pub(super) const PAPERS: &[(&str, Operation, Change)] = &[
    ("document-signature-wrong", Operation::SignatureRead, |answer| {
        changed(answer, |bytes| match bytes.last_mut() {
            // The value of the signature is the last thing in it.
            Some(last) => {
                *last ^= 1;
                true
            }
            None => false,
        })
    }),
    ("order-document-altered", Operation::PaperRead, |answer| {
        changed(answer, |bytes| {
            // Still a paper that opens: a comment after its end.
            bytes.extend_from_slice(b"\n% altered on the way\n");
            true
        })
    }),
];

/// How an answer is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sealing {
    ForAnother,
    Honest,
    Plain,
    Tampered,
}

fn changed(answer: &mut Answer, change: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
    let Content::Bytes(bytes) = &answer.content else { return false };
    let mut altered = bytes.to_vec();
    let told = answer.status == 200 && change(&mut altered);
    if told {
        answer.content = Content::Bytes(altered.into());
    }
    told
}

impl Hooks<'_> {
    /// Whether and how an answer that is to be encrypted is.
    pub(crate) fn sealing(&self, caller: &Caller, citizen: Option<i64>) -> Sealing {
        let lies = self.sandbox.armed().matching(caller.exchange, citizen, |slug| SEALED.contains(&slug));
        let told = lies.into_iter().find(|lie| self.tell(caller, lie, "in encrypting the answer"));
        match told.map(|lie| lie.slug) {
            Some("envelope-for-another") => Sealing::ForAnother,
            Some("envelope-plain") => Sealing::Plain,
            Some(_) => Sealing::Tampered,
            None => Sealing::Honest,
        }
    }

    /// Whether a document is to be signed by a key of another authority.
    pub(crate) fn signed_by_stranger(&self, caller: &Caller, citizen: Option<i64>) -> bool {
        let lies = self.sandbox.armed().matching(caller.exchange, citizen, |slug| slug == FOREIGN);
        lies.iter().any(|lie| self.tell(caller, lie, "in the signature of the document"))
    }

    /// The check of a document by its code.
    pub(crate) fn document_check(&self, caller: &Caller, citizen: i64, answer: &mut Answer) {
        for lie in self.sandbox.armed().matching(caller.exchange, Some(citizen), |slug| slug == CODE) {
            let Some(members) = answer.object() else { return };
            if members.get("valid") != Some(&json!(true)) || !self.tell(caller, &lie, "in the check by the code") {
                continue;
            }
            let Some(members) = answer.object() else { return };
            if lie.text("as") == Some("other") {
                members.insert("sha256".to_owned(), json!(crypto::digest::sha256_hex(b"another document")));
            } else {
                members.clear();
                members.insert("valid".to_owned(), json!(false));
            }
        }
    }

    /// A question of the portal to a bank.
    pub(crate) fn banking(&self, caller: &Caller, citizen: i64, plan: &mut Plan) {
        for lie in self.sandbox.armed().matching(caller.exchange, Some(citizen), |slug| BANKING.contains(&slug)) {
            if !self.tell(caller, &lie, "in the question to the bank") {
                continue;
            }
            match lie.slug {
                "banking-unsigned" => plan.by = By::Nobody,
                _ => plan.break_signature = true,
            }
        }
    }
}

impl Plan {
    /// An honest message to this address.
    pub(crate) fn honest(url: &str, body: &str, at: Timestamp) -> Self {
        Self {
            signed_target: url.to_owned(),
            signed_body: body.to_owned(),
            sent_body: body.to_owned(),
            created: at.seconds(),
            covers_digest: true,
            by: By::Honest,
            break_signature: false,
            times: 1,
            then: None,
        }
    }
}
