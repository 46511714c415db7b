//! State duties (DUT-1): charges with requisites that the portal has filled in, as text for a QR code, as a link, and one
//! by one, so that a card pays without anything typed.

use serde::{Deserialize, Serialize};

use crate::ids::{Account, Bik, Inn, Kbk, Kpp, Oid, Oktmo, Uin};
use crate::money::Money;
use crate::payment_qr::{PaymentQr, QrError};
use crate::registries::debts::Discount;
use crate::sbp::SbpLink;
use crate::time::Day;
use crate::{record, words};

/// The single treasury's number in the fast payment system, of our own making.
pub const SBP_BANK: &str = "100000000999";

record! {
    /// `GET /api/v1/duties`.
    pub struct Duties("duties", "Государственные пошлины" / "State duties") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        duties: Vec<Duty>, v2 "charges", "Пошлины" / "Duties, by number";
    }
}

record! {
    pub struct Duty("duty", "Государственная пошлина" / "A state duty") {
        uin: Uin, "УИН" / "The charge's number, by which it is paid";
        kind: DutyKind, "Вид" / "What it is for";
        title: String, "Наименование" / "The same as the citizen reads it";
        amount: Money, "Сумма" / "The full sum";
        discount: Option<Discount>, "Скидка" / "The smaller sum that settles it for now";
        requisites: Requisites, "Реквизиты" / "Where it is paid to";
        qr: String, "Строка QR-кода" / "Text of the QR code (ГОСТ Р 56042-2014)";
        sbp_link: String, "Ссылка СБП" / "Link of the fast payment system";
        state: DutyState, "Состояние" / "Where the payment stands";
        due_date: Option<Day>, v2 "due_on", "Срок оплаты" / "The last day to pay";
    }
}

words! {
    /// Kinds of duties.
    pub enum DutyKind {
        Passport = "passport", "Выдача паспорта" / "Passport";
        DrivingLicence = "driving-licence", "Водительское удостоверение" / "Driving licence";
        VehicleRegistration = "vehicle-registration", "Регистрация транспортного средства" / "Registration of a vehicle";
        Marriage = "marriage", "Регистрация брака" / "Registration of a marriage";
        PropertyRegistration = "property-registration", "Регистрация прав на недвижимость" / "Registration of a right to real estate";
    }
}

words! {
    /// Life of a duty.
    pub enum DutyState {
        Open = "open", "Не оплачена" / "Not paid";
        Accepted = "accepted", "Платёж принят" / "Payment accepted";
        Settled = "settled", "Оплачена" / "Paid";
        Checking = "checking", "Проверяется" / "The payment is being checked";
        Returned = "returned", "Платёж возвращён" / "The payment was returned";
    }
}

record! {
    pub struct Requisites("requisites", "Реквизиты" / "Where a charge is paid to") {
        payee: String, "Получатель" / "Payee";
        payee_inn: Inn, "ИНН получателя" / "Payee's taxpayer number";
        payee_kpp: Kpp, "КПП получателя" / "Payee's registration code";
        account: Account, "Счёт получателя" / "Treasury account";
        bank: String, "Банк получателя" / "Payee's bank";
        bik: Bik, "БИК" / "Its code";
        corr_account: Account, "Единый казначейский счёт" / "Single treasury account";
        kbk: Kbk, "КБК" / "Code of the income";
        oktmo: Oktmo, "ОКТМО" / "Code of the territory";
        purpose: String, "Назначение платежа" / "Purpose of the payment";
    }
}

/// A duty as the register holds it: QR code and link follow from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HeldDuty {
    /// The charge's number.
    pub uin: Uin,
    /// What it is for.
    pub kind: DutyKind,
    /// The full sum.
    pub amount: Money,
    /// The smaller sum that settles it for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    /// Where it is paid to.
    pub requisites: Requisites,
    /// Where its payment stood when the register was opened.
    pub state: DutyState,
    /// The last day to pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Day>,
}

impl HeldDuty {
    /// What settles the duty on this day.
    pub fn payable(&self, on: Day) -> Money {
        self.discount.filter(|discount| on <= discount.until).map_or(self.amount, |discount| discount.amount)
    }

