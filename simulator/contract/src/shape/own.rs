//! Shapes of what stood before there were shapes.

use super::{Field, Kind, Shape, Shaped, Typed};
use crate::consent::{ConsentRecord, ConsentState};
use crate::control::Names;
use crate::described;
use crate::error::{ErrorRow, Form};
use crate::registries::debts::{
    Debt, DebtKind, DebtStatus, DebtsPage, Discount, Fed, FeedOrder, Payment, PaymentOrder, Receipt, Restriction,
    RestrictionKind, Totals,
};
use crate::registries::pension::{Deferred, Operation, PensionStatement};

macro_rules! word {
    ($($type:ty: $($word:literal)+;)+) => {
        $(impl Typed for $type { const KIND: Kind = Kind::Word(&[$($word),+]); })+
    };
}

word! {
    ConsentState: "requested" "granted" "refused" "expired" "revoked";
    DebtKind: "credit" "utilities" "fine" "tax";
    DebtStatus: "open" "paid";
    RestrictionKind: "account_seizure" "exit_ban" "licence_suspension";
}

described! {
    DebtsPage("debts_page", "Задолженности и штрафы" / "Debts and fines") {
        person: "Номер гражданина" / "Number of the person (OID)";
        as_of: v2 "read_at", "Прочитано" / "When it was read";
        currency: "Валюта" / "Currency, always RUB";
        items: v2 "charges", "Задолженности" / "This page of charges";
        totals: "Итоги по видам" / "Sums by kind over all pages";
        next: "Следующая страница" / "Relative address of the next page; absent on the last";
    }
}
described! {
    Debt("debt", "Задолженность" / "A charge") {
        uin: "УИН" / "Number of the charge, by which it is paid";
        kind: "Вид" / "Which of the four kinds";
        title: "Наименование" / "What it is for";
        amount: "Сумма" / "The full sum";
        discount: "Скидка" / "The smaller sum that settles it for now";
        due_date: v2 "due_on", "Срок оплаты" / "The last day to pay without consequences";
        restriction: "Ограничение" / "What the debtor may not do until it is paid";
        status: v2 "state", "Состояние" / "Open or paid";
    }
}
described! {
    Discount("discount", "Скидка" / "A smaller sum for those who pay early") {
        amount: "Сумма к оплате" / "The sum that settles the charge";
        until: v2 "valid_until", "Действует до" / "The last day on which it does";
    }
}
described! {
    Restriction("restriction", "Ограничение" / "What a debtor may not do") {
        kind: "Вид" / "Its kind";
        title: "Наименование" / "As the citizen reads it";
        since: v2 "imposed_on", "Действует с" / "In force since this day";
    }
}
described! {
    Totals("totals", "Итоги" / "Sums over every open charge") {
        credit: "Кредиты" / "Overdue credits";
        utilities: "ЖКХ" / "Utilities";
        fine: "Штрафы" / "Fines, without regard to discounts";
        tax: "Налоги" / "Taxes";
        all: "Всего" / "All four";
    }
}
described! {
    PaymentOrder("payment_order", "Распоряжение об оплате" / "An order to pay a charge") {
        person: "Номер гражданина" / "Number of the person (OID)";
        purpose: "Цель" / "A purpose of the consent";
        amount: "Сумма" / "What settles the charge on the day of paying, to the kopeck";
        method: "Способ оплаты" / "How it is paid";
        source: "Источник" / "The bank's own token of the account or card, never its number";
    }
}
described! {
    Payment("payment", "Платёж" / "A payment") {
        id: "Номер платежа" / "The portal's id";
        uin: "УИН" / "Number of the charge";
        amount: "Сумма" / "What was paid";
        state: "Состояние" / "Accepted, then settled; or under a check, returned, reversed";
        uip: "УИП" / "Number in the register of payments, of a duty's payment";
        acknowledgment: "Квитирование" / "How it was matched with the charge, 1 to 5";
        receipt: "Квитанция" / "Proof of payment";
        reason: "Причина" / "Why it was returned";
    }
}
described! {
    Receipt("receipt", "Квитанция" / "Proof of payment") {
        number: "Номер" / "Its number";
        at: v2 "issued_at", "Выдана" / "When it was given";
        amount: "Сумма" / "What was paid; this and the rest stand on the receipt of a duty";
        payer: "Плательщик" / "Who paid";
        payee: "Получатель" / "Who is paid";
        account: "Счёт получателя" / "Account of the payee";
        bik: "БИК" / "Bank of the payee";
        kbk: "КБК" / "Code of the budget income";
        oktmo: "ОКТМО" / "Code of the territory";
    }
}
described! {
    FeedOrder("feed_order", "Сведения о просрочке" / "An overdue credit that the bank tells of") {
        person: "Номер гражданина" / "Number of the person (OID)";
        purpose: "Цель" / "A purpose of the consent";
        title: "Наименование" / "What it is for";
        amount: "Сумма" / "The overdue sum";
        due_date: v2 "due_on", "Срок оплаты" / "Due since";
    }
}
described! {
    Fed("fed", "Принятые сведения" / "The number given to a fed charge") {
        uin: "УИН" / "The same for the same external id";
    }
}
described! {
    PensionStatement("pension_statement", "Пенсионный счёт" / "The pension account over a period") {
        person: "Номер гражданина" / "Number of the person (OID)";
        from: v2 "period_from", "Начало периода" / "First day of the period";
        to: v2 "period_to", "Конец периода" / "Last day of the period";
        balance: "Остаток" / "What stands on the account at the end of the last day";
        accrued: "Начислено" / "Credited within the period";
        paid: "Выплачено" / "Paid out within the period";
        next_payment_date: v2 "next_payment_on", "Следующая выплата" / "When money is next paid out";
        operations: "Операции" / "Booked within the period, oldest first";
    }
}
described! {
    Operation("pension_operation", "Операция" / "A booking") {
        date: v2 "booked_on", "Дата" / "The day it was booked";
        amount: "Сумма" / "Always positive";
        source: "Источник" / "Who paid in, or which payment it was";
        kind: "Вид" / "In or out";
    }
}
described! {
    Deferred("deferred", "Отложенный ответ" / "The answer is being prepared") {
        id: "Номер ответа" / "Id of the answer, at /answers/{id}";
        retry_after: "Повторить через" / "Not earlier than this from now, ISO 8601";
    }
}
described! {
    ConsentRecord("consent_record", "Согласие" / "A consent") {
        id: "Номер" / "Its id";
        state: "Состояние" / "Where in its life it is";
        client_id: "Мнемоника банка" / "The client that holds it";
        person: "Номер гражданина" / "Number of the person (OID)";
        purpose: "Цель" / "The first of the purposes";
        purposes: "Цели" / "All purposes";
        scopes: "Данные" / "Exactly the data that may be read";
        actions: "Действия" / "What may be done with the data";
        granted_at: "Дано" / "When the person agreed";
        expires_at: "Действует до" / "When its time is over";
        kind as "type": "Вид" / "Consent type, such as CREDIT";
    }
}
described! {
    ErrorRow("error_row", "Ошибка" / "A row of the error registry") {
        code: "Код" / "Its code";
        form: "Интерфейс" / "The interface that it belongs to";
        status: "Статус HTTP" / "HTTP status, or the close code of a WebSocket";
        error: "Ошибка OAuth" / "`error` of OAuth, where there is one";
        text: "Текст" / "What stands on the wire after the code";
        title: "Название" / "A few words";
        reason: "Причина" / "Why it is said";
        advice: "Совет" / "How to mend it";
    }
}
described! {
    Names("names", "Текст на двух языках" / "A text in both languages") {
        ru: "По-русски" / "Russian";
        en: "По-английски" / "English";
    }
}

