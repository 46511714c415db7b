//! The broken variants: one overridden decision each, in tables by family, and the clients that must fail at large.

use crate::Defect;
use crate::conduct::{
    AnswerCheck, CallDuty, CallbackCheck, CertificateCheck, Check, Conduct, ConsentDuty, Course, DataCheck, Diligence,
    Duty, Fresh, Honest, HookCheck, IdTokenCheck, Making, Oddity, PaymentDuty, ProofDuty, RecordDuty, RequestDuty,
    Shown, TokenDuty, Trouble,
};

mod consent;
mod data;
mod general;
mod hooks;
mod id_token;
mod redirect;
mod request;
mod services;
mod smev;
mod socket;
mod token;
mod transport;

/// One row of a family's table.
pub(crate) struct Row {
    pub(crate) defect: Defect,
    pub(crate) slip: Slip,
}

/// The one decision that a variant gets wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slip {
    Answer(AnswerCheck, Diligence),
    Breaks(Part),
    Callback(CallbackCheck, Diligence),
    Certificate(CertificateCheck, Diligence),
    Checks(Check, Diligence),
    Data(DataCheck, Diligence),
    Hook(HookCheck, Diligence),
    IdToken(IdTokenCheck, Diligence),
    Intolerant(Oddity),
    Makes(Fresh, Making),
    Resends(Trouble),
    /// The clients that must fail at large.
    Course(Course),
    /// No check is made at all.
    AcceptsEverything,
    /// Secrets everywhere.
    Leaks,
    /// One person's things for another.
    MixesPeople,
    /// One verifier and one nonce for everybody, so that a code fits any flow.
    SharedBinding,
}

/// A duty that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Call(CallDuty),
    Consent(ConsentDuty),
    Keeps(Duty),
    Payment(PaymentDuty),
    Proof(ProofDuty),
    Record(RecordDuty),
    Request(RequestDuty),
    Shown(Shown),
    Token(TokenDuty),
}

const FAMILIES: &[&[Row]] = &[
    request::ROWS,
    redirect::ROWS,
    token::ROWS,
    id_token::ROWS,
    consent::ROWS,
    data::ROWS,
    transport::ROWS,
    hooks::ROWS,
    services::ROWS,
    smev::ROWS,
    socket::ROWS,
    general::ROWS,
];

const COUNT: usize = {
    let mut total = 0;
    let mut family = 0;
    while family < FAMILIES.len() {
        total += FAMILIES[family].len();
        family += 1;
    }
    total
};

static DEFECTS: [Defect; COUNT] = {
    let mut all = [FAMILIES[0][0].defect; COUNT];
    let (mut at, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let mut row = 0;
        while row < FAMILIES[family].len() {
            all[at] = FAMILIES[family][row].defect;
            at += 1;
            row += 1;
        }
        family += 1;
    }
    all
};

pub(crate) fn defects() -> &'static [Defect] {
    &DEFECTS
}

/// The conduct of the named variant; the honest one for none.
pub(crate) fn conduct(slug: Option<&str>) -> Option<&'static dyn Conduct> {
    let Some(slug) = slug else { return Some(&Honest) };
    FAMILIES.iter().flat_map(|rows| rows.iter()).find(|row| row.defect.slug == slug).map(|row| &row.slip as _)
}

const fn row(
    slug: &'static str,
    breaks: &'static [&'static str],
    relatives: &'static [&'static str],
    slip: Slip,
    about: &'static str,
) -> Row {
    Row { defect: Defect { slug, breaks, relatives, about }, slip }
}

impl Slip {
    fn breaks(&self, part: Part) -> bool {
        matches!(self, Self::Breaks(broken) if *broken == part)
    }

    /// What the variants that accept, or go on, make of every check.
    fn throughout(&self) -> Option<Diligence> {
        match self {
            Self::AcceptsEverything => Some(Diligence::Skipped),
            Self::Course(Course::GoesOn) => Some(Diligence::Late),
            _ => None,
        }
    }
}

macro_rules! slips {
    ($self:ident, $variant:ident, $check:ident) => {
        match $self {
            Slip::$variant(slipped, diligence) if *slipped == $check => *diligence,
            _ => $self.throughout().unwrap_or(Diligence::Full),
        }
    };
}

