//! WS: the stream of events. Frames as RFC 6455 has them, a resume that loses nothing and doubles nothing, an
//! acknowledgement that means "stored".

use std::collections::{BTreeMap, BTreeSet};

use contract::adapter::Outcome;
use serde_json::Value;

use super::{LOOKED_ACCEPT, ROW, accept, t};
use crate::finding::{Evidence, Judgement};
use crate::reading::check::Check;
use crate::reading::sockets::{Sent, Socket, opcode};
use crate::reading::{Flow, Reading, line, noted, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Level, Rule, Severity};

const WS: Rule = Rule {
    requirements: &["API-3"],
    clauses: &["portal protocol: /asyncapi.json"],
    looked_at: t(
        "Рукопожатия, кадры и концы соединений /ws по журналу портала и события, показанные банком.",
        "Handshakes, frames and ends of /ws connections in the portal’s journal, and the events that the bank shows.",
    ),
    why: t(
        "Событие об отзыве согласия, которое потерялось, — это обработка без согласия.",
        "A lost event of a revocation is processing without consent.",
    ),
    advice: t(
        "Ведите номер последнего сохранённого события; возобновляйте с него; подтверждайте после записи.",
        "Keep the number of the last event stored; resume from it; acknowledge after writing.",
    ),
    ..ROW
};
const FRAME: Rule = Rule {
    severity: Severity::Medium,
    looked_at: t(
        "Негодный кадр портала и то, с каким кодом банк после него закрыл соединение.",
        "The portal’s bad frame, and the code with which the bank closed the connection after it.",
    ),
    why: t(
        "Кто терпит негодные кадры, того можно сбить со счёта.",
        "Who bears with bad frames can be put out of step.",
    ),
    advice: t(
        "Возьмите проверенную библиотеку и не ослабляйте её проверок.",
        "Take a proven library and do not loosen its checks.",
    ),
    ..WS
};
const ODD: Rule = Rule { looked_at: LOOKED_ACCEPT, severity: Severity::Medium, ..FRAME };

/// Rows of bad frames: id, slug, clauses, title, lies, codes.
macro_rules! frames {
    ($($id:literal $slug:literal $level:ident [$($clause:literal),+] $ru:literal / $en:literal => [$($fault:literal),+] [$($code:literal),+];)+) => {
        &[$(Rule {
            id: $id,
            slug: $slug,
            level: Level::$level,
            clauses: &[$($clause),+],
            title: t($ru, $en),
            judge: Judge::Duty(|reading| closed(reading, &[$($fault),+], &[$($code),+])),
            ..FRAME
        }),+]
    };
}

