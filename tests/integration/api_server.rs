//! A real Kubernetes API server on loopback, shared by all tests of this binary.
//!
//! ```text
//! shared() -> tests/kubernetes/serve (etcd, kube-apiserver) -> /readyz -> CRDs of src/flux/crds established
//! ```
//! A `static` is never dropped, so nobody may rely on `Drop` to end the servers: `serve` ends them when the pipe to
//! it closes, which happens however this process ends.
//!
//! A test that does the server no harm takes [`shared`] and a namespace of its own; one that stops or breaks it takes
//! [`ApiServer::start`], which is some three seconds.

mod crds;
mod faults;
mod requests;
mod users;

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

pub use requests::{Target, Verdict};

/// How long the server may take to be ready, and a CRD to be served: it is some three seconds.
const START_LIMIT: Duration = Duration::from_secs(180);
/// The longest that one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(120);
/// Below are those of well-known services.
const FIRST_PORT: u16 = 10_240;
/// A free port may be taken by somebody else before the server listens on it; then others are tried.
const START_ATTEMPTS: u32 = 3;
/// Of a user in `system:masters`. No secret: only this machine reaches the server, and only as long as tests run.
const TOKEN: &str = "tests-only";

/// A running API server; it ends when this is dropped or when the process ends.
pub struct ApiServer {
    url: String,
    agent: ureq::Agent,
    etcd_url: String,
    programs: PathBuf,
    /// `serve` removes it.
    folder: PathBuf,
    control: Mutex<faults::Control>,
    resources: Mutex<HashMap<(String, String), requests::Resource>>,
    serve: Child,
}

/// The one server of this test binary; the first call starts it and waits until it is ready.
///
/// # Panics
/// Where `KUBEBUILDER_ASSETS` names no folder with `etcd` and `kube-apiserver`, or they do not become ready.
pub fn shared() -> &'static ApiServer {
    static SHARED: OnceLock<ApiServer> = OnceLock::new();
    SHARED.get_or_init(ApiServer::start)
}

impl ApiServer {
    /// Starts a server of its own, with Flux's CRDs; for a test that stops or breaks it.
    pub fn start() -> Self {
        let server = Self::start_empty();
        server.install_flux();
        server
    }

    /// The same without any CRD.
    pub fn start_empty() -> Self {
        let programs = std::env::var_os("KUBEBUILDER_ASSETS")
            .map(PathBuf::from)
            .unwrap_or_else(|| {
                panic!(
                    "this test needs a Kubernetes API server: run `tests/all`, \
                 or set KUBEBUILDER_ASSETS=\"$(tests/kubernetes/build)\""
                )
            });
        (0..START_ATTEMPTS)
            .find_map(|_| Self::try_start(&programs))
            .unwrap_or_else(|| {
                panic!(
                    "etcd and kube-apiserver of {} do not start",
                    programs.display()
                )
            })
    }

    /// Installs Flux's sources and Kustomization, as `start` does; for a server that was emptied. Other
    /// kinds a cluster need not have.
    pub fn install_flux(&self) {
        let kinds = ["source.toolkit.", "kustomize.toolkit."];
        self.install_crds_called(&repository().join("src/flux/crds"), &kinds);
    }

    /// `None` where one of the two programs ended by itself; `serve` has then printed the end of their logs.
    fn try_start(programs: &Path) -> Option<Self> {
        let folder = tempfile::Builder::new()
            .prefix("flux-setup-api-server-")
            .tempdir()
            .expect("a folder for the server");
        let identity = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])
            .expect("a certificate for loopback");
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("the server's folder is ours")
        };
        write("server.crt", &identity.cert.pem());
        write("server.key", &identity.signing_key.serialize_pem());
        write("tokens.csv", &users::tokens(&[]));

        let [etcd_port, api_port] = free_ports();
        let url = format!("https://127.0.0.1:{api_port}");
        let user = json!({"token": TOKEN});
        write("kubeconfig", &users::kubeconfig(&url, &user).to_string());

        let mut serve = Command::new(repository().join("tests/kubernetes/serve"))
            .args([programs, folder.path()])
            .args([etcd_port.to_string(), api_port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash is there to run tests/kubernetes/serve");
        let folder = folder.keep(); // from here on `serve` removes it

        let certificate = Certificate::from_der(identity.cert.der()).to_owned();
        let agent = ureq::Agent::config_builder()
            .tls_config(
                TlsConfig::builder()
                    .root_certs(RootCerts::new_with_certs(&[certificate]))
                    .build(),
            )
            .proxy(None)
            .http_status_as_error(false)
            .timeout_global(Some(REQUEST_LIMIT))
            .max_idle_connections_per_host(16)
            .build()
            .new_agent();
        let mut server = Self {
            url,
            agent,
            etcd_url: format!("http://127.0.0.1:{etcd_port}"),
            programs: programs.to_owned(),
            folder,
            control: Mutex::new(faults::Control::of(&mut serve)),
            resources: Mutex::default(),
            serve,
        };
        server.is_started().then_some(server)
    }

    /// Waits until the server is ready; false where it ended instead.
    fn is_started(&mut self) -> bool {
        let deadline = Instant::now() + START_LIMIT;
        while !self.is_ready() {
            let ended = self.serve.try_wait().expect("`serve` is our child");
            if ended.is_some() {
                return false;
            }
            assert!(
                Instant::now() < deadline,
                "the API server is not ready after {START_LIMIT:?}"
            );
            sleep(Duration::from_millis(50));
        }
        true
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + START_LIMIT;
        while !self.is_ready() {
            assert!(
                Instant::now() < deadline,
                "the API server is not ready after {START_LIMIT:?}"
            );
            sleep(Duration::from_millis(50));
        }
    }

    /// Until it listens, the request itself fails.
    fn is_ready(&self) -> bool {
        let request = self
            .agent
            .get(format!("{}/readyz", self.url))
            .header("authorization", self.bearer());
        request.call().is_ok_and(|answer| answer.status() == 200)
    }

    /// `https://127.0.0.1:PORT`, with a certificate that the kubeconfig names.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bearer token of an administrator.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token())
    }

    /// The folder of `kubectl` and the servers.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// For `kubectl` and other clients.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// `kubectl` of the server's own release where there is one, with the server's kubeconfig.
    pub fn kubectl(&self) -> Command {
        let own = self.programs.join("kubectl");
        let mut command = Command::new(if own.is_file() { own } else { "kubectl".into() });
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let control = self.control.get_mut();
        control.unwrap_or_else(PoisonError::into_inner).end();
        // It kills the two and removes a folder; nothing useful can be done where that fails.
        let _ = self.serve.wait();
    }
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Ports that no other call is given, of those that the system gives nobody who asks for any: until a server listens on
/// it, and while it is started anew, a port is taken neither by another test nor by a connection.
pub fn free_ports<const N: usize>() -> [u16; N] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next();
    let end = first.and_then(|it| it.parse().ok()).unwrap_or(32_768_u16);
    // Other processes that do the same begin elsewhere.
    let count = end.saturating_sub(FIRST_PORT).max(1);
    let begin = u16::try_from(std::process::id() * 997 % u32::from(count)).unwrap_or_default();
    std::array::from_fn(|_| {
        let ports = (0..count).map(|_| {
            let next = u32::from(begin) + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
            FIRST_PORT + u16::try_from(next % u32::from(count)).unwrap_or_default()
        });
        let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        free.next().expect("a free port")
    })
}
