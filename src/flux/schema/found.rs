//! All that was found so far in one document.

use crate::flux::fault::{Fault, Path};
use crate::flux::yaml::Span;

#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) faults: Vec<Fault>,
}

impl Found {
    /// Adds a fault of the class `api`, and hands it back for its hint.
    pub(super) fn fault(
        &mut self,
        span: Span,
        path: &Path<'_>,
        message: impl Into<String>,
    ) -> &mut Fault {
        self.faults
            .push(Fault::api(span, path.to_string(), message));
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }
}
