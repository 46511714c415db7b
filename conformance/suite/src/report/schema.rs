//! The published schema of `report.json`: made from the model, committed, and compared here.

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::report::{Report, sample};

    const PUBLISHED: &str = include_str!("../../report.schema.json");

    #[test]
    fn the_published_schema_is_that_of_the_model() {
        let published: Value = serde_json::from_str(PUBLISHED).unwrap();
        assert_eq!(
            published,
            Report::schema(),
            "write it anew: stend report schema > conformance/suite/report.schema.json"
        );
    }

    #[test]
    fn a_report_fits_its_schema() {
        let schema = jsonschema::validator_for(&Report::schema()).unwrap();
        let report = serde_json::to_value(sample::report()).unwrap();
        let wrongs: Vec<String> = schema.iter_errors(&report).map(|wrong| wrong.to_string()).collect();
        assert!(wrongs.is_empty(), "{wrongs:?}");
    }

    #[test]
    fn an_unknown_verdict_does_not_fit() {
        let schema = jsonschema::validator_for(&Report::schema()).unwrap();
        let mut report = serde_json::to_value(sample::report()).unwrap();
        report["scenarios"][0]["verdict"] = Value::from("fine");
        assert!(!schema.is_valid(&report));
    }
}
