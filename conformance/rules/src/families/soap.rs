//! SOAP: the message exchange as a queue. What is handed out is looked at, stored, acknowledged, used once; what is sent
//! bears ids of its own and comes no faster than allowed.

use std::collections::{BTreeMap, BTreeSet};

use contract::adapter::ReasonClass::*;
use contract::smev::Operation;

use super::{LOOKED_ANSWER, ROW, refuse, refuse_or_retry, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::soap::Envelope;
use crate::reading::{Reading, lied, line};
use crate::refusal::untold;
use crate::rule::{Judge, Level, Rule, Severity, Unused};

const SOAP: Rule = Rule {
    requirements: &["API-2"],
    looked_at: t(
        "Обращения банка к обмену сообщениями: номера, подтверждения, опросы, в их порядке.",
        "The bank’s calls of the message exchange: ids, acknowledgements, polls, in their order.",
    ),
    why: t(
        "Очередь отдаёт сообщение не меньше одного раза; ровно один раз делает получатель.",
        "A queue delivers at least once; exactly once is the receiver’s doing.",
    ),
    advice: t(
        "Сохраните, затем подтвердите; узнавайте сообщения по их номерам.",
        "Store, then acknowledge; know messages by their ids.",
    ),
    ..ROW
};
const LIE: Rule = Rule { looked_at: LOOKED_ANSWER, ..SOAP };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "SOAP-01",
        slug: "soap-message-processed-twice",
        clauses: &["WSS 1.1.1 13.2.1", "WS-Addressing Core 3.1"],
        title: t("Сообщение, пришедшее снова, действует один раз", "A message that comes again takes effect once"),
        judge: Judge::Duty(redelivered),
        ..SOAP
    },
    Rule {
        id: "SOAP-02",
        slug: "stale-message-accepted",
        clauses: &["WSS 1.1.1 10"],
        title: t("Давно отправленное сообщение отвергается", "A message sent long ago is refused"),
        judge: refuse(&["soap-stale"], &[Time, Signature], Unused::Answer),
        ..LIE
    },
    Rule {
        id: "SOAP-03",
        slug: "future-message-accepted",
        clauses: &["WSS 1.1.1 10"],
        title: t("Сообщение из будущего отвергается", "A message from the future is refused"),
        judge: refuse(&["soap-ahead"], &[Time, Signature], Unused::Answer),
        ..LIE
    },
    Rule {
        id: "SOAP-04",
        slug: "timeless-message-accepted",
        level: Level::P,
        clauses: &["WSS 1.1.1 10", "WSS 1.1.1 13.2.1"],
        title: t("Сообщение без времени отвергается", "A message without a time is refused"),
        judge: refuse(&["soap-no-time"], &[Time, Format, Signature], Unused::Answer),
        ..LIE
    },
    Rule {
        id: "SOAP-06",
        slug: "other-recipient-accepted",
        clauses: &["WS-Addressing Core 3.1"],
        title: t("Сообщение другому получателю отвергается", "A message for another recipient is refused"),
        judge: refuse(&["soap-other-recipient"], &[Binding, Audience], Unused::Answer),
        ..LIE
    },
    Rule {
        id: "SOAP-08",
        slug: "must-understand-ignored",
        clauses: &["SOAP 1.1 4.2.3"],
        title: t("Непонятый обязательный заголовок — отказ", "A mandatory header that is not understood is a refusal"),
        judge: refuse(&["soap-must-understand"], &[Format, Signature], Unused::Answer),
        ..LIE
    },
    Rule {
        id: "SOAP-09",
        slug: "fault-under-200-missed",
        clauses: &["SOAP 1.1 4.4", "WS-I BP 1.1 3.4"],
        title: t("Ошибка остаётся ошибкой и со статусом 200", "A fault is a fault under status 200 as well"),
        // A fault of the exchange passes: who asks again and takes an honest answer has missed nothing.
        judge: refuse_or_retry(
            &["soap-fault-200"],
            &[Format, Transport, State, Limit, Consent, Signature],
            Unused::Answer,
        ),
        ..LIE
    },
    Rule {
        id: "SOAP-10",
        slug: "soap-internals-shown",
        severity: Severity::Medium,
        clauses: &["ASVS 16.5.1"],
        requirements: &["API-2", "API-6"],
        title: t("Внутренности ошибки человеку не показаны", "A fault’s internals are not shown to the person"),
        judge: Judge::Duty(internals),
        ..SOAP
    },
    Rule {
        id: "SOAP-11",
        slug: "other-soap-version-accepted",
        clauses: &["SOAP 1.2 Part 2 7.1", "SOAP 1.1 6"],
        title: t("Другая версия SOAP или тип отвергаются", "Another SOAP version or media type is refused"),
        judge: refuse(&["soap-other-version"], &[Format, Signature], Unused::Answer),
        ..LIE
    },
    Rule {
        id: "SOAP-12",
        slug: "attachment-unchecked.soap",
        clauses: &["XOP 1.0 3.2", "WSS SwA Profile 1.1 5"],
        title: t(
            "Вложения сообщения на месте и с верным дайджестом",
            "A message’s attachments are there with the right digest",
        ),
        judge: refuse(
            &["soap-attachment-digest", "soap-attachment-missing"],
            &[Binding, Format, Signature],
            Unused::Answer,
        ),
        ..LIE
    },
    Rule {
        id: "SOAP-15",
        slug: "acknowledged-before-stored",
        clauses: &["portal protocol: /smev"],
        title: t("Подтверждается только принятое и сохранённое", "Only what was taken and stored is acknowledged"),
        judge: Judge::Duty(acknowledged),
        ..SOAP
    },
    Rule {
        id: "SOAP-17",
        slug: "lost-ack-not-repeated",
        clauses: &["portal protocol: /smev"],
        title: t("Потерянное подтверждение повторяется", "A lost acknowledgement is sent again"),
        judge: Judge::Duty(ack_again),
        ..SOAP
    },
    Rule {
        id: "SOAP-19",
        slug: "queue-polled-too-fast",
        severity: Severity::Medium,
        requirements: &["API-2", "OPS-2"],
        clauses: &["portal protocol: /smev"],
        title: t("Пустую очередь не опрашивают чаще срока", "An empty queue is polled no faster than allowed"),
        judge: Judge::Duty(polls),
        ..SOAP
    },
    Rule {
        id: "SOAP-20",
        slug: "rejection-resent",
        clauses: &["portal protocol: /smev"],
        title: t("Отказ по существу не повторяют тем же запросом", "A business refusal is not asked again unchanged"),
        judge: Judge::Duty(rejected),
        ..SOAP
    },
    Rule {
        id: "SOAP-21",
        slug: "message-id-repeated",
        clauses: &["WS-Addressing Core 3.1", "RFC 4122 4.2"],
        title: t(
            "Номера сообщений: версия 1, строчными, без повторов",
            "Message ids: version 1, lower case, never twice",
        ),
        judge: Judge::Duty(ids),
        ..SOAP
    },
    Rule {
        id: "SOAP-22",
        slug: "unknown-content-version-accepted",
        clauses: &["portal protocol: /smev"],
        title: t("Незнакомая версия содержимого не угадывается", "An unknown version of the content is not guessed at"),
        judge: refuse(&["soap-schema-unknown"], &[Format, Signature, Binding], Unused::Answer),
        ..LIE
    },
];

