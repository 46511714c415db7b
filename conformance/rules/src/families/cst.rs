//! CST: consent: nothing before it, nothing beyond it, nothing after it.

use std::collections::BTreeMap;

use contract::adapter::{Outcome, ReasonClass};
use contract::exchange::Exchange;
use contract::journal::{Entry, kinds};
use serde_json::Value;

use super::atu::{clock_at, misused};
use super::{LOOKED_ANSWER, ROW, refuse, t};
use crate::finding::{Evidence, Judgement};
use crate::reading::check::Check;
use crate::reading::{DataCall, Flow, Reading, line, noted, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Rule, Severity, Unused};

const BASE: Rule = Rule {
    severity: Severity::Critical,
    looked_at: t(
        "Журнал согласий портала и все обращения банка за данными этого человека.",
        "The portal’s journal of consents and every data call of the bank about that person.",
    ),
    ..ROW
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "CST-01",
        slug: "data-before-consent",
        requirements: &["CNS-1"],
        clauses: &["152-FZ art. 6(1), 9(1)", "RFC 6749 1.2"],
        title: t("До согласия данные не читаются", "Nothing is read before the consent"),
        why: t(
            "Обработка без согласия незаконна, даже если портал ответил бы.",
            "Processing without consent is unlawful even if the portal would answer.",
        ),
        advice: t(
            "Обращайтесь за данными только после записи о данном согласии.",
            "Call for data only once the consent is on record.",
        ),
        judge: Judge::Duty(before),
        ..BASE
    },
    Rule {
        id: "CST-02",
        slug: "nagging-after-refusal",
        severity: Severity::High,
        requirements: &["CNS-2"],
        clauses: &["RFC 6749 4.1.2.1", "152-FZ art. 9(1)"],
        title: t("После отказа человека банк не настаивает", "After a refusal the bank does not insist"),
        why: t("Согласие, выпрошенное повторами, не свободно.", "A consent begged for is not free."),
        looked_at: t(
            "Отказ человека: сценарий закончен отказом с причиной «consent», нового запроса сам банк не шлёт, данных не читает.",
            "A person’s refusal: the flow ends refused with the reason “consent”, the bank sends no new request by itself and reads nothing.",
        ),
        advice: t(
            "Покажите, что без согласия услуга недоступна, и ждите человека.",
            "Say that the service needs the consent, and wait for the person.",
        ),
        judge: Judge::Duty(nagging),
        ..BASE
    },
    Rule {
        id: "CST-03",
        slug: "unanswered-consent-used",
        requirements: &["CNS-1", "CNS-2"],
        clauses: &["RFC 6749 4.1.2.1", "CIBA 11", "152-FZ art. 9(1)"],
        title: t("Неотвеченный запрос не становится согласием", "An unanswered request is no consent"),
        why: t("Молчание — не согласие.", "Silence is not consent."),
        looked_at: t(
            "Запрос согласия истёк без ответа: данных банк не читал и об успехе не сообщал.",
            "A consent request lapsed unanswered: the bank read nothing and reported no success.",
        ),
        advice: t("По истечении срока запроса завершите сценарий.", "End the flow when the request lapses."),
        judge: Judge::Duty(unanswered),
        ..BASE
    },
    Rule {
        id: "CST-04",
        slug: "partial-grant-exceeded",
        requirements: &["CNS-2", "CNS-4"],
        clauses: &["RFC 6749 3.3", "RFC 9396 7", "152-FZ art. 5(5)"],
        title: t("Используется только данная часть запрошенного", "Only the granted part is used"),
        why: t("Снятая человеком галочка — это отказ.", "A box that the person unticked is a refusal."),
        looked_at: t(
            "Согласие дано на часть: обращений за остальным нет.",
            "A consent to a part: no calls for the rest.",
        ),
        advice: t(
            "Читайте из записи согласия, что дано, и работайте в этих пределах.",
            "Read from the consent’s record what was granted and keep within it.",
        ),
        judge: Judge::Duty(partial),
        ..BASE
    },
    Rule {
        id: "CST-05",
        slug: "changed-consent-record-accepted",
        requirements: &["CNS-3", "CNS-4"],
        clauses: &["RFC 9396 7", "152-FZ art. 9(4)"],
        title: t(
            "Запись согласия с другой целью или составом отвергается",
            "A consent record with another purpose or more data is refused",
        ),
        why: t(
            "Действовать можно лишь по тому согласию, которое человек видел.",
            "Only the consent that the person saw may be acted upon.",
        ),
        looked_at: LOOKED_ANSWER,
        advice: t(
            "Сравните цель, состав, человека и организацию записи с тем, что просили.",
            "Compare purpose, data, person and organisation of the record with what was asked.",
        ),
        judge: refuse(
            &["consent-record-other-purpose", "consent-record-wider"],
            &[ReasonClass::Consent],
            Unused::Answer,
        ),
        ..BASE
    },
    Rule {
        id: "CST-06",
        slug: "token-for-other-request",
        requirements: &["CNS-3"],
        clauses: &["RFC 9700 2.3", "152-FZ art. 5(2)"],
        title: t("Маркер данных не используется для другого запроса", "A data token is not used for another request"),
        why: t("Маркер выдан на один запрос одного человека.", "The token is for one request about one person."),
        looked_at: t(
            "Журнал портала: попыток предъявить маркер для другого запроса или человека нет (где маркеры данных были).",
            "The portal’s journal: no attempt to use a token for another request or person (where data tokens were used).",
        ),
        advice: t("Получайте маркер на каждый запрос отдельно.", "Get a token for each request."),
        judge: Judge::Duty(other_request),
        ..BASE
    },
    Rule {
        id: "CST-07",
        slug: "token-reuse",
        requirements: &["CNS-3"],
        clauses: &["portal protocol: data token", "RFC 6749 10.5"],
        title: t("Маркер данных не используется второй раз", "A data token is not used a second time"),
        why: t(
            "После окончательного ответа маркер погашен; повтор — попытка прочесть ещё.",
            "After the final answer the token is spent; using it again is an attempt to read more.",
        ),
        looked_at: t(
            "Журнал портала: повторных предъявлений погашенного маркера нет (где маркеры данных были).",
            "The portal’s journal: no second use of a spent token (where data tokens were used).",
        ),
        advice: t("Забудьте маркер после окончательного ответа.", "Forget the token after the final answer."),
        judge: Judge::Duty(reuse),
        ..BASE
    },
    Rule {
        id: "CST-08",
        slug: "purpose-drift",
        requirements: &["CNS-4"],
        clauses: &["152-FZ art. 5(2)"],
        title: t("Цель обращения равна цели согласия", "A data call names the consent’s purpose"),
        why: t(
            "Данные, взятые для одной цели, нельзя использовать для другой.",
            "Data taken for one purpose may not serve another.",
        ),
        looked_at: t(
            "Цель в обращениях за данными против целей согласия, по которому выдан маркер.",
            "The purpose in data calls against the purposes of the consent behind the token.",
        ),
        advice: t("Берите цель из записи согласия.", "Take the purpose from the consent’s record."),
        judge: Judge::Duty(purpose),
        ..BASE
    },
    Rule {
        id: "CST-10",
        slug: "expired-consent-used",
        requirements: &["CNS-3", "CNS-4"],
        clauses: &["152-FZ art. 5(7), 9(2)"],
        title: t("Истёкшее согласие не используется", "An expired consent is not used"),
        why: t("Срок назван человеку и обязателен.", "The term was told to the person and binds."),
        looked_at: t(
            "Обращения за данными и за маркером по согласию после его срока, по часам портала.",
            "Calls for data and tokens under a consent after its end, by the portal’s clock.",
        ),
        advice: t(
            "Проверяйте срок согласия до обращения; по истечении просите новое.",
            "Check the consent’s term before calling; ask anew when it is over.",
        ),
        judge: Judge::Duty(expired),
        ..BASE
    },
    Rule {
        id: "CST-11",
        slug: "revoked-consent-used",
        requirements: &["CNS-5"],
        clauses: &["152-FZ art. 9(2), 21(5)"],
        title: t("После уведомления об отзыве обращений нет", "After the notice of revocation there are no calls"),
        why: t(
            "Отзыв действует сразу; каждое обращение после него незаконно.",
            "A revocation works at once; every call after it is unlawful.",
        ),
        looked_at: t(
            "Отзыв на портале, уведомление принято банком (2xx): обращений по этому согласию больше нет.",
            "A revocation at the portal whose notice the bank took (2xx): no more calls under that consent.",
        ),
        advice: t(
            "Закройте согласие в обработчике уведомления, до ответа 2xx.",
            "End the consent in the notice’s handler, before answering 2xx.",
        ),
        judge: Judge::Duty(revoked),
        ..BASE
    },
    Rule {
        id: "CST-12",
        slug: "revocation-by-refusal-ignored",
        requirements: &["CNS-5"],
        clauses: &["RFC 6750 3.1", "152-FZ art. 21(5)"],
        title: t(
            "Отказ портала по отозванному согласию останавливает обращения",
            "The portal’s refusal under a revoked consent stops the calls",
        ),
        why: t(
            "Уведомление может потеряться; отказ говорит то же самое.",
            "A notice can get lost; the refusal says the same.",
        ),
        looked_at: t(
            "Отзыв без уведомления: после первого отказа портала в следующих сценариях обращений по этому согласию нет, и банк считает его законченным.",
            "A revocation without notice: after the portal’s first refusal no later flow calls under that consent, and the bank holds it ended.",
        ),
        advice: t("При отказе из-за согласия отметьте его законченным.", "On a refusal for consent mark it ended."),
        judge: Judge::Duty(by_refusal),
        ..BASE
    },
    Rule {
        id: "CST-14",
        slug: "revoked-copies-kept",
        severity: Severity::High,
        requirements: &["CNS-5"],
        clauses: &["152-FZ art. 21(5)"],
        title: t("После отзыва копий данных у банка нет", "After a revocation the bank keeps no copies"),
        why: t("С отзывом исчезает право хранить данные.", "With the revocation the right to keep the data is gone."),
        looked_at: t(
            "Вопрос data_present после отзыва, о котором банк знает.",
            "The question data_present after a revocation that the bank knows of.",
        ),
        advice: t("Удаляйте данные вместе с согласием.", "Delete the data with the consent."),
        judge: Judge::Duty(copies),
        ..BASE
    },
    Rule {
        id: "CST-15",
        slug: "revocation-not-told",
        requirements: &["CNS-5"],
        clauses: &["RFC 7009 2.1, 2.2.1", "ASVS 10.7.3", "152-FZ art. 9(2)"],
        title: t("Об отзыве в банке портал узнаёт", "The portal is told of a revocation at the bank"),
        why: t(
            "Иначе на портале согласие останется действующим.",
            "Otherwise the consent stays standing at the portal.",
        ),
        looked_at: t(
            "Отзыв через банк: в журнале портала есть отзыв, сделанный банком; после сбоя он повторён.",
            "A revocation at the bank: the portal’s journal holds one made by the bank; after a failure it was repeated.",
        ),
        advice: t(
            "Сообщите порталу и повторяйте, пока не подтвердит.",
            "Tell the portal and repeat until it confirms.",
        ),
        judge: Judge::Duty(told),
        ..BASE
    },
    Rule {
        id: "CST-16",
        slug: "other-consent-ended",
        severity: Severity::Medium,
        requirements: &["CNS-5", "CNS-4"],
        clauses: &["152-FZ art. 9"],
        title: t("Отзыв одного согласия не прекращает другое", "Revoking one consent does not end another"),
        why: t("Человек отозвал одно; прочие услуги он оставил.", "The person took one back and kept the others."),
        looked_at: t(
            "Два согласия, одно отозвано: услуга по второму работает.",
            "Two consents, one revoked: the service under the other works.",
        ),
        advice: t("Ведите согласия по одному, по их номерам.", "Keep consents one by one, by id."),
        judge: Judge::Duty(other_goes_on),
        ..BASE
    },
    Rule {
        id: "CST-17",
        slug: "old-token-after-new-consent",
        severity: Severity::High,
        requirements: &["CNS-3", "CNS-5"],
        clauses: &["RFC 6749 6", "RFC 7009 2"],
        title: t(
            "Маркеры прежнего согласия не используются с новым",
            "Tokens of an ended consent are not used with a new one",
        ),
        why: t("Новое согласие не оживляет старое.", "A new consent does not revive the old."),
        looked_at: t(
            "Согласие отозвано и дано снова: маркеров, выданных по прежнему, в обращениях нет.",
            "A consent revoked and given again: no token of the earlier one in any call.",
        ),
        advice: t("Удаляйте маркеры вместе с согласием.", "Delete tokens with their consent."),
        judge: Judge::Duty(old_tokens),
        ..BASE
    },
];

