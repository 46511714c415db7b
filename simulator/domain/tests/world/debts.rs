//! Debts and payments.

use std::sync::Arc;

use contract::money::Money;
use contract::registries::debts::{DebtKind, DebtStatus, DebtsPage, Payment, PaymentMethod, PaymentState};
use contract::time::Span;
use domain::{Ask, Command, MatterCommand, PayDebt, PaymentRef, Refusal, Reply};
use serde_json::{Value, json};

use crate::stage::{Stage, anna, anna_debts, boris, debt, person};

fn list(stage: &mut Stage) -> DebtsPage {
    let ask = stage.ask(anna());
    page(stage, ask, None).unwrap()
}

fn page(stage: &mut Stage, ask: Ask, cursor: Option<String>) -> Result<DebtsPage, Refusal> {
    match stage.run(Command::ListDebts { ask, cursor })? {
        Reply::Debts(page) => Ok(*page),
        other => panic!("{other:?}"),
    }
}

fn order(ask: Ask, number: usize, kopecks: i64, key: &str) -> PayDebt {
    PayDebt {
        ask,
        uin: anna_debts()[number].uin.to_string(),
        key: key.into(),
        amount: Money::from_kopecks(kopecks),
        method: PaymentMethod::Card,
        source: "card-token".into(),
    }
}

fn pay(stage: &mut Stage, order: PayDebt) -> Result<(Payment, bool), Refusal> {
    match stage.run(Command::PayDebt(Box::new(order)))? {
        Reply::Payment { payment, repeated } => Ok((*payment, repeated)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn debts_are_listed_with_totals_over_all_kinds() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["debts"]);
    let page = list(&mut stage);
    assert_eq!(page.items.len(), 3);
    assert_eq!(page.totals.fine.kopecks(), 50_000);
    assert_eq!(page.totals.all.kopecks(), 50_000 + 4_000_000 + 123_456);
    assert_eq!(page.next, None);
}

#[test]
fn pages_are_read_with_one_token_and_leave_nothing_out() {
    let mut stage = Stage::new();
    let many = (100..145).map(|number| debt(number, DebtKind::Fine, 100)).collect();
    stage.run(Command::ChangeCitizen(Arc::new(person(anna(), many)))).unwrap();
    stage.consent(anna(), &["debts"]);
    let ask = stage.ask(anna());
    let (mut seen, mut cursor, mut pages) = (vec![], None, 0);
    loop {
        let page = page(&mut stage, ask.clone(), cursor).unwrap();
        assert_eq!(page.totals.all.kopecks(), 45 * 100 + 50_000 + 4_000_000 + 123_456);
        seen.extend(page.items.iter().map(|debt| debt.uin.clone()));
        pages += 1;
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((count, seen.len(), pages), (48, 48, 3));
    assert_eq!(page(&mut stage, ask, None).unwrap_err().code, "token-spent");
}

#[test]
fn a_discount_ends_with_its_day() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["debts"]);
    assert!(list(&mut stage).items.iter().any(|debt| debt.discount.is_some()));
    stage.advance(Span::from_days(9));
    assert!(list(&mut stage).items.iter().all(|debt| debt.discount.is_none()));
    let late = order(stage.ask(anna()), 0, 37_500, "key");
    assert_eq!(pay(&mut stage, late).unwrap_err().code, "amount-mismatch");
}

#[test]
fn a_debt_is_paid_once_whatever_comes() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["debts"]);
    let first = order(stage.ask(anna()), 1, 4_000_000, "key-1");
    let (payment, repeated) = pay(&mut stage, first.clone()).unwrap();
    assert!(!repeated && payment.receipt.is_some() && payment.state == PaymentState::Settled);
    // The answer was lost: the same order again, by the same token and by a new one.
    assert_eq!(pay(&mut stage, first.clone()).unwrap(), (payment.clone(), true));
    let anew = PayDebt { ask: stage.ask(anna()), ..first.clone() };
    assert_eq!(pay(&mut stage, anew).unwrap(), (payment.clone(), true));
    // Another body under the key, another key for the debt.
    let other_body = PayDebt { ask: stage.ask(anna()), amount: Money::from_kopecks(1), ..first.clone() };
    assert_eq!(pay(&mut stage, other_body).unwrap_err().code, "idempotency-key-reused");
    let other_key = PayDebt { ask: stage.ask(anna()), key: "key-2".into(), ..first };
    assert_eq!(pay(&mut stage, other_key).unwrap_err().code, "debt-already-paid");
    assert_eq!(stage.count("payment.accepted"), 1);
    assert_eq!(stage.count("payment.refused"), 2);
    // Gone from the list at once, with its restriction.
    assert_eq!(stage.count("restriction.lifted"), 1);
    let page = list(&mut stage);
    assert!(page.items.iter().all(|debt| debt.uin != payment.uin));
    assert_eq!(page.totals.tax, Money::ZERO);
}

