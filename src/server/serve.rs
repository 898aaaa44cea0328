//! The listeners: bound first, so that what is wrong with them is known before anything starts, then served.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{error, info, warn};

use super::api;
use super::connections::{self, ConnectionBounds};
use super::door::Door;
use super::fault::ServerError;
use super::metrics::DoorLabels;
use super::state::AppState;

/// When somebody asks us to stop, answers that are on their way have so long.
const FINISH_WITHIN: Duration = Duration::from_secs(8);
/// How often files with secrets are read again.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// Requests to the API and about health; nobody has so many.
const API_CONNECTIONS: usize = 64;

/// Where to listen; port 0 takes a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    pub hooks: SocketAddr,
    pub api: SocketAddr,
    pub health: Option<SocketAddr>,
}

/// Listeners that are bound and not yet served.
#[derive(Debug)]
pub struct Doors {
    hooks: TcpListener,
    api: TcpListener,
    health: Option<TcpListener>,
    addresses: Addresses,
}

impl Doors {
    /// Binds every listener.
    ///
    /// # Errors
    /// The first one that cannot be bound.
    pub async fn bind(wanted: &Addresses) -> Result<Self, ServerError> {
        let (hooks, hooks_at) = bind("hooks", wanted.hooks).await?;
        let (api, api_at) = bind("api", wanted.api).await?;
        let health = match wanted.health {
            Some(address) => Some(bind("health", address).await?),
            None => None,
        };
        let addresses = Addresses {
            hooks: hooks_at,
            api: api_at,
            health: health.as_ref().map(|(_, address)| *address),
        };
        Ok(Self {
            hooks,
            api,
            health: health.map(|(listener, _)| listener),
            addresses,
        })
    }

    /// The same listeners, to be served by somebody else as well.
    ///
    /// # Errors
    /// The process has too many files open.
    pub fn shared(&self) -> io::Result<Self> {
        let share = |listener: &TcpListener| {
            let listener = listener.as_fd().try_clone_to_owned()?;
            TcpListener::from_std(listener.into())
        };
        Ok(Self {
            hooks: share(&self.hooks)?,
            api: share(&self.api)?,
            health: self.health.as_ref().map(share).transpose()?,
            addresses: self.addresses,
        })
    }

    /// Where they listen in truth.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }
}

async fn bind(
    door: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), ServerError> {
    let cannot = |source| ServerError::Listen {
        door,
        address,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    Ok((listener, bound))
}

/// Serves until `stop`; then closes the listeners, finishes what is on its way, and returns.
///
/// `more` are further routes of the API, which ask for a token as all of them do.
///
/// # Errors
/// An API that others can reach and nobody guards; a door that closed by itself.
pub async fn serve(
    doors: Doors,
    state: AppState,
    more: Router,
    stop: CancellationToken,
) -> Result<(), ServerError> {
    state.tokens.check_listener(doors.addresses.api)?;
    state.hooks.show(&state.metrics);
    let Addresses { hooks, api, .. } = doors.addresses;
    let health = doors.addresses.health.map(tracing::field::display);
    info!(%hooks, %api, health, "listening on {hooks} for webhooks and on {api} for the API");
    let mut tasks = JoinSet::new();
    let door = Arc::new(Door::new(state.clone()));
    tasks.spawn(named(
        "hooks",
        serve_hooks(doors.hooks, &state, Arc::clone(&door), stop.clone()),
    ));
    let routes = api::router(state.clone(), more);
    tasks.spawn(named(
        "api",
        serve_router("api", doors.api, &state, routes, stop.clone()),
    ));
    if let Some(listener) = doors.health {
        let routes = api::health_router(state.clone());
        tasks.spawn(named(
            "health",
            serve_router("health", listener, &state, routes, stop.clone()),
        ));
    }
    tasks.spawn(named("secrets", refresh(state, stop.clone())));
    tokio::select! {
        biased; // a door that closes because of `stop` has not closed by itself
        () = stop.cancelled() => {}
        Some(ended) = tasks.join_next() => {
            let door = ended.unwrap_or_else(|fault| {
                error!("a door closed by a fault of ours: {fault}");
                "requests"
            });
            return Err(ServerError::Ended(door));
        }
    }
    let finished = timeout(FINISH_WITHIN, async {
        while tasks.join_next().await.is_some() {}
        door.finish().await;
    });
    if finished.await.is_err() {
        warn!("cut the requests that were not answered within {FINISH_WITHIN:?}");
    }
    Ok(())
}

async fn named(name: &'static str, task: impl Future<Output = ()>) -> &'static str {
    task.await;
    name
}

fn open(state: &AppState, door: &'static str) -> Gauge {
    let labels = DoorLabels { door };
    state.metrics.connections.get_or_create_owned(&labels)
}

fn serve_hooks(
    listener: TcpListener,
    state: &AppState,
    door: Arc<Door>,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + use<> {
    let answer = move |peer: SocketAddr, request: Request<Incoming>| {
        let door = Arc::clone(&door);
        async move { door.answer(peer.ip(), request).await }
    };
    let bounds = state.bounds.connections;
    connections::serve(listener, bounds, open(state, "hooks"), stop, answer)
}

fn serve_router(
    name: &'static str,
    listener: TcpListener,
    state: &AppState,
    routes: Router,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + use<> {
    let answer = move |_, request: Request<Incoming>| {
        let answer = routes.clone().oneshot(request.map(axum::body::Body::new));
        async move { answer.await.unwrap_or_else(|never| match never {}) }
    };
    let bounds = ConnectionBounds {
        at_once: API_CONNECTIONS,
        ..state.bounds.connections
    };
    connections::serve(listener, bounds, open(state, name), stop, answer)
}

/// Keeps secrets as their files have them.
async fn refresh(state: AppState, stop: CancellationToken) {
    let mut ticks = interval(REFRESH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let AppState {
            hooks,
            tokens,
            metrics,
            ..
        } = state.clone();
        let read = tokio::task::spawn_blocking(move || {
            hooks.refresh(&metrics);
            tokens.refresh();
        });
        if let Err(fault) = read.await {
            error!("the secrets could not be read again by a fault of ours: {fault}");
        }
    }
}
