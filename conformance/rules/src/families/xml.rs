//! XML, XSW, XSG: documents that hide something, signatures that cover something else, keys that prove nothing. The lies
//! stand in what the exchange hands out, or in XML answers of the services; each must be refused and nothing of it used.

use contract::adapter::ReasonClass::*;
use contract::exchange::Party;
use contract::smev::Operation;
use crypto::cert::Certificate;
use crypto::xmldsig::{Element, Policy, Transform, verify};
use serde_json::{Map, Value};

use super::{LOOKED_ACCEPT, LOOKED_ANSWER, ROW, accept, accept_and_look, refuse, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::soap::{Envelope, named};
use crate::reading::{Flow, Lie, Reading, lied, line};
use crate::refusal::untold;
use crate::rule::{Judge, Level, Rule, Severity, Unused};

const XML: Rule = Rule {
    requirements: &["API-2", "SEC-8"],
    looked_at: LOOKED_ANSWER,
    why: t(
        "Разборщик, который верит документу, читает чужие файлы, ходит по чужим адресам и падает.",
        "A parser that trusts the document reads files, visits addresses and falls over at a stranger’s will.",
    ),
    advice: t(
        "Отключите DTD, сущности и внешние ссылки; ограничьте глубину и размер; проверяйте пространства имён.",
        "Switch off DTDs, entities and external references; bound depth and size; check namespaces.",
    ),
    ..ROW
};
const XSW: Rule = Rule {
    requirements: &["API-2", "SEC-3"],
    severity: Severity::Critical,
    looked_at: LOOKED_ANSWER,
    why: t(
        "Верная подпись под одним элементом не делает верным другой: так подменяют сообщение целиком.",
        "A good signature over one element does not make another one good: this is how whole messages are swapped.",
    ),
    advice: t(
        "Берите данные только из того самого элемента, который покрыт проверенной подписью.",
        "Take data only from the very element that the verified signature covers.",
    ),
    ..ROW
};
const XSG: Rule = Rule {
    requirements: &["API-2", "SEC-2", "SEC-3"],
    severity: Severity::Critical,
    looked_at: LOOKED_ANSWER,
    why: t("Подпись без полной проверки — украшение.", "A signature that is not checked in full is decoration."),
    advice: t(
        "Проверяйте дайджест, значение, ключ, цепочку, срок, алгоритмы и преобразования до чтения данных.",
        "Check digest, value, key, chain, term, algorithms and transforms before reading the data.",
    ),
    ..ROW
};
const ODD: Rule = Rule {
    looked_at: LOOKED_ACCEPT,
    why: t("Одно и то же в XML пишут по-разному.", "The same is written in many ways in XML."),
    advice: t("Читайте разборщиком, а не строками.", "Read with a parser, not by strings."),
    ..XML
};

/// Rows of lies that must be refused: id, slug, level, clauses, title, lies, classes.
macro_rules! lies {
    ($base:ident: $($id:literal $slug:literal $level:ident [$($clause:literal),+] $ru:literal / $en:literal
        => [$($fault:literal),+] [$($class:ident),+];)+) => {
        &[$(Rule {
            id: $id,
            slug: $slug,
            level: Level::$level,
            clauses: &[$($clause),+],
            title: t($ru, $en),
            judge: refuse(&[$($fault),+], &[$($class),+], Unused::Answer),
            ..$base
        }),+]
    };
}

pub(super) const XML_RULES: &[Rule] = lies! { XML:
    "XML-01" "xml-file-entity-read" M ["ASVS 1.5.1", "XML 1.0 4.2.2"] "Внешняя сущность не читает файлов" / "An external entity reads no file"
        => ["xml-entity-file"] [Format, Signature];
    "XML-02" "xml-host-entity-fetched" M ["ASVS 1.5.1", "ASVS 1.3.6"] "Внешняя сущность не открывает адресов" / "An external entity opens no address"
        => ["xml-entity-canary"] [Format, Signature];
    "XML-03" "xml-parameter-entity-fetched" M ["ASVS 1.5.1"] "Параметрическая сущность не открывает адресов" / "A parameter entity opens no address"
        => ["xml-parameter-entity"] [Format, Signature];
    "XML-04" "doctype-accepted" M ["SOAP 1.1 3"] "В сообщении нет описания типа документа" / "A message has no document type declaration"
        => ["xml-doctype"] [Format, Signature];
    "XML-05" "entity-growth-accepted" M ["ASVS 1.5.1"] "Растущие сущности не разворачиваются" / "Growing entities are not expanded"
        => ["xml-entity-growth"] [Format, Signature];
    "XML-06" "entity-repetition-accepted" M ["ASVS 1.5.1"] "Повторённая сущность не разворачивается" / "A repeated entity is not expanded"
        => ["xml-quadratic"] [Format, Signature];
    "XML-10" "wrong-encoding-accepted" M ["RFC 7303 3", "XML 1.0 4.3.3"] "Объявленная кодировка совпадает с настоящей" / "The encoding declared is the one used"
        => ["xml-encoding-differs"] [Format, Signature];
    "XML-11" "cut-xml-accepted" M ["XML 1.0 1.2"] "Обрезанный документ отвергается" / "A document cut short is refused"
        => ["xml-cut"] [Format, Signature, Transport];
    "XML-15" "wrong-namespace-accepted" M ["Namespaces in XML 6.1"] "Чужое пространство имён — другой документ" / "Another namespace is another document"
        => ["xml-wrong-namespace"] [Format, Signature, Binding];
    "XML-16" "repeated-element-accepted" M ["XML Schema 1 3.8"] "Элемент, который один, не повторён" / "What stands once is not repeated"
        => ["xml-element-repeated"] [Format, Signature, Binding];
    "XML-17" "deep-xml-accepted" G ["ASVS 15.2.2"] "Сто тысяч вложений не роняют банк" / "A hundred thousand levels do not fell the bank"
        => ["xml-deep"] [Format, Signature, Limit];
};

pub(super) const XML_DUTIES: &[Rule] = &[
    Rule {
        id: "XML-07",
        slug: "xinclude-processed",
        clauses: &["XInclude 4", "ASVS 1.5.1"],
        title: t("XInclude не исполняется", "XInclude is not processed"),
        judge: Judge::Duty(|reading| visited_nobody(reading, &["xml-xinclude"])),
        ..XML
    },
    Rule {
        id: "XML-08",
        slug: "schema-location-fetched",
        clauses: &["XML Schema 1 4.3.2", "ASVS 1.3.6"],
        title: t("Адрес схемы из документа не открывается", "The schema’s address in a document is not opened"),
        judge: Judge::Duty(|reading| visited_nobody(reading, &["xml-schema-location"])),
        ..XML
    },
    Rule {
        id: "XML-09",
        slug: "stylesheet-fetched",
        clauses: &["SOAP 1.2 Part 1 5"],
        title: t("Таблица стилей из документа не исполняется", "A style sheet named in a document is not processed"),
        judge: Judge::Duty(|reading| visited_nobody(reading, &["xml-stylesheet"])),
        ..XML
    },
    Rule {
        id: "XML-12",
        slug: "comment-cuts-value",
        clauses: &["ASVS 1.5.3", "XMLDSIG 8.1"],
        title: t("Примечание внутри значения его не режет", "A comment inside a value does not cut it"),
        judge: accept_and_look(&["xml-comment-in-text"], misread),
        ..ODD
    },
    Rule {
        id: "XML-13",
        slug: "cdata-misread",
        clauses: &["XML 1.0 2.11", "XML 1.0 3.3.3"],
        title: t("CDATA и ссылки на знаки читаются как текст", "CDATA and character references are read as text"),
        judge: accept_and_look(&["xml-cdata"], misread),
        ..ODD
    },
    Rule {
        id: "XML-14",
        slug: "prefixes-insisted-on",
        clauses: &["Namespaces in XML 2"],
        title: t("Другие приставки — те же имена", "Other prefixes are the same names"),
        judge: accept(&["xml-other-prefixes"]),
        ..ODD
    },
];

pub(super) const XSW_RULES: &[Rule] = lies! { XSW:
    "XSW-01" "xsw-1-accepted" M ["XMLDSIG 3.2", "XMLDSIG 8.1"] "Обёртка 1: подписанная копия под подписью, снаружи подмена" / "Wrapping 1: the signed copy under the signature, the altered one outside"
        => ["xsw-1"] [Signature, Binding, Format];
    "XSW-02" "xsw-2-accepted" M ["XMLDSIG 3.2", "XMLDSIG 8.1"] "Обёртка 2: подпись отдельно, рядом подписанная копия" / "Wrapping 2: the signature detached beside the signed copy"
        => ["xsw-2"] [Signature, Binding, Format];
    "XSW-03" "xsw-3-accepted" M ["XMLDSIG 3.2", "XMLDSIG 8.1"] "Обёртка 3: подмена перед подписанным" / "Wrapping 3: the altered one set before the signed one"
        => ["xsw-3"] [Signature, Binding, Format];
    "XSW-04" "xsw-4-accepted" M ["XMLDSIG 3.2", "XMLDSIG 8.1"] "Обёртка 4: подмена вокруг подписанного" / "Wrapping 4: the altered one around the signed one"
        => ["xsw-4"] [Signature, Binding, Format];
    "XSW-05" "xsw-5-accepted" M ["XMLDSIG 3.2", "XMLDSIG 8.1"] "Обёртка 5: подмена с подписью, подписанное в конце" / "Wrapping 5: the altered one with the signature, the signed one at the end"
        => ["xsw-5"] [Signature, Binding, Format];
    "XSW-06" "xsw-6-accepted" M ["XMLDSIG 3.2", "XMLDSIG 8.1"] "Обёртка 6: подпись внутри подмены, подписанное внутри подписи" / "Wrapping 6: the signature inside the altered one, the signed one inside the signature"
        => ["xsw-6"] [Signature, Binding, Format];
    "XSW-07" "xsw-7-accepted" M ["XMLDSIG 3.2", "XMLDSIG 8.1"] "Обёртка 7: подмена в расширении" / "Wrapping 7: the altered copy inside an extension"
        => ["xsw-7"] [Signature, Binding, Format];
    "XSW-08" "xsw-8-accepted" M ["XMLDSIG 3.2", "XMLDSIG 8.1"] "Обёртка 8: подмена в объекте подписи" / "Wrapping 8: the altered copy inside an object of the signature"
        => ["xsw-8"] [Signature, Binding, Format];
    "XSW-09" "xsw-header-accepted" M ["WSS 1.1.1 13.2", "XMLDSIG 8.1"] "Подписанное спрятано в заголовке" / "The signed body is hidden in a header"
        => ["xsw-soap-header"] [Signature, Binding, Format];
    "XSW-10" "xsw-role-none-accepted" M ["WSS 1.1.1 13.2", "SOAP 1.2 Part 1 2.2"] "Подписанное в заголовке «ни для кого»" / "The signed body in a header for nobody"
        => ["xsw-soap-none-role"] [Signature, Binding, Format];
    "XSW-11" "moved-timestamp-accepted" M ["WSS 1.1.1 10", "WSS 1.1.1 13.2"] "Подписанная метка времени вынесена, вставлена свежая" / "The signed time moved away, a fresh unsigned one put in"
        => ["xsw-timestamp-moved"] [Signature, Binding, Format, Time];
    "XSW-12" "duplicate-id-accepted" M ["WSS 1.1.1 13.2", "XMLDSIG 4.4.3"] "Два элемента с одним Id" / "Two elements with one Id"
        => ["xsw-duplicate-id"] [Signature, Binding, Format];
    "XSW-13" "foreign-id-accepted" M ["XMLDSIG 4.4.3"] "Тот же Id в чужом пространстве имён" / "The same Id in another namespace"
        => ["xsw-foreign-id"] [Signature, Binding, Format];
    "XSW-15" "nested-envelope-accepted" M ["SOAP 1.2 Part 1 5"] "Конверт в конверте" / "An envelope inside an envelope"
        => ["xsw-envelope-in-envelope"] [Signature, Binding, Format];
};

pub(super) const XSG_RULES: &[Rule] = lies! { XSG:
    "XSG-01" "unsigned-envelope-accepted" M ["WSS 1.1.1 8", "ASVS 4.1.5"] "Неподписанный конверт отвергается" / "An unsigned envelope is refused"
        => ["xsg-unsigned"] [Signature];
    "XSG-02" "uncovered-body-accepted" M ["XMLDSIG 8.1.1", "WSS 1.1.1 13.2"] "Тело, не покрытое подписью, не используется" / "A body that no signature covers is not used"
        => ["xsg-body-uncovered"] [Signature, Binding];
    "XSG-03" "uncovered-metadata-accepted" M ["WSS 1.1.1 13.2"] "Номера и время тоже под подписью" / "Ids and times stand under the signature too"
        => ["xsg-metadata-uncovered"] [Signature, Binding];
    "XSG-04" "xml-digest-unchecked" M ["XMLDSIG 3.2.1"] "Дайджест сверяется" / "The digest is compared"
        => ["xsg-digest"] [Signature];
    "XSG-05" "xml-signature-unchecked" M ["XMLDSIG 3.2.2"] "Значение подписи проверяется" / "The signature value is verified"
        => ["xsg-value"] [Signature];
    "XSG-06" "key-in-message-trusted" M ["XMLDSIG 4.5", "XMLDSIG 8.2"] "Ключ из сообщения сам по себе не доверен" / "A key inside the message is not trusted by itself"
        => ["xsg-foreign-key"] [Signature];
    "XSG-07" "signer-certificate-unchecked" M ["RFC 5280 6.1.3", "RFC 5280 6.3"] "Сертификат подписи действует и не отозван" / "The signer’s certificate is in force and not revoked"
        => ["xsg-expired", "xsg-revoked"] [Signature, Time];
    "XSG-08" "xml-hmac-accepted" M ["XMLDSIG 8.3"] "HMAC с открытым ключом не подпись" / "An HMAC under the public key is no signature"
        => ["xsg-hmac-public-key"] [Signature];
    "XSG-09" "short-hmac-accepted" M ["XMLDSIG 6.3.1"] "Укороченный HMAC не принимается" / "A cut HMAC is not accepted"
        => ["xsg-hmac-cut"] [Signature];
    "XSG-10" "sha1-accepted" M ["XMLDSIG 6.1", "ASVS 11.4.1"] "SHA-1 не принимается" / "SHA-1 is not accepted"
        => ["xsg-sha1"] [Signature];
    "XSG-11" "xslt-run" M ["XML Signature Best Practices 2.1"] "XSLT из подписи не исполняется" / "XSLT of a signature is not run"
        => ["xsg-xslt"] [Signature];
    "XSG-12" "xpath-accepted" M ["XMLDSIG 6.6.3", "XMLDSIG 8.1"] "XPath, исключающий данные, не принимается" / "An XPath that leaves the data out is not accepted"
        => ["xsg-xpath"] [Signature];
    "XSG-13" "remote-reference-fetched" M ["XMLDSIG 4.4.3", "XMLDSIG 4.5.3"] "Ссылка подписи наружу не открывается" / "A signature’s reference abroad is not opened"
        => ["xsg-remote-reference"] [Signature];
    "XSG-14" "endless-references-followed" G ["XML Signature Best Practices 2.1"] "Десять тысяч ссылок не роняют банк" / "Ten thousand references do not fell the bank"
        => ["xsg-many-references"] [Signature, Limit];
    "XSG-16" "second-signature-ignored" M ["XMLDSIG 3.2"] "Из двух подписей неверна одна: отказ" / "Of two signatures one is broken: refused"
        => ["xsg-two-one-broken"] [Signature];
};

pub(super) const XSG_DUTIES: &[Rule] = &[
    Rule {
        id: "XSG-18",
        slug: "own-signature-broken",
        clauses: &["XMLDSIG 3.1", "portal protocol: /smev"],
        title: t(
            "Собственная подпись банка верна и покрывает нужное",
            "The bank’s own signature holds and covers what it must",
        ),
        looked_at: t(
            "Каждый конверт банка: подпись проверяется заново по записи.",
            "Each envelope of the bank: its signature is verified again from the recording.",
        ),
        judge: Judge::Duty(own),
        ..XSG
    },
    Rule {
        id: "XSG-19",
        slug: "smev-transform-left-out",
        clauses: &["portal protocol: /smev"],
        title: t("Преобразования подписи — те, что у СМЭВ", "The signature’s transforms are those of SMEV"),
        looked_at: t(
            "Преобразования в подписях банка: Exclusive C14N, затем преобразование СМЭВ.",
            "The transforms in the bank’s signatures: Exclusive C14N, then that of SMEV.",
        ),
        judge: Judge::Duty(transforms),
        ..XSG
    },
];

/// A value that is written in an unusual way is shown as it is meant. What the bank does not show at all is its own
/// affair; the record is known by the values beside it.
fn misread(reading: &Reading<'_>, lie: &Lie<'_>, flow: &Flow<'_>) -> Option<(String, String)> {
    let mine = |envelope: &&Envelope<'_>| lie.exchange.is_some_and(|at| std::ptr::eq(at, envelope.exchange));
    let told = reading.envelopes.iter().find(mine)?.told()?;
    let values = Value::Object(flow.last()?.values.clone());
    let mut records = Vec::new();
    collect(&values, &mut records);
    let unusual = |leaf: &Element<'_>| {
        let inside = leaf.source().split_once('>').map_or("", |(_, rest)| rest);
        leaf.children().next().is_none() && ["<!--", "<![CDATA[", "&#"].iter().any(|mark| inside.contains(mark))
    };
    for leaf in told.descendants().filter(unusual) {
        let Some(parent) = leaf.parent() else { continue };
        let beside: Vec<Element<'_>> = parent.children().filter(|other| *other != leaf).collect();
        let alike = |record: &Map<String, Value>| {
            beside.iter().filter(|other| shown(record, other.name()).is_some_and(|text| text == other.text())).count()
        };
        let most = records.iter().map(|record| alike(record)).max().filter(|most| *most > 0)?;
        let (name, wanted) = (leaf.name(), leaf.text());
        let of_it = records.iter().filter(|record| alike(record) == most);
        let read: Vec<String> = of_it.filter_map(|record| shown(record, name)).collect();
        if let Some(read) = read.first().filter(|_| !read.contains(&wanted)) {
            return Some((
                format!("{}: {name} was told as {wanted:?} and is shown as {read:?}", lie.fault),
                format!("{}: {name} передано как {wanted:?}, а показано как {read:?}", lie.fault),
            ));
        }
    }
    None
}

