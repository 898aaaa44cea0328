//! What is wrong with a webhook, and the step that mends it.

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub kind: FindingKind,
    pub what: String,
    pub mend: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FindingKind {
    /// GitHub has no such hook.
    Missing,
    /// GitHub does not say: a permission is missing, or it cannot be reached.
    Unasked,
    Disabled,
    /// Nothing was delivered for as long as GitHub remembers.
    Silent,
    /// What GitHub delivered last was not taken.
    Failing,
    Secret,
    Url,
    Events,
    /// The certificate goes unchecked, or there is none.
    Transport,
    ContentType,
    /// Several hooks tell the same.
    Twice,
}

impl FindingKind {
    /// Whether pushes may go unheard; all else is odd, and works.
    pub fn breaks(self) -> bool {
        match self {
            Self::Missing
            | Self::Unasked
            | Self::Disabled
            | Self::Silent
            | Self::Failing
            | Self::Secret
            | Self::Url => true,
            Self::Events | Self::Transport | Self::ContentType | Self::Twice => false,
        }
    }
}

impl Finding {
    pub fn new(kind: FindingKind, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            mend: mend.into(),
        }
    }
}
