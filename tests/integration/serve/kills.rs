//! The service under load, killed at random moments: what was accepted, lost and doubled.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::api_server::ApiServer;
use crate::hookshot::{Hookshot, guid, push};
use crate::process::{Home, SECRET, Service};

use super::objects::{Objects, Tokens};

/// Deliveries that are sent before each kill, each for an object of its own.
const EACH: u64 = 40;
/// For the last annotations to come.
const PATIENCE: Duration = Duration::from_secs(120);

/// What became of the deliveries.
#[derive(Debug)]
pub struct Outcome {
    kills: u64,
    /// Answered 202.
    pub accepted: usize,
    /// The process died first, so that GitHub would show them as failed.
    unanswered: usize,
    /// Accepted, and their object was never annotated.
    pub lost: usize,
    /// Objects that were annotated more than once.
    pub doubled: usize,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "kill -9: {} times; accepted {}, unanswered {}, lost {}, doubled {}",
            self.kills, self.accepted, self.unanswered, self.lost, self.doubled
        )
    }
}

/// Sends, kills and starts again so many times, and then waits for what is left.
///
/// # Panics
/// Where the service does not start, or answers anything but 202.
pub fn run(server: &ApiServer, kills: u64) -> Outcome {
    let objects = Objects::new(server, "killed");
    let names = || (0..kills * EACH).map(|number| format!("app-{number}"));
    for (number, name) in names().enumerate() {
        objects.git(
            &name,
            &format!("https://github.com/acme/killed-{number}"),
            "main",
        );
    }
    let tokens = Tokens::watch(server, "killed");
    let home = Home::new(&[("prod-eu", &server.kubeconfig())]);
    let (mut accepted, mut unanswered) = (Vec::new(), 0);
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    for kill in 0..kills {
        let service = home.start();
        let answered = Arc::new(AtomicU64::new(0));
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let (hooks, answered) = (service.hooks, Arc::clone(&answered));
                thread::spawn(move || send(hooks, kill, sender, &answered))
            })
            .collect();
        // Now and then at once; else once some were answered, however slow the machine is.
        let wanted = random.below(EACH / 4);
        while answered.load(Ordering::SeqCst) < wanted
            && !senders.iter().all(thread::JoinHandle::is_finished)
        {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(random.below(400)));
        service.kill();
        for sender in senders {
            for (number, status) in sender.join().expect("a sender does not panic") {
                match status {
                    Some(202) => accepted.push(format!("app-{number}")),
                    Some(status) => panic!("answered {status}"),
                    None => unanswered += 1,
                }
            }
        }
    }
    let mut service = home.start();
    service.wait_until("all that was accepted is over", |service| {
        is_over(service, "accepted") && is_over(service, "working")
    });
    let deadline = Instant::now() + PATIENCE;
    let lost = loop {
        let lost = accepted.iter().filter(|name| tokens.of(name).is_empty());
        match lost.count() {
            0 => break 0,
            lost if Instant::now() > deadline => break lost,
            _ => thread::sleep(Duration::from_millis(50)),
        }
    };
    Outcome {
        kills,
        accepted: accepted.len(),
        unanswered,
        lost,
        doubled: names().filter(|name| tokens.of(name).len() > 1).count(),
    }
}

/// One delivery after the other, each with its number and the status of its answer; those that are answered are counted.
fn send(
    hooks: std::net::SocketAddr,
    kill: u64,
    sender: u64,
    answered: &AtomicU64,
) -> Vec<(u64, Option<u16>)> {
    let numbers = (kill * EACH..(kill + 1) * EACH).filter(|number| number % 4 == sender);
    let Ok(mut hookshot) = Hookshot::connect(hooks, "acme", SECRET) else {
        return Vec::new();
    };
    numbers
        .map(|number| {
            let body = push(&format!("acme/killed-{number}"), "main", 7);
            let answer = hookshot.send("push", &guid(number), &body);
            answered.fetch_add(u64::from(answer.is_ok()), Ordering::SeqCst);
            (number, answer.ok().map(|answer| answer.status))
        })
        .collect()
}

fn is_over(service: &Service, state: &str) -> bool {
    let told = service.get(&format!("/api/v1/deliveries?limit=1&state={state}"));
    let deliveries = told.and_then(|(_, told)| Some(told["deliveries"].as_array()?.len()));
    deliveries == Some(0)
}

/// Random enough for moments, and the same in every run.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
