//! SIG: ESIA's signed requests, verified again from the wire with the registered certificates, and signed notices.

use contract::adapter::ReasonClass::*;
use contract::exchange::Exchange;
use contract::time::Timestamp;
use crypto::raw::{Misdigest, Turn};

use super::atu::clock_at;
use super::sig_key::{algorithm, certificate};
use super::{ESIA, ESIA_V1, LOOKED_EVENT, ROW, refuse, t, tok};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::signed::{self, Proof, Signed, Version};
use crate::reading::{Reading, line, wire};
use crate::rule::{Judge, Rule, Severity, Unused};

const BASE: Rule = Rule {
    requirements: &["IDN-1", "SEC-3"],
    protocols: ESIA,
    looked_at: t(
        "Все подписанные запросы (авторизация и обмен): подпись проверена заново по байтам записи и зарегистрированному сертификату.",
        "All signed requests (authorisation and exchange): the signature verified again from the recorded bytes with the registered certificate.",
    ),
    ..ROW
};
const EVENT: Rule =
    Rule { requirements: &["SEC-3", "CNS-5"], severity: Severity::Critical, looked_at: LOOKED_EVENT, ..ROW };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "SIG-01",
        slug: "signed-string-wrong",
        severity: Severity::Critical,
        clauses: &["portal protocol: request signing", "RFC 5652 5.4"],
        title: t("Подписана именно та строка, что предписана", "Exactly the prescribed string is signed"),
        why: t(
            "Портал подписывает и сверяет поля в строгом порядке; другая строка — другой запрос.",
            "The portal checks the fields in a strict order; another string is another request.",
        ),
        advice: t(
            "v1: scope + timestamp + client_id + state. v2/v3: client_id + scope + timestamp + state + redirect_uri (при обмене ещё code), без разделителей, UTF-8.",
            "v1: scope + timestamp + client_id + state. v2/v3: client_id + scope + timestamp + state + redirect_uri (and code at the exchange), without separators, UTF-8.",
        ),
        judge: Judge::Duty(signed_string),
        ..BASE
    },
    Rule {
        id: "SIG-02",
        slug: "timestamp-wrong",
        clauses: &["portal protocol: timestamp", "RFC 3339 5.6"],
        title: t(
            "Отметка времени с зоной, в допуске и каждый раз новая",
            "The time stamp has a zone, is within tolerance, and new each time",
        ),
        why: t(
            "Отметка не даёт повторить перехваченный запрос.",
            "The stamp keeps an intercepted request from being replayed.",
        ),
        looked_at: t(
            "Параметр timestamp подписанных запросов против часов портала.",
            "The timestamp of signed requests against the portal’s clock.",
        ),
        advice: t(
            "Пишите yyyy.MM.dd HH:mm:ss +0300 в момент запроса и кодируйте плюс как %2B.",
            "Write yyyy.MM.dd HH:mm:ss +0300 at the time of the request and encode the plus as %2B.",
        ),
        judge: Judge::Duty(timestamp),
        ..BASE
    },
    Rule {
        id: "SIG-03",
        slug: "signed-state-reused",
        severity: Severity::Medium,
        clauses: &["portal protocol: state", "RFC 9700 2.1"],
        title: t(
            "state подписанного запроса не переходит в другой вход",
            "The state of a signed request does not move to another flow",
        ),
        why: t(
            "Общий state связывает чужие запросы и годится для повтора.",
            "A common state ties strangers’ requests together and allows replay.",
        ),
        looked_at: t(
            "state обращений за маркером против state других входов.",
            "The state of token calls against the states of other flows.",
        ),
        advice: t(
            "Создавайте state заново; в обмене того же входа его можно повторить.",
            "Make state anew; within the same flow it may be used again at the exchange.",
        ),
        judge: Judge::Duty(signed_state),
        ..BASE
    },
    Rule {
        id: "SIG-04",
        slug: "signature-container-wrong",
        protocols: ESIA_V1,
        severity: Severity::Medium,
        clauses: &["RFC 5652 5.2, 5.3, 11"],
        title: t(
            "Подпись v1 — отсоединённая CMS с одним подписантом",
            "The v1 signature is a detached CMS with one signer",
        ),
        why: t(
            "Вложенное содержимое портал может и не сверить с запросом.",
            "Attached content need not be what the request says.",
        ),
        advice: t(
            "Создавайте отсоединённую подпись с сертификатом подписанта внутри.",
            "Make a detached signature with the signer’s certificate inside.",
        ),
        judge: Judge::Duty(container),
        ..BASE
    },
    Rule {
        id: "SIG-05",
        slug: "signature-algorithm-weak",
        severity: Severity::Critical,
        clauses: &["RFC 9215 2, 4", "ASVS 11.4.1"],
        title: t(
            "Подпись и отпечаток — с хэшем, который предписан ключом, без SHA-1 и MD5",
            "Signature and thumbprint use the digest that the key prescribes, never SHA-1 or MD5",
        ),
        why: t(
            "Для SHA-1 и MD5 подбирают другой текст с той же подписью; чужой хэш портал не примет.",
            "For SHA-1 and MD5 another text with the same signature can be found; a digest of another kind is refused.",
        ),
        advice: t(
            "Используйте SHA-256 или Стрибог по алгоритму сертификата.",
            "Use SHA-256 or Streebog as the certificate prescribes.",
        ),
        judge: Judge::Duty(algorithm),
        ..BASE
    },
    Rule {
        id: "SIG-06",
        slug: "signing-certificate-wrong",
        severity: Severity::Critical,
        clauses: &["RFC 5280 4.2.1.3, 6.1.3", "63-FZ art. 11"],
        title: t("Подписывает зарегистрированный действующий сертификат", "A registered, valid certificate signs"),
        why: t(
            "Подпись незарегистрированным ключом не связана с банком.",
            "A signature by an unregistered key is not the bank’s.",
        ),
        advice: t(
            "Подписывайте ключом сертификата, зарегистрированного на портале, и указывайте отпечаток его DER.",
            "Sign with the key of the certificate registered at the portal and send the thumbprint of its DER.",
        ),
        judge: Judge::Duty(certificate),
        ..BASE
    },
    Rule {
        id: "SIG-08",
        slug: "signature-encoding-broken",
        severity: Severity::Medium,
        clauses: &["RFC 4648 4, 5", "RFC 3986 2.1"],
        title: t(
            "Подпись переживает передачу: base64 без потерь",
            "The signature survives transport: base64 without loss",
        ),
        why: t(
            "Незакодированный плюс приходит пробелом, и подпись больше не сходится.",
            "An unencoded plus arrives as a blank, and the signature no longer holds.",
        ),
        advice: t(
            "Используйте алфавит base64url или кодируйте + / = в адресе и теле.",
            "Use the base64url alphabet or encode + / = in address and body.",
        ),
        judge: Judge::Duty(encoding),
        ..BASE
    },
    Rule {
        id: "SIG-10",
        slug: "loop-on-refused-signature",
        requirements: &["IDN-1", "SEC-7"],
        clauses: &["ASVS 16.3.3"],
        title: t("Отвергнутая подпись не отправляется по кругу", "A refused signature is not sent in a loop"),
        why: t(
            "Ошибка подписи сама не пройдёт; её надо показать.",
            "A wrong signature does not mend itself; somebody must be told.",
        ),
        looked_at: t(
            "После отказа 007053: одно обращение, сценарий закончен отказом.",
            "After refusal 007053: one call, the flow ends refused.",
        ),
        advice: t("Остановитесь и сообщите причину.", "Stop and report the reason."),
        judge: Judge::Duty(refused_signature),
        ..BASE
    },
    Rule {
        id: "SIG-19",
        slug: "hook-uncovered-component-accepted",
        clauses: &["RFC 9421 3.2, 7.2.1"],
        title: t(
            "Уведомление, подпись которого не покрывает тело, отвергается",
            "A notice whose signature does not cover the body is refused",
        ),
        why: t(
            "Непокрытую часть можно заменить, не тронув подписи.",
            "What is not covered can be replaced without touching the signature.",
        ),
        advice: t(
            "Требуйте @method, @target-uri, content-digest и created среди подписанного.",
            "Demand @method, @target-uri, content-digest and created among what is signed.",
        ),
        judge: refuse(&["hook-digest-uncovered"], &[Signature], Unused::Event),
        ..EVENT
    },
    Rule {
        id: "SIG-20",
        slug: "hook-wrong-algorithm-accepted",
        clauses: &["RFC 9421 2.3, 3.2"],
        title: t(
            "Уведомление с чужим алгоритмом подписи отвергается",
            "A notice signed with another algorithm is refused",
        ),
        why: t(
            "Алгоритм задан ключом; другой — признак подделки.",
            "The key prescribes the algorithm; another one is a forgery.",
        ),
        advice: t(
            "Берите алгоритм из ключа портала, а не из подписи.",
            "Take the algorithm from the portal’s key, not from the signature.",
        ),
        judge: refuse(&["hook-algorithm-wrong"], &[Signature], Unused::Event),
        ..EVENT
    },
    Rule {
        id: "SIG-21",
        slug: "hook-digest-not-compared",
        clauses: &["RFC 9530 2"],
        title: t("Уведомление с изменённым телом отвергается", "A notice with a changed body is refused"),
        why: t(
            "Подписан хэш тела; не сверив его, банк верит чему угодно.",
            "The body’s digest is signed; without comparing it the bank believes anything.",
        ),
        advice: t(
            "Вычислите хэш полученных байтов и сравните с content-digest.",
            "Compute the digest of the bytes received and compare it with content-digest.",
        ),
        judge: refuse(&["hook-body-changed"], &[Signature], Unused::Event),
        ..EVENT
    },
];

