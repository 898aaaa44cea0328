//! Reads the body of what is asked, which is as long and takes as long as it may.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use http::StatusCode;
use http_body_util::LengthLimitError;
use tokio::time::timeout;

use super::fault::ApiFault;

/// # Errors
/// It is longer than `limit` bytes, of which `too_long` tells, comes too slowly, or is cut off.
pub(in crate::server) async fn read(
    body: Body,
    limit: usize,
    within: Duration,
    too_long: impl FnOnce() -> String,
) -> Result<Bytes, ApiFault> {
    let Ok(read) = timeout(within, to_bytes(body, limit)).await else {
        let reason = "the body came too slowly and was not waited for; send it again";
        return Err(ApiFault::new(StatusCode::REQUEST_TIMEOUT, reason));
    };
    read.map_err(|fault| {
        let fault = fault.into_inner();
        if fault.is::<LengthLimitError>() {
            ApiFault::new(StatusCode::PAYLOAD_TOO_LARGE, too_long())
        } else {
            ApiFault::bad_request("the body ended before its end, or is not well framed")
        }
    })
}
