//! The one task that writes: what waits together shares one transaction and one sync.
//!
//! ```text
//! accept, write, beat, ... -> bounded channel -> batch -> BEGIN .. COMMIT (synced) -> each caller is told
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::accept::{NewDelivery, accept};
use super::change::write;
use super::fault::StoreError;
use super::head::Head;
use super::model::{Accepted, Limits, StoredWork, Write};
use super::pool::{Pool, Transaction, on};
use super::prune::{Pruned, prune};

/// How many calls wait for the writer at most; more wait for a place.
const QUEUE: usize = 1_024;
/// How many calls share a transaction at most.
const BATCH: usize = 256;
/// How long a call waits until its turn comes; GitHub waits for ten seconds in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The way to the writer; it ends when the last of these is gone.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Task>,
    closing: CancellationToken,
}

#[derive(Debug)]
enum Task {
    Accept(Call<NewDelivery, Accepted>),
    Write(Call<Vec<Write>, Vec<StoredWork>>),
    Beat(Call<Timestamp, ()>),
    Prune(Call<Timestamp, Pruned>),
    Check(Call<(), ()>),
}

/// What one caller asks, and the way back to it.
#[derive(Debug)]
struct Call<I, O> {
    input: I,
    /// Told once it is committed.
    output: Option<Result<O, StoreError>>,
    answer: oneshot::Sender<Result<O, StoreError>>,
    /// By the writer that begins with it, or by the caller that gives up: only one of them.
    taken: Arc<AtomicBool>,
}

impl Writer {
    pub fn start(pool: Pool, limits: Limits) -> (Self, JoinHandle<()>) {
        let (queue, tasks) = mpsc::channel(QUEUE);
        let closing = CancellationToken::new();
        let task = tokio::spawn(run(pool, limits, tasks, closing.clone()));
        (Self { queue, closing }, task)
    }

    pub async fn accept(&self, delivery: NewDelivery) -> Result<Accepted, StoreError> {
        self.call(delivery, Task::Accept).await
    }

    pub async fn write(&self, writes: Vec<Write>) -> Result<Vec<StoredWork>, StoreError> {
        self.call(writes, Task::Write).await
    }

    pub async fn beat(&self, now: Timestamp) -> Result<(), StoreError> {
        self.call(now, Task::Beat).await
    }

    /// Takes one small step.
    pub async fn prune(&self, now: Timestamp) -> Result<Pruned, StoreError> {
        self.call(now, Task::Prune).await
    }

    pub async fn check(&self) -> Result<(), StoreError> {
        self.call((), Task::Check).await
    }

    /// From now on calls are refused; the task ends when all that waits is written.
    pub fn close(&self) {
        self.closing.cancel();
    }

    async fn call<I, O>(
        &self,
        input: I,
        task: impl FnOnce(Call<I, O>) -> Task,
    ) -> Result<O, StoreError> {
        let (answer, mut answered) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        let call = Call {
            input,
            output: None,
            answer,
            taken: Arc::clone(&taken),
        };
        let waiting = async {
            self.queue
                .send(task(call))
                .await
                .map_err(|_| StoreError::Closed)?;
            (&mut answered).await.unwrap_or(Err(StoreError::Closed))
        };
        match timeout(PATIENCE, waiting).await {
            Ok(answer) => answer,
            // It was not begun, and now it never will be.
            Err(_) if !taken.swap(true, Ordering::AcqRel) => Err(StoreError::Busy),
            Err(_) => answered.await.unwrap_or(Err(StoreError::Closed)),
        }
    }
}

async fn run(
    pool: Pool,
    limits: Limits,
    mut tasks: mpsc::Receiver<Task>,
    closing: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let taken = tokio::select! {
            taken = tasks.recv_many(&mut batch, BATCH) => taken,
            () = closing.cancelled(), if !tasks.is_closed() => {
                tasks.close();
                continue;
            }
        };
        if taken == 0 {
            break;
        }
        batch.retain(Task::take);
        if batch.is_empty() {
            continue;
        }
        let committed = commit(&pool, &limits, &mut batch).await;
        for task in batch.drain(..) {
            task.tell(&committed);
        }
    }
}

/// All of them, or none.
async fn commit(pool: &Pool, limits: &Limits, batch: &mut [Task]) -> Result<(), StoreError> {
    let what = "write to the store";
    let mut transaction = pool
        .begin()
        .await
        .map_err(|fault| StoreError::sql(what, fault))?;
    let mut head = Head::take(&mut transaction)
        .await
        .map_err(|fault| StoreError::sql(what, fault))?;
    for task in batch {
        task.run(&mut transaction, &mut head, limits).await?;
    }
    head.leave(&mut transaction)
        .await
        .map_err(|fault| StoreError::sql(what, fault))?;
    transaction
        .commit()
        .await
        .map_err(|fault| StoreError::sql(what, fault))
}

impl Task {
    /// Whether its caller still waits; from then on it waits for the end.
    fn take(&self) -> bool {
        let taken = match self {
            Self::Accept(call) => &call.taken,
            Self::Write(call) => &call.taken,
            Self::Beat(call) => &call.taken,
            Self::Prune(call) => &call.taken,
            Self::Check(call) => &call.taken,
        };
        !taken.swap(true, Ordering::AcqRel)
    }

    async fn run(
        &mut self,
        transaction: &mut Transaction,
        head: &mut Head,
        limits: &Limits,
    ) -> Result<(), StoreError> {
        match self {
            Self::Accept(call) => {
                let answer = accept(transaction, head, &call.input, limits.backlog).await?;
                call.output = Some(answer);
            }
            Self::Write(call) => {
                call.output = Some(Ok(write(transaction, head, &call.input).await?));
            }
            Self::Beat(call) => call.output = Some(Ok(beat(transaction, call.input).await?)),
            Self::Prune(call) => {
                call.output = Some(Ok(prune(transaction, head, limits, call.input).await?));
            }
            Self::Check(call) => call.output = Some(Ok(())),
        }
        Ok(())
    }

    fn tell(self, committed: &Result<(), StoreError>) {
        match self {
            Self::Accept(call) => call.tell(committed),
            Self::Write(call) => call.tell(committed),
            Self::Beat(call) => call.tell(committed),
            Self::Prune(call) => call.tell(committed),
            Self::Check(call) => call.tell(committed),
        }
    }
}

impl<I, O> Call<I, O> {
    fn tell(self, committed: &Result<(), StoreError>) {
        let answer = match committed {
            Ok(()) => self.output.unwrap_or(Err(StoreError::Closed)),
            Err(fault) => Err(fault.clone()),
        };
        // A caller that is gone, as one whose client hung up, asks again if it wants to know.
        let _ = self.answer.send(answer);
    }
}

async fn beat(transaction: &mut Transaction, now: Timestamp) -> Result<(), StoreError> {
    on!(transaction.connection(), connection => {
        sqlx::query("UPDATE head SET beat_at = $1 WHERE id = 1")
            .bind(now.to_string())
            .execute(connection)
            .await
            .map(|_| ())
    })
    .map_err(|fault| StoreError::sql("write the heartbeat", fault))
}
