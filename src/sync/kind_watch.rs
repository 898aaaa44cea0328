//! Lists and watches one kind in one cluster, for ever.
//!
//! ```text
//! list ── its version ──> watch ── ended, silent ──> watch from the last version
//!   ^                       ├── 410, what cannot be read ──> list
//!   └── versions went back ─┴── failed ──> pause ──> ask for the version that the cluster has come to
//! ```

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use crate::catalog::{Kind, Listing, LiveCluster, Projector, ResourceVersion, ScopeState};
use crate::cluster::{Cause, Cluster, Connection, Failure, Heard, Piece};

use super::backoff::Backoff;
use super::kind_catalog::{End, KindCatalog};
use super::pace::Pace;

#[derive(Debug)]
pub(super) struct KindWatch {
    kind: Kind,
    cluster: Arc<Cluster>,
    live: Arc<LiveCluster>,
    catalog: KindCatalog,
    lists: Arc<Semaphore>,
    pace: Pace,
    backoff: Backoff,
    /// Since when the cluster does not answer; `None` where it does.
    away_since: Option<Instant>,
    /// It was logged that it does not.
    is_told: bool,
    /// Since when it does not let us.
    forbidden_since: Option<Instant>,
    /// It said once that it lacks a kind of which objects are known.
    is_missing: bool,
}

/// What came of one round.
#[derive(Debug)]
enum Round {
    Ended { lived: Duration, end: End },
    Absent,
    Failed(Failure),
}

impl KindWatch {
    pub(super) fn new(
        kind: Kind,
        cluster: Arc<Cluster>,
        live: Arc<LiveCluster>,
        projector: Arc<Mutex<Projector>>,
        lists: Arc<Semaphore>,
        pace: Pace,
    ) -> Self {
        Self {
            kind,
            cluster,
            catalog: KindCatalog::new(kind, Arc::clone(&live), projector),
            live,
            lists,
            pace,
            backoff: Backoff::new(pace.first_pause, pace.longest_pause),
            away_since: None,
            is_told: false,
            forbidden_since: None,
            is_missing: false,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let pause = match self.round().await {
                Round::Ended { lived, end } => self.ended(lived, end),
                Round::Absent => self.absent(),
                Round::Failed(failure) => self.failed(failure),
            };
            sleep(pause).await;
        }
    }

    async fn round(&mut self) -> Round {
        let connection = match self.cluster.connection().await {
            Ok(connection) => connection,
            Err(failure) => return Round::Failed(failure),
        };
        let round = self.list_and_watch(&connection).await;
        if let Round::Failed(failure)
        | Round::Ended {
            end: End::Failed(failure),
            ..
        } = &round
        {
            self.cluster.failed(&connection, failure).await;
        }
        round
    }

    async fn list_and_watch(&mut self, connection: &Connection) -> Round {
        match self.must_list(connection).await {
            Ok(false) => {}
            Ok(true) => match timeout(self.pace.list_limit, self.list(connection)).await {
                Ok(Ok(())) => {}
                Ok(Err(failure)) if failure.cause == Cause::Missing => {
                    return self.missing(connection, failure).await;
                }
                Ok(Err(failure)) => return Round::Failed(failure),
                Err(_) => {
                    let limit = self.pace.list_limit;
                    return Round::Failed(Failure::too_late(connection.server(), limit));
                }
            },
            Err(failure) => return Round::Failed(failure),
        }
        self.watch(connection).await
    }

    /// Whether a watch cannot go on from what is known.
    async fn must_list(&self, connection: &Connection) -> Result<bool, Failure> {
        let Some(version) = self.catalog.version() else {
            return Ok(true);
        };
        if self.live.is_awaited(self.kind) {
            return Ok(true);
        }
        let Some(since) = self.away_since else {
            return Ok(false);
        };
        if since.elapsed() > self.pace.resume_within {
            return Ok(true);
        }
        // A cluster that was restored from a backup would say nothing until it comes to our version again.
        match connection.current_version(self.kind).await {
            Ok(ResourceVersion::Text(_)) => Ok(true),
            Ok(current) => Ok(current.is_before(version)),
            Err(failure) if failure.cause == Cause::Missing => Ok(true),
            Err(failure) => Err(failure),
        }
    }

    /// Reads all objects and puts them in the place of what was known.
    async fn list(&mut self, connection: &Connection) -> Result<(), Failure> {
        let (listing, version) = match self.pages(connection, Some(self.pace.page)).await {
            // Its pages are gone before they were read: all at once, then.
            Err(failure) if failure.cause == Cause::Expired => self.pages(connection, None).await?,
            other => other?,
        };
        self.catalog.replace(listing, version);
        self.regained();
        Ok(())
    }

    async fn pages(
        &self,
        connection: &Connection,
        page: Option<u32>,
    ) -> Result<(Listing, ResourceVersion), Failure> {
        let mut listing = self.catalog.listing();
        let mut from: Option<String> = None;
        let mut permit = None;
        loop {
            let list = connection.list(self.kind, page, from.as_deref()).await?;
            // Only now, so that a cluster that does not answer keeps no other waiting.
            if permit.is_none() {
                permit = self.lists.acquire().await.ok();
            }
            let end = list
                .read(|piece| self.catalog.take(piece, &mut listing))
                .await?;
            match end.next {
                Some(next) => from = Some(next),
                None => return Ok((listing, end.version)),
            }
        }
    }

