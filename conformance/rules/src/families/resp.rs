//! RESP: what comes back through the browser. Lies in the redirect must be refused before the code is used.

use contract::adapter::{Outcome, ReasonClass::*};
use contract::exchange::Party;
use contract::journal::kinds;
use serde_json::Value;

use super::{LOOKED_ACCEPT, LOOKED_CODE, OIDC, ROW, accept, refuse, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Reading, lied, line, wire};
use crate::refusal::{alive, delivery, proofs, twin, untold};
use crate::rule::{Judge, Level, Rule, Severity, Unused};

const LIE: Rule = Rule { requirements: &["IDN-1", "SEC-8"], looked_at: LOOKED_CODE, ..ROW };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "RESP-01",
        slug: "state-not-compared",
        severity: Severity::Critical,
        clauses: &["RFC 6749 10.12", "RFC 9700 4.7.1", "ASVS 10.2.1"],
        title: t("Ответ с чужим state отвергается", "An answer with a wrong state is refused"),
        why: t(
            "Без сравнения state злоумышленник привяжет к сеансу жертвы свой вход.",
            "Without comparing state an attacker ties their own sign-in to the victim’s session.",
        ),
        advice: t(
            "Сравните state с сохранённым в сеансе до любого обращения за маркером.",
            "Compare state with the one kept in the session before any token call.",
        ),
        judge: refuse(&["redirect-state-wrong"], &[State], Unused::Code),
        ..LIE
    },
    Rule {
        id: "RESP-02",
        slug: "state-absence-accepted",
        severity: Severity::Critical,
        clauses: &["RFC 6749 4.1.2, 10.12"],
        title: t("Ответ без state отвергается", "An answer without state is refused"),
        why: t(
            "Проверка, которую можно обойти, просто убрав параметр, ничего не проверяет.",
            "A check that is dodged by leaving the parameter out checks nothing.",
        ),
        advice: t("Считайте отсутствие state ошибкой наравне с неверным.", "Treat a missing state like a wrong one."),
        judge: refuse(&["redirect-state-missing"], &[State], Unused::Code),
        ..LIE
    },
    Rule {
        id: "RESP-03",
        slug: "state-of-other-browser-accepted",
        severity: Severity::Critical,
        clauses: &["RFC 9700 4.7", "ASVS 10.1.2"],
        title: t(
            "state чужого незаконченного входа отвергается",
            "The state of another browser’s live flow is refused",
        ),
        why: t(
            "state, взятый из другого браузера, верен по виду, но начат не этим человеком.",
            "A state from another browser looks right but was begun by somebody else.",
        ),
        advice: t(
            "Ищите state не в общей таблице, а в сеансе того браузера, который пришёл.",
            "Look state up in the session of the very browser that came, not in a common table.",
        ),
        judge: refuse(&["redirect-state-of-other-flow"], &[State], Unused::Code),
        ..LIE
    },
    Rule {
        id: "RESP-04",
        slug: "state-of-finished-flow-accepted",
        clauses: &["RFC 9700 4.7"],
        title: t("state законченного входа отвергается", "The state of a finished flow is refused"),
        why: t(
            "state, пригодный дважды, превращает старый адрес возврата в новый вход.",
            "A state that works twice turns an old return address into a new sign-in.",
        ),
        advice: t("Удаляйте state при первом использовании.", "Delete the state at its first use."),
        judge: refuse(&["redirect-state-of-finished-flow"], &[State, Replay], Unused::Code),
        ..LIE
    },
    Rule {
        id: "RESP-05",
        slug: "callback-without-session-accepted",
        severity: Severity::Critical,
        clauses: &["RFC 9700 2.1", "FAPI2 5.3.3.2(4)"],
        title: t(
            "Верный адрес возврата в браузере без сеанса банка отвергается",
            "The right return address in a browser without the bank’s session is refused",
        ),
        why: t(
            "Присланная ссылка возврата впустит жертву в кабинет злоумышленника.",
            "A return link sent by mail lets the victim into the attacker’s account.",
        ),
        advice: t(
            "Привяжите вход к cookie браузера и проверяйте её при возврате.",
            "Tie the flow to a browser cookie and check it on return.",
        ),
        judge: refuse(&["attacker:callback-in-fresh-browser"], &[State, Binding], Unused::Code),
        ..LIE
    },
    Rule {
        id: "RESP-06",
        slug: "response-issuer-not-compared",
        protocols: OIDC,
        clauses: &["RFC 9207 2.4", "FAPI2 5.3.3.2(5)", "RFC 9700 4.4.2.1"],
        title: t("Ответ с чужим iss отвергается", "An answer with another issuer is refused"),
        why: t(
            "По iss банк узнаёт, какой сервер ответил; иначе код одного сервера уйдёт другому.",
            "By iss the bank knows which server answered; otherwise one server’s code goes to another.",
        ),
        advice: t(
            "Сравните iss из ответа с известным до обмена кода.",
            "Compare iss with the configured issuer before using the code.",
        ),
        judge: refuse(&["redirect-iss-wrong"], &[Issuer], Unused::Code),
        ..LIE
    },
    Rule {
        id: "RESP-07",
        slug: "response-issuer-absence-accepted",
        protocols: OIDC,
        clauses: &["RFC 9207 2.4"],
        title: t("Ответ без обещанного iss отвергается", "An answer without the promised issuer is refused"),
        why: t(
            "Сервер объявил, что всегда ставит iss; без него ответ — не от него.",
            "The server promises iss in its metadata; without it the answer is not its own.",
        ),
        advice: t("Если метаданные обещают iss, требуйте его.", "Where the metadata promise iss, demand it."),
        judge: refuse(&["redirect-iss-absent"], &[Issuer], Unused::Code),
        ..LIE
    },
    Rule {
        id: "RESP-08",
        slug: "response-issuer-normalised",
        severity: Severity::Medium,
        protocols: OIDC,
        clauses: &["RFC 9207 2.4"],
        title: t("iss сравнивается посимвольно", "The issuer is compared character by character"),
        why: t(
            "«Почти такой же» адрес бывает чужим; нормализация делает их равными.",
            "An almost equal address can be a foreign one; normalising makes them equal.",
        ),
        advice: t(
            "Сравнивайте строки без обрезки косых черт и раскодирования.",
            "Compare the strings without trimming slashes or decoding.",
        ),
        judge: refuse(&["redirect-iss-slash"], &[Issuer], Unused::Code),
        ..LIE
    },
    Rule {
        id: "RESP-12",
        slug: "error-response-ignored",
        requirements: &["IDN-1", "IDN-3", "API-6"],
        clauses: &["RFC 6749 4.1.2.1", "OIDC Core 3.1.2.6"],
        title: t("Ответ с ошибкой заканчивает вход", "An error answer ends the flow"),
        why: t(
            "Человек должен узнать, что вход не состоялся и почему; банк не должен пытаться дальше сам.",
            "The person must learn that the sign-in failed and why; the bank must not go on by itself.",
        ),
        looked_at: t(
            "Возвраты с параметром error и верным state, блокировки учётной записи: обращений за маркером нет, сценарий закончен отказом, новых запросов сам банк не шлёт.",
            "Returns with error and the right state, and account lock-outs: no token call, the flow ends refused, the bank sends no new request by itself.",
        ),
        advice: t(
            "При error завершите вход, покажите понятную причину и не обращайтесь за маркером.",
            "On error end the flow, show a plain reason, and call no token endpoint.",
        ),
        judge: Judge::Duty(error_ends),
        ..LIE
    },
    Rule {
        id: "RESP-13",
        slug: "error-with-wrong-state-believed",
        severity: Severity::Medium,
        clauses: &["RFC 9207 2.4"],
        title: t(
            "Чужая ошибка с неверным state не обрывает вход",
            "A stray error with a wrong state does not end the flow",
        ),
        why: t("Иначе любой сможет обрывать входы других людей.", "Otherwise anybody can end other people’s sign-ins."),
        looked_at: t(
            "Сначала в банк приходит ошибка с неверным state, затем честный ответ: вход должен закончиться успехом.",
            "First an error with a wrong state reaches the bank, then the honest answer: the sign-in must end well.",
        ),
        advice: t("Сверяйте state до того, как верить параметру error.", "Check state before believing error."),
        judge: Judge::Duty(stray_error),
        ..LIE
    },
    Rule {
        id: "RESP-14",
        slug: "code-beside-error-accepted",
        severity: Severity::Medium,
        clauses: &["RFC 6749 4.1.2.1"],
        title: t("Ответ и с кодом, и с ошибкой отвергается", "An answer with both code and error is refused"),
        why: t("Противоречивый ответ — признак подделки или сбоя.", "A contradictory answer is forged or broken."),
        advice: t("Если есть error, код не используйте.", "Where there is error, do not use the code."),
        judge: refuse(&["redirect-code-and-error"], &[Format, State], Unused::Code),
        ..LIE
    },
    Rule {
        id: "RESP-15",
        slug: "repeated-response-parameter-accepted",
        severity: Severity::Medium,
        clauses: &["RFC 6749 3.1"],
        title: t("Ответ с повторённым параметром отвергается", "An answer with a repeated parameter is refused"),
        why: t(
            "Из двух значений проверяется одно, а используется другое.",
            "Of two values one is checked and the other used.",
        ),
        advice: t(
            "Отвергайте ответ, в котором code, state или iss встречаются дважды.",
            "Refuse an answer in which code, state or iss stands twice.",
        ),
        judge: refuse(&["redirect-code-twice", "redirect-state-twice"], &[Format, State], Unused::Code),
        ..LIE
    },
    Rule {
        id: "RESP-16",
        slug: "injected-code-accepted",
        severity: Severity::Critical,
        protocols: OIDC,
        clauses: &["RFC 9700 4.5", "OIDC Core 3.1.3.7(11)"],
        title: t(
            "Подсунутый код другого человека не открывает сеанс",
            "An injected code of another person opens no session",
        ),
        why: t(
            "Украденный код, вставленный в свой вход, открывает чужой кабинет.",
            "A stolen code put into one’s own flow opens another’s account.",
        ),
        looked_at: t(
            "Возврат с кодом другого человека: сценарий не закончился успехом, данных того человека банк не читал и не показал.",
            "A return with another person’s code: the flow did not end well, and that person’s data were neither read nor shown.",
        ),
        advice: t(
            "Отправляйте проверочную строку PKCE и сверяйте nonce в маркере идентификации.",
            "Send the PKCE verifier and compare nonce in the ID token.",
        ),
        judge: Judge::Duty(injected),
        ..LIE
    },
    Rule {
        id: "RESP-17",
        slug: "front-channel-token-used",
        clauses: &["RFC 9700 2.1.2, 4.6"],
        title: t("Маркер из адреса возврата не используется", "A token in the return address is not used"),
        why: t(
            "Маркер, пришедший через браузер, мог положить туда кто угодно.",
            "Anybody may have put a token there that comes through the browser.",
        ),
        looked_at: t(
            "Маркер, вписанный в адрес возврата: банк не отправил его ни в одном обращении.",
            "A token written into the return address: the bank sent it in no call.",
        ),
        advice: t(
            "Читайте из ответа только code, state, iss и error.",
            "Read nothing but code, state, iss and error from the answer.",
        ),
        judge: Judge::Duty(front_token),
        ..LIE
    },
    Rule {
        id: "RESP-20",
        slug: "code-sent-twice-on-reload",
        severity: Severity::Medium,
        clauses: &["RFC 6749 4.1.2"],
        title: t(
            "Перезагрузка страницы возврата не отправляет код снова",
            "Reloading the return page does not send the code again",
        ),
        why: t(
            "Второе предъявление кода портал считает кражей и отзывает маркеры.",
            "The portal takes a second use of the code for theft and revokes the tokens.",
        ),
        looked_at: t(
            "Страница возврата открыта дважды: обращений за маркером с этим кодом — одно.",
            "The return page was opened twice: exactly one token call bore the code.",
        ),
        advice: t(
            "Гасите state и код при первом возврате; на повтор отвечайте переадресацией.",
            "Spend state and code at the first return; answer a reload by a redirect.",
        ),
        judge: Judge::Duty(reload),
        ..LIE
    },
    Rule {
        id: "RESP-22",
        slug: "error-text-shown-raw",
        clauses: &["RFC 6749 4.1.2.1", "ASVS 1.2.1, 16.4.1"],
        title: t("Текст ошибки показан без исполнения разметки", "Error text is shown encoded"),
        why: t(
            "error_description приходит из адреса; вставленная в него разметка исполнится на странице банка.",
            "error_description comes from the address; markup in it would run on the bank’s page.",
        ),
        looked_at: t(
            "Страницы банка после возврата с разметкой в error_description: сама разметка в них не встречается.",
            "The bank’s pages after a return with markup in error_description: the markup itself does not stand there.",
        ),
        advice: t(
            "Экранируйте при выводе или показывайте собственный текст по коду ошибки.",
            "Encode on output, or show your own text for the error code.",
        ),
        judge: Judge::Duty(markup),
        ..LIE
    },
    Rule {
        id: "RESP-23",
        slug: "extra-response-parameter-refused",
        severity: Severity::Low,
        clauses: &["RFC 6749 4.1.2"],
        title: t("Незнакомые параметры ответа не мешают", "Unknown answer parameters do not get in the way"),
        why: t(
            "Портал может добавлять параметры; клиент обязан их пропускать.",
            "The portal may add parameters; a client must skip them.",
        ),
        looked_at: LOOKED_ACCEPT,
        advice: t(
            "Не перечисляйте допустимые параметры: берите нужные, остальные пропускайте.",
            "Take the parameters you need and ignore the rest.",
        ),
        judge: accept(&["redirect-extra-params"]),
        ..LIE
    },
    Rule {
        id: "RESP-24",
        slug: "long-code-refused",
        level: Level::S,
        severity: Severity::Medium,
        clauses: &["RFC 6749 4.1.2"],
        title: t("Длинный код принимается", "A long code is taken"),
        why: t(
            "Код ЕСИА — это JWT длиной в килобайты; поле на 255 знаков его обрежет.",
            "ESIA’s code is a JWT of kilobytes; a field of 255 characters cuts it.",
        ),
        looked_at: LOOKED_ACCEPT,
        advice: t("Не ограничивайте длину кода меньше чем 4 КиБ.", "Do not limit the code to less than 4 KiB."),
        judge: accept(&["code-long"]),
        ..LIE
    },
];

