//! What another replica is asked through the store: few questions at once, none that is too long, and no such answer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Query};
use axum::routing::post;
use flux_setup::reconcile::{Duties, FLEET, Handover, LeaseMetrics, Roster, hear_others};
use flux_setup::server::answer_others;
use flux_setup::store::{ANSWER, Limits, QUESTION, Store, StoreUrl};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::service::{Answer, Service, Wanted, ask};
use crate::store::servers::{Postgres, block_on};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What is answered as the one that knows does.
#[derive(Clone)]
struct Knowing {
    /// Each answer takes one, and is told when there is one.
    gate: Arc<Semaphore>,
    asked: Arc<AtomicUsize>,
}

#[derive(Deserialize)]
struct Wish {
    bytes: usize,
}

/// One that is asked, and one that asks it; the first of them does what is done once.
struct Scene {
    asked: Service,
    asking: Service,
    knowing: Knowing,
    stop: CancellationToken,
    _postgres: Postgres,
}

impl Scene {
    async fn start(gate: usize) -> Self {
        let postgres = Postgres::start();
        let url = postgres.database().await;
        let url = StoreUrl::read(&url, Path::new("")).expect("it is one");
        let open = async || {
            let store = Store::open(&url, Limits::default()).await;
            store.expect("it can be opened")
        };
        let knowing = Knowing {
            gate: Arc::new(Semaphore::new(gate)),
            asked: Arc::default(),
        };
        let stop = CancellationToken::new();
        let roster = Roster::default();
        let store = open().await;
        // It may do nothing, so all that it is asked is another's.
        let duties = Duties {
            store: store.clone(),
            duties: Vec::new(),
            roster: roster.clone(),
            bell: Arc::default(),
            metrics: LeaseMetrics::default(),
            handover: Handover::default(),
            ends: CancellationToken::new(),
        };
        tokio::spawn(duties.run(stop.clone()));
        let asking = Service::with(Wanted {
            store: Some(store),
            roster: roster.clone(),
            ..Wanted::default()
        })
        .await;
        let asked = Service::with(Wanted {
            store: Some(open().await),
            ..Wanted::default()
        })
        .await;
        for service in [&asked, &asking] {
            let (store, ears) = (service.state.store.clone(), service.state.ears.clone());
            tokio::spawn(hear_others(store, ears, stop.clone()));
        }
        while roster.holds(FLEET) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self {
            asked,
            asking,
            knowing,
            stop,
            _postgres: postgres,
        }
    }

    fn answer_others(&self) {
        let Knowing { gate, asked } = self.knowing.clone();
        let explain = async move |Query(wish): Query<Wish>, _body: String| {
            asked.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.expect("it stays open").forget();
            format!("\"{}\"", "x".repeat(wish.bytes))
        };
        let explain = post(explain).layer(DefaultBodyLimit::disable());
        let routes = Router::new().route("/api/v1/explain", explain);
        let state = self.asked.state.clone();
        let store = state.store.clone();
        tokio::spawn(answer_others(store, state, routes, self.stop.clone()));
    }

    async fn ask(&self, body_bytes: usize, answer_bytes: usize) -> Answer {
        let request = format!(
            "POST /api/v1/explain?bytes={answer_bytes} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: text/plain\r\ncontent-length: {body_bytes}\r\n\r\n{}",
            "q".repeat(body_bytes)
        );
        ask(self.asking.at.api, request.as_bytes()).await
    }

    async fn noted(&self, subject: &str) -> usize {
        let names = self.asked.state.store.names_of_notes(subject, 1_000).await;
        names.expect("it can be read").len()
    }

    async fn wait(&self, what: &str, is_true: impl AsyncFn() -> bool) {
        let started = Instant::now();
        while !is_true().await {
            assert!(started.elapsed() < Duration::from_secs(30), "{what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn of_many_long_questions_few_are_asked_and_answered_at_once() {
    block_on(async {
        let scene = Scene::start(0).await;
        scene.answer_others();
        let gate = Arc::clone(&scene.knowing.gate);
        let asked = || scene.knowing.asked.load(Ordering::SeqCst);
        let looking = async {
            scene.wait("two are answered", async || asked() == 2).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!((asked(), scene.noted(QUESTION).await), (2, 4));
            gate.add_permits(8);
        };
        let questions = (0..8).map(|_| scene.ask(KIB * 256, KIB * 64));
        let (answers, ()) = tokio::join!(futures::future::join_all(questions), looking);
        for answer in answers {
            assert_eq!((answer.status, answer.body.len()), (200, KIB * 64 + 2));
        }
        scene
            .wait("nothing is left", async || {
                scene.noted(QUESTION).await + scene.noted(ANSWER).await == 0
            })
            .await;
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn who_is_answered_waits_for_no_other_answer_and_what_nobody_waits_for_is_forgotten() {
    block_on(async {
        let scene = Scene::start(1).await;
        let store = &scene.asking.state.store;
        let name = |age_seconds: i64, number: u32| {
            let at = Timestamp::now().as_microsecond() - age_seconds * 1_000_000;
            format!("{at:016x}-{number:08x}")
        };
        let question = json!({"method": "POST", "path": "/api/v1/explain?bytes=9", "body": ""});
        let old = [(name(601, 0), question.to_string())];
        let new = (0..9).map(|number| (name(0, number), question.to_string()));
        let answers = vec![(name(601, 7), "{}".into()), (name(9, 8), "{}".into())];
        store.note(ANSWER, answers).await.expect("it is noted");
        let questions = old.into_iter().chain(new).collect();
        store.note(QUESTION, questions).await.expect("it is noted");
        scene.answer_others();
        scene
            .wait("the first is answered", async || {
                (scene.noted(QUESTION).await, scene.noted(ANSWER).await) == (8, 2)
            })
            .await;
        scene.knowing.gate.add_permits(8);
        scene
            .wait("all are answered, and what is old is gone", async || {
                (scene.noted(QUESTION).await, scene.noted(ANSWER).await) == (0, 10)
            })
            .await;
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn what_is_too_long_to_be_passed_on_is_refused_with_the_way_out() {
    block_on(async {
        let scene = Scene::start(9).await;
        scene.answer_others();
        let answer = scene.ask(2 * MIB, 7 * MIB).await;
        assert_eq!((answer.status, answer.body.len()), (200, 7 * MIB + 2));
        let answer = scene.ask(2 * MIB + 1, 1).await;
        assert_eq!(
            (answer.status, answer.reason()),
            (
                413,
                "the body has more than 2 MiB, and no more is passed on to another replica, which knows it; ask that \
                 one itself"
                    .to_owned()
            )
        );
        let answer = scene.ask(1, 8 * MIB).await;
        assert_eq!(
            (answer.status, answer.reason()),
            (
                503,
                "the answer has more than 8 MiB, and no more is passed on from one replica to another; ask for less, \
                 or the replica itself that holds `fleet`"
                    .to_owned()
            )
        );
    });
}
