//! What opens a matter, and what an answer tells of it: the records of each kind.

use super::Attachment;
use crate::ids::Oid;
use crate::money::Money;
use crate::{record, words};

words! {
    /// Certificates and extracts that may be ordered.
    pub enum OrderType {
        Account = "account", "Справка о состоянии счёта" / "Statement of an account";
        Estate = "estate", "Выписка из ЕГРН" / "Extract of the real estate register";
        Income = "income", "Справка о доходах (2-НДФЛ)" / "Statement of income";
        Pension = "pension", "Выписка из индивидуального лицевого счёта" / "Extract of the pension account";
        Workbook = "workbook", "Сведения о трудовой деятельности" / "Work record";
    }
}

record! {
    pub struct OrderBody("order_body", "Заказ" / "An order, as a bank sends it") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        purpose: String, "Цель" / "A purpose of the consent";
        kind as "type": OrderType, "Вид документа" / "What is ordered";
        reason: String, "Для чего" / "What the document is for";
        number: Option<String>, v2 "cad_number", "Кадастровый номер" / "Number of the object, for an extract";
        unattended: Option<bool>, "Без участия гражданина" / "By the bank's own process, under a standing consent";
    }
}

record! {
    pub struct OrderDetails("order_details", "Что заказано" / "What was ordered") {
        kind as "type": OrderType, "Вид документа" / "What is ordered";
        reason: String, "Для чего" / "What the document is for";
        number: Option<String>, v2 "cad_number", "Кадастровый номер" / "Number of the object, for an extract";
        unattended: bool, "Без участия гражданина" / "By the bank's own process, under a standing consent";
    }
}

words! {
    /// What a citizen may apply for.
    pub enum ApplicationType {
        Account = "account", "Открытие счёта" / "An account";
        Card = "card", "Выпуск карты" / "A card";
        Loan = "loan", "Кредит" / "A loan";
    }
}

record! {
    /// Filled by the portal from what the state knows, completed by the citizen.
    pub struct ApplicationForm("application_form", "Анкета" / "The form") {
        last_name: String, v2 "family_name", "Фамилия" / "Family name";
        first_name: String, v2 "given_name", "Имя" / "Given name";
        middle_name: Option<String>, v2 "patronymic", "Отчество" / "Patronymic";
        inn: Option<String>, "ИНН" / "Taxpayer number";
        snils: Option<String>, "СНИЛС" / "Insurance number";
        phone: String, "Телефон" / "Mobile phone";
        passport: Option<String>, "Паспорт" / "Series and number of the passport";
        account: Option<String>, "Счёт" / "The citizen's account, as the citizen gave it";
    }
}

record! {
    pub struct ApplicationDetails("application_details", "О чём заявление" / "What is applied for") {
        kind as "type": ApplicationType, "Вид" / "What is applied for";
        amount: Option<Money>, "Сумма" / "How much";
        term_months: Option<u32>, "Срок, месяцев" / "For how many months";
        form: ApplicationForm, "Анкета" / "The form";
        documents: Vec<Attachment>, v2 "attachments", "Вложения" / "What the citizen attached";
        question: Option<String>, "Вопрос банка" / "What the bank asked to have corrected";
        bank_state: Option<String>, "Состояние в банке" / "The bank's own state, as it told it";
        bank_text: Option<String>, "Сообщение банка" / "The bank's own words to the citizen";
    }
}

record! {
    /// Body of `…/take`, `…/cancel`, `…/reverse`, `…/confirm`, `…/ask` and `…/decide`: whose matter, and what the move needs.
    pub struct MoveBody("move_body", "Шаг" / "A move") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        purpose: String, "Цель" / "A purpose of the consent";
        code: Option<String>, "Код подтверждения" / "The citizen's one-time code, for `confirm`";
        text: Option<String>, "Текст" / "What the citizen is told, for `ask` and `status`";
        state_text: Option<String>, "Состояние в банке" / "The bank's own state, for `status`";
        decision: Option<Verdict>, "Решение" / "For `decide`";
        reason: Option<String>, "Основание" / "Why it was decided so, for `decide`";
    }
}