/// Points 1 and 5 for duties that claim that nothing happened.
pub(super) fn prove(check: &mut Check, reading: &Reading<'_>) {
    for point in [twin(reading), alive(reading)] {
        if let Err((en, ru)) = point {
            check.unproved(en, ru, proofs(reading));
        }
    }
}

fn error_ends(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for visit in &reading.callbacks {
        let (Some(error), None) = (wire::first(&visit.params, "error"), wire::first(&visit.params, "code")) else {
            continue;
        };
        let state = wire::first(&visit.params, "state");
        let Some(ask) = reading.asks.iter().find(|ask| state.is_some() && wire::first(&ask.params, "state") == state)
        else {
            continue;
        };
        if visit.exchange.response.is_none() {
            check.unproved(
                "the bank did not answer the browser",
                "банк не ответил браузеру",
                vec![line(visit.exchange)],
            );
            continue;
        }
        let Some(flow) = reading.flow_at(visit.exchange.started_us, ask.citizen) else { continue };
        check.saw(line(visit.exchange));
        check.saw(flow.evidence());
        let call = reading.token_calls.iter().find(|call| {
            call.exchange.started_us > visit.exchange.started_us
                && call.exchange.started_us <= flow.end_us
                && call.grant() == "authorization_code"
                && (call.flow == ask.flow && ask.flow.is_some()
                    || call.citizen.is_some() && call.citizen == ask.citizen)
        });
        if let Some(call) = call {
            check.wrong(
                format!("after error={error} the bank still called the token endpoint"),
                format!("после error={error} банк всё же обратился за маркером"),
                vec![line(visit.exchange), line(call.exchange)],
            );
        }
        let again = reading.asks.iter().find(|other| {
            other.exchange.started_us > visit.exchange.started_us
                && other.exchange.started_us <= flow.end_us
                && other.citizen.is_none_or(|oid| Some(oid) == ask.citizen)
                && reading.flow_at(other.exchange.started_us, other.citizen).is_some_and(|at| at.id == flow.id)
        });
        if let Some(again) = again {
            check.wrong(
                format!("after error={error} the bank sent the person to the portal again by itself"),
                format!("после error={error} банк сам снова отправил человека на портал"),
                vec![line(visit.exchange), line(again.exchange)],
            );
        }
        match flow.outcome() {
            Some(Outcome::Ok) => check.wrong(
                format!("error={error} came back and the bank reported ok"),
                format!("вернулось error={error}, а банк сообщил об успехе"),
                vec![line(visit.exchange), flow.evidence()],
            ),
            Some(Outcome::Pending) | None => check.wrong(
                format!("error={error} came back and the flow stays open"),
                format!("вернулось error={error}, а вход остался незаконченным"),
                vec![line(visit.exchange), flow.evidence()],
            ),
            Some(Outcome::Error | Outcome::Refused) => {}
        }
    }
    for lock in reading.entries(kinds::ACCOUNT_LOCKED) {
        let Some(flow) = reading.flow_at(lock.wall_us, lock.citizen) else { continue };
        let before =
            reading.asks.iter().any(|ask| ask.exchange.started_us < lock.wall_us && ask.citizen == lock.citizen);
        if !before {
            continue;
        }
        check.saw(crate::reading::noted(lock));
        let storm: Vec<_> = reading
            .asks
            .iter()
            .filter(|ask| ask.citizen == lock.citizen && ask.exchange.started_us > lock.wall_us)
            .filter(|ask| reading.flow_at(ask.exchange.started_us, ask.citizen).is_some_and(|at| at.id == flow.id))
            .collect();
        if storm.len() > 1 {
            check.wrong(
                format!("after the lock-out the bank sent {} new requests by itself", storm.len()),
                format!("после блокировки банк сам отправил ещё {} запроса", storm.len()),
                storm.iter().map(|ask| line(ask.exchange)).collect(),
            );
        }
        if flow.outcome() == Some(Outcome::Ok) && storm.is_empty() {
            check.wrong(
                "the account was locked and the bank reported ok",
                "учётная запись заблокирована, а банк сообщил об успехе",
                vec![flow.evidence()],
            );
        }
    }
    check.end(
        ("no error came back through the browser", "ошибок через браузер не возвращалось"),
        ("every error ended its flow without a token call", "каждая ошибка закончила вход без обращения за маркером"),
    )
}

