//! A world with one bank and two people, and the usual ways through it. Builders give a correct thing by default.

use std::sync::Arc;

use contract::citizen::{Account, Citizen, Gender};
use contract::consent::Permission;
use contract::control::{Limits, Names, RedirectMatch, TokenAlg};
use contract::ids::{Oid, Snils, Uin};
use contract::money::Money;
use contract::registries::debts::{Debt, DebtKind, DebtStatus, Discount, Restriction, RestrictionKind};
use contract::registries::pension::{Operation, OperationKind, PensionAccount};
use contract::time::{Day, Span, Timestamp};
use domain::{
    Answer, Ask, AuthorisationRequest, Bearer, ClientProof, Command, Ctx, Decision, Draw, Event, Fact, Grant,
    IssuedCode, Means, Partner, Protocol, RedeemCode, Refusal, Reply, Secret, Step, World,
};

pub(crate) const BANK: &str = "BANK01";
pub(crate) const OTHER_BANK: &str = "BANK02";
pub(crate) const CALLBACK: &str = "https://bank.example/callback";

/// Counts instead of drawing: every value is new and the same in each run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(u64);

impl Draw for Counter {
    fn uuid(&mut self) -> String {
        self.0 += 1;
        format!("00000000-0000-4000-8000-{:012}", self.0)
    }

    fn digits(&mut self, count: usize) -> String {
        self.0 += 1;
        format!("{:0count$}", self.0)
    }
}

/// A world, its journal so far, and the clock.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) events: Vec<Event>,
    pub(crate) now: Timestamp,
    draw: Counter,
}

pub(crate) fn anna() -> i64 {
    1_000_000_001
}

pub(crate) fn boris() -> i64 {
    1_000_000_002
}

pub(crate) fn person(oid: i64, debts: Vec<Debt>) -> Citizen {
    let day = |month, day| Day::new(2026, month, day).unwrap();
    Citizen {
        slug: format!("person-{oid}"),
        story: "confirmed".into(),
        oid: Oid::try_from(oid).unwrap(),
        login: format!("login-{oid}"),
        password: format!("password-{oid}"),
        snils: Snils::from_serial(100_000_000 + (oid % 1000) as u64),
        inn: None,
        last_name: "Примерова".into(),
        first_name: "Анна".into(),
        middle_name: None,
        gender: Gender::F,
        birth_date: Day::new(1990, 5, 1).unwrap(),
        birth_place: "Москва".into(),
        citizenship: "RUS".into(),
        account: Account::Confirmed,
        second_factor: false,
        locked: false,
        deceased: None,
        self_employed: false,
        phone: format!("+7(900){:07}", oid % 10_000_000),
        phone_verified: true,
        email: "shared@mail.example".into(),
        email_verified: true,
        other_contacts: vec![],
        documents: vec![],
        addresses: vec![],
        vehicles: vec![],
        children: vec![],
        organisations: vec![],
        debts,
        holdings: contract::registries::holdings::Holdings::default(),
        pension: PensionAccount {
            next_payment_date: Some(day(12, 1)),
            operations: vec![
                Operation {
                    date: day(9, 1),
                    amount: Money::from_kopecks(700),
                    source: "ООО".into(),
                    kind: OperationKind::Accrual,
                },
                Operation {
                    date: day(10, 1),
                    amount: Money::from_kopecks(300),
                    source: "ООО".into(),
                    kind: OperationKind::Accrual,
                },
                Operation {
                    date: day(11, 1),
                    amount: Money::from_kopecks(200),
                    source: "СФР".into(),
                    kind: OperationKind::Payment,
                },
            ],
        },
    }
}

pub(crate) fn debt(number: u64, kind: DebtKind, kopecks: i64) -> Debt {
    Debt {
        uin: Uin::from_body(&format!("188{number:016}")).unwrap(),
        kind,
        title: format!("Долг {number}"),
        amount: Money::from_kopecks(kopecks),
        discount: None,
        due_date: Day::new(2026, 12, 1).unwrap(),
        restriction: None,
        status: DebtStatus::Open,
    }
}

