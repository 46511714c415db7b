//! The one place where the portal lies. A lie is armed through the control API, told through one of the hooks below,
//! counted, journalled as `fault.told` and tagged on the exchange. Unarmed, every hook does nothing.
//!
//! Endpoints call: [`Hooks::redirect`] before each redirect back to the bank, [`crate::portal::Sandbox::sign`] for each
//! JWT, [`Hooks::token_answer`] on each answer of a token endpoint, [`Hooks::person`] on each answer with a person's
//! data, [`Hooks::keys`] on the key set, [`Hooks::api`] around each `/api` call.

pub mod answer;

use serde_json::{Map, Value};

use crate::edge::caller::Caller;
use crate::portal::Sandbox;
use contract::time::Span;

pub use answer::{Answer, Content, Cut};

/// What a JWT is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Access,
    Code,
    Data,
    Id,
    Partner,
}

/// A JWT before it is signed. `alg` and `kid` are added to the header by the signing.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub kind: Kind,
    /// `RS256` or `ES256`.
    pub alg: String,
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
}

/// Which grant a token answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    Client,
    Code,
    Refresh,
}

/// Where a person's data is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `/rs/prns/{oid}`
    Person,
    /// Anything else under `/rs`.
    Part,
    /// `/oidc/userinfo`
    Userinfo,
}

/// The calls of `/api/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    AnswerRead,
    ConsentRead,
    ConsentRevoke,
    DebtFeed,
    DebtsList,
    DebtPay,
    PaymentRead,
    PensionView,
}

/// The hooks of one sandbox.
#[derive(Clone, Copy)]
pub struct Hooks<'a> {
    sandbox: &'a Sandbox,
}

impl<'a> Hooks<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox) -> Self {
        Self { sandbox }
    }

    /// The query of a redirect back to the bank, success or failure.
    pub fn redirect(&self, caller: &Caller, citizen: Option<i64>, query: &mut Vec<(String, String)>) {
        let _ = (self.sandbox, caller, citizen, query);
    }

    /// The answer of a token endpoint, success or failure.
    pub fn token_answer(&self, caller: &Caller, citizen: Option<i64>, grant: Grant, answer: &mut Answer) {
        let _ = (self.sandbox, caller, citizen, grant, answer);
    }

    /// The answer with a person's data.
    pub fn person(&self, caller: &Caller, citizen: Option<i64>, place: Place, answer: &mut Answer) {
        let _ = (self.sandbox, caller, citizen, place, answer);
    }

    /// The answer with the key set.
    pub fn keys(&self, caller: &Caller, answer: &mut Answer) {
        let _ = (self.sandbox, caller, answer);
    }

    /// Wraps a call of `/api`: a lie may take the honest call's place, or change what it answered.
    pub async fn api(
        &self,
        caller: &Caller,
        citizen: Option<i64>,
        operation: Operation,
        honest: impl Future<Output = Answer>,
    ) -> Answer {
        let _ = (self.sandbox, caller, citizen, operation);
        honest.await
    }

    /// How long a pension answer is put off although it is ready, where such a lie is armed.
    pub fn pension_deferred(&self, caller: &Caller, citizen: i64) -> Option<Span> {
        let _ = (self.sandbox, caller, citizen);
        None
    }
}
