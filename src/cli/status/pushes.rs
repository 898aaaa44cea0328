//! Pushes that a running `serve` knows of and that are not applied yet.

use std::collections::HashMap;

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::flux::revision;
use crate::reconcile::standing::Standing;

use crate::cli::client::Client;

/// Deliveries that are looked at, the newest first.
const MOST: usize = 100;

/// The last one of each object, by cluster, kind, namespace and name.
#[derive(Debug)]
pub(super) struct Pushes(HashMap<(String, String, String, String), Push>);

#[derive(Debug, Clone, Serialize)]
pub(super) struct Push {
    /// As GitHub names the delivery.
    pub(super) guid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    pub(super) at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Page {
    deliveries: Vec<Summary>,
}

#[derive(Debug, Deserialize)]
struct Stories {
    deliveries: Vec<Story>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    guid: String,
    commit: Option<String>,
    state: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Story {
    guid: String,
    received_at: Timestamp,
    commit: Option<String>,
    work: Vec<Work>,
}

#[derive(Debug, Deserialize)]
struct Work {
    cluster: String,
    object: Option<Object>,
    state: String,
    proof: Option<Proof>,
}

#[derive(Debug, Deserialize)]
struct Proof {
    state: String,
}

#[derive(Debug, Deserialize)]
struct Object {
    kind: String,
    namespace: String,
    name: String,
}

impl Pushes {
    /// Asks for the last ones.
    pub(super) fn ask(client: &Client) -> anyhow::Result<Self> {
        let answer = client.get(&format!("/api/v1/deliveries?limit={MOST}"))?;
        let page: Page = read(answer)?;
        let mut pushes: HashMap<_, Option<Push>> = HashMap::new();
        // Of no other one it can be said whether it was applied.
        let told = page.deliveries.into_iter().filter(|it| it.commit.is_some());
        for Summary { guid, .. } in told.filter(|it| it.state != "nothing") {
            let stories: Stories = read(client.get(&format!("/api/v1/deliveries/{guid}"))?)?;
            for story in stories.deliveries {
                let push = Push {
                    guid: story.guid,
                    commit: story.commit,
                    at: story.received_at,
                };
                for work in story.work {
                    let is_open = work.is_open();
                    if let Some(object) = work.object {
                        let key = (work.cluster, object.kind, object.namespace, object.name);
                        // The newest comes first.
                        let last = pushes.entry(key);
                        last.or_insert_with(|| is_open.then(|| push.clone()));
                    }
                }
            }
        }
        let open = pushes.into_iter();
        let open = open.filter_map(|(key, push)| Some((key, push?)));
        Ok(Self(open.collect()))
    }

    /// What was pushed to what an object is made from, unless it has that already.
    pub(super) fn of(&self, standing: &Standing) -> Option<Push> {
        let key = &standing.origin.as_ref()?.key;
        let push = self.0.get(&(
            standing.item.cluster.to_string(),
            key.kind.name().to_owned(),
            key.namespace.to_string(),
            key.name.to_string(),
        ))?;
        let is_open = match standing.revision.as_deref() {
            None => true,
            // A version of a chart says nothing of commits.
            Some(has) => {
                revision::commit(has).is_some_and(|has| Some(has) != push.commit.as_deref())
            }
        };
        is_open.then(|| push.clone())
    }
}

impl Work {
    /// Whether it may not have come to what it was woken for.
    fn is_open(&self) -> bool {
        let is_over = matches!(&*self.state, "gone" | "optedOut" | "shadowed" | "overtaken");
        let proof = self.proof.as_ref().map(|proof| &*proof.state);
        !is_over && !matches!(proof, Some("proven" | "overtaken" | "gone"))
    }
}

impl Push {
    /// As people tell pushes apart.
    pub(super) fn short(&self) -> String {
        let text = self.commit.as_deref().unwrap_or(&self.guid);
        text[..text.floor_char_boundary(7)].to_owned()
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: serde_json::Value) -> anyhow::Result<T> {
    serde_json::from_value(answer).context("the server answers something else than deliveries")
}