const NOTHING: (&str, &str) = ("the exchange was not used", "обмен сообщениями не использовался");

fn of<'r, 'a>(reading: &'r Reading<'a>, operation: Operation) -> impl Iterator<Item = &'r Envelope<'a>> {
    reading.envelopes.iter().filter(move |envelope| envelope.operation == operation)
}

/// Messages handed out: id, and the call in which it was.
fn deliveries<'r, 'a>(reading: &'r Reading<'a>) -> Vec<(String, &'r Envelope<'a>)> {
    reading.envelopes.iter().filter_map(|envelope| Some((envelope.handed_out()?, envelope))).collect()
}

fn acks<'r, 'a>(reading: &'r Reading<'a>, id: &str) -> Vec<(&'r Envelope<'a>, bool)> {
    of(reading, Operation::Ack)
        .filter_map(|envelope| {
            let (of, accepted) = envelope.acknowledged()?;
            (of == id).then_some((envelope, accepted))
        })
        .collect()
}

fn redelivered(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let mut seen: BTreeMap<String, &Envelope<'_>> = BTreeMap::new();
    for (id, envelope) in deliveries(reading) {
        let Some(first) = seen.insert(id.clone(), envelope) else { continue };
        // A lie that comes again is refused again; this is about good messages.
        if envelope.exchange.faults.iter().any(|fault| !FINE.contains(&fault.as_str())) {
            continue;
        }
        check.saw(line(envelope.exchange));
        let again: Vec<_> = acks(reading, &id)
            .into_iter()
            .filter(|(ack, accepted)| *accepted && ack.exchange.started_us >= envelope.exchange.ended_us)
            .collect();
        if again.is_empty() {
            check.wrong(
                format!("the message {id} came again and was not acknowledged again"),
                format!("сообщение {id} пришло снова и снова не подтверждено"),
                vec![line(first.exchange), line(envelope.exchange)],
            );
        }
        // One message is one effect: the operation that it answers is not begun anew.
        let answered = envelope.got("OriginalMessageId").unwrap_or_default();
        let content = of(reading, Operation::SendRequest)
            .find(|sent| sent.message_id().as_deref() == Some(answered.as_str()))
            .and_then(Envelope::content);
        let resent = of(reading, Operation::SendRequest).find(|sent| {
            sent.exchange.started_us > envelope.exchange.ended_us
                && content.is_some()
                && sent.content() == content
                && reading.flow_at(sent.exchange.started_us, None).map(|flow| flow.operation)
                    == reading.flow_at(first.exchange.started_us, None).map(|flow| flow.operation)
        });
        if let Some(resent) = resent {
            check.wrong(
                format!("after the second coming of {id} the bank acted again"),
                format!("после второго прихода {id} банк действовал снова"),
                vec![line(envelope.exchange), line(resent.exchange)],
            );
        }
        // One request has one answer; what is sent again after a lost reply bears the same id.
        let asked = envelope.got("ReplyTo").filter(|_| envelope.operation == Operation::GetRequest);
        let answers: BTreeMap<String, &Envelope<'_>> = of(reading, Operation::SendResponse)
            .filter(|answer| asked.is_some() && answer.sent("To") == asked)
            .filter_map(|answer| Some((answer.message_id()?, answer)))
            .collect();
        if answers.len() > 1 {
            check.wrong(
                format!("the request {id} was answered {} times", answers.len()),
                format!("на запрос {id} отвечено {} раза", answers.len()),
                answers.values().map(|answer| line(answer.exchange)).collect(),
            );
        }
        let is = |entry: &&serde_json::Value| entry.get("message").and_then(|of| of.as_str()) == Some(id.as_str());
        let shown = reading.flows.iter().filter_map(|flow| flow.value("received")?.as_array());
        let times = shown.map(|list| list.iter().filter(is).count()).max().unwrap_or_default();
        if times > 1 {
            check.wrong(
                format!("the message {id} was processed {times} times"),
                format!("сообщение {id} обработано {times} раза"),
                vec![line(first.exchange), line(envelope.exchange)],
            );
        }
    }
    check.end(
        ("no message came twice", "ни одно сообщение не пришло дважды"),
        ("each took effect once", "каждое подействовало один раз"),
    )
}