/// The records within a value.
fn collect<'v>(value: &'v Value, records: &mut Vec<&'v Map<String, Value>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, records)),
        Value::Object(members) => {
            records.push(members);
            members.values().for_each(|member| collect(member, records));
        }
        _ => {}
    }
}

/// A member as text.
fn shown(record: &Map<String, Value>, name: &str) -> Option<String> {
    match record.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Refusing and passing over are both fine: what counts is that nobody was visited.
fn visited_nobody(reading: &Reading<'_>, faults: &[&str]) -> Judgement {
    let told = reading.told(faults);
    if told.is_empty() {
        return untold(faults, reading);
    }
    let mut check = Check::new();
    for lie in told {
        check.saw(lied(lie));
        let visit =
            reading.foreign().into_iter().find(|visit| visit.from == Party::Bank && visit.started_us >= lie.wall_us);
        if let Some(visit) = visit {
            check.wrong(
                format!("{}: the bank opened the address in the document", lie.fault),
                format!("{}: банк открыл адрес из документа", lie.fault),
                vec![lied(lie), line(visit)],
            );
        }
    }
    check.end(("nothing was told", "такого не было"), ("nobody was visited", "по адресу никто не ходил"))
}

/// What the caller's signature covers, by operation (SMEV 3 contract, SMEV page).
const fn covered(operation: Operation) -> &'static str {
    match operation {
        Operation::Ack => "AckTargetMessage",
        Operation::GetIncomingQueueStatistics | Operation::GetStatus => "Timestamp",
        Operation::GetRequest | Operation::GetResponse => "MessageTypeSelector",
        Operation::SendRequest => "SenderProvidedRequestData",
        Operation::SendResponse => "SenderProvidedResponseData",
    }
}

