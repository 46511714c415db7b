//! What must hold at the end of a case.

use std::time::Duration;

use contract::adapter::Question;
use contract::journal::Entry;
use serde_json::{Map, Value};
use serde_json_path::JsonPath;

use super::lane::Lane;
use super::play::Play;
use crate::clock::Pace;
use crate::error::SuiteError;
use crate::scenario::fill;
use crate::scenario::model::{Expect, JournalExpect};

/// What comes a moment after the bank's last word (an event's delivery, a message) is waited for no longer than this.
const AFTERWARDS: Duration = Duration::from_millis(1500);

/// Checks one expectation on the bank, the portal's journal and the people.
pub(crate) async fn check(lane: &Lane, play: &Play, expect: &Expect) -> Result<(), SuiteError> {
    let mut expect = expect.clone();
    fill::fill_expect(&mut expect, fill::Lookup::last(&|name| play.lookup(name)));
    match expect {
        Expect::Journal(wanted) => check_journal(lane, play, &wanted).await?,
        Expect::Message(wanted) => {
            let Some(member) = play.member(&wanted.to.value) else { return Ok(()) };
            let messages = lane.sandbox.messages(&member.person.slug).await?;
            let has = wanted.has.to_lowercase();
            let found = messages
                .iter()
                .any(|message| format!("{} {}", message.subject, message.text).to_lowercase().contains(&has));
            if !found {
                let message = format!(
                    "{} was to get a message with “{}” and got {}",
                    wanted.to.value,
                    wanted.has,
                    messages.len()
                );
                play.unmet(None, message, Vec::new());
            }
        }
        Expect::Probe(wanted) => {
            let person = wanted.person.as_ref().map(|who| who.value.clone());
            let mut about = Map::new();
            if let Some(handle) =
                person.as_ref().and_then(|who| play.member(who)).and_then(|member| member.person.customer.clone())
            {
                about.insert("customer".to_owned(), Value::from(handle));
            }
            if let Some(consent) = &wanted.consent {
                about.insert("consent".to_owned(), Value::from(consent.value.as_str()));
            }
            let Ok(question) = serde_json::from_value::<Question>(Value::from(wanted.ask.value.as_str())) else {
                return Ok(());
            };
            let answer = lane.driver.probe(question, about.clone(), lane.patience()).await;
            play.probe(
                &wanted.ask.value,
                Value::Object(about),
                answer.as_ref().ok().cloned(),
                "step",
                person.as_deref(),
            );
            match answer {
                Ok(answer) if answer == wanted.is => {}
                Ok(answer) => {
                    let message = format!("the bank answers {answer} to `{}`, wanted {}", wanted.ask.value, wanted.is);
                    play.unmet(None, message, Vec::new());
                }
                Err(silence) => {
                    play.unmet(None, format!("the bank, asked `{}`, {silence}", wanted.ask.value), Vec::new())
                }
            }
        }
        Expect::Value(wanted) => {
            let saved = play.state().saved.get(&wanted.of.value).cloned();
            let Some(saved) = saved else {
                play.unmet(None, format!("nothing was saved as `{}`", wanted.of.value), Vec::new());
                return Ok(());
            };
            let Ok(path) = JsonPath::parse(&wanted.path.value) else { return Ok(()) };
            let seen = path.query(&saved).first().cloned().unwrap_or(Value::Null);
            if !same(&seen, &wanted.is) {
                let flow = saved["flow"].as_str().unwrap_or_default();
                let message = format!("{} of `{}` is {seen}, wanted {}", wanted.path.value, wanted.of.value, wanted.is);
                play.unmet(None, message, vec![format!("report:{flow}")]);
            }
        }
    }
    Ok(())
}

/// A number filled into a text stays comparable with a number.
fn same(seen: &Value, wanted: &Value) -> bool {
    seen == wanted || (fill::written(seen) == fill::written(wanted) && !seen.is_null() && !wanted.is_null())
}

async fn check_journal(lane: &Lane, play: &Play, wanted: &JournalExpect) -> Result<(), SuiteError> {
    let citizen = wanted.person.as_ref().and_then(|who| play.member(&who.value)).map(|member| member.person.oid);
    let fits = |entry: &&Entry| {
        entry.kind == wanted.kind.value
            && (citizen.is_none() || entry.citizen == citizen)
            && wanted.only.iter().all(|(path, value)| {
                let path = if path.starts_with('$') { path.clone() } else { format!("$.{path}") };
                JsonPath::parse(&path)
                    .is_ok_and(|path| path.query(&entry.data).first().is_some_and(|seen| same(seen, value)))
            })
    };
    let least = wanted.count.or(wanted.min).unwrap_or(1);
    let mut pace = Pace::within(lane.patience_for_entries(Some(AFTERWARDS)));
    let found = loop {
        let entries = lane.entries(play);
        let found: Vec<u64> = entries.iter().filter(fits).map(|entry| entry.n).collect();
        if found.len() as u64 >= least {
            if least > 0 {
                lane.entries_came(true);
            }
            break found;
        }
        if !pace.again().await {
            lane.entries_came(false);
            break found;
        }
        lane.collect().await?;
    };
    let seen = found.len() as u64;
    let (holds, how) = match (wanted.count, wanted.min) {
        (Some(count), _) => (seen == count, format!("{count} times")),
        (None, Some(min)) => (seen >= min, format!("at least {min} times")),
        (None, None) => (seen >= 1, "at least once".to_owned()),
    };
    if !holds {
        let whose = wanted.person.as_ref().map(|who| format!(" for {}", who.value)).unwrap_or_default();
        let message = format!(
            "`{}`{whose} was to stand in the portal's journal {how}, and stands there {seen} times",
            wanted.kind.value
        );
        play.unmet(None, message, found.iter().map(|n| format!("journal:{n}")).collect());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_equals_itself_in_a_text_and_nothing_equals_absence() {
        assert!(same(&json!(100), &json!("100")));
        assert!(!same(&Value::Null, &json!("null")));
        assert!(same(&Value::Null, &Value::Null));
    }
}
