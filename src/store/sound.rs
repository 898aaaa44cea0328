//! Whether a file that is there is a store of ours and whole; it is only looked at.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::fault::StoreError;

/// # Errors
/// It is damaged, is no database, or is that of another program.
pub async fn check(path: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = options
        .connect()
        .await
        .map_err(|fault| StoreError::sql("open the store", fault))?;
    let checked = check_with(&mut connection, path).await;
    // It wrote nothing, so there is nothing that could go wrong.
    let _ = connection.close().await;
    checked
}

async fn check_with(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let tables: Vec<(String,)> = sqlx::query_as(sql)
        .fetch_all(&mut *connection)
        .await
        .map_err(|fault| StoreError::sql("read the store", fault))?;
    let has = |name: &str| tables.iter().any(|(table,)| table == name);
    if !tables.is_empty() && !has("_sqlx_migrations") {
        return Err(StoreError::NotOurs {
            path: path.to_owned(),
        });
    }
    let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await
        .map_err(|fault| StoreError::sql("read the store", fault))?;
    if verdict != "ok" {
        return Err(StoreError::Damaged {
            source: std::sync::Arc::new(sqlx::Error::Protocol(verdict)),
        });
    }
    Ok(())
}
