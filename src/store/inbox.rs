//! The store as others use it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::delivery::{Delivery, Guid, PushedRef};

use super::accept::NewDelivery;
use super::fault::StoreError;
use super::fence::Fence;
use super::lease::Leases;
use super::lock::{FileLock, private_file};
use super::model::{
    Accepted, Counts, DeliveryId, Filter, Limits, StoredDelivery, StoredWork, WorkId, Write,
};
use super::news::Listener;
use super::note::{self, Noting};
use super::pool::Pool;
use super::postgres::Postgres;
use super::prune::PAUSE;
use super::url::StoreUrl;
use super::writer::{Writer, within};
use super::{read, schema, sound};

/// How long a question may take; a server that is gone may never answer.
const READ_PATIENCE: Duration = Duration::from_secs(10);

/// What was accepted, and what became of it. A clone is the same store.
///
/// What a call wrote is on disk when it returns. Where one that writes fails, nothing of it is there; only if a
/// connection to PostgreSQL broke, or a disk hung, in the very moment of the commit, all of it may be.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    writer: Writer,
    kept_open: Arc<KeptOpen>,
    /// By which others know this process.
    replica: Arc<str>,
    /// Of the lease under which this clone writes.
    fence: Option<Fence>,
}

/// What ends with the last clone.
#[derive(Debug)]
struct KeptOpen {
    running: Mutex<JoinSet<()>>,
    _lock: Option<FileLock>,
}

impl Store {
    /// Opens a store, and makes it where there is none: a file that nobody else may read.
    ///
    /// # Errors
    /// Another process has the file open; a newer program wrote it; it cannot be reached or written.
    pub async fn open(url: &StoreUrl, limits: Limits) -> Result<Self, StoreError> {
        let (pool, lock) = match url {
            StoreUrl::Sqlite(path) => {
                let path = real_path(path)?;
                let lock = FileLock::take(&path)?;
                sound::check(&path).await?;
                (Pool::sqlite(&path).await?, Some(lock))
            }
            StoreUrl::Postgres(url) => (Pool::Postgres(Postgres::open(url).await?), None),
        };
        schema::migrate(&pool).await?;
        let replica: Arc<str> = replica().into();
        let (writer, running) = Writer::start(pool.clone(), limits, Arc::clone(&replica));
        let kept_open = KeptOpen {
            running: Mutex::new(running),
            _lock: lock,
        };
        Ok(Self {
            pool,
            writer,
            kept_open: Arc::new(kept_open),
            replica,
            fence: None,
        })
    }

    /// The way to the leases that replicas share; `None` where a file has only one process.
    pub fn leases(&self) -> Option<Leases> {
        let postgres = self.postgres()?;
        Some(Leases::new(postgres, Arc::clone(&self.replica)))
    }

    /// Hears what other replicas tell, where there may be others.
    pub fn listener(&self) -> Option<Listener> {
        let postgres = self.postgres()?;
        Some(Listener::new(postgres, Arc::clone(&self.replica)))
    }

    fn postgres(&self) -> Option<Postgres> {
        match &self.pool {
            Pool::Postgres(postgres) => Some(postgres.clone()),
            Pool::Sqlite { .. } => None,
        }
    }

    /// The same store for the holder of a lease: once another has taken it, [`StoreError::NotHeld`] is all that is
    /// answered to who writes.
    #[must_use]
    pub fn under(&self, fence: Fence) -> Self {
        Self {
            fence: Some(fence),
            ..self.clone()
        }
    }

    /// Whether one may act on what is read here; of a lease that is not renewed this ends before the lease does.
    pub fn is_held(&self) -> bool {
        self.fence.as_ref().is_none_or(Fence::is_held)
    }

    /// Keeps a delivery; each key is kept once, and one that failed is worked again.
    ///
    /// # Errors
    /// It could not be kept: nothing of it is there.
    pub async fn accept(&self, delivery: &Delivery) -> Result<Accepted, StoreError> {
        self.writer
            .accept(&self.fence, NewDelivery::new(delivery)?)
            .await
    }

    /// Those of which nobody knows yet what they wake, oldest first. Rows that cannot be read are left out: a page
    /// may be short, and only one that is empty is the last.
    pub async fn unmatched(
        &self,
        after: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        self.read(read::unmatched(&self.pool, after, limit)).await
    }

    /// Writes all of it or nothing, and returns the new pieces of work in their order.
    ///
    /// What is about a delivery or work that is unknown, was matched or is over changes nothing.
    pub async fn write(&self, writes: Vec<Write>) -> Result<Vec<StoredWork>, StoreError> {
        self.writer.write(&self.fence, writes).await
    }

    /// The work of a cluster that is not over, oldest first, in pages as [`Self::unmatched`] gives them.
    pub async fn open_work(
        &self,
        cluster: &str,
        after: Option<WorkId>,
        limit: u32,
    ) -> Result<Vec<StoredWork>, StoreError> {
        self.read(read::open_work(&self.pool, cluster, after, limit))
            .await
    }

