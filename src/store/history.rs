//! Whether the database is still the one that was read: another server that takes over may lack the last that was written.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::postgres::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// The cluster of databases and its timeline, which is another one after each promotion and each restored backup.
const NAME: &str = "SELECT system_identifier || '/' || \
    left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system()";

/// The history that connections belong to; a clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Histories(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    name: Option<String>,
    /// Told where another takes its place.
    ended: CancellationToken,
}

impl Histories {
    /// Asks a new connection; the token is told once others belong to another history. A server that does not say
    /// which it has, as some that are rented do not, is taken for the same.
    pub async fn of(&self, connection: &mut PgConnection) -> CancellationToken {
        let name = sqlx::query_scalar(NAME).fetch_one(connection).await;
        self.is_now(name.ok())
    }

    fn is_now(&self, name: Option<String>) -> CancellationToken {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if name.is_some() && known.name != name {
            let before = known.name.replace(name.unwrap_or_default());
            if before.is_some() {
                warn!(
                    "another server has taken over for PostgreSQL; what is held is let go and taken anew"
                );
                std::mem::take(&mut known.ended).cancel();
            }
        }
        known.ended.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_ends_where_another_takes_its_place_and_not_where_nothing_is_said() {
        let histories = Histories::default();
        let unknown = histories.is_now(None);
        let first = histories.is_now(Some("7/1".into()));
        histories.is_now(Some("7/1".into()));
        histories.is_now(None);
        assert!(!unknown.is_cancelled() && !first.is_cancelled());
        let second = histories.is_now(Some("7/2".into()));
        assert!(unknown.is_cancelled() && first.is_cancelled() && !second.is_cancelled());
    }
}
