//! The description of every route, for programs that read such.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

const DESCRIPTION: &str = include_str!("openapi.json");

/// `GET /api/v1/openapi.json`
pub(super) async fn description() -> Response {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION).into_response()
}
