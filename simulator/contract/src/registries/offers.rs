//! State applications on which a bank may make offers (OFR-1), under a consent to marketing.

use crate::ids::Oid;
use crate::record;
use crate::time::Day;

record! {
    /// `GET /api/v1/offers`.
    pub struct Openings("offers", "Предложения по заявлениям" / "Applications open for offers") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        openings: Vec<Opening>, "Заявления" / "Applications that are open today";
    }
}

record! {
    pub struct Opening("opening", "Заявление" / "An application open for offers") {
        id: String, "Номер" / "Its id, under which an offer is made";
        application_kind: String, "Вид заявления" / "Kind of the application";
        title: String, "Наименование" / "As the citizen reads it";
        since: Day, v2 "opened_on", "Открыто с" / "Open since";
        until: Day, v2 "closes_on", "Открыто по" / "The last day for offers";
    }
}
