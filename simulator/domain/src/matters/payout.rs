//! Payouts from the portal's personal account to a card (PAY-3): by a token of the card, never its number, and not beyond
//! what stands on the account, neither when asked nor when confirmed.

use contract::matter::{PayoutDetails, is_card_number};
use contract::money::Money;
use serde_json::{Value, json};

use super::engine;
use super::room::Matter;
use crate::draft::Draft;
use crate::refusal::Refusal;

pub(super) fn check(draft: &Draft<'_, '_, '_>, person: i64, details: &PayoutDetails) -> Result<Value, Refusal> {
    token("card_token", &details.card_token)?;
    positive(details.amount)?;
    enough(draft, person, details.amount)?;
    Ok(json!(details))
}

/// Confirmed at last: the account may have been emptied meanwhile.
pub(super) fn covered(draft: &Draft<'_, '_, '_>, matter: &Matter) -> Result<(), Refusal> {
    enough(draft, matter.person, amount(matter))
}

fn enough(draft: &Draft<'_, '_, '_>, person: i64, amount: Money) -> Result<(), Refusal> {
    let balance = engine::balance(draft.world, person);
    if amount <= balance {
        return Ok(());
    }
    Err(Refusal::new("insufficient-funds", "insufficient-funds")
        .check("balance of the personal account")
        .seen(amount.kopecks().to_string())
        .wanted(format!("at most {}", balance.kopecks())))
}

pub(super) fn amount(matter: &Matter) -> Money {
    let kopecks = matter.details.as_ref().and_then(|details| details["amount"].as_i64());
    Money::from_kopecks(kopecks.unwrap_or_default())
}

pub(super) fn title(matter: &Matter) -> String {
    format!("Вывод {} на карту", amount(matter))
}

/// A token of the bank's own: a card's number is refused whatever it is called.
pub(crate) fn token(name: &str, given: &str) -> Result<(), Refusal> {
    if is_card_number(given) {
        return Err(Refusal::new("card-number-forbidden", "card-number-forbidden")
            .check(name)
            .seen("the number of a card")
            .wanted("a token of the bank's own")
            .mend("numbers of cards never leave the bank"));
    }
    if given.trim().is_empty() || given.len() > 200 {
        return Err(Refusal::new("parameter-invalid", "parameter-invalid").check(name).wanted("1 to 200 characters"));
    }
    Ok(())
}

pub(crate) fn positive(amount: Money) -> Result<(), Refusal> {
    if amount > Money::ZERO {
        return Ok(());
    }
    Err(Refusal::new("amount-mismatch", "amount-not-positive")
        .check("amount")
        .seen(amount.kopecks().to_string())
        .wanted("kopecks above zero"))
}
