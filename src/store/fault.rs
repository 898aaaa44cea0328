//! What can go wrong with the store.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{}: another process has this store open; each needs a file of its own, or all one PostgreSQL", path.display())]
    InUse { path: PathBuf },
    #[error(
        "the store was written by a newer flux-setup (its schema is {found}, this program knows {known}); use that version, or another store"
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "the store holds {limit} deliveries that are not finished, and takes no more until some are"
    )]
    Backlog { limit: u64 },
    #[error("cannot {what}")]
    Sql {
        what: &'static str,
        source: sqlx::Error,
    },
}
