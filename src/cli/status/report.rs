//! What is shown of clusters, as machines read it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{Item, ItemKey};
use crate::flux::duration;
use crate::reconcile::standing::{Health, Place, Standing, Together};

use crate::cli::clusters::NotSeen;

use super::delivered::Delivered;
use super::pushes::Push;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// Where the commit is, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) places: Option<Vec<PlaceShown>>,
    pub(super) objects: Vec<Shown>,
    #[serde(flatten)]
    pub(super) not_seen: NotSeen,
    /// Clusters of which the server that was asked for pushes knows nothing by this name.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) unknown_to_server: BTreeSet<String>,
    /// The delivery that told of the commit, where no object has it and a server knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delivered: Option<Delivered>,
    /// What the server calls its clusters; `None`: none was asked for pushes.
    #[serde(skip)]
    pub(super) served: Option<BTreeSet<String>>,
    /// How many clusters were looked at.
    #[serde(skip)]
    pub(super) clusters: usize,
}

/// One object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    pub(super) environment: Option<String>,
    pub(super) project: Option<String>,
    pub(super) cluster: String,
    pub(super) object: Object,
    pub(super) revision: Option<String>,
    /// Since when.
    pub(super) revision_at: Option<Timestamp>,
    pub(super) interval: Option<String>,
    pub(super) health: Health,
    pub(super) suspended: bool,
    /// The reason and the message of its condition `Ready`, where that is not true.
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) push: Option<Push>,
    #[serde(skip)]
    pub(super) item: Arc<Item>,
}

#[derive(Debug, Serialize)]
pub(super) struct Object {
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// Where a commit is, in one environment and cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlaceShown {
    pub(super) environment: Option<String>,
    pub(super) cluster: String,
    /// Or the object, where it is of no project.
    pub(super) project: String,
    pub(super) place: Place,
    /// Of what applies something, how many run it.
    pub(super) run: usize,
    pub(super) of: usize,
    /// All do.
    pub(super) runs: bool,
    pub(super) revision: Option<String>,
    pub(super) revision_at: Option<Timestamp>,
}

impl Shown {
    pub(super) fn of(standing: &Standing, place: Option<Place>, push: Option<Push>) -> Self {
        let item = &standing.item;
        let ItemKey {
            kind,
            namespace,
            name,
        } = &item.key;
        let ready = item.ready.as_ref();
        let ready = ready.filter(|_| standing.health != Health::Ready);
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        Self {
            environment: text(&item.environment),
            project: text(&item.project),
            cluster: item.cluster.to_string(),
            object: Object {
                kind: kind.name(),
                namespace: namespace.to_string(),
                name: name.to_string(),
            },
            revision: text(&standing.revision),
            revision_at: standing.since,
            interval: item.interval.map(duration::write),
            health: standing.health,
            suspended: item.suspended,
            reason: ready.map(|ready| ready.reason.to_string()),
            message: ready.map(|ready| ready.message.to_string()),
            place,
            push,
            item: Arc::clone(item),
        }
    }

    /// By environment, project, cluster, kind and name; what is of no project comes last.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        fn key(shown: &Shown) -> (bool, &Option<String>, &Option<String>, &str, &ItemKey) {
            let Shown {
                environment,
                project,
                cluster,
                item,
                ..
            } = shown;
            (project.is_none(), environment, project, cluster, &item.key)
        }
        key(self).cmp(&key(other))
    }
}

/// One for each project in each environment and cluster, and for each object that is of none.
pub(super) fn places(objects: &[Shown]) -> Vec<PlaceShown> {
    let mut groups: BTreeMap<(bool, Option<&str>, &str, String), Vec<&Shown>> = BTreeMap::new();
    for shown in objects {
        let project = match &shown.project {
            Some(project) => project.clone(),
            None => shown.item.key.typed(),
        };
        let environment = shown.environment.as_deref();
        let key = (
            shown.project.is_none(),
            environment,
            &*shown.cluster,
            project,
        );
        groups.entry(key).or_default().push(shown);
    }
    let places = groups
        .into_iter()
        .map(|((_, environment, cluster, project), of)| {
            let applies = |shown: &Shown| !shown.item.key.kind.is_source();
            let all: Vec<_> = of
                .iter()
                .filter_map(|shown| Some((shown.place?, applies(shown))))
                .collect();
            let together = Together::of(&all);
            // What runs is told by what applies something, the one that is furthest behind first.
            let behind = of.iter().min_by_key(|shown| (!applies(shown), shown.place));
            PlaceShown {
                environment: environment.map(str::to_owned),
                cluster: cluster.to_owned(),
                project,
                place: together.place,
                run: together.run,
                of: together.of,
                runs: together.runs(),
                revision: behind.and_then(|shown| shown.revision.clone()),
                revision_at: behind.and_then(|shown| shown.revision_at),
            }
        });
    places.collect()
}
