//! Which objects a workflow wakes that has succeeded: those that name it.

use std::sync::Arc;

use crate::catalog::{Cache, Item};
use crate::delivery::WorkflowRun;

use super::matching::{self, Candidate};
use super::policy::Policies;
use super::verdict::{Follows, Paths, Verdict};

/// Whether a workflow has done what others wait for.
pub(super) fn has_succeeded(run: &WorkflowRun) -> bool {
    run.action == "completed" && run.conclusion.as_deref() == Some("success")
}

/// Every source that names a workflow of the repository `full_name`, with what becomes of it; none
/// where the workflow has not succeeded.
pub(super) fn followers<'c>(
    run: &WorkflowRun,
    full_name: &str,
    clusters: impl IntoIterator<Item = &'c Cache>,
    policies: &Policies,
) -> Vec<Candidate> {
    if !has_succeeded(run) {
        return Vec::new();
    }
    let items = clusters.into_iter().flat_map(Cache::with_workflows);
    let follower = |item: &Arc<Item>| {
        let workflows = item.workflows.as_ref()?;
        let entry = workflows.entry(full_name, run.path.as_deref(), run.workflow.as_deref())?;
        let verdict = match matching::wait(item, policies) {
            Ok(after) => Verdict::Wake {
                follows: Follows::Workflow(entry.into()),
                paths: Paths::All,
                after,
                by_former_name: false,
            },
            Err(reason) => Verdict::Leave(reason),
        };
        Some(Candidate {
            item: Arc::clone(item),
            verdict,
        })
    };
    items.filter_map(follower).collect()
}
