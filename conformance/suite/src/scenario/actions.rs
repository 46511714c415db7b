//! The actions of a bank as JSON Schema: parameters and values of each, as the contract gives them.

use serde_json::{Value, json};

/// `stend scenario schema --actions`.
pub fn schema() -> Value {
    let text = || json!({"type": "string"});
    let money = || json!({"type": "integer", "description": "kopecks"});
    let day = || json!({"type": "string", "format": "date"});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    let object = |required: &[&str], properties: Value| json!({"type": "object", "required": required, "properties": properties});
    let profile = || {
        object(
            &[],
            json!({
                "last_name": text(), "first_name": text(), "middle_name": text(), "birth_date": day(),
                "snils": text(), "inn": text(), "phone": text(), "email": text(),
            }),
        )
    };
    let consent = || {
        object(
            &["id", "state"],
            json!({
                "id": text(), "purpose": text(), "scopes": texts(),
                "state": {"enum": ["requested", "granted", "refused", "expired", "revoked"]},
                "granted_at": {"type": "string", "format": "date-time"},
                "expires_at": {"type": "string", "format": "date-time"},
            }),
        )
    };
    let payment = || {
        object(
            &["id", "uin", "amount", "state"],
            json!({"id": text(), "uin": text(), "amount": money(), "state": text(), "receipt": {}}),
        )
    };
    let debt = || {
        object(
            &["uin", "kind", "title", "amount", "due_date"],
            json!({
                "uin": text(), "kind": {"enum": ["credit", "utilities", "fine", "tax"]}, "title": text(),
                "amount": money(), "discount": {}, "due_date": day(), "restriction": {},
            }),
        )
    };
    let totals = || {
        object(
            &["credit", "utilities", "fine", "tax", "all"],
            json!({"credit": money(), "utilities": money(), "fine": money(), "tax": money(), "all": money()}),
        )
    };
    let rows: Vec<(&str, Value, Value)> = vec![
        (
            "customer.link",
            object(&["scopes"], json!({"scopes": texts(), "level": {"enum": ["2fa", "confirmed"]}})),
            object(&[], json!({"profile": profile()})),
        ),
        ("customer.profile", object(&[], json!({})), object(&["profile"], json!({"profile": profile()}))),
        ("customer.unlink", object(&[], json!({})), object(&[], json!({}))),
        (
            "consent.request",
            object(
                &["purpose", "scopes", "term"],
                json!({"purpose": text(), "scopes": texts(), "term": {"type": "string", "format": "duration"}}),
            ),
            object(&["consent"], json!({"consent": consent()})),
        ),
        (
            "consent.status",
            object(&["consent"], json!({"consent": text()})),
            object(&["consent"], json!({"consent": consent()})),
        ),
        (
            "consent.revoke",
            object(&["consent"], json!({"consent": text()})),
            object(&["consent"], json!({"consent": consent()})),
        ),
        (
            "debts.list",
            object(&[], json!({})),
            object(&["items", "totals"], json!({"items": {"type": "array", "items": debt()}, "totals": totals()})),
        ),
        (
            "debts.pay",
            object(
                &["uin", "amount", "method"],
                json!({"uin": text(), "amount": money(), "method": {"enum": ["card", "account", "qr"]}}),
            ),
            object(&["payment"], json!({"payment": payment()})),
        ),
        (
            "debts.feed",
            object(
                &["external_id", "title", "amount", "due_date"],
                json!({"external_id": text(), "title": text(), "amount": money(), "due_date": day()}),
            ),
            object(&[], json!({"uin": text()})),
        ),
        (
            "pension.view",
            object(&["from", "to"], json!({"from": day(), "to": day()})),
            object(
                &["balance", "accrued", "paid", "operations"],
                json!({
                    "balance": money(), "accrued": money(), "paid": money(), "next_payment_date": day(),
                    "operations": {"type": "array", "items": object(
                        &["date", "amount", "source"],
                        json!({"date": day(), "amount": money(), "source": text()}),
                    )},
                }),
            ),
        ),
    ];
    let actions: serde_json::Map<String, Value> = rows
        .into_iter()
        .map(|(name, params, values)| (name.to_owned(), object(&[], json!({"params": params, "values": values}))))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://stend.example/schemas/actions-1.json",
        "title": "What a bank can be asked to do",
        "type": "object",
        "properties": actions,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_action_of_the_language_has_a_schema() {
        let schema = super::schema();
        for action in crate::scenario::words::ACTIONS {
            assert!(schema["properties"].get(action).is_some(), "{action}");
        }
    }
}
