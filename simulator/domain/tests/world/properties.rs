//! What holds for every order of commands.

use std::collections::{BTreeMap, BTreeSet};

use contract::money::Money;
use contract::registries::debts::{DebtStatus, PaymentMethod, Totals};
use contract::time::Span;
use domain::{Answer, Ask, Bearer, Command, Event, Fact, PayDebt, Reply, Secret, Step, TokenKind, World};
use proptest::prelude::*;

use crate::stage::{BANK, Stage, anna, boris, consent_request, proof, request};

/// A deed of anybody, in words that stay meaningful whatever happened before.
#[derive(Clone, Debug)]
enum Deed {
    BeginSignIn,
    BeginConsent(u8),
    Password { anna: bool, right: bool },
    Code { right: bool },
    Approve { part: bool },
    Refuse,
    Redeem,
    DataToken { anna: bool },
    List { anna: bool, next: bool },
    Pay { debt: u8, key: u8, right: bool },
    Pension { deferred: bool },
    ReadPerson { anna: bool },
    Revoke,
    Advance(u16),
    AdvanceDays,
    Hook { taken: bool },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        Just(Deed::BeginSignIn),
        (0..3u8).prop_map(Deed::BeginConsent),
        (any::<bool>(), prop::bool::weighted(0.8)).prop_map(|(anna, right)| Deed::Password { anna, right }),
        prop::bool::weighted(0.8).prop_map(|right| Deed::Code { right }),
        any::<bool>().prop_map(|part| Deed::Approve { part }),
        Just(Deed::Refuse),
        Just(Deed::Redeem),
        any::<bool>().prop_map(|anna| Deed::DataToken { anna }),
        (any::<bool>(), any::<bool>()).prop_map(|(anna, next)| Deed::List { anna, next }),
        (0..3u8, 0..4u8, any::<bool>()).prop_map(|(debt, key, right)| Deed::Pay { debt, key, right }),
        any::<bool>().prop_map(|deferred| Deed::Pension { deferred }),
        any::<bool>().prop_map(|anna| Deed::ReadPerson { anna }),
        Just(Deed::Revoke),
        (0..400u16).prop_map(Deed::Advance),
        Just(Deed::AdvanceDays),
        any::<bool>().prop_map(|taken| Deed::Hook { taken }),
    ];
    prop::collection::vec(deed, 0..60)
}

/// Plays deeds; whatever is refused is refused.
struct Play {
    stage: Stage,
    flow: Option<String>,
    code: Option<domain::IssuedCode>,
    data: Vec<String>,
    access: Vec<String>,
    cursor: Option<String>,
}

impl Play {
    fn new() -> Self {
        Self { stage: Stage::new(), flow: None, code: None, data: vec![], access: vec![], cursor: None }
    }

    fn flow(&self) -> String {
        self.flow.clone().unwrap_or_default()
    }

    fn ask(&self, person: i64) -> Ask {
        let token = self.data.last().cloned().unwrap_or_default();
        Ask { bearer: Bearer { token, certificate: None }, person, purpose: "CREDIT".into() }
    }

    fn step(&mut self, outcome: Result<Reply, domain::Refusal>) {
        if let Ok(Reply::Flow { flow, step }) = outcome {
            self.flow = Some(flow);
            if let Step::Issued(code) = step {
                self.code = Some(*code);
            }
        }
    }

