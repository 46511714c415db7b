//! Matters: the lifecycles, one-time codes, repeats, money.

use std::collections::BTreeSet;

use contract::matter::{
    ApplicationType, By, Destination, MatterKind, OrderDetails, OrderType, PayoutDetails, TicketDetails, TicketTopic,
    TransferDetails, TransferType, Verdict, all_moves,
};
use contract::money::Money;
use contract::registries::debts::{PaymentMethod, PaymentState};
use contract::time::Span;
use domain::{
    Application, Ask, BankAct, CitizenAct, Command, Event, Fact, MatterCommand, MatterReply, Once, Opening, PayDebt,
    Refusal, Reply, Secret, World,
};
use serde_json::Value;

use crate::stage::{BANK, Stage, anna, boris};

const SCOPES: &[&str] = &[
    "analytics",
    "applications",
    "certificates",
    "debts",
    "documents",
    "duties",
    "feedback",
    "offers",
    "tax",
    "transfers",
];

pub(crate) fn once(key: &str) -> Once {
    Once { key: key.into(), body: format!("body of {key}") }
}

pub(crate) fn order(kind: OrderType) -> Opening {
    Opening::Order(OrderDetails { kind, reason: "для кредита".into(), number: None, unattended: false })
}

pub(crate) fn transfer(kopecks: i64) -> Opening {
    Opening::Transfer(TransferDetails {
        kind: TransferType::Budget,
        programme: None,
        amount: Money::from_kopecks(kopecks),
        from: "tok-1".into(),
        to: Some(Destination {
            account: "40817810700000000001".into(),
            bik: "044525225".into(),
            kbk: Some("18811601123010001140".into()),
            oktmo: Some("45348000".into()),
        }),
    })
}

impl Stage {
    fn with_matters() -> Self {
        let mut stage = Self::new();
        let mut partner = crate::stage::partner(BANK);
        partner.scopes.extend(SCOPES.iter().map(|scope| (*scope).to_owned()));
        stage.run(Command::RegisterPartner(Box::new(partner))).unwrap();
        stage.consent(anna(), SCOPES);
        stage
    }

    fn matter(&mut self, command: MatterCommand) -> Result<MatterReply, Refusal> {
        match self.run(Command::Matter(Box::new(command)))? {
            Reply::Matter(reply) => Ok(reply),
            other => panic!("{other:?}"),
        }
    }

    fn value(&mut self, command: MatterCommand) -> Result<Value, Refusal> {
        match self.matter(command)? {
            MatterReply::Matter { value, .. } => Ok(value),
            other => panic!("{other:?}"),
        }
    }

    fn opened(&mut self, key: &str, what: Opening) -> Result<Value, Refusal> {
        let ask = self.ask(anna());
        self.value(MatterCommand::Open { ask, once: once(key), what })
    }

    fn act(&mut self, key: &str, matter: &Value, act: BankAct) -> Result<Value, Refusal> {
        let ask = self.ask(anna());
        let kind = MatterKind::named(matter["kind"].as_str().unwrap()).unwrap();
        let id = matter["id"].as_str().unwrap().to_owned();
        self.value(MatterCommand::Move { ask, once: once(key), kind, id, act })
    }

    fn confirmed(&mut self, key: &str, matter: &Value) -> Result<Value, Refusal> {
        let code = Secret::new(self.sent_code(anna()));
        self.act(key, matter, BankAct::Confirm { code })
    }

    fn state_of(&self, matter: &Value) -> String {
        self.world.matters.find(matter["id"].as_str().unwrap()).unwrap().state.clone()
    }
}

fn code_of(outcome: Result<Value, Refusal>) -> String {
    outcome.unwrap_err().code
}

