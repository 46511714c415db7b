//! Whether an ID token is what the bank asked for: OpenID Connect Core §3.1.3.7 and RFC 8725, every check of its own, in
//! an order in which the reason given is the true one: what it is, who signed it, who says it, to whom, when, in answer to
//! what, about whom, how surely.

use contract::adapter::ReasonClass;
use contract::time::{Span, Timestamp};
use crypto::gost::{streebog256, streebog512};
use crypto::jwk::Jwk;
use crypto::jws::{Alg, Jws};
use serde_json::{Map, Value};

use crate::conduct::{Conduct, Diligence, IdTokenCheck, Oddity};
use crate::consents::subject_of;
use crate::keys::{KeySet, Read};
use crate::refusal::{Refusal, refuse};

pub(crate) mod signature;

/// How far the clocks of bank and portal may differ.
pub(crate) const SKEW: Span = Span::from_seconds(60);
/// An ID token is the answer to a sign-in that ends now; an older one is somebody's leftover.
const OLDEST: Span = Span::from_minutes(10);

/// What the token is held against.
pub(crate) struct Expect<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client: &'a str,
    pub(crate) algorithm: Alg,
    /// The nonce of this flow; none in ESIA, which does not return it.
    pub(crate) nonce: Option<&'a str>,
    /// Nonces of all flows, for the variant that takes any of them.
    pub(crate) nonces: &'a [String],
    pub(crate) access_token: &'a str,
    pub(crate) has_at_hash: bool,
    pub(crate) level: Option<&'a str>,
    pub(crate) now: Timestamp,
    pub(crate) keys: &'a Read,
    /// Keys that the token itself named; an honest bank fetches none.
    pub(crate) named_keys: Option<&'a KeySet>,
}

#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) subject: String,
    /// Whether the portal vouches for the account; none where it does not say.
    pub(crate) is_trusted: Option<bool>,
    /// Found wanting and overlooked, to be said too late: empty in an honest bank.
    pub(crate) late: Vec<Refusal>,
    /// Found wanting and only logged: empty in an honest bank.
    pub(crate) noticed: Vec<Refusal>,
}

/// Weighs the checks by this bank's diligence.
struct Bench<'a> {
    conduct: &'a dyn Conduct,
    late: Vec<Refusal>,
    noticed: Vec<Refusal>,
}

impl Bench<'_> {
    /// `elsewhere` is the same check made on the wrong thing, for the variant that does.
    fn weigh(
        &mut self,
        check: IdTokenCheck,
        holds: bool,
        elsewhere: impl FnOnce() -> bool,
        refusal: impl FnOnce() -> Refusal,
    ) -> Result<(), Refusal> {
        if holds {
            return Ok(());
        }
        match self.conduct.id_token(check) {
            Diligence::Full => Err(refusal()),
            Diligence::WrongField if !elsewhere() => Err(refusal()),
            Diligence::Late => {
                self.late.push(refusal());
                Ok(())
            }
            Diligence::LoggedOnly => {
                self.noticed.push(refusal());
                Ok(())
            }
            Diligence::Skipped | Diligence::WrongField => Ok(()),
        }
    }

    fn overlooks(&self, check: IdTokenCheck) -> bool {
        self.conduct.id_token(check) != Diligence::Full
    }
}

