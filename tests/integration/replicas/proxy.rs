//! The network between a replica and PostgreSQL, which can be cut.

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

#[derive(Debug)]
struct Network {
    /// The server's socket.
    to: Mutex<PathBuf>,
    is_cut: AtomicBool,
    /// How often it was cut: connections from before are forgotten, as where a firewall lost its state.
    cuts: AtomicU64,
}

impl Proxy {
    pub fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let at = listener.local_addr().expect("it is bound");
        let network = Arc::new(Network {
            to: Mutex::new(socket),
            is_cut: AtomicBool::new(false),
            cuts: AtomicU64::new(0),
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

    /// Connections lead to another server from now on.
    pub fn lead_to(&self, socket: PathBuf) {
        let to = self.network.to.lock();
        *to.unwrap_or_else(PoisonError::into_inner) = socket;
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
        // A server that is not there refuses, as it does without us.
        let Ok(server) = UnixStream::connect(to) else {
            return;
        };
        let cuts = self.cuts.load(Ordering::SeqCst);
        let (Ok(back), Ok(from)) = (client.try_clone(), server.try_clone()) else {
            return;
        };
        let network = Arc::clone(&self);
        let answers = thread::spawn(move || network.copy(from, back, cuts));
        self.copy(client, server, cuts);
        let _ = answers.join();
    }

    fn copy(&self, mut from: impl Read, mut to: impl Write + End, cuts: u64) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            // Swallowed, and neither side is told that the other is gone.
            while self.cuts.load(Ordering::SeqCst) != cuts {
                thread::park();
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
