//! KEY: the portal's key set. Each row is one lie in it; the judge is common to all.

use contract::adapter::ReasonClass::*;

use super::{LOOKED_ACCEPT, LOOKED_TOKENS, ROW, accept, refuse, refuse_or_retry, t};
use crate::rule::{Rule, Severity, Unused};

const LIE: Rule = Rule { requirements: &["IDN-1", "SEC-3"], looked_at: LOOKED_TOKENS, ..ROW };
const ODD: Rule = Rule { looked_at: LOOKED_ACCEPT, ..LIE };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "KEY-01",
        slug: "rotated-key-not-fetched",
        clauses: &["OIDC Core 10.1.1"],
        title: t("После смены ключа набор запрашивается заново", "After a key change the set is fetched again"),
        why: t(
            "Портал меняет ключи без предупреждения; банк не должен останавливаться.",
            "The portal changes its keys without notice; the bank must not stop.",
        ),
        advice: t("При неизвестном kid обновите набор ключей один раз.", "On an unknown kid fetch the set once more."),
        judge: accept(&["keys-rotated"]),
        ..ODD
    },
    Rule {
        id: "KEY-03",
        slug: "same-kid-other-key-accepted",
        severity: Severity::Critical,
        clauses: &["RFC 7517 4.5"],
        title: t(
            "Другой ключ под тем же kid не заменяет проверку",
            "Another key under the same kid does not replace the check",
        ),
        why: t(
            "Имя ключа — не ключ: подпись всё равно должна сойтись.",
            "A key’s name is not the key: the signature must still hold.",
        ),
        advice: t(
            "Не сошлась подпись — обновите набор один раз и при повторе откажите.",
            "If the signature does not hold fetch the set once, then refuse.",
        ),
        judge: refuse_or_retry(&["keys-same-kid-other-key"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "KEY-05",
        slug: "keys-unreachable-accepted",
        severity: Severity::Critical,
        clauses: &["ASVS 16.5.3"],
        title: t(
            "Недоступный набор ключей — отказ, а не пропуск проверки",
            "An unreachable key set means refusal, not a skipped check",
        ),
        why: t(
            "Достаточно было бы уронить адрес ключей, чтобы отключить проверку.",
            "Otherwise taking the key address down would switch the check off.",
        ),
        advice: t("Нет ключа — нет входа.", "No key, no sign-in."),
        judge: refuse(&["keys-unreachable"], &[Signature, Transport], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "KEY-07",
        slug: "encryption-key-used-for-signing",
        clauses: &["RFC 7517 4.2, 4.3"],
        title: t("Ключ для шифрования не проверяет подписи", "An encryption key verifies no signatures"),
        why: t("Назначение ключа — часть доверия к нему.", "A key’s use is part of the trust in it."),
        advice: t("Берите ключи с use=sig или без use.", "Take keys with use=sig or without use."),
        judge: refuse(&["key-use-enc"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "KEY-08",
        slug: "key-algorithm-ignored",
        clauses: &["RFC 7517 4.4", "RFC 8725 3.1"],
        title: t("alg ключа должен совпадать с заголовком", "The key’s alg must equal the header’s"),
        why: t(
            "Несовпадение позволяет использовать ключ не по назначению.",
            "A mismatch lets a key be used for what it is not meant for.",
        ),
        advice: t(
            "Если у ключа указан alg, сравните его с заголовком.",
            "Where the key has alg compare it with the header.",
        ),
        judge: refuse(&["key-alg-differs"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "KEY-11",
        slug: "unknown-key-type-refused",
        severity: Severity::Medium,
        clauses: &["RFC 7517 5"],
        title: t(
            "Незнакомый вид ключа рядом со своими не мешает",
            "An unknown key type beside good ones does not get in the way",
        ),
        why: t("Портал может публиковать ключи ГОСТ рядом с RSA.", "The portal may publish GOST keys beside RSA ones."),
        advice: t("Пропускайте ключи незнакомого вида.", "Skip keys of unknown type."),
        judge: accept(&["keys-unknown-type-beside"]),
        ..ODD
    },
    Rule {
        id: "KEY-13",
        slug: "empty-key-set-accepted",
        severity: Severity::Critical,
        clauses: &["OIDC Core 10.1"],
        title: t("Пустой набор ключей — отказ", "An empty key set means refusal"),
        why: t("Пустой набор не подтверждает ничего.", "An empty set vouches for nothing."),
        advice: t("Нет подходящего ключа — откажите.", "No fitting key, no sign-in."),
        judge: refuse(&["keys-empty"], &[Signature], Unused::Tokens),
        ..LIE
    },
];
