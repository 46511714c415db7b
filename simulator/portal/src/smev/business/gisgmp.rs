//! GIS GMP: charges, payments and quittances of the treasury, told from the same debts and payments as everywhere else.
//!
//! A bank accepts payments; it administers no charges. So it may export what concerns the person whose consent it names
//! and import payments, and an acknowledgement by force is refused to it in the protocol.

use std::sync::Arc;

use contract::citizen::Citizen;
use contract::registries::debts::{Debt, DebtKind, DebtStatus, PaymentMethod};
use crypto::xmldsig::Element;
use domain::{Command, Content, PayDebt, Payload, PaymentRecord, Reply, SmevMessage};

use super::super::provide::{Desk, plain};
use super::super::xml::{Breach, Parts, escaped};
use super::{Trouble, named, own::digest};

const SERVICES: &str = "urn://roskazna.ru/gisgmp/xsd/services/";
const VERSIONS: [&str; 5] = ["2.0.1", "2.1.1", "2.2.0", "2.4.0", "2.5.0"];
/// Longest page.
const PAGE: usize = 100;

/// A service of one version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Service {
    call: Call,
    version: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Acknowledge,
    ExportCharges,
    ExportPayments,
    ExportQuittances,
    ImportPayments,
}

const CALLS: [(&str, &str, Call); 5] = [
    ("forced-ackmowledgement", "ForcedAcknowledgementRequest", Call::Acknowledge),
    ("export-charges", "ExportChargesRequest", Call::ExportCharges),
    ("export-payments", "ExportPaymentsRequest", Call::ExportPayments),
    ("export-quittances", "ExportQuittancesRequest", Call::ExportQuittances),
    ("import-payments", "ImportPaymentsRequest", Call::ImportPayments),
];

pub(super) fn find(namespace: &str, root: &str) -> Option<Service> {
    let (service, version) = namespace.strip_prefix(SERVICES)?.split_once('/')?;
    let version = VERSIONS.into_iter().find(|known| *known == version)?;
    let (.., call) = CALLS.into_iter().find(|(name, element, _)| *name == service && *element == root)?;
    Some(Service { call, version })
}

/// What every request carries.
struct Head {
    id: String,
    sender: String,
}

/// Which rows are wanted.
#[derive(Default)]
struct Wanted {
    kind: String,
    bills: Vec<String>,
    page: usize,
    length: usize,
}

impl Service {
    fn common(&self, of: &str) -> String {
        format!("http://roskazna.ru/gisgmp/xsd/{of}/{}", self.version)
    }

    fn names(&self) -> (&'static str, String) {
        let (service, root, _) = CALLS.into_iter().find(|(_, _, call)| *call == self.call).unwrap_or(CALLS[0]);
        (root, format!("{SERVICES}{service}/{}", self.version))
    }

    pub(super) async fn serve(
        &self,
        desk: &Desk<'_>,
        message: &SmevMessage,
        content: &Content,
        root: Element<'_>,
    ) -> Result<Payload, Trouble> {
        let attribute = |name: &str| {
            let value = root.attribute(name).filter(|value| !value.is_empty());
            value.map(str::to_owned).ok_or_else(|| Breach::at(root, format!("has no attribute {name}")))
        };
        let head = Head { id: attribute("Id")?, sender: attribute("senderIdentifier")? };
        attribute("timestamp")?;
        let role = attribute("senderRole")?;
        if role.len() > 10 || head.id.len() > 50 {
            return Err(Breach::at(root, "has a senderRole or an Id that is too long").into());
        }
        match self.call {
            Call::Acknowledge => self.acknowledge(desk, &head, root),
            Call::ImportPayments => self.import(desk, message, content, &head, root).await,
            Call::ExportCharges | Call::ExportPayments | Call::ExportQuittances => {
                self.export(desk, content, &head, root).await
            }
        }
    }

