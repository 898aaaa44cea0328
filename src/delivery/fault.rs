//! Why a payload tells us nothing.

/// How deep objects and lists may stand in each other; GitHub's payloads stay under 20.
pub const NESTING_LIMIT: usize = 128;
/// The longest text that is kept of a payload.
pub const TEXT_LIMIT_BYTES: usize = 4_096;

/// No message repeats a text of the payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadFault {
    #[error("the event's name is none: {0}")]
    EventName(&'static str),
    #[error("the payload is no JSON, or not all of it: {0}")]
    NotJson(String),
    #[error("the payload is no JSON object")]
    NotAnObject,
    #[error("the payload is nested deeper than {NESTING_LIMIT} levels")]
    Nesting,
    #[error("the payload of `{event}` is not what GitHub sends: {reason}")]
    Shape { event: String, reason: String },
    #[error("the payload of `{event}` has no `{field}`")]
    Missing { event: String, field: &'static str },
    #[error("`{field}` is no {what}: {reason}")]
    Value {
        field: &'static str,
        what: &'static str,
        reason: String,
    },
    #[error("`{field}` is longer than {TEXT_LIMIT_BYTES} bytes")]
    TooLong { field: &'static str },
}
