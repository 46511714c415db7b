//! What a client may have signed instead of the wanted string. Each guess carries the cause that it would prove; the
//! likely ones come first, because the first that verifies is told.

use contract::time::{Span, Timestamp};
use ring::digest::{SHA256, digest};

use super::causes::{self, Cause};
use crate::oauth::params::{Params, encode, encode_form};
use crate::oauth::signed::{self, Ask, Order, Version};

/// A string that may have been signed.
pub(super) struct Guess {
    pub cause: &'static Cause,
    /// What was done, in words.
    pub seen: String,
    pub bytes: Vec<u8>,
}

/// Orders of up to this many parameters are tried in every permutation.
const PERMUTED: usize = 6;

/// Parameters that have no place in the string and yet are found in it.
const OTHERS: [&str; 14] = [
    "access_type",
    "response_type",
    "redirect_uri",
    "code",
    "grant_type",
    "token_type",
    "client_certificate_hash",
    "permissions",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "nonce",
    "scope_org",
    "refresh_token",
];

struct Guesses<'a> {
    params: &'a Params,
    list: Vec<Guess>,
}

/// Every string that this module knows how to get wrong, for a request that wants `orders(version, ask)`.
pub(super) fn guesses(
    version: Version,
    ask: Ask,
    params: &Params,
    registered: &[String],
    earlier_state: Option<&str>,
) -> Vec<Guess> {
    let mut all = Guesses { params, list: Vec::new() };
    all.other_version(version);
    for order in signed::orders(version, ask) {
        let order: Vec<&str> = order.iter().copied().filter(|name| params.text(name).is_some()).collect();
        all.line_feed(&order);
        all.times(&order);
        all.states(&order, earlier_state);
        all.addresses(&order, registered);
        all.scopes(&order);
        all.encoded(&order);
        all.missing(&order);
        all.extra(&order);
        all.separated(&order);
        all.charsets(&order);
        all.digests(&order);
        all.permuted(&order);
    }
    all.list
}