pub(super) const FRAMES: &[Rule] = frames! {
    "WS-08" "ws-masked-frame-accepted" M ["RFC 6455 5.1"] "Кадр сервера под маской закрывает соединение" / "A masked frame of the server closes the connection"
        => ["ws-masked-frame"] [1002];
    "WS-10" "ws-reserved-bits-accepted" M ["RFC 6455 5.2"] "Зарезервированный бит закрывает соединение" / "A reserved bit closes the connection"
        => ["ws-reserved-bit"] [1002];
    "WS-11" "ws-reserved-opcode-accepted" M ["RFC 6455 5.2"] "Неизвестный вид кадра закрывает соединение" / "An unknown kind of frame closes the connection"
        => ["ws-reserved-opcode"] [1002];
    "WS-12" "ws-long-control-accepted" M ["RFC 6455 5.5"] "Длинный или разбитый управляющий кадр закрывает соединение" / "A long or fragmented control frame closes the connection"
        => ["ws-control-fragmented", "ws-control-long"] [1002];
    "WS-15" "ws-bad-text-accepted" M ["RFC 6455 8.1"] "Текст не в UTF-8 закрывает соединение с 1007" / "Text that is not UTF-8 closes the connection with 1007"
        => ["ws-invalid-utf8"] [1007];
    "WS-17" "ws-continuation-accepted" M ["RFC 6455 5.4"] "Продолжение без начала закрывает соединение" / "A continuation without a start closes the connection"
        => ["ws-continuation-alone"] [1002];
    "WS-18" "ws-oversize-accepted" S ["RFC 6455 7.4.1", "RFC 6455 10.4"] "Сообщение сверх предела закрывает соединение с 1009" / "A message over the limit closes the connection with 1009"
        => ["ws-oversize"] [1009];
    "WS-32" "ws-binary-accepted" M ["RFC 6455 7.4.1", "portal protocol: /asyncapi.json"] "Двоичное сообщение, которого нет в описании, закрывает соединение" / "A binary message that the description does not know closes the connection"
        => ["ws-binary"] [1003, 1008];
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "WS-02",
        slug: "ws-accept-unchecked",
        clauses: &["RFC 6455 4.1"],
        title: t("Неверный ответ рукопожатия — нет соединения", "A wrong answer to the handshake is no connection"),
        judge: Judge::Duty(|reading| unopened(reading, &["ws-bad-accept"])),
        ..FRAME
    },
    Rule {
        id: "WS-03",
        slug: "ws-refusal-loop",
        clauses: &["RFC 6455 4.1", "RFC 6455 4.2.2"],
        title: t(
            "После 401 — один новый маркер, без повторов со старым",
            "After 401 one new token, no more tries with the old",
        ),
        judge: Judge::Duty(refused),
        ..WS
    },
    Rule {
        id: "WS-04",
        slug: "ws-retry-after-ignored",
        requirements: &["API-3", "OPS-2"],
        clauses: &["RFC 9110 10.2.3"],
        title: t("Retry-After рукопожатия соблюдается", "Retry-After of the handshake is kept"),
        judge: Judge::Duty(retry_after),
        ..WS
    },
    Rule {
        id: "WS-05",
        slug: "ws-redirect-followed",
        severity: Severity::Critical,
        clauses: &["RFC 6455 4.1", "RFC 9110 15.4"],
        title: t("На чужой узел рукопожатие не уходит с маркером", "No token goes with the handshake to another host"),
        judge: Judge::Duty(redirected),
        ..WS
    },
    Rule {
        id: "WS-06",
        slug: "ws-subprotocol-unchecked",
        clauses: &["RFC 6455 4.1"],
        title: t(
            "Непредложенные подпротокол и расширение — нет соединения",
            "A subprotocol or extension that was not offered is no connection",
        ),
        judge: Judge::Duty(|reading| unopened(reading, &["ws-extension-unknown", "ws-subprotocol-unknown"])),
        ..FRAME
    },
    Rule {
        id: "WS-07",
        slug: "ws-token-in-address",
        severity: Severity::Critical,
        clauses: &["RFC 6750 5.3", "ASVS 4.4.3"],
        title: t("Маркера в адресе /ws нет", "No token stands in the address of /ws"),
        judge: Judge::Duty(address),
        ..WS
    },
    Rule {
        id: "WS-14",
        slug: "ws-unasked-pong-refused",
        clauses: &["RFC 6455 5.5.3"],
        title: t("Непрошеный pong не мешает", "An unasked pong does no harm"),
        judge: accept(&["ws-pong-unasked"]),
        ..ODD
    },
    Rule {
        id: "WS-16",
        slug: "ws-fragments-refused",
        clauses: &["RFC 6455 5.4"],
        title: t("Сообщение частями собирается", "A message in fragments is put together"),
        judge: accept(&["ws-fragmented"]),
        ..ODD
    },
    Rule {
        id: "WS-21",
        slug: "ws-reconnect-storm",
        level: Level::S,
        requirements: &["API-3", "OPS-2"],
        clauses: &["RFC 6455 7.2.3"],
        title: t("Паузы между попытками растут", "Pauses between tries grow"),
        judge: Judge::Duty(pauses),
        ..WS
    },
    Rule {
        id: "WS-24",
        slug: "ws-events-lost",
        requirements: &["API-3", "APP-2"],
        severity: Severity::Critical,
        title: t(
            "После обрыва — с последнего сохранённого: ничего не потеряно и не удвоено",
            "After a cut from the last one stored: nothing lost, nothing doubled",
        ),
        judge: Judge::Duty(resumed),
        ..WS
    },
    Rule {
        id: "WS-25",
        slug: "ws-gap-accepted",
        requirements: &["API-3", "APP-2"],
        title: t("Пропуск в номерах запрашивается", "A gap in the numbers is asked for"),
        judge: Judge::Duty(|reading| in_order(reading, &["ws-gap"])),
        ..WS
    },
    Rule {
        id: "WS-26",
        slug: "ws-event-applied-twice",
        requirements: &["API-3", "APP-2"],
        title: t("Повторы и перестановки действуют по разу и по порядку", "Repeats and swaps apply once and in order"),
        judge: Judge::Duty(|reading| in_order(reading, &["ws-duplicate", "ws-reorder"])),
        ..WS
    },
    Rule {
        id: "WS-27",
        slug: "ws-foreign-event-used",
        severity: Severity::Critical,
        clauses: &["ASVS 8.2.2"],
        title: t("Событие о чужом согласии не принимается", "An event about another’s consent is not taken"),
        judge: Judge::Duty(foreign),
        ..WS
    },
    Rule {
        id: "WS-29",
        slug: "ws-acknowledged-before-stored",
        title: t("Подтверждено то и только то, что сохранено", "What was stored is acknowledged, and nothing else"),
        judge: Judge::Duty(acknowledged),
        ..WS
    },
];

