//! Which record stands in a document of each kind, so that it can be shown, and read in every format.

use contract::ids::{Inn, Oid, Snils};
use contract::money::Money;
use contract::record;
use contract::registries::debts::Payment;
use contract::registries::estate::EstateRecord;
use contract::registries::income::{IncomeRecord, WorkEntry};
use contract::registries::pension::PensionStatement;
use contract::shape::{Shape, Shaped};
use contract::time::{Day, Timestamp};

record! {
    pub struct DocumentHolder("document_holder", "Гражданин" / "The citizen") {
        last_name: String, "Фамилия" / "Last name";
        first_name: String, "Имя" / "First name";
        middle_name: Option<String>, "Отчество" / "Middle name";
        birth_date: Day, "Дата рождения" / "Date of birth";
        snils: Snils, "СНИЛС" / "Number of the pension account";
        inn: Option<Inn>, "ИНН" / "Taxpayer number";
    }
}

record! {
    pub struct AccountFacts("account_facts", "Состояние счёта" / "State of the account") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        as_of: Timestamp, "На момент" / "As of";
        currency: String, "Валюта" / "Currency";
        balance: Money, "Остаток" / "Balance";
    }
}

record! {
    pub struct WorkbookFacts("workbook_facts", "Сведения о трудовой деятельности" / "Work record") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        as_of: Timestamp, "На момент" / "As of";
        work: Vec<WorkEntry>, "Записи о работе" / "Entries";
    }
}

record! {
    pub struct AccountPaper("account_paper", "Справка о состоянии счёта" / "Statement of an account") {
        holder: DocumentHolder, "Сведения о гражданине" / "The citizen";
        reason: String, "Для чего выдана" / "What it is for";
        facts: AccountFacts, "Счёт" / "The account";
    }
}

record! {
    pub struct EstatePaper("estate_paper", "Выписка из ЕГРН" / "Extract of the real estate register") {
        holder: DocumentHolder, "Сведения о гражданине" / "The citizen";
        reason: String, "Для чего выдана" / "What it is for";
        facts: EstateRecord, "Сведения реестра недвижимости" / "The register";
    }
}

record! {
    pub struct IncomePaper("income_paper", "Справка о доходах" / "Statement of income") {
        holder: DocumentHolder, "Сведения о гражданине" / "The citizen";
        reason: String, "Для чего выдана" / "What it is for";
        facts: IncomeRecord, "Доходы и занятость" / "Income and work";
    }
}

record! {
    pub struct PensionPaper("pension_paper", "Выписка из лицевого счёта" / "Extract of the pension account") {
        holder: DocumentHolder, "Сведения о гражданине" / "The citizen";
        reason: String, "Для чего выдана" / "What it is for";
        facts: PensionStatement, "Индивидуальный лицевой счёт" / "The account";
    }
}

record! {
    pub struct WorkbookPaper("workbook_paper", "Сведения о трудовой деятельности" / "Work record") {
        holder: DocumentHolder, "Сведения о гражданине" / "The citizen";
        reason: String, "Для чего выдана" / "What it is for";
        facts: WorkbookFacts, "Трудовая деятельность" / "Work";
    }
}

record! {
    pub struct ReceiptPaper("receipt_paper", "Квитанция об оплате" / "Receipt") {
        title: Option<String>, "За что заплачено" / "What was paid for";
        payment: Payment, "Платёж" / "The payment";
    }
}

record! {
    pub struct DocumentCheck("document_check", "Проверка документа" / "What is known of a document by its code") {
        valid: bool, "Документ выдан порталом" / "The portal issued it and stands by it";
        kind: Option<String>, "Вид" / "Its kind";
        number: Option<String>, "Номер" / "Its number";
        issued_at: Option<Timestamp>, "Выдан" / "When it was issued";
        sha256: Option<String>, "SHA-256 файла" / "SHA-256 of the file, hex";
    }
}

/// The records of this room, for the description of the services.
pub(crate) const SHAPES: &[&Shape] = &[
    AccountPaper::SHAPE,
    DocumentCheck::SHAPE,
    EstatePaper::SHAPE,
    IncomePaper::SHAPE,
    PensionPaper::SHAPE,
    ReceiptPaper::SHAPE,
    WorkbookPaper::SHAPE,
];

/// The record in a document of this kind.
pub(crate) fn shape_of(kind: &str) -> Option<&'static Shape> {
    Some(match kind {
        "account" => AccountPaper::SHAPE,
        "estate" => EstatePaper::SHAPE,
        "income" => IncomePaper::SHAPE,
        "pension" => PensionPaper::SHAPE,
        "receipt" => ReceiptPaper::SHAPE,
        "workbook" => WorkbookPaper::SHAPE,
        _ => return None,
    })
}
