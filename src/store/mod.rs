//! The only SQL: deliveries and their work, kept so that nothing accepted is ever lost.

mod fault;
mod model;
mod url;

pub use fault::StoreError;
pub use model::{
    Accepted, DeliveryId, Filter, Heartbeat, Limits, NewWork, StoredDelivery, StoredWork, WorkId,
    Write,
};
pub use url::StoreUrl;