/// A fine with a discount that runs, and a tax that closes the border.
pub(crate) fn anna_debts() -> Vec<Debt> {
    let fine = Debt {
        discount: Some(Discount { amount: Money::from_kopecks(37_500), until: Day::new(2026, 11, 30).unwrap() }),
        ..debt(1, DebtKind::Fine, 50_000)
    };
    let tax = Debt {
        restriction: Some(Restriction {
            kind: RestrictionKind::ExitBan,
            title: "Ограничение на выезд".into(),
            since: Day::new(2026, 10, 1).unwrap(),
        }),
        ..debt(2, DebtKind::Tax, 4_000_000)
    };
    vec![fine, tax, debt(3, DebtKind::Utilities, 123_456)]
}

pub(crate) fn partner(client_id: &str) -> Partner {
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    Partner {
        client_id: client_id.into(),
        name: Names { ru: "Банк Пример".into(), en: "Example Bank".into() },
        certificates: vec![],
        redirect_uris: vec![CALLBACK.into()],
        redirect_match: RedirectMatch::Exact,
        scopes: texts(&["openid", "fullname", "snils", "debts", "pension"]),
        purposes: texts(&["CREDIT", "IDENTIFICATION"]),
        token_alg: TokenAlg::RS256,
        webhook: Some("https://bank.example/hooks".into()),
        webhook_hmac: None,
        encryption: contract::control::Encryption::Optional,
        sub_as_text: false,
        expires_in_as_text: false,
    }
}

pub(crate) fn request() -> AuthorisationRequest {
    AuthorisationRequest {
        protocol: Protocol::EsiaV3,
        client_id: BANK.into(),
        redirect_uri: CALLBACK.into(),
        response_type: "code".into(),
        scopes: vec!["openid".into(), "fullname".into()],
        scopes_org: vec![],
        state: Some("state".into()),
        nonce: None,
        challenge: None,
        offline: false,
        person_filter: None,
        second_factor: false,
        max_age: None,
        prompt: vec![],
        permissions: None,
    }
}

