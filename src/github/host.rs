//! One host of GitHub with everybody who speaks to it.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use hyper::body::{Body, Bytes};
use tokio::sync::Notify;
use tower::{BoxError, Service};

use crate::budget::live::{Ledger, LedgerSettings};

use super::address::Address;
use super::client::Client;
use super::etag::{EtagRow, Etags};
use super::fault::GithubFault;
use super::gate::Gate;
use super::line::{Line, UNKNOWN};
use super::proxy::ProxyVariables;
use super::settings::{GithubSettings, IdentitySettings};
use super::speaker::Speaker;
use super::transport::Transport;
use super::voice::Voice;
use super::wire::Wire;

/// One host of GitHub with its identities. Clones are the same.
#[derive(Debug, Clone)]
pub struct Github {
    host: Arc<str>,
    clients: Arc<[Client]>,
    /// The gate of an identity has closed.
    closed: Arc<Notify>,
    /// Who asks where no identity is for an owner.
    main: usize,
}

impl Github {
    /// Opens a host, over the proxy of the environment where there is one. Nothing is asked yet; it
    /// needs a runtime.
    ///
    /// Credentials and certificates that cannot be used now may be later: until then calls fail with
    /// [`CallFault::Unusable`](super::CallFault::Unusable).
    ///
    /// # Errors
    /// The address or the proxy cannot be used.
    pub fn open(settings: GithubSettings) -> Result<Self, GithubFault> {
        let address = Address::of(&settings.host, settings.api_url.as_deref())?;
        let uri = address.root();
        let proxy = ProxyVariables::of_environment().of(&settings.host, &uri)?;
        let wire = Wire::open(settings.clone(), uri, proxy);
        Ok(Self::with(&settings, &address, wire))
    }

    /// As [`Self::open`], over a service of one's own in place of a connection.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn over<S, B>(settings: GithubSettings, service: S) -> Result<Self, GithubFault>
    where
        S: Service<Request<octocrab::OctoBody>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        let address = Address::of(&settings.host, settings.api_url.as_deref())?;
        let transport = Transport::over(service, settings.timeouts);
        Ok(Self::with(&settings, &address, Wire::Given(transport)))
    }

    fn with(settings: &GithubSettings, address: &Address, wire: Wire) -> Self {
        let wire = Arc::new(wire);
        let identities = settings.identities.iter();
        let closed = Arc::default();
        let clients = identities.map(|identity| open(identity, settings, address, &wire, &closed));
        let clients: Arc<[Client]> = clients.collect();
        let main = settings.main.as_deref();
        let main = clients
            .iter()
            .position(|client| Some(client.identity()) == main);
        Self {
            host: settings.host.clone(),
            clients,
            closed,
            main: main.unwrap_or(0),
        }
    }

    /// As it is configured.
    pub fn host(&self) -> &Arc<str> {
        &self.host
    }

    /// Who speaks as an identity; `None` where there is none of that name.
    pub fn client(&self, identity: &str) -> Option<Client> {
        let mut clients = self.clients.iter();
        clients
            .find(|client| client.identity() == identity)
            .cloned()
    }

    /// Who asks about an owner's repositories: the identity that names it, else the main one. `None`:
    /// there is no identity.
    pub fn for_owner(&self, owner: &str) -> Option<Client> {
        let names = |client: &&Client| {
            let owners = &client.voice.settings.owners;
            owners.iter().any(|name| name.eq_ignore_ascii_case(owner))
        };
        let named = self.clients.iter().find(names);
        named.or_else(|| self.clients.get(self.main)).cloned()
    }

    /// In the order of the configuration.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Their names, in the order of the configuration.
    pub fn identities(&self) -> impl Iterator<Item = &str> {
        self.clients.iter().map(Client::identity)
    }

    /// Waits until the gate of an identity closes. Of two who wait each hears of some.
    pub async fn gate_closed(&self) {
        self.closed.notified().await;
    }

    /// The `ETag`s of all identities that hold after a restart.
    pub fn etags_kept(&self) -> Vec<EtagRow> {
        self.clients.iter().flat_map(Client::etags_kept).collect()
    }

    /// Keeps the `ETag`s of an earlier run; those of identities that are no more are left out.
    pub fn keep_etags(&self, rows: impl IntoIterator<Item = EtagRow>) {
        for row in rows {
            if let Some(client) = self.client(&row.identity) {
                client.keep_etags([row]);
            }
        }
    }
}

fn open(
    identity: &IdentitySettings,
    settings: &GithubSettings,
    address: &Address,
    wire: &Arc<Wire>,
    closed: &Arc<Notify>,
) -> Client {
    let ledger = Ledger::new(LedgerSettings {
        host: settings.host.clone(),
        identity: identity.name.clone(),
        reserve: settings.reserve,
    });
    Client::new(Voice {
        address: address.clone(),
        line: Line {
            host: settings.host.clone(),
            identity: identity.name.clone(),
            wire: wire.clone(),
            gate: Arc::new(Gate::new(ledger, settings.clock.clone(), closed.clone())),
            clock: settings.clock.clone(),
            ahead: AtomicI64::new(UNKNOWN),
        },
        speaker: Speaker::open(identity, settings),
        settings: identity.clone(),
        reserve: settings.reserve,
        etags: Mutex::new(Etags::default()),
        looked: tokio::sync::Mutex::new(None),
        troubles: Mutex::default(),
    })
}
