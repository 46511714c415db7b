//! The description of this room's paths, from the table of lifecycles and the shapes.

use contract::matter::{
    Analytics, AnalyticsBody, Attachment, MetricsBody, MoveBody, Offer, OfferBody, SurveyBody, Taken, TaxReturnBody,
};
use contract::registries::debts::{Payment, PaymentOrder};
use contract::shape::{Shape, Shaped, Version, json as schemas};
use serde_json::{Map, Value, json};

use super::{asked_for, served};

/// Records that travel here.
pub(in super::super) fn shapes() -> Vec<&'static Shape> {
    let mut all = vec![
        Analytics::SHAPE,
        AnalyticsBody::SHAPE,
        Attachment::SHAPE,
        MetricsBody::SHAPE,
        MoveBody::SHAPE,
        Offer::SHAPE,
        OfferBody::SHAPE,
        SurveyBody::SHAPE,
        Taken::SHAPE,
    ];
    for cycle in served() {
        all.extend([cycle.kind.answer(), cycle.kind.listing()]);
        all.extend(cycle.kind.body());
    }
    all
}

/// Every path with its operations, under the names of the first version.
pub(in super::super) fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for cycle in served() {
        let (kind, tag) = (cycle.kind, cycle.plural);
        let base = format!("/api/v1/{tag}");
        let words: Vec<&str> = cycle.states.iter().map(|state| state.name).collect();
        let mut all =
            operation(tag, kind.en(), "data_token", vec![person(), purpose()], None, &[(200, kind.listing())]);
        if let Some(parameters) = all["parameters"].as_array_mut() {
            parameters.push(json!({"name": "state", "in": "query", "schema": {"type": "string", "enum": words}}));
        }
        let mut first = json!({ "get": all });
        if let Some(body) = kind.body() {
            let answers = [(201, kind.answer()), (200, kind.answer())];
            first["post"] = operation(tag, kind.en(), "data_token", vec![key()], Some(body), &answers);
        }
        paths.insert(base.clone(), first);
        let one = operation(
            tag,
            kind.en(),
            "data_token",
            vec![in_path("id"), person(), purpose()],
            None,
            &[(200, kind.answer())],
        );
        paths.insert(format!("{base}/{{id}}"), json!({ "get": one }));
        for step in asked_for(cycle) {
            let body = if step == "correct" { TaxReturnBody::SHAPE } else { MoveBody::SHAPE };
            let parameters = vec![in_path("id"), key()];
            let go = operation(tag, step, "data_token", parameters, Some(body), &[(200, kind.answer())]);
            paths.insert(format!("{base}/{{id}}/{step}"), json!({ "post": go }));
        }
    }
    let mut put = |path: &str, method: &str, described: Value| {
        let place = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        place[method] = described;
    };
    let data = "data_token";
    let paid = [(201, Payment::SHAPE), (200, Payment::SHAPE)];
    let order = Some(PaymentOrder::SHAPE);
    put(
        "/api/v1/duties/{uin}/payments",
        "post",
        operation("duties", "Pays a state duty", data, vec![in_path("uin"), key()], order, &paid),
    );
    let back = operation(
        "payments",
        "Takes a payment back",
        data,
        vec![in_path("id"), key()],
        Some(MoveBody::SHAPE),
        &[(200, Payment::SHAPE)],
    );
    put("/api/v1/payments/{id}/reverse", "post", back);
    let mut file = operation(
        "attachments",
        "Puts a file of up to 100 MB",
        data,
        vec![in_path("id"), person(), purpose()],
        None,
        &[(201, Attachment::SHAPE), (200, Attachment::SHAPE)],
    );
    if let Some(parameters) = file["parameters"].as_array_mut() {
        parameters.push(json!({"name": "name", "in": "query", "schema": {"type": "string"}}));
    }
    file["requestBody"] = json!({"required": true, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}});
    put("/api/v1/attachments/{id}", "put", file);
    let mut shown = operation(
        "attachments",
        "An attachment of an application",
        data,
        vec![in_path("id"), person(), purpose()],
        None,
        &[],
    );
    shown["responses"]["200"] =
        json!({"description": "The bytes", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}});
    put("/api/v1/attachments/{id}", "get", shown);
    let once = [(201, Taken::SHAPE), (200, Taken::SHAPE)];
    put(
        "/api/v1/surveys",
        "post",
        operation("feedback", "The answer to a survey", data, vec![key()], Some(SurveyBody::SHAPE), &once),
    );
    put(
        "/api/v1/metrics",
        "post",
        operation(
            "feedback",
            "Numbers about nobody",
            "partner_token",
            vec![key()],
            Some(MetricsBody::SHAPE),
            &[(202, Taken::SHAPE)],
        ),
    );
    put(
        "/api/v1/analytics",
        "post",
        operation("analytics", "Spending of a month", data, vec![key()], Some(AnalyticsBody::SHAPE), &once),
    );
    let mut seen = operation(
        "analytics",
        "Spending of a month, as told",
        data,
        vec![person(), purpose()],
        None,
        &[(200, Analytics::SHAPE)],
    );
    if let Some(parameters) = seen["parameters"].as_array_mut() {
        parameters.push(json!({"name": "period", "in": "query", "required": true, "schema": {"type": "string", "pattern": "^\\d{4}-\\d{2}$"}}));
    }
    put("/api/v1/analytics", "get", seen);
    let made = [(201, Offer::SHAPE), (200, Taken::SHAPE)];
    put(
        "/api/v1/offers/{opening}",
        "post",
        operation(
            "offers",
            "An offer on a state application",
            data,
            vec![in_path("opening"), key()],
            Some(OfferBody::SHAPE),
            &made,
        ),
    );
    paths
}

fn operation(
    tag: &str,
    summary: &str,
    token: &str,
    parameters: Vec<Value>,
    body: Option<&'static Shape>,
    answers: &[(u16, &'static Shape)],
) -> Value {
    let schema = |shape: &'static Shape| schemas::reference(shape, Version::V1);
    let mut responses = Map::new();
    for (status, shape) in answers {
        let content =
            json!({"application/json": {"schema": schema(shape)}, "application/xml": {"schema": schema(shape)}});
        responses.insert(status.to_string(), json!({"description": shape.en, "content": content}));
    }
    responses.insert(
        "4XX".to_owned(),
        json!({"description": "Refused", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}),
    );
    let mut described = json!({
        "tags": [tag], "summary": summary, "parameters": parameters, "responses": responses, "security": [{token: []}],
    });
    if let Some(body) = body {
        let content =
            json!({"application/json": {"schema": schema(body)}, "application/xml": {"schema": schema(body)}});
        described["requestBody"] = json!({"required": true, "content": content});
    }
    described
}

fn in_path(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

fn person() -> Value {
    json!({"name": "person", "in": "query", "required": true, "description": "Number of the person (OID)", "schema": {"type": "integer"}})
}

fn purpose() -> Value {
    json!({"name": "purpose", "in": "query", "required": true, "description": "A purpose of the consent", "schema": {"type": "string"}})
}

fn key() -> Value {
    json!({"name": "Idempotency-Key", "in": "header", "required": true, "schema": {"type": "string", "minLength": 8, "maxLength": 255}})
}
