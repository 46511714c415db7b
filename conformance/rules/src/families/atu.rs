//! ATU: what the bank does with access tokens.

use std::collections::BTreeSet;

use contract::adapter::Outcome;
use contract::exchange::{Exchange, Party};
use contract::journal::kinds;
use serde_json::Value;

use super::resp::prove;
use super::{ROW, obs, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{DataCall, Kind, Lie, Reading, lied, line, noted, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Rule, Severity};

const BASE: Rule = Rule {
    requirements: &["IDN-1", "SEC-4", "SEC-8"],
    looked_at: t(
        "Все обращения банка за данными и маркеры в них.",
        "Every data call of the bank and the tokens in it.",
    ),
    ..ROW
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "ATU-01",
        slug: "token-outside-header",
        clauses: &["RFC 6750 2.1, 5.3", "FAPI2 5.3.3.1(3)"],
        title: t(
            "Маркер передаётся только в заголовке Authorization",
            "The token travels in the Authorization header only",
        ),
        why: t(
            "Из тела и адреса маркер попадает в журналы и кэши.",
            "From body and address a token gets into logs and caches.",
        ),
        advice: t("Authorization: Bearer … и нигде больше.", "Authorization: Bearer … and nowhere else."),
        judge: Judge::Duty(header_only),
        ..BASE
    },
    Rule {
        id: "ATU-02",
        slug: "token-in-url",
        severity: Severity::Critical,
        clauses: &["RFC 6750 5.3", "RFC 9700 4.3.2", "FAPI2 5.3.4(2)"],
        title: t("Маркеры и коды не стоят в адресах", "Tokens and codes never stand in addresses"),
        why: t(
            "Адрес с маркером — это ключ, записанный в каждом журнале по пути.",
            "An address with a token is a key written into every log on the way.",
        ),
        looked_at: t(
            "Адреса всех обращений банка и браузера (код в адресе возврата — часть протокола).",
            "The addresses of all calls of bank and browser (the code in the return address is part of the protocol).",
        ),
        advice: t("Уберите маркеры и коды из параметров адреса.", "Keep tokens and codes out of address parameters."),
        judge: Judge::Duty(no_url),
        ..BASE
    },
    Rule {
        id: "ATU-03",
        slug: "token-sent-after-redirect",
        severity: Severity::Critical,
        clauses: &["RFC 9110 15.4", "RFC 9700 4.9.1"],
        title: t(
            "Маркер не уходит по переадресации на чужой узел",
            "The token does not follow a redirect to a foreign host",
        ),
        why: t("Один ответ 302 иначе отдаёт маркер постороннему.", "One 302 otherwise hands the token to a stranger."),
        looked_at: t(
            "Переадресация данных о человеке на чужой узел: маркер туда не пришёл.",
            "A redirect of person data to a foreign host: the token did not arrive there.",
        ),
        advice: t(
            "Не следуйте переадресациям на другой узел или снимайте Authorization.",
            "Follow no redirect to another host, or drop Authorization.",
        ),
        judge: Judge::Duty(person_redirect),
        ..BASE
    },
    Rule {
        id: "ATU-05",
        slug: "expired-token-used",
        clauses: &["RFC 6749 5.1, 1.5"],
        title: t("Истёкший маркер не используется", "An expired token is not used"),
        why: t(
            "Маркер дан на срок; дальше нужен новый.",
            "A token is given for a time; afterwards a new one is needed.",
        ),
        looked_at: t(
            "Маркеры, срок которых прошёл по часам портала, и обращения с ними после срока.",
            "Tokens whose life has passed by the portal’s clock, and calls with them afterwards.",
        ),
        advice: t(
            "Запоминайте срок при получении и обновляйте маркер заранее.",
            "Note the lifetime on receipt and renew the token in time.",
        ),
        judge: Judge::Duty(expired),
        ..BASE
    },
    Rule {
        id: "ATU-06",
        slug: "no-recovery-from-401",
        clauses: &["RFC 6750 3.1", "RFC 6749 1.5"],
        title: t("После 401 — одно обновление и один повтор", "After 401 one renewal and one repeat"),
        why: t(
            "Маркер могут отозвать досрочно; банк должен восстановиться, но не стучаться без конца.",
            "A token can be withdrawn early; the bank must recover, and not knock for ever.",
        ),
        looked_at: t(
            "Однократный 401 на данные о человеке: не больше трёх обращений, в конце успех.",
            "A single 401 on person data: three calls at most, success in the end.",
        ),
        advice: t(
            "Обновите маркер один раз, повторите один раз, затем остановитесь.",
            "Renew once, repeat once, then stop.",
        ),
        judge: Judge::Duty(once),
        ..BASE
    },
    Rule {
        id: "ATU-07",
        slug: "loop-on-401",
        requirements: &["IDN-1", "SEC-7"],
        clauses: &["RFC 6750 3.1"],
        title: t("Постоянный 401 не приводит к бесконечным повторам", "A lasting 401 causes no endless repeats"),
        why: t(
            "Иначе один отозванный маркер нагружает портал без пользы.",
            "Otherwise one withdrawn token loads the portal for nothing.",
        ),
        looked_at: t(
            "Постоянный 401: не больше трёх обращений к тому же ресурсу в одном сценарии.",
            "A lasting 401: three calls of the same resource at most in one flow.",
        ),
        advice: t(
            "Ограничьте число попыток и попросите человека войти снова.",
            "Bound the attempts and ask the person to sign in again.",
        ),
        judge: Judge::Duty(forever),
        ..BASE
    },
    Rule {
        id: "ATU-09",
        slug: "repeat-on-403",
        requirements: &["IDN-1", "SEC-7"],
        clauses: &["RFC 6750 3.1"],
        title: t("После 403 запрос не повторяется", "After 403 the call is not repeated"),
        why: t("Прав не прибавится от повтора.", "Repeating adds no rights."),
        looked_at: t(
            "403 insufficient_scope: того же обращения больше нет без нового разрешения.",
            "403 insufficient_scope: no such call again without a new authorisation.",
        ),
        advice: t(
            "Сообщите о нехватке прав и запросите их у человека.",
            "Report the missing right and ask the person for it.",
        ),
        judge: Judge::Duty(forbidden),
        ..BASE
    },
    Rule {
        id: "ATU-11",
        slug: "tokens-of-two-people-mixed",
        severity: Severity::Critical,
        requirements: &["SEC-8", "CNS-3"],
        clauses: &["ASVS 8.2.2", "152-FZ art. 7"],
        title: t("Маркер одного человека не используется для другого", "One person’s token is never used for another"),
        why: t(
            "Перепутав маркеры, банк читает чужие данные.",
            "A bank that mixes tokens up reads somebody else’s data.",
        ),
        looked_at: t(
            "Для каждого обращения: кому выдан маркер и о ком спрашивают (где в случае несколько людей).",
            "For each call: whom the token was issued for and whom the call asks about (where several people take part).",
        ),
        advice: t(
            "Храните маркер вместе с субъектом и берите его по субъекту.",
            "Keep a token with its subject and fetch it by subject.",
        ),
        judge: Judge::Duty(mixed),
        ..BASE
    },
    Rule {
        id: "ATU-14",
        slug: "token-at-rest-in-clear",
        severity: Severity::Critical,
        clauses: &["ASVS 13.3.1"],
        title: t("Маркеры не лежат в хранилище открытым текстом", "Tokens do not lie in clear at rest"),
        why: t(
            "Украденная копия базы иначе открывает данные людей.",
            "A stolen copy of the database otherwise opens people’s data.",
        ),
        looked_at: t(
            "Поиск выданных маркеров в файлах хранилища, названных банком, в разных записях.",
            "A search for issued tokens, in several encodings, in the storage files that the bank names.",
        ),
        advice: t("Шифруйте маркеры ключом, лежащим отдельно.", "Encrypt tokens with a key kept elsewhere."),
        judge: Judge::Duty(at_rest),
        ..BASE
    },
    Rule {
        id: "ATU-15",
        slug: "token-in-logs",
        severity: Severity::Critical,
        clauses: &["ASVS 16.2.5"],
        title: t("Маркеров нет в журналах", "No tokens in logs"),
        why: t("Журналы читает больше людей, чем базу.", "More people read logs than databases."),
        looked_at: t(
            "Поиск выданных маркеров в журналах, названных банком.",
            "A search for issued tokens in the logs that the bank names.",
        ),
        advice: t(
            "Не пишите заголовки и тела обращений в журнал; маскируйте маркеры.",
            "Do not log headers and bodies; mask tokens.",
        ),
        judge: Judge::Duty(in_logs),
        ..BASE
    },
];