pub(crate) fn consent_request(scopes: &[&str]) -> AuthorisationRequest {
    let permission = Permission {
        sysname: "CREDIT".into(),
        responsible_object: None,
        term: Span::from_days(30),
        actions: vec!["ALL_ACTIONS_TO_DATA".into()],
        purposes: vec!["CREDIT".into()],
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    AuthorisationRequest { scopes: vec!["openid".into()], permissions: Some(vec![permission]), ..request() }
}

pub(crate) fn proof(client_id: &str) -> ClientProof {
    ClientProof::verified(client_id, Means::Raw)
}

impl Stage {
    pub(crate) fn new() -> Self {
        let mut stage = Self {
            world: World::new(Limits::default()),
            events: vec![],
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
            draw: Counter::default(),
        };
        for bank in [BANK, OTHER_BANK] {
            stage.run(Command::RegisterPartner(Box::new(partner(bank)))).unwrap();
        }
        stage.run(Command::AddCitizen(Arc::new(person(anna(), anna_debts())))).unwrap();
        stage.run(Command::AddCitizen(Arc::new(person(boris(), vec![debt(9, DebtKind::Fine, 100)])))).unwrap();
        stage
    }

    /// Decides, sends each event through its journal form, folds it.
    pub(crate) fn run(&mut self, command: Command) -> Result<Reply, Refusal> {
        let mut ctx = Ctx { now: self.now, draw: &mut self.draw, exchange: None, ip: Some("127.0.0.1".into()) };
        let Decision { events, outcome } = self.world.decide(command, &mut ctx);
        for event in events {
            let back = Event::from_entry(event.at, event.to_entry()).unwrap().expect("a kind of the domain");
            assert_eq!(back, event, "the journal form of {} loses something", event.kind());
            self.world.apply(&back);
            self.events.push(back);
        }
        outcome
    }

    pub(crate) fn advance(&mut self, span: Span) {
        self.now = self.now + span;
        self.run(Command::Settle).unwrap();
    }

    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.events.iter().map(Event::kind).collect()
    }

    pub(crate) fn count(&self, kind: &str) -> usize {
        self.kinds().iter().filter(|found| **found == kind).count()
    }

    pub(crate) fn misuses(&self) -> Vec<domain::Misuse> {
        let reasons = self.events.iter().filter_map(|event| match &event.fact {
            Fact::TokenMisused { reason, .. } => Some(*reason),
            _ => None,
        });
        reasons.collect()
    }

    pub(crate) fn begin(&mut self, request: AuthorisationRequest) -> Result<(String, Step), Refusal> {
        self.begin_with(request, None)
    }

    pub(crate) fn begin_with(
        &mut self,
        request: AuthorisationRequest,
        session: Option<String>,
    ) -> Result<(String, Step), Refusal> {
        let proof = Some(proof(&request.client_id));
        match self.run(Command::BeginAuthorisation { proof, request: Box::new(request), session })? {
            Reply::Flow { flow, step } => Ok((flow, step)),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn password(&mut self, flow: &str, oid: i64, password: &str) -> Step {
        let login = format!("login-{oid}");
        self.step(Command::PresentPassword { flow: flow.into(), login, password: Secret::new(password) })
    }

    pub(crate) fn otp(&mut self, flow: &str, code: &str) -> Step {
        self.step(Command::PresentCode { flow: flow.into(), code: Secret::new(code) })
    }

    pub(crate) fn answer(&mut self, flow: &str, answer: Answer) -> Step {
        self.step(Command::Answer { flow: flow.into(), answer })
    }

    pub(crate) fn step(&mut self, command: Command) -> Step {
        match self.run(command).unwrap() {
            Reply::Flow { step, .. } => step,
            other => panic!("{other:?}"),
        }
    }

    /// The code that stands in the person's newest message.
    pub(crate) fn sent_code(&self, oid: i64) -> String {
        self.world.messages.of(oid).iter().rev().find_map(|message| message.code.clone()).expect("a code was sent")
    }

    /// Through all pages, approving.
    pub(crate) fn sign_in(&mut self, request: AuthorisationRequest, oid: i64) -> IssuedCode {
        let (flow, _) = self.begin(request).unwrap();
        let mut step = self.password(&flow, oid, &format!("password-{oid}"));
        loop {
            step = match step {
                Step::Code { .. } => {
                    let code = self.sent_code(oid);
                    self.otp(&flow, &code)
                }
                Step::Decision { .. } => self.answer(&flow, Answer::Approve { grant: None }),
                Step::Issued(code) => return *code,
                other => panic!("{other:?}"),
            };
        }
    }

    pub(crate) fn redeem(&mut self, code: &IssuedCode) -> Result<Grant, Refusal> {
        let ask = RedeemCode {
            proof: proof(&code.client_id),
            code: code.id.clone(),
            redirect_uri: CALLBACK.into(),
            verifier: None,
            refresh_digest: format!("digest-of-{}", code.id),
            certificate: None,
        };
        self.grant(Command::RedeemCode(Box::new(ask)))
    }

    pub(crate) fn grant(&mut self, command: Command) -> Result<Grant, Refusal> {
        match self.run(command)? {
            Reply::Tokens(grant) => Ok(*grant),
            other => panic!("{other:?}"),
        }
    }

    /// A standing consent of this person for these data.
    pub(crate) fn consent(&mut self, oid: i64, scopes: &[&str]) -> String {
        let code = self.sign_in(consent_request(scopes), oid);
        self.redeem(&code).unwrap().consent.unwrap()
    }

    pub(crate) fn data_token(&mut self, oid: i64) -> Result<Bearer, Refusal> {
        let command = Command::ClientCredentials {
            proof: proof(BANK),
            scopes: vec![format!("prm_chg?oid={oid}")],
            consent: None,
            certificate: None,
        };
        self.grant(command).map(|grant| Bearer { token: grant.access.id, certificate: None })
    }

    pub(crate) fn ask(&mut self, oid: i64) -> Ask {
        Ask { bearer: self.data_token(oid).unwrap(), person: oid, purpose: "CREDIT".into() }
    }
}
