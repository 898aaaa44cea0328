//! The wire to a host: TCP, a proxy where there is one, TLS.

use std::sync::Arc;

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret;
use tower::{BoxError, Service};

use super::connections::Connections;
use super::proxy::{Proxy, ProxyKind};
use super::settings::{GithubSettings, Timeouts};
use super::transport::Transport;

impl Transport {
    /// The wire as the settings have it.
    ///
    /// # Errors
    /// Why the certificates cannot be used.
    pub(super) fn open(
        settings: &GithubSettings,
        uri: &Uri,
        proxy: Option<Proxy>,
    ) -> Result<Self, String> {
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
    Transport::over(Connections::new(connector), timeouts).asking()
}

/// TLS that trusts whom the settings name, and nobody else where they name somebody.
fn trusting(settings: &GithubSettings, needs_tls: bool) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    if !needs_tls {
        let nobody = builder.with_root_certificates(RootCertStore::empty());
        return Ok(nobody.with_no_client_auth());
    }
    let Some(ca) = &settings.ca else {
        let trusted = builder
            .with_native_roots()
            .map_err(|error| format!("this machine trusts nobody: {error}"))?;
        return Ok(trusted.with_no_client_auth());
    };
    let pem = ca.read(&settings.folder);
    let pem = pem.map_err(|error| format!("{:#}", anyhow::Error::new(error)))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.expose_secret()) {
        let certificate = certificate.map_err(|_| format!("{ca} cannot be read as PEM"))?;
        let added = roots.add(certificate);
        added.map_err(|error| format!("{ca} has what is no certificate: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!(
            "{ca} has no certificate; it is PEM and begins with `-----BEGIN CERTIFICATE-----`"
        ));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use http::{HeaderMap, HeaderValue, Method};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::budget::live::{Ask, Ledger, LedgerSettings, Purpose};
    use crate::github::gate::Gate;

    /// Answers each connection's first request with its path.
    async fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let length = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let line = request.lines().next().unwrap_or_default().to_owned();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{line}",
                    line.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    /// Takes `CONNECT`, and keeps what it was asked.
    async fn tunnel() -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let length = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let to = request.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.lock().unwrap().push(request);
                let mut target = TcpStream::connect(to).await.unwrap();
                let answer = b"HTTP/1.1 200 Connection established\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                tokio::spawn(async move { copy_bidirectional(&mut stream, &mut target).await });
            }
        });
        (address, asked)
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_a_tunnel_and_sees_no_token() {
        let (server, (proxy, asked)) = (server().await, tunnel().await);
        let settings = GithubSettings::new("ghe.acme.io", std::path::Path::new("."));
        let uri: Uri = format!("http://{server}/api/v3/x").parse().unwrap();
        let proxy = Proxy {
            uri: format!("http://{proxy}").parse().unwrap(),
            kind: ProxyKind::Tunnel {
                authorization: Some(HeaderValue::from_static("Basic YTpi")),
            },
        };
        let transport = Transport::open(&settings, &uri, Some(proxy)).unwrap();
        let ledger = Ledger::new(LedgerSettings {
            host: "ghe.acme.io".into(),
            identity: "bot".into(),
            reserve: 0.0,
        });
        let gate = Arc::new(Gate::new(ledger, settings.clock.clone(), Arc::default()));
        let ask = Ask {
            resource: "core".into(),
            purpose: Purpose::Other,
            cost: 1,
            secondary: 1,
            creates: false,
            endpoint: "/x".into(),
        };
        let pass = gate.enter(ask, None).await.unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer secret"));
        let sent = transport.send(Method::GET, &uri, headers, None, 1000, pass.start());
        let received = sent.await.unwrap();
        assert_eq!(received.body.unwrap(), "GET /api/v3/x HTTP/1.1");
        let asked = asked.lock().unwrap().join("");
        assert!(
            asked.starts_with(&format!("CONNECT {server} HTTP/1.1")),
            "{asked}"
        );
        assert!(
            asked.contains("Basic YTpi") && !asked.contains("secret"),
            "{asked}"
        );
    }
}