const NO_SOCKETS: (&str, &str) = ("no event stream was opened", "поток событий не открывался");

fn of(socket: &Socket<'_>) -> Vec<Evidence> {
    let ends = [socket.opened, socket.closed].into_iter().flatten().map(noted);
    socket.exchange.map(line).into_iter().chain(ends).collect()
}

fn closed(reading: &Reading<'_>, faults: &[&str], codes: &[u64]) -> Judgement {
    let met: Vec<&Socket<'_>> = reading.sockets.iter().filter(|socket| socket.lied(faults)).collect();
    if met.is_empty() {
        return untold(faults, reading);
    }
    let mut check = Check::new();
    for socket in met {
        of(socket).into_iter().for_each(|seen| check.saw(seen));
        // A connection that is simply dropped was not used either; the code is what a good citizen of the net sends.
        match (socket.bank_code(), socket.ended_by()) {
            (Some(code), _) if codes.contains(&code) => {}
            (None, "network") => check.odd(
                "the bank dropped the connection without saying why",
                "банк оборвал соединение, не назвав причины",
                of(socket),
            ),
            (code, by) => {
                let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
                check.wrong(
                    format!("after the bad frame the bank closed with {code} (ended by {by}), wanted {codes:?}"),
                    format!("после негодного кадра банк закрыл с кодом {code} (конец: {by}), нужно {codes:?}"),
                    of(socket),
                );
            }
        }
    }
    check.end(NO_SOCKETS, ("closed with the right code", "закрыто с верным кодом"))
}

fn unopened(reading: &Reading<'_>, faults: &[&str]) -> Judgement {
    let met: Vec<&Socket<'_>> = reading.sockets.iter().filter(|socket| socket.lied(faults)).collect();
    if met.is_empty() {
        return untold(faults, reading);
    }
    let mut check = Check::new();
    for socket in met {
        of(socket).into_iter().for_each(|seen| check.saw(seen));
        let talks = socket.by_bank().find(|frame| frame.data["opcode"] != opcode::CLOSE);
        if let Some(frame) = talks {
            check.wrong(
                "the bank went on over a handshake that it had to fail",
                "банк продолжил после рукопожатия, которое обязан был отвергнуть",
                vec![noted(frame)],
            );
        }
    }
    check.end(NO_SOCKETS, ("the connection was failed", "соединение отвергнуто"))
}

fn bearer<'a>(socket: &Socket<'a>) -> Option<&'a str> {
    wire::bearer(socket.exchange?)
}

