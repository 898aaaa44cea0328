//! Asks each replica ten times a second which leases it says that it holds, and afterwards finds two that held one at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::fleet::LEASES;

const EVERY: Duration = Duration::from_millis(100);
/// For one answer: while the store is away the page takes its time.
const PATIENCE: Duration = Duration::from_secs(6);
/// So long after it was stopped a process may say what it believed before: only then its timers run again.
const WAKES_WITHIN: Duration = Duration::from_millis(500);

/// What one replica says of one lease in one epoch.
#[derive(Debug)]
struct Claim {
    replica: usize,
    lease: &'static str,
    epoch: i64,
    /// When the first answer had come that says so.
    from: Instant,
    /// When the last question was asked that was answered so. In between it held the lease, for no epoch comes again.
    until: Instant,
}

/// All that was said.
#[derive(Debug, Default)]
struct Said(Vec<Claim>);

pub struct Claims {
    said: Arc<Mutex<Said>>,
    answers: Arc<AtomicU64>,
    left_out: Arc<Vec<AtomicBool>>,
    stop: Arc<AtomicBool>,
    askers: Vec<JoinHandle<()>>,
}

impl Said {
    fn note(&mut self, replica: usize, asked: Instant, answered: Instant, page: &str) {
        for lease in LEASES {
            if gauge(page, "lease_held", lease) != Some("1") {
                continue;
            }
            let epoch = gauge(page, "lease_epoch", lease).and_then(|it| it.parse().ok());
            let epoch: i64 = epoch.expect("whoever holds a lease says in which epoch");
            let mut claims = self.0.iter_mut().rev();
            let known =
                claims.find(|it| it.replica == replica && it.lease == lease && it.epoch == epoch);
            match known {
                Some(claim) => claim.until = asked,
                None => self.0.push(Claim {
                    replica,
                    lease,
                    epoch,
                    from: answered,
                    until: asked,
                }),
            }
        }
    }

    /// Two replicas that held a lease at once, in words.
    fn doubled(&self) -> Vec<String> {
        let mut doubled = Vec::new();
        for (number, one) in self.0.iter().enumerate() {
            for other in &self.0[number + 1..] {
                let (from, until) = (one.from.max(other.from), one.until.min(other.until));
                if one.lease == other.lease && one.replica != other.replica && from < until {
                    doubled.push(format!(
                        "{} is held by replica {} in epoch {} and by {} in {} at once, for {:.1?}",
                        one.lease,
                        one.replica,
                        one.epoch,
                        other.replica,
                        other.epoch,
                        until - from
                    ));
                }
            }
        }
        doubled
    }
}

impl Claims {
    /// Asks at the addresses of their APIs until it is dropped; who does not answer holds nothing.
    pub fn start(replicas: &[SocketAddr]) -> Self {
        let said = Arc::new(Mutex::new(Said::default()));
        let answers = Arc::new(AtomicU64::new(0));
        let left_out = replicas.iter().map(|_| AtomicBool::new(false));
        let left_out = Arc::new(left_out.collect::<Vec<_>>());
        let stop = Arc::new(AtomicBool::new(false));
        let asker = |(replica, at): (usize, &SocketAddr)| {
            let (said, answers) = (Arc::clone(&said), Arc::clone(&answers));
            let (left_out, stop) = (Arc::clone(&left_out), Arc::clone(&stop));
            let url = format!("http://{at}/metrics");
            thread::spawn(move || {
                let agent = ureq::Agent::config_builder()
                    .proxy(None)
                    .timeout_global(Some(PATIENCE))
                    .build()
                    .new_agent();
                while !stop.load(Ordering::SeqCst) {
                    thread::sleep(EVERY);
                    if left_out[replica].load(Ordering::SeqCst) {
                        continue;
                    }
                    let asked = Instant::now();
                    let page = agent.get(&url).call();
                    let page = page.and_then(|mut page| page.body_mut().read_to_string());
                    if let Ok(page) = page {
                        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                        said.note(replica, asked, Instant::now(), &page);
                        answers.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        };
        let askers = replicas.iter().enumerate().map(asker).collect();
        Self {
            said,
            answers,
            left_out,
            stop,
            askers,
        }
    }

    /// It is about to be stopped, and so cannot know what it has lost.
    pub fn leave_out(&self, replica: usize) {
        self.left_out[replica].store(true, Ordering::SeqCst);
    }

    /// It goes on since a moment ago.
    pub fn take_in(&self, replica: usize) {
        thread::sleep(WAKES_WITHIN);
        self.left_out[replica].store(false, Ordering::SeqCst);
    }

    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::SeqCst)
    }

    /// Two replicas that held a lease at once, in words.
    pub fn doubled(&self) -> Vec<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        for lease in LEASES {
            let mut claims = said.0.iter();
            let is_seen = claims.any(|claim| claim.lease == lease && claim.from < claim.until);
            assert!(is_seen, "nobody was seen to hold {lease}: {said:?}");
        }
        said.doubled()
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for asker in self.askers.drain(..) {
            let _ = asker.join();
        }
    }
}

/// What a page for Prometheus says of a lease.
pub fn gauge<'p>(page: &'p str, name: &str, lease: &str) -> Option<&'p str> {
    let line = format!("flux_setup_{name}{{lease=\"{lease}\"}} ");
    page.lines().find_map(|it| it.strip_prefix(&line))
}

#[test]
fn only_who_says_so_before_and_after_another_said_it_held_a_lease_at_the_same_time() {
    let began = Instant::now();
    let at = |millis: u64| began + Duration::from_millis(millis);
    let said = |answers: &[(usize, u64, i64)]| {
        let mut said = Said::default();
        for (replica, millis, epoch) in answers {
            let page = format!(
                "flux_setup_lease_held{{lease=\"fleet\"}} 1\n\
                 flux_setup_lease_held{{lease=\"cluster/prod\"}} 0\n\
                 flux_setup_lease_epoch{{lease=\"fleet\"}} {epoch}\n"
            );
            said.note(*replica, at(*millis), at(millis + 10), &page);
        }
        said.doubled()
    };
    assert_eq!(
        said(&[(0, 0, 3), (1, 50, 4), (0, 100, 3), (1, 150, 4)]),
        ["fleet is held by replica 0 in epoch 3 and by 1 in 4 at once, for 40.0ms"]
    );
    // It passes from one to the other and back.
    let passed = [(0, 0, 3), (0, 100, 3), (1, 150, 4), (1, 250, 4)];
    assert!(said(&passed).is_empty());
    let back = [(0, 300, 5), (0, 400, 5)];
    assert!(said(&[&passed[..], &back[..]].concat()).is_empty());
    // It may have passed while they were asked.
    assert!(said(&[(0, 0, 3), (1, 50, 4), (1, 150, 4)]).is_empty());
}