words! {
    /// The bank's decision on an application.
    pub enum Verdict {
        Approve = "approve", "Одобрить" / "Approve";
        Decline = "decline", "Отклонить" / "Decline";
    }
}

words! {
    /// Where a transfer goes.
    pub enum TransferType {
        Budget = "budget", "В бюджет" / "To a budget account";
        Programme = "programme", "По государственной программе" / "Within a state programme";
    }
}

record! {
    pub struct Destination("destination", "Получатель" / "Where the money goes") {
        account: String, "Счёт" / "Account, 20 digits";
        bik: String, "БИК" / "Code of the bank";
        kbk: Option<String>, "КБК" / "Code of the budget income, 20 digits";
        oktmo: Option<String>, "ОКТМО" / "Code of the territory, 8 or 11 digits";
    }
}

record! {
    pub struct TransferBody("transfer_body", "Распоряжение о переводе" / "An order to transfer") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        purpose: String, "Цель" / "A purpose of the consent";
        kind: TransferType, "Вид" / "Where it goes";
        programme: Option<String>, "Программа" / "Code of the state programme";
        amount: Money, "Сумма" / "How much";
        from: String, v2 "source", "Источник" / "The bank's own token of the account";
        to: Option<Destination>, v2 "destination", "Получатель" / "Where it goes";
    }
}

record! {
    pub struct TransferDetails("transfer_details", "Что переводится" / "What is transferred") {
        kind: TransferType, "Вид" / "Where it goes";
        programme: Option<String>, "Программа" / "Code of the state programme";
        amount: Money, "Сумма" / "How much";
        from: String, v2 "source", "Источник" / "The bank's own token of the account";
        to: Option<Destination>, v2 "destination", "Получатель" / "Where it goes";
    }
}

record! {
    pub struct PayoutBody("payout_body", "Распоряжение о выводе" / "An order to pay out") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        purpose: String, "Цель" / "A purpose of the consent";
        amount: Money, "Сумма" / "How much";
        card_token: String, "Токен карты" / "The bank's own token of the card, never its number";
    }
}

record! {
    pub struct PayoutDetails("payout_details", "Что выводится" / "What is paid out") {
        amount: Money, "Сумма" / "How much";
        card_token: String, "Токен карты" / "The bank's own token of the card, never its number";
    }
}

record! {
    pub struct ReturnDeduction("return_deduction", "Вычет" / "A deduction") {
        code: String, "Код" / "Three digits";
        amount: Money, "Сумма" / "How much";
    }
}

record! {
    /// The signature covers the canonical JSON (members by name, no blanks) of the body without `signature`.
    pub struct TaxReturnBody("tax_return_body", "Декларация" / "A tax return, as a bank sends it") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        purpose: String, "Цель" / "A purpose of the consent";
        year: i32, "Год" / "The year it is for";
        form_version: String, "Версия формы" / "Version of the form";
        income_total: Money, "Доход" / "All income of the year";
        tax: Money, "Налог" / "On the income less deductions, by the rates of the year, in whole roubles";
        deductions: Vec<ReturnDeduction>, "Вычеты" / "What lowers the income";
        signature: String, "Подпись" / "Detached CMS signature, base64";
    }
}

record! {
    pub struct TaxReturnDetails("tax_return_details", "Что подано" / "What was filed") {
        year: i32, "Год" / "The year it is for";
        form_version: String, "Версия формы" / "Version of the form";
        income_total: Money, "Доход" / "All income of the year";
        tax: Money, "Налог" / "On the income less deductions, by the rates of the year, in whole roubles";
        deductions: Vec<ReturnDeduction>, "Вычеты" / "What lowers the income";
        signed_by: String, "Сертификат подписи" / "SHA-256 (hex) of the certificate whose key signed";
    }
}

