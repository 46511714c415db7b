//! The portal's metadata (OpenID Connect Discovery §4): read once, believed only when it speaks for the very issuer that
//! the bank registered with, and only for https addresses.

use std::sync::Arc;

use contract::adapter::ReasonClass;
use serde_json::Value;
use url::Url;

use super::address;
use crate::bank::Bank;
use crate::http::Request;
use crate::refusal::{Refusal, refuse};
use crate::retry::{Next, Retry};

#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) authorise: Url,
    pub(crate) token: Url,
    pub(crate) userinfo: Url,
    pub(crate) keys: Url,
    pub(crate) pushed: Option<Url>,
    pub(crate) revocation: Option<Url>,
    /// RFC 9207: every answer names its issuer.
    pub(crate) names_issuer: bool,
}

impl Metadata {
    fn read(issuer: &str, value: &Value) -> Result<Self, Refusal> {
        if value["issuer"].as_str() != Some(issuer) {
            let detail = format!("the metadata speaks for {}, not for {issuer:?}", value["issuer"]);
            return Err(refuse(ReasonClass::Issuer, "META-ISSUER", detail));
        }
        let optional = |name: &str| value[name].as_str().map(address).transpose();
        let needed = |name: &str| {
            let missing = || refuse(ReasonClass::Format, "META-MEMBER", format!("the metadata has no {name}"));
            optional(name)?.ok_or_else(missing)
        };
        Ok(Self {
            authorise: needed("authorization_endpoint")?,
            token: needed("token_endpoint")?,
            userinfo: needed("userinfo_endpoint")?,
            keys: needed("jwks_uri")?,
            pushed: optional("pushed_authorization_request_endpoint")?,
            revocation: optional("revocation_endpoint")?,
            names_issuer: value["authorization_response_iss_parameter_supported"] == Value::Bool(true),
        })
    }
}

pub(crate) async fn metadata(bank: &Bank) -> Result<Arc<Metadata>, Refusal> {
    let mut kept = bank.metadata.lock().await;
    if let Some(known) = kept.as_ref() {
        return Ok(known.clone());
    }
    let address = address(&format!("{}/.well-known/openid-configuration", bank.options.issuer.trim_end_matches('/')))?;
    let mut retry = Retry::new(bank, true);
    let answer = loop {
        match retry.next(bank.http.send(Request::get(address.clone())).await).await? {
            Next::Again => {}
            Next::Done(answer) => break answer,
        }
    };
    let value = answer.json().filter(|_| answer.status == 200).unwrap_or_default();
    let read = Arc::new(Metadata::read(&bank.options.issuer, &value)?);
    *kept = Some(read.clone());
    Ok(read)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn honest() -> Value {
        json!({
            "issuer": "https://p.example", "authorization_endpoint": "https://p.example/a",
            "token_endpoint": "https://p.example/t", "userinfo_endpoint": "https://p.example/u",
            "jwks_uri": "https://p.example/k", "authorization_response_iss_parameter_supported": true,
        })
    }

    #[test]
    fn metadata_of_another_issuer_is_refused_even_for_a_slash() {
        assert!(Metadata::read("https://p.example", &honest()).is_ok_and(|read| read.names_issuer));
        let refused = Metadata::read("https://p.example/", &honest()).unwrap_err();
        assert_eq!(refused.class, ReasonClass::Issuer);
    }

    #[test]
    fn an_endpoint_without_https_is_refused() {
        let mut value = honest();
        value["token_endpoint"] = json!("http://p.example/t");
        assert!(Metadata::read("https://p.example", &value).is_err());
    }
}