pub(crate) fn check(token: &str, expect: &Expect<'_>, conduct: &dyn Conduct) -> Result<Accepted, Refusal> {
    let mut bench = Bench { conduct, late: Vec::new(), noticed: Vec::new() };
    let unreadable = |why: String| refuse(ReasonClass::Format, "ID-FORM", why);
    let jws = Jws::parse(token).map_err(|error| unreadable(error.to_string()))?;
    bench.weigh(
        IdTokenCheck::Crit,
        !jws.header.contains_key("crit"),
        || true,
        || refuse(ReasonClass::Signature, "ID-CRIT", "the header demands extensions that the bank does not know"),
    )?;
    let is_other_kind = is_other_kind(&jws);
    bench.weigh(
        IdTokenCheck::Kind,
        !is_other_kind,
        || true,
        || refuse(ReasonClass::Format, "ID-KIND", "the header says that this is no ID token"),
    )?;
    signature::check(&jws, expect, &mut bench)?;
    let mut claims = jws.claims().map_err(|error| unreadable(error.to_string()))?;
    if bench.overlooks(IdTokenCheck::Kind) && (is_other_kind || is_access_token(&claims)) {
        take_for_id_token(&mut claims, expect);
    }
    let access = Jws::parse(expect.access_token).ok().and_then(|access| access.claims().ok()).unwrap_or_default();
    issuer(&claims, &access, expect, &mut bench)?;
    audience(&claims, &access, expect, &mut bench)?;
    times(&claims, &access, expect, &mut bench)?;
    nonce(&claims, expect, &mut bench)?;
    let subject = subject(&claims, &access, &mut bench)?;
    bench.weigh(
        IdTokenCheck::Acr,
        expect.level != Some("2fa") || has_second_factor(&claims),
        || true,
        || refuse(ReasonClass::Level, "ID-LEVEL", "the person signed in by password only"),
    )?;
    at_hash(&claims, jws.alg().and_then(|alg| alg.parse().ok()), expect, &mut bench)?;
    let is_trusted = claims.get("urn:esia:sbj").map(|about| about["urn:esia:sbj:is_tru"] == Value::Bool(true));
    let is_trusted = is_trusted.or_else(|| claims.get("trusted").and_then(Value::as_bool));
    Ok(Accepted { subject, is_trusted, late: bench.late, noticed: bench.noticed })
}

/// By the marks that token kinds bear: ESIA's `sbt`, and `typ` (RFC 9068, logout tokens and others).
fn is_other_kind(jws: &Jws) -> bool {
    let sbt = jws.header.get("sbt").and_then(Value::as_str);
    let typ = jws.typ();
    sbt.is_some_and(|sbt| sbt != "id") || typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT"))
}

fn is_access_token(claims: &Map<String, Value>) -> bool {
    claims.contains_key("client_id") && claims.contains_key("scope")
}

/// What a bank does that takes either kind: each has its own names for the same things.
fn take_for_id_token(claims: &mut Map<String, Value>, expect: &Expect<'_>) {
    claims.insert("aud".to_owned(), claims.get("client_id").cloned().unwrap_or_else(|| Value::from(expect.client)));
    claims.remove("azp");
    claims.remove("at_hash");
    if let Some(nonce) = expect.nonce {
        claims.insert("nonce".to_owned(), Value::from(nonce));
    }
    if let Some(subject) = claims.get("urn:esia:sbj_id").cloned() {
        claims.insert("sub".to_owned(), subject);
    }
}

fn issuer(
    claims: &Map<String, Value>,
    access: &Map<String, Value>,
    expect: &Expect<'_>,
    bench: &mut Bench<'_>,
) -> Result<(), Refusal> {
    let Some(issuer) = claims.get("iss").and_then(Value::as_str).filter(|issuer| !issuer.is_empty()) else {
        return bench.weigh(
            IdTokenCheck::IssuerPresent,
            false,
            || access.contains_key("iss"),
            || refuse(ReasonClass::Issuer, "ID-ISSUER-ABSENT", "no issuer"),
        );
    };
    let tidy = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
    let check =
        if tidy(issuer) == tidy(expect.issuer) { IdTokenCheck::IssuerVerbatim } else { IdTokenCheck::IssuerSame };
    let elsewhere = || access.get("iss").and_then(Value::as_str) == Some(expect.issuer);
    bench.weigh(check, issuer == expect.issuer, elsewhere, || {
        refuse(ReasonClass::Issuer, "ID-ISSUER", format!("the issuer is {issuer:?}, not {:?}", expect.issuer))
    })
}

fn audience(
    claims: &Map<String, Value>,
    access: &Map<String, Value>,
    expect: &Expect<'_>,
    bench: &mut Bench<'_>,
) -> Result<(), Refusal> {
    let wrong = |code: &'static str, why: String| refuse(ReasonClass::Audience, code, why);
    let of_access = || access.get("client_id").and_then(Value::as_str) == Some(expect.client);
    let named: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => {
            if !bench.conduct.tolerates(Oddity::AudienceArray) {
                return Err(wrong("ID-AUDIENCE", "the audience is a list".to_owned()));
            }
            several.iter().map(|one| one.as_str().unwrap_or_default()).collect()
        }
        _ => Vec::new(),
    };
    if named.is_empty() {
        bench.weigh(IdTokenCheck::AudiencePresent, false, of_access, || {
            wrong("ID-AUDIENCE-ABSENT", "no audience".to_owned())
        })?;
    } else if !named.contains(&expect.client) {
        bench.weigh(IdTokenCheck::AudienceSame, false, of_access, || {
            wrong("ID-AUDIENCE", format!("the audience is {named:?}"))
        })?;
    } else {
        let alone = named.iter().all(|one| *one == expect.client);
        bench.weigh(IdTokenCheck::AudienceExtra, alone, of_access, || {
            wrong("ID-AUDIENCE-EXTRA", format!("the audience is {named:?}, with strangers"))
        })?;
    }
    let azp = claims.get("azp").and_then(Value::as_str);
    bench.weigh(IdTokenCheck::Azp, azp.is_none_or(|azp| azp == expect.client), of_access, || {
        wrong("ID-AZP", format!("authorised for {azp:?}"))
    })
}