const NO_ENVELOPES: (&str, &str) = ("the bank sent no envelope", "банк не отправлял конвертов");

/// The signature of the bank's system, not one inside the content.
fn by_caller(signature: &Element<'_>) -> bool {
    signature.parent().is_some_and(|parent| parent.name() == "CallerInformationSystemSignature")
}

fn own(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let registered: Vec<Vec<u8>> = reading
        .trace
        .bank
        .certificates
        .iter()
        .filter_map(|pem| Certificate::from_pem(pem).ok())
        .map(|certificate| certificate.der().to_vec())
        .collect();
    for envelope in &reading.envelopes {
        check.saw(line(envelope.exchange));
        let name = covered(envelope.operation);
        let mut broken = |en: String, ru: String| check.wrong(en, ru, vec![line(envelope.exchange)]);
        let Some(document) = &envelope.request else {
            broken("an envelope cannot be read".to_owned(), "конверт не читается".to_owned());
            continue;
        };
        let Some(target) = named(document, name) else {
            broken(format!("{name} is not there"), format!("нет {name}"));
            continue;
        };
        let Some(signature) = document.signatures().find(by_caller) else {
            broken(
                "the envelope bears no signature of the caller".to_owned(),
                "в конверте нет подписи отправителя".to_owned(),
            );
            continue;
        };
        match verify(signature, &Policy::default()) {
            Err(refused) => broken(
                format!("the signature does not hold: {refused}"),
                format!("подпись неверна: {}", refused.code()),
            ),
            Ok(verified) => {
                if verified.covering(target).is_err() {
                    broken(format!("the signature does not cover {name}"), format!("подпись не покрывает {name}"));
                }
                let known =
                    verified.certificate.as_ref().is_some_and(|shown| registered.iter().any(|der| der == shown.der()));
                if !known {
                    broken(
                        "the signer’s certificate is not registered for the bank".to_owned(),
                        "сертификат подписи за банком не зарегистрирован".to_owned(),
                    );
                }
            }
        }
    }
    check.end(NO_ENVELOPES, ("every envelope is signed well", "каждый конверт подписан верно"))
}

