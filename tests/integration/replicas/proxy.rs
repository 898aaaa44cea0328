//! The network between a replica and a server, which can be cut, or hold back what is sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Passes on what comes to a port of loopback; it ends with the process.
#[derive(Debug, Clone)]
pub struct Proxy {
    pub at: SocketAddr,
    network: Arc<Network>,
}

#[derive(Debug, Clone)]
pub enum Server {
    Socket(PathBuf),
    Port(u16),
}

#[derive(Debug)]
struct Network {
    to: Mutex<Server>,
    is_cut: AtomicBool,
    holds_back: AtomicBool,
    /// How often something came that is held back.
    held: AtomicU64,
    /// How often it was cut: connections from before are forgotten, as where a firewall lost its state.
    cuts: AtomicU64,
    is_shut: AtomicBool,
    clients: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub fn to(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let at = listener.local_addr().expect("it is bound");
        let network = Arc::new(Network {
            to: Mutex::new(server),
            is_cut: AtomicBool::new(false),
            holds_back: AtomicBool::new(false),
            held: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            is_shut: AtomicBool::new(false),
            clients: Mutex::default(),
        });
        let shared = Arc::clone(&network);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let network = Arc::clone(&shared);
                thread::spawn(move || network.pass(client));
            }
        });
        Self { at, network }
    }

    /// Nothing gets through from now on, and nobody is told.
    pub fn cut(&self) {
        self.network.cuts.fetch_add(1, Ordering::SeqCst);
        self.network.is_cut.store(true, Ordering::SeqCst);
    }

    /// New connections get through again; of the old ones nobody ever hears again.
    pub fn mend(&self) {
        self.network.is_cut.store(false, Ordering::SeqCst);
    }

    /// Every connection ends, and new ones end at once, until it is opened again.
    pub fn shut(&self) {
        self.network.is_shut.store(true, Ordering::SeqCst);
        let clients = self.network.clients.lock();
        for client in clients.unwrap_or_else(PoisonError::into_inner).drain(..) {
            client.end();
        }
    }

    pub fn open(&self) {
        self.network.is_shut.store(false, Ordering::SeqCst);
    }

    /// What is sent reaches the server when this is over, and not before.
    pub fn hold_back(&self, holds_back: bool) {
        self.network.holds_back.store(holds_back, Ordering::SeqCst);
    }

    /// How often something was sent that did not reach the server at once.
    pub fn held(&self) -> u64 {
        self.network.held.load(Ordering::SeqCst)
    }

    /// Connections lead to another server from now on.
    pub fn lead_to(&self, socket: PathBuf) {
        let to = self.network.to.lock();
        *to.unwrap_or_else(PoisonError::into_inner) = Server::Socket(socket);
    }
}

impl Network {
    fn pass(self: Arc<Self>, client: TcpStream) {
        while self.is_cut.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(50));
        }
        let to = self
            .to
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        {
            let clients = self.clients.lock();
            let mut clients = clients.unwrap_or_else(PoisonError::into_inner);
            if self.is_shut.load(Ordering::SeqCst) {
                return;
            }
            clients.extend(client.try_clone());
        }
        let ended = client.try_clone();
        // A server that is not there refuses, as it does without us.
        match to {
            Server::Socket(path) => {
                if let Ok(server) = UnixStream::connect(path)
                    && let Ok(from) = server.try_clone()
                {
                    Arc::clone(&self).join(client, from, server);
                }
            }
            Server::Port(port) => {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port))
                    && let Ok(from) = server.try_clone()
                {
                    Arc::clone(&self).join(client, from, server);
                }
            }
        }
        // Of what is kept to be shut nobody would hear that it is over.
        if let Ok(ended) = ended {
            ended.end();
        }
    }

    fn join(
        self: Arc<Self>,
        client: TcpStream,
        from: impl Read + Send + 'static,
        server: impl Write + End,
    ) {
        let cuts = self.cuts.load(Ordering::SeqCst);
        let Ok(back) = client.try_clone() else {
            return;
        };
        let network = Arc::clone(&self);
        let nothing = || false;
        let answers = thread::spawn(move || network.copy(from, back, cuts, nothing));
        let is_held = || self.holds_back.load(Ordering::SeqCst);
        self.copy(client, server, cuts, is_held);
        let _ = answers.join();
    }

    fn copy(
        &self,
        mut from: impl Read,
        mut to: impl Write + End,
        cuts: u64,
        is_held: impl Fn() -> bool,
    ) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            // Swallowed, and neither side is told that the other is gone.
            while self.cuts.load(Ordering::SeqCst) != cuts {
                thread::park();
            }
            if is_held() {
                self.held.fetch_add(1, Ordering::SeqCst);
            }
            while is_held() {
                thread::sleep(Duration::from_millis(5));
            }
            if read == 0 || to.write_all(&buffer[..read]).is_err() {
                to.end();
                return;
            }
        }
    }
}

trait End {
    fn end(&self);
}

impl End for TcpStream {
    fn end(&self) {
        let _ = self.shutdown(std::net::Shutdown::Both);
    }
}

impl End for UnixStream {
    fn end(&self) {
        let _ = self.shutdown(std::net::Shutdown::Both);
    }
}
