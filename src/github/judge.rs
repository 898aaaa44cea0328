//! What an answer means: for the limits, and where it is a refusal, why.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::budget::live::Verdict;

use super::fault::Refusal;
use super::headers;

/// How a call was made, where that changes what an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Rest,
    Query,
    /// By the App itself.
    ByApp,
    /// By the App itself, for a token of its installation.
    ForToken,
}

/// What an answer means for the limits.
pub(super) fn verdict(made: Made, status: StatusCode, head: &HeaderMap, body: &[u8]) -> Verdict {
    let retry_after = headers::retry_after(head);
    match status {
        StatusCode::NOT_MODIFIED => Verdict::NotModified,
        StatusCode::OK if made == Made::Query => limit_of_query(body, retry_after),
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            let message = message(body).to_ascii_lowercase();
            let is_empty = headers::text(head, "x-ratelimit-remaining") == Some("0");
            let says_secondary = is_secondary(&message);
            // What is refused for another reason may have been the last call of the hour.
            let says_limit = message.is_empty() || message.contains("rate limit");
            let says_primary = is_empty && says_limit && !says_secondary;
            if says_primary && (retry_after.is_none() || !message.is_empty()) {
                Verdict::PrimaryLimit
            } else if retry_after.is_some()
                || says_secondary
                || message.contains("rate limit")
                || status == StatusCode::TOO_MANY_REQUESTS
            {
                Verdict::SecondaryLimit { retry_after }
            } else {
                Verdict::Spent
            }
        }
        status if status.is_server_error() => match retry_after {
            Some(_) => Verdict::SecondaryLimit { retry_after },
            None => Verdict::Failed,
        },
        _ => Verdict::Spent,
    }
}

/// A query that is refused for a limit is answered with 200.
fn limit_of_query(body: &[u8], retry_after: Option<std::time::Duration>) -> Verdict {
    // Most answers are long and have no such word.
    let mentions = |word: &[u8]| body.windows(word.len()).any(|window| window == word);
    if !mentions(b"RATE_LIMIT") && !mentions(b"rate limit") {
        return Verdict::Spent;
    }
    let Ok(read) = serde_json::from_slice::<Value>(body) else {
        return Verdict::Spent;
    };
    let errors = read["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let messages = errors.iter().map(|error| &error["message"]);
    let messages = messages.chain([&read["message"]]).filter_map(Value::as_str);
    if messages
        .map(str::to_ascii_lowercase)
        .any(|message| is_secondary(&message))
    {
        return Verdict::SecondaryLimit { retry_after };
    }
    let kinds = errors.iter().filter_map(|error| error["type"].as_str());
    let is_limited = |kind: &str| matches!(kind, "RATE_LIMITED" | "RATE_LIMIT");
    if kinds.into_iter().any(is_limited) {
        return Verdict::PrimaryLimit;
    }
    Verdict::Spent
}

fn is_secondary(message: &str) -> bool {
    message.contains("secondary rate limit") || message.contains("abuse detection")
}

/// Why a call was refused.
pub(super) fn refusal(made: Made, status: StatusCode, head: &HeaderMap, message: &str) -> Refusal {
    let message = message.to_ascii_lowercase();
    let is_app = matches!(made, Made::ByApp | Made::ForToken);
    match status.as_u16() {
        401 if is_app => Refusal::AppUnknown,
        401 => Refusal::Unauthorized,
        403 => {
            if let Some(url) = headers::single_sign_on(head) {
                Refusal::SingleSignOn { url }
            } else if is_suspended(&message) {
                Refusal::Suspended
            } else if message.contains("archived") {
                Refusal::Archived
            } else if message.contains("access blocked") || message.contains("dmca") {
                Refusal::Blocked
            } else {
                let needs = headers::needs(head);
                Refusal::Forbidden { needs }
            }
        }
        404 if is_app && message.contains("integration not found") => Refusal::AppUnknown,
        404 if made == Made::ForToken => Refusal::InstallationRemoved,
        404 => Refusal::NotFound {
            needs: headers::scopes(head),
        },
        409 => Refusal::Conflict,
        410 => Refusal::Gone,
        400 | 422 => Refusal::Invalid,
        451 => Refusal::Blocked,
        _ => Refusal::Other,
    }
}

/// Whether it is who asks that was suspended, and not what was asked for. `message` in small letters.
fn is_suspended(message: &str) -> bool {
    let is_of_asker = |whose: &str| message.contains(whose);
    message.contains("suspended")
        && ["installation", "your account"]
            .into_iter()
            .any(is_of_asker)
}

/// GitHub's own words; empty where there are none.
pub(super) fn message(body: &[u8]) -> String {
    let Ok(read) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    let message = read["message"].as_str().unwrap_or_default();
    // What it does not take stands beside, in one of two forms.
    let errors = read["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let errors = errors
        .iter()
        .filter_map(|error| error["message"].as_str().or(error.as_str()));
    let all: Vec<&str> = [message]
        .into_iter()
        .chain(errors)
        .filter(|text| !text.is_empty())
        .collect();
    headers::shown(&all.join(": "))
}