fn stray_error(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let lies = reading.told(&["redirect-error-state-wrong"]);
    for lie in &lies {
        let brought = delivery(reading, lie).or_else(|| {
            let states: Vec<&str> = reading.asks.iter().filter_map(|ask| wire::first(&ask.params, "state")).collect();
            let stray = |visit: &&crate::reading::Callback<'_>| {
                wire::first(&visit.params, "error").is_some()
                    && wire::first(&visit.params, "state").is_none_or(|state| !states.contains(&state))
            };
            reading.callbacks.iter().find(stray).map(|visit| visit.exchange)
        });
        let (Some(visit), Some(flow)) = (brought, reading.flow_of(lie)) else {
            check.unproved(
                "the stray error never reached the bank",
                "посторонняя ошибка до банка не дошла",
                vec![lied(lie)],
            );
            continue;
        };
        check.saw(lied(lie));
        check.saw(line(visit));
        match flow.outcome() {
            Some(Outcome::Ok) => {}
            _ => check.wrong(
                "the stray error ended the real sign-in",
                "посторонняя ошибка оборвала настоящий вход",
                vec![line(visit), flow.evidence()],
            ),
        }
    }
    if lies.is_empty() {
        return untold(&["redirect-error-state-wrong"], reading);
    }
    prove(&mut check, reading);
    check.end(
        ("no stray error was told", "посторонней ошибки не было"),
        (
            "the stray error was ignored and the sign-in ended well",
            "посторонняя ошибка пропущена, вход закончился успехом",
        ),
    )
}