/// A consent's life, folded from the journal.
#[derive(Debug)]
struct Consent<'a> {
    id: &'a str,
    oid: i64,
    requested: Option<&'a Entry>,
    granted: Option<&'a Entry>,
    ended: Option<&'a Entry>,
    expires_ms: Option<i64>,
}

impl Consent<'_> {
    fn list(entry: Option<&Entry>, name: &str) -> Vec<String> {
        let items = entry.and_then(|entry| entry.data.get(name)).and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |item: &Value| item.as_str().or_else(|| item.get("sysname")?.as_str()).map(str::to_owned);
        items.iter().filter_map(text).collect()
    }

    /// What was granted, as asked where the grant does not say.
    fn scopes(&self) -> Vec<String> {
        let granted = Self::list(self.granted, "scopes");
        if granted.is_empty() { Self::list(self.requested, "scopes") } else { granted }
    }

    fn purposes(&self) -> Vec<String> {
        let granted = Self::list(self.granted, "purposes");
        if granted.is_empty() { Self::list(self.requested, "purposes") } else { granted }
    }

    fn stands_at(&self, wall_us: i64, clock_ms: i64) -> bool {
        self.granted.is_some_and(|entry| entry.wall_us <= wall_us)
            && self.ended.is_none_or(|entry| entry.wall_us > wall_us)
            && self.expires_ms.is_none_or(|end| clock_ms < end)
    }
}

