//! The published document of the data services, as it is committed: written from the portal's code and compared with it
//! in a test.

/// OpenAPI 3.1, JSON.
pub const OPENAPI: &str = include_str!("../api/openapi.json");
