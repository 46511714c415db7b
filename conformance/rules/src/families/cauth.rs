//! CAUTH: how the bank proves who it is at the portal's endpoints.

use std::collections::BTreeMap;

use contract::exchange::{Exchange, Party};
use serde_json::Value;

use super::{OIDC, ROW, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Reading, line, wire};
use crate::rule::{Judge, Level, Rule, Severity};

const BASE: Rule = Rule {
    requirements: &["IDN-1", "ONB-3"],
    protocols: OIDC,
    looked_at: t(
        "Каждое подписанное утверждение клиента (client_assertion) на адресах маркера, PAR, проверки и отзыва.",
        "Every client assertion at the token, pushed-request, introspection and revocation endpoints.",
    ),
    ..ROW
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "CAUTH-01",
        slug: "assertion-claims-wrong",
        clauses: &["RFC 7523 3", "OIDC Core 9"],
        title: t(
            "В утверждении есть iss = sub = client_id, jti, exp и iat",
            "The assertion has iss = sub = client id, jti, exp and iat",
        ),
        why: t(
            "По этим полям портал узнаёт клиента и отличает свежее утверждение от украденного.",
            "By these the portal knows the client and tells a fresh assertion from a stolen one.",
        ),
        advice: t(
            "Заполните iss и sub своим client_id, jti — случайным, exp и iat — числами.",
            "Set iss and sub to your client id, jti at random, exp and iat as numbers.",
        ),
        judge: Judge::Duty(claims),
        ..BASE
    },
    Rule {
        id: "CAUTH-02",
        slug: "assertion-audience-wrong",
        level: Level::P,
        clauses: &["FAPI2 5.3.3.1(5)"],
        title: t(
            "Адресат утверждения — issuer портала, одной строкой",
            "The assertion’s audience is the portal’s issuer, as a single string",
        ),
        why: t(
            "Утверждение с чужим адресатом злонамеренный сервер предъявит настоящему.",
            "An assertion for another audience can be replayed by a hostile server.",
        ),
        advice: t(
            "Ставьте aud равным issuer из метаданных, не адресу обмена.",
            "Set aud to the issuer of the metadata, not to the token endpoint.",
        ),
        judge: Judge::Duty(audience),
        ..BASE
    },
    Rule {
        id: "CAUTH-03",
        slug: "assertion-jti-repeated",
        clauses: &["RFC 7523 3", "OIDC Core 9"],
        title: t("jti утверждения не повторяется", "The assertion’s jti never repeats"),
        why: t(
            "Повтор неотличим от предъявления украденного утверждения.",
            "A repeat cannot be told from a stolen assertion.",
        ),
        advice: t(
            "Создавайте новое утверждение для каждого обращения, включая повторы.",
            "Make a new assertion for each call, retries included.",
        ),
        judge: Judge::Duty(jti),
        ..BASE
    },
    Rule {
        id: "CAUTH-04",
        slug: "assertion-long-lived",
        level: Level::G,
        severity: Severity::Low,
        clauses: &["RFC 7523 3"],
        title: t("Утверждение живёт не дольше пяти минут", "The assertion lives five minutes at most"),
        why: t(
            "Чем дольше живёт утверждение, тем дольше годится украденное.",
            "The longer it lives, the longer a stolen one is good.",
        ),
        advice: t("Ставьте exp = iat + 60…300 секунд.", "Set exp to iat plus 60 to 300 seconds."),
        judge: Judge::Duty(lifetime),
        ..BASE
    },
    Rule {
        id: "CAUTH-06",
        slug: "assertion-kid-missing",
        level: Level::S,
        severity: Severity::Low,
        clauses: &["RFC 7515 4.1.4", "OIDC Core 10.1"],
        title: t("В утверждении назван ключ (kid)", "The assertion names its key (kid)"),
        why: t(
            "При смене ключей портал выбирает нужный по kid.",
            "At a key change the portal picks the right one by kid.",
        ),
        advice: t("Добавьте kid в заголовок утверждения.", "Put kid into the assertion’s header."),
        judge: Judge::Duty(kid),
        ..BASE
    },
    Rule {
        id: "CAUTH-09",
        slug: "two-client-authentications",
        severity: Severity::Medium,
        clauses: &["RFC 6749 2.3"],
        title: t("В запросе один способ подтверждения клиента", "One way of client authentication per request"),
        why: t(
            "Из двух способов проверят один, и неизвестно какой.",
            "Of two ways one is checked, and nobody knows which.",
        ),
        looked_at: t(
            "Обращения за маркером: заголовок Authorization, client_secret и client_assertion.",
            "Token calls: the Authorization header, client_secret and client_assertion.",
        ),
        advice: t(
            "Оставьте зарегистрированный способ, остальные уберите.",
            "Keep the registered way and drop the others.",
        ),
        judge: Judge::Duty(one_way),
        ..BASE
    },
    Rule {
        id: "CAUTH-10",
        slug: "secret-in-url",
        protocols: super::EVERY,
        severity: Severity::Critical,
        requirements: &["IDN-1", "SEC-4"],
        clauses: &["RFC 6749 2.3.1"],
        title: t("Секреты клиента не попадают в адреса", "Client secrets never stand in addresses"),
        why: t("Адреса пишутся в журналы всех узлов на пути.", "Addresses are logged by every host on the way."),
        looked_at: t(
            "Адреса всех обращений банка и браузера: утверждения, подписи обмена и маркеры обновления (подпись в запросе авторизации ЕСИА — часть протокола и не считается).",
            "Addresses of all calls of bank and browser: assertions, signatures of the exchange, refresh tokens (the signature in ESIA’s authorisation request is part of the protocol and does not count).",
        ),
        advice: t("Передавайте их только в теле запроса.", "Send them in the body only."),
        judge: Judge::Duty(in_url),
        ..BASE
    },
];

