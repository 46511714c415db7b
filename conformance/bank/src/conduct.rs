//! Every decision that a bank can get wrong, with the right answer as default. The flows ask each decision once, here;
//! a broken variant overrides one of them. Decisions of one shape share a method and are told apart by an enumerated
//! duty, so that the trait stays as narrow as the ways of erring.

mod services;

pub(crate) use services::*;

/// How a check is made. Anything but [`Diligence::Full`] is a way of getting it wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Diligence {
    /// Before anything of the checked thing is used; failing it ends the flow.
    Full,
    /// Made only after the thing was used.
    Late,
    /// Made, written to the log, and without consequence.
    LoggedOnly,
    /// Not made.
    Skipped,
    /// Made on something else that happens to be right.
    WrongField,
}

/// Checks of the answer that the browser brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallbackCheck {
    /// RESP-14: a code beside an error.
    CodeBesideError,
    /// RESP-12: an error answer ends the flow.
    ErrorAnswer,
    /// RESP-13: an error is believed only under the right state.
    ErrorState,
    /// RESP-04: the state of a flow that is over.
    FinishedState,
    /// RESP-07: `iss` is there when the metadata promises it.
    IssuerPresent,
    /// RESP-06: `iss` is the issuer.
    IssuerSame,
    /// RESP-08: simple string comparison, no tidying.
    IssuerVerbatim,
    /// RESP-03: the state belongs to a flow of this browser.
    OwnBrowser,
    /// RESP-15: no parameter twice.
    Repeated,
    /// RESP-05: the browser has a session at all.
    Session,
    /// RESP-02: a state is there.
    StatePresent,
    /// RESP-01: the state is one that was sent.
    StateSame,
}

/// Checks of the ID token (OpenID Connect Core §3.1.3.7, RFC 8725) and of the key it is verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdTokenCheck {
    Acr,
    AlgNone,
    AlgNoneCased,
    AlgRegistered,
    AtHash,
    AudienceExtra,
    AudiencePresent,
    AudienceSame,
    Azp,
    Crit,
    EmbeddedKey,
    Expiry,
    ExpiryNumber,
    ExpiryPresent,
    ForeignKey,
    Hmac,
    IatAhead,
    IatOld,
    IatPresent,
    IssuerPresent,
    IssuerSame,
    IssuerVerbatim,
    Jku,
    KeyAlgorithm,
    KeyOfKid,
    KeysEmpty,
    KeysReachable,
    KeyUse,
    Kind,
    NonceOfThisFlow,
    NoncePresent,
    NonceSame,
    NotBefore,
    Signature,
    SubjectPresent,
    UnknownKid,
}

/// Checks of the token endpoint's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerCheck {
    AccessTokenPresent,
    ErrorUnder200,
    IdTokenPresent,
    TokenType,
}

/// Checks of a delivered event (RFC 9421, RFC 9530).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookCheck {
    Ahead,
    Algorithm,
    Digest,
    DigestCovered,
    Hmac,
    KeyKnown,
    Receiver,
    Signature,
    Signed,
    TooOld,
    Whitespace,
}

/// Checks of the portal's certificate and of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateCheck {
    Authority,
    Expired,
    HostName,
    HostNameInAlternative,
    NotYetValid,
    Revoked,
    SelfSigned,
    ServerUsage,
}

/// Checks of what the portal's data services answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataCheck {
    /// HTTP-10: the body is whole.
    BodyWhole,
    /// HTTP-20: there is a body.
    BodyPresent,
    /// CST-05: the consent's record names the purpose that was asked.
    ConsentPurpose,
    /// CST-05: the consent's record is no wider than what was asked.
    ConsentScopes,
    /// HTTP-18: data, not a page.
    MediaType,
    /// IDEM-11: the payment is of the sum that was ordered.
    PaymentAmount,
    /// UI-02: the person's data say whose they are.
    SubjectPresent,
    /// UI-01: the person's data are about the person who signed in.
    SubjectSame,
}

/// Harmless oddities that a bank must take in its stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    AtHashAbsent,
    AudienceArray,
    CodeLong,
    Deferred,
    ExpiresAbsent,
    KidAbsent,
    KeysRotated,
    RedirectExtraParameters,
    RefreshTokenAbsent,
    RefreshTokenKept,
    ScopeAbsent,
    TokenLarge,
    TokenMembersUnknown,
    TokenTypeCase,
    UnknownKeyType,
    UnknownMembers,
}

