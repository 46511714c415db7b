//! The judge of what is shown: in every flow of an action that ended well, the facts that the bank shows are those that
//! the portal served in that flow, whatever the format. Nothing served and nothing shown is nothing to judge.

use contract::adapter::Outcome;
use serde_json::Value;

use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::facts::{self, differences};
use crate::reading::{Reading, line};
use crate::rule::Shown;

/// Judges one row on one recording.
pub fn judge(row: &Shown, reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let nothing =
        ("nothing was served and shown of this service", "по этой услуге ничего не отдавалось или не показывалось");
    let Some(service) = facts::service(row.service) else { return check.end(nothing, nothing) };
    let flows = reading.flows.iter().filter(|flow| flow.action == row.action && flow.outcome() == Some(Outcome::Ok));
    for flow in flows {
        let Some((calls, facts)) = facts::served(reading, flow, service) else { continue };
        let mut evidence: Vec<_> = calls.iter().map(|call| line(call.exchange)).collect();
        evidence.push(flow.evidence());
        evidence.iter().cloned().for_each(|seen| check.saw(seen));
        let values = flow.last().map(|report| Value::Object(report.values.clone())).unwrap_or_default();
        for (at, origin) in row.members {
            let served = facts.pointer(origin).unwrap_or(&Value::Null);
            let Some(shown) = values.pointer(at) else {
                if !is_empty(served) {
                    check.wrong(
                        format!("{at} was served and is not shown"),
                        format!("{at} отдано, но не показано"),
                        evidence.clone(),
                    );
                }
                continue;
            };
            let mut found = Vec::new();
            differences(at, served, shown, &mut found);
            for (place, wanted, seen) in found {
                check.wrong(
                    format!("{place}: shown {seen}, served {wanted}"),
                    format!("{place}: показано {seen}, отдано {wanted}"),
                    evidence.clone(),
                );
            }
        }
    }
    check.end(nothing, ("everything is shown as served", "всё показано так, как отдано"))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