pub(super) const NONE: (&str, &str) = ("the bank sent no signed request", "банк не отправлял подписанных запросов");

fn wanted(request: &Signed<'_>) -> &'static str {
    if request.version == Version::V1 {
        "scope + timestamp + client_id + state"
    } else if request.part("code").is_empty() {
        "client_id + scope + timestamp + state + redirect_uri"
    } else {
        "client_id + scope + timestamp + state + redirect_uri + code"
    }
}

fn signed_string(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let has_certificates = !signed::registered(reading).is_empty();
    for (request, proof) in &reading.signed {
        let here = || vec![line(request.exchange)];
        if !has_certificates {
            check.unproved("no registered certificate is known", "зарегистрированный сертификат неизвестен", here());
            continue;
        }
        check.saw(line(request.exchange));
        let wanted = wanted(request);
        match proof {
            Proof::Holds(_) => {}
            Proof::Turned(turn) => check.wrong(
                format!("client_secret holds over {wanted} only when {turn}"),
                format!("client_secret сходится со строкой {wanted}, только если {}", turned(*turn)),
                here(),
            ),
            Proof::Misdigested(wrong) => check.wrong(
                format!("client_secret is over {wanted}, but {wrong}"),
                format!("client_secret — подпись строки {wanted}, но {}", misdigested(*wrong)),
                here(),
            ),
            Proof::Wrong => check.wrong(
                format!("client_secret does not hold over {wanted} by any registered certificate"),
                format!("client_secret не сходится со строкой {wanted} ни по одному зарегистрированному сертификату"),
                here(),
            ),
            Proof::Unreadable => check.wrong(
                "client_secret cannot be read as a signature",
                "client_secret не читается как подпись",
                here(),
            ),
        }
    }
    check.end(NONE, ("every signature holds over the prescribed string", "все подписи сходятся с предписанной строкой"))
}

/// What has to be done to the bytes, in Russian.
fn turned(turn: Turn) -> &'static str {
    match turn {
        Turn::EachHalf => "перевернуть байты каждой половины",
        Turn::Halves => "поменять половины местами",
        Turn::Whole => "перевернуть порядок байтов",
    }
}

