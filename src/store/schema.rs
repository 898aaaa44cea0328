//! The tables, and how an older store becomes a newer one.

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::fault::StoreError;
use super::pool::Pool;

/// Each is made once and never changed.
const MIGRATIONS: [(i64, &str, &str); 5] = [
    (1, "inbox", include_str!("schema/0001_inbox.sql")),
    (2, "notes", include_str!("schema/0002_notes.sql")),
    (3, "proof", include_str!("schema/0003_proof.sql")),
    (4, "leases", include_str!("schema/0004_leases.sql")),
    (5, "unapplied", include_str!("schema/0005_unapplied.sql")),
];

/// Brings the tables to what this program knows.
///
/// # Errors
/// A store that a newer program wrote, or one whose migration failed half-way.
pub async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    let known = MIGRATIONS.map(|(version, ..)| version).into_iter().max();
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, sql.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(migrations.into());
    let migrated = match pool {
        Pool::Sqlite { writer, .. } => migrator.run(writer).await,
        Pool::Postgres(postgres) => migrator.run(&postgres.pool()).await,
    };
    migrated.map_err(|fault| match fault {
        MigrateError::VersionMissing(found) => StoreError::Newer {
            found,
            known: known.unwrap_or_default(),
        },
        MigrateError::Dirty(version) => StoreError::HalfMigrated { version },
        MigrateError::VersionMismatch(version) => StoreError::OtherSchema { version },
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            StoreError::sql("bring the store's tables up to date", source)
        }
        other => StoreError::sql(
            "bring the store's tables up to date",
            sqlx::Error::Migrate(Box::new(other)),
        ),
    })
}
