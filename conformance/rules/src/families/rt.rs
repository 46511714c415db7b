//! RT: refresh tokens.

use contract::adapter::Outcome;

use super::{LOOKED_ACCEPT, ROW, accept, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Kind, Reading, TokenCall, lied, line, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Rule, Severity};

const BASE: Rule = Rule {
    requirements: &["IDN-1"],
    looked_at: t(
        "Обращения с grant_type=refresh_token и ответы на них.",
        "Calls with grant_type=refresh_token and their answers.",
    ),
    ..ROW
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "RT-01",
        slug: "old-refresh-token-used",
        clauses: &["RFC 6749 6", "RFC 9700 4.14.2", "FAPI2 5.3.3.1(6)"],
        title: t(
            "После обновления старый маркер обновления не используется",
            "After a refresh the old refresh token is not used",
        ),
        why: t(
            "Повтор старого маркера портал принимает за кражу и отзывает всё.",
            "The portal takes the old token’s return for theft and withdraws everything.",
        ),
        advice: t("Сохраните новый маркер до использования ответа.", "Store the new token before using the answer."),
        judge: Judge::Duty(rotation),
        ..BASE
    },
    Rule {
        id: "RT-04",
        slug: "loop-on-refused-refresh",
        requirements: &["IDN-1", "SEC-7"],
        clauses: &["RFC 6749 5.2"],
        title: t("Отказ в обновлении останавливает обновления", "A refused refresh stops refreshing"),
        why: t("Негодный маркер обновления годным не станет.", "A bad refresh token never turns good."),
        looked_at: t(
            "После invalid_grant на обновление: одно обращение, успеха без нового входа нет.",
            "After invalid_grant on a refresh: one call, and no success without a new sign-in.",
        ),
        advice: t(
            "Удалите маркер и попросите человека войти снова.",
            "Delete the token and ask the person to sign in again.",
        ),
        judge: Judge::Duty(refused),
        ..BASE
    },
    Rule {
        id: "RT-11",
        slug: "refresh-scope-widened",
        severity: Severity::Medium,
        requirements: &["IDN-1", "CNS-4"],
        clauses: &["RFC 6749 6"],
        title: t("При обновлении не запрашивается больше, чем выдано", "A refresh asks for no more than was granted"),
        why: t(
            "Обновление не спрашивает человека и потому не может расширять права.",
            "A refresh asks nobody and so cannot widen rights.",
        ),
        advice: t("Отправляйте выданный scope или не отправляйте его совсем.", "Send the granted scope or none."),
        judge: Judge::Duty(widened),
        ..BASE
    },
    Rule {
        id: "RT-13",
        slug: "missing-rotation-refused",
        severity: Severity::Medium,
        clauses: &["RFC 6749 6"],
        title: t("Без нового маркера обновления остаётся старый", "Without a new refresh token the old one is kept"),
        why: t("Портал вправе не менять маркер обновления.", "The portal need not rotate the refresh token."),
        looked_at: LOOKED_ACCEPT,
        advice: t(
            "Если в ответе нет refresh_token, сохраните прежний.",
            "Where the answer has no refresh_token keep the old one.",
        ),
        judge: accept(&["refresh-token-kept"]),
        ..BASE
    },
];

fn refreshes<'r, 'a>(reading: &'r Reading<'a>) -> impl Iterator<Item = &'r TokenCall<'a>> {
    reading.token_calls.iter().filter(|call| call.grant() == "refresh_token")
}

fn rotation(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for call in refreshes(reading).filter(|call| call.answer.is_some() && call.exchange.delivered) {
        let (Some(old), Some(new)) = (call.param("refresh_token"), call.answered("refresh_token")) else { continue };
        if old == new {
            continue;
        }
        let later = refreshes(reading).filter(|other| other.exchange.started_us > call.exchange.ended_us);
        for other in later {
            match other.param("refresh_token") {
                Some(used) if used == old => {
                    check.saw(line(other.exchange));
                    check.wrong(
                        format!("the old refresh token {} came again after a good refresh", wire::mask(old)),
                        format!(
                            "старый маркер обновления {} отправлен снова после удачного обновления",
                            wire::mask(old)
                        ),
                        vec![line(call.exchange), line(other.exchange)],
                    );
                }
                Some(used) if used == new => check.saw(line(other.exchange)),
                _ => {}
            }
        }
    }
    check.end(
        ("no refresh followed a rotation", "после смены маркера обновлений не было"),
        ("after each rotation the new token was used", "после смены используется новый маркер"),
    )
}