    /// The duty as it is served on this day: a discount that has run out is gone, code and link ask for what is payable.
    pub fn as_of(&self, on: Day) -> Duty {
        let payable = self.payable(on);
        Duty {
            uin: self.uin.clone(),
            kind: self.kind,
            title: format!("Госпошлина: {}", self.kind.ru().to_lowercase()),
            amount: self.amount,
            discount: self.discount.filter(|discount| on <= discount.until),
            // Requisites beyond the limits of the standard give no code; those of our fixtures are within.
            qr: self.requisites.qr(&self.uin, payable).unwrap_or_default(),
            sbp_link: SbpLink::for_charge(&self.uin, SBP_BANK, payable).url(),
            requisites: self.requisites.clone(),
            state: self.state,
            due_date: self.due_date,
        }
    }
}

impl Requisites {
    /// The text of the QR code that asks for this sum.
    pub fn qr(&self, uin: &Uin, sum: Money) -> Result<String, QrError> {
        PaymentQr {
            name: self.payee.clone(),
            account: self.account.clone(),
            bank_name: self.bank.clone(),
            bik: self.bik.clone(),
            corr_account: Some(self.corr_account.clone()),
            more: Vec::new(),
        }
        .with("Sum", sum.kopecks().to_string())
        .with("Purpose", &self.purpose)
        .with("PayeeINN", self.payee_inn.to_string())
        .with("KPP", self.payee_kpp.to_string())
        .with("CBC", self.kbk.to_string())
        .with("OKTMO", self.oktmo.to_string())
        .with("UIN", uin.as_str())
        .with("TechCode", "01")
        .text()
    }

    /// Whether keys and codes go together as the bank's own check wants it.
    pub fn sound(&self) -> bool {
        self.account.fits(&self.bik) && self.corr_account.fits(&self.bik)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duty(today: Day) -> HeldDuty {
        let amount = Money::from_kopecks(400_000);
        HeldDuty {
            uin: "18810177261122000017".parse().unwrap(),
            kind: DutyKind::DrivingLicence,
            amount,
            discount: Some(Discount { amount: Money::from_kopecks(280_000), until: today.plus_days(5) }),
            requisites: Requisites {
                payee: "УФК по Образцовой области".to_owned(),
                payee_inn: "7700000009".parse().unwrap(),
                payee_kpp: "770542151".parse().unwrap(),
                account: "03100643000000019500".parse().unwrap(),
                bank: "Учебное отделение".to_owned(),
                bik: "024501901".parse().unwrap(),
                corr_account: "40102810045370000002".parse().unwrap(),
                kbk: "18811601123010001140".parse().unwrap(),
                oktmo: "45348000".parse().unwrap(),
                purpose: "Госпошлина".to_owned(),
            },
            state: DutyState::Open,
            due_date: None,
        }
    }

    #[test]
    fn code_and_link_ask_for_what_is_payable_that_day() {
        let today = Day::new(2026, 11, 22).unwrap();
        let held = duty(today);
        assert!(held.requisites.sound());
        for (day, kopecks, reduced) in [(today, 280_000, true), (today.plus_days(6), 400_000, false)] {
            let served = held.as_of(day);
            assert_eq!(served.discount.is_some(), reduced);
            let qr = PaymentQr::parse(served.qr.as_bytes()).unwrap();
            assert_eq!(qr.sum(), Some(Money::from_kopecks(kopecks)));
            assert_eq!((qr.get("CBC"), qr.get("OKTMO")), (Some("18811601123010001140"), Some("45348000")));
            assert_eq!(SbpLink::parse(&served.sbp_link).unwrap().sum, Some(Money::from_kopecks(kopecks)));
        }
    }

    #[test]
    fn a_wrong_key_is_unsound() {
        let mut requisites = duty(Day::new(2026, 11, 22).unwrap()).requisites;
        requisites.corr_account = "40102810145370000002".parse().unwrap();
        assert!(!requisites.sound());
    }
}
