//! Speaks to one host of GitHub as one identity: the only door to its API.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, LINK};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::{Body, Bytes};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::{BoxError, Service};

use crate::budget::live::Purpose;
use crate::config::{Credential, SecretRef};

use super::address::{Address, Target};
use super::answer::{Answer, GraphqlAnswer, GraphqlError};
use super::call::Call;
use super::fault::{CallFault, CredentialFault, GithubFault, Refusal};
use super::proxy::ProxyVariables;
use super::settings::{GithubSettings, IdentitySettings};
use super::transport::{Received, Transport, WireFault};

/// The largest answer that is read.
const BODY_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// One host of GitHub with its identities. Clones are the same.
#[derive(Debug, Clone)]
pub struct Github {
    clients: Arc<[Client]>,
    main: usize,
}

/// Speaks as one identity. Clones are the same.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    patience: Option<Duration>,
}

struct Inner {
    host: Arc<str>,
    address: Address,
    transport: Transport,
    identity: IdentitySettings,
    token: Option<HeaderValue>,
}

impl Github {
    /// Opens a host. Nothing is asked yet; it needs a runtime.
    ///
    /// # Errors
    /// The address, the certificates, the proxy or a credential cannot be used.
    pub fn open(settings: GithubSettings) -> Result<Self, GithubFault> {
        let address = Address::of(&settings.host, settings.api_url.as_deref())?;
        let uri = address.root();
        let proxy = ProxyVariables::of_environment().of(&settings.host, &uri)?;
        let transport = Transport::open(&settings, &uri, proxy)?;
        Self::with(settings, address, transport)
    }

    /// As [`Self::open`], over a service of one's own in place of a connection.
    ///
    /// # Errors
    /// The address or a credential cannot be used.
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
        Self::with(settings, address, transport)
    }

    fn with(
        settings: GithubSettings,
        address: Address,
        transport: Transport,
    ) -> Result<Self, GithubFault> {
        let mut clients = Vec::with_capacity(settings.identities.len());
        for identity in &settings.identities {
            let token = match &identity.credential {
                Some(Credential::Token(token)) => Some(bearer(token, &settings.folder)),
                _ => None,
            };
            let token = token
                .transpose()
                .map_err(|source| GithubFault::Credential {
                    host: settings.host.clone(),
                    identity: identity.name.clone(),
                    source,
                })?;
            let inner = Inner {
                host: settings.host.clone(),
                address: address.clone(),
                transport: transport.clone(),
                identity: identity.clone(),
                token,
            };
            clients.push(Client {
                inner: Arc::new(inner),
                patience: None,
            });
        }
        let main = settings.main.as_deref();
        let main = clients
            .iter()
            .position(|client| Some(client.identity()) == main);
        Ok(Self {
            clients: clients.into(),
            main: main.unwrap_or(0),
        })
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
            let owners = &client.inner.identity.owners;
            owners.iter().any(|name| name.eq_ignore_ascii_case(owner))
        };
        let named = self.clients.iter().find(names);
        named.or_else(|| self.clients.get(self.main)).cloned()
    }

    /// In the order of the configuration.
    pub fn identities(&self) -> impl Iterator<Item = &str> {
        self.clients.iter().map(Client::identity)
    }
}

impl Client {
    /// The name of the identity.
    pub fn identity(&self) -> &str {
        &self.inner.identity.name
    }

    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// The same, whose calls give up with [`CallFault::Held`] where the gate stays closed longer.
    #[must_use]
    pub fn patient_for(&self, patience: Duration) -> Self {
        Self {
            inner: self.inner.clone(),
            patience: Some(patience),
        }
    }

    /// Makes a call, once the budget allows it.
    ///
    /// # Errors
    /// There is no answer, it is no good one, or it is of no use.
    pub async fn call(&self, call: Call) -> Result<Answer, CallFault> {
        let uri = self.inner.address.rest(&call.path);
        let uri = uri.ok_or_else(|| CallFault::Path {
            path: call.path.clone(),
        })?;
        let begun = tokio::time::Instant::now();
        let sent = self.inner.transport.send(
            call.method.clone(),
            &uri,
            self.headers(),
            call.body.as_ref(),
            BODY_LIMIT_BYTES,
        );
        let received = sent.await.map_err(|fault| self.fault(fault))?;
        let latency = begun.elapsed();
        let named = format!("{} {}", call.method, call.path);
        let received = self.good(received, named)?;
        let next = received.headers.get_all(LINK).iter();
        let next = next
            .filter_map(|link| link.to_str().ok())
            .find_map(next_link);
        let next = match next.map(|link| self.inner.address.target(link)) {
            Some(Target::Below(path)) => Some(path),
            _ => None,
        };
        Ok(Answer {
            status: received.status,
            headers: received.headers,
            body: received.body,
            moved_to: None,
            next,
            latency,
            etag: None,
        })
    }