fn internals(reading: &Reading<'_>) -> Judgement {
    let faults = &["soap-fault-internals"];
    let told = reading.told(faults);
    if told.is_empty() {
        return untold(faults, reading);
    }
    let mut check = Check::new();
    for lie in told {
        let Some(exchange) = lie.exchange else { continue };
        check.saw(lied(lie));
        let body = exchange.response.as_ref().map(|response| response.body.text()).unwrap_or_default();
        // Long words of the fault's text: class names, statements, addresses.
        let words: BTreeSet<&str> = body
            .split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ',' | ';'))
            .filter(|word| word.len() >= 12 && word.contains(['.', '_', '(', '/']) && !word.contains("://"))
            .collect();
        for flow in reading.flows.iter().filter(|flow| flow.end_us >= lie.wall_us) {
            let said = flow.last().and_then(|report| report.reason.as_ref()).map(|reason| reason.message.clone());
            if let Some(word) = said.and_then(|said| words.iter().find(|word| said.contains(**word)).copied()) {
                check.wrong(
                    format!("the person is shown the fault’s internals: {word}"),
                    format!("человеку показаны внутренности ошибки: {word}"),
                    vec![lied(lie), flow.evidence()],
                );
            }
        }
    }
    check.end(NOTHING, ("the internals stay inside", "внутренности не показаны"))
}

