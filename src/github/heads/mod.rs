//! Asks where refs point: a hundred of them by one query that costs one point.
//!
//! ```text
//! RepositoryQuestion ... -> query: one field a repository, one alias a ref -> answer: heads, or why not
//! owner -> recency: which of its repositories were pushed to since
//! ```

mod answer;
mod ask;
mod query;
mod question;
mod recency;

pub use answer::{RefAnswer, RepositoryFault, RepositoryHeads, TaggedCommit};
pub use ask::{Answered, ask, ask_recency};
pub use query::query;
pub use question::{Asked, RepositoryQuestion};
pub use recency::{Recency, Recent, recency_query};
