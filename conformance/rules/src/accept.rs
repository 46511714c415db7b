//! The judge of every oddity that a bank must take: the flow that met it ends well, like its twin, and the bank works on.

use contract::adapter::Outcome;
use contract::exchange::Party;

use crate::finding::{Judgement, Verdict};
use crate::reading::{Lie, Reading, lied, wire};
use crate::refusal::{alive, delivery, proofs, twin, untold};
use crate::rule::{Accept, Rule};

/// Judges one row on one recording.
pub fn judge(rule: &Rule, row: &Accept, reading: &Reading<'_>) -> Judgement {
    let lies = reading.told(row.faults);
    if lies.is_empty() {
        return untold(row.faults, reading);
    }
    let mut worst: Option<Judgement> = None;
    for lie in lies {
        let judgement = judge_one(rule, row, reading, lie);
        if worst.as_ref().is_none_or(|known| known.verdict < judgement.verdict) {
            worst = Some(judgement);
        }
    }
    worst.unwrap_or_else(|| untold(row.faults, reading))
}

fn judge_one(rule: &Rule, row: &Accept, reading: &Reading<'_>, lie: &Lie<'_>) -> Judgement {
    let mut evidence = vec![lied(lie)];
    let inconclusive = |(en, ru): (String, String), evidence| Judgement::of(Verdict::Inconclusive, en, ru, evidence);
    if let Err(why) = reached(reading, lie) {
        return inconclusive(why, evidence);
    }
    let Some(flow) = reading.flow_of(lie) else {
        let why = (
            format!("{}: no flow of the bank belongs to it", lie.fault),
            format!("{}: ни один сценарий банка к этому не относится", lie.fault),
        );
        return inconclusive(why, evidence);
    };
    evidence.push(flow.evidence());
    if let Err(why) = twin(reading) {
        return inconclusive(why, evidence);
    }
    match flow.outcome() {
        Some(Outcome::Ok) => {}
        Some(Outcome::Pending) | None => {
            let why = (
                format!("{}: the flow never came to an end", lie.fault),
                format!("{}: сценарий так и не закончился", lie.fault),
            );
            return Judgement::of(rule.level.broken(), why.0, why.1, evidence);
        }
        Some(Outcome::Error | Outcome::Refused) => {
            if let Some((en, ru)) = row.excuse.and_then(|excuse| excuse(reading, lie, flow)) {
                return Judgement { evidence, ..Judgement::not_applicable(en, ru) };
            }
            return Judgement::of(
                rule.level.broken(),
                format!("{}: allowed by the standard, yet the bank did not go on", lie.fault),
                format!("{}: стандарт это допускает, но банк не продолжил", lie.fault),
                evidence,
            );
        }
    }
    if let Some((en, ru)) = row.look.and_then(|look| look(reading, lie, flow)) {
        return Judgement::of(rule.level.broken(), en, ru, evidence);
    }
    if let Err(why) = alive(reading) {
        return inconclusive(why, evidence);
    }
    evidence.extend(proofs(reading));
    Judgement::of(
        Verdict::Pass,
        format!("{}: taken, and the flow ended well", lie.fault),
        format!("{}: принято, сценарий закончился успехом", lie.fault),
        evidence,
    )
}

fn reached(reading: &Reading<'_>, lie: &Lie<'_>) -> Result<(), (String, String)> {
    let missing = (format!("{}: the bank never received it", lie.fault), format!("{}: до банка не дошло", lie.fault));
    let Some(exchange) = lie.exchange else { return Err(missing) };
    let received = match exchange.from {
        Party::Browser => delivery(reading, lie).is_some_and(|visit| visit.response.is_some()),
        // What goes over an upgraded connection follows its handshake.
        _ => exchange.delivered || wire::status(exchange) == 101,
    };
    if received { Ok(()) } else { Err(missing) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testkit::*;

    #[test]
    fn an_oddity_that_did_not_arrive_was_not_taken() {
        let told = |delivered: bool| {
            let mut scene = Scene::oidc();
            let link = scene.link_begin(ANNA);
            scene.lie(link.exchange, "id-token-aud-array");
            scene.wire(link.exchange).delivered = delivered;
            scene.report(&link.flow, Outcome::Ok, None, json!({"profile": {}}));
            verdict("IDT-31", &scene)
        };
        assert_eq!(told(true), Verdict::Pass);
        assert_eq!(told(false), Verdict::Inconclusive);
        let brought = |answered: bool| {
            let mut scene = Scene::oidc();
            let link = scene.link_begin(ANNA);
            scene.lie(link.redirect, "redirect-extra-params");
            if !answered {
                scene.wire(link.callback).response = None;
            }
            scene.report(&link.flow, Outcome::Ok, None, json!({"profile": {}}));
            verdict("RESP-23", &scene)
        };
        assert_eq!(brought(true), Verdict::Pass);
        assert_eq!(brought(false), Verdict::Inconclusive);
    }

    #[test]
    fn of_several_oddities_the_worst_taken_decides() {
        let play = |outcomes: [Outcome; 2]| {
            let mut scene = Scene::oidc();
            for (oid, outcome) in [ANNA, BORIS].into_iter().zip(outcomes) {
                let link = scene.link_begin(oid);
                scene.lie(link.exchange, "id-token-aud-array");
                scene.report(&link.flow, outcome, None, json!({"profile": {}}));
            }
            verdict("IDT-31", &scene)
        };
        let broken = crate::rule("IDT-31").unwrap().level.broken();
        assert_eq!(play([Outcome::Ok, Outcome::Ok]), Verdict::Pass);
        assert_eq!(play([Outcome::Ok, Outcome::Error]), broken);
        assert_eq!(play([Outcome::Error, Outcome::Ok]), broken);
    }
}