const NONE: (&str, &str) = ("the bank sent no client assertion", "банк не отправлял подписанных утверждений");

struct Assertion<'a> {
    exchange: &'a Exchange,
    text: String,
    jwt: Option<wire::Jwt>,
}

fn assertions<'a>(reading: &Reading<'a>) -> Vec<Assertion<'a>> {
    let to_portal = reading.by_bank().filter(|exchange| exchange.to == Party::Portal);
    to_portal
        .filter_map(|exchange| {
            let mut params = wire::form(exchange);
            params.extend(wire::query(&exchange.request.url));
            let text = wire::first(&params, "client_assertion")?.to_owned();
            let jwt = wire::jwt(&text);
            Some(Assertion { exchange, text, jwt })
        })
        .collect()
}

fn each(
    reading: &Reading<'_>,
    fine: (&str, &str),
    mut look: impl FnMut(&mut Check, &Assertion<'_>, &wire::Jwt),
) -> Judgement {
    let mut check = Check::new();
    for assertion in &assertions(reading) {
        check.saw(line(assertion.exchange));
        match &assertion.jwt {
            Some(jwt) => look(&mut check, assertion, jwt),
            None => {
                check.wrong("client_assertion is no JWT", "client_assertion — не JWT", vec![line(assertion.exchange)])
            }
        }
    }
    check.end(NONE, fine)
}

fn claims(reading: &Reading<'_>) -> Judgement {
    let client = reading.trace.bank.client_id.as_str();
    each(
        reading,
        ("every assertion has its claims right", "поля всех утверждений верны"),
        |check, assertion, jwt| {
            let text = |name: &str| jwt.claims.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
            for name in ["iss", "sub"] {
                if text(name) != client {
                    check.wrong(
                        format!("{name} is {}, wanted {client}", text(name)),
                        format!("{name} = {}, нужно {client}", text(name)),
                        vec![line(assertion.exchange)],
                    );
                }
            }
            if jwt.claims.get("jti").and_then(Value::as_str).is_none_or(str::is_empty) {
                check.wrong("jti is missing", "нет jti", vec![line(assertion.exchange)]);
            }
            for name in ["exp", "iat"] {
                if !jwt.claims.get(name).is_some_and(Value::is_number) {
                    check.wrong(
                        format!("{name} is missing or no number"),
                        format!("{name} нет или это не число"),
                        vec![line(assertion.exchange)],
                    );
                }
            }
        },
    )
}

fn audience(reading: &Reading<'_>) -> Judgement {
    let issuer = reading.trace.portal.oidc_issuer.as_str();
    each(
        reading,
        ("every assertion is meant for the issuer", "адресат всех утверждений — issuer портала"),
        |check, assertion, jwt| {
            let endpoint = assertion.exchange.request.url.split('?').next().unwrap_or_default();
            match jwt.claims.get("aud") {
                Some(Value::String(aud)) if aud == issuer => {}
                Some(Value::String(aud))
                    if aud == endpoint || aud.ends_with("/oidc/token") && wire::origin(aud) == wire::origin(issuer) =>
                {
                    check.odd(
                        format!("aud is the endpoint {aud}; the issuer {issuer} is wanted"),
                        format!("aud — адрес {aud}, нужен issuer {issuer}"),
                        vec![line(assertion.exchange)],
                    )
                }
                Some(Value::Array(list)) if list.len() == 1 && list[0] == issuer => check.odd(
                    "aud is an array of one; a single string is wanted",
                    "aud — список из одного значения, нужна строка",
                    vec![line(assertion.exchange)],
                ),
                other => {
                    let seen = other.map_or_else(|| "-".to_owned(), Value::to_string);
                    check.wrong(
                        format!("aud is {seen}, wanted {issuer}"),
                        format!("aud = {seen}, нужно {issuer}"),
                        vec![line(assertion.exchange)],
                    );
                }
            }
        },
    )
}

fn jti(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = assertions(reading);
    let mut seen: BTreeMap<String, &Assertion<'_>> = BTreeMap::new();
    for assertion in list.iter().filter(|_| list.len() > 1) {
        check.saw(line(assertion.exchange));
        let jti = assertion.jwt.as_ref().and_then(|jwt| jwt.claims.get("jti")).and_then(Value::as_str);
        let name = jti.map_or_else(|| assertion.text.clone(), str::to_owned);
        if let Some(before) = seen.insert(name.clone(), assertion) {
            check.wrong(
                format!("jti {} was used twice", wire::mask(&name)),
                format!("jti {} использован дважды", wire::mask(&name)),
                vec![line(before.exchange), line(assertion.exchange)],
            );
        }
    }
    check.end(
        ("fewer than two assertions, nothing to compare", "меньше двух утверждений, сравнивать нечего"),
        ("no jti was repeated", "jti не повторяются"),
    )
}

fn lifetime(reading: &Reading<'_>) -> Judgement {
    each(
        reading,
        ("every assertion is short-lived", "все утверждения короткие"),
        |check, assertion, jwt| {
            let number = |name: &str| jwt.claims.get(name).and_then(Value::as_i64);
            let (Some(exp), Some(iat)) = (number("exp"), number("iat")) else {
                return;
            };
            let life = exp.saturating_sub(iat);
            if life > 300 {
                check.wrong(
                    format!("the assertion lives {life} s, at most 300 are wanted"),
                    format!("утверждение живёт {life} с, нужно не больше 300"),
                    vec![line(assertion.exchange)],
                );
            }
        },
    )
}

fn kid(reading: &Reading<'_>) -> Judgement {
    each(
        reading,
        ("every assertion names its key", "в каждом утверждении назван ключ"),
        |check, assertion, jwt| {
            if jwt.header.get("kid").and_then(Value::as_str).is_none_or(str::is_empty) {
                check.wrong("the assertion has no kid", "в утверждении нет kid", vec![line(assertion.exchange)]);
            }
        },
    )
}

fn one_way(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for call in &reading.token_calls {
        check.saw(line(call.exchange));
        let basic = wire::sent(call.exchange, "authorization")
            .is_some_and(|value| value.to_ascii_lowercase().starts_with("basic "));
        let ways: Vec<&str> = [
            basic.then_some("Authorization: Basic"),
            call.param("client_secret").map(|_| "client_secret"),
            call.param("client_assertion").map(|_| "client_assertion"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if ways.len() > 1 {
            check.wrong(
                format!("the client is authenticated by {} at once", ways.join(" and ")),
                format!("клиент подтверждён сразу двумя способами: {}", ways.join(" и ")),
                vec![line(call.exchange)],
            );
        }
    }
    check.end(
        ("the bank made no token call", "банк не обращался за маркером"),
        ("each call is authenticated in one way", "в каждом обращении один способ"),
    )
}

fn in_url(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for call in &reading.token_calls {
        check.saw(line(call.exchange));
        for (name, _) in &call.in_url {
            if ["client_secret", "client_assertion", "refresh_token", "code_verifier"].contains(&name.as_str()) {
                check.wrong(
                    format!("{name} stands in the address of the token call"),
                    format!("{name} стоит в адресе обращения за маркером"),
                    vec![line(call.exchange)],
                );
            }
        }
    }
    let own = reading.exchanges.iter().copied().filter(|exchange| {
        matches!(exchange.from, Party::Bank | Party::Browser)
            && !reading.token_calls.iter().any(|call| std::ptr::eq(call.exchange, *exchange))
    });
    for exchange in own {
        let params = wire::query(&exchange.request.url);
        let assertion = wire::first(&params, "client_assertion").is_some();
        let refresh = reading.all_tokens().any(|(token, kind)| {
            kind == crate::reading::Kind::Refresh && token.len() > 15 && exchange.request.url.contains(token)
        });
        if assertion || refresh {
            let name = if assertion { "client_assertion" } else { "refresh_token" };
            check.wrong(
                format!("{name} stands in the address {}", wire::path(&exchange.request.url)),
                format!("{name} стоит в адресе {}", wire::path(&exchange.request.url)),
                vec![line(exchange)],
            );
        }
    }
    check.end(
        ("the bank made no token call", "банк не обращался за маркером"),
        ("no secret stands in an address", "секретов в адресах нет"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::duties::asserted;
    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn every_claim_of_an_assertion_is_looked_at() {
        let with = |name: &'static str, value: Value| {
            verdict("CAUTH-01", &asserted(move |_, claims| claims[name] = value.clone()))
        };
        assert_eq!(with("iss", json!("BANK01")), Verdict::Pass);
        for (name, value) in [
            ("iss", json!("OTHER")),
            ("sub", json!("OTHER")),
            ("jti", json!("")),
            ("jti", Value::Null),
            ("exp", json!("1060")),
            ("iat", Value::Null),
        ] {
            assert_eq!(with(name, value.clone()), Verdict::Fail, "{name} {value}");
        }
    }

    #[test]
    fn an_assertion_is_meant_for_the_issuer_as_one_string() {
        let meant = |aud: Value| verdict("CAUTH-02", &asserted(move |_, claims| claims["aud"] = aud.clone()));
        assert_eq!(meant(json!(PORTAL)), Verdict::Pass);
        assert_eq!(meant(json!([PORTAL])), Verdict::Warning);
        assert_eq!(meant(json!([PORTAL, "https://other.example"])), Verdict::Fail);
        assert_eq!(meant(json!(["https://other.example"])), Verdict::Fail);
        assert_eq!(meant(json!(format!("{PORTAL}/oidc/token"))), Verdict::Warning);
        assert_eq!(meant(json!("https://other.example/oidc/token")), Verdict::Fail);
        assert_eq!(meant(json!(format!("{PORTAL}/oidc/par"))), Verdict::Fail);
    }

    #[test]
    fn an_assertion_lives_five_minutes_at_most() {
        let lives =
            |seconds: i64| verdict("CAUTH-04", &asserted(move |_, claims| claims["exp"] = json!(1000 + seconds)));
        assert_eq!(lives(300), Verdict::Pass);
        assert_eq!(lives(301), Verdict::Warning);
    }

    #[test]
    fn secrets_stand_in_no_address_of_the_bank_or_the_browser() {
        let play = |from: Party, to: Party, query: &str| {
            let mut scene = Scene::oidc();
            let link = scene.link(ANNA);
            let query = query.replace("REFRESH", &link.refresh);
            scene.exchange(from, to, "GET", &format!("{PORTAL}/page?{query}"));
            verdict("CAUTH-10", &scene)
        };
        assert_eq!(play(Party::Browser, Party::Portal, "a=b"), Verdict::Pass);
        assert_eq!(play(Party::Browser, Party::Portal, "token=REFRESH"), Verdict::Fail);
        assert_eq!(play(Party::Bank, Party::Portal, "client_assertion=a.b.c"), Verdict::Fail);
        assert_eq!(play(Party::Attacker, Party::Portal, "client_assertion=a.b.c"), Verdict::Pass);
    }
}