fn injected(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for (wall_us, act) in reading.deeds("inject-code") {
        let named = |key: &str| {
            let name = act.data.get(key).and_then(Value::as_str)?;
            reading.trace.people.iter().find(|person| person.name == name)
        };
        let (Some(owner), victim) = (named("from"), named("for").or_else(|| named("person"))) else { continue };
        let visits = || reading.callbacks.iter().filter(|visit| visit.exchange.started_us >= wall_us);
        let foreign = |code: &str| reading.ask_of_code(code).is_some_and(|ask| ask.citizen == Some(owner.oid));
        let visit = visits()
            .find(|visit| visit.exchange.from == Party::Attacker)
            .or_else(|| visits().find(|visit| wire::first(&visit.params, "code").is_some_and(foreign)));
        let Some(visit) = visit else {
            check.unproved("the injected code never reached the bank", "подсунутый код до банка не дошёл", Vec::new());
            continue;
        };
        if visit.exchange.response.is_none() {
            check.unproved(
                "the bank did not answer the injected code",
                "банк не ответил на подсунутый код",
                vec![line(visit.exchange)],
            );
            continue;
        }
        check.saw(line(visit.exchange));
        let code = wire::first(&visit.params, "code").unwrap_or_default();
        let redeemed =
            reading.token_calls.iter().filter(|call| call.param("code") == Some(code) && call.answer.is_some());
        for (token, _) in redeemed.flat_map(|call| reading.tokens_of(call)) {
            if let Some(call) = reading.uses_of(token, visit.exchange.started_us).first() {
                check.wrong(
                    format!("the bank went on with {}’s token from an injected code", owner.name),
                    format!("банк воспользовался маркером {} по подсунутому коду", owner.name),
                    vec![line(visit.exchange), line(call)],
                );
            }
        }
        let Some(flow) = reading.flow_at(visit.exchange.started_us, victim.map(|person| person.oid)) else {
            check.unproved(
                "no flow belongs to the injected code",
                "подсунутому коду не соответствует ни один сценарий",
                vec![line(visit.exchange)],
            );
            continue;
        };
        check.saw(flow.evidence());
        match flow.outcome() {
            Some(Outcome::Ok) => check.wrong(
                "the flow with the injected code was reported ok",
                "сценарий с подсунутым кодом закончился успехом",
                vec![line(visit.exchange), flow.evidence()],
            ),
            Some(Outcome::Pending) | None => {
                check.unproved("the flow never came to an end", "сценарий не закончился", vec![flow.evidence()]);
            }
            Some(Outcome::Error | Outcome::Refused) => {}
        }
        prove(&mut check, reading);
    }
    check.end(
        ("no code was injected", "чужой код не подсовывали"),
        ("the injected code opened nothing", "подсунутый код ничего не открыл"),
    )
}