const NO_CALLS: (&str, &str) = ("the bank made no data call with a token", "обращений за данными с маркером не было");

fn header_only(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let tokens: Vec<&str> =
        reading.all_tokens().filter(|(_, kind)| *kind == Kind::Access).map(|(token, _)| token).collect();
    for call in &reading.data_calls {
        let exchange = call.exchange;
        if call.bearer.is_some() {
            check.saw(line(exchange));
        }
        let elsewhere =
            tokens.iter().find(|token| {
                token.len() >= 8
                    && (exchange.request.url.contains(**token)
                        || exchange.request.body.text().contains(**token)
                        || exchange.request.headers.iter().any(|(name, value)| {
                            !name.eq_ignore_ascii_case("authorization") && value.contains(**token)
                        }))
            });
        let named = wire::first(&call.params, "access_token").is_some();
        if elsewhere.is_some() || named {
            check.wrong(
                format!("a token travels outside the Authorization header: {}", call.resource()),
                format!("маркер передан не в заголовке Authorization: {}", call.resource()),
                vec![line(exchange)],
            );
        }
    }
    check.end(NO_CALLS, ("every token travels in the Authorization header", "все маркеры — в заголовке Authorization"))
}

fn no_url(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let redirect = wire::path(&reading.trace.bank.redirect_uri);
    let own = |exchange: &&Exchange| matches!(exchange.from, Party::Bank | Party::Browser);
    let lied_url = |url: &str| {
        reading
            .told(&["redirect-token-in-query"])
            .iter()
            .any(|lie| lie.exchange.and_then(|e| wire::got(e, "location")) == Some(url))
    };
    let codes: BTreeSet<String> = reading
        .callbacks
        .iter()
        .filter_map(|visit| wire::first(&visit.params, "code").map(str::to_owned))
        .filter(|code| code.len() >= 16)
        .collect();
    if reading.token_calls.iter().any(|call| call.answer.is_some()) {
        for call in &reading.token_calls {
            check.saw(line(call.exchange));
        }
    }
    for exchange in reading.exchanges.iter().copied().filter(own) {
        let url = exchange.request.url.as_str();
        let path = wire::path(url);
        if lied_url(url) {
            continue;
        }
        let token = reading.all_tokens().find(|(token, kind)| {
            token.len() >= 16 && url.contains(token) && !(*kind == Kind::Id && path == "/oidc/end-session")
        });
        let code =
            codes.iter().find(|code| url.contains(code.as_str()) && !(exchange.to == Party::Bank && path == redirect));
        if let Some(secret) = token.map(|(token, _)| token.to_owned()).or_else(|| code.cloned()) {
            check.wrong(
                format!("the address {path} holds {}", wire::mask(&secret)),
                format!("в адресе {path} стоит {}", wire::mask(&secret)),
                vec![line(exchange)],
            );
        }
    }
    for canary in
        reading.canaries.iter().filter(|canary| canary.place.starts_with("url") && obs::is_token(&canary.planted))
    {
        check.wrong(
            format!("{} was found in an address", canary.planted),
            format!("в адресе найдено: {}", canary.planted),
            vec![obs::found(canary)],
        );
    }
    check.end(
        ("no token was served", "маркеров не выдавали"),
        ("no token or code stands in an address", "маркеров и кодов в адресах нет"),
    )
}