#[test]
fn an_order_is_confirmed_made_and_told_at_each_step() {
    let mut stage = Stage::with_matters();
    let placed = stage.opened("key-1", order(OrderType::Pension)).unwrap();
    assert_eq!((placed["state"].as_str(), placed["kind"].as_str()), (Some("placed"), Some("order")));
    let shown = stage.world.messages.of(anna()).last().unwrap().clone();
    assert!(shown.text.contains("лицевого счёта") && shown.code.is_some(), "{shown:?}");
    let confirmed = stage.confirmed("key-2", &placed).unwrap();
    assert_eq!(confirmed["state"], "in_work");
    let steps: Vec<&str> =
        confirmed["history"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect();
    assert_eq!(steps, ["placed", "confirmed", "in_work"]);
    stage.advance(Span::from_minutes(2));
    assert_eq!(stage.state_of(&placed), "ready");
    let document = stage.world.matters.documents_of(placed["id"].as_str().unwrap()).next().unwrap().clone();
    assert_eq!(document.facts.as_ref().unwrap()["facts"]["balance"], 800);
    let bearer = stage.data_token(anna()).unwrap();
    let read = MatterCommand::ReadDocument { bearer, id: document.id.clone(), part: domain::DocumentPart::Paper };
    stage.matter(read).unwrap();
    assert_eq!(stage.state_of(&placed), "delivered");
    // Placed, confirmed, in work, ready, delivered: a notice and a web-hook each.
    let told = stage.world.hooks.all().filter(|hook| hook.kind == "order.changed").count();
    let notices = stage.world.messages.of(anna()).iter().filter(|message| message.subject.starts_with("Заказ")).count();
    assert_eq!((told, notices), (5, 5));
}

#[test]
fn a_code_is_for_one_operation_serves_once_and_bears_three_tries() {
    let mut stage = Stage::with_matters();
    let first = stage.opened("key-1", order(OrderType::Pension)).unwrap();
    let first_code = stage.sent_code(anna());
    let second = stage.opened("key-2", order(OrderType::Account)).unwrap();
    let foreign = BankAct::Confirm { code: Secret::new(first_code.clone()) };
    assert_eq!(code_of(stage.act("key-3", &second, foreign)), "code-mismatch");
    stage.act("key-4", &first, BankAct::Confirm { code: Secret::new(first_code.clone()) }).unwrap();
    assert_eq!(code_of(stage.act("key-5", &first, BankAct::Confirm { code: Secret::new(first_code) })), "code-used");
    for key in ["key-6", "key-7"] {
        assert_eq!(code_of(stage.act(key, &second, BankAct::Confirm { code: Secret::new("x") })), "code-mismatch");
    }
    assert_eq!(stage.state_of(&second), "refused");
    let late = stage.opened("key-8", order(OrderType::Account)).unwrap();
    stage.advance(Span::from_minutes(6));
    assert_eq!(code_of(stage.confirmed("key-9", &late)), "code-expired");
    stage.act("key-10", &late, BankAct::Resend).unwrap();
    assert_eq!(stage.confirmed("key-11", &late).unwrap()["state"], "in_work");
}

#[test]
fn a_fresh_code_brings_no_fresh_tries() {
    let mut stage = Stage::with_matters();
    let matter = stage.opened("key-1", order(OrderType::Account)).unwrap();
    let wrong = || BankAct::Confirm { code: Secret::new("x") };
    for key in ["key-2", "key-3"] {
        assert_eq!(code_of(stage.act(key, &matter, wrong())), "code-mismatch");
    }
    stage.act("key-4", &matter, BankAct::Resend).unwrap();
    assert_eq!(code_of(stage.act("key-5", &matter, wrong())), "code-mismatch");
    assert_eq!(stage.state_of(&matter), "refused");
    assert_eq!(code_of(stage.confirmed("key-6", &matter)), "matter-state-wrong");
}

#[test]
fn the_same_order_again_gets_the_same_answer_and_another_body_none() {
    let mut stage = Stage::with_matters();
    let first = stage.opened("key-1", transfer(500)).unwrap();
    stage.advance(Span::from_minutes(5));
    let again = stage.opened("key-1", transfer(500)).unwrap();
    assert_eq!(first, again, "whatever happened since");
    let ask = stage.ask(anna());
    let other = Once { key: "key-1".into(), body: "another".into() };
    let refused = stage.value(MatterCommand::Open { ask, once: other, what: transfer(600) });
    assert_eq!(code_of(refused), "idempotency-key-reused");
    assert_eq!(stage.world.matters.all().count(), 1);
    assert_eq!(stage.state_of(&first), "credited");
}

#[test]
fn one_token_serves_a_matter_from_its_opening_through_its_moves_and_no_other() {
    let mut stage = Stage::with_matters();
    let ask = stage.ask(anna());
    let placed =
        stage.value(MatterCommand::Open { ask: ask.clone(), once: once("key-1"), what: order(OrderType::Account) });
    let id = placed.unwrap()["id"].as_str().unwrap().to_owned();
    stage.value(MatterCommand::Read { ask: ask.clone(), kind: MatterKind::Order, id: id.clone() }).unwrap();
    let cancel = MatterCommand::Move {
        ask: ask.clone(),
        once: once("key-2"),
        kind: MatterKind::Order,
        id,
        act: BankAct::Cancel,
    };
    assert_eq!(stage.value(cancel).unwrap()["state"], "cancelled");
    let other = MatterCommand::Open { ask, once: once("key-3"), what: order(OrderType::Account) };
    assert_eq!(code_of(stage.value(other)), "token-other-request");
}

#[test]
fn unattended_orders_keep_to_consent_and_quota() {
    let mut stage = Stage::with_matters();
    let unattended = || {
        Opening::Order(OrderDetails {
            kind: OrderType::Account,
            reason: "мониторинг".into(),
            number: None,
            unattended: true,
        })
    };
    for number in 0..20 {
        assert_eq!(stage.opened(&format!("key-{number}"), unattended()).unwrap()["state"], "in_work");
    }
    assert_eq!(code_of(stage.opened("key-21", unattended())), "quota-exceeded");
    stage.advance(Span::from_days(1));
    assert!(stage.opened("key-22", unattended()).is_ok());
}

#[test]
fn a_key_that_does_not_fit_and_a_card_number_move_no_money() {
    let mut stage = Stage::with_matters();
    let Opening::Transfer(mut wrong) = transfer(100) else { panic!() };
    wrong.to.as_mut().unwrap().account = "40817810800000000001".into();
    assert_eq!(code_of(stage.opened("key-1", Opening::Transfer(wrong.clone()))), "account-key-wrong");
    wrong.from = "4111 1111 1111 1111".into();
    assert_eq!(code_of(stage.opened("key-2", Opening::Transfer(wrong))), "card-number-forbidden");
    let payout = Opening::Payout(PayoutDetails { amount: Money::from_kopecks(1), card_token: "tok-9".into() });
    assert_eq!(code_of(stage.opened("key-3", payout)), "insufficient-funds");
    assert_eq!(stage.world.matters.all().count(), 0);
}

#[test]
fn an_application_goes_from_the_citizen_to_the_bank_and_back() {
    let mut stage = Stage::with_matters();
    let application = Box::new(Application {
        client_id: BANK.into(),
        kind: ApplicationType::Loan,
        amount: Some(Money::from_kopecks(50_000_000)),
        term_months: Some(24),
        account: None,
        files: vec![],
    });
    let draft = stage.value(MatterCommand::Apply { citizen: anna(), application }).unwrap();
    assert_eq!(draft["details"]["form"]["last_name"], "Примерова");
    let id = draft["id"].as_str().unwrap().to_owned();
    assert_eq!(code_of(stage.act("key-0", &draft, BankAct::Take)), "matter-state-wrong");
    let code = Secret::new(stage.sent_code(anna()));
    let registered =
        stage.value(MatterCommand::Act { citizen: anna(), id: id.clone(), act: CitizenAct::Confirm { code } }).unwrap();
    assert_eq!(registered["state"], "registered");
    assert!(registered["number"].is_string());
    let ask = stage.ask(anna());
    let seen = stage.value(MatterCommand::Read { ask, kind: MatterKind::Application, id: id.clone() }).unwrap();
    assert_eq!(stage.world.matters.find(&id).unwrap().handed.as_ref(), Some(&seen["details"]), "the two copies agree");
    stage.act("key-1", &draft, BankAct::Take).unwrap();
    stage.act("key-2", &draft, BankAct::Ask { text: "Уточните доход".into() }).unwrap();
    let changes = serde_json::json!({"form": {"phone": "+7(900)0000001"}});
    stage.value(MatterCommand::Act { citizen: anna(), id: id.clone(), act: CitizenAct::Correct { changes } }).unwrap();
    let told = BankAct::Status { state_text: "Скоринг пройден".into(), text: None };
    assert_eq!(stage.act("key-3", &draft, told).unwrap()["state"], "in_review");
    let decided =
        BankAct::Decide { decision: Verdict::Decline, reason: Some("Высокая нагрузка".into()) };
    let declined = stage.act("key-4", &draft, decided).unwrap();
    assert_eq!(
        (declined["state"].as_str(), declined["reason"]["ru"].as_str()),
        (Some("declined"), Some("Высокая нагрузка"))
    );
    let foreign = MatterCommand::Act { citizen: boris(), id, act: CitizenAct::Withdraw };
    assert_eq!(code_of(stage.value(foreign)), "matter-unknown");
}

#[test]
fn a_ticket_holds_no_personal_data() {
    let mut stage = Stage::with_matters();
    let ticket = |text: &str| {
        Opening::Ticket(TicketDetails {
            topic: TicketTopic::Payment,
            text: text.into(),
            operation: None,
            queue: None,
            answer: None,
        })
    };
    assert_eq!(code_of(stage.opened("key-1", ticket("мой телефон +7 900 123-45-67"))), "personal-data-forbidden");
    let routed = stage.opened("key-2", ticket("Платёж не дошёл за два дня")).unwrap();
    assert_eq!((routed["state"].as_str(), routed["details"]["queue"].is_string()), (Some("routed"), true));
}

/// Every arrow told stands in the table, and each matter's history is a walk along it.
fn along_the_arrows(events: &[Event]) {
    let table: BTreeSet<(MatterKind, &str, &str, By)> =
        all_moves().map(|step| (step.kind, step.from, step.to, step.by)).collect();
    let mut at = std::collections::BTreeMap::new();
    for event in events {
        match &event.fact {
            Fact::MatterOpened { opened } => {
                assert_eq!(opened.to, opened.kind.lifecycle().first());
                at.insert(opened.id.clone(), opened.to.clone());
            }
            Fact::MatterMoved { id, kind, from, to, by, .. } => {
                assert!(table.contains(&(*kind, from.as_str(), to.as_str(), *by)), "{kind} {from} → {to} by {by}");
                assert_eq!(at.get(id), Some(from), "{kind} moved from where it was not");
                at.insert(id.clone(), to.clone());
            }
            _ => {}
        }
    }
}

mod any_order {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Do {
        Wait(i64),
        Pay(u8, u8),
        Order(u8, u8),
        Payout(u8, u16),
        Transfer(u8, u16),
        Confirm(u8, u8, bool),
        Cancel(u8, u8),
        Reverse(u8, u8),
        Force(u8, u8),
    }

    fn step() -> impl Strategy<Value = Do> {
        prop_oneof![
            (1_i64..1200).prop_map(Do::Wait),
            (0_u8..4, 1_u8..4).prop_map(|(key, uin)| Do::Pay(key, uin)),
            (0_u8..6, 0_u8..3).prop_map(|(key, kind)| Do::Order(key, kind)),
            (0_u8..6, 1_u16..900).prop_map(|(key, amount)| Do::Payout(key, amount)),
            (0_u8..6, 1_u16..900).prop_map(|(key, amount)| Do::Transfer(key, amount)),
            (0_u8..6, 0_u8..8, any::<bool>()).prop_map(|(key, which, right)| Do::Confirm(key, which, right)),
            (0_u8..6, 0_u8..8).prop_map(|(key, which)| Do::Cancel(key, which)),
            (0_u8..6, 0_u8..8).prop_map(|(key, which)| Do::Reverse(key, which)),
            (0_u8..8, 0_u8..6).prop_map(|(which, name)| Do::Force(which, name)),
        ]
    }

    fn play(stage: &mut Stage, step: &Do) {
        let ids: Vec<(MatterKind, String)> =
            stage.world.matters.of(anna()).iter().map(|matter| (matter.kind, matter.id.clone())).collect();
        let pick = |which: u8| ids.get(usize::from(which)).cloned();
        let ask = |stage: &mut Stage| -> Ask { stage.ask(anna()) };
        let open = |stage: &mut Stage, key: String, body: String, what: Opening| {
            let ask = ask(stage);
            let _ = stage.matter(MatterCommand::Open { ask, once: Once { key, body }, what });
        };
        let act = |stage: &mut Stage, key: String, which: u8, act: BankAct| {
            let Some((kind, id)) = pick(which) else { return };
            let ask = ask(stage);
            let once = Once { body: format!("{key} {id}"), key };
            let _ = stage.matter(MatterCommand::Move { ask, once, kind, id, act });
        };
        match step {
            Do::Wait(seconds) => stage.advance(Span::from_seconds(*seconds)),
            Do::Pay(key, number) => {
                let debt = crate::stage::anna_debts()[usize::from(number - 1)].clone();
                let ask = ask(stage);
                let pay = PayDebt {
                    ask,
                    uin: debt.uin.to_string(),
                    key: format!("pay-{key}"),
                    amount: debt.amount,
                    method: if key % 2 == 0 { PaymentMethod::Card } else { PaymentMethod::Account },
                    source: "tok".into(),
                };
                let _ = stage.run(Command::PayDebt(Box::new(pay)));
            }
            Do::Order(key, kind) => {
                let kind = [OrderType::Pension, OrderType::Account, OrderType::Workbook][usize::from(*kind)];
                open(stage, format!("o-{key}"), format!("{kind}"), order(kind));
            }
            Do::Payout(key, amount) => {
                let what = PayoutDetails { amount: Money::from_kopecks(i64::from(*amount)), card_token: "tok".into() };
                open(stage, format!("p-{key}"), format!("{amount}"), Opening::Payout(what));
            }
            Do::Transfer(key, amount) => {
                open(stage, format!("t-{key}"), format!("{amount}"), transfer(i64::from(*amount)))
            }
            Do::Confirm(key, which, right) => {
                let known = pick(*which).and_then(|(_, id)| stage.world.matters.find(&id)?.code.clone()?.code);
                let code = Secret::new(known.filter(|_| *right).unwrap_or_default());
                act(stage, format!("c-{key}"), *which, BankAct::Confirm { code });
            }
            Do::Cancel(key, which) => act(stage, format!("x-{key}"), *which, BankAct::Cancel),
            Do::Reverse(key, which) => act(stage, format!("r-{key}"), *which, BankAct::Reverse),
            Do::Force(which, name) => {
                let name = ["refuse", "reject", "fail", "return", "check", "settle"][usize::from(*name)];
                let payment =
                    stage.world.payments.all().nth(usize::from(*which)).map(|record| record.payment.id.clone());
                let Some(id) = pick(*which).map(|(_, id)| id).or(payment) else { return };
                let _ = stage.matter(MatterCommand::Force { id, name: name.into(), reason: None });
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
        #[test]
        fn keeps_to_the_table_pays_once_and_loses_no_money(steps in proptest::collection::vec(step(), 1..40)) {
            let mut stage = Stage::with_matters();
            let mut rich = (**stage.world.citizens.find(anna()).unwrap()).clone();
            rich.holdings.balance = Money::from_kopecks(1_000);
            stage.run(Command::ChangeCitizen(std::sync::Arc::new(rich))).unwrap();
            for step in &steps {
                play(&mut stage, step);
                // What is on its way to the card or there was on the account.
                let gone: i64 = stage
                    .world
                    .matters
                    .all()
                    .filter(|matter| matter.kind == MatterKind::Payout && matches!(matter.state.as_str(), "sent" | "paid"))
                    .map(|matter| matter.details.as_ref().unwrap()["amount"].as_i64().unwrap())
                    .sum();
                prop_assert!(gone <= 1_000, "{gone} of 1000 paid out");
            }
            along_the_arrows(&stage.events);
            for debt in crate::stage::anna_debts() {
                let stands = |state: PaymentState| !matches!(state, PaymentState::Returned | PaymentState::Reversed);
                let paid = stage.world.payments.all().filter(|record| {
                    record.payment.uin == debt.uin && stands(record.payment.state)
                });
                prop_assert!(paid.count() <= 1, "a debt was paid twice");
            }
            let mut replayed = World::new(contract::control::Limits::default());
            for event in &stage.events {
                replayed.apply(event);
            }
            prop_assert_eq!(replayed.matters, stage.world.matters.clone());
            prop_assert_eq!(replayed.payments, stage.world.payments.clone());
        }
    }
}