fn consents<'a>(reading: &Reading<'a>) -> Vec<Consent<'a>> {
    let mut list: Vec<Consent<'a>> = Vec::new();
    for entry in reading.journal.iter().copied().filter(|entry| entry.kind.starts_with("consent.")) {
        let (Some(id), Some(oid)) = (entry.data.get("id").and_then(Value::as_str), entry.citizen) else { continue };
        let index = list.iter().position(|consent| consent.id == id).unwrap_or_else(|| {
            list.push(Consent { id, oid, requested: None, granted: None, ended: None, expires_ms: None });
            list.len() - 1
        });
        let consent = &mut list[index];
        match entry.kind.as_str() {
            kinds::CONSENT_REQUESTED => consent.requested = Some(entry),
            kinds::CONSENT_GRANTED => consent.granted = Some(entry),
            kinds::CONSENT_REFUSED | kinds::CONSENT_EXPIRED | kinds::CONSENT_REVOKED => {
                consent.ended = consent.ended.or(Some(entry));
            }
            _ => {}
        }
        if let Some(end) =
            entry.data.get("expires_at").and_then(Value::as_str).filter(|_| entry.kind == kinds::CONSENT_GRANTED)
        {
            consent.expires_ms = end.parse::<contract::time::Timestamp>().ok().map(|end| end.millis());
        }
    }
    list
}

/// Scope of a service, by its path.
fn service(path: &str) -> Option<&'static str> {
    let mut parts = path.split('/').filter(|part| !part.is_empty()).skip(2);
    match parts.next()? {
        "debts" | "payments" => Some("debts"),
        "pension" => Some("pension"),
        _ => None,
    }
}

/// Scope that an action needs.
fn needs(action: &str) -> Option<&'static str> {
    match action.split('.').next()? {
        "debts" => Some("debts"),
        "pension" => Some("pension"),
        _ => None,
    }
}

/// A call under a consent: for data, or for a token on a standing consent.
struct Under<'a> {
    exchange: &'a Exchange,
    oid: Option<i64>,
    consent: Option<String>,
    bearer: Option<&'a str>,
}

fn under<'a>(reading: &Reading<'a>) -> Vec<Under<'a>> {
    let data = reading.data_calls.iter().filter(|call| call.area == crate::reading::Area::Service).map(|call| Under {
        exchange: call.exchange,
        oid: reading.whom(call),
        consent: reading.consent_of(call).map(str::to_owned),
        bearer: call.bearer,
    });
    let tokens = reading
        .token_calls
        .iter()
        .filter(|call| call.param("scope").is_some_and(|scope| scope.contains("prm_chg")))
        .map(|call| Under {
            exchange: call.exchange,
            oid: call.param("scope").and_then(wire::scope_oid).or(call.citizen),
            consent: call.param("consent").or_else(|| call.answered("consent")).map(str::to_owned),
            bearer: None,
        });
    let mut list: Vec<Under<'a>> = data.chain(tokens).collect();
    list.sort_by_key(|call| call.exchange.started_us);
    list
}

impl Under<'_> {
    /// Whether the call is made under this consent: by its own word, or because no other consent could carry it.
    fn belongs(&self, consent: &Consent<'_>, all: &[Consent<'_>]) -> bool {
        if self.oid != Some(consent.oid) {
            return false;
        }
        match &self.consent {
            Some(id) => id == consent.id,
            None => {
                let (wall, clock) = (self.exchange.started_us, self.exchange.at.millis());
                !all.iter()
                    .any(|other| other.id != consent.id && other.oid == consent.oid && other.stands_at(wall, clock))
            }
        }
    }
}

const NO_CALLS: (&str, &str) = ("no data were asked for under a consent", "по согласию данных не запрашивали");

fn before(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = consents(reading);
    for call in reading.data_calls.iter().filter(|call| call.area == crate::reading::Area::Service) {
        let Some(oid) = reading.whom(call) else { continue };
        check.saw(line(call.exchange));
        let first = list
            .iter()
            .filter(|consent| consent.oid == oid)
            .filter_map(|consent| consent.granted)
            .map(|entry| entry.wall_us)
            .min();
        // The journal's entry is written when the person approves; a call that began earlier was early.
        if first.is_none_or(|granted| call.exchange.started_us < granted) {
            check.wrong(
                format!("{} was called before any consent of that person", call.resource()),
                format!("{} вызвано до какого-либо согласия этого человека", call.resource()),
                vec![line(call.exchange)],
            );
        }
    }
    check.end(NO_CALLS, ("every call came after a consent", "все обращения — после согласия"))
}

fn nagging(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for refusal in reading.entries(kinds::CONSENT_REFUSED) {
        let Some(flow) = reading.flow_at(refusal.wall_us, refusal.citizen) else { continue };
        // Somebody must have asked: a request of the bank's on the wire.
        let asked = reading.asks.iter().any(|ask| {
            ask.exchange.started_us < refusal.wall_us && (ask.citizen.is_none() || ask.citizen == refusal.citizen)
        });
        if !asked {
            continue;
        }
        check.saw(noted(refusal));
        check.saw(flow.evidence());
        let same = |wall_us: i64| reading.flow_at(wall_us, refusal.citizen).is_some_and(|at| at.id == flow.id);
        let again = reading.asks.iter().find(|ask| {
            ask.exchange.started_us > refusal.wall_us
                && ask.citizen.is_none_or(|oid| Some(oid) == refusal.citizen)
                && wire::first(&ask.params, "permissions").is_some()
                && same(ask.exchange.started_us)
                && ask.flow != refusal.flow.as_deref()
        });
        if let Some(ask) = again {
            check.wrong(
                "after the refusal the bank asked for a consent again by itself",
                "после отказа банк сам снова запросил согласие",
                vec![noted(refusal), line(ask.exchange)],
            );
        }
        let reason = flow.last().and_then(|report| report.reason.as_ref());
        match flow.outcome() {
            Some(Outcome::Ok) => check.wrong(
                "the person declined and the bank reported ok",
                "человек отказал, а банк сообщил об успехе",
                vec![noted(refusal), flow.evidence()],
            ),
            Some(Outcome::Refused) if reason.is_some_and(|reason| reason.class == ReasonClass::Consent) => {}
            Some(Outcome::Refused | Outcome::Error) => check.odd(
                "ended, but not with the reason consent",
                "закончено, но причина не consent",
                vec![noted(refusal), flow.evidence()],
            ),
            Some(Outcome::Pending) | None => check.unproved(
                "the flow stays open after the refusal",
                "после отказа сценарий остался незаконченным",
                vec![noted(refusal), flow.evidence()],
            ),
        }
    }
    check.end(
        ("nobody declined a consent", "от согласия никто не отказывался"),
        ("the refusal was accepted", "отказ принят"),
    )
}

