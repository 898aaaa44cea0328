//! The store as the service uses it, on SQLite and on PostgreSQL.

#![expect(
    clippy::unwrap_used,
    reason = "each test is a function that runs on both databases, which clippy takes for no test"
)]

mod child;
mod faults;
mod flow;
mod leases;
mod model;
mod opening;
mod postgres;
mod pruning;
pub mod servers;

use std::path::Path;
use std::sync::Arc;

use flux_setup::catalog::{ItemKey, Kind};
use flux_setup::delivery::{
    Delivery, DeliveryKey, DeliveryState, Event, Guid, Repository, WebhookName, WorkState,
};
use flux_setup::store::{Accepted, DeliveryId, Limits, NewWork, Store, StoreUrl, Write};
use jiff::Timestamp;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn guid(number: u32) -> Guid {
    Guid::read(&format!("72d3162e-cc78-11e3-81ab-{number:012x}")).unwrap()
}

/// A delivery of `acme/web` through the webhook `acme`.
fn delivery(number: u32) -> Delivery {
    Delivery {
        key: DeliveryKey {
            webhook: WebhookName("acme".into()),
            guid: guid(number),
        },
        received_at: at(1_000 + i64::from(number)),
        repository: Some(Repository {
            id: 7,
            full_name: "Acme/Web".into(),
            host: "github.com".into(),
            html_url: None,
            clone_url: None,
            ssh_url: None,
            default_branch: None,
        }),
        organization: None,
        installation: None,
        event: Event::Ping,
    }
}

fn object(name: &str) -> NewWork {
    NewWork {
        cluster: "prod".into(),
        object: Some(ItemKey {
            kind: Kind::GitRepository,
            namespace: "flux-system".into(),
            name: name.into(),
        }),
        state: WorkState::Accepted { at: at(1_000) },
    }
}

/// A cluster that was not listed yet.
fn unlisted(cluster: &str) -> NewWork {
    NewWork {
        cluster: Arc::from(cluster),
        object: None,
        state: WorkState::Accepted { at: at(1_000) },
    }
}

fn matched(delivery: DeliveryId, work: Vec<NewWork>) -> Write {
    let items = u32::try_from(work.len()).unwrap();
    Write::Matched {
        delivery,
        state: DeliveryState::matched(items, at(2_000)),
        work,
    }
}

fn gone(second: i64) -> WorkState {
    WorkState::Gone { at: at(second) }
}

fn sqlite(folder: &Path) -> StoreUrl {
    StoreUrl::read("sqlite:store.db", folder).unwrap()
}

async fn opened(url: &StoreUrl) -> Store {
    Store::open(url, Limits::default()).await.unwrap()
}

async fn new(store: &Store, number: u32) -> DeliveryId {
    match store.accept(&delivery(number)).await.unwrap() {
        Accepted::New(id) => id,
        other => panic!("{other:?}"),
    }
}