fn person_redirect(reading: &Reading<'_>) -> Judgement {
    redirected(reading, "resource-redirect-foreign")
}

/// No credentials at the foreign host after a redirect there.
pub(super) fn redirected(reading: &Reading<'_>, fault: &'static str) -> Judgement {
    let lies = reading.told(&[fault]);
    if lies.is_empty() {
        return untold(&[fault], reading);
    }
    let mut check = Check::new();
    for lie in &lies {
        let Some(first) = lie.exchange.filter(|exchange| exchange.response.is_some()) else { continue };
        check.saw(lied(lie));
        let bearer = wire::bearer(first).unwrap_or("-");
        for arrived in reading.foreign().into_iter().filter(|arrived| arrived.started_us >= first.started_us) {
            if wire::sent(arrived, "authorization").is_some() || wire::carries(arrived, bearer) {
                check.wrong(
                    format!("the foreign host received the token {}", wire::mask(bearer)),
                    format!("на чужой узел пришёл маркер {}", wire::mask(bearer)),
                    vec![line(first), line(arrived)],
                );
            }
        }
    }
    prove(&mut check, reading);
    check.end(
        ("no redirect was told", "переадресации не было"),
        ("no credentials arrived at the foreign host", "на чужой узел ничего секретного не пришло"),
    )
}

