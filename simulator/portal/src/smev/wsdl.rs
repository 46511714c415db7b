//! The descriptions: `?wsdl` and `?xsd=…`, as they stand in the contract, with the address of this sandbox put in.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use contract::smev::Version;

use super::business;
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::portal::Sandbox;

pub(super) async fn show(
    State(_): State<Arc<Sandbox>>,
    caller: Caller,
    Path(version): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let found = Version::named(&version).and_then(|version| {
        let query = query.unwrap_or_default();
        if query.eq_ignore_ascii_case("wsdl") {
            return wsdl(version, &caller.origin());
        }
        let name = query.split_once('=').filter(|(key, _)| key.eq_ignore_ascii_case("xsd")).map(|(_, name)| name)?;
        schema(version, name)
    });
    match found {
        Some(text) => super::xml_answer(200, text).into_response(),
        None => Answer::empty(404).into_response(),
    }
}

/// The service of this version at this origin.
fn wsdl(version: Version, origin: &str) -> Option<String> {
    let text = contract::smev::description(version, "service")?;
    let address = format!("location=\"{origin}/smev/{}\"", version.as_str());
    Some(served(version, text).replace("location=\"SERVICE\"", &address))
}

/// Files refer to each other by name; what is served does so by query.
fn served(version: Version, text: &str) -> String {
    let mut out = text.to_owned();
    for name in ["types", "basic", "faults", "routing", "directive"] {
        let file = format!("schemaLocation=\"{name}.xsd\"");
        out = out.replace(&file, &format!("schemaLocation=\"/smev/{}?xsd={name}\"", version.as_str()));
    }
    out
}

fn schema(version: Version, name: &str) -> Option<String> {
    if let Some(text) = contract::smev::description(version, name) {
        return Some(served(version, text));
    }
    let own = business::own_types().into_iter().find(|own| own.name() == name)?;
    Some(own.schema())
}
