//! Which of the differences are told, where a part of a fleet is asked for.

use std::fmt;

use super::manifest::{Manifest, ObjectName};

/// The part of a fleet that is asked for. All of it is compared, and what is of the part is told.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// Whether an object that is rendered is of it.
    pub has: &'a dyn Fn(&ObjectName) -> bool,
    /// Whether an old one that is not rendered may have been of it.
    pub may_have: &'a dyn Fn(&Manifest) -> bool,
    /// Whether there is anything of a cluster in it; `None`: of what is rendered for none.
    pub reaches: &'a dyn Fn(Option<&str>) -> bool,
}

impl Part<'static> {
    /// The whole fleet.
    pub const WHOLE: Self = Self {
        has: &|_| true,
        may_have: &|_| true,
        reaches: &|_| true,
    };
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").finish_non_exhaustive()
    }
}
