//! What the text of a template alone shows to be wrong, at a range of its bytes.

use super::template_text::Token;
use crate::flux::nearest;

#[derive(Debug, PartialEq)]
pub(super) struct TextFault {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// A fault of the tokens from one to another.
pub(super) fn fault(
    from: &Token<'_>,
    to: &Token<'_>,
    message: String,
    hint: Option<String>,
) -> TextFault {
    TextFault {
        start: from.start,
        end: to.end,
        message,
        hint,
    }
}

/// A name that is none of these.
pub(super) fn unknown(token: &Token<'_>, what: &str, word: &str, names: &[&str]) -> TextFault {
    fault(
        token,
        token,
        format!("unknown {what} `{word}`"),
        nearest(word, names.iter().copied()).map(|name| format!("did you mean `{name}`?")),
    )
}
