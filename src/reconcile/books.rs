//! Keeps what is known of GitHub's limits from one run to the next: no token, only figures and times.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::SignedDuration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::budget::live::Step;
use crate::github::{Client, EtagRow, Github};
use crate::store::{Store, StoreError};

use super::outages::Outages;

/// Subjects of notes in the store.
const LEDGER: &str = "ledger";
const HISTORY: &str = "history";
const ETAG: &str = "etag";

/// How often it is written what has changed; that a gate has closed is at once: who is killed then must not ask
/// again inside the hold.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// How often all is compared with what was written, and what is no more is forgotten.
const COMPARE_EVERY: Duration = Duration::from_secs(5 * 60);
/// Of the history that may have changed since all was compared: a step begins before that.
const RECENT: SignedDuration = SignedDuration::from_mins(15);
/// How often it is seen whether GitHub has to be asked what is left.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// Notes that are written by one call.
const PAGE: usize = 1_000;

/// What is written already, by the name of its note.
type Written = HashMap<String, String>;

/// The books of all hosts that we ask.
#[derive(Debug)]
pub struct Books {
    store: Store,
    hosts: Vec<Github>,
    ledgers: Written,
    history: Written,
    etags: Written,
    /// Of each client, up to where its `ETag`s were written.
    etags_until: Vec<u64>,
    /// When all was compared; `None`: not yet, or what was written since may lack something.
    compared: Option<Instant>,
    outages: Outages,
}