fn acknowledged(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let all = deliveries(reading);
    for (id, envelope) in &all {
        let lies = &envelope.exchange.faults;
        // `accepted="false"` says that the signature of the message was rejected (SMEV 3 guidelines, Ack): what is signed
        // well and of no use otherwise may be acknowledged as received.
        let harmful = lies.iter().any(|fault| fault.starts_with("xsg-") || fault.starts_with("xsw-"));
        let next = all
            .iter()
            .filter(|(other, later)| other == id && later.exchange.started_us > envelope.exchange.started_us)
            .map(|(_, later)| later.exchange.started_us)
            .min()
            .unwrap_or(i64::MAX);
        let mine: Vec<_> = acks(reading, id)
            .into_iter()
            .filter(|(ack, _)| (envelope.exchange.started_us..next).contains(&ack.exchange.started_us))
            .collect();
        check.saw(line(envelope.exchange));
        if harmful {
            if let Some((ack, _)) = mine.iter().find(|(_, accepted)| *accepted) {
                check.wrong(
                    format!("the message {id} had to be refused and was acknowledged as taken"),
                    format!("сообщение {id} следовало отвергнуть, а оно подтверждено как принятое"),
                    vec![line(envelope.exchange), line(ack.exchange)],
                );
            }
        } else if next == i64::MAX && mine.is_empty() && lies.is_empty() {
            check.wrong(
                format!("the message {id} was taken and never acknowledged"),
                format!("сообщение {id} принято и не подтверждено"),
                vec![line(envelope.exchange)],
            );
        }
    }
    check.end(
        ("nothing was handed out", "сообщений не выдавалось"),
        ("what was taken was acknowledged, nothing else", "подтверждено принятое и только оно"),
    )
}

/// Lies that leave the message itself good.
const FINE: &[&str] = &[
    "queue-ack-lost",
    "queue-out-of-order",
    "queue-redelivered",
    "xml-cdata",
    "xml-comment-in-text",
    "xml-other-prefixes",
    // May be passed over as well as refused.
    "xml-schema-location",
    "xml-stylesheet",
    "xml-xinclude",
];

fn ack_again(reading: &Reading<'_>) -> Judgement {
    let faults = &["queue-ack-lost"];
    let told = reading.told(faults);
    if told.is_empty() {
        return untold(faults, reading);
    }
    let mut check = Check::new();
    for lie in told {
        let lost = reading
            .envelopes
            .iter()
            .find(|envelope| lie.exchange.is_some_and(|exchange| std::ptr::eq(exchange, envelope.exchange)));
        let Some((lost, (id, _))) = lost.and_then(|lost| Some((lost, lost.acknowledged()?))) else { continue };
        check.saw(lied(lie));
        let again = acks(reading, &id).into_iter().any(|(ack, _)| ack.exchange.started_us > lost.exchange.started_us);
        if !again {
            check.wrong(
                format!("the acknowledgement of {id} was lost and not sent again"),
                format!("подтверждение {id} потерялось и не повторено"),
                vec![lied(lie)],
            );
        }
    }
    check.end(NOTHING, ("the acknowledgement came again", "подтверждение повторено"))
}

fn polls(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let shortest = reading.trace.portal.limits.poll_interval_ms * 1000;
    // Each queue has its own pace: that of requests, that of answers, and those of each type asked for.
    let mut last: BTreeMap<(&str, Option<String>), &Envelope<'_>> = BTreeMap::new();
    for other in &reading.envelopes {
        if !matches!(other.operation, Operation::GetRequest | Operation::GetResponse) {
            continue;
        }
        let queue = (other.operation.as_str(), other.sent("RootElementLocalName"));
        let Some(one) = last.insert(queue, other).filter(|one| one.is_empty_poll()) else { continue };
        check.saw(line(other.exchange));
        // By the wall or by the sandbox's clock, which a scenario may have moved.
        let by_clock = (other.exchange.at.millis() - one.exchange.at.millis()) * 1000;
        let gap = by_clock.max(other.exchange.started_us - one.exchange.started_us);
        // A few milliseconds of the scheduler's are not the bank's haste.
        if gap + 5_000 < shortest {
            check.wrong(
                format!("polled again after {} ms, the limit is {} ms", gap / 1000, shortest / 1000),
                format!("опрос через {} мс при пределе {} мс", gap / 1000, shortest / 1000),
                vec![line(one.exchange), line(other.exchange)],
            );
        }
    }
    check.end(
        ("no queue was found empty", "пустых очередей не было"),
        ("polls keep their distance", "опросы не чаще срока"),
    )
}