fn expired(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    if !reading.trace.bank.clock_movable && !reading.deeds("advance").is_empty() {
        return Judgement::not_applicable(
            "the bank’s clock cannot be moved, so it could not know",
            "часы банка не переводятся, и знать об этом он не мог",
        );
    }
    let skew = reading.trace.portal.limits.clock_skew_ms;
    for origin in &reading.token_calls {
        let Some(life) = origin.answer.as_ref().and_then(|answer| answer.get("expires_in")).and_then(seconds) else {
            continue;
        };
        // A lie about the lifetime binds nobody; data tokens have their own rules.
        let issued = origin.exchange.at.millis();
        let ends = issued.saturating_add(life.saturating_mul(1000)).saturating_add(skew);
        for (token, kind) in reading.tokens_of(origin) {
            if kind != Kind::Access {
                continue;
            }
            let own = reading.data_calls.iter().filter(|call| call.bearer == Some(token));
            for call in own.filter(|call| call.exchange.at.millis() > ends) {
                check.saw(line(call.exchange));
                check.wrong(
                    format!(
                        "the token {} was used {} s after its end",
                        wire::mask(token),
                        (call.exchange.at.millis() - ends) / 1000
                    ),
                    format!(
                        "маркер {} использован через {} с после окончания срока",
                        wire::mask(token),
                        (call.exchange.at.millis() - ends) / 1000
                    ),
                    vec![line(origin.exchange), line(call.exchange)],
                );
            }
            // The bank was asked for something about this person after the end, and did something else than use it.
            let asked = reading.flows.iter().find(|flow| {
                reading.citizen_of_flow(flow) == origin.citizen
                    && flow.start_us > origin.exchange.started_us
                    && clock_at(reading, flow.start_us) > ends
            });
            if let Some(flow) = asked {
                check.saw(flow.evidence());
            }
        }
    }
    for entry in misused(reading, &["expired"]) {
        check.saw(noted(entry));
        check.wrong("the portal saw an expired token used", "портал видел истёкший маркер", vec![noted(entry)]);
    }
    check.end(
        ("no token came to its end while the bank was asked for more", "ни один маркер не истёк, пока банк работал"),
        ("no expired token was used", "истёкшие маркеры не использованы"),
    )
}

fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).filter(|life| *life > 0)
}

/// The sandbox's clock at a wall time, from the last recorded moment before it; clock deeds count.
pub(super) fn clock_at(reading: &Reading<'_>, wall_us: i64) -> i64 {
    let of_exchanges = reading.exchanges.iter().map(|exchange| (exchange.started_us, exchange.at.millis()));
    let of_entries = reading.journal.iter().map(|entry| (entry.wall_us, entry.at.millis()));
    let known = of_exchanges.chain(of_entries).filter(|(wall, at)| *wall > 0 && *wall <= wall_us && *at > 0);
    known.max_by_key(|(wall, at)| (*wall, *at)).map_or(0, |(_, at)| at)
}

/// The portal's own word on tokens used wrongly.
pub(super) fn misused<'a>(reading: &Reading<'a>, reasons: &[&str]) -> Vec<&'a contract::journal::Entry> {
    let fits = |entry: &&contract::journal::Entry| {
        entry.data.get("reason").and_then(Value::as_str).is_some_and(|reason| reasons.contains(&reason))
    };
    reading.entries(kinds::TOKEN_MISUSED).into_iter().filter(fits).collect()
}

/// Calls of the same resource within the flow of a lie, from the lie on.
fn same<'r, 'a>(reading: &'r Reading<'a>, lie: &Lie<'_>) -> Vec<&'r DataCall<'a>> {
    let Some(first) = lie.exchange else { return Vec::new() };
    let (path, method) = (wire::path(&first.request.url), first.request.method.as_str());
    let end = reading.flow_of(lie).map_or(i64::MAX, |flow| flow.end_us);
    reading
        .data_calls
        .iter()
        .filter(|call| call.path == path && call.exchange.request.method == method)
        .filter(|call| call.exchange.started_us >= first.started_us && call.exchange.started_us <= end)
        .collect()
}

