//! How far what is known of one kind in one cluster can be trusted.

use std::time::SystemTime;

/// One kind in one cluster: complete since it was listed, until its watch is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScopeState {
    #[default]
    NeverListed,
    /// Listed and watched since.
    Current { listed_at: SystemTime },
    /// The watch was lost; what is known may be old.
    Stale {
        listed_at: SystemTime,
        since: SystemTime,
    },
    /// The cluster has no such kind.
    Absent { since: SystemTime },
}

impl ScopeState {
    /// Whether all objects of the scope were seen once: pushes need not wait for it.
    pub fn is_known(self) -> bool {
        self != Self::NeverListed
    }

    /// After the watch was lost. What was stale before stays so since then.
    pub(super) fn lost(self, now: SystemTime) -> Self {
        match self {
            Self::Current { listed_at } => Self::Stale {
                listed_at,
                since: now,
            },
            other => other,
        }
    }

    /// After the watch goes on where it ended, so that nothing was missed.
    pub(super) fn resumed(self) -> Self {
        match self {
            Self::Stale { listed_at, .. } => Self::Current { listed_at },
            other => other,
        }
    }
}
