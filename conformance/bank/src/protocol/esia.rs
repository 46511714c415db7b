//! ESIA's OAuth with signed requests: v1 (CMS over `scope + timestamp + client_id + state`) and v3 (raw signature over
//! `client_id + scope + timestamp + state + redirect_uri [+ code]` with the certificate's hash beside it).

use contract::adapter::ReasonClass;
use crypto::gost::streebog256;
use crypto::{Certificate, Family, PrivateKey, cms, digest, raw};
use url::Url;

use super::{Grant, Pairs, authorise_pairs, common_pairs, pair, sent_scope, token_state};
use crate::bank::{Attempt, Bank};
use crate::conduct::ProofDuty;
use crate::options::Protocol;
use crate::refusal::{Refusal, refuse};

/// What is signed, part by part.
struct Signed<'a> {
    scope: &'a str,
    timestamp: &'a str,
    state: &'a str,
    redirect_uri: &'a str,
    code: &'a str,
}

pub(crate) fn authorise(bank: &Bank, attempt: &Attempt, hint: Option<(String, String)>) -> Result<String, Refusal> {
    let scope = sent_scope(bank, attempt);
    let signed = Signed {
        scope: &scope,
        timestamp: &attempt.timestamp,
        state: &attempt.state,
        redirect_uri: &attempt.redirect_uri,
        code: "",
    };
    let mut pairs = authorise_pairs(bank, attempt, hint);
    pairs.push(pair("scope", &scope));
    pairs.push(pair("timestamp", &attempt.timestamp));
    pairs.extend(proof(bank, &signed)?);
    let path = if is_v1(bank) { "/aas/oauth2/ac" } else { "/aas/oauth2/v2/ac" };
    let query =
        if bank.conduct.proof(ProofDuty::EncodingSafe) { super::query(&pairs) } else { super::unescaped(&pairs) };
    Ok(format!("{}{path}?{query}", bank.options.portal))
}

pub(crate) fn token(bank: &Bank, grant: Grant<'_>) -> Result<(Url, Pairs, Option<String>), Refusal> {
    let scope = grant.scope();
    let state = token_state(bank);
    let mut timestamp = bank.clock.now().to_esia();
    if !bank.conduct.proof(ProofDuty::TimestampZoned) {
        // Moscow's wall clock under the name of UTC: three hours off.
        timestamp = timestamp.replace("+0300", "+0000");
    }
    let mut pairs = common_pairs(bank, grant);
    if !matches!(grant, Grant::Code { .. }) {
        pairs.push(pair("redirect_uri", &bank.redirect_uri()));
    }
    let redirect_uri = pairs.iter().find(|(name, _)| name == "redirect_uri").map(|(_, value)| value.clone());
    let code = match grant {
        Grant::Code { code, .. } => code,
        _ => "",
    };
    let redirect_uri = redirect_uri.unwrap_or_default();
    let signed = Signed { scope: &scope, timestamp: &timestamp, state: &state, redirect_uri: &redirect_uri, code };
    pairs.push(pair("timestamp", &timestamp));
    pairs.push(pair("state", &state));
    pairs.push(pair("token_type", "Bearer"));
    pairs.extend(proof(bank, &signed)?);
    let address = bank.at(if is_v1(bank) { "/aas/oauth2/te" } else { "/aas/oauth2/v3/te" });
    Ok((address, pairs, Some(state)))
}

fn is_v1(bank: &Bank) -> bool {
    bank.options.protocol == Protocol::EsiaV1
}

/// The string of ESIA's request signing; the two versions differ in their order.
fn signed_string(bank: &Bank, signed: &Signed<'_>) -> String {
    let Signed { scope, timestamp, state, redirect_uri, code } = signed;
    let client = &bank.options.client_id;
    let v1_order = is_v1(bank) == bank.conduct.proof(ProofDuty::StringOrder);
    if v1_order {
        format!("{scope}{timestamp}{client}{state}")
    } else {
        format!("{client}{scope}{timestamp}{state}{redirect_uri}{code}")
    }
}