    /// Sends a query; `cost` is what it is expected to cost, in points of the hour.
    ///
    /// # Errors
    /// As of [`Self::call`]. Errors beside data are no fault.
    pub async fn graphql(
        &self,
        query: &str,
        variables: Value,
        purpose: Purpose,
        cost: u32,
    ) -> Result<GraphqlAnswer, CallFault> {
        let _ = (purpose, cost);
        let uri = self.inner.address.graphql();
        let uri = uri.ok_or_else(|| CallFault::Path {
            path: "/graphql".to_owned(),
        })?;
        let body = json!({"query": query, "variables": variables});
        let begun = tokio::time::Instant::now();
        let sent = self.inner.transport.send(
            http::Method::POST,
            &uri,
            self.headers(),
            Some(&body),
            BODY_LIMIT_BYTES,
        );
        let received = sent.await.map_err(|fault| self.fault(fault))?;
        let received = self.good(received, "POST /graphql".to_owned())?;
        let read: GraphqlBody =
            serde_json::from_slice(&received.body).map_err(|error| CallFault::BadAnswer {
                reason: error.to_string(),
            })?;
        let cost = read.data["rateLimit"]["cost"].as_u64();
        Ok(GraphqlAnswer {
            cost: cost.and_then(|cost| cost.try_into().ok()),
            data: read.data,
            errors: read.errors,
            latency: begun.elapsed(),
        })
    }

    /// Keeps the `ETag` of an answer, so that the next conditional call for the same is answered by 304
    /// where nothing has changed. Do so once what it said is stored.
    pub fn keep(&self, answer: &Answer) {
        let _ = &answer.etag;
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/vnd.github+json"),
        );
        if let Some(token) = &self.inner.token {
            headers.insert(AUTHORIZATION, token.clone());
        }
        headers
    }

    fn fault(&self, fault: WireFault) -> CallFault {
        let host = self.inner.host.clone();
        match fault {
            WireFault::NotSent { reason } | WireFault::Lost { reason } => {
                CallFault::Unreachable { host, reason }
            }
            WireFault::TimedOut { limit } => CallFault::TimedOut { host, limit },
            WireFault::Truncated { reason } => CallFault::BadAnswer { reason },
            WireFault::TooLarge { limit_bytes } => CallFault::TooLarge { limit_bytes },
        }
    }

    fn good(&self, received: Received, call: String) -> Result<Received, CallFault> {
        let status = received.status;
        if status.is_success() || status == http::StatusCode::NOT_MODIFIED {
            return Ok(received);
        }
        if status.is_server_error() {
            let host = self.inner.host.clone();
            return Err(CallFault::Failed { host, status });
        }
        Err(CallFault::Refused {
            identity: self.inner.identity.name.clone(),
            call,
            status,
            reason: match status.as_u16() {
                401 => Refusal::Unauthorized,
                403 => Refusal::Forbidden { needs: None },
                404 => Refusal::NotFound { needs: None },
                409 => Refusal::Conflict,
                410 => Refusal::Gone,
                422 => Refusal::Invalid,
                451 => Refusal::Blocked,
                _ => Refusal::Other,
            },
            message: message(&received.body),
        })
    }
}

#[derive(Deserialize)]
struct GraphqlBody {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

fn message(body: &[u8]) -> String {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let message = body.as_ref().and_then(|body| body["message"].as_str());
    message.unwrap_or_default().to_owned()
}

fn next_link(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (address, parameters) = link.trim().split_once('>')?;
        let is_next = parameters.contains("rel=\"next\"");
        address.strip_prefix('<').filter(|_| is_next)
    })
}

fn bearer(token: &SecretRef, folder: &Path) -> Result<HeaderValue, CredentialFault> {
    let token = token.read(folder)?;
    let mut bytes = b"Bearer ".to_vec();
    bytes.extend_from_slice(token.expose_secret());
    let mut value = HeaderValue::from_bytes(&bytes).map_err(|_| CredentialFault::Letters)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.inner.host)
            .field("identity", &self.inner.identity.name)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
