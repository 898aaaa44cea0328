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
    /// Whether something is wrong by which pushes may go unheard; all else is odd, and works.
    pub fn breaks(self) -> bool {
        match self {
            Self::Missing
            | Self::Unasked
            | Self::Disabled
            | Self::Failing
            | Self::Secret
            | Self::Url => true,
            Self::Silent | Self::Events | Self::Transport | Self::ContentType | Self::Twice => {
                false
            }
        }
    }

    /// Whether there is something to mend. Where nothing was delivered, nothing may have happened: no push was made
    /// over a long weekend.
    pub fn is_wrong(self) -> bool {
        self != Self::Silent
    }

    /// Whether pushes are relied on to come all the same: something must show that they do.
    pub fn leaves_reliance(self) -> bool {
        !self.breaks() && self != Self::Silent
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_nothing_was_delivered_is_no_fault_and_nothing_to_rely_on() {
        let judged = |kind: FindingKind| (kind.breaks(), kind.is_wrong(), kind.leaves_reliance());
        assert_eq!(judged(FindingKind::Silent), (false, false, false));
        assert_eq!(judged(FindingKind::Failing), (true, true, false));
        assert_eq!(judged(FindingKind::Events), (false, true, true));
    }
}