fn transforms(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for envelope in &reading.envelopes {
        let Some(document) = &envelope.request else { continue };
        // A signature inside the content is another matter; each reference has transforms of its own.
        let references = document
            .signatures()
            .filter(by_caller)
            .flat_map(|signature| signature.descendants())
            .filter(|element| element.name() == "Reference");
        for reference in references {
            check.saw(line(envelope.exchange));
            let named: Vec<&str> = reference
                .descendants()
                .filter(|element| element.name() == "Transform")
                .filter_map(|element| element.attribute("Algorithm"))
                .filter(|uri| *uri != crypto::xmldsig::ENVELOPED)
                .collect();
            let wanted = Transform::smev();
            let wanted: Vec<&str> = wanted.iter().map(Transform::uri).collect();
            if named != wanted {
                check.wrong(
                    format!("the transforms are {}", named.join(", ")),
                    format!("преобразования: {}", named.join(", ")),
                    vec![line(envelope.exchange)],
                );
            }
        }
    }
    check.end(NO_ENVELOPES, ("Exclusive C14N, then SMEV", "Exclusive C14N, затем СМЭВ"))
}

#[cfg(test)]
mod tests {
    use contract::adapter::Outcome;
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    /// A list with one unusual value, and what the bank shows as that value.
    fn shown_as(value: &Value) -> Verdict {
        let mut scene = Scene::oidc();
        let flow = scene.begin("duty.list", ANNA, json!({"channel": "soap"}));
        let at = scene.exchange(Party::Bank, Party::Portal, "POST", &format!("{PORTAL}/smev/1.3"));
        scene.wire(at).request.headers = vec![("SOAPAction".to_owned(), "\"urn:GetResponse\"".to_owned())];
        let content =
            "<r><d><uin>1</uin><due>2027-01-01</due></d><d><uin>2</uin><due><![CDATA[2027-]]>01-18</due></d></r>";
        let text = format!(
            "<s:Envelope xmlns:s=\"urn:s\"><MessagePrimaryContent>{content}</MessagePrimaryContent></s:Envelope>"
        );
        scene.respond(at, 200, &[("Content-Type", "text/xml")], &text);
        scene.lie(at, "xml-cdata");
        let list = json!([{"uin": "1", "due": "2027-01-01"}, {"uin": "2", "due": value}]);
        scene.report(&flow, Outcome::Ok, None, json!({ "duties": list }));
        verdict("XML-13", &scene)
    }

    #[test]
    fn an_unusual_value_is_shown_as_it_is_meant_or_not_at_all() {
        assert_eq!(shown_as(&json!("2027-01-18")), Verdict::Pass);
        assert_eq!(shown_as(&Value::Null), Verdict::Pass);
        assert_eq!(shown_as(&json!("")), Verdict::Fail);
        assert_eq!(shown_as(&json!("2027-01-01")), Verdict::Fail);
    }
}