fn front_token(reading: &Reading<'_>) -> Judgement {
    let lies = reading.told(&["redirect-token-in-query"]);
    if lies.is_empty() {
        return untold(&["redirect-token-in-query"], reading);
    }
    let mut check = Check::new();
    for lie in lies {
        let Some(visit) = delivery(reading, lie).filter(|visit| visit.response.is_some()) else {
            check.unproved(
                "the answer with the token never reached the bank",
                "ответ с маркером до банка не дошёл",
                vec![lied(lie)],
            );
            continue;
        };
        check.saw(line(visit));
        let brought = wire::query(&visit.request.url);
        let tokens = brought.iter().filter(|(name, _)| name.contains("token") && name != "token_type");
        for (name, token) in tokens {
            // The honest token answer may hold the same text; then its later use proves nothing.
            let honest = reading.origin_of_token(token).is_some();
            if let Some(call) = reading.uses_of(token, visit.started_us).first().filter(|_| !honest) {
                check.wrong(
                    format!("the bank used {name} {} from the return address", wire::mask(token)),
                    format!("банк воспользовался {name} {} из адреса возврата", wire::mask(token)),
                    vec![line(visit), line(call)],
                );
            }
        }
        prove(&mut check, reading);
    }
    check.end(
        ("no token came through the browser", "маркер через браузер не приходил"),
        ("the token in the return address was ignored", "маркер из адреса возврата не использован"),
    )
}

