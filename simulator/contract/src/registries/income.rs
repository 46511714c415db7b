//! Income and work (LON-1): what the tax service and the pension fund know of a person's earnings.

use crate::ids::{Inn, Kpp, Oid};
use crate::money::Money;
use crate::time::{Day, Timestamp};
use crate::{record, words};

/// Code of wages in a certificate of income.
pub const WAGES: &str = "2000";
/// Stands for a code where income comes by receipts (422-ФЗ): such income is no base of the income tax.
pub const RECEIPTS: &str = "НПД";
/// Code of a bonus.
pub const BONUS: &str = "2002";

record! {
    /// `GET /api/v1/income`.
    pub struct IncomeRecord("income", "Доходы и трудовая деятельность" / "Income and work") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        as_of: Timestamp, v2 "read_at", "Прочитано" / "When it was read";
        years: Vec<IncomeYear>, v2 "income", "Доходы по годам" / "Income by year and employer, the latest first";
        work: Vec<WorkEntry>, v2 "employment", "Трудовая деятельность" / "The electronic work book, the latest first";
        self_employed: bool, "Самозанятый" / "Registered as self-employed";
    }
}

record! {
    pub struct IncomeYear("income_year", "Доход за год" / "Income of a year from one employer") {
        year: i64, "Год" / "The year";
        employer: Employer, "Налоговый агент" / "Who paid and withheld the tax";
        total: Money, v2 "total_income", "Общая сумма дохода" / "All that was paid";
        tax_base: Money, "Налоговая база" / "What the tax is taken from";
        tax: Money, v2 "tax_withheld", "Налог удержанный" / "The tax withheld";
        months: Vec<IncomeMonth>, "По месяцам" / "By month and code";
    }
}

record! {
    #[derive(Hash, PartialOrd, Ord)]
    pub struct Employer("employer", "Работодатель" / "Employer") {
        name: String, "Наименование" / "Name";
        inn: Inn, "ИНН" / "Taxpayer number";
        kpp: Option<Kpp>, "КПП" / "Reason code of the tax registration; a sole trader has none";
    }
}

record! {
    pub struct IncomeMonth("income_month", "Доход за месяц" / "Income of a month") {
        month: i64, "Месяц" / "From 1 to 12";
        code: String, "Код дохода" / "Code of the kind of income";
        amount: Money, "Сумма" / "What was paid";
    }
}

record! {
    pub struct WorkEntry("work_entry", "Запись о работе" / "An entry of the work book") {
        employer: Employer, "Работодатель" / "Employer";
        since: Day, v2 "started_on", "С" / "In force since this day";
        until: Option<Day>, v2 "ended_on", "По" / "The last day, where it is over";
        position: String, "Должность" / "Position";
        kind: WorkKind, "Вид мероприятия" / "What happened";
        ground: String, "Основание" / "The order on whose ground it happened";
    }
}

words! {
    /// Events of a work book.
    pub enum WorkKind {
        Hire = "hire", "Приём на работу" / "Hire";
        Transfer = "transfer", "Перевод" / "Transfer";
        Dismissal = "dismissal", "Увольнение" / "Dismissal";
    }
}