fn misdigested(wrong: Misdigest) -> &'static str {
    match wrong {
        Misdigest::OfDigest => "хэш взят от хэша",
        Misdigest::OfHexDigest => "подписан шестнадцатеричный текст хэша",
        Misdigest::Reversed => "байты хэша перевёрнуты",
        Misdigest::Sha256 => "хэш SHA-256 вместо Стрибога",
    }
}

/// A moment before which the bank cannot have made this request, as it was not asked to, or had not the code.
fn made_after(reading: &Reading<'_>, request: &Signed<'_>) -> Option<i64> {
    let (at, code) = (request.exchange.started_us, request.part("code"));
    let open = reading.flows.iter().filter(|flow| flow.start_seen && flow.start_us <= at && at <= flow.end_us);
    let of_person = open.filter(|flow| match (request.exchange.citizen, flow.person) {
        (Some(oid), Some(person)) => person.oid == oid,
        _ => true,
    });
    // Which of several flows a visit of the browser belongs to is not known: the one that began first charges nobody.
    let asked = of_person.map(|flow| flow.start_us).min();
    let came = reading.callbacks.iter().filter(|back| wire::first(&back.params, "code") == Some(code));
    let came = came.map(|back| back.exchange.started_us).filter(|_| !code.is_empty()).min();
    asked.max(came)
}