    fn wanted(&self, root: Element<'_>, citizen: Option<&Citizen>) -> Result<Wanted, Breach> {
        let conditions = self.common("SearchConditions");
        let mut wanted = Wanted { page: 1, length: PAGE, ..Wanted::default() };
        let mut parts = Parts::of(root)?;
        if let Some(paging) = parts.opt(&conditions, "Paging").or_else(|| parts.opt(&self.common("Common"), "Paging")) {
            let number = |name: &str| paging.attribute(name).and_then(|text| text.parse::<usize>().ok());
            wanted.page = number("pageNumber").filter(|page| *page > 0).unwrap_or(1);
            wanted.length = number("pageLength").filter(|length| (1..=PAGE).contains(length)).unwrap_or(PAGE);
        }
        let name = match self.call {
            Call::ExportCharges => "ChargesExportConditions",
            Call::ExportPayments => "PaymentsExportConditions",
            _ => "QuittancesExportConditions",
        };
        let asked = parts.one(&conditions, name)?;
        parts.end()?;
        let kind = asked.attribute("kind").ok_or_else(|| Breach::at(asked, "has no kind"))?;
        if !kinds(self.call).contains(&kind) {
            return Err(Breach::at(asked, format!("has a kind {kind} that is not known")));
        }
        kind.clone_into(&mut wanted.kind);
        for element in asked.descendants().filter(|element| element.name() == "SupplierBillID") {
            wanted.bills.push(element.text().trim().to_owned());
        }
        if wanted.bills.len() > 100 {
            return Err(Breach::at(asked, "names more than 100 charges"));
        }
        // Conditions about somebody else than the person of the consent find nothing.
        for element in asked.descendants() {
            let value = element.text().trim().to_owned();
            let own = match element.name() {
                "PayerIdentifier" => citizen.is_some_and(|citizen| identifiers(citizen).contains(&value)),
                "PayerInn" => {
                    citizen.is_some_and(|citizen| citizen.inn.as_ref().is_some_and(|inn| inn.to_string() == value))
                }
                _ => true,
            };
            if !own {
                wanted.bills = vec!["0".to_owned()];
            }
        }
        Ok(wanted)
    }

