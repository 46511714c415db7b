//! State payments received by a citizen and the programmes that they come from (PAY-1).

use crate::ids::Oid;
use crate::money::Money;
use crate::time::Day;
use crate::{record, words};

record! {
    /// `GET /api/v1/state-payments`.
    pub struct StatePayments("state_payments", "Государственные выплаты" / "State payments over a period") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        from: Day, v2 "period_from", "Начало периода" / "First day of the period";
        to: Day, v2 "period_to", "Конец периода" / "Last day of the period";
        total: Money, v2 "total_paid", "Выплачено за период" / "What was paid within the period";
        payments: Vec<StatePayment>, "Выплаты" / "Payments of the period, oldest first";
        programmes: Vec<Programme>, "Программы" / "Programmes that the person takes part in";
    }
}

record! {
    pub struct StatePayment("state_payment", "Выплата" / "A state payment") {
        id: String, "Номер" / "Its id";
        programme: ProgrammeName, "Программа" / "The programme that it comes from";
        amount: Money, "Сумма" / "The sum";
        date: Day, v2 "paid_on", "Дата" / "When it was or will be paid";
        recipient: String, "Получатель" / "Who receives it";
        state: StatePaymentState, "Состояние" / "Where it stands";
        account_tail: Option<String>, "Последние цифры счёта" / "Last four digits of the account";
    }
}

record! {
    pub struct ProgrammeName("programme_name", "Наименование программы" / "Name of a programme") {
        code: String, "Код" / "Its code";
        title: String, "Наименование" / "Its name";
    }
}

words! {
    /// Life of a state payment.
    pub enum StatePaymentState {
        Assigned = "assigned", "Назначена" / "Assigned";
        Paid = "paid", "Выплачена" / "Paid";
        Returned = "returned", "Возвращена" / "Returned by the bank";
    }
}

record! {
    pub struct Programme("programme", "Программа" / "A programme of support") {
        code: String, "Код" / "Its code";
        title: String, "Наименование" / "Its name";
        amount: Money, "Сумма" / "What it pays, or what is left of it";
        until: Option<Day>, v2 "ends_on", "Действует по" / "The last day";
        transferable: bool, "Можно направить" / "Whether the person may direct the money";
    }
}
