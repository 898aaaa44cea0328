//! The deliveries that were kept, and what became of each.

use std::error::Error;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::ItemKey;
use crate::delivery::{DeliveryState, Event, Guid, Proof, Stage, WorkState};
use crate::server::state::AppState;
use crate::store::{DeliveryId, Filter, StoredDelivery, StoredWork};

use super::fault::ApiFault;

const LIMIT_UNASKED: u32 = 50;
const LIMIT_MOST: u32 = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// `owner/name`, in any case.
    repository: Option<String>,
    state: Option<String>,
    /// The `next` of an earlier answer.
    before: Option<i64>,
    limit: Option<u32>,
}

#[derive(Debug, Serialize)]
pub(super) struct Page {
    deliveries: Vec<Summary>,
    /// To be given as `before` for those that came earlier; left out where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    id: i64,
    webhook: String,
    guid: Guid,
    received_at: Timestamp,
    event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    /// How many objects, and clusters that are not seen now, it is to wake.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Stories {
    /// One for each webhook that was told of it.
    deliveries: Vec<Story>,
}

#[derive(Debug, Serialize)]
struct Story {
    #[serde(flatten)]
    summary: Summary,
    /// What GitHub said, as far as it was kept.
    said: Event,
    work: Vec<Work>,
}

#[derive(Debug, Serialize)]
struct Work {
    id: i64,
    cluster: String,
    /// `null` as long as the cluster was not listed.
    object: Option<Object>,
    /// Its state with its times.
    #[serde(flatten)]
    state: WorkState,
    /// What became of it after it was annotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Told>,
}

#[derive(Debug, Serialize)]
struct Told {
    /// The last that was reached.
    stage: Stage,
    #[serde(flatten)]
    proof: Box<Proof>,
}

#[derive(Debug, Serialize)]
pub(super) struct Object {
    kind: &'static str,
    namespace: String,
    name: String,
}

/// `GET /api/v1/deliveries`
pub(super) async fn list(
    State(state): State<AppState>,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Json<Page>, ApiFault> {
    let Query(question) = question.map_err(|fault| rejected(&fault))?;
    let filter = question.filter()?;
    let found = state.store.deliveries(&filter).await;
    let deliveries: Vec<_> = found
        .map_err(ApiFault::store)?
        .into_iter()
        .map(Summary::of)
        .collect();
    let is_full = deliveries.len() == filter.limit as usize;
    let next = deliveries.last().filter(|_| is_full).map(|last| last.id);
    Ok(Json(Page { deliveries, next }))
}

/// `GET /api/v1/deliveries/{guid}`
pub(super) async fn story(
    State(state): State<AppState>,
    Path(guid): Path<String>,
) -> Result<Json<Stories>, ApiFault> {
    let guid = Guid::read(&guid)
        .map_err(|reason| ApiFault::bad_request(format!("this is no GUID: {reason}")))?;
    let found = state.store.delivery(&guid).await.map_err(ApiFault::store)?;
    if found.is_empty() {
        let reason = format!("no delivery `{guid}` is kept; it never came, or came too long ago");
        return Err(ApiFault::new(StatusCode::NOT_FOUND, reason));
    }
    let deliveries = found.into_iter().map(|(delivery, work)| Story {
        said: delivery.delivery.event.clone(),
        summary: Summary::of(delivery),
        work: work.into_iter().map(Work::of).collect(),
    });
    Ok(Json(Stories {
        deliveries: deliveries.collect(),
    }))
}

/// Says which parameter of a query is of no use.
pub(super) fn rejected(fault: &QueryRejection) -> ApiFault {
    // The cause says which; the fault itself only that there is one.
    let cause = fault.source().map(ToString::to_string);
    ApiFault::bad_request(cause.unwrap_or_else(|| fault.body_text()))
}

impl Question {
    fn filter(self) -> Result<Filter, ApiFault> {
        if let Some(state) = &self.state
            && !DeliveryState::NAMES.contains(&state.as_str())
        {
            let known = DeliveryState::NAMES.join(", ");
            let reason = format!("unknown state `{state}`; known: {known}");
            return Err(ApiFault::bad_request(reason));
        }
        let limit = self.limit.unwrap_or(LIMIT_UNASKED);
        if !(1..=LIMIT_MOST).contains(&limit) {
            let reason = format!("`limit` is a number from 1 to {LIMIT_MOST}");
            return Err(ApiFault::bad_request(reason));
        }
        Ok(Filter {
            repository: self.repository,
            state: self.state,
            before: self.before.map(DeliveryId),
            limit,
        })
    }
}

impl Summary {
    fn of(stored: StoredDelivery) -> Self {
        let StoredDelivery {
            id,
            delivery,
            state,
        } = stored;
        let (items, reason) = match &state {
            DeliveryState::Accepted => (None, None),
            DeliveryState::Nothing { reason, .. } => (None, Some(reason.to_string())),
            DeliveryState::Working { items, .. } | DeliveryState::Done { items, .. } => {
                (Some(*items), None)
            }
            DeliveryState::Failed { reason, .. } => (None, Some(reason.clone())),
        };
        let Heading {
            event,
            action,
            reference,
            commit,
        } = Heading::by(&delivery.event);
        Self {
            id: id.0,
            webhook: delivery.key.webhook.0,
            guid: delivery.key.guid,
            received_at: delivery.received_at,
            event,
            action,
            repository: delivery.repository.map(|repository| repository.full_name),
            reference,
            commit,
            state: state.name(),
            ended_at: state.ended_at(),
            items,
            reason,
        }
    }
}

/// What a line about an event shows.
pub(super) struct Heading {
    event: String,
    action: Option<String>,
    reference: Option<String>,
    pub(super) commit: Option<String>,
}

impl Heading {
    pub(super) fn by(event: &Event) -> Self {
        let mut told = Self {
            event: String::new(),
            action: None,
            reference: None,
            commit: None,
        };
        told.event = match event {
            Event::Ping => "ping",
            Event::Push(change) => {
                told.reference = Some(change.reference.to_string());
                told.commit = change.commit().map(ToString::to_string);
                "push"
            }
            Event::Create { reference } => {
                told.reference = Some(reference.to_string());
                "create"
            }
            Event::Delete { reference } => {
                told.reference = Some(reference.to_string());
                "delete"
            }
            Event::Package(package) => {
                told.action = Some(package.action.clone());
                told.reference = package.tag.clone();
                "package"
            }
            Event::Release(release) => {
                told.action = Some(release.action.clone());
                told.reference = Some(release.tag.to_string());
                "release"
            }
            Event::Repository(_) => "repository",
            Event::Gap { .. } => "gap",
            Event::Restored { .. } => "restored",
            Event::Head(head) => {
                told.reference = Some(head.reference.to_string());
                told.commit = Some(head.commit.to_string());
                "head"
            }
            Event::WorkflowRun(run) => {
                told.action = Some(run.action.clone());
                told.reference.clone_from(&run.head_branch);
                told.commit = run.head_commit.as_ref().map(ToString::to_string);
                "workflow_run"
            }
            Event::Other { name, action } => {
                told.action.clone_from(action);
                name
            }
        }
        .to_owned();
        told
    }
}

impl Work {
    fn of(stored: StoredWork) -> Self {
        Self {
            id: stored.id.0,
            cluster: stored.cluster.to_string(),
            object: stored.object.map(Object::of),
            state: stored.state,
            proof: stored.proof.map(|proof| Told {
                stage: proof.stage(),
                proof,
            }),
        }
    }
}

impl Object {
    pub(super) fn of(key: ItemKey) -> Self {
        Self {
            kind: key.kind.name(),
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
        }
    }
}