/// Duties of the authorisation and token requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestDuty {
    NoPersonalData,
    ParametersOnce,
    PkceS256,
    RedirectUriRegistered,
    ResponseTypeCode,
    ScopeWithinAsked,
    TokenRedirectUriSame,
    TokenRequestInBody,
    VerifierSent,
}

/// Duties of the client's proof: the assertion (RFC 7523) and the ESIA signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProofDuty {
    AssertionAudienceSingle,
    AssertionClaims,
    AssertionKid,
    AssertionShort,
    /// In the order that ESIA takes, not in that of a little-endian provider.
    BytesInOrder,
    /// Not the one before it, which has run out.
    CertificateInForce,
    /// Not one of an authority that nobody knows.
    CertificateOfKnownAuthority,
    ContainerDetached,
    DigestAsPrescribed,
    /// The digest that goes with the certificate's key, not another good one.
    DigestOfItsKey,
    EncodingSafe,
    /// Of the certificate's DER, not of its PEM text.
    HashOfDer,
    /// On the curve, and of the kind, of the registered certificate.
    KeyOnItsCurve,
    OneMethod,
    RegisteredCertificate,
    SecretInBody,
    StringOrder,
    TimestampZoned,
}

/// Values that must be new each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fresh {
    AssertionId,
    IdempotencyKey,
    Nonce,
    State,
    TokenState,
    Verifier,
}

/// How such a value comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Making {
    Drawn,
    /// Derived from another value that is seen on the wire.
    Derived,
    /// Left out.
    Missing,
    /// The same for everybody.
    Repeated,
    /// Too short to be hard to guess.
    Weak,
}

/// What went wrong with a call, when the question is whether to send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// 400, 404, 410, 422 and their like.
    ClientError,
    /// The code was sent and the answer was lost or an error of the server.
    CodeSent,
    InvalidClient,
    InvalidGrant,
    /// 401 after one recovery.
    NotAuthorised,
    RefreshRefused,
    /// 403.
    ScopeInsufficient,
    SignatureRefused,
    /// 422 of a payment.
    Unprocessable,
}

/// Where tokens go and stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenDuty {
    /// ATU-06: one recovery from a 401.
    RecoversFrom401,
    /// ATU-05: an expired token is not sent.
    ExpiryHeeded,
    /// ATU-01: in the Authorization header only.
    HeaderOnly,
    /// ATU-03: not to another host.
    NotAfterRedirect,
    /// RESP-17: a token from the front channel is nothing.
    NotFromFrontChannel,
    /// TOK-19: the code and the proof are not sent to another host.
    CodeNotAfterRedirect,
    /// HTTP-17: the data token is not sent to another host.
    DataNotAfterRedirect,
    /// ATU-02: never in an address.
    NotInUrl,
    /// ATU-11: each person's own token.
    OwnToken,
    /// RT-01: a rotated refresh token is forgotten.
    RefreshRotated,
    /// RT-11: no wider than granted.
    RefreshScope,
    /// ATU-14: encrypted at rest.
    SealedAtRest,
    /// TOK-11: what was granted, not what was asked.
    ScopeGranted,
}

/// Duties about consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConsentDuty {
    /// CST-01.
    AskedBeforeData,
    /// CST-14.
    CopiesErased,
    /// CST-10.
    EndHeeded,
    /// CST-07.
    FreshToken,
    /// CST-02.
    NoNagging,
    /// CST-16.
    OnlyThatOne,
    /// CST-08.
    PurposeKept,
    /// CST-12.
    RefusalHeeded,
    /// CST-11.
    RevocationHeeded,
    /// CST-15.
    RevocationTold,
    /// CST-04.
    ScopesKept,
    /// CST-17.
    TokenOfThisConsent,
    /// CST-06.
    TokenOfThisRequest,
    /// CST-03.
    UnansweredIsNo,
}

/// Duties about money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaymentDuty {
    /// IDEM-04: an unknown fate is asked, not paid again.
    FateAsked,
    /// IDEM-13: one press counts.
    OnePress,
    /// IDEM-02.
    SameKeyOnRepeat,
    /// IDEM-05.
    SameKeyOnConflict,
}

