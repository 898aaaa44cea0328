//! Finds what GitHub never delivered, and whether our webhooks are as they should be.
//!
//! Each webhook that an identity may ask about has its list of deliveries read every so often, from the
//! newest down to where the last reading began. What is not in the store is fetched with its payload and
//! accepted like what comes to the door, under the same key, so that nothing is done twice. A first start
//! looks back to itself and no further, so that it wakes nothing for what happened before.

mod asking;
mod cursor;
mod hook;
mod later;
mod means;
mod metrics;
mod missed;
mod report;
mod repositories;
mod run;
mod single;
mod tally;

pub use means::{AuditSubject, AuditedWebhook};
pub use metrics::WebhookMetrics;
pub use report::{Repositories, WebhookBoard, WebhookReport};
pub use run::Audit;
