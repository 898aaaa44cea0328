//! What only PostgreSQL can do: end, hang, be shared, ask for TLS.

use std::path::Path;
use std::time::Duration;

use flux_setup::store::{Accepted, Limits, Store, StoreError};
use sqlx::{Connection, Executor, PgConnection};
use tokio::task::JoinSet;

use crate::machine::Stopwatch;

use super::servers::{Postgres, block_on};
use super::{StoreUrl, delivery, new, opened};

#[test]
#[ignore = "needs a PostgreSQL server"]
fn a_server_that_ends_loses_nothing_and_is_found_again() {
    let mut server = Postgres::start();
    block_on(async {
        let url = server.database().await;
        let url = StoreUrl::read(&url, Path::new("")).unwrap();
        let store = opened(&url).await;
        new(&store, 1).await;
        assert_eq!(store.unmatched(None, 9).await.unwrap().len(), 1);
        for round in 1..=2 {
            server.stop();
            for _ in 0..2 {
                let fault = store.accept(&delivery(9)).await.unwrap_err();
                assert!(matches!(fault, StoreError::Unreachable { .. }), "{fault:?}");
                assert_eq!(
                    fault.to_string(),
                    "PostgreSQL cannot be reached, or ended; once it can be, it goes on by itself"
                );
                store.unmatched(None, 9).await.unwrap_err();
            }
            server.start_again();
            store.check().await.unwrap();
            new(&store, round + 1).await;
            let kept = store.unmatched(None, 9).await.unwrap();
            assert_eq!(kept.len(), round as usize + 1);
            if round == 1 {
                // Ended and started again while nobody asked.
                server.stop();
                server.start_again();
                store.check().await.unwrap();
                assert_eq!(store.unmatched(None, 9).await.unwrap().len(), 2);
            }
        }
        store.close().await.unwrap();
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn a_server_that_hangs_holds_nobody_up_for_ever() {
    let mut server = Postgres::start();
    block_on(async {
        let url = server.database().await;
        let url = StoreUrl::read(&url, Path::new("")).unwrap();
        let store = opened(&url).await;
        new(&store, 1).await;
        store.unmatched(None, 9).await.unwrap();
        server.hang();
        let started = Stopwatch::start();
        let nine = delivery(9);
        let (accepted, asked) = tokio::join!(store.accept(&nine), store.unmatched(None, 9));
        accepted.unwrap_err();
        asked.unwrap_err();
        started.assert_within(Duration::from_secs(12), "to give up a server that hangs");
        server.go_on();
        new(&store, 2).await;
        let kept = store.unmatched(None, 9).await.unwrap();
        assert_eq!(kept.len(), 2);
        store.close().await.unwrap();
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn a_url_asks_for_tls_and_says_whom_to_trust() {
    let (server, certificate, port) = Postgres::start_with_tls();
    block_on(async {
        let url = format!("postgres://tests@localhost:{port}/postgres?sslmode=verify-full");
        let open = async |url: &str| {
            let url = StoreUrl::read(url, Path::new("")).unwrap();
            Store::open(&url, Limits::default()).await
        };
        let fault = open(&url).await.expect_err("nobody trusts the server");
        assert!(matches!(fault, StoreError::Unreachable { .. }), "{fault:?}");

        let url = format!("{url}&sslrootcert={}", certificate.display());
        let store = open(&url).await.unwrap();
        new(&store, 1).await;
        assert!(server.encrypted().await > 0);
        store.close().await.unwrap();
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn two_processes_that_get_one_delivery_at_once_keep_it_once() {
    let server = Postgres::start();
    block_on(async {
        let url = server.database().await;
        let url = StoreUrl::read(&url, Path::new("")).unwrap();
        // Each finds an empty database and makes the tables.
        let (one, other) = tokio::join!(opened(&url), opened(&url));
        let stores = [one, other];
        let mut callers = JoinSet::new();
        for number in 0..200 {
            for store in &stores {
                let store = store.clone();
                callers.spawn(async move { (number, store.accept(&delivery(number)).await) });
            }
        }
        let mut new = [0; 200];
        for (number, accepted) in callers.join_all().await {
            if let Accepted::New(_) = accepted.unwrap() {
                new[number as usize] += 1;
            }
        }
        assert_eq!(new, [1; 200]);
        let kept = stores[0].unmatched(None, 1_000).await.unwrap();
        assert_eq!(kept.len(), 200);
        assert_eq!(
            stores[1].counts().await.unwrap().deliveries["accepted"],
            200
        );
        for store in stores {
            store.close().await.unwrap();
        }
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn who_waits_for_others_that_read_is_told_so_and_the_server_is_not_taken_for_dead() {
    let server = Postgres::start();
    block_on(async {
        let text = server.database().await;
        let store = opened(&StoreUrl::read(&text, Path::new("")).unwrap()).await;
        new(&store, 1).await;
        let mut by_hand = PgConnection::connect(&text).await.unwrap();
        by_hand.execute("BEGIN").await.unwrap();
        by_hand.execute("LOCK TABLE delivery").await.unwrap();
        let mut reading = JoinSet::new();
        for _ in 0..20 {
            let store = store.clone();
            reading.spawn(async move { store.unmatched(None, 9).await });
        }
        // Whoever writes waits for none of them.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let started = Stopwatch::start();
        store.beat(jiff::Timestamp::now()).await.unwrap();
        started.assert_within(Duration::from_secs(2), "a write beside them");
        let faults = reading.join_all().await;
        let faults: Vec<StoreError> = faults.into_iter().filter_map(Result::err).collect();
        assert_eq!(faults.len(), 20);
        let busy = |fault: &&StoreError| matches!(fault, StoreError::Busy);
        assert!(faults.iter().filter(busy).count() >= 8, "{faults:?}");
        let dead = |fault: &&StoreError| matches!(fault, StoreError::Unreachable { .. });
        assert_eq!(faults.iter().find(dead).map(ToString::to_string), None);
        by_hand.execute("COMMIT").await.unwrap();
        assert_eq!(store.unmatched(None, 9).await.unwrap().len(), 1);
        store.close().await.unwrap();
    });
}
