//! A tax return as the portal fills it in beforehand (TAX-1): everything follows from incomes and deductions known.

use crate::ids::{Inn, Oid};
use crate::money::Money;
use crate::record;
use crate::registries::income::Employer;

/// Version of the form of the return (3-НДФЛ).
pub const FORM_VERSION: &str = "5.08";

record! {
    /// `GET /api/v1/tax`.
    pub struct TaxPrefill("tax", "Предзаполненная декларация" / "A tax return filled in beforehand") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        year: i64, v2 "tax_year", "Налоговый период" / "The year";
        inn: Option<Inn>, "ИНН" / "Taxpayer number, where the portal knows it";
        income_total: Money, "Общая сумма дохода" / "All income of the year";
        tax_withheld: Money, "Налог удержанный" / "Tax withheld by those who paid";
        deductions: Vec<Deduction>, "Вычеты" / "Deductions";
        refund: Money, "К возврату" / "Tax withheld less tax due after the deductions";
        form_version: String, "Версия формы" / "Version of the form";
        sources: Vec<TaxSource>, "Источники" / "Who paid";
    }
}

record! {
    pub struct Deduction("deduction", "Вычет" / "A deduction") {
        code: String, "Код" / "Its code";
        title: String, "Наименование" / "What for";
        amount: Money, "Сумма" / "Taken off the income";
    }
}

record! {
    pub struct TaxSource("tax_source", "Источник дохода" / "A source of income") {
        employer: Employer, "Налоговый агент" / "Who paid and withheld the tax";
        amount: Money, "Доход" / "What was paid";
        tax: Money, v2 "tax_withheld", "Налог удержанный" / "The tax withheld";
    }
}
