//! source- and kustomize-controller at work on all objects of a namespace: they answer every token, and apply the push.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::api_server::ApiServer;
use crate::player::{Player, revision};
use crate::serve::objects::Tokens;

/// The commit that a fleet's sender pushes.
pub const PUSHED: u64 = 7;

pub struct Controllers {
    stop: Arc<AtomicBool>,
    running: Option<JoinHandle<()>>,
}

impl Controllers {
    /// Of so many objects `app-N`, each with a Kustomization of that name, which is made here.
    pub fn start(server: &'static ApiServer, namespace: &str, apps: u64) -> Self {
        let player = Player::new(server, namespace);
        let names: Vec<String> = (0..apps).map(|number| format!("app-{number}")).collect();
        for name in &names {
            player.kustomization(name, name);
        }
        let tokens = Tokens::watch(server, namespace);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let running = thread::spawn(move || {
            let mut answered = vec![0; names.len()];
            while !told.load(Ordering::SeqCst) {
                for (name, answered) in names.iter().zip(&mut answered) {
                    let asked = tokens.of(name).len();
                    if asked > *answered {
                        *answered = asked;
                        player.fetch(name, &revision("main", PUSHED));
                        player.apply(name, &revision("main", PUSHED));
                    }
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self {
            stop,
            running: Some(running),
        }
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}