fn unanswered(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = consents(reading);
    let lapsed = list.iter().filter(|consent| {
        consent.granted.is_none() && consent.ended.is_some_and(|entry| entry.kind == kinds::CONSENT_EXPIRED)
    });
    for consent in lapsed {
        let Some(asked) = consent.requested.filter(|asked| !reading.is_attackers(asked)) else { continue };
        check.saw(noted(asked));
        let others = list.iter().any(|other| other.oid == consent.oid && other.granted.is_some());
        if let Some(call) = under(reading).into_iter().find(|call| {
            call.oid == Some(consent.oid)
                && call.exchange.started_us > asked.wall_us
                && !others
                && call.bearer.is_some()
        }) {
            check.wrong(
                "data were asked for under a request that nobody answered",
                "данные запрошены по неотвеченному запросу",
                vec![noted(asked), line(call.exchange)],
            );
        }
        if let Some(flow) = reading.flow_at(asked.wall_us, Some(consent.oid)) {
            check.saw(flow.evidence());
            if flow.outcome() == Some(Outcome::Ok) {
                check.wrong(
                    "nobody answered and the bank reported ok",
                    "никто не ответил, а банк сообщил об успехе",
                    vec![noted(asked), flow.evidence()],
                );
            }
        }
    }
    check.end(
        ("every request was answered", "все запросы получили ответ"),
        ("nothing was done without an answer", "без ответа ничего не сделано"),
    )
}

fn partial(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = consents(reading);
    for consent in &list {
        let (Some(asked), Some(granted)) = (consent.requested, consent.granted) else { continue };
        let (wanted, given) = (Consent::list(Some(asked), "scopes"), Consent::list(Some(granted), "scopes"));
        let withheld: Vec<&String> = wanted.iter().filter(|scope| !given.contains(scope)).collect();
        if withheld.is_empty() || given.is_empty() {
            continue;
        }
        for call in reading.service_calls(consent.oid).filter(|call| call.exchange.started_us > granted.wall_us) {
            let Some(needed) = service(&call.path) else { continue };
            check.saw(line(call.exchange));
            let (wall, clock) = (call.exchange.started_us, call.exchange.at.millis());
            let elsewhere = list.iter().any(|other| {
                other.oid == consent.oid
                    && other.id != consent.id
                    && other.stands_at(wall, clock)
                    && other.scopes().iter().any(|scope| scope == needed)
            });
            if withheld.iter().any(|scope| *scope == needed) && !elsewhere {
                check.wrong(
                    format!("granted was {given:?}, yet the bank called {}", call.resource()),
                    format!("дано {given:?}, а банк вызвал {}", call.resource()),
                    vec![noted(granted), line(call.exchange)],
                );
            }
        }
    }
    check.end(
        ("no consent was granted in part and then used", "частичных согласий с обращениями не было"),
        ("only the granted part was used", "использована только данная часть"),
    )
}

fn data_tokens_used<'r, 'a>(reading: &'r Reading<'a>) -> Vec<&'r DataCall<'a>> {
    let service = |call: &&DataCall<'a>| call.area == crate::reading::Area::Service && call.bearer.is_some();
    reading.data_calls.iter().filter(service).collect()
}

fn misuse(reading: &Reading<'_>, reasons: &[&str], en: &str, ru: &str, fine: (&str, &str)) -> Judgement {
    let mut check = Check::new();
    for call in data_tokens_used(reading) {
        check.saw(line(call.exchange));
    }
    for entry in misused(reading, reasons) {
        let mut evidence = vec![noted(entry)];
        evidence.extend(reading.exchange_of(entry).map(line));
        check.wrong(en, ru, evidence);
    }
    check.end(NO_CALLS, fine)
}

fn other_request(reading: &Reading<'_>) -> Judgement {
    misuse(
        reading,
        &["other-request", "other-citizen"],
        "a data token was used for another request than its own",
        "маркер данных предъявлен для другого запроса",
        ("each token served its own request", "каждый маркер служил своему запросу"),
    )
}

fn reuse(reading: &Reading<'_>) -> Judgement {
    misuse(
        reading,
        &["second-use"],
        "a spent data token was used again",
        "погашенный маркер данных предъявлен снова",
        ("no token was used a second time", "ни один маркер не использован дважды"),
    )
}

fn purpose(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = consents(reading);
    for call in data_tokens_used(reading) {
        let body = call.body();
        let named = wire::first(&call.params, "purpose").or_else(|| body.as_ref()?.get("purpose")?.as_str());
        let (Some(named), Some(oid)) = (named, reading.whom(call)) else { continue };
        let own = reading.consent_of(call).and_then(|id| list.iter().find(|consent| consent.id == id));
        let newest = || {
            list.iter()
                .filter(|consent| {
                    consent.oid == oid && consent.granted.is_some_and(|entry| entry.wall_us <= call.exchange.started_us)
                })
                .max_by_key(|consent| consent.granted.map(|entry| entry.wall_us))
        };
        let Some(consent) = own.or_else(newest) else { continue };
        let allowed = consent.purposes();
        if allowed.is_empty() {
            continue;
        }
        check.saw(line(call.exchange));
        if !allowed.iter().any(|purpose| purpose == named) {
            let mut evidence = vec![line(call.exchange)];
            evidence.extend(consent.granted.map(noted));
            check.wrong(
                format!("the call names the purpose {named}, the consent {allowed:?}"),
                format!("в обращении цель {named}, в согласии {allowed:?}"),
                evidence,
            );
        }
    }
    check.end(NO_CALLS, ("every call names the consent’s purpose", "во всех обращениях цель согласия"))
}

/// Flows that needed data of a person and began after a moment.
fn asked_after<'r, 'a>(reading: &'r Reading<'a>, oid: i64, after_us: i64) -> impl Iterator<Item = &'r Flow<'a>> {
    reading.flows.iter().filter(move |flow| {
        flow.start_us > after_us && reading.citizen_of_flow(flow) == Some(oid) && needs(flow.action).is_some()
    })
}

fn expired(reading: &Reading<'_>) -> Judgement {
    if !reading.trace.bank.clock_movable && !reading.deeds("advance").is_empty() {
        return Judgement::not_applicable(
            "the bank’s clock cannot be moved, so it could not know",
            "часы банка не переводятся, и знать об этом он не мог",
        );
    }
    let mut check = Check::new();
    let list = consents(reading);
    let skew = reading.trace.portal.limits.clock_skew_ms;
    for consent in &list {
        let (Some(granted), Some(end)) = (consent.granted, consent.expires_ms) else { continue };
        if consent.ended.is_some_and(|entry| entry.kind == kinds::CONSENT_REVOKED) {
            continue;
        }
        for call in under(reading).iter().filter(|call| call.exchange.at.millis() > end.saturating_add(skew)) {
            if call.belongs(consent, &list) && call.exchange.started_us > granted.wall_us {
                check.saw(line(call.exchange));
                check.wrong(
                    format!(
                        "the consent {} had ended, and the bank still called {}",
                        consent.id,
                        wire::path(&call.exchange.request.url)
                    ),
                    format!(
                        "согласие {} истекло, а банк вызвал {}",
                        consent.id,
                        wire::path(&call.exchange.request.url)
                    ),
                    vec![noted(granted), line(call.exchange)],
                );
            }
        }
        let used = under(reading).iter().any(|call| call.belongs(consent, &list) && call.exchange.at.millis() <= end);
        for flow in asked_after(reading, consent.oid, granted.wall_us).filter(|_| used) {
            if clock_at(reading, flow.start_us) > end {
                check.saw(noted(granted));
                check.saw(flow.evidence());
                if flow.outcome() == Some(Outcome::Ok)
                    && !list.iter().any(|other| {
                        other.oid == consent.oid && other.stands_at(flow.end_us, clock_at(reading, flow.end_us))
                    })
                {
                    check.wrong(
                        "the consent had ended, and the bank served the data from its own store",
                        "согласие истекло, а банк показал данные из своих запасов",
                        vec![noted(granted), flow.evidence()],
                    );
                }
            }
        }
    }
    check.end(
        ("no consent ended while the bank was asked for more", "ни одно согласие не истекло, пока банк работал"),
        ("nothing was asked under an ended consent", "по истёкшему согласию обращений нет"),
    )
}