fn once(reading: &Reading<'_>) -> Judgement {
    let fault = "resource-401-once";
    let lies = reading.told(&[fault]);
    let Some(lie) = lies.first() else { return untold(&[fault], reading) };
    let mut check = Check::new();
    check.saw(lied(lie));
    let calls = same(reading, lie);
    if calls.len() > 3 {
        check.wrong(
            format!("{} calls of the same resource after one 401", calls.len()),
            format!("{} обращений к одному ресурсу после одного 401", calls.len()),
            calls.iter().map(|call| line(call.exchange)).collect(),
        );
    }
    match reading.flow_of(lie) {
        Some(flow) if flow.outcome() == Some(Outcome::Ok) => {
            check.saw(flow.evidence());
            let recovered =
                calls.iter().any(|call| call.exchange.faults.is_empty() && wire::status(call.exchange) / 100 == 2);
            if !recovered {
                check.wrong(
                    "reported ok, but the data were never read after the 401",
                    "сообщён успех, но после 401 данные не прочитаны",
                    vec![lied(lie), flow.evidence()],
                );
            }
        }
        Some(flow) => check.wrong(
            "one 401 stopped the bank for good",
            "один 401 остановил банк совсем",
            vec![lied(lie), flow.evidence()],
        ),
        None => check.unproved("no flow belongs to it", "ни один сценарий к этому не относится", vec![lied(lie)]),
    }
    check.end(NO_CALLS, ("the bank recovered by one repeat", "банк восстановился одним повтором"))
}

fn forever(reading: &Reading<'_>) -> Judgement {
    let fault = "resource-401-forever";
    let lies = reading.told(&[fault]);
    let Some(lie) = lies.first() else { return untold(&[fault], reading) };
    let mut check = Check::new();
    check.saw(lied(lie));
    let calls = same(reading, lie);
    if calls.len() > 3 {
        check.wrong(
            format!("{} calls of a resource that answers 401 each time", calls.len()),
            format!("{} обращений к ресурсу, который каждый раз отвечает 401", calls.len()),
            calls.iter().map(|call| line(call.exchange)).collect(),
        );
    }
    if let Some(flow) = reading.flow_of(lie).filter(|flow| flow.outcome() == Some(Outcome::Ok)) {
        check.wrong(
            "every call was answered 401 and the bank reported ok",
            "все обращения получили 401, а банк сообщил об успехе",
            vec![lied(lie), flow.evidence()],
        );
    }
    prove(&mut check, reading);
    check.end(NO_CALLS, ("the bank stopped after a few calls", "банк остановился после нескольких обращений"))
}

fn forbidden(reading: &Reading<'_>) -> Judgement {
    let fault = "resource-403-scope";
    let lies = reading.told(&[fault]);
    let Some(lie) = lies.first() else { return untold(&[fault], reading) };
    let mut check = Check::new();
    check.saw(lied(lie));
    let calls = same(reading, lie);
    let anew = reading
        .asks
        .iter()
        .find(|ask| ask.exchange.started_us > lie.wall_us)
        .map_or(i64::MAX, |ask| ask.exchange.started_us);
    let repeats: Vec<_> = calls.iter().skip(1).filter(|call| call.exchange.started_us < anew).collect();
    if !repeats.is_empty() {
        check.wrong(
            format!("after 403 the same call was repeated {} times", repeats.len()),
            format!("после 403 то же обращение повторено {} раза", repeats.len()),
            calls.iter().map(|call| line(call.exchange)).collect(),
        );
    }
    prove(&mut check, reading);
    check.end(NO_CALLS, ("the call was not repeated", "обращение не повторено"))
}