fn timestamp(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let window = reading.trace.portal.limits.timestamp_window_ms;
    let list = &reading.signed;
    for (index, (request, _)) in list.iter().enumerate() {
        check.saw(line(request.exchange));
        let text = request.part("timestamp");
        let Ok(at) = Timestamp::from_esia(text) else {
            check.wrong(
                format!("timestamp is {text:?}, wanted yyyy.MM.dd HH:mm:ss Z"),
                format!("timestamp = {text:?}, нужно yyyy.MM.dd HH:mm:ss Z"),
                vec![line(request.exchange)],
            );
            continue;
        };
        let off = request.exchange.at.millis().saturating_sub(at.millis());
        if off.abs() > window && (reading.trace.bank.clock_movable || reading.deeds("advance").is_empty()) {
            check.wrong(
                format!(
                    "timestamp {text} is {} s off the portal’s clock, {} s are tolerated",
                    off / 1000,
                    window / 1000
                ),
                format!("timestamp {text} отличается от часов портала на {} с, допуск {} с", off / 1000, window / 1000),
                vec![line(request.exchange)],
            );
        }
        // The form has whole seconds, and a busy machine delivers late: a stamp is used again only where the request was
        // made when its second was over, because the earlier one had already arrived.
        let made = made_after(reading, request).map(|wall_us| (wall_us, clock_at(reading, wall_us)));
        let earlier = list[..index].iter().map(|(other, _)| other).find(|asked| {
            let other = asked.exchange;
            // The clock is known from what was recorded last before; where nothing was, both clocks tell.
            let apart = request.exchange.at.millis().saturating_sub(other.at.millis()) >= 2_000;
            asked.part("timestamp") == text
                && made.is_some_and(|(wall_us, at_ms)| {
                    at_ms.saturating_sub(other.at.millis()) >= 2_000
                        || apart && wall_us.saturating_sub(other.started_us) >= 2_000_000
                })
        });
        if let Some(other) = earlier {
            check.wrong(
                format!("timestamp {text} was used again later"),
                format!("timestamp {text} использован повторно"),
                vec![line(other.exchange), line(request.exchange)],
            );
        }
    }
    check.end(NONE, ("every time stamp is fresh and within tolerance", "все отметки времени новые и в допуске"))
}

fn signed_state(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let mut earlier: Vec<(&str, &str, &Exchange)> = Vec::new();
    for call in &reading.token_calls {
        let (Some(state), true) = (call.param("state"), call.param("client_secret").is_some()) else { continue };
        check.saw(line(call.exchange));
        let own = call.param("code").and_then(|code| reading.ask_of_code(code));
        let of_other = reading.asks.iter().find(|ask| {
            wire::first(&ask.params, "state") == Some(state)
                && ask.exchange.started_us < call.exchange.started_us
                && own.is_none_or(|own| !std::ptr::eq(own.exchange, ask.exchange))
        });
        if let Some(ask) = of_other.filter(|_| own.is_none_or(|own| wire::first(&own.params, "state") != Some(state))) {
            check.wrong(
                format!("the token call bears the state {} of another flow", wire::mask(state)),
                format!("в обмене стоит state {} другого входа", wire::mask(state)),
                vec![line(ask.exchange), line(call.exchange)],
            );
        }
        let purpose = call
            .param("code")
            .or_else(|| call.param("refresh_token"))
            .unwrap_or_else(|| call.exchange.request.body.text());
        if let Some((_, _, other)) = earlier.iter().find(|(known, what, _)| *known == state && *what != purpose) {
            check.wrong(
                format!("two token calls bear the same state {}", wire::mask(state)),
                format!("в двух обменах один и тот же state {}", wire::mask(state)),
                vec![line(other), line(call.exchange)],
            );
        }
        earlier.push((state, purpose, call.exchange));
    }
    check.end(NONE, ("no state moved to another flow", "state не переходит в другой вход"))
}

