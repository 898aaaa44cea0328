//! What is asked by hand: how far it is to come, and what is written for it.

use std::time::Duration;

use crate::catalog::ItemKey;
use crate::delivery::{CommitName, Token};

/// What is to become true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Whether it is followed until all is applied and healthy.
    pub wait: bool,
    /// What is to be applied in the end; `None`: whatever is newest.
    pub commit: Option<CommitName>,
    /// Of HelmReleases.
    pub force: bool,
    pub reset: bool,
    /// After so long nobody waits any more.
    pub within: Duration,
}

/// An annotation that is to be written now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub key: ItemKey,
    pub token: Token,
    pub force: bool,
    pub reset: bool,
}
