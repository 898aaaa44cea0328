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
        /// The cluster does not let us see it any more, which will not mend itself.
        is_forbidden: bool,
    },
    /// The cluster has no such kind.
    Absent { since: SystemTime },
    /// It was never listed, for the cluster does not let us.
    Forbidden { since: SystemTime },
}

impl ScopeState {
    /// Whether all objects of the scope were seen once.
    pub fn is_known(self) -> bool {
        !matches!(self, Self::NeverListed | Self::Forbidden { .. })
    }

    /// Whether what is known of the scope is what the cluster has.
    pub fn is_current(self) -> bool {
        matches!(self, Self::Current { .. } | Self::Absent { .. })
    }

    /// Whether the cluster may have others by now than those that are known, and shows them again some time.
    pub fn may_be_old(self) -> bool {
        matches!(
            self,
            Self::Stale {
                is_forbidden: false,
                ..
            }
        )
    }

    /// After the watch was lost. What was stale before stays so since then.
    pub(super) fn lost(self, now: SystemTime) -> Self {
        match self {
            Self::Current { listed_at } => Self::Stale {
                listed_at,
                since: now,
                is_forbidden: false,
            },
            other => other,
        }
    }

    /// After the cluster has refused to list it for long. What was listed before is stale instead.
    pub(super) fn forbidden(self, now: SystemTime) -> Self {
        match self.lost(now) {
            Self::NeverListed => Self::Forbidden { since: now },
            Self::Stale {
                listed_at, since, ..
            } => Self::Stale {
                listed_at,
                since,
                is_forbidden: true,
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