fn reload(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for visit in &reading.callbacks {
        let Some(code) = wire::first(&visit.params, "code").filter(|code| code.len() >= 8) else { continue };
        let visits: Vec<_> = reading
            .callbacks
            .iter()
            .filter(|other| {
                other.exchange.request.url == visit.exchange.request.url && other.exchange.from == Party::Browser
            })
            .filter(|other| other.exchange.response.is_some())
            .collect();
        if visits.len() < 2 || !std::ptr::eq(visits[0].exchange, visit.exchange) {
            continue;
        }
        let sends = reading.sends_of_code(code, i64::MIN);
        match sends.len() {
            0 => {
                check.unproved("the code was never sent at all", "код не отправлен ни разу", vec![line(visit.exchange)])
            }
            1 => check.saw(line(sends[0])),
            count => check.wrong(
                format!(
                    "the return page was opened {} times and the code {} sent {count} times",
                    visits.len(),
                    wire::mask(code)
                ),
                format!(
                    "страница возврата открыта {} раза, код {} отправлен {count} раза",
                    visits.len(),
                    wire::mask(code)
                ),
                sends.iter().map(|send| line(send)).collect(),
            ),
        }
    }
    check.end(
        ("no return page was opened twice", "страницу возврата не перезагружали"),
        (
            "the code was sent once although the page was reloaded",
            "код отправлен один раз, хотя страница перезагружена",
        ),
    )
}

