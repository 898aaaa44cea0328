//! The one task that writes: what waits together shares one transaction and one sync.
//!
//! ```text
//! accept, write, beat, ... -> bounded channel -> batch -> BEGIN .. COMMIT (synced) -> each caller is told
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::accept::{NewDelivery, accept};
use super::change::write;
use super::checkpoint;
use super::fault::StoreError;
use super::fence::Fence;
use super::head::Head;
use super::model::{Accepted, Limits, StoredWork, Write};
use super::note::{self, Noting};
use super::pool::{Pool, Session, on};
use super::prune::{Pruned, prune};

/// How many calls wait for the writer at most; more wait for a place.
const QUEUE: usize = 1_024;
/// How many calls share a transaction at most.
const BATCH: usize = 256;
/// How long a call waits until its turn comes; GitHub waits for ten seconds in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a transaction may take to begin; a lock is waited for less.
const BEGIN_PATIENCE: Duration = Duration::from_secs(4);
/// How long all of a transaction may take: one push may wake thousands of objects.
const COMMIT_PATIENCE: Duration = Duration::from_secs(30);
/// How long PostgreSQL may take for one answer; it waits for a lock less. On a connection that a network forgot nobody
/// waits for longer than a lease is acted under: its holder either writes or lets go.
const ANSWER_PATIENCE: Duration = Duration::from_secs(6);

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
    Note(Call<Noting, ()>),
    Prune(Call<Timestamp, Pruned>),
    Check(Call<(), ()>),
}

/// What one caller asks, and the way back to it.
#[derive(Debug)]
struct Call<I, O> {
    input: I,
    /// Where another holds its lease by now, nothing is written.
    fence: Option<Fence>,
    /// Told once it is committed.
    output: Option<Result<O, StoreError>>,
    answer: oneshot::Sender<Result<O, StoreError>>,
    /// By the writer that begins with it, or by the caller that gives up: only one of them.
    taken: Arc<AtomicBool>,
}

impl Writer {
    /// The tasks end when this is closed, or the last clone is gone.
    ///
    /// What others have to hear is told them as by `replica`.
    pub fn start(pool: Pool, limits: Limits, replica: Arc<str>) -> (Self, JoinSet<()>) {
        let (queue, tasks) = mpsc::channel(QUEUE);
        let closing = CancellationToken::new();
        let written = Arc::new(Notify::new());
        let mut running = JoinSet::new();
        if let Pool::Sqlite { readers, .. } = &pool {
            let written = Arc::clone(&written);
            running.spawn(checkpoint::run(readers.clone(), written, closing.clone()));
        }
        let writing = Writing {
            pool,
            limits,
            replica,
            session: None,
        };
        running.spawn(run(writing, tasks, written, closing.clone()));
        (Self { queue, closing }, running)
    }

    pub async fn accept(
        &self,
        fence: &Option<Fence>,
        delivery: NewDelivery,
    ) -> Result<Accepted, StoreError> {
        self.call(fence, delivery, Task::Accept).await
    }

    pub async fn write(
        &self,
        fence: &Option<Fence>,
        writes: Vec<Write>,
    ) -> Result<Vec<StoredWork>, StoreError> {
        self.call(fence, writes, Task::Write).await
    }

    pub async fn beat(&self, fence: &Option<Fence>, now: Timestamp) -> Result<(), StoreError> {
        self.call(fence, now, Task::Beat).await
    }

    pub async fn note(&self, fence: &Option<Fence>, noting: Noting) -> Result<(), StoreError> {
        self.call(fence, noting, Task::Note).await
    }

    /// Takes one small step.
    pub async fn prune(&self, fence: &Option<Fence>, now: Timestamp) -> Result<Pruned, StoreError> {
        self.call(fence, now, Task::Prune).await
    }

    pub async fn check(&self) -> Result<(), StoreError> {
        self.call(&None, (), Task::Check).await
    }

    /// From now on calls are refused; the task ends when all that waits is written.
    pub fn close(&self) {
        self.closing.cancel();
    }

