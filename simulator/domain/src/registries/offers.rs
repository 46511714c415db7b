//! Applications on which a bank may make offers (OFR-1): only for marketing, and never against the person's wish.

use contract::consent;
use contract::registries::offers::Openings;
use contract::shape::Shaped;
use serde_json::Value;

use super::{Inquiry, Registry, RegistryMeta};
use crate::refusal::Refusal;
use crate::world::World;

pub(super) struct Offers;

static META: RegistryMeta = RegistryMeta {
    name: "offers",
    scope: "offers",
    shape: Openings::SHAPE,
    params: &[],
    purposes: Some(consent::MARKETING),
    pages: None,
    ru: "Заявления, открытые для предложений",
    en: "Applications open for offers",
    requirement: &["OFR-1"],
    namespace: "urn:stend:offers:1.0",
};

impl Registry for Offers {
    fn meta(&self) -> &'static RegistryMeta {
        &META
    }

    fn answer(&self, world: &World, ask: &Inquiry<'_>) -> Result<Value, Refusal> {
        let since = world.matters.declined(ask.person.oid.wide(), ask.client_id);
        if since || ask.person.holdings.marketing_declined {
            return Err(Refusal::new("marketing-declined", "marketing-declined")
                .check("the person's wish")
                .seen("declined")
                .wanted("allowed")
                .mend("make no offers until the person allows them again"));
        }
        let today = ask.now.day();
        let open =
            ask.person.holdings.openings.iter().filter(|opening| opening.since <= today && today <= opening.until);
        let record = Openings { person: ask.person.oid, openings: open.cloned().collect() };
        // A record of text, numbers and lists always becomes JSON.
        Ok(serde_json::to_value(record).unwrap_or_default())
    }
}
