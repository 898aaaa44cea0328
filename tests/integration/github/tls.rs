//! HTTPS with a certificate of a CA that nobody else trusts.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

/// What a server shows, and whom a client must trust for it.
pub struct Identity {
    /// In PEM.
    pub ca: String,
    acceptor: TlsAcceptor,
}

impl Identity {
    pub fn generate() -> Self {
        let key = || KeyPair::generate().expect("keys can be made");
        let mut ca = CertificateParams::new(Vec::new()).expect("no names are right names");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, key()).expect("a CA signs itself");
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let server_key = key();
        let server = CertificateParams::new(names).expect("names are right");
        let server = server.signed_by(&server_key, &ca).expect("a CA signs");
        let chain = vec![CertificateDer::from(server.der().to_vec())];
        let server_key = PrivatePkcs8KeyDer::from(server_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::Pkcs8(server_key))
            .expect("the key is the certificate's");
        Self {
            ca: ca.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    pub fn listener(self, listener: TcpListener) -> TlsListener {
        TlsListener {
            listener,
            acceptor: self.acceptor,
        }
    }
}

/// The other end of a connection, with TLS or without.
#[derive(Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Takes connections that speak TLS, one handshake after the other.
pub struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else {
                continue;
            };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
