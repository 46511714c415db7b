//! The bank's customers and what the bank keeps of them, sealed at rest. A customer is one subject at one issuer, never an
//! e-mail or a name (OpenID Connect Core §5.7). Card numbers never come here: a payment names a token of the card.

use contract::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::bank::Bank;
use crate::conduct::RecordDuty;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub(crate) handle: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) tokens: Tokens,
    /// What was granted at the sign-in.
    pub(crate) scopes: Vec<String>,
    pub(crate) profile: Map<String, Value>,
    /// Stands for the card at the processing centre.
    pub(crate) card_token: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Bank {
    pub(crate) fn customer(&self, handle: &str) -> Option<Customer> {
        self.store.read(&format!("customer/{handle}"))
    }

    /// Opens an account for the person, or finds theirs.
    pub(crate) fn admit(
        &self,
        subject: &str,
        tokens: Tokens,
        scopes: Vec<String>,
        profile: Map<String, Value>,
    ) -> Customer {
        let known = self.store.all::<Customer>("customer/").into_iter().find(|known| {
            if self.conduct.record(RecordDuty::AccountBySubject) {
                known.subject == subject && known.issuer == self.options.issuer
            } else {
                let email = |profile: &Map<String, Value>| profile.get("email").cloned();
                known.subject == subject || email(&known.profile).is_some() && email(&known.profile) == email(&profile)
            }
        });
        let customer = match known {
            Some(known) => Customer { tokens, scopes, profile, ..known },
            None => Customer {
                handle: format!("c-{}", self.draw.uuid()),
                issuer: self.options.issuer.clone(),
                subject: subject.to_owned(),
                tokens,
                scopes,
                profile,
                card_token: format!("tok_{}", self.draw.token()),
            },
        };
        self.keep_customer(&customer);
        customer
    }

    pub(crate) fn keep_customer(&self, customer: &Customer) {
        self.store.put(&format!("customer/{}", customer.handle), customer, self.seals());
    }

    /// Erases the customer and every copy of their data.
    pub(crate) fn forget(&self, handle: &str) {
        self.store.erase(&format!("customer/{handle}"));
        self.store.erase(&format!("copy/{handle}/"));
        self.store.erase(&format!("consent/{handle}/"));
        self.sessions.end_of(handle);
    }

    /// Keeps a copy of data that was given under a consent, to be erased with it.
    pub(crate) fn keep_copy(&self, handle: &str, consent: &str, what: &str, data: &Value) {
        self.store.put(&format!("copy/{handle}/{consent}/{what}"), data, true);
    }

    pub(crate) fn has_copies(&self, handle: &str) -> bool {
        !self.store.all::<Value>(&format!("copy/{handle}/")).is_empty()
    }
}