fn markup(reading: &Reading<'_>) -> Judgement {
    let lies = reading.told(&["redirect-error-markup"]);
    if lies.is_empty() {
        return untold(&["redirect-error-markup"], reading);
    }
    let mut check = Check::new();
    for lie in lies {
        let Some(visit) = delivery(reading, lie).filter(|visit| visit.response.is_some()) else {
            check.unproved(
                "the answer with markup never reached the bank",
                "ответ с разметкой до банка не дошёл",
                vec![lied(lie)],
            );
            continue;
        };
        let brought = wire::query(&visit.request.url);
        let planted = wire::first(&brought, "error_description").unwrap_or_default();
        let tags: Vec<&str> = planted
            .match_indices('<')
            .filter_map(|(start, _)| planted[start..].find('>').map(|end| &planted[start..=start + end]))
            .filter(|tag| tag.len() > 3)
            .collect();
        if tags.is_empty() {
            continue;
        }
        let pages = reading.exchanges.iter().copied().filter(|page| {
            page.from == Party::Browser
                && page.to == Party::Bank
                && page.started_us >= visit.started_us
                && wire::got(page, "content-type").is_none_or(|kind| kind.contains("html"))
        });
        for page in pages {
            check.saw(line(page));
            let body = page.response.as_ref().map_or("", |response| response.body.text());
            if let Some(tag) = tags.iter().find(|tag| body.contains(**tag)) {
                check.wrong(
                    format!("the page {} holds the markup {tag} as it came", wire::path(&page.request.url)),
                    format!("страница {} содержит разметку {tag} как есть", wire::path(&page.request.url)),
                    vec![lied(lie), line(page)],
                );
            }
        }
        match reading.flow_of(lie).and_then(|flow| flow.outcome()) {
            Some(Outcome::Refused | Outcome::Error) => {}
            _ => check.unproved(
                "the flow did not end in a refusal, so the text may be shown later",
                "вход не закончился отказом, текст может быть показан позже",
                vec![lied(lie)],
            ),
        }
    }
    check.end(
        ("no page of the bank was seen after the markup", "после разметки страниц банка не видно"),
        ("the markup stands on no page of the bank", "разметки на страницах банка нет"),
    )
}

