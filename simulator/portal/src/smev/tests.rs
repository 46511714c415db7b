//! The exchange over the whole router: a bank with its key, a frozen clock, no socket.

use axum::body::Body;
use contract::consent::Permission;
use contract::control::Strictness;
use contract::journal::kinds;
use contract::smev::{SOAP, Version};
use contract::time::Span;
use crypto::xmldsig::{Document, Element, Limits, Place, Policy, SignAsk, sign, verify};
use http::Request;
use serde_json::Map;

use super::xml::el;
use crate::faults::Lie;
use crate::oauth::signed::{Ask, Version as Signed};
use crate::stand::{Asked, Held, Seen, Stand, noon};

struct Bank {
    stand: Stand,
    pen: Held,
    oid: i64,
    consent: String,
    version: Version,
    count: std::cell::Cell<u64>,
}

impl Bank {
    async fn new() -> Self {
        Self::of(Version::V1_2, None).await
    }

    async fn of(version: Version, algorithm: Option<crypto::Algorithm>) -> Self {
        let stand = Stand::new(Strictness::Strict).await;
        let permission = Permission {
            sysname: "CREDIT".into(),
            responsible_object: None,
            term: Span::from_days(30),
            actions: vec!["ALL_ACTIONS_TO_DATA".into()],
            purposes: vec!["CREDIT".into()],
            scopes: ["debts", "pension"].map(str::to_owned).to_vec(),
        };
        let asked = Asked::new(Signed::V2, Ask::Authorise, "BANK01", &[("scope", "openid")])
            .with("permissions", &Permission::encode(&[permission]))
            .signed(&stand.rsa);
        let first = asked.send(&stand).await;
        let back = stand.sign_in(first, SLUG, "approve").await;
        let code = back.back("code").unwrap();
        let redeemed = Asked::new(Signed::V3, Ask::Code, "BANK01", &[("scope", "openid"), ("code", &code)]);
        let answer = redeemed.signed(&stand.rsa).send(&stand).await.json();
        let consent = answer["consent"].as_str().unwrap().to_owned();
        let oid = stand.citizen(SLUG).oid.wide();
        let pen = match algorithm {
            None => stand.rsa.clone(),
            Some(algorithm) => {
                let key = crypto::PrivateKey::generate(algorithm).unwrap();
                stand.registered("partner", &key).await
            }
        };
        Self { stand, pen, oid, consent, version, count: std::cell::Cell::new(1) }
    }

    /// A version 1 UUID whose clock is the stand's.
    fn uuid(&self) -> String {
        self.count.set(self.count.get() + 1);
        uuid_at(noon().seconds(), self.count.get())
    }

    /// A call, signed over the element of this name.
    fn call(&self, operation: &str, signed: &str, inner: &str) -> String {
        let (types, basic) = (self.version.types(), self.version.basic());
        let text = format!(
            "<s:Envelope xmlns:s=\"{SOAP}\"><s:Header/><s:Body><t:{operation}Request xmlns:t=\"{types}\" xmlns:b=\"{basic}\">\
             {inner}<t:CallerInformationSystemSignature/></t:{operation}Request></s:Body></s:Envelope>"
        );
        let document = Document::parse(text.as_bytes(), Limits::default()).unwrap();
        let find = |name: &str| document.elements().find(|element| element.name() == name).unwrap();
        let place = Place::LastIn(find("CallerInformationSystemSignature"));
        sign(&document, &SignAsk::smev(find(signed), place, &self.pen.key, &self.pen.certificate)).unwrap()
    }

    async fn post(&self, operation: &str, text: String) -> Seen {
        let request = Request::post(format!("/smev/{}", self.version.as_str()))
            .header("content-type", "text/xml; charset=utf-8")
            .header("soapaction", format!("\"urn:{operation}\""))
            .body(Body::from(text));
        self.stand.send(request.unwrap()).await
    }

    fn debts_request(&self, id: &str) -> String {
        let inner = format!(
            "{}{}{}",
            el("consent", &self.consent),
            el("person", &self.oid.to_string()),
            el("purpose", "CREDIT")
        );
        self.request(id, &format!("<debtsRequest xmlns=\"urn:stend:debts:1.0\">{inner}</debtsRequest>"), "")
    }

    fn request(&self, id: &str, content: &str, behind: &str) -> String {
        let inner = format!(
            "<t:SenderProvidedRequestData Id=\"SIGNED_BY_CONSUMER\">{}<b:MessagePrimaryContent>{content}\
             </b:MessagePrimaryContent>{behind}</t:SenderProvidedRequestData>",
            el("t:MessageID", id)
        );
        self.call("SendRequest", "SenderProvidedRequestData", &inner)
    }