fn refused(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let status = |socket: &Socket<'_>| socket.exchange.map_or(0, wire::status);
    for (at, socket) in reading.sockets.iter().enumerate().filter(|(_, socket)| matches!(status(socket), 401 | 403)) {
        of(socket).into_iter().for_each(|seen| check.saw(seen));
        let later = &reading.sockets[at + 1..];
        let same = later.iter().find(|other| bearer(other).is_some() && bearer(other) == bearer(socket));
        let refused_again = later.iter().filter(|other| matches!(status(other), 401 | 403)).count();
        if same.is_some() || refused_again > 1 {
            check.wrong(
                "the bank came again with a token that had been refused",
                "банк пришёл снова с отвергнутым маркером",
                of(socket),
            );
        }
    }
    check.end(
        ("no handshake was refused", "рукопожатия не отвергались"),
        ("one new token, no loop", "один новый маркер, без круга"),
    )
}

fn retry_after(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for pair in reading.sockets.windows(2) {
        let [one, other] = pair else { continue };
        let Some(exchange) = one.exchange.filter(|exchange| matches!(wire::status(exchange), 429 | 503)) else {
            continue;
        };
        let Some(seconds) = wire::got(exchange, "retry-after").and_then(|text| text.trim().parse::<i64>().ok()) else {
            continue;
        };
        check.saw(line(exchange));
        // By the wall or by the sandbox's clock, which a scenario may have moved and the bank follows.
        let by_clock = other.exchange.map_or(0, |again| (again.at.millis() - exchange.at.millis()) * 1000);
        let waited = by_clock.max(other.started_us() - exchange.ended_us);
        if waited < seconds * 1_000_000 {
            check.wrong(
                format!("came again after {} ms, told to wait {seconds} s", waited / 1000),
                format!("пришёл снова через {} мс, велено ждать {seconds} с", waited / 1000),
                vec![line(exchange)],
            );
        }
    }
    check.end(("nobody was told to wait", "ждать не просили"), ("the wait was kept", "срок выдержан"))
}

fn redirected(reading: &Reading<'_>) -> Judgement {
    let faults = &["ws-redirect-foreign"];
    if reading.told(faults).is_empty() {
        return untold(faults, reading);
    }
    let mut check = Check::new();
    for lie in reading.told(faults) {
        check.saw(crate::reading::lied(lie));
        let visit = reading
            .foreign()
            .into_iter()
            .find(|visit| visit.started_us >= lie.wall_us && wire::bearer(visit).is_some());
        if let Some(visit) = visit {
            check.wrong(
                "the token went to the foreign host",
                "маркер ушёл на чужой узел",
                vec![crate::reading::lied(lie), line(visit)],
            );
        }
    }
    check.end(NO_SOCKETS, ("no token left the portal", "маркер за портал не ушёл"))
}

fn address(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for exchange in reading.sockets.iter().filter_map(|socket| socket.exchange) {
        check.saw(line(exchange));
        let query = wire::query(&exchange.request.url);
        let secret = reading.all_tokens().any(|(token, _)| exchange.request.url.contains(token));
        if secret || query.iter().any(|(name, _)| name.contains("token")) {
            check.wrong("a token stands in the address", "маркер стоит в адресе", vec![line(exchange)]);
        }
    }
    check.end(NO_SOCKETS, ("no token in the address", "маркера в адресе нет"))
}

/// It broke off, without a word from either side.
fn is_cut(socket: &Socket<'_>) -> bool {
    let broken = socket.closed.is_some() && socket.code().is_none() && socket.ended_by() != "bank";
    broken || socket.lied(&["ws-cut"])
}

/// Who comes again as fast as this at the third try does not pause at all (RFC 6455 §7.2.3 speaks of seconds).
const STORM_US: i64 = 250_000;

