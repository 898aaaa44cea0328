//! What replicas tell each other through PostgreSQL, so that nobody has to wait for the next look.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgListener};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::postgres::{CONNECT_PATIENCE, Postgres};

const CHANNEL: &str = "flux_setup";
/// A listener that heard nothing for so long connects anew: a network may have forgotten its connection.
const SILENCE: Duration = Duration::from_secs(30);
const CONNECT_AGAIN: Duration = Duration::from_secs(1);

/// What another replica has done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// It accepted a delivery.
    Inbox,
    /// It made work for a cluster.
    Work(String),
    /// It gave back a lease, or came or went.
    Lease,
    /// It asks something that is known to another, or was answered.
    Note(&'static str),
}

/// Subjects of notes of which others are told.
pub const QUESTION: &str = "question";
pub const ANSWER: &str = "answer";

impl News {
    /// Of notes of this subject, where others wait for them.
    pub(super) fn of_note(subject: &str) -> Option<Self> {
        let told = [QUESTION, ANSWER].into_iter().find(|told| *told == subject);
        told.map(Self::Note)
    }

    fn text(&self) -> String {
        match self {
            Self::Inbox => "inbox".to_owned(),
            Self::Work(cluster) => format!("work {cluster}"),
            Self::Lease => "lease".to_owned(),
            Self::Note(subject) => format!("note {subject}"),
        }
    }

    /// `None` where a later version told it.
    fn read(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            Some(("work", cluster)) => Some(Self::Work(cluster.to_owned())),
            Some(("note", subject)) => Self::of_note(subject),
            Some(_) => None,
            None if text == "inbox" => Some(Self::Inbox),
            None if text == "lease" => Some(Self::Lease),
            None => None,
        }
    }
}

/// Others hear it once the transaction is committed.
pub async fn tell(
    connection: &mut PgConnection,
    replica: &str,
    news: &News,
) -> Result<(), sqlx::Error> {
    let told = format!("{replica} {}", news.text());
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(told)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Hears what other replicas tell.
#[derive(Debug)]
pub struct Listener {
    postgres: Postgres,
    replica: Arc<str>,
    listening: Option<PgListener>,
    is_lost: bool,
}

impl Listener {
    pub(super) fn new(postgres: Postgres, replica: Arc<str>) -> Self {
        Self {
            postgres,
            replica,
            listening: None,
            is_lost: false,
        }
    }

    /// The next that another replica told. `None`: something may have been missed, so all is to be looked at.
    pub async fn next(&mut self) -> Option<News> {
        loop {
            let Some(listening) = &mut self.listening else {
                self.connect().await;
                return None;
            };
            match timeout(SILENCE, listening.try_recv()).await {
                Ok(Ok(Some(told))) => {
                    let (who, text) = told.payload().split_once(' ')?;
                    if who != &*self.replica
                        && let Some(news) = News::read(text)
                    {
                        return Some(news);
                    }
                }
                Ok(Ok(None) | Err(_)) | Err(_) => self.listening = None,
            }
        }
    }

    async fn connect(&mut self) {
        loop {
            match self.listen().await {
                Ok(listening) => {
                    self.listening = Some(listening);
                    self.is_lost = false;
                    return;
                }
                Err(fault) if !self.is_lost => {
                    self.is_lost = true;
                    warn!(%fault, "other replicas cannot be heard; it is looked what they did meanwhile");
                }
                Err(fault) => debug!(%fault, "other replicas cannot be heard yet"),
            }
            sleep(CONNECT_AGAIN).await;
        }
    }

    async fn listen(&self) -> Result<PgListener, sqlx::Error> {
        let listening = async {
            let mut listening = PgListener::connect_with(&self.postgres.pool()).await?;
            listening.eager_reconnect(false);
            listening.listen(CHANNEL).await?;
            Ok(listening)
        };
        timeout(CONNECT_PATIENCE, listening)
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_as_it_was_meant() {
        let work = News::Work("prod eu".into());
        for news in [News::Inbox, work, News::Lease, News::Note("answer")] {
            assert_eq!(News::read(&news.text()), Some(news));
        }
        for strange in ["", "inbox 2", "later", "note ledger"] {
            assert_eq!(News::read(strange), None, "{strange}");
        }
    }
}
