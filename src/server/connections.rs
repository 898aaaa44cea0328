//! Takes connections of one listener and serves each, within bounds of number, time and memory.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
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

use super::patient::Patient;
use super::seldom::Seldom;

/// What one listener allows.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionBounds {
    /// More wait until one of these is closed. Of all doors together it stays below the 1,024 files that many
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
    let mut connections = JoinSet::new();
    let mut faults_logged = Seldom::default();
    let start = |connections: &mut JoinSet<()>, (stream, peer, place): Taken| {
        let answer = answer.clone();
        let stop = stop.clone();
        let open = Counted::new(&open);
        connections.spawn(async move {
            let answer = move |request| {
                let answer = answer(peer, request);
                Box::pin(async move { Ok::<_, Infallible>(answer.await) })
            };
            one(stream, bounds, stop, answer).await;
            drop((open, place));
        });
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = accept(&listener, &room) => match accepted {
                Ok(taken) => start(&mut connections, taken),
                Err(fault) => {
                    if let Some(left_out) = faults_logged.may_log(Instant::now()) {
                        warn!(left_out, "cannot accept a connection: {fault}");
                    }
                    sleep(AFTER_ERROR).await;
                }
            }
        }
    }
    // Who connected before we were told to stop is served; closed with the listener, they would be cut.
    while let Some(Ok(taken)) = accept(&listener, &room).now_or_never() {
        start(&mut connections, taken);
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

/// A connection, whose it is, and its place among those that are open.
type Taken = (TcpStream, SocketAddr, OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<Taken> {
    let place = Arc::clone(room).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

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

/// Serves one connection until its peer or `stop` ends it.
async fn one<F, A, B>(
    stream: TcpStream,
    bounds: ConnectionBounds,
    stop: CancellationToken,
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
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => break ended,
            () = &mut time_to_stop, if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    if ended.is_ok() {
        linger(connection.into_parts().io.into_inner(), &stop).await;
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