impl Conduct for Slip {
    fn course(&self) -> Course {
        match self {
            Self::Course(course) => *course,
            _ => Course::Honest,
        }
    }
    fn callback(&self, check: CallbackCheck) -> Diligence {
        slips!(self, Callback, check)
    }
    fn id_token(&self, check: IdTokenCheck) -> Diligence {
        slips!(self, IdToken, check)
    }
    fn token_answer(&self, check: AnswerCheck) -> Diligence {
        slips!(self, Answer, check)
    }
    fn hook(&self, check: HookCheck) -> Diligence {
        slips!(self, Hook, check)
    }
    fn certificate(&self, check: CertificateCheck) -> Diligence {
        slips!(self, Certificate, check)
    }
    fn data(&self, check: DataCheck) -> Diligence {
        slips!(self, Data, check)
    }
    fn tolerates(&self, oddity: Oddity) -> bool {
        !matches!(self, Self::Intolerant(disliked) if *disliked == oddity)
    }
    fn making(&self, value: Fresh) -> Making {
        match self {
            Self::Makes(made, making) if *made == value => *making,
            Self::SharedBinding if matches!(value, Fresh::Nonce | Fresh::Verifier) => Making::Repeated,
            _ => Making::Drawn,
        }
    }
    fn resends(&self, trouble: Trouble) -> bool {
        match self {
            Self::Resends(resent) => *resent == trouble,
            Self::Course(Course::Storms) => true,
            _ => false,
        }
    }
    fn request(&self, duty: RequestDuty) -> bool {
        !self.breaks(Part::Request(duty))
    }
    fn proof(&self, duty: ProofDuty) -> bool {
        !self.breaks(Part::Proof(duty))
    }
    fn token(&self, duty: TokenDuty) -> bool {
        let mixed = matches!(self, Self::MixesPeople) && duty == TokenDuty::OwnToken;
        let leaked = matches!(self, Self::Leaks) && matches!(duty, TokenDuty::SealedAtRest | TokenDuty::NotInUrl);
        !(self.breaks(Part::Token(duty)) || mixed || leaked)
    }
    fn consent(&self, duty: ConsentDuty) -> bool {
        !self.breaks(Part::Consent(duty))
    }
    fn payment(&self, duty: PaymentDuty) -> bool {
        !self.breaks(Part::Payment(duty))
    }
    fn call(&self, duty: CallDuty) -> bool {
        let storms = matches!(self, Self::Course(Course::Storms));
        let waits = matches!(
            duty,
            CallDuty::BackOff | CallDuty::PollInterval | CallDuty::RetryAfterDate | CallDuty::RetryAfterSeconds
        );
        !(self.breaks(Part::Call(duty)) || storms && waits)
    }
    fn record(&self, duty: RecordDuty) -> bool {
        let leaks =
            matches!(self, Self::Leaks) && matches!(duty, RecordDuty::SecretsOutOfLog | RecordDuty::TokensOutOfLog);
        !(self.breaks(Part::Record(duty)) || leaks)
    }
    fn check(&self, check: Check) -> Diligence {
        slips!(self, Checks, check)
    }
    fn duty(&self, duty: Duty) -> bool {
        !self.breaks(Part::Keeps(duty))
    }
    fn shows(&self, what: Shown) -> bool {
        !self.breaks(Part::Shown(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slug_is_named_once() {
        let mut slugs: Vec<&str> = defects().iter().map(|defect| defect.slug).collect();
        slugs.sort_unstable();
        let count = slugs.len();
        slugs.dedup();
        assert_eq!(slugs.len(), count);
    }

    #[test]
    fn every_variant_has_a_conduct_and_the_honest_bank_has_none() {
        for defect in defects() {
            assert!(conduct(Some(defect.slug)).is_some(), "{}", defect.slug);
        }
        assert!(conduct(Some("no-such-variant")).is_none());
        assert_eq!(conduct(None).map(|honest| honest.course()), Some(Course::Honest));
    }

    #[test]
    fn a_variant_gets_one_decision_wrong_and_the_others_right() {
        let slip = Slip::IdToken(IdTokenCheck::IssuerSame, Diligence::Skipped);
        assert_eq!(slip.id_token(IdTokenCheck::IssuerSame), Diligence::Skipped);
        assert_eq!(slip.id_token(IdTokenCheck::AudienceSame), Diligence::Full);
        assert_eq!(slip.callback(CallbackCheck::StateSame), Diligence::Full);
        assert!(slip.request(RequestDuty::PkceS256));
    }
}