#[test]
fn a_payment_undone_brings_the_restriction_back() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["debts"]);
    let before = anna_debts()[1].clone();
    let kept = |stage: &Stage| stage.world.debts.find(before.uin.as_str()).unwrap().debt.clone();
    let order = |stage: &mut Stage, key: &str| {
        let by_account = PayDebt { method: PaymentMethod::Account, ..order(stage.ask(anna()), 1, 4_000_000, key) };
        (by_account.ask.clone(), pay(stage, by_account).unwrap().0.id)
    };
    let (ask, id) = order(&mut stage, "key-1");
    assert_eq!((kept(&stage).status, kept(&stage).restriction), (DebtStatus::Paid, None));
    stage.run(Command::Matter(Box::new(MatterCommand::ReversePayment { ask, id }))).unwrap();
    assert_eq!(kept(&stage), before);
    let hook: Value = serde_json::from_str(&stage.world.hooks.all().last().unwrap().body).unwrap();
    assert_eq!((&hook["debt"]["status"], &hook["debt"]["restriction"]["kind"]), (&json!("open"), &json!("exit_ban")));
    // Paid anew it falls anew, and stands again when the money comes back.
    let (_, id) = order(&mut stage, "key-2");
    assert_eq!(kept(&stage).restriction, None);
    stage.advance(Span::from_seconds(2));
    stage.run(Command::Matter(Box::new(MatterCommand::Force { id, name: "return".into(), reason: None }))).unwrap();
    assert_eq!(kept(&stage), before);
    assert_eq!(stage.count("restriction.lifted"), 2);
}

#[test]
fn the_fate_of_a_payment_is_told_by_id_and_by_key() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["debts"]);
    let unpaid = stage.ask(anna());
    let by_key = |ask| Command::ReadPayment { ask, payment: PaymentRef::Key("key".into()) };
    assert_eq!(stage.run(by_key(unpaid)).unwrap_err().code, "unknown-payment");

    let order = PayDebt { method: PaymentMethod::Account, ..order(stage.ask(anna()), 2, 123_456, "key") };
    let token = order.ask.clone();
    let (payment, _) = pay(&mut stage, order.clone()).unwrap();
    assert_eq!(payment.state, PaymentState::Accepted);
    stage.advance(Span::from_seconds(2));
    assert_eq!(stage.count("payment.settled"), 1);
    let fresh = stage.ask(anna());
    for (ask, wanted) in [(token, PaymentRef::Key("key".into())), (fresh, PaymentRef::Id(payment.id.clone()))] {
        let Reply::Payment { payment: read, .. } = stage.run(Command::ReadPayment { ask, payment: wanted }).unwrap()
        else {
            panic!()
        };
        assert_eq!((read.id.clone(), read.state), (payment.id.clone(), PaymentState::Settled));
    }
    assert_eq!(pay(&mut stage, order).unwrap(), (payment, true), "a repeat gets the first answer");
}

#[test]
fn amounts_are_right_to_the_kopeck_and_debts_are_ones_own() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["debts"]);
    for kopecks in [0, -50_000, 49_999, 37_499] {
        let wrong = order(stage.ask(anna()), 0, kopecks, "key");
        assert_eq!(pay(&mut stage, wrong).unwrap_err().code, "amount-mismatch");
    }
    let uin = stage.world.debts.of(boris())[0].uin.to_string();
    let foreign = PayDebt { uin, ..order(stage.ask(anna()), 0, 100, "key") };
    assert_eq!(pay(&mut stage, foreign).unwrap_err().code, "unknown-debt");
    let discounted = order(stage.ask(anna()), 0, 37_500, "key");
    assert!(pay(&mut stage, discounted).is_ok());
}