/// Duties about waiting and connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallDuty {
    BackOff,
    PollInterval,
    RetryAfterDate,
    RetryAfterSeconds,
    SniSent,
    StrongSuitesOnly,
    /// TLS-01.
    OldTlsNotOffered,
    /// TLS-02.
    OldTlsRefused,
}

/// Duties about accounts, records and what people are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordDuty {
    /// IDT-60.
    AccountBySubject,
    /// OBS-07.
    AuditVerified,
    /// IDT-62.
    ConfirmedAccountNeeded,
    /// RESP-22.
    EncodedOnPage,
    /// UI-07.
    EmptyIsAbsent,
    /// RESP-20.
    CodeOnce,
    /// REQ-13.
    FlowsApart,
    /// WH-20.
    HookByPostOnly,
    /// WH-07.
    HookOnce,
    /// HTTP-38.
    InternalsHidden,
    /// OBS-03.
    LinesWhole,
    /// UI-06.
    NothingMadeUp,
    /// UI-11.
    OnlyConsented,
    /// OBS-01.
    SecretsOutOfLog,
    /// OBS-06.
    ReasonGiven,
    /// ATU-15.
    TokensOutOfLog,
    /// HTTP-37.
    UnknownProblemNeutral,
}

/// What is shown equals what was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Amount,
    DebtKind,
    DueDate,
    FedCredit,
    PaymentState,
    Pension,
    Period,
    Profile,
    Totals,
    WholeList,
}

/// What an action does at large; all but the first are the catalogue's clients that must fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    Honest,
    /// Answers `ok` to everything and does nothing.
    Idle,
    /// Begins and never goes on.
    StopsHalfway,
    /// Dies at the first thing that is not as expected.
    Crashes,
    /// Refuses whatever comes back.
    RefusesAll,
    /// Says that it refused, and uses the thing all the same.
    GoesOn,
    /// The same, after everybody has stopped looking.
    GoesOnLate,
    /// Sends everything many times.
    Storms,
}

/// The decisions. Every default is the right one.
pub(crate) trait Conduct: Send + Sync {
    fn course(&self) -> Course {
        Course::Honest
    }
    fn callback(&self, _: CallbackCheck) -> Diligence {
        Diligence::Full
    }
    fn id_token(&self, _: IdTokenCheck) -> Diligence {
        Diligence::Full
    }
    fn token_answer(&self, _: AnswerCheck) -> Diligence {
        Diligence::Full
    }
    fn hook(&self, _: HookCheck) -> Diligence {
        Diligence::Full
    }
    fn certificate(&self, _: CertificateCheck) -> Diligence {
        Diligence::Full
    }
    fn data(&self, _: DataCheck) -> Diligence {
        Diligence::Full
    }
    /// Whether an oddity is taken in stride.
    fn tolerates(&self, _: Oddity) -> bool {
        true
    }
    /// How a value that must be new comes to be.
    fn making(&self, _: Fresh) -> Making {
        Making::Drawn
    }
    /// Whether to send the same thing again after this trouble.
    fn resends(&self, _: Trouble) -> bool {
        false
    }
    fn request(&self, _: RequestDuty) -> bool {
        true
    }
    fn proof(&self, _: ProofDuty) -> bool {
        true
    }
    fn token(&self, _: TokenDuty) -> bool {
        true
    }
    fn consent(&self, _: ConsentDuty) -> bool {
        true
    }
    fn payment(&self, _: PaymentDuty) -> bool {
        true
    }
    fn call(&self, _: CallDuty) -> bool {
        true
    }
    fn record(&self, _: RecordDuty) -> bool {
        true
    }
    /// How a check of a data service, an envelope or a stream is made; asked through `checks`.
    fn check(&self, _: Check) -> Diligence {
        Diligence::Full
    }
    /// Whether a duty about them is kept; asked through `keeps`.
    fn duty(&self, _: Duty) -> bool {
        true
    }
    /// Whether this is shown exactly as it was served.
    fn shows(&self, _: Shown) -> bool {
        true
    }
}

/// The bank that does everything right.
pub(crate) struct Honest;

impl Conduct for Honest {}