    fn deed(&mut self, deed: &Deed) {
        match deed {
            Deed::BeginSignIn | Deed::BeginConsent(_) => {
                let request = match deed {
                    Deed::BeginConsent(0) => consent_request(&["debts"]),
                    Deed::BeginConsent(1) => consent_request(&["pension", "fullname"]),
                    Deed::BeginConsent(_) => consent_request(&["debts", "pension"]),
                    _ => request(),
                };
                let command =
                    Command::BeginAuthorisation { proof: Some(proof(BANK)), request: Box::new(request), session: None };
                let outcome = self.stage.run(command);
                self.step(outcome);
            }
            Deed::Password { anna: first, right } => {
                let oid = if *first { anna() } else { boris() };
                let password = if *right { format!("password-{oid}") } else { "wrong".into() };
                let command = Command::PresentPassword {
                    flow: self.flow(),
                    login: format!("login-{oid}"),
                    password: Secret::new(password),
                };
                let outcome = self.stage.run(command);
                self.step(outcome);
            }
            Deed::Code { right } => {
                let sent = [anna(), boris()].into_iter().flat_map(|oid| self.stage.world.messages.of(oid).iter().rev());
                let flow = self.flow();
                let sent = sent.filter(|message| message.flow.as_ref() == Some(&flow)).find_map(|m| m.code.clone());
                let typed = sent.filter(|_| *right).unwrap_or_else(|| "wrong".into());
                let outcome = self.stage.run(Command::PresentCode { flow, code: Secret::new(typed) });
                self.step(outcome);
            }
            Deed::Approve { part } => {
                let grant = part.then(|| vec!["debts".to_owned(), "fullname".to_owned()]);
                let command = Command::Answer { flow: self.flow(), answer: Answer::Approve { grant } };
                let outcome = self.stage.run(command);
                self.step(outcome);
            }
            Deed::Refuse => {
                let outcome = self.stage.run(Command::Answer { flow: self.flow(), answer: Answer::Refuse });
                self.step(outcome);
            }
            Deed::Redeem => {
                if let Some(code) = self.code.clone()
                    && let Ok(grant) = self.stage.redeem(&code)
                {
                    self.access.push(grant.access.id);
                }
            }
            Deed::DataToken { anna: first } => {
                let oid = if *first { anna() } else { boris() };
                if let Ok(bearer) = self.stage.data_token(oid) {
                    self.data.push(bearer.token);
                }
            }
            Deed::List { anna: first, next } => {
                let ask = self.ask(if *first { anna() } else { boris() });
                let cursor = if *next { self.cursor.clone() } else { None };
                if let Ok(Reply::Debts(page)) = self.stage.run(Command::ListDebts { ask, cursor }) {
                    self.cursor = page.next;
                }
            }
            Deed::Pay { debt, key, right } => {
                let ask = self.ask(anna());
                let debts = crate::stage::anna_debts();
                let debt = &debts[usize::from(*debt)];
                let amount = if *right { debt.payable(self.stage.now.day()) } else { Money::from_kopecks(1) };
                let order = PayDebt {
                    ask,
                    uin: debt.uin.to_string(),
                    key: format!("key-{key}"),
                    amount,
                    method: if *right { PaymentMethod::Card } else { PaymentMethod::Account },
                    source: "card".into(),
                };
                let _ = self.stage.run(Command::PayDebt(Box::new(order)));
            }
            Deed::Pension { deferred } => {
                let ask = self.ask(anna());
                let day = self.stage.now.day();
                let deferred = deferred.then(|| Span::from_seconds(2));
                let _ = self.stage.run(Command::ReadPension { ask, from: day, to: day, deferred });
            }
            Deed::ReadPerson { anna: first } => {
                let token = self.access.last().or(self.data.last()).cloned().unwrap_or_default();
                let citizen = Some(if *first { anna() } else { boris() });
                let bearer = Bearer { token, certificate: None };
                let _ = self.stage.run(Command::ReadPerson { bearer, citizen, groups: vec![] });
            }
            Deed::Revoke => {
                let standing = self.stage.world.consents.standing(BANK, anna(), self.stage.now);
                if let Some(consent) = standing.map(|consent| consent.id.clone()) {
                    let _ = self.stage.run(Command::RevokeConsentByCitizen { consent });
                }
            }
            Deed::Advance(seconds) => self.stage.advance(Span::from_seconds(i64::from(*seconds))),
            Deed::AdvanceDays => self.stage.advance(Span::from_days(29)),
            Deed::Hook { taken } => {
                if let Some(id) = self.stage.world.hooks.due(self.stage.now).first().map(|hook| hook.id.clone()) {
                    let command = match taken {
                        true => Command::HookDelivered { id, status: 200 },
                        false => Command::HookFailed { id, status: None },
                    };
                    self.stage.run(command).unwrap();
                }
            }
        }
    }
}