fn times(
    claims: &Map<String, Value>,
    access: &Map<String, Value>,
    expect: &Expect<'_>,
    bench: &mut Bench<'_>,
) -> Result<(), Refusal> {
    let late = |code: &'static str, why: &str| refuse(ReasonClass::Time, code, why);
    let now = expect.now;
    let alive = |claims: &Map<String, Value>| instant(claims.get("exp")).is_some_and(|exp| exp + SKEW > now);
    let access_alive = || alive(access);
    match claims.get("exp") {
        None | Some(Value::Null) => {
            bench.weigh(IdTokenCheck::ExpiryPresent, false, access_alive, || late("ID-EXPIRY-ABSENT", "no expiry"))?;
        }
        Some(value) => {
            bench.weigh(
                IdTokenCheck::ExpiryNumber,
                value.is_number(),
                || true,
                || refuse(ReasonClass::Format, "ID-EXPIRY-FORM", "the expiry is not a number"),
            )?;
            let exp = instant(Some(value)).or_else(|| {
                let seconds: i64 = value.as_str()?.trim().parse().ok()?;
                Some(Timestamp::from_seconds(seconds.clamp(0, 1 << 40)))
            });
            let holds = exp.is_none_or(|exp| exp + SKEW > now);
            bench.weigh(IdTokenCheck::Expiry, holds, access_alive, || late("ID-EXPIRED", "the token has expired"))?;
        }
    }
    // A bank that does not mind a token's end does not mind its age either; an honest one never gets here with a dead one.
    let is_dead = claims.get("exp").is_some_and(Value::is_number) && !alive(claims);
    match instant(claims.get("iat")) {
        None => bench.weigh(
            IdTokenCheck::IatPresent,
            false,
            || access.contains_key("iat"),
            || refuse(ReasonClass::Format, "ID-IAT-ABSENT", "no time of issue"),
        )?,
        Some(iat) => {
            let of_access =
                || instant(access.get("iat")).is_some_and(|iat| iat <= now + SKEW && now.since(iat) <= OLDEST);
            bench.weigh(IdTokenCheck::IatOld, is_dead || now.since(iat) <= OLDEST, of_access, || {
                late("ID-IAT-OLD", "issued too long ago")
            })?;
            bench.weigh(IdTokenCheck::IatAhead, iat <= now + SKEW, of_access, || {
                late("ID-IAT-AHEAD", "issued in the future")
            })?;
        }
    }
    let begun = |claims: &Map<String, Value>| instant(claims.get("nbf")).is_none_or(|nbf| nbf <= now + SKEW);
    bench.weigh(IdTokenCheck::NotBefore, begun(claims), || begun(access), || late("ID-EARLY", "not valid yet"))
}

fn nonce(claims: &Map<String, Value>, expect: &Expect<'_>, bench: &mut Bench<'_>) -> Result<(), Refusal> {
    let Some(wanted) = expect.nonce else { return Ok(()) };
    let Some(nonce) = claims.get("nonce").and_then(Value::as_str) else {
        return bench.weigh(
            IdTokenCheck::NoncePresent,
            false,
            || true,
            || refuse(ReasonClass::Binding, "ID-NONCE-ABSENT", "no nonce although one was sent"),
        );
    };
    let is_earlier = expect.nonces.iter().any(|known| known == nonce);
    if nonce != wanted && is_earlier {
        return bench.weigh(
            IdTokenCheck::NonceOfThisFlow,
            false,
            || true,
            || refuse(ReasonClass::Replay, "ID-NONCE-EARLIER", "the nonce is that of another flow"),
        );
    }
    bench.weigh(
        IdTokenCheck::NonceSame,
        nonce == wanted,
        || true,
        || refuse(ReasonClass::Binding, "ID-NONCE", "the nonce is not the one that was sent"),
    )
}

