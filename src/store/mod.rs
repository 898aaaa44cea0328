//! The only SQL: deliveries and their work, kept so that nothing accepted is ever lost.
//!
//! ```text
//! accept, write, beat, note, prune, check -> writer: one transaction and one sync for all that wait -> SQLite or PostgreSQL
//! unmatched, open_work, delivery, notes, counts ...  <--------------- readers ---------------------------'
//! ```
//!
//! Several replicas may share PostgreSQL: who holds a lease writes under its fence, and news tell the others.

mod accept;
mod change;
mod checkpoint;
mod fault;
mod fence;
mod head;
mod history;
mod inbox;
mod lease;
mod lock;
mod model;
mod news;
mod note;
mod pool;
mod postgres;
mod prune;
mod pulse;
mod read;
mod row;
mod same_file;
mod schema;
mod sound;
mod url;
mod writer;

pub use fault::StoreError;
pub use fence::Fence;
pub use inbox::Store;
pub use lease::{ACT, Board, LEASE, LeaseRow, Leases};
pub use model::{
    Accepted, Counts, DeliveryId, Filter, Limits, NewWork, StoredDelivery, StoredWork, WorkId,
    Write,
};
pub use news::{ANSWER, Listener, News, QUESTION};
pub use url::StoreUrl;
