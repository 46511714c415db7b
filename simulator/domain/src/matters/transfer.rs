//! Transfers (PAY-1, PAY-2): within a state programme, or to a budget account whose key and codes are checked before
//! anything is moved.

use std::str::FromStr;

use contract::ids::{Account, Bik, Kbk, Oktmo};
use contract::matter::{Destination, TransferDetails, TransferType};
use serde_json::{Value, json};

use super::payout;
use super::room::Matter;
use crate::draft::Draft;
use crate::refusal::Refusal;

pub(super) fn check(draft: &Draft<'_, '_, '_>, person: i64, details: &TransferDetails) -> Result<Value, Refusal> {
    payout::token("from", &details.from)?;
    payout::positive(details.amount)?;
    match details.kind {
        TransferType::Programme => programme(draft, person, details.programme.as_deref())?,
        TransferType::Budget => {
            let to = details.to.as_ref().ok_or_else(|| invalid("to", "absent", "where the money goes"))?;
            if to.kbk.is_none() || to.oktmo.is_none() {
                return Err(invalid("to", "no kbk or no oktmo", "both codes of a budget account"));
            }
        }
    }
    if let Some(to) = &details.to {
        destination(to)?;
    }
    Ok(json!(details))
}

/// A programme of this citizen, from which money may be transferred.
fn programme(draft: &Draft<'_, '_, '_>, person: i64, code: Option<&str>) -> Result<(), Refusal> {
    let code = code.ok_or_else(|| invalid("programme", "absent", "code of the programme"))?;
    let held = draft.world.citizens.find(person).map(|citizen| citizen.holdings.programmes.clone()).unwrap_or_default();
    let found = held.iter().find(|programme| programme.code == code);
    if found.is_some_and(|programme| programme.transferable) {
        return Ok(());
    }
    Err(Refusal::new(
        "programme-unknown",
        if found.is_some() { "programme-not-transferable" } else { "programme-unknown" },
    )
    .check("programme")
    .seen(code)
    .wanted("a transferable programme of this citizen"))
}

fn destination(to: &Destination) -> Result<(), Refusal> {
    let bik: Bik = part("bik", &to.bik)?;
    let account: Account = part("account", &to.account)?;
    if let Some(kbk) = &to.kbk {
        part::<Kbk>("kbk", kbk)?;
    }
    if let Some(oktmo) = &to.oktmo {
        part::<Oktmo>("oktmo", oktmo)?;
    }
    if account.fits(&bik) {
        return Ok(());
    }
    Err(Refusal::new("account-key-wrong", "account-key-wrong")
        .check("key of the account in this bank (Bank of Russia, procedure 515)")
        .seen("a wrong ninth digit")
        .wanted("an account of this bank"))
}

fn part<T: FromStr>(name: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| invalid(&format!("to.{name}"), "malformed", "digits of the right length"))
}

fn invalid(name: &str, seen: &str, wanted: &str) -> Refusal {
    Refusal::new("parameter-invalid", "parameter-invalid").check(name).seen(seen).wanted(wanted)
}

pub(super) fn title(matter: &Matter) -> String {
    let kind = TransferType::named(matter.text("kind")).map_or("", TransferType::ru).to_lowercase();
    format!("Перевод {} {kind}", payout::amount(matter))
}
