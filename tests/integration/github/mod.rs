//! A GitHub on loopback that enforces GitHub's documented rules, and keeps books of who broke them.
//!
//! It runs on a thread of its own until the last handle is dropped; a test tells it what exists, what goes
//! wrong and what time it is, and reads its books.

pub mod app_key;
mod app_routes;
mod asking;
pub mod books;
pub mod bucket;
pub mod clock;
mod control;
mod credentials;
mod delivery_routes;
pub mod description;
mod events;
pub mod exchange;
pub mod faults;
pub mod graphql;
mod hook_routes;
pub mod hooks;
pub mod identities;
mod json;
mod jwt;
pub mod organisations;
mod other_routes;
mod paths;
pub mod published_schema;
mod refusing;
mod reply;
pub mod repositories;
mod repository_routes;
mod respond;
pub mod routes;
mod scene;
mod secondary;
pub mod sender;
mod server;
mod tls;
pub mod who;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use clock::Clock;
use world::World;

/// What a fake is, for as long as it runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The host that people see in URLs.
    pub host: String,
    /// `None`: github.com.
    pub enterprise: Option<Enterprise>,
    pub clock: Clock,
    /// Speak HTTPS, with a certificate of a CA of its own.
    pub tls: bool,
    /// How long an installation's token is good.
    pub token_life: Duration,
    /// How long it waits for a receiver's answer; GitHub itself ten seconds.
    pub delivery_patience: Duration,
}

/// A GitHub Enterprise Server.
#[derive(Clone, Debug)]
pub struct Enterprise {
    pub version: String,
    /// They are off unless an administrator turns them on.
    pub limits: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: "github.com".to_owned(),
            enterprise: None,
            clock: Clock::real(),
            tls: false,
            token_life: Duration::from_secs(3600),
            delivery_patience: sender::PATIENCE,
        }
    }
}

impl Options {
    /// An Enterprise Server with limits off, at this host.
    pub fn enterprise(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            enterprise: Some(Enterprise {
                version: "3.20.0".to_owned(),
                limits: false,
            }),
            delivery_patience: Duration::from_secs(30),
            ..Self::default()
        }
    }
}

/// A running fake; a clone is the same one.
#[derive(Clone, Debug)]
pub struct FakeGithub {
    core: Arc<Core>,
    _running: Arc<Ending>,
}

#[derive(Debug)]
struct Core {
    world: Mutex<World>,
    ca: Option<String>,
}

/// Ends the thread when the last handle goes.
#[derive(Debug)]
struct Ending(Option<oneshot::Sender<()>>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            let _ = end.send(());
        }
    }
}

impl Core {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no handler panicked")
    }
}

impl FakeGithub {
    /// github.com by the real clock.
    pub async fn start() -> Self {
        Self::launch(Options::default())
    }

    /// Starts one; it listens when this returns.
    pub fn launch(options: Options) -> Self {
        let (ready, listening) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a thread can have a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await;
                let listener = listener.expect("loopback has a free port");
                let address = listener.local_addr().expect("it is bound");
                let tls = options.tls.then(tls::Identity::generate);
                let scheme = if tls.is_some() { "https" } else { "http" };
                let (post, jobs) = tokio::sync::mpsc::unbounded_channel();
                let authority = format!("{scheme}://{address}");
                let core = Arc::new(Core {
                    world: Mutex::new(World::new(options, authority, post)),
                    ca: tls.as_ref().map(|tls| tls.ca.clone()),
                });
                let poster = tokio::spawn(sender::post_all(Arc::clone(&core), jobs));
                let router = Router::new()
                    .fallback(server::answer)
                    .with_state(Arc::clone(&core));
                let router = router.into_make_service_with_connect_info::<tls::Peer>();
                let _ = ready.send(core);
                let stop = async {
                    let _ = ended.await;
                };
                // Without grace: who waits for a silent answer would wait for ever.
                match tls {
                    None => tokio::select! {
                        _ = axum::serve(listener, router) => {}
                        () = stop => {}
                    },
                    Some(tls) => tokio::select! {
                        _ = axum::serve(tls.listener(listener), router) => {}
                        () = stop => {}
                    },
                }
                poster.abort();
            });
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("fake GitHub".to_owned());
        thread.spawn(run).expect("a thread can be started");
        let core = listening.recv().expect("the fake listens");
        Self {
            core,
            _running: Arc::new(Ending(Some(end))),
        }
    }
}
