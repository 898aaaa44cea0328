//! The connections to one host: kept while they are good, and handed a request only if it may still be sent.
//!
//! A request may wait long for a connection, and GitHub may have said meanwhile that nothing may be sent.
//! So it is asked again right before, which pools of clients do not do.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, Write};
use octocrab::OctoBody;
use tokio::time::Instant;
use tower::{BoxError, Service, ServiceExt};

use super::gate::Start;

/// A connection that nothing was asked over for so long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// Connections that are kept; no more calls run at once.
const MOST_KEPT: usize = 10;

/// Sends requests over connections of its own.
#[derive(Clone)]
pub(super) struct Connections<C> {
    connector: C,
    kept: Kept,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Idle>>>);

struct Idle {
    sender: SendRequest<OctoBody>,
    since: Instant,
}

/// The connection of an answer. Dropped, it can be used again, once the answer was read.
#[derive(Clone)]
pub(super) struct Lent(#[expect(dead_code, reason = "it is there to be dropped")] Arc<Lending>);

struct Lending {
    sender: Mutex<Option<SendRequest<OctoBody>>>,
    kept: Kept,
}

impl Drop for Lending {
    fn drop(&mut self) {
        let sender = self.sender.get_mut();
        let sender = sender.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            self.kept.put(sender);
        }
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lent")
    }
}

/// The request may not be sent any more.
#[derive(Debug)]
pub(super) struct Closed;

impl<C> Connections<C> {
    pub(super) fn new(connector: C) -> Self {
        Self {
            connector,
            kept: Kept::default(),
        }
    }
}

impl<C> Service<Request<OctoBody>> for Connections<C>
where
    C: Service<Uri, Error = BoxError> + Clone + Send + 'static,
    C::Response: Read + Write + Unpin + Send + 'static,
    C::Future: Send,
{
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        let Self { connector, kept } = self.clone();
        Box::pin(async move { exchange(connector, &kept, request).await })
    }
}

async fn exchange<C>(
    connector: C,
    kept: &Kept,
    request: Request<OctoBody>,
) -> Result<Response<Incoming>, BoxError>
where
    C: Service<Uri, Error = BoxError> + Clone + Send + 'static,
    C::Response: Read + Write + Unpin + Send + 'static,
    C::Future: Send,
{
    let start = request.extensions().get::<Start>().cloned();
    let uri = request.uri().clone();
    let mut request = in_origin_form(request)?;
    loop {
        let found = kept.take();
        let is_old = found.is_some();
        let mut sender = match found {
            Some(sender) => sender,
            None => {
                let stream = connector.clone().oneshot(uri.clone()).await?;
                let (sender, connection) = handshake(stream).await?;
                // It ends with its sender, or when the other side ends it.
                tokio::spawn(connection);
                sender
            }
        };
        if start.as_ref().is_some_and(|start| !start.begin()) {
            kept.put(sender);
            return Err(Box::new(Closed));
        }
        match sender.try_send_request(request).await {
            Ok(mut response) => {
                let lent = Lent(Arc::new(Lending {
                    sender: Mutex::new(Some(sender)),
                    kept: kept.clone(),
                }));
                response.extensions_mut().insert(lent);
                return Ok(response);
            }
            Err(mut fault) => match fault.take_message() {
                // It was closed before anything of this was sent.
                Some(unsent) if is_old => request = unsent,
                _ => return Err(fault.into_error().into()),
            },
        }
    }
}

/// A server is told the path, and the host in a header.
fn in_origin_form(mut request: Request<OctoBody>) -> Result<Request<OctoBody>, BoxError> {
    let uri = request.uri();
    let authority = uri.authority().ok_or("the address has no host")?;
    let host = HeaderValue::from_str(authority.as_str())?;
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let uri: Uri = path.parse()?;
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = uri;
    Ok(request)
}

impl Kept {
    /// A connection over which nothing is on its way.
    fn take(&self) -> Option<SendRequest<OctoBody>> {
        let mut kept = self.kept();
        kept.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < IDLE);
        let place = kept.iter().rposition(|idle| idle.sender.is_ready())?;
        Some(kept.remove(place).sender)
    }

    /// Keeps a connection; it is taken again once its last answer was read.
    fn put(&self, sender: SendRequest<OctoBody>) {
        let mut kept = self.kept();
        kept.push(Idle {
            sender,
            since: Instant::now(),
        });
        if kept.len() > MOST_KEPT {
            kept.remove(0);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it may not be sent any more")
    }
}

impl Error for Closed {}