#[cfg(test)]
mod tests {
    use contract::adapter::ReasonClass;
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn a_locked_account_ends_its_flow_and_raises_no_storm() {
        let play = |asked: i64, again: usize, of: i64, outcome: Outcome| {
            let mut scene = Scene::oidc();
            let flow = scene.begin("customer.link", ANNA, json!({}));
            let (pairs, _) = scene.ask_params("openid");
            scene.ask(asked, &pairs);
            scene.journal(kinds::ACCOUNT_LOCKED, Some(ANNA), json!({}));
            for _ in 0..again {
                let (pairs, _) = scene.ask_params("openid");
                scene.ask(of, &pairs);
            }
            scene.report(&flow, outcome, (outcome == Outcome::Refused).then_some(ReasonClass::Level), json!({}));
            verdict("RESP-12", &scene)
        };
        assert_eq!(play(ANNA, 0, ANNA, Outcome::Refused), Verdict::Pass);
        assert_eq!(play(ANNA, 1, ANNA, Outcome::Refused), Verdict::Pass);
        assert_eq!(play(ANNA, 2, ANNA, Outcome::Refused), Verdict::Fail);
        assert_eq!(play(ANNA, 2, BORIS, Outcome::Refused), Verdict::Pass);
        assert_eq!(play(ANNA, 0, ANNA, Outcome::Ok), Verdict::Fail);
        assert_eq!(play(ANNA, 1, ANNA, Outcome::Ok), Verdict::Pass);
        assert_eq!(play(BORIS, 0, ANNA, Outcome::Ok), Verdict::NotApplicable);
    }

    #[test]
    fn after_an_error_neither_the_token_endpoint_nor_the_portal_is_called_in_that_flow() {
        let play = |grant: Option<(i64, &str)>, again: Option<i64>, late: bool| {
            let mut scene = Scene::oidc();
            let flow = scene.begin("customer.link", ANNA, json!({}));
            let (pairs, _) = scene.ask_params("openid");
            let ask = scene.ask(ANNA, &pairs);
            let state = pairs.iter().find(|(name, _)| name == "state").map(|(_, value)| value.clone()).unwrap();
            scene.redirect(ask, &[("error", "access_denied"), ("state", &state)]);
            let end = |scene: &mut Scene| {
                scene.report(&flow, Outcome::Refused, Some(ReasonClass::Consent), json!({}));
            };
            if late {
                end(&mut scene);
            }
            if let Some((oid, grant)) = grant {
                scene.token_call(oid, &[("grant_type", grant)], &json!({}));
            }
            if let Some(oid) = again {
                let (pairs, _) = scene.ask_params("openid");
                scene.ask(oid, &pairs);
            }
            if !late {
                end(&mut scene);
            }
            verdict("RESP-12", &scene)
        };
        let code = "authorization_code";
        assert_eq!(play(None, None, false), Verdict::Pass);
        assert_eq!(play(Some((ANNA, code)), None, false), Verdict::Fail);
        assert_eq!(play(Some((ANNA, code)), None, true), Verdict::Pass);
        assert_eq!(play(Some((BORIS, code)), None, false), Verdict::Pass);
        assert_eq!(play(Some((ANNA, "client_credentials")), None, false), Verdict::Pass);
        assert_eq!(play(None, Some(ANNA), false), Verdict::Fail);
        assert_eq!(play(None, Some(ANNA), true), Verdict::Pass);
        assert_eq!(play(None, Some(BORIS), false), Verdict::Pass);
    }

    #[test]
    fn of_visits_after_an_injection_the_attackers_is_looked_at() {
        let play = |attacked: bool, answered: bool| {
            let mut scene = Scene::oidc();
            let (pairs, _) = scene.ask_params("openid");
            let of_boris = scene.ask(BORIS, &pairs);
            scene.redirect_only(of_boris, &[("code", "code-of-boris-1234"), ("state", "b")]);
            let flow = scene.begin("customer.link", ANNA, json!({}));
            scene.act("attacker", "inject-code", json!({"person": "anna", "from": "boris"}));
            scene.exchange(Party::Browser, Party::Bank, "GET", &format!("{CALLBACK}?code=own-code-123&state=own"));
            if attacked {
                let url = format!("{CALLBACK}?code=code-of-boris-1234&state=own");
                let visit = scene.exchange(Party::Attacker, Party::Bank, "GET", &url);
                if !answered {
                    scene.wire(visit).response = None;
                }
            }
            scene.report(&flow, Outcome::Refused, Some(ReasonClass::Binding), json!({}));
            verdict("RESP-16", &scene)
        };
        assert_eq!(play(true, true), Verdict::Pass);
        assert_eq!(play(true, false), Verdict::Inconclusive);
        assert_eq!(play(false, true), Verdict::Inconclusive);
    }
}
