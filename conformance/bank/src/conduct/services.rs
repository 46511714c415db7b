//! The decisions about data services, envelopes, event streams and banking through the portal: by themes, each with its
//! own enumeration, asked through the two methods `check` and `keeps` of [`Conduct`](super::Conduct).

use super::{Conduct, Diligence};

macro_rules! decisions {
    ($(#[$about:meta])* $whole:ident {
        $($(#[$theme:meta])* $variant:ident($part:ident) { $($(#[$item_about:meta])* $item:ident,)* })*
    }) => {
        $($(#[$theme])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $part { $($(#[$item_about])* $item,)* })*

        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $whole { $($variant($part),)* }

        $(impl From<$part> for $whole {
            fn from(part: $part) -> Self {
                Self::$variant(part)
            }
        })*
    };
}

decisions! {
    /// Checks: each can be made fully, late, in the log only, or not at all.
    Check {
        /// What the portal asks of the bank about a customer's accounts (ACC-1).
        Banking(BankingCheck) {
            /// A consent to serve accounts stands.
            Consent,
            /// The accounts are those of the person who is named.
            Customer,
            /// A transfer needs a second factor.
            Level,
            /// The portal signed it.
            Signature,
        }
        /// Signatures of envelopes (XSG, XSW).
        Envelope(EnvelopeCheck) {
            /// SHA-1 and its like.
            Algorithm,
            /// The element that is used is the one that was signed.
            Covering,
            Digest,
            DuplicateId,
            Expired,
            Hmac,
            /// At most so many references.
            References,
            /// References to other places than the document.
            RemoteReference,
            Revoked,
            /// Every signature, not just the first.
            Second,
            Signed,
            /// XPath.
            Transform,
            /// The signer's certificate is one of the portal's authority.
            Trust,
            Usage,
            Value,
            /// Copies of the signed message in other places.
            Wrapping,
            Xslt,
        }
        /// Encrypted answers (SEC-11).
        Sealed(SealedCheck) {
            /// The answer is encrypted when that was asked.
            Plain,
            /// It opens, and nothing in it was changed.
            Tampered,
        }
        /// The data of answers, whatever their format.
        Json(JsonCheck) {
            /// A number that does not fit is not cut.
            BigNumber,
            Depth,
            DuplicateMember,
            /// Comments, single quotes, commas before brackets.
            Loose,
            /// A line that comes a second time.
            Repeated,
            Required,
            Trailing,
            Type,
            Utf8,
            /// A word outside a closed list.
            Word,
        }
        /// Orders, payments, documents.
        Matter(MatterCheck) {
            Amount,
            AttachmentDigest,
            /// The code behind the QR, asked at the portal.
            Code,
            DocumentDigest,
            DocumentSignature,
            DocumentSigner,
            Receipt,
            RequisitesAccount,
            RequisitesUin,
            /// A state that follows from the one before.
            StateOrder,
        }
        /// Messages of SMEV.
        Soap(SoapCheck) {
            Ahead,
            Attachment,
            AttachmentDigest,
            AttachmentSize,
            ContentVersion,
            Fault200,
            MustUnderstand,
            Recipient,
            Relation,
            Stale,
            TimePresent,
            Version,
        }
        /// The event stream's handshake and frames.
        Socket(SocketCheck) {
            Accept,
            Binary,
            Continuation,
            ControlLong,
            Masked,
            Opcode,
            Reserved,
            Size,
            Subprotocol,
            Text,
        }
        /// Documents of XML.
        Xml(XmlCheck) {
            Cut,
            Depth,
            Doctype,
            Encoding,
            EntityFile,
            EntityGrowth,
            EntityHost,
            EntityParameter,
            EntityRepetition,
            Namespace,
            Repeated,
        }
    }
}

decisions! {
    /// Duties: kept or not.
    Duty {
        /// Aggregates for the portal (ANL-1).
        Analytics(AnalyticsDuty) {
            NoPersonalData,
            Totals,
        }
        /// Banking through the portal (ACC-1).
        Banking(BankingDuty) {
            /// A transfer under a key that is known is not made again.
            Once,
        }
        /// Copies, versions (API-5, API-7).
        Cache(CacheDuty) {
            /// HTTP-30.
            Conditional,
            /// HTTP-31.
            Fresh,
            /// HTTP-33.
            GoneReported,
            /// HTTP-32.
            SunsetHeeded,
        }
        /// What calls look like and when they are made.
        Calls(CallsDuty) {
            /// HTTP-35.
            Accept,
            /// HTTP-36.
            CorrelationId,
            /// JSON-13: a next page elsewhere is not fetched.
            PageHere,
            /// JSON-13: pages that go in a circle end.
            PagesEnd,
            /// POLL-02.
            PollDefault,
            /// POLL-14.
            PollEnd,
            /// POLL-12.
            StatusHere,
        }
        /// Feedback (FBK-1).
        Feedback(FeedbackDuty) {
            NoPersonalData,
        }
        /// Deliveries of events.
        Hooks(HooksDuty) {
            /// WH-19.
            AddressUnvisited,
            /// WH-15.
            Bounded,
            /// WH-14.
            GarbageTold,
            /// WH-13: an older event does not undo a newer one.
            NewestStays,
        }
        /// Orders, payments, applications.
        Matters(MatterDuty) {
            /// IDN-10: the same code is not sent again.
            CodeOnce,
            /// The code stands nowhere once it is sent.
            CodeUnkept,
            /// IDEM-12.
            ExactAmount,
            /// IDEM-10.
            FinalStays,
            /// APP-2.
            OwnStatusTold,
            /// DOC-1, APP-3.
            PassedUnchanged,
            /// APP-1.
            PrefillKept,
            /// CRT-2: a quota is not stormed.
            QuotaKept,
            /// API-6.
            ReasonShown,
            /// CRT-2: nothing is ordered without a standing consent.
            StandingConsent,
            /// PAY-3.
            TokenNotNumber,
        }
        /// Offers (OFR-1, OFR-2).
        Offers(OfferDuty) {
            NoProductAmongRecommendations,
            OptOut,
            /// OFR-1: only under a marketing purpose.
            MarketingConsent,
        }
        /// INS-1, CNS-4: data of one purpose do not serve another.
        Purpose(PurposeDuty) {
            Limit,
        }
        /// What is shown is what was served.
        Shown(ServiceShown) {
            Csv,
            /// JSON-17: quotes and line breaks inside cells.
            CsvQuotes,
            Duty,
            Encumbrances,
            Estate,
            Export,
            Income,
            Insurance,
            LoanFacts,
            LoanScopes,
            OrderState,
            Prefill,
            Recommendations,
            Soap,
            StatePayments,
            Tax,
            Transfer,
            V2,
            Wallet,
            Xml,
        }
        /// Messages of SMEV.
        Smev(SoapDuty) {
            AckAfterStore,
            AckRepeated,
            AttachmentNameSafe,
            IdUnique,
            IdVersion1,
            InternalsHidden,
            MatchedById,
            PollInterval,
            ProcessedOnce,
            RejectionHeeded,
            SignatureOwn,
            SmevTransform,
        }
        /// The event stream.
        Stream(SocketDuty) {
            AckAfterStore,
            AckAtAll,
            Applied,
            BackOff,
            CloseAnswered,
            Fragments,
            GapAsked,
            InOrder,
            NotAfterRedirect,
            NotInAddress,
            OwnEventsOnly,
            PingAnswered,
            PongIgnored,
            RefusalHeeded,
            ResumesAtLast,
            RetryAfter,
            RevocationHeeded,
            TokenRenewed,
        }
        /// Documents of XML: what is read of them, and what is left alone.
        XmlReading(XmlDuty) {
            /// Character data in sections.
            CData,
            /// XML-12.
            CommentTransparent,
            IncludeUnfollowed,
            PrefixFree,
            SchemaUnfetched,
            StyleSheetUnfetched,
        }
    }
}

impl dyn Conduct + '_ {
    /// How a check is made.
    pub(crate) fn checks(&self, check: impl Into<Check>) -> Diligence {
        self.check(check.into())
    }

    /// Whether a duty is kept.
    pub(crate) fn keeps(&self, duty: impl Into<Duty>) -> bool {
        self.duty(duty.into())
    }
}
