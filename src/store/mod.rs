//! The only SQL: deliveries and their work, kept so that nothing accepted is ever lost.
//!
//! ```text
//! accept, write, beat, note, prune, check -> writer: one transaction and one sync for all that wait -> SQLite or PostgreSQL
//! unmatched, open_work, delivery, notes, counts ...  <--------------- readers ---------------------------'
//! ```

mod accept;
mod change;
mod checkpoint;
mod fault;
mod head;
mod inbox;
mod lock;
mod model;
mod note;
mod pool;
mod prune;
mod read;
mod row;
mod same_file;
mod schema;
mod sound;
mod url;
mod writer;

pub use fault::StoreError;
pub use inbox::Store;
pub use model::{
    Accepted, Counts, DeliveryId, Filter, Limits, NewWork, StoredDelivery, StoredWork, WorkId,
    Write,
};
pub use url::StoreUrl;