/// Judges a journal by itself: consents and tokens are followed here anew, apart from the world's own rooms.
fn no_read_without_consent_or_scope(events: &[Event]) {
    let mut standing: BTreeMap<String, (i64, BTreeSet<String>, contract::time::Timestamp)> = BTreeMap::new();
    let mut tokens: BTreeMap<String, domain::Token> = BTreeMap::new();
    let mut revoked: BTreeSet<String> = BTreeSet::new();
    let mut spent: BTreeSet<String> = BTreeSet::new();
    for event in events {
        let by = |token: &str, scope: &str| {
            let token = &tokens[token];
            assert_eq!(token.kind, TokenKind::Data);
            assert!(!revoked.contains(&token.id) && event.at < token.expires_at);
            assert!(!spent.contains(&token.id), "read by a spent token");
            let (person, scopes, end) = &standing[token.consent.as_ref().unwrap()];
            assert_eq!((Some(*person), token.citizen), (event.citizen, event.citizen));
            assert!(scopes.contains(scope) && event.at < *end, "read beyond the consent");
        };
        match &event.fact {
            Fact::ConsentGranted { id, scopes, expires_at, .. } => {
                standing.insert(id.clone(), (event.citizen.unwrap(), scopes.iter().cloned().collect(), *expires_at));
            }
            Fact::ConsentRevoked { id, .. } | Fact::ConsentExpired { id, .. } => {
                standing.remove(id);
            }
            Fact::TokensIssued { tokens: issued, .. } => {
                tokens.extend(issued.iter().map(|token| (token.id.clone(), token.clone())));
            }
            Fact::TokenRevoked { id, .. } => {
                revoked.insert(id.clone());
            }
            Fact::TokenSpent { id } => {
                spent.insert(id.clone());
            }
            Fact::DebtsRead { token, .. } => by(token, "debts"),
            Fact::PensionRead { token, .. } => by(token, "pension"),
            Fact::PersonRead { token, scopes, .. } => {
                let token = &tokens[token];
                assert!(!revoked.contains(&token.id) && event.at < token.expires_at);
                assert_eq!((token.citizen, &token.scopes), (event.citizen, scopes));
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn the_world_is_the_fold_of_its_journal(deeds in deeds()) {
        let mut play = Play::new();
        deeds.iter().for_each(|deed| play.deed(deed));
        let mut replayed = World::new(play.stage.world.limits);
        play.stage.events.iter().for_each(|event| replayed.apply(event));
        prop_assert_eq!(replayed, play.stage.world);
    }

    #[test]
    fn nothing_is_read_without_a_standing_consent_and_nothing_is_paid_twice(deeds in deeds()) {
        let mut play = Play::new();
        // A start that makes the rest likely: both people have given consents.
        play.stage.consent(anna(), &["debts", "pension"]);
        play.stage.consent(boris(), &["debts"]);
        deeds.iter().for_each(|deed| play.deed(deed));
        no_read_without_consent_or_scope(&play.stage.events);

        let mut paid = BTreeSet::new();
        for event in &play.stage.events {
            if let Fact::PaymentAccepted { record } = &event.fact {
                prop_assert!(paid.insert(record.payment.uin.clone()), "paid twice");
            }
        }
        for oid in [anna(), boris()] {
            let debts = play.stage.world.debts.of(oid);
            let open = debts.iter().filter(|debt| debt.status == DebtStatus::Open);
            let sum: Money = open.map(|debt| debt.amount).sum();
            let totals = Totals::of(debts.iter().copied());
            prop_assert_eq!(totals.all, sum);
            prop_assert_eq!(totals.credit + totals.utilities + totals.fine + totals.tax, sum);
            prop_assert!(debts.iter().all(|debt| (debt.status == DebtStatus::Paid) == paid.contains(&debt.uin)));
        }
    }

    #[test]
    fn a_one_time_code_and_a_password_stand_in_no_chained_entry(deeds in deeds()) {
        let mut play = Play::new();
        deeds.iter().for_each(|deed| play.deed(deed));
        for event in &play.stage.events {
            let entry = event.to_entry();
            let text = entry.data.to_string();
            prop_assert!(!text.contains("password-") && !text.contains("Примерова"), "{text}");
            if let Some(code) = entry.beside.get("code") {
                prop_assert!(entry.data.get("code").is_none() && code.is_string());
            }
        }
    }
}
