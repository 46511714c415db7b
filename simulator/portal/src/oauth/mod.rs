//! What ESIA and plain OpenID Connect share: parameters, the proof of the client, tokens, and the way to say no.

pub mod answer;
pub mod client;
pub mod flow;
pub mod grant;
pub mod mint;
pub mod params;
pub mod refuse;
pub mod replay;
pub mod request;
pub mod signed;
