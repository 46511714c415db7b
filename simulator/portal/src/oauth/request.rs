//! Reading the parts of an authorisation request that both interfaces have: redirect address, scopes, PKCE, consent.

use contract::consent::Permission;
use contract::scope;
use domain::{Challenge, Partner, Refusal};

use super::params::{Params, Unreadable};
use crate::diagnosis::words::{address_difference, with_nearest};
use crate::diagnosis::{Cause, causes};

/// Which rows of the error registry an interface uses where both check the same.
pub struct Rows {
    pub malformed: &'static str,
    pub unreadable: &'static str,
    pub missing: &'static str,
    pub response_type: &'static str,
    pub redirect_uri: &'static str,
    pub scope_missing: &'static str,
    pub scope: &'static str,
    pub scope_not_allowed: &'static str,
}

pub const ESIA: Rows = Rows {
    malformed: "ESIA-007003",
    unreadable: "ESIA-007038",
    missing: "ESIA-007014",
    response_type: "ESIA-007009",
    redirect_uri: "ESIA-007023",
    scope_missing: "ESIA-007013",
    scope: "ESIA-007006",
    scope_not_allowed: "ESIA-007019",
};

pub const OIDC: Rows = Rows {
    malformed: "oidc-request-invalid",
    unreadable: "oidc-request-invalid",
    missing: "oidc-request-invalid",
    response_type: "oidc-response-type-unsupported",
    redirect_uri: "oidc-redirect-uri-unknown",
    scope_missing: "oidc-scope-invalid",
    scope: "oidc-scope-invalid",
    scope_not_allowed: "oidc-scope-invalid",
};

impl Rows {
    /// Parameters that could not be read at all.
    pub fn unreadable(&self, why: &Unreadable) -> Refusal {
        match why {
            Unreadable::NotAForm(media) => {
                causes::BODY_NOT_A_FORM.refuse(self.unreadable, media, "application/x-www-form-urlencoded")
            }
            Unreadable::BadEncoding(piece) => {
                causes::PARAMETERS_UNREADABLE.refuse(self.unreadable, format!("{piece:?}"), "percent-encoded UTF-8")
            }
        }
    }