fn subject(claims: &Map<String, Value>, access: &Map<String, Value>, bench: &mut Bench<'_>) -> Result<String, Refusal> {
    let of_object = |claims: &Map<String, Value>| {
        claims.get("urn:esia:sbj").and_then(|about| about.get("urn:esia:sbj:oid")).and_then(subject_of)
    };
    let subject = claims.get("sub").and_then(subject_of).or_else(|| of_object(claims));
    if let Some(subject) = subject {
        return Ok(subject);
    }
    bench.weigh(
        IdTokenCheck::SubjectPresent,
        false,
        || true,
        || refuse(ReasonClass::Format, "ID-SUBJECT-ABSENT", "the token is about nobody"),
    )?;
    let of_access =
        access.get("urn:esia:sbj_id").and_then(subject_of).or_else(|| access.get("sub").and_then(subject_of));
    Ok(of_access.unwrap_or_else(|| "unknown".to_owned()))
}

/// The level where the token states it, else the methods that it names.
fn has_second_factor(claims: &Map<String, Value>) -> bool {
    match claims.get("acr") {
        Some(Value::String(acr)) => acr.contains("2fa"),
        Some(Value::Object(acr)) => acr.get("2fa").is_some_and(|how| how.as_str().is_none_or(|how| how != "none")),
        _ => match claims.get("amr") {
            Some(Value::Array(methods)) => methods.iter().filter_map(Value::as_str).any(is_second_factor),
            Some(Value::String(method)) => is_second_factor(method),
            _ => false,
        },
    }
}

fn is_second_factor(method: &str) -> bool {
    ["otp", "mfa", "DS", "hwk", "sms"].iter().any(|strong| method.eq_ignore_ascii_case(strong))
}

/// The left half of the digest that goes with the token's own algorithm (OpenID Connect Core §3.1.3.6).
fn at_hash(
    claims: &Map<String, Value>,
    alg: Option<Alg>,
    expect: &Expect<'_>,
    bench: &mut Bench<'_>,
) -> Result<(), Refusal> {
    let Some(hash) = claims.get("at_hash").and_then(Value::as_str) else {
        let odd = expect.has_at_hash && !bench.conduct.tolerates(Oddity::AtHashAbsent);
        return if odd { Err(refuse(ReasonClass::Binding, "ID-AT-HASH-ABSENT", "no at_hash")) } else { Ok(()) };
    };
    if expect.access_token.is_empty() {
        // Only a variant comes here without an access token; it has nothing to compare with.
        return Ok(());
    }
    let nonce = claims.get("nonce").and_then(Value::as_str);
    if nonce != expect.nonce && expect.nonces.iter().any(|known| Some(known.as_str()) == nonce) {
        // The token of an earlier flow, overlooked as such: it goes with that flow's access token.
        return Ok(());
    }
    let access = expect.access_token.as_bytes();
    let digest = match alg {
        Some(Alg::Gost256) => streebog256(access).to_vec(),
        Some(Alg::Gost512) => streebog512(access).to_vec(),
        Some(Alg::Es256 | Alg::Ps256 | Alg::Rs256) | None => crypto::digest::sha256(access).to_vec(),
    };
    let right = crypto::base64::encode_url(&digest[..digest.len() / 2]);
    bench.weigh(
        IdTokenCheck::AtHash,
        hash == right,
        || true,
        || refuse(ReasonClass::Binding, "ID-AT-HASH", "at_hash is of another access token"),
    )
}

fn instant(value: Option<&Value>) -> Option<Timestamp> {
    let number = value?.as_number()?;
    let seconds = number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64))?;
    Some(Timestamp::from_seconds(seconds.clamp(-(1 << 40), 1 << 40)))
}

/// Whether a key of the set may serve this algorithm, by kind only.
fn is_of_kind(key: &Jwk, alg: Alg) -> bool {
    match alg {
        // Some publish a key of GOST as an EC key; the name of its curve tells them apart.
        Alg::Es256 => key.kty == "EC" && !is_gost(key),
        Alg::Gost256 | Alg::Gost512 => is_gost(key),
        Alg::Ps256 | Alg::Rs256 => key.kty == "RSA",
    }
}

fn is_gost(key: &Jwk) -> bool {
    key.crv.as_deref().is_some_and(|name| crypto::jwk::curve_named(name).is_some())
}

#[cfg(test)]
mod tests;