fn mixed(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let served: BTreeSet<i64> =
        reading.token_calls.iter().filter(|call| call.answer.is_some()).filter_map(|call| call.citizen).collect();
    for call in reading.data_calls.iter().filter(|_| served.len() > 1) {
        let (Some(owner), Some(asked)) = (call.bearer.and_then(|token| reading.citizen_of_token(token)), call.asked)
        else {
            continue;
        };
        check.saw(line(call.exchange));
        if owner != asked {
            let name = |oid: i64| reading.person(oid).map_or_else(|| oid.to_string(), |person| person.name.clone());
            check.wrong(
                format!("a token of {} was used to ask about {}", name(owner), name(asked)),
                format!("маркером {} спрошено о {}", name(owner), name(asked)),
                vec![line(call.exchange)],
            );
        }
    }
    for entry in misused(reading, &["other-citizen"]) {
        check.saw(noted(entry));
        check.wrong(
            "the portal saw a token used for another citizen",
            "портал видел маркер, предъявленный для другого человека",
            vec![noted(entry)],
        );
    }
    // User info names no person in its address: there the answer tells whom the token was for.
    for flow in reading
        .flows
        .iter()
        .filter(|flow| served.len() > 1 && flow.outcome() == Some(Outcome::Ok) && reading.lies.is_empty())
    {
        let (Some(oid), Some(profile)) = (reading.citizen_of_flow(flow), flow.value("profile")) else { continue };
        let shown = wire::leaves(profile);
        check.saw(flow.evidence());
        let rival = reading.trace.people.iter().filter(|person| person.oid != oid).find(|person| {
            person
                .view
                .get("snils")
                .and_then(Value::as_str)
                .is_some_and(|snils| shown.iter().any(|value| value == snils))
        });
        if let Some(rival) = rival {
            check.wrong(
                format!("{} is shown the data of {}", flow.who(), rival.name),
                format!("{} показаны данные {}", flow.who(), rival.name),
                vec![flow.evidence()],
            );
        }
    }
    check.end(
        ("fewer than two people had tokens", "маркеры были меньше чем у двух человек"),
        ("every token was used for its own person", "каждый маркер использован для своего человека"),
    )
}

fn at_rest(reading: &Reading<'_>) -> Judgement {
    obs::scan(
        reading,
        "storage",
        &["access_token", "refresh_token", "id_token", "data_token", "token"],
        reading.all_tokens().next().is_some(),
    )
}

fn in_logs(reading: &Reading<'_>) -> Judgement {
    obs::scan(
        reading,
        "log",
        &["access_token", "refresh_token", "id_token", "data_token", "token"],
        reading.all_tokens().next().is_some(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn of_planted_values_found_in_addresses_only_tokens_count_here() {
        let found = |planted: &str, place: &str| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.canary(planted, place);
            verdict("ATU-02", &scene)
        };
        assert_eq!(found("access_token", "url:portal"), Verdict::Fail);
        assert_eq!(found("snils", "url:portal"), Verdict::Pass);
        assert_eq!(found("access_token", "storage:bank.db"), Verdict::Pass);
    }

    #[test]
    fn a_token_is_good_to_the_last_moment_of_its_life_and_the_skew() {
        let used_after = |ms: i64| {
            let mut scene = Scene::oidc();
            let link = scene.link(ANNA);
            let ends = scene.wire(link.exchange).at.millis() + 3_600_000 + scene.trace.portal.limits.clock_skew_ms;
            let call = scene.call("GET", "/oidc/userinfo", &link.access, 200, &json!({}));
            scene.wire(call).at = contract::time::Timestamp::from_millis(ends + ms);
            verdict("ATU-05", &scene)
        };
        assert_eq!(used_after(0), Verdict::NotApplicable);
        assert_eq!(used_after(1), Verdict::Fail);
    }

    #[test]
    fn after_one_401_a_resource_is_called_three_times_at_most() {
        let called = |times: usize| {
            let mut scene = Scene::oidc();
            let link = scene.link(ANNA);
            let flow = scene.begin("customer.profile", ANNA, json!({}));
            for index in 0..times {
                let call =
                    scene.call("GET", "/oidc/userinfo", &link.access, if index == 0 { 401 } else { 200 }, &json!({}));
                scene.wire(call).citizen = Some(ANNA);
                if index == 0 {
                    scene.lie(call, "resource-401-once");
                }
            }
            scene.report(&flow, Outcome::Ok, None, json!({}));
            verdict("ATU-06", &scene)
        };
        assert_eq!(called(3), Verdict::Pass);
        assert_eq!(called(4), Verdict::Fail);
    }

    #[test]
    fn a_single_person_cannot_show_that_tokens_are_kept_apart() {
        let people = |oids: &[i64]| {
            let mut scene = Scene::new(crate::trace::Protocol::EsiaV3);
            for oid in oids {
                scene.link(*oid);
            }
            verdict("ATU-11", &scene)
        };
        assert_eq!(people(&[ANNA]), Verdict::NotApplicable);
        assert_eq!(people(&[ANNA, BORIS]), Verdict::Pass);
    }
}
