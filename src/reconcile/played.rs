//! Deliveries as tests play them: of a repository on github.com.

use jiff::Timestamp;

use crate::delivery::{Delivery, DeliveryKey, Event, Guid, Repository, WebhookName};

/// What a webhook tells as its delivery of that number.
pub(super) fn delivery(
    webhook: &str,
    number: usize,
    (id, full_name): (u64, &str),
    event: Event,
) -> Delivery {
    Delivery {
        key: DeliveryKey {
            webhook: WebhookName(webhook.into()),
            guid: Guid::read(&format!("a-{number}")).expect("it is a GUID"),
        },
        received_at: Timestamp::UNIX_EPOCH,
        repository: Some(Repository {
            id,
            full_name: full_name.into(),
            host: "github.com".into(),
            html_url: None,
            clone_url: None,
            ssh_url: None,
            default_branch: None,
        }),
        organization: None,
        installation: None,
        event,
    }
}
