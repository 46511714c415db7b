//! UI: the person's data after sign-in.

use contract::adapter::{Outcome, ReasonClass::*};
use serde_json::Value;

use super::{LOOKED_ACCEPT, LOOKED_ANSWER, OIDC, ROW, accept_and_look, data, refuse, t};
use crate::finding::{Evidence, Judgement};
use crate::reading::check::Check;
use crate::reading::{Flow, Lie, Reading, lied, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Level as Strength, Rule, Severity, Unused};

const LIE: Rule = Rule {
    requirements: &["IDN-1", "SEC-8"],
    protocols: OIDC,
    severity: Severity::Critical,
    looked_at: LOOKED_ANSWER,
    ..ROW
};
const PERSON: Rule = Rule { requirements: &["IDN-1", "CNS-4"], ..ROW };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "UI-01",
        slug: "userinfo-subject-unchecked",
        clauses: &["OIDC Core 5.3.2, 5.3.4"],
        title: t("Данные другого субъекта отбрасываются", "Data of another subject are dropped"),
        why: t(
            "Ответ о другом человеке запишет его данные вошедшему.",
            "An answer about somebody else puts their data on the person signed in.",
        ),
        advice: t(
            "Сравните sub ответа с sub маркера идентификации.",
            "Compare the answer’s sub with that of the ID token.",
        ),
        judge: refuse(&["userinfo-sub-differs"], &[Binding, Audience], Unused::Answer),
        ..LIE
    },
    Rule {
        id: "UI-02",
        slug: "userinfo-subject-absence-accepted",
        clauses: &["OIDC Core 5.3.2"],
        title: t("Данные без субъекта отбрасываются", "Data without a subject are dropped"),
        why: t("Без sub неизвестно, о ком ответ.", "Without sub nobody knows whom the answer is about."),
        advice: t("Требуйте sub в ответе.", "Demand sub in the answer."),
        judge: refuse(&["userinfo-sub-absent"], &[Binding, Format], Unused::Answer),
        ..LIE
    },
    Rule {
        id: "UI-06",
        slug: "missing-claim-made-up",
        severity: Severity::Medium,
        clauses: &["OIDC Core 5.3.2"],
        title: t("Отсутствующее поле не выдумывается", "A missing claim is not made up"),
        why: t(
            "Портал отдаёт только то, что есть; остальное банк не знает.",
            "The portal gives what there is; the rest the bank does not know.",
        ),
        looked_at: LOOKED_ACCEPT,
        advice: t("Оставляйте поле пустым и не подставляйте умолчаний.", "Leave the field out and fill in no default."),
        judge: accept_and_look(&["person-field-absent"], made_up),
        ..PERSON
    },
    Rule {
        id: "UI-07",
        slug: "empty-claim-taken",
        level: Strength::S,
        severity: Severity::Low,
        clauses: &["OIDC Core 5.3.2"],
        title: t("Пустое значение считается отсутствующим", "An empty value counts as absent"),
        why: t(
            "«null» в анкете клиента — это ошибка, а не имя.",
            "“null” in a customer’s record is a mistake, not a name.",
        ),
        looked_at: t(
            "Ответ с null: поля нет среди показанных.",
            "An answer with null: the field is not among those shown.",
        ),
        advice: t("Пропускайте null и пустые строки.", "Skip null and empty strings."),
        judge: Judge::Duty(empty),
        ..PERSON
    },
    Rule {
        id: "UI-11",
        slug: "unconsented-data-kept",
        requirements: &["IDN-1", "CNS-4", "SEC-4"],
        clauses: &["152-FZ art. 5(5)", "ASVS 14.2.6"],
        title: t("Лишние данные не показаны и не сохранены", "Data beyond the consent are neither shown nor kept"),
        why: t(
            "Данные сверх согласия банк хранить не вправе, даже если портал их прислал.",
            "The bank may not keep data beyond the consent even if the portal sent them.",
        ),
        looked_at: t(
            "Ответ с данными сверх выданного: их нет в показанном профиле и среди найденного в файлах банка.",
            "An answer with more than was granted: the excess is neither in the profile shown nor found in the bank’s files.",
        ),
        advice: t(
            "Берите из ответа только поля, на которые есть согласие.",
            "Take from the answer only what was consented to.",
        ),
        judge: Judge::Duty(excess),
        ..PERSON
    },
];

fn made_up(reading: &Reading<'_>, lie: &Lie<'_>, flow: &Flow<'_>) -> Option<(String, String)> {
    let profile = flow.value("profile")?.as_object()?;
    let served = data::served_person(reading, lie.citizen.or_else(|| reading.citizen_of_flow(flow))?);
    let field = profile
        .iter()
        .find(|(field, value)| !value.is_null() && served.values(field).is_empty() && data::is_known(field))?;
    Some((
        format!("{}: the portal served no {}, yet the bank shows one", lie.fault, field.0),
        format!("{}: портал не отдавал поле {}, а банк его показывает", lie.fault, field.0),
    ))
}