fn pauses(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let gaps: Vec<(i64, &Socket<'_>)> = reading
        .sockets
        .windows(2)
        .filter_map(|pair| match pair {
            // A connection that brought something is a success, after which a bank may begin anew.
            [one, other] if is_cut(one) && one.events().is_empty() => {
                Some((other.started_us() - one.ended_us(), other))
            }
            _ => None,
        })
        .collect();
    if gaps.len() >= 3 {
        gaps.iter().flat_map(|(_, socket)| of(socket)).for_each(|seen| check.saw(seen));
        // A busy machine lengthens a pause and never shortens one: the shortest is nearest to what the bank meant.
        let (earlier, last) = (&gaps[..gaps.len() - 1], gaps[gaps.len() - 1].0);
        let shortest = earlier.iter().map(|(gap, _)| *gap).min().unwrap_or_default();
        if last * 5 < shortest * 6 || last < STORM_US {
            check.wrong(
                format!("the shortest pause was {} ms, the last {} ms", shortest / 1000, last / 1000),
                format!("самая короткая пауза {} мс, последняя {} мс", shortest / 1000, last / 1000),
                gaps.iter().flat_map(|(_, socket)| of(socket)).collect(),
            );
        }
    }
    check.end(("too few cuts to tell", "обрывов слишком мало"), ("pauses grow", "паузы растут"))
}

// ---- what became of the events ----

fn followed<'r, 'a>(reading: &'r Reading<'a>) -> impl Iterator<Item = (&'r Flow<'a>, Vec<u64>)> {
    reading
        .flows
        .iter()
        .filter(|flow| flow.action == "events.follow" && flow.outcome() == Some(Outcome::Ok))
        .filter_map(|flow| {
            let events = flow.value("events")?.as_array()?;
            Some((flow, events.iter().filter_map(|event| event.get("seq")?.as_u64()).collect()))
        })
}

/// Honest events that reached the bank before a flow's end, by number.
fn told<'a>(reading: &Reading<'a>, flow: &Flow<'_>) -> BTreeMap<u64, Sent<'a>> {
    let sockets = reading.sockets.iter().filter(|socket| socket.started_us() <= flow.end_us);
    let events = sockets.flat_map(Socket::events);
    events
        .filter(|sent| sent.entry.wall_us <= flow.end_us)
        .filter(|sent| sent.fault.is_none_or(|fault| HARMLESS.contains(&fault)))
        .map(|sent| (sent.seq, sent))
        .collect()
}

/// Lies that leave the event itself good.
const HARMLESS: &[&str] = &["ws-cut", "ws-duplicate", "ws-fragmented", "ws-gap", "ws-reorder"];

fn once_in_order(check: &mut Check, flow: &Flow<'_>, seqs: &[u64]) {
    if let Some(pair) = seqs.windows(2).find(|pair| pair[0] >= pair[1]) {
        check.wrong(
            format!("event {} stands after event {}", pair[1], pair[0]),
            format!("событие {} стоит после события {}", pair[1], pair[0]),
            vec![flow.evidence()],
        );
    }
}

fn complete(check: &mut Check, reading: &Reading<'_>, flow: &Flow<'_>, seqs: &[u64]) {
    let told = told(reading, flow);
    // The bank may show them in any order; that is another rule's matter.
    let (Some(first), Some(last)) = (seqs.iter().min(), seqs.iter().max()) else {
        if !told.is_empty() && flow.params.get("after").is_none() {
            check.wrong(
                format!("{} events were told, none is shown", told.len()),
                format!("событий передано {}, не показано ни одного", told.len()),
                vec![flow.evidence()],
            );
        }
        return;
    };
    let shown: BTreeSet<u64> = seqs.iter().copied().collect();
    // What the bank said that it had stored when it subscribed is where its events begin.
    let mut mine = reading.sockets.iter().filter(|one| (flow.start_us..=flow.end_us).contains(&one.started_us()));
    let begin = mine.find_map(Socket::resumed_after).map_or(*first, |after| after.saturating_add(1).min(*first));
    let lost = told.range(begin..=*last).find(|(seq, _)| !shown.contains(seq));
    if let Some((seq, sent)) = lost {
        check.wrong(
            format!("event {seq} was told and is not shown"),
            format!("событие {seq} передано, но не показано"),
            vec![noted(sent.entry), flow.evidence()],
        );
    }
}

fn resumed(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for pair in reading.sockets.windows(2) {
        let [one, other] = pair else { continue };
        let Some(last) = one.events().iter().map(|sent| sent.seq).max() else { continue };
        let acked = one.acks().iter().map(|(seq, _)| *seq).max();
        let Some(after) = other.resumed_after() else { continue };
        of(other).into_iter().for_each(|seen| check.saw(seen));
        if after > last {
            check.wrong(
                format!("resumed after {after}, only {last} was told"),
                format!("возобновлено после {after}, а передано только {last}"),
                of(other),
            );
        } else if acked.is_some_and(|acked| after < acked) {
            check.wrong(
                format!("resumed after {after}, though {acked:?} was acknowledged as stored"),
                format!("возобновлено после {after}, хотя подтверждено {acked:?}"),
                of(other),
            );
        }
    }
    // An acknowledgement of an earlier following stands in the portal's books: who is told where to begin is not meant.
    let told_where = reading
        .flows
        .iter()
        .any(|flow| flow.action == "events.follow" && flow.params.get("after").is_some_and(|after| !after.is_null()));
    for socket in reading.sockets.iter().filter(|socket| !told_where && socket.acks().is_empty()) {
        let acked = socket.closed.and_then(|entry| entry.data.get("acked")).and_then(Value::as_u64);
        let (Some(acked), Some(after)) = (acked, socket.resumed_after()) else { continue };
        of(socket).into_iter().for_each(|seen| check.saw(seen));
        if after < acked {
            check.wrong(
                format!("began after {after}, though {acked} was acknowledged as stored before"),
                format!("начато после {after}, хотя раньше подтверждено {acked}"),
                of(socket),
            );
        }
    }
    // A flow that opened nothing shows what it has from elsewhere.
    for (flow, seqs) in followed(reading).filter(|_| !reading.sockets.is_empty()) {
        check.saw(flow.evidence());
        once_in_order(&mut check, flow, &seqs);
        complete(&mut check, reading, flow, &seqs);
    }
    check.end(
        NO_SOCKETS,
        ("every event once, from the last one stored", "каждое событие один раз, с последнего сохранённого"),
    )
}

fn in_order(reading: &Reading<'_>, faults: &[&str]) -> Judgement {
    // An event that is held back has no frame of its own.
    if !reading.sockets.iter().any(|socket| socket.lied(faults)) && reading.told(faults).is_empty() {
        return untold(faults, reading);
    }
    let mut check = Check::new();
    for (flow, seqs) in followed(reading) {
        check.saw(flow.evidence());
        once_in_order(&mut check, flow, &seqs);
        complete(&mut check, reading, flow, &seqs);
    }
    check.end(
        ("nothing was followed to a good end", "поток не дочитан"),
        ("once each and in order", "по разу и по порядку"),
    )
}

fn foreign(reading: &Reading<'_>) -> Judgement {
    let faults = &["ws-foreign-consent-event"];
    let told: Vec<Sent<'_>> = reading
        .sockets
        .iter()
        .flat_map(Socket::events)
        .filter(|sent| sent.fault.is_some_and(|fault| faults.contains(&fault)))
        .collect();
    if told.is_empty() {
        return untold(faults, reading);
    }
    let mut check = Check::new();
    for sent in told {
        check.saw(noted(sent.entry));
        for flow in reading.flows.iter().filter(|flow| flow.action == "events.follow") {
            let shown = flow.value("events").and_then(Value::as_array).into_iter().flatten();
            if shown.into_iter().any(|event| event.get("id").and_then(Value::as_str) == Some(sent.id)) {
                check.wrong(
                    "an event about another’s consent was taken",
                    "принято событие о чужом согласии",
                    vec![noted(sent.entry), flow.evidence()],
                );
            }
        }
    }
    check.end(NO_SOCKETS, ("it was set aside", "оно отложено"))
}

/// The portal left it out: there is only a note of it, and no frame.
fn is_withheld(sent: &Sent<'_>) -> bool {
    sent.fault == Some("ws-gap") && sent.entry.data.get("length").and_then(Value::as_u64) == Some(0)
}

fn acknowledged(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let shown: BTreeSet<u64> = followed(reading).flat_map(|(_, seqs)| seqs).collect();
    // What a flow could not show yet when it ended is nobody's loss.
    let until = followed(reading).map(|(flow, _)| flow.end_us).max().unwrap_or_default();
    let mut highest: BTreeMap<u64, i64> = BTreeMap::new();
    // Left out by the portal, until they come after all.
    let withheld: BTreeMap<u64, i64> = reading
        .sockets
        .iter()
        .flat_map(Socket::events)
        .filter(is_withheld)
        .map(|sent| (sent.seq, sent.entry.wall_us))
        .collect();
    let mut good: BTreeMap<u64, i64> = BTreeMap::new();
    for socket in &reading.sockets {
        for sent in socket.events() {
            highest.entry(sent.seq).or_insert(sent.entry.wall_us);
            if sent.fault.is_none_or(|fault| HARMLESS.contains(&fault)) {
                good.entry(sent.seq).or_insert(sent.entry.wall_us);
            }
        }
        for (seq, frame) in socket.acks() {
            check.saw(noted(frame));
            let told = highest.range(..=seq).rfind(|(_, at)| **at <= frame.wall_us).map(|(seq, _)| *seq);
            if told.is_none_or(|told| told < seq) && !highest.is_empty() {
                check.wrong(
                    format!("event {seq} was acknowledged before it came"),
                    format!("событие {seq} подтверждено до прихода"),
                    vec![noted(frame)],
                );
            }
            let came = |held: u64| {
                let mut events = reading.sockets.iter().flat_map(Socket::events).filter(|sent| !is_withheld(sent));
                events.any(|sent| sent.seq == held && sent.entry.wall_us <= frame.wall_us)
            };
            let missing = withheld.range(..=seq).find(|(held, at)| **at <= frame.wall_us && !came(**held));
            if let Some((missing, _)) = missing {
                check.wrong(
                    format!("event {seq} was acknowledged while event {missing} had not come"),
                    format!("событие {seq} подтверждено, хотя события {missing} ещё не было"),
                    vec![noted(frame)],
                );
            }
            let due = good.range(..=seq).filter(|(_, at)| **at <= until && frame.wall_us <= until);
            let lost = due.map(|(seq, _)| *seq).find(|seq| {
                let first = shown.first().copied().unwrap_or(u64::MAX);
                *seq >= first && !shown.contains(seq)
            });
            if let Some(lost) = lost.filter(|_| !shown.is_empty()) {
                check.wrong(
                    format!("event {lost} was acknowledged and is not stored"),
                    format!("событие {lost} подтверждено, но не сохранено"),
                    vec![noted(frame)],
                );
            }
        }
    }
    // To resume after an event says of it what an acknowledgement would have said.
    let resumed = reading.sockets.iter().filter_map(Socket::resumed_after);
    let acked = reading.sockets.iter().flat_map(Socket::acks).map(|(seq, _)| seq).chain(resumed).max();
    // Who is cut off right after an event has no chance to acknowledge it before the next connection.
    let cut = reading.sockets.iter().rfind(|socket| socket.opened.is_some()).is_some_and(is_cut);
    if let Some(last) = shown.last()
        && acked.is_none_or(|acked| acked < *last)
        && !cut
    {
        let evidence = followed(reading).map(|(flow, _)| flow.evidence()).collect();
        check.wrong(
            format!("event {last} is stored and was never acknowledged"),
            format!("событие {last} сохранено, но не подтверждено"),
            evidence,
        );
    }
    check.end(
        ("nothing was acknowledged or stored", "подтверждений и событий не было"),
        ("stored, then acknowledged", "сохранено, затем подтверждено"),
    )
}

#[cfg(test)]
mod tests {
    use contract::exchange::Party;
    use serde_json::json;

    use crate::finding::Verdict;
    use crate::testkit::*;
    use crate::trace::What;
    use contract::adapter::Outcome;

    fn note(scene: &mut Scene, id: u64, kind: &str, data: serde_json::Value) {
        let at = scene.journal(kind, None, data);
        if let What::Journal(entry) = &mut scene.trace.events[at].what {
            entry.exchange = Some(id);
        }
    }

    /// A connection on which the bank wants what comes after this number.
    fn open(scene: &mut Scene, after: u64) -> u64 {
        let at = scene.exchange(Party::Bank, Party::Portal, "GET", &format!("{PORTAL}/ws"));
        scene.respond(at, 101, &[], "");
        let id = scene.wire(at).id;
        note(scene, id, "ws.opened", json!({}));
        let wanted = json!({"subscribe": {"consent": "all", "after": after}});
        note(scene, id, "ws.frame", json!({"dir": "in", "opcode": 1, "message": wanted}));
        id
    }

    fn event(scene: &mut Scene, id: u64, seq: u64, withheld: bool) {
        let event = json!({"seq": seq, "id": format!("e-{seq}")});
        let data = json!({"dir": "out", "opcode": 1, "length": if withheld { 0 } else { 400 }, "event": event,
            "fault": withheld.then_some("ws-gap")});
        note(scene, id, "ws.frame", data);
    }

    fn cut(scene: &mut Scene, id: u64, acked: u64) {
        note(scene, id, "ws.closed", json!({"by": "portal", "code": null, "acked": acked}));
    }

    #[test]
    fn a_storm_is_no_growing_pause_and_a_connection_that_brought_something_is_no_try() {
        let play = |gaps_ms: &[i64], brings: bool| {
            let mut scene = Scene::oidc();
            for gap in gaps_ms {
                let id = open(&mut scene, 0);
                if brings {
                    event(&mut scene, id, 1, false);
                }
                cut(&mut scene, id, 0);
                scene.pass_ms(*gap);
            }
            open(&mut scene, 0);
            verdict("WS-21", &scene)
        };
        assert_eq!(play(&[300, 600, 1_200], false), Verdict::Pass);
        assert_eq!(play(&[40, 50, 60], false), Verdict::Warning);
        assert_eq!(play(&[900, 600, 500], false), Verdict::Warning);
        assert_eq!(play(&[300, 310, 300], false), Verdict::Warning);
        assert_eq!(play(&[900, 300, 600], false), Verdict::Pass);
        assert_eq!(play(&[40, 50, 60], true), Verdict::NotApplicable);
    }

    #[test]
    fn who_begins_before_what_was_acknowledged_earlier_asks_anew() {
        let play = |after: u64| {
            let mut scene = Scene::oidc();
            let flow = scene.begin("events.follow", ANNA, json!({}));
            let id = open(&mut scene, after);
            cut(&mut scene, id, 2);
            scene.report(&flow, Outcome::Ok, None, json!({"events": []}));
            verdict("WS-24", &scene)
        };
        assert_eq!(play(2), Verdict::Pass);
        assert_eq!(play(0), Verdict::Fail);
    }

    #[test]
    fn an_event_left_out_is_asked_for_before_a_later_one_is_acknowledged() {
        let play = |comes: bool, shown: &[u64]| {
            let mut scene = Scene::oidc();
            let flow = scene.begin("events.follow", ANNA, json!({}));
            let id = open(&mut scene, 4);
            event(&mut scene, id, 5, true);
            event(&mut scene, id, 6, false);
            if comes {
                event(&mut scene, id, 5, false);
            }
            note(&mut scene, id, "ws.frame", json!({"dir": "in", "opcode": 1, "message": {"ack": 6}}));
            let events: Vec<_> = shown.iter().map(|seq| json!({"seq": seq})).collect();
            scene.report(&flow, Outcome::Ok, None, json!({ "events": events }));
            (verdict("WS-25", &scene), verdict("WS-29", &scene))
        };
        assert_eq!(play(true, &[5, 6]), (Verdict::Pass, Verdict::Pass));
        assert_eq!(play(false, &[6]), (Verdict::Fail, Verdict::Fail));
        assert_eq!(play(true, &[6]).0, Verdict::Fail);
    }
}
