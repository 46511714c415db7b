//! Recommendations of state services (OFR-2), each from a fact that the consent opens; never a product.

use crate::ids::Oid;
use crate::record;
use crate::time::Day;

record! {
    /// `GET /api/v1/recommendations`.
    pub struct Recommendations("recommendations", "Рекомендации" / "Recommendations of state services") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        items: Vec<Recommendation>, "Рекомендации" / "The most urgent first";
    }
}

record! {
    pub struct Recommendation("recommendation", "Рекомендация" / "A recommendation") {
        id: String, "Номер" / "The same for the same fact";
        service: String, "Услуга" / "Mnemonic of the state service";
        title: String, "Наименование" / "As the citizen reads it";
        why: String, "Основание" / "The fact that it is drawn from";
        source_scope: String, "Данные" / "The scope of the consent that opens this fact";
        until: Option<Day>, v2 "ends_on", "Срок" / "The last day on which it makes sense";
    }
}