    async fn ask_debts(&self) -> String {
        let id = self.uuid();
        let seen = self.post("SendRequest", self.debts_request(&id)).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        id
    }

    async fn get(&self, operation: &str) -> Seen {
        let selector = format!(
            "<b:MessageTypeSelector Id=\"SIGNED_BY_CALLER\">{}</b:MessageTypeSelector>",
            el("b:Timestamp", "2026-11-22T15:00:00.000+03:00")
        );
        self.post(operation, self.call(operation, "MessageTypeSelector", &selector)).await
    }

    async fn ack(&self, id: &str) -> Seen {
        let target = format!("<b:AckTargetMessage Id=\"SIGNED_BY_CALLER\" accepted=\"true\">{id}</b:AckTargetMessage>");
        self.post("Ack", self.call("Ack", "AckTargetMessage", &target)).await
    }

    fn arm(&self, slug: &str) {
        self.stand.sandbox.armed().arm(Lie {
            id: slug.to_owned(),
            slug: contract::fault::find(slug).unwrap_or_else(|| panic!("{slug}")).slug,
            citizen: Some(self.oid),
            citizen_slug: None,
            left: Some(1),
            told: 0,
            params: Map::new(),
        });
    }
}

const SLUG: &str = "many-debts";

fn uuid_at(seconds: i64, count: u64) -> String {
    let ticks = seconds * 10_000_000 + 0x01B2_1DD2_1381_4000;
    let (low, middle, high) = (ticks & 0xffff_ffff, (ticks >> 32) & 0xffff, (ticks >> 48) & 0xfff);
    format!("{low:08x}-{middle:04x}-1{high:03x}-9abc-{count:012x}")
}

fn parsed(seen: &Seen) -> Document {
    Document::parse(seen.body.as_bytes(), Limits::default()).unwrap_or_else(|error| panic!("{error}: {}", seen.body))
}

fn named<'d>(document: &'d Document, name: &str) -> Option<Element<'d>> {
    document.elements().find(|element| element.name() == name)
}

fn text(seen: &Seen, name: &str) -> String {
    let document = parsed(seen);
    named(&document, name).unwrap_or_else(|| panic!("no {name}: {}", seen.body)).text()
}

/// What a careful reader demands: one signature that covers the response.
fn holds(seen: &Seen) -> bool {
    let Ok(document) = Document::parse(seen.body.as_bytes(), Limits::default()) else { return false };
    let Some(holder) = named(&document, "SMEVSignature") else { return false };
    let Some(signature) = holder.children().next() else { return false };
    let Some(response) = document
        .root()
        .child(SOAP, "Body")
        .and_then(|body| body.children().next())
        .and_then(|answer| answer.children().next())
        .and_then(|message| message.children().next())
    else {
        return false;
    };
    let verified = verify(signature, &Policy { references: 1, ..Policy::default() });
    let one = holder.children().count() == 1;
    one && response.name() == "Response" && verified.is_ok_and(|verified| verified.covering(response).is_ok())
}

