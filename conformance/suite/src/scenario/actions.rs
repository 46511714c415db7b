//! The actions of a bank as one JSON Schema: parameters and values of each, from the contract's own types.

use serde_json::{Map, Value, json};

/// `stend scenario schema --actions`.
pub fn schema() -> Value {
    let mut actions = Map::new();
    let mut shared = Map::new();
    for action in contract::action::ACTIONS {
        let mut schema = |made: schemars::Schema| {
            let mut schema = made.to_value();
            if let Some(members) = schema.as_object_mut() {
                members.remove("$schema");
                // Named types stand once, beside the actions: the references point to the root of the document.
                if let Some(Value::Object(named)) = members.remove("$defs") {
                    shared.extend(named);
                }
            }
            schema
        };
        let (params, values) = (schema((action.params)()), schema((action.values)()));
        let row = json!({
            "type": "object",
            "title": action.en,
            "description": action.ru,
            "properties": {"params": params, "values": values},
        });
        actions.insert(action.name.to_owned(), row);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://stend.example/schemas/actions-1.json",
        "title": "What a bank can be asked to do",
        "type": "object",
        "properties": actions,
        "$defs": shared,
    })
}

/// The parameters that an action takes.
pub(crate) fn params(action: &str) -> Option<Vec<String>> {
    let schema = (contract::action::find(action)?.params)().to_value();
    let names = schema["properties"].as_object().map(|names| names.keys().cloned().collect());
    Some(names.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_action_of_the_language_has_a_schema_whose_references_lead_somewhere() {
        let schema = super::schema();
        for action in crate::scenario::words::ACTIONS.iter() {
            assert!(schema["properties"].get(action).is_some(), "{action}");
        }
        let text = schema.to_string();
        for reference in text.split("\"#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(schema["$defs"].get(reference).is_some(), "{reference}");
        }
    }

    #[test]
    fn parameters_are_known_by_name() {
        let params = super::params("pension.view").unwrap();
        assert!(["from", "to"].iter().all(|name| params.iter().any(|known| known == name)), "{params:?}");
        assert_eq!(super::params("pension.veiw"), None);
    }
}