    async fn export(
        &self,
        desk: &Desk<'_>,
        content: &Content,
        head: &Head,
        root: Element<'_>,
    ) -> Result<Payload, Trouble> {
        let authority = named(content)?;
        let citizen = desk.sandbox.read(|world| world.citizens.find(authority.person).cloned());
        let wanted = self.wanted(root, citizen.as_deref())?;
        // The question is answered from the state; that it may be asked is proved by asking it once.
        let ask = desk.ask(authority).await?;
        let mut cursor = None;
        loop {
            let Reply::Debts(page) = desk.execute(Command::ListDebts { ask: ask.clone(), cursor }).await? else {
                break;
            };
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let (debts, payments) = desk.sandbox.read(|world| {
            let debts: Vec<Debt> = world.debts.of(authority.person).into_iter().cloned().collect();
            let payments: Vec<PaymentRecord> =
                world.payments.all().filter(|record| record.person == authority.person).cloned().collect();
            (debts, payments)
        });
        let named = |uin: &str| wanted.bills.is_empty() || wanted.bills.iter().any(|bill| bill == uin);
        let today = desk.sandbox.now().day();
        let rows: Vec<String> = match self.call {
            Call::ExportCharges => {
                let status = wanted.kind.contains("STATUS");
                let fits = |debt: &&Debt| named(debt.uin.as_str()) && (status || debt.status == DebtStatus::Open);
                debts.iter().filter(fits).map(|debt| self.charge(debt, citizen.as_ref(), today, status)).collect()
            }
            Call::ExportPayments => payments
                .iter()
                .filter(|record| record.client_id == desk.client_id && named(record.payment.uin.as_str()))
                .map(|record| self.payment(record))
                .collect(),
            _ => payments
                .iter()
                .filter(|record| named(record.payment.uin.as_str()))
                .map(|record| self.quittance(record, &debts))
                .collect(),
        };
        let from = (wanted.page - 1).saturating_mul(wanted.length);
        let more = rows.len() > from.saturating_add(wanted.length);
        let page: String = rows.into_iter().skip(from).take(wanted.length).collect();
        Ok(plain(self.answer(desk, head, Some(more), &page)))
    }

    fn answer(&self, desk: &Desk<'_>, head: &Head, more: Option<bool>, inner: &str) -> String {
        let (root, namespace) = self.names();
        let name = root.replace("Request", "Response");
        let more = more.map(|more| format!(" hasMore=\"{more}\"")).unwrap_or_default();
        format!(
            "<g:{name} xmlns:g=\"{namespace}\" xmlns:com=\"{}\" xmlns:org=\"{}\" xmlns:chg=\"{}\" xmlns:pmnt=\"{}\" \
             xmlns:qt=\"{}\" Id=\"G_{}\" RqId=\"{}\" recipientIdentifier=\"{}\" timestamp=\"{}\"{more}>{inner}</g:{name}>",
            self.common("Common"),
            self.common("Organization"),
            self.common("Charge"),
            self.common("Payment"),
            self.common("Quittance"),
            desk.sandbox.draw().uuid(),
            escaped(&head.id),
            escaped(&head.sender),
            super::super::xml::moscow(desk.sandbox.now()),
        )
    }

    fn charge(&self, debt: &Debt, citizen: Option<&Arc<Citizen>>, today: contract::time::Day, status: bool) -> String {
        let paid = debt.status == DebtStatus::Paid;
        let (kbk, payee) = account(debt.kind);
        let to_pay = if paid { 0 } else { debt.payable(today).kopecks() };
        let discount = debt.discount.as_ref().filter(|_| !paid).map(|discount| {
            let part = 100 - discount.amount.kopecks().saturating_mul(100) / debt.amount.kopecks().max(1);
            format!(
                "<com:DiscountSize><com:Value>{}</com:Value><com:Expiry>{}</com:Expiry></com:DiscountSize>",
                100 - part,
                discount.until
            )
        });
        let payer = citizen.map_or(String::new(), |citizen| {
            let identifier = identifiers(citizen).into_iter().next().unwrap_or_default();
            let name = [Some(citizen.last_name.as_str()), Some(&citizen.first_name), citizen.middle_name.as_deref()];
            let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
            format!("<chg:Payer payerIdentifier=\"{identifier}\" payerName=\"{}\"/>", escaped(&name))
        });
        let acknowledged =
            if status { format!(" acknowledgmentStatus=\"{}\"", if paid { 1 } else { 3 }) } else { String::new() };
        let purpose: String = debt.title.chars().take(210).collect();
        format!(
            "<chg:ChargeInfo supplierBillID=\"{uin}\" billDate=\"{bill}\" totalAmount=\"{total}\" purpose=\"{}\" kbk=\"{kbk}\" \
             oktmo=\"45348000\" paymentTerm=\"{due}\" amountToPay=\"{to_pay}\"{acknowledged}>{}{payer}\
             <chg:BudgetIndex status=\"01\" paytReason=\"0\" taxPeriod=\"0\" taxDocNumber=\"0\" taxDocDate=\"0\"/>{}\
             <chg:ChangeStatusInfo><com:Meaning>1</com:Meaning></chg:ChangeStatusInfo></chg:ChargeInfo>",
            escaped(&purpose),
            organisation(payee),
            discount.unwrap_or_default(),
            uin = debt.uin,
            bill = debt.due_date.plus_days(-60),
            total = debt.amount.kopecks(),
            due = debt.due_date,
        )
    }

    fn payment(&self, record: &PaymentRecord) -> String {
        let payment = &record.payment;
        format!(
            "<pmnt:PaymentInfo paymentId=\"{}\" supplierBillID=\"{}\" amount=\"{}\" purpose=\"Оплата начисления\" transKind=\"01\">\
             <pmnt:PaymentOrg><org:Bank bik=\"044525225\"/></pmnt:PaymentOrg></pmnt:PaymentInfo>",
            identifier(record),
            payment.uin,
            payment.amount.kopecks()
        )
    }

    fn quittance(&self, record: &PaymentRecord, debts: &[Debt]) -> String {
        let payment = &record.payment;
        let charged = debts.iter().find(|debt| debt.uin == payment.uin).map_or(payment.amount, |debt| debt.amount);
        let date = payment.receipt.as_ref().map(|receipt| receipt.at.to_string()).unwrap_or_default();
        format!(
            "<qt:Quittance supplierBillID=\"{}\" totalAmount=\"{}\" creationDate=\"{date}\" billStatus=\"{}\" balance=\"{}\" \
             paymentId=\"{}\" amountPayment=\"{}\" isRevoked=\"false\"/>",
            payment.uin,
            charged.kopecks(),
            payment.acknowledgment.unwrap_or(1),
            charged.kopecks() - payment.amount.kopecks(),
            identifier(record),
            payment.amount.kopecks()
        )
    }

    async fn import(
        &self,
        desk: &Desk<'_>,
        message: &SmevMessage,
        content: &Content,
        head: &Head,
        root: Element<'_>,
    ) -> Result<Payload, Trouble> {
        let authority = named(content)?;
        let mut parts = Parts::of(root)?;
        let package = parts.one(&self.common("Package"), "PaymentsPackage")?;
        parts.end()?;
        let rows: Vec<Element<'_>> = package.children().collect();
        if rows.is_empty() || rows.len() > 100 {
            return Err(Breach::at(package, "holds no payments, or more than 100").into());
        }
        let mut protocol = String::new();
        for row in rows {
            if row.name() != "ImportedPayment" {
                return Err(Breach::at(row, "is no ImportedPayment").into());
            }
            let attribute = |name: &str| {
                let value = row.attribute(name).filter(|value| !value.is_empty()).map(str::to_owned);
                value.ok_or_else(|| Breach::at(row, format!("has no attribute {name}")))
            };
            let (entity, id) = (attribute("Id")?, attribute("paymentId")?);
            let amount: i64 =
                attribute("amount")?.parse().map_err(|_| Breach::at(row, "has an amount that is no number"))?;
            if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Breach::at(row, "has a paymentId that is not of 32 digits").into());
            }
            let uin = row.attribute("supplierBillID").unwrap_or("0").to_owned();
            let outcome = if message.test {
                Ok(())
            } else {
                let ask = desk.ask(authority).await;
                match ask {
                    Ok(ask) => {
                        let order = PayDebt {
                            ask,
                            uin,
                            key: digest(&id),
                            amount: contract::money::Money::from_kopecks(amount),
                            method: PaymentMethod::Account,
                            source: id.clone(),
                        };
                        desk.execute(Command::PayDebt(Box::new(order))).await.map(|_| ())
                    }
                    Err(refusal) => Err(refusal),
                }
            };
            let (code, description) = match outcome {
                Ok(()) => ("0".to_owned(), "Успешно".to_owned()),
                Err(refusal) => {
                    crate::oauth::refuse::note(desk.sandbox, desk.caller, &refusal).await;
                    (number(&refusal.code).to_owned(), contract::error::row(&refusal.code).reason.ru.clone())
                }
            };
            protocol.push_str(&self.protocol(&entity, &code, &description));
        }
        Ok(plain(self.answer(desk, head, None, &protocol)))
    }

    fn protocol(&self, entity: &str, code: &str, description: &str) -> String {
        format!(
            "<com:ImportProtocol entityID=\"{}\" code=\"{code}\" description=\"{}\"/>",
            escaped(entity),
            escaped(description)
        )
    }

    fn acknowledge(&self, desk: &Desk<'_>, head: &Head, root: Element<'_>) -> Result<Payload, Trouble> {
        let known = ["Reconcile", "AnnulmentReconcile", "ServiceProvided", "AnnulmentServiceProvided"];
        let mut protocol = String::new();
        for row in root.children() {
            if !known.contains(&row.name()) {
                return Err(Breach::at(row, "is no acknowledgement").into());
            }
            let bill = row.attribute("supplierBillId").unwrap_or_default();
            let text = "Принудительное квитирование доступно администратору начисления.";
            protocol.push_str(&self.protocol(bill, "21", text));
        }
        if protocol.is_empty() {
            return Err(Breach::at(root, "acknowledges nothing").into());
        }
        Ok(plain(self.answer(desk, head, None, &protocol)))
    }
}

