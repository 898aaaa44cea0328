//! Keeps what is known of GitHub's limits from one run to the next: no token, only figures and times.

use std::collections::HashMap;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::budget::live::{HeldRow, Step};
use crate::github::{Client, EtagRow, Github};
use crate::store::{Store, StoreError};

/// Subjects of notes in the store.
const LEDGER: &str = "ledger";
const HISTORY: &str = "history";
const ETAG: &str = "etag";

/// How often it is looked whether a gate has closed: who is killed then must not ask again inside the hold.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often all else is written where it has changed.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// How often it is seen whether GitHub has to be asked what is left.
const ASK_EVERY: Duration = Duration::from_secs(30);
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
    /// What was closed when the ledgers were written last.
    holds: Vec<HeldRow>,
}

impl Books {
    /// Goes on with the books of the last run. Notes that cannot be read are left out: GitHub's next answer
    /// says what is left.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(store: Store, hosts: Vec<Github>) -> Result<Self, StoreError> {
        let mut books = Self {
            ledgers: store.notes(LEDGER).await?.into_iter().collect(),
            history: store.notes(HISTORY).await?.into_iter().collect(),
            etags: store.notes(ETAG).await?.into_iter().collect(),
            store,
            hosts,
            holds: Vec::new(),
        };
        books.restore();
        books.holds = books.held();
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
        let mut written_at = Instant::now();
        let mut is_lost = false;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if written_at.elapsed() < WRITE_EVERY && are_the_same(&self.held(), &self.holds) {
                continue;
            }
            written_at = Instant::now();
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

    fn held(&self) -> Vec<HeldRow> {
        self.clients()
            .flat_map(|client| client.ledger(|ledger| ledger.holds(client.now())))
            .collect()
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

    async fn write(&mut self) -> Result<(), StoreError> {
        let holds = self.held();
        let ledgers = self.clients().map(|client| {
            let state = client.ledger(|ledger| ledger.state(client.now()));
            (name(client, ""), json(&state))
        });
        let ledgers = ledgers.collect();
        bring(&self.store, LEDGER, &mut self.ledgers, ledgers).await?;
        self.holds = holds;
        let steps = self.clients().flat_map(|client| {
            let buckets = client.ledger(|ledger| ledger.history(None, client.now()));
            buckets.into_iter().flat_map(|(resource, steps)| {
                let of_bucket = name(client, &format!("/{resource}/"));
                let step = |step: &Step| (format!("{of_bucket}{}", step.at), json(step));
                steps.iter().map(step).collect::<Vec<_>>()
            })
        });
        let steps = steps.collect();
        bring(&self.store, HISTORY, &mut self.history, steps).await?;
        let etags = self.hosts.iter().flat_map(|host| {
            let rows = host.etags_kept().into_iter();
            rows.map(|row| {
                let place = [&**host.host(), &row.identity, &row.generation, &row.path];
                (place.join("/"), json(&row))
            })
        });
        let etags = etags.collect();
        bring(&self.store, ETAG, &mut self.etags, etags).await
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

/// Times by another machine's clock are never quite the same.
fn are_the_same(holds: &[HeldRow], others: &[HeldRow]) -> bool {
    let is_same = |(one, other): (&HeldRow, &HeldRow)| {
        let apart = one.until.duration_since(other.until);
        (one.why, one.of) == (other.why, other.of) && apart.abs() < SignedDuration::from_secs(2)
    };
    holds.len() == others.len() && holds.iter().zip(others).all(is_same)
}

fn name(client: &Client, rest: &str) -> String {
    format!("{}/{}{rest}", client.host(), client.identity())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Makes the notes of a subject what they should be, and remembers what was written.
async fn bring(
    store: &Store,
    subject: &'static str,
    written: &mut Written,
    wanted: Written,
) -> Result<(), StoreError> {
    let gone = written.keys().filter(|name| !wanted.contains_key(*name));
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
