//! Leases of replicas that share PostgreSQL: one holds each, and only it writes what belongs to it.

use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::time::Duration;

use flux_setup::store::{
    ACT, Board, Fence, LEASE as LASTS, Leases, News, Store, StoreError, StoreUrl, Write,
};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use crate::replicas::proxy::{Proxy, Server};

use super::servers::{Postgres, block_on, on_sqlite};
use super::{delivery, gone, matched, new, object, opened};

const LEASE: &str = "cluster/prod";
/// For what takes milliseconds on an idle machine.
const SOON: Duration = Duration::from_secs(20);

/// Two replicas and a third connection that looks on.
struct Scene {
    stores: [Store; 2],
    leases: [Leases; 2],
    by_hand: PgConnection,
    /// How often a lease may have been taken without our knowing it: the answer did not come in time.
    unanswered: i64,
}

impl Scene {
    async fn open(server: &Postgres) -> Self {
        let text = server.database().await;
        let url = StoreUrl::read(&text, Path::new("")).unwrap();
        let stores = [opened(&url).await, opened(&url).await];
        let leases = [&stores[0], &stores[1]].map(|store| store.leases().unwrap());
        let by_hand = PgConnection::connect(&text).await.unwrap();
        Self {
            stores,
            leases,
            by_hand,
            unanswered: 0,
        }
    }

    async fn sql(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        self.by_hand.execute(sql).await.unwrap();
    }

    /// The first replica has it.
    async fn taken(&mut self) -> Fence {
        self.take(0).await.unwrap()
    }

    /// A replica takes it where it can; again where the machine stood still for so long that there was no answer.
    async fn take(&mut self, replica: usize) -> Option<Fence> {
        let deadline = Instant::now() + SOON;
        loop {
            match self.leases[replica].take(LEASE).await {
                Ok(taken) => return taken,
                Err(fault) => assert!(Instant::now() < deadline, "{fault}"),
            }
            self.unanswered += 1;
        }
    }

    /// A replica renews what it holds, likewise; with when it was asked to that was answered.
    async fn beat_at(&mut self, replica: usize, held: &[Fence]) -> (Instant, Board) {
        let deadline = Instant::now() + SOON;
        loop {
            let asked = Instant::now();
            match self.leases[replica].beat(held).await {
                Ok(board) => return (asked, board),
                Err(fault) => assert!(asked < deadline, "{fault}"),
            }
        }
    }

    async fn beat(&mut self, replica: usize, held: &[Fence]) -> Board {
        self.beat_at(replica, held).await.1
    }

    /// Whether a fence is of the epoch after one.
    fn is_next(&self, fence: &Fence, epoch: i64) -> bool {
        (epoch + 1..=epoch + 1 + self.unanswered).contains(&fence.epoch())
    }