    /// The work of a cluster that was annotated and is still followed, oldest first, in pages as
    /// [`Self::unmatched`] gives them.
    pub async fn followed_work(
        &self,
        cluster: &str,
        after: Option<WorkId>,
        limit: u32,
    ) -> Result<Vec<StoredWork>, StoreError> {
        self.read(read::followed_work(&self.pool, cluster, after, limit))
            .await
    }

    /// A piece of work; `None` also where it cannot be read.
    pub async fn work(&self, id: WorkId) -> Result<Option<StoredWork>, StoreError> {
        self.read(read::work(&self.pool, id)).await
    }

    /// The deliveries that have this GUID, each of another webhook, with the first 10,000 pieces of work.
    pub async fn delivery(
        &self,
        guid: &Guid,
    ) -> Result<Vec<(StoredDelivery, Vec<StoredWork>)>, StoreError> {
        self.read(read::by_guid(&self.pool, guid)).await
    }

    /// Work of which nobody can say that its object has what it was woken for, or something later: the last so many
    /// pieces, by their deliveries, of which the newest come first.
    pub async fn unapplied(
        &self,
        limit: u32,
    ) -> Result<Vec<(StoredDelivery, Vec<StoredWork>)>, StoreError> {
        self.read(read::unapplied(&self.pool, limit)).await
    }

    pub async fn stored(&self, id: DeliveryId) -> Result<Option<StoredDelivery>, StoreError> {
        self.read(read::stored(&self.pool, id)).await
    }

    /// Newest first.
    pub async fn deliveries(&self, filter: &Filter) -> Result<Vec<StoredDelivery>, StoreError> {
        self.read(read::deliveries(&self.pool, filter)).await
    }

    /// The newest deliveries that tell of a ref of `owner/name`, newest first, among the last 20,000 of that
    /// repository.
    pub async fn deliveries_of_ref(
        &self,
        repository: &str,
        reference: &PushedRef,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        self.read(read::of_ref(&self.pool, repository, reference, limit))
            .await
    }

    /// Counts nothing: the numbers are kept.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.read(read::counts(&self.pool)).await
    }

    /// Says that somebody listens.
    pub async fn beat(&self, now: Timestamp) -> Result<(), StoreError> {
        self.writer.beat(&self.fence, now).await
    }

    /// `None` where nobody ever listened.
    pub async fn last_beat(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(read::last_beat(&self.pool)).await
    }

    /// Remembers texts by their names, each in place of what was noted under its name before. One call should bring
    /// at most some thousand, for others wait meanwhile.
    ///
    /// # Errors
    /// None of them is noted.
    pub async fn note(
        &self,
        subject: &'static str,
        notes: Vec<(String, String)>,
    ) -> Result<(), StoreError> {
        if notes.is_empty() {
            return Ok(());
        }
        self.writer
            .note(&self.fence, Noting::Note { subject, notes })
            .await
    }

    /// All that was noted of a subject, by name.
    pub async fn notes(&self, subject: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.read(note::all(&self.pool, subject)).await
    }

    /// The first names under which something was noted of a subject.
    pub async fn names_of_notes(
        &self,
        subject: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.read(note::names(&self.pool, subject, limit)).await
    }

    /// What was noted of a subject under this name.
    pub async fn noted(&self, subject: &str, name: &str) -> Result<Option<String>, StoreError> {
        self.read(note::one(&self.pool, subject, name)).await
    }

    /// What was never noted is forgotten already.
    ///
    /// # Errors
    /// All of them are still there.
    pub async fn forget(
        &self,
        subject: &'static str,
        names: Vec<String>,
    ) -> Result<(), StoreError> {
        if names.is_empty() {
            return Ok(());
        }
        self.writer
            .note(&self.fence, Noting::Forget { subject, names })
            .await
    }

    /// Forgets deliveries that are over and old or too many, in steps between which others write;
    /// returns how many.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut deliveries = 0;
        loop {
            let pruned = self.writer.prune(&self.fence, now).await?;
            deliveries += pruned.deliveries;
            if pruned.is_all {
                return Ok(deliveries);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let read = within(READ_PATIENCE, read).await;
        read.inspect_err(|fault| self.pool.suspect(fault))
    }

    /// Writes to the store, to see whether that can be done now.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.writer.check().await
    }

    /// Writes what still waits, and closes. Other clones can do nothing from then on.
    pub async fn close(self) -> Result<(), StoreError> {
        self.writer.close();
        // A task that panicked has told those who waited.
        while self
            .kept_open
            .running
            .lock()
            .await
            .join_next()
            .await
            .is_some()
        {}
        self.pool.close().await;
        Ok(())
    }
}

/// The name of this machine, or of this pod, and what no other process has.
fn replica() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    let host: String = host.trim().chars().filter(|it| plain(*it)).collect();
    format!("{host}/{:08x}", fastrand::u32(..))
}

/// Makes the file where there is none: SQLite itself would let others read it.
fn real_path(path: &Path) -> Result<PathBuf, StoreError> {
    let fault = |source| StoreError::file(path, source);
    private_file(path).map_err(fault)?;
    // Whoever comes by another name must find the same lock.
    path.canonicalize().map_err(fault)
}
