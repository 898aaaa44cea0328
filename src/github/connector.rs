//! The wire to a host: TCP, a proxy where there is one, TLS.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use octocrab::OctoBody;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret;
use tower::{BoxError, Service};

use super::fault::GithubFault;
use super::proxy::{Proxy, ProxyKind};
use super::settings::{GithubSettings, Timeouts};
use super::transport::Transport;

/// A connection that nothing was asked over for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

impl Transport {
    /// The wire as the settings have it.
    pub(super) fn open(
        settings: &GithubSettings,
        uri: &Uri,
        proxy: Option<Proxy>,
    ) -> Result<Self, GithubFault> {
        let needs_tls = uri.scheme_str() == Some("https") || proxy.is_some();
        let tls = trusting(settings, needs_tls)?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let timeouts = settings.timeouts;
        let Some(Proxy { uri, kind }) = proxy else {
            return Ok(over(https(tls, tcp), timeouts));
        };
        Ok(match kind {
            ProxyKind::Tunnel { authorization } => {
                // The proxy's own TLS, where it has one, is inside of the tunnel's.
                let mut tunnel = Tunnel::new(uri, https(tls.clone(), tcp));
                if let Some(authorization) = authorization {
                    tunnel = tunnel.with_auth(authorization);
                }
                over(https(tls, tunnel), timeouts)
            }
            ProxyKind::Socks5 { login } => {
                let mut socks = SocksV5::new(uri, tcp);
                if let Some((user, password)) = login {
                    socks = socks.with_auth(user, password);
                }
                over(https(tls, socks), timeouts)
            }
        })
    }
}

/// Wraps a connector with TLS where the address asks for it.
fn https<C>(tls: ClientConfig, inner: C) -> HttpsConnector<C> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
    builder.https_or_http().enable_http1().wrap_connector(inner)
}

/// The wire over a connector, which gets its time here.
fn over<C>(connector: HttpsConnector<C>, timeouts: Timeouts) -> Transport
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(Some(timeouts.connect));
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_timer(TokioTimer::new());
    client.pool_idle_timeout(IDLE);
    Transport::over(client.build::<_, OctoBody>(connector), timeouts)
}

/// TLS that trusts whom the settings name, and nobody else where they name somebody.
fn trusting(settings: &GithubSettings, needs_tls: bool) -> Result<ClientConfig, GithubFault> {
    let fault = |reason: String| GithubFault::Authority {
        host: settings.host.clone(),
        reason,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| fault(error.to_string()))?;
    if !needs_tls {
        let nobody = builder.with_root_certificates(RootCertStore::empty());
        return Ok(nobody.with_no_client_auth());
    }
    let Some(ca) = &settings.ca else {
        let trusted = builder.with_native_roots().map_err(|error| {
            fault(format!(
                "this machine trusts nobody: {error}; install its list of authorities"
            ))
        })?;
        return Ok(trusted.with_no_client_auth());
    };
    let pem = ca.read(&settings.folder);
    let pem = pem.map_err(|error| fault(format!("{:#}", anyhow::Error::new(error))))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.expose_secret()) {
        let certificate = certificate.map_err(|_| fault(format!("{ca} cannot be read as PEM")))?;
        let added = roots.add(certificate);
        added.map_err(|error| fault(format!("{ca} has what is no certificate: {error}")))?;
    }
    if roots.is_empty() {
        return Err(fault(format!(
            "{ca} has no certificate; it is PEM and begins with `-----BEGIN CERTIFICATE-----`"
        )));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
