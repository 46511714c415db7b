//! TOK: the token endpoint, asked and answered.

use contract::adapter::{Outcome, ReasonClass::*};

use super::resp::prove;
use super::{EVERY, LOOKED_ACCEPT, LOOKED_TOKENS, OIDC, ROW, accept, refuse, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Lie, Reading, TokenCall, lied, line, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Level, Rule, Severity, Unused};

const BASE: Rule = Rule {
    requirements: &["IDN-1"],
    protocols: EVERY,
    looked_at: t("Все обращения банка за маркером.", "Every token call of the bank."),
    ..ROW
};
const LIE: Rule = Rule { looked_at: LOOKED_TOKENS, ..BASE };
const ODD: Rule = Rule { looked_at: LOOKED_ACCEPT, severity: Severity::Medium, ..BASE };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "TOK-01",
        slug: "token-request-in-url",
        requirements: &["IDN-1", "API-1"],
        clauses: &["RFC 6749 3.2, 4.1.3"],
        title: t(
            "Запрос маркера — POST с телом формы, без параметров в адресе",
            "The token request is a POST with a form body and nothing in the address",
        ),
        why: t(
            "Код и подпись из адреса попадают в журналы посредников.",
            "Code and signature in an address end up in the logs of everything between.",
        ),
        advice: t(
            "Передавайте все параметры в теле application/x-www-form-urlencoded.",
            "Put every parameter into an application/x-www-form-urlencoded body.",
        ),
        judge: Judge::Duty(form),
        ..BASE
    },
    Rule {
        id: "TOK-02",
        slug: "token-redirect-uri-differs",
        clauses: &["RFC 6749 4.1.3"],
        title: t(
            "redirect_uri при обмене тот же, что в запросе авторизации",
            "redirect_uri at the exchange equals that of the authorisation request",
        ),
        why: t(
            "Так портал узнаёт, что код получен на том адресе, на который был выдан.",
            "By this the portal knows that the code was received where it was sent.",
        ),
        advice: t(
            "Берите адрес из одной настройки для обоих запросов.",
            "Take the address from one setting for both requests.",
        ),
        judge: Judge::Duty(redirect_uri),
        ..BASE
    },
    Rule {
        id: "TOK-03",
        slug: "verifier-missing-or-wrong",
        severity: Severity::Critical,
        protocols: OIDC,
        clauses: &["RFC 7636 4.5"],
        title: t("code_verifier отправлен и соответствует challenge", "code_verifier is sent and fits the challenge"),
        why: t("Без него PKCE не защищает от украденного кода.", "Without it PKCE protects from no stolen code."),
        advice: t(
            "Храните проверочную строку вместе со state и отправляйте её при обмене.",
            "Keep the verifier with the state and send it at the exchange.",
        ),
        judge: Judge::Duty(verifier),
        ..BASE
    },
    Rule {
        id: "TOK-04",
        slug: "code-resent-after-failure",
        clauses: &["RFC 6749 4.1.2, 10.5"],
        title: t("После сбоя обмена код не отправляется снова", "After a failed exchange the code is not sent again"),
        why: t(
            "Код одноразовый: портал мог его уже погасить, и повтор выглядит как кража.",
            "A code is for one use: the portal may have spent it, and a repeat looks like theft.",
        ),
        looked_at: t(
            "Сбой или обрыв при обмене кода: код отправлен один раз, дальше — новый вход или отчёт об отказе.",
            "A failure or cut at the exchange: the code is sent once, then comes a new flow or a refusal.",
        ),
        advice: t(
            "Отключите автоматический повтор для обмена кода.",
            "Switch automatic retries off for the code exchange.",
        ),
        judge: Judge::Duty(resent),
        ..BASE
    },
    Rule {
        id: "TOK-05",
        slug: "loop-on-invalid-grant",
        requirements: &["IDN-1", "SEC-7"],
        clauses: &["RFC 6749 5.2"],
        title: t("invalid_grant заканчивает вход", "invalid_grant ends the flow"),
        why: t(
            "Негодный код годным не станет; повторы только нагружают портал.",
            "A bad code never turns good; repeats only load the portal.",
        ),
        looked_at: t(
            "После invalid_grant: одно обращение за маркером, новых запросов сам банк не шлёт, сценарий закончен отказом.",
            "After invalid_grant: one token call, no new request by the bank itself, the flow ends refused.",
        ),
        advice: t("Завершите вход и предложите человеку начать снова.", "End the flow and let the person begin again."),
        judge: Judge::Duty(invalid_grant),
        ..BASE
    },
    Rule {
        id: "TOK-06",
        slug: "loop-on-invalid-client",
        requirements: &["IDN-1", "SEC-7"],
        clauses: &["RFC 6749 5.2"],
        title: t("invalid_client останавливает обращения", "invalid_client stops the calls"),
        why: t(
            "Ошибка в ключе или регистрации не исчезнет от повторов; её надо показать дежурному.",
            "A wrong key or registration is not mended by repeating; somebody must be told.",
        ),
        looked_at: t(
            "После invalid_client с 401: одно обращение, сценарий закончен отказом.",
            "After invalid_client with 401: one call, the flow ends refused.",
        ),
        advice: t("Остановитесь и сообщите причину.", "Stop and report the reason."),
        judge: Judge::Duty(invalid_client),
        ..BASE
    },
    Rule {
        id: "TOK-07",
        slug: "unknown-token-type-used",
        clauses: &["RFC 6749 7.1"],
        title: t("Маркер неизвестного вида не используется", "A token of unknown type is not used"),
        why: t(
            "Не зная вида маркера, банк предъявит его не так и может раскрыть.",
            "Not knowing the type, the bank shows the token the wrong way and may leak it.",
        ),
        advice: t(
            "Принимайте token_type Bearer (в любом регистре) и ничего другого.",
            "Take token_type Bearer (in any case) and nothing else.",
        ),
        judge: refuse(&["token-type-unknown"], &[Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "TOK-08",
        slug: "token-type-case-refused",
        clauses: &["RFC 6749 5.1"],
        title: t("token_type в другом регистре принимается", "token_type in another letter case is taken"),
        why: t(
            "Стандарт велит сравнивать вид маркера без учёта регистра.",
            "The standard compares the type without regard to case.",
        ),
        advice: t("Сравнивайте без учёта регистра.", "Compare without regard to case."),
        judge: accept(&["token-type-case"]),
        ..ODD
    },
    Rule {
        id: "TOK-09",
        slug: "missing-lifetime-refused",
        clauses: &["RFC 6749 5.1"],
        title: t("Ответ без expires_in принимается", "An answer without expires_in is taken"),
        why: t("Срок в ответе желателен, но не обязателен.", "The lifetime is recommended, not required."),
        advice: t("Без expires_in работайте до первого 401.", "Without expires_in work until the first 401."),
        judge: accept(&["token-expires-absent"]),
        ..ODD
    },
    Rule {
        id: "TOK-11",
        slug: "narrower-scope-ignored",
        requirements: &["IDN-1", "CNS-4"],
        clauses: &["RFC 6749 3.3, 5.1"],
        title: t("Суженный набор прав соблюдается", "A narrower scope is obeyed"),
        why: t(
            "Человек дал меньше, чем просили; остальное брать нельзя и выпрашивать по кругу нельзя.",
            "The person gave less than was asked; the rest may be neither taken nor begged for in a loop.",
        ),
        looked_at: t(
            "Ответ с суженным scope: банк показывает только данные из выданного и не начинает вход заново.",
            "An answer with a narrower scope: the bank shows only what was granted and begins no new flow.",
        ),
        advice: t("Читайте scope ответа и работайте в его пределах.", "Read the answer’s scope and keep within it."),
        judge: Judge::Duty(narrower),
        ..BASE
    },
    Rule {
        id: "TOK-12",
        slug: "missing-scope-refused",
        clauses: &["RFC 6749 5.1"],
        title: t(
            "Ответ без scope считается выданным как просили",
            "An answer without scope counts as granted as asked",
        ),
        why: t(
            "Портал вправе не повторять scope, если выдал всё.",
            "The portal need not repeat scope where it granted all.",
        ),
        advice: t("Без scope считайте выданным запрошенное.", "Without scope take what was asked as granted."),
        judge: accept(&["token-scope-absent"]),
        ..ODD
    },
    Rule {
        id: "TOK-14",
        slug: "missing-access-token-accepted",
        clauses: &["RFC 6749 5.1"],
        title: t("Ответ без access_token отвергается", "An answer without access_token is refused"),
        why: t("Неполный ответ — не успешный вход.", "An incomplete answer is no sign-in."),
        advice: t(
            "Проверьте обязательные поля ответа до использования остальных.",
            "Check the required members before using the others.",
        ),
        judge: refuse(&["token-access-absent"], &[Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "TOK-15",
        slug: "missing-id-token-accepted",
        severity: Severity::Critical,
        clauses: &["OIDC Core 3.1.3.3, 3.1.3.5"],
        title: t(
            "Ответ без id_token отвергается, если просили openid",
            "An answer without id_token is refused where openid was asked",
        ),
        why: t(
            "Без маркера идентификации никто не подтвердил, кто вошёл.",
            "Without an ID token nobody vouches for who signed in.",
        ),
        advice: t("Не открывайте сеанс без проверенного id_token.", "Open no session without a verified id_token."),
        judge: refuse(&["token-id-absent"], &[Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "TOK-16",
        slug: "error-under-200-accepted",
        clauses: &["RFC 6749 5.1, 5.2"],
        title: t(
            "Ошибка или HTML под кодом 200 не принимается за маркер",
            "An error or HTML under status 200 is not taken for tokens",
        ),
        why: t(
            "Часть отказов настоящего портала приходит страницей HTML.",
            "Some refusals of the real portal come as an HTML page.",
        ),
        advice: t(
            "Проверьте тип содержимого и поле error до чтения маркеров.",
            "Check the media type and the member error before reading tokens.",
        ),
        judge: refuse(&["token-error-with-200", "token-html"], &[Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "TOK-17",
        slug: "unknown-members-refused",
        clauses: &["RFC 6749 5.1"],
        title: t("Незнакомые поля ответа не мешают", "Unknown members of the answer do not get in the way"),
        why: t("Портал добавляет поля без предупреждения.", "The portal adds members without notice."),
        advice: t("Пропускайте незнакомые поля.", "Skip members that you do not know."),
        judge: accept(&["token-unknown-members"]),
        ..ODD
    },
    Rule {
        id: "TOK-18",
        slug: "large-tokens-refused",
        level: Level::S,
        clauses: &["RFC 6749 5.1"],
        title: t("Большие маркеры принимаются", "Large tokens are taken"),
        why: t(
            "Размер маркера растёт вместе с числом прав и подписью.",
            "Tokens grow with the scopes and the signature.",
        ),
        advice: t("Рассчитывайте на маркеры до 16 КиБ.", "Allow for tokens of up to 16 KiB."),
        judge: accept(&["token-large"]),
        ..ODD
    },
    Rule {
        id: "TOK-19",
        slug: "token-redirect-followed",
        severity: Severity::Critical,
        requirements: &["IDN-1", "SEC-8"],
        clauses: &["RFC 9700 4.12", "RFC 9110 15.4", "ASVS 15.3.2"],
        title: t(
            "Код и секреты не уходят по переадресации на чужой узел",
            "Code and secrets do not follow a redirect to a foreign host",
        ),
        why: t(
            "Один ответ 307 иначе передаёт код и подпись постороннему.",
            "One 307 otherwise hands code and signature to a stranger.",
        ),
        looked_at: t(
            "Ответ с переадресацией на чужой узел: ни кода, ни подписи, ни проверочной строки туда не пришло.",
            "A redirect to a foreign host: neither code nor signature nor verifier arrived there.",
        ),
        advice: t("Не следуйте переадресациям при обращении за маркером.", "Follow no redirect of the token endpoint."),
        judge: Judge::Duty(redirect),
        ..BASE
    },
    Rule {
        id: "TOK-23",
        slug: "missing-refresh-token-refused",
        clauses: &["RFC 6749 5.1"],
        title: t("Ответ без refresh_token принимается", "An answer without refresh_token is taken"),
        why: t("Маркер обновления выдаётся не всегда.", "A refresh token is not always given."),
        advice: t("Без него по истечении срока начните новый вход.", "Without it begin a new flow at expiry."),
        judge: accept(&["token-refresh-absent"]),
        ..ODD
    },
];

const NO_CALLS: (&str, &str) = ("the bank made no token call", "банк не обращался за маркером");

fn form(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for call in &reading.token_calls {
        check.saw(line(call.exchange));
        let method = call.exchange.request.method.as_str();
        let kind = wire::sent(call.exchange, "content-type").unwrap_or("-");
        if let Some((name, _)) = call.in_url.first() {
            check.wrong(
                format!("the parameter {name} stands in the address of the token request"),
                format!("параметр {name} стоит в адресе запроса маркера"),
                vec![line(call.exchange)],
            );
        } else if method != "POST" || !kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
            check.wrong(
                format!("the token request is {method} with {kind}, wanted POST with a form"),
                format!("запрос маркера — {method} с {kind}, нужен POST с формой"),
                vec![line(call.exchange)],
            );
        }
    }
    check.end(NO_CALLS, ("every token request is a form in a body", "все запросы маркера — форма в теле"))
}

fn redirect_uri(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for call in reading.token_calls.iter().filter(|call| call.grant() == "authorization_code") {
        let Some(ask) = call.param("code").and_then(|code| reading.ask_of_code(code)) else { continue };
        let Some(wanted) = wire::first(&ask.params, "redirect_uri") else { continue };
        check.saw(line(call.exchange));
        let sent = call.param("redirect_uri").unwrap_or("-");
        if sent != wanted {
            check.wrong(
                format!("redirect_uri is {sent} at the exchange and {wanted} in the request"),
                format!("redirect_uri при обмене {sent}, в запросе {wanted}"),
                vec![line(ask.exchange), line(call.exchange)],
            );
        }
    }
    check.end(
        ("no code was exchanged", "ни один код не обменяли"),
        ("redirect_uri is the same in both requests", "redirect_uri в обоих запросах один"),
    )
}

fn verifier(reading: &Reading<'_>) -> Judgement {
    use sha2::{Digest, Sha256};
    let mut check = Check::new();
    for call in reading.token_calls.iter().filter(|call| call.grant() == "authorization_code") {
        let Some(ask) = call.param("code").and_then(|code| reading.ask_of_code(code)) else { continue };
        let Some(challenge) = wire::first(&ask.params, "code_challenge") else { continue };
        // A code that an attacker brought belongs to another request on purpose.
        if reading.deeds("inject-code").iter().any(|(wall_us, _)| *wall_us <= call.exchange.started_us) {
            continue;
        }
        check.saw(line(call.exchange));
        let fits = call.param("code_verifier").is_some_and(|verifier| {
            wire::base64(challenge).is_some_and(|digest| digest == Sha256::digest(verifier.as_bytes()).as_slice())
        });
        if !fits {
            let seen = call.param("code_verifier").map_or_else(|| "-".to_owned(), wire::mask);
            check.wrong(
                format!("code_verifier {seen} does not fit the challenge {}", wire::mask(challenge)),
                format!("code_verifier {seen} не соответствует challenge {}", wire::mask(challenge)),
                vec![line(ask.exchange), line(call.exchange)],
            );
        }
    }
    check.end(
        ("no code was exchanged under PKCE", "кодов с PKCE не обменивали"),
        ("every verifier fits its challenge", "каждая проверочная строка соответствует своему challenge"),
    )
}

fn resent(reading: &Reading<'_>) -> Judgement {
    let faults = &["token-status-500", "token-connection-cut"];
    let mut check = Check::new();
    for lie in reading.told(faults) {
        let Some(call) = call_of(reading, lie) else { continue };
        let Some(code) = call.param("code") else { continue };
        check.saw(line(call.exchange));
        let sends = reading.sends_of_code(code, i64::MIN);
        if sends.len() > 1 {
            check.wrong(
                format!("after {} the code {} was sent {} times", lie.fault, wire::mask(code), sends.len()),
                format!("после {} код {} отправлен {} раза", lie.fault, wire::mask(code), sends.len()),
                sends.iter().map(|send| line(send)).collect(),
            );
        }
        ended(&mut check, reading, lie);
        prove(&mut check, reading);
    }
    if !check.looked() {
        return untold(faults, reading);
    }
    check.end(NO_CALLS, ("the code was sent once", "код отправлен один раз"))
}

fn call_of<'r, 'a>(reading: &'r Reading<'a>, lie: &Lie<'_>) -> Option<&'r TokenCall<'a>> {
    let exchange = lie.exchange?;
    reading.token_calls.iter().find(|call| std::ptr::eq(call.exchange, exchange))
}

/// The flow of the lie came to an end that is no success, or went on by a new authorisation.
fn ended(check: &mut Check, reading: &Reading<'_>, lie: &Lie<'_>) {
    let Some(flow) = reading.flow_of(lie) else {
        check.unproved("no flow belongs to the failure", "сбою не соответствует ни один сценарий", vec![lied(lie)]);
        return;
    };
    let anew =
        reading.asks.iter().any(|ask| ask.exchange.started_us > lie.wall_us && ask.exchange.started_us <= flow.end_us);
    match flow.outcome() {
        Some(Outcome::Refused | Outcome::Error) => check.saw(flow.evidence()),
        Some(Outcome::Ok) if anew => check.saw(flow.evidence()),
        Some(Outcome::Ok) => check.wrong(
            format!("{}: the exchange failed and the bank reported ok", lie.fault),
            format!("{}: обмен не удался, а банк сообщил об успехе", lie.fault),
            vec![lied(lie), flow.evidence()],
        ),
        Some(Outcome::Pending) | None => check.unproved(
            format!("{}: the flow never came to an end", lie.fault),
            format!("{}: сценарий не закончился", lie.fault),
            vec![lied(lie), flow.evidence()],
        ),
    }
}

fn invalid_grant(reading: &Reading<'_>) -> Judgement {
    stops(reading, "token-invalid-grant")
}

fn invalid_client(reading: &Reading<'_>) -> Judgement {
    stops(reading, "token-invalid-client")
}

/// One token call, no new request by itself, a refusal.
pub(super) fn stops(reading: &Reading<'_>, fault: &'static str) -> Judgement {
    let lies = reading.told(&[fault]);
    let Some(first) = lies.first() else { return untold(&[fault], reading) };
    let mut check = Check::new();
    check.saw(lied(first));
    if lies.len() > 1 {
        let same_flow = lies.iter().filter(|lie| {
            let ids = (reading.flow_of(lie).map(|flow| flow.id), reading.flow_of(first).map(|flow| flow.id));
            ids.0 == ids.1
        });
        let count = same_flow.count();
        if count > 1 {
            check.wrong(
                format!("the bank asked {count} times although each answer was {fault}"),
                format!("банк обратился {count} раза, хотя каждый ответ был {fault}"),
                lies.iter().map(|lie| lied(lie)).collect(),
            );
        }
    }
    if let Some(flow) = reading.flow_of(first) {
        let anew: Vec<_> = reading
            .asks
            .iter()
            .filter(|ask| ask.exchange.started_us > first.wall_us && ask.exchange.started_us <= flow.end_us)
            .collect();
        if let Some(ask) = anew.first() {
            check.wrong(
                format!("after {fault} the bank sent the person to the portal again by itself"),
                format!("после {fault} банк сам снова отправил человека на портал"),
                vec![lied(first), line(ask.exchange)],
            );
        }
    }
    ended(&mut check, reading, first);
    prove(&mut check, reading);
    check.end(NO_CALLS, ("one call, then the flow ended", "одно обращение, затем конец"))
}

fn narrower(reading: &Reading<'_>) -> Judgement {
    let fault = "token-scope-narrower";
    let mut check = Check::new();
    for lie in reading.told(&[fault]) {
        let (Some(call), Some(flow)) = (call_of(reading, lie), reading.flow_of(lie)) else { continue };
        let Some(granted) = call.answered("scope").map(wire::scope_words) else { continue };
        check.saw(lied(lie));
        check.saw(flow.evidence());
        let loops = reading
            .asks
            .iter()
            .filter(|ask| ask.exchange.started_us > lie.wall_us && ask.exchange.started_us <= flow.end_us)
            .count();
        if loops > 0 {
            check.wrong(
                format!("after a narrower scope the bank asked {loops} more times by itself"),
                format!("после сужения прав банк сам запросил ещё {loops} раза"),
                vec![lied(lie), flow.evidence()],
            );
        }
        if flow.outcome() == Some(Outcome::Pending) {
            check.unproved("the flow never came to an end", "сценарий не закончился", vec![flow.evidence()]);
        }
        let profile = flow.value("profile").and_then(serde_json::Value::as_object).cloned().unwrap_or_default();
        for (field, value) in &profile {
            if value.is_null() || super::data::opens(field, &granted) {
                continue;
            }
            check.wrong(
                format!("granted was {granted:?}, yet the bank shows {field}"),
                format!("выдано {granted:?}, а банк показывает {field}"),
                vec![lied(lie), flow.evidence()],
            );
        }
        prove(&mut check, reading);
    }
    if !check.looked() {
        return untold(&[fault], reading);
    }
    check.end(NO_CALLS, ("the bank kept within what was granted", "банк остался в пределах выданного"))
}

fn redirect(reading: &Reading<'_>) -> Judgement {
    let fault = "token-redirect-foreign";
    let lies = reading.told(&[fault]);
    let mut check = Check::new();
    for lie in &lies {
        check.saw(lied(lie));
        let Some(call) = call_of(reading, lie) else { continue };
        let names = ["code", "client_secret", "client_assertion", "code_verifier", "refresh_token"];
        let secrets: Vec<(&str, &str)> = names.iter().filter_map(|name| Some((*name, call.param(name)?))).collect();
        for arrived in reading.foreign() {
            let leaked = secrets.iter().find(|(_, secret)| wire::carries(arrived, secret));
            if let Some((name, _)) = leaked {
                check.wrong(
                    format!("the foreign host received the {name}"),
                    format!("на чужой узел пришло значение {name}"),
                    vec![lied(lie), line(arrived)],
                );
            } else if wire::sent(arrived, "authorization").is_some() {
                check.wrong(
                    "the foreign host received an Authorization header",
                    "на чужой узел пришёл заголовок Authorization",
                    vec![line(arrived)],
                );
            }
        }
        ended(&mut check, reading, lie);
    }
    if lies.is_empty() {
        return untold(&[fault], reading);
    }
    prove(&mut check, reading);
    check.end(NO_CALLS, ("nothing secret arrived at the foreign host", "ничего секретного на чужой узел не пришло"))
}

#[cfg(test)]
mod tests {
    use contract::adapter::ReasonClass;
    use contract::exchange::Party;
    use serde_json::{Value, json};

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn a_token_request_is_a_posted_form() {
        let sent = |method: &str, kind: &str| {
            let mut scene = Scene::oidc();
            let link = scene.link(ANNA);
            let request = &mut scene.wire(link.exchange).request;
            request.method = method.to_owned();
            request.headers = vec![("Content-Type".to_owned(), kind.to_owned())];
            verdict("TOK-01", &scene)
        };
        assert_eq!(sent("POST", "Application/x-www-form-urlencoded; charset=utf-8"), Verdict::Pass);
        assert_eq!(sent("GET", "application/x-www-form-urlencoded"), Verdict::Fail);
        assert_eq!(sent("POST", "text/plain"), Verdict::Fail);
    }

    /// A token answer that is a lie; then another authorisation of somebody, before or after the bank's last word.
    fn failed(id: &str, fault: &str, anew: bool, late: bool, outcome: Outcome) -> Verdict {
        let mut scene = Scene::oidc();
        let link = scene.link_begin(ANNA);
        scene.lie(link.exchange, fault);
        scene.respond(link.exchange, 400, &[], r#"{"error":"invalid_grant"}"#);
        let ask = |scene: &mut Scene| {
            let (pairs, _) = scene.ask_params("openid");
            scene.ask(ANNA, &pairs);
        };
        if anew && !late {
            ask(&mut scene);
        }
        let class = (outcome == Outcome::Refused).then_some(ReasonClass::Format);
        scene.report(&link.flow, outcome, class, json!({}));
        if anew && late {
            ask(&mut scene);
        }
        verdict(id, &scene)
    }

    #[test]
    fn a_failed_exchange_ends_its_flow_or_is_authorised_anew() {
        for fault in ["token-status-500", "token-connection-cut"] {
            assert_eq!(failed("TOK-04", fault, false, false, Outcome::Refused), Verdict::Pass);
            assert_eq!(failed("TOK-04", fault, false, false, Outcome::Error), Verdict::Pass);
            assert_eq!(failed("TOK-04", fault, false, false, Outcome::Ok), Verdict::Fail);
            assert_eq!(failed("TOK-04", fault, true, false, Outcome::Ok), Verdict::Pass);
            assert_eq!(failed("TOK-04", fault, true, true, Outcome::Ok), Verdict::Fail);
            assert_eq!(failed("TOK-04", fault, false, false, Outcome::Pending), Verdict::Inconclusive);
        }
    }

    #[test]
    fn a_final_refusal_sends_nobody_to_the_portal_again() {
        assert_eq!(failed("TOK-05", "token-invalid-grant", false, false, Outcome::Refused), Verdict::Pass);
        assert_eq!(failed("TOK-05", "token-invalid-grant", true, false, Outcome::Refused), Verdict::Fail);
        assert_eq!(failed("TOK-05", "token-invalid-grant", true, true, Outcome::Refused), Verdict::Pass);
    }

    #[test]
    fn the_same_answer_in_two_flows_is_no_repeat() {
        let mut scene = Scene::oidc();
        for oid in [ANNA, BORIS] {
            let link = scene.link_begin(oid);
            scene.lie(link.exchange, "token-invalid-grant");
            scene.respond(link.exchange, 400, &[], r#"{"error":"invalid_grant"}"#);
            scene.report(&link.flow, Outcome::Refused, Some(ReasonClass::Format), json!({}));
        }
        assert_eq!(verdict("TOK-05", &scene), Verdict::Pass);
    }

    #[test]
    fn no_kind_of_secret_goes_to_the_foreign_host() {
        let arrived = |headers: &[(&str, &str)], body: &str| {
            let mut scene = Scene::oidc();
            let link = scene.link_begin(ANNA);
            scene.respond(link.exchange, 307, &[("Location", FOREIGN)], "");
            scene.lie(link.exchange, "token-redirect-foreign");
            let visit = scene.exchange(Party::Bank, Party::Foreign, "POST", FOREIGN);
            let request = &mut scene.wire(visit).request;
            request.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            request.body = contract::exchange::Body::Text(body.replace("CODE", &link.code));
            scene.report(&link.flow, Outcome::Refused, Some(ReasonClass::Transport), json!({}));
            verdict("TOK-19", &scene)
        };
        assert_eq!(arrived(&[], "grant_type=authorization_code"), Verdict::Pass);
        assert_eq!(arrived(&[], "code=CODE"), Verdict::Fail);
        assert_eq!(arrived(&[("Authorization", "Basic QkFOSzAxOg==")], ""), Verdict::Fail);
    }

    #[test]
    fn within_a_narrower_scope_nothing_more_is_shown_or_asked() {
        let play = |profile: Value, anew: bool, outcome: Outcome| {
            let mut scene = Scene::oidc();
            let link = scene.link_begin(ANNA);
            let (answer, _, _) = scene.answer(ANNA, "openid fullname", "");
            scene.respond(link.exchange, 200, &[], &answer.to_string());
            scene.lie(link.exchange, "token-scope-narrower");
            if anew {
                let (pairs, _) = scene.ask_params("openid");
                scene.ask(ANNA, &pairs);
            }
            scene.report(&link.flow, outcome, None, json!({"profile": profile}));
            verdict("TOK-11", &scene)
        };
        assert_eq!(play(json!({"last_name": "Иванова", "snils": null}), false, Outcome::Ok), Verdict::Pass);
        assert_eq!(play(json!({"snils": "000"}), false, Outcome::Ok), Verdict::Fail);
        assert_eq!(play(json!({}), true, Outcome::Ok), Verdict::Fail);
        assert_eq!(play(json!({}), false, Outcome::Pending), Verdict::Inconclusive);
    }
}