fn refused(reading: &Reading<'_>) -> Judgement {
    let fault = "refresh-invalid-grant";
    let lies = reading.told(&[fault]);
    let Some(lie) = lies.first() else { return untold(&[fault], reading) };
    let mut check = Check::new();
    check.saw(lied(lie));
    if lies.len() > 1 {
        check.wrong(
            format!("{} refreshes although the first was refused for good", lies.len()),
            format!("{} обновления, хотя уже первое отвергнуто окончательно", lies.len()),
            lies.iter().map(|lie| lied(lie)).collect(),
        );
    }
    match reading.flow_of(lie) {
        Some(flow) if flow.outcome() == Some(Outcome::Ok) => {
            let renewed = reading.token_calls.iter().any(|call| {
                call.exchange.started_us > lie.wall_us && call.grant() != "refresh_token" && call.answer.is_some()
            });
            if !renewed {
                check.wrong(
                    "the refresh was refused and the bank reported ok without a new sign-in",
                    "в обновлении отказано, а банк сообщил об успехе без нового входа",
                    vec![lied(lie), flow.evidence()],
                );
            }
        }
        Some(flow) => check.saw(flow.evidence()),
        None => check.unproved("no flow belongs to it", "ни один сценарий к этому не относится", vec![lied(lie)]),
    }
    super::resp::prove(&mut check, reading);
    check.end(
        ("no refresh was refused", "отказа в обновлении не было"),
        ("one refresh, then the person is asked", "одно обновление, дальше — человек"),
    )
}

fn widened(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for call in refreshes(reading) {
        let (Some(scope), Some(token)) = (call.param("scope"), call.param("refresh_token")) else { continue };
        // The granted scope is that of the first answer in the family, or what was asked there.
        let mut origin = reading.origin_of_token(token);
        while let Some(earlier) =
            origin.filter(|call| call.grant() == "refresh_token").and_then(|call| call.param("refresh_token"))
        {
            let next = reading.origin_of_token(earlier);
            if next.is_none_or(|next| origin.is_some_and(|now| next.exchange.started_us >= now.exchange.started_us)) {
                break;
            }
            origin = next;
        }
        let Some(origin) = origin else { continue };
        let Some((access, _)) = reading.tokens_of(origin).into_iter().find(|(_, kind)| *kind == Kind::Access) else {
            continue;
        };
        let granted = super::data::granted(reading, access);
        if granted.is_empty() {
            continue;
        }
        check.saw(line(call.exchange));
        let extra: Vec<String> =
            wire::scope_words(scope).into_iter().filter(|word| !granted.contains(word) && word != "openid").collect();
        if !extra.is_empty() {
            check.wrong(
                format!("the refresh asks for {extra:?}, granted was {granted:?}"),
                format!("обновление просит {extra:?}, выдано {granted:?}"),
                vec![line(origin.exchange), line(call.exchange)],
            );
        }
    }
    check.end(
        ("no refresh named a scope", "в обновлениях scope не назван"),
        ("no refresh went beyond the grant", "обновления не выходят за выданное"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn what_a_later_answer_adds_is_not_what_the_person_granted() {
        let asked = |scope: &str| {
            let mut scene = Scene::oidc();
            let link = scene.link(ANNA);
            let (wider, _, second) = scene.answer(ANNA, "openid fullname snils inn", "");
            let refresh = |token: &str, scope: &str| {
                [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
            };
            let mut send = |form: &[(String, String)], answer: &serde_json::Value| {
                let refs: Vec<(&str, &str)> =
                    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                scene.token_call(ANNA, &refs, answer);
            };
            send(&refresh(&link.refresh, "openid fullname"), &wider);
            send(&refresh(&second, scope), &json!({}));
            verdict("RT-11", &scene)
        };
        assert_eq!(asked("openid snils"), Verdict::Pass);
        assert_eq!(asked("openid inn"), Verdict::Fail);
    }
}
