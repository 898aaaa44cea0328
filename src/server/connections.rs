//! Takes connections of one listener and serves each, within bounds of number, time and memory.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use http::{Request, Response};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::idle::{Idle, Place};
use super::patient::Patient;
use super::seldom::Seldom;

/// What one listener allows.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionBounds {
    /// One more, and that which waits longest for a request is closed; where none does, it waits for one. Of all doors together it stays below the 1,024 files that many
    /// systems let a program open.
    pub at_once: usize,
    /// Until the headers of a request are whole, from the answer before it on. Proxies keep idle connections for
    /// a minute; closed sooner by us, a delivery could be sent into one that is gone.
    pub header_timeout: Duration,
    /// Of a request's line and headers together.
    pub header_bytes: usize,
    /// Until a peer takes more of an answer.
    pub write_timeout: Duration,
}

impl Default for ConnectionBounds {
    fn default() -> Self {
        Self {
            at_once: 768,
            header_timeout: Duration::from_secs(75),
            header_bytes: 16 * 1024,
            write_timeout: Duration::from_secs(10),
        }
    }
}

/// What is read of a connection at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// A refused body is taken for so long and thrown away, so that its sender comes to read the refusal.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 32 * 1024 * 1024;
/// A request that was sent before we were told to stop is read within this time; later none is.
const BEFORE_STOP: Duration = Duration::from_millis(200);
/// After an error of the listener, as when no more files may be open.
const AFTER_ERROR: Duration = Duration::from_millis(200);
/// So many that wait for a request are closed then: where no more files may be open, others need some.
const FREED_AFTER_ERROR: usize = 16;
/// So often one that came is looked for a place where all are taken.
const LOOK_FOR_A_PLACE: Duration = Duration::from_millis(50);

/// Serves until `stop`; then takes no more connections, and returns when the last answer is sent. Who drops it
/// before that cuts them.
pub(super) async fn serve<F, A, B>(
    listener: TcpListener,
    bounds: ConnectionBounds,
    open: Gauge,
    stop: CancellationToken,
    answer: F,
) where
    F: Fn(SocketAddr, Request<Incoming>) -> A + Clone + Send + Sync + Unpin + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(bounds.at_once));
    let idle = Arc::<Idle>::default();
    let mut connections = JoinSet::new();
    let mut logged = [Seldom::default(), Seldom::default()];
    let [faults_logged, crowds_logged] = &mut logged;
    let start =
        |connections: &mut JoinSet<()>, (stream, peer): Newcomer, free: OwnedSemaphorePermit| {
            let answer = answer.clone();
            let stop = stop.clone();
            let open = Counted::new(&open);
            let place = Arc::new(idle.place(Instant::now()));
            connections.spawn(async move {
                let working = Arc::clone(&place);
                let answer = move |request| {
                    working.works();
                    let answer = answer(peer, request);
                    let working = Arc::clone(&working);
                    Box::pin(async move {
                        let answer = answer.await;
                        working.waits(Instant::now());
                        Ok::<_, Infallible>(answer)
                    })
                };
                one(stream, bounds, stop, &place, answer).await;
                drop((open, free));
            });
        };
    // Who came and has no place yet.
    let mut newcomer: Option<Newcomer> = None;
    loop {
        if let Some(came) = newcomer.take() {
            let now = Instant::now();
            if let Ok(free) = Arc::clone(&room).try_acquire_owned() {
                start(&mut connections, came, free);
            } else {
                newcomer = Some(came);
                if idle.make_room(now)
                    && let Some(left_out) = crowds_logged.may_log(now)
                {
                    let all = bounds.at_once;
                    warn!(
                        left_out,
                        "all {all} connections were taken; closed the one that had waited longest for a request"
                    );
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => report(ended),
            () = sleep(LOOK_FOR_A_PLACE), if newcomer.is_some() => {}
            accepted = listener.accept(), if newcomer.is_none() => match accepted {
                Ok(came) => newcomer = Some(came),
                Err(fault) => {
                    let now = Instant::now();
                    if let Some(left_out) = faults_logged.may_log(now) {
                        warn!(left_out, "cannot accept a connection: {fault}");
                    }
                    for _ in 0..FREED_AFTER_ERROR {
                        idle.make_room(now);
                    }
                    sleep(AFTER_ERROR).await;
                }
            }
        }
    }
    // Who connected before we were told to stop is served; closed with the listener, they would be cut.
    while let Some(Ok(came)) = newcomer
        .take()
        .map(Ok)
        .or_else(|| listener.accept().now_or_never())
        && let Ok(free) = Arc::clone(&room).try_acquire_owned()
    {
        start(&mut connections, came, free);
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

/// A connection, and whose it is.
type Newcomer = (TcpStream, SocketAddr);

/// A gauge that is one higher as long as this lives.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(fault) = ended
        && fault.is_panic()
    {
        error!("a connection ended by a fault of ours: {fault}");
    }
}

/// Serves one connection until its peer or `stop` ends it, or another needs its place.
async fn one<F, A, B>(
    stream: TcpStream,
    bounds: ConnectionBounds,
    stop: CancellationToken,
    place: &Place,
    answer: F,
) where
    F: Fn(Request<Incoming>) -> A + Unpin,
    A: Future<Output = Result<Response<B>, Infallible>> + Unpin,
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + 'static,
{
    // Answers are small and written at once, so there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(Patient::new(stream, bounds.write_timeout));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout)
        .max_buf_size(BUFFER_BYTES)
        .max_header_size(bounds.header_bytes)
        .serve_connection(stream, service_fn(answer));
    let mut stopping = false;
    let mut time_to_stop = pin!(async {
        stop.cancelled().await;
        sleep(BEFORE_STOP).await;
    });
    let ended = loop {
        tokio::select! {
            biased; // a request that comes now would be cut by what is seen after it
            () = place.gives_way() => return,
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => break ended,
            () = &mut time_to_stop, if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    if ended.is_ok() {
        place.waits(Instant::now());
        tokio::select! {
            () = place.gives_way() => {}
            () = linger(connection.into_parts().io.into_inner(), &stop) => {}
        }
    }
}

/// Ends a connection so that the last answer arrives: closed with bytes unread, it would be reset.
async fn linger(mut stream: Patient, stop: &CancellationToken) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut sink = tokio::io::sink();
    let mut rest = stream.take(LINGER_BYTES);
    tokio::select! {
        _ = timeout(LINGER, tokio::io::copy(&mut rest, &mut sink)) => {}
        () = stop.cancelled() => {}
    }
}