fn kinds(call: Call) -> &'static [&'static str] {
    match call {
        Call::ExportCharges => &[
            "CHARGE",
            "CHARGENOTFULLMATCHED",
            "CHARGESTATUS",
            "CHARGE_PRIOR",
            "CHARGE_PRIOR_NOTFULLMATCHED",
            "CHARGE_PRIOR_STATUS",
            "TEMP_CHARGING",
            "TEMP_CHARGING_NOTFULLMATCHED",
            "TEMP_CHARGING_STATUS",
            "MAINCHARGE",
        ],
        Call::ExportPayments => {
            &["PAYMENT", "PAYMENTMODIFIED", "PAYMENTUNMATCHED", "PAYMENTCANCELLED", "PAYMENTMAINCHARGE"]
        }
        _ => &["QUITTANCE", "ALLQUITTANCE", "QUITTANCEMAINCHARGE", "ALLPOSSIBLE"],
    }
}

/// Codes of the protocol: 0 is success, the others are ours, because the standard's list is not public.
fn number(code: &str) -> &'static str {
    match code {
        "debt-already-paid" => "5",
        "unknown-debt" => "4",
        "amount-mismatch" => "7",
        "idempotency-key-reused" => "6",
        _ => "21",
    }
}

/// Classification and payee by kind: synthetic, with good check digits.
fn account(kind: DebtKind) -> (&'static str, &'static str) {
    match kind {
        DebtKind::Fine => ("18811601123010001140", "Госавтоинспекция (стенд)"),
        DebtKind::Tax => ("18210102010011000110", "Налоговая служба (стенд)"),
        DebtKind::Credit => ("32211601000010000140", "Служба приставов (стенд)"),
        DebtKind::Utilities => ("00000000000000000130", "Расчётный центр ЖКХ (стенд)"),
    }
}

