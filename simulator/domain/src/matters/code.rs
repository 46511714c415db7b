//! One-time codes of operations (IDN-10): a code is for the operation that was shown with it and for nothing else, lives
//! five minutes and serves once. An operation bears three wrong codes, whichever was the newest; then the matter is refused.

use contract::matter::{CODE_LIFE, CODE_TRIES, MatterReason};

use super::engine::{self, Change};
use super::room::Matter;
use crate::draft::Draft;
use crate::event::Fact;
use crate::proof::Secret;
use crate::refusal::Refusal;

/// Digits of a code.
const DIGITS: usize = 6;

/// A code goes to the citizen's phone with the words of the operation. A fresh one brings no fresh tries: they count for
/// the operation, or whoever may have codes sent could guess for ever.
pub(super) fn send(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter, operation: String) {
    let code = draft.digits(DIGITS);
    let tries = matter.code.as_ref().filter(|before| !before.used).map_or(CODE_TRIES, |before| before.left);
    let fact = Fact::MatterCodeSent {
        id: matter.id.clone(),
        operation,
        expires_at: draft.now + CODE_LIFE,
        tries,
        code: Some(code),
    };
    told(draft, matter, fact);
}

/// Codes are filed under the matter's id, so that a used one can be erased from beside the journal.
fn told(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter, fact: Fact) {
    let flow = draft.flow.replace(matter.id.clone());
    engine::tell(draft, matter, fact);
    draft.flow = flow;
}

/// Takes the code, or says why not.
pub(super) fn present(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter, given: &Secret) -> Result<(), Refusal> {
    let no = |code: &str| Refusal::new(code, code).check("one-time code of the operation");
    let Some(code) = matter.code.clone() else {
        return Err(engine::wrong_state(matter, "a matter that waits for a code"));
    };
    if code.used {
        return Err(no("code-used").seen("a code that has served").wanted("a code not used yet"));
    }
    if code.left == 0 {
        return Err(engine::wrong_state(matter, "a matter that waits for a code"));
    }
    if code.expires_at <= draft.now {
        let over = draft.now.since(code.expires_at).seconds();
        return Err(no("code-expired")
            .seen(format!("{over} s over"))
            .wanted("within five minutes")
            .mend("ask for a fresh one"));
    }
    if code.code.as_deref().is_some_and(|right| given.matches(right)) {
        told(draft, matter, Fact::MatterCodeAccepted { id: matter.id.clone() });
        return Ok(());
    }
    let left = code.left - 1;
    told(draft, matter, Fact::MatterCodeRejected { id: matter.id.clone(), left });
    if left == 0 {
        let reason = MatterReason {
            code: "code-mismatch".to_owned(),
            ru: "Код подтверждения введён неверно три раза.".to_owned(),
            en: "The one-time code was wrong three times.".to_owned(),
        };
        engine::step(draft, matter, "refuse", None, Change { reason: Some(reason), ..Change::default() })?;
    }
    Err(no("code-mismatch").seen(format!("a wrong code, {left} tries left")).wanted("the code of the newest message"))
}
