//! Looks every 20 ms into the table of leases, and afterwards whether anybody annotated whose lease it was not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

use crate::process::Service;

use super::claims::gauge;

const EVERY: Duration = Duration::from_millis(20);
/// What was sent under a lease may be answered so much later on a busy machine; who has lost it and does not know it goes
/// on for longer.
pub const LATE: Duration = Duration::from_secs(2);

/// When each epoch of each lease was seen first, by the table.
type Epochs = BTreeMap<(String, i64), Timestamp>;

pub struct Sampler {
    epochs: Arc<Mutex<Epochs>>,
    samples: Arc<Mutex<u64>>,
    stop: Arc<AtomicBool>,
    running: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Looks into this database until it is dropped, whatever happens to its server.
    pub fn start(url: &str) -> Self {
        let epochs = Arc::new(Mutex::new(Epochs::new()));
        let samples = Arc::new(Mutex::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, counted, told) = (Arc::clone(&epochs), Arc::clone(&samples), Arc::clone(&stop));
        let url = url.to_owned();
        let running = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let mut connection = None;
                while !told.load(Ordering::SeqCst) {
                    match sample(&url, &mut connection).await {
                        Ok(rows) => {
                            let now = Timestamp::now();
                            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                            for row in rows {
                                seen.entry(row).or_insert(now);
                            }
                            *counted.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                        }
                        Err(_) => connection = None,
                    }
                    tokio::time::sleep(EVERY).await;
                }
            });
        });
        Self {
            epochs,
            samples,
            stop,
            running: Some(running),
        }
    }

    pub fn samples(&self) -> u64 {
        *self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often a lease was taken.
    pub fn epochs(&self, lease: &str) -> usize {
        let epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        epochs.keys().filter(|(name, _)| name == lease).count()
    }

    /// Annotations that these logs tell of, each of one process, that were made while another held the cluster; `made_at`
    /// says when that of a delivery was made. A process that was stopped meanwhile may log it later.
    pub fn strangers(
        &self,
        logs: &[String],
        made_at: impl Fn(&str) -> Option<Timestamp>,
    ) -> Vec<String> {
        let epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut strangers = Vec::new();
        let mut checked = 0;
        for log in logs {
            let mut held: BTreeMap<String, i64> = BTreeMap::new();
            let lines = log.lines();
            for line in lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
                let message = line["message"].as_str().unwrap_or_default();
                if let (Some(lease), Some(epoch)) = (line["lease"].as_str(), line["epoch"].as_i64())
                {
                    held.insert(lease.to_owned(), epoch);
                }
                if line["state"] != "annotated" {
                    continue;
                }
                checked += 1;
                let lease = format!("cluster/{}", line["cluster"].as_str().unwrap_or_default());
                let delivery = line["delivery"].as_str().unwrap_or_default();
                let at = made_at(delivery).expect("it is told of each");
                let Some(epoch) = held.get(&lease) else {
                    strangers.push(format!("without a lease: {message} at {at}"));
                    continue;
                };
                // Who came after it.
                let next = epochs.get(&(lease, epoch + 1));
                let late = SignedDuration::try_from(LATE).expect("seconds");
                if next.is_some_and(|next| at.duration_since(*next) > late) {
                    strangers.push(format!("in epoch {epoch}, too late: {message} at {at}"));
                }
            }
        }
        assert!(checked > 0, "nobody annotated anything");
        strangers
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

async fn sample(
    url: &str,
    connection: &mut Option<PgConnection>,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(PgConnection::connect(url).await?),
    };
    let sql = "SELECT name, epoch FROM lease WHERE holder <> ''";
    sqlx::query_as(sql).fetch_all(connection).await
}

/// Whether a replica says that it holds a lease; `None` where it says nothing.
pub fn holds(service: &Service, lease: &str) -> Option<bool> {
    let (_, page) = service.get_text("/metrics")?;
    gauge(&page, "lease_held", lease).map(|value| value == "1")
}