    /// The cluster answers that it has no such kind.
    async fn missing(&mut self, connection: &Connection, failure: Failure) -> Round {
        // What takes objects away is asked twice: a server that starts may not know its kinds yet.
        if self.catalog.has_objects() && !std::mem::replace(&mut self.is_missing, true) {
            return Round::Failed(failure);
        }
        if !connection.is_api_server().await {
            let server = connection.server();
            let reason = format!(
                "{server} answers 404 and is no API server; check its address in the kubeconfig"
            );
            return Round::Failed(Failure::new(Cause::Unreadable, reason));
        }
        Round::Absent
    }

    async fn watch(&mut self, connection: &Connection) -> Round {
        let Some(from) = self.catalog.version().cloned() else {
            return Round::Failed(Failure::new(Cause::Unreadable, "the list has no version"));
        };
        let started = Instant::now();
        // So that the watches of many do not end at once.
        let lasting = self.pace.watch_for.mul_f64(0.8 + fastrand::f64() / 5.0);
        let mut watch = match connection.watch(self.kind, &from, lasting).await {
            Ok(watch) => watch,
            Err(failure) => return self.not_begun(failure),
        };
        self.catalog.resumed();
        if !self.catalog.scope().is_current() {
            return Round::Ended {
                lived: Duration::ZERO,
                end: End::Incomplete("its list is awaited"),
            };
        }
        self.regained();
        let mut end = None;
        let mut has_gap = false;
        let end = loop {
            let silence = self.pace.silence;
            let heard = watch
                .next(silence, &mut |piece| {
                    if end.is_none() {
                        match piece {
                            Piece::Whole(line) => end = self.catalog.hear(line),
                            Piece::TooLong => has_gap = true,
                        }
                    }
                })
                .await;
            if let Some(end) = end.take() {
                break end;
            }
            match heard {
                Ok(Heard::Something) => {}
                Ok(Heard::Silence | Heard::End) if has_gap => {
                    break End::Incomplete("an object was too long");
                }
                Ok(Heard::Silence | Heard::End) => break End::Orderly,
                Err(failure) => break End::Failed(failure),
            }
        };
        Round::Ended {
            lived: started.elapsed(),
            end,
        }
    }

    fn not_begun(&self, failure: Failure) -> Round {
        match failure.cause {
            Cause::Expired => Round::Ended {
                lived: Duration::ZERO,
                end: End::Incomplete("its version is forgotten"),
            },
            // The list says what that means.
            Cause::Missing => Round::Ended {
                lived: Duration::ZERO,
                end: End::Incomplete("the kind is gone"),
            },
            _ => Round::Failed(failure),
        }
    }

    fn ended(&mut self, lived: Duration, end: End) -> Duration {
        self.live.unwatched(self.kind, SystemTime::now());
        let was_good = lived >= self.pace.good_after;
        if was_good {
            self.backoff.reset();
        }
        debug!(cluster = %self.cluster.name(), kind = %self.kind, ?lived, ?end, "watch ended");
        match end {
            End::Orderly if was_good => Duration::ZERO,
            End::Orderly => self.backoff.next(fastrand::f64()),
            End::Incomplete(why) => {
                debug!(cluster = %self.cluster.name(), kind = %self.kind, "listing anew: {why}");
                self.catalog.forget_version();
                self.backoff.next(fastrand::f64())
            }
            // A connection that broke may be there again at once: only then it is lost.
            End::Failed(failure) => {
                self.away_since.get_or_insert_with(Instant::now);
                let pause = self.backoff.next(fastrand::f64());
                pause.max(failure.retry_after.unwrap_or_default())
            }
        }
    }

    fn absent(&mut self) -> Duration {
        let kind = self.kind;
        let before = self.catalog.scope();
        self.catalog.is_absent();
        if !matches!(before, ScopeState::Absent { .. }) {
            info!(cluster = %self.cluster.name(), kind = %kind, "cluster {} has no {kind}; it is looked for again", self.cluster.name());
        }
        self.regained();
        self.backoff.reset();
        self.pace.look_again.mul_f64(0.8 + fastrand::f64() / 5.0)
    }

    fn failed(&mut self, failure: Failure) -> Duration {
        let Failure {
            cause,
            reason,
            retry_after,
        } = failure;
        let (kind, name, now) = (self.kind, self.cluster.name(), SystemTime::now());
        if !self.is_told {
            // What ails the whole cluster is told once, not of each kind.
            if self.live.has_fault(&reason) {
                debug!(cluster = %name, kind = %kind, "lost {kind} of cluster {name} as well");
            } else {
                self.is_told = true;
                warn!(cluster = %name, kind = %kind, reason, "lost {kind} of cluster {name}: {reason}");
            }
        }
        self.away_since.get_or_insert_with(Instant::now);
        let since = match cause {
            Cause::Forbidden => Some(*self.forbidden_since.get_or_insert_with(Instant::now)),
            _ => {
                self.forbidden_since = None;
                None
            }
        };
        if since.is_some_and(|since| since.elapsed() >= self.pace.forbidden_after) {
            self.live.forbidden(kind, &reason, now);
        } else {
            self.live.lost(kind, &reason, now);
        }
        let pause = self.backoff.next(fastrand::f64());
        pause.max(retry_after.unwrap_or_default())
    }

    fn regained(&mut self) {
        self.forbidden_since = None;
        self.is_missing = false;
        let since = self.away_since.take();
        if std::mem::take(&mut self.is_told)
            && let Some(since) = since
        {
            let (kind, name) = (self.kind, self.cluster.name());
            let seconds = since.elapsed().as_secs();
            info!(cluster = %name, kind = %kind, seconds, "regained {kind} of cluster {name}");
        }
    }
}
