//! DATA of the registries: what the bank shows of a service equals what the portal served, in every format.

use super::{ROW, t};
use crate::rule::{Judge, Rule, Severity, Shown};

const SHOWN: Rule = Rule {
    clauses: &["152-FZ art. 5(6)", "portal protocol: /api"],
    looked_at: t(
        "Последний честный ответ портала по услуге (JSON, XML, CSV или СМЭВ, все страницы) против значений, показанных банком.",
        "The portal’s last honest answer of the service (JSON, XML, CSV or SMEV, all pages) against the values that the bank shows.",
    ),
    why: t(
        "По этим сведениям человек решает и платит: любое расхождение — ошибка банка за чужой счёт.",
        "People decide and pay by these data: any deviation is the bank’s error at somebody else’s cost.",
    ),
    advice: t(
        "Переносите значения как есть: без округления, без пересчёта, все строки списков.",
        "Carry values over as they are: no rounding, no recomputing, every row of a list.",
    ),
    ..ROW
};

const fn shown(action: &'static str, service: &'static str, members: &'static [(&'static str, &'static str)]) -> Judge {
    Judge::Shown(Shown { action, service, members })
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "DATA-20",
        slug: "estate-changed",
        requirements: &["EST-1"],
        title: t(
            "Недвижимость показана так, как отдана: объект, права, обременения",
            "Real estate is shown as served: object, rights, encumbrances",
        ),
        judge: shown("estate.lookup", "estate", &[("/estate", "")]),
        ..SHOWN
    },
    Rule {
        id: "DATA-22",
        slug: "state-payment-changed",
        requirements: &["PAY-1"],
        title: t("Государственные выплаты показаны так, как отданы", "State payments are shown as served"),
        judge: shown(
            "payments.list",
            "state-payments",
            &[("/payments", "/payments"), ("/programmes", "/programmes"), ("/total", "/total")],
        ),
        ..SHOWN
    },
    Rule {
        id: "DATA-26",
        slug: "duty-changed",
        requirements: &["DUT-1"],
        severity: Severity::Critical,
        title: t(
            "Пошлины и их реквизиты показаны так, как отданы",
            "State duties and their requisites are shown as served",
        ),
        judge: shown("duty.list", "duties", &[("/duties", "/duties")]),
        ..SHOWN
    },
    Rule {
        id: "DATA-27",
        slug: "recommendation-changed",
        requirements: &["OFR-2"],
        severity: Severity::Medium,
        title: t(
            "Рекомендации государства показаны без изменений и без продуктов банка",
            "The state’s recommendations are shown unchanged and without the bank’s products",
        ),
        why: t(
            "Реклама под видом совета государства вводит в заблуждение.",
            "An advertisement in the guise of the state’s advice misleads.",
        ),
        clauses: &["38-FZ art. 5(3)", "portal protocol: /api"],
        advice: t(
            "Показывайте список как есть; свои предложения — отдельно.",
            "Show the list as it is; your own offers elsewhere.",
        ),
        judge: shown("recommendations.list", "recommendations", &[("/items", "/items")]),
        ..SHOWN
    },
];