fn organisation(name: &str) -> String {
    format!(
        "<org:Payee name=\"{}\" inn=\"7700000009\" kpp=\"770001001\" ogrn=\"1177700000004\">\
         <com:OrgAccount accountNumber=\"03100643000000019500\"><com:Bank bik=\"024501901\" \
         correspondentBankAccount=\"40102810045370000002\"/></com:OrgAccount></org:Payee>",
        escaped(name)
    )
}

/// How a payer may be named: by passport first, then by SNILS and taxpayer number.
fn identifiers(citizen: &Citizen) -> Vec<String> {
    let padded = |code: &str, number: &str| {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        format!("1{code}{digits:0>19}")
    };
    let passport = citizen.main_document().map(|document| {
        padded("01", &format!("{}{}", document.series.as_deref().unwrap_or_default(), document.number))
    });
    let snils = citizen.snils.as_ref().map(|snils| padded("14", &snils.to_string()));
    let inn = citizen.inn.as_ref().map(|inn| padded("21", &inn.to_string()));
    passport.into_iter().chain(snils).chain(inn).collect()
}

/// The number of a payment: the bank's own, where it sent one, else one made of the portal's.
fn identifier(record: &PaymentRecord) -> String {
    let own =
        record.source.as_ref().filter(|source| source.len() == 32 && source.bytes().all(|byte| byte.is_ascii_digit()));
    let named = record.payment.uip.as_ref().map(ToString::to_string);
    named.or_else(|| own.cloned()).unwrap_or_else(|| {
        let day = record.payment.receipt.as_ref().map_or(record.settles_at, |receipt| receipt.at).day();
        let serial = record.payment.id.bytes().fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 100_000_000);
        format!("1044525225000001{:02}{:02}{:04}{serial:08}", day.day(), day.month(), day.year())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_known_by_version_and_root() {
        let namespace = format!("{SERVICES}export-charges/2.5.0");
        assert_eq!(find(&namespace, "ExportChargesRequest").unwrap().call, Call::ExportCharges);
        assert!(find(&namespace, "ExportPaymentsRequest").is_none());
        assert!(find(&namespace.replace("2.5.0", "9.9.9"), "ExportChargesRequest").is_none());
    }
}