/// `client_secret`, and for v3 the hash of the certificate that it is checked with.
fn proof(bank: &Bank, signed: &Signed<'_>) -> Result<Pairs, Refusal> {
    let text = signed_string(bank, signed);
    let hand = bank.signer.hand(bank.conduct);
    let failed = |why: String| refuse(ReasonClass::Other, "SIGN", why);
    let make = || {
        let mut bytes = if is_v1(bank) {
            let detached = bank.conduct.proof(ProofDuty::ContainerDetached);
            let options = cms::Options { attached: !detached, ..cms::Options::default() };
            cms::sign(text.as_bytes(), hand.key, hand.inside, &options).map_err(|error| failed(error.to_string()))?
        } else {
            raw::sign(hand.key, text.as_bytes()).map_err(|error| failed(error.to_string()))?
        };
        if !bank.conduct.proof(ProofDuty::BytesInOrder) {
            let from = bytes.len() - signature_length(hand.key, &bytes);
            bytes[from..].reverse();
        }
        Ok::<_, Refusal>(bytes)
    };
    let mut bytes = make()?;
    let secret = if bank.conduct.proof(ProofDuty::EncodingSafe) {
        crypto::base64::encode_url(&bytes)
    } else {
        // The careless form shows only where the text has a plus sign; a short signature may have none.
        let mut tries = 0;
        while !crypto::base64::encode_standard(&bytes).contains('+') && tries < 30 {
            bytes = make()?;
            tries += 1;
        }
        crypto::base64::encode_standard(&bytes)
    };
    let mut pairs = vec![pair("client_secret", &secret)];
    if !is_v1(bank) {
        pairs.push(pair("client_certificate_hash", &certificate_hash(bank, hand.named).to_ascii_uppercase()));
    }
    Ok(pairs)
}

/// How many bytes at the end are the signature itself: all of a bare one, the last member of a container.
fn signature_length(key: &PrivateKey, bytes: &[u8]) -> usize {
    match key.family() {
        Family::Gost256 => 64,
        Family::Gost512 => 128,
        Family::Rsa => key.public().bits().div_ceil(8),
        // DER says its own length: OCTET STRING of a SEQUENCE, of about 70 bytes.
        Family::EcdsaP256 => {
            let is_whole = |length: &usize| {
                let tail = bytes.len().checked_sub(length + 2).map(|from| &bytes[from..]);
                tail.is_some_and(|tail| tail[0] == 0x04 && usize::from(tail[1]) == *length && tail[2] == 0x30)
            };
            (64..=72).find(is_whole).unwrap_or(bytes.len())
        }
    }
}

/// `client_certificate_hash`, and the ways of getting it wrong.
fn certificate_hash(bank: &Bank, certificate: &Certificate) -> String {
    let is_gost = certificate.public_key().is_ok_and(|key| key.family().is_gost());
    let hash = |bytes: &[u8], by_streebog: bool| {
        hex::encode(if by_streebog { streebog256(bytes) } else { digest::sha256(bytes) })
    };
    if !bank.conduct.proof(ProofDuty::DigestAsPrescribed) {
        digest::sha1_hex(certificate.der())
    } else if !bank.conduct.proof(ProofDuty::HashOfDer) {
        hash(bank.signer.cert_pem.as_bytes(), is_gost)
    } else if !bank.conduct.proof(ProofDuty::DigestOfItsKey) {
        hash(certificate.der(), !is_gost)
    } else {
        certificate.client_certificate_hash()
    }
}

#[cfg(test)]
mod tests {
    use crypto::raw::Turn;
    use crypto::{Algorithm, raw};

    use super::*;

    #[test]
    fn the_end_of_a_container_is_its_signature() {
        for algorithm in [Algorithm::EcdsaP256, Algorithm::GOST_256, Algorithm::GOST_512, Algorithm::Rsa2048] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let bare = raw::sign(&key, b"text").unwrap();
            assert_eq!(signature_length(&key, &bare), bare.len(), "{algorithm}");
            // As a container ends: an OCTET STRING with nothing after it.
            let mut length = vec![u8::try_from(bare.len()).unwrap_or(0x82)];
            if bare.len() > 127 {
                length = vec![0x82, (bare.len() >> 8) as u8, bare.len() as u8];
            }
            let container = [b"head".as_slice(), &[0x04], &length, &bare].concat();
            let from = container.len() - signature_length(&key, &container);
            assert_eq!(container[from..], bare, "{algorithm}");
            let reversed = Turn::Whole.apply(&bare);
            assert!(matches!(
                raw::verify(key.public(), b"text", &reversed),
                raw::Outcome::ReversedOnly(_, Turn::Whole)
            ));
        }
    }
}