impl Books {
    /// Goes on with the books of the last run. Notes that cannot be read are left out: GitHub's next answer
    /// says what is left.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(store: Store, hosts: Vec<Github>) -> Result<Self, StoreError> {
        let books = Self {
            ledgers: store.notes(LEDGER).await?.into_iter().collect(),
            history: store.notes(HISTORY).await?.into_iter().collect(),
            etags: store.notes(ETAG).await?.into_iter().collect(),
            store,
            hosts,
            etags_until: Vec::new(),
            compared: None,
            outages: Outages::default(),
        };
        books.restore();
        Ok(books)
    }

    /// Keeps them until it is told to stop, and once more then. Asks what is left where no answer has said it
    /// for long.
    pub async fn keep(mut self, stop: CancellationToken) {
        let clients: Vec<Client> = self.clients().cloned().collect();
        let asking = ask_what_is_left(&clients);
        let keeping = async {
            tokio::select! {
                () = self.keep_on() => {}
                () = asking => {}
            }
        };
        stop.run_until_cancelled(keeping).await;
        if let Err(fault) = self.write().await {
            warn!(error = %fault, "the last of what is known of GitHub's limits was not kept");
        }
    }

    async fn keep_on(&mut self) {
        let mut is_lost = false;
        loop {
            self.outages.look(&self.hosts);
            let closed = self.hosts.iter().map(Github::gate_closed);
            let mut closed: FuturesUnordered<_> = closed.collect();
            tokio::select! {
                () = tokio::time::sleep(WRITE_EVERY) => {}
                Some(()) = closed.next() => {}
            }
            drop(closed);
            let written = self.write().await;
            match &written {
                Ok(()) if is_lost => info!("what is known of GitHub's limits is kept again"),
                Err(fault) if !is_lost => {
                    warn!(error = %fault, "what is known of GitHub's limits cannot be kept");
                }
                _ => {}
            }
            is_lost = written.is_err();
        }
    }

    fn clients(&self) -> impl Iterator<Item = &Client> {
        self.hosts.iter().flat_map(|host| host.clients())
    }

    fn restore(&self) {
        for client in self.clients() {
            let kept = self.ledgers.get(&name(client, ""));
            if let Some(state) = kept.and_then(|state| serde_json::from_str(state).ok()) {
                client.ledger(|ledger| ledger.go_on_from(state, client.now()));
            }
            let prefix = name(client, "/");
            let mut steps: HashMap<&str, Vec<Step>> = HashMap::new();
            for (name, step) in &self.history {
                let place = name
                    .strip_prefix(&prefix)
                    .and_then(|it| it.rsplit_once('/'));
                let step = serde_json::from_str(step).ok();
                if let (Some((resource, _)), Some(step)) = (place, step) {
                    steps.entry(resource).or_default().push(step);
                }
            }
            for (resource, steps) in steps {
                client.ledger(|ledger| ledger.restore_history(resource, steps));
            }
        }
        for host in &self.hosts {
            let prefix = format!("{}/", host.host());
            let of_host = self
                .etags
                .iter()
                .filter(|(name, _)| name.starts_with(&prefix));
            let rows = of_host.filter_map(|(_, row)| serde_json::from_str::<EtagRow>(row).ok());
            host.keep_etags(rows);
        }
    }

    /// Writes what has changed.
    ///
    /// # Errors
    /// The store cannot be written; all is compared with it the next time.
    pub async fn write(&mut self) -> Result<(), StoreError> {
        let compared = self.compared.take();
        let compared = compared.filter(|at| at.elapsed() < COMPARE_EVERY);
        self.write_news(compared.is_none()).await?;
        self.compared = Some(compared.unwrap_or_else(Instant::now));
        Ok(())
    }

    async fn write_news(&mut self, all: bool) -> Result<(), StoreError> {
        let ledgers = self.clients().map(|client| {
            let state = client.ledger(|ledger| ledger.state(client.now()));
            (name(client, ""), json(&state))
        });
        let ledgers = ledgers.collect();
        bring(&self.store, LEDGER, &mut self.ledgers, ledgers, true).await?;
        let steps = self.clients().flat_map(|client| {
            let now = client.now();
            let buckets = client.ledger(|ledger| {
                let recent = ledger.github_time(now).checked_sub(RECENT).ok();
                ledger.history(recent.filter(|_| !all), now)
            });
            buckets.into_iter().flat_map(|(resource, steps)| {
                let of_bucket = name(client, &format!("/{resource}/"));
                let step = |step: &Step| (format!("{of_bucket}{}", step.at), json(step));
                steps.iter().map(step).collect::<Vec<_>>()
            })
        });
        let steps = steps.collect();
        bring(&self.store, HISTORY, &mut self.history, steps, all).await?;
        let mut etags = Written::new();
        let mut etags_until = Vec::new();
        for (place, client) in self.clients().enumerate() {
            let since = self.etags_until.get(place).filter(|_| !all);
            let (rows, until) = client.etags_kept_since(since.copied().unwrap_or(0));
            etags_until.push(until);
            etags.extend(rows.into_iter().map(|row| {
                let place = [client.host(), &row.identity, &row.generation, &row.path];
                (place.join("/"), json(&row))
            }));
        }
        bring(&self.store, ETAG, &mut self.etags, etags, all).await?;
        self.etags_until = etags_until;
        Ok(())
    }
}

/// Each by itself: one that waits at its gate keeps back no other.
async fn ask_what_is_left(clients: &[Client]) {
    let asking = clients.iter().map(|client| async move {
        loop {
            client.look_at_limits().await;
            tokio::time::sleep(ASK_EVERY).await;
        }
    });
    futures::future::join_all(asking).await;
}

fn name(client: &Client, rest: &str) -> String {
    format!("{}/{}{rest}", client.host(), client.identity())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Makes the notes of a subject what they should be, and remembers what was written. What is not wanted is
/// forgotten where that is all.
async fn bring(
    store: &Store,
    subject: &'static str,
    written: &mut Written,
    wanted: Written,
    all: bool,
) -> Result<(), StoreError> {
    let gone = written.keys();
    let gone = gone.filter(|name| all && !wanted.contains_key(*name));
    let gone: Vec<String> = gone.cloned().collect();
    for some in gone.chunks(PAGE) {
        store.forget(subject, some.to_vec()).await?;
        for name in some {
            written.remove(name);
        }
    }
    let news = wanted.into_iter();
    let news: Vec<_> = news
        .filter(|(name, content)| written.get(name) != Some(content))
        .collect();
    for some in news.chunks(PAGE) {
        store.note(subject, some.to_vec()).await?;
        written.extend(some.iter().cloned());
    }
    Ok(())
}