/// When the bank took the notice of a revocation.
fn notice<'a>(reading: &Reading<'a>, consent: &Consent<'_>) -> Option<&'a Exchange> {
    let ended = consent.ended?;
    reading
        .hooks
        .iter()
        .filter(|hook| hook.exchange.started_us >= ended.wall_us && wire::status(hook.exchange) / 100 == 2)
        .filter(|hook| hook.exchange.faults.iter().all(|fault| fault == "hook-repeated"))
        .find(|hook| {
            hook.body.get("consent").and_then(|body| body.get("id")).and_then(Value::as_str) == Some(consent.id)
        })
        .map(|hook| hook.exchange)
}

fn is_revoked(consent: &Consent<'_>) -> bool {
    consent.granted.is_some() && consent.ended.is_some_and(|entry| entry.kind == kinds::CONSENT_REVOKED)
}

fn revoked(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = consents(reading);
    let delay = reading.trace.portal.limits.revocation_delay_ms;
    for consent in list.iter().filter(|consent| is_revoked(consent)) {
        let (Some(ended), Some(taken)) = (consent.ended, notice(reading, consent)) else { continue };
        for call in under(reading)
            .iter()
            .filter(|call| call.exchange.started_us > taken.ended_us && call.belongs(consent, &list))
        {
            // A flow that was under way may finish within the stated delay; one begun afterwards may not begin.
            let begun =
                reading.flow_at(call.exchange.started_us, call.oid).is_none_or(|flow| flow.start_us > taken.ended_us);
            let late = call.exchange.at.millis() > ended.at.millis().saturating_add(delay);
            if begun || late {
                check.saw(line(call.exchange));
                check.wrong(
                    format!(
                        "the notice of revocation was taken, and the bank still called {}",
                        wire::path(&call.exchange.request.url)
                    ),
                    format!("уведомление об отзыве принято, а банк вызвал {}", wire::path(&call.exchange.request.url)),
                    vec![noted(ended), line(taken), line(call.exchange)],
                );
            }
        }
        let used =
            under(reading).iter().any(|call| call.exchange.started_us < ended.wall_us && call.belongs(consent, &list));
        for flow in asked_after(reading, consent.oid, taken.ended_us).filter(|_| used) {
            check.saw(line(taken));
            check.saw(flow.evidence());
            let stands = list
                .iter()
                .any(|other| other.oid == consent.oid && other.stands_at(flow.end_us, clock_at(reading, flow.end_us)));
            if flow.outcome() == Some(Outcome::Ok) && !stands {
                check.wrong(
                    "the consent was revoked, and the bank served the data from its own store",
                    "согласие отозвано, а банк показал данные из своих запасов",
                    vec![noted(ended), flow.evidence()],
                );
            }
        }
    }
    check.end(
        ("no consent was revoked while the bank was asked for more", "отзывов с последующими поручениями не было"),
        ("after the notice nothing was called under that consent", "после уведомления обращений по согласию нет"),
    )
}

fn by_refusal(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = consents(reading);
    for consent in list.iter().filter(|consent| is_revoked(consent)) {
        let Some(ended) = consent.ended else { continue };
        let by_bank = ended.data.get("by").and_then(Value::as_str) == Some("bank");
        if by_bank {
            continue;
        }
        let later: Vec<Under<'_>> = under(reading)
            .into_iter()
            .filter(|call| call.exchange.started_us > ended.wall_us && call.belongs(consent, &list))
            .collect();
        let Some(refused) = later.iter().find(|call| matches!(wire::status(call.exchange), 400 | 401 | 403)) else {
            continue;
        };
        // A notice that came before the refusal is another rule's matter; one that came later changes nothing here.
        if notice(reading, consent).is_some_and(|notice| notice.started_us < refused.exchange.started_us) {
            continue;
        }
        check.saw(noted(ended));
        check.saw(line(refused.exchange));
        let flow = reading.flow_at(refused.exchange.started_us, Some(consent.oid));
        let more: Vec<&Under<'_>> =
            later.iter().filter(|call| call.exchange.started_us > refused.exchange.started_us).collect();
        let new_flow = |call: &&&Under<'_>| flow.is_some_and(|flow| call.exchange.started_us > flow.end_us);
        if let Some(call) = more.iter().find(new_flow) {
            check.wrong(
                "the portal had refused for want of consent, and the bank called again later",
                "портал уже отказал из-за согласия, а банк потом обратился снова",
                vec![line(refused.exchange), line(call.exchange)],
            );
        } else if more.len() > 2 {
            check.wrong(
                format!("after the refusal {} more calls came in the same flow", more.len()),
                format!("после отказа в том же сценарии ещё {} обращения", more.len()),
                more.iter().map(|call| line(call.exchange)).collect(),
            );
        }
        if let Some(flow) = flow.filter(|flow| flow.outcome() == Some(Outcome::Ok)) {
            let renewed = list.iter().any(|other| {
                other.oid == consent.oid
                    && other.granted.is_some_and(|entry| entry.wall_us > refused.exchange.started_us)
            });
            if !renewed {
                check.wrong(
                    "the portal refused and the bank reported ok",
                    "портал отказал, а банк сообщил об успехе",
                    vec![line(refused.exchange), flow.evidence()],
                );
            }
        }
        for (wall_us, probe) in &reading.probes {
            let about = probe.question == "consent_state"
                && probe.about.get("consent").and_then(Value::as_str) == Some(consent.id);
            if !about || *wall_us <= refused.exchange.started_us {
                continue;
            }
            let state =
                probe.answer.as_ref().and_then(|answer| answer.as_str().or_else(|| answer.get("state")?.as_str()));
            if state == Some("granted") {
                check.wrong(
                    "the portal had refused, and the bank still holds the consent for standing",
                    "портал отказал, а банк всё ещё считает согласие действующим",
                    vec![
                        line(refused.exchange),
                        Evidence { at: "probe:consent_state".to_owned(), seen: "granted".to_owned() },
                    ],
                );
            }
        }
    }
    check.end(
        ("no revocation came to light by a refusal", "об отзыве из отказа банк не узнавал"),
        ("the refusal stopped the calls", "отказ остановил обращения"),
    )
}

