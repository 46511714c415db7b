//! The feed of subsidies for a wallet (WAL-1): entries numbered without gaps, so that a bank follows in step.

use crate::ids::Oid;
use crate::money::Money;
use crate::time::Day;
use crate::{record, words};

record! {
    /// `GET /api/v1/subsidies`: the entries after a sequence number.
    pub struct Subsidies("subsidies", "Субсидии" / "The feed of subsidies") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        balance: Money, "Остаток" / "After the last entry of all";
        sequence: i64, "Номер последней записи" / "Number of the last entry of all; zero where there is none";
        entries: Vec<SubsidyEntry>, "Записи" / "Entries after the number asked for, without gaps";
        next: Option<String>, "Следующая страница" / "Where the next page is";
    }
}

record! {
    pub struct SubsidyEntry("subsidy_entry", "Запись" / "An entry of the feed") {
        sequence: i64, "Номер" / "From one, without gaps";
        date: Day, v2 "booked_on", "Дата" / "When it was booked";
        programme: String, "Программа" / "The programme";
        amount: Money, v2 "change", "Изменение" / "Signed: what is spent or taken back is below zero";
        balance_after: Money, "Остаток после" / "Balance after this entry";
        kind: SubsidyKind, "Вид" / "What it is";
        id: String, "Номер операции" / "Id of the operation; a reversal bears that of what it reverses with -R";
    }
}

words! {
    /// Kinds of entries.
    pub enum SubsidyKind {
        Credit = "credit", "Зачисление" / "Credit";
        Debit = "debit", "Списание" / "Debit";
        Reversal = "reversal", "Возврат" / "Reversal";
    }
}