#[tokio::test]
async fn a_request_is_answered_handed_out_signed_and_acknowledged() {
    for (version, algorithm) in [
        (Version::V1_1, None),
        (Version::V1_2, Some(crypto::Algorithm::GOST_256)),
        (Version::V1_3, Some(crypto::Algorithm::EcdsaP256)),
    ] {
        let bank = Bank::of(version, algorithm).await;
        let id = bank.ask_debts().await;
        let seen = bank.get("GetResponse").await;
        assert!(holds(&seen), "{seen:?}");
        assert_eq!(text(&seen, "OriginalMessageId"), id);
        let document = parsed(&seen);
        let answer = named(&document, "debtsResponse").unwrap();
        assert_eq!(answer.namespace(), "urn:stend:debts:1.0");
        assert!(named(&document, "totals").is_some());
        let own = text(&seen, "MessageID");
        assert_eq!(text(&bank.ack(&id).await, "faultcode"), "soap:Server");
        assert_eq!(bank.ack(&own).await.status, 200);
        assert_eq!(bank.ack(&own).await.cause(), "smev-ack-repeated");
        assert!(named(&parsed(&bank.get("GetResponse").await), "ResponseMessage").is_none());
    }
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_after_the_limit() {
    let bank = Bank::new().await;
    bank.ask_debts().await;
    let first = text(&bank.get("GetResponse").await, "MessageID");
    assert!(named(&parsed(&bank.get("GetResponse").await), "Response").is_none());
    bank.stand.advance(Span::from_minutes(16)).await;
    assert_eq!(text(&bank.get("GetResponse").await, "MessageID"), first);
}

#[tokio::test]
async fn ids_are_of_version_1_of_now_and_new() {
    let bank = Bank::new().await;
    for (id, code) in [
        ("6f1d2c1e-8f0a-4c35-9d55-0c8b9d4d7a11".to_owned(), "InvalidMessageIdFormat"),
        (uuid_at(noon().seconds() - 3 * 86_400, 1), "StaleMessageId"),
        (uuid_at(noon().seconds() + 600, 1), "StaleMessageId"),
        (bank.uuid().to_uppercase(), "InvalidMessageIdFormat"),
    ] {
        let seen = bank.post("SendRequest", bank.debts_request(&id)).await;
        assert!(named(&parsed(&seen), code).is_some(), "{seen:?}");
    }
    let id = bank.ask_debts().await;
    let again = bank.post("SendRequest", bank.debts_request(&id)).await;
    assert!(named(&parsed(&again), "MessageIsAlreadySent").is_some());
}

#[tokio::test]
async fn altering_anything_signed_is_refused() {
    let bank = Bank::new().await;
    let good = bank.debts_request(&bank.uuid());
    let signed = &good[good.find("<t:SenderProvided").unwrap()..good.find("</t:SenderProvided").unwrap()];
    let places: Vec<usize> = signed
        .char_indices()
        .filter(|(at, letter)| letter.is_ascii_digit() && signed[..*at].rfind('>') > signed[..*at].rfind('<'))
        .map(|(at, _)| at)
        .collect();
    assert!(places.len() > 30);
    for at in places.into_iter().step_by(5) {
        let turned = if &signed[at..=at] == "7" { "8" } else { "7" };
        let changed = [&signed[..at], turned, &signed[at + 1..]].concat();
        let seen = bank.post("SendRequest", good.replacen(signed, &changed, 1)).await;
        assert!(named(&parsed(&seen), "SignatureVerificationFault").is_some(), "{seen:?}");
    }
}

#[tokio::test]
async fn the_signature_must_be_there_cover_the_right_element_and_be_by_a_partner() {
    let bank = Bank::new().await;
    let good = bank.debts_request(&bank.uuid());
    let from = good.find("<t:CallerInformationSystemSignature>").unwrap();
    let to = good.find("</t:SendRequestRequest>").unwrap();
    let unsigned = [&good[..from], &good[to..]].concat();
    assert_eq!(bank.post("SendRequest", unsigned).await.cause(), "smev-signature-absent");
    let content = "<debtsRequest xmlns=\"urn:stend:debts:1.0\" Id=\"x\"/>";
    let inner = format!(
        "<t:SenderProvidedRequestData Id=\"S\">{}<b:MessagePrimaryContent>{content}</b:MessagePrimaryContent></t:SenderProvidedRequestData>",
        el("t:MessageID", &bank.uuid())
    );
    let wrong = bank.call("SendRequest", "debtsRequest", &inner);
    let seen = bank.post("SendRequest", wrong).await;
    assert_eq!(seen.cause(), "smev-not-covered", "{seen:?}");
    let key = crypto::PrivateKey::generate(crypto::Algorithm::EcdsaP256).unwrap();
    let stranger = bank.stand.issued("partner", &key);
    let bank = Bank { pen: stranger, ..bank };
    let seen = bank.post("SendRequest", bank.debts_request(&bank.uuid())).await;
    assert!(named(&parsed(&seen), "SenderIsNotRegistered").is_some(), "{seen:?}");
}

#[tokio::test]
async fn content_that_does_not_fit_is_answered_later_and_refusals_are_told_as_such() {
    let bank = Bank::new().await;
    let content = "<debtsRequest xmlns=\"urn:stend:debts:1.0\"><purpose>CREDIT</purpose></debtsRequest>";
    assert_eq!(bank.post("SendRequest", bank.request(&bank.uuid(), content, "")).await.status, 200);
    let seen = bank.get("GetResponse").await;
    assert_eq!(text(&seen, "StatusCategory"), "requestIsRejectedBySmev");
    assert!(seen.body.contains("InvalidContent") && holds(&seen));
    let content =
        "<debtsRequest xmlns=\"urn:stend:debts:1.0\"><person>1</person><purpose>CREDIT</purpose></debtsRequest>";
    bank.post("SendRequest", bank.request(&bank.uuid(), content, "")).await;
    let seen = bank.get("GetResponse").await;
    assert_eq!(text(&seen, "RejectionReasonCode"), "ACCESS_DENIED");
    let unknown = bank.request(&bank.uuid(), "<x xmlns=\"urn:nobody\"/>", "");
    let seen = bank.post("SendRequest", unknown).await;
    assert_eq!(text(&seen, "RootElementNamespaceURI"), "urn:nobody");
}

#[tokio::test]
async fn charges_are_exported_and_paid_as_the_treasury_says_it() {
    let bank = Bank::new().await;
    let authority = format!(
        "<t:BusinessProcessMetadata><a:Authority xmlns:a=\"urn:stend:authority:1.0\">{}{}{}</a:Authority></t:BusinessProcessMetadata>",
        el("a:consent", &bank.consent),
        el("a:person", &bank.oid.to_string()),
        el("a:purpose", "CREDIT")
    );
    let export = "<g:ExportChargesRequest xmlns:g=\"urn://roskazna.ru/gisgmp/xsd/services/export-charges/2.5.0\" \
                  xmlns:sc=\"http://roskazna.ru/gisgmp/xsd/SearchConditions/2.5.0\" Id=\"G1\" timestamp=\"2026-11-22T15:00:00+03:00\" \
                  senderIdentifier=\"3eb59f\" senderRole=\"9\"><sc:ChargesExportConditions kind=\"CHARGE\"><sc:TimeConditions/>\
                  </sc:ChargesExportConditions></g:ExportChargesRequest>";
    let seen = bank.post("SendRequest", bank.request(&bank.uuid(), export, &authority)).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let seen = bank.get("GetResponse").await;
    let document = parsed(&seen);
    let charge = named(&document, "ChargeInfo").unwrap_or_else(|| panic!("{}", seen.body));
    let (uin, sum) = (charge.attribute("supplierBillID").unwrap(), charge.attribute("amountToPay").unwrap());
    bank.ack(&text(&seen, "MessageID")).await;
    let import = format!(
        "<g:ImportPaymentsRequest xmlns:g=\"urn://roskazna.ru/gisgmp/xsd/services/import-payments/2.5.0\" \
         xmlns:p=\"http://roskazna.ru/gisgmp/xsd/Package/2.5.0\" Id=\"G2\" timestamp=\"2026-11-22T15:00:00+03:00\" \
         senderIdentifier=\"3eb59f\" senderRole=\"9\"><p:PaymentsPackage><p:ImportedPayment Id=\"I1\" \
         paymentId=\"10445252250000012211202600000001\" supplierBillID=\"{uin}\" amount=\"{sum}\" purpose=\"x\" transKind=\"01\" \
         paymentDate=\"2026-11-22\"/></p:PaymentsPackage></g:ImportPaymentsRequest>"
    );
    bank.post("SendRequest", bank.request(&bank.uuid(), &import, &authority)).await;
    let seen = bank.get("GetResponse").await;
    let document = parsed(&seen);
    let protocol = named(&document, "ImportProtocol").unwrap_or_else(|| panic!("{}", seen.body));
    assert_eq!(protocol.attribute("code"), Some("0"), "{}", seen.body);
    assert_eq!(bank.stand.sandbox.read(|world| world.payments.all().count()), 1);
}

#[tokio::test]
async fn the_bank_answers_the_portal_and_its_overdue_credit_becomes_a_debt() {
    let bank = Bank::new().await;
    let ask =
        serde_json::from_value(serde_json::json!({"client_id": "BANK01", "type": "overdue-credits", "person": SLUG}));
    super::ask::ask(&bank.stand.sandbox, ask.unwrap()).await.unwrap();
    let seen = bank.get("GetRequest").await;
    let (id, to) = (text(&seen, "MessageID"), text(&seen, "ReplyTo"));
    let answer = |to: &str| {
        let item = format!(
            "<item>{}{}{}{}</item>",
            el("external_id", "c-1"),
            el("title", "Просроченный кредит"),
            el("amount", "150000"),
            el("due_date", "2026-10-01")
        );
        let content = format!(
            "<overdue-creditsResponse xmlns=\"urn:stend:overdue-credits:1.0\">{item}</overdue-creditsResponse>"
        );
        let inner = format!(
            "<t:SenderProvidedResponseData Id=\"S\">{}{}<b:MessagePrimaryContent>{content}</b:MessagePrimaryContent>\
             </t:SenderProvidedResponseData>",
            el("t:MessageID", &bank.uuid()),
            el("t:To", to)
        );
        bank.call("SendResponse", "SenderProvidedResponseData", &inner)
    };
    let wrong = bank.post("SendResponse", answer("e30=")).await;
    assert!(named(&parsed(&wrong), "RecipientIsNotFound").is_some());
    let seen = bank.post("SendResponse", answer(&to)).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    assert_eq!(bank.ack(&id).await.status, 200);
    assert!(bank.stand.sandbox.read(|world| world.debts.fed("BANK01", "c-1").is_some()));
}

/// Lies that a careful reader has to turn away for what the envelope and its signature are.
#[tokio::test]
async fn every_lie_is_told_once_and_breaks_only_what_it_means_to() {
    let harmless = [
        "queue-ack-lost",
        "queue-out-of-order",
        "queue-redelivered",
        "soap-ahead",
        "soap-attachment-digest",
        "soap-attachment-missing",
        "soap-attachment-path-name",
        "soap-business-refusal",
        "soap-must-understand",
        "soap-no-time",
        "soap-other-recipient",
        "soap-schema-unknown",
        "soap-stale",
        "soap-unknown-relation",
        "xml-cdata",
        "xml-comment-in-text",
        "xml-element-repeated",
        "xml-other-prefixes",
        "xml-schema-location",
        "xml-stylesheet",
        "xml-wrong-namespace",
        "xml-xinclude",
        "xsg-expired",
        "xsg-foreign-key",
        "xsg-revoked",
        "xsw-attachment-moved",
        "xsw-timestamp-moved",
    ];
    // Told elsewhere, or only where there are several messages or an attachment.
    let elsewhere = ["queue-ack-lost", "queue-out-of-order", "queue-redelivered", "xsw-attachment-moved"];
    let bank = Bank::new().await;
    for slug in crate::faults::smev::known().filter(|slug| !elsewhere.contains(slug)) {
        bank.ask_debts().await;
        bank.arm(slug);
        let seen = bank.get("GetResponse").await;
        let told = bank.stand.sandbox.armed().list().iter().any(|lie| lie.slug == slug && lie.told == 1);
        assert!(told, "{slug} was not told: {}", seen.body);
        let good = holds(&seen);
        let expected = harmless.contains(&slug) && slug != "xsw-timestamp-moved";
        assert_eq!(good, expected, "{slug}: {}", seen.body.chars().take(3000).collect::<String>());
        // What was handed out, or still waits, is put away.
        let waiting: Vec<String> = bank.stand.sandbox.read(|world| {
            let mine = world.smev.all().filter(|held| held.message.recipient == "BANK01" && !held.is_gone());
            mine.map(|held| held.message.id.clone()).collect()
        });
        for id in waiting {
            if bank.ack(&id).await.status != 200 {
                bank.get("GetResponse").await;
                bank.ack(&id).await;
            }
        }
    }
}

#[tokio::test]
async fn a_lost_acknowledgement_changes_nothing_and_an_acknowledged_answer_may_come_again() {
    let bank = Bank::new().await;
    bank.ask_debts().await;
    let id = text(&bank.get("GetResponse").await, "MessageID");
    bank.arm("queue-ack-lost");
    assert_eq!(bank.ack(&id).await.status, 503);
    assert_eq!(bank.ack(&id).await.status, 200);
    bank.arm("queue-redelivered");
    assert_eq!(text(&bank.get("GetResponse").await, "MessageID"), id);
    let journal = bank.stand.sandbox.book().appended();
    assert!(journal > 0 && kinds::ALL.contains(&kinds::SMEV_SENT));
}

#[tokio::test]
async fn the_descriptions_are_served_whole() {
    let bank = Bank::new().await;
    for version in Version::ALL {
        let wsdl = bank.stand.open(&format!("/smev/{}?wsdl", version.as_str())).await;
        assert!(wsdl.body.contains("SMEVMessageExchangeSoap11Binding") && !wsdl.body.contains("\"SERVICE\""));
        for piece in wsdl.body.split("schemaLocation=\"").skip(1) {
            let address = piece.split('"').next().unwrap();
            let schema = bank.stand.open(address).await;
            assert_eq!(schema.status, 200, "{address}");
            Document::parse(schema.body.as_bytes(), Limits::default()).unwrap();
        }
    }
    let own = bank.stand.open("/smev/1.2?xsd=debts").await;
    assert!(own.body.contains("debtsRequest"), "{}", own.body);
}