#[test]
fn a_fed_debt_is_listed_changed_and_pushed_to_the_bank() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["debts"]);
    let feed = |stage: &mut Stage, kopecks| {
        let ask = stage.ask(anna());
        let command = Command::FeedDebt {
            ask,
            external_id: "loan-17".into(),
            title: "Просрочка".into(),
            amount: Money::from_kopecks(kopecks),
            due_date: stage.now.day(),
        };
        match stage.run(command).unwrap() {
            Reply::Fed { uin, created } => (uin, created),
            other => panic!("{other:?}"),
        }
    };
    let (uin, created) = feed(&mut stage, 1000);
    assert!(created);
    assert_eq!(feed(&mut stage, 1500), (uin.clone(), false));
    let page = list(&mut stage);
    assert_eq!(page.totals.credit.kopecks(), 1500);
    let hook: Value = serde_json::from_str(&stage.world.hooks.all().last().unwrap().body).unwrap();
    assert_eq!(hook["type"], "debt.changed");
    assert_eq!((&hook["debt"]["uin"], &hook["debt"]["amount"]), (&Value::from(uin), &Value::from(1500)));
}

#[test]
fn a_change_by_control_reaches_the_list_and_the_banks_with_a_consent() {
    let mut stage = Stage::new();
    let mut changed = person(anna(), anna_debts());
    changed.debts[0].amount = Money::from_kopecks(60_000);
    stage.run(Command::ChangeCitizen(Arc::new(changed.clone()))).unwrap();
    assert_eq!(stage.world.hooks.all().count(), 0, "without a consent nobody hears");
    stage.consent(anna(), &["debts"]);
    let before = stage.world.hooks.all().count();
    changed.debts.push(debt(77, DebtKind::Tax, 1));
    stage.run(Command::ChangeCitizen(Arc::new(changed))).unwrap();
    assert_eq!(stage.world.hooks.all().count(), before + 1);
    assert_eq!(list(&mut stage).totals.fine.kopecks(), 60_000);
    assert_eq!(stage.world.debts.of(anna()).iter().filter(|debt| debt.status == DebtStatus::Open).count(), 4);
}

#[test]
fn charges_by_the_thousand_are_paged_in_order_and_one_of_them_is_paid() {
    let mut stage = Stage::new();
    let mut record = person(anna(), anna_debts());
    let bulk = contract::registries::holdings::Bulk { count: 2_000, until: stage.now.day() };
    record.holdings.bulk = Some(bulk);
    stage.run(Command::ChangeCitizen(Arc::new(record))).unwrap();
    stage.consent(anna(), &["debts"]);
    let read = |stage: &mut Stage| {
        let ask = stage.ask(anna());
        let (mut seen, mut cursor) = (vec![], None);
        loop {
            let page = page(stage, ask.clone(), cursor).unwrap();
            seen.extend(page.items);
            match page.next {
                Some(next) => cursor = Some(next),
                None => break (seen, page.totals),
            }
        }
    };
    let (seen, totals) = read(&mut stage);
    assert_eq!(seen.len(), 2_003);
    assert!(seen.windows(2).all(|pair| (pair[0].due_date, &pair[0].uin) < (pair[1].due_date, &pair[1].uin)));
    assert_eq!(totals.all, seen.iter().map(|debt| debt.amount).sum());

    let charge = bulk.charge(number_of_anna(), 1_234).unwrap();
    let ask = stage.ask(anna());
    let order = PayDebt { uin: charge.uin.to_string(), amount: charge.amount, ..order(ask, 0, 0, "of-a-bulk") };
    pay(&mut stage, order.clone()).unwrap();
    let (rest, less) = read(&mut stage);
    assert_eq!((rest.len(), less.all), (2_002, totals.all - charge.amount));
    assert!(rest.iter().all(|debt| debt.uin != charge.uin));
    let again = PayDebt { ask: stage.ask(anna()), key: "again".into(), ..order };
    assert_eq!(pay(&mut stage, again).unwrap_err().code, "debt-already-paid");
}

fn number_of_anna() -> contract::ids::Oid {
    contract::ids::Oid::try_from(anna()).unwrap()
}