fn copies(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = consents(reading);
    for consent in list.iter().filter(|consent| is_revoked(consent)) {
        let Some(ended) = consent.ended else { continue };
        let by_bank = ended.data.get("by").and_then(Value::as_str) == Some("bank") && !reading.is_attackers(ended);
        let known_us = match notice(reading, consent) {
            Some(taken) => taken.ended_us,
            None if by_bank => ended.wall_us,
            None => continue,
        };
        let read = reading.data_calls.iter().any(|call| {
            call.area == crate::reading::Area::Service
                && reading.whom(call) == Some(consent.oid)
                && call.exchange.started_us < ended.wall_us
                && call.answer().is_some()
        });
        let name = reading.person(consent.oid).map(|person| person.name.as_str());
        if !read {
            continue;
        }
        let probe = reading.probes.iter().rev().find(|(wall_us, probe)| {
            *wall_us > known_us
                && probe.question == "data_present"
                && (probe.person.is_none() || probe.person.as_deref() == name)
        });
        let Some((asked_us, probe)) = probe else { continue };
        // Data that another standing consent covers may be there.
        let others = list.iter().any(|other| {
            other.id != consent.id
                && other.oid == consent.oid
                && other.granted.is_some()
                && other.ended.is_none_or(|ended| ended.wall_us > *asked_us)
        });
        if others {
            continue;
        }
        let seen = probe.answer.as_ref().map_or_else(|| "no answer".to_owned(), Value::to_string);
        let evidence = vec![noted(ended), Evidence { at: "probe:data_present".to_owned(), seen }];
        match probe.answer.as_ref().and_then(Value::as_bool) {
            Some(false) => evidence.into_iter().for_each(|seen| check.saw(seen)),
            Some(true) => check.wrong(
                "the consent is revoked, and the bank still has the data",
                "согласие отозвано, а данные у банка остались",
                evidence,
            ),
            None => check.unproved("the bank did not answer data_present", "банк не ответил на data_present", evidence),
        }
    }
    check.end(
        ("no data of a revoked consent were there to be asked about", "о данных по отозванному согласию не спрашивали"),
        ("the copies are gone", "копий нет"),
    )
}

fn told(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = consents(reading);
    for flow in reading.flows.iter().filter(|flow| flow.action == "consent.revoke") {
        let named = flow.params.get("consent").and_then(Value::as_str);
        let Some(oid) = reading.citizen_of_flow(flow) else { continue };
        let consent = list.iter().find(|consent| {
            consent.oid == oid
                && consent.granted.is_some_and(|entry| entry.wall_us < flow.start_us)
                && named.is_none_or(|id| id == consent.id)
        });
        let Some(consent) = consent else { continue };
        check.saw(flow.evidence());
        match consent.ended {
            Some(ended)
                if ended.kind == kinds::CONSENT_REVOKED
                    && ended.data.get("by").and_then(Value::as_str) != Some("citizen")
                    && !reading.is_attackers(ended) =>
            {
                check.saw(noted(ended))
            }
            Some(ended) if ended.wall_us < flow.start_us => {}
            _ => check.wrong(
                format!("consent {} was revoked at the bank, and the portal was never told", consent.id),
                format!("согласие {} отозвано в банке, а портал об этом не узнал", consent.id),
                vec![flow.evidence()],
            ),
        }
        let stop = under(reading).into_iter().find(|call| {
            call.exchange.started_us > flow.end_us
                && flow.outcome() == Some(Outcome::Ok)
                && call.belongs(consent, &list)
        });
        if let Some(call) = stop {
            check.wrong(
                "the bank went on calling under the consent revoked at its own place",
                "банк продолжил обращения по согласию, отозванному у него же",
                vec![flow.evidence(), line(call.exchange)],
            );
        }
    }
    if !check.looked() && reading.armed(&["consent-revoke-unavailable"]) {
        return untold(&["consent-revoke-unavailable"], reading);
    }
    check.end(
        ("no consent was revoked at the bank", "в банке согласий не отзывали"),
        ("the portal was told of the revocation", "портал узнал об отзыве"),
    )
}

fn other_goes_on(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = consents(reading);
    for consent in list.iter().filter(|consent| is_revoked(consent)) {
        let Some(ended) = consent.ended else { continue };
        for flow in asked_after(reading, consent.oid, ended.wall_us) {
            let clock = clock_at(reading, flow.start_us);
            let needed = needs(flow.action).unwrap_or_default();
            let other = list.iter().find(|other| {
                other.id != consent.id
                    && other.oid == consent.oid
                    && other.granted.is_some_and(|entry| entry.wall_us < ended.wall_us)
                    && other.stands_at(flow.end_us, clock)
                    && other.scopes().iter().any(|scope| scope == needed)
            });
            let Some(other) = other else { continue };
            // A lie told in this flow may stop it for another reason.
            if reading.lies.iter().any(|lie| reading.flow_of(lie).is_some_and(|of| of.id == flow.id)) {
                continue;
            }
            check.saw(noted(ended));
            check.saw(flow.evidence());
            if flow.outcome() != Some(Outcome::Ok) {
                check.wrong(
                    format!("consent {} was revoked, and the bank stopped serving under {} too", consent.id, other.id),
                    format!("отозвано согласие {}, а банк прекратил и услугу по {}", consent.id, other.id),
                    vec![noted(ended), flow.evidence()],
                );
            }
        }
    }
    check.end(
        ("no second consent stood beside a revoked one", "рядом с отозванным согласием другого не было"),
        ("the other consent goes on", "другое согласие действует"),
    )
}

