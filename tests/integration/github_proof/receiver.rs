//! A door for webhooks that keeps what comes, and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use http::{HeaderMap, Request, StatusCode};
use tokio::net::TcpListener;

#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mutex<Behaviour>>,
}

#[derive(Debug)]
struct Behaviour {
    status: u16,
    delay: Duration,
    received: Vec<Received>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(Mutex::new(Behaviour {
            status: 202,
            delay: Duration::ZERO,
            received: Vec::new(),
        }));
        let router = Router::new()
            .fallback(receive)
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hooks/github/acme", self.address)
    }

    pub fn answer(&self, status: u16, delay: Duration) {
        let mut state = self.state.lock().expect("no handler panicked");
        (state.status, state.delay) = (status, delay);
    }

    pub fn received(&self) -> Vec<Received> {
        self.state
            .lock()
            .expect("no handler panicked")
            .received
            .clone()
    }
}

async fn receive(
    State(state): State<Arc<Mutex<Behaviour>>>,
    request: Request<Body>,
) -> (StatusCode, &'static str) {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default().to_vec();
    let (status, delay) = {
        let mut state = state.lock().expect("no handler panicked");
        let headers = parts.headers;
        state.received.push(Received { headers, body });
        (state.status, state.delay)
    };
    tokio::time::sleep(delay).await;
    (StatusCode::from_u16(status).expect("a status"), "heard")
}
