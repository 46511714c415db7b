//! HTTP message signatures.