impl Guesses<'_> {
    fn push(&mut self, cause: &'static Cause, seen: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.list.push(Guess { cause, seen: seen.into(), bytes: bytes.into() });
    }

    fn string(&self, order: &[&str]) -> String {
        signed::string(order, self.params)
    }

    /// The string with one value replaced.
    fn with(&self, order: &[&str], name: &str, value: &str) -> String {
        order
            .iter()
            .map(|part| if *part == name { value } else { self.params.text(part).unwrap_or_default() })
            .collect()
    }

    fn other_version(&mut self, version: Version) {
        let (cause, orders): (_, &[Order]) = match version {
            Version::V1 => (causes::SIGNED_V2_ORDER, &[signed::V2, signed::V3_CODE, &signed::V2[..5]]),
            Version::V2 | Version::V3 => (causes::SIGNED_V1_ORDER, &[signed::V1]),
        };
        for order in orders {
            let text = self.string(order);
            let seen = signed::shown(order, self.params);
            self.push(cause, seen.clone(), text.clone());
            self.push(cause, format!("{seen} with a line feed at the end"), format!("{text}\n"));
        }
    }

    fn line_feed(&mut self, order: &[&str]) {
        let text = self.string(order);
        for (end, name) in [("\n", "a line feed"), ("\r\n", "a carriage return and a line feed"), (" ", "a blank")] {
            self.push(
                causes::SIGNED_WITH_NEWLINE,
                format!("the wanted string with {name} at the end"),
                format!("{text}{end}"),
            );
        }
    }

    fn times(&mut self, order: &[&str]) {
        let Some(sent) = self.params.text("timestamp").map(str::to_owned) else { return };
        let mut variants = vec![
            sent.replace('+', " "),
            sent.replace('+', ""),
            encode(&sent),
            encode_form(&sent),
            sent.replace('+', "%2B"),
            sent.replace(' ', "+"),
        ];
        if let Some((head, zone)) = sent.rsplit_once(' ') {
            variants.push(head.to_owned());
            variants.push(format!("{head}{zone}"));
            if let (5, Some((hours, minutes))) = (zone.len(), zone.split_at_checked(3)) {
                variants.push(format!("{head} {hours}:{minutes}"));
            }
        }
        if let Ok(at) = Timestamp::from_esia(&sent) {
            for seconds in 1..=5 {
                let shift = Span::from_seconds(seconds);
                variants.extend(rewritten(&sent, at + shift));
                variants.extend(rewritten(&sent, at - shift));
            }
            variants.push(at.to_esia());
            variants.push(at.to_string());
            variants.push(at.seconds().to_string());
        }
        for variant in variants.into_iter().filter(|variant| *variant != sent) {
            let text = self.with(order, "timestamp", &variant);
            self.push(causes::SIGNED_TIMESTAMP_DIFFERS, format!("signed {variant:?}, sent {sent:?}"), text);
        }
    }

    fn states(&mut self, order: &[&str], earlier: Option<&str>) {
        if let Some(earlier) = earlier.filter(|earlier| Some(*earlier) != self.params.text("state")) {
            let text = self.with(order, "state", earlier);
            self.push(
                causes::SIGNED_AUTHORISATION_STATE,
                format!("signed state {earlier:?} of the authorisation request"),
                text,
            );
        }
    }

    fn addresses(&mut self, order: &[&str], registered: &[String]) {
        let Some(sent) = self.params.text("redirect_uri").map(str::to_owned) else { return };
        let mut variants = vec![
            sent.trim_end_matches('/').to_owned(),
            format!("{sent}/"),
            sent.to_lowercase(),
            encode(&sent),
            sent.split('?').next().unwrap_or_default().to_owned(),
            sent.replacen("https://", "http://", 1),
            sent.replacen("http://", "https://", 1),
        ];
        variants.extend(registered.iter().cloned());
        for variant in variants.into_iter().filter(|variant| *variant != sent) {
            let text = self.with(order, "redirect_uri", &variant);
            self.push(causes::SIGNED_REDIRECT_URI_DIFFERS, format!("signed {variant:?}, sent {sent:?}"), text);
        }
    }

    fn scopes(&mut self, order: &[&str]) {
        let Some(sent) = self.params.text("scope").map(str::to_owned) else { return };
        let parts: Vec<&str> = sent.split(' ').filter(|part| !part.is_empty()).collect();
        let mut variants: Vec<String> =
            ["+", "%20", ",", ", ", "", "  "].iter().map(|joint| parts.join(joint)).collect();
        let mut sorted = parts.clone();
        sorted.sort_unstable();
        variants.push(sorted.join(" "));
        variants.push(parts.iter().rev().copied().collect::<Vec<_>>().join(" "));
        variants.push(encode(&sent));
        variants.push(encode_form(&sent));
        if parts.len() <= 4 {
            variants.extend(permutations(&parts).into_iter().map(|parts| parts.join(" ")));
        }
        for variant in variants.into_iter().filter(|variant| *variant != sent) {
            let text = self.with(order, "scope", &variant);
            self.push(causes::SIGNED_SCOPE_ENCODING, format!("signed scope {variant:?}, sent {sent:?}"), text);
        }
    }

    fn encoded(&mut self, order: &[&str]) {
        let values: Vec<&str> = order.iter().filter_map(|name| self.params.text(name)).collect();
        let forms: [(&str, String); 3] = [
            ("percent-encoded values", values.iter().map(|value| encode(value)).collect()),
            ("form-encoded values", values.iter().map(|value| encode_form(value)).collect()),
            (
                "the raw text of the query",
                order.iter().filter_map(|name| self.params.param(name)).map(|p| p.raw.as_str()).collect(),
            ),
        ];
        for (name, text) in forms {
            if text != values.concat() {
                self.push(causes::SIGNED_VALUES_ENCODED, name, text);
            }
        }
    }

    fn missing(&mut self, order: &[&str]) {
        for first in 0..order.len() {
            let one: Vec<&str> =
                order.iter().enumerate().filter(|(at, _)| *at != first).map(|(_, name)| *name).collect();
            self.push(
                causes::SIGNED_PARAMETER_MISSING,
                format!("[{}] is not in the string", order[first]),
                self.string(&one),
            );
        }
        for first in 0..order.len() {
            for second in first + 1..order.len() {
                let two: Vec<&str> = order
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| *at != first && *at != second)
                    .map(|(_, name)| *name)
                    .collect();
                let seen = format!("[{}] and [{}] are not in the string", order[first], order[second]);
                self.push(causes::SIGNED_PARAMETER_MISSING, seen, self.string(&two));
            }
        }
    }

    fn extra(&mut self, order: &[&str]) {
        for other in OTHERS.iter().filter(|other| !order.contains(*other) && self.params.text(other).is_some()) {
            for place in 0..=order.len() {
                let mut longer = order.to_vec();
                longer.insert(place, other);
                self.push(causes::SIGNED_PARAMETER_EXTRA, format!("[{other}] is in the string"), self.string(&longer));
            }
        }
    }

    fn separated(&mut self, order: &[&str]) {
        let values: Vec<&str> = order.iter().filter_map(|name| self.params.text(name)).collect();
        for joint in ["&", " ", "\n", ",", ";", "|", "."] {
            self.push(causes::SIGNED_WITH_SEPARATORS, format!("values joined by {joint:?}"), values.join(joint));
        }
        let pairs: Vec<String> =
            order.iter().filter_map(|name| Some(format!("{name}={}", self.params.text(name)?))).collect();
        self.push(causes::SIGNED_WITH_SEPARATORS, "names and values, as a query", pairs.join("&"));
    }

    fn charsets(&mut self, order: &[&str]) {
        let text = self.string(order);
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked = [&[0xFF, 0xFE], little.as_slice()].concat();
        self.push(causes::SIGNED_OTHER_CHARSET, "the string in UTF-16 (little-endian)", little);
        self.push(causes::SIGNED_OTHER_CHARSET, "the string in UTF-16 (big-endian)", big);
        self.push(causes::SIGNED_OTHER_CHARSET, "the string in UTF-16 with a byte order mark", marked);
        self.push(
            causes::SIGNED_OTHER_CHARSET,
            "the string with a UTF-8 byte order mark",
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        );
    }

    fn digests(&mut self, order: &[&str]) {
        let hash = digest(&SHA256, self.string(order).as_bytes());
        self.push(causes::SIGNATURE_OF_DIGEST, "the SHA-256 bytes of the string", hash.as_ref());
        self.push(causes::SIGNATURE_OF_DIGEST, "the SHA-256 of the string in hex", hex::encode(hash.as_ref()));
        self.push(
            causes::SIGNATURE_OF_DIGEST,
            "the SHA-256 of the string in upper-case hex",
            hex::encode_upper(hash.as_ref()),
        );
    }

    fn permuted(&mut self, order: &[&str]) {
        if order.len() > PERMUTED {
            return;
        }
        for other in permutations(order) {
            let seen = format!("signed {}", other.join(" + "));
            self.push(causes::SIGNED_PARAMETERS_REORDERED, seen, self.string(&other));
        }
    }
}