fn container(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for (request, _) in reading.signed.iter().filter(|(request, _)| request.version == Version::V1) {
        check.saw(line(request.exchange));
        let container = request.container();
        let here = || vec![line(request.exchange)];
        match container {
            None => check.wrong("client_secret is no CMS container", "client_secret — не контейнер CMS", here()),
            Some(container) if container.attached.is_some() => {
                check.wrong(
                    "the signature is attached, wanted detached",
                    "подпись присоединённая, нужна отсоединённая",
                    here(),
                );
            }
            Some(container) if container.signers.len() != 1 => check.wrong(
                format!("the container has {} signers, wanted one", container.signers.len()),
                format!("в контейнере подписантов: {}, нужен один", container.signers.len()),
                here(),
            ),
            Some(_) => {}
        }
    }
    check
        .end(NONE, ("every container is detached with one signer", "все контейнеры отсоединённые, с одним подписантом"))
}

fn encoding(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for (request, _) in &reading.signed {
        check.saw(line(request.exchange));
        let secret = request.part("client_secret");
        let place = if request.token { "body" } else { "address" };
        if secret.contains(' ') {
            check.wrong(
                format!("client_secret arrived with blanks in the {place}: a plus sign was not encoded"),
                "client_secret пришёл с пробелами: знак плюс не закодирован".to_owned(),
                vec![line(request.exchange)],
            );
        } else if wire::base64(secret).is_none() {
            check.wrong("client_secret is no base64", "client_secret — не base64", vec![line(request.exchange)]);
        }
    }
    check.end(NONE, ("every signature arrived whole", "все подписи дошли целыми"))
}

fn refused_signature(reading: &Reading<'_>) -> Judgement {
    tok::stops(reading, "token-signature-refused")
}

#[cfg(test)]
mod tests {
    use contract::adapter::Outcome;
    use contract::exchange::Party;
    use serde_json::json;

    use crate::finding::Verdict;
    use crate::testkit::{ANNA, Scene, verdict};
    use crate::trace::Protocol;

    fn call(scene: &mut Scene, stamp: &str, code: &str) {
        let form = [("grant_type", "x"), ("code", code), ("timestamp", stamp), ("client_secret", "c2ln")];
        scene.token_call(ANNA, &form, &json!({}));
    }

    #[test]
    fn a_stamp_is_used_again_only_by_a_request_made_after_its_second() {
        let play = |anew: bool, code: &str| {
            let mut scene = Scene::new(Protocol::EsiaV3);
            let link = scene.link_begin(ANNA);
            let probe = scene.exchange(Party::Suite, Party::Suite, "GET", "/");
            let stamp = scene.wire(probe).at.to_esia();
            let mut flow = link.flow.clone();
            call(&mut scene, &stamp, "");
            if anew {
                scene.report(&flow, Outcome::Ok, None, json!({}));
            }
            scene.pass_ms(3_000);
            if anew {
                flow = scene.begin("customer.link", ANNA, json!({}));
            }
            if !code.is_empty() {
                let (pairs, _) = scene.ask_params("openid");
                let ask = scene.ask(ANNA, &pairs);
                scene.redirect(ask, &[("code", code)]);
            }
            call(&mut scene, &stamp, code);
            scene.report(&flow, Outcome::Ok, None, json!({}));
            verdict("SIG-02", &scene)
        };
        assert_eq!(play(false, ""), Verdict::Pass, "delivered late");
        assert_eq!(play(true, ""), Verdict::Fail, "in another flow");
        assert_eq!(play(false, "code-that-came-later"), Verdict::Fail, "after the code came");
    }
}
