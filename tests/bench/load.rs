//! Senders of deliveries: as many as go, or at a fixed rate, and how long each answer took.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::hookshot::{Hookshot, guid, push, request, signature};
use crate::process::SECRET;

/// Bytes of a body: that of a push with a few commits.
const BODY_BYTES: usize = 8_000;

/// What was answered, and when.
pub struct Answers {
    took: Vec<Duration>,
    others: usize,
    within: Duration,
}

impl Answers {
    pub fn answers(&self) -> usize {
        self.took.len()
    }

    /// Answers other than the one that is wanted.
    pub fn others(&self) -> usize {
        self.others
    }

    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.took.len() as f64 / self.within.as_secs_f64()
    }

    /// In milliseconds.
    pub fn quantile(&self, share: f64) -> f64 {
        let last = self.took.len().saturating_sub(1) as f64;
        let place = (last * share).round() as usize;
        self.took
            .get(place)
            .map_or(0.0, |took| took.as_secs_f64() * 1e3)
    }

    fn of(parts: Vec<(Vec<Duration>, usize)>, within: Duration) -> Self {
        let others = parts.iter().map(|(_, others)| others).sum();
        let mut took: Vec<Duration> = parts.into_iter().flat_map(|(took, _)| took).collect();
        took.sort_unstable();
        Self {
            took,
            others,
            within,
        }
    }
}

/// A push of 8 kB to a repository that nobody follows.
fn body() -> Vec<u8> {
    let mut body = push("acme/nobody", "main", 7);
    let filler = "x".repeat(BODY_BYTES - body.len() - r#","compare":"""#.len());
    body.pop();
    body.extend(format!(",\"compare\":\"{filler}\"}}").bytes());
    body
}

/// Each connection sends the next delivery as soon as the last was answered; from `first` on each
/// has a number of its own.
pub fn closed(
    to: SocketAddr,
    connections: u64,
    time: Duration,
    first: u64,
    is_signed: bool,
) -> Answers {
    let body = body();
    let signature = signature(if is_signed { SECRET } else { "another" }, &body);
    let started = Instant::now();
    let senders: Vec<_> = (0..connections)
        .map(|connection| {
            let (body, signature) = (body.clone(), signature.clone());
            thread::spawn(move || {
                let (mut took, mut others) = (Vec::new(), 0);
                let mut hookshot = connect(to);
                for number in 0.. {
                    if started.elapsed() >= time {
                        break;
                    }
                    let guid = guid(first + number * connections + connection);
                    let request = request("/hooks/github/acme", "push", &guid, &signature, &body);
                    let sent = Instant::now();
                    match hookshot.send_raw(&request) {
                        Ok(answer) => {
                            took.push(sent.elapsed());
                            let is_wanted = if is_signed {
                                answer.status == 202
                            } else {
                                matches!(answer.status, 401 | 429)
                            };
                            others += usize::from(!is_wanted);
                        }
                        // A server may close the connection after a refusal.
                        Err(_) => hookshot = connect(to),
                    }
                }
                (took, others)
            })
        })
        .collect();
    let parts = senders
        .into_iter()
        .map(|sender| sender.join().expect("a sender does not panic"))
        .collect();
    Answers::of(parts, started.elapsed())
}

/// So many deliveries a second, whether answers come or not; how long each took is counted from
/// when it was to be sent.
pub fn paced(to: SocketAddr, per_second: u64, time: Duration, first: u64) -> Answers {
    const CONNECTIONS: u64 = 16;
    let body = body();
    let signature = signature(SECRET, &body);
    let started = Instant::now();
    let each = Duration::from_secs(1) / u32::try_from(per_second).unwrap_or(u32::MAX);
    let all = per_second * time.as_secs();
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            let (body, signature) = (body.clone(), signature.clone());
            thread::spawn(move || {
                let (mut took, mut others) = (Vec::new(), 0);
                let mut hookshot = connect(to);
                for number in (connection..all).step_by(CONNECTIONS as usize) {
                    let due = started + each * u32::try_from(number).unwrap_or(u32::MAX);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    let guid = guid(first + number);
                    let request = request("/hooks/github/acme", "push", &guid, &signature, &body);
                    let answer = hookshot.send_raw(&request).expect("it is answered");
                    took.push(due.elapsed());
                    others += usize::from(answer.status != 202);
                }
                (took, others)
            })
        })
        .collect();
    let parts = senders
        .into_iter()
        .map(|sender| sender.join().expect("a sender does not panic"))
        .collect();
    Answers::of(parts, started.elapsed())
}

fn connect(to: SocketAddr) -> Hookshot {
    Hookshot::connect(to, "acme", SECRET).expect("the service listens")
}
