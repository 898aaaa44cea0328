//! The part of a fleet that `render --check --against` is asked for, and what may have been of it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::config::{ENVIRONMENT_LABEL, PROJECT_LABEL};
use crate::plan::{Plan, Selection};
use crate::render::{Manifest, ObjectName};

/// The clusters for which something is rendered; `None` for no certain one.
type Clusters = HashSet<Option<Arc<str>>>;

/// A part of a fleet, beside the whole.
#[derive(Debug)]
pub(super) struct Asked<'s> {
    selection: &'s Selection,
    /// The objects of it that are rendered.
    pub(super) objects: HashSet<ObjectName>,
    rendered: Clusters,
    /// Those with an environment and cluster that is asked for, whatever the project.
    reached: Clusters,
    /// Those that there are.
    environments: HashSet<Arc<str>>,
}

impl<'s> Asked<'s> {
    /// What is asked for of a plan; its objects come once they are rendered.
    pub(super) fn of(plan: &Plan<'_>, selection: &'s Selection) -> Self {
        let objects = plan.objects.iter();
        let reached = objects
            .clone()
            .filter(|one| selection.has_site(&one.environment, one.cluster.as_deref()));
        Self {
            selection,
            objects: HashSet::new(),
            reached: reached.map(|one| one.cluster.clone()).collect(),
            rendered: objects.clone().map(|one| one.cluster.clone()).collect(),
            environments: objects.map(|one| one.environment.clone()).collect(),
        }
    }

    /// The one cluster of which all is that is asked for.
    pub(super) fn cluster(&self) -> Option<&Arc<str>> {
        let mut reached = self.reached.iter();
        match (reached.next(), reached.next()) {
            (Some(only), None) => only.as_ref(),
            _ => None,
        }
    }

    /// Whether something is rendered for more clusters than that.
    pub(super) fn has_several_clusters(&self) -> bool {
        self.rendered.len() > 1
    }

    pub(super) fn reaches(&self, cluster: Option<&str>) -> bool {
        self.reached.iter().any(|one| one.as_deref() == cluster)
    }

    /// Whether an old object that is not rendered may have been of it: its labels say what they can, then
    /// what is rendered for its cluster. Of what nothing tells apart more is told rather than less.
    pub(super) fn may_have(&self, old: &Manifest) -> bool {
        let cluster = &old.object.cluster;
        let environment = old.our_label(ENVIRONMENT_LABEL);
        // one that is no more may be called otherwise now
        let environment = environment.filter(|name| self.environments.contains(*name));
        let project = old.our_label(PROJECT_LABEL);
        let may_be_of_environment = environment.is_some()
            || cluster.is_none()
            || self.reached.contains(cluster)
            || !self.rendered.contains(cluster);
        may_be_of_environment
            && self
                .selection
                .may_have(environment, cluster.as_deref(), project)
    }
}
