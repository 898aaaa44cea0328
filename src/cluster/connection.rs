//! One connection to one API server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::access::ClusterAccess;
use super::failure::{CONNECT_LIMIT, Failure, Status, shown, without_credentials};
use super::fault::ClusterError;
use super::proxy::without_needless_proxy;

/// How long opening may take: a credential plugin may ask somebody else.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// How long the first byte of an answer may take.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// So much is read of an answer that is none.
const STATUS_LIMIT_BYTES: usize = 64 * 1024;

/// A connection that is being opened.
pub(super) type Opening = JoinHandle<Result<Connection, ClusterError>>;

/// Sends requests to one API server, with credentials that are renewed as its kubeconfig says.
///
/// Clones share their sockets. Nothing is sent before something is asked.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    server: Arc<str>,
}

impl Connection {
    /// Reads the kubeconfig and the credentials. No request is sent, except by a credential plugin.
    ///
    /// # Errors
    /// The kubeconfig cannot be read, lacks the context, or gives no credentials.
    pub async fn open(access: &ClusterAccess) -> Result<Self, ClusterError> {
        Self::opened(&mut Self::opening(access)).await
    }

    /// Begins to open. A credential plugin blocks a thread until it ends, whoever waits for it.
    pub(super) fn opening(access: &ClusterAccess) -> Opening {
        let access = access.clone();
        let handle = Handle::current();
        tokio::task::spawn_blocking(move || handle.block_on(Self::open_now(&access)))
    }

    /// Waits for what was begun; where it takes too long, it can be waited for again.
    pub(super) async fn opened(opening: &mut Opening) -> Result<Self, ClusterError> {
        match timeout(OPEN_LIMIT, opening).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(_)) => Err(ClusterError::Plugin),
            Err(_) => Err(ClusterError::TooLate { limit: OPEN_LIMIT }),
        }
    }

    async fn open_now(access: &ClusterAccess) -> Result<Self, ClusterError> {
        let mut config = configuration(access).await?;
        // Whoever asks knows best when to ask again.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_LIMIT);
        config.proxy_url = without_needless_proxy(&config.cluster_url, config.proxy_url);
        let server = config.cluster_url.to_string();
        let server = server.trim_end_matches('/').into();
        let client = Client::try_from(config).map_err(|error| ClusterError::Client {
            reason: match &error {
                kube::Error::Auth(error) => without_credentials(error),
                other => shown(&other.to_string()),
            },
        })?;
        Ok(Self { client, server })
    }

    /// A connection over a client of one's own; `server` names it in messages.
    pub fn over(client: Client, server: &str) -> Self {
        Self {
            client,
            server: server.into(),
        }
    }

    /// The address of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Whether both came from one opening.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.server, &other.server)
    }

    /// Sends a request and waits for the head of its answer, which is a good one.
    pub(super) async fn send(
        &self,
        request: Request<Vec<u8>>,
        wanted: &str,
    ) -> Result<Response<Body>, Failure> {
        match self.ask(request, wanted).await? {
            Ok(response) => Ok(response),
            Err((failure, _)) => Err(failure),
        }
    }

    /// As [`Self::send`], and of an answer that is none also what it says.
    pub(super) async fn ask(
        &self,
        request: Request<Vec<u8>>,
        wanted: &str,
    ) -> Result<Result<Response<Body>, (Failure, Status)>, Failure> {
        let asked = async {
            let response = self
                .client
                .send(request.map(Body::from))
                .await
                .map_err(|error| Failure::unanswered(&self.server, &error))?;
            if response.status().is_success() {
                return Ok(Ok(response));
            }
            let (head, body) = response.into_parts();
            let status = Status::read(&self.read(body, STATUS_LIMIT_BYTES).await?);
            let failure = Failure::answered(head.status, &head.headers, &status, wanted);
            Ok(Err((failure, status)))
        };
        match timeout(ANSWER_LIMIT, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::too_late(&self.server, ANSWER_LIMIT)),
        }
    }

    /// The beginning of a body. What follows is read and dropped, so that the socket can be used again.
    pub(super) async fn read(&self, mut body: Body, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut kept = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::unanswered(&self.server, &error))?;
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            let room = limit.saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Ok(kept)
    }
}

async fn configuration(access: &ClusterAccess) -> Result<Config, ClusterError> {
    let options = KubeConfigOptions {
        context: access.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = match (&access.kubeconfig, &access.context) {
        (Some(path), _) => {
            let read = Kubeconfig::read_from(path);
            match read {
                Ok(kubeconfig) => Config::from_custom_kubeconfig(kubeconfig, &options).await,
                Err(error) => Err(error),
            }
        }
        (None, None) if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() => {
            return Config::incluster().map_err(|error| ClusterError::InCluster {
                reason: shown(&error.to_string()),
            });
        }
        (None, _) => Config::from_kubeconfig(&options).await,
    };
    config.map_err(|error| ClusterError::Kubeconfig {
        path: access.kubeconfig.clone(),
        reason: without_excerpt(&error),
    })
}

/// What is wrong with a kubeconfig. What stands at the place is not shown: it may be a token.
fn without_excerpt(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(place) => format!(
                "it cannot be read as YAML of a kubeconfig at line {}, column {}",
                place.line(),
                place.column()
            ),
            None => "it cannot be read as YAML of a kubeconfig".to_owned(),
        },
        other => shown(&other.to_string()),
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
