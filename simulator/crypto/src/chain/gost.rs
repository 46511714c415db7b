//! GOST R 34.10-2012 for webpki. It finds a verifier by the whole bytes of the two algorithm identifiers, so each way of
//! writing them is a row: every name of every curve, with the digest beside it or without, and a signature algorithm
//! whose parameters are absent, as RFC 9215 §4.1 wants them, or NULL, as some authorities write them.

use std::sync::LazyLock;

use der::asn1::{Any, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use spki::AlgorithmIdentifierOwned;

use crate::gost::{Curve, VerifyingKey};
use crate::key::gost::{Parameters, SIGNATURE_256, SIGNATURE_512, digest_oid, key_oid};
use crate::key::streebog;

/// Everything that a chain may be signed by.
pub(super) static ALGORITHMS: LazyLock<Vec<&'static dyn SignatureVerificationAlgorithm>> = LazyLock::new(|| {
    let gost = ROWS.iter().map(|row| row as &dyn SignatureVerificationAlgorithm);
    webpki::ALL_VERIFICATION_ALGS.iter().copied().chain(gost).collect()
});

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let names = Curve::ALL.into_iter().flat_map(|curve| curve.oids().iter().map(move |name| (curve, *name)));
    // What is encoded here is ours and always can be.
    names.flat_map(|(curve, name)| rows(curve, name).unwrap_or_default()).collect()
});

#[derive(Debug)]
struct Row {
    curve: Curve,
    key: &'static [u8],
    signature: &'static [u8],
}

fn rows(curve: Curve, name: ObjectIdentifier) -> der::Result<Vec<Row>> {
    let signature = if curve.size() == 32 { SIGNATURE_256 } else { SIGNATURE_512 };
    let mut rows = Vec::new();
    for digest in [None, Some(digest_oid(curve))] {
        let parameters = Any::encode_from(&Parameters { curve: name, digest, cipher: None })?;
        let key = identifier(key_oid(curve), Some(parameters))?;
        for parameters in [None, Some(Any::null())] {
            rows.push(Row { curve, key, signature: identifier(signature, parameters)? });
        }
    }
    Ok(rows)
}

/// The inside of an AlgorithmIdentifier. A few dozen of them are made once and live as long as the program, which is
/// what webpki's type asks for.
fn identifier(oid: ObjectIdentifier, parameters: Option<Any>) -> der::Result<&'static [u8]> {
    let der = AlgorithmIdentifierOwned { oid, parameters }.to_der()?;
    Ok(Any::from_der(&der)?.value().to_vec().leak())
}

impl SignatureVerificationAlgorithm for Row {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let point = <&OctetStringRef>::from_der(key).map_err(|_| InvalidSignature)?;
        let key = VerifyingKey::from_le_bytes(self.curve, point.as_bytes()).map_err(|_| InvalidSignature)?;
        let holds = key.verify_digest(&streebog(self.curve, message), signature);
        if holds { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        AlgorithmIdentifier::from_slice(self.key)
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        AlgorithmIdentifier::from_slice(self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_key_has_one_row() {
        // 9 names of curves of 256 bits, 3 of 512; each with and without digest, each signature with and without NULL.
        assert_eq!(ROWS.len(), (9 + 3) * 2 * 2);
        let mut ways: Vec<_> = ROWS.iter().map(|row| (row.key, row.signature)).collect();
        ways.sort_unstable();
        ways.dedup();
        assert_eq!(ways.len(), ROWS.len());
    }
}