/// Another instant in the form and zone of `sent`.
fn rewritten(sent: &str, at: Timestamp) -> Option<String> {
    let zone = sent.rsplit_once(' ')?.1;
    let (sign, digits) = zone.split_at_checked(1)?;
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..4)?.parse().ok()?;
    let offset = (hours * 60 + minutes) * if sign == "-" { -1 } else { 1 };
    // The calendar writes Moscow time; shifting the instant by the difference of zones writes any other.
    let moscow = at.millis() + (offset - 180) * 60_000;
    let text = Timestamp::from_millis(moscow).to_esia();
    Some(format!("{} {zone}", text.rsplit_once(' ')?.0))
}

/// Every order of `items` but the given one.
fn permutations<'a>(items: &[&'a str]) -> Vec<Vec<&'a str>> {
    fn grow<'a>(left: &[&'a str], taken: &mut Vec<&'a str>, out: &mut Vec<Vec<&'a str>>) {
        if left.is_empty() {
            out.push(taken.clone());
            return;
        }
        for at in 0..left.len() {
            let mut rest = left.to_vec();
            taken.push(rest.remove(at));
            grow(&rest, taken, out);
            taken.pop();
        }
    }
    let mut out = Vec::new();
    grow(items, &mut Vec::new(), &mut out);
    out.retain(|order| order != items);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_are_all_orders_but_the_given_one() {
        assert_eq!(permutations(&["a", "b", "c"]).len(), 5);
    }

    #[test]
    fn a_time_is_rewritten_in_its_own_zone() {
        let at = Timestamp::from_esia("2026.11.22 05:47:06 +0000").unwrap();
        let text = rewritten("2026.11.22 05:47:06 +0000", at + Span::from_seconds(1));
        assert_eq!(text.as_deref(), Some("2026.11.22 05:47:07 +0000"));
        let west = rewritten("2026.11.22 05:47:06 -0330", at);
        assert_eq!(west.as_deref(), Some("2026.11.22 02:17:06 -0330"));
    }

    #[test]
    fn guesses_are_bounded() {
        let params = Params::of([
            ("client_id", "BANK01"),
            ("scope", "openid fullname birthdate snils"),
            ("timestamp", "2026.11.22 05:47:06 +0000"),
            ("state", "abc"),
            ("redirect_uri", "https://b/cb"),
            ("code", "xyz"),
        ]);
        let all = guesses(Version::V3, Ask::Code, &params, &[], None);
        assert!(all.len() < 2000, "{}", all.len());
    }
}