fn rejected(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for rejection in reading.envelopes.iter().filter(|envelope| envelope.got("RejectionReasonCode").is_some()) {
        check.saw(line(rejection.exchange));
        let answered = rejection.got("OriginalMessageId").unwrap_or_default();
        let Some(content) = of(reading, Operation::SendRequest)
            .find(|sent| sent.message_id().as_deref() == Some(answered.as_str()))
            .and_then(Envelope::content)
        else {
            continue;
        };
        // A person may ask for the same on another day; one operation may not.
        let operation = |at: i64| reading.flow_at(at, None).map(|flow| flow.operation);
        let again = of(reading, Operation::SendRequest).find(|sent| {
            sent.exchange.started_us > rejection.exchange.ended_us
                && sent.content().as_deref() == Some(content.as_str())
                && operation(sent.exchange.started_us) == operation(rejection.exchange.started_us)
        });
        if let Some(again) = again {
            check.wrong(
                "the same request was sent again after it was rejected",
                "тот же запрос отправлен снова после отказа",
                vec![line(rejection.exchange), line(again.exchange)],
            );
        }
        let said = reading.flows.iter().any(|flow| {
            flow.end_us >= rejection.exchange.started_us
                && flow
                    .last()
                    .is_some_and(|report| report.reason.as_ref().is_some_and(|reason| !reason.message.is_empty()))
        });
        if !said {
            check.wrong(
                "the reason of the rejection is not shown",
                "причина отказа не показана",
                vec![line(rejection.exchange)],
            );
        }
    }
    check.end(
        ("nothing was rejected", "отказов не было"),
        ("a rejection ends it, with the reason", "отказ окончателен и с причиной"),
    )
}

fn ids(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let operation = |sent: &Envelope<'_>| {
        reading.flow_at(sent.exchange.started_us, sent.exchange.citizen).map(|flow| flow.operation)
    };
    let mut seen: BTreeMap<String, &Envelope<'_>> = BTreeMap::new();
    let sends = reading
        .envelopes
        .iter()
        .filter(|envelope| matches!(envelope.operation, Operation::SendRequest | Operation::SendResponse));
    for envelope in sends {
        let Some(id) = envelope.message_id() else { continue };
        check.saw(line(envelope.exchange));
        let version = id.as_bytes().get(14).copied();
        let formed = id.len() == 36 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
        if !formed || version != Some(b'1') {
            check.wrong(
                format!("the message id {id} is no time-based UUID in lower case"),
                format!("номер {id} — не UUID версии 1 строчными буквами"),
                vec![line(envelope.exchange)],
            );
        }
        // A repeat after a lost answer is the same message, word for word.
        if let Some(first) = seen.insert(id.clone(), envelope)
            && (first.content() != envelope.content() || operation(first) != operation(envelope))
        {
            check.wrong(
                format!("the message id {id} stands on two messages"),
                format!("номер {id} стоит на двух сообщениях"),
                vec![line(first.exchange), line(envelope.exchange)],
            );
        }
    }
    check.end(NOTHING, ("ids are well formed and unique", "номера верны и не повторяются"))
}

#[cfg(test)]
mod tests {
    use contract::exchange::{Body, Party};

    use crate::finding::Verdict;
    use crate::testkit::*;

    fn call(scene: &mut Scene, operation: &str, sent: &str, got: &str) -> usize {
        let envelope = |inner: &str| format!("<s:Envelope xmlns:s=\"urn:s\"><s:Body>{inner}</s:Body></s:Envelope>");
        let at = scene.exchange(Party::Bank, Party::Portal, "POST", &format!("{PORTAL}/smev/1.3"));
        let exchange = scene.wire(at);
        exchange.request.headers = vec![("SOAPAction".to_owned(), format!("\"urn:{operation}\""))];
        exchange.request.body = Body::Text(envelope(sent));
        scene.respond(at, 200, &[("Content-Type", "text/xml")], &envelope(got));
        at
    }

    #[test]
    fn a_request_that_comes_again_has_one_answer() {
        let play = |answers: &[&str]| {
            let mut scene = Scene::oidc();
            for time in 0..2 {
                let request = "<Request><ReplyTo>r-1</ReplyTo><SenderProvidedRequestData><MessageID>m-1</MessageID>\
                               </SenderProvidedRequestData></Request>";
                let at = call(&mut scene, "GetRequest", "<q/>", request);
                if time == 1 {
                    scene.lie(at, "queue-redelivered");
                }
                call(&mut scene, "Ack", "<AckTargetMessage accepted=\"true\">m-1</AckTargetMessage>", "");
                if let Some(id) = answers.get(time) {
                    let said = format!("<Data><MessageID>{id}</MessageID><To>r-1</To></Data>");
                    call(&mut scene, "SendResponse", &said, "");
                }
            }
            verdict("SOAP-01", &scene)
        };
        assert_eq!(play(&["a-1"]), Verdict::Pass);
        assert_eq!(play(&["a-1", "a-1"]), Verdict::Pass);
        assert_eq!(play(&["a-1", "a-2"]), Verdict::Fail);
    }
}
