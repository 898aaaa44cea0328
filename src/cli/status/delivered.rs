//! The delivery by which a running `serve` was told of a commit.

use std::collections::BTreeSet;

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::delivery::CommitName;

use crate::cli::client::Client;
use crate::cli::clusters::refuse_several;

/// So many pages are read at most, of as many deliveries as a server gives at once.
const MOST_PAGES: usize = 10;
const PAGE: usize = 500;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delivered {
    pub(super) guid: String,
    /// `owner/name`.
    pub(super) repository: String,
    pub(super) commit: String,
    pub(super) received_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Page {
    deliveries: Vec<Told>,
    next: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Told {
    OfCommit(Delivered),
    Other {},
}

impl Delivered {
    /// The last one, among the newest that the server has.
    pub(super) fn find(client: &Client, commit: &CommitName) -> anyhow::Result<Option<Self>> {
        let mut path = format!("/api/v1/deliveries?limit={PAGE}");
        for _ in 0..MOST_PAGES {
            let page: Page = serde_json::from_value(client.get(&path)?)
                .context("the server answers something else than deliveries")?;
            let of_commit = page.deliveries.into_iter().filter_map(|told| match told {
                Told::OfCommit(delivered) => Some(delivered),
                Told::Other {} => None,
            });
            let mut found: Vec<Self> = of_commit
                .filter(|delivered| delivered.commit.starts_with(commit.as_str()))
                .collect();
            let commits = found.iter().map(|delivered| delivered.commit.clone());
            refuse_several(commit, commits.collect::<BTreeSet<_>>())?;
            if !found.is_empty() {
                return Ok(Some(found.swap_remove(0)));
            }
            let Some(next) = page.next else { break };
            path = format!("/api/v1/deliveries?limit={PAGE}&before={next}");
        }
        Ok(None)
    }
}