    /// What is wrong with the form as a whole: escaped ampersands, repeated parameters.
    pub fn form(&self, params: &Params, known: &[&'static str]) -> Result<(), Refusal> {
        if let Some(name) = params.escaped_ampersand() {
            let wanted = format!("[{}]", name.trim_start_matches("amp;"));
            return Err(causes::AMPERSAND_ESCAPED.refuse(self.missing, format!("a parameter named {name:?}"), wanted));
        }
        match params.repeated(known) {
            Some(name) => Err(causes::PARAMETER_REPEATED.refuse(self.malformed, name, format!("[{name}]"))),
            None => Ok(()),
        }
    }

    pub fn mandatory<'a>(&self, params: &'a Params, name: &str) -> Result<&'a str, Refusal> {
        params.text(name).ok_or_else(|| causes::PARAMETER_MISSING.refuse(self.missing, "", format!("[{name}]")))
    }

    /// The redirect address, as the partner registered it.
    pub fn redirect_uri<'a>(&self, params: &'a Params, partner: &Partner) -> Result<&'a str, Refusal> {
        let uri = self.mandatory(params, "redirect_uri")?;
        if partner.allows_redirect(uri) {
            return Ok(uri);
        }
        let seen = address_difference(uri, &partner.redirect_uris);
        Err(causes::REDIRECT_URI_DIFFERS.refuse(self.redirect_uri, seen, partner.redirect_uris.join(" or ")))
    }

    pub fn response_type(&self, params: &Params) -> Result<String, Refusal> {
        match self.mandatory(params, "response_type")? {
            "code" => Ok("code".to_owned()),
            other => Err(causes::RESPONSE_TYPE_UNSUPPORTED.refuse(self.response_type, other, "code")),
        }
    }

    /// The scopes of a parameter as bare names, each known and allowed.
    pub fn scopes(&self, params: &Params, partner: &Partner) -> Result<Vec<String>, Refusal> {
        let Some(text) = params.text("scope").filter(|text| !text.trim().is_empty()) else {
            return Err(causes::SCOPE_MISSING.refuse(self.scope_missing, "", "openid and what is needed"));
        };
        let scopes = self.names(text)?;
        let stranger = scopes.iter().find(|name| !allowed(partner, name));
        if let Some(stranger) = stranger {
            let wanted = partner.scopes.join(" ");
            return Err(causes::SCOPE_NOT_ALLOWED.refuse(self.scope_not_allowed, stranger, wanted));
        }
        Ok(scopes)
    }

    /// Known names, in order, each once.
    pub fn names(&self, text: &str) -> Result<Vec<String>, Refusal> {
        let mut names: Vec<String> = Vec::new();
        for entry in text.split(' ').filter(|entry| !entry.is_empty()) {
            let name = scope::bare(entry);
            if name == scope::WITHDRAWN {
                return Err(causes::SCOPE_WITHDRAWN.refuse(self.scope, format!("[{entry}]"), "single scopes"));
            }
            if scope::find(entry).is_none() {
                return Err(self.unknown_scope(entry));
            }
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn unknown_scope(&self, entry: &str) -> Refusal {
        let pieces: Vec<&str> = entry.split([',', '+', ';', '|']).flat_map(|piece| piece.split("%20")).collect();
        if pieces.len() > 1 && pieces.iter().all(|piece| piece.is_empty() || scope::find(piece).is_some()) {
            return causes::SCOPE_SEPARATOR.refuse(self.scope, format!("{entry:?}"), "scopes separated by blanks");
        }
        let seen = with_nearest(entry, scope::SCOPES.iter().map(|known| known.name));
        causes::SCOPE_UNKNOWN.refuse(self.scope, seen, format!("[{entry}] is not a known scope"))
    }

    /// PKCE (RFC 7636): S256 or nothing.
    pub fn challenge(&self, params: &Params) -> Result<Option<Challenge>, Refusal> {
        let Some(value) = params.text("code_challenge") else { return Ok(None) };
        let method = params.text("code_challenge_method").unwrap_or("plain");
        if method != "S256" {
            let seen = if params.came("code_challenge_method") { method } else { "absent, which means plain" };
            return Err(causes::PKCE_METHOD.refuse(self.malformed, seen, "[code_challenge_method] S256"));
        }
        let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if value.len() != 43 || !plain {
            let seen = format!("{} characters: {value:?}", value.len());
            return Err(causes::PKCE_CHALLENGE_MALFORMED.refuse(
                self.malformed,
                seen,
                "[code_challenge] of 43 characters",
            ));
        }
        Ok(Some(Challenge { value: value.to_owned(), method: "S256".to_owned() }))
    }

    /// The Digital Profile's request for a consent.
    pub fn permissions(&self, params: &Params) -> Result<Option<Vec<Permission>>, Refusal> {
        let Some(text) = params.text("permissions") else { return Ok(None) };
        let read = Permission::parse(text).map_err(|error| {
            permission_cause(error.code).refuse(
                error.code,
                format!("{:?}", error.seen),
                format!("[{}] {}", error.seen, error.wanted),
            )
        })?;
        Ok(Some(read))
    }
}

fn allowed(partner: &Partner, name: &str) -> bool {
    matches!(name, scope::OPENID | "offline_access") || partner.scopes.iter().any(|known| known == name)
}

fn permission_cause(code: &str) -> &'static Cause {
    match code {
        "ESIA-036700" => causes::CONSENT_TYPE_MISSING,
        "ESIA-036701" => causes::CONSENT_TYPE_UNKNOWN,
        "ESIA-036702" => causes::CONSENT_SCOPE_MANDATORY,
        "ESIA-036703" => causes::CONSENT_SCOPE_BEYOND,
        "ESIA-036704" => causes::CONSENT_SCOPE_FORBIDDEN,
        "ESIA-036705" => causes::CONSENT_ACTION_MISSING,
        "ESIA-036706" => causes::CONSENT_ACTION_UNKNOWN,
        "ESIA-036707" => causes::CONSENT_PURPOSE_MISSING,
        "ESIA-036716" => causes::CONSENT_EXPIRY_BAD,
        "ESIA-036726" => causes::CONSENT_PURPOSE_UNKNOWN,
        "ESIA-036727" => causes::CONSENT_PURPOSE_ONE,
        _ => causes::PERMISSIONS_UNREADABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(result: Result<Vec<String>, Refusal>) -> String {
        result.err().map(|refusal| refusal.cause).unwrap_or_default()
    }

    #[test]
    fn scopes_are_told_apart() {
        assert_eq!(ESIA.names("openid fullname?oid=1 fullname").unwrap(), ["openid", "fullname"]);
        assert_eq!(cause(ESIA.names("openid,fullname")), "scope-separator");
        assert_eq!(cause(ESIA.names("openid+fullname")), "scope-separator");
        assert_eq!(cause(ESIA.names("openid full_name")), "scope-unknown");
        assert_eq!(cause(ESIA.names("openid usr_inf")), "scope-withdrawn");
    }

    #[test]
    fn pkce_is_s256_of_43_characters() {
        let of = |pairs: &[(&str, &str)]| {
            let params = Params::of(pairs.iter().copied());
            OIDC.challenge(&params).err().map(|refusal| refusal.cause)
        };
        let good = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(of(&[("code_challenge", good), ("code_challenge_method", "S256")]), None);
        assert_eq!(of(&[("code_challenge", good)]).as_deref(), Some("pkce-method"));
        let padded = format!("{good}=");
        let malformed = of(&[("code_challenge", &padded), ("code_challenge_method", "S256")]);
        assert_eq!(malformed.as_deref(), Some("pkce-challenge-malformed"));
    }
}
