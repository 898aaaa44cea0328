//! Brings what SQLite has in its log into its file, beside those who write.
//!
//! SQLite does so by itself in the middle of a commit, where a delivery waits for it. When it comes to that here, nearly
//! all is done already; then the log begins anew, which bounds it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqlitePool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// How often at most.
const PAUSE: Duration = Duration::from_secs(1);
/// Pages of the log from which on a commit brings the rest into the file: 32 MiB.
pub const LOG_PAGES: &str = "8192";

/// Runs until `closing`; `written` tells of each commit.
pub async fn run(readers: SqlitePool, written: Arc<Notify>, closing: CancellationToken) {
    let waiting = async {
        loop {
            written.notified().await;
            tokio::time::sleep(PAUSE).await;
            // Passive: it waits for nobody, and nobody waits for it.
            let done = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
                .execute(&readers)
                .await;
            if let Err(fault) = done {
                // Those who write say what is wrong, and to whom it matters.
                debug!(%fault, "what is in the store's log stays there for now");
            }
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = waiting => {}
    }
}