    /// The first replica takes it and renews it for so long, and nobody else may take it meanwhile. Returns with it
    /// when it was asked for and had for the last time, which is little apart; `None` where the machine stood still
    /// until it had run out.
    async fn renewed_for(&mut self, time: Duration) -> Option<(Fence, Instant, Instant)> {
        let started = Instant::now();
        let mut renewed = started;
        let fence = self.taken().await;
        loop {
            let (asked, _) = self.beat_at(0, from_ref(&fence)).await;
            let answered = Instant::now();
            if !fence.is_held() {
                let age = renewed.elapsed();
                assert!(age >= ACT, "it ran out after {age:?}");
                return None;
            }
            if started.elapsed() >= time && answered - asked < Duration::from_millis(900) {
                return Some((fence, asked, answered));
            }
            renewed = asked;
            let other = self.take(1).await;
            if renewed.elapsed() >= LASTS {
                return None;
            }
            assert!(other.is_none(), "another has it");
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// As if its holder were not heard of for long.
    async fn runs_out(&mut self) {
        self.sql("UPDATE lease SET until = 0").await;
    }

    async fn close(self) {
        for store in self.stores {
            store.close().await.unwrap();
        }
    }
}

fn with_scene(test: impl AsyncFnOnce(&mut Scene)) {
    let server = Postgres::start();
    block_on(async {
        let mut scene = Scene::open(&server).await;
        test(&mut scene).await;
        scene.close().await;
    });
}

#[test]
fn a_file_has_no_leases_for_it_has_one_process() {
    on_sqlite(async |url| {
        let store = opened(&url).await;
        assert!(store.leases().is_none() && store.listener().is_none() && store.is_held());
        store.close().await.unwrap();
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn a_lease_is_held_by_one_until_it_runs_out_or_is_given_back() {
    with_scene(async |scene| {
        let first = scene.taken().await;
        assert_eq!(first.lease(), LEASE);
        assert!(scene.is_next(&first, 0), "{first:?}");
        assert!(scene.take(1).await.is_none());
        let (renewed, board) = scene.beat_at(0, from_ref(&first)).await;
        let us = scene.leases[0].replica().to_string();
        assert_eq!(board.leases[0].holder.as_ref(), Some(&us));
        assert_eq!(board.replicas, [us]);
        assert_eq!(scene.beat(1, &[]).await.replicas.len(), 2);
        // Who may take other leases shares none of these.
        scene.leases[1].know(["fleet", "cluster/b"]);
        assert_eq!(scene.beat(1, &[]).await.replicas.len(), 1);
        scene.leases[1].know([]);
        assert_eq!(scene.beat(1, &[]).await.replicas.len(), 2);

        scene.runs_out().await;
        let begun = Instant::now();
        let second = scene.take(1).await.unwrap();
        assert!(scene.is_next(&second, first.epoch()), "{second:?}");
        // The first may still believe that it has it: it learns of it when it renews.
        assert!(first.is_held() || renewed.elapsed() >= ACT);
        scene.beat(0, from_ref(&first)).await;
        assert!(!first.is_held());
        assert!(second.is_held() || begun.elapsed() >= ACT);

        scene.leases[1].give_back(&second).await.unwrap();
        assert!(!second.is_held());
        let third = scene.taken().await;
        assert!(scene.is_next(&third, second.epoch()), "{third:?}");
        scene.leases[1].leave().await.unwrap();
        assert_eq!(scene.beat(0, &[]).await.replicas.len(), 1);
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn a_lease_that_is_renewed_does_not_run_out_and_one_that_is_not_does() {
    with_scene(async |scene| {
        let mut renewed = None;
        for _ in 0..5 {
            renewed = scene.renewed_for(ACT * 2).await;
            if renewed.is_some() {
                break;
            }
            scene.runs_out().await;
        }
        let (fence, asked, answered) = renewed.expect("the machine does not always stand still");
        while answered.elapsed() < ACT {
            let is_held = fence.is_held();
            let age = asked.elapsed();
            assert!(is_held || age >= ACT, "it ran out after {age:?}");
            let other = scene.take(1).await;
            assert!(
                other.is_none() || asked.elapsed() >= LASTS,
                "another has it"
            );
            sleep(Duration::from_millis(100)).await;
        }
        assert!(!fence.is_held());
        let taken_at = loop {
            let begun = Instant::now();
            if scene.take(1).await.is_some() {
                break Instant::now();
            }
            let age = begun - answered;
            assert!(age < LASTS + Duration::from_millis(100), "kept for {age:?}");
            sleep(Duration::from_millis(100)).await;
        };
        // What the first had on its way has time to arrive.
        let apart = taken_at - (answered + ACT);
        assert!(apart > Duration::from_secs(2), "{apart:?}");
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn what_is_written_under_a_lease_is_refused_once_another_has_it() {
    with_scene(async |scene| {
        let first = scene.taken().await;
        let store = scene.stores[0].under(first.clone());
        let id = new(&store, 1).await;
        let work = store
            .write(vec![matched(id, vec![object("web")])])
            .await
            .unwrap();
        scene.runs_out().await;
        // Nobody has taken it, so nobody else does its work.
        store
            .note("lane", vec![("a".into(), "1".into())])
            .await
            .unwrap();
        scene.take(1).await.unwrap();
        let state = gone(3_000);
        let ended = vec![Write::Work {
            id: work[0].id,
            state: state.clone(),
        }];
        let refusals = [
            store.write(ended.clone()).await.err(),
            store.accept(&delivery(2)).await.err(),
            store.beat(Timestamp::now()).await.err(),
            store.prune(Timestamp::now()).await.err(),
            store
                .note("lane", vec![("a".into(), "2".into())])
                .await
                .err(),
            store.forget("lane", vec!["a".into()]).await.err(),
        ];
        for refusal in refusals {
            let fault = refusal.expect("it is refused");
            assert!(matches!(fault, StoreError::NotHeld { .. }), "{fault:?}");
            assert_eq!(
                fault.to_string(),
                "another replica holds `cluster/prod` by now, and goes on with its work"
            );
        }
        assert!(!first.is_held() && !store.is_held());
        let store = &scene.stores[0];
        assert_eq!(store.open_work("prod", None, 9).await.unwrap().len(), 1);
        assert_eq!(
            store.notes("lane").await.unwrap(),
            [("a".into(), "1".into())]
        );
        assert_eq!(store.last_beat().await.unwrap(), None);
        // What everybody may write is written beside what is refused.
        let stale = store.under(first);
        let two = delivery(2);
        let (refused, taken) = tokio::join!(stale.write(ended.clone()), store.accept(&two));
        refused.unwrap_err();
        taken.unwrap();
        store.write(ended).await.unwrap();
        assert_eq!(store.open_work("prod", None, 9).await.unwrap(), []);
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn who_takes_over_waits_for_what_is_being_written_and_who_renews_does_not() {
    with_scene(async |scene| {
        let fence = scene.taken().await;
        // As the writer does it.
        scene.sql("BEGIN").await;
        scene.sql("SELECT 1 FROM lease FOR KEY SHARE").await;
        // Who waited for it would be refused, for it is written until we say so.
        scene.beat(0, from_ref(&fence)).await;
        let deadline = Instant::now() + SOON;
        let fault = loop {
            let taken = scene.leases[0].take(LEASE).await;
            match taken.expect_err("it is being written") {
                StoreError::Hangs if Instant::now() < deadline => {}
                fault => break fault,
            }
        };
        assert!(matches!(fault, StoreError::Locked { .. }), "{fault:?}");
        scene.sql("COMMIT").await;
        let next = scene.taken().await;
        assert!(scene.is_next(&next, fence.epoch()), "{next:?}");
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn replicas_hear_what_others_did_and_not_themselves() {
    with_scene(async |scene| {
        let mut listener = scene.stores[1].listener().unwrap();
        assert_eq!(listener.next().await, None, "it begins to listen");
        new(&scene.stores[1], 9).await;
        let fence = scene.taken().await;
        let store = scene.stores[0].under(fence.clone());
        let id = new(&store, 1).await;
        store
            .write(vec![matched(id, vec![object("web")])])
            .await
            .unwrap();
        store
            .note("question", vec![("a".into(), "?".into())])
            .await
            .unwrap();
        store
            .note("ledger", vec![("a".into(), "1".into())])
            .await
            .unwrap();
        scene.leases[0].give_back(&fence).await.unwrap();
        let expected = [
            News::Inbox,
            News::Work("prod".into()),
            News::Note("question"),
            News::Lease,
        ];
        for news in expected {
            assert_eq!(listener.next().await, Some(news));
        }
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn leases_outlive_a_server_that_ends_and_are_renewed_again() {
    let mut server = Postgres::start();
    block_on(async {
        let mut scene = Scene::open(&server).await;
        let mut listener = scene.stores[1].listener().unwrap();
        listener.next().await;
        let mut is_outlived = false;
        for _ in 0..5 {
            let taken_at = Instant::now();
            let fence = scene.taken().await;
            server.stop();
            scene.leases[0].beat(from_ref(&fence)).await.unwrap_err();
            let is_held = fence.is_held();
            assert!(is_held || taken_at.elapsed() >= ACT, "there is time left");
            server.start_again();
            let board = scene.beat(0, from_ref(&fence)).await;
            // Where the machine stood still, the server was not there again before it had run out.
            is_outlived = fence.is_held();
            if is_outlived {
                assert_eq!(board.leases[0].epoch, fence.epoch());
                break;
            }
            assert!(taken_at.elapsed() >= ACT, "it was not renewed");
        }
        assert!(is_outlived, "the server is never there again in time");
        assert_eq!(
            listener.next().await,
            None,
            "something may have been missed"
        );
        new(&scene.stores[0], 1).await;
        assert_eq!(listener.next().await, Some(News::Inbox));
        scene.close().await;
    });
}

/// The way to a database through a network that can fail.
fn through_proxy(url: &str) -> (Proxy, StoreUrl) {
    let (database, folder) = url.split_once("?host=").unwrap();
    let database = database.rsplit('/').next().unwrap();
    let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
    let proxy = Proxy::to(Server::Socket(socket));
    let url = format!("postgres://tests@{}/{database}?sslmode=disable", proxy.at);
    (proxy, StoreUrl::read(&url, Path::new("")).unwrap())
}

fn note(text: &str) -> Vec<(String, String)> {
    vec![("a".into(), text.into())]
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn who_writes_on_a_connection_that_the_network_forgot_can_write_again_within_seconds() {
    let server = Postgres::start();
    block_on(async {
        let direct = server.database().await;
        let (proxy, url) = through_proxy(&direct);
        let store = opened(&url).await;
        let mut leases = store.leases().unwrap();
        let fence = leases.take(LEASE).await.unwrap().unwrap();
        let held = store.under(fence.clone());
        held.note("lane", note("1")).await.unwrap();
        let mut by_hand = PgConnection::connect(&direct).await.unwrap();
        by_hand.execute("BEGIN").await.unwrap();
        // For this the writer waits in the middle of its transaction.
        by_hand
            .execute("SELECT 1 FROM lease FOR UPDATE")
            .await
            .unwrap();
        let writing = held.clone();
        let writing = tokio::spawn(async move { writing.note("lane", note("2")).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        let started = Instant::now();
        proxy.cut();
        proxy.mend();
        by_hand.execute("COMMIT").await.unwrap();
        let renewing = fence.clone();
        let renewing = tokio::spawn(async move {
            loop {
                let _ = leases.beat(from_ref(&renewing)).await;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        let fault = writing.await.unwrap().unwrap_err();
        assert!(matches!(fault, StoreError::Hangs), "{fault:?}");
        assert!(started.elapsed() < Duration::from_secs(8));
        while held.note("lane", note("3")).await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(12));
        }
        assert!(fence.is_held(), "it was renewed all the time");
        renewing.abort();
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn what_was_held_is_lost_when_a_standby_takes_over_and_taken_anew() {
    let mut server = Postgres::start();
    block_on(async {
        let (proxy, url) = through_proxy(&server.database().await);
        let store = opened(&url).await;
        let mut leases = store.leases().unwrap();
        let fence = leases.take(LEASE).await.unwrap().unwrap();
        let held = store.under(fence.clone());
        held.note("lane", note("1")).await.unwrap();
        // The same server again is the same history.
        server.stop();
        server.start_again();
        while leases.beat(from_ref(&fence)).await.is_err() {}
        held.note("lane", note("2")).await.unwrap();
        let standby = server.follow();
        leases.beat(from_ref(&fence)).await.unwrap();
        server.stop();
        proxy.lead_to(standby);
        server.promote();
        let fault = loop {
            match held.note("lane", note("3")).await {
                Err(StoreError::Unreachable { .. } | StoreError::Hangs) => {}
                written => break written.expect_err("the fence is of another history"),
            }
        };
        assert!(matches!(fault, StoreError::NotHeld { .. }), "{fault:?}");
        assert!(!fence.is_held());
        leases.beat(&[]).await.unwrap();
        let anew = leases.take(LEASE).await.unwrap().unwrap();
        assert_eq!(anew.epoch(), 2);
        store.under(anew).note("lane", note("4")).await.unwrap();
    });
}
