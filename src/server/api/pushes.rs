//! The last push to each object that it may not have applied yet, however many deliveries came since then.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;

use crate::delivery::Guid;
use crate::server::state::AppState;

use super::deliveries::{Heading, Object};
use super::fault::ApiFault;

/// At most so much work is looked at, the newest first.
const MOST: u32 = 10_000;

#[derive(Debug, Serialize)]
pub(super) struct Pushes {
    pushes: Vec<Push>,
    /// Older ones are left off.
    more: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Push {
    cluster: String,
    object: Object,
    guid: Guid,
    commit: String,
    received_at: Timestamp,
}

/// `GET /api/v1/pushes`
pub(super) async fn unapplied(State(state): State<AppState>) -> Result<Json<Pushes>, ApiFault> {
    let found = state.store.unapplied(MOST).await;
    let mut work_found = 0;
    let mut seen = HashSet::new();
    let mut pushes = Vec::new();
    for (stored, work) in found.map_err(ApiFault::store)? {
        work_found += work.len();
        // Of no other one it can be said whether it was applied.
        let Some(commit) = Heading::by(&stored.delivery.event).commit else {
            continue;
        };
        for work in work {
            let Some(object) = work.object else { continue };
            if seen.insert((work.cluster.clone(), object.clone())) {
                pushes.push(Push {
                    cluster: work.cluster.to_string(),
                    object: Object::of(object),
                    guid: stored.delivery.key.guid.clone(),
                    commit: commit.clone(),
                    received_at: stored.delivery.received_at,
                });
            }
        }
    }
    let more = work_found >= MOST as usize;
    Ok(Json(Pushes { pushes, more }))
}
