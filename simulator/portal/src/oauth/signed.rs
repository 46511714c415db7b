//! The exact string that a client signs, by endpoint and grant: plain concatenation in UTF-8, no separators.

use crate::oauth::params::Params;

/// Which family of endpoints: v1 signs a CMS, v2 and v3 a raw value beside a certificate hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
    V3,
}

impl Version {
    pub const fn is_raw(self) -> bool {
        !matches!(self, Self::V1)
    }
}

/// What the signed request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Authorise,
    Client,
    Code,
    Refresh,
}

/// The parameters of the string in their order.
pub type Order = &'static [&'static str];

/// Order of v1, everywhere.
pub const V1: Order = &["scope", "timestamp", "client_id", "state"];
/// Order of `/v2/ac`, of client credentials and of one form of the refresh.
pub const V2: Order = &["client_id", "scope", "scope_org", "timestamp", "state", "redirect_uri"];
/// Order of the code exchange at v2 and v3.
pub const V3_CODE: Order = &["client_id", "scope", "scope_org", "timestamp", "state", "redirect_uri", "code"];
/// The other form of the refresh that real clients sign.
pub const V3_REFRESH: Order = &["client_id", "scope", "timestamp", "state", "refresh_token"];

/// The orders that are right here; the first is the one to teach.
pub fn orders(version: Version, ask: Ask) -> &'static [Order] {
    match (version, ask) {
        (Version::V1, _) => &[V1],
        (_, Ask::Authorise | Ask::Client) => &[V2],
        (_, Ask::Code) => &[V3_CODE],
        (_, Ask::Refresh) => &[V2, V3_REFRESH],
    }
}

/// The string of these parameters in this order; an absent one adds nothing.
pub fn string(order: &[&str], params: &Params) -> String {
    order.iter().filter_map(|name| params.text(name)).collect()
}

/// The string as a person reads it: what is secret or endless is cut.
pub fn shown(order: &[&str], params: &Params) -> String {
    order
        .iter()
        .filter_map(|name| {
            let value = params.text(name)?;
            let long = matches!(*name, "code" | "refresh_token");
            Some(if long { format!("<{name}, {} characters>", value.chars().count()) } else { value.to_owned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> Params {
        Params::of([
            ("client_id", "TESTIS"),
            ("scope", "openid"),
            ("timestamp", "2026.11.22 05:47:06 +0000"),
            ("state", "abc"),
            ("redirect_uri", "https://b/cb"),
            ("code", "xyz"),
        ])
    }

    #[test]
    fn strings_are_those_of_the_guidelines() {
        let of = |version, ask| string(orders(version, ask)[0], &params());
        assert_eq!(of(Version::V1, Ask::Code), "openid2026.11.22 05:47:06 +0000TESTISabc");
        assert_eq!(of(Version::V2, Ask::Authorise), "TESTISopenid2026.11.22 05:47:06 +0000abchttps://b/cb");
        assert_eq!(of(Version::V3, Ask::Code), "TESTISopenid2026.11.22 05:47:06 +0000abchttps://b/cbxyz");
        assert!(shown(V3_CODE, &params()).ends_with("<code, 3 characters>"));
    }
}
