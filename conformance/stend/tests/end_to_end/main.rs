//! End to end through the real binary: what a user types, what they get.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed, and says where")]

mod certify;
mod client;
mod common;
mod crash;
mod newcomer;
#[cfg(feature = "peers")]
mod peers;
mod wrong_signatures;

/// A run without the foreign peers says what it leaves out.
#[cfg(not(feature = "peers"))]
#[test]
fn foreign_peers_are_left_out_without_the_feature() {
    println!(
        "left out: OpenSSL, curl, stock clients of OIDC, SOAP, WebSocket and OpenAPI, readers of documents and the Python \
         bank; `--features stend/peers` switches them on"
    );
    assert!(common::repository().join("conformance/samples/python/bank.py").is_file());
}