fn old_tokens(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = consents(reading);
    let mut last: BTreeMap<i64, i64> = BTreeMap::new();
    for consent in &list {
        if let Some(granted) = consent.granted {
            let entry = last.entry(consent.oid).or_insert(granted.wall_us);
            *entry = (*entry).max(granted.wall_us);
        }
    }
    for consent in list.iter().filter(|consent| consent.granted.is_some() && consent.ended.is_some()) {
        let (Some(ended), Some(newest)) = (consent.ended, last.get(&consent.oid)) else { continue };
        if *newest <= ended.wall_us {
            continue;
        }
        for call in reading.service_calls(consent.oid).filter(|call| call.exchange.started_us > *newest) {
            check.saw(line(call.exchange));
            if reading.consent_of(call) == Some(consent.id) {
                check.wrong(
                    format!("a token of the ended consent {} was used after a new one was given", consent.id),
                    format!("маркер законченного согласия {} использован после нового", consent.id),
                    vec![noted(ended), line(call.exchange)],
                );
            }
        }
    }
    for entry in misused(reading, &["consent-over"]) {
        let again = entry.citizen.and_then(|oid| last.get(&oid)).is_some_and(|newest| *newest < entry.wall_us);
        if again && check.looked() {
            check.wrong(
                "the portal saw a token of an ended consent",
                "портал видел маркер законченного согласия",
                vec![noted(entry)],
            );
        }
    }
    check.end(
        ("no consent was given again and used", "согласие не давали заново"),
        ("no token of the earlier consent was used", "маркеры прежнего согласия не использованы"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    const DEBTS: &[&str] = &["debts"];

    /// Both people signed in, Anna's consent c-1 to debts used once.
    fn used() -> Scene {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        scene.link(BORIS);
        scene.consent(ANNA, "c-1", DEBTS, DEBTS);
        scene.debts_list(ANNA, "c-1");
        scene
    }

    fn revoke(scene: &mut Scene, id: &str) {
        scene.journal(kinds::CONSENT_REVOKED, Some(ANNA), json!({"id": id, "by": "citizen"}));
        scene.hook(&format!("e-{id}"), id, "revoked", 204);
    }

    fn asked_again(scene: &mut Scene, outcome: Outcome) {
        let flow = scene.begin("debts.list", ANNA, json!({}));
        let class = (outcome == Outcome::Refused).then_some(ReasonClass::Consent);
        scene.report(&flow, outcome, class, json!({}));
    }

    #[test]
    fn what_one_consent_withholds_another_may_grant() {
        let play = |second: &[&str]| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.consent(ANNA, "c-1", &["debts", "pension"], DEBTS);
            scene.consent(ANNA, "c-2", second, second);
            let token = scene.data_token(ANNA, "c-2");
            scene.call("GET", &format!("/api/v1/pension?person={ANNA}&purpose=CREDIT"), &token, 200, &json!({}));
            verdict("CST-04", &scene)
        };
        assert_eq!(play(&["pension"]), Verdict::Pass);
        assert_eq!(play(DEBTS), Verdict::Fail);
    }

    #[test]
    fn the_end_of_a_consent_never_used_shows_nothing() {
        let play = |used_by: i64| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.link(BORIS);
            scene.consent(ANNA, "c-1", DEBTS, DEBTS);
            scene.consent(BORIS, "c-2", DEBTS, DEBTS);
            scene.debts_list(used_by, if used_by == ANNA { "c-1" } else { "c-2" });
            scene.advance_ms(31 * 86_400_000);
            asked_again(&mut scene, Outcome::Refused);
            verdict("CST-10", &scene)
        };
        assert_eq!(play(ANNA), Verdict::Pass);
        assert_eq!(play(BORIS), Verdict::NotApplicable);
    }

    #[test]
    fn after_a_revocation_only_a_consent_of_the_same_person_excuses_data() {
        let play = |other: Option<i64>| {
            let mut scene = used();
            if let Some(oid) = other {
                scene.consent(oid, "c-2", DEBTS, DEBTS);
            }
            revoke(&mut scene, "c-1");
            asked_again(&mut scene, Outcome::Ok);
            verdict("CST-11", &scene)
        };
        assert_eq!(play(None), Verdict::Fail);
        assert_eq!(play(Some(BORIS)), Verdict::Fail);
        assert_eq!(play(Some(ANNA)), Verdict::Pass);
    }

    #[test]
    fn copies_are_asked_about_only_where_data_of_that_person_were_read_before_the_end() {
        let play = |read_by: i64, status: u16, late: bool| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.link(BORIS);
            scene.consent(ANNA, "c-1", DEBTS, DEBTS);
            scene.consent(BORIS, "c-2", DEBTS, DEBTS);
            let read = |scene: &mut Scene| {
                let token = scene.data_token(read_by, if read_by == ANNA { "c-1" } else { "c-2" });
                let debts = scene.debts();
                scene.call("GET", &format!("/api/v1/debts?person={read_by}"), &token, status, &debts);
            };
            if !late {
                read(&mut scene);
            }
            revoke(&mut scene, "c-1");
            if late {
                read(&mut scene);
            }
            scene.probe("data_present", json!({}), Some(json!(true)), "anna");
            verdict("CST-14", &scene)
        };
        assert_eq!(play(ANNA, 200, false), Verdict::Fail);
        assert_eq!(play(BORIS, 200, false), Verdict::NotApplicable);
        assert_eq!(play(ANNA, 403, false), Verdict::NotApplicable);
        assert_eq!(play(ANNA, 200, true), Verdict::NotApplicable);
    }

    #[test]
    fn the_purpose_may_stand_in_the_body() {
        let paid_for = |purpose: &str| {
            let mut scene = used();
            let token = scene.data_token(ANNA, "c-1");
            let call = scene.pay(ANNA, "U1", &token, "key", &json!({}), 201);
            let body = json!({"person": ANNA, "purpose": purpose}).to_string();
            scene.wire(call).request.body = contract::exchange::Body::Text(body);
            verdict("CST-08", &scene)
        };
        assert_eq!(paid_for("CREDIT"), Verdict::Pass);
        assert_eq!(paid_for("MARKETING"), Verdict::Fail);
    }

    #[test]
    fn a_misuse_that_the_portal_saw_points_at_its_call() {
        let mut scene = used();
        let calls: Vec<u64> = Reading::of(&scene.trace).data_calls.iter().map(|call| call.exchange.id).collect();
        let last = *calls.last().unwrap();
        let entry = scene.journal(kinds::TOKEN_MISUSED, Some(ANNA), json!({"id": "t", "reason": "second-use"}));
        let crate::trace::What::Journal(entry) = &mut scene.trace.events[entry].what else { panic!() };
        entry.exchange = Some(last);
        let judgement = crate::judge(crate::rule("CST-07").unwrap(), &scene.trace);
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert!(judgement.evidence.iter().any(|seen| seen.at == format!("exchange:{last}")), "{judgement:?}");
    }

    #[test]
    fn who_declined_is_not_asked_again_in_that_flow() {
        let play = |who: i64, permissions: bool, class: Option<ReasonClass>, outcome: Outcome| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let flow = scene.begin("consent.request", ANNA, json!({"scopes": DEBTS}));
            let (mut pairs, _) = scene.ask_params("openid");
            set(&mut pairs, "permissions", "W10");
            scene.ask(ANNA, &pairs);
            scene.journal(kinds::CONSENT_REFUSED, Some(ANNA), json!({"id": "c-1"}));
            let (mut pairs, _) = scene.ask_params("openid");
            if permissions {
                set(&mut pairs, "permissions", "W10");
            }
            scene.ask(who, &pairs);
            scene.report(&flow, outcome, class, json!({}));
            verdict("CST-02", &scene)
        };
        let consent = Some(ReasonClass::Consent);
        assert_eq!(play(ANNA, true, consent, Outcome::Refused), Verdict::Fail);
        assert_eq!(play(ANNA, false, consent, Outcome::Refused), Verdict::Pass);
        assert_eq!(play(BORIS, true, consent, Outcome::Refused), Verdict::Pass);
        assert_eq!(play(BORIS, true, Some(ReasonClass::Limit), Outcome::Refused), Verdict::Warning);
        assert_eq!(play(BORIS, true, None, Outcome::Error), Verdict::Warning);
        assert_eq!(play(BORIS, true, None, Outcome::Pending), Verdict::Inconclusive);
        assert_eq!(play(BORIS, true, None, Outcome::Ok), Verdict::Fail);
    }

    #[test]
    fn a_refusal_by_the_portal_ends_the_calls_under_that_consent() {
        let play = |repeats: usize, later: bool, outcome: Outcome, state: Option<&str>| {
            let mut scene = used();
            scene.journal(kinds::CONSENT_REVOKED, Some(ANNA), json!({"id": "c-1", "by": "citizen"}));
            let refused = |scene: &mut Scene| {
                let path = format!("/api/v1/debts?person={ANNA}&purpose=CREDIT");
                scene.call("GET", &path, "no-token-at-all", 403, &json!({}));
            };
            let flow = scene.begin("debts.list", ANNA, json!({}));
            for _ in 0..=repeats {
                refused(&mut scene);
            }
            let class = (outcome == Outcome::Refused).then_some(ReasonClass::Consent);
            scene.report(&flow, outcome, class, json!({}));
            if later {
                refused(&mut scene);
            }
            if let Some(state) = state {
                scene.probe("consent_state", json!({"consent": "c-1"}), Some(json!(state)), "anna");
            }
            verdict("CST-12", &scene)
        };
        assert_eq!(play(0, false, Outcome::Refused, None), Verdict::Pass);
        assert_eq!(play(2, false, Outcome::Refused, None), Verdict::Pass);
        assert_eq!(play(3, false, Outcome::Refused, None), Verdict::Fail);
        assert_eq!(play(0, true, Outcome::Refused, None), Verdict::Fail);
        assert_eq!(play(0, false, Outcome::Ok, None), Verdict::Fail);
        assert_eq!(play(0, false, Outcome::Refused, Some("revoked")), Verdict::Pass);
        assert_eq!(play(0, false, Outcome::Refused, Some("granted")), Verdict::Fail);
    }

    #[test]
    fn a_refusal_after_the_notice_is_another_matter() {
        let play = |notice: Option<bool>| {
            let mut scene = used();
            scene.journal(kinds::CONSENT_REVOKED, Some(ANNA), json!({"id": "c-1", "by": "citizen"}));
            let flow = scene.begin("debts.list", ANNA, json!({}));
            if notice == Some(true) {
                scene.hook("e-1", "c-1", "revoked", 204);
            }
            scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), "no-token-at-all", 403, &json!({}));
            if notice == Some(false) {
                scene.hook("e-1", "c-1", "revoked", 204);
            }
            scene.report(&flow, Outcome::Refused, Some(ReasonClass::Consent), json!({}));
            verdict("CST-12", &scene)
        };
        assert_eq!(play(None), Verdict::Pass);
        assert_eq!(play(Some(true)), Verdict::NotApplicable);
        assert_eq!(play(Some(false)), Verdict::Pass);
    }

    #[test]
    fn copies_are_asked_about_after_the_end_and_about_that_person() {
        let play = |question: &str, early: bool, person: &str, answer: Option<Value>| {
            let mut scene = used();
            if early {
                scene.probe(question, json!({}), answer.clone(), person);
            }
            revoke(&mut scene, "c-1");
            if !early {
                scene.probe(question, json!({}), answer, person);
            }
            verdict("CST-14", &scene)
        };
        assert_eq!(play("data_present", false, "anna", Some(json!(true))), Verdict::Fail);
        assert_eq!(play("data_present", false, "anna", None), Verdict::Inconclusive);
        assert_eq!(play("data_present", false, "boris", Some(json!(true))), Verdict::NotApplicable);
        assert_eq!(play("data_present", true, "anna", Some(json!(true))), Verdict::NotApplicable);
        assert_eq!(play("session_alive", false, "anna", Some(json!(true))), Verdict::NotApplicable);
    }

    #[test]
    fn a_revocation_at_the_bank_is_told_and_obeyed() {
        let play = |ended: Option<(&str, bool)>, calls: bool, outcome: Outcome| {
            let mut scene = used();
            let end = |scene: &mut Scene, by: &str| {
                scene.journal(kinds::CONSENT_REVOKED, Some(ANNA), json!({"id": "c-1", "by": by}));
            };
            if let Some((by, true)) = ended {
                end(&mut scene, by);
            }
            let flow = scene.begin("consent.revoke", ANNA, json!({"consent": "c-1"}));
            if let Some((by, false)) = ended {
                end(&mut scene, by);
            }
            let class = (outcome == Outcome::Refused).then_some(ReasonClass::Transport);
            scene.report(&flow, outcome, class, json!({}));
            if calls {
                scene.data_token(ANNA, "c-1");
            }
            verdict("CST-15", &scene)
        };
        let bank = Some(("bank", false));
        assert_eq!(play(bank, false, Outcome::Ok), Verdict::Pass);
        assert_eq!(play(bank, true, Outcome::Ok), Verdict::Fail);
        assert_eq!(play(bank, true, Outcome::Refused), Verdict::Pass);
        assert_eq!(play(None, false, Outcome::Ok), Verdict::Fail);
        assert_eq!(play(Some(("citizen", false)), false, Outcome::Ok), Verdict::Fail);
        assert_eq!(play(Some(("citizen", true)), false, Outcome::Ok), Verdict::Pass);
    }

    #[test]
    fn a_call_under_one_consent_is_none_under_another() {
        let play = |under: &str| {
            let mut scene = used();
            scene.consent(ANNA, "c-2", DEBTS, DEBTS);
            revoke(&mut scene, "c-1");
            scene.debts_list(ANNA, under);
            verdict("CST-11", &scene)
        };
        assert_eq!(play("c-2"), Verdict::Pass);
        assert_eq!(play("c-1"), Verdict::Fail);
    }

    #[test]
    fn an_unanswered_request_opens_nothing_that_another_consent_of_the_person_does_not() {
        let play = |granted: Option<i64>| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            if let Some(oid) = granted {
                scene.consent(oid, "c-0", DEBTS, DEBTS);
            }
            let flow = scene.begin("consent.request", ANNA, json!({"scopes": DEBTS}));
            scene.journal(kinds::CONSENT_REQUESTED, Some(ANNA), json!({"id": "c-1", "scopes": DEBTS}));
            scene.report(&flow, Outcome::Pending, None, json!({}));
            scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), "a-token", 403, &json!({}));
            scene.journal(kinds::CONSENT_EXPIRED, Some(ANNA), json!({"id": "c-1"}));
            verdict("CST-03", &scene)
        };
        assert_eq!(play(None), Verdict::Fail);
        assert_eq!(play(Some(BORIS)), Verdict::Fail);
        assert_eq!(play(Some(ANNA)), Verdict::Pass);
    }

    #[test]
    fn copies_may_stay_under_another_standing_consent_of_the_person() {
        let play = |other: Option<i64>, over: bool| {
            let mut scene = used();
            if let Some(oid) = other {
                scene.consent(oid, "c-2", DEBTS, DEBTS);
                if over {
                    scene.journal(kinds::CONSENT_REVOKED, Some(oid), json!({"id": "c-2", "by": "citizen"}));
                }
            }
            revoke(&mut scene, "c-1");
            scene.probe("data_present", json!({}), Some(json!(true)), "anna");
            verdict("CST-14", &scene)
        };
        assert_eq!(play(None, false), Verdict::Fail);
        assert_eq!(play(Some(ANNA), false), Verdict::NotApplicable);
        assert_eq!(play(Some(ANNA), true), Verdict::Fail);
        assert_eq!(play(Some(BORIS), false), Verdict::Fail);
    }
}
