//! Pushes that a running `serve` knows of and that are not applied yet.

use std::collections::{BTreeSet, HashMap};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::flux::revision;
use crate::reconcile::standing::Standing;

use crate::cli::client::Client;

#[derive(Debug)]
pub(super) struct Pushes {
    /// The last one of each object, by cluster, kind, namespace and name.
    last: HashMap<(String, String, String, String), Push>,
    /// What the server calls its clusters.
    pub(super) clusters: BTreeSet<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Push {
    /// As GitHub names the delivery.
    pub(super) guid: String,
    pub(super) commit: String,
    pub(super) at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Unapplied {
    pushes: Vec<Told>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    cluster: String,
    object: Object,
    guid: String,
    commit: String,
    received_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Served {
    clusters: Vec<Cluster>,
}

#[derive(Debug, Deserialize)]
struct Cluster {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Object {
    kind: String,
    namespace: String,
    name: String,
}

impl Pushes {
    /// Asks for the last ones, and of which clusters they are.
    pub(super) fn ask(client: &Client) -> anyhow::Result<Self> {
        let told: Unapplied = serde_json::from_value(client.get("/api/v1/pushes")?)
            .context("the server answers something else than pushes")?;
        let pushes = told.pushes.into_iter().map(|told| {
            let Object {
                kind,
                namespace,
                name,
            } = told.object;
            let push = Push {
                guid: told.guid,
                commit: told.commit,
                at: told.received_at,
            };
            ((told.cluster, kind, namespace, name), push)
        });
        let served: Served = serde_json::from_value(client.get("/api/v1/clusters")?)
            .context("the server answers something else than clusters")?;
        let clusters = served.clusters.into_iter().map(|cluster| cluster.name);
        Ok(Self {
            last: pushes.collect(),
            clusters: clusters.collect(),
        })
    }

    /// What was pushed to what an object is made from, unless it has that already.
    pub(super) fn of(&self, standing: &Standing) -> Option<Push> {
        let key = &standing.origin.as_ref()?.key;
        let push = self.last.get(&(
            standing.item.cluster.to_string(),
            key.kind.name().to_owned(),
            key.namespace.to_string(),
            key.name.to_string(),
        ))?;
        let is_open = match standing.revision.as_deref() {
            None => true,
            // A version of a chart says nothing of commits.
            Some(has) => revision::commit(has).is_some_and(|has| has != push.commit),
        };
        is_open.then(|| push.clone())
    }
}

impl Push {
    /// As people tell pushes apart.
    pub(super) fn short(&self) -> String {
        self.commit[..self.commit.floor_char_boundary(7)].to_owned()
    }
}
