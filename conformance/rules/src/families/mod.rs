//! The rule book itself: a file per theme, each a table of rules. To add a rule, add a row to its theme's `RULES`.

mod atu;
mod banking;
mod cauth;
mod cst;
mod data;
mod decisions;
mod exports;
mod http;
mod idem;
mod idt;
mod json;
mod key;
mod matters;
mod obs;
mod poll;
mod req;
mod resp;
mod rt;
mod services;
mod sig;
mod sig_key;
mod soap;
mod tls_cert;
mod tok;
mod ui;
mod versions;
mod wh;
mod ws;
mod xml;

use contract::adapter::ReasonClass;

use crate::rule::{Accept, Judge, Level, Look, Refusal, Rule, Severity, Text, Unused};
use crate::trace::Protocol;

/// The themes in the catalogue's order.
pub const ALL: &[&[Rule]] = &[
    req::RULES,
    resp::RULES,
    tok::RULES,
    cauth::RULES,
    sig::RULES,
    idt::RULES,
    key::RULES,
    ui::RULES,
    atu::RULES,
    rt::RULES,
    cst::RULES,
    poll::RULES,
    http::RULES,
    versions::RULES,
    idem::RULES,
    json::RULES,
    xml::XML_RULES,
    xml::XML_DUTIES,
    xml::XSW_RULES,
    xml::XSG_RULES,
    xml::XSG_DUTIES,
    soap::RULES,
    ws::RULES,
    ws::FRAMES,
    wh::RULES,
    tls_cert::RULES,
    obs::RULES,
    data::RULES,
    services::RULES,
    decisions::RULES,
    exports::RULES,
    matters::RULES,
    banking::RULES,
];

const EVERY: &[Protocol] = &Protocol::ALL;
const ESIA: &[Protocol] = &[Protocol::EsiaV3, Protocol::EsiaV1];
const ESIA_V1: &[Protocol] = &[Protocol::EsiaV1];
const OIDC: &[Protocol] = &[Protocol::Oidc];

/// A text: Russian first, as a citizen would.
const fn t(ru: &'static str, en: &'static str) -> Text {
    Text { ru, en }
}

const fn refuse(faults: &'static [&'static str], classes: &'static [ReasonClass], unused: Unused) -> Judge {
    Judge::Refusal(Refusal { faults, classes, unused, retry: false, policy: None })
}

/// A lie after which the bank may also ask again.
const fn refuse_or_retry(faults: &'static [&'static str], classes: &'static [ReasonClass], unused: Unused) -> Judge {
    Judge::Refusal(Refusal { faults, classes, unused, retry: true, policy: None })
}

const fn accept(faults: &'static [&'static str]) -> Judge {
    Judge::Accept(Accept { faults, look: None, excuse: None })
}

const fn accept_unless(faults: &'static [&'static str], excuse: Look) -> Judge {
    Judge::Accept(Accept { faults, look: None, excuse: Some(excuse) })
}

const fn accept_and_look(faults: &'static [&'static str], look: Look) -> Judge {
    Judge::Accept(Accept { faults, look: Some(look), excuse: None })
}

const LOOKED_CODE: Text = t(
    "Ложь в адресе возврата дошла до банка; после неё код из этого ответа не отправлен ни на какой адрес; банк сообщил об отказе с верной причиной; тот же сценарий без лжи и следующий чистый сценарий закончились успехом.",
    "The lie in the return address reached the bank; afterwards the code of that answer was sent nowhere; the bank reported a refusal with a fitting reason; the same case without the lie and the next clean flow ended well.",
);
const LOOKED_TOKENS: Text = t(
    "Ложь дошла до банка; маркеры из этого ответа не использованы ни в одном обращении до конца записи; банк сообщил об отказе с верной причиной; тот же сценарий без лжи и следующий чистый сценарий закончились успехом.",
    "The lie reached the bank; the tokens of that answer were used in no call until the end of the recording; the bank reported a refusal with a fitting reason; the same case without the lie and the next clean flow ended well.",
);
const LOOKED_ANSWER: Text = t(
    "Ложный ответ доставлен целиком; его данные не показаны и не использованы; банк сообщил об отказе с верной причиной; тот же сценарий без лжи и следующий чистый сценарий закончились успехом.",
    "The lying answer was delivered in full; its data were neither shown nor used; the bank reported a refusal with a fitting reason; the same case without the lie and the next clean flow ended well.",
);
const LOOKED_CONNECTION: Text = t(
    "Рукопожатие с негодным сервером прервано банком; ни одного байта запроса по нему не ушло; банк сообщил об отказе с причиной «transport»; тот же сценарий без лжи и следующий чистый сценарий закончились успехом.",
    "The bank aborted the handshake with the bad server; not one byte of a request left over it; the bank reported a refusal with the reason “transport”; the same case without the lie and the next clean flow ended well.",
);
const LOOKED_EVENT: Text = t(
    "Негодное уведомление доставлено; банк ответил 4xx; состояние согласия в банке до честной повторной доставки не изменилось; тот же сценарий без лжи и следующий чистый сценарий закончились успехом.",
    "The bad notice was delivered; the bank answered 4xx; the consent’s state at the bank did not change before the honest redelivery; the same case without the lie and the next clean flow ended well.",
);
const LOOKED_ACCEPT: Text = t(
    "Допустимая особенность дошла до банка, и сценарий закончился так же успешно, как без неё; следующий чистый сценарий тоже закончился успехом.",
    "The permitted oddity reached the bank, and the flow ended as well as it does without it; so did the next clean flow.",
);

/// What every row starts from; a row says what differs.
const ROW: Rule = Rule {
    id: "",
    slug: "",
    level: Level::M,
    severity: Severity::High,
    protocols: EVERY,
    clauses: &[],
    requirements: &[],
    title: t("", ""),
    why: t("", ""),
    looked_at: t("", ""),
    advice: t("", ""),
    judge: Judge::Duty(nothing),
};

fn nothing(_: &crate::reading::Reading<'_>) -> crate::finding::Judgement {
    crate::finding::Judgement::not_applicable("no judge", "нет проверки")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::rule::Judge;

    #[test]
    fn every_rule_is_whole_and_unique() {
        let mut ids = BTreeSet::new();
        let mut slugs = BTreeSet::new();
        for rule in crate::rules() {
            assert!(ids.insert(rule.id), "{} twice", rule.id);
            assert!(slugs.insert(rule.slug), "{} twice", rule.slug);
            assert!(!rule.clauses.is_empty(), "{} cites nothing", rule.id);
            assert!(!rule.requirements.is_empty(), "{} serves nothing", rule.id);
            for text in [rule.title, rule.why, rule.looked_at, rule.advice] {
                assert!(text.ru.len() > 8 && text.en.len() > 8, "{} lacks a text", rule.id);
                assert!(text.ru.chars().any(|c| ('а'..='я').contains(&c)), "{}: {}", rule.id, text.ru);
                assert!(!text.en.chars().any(|c| ('а'..='я').contains(&c)), "{}: {}", rule.id, text.en);
            }
            if let Judge::Duty(judge) = rule.judge {
                assert!(
                    !std::ptr::fn_addr_eq(judge, super::nothing as fn(&crate::reading::Reading<'_>) -> _),
                    "{}",
                    rule.id
                );
            }
        }
        assert!(ids.len() > 80);
    }

    #[test]
    fn requirements_cited_exist() {
        let known: BTreeSet<&str> = crate::requirements().iter().map(|row| row.id.as_str()).collect();
        for rule in crate::rules() {
            for id in rule.requirements {
                assert!(known.contains(id), "{} cites {id}", rule.id);
            }
        }
    }
}
