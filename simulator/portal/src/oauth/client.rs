//! Who asks: the partner behind a `client_id` with its certificates, and what else the portal must know to judge a
//! proof of the client.

use std::sync::Arc;

use domain::{CertificateProof, Partner, Refusal};

use crate::diagnosis::causes;
use crate::diagnosis::secret::{Registered, Trust};
use crate::diagnosis::words::with_nearest;
use crate::edge::caller::Caller;
use crate::portal::Sandbox;

/// A known client.
pub struct Client {
    pub partner: Arc<Partner>,
    /// Its certificates, and those of everybody else.
    pub own: Vec<Registered>,
    pub others: Vec<Registered>,
    pub trust: Trust,
}

/// Looks the client up; an unknown mnemonic is told with the nearest known one.
pub fn find(sandbox: &Sandbox, client_id: &str, code: &str) -> Result<Client, Refusal> {
    let (partner, others, names) = sandbox.read(|world| {
        let others: Vec<Arc<Partner>> =
            world.partners.all().filter(|partner| partner.client_id != client_id).cloned().collect();
        let names: Vec<String> = world.partners.all().map(|partner| partner.client_id.clone()).collect();
        (world.partners.find(client_id).cloned(), others, names)
    });
    let Some(partner) = partner else {
        let seen = with_nearest(client_id, names.iter().map(String::as_str));
        return Err(causes::CLIENT_UNKNOWN.refuse(code, seen, "a registered client_id"));
    };
    let own = registered(sandbox, &partner);
    let others = others.iter().flat_map(|partner| registered(sandbox, partner)).collect();
    Ok(Client { partner, own, others, trust: Trust(sandbox.shared_pki()) })
}

fn registered(sandbox: &Sandbox, partner: &Partner) -> Vec<Registered> {
    let read = |known: &domain::Certificate| {
        let read = sandbox.shelf().read(known)?;
        let revoked = sandbox.pki().revokes(&read.certificate);
        Some(Registered { client_id: partner.client_id.clone(), read, revoked })
    };
    partner.certificates.iter().filter_map(read).collect()
}

/// The certificate of the connection as a proof for bound tokens.
pub fn shown(caller: &Caller) -> Option<CertificateProof> {
    let peer = caller.peer.as_ref()?;
    Some(CertificateProof::shown(crypto::digest::sha256_base64url(&peer.der)))
}
