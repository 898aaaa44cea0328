//! Small texts that are remembered from one run to the next, by subject and name.

use super::fault::StoreError;
use super::head::Head;
use super::news::News;
use super::pool::{Pool, Session, on};
use super::row;

/// Changes of one subject that are made together.
#[derive(Debug)]
pub enum Noting {
    Note {
        subject: &'static str,
        /// Name and content.
        notes: Vec<(String, String)>,
    },
    Forget {
        subject: &'static str,
        names: Vec<String>,
    },
}

pub async fn change(
    session: &mut Session,
    head: &mut Head,
    noting: &Noting,
) -> Result<(), StoreError> {
    match noting {
        Noting::Note { subject, notes } => {
            if let Some(news) = News::of_note(subject) {
                head.tell(news);
            }
            for (name, content) in notes {
                keep(session, subject, name, content).await?;
            }
        }
        Noting::Forget { subject, names } => {
            for name in names {
                forget(session, subject, name).await?;
            }
        }
    }
    Ok(())
}

/// All notes of a subject, by name.
pub async fn all(pool: &Pool, subject: &str) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT name, content FROM note WHERE subject = $1 ORDER BY name";
    on!(pool.reader().await?.connection(), connection => {
        sqlx::query_as(sql).bind(subject).fetch_all(connection).await
    })
    .map_err(|fault| StoreError::sql("read what was noted", fault))
}

/// Names alone, for the notes may be long.
pub async fn names(pool: &Pool, subject: &str, limit: u32) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT name FROM note WHERE subject = $1 ORDER BY name LIMIT $2";
    on!(pool.reader().await?.connection(), connection => {
        sqlx::query_scalar(sql)
            .bind(subject)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await
    })
    .map_err(|fault| StoreError::sql("read what was noted", fault))
}

/// One note of a subject.
pub async fn one(pool: &Pool, subject: &str, name: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT content FROM note WHERE subject = $1 AND name = $2";
    on!(pool.reader().await?.connection(), connection => {
        sqlx::query_scalar(sql)
            .bind(subject)
            .bind(row::text(name))
            .fetch_optional(connection)
            .await
    })
    .map_err(|fault| StoreError::sql("read what was noted", fault))
}

async fn keep(
    session: &mut Session,
    subject: &str,
    name: &str,
    content: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO note (subject, name, content) VALUES ($1, $2, $3) \
        ON CONFLICT (subject, name) DO UPDATE SET content = excluded.content";
    on!(session.connection(), connection => {
        sqlx::query(sql)
            .bind(subject)
            .bind(row::text(name))
            .bind(row::text(content))
            .execute(connection)
            .await
            .map(|_| ())
    })
    .map_err(|fault| StoreError::sql("note something", fault))
}

async fn forget(session: &mut Session, subject: &str, name: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM note WHERE subject = $1 AND name = $2";
    on!(session.connection(), connection => {
        sqlx::query(sql)
            .bind(subject)
            .bind(row::text(name))
            .execute(connection)
            .await
            .map(|_| ())
    })
    .map_err(|fault| StoreError::sql("forget a note", fault))
}