fn empty(reading: &Reading<'_>) -> Judgement {
    let fault = "person-field-null";
    let mut check = Check::new();
    for lie in reading.told(&[fault]) {
        let Some(flow) = reading.flow_of(lie).filter(|_| lie.exchange.is_some_and(|exchange| exchange.delivered))
        else {
            continue;
        };
        if flow.outcome() == Some(Outcome::Pending) {
            continue;
        }
        check.saw(lied(lie));
        check.saw(flow.evidence());
        if flow.outcome() != Some(Outcome::Ok) {
            check.wrong(
                "an empty value made the bank give up",
                "пустое значение остановило банк",
                vec![lied(lie), flow.evidence()],
            );
        }
        let profile = flow.value("profile").and_then(Value::as_object).cloned().unwrap_or_default();
        for (field, value) in &profile {
            let hollow = value.is_null()
                || value.as_str().is_some_and(|text| matches!(text.trim(), "" | "null" | "None" | "undefined"));
            if hollow {
                check.wrong(
                    format!("the bank shows {field} = {value}"),
                    format!("банк показывает {field} = {value}"),
                    vec![lied(lie), flow.evidence()],
                );
            }
        }
    }
    if !check.looked() {
        return untold(&[fault], reading);
    }
    check.end(
        ("no empty value was served", "пустых значений не было"),
        ("the empty value is treated as absent", "пустое значение считается отсутствующим"),
    )
}

fn excess(reading: &Reading<'_>) -> Judgement {
    let fault = "person-more-than-consented";
    let mut check = Check::new();
    for lie in reading.told(&[fault]) {
        let Some(exchange) = lie.exchange.filter(|exchange| exchange.delivered) else { continue };
        let (Some(flow), Some(token)) = (reading.flow_of(lie), wire::bearer(exchange)) else { continue };
        let granted = data::granted(reading, token);
        if granted.is_empty() || flow.outcome() == Some(Outcome::Pending) {
            continue;
        }
        check.saw(lied(lie));
        check.saw(flow.evidence());
        let later = reading.flows.iter().filter(|other| {
            other.end_us >= lie.wall_us
                && reading.citizen_of_flow(other) == lie.citizen.or(reading.citizen_of_flow(flow))
        });
        for other in later {
            let profile = other.value("profile").and_then(Value::as_object).cloned().unwrap_or_default();
            for (field, value) in &profile {
                if !value.is_null() && !data::opens(field, &granted) {
                    check.wrong(
                        format!("granted was {granted:?}, yet the bank shows {field}"),
                        format!("выдано {granted:?}, а банк показывает {field}"),
                        vec![lied(lie), other.evidence()],
                    );
                }
            }
        }
        for canary in &reading.canaries {
            let beyond = canary.planted == "not_consented"
                || data::is_known(&canary.planted) && !data::opens(&canary.planted, &granted);
            if beyond && canary.place.starts_with("storage") {
                check.wrong(
                    format!("{} beyond the consent was found in {}", canary.planted, canary.place),
                    format!("в {} найдено лишнее: {}", canary.place, canary.planted),
                    vec![lied(lie), Evidence { at: format!("canary:{}", canary.place), seen: canary.near.clone() }],
                );
            }
        }
    }
    if !check.looked() {
        return untold(&[fault], reading);
    }
    check.end(
        ("no excess data were served", "лишних данных не было"),
        ("the excess is neither shown nor kept", "лишнее не показано и не сохранено"),
    )
}

#[cfg(test)]
mod tests {
    use contract::adapter::ReasonClass;
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    fn lied_to(fault: &str, answer: &Value, shown: &Value, outcome: Outcome) -> Scene {
        let mut scene = Scene::oidc();
        let link = scene.link_begin(ANNA);
        let call = scene.call("GET", "/oidc/userinfo", &link.access, 200, answer);
        scene.lie(call, fault);
        scene.wire(call).citizen = Some(ANNA);
        let class = (outcome == Outcome::Refused).then_some(ReasonClass::Format);
        scene.report(&link.flow, outcome, class, json!({"profile": shown}));
        scene
    }

    #[test]
    fn nothing_hollow_is_shown_for_an_empty_value() {
        let play = |shown: Value, outcome: Outcome| {
            let answer = json!({"family_name": "Иванова", "phone_number": null});
            verdict("UI-07", &lied_to("person-field-null", &answer, &shown, outcome))
        };
        assert_eq!(play(json!({"last_name": "Иванова"}), Outcome::Ok), Verdict::Pass);
        for hollow in [json!(" "), json!("null"), json!("None"), json!("undefined"), Value::Null] {
            assert_eq!(play(json!({"phone": hollow}), Outcome::Ok), Verdict::Warning);
        }
        assert_eq!(play(json!({}), Outcome::Refused), Verdict::Warning);
        assert_ne!(play(json!({"phone": "null"}), Outcome::Pending), Verdict::Warning);
    }

    #[test]
    fn what_exceeds_the_consent_is_not_kept_either() {
        let found = |planted: &str, place: &str| {
            let answer = json!({"snils": "1", "inn": "500100732259"});
            let mut scene = lied_to("person-more-than-consented", &answer, &json!({"snils": "1"}), Outcome::Ok);
            scene.canary(planted, place);
            verdict("UI-11", &scene)
        };
        assert_eq!(found("not_consented", "storage:bank.db"), Verdict::Fail);
        assert_eq!(found("inn", "storage:bank.db"), Verdict::Fail);
        assert_eq!(found("snils", "storage:bank.db"), Verdict::Pass);
        assert_eq!(found("line_break", "storage:bank.db"), Verdict::Pass);
        assert_eq!(found("not_consented", "log:bank.log"), Verdict::Pass);
    }

    #[test]
    fn a_later_flow_of_the_same_person_shows_no_excess_either() {
        let shown = |oid: i64| {
            let answer = json!({"snils": "1", "inn": "500100732259"});
            let mut scene = lied_to("person-more-than-consented", &answer, &json!({"snils": "1"}), Outcome::Ok);
            let flow = scene.begin("customer.profile", oid, json!({}));
            scene.report(&flow, Outcome::Ok, None, json!({"profile": {"inn": "500100732259"}}));
            verdict("UI-11", &scene)
        };
        assert_eq!(shown(ANNA), Verdict::Fail);
        assert_eq!(shown(BORIS), Verdict::Pass);
    }
}