impl Typed for Form {
    const KIND: Kind = Kind::Text;
}

/// The registry of errors as a record; in JSON the list stands alone.
pub static ERROR_LIST: Shape = Shape {
    name: "error_list",
    ru: "Реестр ошибок",
    en: "The registry of errors",
    fields: &[Field {
        name: "items",
        v2: None,
        kind: Kind::List(ErrorRow::SHAPE),
        optional: false,
        ru: "Ошибки",
        en: "Every code",
    }],
};

/// A problem document (RFC 9457), with our members.
pub static PROBLEM: Shape = Shape {
    name: "problem",
    ru: "Отказ",
    en: "Why a request is refused (RFC 9457)",
    fields: &[
        text("type", "Вид", "Address of the kind of problem"),
        text("title", "Название", "Short, the same for every problem of this kind"),
        Field { kind: Kind::Int, ..text("status", "Статус", "HTTP status") },
        text("detail", "Подробности", "What happened this time"),
        text("code", "Код", "Row of the error registry"),
        Field { kind: Kind::Record(Names::SHAPE), ..text("reason", "Причина", "Why") },
        Field { kind: Kind::Record(Names::SHAPE), ..text("advice", "Совет", "What to do") },
    ],
};

const fn text(name: &'static str, ru: &'static str, en: &'static str) -> Field {
    Field { name, v2: None, kind: Kind::Text, optional: false, ru, en }
}