record! {
    pub struct AttachmentReference("attachment_reference", "Ссылка на вложение" / "A file that was sent before") {
        uuid: String, "Номер" / "Under which it was put";
        size: u64, "Размер" / "Bytes";
        sha256: String, "Дайджест" / "SHA-256 (hex) of the bytes";
    }
}

record! {
    /// The signature covers the very bytes of the document.
    pub struct IntakeFile("intake_file", "Документ" / "A document, inside the body or by reference") {
        name: String, "Имя файла" / "Name of the file";
        media_type: String, "Тип" / "Media type";
        content: Option<String>, "Содержимое" / "The bytes in base64, up to five mebibytes";
        reference: Option<AttachmentReference>, "Ссылка" / "Instead of the content";
        signature: String, "Подпись" / "Detached CMS signature, base64";
    }
}

record! {
    pub struct IntakeBody("intake_body", "Документы" / "Documents for a programme") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        purpose: String, "Цель" / "A purpose of the consent";
        programme: String, "Программа" / "Code of the programme";
        documents: Vec<IntakeFile>, v2 "files", "Документы" / "Each with its signature";
    }
}

record! {
    pub struct TakenFile("taken_file", "Принятый документ" / "A document that was taken") {
        name: String, "Имя файла" / "Name of the file";
        media_type: String, "Тип" / "Media type";
        size: u64, "Размер" / "Bytes";
        sha256: String, "Дайджест" / "SHA-256 (hex) of the bytes";
        signed_by: String, "Сертификат подписи" / "SHA-256 (hex) of the certificate whose key signed";
    }
}

record! {
    pub struct IntakeDetails("intake_details", "Что принято" / "What was taken") {
        programme: String, "Программа" / "Code of the programme";
        documents: Vec<TakenFile>, v2 "files", "Документы" / "As they were taken";
    }
}

words! {
    /// What a ticket is about; it decides who answers.
    pub enum TicketTopic {
        Consent = "consent", "Согласия" / "Consents";
        Document = "document", "Документы" / "Documents";
        Other = "other", "Другое" / "Something else";
        Payment = "payment", "Платежи" / "Payments";
    }
}

record! {
    pub struct TicketBody("ticket_body", "Обращение" / "A ticket, as a bank sends it") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        purpose: String, "Цель" / "A purpose of the consent";
        topic: TicketTopic, "Тема" / "What it is about";
        text: String, "Текст" / "In the citizen's words, without personal data";
        operation: Option<String>, "Операция" / "Id of the operation concerned";
    }
}

record! {
    pub struct TicketDetails("ticket_details", "О чём обращение" / "What it is about") {
        topic: TicketTopic, "Тема" / "What it is about";
        text: String, "Текст" / "In the citizen's words";
        operation: Option<String>, "Операция" / "Id of the operation concerned";
        queue: Option<String>, "Подразделение" / "Who answers";
        answer: Option<String>, "Ответ" / "What was answered";
    }
}

/// The tax on an income less deductions by the base rate of thirteen per cent, in whole roubles (НК РФ art. 52 п. 6: fifty
/// kopecks count as one). Incomes beyond the first step of the year's scale are taxed higher.
pub fn tax_of(income: Money, deductions: Money) -> Money {
    let base = (income.kopecks() - deductions.kopecks()).max(0);
    let kopecks = base.saturating_mul(13) / 100;
    Money::from_kopecks((kopecks + 50) / 100 * 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tax_is_in_whole_roubles() {
        let kopecks = Money::from_kopecks;
        assert_eq!(tax_of(kopecks(10_000_000), Money::ZERO), kopecks(1_300_000));
        assert_eq!(tax_of(kopecks(1_003), Money::ZERO), kopecks(100));
        assert_eq!(tax_of(kopecks(1_200), Money::ZERO), kopecks(200));
        assert_eq!(tax_of(kopecks(1_000), kopecks(2_000)), Money::ZERO);
    }
}