    async fn call<I, O>(
        &self,
        fence: &Option<Fence>,
        input: I,
        task: impl FnOnce(Call<I, O>) -> Task,
    ) -> Result<O, StoreError> {
        let (answer, mut answered) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        let call = Call {
            input,
            fence: fence.clone(),
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

/// What the task writes with.
struct Writing {
    pool: Pool,
    limits: Limits,
    replica: Arc<str>,
    /// The connection of the last transaction, where it is still good.
    session: Option<Session>,
}

async fn run(
    mut writing: Writing,
    mut tasks: mpsc::Receiver<Task>,
    written: Arc<Notify>,
    closing: CancellationToken,
) {
    let _ended = closing.drop_guard_ref();
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
        let committed = writing.commit(&mut batch).await;
        let is_alone = batch.len() == 1;
        let spoilt = |fault: &StoreError| !is_alone && fault.may_be_of_one_call();
        if committed.as_ref().is_err_and(spoilt) {
            for mut task in batch.drain(..) {
                let alone = std::slice::from_mut(&mut task);
                let committed = writing.commit(alone).await;
                task.tell(&committed);
            }
        } else {
            for task in batch.drain(..) {
                task.tell(&committed);
            }
        }
        written.notify_one();
    }
}

impl Writing {
    /// All of them, or none.
    async fn commit(&mut self, batch: &mut [Task]) -> Result<(), StoreError> {
        let (mut session, mut head) = self.begin().await?;
        let pulse = session.pulse();
        let carried_out = async {
            for task in batch {
                task.run(&mut session, &mut head, &self.limits).await?;
            }
            head.leave(&mut session, &self.replica)
                .await
                .map_err(fault)?;
            session.commit().await.map_err(fault)
        };
        let silence = async {
            match pulse {
                Some(pulse) => pulse.stops(ANSWER_PATIENCE).await,
                None => std::future::pending().await,
            }
        };
        let committed = tokio::select! {
            biased;
            committed = within(COMMIT_PATIENCE, carried_out) => committed,
            () = silence => Err(StoreError::Hangs),
        };
        self.session = match &committed {
            Ok(()) => Some(session),
            Err(fault) => self.ended(session, fault).await,
        };
        committed
    }

    /// Begins a transaction, on another connection where the one that was kept is broken.
    async fn begin(&mut self) -> Result<(Session, Head), StoreError> {
        self.pool.check_file()?;
        let mut is_kept = self.session.is_some();
        loop {
            let mut session = match self.session.take() {
                Some(session) => session,
                None => {
                    let opened = self.pool.writer().await;
                    opened.inspect_err(|fault| self.pool.suspect(fault))?
                }
            };
            let begun = async { take_head(&mut session).await.map_err(fault) };
            let fault = match within(BEGIN_PATIENCE, begun).await {
                Ok(head) => return Ok((session, head)),
                Err(fault) => fault,
            };
            self.session = self.ended(session, &fault).await;
            if self.session.is_some() || !is_kept {
                return Err(fault);
            }
            is_kept = false;
        }
    }

    /// Ends a transaction that failed, and returns the connection if it is still good.
    async fn ended(&self, mut session: Session, fault: &StoreError) -> Option<Session> {
        if fault.leaves_the_connection() {
            // SQLite may have done so by itself.
            let _ = session.roll_back().await;
            return Some(session);
        }
        self.pool.suspect(fault);
        match fault {
            StoreError::Hangs => session.abandon(),
            _ => session.close().await,
        }
        None
    }
}

/// A server that does not answer, or a disk that hangs, holds nobody up for longer.
pub async fn within<T>(
    patience: Duration,
    done: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(patience, done)
        .await
        .unwrap_or(Err(StoreError::Hangs))
}

async fn take_head(session: &mut Session) -> Result<Head, sqlx::Error> {
    session.begin().await?;
    Head::take(session).await
}

fn fault(fault: sqlx::Error) -> StoreError {
    StoreError::sql("write to the store", fault)
}

impl Task {
    /// Whether its caller still waits; from then on it waits for the end.
    fn take(&self) -> bool {
        let taken = match self {
            Self::Accept(call) => &call.taken,
            Self::Write(call) => &call.taken,
            Self::Beat(call) => &call.taken,
            Self::Note(call) => &call.taken,
            Self::Prune(call) => &call.taken,
            Self::Check(call) => &call.taken,
        };
        !taken.swap(true, Ordering::AcqRel)
    }

    async fn run(
        &mut self,
        session: &mut Session,
        head: &mut Head,
        limits: &Limits,
    ) -> Result<(), StoreError> {
        if let Some(fence) = self.fence()
            && !head.admits(session, fence).await?
        {
            let lease = fence.lease().to_owned();
            fence.lose();
            self.refuse(&StoreError::NotHeld { lease });
            return Ok(());
        }
        match self {
            Self::Accept(call) => {
                let answer = accept(session, head, &call.input, limits.backlog).await?;
                call.output = Some(answer);
            }
            Self::Write(call) => {
                call.output = Some(Ok(write(session, head, &call.input).await?));
            }
            Self::Beat(call) => call.output = Some(Ok(beat(session, call.input).await?)),
            Self::Note(call) => {
                call.output = Some(Ok(note::change(session, head, &call.input).await?));
            }
            Self::Prune(call) => {
                call.output = Some(Ok(prune(session, head, limits, call.input).await?));
            }
            Self::Check(call) => call.output = Some(Ok(())),
        }
        Ok(())
    }

    fn fence(&self) -> Option<&Fence> {
        match self {
            Self::Accept(call) => call.fence.as_ref(),
            Self::Write(call) => call.fence.as_ref(),
            Self::Beat(call) => call.fence.as_ref(),
            Self::Note(call) => call.fence.as_ref(),
            Self::Prune(call) => call.fence.as_ref(),
            Self::Check(call) => call.fence.as_ref(),
        }
    }

    fn refuse(&mut self, fault: &StoreError) {
        match self {
            Self::Accept(call) => call.output = Some(Err(fault.clone())),
            Self::Write(call) => call.output = Some(Err(fault.clone())),
            Self::Beat(call) => call.output = Some(Err(fault.clone())),
            Self::Note(call) => call.output = Some(Err(fault.clone())),
            Self::Prune(call) => call.output = Some(Err(fault.clone())),
            Self::Check(call) => call.output = Some(Err(fault.clone())),
        }
    }

    fn tell(self, committed: &Result<(), StoreError>) {
        match self {
            Self::Accept(call) => call.tell(committed),
            Self::Write(call) => call.tell(committed),
            Self::Beat(call) => call.tell(committed),
            Self::Note(call) => call.tell(committed),
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

async fn beat(session: &mut Session, now: Timestamp) -> Result<(), StoreError> {
    on!(session.connection(), connection => {
        sqlx::query("UPDATE head SET beat_at = $1 WHERE id = 1")
            .bind(now.to_string())
            .execute(connection)
            .await
            .map(|_| ())
    })
    .map_err(|fault| StoreError::sql("write the heartbeat", fault))
}
